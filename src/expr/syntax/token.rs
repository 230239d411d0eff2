//! Text to tokens, each where it stands. What is no token of CEL is told, and read as what it stands for where that is clear.

use std::borrow::Cow;

use super::super::Problem;
use super::{Comparison, Operator, Span, quoted, slips};

#[derive(Clone, Debug)]
pub(super) struct Token<'t> {
    pub(super) lexeme: Lexeme<'t>,
    pub(super) span: Span,
}

#[derive(Clone, Debug)]
pub(super) enum Lexeme<'t> {
    Name(&'t str),
    /// a name in backticks
    Escaped(&'t str),
    Int(u64),
    Uint(u64),
    Double(f64),
    Text(Cow<'t, str>),
    Bytes(Vec<u8>),
    Null,
    Bool(bool),
    Sign(Sign),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Open(Bracket),
    Close(Bracket),
    Dot,
    Comma,
    Colon,
    Question,
    Not,
    And,
    Or,
    In,
    Compare(Comparison),
    /// `-` before a value, too
    Math(Operator),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
}

/// A text's tokens.
pub(super) struct Tokens<'t> {
    pub(super) list: Vec<Token<'t>>,
    pub(super) problems: Vec<Problem>,
    /// read to its end
    pub(super) whole: bool,
}

/// The signs, those of two letters first.
const SIGNS: &[(&str, Sign)] = &[
    ("==", Sign::Compare(Comparison::Equal)),
    ("!=", Sign::Compare(Comparison::NotEqual)),
    ("<=", Sign::Compare(Comparison::LessOrEqual)),
    (">=", Sign::Compare(Comparison::GreaterOrEqual)),
    ("&&", Sign::And),
    ("||", Sign::Or),
    ("<", Sign::Compare(Comparison::Less)),
    (">", Sign::Compare(Comparison::Greater)),
    ("(", Sign::Open(Bracket::Round)),
    (")", Sign::Close(Bracket::Round)),
    ("[", Sign::Open(Bracket::Square)),
    ("]", Sign::Close(Bracket::Square)),
    ("{", Sign::Open(Bracket::Curly)),
    ("}", Sign::Close(Bracket::Curly)),
    (".", Sign::Dot),
    (",", Sign::Comma),
    (":", Sign::Colon),
    ("?", Sign::Question),
    ("!", Sign::Not),
    ("+", Sign::Math(Operator::Add)),
    ("-", Sign::Math(Operator::Subtract)),
    ("*", Sign::Math(Operator::Multiply)),
    ("/", Sign::Math(Operator::Divide)),
    ("%", Sign::Math(Operator::Remainder)),
];

/// Reads a text.
pub(super) fn read(text: &str) -> Tokens<'_> {
    let mut lexer = Lexer { text, at: 0, list: Vec::new(), problems: Vec::new() };
    while let Some(letter) = lexer.rest().chars().next() {
        if let Err(problem) = lexer.token(letter) {
            lexer.problems.push(problem);
            return Tokens { list: lexer.list, problems: lexer.problems, whole: false };
        }
    }
    Tokens { list: lexer.list, problems: lexer.problems, whole: true }
}

