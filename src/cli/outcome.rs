//! What a run came to, for a person and for a machine.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::held;
use super::output::TextOrJson;
use super::redact::Hides;
use super::report::{self, Failure};
use crate::apply::{Report, likeness};
use crate::journal::ResultWord;
use crate::model::{Change, Plan};
use crate::render::style::{BAD, GOOD, STRONG, paint};
use crate::render::{headline, safe};
use crate::workspace::gates::HeldPart;

/// Failures listed before the list is cut; the journal has all.
const SHOWN: usize = 50;

/// What is needed and was not run.
#[derive(Clone, Copy, Debug)]
pub struct NotRun<'a> {
    /// nobody reviewed it
    pub new: &'a [Change],
    /// gates hold it
    pub held: &'a [HeldPart],
}

/// Writes the outcome to stdout.
pub fn write(plan: &Plan, report: &Report, rest: NotRun<'_>, (form, hides): (TextOrJson, &Hides)) -> Result<(), Failure> {
    match form {
        TextOrJson::Text => report::result(text(plan, report, rest, hides).as_bytes()),
        TextOrJson::Json => report::result(format!("{:#}\n", document(plan, report, rest)).as_bytes()),
    }
}

fn text(plan: &Plan, report: &Report, left: NotRun<'_>, hides: &Hides) -> String {
    let mut text = String::new();
    let targets = report.by_target(plan);
    for (target, results) in &targets {
        let words: Vec<_> = results.iter().map(|(result, count)| format!("{count} {}", result.words())).collect();
        let _ = writeln!(text, "{}: {}", safe::line(target), words.join(", "));
    }
    troubles(&hides.changes(&plan.changes), report, hides, &mut text);
    // Counted as the plan's totals count them.
    let withheld: u64 = plan.changes.iter().filter(|change| !change.runs()).map(|change| change.weight()).sum();
    let verdict = match (&report.stopped, report.complete()) {
        (Some(why), _) => paint(BAD.bold(), format_args!("Stopped: {}.", safe::line(why))),
        (None, false) => paint(BAD.bold(), "Not everything was applied."),
        (None, true) if targets.is_empty() => paint(STRONG, "Nothing to apply."),
        (None, true) => paint(GOOD.bold(), "Applied."),
    };
    let _ = writeln!(text, "{verdict}{}", rest(withheld, left));
    if !report.complete() {
        text.push_str("Next: `headcount plan` shows what is left; `headcount apply` goes on with it.\n");
    }
    if !report.run.is_empty() {
        let _ = writeln!(text, "Run {}: `headcount history` has it.", report.run);
    }
    text
}

fn rest(withheld: u64, left: NotRun<'_>) -> String {
    let mut words = String::new();
    if withheld > 0 {
        let _ = write!(words, " {withheld} withheld, see the plan's findings.");
    }
    if !left.new.is_empty() {
        let _ = write!(words, " {} not in the reviewed plan and not run.", left.new.len());
    }
    let held: u64 = left.held.iter().filter(|part| held::waits(part)).map(|part| part.pending.sum()).sum();
    if held > 0 {
        let _ = write!(words, " {held} held and not run.");
    }
    words
}

fn troubles(changes: &[Change], report: &Report, hides: &Hides, text: &mut String) {
    let troubles = report.outcomes.iter().filter_map(|(id, outcome)| Some((changes.get(id.0 as usize)?, hides.words(&outcome.trouble()?))));
    let troubles: Vec<_> = troubles.collect();
    if troubles.is_empty() {
        return;
    }
    text.push_str("\nNot done:\n");
    let folded = fold(troubles);
    for (changes, words) in folded.iter().take(SHOWN) {
        let Some(first) = changes.first() else { continue };
        let more = if changes.len() > 1 { format!(", and {} more alike", changes.len() - 1) } else { String::new() };
        let _ = writeln!(text, "  {}{more}: {}", headline(first), safe::line(words));
    }
    if folded.len() > SHOWN {
        let more: usize = folded.iter().skip(SHOWN).map(|(changes, _)| changes.len()).sum();
        let _ = writeln!(text, "  … and {more} more; `headcount history {}` has them", report.run);
    }
    text.push('\n');
}

/// What was refused in the same words stands once, where it first stood.
fn fold<'p>(troubles: Vec<(&'p Change, String)>) -> Vec<(Vec<&'p Change>, String)> {
    let mut folded: Vec<(Vec<&'p Change>, String)> = Vec::new();
    let mut known = BTreeMap::new();
    for (change, words) in troubles {
        let alike = (&change.target, change.action, change.object.kind, likeness(change, &words));
        let at = *known.entry(alike).or_insert(folded.len());
        match folded.get_mut(at) {
            Some((changes, _)) => changes.push(change),
            None => folded.push((vec![change], words)),
        }
    }
    folded
}

fn document(plan: &Plan, report: &Report, rest: NotRun<'_>) -> Json {
    let outcomes = report.outcomes.iter().filter_map(|(id, outcome)| {
        let change = plan.changes.get(id.0 as usize)?;
        let mut fields = json!({
            "target": change.target, "action": change.action, "object": change.object, "result": ResultWord::of(outcome),
        });
        if let (Some(words), Some(fields)) = (outcome.trouble(), fields.as_object_mut()) {
            fields.insert("message".into(), words.into());
        }
        Some(fields)
    });
    let withheld: Vec<_> = plan.changes.iter().filter(|change| !change.runs()).collect();
    json!({
        "formatVersion": 1,
        "run": report.run,
        "complete": report.complete(),
        "stopped": report.stopped,
        "results": report.results(),
        "outcomes": outcomes.collect::<Vec<_>>(),
        "withheld": withheld,
        "notReviewed": rest.new,
        "held": held::document(rest.held),
        "findings": plan.findings,
    })
}
