//! Where the parser stands in the tokens: what is taken, which brackets are open, and what is said of a token that does not fit.

use super::super::Problem;
use super::token::{Bracket, Lexeme, Sign, Token};
use super::{Kind, MAX_BRACKETS, Span, Tree, slips};

/// What comes behind can't be read; why was told.
pub(super) struct Stop;

pub(super) type Read<'t> = Result<Tree<'t>, Stop>;

/// A bracket that is open.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) bracket: Bracket,
    pub(super) span: Span,
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: std::iter::Peekable<std::vec::IntoIter<Token<'t>>>,
    pub(super) end: Span,
    /// what was taken last
    pub(super) last: Option<Token<'t>>,
    pub(super) open: Vec<Open>,
    pub(super) problems: Vec<Problem>,
}

impl<'t> Parser<'t> {
    pub(super) fn peek(&mut self) -> Option<Token<'t>> {
        self.tokens.peek().cloned()
    }

    pub(super) fn next(&mut self) -> Option<Token<'t>> {
        let token = self.tokens.next();
        if token.is_some() {
            self.last.clone_from(&token);
        }
        token
    }

    pub(super) fn next_is(&mut self, sign: Sign) -> bool {
        self.tokens.peek().is_some_and(|token| matches!(token.lexeme, Lexeme::Sign(next) if next == sign))
    }

    pub(super) fn takes(&mut self, sign: Sign) -> bool {
        let there = self.next_is(sign);
        if there {
            self.next();
        }
        there
    }

    /// Reads the next token as the sign that was meant.
    pub(super) fn replace(&mut self, sign: Sign) {
        if let Some(token) = self.tokens.peek_mut() {
            token.lexeme = Lexeme::Sign(sign);
        }
    }

    pub(super) fn last_span(&self) -> Span {
        self.last.as_ref().map_or(Span::default(), |last| last.span)
    }

    pub(super) fn tree(&mut self, kind: Kind<'t>, span: Span) -> Read<'t> {
        match Tree::new(kind, span) {
            Some(tree) => Ok(tree),
            None => self.stop(span, "the expression nests too deeply", "split it into several rules"),
        }
    }

    pub(super) fn tell(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(span.problem(message, hint));
    }

    pub(super) fn stop<T>(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) -> Result<T, Stop> {
        self.tell(span, message, hint);
        Err(Stop)
    }

    pub(super) fn opens(&mut self) -> Result<(), Stop> {
        if let Some(Token { lexeme: Lexeme::Sign(Sign::Open(bracket)), span }) = self.next() {
            self.open.push(Open { bracket, span });
            if self.open.len() > MAX_BRACKETS {
                return self.stop(span, "brackets nest too deeply", "at most 32 may stand in each other; split it into several rules");
            }
        }
        Ok(())
    }

    /// Takes the bracket that closes the innermost one.
    pub(super) fn takes_closing(&mut self) -> bool {
        let Some(open) = self.open.last().copied() else { return false };
        let closed = self.next_is(Sign::Close(open.bracket));
        if closed {
            self.open.pop();
            self.next();
        }
        closed
    }

    pub(super) fn closes(&mut self, other: &str) -> Result<(), Stop> {
        if self.takes_closing() { Ok(()) } else { self.not_closed(other) }
    }

    pub(super) fn not_closed<T>(&mut self, other: &str) -> Result<T, Stop> {
        let Some(open) = self.open.last().copied() else { return Err(Stop) };
        let (sign, close) = (open.span.of(self.text), letter(open.bracket));
        match self.peek() {
            None => self.stop(open.span, format!("this `{sign}` is not closed"), format!("write {close} where it ends")),
            Some(token) => {
                let shown = shown(token.span.of(self.text));
                let hint = match token.lexeme {
                    Lexeme::Sign(Sign::Close(_)) => format!("the `{sign}` in {} is still open", open.span.place(self.text)),
                    Lexeme::Sign(Sign::Colon) if open.bracket != Bracket::Curly => "a map stands in braces: {\"name\": value}".into(),
                    _ => format!("{other} or `{close}` is expected"),
                };
                self.stop(token.span, format!("`{shown}` is not understood here"), hint)
            }
        }
    }

    /// Whether one more item comes; takes the comma before it, and the bracket behind the last one. A comma may stand behind the last item, or alone.
    pub(super) fn another(&mut self, first: bool) -> Result<bool, Stop> {
        if self.takes_closing() {
            return Ok(false);
        }
        if first && !self.next_is(Sign::Comma) {
            return Ok(true);
        }
        self.comma()?;
        if self.takes_closing() {
            return Ok(false);
        }
        if first {
            return self.stop(self.last_span(), "nothing stands before this comma", "write the item before it, or remove it");
        }
        Ok(true)
    }

    /// The comma between two items.
    pub(super) fn comma(&mut self) -> Result<(), Stop> {
        if self.takes(Sign::Comma) {
            return Ok(());
        }
        self.not_closed("a comma")
    }

    pub(super) fn nothing_more(&mut self) -> Result<(), Stop> {
        let Some(token) = self.peek() else { return Ok(()) };
        let shown = shown(token.span.of(self.text));
        let (message, hint) = match token.lexeme {
            Lexeme::Sign(Sign::Close(_)) => (format!("this `{shown}` closes nothing"), "remove it, or open it before"),
            Lexeme::Sign(Sign::Comma) => {
                ("a comma stands only between the items of a list or of a function".into(), "several values are a list: [one, other]")
            }
            Lexeme::Sign(Sign::Colon) => ("this `:` belongs to nothing".into(), "choose with condition ? one : other"),
            _ => return self.unexpected(&token),
        };
        self.stop(token.span, message, hint)
    }

    /// Something else than an operator behind a value.
    pub(super) fn unexpected<T>(&mut self, token: &Token<'t>) -> Result<T, Stop> {
        let shown = shown(token.span.of(self.text));
        let hint = match (&token.lexeme, self.last.as_ref()) {
            (Lexeme::Name(word), _) if slips::behind_a_value(word).is_some() => slips::behind_a_value(word),
            (_, Some(last)) if slips::is_word(last) && slips::is_word(token) => {
                let both = last.span.to(token.span).of(self.text);
                Some(format!("an operator is expected; or, where it is one name, [\"{both}\"] without a dot before it"))
            }
            (Lexeme::Text(_), Some(last)) if matches!(last.lexeme, Lexeme::Text(_)) => {
                Some("put texts together with +, or separate items by a comma".into())
            }
            (Lexeme::Sign(Sign::Not), _) => Some("write !(one in list), or one != other".into()),
            _ => None,
        };
        let hint = hint.unwrap_or_else(|| "an operator is expected, such as ==, &&, + or in".into());
        self.stop(token.span, format!("`{shown}` is not understood here"), hint)
    }

    /// Something where a value must stand. Before a closing bracket or a comma the rest can be read all the same.
    pub(super) fn no_value(&mut self, token: &Token<'t>) -> Read<'t> {
        let shown = shown(token.span.of(self.text)).to_owned();
        let before = self.last.as_ref().map(|last| last.span);
        if let Some(hint) = slips::before_a_value(token) {
            return self.stop(token.span, format!("`{shown}` is not understood here"), hint);
        }
        let Some(before) = before else {
            return self.stop(token.span, format!("nothing stands before `{shown}`"), "write the value before it, or remove it");
        };
        let other = before.of(self.text).to_owned();
        match token.lexeme {
            Lexeme::Sign(Sign::Close(_)) if matches!(self.last.as_ref().map(|last| &last.lexeme), Some(Lexeme::Sign(Sign::Open(_)))) => {
                self.tell(before.to(token.span), format!("nothing stands in `{other}{shown}`"), "write a value in it, or remove it");
            }
            _ => self.tell(token.span, format!("a value is missing between `{other}` and `{shown}`"), "write it, or remove one of them"),
        }
        match token.lexeme {
            Lexeme::Sign(Sign::Close(_) | Sign::Comma) => self.tree(Kind::Unread, token.span),
            _ => Err(Stop),
        }
    }

    pub(super) fn nothing_on_the_right(&mut self) -> Read<'t> {
        if let Some(open) = self.open.last().copied().filter(|open| open.span == self.last_span()) {
            let (sign, close) = (open.span.of(self.text), letter(open.bracket));
            return self.stop(open.span, format!("this `{sign}` is not closed"), format!("write {close} where it ends"));
        }
        let last = self.last_span();
        let shown = last.of(self.text).to_owned();
        self.stop(last, format!("nothing stands behind `{shown}`"), "write the value, or remove it")
    }
}

fn letter(bracket: Bracket) -> char {
    match bracket {
        Bracket::Round => ')',
        Bracket::Square => ']',
        Bracket::Curly => '}',
    }
}

/// No more of a long text than people read.
fn shown(text: &str) -> &str {
    const SHOWN: usize = 24;
    text.get(..text.floor_char_boundary(SHOWN)).unwrap_or(text)
}
