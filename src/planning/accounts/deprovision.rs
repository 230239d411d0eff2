//! Accounts that go: of leavers, of the absent and the deselected, and those that nobody declares.
//!
//! Must never: touch an account that is not proved to be ours, unless the target is authoritative; or delete one that somebody else deactivated.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::manifest::kinds::{DeprovisionAction, Lifecycle, Ownership};
use crate::model::{Action, Cause, Due, DueKind, Finding, FindingCode, Key, Risk, Severity, Subject};
use crate::planning::accounts::Step;
use crate::planning::accounts::access::{deactivate, keep_away, put_away};
use crate::planning::accounts::deselected::Deselected;
use crate::planning::accounts::elsewhere;
use crate::planning::accounts::leaver;
use crate::planning::accounts::presence::Presence;
use crate::planning::accounts::vanished;
use crate::planning::draft::{Grounds, Stage, with};
use crate::planning::findings::Shared;
use crate::planning::holds::lookalikes::Kept;
use crate::planning::people::identity::Absence;
use crate::planning::people::person::Person;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::eligibility::{NotServed, is_by_select};
use crate::planning::targets::history::our_deactivation;
use crate::planning::targets::ownership;
use crate::world::Carries;

/// An identity that gets no account (any more).
pub(super) fn leave(step: &mut Step<'_, '_>, target: usize, person: &Person, gone: NotServed) -> Presence {
    let key: Arc<str> = Arc::from(person.key.as_str());
    match step.matched.claims[target].of(person.number) {
        Claim::None => Presence::Absent,
        Claim::Vanished => vanished::leaves(step, target, person, gone),
        Claim::Blocked => {
            leaver::cut(step, target, person, None, gone);
            Presence::Unclear
        }
        Claim::Owned(row) => {
            depart_as_deselected(step, target, row, person, gone);
            leaver::cut(step, target, person, Some(row), gone);
            if keeps_everything(step, target, gone) { Presence::Unclear } else { Presence::Leaves }
        }
        // A leaver whom a source reports needs no proof that nobody else is there.
        Claim::Found(_)
            if ownership::prunes(step.basis, target) && gone != NotServed::Leaver && !step.matched.claims[target].are_all(step.basis) =>
        {
            let sentence = "{who}: an account looks like theirs and would go, but not all sources could be read, and it may be somebody's who is unseen; \
                            this waits for a complete read";
            step.tell(Severity::Incomplete, FindingCode::IncompleteRead, target, &key, sentence);
            Presence::Unclear
        }
        Claim::Found(row) if ownership::prunes(step.basis, target) => {
            depart_as_deselected(step, target, row, person, gone);
            Presence::Leaves
        }
        Claim::Found(row) => {
            leaver::tell_of(step, target, row, &key, gone);
            // Somebody who is unseen may be whose account it is: what it has, memberships too, waits for a complete read.
            let alone = gone == NotServed::Leaver || step.matched.claims[target].are_all(step.basis);
            if alone { Presence::Absent } else { Presence::Unclear }
        }
    }
}

/// The step that is due for somebody's account. That it goes because the target is not for them is told once it is known whether it is for anybody.
fn depart_as_deselected(step: &mut Step<'_, '_>, target: usize, row: u32, person: &Person, gone: NotServed) {
    let key: Arc<str> = Arc::from(person.key.as_str());
    let done = depart(step, target, row, &key, gone, Cause::Identity(person.number));
    if done && gone == NotServed::Deselected {
        let by_select = is_by_select(step.basis, target, person);
        step.deselected[target].push(Deselected { identity: person.number, key, by_select });
    }
}

/// Whoever is on leave and keeps the account keeps what it has.
fn keeps_everything(step: &Step<'_, '_>, target: usize, gone: NotServed) -> bool {
    gone == NotServed::Suspended && step.basis.policy.targets[target].suspended.action == DeprovisionAction::Keep
}

