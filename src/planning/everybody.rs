//! One look at everybody: each person is assembled once, for every step that must see all.
//!
//! Must never: decide anything but that nothing changes.

use crate::planning::accounts;
use crate::planning::accounts::desired::Desired;
use crate::planning::accounts::presence::Presence;
use crate::planning::accounts::unchanged::glance;
use crate::planning::basis::Basis;
use crate::planning::entitlements;
use crate::planning::findings::StepReport;
use crate::planning::groups;
use crate::planning::holds::hands::Glance;
use crate::planning::people::failures;
use crate::planning::people::person::Person;
use crate::planning::people::standing::{Standing, Where};
use crate::planning::report::upcoming;
use crate::planning::targets::claims::{Claim, Matched};

/// What was seen.
pub(in crate::planning) struct Everybody {
    /// where each stands
    pub(in crate::planning) standing: Vec<Where>,
    /// by target and identity: what becomes of accounts that stay as they are
    pub(in crate::planning) presence: Vec<Vec<Presence>>,
    /// identities that need a closer look
    pub(in crate::planning) closer: Vec<u32>,
    /// identities of whom it is not plain that their accounts are as they were
    pub(in crate::planning) others: Vec<u32>,
    /// whom the rules of groups cover
    pub(in crate::planning) groups: groups::cover::GroupCover,
    /// whom the rule of each entitlement covers
    pub(in crate::planning) entitlements: Vec<entitlements::cover::EntitlementCover>,
}

/// Looks at everybody; `closely` leaves the deciding to the closer look.
pub(in crate::planning) fn look(basis: &Basis<'_>, matched: &Matched, closely: bool) -> (Everybody, StepReport) {
    let Basis { people, layout, policy, .. } = basis;
    let mut report = StepReport::new(basis.moment.today);
    let mut seen = Everybody {
        standing: Vec::with_capacity(people.len() as usize),
        presence: accounts::nobody_present(basis),
        closer: Vec::new(),
        others: Vec::new(),
        groups: groups::cover::GroupCover::new(basis),
        entitlements: vec![entitlements::cover::EntitlementCover::default(); policy.entitlements.len()],
    };
    let hands = Glance::new(basis);
    let (mut person, mut desired, mut account) = (Person::default(), Desired::default(), Vec::new());
    for identity in 0..people.len() {
        people.assemble(layout, identity, &mut person);
        seen.standing.push(Where::of(&person.standing));
        upcoming::of_person(basis, &mut report.diary, &person);
        failures::tell_of_lacking(people, layout, &person, &mut report.findings);
        seen.groups.look(basis, &person, &mut report.findings);
        entitlements::cover::look(basis, matched, (&person, closely), &mut seen.entitlements, &mut report.findings);
        let quiet = person.failures.is_empty() && !closely;
        let mut closer = !quiet || !matches!(person.standing, Standing::Is(_) | Standing::Deselected);
        let mut other = false;
        for target in 0..policy.targets.len() {
            account.clear();
            if let Claim::Owned(row) = matched.claims[target].of(identity) {
                basis.observed[target].accounts().put_cells(row, &mut account);
                other |= !hands.is_as_it_was(target, &account, &person);
            }
            match glance((basis, matched), target, &mut person, &account, &mut desired) {
                Some(presence) => seen.presence[target][identity as usize] = presence,
                None => closer = true,
            }
        }
        if closer {
            seen.closer.push(identity);
        }
        if other {
            seen.others.push(identity);
        }
    }
    (seen, report)
}
