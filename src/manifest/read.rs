//! Reads a document by its kind's shape: every problem with its place, and the value as JSON, as the Kubernetes API would hand it over.
//!
//! Must never: stop at the first problem, repeat a value in a message (it may be a secret), or expand aliases without a bound.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use super::plain::{self, Meaning};
use super::shape::{Fields, Shape};
use super::tree::{Content, MAX_DEPTH, Mark, Node, Style, Tree};
use crate::diagnostic::nearest;

/// How much an alias may add to a document: values and bytes of text.
const ALIAS_ALLOWANCE: usize = 1 << 20;

/// Something wrong in a document, with marks in its text.
#[derive(Debug)]
pub(super) struct Problem {
    pub mark: Mark,
    pub message: String,
    pub hint: Option<String>,
    pub related: Option<(Mark, &'static str)>,
    /// what of the document may be a secret: whatever is told, its lines are shown without it
    pub hidden: Vec<Mark>,
}

/// So many plain values are told of in one document that mean something else to Kubernetes.
const MAX_UNQUOTED: usize = 8;

/// Reads the document's root. With problems the value holds what is sound; an item of a list that is not is null, so that positions stay. Beside them stands
/// what can be read, and means something else to Kubernetes.
pub(super) fn read(text: &str, tree: &Tree<'_>, shape: &Shape) -> (Value, Vec<Problem>, Vec<Problem>) {
    let left = text.len() + tree.nodes.len() + ALIAS_ALLOWANCE;
    let mut reader = Reader { tree, problems: Vec::new(), unquoted: Vec::new(), path: Vec::new(), left };
    let value = reader.value(0, shape).unwrap_or_default();
    (value, reader.problems, reader.unquoted)
}

struct Reader<'t, 'a> {
    tree: &'t Tree<'a>,
    problems: Vec<Problem>,
    unquoted: Vec<Problem>,
    path: Vec<Step>,
    /// values and bytes that may still be read
    left: usize,
}

/// Where a value may be null.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Outermost,
    Everywhere,
    Nowhere,
}

#[derive(Clone, Copy)]
enum Step {
    /// by the node of the key
    Key(u32),
    Index(usize),
}

impl<'t, 'a> Reader<'t, 'a> {
    fn value(&mut self, at: u32, shape: &Shape) -> Option<Value> {
        let (before, unquoted) = (self.problems.len(), self.unquoted.len());
        let value = self.value_of(at, shape);
        if is_reference(shape) {
            // Where a secret may stand, nothing is shown of it.
            self.unquoted.truncate(unquoted);
        }
        // Where something is wrong with a reference to a secret, the secret itself may stand in its place.
        if is_reference(shape) && before < self.problems.len() {
            // Hidden once: it is for all problems.
            let hidden = self.tree.extents(at);
            self.problems.iter_mut().skip(before).take(1).for_each(|problem| problem.hidden.extend(hidden.iter().copied()));
        }
        value
    }

    fn value_of(&mut self, at: u32, shape: &Shape) -> Option<Value> {
        let node = self.tree.resolve(at)?;
        if !self.afford(at, node) {
            return None;
        }
        match (shape, &node.content) {
            (Shape::Any, _) => self.any(at, node, Nulls::Outermost),
            (Shape::Json, _) => self.any(at, node, Nulls::Everywhere),
            (Shape::List(items), Content::List(nodes)) => {
                self.no_word_twice(nodes, items);
                let read = |(index, item): (usize, &u32)| self.below(Step::Index(index), |reader| reader.value(*item, items));
                Some(Value::Array(nodes.iter().enumerate().map(read).map(Option::unwrap_or_default).collect()))
            }
            (Shape::Map(values), Content::Map(entries)) => self.map(entries, values),
            (Shape::Fields(fields), Content::Map(entries)) => self.fields(at, entries, fields),
            (Shape::OneOf(fields), Content::Map(entries)) => self.one_of(at, entries, fields),
            (
                Shape::Text | Shape::TextOrInt | Shape::Word(_) | Shape::Bool | Shape::Int(..) | Shape::Number,
                Content::Scalar(text, style),
            ) => {
                if *style == Style::Plain && is_null(text) {
                    return self.mismatch(at, node, shape);
                }
                let value = scalar(text, *style, shape);
                self.means_the_same(at, text, *style, shape);
                if value.is_none() { self.mismatch(at, node, shape) } else { value }
            }
            _ => self.mismatch(at, node, shape),
        }
    }