/// Accounts that no identity has: of the absent, and those nobody knows.
pub(super) fn unclaimed(step: &mut Step<'_, '_>, target: usize) {
    vanished::of_the_absent(step, target);
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    step.strangers_go[target] = knows_strangers(step, target);
    let prune = ownership::prunes(step.basis, target) && step.strangers_go[target];
    let mut nobodys = Vec::new();
    let mut marked = 0u64;
    for row in 0..accounts.len() {
        marked += u64::from(accounts.carries(row) == Carries::Ours);
        if step.matched.claims[target].holder(row).is_some()
            || step.matched.claims[target].contested(row)
            || step.matched.claims[target].is_set_aside(row)
            || step.matched.claims[target].is_disputed(row)
            || step.matched.cut[target].contains_key(&row)
            || step.gone[target].contains(&row)
        {
            continue;
        }
        if let Some(key) = step.basis.former_key(target, row) {
            if ownership::is_strange(step.basis, target, row) {
                step.report.findings.share(ownership::one(step.basis, target, row, &key), &key);
                continue;
            }
            former(step, target, row, &key);
        } else if prune && accounts.carries(row) != Carries::OtherWorkspace && !accounts.doubtful(row) {
            let key = Key::unclaimed(&accounts.id(row)).text();
            depart(step, target, row, &key, NotServed::Pruned, Cause::None);
            step.gone[target].insert(row);
        } else {
            nobodys.push(row);
        }
    }
    let left = nobodys.len() as u64 + basis.beyond.at(target).accounts.nobodys;
    step.nobodys[target] = nobodys;
    tell(step, target, left, marked);
}

/// Whether somebody whom no identity claims is nobody's. Where nothing was ever headcount's, nobody can have vanished: a first run shows and does what the next
/// one would, within the limits. Marks or links without an earlier complete read mean a lost state. While keys seem to have changed, whoever looks like nobody
/// may be one of those people; so may they while it is not known by what somebody's account would be found.
fn knows_strangers(step: &Step<'_, '_>, target: usize) -> bool {
    !step.matched.claims[target].open
        && !step.basis.people.holds_somebody()
        && step.kept.is_empty()
        && (step.basis.knows_everybody() || (step.basis.has_read_everybody() && step.basis.ours(target) == 0))
}

fn tell(step: &mut Step<'_, '_>, target: usize, left: u64, marked: u64) {
    let name = &step.basis.policy.targets[target].name;
    let subject = Subject::system(name);
    if left > 0 {
        let message = format!(
            "{name}: {left} {} to nobody that headcount knows, left alone",
            if left == 1 { "account belongs" } else { "accounts belong" }
        );
        step.report.findings.push(Finding::new(Severity::Note, FindingCode::OwnershipUnproven, subject.clone(), message));
    }
    if marked > 0 && !step.basis.world.memory.known {
        let message = format!("{name}: {marked} of its accounts carry headcount's mark, but there is no state: it was lost");
        let hint = "Restore the state file if you can. Marks still prove ownership; nothing follows from a source's silence until it was read once. Leavers whom a source reports still lose access, within their limit.";
        step.report.findings.push(Finding::new(Severity::Warning, FindingCode::StateLost, subject, message).hint(hint));
    }
}

/// An account of ours whose identity is not there.
fn former(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>) {
    if step.basis.people.find(key).is_some() {
        return;
    }
    match step.kept.get(key) {
        Some(Kept::Whole) => return,
        Some(Kept::WithoutAccess) => return lock(step, target, row, key),
        None => {}
    }
    match step.basis.people.absence(key) {
        Absence::Proven => {
            depart(step, target, row, key, NotServed::Absent, Cause::None);
            step.gone[target].insert(row);
        }
        Absence::Unproven(source) => {
            let trust = &step.basis.world.trust[source];
            let name = &step.basis.policy.sources[source].name;
            let sentence = if trust.has_baseline {
                format!("{{who}}: not among the records of {name}, which could not be read to its end; left as it is")
            } else {
                format!("{{who}}: not among the records of {name}, and no earlier complete read says that it was; left as it is")
            };
            let severity = if trust.has_baseline { Severity::Note } else { Severity::Warning };
            step.tell(severity, FindingCode::IncompleteRead, target, key, &sentence);
        }
        Absence::Disbelieved(source) => {
            let name = &step.basis.policy.sources[source].name;
            let sentence =
                format!("{{who}}: not among the records of {name}, many of whose keys seem to be other people's now; left as it is");
            step.tell(Severity::Note, FindingCode::KeyHandedOn, target, key, &sentence);
        }
        Absence::Nowhere => {
            let sentence = "{who}: of a source that is not declared any more; left as it is";
            let shared = Shared::new(Severity::Warning, FindingCode::Orphan, Some(&step.basis.policy.targets[target].name), sentence);
            step.report.findings.share(shared.hint("Declare the source again, or remove the accounts at the target."), key);
        }
    }
}

