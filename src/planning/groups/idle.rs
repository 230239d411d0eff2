//! Groups whose rules name nobody: nobody who is in one is taken out by that.
//!
//! Must never: hold anything where `allowEmpty` says that it is meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Cause, Mandate, Subject};
use crate::planning::basis::Basis;
use crate::planning::groups::Step;
use crate::planning::names_nobody::Idle;

/// Whether a Group's rule names nobody, and nobody said that it may. `none`: its rule covers none, where it has no `forEach`.
pub(in crate::planning) fn is_idle(basis: &Basis<'_>, manifest: usize, none: bool) -> bool {
    let Some(group) = basis.policy.groups.get(manifest).filter(|group| !group.allow_empty) else { return false };
    match (&group.for_each, basis.groups.made(&group.key)) {
        (Some(_), Some(made)) => made.refused.is_none() && made.groups.iter().all(|at| basis.groups.all[*at].empty),
        (Some(_), None) => false,
        (None, _) => group.rule.is_some() && none && !basis.beyond.covers(manifest),
    }
}

/// Holds the groups that a `forEach` without any value would lose, and tells who keeps what.
pub(super) fn hold_groups(step: &mut Step<'_, '_>, target: usize, held: &BTreeMap<usize, BTreeSet<u32>>) {
    let basis = step.basis;
    step.drafts.retain(|draft| {
        let change = &draft.change;
        let made = matches!(change.cause, Cause::Group(manifest) if held.contains_key(&(manifest as usize)));
        !(draft.target == target && change.action == Action::Delete && change.mandate == Mandate::Pruning && made)
    });
    for (manifest, rows) in held {
        let group = &basis.policy.groups[*manifest];
        let keys = rows.iter().map(|row| step.matched.account_key(step.basis, target, *row)).collect();
        let place = group.for_each.as_ref().map(|each| &each.place).or(group.rule_place.as_ref());
        let subject = Subject::object(&basis.policy.targets[target].name, &group.key);
        let what = Idle { rule: "the rule", of: &group.key, thing: "the group", place: place.unwrap_or(&group.place) };
        step.report.findings.push(what.told(subject, &keys));
    }
}
