//! Tokens to a tree, by the strength of the operators between the values (a Pratt parser).
//!
//! It recurses for brackets and for stronger operators alone, so never deeper than the bound on brackets allows.

use super::super::Problem;
use super::cursor::{Parser, Read, Stop};
use super::token::{Bracket, Lexeme, Sign, Token};
use super::{Call, Index, Kind, Member, Message, Name, Operator, Span, Tree, slips};

/// Reads the tokens of a text; no tree where what is wrong hides what was meant.
pub(super) fn read<'t>(text: &'t str, tokens: Vec<Token<'t>>) -> (Option<Tree<'t>>, Vec<Problem>) {
    let end = Span { start: text.len(), end: text.len() };
    let mut parser = Parser { text, tokens: tokens.into_iter().peekable(), end, last: None, open: Vec::new(), problems: Vec::new() };
    if parser.peek().is_none() {
        let whole = Span { start: 0, end: text.len() };
        return (None, vec![whole.problem("the expression is empty: it is a comment alone", "leave the key out, or write an expression")]);
    }
    let tree = parser.expression().and_then(|tree| parser.nothing_more().map(|()| tree));
    (tree.ok(), parser.problems)
}

/// How strongly operators bind, weakest first.
const OR: u8 = 1;
const AND: u8 = 2;
const RELATION: u8 = 3;
const SUM: u8 = 4;
const PRODUCT: u8 = 5;

fn strength(sign: Sign) -> Option<u8> {
    Some(match sign {
        Sign::Or => OR,
        Sign::And => AND,
        Sign::Compare(_) | Sign::In => RELATION,
        Sign::Math(Operator::Add | Operator::Subtract) => SUM,
        Sign::Math(_) => PRODUCT,
        _ => return None,
    })
}

