//! Texts in quotes: `"…"`, `'…'`, three of them, `r` before them for raw ones, `b` for bytes; and how a text is written so that it reads the same.

use std::borrow::Cow;
use std::fmt;

use super::super::Problem;
use super::Span;
use super::token::Lexeme;

/// A literal that was read.
pub(super) struct Literal<'t> {
    pub(super) lexeme: Lexeme<'t>,
    pub(super) end: usize,
    pub(super) problems: Vec<Problem>,
}

/// What stands before the quote.
#[derive(Clone, Copy)]
pub(super) struct Prefix {
    pub(super) length: usize,
    raw: bool,
    bytes: bool,
}

/// The prefix of a literal that begins here; nothing where none does.
pub(super) fn prefix(rest: &str) -> Option<Prefix> {
    let words = [("", false, false), ("r", true, false), ("b", false, true), ("br", true, true)];
    words.into_iter().find_map(|(word, raw, bytes)| {
        let start = rest.get(..word.len())?;
        let quote = rest.get(word.len()..)?.starts_with(['"', '\'']);
        (start.eq_ignore_ascii_case(word) && quote).then_some(Prefix { length: word.len(), raw, bytes })
    })
}

/// Reads the literal that begins at a place; an error where it is never closed.
pub(super) fn read(text: &str, start: usize, prefix: Prefix) -> Result<Literal<'_>, Problem> {
    let open = start + prefix.length;
    let rest = text.get(open..).unwrap_or_default();
    let (quote, double) = if rest.starts_with('"') { ("\"", "\"\"\"") } else { ("'", "'''") };
    let close = if rest.starts_with(double) { double } else { quote };
    let mut reader = Reader { text, at: open + close.len(), prefix, chunks: Chunks::default(), problems: Vec::new() };
    let from = reader.at;
    loop {
        let rest = text.get(reader.at..).unwrap_or_default();
        if rest.starts_with(close) {
            break;
        }
        match rest.chars().next() {
            None => return Err(unclosed(text, open, close)),
            Some('\n' | '\r') if close.len() == 1 => return Err(unclosed(text, open, close)),
            Some(letter) => reader.letter(letter),
        }
    }
    let content = text.get(from..reader.at).unwrap_or_default();
    let end = reader.at + close.len();
    let Reader { chunks, problems, .. } = reader;
    let lexeme = match (prefix.bytes, chunks.changed) {
        (true, _) => Lexeme::Bytes(chunks.bytes),
        (false, true) => Lexeme::Text(Cow::Owned(String::from_utf8(chunks.bytes).unwrap_or_default())),
        (false, false) => Lexeme::Text(Cow::Borrowed(content)),
    };
    Ok(Literal { lexeme, end, problems })
}

fn unclosed(text: &str, open: usize, close: &str) -> Problem {
    let rest = text.get(open + close.len()..).unwrap_or_default();
    let other = if close == "\"" { '\'' } else { '"' };
    let line = rest.split(['\n', '\r']).next().unwrap_or_default();
    let hint = if close.len() > 1 {
        format!("end it with {close}")
    } else if line.len() < rest.len() {
        format!("end it with {close} on its line; a new line inside is written \\n")
    } else if line.contains(other) {
        format!("it begins with {close}, so it ends with {close} and not with {other}")
    } else {
        format!("end it with {close}")
    };
    Span { start: open, end: open + close.len() }.problem("the text that begins here is not closed", hint)
}

#[derive(Default)]
struct Chunks {
    bytes: Vec<u8>,
    /// it is not just what stands between the quotes
    changed: bool,
}

