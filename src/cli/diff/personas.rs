//! What the sample people get at the branch otherwise than at the base: the best that can be told without any system.
//!
//! Must never: take a persona that could not be worked out for one that nothing changes for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::super::revisions::Revisions;
use crate::manifest::kinds::{Expectation, PersonaSpec};
use crate::manifest::{Document, Loaded};
use crate::persona::Suite;
use crate::policy::Policy;

/// One line for each thing that a persona of the branch gets otherwise. Where there are personas and nothing differs, that is told too.
pub fn differences(revisions: &Revisions) -> Vec<String> {
    let personas = &revisions.head.loaded.personas;
    if personas.is_empty() || revisions.is_new() {
        return Vec::new();
    }
    let before = came(&revisions.base.loaded, &revisions.base.policy, personas);
    let after = came(&revisions.head.loaded, &revisions.head.policy, personas);
    let mut lines = Vec::new();
    for ((persona, before), after) in personas.iter().zip(before).zip(after) {
        match (before, after) {
            (Some(before), Some(after)) => lines.extend(differing(&persona.name, &leaves(&before), &leaves(&after))),
            _ => lines.push(format!("{}: what they get could not be worked out; `headcount test` says why", persona.name)),
        }
    }
    if lines.is_empty() {
        lines.push(format!("nothing for any of the {} personas", personas.len()));
    }
    lines
}

fn came(loaded: &Loaded, policy: &Policy, personas: &[Document<PersonaSpec>]) -> Vec<Option<Expectation>> {
    let mut suite = Suite::new(loaded, policy);
    personas.iter().map(|persona| suite.test(persona).came).collect()
}

fn differing(name: &str, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let word = |of: &BTreeMap<String, String>, path: &String| of.get(path).cloned().unwrap_or_else(|| "(none)".to_owned());
    let differ = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    differ.map(|path| format!("{name}: {path}: {} → {}", word(before, path), word(after, path))).collect()
}

/// Each value by its path; a list is one value.
fn leaves(expectation: &Expectation) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    let mut open = vec![(String::new(), serde_json::to_value(expectation).unwrap_or_default())];
    while let Some((path, value)) = open.pop() {
        match value {
            Json::Object(fields) => open.extend(fields.into_iter().map(|(key, value)| {
                let dot = if path.is_empty() { "" } else { "." };
                (format!("{path}{dot}{key}"), value)
            })),
            Json::Array(items) => {
                let mut words: Vec<String> =
                    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
                words.sort();
                leaves.insert(path, words.join(", "));
            }
            Json::String(text) => drop(leaves.insert(path, text)),
            value => drop(leaves.insert(path, value.to_string())),
        }
    }
    leaves
}
