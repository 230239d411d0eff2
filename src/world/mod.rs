//! What is known: the records of every source and the objects of every target, as packed rows with indexes over their keys.
//!
//! Must never: decide what should change, or keep a value that no rule reads.

mod bound;
pub(crate) mod canonical;
mod cell;
mod delta;
mod dirty;
mod entitlements;
mod evidence;
mod excerpt;
mod facts;
mod hash;
mod index;
mod links;
mod memberships;
mod moves;
mod objects;
mod own_ids;
pub(crate) mod prints;
mod recall;
mod recollected;
mod remembered;
mod remembering;
mod repeats;
mod source;
mod spool;
mod statuses;
mod target;
mod twins;
mod until;
mod vanished;
mod whereabouts;
mod written;

pub(crate) use bound::{Bound, Truth};
pub(crate) use cell::{Cleaned, clean};
pub use delta::Delta;
pub use dirty::Dirty;
pub(crate) use entitlements::Grant;
pub(crate) use excerpt::Picks;
pub(crate) use hash::Keyed;
pub(crate) use index::Index;
pub(crate) use links::LinkRow;
pub(crate) use memberships::{MemberRow, Stranger};
pub(crate) use objects::{Carries, Objects};
pub(crate) use source::RecordState;
pub use source::SourceSide;
pub(crate) use statuses::Replaced;
pub use target::TargetSide;
pub(crate) use target::{account_marker, is_compared, kind_of};
pub use vanished::{confirmed, vanished};
pub use whereabouts::Whereabouts;

pub(crate) use evidence::SourceEvidence;
use recall::Recall;

use crate::model::{Link, Memory, ObjectKind, SystemEvidence};
use crate::policy::Policy;

/// Everything known, for planning.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) sources: Vec<SourceSide>,
    pub(crate) targets: Vec<TargetSide>,
    /// without its links and what was written, which are packed in `recall`
    pub(crate) memory: Memory,
    pub(crate) recall: Recall,
    /// of each source: what may follow from its read
    pub(crate) trust: Vec<SourceEvidence>,
    /// how well everything was read, as the plan shows it
    pub(crate) evidence: Vec<SystemEvidence>,
}

impl World {
    /// What is remembered, without the links and what was written: these are kept packed ([`World::links`]).
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The links that are remembered, in no order.
    pub fn links(&self) -> impl Iterator<Item = Link> + '_ {
        self.recall.links.all().map(LinkRow::to_link)
    }

    /// All that is remembered, in one value again.
    pub fn whole_memory(&self) -> Memory {
        Memory { links: self.links().collect(), written: self.recall.written.all().collect(), ..self.memory.clone() }
    }

    /// Whose objects those are that turned up: a link that proves somebody else's is as good as one of one's own.
    pub fn remember(&mut self, policy: &Policy, links: Vec<Link>) {
        let (mut known, written) = (std::mem::take(&mut self.recall.links), std::mem::take(&mut self.recall.written));
        links.into_iter().for_each(|link| known.put(policy, link));
        self.recall = Recall::of(Keyed::of(&policy.workspace), policy, (known, written), &self.memory);
    }

    /// The target's side, to be put into another world.
    pub fn take_target(&mut self) -> Option<TargetSide> {
        self.targets.pop()
    }

    /// A target as it is known now, in the place of what was known before.
    pub fn renew(&mut self, target: usize, mut side: TargetSide) {
        let TargetSide { accounts, groups, memberships, entitlements, .. } = &mut side;
        memberships.resolve(accounts, groups);
        entitlements.resolve(accounts);
        if let Some(known) = self.targets.get_mut(target) {
            *known = side;
        }
    }

    /// Puts everything together: sides in the policy's order.
    pub fn assemble(policy: &Policy, sources: Vec<SourceSide>, mut targets: Vec<TargetSide>, mut memory: Memory) -> Self {
        for side in &mut targets {
            let TargetSide { accounts, groups, memberships, entitlements, .. } = side;
            memberships.resolve(accounts, groups);
            entitlements.resolve(accounts);
        }
        let mut world =
            Self { sources, targets, recall: Recall::default(), memory: Memory::default(), trust: Vec::new(), evidence: Vec::new() };
        moves::follow(policy, &world.targets, &mut memory);
        world.recall_all(policy, memory);
        world
    }
}

fn system_evidence(policy: &Policy, sources: &[SourceSide], trust: &[SourceEvidence], targets: &[TargetSide]) -> Vec<SystemEvidence> {
    let row = |system: &std::sync::Arc<str>, kind, evidence: &crate::model::Evidence, count| SystemEvidence {
        system: system.clone(),
        kind,
        evidence: evidence.clone(),
        count,
    };
    let mut all = Vec::new();
    for ((rules, side), trust) in policy.sources.iter().zip(sources).zip(trust) {
        all.push(row(&rules.name, ObjectKind::Account, &trust.evidence, side.in_scope()));
    }
    for (rules, side) in policy.targets.iter().zip(targets) {
        all.push(row(&rules.name, ObjectKind::Account, &side.accounts.evidence, u64::from(side.accounts.len())));
        if side.wants_groups() {
            all.push(row(&rules.name, ObjectKind::Group, &side.groups.evidence, u64::from(side.groups.len())));
            all.push(row(&rules.name, ObjectKind::Membership, &side.memberships.evidence, side.memberships.count()));
        }
        if side.wants_entitlements() {
            all.push(row(&rules.name, ObjectKind::Entitlement, &side.entitlements.evidence, side.entitlements.count()));
        }
    }
    all
}