    /// Whatever was written.
    fn any(&mut self, at: u32, node: &'t Node<'a>, nulls: Nulls) -> Option<Value> {
        match &node.content {
            Content::Scalar(text, style) => {
                let number = (nulls == Nulls::Everywhere && *style == Style::Plain).then(|| fraction(text)).flatten();
                let value = number.map_or_else(|| free_scalar(text, *style), Value::Number);
                if value.is_string() {
                    self.means_the_same(at, text, *style, &Shape::Any);
                }
                if value.is_null() && nulls == Nulls::Nowhere {
                    self.problem(at, "null has no meaning inside a value".to_owned(), Some("leave it out".to_owned()));
                }
                Some(value)
            }
            Content::List(items) => {
                let read = |(index, item): (usize, &u32)| self.below(Step::Index(index), |reader| reader.inner(*item, nulls));
                Some(Value::Array(items.iter().enumerate().filter_map(read).collect()))
            }
            Content::Map(entries) => {
                let mut map = Map::new();
                for (key, name, value) in self.keys(entries) {
                    if let Some(value) = self.below(Step::Key(key), |reader| reader.inner(value, nulls)) {
                        map.insert(name.to_owned(), value);
                    }
                }
                Some(Value::Object(map))
            }
            Content::Alias(_) => None,
        }
    }

    fn inner(&mut self, at: u32, nulls: Nulls) -> Option<Value> {
        let node = self.tree.resolve(at)?;
        let nulls = if nulls == Nulls::Everywhere { nulls } else { Nulls::Nowhere };
        if self.afford(at, node) { self.any(at, node, nulls) } else { None }
    }

    fn map(&mut self, entries: &[(u32, u32)], values: &Shape) -> Option<Value> {
        let mut map = Map::new();
        for (key, name, value) in self.keys(entries) {
            if let Some(value) = self.below(Step::Key(key), |reader| reader.value(value, values)) {
                map.insert(name.to_owned(), value);
            }
        }
        Some(Value::Object(map))
    }

    fn fields(&mut self, at: u32, entries: &[(u32, u32)], fields: &Fields) -> Option<Value> {
        let mut map = Map::new();
        let mut meant = Vec::new();
        let keys = self.keys(entries);
        for (key, name, value) in &keys {
            let Some(shape) = fields.known.get(*name) else {
                meant.extend(self.unknown_key(*key, name, *value, fields));
                continue;
            };
            if let Some(value) = self.below(Step::Key(*key), |reader| reader.value(*value, shape)) {
                map.insert((*name).to_owned(), value);
            }
        }
        for required in &fields.required {
            let there = keys.iter().any(|(_, name, _)| name == required);
            if !there && !meant.contains(required) {
                let message = format!("{} lacks `{required}`", self.here());
                self.problem(self.owner(at), message, None);
            }
        }
        Some(Value::Object(map))
    }

    fn one_of(&mut self, at: u32, entries: &[(u32, u32)], fields: &Fields) -> Option<Value> {
        let keys = self.keys(entries);
        let mut map = Map::new();
        let mut first: Option<u32> = None;
        let mut unknown = false;
        for (key, name, value) in keys {
            let Some(shape) = fields.known.get(name) else {
                unknown = true;
                self.unknown_key(key, name, value, fields);
                continue;
            };
            if let Some(first) = first {
                let message = format!("{} takes one of {} and has another already", self.here(), listed(&fields.required));
                let related = Some((self.tree.mark(first), "the other one"));
                self.problems.push(Problem { related, ..self.problem_at(key, message, None) });
                continue;
            }
            first = Some(key);
            if let Some(value) = self.below(Step::Key(key), |reader| reader.value(value, shape)) {
                map.insert(name.to_owned(), value);
            }
        }
        if first.is_none() && !unknown {
            let message = format!("{} needs one of {}", self.here(), listed(&fields.required));
            self.problem(self.owner(at), message, None);
        }
        Some(Value::Object(map))
    }

