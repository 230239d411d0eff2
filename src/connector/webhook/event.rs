//! One event: what is told, its key, and the proof that it comes from here (Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`).
//!
//! Must never: give two events one key, or one event another key when it is told again.

use aws_lc_rs::{digest, hmac};
use serde_json::{Value as Json, json};

use crate::http::base64;

/// A shorter secret can be guessed.
const LEAST: usize = 24;

/// Signs with one secret.
#[derive(Clone, Debug)]
pub(super) struct Signer(hmac::Key);

impl Signer {
    /// `whsec_` and base64, or any text.
    pub(super) fn new(secret: &str) -> Result<Self, &'static str> {
        let bytes = match secret.trim().strip_prefix("whsec_") {
            Some(encoded) => base64::read(encoded).ok_or("the webhook's secret is no base64 behind `whsec_`")?,
            None => secret.trim().as_bytes().to_vec(),
        };
        if bytes.len() < LEAST {
            return Err("the webhook's secret is too short: 24 bytes at least, such as `openssl rand -base64 32` gives");
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    fn sign(&self, text: &str) -> String {
        format!("v1,{}", base64::standard(hmac::sign(&self.0, text.as_bytes()).as_ref()))
    }
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// `user.created`
    pub(super) kind: String,
    /// the object, and what changed
    pub(super) data: Json,
}

impl Event {
    /// The same for the same event at the same place in the story of its object, however often it is told.
    pub(super) fn key(&self, url: &str) -> String {
        let hash = digest::digest(&digest::SHA256, format!("{url}\n{}\n{}", self.kind, self.data).as_bytes());
        let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("msg_{hex}")
    }

    /// Its content.
    pub(super) fn body(&self, at: jiff::Timestamp) -> String {
        json!({"type": self.kind, "timestamp": at.to_string(), "data": self.data}).to_string()
    }
}

/// The headers that prove where an event comes from; two signatures while a secret is replaced.
pub(super) fn headers(signers: &[Signer], key: &str, at: jiff::Timestamp, body: &str) -> [(&'static str, String); 3] {
    let seconds = at.as_second();
    let signed = format!("{key}.{seconds}.{body}");
    let signatures: Vec<String> = signers.iter().map(|signer| signer.sign(&signed)).collect();
    [("webhook-id", key.to_owned()), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signatures.join(" "))]
}
