//! Receipts: what came of a revocation at each target, in the state and in the journal.
//!
//! Must never: say that somebody is cut off where something was refused, nothing was run, or nobody could look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::read::Snapshot;
use super::revoke::covering;
use crate::apply::{Report, run_name};
use crate::journal::{Event, entry};
use crate::model::{Change, ChangeId, FindingCode, Outcome, Plan, Receipt, ReceiptWord, Severity, StandingRevocation};
use crate::state::{Fact, StateError, Store};
use crate::world::World;

/// Whom a change is about.
pub(super) fn concerned(change: &Change) -> BTreeSet<Arc<str>> {
    match change.members.as_slice() {
        [] => BTreeSet::from([change.object.key.clone()]),
        members => members.iter().map(|member| member.member.key.clone()).collect(),
    }
}

/// Receipts, each with whose it is, as what is to be remembered.
pub(super) fn facts<'a>(receipts: impl Iterator<Item = (&'a Arc<str>, &'a Receipt)>) -> Vec<Fact> {
    let receipts: Vec<_> = receipts.collect();
    let event = |(key, receipt): &(&Arc<str>, &Receipt)| Event::Receipt {
        key: (*key).clone(),
        target: receipt.target.clone(),
        outcome: receipt.outcome,
        message: receipt.message.clone(),
    };
    let now = Timestamp::now();
    let run = run_name(now, true);
    let kept = receipts.iter().map(|(key, receipt)| Fact::Receipt { identity: (*key).clone(), receipt: (*receipt).clone() });
    kept.chain(receipts.iter().map(|receipt| entry(&run, now, &event(receipt)))).collect()
}

/// What a run did about those who stand in the state alone. `whole`: nothing of the plan was left out.
pub(super) async fn of_run(snapshot: &Snapshot, ran: (&Plan, &Report), whole: bool, store: &dyn Store) -> Result<(), StateError> {
    let Snapshot { policy, world, .. } = snapshot;
    let memory = world.memory();
    let now = Timestamp::now();
    let mut receipts: Vec<(&Arc<str>, Receipt)> = Vec::new();
    for standing in memory.revocations.iter().filter(|standing| covering(policy, standing).is_none()) {
        for target in policy.targets.iter().filter(|target| standing.is_at(&target.name)) {
            receipts.extend(receipt(world, standing, &target.name, ran, whole, now).map(|receipt| (&standing.key, receipt)));
        }
    }
    if receipts.is_empty() {
        return Ok(());
    }
    store.commit(facts(receipts.iter().map(|(key, receipt)| (*key, receipt)))).await
}

/// A new receipt, where there is something new to say.
fn receipt(
    world: &World,
    standing: &StandingRevocation,
    target: &Arc<str>,
    (plan, report): (&Plan, &Report),
    whole: bool,
    now: Timestamp,
) -> Option<Receipt> {
    let before = standing.receipts.iter().find(|receipt| receipt.target == *target);
    let mine = |(_, change): &(usize, &Change)| {
        change.target == *target && change.mandate.is_revocation() && concerned(change).iter().any(|key| standing.means(key))
    };
    let changes: BTreeMap<usize, _> = plan.changes.iter().enumerate().filter(mine).collect();
    let outcomes: Vec<&Outcome> = changes.keys().filter_map(|at| report.outcomes.get(&ChangeId(*at as u32))).collect();
    let failed = outcomes.iter().find_map(|outcome| outcome.trouble());
    let unread =
        plan.findings.iter().find(|finding| finding.severity == Severity::Incomplete && finding.subject.system.as_ref() == Some(target));
    let refused = plan.findings.iter().find(|finding| {
        let here = finding.severity == Severity::Error && finding.subject.system.as_ref() == Some(target);
        let cuts = matches!(finding.code, FindingCode::AmbiguousCorrelation | FindingCode::UnsupportedCapability);
        here && cuts && finding.subject.key.as_ref().is_some_and(|key| standing.means(key))
    });
    let (outcome, message) = match (failed, unread) {
        (Some(words), _) => (ReceiptWord::Failed, Some(words)),
        _ if refused.is_some() => (ReceiptWord::Failed, refused.map(|finding| finding.message.clone())),
        _ if changes.values().any(|change| !change.runs()) => (ReceiptWord::Failed, Some("it is protected".to_owned())),
        (None, Some(finding)) => (ReceiptWord::Unreachable, Some(finding.message.clone())),
        (None, None) if !outcomes.is_empty() => (ReceiptWord::Done, None),
        // What was not run says nothing; nor does a plan that was cut short.
        (None, None) if !changes.is_empty() || !whole || before.is_some_and(|before| before.outcome.holds()) => return None,
        (None, None) if world.has_account(standing, target) => (ReceiptWord::AlreadySo, None),
        (None, None) => (ReceiptWord::NoAccount, None),
    };
    let tries = before.map_or(1, |before| before.tries + 1);
    Some(Receipt { target: target.clone(), outcome, message: message.map(Arc::from), tries, at: now })
}
