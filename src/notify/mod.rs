//! Tells people what needs somebody: by signed webhooks, by Slack's incoming webhooks, by e-mail. What is said is worked out from the status by a pure step
//! (`NoticeMemory::hear`); sending is a task for each receiver.
//!
//! Must never: keep the loop waiting for a receiver, name a person, log an address that is a secret, or go on without saying that a receiver can't be told.

mod mail;
mod notice;
mod post;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

pub use notice::{Notice, NoticeMemory, Notices};

use crate::manifest::kinds::{NotificationReceiver, NotificationWay};
use crate::metrics::Metrics;
use crate::model::{Need, NeedKind};

/// Messages that wait for a receiver. Further ones are lost to it, and that is told.
const WAITING: usize = 64;
/// Between two tries; after the last one it is given up.
const PAUSES: [Duration; 4] = [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(240)];
/// How soon it is looked again for secrets that are not there.
const LOOK: Duration = Duration::from_secs(60);
/// Nobody is waited for longer, whatever they ask for.
const LONGEST: Duration = Duration::from_secs(900);

/// All receivers of a workspace. Each is told by a task of its own, which ends with this.
#[derive(Debug)]
pub struct Notifier {
    receivers: Vec<Outlet>,
}

/// A receiver, as the loop sees it.
#[derive(Debug)]
struct Outlet {
    declared: Arc<NotificationReceiver>,
    queue: mpsc::Sender<Arc<Notice>>,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

/// Why a receiver was not told, since when.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    words: String,
    since: Timestamp,
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Undelivered {
    words: String,
    /// it may work later, not before that
    again: Option<Duration>,
}

impl Notifier {
    /// For these receivers. Files that they name lie below `base`, where the Workspace's document is; secrets are resolved for each message.
    pub fn new(workspace: &Arc<str>, receivers: &[NotificationReceiver], base: &Path, metrics: &Metrics) -> Self {
        Self::patient(workspace, receivers, base, metrics, &PAUSES)
    }

    fn patient(
        workspace: &Arc<str>,
        receivers: &[NotificationReceiver],
        base: &Path,
        metrics: &Metrics,
        pauses: &'static [Duration],
    ) -> Self {
        let open = |declared: &NotificationReceiver| {
            metrics.receiver(workspace, &declared.name);
            let (queue, messages) = mpsc::channel(WAITING);
            let (declared, trouble) = (Arc::new(declared.clone()), Arc::new(Mutex::new(None)));
            let sender = Sender {
                workspace: workspace.clone(),
                declared: declared.clone(),
                base: base.to_owned(),
                metrics: metrics.clone(),
                trouble: trouble.clone(),
                pauses,
            };
            tokio::spawn(sender.work(messages));
            Outlet { declared, queue, trouble }
        };
        Self { receivers: receivers.iter().map(open).collect() }
    }

    /// Tells everybody who wants to hear of them. Waits for nobody.
    pub fn tell(&self, notices: Vec<Notice>) {
        for notice in notices.into_iter().map(Arc::new) {
            let wants = |receiver: &&Outlet| receiver.declared.hears(notice.kind) && receiver.declared.name != notice.about;
            for receiver in self.receivers.iter().filter(wants) {
                if receiver.queue.try_send(notice.clone()).is_err() {
                    let words = format!("{WAITING} messages wait for it already");
                    note(&receiver.trouble, Some(words), notice.at);
                }
            }
        }
    }

