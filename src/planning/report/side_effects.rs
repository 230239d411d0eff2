//! What a target does on its own accord along with a change, such as mailing an invitation: told beside the changes, once for each kind.
//!
//! Must never: hold a change back.

use std::collections::BTreeMap;

use crate::model::{Action, Finding, FindingCode, ObjectKind, Severity, SideEffect, Subject};
use crate::planning::basis::Basis;
use crate::planning::draft::Draft;
use crate::planning::findings::Findings;

/// Tells every side effect of what is planned, and how often it comes.
pub(in crate::planning) fn tell(basis: &Basis<'_>, drafts: &[Draft], findings: &mut Findings) {
    let mut counts: BTreeMap<(usize, &SideEffect), u64> = BTreeMap::new();
    for draft in drafts {
        let kind = if draft.change.entitlement.is_some() { ObjectKind::Entitlement } else { draft.change.object.kind };
        let effects = &basis.observed[draft.target].side.capabilities.side_effects;
        let touches = |effect: &SideEffect| {
            let mut changes = draft.change.attributes.iter();
            effect.attributes.is_empty() || changes.any(|change| effect.attributes.contains(&change.attribute))
        };
        let comes = |effect: &&SideEffect| effect.kind == kind && effect.action == draft.change.action && touches(effect);
        for effect in effects.iter().filter(comes) {
            *counts.entry((draft.target, effect)).or_default() += 1;
        }
    }
    for ((target, effect), count) in counts {
        let name = &basis.policy.targets[target].name;
        let message = format!("{name} {}: {}", effect.words, changed(effect, count));
        findings.push(Finding::new(Severity::Note, FindingCode::SideEffect, Subject::system(name), message));
    }
}

/// "3 accounts that are made"
fn changed(effect: &SideEffect, count: u64) -> String {
    let what = match effect.kind {
        ObjectKind::Account => "account",
        ObjectKind::Group => "group",
        ObjectKind::Membership => "membership",
        ObjectKind::Entitlement => "entitlement",
    };
    let how = match effect.action {
        Action::Create => "made",
        Action::Adopt => "taken over",
        Action::Deactivate => "deactivated",
        Action::Reactivate => "given back their sign-in",
        Action::Delete => "deleted",
        Action::AddEntitlement => "given",
        Action::RemoveEntitlement => "taken",
        _ => "changed",
    };
    if count == 1 { format!("1 {what} that is {how}") } else { format!("{count} {what}s that are {how}") }
}
