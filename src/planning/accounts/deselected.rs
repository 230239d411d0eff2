//! A Target's `select` that names nobody: nobody loses access by it.
//!
//! Must never: keep what somebody loses for another reason, or hold anything where `allowEmpty` says that it is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Cause, FindingCode, Mandate, Severity, Subject};
use crate::planning::accounts::Step;
use crate::planning::accounts::presence::{Known, Presence, is_open};
use crate::planning::names_nobody::{Idle, are_many};

/// Somebody whose account goes because a target is not for them.
pub(in crate::planning) struct Deselected {
    pub(in crate::planning) identity: u32,
    pub(in crate::planning) key: Arc<str>,
    /// the target's `select` says so
    pub(in crate::planning) by_select: bool,
}

/// Accounts that go because a target is not for them: all are held where its `select` names nobody.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize) {
    let basis = step.basis;
    let all = std::mem::take(&mut step.deselected[target]);
    let by_select: BTreeMap<u32, Arc<str>> = all.iter().filter(|one| one.by_select).map(|one| (one.identity, one.key.clone())).collect();
    let held = selects_nobody(step, target, &by_select);
    for one in all.iter().filter(|one| !held || !one.by_select) {
        let sentence = "{who}: no longer covered by a select, a scope or a lifecycle, so the account goes";
        step.tell(Severity::Warning, FindingCode::Deselection, target, &one.key, sentence);
    }
    if !held {
        return;
    }
    step.report.findings.rest_on_all("the select of a target names nobody");
    let mine = |cause: Cause| matches!(cause, Cause::Identity(identity) if by_select.contains_key(&identity));
    step.drafts.retain(|draft| !(draft.target == target && mine(draft.change.cause) && draft.change.action.removes()));
    for identity in by_select.keys() {
        step.presence[target][*identity as usize] = Presence::Unclear;
    }
    let rules = &basis.policy.targets[target];
    let place = rules.select.as_ref().and_then(|select| select.place()).unwrap_or(&rules.place);
    let what = Idle { rule: "`select`", of: &format!("Target {}", rules.name), thing: "access", place };
    step.report.findings.push(what.told(Subject::system(&rules.name), &by_select.into_values().collect()));
}

/// Whether nobody has an account that stays or comes, and several who have access would lose it.
fn selects_nobody(step: &Step<'_, '_>, target: usize, going: &BTreeMap<u32, Arc<str>>) -> bool {
    let rules = &step.basis.policy.targets[target];
    let loses = |draft: &&crate::planning::draft::Draft| {
        let change = &draft.change;
        draft.target == target
            && change.mandate == Mandate::Deselection
            && matches!(change.cause, Cause::Identity(identity) if going.contains_key(&identity))
    };
    let losers: BTreeSet<&Arc<str>> = step.drafts.iter().filter(loses).map(|draft| &draft.change.object.key).collect();
    !rules.allow_empty
        && step.basis.beyond.at(target).staying == 0
        && !step.presence[target].iter().any(|presence| matches!(presence, Presence::Stays | Presence::Made))
        && are_many(losers.len(), open(step, target))
}

/// Accounts in use of which it can't be said whether they would go too; nothing where there may be more of them than were read.
fn open(step: &Step<'_, '_>, target: usize) -> Option<usize> {
    let accounts = step.basis.observed[target].accounts();
    let known = Known { presence: &step.presence[target], gone: &step.gone[target] };
    let is_open = |row: &u32| accounts.active(*row) && is_open((step.basis, step.matched), target, *row, known);
    accounts.evidence().proves_absence().then(|| (0..accounts.len()).filter(is_open).count())
}
