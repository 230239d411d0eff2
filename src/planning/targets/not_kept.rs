//! Values that headcount wrote before and that are not there: somebody changed them since, or the service does not keep them.
//!
//! Must never: leave anything unwritten but what came back the same twice, or say nothing about it.

use std::sync::Arc;

use crate::model::{AttributeChange, FindingCode, HIDDEN, ObjectKind, Severity, Value};
use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, Shared};
use crate::world::prints::print;

/// Longest value that is shown.
const SHOWN: usize = 60;

/// Takes out what the service does not keep, and tells what others changed.
pub(in crate::planning) fn sift(
    (basis, findings): (&Basis<'_>, &mut Findings),
    target: usize,
    (kind, id, key): (ObjectKind, &str, &Arc<str>),
    changes: &mut Vec<AttributeChange>,
) {
    let (policy, memory) = (basis.policy, &basis.world.memory);
    if basis.world.recall.written.is_empty() || changes.is_empty() {
        return;
    }
    let name = &policy.targets[target].name;
    let Some(written) = basis.world.recall.written(name, kind, id) else { return };
    let mut told = Vec::new();
    changes.retain(|change| {
        let Some(print) = print(&policy.workspace, change) else { return true };
        if !written.prints.contains(&(print.name, print.wrote as u32)) {
            return true;
        }
        let again = memory.repeats.iter().any(|known| {
            known.target == *name
                && (known.kind, known.id.as_ref()) == (kind, id)
                && known.attribute == change.attribute
                && (known.wrote, known.found) == (print.wrote, print.found)
        });
        told.push((again, change.clone()));
        !again
    });
    for (again, change) in told {
        let AttributeChange { attribute, before, after, .. } = &change;
        let shared = if again {
            let secret = policy.is_sensitive(attribute);
            let shown = |value: &Option<Value>| if secret { HIDDEN.to_owned() } else { shown(value.as_ref()) };
            let (wrote, found) = (shown(after), shown(before));
            let sentence =
                format!("{{who}}: {name} does not keep {attribute}: {wrote} was written and came back as {found}; it is not written again");
            let hint = format!(
                "Let the rule give the value as the service keeps it, or write `mode: ignore` into the rule of {attribute} in spec.mapping.rules of the Target {name}; another value is written at once."
            );
            Shared::new(Severity::Warning, FindingCode::NotKept, Some(name), sentence).hint(hint)
        } else {
            let sentence = format!("{{who}}: {attribute} is not as headcount wrote it; it is put right");
            Shared::new(Severity::Note, FindingCode::ChangedElsewhere, Some(name), sentence)
        };
        findings.share(shared.attribute(attribute), key);
    }
}

fn shown(value: Option<&Value>) -> String {
    let text = value.map_or_else(
        || "nothing".to_owned(),
        |value| value.as_text().map_or_else(|| serde_json::to_string(value).unwrap_or_default(), |text| format!("{text:?}")),
    );
    if text.chars().count() > SHOWN { format!("{}…", text.chars().take(SHOWN).collect::<String>()) } else { text }
}
