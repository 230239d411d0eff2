//! Base64 (RFC 4648): with padding for headers, and for URLs without it; read as it stands in keys.
//!
//! Must never: read what is none.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// With padding (section 4).
pub fn standard(bytes: &[u8]) -> String {
    let mut text = digits(bytes, STANDARD);
    text.extend(std::iter::repeat_n('=', (3 - bytes.len() % 3) % 3));
    text
}

/// For URLs and file names, without padding (section 5).
pub fn url_safe(bytes: &[u8]) -> String {
    digits(bytes, URL_SAFE)
}

/// What a text with padding stands for; nothing where it is none.
pub fn read(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if text.len() % 4 != 0 || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len());
    for chunk in digits.chunks(4) {
        let mut group = 0u32;
        for (at, digit) in chunk.iter().enumerate() {
            let value = STANDARD.iter().position(|known| known == digit)? as u32;
            group |= value << (18 - 6 * at);
        }
        bytes.extend(group.to_be_bytes().into_iter().skip(1).take(chunk.len().saturating_sub(1)));
    }
    Some(bytes)
}

fn digits(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0u32, |group, (at, byte)| group | (u32::from(*byte) << (16 - 8 * at)));
        for at in 0..=chunk.len() {
            text.push(char::from(alphabet[(group >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", b"\xfb\xff\xfe\x00"] {
            assert_eq!(read(&standard(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!((read("YQ="), read("Y!=="), read("A===")), (None, None, None));
    }

    #[test]
    fn both_alphabets_are_the_standard_s() {
        assert_eq!((standard(b"a"), standard(b"ab"), standard(b"")), ("YQ==".into(), "YWI=".into(), String::new()));
        assert_eq!((standard(b"\xfb\xff\xfe"), url_safe(b"\xfb\xff\xfe"), url_safe(b"a")), ("+//+".into(), "-__-".into(), "YQ".into()));
    }
}
