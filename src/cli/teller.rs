//! What a workspace that runs all the time tells others: its numbers, whether it lives, and who is told what needs somebody. On a terminal it writes lines for whoever
//! looks; elsewhere the log does.
//!
//! Must never: keep the work waiting for a receiver or for whoever asks how it goes, or name a person.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::watched::Watched;
use crate::manifest::kinds::NotificationReceiver;
use crate::metrics::{Metrics, TurnResult};
use crate::model::{Need, NeedKind, Outcome, Plan, Status};
use crate::notify::{NoticeMemory, Notifier};
use crate::pipeline::{self, Hear, News};
use crate::serve::Health;
use crate::server::Inbound;
use crate::state::{StateError, Store};
use crate::workspace::{CompiledRevision, Observer};

/// Observes a workspace for all who want to know.
pub struct Teller {
    workspace: Arc<str>,
    health: Health,
    metrics: Metrics,
    /// lines for somebody who looks
    watched: Watched,
    /// the log has what happens, and only what needs somebody is a line besides
    logs: bool,
    known: Mutex<Known>,
    notifier: Arc<Mutex<Arc<Notifier>>>,
    statuses: watch::Sender<Option<Status>>,
    /// whoever else shows a status: the repository's host, a cluster
    host: Option<watch::Sender<Option<Status>>>,
    /// where systems push to, which knows what needs somebody there
    inbound: Option<Arc<Inbound>>,
}

/// What is remembered from one piece of news to the next.
struct Known {
    receivers: Vec<NotificationReceiver>,
    run: Option<Run>,
    /// since when somebody who is cut off is not, everywhere
    cut_off: Option<Timestamp>,
}

/// A run under way.
#[derive(Clone, Copy)]
struct Run {
    began: Instant,
    failed: bool,
}

impl Teller {
    /// For a workspace under its first manifests. Must be called where tasks can be started.
    pub fn new(
        store: &Arc<dyn Store>,
        manifests: &CompiledRevision,
        (health, metrics): (Health, Metrics),
        watched: Option<Watched>,
        (host, inbound): (Option<watch::Sender<Option<Status>>>, Option<Arc<Inbound>>),
    ) -> Self {
        let workspace = manifests.policy.workspace.clone();
        let receivers = receivers(manifests);
        let notifier = Arc::new(Mutex::new(Arc::new(Notifier::new(&workspace, &receivers, &base(manifests), &metrics))));
        let (statuses, heard) = watch::channel(None);
        tokio::spawn(tell(store.clone(), heard, notifier.clone(), manifests.policy.time_zone.clone()));
        let known = Mutex::new(Known { receivers, run: None, cut_off: None });
        let (logs, watched) = (watched.is_none(), watched.unwrap_or_default());
        Self { workspace, health, metrics, watched, logs, known, notifier, statuses, host, inbound }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, news: &News<'_>) {
        match news {
            News::Running { .. } => self.known().run = Some(Run { began: Instant::now(), failed: false }),
            News::Finished { change, outcome } => {
                self.metrics.change(&self.workspace, &change.target, change.action, outcome);
                if let (Outcome::Failed(_) | Outcome::Uncertain(_), Some(run)) = (outcome, &mut self.known().run) {
                    run.failed = true;
                }
            }
            News::Ran => {
                let run = self.known().run.take();
                if let Some(run) = run {
                    let result = if run.failed { TurnResult::Failed } else { TurnResult::Changed };
                    self.metrics.turn(&self.workspace, result, run.began.elapsed());
                }
            }
            _ => {}
        }
    }
}

impl Hear for Teller {
    fn hear(&self, news: News<'_>) {
        self.count(&news);
        if self.logs { pipeline::log(&news) } else { self.watched.hear(news) }
    }
}

