//! What a ConnectorTest names must be there, and each of its cases must do one thing and expect what can come of it.

use std::collections::HashSet;

use super::{Context, Diagnostic};
use crate::diagnostic::did_you_mean;
use crate::manifest::Document;
use crate::manifest::catalog::catalog;
use crate::manifest::kinds::connector::{
    CaseKind, ChangeCase, ConnectorCase, ConnectorSpec, ConnectorTestSpec, EntitlementCase, Exchange, MembersCase,
};
use crate::manifest::quantity;

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    for test in context.loaded.connector_tests.iter().filter(|test| context.is_sound(&test.origin)) {
        Test { context, test, problems }.check();
    }
}

struct Test<'a, 'c> {
    context: &'a Context<'c>,
    test: &'a Document<ConnectorTestSpec>,
    problems: &'a mut Vec<Diagnostic>,
}

impl Test<'_, '_> {
    fn check(&mut self) {
        let spec = &self.test.spec;
        let name = spec.connector.as_deref().unwrap_or(&self.test.name);
        let own = self.context.loaded.connectors.iter().find(|document| document.name.as_ref() == name).map(|document| &document.spec);
        match own.or_else(|| catalog().get(name).map(AsRef::as_ref)) {
            Some(connector) => self.names(connector),
            None if self.context.refers("Connector", name) => {}
            None => {
                let pointer = if spec.connector.is_some() { "/spec/connector" } else { "/metadata/name" };
                let known = self.context.loaded.connectors.iter().map(|document| document.name.as_ref());
                let near = did_you_mean(name, known.chain(catalog().keys().map(AsRef::as_ref)));
                let hint = near.unwrap_or_else(|| "name its file too, or write `connector: NAME`".into());
                self.wrong(pointer, format!("there is no Connector `{name}`"), hint);
            }
        }
        if spec.cases.is_empty() {
            self.wrong(
                "/spec/cases",
                "it has no case".into(),
                "write one: `- {name: …, read: accounts, exchanges: […], expect: {evidence: complete}}`",
            );
        }
        let mut names = HashSet::new();
        for (at, case) in spec.cases.iter().enumerate() {
            if !names.insert(case.name.as_str()) {
                self.wrong(
                    &format!("/spec/cases/{at}/name"),
                    format!("two cases are called `{}`", case.name),
                    "give each a name of its own",
                );
            }
            self.case(&format!("/spec/cases/{at}"), case);
        }
    }

    /// What the Connector has.
    fn names(&mut self, connector: &ConnectorSpec) {
        let spec = &self.test.spec;
        let cases = spec.cases.iter().enumerate();
        let places = cases.map(|(at, case)| (format!("/spec/cases/{at}"), &case.config, &case.auth));
        for (place, config, auth) in std::iter::once(("/spec".to_owned(), &spec.config, &spec.auth)).chain(places) {
            for name in config.keys().filter(|name| !connector.config.contains_key(*name)) {
                let hint = hint(name, connector.config.keys());
                self.wrong(&format!("{place}/config/{name}"), format!("the Connector has no config.{name}"), hint);
            }
            if let Some(name) = auth.as_ref().filter(|name| !connector.auth.contains_key(*name)) {
                let hint = hint(name, connector.auth.keys());
                self.wrong(&format!("{place}/auth"), format!("the Connector can't be signed in to by `{name}`"), hint);
            }
        }
    }

    fn case(&mut self, place: &str, case: &ConnectorCase) {
        let actions = case.actions();
        if actions.len() != 1 {
            let what =
                if actions.is_empty() { "it does nothing".to_owned() } else { format!("it does several things: {}", actions.join(", ")) };
            let one =
                "one of read, find, create, update, deactivate, reactivate, delete, endSessions, add, remove, grant, change, withdraw";
            return self.wrong(place, what, format!("write {one}"));
        }
        self.expectation(place, case);
        let changes = [&case.update, &case.deactivate, &case.reactivate, &case.delete, &case.end_sessions, &case.create];
        let names = ["update", "deactivate", "reactivate", "delete", "endSessions", "create"];
        for (name, change) in names.into_iter().zip(changes).filter_map(|(name, change)| Some((name, change.as_ref()?))) {
            self.change(&format!("{place}/{name}"), name, change);
        }
        for (name, members) in [("add", &case.add), ("remove", &case.remove)] {
            if members.as_ref().is_some_and(|MembersCase { accounts, groups, .. }| accounts.is_empty() && groups.is_empty()) {
                self.wrong(&format!("{place}/{name}"), "it names no members".into(), "write `accounts: [ID]`, or `groups: [ID]`");
            }
        }
        for (name, about) in [("grant", &case.grant), ("change", &case.change), ("withdraw", &case.withdraw)] {
            about.iter().for_each(|about| self.entitlement(&format!("{place}/{name}"), name, about));
        }
        for (at, exchange) in case.exchanges.iter().enumerate() {
            self.exchange(&format!("{place}/exchanges/{at}"), exchange);
        }
    }

