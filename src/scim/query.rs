//! Filters as clients write them (RFC 7644 section 3.4.2.2): read whole, or refused. Names and operators in any case; a value without quotes is text.
//!
//! Must never: take a filter that is not understood for one that holds.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::change::PatchPath;
use super::path::field;
use super::served::{self, ScimShape};
use super::{ScimRefusal, ServedKind};

/// Nobody writes longer ones.
const LONGEST: usize = 8 << 10;
/// Nor deeper ones.
const DEEPEST: usize = 30;

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub enum ScimQuery {
    /// one of them holds
    Any(Vec<ScimQuery>),
    /// all of them hold
    All(Vec<ScimQuery>),
    /// it does not hold
    Not(Box<ScimQuery>),
    /// an attribute has a value like this
    Is(PatchPath, ScimComparison, Json),
    /// an attribute has a value
    Present(PatchPath),
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimComparison {
    /// eq
    Equal,
    /// ne
    Unequal,
    /// co
    Contains,
    /// sw
    Starts,
    /// ew
    Ends,
    /// gt
    Above,
    /// ge
    AtLeast,
    /// lt
    Below,
    /// le
    AtMost,
}

impl ScimQuery {
    /// Reads one.
    pub fn read(text: &str) -> Result<Self, ScimRefusal> {
        if text.len() > LONGEST {
            return Err(ScimRefusal::filter("the filter is too long"));
        }
        let mut reader = Reading { rest: text, depth: 0 };
        let query = reader.any()?;
        match reader.rest.trim_start() {
            "" => Ok(query),
            rest => Err(wrong(format!("after the filter comes {rest:?}"))),
        }
    }

    /// Refuses attributes that no resource of this kind has: nobody should be told that there is nobody because of a slip.
    pub fn check(&self, kind: ServedKind) -> Result<(), ScimRefusal> {
        match self {
            Self::Any(all) | Self::All(all) => all.iter().try_for_each(|one| one.check(kind)),
            Self::Not(one) => one.check(kind),
            Self::Is(path, ..) | Self::Present(path) => match (&path.schema, &path.name) {
                (None, Some(name)) if kind.shape(None, name).is_none() => {
                    Err(ScimRefusal::filter(format!("{} has no attribute {name}", kind.word())))
                }
                (_, None) => Err(ScimRefusal::filter("it names no attribute")),
                _ => Ok(()),
            },
        }
    }

    /// The text that one attribute of the core schema must be equal to, where that is all it says.
    pub fn equal_to(&self) -> Option<(&str, &str)> {
        match self {
            Self::Is(PatchPath { schema: None, name: Some(name), filter: None, sub: None }, ScimComparison::Equal, Json::String(text)) => {
                Some((name, text))
            }
            _ => None,
        }
    }

    /// What something must have for it to hold, where it says nothing but that: `type eq "work"`.
    pub(super) fn equalities(&self) -> Option<Vec<(&str, &Json)>> {
        match self {
            Self::Is(PatchPath { schema: None, name: Some(name), filter: None, sub: None }, ScimComparison::Equal, value) => {
                Some(vec![(name, value)])
            }
            Self::All(all) => all.iter().map(Self::equalities).collect::<Option<Vec<_>>>().map(|all| all.concat()),
            _ => None,
        }
    }

    /// Whether it holds for a resource.
    pub fn holds(&self, kind: ServedKind, resource: &Json) -> bool {
        self.with(resource, &|path| kind.shape(path.schema.as_deref(), path.name.as_deref().unwrap_or_default()))
    }

    /// Whether it holds for one value of an attribute.
    pub(super) fn holds_within(&self, of: Option<&ScimShape>, value: &Json) -> bool {
        let plain;
        let value = match value {
            Json::Object(_) => value,
            // `members[value eq "x"]` of plain texts.
            other => {
                plain = Json::Object(Map::from_iter([("value".to_owned(), other.clone())]));
                &plain
            }
        };
        self.with(value, &|path| served::part(of, path.name.as_deref().unwrap_or_default()))
    }

    fn with(&self, resource: &Json, shape: &dyn Fn(&PatchPath) -> Option<&'static ScimShape>) -> bool {
        match self {
            Self::Any(all) => all.iter().any(|one| one.with(resource, shape)),
            Self::All(all) => all.iter().all(|one| one.with(resource, shape)),
            Self::Not(one) => !one.with(resource, shape),
            Self::Present(path) => !values(path, shape(path), resource).is_empty(),
            Self::Is(path, comparison, wanted) => {
                let known = shape(path);
                let exact = path.sub.as_deref().map_or(known, |sub| served::part(known, sub)).is_some_and(|shape| shape.exact);
                let found = values(path, known, resource);
                match comparison {
                    ScimComparison::Equal if wanted.is_null() => found.is_empty(),
                    ScimComparison::Unequal if wanted.is_null() => !found.is_empty(),
                    ScimComparison::Unequal => !found.iter().any(|value| is(value, ScimComparison::Equal, wanted, exact)),
                    _ => found.iter().any(|value| is(value, *comparison, wanted, exact)),
                }
            }
        }
    }
}

/// The plain values at a path.
fn values<'a>(path: &PatchPath, shape: Option<&ScimShape>, resource: &'a Json) -> Vec<&'a Json> {
    let home = match &path.schema {
        Some(urn) => field(resource, urn),
        None => Some(resource),
    };
    let Some(found) = path.name.as_deref().and_then(|name| field(home?, name)) else { return Vec::new() };
    let items: Vec<&Json> = match found {
        Json::Array(items) => items.iter().collect(),
        one => vec![one],
    };
    let items = items.into_iter().filter(|item| path.filter.as_ref().is_none_or(|filter| filter.holds_within(shape, item)));
    let sub = path.sub.as_deref().unwrap_or("value");
    let value = |item: &'a Json| match item {
        Json::Object(_) => field(item, sub).or(if path.sub.is_none() { Some(item) } else { None }),
        other => Some(other),
    };
    items.filter_map(value).filter(|value| !value.is_null()).collect()
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is(value: &Json, comparison: ScimComparison, wanted: &Json, exact: bool) -> bool {
    let (Some(mut value), Some(mut wanted)) = (text(value), text(wanted)) else { return false };
    if !exact {
        (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
    }
    let order = || match (value.parse::<Timestamp>(), wanted.parse::<Timestamp>(), value.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(one), Ok(other), ..) => one.cmp(&other),
        (_, _, Ok(one), Ok(other)) => one.partial_cmp(&other).unwrap_or(Ordering::Equal),
        _ => value.cmp(&wanted),
    };
    match comparison {
        ScimComparison::Equal => value == wanted,
        ScimComparison::Unequal => value != wanted,
        ScimComparison::Contains => value.contains(&wanted),
        ScimComparison::Starts => value.starts_with(&wanted),
        ScimComparison::Ends => value.ends_with(&wanted),
        ScimComparison::Above => order().is_gt(),
        ScimComparison::AtLeast => order().is_ge(),
        ScimComparison::Below => order().is_lt(),
        ScimComparison::AtMost => order().is_le(),
    }
}

