//! Equal refusals: where a target says no in the same words to one kind of change again and again, the rest of that kind is held back, until a few from all
//! over the rest have been tried. If they are refused alike, the rest is not sent; if not, it is.
//!
//! Must never: hold back what takes access from somebody, or count a refusal that is about one object alone (a name that is taken).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Action, Change, ChangeId, Key, ObjectKind, Outcome, SystemError, Value};

/// How many of those that are held back are tried, from the first to the last.
const PROBES: usize = 5;

/// Refusals of this run, by what was refused, and what is held back because of them.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    rows: BTreeMap<Kind, Row>,
    held: BTreeMap<Kind, BTreeSet<ChangeId>>,
}

type Kind = (Arc<str>, Action, ObjectKind);

/// Equal ones, one after the other.
#[derive(Debug)]
struct Row {
    likeness: String,
    words: String,
    times: u32,
    /// those of the rest that are tried
    probes: BTreeSet<ChangeId>,
    /// they were refused like the others
    over: bool,
}

impl Refusals {
    /// What became of a change.
    pub(super) fn hear(&mut self, change: &Change, outcome: &Outcome) {
        let error = match outcome {
            Outcome::Failed(error @ (SystemError::Rejected(_) | SystemError::Forbidden(_))) => error.to_string(),
            Outcome::Done { .. } | Outcome::AlreadySo { .. } | Outcome::Partly { .. } | Outcome::Failed(_) => {
                self.rows.remove(&kind(change));
                return;
            }
            Outcome::Uncertain(_) | Outcome::Skipped(_) => return,
        };
        let likeness = likeness(change, &error);
        match self.rows.get_mut(&kind(change)) {
            Some(row) if row.likeness == likeness => row.times += 1,
            _ => drop(self.rows.insert(kind(change), Row { likeness, words: error, times: 1, probes: BTreeSet::new(), over: false })),
        }
    }

    /// Whether a change waits until it is known whether the rest of its kind is refused, too.
    pub(super) fn holds(&mut self, id: ChangeId, change: &Change, most: u32) -> bool {
        let waits = |row: &&Row| row.times >= most && !row.over && !row.probes.contains(&id);
        let waits = !takes(change) && self.rows.get(&kind(change)).is_some_and(|row| waits(&row));
        if waits {
            self.held.entry(kind(change)).or_default().insert(id);
        }
        waits
    }

    /// How many of a change's kind may be sent at once: after the first refusals, no more than lead to the stop.
    pub(super) fn room(&self, change: &Change, most: u32) -> usize {
        let row = self.rows.get(&kind(change)).filter(|row| row.times < most && !takes(change));
        row.map_or(usize::MAX, |row| (most - row.times) as usize)
    }

    /// Those that wait no longer: what they waited for was no rule.
    pub(super) fn released(&mut self, target: &str, most: u32) -> Vec<ChangeId> {
        let rows = &self.rows;
        let stands = |kind: &Kind| rows.get(kind).is_some_and(|row| row.times >= most);
        let free: Vec<Kind> = self.held.keys().filter(|kind| kind.0.as_ref() == target && !stands(kind)).cloned().collect();
        free.iter().flat_map(|kind| self.held.remove(kind).unwrap_or_default()).collect()
    }

    /// Nothing of the target is under way: first a few of those that wait go ahead, from the first to the last; once they are refused alike, it is over for all.
    pub(super) fn next(&mut self, target: &str) -> Vec<ChangeId> {
        let Some((kind, held)) = self.held.iter_mut().find(|(kind, _)| kind.0.as_ref() == target) else { return Vec::new() };
        if let Some(row) = self.rows.get_mut(kind)
            && row.probes.is_empty()
        {
            row.probes = spread(held);
            held.retain(|id| !row.probes.contains(id));
            return row.probes.iter().copied().collect();
        }
        let kind = kind.clone();
        if let Some(row) = self.rows.get_mut(&kind) {
            row.over = true;
        }
        self.held.remove(&kind).unwrap_or_default().into_iter().collect()
    }

