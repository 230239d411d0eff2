//! Base64 (RFC 4648): with padding for headers, and for URLs without it.
//!
//! Must never: be asked to decode; nothing here reads it.

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
    fn both_alphabets_are_the_standard_s() {
        assert_eq!((standard(b"a"), standard(b"ab"), standard(b"")), ("YQ==".into(), "YWI=".into(), String::new()));
        assert_eq!((standard(b"\xfb\xff\xfe"), url_safe(b"\xfb\xff\xfe"), url_safe(b"a")), ("+//+".into(), "-__-".into(), "YQ".into()));
    }
}
