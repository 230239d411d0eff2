//! What to do after a plan was read: one line below it, with a command that does what was shown.
//!
//! Must never: name a command that runs something else than the plan above it.

use std::io::Write as _;
use std::path::Path;

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
    let Some(words) = words(plan, &command(files, selection, saved), saved.is_some()) else { return Ok(()) };
    let mut out = report::stdout();
    writeln!(out, "\n{} {}", paint(STRONG, "Next:"), safe::line(&words))?;
    out.flush()?;
    Ok(())
}

fn words(plan: &Plan, command: &str, saved: bool) -> Option<String> {
    let open = open(plan);
    let exactly = if saved { "runs exactly this" } else { "runs this" };
    match (plan.applyable(), open.is_empty()) {
        (true, true) => Some(format!("`{command}` {exactly}.")),
        (true, false) => Some(format!("see to {} first, then plan again. `{command}` runs what is not withheld.", listed(&open))),
        (false, false) => Some(format!("see to {}, then plan again.", listed(&open))),
        (false, true) => None,
    }
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
fn command(files: &Files, selection: &Selection, saved: Option<&Path>) -> String {
    let mut words = vec!["headcount apply".to_owned()];
    words.extend(saved.map(|path| quoted(&path.display().to_string())));
    words.extend(files.files.iter().map(|path| format!("-f {}", quoted(&path.display().to_string()))));
    words.extend(selection.target.iter().map(|name| format!("--target {}", quoted(name))));
    words.extend(selection.select.iter().map(|pattern| format!("--select {}", quoted(pattern))));
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
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
        assert_eq!(command(&files, &selection, None), r"headcount apply -f acme/ -f 'it'\''s.yaml' --target chat --select 'j*'");
        assert_eq!(command(&Files::default(), &Selection::default(), Some(Path::new("p.json"))), "headcount apply p.json");
    }

    #[test]
    fn numbers_are_a_list() {
        assert_eq!(listed(&[2]), "finding 2");
        assert_eq!(listed(&[1, 3]), "findings 1 and 3");
        assert_eq!(listed(&(1..=10).collect::<Vec<_>>()), "findings 1, 2, 3, 4, 5, 6, 7, 8 and 2 more");
    }
}
