//! Approval: which plan waits at a Target, what people said about it, and what of it that lets through.
//!
//! Must never: let one word count twice, or one person for two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{GateKind, Gates, Verdict, after, hold};
use crate::apply::{Atoms, fingerprint};
use crate::model::{Approval, Change, Decided, Mandate, Pending, Plan};
use crate::policy::{ApprovalPolicy, PlanApprovalPolicy, Policy, TargetPolicy};
use crate::state::{Fact, Shelf};

/// A plan that waits for an approval: what of one Target nobody may do before. On `Shelf::Plans` by its hash; it holds what a plan file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingPlan {
    /// the Target's name
    pub target: Arc<str>,
    /// what an approval names
    pub hash: Arc<str>,
    /// the changes, and nothing besides
    pub plan: Plan,
    /// since when it waits
    pub since: Timestamp,
    /// whoever wrote the revision for which anything of it first waited
    pub authors: Vec<String>,
}

/// What people said about a plan comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ApprovalStanding {
    /// it may run
    Approved,
    /// somebody said that it must not
    Rejected,
    /// so many people have to approve it yet
    Wants {
        /// how many
        more: u32,
        /// of how many in all
        of: u32,
    },
    /// one person did, who wrote it
    AuthorsAlone,
}

/// A plan that waits, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approving {
    /// the plan
    pub plan: WaitingPlan,
    /// what was said about it
    pub standing: ApprovalStanding,
}

impl ApprovalStanding {
    /// For a person.
    pub fn words(self) -> String {
        match self {
            Self::Approved => "it is approved".into(),
            Self::Rejected => "it was rejected".into(),
            Self::Wants { more: 1, of: 1 } => "it waits for an approval".into(),
            Self::Wants { more, of } if more == of => format!("it waits for {of} approvals"),
            Self::Wants { more, of } => format!("{} of {of} approved it", of.saturating_sub(more)),
            Self::AuthorsAlone => "whoever wrote it approved it, and somebody else has to".into(),
        }
    }
}

impl WaitingPlan {
    /// What waits now; as it was kept, where it waits already.
    pub(super) fn of(plan: &Plan, target: &Arc<str>, changes: Vec<Change>, gates: &Gates<'_>, now: Timestamp) -> Self {
        let hash = fingerprint(&plan.workspace, &changes);
        if let Some(known) = gates.waiting.iter().find(|known| known.hash == hash) {
            return known.clone();
        }
        let authors = authors(target, &changes, gates);
        let changes = changes.into_iter().map(|change| Change { needs: Vec::new(), ..change }).collect();
        let plan = Plan { changes, ..Plan::of_nothing(plan.workspace.clone(), plan.as_of) };
        Self { target: target.clone(), hash, plan, since: now, authors }
    }

    /// How much it is.
    pub fn pending(&self) -> Pending {
        Pending::of(&self.plan.changes)
    }
}

/// Whoever wrote the revision in force, and whatever a part of the plan waited for before.
fn authors(target: &Arc<str>, changes: &[Change], gates: &Gates<'_>) -> Vec<String> {
    let mut authors = gates.authors.to_vec();
    for earlier in gates.waiting.iter().filter(|earlier| earlier.target == *target) {
        let atoms = Atoms::of(&earlier.plan.changes);
        if changes.iter().any(|change| atoms.touch(change)) {
            authors.extend(earlier.authors.iter().filter(|author| !gates.authors.contains(author)).cloned());
        }
    }
    authors.sort_unstable();
    authors.dedup();
    authors
}

/// What was said about a plan, all together.
pub fn standing(plan: &WaitingPlan, rule: &ApprovalPolicy, approvals: &[Approval], now: Timestamp) -> ApprovalStanding {
    let said = said(plan, rule, approvals, now);
    if said.iter().any(|approval| approval.decision == Decided::Reject) {
        return ApprovalStanding::Rejected;
    }
    let enough = u32::try_from(said.len()).unwrap_or(u32::MAX);
    if enough < rule.count {
        return ApprovalStanding::Wants { more: rule.count - enough, of: rule.count };
    }
    let wrote = |approval: &Approval| plan.authors.iter().any(|author| same_person(author, &approval.approver));
    // Of two who wrote it each has seen what the other did.
    match said.as_slice() {
        [alone] if rule.not_author && wrote(alone) => ApprovalStanding::AuthorsAlone,
        _ => ApprovalStanding::Approved,
    }
}

