//! The journal's lines as every store keeps them: each one's hash covers its text and the hash before it, so that nothing can be changed, dropped or put between
//! unseen. What the lines say is the journal's business.
//!
//! Must never: change; whatever was written by an earlier version must hold.

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

const HASH_LENGTH: usize = 32;
/// The hash of a line.
pub type Hash = [u8; HASH_LENGTH];
/// The hash before the first line.
pub const BEGINNING: Hash = [0; HASH_LENGTH];

/// A line on its way: what it says but for its number, which the store gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryDraft {
    /// the run it belongs to
    pub run: Arc<str>,
    /// the word by which it is found
    pub event: Cow<'static, str>,
    /// the change it is about
    pub change: Option<u32>,
    /// the JSON behind the number, to the closing brace
    pub rest: String,
}

/// A line as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLine {
    /// from 1, without gaps
    pub seq: u64,
    /// its text
    pub body: String,
    /// its hash
    pub hash: Vec<u8>,
    /// the run, as the store finds it by
    pub run: String,
    /// the word, as the store finds it by
    pub event: String,
}

/// The last line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// its number
    pub seq: u64,
    /// its hash, in hex
    pub hash: String,
}

impl EntryDraft {
    /// The whole text, once it has its number.
    pub(super) fn body(&self, seq: u64) -> String {
        format!("{{\"seq\":{seq},{}", self.rest)
    }
}

impl Head {
    /// As it is written down.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.seq, self.hash)
    }

    /// As it was written down.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.trim_end().split_once(' ')?;
        Some(Self { seq: seq.parse().ok()?, hash: hash.to_owned() })
    }
}

/// The hash of a line that follows on another.
pub fn link(previous: &Hash, body: &str) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(body.as_bytes());
    let mut hash = BEGINNING;
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// As people note it.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
