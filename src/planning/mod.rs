//! What should change. Pure: no I/O, no async, no clock; the same inputs give the same plan, byte for byte.
//!
//! Must never: ask a system, read the time, or treat something it does not know as absent.

mod accounts;
mod assembly;
mod entitlements;
pub mod explain;
mod groups;
pub mod guardrails;
mod people;
mod report;
mod revocation;
mod schema;
mod targets;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{Change, FORMAT_VERSION, FindingCode, Link, ObjectKind, ObjectRef, Page, Plan, PlanFilter, RecordLink};
use crate::policy::Policy;
use crate::world::World;

use accounts::lookalikes::Kept;
pub use assembly::restrict::restrict;
use groups::members::Roster;
use groups::resolve::TargetGroups;
use people::contradiction::Doubt;
use people::identity::Person;
pub use people::known_as::{KnownAs, known_as, remembered_as};
use report::findings::Findings;
pub use report::unclaimed::{Unclaimed, unclaimed};
pub use report::upcoming::DAYS_AHEAD;
pub use targets::concern::Concern;
use work::{Basis, Work};

/// When the plan is for. Time is an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// the day, in the workspace's time zone
    pub today: Date,
    /// for ages and windows
    pub now: Timestamp,
}

impl Moment {
    /// An instant, and the day that it is in the workspace's time zone.
    pub fn at(policy: &Policy, now: Timestamp) -> Self {
        Self { today: now.to_zoned(policy.time_zone.clone()).date(), now }
    }
}

/// How much is planned.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// everything
    All,
    /// what these identities and groups (by key) can reach
    Only(&'a BTreeSet<Arc<str>>),
    /// what cuts revoked identities off at the target at this position, and nothing else; needs no read of the target, since it asks for each account
    Revoked(usize),
}

/// Something that must still be looked up before the plan can be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// position of the target in the policy
    pub target: usize,
    /// account or group
    pub kind: ObjectKind,
    /// by what
    pub by: LookupBy,
}

/// By what an object is looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookupBy {
    /// the target's own id
    Id(Arc<str>),
    /// an attribute and its value
    Attribute(Arc<str>, Arc<str>),
}

/// What the system answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// these objects, in the columns of the target's stream; empty: there is none
    Objects(Page),
    /// it could not be asked
    Unknown(String),
}

/// What survey wants to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// sorted, without doubles
    pub lookups: Vec<Lookup>,
}

/// Names what must still be known before [`plan`] can decide. An answer may bring up a further question (an account, the groups it is in): whoever asks
/// comes again with what was answered, until nothing is left that was not asked.
pub fn survey(policy: &Policy, world: &World, answers: &[(Lookup, Answer)], moment: Moment, scope: Scope<'_>) -> Survey {
    let basis = Basis::new(policy, world, answers, moment);
    let mut work = Work::new(&basis);
    correlate_accounts(&mut work, scope);
    if let Scope::Revoked(_) = scope {
        return Survey { lookups: work.questions.into_iter().collect() };
    }
    let open = open_questions(&work);
    work.renames.await_all(basis.people.len(), &open);
    for identity in open {
        decide_identity(&mut work, identity);
    }
    for target in 0..policy.targets.len() {
        accounts::vanished::of_the_absent(&mut work, target);
        groups::resolve::settle(&mut work, target);
    }
    Survey { lookups: work.questions.into_iter().collect() }
}

/// Decides. `answers` holds one answer for each lookup of the survey; a missing one counts as unknown.
pub fn plan(policy: &Policy, world: &World, answers: &[(Lookup, Answer)], moment: Moment, scope: Scope<'_>) -> Plan {
    decide(policy, world, answers, moment, scope, Look::Quick)
}

/// The accounts at a target of everybody who is revoked, as far as they are known.
pub fn revoked_accounts(policy: &Policy, world: &World, answers: &[(Lookup, Answer)], moment: Moment, target: usize) -> Vec<ObjectRef> {
    let basis = Basis::new(policy, world, answers, moment);
    let mut work = Work::new(&basis);
    correlate_accounts(&mut work, Scope::Revoked(target));
    work.cut[target].iter().map(|(row, key)| work.account(target, *row, key)).collect()
}

