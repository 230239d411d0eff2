//! Where a part of the people can be planned by itself, and where everybody must be.
//!
//! Must never: let a part be planned where something that is not known of everybody decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::is_read;
use crate::model::{Evidence, Key, Memory, ObjectKind};
use crate::planning::beyond::Beyond;
use crate::planning::people::contradiction::{shared_ends, spare};
use crate::planning::question::Moment;
use crate::planning::schema::layout::Layout;
use crate::planning::targets::old_names;
use crate::policy::{Policy, TargetPolicy};
use crate::world::World;

/// What may follow from each source's read.
pub(super) type Trust = Vec<(Evidence, bool, bool)>;

/// What may follow from the reads of sources.
pub(super) fn trust(world: &World) -> Trust {
    world.trust.iter().map(|trust| (trust.evidence.clone(), trust.shrank, trust.has_baseline)).collect()
}

/// Why everybody must be planned.
pub(super) fn unfit(policy: &Policy, world: &World) -> Option<&'static str> {
    let groups = || policy.targets.iter().any(|target| target.groups.is_some());
    let in_groups = |group: &crate::policy::GroupPolicy| group.exclude.iter().chain(&group.owners).any(|member| Key::is_group(&member.key));
    let empty =
        || policy.sources.iter().zip(&world.sources).any(|(rules, side)| rules.establishes && side.len() > 0 && side.in_scope() == 0);
    let kinds = [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement];
    let unread = || (0..policy.targets.len()).any(|target| kinds.into_iter().any(|kind| !is_read(world, target, kind)));
    if !world.memory.known || !world.memory.unheard.is_empty() {
        Some("there is no state, or a run was cut off")
    } else if world.trust.iter().any(|trust| !trust.evidence.proves_absence() || !trust.emptied.is_empty() || !trust.replaced.is_empty()) {
        Some("a source was not read to its end, or lacks what it had")
    } else if unread() {
        Some("a target was not read to its end")
    } else if empty() {
        Some("the scope of a source leaves everybody out")
    } else if policy.sources.iter().any(|source| source.rules.iter().any(|rule| rule.by.is_some())) {
        Some("records name others by an attribute")
    } else if groups() && policy.groups.iter().any(|group| group.for_each.is_some()) {
        Some("groups are made of people's values")
    } else if groups() && policy.groups.iter().any(in_groups) {
        Some("groups exclude or own by groups")
    } else if policy.targets.iter().zip(&world.targets).any(|(rules, side)| old_names::may_be(world, &rules.name, side)) {
        Some("a group lists a name that somebody may have had")
    } else if policy.targets.iter().any(|target| !target.protect.rules.is_empty()) {
        Some("accounts are protected by a rule")
    } else {
        None
    }
}

/// Last days that nearly everybody of a source has, and how many records may still change before that can be otherwise.
pub(super) struct SharedEnds {
    pub(super) days: Vec<Date>,
    spare: u64,
}

impl SharedEnds {
    /// As they are now.
    pub(super) fn of(policy: &Policy, world: &World, layout: &Layout<'_>, moment: Moment) -> Self {
        Self { days: shared_ends(policy, world, layout, moment), spare: spare(world, layout) }
    }

    /// The same after so many records changed. Of few records it is looked up each time.
    pub(super) fn after(
        &mut self,
        records: usize,
        policy: &Policy,
        world: &World,
        layout: &Layout<'_>,
        moment: Moment,
    ) -> Result<(), &'static str> {
        let changed = records as u64;
        if changed < self.spare {
            self.spare -= changed;
            return Ok(());
        }
        let now = Self::of(policy, world, layout, moment);
        let same = now.days == self.days;
        *self = now;
        if same { Ok(()) } else { Err("nearly everybody of a source has one last day, or no longer") }
    }
}

/// When something falls due for accounts that headcount took the access of.
pub(super) fn due(policy: &Policy, memory: &Memory, now: Timestamp) -> BTreeMap<Timestamp, BTreeSet<(usize, Arc<str>)>> {
    let mut due: BTreeMap<Timestamp, BTreeSet<(usize, Arc<str>)>> = BTreeMap::new();
    for known in memory.deactivations.iter().filter(|known| known.kind == ObjectKind::Account) {
        let Some(target) = policy.targets.iter().position(|rules| rules.name == known.target) else { continue };
        for at in due_of(&policy.targets[target], known.at).filter(|at| *at > now) {
            due.entry(at).or_default().insert((target, known.id.clone()));
        }
    }
    due
}

/// When an account may be deleted that lost its access then.
pub(super) fn due_of(rules: &TargetPolicy, at: Timestamp) -> impl Iterator<Item = Timestamp> {
    let all = [&rules.leaver, &rules.suspended, &rules.deselected, &rules.absent].map(|one| one.delete_after);
    all.into_iter().filter_map(move |one| at.checked_add(one?).ok())
}

/// How many links there are beyond a part.
pub(super) fn links(policy: &Policy, world: &World, part: &World, beyond: &mut Beyond) {
    for (rules, others) in policy.targets.iter().zip(&mut beyond.targets) {
        let ((links, counting), (own, own_counting)) = (world.recall.account_links(&rules.name), part.recall.account_links(&rules.name));
        (others.links, others.counting) = (links.saturating_sub(own), counting.saturating_sub(own_counting));
    }
}