/// The sign that a text is.
pub(super) fn sign(text: &str) -> Option<Sign> {
    if text == "in" {
        return Some(Sign::In);
    }
    SIGNS.iter().find(|(known, _)| *known == text).map(|(_, sign)| *sign)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    list: Vec<Token<'t>>,
    problems: Vec<Problem>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next bytes as a span.
    fn ahead(&self, length: usize) -> Span {
        Span { start: self.at, end: self.at + length }
    }

    fn push(&mut self, lexeme: Lexeme<'t>, length: usize) {
        let span = self.ahead(length);
        self.at = span.end;
        self.list.push(Token { lexeme, span });
    }

    fn tell(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(span.problem(message, hint));
    }

    /// One token, or what stands between tokens; an error where nothing behind it could be read.
    fn token(&mut self, letter: char) -> Result<(), Problem> {
        let rest = self.rest();
        if matches!(letter, '\t' | '\n' | '\u{c}' | '\r' | ' ') {
            self.at += 1;
        } else if rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some(prefix) = quoted::prefix(rest) {
            return self.quoted(prefix);
        } else if letter.is_ascii_digit() || (letter == '.' && digits(rest, 1, 10) > 0) {
            self.number(letter);
        } else if starts_name(letter) || letter.is_alphabetic() {
            self.word();
        } else if let Some(slip) = slips::sign(rest) {
            return self.slip(slip);
        } else if let Some((known, sign)) = SIGNS.iter().find(|(known, _)| rest.starts_with(known)) {
            self.push(Lexeme::Sign(*sign), known.len());
        } else if letter == '`' {
            return self.escaped();
        } else {
            return self.stranger(letter);
        }
        Ok(())
    }

    fn quoted(&mut self, prefix: quoted::Prefix) -> Result<(), Problem> {
        let literal = quoted::read(self.text, self.at, prefix)?;
        self.problems.extend(literal.problems);
        let length = literal.end - self.at;
        self.push(literal.lexeme, length);
        // `'O'Brien'`
        let word = self.rest().get(..name_length(self.rest())).unwrap_or_default();
        if word.starts_with(starts_name) && word != "in" {
            let quote = Span { start: literal.end - 1, end: literal.end };
            let shown = quote.of(self.text);
            let hint = format!("a {shown} inside is written \\{shown}, or the text stands in the other quotes");
            return Err(quote.problem("the text ends at this quote", hint));
        }
        Ok(())
    }

    fn number(&mut self, letter: char) {
        if letter == '.' && self.follows_a_value() {
            return self.field_of_digits();
        }
        let rest = self.rest();
        if rest.starts_with("0x") && digits(rest, 2, 16) > 0 {
            let length = 2 + digits(rest, 2, 16);
            return self.whole_number(rest.get(2..length).unwrap_or_default(), length, 16);
        }
        let whole = digits(rest, 0, 10);
        let dotted = rest.get(whole..).is_some_and(|rest| rest.starts_with('.'));
        let point = if dotted { digits(rest, whole + 1, 10) } else { 0 };
        let mut length = if point > 0 { whole + 1 + point } else { whole };
        let power = exponent(rest.get(length..).unwrap_or_default());
        length += power;
        if point + power == 0 {
            return self.whole_number(rest.get(..whole).unwrap_or_default(), whole, 10);
        }
        let number = rest.get(..length).and_then(|number| number.parse().ok()).filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.tell(self.ahead(length), "the number is too large", "write it as text in quotes");
        }
        self.push(Lexeme::Double(number.unwrap_or_default()), length);
        self.no_letters_behind();
    }

    fn whole_number(&mut self, digits: &str, length: usize, base: u32) {
        let number = u64::from_str_radix(digits, base);
        let unsigned = self.rest().get(length..).is_some_and(|rest| rest.starts_with(['u', 'U']));
        let length = length + usize::from(unsigned);
        if number.is_err() {
            self.tell(self.ahead(length), "the number is too large", "write it as text in quotes");
        }
        let number = number.unwrap_or_default();
        self.push(if unsigned { Lexeme::Uint(number) } else { Lexeme::Int(number) }, length);
        self.no_letters_behind();
    }

    /// `10k`, `2nd`
    fn no_letters_behind(&mut self) {
        let length = name_length(self.rest());
        let Some(number) = self.list.last().map(|token| token.span) else { return };
        let word = self.rest().get(..length).unwrap_or_default();
        if length == 0 || word == "in" {
            return;
        }
        let span = number.to(self.ahead(length));
        let shown = span.of(self.text);
        let hint = format!("a text stands in quotes: \"{shown}\"");
        self.tell(span, format!("`{shown}` is no number"), hint);
        self.at += length;
    }

    /// `record.2nd`
    fn field_of_digits(&mut self) {
        self.push(Lexeme::Sign(Sign::Dot), 1);
        let length = name_length(self.rest());
        let name = self.rest().get(..length).unwrap_or_default();
        self.tell(self.ahead(length), "a name can't begin with a digit", format!("write [\"{name}\"] without the dot"));
        self.push(Lexeme::Name(name), length);
    }

    /// Whether a field of what stands just before may be meant.
    fn follows_a_value(&self) -> bool {
        let Some(last) = self.list.last().filter(|last| last.span.end == self.at) else { return false };
        matches!(last.lexeme, Lexeme::Name(_) | Lexeme::Escaped(_) | Lexeme::Sign(Sign::Close(_)))
    }

    fn word(&mut self) {
        let rest = self.rest();
        let length = rest.find(|letter: char| !continues_name(letter) && !letter.is_alphanumeric()).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or_default();
        if !word.is_ascii() {
            let hint = format!("outside of quotes only plain letters are understood; a field is record[\"{word}\"], a text \"{word}\"");
            self.tell(self.ahead(length), format!("`{word}` is not understood here"), hint);
        }
        let lexeme = match word {
            "true" => Lexeme::Bool(true),
            "false" => Lexeme::Bool(false),
            "null" => Lexeme::Null,
            "in" => Lexeme::Sign(Sign::In),
            word => Lexeme::Name(word),
        };
        self.push(lexeme, length);
    }

    fn slip(&mut self, slip: slips::Slip) -> Result<(), Problem> {
        let span = self.ahead(slip.length);
        let problem = span.problem(slip.message, slip.hint);
        match slip.meant {
            slips::Meant::Sign(sign) => self.push(Lexeme::Sign(sign), slip.length),
            slips::Meant::Blank => self.at += slip.length,
            slips::Meant::Text => {
                let content = self.rest().get(slip.quote..slip.length - slip.quote).unwrap_or_default();
                self.push(Lexeme::Text(Cow::Borrowed(content)), slip.length);
            }
            slips::Meant::Unknown => return Err(problem),
        }
        self.problems.push(problem);
        Ok(())
    }

    fn escaped(&mut self) -> Result<(), Problem> {
        let rest = self.rest();
        let name = rest.get(1..).and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
        let plain = |letter: char| continues_name(letter) || matches!(letter, '.' | '-' | '/' | ' ');
        match name {
            Some(name) if !name.is_empty() && name.chars().all(plain) => {
                self.push(Lexeme::Escaped(name), name.len() + 2);
                Ok(())
            }
            Some(name) => {
                let hint = format!("a field is record[\"{name}\"], a text \"{name}\"");
                Err(self.ahead(name.len() + 2).problem("what stands in backticks is no name", hint))
            }
            None => Err(self.ahead(1).problem("this backtick is not closed", "a field is record[\"the name\"], a text \"the text\"")),
        }
    }

    fn stranger(&self, letter: char) -> Result<(), Problem> {
        let (message, hint) = slips::stranger(letter);
        Err(self.ahead(letter.len_utf8()).problem(message, hint))
    }
}

pub(super) fn starts_name(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

fn continues_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn name_length(rest: &str) -> usize {
    rest.find(|letter| !continues_name(letter)).unwrap_or(rest.len())
}

/// How many digits stand from a place on.
fn digits(rest: &str, from: usize, base: u32) -> usize {
    rest.bytes().skip(from).take_while(|byte| char::from(*byte).is_digit(base)).count()
}

/// Bytes of `e+9`.
fn exponent(rest: &str) -> usize {
    if !rest.starts_with(['e', 'E']) {
        return 0;
    }
    let sign = usize::from(rest.as_bytes().get(1).is_some_and(|byte| matches!(byte, b'+' | b'-')));
    match digits(rest, 1 + sign, 10) {
        0 => 0,
        count => 1 + sign + count,
    }
}
