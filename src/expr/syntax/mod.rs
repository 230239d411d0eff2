//! Text to a syntax tree: all of CEL's grammar, each part with its exact place. What of CEL headcount does not have is told by `check`, by its name.
//!
//! The grammar is that of CEL's language definition. What people write by habit from other languages (`=`, `and`, `“…”`) is told and read as what was
//! meant, so that one look finds every mistake. Must never: panic on any text; recurse or build a tree beyond its bounds; know what a name means.

mod cursor;
mod grammar;
mod quoted;
mod slips;
#[cfg(test)]
mod tests;
mod token;

use std::borrow::Cow;

pub(super) use quoted::Quoted;

use super::Problem;

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 2048;
/// Brackets in each other; CEL asks for at least 12.
const MAX_BRACKETS: usize = 32;
/// Deepest tree: `1+1+1…` is one level a term. What walks a tree may recurse this deep.
const MAX_DEPTH: u8 = 100;
/// Beyond so many problems nobody reads.
const MAX_PROBLEMS: usize = 10;

/// Bytes of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A part of an expression. What stands in brackets has them in its span.
#[derive(Clone, Debug)]
pub(super) struct Tree<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) span: Span,
    depth: u8,
}

#[derive(Clone, Debug)]
pub(super) enum Kind<'t> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Cow<'t, str>),
    Bytes(Vec<u8>),
    Name(&'t str),
    /// `.name`, `.f(x)`, `.a.B{}`: from the outermost scope
    Rooted(Box<Tree<'t>>),
    Field(Box<Member<'t>>),
    Index(Box<Index<'t>>),
    Call(Box<Call<'t>>),
    Not(Box<Tree<'t>>),
    Negate(Box<Tree<'t>>),
    /// two or more terms
    And(Vec<Tree<'t>>),
    Or(Vec<Tree<'t>>),
    Compare(Comparison, Box<[Tree<'t>; 2]>),
    Math(Operator, Box<[Tree<'t>; 2]>),
    In(Box<[Tree<'t>; 2]>),
    /// condition, then, else
    Choice(Box<[Tree<'t>; 3]>),
    List(Vec<Tree<'t>>),
    Map(Vec<(Tree<'t>, Tree<'t>)>),
    /// `?x` as an item or as a key
    Optional(Box<Tree<'t>>),
    Message(Box<Message<'t>>),
    /// what was meant here can't be known; it was told
    Unread,
}

/// A name where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'t> {
    pub(super) text: &'t str,
    pub(super) span: Span,
}

/// `of.name`, `of.?name`
#[derive(Clone, Debug)]
pub(super) struct Member<'t> {
    pub(super) of: Tree<'t>,
    pub(super) name: Name<'t>,
    pub(super) optional: bool,
}

/// `of[at]`, `of[?at]`
#[derive(Clone, Debug)]
pub(super) struct Index<'t> {
    pub(super) of: Tree<'t>,
    pub(super) at: Tree<'t>,
    pub(super) optional: bool,
}

/// `name(arguments)`, `of.name(arguments)`
#[derive(Clone, Debug)]
pub(super) struct Call<'t> {
    pub(super) of: Option<Tree<'t>>,
    pub(super) name: Name<'t>,
    pub(super) arguments: Vec<Tree<'t>>,
}

/// `name.of.type{field: value}`; a field may be optional
#[derive(Clone, Debug)]
pub(super) struct Message<'t> {
    pub(super) name: Vec<&'t str>,
    pub(super) fields: Vec<(Tree<'t>, Tree<'t>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// What a text is, as far as it can be read, and everything that is wrong with it.
pub(super) struct Parsed<'t> {
    /// there unless what is wrong hides what was meant
    pub(super) tree: Option<Tree<'t>>,
    pub(super) problems: Vec<Problem>,
}

/// Reads a text.
pub(super) fn parse(text: &str) -> Parsed<'_> {
    if let Err(problem) = fence(text) {
        return Parsed { tree: None, problems: vec![problem] };
    }
    let tokens = token::read(text);
    if !tokens.whole {
        return Parsed { tree: None, problems: in_order(tokens.problems) };
    }
    let (tree, mut problems) = grammar::read(text, tokens.list);
    problems.extend(tokens.problems);
    Parsed { tree, problems: in_order(problems) }
}

/// By place, one a place, as many as anybody reads.
pub(super) fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| problem.offset);
    problems.dedup_by_key(|problem| problem.offset);
    problems.truncate(MAX_PROBLEMS);
    problems
}

fn fence(text: &str) -> Result<(), Problem> {
    let whole = Span { start: 0, end: text.len() };
    if text.trim().is_empty() {
        return Err(whole.problem("the expression is empty", "leave the key out, or write an expression"));
    }
    if text.len() > MAX_LENGTH {
        return Err(whole.problem("the expression is longer than 2048 bytes", "split it into several rules"));
    }
    Ok(())
}

impl Span {
    /// From the start of this to the end of another.
    pub(super) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }

    pub(super) fn problem(self, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        Problem { offset: self.start, length: self.end.saturating_sub(self.start), message: message.into(), hint: Some(hint.into()) }
    }

    /// What stands there.
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Line and column, from 1, in words.
    fn place(self, text: &str) -> String {
        let before = text.get(..self.start).unwrap_or_default();
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        if text.trim_end().contains('\n') { format!("line {}, column {column}", line + 1) } else { format!("column {column}") }
    }
}

impl<'t> Tree<'t> {
    /// Nothing where the tree would be deeper than its bound.
    fn new(kind: Kind<'t>, span: Span) -> Option<Self> {
        let mut below = 0;
        kind.each_part(|part| below = below.max(part.depth));
        let depth = below.saturating_add(1);
        (depth <= MAX_DEPTH).then_some(Self { kind, span, depth })
    }
}

impl<'t> Kind<'t> {
    fn each_part<'p>(&'p self, mut look: impl FnMut(&'p Tree<'t>)) {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Uint(_) | Self::Double(_) | Self::Text(_) | Self::Bytes(_) => {}
            Self::Name(_) | Self::Unread => {}
            Self::Rooted(of) | Self::Not(of) | Self::Negate(of) | Self::Optional(of) => look(of),
            Self::Field(member) => look(&member.of),
            Self::Index(index) => [&index.of, &index.at].into_iter().for_each(look),
            Self::Call(call) => call.of.iter().chain(&call.arguments).for_each(look),
            Self::And(parts) | Self::Or(parts) | Self::List(parts) => parts.iter().for_each(look),
            Self::Compare(_, sides) | Self::Math(_, sides) | Self::In(sides) => sides.iter().for_each(look),
            Self::Choice(parts) => parts.iter().for_each(look),
            Self::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).for_each(look),
            Self::Message(message) => message.fields.iter().flat_map(|(name, value)| [name, value]).for_each(look),
        }
    }
}

impl Comparison {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Operator {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}
