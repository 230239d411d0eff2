//! How values are written: quotes where some YAML would read something else and nowhere else, brackets without blanks inside.
//!
//! Must never: change what is written over several lines.

use std::ops::Range;

use super::super::edit::{comments, is_bare, is_date, scalar};
use super::super::shape::Shape;
use super::super::tree::{Content, Style, Tree};

/// What is replaced by what.
pub(super) fn replacements(text: &str, tree: &Tree<'_>, shape: &Shape) -> Vec<(Range<usize>, String)> {
    let mut out = Vec::new();
    let mut texts = vec![false; tree.nodes.len()];
    mark_texts(tree, 0, shape, 0, &mut texts);
    for (at, node) in tree.nodes.iter().enumerate() {
        let span = node.mark.start as usize..node.mark.end as usize;
        match &node.content {
            Content::Scalar(value, style) => {
                let is_text = texts.get(at).copied().unwrap_or(false);
                out.extend(quotes(text, span, value, *style, is_text));
            }
            Content::List(_) | Content::Map(_) if node.close > 0 => brackets(text, node.mark.start as usize, node.close as usize, &mut out),
            _ => {}
        }
    }
    for comment in comments(text, tree) {
        let hash = comment.bytes.start;
        if text.get(hash + 1..comment.bytes.end).is_some_and(|words| words.starts_with(char::is_alphanumeric)) {
            out.push((hash + 1..hash + 1, " ".into()));
        }
    }
    out
}

fn quotes(text: &str, span: Range<usize>, value: &str, style: Style, is_text: bool) -> Option<(Range<usize>, String)> {
    let written = text.get(span.clone())?;
    match style {
        Style::Quoted if written.starts_with(['"', '\'']) && is_bare(value) && !is_date(value) && !value.contains([' ', '\'']) => {
            Some((span, value.to_owned()))
        }
        Style::Plain if is_text && written == value && misread(value) => Some((span, scalar(value))),
        _ => None,
    }
}

/// Whether some YAML takes a bare text for a number, a truth value or nothing.
fn misread(value: &str) -> bool {
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"].iter().any(|word| value.eq_ignore_ascii_case(word));
    let bare = value.trim_start_matches(['+', '-']);
    let based = |prefix: &str, radix: u32| {
        bare.strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|digit| digit == '_' || digit.is_digit(radix)))
    };
    let (digits, power) = bare.split_once(['e', 'E']).unwrap_or((bare, "0"));
    let power = power.trim_start_matches(['+', '-']);
    let number = digits.contains(|digit: char| digit.is_ascii_digit())
        && digits.chars().all(|digit| digit.is_ascii_digit() || "._:".contains(digit))
        && !power.is_empty()
        && power.chars().all(|digit| digit.is_ascii_digit());
    word || number || based("0x", 16) || based("0o", 8) || based("0b", 2)
}

/// Which scalars stand where the kind wants text.
fn mark_texts(tree: &Tree<'_>, at: u32, shape: &Shape, depth: usize, out: &mut [bool]) {
    if depth > super::super::tree::MAX_DEPTH {
        return;
    }
    match (tree.nodes.get(at as usize).map(|node| &node.content), shape) {
        (Some(Content::Scalar(..)), Shape::Text) => {
            if let Some(mark) = out.get_mut(at as usize) {
                *mark = true;
            }
        }
        (Some(Content::List(items)), Shape::List(of)) => items.iter().for_each(|item| mark_texts(tree, *item, of, depth + 1, out)),
        (Some(Content::Map(entries)), Shape::Map(of)) => entries.iter().for_each(|(_, value)| mark_texts(tree, *value, of, depth + 1, out)),
        (Some(Content::Map(entries)), Shape::Fields(fields) | Shape::OneOf(fields)) => {
            for (name, value) in entries {
                if let Some(of) = tree.text(*name).and_then(|name| fields.known.get(name)) {
                    mark_texts(tree, *value, of, depth + 1, out);
                }
            }
        }
        _ => {}
    }
}

/// No blanks inside of brackets, where they are on one line with what is in them.
fn brackets(text: &str, start: usize, close: usize, out: &mut Vec<(Range<usize>, String)>) {
    let inner = text.get(start + 1..close.saturating_sub(1)).unwrap_or("");
    let (opens, closes) = (inner.len() - inner.trim_start_matches(' ').len(), inner.len() - inner.trim_end_matches(' ').len());
    let first = inner.trim_start_matches(' ');
    if opens > 0 && !first.starts_with(['\n', '#']) {
        out.push((start + 1..start + 1 + opens, String::new()));
    }
    if closes > 0 && !first.is_empty() && !inner.trim_end_matches(' ').ends_with('\n') {
        out.push((close - 1 - closes..close - 1, String::new()));
    }
}