    fn expectation(&mut self, place: &str, case: &ConnectorCase) {
        let (expect, reads) = (&case.expect, case.read.is_some());
        if reads != expect.evidence.is_some() || reads == expect.outcome.is_some() {
            let (what, hint) = match reads {
                true => ("what comes of a read is its evidence", "write `evidence: complete`, `partial` or `unreadable`, and no `outcome`"),
                false => ("it must be said what comes of it", "write `outcome: applied`, or what refuses it, and no `evidence`"),
            };
            self.wrong(&format!("{place}/expect"), what.into(), hint);
        }
        if expect.rows.is_some() && !reads && case.find.is_none() {
            self.wrong(&format!("{place}/expect/rows"), "a change gives no rows".into(), "take it out");
        }
        for (name, there) in [("gone", expect.gone.is_some()), ("next", expect.next.is_some())] {
            if there && !reads {
                self.wrong(&format!("{place}/expect/{name}"), format!("only a read has `{name}`"), "take it out");
            }
        }
        if case.since.is_some() && !reads {
            self.wrong(&format!("{place}/since"), "only a read asks for what changed".into(), "take it out");
        }
        if expect.id.is_some() && case.create.is_none() {
            self.wrong(&format!("{place}/expect/id"), "only what is made has a new id".into(), "take it out");
        }
        if let Some(Err(hint)) = expect.waits.as_deref().map(quantity::duration) {
            self.wrong(&format!("{place}/expect/waits"), "this is no duration".into(), hint);
        }
    }

    fn change(&mut self, place: &str, name: &str, change: &ChangeCase) {
        let makes = name == "create";
        if makes == change.id.is_some() {
            let (what, hint) = match makes {
                true => ("what is made has no id yet", "take `id` out; the one that it gets stands in `expect`"),
                false => ("it must be said whose it is", "write `id: …`, the system's own"),
            };
            self.wrong(place, what.into(), hint);
        }
        if change.kind == Some(CaseKind::Members) {
            self.wrong(&format!("{place}/kind"), "members are changed by `add` and `remove`".into(), "write `account` or `group`");
        }
    }

    /// Plans give with every parameter that has a value, change some, and take without a word about them.
    fn entitlement(&mut self, place: &str, name: &str, about: &EntitlementCase) {
        let place = format!("{place}/parameters");
        match name {
            "change" if about.parameters.is_empty() => {
                self.wrong(&place, "it changes nothing".into(), "write `parameters: {NAME: VALUE}`");
            }
            "withdraw" if !about.parameters.is_empty() => {
                self.wrong(&place, "what is taken goes with its parameters".into(), "take them out");
            }
            "grant" if about.parameters.values().any(|value| value.is_null()) => {
                self.wrong(&place, "what is given has nothing to clear yet".into(), "take out the parameters that are null");
            }
            _ => {}
        }
    }

    fn exchange(&mut self, place: &str, exchange: &Exchange) {
        match exchange.verbs().as_slice() {
            [(verb, path)] if !path.starts_with('/') && !path.starts_with("https://") => {
                let pointer = format!("{place}/{}", verb.to_lowercase());
                self.wrong(&pointer, "this is no path".into(), "begin it with `/`, below the Connector's `base`, or with `https://`");
            }
            [_] => {}
            verbs => {
                let what = if verbs.is_empty() { "it asks nothing" } else { "it has several verbs" };
                self.wrong(place, what.into(), "write one of get, post, put, patch, delete: the path");
            }
        }
        if exchange.body.is_some() && !exchange.form.is_empty() {
            self.wrong(&format!("{place}/form"), "a request has a `body` or a `form`".into(), "take one of them out");
        }
        let answer = &exchange.answer;
        let says = answer.status.is_some() || !answer.headers.is_empty() || answer.body.is_some() || answer.text.is_some();
        if answer.body.is_some() && answer.text.is_some() {
            self.wrong(&format!("{place}/answer/text"), "an answer has a `body` or a `text`".into(), "take one of them out");
        }
        if answer.lost && says {
            self.wrong(&format!("{place}/answer/lost"), "an answer that is lost says nothing".into(), "take the rest of it out, or `lost`");
        }
        if answer.status.is_some_and(|status| !(200..600).contains(&status)) {
            self.wrong(&format!("{place}/answer/status"), "no answer has this status".into(), "write one from 200 to 599");
        }
    }

    fn wrong(&mut self, pointer: &str, what: String, hint: impl Into<String>) {
        self.problems.push(self.context.at(&self.test.origin, pointer, Diagnostic::error(what).hint(hint.into())));
    }
}

fn hint<'n>(name: &str, known: impl Iterator<Item = &'n String> + Clone) -> String {
    let all = known.clone().map(String::as_str).collect::<Vec<_>>().join(", ");
    let none = if all.is_empty() { "it has none".to_owned() } else { format!("known are {all}") };
    did_you_mean(name, known.map(String::as_str)).unwrap_or(none)
}
