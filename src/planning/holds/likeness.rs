//! What people are told apart by: the words of their names, their addresses, the names they sign in with.
//!
//! Must never: take a marriage, another spelling or another domain for another person.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::expr::{Input, plain};
use crate::model::{Cell, Value};
use crate::planning::people::person::Person;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::Reads as _;
use crate::planning::targets::observed::ObjectView;
use crate::world::{canonical, kind_of};

/// Where people's names stand.
pub(in crate::planning) const NAMES: [&str; 4] = ["name.givenName", "name.familyName", "name.formatted", "displayName"];
/// Where they are written to, and what they sign in with.
pub(in crate::planning) const ADDRESS: &str = "emails";
pub(in crate::planning) const LOGIN: &str = "userName";

/// What somebody is told apart by, as a record or an account has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::planning) struct Likeness {
    /// the words of the name, folded
    pub(in crate::planning) words: BTreeSet<String>,
    pub(in crate::planning) addresses: BTreeSet<String>,
    pub(in crate::planning) login: Option<String>,
    /// for people to read
    pub(in crate::planning) shown: String,
}

/// How two are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Alike {
    /// one person, or nothing that says otherwise
    Perhaps,
    /// by name and address it is somebody else
    No,
    /// no name is known, and the sign-in name and the address are others
    ByLoginOnly,
}

impl Likeness {
    /// Of an identity whose slots are filled.
    pub(in crate::planning) fn of_person(layout: &Layout<'_>, person: &Person) -> Self {
        let read = |name: &str, found: &mut Vec<String>| {
            let Some(input) = layout.slot(name).and_then(|slot| person.input(slot)) else { return };
            found.extend(texts(name, input));
        };
        Self::new(read)
    }

    /// Of an account.
    pub(in crate::planning) fn of_account(accounts: ObjectView<'_>, row: u32) -> Self {
        Self::of_cells(|name| accounts.cell_of(row, name))
    }

    /// The same by its cells.
    pub(in crate::planning) fn of_cells<'c>(cell: impl Fn(&str) -> Cell<'c>) -> Self {
        Self::new(|name, found| {
            let cell = cell(name);
            if !canonical::is_nothing(cell) {
                found.extend(texts(name, Input::Cell(cell)));
            }
        })
    }

    fn new(read: impl Fn(&str, &mut Vec<String>)) -> Self {
        let all = |name: &str| {
            let mut found = Vec::new();
            read(name, &mut found);
            found
        };
        let names: Vec<Vec<String>> = NAMES.iter().map(|name| all(name)).collect();
        let login = all(LOGIN).into_iter().next();
        let full = names.iter().take(2).flatten().cloned().collect::<Vec<_>>().join(" ");
        let shown = [full].into_iter().chain(names.iter().skip(2).flatten().cloned()).chain(login.clone());
        Self {
            shown: shown.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
            words: names.iter().flatten().flat_map(|name| words(name)).collect(),
            addresses: all(ADDRESS).iter().map(|address| address.to_lowercase()).collect(),
            login,
        }
    }

    /// Whether a record can be that of the person who has an account.
    pub(in crate::planning) fn with(&self, account: &Self) -> Alike {
        let other_address = match (self.addresses.is_empty(), account.addresses.is_empty()) {
            (false, false) => Some(self.addresses.is_disjoint(&account.addresses) && self.locals().is_disjoint(&account.locals())),
            _ => None,
        };
        let other_login = self.login.as_deref().zip(account.login.as_deref()).map(|(one, other)| words(one).is_disjoint(&words(other)));
        if self.words.is_empty() || account.words.is_empty() {
            let other = other_login == Some(true) && other_address != Some(false);
            return if other { Alike::ByLoginOnly } else { Alike::Perhaps };
        }
        let other = self.words.is_disjoint(&account.words) && other_address.or(other_login).unwrap_or(true);
        if other { Alike::No } else { Alike::Perhaps }
    }

    /// Whether a manifest means this one by a name.
    pub(in crate::planning) fn is_called(&self, name: &str) -> bool {
        let named = words(name);
        !named.is_empty() && named == words(&self.shown)
    }

    fn locals(&self) -> BTreeSet<&str> {
        self.addresses.iter().filter_map(|address| address.split_once('@')).map(|(local, _)| local).collect()
    }
}

/// The words of a name, without accents and case.
pub(in crate::planning) fn words(name: &str) -> BTreeSet<String> {
    let folded = plain(name).to_lowercase();
    folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn texts(name: &str, input: Input<'_>) -> Vec<String> {
    if name == ADDRESS {
        let keys = canonical::keys(kind_of(name), input);
        return keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect();
    }
    let value = match input {
        Input::Value(value) => Some(value.clone()),
        Input::Json(json) => Value::from_json(json),
        Input::Cell(Cell::Missing | Cell::Null) => None,
        Input::Cell(cell) => cell.to_value(),
    };
    let texts: Vec<Arc<str>> = value.as_ref().map(crate::planning::question::texts).unwrap_or_default();
    texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(name: &str, address: &str, login: &str) -> Likeness {
        Likeness::new(|attribute, found| {
            let text = match attribute {
                "displayName" => name,
                "emails" => address,
                "userName" => login,
                _ => "",
            };
            found.extend((!text.is_empty()).then(|| text.to_owned()));
        })
    }

    #[test]
    fn another_person_has_another_name_and_another_address() {
        let dina = likeness("Dina Dolan", "dina.dolan@acme.example", "ddolan");
        let with = |name: &str, address: &str, login: &str| likeness(name, address, login).with(&dina);
        assert_eq!(with("Ivo Ilves", "ivo.ilves@acme.example", "iilves"), Alike::No);
        // A marriage, the names the wrong way round, other letters, another domain, a new address alone.
        assert_eq!(with("Dina Ilves", "dina.ilves@acme.example", "dilves"), Alike::Perhaps);
        assert_eq!(with("DOLAN, Dína", "x@acme.example", "x"), Alike::Perhaps);
        assert_eq!(with("Дина Долан", "dina.dolan@new.example", "x"), Alike::Perhaps);
        assert_eq!(with("Dina Dolan", "x@acme.example", "x"), Alike::Perhaps);
        // Where nobody knows the address the sign-in name stands for it.
        assert_eq!(with("Ivo Ilves", "", "iilves"), Alike::No);
        assert_eq!(with("Ivo Ilves", "", "ddolan"), Alike::Perhaps);
        assert_eq!(with("", "ivo@acme.example", "iilves"), Alike::ByLoginOnly);
        assert_eq!(with("", "", ""), Alike::Perhaps);
        assert!(dina.is_called("dolan dina") && !dina.is_called("Dina") && !dina.is_called(""));
    }
}