fn wrong(words: impl Into<String>) -> ScimRefusal {
    ScimRefusal::filter(words)
}

struct Reading<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reading<'t> {
    fn any(&mut self) -> Result<ScimQuery, ScimRefusal> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong("the filter is too deep"));
        }
        let mut all = vec![self.all()?];
        while self.word("or") {
            all.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if all.len() == 1 { all.remove(0) } else { ScimQuery::Any(all) })
    }

    fn all(&mut self) -> Result<ScimQuery, ScimRefusal> {
        let mut all = vec![self.one()?];
        while self.word("and") {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { ScimQuery::All(all) })
    }

    fn one(&mut self) -> Result<ScimQuery, ScimRefusal> {
        let before = self.rest;
        if self.word("not") {
            if self.sign('(') {
                return Ok(ScimQuery::Not(Box::new(self.closed()?)));
            }
            self.rest = before;
        }
        if self.sign('(') {
            return self.closed();
        }
        let path = self.path()?;
        let word = self.token();
        let comparison = match word.to_ascii_lowercase().as_str() {
            "pr" => return Ok(ScimQuery::Present(path)),
            "eq" => ScimComparison::Equal,
            "ne" => ScimComparison::Unequal,
            "co" => ScimComparison::Contains,
            "sw" => ScimComparison::Starts,
            "ew" => ScimComparison::Ends,
            "gt" => ScimComparison::Above,
            "ge" => ScimComparison::AtLeast,
            "lt" => ScimComparison::Below,
            "le" => ScimComparison::AtMost,
            "" if path.filter.is_some() && path.sub.is_none() => return Ok(ScimQuery::Present(path)),
            // `emails[type eq "work"] and …`
            "and" | "or" if path.filter.is_some() && path.sub.is_none() => {
                self.rest = &before[before.len() - self.rest.len() - word.len()..];
                return Ok(ScimQuery::Present(path));
            }
            other => return Err(wrong(format!("{other:?} is no operator"))),
        };
        Ok(ScimQuery::Is(path, comparison, self.value()?))
    }

    fn closed(&mut self) -> Result<ScimQuery, ScimRefusal> {
        let query = self.any()?;
        if self.sign(')') { Ok(query) } else { Err(wrong("a parenthesis is not closed")) }
    }

    fn path(&mut self) -> Result<PatchPath, ScimRefusal> {
        self.rest = self.rest.trim_start();
        let length = path_length(self.rest).ok_or_else(|| wrong("a bracket is not closed"))?;
        let (text, rest) = self.rest.split_at(length);
        if text.is_empty() {
            return Err(wrong("there should be an attribute"));
        }
        self.rest = rest;
        let path = PatchPath::read(text).map_err(|refusal| wrong(refusal.detail))?;
        if path.filter.as_ref().is_some_and(|filter| filter.is_deep()) {
            return Err(wrong("brackets stand in brackets"));
        }
        Ok(path)
    }

    fn value(&mut self) -> Result<Json, ScimRefusal> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
            let Some(Ok(text)) = values.next() else { return Err(wrong("a text is not closed")) };
            self.rest = &self.rest[values.byte_offset()..];
            return Ok(Json::String(text));
        }
        let word = self.token();
        Ok(match word.to_ascii_lowercase().as_str() {
            "" => return Err(wrong("there should be a value")),
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "null" => Json::Null,
            _ => Json::String(word.to_owned()),
        })
    }

    fn token(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|sign: char| sign.is_whitespace() || matches!(sign, '(' | ')' | ']' | '"')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn word(&mut self, wanted: &str) -> bool {
        let before = self.rest;
        if self.token().eq_ignore_ascii_case(wanted) {
            return true;
        }
        self.rest = before;
        false
    }

    fn sign(&mut self, sign: char) -> bool {
        match self.rest.trim_start().strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

impl ScimQuery {
    /// Whether brackets stand in it.
    fn is_deep(&self) -> bool {
        match self {
            Self::Any(all) | Self::All(all) => all.iter().any(Self::is_deep),
            Self::Not(one) => one.is_deep(),
            Self::Is(path, ..) | Self::Present(path) => path.filter.is_some(),
        }
    }
}

/// How long the path is that a text begins with: up to a blank or a parenthesis outside of brackets.
fn path_length(text: &str) -> Option<usize> {
    let (mut inside, mut quoted, mut escaped) = (false, false, false);
    for (at, sign) in text.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if inside => quoted = !quoted,
            _ if quoted => {}
            '[' => inside = true,
            ']' => inside = false,
            sign if !inside && (sign.is_whitespace() || matches!(sign, '(' | ')' | '"')) => return Some(at),
            _ => {}
        }
    }
    (!inside).then_some(text.len())
}