impl Observer for Teller {
    fn status(&self, status: &Status) {
        self.health.state(true);
        self.metrics.status(status);
        let open = status.needs.iter().find(|need| need.kind == NeedKind::RevocationOpen).map(|need| need.since);
        let before = std::mem::replace(&mut self.known().cut_off, open);
        if let (Some(since), None) = (before, open) {
            self.metrics.revoked(&self.workspace, Duration::try_from(status.at.duration_since(since)).unwrap_or_default());
        }
        self.watched.status(status);
        self.statuses.send_replace(Some(status.clone()));
        self.host.iter().for_each(|host| drop(host.send_replace(Some(status.clone()))));
    }

    fn verified(&self, whole: bool) {
        self.metrics.journal(&self.workspace, whole);
    }

    fn turned(&self, now: Timestamp) {
        self.health.turned(Instant::now());
        self.metrics.turned(&self.workspace, now);
    }

    fn lease(&self, held: bool) {
        self.metrics.writes(&self.workspace, held);
        if !held {
            // Another process tells from here on, and what it told is read anew.
            self.statuses.send_replace(None);
            self.host.iter().for_each(|host| drop(host.send_replace(None)));
        }
        if !self.logs {
            self.watched.lease(held);
        }
    }

    fn planned(&self, plan: &Plan, took: Duration) {
        self.metrics.limits(&self.workspace, &plan.limits);
        let result = if plan.changes.is_empty() { Some(TurnResult::AsDeclared) } else { None };
        let held = plan.changes.iter().all(|change| change.withheld.is_some()).then_some(TurnResult::Held);
        if let Some(result) = result.or(held) {
            self.metrics.turn(&self.workspace, result, took);
        }
        if !self.logs {
            self.watched.planned(plan, took);
        }
    }

    fn state_lost(&self, why: &str) {
        self.health.state(false);
        tracing::error!(target: "headcount::workspace", why, "the state can't be used: nothing is written until it can");
    }

    fn in_force(&self, manifests: &CompiledRevision) {
        let receivers = receivers(manifests);
        let mut known = self.known();
        if known.receivers != receivers {
            let notifier = Notifier::new(&self.workspace, &receivers, &base(manifests), &self.metrics);
            *self.notifier.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(notifier);
            known.receivers = receivers;
        }
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = self.notifier.lock().unwrap_or_else(PoisonError::into_inner).needs();
        needs.extend(self.inbound.iter().flat_map(|inbound| inbound.needs()));
        needs
    }
}

/// Works out of each status who is told what, remembers it, and hands it on. What could not be remembered is told all the same: twice is better than never.
async fn tell(store: Arc<dyn Store>, mut statuses: watch::Receiver<Option<Status>>, notifier: Arc<Mutex<Arc<Notifier>>>, zone: TimeZone) {
    let mut memory: Option<NoticeMemory> = None;
    while statuses.changed().await.is_ok() {
        let Some(status) = statuses.borrow_and_update().clone() else {
            memory = None;
            continue;
        };
        let told = async {
            let mut known = match memory.take() {
                Some(known) => known,
                None => NoticeMemory::read(store.as_ref()).await?,
            };
            let heard = known.hear(&status, &zone);
            notifier.lock().unwrap_or_else(PoisonError::into_inner).tell(heard.notices);
            if !heard.facts.is_empty() {
                store.commit(heard.facts).await?;
            }
            Ok::<_, StateError>(known)
        };
        match told.await {
            Ok(known) => memory = Some(known),
            Err(error) => {
                let why = error.to_string();
                tracing::warn!(target: "headcount::notify", why, "what was told could not be remembered");
            }
        }
    }
}

fn receivers(manifests: &CompiledRevision) -> Vec<NotificationReceiver> {
    manifests.loaded.workspace.as_ref().map(|workspace| workspace.spec.notifications.clone()).unwrap_or_default()
}

/// Files that receivers name lie beside the Workspace.
fn base(manifests: &CompiledRevision) -> PathBuf {
    manifests.loaded.workspace.as_ref().map_or_else(|| Path::new(".").to_owned(), |workspace| workspace.origin.base.as_ref().clone())
}
