//! Prints of values that headcount wrote: what was written is known again, and what it was is not kept.
//!
//! Must never: take a print of a secret, or let one of another workspace fit.

use std::hash::Hasher as _;

use super::World;
use super::hash::Keyed;
use super::target::is_secret;
use crate::model::{AttributeChange, ObjectKind, Repeat, Value};
use crate::policy::Policy;

/// The prints of one attribute of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    /// of the attribute's name
    pub(crate) name: u32,
    /// of what is written
    pub(crate) wrote: u64,
    /// of what was there before
    pub(crate) found: u64,
}

/// The prints of an attribute's change. Nothing for a secret, and for what leads to others: their ids come and go.
pub(crate) fn print(workspace: &str, change: &AttributeChange) -> Option<Print> {
    let leads = |value: &Option<Value>| value.as_ref().is_some_and(refers);
    if change.attribute.as_ref() == "active" || is_secret(&change.attribute) || leads(&change.before) || leads(&change.after) {
        return None;
    }
    let keyed = Keyed::of(workspace);
    let value = |value: &Option<Value>| of_value(keyed, value.as_ref());
    Some(Print { name: keyed.text(&change.attribute) as u32, wrote: value(&change.after), found: value(&change.before) })
}

fn of_value(keyed: Keyed, value: Option<&Value>) -> u64 {
    let mut hasher = keyed.start();
    hasher.write(&serde_json::to_vec(&value).unwrap_or_default());
    hasher.finish()
}

fn refers(value: &Value) -> bool {
    match value {
        Value::Reference(_) => true,
        Value::List(items) => items.iter().any(refers),
        Value::Map(fields) => fields.values().any(refers),
        Value::Bool(_) | Value::Int(_) | Value::Text(_) => false,
    }
}

impl World {
    /// Values that did not come back once, and are there now: the service keeps them.
    pub fn kept_values<'w>(&'w self, policy: &Policy) -> Vec<&'w Repeat> {
        let keyed = Keyed::of(&policy.workspace);
        let is_there = |known: &&Repeat| {
            let at = policy.targets.iter().position(|target| target.name == known.target);
            let Some(side) = at.and_then(|at| self.targets.get(at)) else { return false };
            let objects = if known.kind == ObjectKind::Group { &side.groups } else { &side.accounts };
            let row = objects.find_id(&known.id);
            row.is_some_and(|row| of_value(keyed, objects.cell_of(row, &known.attribute).to_value().as_ref()) == known.wrote)
        };
        self.memory.repeats.iter().filter(is_there).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_somebody_has_no_print() {
        let printed = |after| {
            let change =
                AttributeChange { attribute: "manager".into(), before: None, after: Some(after), sensitive: false, privileged: false };
            print("acme", &change).is_some()
        };
        let lead = || Value::Reference("hr/1".into());
        assert!(printed(Value::text("hr/1")) && printed(Value::List([Value::text("hr/1")].into())));
        assert!(!printed(lead()) && !printed(Value::List([Value::text("hr/2"), lead()].into())));
    }
}
