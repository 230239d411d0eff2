//! What becomes of accounts: desired values against observed ones, names, departures.
//!
//! Must never: touch a membership or an entitlement.

pub(in crate::planning) mod access;
pub(in crate::planning) mod contested;
mod create;
pub(in crate::planning) mod deprovision;
pub(in crate::planning) mod deselected;
pub(in crate::planning) mod desired;
pub(in crate::planning) mod diff;
mod elsewhere;
mod ghosts;
pub(in crate::planning) mod leaver;
mod places;
pub(in crate::planning) mod presence;
pub(in crate::planning) mod renames;
pub(in crate::planning) mod reserved;
mod taken;
pub(in crate::planning) mod unchanged;
pub(in crate::planning) mod unique;
pub(in crate::planning) mod vanished;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::Ownership;
use crate::model::{Cause, Change, FindingCode, Mandate, ObjectRef, Severity};
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Stage};
use crate::planning::findings::StepReport;
use crate::planning::holds::lookalikes::Kept;
use crate::planning::people::failures;
use crate::planning::people::person::Person;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::claims::Matched;

use contested::Wishes;
use deselected::Deselected;
use presence::Presence;
use renames::Renames;
use unique::TakenNames;

/// What becomes of everybody's accounts.
#[derive(Default)]
pub(in crate::planning) struct Accounts {
    /// by target and identity
    pub(in crate::planning) presence: Vec<Vec<Presence>>,
    /// by target: accounts of ours whose identity is gone
    pub(in crate::planning) gone: Vec<BTreeSet<u32>>,
    /// by target: accounts that belong to nobody and are left alone
    pub(in crate::planning) nobodys: Vec<Vec<u32>>,
    /// for each target whether accounts that no identity claims are known to be nobody's
    pub(in crate::planning) strangers_go: Vec<bool>,
    /// by target: what groups list somebody by whom nobody knows, and somebody waits for; by its hash
    pub(in crate::planning) ghosts: Vec<BTreeMap<u64, Arc<str>>>,
    pub(in crate::planning) drafts: Vec<Draft>,
}

impl Accounts {
    /// New accounts, by identity, as changes name them.
    pub(in crate::planning) fn made(&self, target: usize) -> BTreeMap<u32, ObjectRef> {
        let drafts = self.drafts.iter().filter(|draft| draft.target == target && draft.stage == Stage::CreateAccounts);
        let entry = |draft: &Draft| match draft.change.cause {
            Cause::Identity(identity) => Some((identity, draft.change.object.clone())),
            _ => None,
        };
        drafts.filter_map(entry).collect()
    }

    /// Leavers whose accounts go in this plan.
    pub(in crate::planning) fn leavers(&self, target: usize) -> BTreeSet<Arc<str>> {
        let goes = |draft: &&Draft| draft.target == target && draft.change.mandate == Mandate::Leaver && draft.change.action.removes();
        self.drafts.iter().filter(goes).map(|draft| draft.change.object.key.clone()).collect()
    }

    /// Whether somebody has an account at a target, or gets one in this plan. One that was merely found is nobody's yet: only its adoption makes it theirs.
    pub(in crate::planning) fn resolves(&self, basis: &Basis<'_>, matched: &Matched, target: usize, key: &str) -> bool {
        let Some(identity) = basis.people.find(key) else { return false };
        matches!(matched.claims[target].of(identity), Claim::Owned(_)) || self.presence[target][identity as usize] == Presence::Made
    }
}

/// Decides about these, whom the quick look left open, and about accounts that nobody has. `presence`: what the quick look found of the others.
pub(in crate::planning) fn diff(
    basis: &Basis<'_>,
    matched: &Matched,
    kept: &BTreeMap<Arc<str>, Kept>,
    presence: Vec<Vec<Presence>>,
    closer: &[u32],
) -> (Accounts, StepReport) {
    let mut step = Step::new(basis, matched, kept, presence);
    step.decide_all(closer);
    for target in 0..basis.policy.targets.len() {
        contested::settle(&mut step, target);
        vanished::settle(&mut step, target);
        deprovision::unclaimed(&mut step, target);
        elsewhere::ask_memberships(&mut step, target);
        deselected::settle(&mut step, target);
        places::settle(&mut step, target);
        ghosts::settle(&mut step, target);
    }
    let Step { presence, gone, nobodys, strangers_go, ghosts, drafts, report, .. } = step;
    (Accounts { presence, gone, nobodys, strangers_go, ghosts, drafts }, report)
}

/// What must be asked before anything can be decided about an account: one that vanished, or one that may be there though not all could be read.
pub(in crate::planning) fn questions(basis: &Basis<'_>, matched: &Matched) -> StepReport {
    let kept = BTreeMap::new();
    let mut step = Step::new(basis, matched, &kept, nobody_present(basis));
    step.decide_all(&open_questions(basis, matched));
    for target in 0..basis.policy.targets.len() {
        vanished::of_the_absent(&mut step, target);
        elsewhere::ask_memberships(&mut step, target);
    }
    step.report
}