    /// The keys of a mapping that are text and stand there for the first time.
    fn keys(&mut self, entries: &[(u32, u32)]) -> Vec<(u32, &'t str, u32)> {
        let mut seen: HashMap<&str, u32> = HashMap::with_capacity(entries.len());
        let mut keys = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let Some(name) = self.key(*key) else { continue };
            self.key_means_the_same(*key, name);
            match seen.insert(name, *key) {
                None => keys.push((*key, name, *value)),
                Some(first) => {
                    let message = format!("the key `{}` stands here twice", short(name));
                    let related = Some((self.tree.mark(first), "the first one"));
                    let hint = Some("take one of them out".to_owned());
                    self.problems.push(Problem { related, ..self.problem_at(*key, message, hint) });
                    seen.insert(name, first);
                }
            }
        }
        keys
    }

    fn key(&mut self, at: u32) -> Option<&'t str> {
        match &self.tree.nodes.get(at as usize)?.content {
            Content::Scalar(name, Style::Plain) if name == "<<" => {
                let hint = "write the keys out, or give the whole value an alias";
                self.problem(at, "merge keys (`<<`) are not read".to_owned(), Some(hint.to_owned()));
                None
            }
            Content::Scalar(name, style) if *style != Style::Plain || !is_null(name) => Some(name),
            _ => {
                self.problem(at, "a key must be text".to_owned(), None);
                None
            }
        }
    }

    /// Tells of a plain value that is text here and something else to Kubernetes, which reads YAML 1.1.
    fn means_the_same(&mut self, at: u32, text: &str, style: Style, shape: &Shape) {
        let typed = matches!(shape, Shape::Text);
        let number = || matches!(shape, Shape::TextOrInt) && text.bytes().all(|byte| byte.is_ascii_digit());
        if style != Style::Plain || !(typed || matches!(shape, Shape::Any | Shape::TextOrInt)) || number() {
            return;
        }
        let other = match plain::to_kubernetes(text) {
            Meaning::Text => return,
            Meaning::Truth(_) => "true or false",
            Meaning::Number(_) => "a number",
            Meaning::Nothing => "nothing",
        };
        let refused = if typed { ", which it refuses" } else { "" };
        let message = format!("{} is text here, and Kubernetes reads {other}{refused}", self.here());
        self.unquoted(at, message);
    }

    fn key_means_the_same(&mut self, key: u32, name: &str) {
        if !matches!(self.tree.nodes.get(key as usize).map(|node| &node.content), Some(Content::Scalar(_, Style::Plain))) {
            return;
        }
        let other = match plain::to_kubernetes(name) {
            Meaning::Truth(truth) => truth.to_string(),
            Meaning::Number(written) if written != name => written,
            _ => return,
        };
        let message = format!("the key `{}` is `{other}` to Kubernetes", short(name));
        self.unquoted(key, message);
    }

    fn unquoted(&mut self, at: u32, message: String) {
        let secret = self.path.iter().any(|step| matches!(step, Step::Key(key) if self.tree.text(*key).is_some_and(sounds_secret)));
        if self.unquoted.len() >= MAX_UNQUOTED || secret {
            return;
        }
        let hint = "write it in quotes: the same document is read by kubectl, which takes more words and digits for something else";
        let problem = self.problem_at(at, message, Some(hint.to_owned()));
        self.unquoted.push(problem);
    }

    /// A word that stands in a list twice says nothing new, and a server refuses it.
    fn no_word_twice(&mut self, nodes: &[u32], items: &Shape) {
        if !matches!(items, Shape::Word(_)) {
            return;
        }
        let mut seen: HashMap<&str, u32> = HashMap::new();
        for at in nodes {
            let Some(word) = self.tree.text(*at) else { continue };
            if let Some(first) = seen.insert(word, *at) {
                let message = format!("{} has `{}` twice", self.here(), short(word));
                let related = Some((self.tree.mark(first), "the first one"));
                self.problems.push(Problem { related, ..self.problem_at(*at, message, Some("take one of them out".to_owned())) });
            }
        }
    }

    fn unknown_key(&mut self, key: u32, name: &str, value: u32, fields: &Fields) -> Option<String> {
        let glued = name.split_once(':').and_then(|(first, _)| fields.known.get_key_value(first.trim()));
        if let Some((meant, _)) = glued {
            let message = format!("the space after the colon of `{meant}` is missing");
            let hidden = self.tree.extents(key);
            self.problems.push(Problem {
                hidden: if sounds_secret(meant) { hidden } else { Vec::new() },
                ..self.problem_at(key, message, Some(format!("write `{meant}: …`")))
            });
            return Some(meant.clone());
        }
        let near = nearest(name, fields.known.keys().map(String::as_str)).map(str::to_owned);
        let hint = match &near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", fields.known.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
        };
        let message = format!("{} has no key `{}`", self.here(), short(name));
        let may_be_secret = sounds_secret(name) || fields.known.values().any(|shape| holds_reference(shape, 1));
        let hidden = if may_be_secret { self.tree.extents(value) } else { Vec::new() };
        self.problems.push(Problem { hidden, ..self.problem_at(key, message, Some(hint)) });
        near
    }

    fn mismatch(&mut self, at: u32, node: &Node<'_>, shape: &Shape) -> Option<Value> {
        let (found, is_text) = match &node.content {
            Content::Scalar(text, Style::Plain) if is_null(text) => ("nothing", false),
            Content::Scalar(..) => ("text", true),
            Content::List(_) => ("a list", false),
            Content::Map(_) => ("a mapping", false),
            Content::Alias(_) => ("an alias", false),
        };
        let secret = is_reference(shape);
        let found = match (shape, is_text) {
            (Shape::Word(_), true) => "another word",
            (Shape::Int(..) | Shape::Number, true) => "something else",
            _ => found,
        };
        let meant = match (shape, &node.content) {
            (Shape::Word(words), Content::Scalar(text, _)) => nearest(text, words.iter().map(String::as_str)),
            _ => None,
        };
        let hint = meant.map(|near| format!("did you mean `{near}`?")).or_else(|| hint(shape, found, secret));
        let mark = if found == "nothing" { self.owner(at) } else { at };
        let message = format!("{} must be {}, and is {found}", self.here(), expected(shape));
        self.problem(mark, message, hint);
        None
    }

    /// Takes a value's size from what is left. What can run out is only what aliases add.
    fn afford(&mut self, at: u32, node: &Node<'_>) -> bool {
        let size = match &node.content {
            Content::Scalar(text, _) => text.len() + 1,
            _ => 1,
        };
        if self.left == 0 {
            return false;
        }
        self.left = self.left.saturating_sub(size);
        let too_deep = self.path.len() > 2 * MAX_DEPTH;
        if self.left > 0 && !too_deep {
            return true;
        }
        self.left = 0;
        let message = if too_deep { "this alias stands inside itself" } else { "the document's aliases expand to too much" };
        self.problem(at, message.to_owned(), None);
        false
    }

    fn below<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let value = read(self);
        self.path.pop();
        value
    }

    /// The key that holds what is being read, or the value itself where there is none.
    fn owner(&self, at: u32) -> u32 {
        match self.path.last() {
            Some(Step::Key(key)) => *key,
            _ => at,
        }
    }

    /// The path of what is being read, for a message.
    fn here(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&short(self.tree.text(*key).unwrap_or_default()));
                }
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") }
    }

    fn problem(&mut self, at: u32, message: String, hint: Option<String>) {
        let problem = self.problem_at(at, message, hint);
        self.problems.push(problem);
    }

    fn problem_at(&self, at: u32, message: String, hint: Option<String>) -> Problem {
        Problem { mark: self.tree.mark(at), message, hint, related: None, hidden: Vec::new() }
    }
}

