//! Whom the rules of entitlements cover, person by person.
//!
//! Must never: take a rule that could not be worked out for one that does not cover somebody.

use std::sync::Arc;

use crate::model::{FindingCode, Severity};
use crate::planning::basis::Basis;
use crate::planning::entitlements::desired;
use crate::planning::findings::{Findings, Shared};
use crate::planning::people::person::Person;
use crate::planning::targets::claims::Matched;
use crate::world::Truth;

/// Whom the rule of one entitlement covers, by number.
#[derive(Clone, Default)]
pub(in crate::planning) struct EntitlementCover {
    /// those who have it just as they should
    pub(in crate::planning) stands: Vec<u32>,
    /// those who need a closer look
    pub(in crate::planning) open: Vec<u32>,
    /// those for whom the rule could not be worked out
    pub(in crate::planning) unclear: Vec<u32>,
}

/// Looks at the next one, for every entitlement; `closely` leaves it to the closer look whether somebody has one just as they should.
pub(in crate::planning) fn look(
    basis: &Basis<'_>,
    matched: &Matched,
    (person, closely): (&Person, bool),
    covers: &mut [EntitlementCover],
    findings: &mut Findings,
) {
    let Some(lifecycle) = person.standing.lifecycle() else { return };
    for (at, (rules, layout)) in basis.policy.entitlements.iter().zip(&basis.layout.entitlements).enumerate() {
        let Some(when) = layout.when.as_ref().filter(|_| rules.lifecycles.contains(&lifecycle)) else { continue };
        let cover = &mut covers[at];
        match person.holds(when) {
            Truth::Yes if !closely && desired::stands(basis, &matched.claims, at, person) => cover.stands.push(person.number),
            Truth::Yes => cover.open.push(person.number),
            Truth::No => {}
            Truth::Unknown(words) => {
                cover.unclear.push(person.number);
                let sentence = format!("{{who}}: whether {} is theirs could not be worked out, so nothing changes: {words}", rules.key);
                let system = basis.people.awaits(person.number).filter(|_| person.failures.is_empty());
                let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, system, sentence);
                findings.share(shared.at(rules.when_place.as_ref()), &Arc::from(person.key.as_str()));
            }
        }
    }
}
