//! Keys by which a system knows a request that it has had before.
//!
//! Must never: give two changes one key, or one change two, however often it is tried.

use aws_lc_rs::digest::{Context, SHA256};

use crate::connector::Write;

/// The key of a request, from the intent that its change has in the journal, in the form of a UUID, which every system takes. `part` tells requests of one change
/// apart: a member of several.
pub(super) fn key(write: &Write<'_>, part: &str) -> String {
    let mut context = Context::new(&SHA256);
    for text in [write.key.to_string().as_str(), part] {
        context.update(&(text.len() as u64).to_le_bytes());
        context.update(text.as_bytes());
    }
    let hash = context.finish();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(byte, hashed)| *byte = *hashed);
    // The bits that say: a UUID of a form of its own (RFC 9562 section 5.8).
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
