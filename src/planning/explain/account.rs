//! What a target is to an identity: whether it serves it, the account, and the rule behind each value.

use std::sync::Arc;

use super::person::{attribute, rule_because, standing};
use super::{AccountAttribute, AccountWhy, Because, KnownValue, TargetWhy};
use crate::manifest::kinds::Lifecycle;
use crate::model::{Key, LinkOrigin};
use crate::planning::accounts::desired;
use crate::planning::accounts::desired::Desired;
use crate::planning::basis::Basis;
use crate::planning::people::days::Days;
use crate::planning::people::identity::Absence;
use crate::planning::people::person::Person;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::eligibility;
use crate::planning::targets::eligibility::{Serve, serve};
use crate::planning::targets::history::our_deactivation;
use crate::planning::targets::links;
use crate::planning::targets::search;
use crate::policy::PreHirePolicy;
use crate::world::{Carries, Truth};

pub(super) fn target(basis: &Basis<'_>, claim: Claim, target: usize, person: &Person) -> TargetWhy {
    let (serves, because) = eligible(basis, target, person);
    let attributes = if serves == Some(false) { Vec::new() } else { attributes(basis, target, person, |_| true) };
    TargetWhy {
        target: basis.policy.targets[target].name.clone(),
        serves,
        because,
        account: account(basis, claim, target, person),
        unread: !basis.observed[target].accounts().evidence().proves_absence(),
        unlisted: unlisted(basis, claim, target, person),
        attributes,
    }
}

/// Accounts that are remembered by ids that the list does not show: they were deleted, moved or hidden.
fn unlisted(basis: &Basis<'_>, claim: Claim, target: usize, person: &Person) -> Vec<Arc<str>> {
    if claim.row().is_some() {
        return Vec::new();
    }
    let accounts = basis.observed[target].accounts();
    let links = links::of(basis, target, &person.key, &basis.people.other_keys(person.number));
    links.into_iter().filter(|link| accounts.find_id(link.id).is_none()).map(|link| Arc::from(link.id)).collect()
}

/// Whether a target serves an identity, and why.
pub(super) fn eligible(basis: &Basis<'_>, target: usize, person: &Person) -> (Option<bool>, Vec<Because>) {
    let rules = &basis.policy.targets[target];
    let layout = &basis.layout.targets[target];
    if basis.revoked.has(person.number) {
        return (Some(false), revoked(basis, &person.key));
    }
    let mut because = standing(basis, person);
    let ahead = rules.pre_hire.filter(|_| person.standing.lifecycle() == Some(Lifecycle::PreHire));
    let mut in_question = false;
    if let Some(lifecycle) = person.standing.lifecycle() {
        in_question = eligibility::covers(basis, target, person, lifecycle);
        let words = match ahead {
            Some(ahead) => ahead_of_start(basis, &rules.name, ahead, person),
            None => {
                let has = if in_question { "has accounts" } else { "has no accounts" };
                format!("{} {has} for the lifecycle {}", rules.name, crate::planning::people::standing::word(lifecycle))
            }
        };
        because.push(Because::words(words).at(Some(&rules.place)));
    }
    if let (true, Some(select)) = (in_question, &layout.select) {
        let words = match person.holds(select) {
            Truth::Yes => format!("the select of {} covers it", rules.name),
            Truth::No => format!("the select of {} does not cover it", rules.name),
            Truth::Unknown(words) => format!("whether the select of {} covers it could not be worked out: {words}", rules.name),
        };
        because.push(Because::condition(words, select, person));
    }
    match serve(basis, target, person) {
        Serve::Yes | Serve::Early => (Some(true), because),
        Serve::No(_) => (Some(false), because),
        Serve::Unknown(_) => (None, because),
    }
}

fn ahead_of_start(basis: &Basis<'_>, target: &str, ahead: PreHirePolicy, person: &Person) -> String {
    let access = if ahead.active { "with access" } else { "without access until the first day" };
    match eligibility::account_day(ahead, Days::of(&basis.layout, person).start) {
        Some(day) if day > basis.moment.today => format!("{target} makes the account on {day}, {access}"),
        Some(day) => format!("{target} makes the account ahead of the first day, from {day} on, {access}"),
        None => format!("{target} makes the account as soon as the first day is known, {access}"),
    }
}

/// Why somebody is cut off.
pub(super) fn revoked(basis: &Basis<'_>, key: &str) -> Vec<Because> {
    crate::planning::revocation::words::because(basis, key).into_iter().map(|(words, place)| Because::words(words).at(place)).collect()
}

fn account(basis: &Basis<'_>, claim: Claim, target: usize, person: &Person) -> Option<AccountWhy> {
    let accounts = basis.observed[target].accounts();
    let row = claim.row()?;
    let found = found(basis, claim, target, row, person);
    let access = (!accounts.active(row)).then(|| without_access(basis, target, row, person));
    Some(AccountWhy { id: Arc::from(accounts.id(row).as_ref()), active: accounts.active(row), found, access })
}

