//! What a revocation will do, what came of it, and the manifest to commit.
//!
//! Must never: show a value of anybody's account.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::desk::{First, Obstacle, Told};
use crate::cli::apply::Form;
use crate::cli::outcome::receipt_word;
use crate::cli::report::{self, Exit, Failure, notice};
use crate::model::StandingRevocation;
use crate::render::style::{BAD, GOOD, STRONG, paint};
use crate::render::{headline, safe};

/// Characters of a manifest's name that come from a key.
const NAMED: usize = 40;
/// What a document may cut off without saying so.
const MAX: usize = 10;

/// What will be done, target by target.
pub fn preview(revocations: &[StandingRevocation], first: &[First]) {
    let keys: Vec<_> = revocations.iter().map(|revocation| revocation.key.as_ref()).collect();
    notice(safe::lines(&format!("To be cut off: {}", keys.join(", "))));
    for first in first {
        let target = safe::line(&first.target);
        match &first.look {
            Err(why) => notice(format_args!(
                "  {target}: can't be reached ({}); whatever they have there goes as soon as it answers",
                safe::line(why)
            )),
            Ok(look) if look.plan.changes.is_empty() && look.accounts.is_empty() => notice(format_args!("  {target}: no account")),
            Ok(look) if look.plan.changes.is_empty() => notice(format_args!("  {target}: cut off already")),
            Ok(look) => {
                for change in &look.plan.changes {
                    let held = if change.runs() { "" } else { " (protected: not done)" };
                    notice(format_args!("  {}{held}", headline(change)));
                }
            }
        }
    }
}

/// Writes the receipts and the manifest to stdout.
pub fn write(revocations: &[StandingRevocation], told: &[Told], form: Form, today: Date) -> Result<(), Failure> {
    let manifest = manifest(revocations, today);
    match form {
        Form::Text => report::result(text(told, &manifest).as_bytes()),
        Form::Json => report::result(format!("{:#}\n", document(revocations, told, &manifest)).as_bytes()),
    }
}

/// How the command ends. Where nothing but protection is in the way, there is nothing to try again: somebody has to decide.
pub fn exit(told: &[Told]) -> Exit {
    let mut obstacles = told.iter().filter_map(|told| told.obstacle).peekable();
    if obstacles.peek().is_none() {
        Exit::Done
    } else if obstacles.all(|obstacle| obstacle == Obstacle::Protection) {
        Exit::Refused
    } else {
        Exit::Partly
    }
}

fn text(told: &[Told], manifest: &str) -> String {
    let widest = told.iter().map(|told| told.receipt.target.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    let mut last = None;
    for Told { key, receipt, .. } in sorted(told) {
        if last != Some(key) {
            let _ = writeln!(text, "{}", paint(STRONG, safe::line(key)));
            last = Some(key);
        }
        let style = if receipt.outcome.holds() { GOOD } else { BAD };
        let word = paint(style, receipt_word(receipt.outcome));
        let message = receipt.message.as_deref().map(|words| format!(": {}", safe::line(words))).unwrap_or_default();
        let _ = writeln!(text, "  {:widest$}  {word}{message}", safe::line(&receipt.target));
    }
    let verdict = match exit(told) {
        Exit::Done => paint(GOOD.bold(), "Cut off."),
        Exit::Refused => paint(
            BAD.bold(),
            "Not cut off everywhere: protection refuses the rest. It stays in force: without the protection, `headcount apply` does it.",
        ),
        _ => paint(BAD.bold(), "Not cut off everywhere. It stays in force: every `headcount apply` tries again."),
    };
    let _ = writeln!(text, "{verdict}\n\nCommit this; removing it gives back what the rules of that day give:\n\n{manifest}");
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn document(revocations: &[StandingRevocation], told: &[Told], manifest: &str) -> Json {
    let receipts: Vec<Json> = sorted(told)
        .map(|Told { key, receipt, .. }| {
            let (target, outcome) = (&receipt.target, receipt.outcome);
            json!({"identity": key, "target": target, "outcome": outcome, "message": receipt.message, "tries": receipt.tries})
        })
        .collect();
    let keys: Vec<_> = revocations.iter().map(|revocation| &revocation.key).collect();
    let complete = told.iter().all(|told| told.receipt.outcome.holds());
    json!({"formatVersion": 1, "revoked": keys, "complete": complete, "receipts": receipts, "manifest": manifest})
}

fn sorted(told: &[Told]) -> impl Iterator<Item = &Told> {
    let mut sorted: Vec<&Told> = told.iter().collect();
    sorted.sort_by(|one, other| (&one.key, &one.receipt.target).cmp(&(&other.key, &other.receipt.target)));
    sorted.into_iter()
}

/// The document that says the same, ready to be pasted. JSON's strings are YAML's, too.
fn manifest(revocations: &[StandingRevocation], today: Date) -> String {
    let Some(first) = revocations.first() else { return String::new() };
    let mut text = String::from("apiVersion: headcount.dev/v1alpha1\nkind: Revocation\n");
    let _ = writeln!(text, "metadata: {{name: {}}}\nspec:\n  identities:", name(&first.key, today));
    for revocation in revocations {
        let _ = match revocation.key.split_once('/') {
            Some(("user", user)) => writeln!(text, "  - {{user: {}}}", quoted(user)),
            Some((source, key)) => writeln!(text, "  - {{identity: {{source: {}, key: {}}}}}", quoted(source), quoted(key)),
            None => Ok(()),
        };
    }
    let _ = writeln!(text, "  reason: {}", quoted(&first.reason));
    if let Some(until) = first.until {
        let _ = writeln!(text, "  until: \"{until}\"");
    }
    if revocations.len() > MAX {
        let _ = writeln!(text, "  max: {}", revocations.len());
    }
    text
}

fn quoted(text: &str) -> Json {
    Json::from(text)
}

/// A name that Kubernetes takes, with the day in it.
fn name(key: &str, today: Date) -> String {
    let plain: String =
        key.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }).take(NAMED).collect();
    format!("{}-{today}", plain.trim_matches('-'))
}
