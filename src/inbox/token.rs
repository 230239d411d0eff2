//! Tokens of whoever pushes: each of one Source, shown once, kept as a hash.
//!
//! Must never: hold the token itself, or let one open another Source's inbox.

use aws_lc_rs::{digest, rand};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::hex;

/// What they begin with, so that whoever looks for secrets knows one.
pub const INBOX_PREFIX: &str = "hcs_";
/// Bytes that nobody guesses: 136 bits.
const SECRET: usize = 17;
/// Digits by which a slip of whoever copies it is known.
const CHECK: usize = 6;

/// One token. On `Shelf::InboxTokens` by Source and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxToken {
    /// whose inbox it opens
    pub source: String,
    /// what people call it
    pub name: String,
    /// SHA-256 of it, in hex
    pub hash: String,
    /// who made it
    pub made_by: String,
    /// when
    pub at: Timestamp,
    /// when it ends
    pub expires: Timestamp,
}

/// When a token was used last. On `Shelf::InboxUses` by Source and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxUse {
    /// when, to the minute
    pub at: Timestamp,
}

/// A token, and the token itself, which is to be shown once.
#[derive(Debug)]
pub struct MadeInboxToken {
    /// as it is kept
    pub token: InboxToken,
    /// what its holder sends
    pub text: String,
}

impl InboxToken {
    /// What it is called on its shelf.
    pub fn shelf_name(&self) -> String {
        format!("{}/{}", self.source, self.name)
    }

    /// The hash of what somebody sent; none where it can't be a token: nothing has to be looked up for that.
    pub fn hash_of(text: &str) -> Option<String> {
        let (before, check) = text.rsplit_once('_')?;
        (text.starts_with(INBOX_PREFIX) && hash(before).get(..CHECK) == Some(check)).then(|| hash(text))
    }
}

/// A new one; nothing where this machine has no random numbers.
pub fn make_inbox_token(source: &str, name: &str, who: &str, at: Timestamp, expires: Timestamp) -> Option<MadeInboxToken> {
    let mut bytes = [0; SECRET];
    rand::fill(&mut bytes).ok()?;
    let before = format!("{INBOX_PREFIX}{source}_{}", hex(&bytes));
    let text = format!("{before}_{}", hash(&before).get(..CHECK)?);
    let token = InboxToken { source: source.to_owned(), name: name.to_owned(), hash: hash(&text), made_by: who.to_owned(), at, expires };
    Some(MadeInboxToken { token, text })
}

fn hash(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}
