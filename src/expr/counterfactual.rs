//! What would have to be otherwise for a condition to come out the other way, in words, for `explain`.

use super::datum::Datum;
use super::eval::Run;
use super::node::Node;
use super::syntax::Comparison;
use super::{Expression, Input};

/// Longest answer, in bytes: beyond it nobody reads, and the expression itself says it better.
const LONGEST: usize = 400;

impl Expression {
    /// What would turn the condition round: `identity.department were "Sales" (it is "Support")`. Nothing where no single answer can be given.
    pub fn counterfactual(&self, inputs: &[Input<'_>]) -> Option<String> {
        let holds = self.holds(inputs).ok()?;
        let words = Counterfactual { expression: self, inputs }.turn(&self.node, !holds)?;
        (words.len() <= LONGEST).then_some(words)
    }
}

struct Counterfactual<'a> {
    expression: &'a Expression,
    inputs: &'a [Input<'a>],
}

impl<'a> Counterfactual<'a> {
    /// What must be otherwise for a part to come to `wish`. Of parts that must all hold, those that hold already need not be told.
    fn turn(&self, node: &'a Node, wish: bool) -> Option<String> {
        match node {
            Node::Literal(_) => None,
            Node::Not(of) => self.turn(of, !wish),
            Node::And(terms) => self.several(terms, wish, wish),
            Node::Or(terms) => self.several(terms, wish, !wish),
            Node::Compare(comparison, sides) => Some(self.compared(*comparison, sides, wish, node)),
            Node::In(sides) => {
                let not = if wish { "in" } else { "not in" };
                Some(format!("{} were {not} {}{}", self.text(&sides[0]), self.text(&sides[1]), self.now(&sides[0])))
            }
            Node::Has(_) | Node::HasField(..) => {
                let text = self.text(node);
                let path = text.trim_start_matches("has(").trim_end_matches(')');
                Some(format!("{path} had {} value", if wish { "a" } else { "no" }))
            }
            _ => Some(format!("{} were {wish}", self.text(node))),
        }
    }

    /// `all`: each must come to the wish; else one of them is enough.
    fn several(&self, terms: &'a [Node], wish: bool, all: bool) -> Option<String> {
        let open: Vec<&Node> = terms.iter().filter(|part| !all || self.is(part) != Some(wish)).collect();
        let words: Vec<String> = open.iter().filter_map(|part| self.turn(part, wish)).collect();
        match words.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => Some(several.join(if all { " and " } else { " or " })),
        }
    }

    fn compared(&self, comparison: Comparison, sides: &'a [Node; 2], wish: bool, node: &'a Node) -> String {
        let equal = match comparison {
            Comparison::Equal => wish,
            Comparison::NotEqual => !wish,
            _ if wish => return format!("{} held{}", self.text(node), self.now(&sides[0])),
            _ => return format!("{} did not hold{}", self.text(node), self.now(&sides[0])),
        };
        let (path, value) = if matches!(sides[0], Node::Literal(_)) { (&sides[1], &sides[0]) } else { (&sides[0], &sides[1]) };
        let not = if equal { "" } else { "not " };
        // What it is now is the very value that it must not be.
        let now = if equal { self.now(path) } else { String::new() };
        format!("{} were {not}{}{now}", self.text(path), self.text(value))
    }

    fn is(&self, node: &'a Node) -> Option<bool> {
        match node.eval(&mut Run::new(self.expression, self.inputs)) {
            Ok(Datum::Bool(value)) => Some(value),
            Ok(Datum::Null) => Some(false),
            _ => None,
        }
    }

    fn text(&self, node: &'a Node) -> String {
        Run::new(self.expression, self.inputs).write(node).to_string()
    }

    /// What a part is now, unless that is a secret.
    fn now(&self, node: &'a Node) -> String {
        let mut run = Run::new(self.expression, self.inputs);
        if matches!(node, Node::Literal(_)) || self.expression.sensitive {
            return String::new();
        }
        match node.eval(&mut run) {
            Ok(Datum::Null) if run.read_missing => " (it is missing)".into(),
            Ok(value) => format!(" (it is {})", super::trace::shortened(&value)),
            Err(_) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Root;
    use super::*;
    use crate::model::{Tables, Value};

    fn counterfactual(text: &str, department: &str) -> String {
        let expression = Expression::compile(text, Root::Identity, &Tables::default()).unwrap();
        let (department, title) = (Value::text(department), Value::text("Boss"));
        let input = |path: &str| match path {
            "department" => Input::Value(&department),
            "title" => Input::Value(&title),
            _ => Input::Cell(crate::model::Cell::Missing),
        };
        let inputs: Vec<_> = expression.reads().iter().map(|path| input(path)).collect();
        expression.counterfactual(&inputs).unwrap_or_else(|| "nothing".into())
    }

    #[test]
    fn what_would_turn_a_condition_round() {
        let cases = [
            ("identity.department == \"Sales\"", "identity.department were \"Sales\" (it is \"Support\")"),
            ("\"Support\" == identity.department", "identity.department were not \"Support\""),
            ("identity.department != \"Support\"", "identity.department were not \"Support\""),
            ("identity.department in [\"Sales\", \"Legal\"]", "identity.department were in [\"Sales\", \"Legal\"] (it is \"Support\")"),
            ("identity.department == \"Sales\" && identity.title == \"Boss\"", "identity.department were \"Sales\" (it is \"Support\")"),
            (
                "identity.department == \"Sales\" || identity.title == \"Aide\"",
                "identity.department were \"Sales\" (it is \"Support\") or identity.title were \"Aide\" (it is \"Boss\")",
            ),
            (
                "identity.department == \"Support\" && identity.title == \"Boss\"",
                "identity.department were not \"Support\" or identity.title were not \"Boss\"",
            ),
            ("!(identity.department == \"Support\")", "identity.department were not \"Support\""),
            ("has(identity.locale)", "identity.locale had a value"),
            ("identity.department.startsWith(\"Sal\")", "startsWith(identity.department, \"Sal\") were true"),
            ("identity.custom.level >= 3", "identity.custom.level >= 3 held (it is missing)"),
            ("true", "nothing"),
        ];
        for (text, expected) in cases {
            assert_eq!(counterfactual(text, "Support"), expected, "{text}");
        }
    }
}
