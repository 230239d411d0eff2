//! Documents that look as if they had only got another name.
//!
//! Must never: do more than say so.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{DocumentChange, DocumentDifference, Documents};

/// So much of what both say must be the same.
const ALIKE: f64 = 0.9;
/// Of more than so many nothing is guessed: each is held against each.
const MOST: usize = 2000;

/// Marks each document that came with the one that went and says nearly the same.
pub(super) fn mark(changes: &mut [DocumentChange], before: &Documents<'_>, after: &Documents<'_>) {
    let of = |what: DocumentDifference, changes: &[DocumentChange]| -> Vec<usize> {
        changes.iter().enumerate().filter(|(_, change)| change.what == what).map(|(at, _)| at).collect()
    };
    let (came, mut went) = (of(DocumentDifference::Added, changes), of(DocumentDifference::Removed, changes));
    if came.len().max(went.len()) > MOST {
        return;
    }
    for at in came {
        let Some(new) = changes.get(at) else { continue };
        let Some(content) = after.get(&new.document).map(|document| leaves(&document.content)) else { continue };
        let likeness = |old: usize| {
            let old = changes.get(old).filter(|old| old.document.kind == new.document.kind)?;
            let like = alike(&content, &leaves(&before.get(&old.document)?.content));
            (like >= ALIKE).then_some(like)
        };
        let best = went
            .iter()
            .enumerate()
            .filter_map(|(place, old)| Some((likeness(*old)?, place)))
            .max_by(|one, other| one.0.total_cmp(&other.0));
        if let Some((_, place)) = best {
            let old = changes.get(went.swap_remove(place)).map(|old| old.document.clone());
            if let Some(new) = changes.get_mut(at) {
                new.looks_like = old;
            }
        }
    }
}

fn alike(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    let most = one.len().max(other.len());
    if most == 0 { 0.0 } else { one.intersection(other).count() as f64 / most as f64 }
}

/// Each value with its path; of lists without the position.
fn leaves(content: &Json) -> BTreeSet<String> {
    let mut leaves = BTreeSet::new();
    let mut open = vec![(String::new(), content)];
    while let Some((path, value)) = open.pop() {
        match value {
            Json::Object(fields) => open.extend(fields.iter().map(|(key, value)| (format!("{path}/{key}"), value))),
            Json::Array(items) => open.extend(items.iter().map(|item| (format!("{path}/-"), item))),
            value => drop(leaves.insert(format!("{path} {value}"))),
        }
    }
    leaves
}
