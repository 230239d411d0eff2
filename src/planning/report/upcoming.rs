//! What falls due in the days after the plan's: starts, last days, expiries, deletions. From the same look at everybody as the plan itself.
//!
//! Must never: decide anything, or grow with the number of people.

use std::sync::Arc;

use jiff::civil::Date;

use crate::manifest::kinds::Lifecycle;
use crate::model::{Due, DueKind};
use crate::planning::basis::Basis;
use crate::planning::diary::Diary;
use crate::planning::people::days::Days;
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::planning::targets::eligibility;
use crate::policy::MemberPolicy;
use crate::world::Truth;

/// Somebody's own first and last day, and the days on which accounts are made for them.
pub(in crate::planning) fn of_person(basis: &Basis<'_>, diary: &mut Diary, person: &Person) {
    let Standing::Is(lifecycle) = person.standing else { return };
    // Most people have no last day, and nothing else of theirs falls due.
    if lifecycle != Lifecycle::PreHire && !person.slots[basis.layout.end].is_set() {
        return;
    }
    let days = Days::of(&basis.layout, person);
    if lifecycle == Lifecycle::PreHire {
        starts(basis, diary, person, days);
    }
    if let (Some(end), true) = (days.end, lifecycle != Lifecycle::Leaver) {
        note(basis, diary, person, end, DueKind::LastDay, None);
    }
}

fn starts(basis: &Basis<'_>, diary: &mut Diary, person: &Person, days: Days) {
    if let Some(start) = days.start {
        note(basis, diary, person, start, DueKind::Starts, None);
    }
    for (at, target) in basis.policy.targets.iter().enumerate() {
        let day = target.pre_hire.and_then(|ahead| eligibility::account_day(ahead, days.start));
        let selects = || basis.layout.targets[at].select.as_ref().is_none_or(|select| person.holds(select) == Truth::Yes);
        if let Some(day) = day.filter(|day| *day > basis.moment.today && selects()) {
            note(basis, diary, person, day, DueKind::AccountMade, Some(&target.name));
        }
    }
}

fn note(basis: &Basis<'_>, diary: &mut Diary, person: &Person, day: Date, what: DueKind, target: Option<&Arc<str>>) {
    if diary.covers(day) {
        let key: Arc<str> = Arc::from(person.key.as_str());
        let name = person.called(&basis.layout).unwrap_or_else(|| key.clone());
        diary.note(Due { day, what, key, name, target: target.cloned(), of: None });
    }
}

/// What manifests give an end by name: members, holders of entitlements, overrides, revocations.
pub(in crate::planning) fn declared(basis: &Basis<'_>, diary: &mut Diary) {
    for group in &basis.policy.groups {
        members(basis, diary, &group.members, DueKind::MembershipEnds, None, &group.display_name);
    }
    for entitlement in &basis.policy.entitlements {
        let target = basis.policy.targets.get(entitlement.target).map(|target| &target.name);
        members(basis, diary, &entitlement.members, DueKind::EntitlementEnds, target, &entitlement.name);
    }
    for target in &basis.policy.targets {
        for given in &target.guardrails.overrides {
            let (key, of) = (Arc::from(given.place.to_string()), Arc::from(given.guardrail.word()));
            let due = Due {
                day: given.expires,
                what: DueKind::OverrideEnds,
                name: target.name.clone(),
                key,
                target: Some(target.name.clone()),
                of: Some(of),
            };
            diary.note(due);
        }
    }
    for revocation in &basis.policy.revocations {
        if let Some(day) = revocation.until {
            let key = revocation.key.clone();
            diary.note(Due { day, what: DueKind::RevocationEnds, name: revocation.reason.clone(), key, target: None, of: None });
        }
    }
}

fn members(basis: &Basis<'_>, diary: &mut Diary, members: &[MemberPolicy], what: DueKind, target: Option<&Arc<str>>, of: &Arc<str>) {
    let mut person = Person::default();
    for member in members {
        let Some(day) = member.until.filter(|day| diary.covers(*day)) else { continue };
        let rule = || basis.policy.groups.iter().find(|group| group.key == member.key).map(|group| group.display_name.clone());
        let group = basis.groups.find(&member.key).map(|at| basis.groups.all[at].display_name.clone()).or_else(rule);
        let name = match (group, basis.people.find(&member.key)) {
            (Some(name), _) => name,
            (None, Some(number)) => {
                basis.people.assemble(&basis.layout, number, &mut person);
                person.called(&basis.layout).unwrap_or_else(|| member.key.clone())
            }
            (None, None) => continue,
        };
        diary.note(Due { day, what, key: member.key.clone(), name, target: target.cloned(), of: Some(of.clone()) });
    }
}
