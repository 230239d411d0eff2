//! Every rule and condition that a person's data decides, by the line it stands in, and how often personas exercised it.
//!
//! Must never: count a rule twice because two documents share it.

use std::collections::BTreeMap;

use crate::diagnostic::Place;
use crate::expr::Expression;
use crate::model::{Coverage, RuleUse};
use crate::policy::{Policy, Rule};

/// Rules by their place.
#[derive(Default)]
pub(super) struct Rules(BTreeMap<Place, RuleUse>);

impl Rules {
    /// All rules of a policy. Those of a connector's own mapping stand in no manifest, and nobody needs to exercise them.
    pub(super) fn of(policy: &Policy) -> Self {
        let mut rules = Self::default();
        for source in &policy.sources {
            rules.condition(&source.name, "scope", source.filter.as_ref());
            rules.condition(&source.name, "leaver", source.leaver.as_ref());
            rules.condition(&source.name, "suspended", source.suspended.as_ref());
            rules.mapping(&source.name, &source.rules);
        }
        for target in &policy.targets {
            rules.condition(&target.name, "select", target.select.as_ref());
            rules.mapping(&target.name, &target.rules);
        }
        for group in &policy.groups {
            rules.condition(&group.key, "rule", group.rule.as_ref());
            if let Some(each) = &group.for_each {
                rules.add(&group.key, "forEach", &each.value, None);
            }
        }
        for entitlement in &policy.entitlements {
            rules.condition(&entitlement.key, "when", entitlement.when.as_ref());
            if let Some(until) = &entitlement.until {
                rules.add(&entitlement.key, "until", until, None);
            }
            for parameter in &entitlement.parameters {
                rules.add(&entitlement.key, &parameter.name, &parameter.value, None);
            }
        }
        rules
    }

    /// One persona asked it.
    pub(super) fn hear(&mut self, place: &Place, came: bool) {
        let Some(rule) = self.0.get_mut(place) else { return };
        match &mut rule.refused {
            Some(refused) if !came => *refused += 1,
            _ => rule.exercised += u64::from(came),
        }
    }

    /// What was heard.
    pub(super) fn coverage(&self) -> Coverage {
        Coverage::new(self.0.values().cloned().collect())
    }

    fn mapping(&mut self, owner: &str, rules: &[Rule]) {
        for rule in rules.iter().filter(|rule| rule.counts()) {
            self.condition(owner, &format!("{}, when", rule.attribute), rule.when.as_ref());
            self.add(owner, &rule.attribute, &rule.value, None);
        }
    }

    fn condition(&mut self, owner: &str, what: &str, condition: Option<&Expression>) {
        if let Some(condition) = condition {
            self.add(owner, what, condition, Some(0));
        }
    }

    fn add(&mut self, owner: &str, what: &str, expression: &Expression, refused: Option<u64>) {
        if let Some(place) = expression.place() {
            let (what, expression) = (format!("{owner}: {what}"), expression.text().to_owned());
            self.0.entry(place.clone()).or_insert(RuleUse { what, expression, place: place.clone(), exercised: 0, refused });
        }
    }
}
