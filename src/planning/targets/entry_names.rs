//! What accounts are called where they are entries of a directory, and where they stand: now, and once a change is done.
//!
//! Must never: take two names for one that a directory tells apart.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{CONTAINER, EntryNames, ObjectKind, RDN, Value, dn};
use crate::planning::basis::Basis;
use crate::planning::draft::Draft;
use crate::world::canonical;

/// Where an entry stands, below the base of all, and what it is called there.
#[derive(Clone, Debug)]
pub(in crate::planning) struct EntryPlace {
    pub(in crate::planning) container: String,
    pub(in crate::planning) rdn: String,
}

/// An entry that gets a name, or another one.
pub(in crate::planning) struct Going {
    /// none: it is made
    pub(in crate::planning) now: Option<EntryPlace>,
    pub(in crate::planning) after: EntryPlace,
    /// the name follows the login where it can, and else stays: where it stands then
    pub(in crate::planning) or_else: Option<EntryPlace>,
}

impl EntryPlace {
    /// The whole name, below a base.
    pub(in crate::planning) fn name(&self, base: &str) -> String {
        dn::below(&self.rdn, &if self.container.is_empty() { base.to_owned() } else { dn::below(&self.container, base) })
    }

    /// A form that two have exactly if directories take their names for one.
    pub(in crate::planning) fn normal(&self) -> String {
        dn::normal(&dn::below(&self.rdn, &self.container))
    }
}

/// Where an account stands; nothing where its target has no such places, or does not look there.
pub(in crate::planning) fn now(basis: &Basis<'_>, target: usize, row: u32) -> Option<EntryPlace> {
    let observed = &basis.observed[target];
    let names = observed.side.capabilities.entry_names.as_ref()?;
    let accounts = observed.accounts();
    let text = |name: &str| canonical::text(accounts.cell_of(row, name));
    let called = Some(text(RDN)).filter(|rdn| !rdn.is_empty()).map(Cow::into_owned);
    let rdn = called.or_else(|| Some(text(&names.attribute)).filter(|name| !name.is_empty()).map(|name| dn::rdn(&names.own, &name)));
    rdn.filter(|_| !accounts.is_elsewhere(row)).map(|rdn| EntryPlace { container: text(CONTAINER).into_owned(), rdn })
}

/// What a change makes of an entry's name and place; nothing where it leaves both.
pub(in crate::planning) fn going(basis: &Basis<'_>, draft: &Draft) -> Option<Going> {
    let (observed, change) = (&basis.observed[draft.target], &draft.change);
    let names = observed.side.capabilities.entry_names.as_ref().filter(|_| change.object.kind == ObjectKind::Account)?;
    let container = after(draft, CONTAINER).map(Option::unwrap_or_default);
    let Some(id) = &change.object.id else {
        let rdn = dn::rdn(&names.own, after(draft, &names.attribute)??);
        let after = EntryPlace { container: container.unwrap_or_default().to_owned(), rdn };
        return Some(Going { now: None, after, or_else: None });
    };
    let row = observed.accounts().find_id(id)?;
    let now = now(basis, draft.target, row)?;
    let container = container.map_or_else(|| now.container.clone(), str::to_owned);
    let place = |rdn: String| EntryPlace { container: container.clone(), rdn };
    let (after, or_else) = match after(draft, RDN).flatten() {
        Some(rdn) => (place(rdn.to_owned()), None),
        None => match named(names, &now, draft) {
            Some(rdn) => (place(rdn), None),
            None => match followed(basis, names, (&now, row), draft) {
                Some(rdn) => (place(rdn), Some(place(now.rdn.clone()))),
                None => (place(now.rdn.clone()), None),
            },
        },
    };
    (after.normal() != now.normal()).then_some(Going { now: Some(now), after, or_else })
}

/// The attributes of ours that make up what an entry is called.
pub(in crate::planning) fn named_by<'n>(names: &'n EntryNames, place: &EntryPlace) -> Vec<&'n Arc<str>> {
    let parts = dn::makes_up(&place.rdn);
    parts.iter().filter_map(|(own, _)| names.attributes.get(&own.to_lowercase())).collect()
}

/// The name with the values that its attributes are to have; nothing where none of them changes.
fn named(names: &EntryNames, now: &EntryPlace, draft: &Draft) -> Option<String> {
    let given = |own: &str| after(draft, names.attributes.get(&own.to_lowercase())?).flatten();
    let parts = dn::makes_up(&now.rdn);
    let changes = parts.iter().any(|(own, _)| given(own).is_some());
    changes.then(|| dn::made_of(parts.iter().map(|(own, value)| (*own, given(own).unwrap_or(value)))))
}

/// An entry that no attribute of ours names, and that is called like its account, goes on being called so.
fn followed(basis: &Basis<'_>, names: &EntryNames, (now, row): (&EntryPlace, u32), draft: &Draft) -> Option<String> {
    let (parts, called) = (dn::makes_up(&now.rdn), after(draft, &names.attribute)??);
    let [(own, value)] = parts.as_slice() else { return None };
    let login = canonical::text(basis.observed[draft.target].accounts().cell_of(row, &names.attribute));
    let follows = own.eq_ignore_ascii_case(&names.own)
        && !names.attributes.contains_key(&own.to_lowercase())
        && login.to_lowercase() == value.to_lowercase();
    follows.then(|| dn::rdn(own, called))
}

/// The text that a change gives an attribute; nothing where it leaves it alone.
fn after<'d>(draft: &'d Draft, attribute: &str) -> Option<Option<&'d str>> {
    let one = draft.change.attributes.iter().find(|one| one.attribute.as_ref() == attribute)?;
    Some(one.after.as_ref().and_then(Value::as_text))
}
