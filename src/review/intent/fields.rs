//! What differs between two forms of one document, field by field, each with its line at head.
//!
//! Must never: tell everything behind an item that came in as changed too.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::FieldChange;
use crate::manifest::{Loaded, Origin, Outline};

/// Longest text of a value.
const LONGEST: usize = 2000;
/// Fields by which the items of a list are known, the first that an item has.
const NAMES: [&str; 8] = ["attribute", "user", "identity", "group", "name", "guardrail", "key", "target"];

/// Every field that differs, in the order of head and then of base.
pub(super) fn differences(base: (&Loaded, &Origin), head: (&Loaded, &Origin), before: &Json, after: &Json) -> Vec<FieldChange> {
    let mut walk = Walk { base: base.0.outline(base.1), head: head.0.outline(head.1), fields: Vec::new() };
    walk.values(&Path::default(), before, after);
    walk.fields
}

/// A field as people write it, and as the outline finds it.
#[derive(Clone, Default)]
struct Path {
    words: String,
    /// the same place in the two forms: an item may stand elsewhere in its list
    base: String,
    head: String,
}

impl Path {
    fn key(&self, key: &str) -> Self {
        let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let dot = if self.words.is_empty() { "" } else { "." };
        let words = if plain { format!("{}{dot}{key}", self.words) } else { format!("{}[{key:?}]", self.words) };
        let key = key.replace('~', "~0").replace('/', "~1");
        Self { words, base: format!("{}/{key}", self.base), head: format!("{}/{key}", self.head) }
    }

    /// An item by its position at head, else at base.
    fn item(&self, base: usize, head: Option<usize>) -> Self {
        let at = head.unwrap_or(base);
        Self { words: format!("{}[{at}]", self.words), base: format!("{}/{base}", self.base), head: format!("{}/{at}", self.head) }
    }
}

struct Walk<'a> {
    base: Outline<'a>,
    head: Outline<'a>,
    fields: Vec<FieldChange>,
}

impl Walk<'_> {
    fn values(&mut self, path: &Path, before: &Json, after: &Json) {
        match (before, after) {
            (before, after) if before == after => {}
            (Json::Object(before), Json::Object(after)) => self.maps(path, before, after),
            (Json::Array(before), Json::Array(after)) => self.lists(path, before, after),
            _ => self.tell(path, Some(before), Some(after)),
        }
    }

    fn maps(&mut self, path: &Path, before: &Map<String, Json>, after: &Map<String, Json>) {
        let keys: BTreeSet<&String> = after.keys().chain(before.keys()).collect();
        for key in keys {
            let below = path.key(key);
            match (before.get(key), after.get(key)) {
                (Some(before), Some(after)) => self.values(&below, before, after),
                (before, after) => self.tell(&below, before, after),
            }
        }
    }

    /// Items that are the same are left out; of the rest those of one name are the same item, changed.
    fn lists(&mut self, path: &Path, before: &[Json], after: &[Json]) {
        let (gone, new) = unmatched(before, after);
        if gone.is_empty() && new.is_empty() {
            return self.tell(path, Some(&Json::Array(before.to_vec())), Some(&Json::Array(after.to_vec())));
        }
        let mut gone: Vec<Option<usize>> = gone.into_iter().map(Some).collect();
        for at in new {
            let Some(item) = after.get(at) else { continue };
            let same = |known: &&mut Option<usize>| known.and_then(|known| before.get(known)).is_some_and(|known| are_one(known, item));
            let known = gone.iter_mut().find(same).and_then(Option::take).and_then(|known| Some((known, before.get(known)?)));
            match known {
                Some((was, known)) => self.values(&path.item(was, Some(at)), known, item),
                None => self.tell(&path.item(at, Some(at)), None, Some(item)),
            }
        }
        for at in gone.into_iter().flatten() {
            self.tell(&path.item(at, None), before.get(at), None);
        }
    }

    fn tell(&mut self, path: &Path, before: Option<&Json>, after: Option<&Json>) {
        let place = after.is_some().then(|| self.head.place(&path.head));
        let base_place = before.is_some().then(|| self.base.place(&path.base));
        self.fields.push(FieldChange {
            path: path.words.clone(),
            before: before.map(one_line),
            after: after.map(one_line),
            place,
            base_place,
        });
    }
}

/// The positions of what only one of two lists has, each as often as it has it more.
fn unmatched(before: &[Json], after: &[Json]) -> (Vec<usize>, Vec<usize>) {
    let text = |item: &Json| item.to_string();
    let mut left: std::collections::HashMap<String, Vec<usize>> = std::collections::HashMap::new();
    for (at, item) in before.iter().enumerate().rev() {
        left.entry(text(item)).or_default().push(at);
    }
    let new =
        after.iter().enumerate().filter(|(_, item)| left.get_mut(&text(item)).and_then(Vec::pop).is_none()).map(|(at, _)| at).collect();
    let mut gone: Vec<usize> = left.into_values().flatten().collect();
    gone.sort_unstable();
    (gone, new)
}

/// Whether two items that differ are forms of one.
fn are_one(one: &Json, other: &Json) -> bool {
    NAMES.iter().find_map(|name| Some((one.get(name)?, other.get(name)?))).is_some_and(|(one, other)| one == other)
}

/// A value on one line: text as it is, everything else as JSON.
fn one_line(value: &Json) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
