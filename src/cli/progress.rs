//! Progress of long work: a line that moves on a terminal, plain lines elsewhere. All of it goes to stderr.
//!
//! Must never: fail, or hold up the work.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::report::notice;
use crate::apply::Progress;
use crate::model::{ChangeId, Evidence, ObjectKind, Outcome, Plan, ReadReport};
use crate::pipeline::ReadProgress;
use crate::render::{headline, safe};

const TICK: Duration = Duration::from_millis(120);
/// Plain output says so many times at most how far the work is.
const PLAIN_STEPS: u64 = 10;

/// How reading goes.
pub struct Reading {
    bar: ProgressBar,
    systems: usize,
    rows: Mutex<BTreeMap<String, (u64, bool)>>,
}

impl Reading {
    /// Reading of so many systems begins.
    pub fn start(systems: usize) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style("{spinner} {msg}"));
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        bar.set_message("reading");
        Self { bar, systems, rows: Mutex::default() }
    }

    /// Everything is read.
    pub fn planning(&self) {
        self.bar.set_message("planning");
    }

    /// The line goes; what was said stays.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }

    fn update(&self, system: &str, rows: u64, over: bool) -> u64 {
        let mut all = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(system.to_owned()).or_default();
        entry.0 += rows;
        entry.1 |= over;
        let (own, over) = (entry.0, all.values().filter(|(_, over)| *over).count());
        let total: u64 = all.values().map(|(rows, _)| rows).sum();
        self.bar.set_message(format!("reading: {over} of {} systems, {total} rows", self.systems));
        own
    }
}

impl ReadProgress for Reading {
    fn rows(&self, system: &str, _: ObjectKind, count: usize) {
        self.update(system, count as u64, false);
    }

    fn finished(&self, system: &str, report: &ReadReport) {
        let rows = self.update(system, 0, true);
        let weakest = report.kinds.iter().map(|(_, evidence)| evidence.clone()).reduce(Evidence::and);
        let words = match weakest {
            Some(Evidence::Unreadable { .. }) => "could not be read".to_owned(),
            Some(Evidence::Partial { .. }) => format!("{rows} rows, not all of it"),
            _ => format!("{rows} rows"),
        };
        // On a terminal the moving line says enough; what could not be read stands in the plan.
        if self.bar.is_hidden() {
            notice(format_args!("read {}: {words}", safe::line(system)));
        }
    }
}

/// How a run goes.
pub struct Running<'a> {
    plan: &'a Plan,
    bar: ProgressBar,
    total: u64,
    done: AtomicU64,
}

impl<'a> Running<'a> {
    /// A run of this plan begins.
    pub fn start(plan: &'a Plan) -> Self {
        let total = plan.changes.iter().filter(|change| change.runs()).count() as u64;
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        bar.set_style(style("{spinner} applying {wide_bar} {pos}/{len} {eta}"));
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self { plan, bar, total, done: AtomicU64::new(0) }
    }

    /// The run is over.
    pub fn done(&self) {
        self.bar.finish_and_clear();
    }

    /// A line that stays, above the moving one.
    pub fn say(&self, words: &str) {
        self.bar.suspend(|| notice(words));
    }
}

impl Progress for Running<'_> {
    fn finished(&self, change: ChangeId, outcome: &Outcome) {
        self.bar.inc(1);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let (Some(words), Some(change)) = (trouble(outcome), self.plan.changes.get(change.0 as usize)) {
            self.say(&format!("{}: {}", headline(change), safe::line(&words)));
        }
        let step = |done: u64| done * PLAIN_STEPS / self.total.max(1);
        if self.bar.is_hidden() && step(done) > step(done - 1) {
            notice(format_args!("applied {done} of {}", self.total));
        }
    }

    fn paused(&self, target: &str, pause: Duration, reason: &str) {
        self.say(&format!("{}: waiting {} s: {}", safe::line(target), pause.as_secs(), safe::line(reason)));
    }
}

/// What went wrong with a change, if something did.
pub fn trouble(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done { .. } | Outcome::AlreadySo { .. } => None,
        Outcome::Partly { missing } => Some(format!("done in part, missing: {missing}")),
        Outcome::Failed(error) => Some(error.to_string()),
        Outcome::Uncertain(why) => Some(format!("nobody knows whether it was done: {why}")),
        Outcome::Skipped(why) => Some(format!("not tried: {why}")),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
