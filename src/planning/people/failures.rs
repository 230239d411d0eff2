//! What is wrong with one identity: two records with its key, a lifecycle that is not known, rules that failed on it, values that are required.
//!
//! Must never: be told once for each target.

use std::sync::Arc;

use crate::manifest::kinds::Lifecycle;
use crate::model::{FindingCode, Severity, ValueState};
use crate::planning::findings::{Findings, Shared};
use crate::planning::people::identity::Identities;
use crate::planning::people::matched_records::Record;
use crate::planning::people::person::{FailedRule, Person};
use crate::planning::people::records::SCOPE_FAILED;
use crate::planning::people::standing::Standing;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::Held;

/// One identity: two records with its key, a lifecycle that is not known, rules that failed on it.
pub(in crate::planning) fn tell(people: &Identities<'_>, layout: &Layout<'_>, person: &Person, findings: &mut Findings) {
    let key: Arc<str> = Arc::from(person.key.as_str());
    match &person.standing {
        Standing::DuplicateKey => {
            let sentence = "{who}: two different records have this key, so nothing is changed for it";
            let shared = Shared::new(Severity::Error, FindingCode::DuplicateKey, None, sentence);
            findings.share(shared.hint("Correct the source: a key belongs to one person for good."), &key);
        }
        Standing::Unknown(words) => {
            let sentence = format!("{{who}}: {words}, so nothing is changed for it");
            // Whatever is about a source that was not read to its end is one thing to see to.
            let system = people.awaits(person.number).filter(|_| **words != *SCOPE_FAILED);
            findings.share(Shared::new(Severity::Error, FindingCode::ExpressionFailed, system, sentence), &key);
        }
        Standing::Doubtful(doubt) if !doubt.told => {
            let sentence = format!("{{who}}: {}; everything stays as it is", doubt.words);
            let shared = Shared::new(Severity::Error, doubt.code, None, sentence);
            findings.share(Shared { hint: doubt.hint.as_deref().map(str::to_owned), ..shared }, &key);
        }
        Standing::Is(_) | Standing::Deselected | Standing::Doubtful(_) => {}
    }
    for FailedRule { candidate, slot, words, names_nobody } in &person.failures {
        let name = &layout.slots[*slot].name;
        let source = &people.policy.sources[candidate.source];
        if *names_nobody {
            let sentence = format!("{{who}}: {name} is not known: {words}; what is there stays");
            let shared = Shared::new(Severity::Warning, FindingCode::UnresolvedReference, Some(&source.name), sentence).attribute(name);
            let hint = "Correct the record, or the one that it means; or give its key in a column, and leave `by` out.";
            findings.share(shared.at(source.rules[candidate.rule].place.as_ref()).hint(hint), &key);
            continue;
        }
        let sentence = format!("{{who}}: the rule for {name} failed, so the value is not known: {words}");
        let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, Some(&source.name), sentence).attribute(name);
        findings.share(shared.at(source.rules[candidate.rule].place.as_ref()), &key);
    }
}

/// What a rule of a source calls required, and nobody gives. Of people who have left nothing more is expected.
pub(in crate::planning) fn tell_of_lacking(people: &Identities<'_>, layout: &Layout<'_>, person: &Person, findings: &mut Findings) {
    if layout.required.is_empty() || person.standing.lifecycle().is_none_or(|lifecycle| lifecycle == Lifecycle::Leaver) {
        return;
    }
    for (slot, candidate) in &layout.required {
        let nothing = matches!(&person.slots[*slot], Held::State(ValueState::Clear | ValueState::Unmanaged));
        let known =
            || people.behind(person.number).iter().any(|(source, record)| *source == candidate.source && *record != Record::Nothing);
        if nothing && known() {
            let source = &people.policy.sources[candidate.source];
            let name = &layout.slots[*slot].name;
            let sentence = format!("{{who}}: {name} is required by {} and has no value", source.name);
            let shared =
                Shared::new(Severity::Warning, FindingCode::RequiredAttributeMissing, Some(&source.name), sentence).attribute(name);
            let hint = "Correct the record, or give another value with default(value, otherwise).";
            let place = source.rules[candidate.rule].place.as_ref();
            findings.share(shared.at(place).hint(hint), &Arc::from(person.key.as_str()));
        }
    }
}
