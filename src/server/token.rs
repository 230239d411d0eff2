//! Tokens of the API, and of systems that push: made once, shown once, kept as a hash.
//!
//! Must never: keep or show a token after it was made, or take longer for a token that is nearly right.

use std::collections::BTreeSet;

use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::model::{ApiToken, TokenScope};
use crate::state::hex;

/// What they begin with, so that whoever looks for secrets knows one.
pub(super) const PREFIX: &str = "hct_";
/// Bytes that nobody guesses.
const SECRET: usize = 32;

/// A token, and the token itself, which is to be shown once.
#[derive(Debug)]
pub struct MadeToken {
    /// as it is kept
    pub token: ApiToken,
    /// what its holder sends
    pub text: String,
}

/// A new one of the API; nothing where this machine has no random numbers.
pub fn make(name: &str, scopes: BTreeSet<TokenScope>, who: &str, at: Timestamp, expires: Timestamp) -> Option<MadeToken> {
    let text = format!("{PREFIX}{}", random()?);
    let token = ApiToken { name: name.to_owned(), hash: hash(&text), scopes, source: None, made_by: who.to_owned(), at, expires };
    Some(MadeToken { token, text })
}

/// A new one of a system that pushes to a Source, and does nothing else.
pub fn make_to_push(name: &str, source: &str, who: &str, at: Timestamp, expires: Timestamp) -> Option<MadeToken> {
    let made = make(name, BTreeSet::new(), who, at, expires)?;
    Some(MadeToken { token: ApiToken { source: Some(source.to_owned()), ..made.token }, ..made })
}

/// Letters that nobody guesses.
pub(super) fn random() -> Option<String> {
    let mut bytes = [0; SECRET];
    rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

/// The one that somebody sent, if it counts still.
pub(super) fn find<'t>(tokens: &'t [ApiToken], text: &str, now: Timestamp) -> Option<&'t ApiToken> {
    let hash = hash(text);
    let same = |token: &&ApiToken| constant_time::verify_slices_are_equal(token.hash.as_bytes(), hash.as_bytes()).is_ok();
    // All of them are looked at, so that how long it takes says nothing.
    let found: Vec<&ApiToken> = tokens.iter().filter(same).collect();
    found.first().copied().filter(|token| token.expires > now)
}

/// As it is kept.
pub(super) fn hash(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}
