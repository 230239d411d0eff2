//! Further accounts of somebody who has left and has more than one: whoever is reported gone keeps no second way in.
//!
//! Must never: cut off an account that only looks like theirs (unless the target is authoritative), or delete one that is not plainly theirs.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::kinds::{DeprovisionAction, Ownership};
use crate::model::{Cause, FindingCode, Severity};
use crate::planning::accounts::Step;
use crate::planning::accounts::access::deactivate;
use crate::planning::draft::Grounds;
use crate::planning::findings::Shared;
use crate::planning::people::person::Person;
use crate::planning::targets::eligibility::NotServed;
use crate::planning::targets::links;
use crate::planning::targets::ownership;
use crate::planning::targets::search;
use crate::world::Carries;

/// Takes the access of every further account that is proved to be theirs. What only looks like theirs goes with it where the target is authoritative, and is told
/// everywhere else: what is alike but for the case may be another's at a system that tells `ada` from `ADA`.
pub(super) fn cut(step: &mut Step<'_, '_>, target: usize, person: &Person, known: Option<u32>, gone: NotServed) {
    let rules = &step.basis.policy.targets[target];
    let leaves = rules.ownership != Ownership::Additive && gone.deprovision(rules).action != DeprovisionAction::Keep;
    if gone != NotServed::Leaver || !leaves || step.matched.claims[target].another_system {
        return;
    }
    let proved = proved(step, target, person);
    if known.is_none() && proved.is_empty() {
        return;
    }
    let key: Arc<str> = Arc::from(person.key.as_str());
    let alike: Vec<u32> = alike(step, target, person).into_iter().filter(|row| Some(*row) != known && !proved.contains(row)).collect();
    let is_active = |step: &Step<'_, '_>, row: u32| step.basis.observed[target].accounts().active(row);
    for row in proved.into_iter().filter(|row| Some(*row) != known) {
        if is_active(step, row) {
            deactivate(step, target, row, &key, Grounds::LEAVER, Cause::Identity(person.number));
        }
    }
    for row in alike {
        match ownership::prunes(step.basis, target) {
            true if is_active(step, row) => {
                step.gone[target].insert(row);
                deactivate(step, target, row, &key, Grounds::LEAVER, Cause::Identity(person.number));
            }
            true => {}
            false => tell_of(step, target, row, &key, gone),
        }
    }
}

/// What nothing says is anybody else's, and has the values by which theirs is found.
fn alike(step: &Step<'_, '_>, target: usize, person: &Person) -> Vec<u32> {
    let claims = &step.matched.claims[target];
    if !claims.are_all(step.basis) {
        return Vec::new();
    }
    let hits = search::hits(step.basis, target, &search::keys(step.basis, target, person));
    hits.into_iter().filter(|row| is_free(step, target, *row, person) && !claims.is_wanted_by_others(*row, person.number)).collect()
}

/// Somebody who has left can still sign in with an account that is not ours to close: a person must look.
pub(super) fn tell_of(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>, gone: NotServed) {
    if gone == NotServed::Leaver && step.basis.observed[target].accounts().active(row) {
        let id = step.basis.observed[target].accounts().id(row);
        let sentence = format!(
            "{{who}}: has left, and an active account looks like theirs (id {id}), but nothing proves that it is headcount's; left as it is"
        );
        let shared = Shared::new(Severity::Error, FindingCode::OwnershipUnproven, Some(&step.basis.policy.targets[target].name), sentence);
        step.report
            .findings
            .share(shared.hint("Deactivate it at the target, or write `ownership: authoritative` into the spec of the Target."), key);
    }
}

/// By marks, and by links that fit.
fn proved(step: &Step<'_, '_>, target: usize, person: &Person) -> BTreeSet<u32> {
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    let others = basis.people.other_keys(person.number);
    let links = links::of(basis, target, &person.key, &others);
    let linked = links.iter().filter_map(|link| accounts.find_id(link.id));
    let mut rows: BTreeSet<u32> = linked
        .filter(|row| accounts.carries(*row) == Carries::Ours || ownership::fits(basis, target, person.number, *row, &links))
        .collect();
    if let Some(marker) = &basis.layout.targets[target].marker {
        for key in others.iter().map(AsRef::as_ref).chain([person.key.as_str()]) {
            rows.extend(accounts.find_by(marker, basis.marks.mark(key).as_bytes()));
        }
    }
    rows.retain(|row| is_free(step, target, *row, person) || accounts.marked_key(*row).is_some_and(|key| is_own(step, person, &key)));
    rows
}

/// Whether nothing says that an account is somebody else's.
fn is_free(step: &Step<'_, '_>, target: usize, row: u32, person: &Person) -> bool {
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    !accounts.doubtful(row)
        && matches!(accounts.carries(row), Carries::Nothing | Carries::Ours)
        && !basis.is_protected(target, row)
        && step.basis.former_key(target, row).is_none_or(|key| is_own(step, person, &key))
        && step.matched.claims[target].holder(row).is_none_or(|holder| holder == person.number)
        && !search::has_other_external_id(basis, target, row, person)
}

fn is_own(step: &Step<'_, '_>, person: &Person, key: &str) -> bool {
    key == person.key || step.basis.people.other_keys(person.number).iter().any(|other| other.as_ref() == key)
}