/// By what an account was found to be an identity's.
pub(super) fn found(basis: &Basis<'_>, claim: Claim, target: usize, row: u32, person: &Person) -> String {
    let accounts = basis.observed[target].accounts();
    if matches!(claim, Claim::Owned(_)) && accounts.carries(row) == Carries::Ours {
        return "by its mark: it is headcount's".to_owned();
    }
    let id = accounts.id(row);
    let links = links::of(basis, target, &person.key, &basis.people.other_keys(person.number));
    if let Some(link) = links.into_iter().find(|link| *link.id == *id) {
        let made = if link.origin == LinkOrigin::Created { "made it" } else { "took it over" };
        let day = link.at.to_zoned(basis.policy.time_zone.clone()).date();
        return format!("by what headcount remembers: it {made} on {day}");
    }
    let keys = search::keys(basis, target, person);
    let attributes = basis.policy.targets[target].correlate.iter().zip(&keys);
    let hits = attributes.filter(|(name, values)| values.iter().any(|key| accounts.find_by(name, key).contains(&row)));
    let names: Vec<&str> = hits.map(|(name, _)| name.as_ref()).collect();
    match claim {
        Claim::Found(_) => format!("by its {}: it is not headcount's yet", names.join(" and ")),
        _ if names.is_empty() => "by an earlier revocation".to_owned(),
        _ => format!("by its {}", names.join(" and ")),
    }
}

/// Who took the access of an account, and what becomes of it.
fn without_access(basis: &Basis<'_>, target: usize, row: u32, person: &Person) -> String {
    let Some(at) = our_deactivation(basis, target, row) else {
        return "not by headcount as far as it remembers, so it stays deactivated until `active: true` in a User says otherwise".into();
    };
    let day = |at: jiff::Timestamp| at.to_zoned(basis.policy.time_zone.clone()).date();
    let after = match serve(basis, target, person) {
        Serve::No(gone) => gone.deprovision(&basis.policy.targets[target]).delete_after,
        Serve::Early => return format!("headcount did that on {}, and gives access on the first day", day(at)),
        Serve::Yes | Serve::Unknown(_) => None,
    };
    match after.and_then(|after| at.checked_add(after).ok()) {
        Some(due) => format!("headcount did that on {}, and deletes it on {} if it stays so", day(at), day(due)),
        None => format!("headcount did that on {}", day(at)),
    }
}

/// The rule behind each attribute that is wanted.
pub(super) fn attributes(basis: &Basis<'_>, target: usize, person: &Person, wanted: impl Fn(&Arc<str>) -> bool) -> Vec<AccountAttribute> {
    let mut desired = Desired::default();
    desired::work_out(basis, target, person, &mut desired);
    let layout = &basis.layout.targets[target];
    let mut all = Vec::new();
    for (at, rules) in layout.attributes.iter().enumerate().filter(|(_, rules)| wanted(&rules.name)) {
        let should_be =
            KnownValue::from(desired.states.get(at).cloned().unwrap_or_default()).hidden(basis.policy.is_sensitive(&rules.name));
        let (because, from) = match &rules.rule {
            None => (Because::words("the mark by which headcount knows its own accounts"), Vec::new()),
            Some(rule) => {
                let words = match desired.failures.iter().find(|(failed, _)| *failed == at) {
                    Some((_, words)) => format!("the rule failed: {words}"),
                    None if rules.source.is_some_and(|source| source.place.is_none()) => {
                        format!("default of the connector {}", basis.policy.targets[target].connector)
                    }
                    None => format!("the mapping of {}", basis.policy.targets[target].name),
                };
                let slots = rule.value.positions().iter().chain(rule.when.iter().flat_map(|when| when.positions()));
                let from = slots.filter_map(|slot| attribute(basis, person, *slot)).collect();
                (rule_because(words, rule, person), from)
            }
        };
        all.push(AccountAttribute { attribute: rules.name.clone(), should_be, because, from });
    }
    all
}

/// Why there is nobody behind an account.
pub(super) fn nobody(basis: &Basis<'_>, key: &str) -> Because {
    if Key::is_unclaimed(key) {
        return Because::words("no manifest and no source declares it, and the target is authoritative");
    }
    let source = Key::of_record(key).map_or(key, |(source, _)| source);
    let place = basis.policy.sources.iter().find(|known| known.name.as_ref() == source).map(|known| &known.place);
    let words = match basis.people.absence(key) {
        Absence::Proven if Key::is_user(key) => format!("there is no User manifest `{key}` any more"),
        Absence::Proven => format!("a complete read of {source} no longer has the record `{key}`"),
        Absence::Unproven(_) => format!("{source} has no record `{key}`, and was not read to its end"),
        Absence::Disbelieved(_) => format!("{source} has no record `{key}`, and many of its keys seem to be other people's now"),
        Absence::Nowhere => format!("nothing declares where `{key}` would come from"),
    };
    Because::words(words).at(place)
}
