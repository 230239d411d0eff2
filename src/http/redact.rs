//! Takes our own secrets out of what a server says: as they are, in base64, and escaped as URLs, JSON and HTML do it.
//!
//! Must never: give a secret back in any of these forms, or cost more than a walk over the text.

use std::borrow::Cow;

use memchr::memmem;
use secrecy::{ExposeSecret, SecretSlice};

/// What stands in a secret's place.
const HIDDEN: &[u8] = b"[secret]";
/// In data, shorter ones are likely to be a part of something else (`secret` in a group called `secrets-store`), and a name read wrongly is worse than a weak
/// secret read back; in words for people even those are taken out.
const SHORTEST_IN_DATA: usize = 12;
/// Of what comes piece by piece so much is held back: the longest way to spell a secret of a thousand bytes. A longer one is no less hidden where it comes whole.
pub(super) const HELD_BACK: usize = 8 << 10;
/// Of a piece of base64, fewer signs say nothing.
const SHORTEST_PIECE: usize = 6;

/// Knows the secrets of one client, in every form to look for.
#[derive(Clone, Debug, Default)]
pub(super) struct Redactor {
    needles: Vec<SecretSlice<u8>>,
}

impl Redactor {
    /// For these secrets; what goes out together (`name:password`) is one too.
    pub(super) fn new<'s>(secrets: impl IntoIterator<Item = &'s [u8]>) -> Self {
        let mut needles: Vec<Vec<u8>> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            needles.push(secret.to_vec());
            for piece in (0..3).filter_map(|shift| piece_of_base64(secret, shift)) {
                let sign = |byte: &u8| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                };
                needles.push(piece.iter().map(sign).collect());
                needles.push(piece);
            }
        }
        // Longer ones first: a secret within another must not spoil the longer one's match.
        needles.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        needles.dedup();
        Self { needles: needles.into_iter().map(SecretSlice::from).collect() }
    }

    /// Knows what both know: a secret that was renewed may still be said.
    pub(super) fn and(&self, other: Self) -> Self {
        let mut needles: Vec<SecretSlice<u8>> = self.needles.iter().cloned().chain(other.needles).collect();
        let bytes = |needle: &SecretSlice<u8>| needle.expose_secret().to_vec();
        needles.sort_by(|one, other| bytes(other).len().cmp(&bytes(one).len()).then_with(|| bytes(one).cmp(&bytes(other))));
        needles.dedup_by(|one, other| one.expose_secret() == other.expose_secret());
        Self { needles }
    }

    /// Words for people, without any secret.
    pub(super) fn words<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.without(text.as_bytes(), 1) {
            None => Cow::Borrowed(text),
            Some(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }

    /// An answer's content, in place.
    pub(super) fn data(&self, bytes: &mut Vec<u8>) {
        if let Some(clean) = self.without(bytes, SHORTEST_IN_DATA) {
            *bytes = clean;
        }
    }

    fn without(&self, text: &[u8], shortest: usize) -> Option<Vec<u8>> {
        let mut clean: Option<Vec<u8>> = None;
        let (escapes, plus) = (memchr::memchr3(b'%', b'\\', b'&', text).is_some(), memchr::memchr(b'+', text).is_some());
        for needle in &self.needles {
            let needle = needle.expose_secret();
            // A plus spells a space, and telephone numbers are full of it.
            let escapes = escapes || (plus && needle.contains(&b' '));
            if needle.len() >= shortest {
                clean = replaced(clean.as_deref().unwrap_or(text), needle, escapes).or(clean);
            }
        }
        clean
    }
}

/// The text with every place of a needle blanked, if there is one. Without `escapes` it is spelt in one way only.
fn replaced(text: &[u8], needle: &[u8], escapes: bool) -> Option<Vec<u8>> {
    // No spelling is shorter than what it spells.
    if text.len() < needle.len() {
        return None;
    }
    if !escapes && memmem::find(text, needle).is_none() {
        return None;
    }
    let mut clean: Option<Vec<u8>> = None;
    let (mut at, mut kept) = (0, 0);
    let mut starts = Starts { first: *needle.first()?, escape: None, literal: None };
    while let Some(start) = starts.next(text, at) {
        at = start;
        let rest = &text[at..];
        match rest.starts_with(needle).then_some(needle.len()).or_else(|| escaped_length(rest, needle)) {
            None => at += 1,
            Some(length) => {
                let clean = clean.get_or_insert_with(|| Vec::with_capacity(text.len()));
                clean.extend_from_slice(&text[kept..at]);
                clean.extend_from_slice(HIDDEN);
                at += length;
                kept = at;
            }
        }
    }
    let mut clean = clean?;
    clean.extend_from_slice(&text[kept..]);
    Some(clean)
}

/// Where a needle may begin: at its own first byte, or at an escape. Each is looked for once, so a walk over the text stays one.
struct Starts {
    first: u8,
    escape: Option<usize>,
    literal: Option<usize>,
}

impl Starts {
    fn next(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        let behind = |found: Option<usize>| found.is_none_or(|found| found < at);
        let or_end = |found: Option<usize>| found.map_or(text.len(), |found| at + found);
        if behind(self.escape) {
            self.escape = Some(or_end(memchr::memchr3(b'%', b'\\', b'&', rest)));
        }
        if behind(self.literal) {
            let other = if self.first == b' ' { b'+' } else { self.first };
            self.literal = Some(or_end(memchr::memchr2(self.first, other, rest)));
        }
        self.escape.min(self.literal).filter(|start| *start < text.len())
    }
}

