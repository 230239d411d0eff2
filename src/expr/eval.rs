//! Working an expression out, within a budget of steps and text.
//!
//! Null follows design 5 more than CEL: a comparison with null is false, an ordering by null is null, and null counts as false in `!`, `&&`, `||` and `?:`.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::date::Format;
use super::datum::Datum;
use super::function::Function;
use super::node::{Loop, LoopKind, Node, Written};
use super::syntax::{Comparison, Operator};
use super::{Expression, Input};
use crate::model::{Cell, PackedJson, Table};

/// Loop rounds and copied values of one evaluation.
const MAX_STEPS: usize = 100_000;
/// Longest text that an expression may put together, in bytes.
pub(super) const MAX_TEXT: usize = 64 << 10;
/// Longest list that an expression may put together.
pub(super) const MAX_ITEMS: usize = 10_000;

/// Longest text that a pattern is tried on, in bytes.
const MAX_MATCHED: usize = 4 << 10;
/// Deepest lists and maps that an expression may put together.
pub(super) const MAX_DEPTH: usize = 16;

/// Why an evaluation failed: names the place in the expression, never the data.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

type Outcome<'a> = Result<Datum<'a>, Failure>;

/// One evaluation under way.
pub(super) struct Run<'a> {
    expression: &'a Expression,
    inputs: &'a [Input<'a>],
    locals: Vec<Datum<'a>>,
    /// the lists and maps that loops read, by position
    taken: Vec<(usize, Datum<'a>)>,
    steps: usize,
    pub(super) read_missing: bool,
    pub(super) read_unreadable: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(expression: &'a Expression, inputs: &'a [Input<'a>]) -> Self {
        Self { expression, inputs, locals: Vec::new(), taken: Vec::new(), steps: 0, read_missing: false, read_unreadable: false }
    }

    pub(super) fn fail<T>(&self, node: &'a Node, words: &str) -> Result<T, Failure> {
        Err(Failure(format!("`{}` {words}", self.write(node))))
    }

    pub(super) fn write(&self, node: &'a Node) -> Written<'a> {
        Written { node, root: self.expression.root.name(), reads: &self.expression.reads }
    }

    fn input(&mut self, node: &'a Node, at: usize) -> Outcome<'a> {
        let input = self.inputs.get(at).copied();
        self.check_readable(node, input)?;
        let value = match input {
            Some(Input::Cell(Cell::Json(json))) => Some(self.json(node, at, json)?),
            other => other.and_then(Datum::from_input),
        };
        self.read_missing |= value.is_none();
        let value = value.unwrap_or(Datum::Null);
        self.charge(node, value.weight())?;
        Ok(value)
    }

    /// What is read again and again in a loop is taken apart once.
    fn json(&mut self, node: &'a Node, at: usize, json: PackedJson<'a>) -> Outcome<'a> {
        if let Some((_, known)) = self.taken.iter().find(|(known, _)| *known == at) {
            return Ok(known.clone());
        }
        self.charge(node, json.parts().map(str::len).sum::<usize>() / 16)?;
        let value = super::json::read_packed(json);
        if !self.locals.is_empty() {
            self.taken.push((at, value.clone()));
        }
        Ok(value)
    }

    /// What can't be read makes the whole unknown: it is neither missing nor a value.
    fn check_readable(&mut self, node: &'a Node, input: Option<Input<'a>>) -> Result<(), Failure> {
        let Some(Input::Cell(Cell::Unreadable(words))) = input else { return Ok(()) };
        self.read_unreadable = true;
        self.fail(node, &format!("can't be read: {words}"))
    }

    /// Null because nothing is there, not because somebody said so.
    fn absent(&mut self) -> Datum<'a> {
        self.read_missing = true;
        Datum::Null
    }

    fn charge(&mut self, node: &'a Node, steps: usize) -> Result<(), Failure> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS { self.fail(node, "takes too many steps") } else { Ok(()) }
    }
}

impl Node {
    pub(super) fn eval<'a>(&'a self, run: &mut Run<'a>) -> Outcome<'a> {
        match self {
            Self::Literal(value) => {
                if let Datum::List(items) = value {
                    run.charge(self, items.len())?;
                }
                Ok(value.borrowed())
            }
            Self::Input(at) => run.input(self, *at),
            Self::Local(at, _) => self.local(*at, run),
            Self::Field(of, name) => {
                let of = of.eval(run)?;
                self.field(of, name, run)
            }
            Self::Index(of, index) => self.index(of, index, run),
            Self::Has(at) => {
                run.check_readable(self, run.inputs.get(*at).copied())?;
                let there = !matches!(run.inputs.get(*at), None | Some(Input::Cell(Cell::Missing)));
                run.read_missing |= !there;
                Ok(Datum::Bool(there))
            }
            Self::HasField(of, name) => {
                let of = of.eval(run)?;
                Ok(Datum::Bool(matches!(of, Datum::Map(fields) if fields.iter().any(|(known, _)| known == name.as_ref()))))
            }
            Self::Not(of) => Ok(Datum::Bool(!of.truth(run)?)),
            Self::Negate(of) => match of.eval(run)? {
                Datum::Int(value) => value.checked_neg().map_or_else(|| run.fail(self, "is too large"), |value| Ok(Datum::Int(value))),
                other => run.fail(self, &format!("needs a number, not {}", other.kind())),
            },
            Self::And(terms) => decided(terms, false, run),
            Self::Or(terms) => decided(terms, true, run),
            Self::Choice(parts) => {
                let chosen = if parts[0].truth(run)? { &parts[1] } else { &parts[2] };
                chosen.eval(run)
            }
            Self::Compare(comparison, sides) => self.compare(*comparison, sides, run),
            Self::Math(operator, sides) => self.math(*operator, sides, run),
            Self::In(sides) => self.contained(sides, run),
            Self::Call(function, arguments) => self.call(function, arguments, run),
            Self::Matches(of, pattern) => self.matches(of, pattern, run),
            Self::Date(of, format) => self.date(of, format, run),
            Self::Lookup(table, key) => self.lookup(table, key, run),
            Self::List(items) => self.list(items, run),
            Self::Map(entries) => self.map(entries, run),
            Self::Loop(each) => self.each(each, run),
        }
    }

    /// Takes what this comes to off the beginning of a text; nothing where it comes to anything else. Charged as [`Self::eval`] is.
    pub(super) fn strip<'a, 't>(&'a self, run: &mut Run<'a>, text: &'t str) -> Result<Option<&'t str>, Failure> {
        match self {
            Self::Math(Operator::Add, sides) => {
                let Some(rest) = sides[0].strip(run, text)? else { return Ok(None) };
                let rest = sides[1].strip(run, rest)?;
                run.charge(self, (text.len() - rest.map_or(0, str::len)) / 64)?;
                Ok(rest)
            }
            Self::Choice(parts) => {
                let chosen = if parts[0].truth(run)? { &parts[1] } else { &parts[2] };
                chosen.strip(run, text)
            }
            _ => match self.eval(run)? {
                Datum::Text(start) => Ok(text.strip_prefix(start.as_ref())),
                _ => Ok(None),
            },
        }
    }

    /// Null counts as false.
    fn truth<'a>(&'a self, run: &mut Run<'a>) -> Result<bool, Failure> {
        match self.eval(run)? {
            Datum::Bool(value) => Ok(value),
            Datum::Null => Ok(false),
            other => run.fail(self, &format!("gives {}, not true or false", other.kind())),
        }
    }

    fn local<'a>(&'a self, at: usize, run: &mut Run<'a>) -> Outcome<'a> {
        let value = run.locals.get(at).cloned().unwrap_or(Datum::Null);
        run.charge(self, value.weight())?;
        Ok(value)
    }

    fn field<'a>(&'a self, of: Datum<'a>, name: &str, run: &mut Run<'a>) -> Outcome<'a> {
        match of {
            Datum::Null => Ok(Datum::Null),
            Datum::Map(fields) => match fields.into_iter().find(|(known, _)| known == name) {
                Some((_, value)) => Ok(value),
                None => Ok(run.absent()),
            },
            other => run.fail(self, &format!("asks for a field of {}", other.kind())),
        }
    }

    fn index<'a>(&'a self, of: &'a Node, index: &'a Node, run: &mut Run<'a>) -> Outcome<'a> {
        match (of.eval(run)?, index.eval(run)?) {
            (Datum::Null, _) => Ok(Datum::Null),
            (Datum::List(items), Datum::Int(at)) => match usize::try_from(at).ok().and_then(|at| items.into_iter().nth(at)) {
                Some(item) => Ok(item),
                None => Ok(run.absent()),
            },
            (of @ Datum::Map(_), Datum::Text(name)) => self.field(of, &name, run),
            (of, index) => run.fail(self, &format!("asks for {} of {}", index.kind(), of.kind())),
        }
    }

    fn compare<'a>(&'a self, comparison: Comparison, sides: &'a [Node; 2], run: &mut Run<'a>) -> Outcome<'a> {
        let (one, other) = (sides[0].eval(run)?, sides[1].eval(run)?);
        let order = match comparison {
            Comparison::Equal => return Ok(Datum::Bool(one.equals(&other))),
            Comparison::NotEqual => return Ok(Datum::Bool(!one.equals(&other))),
            _ => match (&one, &other) {
                (Datum::Null, _) | (_, Datum::Null) => return Ok(Datum::Null),
                (Datum::Int(one), Datum::Int(other)) => one.cmp(other),
                (Datum::Bool(one), Datum::Bool(other)) => one.cmp(other),
                _ => match (one.as_text(), other.as_text()) {
                    (Some(one), Some(other)) => one.cmp(other),
                    _ => return run.fail(self, &format!("compares {} with {}", one.kind(), other.kind())),
                },
            },
        };
        Ok(Datum::Bool(match comparison {
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            _ => order != Ordering::Less,
        }))
    }

    fn math<'a>(&'a self, operator: Operator, sides: &'a [Node; 2], run: &mut Run<'a>) -> Outcome<'a> {
        let (one, other) = (sides[0].eval(run)?, sides[1].eval(run)?);
        if let (Datum::Int(one), Datum::Int(other)) = (&one, &other) {
            let result = match operator {
                Operator::Add => one.checked_add(*other),
                Operator::Subtract => one.checked_sub(*other),
                Operator::Multiply => one.checked_mul(*other),
                Operator::Divide => one.checked_div(*other),
                Operator::Remainder => one.checked_rem(*other),
            };
            return result.map_or_else(|| run.fail(self, "has no result: too large, or divided by zero"), |value| Ok(Datum::Int(value)));
        }
        if operator != Operator::Add {
            return run.fail(self, &format!("needs two numbers, not {} and {}", one.kind(), other.kind()));
        }
        match (one, other) {
            (Datum::List(mut one), Datum::List(other)) => {
                if one.len() + other.len() > MAX_ITEMS {
                    return run.fail(self, "makes a list that is too long");
                }
                one.extend(other);
                Ok(Datum::List(one))
            }
            // Nothing adds nothing to a list.
            (Datum::List(list), Datum::Null) | (Datum::Null, Datum::List(list)) => Ok(Datum::List(list)),
            // Of several lists that each list nothing there is nothing.
            (Datum::Null, Datum::Null) => Ok(Datum::Null),
            (one, other) => match (one.as_text(), other.as_text()) {
                (Some(first), Some(second)) => {
                    run.charge(self, (first.len() + second.len()) / 64)?;
                    self.bounded(format!("{first}{second}"), run)
                }
                _ => run.fail(self, &format!("can't add {} and {}", one.kind(), other.kind())),
            },
        }
    }

    fn bounded<'a>(&'a self, text: String, run: &Run<'a>) -> Outcome<'a> {
        if text.len() > MAX_TEXT { run.fail(self, "makes a text that is too long") } else { Ok(Datum::Text(Cow::Owned(text))) }
    }

    fn contained<'a>(&'a self, sides: &'a [Node; 2], run: &mut Run<'a>) -> Outcome<'a> {
        let one = sides[0].eval(run)?;
        if let Self::Literal(Datum::List(items)) = &sides[1] {
            run.charge(self, items.len() / 16)?;
            return Ok(Datum::Bool(items.iter().any(|item| item.equals(&one))));
        }
        match sides[1].eval(run)? {
            _ if matches!(one, Datum::Null) => Ok(Datum::Bool(false)),
            Datum::Null => Ok(Datum::Bool(false)),
            Datum::List(items) => Ok(Datum::Bool(items.iter().any(|item| item.equals(&one)))),
            Datum::Map(fields) => Ok(Datum::Bool(fields.iter().any(|(name, _)| one.as_text() == Some(name)))),
            other => run.fail(self, &format!("looks into {}, not a list", other.kind())),
        }
    }

    fn call<'a>(&'a self, function: &'static Function, nodes: &'a [Node], run: &mut Run<'a>) -> Outcome<'a> {
        let mut arguments = [Datum::Null, Datum::Null, Datum::Null];
        for (place, node) in arguments.iter_mut().zip(nodes) {
            *place = node.eval(run)?;
        }
        if matches!(arguments[0], Datum::Null) && !function.takes_null {
            return Ok(Datum::Null);
        }
        if let (true, Datum::List(items)) = (function.compares_all, &arguments[0]) {
            run.charge(self, items.len().saturating_mul(items.len()) / 16)?;
        }
        let read: usize = arguments.iter().map(Datum::text_length).sum();
        match (function.run)(arguments) {
            Ok(Datum::Null) if function.picks => Ok(run.absent()),
            // Some letters come to several in another case or alphabet.
            Ok(value) if value.text_length() > MAX_TEXT.max(read) => run.fail(self, "makes a text that is too long"),
            Ok(value) => {
                run.charge(self, value.weight())?;
                Ok(value)
            }
            Err(words) => run.fail(self, &words),
        }
    }

    /// Charged by the byte: a pattern may look at each many times.
    fn matches<'a>(&'a self, of: &'a Node, pattern: &'a regex::Regex, run: &mut Run<'a>) -> Outcome<'a> {
        let of = of.eval(run)?;
        match (&of, of.as_text()) {
            (Datum::Null, _) => Ok(Datum::Null),
            (_, Some(text)) if text.len() > MAX_MATCHED => run.fail(self, "gets a text that is too long"),
            (_, Some(text)) => {
                run.charge(self, text.len())?;
                Ok(Datum::Bool(pattern.is_match(text)))
            }
            _ => run.fail(self, &format!("needs text, not {}", of.kind())),
        }
    }

    fn date<'a>(&'a self, of: &'a Node, format: &'a Format, run: &mut Run<'a>) -> Outcome<'a> {
        let found = match of.eval(run)? {
            Datum::Null => return Ok(Datum::Null),
            Datum::Int(number) => format.read(&number.to_string()),
            of => match of.as_text() {
                Some(text) => format.read(text),
                None => return run.fail(self, &format!("needs text or a number, not {}", of.kind())),
            },
        };
        match found {
            Ok(date) => Ok(date.map_or(Datum::Null, |date| Datum::Text(date.to_string().into()))),
            Err(words) => run.fail(self, &words),
        }
    }

    /// What the table does not have is missing.
    fn lookup<'a>(&'a self, table: &'a Table, key: &'a Node, run: &mut Run<'a>) -> Outcome<'a> {
        let found = match key.eval(run)? {
            Datum::Null => return Ok(Datum::Null),
            Datum::Int(number) => table.get(&number.to_string()),
            key => match key.as_text() {
                Some(key) => table.get(key),
                None => return run.fail(self, &format!("needs a key that is text or a number, not {}", key.kind())),
            },
        };
        match found {
            Some(value) => Ok(value.map_or(Datum::Null, Datum::from_value)),
            None => Ok(run.absent()),
        }
    }

    /// A list whose every item is null is null: nothing was there to list.
    fn list<'a>(&'a self, items: &'a [Node], run: &mut Run<'a>) -> Outcome<'a> {
        run.charge(self, items.len())?;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(item.eval(run)?);
        }
        let nothing = !values.is_empty() && values.iter().all(|value| matches!(value, Datum::Null));
        Ok(if nothing { Datum::Null } else { Datum::List(values) })
    }

    /// A complex value without its `value` is no value.
    fn map<'a>(&'a self, entries: &'a [(Node, Node)], run: &mut Run<'a>) -> Outcome<'a> {
        run.charge(self, entries.len())?;
        let mut fields = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            let (name, value) = (name.eval(run)?, value.eval(run)?);
            match (name, value) {
                (Datum::Text(name), Datum::Null) if name == "value" => return Ok(Datum::Null),
                (Datum::Text(_), Datum::Null) => {}
                (Datum::Text(name), value) => fields.push((name, value)),
                (other, _) => return run.fail(self, &format!("names a field by {}, not text", other.kind())),
            }
        }
        if fields.is_empty() && !entries.is_empty() { Ok(Datum::Null) } else { Ok(Datum::Map(fields)) }
    }

    fn each<'a>(&'a self, each: &'a Loop, run: &mut Run<'a>) -> Outcome<'a> {
        let items = match each.over.eval(run)? {
            Datum::Null => return Ok(Datum::Null),
            Datum::List(items) => items,
            Datum::Map(fields) => fields.into_iter().map(|(name, _)| Datum::Text(name)).collect(),
            other => return run.fail(self, &format!("goes through {}, not a list", other.kind())),
        };
        let depth = run.locals.len();
        let result = self.rounds(each, items, run);
        run.locals.truncate(depth);
        result
    }

    fn rounds<'a>(&'a self, each: &'a Loop, items: Vec<Datum<'a>>, run: &mut Run<'a>) -> Outcome<'a> {
        let depth = run.locals.len();
        let mut kept = Vec::new();
        let mut hits = 0usize;
        for item in items {
            run.charge(self, 1 + if each.kind == LoopKind::Filter { item.weight() } else { 0 })?;
            run.locals.truncate(depth);
            run.locals.push(item);
            match each.kind {
                LoopKind::Map => {
                    if each.only.as_ref().map_or(Ok(true), |only| only.truth(run))? {
                        let value = each.body.eval(run)?;
                        run.charge(self, value.weight())?;
                        kept.push(value);
                    }
                }
                LoopKind::Filter => {
                    if each.body.truth(run)? {
                        kept.extend(run.locals.pop());
                    }
                }
                LoopKind::All if !each.body.truth(run)? => return Ok(Datum::Bool(false)),
                LoopKind::Exists if each.body.truth(run)? => return Ok(Datum::Bool(true)),
                LoopKind::ExistsOne => hits += usize::from(each.body.truth(run)?),
                LoopKind::All | LoopKind::Exists => {}
            }
        }
        Ok(match each.kind {
            LoopKind::Map | LoopKind::Filter => Datum::List(kept),
            LoopKind::All => Datum::Bool(true),
            LoopKind::Exists => Datum::Bool(false),
            LoopKind::ExistsOne => Datum::Bool(hits == 1),
        })
    }
}

/// `&&` and `||`: a term that decides alone decides, even when another one fails.
fn decided<'a>(terms: &'a [Node], decides: bool, run: &mut Run<'a>) -> Outcome<'a> {
    let mut failed = None;
    for term in terms {
        match term.truth(run) {
            Ok(value) if value == decides => return Ok(Datum::Bool(decides)),
            Ok(_) => {}
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    failed.map_or(Ok(Datum::Bool(!decides)), Err)
}
