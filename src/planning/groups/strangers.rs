//! Members of declared groups whom nobody knows.
//!
//! Must never: take them out.

use std::sync::Arc;

use crate::model::{Finding, FindingCode, Severity, Subject};
use crate::planning::basis::Basis;
use crate::planning::findings::Findings;
use crate::planning::groups::resolve::{GroupState, ResolvedGroups};

/// Members of declared groups that are nobody's account, where all accounts were read: mostly what a deleted account left behind.
pub(in crate::planning) fn tell((basis, findings): (&Basis<'_>, &mut Findings), target: usize, groups: &ResolvedGroups) {
    let observed = &basis.observed[target];
    if !(observed.accounts().evidence().proves_absence() && observed.memberships_evidence().proves_absence()) {
        return;
    }
    let strangers = observed.strangers();
    let owned: Vec<(Arc<str>, u64)> = (0..basis.groups.all.len())
        .filter_map(|at| match groups.states[at] {
            GroupState::Here(row) => Some((basis.groups.all[at].key.clone(), *strangers.get(&row)?)),
            _ => None,
        })
        .collect();
    for (key, many) in owned {
        let members = if many == 1 { "a member that is".to_owned() } else { format!("{many} members that are") };
        let message = format!("{key}: it has {members} no account or group there; headcount leaves it so");
        let subject = Subject::object(&basis.policy.targets[target].name, &key);
        let hint = "remove it there, or look whether the list of accounts leaves somebody out";
        findings.push(Finding::new(Severity::Warning, FindingCode::GhostMember, subject, message).hint(hint));
    }
}
