//! Guardrails: what they say about a finished plan. One function a rule; pure.
//!
//! Must never: change what a step does, or let a step run that an earlier rule withheld.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::ToSpan;

use super::{Moment, protect};
use crate::model::{
    Action, Change, ChangeId, Finding, FindingCode, Memory, ObjectKind, Plan, Reason, Severity, Subject, WindowEntry, Withheld,
};
use crate::policy::{Guardrail, LimitPolicy, OverridePolicy, Policy, TargetPolicy};

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
    /// groups that headcount may remove
    pub groups: u64,
    /// people who have at least one membership that headcount may remove
    pub members: u64,
    /// people who have at least one entitlement that headcount may take
    pub entitled: u64,
    /// object keys (as changes name them) of the accounts that protection covers, by name or by rule, and of every group that has such an account in
    /// it or below it
    pub protected: BTreeSet<Arc<str>>,
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

/// Days that the override in a refusal's hint is good for.
const OVERRIDE_DAYS: i64 = 7;

/// In the order they are looked at: leavers first, since whether they are within their limit decides what another breach withholds.
const ORDER: [Guardrail; 9] = [
    Guardrail::Leavers,
    Guardrail::Deactivate,
    Guardrail::Delete,
    Guardrail::RemoveMembers,
    Guardrail::RemoveEntitlements,
    Guardrail::DeleteGroups,
    Guardrail::CreateGroups,
    Guardrail::Create,
    Guardrail::Update,
];

