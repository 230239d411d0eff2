//! What should change. Pure: no I/O, no async, no clock; the same inputs give the same plan, byte for byte.
//!
//! Must never: ask a system, read the time, or treat something it does not know as absent.

mod accounts;
mod assembly;
mod basis;
mod beyond;
mod by_hash;
mod closure;
mod declared;
mod diary;
mod draft;
mod entitlements;
mod everybody;
pub mod explain;
mod findings;
mod groups;
pub mod guardrails;
mod holds;
mod ledger;
mod left;
mod names_nobody;
mod people;
mod privilege;
mod question;
mod report;
mod revocation;
mod schema;
mod targets;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod trace_index;
mod traces;

use std::ops::Range;

use crate::model::{Change, FORMAT_VERSION, Memory, ObjectRef, Plan, PlanFilter, RecordLink};
use crate::policy::Policy;
use crate::world::World;

use basis::Basis;
use draft::Draft;
use everybody::Everybody;
use findings::StepReport;
use guardrails::Populations;
use guardrails::population::{populations, traits};
use ledger::{Covers, Ledger};
use people::identity::Identities;
use report::{notices, side_effects, upcoming};
use revocation::steps::steps;
use schema::layout::Layout;
use targets::claims::Matched;
use targets::matched::match_accounts;

pub use closure::{LastPlan, Replan, Replanned};
pub use diary::DAYS_AHEAD;
pub use left::{LeftBehind, LeftName, Unleft, left_behind};
pub use people::known_as::{KnownAs, known_as, remembered_as};
pub use question::{Answer, Lookup, LookupBy, Moment, Scope, Survey};
pub use report::existing::{Existing, ExistingAccount, ExistingGroup, ExistingMember, ExistingPerson, existing};
pub use report::unclaimed::{Unclaimed, unclaimed};
pub use targets::carried::links as carried_links;
pub use targets::concern::Concern;
pub use targets::placed::links as placed_links;

/// What every question about one world at one moment begins with: who there is, and whose account is whose. It is found out once, for the survey and the plan.
pub struct Prepared<'a> {
    basis: Basis<'a>,
    matched: Matched,
    report: StepReport,
    scope: Scope,
}

/// Finds out who there is and whose account is whose. `answers` holds what was looked up so far.
pub fn prepare<'a>(policy: &'a Policy, world: &'a World, answers: &[(Lookup, Answer)], moment: Moment, scope: Scope) -> Prepared<'a> {
    Prepared::of(Basis::new(policy, world, answers, moment), scope)
}

/// Decides. `answers` holds one answer for each lookup of the survey; a missing one counts as unknown.
pub fn plan(policy: &Policy, world: &World, answers: &[(Lookup, Answer)], moment: Moment, scope: Scope) -> Plan {
    prepare(policy, world, answers, moment, scope).plan()
}

impl<'a> Prepared<'a> {
    fn of(basis: Basis<'a>, scope: Scope) -> Self {
        let (matched, report) = match_accounts(&basis, scope);
        Self { basis, matched, report, scope }
    }

    /// Names what must still be known before [`Prepared::plan`] can decide. An answer may bring up a further question (an account, the groups it is in):
    /// whoever asks prepares again with what was answered, until nothing is left that was not asked.
    pub fn survey(&self) -> Survey {
        let Self { basis, matched, .. } = self;
        let mut questions = self.report.questions.clone();
        if !matches!(self.scope, Scope::Revoked(_)) {
            questions.extend(accounts::questions(basis, matched).questions);
            questions.extend(groups::resolve(basis, matched).1.questions);
        }
        Survey { lookups: questions.into_iter().collect() }
    }

    /// The accounts at a target of everybody who is revoked, as far as they are known.
    pub fn revoked_accounts(&self, target: usize) -> Vec<ObjectRef> {
        self.matched.cut[target].iter().map(|(row, key)| self.basis.account(target, *row, key)).collect()
    }

    /// Decides. What was not answered counts as unknown.
    pub fn plan(self) -> Plan {
        let memory = &self.basis.world.memory;
        self.decide(Look::Quick, memory, None)
    }

