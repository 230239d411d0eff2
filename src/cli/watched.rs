//! What a workspace that runs all the time says on stderr: a line for what somebody may want to know later.
//!
//! Must never: name a person, or keep the work waiting.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::report::notice;
use crate::metrics::{Metrics, TurnResult};
use crate::model::{Evidence, Need, Plan, Status};
use crate::notify::Notifier;
use crate::pipeline::{Hear, News};
use crate::render::{count, safe};
use crate::serve::Health;
use crate::workspace::Observer;

/// Hears, writes lines, counts, and passes each status on.
#[derive(Debug)]
pub struct Watched {
    workspace: Arc<str>,
    health: Health,
    metrics: Metrics,
    /// what was told last of each need
    needs: Mutex<Vec<String>>,
    /// take each status on
    to: Vec<watch::Sender<Option<Status>>>,
    /// who is told what needs somebody, and can't always be
    notifier: Arc<Notifier>,
}

impl Watched {
    /// Of one workspace.
    pub fn new(
        workspace: &Arc<str>,
        (health, metrics): (Health, Metrics),
        to: Vec<watch::Sender<Option<Status>>>,
        notifier: Arc<Notifier>,
    ) -> Self {
        Self { workspace: workspace.clone(), health, metrics, needs: Mutex::default(), to, notifier }
    }
}

impl Hear for Watched {
    fn hear(&self, news: News<'_>) {
        match news {
            News::Read { system, report } => {
                let evidence = report.kinds.iter().map(|(_, evidence)| evidence.clone()).fold(Evidence::Complete, Evidence::and);
                if let Some(reason) = evidence.reason() {
                    notice(safe::lines(&format!("{system}: {reason}")));
                }
            }
            News::Killed { run, open } if open > 0 => {
                notice(safe::lines(&format!(
                    "run {run} was killed; of {open} changes nobody knows whether they arrived: they are looked up"
                )));
            }
            News::Finished { change, outcome } => {
                self.metrics.change(&self.workspace, &change.target, change.action, outcome);
            }
            News::Paused { target, pause, reason } => {
                self.metrics.throttled(target, pause);
                notice(safe::lines(&format!("{target}: left alone for {} s: {reason}", pause.as_secs())));
            }
            _ => {}
        }
    }
}

impl Observer for Watched {
    fn status(&self, status: &Status) {
        self.to.iter().for_each(|to| drop(to.send_replace(Some(status.clone()))));
        self.metrics.status(status);
        self.health.state(true);
        let needs: Vec<String> = status.needs.iter().map(|need| format!("{}: {}; next: {}", need.about, need.words, need.next)).collect();
        let mut told = self.needs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for new in needs.iter().filter(|need| !told.contains(need)) {
            notice(safe::lines(new));
        }
        if needs.is_empty() && !told.is_empty() {
            notice("nothing needs anybody any more");
        }
        *told = needs;
    }

    fn turned(&self, now: Timestamp) {
        self.health.turned(Instant::now());
        self.metrics.turned(&self.workspace, now);
    }

    fn needs(&self) -> Vec<Need> {
        self.notifier.needs()
    }

    fn lease(&self, held: bool) {
        self.metrics.writes(&self.workspace, held);
        notice(if held { "this process writes" } else { "another process may write; this one does not" });
    }

    fn planned(&self, plan: &Plan, took: Duration) {
        self.metrics.limits(&self.workspace, &plan.limits);
        let result = match (plan.changes.is_empty(), plan.refused(), plan.decided()) {
            (_, _, false) => TurnResult::Failed,
            (_, true, true) => TurnResult::Held,
            (true, false, true) => TurnResult::AsDeclared,
            (false, false, true) => TurnResult::Changed,
        };
        self.metrics.turn(&self.workspace, result, took);
        if !plan.changes.is_empty() {
            notice(format_args!("{} planned in {} ms", count(plan.changes.len() as u64, "change"), took.as_millis()));
        }
    }
}
