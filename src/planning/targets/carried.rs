//! Links that follow a rename of the resource: which keys an object had before, and which links move because an identity has another key now.
//!
//! Must never: give an object to somebody who had its key once while whoever has it now is there, or may be.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Link, ObjectKind};
use crate::planning::basis::Basis;
use crate::planning::findings::Findings;
use crate::planning::question::Moment;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::correlate::correlate;
use crate::policy::Policy;
use crate::world::World;

/// Links of accounts whose identity has another key than the link: by the `formerKeys` of a User, or because a rename was taken back. A run that may write
/// moves them, so that the next one needs neither to be told.
///
/// A link whose account carries the former key's mark stays until the change that renews the mark was made, which moves it: else a change that was held, and
/// is taken back, would leave a link and a mark that contradict each other, and with them an account that is nobody's.
pub fn links(policy: &Policy, world: &World, moment: Moment) -> Vec<Link> {
    let renamed = policy.users.iter().filter(|user| !user.former_keys.is_empty());
    let mut keys: BTreeSet<&Arc<str>> = renamed.map(|user| &user.key).collect();
    keys.extend(world.memory.formers.iter().filter(|former| former.kind == ObjectKind::Account).map(|former| &former.key));
    if keys.is_empty() || world.recall.links.is_empty() {
        return Vec::new();
    }
    let basis = Basis::new(policy, world, &[], moment);
    let people: BTreeSet<u32> = keys.into_iter().filter_map(|key| basis.people.find(key)).collect();
    let mut links = Vec::new();
    for (target, rules) in policy.targets.iter().enumerate() {
        let claims = correlate(&basis, target, &mut Findings::default());
        for number in &people {
            let Claim::Owned(row) = claims.of(*number) else { continue };
            let accounts = basis.observed[target].accounts();
            let (key, id) = (basis.people.key(*number), accounts.id(row));
            let marked = accounts.marked_key(row).map(|marked| policy.key_now(&marked).unwrap_or_else(|| marked.into_owned()));
            if marked.is_some_and(|marked| *marked != *key) {
                continue;
            }
            match world.recall.link_of(&rules.name, ObjectKind::Account, &id) {
                Some(link) if *link.key != *key => links.push(Link { key, at: moment.now, ..link.to_link() }),
                _ => {}
            }
        }
    }
    links
}
