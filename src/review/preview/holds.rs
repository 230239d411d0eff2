//! What holds changes back (approval, windows, suspension, drift), what marks them, and how much manifests may lose: what of it the branch loosens.
//!
//! The preview goes by the branch's own here, since what was held and no longer is belongs to what the branch does.
//! Must never: take for the same what lets through one change more.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::{Date, Weekday};

use super::super::{NotUsed, NotUsedKind};
use super::side::{Side, name, word};
use crate::manifest::Loaded;
use crate::manifest::kinds::{ApprovalFor, DeprovisionAction, DriftMode, Removals, StateSpec, WorkspaceSpec};
use crate::policy::{
    ApprovalPolicy, DeprovisionPolicy, GatePolicy, MINUTES_OF_A_DAY, Policy, PrivilegePolicy, SuspendPolicy, WindowPolicy, closed,
};

/// When a Target may be changed. `other_zone`: windows and last days are of another clock.
pub(super) fn gates(side: &mut Side<'_>, base: &GatePolicy, head: &GatePolicy, (today, other_zone): (Date, bool)) {
    let GatePolicy { approval, windows, suspend, drift } = base;
    if let Some(before) = approval {
        of_approval(side, before, head.approval.as_ref());
    }
    if !other_zone {
        of_windows(side, windows, &head.windows);
    }
    let last = |suspend: &Option<SuspendPolicy>| suspend.as_ref().map(|SuspendPolicy { reason: _, until, place: _ }| *until);
    let (before, after) = (last(suspend), last(&head.suspend));
    // One that is over holds nothing, and is tidied up.
    if let Some(until) = before.filter(|until| *until >= today && after.is_none_or(|after| after < *until)) {
        side.holds_less("`suspend`", &format!("until {until}"), &after.map_or("none".to_owned(), |after| format!("until {after}")));
    }
    // Who puts back what others did changes it; who leaves it lets them keep it.
    if *drift != head.drift && (*drift, head.drift) != (DriftMode::Observe, DriftMode::Warn) {
        side.holds_less("`drift`", &word(drift), &word(&head.drift));
    }
}

fn of_approval(side: &mut Side<'_>, base: &ApprovalPolicy, head: Option<&ApprovalPolicy>) {
    let ApprovalPolicy { waits, count, not_author, expires } = base;
    let sorts = |waits: &BTreeSet<ApprovalFor>| format!("[{}]", waits.iter().map(word).collect::<Vec<_>>().join(", "));
    let Some(head) = head else { return side.holds_less("`approval`", &format!("for {}", sorts(waits)), "none") };
    if waits.iter().any(|sort| !still_waits(&head.waits, *sort)) {
        side.holds_less("`approval.for`", &sorts(waits), &sorts(&head.waits));
    }
    if head.count < *count {
        side.holds_less("`approval.count`", &count.to_string(), &head.count.to_string());
    }
    if *not_author && !head.not_author {
        side.holds_less("`approval.notAuthor`", "true", "false");
    }
    if head.expires > *expires {
        side.holds_less("`approval.expires`", &format!("{expires:#}"), &format!("{:#}", head.expires));
    }
}

/// Whether changes of a sort wait by these, too.
fn still_waits(waits: &BTreeSet<ApprovalFor>, sort: ApprovalFor) -> bool {
    use ApprovalFor::{Deactivate, Delete, Destructive, Everything, SignIn};
    let destructive = matches!(sort, Deactivate | Delete | SignIn) && waits.contains(&Destructive);
    waits.contains(&sort) || waits.contains(&Everything) || destructive
}

/// By each minute of a week: two lists of windows that are written differently may mean the same.
fn of_windows(side: &mut Side<'_>, base: &[WindowPolicy], head: &[WindowPolicy]) {
    if base == head {
        return;
    }
    let week = || Weekday::Monday.cycle_forward().take(7).flat_map(|day| (0..MINUTES_OF_A_DAY).map(move |minute| (day, minute)));
    let opens = |destructive: bool| {
        let lets = |(day, minute): &(Weekday, u32)| {
            closed(base, destructive, *day, *minute).is_some() && closed(head, destructive, *day, *minute).is_none()
        };
        week().find(lets)
    };
    let Some((day, minute)) = opens(true).or_else(|| opens(false)) else { return };
    let words = format!(
        "{} let changes through that those of the base keep off (from {day:?}, {:02}:{:02}): this counts from the merge on",
        side.of("`windows`"),
        minute / 60,
        minute % 60
    );
    side.tell(None, NotUsedKind::LooserGate, words);
}

