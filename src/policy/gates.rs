//! When a Target may be changed, and how often a system is read, compiled with every default filled in.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::Policy;
use super::compile::Compiler;
use crate::diagnostic::{Diagnostic, Place};
use crate::manifest::kinds::{ApprovalFor, Day, DriftMode, PlanApprovalSpec, SourceSpec, TargetSpec, Window, WindowKinds, WindowTimes};
use crate::manifest::{Document, quantity};
use crate::model::Decided;

/// A Target is suspended at most so many days: whoever needs it longer says so again.
pub const LONGEST_SUSPENSION: i64 = 90;

/// How often a system is asked what changed, where nobody says it.
const INTERVAL: SignedDuration = SignedDuration::from_mins(5);
/// How often all of it is read.
const FULL_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// How long an approval counts.
const EXPIRES: SignedDuration = SignedDuration::from_hours(24);

/// How often a system is read by whatever runs all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchedulePolicy {
    /// between two looks at what changed; never longer than `full`
    pub delta: SignedDuration,
    /// between two whole reads
    pub full: SignedDuration,
}

impl Default for SchedulePolicy {
    fn default() -> Self {
        Self { delta: INTERVAL, full: FULL_INTERVAL }
    }
}

/// When changes of a Target may be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatePolicy {
    /// what waits for an approval; none: nothing does
    pub approval: Option<ApprovalPolicy>,
    /// times in which changes may be made, or must not be
    pub windows: Vec<WindowPolicy>,
    /// nothing is changed for a time
    pub suspend: Option<SuspendPolicy>,
    /// what becomes of what others change
    pub drift: DriftMode,
}

/// What waits for an approval, and what makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalPolicy {
    /// which changes
    pub waits: BTreeSet<ApprovalFor>,
    /// how many people
    pub count: u32,
    /// who wrote it may not be the only one
    pub not_author: bool,
    /// how long an approval counts
    pub expires: SignedDuration,
}

/// A time of the week, by the clock on the wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowPolicy {
    /// it keeps changes off; else it lets them through
    pub deny: bool,
    /// the days on which it begins
    pub days: Vec<Weekday>,
    /// minutes after midnight when it begins
    pub from: u32,
    /// minutes after the same midnight when it ends: past 1440 on the next day
    pub to: u32,
    /// it is about what takes something alone
    pub destructive: bool,
}

impl WindowPolicy {
    /// Whether it is open at a minute of a day, where it began on that day or on the one before.
    pub fn covers(&self, day: Weekday, minute: u32) -> bool {
        let within = |began: Weekday, since: u32| self.days.contains(&began) && (self.from..self.to).contains(&since);
        within(day, minute) || within(day.previous(), minute + DAY)
    }

    /// Whether it is about what takes something, or about what takes nothing.
    pub fn is_about(&self, destructive: bool) -> bool {
        destructive || !self.destructive
    }
}

/// Why windows let nothing through at a minute of a day; nothing where they do. What denies wins, and where nothing is allowed by a window, every time is.
pub fn closed(windows: &[WindowPolicy], destructive: bool, day: Weekday, minute: u32) -> Option<&'static str> {
    let about = |deny: bool| windows.iter().filter(move |window| window.deny == deny && window.is_about(destructive));
    if about(true).any(|window| window.covers(day, minute)) {
        return Some("a window keeps changes off");
    }
    let allowed = about(false).next().is_none() || about(false).any(|window| window.covers(day, minute));
    if allowed { None } else { Some("no window is open") }
}

/// Nothing is changed for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspendPolicy {
    /// why
    pub reason: Arc<str>,
    /// the last day
    pub until: Date,
    /// the manifest line
    pub place: Place,
}

/// A document's word about a plan that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanApprovalPolicy {
    /// metadata.name
    pub name: Arc<str>,
    /// the plan's hash
    pub plan: Arc<str>,
    /// what is said
    pub decision: Decided,
    /// who says it
    pub approver: String,
    /// why
    pub reason: String,
    /// the Targets that it is about
    pub targets: BTreeSet<Arc<str>>,
    /// until when it counts, whatever the Targets say
    pub expires: Option<Timestamp>,
    /// the document
    pub place: Place,
}

