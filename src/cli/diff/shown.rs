//! A review on standard output and in files.
//!
//! Must never: work out what the review does not hold.

use std::io::Write;

use super::super::output::{self, View};
use super::super::report::{self, Failure};
use crate::diagnostic::Place;
use crate::render::annotations::{self, Annotation};
use crate::render::review::links::ForgeLinks;
use crate::render::review::{ReviewOptions, page};
use crate::render::{Format, safe};
use crate::review::{DocumentChange, DocumentDifference, Review};

/// Forms that a review has.
pub fn check(views: &[View<Format>]) -> Result<(), Failure> {
    match views.iter().find(|view| view.format == Format::Ndjson) {
        Some(_) => Err(Failure::usage("a comparison of revisions is shown as text, json, markdown, github or gitlab")
            .hint("`headcount plan` has the other forms of one plan")),
        None => Ok(()),
    }
}

/// Every view, each where it goes.
pub fn write(views: &[View<Format>], review: &Review, is_new: bool, personas: &[String]) -> Result<(), Failure> {
    let standard = [View { format: Format::Text, file: None }];
    for view in if views.is_empty() { &standard } else { views } {
        let words = match view.format {
            Format::Json => format!("{:#}\n", serde_json::to_value(review).unwrap_or_default()),
            Format::Github => annotations::github(&Annotation::of_review(review)),
            Format::Gitlab => annotations::gitlab(&review.workspace, &Annotation::of_review(review)),
            Format::Markdown => page(review, &ReviewOptions::plain(report::DEFAULT_WIDTH, &ForgeLinks::default())),
            _ => text(review, is_new, personas),
        };
        match &view.file {
            Some(file) => output::replace(file, |file| file.write_all(words.as_bytes()))?,
            None => report::result(words.as_bytes())?,
        }
    }
    Ok(())
}

/// A branch in plain words.
fn text(review: &Review, is_new: bool, personas: &[String]) -> String {
    let mut lines = vec![review.verdict.sentence.clone(), String::new()];
    if let Some(branch) = &review.branch {
        let side = |side: &crate::review::Revision| match &side.commit {
            Some(commit) => format!("{} ({})", side.name, super::super::revisions::short(commit)),
            None => side.name.clone(),
        };
        let new = if is_new { ", which does not have this workspace yet" } else { "" };
        lines.push(format!("{} against {}{new}", side(&branch.head), side(&branch.base)));
        if branch.offline {
            lines.push("Nothing was read but the two revisions (--offline).".to_owned());
        }
        lines.push(String::new());
        section(
            &mut lines,
            "Not used in this preview",
            branch.not_used.iter().map(|one| format!("{}{}", one.words, at(one.place.as_ref()))),
        );
    }
    section(&mut lines, "What the manifests say differently", review.intent.iter().flat_map(document));
    section(&mut lines, "What personas get otherwise", personas.iter().cloned());
    if review.branch.as_ref().is_none_or(|branch| !branch.offline) {
        let count = |count: usize, what: &str| format!("{count} {what}");
        let effect = [count(review.effect.len(), "steps by this branch"), count(review.pending.len(), "steps pending without it")];
        section(&mut lines, "What that does", effect.into_iter());
        let findings = review.findings.iter().filter(|one| one.by_branch).map(|one| one.finding.message.clone());
        section(&mut lines, "New by this branch", findings);
        lines.push(format!("Review {}", review.hash.get(..16).unwrap_or_default()));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.into_iter().map(|line| format!("{}\n", safe::line(&line))).collect()
}

fn section(lines: &mut Vec<String>, title: &str, of: impl Iterator<Item = String>) {
    let mut of = of.peekable();
    if of.peek().is_some() {
        lines.push(title.to_owned());
        lines.extend(of.map(|line| format!("  {line}")));
        lines.push(String::new());
    }
}

fn document(change: &DocumentChange) -> Vec<String> {
    let what = match change.what {
        DocumentDifference::Added => "is new",
        DocumentDifference::Removed => "is gone",
        DocumentDifference::Changed => "changes",
        DocumentDifference::Moved => "moves to another file and says the same",
        DocumentDifference::Cosmetic => "is written differently and says the same",
    };
    let lines = change.head.as_ref().or(change.base.as_ref());
    let place = lines.map(|lines| format!(" at {}:{}", lines.file, lines.first)).unwrap_or_default();
    let like = change.looks_like.as_ref().map(|old| format!("; looks like {} under another name", old.name)).unwrap_or_default();
    let mut told = vec![format!("{} {} {what}{like}{place}", change.document.kind, change.document.name)];
    for field in &change.fields {
        let (before, after) = (field.before.as_deref().unwrap_or("(none)"), field.after.as_deref().unwrap_or("(none)"));
        told.push(format!("    {}: {before} → {after}{}", field.path, at(field.place.as_ref())));
    }
    told
}

fn at(place: Option<&Place>) -> String {
    place.map(|place| format!(" at {}:{}", place.file, place.line)).unwrap_or_default()
}
