//! A webhook: an application that is told of changes, and that nobody can ask.
//!
//! Must never: hold a secret.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Address, ConnectionPart, Described, SecretRef, Unreadable};

/// An application that is told of users and groups by signed requests. What it was told stands in a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookConnection {
    /// Where events are posted to.
    pub url: String,
    /// What events are signed with (HMAC-SHA256): `whsec_` and base64, or any text of 24 bytes and more.
    pub secret: SecretRef,
    /// The one before it: while it stands here, events carry both signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_secret: Option<SecretRef>,
    /// File with what the application was told. It begins as an empty file; without it nothing is told.
    pub ledger: String,
    /// PEM file with the certificate authority, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Deadline of one request: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}

impl Described for WebhookConnection {
    fn word(&self) -> &'static str {
        "webhook"
    }

    fn system(&self) -> String {
        format!("webhook {}", self.url)
    }

    fn rows(&self) -> Value {
        json!({"webhook": self.url})
    }

    fn place(&self) -> &'static str {
        "url"
    }

    fn files(&self) -> Vec<ConnectionPart<'_, str>> {
        vec![ConnectionPart { pointer: "ledger", value: &self.ledger }]
    }

    fn secrets(&self) -> Vec<ConnectionPart<'_, SecretRef>> {
        let former = self.former_secret.iter().map(|value| ConnectionPart { pointer: "formerSecret", value });
        [ConnectionPart { pointer: "secret", value: &self.secret }].into_iter().chain(former).collect()
    }

    fn address(&self) -> Option<Address<'_>> {
        let open = self.url.starts_with("http://") && url::Url::parse(&self.url).is_ok_and(|url| !is_here(&url));
        let hint = "write where events are posted to: https://app.example/hooks/headcount";
        Some(Address { pointer: "url", url: &self.url, signs_in_openly: open, hint })
    }

    fn deadline(&self) -> Option<Duration> {
        Some(super::deadline(self.timeout.as_deref()))
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        super::unreadable_deadline("timeout", self.timeout.as_deref()).into_iter().collect()
    }
}

fn is_here(url: &url::Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
