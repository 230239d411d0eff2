//! Content synchronization (RFC 4533), for whoever asks now and then: which entries changed since a cookie, which were removed, which are still there.
//!
//! Must never: reach anything, or take silence about an entry for a word about it.

use std::collections::HashSet;

use bytes::Bytes;

use super::ber::{BOOLEAN, Decoder, ENUMERATED, Encoder, OCTETS, SEQUENCE, SET, odd};
use super::dialect::EntryNumber;
use super::message::{Answer, Control, Outcome};
use crate::model::SystemError;

/// What is asked for.
pub(super) const SYNC: &str = "1.3.6.1.4.1.4203.1.9.1.1";
/// What goes along with an entry.
const STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
/// What goes along with the end.
const DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
/// What is said in between.
const INFO: &str = "1.3.6.1.4.1.4203.1.9.1.4";
/// Once, and not for as long as the connection stands.
const REFRESH_ONLY: u32 = 1;

/// What a directory says since a cookie.
#[derive(Debug, Default)]
pub(super) struct SyncNews {
    /// new, or other than they were
    pub(super) changed: HashSet<EntryNumber>,
    /// removed, or no part of what is asked about any more
    pub(super) gone: HashSet<EntryNumber>,
    /// as they were
    present: HashSet<EntryNumber>,
    /// whoever is neither changed nor as before is gone
    rest_is_gone: bool,
    /// from where it goes on; none: from where this began
    pub(super) cookie: Option<Bytes>,
}

/// Asks for what changed since a cookie; for all of it without one. Where the server can't say it from there it must refuse, and not begin anew.
pub(super) fn asking(cookie: Option<&Bytes>) -> Control {
    let mut value = Encoder::default();
    value.within(SEQUENCE, |out| {
        out.number(ENUMERATED, REFRESH_ONLY);
        cookie.into_iter().for_each(|cookie| {
            out.bytes(OCTETS, cookie);
        });
    });
    Control { name: SYNC.into(), critical: true, value: Some(value.take().into()) }
}

impl SyncNews {
    /// One answer before the last one.
    pub(super) fn hear(&mut self, answer: &Answer) -> Result<(), SystemError> {
        match answer {
            Answer::Entry(entry) => self.state(entry.control(STATE).ok_or_else(|| unfit("an entry came without its state"))?),
            Answer::Info(name, value) if name == INFO => self.info(value),
            Answer::Reference(urls) => {
                let url = urls.first().map(String::as_str).unwrap_or_default();
                Err(SystemError::Rejected(format!("a part of it is at another server ({url}), which is not followed")))
            }
            Answer::Info(..) | Answer::Outcome(_) | Answer::Other => Ok(()),
        }
    }

    /// The last one.
    pub(super) fn end(&mut self, outcome: &Outcome) -> Result<(), SystemError> {
        let value = outcome.control(DONE).ok_or_else(|| unfit("it does not end as one of these must"))?;
        let mut parts = Decoder::new(value.clone()).within(SEQUENCE)?;
        self.cookie(&mut parts)?;
        // Where it does not say that it told who is gone, whoever it did not tell of is.
        self.rest_is_gone |= !truth(&mut parts, false)?;
        Ok(())
    }