    /// Why a change is not sent any more.
    pub(super) fn stopped(&self, id: ChangeId, change: &Change) -> Option<String> {
        let row = self.rows.get(&kind(change)).filter(|row| row.over && !row.probes.contains(&id) && !takes(change))?;
        Some(format!(
            "stopped after {} equal refusals, {} of them from all over the rest ({}); mend what it names, or leave those whom it is about out, and apply again",
            row.times,
            row.probes.len(),
            row.words
        ))
    }
}

/// A few, as far from each other as they can be.
fn spread(held: &BTreeSet<ChangeId>) -> BTreeSet<ChangeId> {
    let last = held.len().saturating_sub(1);
    let wanted: BTreeSet<usize> = (0..PROBES).map(|at| at * last / (PROBES - 1)).collect();
    held.iter().enumerate().filter(|(at, _)| wanted.contains(at)).map(|(_, id)| *id).collect()
}

fn kind(change: &Change) -> Kind {
    (change.target.clone(), change.action, change.object.kind)
}

/// What takes from somebody is always tried.
fn takes(change: &Change) -> bool {
    let takes = matches!(change.action, Action::Deactivate | Action::Delete | Action::RemoveMembers | Action::RemoveEntitlement);
    takes || change.mandate.is_revocation()
}

/// An answer without what only this object has: its name, its key, its id, its values, and numbers in words; a status stays.
pub fn likeness(change: &Change, words: &str) -> String {
    let object = &change.object;
    let mut own: Vec<&str> = [Some(&object.name), Some(&object.key), object.id.as_ref()].into_iter().flatten().map(AsRef::as_ref).collect();
    own.extend(change.attributes.iter().filter_map(|attribute| attribute.after.as_ref().and_then(Value::as_text)));
    own.extend(Key::of_identity(&object.key).map(|(_, key)| key));
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
        Change::new(&"chat".into(), Action::Create, object, crate::model::Reason::Joiner)
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
        let (ada, many, id) = (create("ada"), 3, ChangeId(0));
        (0..2).for_each(|_| refusals.hear(&ada, &refused("no")));
        assert_eq!(refusals.room(&ada, many), 1, "one more leads to the stop");
        refusals.hear(&ada, &Outcome::Done { id: None });
        (0..2).for_each(|_| refusals.hear(&ada, &refused("no")));
        refusals.hear(&ada, &refused("other"));
        assert!(!refusals.holds(id, &ada, many));
        refusals.hear(&ada, &Outcome::Failed(SystemError::Conflict("taken".into())));
        (0..3).for_each(|_| refusals.hear(&ada, &refused("no")));
        assert!(refusals.holds(id, &ada, many));
        let leaver = Change { action: Action::Deactivate, ..create("ada") };
        (0..9).for_each(|_| refusals.hear(&leaver, &refused("no")));
        assert!(!refusals.holds(id, &leaver, many), "a leaver is tried whatever was said of others");
    }

    #[test]
    fn a_few_from_the_first_to_the_last_decide_for_the_rest() {
        let no = Outcome::Failed(SystemError::Rejected("no".into()));
        let held = |refusals: &mut Refusals| {
            (0..3).for_each(|_| refusals.hear(&create("ada"), &no));
            assert!((10..110).all(|id| refusals.holds(ChangeId(id), &create("bob"), 3)));
            assert_eq!(refusals.released("chat", 3), []);
            refusals.next("chat")
        };
        let mut refusals = Refusals::default();
        let probes = held(&mut refusals);
        assert_eq!(probes, [10, 34, 59, 84, 109].map(ChangeId));
        assert!(!refusals.holds(probes[0], &create("bob"), 3));
        (0..5).for_each(|_| refusals.hear(&create("bob"), &no));
        assert_eq!(refusals.next("chat").len(), 95, "the others are settled");
        let told = refusals.stopped(ChangeId(11), &create("bob"));
        assert!(told.is_some_and(|why| why.starts_with("stopped after 8 equal refusals, 5 of them from all over the rest (rejected: no)")));

        let mut refusals = Refusals::default();
        let probes = held(&mut refusals);
        refusals.hear(&create("bob"), &Outcome::Done { id: None });
        assert_eq!((probes.len(), refusals.released("chat", 3).len()), (5, 95), "one gets through, so all of them are sent");
    }
}
