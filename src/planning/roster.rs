//! Who should be in each group, whatever the target: by rule, by name, and through nested groups.
//!
//! Must never: follow a circle of groups for ever, or count somebody who has left.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::screen::{Screened, Where};
use super::work::Work;
use crate::manifest::kinds::Lifecycle;
use crate::model::{Finding, FindingCode, Severity, Subject};
use crate::planning::identity::Absence;
use crate::policy::MemberPolicy;

/// Who should be in one group.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    /// identities, sorted
    pub(super) people: Vec<u32>,
    /// identities for whom it can't be said, sorted
    pub(super) unclear: Vec<u32>,
    /// groups in it, by their position in the policy
    pub(super) nested: Vec<usize>,
}

/// The rosters of all groups.
pub(super) fn rosters(work: &mut Work<'_, '_>, screened: &mut Screened) -> Vec<Roster> {
    let basis = work.basis;
    let mut rosters = Vec::with_capacity(basis.policy.groups.len());
    for (at, group) in basis.policy.groups.iter().enumerate() {
        let mut roster = Roster {
            people: std::mem::take(&mut screened.covered[at]),
            unclear: std::mem::take(&mut screened.unclear[at]),
            nested: Vec::new(),
        };
        for member in group.members.iter().filter(|member| member.until.is_none_or(|until| until >= basis.moment.today)) {
            join(work, &screened.standing, member, &mut roster);
        }
        for owner in group.owners.iter().filter(|owner| !owner.key.starts_with("group/")) {
            if basis.people.find(&owner.key).is_none() {
                unknown(work, "owner", owner, basis.people.absence(&owner.key));
            }
        }
        for list in [&mut roster.people, &mut roster.unclear] {
            list.sort_unstable();
            list.dedup();
        }
        rosters.push(roster);
    }
    circles(work, &rosters);
    rosters
}

/// One member by name. It stays a member until it leaves.
fn join(work: &mut Work<'_, '_>, standing: &[Where], member: &MemberPolicy, roster: &mut Roster) {
    let basis = work.basis;
    if member.key.starts_with("group/") {
        match basis.groups_by_key.get(member.key.as_ref()) {
            Some(at) => roster.nested.push(*at),
            None => unknown(work, "member", member, Absence::Nowhere),
        }
        return;
    }
    let Some(identity) = basis.people.find(&member.key) else {
        return unknown(work, "member", member, basis.people.absence(&member.key));
    };
    match standing.get(identity as usize) {
        Some(Where::Is(Lifecycle::Active | Lifecycle::PreHire | Lifecycle::Suspended)) => roster.people.push(identity),
        Some(Where::Unknown) => roster.unclear.push(identity),
        Some(Where::Is(Lifecycle::Leaver) | Where::Deselected) | None => {}
    }
}

pub(super) fn unknown(work: &mut Work<'_, '_>, what: &str, member: &MemberPolicy, absence: Absence) {
    let so_far = if matches!(absence, Absence::Unproven(_)) { ", as far as could be read" } else { "" };
    let message = format!("{what} {}: nobody has that key{so_far}", member.key);
    let finding = Finding::new(Severity::Warning, FindingCode::UnknownMember, Subject::identity(&member.key), message);
    work.findings.push(finding.hint(format!("Correct the {what}, or remove it.")).at(Some(member.place.clone())));
}

/// Groups that contain themselves.
fn circles(work: &mut Work<'_, '_>, rosters: &[Roster]) {
    for (at, group) in work.basis.policy.groups.iter().enumerate() {
        if rosters[at].nested.iter().any(|inner| below(rosters, *inner).contains(&at)) {
            let message = format!("{} is nested in itself; its members are counted once", group.key);
            let finding = Finding::new(Severity::Error, FindingCode::GroupCycle, Subject::identity(&group.key), message);
            work.findings.push(finding.hint("Take one of the groups in the circle out of another.").at(Some(group.place.clone())));
        }
    }
}

/// A group and all groups below it.
pub(super) fn below(rosters: &[Roster], start: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        if seen.insert(at)
            && let Some(roster) = rosters.get(at)
        {
            open.extend(&roster.nested);
        }
    }
    seen
}

/// A roster as one target holds it: groups that `stays` says stay nested, the others' members listed flat.
pub(super) fn flatten(rosters: &[Roster], start: usize, stays: impl Fn(usize) -> bool) -> (Roster, bool) {
    let mut flat = Roster::default();
    let mut seen = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        let Some(roster) = rosters.get(at) else { continue };
        flat.people.extend(&roster.people);
        flat.unclear.extend(&roster.unclear);
        for inner in &roster.nested {
            if stays(*inner) && *inner != start {
                flat.nested.push(*inner);
            } else if seen.insert(*inner) {
                open.push(*inner);
            }
        }
    }
    let flattened = seen.len() > 1;
    for list in [&mut flat.people, &mut flat.unclear] {
        list.sort_unstable();
        list.dedup();
    }
    flat.nested.sort_unstable();
    flat.nested.dedup();
    (flat, flattened)
}

/// A group's key.
pub(super) fn key<'p>(work: &Work<'_, 'p>, at: usize) -> &'p Arc<str> {
    &work.basis.policy.groups[at].key
}
