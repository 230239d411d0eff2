//! `fmt`: a file in the house style. Small on purpose: what was written stays what it is, with every comment.
//!
//! Must never: hand out a text whose documents read differently, or with another list of comments; it is then refused, and nothing changes.

mod layout;
mod lines;
mod scalars;

use std::ops::Range;

use serde_json::Value as Json;

use super::edit::comments;
use super::tree::{Content, Style, Tree};
use super::{header, read, shape, stream};

/// Rounds after which a text that still changes is refused; one is enough, and a second for a mapping that was too wide twice.
const ROUNDS: usize = 8;

/// The text in the house style; or why it stays as it is, with the line.
pub fn format(text: &str) -> Result<String, NotFormatted> {
    let clean = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut out = String::with_capacity(clean.len());
    let parts = stream::documents(&clean);
    // How far the text reaches that is another tool's.
    let mut theirs = 0;
    for part in &parts {
        let document = clean.get(part.start..part.start + part.length).unwrap_or("");
        let line = |words: String| NotFormatted { line: part.line, words };
        match self::document(document).map_err(line)? {
            Some(tidy) => out.push_str(&tidy),
            None => {
                out.push_str(document);
                theirs = out.len();
            }
        }
    }
    out.truncate(out.trim_end().len().max(theirs));
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    let kept = stream::documents(&out).len() == parts.len();
    // A `---` with nothing behind it was the last part.
    let last_was_empty = parts.last().is_some_and(|part| clean.get(part.start..).is_some_and(|rest| rest.trim().is_empty()));
    if kept || last_was_empty { Ok(out) } else { Err(NotFormatted { line: 1, words: "its documents would fall together".into() }) }
}

/// Why a file is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {words}")]
pub struct NotFormatted {
    /// where, from 1
    pub line: u32,
    /// what is in the way
    pub words: String,
}

/// One document, with the `---` above it. Nothing for one that is not ours.
fn document(text: &str) -> Result<Option<String>, String> {
    let Some(tree) = Tree::parse(text).map_err(|broken| broken.message)? else { return Ok(Some(lines::tidy(text, &[]))) };
    let header::Header::Kind(kind) = header::read(&tree) else { return Ok(None) };
    let shape = shape::of_kind(kind).ok_or("its kind has no shape")?;
    let before = reading(text, &tree, shape);
    let ordered = layout::ordered(text, &tree);
    let mut now = ordered.clone();
    for _ in 0..ROUNDS {
        let tree = tree_of(&now)?;
        let next = replaced(&now, scalars::replacements(&now, &tree, shape));
        let next = layout::indented(&next, &tree_of(&next)?);
        let tree = tree_of(&next)?;
        let next = lines::tidy(&next, &values(&next, &tree));
        if next == now {
            break;
        }
        now = next;
    }
    let aligned = lines::aligned(&ordered, &tree_of(&ordered)?, &now, &tree_of(&now)?);
    let after = reading(&aligned, &tree_of(&aligned)?, shape);
    if before != after {
        return Err("it is written in a way that can't be tidied without a risk to what it says".into());
    }
    Ok(Some(aligned))
}

fn tree_of(text: &str) -> Result<Tree<'_>, String> {
    Tree::parse(text).map_err(|broken| broken.message)?.ok_or_else(|| "there is no document left".into())
}

/// What must stay: the typed document, how many things are wrong with it, and its comments.
fn reading(text: &str, tree: &Tree<'_>, shape: &shape::Shape) -> (Json, usize, Vec<String>) {
    let (value, problems, _) = read::read(text, tree, shape);
    let words = |range: Range<usize>| text.get(range).unwrap_or("").trim_start_matches('#').trim().to_owned();
    let mut comments: Vec<String> = comments(text, tree).into_iter().map(|one| words(one.bytes)).collect();
    // Top-level keys may change places, with their comments.
    comments.sort();
    (value, problems.len(), comments)
}

fn replaced(text: &str, mut replacements: Vec<(Range<usize>, String)>) -> String {
    replacements.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, new) in replacements {
        if range.start < at {
            continue;
        }
        out.push_str(text.get(at..range.start).unwrap_or(""));
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

/// The bytes of scalars over several lines: their blanks may be theirs.
fn values(text: &str, tree: &Tree<'_>) -> Vec<Range<usize>> {
    let long = |node: &super::tree::Node<'_>| {
        let Content::Scalar(_, style) = &node.content else { return None };
        let (start, mut end) = (node.mark.start as usize, node.mark.end as usize);
        if *style == Style::Block {
            // The blank lines behind a text that is cut off there are nobody's.
            end = text.get(..end)?.trim_end().len().max(start);
        }
        text.get(start..end).is_some_and(|scalar| scalar.contains('\n')).then_some(start..end)
    };
    tree.nodes.iter().filter_map(long).collect()
}

#[cfg(test)]
mod tests;
