//! Names by which groups list an account though it has another one by now: a run that renamed or moved it was cut short before they followed. What names
//! headcount takes from accounts stands in the state before a rename is sent, and what it wrote once the rename is done.
//!
//! Must never: take a name for somebody's whom headcount did not rename, or of whom two may have had it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::Input;
use crate::model::{AttributeChange, CONTAINER, DepartedName, EntryNames, ListedBy, ObjectKind, Value, dn};
use crate::planning::basis::Basis;
use crate::planning::targets::claims::{Claim, Matched};
use crate::planning::targets::entry_names::{self, EntryPlace};
use crate::world::prints::print;
use crate::world::{Stranger, TargetSide, World, canonical, kind_of};

/// Whose these names were: by the hash of whom a group lists, the account's row.
pub(in crate::planning) fn of(basis: &Basis<'_>, matched: &Matched, target: usize, strangers: &[Stranger]) -> BTreeMap<u64, u32> {
    let side = basis.observed[target].side;
    let names: BTreeMap<u64, &str> = strangers.iter().filter_map(|stranger| Some((stranger.hash, stranger.name.as_deref()?))).collect();
    let row = |known: &DepartedName| match matched.claims[target].of(basis.people.find(&known.key)?) {
        Claim::Owned(row) if !basis.observed[target].accounts().is_elsewhere(row) => Some(row),
        _ => None,
    };
    let whose = |name: &str| {
        let known = former(basis.world, &basis.policy.targets[target].name, side, name);
        let mut by_row: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
        for known in known {
            let row = row(known).filter(|row| is_cut_short(basis, target, *row, &known.attribute));
            row.into_iter().for_each(|row| _ = by_row.entry(row).or_default().insert(&known.attribute));
        }
        let mut rows = by_row.into_iter().filter(|(row, had)| was_called(basis, target, (*row, had), name)).map(|(row, _)| row);
        rows.next().filter(|_| rows.next().is_none())
    };
    names.into_iter().filter_map(|(hash, name)| Some((hash, whose(name)?))).collect()
}

/// Whether a group of a target lists a name that headcount may have taken from somebody.
pub(in crate::planning) fn may_be(world: &World, target: &str, side: &TargetSide) -> bool {
    let lists = side.capabilities.listed_by.is_some() && !world.memory.departed.is_empty();
    let strangers = || side.memberships.strangers([&side.accounts, &side.accounts], [&side.groups, &side.groups]);
    lists && strangers().iter().filter_map(|stranger| stranger.name.as_deref()).any(|name| !former(world, target, side, name).is_empty())
}

/// What is remembered of a part of a name.
fn former<'w>(world: &'w World, target: &str, side: &TargetSide, name: &str) -> Vec<&'w DepartedName> {
    let capabilities = &side.capabilities;
    let parts = match (&capabilities.listed_by, &capabilities.entry_names) {
        (Some(ListedBy::Attribute(attribute)), _) => vec![(attribute.as_ref(), name.to_owned())],
        (Some(ListedBy::Name), Some(names)) => match place(names, name) {
            Some((value, container)) => vec![(names.attribute.as_ref(), value), (CONTAINER, container)],
            None => Vec::new(),
        },
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (attribute, value) in parts {
        let key = canonical::bytes(kind_of(attribute), Input::Value(&Value::text(value.as_str())));
        let known = world.recall.departed_at(target, attribute, &key).filter_map(|at| world.memory.departed.get(at as usize));
        let is_it = |known: &&DepartedName| {
            *known.target == *target && *known.attribute == *attribute && known.value.to_lowercase() == value.to_lowercase()
        };
        found.extend(known.filter(is_it));
    }
    found
}

/// Whether nothing says that what an account has now was written to the end, groups and all.
fn is_cut_short(basis: &Basis<'_>, target: usize, row: u32, attribute: &Arc<str>) -> bool {
    let accounts = basis.observed[target].accounts();
    let cell = accounts.cell_of(row, attribute);
    let after = cell.to_value().filter(|_| !canonical::is_nothing(cell));
    let change = AttributeChange { attribute: attribute.clone(), before: None, after, sensitive: false, privileged: false };
    let written = basis.world.recall.written(&basis.policy.targets[target].name, ObjectKind::Account, &accounts.id(row));
    let print = print(&basis.policy.workspace, &change);
    !written.zip(print).is_some_and(|(written, print)| written.prints.contains(&(print.name, print.wrote as u32)))
}

/// Whether an account was called so as a whole: each part of it is what it has now, or had by what is remembered.
fn was_called(basis: &Basis<'_>, target: usize, (row, had): (u32, &BTreeSet<&str>), name: &str) -> bool {
    let capabilities = &basis.observed[target].side.capabilities;
    let (Some(ListedBy::Name), Some(names)) = (&capabilities.listed_by, &capabilities.entry_names) else { return true };
    let (Some((value, container)), Some(now)) = (place(names, name), entry_names::now(basis, target, row)) else { return false };
    let then = EntryPlace { container, rdn: dn::rdn(&names.own, &value) };
    let same_name = dn::normal(&then.rdn) == dn::normal(&now.rdn);
    let same_place = dn::normal(&then.container) == dn::normal(&now.container);
    (same_name || had.contains(names.attribute.as_ref())) && (same_place || had.contains(CONTAINER)) && !(same_name && same_place)
}

/// What a name says of an entry below the base: the value that it is called by, and where it stands.
fn place(names: &EntryNames, name: &str) -> Option<(String, String)> {
    let parts = dn::makes_up(name);
    let [(own, value)] = parts.as_slice() else { return None };
    let container = dn::between(dn::parent(name), &names.base)?;
    own.eq_ignore_ascii_case(&names.own).then(|| (value.clone(), container))
}
