//! Unique names: the first free of jsmith, jsmith2, jsmith3; an account keeps the name it has.
//!
//! Must never: give out a name that an account or an earlier identity of this plan has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Basis;
use super::correlate::Claims;
use super::identity::{Held, Person};
use super::serve::{Serve, serve};
use crate::expr::Input;
use crate::model::{Cell, Value, ValueState};
use crate::planning::LookupBy;
use crate::world::{canonical, kind_of};

/// Names given out in this plan: by target, attribute and canonical value, to whom.
#[derive(Default)]
pub(super) struct Names {
    taken: BTreeMap<(usize, Arc<str>, Vec<u8>), u32>,
}

/// What came of the search for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// this one
    Name(Arc<str>),
    /// all are taken
    NoneFree,
    /// whether this one is free was not answered
    Unanswered(usize, Arc<str>, Arc<str>),
}

/// How many are tried.
const TRIES: u32 = 1000;

impl Names {
    /// Whether a value is free for an identity at a target: nobody else's account has it, and nobody got it in this plan.
    pub(super) fn is_free(&self, basis: &Basis<'_>, claims: &[Claims], at: (usize, &Arc<str>), value: &str, identity: u32) -> bool {
        holders(basis, claims, at, value, identity).is_empty() && !self.is_given(at, value, identity)
    }

    /// Whether somebody else gets a value in this plan.
    pub(super) fn is_given(&self, (target, attribute): (usize, &Arc<str>), value: &str, identity: u32) -> bool {
        let key = canonical::bytes(kind_of(attribute), Input::Value(&Value::text(value)));
        self.taken.get(&(target, attribute.clone(), key)).is_some_and(|holder| *holder != identity)
    }

    /// Remembers that an identity gets a value.
    pub(super) fn take(&mut self, target: usize, attribute: &Arc<str>, value: &str, identity: u32) {
        let key = canonical::bytes(kind_of(attribute), Input::Value(&Value::text(value)));
        self.taken.entry((target, attribute.clone(), key)).or_insert(identity);
    }

    /// The first free variant of a name, at all these targets.
    pub(super) fn choose(&self, basis: &Basis<'_>, claims: &[Claims], at: &[(usize, &Arc<str>)], base: &str, identity: u32) -> Choice {
        for number in 1..=TRIES {
            let name = variant(base, number);
            if !at.iter().all(|place| self.is_free(basis, claims, *place, &name, identity)) {
                continue;
            }
            let open = at.iter().find(|(target, attribute)| {
                let accounts = basis.observed[*target].accounts();
                let asked = LookupBy::Attribute((*attribute).clone(), name.as_str().into());
                !accounts.evidence().proves_absence() && !accounts.answered(&asked)
            });
            return match open {
                None => Choice::Name(name.into()),
                Some((target, attribute)) => Choice::Unanswered(*target, (*attribute).clone(), name.into()),
            };
        }
        Choice::NoneFree
    }
}

/// The accounts of others that have a value.
pub(super) fn holders(basis: &Basis<'_>, claims: &[Claims], at: (usize, &Arc<str>), value: &str, identity: u32) -> Vec<u32> {
    let (target, attribute) = at;
    let own = claims[target].row(identity);
    let keys = canonical::keys(kind_of(attribute), Input::Value(&Value::text(value)));
    let found = keys.iter().flat_map(|key| basis.observed[target].accounts().find_by(attribute, key));
    found.filter(|row| Some(*row) != own).collect()
}

/// Puts the names that an identity's account at one target keeps or gets into its unique slots. Says what could not be chosen.
pub(super) fn settle(basis: &Basis<'_>, claims: &[Claims], names: &Names, target: usize, person: &mut Person) -> Vec<(usize, Choice)> {
    let mut open = Vec::new();
    for slot in person.unique.clone() {
        let Some(base) = text(person, slot) else { continue };
        let name = match kept(basis, claims, target, person.number, slot, &base) {
            Some(name) => Choice::Name(name),
            None => choose(basis, claims, names, person, slot, &base),
        };
        match name {
            Choice::Name(name) => person.slots[slot] = Held::State(ValueState::Set(Value::Text(name))),
            other => {
                person.slots[slot] = Held::State(ValueState::Unknown);
                open.push((slot, other));
            }
        }
    }
    open
}

