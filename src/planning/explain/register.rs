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
    /// in small letters: what they are displayed as, what people call them, the key, what their accounts are called
    names: Box<str>,
}

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
    /// The numbers of those of whom a name or the key holds a text in small letters.
    pub fn called(&self, small: &str) -> Vec<u32> {
        self.0.iter().filter(|one| one.names.contains(small)).map(|one| one.number).collect()
    }
}

pub(super) fn register(basis: &Basis<'_>, matched: &Matched) -> NameRegister {
    let (mut person, mut names) = (Person::default(), String::new());
    let called = [basis.layout.slot("userName"), basis.layout.slot("displayName")];
    let mut all: Vec<Registered> = Vec::with_capacity(basis.people.len() as usize);
    for number in 0..basis.people.len() {
        basis.people.assemble_just(&basis.layout, number, called.into_iter().flatten(), &mut person);
        names.clear();
        write_names(basis, matched, &person, &mut names);
        all.push(Registered { number, names: names.to_lowercase().into() });
    }
    all.sort_unstable_by(|one, other| one.names.cmp(&other.names));
    NameRegister(all)
}

fn write_names(basis: &Basis<'_>, matched: &Matched, person: &Person<'_>, out: &mut String) {
    let name = person.called(&basis.layout);
    let name = name.as_deref().unwrap_or(&person.key);
    let displayed = shown(basis, person, "displayName");
    // A text that is written never fails.
    let _ = write!(out, "{}{BETWEEN}", displayed.as_deref().unwrap_or(name));
    if displayed.as_deref().is_some_and(|displayed| displayed != name) {
        let _ = write!(out, "{name}{BETWEEN}");
    }
    out.push_str(&person.key);
    for (target, row) in rows(matched, person) {
        let account = basis.account_name(target, row);
        if account.as_ref() != name {
            let _ = write!(out, "{BETWEEN}{account}");
        }
    }
}

/// Their accounts: at which target, and in which row.
fn rows(matched: &Matched, person: &Person<'_>) -> impl Iterator<Item = (usize, u32)> {
    matched.claims.iter().enumerate().filter_map(|(target, claims)| Some((target, claims.row(person.number)?)))
}

/// What a list tells of somebody.
pub(super) fn person(basis: &Basis<'_>, matched: &Matched, number: u32) -> RegisteredPerson {
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
        accounts: rows(matched, &person).map(held).collect(),
        key,
        name,
    }
}
