//! Whether a condition holds only because something is not there: `record.status != "active"` of a record without a status says nothing of anybody.
//!
//! Must never: doubt what asks for absence itself: `has(x)`, `x == null`, `default(x, y)`.

use super::datum::Datum;
use super::eval::Run;
use super::node::Node;
use super::syntax::Comparison;
use super::{Expression, Input};

impl Expression {
    /// Of a condition that holds: a path that is not there (`record.status`), where it may as well not hold if that was there. Nothing where the rest of it decides.
    pub fn rests_on_absent(&self, inputs: &[Input<'_>]) -> Option<String> {
        let look = Look { expression: self, inputs };
        if look.says(&self.node).is_some() {
            return None;
        }
        look.absent(&self.node).map(|node| Run::new(self, inputs).write(node).to_string())
    }
}

struct Look<'a> {
    expression: &'a Expression,
    inputs: &'a [Input<'a>],
}

impl<'a> Look<'a> {
    /// What a part comes to whatever stands in the place of what is not there; nothing where that decides.
    fn says(&self, node: &'a Node) -> Option<bool> {
        match node {
            Node::Not(of) => self.says(of).map(|says| !says),
            Node::And(terms) => self.decided(terms, false),
            Node::Or(terms) => self.decided(terms, true),
            Node::Choice(parts) => match self.says(&parts[0])? {
                true => self.says(&parts[1]),
                false => self.says(&parts[2]),
            },
            _ if self.absent(node).is_some() => None,
            _ => match node.eval(&mut Run::new(self.expression, self.inputs)) {
                Ok(Datum::Bool(value)) => Some(value),
                Ok(Datum::Null) => Some(false),
                _ => None,
            },
        }
    }

    /// One term that comes to `by` decides; else all must be known.
    fn decided(&self, terms: &'a [Node], by: bool) -> Option<bool> {
        let mut known = true;
        for says in terms.iter().map(|term| self.says(term)) {
            match says {
                Some(says) if says == by => return Some(by),
                Some(_) => {}
                None => known = false,
            }
        }
        known.then_some(!by)
    }

    /// An input that is not there and that a part reads without asking whether it is.
    fn absent(&self, node: &'a Node) -> Option<&'a Node> {
        match node {
            Node::Input(at) => is_absent(self.inputs.get(*at).copied()).then_some(node),
            Node::Literal(_) | Node::Local(..) | Node::Has(_) | Node::HasField(..) => None,
            Node::Compare(Comparison::Equal | Comparison::NotEqual, sides) if sides.iter().any(is_null) => None,
            Node::Call(function, arguments) if function.takes_null => self.any(arguments.iter().skip(1)),
            Node::Field(of, _) | Node::Not(of) | Node::Negate(of) | Node::Matches(of, _) | Node::Date(of, _) | Node::Lookup(_, of) => {
                self.absent(of)
            }
            Node::Index(of, at) => self.absent(of).or_else(|| self.absent(at)),
            Node::And(nodes) | Node::Or(nodes) | Node::Call(_, nodes) | Node::List(nodes) => self.any(nodes.iter()),
            Node::Choice(nodes) => self.any(nodes.iter()),
            Node::Compare(_, nodes) | Node::Math(_, nodes) | Node::In(nodes) => self.any(nodes.iter()),
            Node::Map(entries) => self.any(entries.iter().flat_map(|(name, value)| [name, value])),
            Node::Loop(each) => self.any([&each.over, &each.body].into_iter().chain(&each.only)),
        }
    }

    fn any(&self, nodes: impl IntoIterator<Item = &'a Node>) -> Option<&'a Node> {
        nodes.into_iter().find_map(|node| self.absent(node))
    }
}

fn is_absent(input: Option<Input<'_>>) -> bool {
    input.and_then(Datum::from_input).is_none_or(|value| matches!(value, Datum::Null))
}

fn is_null(node: &Node) -> bool {
    matches!(node, Node::Literal(Datum::Null))
}

#[cfg(test)]
mod tests {
    use super::super::Root;
    use super::*;
    use crate::model::{Cell, Tables};

    #[test]
    fn what_holds_only_without_a_value_says_nothing() {
        let rests = |text: &str, there: &[(&str, Cell<'static>)]| {
            let expression = Expression::compile(text, Root::Record, &Tables::default()).expect("it compiles");
            let input = |path: &str| there.iter().find(|(name, _)| *name == path).map_or(Cell::Missing, |(_, cell)| *cell);
            let inputs: Vec<_> = expression.reads().iter().map(|path| Input::Cell(input(path))).collect();
            expression.rests_on_absent(&inputs)
        };
        let (off, no) = (Cell::Text("inactive"), Cell::Bool(false));
        for text in
            ["record.status != \"active\"", "!(lower(record.status) == \"active\")", "!(record.status in [\"active\"])", "!record.status"]
        {
            assert_eq!(rests(text, &[]).as_deref(), Some("record.status"), "{text}");
            assert_eq!(rests(text, &[("status", Cell::Null)]).as_deref(), Some("record.status"), "{text}");
        }
        assert_eq!(rests("record.status != \"active\"", &[("status", off)]), None);
        let merge = "!(record.status == \"active\" && !default(record.deleted, false))";
        assert_eq!(rests(merge, &[("deleted", no)]).as_deref(), Some("record.status"));
        assert_eq!(rests(merge, &[("deleted", Cell::Bool(true))]), None, "the rest of it decides");
        assert_eq!(rests("record.status == \"inactive\" || record.end == \"x\"", &[("status", off)]), None);
        for asked in
            ["!has(record.status)", "record.status == null", "!default(record.status, false)", "default(record.status, \"\") != \"active\""]
        {
            assert_eq!(rests(asked, &[]), None, "{asked}");
        }
    }
}
