//! One receiver: what a message that came to it means, and what is answered.
//!
//! Must never: say why a message was refused to whoever sent it, or take one for news that has no proof.

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::message::{HookMessage, HookPath};
use super::proof::Proof;
use crate::manifest::kinds::connector::{
    WebhookAlgorithm, WebhookEncoding, WebhookFresh, WebhookOnly, WebhookProof, WebhookShared, WebhookSignature, WebhookSpec, WebhookSplit,
    WebhookUnit,
};
use crate::manifest::quantity;

/// What is said back is never longer.
const MOST_ECHO: usize = 1_024;

/// One receiver.
#[derive(Clone, Debug)]
pub struct HookReceiver {
    proof: Proof,
    fresh: Option<(HookPath, WebhookUnit, SignedDuration)>,
    once: Option<HookPath>,
    hello: Option<Hello>,
    only: Option<(HookPath, Vec<String>)>,
    ending: Option<(HookPath, Vec<String>)>,
}

#[derive(Clone, Debug)]
struct Hello {
    echo: HookPath,
    field: Option<String>,
    unproven: bool,
}

/// What a message means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// something changed. A message that has one of these marks is the same one
    Changed(Vec<[u8; 32]>),
    /// nothing that counts here
    Nothing,
    /// somebody tries the address out, and gets this back as a text
    Text(String),
    /// the same as JSON
    Json(String),
}

/// Why it is refused: for the log, and not for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookRefusal {
    /// nobody who has the secret sent it
    #[error("its proof does not hold")]
    Unproven,
    /// it is old, or of a clock that is wrong
    #[error("it was not sent now")]
    Stale,
}

impl HookReceiver {
    /// Of what a Connector says; else what is wrong, and where.
    pub fn compile(spec: &WebhookSpec) -> Result<Self, (&'static str, String)> {
        let proof = Proof::compile(&spec.verify)?;
        let path = |pointer: &'static str, text: &str| HookPath::read(text).map_err(|why| (pointer, why));
        let fresh = match &spec.fresh {
            None => None,
            Some(fresh) => {
                let at = path("fresh/at", &fresh.at)?;
                if !proof.covers(&at) {
                    return Err(("fresh/at", "the signature is not over this time: whoever repeats a message writes another one".into()));
                }
                let within = quantity::duration(&fresh.within).map_err(|why| ("fresh/within", why.to_owned()))?;
                Some((at, fresh.unit, within))
            }
        };
        let once = spec.once.as_deref().map(|text| path("once", text)).transpose()?;
        let hello = match &spec.hello {
            None => None,
            Some(hello) => {
                let echo = path("hello/echo", &hello.echo)?;
                if hello.unproven && !echo.is_outside() {
                    return Err(("hello/echo", "what comes without a proof is said back from a header or the query alone".into()));
                }
                Some(Hello { echo, field: hello.field.clone(), unproven: hello.unproven })
            }
        };
        let only = match &spec.only {
            None => None,
            Some(only) => Some((path("only/at", &only.at)?, only.sorts.clone())),
        };
        let ending = match spec.subscribe.as_ref().and_then(|subscribe| subscribe.ending.as_ref()) {
            None => None,
            Some(ending) => Some((path("subscribe/ending/at", &ending.at)?, ending.sorts.clone())),
        };
        Ok(Self { proof, fresh, once, hello, only, ending })
    }

    /// Whether a message that was heard says that its subscription ends, or is lost.
    pub fn ends(&self, message: &HookMessage<'_>) -> bool {
        let Some((at, sorts)) = &self.ending else { return false };
        message.texts(at, &[]).is_some_and(|found| found.iter().any(|sort| sorts.contains(sort)))
    }

