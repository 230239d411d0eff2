//! What stands at one target and is declared nowhere, with the people behind it: what manifests are made from.
//!
//! Must never: name what may be somebody's, or hand on a secret or a personal attribute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::{Lifecycle, fold};
use crate::model::{Evidence, Value, ValueState, Visibility, attribute};
use crate::planning::basis::Basis;
use crate::planning::groups::resolve;
use crate::planning::people::person::Person;
use crate::planning::question::{Moment, Scope};
use crate::planning::report::unclaimed::{account, is_foreign, is_nobodys};
use crate::planning::schema::layout::Slot;
use crate::planning::targets::claims::Matched;
use crate::planning::targets::matched::match_accounts;
use crate::policy::Policy;
use crate::world::{MemberRow, World};

/// What stands at one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Existing {
    /// all its accounts, groups, memberships and entitlements of accounts
    pub counts: [u64; 4],
    /// everybody who is known
    pub people: Vec<ExistingPerson>,
    /// accounts that are nobody's
    pub accounts: Vec<ExistingAccount>,
    /// groups that no Group declares
    pub groups: Vec<ExistingGroup>,
    /// groups that one declares
    pub declared_groups: usize,
    /// entitlements that no Entitlement declares: the name at the target, and who has it
    pub entitlements: Vec<(Arc<str>, Vec<ExistingMember>)>,
    /// entitlements that one declares
    pub declared_entitlements: usize,
    /// what was not read to its end
    pub unread: Vec<String>,
}

/// Somebody who is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistingPerson {
    /// `hr/10023`, `user/build-bot`
    pub key: Arc<str>,
    /// what people call them
    pub name: Arc<str>,
    /// where they stand, if that is known
    pub lifecycle: Option<Lifecycle>,
    /// they have an account at the target
    pub here: bool,
    /// their attributes that others may see: texts and whole numbers
    pub attributes: BTreeMap<Arc<str>, Value>,
}

/// An account that is nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistingAccount {
    /// at the target
    pub id: Arc<str>,
    /// what it is called there
    pub name: Arc<str>,
    /// somebody can sign in with it
    pub active: bool,
    /// it may become somebody's: neither protected nor another program's
    pub free: bool,
    /// the attributes of a person that would have it just so
    pub attributes: BTreeMap<Arc<str>, Arc<str>>,
}

/// A group that no manifest declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingGroup {
    /// at the target
    pub id: Arc<str>,
    /// its displayName
    pub name: Arc<str>,
    /// it has no name of its own there, and `name` is its id
    pub unnamed: bool,
    /// another program says by its mark that it has it
    pub foreign: bool,
    /// who is in it
    pub members: Vec<ExistingMember>,
}

/// Who is in a group, or has an entitlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExistingMember {
    /// of [`Existing::people`]
    Person(usize),
    /// of [`Existing::accounts`]
    Account(usize),
    /// of [`Existing::groups`]
    Group(usize),
    /// something that is not known well enough
    Unknown,
}

/// What stands at the target at this position.
pub fn existing(policy: &Policy, world: &World, moment: Moment, target: usize) -> Existing {
    let basis = Basis::new(policy, world, &[], moment);
    let (matched, _) = match_accounts(&basis, Scope::All);
    let mut found = Existing { unread: unread(&basis, target), ..Existing::default() };
    if !found.unread.is_empty() {
        return found;
    }
    let rows = accounts(&basis, &matched, target, &mut found);
    let (resolved, _) = resolve(&basis, &matched);
    let Some(settled) = resolved.get(target) else { return found };
    let observed = &basis.observed[target];
    let declared = |row: u32| settled.holder(row).is_some() || settled.is_contested(row) || basis.former_group_key(target, row).is_some();
    let open: Vec<u32> = (0..observed.groups().len()).filter(|row| !declared(*row)).collect();
    found.declared_groups = observed.groups().len() as usize - open.len();
    let numbers: BTreeMap<u32, usize> = open.iter().enumerate().map(|(number, row)| (*row, number)).collect();
    for row in &open {
        let member = |member| match member {
            MemberRow::Account(row) => rows.get(&row).copied().unwrap_or(ExistingMember::Unknown),
            MemberRow::Group(row) => numbers.get(&row).map_or(ExistingMember::Unknown, |number| ExistingMember::Group(*number)),
        };
        let members: BTreeSet<ExistingMember> = observed.members(*row).into_iter().map(member).collect();
        let there = basis.group(target, *row, &Arc::from(""));
        let foreign = is_foreign(observed.groups().carries(*row));
        let unnamed = observed.groups().cell_of(*row, "displayName").as_text().is_none_or(|name| fold(name).is_empty());
        found.groups.push(ExistingGroup {
            id: there.id.unwrap_or_default(),
            name: there.name,
            unnamed,
            foreign,
            members: members.into_iter().collect(),
        });
    }
    entitlements(&basis, target, &rows, &mut found);
    let counts = &mut found.counts;
    *counts = [
        u64::from(observed.accounts().len()),
        u64::from(observed.groups().len()),
        observed.pairs().count() as u64,
        observed.grants().count() as u64,
    ];
    found
}

