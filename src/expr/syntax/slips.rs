//! What people write by habit from other languages, word processors and shells: what it stands for, and how it is written here.

use super::token::{Lexeme, Sign, Token, sign as read_sign, starts_name};
use super::{Comparison, Operator};

/// Signs that CEL does not have.
pub(super) struct Slip {
    /// bytes
    pub(super) length: usize,
    /// bytes of the quote, for a text
    pub(super) quote: usize,
    pub(super) meant: Meant,
    pub(super) message: String,
    pub(super) hint: String,
}

pub(super) enum Meant {
    Sign(Sign),
    /// the text between the quotes
    Text,
    Blank,
    Unknown,
}

/// What is written, and the sign that is meant; longest first.
const WRITTEN: &[(&str, &str)] = &[
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    ("=<", "<="),
    ("=>", ">="),
    (":=", "=="),
    ("≠", "!="),
    ("≤", "<="),
    ("≥", ">="),
    ("×", "*"),
    ("÷", "/"),
    ("−", "-"),
    ("–", "-"),
    ("—", "-"),
    ("，", ","),
    ("：", ":"),
    ("（", "("),
    ("）", ")"),
    ("［", "["),
    ("］", "]"),
    ("？", "?"),
    ("！", "!"),
    ("＝", "=="),
];

/// What has no sign that it could stand for, and the next step.
const FOREIGN: &[(&str, &str)] = &[
    ("=~", "write matches(text, \"pattern\")"),
    ("!~", "write !matches(text, \"pattern\")"),
    ("??", "write default(value, otherwise)"),
    ("**", "there are no powers; multiply with *"),
    ("++", "write + 1"),
    ("+=", "an expression changes nothing; it gives a value"),
    ("-=", "an expression changes nothing; it gives a value"),
    ("->", "choose with condition ? one : other; go through a list with list.map(x, …)"),
    ("${", "leave ${ and } out: all of this is an expression already"),
    ("/*", "a comment begins with // and goes to the end of its line"),
];

const QUOTES: &[char] = &['“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»', '″', '′', '＂', '＇'];

/// The slip that begins here.
pub(super) fn sign(rest: &str) -> Option<Slip> {
    let first = rest.chars().next()?;
    if QUOTES.contains(&first) {
        return Some(quotes(rest, first));
    }
    if let Some((written, hint)) = FOREIGN.iter().find(|(written, _)| rest.starts_with(written)) {
        let message = format!("`{written}` is not understood here");
        return Some(Slip { length: written.len(), quote: 0, meant: Meant::Unknown, message, hint: (*hint).into() });
    }
    if let Some((written, meant)) = WRITTEN.iter().find(|(written, _)| rest.starts_with(written)) {
        return Some(instead(written, meant));
    }
    match first {
        '=' if !rest.starts_with("==") => Some(instead("=", "==")),
        '&' if !rest.starts_with("&&") => Some(instead("&", "&&")),
        '|' if !rest.starts_with("||") => Some(instead("|", "||")),
        letter if is_invisible(letter) => {
            let message = format!("a character that can't be seen stands here (U+{:04X})", u32::from(letter));
            let hint = "replace it by a plain blank, or remove it".into();
            Some(Slip { length: letter.len_utf8(), quote: 0, meant: Meant::Blank, message, hint })
        }
        _ => None,
    }
}

fn instead(written: &str, meant: &str) -> Slip {
    let hint = if meant == "==" { "compare with ==".into() } else { format!("write {meant}") };
    let message = format!("`{written}` is not understood here");
    Slip { length: written.len(), quote: 0, meant: read_sign(meant).map_or(Meant::Unknown, Meant::Sign), message, hint }
}

/// `“Sales”`
fn quotes(rest: &str, open: char) -> Slip {
    let quote = open.len_utf8();
    let message = format!("`{open}` is no quote here");
    let hint = "put plain quotes around the text: \"…\"".into();
    let line = rest.split(['\n', '\r']).next().unwrap_or_default();
    let close = line.char_indices().skip(1).find(|(_, letter)| QUOTES.contains(letter) && letter.len_utf8() == quote);
    match close {
        Some((at, _)) => Slip { length: at + quote, quote, meant: Meant::Text, message, hint },
        None => Slip { length: quote, quote, meant: Meant::Unknown, message, hint },
    }
}

