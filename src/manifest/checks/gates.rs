//! When a Target may be changed, how often a system is read, and what an approval names: written so that it can be read, and so that it says something.

use super::formats::Formats;
use super::{Context, Diagnostic};
use crate::manifest::kinds::{ApprovalRule, PlanApprovalSpec, TargetSpec, Window};
use crate::manifest::quantity;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    for source in &context.loaded.sources {
        let mut formats = Formats { context, origin: &source.origin, problems };
        let spec = &source.spec;
        intervals(&mut formats, spec.interval.as_deref(), spec.full_interval.as_deref());
    }
    for document in &context.loaded.targets {
        target(&mut Formats { context, origin: &document.origin, problems }, &document.spec);
    }
    for document in &context.loaded.approvals {
        plan_approval(&mut Formats { context, origin: &document.origin, problems }, &document.spec);
    }
}

fn target(formats: &mut Formats<'_, '_>, spec: &TargetSpec) {
    intervals(formats, spec.interval.as_deref(), spec.full_interval.as_deref());
    if let Some(rule) = &spec.approval {
        approval(formats, rule);
    }
    for (at, window) in spec.windows.iter().enumerate() {
        times(formats, at, window);
    }
    if let Some(suspend) = &spec.suspend {
        formats.that("date", "/spec/suspend/until", quantity::date(&suspend.until));
        if suspend.reason.trim().is_empty() {
            formats.wrong("reason", "/spec/suspend/reason", "say why, for whoever looks");
        }
    }
}

fn intervals(formats: &mut Formats<'_, '_>, delta: Option<&str>, full: Option<&str>) {
    length(formats, "/spec/interval", delta);
    length(formats, "/spec/fullInterval", full);
    let read = |text: Option<&str>| text.and_then(|text| quantity::duration(text).ok());
    if let (Some(delta), Some(full)) = (read(delta), read(full))
        && full < delta
    {
        let hint = "all of it is read at most as often as what changed: write `fullInterval` no shorter than `interval`";
        formats.wrong("interval of whole reads", "/spec/fullInterval", hint);
    }
}

/// A duration that is longer than nothing.
fn length(formats: &mut Formats<'_, '_>, pointer: &str, text: Option<&str>) {
    match text.map(quantity::duration) {
        Some(Ok(duration)) if duration.is_zero() => {
            formats.wrong("duration", pointer, "write a duration that is longer than nothing: `30s`")
        }
        Some(read) => formats.that("duration", pointer, read),
        None => {}
    }
}

/// More people than this are no approval but a way to say that it never runs.
const MOST_APPROVERS: u32 = 20;

fn approval(formats: &mut Formats<'_, '_>, rule: &ApprovalRule) {
    length(formats, "/spec/approval/expires", rule.expires.as_deref());
    if rule.waits.is_empty() {
        formats.wrong(
            "list of changes",
            "/spec/approval/for",
            "write `[destructive]`, or leave `approval` out where nothing has to be approved",
        );
    }
    if rule.count.is_some_and(|count| count == 0 || count > MOST_APPROVERS) {
        formats.wrong("number of people", "/spec/approval/count", "write 1 to 20; where nobody has to approve, leave `approval` out");
    }
}

fn times(formats: &mut Formats<'_, '_>, at: usize, window: &Window) {
    let (word, times) = match window {
        Window::Allow(times) => ("allow", times),
        Window::Deny(times) => ("deny", times),
    };
    let pointer = |field: &str| format!("/spec/windows/{at}/{word}/{field}");
    for (field, text) in [("from", &times.from), ("to", &times.to)] {
        if let Some(text) = text {
            formats.that("time of day", &pointer(field), quantity::minute(text));
        }
    }
    if times.from.as_deref() == Some("24:00") {
        formats.wrong("time to begin", &pointer("from"), "write `00:00` and the day after");
    }
    if times.from.is_some() && times.from == times.to {
        formats.wrong("time to end", &pointer("to"), "a window begins and ends at different times; one of a whole day says neither");
    }
}

fn plan_approval(formats: &mut Formats<'_, '_>, spec: &PlanApprovalSpec) {
    if spec.plan.len() != 64 || !spec.plan.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        formats.wrong("hash of a plan", "/spec/plan", "write all 64 digits, as `headcount status -o json` tells them");
    }
    if spec.approver.trim().is_empty() {
        formats.wrong("approver", "/spec/approver", "say who approves, as commits name them: `mara@acme.example`");
    }
    if spec.reason.trim().is_empty() {
        formats.wrong("reason", "/spec/reason", "say why, for whoever reads this later");
    }
    if spec.targets.is_empty() {
        formats.wrong("list of Targets", "/spec/targets", "name the Target that the plan is for");
    }
    if let Some(day) = &spec.expires {
        formats.that("date", "/spec/expires", quantity::date(day));
    }
}
