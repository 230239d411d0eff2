//! Links of which nobody remembers at which system they were made, since the version that made them did not: where the object is found to be whose it was, it is
//! known from now on.
//!
//! Must never: place a link whose object fits nobody, or move it to another key.

use std::sync::Arc;

use crate::model::{Link, ObjectKind, UNKNOWN_SYSTEM};
use crate::planning::basis::Basis;
use crate::planning::findings::Findings;
use crate::planning::question::Moment;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::correlate::correlate;
use crate::policy::Policy;
use crate::world::{Carries, LinkRow, World};

/// Those links, with the system that they are of and what their objects are called now.
pub fn links(policy: &Policy, world: &World, moment: Moment) -> Vec<Link> {
    let unplaced: Vec<Link> = world.recall.links.all().filter(|link| link.system == UNKNOWN_SYSTEM).map(LinkRow::to_link).collect();
    if unplaced.is_empty() {
        return Vec::new();
    }
    let basis = Basis::new(policy, world, &[], moment);
    let mut links = Vec::new();
    for (target, rules) in policy.targets.iter().enumerate() {
        let claims = correlate(&basis, target, &mut Findings::default());
        let here = || unplaced.iter().filter(|link| link.target == rules.name);
        let placed = |link: &Link, name: Option<Arc<str>>| Link { system: rules.system.id, name, at: moment.now, ..link.clone() };
        for link in here().filter(|link| link.kind == ObjectKind::Account) {
            let owned = basis.people.find(&link.key).map(|number| claims.of(number));
            let accounts = basis.observed[target].accounts();
            let Some(Claim::Owned(row)) = owned.filter(|claim| matches!(claim, Claim::Owned(row) if accounts.id(*row) == *link.id)) else {
                continue;
            };
            links.push(placed(link, accounts.cell_of(row, "userName").as_text().map(Arc::from)));
            // What was given to an account is where the account is.
            let given = here().filter(|given| given.kind == ObjectKind::Entitlement && given.id == link.id);
            links.extend(given.map(|given| placed(given, given.name.clone())));
        }
        let groups = basis.observed[target].groups();
        for link in here().filter(|link| link.kind == ObjectKind::Group) {
            let Some(row) = groups.find_id(&link.id).filter(|row| groups.carries(*row) == Carries::Ours) else { continue };
            if groups.marked_key(row).is_some_and(|key| *key == *link.key) {
                links.push(placed(link, groups.cell_of(row, "displayName").as_text().map(Arc::from)));
            }
        }
    }
    links
}