impl Policy {
    /// What no manifest can be told by itself, since it depends on the day: Targets that would be suspended for too long.
    pub fn suspended_too_long(&self, today: Date) -> Vec<Diagnostic> {
        let longest = today.saturating_add(LONGEST_SUSPENSION.days());
        let long = |suspend: &&SuspendPolicy| suspend.until > longest;
        let told = |suspend: &SuspendPolicy| {
            let words = format!("a Target is suspended for at most {LONGEST_SUSPENSION} days, and {} is later", suspend.until);
            Diagnostic::error(words).at(suspend.place.clone(), 1).hint(format!("write {longest} or an earlier day, and say it again then"))
        };
        self.targets.iter().filter_map(|target| target.gates.suspend.as_ref()).filter(long).map(told).collect()
    }
}

impl Compiler<'_> {
    pub(super) fn source_schedule(spec: &SourceSpec) -> SchedulePolicy {
        schedule(spec.interval.as_ref(), spec.full_interval.as_ref())
    }

    pub(super) fn target_schedule(spec: &TargetSpec) -> SchedulePolicy {
        schedule(spec.interval.as_ref(), spec.full_interval.as_ref())
    }

    pub(super) fn gates(&self, document: &Document<TargetSpec>) -> GatePolicy {
        let spec = &document.spec;
        let approval = spec.approval.as_ref().map(|approval| ApprovalPolicy {
            waits: approval.waits.iter().copied().collect(),
            count: approval.count.unwrap_or(1),
            not_author: approval.not_author.unwrap_or(true),
            expires: Self::duration(approval.expires.as_ref()).unwrap_or(EXPIRES),
        });
        // What can't be read was told by the manifests' own checks.
        let suspend = spec.suspend.as_ref().and_then(|suspend| {
            let until = quantity::date(&suspend.until).ok()?;
            let place = self.outlines.of(&document.origin).place("/spec/suspend/until");
            Some(SuspendPolicy { reason: Arc::from(suspend.reason.as_str()), until, place })
        });
        let windows = spec.windows.iter().filter_map(window).collect();
        GatePolicy { approval, windows, suspend, drift: spec.drift.unwrap_or_default() }
    }

    pub(super) fn approval(&self, document: &Document<PlanApprovalSpec>, zone: &TimeZone) -> PlanApprovalPolicy {
        let spec = &document.spec;
        let last = spec.expires.as_deref().and_then(|day| quantity::date(day).ok());
        let over = last.and_then(|day| Some(day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp()));
        PlanApprovalPolicy {
            name: document.name.clone(),
            plan: Arc::from(spec.plan.to_ascii_lowercase()),
            decision: spec.decision,
            approver: spec.approver.trim().to_owned(),
            reason: spec.reason.clone(),
            targets: spec.targets.iter().map(|name| Arc::from(name.as_str())).collect(),
            expires: over,
            place: self.place(&document.origin),
        }
    }
}

fn schedule(delta: Option<&String>, full: Option<&String>) -> SchedulePolicy {
    let full = Compiler::duration(full).unwrap_or(FULL_INTERVAL);
    let delta = Compiler::duration(delta).unwrap_or(INTERVAL).min(full);
    SchedulePolicy { delta, full }
}

fn window(window: &Window) -> Option<WindowPolicy> {
    let (deny, times) = match window {
        Window::Allow(times) => (false, times),
        Window::Deny(times) => (true, times),
    };
    let WindowTimes { days, from, to, kinds } = times;
    let minute = |text: &Option<String>, unsaid: u32| text.as_deref().map_or(Some(unsaid), |text| quantity::minute(text).ok());
    let (from, to) = (minute(from, 0)?, minute(to, DAY)?);
    let all = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];
    let days = if days.is_empty() { &all[..] } else { days };
    Some(WindowPolicy {
        deny,
        days: days.iter().map(|day| weekday(*day)).collect(),
        from,
        to: if to > from { to } else { to + DAY },
        destructive: kinds.unwrap_or_default() == WindowKinds::Destructive,
    })
}

/// Minutes of a day.
pub const DAY: u32 = 24 * 60;

fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}