/// Whose word about a plan counts now, the last of each person.
pub fn said<'a>(plan: &WaitingPlan, rule: &ApprovalPolicy, approvals: &'a [Approval], now: Timestamp) -> Vec<&'a Approval> {
    latest(approvals.iter().filter(|approval| counts(approval, plan, rule, now)))
}

/// Whether a word is about the plan, and counts now.
fn counts(approval: &Approval, plan: &WaitingPlan, rule: &ApprovalPolicy, now: Timestamp) -> bool {
    let about = approval.plan == plan.hash && (approval.targets.is_empty() || approval.targets.contains(&plan.target));
    // That somebody said no holds until they say otherwise.
    let lasts = match approval.decision {
        Decided::Approve => after(approval.at, rule.expires),
        Decided::Reject => Timestamp::MAX,
    };
    about && approval.used.is_none() && approval.expires.map_or(lasts, |expires| expires.min(lasts)) > now
}

/// The last word of each person.
fn latest<'a>(approvals: impl Iterator<Item = &'a Approval>) -> Vec<&'a Approval> {
    let mut all: Vec<&Approval> = approvals.collect();
    all.sort_by_key(|approval| approval.at);
    let mut last: Vec<&Approval> = Vec::new();
    for approval in all {
        last.retain(|earlier| !same_person(&earlier.approver, &approval.approver));
        last.push(approval);
    }
    last
}

/// Whether two names or addresses may be one person's. Who has two addresses is one person; that two people are taken for one asks for somebody else, no more.
fn same_person(one: &str, other: &str) -> bool {
    let other = names(other);
    names(one).iter().any(|name| other.contains(name))
}

/// What somebody is known by: the whole, the address within, the part before its `@`.
fn names(text: &str) -> BTreeSet<String> {
    let text = text.trim().to_lowercase();
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim(), rest.trim_end_matches('>').trim()),
        None => (text.as_str(), text.as_str()),
    };
    let local = address.split_once('@').map(|(local, _)| local).into_iter().flat_map(|local| local.split('+').chain([local]));
    local.chain([name, address]).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What approvals let through at a Target: the atoms of approved plans, each by the right by which it was approved.
#[derive(Debug, Default)]
pub(super) struct Approved {
    by_right: BTreeMap<Mandate, Atoms>,
    plans: Vec<(Arc<str>, Atoms)>,
}

impl Approved {
    pub(super) fn of(gates: &Gates<'_>, target: &TargetPolicy, now: Timestamp) -> Self {
        let Some(rule) = &target.gates.approval else { return Self::default() };
        let here = gates.waiting.iter().filter(|plan| plan.target == target.name);
        let approved: Vec<&WaitingPlan> =
            here.filter(|plan| standing(plan, rule, gates.approvals, now) == ApprovalStanding::Approved).collect();
        let changes = || approved.iter().flat_map(|plan| &plan.plan.changes);
        let rights: BTreeSet<Mandate> = changes().map(|change| change.mandate).collect();
        let of_right = |right: Mandate| (right, Atoms::of(changes().filter(|change| change.mandate == right)));
        Self {
            by_right: rights.into_iter().map(of_right).collect(),
            plans: approved.iter().map(|plan| (plan.hash.clone(), Atoms::of(&plan.plan.changes))).collect(),
        }
    }

    /// What of a change is approved, and what is not.
    pub(super) fn split(&self, change: &Change) -> (Option<Change>, Option<Change>) {
        match self.by_right.get(&change.mandate) {
            Some(atoms) => atoms.split(change),
            None => (None, Some(change.clone())),
        }
    }

    /// The approved plans that hold something of a change.
    pub(super) fn uses<'s>(&'s self, change: &'s Change) -> impl Iterator<Item = &'s Arc<str>> {
        self.plans.iter().filter(|(_, atoms)| atoms.touch(change)).map(|(hash, _)| hash)
    }

    pub(super) fn lack(&self) -> Verdict {
        hold(GateKind::Approval, None, ApprovalStanding::Wants { more: 1, of: 1 }.words())
    }
}

