//! What somebody has at a target, worked out of their own rows alone: whoever asks about one person does not wait until everybody's accounts are found.
//!
//! Must never: say anything where somebody else may have a say in it; then everybody is looked at.

use crate::model::{Key, ObjectKind};
use crate::planning::basis::Basis;
use crate::planning::people::person::Person;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::correlate::is_established;
use crate::planning::targets::later_keys::later_keys;
use crate::planning::targets::links;
use crate::planning::targets::ownership::was_sent;
use crate::planning::targets::search;
use crate::world::Carries;

/// What correlating everybody would come to for a person, as far as the account goes; nothing where that takes a look at others.
pub(in crate::planning) fn alone(basis: &Basis<'_>, target: usize, person: &Person<'_>) -> Option<Claim> {
    let accounts = basis.observed[target].accounts();
    if accounts.unreadable() {
        return Some(Claim::None);
    }
    if !is_plain(basis, target, person) {
        return None;
    }
    let (key, name) = (person.key.as_str(), &basis.policy.targets[target].name);
    let links = links::of(basis, target, key, &[]);
    let mut rows: Vec<u32> = links.iter().filter_map(|link| accounts.find_id(link.id)).collect();
    if let Some(marker) = &basis.layout.targets[target].marker {
        rows.extend(accounts.find_by(marker, basis.marks.mark(key).as_bytes()));
    }
    rows.sort_unstable();
    rows.dedup();
    let row = match rows.as_slice() {
        // Nothing leads to any account, by no attribute either.
        [] => return search::hits(basis, target, &search::keys(basis, target, person)).is_empty().then_some(Claim::None),
        [row] => *row,
        _ => return None,
    };
    let id = accounts.id(row);
    let is_own = accounts.carries(row) == Carries::Ours && accounts.is_marked(row, key) && !accounts.doubtful(row);
    let remembered = basis.world.recall.key_of(name, ObjectKind::Account, &id);
    let is_cut_off = |order: &str| Key::of_account(order).is_some_and(|(at, revoked)| *at == **name && *revoked == *id);
    if !is_own || remembered.is_some_and(|known| known != key) || basis.revoked.orders().any(|(order, _)| is_cut_off(order)) {
        return None;
    }
    // A mark alone is no proof where the state knows accounts: whoever may write it can write anybody's.
    let is_marked_alone = links.is_empty() && is_established(basis, target) && !was_sent(basis, target, key);
    Some(if is_marked_alone { Claim::Found(row) } else { Claim::Owned(row) })
}

/// Whether somebody has one key, which nobody else ever had, and it is known where they stand.
fn is_plain(basis: &Basis<'_>, target: usize, person: &Person<'_>) -> bool {
    let Basis { people, revoked, .. } = basis;
    let (key, number) = (person.key.as_str(), person.number);
    people.find(key) == Some(number)
        && person.standing.lifecycle().is_some()
        && !revoked.has(number)
        && !people.is_retired(number)
        && !people.disputed.contains(&number)
        && people.other_keys(number).is_empty()
        && !people.formers.values().flatten().any(|former| **former == *key)
        && later_keys(basis, target, key).is_empty()
}

/// Whether it comes to the same as a look at everybody, of each who can be told alone: of whoever has no account it does not count why.
#[cfg(test)]
pub(in crate::planning) fn agrees(basis: &Basis<'_>, target: usize, claims: &super::claims::Claims) {
    let mut person = Person::default();
    for number in 0..basis.people.len() {
        basis.people.assemble(&basis.layout, number, &mut person);
        let Some(told) = alone(basis, target, &person) else { continue };
        let is = claims.of(number);
        let same = if claims.row(number).is_some() { told == is } else { told == Claim::None };
        assert!(same, "{} at target {target}: {is:?}, and alone {told:?}", person.key);
    }
}
