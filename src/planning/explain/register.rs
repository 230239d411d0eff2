//! Everybody by their names, for whoever looks for a person. What else is known of somebody is worked out of those few who are shown.
//!
//! Must never: find somebody by what is never shown.

use std::fmt::Write as _;
use std::sync::Arc;

use super::inventory::{lifecycle, shown};
use crate::planning::basis::Basis;
use crate::planning::people::person::Person;
use crate::planning::targets::claims::Matched;

/// Everybody, in the order of what they are displayed as.
#[derive(Debug, Default)]
pub struct NameRegister(Vec<Registered>);

#[derive(Debug)]
struct Registered {
    number: u32,
    /// in small letters: what they are displayed as, what people call them, the key
    names: Box<str>,
}

/// What accounts are called, in small letters, by the number of whoever has them.
#[derive(Debug, Default)]
pub struct AccountNames(Vec<(u32, Box<str>)>);

/// One person, as far as a list tells of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredPerson {
    /// the identity's key
    pub key: Arc<str>,
    /// what people call them
    pub name: Arc<str>,
    /// what they are displayed as, as far as everybody may know it
    pub displayed: Arc<str>,
    /// their title
    pub title: Option<Arc<str>>,
    /// their department
    pub department: Option<Arc<str>>,
    /// `pre-hire`, `active`, `suspended`, `leaver`; else `left out` or `not known`
    pub lifecycle: &'static str,
    /// at which Targets they have an account, and whether somebody can sign in with it
    pub accounts: Vec<(Arc<str>, bool)>,
}

/// What separates the names of one person: nobody can search for it.
const BETWEEN: char = '\n';

impl NameRegister {
    /// The numbers of all.
    pub fn everybody(&self) -> Vec<u32> {
        self.0.iter().map(|one| one.number).collect()
    }

    /// The numbers of those of whom a name, an account's or the key holds a text in small letters.
    pub fn called(&self, small: &str, accounts: &AccountNames) -> Vec<u32> {
        self.0.iter().filter(|one| one.names.contains(small) || accounts.call(one.number, small)).map(|one| one.number).collect()
    }
}

impl AccountNames {
    /// Whether an account of somebody is called so.
    fn call(&self, number: u32, small: &str) -> bool {
        let of = self.0.binary_search_by_key(&number, |(known, _)| *known).ok().and_then(|at| self.0.get(at));
        of.is_some_and(|(_, names)| names.contains(small))
    }
}

/// Of nobody is it asked which accounts are theirs: that takes longer than all of their names.
pub(super) fn register(basis: &Basis<'_>) -> NameRegister {
    let (mut person, mut names) = (Person::default(), String::new());
    let called = [basis.layout.slot("userName"), basis.layout.slot("displayName")];
    let mut all: Vec<Registered> = Vec::with_capacity(basis.people.len() as usize);
    for number in 0..basis.people.len() {
        basis.people.assemble_just(&basis.layout, number, called.into_iter().flatten(), &mut person);
        names.clear();
        write_names(basis, &person, &mut names);
        all.push(Registered { number, names: names.to_lowercase().into() });
    }
    all.sort_unstable_by(|one, other| one.names.cmp(&other.names));
    NameRegister(all)
}

fn write_names(basis: &Basis<'_>, person: &Person<'_>, out: &mut String) {
    let name = person.called(&basis.layout);
    let name = name.as_deref().unwrap_or(&person.key);
    let displayed = shown(basis, person, "displayName");
    // A text that is written never fails.
    let _ = write!(out, "{}{BETWEEN}", displayed.as_deref().unwrap_or(name));
    if displayed.as_deref().is_some_and(|displayed| displayed != name) {
        let _ = write!(out, "{name}{BETWEEN}");
    }
    out.push_str(&person.key);
}

/// What accounts are called, of whoever has one that is called otherwise than they are.
pub(super) fn account_names(basis: &Basis<'_>, matched: &Matched) -> AccountNames {
    let (mut person, mut names) = (Person::default(), String::new());
    let called = [basis.layout.slot("userName"), basis.layout.slot("displayName")];
    let mut all = Vec::new();
    for number in 0..basis.people.len() {
        basis.people.assemble_just(&basis.layout, number, called.into_iter().flatten(), &mut person);
        let name = person.called(&basis.layout);
        let name = name.as_deref().unwrap_or(&person.key);
        names.clear();
        for (target, claims) in matched.claims.iter().enumerate() {
            let account = claims.row(number).map(|row| basis.account_name(target, row));
            if let Some(account) = account.filter(|account| account.as_ref() != name) {
                // A text that is written never fails.
                let _ = write!(names, "{account}{BETWEEN}");
            }
        }
        if !names.is_empty() {
            all.push((number, names.to_lowercase().into()));
        }
    }
    AccountNames(all)
}

/// What a list tells of somebody.
pub(super) fn person(basis: &Basis<'_>, number: u32, account: impl Fn(usize, &Person<'_>) -> Option<u32>) -> RegisteredPerson {
    let mut person = Person::default();
    basis.people.assemble(&basis.layout, number, &mut person);
    let key: Arc<str> = person.key.as_str().into();
    let name = person.called(&basis.layout).unwrap_or_else(|| key.clone());
    let held = |(target, row): (usize, u32)| (basis.policy.targets[target].name.clone(), basis.observed[target].accounts().active(row));
    RegisteredPerson {
        displayed: shown(basis, &person, "displayName").unwrap_or_else(|| name.clone()),
        title: shown(basis, &person, "title"),
        department: shown(basis, &person, "department"),
        lifecycle: lifecycle(&person),
        accounts: (0..basis.policy.targets.len()).filter_map(|target| Some((target, account(target, &person)?))).map(held).collect(),
        key,
        name,
    }
}