fn is_invisible(letter: char) -> bool {
    let marks = matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    marks || (letter.is_whitespace() && !letter.is_ascii())
}

/// A letter that begins nothing.
pub(super) fn stranger(letter: char) -> (String, &'static str) {
    let hint = match letter {
        '\\' => "write the quote without the backslash before it",
        '#' => "a comment begins with //",
        '$' => "leave the $ out",
        ';' => "an expression is one value; nothing stands behind it",
        '^' | '~' => "a pattern is tried with matches(text, \"pattern\")",
        letter if letter.is_control() => "remove it",
        _ => "a text stands in quotes; a field is record[\"the name\"]",
    };
    let shown = if letter.is_control() { letter.escape_unicode().to_string() } else { letter.to_string() };
    (format!("`{shown}` is not understood here"), hint)
}

/// The operator that a word stands for, between two values.
pub(super) fn operator(word: &str) -> Option<(Sign, &'static str)> {
    Some(match word.to_ascii_lowercase().as_str() {
        "and" => (Sign::And, "write &&"),
        "or" => (Sign::Or, "write ||"),
        "is" | "eq" | "equals" => (Sign::Compare(Comparison::Equal), "compare with =="),
        "ne" => (Sign::Compare(Comparison::NotEqual), "write !="),
        "lt" => (Sign::Compare(Comparison::Less), "write <"),
        "le" => (Sign::Compare(Comparison::LessOrEqual), "write <="),
        "gt" => (Sign::Compare(Comparison::Greater), "write >"),
        "ge" => (Sign::Compare(Comparison::GreaterOrEqual), "write >="),
        "div" => (Sign::Math(Operator::Divide), "write /"),
        "mod" => (Sign::Math(Operator::Remainder), "write %"),
        _ => return None,
    })
}

/// What to do about a word behind a value; nothing where none is known.
pub(super) fn behind_a_value(word: &str) -> Option<String> {
    Some(match word.to_ascii_lowercase().as_str() {
        "not" => "write !(one in list), and !(…) around what must not be".into(),
        "then" | "else" | "if" | "unless" | "when" => CHOICE.into(),
        "contains" | "startswith" | "endswith" | "matches" => format!("write it as a function: text.{word}(\"…\")"),
        "like" => "write matches(text, \"pattern\"), or startsWith, endsWith, contains".into(),
        "sw" => "write text.startsWith(\"…\")".into(),
        "co" => "write text.contains(\"…\")".into(),
        "ew" => "write text.endsWith(\"…\")".into(),
        "xor" => "write one != other".into(),
        "as" => "an expression gives a value and names nothing".into(),
        _ => return None,
    })
}

const CHOICE: &str = "choose with condition ? one : other";

/// Words that CEL keeps for the languages around it: what to do instead of each.
pub(super) fn reserved(word: &str) -> Option<&'static str> {
    Some(match word {
        "if" | "else" => CHOICE,
        "for" | "while" | "loop" | "break" | "continue" => "go through a list with list.map(x, …), filter, all or exists",
        "let" | "var" | "const" => "an expression has no variables; repeat the part",
        "function" | "return" => "an expression is one value; there is nothing to return",
        "as" | "import" | "namespace" | "package" | "void" => "a field of that name is reached behind a dot or as [\"name\"]",
        _ => return None,
    })
}

/// What to do where a value must stand and something else does.
pub(super) fn before_a_value(token: &Token<'_>) -> Option<&'static str> {
    match token.lexeme {
        Lexeme::Sign(Sign::Math(Operator::Add)) => Some("leave the + out"),
        Lexeme::Sign(Sign::Math(Operator::Divide)) => Some("a pattern is a text in quotes: matches(text, \"pattern\")"),
        Lexeme::Sign(Sign::Question) => Some("only an item of a list or a key can be optional"),
        _ => None,
    }
}

/// Whether a word and what follows look like a name with a blank in it.
pub(super) fn is_word(token: &Token<'_>) -> bool {
    matches!(token.lexeme, Lexeme::Name(name) if name.starts_with(starts_name))
}
