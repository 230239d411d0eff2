//! Revocations by command, as `apply` meets them: one that a manifest covers ends as an entry of the state, the others get new receipts.
//!
//! Must never: end a revocation that no manifest covers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::report::{Failure, notice};
use super::session::state_failure;
use crate::apply::{Report, run_name};
use crate::journal::{Event, append};
use crate::model::{ChangeId, FindingCode, Memory, Outcome, Plan, Reason, Receipt, ReceiptWord, Severity, StandingRevocation};
use crate::pipeline::revoke::concerned;
use crate::policy::{Policy, RevocationPolicy};
use crate::render::safe;
use crate::state::{Store, forget_revocation, record_receipt};

/// From now on the manifest alone says it: taking it out lifts the revocation.
pub fn end_covered(policy: &Policy, memory: &Memory, store: &Store, now: Timestamp) -> Result<(), Failure> {
    let covered: Vec<_> = memory.revocations.iter().filter_map(|standing| Some((&standing.key, covering(policy, standing)?))).collect();
    if covered.is_empty() {
        return Ok(());
    }
    let event = |(key, document): &(&Arc<str>, &RevocationPolicy)| Event::Lifted {
        keys: vec![(*key).clone()],
        why: format!("covered by {} from now on", document.key),
    };
    let events: Vec<_> = covered.iter().map(event).collect();
    let ended = store.write(|tx| {
        covered.iter().try_for_each(|(key, _)| forget_revocation(tx, key).map(drop))?;
        append(tx, &run_name(now, true), now, &events)
    });
    ended.map_err(|error| state_failure(&error))?;
    for (key, document) in covered {
        notice(safe::lines(&format!("{key}: cut off by {} from now on; taking it out of the manifests lifts it", document.key)));
    }
    Ok(())
}

/// The document that cuts off the same identity, by whatever key of its.
pub fn covering<'p>(policy: &'p Policy, standing: &StandingRevocation) -> Option<&'p RevocationPolicy> {
    policy.revocations.iter().find(|known| known.identities.iter().any(|member| standing.means(&member.key)))
}

/// What this run did about those who stand in the state alone. `whole`: nothing of the plan was left out.
pub fn receipts(policy: &Policy, memory: &Memory, (plan, report): (&Plan, &Report), whole: bool, store: &Store) -> Result<(), Failure> {
    let now = Timestamp::now();
    let mut receipts: Vec<(&Arc<str>, Receipt)> = Vec::new();
    for standing in memory.revocations.iter().filter(|standing| covering(policy, standing).is_none()) {
        for target in policy.targets.iter().filter(|target| standing.is_at(&target.name)) {
            receipts.extend(receipt(memory, standing, &target.name, (plan, report), whole, now).map(|receipt| (&standing.key, receipt)));
        }
    }
    if receipts.is_empty() {
        return Ok(());
    }
    let event = |(key, receipt): &(&Arc<str>, Receipt)| Event::Receipt {
        key: (*key).clone(),
        target: receipt.target.clone(),
        outcome: receipt.outcome,
        message: receipt.message.clone(),
    };
    let events: Vec<_> = receipts.iter().map(event).collect();
    let written = store.write(|tx| {
        receipts.iter().try_for_each(|(key, receipt)| record_receipt(tx, key, receipt))?;
        append(tx, &run_name(now, true), now, &events)
    });
    written.map_err(|error| state_failure(&error))
}

/// A new receipt, where there is something new to say.
fn receipt(
    memory: &Memory,
    standing: &StandingRevocation,
    target: &Arc<str>,
    (plan, report): (&Plan, &Report),
    whole: bool,
    now: Timestamp,
) -> Option<Receipt> {
    let before = standing.receipts.iter().find(|receipt| receipt.target == *target);
    let mine = |(_, change): &(usize, &crate::model::Change)| {
        change.target == *target && change.reason == Reason::Revoked && concerned(change).iter().any(|key| standing.means(key))
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
        (None, None) if memory.has_account(standing, target) => (ReceiptWord::AlreadySo, None),
        (None, None) => (ReceiptWord::NoAccount, None),
    };
    let tries = before.map_or(1, |before| before.tries + 1);
    Some(Receipt { target: target.clone(), outcome, message: message.map(Arc::from), tries, at: now })
}
