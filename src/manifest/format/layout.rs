//! Where lines begin: two spaces for each level, the dash of a list below its key's first letter, and what every document opens with in its order.
//!
//! Must never: move a line away from the comments above it.

use super::super::tree::{Content, Tree};

/// What every document opens with, in this order.
const ORDER: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

/// The document with `apiVersion`, `kind`, `metadata` and `spec` in that order; each key takes the comments directly above it along.
pub(super) fn ordered(text: &str, tree: &Tree<'_>) -> String {
    let Some(Content::Map(entries)) = tree.nodes.first().map(|node| &node.content) else { return text.to_owned() };
    let place = |name: u32| tree.text(name).and_then(|name| ORDER.iter().position(|known| *known == name)).unwrap_or(ORDER.len());
    let starts: Vec<usize> = entries.iter().map(|(name, _)| tree.mark(*name).start as usize).collect();
    let in_brackets = tree.nodes.first().is_some_and(|node| node.close > 0);
    let sorted = entries.windows(2).all(|pair| matches!(pair, [(one, _), (next, _)] if place(*one) <= place(*next)));
    if in_brackets || sorted || starts.iter().any(|start| line_start(text, *start) != *start) {
        return text.to_owned();
    }
    let froms: Vec<usize> =
        starts.iter().enumerate().map(|(at, start)| if at == 0 { *start } else { comments_above(text, *start) }).collect();
    let ends = froms.iter().skip(1).copied().chain([text.len()]);
    let mut chunks: Vec<(usize, String)> = entries
        .iter()
        .zip(froms.iter().zip(ends))
        .map(|((name, _), (from, end))| {
            let chunk = text.get(*from..end).unwrap_or("");
            (place(*name), if chunk.ends_with('\n') { chunk.to_owned() } else { format!("{chunk}\n") })
        })
        .collect();
    chunks.sort_by_key(|(place, _)| *place);
    let head = text.get(..froms.first().copied().unwrap_or(0)).unwrap_or("");
    std::iter::once(head.to_owned()).chain(chunks.into_iter().map(|(_, chunk)| chunk)).collect()
}

/// The document with each line where it belongs.
pub(super) fn indented(text: &str, tree: &Tree<'_>) -> String {
    let mut places = Vec::new();
    place(text, tree, 0, 0, &mut places);
    places.sort_by_key(|place| place.start);
    let mut places = places.into_iter().peekable();
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let first = places.next_if(|place| place.start < end);
        let mut words = line.trim_end_matches('\n').to_owned();
        let mut gaps = first.as_ref().and_then(|place| place.gap.clone()).into_iter().collect::<Vec<_>>();
        while let Some(place) = places.next_if(|place| place.start < end) {
            gaps.extend(place.gap);
        }
        for gap in gaps.into_iter().rev() {
            words.replace_range(gap.start - at..gap.end - at, " ");
        }
        let own = line.len() - line.trim_start_matches(' ').len();
        let blank = first.as_ref().is_some_and(|place| place.start == at + own);
        let shift = first.filter(|_| blank).map(|place| place.column as isize - own as isize);
        let is_comment = line.trim_start().starts_with('#') && !inside(tree, at + own);
        rows.push(Row { words, ends: line.ends_with('\n'), own, shift, is_comment, line });
        at = end;
    }
    let shifts = shifts(&rows);
    rows.iter().zip(shifts).map(|(row, shift)| row.moved(shift)).collect()
}

struct Row<'a> {
    words: String,
    ends: bool,
    /// blanks before the first letter
    own: usize,
    /// of a line that begins with a key or a dash: how far it moves
    shift: Option<isize>,
    is_comment: bool,
    line: &'a str,
}

impl Row<'_> {
    fn moved(&self, shift: isize) -> String {
        let end = if self.ends { "\n" } else { "" };
        let words = self.words.trim_start_matches(' ');
        if self.line.trim().is_empty() {
            return format!("{}{end}", self.words);
        }
        let blanks = usize::try_from(self.own as isize + shift).unwrap_or(0);
        format!("{}{words}{end}", " ".repeat(blanks))
    }
}

/// How far each line moves: with what it begins with; a comment with the line below it, or with the one above that has its indent; anything else with the line above.
fn shifts(rows: &[Row<'_>]) -> Vec<isize> {
    let mut above = (0isize, 0usize);
    let mut shifts = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        if let Some(shift) = row.shift {
            above = (shift, row.own);
        }
        let below = || rows.iter().skip(at).find_map(|row| Some((row.shift?, row.own)));
        shifts.push(match row.shift {
            Some(shift) => shift,
            None if !row.is_comment => above.0,
            None => match below() {
                Some((shift, own)) if own == row.own => shift,
                _ if above.1 == row.own => above.0,
                Some((shift, _)) if row.own == 0 => shift.min(0),
                _ => above.0,
            },
        });
    }
    shifts
}

/// A key or a dash that begins something, and where it belongs.
struct Place {
    start: usize,
    column: usize,
    /// the blanks behind a dash, where they are not one
    gap: Option<std::ops::Range<usize>>,
}

fn place(text: &str, tree: &Tree<'_>, at: u32, column: usize, out: &mut Vec<Place>) {
    let Some(node) = tree.nodes.get(at as usize).filter(|node| node.close == 0) else { return };
    match &node.content {
        Content::Map(entries) => {
            for (name, value) in entries {
                out.push(Place { start: tree.mark(*name).start as usize, column, gap: None });
                let is_list = matches!(tree.nodes.get(*value as usize).map(|node| &node.content), Some(Content::List(_)));
                place(text, tree, *value, if is_list { column } else { column + 2 }, out);
            }
        }
        Content::List(items) => {
            for item in items {
                let start = tree.mark(*item).start as usize;
                let before = text.get(..start).unwrap_or("").trim_end();
                let dash = before.len().saturating_sub(1);
                if !before.ends_with('-') {
                    continue;
                }
                let between = dash + 1..start;
                let same_line = !text.get(between.clone()).unwrap_or("").contains('\n');
                out.push(Place { start: dash, column, gap: (same_line && between.len() > 1).then_some(between) });
                place(text, tree, *item, column + 2, out);
            }
        }
        Content::Scalar(..) | Content::Alias(_) => {}
    }
}

/// Whether a byte stands in a scalar.
fn inside(tree: &Tree<'_>, at: usize) -> bool {
    tree.nodes
        .iter()
        .any(|node| matches!(node.content, Content::Scalar(..)) && (node.mark.start as usize..node.mark.end as usize).contains(&at))
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or("").rfind('\n').map_or(0, |found| found + 1)
}

fn comments_above(text: &str, line: usize) -> usize {
    let mut from = line;
    while from > 0 {
        let above = line_start(text, from - 1);
        if !text.get(above..from).unwrap_or("").starts_with('#') {
            break;
        }
        from = above;
    }
    from
}
