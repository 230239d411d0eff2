//! What falls due in the days after the plan's: starts, last days, expiries, deletions. From the same look at everybody as the plan itself.
//!
//! Must never: decide anything, or grow with the number of people.

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::manifest::kinds::Lifecycle;
use crate::model::{Due, DueKind, Upcoming, ValueState};
use crate::planning::people::identity::Person;
use crate::planning::people::lifecycle::{Days, Standing};
use crate::planning::targets::eligibility as serve;
use crate::planning::work::Basis;
use crate::planning::work::Work;
use crate::policy::MemberPolicy;
use crate::world::Truth;

/// How far ahead a plan looks.
pub const DAYS_AHEAD: i64 = 92;
/// What falls due later than so many others is counted.
const MOST: usize = 500;

/// Gathers, and keeps the earliest.
pub(in crate::planning) struct Diary {
    first: Date,
    last: Date,
    kept: BinaryHeap<Due>,
    more: BTreeMap<Date, u64>,
}

impl Diary {
    /// For the days after this one.
    pub(in crate::planning) fn new(today: Date) -> Self {
        let last = today.checked_add(DAYS_AHEAD.days()).unwrap_or(Date::MAX);
        Self { first: today, last, kept: BinaryHeap::new(), more: BTreeMap::new() }
    }

    /// Whether a day is one that the diary covers. What ends today is still to come.
    pub(in crate::planning) fn covers(&self, day: Date) -> bool {
        self.first <= day && day <= self.last
    }

    /// Notes something.
    pub(in crate::planning) fn note(&mut self, due: Due) {
        if !self.covers(due.day) {
            return;
        }
        self.kept.push(due);
        if self.kept.len() > MOST
            && let Some(latest) = self.kept.pop()
        {
            *self.more.entry(latest.day).or_default() += 1;
        }
    }

    /// Sorted, without doubles.
    pub(in crate::planning) fn finish(&mut self) -> Upcoming {
        let mut dues = std::mem::take(&mut self.kept).into_sorted_vec();
        dues.dedup();
        Upcoming { dues, more: std::mem::take(&mut self.more) }
    }
}

/// Somebody's own first and last day, and the days on which accounts are made for them.
pub(in crate::planning) fn of_person(work: &mut Work<'_, '_>, person: &Person) {
    let Standing::Is(lifecycle) = person.standing else { return };
    // Most people have no last day, and nothing else of theirs falls due.
    if lifecycle != Lifecycle::PreHire && !person.slots[work.basis.layout.end].is_set() {
        return;
    }
    let days = Days::of(&work.basis.layout, person);
    if lifecycle == Lifecycle::PreHire {
        starts(work, person, days);
    }
    if let (Some(end), true) = (days.end, lifecycle != Lifecycle::Leaver) {
        note(work, person, end, DueKind::LastDay, None);
    }
}

fn starts(work: &mut Work<'_, '_>, person: &Person, days: Days) {
    let basis = work.basis;
    if let Some(start) = days.start {
        note(work, person, start, DueKind::Starts, None);
    }
    for (at, target) in basis.policy.targets.iter().enumerate() {
        let day = target.pre_hire.and_then(|ahead| serve::account_day(ahead, days.start));
        let selects = || basis.layout.targets[at].select.as_ref().is_none_or(|select| person.holds(select) == Truth::Yes);
        if let Some(day) = day.filter(|day| *day > basis.moment.today && selects()) {
            note(work, person, day, DueKind::AccountMade, Some(&target.name));
        }
    }
}

fn note(work: &mut Work<'_, '_>, person: &Person, day: Date, what: DueKind, target: Option<&Arc<str>>) {
    if work.diary.covers(day) {
        let key: Arc<str> = Arc::from(person.key.as_str());
        let name = name(work.basis, person).unwrap_or_else(|| key.clone());
        work.diary.note(Due { day, what, key, name, target: target.cloned(), of: None });
    }
}

/// What people call somebody.
fn name(basis: &Basis<'_>, person: &Person) -> Option<Arc<str>> {
    let text = |attribute: &str| match person.slots.get(basis.layout.slot(attribute)?)?.state() {
        ValueState::Set(value) => value.as_text().map(Arc::from),
        _ => None,
    };
    text("userName").or_else(|| text("displayName"))
}

/// What manifests give an end by name: members, holders of entitlements, overrides, revocations.
pub(in crate::planning) fn declared(work: &mut Work<'_, '_>) {
    let basis = work.basis;
    for group in &basis.policy.groups {
        members(work, &group.members, DueKind::MembershipEnds, None, &group.display_name);
    }
    for entitlement in &basis.policy.entitlements {
        let target = basis.policy.targets.get(entitlement.target).map(|target| &target.name);
        members(work, &entitlement.members, DueKind::EntitlementEnds, target, &entitlement.name);
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
            work.diary.note(due);
        }
    }
    for revocation in &basis.policy.revocations {
        if let Some(day) = revocation.until {
            let key = revocation.key.clone();
            work.diary.note(Due { day, what: DueKind::RevocationEnds, name: revocation.reason.clone(), key, target: None, of: None });
        }
    }
}

fn members(work: &mut Work<'_, '_>, members: &[MemberPolicy], what: DueKind, target: Option<&Arc<str>>, of: &Arc<str>) {
    let basis = work.basis;
    let mut person = Person::default();
    for member in members {
        let Some(day) = member.until.filter(|day| work.diary.covers(*day)) else { continue };
        let rule = || basis.policy.groups.iter().find(|group| group.key == member.key).map(|group| group.display_name.clone());
        let group = basis.groups.find(&member.key).map(|at| basis.groups.all[at].display_name.clone()).or_else(rule);
        let name = match (group, basis.people.find(&member.key)) {
            (Some(name), _) => name,
            (None, Some(number)) => {
                basis.people.assemble(&basis.layout, number, &mut person);
                name(basis, &person).unwrap_or_else(|| member.key.clone())
            }
            (None, None) => continue,
        };
        work.diary.note(Due { day, what, key: member.key.clone(), name, target: target.cloned(), of: Some(of.clone()) });
    }
}

/// An account that headcount deactivated, and deletes so long after.
pub(in crate::planning) fn deletion(
    work: &mut Work<'_, '_>,
    target: usize,
    row: u32,
    key: &Arc<str>,
    deactivated: Timestamp,
    after: SignedDuration,
) {
    let basis = work.basis;
    let Ok(at) = deactivated.checked_add(after) else { return };
    let day = at.to_zoned(basis.policy.time_zone.clone()).date();
    let name = work.account(target, row, key).name;
    let target = Some(basis.policy.targets[target].name.clone());
    work.diary.note(Due { day, what: DueKind::AccountDeleted, key: key.clone(), name, target, of: None });
}
