//! Which attributes hold secrets: those that are known to, those that a mapping marks, and what is made of either. It is worked out once and stays with the
//! attributes and expressions, so that no view has to think of it.
//!
//! Must never: lose the mark on a way from one rule to the next.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Policy, Rule};
use crate::expr::{Expression, outcome_of_path};
use crate::manifest::Loaded;
use crate::manifest::kinds::MappingRule;
use crate::model::{Visibility, attributes};

/// Marks expressions that read or make a secret, and keeps the attributes that hold one.
pub(super) fn mark(loaded: &Loaded, policy: &mut Policy) {
    conceal(policy, marked(loaded));
}

fn conceal(policy: &mut Policy, mut hidden: BTreeSet<Arc<str>>) {
    hidden.extend(attributes().iter().filter(|known| known.visibility == Visibility::Secret).map(|known| Arc::from(known.name)));
    let mut columns = vec![BTreeSet::new(); policy.sources.len()];
    while spread(policy, &mut hidden, &mut columns) {}
    for (source, columns) in policy.sources.iter_mut().zip(&columns) {
        let of_record = |path: &Arc<str>| columns.contains(path);
        let conditions = [Some(&mut source.key), source.filter.as_mut(), source.leaver.as_mut(), source.suspended.as_mut()];
        conditions.into_iter().flatten().for_each(|expression| hide(expression, of_record));
        source.correlate.iter_mut().for_each(|key| hide(&mut key.value, |path| hidden.contains(path)));
        source.rules.iter_mut().for_each(|rule| hide_rule(rule, &hidden, of_record));
    }
    let of_identity = |path: &Arc<str>| hidden.contains(path);
    for target in &mut policy.targets {
        target.select.iter_mut().chain(&mut target.protect.rules).for_each(|expression| hide(expression, of_identity));
        let of_mapping = |path: &Arc<str>| hidden.contains(outcome_of_path(path).unwrap_or(path));
        target.rules.iter_mut().for_each(|rule| hide_rule(rule, &hidden, of_mapping));
    }
    for group in &mut policy.groups {
        let value = group.for_each.as_mut().map(|each| &mut each.value);
        [group.rule.as_mut(), value].into_iter().flatten().for_each(|expression| hide(expression, of_identity));
    }
    for entitlement in &mut policy.entitlements {
        let conditions = [entitlement.when.as_mut(), entitlement.until.as_mut()];
        let parameters = entitlement.parameters.iter_mut().map(|parameter| &mut parameter.value);
        conditions.into_iter().flatten().chain(parameters).for_each(|expression| hide(expression, of_identity));
    }
    policy.sensitive = hidden;
}

impl Policy {
    /// From here on the values of these attributes, and what is made of them, are never shown, as if a mapping marked them.
    pub fn conceal(&mut self, attributes: impl IntoIterator<Item = Arc<str>>) {
        let hidden = self.sensitive.iter().cloned().chain(attributes).collect();
        conceal(self, hidden);
    }

    /// Whether an attribute's values are never shown.
    pub fn is_sensitive(&self, attribute: &str) -> bool {
        self.sensitive.contains(attribute)
    }

    /// Whether a parameter of an entitlement, by its name at a target, is never shown.
    pub fn is_sensitive_parameter(&self, target: &str, entitlement: &str, parameter: &str) -> bool {
        let here = |at: usize| self.targets.get(at).is_some_and(|known| known.name.as_ref() == target);
        let known = self.entitlements.iter().filter(|known| known.name.as_ref() == entitlement && here(known.target));
        known.flat_map(|known| &known.parameters).any(|known| known.name.as_ref() == parameter && known.value.is_sensitive())
    }
}

/// What mappings mark.
fn marked(loaded: &Loaded) -> BTreeSet<Arc<str>> {
    let sources = loaded.sources.iter().flat_map(|source| &source.spec.mapping.rules);
    let targets = loaded.targets.iter().filter_map(|target| target.spec.mapping.as_ref()).flat_map(|mapping| &mapping.rules);
    let shared = loaded.mappings.iter().flat_map(|mapping| &mapping.spec.rules);
    let name = |rule: &MappingRule| Arc::from(rule.attribute.as_str());
    sources.chain(targets).chain(shared).filter(|rule| rule.sensitive).map(name).collect()
}

/// One step along the rules; says whether something new was found. A column that is a secret's whole value is one itself; where several make it up, each may be harmless.
fn spread(policy: &Policy, hidden: &mut BTreeSet<Arc<str>>, columns: &mut [BTreeSet<Arc<str>>]) -> bool {
    let before = hidden.len() + columns.iter().map(BTreeSet::len).sum::<usize>();
    let made = |rule: &Rule, secret: &BTreeSet<Arc<str>>| {
        rule.attribute.as_ref() != "active" && rule.value.reads().iter().any(|path| secret.contains(outcome_of_path(path).unwrap_or(path)))
    };
    for (source, columns) in policy.sources.iter().zip(columns.iter_mut()) {
        for rule in &source.rules {
            if let (true, [only]) = (hidden.contains(&rule.attribute), rule.value.reads()) {
                columns.insert(only.clone());
            }
            if made(rule, columns) {
                hidden.insert(rule.attribute.clone());
            }
        }
    }
    for rule in policy.targets.iter().flat_map(|target| &target.rules) {
        if made(rule, hidden) {
            hidden.insert(rule.attribute.clone());
        }
    }
    before < hidden.len() + columns.iter().map(BTreeSet::len).sum::<usize>()
}

fn hide_rule(rule: &mut Rule, hidden: &BTreeSet<Arc<str>>, secret: impl Fn(&Arc<str>) -> bool + Copy) {
    if hidden.contains(&rule.attribute) {
        rule.value.hide();
    }
    hide(&mut rule.value, secret);
    if let Some(when) = &mut rule.when {
        hide(when, secret);
    }
}

fn hide(expression: &mut Expression, secret: impl Fn(&Arc<str>) -> bool) {
    if expression.reads().iter().any(secret) {
        expression.hide();
    }
}
