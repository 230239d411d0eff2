//! Expressions and records made from a number: well-formed ones, token soup, spoilt ones, and those that try to grow without end.

use headcount::expr::{Evaluation, Expression, Input, Root, segments_of_path};
use headcount::model::{Cell, Table, Tables, Value};
use serde_json::{Value as Json, json};

/// What one case came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// it was an expression
    pub compiled: bool,
    /// it gave a value
    pub valued: bool,
    /// it failed on the data
    pub failed: bool,
    /// texts and items of the value
    pub size: usize,
}

/// One case: an expression and a record from one number, compiled, evaluated three ways. Panics where a bound is broken.
pub fn case(seed: u64) -> (String, Outcome) {
    let mut dice = Dice(seed);
    let text = dice.text_of_an_expression();
    let mut outcome = Outcome::default();
    let expression = match Expression::compile(&text, Root::Record, &tables()) {
        Ok(expression) => expression,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a word: {text}");
            for problem in problems {
                let marked = text.get(problem.offset..problem.offset + problem.length);
                assert!(marked.is_some() || text.is_empty(), "marks no characters: {problem:?} in {text:?}");
            }
            return (text, outcome);
        }
    };
    outcome.compiled = true;
    let record = dice.record();
    let texts: Vec<Option<Json>> = expression.reads().iter().map(|path| at(&record, path)).collect();
    let json: Vec<String> = texts.iter().map(|value| value.as_ref().map(Json::to_string).unwrap_or_default()).collect();
    let inputs: Vec<Input<'_>> = texts.iter().zip(&json).map(|(value, text)| Input::Cell(cell(value.as_ref(), text))).collect();
    match expression.evaluate(&inputs) {
        Evaluation::Value(value) => (outcome.valued, outcome.size) = (true, size(&value)),
        Evaluation::Failed(words) => {
            outcome.failed = true;
            assert!(words.len() <= 8192, "a message of {} bytes", words.len());
        }
        Evaluation::Missing | Evaluation::Null => {}
    }
    let _ = expression.holds(&inputs);
    if dice.one_in(16) {
        for (part, value) in expression.trace(&inputs) {
            assert!(part.len() <= 8192 && value.len() <= 8192, "a trace of {} and {} bytes", part.len(), value.len());
        }
    }
    (text, outcome)
}

/// Bytes of texts and 32 for every value.
fn size(value: &Value) -> usize {
    32 + match value {
        Value::Text(text) | Value::Reference(text) => text.len(),
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(fields) => fields.iter().map(|(name, value)| name.len() + size(value)).sum(),
        Value::Bool(_) | Value::Int(_) => 0,
    }
}

fn tables() -> Tables {
    let entries = [("a", Some(Value::text("A"))), ("1", Some(Value::Int(1))), ("", None)];
    let table = Table { name: "t".into(), entries: entries.into_iter().map(|(key, value)| (key.into(), value)).collect() };
    Tables::from([(table.name.clone(), table.into())])
}

fn at(record: &Json, path: &str) -> Option<Json> {
    segments_of_path(path).iter().try_fold(record, |at, segment| at.get(segment.as_ref())).cloned()
}

fn cell<'a>(value: Option<&'a Json>, text: &'a str) -> Cell<'a> {
    match value {
        None => Cell::Missing,
        Some(Json::Null) => Cell::Null,
        Some(Json::Bool(value)) => Cell::Bool(*value),
        Some(Json::Number(number)) => number.as_i64().map_or(Cell::Text(text), Cell::Int),
        Some(Json::String(text)) => Cell::Text(text),
        Some(_) => Cell::json(text),
    }
}

/// Numbers from a number.
struct Dice(u64);

const NAMES: &[&str] = &["t", "n", "b", "l", "m", "long", "deep", "d", "gone", "cleared", "x.y", "u"];
const LETTERS: &[&str] =
    &["a", "b", "Z", "é", "ß", "İ", "王", "👩🏽\u{200d}🚀", "\\n", "\\\"", "'", "{", "(", " ", "0", "-", "\\\\", "\u{301}", "\u{0}"];
