//! Unique names: the first free of jsmith, jsmith2, jsmith3, within so many letters as fit; an account keeps the name it has.
//!
//! Must never: give out a name that an account or an earlier identity of this plan has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::expr::Input;
use crate::model::{AttributeType, Value, ValueState};
use crate::planning::accounts::reserved;
use crate::planning::basis::Basis;
use crate::planning::people::person::Person;
use crate::planning::question::LookupBy;
use crate::planning::schema::layout::USER_NAME;
use crate::planning::schema::values::Held;
use crate::planning::schema::variant::variant;
use crate::planning::targets::claims::Claims;
use crate::planning::targets::eligibility::{Serve, serve};
use crate::world::{canonical, kind_of};

/// Names given out in this plan: by target, attribute and canonical value, to whom.
pub(in crate::planning) struct TakenNames {
    taken: BTreeMap<(usize, Arc<str>, Vec<u8>), u32>,
    /// targets that take user names for one that differ in accents alone
    accentless: BTreeSet<usize>,
}

/// What came of the search for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Choice {
    /// this one
    Name(Arc<str>),
    /// all are taken
    NoneFree,
    /// whether this one is free was not answered
    Unanswered(usize, Arc<str>, Arc<str>),
}

/// What variants are made of.
#[derive(Clone, Copy)]
pub(in crate::planning) struct Base<'b> {
    pub(in crate::planning) text: &'b str,
    /// at most so many letters
    pub(in crate::planning) most: Option<usize>,
}

/// How many are tried.
const TRIES: u32 = 1000;
/// As many as the number of the last has.
const MOST_DIGITS: usize = 4;

impl TakenNames {
    /// None yet.
    pub(in crate::planning) fn none(basis: &Basis<'_>) -> Self {
        let accentless = |target: &usize| basis.observed[*target].side.capabilities.accentless_names;
        Self { taken: BTreeMap::new(), accentless: (0..basis.observed.len()).filter(accentless).collect() }
    }

    fn key(&self, (target, attribute): (usize, &Arc<str>), value: &str) -> (usize, Arc<str>, Vec<u8>) {
        let alike = attribute.as_ref() == USER_NAME && self.accentless.contains(&target);
        let kind = if alike { AttributeType::AccentlessText } else { kind_of(attribute) };
        (target, attribute.clone(), canonical::bytes(kind, Input::Value(&Value::text(value))))
    }

    /// Whether a value is free for an identity at a target: nobody else's account has it, nobody got it in this plan, and it is not kept
    /// free after somebody left.
    pub(in crate::planning) fn is_free(
        &self,
        basis: &Basis<'_>,
        claims: &[Claims],
        at: (usize, &Arc<str>),
        value: &str,
        identity: u32,
    ) -> bool {
        holders(basis, claims, at, value, identity).is_empty()
            && !self.is_given(at, value, identity)
            && reserved::holder(basis, at, value, identity).is_none()
    }

    /// Whether somebody else gets a value in this plan.
    pub(in crate::planning) fn is_given(&self, (target, attribute): (usize, &Arc<str>), value: &str, identity: u32) -> bool {
        self.receiver((target, attribute), value).is_some_and(|holder| holder != identity)
    }

    /// Remembers that an identity gets a value.
    pub(in crate::planning) fn take(&mut self, target: usize, attribute: &Arc<str>, value: &str, identity: u32) {
        let key = self.key((target, attribute), value);
        self.taken.entry(key).or_insert(identity);
    }

    /// To whom a value was given in this plan.
    pub(in crate::planning) fn receiver(&self, at: (usize, &Arc<str>), value: &str) -> Option<u32> {
        self.taken.get(&self.key(at, value)).copied()
    }

