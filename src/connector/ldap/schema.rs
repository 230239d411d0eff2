//! Which attributes the server's schema has (RFC 4512, 4.2): a misspelt one is told once, before anything is read, and not for each person.
//!
//! Must never: refuse an attribute because the schema was not shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::dialect::Active;
use super::directory::Directory;
use super::filter::Filter;
use super::layout::{Layout, Objects};
use super::message::{Entry, Scope};
use crate::diagnostic::did_you_mean;
use crate::manifest::connection::LdapDialect;
use crate::model::{SystemError, ValueLimit};

/// Names of attributes, as the server spells them.
#[derive(Debug)]
pub(super) struct Schema(BTreeSet<String>);

impl Schema {
    /// What the entry of the schema shows; nothing where it shows none.
    pub(super) fn read(entry: &Entry) -> Option<Self> {
        let mut names = BTreeSet::new();
        for value in entry.values("attributeTypes") {
            names_of(&String::from_utf8_lossy(value), &mut names);
        }
        (!names.is_empty()).then_some(Self(names))
    }

    fn knows(&self, attribute: &str) -> bool {
        let bare = attribute.split(';').next().unwrap_or_default();
        self.0.iter().any(|known| known.eq_ignore_ascii_case(bare))
    }

    fn must_know(&self, field: &str, attribute: &str) -> Result<(), SystemError> {
        if self.knows(attribute) {
            return Ok(());
        }
        let near = did_you_mean(attribute, self.0.iter().map(String::as_str)).map(|near| format!("; {near}")).unwrap_or_default();
        Err(SystemError::Rejected(format!("connection.ldap.{field}: the directory's schema has no attribute `{attribute}`{near}")))
    }
}

impl Directory {
    /// Holds what a layout names to the schema.
    pub(super) async fn fits(&self, layout: &Layout) -> Result<(), SystemError> {
        let Some(schema) = self.schema().await else { return Ok(()) };
        let objects = |field: &str, objects: &Objects| {
            objects.attributes.iter().try_for_each(|(name, own)| schema.must_know(&format!("{field}.attributes.{name}"), own))?;
            objects.numbers.keys().try_for_each(|own| schema.must_know(&format!("{field}.numbers"), own))?;
            schema.must_know(&format!("{field}.rdn"), &objects.rdn)
        };
        objects("users", &layout.users)?;
        if let Some(groups) = &layout.groups {
            objects("groups", &groups.objects)?;
            schema.must_know("groups.member", &groups.member)?;
        }
        match &layout.active {
            Active::Own(own) => schema.must_know("users.active.attribute", &own.attribute),
            _ => Ok(()),
        }
    }

    /// Whether the server has what an account is deactivated by; OpenLDAP has it with the overlay ppolicy alone.
    pub(super) async fn can_lock(&self, active: &Active) -> bool {
        match (self.schema().await, active) {
            (Some(schema), Active::LockedTime) => schema.knows("pwdAccountLockedTime"),
            _ => true,
        }
    }
}

/// Syntaxes of numbers, whose range is none of letters.
const NUMBERS: [&str; 3] = ["2", "10", "65"];
/// Attributes that are asked for at once.
const ASKED: usize = 50;

impl Directory {
    /// Most letters of attributes, by their names in small letters: Active Directory keeps to what its schema says. What others say behind a syntax (`{256}`,
    /// RFC 4512) is the least that a server must take, and no limit.
    pub(super) async fn longest(&self, layout: &Layout) -> BTreeMap<String, usize> {
        let Some(definitions) = self.definitions().filter(|_| layout.dialect == LdapDialect::ActiveDirectory) else {
            return BTreeMap::new();
        };
        let groups = layout.groups.iter().flat_map(|groups| groups.objects.attributes.values());
        let names: Vec<&String> = layout.users.attributes.values().chain(groups).collect();
        let wanted = ["lDAPDisplayName", "rangeUpper", "oMSyntax"].map(str::to_owned);
        let mut longest = BTreeMap::new();
        for names in names.chunks(ASKED) {
            let named: Vec<Filter> = names.iter().map(|name| Filter::equal("lDAPDisplayName", name.as_bytes())).collect();
            let filter = Filter::and(&[Filter::equal("objectClass", b"attributeSchema"), Filter::or(&named)]);
            // Whoever may not look is told by the server what is too long.
            let found = self.find(definitions, Scope::Subtree, &filter, &wanted).await.unwrap_or_default();
            longest.extend(found.iter().filter_map(|entry| {
                let letters = entry.text("oMSyntax").is_none_or(|syntax| !NUMBERS.contains(&syntax));
                let most = entry.text("rangeUpper").filter(|_| letters)?.parse::<usize>().ok().filter(|most| *most > 0)?;
                Some((entry.text("lDAPDisplayName")?.to_lowercase(), most))
            }));
        }
        longest
    }
}

/// What attributes of entries can't hold, by headcount's names.
pub(super) fn bounded(objects: &Objects, longest: &BTreeMap<String, usize>, limits: &mut BTreeMap<Arc<str>, ValueLimit>) {
    for (name, own) in &objects.attributes {
        if let Some(most) = longest.get(&own.to_lowercase()) {
            let limit = limits.entry(name.clone()).or_default();
            limit.letters = Some(limit.letters.map_or(*most, |known| known.min(*most)));
        }
    }
}

/// Number and names of `( 2.5.4.4 NAME ( 'sn' 'surname' ) …`.
fn names_of(definition: &str, names: &mut BTreeSet<String>) {
    let mut words = definition.trim_start_matches(['(', ' ']).split_whitespace();
    names.extend(words.next().map(str::to_owned));
    if words.next() != Some("NAME") {
        return;
    }
    for word in words.map_while(|word| (word == "(" || word.starts_with('\'')).then_some(word)) {
        names.extend(Some(word.trim_matches('\'').to_owned()).filter(|name| name != "("));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_many_there_are() {
        let mut names = BTreeSet::new();
        names_of("( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'x' SUP name )", &mut names);
        names_of("( 1.2.3 NAME 'mail' EQUALITY caseIgnoreIA5Match )", &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["1.2.3", "2.5.4.4", "mail", "sn", "surname"]);
    }
}
