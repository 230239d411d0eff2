//! LDAP's messages (RFC 4511, 4): what is asked, and what comes back.
//!
//! Must never: put a password anywhere but into a bind or a value that is written.

use bytes::Bytes;

use super::ber::{BOOLEAN, Decoder, ENUMERATED, Encoder, INTEGER, OCTETS, SEQUENCE, SET, odd};
use super::filter::Filter;
use crate::model::SystemError;

const BIND: u8 = 0x60;
const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const REFERENCE: u8 = 0x73;
const MODIFY: u8 = 0x66;
const ADD: u8 = 0x68;
const DELETE: u8 = 0x4A;
const RENAME: u8 = 0x6C;
const ABANDON: u8 = 0x50;
const EXTENDED: u8 = 0x77;
/// Said before a request ends (RFC 4511, 4.13).
const INFO: u8 = 0x79;
/// Answers that end a request: of a bind, a search, a modify, an add, a delete, a rename, an extended request.
const ENDS: [u8; 7] = [0x61, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x78];
const CONTROLS: u8 = 0xA0;
const REFERRAL: u8 = 0xA3;

/// How far below its base a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Base = 0,
    Subtree = 2,
}

/// A search.
#[derive(Clone, Debug)]
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    pub(super) scope: Scope,
    pub(super) filter: &'a Filter,
    pub(super) attributes: &'a [String],
}

/// Attributes of a new entry, and their values.
pub(super) type NewAttributes = Vec<(String, Vec<Vec<u8>>)>;

/// What is done with the values of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Add = 0,
    Remove = 1,
    Replace = 2,
}

/// A change of one attribute; no values with `Replace` clears it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Modification {
    pub(super) edit: Edit,
    pub(super) attribute: String,
    pub(super) values: Vec<Vec<u8>>,
}

/// A request without its number. It may hold a password, so nothing prints it.
pub(super) struct Request {
    operation: Vec<u8>,
    controls: Vec<Control>,
}

/// What goes along with a request or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Control {
    pub(super) name: String,
    pub(super) critical: bool,
    pub(super) value: Option<Bytes>,
}

impl Request {
    fn of(tag: u8, fill: impl FnOnce(&mut Encoder)) -> Self {
        let mut out = Encoder::default();
        out.within(tag, fill);
        Self { operation: out.take(), controls: Vec::new() }
    }

    pub(super) fn simple_bind(name: &str, password: &[u8]) -> Self {
        Self::of(BIND, |out| {
            out.number(INTEGER, 3).bytes(OCTETS, name.as_bytes()).bytes(0x80, password);
        })
    }

    /// Who we are, TLS or the socket says.
    pub(super) fn external_bind() -> Self {
        Self::of(BIND, |out| {
            out.number(INTEGER, 3).bytes(OCTETS, b"").within(0xA3, |out| {
                out.bytes(OCTETS, b"EXTERNAL").bytes(OCTETS, b"");
            });
        })
    }

    pub(super) fn search(search: &Search<'_>) -> Self {
        Self::of(SEARCH, |out| {
            out.bytes(OCTETS, search.base.as_bytes()).number(ENUMERATED, search.scope as u32);
            // Aliases stay what they are; the limits are the server's own.
            out.number(ENUMERATED, 0).number(INTEGER, 0).number(INTEGER, 0).truth(BOOLEAN, false);
            out.raw(search.filter.encoded());
            out.within(SEQUENCE, |out| {
                search.attributes.iter().for_each(|name| {
                    out.bytes(OCTETS, name.as_bytes());
                })
            });
        })
    }

    pub(super) fn add(name: &str, attributes: &[(String, Vec<Vec<u8>>)]) -> Self {
        Self::of(ADD, |out| {
            out.bytes(OCTETS, name.as_bytes());
            out.within(SEQUENCE, |out| attributes.iter().for_each(|(attribute, values)| part(out, attribute, values)));
        })
    }

    pub(super) fn modify(name: &str, modifications: &[Modification]) -> Self {
        Self::of(MODIFY, |out| {
            out.bytes(OCTETS, name.as_bytes()).within(SEQUENCE, |out| {
                for modification in modifications {
                    out.within(SEQUENCE, |out| {
                        out.number(ENUMERATED, modification.edit as u32);
                        part(out, &modification.attribute, &modification.values);
                    });
                }
            });
        })
    }

    pub(super) fn delete(name: &str) -> Self {
        let mut out = Encoder::default();
        out.bytes(DELETE, name.as_bytes());
        Self { operation: out.take(), controls: Vec::new() }
    }

    /// Gives an entry another relative name, the old one is taken out of it; below the same entry, or below another one.
    pub(super) fn rename(name: &str, rdn: &str, below: Option<&str>) -> Self {
        Self::of(RENAME, |out| {
            out.bytes(OCTETS, name.as_bytes()).bytes(OCTETS, rdn.as_bytes()).truth(BOOLEAN, true);
            below.into_iter().for_each(|below| {
                out.bytes(0x80, below.as_bytes());
            });
        })
    }

