//! Who should be in each group, whatever the target: by rule, by name, and through nested groups, less those who are excluded.
//!
//! Must never: follow a circle of groups for ever, or count somebody who has left.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::kinds::Lifecycle;
use crate::model::{Finding, FindingCode, Key, Severity, Subject};
use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, StepReport};
use crate::planning::groups::cover::GroupCover;
use crate::planning::groups::idle;
use crate::planning::groups::nesting::Nesting;
use crate::planning::holds::dangling;
use crate::planning::people::identity::Absence;
use crate::planning::people::standing::Where;
use crate::policy::MemberPolicy;

/// Who should be in one group.
#[derive(Clone, Debug, Default)]
pub(in crate::planning) struct Roster {
    /// identities, sorted
    pub(in crate::planning) people: Vec<u32>,
    /// identities for whom it can't be said, sorted
    pub(in crate::planning) unclear: Vec<u32>,
    /// groups in it, by their position
    pub(in crate::planning) nested: Vec<usize>,
    /// more people may belong to it than can be said: nobody who stays is taken out
    pub(in crate::planning) open: bool,
    /// Groups, by their manifests, whose rules name nobody though nobody said that they may
    pub(in crate::planning) idle: Vec<usize>,
    /// identities that are excluded, sorted
    pub(in crate::planning) excluded: Vec<u32>,
    /// identities for whom that can't be said, sorted
    perhaps: Vec<u32>,
}

/// The rosters of all groups.
pub(in crate::planning) fn rosters(basis: &Basis<'_>, cover: GroupCover, standing: &[Where]) -> (Vec<Roster>, StepReport) {
    let mut report = StepReport::new(basis.moment.today);
    let findings = &mut report.findings;
    let GroupCover { mut covered, mut unclear, .. } = cover;
    let mut rosters = Vec::with_capacity(basis.groups.all.len());
    let exclusions = basis.groups.all.iter().flat_map(|group| &group.policy.exclude).map(|person| &person.key);
    let likely = dangling::likely(basis, exclusions.filter(|key| basis.people.meant_by(key).is_none()));
    if !likely.is_empty() {
        findings.rest_on_all("somebody has another form of a key that a group excludes");
    }
    for group in &basis.groups.all {
        let mut roster = match (&group.value, basis.groups.made(&group.key)) {
            (Some(_), Some(made)) => {
                Roster { people: group.people.clone(), unclear: made.unclear.clone(), open: made.refused.is_some(), ..Roster::default() }
            }
            _ => {
                let people = std::mem::take(&mut covered[group.manifest]);
                Roster { people, unclear: std::mem::take(&mut unclear[group.manifest]), ..Roster::default() }
            }
        };
        roster.idle.extend(Some(group.manifest).filter(|manifest| idle::is_idle(basis, *manifest, roster.people.is_empty())));
        for member in current(basis, &group.policy.members) {
            join((basis, findings), standing, member, &mut roster);
        }
        for person in current(basis, &group.policy.exclude).filter(|member| !is_group(member)) {
            match (basis.people.meant_by(&person.key), likely.get(&person.key)) {
                (Some(identity), _) => roster.excluded.push(identity),
                (None, Some(likely)) => {
                    roster.perhaps.extend(likely);
                    reformed((basis, findings), &group.key, person, likely);
                }
                (None, None) => unknown(findings, "exclusion", person, basis.people.absence(&person.key)),
            }
        }
        for owner in group.policy.owners.iter().filter(|owner| !is_group(owner)) {
            if basis.people.find(&owner.key).is_none() {
                unknown(findings, "owner", owner, basis.people.absence(&owner.key));
            }
        }
        roster.sort();
        rosters.push(roster);
    }
    exclude_groups(basis, &mut rosters);
    circles((basis, findings), &rosters);
    (rosters, report)
}

/// Whether a line names a group.
pub(in crate::planning) fn is_group(member: &MemberPolicy) -> bool {
    Key::is_group(&member.key)
}

/// Those whose last day is not over.
pub(in crate::planning) fn current<'p>(basis: &Basis<'_>, members: &'p [MemberPolicy]) -> impl Iterator<Item = &'p MemberPolicy> + use<'p> {
    let today = basis.moment.today;
    members.iter().filter(move |member| member.until.is_none_or(|until| until >= today))
}