/// By another clock windows open at other times, and suspensions end at another one.
pub(super) fn time_zone(base: &Policy, head: &Policy, told: &mut Vec<NotUsed>) {
    let holds = |gates: &GatePolicy| !gates.windows.is_empty() || gates.suspend.is_some();
    if base.time_zone == head.time_zone || !base.targets.iter().any(|target| holds(&target.gates)) {
        return;
    }
    let zone = |policy: &Policy| policy.time_zone.iana_name().unwrap_or("another").to_owned();
    let words = format!(
        "`timeZone` of the Workspace goes from {} to {}: windows open, and suspensions end, at other times from the merge on",
        zone(base),
        zone(head)
    );
    told.push(NotUsed { document: name("Workspace", &head.workspace), words, kind: NotUsedKind::LooserGate, place: None });
}

/// What can do more than the rest, and what people sign in by: changes of these wait for approvals and count in limits of their own.
pub(super) fn privileges(side: &mut Side<'_>, base: (&PrivilegePolicy, &[Arc<str>]), head: (&PrivilegePolicy, &[Arc<str>])) {
    let PrivilegePolicy { groups, entitlements, roles, attributes } = base.0;
    let lost = |before: &BTreeSet<String>, after: &BTreeSet<String>| before.difference(after).cloned().collect::<Vec<_>>();
    let sign_in = base.1.iter().filter(|name| !head.1.contains(name)).map(ToString::to_string).collect();
    for (what, lost) in [
        ("privileged.groups", lost(groups, &head.0.groups)),
        ("privileged.entitlements", lost(entitlements, &head.0.entitlements)),
        ("privileged.roles", lost(roles, &head.0.roles)),
        ("privileged.attributes", attributes.difference(&head.0.attributes).map(ToString::to_string).collect()),
        ("signIn", sign_in),
    ] {
        lost.iter().for_each(|lost| side.holds_less(&format!("`{what}` for {lost}"), "listed", "not listed"));
    }
}

/// The mark of a group or an entitlement.
pub(super) fn mark(side: &mut Side<'_>, base: bool, head: bool) {
    if base && !head {
        side.holds_less("`privileged`", "true", "false");
    }
}

/// What becomes of an account whose owner is gone: sign-in that stays, and a deletion that comes sooner.
pub(super) fn leaving(side: &mut Side<'_>, what: &str, base: &DeprovisionPolicy, head: &DeprovisionPolicy) {
    use DeprovisionAction::{Deactivate, Delete, Keep};
    let deleted = |policy: &DeprovisionPolicy| {
        let DeprovisionPolicy { action, delete_after, set: _, place: _ } = policy;
        match action {
            Delete => SignedDuration::ZERO,
            Deactivate => delete_after.unwrap_or(SignedDuration::MAX),
            Keep => SignedDuration::MAX,
        }
    };
    let keeps = |policy: &DeprovisionPolicy| policy.action == Keep;
    let words = |policy: &DeprovisionPolicy| match policy.delete_after {
        Some(after) => format!("{}, deleted after {after:#}", word(&policy.action)),
        None => word(&policy.action),
    };
    if (keeps(head) && !keeps(base)) || deleted(head) < deleted(base) {
        side.holds_less(what, &words(base), &words(head));
    }
}

/// What the Workspace itself holds: how much manifests may lose at once, where what is remembered is kept, from where files may be taken.
pub(super) fn workspace(base: &Loaded, head: &Loaded, today: Date, told: &mut Vec<NotUsed>) {
    let (Some(before), Some(after)) = (&base.workspace, &head.workspace) else { return };
    let mut side = Side { document: ("Workspace", after.name.clone()), place: head.place(&after.origin, ""), told };
    // Time zone and tables are compiled; the others hold no change.
    let WorkspaceSpec { id: _, time_zone: _, state, tables: _, allowed_directories, max_read: _, removals, notifications: _ } =
        &before.spec;
    for new in after.spec.allowed_directories.iter().filter(|new| !allowed_directories.contains(new)) {
        side.holds_less(&format!("`allowedDirectories` for {new}"), "not listed", "listed");
    }
    if elsewhere(state.as_ref()) != elsewhere(after.spec.state.as_ref()) {
        let words = format!(
            "{} is another place: links, revocations and approvals that the base's remembers do not count there",
            side.of("`state`")
        );
        side.tell(None, NotUsedKind::LooserGate, words);
    }
    if let Some(given) =
        after.spec.removals.as_ref().filter(|given| given.expires >= today.to_string() && !lets_no_more(given, removals.as_ref()))
    {
        let until = |removals: Option<&Removals>| removals.map_or("none".to_owned(), |removals| format!("some until {}", removals.expires));
        side.holds_less("`removals`", &until(removals.as_ref()), &until(Some(given)));
    }
}

/// Where a state is, without how it is kept.
fn elsewhere(state: Option<&StateSpec>) -> StateSpec {
    let kept = state.cloned().unwrap_or_default();
    StateSpec { encryption: None, retention: None, archive: None, anchor: None, ..kept }
}

fn lets_no_more(head: &Removals, base: Option<&Removals>) -> bool {
    base.is_some_and(|Removals { names, users, groups, reason: _, expires }| {
        head.names.iter().all(|name| names.contains(name)) && head.users <= *users && head.groups <= *groups && head.expires <= *expires
    })
}