    pub(super) fn abandon(number: u32) -> Self {
        let mut out = Encoder::default();
        out.number(ABANDON, number);
        Self { operation: out.take(), controls: Vec::new() }
    }

    pub(super) fn extended(name: &str) -> Self {
        Self::of(EXTENDED, |out| {
            out.bytes(0x80, name.as_bytes());
        })
    }

    pub(super) fn with(mut self, control: Option<Control>) -> Self {
        self.controls.extend(control);
        self
    }

    /// The whole message.
    pub(super) fn numbered(&self, number: u32) -> Vec<u8> {
        let mut out = Encoder::default();
        out.within(SEQUENCE, |out| {
            out.number(INTEGER, number).raw(&self.operation);
            if !self.controls.is_empty() {
                out.within(CONTROLS, |out| self.controls.iter().for_each(|control| control.encode(out)));
            }
        });
        out.take()
    }
}

fn part(out: &mut Encoder, attribute: &str, values: &[Vec<u8>]) {
    out.within(SEQUENCE, |out| {
        out.bytes(OCTETS, attribute.as_bytes());
        out.within(SET, |out| {
            values.iter().for_each(|value| {
                out.bytes(OCTETS, value);
            })
        });
    });
}

impl Control {
    fn encode(&self, out: &mut Encoder) {
        out.within(SEQUENCE, |out| {
            out.bytes(OCTETS, self.name.as_bytes());
            if self.critical {
                out.truth(BOOLEAN, true);
            }
            self.value.iter().for_each(|value| {
                out.bytes(OCTETS, value);
            });
        });
    }

    fn decode(mut parts: Decoder) -> Result<Self, SystemError> {
        let name = parts.text()?;
        let critical = match parts.peek() {
            Some(BOOLEAN) => parts.take(BOOLEAN)?.first().is_some_and(|byte| *byte != 0),
            _ => false,
        };
        let value = if parts.is_empty() { None } else { Some(parts.take(OCTETS)?) };
        Ok(Self { name, critical, value })
    }
}

/// An entry that was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) name: String,
    attributes: Vec<(String, Vec<Bytes>)>,
    /// how many bytes it came as
    pub(super) size: usize,
    controls: Vec<Control>,
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: u32,
    /// what the server says of it
    pub(super) text: String,
    pub(super) referrals: Vec<String>,
    pub(super) controls: Vec<Control>,
}

/// One answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Entry(Entry),
    /// what was searched goes on at another server
    Reference(Vec<String>),
    Outcome(Outcome),
    /// said in between: what of, and what
    Info(String, Bytes),
    /// nothing that was asked for
    Other,
}

impl Answer {
    /// A whole message: the number of its request, and what it says.
    pub(super) fn decode(message: Bytes) -> Result<(u32, Self), SystemError> {
        let mut parts = Decoder::new(message).within(SEQUENCE)?;
        let number = parts.number(INTEGER)?;
        let (tag, content) = parts.any()?;
        let content = Decoder::new(content);
        let answer = match tag {
            ENTRY => {
                let entry = Entry::decode(content)?;
                Self::Entry(Entry { controls: controls(&mut parts)?, ..entry })
            }
            INFO => Self::info(content)?,
            REFERENCE => Self::Reference(texts(content)?),
            ended if ENDS.contains(&ended) => {
                let mut outcome = Outcome::decode(content)?;
                outcome.controls = controls(&mut parts)?;
                Self::Outcome(outcome)
            }
            _ => Self::Other,
        };
        Ok((number, answer))
    }

    fn info(mut parts: Decoder) -> Result<Self, SystemError> {
        let (mut name, mut value) = (String::new(), Bytes::new());
        while !parts.is_empty() {
            match parts.any()? {
                (0x80, content) => name = String::from_utf8_lossy(&content).into_owned(),
                (0x81, content) => value = content,
                _ => {}
            }
        }
        Ok(Self::Info(name, value))
    }
}

/// What goes along with an answer. One server puts something else there in a notice of disconnection.
fn controls(parts: &mut Decoder) -> Result<Vec<Control>, SystemError> {
    let mut controls = Vec::new();
    if parts.peek() == Some(CONTROLS) {
        let mut list = parts.within(CONTROLS)?;
        while !list.is_empty() {
            controls.push(Control::decode(list.within(SEQUENCE)?)?);
        }
    }
    Ok(controls)
}

fn named<'c>(controls: &'c [Control], name: &str) -> Option<&'c Bytes> {
    controls.iter().find(|control| control.name == name)?.value.as_ref()
}

fn texts(mut parts: Decoder) -> Result<Vec<String>, SystemError> {
    let mut texts = Vec::new();
    while !parts.is_empty() {
        texts.push(parts.text()?);
    }
    Ok(texts)
}