/// Whether a secret is to be named here.
fn is_reference(shape: &Shape) -> bool {
    matches!(shape, Shape::OneOf(fields) if fields.known.contains_key("secretKeyRef"))
}

/// The same, so many levels further down at most.
fn holds_reference(shape: &Shape, levels: u8) -> bool {
    let below = |fields: &Fields| levels > 0 && fields.known.values().any(|shape| holds_reference(shape, levels - 1));
    is_reference(shape) || matches!(shape, Shape::OneOf(fields) | Shape::Fields(fields) if below(fields))
}

/// Keys under which people write secrets.
pub fn sounds_secret(key: &str) -> bool {
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    ["token", "secret", "passw", "passphrase", "apikey", "bearer", "credential", "privatekey"].iter().any(|word| key.contains(word))
}

/// A scalar where the shape says what it is.
fn scalar(text: &str, style: Style, shape: &Shape) -> Option<Value> {
    let plain = style == Style::Plain;
    match shape {
        Shape::Text | Shape::TextOrInt => Some(Value::String(text.to_owned())),
        Shape::Word(words) => words.iter().any(|word| word == text).then(|| Value::String(text.to_owned())),
        Shape::Bool if plain => truth(text).map(Value::Bool),
        Shape::Int(least, most) if plain => whole_number(text, *least, *most).map(Value::Number),
        Shape::Number if plain => number(text).map(Value::Number),
        _ => None,
    }
}

