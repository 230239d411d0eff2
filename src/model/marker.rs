//! The marker by which an object at a target is known as ours: `hc:<workspace>:<key>`, written and read here and nowhere else.
//!
//! Services make ids of it and put those into URLs, and gateways refuse an encoded slash. So of a key only letters, digits and `-._@` stand as they are;
//! `/` is `:`, and any other byte is `~` and two digits of base 16: `hr/10 a` is `hr:10~20a`.
//! Must never: give two keys one marker.

use std::borrow::Cow;

const SIGN: &str = "hc:";

/// The markers of one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    prefix: String,
}

impl Marks {
    /// Of this workspace.
    pub fn of(workspace: &str) -> Self {
        let mut prefix = SIGN.to_owned();
        encode(workspace, &mut prefix);
        prefix.push(':');
        Self { prefix }
    }

    /// The marker of an identity's or group's key.
    pub fn mark(&self, key: &str) -> String {
        let mut mark = String::with_capacity(self.prefix.len() + key.len());
        self.write(key, &mut mark);
        mark
    }

    /// Adds the marker to a buffer that is used again.
    pub fn write(&self, key: &str, out: &mut String) {
        out.push_str(&self.prefix);
        encode(key, out);
    }

    /// Whether a text is the marker of a key, without putting it together.
    pub fn is_of(&self, text: &str, key: &str) -> bool {
        let Some(rest) = text.strip_prefix(self.prefix.as_str()) else { return false };
        let mut signs = rest.bytes();
        let stands_next = |byte| match sign(byte) {
            Some(sign) => signs.next() == Some(sign),
            None => escaped(byte).into_iter().all(|sign| signs.next() == Some(sign)),
        };
        key.bytes().all(stands_next) && signs.next().is_none()
    }

    /// Whether a text is the marker of any key of this workspace.
    pub fn are_in(&self, text: &str) -> bool {
        text.starts_with(&self.prefix)
    }

    /// The key in a marker of this workspace; none for anything else.
    pub fn key<'m>(&self, text: &'m str) -> Option<Cow<'m, str>> {
        text.strip_prefix(&self.prefix).map(decode)
    }
}

/// Whether it is a marker of any workspace.
pub fn is_marker(text: &str) -> bool {
    text.starts_with(SIGN)
}

fn encode(key: &str, out: &mut String) {
    let mut copied = 0;
    // As far as signs stand as they are, they are copied at once.
    for (at, byte) in key.bytes().enumerate().filter(|(_, byte)| sign(*byte) != Some(*byte)) {
        out.push_str(key.get(copied..at).unwrap_or_default());
        copied = at + 1;
        match sign(byte) {
            Some(sign) => out.push(char::from(sign)),
            None => out.extend(escaped(byte).map(char::from)),
        }
    }
    out.push_str(key.get(copied..).unwrap_or_default());
}

/// The one sign that stands for a byte; nothing where it takes several.
fn sign(byte: u8) -> Option<u8> {
    match byte {
        b'/' => Some(b':'),
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'@' => Some(byte),
        _ => None,
    }
}

fn escaped(byte: u8) -> [u8; 3] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [b'~', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('~') {
        return if text.contains(':') { Cow::Owned(text.replace(':', "/")) } else { Cow::Borrowed(text) };
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let escaped = rest.strip_prefix('~').and_then(|after| after.get(..2)).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let taken = match (sign, escaped) {
            ('~', Some(byte)) => {
                bytes.push(byte);
                3
            }
            (':', _) => {
                bytes.push(b'/');
                1
            }
            _ => {
                bytes.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes());
                sign.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_has_only_signs_that_are_safe_in_urls_and_gives_its_key_back() {
        let marks = Marks::of("acme");
        for (key, mark) in [
            ("hr/10023", "hc:acme:hr:10023"),
            ("hr/ann@acme.example", "hc:acme:hr:ann@acme.example"),
            ("group/all/R&D ?#%", "hc:acme:group:all:R~26D~20~3f~23~25"),
            ("hr/a:b~c", "hc:acme:hr:a~3ab~7ec"),
            ("hr/Änne", "hc:acme:hr:~c3~84nne"),
            ("", "hc:acme:"),
        ] {
            assert_eq!(marks.mark(key), mark);
            assert_eq!(marks.key(mark).as_deref(), Some(key));
            assert!(marks.is_of(mark, key) && !marks.is_of(mark, &format!("{key}x")) && !marks.is_of(&format!("{mark}x"), key));
            assert!(mark.bytes().all(|byte| byte == b':' || byte == b'~' || sign(byte) == Some(byte)), "{mark}");
        }
    }

    #[test]
    fn what_is_no_marker_of_the_workspace_has_no_key() {
        let marks = Marks::of("acme");
        for other in ["", "hr:1", "hc:acme-2:hr:1", "hc:acm:hr:1", "xhc:acme:hr:1"] {
            assert_eq!(marks.key(other), None, "{other}");
        }
        assert!(is_marker("hc:other:hr:1") && !is_marker("00u1"));
    }

    #[test]
    fn a_marker_that_somebody_damaged_is_still_read_without_trouble() {
        let marks = Marks::of("acme");
        for (mark, key) in [("hc:acme:hr:~", "hr/~"), ("hc:acme:hr:~zz~c3", "hr/~zz\u{fffd}"), ("hc:acme:hr/~ä", "hr/~ä")] {
            assert_eq!(marks.key(mark).as_deref(), Some(key));
        }
    }
}
