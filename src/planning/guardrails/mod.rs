//! Guardrails: what they say about a finished plan. One function a rule; pure.
//!
//! Must never: change what a step does, or let a step run that an earlier rule withheld.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Action, Change, Guardrail, Mandate, MemberChange, Memory, ObjectKind, ObjectRef, Plan};
use crate::planning::question::Moment;
use crate::policy::{LimitPolicy, Policy, TargetPolicy};

mod figures;
mod hold;
mod leavers;
mod overrides;
pub(in crate::planning) mod population;
pub(in crate::planning) mod protection;
mod refusal;
mod rules;
#[cfg(test)]
mod tests;

use figures::{Figures, figures};
use hold::{give_nothing_ahead, keep_possessions, withhold_dependents};
pub(super) use hold::{part_members, withhold};
use overrides::{Given, hash_of};
pub use rules::counted;
use rules::{RULES, Rule, begins, is_counted, weight};

/// What guardrails and protection must know of the targets besides the plan itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Populations {
    /// in the policy's order of targets; one that is missing counts as empty
    pub targets: Vec<Population>,
}

/// One target as it was observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// active accounts that headcount may remove: owned ones; of an authoritative target all
    pub accounts: u64,
    /// accounts that are headcount's, active or not, as the target shows or the state remembers them, whichever is more
    pub ours: u64,
    /// accounts of headcount's carry its mark here, so where none does, none is
    pub marks: bool,
    /// accounts that are headcount's by what a run sent that was cut off before it heard: what they count as, and when it was
    pub unheard: Vec<(Guardrail, Timestamp)>,
    /// groups that headcount may remove
    pub groups: u64,
    /// people who have at least one membership that headcount may remove
    pub members: u64,
    /// people who have at least one entitlement that headcount may take
    pub entitled: u64,
    /// active accounts of people whom headcount knows, whoever made them
    pub held: u64,
    /// entitlements that headcount gave, as the state remembers them
    pub grants: u64,
    /// groups that headcount made or took over, whatever else it may remove
    pub our_groups: u64,
    /// object keys (as changes name them) of the accounts that protection covers, by name or by rule, and of every group that has such an account in
    /// it or below it
    pub protected: BTreeSet<Arc<str>>,
    /// object keys of the accounts and groups that the target says can't be changed there
    pub foreign: BTreeSet<(ObjectKind, Arc<str>)>,
    /// object keys of those that the target says can't be removed there
    pub stuck: BTreeSet<(ObjectKind, Arc<str>)>,
    /// the groups that must keep some members, in the order of the target's `protect.keep`
    pub kept: Vec<KeptGroup>,
}

/// A group that must keep some members, as it was observed. Empty where the target has no such group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptGroup {
    /// object keys of the group and of the groups nested in it
    pub groups: BTreeSet<Arc<str>>,
    /// object keys of the active accounts that are members of any of them
    pub active: BTreeSet<Arc<str>>,
}

/// Withholds what protection and the guardrails refuse, with one finding for each refusal. The findings' positions are kept in the changes, so nothing may
/// reorder them afterwards.
pub fn check(policy: &Policy, populations: &Populations, memory: &Memory, moment: Moment, plan: &mut Plan) {
    let nobody = Population::default();
    let known = |at: usize| populations.targets.get(at).unwrap_or(&nobody);
    for (at, target) in policy.targets.iter().enumerate() {
        protection::check(target, known(at), plan);
    }
    withhold_dependents(plan);
    let mut of_targets = by_target(plan);
    for (at, target) in policy.targets.iter().enumerate() {
        let changes = of_targets.remove(&target.name).unwrap_or_default();
        if changes.is_empty() {
            continue;
        }
        let scene = Scene { target, population: known(at), memory, moment };
        let begins = changes.iter().map(|&at| &plan.changes[at]).filter(|change| begins(change)).map(|change| change.object.key.clone());
        let mut seen = Seen { leavers_go: true, let_past: BTreeSet::new(), begins: begins.collect() };
        for rule in &RULES {
            match rule.guardrail {
                Guardrail::RemoveMembers => keep_possessions(&target.name, plan),
                Guardrail::AddMembers => give_nothing_ahead(&target.name, plan),
                _ => {}
            }
            check_limit(&scene, rule, &mut seen, &changes, plan);
        }
    }
    withhold_dependents(plan);
}

/// What one target's limits are checked against.
struct Scene<'a> {
    target: &'a TargetPolicy,
    population: &'a Population,
    memory: &'a Memory,
    moment: Moment,
}

/// What the rules that were looked at came to.
struct Seen {
    /// leavers whom a source positively reports are within their own limit, so they go in spite of a breach of another
    leavers_go: bool,
    /// changes that an override names exactly: whoever named them has seen all that they do, so no other limit asks about them
    let_past: BTreeSet<usize>,
    /// accounts that were made ahead of a start date, and begin
    begins: BTreeSet<Arc<str>>,
}

