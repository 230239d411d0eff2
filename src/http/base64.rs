//! Base64 (RFC 4648): with padding for headers, and for URLs without it.
//!
//! Must never: read what is none.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

/// With padding (section 4).
pub fn standard(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// For URLs and file names, without padding (section 5).
pub fn url_safe(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What a text with padding stands for; nothing where it is none.
pub fn read(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}