    /// Decides. `memory`: all that is remembered; `ledger`: what is kept for the next plan.
    fn decide(self, look: Look, memory: &Memory, mut ledger: Option<&mut Ledger>) -> Plan {
        let Self { basis, matched, mut report, scope } = self;
        if let Scope::Revoked(target) = scope {
            return decide_revoked(&basis, &matched, target, report, memory);
        }
        report.add(tell_of_systems(&basis));
        let seen = everybody::look(&basis, &matched, look != Look::Quick);
        let holds = report.hear(holds::find(&basis, &matched, &seen.0.others));
        let held = !holds.is_empty();
        let basis = basis.holding(holds.people, holds.sources);
        // Where something is held, whoever it is about looks different.
        let seen = if held { everybody::look(&basis, &matched, look != Look::Quick) } else { seen };
        let Everybody { standing, presence, closer, groups: cover, entitlements: entitled, .. } = report.hear(seen);
        let covers = ledger.as_ref().map(|_| Covers::of(&cover, &entitled));
        let mut accounts = report.hear(accounts::diff(&basis, &matched, &holds.kept, presence, &closer));
        let rosters = report.hear(groups::members::rosters(&basis, cover, &standing));
        let groups = report.hear(groups::diff(&basis, &matched, &accounts, &rosters));
        let cuts = report.hear(steps(&basis, &matched, &groups.at, 0..basis.policy.targets.len()));
        let grants = report.hear(entitlements::diff(&basis, &matched, &accounts, entitled, &standing));
        let drafts = std::mem::take(&mut accounts.drafts).into_iter().chain(groups.drafts).chain(cuts).collect();
        let mut drafts = report.hear(assembly::link(&basis, &matched, &accounts, drafts));
        drafts.extend(grants);
        upcoming::declared(&basis, &mut report.diary);
        let traits = traits(&basis, &matched, &groups.at, &accounts.nobodys);
        if let (Some(ledger), Some(covers)) = (&mut ledger, covers) {
            ledger.trace_all(&basis, &matched);
            ledger.count_people(&basis, covers, &accounts);
            ledger.count_accounts(&basis, &traits);
            ledger.note(&basis, &drafts, &report);
        }
        notices::only_observed(&basis, &mut drafts, &mut report.findings);
        side_effects::tell(&basis, &drafts, &mut report.findings);
        finish(&basis, drafts, report, (&populations(&basis, &matched, &groups.at, &traits), memory))
    }
}

/// Whose record is whose, where that is not remembered yet. Nothing where not everything could be read: then a second claimant may be missing.
pub fn record_links(policy: &Policy, world: &World, moment: Moment) -> Vec<RecordLink> {
    if policy.sources.len() < 2 && policy.users.iter().all(|user| user.records.is_empty()) {
        return Vec::new();
    }
    if !world.trust.iter().all(|trust| trust.evidence.proves_absence()) {
        return Vec::new();
    }
    let layout = Layout::new(policy, world);
    Identities::new(policy, world, &layout, moment, None).record_links()
}

/// Whether everybody is looked at closely. The plan is the same; only tests take the long way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Quick,
    #[cfg(test)]
    Close,
}

/// Only what cuts somebody off at one target. What is to be said of its groups is the next plan's business.
fn decide_revoked(basis: &Basis<'_>, matched: &Matched, target: usize, mut report: StepReport, memory: &Memory) -> Plan {
    let (groups, _) = groups::resolve(basis, matched);
    let only: Range<usize> = target..target + 1;
    let cuts = report.hear(steps(basis, matched, &groups, only));
    let traits = traits(basis, matched, &groups, &[]);
    finish(basis, cuts, report, (&populations(basis, matched, &groups, &traits), memory))
}

/// How systems were read, and what manifests say of nobody.
fn tell_of_systems(basis: &Basis<'_>) -> StepReport {
    let mut report = StepReport::new(basis.moment.today);
    let findings = &mut report.findings;
    notices::sources(basis, findings);
    notices::targets(basis, findings);
    basis.groups.tell(basis.policy, &basis.people, findings);
    revocation::words::notice(basis, findings);
    report
}

/// Puts the steps in order and looks at them as a whole.
fn finish(basis: &Basis<'_>, drafts: Vec<Draft>, mut report: StepReport, (populations, memory): (&Populations, &Memory)) -> Plan {
    let Basis { policy, moment, .. } = basis;
    let mut changes = assembly::order::order(basis, drafts);
    for change in &mut changes {
        mark_values(policy, change);
    }
    privilege::mark(basis, &mut changes);
    let mut plan = Plan {
        format_version: FORMAT_VERSION,
        workspace: policy.workspace.clone(),
        as_of: moment.today,
        filter: PlanFilter::default(),
        changes,
        findings: report.findings.finish(&policy.sources.iter().map(|source| &source.name).collect()),
        evidence: notices::evidence(basis),
        limits: Vec::new(),
        upcoming: report.diary.finish(),
    };
    guardrails::check(policy, populations, memory, *moment, &mut plan);
    plan
}

/// The marks go with the values from here on: whatever writes or shows them, shows that they are secrets, and whatever counts them, that they give rights.
fn mark_values(policy: &Policy, change: &mut Change) {
    let Change { target, entitlement, attributes, .. } = change;
    for attribute in attributes {
        attribute.sensitive = match entitlement {
            Some(entitlement) => policy.is_sensitive_parameter(target, entitlement, &attribute.attribute),
            None => policy.is_sensitive(&attribute.attribute),
        };
        attribute.privileged = entitlement.is_none() && policy.is_privileged_attribute(target, &attribute.attribute);
    }
}