/// Whose record is whose, where that is not remembered yet. Nothing where not everything could be read: then a second claimant may be missing.
pub fn record_links(policy: &Policy, world: &World, moment: Moment) -> Vec<RecordLink> {
    if policy.sources.len() < 2 && policy.users.iter().all(|user| user.records.is_empty()) {
        return Vec::new();
    }
    if !world.trust.iter().all(|trust| trust.evidence.proves_absence()) {
        return Vec::new();
    }
    let layout = schema::layout::Layout::new(policy, world);
    people::identity::Identities::new(policy, world, &layout, moment).record_links()
}

/// Links that move because an identity has another key now: see [`carried`].
pub fn carried_links(policy: &Policy, world: &World, moment: Moment) -> Vec<Link> {
    targets::carried::links(policy, world, moment)
}

/// Whether everybody is looked at closely. The plan is the same; only tests take the long way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Quick,
    #[cfg(test)]
    Close,
}

fn decide(policy: &Policy, world: &World, answers: &[(Lookup, Answer)], moment: Moment, scope: Scope<'_>, look: Look) -> Plan {
    let basis = Basis::new(policy, world, answers, moment);
    let mut work = Work::new(&basis);
    if let Scope::Revoked(target) = scope {
        let populations = decide_revoked(&mut work, target);
        return finish(work, &populations, scope);
    }
    report::notices::sources(&mut work);
    report::notices::targets(&mut work);
    groups::derive::Groups::tell(&mut work);
    correlate_accounts(&mut work, scope);
    revocation::words::notice(&mut work);
    hold(&mut work);
    let mut screened = accounts::unchanged::screen(&mut work, look != Look::Quick);
    let closer = in_key_order(&work, &screened.closer);
    work.renames.await_all(basis.people.len(), &closer);
    for identity in closer {
        decide_identity(&mut work, identity);
    }
    for target in 0..policy.targets.len() {
        accounts::contested::settle(&mut work, target);
        accounts::nobody::deselected(&mut work, target);
        accounts::vanished::settle(&mut work, target);
        accounts::deprovision::unclaimed(&mut work, target);
    }
    let rosters = groups::members::rosters(&mut work, &mut screened);
    let groups = decide_groups(&mut work, &rosters);
    report::upcoming::declared(&mut work);
    for (target, groups) in groups.iter().enumerate() {
        revocation::steps::cut(&mut work, target, groups);
    }
    assembly::references::resolve(&mut work);
    assembly::handover::settle(&mut work);
    for target in 0..policy.targets.len() {
        entitlements::diff::settle(&mut work, target, &mut screened);
    }
    report::notices::only_observed(&mut work);
    let populations = guardrails::population::populations(&work, &groups);
    finish(work, &populations, scope)
}

/// Only what cuts somebody off at one target.
fn decide_revoked(work: &mut Work<'_, '_>, target: usize) -> guardrails::Populations {
    correlate_accounts(work, Scope::Revoked(target));
    let findings = std::mem::take(&mut work.findings);
    let groups: Vec<_> = (0..work.basis.policy.targets.len()).map(|at| groups::resolve::settle(work, at)).collect();
    work.drafts.clear();
    work.findings = findings;
    revocation::steps::cut(work, target, &groups[target]);
    guardrails::population::populations(work, &groups)
}

/// Puts the steps in order and looks at them as a whole.
fn finish(mut work: Work<'_, '_>, populations: &guardrails::Populations, scope: Scope<'_>) -> Plan {
    let Basis { policy, world, moment, .. } = work.basis;
    let mut changes = assembly::order::order(&mut work);
    changes.iter_mut().for_each(|change| hide_secrets(policy, change));
    if let Scope::Only(keys) = scope {
        changes = restrict(&changes, keys);
    }
    let mut plan = Plan {
        format_version: FORMAT_VERSION,
        workspace: policy.workspace.clone(),
        as_of: moment.today,
        filter: PlanFilter::default(),
        changes,
        findings: work.findings.finish(&work.basis.policy.sources.iter().map(|source| &source.name).collect()),
        evidence: report::notices::evidence(work.basis),
        upcoming: work.diary.finish(),
    };
    guardrails::check(policy, populations, &world.memory, *moment, &mut plan);
    plan
}

