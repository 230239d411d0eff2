//! The receivers of one process: those that the manifests in force declare, and the one for manifests themselves.
//!
//! Must never: keep a secret for longer than a minute, or forget what came because manifests changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::hooks::{HookAnswer, HookMessage, HookReceiver, HookRefusal, ManifestHost, Repeats};
use crate::manifest::Loaded;
use crate::manifest::connection::SecretRef;
use crate::secret::{self, SecretError, SecretString};
use crate::server::desk::Desk;
use crate::server::pace::Pace;
use crate::workspace::Mail;

/// Which receivers there are is looked up again after so long.
const KNOWN: Duration = Duration::from_secs(2);
/// And what their secrets are.
const SECRET: Duration = Duration::from_secs(60);
/// Messages of one receiver in a second.
const RATE: f64 = 50.0;

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HookSubject {
    Manifests,
    Source(Arc<str>),
}

impl HookSubject {
    /// By the way to it.
    pub fn of_path(path: &str) -> Option<Self> {
        match path.strip_prefix(super::ROOT)?.split_once('/') {
            None => (path.strip_prefix(super::ROOT)? == "manifests").then_some(Self::Manifests),
            Some(("sources", name)) if !name.is_empty() && !name.contains('/') => Some(Self::Source(name.into())),
            Some(_) => None,
        }
    }

    /// What it is called where it is counted.
    pub fn label(&self) -> &str {
        match self {
            Self::Manifests => "manifests",
            Self::Source(name) => name,
        }
    }

    /// It is looked at soon; nothing where the workspace has ended.
    pub fn stir(&self, mail: &Mail) -> Option<()> {
        match self {
            Self::Manifests => {
                mail.hooked_manifests();
                Some(())
            }
            Self::Source(name) => mail.hooked(name),
        }
    }
}

/// Who says when something is pushed to the repository of the manifests.
#[derive(Clone, Debug)]
pub struct ManifestHooks {
    /// its host
    pub host: ManifestHost,
    /// the secret that both know
    pub secret: SecretRef,
    /// what its file counts from
    pub base: PathBuf,
}

/// What of a receiver stays, whatever manifests say.
#[derive(Debug)]
struct Life {
    pace: Pace,
    repeats: Mutex<Repeats>,
    secret: tokio::sync::Mutex<Option<(Instant, SecretRef, SecretString)>>,
}

/// One receiver.
#[derive(Clone, Debug)]
pub(super) struct OpenReceiver {
    pub subject: HookSubject,
    scheme: Scheme,
    secret: SecretRef,
    base: PathBuf,
    life: Arc<Life>,
}

#[derive(Clone, Debug)]
enum Scheme {
    Declared(Box<HookReceiver>),
    Host(ManifestHost),
}

type Known = BTreeMap<HookSubject, OpenReceiver>;

/// All of them.
pub(in crate::server) struct Hooks {
    manifests: Option<ManifestHooks>,
    known: tokio::sync::Mutex<Option<(Instant, Known)>>,
}

impl Hooks {
    /// With one for manifests, where their host says when something is pushed.
    pub fn new(manifests: Option<ManifestHooks>) -> Self {
        Self { manifests, known: tokio::sync::Mutex::default() }
    }

    /// The receiver of a subject.
    pub(super) async fn find(&self, subject: &HookSubject, desk: &Desk) -> Option<OpenReceiver> {
        let mut known = self.known.lock().await;
        if let Some((_, receivers)) = known.as_ref().filter(|(at, _)| at.elapsed() < KNOWN) {
            return receivers.get(subject).cloned();
        }
        let view = desk.mail.look().await?;
        let before = known.take().map(|(_, before)| before).unwrap_or_default();
        let receivers = self.of(&view.loaded, &before);
        let found = receivers.get(subject).cloned();
        *known = Some((Instant::now(), receivers));
        found
    }

    fn of(&self, loaded: &Loaded, before: &Known) -> Known {
        let life = |subject: &HookSubject| before.get(subject).map_or_else(|| Arc::new(Life::new()), |before| before.life.clone());
        let mut all = Known::new();
        if let Some(ManifestHooks { host, secret, base }) = self.manifests.clone() {
            let (subject, scheme) = (HookSubject::Manifests, Scheme::Host(host));
            all.insert(subject.clone(), OpenReceiver { life: life(&subject), subject, scheme, secret, base });
        }
        for document in &loaded.sources {
            let Some((spec, secret)) = document.spec.connection.described().webhook() else { continue };
            // What a Connector says was checked with the manifests.
            let Ok(receiver) = HookReceiver::compile(spec) else { continue };
            let (subject, scheme) = (HookSubject::Source(document.name.clone()), Scheme::Declared(Box::new(receiver)));
            let (secret, base) = (secret.clone(), document.origin.base.to_path_buf());
            all.insert(subject.clone(), OpenReceiver { life: life(&subject), subject, scheme, secret, base });
        }
        all
    }
}

impl Life {
    fn new() -> Self {
        Self { pace: Pace::new(RATE, RATE), repeats: Mutex::default(), secret: tokio::sync::Mutex::default() }
    }
}

impl OpenReceiver {
    /// Whether one more may come.
    pub fn may_ask(&self) -> bool {
        self.life.pace.take(Instant::now())
    }

    /// What proves that it is the one.
    pub async fn secret(&self) -> Result<SecretString, SecretError> {
        let mut kept = self.life.secret.lock().await;
        if let Some((_, _, secret)) = kept.as_ref().filter(|(at, from, _)| at.elapsed() < SECRET && *from == self.secret) {
            return Ok(secret.clone());
        }
        let secret = secret::resolve(&self.secret, &self.base).await?;
        *kept = Some((Instant::now(), self.secret.clone(), secret.clone()));
        Ok(secret)
    }

    /// What a message means.
    pub fn hear(&self, message: &HookMessage<'_>, secret: &str, now: Timestamp) -> Result<HookAnswer, HookRefusal> {
        match &self.scheme {
            Scheme::Declared(receiver) => receiver.hear(message, secret, now),
            Scheme::Host(host) => {
                let receiver = HookReceiver::compile(&host.spec(secret)).map_err(|_| HookRefusal::Unproven)?;
                receiver.hear(message, secret, now)
            }
        }
    }

    /// Whether it says that a subscription ends, or is lost.
    pub fn ends(&self, message: &HookMessage<'_>) -> bool {
        match &self.scheme {
            Scheme::Declared(receiver) => receiver.ends(message),
            Scheme::Host(_) => false,
        }
    }

    /// Whether it came already.
    pub fn came(&self, marks: &[[u8; 32]], now: Timestamp) -> bool {
        self.life.repeats.lock().unwrap_or_else(PoisonError::into_inner).came(marks, now)
    }
}
