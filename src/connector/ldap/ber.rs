//! The encoding below LDAP (the part of BER that RFC 4511, 5.1 leaves): definite lengths, tags of one byte. What is read stays where it came, in one piece.
//!
//! Must never: believe a length that is longer than what is there, or go deeper than its caller asks.

use bytes::Bytes;

use crate::model::SystemError;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0A;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A value longer than this has no length that we read.
const LENGTH_BYTES: usize = 4;

/// Puts a value together.
#[derive(Default)]
pub(super) struct Encoder(Vec<u8>);

impl Encoder {
    /// A value of so many bytes.
    pub(super) fn bytes(&mut self, tag: u8, value: &[u8]) -> &mut Self {
        self.0.push(tag);
        length(value.len(), &mut self.0);
        self.0.extend_from_slice(value);
        self
    }

    /// A whole number that is not negative.
    pub(super) fn number(&mut self, tag: u8, value: u32) -> &mut Self {
        let bytes = value.to_be_bytes();
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
        let digits = bytes.get(first..).unwrap_or_default();
        // The highest bit is the sign.
        let sign = digits.first().is_some_and(|byte| byte & 0x80 != 0);
        self.0.push(tag);
        length(digits.len() + usize::from(sign), &mut self.0);
        if sign {
            self.0.push(0);
        }
        self.0.extend_from_slice(digits);
        self
    }

    pub(super) fn truth(&mut self, tag: u8, value: bool) -> &mut Self {
        self.bytes(tag, &[if value { 0xFF } else { 0 }])
    }

    /// A value that holds others.
    pub(super) fn within(&mut self, tag: u8, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(tag, &inner.0)
    }

    /// What is encoded already.
    pub(super) fn raw(&mut self, encoded: &[u8]) -> &mut Self {
        self.0.extend_from_slice(encoded);
        self
    }

    pub(super) fn take(self) -> Vec<u8> {
        self.0
    }
}

fn length(length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
            let digits = bytes.get(first..).unwrap_or_default();
            out.push(0x80 | digits.len() as u8);
            out.extend_from_slice(digits);
        }
    }
}

/// What the first bytes of a value say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) tag: u8,
    /// where the content begins
    pub(super) start: usize,
    /// how long it is
    pub(super) length: usize,
}

impl Head {
    /// Of the value that begins here; none where its head is not all there yet.
    pub(super) fn of(bytes: &[u8]) -> Result<Option<Self>, SystemError> {
        let (Some(tag), Some(first)) = (bytes.first(), bytes.get(1)) else { return Ok(None) };
        if tag & 0x1F == 0x1F {
            return Err(odd("a tag of several bytes"));
        }
        if *first < 0x80 {
            return Ok(Some(Self { tag: *tag, start: 2, length: usize::from(*first) }));
        }
        let digits = usize::from(first & 0x7F);
        if digits == 0 || digits > LENGTH_BYTES {
            return Err(odd("a length that is none"));
        }
        let Some(digits) = bytes.get(2..2 + digits) else { return Ok(None) };
        let length = digits.iter().fold(0usize, |length, digit| length << 8 | usize::from(*digit));
        Ok(Some(Self { tag: *tag, start: 2 + digits.len(), length }))
    }

    pub(super) fn end(self) -> usize {
        self.start.saturating_add(self.length)
    }
}

/// Values one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Decoder(Bytes);

impl Decoder {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The tag of the next value.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value, whatever it is.
    pub(super) fn any(&mut self) -> Result<(u8, Bytes), SystemError> {
        let head = Head::of(&self.0)?.ok_or_else(|| odd("it ends too early"))?;
        if head.end() > self.0.len() {
            return Err(odd("a value is longer than what is there"));
        }
        let content = self.0.slice(head.start..head.end());
        self.0 = self.0.slice(head.end()..);
        Ok((head.tag, content))
    }

    /// The next value, which must have this tag.
    pub(super) fn take(&mut self, tag: u8) -> Result<Bytes, SystemError> {
        match self.any()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(odd("something else stands where it should be")),
        }
    }

    /// What is within the next value.
    pub(super) fn within(&mut self, tag: u8) -> Result<Self, SystemError> {
        self.take(tag).map(Self)
    }

    /// The next value as a number.
    pub(super) fn number(&mut self, tag: u8) -> Result<u32, SystemError> {
        let bytes = self.take(tag)?;
        let digits = bytes.iter().skip_while(|byte| **byte == 0).count();
        if bytes.is_empty() || digits > LENGTH_BYTES || bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
            return Err(odd("a number that is none"));
        }
        Ok(bytes.iter().fold(0, |number, digit| number << 8 | u32::from(*digit)))
    }

    /// The next value as text.
    pub(super) fn text(&mut self) -> Result<String, SystemError> {
        let bytes = self.take(OCTETS)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| odd("a name is not UTF-8"))
    }
}

/// What the server sent is no LDAP.
pub(super) fn odd(what: &str) -> SystemError {
    SystemError::Protocol(format!("it is no LDAP message: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_come_back() {
        for number in [0, 1, 127, 128, 255, 256, 65_535, 1 << 23, u32::MAX >> 1] {
            let mut encoder = Encoder::default();
            encoder.number(INTEGER, number);
            assert_eq!(Decoder::new(encoder.take().into()).number(INTEGER), Ok(number));
        }
        for length in [0usize, 127, 128, 255, 256, 70_000] {
            let mut encoder = Encoder::default();
            encoder.bytes(OCTETS, &vec![7; length]);
            assert_eq!(Decoder::new(encoder.take().into()).take(OCTETS).map(|bytes| bytes.len()), Ok(length));
        }
    }

    #[test]
    fn what_is_cut_or_lies_about_its_length_is_refused() {
        for bytes in [&[0x30][..], &[0x04, 5, 1], &[0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 1], &[0x04, 0x80], &[0x04, 0x89], &[0x1F, 1, 1]] {
            assert!(Decoder::new(Bytes::copy_from_slice(bytes)).any().is_err(), "{bytes:?}");
        }
        assert!(Decoder::new(Bytes::from_static(&[2, 5, 1, 0, 0, 0, 0])).number(INTEGER).is_err());
        assert!(Decoder::new(Bytes::from_static(&[2, 0])).number(INTEGER).is_err());
    }
}
