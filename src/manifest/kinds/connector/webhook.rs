//! How a system says that something changed there: the proof that it is the one, and what else it expects of whoever listens.
//!
//! A value is named by where it is: `header.X-Signature`, `query.name`, `body.event.type`, `body.value[].clientState` (of each item), `signature.t` (a named piece of
//! the signature's header), `body` (the bytes as they came).
//! Must never: let anybody say so without a proof, or hold a secret.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::RequestSpec;

/// How a system says that something changed there. Nothing of what it says is believed but that: the Source is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookSpec {
    /// The proof that it is the one.
    pub verify: WebhookProof,
    /// When it was sent; what is older is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<WebhookFresh>,
    /// Where a message has its own name: one that came within a day does nothing again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// What is answered to whoever tries the address out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<WebhookHello>,
    /// Which messages say that something changed. Default: each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<WebhookOnly>,
    /// How it is asked to send them, where it sends them for a time alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribe: Option<SubscribeSpec>,
}

/// How a system is asked to send webhooks: a subscription, which ends and is renewed before it does. Beside `config` its requests know `receiver.url` and `receiver.secret`
/// (where messages go, and what proves them), `until.text`, `until.ms` and `until.seconds` (when it is to end: RFC 3339, since 1970, from now), `new` (an id that was
/// made up for it), `each`, and of one that there is `id` and `kept.NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscribeSpec {
    /// Several things of which there is one each. Default: one of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<String>,
    /// How long one is asked for: `6h`, `28d`. It is renewed after two thirds of what the system gives.
    pub life: String,
    /// Makes one.
    pub make: RequestSpec,
    /// Expression over the answer's `body` and `headers`: its id. Default: `new`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Expression over the same: when it ends, as RFC 3339 or in milliseconds since 1970. Default: what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Expressions over the same: what else is needed later, as `kept.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keep: BTreeMap<String, String>,
    /// Renews one. Default: another one is made, and this one stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew: Option<RequestSpec>,
    /// Stops one. Default: it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<RequestSpec>,
    /// Messages that say that one ends, or is lost: it is renewed at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<WebhookOnly>,
}

/// The proof that a message comes from the system. Exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum WebhookProof {
    /// A signature over the message: a hash keyed with the secret, or one by a key of which the secret is the public half.
    Signature(WebhookSignature),
    /// The secret itself.
    Shared(WebhookShared),
}

/// A signature over the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookSignature {
    /// How it is made.
    pub algorithm: WebhookAlgorithm,
    /// The header that it stands in.
    pub header: String,
    /// What stands between several pieces of the header. Default: it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<WebhookSplit>,
    /// What stands before a signature: `sha256=`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// How its bytes are written.
    pub encoding: WebhookEncoding,
    /// What it is over: a text with values in braces, `v0:{header.X-Time}:{body}`.
    pub over: String,
}

/// The secret itself stands in the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookShared {
    /// Where.
    pub at: String,
    /// What stands before it: `Bearer `.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// How signatures are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WebhookAlgorithm {
    /// HMAC with SHA-256; the key is the secret, of `whsec_` and base64 what that says
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// HMAC with SHA-512
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
    /// Ed25519; the secret is the public key in base64, as it is or behind `whpk_`
    #[serde(rename = "ed25519")]
    Ed25519,
    /// ECDSA over P-256 with SHA-256, in ASN.1; the secret is the public key in base64
    #[serde(rename = "es256")]
    Es256,
}

/// What stands between pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WebhookSplit {
    /// ` `
    Space,
    /// `,`, and spaces beside it
    Comma,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WebhookEncoding {
    /// digits
    Hex,
    /// with or without `=` at the end
    Base64,
    /// the same for addresses
    Base64Url,
}

/// When a message was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookFresh {
    /// Where that stands; the proof has to be over it.
    pub at: String,
    /// What it counts.
    pub unit: WebhookUnit,
    /// How long ago, or ahead, it may be: `5m`.
    pub within: String,
}

/// What a time counts, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WebhookUnit {
    /// seconds
    #[serde(rename = "s")]
    Seconds,
    /// milliseconds
    #[serde(rename = "ms")]
    Milliseconds,
}

/// What is answered to whoever tries the address out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookHello {
    /// What comes back, where it is there.
    pub echo: String,
    /// It comes back as this field of an object; else as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// It comes without a proof, and does nothing but come back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
}

/// Which messages say that something changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookOnly {
    /// Where the sort of a message stands.
    pub at: String,
    /// Those that do.
    #[serde(rename = "in")]
    pub sorts: Vec<String>,
}
