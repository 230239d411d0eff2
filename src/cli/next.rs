//! What to do after a plan was read: one line below it, with a command that does what was shown.
//!
//! Must never: name a command that runs something else than the plan above it.

use std::io::Write as _;
use std::path::Path;

use unicode_width::UnicodeWidthStr;

use super::Files;
use super::report::{self, Failure};
use super::selection::Selection;
use crate::model::{Plan, Severity};
use crate::render::style::{STRONG, paint};
use crate::render::{finding_numbers, safe};

/// Numbers of findings before the rest is counted.
const SHOWN: usize = 8;

/// Writes the line; nothing where there is nothing to do.
pub fn write(plan: &Plan, files: &Files, selection: &Selection, saved: Option<&Path>) -> Result<(), Failure> {
    let words = words(plan, &command(files, selection, saved), report::width());
    if words.is_empty() {
        return Ok(());
    }
    let mut out = report::stdout();
    writeln!(out, "\n{} {}", paint(STRONG, "Next:"), safe::lines(&words))?;
    out.flush()?;
    Ok(())
}

fn words(plan: &Plan, command: &[String], width: usize) -> String {
    let open = open(plan);
    let first = match (plan.applyable(), open.is_empty()) {
        (_, true) => String::new(),
        (true, false) => format!("see to {} first, then plan again. ", listed(&open)),
        (false, false) => format!("see to {}, then plan again.", listed(&open)),
    };
    if !plan.applyable() {
        return first;
    }
    let what = if open.is_empty() { "this" } else { "what is not withheld" };
    let line = format!("{first}`{}` runs {what}.", command.join(" "));
    match safe::line(&line).width() + LABEL <= width {
        true => line,
        false => format!("{first}To run {what}:\n  {}", over_lines(command, width)),
    }
}

/// Columns of `Next: `.
const LABEL: usize = 6;

/// A command over several lines, as a shell takes it.
fn over_lines(command: &[String], width: usize) -> String {
    let mut lines = String::new();
    let mut used = 2;
    for (at, word) in command.iter().enumerate() {
        let wide = safe::line(word).width();
        // A backslash ends what goes on.
        if at > 0 && used + 1 + wide + 2 > width {
            lines.push_str(" \\\n    ");
            used = 4;
        } else if at > 0 {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += wide;
    }
    lines
}

/// The findings that keep something back, by the numbers that people see.
fn open(plan: &Plan) -> Vec<usize> {
    let keeps = |severity| matches!(severity, Severity::Error | Severity::Incomplete | Severity::Refused);
    let numbered = plan.findings.iter().zip(finding_numbers(plan));
    let mut open: Vec<_> = numbered.filter(|(finding, _)| keeps(finding.severity) && !finding.follows).map(|(_, number)| number).collect();
    open.sort_unstable();
    open
}

/// `finding 1`, `findings 1, 2 and 3`
fn listed(numbers: &[usize]) -> String {
    let mut words: Vec<String> = numbers.iter().take(SHOWN).map(ToString::to_string).collect();
    if numbers.len() > SHOWN {
        words.push(format!("{} more", numbers.len() - SHOWN));
    }
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => format!("finding {only}"),
        Some((last, first)) => format!("findings {} and {last}", first.join(", ")),
    }
}

/// `headcount apply` with what the plan was made with. A saved plan knows what was selected.
fn command(files: &Files, selection: &Selection, saved: Option<&Path>) -> Vec<String> {
    let mut words = vec!["headcount apply".to_owned()];
    words.extend(saved.map(|path| quoted(&path.display().to_string())));
    words.extend(options(files));
    words.extend(selection.target.iter().map(|name| format!("--target {}", quoted(name))));
    words.extend(selection.select.iter().map(|pattern| format!("--select {}", quoted(pattern))));
    words
}

/// `-f` for each of them.
pub fn options(files: &Files) -> Vec<String> {
    files.files.iter().map(|path| format!("-f {}", quoted(&path.display().to_string()))).collect()
}

/// As a shell takes it for one word.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-._/@:,+=".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_has_the_same_flags() {
        let files = Files { files: vec!["acme/".into(), "it's.yaml".into()] };
        let selection = Selection { target: vec!["chat".into()], select: vec!["j*".into()] };
        assert_eq!(command(&files, &selection, None).join(" "), r"headcount apply -f acme/ -f 'it'\''s.yaml' --target chat --select 'j*'");
        assert_eq!(command(&Files::default(), &Selection::default(), Some(Path::new("p.json"))).join(" "), "headcount apply p.json");
        let words = command(&files, &selection, None);
        assert_eq!(over_lines(&words, 40), "headcount apply -f acme/ \\\n    -f 'it'\\''s.yaml' --target chat \\\n    --select 'j*'");
    }

    #[test]
    fn numbers_are_a_list() {
        assert_eq!(listed(&[2]), "finding 2");
        assert_eq!(listed(&[1, 3]), "findings 1 and 3");
        assert_eq!(listed(&(1..=10).collect::<Vec<_>>()), "findings 1, 2, 3, 4, 5, 6, 7, 8 and 2 more");
    }
}
