//! Whom the rules of groups cover, person by person.
//!
//! Must never: take a rule that could not be worked out for one that does not cover somebody.

use std::sync::Arc;

use crate::model::{FindingCode, Severity};
use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, Shared};
use crate::planning::groups::rule_cache::{Families, GroupMatch};
use crate::planning::people::person::Person;
use crate::planning::people::standing::lifecycles;
use crate::world::Truth;

/// By the Groups' positions in the policy; identities in the order of their numbers.
pub(in crate::planning) struct GroupCover {
    /// whom the rule covers
    pub(in crate::planning) covered: Vec<Vec<u32>>,
    /// for whom it could not be worked out
    pub(in crate::planning) unclear: Vec<Vec<u32>>,
    families: Families,
    /// some target has groups
    served: bool,
}

impl GroupCover {
    /// Nobody was looked at yet.
    pub(in crate::planning) fn new(basis: &Basis<'_>) -> Self {
        let groups = basis.policy.groups.len();
        let served = basis.policy.targets.iter().any(|target| target.groups.is_some());
        Self { covered: vec![Vec::new(); groups], unclear: vec![Vec::new(); groups], families: Families::new(&basis.layout), served }
    }

    /// Looks at the next one.
    pub(in crate::planning) fn look(&mut self, basis: &Basis<'_>, person: &Person, findings: &mut Findings) {
        let Some(lifecycle) = person.standing.lifecycle().filter(|_| self.served) else { return };
        for GroupMatch { group: at, truth } in self.families.of(&basis.layout, person) {
            let group = &basis.policy.groups[*at];
            if group.for_each.is_some() || !lifecycles(&group.lifecycles).contains(&lifecycle) {
                continue;
            }
            match truth {
                Truth::Yes => self.covered[*at].push(person.number),
                Truth::No => {}
                Truth::Unknown(words) => {
                    self.unclear[*at].push(person.number);
                    let sentence =
                        format!("{{who}}: whether {} covers them could not be worked out, so memberships stay: {words}", group.key);
                    let system = basis.people.awaits(person.number).filter(|_| person.failures.is_empty());
                    let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, system, sentence);
                    findings.share(shared.at(group.rule_place.as_ref()), &Arc::from(person.key.as_str()));
                }
            }
        }
    }
}