/// Before anything is known.
pub(in crate::planning) fn nobody_present(basis: &Basis<'_>) -> Vec<Vec<Presence>> {
    basis.policy.targets.iter().map(|_| vec![Presence::Absent; basis.people.len() as usize]).collect()
}

/// Identities about whom something may have to be asked: their account vanished, or not all accounts could be read and none is theirs.
fn open_questions(basis: &Basis<'_>, matched: &Matched) -> Vec<u32> {
    let open = |identity: &u32| {
        matched.claims.iter().zip(&basis.observed).any(|(claims, observed)| match claims.of(*identity) {
            Claim::Vanished => true,
            Claim::None => !observed.accounts().evidence().proves_absence(),
            _ => false,
        })
    };
    (0..basis.people.len()).filter(open).collect()
}

/// The step while it is under way.
struct Step<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s Matched,
    /// keys of identities that are gone, it seems, and whose accounts stay
    kept: &'s BTreeMap<Arc<str>, Kept>,
    /// by target and identity: what becomes of the account
    presence: Vec<Vec<Presence>>,
    /// by target: accounts of ours whose identity is gone
    gone: Vec<BTreeSet<u32>>,
    /// by target: accounts that belong to nobody and are left alone
    nobodys: Vec<Vec<u32>>,
    strangers_go: Vec<bool>,
    ghosts: Vec<BTreeMap<u64, Arc<str>>>,
    /// by target: who is to get which user name
    wishes: Vec<Wishes>,
    /// by target: whose account goes because the target is not for them
    deselected: Vec<Vec<Deselected>>,
    /// by target: people whose remembered account is not there any more and who get another one, with its ids
    remade: Vec<BTreeMap<Arc<str>, Vec<Arc<str>>>>,
    names: TakenNames,
    /// who is still to be decided, and whose names are on their way
    renames: Renames,
    drafts: Vec<Draft>,
    report: StepReport,
}

impl<'s, 'a> Step<'s, 'a> {
    fn new(basis: &'s Basis<'a>, matched: &'s Matched, kept: &'s BTreeMap<Arc<str>, Kept>, presence: Vec<Vec<Presence>>) -> Self {
        let targets = basis.policy.targets.len();
        Self {
            basis,
            matched,
            kept,
            presence,
            gone: vec![BTreeSet::new(); targets],
            nobodys: vec![Vec::new(); targets],
            strangers_go: vec![false; targets],
            ghosts: vec![BTreeMap::new(); targets],
            wishes: vec![Wishes::new(); targets],
            deselected: (0..targets).map(|_| Vec::new()).collect(),
            remade: vec![BTreeMap::new(); targets],
            names: TakenNames::none(basis),
            renames: Renames::default(),
            drafts: Vec::new(),
            report: StepReport::new(basis.moment.today),
        }
    }

    /// Names are given out in the order of keys.
    fn decide_all(&mut self, identities: &[u32]) {
        let mut sorted = identities.to_vec();
        sorted.sort_by_cached_key(|identity| self.basis.people.key(*identity));
        self.renames.await_all(self.basis.people.len(), &sorted);
        for identity in sorted {
            self.decide(identity);
        }
    }

    /// Once for each identity: whoever wants a name that another gives up has that one decided first.
    fn decide(&mut self, identity: u32) {
        if !self.renames.begin(identity) {
            return;
        }
        let Basis { people, layout, policy, .. } = self.basis;
        let mut person = Person::default();
        people.assemble(layout, identity, &mut person);
        failures::tell(people, layout, &person, &mut self.report.findings);
        for target in 0..policy.targets.len() {
            diff::decide(self, target, &mut person);
        }
    }

    /// A finding about somebody at a target, told together with the others of its sort.
    fn tell(&mut self, severity: Severity, code: FindingCode, target: usize, key: &Arc<str>, sentence: &str) {
        self.report.findings.tell(severity, code, &self.basis.policy.targets[target].name, key, sentence);
    }

    /// Changes are counted at an observed target, and nothing is done.
    fn only_observes(&self, target: usize) -> bool {
        self.basis.policy.targets[target].ownership == Ownership::Observe
    }

    /// Whether accounts can be changed there; that they can't is told.
    fn can_update(&mut self, target: usize, key: &Arc<str>) -> bool {
        let can = self.basis.observed[target].side.capabilities.update_accounts;
        if !can {
            self.tell(Severity::Error, FindingCode::UnsupportedCapability, target, key, "{who}: accounts can't be changed here");
        }
        can
    }

    /// Puts a change down.
    fn draft(&mut self, target: usize, stage: Stage, change: Change) {
        self.drafts.push(Draft::new(target, stage, change));
    }
}