/// One member by name. It stays a member until it leaves.
fn join((basis, findings): (&Basis<'_>, &mut Findings), standing: &[Where], member: &MemberPolicy, roster: &mut Roster) {
    if is_group(member) {
        return nest((basis, findings), member, roster);
    }
    let Some(identity) = basis.people.find(&member.key) else {
        return unknown(findings, "member", member, basis.people.absence(&member.key));
    };
    match standing.get(identity as usize) {
        Some(Where::Is(Lifecycle::Active | Lifecycle::PreHire | Lifecycle::Suspended)) => roster.people.push(identity),
        Some(Where::Unknown) => roster.unclear.push(identity),
        Some(Where::Is(Lifecycle::Leaver) | Where::Deselected) | None => {}
    }
}

/// A group in a group: one, or all that a `forEach` makes.
fn nest((basis, findings): (&Basis<'_>, &mut Findings), member: &MemberPolicy, roster: &mut Roster) {
    let (found, made) = (named(basis, member), basis.groups.made(&member.key));
    roster.nested.extend(&found);
    match made {
        // A group that can't be told may be among them, or become one of them.
        Some(made) if !made.sure => {
            roster.unclear.extend(&made.unclear);
            roster.open |= made.refused.is_some();
        }
        Some(_) if basis.policy.groups.iter().any(|group| group.key == member.key) => {}
        _ if found.is_empty() => unknown(findings, "member", member, Absence::Nowhere),
        _ => {}
    }
}

/// The groups that a line names. One that is about to go is none.
pub(in crate::planning) fn named(basis: &Basis<'_>, member: &MemberPolicy) -> Vec<usize> {
    let groups = &basis.groups;
    let made = groups.made(&member.key);
    let found = match groups.find(&member.key) {
        Some(at) => vec![at],
        None if basis.policy.groups.iter().any(|group| group.key == member.key) => made.map(|made| made.groups.clone()).unwrap_or_default(),
        None => Vec::new(),
    };
    let goes = |at: usize| groups.all[at].empty && made.is_some_and(|made| made.sure);
    found.into_iter().filter(|at| !goes(*at)).collect()
}

/// A line that names nobody.
pub(in crate::planning) fn unknown(findings: &mut Findings, what: &str, member: &MemberPolicy, absence: Absence) {
    let so_far = if matches!(absence, Absence::Unproven(_)) { ", as far as could be read" } else { "" };
    let nobody = if is_group(member) { "there is no such group, since nobody has the value" } else { "nobody has that key" };
    let message = format!("{what} {}: {nobody}{so_far}", member.key);
    let finding = Finding::new(Severity::Warning, FindingCode::UnknownMember, Subject::identity(&member.key), message);
    findings.push(finding.hint(format!("Correct the {what}, or remove it.")).at(Some(member.place.clone())));
}

/// An exclusion that names nobody, and somebody has its key in another form: they come into no group by that and leave none.
fn reformed((basis, findings): (&Basis<'_>, &mut Findings), group: &Arc<str>, person: &MemberPolicy, likely: &BTreeSet<u32>) {
    let now: Vec<Arc<str>> = likely.iter().map(|identity| basis.people.key(*identity)).collect();
    let named = now.join(" and ");
    let message = format!(
        "exclusion {}: nobody has that key, and {named} seems to have it in another form: neither put into {group} nor taken out",
        person.key
    );
    let hint = format!("Correct the export, name {named} in place of {}, or remove the exclusion.", person.key);
    let finding = Finding::new(Severity::Error, FindingCode::KeyChanged, Subject::identity(&person.key), message);
    findings.push(finding.hint(hint).at(Some(person.place.clone())));
}

/// Excluded groups, once everybody's own exclusions by name are known. They count with the people that they have by then, so that two groups may
/// exclude each other.
fn exclude_groups(basis: &Basis<'_>, rosters: &mut [Roster]) {
    let mut all = Vec::new();
    for (at, group) in basis.groups.all.iter().enumerate() {
        for member in current(basis, &group.policy.exclude).filter(|member| is_group(member)) {
            let open = basis.groups.made(&member.key).is_some_and(|made| made.refused.is_some());
            let flat = named(basis, member).into_iter().map(|group| flatten(rosters, group, |_| false).0);
            let out = flat.fold(Roster { open, ..Roster::default() }, |mut all, flat| {
                all.open |= flat.open;
                all.people.extend(flat.people);
                all.unclear.extend(flat.unclear);
                all
            });
            all.push((at, out));
        }
    }
    for (at, out) in all {
        let Some(roster) = rosters.get_mut(at) else { continue };
        roster.excluded.extend(out.people);
        roster.perhaps.extend(out.unclear);
        if out.open {
            roster.perhaps.extend(&roster.people);
            roster.open = true;
        }
        roster.sort();
    }
}

/// Groups that contain themselves.
fn circles((basis, findings): (&Basis<'_>, &mut Findings), rosters: &[Roster]) {
    let nesting = nesting(rosters);
    for (at, group) in basis.groups.all.iter().enumerate() {
        if nesting.is_in_itself(at) {
            let message = format!("{} is nested in itself; its members are counted once", group.key);
            let finding = Finding::new(Severity::Error, FindingCode::GroupCycle, Subject::identity(&group.key), message);
            findings.push(finding.hint("Take one of the groups in the circle out of another.").at(Some(group.policy.place.clone())));
        }
    }
}

/// Which groups are in which, as a whole.
pub(in crate::planning) fn nesting(rosters: &[Roster]) -> Nesting<'_> {
    Nesting::of(rosters.iter().map(|roster| roster.nested.as_slice()).collect())
}

/// A group and all groups below it.
pub(in crate::planning) fn below(rosters: &[Roster], start: usize) -> BTreeSet<usize> {
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

/// A roster as one target holds it: groups that `stays` says stay nested, the others' members listed flat. A group with somebody in it whom a group above
/// excludes can't stay nested there.
pub(in crate::planning) fn flatten(rosters: &[Roster], start: usize, stays: impl Fn(usize) -> bool) -> (Roster, bool) {
    let mut apart = BTreeSet::new();
    loop {
        let (mut flat, seen) = gather(rosters, start, |inner| stays(inner) && !apart.contains(&inner));
        let excluded: BTreeSet<u32> =
            seen.iter().flat_map(|at| rosters[*at].excluded.iter().chain(&rosters[*at].perhaps)).copied().collect();
        if excluded.is_empty() {
            return (flat, seen.len() > 1);
        }
        let inside = |inner: &usize| below(rosters, *inner).iter().any(|at| rosters[*at].anybody(|identity| excluded.contains(&identity)));
        let more: Vec<usize> = flat.nested.iter().copied().filter(inside).collect();
        if more.is_empty() {
            exclude(rosters, start, &seen, &excluded, &mut flat);
            return (flat, seen.len() > 1);
        }
        apart.extend(more);
    }
}

/// Everybody in the groups that don't stay nested, and which those are.
fn gather(rosters: &[Roster], start: usize, stays: impl Fn(usize) -> bool) -> (Roster, BTreeSet<usize>) {
    let mut flat = Roster::default();
    let mut seen = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        let Some(roster) = rosters.get(at) else { continue };
        flat.people.extend(&roster.people);
        flat.unclear.extend(&roster.unclear);
        flat.open |= roster.open;
        flat.idle.extend(&roster.idle);
        for inner in &roster.nested {
            if stays(*inner) && *inner != start {
                flat.nested.push(*inner);
            } else if seen.insert(*inner) {
                open.push(*inner);
            }
        }
    }
    flat.sort();
    (flat, seen)
}

/// Takes out whoever is excluded: those who come in on no way without a group that excludes them.
fn exclude(rosters: &[Roster], start: usize, seen: &BTreeSet<usize>, excluded: &BTreeSet<u32>, flat: &mut Roster) {
    for identity in excluded {
        let (mut belongs, mut unclear) = (false, false);
        let mut open = vec![(start, false)];
        let mut done = BTreeSet::new();
        while let Some((at, perhaps)) = open.pop() {
            let roster = &rosters[at];
            if roster.excluded.binary_search(identity).is_ok() || !done.insert((at, perhaps)) {
                continue;
            }
            let perhaps = perhaps || roster.perhaps.binary_search(identity).is_ok();
            let here = roster.people.binary_search(identity).is_ok();
            belongs |= here && !perhaps;
            unclear |= (here && perhaps) || roster.unclear.binary_search(identity).is_ok();
            open.extend(roster.nested.iter().filter(|inner| seen.contains(inner)).map(|inner| (*inner, perhaps)));
        }
        for (list, stays) in [(&mut flat.people, belongs), (&mut flat.unclear, unclear)] {
            match (list.binary_search(identity), stays) {
                (Ok(at), false) => drop(list.remove(at)),
                (Err(at), true) => list.insert(at, *identity),
                _ => {}
            }
        }
    }
}

impl Roster {
    fn anybody(&self, mut holds: impl FnMut(u32) -> bool) -> bool {
        self.people.iter().chain(&self.unclear).any(|identity| holds(*identity))
    }

    /// All of these may belong into it or not.
    pub(in crate::planning) fn doubt(&mut self, others: Self) {
        self.unclear.extend(others.people.into_iter().chain(others.unclear));
        self.open |= others.open;
        self.idle.extend(others.idle);
        self.sort();
    }

    fn sort(&mut self) {
        for list in [&mut self.people, &mut self.unclear, &mut self.excluded, &mut self.perhaps] {
            list.sort_unstable();
            list.dedup();
        }
        for list in [&mut self.nested, &mut self.idle] {
            list.sort_unstable();
            list.dedup();
        }
    }
}

/// A group's key.
pub(in crate::planning) fn key<'b>(basis: &'b Basis<'_>, at: usize) -> &'b Arc<str> {
    &basis.groups.all[at].key
}