impl Chunks {
    fn letter(&mut self, letter: char) {
        let mut room = [0; 4];
        self.bytes.extend_from_slice(letter.encode_utf8(&mut room).as_bytes());
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    prefix: Prefix,
    chunks: Chunks,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn letter(&mut self, letter: char) {
        match letter {
            '\\' if !self.prefix.raw => return self.escape(),
            // However a file ends its lines, the text is the same.
            '\r' => {
                self.chunks.changed = true;
                let next = self.text.get(self.at + 1..).unwrap_or_default();
                if !next.starts_with('\n') {
                    self.chunks.letter('\n');
                }
            }
            letter => self.chunks.letter(letter),
        }
        self.at += letter.len_utf8();
    }

    fn escape(&mut self) {
        self.chunks.changed = true;
        let start = self.at;
        let rest = self.text.get(start + 1..).unwrap_or_default();
        let Some(kind) = rest.chars().next() else {
            self.at += 1;
            return;
        };
        self.at += 1 + kind.len_utf8();
        match kind {
            'a' => self.chunks.letter('\u{7}'),
            'b' => self.chunks.letter('\u{8}'),
            'f' => self.chunks.letter('\u{c}'),
            'n' => self.chunks.letter('\n'),
            'r' => self.chunks.letter('\r'),
            't' => self.chunks.letter('\t'),
            'v' => self.chunks.letter('\u{b}'),
            '\\' | '?' | '"' | '\'' | '`' => self.chunks.letter(kind),
            'x' | 'X' => self.digits(start, 2, 16),
            'u' if !self.prefix.bytes => self.digits(start, 4, 16),
            'U' if !self.prefix.bytes => self.digits(start, 8, 16),
            '0'..='3' => {
                self.at = start + 1;
                self.digits(start, 3, 8);
            }
            _ => self.unknown(start, kind),
        }
    }

    /// A letter by its number; in bytes, a byte.
    fn digits(&mut self, start: usize, count: usize, base: u32) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.bytes().take(count).take_while(|byte| char::from(*byte).is_digit(base)).count();
        let number = rest.get(..length).and_then(|digits| u32::from_str_radix(digits, base).ok());
        self.at += length;
        let span = Span { start, end: self.at };
        let shown = span.of(self.text).to_owned();
        if length < count {
            let message = format!("`{shown}` has too few digits");
            let hint =
                if base == 8 { "write three digits from 0 to 7, up to \\377".into() } else { format!("write {count} digits of base 16") };
            return self.problems.push(span.problem(message, hint));
        }
        match (self.prefix.bytes, number, number.and_then(char::from_u32)) {
            (true, Some(number), _) => self.chunks.bytes.extend(u8::try_from(number)),
            (false, _, Some(letter)) => self.chunks.letter(letter),
            _ => {
                let hint = "write the letter itself, or \\U and eight digits for one beyond \\uFFFF";
                self.problems.push(span.problem(format!("`{shown}` is no letter"), hint));
            }
        }
    }

    fn unknown(&mut self, start: usize, kind: char) {
        let span = Span { start, end: self.at };
        let hint = match kind {
            'u' | 'U' => "in bytes only \\x and three digits from 0 to 7 stand for a byte".into(),
            '\n' | '\r' => "a text in three quotes goes on in the next line".into(),
            _ => format!("a backslash is written \\\\ (\\\\{kind}), or the text is raw: r\"…\""),
        };
        self.problems.push(span.problem(format!("`\\{}` means nothing in a text", kind.escape_debug()), hint));
    }
}

/// A text as CEL writes it; what can't be seen is written by its number.
pub(in crate::expr) struct Quoted<'a>(pub(in crate::expr) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("\"")?;
        for (at, letter) in self.0.char_indices() {
            match letter {
                '"' => out.write_str("\\\"")?,
                '\\' => out.write_str("\\\\")?,
                '\n' => out.write_str("\\n")?,
                '\r' => out.write_str("\\r")?,
                '\t' => out.write_str("\\t")?,
                letter if is_plain(letter, at == 0) => write!(out, "{letter}")?,
                letter => match u32::from(letter) {
                    number @ 0..=0xFFFF => write!(out, "\\u{number:04x}")?,
                    number => write!(out, "\\U{number:08x}")?,
                },
            }
        }
        out.write_str("\"")
    }
}

/// Whether a letter can be seen as it is. An accent that stands alone joins the quote before it.
fn is_plain(letter: char, first: bool) -> bool {
    if letter.is_ascii() {
        return letter == ' ' || letter.is_ascii_graphic();
    }
    let mut shown = String::from(if first { "" } else { "a" });
    shown.push(letter);
    shown.escape_debug().all(|shown| shown != '\\')
}
