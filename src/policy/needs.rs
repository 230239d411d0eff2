//! What a connector needs before it can make an account: whether a Target can give it at all is known without reaching anything.
//!
//! Must never: refuse a Target that makes no accounts, or one in a workspace without people.

use super::Rule;
use super::compile::Compiler;
use super::mapping::Given;
use super::source::GIVERS;
use crate::manifest::Origin;
use crate::manifest::kinds::{MappingDefaults, Ownership, TargetSpec};

impl Compiler<'_> {
    /// Every attribute that is needed has a rule that can come to something.
    pub(super) fn gives_what_is_needed(&mut self, origin: &Origin, spec: &TargetSpec, needed: &[&str], rules: &[Rule], given: &Given) {
        if given.is_empty() || self.loaded.refuses_some(&GIVERS) || spec.ownership == Ownership::Observe || makes_none(spec) {
            return;
        }
        for name in needed.iter().copied().filter(|name| !rules.iter().any(|rule| rule.counts() && *rule.attribute == **name)) {
            let pointer = if spec.mapping.is_some() { "/spec/mapping" } else { "/spec/connection" };
            let message = format!("accounts can't be made here: they need `{name}`, and no rule gives it");
            self.lack(origin, pointer, message, next_step(spec, name, given));
        }
    }
}

fn next_step(spec: &TargetSpec, name: &str, given: &Given) -> String {
    let dropped = spec
        .mapping
        .as_ref()
        .is_some_and(|mapping| mapping.defaults == MappingDefaults::None || mapping.rules.iter().any(|rule| rule.attribute == name));
    let none_made = "where no accounts are ever made, say `guardrails: {create: {count: 0}}`";
    if dropped && given.has(name) {
        return format!("add the rule `{{attribute: {name}, value: identity.{name}}}`; {none_made}");
    }
    format!("no Source and no User gives `{name}`: add a rule for it to a Source, or one here that makes it of something else; {none_made}")
}

/// A limit that lets nothing be made.
fn makes_none(spec: &TargetSpec) -> bool {
    let create = spec.guardrails.as_ref().and_then(|guardrails| guardrails.create.as_ref());
    create.is_some_and(|limit| limit.count == Some(0) && limit.percent.is_none_or(|percent| percent == 0.0))
}
