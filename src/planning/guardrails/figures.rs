//! The figures of one limit at one target: what is planned, what was done within the window, and how much is allowed.
//!
//! Must never: let a floor be most of a population, or count what a plan is yet to make.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::rules::{Of, Rule, Sort};
use super::{Population, Scene};
use crate::model::{Action, Guardrail, LimitUse, Plan, WindowEntry};
use crate::policy::LimitPolicy;

/// The figures of one limit.
pub(super) struct Figures {
    /// what the plan would do
    pub(super) planned: u64,
    /// what earlier runs did within the window
    pub(super) used: u64,
    /// active objects now, and those that the window removed
    pub(super) population: u64,
    /// how much a whole window may do
    pub(super) allowed: u64,
    /// there is no state, so nobody knows what earlier runs did
    pub(super) unknown: bool,
    /// what is not known counts as full
    pub(super) full: bool,
    /// nothing at the target was headcount's before this window
    pub(super) first: bool,
}

impl Figures {
    pub(super) fn exceeded(&self) -> bool {
        self.planned > 0 && !self.first && (self.full || self.total() > self.allowed)
    }

    /// What the window would hold with this plan.
    pub(super) fn total(&self) -> u64 {
        self.used.saturating_add(self.planned)
    }

    /// As a plan tells it.
    pub(super) fn used_of(&self, target: &Arc<str>, guardrail: Guardrail, limit: &LimitPolicy) -> LimitUse {
        LimitUse {
            target: target.clone(),
            guardrail,
            planned: self.planned,
            done: (!self.unknown).then_some(self.used),
            allowed: self.allowed,
            place: limit.place.clone(),
        }
    }

    /// Half of everybody at once is no backlog.
    pub(super) fn is_a_mass(&self) -> bool {
        self.total().saturating_mul(2) >= self.population
    }
}

/// The figures of a rule.
pub(super) fn figures(scene: &Scene<'_>, rule: &Rule, limit: &LimitPolicy, plan: &Plan, planned: u64) -> Figures {
    let now = match rule.of {
        Of::Accounts => scene.population.accounts,
        Of::HeldAccounts => scene.population.held,
        Of::AccountsAndAdopted => scene.population.accounts.saturating_add(adopted(scene, plan)),
        Of::Members => scene.population.members,
        Of::Entitled => scene.population.entitled,
        Of::Groups => scene.population.groups,
    };
    let used = used(scene, rule.guardrail);
    let takes = rule.sort == Sort::Takes;
    // What was created or updated has not left the population, so only removals are added back to it.
    let population = if takes { now.saturating_add(used) } else { now };
    // Marks tell a lost state from one that never was: where nothing is ours, no earlier run did anything.
    let untouched = scene.population.marks && scene.population.ours == 0;
    let unknown = !scene.memory.known && takes && now > 0 && !untouched;
    // Whom a source positively reports as gone must lose access even where no state is ever kept: they are counted within this run.
    let full = unknown && rule.guardrail != Guardrail::Leavers;
    let first = match rule.sort {
        Sort::Begins => is_first(scene),
        Sort::Joins => is_first(scene) && !has_given(scene),
        Sort::Takes | Sort::Gives => false,
    };
    Figures { planned, used, population, allowed: allowance(limit, population, rule.least), unknown, full, first }
}

/// Whether nothing at the target was headcount's before this window: an empty target, or one that is taken under headcount. A run that was cut off is still the
/// first one, and a target that lost what the state remembers is no new one.
fn is_first(scene: &Scene<'_>) -> bool {
    let begun = used(scene, Guardrail::Create).saturating_add(used(scene, Guardrail::Adopt));
    scene.population.ours <= begun
}

/// Whether groups or entitlements of headcount's were there before this window, where accounts are none of its business.
fn has_given(scene: &Scene<'_>) -> bool {
    let Population { ours, our_groups, grants, .. } = scene.population;
    *ours == 0 && (*our_groups > used(scene, Guardrail::CreateGroups) || *grants > used(scene, Guardrail::AddEntitlements))
}

/// Accounts that the plan takes over.
fn adopted(scene: &Scene<'_>, plan: &Plan) -> u64 {
    let adopts = |change: &&crate::model::Change| {
        change.target == scene.target.name
            && change.action == Action::Adopt
            && change.object.kind == crate::model::ObjectKind::Account
            && change.runs()
    };
    plan.changes.iter().filter(adopts).count() as u64
}

/// Work of all runs that the rolling window still holds.
fn used(scene: &Scene<'_>, guardrail: Guardrail) -> u64 {
    let window = scene.target.guardrails.window;
    let within = |entry: &&WindowEntry| {
        entry.target == scene.target.name && entry.guardrail == guardrail && still_counts(scene.moment.now, entry.at, window)
    };
    let heard = scene.memory.windows.iter().filter(within).fold(0_u64, |sum, entry| sum.saturating_add(entry.weight));
    let unheard = scene.population.unheard.iter().filter(|(rule, at)| *rule == guardrail && still_counts(scene.moment.now, *at, window));
    heard.saturating_add(unheard.count() as u64)
}

/// A window ends a twelfth early. A nightly job starts some seconds or minutes sooner or later, and writes for a while: it must find what it wrote the night
/// before gone, for else each night allows what is left of one day, and a backlog never ends. Two runs of one day still share it.
fn still_counts(now: Timestamp, at: Timestamp, window: SignedDuration) -> bool {
    now.duration_since(at) < window - window / 12
}

/// max(`count`, `percent` of the population), capped by `max`. A part of an object is none. Where there is a share, the count is for small populations, and
/// never more than a third of them; but one goes (`least`), since one is no mass.
pub(super) fn allowance(limit: &LimitPolicy, population: u64, least: u64) -> u64 {
    let allowed = match limit.percent {
        None => limit.count,
        Some(percent) => {
            // The small addition keeps 7 % of 100 from being 6.999….
            let share = (population as f64 * percent / 100.0 + 1e-9).max(0.0) as u64;
            limit.count.min((population / 3).max(least)).max(share)
        }
    };
    limit.max.map_or(allowed, |max| allowed.min(max))
}
