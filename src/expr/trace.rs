//! What the parts of an expression came to, for `explain` and `why`.

use std::fmt::Write;

use super::datum::Datum;
use super::eval::Run;
use super::node::Node;
use super::{Expression, Input};
use crate::model::HIDDEN;

/// Longest value that is shown, in bytes.
const SHOWN: usize = 300;

impl Expression {
    /// The comparisons and paths that the result hangs on, in reading order, each as it is written and with its value.
    pub fn trace(&self, inputs: &[Input<'_>]) -> Vec<(String, String)> {
        let mut parts = Vec::new();
        collect(&self.node, &mut parts);
        let mut lines: Vec<(String, String)> = Vec::new();
        for part in parts {
            let mut run = Run::new(self, inputs);
            let text = run.write(part).to_string();
            if lines.iter().any(|(known, _)| *known == text) {
                continue;
            }
            let value = match part.eval(&mut run) {
                Ok(Datum::Null) if run.read_missing => "missing".into(),
                Ok(_) if self.sensitive => HIDDEN.into(),
                Ok(value) => shortened(&value),
                Err(failure) => failure.0,
            };
            lines.push((text, value));
        }
        lines
    }
}

/// A value as far as people read it.
pub(super) fn shortened(value: &Datum<'_>) -> String {
    let mut short = Short(String::new());
    match write!(short, "{value}") {
        Ok(()) => short.0,
        Err(_) => short.0 + "…",
    }
}

/// Stops the writing of what is too long.
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let left = SHOWN.saturating_sub(self.0.len());
        let fits = text.floor_char_boundary(left);
        self.0.push_str(text.get(..fits).unwrap_or_default());
        if fits < text.len() { Err(std::fmt::Error) } else { Ok(()) }
    }
}

/// Decisions are taken apart; what decides stands whole, and is followed by the paths in it.
fn collect<'a>(node: &'a Node, parts: &mut Vec<&'a Node>) {
    match node {
        Node::Literal(_) | Node::Local(..) => {}
        Node::Input(_) | Node::Has(_) => parts.push(node),
        Node::And(terms) | Node::Or(terms) => terms.iter().for_each(|term| collect(term, parts)),
        Node::Not(of) | Node::Negate(of) => collect(of, parts),
        Node::Choice(branches) => branches.iter().for_each(|branch| collect(branch, parts)),
        Node::List(items) => items.iter().for_each(|item| collect(item, parts)),
        Node::Map(entries) => entries.iter().for_each(|(_, value)| collect(value, parts)),
        Node::Field(of, _) | Node::HasField(of, _) => whole(node, &[of], parts),
        Node::Index(of, at) => whole(node, &[of, at], parts),
        Node::Compare(_, sides) | Node::In(sides) | Node::Math(_, sides) => whole(node, &[&sides[0], &sides[1]], parts),
        Node::Call(_, arguments) => whole(node, &arguments.iter().collect::<Vec<_>>(), parts),
        Node::Matches(of, _) | Node::Date(of, _) | Node::Lookup(_, of) => whole(node, &[of], parts),
        Node::Loop(each) => whole(node, &[&each.over], parts),
    }
}

/// Nothing inside a loop: it has no value without its rounds.
fn whole<'a>(node: &'a Node, below: &[&'a Node], parts: &mut Vec<&'a Node>) {
    parts.push(node);
    below.iter().for_each(|node| collect(node, parts));
}
