//! What every step of planning reads: what is given, and what is found in it without deciding anything.
//!
//! Must never: hold what a step decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::Ownership;
use crate::model::Marks;
use crate::planning::beyond::Beyond;
use crate::planning::declared::groups::DeclaredGroups;
use crate::planning::people::identity::Identities;
use crate::planning::people::revoked::Revoked;
use crate::planning::question::{Answer, Lookup, Moment};
use crate::planning::schema::doubt::HoldReason;
use crate::planning::schema::layout::Layout;
use crate::planning::targets::observed::{Observed, observe};
use crate::planning::targets::protected;
use crate::planning::targets::reserved::Departed;
use crate::policy::Policy;
use crate::world::World;

/// What every step reads.
pub(in crate::planning) struct Basis<'a> {
    pub(in crate::planning) policy: &'a Policy,
    pub(in crate::planning) world: &'a World,
    pub(in crate::planning) moment: Moment,
    pub(in crate::planning) layout: Arc<Layout<'a>>,
    pub(in crate::planning) people: Identities<'a>,
    pub(in crate::planning) revoked: Revoked<'a>,
    pub(in crate::planning) observed: Vec<Observed<'a>>,
    /// declared ones, and those that a `forEach` makes
    pub(in crate::planning) groups: DeclaredGroups<'a>,
    /// this workspace's markers
    pub(in crate::planning) marks: Marks,
    /// names of people who left
    pub(in crate::planning) departed: Departed<'a>,
    /// by target: accounts that protection covers
    pub(in crate::planning) protected: Vec<BTreeSet<u32>>,
    /// who there is besides, where not everybody is planned
    pub(in crate::planning) beyond: Beyond,
}

impl<'a> Basis<'a> {
    /// Lays everything out.
    pub(in crate::planning) fn new(policy: &'a Policy, world: &'a World, answers: &[(Lookup, Answer)], moment: Moment) -> Self {
        Self::of((policy, Arc::new(Layout::new(policy, world))), world, answers, moment, Beyond::default())
    }

    /// The same of a part of the world, for which the whole policy is laid out as it is for all of it.
    pub(in crate::planning) fn of(
        (policy, layout): (&'a Policy, Arc<Layout<'a>>),
        world: &'a World,
        answers: &[(Lookup, Answer)],
        moment: Moment,
        beyond: Beyond,
    ) -> Self {
        let people = Identities::new(policy, world, &layout, moment, beyond.shared_ends.clone());
        let revoked = Revoked::new(policy, &world.memory, &people);
        let observed = observe(&world.targets, answers);
        let mut groups = DeclaredGroups::declared(policy);
        groups.expand(policy, world, &layout, &people, &observed, knows_everybody(policy, world));
        let protected = policy.targets.iter().zip(&observed).map(|(rules, observed)| protected::rows(&rules.protect, observed.accounts()));
        let (protected, marks) = (protected.collect(), Marks::of(&policy.workspace));
        let departed = Departed::new(policy, world, moment);
        Self { policy, world, moment, layout, people, revoked, observed, groups, marks, departed, protected, beyond }
    }

    /// The same with people and sources from whom nothing follows.
    pub(in crate::planning) fn holding(self, people: BTreeMap<u32, HoldReason>, sources: BTreeSet<usize>) -> Self {
        Self { people: self.people.holding(people, sources), ..self }
    }

    /// Whether protection covers an account: it is nobody's.
    pub(in crate::planning) fn is_protected(&self, target: usize, row: u32) -> bool {
        self.protected.get(target).is_some_and(|rows| rows.contains(&row))
    }

    /// Whether everything that could establish somebody was read to its end.
    pub(in crate::planning) fn knows_everybody(&self) -> bool {
        knows_everybody(self.policy, self.world) && !self.people.disbelieves()
    }

    /// Whether nobody can be missing among those who were read, so that one who alone claims an account is its only claimant.
    pub(in crate::planning) fn has_read_everybody(&self) -> bool {
        let establishing = self.policy.sources.iter().zip(&self.world.trust).filter(|(source, _)| source.establishes);
        establishing.into_iter().all(|(_, trust)| trust.evidence.proves_absence()) && !self.people.disbelieves()
    }

    /// Whether every source was read to its end, those too that establish nobody.
    pub(in crate::planning) fn has_read_all(&self) -> bool {
        self.world.trust.iter().all(|trust| trust.evidence.proves_absence())
    }

    /// What headcount may do with the groups of a target.
    pub(in crate::planning) fn group_ownership(&self, target: usize) -> Ownership {
        let rules = &self.policy.targets[target];
        rules.groups.as_ref().map_or(rules.ownership, |groups| groups.ownership)
    }
}

fn knows_everybody(policy: &Policy, world: &World) -> bool {
    let establishing = policy.sources.iter().zip(&world.trust).filter(|(source, _)| source.establishes);
    establishing.into_iter().all(|(_, trust)| trust.proves_absence())
}
