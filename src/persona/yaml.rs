//! Expectations as lines of YAML: for the manifest and for the difference, the same lines.
//!
//! Must never: write a scalar that reads back as something else.

use serde_json::{Map, Value as Json};

use crate::manifest::kinds::Expectation;
use crate::manifest::{flow, scalar};

/// The parts of an expectation in the order they are written, and how many levels of each are mappings on lines of their own.
pub(super) const SECTIONS: [(&str, usize); 6] =
    [("lifecycle", 0), ("accounts", 2), ("groups", 1), ("entitlements", 3), ("departures", 1), ("findings", 0)];

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// how deep it stands, below `expect`
    pub(super) depth: usize,
    /// the keys that lead to it; of an item of a list, those of the list
    pub(super) path: Vec<String>,
    /// of an item of a list: its position and value
    pub(super) item: Option<(usize, Json)>,
    pub(super) text: String,
}

/// An expectation as JSON.
pub(super) fn as_json(expectation: &Expectation) -> Map<String, Json> {
    match serde_json::to_value(expectation) {
        Ok(Json::Object(map)) => map,
        _ => Map::new(),
    }
}

/// All lines of an expectation.
pub(super) fn lines(expectation: &Expectation) -> Vec<Line> {
    let all = as_json(expectation);
    let mut lines = Vec::new();
    for (name, levels) in SECTIONS {
        if let Some(value) = all.get(name) {
            value_lines(&mut vec![name.to_owned()], value, levels, &mut lines);
        }
    }
    lines
}

/// The lines of the value that a path leads to.
pub(super) fn value_lines(path: &mut Vec<String>, value: &Json, levels: usize, out: &mut Vec<Line>) {
    let depth = path.len().saturating_sub(1);
    let key = path.last().map(|key| scalar(key)).unwrap_or_default();
    let line = |text: String| Line { depth, path: path.clone(), item: None, text };
    match value {
        Json::Object(fields) if levels > 0 && !fields.is_empty() => {
            out.push(line(format!("{key}:")));
            for (name, value) in fields {
                path.push(name.clone());
                value_lines(path, value, levels - 1, out);
                path.pop();
            }
        }
        Json::Array(items) if !items.is_empty() => {
            out.push(line(format!("{key}:")));
            out.extend(items.iter().enumerate().map(|(at, item)| item_line(path, at, item)));
        }
        _ => out.push(line(format!("{key}: {}", flow(value)))),
    }
}

/// The line of one item of a list.
pub(super) fn item_line(path: &[String], at: usize, item: &Json) -> Line {
    Line { depth: path.len().saturating_sub(1), path: path.to_vec(), item: Some((at, item.clone())), text: format!("- {}", flow(item)) }
}
