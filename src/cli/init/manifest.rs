//! A workspace for one table of people, as text with comments: what the table was taken for is written down, to be read and corrected.
//!
//! Must never: write what the table does not show.

use std::fmt::Write as _;

use super::guess::Guess;
use crate::connector::file::Found;

/// Editors complete and check by it.
pub(super) const MODELINE: &str =
    "# yaml-language-server: $schema=https://raw.githubusercontent.com/headcount-dev/headcount/main/schemas/headcount.json\n";
/// So many columns of one kind are named in a line.
const NAMED: usize = 8;

/// What the manifest is made of.
pub(super) struct Parts<'a> {
    pub(super) id: &'a str,
    /// the file, as the manifest reaches it
    pub(super) path: &'a str,
    /// the directory to allow, where the file lies outside of the workspace
    pub(super) allowed: Option<&'a str>,
    pub(super) found: &'a Found,
    pub(super) guess: &'a Guess,
    /// the SCIM service
    pub(super) scim: Option<&'a str>,
}

/// The text of `headcount.yaml`.
pub(super) fn write(parts: &Parts<'_>) -> String {
    let mut out = MODELINE.to_owned();
    out.push_str("# Made by `headcount init` from what it saw in the file: read each line, it is yours now.\n");
    workspace(&mut out, parts);
    out.push_str("---\n");
    source(&mut out, parts);
    target(&mut out, parts.scim);
    out
}

fn workspace(out: &mut String, parts: &Parts<'_>) {
    let head = "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: workspace}\nspec:\n";
    let _ = writeln!(out, "{head}  # Stands in every marker at a target: it must never change.\n  id: {}\n  timeZone: UTC", parts.id);
    if let Some(directory) = parts.allowed {
        let _ = writeln!(out, "  allowedDirectories: [{}]   # where the file lies", scalar(directory));
    }
}

fn source(out: &mut String, parts: &Parts<'_>) {
    let Parts { found, guess, .. } = parts;
    let _ = writeln!(out, "apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {{name: people}}\nspec:\n  connection:\n    file:");
    let _ = writeln!(out, "      path: {}", scalar(parts.path));
    if let Some(separator) = found.separator {
        let _ = writeln!(out, "      delimiter: {}", if separator == '\t' { "tab".into() } else { format!("\"{separator}\"") });
    }
    if let Some(encoding) = found.encoding {
        let _ = writeln!(out, "      encoding: {encoding}   # by its bytes: look whether names are right in the plan");
    }
    if let Some(sheet) = &found.sheet {
        let _ = writeln!(out, "      sheet: {}", quoted(sheet));
    }
    if found.skip > 0 {
        let _ = writeln!(out, "      skip: {}   # lines above the header", found.skip);
    }
    if let Some((footer, words)) = &found.footer {
        let _ = writeln!(out, "      footer: {footer}   # no record: {}", comment(words));
    }
    if !guess.may_be_empty.is_empty() {
        let names: Vec<String> = guess.may_be_empty.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(out, "      mayBeEmpty: [{}]   # without a value today", names.join(", "));
    }
    let _ = writeln!(out, "  key: {}   # whoever gets another one counts as somebody else", scalar(&guess.key));
    if let Some((from, to)) = &guess.valid {
        let _ = writeln!(
            out,
            "  valid:   # several rows for one key: the one of the day counts
    from: {}
    to: {}",
            scalar(from),
            scalar(to)
        );
    }
    if guess.leaver.is_some() || guess.suspended.is_some() {
        out.push_str("  lifecycle:\n");
        for (name, rule) in [("leaver", &guess.leaver), ("suspended", &guess.suspended)] {
            if let Some(rule) = rule {
                let _ = writeln!(out, "    {name}: {}", scalar(rule));
            }
        }
    }
    out.push_str("  mapping:\n    rules:\n");
    for rule in &guess.rules {
        let unique = if rule.unique { ", unique: true" } else { "" };
        let by = rule.by.map(|by| format!(", by: {by}")).unwrap_or_default();
        let _ = writeln!(out, "    - {{attribute: {}, value: {}{unique}{by}}}", rule.attribute, scalar(&rule.value));
    }
    for doubt in &guess.doubts {
        let _ = writeln!(out, "    # Look at this: {}", comment(doubt));
    }
    unused(out, guess);
}

fn unused(out: &mut String, guess: &Guess) {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, why) in &guess.unused {
        match by_reason.iter_mut().find(|(reason, _)| reason == why) {
            Some((_, names)) => names.push(name),
            None => by_reason.push((why, vec![name])),
        }
    }
    for (why, names) in by_reason {
        for some in names.chunks(NAMED) {
            let names: Vec<String> = some.iter().map(|name| format!("`{}`", comment(name))).collect();
            let why = if why.is_empty() { String::new() } else { format!(" (each {why})") };
            let _ = writeln!(out, "    # Not read{why}: {}", names.join(", "));
        }
    }
}

/// Without an address the Target is a comment: a plan would reach for a system that is not there.
fn target(out: &mut String, scim: Option<&str>) {
    let url = scim.map_or_else(|| "https://chat.example.com/scim/v2".into(), scalar);
    let text = format!(
        "---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: app}}
spec:
  connection:
    scim:
      url: {url}
      auth: {{bearer: {{env: SCIM_TOKEN}}}}
  # select: identity.department == \"Sales\"   # whom it serves; unsaid everybody
  groups: {{}}                               # every Group below
  leaver: {{action: deactivate}}
"
    );
    let group = "---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: sales}
spec:
  displayName: Sales
  rule: identity.department == \"Sales\"
";
    let commented = |text: &str| text.lines().map(|line| format!("# {line}\n")).collect::<String>();
    match scim {
        Some(_) => out.push_str(&text),
        None => {
            out.push_str("# Which system to change (`headcount init --scim URL` fills it in):\n");
            out.push_str(&commented(&text));
        }
    }
    out.push_str("# A group, and who is in it:\n");
    out.push_str(&commented(group));
}

/// A plain scalar where that is safe, else in quotes.
fn scalar(words: &str) -> String {
    let safe = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_' | '/' | '(' | ')');
    if words.starts_with(char::is_alphabetic) && words.chars().all(safe) { words.to_owned() } else { quoted(words) }
}

fn quoted(words: &str) -> String {
    if words.chars().any(char::is_control) {
        serde_json::Value::from(words).to_string()
    } else {
        format!("'{}'", words.replace('\'', "''"))
    }
}

/// On one line.
fn comment(words: &str) -> String {
    words.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}
