//! What a workspace that runs all the time says on stderr: a line for what somebody may want to know later.
//!
//! Must never: name a person, or keep the work waiting.

use std::sync::Mutex;
use std::time::Duration;

use super::report::notice;
use crate::model::{Evidence, Plan, Status};
use crate::pipeline::{Hear, News};
use crate::render::{count, safe};
use crate::workspace::Observer;

/// Hears, and writes lines.
#[derive(Debug, Default)]
pub struct Watched {
    /// what was told last of each need
    needs: Mutex<Vec<String>>,
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
            News::Paused { target, pause, reason } => {
                notice(safe::lines(&format!("{target}: left alone for {} s: {reason}", pause.as_secs())));
            }
            _ => {}
        }
    }
}

impl Observer for Watched {
    fn status(&self, status: &Status) {
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

    fn lease(&self, held: bool) {
        notice(if held { "this process writes" } else { "another process may write; this one does not" });
    }

    fn planned(&self, plan: &Plan, took: Duration) {
        if !plan.changes.is_empty() {
            notice(format_args!("{} planned in {} ms", count(plan.changes.len() as u64, "change"), took.as_millis()));
        }
    }
}