    /// What a message means.
    pub fn hear(&self, message: &HookMessage<'_>, secret: &str, now: Timestamp) -> Result<HookAnswer, HookRefusal> {
        if let Some(said) = self.hello.as_ref().filter(|hello| hello.unproven).and_then(|hello| hello.said(message)) {
            return Ok(said);
        }
        let proven = self.proof.holds(message, secret).ok_or(HookRefusal::Unproven)?;
        let pieces = self.proof.pieces(message);
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        if let Some((at, unit, within)) = &self.fresh {
            let sent = message.text(at, &pieces).and_then(|text| moment(&text, *unit)).ok_or(HookRefusal::Stale)?;
            if now.duration_since(sent).abs() > *within {
                return Err(HookRefusal::Stale);
            }
        }
        if let Some(said) = self.hello.as_ref().and_then(|hello| hello.said(message)) {
            return Ok(said);
        }
        if let Some((at, sorts)) = &self.only {
            let sort = message.text(at, &pieces);
            if !sort.is_some_and(|sort| sorts.contains(&sort)) {
                return Ok(HookAnswer::Nothing);
            }
        }
        let name = self.once.as_ref().and_then(|once| message.text(once, &pieces));
        let named = name.and_then(|name| digest::digest(&digest::SHA256, format!("name {name}").as_bytes()).as_ref().try_into().ok());
        Ok(HookAnswer::Changed(proven.into_iter().chain(named).collect()))
    }
}

impl Hello {
    fn said(&self, message: &HookMessage<'_>) -> Option<HookAnswer> {
        let text = message.text(&self.echo, &[]).filter(|text| !text.is_empty() && text.len() <= MOST_ECHO)?;
        Some(match &self.field {
            Some(field) => HookAnswer::Json(json!({field: text}).to_string()),
            None => HookAnswer::Text(text),
        })
    }
}

fn moment(text: &str, unit: WebhookUnit) -> Option<Timestamp> {
    let number: i64 = text.trim().parse().ok()?;
    match unit {
        WebhookUnit::Seconds => Timestamp::from_second(number).ok(),
        WebhookUnit::Milliseconds => Timestamp::from_millisecond(number).ok(),
    }
}

/// Who hosts the repository that manifests are in, and says when something is pushed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestHost {
    /// GitHub: signed with the secret
    GitHub,
    /// GitLab: signed with a signing token (`whsec_…`), else the secret token itself
    GitLab,
}

impl ManifestHost {
    /// How it says so, with this secret: GitLab has signing tokens (`whsec_…`), and secret tokens from before.
    pub fn spec(self, secret: &str) -> WebhookSpec {
        let signature = |header: &str, split, prefix: &str, encoding, over: &str| {
            let (header, prefix, over) = (header.to_owned(), prefix.to_owned(), over.to_owned());
            WebhookProof::Signature(WebhookSignature { algorithm: WebhookAlgorithm::HmacSha256, header, split, prefix, encoding, over })
        };
        let (verify, fresh, once, sort) = match self {
            Self::GitHub => {
                let verify = signature("X-Hub-Signature-256", None, "sha256=", WebhookEncoding::Hex, "{body}");
                (verify, None, "header.X-GitHub-Delivery", ("header.X-GitHub-Event", "push"))
            }
            Self::GitLab if secret.starts_with("whsec_") => {
                let over = "{header.webhook-id}.{header.webhook-timestamp}.{body}";
                let verify = signature("webhook-signature", Some(WebhookSplit::Space), "v1,", WebhookEncoding::Base64, over);
                let (at, unit, within) = ("header.webhook-timestamp".into(), WebhookUnit::Seconds, "5m".into());
                (verify, Some(WebhookFresh { at, unit, within }), "header.webhook-id", ("header.X-Gitlab-Event", "Push Hook"))
            }
            Self::GitLab => {
                let verify = WebhookProof::Shared(WebhookShared { at: "header.X-Gitlab-Token".into(), prefix: String::new() });
                (verify, None, "header.X-Gitlab-Event-UUID", ("header.X-Gitlab-Event", "Push Hook"))
            }
        };
        let only = Some(WebhookOnly { at: sort.0.into(), sorts: vec![sort.1.into()] });
        WebhookSpec { verify, fresh, once: Some(once.into()), hello: None, only, subscribe: None }
    }
}
