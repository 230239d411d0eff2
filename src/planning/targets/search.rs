//! By what an identity's account is looked for: the values of the attributes that a target correlates by, and the accounts that they lead to.
//!
//! Must never: take an account for anybody's; that is decided where everybody is seen.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::expr::Input;
use crate::model::ValueState;
use crate::planning::basis::Basis;
use crate::planning::people::person::Person;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::{Evaluated, evaluate};
use crate::planning::targets::links;
use crate::world::{canonical, kind_of};

/// The ids that links give for an identity, by its key and by its other ones.
pub(in crate::planning) fn linked_ids<'w>(basis: &Basis<'w>, target: usize, key: &str, others: &[Arc<str>]) -> Vec<&'w str> {
    links::of(basis, target, key, others).into_iter().map(|link| link.id).collect()
}

/// Every account that any of these values leads to, whoever has it.
pub(in crate::planning) fn hits(basis: &Basis<'_>, target: usize, keys: &[Vec<Vec<u8>>]) -> BTreeSet<u32> {
    let accounts = basis.observed[target].accounts();
    let attributes = basis.policy.targets[target].correlate.iter().zip(keys);
    attributes.flat_map(|(attribute, values)| values.iter().flat_map(|key| accounts.find_by(attribute, key))).collect()
}

/// Whether a rule gives an identity an `externalId`, and the account has another one.
pub(in crate::planning) fn has_other_external_id(basis: &Basis<'_>, target: usize, row: u32, person: &Person) -> bool {
    let external = basis.observed[target].accounts().cell_of(row, "externalId");
    let wanted = values(basis, target, person).into_iter().find(|(name, _)| name.as_ref() == "externalId");
    match wanted {
        Some((_, ValueState::Set(value))) => !canonical::is_nothing(external) && !canonical::same(kind_of("externalId"), &value, external),
        _ => false,
    }
}

/// The canonical values by which an identity's account is found, for each of the target's attributes.
pub(in crate::planning) fn keys(basis: &Basis<'_>, target: usize, person: &Person) -> Vec<Vec<Vec<u8>>> {
    keys_of(&values(basis, target, person))
}

/// The canonical forms of these.
pub(in crate::planning) fn keys_of(values: &[(&Arc<str>, ValueState)]) -> Vec<Vec<Vec<u8>>> {
    values
        .iter()
        .map(|(name, state)| match state {
            ValueState::Set(value) => canonical::keys(kind_of(name), Input::Value(value)),
            _ => Vec::new(),
        })
        .collect()
}

/// What an identity should have in each attribute by which accounts are found.
pub(in crate::planning) fn values<'b>(basis: &'b Basis<'_>, target: usize, person: &Person) -> Vec<(&'b Arc<str>, ValueState)> {
    basis.policy.targets[target].correlate.iter().map(|name| (name, value(basis, target, person, name))).collect()
}

/// What an identity should have in one attribute of its account.
pub(in crate::planning) fn value(basis: &Basis<'_>, target: usize, person: &Person, name: &Arc<str>) -> ValueState {
    value_of(&basis.layout, target, person, name)
}

/// The same by the policy alone. The marker is no value.
pub(in crate::planning) fn value_of(layout: &Layout<'_>, target: usize, person: &Person, name: &Arc<str>) -> ValueState {
    let of_target = &layout.targets[target];
    if of_target.marker.as_ref() == Some(name) {
        return ValueState::Unmanaged;
    }
    let attribute = of_target.attributes.iter().find(|attribute| attribute.name == *name);
    match attribute.and_then(|attribute| attribute.rule.as_ref()) {
        Some(rule) => match evaluate(rule, person) {
            Evaluated::Is(state) => state,
            Evaluated::Failed(_) => ValueState::Unknown,
        },
        None => layout.slot(name).map(|slot| person.slots[slot].state()).unwrap_or_default(),
    }
}
