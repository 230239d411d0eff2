//! The compiled form of an expression, and how it is written out again.

use std::fmt;
use std::sync::Arc;

use super::date::Format;
use super::datum::Datum;
use super::function::Function;
use super::syntax::{Comparison, Operator, Quoted};
use crate::model::Table;

/// One step of an expression. Every name in it is resolved.
#[derive(Debug)]
pub(super) enum Node {
    Literal(Datum<'static>),
    /// a position of [`super::Expression::reads`]
    Input(usize),
    /// a loop's variable, by position, and its name
    Local(usize, Box<str>),
    /// a field of a value
    Field(Box<Node>, Box<str>),
    Index(Box<Node>, Box<Node>),
    /// `has` of an input
    Has(usize),
    /// `has` of a value's field
    HasField(Box<Node>, Box<str>),
    Not(Box<Node>),
    Negate(Box<Node>),
    /// two or more terms
    And(Box<[Node]>),
    Or(Box<[Node]>),
    /// condition, then, else
    Choice(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    Math(Operator, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Call(&'static Function, Box<[Node]>),
    Matches(Box<Node>, Box<regex::Regex>),
    Date(Box<Node>, Box<Format>),
    Lookup(Arc<Table>, Box<Node>),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Loop(Box<Loop>),
}

/// `list.exists(x, …)` and its kin.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) over: Node,
    pub(super) variable: Box<str>,
    /// for `map` with three arguments
    pub(super) only: Option<Node>,
    pub(super) body: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// A node with the names it needs to be written out.
pub(super) struct Written<'a> {
    pub(super) node: &'a Node,
    pub(super) root: &'static str,
    pub(super) reads: &'a [Arc<str>],
}

impl LoopKind {
    pub(super) fn of(name: &str, arguments: usize) -> Option<Self> {
        Some(match (name, arguments) {
            ("all", 2) => Self::All,
            ("exists", 2) => Self::Exists,
            ("exists_one" | "existsOne", 2) => Self::ExistsOne,
            ("filter", 2) => Self::Filter,
            ("map", 2 | 3) => Self::Map,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }
}

impl<'a> Written<'a> {
    fn of(&self, node: &'a Node) -> Written<'a> {
        Written { node, root: self.root, reads: self.reads }
    }

    /// In brackets unless it binds tighter than anything around it.
    fn tight(&self, node: &'a Node) -> String {
        let loose = matches!(
            node,
            Node::And(_) | Node::Or(_) | Node::Choice(_) | Node::Compare(..) | Node::Math(..) | Node::In(_) | Node::Negate(_)
        );
        if loose { format!("({})", self.of(node)) } else { self.of(node).to_string() }
    }

    fn path(&self, at: usize) -> String {
        let path = self.reads.get(at).map_or("", |path| path);
        let outcome = super::outcome_of_path(path).filter(|_| self.root == super::Root::Mapping.name());
        let mut text = outcome.map_or(self.root, |_| super::Root::Account.name()).to_owned();
        for segment in super::segments_of_path(outcome.unwrap_or(path)) {
            // Of an exchange the variable stands first.
            if text.is_empty() { text.push_str(&segment) } else { text.push_str(&field(&segment)) }
        }
        text
    }

    fn comma(&self, nodes: impl Iterator<Item = &'a Node>) -> String {
        nodes.map(|node| self.of(node).to_string()).collect::<Vec<_>>().join(", ")
    }

    fn terms(&self, terms: &'a [Node], sign: &str) -> String {
        terms.iter().map(|term| self.tight(term)).collect::<Vec<_>>().join(sign)
    }

    fn loop_text(&self, each: &'a Loop) -> String {
        let only = each.only.as_ref().map(|only| format!("{}, ", self.of(only))).unwrap_or_default();
        format!("{}.{}({}, {only}{})", self.tight(&each.over), each.kind.name(), each.variable, self.of(&each.body))
    }
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Node::Literal(value) => write!(out, "{value}"),
            Node::Input(at) => out.write_str(&self.path(*at)),
            Node::Local(_, name) => out.write_str(name),
            Node::Field(of, name) => write!(out, "{}{}", self.tight(of), field(name)),
            Node::Index(of, index) => write!(out, "{}[{}]", self.tight(of), self.of(index)),
            Node::Has(at) => write!(out, "has({})", self.path(*at)),
            Node::HasField(of, name) => write!(out, "has({}{})", self.tight(of), field(name)),
            Node::Not(of) => write!(out, "!{}", self.tight(of)),
            // A minus before a number would belong to it.
            Node::Negate(of) if matches!(of.as_ref(), Node::Literal(_)) => write!(out, "-({})", self.of(of)),
            Node::Negate(of) => write!(out, "-{}", self.tight(of)),
            Node::And(terms) => out.write_str(&self.terms(terms, " && ")),
            Node::Or(terms) => out.write_str(&self.terms(terms, " || ")),
            Node::Choice(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                write!(out, "{} ? {} : {}", self.tight(condition), self.tight(then), self.tight(otherwise))
            }
            Node::Compare(comparison, sides) => write!(out, "{} {} {}", self.tight(&sides[0]), comparison.symbol(), self.tight(&sides[1])),
            Node::Math(operator, sides) => write!(out, "{} {} {}", self.tight(&sides[0]), operator.symbol(), self.tight(&sides[1])),
            Node::In(sides) => write!(out, "{} in {}", self.tight(&sides[0]), self.tight(&sides[1])),
            Node::Call(function, arguments) => write!(out, "{}({})", function.name, self.comma(arguments.iter())),
            Node::Matches(of, pattern) => write!(out, "matches({}, {})", self.of(of), Quoted(pattern.as_str())),
            Node::Date(of, format) => write!(out, "date({}{format})", self.of(of)),
            Node::Lookup(table, key) => write!(out, "lookup({}, {})", Quoted(&table.name), self.of(key)),
            Node::List(items) => write!(out, "[{}]", self.comma(items.iter())),
            Node::Map(entries) => {
                let entries: Vec<_> = entries.iter().map(|(name, value)| format!("{}: {}", self.of(name), self.of(value))).collect();
                write!(out, "{{{}}}", entries.join(", "))
            }
            Node::Loop(each) => out.write_str(&self.loop_text(each)),
        }
    }
}

/// `.name`, or `["any name"]`.
fn field(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
        && !matches!(name, "in" | "true" | "false" | "null");
    if plain { format!(".{name}") } else { format!("[{}]", Quoted(name)) }
}
