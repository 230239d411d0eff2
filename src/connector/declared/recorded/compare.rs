//! What came of a case held against what must come of it.
//!
//! Must never: be content with less than the case says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;

use super::play::{Came, Row};
use crate::manifest::kinds::connector::{CaseEvidence, CaseExpectation, CaseOutcome};
use crate::manifest::quantity;
use crate::model::{Evidence, SystemError};

/// What differs, in words.
pub(super) fn problems(expect: &CaseExpectation, came: &Came, waited: Duration) -> Vec<String> {
    let mut problems = Vec::new();
    let (words, rows) = match came {
        Came::Read { evidence, rows, gone, next } => {
            let (kind, words) = (of_evidence(evidence), evidence.reason().unwrap_or_default());
            if expect.evidence.is_some_and(|expected| expected != kind) {
                problems.push(format!("evidence: expected {}, got {}", named(&expect.evidence), because(named(&kind), words)));
            }
            let gone: Vec<&str> = gone.iter().map(AsRef::as_ref).collect();
            if expect.gone.as_ref().is_some_and(|expected| *expected != gone) {
                problems.push(format!("gone: expected {}, got {}", listed(&expect.gone), listed(&gone)));
            }
            if expect
                .next
                .as_deref()
                .is_some_and(|expected| if expected == "*" { next.is_none() } else { next.as_deref() != Some(expected) })
            {
                // A token may open what it stands for; what plays the system made this one up.
                problems.push(format!("next: expected {}, got {}", listed(&expect.next), next.as_deref().unwrap_or("nothing")));
            }
            (words.to_owned(), Some(rows))
        }
        Came::Found(found) => {
            let ended = found.as_ref().map(|_| CaseOutcome::Applied);
            (outcome(expect, ended, &mut problems), found.as_ref().ok())
        }
        Came::Written(written) => {
            let ended = written.as_ref().map(|written| if written.already_so { CaseOutcome::AlreadySo } else { CaseOutcome::Applied });
            if let (Some(expected), Ok(written)) = (&expect.id, written)
                && **expected != *written.id
            {
                problems.push(format!("id: expected {expected}, got {}", written.id));
            }
            (outcome(expect, ended, &mut problems), None)
        }
    };
    if let Some(says) = expect.says.as_ref().filter(|says| !words.contains(says.as_str())) {
        let said = if words.is_empty() { "nothing is said".to_owned() } else { format!("what is said is: {words}") };
        problems.push(format!("says: expected words with {says:?}, and {said}"));
    }
    if let (Some(expected), Some(rows)) = (&expect.rows, rows) {
        self::rows(expected, rows, &mut problems);
    }
    let wanted = expect.waits.as_deref().and_then(|text| quantity::duration(text).ok()).map(|span| span.as_secs());
    let seconds = waited.as_secs_f64().round();
    if let Some(wanted) = wanted.filter(|wanted| (*wanted as f64 - seconds).abs() > 0.5) {
        problems.push(format!("waits: expected {wanted}s, got {seconds}s"));
    }
    problems
}

/// Puts down an outcome that was not expected; the words of the error, if it was one.
fn outcome(expect: &CaseExpectation, ended: Result<CaseOutcome, &SystemError>, problems: &mut Vec<String>) -> String {
    let words = ended.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let kind = ended.unwrap_or_else(of_error);
    if expect.outcome.is_some_and(|expected| expected != kind) {
        problems.push(format!("outcome: expected {}, got {}", named(&expect.outcome), because(named(&kind), &words)));
    }
    words
}

fn rows(expected: &[BTreeMap<String, Json>], rows: &[Row], problems: &mut Vec<String>) {
    if expected.len() != rows.len() {
        let shown = rows.iter().map(|row| row.get("id").or_else(|| row.values().next()).unwrap_or(&Json::Null).to_string());
        problems.push(format!("rows: expected {}, got {} ({})", expected.len(), rows.len(), shown.collect::<Vec<_>>().join(", ")));
    }
    for (at, (expected, row)) in expected.iter().zip(rows).enumerate() {
        for (name, value) in expected {
            match row.get(name.as_str()) {
                Some(found) if found == value => {}
                Some(found) => problems.push(format!("rows[{at}].{name}: expected {value}, got {found}")),
                None => problems.push(format!("rows[{at}].{name}: nobody asked for it; the columns are {}", columns(row))),
            }
        }
    }
}

fn columns(row: &Row) -> String {
    row.keys().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

fn listed(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn because(kind: String, words: &str) -> String {
    if words.is_empty() { kind } else { format!("{kind} ({words})") }
}

/// The word that stands for it in the document.
fn named(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_else(|| "nothing".into())
}

pub(super) fn of_evidence(evidence: &Evidence) -> CaseEvidence {
    match evidence {
        Evidence::Complete => CaseEvidence::Complete,
        Evidence::Delta => CaseEvidence::Delta,
        Evidence::Partial { .. } => CaseEvidence::Partial,
        Evidence::Unreadable { .. } => CaseEvidence::Unreadable,
    }
}

fn of_error(error: &SystemError) -> CaseOutcome {
    match error {
        SystemError::Auth(_) => CaseOutcome::Auth,
        SystemError::Forbidden(_) => CaseOutcome::Forbidden,
        SystemError::NotFound(_) => CaseOutcome::NotFound,
        SystemError::Conflict(_) => CaseOutcome::Conflict,
        SystemError::Throttled { .. } => CaseOutcome::Throttled,
        SystemError::Rejected(_) => CaseOutcome::Rejected,
        SystemError::Unavailable(_) | SystemError::Unreachable(_) | SystemError::NotSent(_) => CaseOutcome::Unavailable,
        SystemError::Uncertain(_) => CaseOutcome::Uncertain,
        SystemError::Protocol(_) => CaseOutcome::Protocol,
    }
}