/// Under another key its owner has left: the access goes, as it does of any leaver, and nothing is deleted before it is clear whose account it is.
fn lock(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>) {
    let rules = &step.basis.policy.targets[target];
    let serves = step.basis.layout.targets[target].lifecycles.contains(&Lifecycle::Leaver);
    let keeps = serves || rules.ownership == Ownership::Additive || rules.leaver.action == DeprovisionAction::Keep;
    if !keeps && step.basis.observed[target].accounts().active(row) && deactivate(step, target, row, key, Grounds::LEAVER, Cause::None) {
        step.gone[target].insert(row);
    }
}

/// The step that is due for an account that goes.
fn depart(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>, gone: NotServed, cause: Cause) -> bool {
    let rules = &step.basis.policy.targets[target];
    let deprovision = gone.deprovision(rules);
    let accounts = step.basis.observed[target].accounts();
    if rules.ownership == Ownership::Additive || deprovision.action == DeprovisionAction::Keep || accounts.doubtful(row) {
        return false;
    }
    let active = accounts.active(row);
    if accounts.is_elsewhere(row) {
        return elsewhere::depart(step, target, row, key, (gone.grounds(), cause));
    }
    if active && deprovision.action == DeprovisionAction::Deactivate && our_deactivation(step.basis, target, row).is_some() {
        let sentence =
            "{who}: headcount had deactivated it, and it is active again; its access is taken away, and the grace period begins anew";
        step.tell(Severity::Warning, FindingCode::DeactivatedElsewhere, target, key, sentence);
    }
    match deprovision.action {
        DeprovisionAction::Delete => delete(step, target, row, key, gone.grounds(), cause),
        _ if active => put_away(step, target, row, key, (gone.grounds(), cause), &deprovision),
        _ => {
            // Whom others deactivated is theirs to keep.
            let Some(at) = our_deactivation(step.basis, target, row) else { return false };
            if let Some(after) = deprovision.delete_after {
                if step.basis.moment.now.duration_since(at) >= after {
                    return delete(step, target, row, key, Grounds::GRACE, cause);
                }
                note_deletion(step, target, row, key, at, after);
            }
            keep_away(step, target, row, key, (gone.grounds(), cause), &deprovision);
            false
        }
    }
}

fn delete(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>, grounds: Grounds, cause: Cause) -> bool {
    if !step.basis.observed[target].side.capabilities.delete_accounts {
        step.tell(Severity::Error, FindingCode::UnsupportedCapability, target, key, "{who}: accounts can't be deleted here");
        return false;
    }
    // The access ends first: what refers to the account, or a limit on deletions, may keep it from going.
    let accounts = step.basis.observed[target].accounts();
    if accounts.active(row) && step.basis.observed[target].side.capabilities.deactivate_accounts {
        deactivate(step, target, row, key, grounds, cause);
    }
    let change = step.basis.change(target, Action::Delete, step.basis.account(target, row, key), grounds, cause);
    step.draft(target, Stage::DeleteAccounts, with(change, Vec::new(), &[Risk::SignIn, Risk::Irreversible]));
    true
}

/// An account that headcount deactivated, and deletes so long after.
fn note_deletion(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>, deactivated: Timestamp, after: SignedDuration) {
    let basis = step.basis;
    let Ok(at) = deactivated.checked_add(after) else { return };
    let day = at.to_zoned(basis.policy.time_zone.clone()).date();
    let name = step.basis.account(target, row, key).name;
    let target = Some(basis.policy.targets[target].name.clone());
    step.report.diary.note(Due { day, what: DueKind::AccountDeleted, key: key.clone(), name, target, of: None });
}