/// Withholds what protection and the guardrails refuse, with one finding for each refusal. The findings' positions are kept in the changes, so nothing may
/// reorder them afterwards.
pub fn check(policy: &Policy, populations: &Populations, memory: &Memory, moment: Moment, plan: &mut Plan) {
    let nobody = Population::default();
    let known = |at: usize| populations.targets.get(at).unwrap_or(&nobody);
    for (at, target) in policy.targets.iter().enumerate() {
        protect::check(target, known(at), plan);
    }
    withhold_dependents(plan);
    let mut of_targets = by_target(plan);
    for (at, target) in policy.targets.iter().enumerate() {
        let changes = of_targets.remove(&target.name).unwrap_or_default();
        if changes.is_empty() {
            continue;
        }
        let scene = Scene { target, population: known(at), memory, moment };
        let mut leavers_go = true;
        for guardrail in ORDER {
            if guardrail == Guardrail::RemoveMembers {
                keep_possessions(&target.name, plan);
            }
            let kept_within = check_limit(&scene, guardrail, leavers_go, &changes, plan);
            leavers_go &= kept_within || guardrail != Guardrail::Leavers;
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

/// The figures of one limit.
struct Figures {
    /// what the plan would do
    planned: u64,
    /// what earlier runs did within the window
    used: u64,
    /// active objects now, and those that the window removed
    population: u64,
    /// how much a whole window may do
    allowed: u64,
    /// there is no state, so nobody knows what earlier runs did
    unknown: bool,
    /// what is not known counts as full
    full: bool,
}

impl Figures {
    fn exceeded(&self) -> bool {
        self.planned > 0 && (self.full || self.used.saturating_add(self.planned) > self.allowed)
    }
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

/// One limit at one target: withholds what it refuses, unless an override was given for exactly that. Gives whether it refused nothing.
/// `leavers_go`: leavers whom a source positively reports are within their own limit, so they go in spite of a breach of this one.
fn check_limit(scene: &Scene<'_>, guardrail: Guardrail, leavers_go: bool, changes: &[usize], plan: &mut Plan) -> bool {
    let Some(limit) = scene.target.guardrails.limits.get(&guardrail) else { return true };
    let mut refused: Vec<usize> =
        changes.iter().copied().filter(|&at| plan.changes[at].runs() && counts(guardrail, &plan.changes[at])).collect();
    let figures = figures(scene, guardrail, limit, weight(guardrail, refused.iter().map(|&at| &plan.changes[at])));
    let all = refused.len();
    // Without a state nothing says how many have gone already, and a deletion can't be taken back.
    let irreversible = figures.unknown && guardrail == Guardrail::Delete;
    if leavers_go && spares_leavers(guardrail) && !irreversible {
        refused.retain(|&at| plan.changes[at].reason != Reason::Leaver);
    }
    let spared = all - refused.len();
    if refused.is_empty() || !figures.exceeded() {
        return true;
    }
    let hash = hash_of(&scene.target.name, guardrail, refused.iter().map(|&at| &plan.changes[at]));
    let given = scene.target.guardrails.overrides.iter().filter(|given| given.guardrail == guardrail);
    let (valid, stale): (Vec<_>, Vec<_>) = given.partition(|given| given.changes == hash && given.expires >= scene.moment.today);
    if let Some(used) = valid.first() {
        plan.findings.push(overridden(scene, guardrail, limit, &figures, used));
        return true;
    }
    let finding = refusal(scene, guardrail, limit, &figures, spared, &hash, &stale);
    withhold(plan, &refused, finding);
    false
}

/// How much these changes count for: leavers and losers of entitlements as people, however much becomes of each, all else by what each change weighs.
fn weight<'a>(guardrail: Guardrail, changes: impl Iterator<Item = &'a Change>) -> u64 {
    if !matches!(guardrail, Guardrail::Leavers | Guardrail::RemoveEntitlements) {
        return changes.map(Change::weight).sum();
    }
    let people: BTreeSet<&Arc<str>> = changes
        .flat_map(|change| {
            let itself = (change.action != Action::RemoveMembers).then_some(&change.object.key);
            itself.into_iter().chain(change.members.iter().map(|member| &member.member.key))
        })
        .collect();
    people.len() as u64
}

/// Whether a change counts in a guardrail. What becomes of leavers counts as what it is, too: work is counted gross. A revocation goes past all of them.
fn counts(guardrail: Guardrail, change: &Change) -> bool {
    use Action::{Adopt, Create, Deactivate, Delete, Reactivate, RemoveEntitlement, RemoveMembers, Update, UpdateEntitlement};
    if change.reason == Reason::Revoked {
        return false;
    }
    match (change.object.kind, guardrail) {
        (_, Guardrail::Leavers) => change.reason == Reason::Leaver && change.action.removes(),
        (ObjectKind::Account, Guardrail::Deactivate) => change.action == Deactivate,
        (ObjectKind::Account, Guardrail::Delete) => change.action == Delete,
        (ObjectKind::Account, Guardrail::Create) => change.action == Create,
        (ObjectKind::Account, Guardrail::Update) => matches!(change.action, Update | Adopt | Reactivate | UpdateEntitlement),
        (ObjectKind::Account, Guardrail::RemoveEntitlements) => change.action == RemoveEntitlement,
        (ObjectKind::Group | ObjectKind::Membership, Guardrail::RemoveMembers) => change.action == RemoveMembers,
        (ObjectKind::Group, Guardrail::CreateGroups) => change.action == Create,
        (ObjectKind::Group, Guardrail::DeleteGroups) => change.action == Delete,
        _ => false,
    }
}

/// Whether earlier work counts in a guardrail: the same table as [`counts`], over what the window remembers. Of leavers just their accounts count, since
/// a window does not know whose memberships went.
fn counted_before(guardrail: Guardrail, entry: &WindowEntry) -> bool {
    use Action::{Adopt, Create, Deactivate, Delete, Reactivate, RemoveEntitlement, RemoveMembers, Update, UpdateEntitlement};
    match (entry.kind, guardrail) {
        (ObjectKind::Account, Guardrail::Leavers) => entry.leaver && matches!(entry.action, Deactivate | Delete),
        (ObjectKind::Account, Guardrail::Deactivate) => entry.action == Deactivate,
        (ObjectKind::Account, Guardrail::Delete) => entry.action == Delete,
        (ObjectKind::Account, Guardrail::Create) => entry.action == Create,
        (ObjectKind::Account, Guardrail::Update) => matches!(entry.action, Update | Adopt | Reactivate | UpdateEntitlement),
        (ObjectKind::Account, Guardrail::RemoveEntitlements) => entry.action == RemoveEntitlement,
        (ObjectKind::Group | ObjectKind::Membership, Guardrail::RemoveMembers) => entry.action == RemoveMembers,
        (ObjectKind::Group, Guardrail::CreateGroups) => entry.action == Create,
        (ObjectKind::Group, Guardrail::DeleteGroups) => entry.action == Delete,
        _ => false,
    }
}

/// Whether leavers whom a source positively reports go in spite of this guardrail's breach.
fn spares_leavers(guardrail: Guardrail) -> bool {
    matches!(guardrail, Guardrail::Deactivate | Guardrail::Delete | Guardrail::RemoveMembers | Guardrail::RemoveEntitlements)
}

/// Whether somebody loses something by what the guardrail counts: only there a lost state counts as a full window.
fn destructive(guardrail: Guardrail) -> bool {
    !matches!(guardrail, Guardrail::Create | Guardrail::CreateGroups | Guardrail::Update)
}

fn figures(scene: &Scene<'_>, guardrail: Guardrail, limit: &LimitPolicy, planned: u64) -> Figures {
    let now = match guardrail {
        Guardrail::RemoveMembers => scene.population.members,
        Guardrail::RemoveEntitlements => scene.population.entitled,
        Guardrail::CreateGroups | Guardrail::DeleteGroups => scene.population.groups,
        _ => scene.population.accounts,
    };
    let used = used(scene, guardrail);
    // What was created or updated has not left the population, so only removals are added back to it.
    let population = if destructive(guardrail) { now.saturating_add(used) } else { now };
    let unknown = !scene.memory.known && destructive(guardrail) && now > 0;
    // Whom a source positively reports as gone must lose access even where no state is ever kept: they are counted within this run.
    let full = unknown && guardrail != Guardrail::Leavers;
    Figures { planned, used, population, allowed: allowance(limit, population), unknown, full }
}

/// Work of all runs that the rolling window still holds.
fn used(scene: &Scene<'_>, guardrail: Guardrail) -> u64 {
    let window = scene.target.guardrails.window;
    let within = |entry: &&WindowEntry| {
        entry.target == scene.target.name && counted_before(guardrail, entry) && scene.moment.now.duration_since(entry.at) < window
    };
    scene.memory.windows.iter().filter(within).fold(0, |sum, entry| sum.saturating_add(entry.weight))
}

/// max(`count`, `percent` of the population), capped by `max`. A part of an object is none.
fn allowance(limit: &LimitPolicy, population: u64) -> u64 {
    // The small addition keeps 7 % of 100 from being 6.999….
    let share = (population as f64 * limit.percent / 100.0 + 1e-9).max(0.0) as u64;
    let allowed = limit.count.max(share);
    limit.max.map_or(allowed, |max| allowed.min(max))
}

/// What an override is bound to: target, guardrail and exactly this set of changes, in any order.
fn hash_of<'a>(target: &str, guardrail: Guardrail, changes: impl Iterator<Item = &'a Change>) -> String {
    let mut lines: Vec<String> = changes
        .map(|change| {
            let members: Vec<_> = change.members.iter().map(|member| (&member.member.key, &member.member.id)).collect();
            let atoms = (change.action, change.object.kind, &change.object.key, &change.object.id, &change.attributes, members);
            // Serialising plain values into memory can't fail; an empty part would only make another hash.
            let mut line = serde_json::to_string(&atoms).unwrap_or_default();
            line.extend(change.entitlement.as_deref().into_iter().flat_map(|name| [" ", name]));
            line
        })
        .collect();
    lines.sort_unstable();
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [target, guardrail.word()].into_iter().chain(lines.iter().map(String::as_str)) {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().iter().take(16).fold(String::new(), |mut hex, byte| {
        // Writing into a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What a guardrail counts, for a sentence, and of what.
fn counted_things(guardrail: Guardrail) -> (&'static str, &'static str) {
    match guardrail {
        Guardrail::Create => ("account creations", "active accounts"),
        Guardrail::Update => ("account updates", "active accounts"),
        Guardrail::Deactivate => ("deactivations", "active accounts"),
        Guardrail::Delete => ("account deletions", "active accounts"),
        Guardrail::RemoveMembers => ("removals of people from groups", "people with memberships"),
        Guardrail::RemoveEntitlements => ("people who lose entitlements", "people with entitlements"),
        Guardrail::CreateGroups => ("group creations", "groups"),
        Guardrail::DeleteGroups => ("group deletions", "groups"),
        Guardrail::Leavers => ("leavers to cut off", "active accounts"),
    }
}

/// The figures as one sentence.
fn sentence(scene: &Scene<'_>, guardrail: Guardrail, limit: &LimitPolicy, figures: &Figures) -> String {
    let (things, of) = counted_things(guardrail);
    let Figures { planned, used, population, allowed, unknown, .. } = figures;
    let target = &scene.target.name;
    let window = format!("{:#}", scene.target.guardrails.window);
    let before = if *unknown { "an unknown number (there is no state)".to_string() } else { used.to_string() };
    let rule = limit.place.as_ref().map_or_else(|| "the default limit".to_string(), |place| format!("the limit at {place}"));
    let max = limit.max.map_or_else(String::new, |max| format!(", at most {max}"));
    let formula = format!("count {}, {} % of {population} {of}{max}", limit.count, limit.percent);
    format!("{target}: {things}: {planned} planned and {before} done in the last {window}, but {rule} allows {allowed} ({formula})")
}

fn overridden(scene: &Scene<'_>, guardrail: Guardrail, limit: &LimitPolicy, figures: &Figures, used: &OverridePolicy) -> Finding {
    let message = format!(
        "{}; the override at {} lets exactly these changes past until {}: {}",
        sentence(scene, guardrail, limit, figures),
        used.place,
        used.expires,
        used.reason
    );
    Finding::new(Severity::Note, FindingCode::GuardrailExceeded, Subject::system(&scene.target.name), message).at(Some(used.place.clone()))
}

fn refusal(
    scene: &Scene<'_>,
    guardrail: Guardrail,
    limit: &LimitPolicy,
    figures: &Figures,
    spared: usize,
    hash: &str,
    stale: &[&OverridePolicy],
) -> Finding {
    let mut message = sentence(scene, guardrail, limit, figures);
    message.push_str(if spared > 0 { "; only leavers whom a source reports go" } else { "; none of them goes" });
    for given in stale {
        let why =
            if given.changes == hash { format!("expired on {}", given.expires) } else { "was given for another set of changes".into() };
        // Writing into a string can't fail.
        let _ = write!(message, "; the override at {} {why}", given.place);
    }
    let place = limit.place.clone().unwrap_or_else(|| scene.target.place.clone());
    Finding::new(Severity::Refused, FindingCode::GuardrailExceeded, Subject::system(&scene.target.name), message)
        .hint(hint(scene, guardrail, figures, hash))
        .at(Some(place))
}

fn hint(scene: &Scene<'_>, guardrail: Guardrail, figures: &Figures, hash: &str) -> String {
    let first = if figures.unknown { "bring back the state file of this workspace; or, if" } else { "if" };
    // A date at the very end of time has no week after it; today is still a valid last day.
    let expires = scene.moment.today.checked_add(OVERRIDE_DAYS.days()).unwrap_or(scene.moment.today);
    format!(
        "{first} this is right, add to Target {}:\nspec:\n  guardrails:\n    overrides:\n    - guardrail: {}\n      changes: {hash}\n      reason: \"…\"\n      expires: {expires}",
        scene.target.name,
        guardrail.word()
    )
}

/// Adds the finding, and marks these changes with its position. A change that is withheld already keeps its first reason.
pub(super) fn withhold(plan: &mut Plan, changes: &[usize], finding: Finding) {
    let position = u32::try_from(plan.findings.len()).unwrap_or(u32::MAX);
    plan.findings.push(finding);
    for &at in changes {
        if let Some(change) = plan.changes.get_mut(at) {
            change.withheld.get_or_insert(Withheld { finding: position });
        }
    }
}

/// Parts a change of members where just some of them are `mine`: the others stay in place, mine move into a change of their own at the end, where no
/// position shifts. Gives the position of the new change; none where the change holds nothing else.
pub(super) fn part_members(plan: &mut Plan, at: usize, mine: impl Fn(&Arc<str>) -> bool) -> Option<usize> {
    let change = plan.changes.get_mut(at)?;
    if !change.members.iter().any(|member| mine(&member.member.key)) || change.members.iter().all(|member| mine(&member.member.key)) {
        return None;
    }
    let (held, rest) = std::mem::take(&mut change.members).into_iter().partition(|member| mine(&member.member.key));
    change.members = rest;
    let held = Change { members: held, ..change.clone() };
    plan.changes.push(held);
    Some(plan.changes.len() - 1)
}

/// Whoever keeps an access that was to be taken away keeps the memberships and entitlements that would have gone with it.
fn keep_possessions(target: &Arc<str>, plan: &mut Plan) {
    let takes_access = |change: &&Change| {
        change.object.kind == ObjectKind::Account
            && matches!(change.action, Action::Deactivate | Action::Delete)
            && change.reason != Reason::Due
    };
    let held = plan.changes.iter().filter(|change| change.target == *target).filter(takes_access);
    let held: BTreeMap<Arc<str>, Withheld> =
        held.filter_map(|change| Some((change.object.key.clone(), change.withheld.clone()?))).collect();
    if held.is_empty() {
        return;
    }
    for at in 0..plan.changes.len() {
        let change = &plan.changes[at];
        if change.target != *target || !change.runs() {
            continue;
        }
        let why = match change.action {
            Action::RemoveMembers => change.members.iter().find_map(|member| held.get(&member.member.key)),
            Action::RemoveEntitlement => held.get(&change.object.key),
            _ => None,
        };
        let Some(why) = why.cloned() else { continue };
        let stays = part_members(plan, at, |key| held.contains_key(key)).unwrap_or(at);
        plan.changes[stays].withheld = Some(why);
    }
}

/// A change whose need is withheld is withheld for the same reason; needs of needs too. Of an addition to a group just the members that can't come wait.
fn withhold_dependents(plan: &mut Plan) {
    loop {
        let mut moved = false;
        for at in 0..plan.changes.len() {
            if plan.changes[at].runs() {
                moved |= withhold_dependent(plan, at);
            }
        }
        if !moved {
            return;
        }
    }
}

fn withhold_dependent(plan: &mut Plan, at: usize) -> bool {
    let held = |need: &ChangeId| plan.changes.get(need.0 as usize).filter(|needed| !needed.runs());
    let change = &plan.changes[at];
    let Some(why) = change.needs.iter().find_map(|need| held(need)?.withheld.clone()) else { return false };
    let missing: BTreeSet<Arc<str>> = change.needs.iter().filter_map(|need| Some(held(need)?.object.key.clone())).collect();
    let without: Vec<ChangeId> = change.needs.iter().copied().filter(|need| held(need).is_none()).collect();
    let waits = match missing.contains(&change.object.key) {
        true => at,
        false => part_members(plan, at, |key| missing.contains(key)).unwrap_or(at),
    };
    plan.changes[waits].withheld = Some(why);
    if waits != at {
        plan.changes[at].needs = without;
    }
    true
}

#[cfg(test)]
#[path = "guardrail_tests.rs"]
mod tests;
