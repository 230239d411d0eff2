//! Equal refusals: where a target says no in the same words to one kind of change again and again, the rest of that kind is not sent.
//!
//! Must never: hold back what takes access from somebody, or count a refusal that is about one object alone (a name that is taken).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Action, Change, ObjectKind, Outcome, Reason, SystemError, Value};

/// Refusals of this run, by what was refused.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<Kind, Row>);

type Kind = (Arc<str>, Action, ObjectKind);

/// Equal ones, one after the other.
#[derive(Debug)]
struct Row {
    likeness: String,
    words: String,
    times: u32,
}

impl Refusals {
    /// What became of a change.
    pub(super) fn hear(&mut self, change: &Change, outcome: &Outcome) {
        let error = match outcome {
            Outcome::Failed(error @ (SystemError::Rejected(_) | SystemError::Forbidden(_))) => error.to_string(),
            Outcome::Done { .. } | Outcome::AlreadySo { .. } | Outcome::Partly { .. } | Outcome::Failed(_) => {
                self.0.remove(&kind(change));
                return;
            }
            Outcome::Uncertain(_) | Outcome::Skipped(_) => return,
        };
        let likeness = likeness(change, &error);
        let row = self.0.entry(kind(change)).or_insert_with(|| Row { likeness: likeness.clone(), words: error.clone(), times: 0 });
        if row.likeness != likeness {
            *row = Row { likeness, words: error, times: 0 };
        }
        row.times += 1;
    }

    /// Why a change is not sent any more.
    pub(super) fn stopped(&self, change: &Change, most: u32) -> Option<String> {
        let row = self.0.get(&kind(change)).filter(|row| row.times >= most && !takes(change))?;
        Some(format!(
            "stopped after {most} equal refusals ({}); mend what it names, or leave those whom it is about out, and apply again",
            row.words
        ))
    }
}

fn kind(change: &Change) -> Kind {
    (change.target.clone(), change.action, change.object.kind)
}

/// What takes from somebody is always tried.
fn takes(change: &Change) -> bool {
    let takes = matches!(change.action, Action::Deactivate | Action::Delete | Action::RemoveMembers | Action::RemoveEntitlement);
    takes || change.reason == Reason::Revoked
}

/// An answer without what only this object has: its name, its key, its id, its values, and numbers in words; a status stays.
pub fn likeness(change: &Change, words: &str) -> String {
    let object = &change.object;
    let mut own: Vec<&str> = [Some(&object.name), Some(&object.key), object.id.as_ref()].into_iter().flatten().map(AsRef::as_ref).collect();
    own.extend(change.attributes.iter().filter_map(|attribute| attribute.after.as_ref().and_then(Value::as_text)));
    own.extend(object.key.rsplit_once('/').map(|(_, key)| key));
    own.retain(|text| text.chars().count() > 1);
    own.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let plain = own.into_iter().fold(words.to_owned(), |words, text| words.replace(text, "…"));
    let is_status = |word: &str| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let word = |word: &str| {
        let core = word.trim_matches(|sign: char| !sign.is_alphanumeric());
        if core.bytes().any(|byte| byte.is_ascii_digit()) && !is_status(core) { "#".to_owned() } else { word.to_owned() }
    };
    plain.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectRef;

    fn create(name: &str) -> Change {
        let object = ObjectRef { kind: ObjectKind::Account, key: Arc::from(format!("hr/{name}")), id: None, name: Arc::from(name) };
        Change::new(&"chat".into(), Action::Create, object, Reason::Joiner)
    }

    #[test]
    fn answers_are_alike_but_for_what_is_the_objects_own() {
        let alike = |name: &str, words: &str| likeness(&create(name), words);
        assert_eq!(alike("ada", "HTTP 400: no mail for ada (request 7f3a-2)"), alike("bob", "HTTP 400: no mail for bob (request 9c01-8)"));
        assert_ne!(alike("ada", "HTTP 400: no mail"), alike("ada", "HTTP 422: no mail"), "the status counts");
        assert_ne!(alike("ada", "attribute \"title\" is missing"), alike("ada", "attribute \"locale\" is missing"));
    }

    #[test]
    fn a_row_is_broken_by_anything_else_and_never_holds_what_takes() {
        let mut refusals = Refusals::default();
        let refused = |words: &str| Outcome::Failed(SystemError::Rejected(words.into()));
        let (ada, many) = (create("ada"), 3);
        (0..2).for_each(|_| refusals.hear(&ada, &refused("no")));
        refusals.hear(&ada, &Outcome::Done { id: None });
        (0..2).for_each(|_| refusals.hear(&ada, &refused("no")));
        refusals.hear(&ada, &refused("other"));
        assert_eq!(refusals.stopped(&ada, many), None);
        refusals.hear(&ada, &Outcome::Failed(SystemError::Conflict("taken".into())));
        (0..3).for_each(|_| refusals.hear(&ada, &refused("no")));
        assert!(refusals.stopped(&ada, many).is_some_and(|why| why.starts_with("stopped after 3 equal refusals (rejected: no)")));
        let leaver = Change { action: Action::Deactivate, ..create("ada") };
        (0..9).for_each(|_| refusals.hear(&leaver, &refused("no")));
        assert_eq!(refusals.stopped(&leaver, many), None, "a leaver is tried whatever was said of others");
    }
}