fn by_target(plan: &Plan) -> BTreeMap<Arc<str>, Vec<usize>> {
    let mut found: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (at, change) in plan.changes.iter().enumerate() {
        match found.get_mut(&change.target) {
            Some(list) => list.push(at),
            None => {
                found.insert(change.target.clone(), vec![at]);
            }
        }
    }
    found
}

/// One limit at one target: withholds what it refuses, unless an override was given for that.
fn check_limit(scene: &Scene<'_>, rule: &Rule, seen: &mut Seen, changes: &[usize], plan: &mut Plan) {
    let Some(limit) = scene.target.guardrails.limits.get(&rule.guardrail) else { return };
    let counts =
        |at: &usize| plan.changes[*at].runs() && (rule.counts)(&counting_part(&plan.changes[*at], seen)) > 0 && !seen.let_past.contains(at);
    let mut refused: Vec<usize> = changes.iter().copied().filter(counts).collect();
    let parts: Vec<Cow<'_, Change>> = refused.iter().map(|&at| counting_part(&plan.changes[at], seen)).collect();
    let figures = figures(scene, rule, limit, plan, weight(rule, parts.iter().map(Cow::as_ref)));
    if figures.planned > 0 && !figures.first {
        plan.limits.push(figures.used_of(&scene.target.name, rule.guardrail, limit));
    }
    let all = refused.len();
    // Without a state nothing says how many have gone already, and a deletion can't be taken back.
    let irreversible = figures.unknown && rule.guardrail == Guardrail::Delete;
    if seen.leavers_go && rule.spares_leavers && !irreversible {
        refused.retain(|&at| plan.changes[at].mandate != Mandate::Leaver);
    }
    let spared = all - refused.len();
    if refused.is_empty() || !figures.exceeded() {
        return;
    }
    let breach = Breach { scene, rule, limit, figures };
    match rule.guardrail {
        Guardrail::Leavers => leavers::check(&breach, seen, &refused, plan),
        _ => settle(&breach, seen, &refused, spared, plan),
    }
}

/// A limit that a plan exceeds.
struct Breach<'a> {
    scene: &'a Scene<'a>,
    rule: &'a Rule,
    limit: &'a LimitPolicy,
    figures: Figures,
}

/// All of it goes by an override, or none of it.
fn settle(breach: &Breach<'_>, seen: &mut Seen, refused: &[usize], spared: usize, plan: &mut Plan) {
    // Of members just those who count: so an override fits whoever joins the company meanwhile.
    let counting: Vec<Change> = refused.iter().map(|&at| counting_part(&plan.changes[at], seen).into_owned()).collect();
    let hash = hash_of(&breach.scene.target.name, breach.rule.guardrail, counting.iter());
    let given = Given::find(breach, &hash);
    if let Some(used) = given.valid {
        plan.findings.push(refusal::overridden(breach, used));
        if used.is_exact() {
            seen.let_past.extend(refused);
        }
        return;
    }
    let ending = if spared > 0 { "only leavers whom a source reports go" } else { "none of them goes" };
    let people = refusal::people_who_lose(breach, refused.iter().map(|&at| &plan.changes[at]));
    let finding = refusal::refusal(breach, &format!("{people}{ending}"), &hash, &given.stale);
    let held: Vec<usize> = refused.iter().zip(&counting).map(|(&at, part)| part_from(plan, at, part)).collect();
    withhold(plan, &held, finding);
}

/// A change with those of its members who count: who begins today counts as an account that is made, with all that comes with it.
fn counting_part<'c>(change: &'c Change, seen: &Seen) -> Cow<'c, Change> {
    let begins = |key: &Arc<str>| seen.begins.contains(key);
    match change.action {
        Action::AddMembers => {
            let counts = |member: &&MemberChange| is_counted(change, member) && !begins(&member.member.key);
            match change.members.iter().all(|member| counts(&member)) {
                true => Cow::Borrowed(change),
                false => Cow::Owned(Change { members: change.members.iter().filter(counts).cloned().collect(), ..change.clone() }),
            }
        }
        // As one of an account that is made.
        Action::AddEntitlement if begins(&change.object.key) => {
            Cow::Owned(Change { object: ObjectRef { id: None, ..change.object.clone() }, ..change.clone() })
        }
        _ => Cow::Borrowed(change),
    }
}

/// The position of the part of a change that counts; the rest of it goes.
fn part_from(plan: &mut Plan, at: usize, part: &Change) -> usize {
    let keys: BTreeSet<&Arc<str>> = part.members.iter().map(|member| &member.member.key).collect();
    part_members(plan, at, |key| keys.contains(key)).unwrap_or(at)
}

/// The people whom a change is about: its members or losers, as far as they count, else its own account.
fn keys_of(change: &Change) -> BTreeSet<&Arc<str>> {
    let itself = (change.object.kind == ObjectKind::Account).then_some(&change.object.key);
    let members = change.members.iter().filter(|member| is_counted(change, member)).chain(&change.losers);
    let members = members.filter(|member| member.member.kind == ObjectKind::Account);
    itself.into_iter().chain(members.map(|member| &member.member.key)).collect()
}
