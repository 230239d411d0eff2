//! What a run leaves in the state beside what it did: before anything new is done, and at its end.
//!
//! Must never: remember a read that was not complete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::read::Snapshot;
use crate::model::{Action, Deactivation, Left, LeftPart, LeftWhat, ObjectKind, Plan};
use crate::planning::{self, Unleft};
use crate::state::{Fact, StateError, Store};

/// The accounts whose access a plan takes, by Target and id, whether or not anything lets it.
pub fn going(plan: &Plan) -> BTreeSet<(Arc<str>, Arc<str>)> {
    let goes = plan.changes.iter().filter(|change| matches!(change.action, Action::Deactivate | Action::Delete));
    let accounts = goes.filter(|change| change.object.kind == ObjectKind::Account);
    accounts.filter_map(|change| Some((change.target.clone(), change.object.id.clone()?))).collect()
}

/// What a run that may write remembers of its reads before anything new is done: deactivations of ours that somebody undid are forgotten where the access is to stay, links that a lost
/// state had are made anew from the marks, those whose objects got another id follow them, and those of identities that have another key now follow it. Whose record is whose must outlive a changed name, and a
/// revocation that comes during the run must know it.
///
/// `read`: whether anything was read since the last run. What that run learned of all accounts is not looked for once more.
pub async fn catch_up(
    snapshot: &Snapshot,
    store: &dyn Store,
    going: &BTreeSet<(Arc<str>, Arc<str>)>,
    read: bool,
) -> Result<(), StateError> {
    let Snapshot { policy, world, moment, .. } = snapshot;
    let mut facts = Vec::new();
    for source in &policy.sources {
        let renamed = |old: &Arc<str>| Fact::SourceRenamed { old: old.clone(), new: source.name.clone() };
        facts.extend(source.previous_names.iter().map(renamed));
    }
    facts.extend(planning::record_links(policy, world, *moment).into_iter().map(Fact::Record));
    for standing in &world.memory().revocations {
        if let Some(known) = planning::known_as(policy, world, *moment, &standing.key) {
            let also = std::iter::once(known.key).chain(known.also).collect();
            facts.push(Fact::OtherKeys { identity: standing.key.clone(), also });
        }
    }
    facts.extend(world.undone_deactivations(policy).into_iter().map(|undone| {
        match going.contains(&(undone.target.clone(), undone.id.clone())) {
            // It is still ours to take; a grace period begins when it was last seen with access.
            true => Fact::Inactive(Deactivation { at: moment.now, ..undone.clone() }),
            false => Fact::NotInactive(undone.clone()),
        }
    }));
    let missing = if read { world.missing_links(policy, moment.now) } else { Vec::new() };
    facts.extend(missing.into_iter().map(Fact::Linked));
    facts.extend(world.followed_links().into_iter().map(Fact::Linked));
    facts.extend(world.kept_values(policy).into_iter().cloned().map(Fact::Kept));
    facts.extend(planning::carried_links(policy, world, *moment).into_iter().map(Fact::Carried));
    facts.extend(planning::placed_links(policy, world, *moment).into_iter().map(Fact::Placed));
    if facts.is_empty() { Ok(()) } else { store.commit(facts).await }
}

/// And what it remembers at its end: complete reads are what the next run's counts are compared with.
pub async fn remember(snapshot: &Snapshot, store: &dyn Store) -> Result<(), StateError> {
    let Snapshot { policy, world, moment, .. } = snapshot;
    store.commit(world.baselines(policy, moment.now).into_iter().map(Fact::Baseline).collect()).await
}

/// What a complete run leaves at targets: whatever is otherwise at the next look, while nobody wants it otherwise, was changed by others. An account that is
/// nobody's is as old as it was at first. Where just some are left otherwise than before, nobody else is looked at.
pub async fn leave(snapshot: &Snapshot, store: &dyn Store, unleft: &Unleft) -> Result<(), StateError> {
    match unleft {
        Unleft::Everybody => leave_all(snapshot, store).await,
        Unleft::Some(parts) => {
            let of = |(target, part): (&Arc<str>, &LeftPart)| Fact::LeftOf { target: target.clone(), part: part.clone() };
            store.commit(parts.iter().map(of).collect()).await
        }
    }
}

async fn leave_all(snapshot: &Snapshot, store: &dyn Store) -> Result<(), StateError> {
    let Snapshot { policy, world, moment, .. } = snapshot;
    let was = store.left().await?;
    let first: BTreeMap<(&Arc<str>, u64), u64> =
        was.iter().filter(|left| left.what == LeftWhat::Nobodys).map(|left| ((&left.target, left.of), left.print)).collect();
    let mut targets: BTreeMap<Arc<str>, Vec<Left>> = BTreeMap::new();
    for mut left in planning::left_behind(policy, world, *moment).all {
        if left.what == LeftWhat::Nobodys {
            left.print = first.get(&(&left.target, left.of)).copied().unwrap_or(left.print);
        }
        targets.entry(left.target.clone()).or_default().push(left);
    }
    store.commit(targets.into_iter().map(|(target, all)| Fact::Left { target, all }).collect()).await
}
