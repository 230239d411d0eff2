//! What changed in an inbox since it is at hand: whoever read it once is told the rest.
//!
//! Must never: tell little where a record may be somebody else's than it was; then it is read as a whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value as Json};

use crate::model::Watermark;

/// Counts copies that are at hand: a mark of one means nothing to another.
static COPIES: AtomicU64 = AtomicU64::new(0);

/// By which two records are of one person, whatever the Source's key is.
const PERSON: &str = "externalId";
/// What nobody pushed as it is told: whoever takes a key of it is told everything.
const COMPUTED: [&str; 3] = ["active", "deleted", "groups"];

/// The changes of one copy.
#[derive(Clone, Debug)]
pub(super) struct ChangeLog {
    copy: u64,
    last: u64,
    by_id: HashMap<Arc<str>, u64>,
    in_order: BTreeMap<u64, Arc<str>>,
    /// by attribute: when a user had another value of it last
    other: BTreeMap<String, u64>,
    /// when a user was forgotten last
    forgotten: u64,
}

impl Default for ChangeLog {
    fn default() -> Self {
        let copy = COPIES.fetch_add(1, Ordering::Relaxed);
        Self { copy, last: 0, by_id: HashMap::new(), in_order: BTreeMap::new(), other: BTreeMap::new(), forgotten: 0 }
    }
}

impl ChangeLog {
    /// A user, or what is told of them, is otherwise.
    pub fn changed(&mut self, id: &Arc<str>) {
        self.last += 1;
        if let Some(before) = self.by_id.insert(id.clone(), self.last) {
            self.in_order.remove(&before);
        }
        self.in_order.insert(self.last, id.clone());
    }

    /// A user was pushed otherwise than before.
    pub fn differs(&mut self, id: &Arc<str>, before: &Map<String, Json>, now: &Map<String, Json>) {
        self.changed(id);
        let names = before.iter().filter(|(name, value)| now.get(*name) != Some(value)).map(|(name, _)| name);
        for name in names.chain(now.keys().filter(|name| !before.contains_key(*name))) {
            self.other.insert(name.clone(), self.last);
        }
    }

    /// A user is known no more.
    pub fn forgets(&mut self) {
        self.last += 1;
        self.forgotten = self.last;
    }

    /// Up to here.
    pub fn mark(&self) -> Watermark {
        Watermark(format!("{}.{}", self.copy, self.last).into())
    }

    /// Who changed since a mark, in the order in which they did. None where that does not say all: a record may have another key (of these paths) than it had.
    pub fn since(&self, mark: &Watermark, key: &[Arc<str>]) -> Option<Vec<Arc<str>>> {
        let (copy, seen) = mark.0.split_once('.')?;
        let seen: u64 = seen.parse().ok().filter(|_| copy.parse() == Ok(self.copy))?;
        let other = self.other.iter().filter(|(_, at)| **at > seen).map(|(name, _)| name.as_str());
        let moves = |name: &str| name == PERSON || key.iter().any(|path| reads(path, name));
        let computed = COMPUTED.iter().any(|name| key.iter().any(|path| reads(path, name)));
        if self.forgotten > seen || computed || other.into_iter().any(moves) {
            return None;
        }
        Some(self.in_order.range(seen + 1..).map(|(_, id)| id.clone()).collect())
    }
}

/// Whether a path may go through an attribute.
fn reads(path: &str, attribute: &str) -> bool {
    path.starts_with(attribute) || (attribute.starts_with("urn:") && path.contains("urn:"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Json) -> Map<String, Json> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn who_changed_twice_is_told_once_and_another_key_is_told_as_everything() {
        let (mut log, ada, luis) = (ChangeLog::default(), Arc::from("ada"), Arc::from("luis"));
        let key = [Arc::from("employee")];
        let begin = log.mark();
        log.changed(&ada);
        log.changed(&luis);
        log.differs(&ada, &fields(json!({"title": "a", "employee": 1})), &fields(json!({"title": "b", "employee": 1})));
        assert_eq!(log.since(&begin, &key), Some(vec![luis.clone(), ada.clone()]));
        let now = log.mark();
        assert_eq!(log.since(&now, &key), Some(vec![]));
        log.differs(&ada, &fields(json!({"employee": 1})), &fields(json!({"employee": 2})));
        assert_eq!((log.since(&now, &key), log.since(&now, &[Arc::from("id")])), (None, Some(vec![ada.clone()])));
        let now = log.mark();
        log.differs(&ada, &fields(json!({})), &fields(json!({"externalId": "2"})));
        assert_eq!(log.since(&now, &key), None, "whose record it is");
        let now = log.mark();
        assert_eq!(log.since(&now, &[Arc::from("groups[0].display")]), None);
        assert_eq!(ChangeLog::default().since(&now, &key), None, "another copy");
        log.forgets();
        assert_eq!(log.since(&now, &key), None);
    }
}
