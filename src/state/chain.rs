//! The journal's lines as every store keeps them: each one's hash covers its text and the hash before it, so that nothing can be changed, dropped or put between
//! unseen. What the lines say is the journal's business.
//!
//! Must never: change; whatever was written by an earlier version must hold.

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::sealed::SEALED;

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
    /// what it says of people besides, by whom: sealed before a store ever sees it
    #[serde(skip)]
    pub personal: Vec<(Arc<str>, String)>,
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

impl ChainLine {
    /// What stands in the clear behind the number, as it was sealed with, and where what is sealed begins.
    pub fn clear(&self) -> &str {
        let rest = self.body.split_once(',').map_or("", |(_, rest)| rest);
        rest.rfind(SEALED).and_then(|at| rest.get(..at)).unwrap_or(rest)
    }

    /// What is sealed, as a list of JSON: of each by what name its key is kept, and the text. Nothing where nothing is.
    pub fn sealed(&self) -> Option<&str> {
        let at = self.body.rfind(SEALED)?;
        // The list's own bracket is the last sign of what announces it.
        self.body.get(at + SEALED.len() - 1..self.body.len().checked_sub(1)?)
    }
}

/// The last line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The hash, where it is one.
    pub fn bytes(&self) -> Option<Hash> {
        let digit = |at: usize| self.hash.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let mut hash = BEGINNING;
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = digit(at * 2)?;
        }
        (self.hash.len() == HASH_LENGTH * 2).then_some(hash)
    }

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
    let digit = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