impl<'t> Parser<'t> {
    /// `condition ? one : other`, which goes on to the right.
    fn expression(&mut self) -> Read<'t> {
        let mut branches = Vec::new();
        let mut tree = loop {
            let condition = self.operation(OR)?;
            if !self.takes(Sign::Question) {
                break condition;
            }
            let question = self.last_span();
            let then = self.operation(OR)?;
            self.colon(question)?;
            branches.push((condition, then));
        };
        while let Some((condition, then)) = branches.pop() {
            let span = condition.span.to(tree.span);
            tree = self.tree(Kind::Choice(Box::new([condition, then, tree])), span)?;
        }
        Ok(tree)
    }

    /// The `:` of a choice.
    fn colon(&mut self, question: Span) -> Result<(), Stop> {
        if self.takes(Sign::Colon) {
            return Ok(());
        }
        match self.peek() {
            Some(token) if matches!(token.lexeme, Lexeme::Sign(Sign::Question)) => {
                let hint = "put it in brackets: a ? (b ? one : two) : three";
                self.stop(token.span, "a choice between `?` and `:` needs brackets", hint)
            }
            Some(token) if !matches!(token.lexeme, Lexeme::Sign(Sign::Close(_) | Sign::Comma)) => self.unexpected(&token),
            _ => {
                let message = "this `?` has no `:`";
                let hint = "write condition ? one : other; what may be missing needs no `?`, it is null";
                self.stop(question, message, hint)
            }
        }
    }

    /// Values with operators between them, none weaker than the least.
    fn operation(&mut self, least: u8) -> Read<'t> {
        let mut left = self.unary()?;
        while let Some((sign, strength)) = self.operator()?.filter(|(_, strength)| *strength >= least) {
            self.next();
            if matches!(sign, Sign::And | Sign::Or) {
                left = self.terms(left, sign, strength)?;
                continue;
            }
            let right = self.operation(strength + 1)?;
            let span = left.span.to(right.span);
            let sides = Box::new([left, right]);
            let kind = match sign {
                Sign::Compare(comparison) => Kind::Compare(comparison, sides),
                Sign::Math(operator) => Kind::Math(operator, sides),
                _ => Kind::In(sides),
            };
            left = self.tree(kind, span)?;
        }
        Ok(left)
    }

    /// `a && b && c` is one tree however many there are.
    fn terms(&mut self, first: Tree<'t>, sign: Sign, strength: u8) -> Read<'t> {
        let mut terms = vec![first];
        loop {
            terms.push(self.operation(strength + 1)?);
            match self.operator()? {
                Some((next, _)) if next == sign => drop(self.next()),
                _ => break,
            }
        }
        let span = span_of(&terms);
        self.tree(if sign == Sign::And { Kind::And(terms) } else { Kind::Or(terms) }, span)
    }

    /// The operator that comes next, a word that stands for one among them; nothing where the operation ends here.
    fn operator(&mut self) -> Result<Option<(Sign, u8)>, Stop> {
        let Some(token) = self.peek() else { return Ok(None) };
        match token.lexeme {
            Lexeme::Sign(sign) => Ok(strength(sign).map(|strength| (sign, strength))),
            Lexeme::Name(word) => match slips::operator(word) {
                Some((sign, hint)) => {
                    self.tell(token.span, format!("`{word}` is not understood here"), hint);
                    self.replace(sign);
                    Ok(strength(sign).map(|strength| (sign, strength)))
                }
                None => self.unexpected(&token),
            },
            _ => self.unexpected(&token),
        }
    }

    /// `!a`, `-a`, or a value.
    fn unary(&mut self) -> Read<'t> {
        let mut signs = Vec::new();
        while let Some(token) = self.peek() {
            let not = match token.lexeme {
                Lexeme::Sign(Sign::Not) => true,
                Lexeme::Sign(Sign::Math(Operator::Subtract)) => false,
                Lexeme::Name("not" | "NOT") if self.is_word_not() => {
                    self.tell(token.span, "`not` is not understood here", "write !");
                    true
                }
                _ => break,
            };
            self.next();
            signs.push((not, token.span));
        }
        let number = match self.negative(&mut signs) {
            Some(minus) => self.number(Some(minus)),
            None => self.primary()?,
        };
        for pair in signs.windows(2) {
            if let [(first, _), (second, span)] = pair
                && first != second
            {
                let (this, other) = if *second { ("!", "-") } else { ("-", "!") };
                self.tell(*span, format!("`{this}` can't stand right behind `{other}`"), format!("write {other}({this}…)"));
            }
        }
        let mut tree = self.members(number)?;
        for (not, span) in signs.into_iter().rev() {
            let whole = span.to(tree.span);
            tree = self.tree(if not { Kind::Not(Box::new(tree)) } else { Kind::Negate(Box::new(tree)) }, whole)?;
        }
        Ok(tree)
    }

    /// The minus that belongs to the number behind it: `-1.f()` is the function of -1. In `--1` none does.
    fn negative(&mut self, signs: &mut Vec<(bool, Span)>) -> Option<Span> {
        let (span, before) = match signs.as_slice() {
            [before @ .., (false, span)] => (*span, before.last()),
            _ => return None,
        };
        let alone = before.is_none_or(|(not, _)| *not);
        let fits = alone && matches!(self.peek()?.lexeme, Lexeme::Int(_) | Lexeme::Double(_));
        fits.then(|| {
            signs.pop();
            span
        })
    }

    /// Whether a value stands behind the word `not`; in brackets it is a function of that name.
    fn is_word_not(&self) -> bool {
        let mut ahead = self.tokens.clone();
        ahead.next();
        ahead.next().is_some_and(|token| match token.lexeme {
            Lexeme::Sign(sign) => matches!(sign, Sign::Not | Sign::Open(Bracket::Square | Bracket::Curly)),
            _ => true,
        })
    }

    /// What stands behind a value: `.name`, `.name(…)`, `[…]`, `{…}`.
    fn members(&mut self, mut tree: Tree<'t>) -> Read<'t> {
        while let Some(Lexeme::Sign(sign)) = self.peek().map(|token| token.lexeme) {
            tree = match sign {
                Sign::Dot => self.member(tree)?,
                Sign::Open(Bracket::Square) => self.index(tree)?,
                Sign::Open(Bracket::Curly) => self.message(tree)?,
                _ => break,
            };
        }
        Ok(tree)
    }

    fn member(&mut self, of: Tree<'t>) -> Read<'t> {
        self.next();
        let dot = self.last_span();
        let optional = self.takes(Sign::Question);
        let name = self.field_name(dot)?;
        let plain = !optional && matches!(self.last.as_ref().map(|token| &token.lexeme), Some(Lexeme::Name(_)));
        if plain && self.next_is(Sign::Open(Bracket::Round)) {
            let arguments = self.arguments()?;
            let span = of.span.to(self.last_span());
            return self.tree(Kind::Call(Box::new(Call { of: Some(of), name, arguments })), span);
        }
        let span = of.span.to(name.span);
        self.tree(Kind::Field(Box::new(Member { of, name, optional })), span)
    }

    /// The name behind a dot: any but the four that are values or operators.
    fn field_name(&mut self, dot: Span) -> Result<Name<'t>, Stop> {
        let Some(token) = self.peek() else {
            return self.stop(dot, "the name of a field is missing behind the dot", "write the name, or remove the dot");
        };
        let shown = token.span.of(self.text);
        match token.lexeme {
            Lexeme::Name(text) => {
                self.next();
                Ok(Name { text, span: token.span })
            }
            Lexeme::Escaped(text) => {
                self.tell(token.span, "names in backticks are not supported here", format!("write [\"{text}\"] without the dot"));
                self.next();
                Ok(Name { text, span: token.span })
            }
            Lexeme::Null | Lexeme::Bool(_) | Lexeme::Sign(Sign::In) => {
                self.tell(token.span, format!("`{shown}` can't be a name"), format!("write [\"{shown}\"] without the dot"));
                self.next();
                Ok(Name { text: shown, span: token.span })
            }
            Lexeme::Text(_) => self.stop(token.span, "a text can't stand behind a dot", format!("write [{shown}] without the dot")),
            _ => self.stop(
                token.span,
                format!("behind a dot the name of a field must stand, not `{shown}`"),
                "remove the dot, or write [\"the name\"]",
            ),
        }
    }

    fn index(&mut self, of: Tree<'t>) -> Read<'t> {
        self.opens()?;
        let optional = self.takes(Sign::Question);
        let at = self.expression()?;
        self.closes("an operator")?;
        let span = of.span.to(self.last_span());
        self.tree(Kind::Index(Box::new(Index { of, at, optional })), span)
    }

    /// `name.of.type{field: value}`
    fn message(&mut self, of: Tree<'t>) -> Read<'t> {
        let start = of.span;
        let Some((rooted, name)) = names(&of) else {
            let token = self.peek();
            return token.map_or(Err(Stop), |token| self.unexpected(&token));
        };
        self.opens()?;
        let mut fields = Vec::new();
        while self.another(fields.is_empty())? {
            let mark = self.optional_mark();
            let brace = self.last_span();
            let name = self.field_name(brace)?;
            let key = self.tree(Kind::Name(name.text), name.span)?;
            let key = self.marked(key, mark)?;
            self.map_colon()?;
            fields.push((key, self.expression()?));
        }
        let span = start.to(self.last_span());
        let tree = self.tree(Kind::Message(Box::new(Message { name, fields })), span)?;
        if rooted { self.tree(Kind::Rooted(Box::new(tree)), span) } else { Ok(tree) }
    }

    fn primary(&mut self) -> Read<'t> {
        let Some(token) = self.peek() else { return self.nothing_on_the_right() };
        let kind = match token.lexeme {
            Lexeme::Name(name) => return self.name(name),
            Lexeme::Int(_) | Lexeme::Uint(_) | Lexeme::Double(_) => return Ok(self.number(None)),
            Lexeme::Sign(sign) => return self.sign(sign, &token),
            Lexeme::Escaped(name) => {
                let hint = format!("a field is record[\"{name}\"], a text \"{name}\"");
                return self.stop(token.span, "a name in backticks stands only behind a dot", hint);
            }
            Lexeme::Text(text) => Kind::Text(text),
            Lexeme::Bytes(bytes) => Kind::Bytes(bytes),
            Lexeme::Null => Kind::Null,
            Lexeme::Bool(value) => Kind::Bool(value),
        };
        self.next();
        self.tree(kind, token.span)
    }

    /// A sign where a value begins.
    fn sign(&mut self, sign: Sign, token: &Token<'t>) -> Read<'t> {
        match sign {
            Sign::Open(Bracket::Round) => self.in_brackets(),
            Sign::Open(Bracket::Square) => self.list(),
            Sign::Open(Bracket::Curly) => self.map(),
            Sign::Dot => self.rooted(),
            _ => self.no_value(token),
        }
    }

    fn number(&mut self, minus: Option<Span>) -> Tree<'t> {
        let token = self.next();
        let here = self.last_span();
        let span = minus.map_or(here, |minus| minus.to(here));
        let kind = match token.map(|token| token.lexeme) {
            Some(Lexeme::Int(size)) => {
                let number = if minus.is_some() { 0i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() };
                if number.is_none() {
                    self.tell(span, "the number is too large", "write it as text in quotes");
                }
                Kind::Int(number.unwrap_or_default())
            }
            Some(Lexeme::Double(size)) => Kind::Double(if minus.is_some() { -size } else { size }),
            Some(Lexeme::Uint(size)) => Kind::Uint(size),
            _ => Kind::Unread,
        };
        Tree { kind, span, depth: 1 }
    }

    /// `name`, `name(…)`
    fn name(&mut self, text: &'t str) -> Read<'t> {
        self.next();
        let span = self.last_span();
        if let Some(hint) = slips::reserved(text) {
            return self.stop(span, format!("`{text}` is a word that CEL keeps for other languages"), hint);
        }
        if !self.next_is(Sign::Open(Bracket::Round)) {
            return self.tree(Kind::Name(text), span);
        }
        let arguments = self.arguments()?;
        let whole = span.to(self.last_span());
        self.tree(Kind::Call(Box::new(Call { of: None, name: Name { text, span }, arguments })), whole)
    }

    fn rooted(&mut self) -> Read<'t> {
        self.next();
        let dot = self.last_span();
        match self.peek().map(|token| token.lexeme) {
            Some(Lexeme::Name(name)) => {
                let tree = self.name(name)?;
                let span = dot.to(tree.span);
                self.tree(Kind::Rooted(Box::new(tree)), span)
            }
            _ => self.stop(dot, "something must stand before the dot", "write the variable, such as record.dept"),
        }
    }

    fn in_brackets(&mut self) -> Read<'t> {
        self.opens()?;
        let open = self.last_span();
        let mut tree = self.expression()?;
        self.closes("an operator")?;
        tree.span = open.to(self.last_span());
        Ok(tree)
    }

    fn arguments(&mut self) -> Result<Vec<Tree<'t>>, Stop> {
        self.opens()?;
        let mut arguments = Vec::new();
        if self.takes_closing() {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if self.takes_closing() {
                return Ok(arguments);
            }
            self.comma()?;
        }
    }

    fn list(&mut self) -> Read<'t> {
        self.opens()?;
        let open = self.last_span();
        let mut items = Vec::new();
        while self.another(items.is_empty())? {
            let mark = self.optional_mark();
            let item = self.expression()?;
            items.push(self.marked(item, mark)?);
        }
        let span = open.to(self.last_span());
        self.tree(Kind::List(items), span)
    }

    fn map(&mut self) -> Read<'t> {
        self.opens()?;
        let open = self.last_span();
        let mut entries = Vec::new();
        while self.another(entries.is_empty())? {
            let mark = self.optional_mark();
            let key = self.expression()?;
            let key = self.marked(key, mark)?;
            self.map_colon()?;
            entries.push((key, self.expression()?));
        }
        let span = open.to(self.last_span());
        self.tree(Kind::Map(entries), span)
    }

    fn optional_mark(&mut self) -> Option<Span> {
        self.takes(Sign::Question).then(|| self.last_span())
    }

    fn marked(&mut self, tree: Tree<'t>, mark: Option<Span>) -> Read<'t> {
        let Some(mark) = mark else { return Ok(tree) };
        let span = mark.to(tree.span);
        self.tree(Kind::Optional(Box::new(tree)), span)
    }

    fn map_colon(&mut self) -> Result<(), Stop> {
        if self.takes(Sign::Colon) {
            return Ok(());
        }
        let open = self.open.last().map_or(self.end, |open| open.span);
        let hint = "a map is {\"name\": value}; around an expression no braces are needed";
        match self.peek() {
            Some(token) if !matches!(token.lexeme, Lexeme::Sign(Sign::Close(_) | Sign::Comma)) => self.unexpected(&token),
            Some(token) => self.stop(token.span, "a `:` and a value are missing here", hint),
            None => self.stop(open, "this bracket is not closed", hint),
        }
    }
}

/// The names of `a.b.c`, and whether a dot stands before them; nothing where it is anything else.
fn names<'t>(tree: &Tree<'t>) -> Option<(bool, Vec<&'t str>)> {
    let mut names = Vec::new();
    let (mut at, mut rooted) = (tree, false);
    loop {
        // What is longer than its names stands in brackets.
        match &at.kind {
            Kind::Name(name) if at.span.end - at.span.start == name.len() => {
                names.push(*name);
                names.reverse();
                return Some((rooted, names));
            }
            Kind::Field(member) if !member.optional && at.span.end == member.name.span.end => {
                names.push(member.name.text);
                at = &member.of;
            }
            Kind::Rooted(inner) if at.span.end == inner.span.end => (at, rooted) = (inner, true),
            _ => return None,
        }
    }
}

fn span_of(terms: &[Tree<'_>]) -> Span {
    let ends = terms.first().zip(terms.last());
    ends.map_or(Span::default(), |(first, last)| first.span.to(last.span))
}