/// Why nothing can be said of it: a list that is not whole would be written down as if it were.
fn unread(basis: &Basis<'_>, target: usize) -> Vec<String> {
    let side = basis.observed[target].side;
    let mut streams = vec![("accounts", &side.accounts.evidence)];
    if side.wants_groups() {
        streams.extend([("groups", &side.groups.evidence), ("memberships", &side.memberships.evidence)]);
    }
    if side.wants_entitlements() {
        streams.push(("entitlements", &side.entitlements.evidence));
    }
    let words = |(what, evidence): (&str, &Evidence)| match evidence {
        Evidence::Partial { reason } | Evidence::Unreadable { reason } => Some(format!("its {what} were not read to the end: {reason}")),
        _ => None,
    };
    let mut said: Vec<String> = streams.into_iter().filter_map(words).collect();
    let sources = basis.policy.sources.iter().zip(&basis.world.trust);
    said.extend(
        sources
            .filter(|(_, trust)| !trust.evidence.proves_absence())
            .map(|(source, _)| format!("the Source {} was not read to its end, so who is nobody's can't be told", source.name)),
    );
    said
}

/// Whose each account is.
fn accounts(basis: &Basis<'_>, matched: &Matched, target: usize, found: &mut Existing) -> BTreeMap<u32, ExistingMember> {
    let mut rows = BTreeMap::new();
    let accounts = basis.observed[target].accounts();
    let mut person = Person::default();
    for identity in 0..basis.people.len() {
        basis.people.assemble(&basis.layout, identity, &mut person);
        found.people.push(somebody(basis, &person));
    }
    for row in 0..accounts.len() {
        if let Some(identity) = matched.claims[target].holder(row) {
            rows.insert(row, ExistingMember::Person(identity as usize));
            if let Some(somebody) = found.people.get_mut(identity as usize) {
                somebody.here = true;
            }
        } else if is_nobodys(basis, matched, target, row) {
            let there = account(basis, target, row);
            rows.insert(row, ExistingMember::Account(found.accounts.len()));
            let attributes = attributes_of(basis, target, row);
            let active = there.active.unwrap_or(false);
            found.accounts.push(ExistingAccount { id: there.id, name: there.name, active, free: there.adopt.is_some(), attributes });
        }
    }
    rows
}

fn somebody(basis: &Basis<'_>, person: &Person<'_>) -> ExistingPerson {
    let shown = |name: &str| {
        let public = attribute(name).is_some_and(|known| known.visibility == Visibility::Public) || name.starts_with("custom.");
        public && !basis.policy.is_sensitive(name)
    };
    let of = |(slot, layout): (usize, &Slot)| {
        let ValueState::Set(value) = person.slots.get(slot)?.state() else { return None };
        matches!(value, Value::Text(_) | Value::Int(_)).then(|| (layout.name.clone(), value))
    };
    let attributes = basis.layout.slots.iter().enumerate().filter(|(_, slot)| shown(&slot.name)).filter_map(of).collect();
    ExistingPerson {
        key: Arc::from(person.key.as_str()),
        name: person.called(&basis.layout).unwrap_or_else(|| Arc::from(person.key.as_str())),
        lifecycle: person.standing.lifecycle(),
        here: false,
        attributes,
    }
}

/// What a person must have so that the mapping comes to what is there; only where it takes an attribute word for word.
fn attributes_of(basis: &Basis<'_>, target: usize, row: u32) -> BTreeMap<Arc<str>, Arc<str>> {
    let accounts = basis.observed[target].accounts();
    let bare = basis.layout.targets[target].attributes.iter().filter_map(|known| Some((known, basis.layout.slots.get(known.bare?)?)));
    let public = |name: &str| attribute(name).is_some_and(|known| known.visibility == Visibility::Public);
    bare.filter(|(known, slot)| public(&known.name) && public(&slot.name))
        .filter_map(|(known, slot)| {
            let text = accounts.cell(row, known.column).as_text().filter(|text| !text.is_empty())?;
            Some((slot.name.clone(), Arc::from(text)))
        })
        .collect()
}

fn entitlements(basis: &Basis<'_>, target: usize, rows: &BTreeMap<u32, ExistingMember>, found: &mut Existing) {
    let observed = &basis.observed[target];
    let declared: BTreeSet<&str> =
        basis.policy.entitlements.iter().filter(|known| known.target == target).map(|known| known.name.as_ref()).collect();
    for (name, number) in observed.side.entitlements.names() {
        if declared.contains(name.as_ref()) {
            found.declared_entitlements += 1;
            continue;
        }
        let holders: BTreeSet<ExistingMember> = observed
            .grants()
            .filter(|grant| grant.name == number)
            .map(|grant| rows.get(&grant.account).copied().unwrap_or(ExistingMember::Unknown))
            .collect();
        found.entitlements.push((name.clone(), holders.into_iter().collect()));
    }
}