const TOKENS: &[&str] = &[
    "record",
    ".",
    "t",
    "l",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\"a\"",
    "1",
    "0",
    "9223372036854775807",
    "-",
    "+",
    "*",
    "/",
    "%",
    "!",
    "&&",
    "||",
    "?",
    ":",
    ",",
    " in ",
    "==",
    "<",
    ">=",
    "lower",
    "map",
    "filter",
    "all",
    "has",
    "date",
    "lookup",
    "x",
    "null",
    "true",
    "1.5",
    "0x",
    "1u",
    "b\"a\"",
    "\\",
    "`",
    "é",
    "\u{feff}",
    "\n",
    "//",
    "@",
    "$",
    "r\"",
    "\"\"\"",
    "_",
    "for",
    "dyn",
    "type",
    "identity",
    "\u{202e}",
];
const TEXT_FUNCTIONS: &[&str] = &["lower", "upper", "trim", "title", "ascii", "slug", "reverse", "string"];
const FORMATS: &[&str] = &["dd.MM.yyyy", "MM/dd/yyyy", "yyyyMMdd", "d-MMM-yy", "iso", "excel", "seconds", "millis", "filetime", "q"];
const PATTERNS: &[&str] = &["^a", "(a|b)*c", "[^x]{2,5}$", "(a?){30}a{30}", "(\\\\w{1,9}x?){6}y", "(", "\\\\p{L}+"];

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    fn text_of_an_expression(&mut self) -> String {
        match self.below(8) {
            0 => (0..self.below(60)).map(|_| self.of(TOKENS)).collect(),
            1 => self.spoilt(),
            2 => self.growing(),
            _ => {
                let depth = self.below(7);
                self.any(depth)
            }
        }
    }

    /// A well-formed one with a few characters lost, doubled or strange.
    fn spoilt(&mut self) -> String {
        let mut letters: Vec<char> = self.any(4).chars().collect();
        for _ in 0..=self.below(4) {
            let at = self.below(letters.len());
            match self.below(4) {
                _ if letters.is_empty() => {}
                0 => drop(letters.remove(at)),
                1 => letters.insert(at, letters[at]),
                2 => letters.truncate(at),
                _ => letters.splice(at..at, self.of(TOKENS).chars()).for_each(drop),
            }
        }
        letters.into_iter().collect()
    }

    /// One that would fill the memory, the time or the stack if nothing stopped it.
    fn growing(&mut self) -> String {
        let many = 1 + self.below(300);
        let list = self.list(1);
        let text = self.text(1);
        match self.below(12) {
            0 => format!("{list}{}", ".map(a, [a, a, a, a, a, a, a, a])".repeat(many % 60)),
            1 => format!("{list}{}", ".map(a, [[[[[[[[a]]]]]]]])".repeat(many % 80)),
            2 => vec![list.as_str(); 1 + many % 200].join(" + "),
            3 => vec![text.as_str(); 1 + many % 200].join(" + "),
            4 => format!("{text}{}", ".replace(\"a\", \"aaaaaaaaaaaaaaaaaaaa\")".repeat(many % 50)),
            5 => format!("{list}.map(a, {list}.map(b, {list}))"),
            6 => format!("{list}.map(a, {list}.filter(b, distinct({list}) == {list}).size())"),
            7 => format!("{}{text}{}", "(".repeat(many % 40), ")".repeat(many % 40)),
            8 => format!("{}true", "!".repeat(many)),
            9 => format!("{list}.map(a, {text}.split(\"\").join({text}))"),
            10 => format!("{}1{}", "true ? ".repeat(many % 120), " : 0".repeat(many % 120)),
            _ => format!("{list}.all(a, matches({text}, \"{}\"))", self.of(PATTERNS)),
        }
    }

    fn any(&mut self, depth: usize) -> String {
        match self.below(4) {
            0 => self.text(depth),
            1 => self.number(depth),
            2 => self.list(depth),
            _ => self.truth(depth),
        }
    }

    /// Mostly of the kind that is asked for.
    fn path(&mut self, kind: &str) -> String {
        let name = if self.one_in(5) { self.of(NAMES) } else { kind };
        match self.below(12) {
            0 => format!("record[\"{name}\"]"),
            1 => "x".into(),
            2 => format!("record.{name}.y"),
            3 => format!("record.{name}[{}]", self.below(3)),
            _ => format!("record.{name}"),
        }
    }

    fn quoted(&mut self) -> String {
        let length = if self.one_in(40) { self.below(1500) } else { self.below(6) };
        format!("\"{}\"", (0..length).map(|_| self.of(LETTERS)).collect::<String>())
    }

    fn text(&mut self, depth: usize) -> String {
        let Some(below) = depth.checked_sub(1) else {
            return match self.below(3) {
                0 => self.quoted(),
                _ => {
                    let name = self.of(&["t", "u", "d", "long"]);
                    self.path(name)
                }
            };
        };
        match self.below(12) {
            0 | 1 => format!("{}({})", self.of(TEXT_FUNCTIONS), self.text(below)),
            2 => format!("{} + {}", self.text(below), self.text(below)),
            3 => format!("replace({}, {}, {})", self.text(below), self.quoted(), self.quoted()),
            4 => format!("{}.substring({}, {})", self.text(below), self.number(below), self.number(0)),
            5 => format!("join({}, {})", self.list(below), self.quoted()),
            6 => format!("date({}, \"{}\")", self.any(below), self.of(FORMATS)),
            7 => format!("lookup(\"{}\", {})", self.of(&["t", "u"]), self.any(below)),
            8 => format!("default({}, {})", self.any(below), self.any(below)),
            9 => format!("{} ? {} : {}", self.truth(below), self.text(below), self.any(below)),
            10 => format!("padLeft({}, {}, {})", self.any(below), self.number(0), self.quoted()),
            _ => format!("first({})", self.list(below)),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        let Some(below) = depth.checked_sub(1) else {
            return match self.below(6) {
                0 => "9223372036854775807".into(),
                1 => "-9223372036854775808".into(),
                2 => self.path("n"),
                _ => format!("{}", self.below(50)),
            };
        };
        match self.below(8) {
            0 => format!("size({})", self.any(below)),
            1 => format!("indexOf({}, {})", self.text(below), self.text(below)),
            2 => format!("int({})", self.any(below)),
            3 => format!("-({})", self.number(below)),
            4 => format!("daysBetween(date({}), date({}))", self.text(below), self.text(below)),
            _ => format!("({} {} {})", self.number(below), self.of(&["+", "-", "*", "/", "%"]), self.number(below)),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        let Some(below) = depth.checked_sub(1) else {
            let name = self.of(&["l", "m", "deep"]);
            return self.path(name);
        };
        match self.below(12) {
            0 => format!("[{}]", (0..self.below(5)).map(|_| self.any(below)).collect::<Vec<_>>().join(", ")),
            1 => format!("[{{\"value\": {}, \"type\": {}, \"primary\": {}}}]", self.any(below), self.text(below), self.truth(below)),
            2 => format!("{} + {}", self.list(below), self.list(below)),
            3 => format!("{}.map(x, {})", self.list(below), self.any(below)),
            4 => format!("{}.map(x, {}, x)", self.list(below), self.truth(below)),
            5 => format!("{}.filter(x, {})", self.list(below), self.truth(below)),
            6 => format!("split({}, {})", self.text(below), self.quoted()),
            7 => format!("{}({})", self.of(&["distinct", "sort", "reverse", "flatten"]), self.list(below)),
            _ => self.list(0),
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        let Some(below) = depth.checked_sub(1) else { return self.of(&["true", "false", "record.b", "x"]).into() };
        match self.below(10) {
            0 => format!("!({})", self.truth(below)),
            1 => format!("({} && {})", self.truth(below), self.truth(below)),
            2 => format!("({} || {})", self.truth(below), self.truth(below)),
            3 => format!("{}.{}(y, {})", self.list(below), self.of(&["all", "exists", "exists_one"]), self.truth(below)),
            4 => format!("{} in {}", self.any(below), self.list(below)),
            5 => format!("has({})", self.path("t")),
            6 => format!("matches({}, \"{}\")", self.text(below), self.of(PATTERNS)),
            7 => format!("{}.startsWith({})", self.text(below), self.text(below)),
            _ => format!("{} {} {}", self.any(below), self.of(&["==", "!=", "<", ">="]), self.any(below)),
        }
    }

    /// A record whose fields are mostly what their names promise.
    fn record(&mut self) -> Json {
        let mut record = serde_json::Map::new();
        for name in NAMES.iter().filter(|name| **name != "gone") {
            let kind = if self.one_in(6) { self.of(NAMES) } else { name };
            let value = self.value(kind);
            record.insert((*name).into(), value);
        }
        Json::Object(record)
    }

    fn value(&mut self, kind: &str) -> Json {
        match kind {
            "t" => json!(self.of(&["", "a", "Ada", "aaaa", "N/A", "true", "17"])),
            "u" => json!(self.of(&["Łódź", "王小明", "İi\u{307}", "👩🏽\u{200d}🚀", "e\u{301}", "\u{0}", "ß"])),
            "d" => json!(self.of(&["2026-11-22", "9999-12-31", "0000-00-00", "22.11.2026", "/Date(253402214400000)/", "20261122"])),
            "n" => json!([i64::MIN, -1, 0, 1, 7, 45720, i64::MAX][self.below(7)]),
            "b" => json!(self.one_in(2)),
            "l" => {
                let length = if self.one_in(20) { self.below(5000) } else { self.below(6) };
                (0..length).map(|at| if at % 3 == 0 { json!("a") } else { json!(at) }).collect()
            }
            "m" => (0..self.below(40)).map(|at| json!({"value": format!("a{at}@x"), "type": "work", "y": [at]})).collect(),
            "long" => json!(self.of(&["a", "é", "a,b ", "王"]).repeat(if self.one_in(20) { self.below(60_000) } else { self.below(100) })),
            "deep" => (0..self.below(100)).fold(json!("a"), |inner, _| json!([inner])),
            "x.y" => json!({"y": {"z": 1}}),
            _ => Json::Null,
        }
    }
}