/// What is committed with a run's beginning: these plans and what was said of them are used.
pub(super) fn used(hashes: &BTreeSet<Arc<str>>, approvals: &[Approval], now: Timestamp) -> Vec<Fact> {
    let said = approvals.iter().filter(|approval| approval.used.is_none() && hashes.contains(&approval.plan));
    let spent = said.map(|approval| match approval.document {
        // It may stand in the repository for ever, and counts no more.
        Some(_) => Shelf::Approvals.put(name_of(approval), &Approval { used: Some(now), ..approval.clone() }),
        None => Shelf::Approvals.take(name_of(approval)),
    });
    spent.chain(hashes.iter().map(|hash| Shelf::Plans.take(hash.clone()))).collect()
}

/// What is kept of plans: the new ones that wait, and nothing that neither waits nor can be approved any more.
pub(super) fn kept(now_waiting: &[Approving], gates: &Gates<'_>, now: Timestamp) -> Vec<Fact> {
    let waits = |hash: &Arc<str>| now_waiting.iter().any(|one| one.plan.hash == *hash);
    let new = now_waiting.iter().filter(|one| !gates.waiting.contains(&one.plan));
    let rule = |plan: &WaitingPlan| gates.policy.targets.iter().find(|target| target.name == plan.target)?.gates.approval.as_ref();
    // Whoever reviews it right now may approve it after something else has come up.
    let may_be_approved = |plan: &WaitingPlan| {
        rule(plan).is_some_and(|rule| {
            after(plan.since, rule.expires) > now || gates.approvals.iter().any(|approval| counts(approval, plan, rule, now))
        })
    };
    let over = gates.waiting.iter().filter(|plan| !waits(&plan.hash) && !may_be_approved(plan));
    let put = new.map(|one| Shelf::Plans.put(one.plan.hash.clone(), &one.plan));
    put.chain(over.map(|plan| Shelf::Plans.take(plan.hash.clone()))).collect()
}

/// Somebody's word, as it is kept.
pub fn approve(approval: &Approval) -> Fact {
    Shelf::Approvals.put(name_of(approval), approval)
}

fn name_of(approval: &Approval) -> String {
    match &approval.document {
        Some(document) => format!("document/{document}"),
        None => format!("{}/{}", approval.plan, approval.approver.trim().to_lowercase()),
    }
}

/// What documents say, kept as everything else that is said: a document that is new, or says something else, counts from now on; one that is gone counts no more.
pub fn documents(policy: &Policy, kept: &[Approval], now: Timestamp) -> Vec<Fact> {
    let known = |document: &PlanApprovalPolicy| kept.iter().find(|approval| approval.document.as_ref() == Some(&document.name));
    let new = policy
        .approvals
        .iter()
        .filter(|document| known(document).is_none_or(|known| *known != of_document(document, known.at, known.used)));
    let gone = |approval: &&Approval| {
        approval.document.as_ref().is_some_and(|name| !policy.approvals.iter().any(|document| document.name == *name))
    };
    let put = new.map(|document| approve(&of_document(document, now, None)));
    put.chain(kept.iter().filter(gone).map(|approval| Shelf::Approvals.take(name_of(approval)))).collect()
}

/// What the documents of some manifests say, as if nothing of it had been used.
pub fn said_in(policy: &Policy, now: Timestamp) -> Vec<Approval> {
    policy.approvals.iter().map(|document| of_document(document, now, None)).collect()
}

fn of_document(document: &PlanApprovalPolicy, at: Timestamp, used: Option<Timestamp>) -> Approval {
    Approval {
        plan: document.plan.clone(),
        decision: document.decision,
        approver: document.approver.clone(),
        reason: Some(document.reason.clone()),
        at,
        expires: document.expires,
        targets: document.targets.iter().cloned().collect(),
        document: Some(document.name.clone()),
        used,
    }
}

/// What was said by command about plans that nothing is known of any more, a day after it was said.
pub fn expired(waiting: &[WaitingPlan], kept: &[Approval], now: Timestamp) -> Vec<Fact> {
    let known = |approval: &Approval| waiting.iter().any(|plan| plan.hash == approval.plan);
    let old = |approval: &Approval| after(approval.at, jiff::SignedDuration::from_hours(24)) <= now;
    let over = kept.iter().filter(|approval| approval.document.is_none() && !known(approval) && old(approval));
    over.map(|approval| Shelf::Approvals.take(name_of(approval))).collect()
}
