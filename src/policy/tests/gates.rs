//! When a Target may be changed: what is read of a manifest, and what is told where it can't be.

use insta::assert_snapshot;
use jiff::SignedDuration;
use jiff::civil::{Weekday, date};

use super::{HEAD, WORKSPACE, policy, source, target, told_of};
use crate::manifest::kinds::{ApprovalFor, DriftMode};
use crate::policy::{SchedulePolicy, WindowPolicy};

fn lines(documents: &[&str]) -> String {
    let text = documents.iter().map(|document| format!("{HEAD}{document}")).collect::<Vec<_>>().join("---\n");
    told_of(&text).join("\n")
}

#[test]
fn unsaid_nothing_waits_and_what_others_change_is_put_back() {
    let target = &policy(&[&target("")]).targets[0];
    assert_eq!((target.gates.approval.clone(), target.gates.windows.len(), target.gates.suspend.clone()), (None, 0, None));
    assert_eq!((target.gates.drift, target.schedule), (DriftMode::Enforce, SchedulePolicy::default()));
}

#[test]
fn what_is_written_is_read_with_its_defaults() {
    let written = target(
        "  approval: {for: [deactivate, privileged]}\n  windows:\n  - allow: {days: [fri], from: \"22:00\", to: \"06:00\"}\n  - deny: {kinds: destructive}\n  suspend: {reason: a move, until: \"2026-12-10\"}\n  drift: observe\n  fullInterval: 1m",
    );
    let target = &policy(&[&written]).targets[0];
    let approval = target.gates.approval.clone().expect("one");
    assert_eq!(approval.waits.into_iter().collect::<Vec<_>>(), [ApprovalFor::Deactivate, ApprovalFor::Privileged]);
    assert_eq!((approval.count, approval.not_author, approval.expires), (1, true, SignedDuration::from_hours(24)));
    let friday = WindowPolicy { deny: false, days: vec![Weekday::Friday], from: 1320, to: 1800, destructive: false };
    assert_eq!(target.gates.windows[0], friday);
    let [from, to] = [target.gates.windows[1].from, target.gates.windows[1].to];
    assert_eq!((target.gates.windows[1].days.len(), from, to, target.gates.windows[1].destructive), (7, 0, 1440, true));
    assert_eq!(target.gates.drift, DriftMode::Observe);
    let minute = SignedDuration::from_mins(1);
    assert_eq!((target.schedule.delta, target.schedule.full), (minute, minute), "what changed is asked for no more seldom than all of it");
}

#[test]
fn what_can_t_be_read_is_told_with_its_place() {
    let written = target(
        "  interval: 0s\n  approval: {for: [], count: 0, expires: soon}\n  windows:\n  - allow: {from: \"9:00\", to: \"24:30\"}\n  - deny: {from: \"10:00\", to: \"10:00\"}\n  suspend: {reason: \" \", until: tomorrow}",
    );
    let slow = source("hr", "  interval: 2h\n  fullInterval: 1h\n  mapping: {rules: []}");
    let approval = "kind: PlanApproval\nmetadata: {name: one}\nspec: {plan: 9be41c77, decision: Approve, approver: \"\", reason: \"\", targets: [chta], expires: soon}\n";
    let nobody =
        "kind: PlanApproval\nmetadata: {name: two}\nspec: {plan: 9be41c77, decision: Maybe, approver: mara, reason: x, targets: []}\n";
    assert_snapshot!(lines(&[WORKSPACE, &written, &slow, approval, nobody]), @r#"
    a.yaml:11:13: error: `spec.interval` is no duration (write a duration that is longer than nothing: `30s`)
    a.yaml:12:14: error: `spec.approval.for` is no list of changes (write `[destructive]`, or leave `approval` out where nothing has to be approved)
    a.yaml:12:30: error: `spec.approval.count` is no number of people (write 1 to 20; where nobody has to approve, leave `approval` out)
    a.yaml:12:42: error: `spec.approval.expires` is no duration (write a whole number and its unit: `30s`, `15m`, `36h`, `7d`, `2w`)
    a.yaml:14:19: error: `spec.windows[0].allow.from` is no time of day (write hours and minutes of the day, in quotes: `"22:00"`, at most `"24:00"`)
    a.yaml:14:31: error: `spec.windows[0].allow.to` is no time of day (write hours and minutes of the day, in quotes: `"22:00"`, at most `"24:00"`)
    a.yaml:15:31: error: `spec.windows[1].deny.to` is no time to end (a window begins and ends at different times; one of a whole day says neither)
    a.yaml:16:21: error: `spec.suspend.reason` is no reason (say why, for whoever looks)
    a.yaml:16:33: error: `spec.suspend.until` is no date (write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`)
    a.yaml:25:17: error: `spec.fullInterval` is no interval of whole reads (all of it is read at most as often as what changed: write `fullInterval` no shorter than `interval`)
    a.yaml:31:14: error: `spec.plan` is no hash of a plan (write all 64 digits, as `headcount status -o json` tells them)
    a.yaml:31:53: error: `spec.approver` is no approver (say who approves, as commits name them: `mara@acme.example`)
    a.yaml:31:65: error: `spec.reason` is no reason (say why, for whoever reads this later)
    a.yaml:31:79: warning: there is no Target `chta`, so nothing is approved there (did you mean `chat`?)
    a.yaml:31:95: error: `spec.expires` is no date (write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`)
    a.yaml:36:34: error: `spec.decision` must be one of `Approve`, `Reject`, and is another word
    "#);
}

#[test]
fn nobody_is_suspended_for_longer_than_a_quarter() {
    let policy = policy(&[&target("  suspend: {reason: a move, until: \"2026-12-10\"}")]);
    let told = |day| policy.suspended_too_long(day).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(told(date(2026, 9, 11)), "");
    assert_eq!(told(date(2027, 1, 1)), "", "what is over is over");
    assert_snapshot!(told(date(2026, 9, 10)), @r#"a.yaml:11:36: error: a Target is suspended for at most 90 days, and 2026-12-10 is later (write 2026-12-09 or an earlier day, and say it again then)"#);
}