/// How many bytes of a text spell the needle, some of them escaped; nothing where they don't.
fn escaped_length(text: &[u8], needle: &[u8]) -> Option<usize> {
    let (mut at, mut met) = (0, 0);
    while met < needle.len() {
        let (bytes, length) = unit(text.get(at..)?);
        let bytes = bytes.as_bytes();
        if !bytes.is_empty() && needle[met..].starts_with(bytes) {
            (at, met) = (at + length, met + bytes.len());
        } else if text.get(at) == needle.get(met) || (text.get(at) == Some(&b'+') && needle[met] == b' ') {
            (at, met) = (at + 1, met + 1);
        } else {
            return None;
        }
    }
    Some(at)
}

/// One character as a text spells it, decoded, and how long the spelling is.
fn unit(text: &[u8]) -> (Unit, usize) {
    let hex = |digits: Option<&[u8]>| digits.and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
    let decoded = match text {
        [b'%', ..] => hex(text.get(1..3)).and_then(|code| u8::try_from(code).ok()).map(|byte| (Unit::byte(byte), 3)),
        [b'\\', b'u', ..] => hex(text.get(2..6)).and_then(|code| match (code, text.get(6..8)) {
            (0xD800..0xDC00, Some(b"\\u")) => {
                let low = hex(text.get(8..12)).filter(|low| (0xDC00..0xE000).contains(low))?;
                Some((Unit::letter(char::from_u32(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))?), 12))
            }
            _ => Some((Unit::letter(char::from_u32(code)?), 6)),
        }),
        [b'\\', b'x', ..] => hex(text.get(2..4)).and_then(|code| u8::try_from(code).ok()).map(|byte| (Unit::byte(byte), 4)),
        [b'\\', b'n', ..] => Some((Unit::byte(b'\n'), 2)),
        [b'\\', b'r', ..] => Some((Unit::byte(b'\r'), 2)),
        [b'\\', b't', ..] => Some((Unit::byte(b'\t'), 2)),
        [b'\\', sign @ (b'"' | b'\\' | b'/' | b'\''), ..] => Some((Unit::byte(*sign), 2)),
        [b'&', ..] => entity(text),
        _ => None,
    };
    decoded.unwrap_or((Unit::default(), 0))
}

/// `&amp;`, `&#43;`, `&#x2b;`
fn entity(text: &[u8]) -> Option<(Unit, usize)> {
    let end = text.iter().take(10).position(|byte| *byte == b';')?;
    let letter = match std::str::from_utf8(text.get(1..end)?).ok()? {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        code => {
            let code = code.strip_prefix('#')?;
            let number = code.strip_prefix(['x', 'X']).map_or_else(|| code.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
            char::from_u32(number?)?
        }
    };
    Some((Unit::letter(letter), end + 1))
}

/// Up to four bytes of UTF-8.
#[derive(Clone, Copy, Default)]
struct Unit {
    bytes: [u8; 4],
    length: usize,
}

impl Unit {
    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn letter(letter: char) -> Self {
        let mut unit = Self::default();
        unit.length = letter.encode_utf8(&mut unit.bytes).len();
        unit
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The signs of base64 that a secret brings about wherever it stands in what is encoded: its first byte at one of three places.
/// What mixes with its neighbours at both ends is left out.
fn piece_of_base64(secret: &[u8], shift: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret);
    let text = super::base64::standard(&bytes).into_bytes();
    let start = (shift * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    text.get(start..end).filter(|piece| piece.len() >= SHORTEST_PIECE).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(secret: &str, text: &str) -> String {
        Redactor::new([secret.as_bytes()]).words(text).into_owned()
    }

    #[test]
    fn a_secret_goes_in_whatever_way_it_is_spelt() {
        let secret = r#"p+ss/w"rd\ü &1"#;
        for spelt in [
            r#"p+ss/w"rd\ü &1"#,
            r#"p+ss\/w\"rd\\\u00fc \u00261"#,
            r#"\u0070\u002Bss/w\"rd\\ü &1"#,
            "p%2Bss%2Fw%22rd%5C%C3%BC%20%261",
            "p%2bss%2fw%22rd%5c%c3%bc+%261",
            "p&#43;ss&#x2F;w&quot;rd\\ü &amp;1",
        ] {
            assert_eq!(clean(secret, &format!("no {spelt}!")), "no [secret]!", "{spelt}");
        }
        assert_eq!(clean("100%41", "a 100%41 b 100%2541"), "a [secret] b [secret]");
        assert_eq!(clean("s3cr3t-t0ken", "s3cr3t-t0ke and %zz \\u12 &amp"), "s3cr3t-t0ke and %zz \\u12 &amp");
    }

    #[test]
    fn base64_of_anything_that_holds_it_is_found() {
        let secret = "s3cr3t-t0ken";
        for around in ["", "a", "ab", "jane:", "user:x:"] {
            let encoded = super::super::base64::standard(format!("{around}{secret}{around}").as_bytes());
            let said = clean(secret, &format!("Basic {encoded}."));
            assert!(said.contains("[secret]"), "{around}: {said}");
            assert!(!said.contains(&encoded), "{around}: {said}");
        }
    }

    #[test]
    fn data_keeps_what_is_short_enough_to_be_something_else() {
        let redactor = Redactor::new([b"secret".as_slice()]);
        let mut data = b"kubernetes-sigs/secrets-store".to_vec();
        redactor.data(&mut data);
        assert_eq!((data.as_slice(), redactor.words("secret: no").as_ref()), (b"kubernetes-sigs/secrets-store".as_slice(), "[secret]: no"));
    }
}
