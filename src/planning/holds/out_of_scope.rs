//! Sources whose `scope` leaves out every record: nothing follows for their people.
//!
//! Must never: hold anybody whom another source says to be here.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{FindingCode, Subject};
use crate::planning::basis::Basis;
use crate::planning::holds::Step;
use crate::planning::names_nobody::{Idle, are_many};
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::planning::schema::doubt::HoldReason;
use crate::planning::targets::claims::Claim;

/// People of sources whose `scope` leaves out every record: nothing follows for them.
pub(super) fn held(step: &mut Step<'_, '_>) -> Vec<(u32, HoldReason)> {
    let basis = step.basis;
    let mut held = Vec::new();
    for (source, (rules, side)) in basis.policy.sources.iter().zip(&basis.world.sources).enumerate() {
        if !rules.establishes || rules.allow_empty || side.len() == 0 || side.in_scope() > 0 {
            continue;
        }
        let people = left_out(basis, source);
        let has_account = |identity: &u32| step.matched.claims.iter().any(|claims| matches!(claims.of(*identity), Claim::Owned(_)));
        let losers: BTreeSet<Arc<str>> = people.iter().filter(|who| has_account(who)).map(|who| basis.people.key(*who)).collect();
        let all = basis.world.trust[source].evidence.proves_absence()
            && basis.observed.iter().all(|observed| observed.accounts().evidence().proves_absence());
        if !are_many(losers.len(), all.then_some(0)) {
            continue;
        }
        let place = rules.filter.as_ref().and_then(|filter| filter.place()).unwrap_or(&rules.place);
        let what = Idle { rule: "`scope`", of: &format!("Source {}", rules.name), thing: "access", place };
        step.report.findings.push(what.told(Subject::system(&rules.name), &losers));
        step.report.findings.rest_on_all("the scope of a source leaves everybody out");
        let doubt = HoldReason::told(FindingCode::NamesNobody, "the scope of its source leaves everybody out");
        held.extend(people.into_iter().map(|who| (who, doubt.clone())));
    }
    held
}

/// Whoever is left out and has a record of a source.
fn left_out(basis: &Basis<'_>, source: usize) -> Vec<u32> {
    let mut person = Person::default();
    let mut found = Vec::new();
    for identity in (0..basis.people.len()).filter(|identity| basis.people.is_of(*identity, source)) {
        basis.people.assemble(&basis.layout, identity, &mut person);
        let excluded = basis.people.declared(identity).is_some_and(|user| user.exclude);
        if person.standing == Standing::Deselected && !excluded {
            found.push(identity);
        }
    }
    found
}
