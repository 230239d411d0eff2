//! What an import says: what there is, what became of each part of it, what was written, and what a plan says then.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Found, ImportArgs};
use crate::cli::report::{self, Failure};
use crate::import::{By, ImportedDocument, Kind};
use crate::render::{count, headline, safe};

/// Changes that are shown before the rest is counted.
const SHOWN: usize = 10;
/// Names that are listed before the rest is counted.
const NAMED: usize = 6;

/// Says it.
pub(super) fn tell(args: &ImportArgs, found: &Found) -> Result<(), Failure> {
    let mut out = String::new();
    there(&mut out, args, found);
    if args.dry_run {
        let documents: Vec<&str> = found.import.documents.iter().map(|made| made.text.as_str()).collect();
        let _ = write!(out, "\n{}", safe::lines(&documents.join("---\n")));
        return report::result(out.as_bytes());
    }
    written(&mut out, found);
    report::result(out.as_bytes())
}

fn there(out: &mut String, args: &ImportArgs, found: &Found) {
    let existing = &found.existing;
    let [accounts, groups, memberships, grants] = existing.counts;
    let counts = [count(accounts, "account"), count(groups, "group"), count(memberships, "membership"), count(grants, "entitlement")];
    let _ = writeln!(out, "{}: {}, read to the end", safe::line(&args.target), counts.join(", "));
    let known = existing.people.iter().filter(|person| person.here).count() as u64;
    if known > 0 {
        let verb = if known == 1 { "is somebody's" } else { "are people's" };
        let _ = writeln!(out, "  {} {verb} whom a Source or a User knows: nothing to write", count(known, "account"));
    }
    let declared = existing.declared_groups + existing.declared_entitlements;
    if declared > 0 {
        let _ = writeln!(out, "  {declared} already there");
    }
    for (words, names) in parts(&found.import.documents) {
        let _ = writeln!(out, "  {words}: {}", listed(&names));
    }
    for left in &found.import.left {
        let _ = writeln!(out, "  left alone: {}", safe::line(left));
    }
}

/// What documents were made of, in a few words each.
fn parts(documents: &[ImportedDocument]) -> Vec<(String, Vec<String>)> {
    let mut parts: BTreeMap<(Kind, u8, String), Vec<String>> = BTreeMap::new();
    for made in documents {
        let names = made.about.iter().map(|name| safe::line(name).into_owned());
        let (order, words) = match (made.kind, &made.by) {
            (Kind::User, _) => (0, "{has} sign-in and {is} nobody's".to_owned()),
            (_, By::Each(attribute)) => (0, format!("{{is}} one for each {attribute}")),
            (_, By::Rule(_)) => (1, "{is} what a rule says".to_owned()),
            (_, By::Groups(_)) => (2, "{has} exactly the people of other groups".to_owned()),
            (_, By::Names(0)) => (4, "{has} no members".to_owned()),
            (_, By::Names(_)) => (3, "{has} people by name, since nothing explains them".to_owned()),
        };
        let rule = match &made.by {
            By::Rule(rule) => format!(" ({})", rule.replace("identity.", "")),
            _ => String::new(),
        };
        parts.entry((made.kind, order, words)).or_default().extend(names.map(|name| format!("{name}{rule}")));
    }
    let words = |((kind, _, words), names): ((Kind, u8, String), Vec<String>)| {
        let what = match kind {
            Kind::Group => "group",
            Kind::User => "account",
            Kind::Entitlement => "entitlement",
        };
        let (is, has) = if names.len() == 1 { ("is", "has") } else { ("are", "have") };
        (format!("{} {}", count(names.len() as u64, what), words.replace("{is}", is).replace("{has}", has)), names)
    };
    parts.into_iter().map(words).collect()
}

fn listed(names: &[String]) -> String {
    let mut words: Vec<String> = names.iter().take(NAMED).cloned().collect();
    if names.len() > NAMED {
        words.push(format!("{} more", names.len() - NAMED));
    }
    words.join(", ")
}

fn written(out: &mut String, found: &Found) {
    if found.import.documents.is_empty() {
        let _ = writeln!(out, "\nnothing to write: whatever is there is declared, or was left alone");
        return;
    }
    let file = |file: &std::sync::Arc<str>| match found.files.added.get(file).map_or(0, Vec::len) as u64 {
        0 => format!("{file} (`groups: {{}}`)"),
        documents => format!("{file} ({})", count(documents, "document")),
    };
    let files: Vec<String> = found.files.texts().keys().map(file).collect();
    let _ = writeln!(out, "\nwrote {}", files.join(", "));
    let over: Vec<String> = found
        .taken_over
        .iter()
        .zip(["group", "account"])
        .filter(|(number, _)| **number > 0)
        .map(|(number, what)| count(*number as u64, what))
        .collect();
    let over = if over.is_empty() { String::new() } else { format!("; the next apply notes that {} are headcount's", over.join(" and ")) };
    match found.changes.len() {
        0 => drop(writeln!(out, "plan right after: nothing changes for anybody{over}")),
        more => {
            let _ = writeln!(out, "plan right after: {}{over}", count(more as u64, "change"));
            for change in found.changes.iter().take(SHOWN) {
                let _ = writeln!(out, "  {}", headline(change));
            }
        }
    }
    let read: Vec<&str> = found.files.added.keys().map(AsRef::as_ref).collect();
    let guessed = found.import.documents.iter().any(|made| !matches!(made.by, By::Names(_)));
    let mark = if guessed { "; `# guess` marks what was worked out from data" } else { "" };
    let _ = writeln!(out, "\nNext: read {}{mark}", read.join(", "));
}
