//! What stands at the ends of lines and between them: no blanks, at most one empty line, and comments in the columns that they had.
//!
//! Must never: change a blank that belongs to a value.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::edit::comments;
use super::super::tree::Tree;

/// Without blanks at the ends of lines, and without a second empty line in a row; the lines of `values` stay.
pub(super) fn tidy(text: &str, values: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut empty = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        // A line whose end is in a value is the value's.
        let words_end = at + line.trim_end_matches('\n').len();
        let is_theirs = values.iter().any(|value| value.start < end && value.start <= words_end && words_end < value.end);
        let words = if is_theirs { line.trim_end_matches('\n') } else { line.trim_end() };
        empty = if words.is_empty() && !is_theirs { empty + 1 } else { 0 };
        if empty <= 1 {
            out.push_str(words);
            if line.ends_with('\n') {
                out.push('\n');
            }
        }
        at = end;
    }
    out
}

/// The new text with its comments beside values where they were: those that shared a column share one, and a single one keeps its distance.
pub(super) fn aligned(before: &str, old: &Tree<'_>, after: &str, new: &Tree<'_>) -> String {
    let (were, are) = (beside(before, old), beside(after, new));
    if were.len() != are.len() {
        return after.to_owned();
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    were.iter().enumerate().for_each(|(at, comment)| groups.entry(comment.column).or_default().push(at));
    let mut columns = vec![0; are.len()];
    for (column, members) in groups {
        let longest = members.iter().filter_map(|at| are.get(*at)).map(|comment| comment.text_end + 1).max().unwrap_or(0);
        for at in &members {
            let (Some(was), Some(is), Some(to)) = (were.get(*at), are.get(*at), columns.get_mut(*at)) else { continue };
            *to = if members.len() == 1 { is.text_end + (was.column - was.text_end) } else { column.max(longest) };
        }
    }
    let gaps = are.iter().zip(columns).map(|(comment, column)| (comment.gap.clone(), " ".repeat(column.saturating_sub(comment.text_end))));
    super::replaced(after, gaps.collect())
}

/// A comment behind something.
struct Beside {
    /// in characters, from 0
    column: usize,
    /// the column behind the last letter before it
    text_end: usize,
    /// the blanks between
    gap: Range<usize>,
}

fn beside(text: &str, tree: &Tree<'_>) -> Vec<Beside> {
    let one = |start: usize| {
        let line = text.get(..start).unwrap_or("").rfind('\n').map_or(0, |found| found + 1);
        let before = text.get(line..start).unwrap_or("");
        let words = before.trim_end();
        Beside { column: before.chars().count(), text_end: words.chars().count(), gap: line + words.len()..start }
    };
    comments(text, tree).into_iter().filter(|comment| !comment.alone).map(|comment| one(comment.bytes.start)).collect()
}