/// A scalar where anything goes: text unless it can only be a truth value, a whole number or null. `0755`, `1_000`, `no`, `1.10` and `0x1F` stay text.
pub(super) fn free_scalar(text: &str, style: Style) -> Value {
    if style != Style::Plain {
        return Value::String(text.to_owned());
    }
    if is_null(text) {
        return Value::Null;
    }
    if let Some(value) = truth(text) {
        return Value::Bool(value);
    }
    whole_number(text, i64::MIN, i64::MAX as u64).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// What YAML calls null; the parser gives `~` for a value that is not written at all.
pub(super) fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}

fn truth(plain: &str) -> Option<bool> {
    match plain {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Decimal digits as everybody writes them; anything unusual is no number, so that nothing changes its value silently.
fn whole_number(plain: &str, least: i64, most: u64) -> Option<Number> {
    let digits = plain.strip_prefix('-').unwrap_or(plain);
    let usual = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if !usual || plain == "-0" {
        return None;
    }
    match plain.parse::<i64>() {
        Ok(number) if number >= least && u64::try_from(number).is_ok_and(|number| number <= most) => Some(number.into()),
        Ok(number) if number >= least && number < 0 => Some(number.into()),
        Ok(_) => None,
        Err(_) => plain.parse::<u64>().ok().filter(|number| *number <= most).map(Number::from),
    }
}

fn number(plain: &str) -> Option<Number> {
    let usual = plain.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-')) && plain.bytes().any(|byte| byte.is_ascii_digit());
    usual.then(|| plain.parse::<f64>().ok()).flatten().and_then(Number::from_f64)
}

/// A number with a fraction, where anything may stand.
fn fraction(plain: &str) -> Option<Number> {
    plain.contains('.').then(|| number(plain)).flatten()
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::TextOrInt => "a whole number or text".to_owned(),
        Shape::Word(words) if words.len() == 1 => listed(words),
        Shape::Word(words) => format!("one of {}", listed(words)),
        Shape::Bool => "true or false".to_owned(),
        Shape::Int(0, _) => "a whole number, 0 or more".to_owned(),
        Shape::Int(..) => "a whole number".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::List(_) => "a list".to_owned(),
        Shape::Map(_) | Shape::Fields(_) => "a mapping".to_owned(),
        Shape::OneOf(fields) => format!("a mapping with one of {}", listed(&fields.required)),
        Shape::Any | Shape::Json => "a value".to_owned(),
    }
}

fn hint(shape: &Shape, found: &str, secret: bool) -> Option<String> {
    let hint = match (shape, found) {
        _ if secret => "secrets never stand in a manifest; write `{env: NAME}` or `{file: PATH}`",
        (_, "nothing") => "leave the key out, or give it a value",
        (Shape::Bool, "text") => "write `true` or `false`, without quotes",
        (Shape::Int(..), _) => "decimal digits only, without quotes, leading zeros or separators",
        (Shape::Number, _) => "digits alone, such as 20 or 0.5, without a sign behind them",
        (Shape::Text, "a mapping") => "quote a text that holds `: ` or starts with `{`",
        (Shape::Fields(_) | Shape::Map(_) | Shape::OneOf(_), "text") => {
            "write its keys below it, each as `key: value` with a space after the colon"
        }
        (Shape::Text, "a list") => "quote a text that starts with `[` or `-`",
        (Shape::List(_), _) => "put each item on a line of its own after `- `",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn listed(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A key as a message shows it: short, on one line.
fn short(name: &str) -> String {
    let mut shown: String = name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(64).collect();
    if name.chars().nth(64).is_some() {
        shown.push('…');
    }
    shown
}
