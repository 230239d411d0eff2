//! Progress of long work: a line that moves on a terminal, plain lines elsewhere. All of it goes to stderr.
//!
//! Must never: fail, or hold up the work.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::report::{is_quiet, notice};
use crate::apply::Progress;
use crate::model::{ChangeId, Evidence, ObjectKind, Outcome, Plan, ReadReport};
use crate::pipeline::ReadProgress;
use crate::render::{count, headline, safe};

const TICK: Duration = Duration::from_millis(120);
/// Plain output says so many times at most how far the work is.
const PLAIN_STEPS: u64 = 10;

/// The line that moves now, if one does.
static MOVING: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Writes something that stays, above the line that moves.
pub fn above(write: impl FnOnce()) {
    let moving = MOVING.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match moving {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// A line that moves on a terminal, where somebody wants to see it.
fn moving(length: Option<u64>, template: &str) -> ProgressBar {
    let target = if is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(length, target);
    bar.set_style(style(template));
    if !bar.is_hidden() {
        bar.enable_steady_tick(TICK);
        *MOVING.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
    }
    bar
}

fn stop(bar: &ProgressBar) {
    *MOVING.lock().unwrap_or_else(PoisonError::into_inner) = None;
    bar.finish_and_clear();
}

/// How reading goes.
pub struct Reading {
    bar: ProgressBar,
    systems: usize,
    read: Mutex<BTreeMap<String, SystemRead>>,
}

/// How far one system is.
#[derive(Default)]
struct SystemRead {
    rows: u64,
    /// how it ended
    end: Option<Evidence>,
}

impl Reading {
    /// Reading of so many systems begins.
    pub fn start(systems: usize) -> Self {
        let bar = moving(None, "{spinner} {msg}");
        bar.set_message("reading");
        if bar.is_hidden() {
            notice(format_args!("reading {}", count(systems as u64, "system")));
        }
        Self { bar, systems, read: Mutex::default() }
    }

    /// Everything is read. On a terminal the moving line said enough, and what could not be read stands in the plan.
    pub fn planning(&self) {
        self.bar.set_message("planning");
        if !self.bar.is_hidden() {
            return;
        }
        // By name, and only now: whichever system answered first, the lines are the same.
        for (system, read) in self.read.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let rows = count(read.rows, "row");
            match read.end {
                Some(Evidence::Unreadable { .. }) => notice(format_args!("could not read {}", safe::line(system))),
                Some(Evidence::Partial { .. }) => notice(format_args!("read {}: {rows}, not all of it", safe::line(system))),
                _ => notice(format_args!("read {}: {rows}", safe::line(system))),
            }
        }
    }

    /// The line goes; what was said stays.
    pub fn done(&self) {
        stop(&self.bar);
    }

    fn update(&self, system: &str, change: impl FnOnce(&mut SystemRead)) {
        let mut all = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(system.to_owned()).or_default());
        let over = all.values().filter(|read| read.end.is_some()).count();
        let total: u64 = all.values().map(|read| read.rows).sum();
        self.bar.set_message(format!("reading: {over} of {}, {}", count(self.systems as u64, "system"), count(total, "row")));
    }
}

impl ReadProgress for Reading {
    fn rows(&self, system: &str, _: ObjectKind, count: usize) {
        self.update(system, |read| read.rows += count as u64);
    }

    fn finished(&self, system: &str, report: &ReadReport) {
        let weakest = report.kinds.iter().map(|(_, evidence)| evidence.clone()).reduce(Evidence::and);
        self.update(system, |read| read.end = Some(weakest.unwrap_or(Evidence::Complete)));
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
        let bar = moving(Some(total), "{spinner} applying {wide_bar} {pos}/{len} {eta}");
        Self { plan, bar, total, done: AtomicU64::new(0) }
    }

    /// The run is over.
    pub fn done(&self) {
        stop(&self.bar);
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
        if let (Some(words), Some(change)) = (outcome.trouble(), self.plan.changes.get(change.0 as usize)) {
            self.say(&format!("not done: {}: {}", headline(change), safe::line(&words)));
        }
        let step = |done: u64| done * PLAIN_STEPS / self.total.max(1);
        if self.bar.is_hidden() && step(done) > step(done - 1) {
            notice(format_args!("applying: {done} of {}", count(self.total, "change")));
        }
    }

    fn paused(&self, target: &str, pause: Duration, reason: &str) {
        self.say(&format!("{}: waiting {} s: {}", safe::line(target), pause.as_secs(), safe::line(reason)));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