    /// The receivers that can't be told, for the status.
    pub fn needs(&self) -> Vec<Need> {
        let need = |receiver: &Outlet| {
            let trouble = receiver.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
            let name = &receiver.declared.name;
            Some(Need {
                kind: NeedKind::Untold,
                about: name.clone(),
                words: format!("{name} could not be told what needs somebody: {}", trouble.words),
                next: format!("look at `notifications` of the Workspace: the receiver {name}"),
                since: trouble.since,
            })
        };
        self.receivers.iter().filter_map(need).collect()
    }
}

/// One receiver's task.
struct Sender {
    workspace: Arc<str>,
    declared: Arc<NotificationReceiver>,
    base: PathBuf,
    metrics: Metrics,
    trouble: Arc<Mutex<Option<Trouble>>>,
    pauses: &'static [Duration],
}

impl Sender {
    async fn work(self, mut messages: mpsc::Receiver<Arc<Notice>>) {
        let mut ready = self.look().await;
        loop {
            let notice = tokio::select! {
                notice = messages.recv() => notice,
                () = tokio::time::sleep(LOOK), if !ready => {
                    ready = self.look().await;
                    if ready {
                        note(&self.trouble, None, Timestamp::now());
                    }
                    continue;
                }
            };
            let Some(notice) = notice else { return };
            ready = true;
            let told = self.patiently(&notice).await;
            self.metrics.notified(&self.workspace, &self.declared.name, told.is_ok());
            let (receiver, kind) = (&*self.declared.name, notice::kind_word(notice.kind));
            match &told {
                Ok(()) => tracing::info!(target: "headcount::notify", workspace = &*self.workspace, receiver, kind, id = notice.id, "told"),
                Err(why) => {
                    let why = why.words.as_str();
                    tracing::warn!(target: "headcount::notify", workspace = &*self.workspace, receiver, kind, id = notice.id, why, "not told");
                }
            }
            note(&self.trouble, told.err().map(|why| why.words), Timestamp::now());
        }
    }

    /// Looks whether its secrets are there before anything has to be told: that they are not is told itself.
    async fn look(&self) -> bool {
        let secrets = match &self.declared.to {
            NotificationWay::Webhook(webhook) => std::iter::once(&webhook.secret).chain(&webhook.former_secret).collect(),
            NotificationWay::Slack(slack) => vec![&slack.url],
            NotificationWay::Email(email) => email.auth.iter().map(|auth| &auth.password).collect(),
        };
        let mut missing = None;
        for secret in secrets {
            missing = missing.or(post::resolved(secret, &self.base).await.err().map(|why| why.words));
        }
        if let Some(why) = &missing {
            let receiver = &*self.declared.name;
            tracing::warn!(target: "headcount::notify", workspace = &*self.workspace, receiver, why, "it could not be told anything");
            note(&self.trouble, missing.clone(), Timestamp::now());
        }
        missing.is_none()
    }

    async fn patiently(&self, notice: &Notice) -> Result<(), Undelivered> {
        let mut pauses = self.pauses.iter();
        loop {
            let why = match self.once(notice).await {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            match (why.again, pauses.next()) {
                (Some(asked), Some(pause)) => tokio::time::sleep((*pause).max(asked.min(LONGEST))).await,
                _ => return Err(why),
            }
        }
    }

    async fn once(&self, notice: &Notice) -> Result<(), Undelivered> {
        let link = self.declared.link.as_deref();
        match &self.declared.to {
            NotificationWay::Webhook(webhook) => post::webhook(webhook, notice, link, &self.declared.name, &self.base).await,
            NotificationWay::Slack(slack) => post::slack(slack, notice, link, &self.declared.name, &self.base).await,
            NotificationWay::Email(email) => mail::send(email, notice, link, &self.base).await,
        }
    }
}

impl Undelivered {
    /// It will not work by itself.
    fn for_good(words: impl Into<String>) -> Self {
        Self { words: words.into(), again: None }
    }

    /// It may work later.
    fn for_now(words: impl Into<String>) -> Self {
        Self { words: words.into(), again: Some(Duration::ZERO) }
    }
}

/// Since when it can't be told stays as it was; a message that arrived ends it.
fn note(trouble: &Mutex<Option<Trouble>>, words: Option<String>, now: Timestamp) {
    let mut trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner);
    let since = trouble.as_ref().map_or(now, |before| before.since);
    *trouble = words.map(|words| Trouble { words, since });
}