    /// Of those who were there, who was not told of though the server would have told of them.
    pub(super) fn rest<'k>(&self, known: impl Iterator<Item = &'k EntryNumber>) -> Vec<EntryNumber> {
        let told = |number: &EntryNumber| self.present.contains(number) || self.changed.contains(number);
        if self.rest_is_gone { known.filter(|number| !told(number)).copied().collect() } else { Vec::new() }
    }

    fn state(&mut self, value: &Bytes) -> Result<(), SystemError> {
        let mut parts = Decoder::new(value.clone()).within(SEQUENCE)?;
        let state = parts.number(ENUMERATED)?;
        let number = entry_number(&parts.take(OCTETS)?)?;
        match state {
            0 => self.present.insert(number),
            1 | 2 => self.changed.insert(number),
            3 => self.gone.insert(number),
            _ => return Err(unfit("an entry is in a state that is none")),
        };
        self.cookie(&mut parts)
    }

    fn info(&mut self, value: &Bytes) -> Result<(), SystemError> {
        let (tag, content) = Decoder::new(value.clone()).any()?;
        let mut parts = Decoder::new(content.clone());
        match tag {
            0x80 => self.cookie = Some(content),
            0xA1 => self.cookie(&mut parts)?,
            // Everybody who is still there was told.
            0xA2 => {
                self.cookie(&mut parts)?;
                self.rest_is_gone = true;
            }
            0xA3 => {
                self.cookie(&mut parts)?;
                let gone = truth(&mut parts, false)?;
                let mut set = parts.within(SET)?;
                while !set.is_empty() {
                    let number = entry_number(&set.take(OCTETS)?)?;
                    if gone {
                        self.gone.insert(number)
                    } else {
                        self.present.insert(number)
                    };
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn cookie(&mut self, parts: &mut Decoder) -> Result<(), SystemError> {
        if parts.peek() == Some(OCTETS) {
            self.cookie = Some(parts.take(OCTETS)?);
        }
        Ok(())
    }
}

fn truth(parts: &mut Decoder, absent: bool) -> Result<bool, SystemError> {
    match parts.peek() {
        Some(BOOLEAN) => Ok(parts.take(BOOLEAN)?.first().is_some_and(|byte| *byte != 0)),
        _ => Ok(absent),
    }
}

pub(super) fn entry_number(bytes: &Bytes) -> Result<EntryNumber, SystemError> {
    bytes.as_ref().try_into().map_err(|_| odd("an entry's number has not sixteen bytes"))
}

fn unfit(what: &str) -> SystemError {
    SystemError::Protocol(format!("it is no content synchronization: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(number: u8) -> EntryNumber {
        [number; 16]
    }

    fn set(gone: bool, numbers: &[u8]) -> Answer {
        let mut out = Encoder::default();
        out.within(0xA3, |out| {
            if gone {
                out.truth(BOOLEAN, true);
            }
            out.within(SET, |out| {
                numbers.iter().for_each(|number| {
                    out.bytes(OCTETS, &one(*number));
                })
            });
        });
        Answer::Info(INFO.into(), out.take().into())
    }

    fn done(told_who_is_gone: bool, cookie: Option<&[u8]>) -> Outcome {
        let mut out = Encoder::default();
        out.within(SEQUENCE, |out| {
            cookie.into_iter().for_each(|cookie| {
                out.bytes(OCTETS, cookie);
            });
            if told_who_is_gone {
                out.truth(BOOLEAN, true);
            }
        });
        Outcome { controls: vec![Control { name: DONE.into(), critical: false, value: Some(out.take().into()) }], ..Outcome::default() }
    }

    #[test]
    fn the_rest_is_gone_only_where_the_server_says_who_is_there() {
        let known = [one(1), one(2), one(3)];
        let mut news = SyncNews::default();
        news.hear(&set(false, &[1])).unwrap();
        assert!(news.rest(known.iter()).is_empty(), "it is not over");
        news.end(&done(false, Some(b"c"))).unwrap();
        assert_eq!((news.rest(known.iter()), news.cookie.as_deref()), (vec![one(2), one(3)], Some(&b"c"[..])));

        let mut news = SyncNews::default();
        news.hear(&set(true, &[2])).unwrap();
        news.end(&done(true, None)).unwrap();
        assert_eq!((news.rest(known.iter()), news.cookie.clone()), (Vec::new(), None));
        assert_eq!(news.gone, HashSet::from([one(2)]));

        // Who is there, and then who is not: two parts of one answer.
        let mut news = SyncNews::default();
        news.hear(&set(false, &[1, 2])).unwrap();
        news.hear(&Answer::Info(INFO.into(), Bytes::from_static(&[0xA2, 3, BOOLEAN, 1, 0]))).unwrap();
        news.hear(&set(true, &[2])).unwrap();
        news.end(&done(true, None)).unwrap();
        assert_eq!((news.rest(known.iter()), news.gone.len()), (vec![one(3)], 1));
    }

    #[test]
    fn an_end_that_is_none_and_numbers_that_are_none_are_refused() {
        assert!(SyncNews::default().end(&Outcome::default()).is_err(), "a list of pages ends so");
        let short = Bytes::from_static(&[0xA3, 5, SET, 3, OCTETS, 1, 7]);
        assert!(SyncNews::default().hear(&Answer::Info(INFO.into(), short)).is_err());
        assert!(SyncNews::default().hear(&Answer::Entry(Default::default())).is_err());
        assert!(SyncNews::default().hear(&Answer::Reference(vec!["ldap://x".into()])).is_err());
    }
}
