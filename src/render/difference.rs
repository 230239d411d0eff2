//! Long values, several lines and lists: shown as the lines that go and the lines that come, with the changed words marked.

use anstyle::Style;
use similar::{ChangeTag, DiffOp, TextDiff};

use super::safe;
use super::style::{BAD, GOOD, QUIET, paint};
use super::value::{DisplayNames, words};
use crate::model::{AttributeChange, Value};

/// Values beyond this are shown whole instead of word by word.
const COMPARED: usize = 20_000;

/// Lines for a change that does not fit on one, or none where one line says it better.
pub fn lines(change: &AttributeChange, names: &DisplayNames<'_>) -> Option<Vec<String>> {
    if change.is_secret() {
        return None;
    }
    match (&change.before, &change.after) {
        (Some(Value::List(before)), Some(Value::List(after))) => Some(set(before, after, names)),
        (Some(Value::Text(before)), Some(Value::Text(after))) => Some(text(before, after)),
        _ => None,
    }
}

/// Lists are sets: what is in both is left out.
fn set(before: &[Value], after: &[Value], names: &DisplayNames<'_>) -> Vec<String> {
    let gone = before.iter().filter(|item| !after.contains(item)).map(|item| (BAD, '-', item));
    let new = after.iter().filter(|item| !before.contains(item)).map(|item| (GOOD, '+', item));
    gone.chain(new).map(|(style, sign, item)| paint(style, format_args!("{sign} {}", words(item, names)))).collect()
}

fn text(before: &str, after: &str) -> Vec<String> {
    if before.len() + after.len() > COMPARED {
        return vec![paint(BAD, format_args!("- {}", safe::line(before))), paint(GOOD, format_args!("+ {}", safe::line(after)))];
    }
    let diff = TextDiff::configure().newline_terminated(true).diff_lines(before, after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(1) {
        if !lines.is_empty() {
            lines.push(paint(QUIET, "  …"));
        }
        for operation in group {
            marked(&diff, &operation, &mut lines);
        }
    }
    lines
}

fn marked(diff: &TextDiff<'_, '_, str>, operation: &DiffOp, lines: &mut Vec<String>) {
    for change in diff.iter_inline_changes_deadline(operation, None) {
        let (sign, style) = match change.tag() {
            ChangeTag::Delete => ('-', BAD),
            ChangeTag::Insert => ('+', GOOD),
            ChangeTag::Equal => (' ', QUIET),
        };
        let mut line = paint(style, format_args!("{sign} "));
        for (emphasised, piece) in change.iter_strings_lossy() {
            let piece = piece.strip_suffix('\n').unwrap_or(&piece);
            line.push_str(&paint(if emphasised { emphasis(style) } else { style }, safe::line(piece)));
        }
        lines.push(line);
    }
}

fn emphasis(style: Style) -> Style {
    style.bold().underline()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{self, change_of, plain};

    fn shown(before: Value, after: Value) -> String {
        let plan = testing::sample();
        let change = change_of("title", Some(before), Some(after));
        plain(&lines(&change, &DisplayNames::of(&plan, None)).expect("lines").join("\n"))
    }

    #[test]
    fn a_list_shows_what_goes_and_what_comes() {
        let list = |items: &[&str]| Value::List(items.iter().map(Value::text).collect());
        assert_eq!(shown(list(&["a", "b"]), list(&["b", "c"])), "- a\n+ c");
    }

    #[test]
    fn lines_that_stay_the_same_are_left_out() {
        let before = Value::text("one\ntwo\nthree\nfour\nfive\nsix");
        let after = Value::text("one\ntwo\nthree\nFour\nfive\nsix\n");
        assert_eq!(shown(before, after), "  three\n- four\n+ Four\n  five\n- six\n+ six");
    }
}
