//! The expected against what came, line by line: exactly what is missing, unexpected or different, with the lines it stands below.
//!
//! Must never: take two values for the same that a target would hold apart. Only the order of lists says nothing.

use serde_json::Value as Json;

use super::yaml::{self, Line, SECTIONS};
use crate::manifest::kinds::Expectation;
use crate::manifest::scalar;
use crate::model::Side;

/// All differences; none where everything is as expected.
pub(super) fn compare(expected: &Expectation, actual: &Expectation) -> Vec<(Side, Line)> {
    let (expected, actual) = (yaml::as_json(expected), yaml::as_json(actual));
    let mut out = Vec::new();
    for (name, levels) in SECTIONS {
        values(&mut vec![name.to_owned()], expected.get(name), actual.get(name), levels, &mut out);
    }
    out
}

/// How a line of a difference stands to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Relation {
    /// an expected one: something else came in its place
    pub(super) answered: bool,
    /// all that it stands below is of the same side
    pub(super) within: bool,
    /// further lines of the same side stand below it
    pub(super) above: bool,
}

/// Each line with how it stands to the others.
pub(super) fn with_relations(lines: Vec<(Side, Line)>) -> Vec<(Side, Line, Relation)> {
    let relation = |at: usize| {
        let (side, line) = &lines[at];
        let is_parent = |one: &Line, other: &Line| {
            one.item.is_none() && other.path.starts_with(&one.path) && (other.path.len() > one.path.len() || other.item.is_some())
        };
        let same = |(other, _): &&(Side, Line)| other == side;
        Relation {
            answered: lines.iter().any(|(side, other)| *side == Side::Actual && line.item.is_none() && other.path == line.path),
            // The first key names a section; whoever stands alone in one stands alone.
            within: lines[..at].iter().filter(same).any(|(_, other)| other.path.len() > 1 && is_parent(other, line)),
            above: lines[at + 1..].iter().filter(same).any(|(_, other)| is_parent(line, other)),
        }
    };
    let relations: Vec<Relation> = (0..lines.len()).map(relation).collect();
    lines.into_iter().zip(relations).map(|((side, line), relation)| (side, line, relation)).collect()
}

fn values(path: &mut Vec<String>, expected: Option<&Json>, actual: Option<&Json>, levels: usize, out: &mut Vec<(Side, Line)>) {
    match (expected, actual) {
        (Some(one), Some(other)) if same(one, other) => {}
        (Some(Json::Object(one)), Some(Json::Object(other))) if levels > 0 => {
            out.push((Side::Both, heading(path)));
            let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                path.push(name.clone());
                values(path, one.get(name), other.get(name), levels - 1, out);
                path.pop();
            }
        }
        (Some(Json::Array(one)), Some(Json::Array(other))) => {
            out.push((Side::Both, heading(path)));
            out.extend(left_over(one, other).into_iter().map(|at| (Side::Expected, yaml::item_line(path, at, &one[at]))));
            out.extend(left_over(other, one).into_iter().map(|at| (Side::Actual, yaml::item_line(path, at, &other[at]))));
        }
        (one, other) => {
            for (side, value) in [(Side::Expected, one), (Side::Actual, other)] {
                let mut lines = Vec::new();
                if let Some(value) = value {
                    yaml::value_lines(path, value, levels, &mut lines);
                }
                out.extend(lines.into_iter().map(|line| (side, line)));
            }
        }
    }
}

fn heading(path: &[String]) -> Line {
    let text = path.last().map(|key| format!("{}:", scalar(key))).unwrap_or_default();
    Line { depth: path.len().saturating_sub(1), path: path.to_vec(), item: None, text }
}

/// Positions of items that have no counterpart.
fn left_over(items: &[Json], others: &[Json]) -> Vec<usize> {
    let mut free: Vec<&Json> = others.iter().collect();
    let unmatched = items.iter().enumerate().filter(|(_, item)| match free.iter().position(|other| same(item, other)) {
        Some(found) => {
            free.swap_remove(found);
            false
        }
        None => true,
    });
    unmatched.map(|(at, _)| at).collect()
}

fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Array(items), Json::Array(others)) => items.len() == others.len() && left_over(items, others).is_empty(),
        (Json::Object(fields), Json::Object(others)) => {
            fields.len() == others.len() && fields.iter().all(|(name, value)| others.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    fn told(expected: Json, actual: Json) -> String {
        let read = |json| serde_json::from_value::<Expectation>(json).unwrap();
        let sign = |side| match side {
            Side::Both => ' ',
            Side::Expected => '-',
            Side::Actual => '+',
        };
        let lines = compare(&read(expected), &read(actual));
        lines.iter().map(|(side, line)| format!("{} {}{}", sign(*side), "  ".repeat(line.depth), line.text)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn lists_are_sets_and_everything_else_is_exact() {
        let one = json!({"lifecycle": "active", "accounts": {"chat": {"emails": [{"value": "a", "type": "work"}, "b"], "title": "1"}}, "groups": {"chat": ["A", "B"]}});
        let other = json!({"lifecycle": "active", "accounts": {"chat": {"emails": ["b", {"type": "work", "value": "a"}], "title": "1"}}, "groups": {"chat": ["B", "A"]}});
        assert_eq!(told(one.clone(), other), "");
        let other = json!({"lifecycle": "leaver", "accounts": {"chat": {"emails": ["b", "b"], "title": 1}, "mail": {"userName": "jane"}}, "departures": {"chat": "keep"}});
        assert_snapshot!(told(one, other), @r###"
        - lifecycle: active
        + lifecycle: leaver
          accounts:
            chat:
              emails:
        -     - {value: a, type: work}
        +     - b
        -     title: "1"
        +     title: 1
        +   mail:
        +     userName: jane
        - groups:
        -   chat:
        -   - A
        -   - B
        + departures:
        +   chat: keep
        "###);
    }
}