    /// The first free variant of a name, at all these targets.
    pub(in crate::planning) fn choose(
        &self,
        basis: &Basis<'_>,
        claims: &[Claims],
        at: &[(usize, &Arc<str>)],
        base: Base<'_>,
        identity: u32,
    ) -> Choice {
        for name in (1..=TRIES).map_while(|number| variant(base.text, number, base.most)) {
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
pub(in crate::planning) fn holders(basis: &Basis<'_>, claims: &[Claims], at: (usize, &Arc<str>), value: &str, identity: u32) -> Vec<u32> {
    let (target, attribute) = at;
    let own = claims[target].row(identity);
    let keys = canonical::keys(kind_of(attribute), Input::Value(&Value::text(value)));
    let accounts = basis.observed[target].accounts();
    let mut found: Vec<u32> = keys.iter().flat_map(|key| accounts.find_by(attribute, key)).collect();
    if attribute.as_ref() == USER_NAME {
        found.extend(accounts.called_alike(value));
        found.sort_unstable();
        found.dedup();
    }
    found.retain(|row| Some(*row) != own);
    found
}

/// Puts the names that an identity's account at one target keeps or gets into its unique slots. Says what could not be chosen.
pub(in crate::planning) fn settle(
    basis: &Basis<'_>,
    claims: &[Claims],
    names: &TakenNames,
    target: usize,
    person: &mut Person,
) -> Vec<(usize, Choice)> {
    let mut open = Vec::new();
    for slot in person.unique.clone() {
        let Some(base) = person.text(slot) else { continue };
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
pub(in crate::planning) fn kept(
    basis: &Basis<'_>,
    claims: &[Claims],
    target: usize,
    identity: u32,
    slot: usize,
    base: &str,
) -> Option<Arc<str>> {
    let name = &basis.layout.slots[slot].name;
    let attribute = basis.layout.targets[target].attributes.iter().find(|attribute| attribute.name == *name)?;
    attribute.bare.filter(|bare| *bare == slot)?;
    kept_value(basis, claims, target, identity, attribute.column, Base { text: base, most: basis.layout.slots[slot].most })
}

/// The observed value of a column, where it is a variant of a base.
pub(in crate::planning) fn kept_value(
    basis: &Basis<'_>,
    claims: &[Claims],
    target: usize,
    identity: u32,
    column: usize,
    base: Base<'_>,
) -> Option<Arc<str>> {
    let row = claims[target].row(identity)?;
    let observed = basis.observed[target].accounts().cell(row, column).as_text()?;
    is_variant(base, observed).then(|| Arc::from(observed))
}

/// Chooses a name for everywhere: the one that another target's account has, if it is free here too, else the first free.
fn choose(basis: &Basis<'_>, claims: &[Claims], names: &TakenNames, person: &Person, slot: usize, base: &str) -> Choice {
    let places = places(basis, claims, person, slot);
    let targets = 0..basis.policy.targets.len();
    let elsewhere = targets.filter_map(|target| kept(basis, claims, target, person.number, slot, base));
    for name in elsewhere {
        if places.iter().all(|place| names.is_free(basis, claims, *place, &name, person.number)) {
            return Choice::Name(name);
        }
    }
    names.choose(basis, claims, &places, Base { text: base, most: basis.layout.slots[slot].most }, person.number)
}

/// Targets where the name is still to be chosen: they serve the identity and take the slot as it is.
fn places<'b>(basis: &'b Basis<'_>, claims: &[Claims], person: &Person, slot: usize) -> Vec<(usize, &'b Arc<str>)> {
    let name = &basis.layout.slots[slot].name;
    let base = person.text(slot).unwrap_or_default();
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

/// Whether a name is the base or one of its variants, without case.
fn is_variant(base: Base<'_>, name: &str) -> bool {
    if name == base.text && base.most.is_none_or(|most| name.chars().count() <= most) {
        return true;
    }
    let name = name.to_lowercase();
    let is = |number| variant(base.text, number, base.most).is_some_and(|variant| variant.to_lowercase() == name);
    if is(1) {
        return true;
    }
    let local = name.split_once('@').map_or(name.as_str(), |(local, _)| local);
    let digits = local.bytes().rev().take_while(u8::is_ascii_digit).take(MOST_DIGITS).count();
    let numbers = (1..=digits).filter_map(|many| local.get(local.len() - many..)).filter(|number| !number.starts_with('0'));
    numbers.filter_map(|number| number.parse().ok()).any(|number: u32| (2..=TRIES).contains(&number) && is(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_one(text: &str, most: Option<usize>, name: &str) -> bool {
        is_variant(Base { text, most }, name)
    }

    #[test]
    fn variants_have_a_number_of_their_own() {
        let made = |base, number| variant(base, number, None).unwrap_or_default();
        assert_eq!([made("jo", 1), made("jo", 2), made("jo@acme.example", 3)], ["jo", "jo2", "jo3@acme.example"]);
        for name in ["JO", "jo2", "jo1000"] {
            assert!(is_one("jo", None, name), "{name}");
        }
        assert!(is_one("jo@a", None, "jo12@a") && is_one("jo1", None, "jo12") && is_one("jo12", None, "jo12"));
        for other in ["jo1", "jo02", "joe", "jo2x", "jo99999", "jo1001", "jo2@a"] {
            assert!(!is_one("jo", None, other), "{other}");
        }
        assert!(!is_one("jo@a", None, "jo2@b"));
    }

    #[test]
    fn the_number_takes_the_place_of_the_last_letters() {
        let made = |base, number| variant(base, number, Some(10)).unwrap_or_default();
        assert_eq!(
            [made("jörg.oberholzer", 1), made("jörg.oberholzer", 2), made("jörg.oberholzer", 12)],
            ["jörg.oberh", "jörg.ober2", "jörg.obe12"]
        );
        assert_eq!([made("maximilian.o", 1), made("max.m", 7), made("maria-annex@ex", 2)], ["maximilian", "max.m7", "maria2@ex"]);
        assert_eq!(made("josefine-a@ex", 1), "josefin@ex");
        assert_eq!([variant("jo@acme.example", 1, Some(10)), variant("jo", 100, Some(3))], [None, None], "no letter is left");
        assert!(is_one("jörg.oberholzer", Some(10), "JÖRG.OBER2") && is_one("jörg.oberholzer", Some(10), "jörg.oberh"));
        for other in ["jörg.oberholzer", "jörg.oberh2", "jörg.obe2"] {
            assert!(!is_one("jörg.oberholzer", Some(10), other), "{other}");
        }
    }
}
