//! What a Persona names must be there: Sources, Users, Targets, entitlements, attributes.

use super::attributes::unknown;
use super::references::named;
use super::{Context, Diagnostic};
use crate::manifest::Document;
use crate::manifest::kinds::{Expectation, PersonaSpec, SampleRecord};
use crate::model::is_known_attribute;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    for persona in &context.loaded.personas {
        Persona { context, persona, problems }.check();
    }
}

struct Persona<'a, 'c> {
    context: &'a Context<'c>,
    persona: &'a Document<PersonaSpec>,
    problems: &'a mut Vec<Diagnostic>,
}

impl Persona<'_, '_> {
    fn check(&mut self) {
        let spec = &self.persona.spec;
        self.person("/spec", &spec.records, spec.user.as_deref());
        for (at, other) in spec.others.iter().enumerate() {
            self.person(&format!("/spec/others/{at}"), &other.records, other.user.as_deref());
        }
        for (at, target) in spec.former_accounts.iter().enumerate() {
            self.named("Target", target, &format!("/spec/formerAccounts/{at}"));
        }
        if let Some(expect) = &spec.expect {
            self.expectation(expect);
        }
    }

    fn person(&mut self, pointer: &str, records: &std::collections::BTreeMap<String, SampleRecord>, user: Option<&str>) {
        if records.is_empty() && user.is_none() && self.context.is_sound(&self.persona.origin) {
            let problem = Diagnostic::error("this is nobody: there is neither a record nor a User");
            let hint = "write `records: {<source>: {<field>: <value>}}`, or `user: <name>`";
            self.problems.push(self.context.at(&self.persona.origin, pointer, problem).hint(hint));
        }
        for source in records.keys() {
            self.key("Source", source, &format!("{pointer}/records"));
        }
        if let Some(user) = user {
            self.named("User", user, &format!("{pointer}/user"));
        }
    }

    fn expectation(&mut self, expect: &Expectation) {
        for (target, attributes) in &expect.accounts {
            self.key("Target", target, "/spec/expect/accounts");
            for name in attributes.keys().filter(|name| !is_known_attribute(name)) {
                let pointer = format!("/spec/expect/accounts/{}/{}", escape(target), escape(name));
                let (place, length) = self.context.key_place(&self.persona.origin, &pointer);
                self.problems.push(unknown(name).at(place, length));
            }
        }
        for target in expect.groups.keys() {
            self.key("Target", target, "/spec/expect/groups");
        }
        for target in expect.entitlements.keys() {
            self.key("Target", target, "/spec/expect/entitlements");
        }
        for target in expect.departures.keys() {
            self.key("Target", target, "/spec/expect/departures");
        }
    }

    /// A name that stands as a key.
    fn key(&mut self, kind: &'static str, name: &str, parent: &str) {
        if self.context.knows(kind, name) {
            return;
        }
        let before = self.problems.len();
        let pointer = format!("{parent}/{}", escape(name));
        self.named(kind, name, &pointer);
        let (place, length) = self.context.key_place(&self.persona.origin, &pointer);
        for problem in self.problems.iter_mut().skip(before) {
            problem.place = Some((place.clone(), length));
        }
    }

    fn named(&mut self, kind: &'static str, name: &str, pointer: &str) {
        named(self.context, &self.persona.origin, kind, name, || pointer.to_owned(), self.problems);
    }
}

fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}
