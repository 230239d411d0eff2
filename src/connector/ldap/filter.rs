//! Search filters (RFC 4511, 4.5.1.7), encoded: put together from values, or from what a manifest has.
//!
//! Must never: let a value become part of a filter's form.

use super::ber::{BOOLEAN, Encoder, OCTETS};
use crate::manifest::connection::{FilterComparison, LdapFilter};

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

    pub(super) fn at_least(attribute: &str, value: &[u8]) -> Self {
        Self::comparing(AT_LEAST, attribute, value)
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

    /// Any of these.
    pub(super) fn or(parts: &[Self]) -> Self {
        Self::joined(OR, parts)
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

    /// As a manifest has it.
    pub(super) fn written(filter: &LdapFilter) -> Self {
        match filter {
            LdapFilter::And(parts) => Self::joined(AND, &parts.iter().map(Self::written).collect::<Vec<_>>()),
            LdapFilter::Or(parts) => Self::joined(OR, &parts.iter().map(Self::written).collect::<Vec<_>>()),
            LdapFilter::Not(part) => Self::of(|out| {
                out.bytes(NOT, &Self::written(part).0);
            }),
            LdapFilter::Present(attribute) => Self::present(attribute),
            LdapFilter::Compare(comparison, attribute, value) => Self::comparing(tag(*comparison), attribute, value),
            LdapFilter::Substrings(attribute, pieces) => substrings(attribute, pieces),
            LdapFilter::Extensible { rule, attribute, value, dn } => extensible(rule.as_deref(), attribute.as_deref(), value, *dn),
        }
    }
}

fn tag(comparison: FilterComparison) -> u8 {
    match comparison {
        FilterComparison::Equal => EQUAL,
        FilterComparison::AtLeast => AT_LEAST,
        FilterComparison::AtMost => AT_MOST,
        FilterComparison::About => APPROXIMATE,
    }
}

/// `memberOf:1.2.840.113556.1.4.1941:=cn=x`: a rule of the server's own.
fn extensible(rule: Option<&str>, attribute: Option<&str>, value: &[u8], dn: bool) -> Filter {
    Filter::of(|out| {
        out.within(EXTENSIBLE, |out| {
            rule.into_iter().for_each(|rule| {
                out.bytes(0x81, rule.as_bytes());
            });
            attribute.into_iter().for_each(|attribute| {
                out.bytes(0x82, attribute.as_bytes());
            });
            out.bytes(0x83, value);
            if dn {
                out.truth(BOOLEAN | 0x84, true);
            }
        });
    })
}

fn substrings(attribute: &str, pieces: &[Vec<u8>]) -> Filter {
    let last = pieces.len().saturating_sub(1);
    Filter::of(|out| {
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_built() {
        let equal = |attribute: &str, value: &str| Filter::equal(attribute, value.as_bytes());
        let parse = |text: &str| LdapFilter::parse(text).map(|filter| Filter::written(&filter));
        assert_eq!(parse("(uid=ann)"), Ok(equal("uid", "ann")));
        assert_eq!(parse("(uid=a\\2ab)"), Ok(equal("uid", "a*b")));
        assert_eq!(parse("(mail=*)"), Ok(Filter::present("mail")));
        let both = Filter::and(&[equal("objectClass", "person"), Filter::joined(OR, &[equal("l", "Bonn"), equal("l", "Ulm")])]);
        assert_eq!(parse("(&(objectClass=person)(|(l=Bonn) (l=Ulm)))"), Ok(both));
    }
}
