//! Progress of long work: a line that moves on a terminal, plain lines elsewhere. All of it goes to stderr.
//!
//! Must never: fail, or hold up the work.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::redact::Hides;
use super::report::{is_quiet, notice};
use crate::model::{Change, Evidence, ObjectKind, Outcome, Plan, SystemRole};
use crate::pipeline::{Hear, News};
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

/// The lines of one command: how reading goes, then how the run goes.
#[derive(Default)]
pub struct Watching {
    reading: OnceLock<Reading>,
    running: OnceLock<Running>,
    hides: Hides,
}

impl Watching {
    /// Without who people are, where that is not for everybody who reads along.
    pub fn hiding(hides: Hides) -> Self {
        Self { hides, ..Self::default() }
    }
}

impl Hear for Watching {
    fn hear(&self, news: News<'_>) {
        match news {
            News::Reading { systems } => drop(self.reading.set(Reading::start(systems))),
            News::Running { plan } => drop(self.running.set(Running::start(plan, self.hides.clone()))),
            news => {
                self.reading.get().into_iter().for_each(|reading| reading.hear(news));
                self.running.get().into_iter().for_each(|running| running.hear(news));
            }
        }
    }
}

/// How reading goes.
struct Reading {
    bar: ProgressBar,
    systems: usize,
    read: Mutex<BTreeMap<String, SystemRead>>,
}

/// How far one system is.
#[derive(Default)]
struct SystemRead {
    /// known once something came
    role: Option<SystemRole>,
    rows: BTreeMap<ObjectKind, u64>,
    /// how it ended
    end: Option<Evidence>,
}

impl Reading {
    /// Reading of so many systems begins.
    fn start(systems: usize) -> Self {
        let bar = moving(None, "{spinner} {msg}");
        bar.set_message("reading");
        if bar.is_hidden() {
            notice(format_args!("reading {}", count(systems as u64, "system")));
        }
        Self { bar, systems, read: Mutex::default() }
    }

    fn hear(&self, news: News<'_>) {
        match news {
            News::Rows { system, role, kind, count } => self.update(system, |read| {
                read.role = Some(role);
                *read.rows.entry(kind).or_default() += count as u64;
            }),
            News::Restarted { system, kind } => self.update(system, |read| {
                read.rows.remove(&kind);
            }),
            News::Read { system, report } => {
                let weakest = report.kinds.iter().map(|(_, evidence)| evidence.clone()).reduce(Evidence::and);
                self.update(system, |read| read.end = Some(weakest.unwrap_or(Evidence::Complete)));
            }
            News::Planning => self.planning(),
            News::Planned => stop(&self.bar),
            _ => {}
        }
    }

    /// Everything is read. On a terminal the moving line said enough, and what could not be read stands in the plan.
    fn planning(&self) {
        self.bar.set_message("planning");
        if !self.bar.is_hidden() {
            return;
        }
        // By name, and only now: whichever system answered first, the lines are the same.
        for (system, read) in self.read.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let rows = read.words();
            match read.end {
                Some(Evidence::Unreadable { .. }) => notice(format_args!("could not read {}", safe::line(system))),
                Some(Evidence::Partial { .. }) => notice(format_args!("read {}: {rows}, not all of it", safe::line(system))),
                _ => notice(format_args!("read {}: {rows}", safe::line(system))),
            }
        }
    }

    fn update(&self, system: &str, change: impl FnOnce(&mut SystemRead)) {
        let mut all = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(system.to_owned()).or_default());
        let over = all.values().filter(|read| read.end.is_some()).count();
        let total: u64 = all.values().flat_map(|read| read.rows.values()).sum();
        self.bar.set_message(format!("reading: {over} of {}, {}", count(self.systems as u64, "system"), count(total, "row")));
    }
}

impl SystemRead {
    /// What came, by kind: what a Source has is records, whoever they are of.
    fn words(&self) -> String {
        let word = |kind| match (self.role, kind) {
            (Some(SystemRole::Source), _) => "record",
            (_, ObjectKind::Account) => "account",
            (_, ObjectKind::Group) => "group",
            (_, ObjectKind::Membership) => "membership",
            (_, ObjectKind::Entitlement) => "entitlement",
        };
        let words: Vec<String> = self.rows.iter().filter(|(_, rows)| **rows > 0).map(|(kind, rows)| count(*rows, word(*kind))).collect();
        if words.is_empty() { "nothing is there".to_owned() } else { words.join(", ") }
    }
}

/// How a run goes.
struct Running {
    bar: ProgressBar,
    total: u64,
    done: AtomicU64,
    hides: Hides,
}

impl Running {
    /// A run of this plan begins.
    fn start(plan: &Plan, hides: Hides) -> Self {
        let total = plan.changes.iter().filter(|change| change.runs()).count() as u64;
        let bar = moving(Some(total), "{spinner} applying {wide_bar} {pos}/{len} {eta}");
        Self { bar, total, done: AtomicU64::new(0), hides }
    }

    fn hear(&self, news: News<'_>) {
        match news {
            News::Finished { change, outcome } => self.finished(change, outcome),
            News::Paused { target, pause, reason } => {
                self.say(&format!("{}: waiting {} s: {}", safe::line(target), pause.as_secs(), safe::line(&self.hides.words(reason))));
            }
            News::Ran => stop(&self.bar),
            _ => {}
        }
    }

    fn finished(&self, change: &Change, outcome: &Outcome) {
        self.bar.inc(1);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(words) = outcome.trouble() {
            let told = self.hides.changes(std::slice::from_ref(change));
            let told = told.first().map(headline).unwrap_or_default();
            self.say(&format!("not done: {told}: {}", safe::line(&self.hides.words(&words))));
        }
        let step = |done: u64| done * PLAIN_STEPS / self.total.max(1);
        if self.bar.is_hidden() && step(done) > step(done - 1) {
            notice(format_args!("applying: {done} of {}", count(self.total, "change")));
        }
    }

    /// A line that stays, above the moving one.
    fn say(&self, words: &str) {
        self.bar.suspend(|| notice(words));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
