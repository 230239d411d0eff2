//! Who is told what needs somebody, and by which way.
//!
//! Must never: hold a secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretRef;

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotificationReceiver {
    /// What it is called in the status and in metrics; no other receiver has this name.
    pub name: String,
    /// By which way.
    pub to: NotificationWay,
    /// What it is told of. Default: everything but `digest`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<NoticeKind>,
    /// An address that each message points to: where people look at this workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NoticeKind {
    /// A system stands still or can't be read, manifests are not used, or somebody else keeps changing what is declared.
    NeedsSomebody,
    /// Changes wait for an approval.
    PlanWaits,
    /// Somebody who was cut off still has access somewhere.
    RevocationOpen,
    /// Changes are held back by a guardrail, or because manifests or a source shrank.
    Held,
    /// What was told of is over.
    Recovered,
    /// Once a day, how everything is.
    Digest,
}

/// How a receiver is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum NotificationWay {
    /// A service of your own: CloudEvents, signed as Standard Webhooks.
    Webhook(WebhookReceiver),
    /// An incoming webhook of Slack, or of a service that takes the same.
    Slack(SlackReceiver),
    /// E-mail.
    Email(EmailReceiver),
}

/// A service of your own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookReceiver {
    /// Where messages are posted to.
    pub url: String,
    /// What they are signed with (HMAC-SHA256): `whsec_` and base64, or any text of 24 bytes and more.
    pub secret: SecretRef,
    /// The one before it: while it stands here, messages carry both signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_secret: Option<SecretRef>,
    /// PEM file with the certificate authority, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
}

/// An incoming webhook of Slack, or of a service that takes the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlackReceiver {
    /// Its address, which is a secret: whoever knows it may post.
    pub url: SecretRef,
}

/// E-mail, handed to a server by SMTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailReceiver {
    /// The server: `smtp.acme.example`.
    pub server: String,
    /// Its port. Default: what the protection of the way asks for, 587 or 465; 25 without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the way is protected. Default: `startTls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<MailTls>,
    /// How to sign in. Without it nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<MailAuth>,
    /// Whom messages come from: `headcount@acme.example`, or `headcount <headcount@acme.example>`.
    pub from: String,
    /// Whom they go to.
    pub to: Vec<String>,
    /// PEM file with the certificate authority, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
}

/// How the way to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MailTls {
    /// TLS after the greeting; a server that does not offer it is told nothing.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None, to a server on this machine alone.
    None,
}

/// How to sign in to a mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MailAuth {
    /// The name.
    pub username: String,
    /// The password.
    pub password: SecretRef,
}

impl NoticeKind {
    /// What a receiver is told of where its manifest says nothing.
    pub const UNSAID: [Self; 5] = [Self::NeedsSomebody, Self::PlanWaits, Self::RevocationOpen, Self::Held, Self::Recovered];
}

impl NotificationReceiver {
    /// Whether it is told of that.
    pub fn hears(&self, kind: NoticeKind) -> bool {
        if self.kinds.is_empty() { NoticeKind::UNSAID.contains(&kind) } else { self.kinds.contains(&kind) }
    }
}

impl NotificationWay {
    /// Its word in manifests.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Slack(_) => "slack",
            Self::Email(_) => "email",
        }
    }

    /// Its secrets, each with the place below the way's word.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        match self {
            Self::Webhook(webhook) => {
                let former = webhook.former_secret.iter().map(|secret| ("formerSecret", secret));
                [("secret", &webhook.secret)].into_iter().chain(former).collect()
            }
            Self::Slack(slack) => vec![("url", &slack.url)],
            Self::Email(email) => email.auth.iter().map(|auth| ("auth/password", &auth.password)).collect(),
        }
    }
}
