//! The comments of a document: what stands behind a `#` that is in no value.
//!
//! Must never: take a `#` inside of a text for a comment, or miss one that a parser would skip.

use std::ops::Range;

use super::super::tree::{Content, Style, Tree};

/// One comment, from its `#` to its last character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manifest) struct Comment {
    /// its bytes in the document
    pub bytes: Range<usize>,
    /// nothing else stands on its line
    pub alone: bool,
}

/// All comments of a document's text, in order.
pub(in crate::manifest) fn comments(text: &str, tree: &Tree<'_>) -> Vec<Comment> {
    let mut values = values(text, tree);
    values.sort_by_key(|range| range.start);
    let mut values = values.into_iter().peekable();
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.trim_end_matches(['\n', '\r']).len();
        let mut from = at;
        while let Some(hash) = text.get(from..end).and_then(|rest| rest.find('#')).map(|offset| from + offset) {
            while values.next_if(|range| range.end <= hash).is_some() {}
            if let Some(value) = values.peek().filter(|range| range.start <= hash) {
                from = value.end.min(end).max(hash + 1);
                continue;
            }
            let before = text.get(at..hash).unwrap_or("");
            if before.is_empty() || before.ends_with([' ', '\t']) {
                let trimmed = text.get(hash..end).unwrap_or("").trim_end().len();
                found.push(Comment { bytes: hash..hash + trimmed, alone: before.trim().is_empty() });
                break;
            }
            from = hash + 1;
        }
        at += line.len();
    }
    found
}

/// The bytes of all scalars. The line that opens a block text is none of it.
fn values(text: &str, tree: &Tree<'_>) -> Vec<Range<usize>> {
    let scalar = |node: &super::super::tree::Node<'_>| match &node.content {
        Content::Scalar(_, style) => {
            let (start, end) = (node.mark.start as usize, node.mark.end as usize);
            let written = text.get(start..end).unwrap_or("");
            let header = if written.starts_with(['|', '>']) { written.find('\n').map_or(written.len(), |found| found + 1) } else { 0 };
            Some(if *style == Style::Block { start + header..end } else { start..end })
        }
        _ => None,
    };
    tree.nodes.iter().filter_map(scalar).filter(|range| !range.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_value_holds_is_a_comment() {
        let text = "# head\na: \"x # y\" # one\nb: c#d   # two\t\nc: | # three\n  # text\n  more # text\n# four\nd: [a, # five\n  'b # c', e]\ne: long\n  text # six\n";
        let tree = Tree::parse(text).unwrap().unwrap();
        let found: Vec<_> = comments(text, &tree).into_iter().map(|one| (&text[one.bytes], one.alone)).collect();
        let expected = [
            ("# head", true),
            ("# one", false),
            ("# two", false),
            ("# three", false),
            ("# four", true),
            ("# five", false),
            ("# six", false),
        ];
        assert_eq!(found, expected);
    }
}