/// The name that an account has, where it is a variant of what it should be.
pub(super) fn kept(basis: &Basis<'_>, claims: &[Claims], target: usize, identity: u32, slot: usize, base: &str) -> Option<Arc<str>> {
    let name = &basis.layout.slots[slot].name;
    let attribute = basis.layout.targets[target].attributes.iter().find(|attribute| attribute.name == *name)?;
    attribute.bare.filter(|bare| *bare == slot)?;
    kept_value(basis, claims, target, identity, attribute.column, base)
}

/// The observed value of a column, where it is a variant of a base.
pub(super) fn kept_value(
    basis: &Basis<'_>,
    claims: &[Claims],
    target: usize,
    identity: u32,
    column: usize,
    base: &str,
) -> Option<Arc<str>> {
    let row = claims[target].row(identity)?;
    let observed = basis.observed[target].accounts().cell(row, column).as_text()?;
    is_variant(base, observed).then(|| Arc::from(observed))
}

/// Chooses a name for everywhere: the one that another target's account has, if it is free here too, else the first free.
fn choose(basis: &Basis<'_>, claims: &[Claims], names: &Names, person: &Person, slot: usize, base: &str) -> Choice {
    let places = places(basis, claims, person, slot);
    let targets = 0..basis.policy.targets.len();
    let elsewhere = targets.filter_map(|target| kept(basis, claims, target, person.number, slot, base));
    for name in elsewhere {
        if places.iter().all(|place| names.is_free(basis, claims, *place, &name, person.number)) {
            return Choice::Name(name);
        }
    }
    names.choose(basis, claims, &places, base, person.number)
}

/// Targets where the name is still to be chosen: they serve the identity and take the slot as it is.
fn places<'b>(basis: &'b Basis<'_>, claims: &[Claims], person: &Person, slot: usize) -> Vec<(usize, &'b Arc<str>)> {
    let name = &basis.layout.slots[slot].name;
    let base = text(person, slot).unwrap_or_default();
    let targets = 0..basis.policy.targets.len();
    let takes = |target: &usize| {
        let attributes = &basis.layout.targets[*target].attributes;
        attributes.iter().any(|attribute| attribute.name == *name && attribute.bare == Some(slot))
            && !basis.observed[*target].accounts().unreadable()
            && kept(basis, claims, *target, person.number, slot, &base).is_none()
            && matches!(serve(basis, *target, person), Serve::Yes | Serve::Early)
    };
    targets.filter(takes).map(|target| (target, name)).collect()
}

/// The text in a slot.
pub(super) fn text(person: &Person, slot: usize) -> Option<Arc<str>> {
    match &person.slots[slot] {
        Held::Cell(Cell::Text(text)) => Some(Arc::from(*text)),
        Held::State(ValueState::Set(Value::Text(text))) => Some(text.clone()),
        _ => None,
    }
}

/// The n-th variant: a number after the name, in an e-mail address before the at sign.
fn variant(base: &str, number: u32) -> String {
    match (number, base.split_once('@')) {
        (1, _) => base.to_owned(),
        (_, Some((local, domain))) => format!("{local}{number}@{domain}"),
        (_, None) => format!("{base}{number}"),
    }
}

/// Whether a name is the base or one of its variants, without case.
fn is_variant(base: &str, name: &str) -> bool {
    let lower = name.to_lowercase();
    let base = base.to_lowercase();
    if lower == base {
        return true;
    }
    let (base, name) = match (base.split_once('@'), lower.split_once('@')) {
        (Some((base, one)), Some((name, other))) if one == other => (base, name),
        (None, None) => (base.as_str(), lower.as_str()),
        _ => return false,
    };
    let Some(number) = name.strip_prefix(base) else { return false };
    !number.starts_with('0')
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && number.parse().is_ok_and(|number: u32| (2..=TRIES).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_have_a_number_of_their_own() {
        assert_eq!([variant("jo", 1), variant("jo", 2), variant("jo@acme.example", 3)], ["jo", "jo2", "jo3@acme.example"]);
        assert!(is_variant("jo", "JO") && is_variant("jo", "jo2") && is_variant("jo@a", "jo12@a"));
        for other in ["jo1", "jo02", "joe", "jo2x", "jo99999", "jo2@a"] {
            assert!(!is_variant("jo", other), "{other}");
        }
        assert!(!is_variant("jo@a", "jo2@b"));
    }
}
