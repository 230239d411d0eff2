//! Search filters (RFC 4511, 4.5.1.7), encoded: put together from values, or read from the text form (RFC 4515) that a manifest has.
//!
//! Must never: let a value become part of a filter's form.

use super::ber::{BOOLEAN, Encoder, OCTETS};

const AND: u8 = 0xA0;
const OR: u8 = 0xA1;
const NOT: u8 = 0xA2;
const EQUAL: u8 = 0xA3;
const SUBSTRINGS: u8 = 0xA4;
const AT_LEAST: u8 = 0xA5;
const AT_MOST: u8 = 0xA6;
const PRESENT: u8 = 0x87;
const APPROXIMATE: u8 = 0xA8;
const EXTENSIBLE: u8 = 0xA9;
/// Nobody writes deeper ones.
const DEPTH: usize = 32;

/// A filter, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter(Vec<u8>);

impl Filter {
    pub(super) fn encoded(&self) -> &[u8] {
        &self.0
    }

    /// Every entry.
    pub(super) fn everything() -> Self {
        Self::present("objectClass")
    }

    pub(super) fn present(attribute: &str) -> Self {
        Self::of(|out| {
            out.bytes(PRESENT, attribute.as_bytes());
        })
    }

    pub(super) fn equal(attribute: &str, value: &[u8]) -> Self {
        Self::comparing(EQUAL, attribute, value)
    }

    pub(super) fn and(all: &[Self]) -> Self {
        Self::joined(AND, all)
    }

    fn comparing(tag: u8, attribute: &str, value: &[u8]) -> Self {
        Self::of(|out| {
            out.within(tag, |out| {
                out.bytes(OCTETS, attribute.as_bytes()).bytes(OCTETS, value);
            });
        })
    }

    fn joined(tag: u8, parts: &[Self]) -> Self {
        match parts {
            [one] => one.clone(),
            many => Self::of(|out| {
                out.within(tag, |out| {
                    many.iter().for_each(|part| {
                        out.raw(&part.0);
                    })
                });
            }),
        }
    }

    fn of(fill: impl FnOnce(&mut Encoder)) -> Self {
        let mut out = Encoder::default();
        fill(&mut out);
        Self(out.take())
    }

    /// As it is written: `(&(objectClass=person)(!(employeeType=robot)))`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bare = if text.starts_with('(') { text.to_owned() } else { format!("({text})") };
        let (filter, rest) = one(&bare, 0)?;
        if rest.trim().is_empty() { Ok(filter) } else { Err(format!("`{}` stands behind its end", rest.trim())) }
    }
}

fn one(text: &str, depth: usize) -> Result<(Filter, &str), String> {
    let inner = text.trim_start().strip_prefix('(').ok_or("a filter begins with `(`")?;
    if depth > DEPTH {
        return Err("it is nested too deeply".into());
    }
    let (filter, rest) = match inner.chars().next() {
        Some('&') => many(AND, &inner[1..], depth)?,
        Some('|') => many(OR, &inner[1..], depth)?,
        Some('!') => {
            let (part, rest) = one(&inner[1..], depth + 1)?;
            let not = Filter::of(|out| {
                out.bytes(NOT, &part.0);
            });
            (not, rest)
        }
        _ => item(inner)?,
    };
    let rest = rest.trim_start().strip_prefix(')').ok_or("a `)` is missing")?;
    Ok((filter, rest))
}

fn many(tag: u8, mut rest: &str, depth: usize) -> Result<(Filter, &str), String> {
    let mut parts = Vec::new();
    while rest.trim_start().starts_with('(') {
        let (part, behind) = one(rest, depth + 1)?;
        parts.push(part);
        rest = behind;
    }
    if parts.is_empty() {
        return Err("`&` and `|` want filters behind them".into());
    }
    Ok((Filter::joined(tag, &parts), rest))
}