impl Outcome {
    fn decode(mut parts: Decoder) -> Result<Self, SystemError> {
        let code = parts.number(ENUMERATED)?;
        parts.take(OCTETS)?;
        let text = String::from_utf8_lossy(&parts.take(OCTETS)?).into_owned();
        let referrals = if parts.peek() == Some(REFERRAL) { texts(parts.within(REFERRAL)?)? } else { Vec::new() };
        Ok(Self { code, text, referrals, controls: Vec::new() })
    }

    /// What came along under a name.
    pub(super) fn control(&self, name: &str) -> Option<&Bytes> {
        named(&self.controls, name)
    }
}

impl Entry {
    fn decode(mut parts: Decoder) -> Result<Self, SystemError> {
        let size = parts.len();
        let name = parts.text()?;
        let mut list = parts.within(SEQUENCE)?;
        let mut attributes = Vec::new();
        while !list.is_empty() {
            let mut one = list.within(SEQUENCE)?;
            let attribute = one.text()?;
            let mut set = one.within(SET)?;
            let mut values = Vec::new();
            while !set.is_empty() {
                values.push(set.take(OCTETS)?);
            }
            attributes.push((attribute, values));
        }
        Ok(Self { name, attributes, size, controls: Vec::new() })
    }

    /// What came along under a name.
    pub(super) fn control(&self, name: &str) -> Option<&Bytes> {
        named(&self.controls, name)
    }

    /// One that stands by itself, as in the value of a control.
    pub(super) fn alone(value: &Bytes) -> Result<Self, SystemError> {
        let (tag, content) = Decoder::new(value.clone()).any()?;
        if tag != ENTRY && tag != SEQUENCE {
            return Err(odd("an entry should stand there"));
        }
        Self::decode(Decoder::new(content))
    }

    /// The values of an attribute; none where it has none. Names are compared without case; options (`;binary`) count as the attribute.
    pub(super) fn values(&self, attribute: &str) -> &[Bytes] {
        let found = self.attributes.iter().find(|(name, _)| is_attribute(name, attribute));
        found.map_or(&[], |(_, values)| values.as_slice())
    }

    /// The first value as text.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.values(attribute).first().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Part of the values of an attribute, where the server gives no more at once: where the next part begins (none at the end), and the values.
    pub(super) fn range(&self, attribute: &str) -> Option<(Option<u32>, &[Bytes])> {
        self.attributes.iter().find_map(|(name, values)| {
            let (base, option) = name.split_once(';')?;
            let (_, last) =
                option.to_ascii_lowercase().strip_prefix("range=")?.split_once('-').map(|(a, b)| (a.to_owned(), b.to_owned()))?;
            let next = last.parse::<u32>().ok().map(|last| last.saturating_add(1));
            base.eq_ignore_ascii_case(attribute).then_some((next, values.as_slice()))
        })
    }
}

fn is_attribute(name: &str, wanted: &str) -> bool {
    let bare = name.split_once(';').filter(|(_, option)| option.eq_ignore_ascii_case("binary")).map_or(name, |(bare, _)| bare);
    bare.eq_ignore_ascii_case(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(tag: u8, fill: impl FnOnce(&mut Encoder)) -> Bytes {
        let mut out = Encoder::default();
        out.within(SEQUENCE, |out| {
            out.number(INTEGER, 7).within(tag, fill);
        });
        out.take().into()
    }

    #[test]
    fn an_entry_has_its_values_and_parts_of_long_lists() {
        let message = answer(ENTRY, |out| {
            out.bytes(OCTETS, b"uid=ann,dc=x").within(SEQUENCE, |out| {
                part(out, "MAIL", &[b"a@x".to_vec(), b"b@x".to_vec()]);
                part(out, "member;range=0-1499", &[b"uid=bob,dc=x".to_vec()]);
                part(out, "userCertificate;binary", &[vec![1]]);
            });
        });
        let Ok((7, Answer::Entry(entry))) = Answer::decode(message) else { panic!("an entry") };
        assert_eq!((entry.name.as_str(), entry.values("mail").len(), entry.text("mail")), ("uid=ann,dc=x", 2, Some("a@x")));
        assert_eq!(entry.range("member").map(|(next, values)| (next, values.len())), Some((Some(1500), 1)));
        assert!(entry.values("member").is_empty() && entry.values("userCertificate").len() == 1);
    }

    #[test]
    fn every_cut_of_an_answer_is_refused_and_none_is_a_panic() {
        let whole = answer(0x65, |out| {
            out.number(ENUMERATED, 10).bytes(OCTETS, b"").bytes(OCTETS, b"elsewhere").within(REFERRAL, |out| {
                out.bytes(OCTETS, b"ldap://b/");
            });
        });
        let Ok((_, Answer::Outcome(outcome))) = Answer::decode(whole.clone()) else { panic!("an outcome") };
        assert_eq!((outcome.code, outcome.referrals.len()), (10, 1));
        for end in 0..whole.len() {
            assert!(Answer::decode(whole.slice(..end)).is_err(), "{end}");
        }
        for at in 0..whole.len() {
            let mut bent = whole.to_vec();
            bent[at] ^= 0x55;
            drop(Answer::decode(bent.into()));
        }
    }
}