/// The mark goes with the values from here on: whatever writes or shows them, shows that they are secrets.
fn hide_secrets(policy: &Policy, change: &mut Change) {
    let Change { target, entitlement, attributes, .. } = change;
    for attribute in attributes {
        attribute.sensitive = match entitlement {
            Some(entitlement) => policy.is_sensitive_parameter(target, entitlement, &attribute.attribute),
            None => policy.is_sensitive(&attribute.attribute),
        };
    }
}

fn decide_groups(work: &mut Work<'_, '_>, rosters: &[Roster]) -> Vec<TargetGroups> {
    let targets = 0..work.basis.policy.targets.len();
    let settle = |target| {
        let mut groups = groups::resolve::settle(work, target);
        groups::renamed::refuse(work, target, &mut groups, rosters);
        groups::diff::settle(work, target, &groups, rosters);
        groups::owners::settle(work, target, &groups, rosters);
        groups
    };
    targets.map(settle).collect()
}

fn correlate_accounts(work: &mut Work<'_, '_>, scope: Scope<'_>) {
    for target in 0..work.basis.policy.targets.len() {
        let claims = targets::correlate::correlate(work.basis, target, &mut work.findings);
        work.claims.push(claims);
    }
    if let Scope::Revoked(_) = scope {
        // What is to be said of others is the next plan's business.
        work.findings = Findings::default();
    }
    for target in revocation::orders::targets(work.basis.policy, scope) {
        revocation::orders::claim(work, target);
    }
}

/// Whoever seems to be another person than their account's, or to be known by another key than before, is held: nothing follows for their accounts.
fn hold(work: &mut Work<'_, '_>) {
    let (mut handed, disbelieved) = accounts::hands::changed(work);
    let (changed, kept) = accounts::lookalikes::paired(work);
    work.kept = kept;
    let moved = accounts::lookalikes::turned_up(work, &handed);
    if !disbelieved.is_empty() {
        handed.extend(
            (0..work.basis.people.len())
                .filter(|identity| work.basis.people.source(*identity).is_some_and(|source| disbelieved.contains(&source))),
        );
        work.basis.people.disbelieve(disbelieved);
    }
    work.kept.extend(moved.into_iter().map(|key| (key, Kept::Whole)));
    let handed =
        handed.into_iter().map(|identity| (identity, Doubt::told(FindingCode::KeyHandedOn, "its key seems to be another person's now")));
    let changed =
        changed.into_iter().map(|identity| (identity, Doubt::told(FindingCode::KeyChanged, "its key seems to be another than before")));
    let left_out = accounts::nobody::out_of_scope(work);
    work.basis.people.hold(left_out.into_iter().chain(handed).chain(changed).collect());
}

/// Names are given out in the order of keys.
fn in_key_order(work: &Work<'_, '_>, identities: &[u32]) -> Vec<u32> {
    let mut sorted = identities.to_vec();
    sorted.sort_by_cached_key(|identity| work.basis.people.key(*identity));
    sorted
}

/// Once for each identity: whoever wants a name that another gives up has that one decided first.
fn decide_identity(work: &mut Work<'_, '_>, identity: u32) {
    if !work.renames.begin(identity) {
        return;
    }
    let mut person = Person::default();
    work.basis.people.assemble(&work.basis.layout, identity, &mut person);
    report::notices::failures(work, &person);
    for target in 0..work.basis.policy.targets.len() {
        accounts::diff::decide(work, target, &mut person);
    }
}

/// Identities about whom something may have to be asked: their account vanished, or not all accounts could be read and none is theirs.
fn open_questions(work: &Work<'_, '_>) -> Vec<u32> {
    let open = |identity: &u32| {
        work.claims.iter().zip(&work.basis.observed).any(|(claims, observed)| match claims.of(*identity) {
            targets::correlate::Claim::Vanished => true,
            targets::correlate::Claim::None => !observed.accounts().evidence().proves_absence(),
            _ => false,
        })
    };
    let identities: Vec<u32> = (0..work.basis.people.len()).filter(open).collect();
    in_key_order(work, &identities)
}