fn item(text: &str) -> Result<(Filter, &str), String> {
    let end = text.find(')').ok_or("a `)` is missing")?;
    let (body, rest) = text.split_at(end);
    let (left, right) = body.split_once('=').ok_or_else(|| format!("`{body}` compares nothing"))?;
    let last = left.chars().last();
    let (tag, attribute) = match last {
        Some('>') => (AT_LEAST, &left[..left.len() - 1]),
        Some('<') => (AT_MOST, &left[..left.len() - 1]),
        Some('~') => (APPROXIMATE, &left[..left.len() - 1]),
        Some(':') => return extensible(&left[..left.len() - 1], right).map(|filter| (filter, rest)),
        _ => (EQUAL, left),
    };
    let attribute = name(attribute)?;
    let filter = match right {
        "*" if tag == EQUAL => Filter::present(attribute),
        starred if tag == EQUAL && starred.contains('*') => substrings(attribute, starred)?,
        plain => Filter::comparing(tag, attribute, &unescape(plain)?),
    };
    Ok((filter, rest))
}

fn name(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | ';' | '_');
    if text.is_empty() || !text.chars().all(plain) { Err(format!("`{text}` is no attribute")) } else { Ok(text) }
}

/// `memberOf:1.2.840.113556.1.4.1941:=cn=x`: a rule of the server's own.
fn extensible(left: &str, value: &str) -> Result<Filter, String> {
    let mut parts = left.split(':');
    let attribute = parts.next().unwrap_or_default();
    let (mut rule, mut dn) = (None, false);
    for part in parts {
        if part == "dn" { dn = true } else { rule = Some(name(part)?) }
    }
    let (attribute, value) = (if attribute.is_empty() { None } else { Some(name(attribute)?) }, unescape(value)?);
    Ok(Filter::of(|out| {
        out.within(EXTENSIBLE, |out| {
            rule.into_iter().for_each(|rule| {
                out.bytes(0x81, rule.as_bytes());
            });
            attribute.into_iter().for_each(|attribute| {
                out.bytes(0x82, attribute.as_bytes());
            });
            out.bytes(0x83, &value);
            if dn {
                out.truth(BOOLEAN | 0x84, true);
            }
        });
    }))
}

fn substrings(attribute: &str, starred: &str) -> Result<Filter, String> {
    let pieces = starred.split('*').map(unescape).collect::<Result<Vec<_>, _>>()?;
    let last = pieces.len().saturating_sub(1);
    Ok(Filter::of(|out| {
        out.within(SUBSTRINGS, |out| {
            out.bytes(OCTETS, attribute.as_bytes()).within(0x30, |out| {
                for (at, piece) in pieces.iter().enumerate().filter(|(_, piece)| !piece.is_empty()) {
                    let place = if at == 0 {
                        0x80
                    } else if at == last {
                        0x82
                    } else {
                        0x81
                    };
                    out.bytes(place, piece);
                }
            });
        });
    }))
}

/// `\2a` is a star.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let digits = behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(digits.ok_or("behind `\\` stand two digits of base 16")?);
        rest = behind.get(2..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_built() {
        let equal = |attribute: &str, value: &str| Filter::equal(attribute, value.as_bytes());
        assert_eq!(Filter::parse("(uid=ann)"), Ok(equal("uid", "ann")));
        assert_eq!(Filter::parse("uid=a\\2ab"), Ok(equal("uid", "a*b")));
        assert_eq!(Filter::parse("(mail=*)"), Ok(Filter::present("mail")));
        let both = Filter::and(&[equal("objectClass", "person"), Filter::joined(OR, &[equal("l", "Bonn"), equal("l", "Ulm")])]);
        assert_eq!(Filter::parse("(&(objectClass=person)(|(l=Bonn) (l=Ulm)))"), Ok(both));
        assert!(Filter::parse("(&(a=b*c)(!(x>=3))(memberOf:1.2.840.113556.1.4.1941:=cn=x,dc=y))").is_ok());
        for odd in ["", "(", "(uid=ann", "(uid)", "(&)", "(u id=a)", "(uid=a))", "(uid=\\zz)", "(uid=\\2)"] {
            assert!(Filter::parse(odd).is_err(), "{odd}");
        }
        assert!(Filter::parse(&"(!".repeat(100)).is_err());
    }
}
