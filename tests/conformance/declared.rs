//! What a step declares: people with attributes, and teams with members. Keys are stable; everything else may change.

use std::collections::{BTreeMap, BTreeSet};

use headcount::model::Capabilities;
use serde_json::Value as Json;

/// Everything that should be at the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// by key
    pub people: BTreeMap<String, Person>,
    /// by key
    pub teams: BTreeMap<String, Team>,
}

/// One account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    /// SCIM's dotted names; `manager` is another person's key
    pub attributes: BTreeMap<String, Json>,
    /// has left: the account is there, without access
    pub left: bool,
}

/// One group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Team {
    /// its display name
    pub name: String,
    /// keys of people
    pub people: BTreeSet<String>,
    /// keys of nested teams
    pub teams: BTreeSet<String>,
}

impl Declared {
    /// The same, where everybody has what a target takes nobody without.
    pub fn with_required(&self, capabilities: &Capabilities) -> Self {
        let mut all = self.clone();
        for (key, person) in &mut all.people {
            for name in
                capabilities.required_attributes.iter().filter(|name| !person.attributes.contains_key(name.as_ref())).collect::<Vec<_>>()
            {
                person.set(name, key.as_str());
            }
        }
        all
    }

    /// The same, where teams keep the names that they had before if a target renames none.
    pub fn with_names_kept(&mut self, before: &Self, capabilities: &Capabilities) {
        if capabilities.update_groups {
            return;
        }
        for (key, team) in &mut self.teams {
            if let Some(known) = before.teams.get(key) {
                team.name.clone_from(&known.name);
            }
        }
    }

    /// A new person, with the user name every account needs.
    pub fn join(&mut self, key: &str, user_name: &str) -> &mut Person {
        let person = self.people.entry(key.to_owned()).or_default();
        person.set("userName", user_name)
    }

    /// The person of a key.
    pub fn person(&mut self, key: &str) -> &mut Person {
        self.people.get_mut(key).expect("a step names people it made")
    }

    /// A new team.
    pub fn found(&mut self, key: &str, name: &str) -> &mut Team {
        let team = self.teams.entry(key.to_owned()).or_default();
        team.name = name.to_owned();
        team
    }

    /// The team of a key.
    pub fn team(&mut self, key: &str) -> &mut Team {
        self.teams.get_mut(key).expect("a step names teams it made")
    }

    /// A person leaves: access goes, and with it every membership.
    pub fn leave(&mut self, key: &str) {
        self.person(key).left = true;
        for team in self.teams.values_mut() {
            team.people.remove(key);
        }
    }

    /// A person's record goes altogether.
    pub fn forget(&mut self, key: &str) {
        self.leave(key);
        self.people.remove(key);
        for person in self.people.values_mut() {
            person.attributes.retain(|name, value| name != "manager" || value != key);
        }
    }

    /// A team goes, out of other teams too.
    pub fn dissolve(&mut self, key: &str) {
        self.teams.remove(key);
        for team in self.teams.values_mut() {
            team.teams.remove(key);
        }
    }
}

impl Person {
    /// Sets an attribute.
    pub fn set(&mut self, attribute: &str, value: impl Into<Json>) -> &mut Self {
        self.attributes.insert(attribute.to_owned(), value.into());
        self
    }

    /// Clears an attribute.
    pub fn clear(&mut self, attribute: &str) -> &mut Self {
        self.attributes.remove(attribute);
        self
    }
}

impl Team {
    /// Adds people.
    pub fn add<'a>(&mut self, keys: impl IntoIterator<Item = &'a str>) -> &mut Self {
        self.people.extend(keys.into_iter().map(str::to_owned));
        self
    }

    /// Removes people.
    pub fn remove<'a>(&mut self, keys: impl IntoIterator<Item = &'a str>) -> &mut Self {
        for key in keys {
            self.people.remove(key);
        }
        self
    }
}
