//! Cuts a text into its YAML documents without parsing it.
//!
//! YAML forbids a line that starts with `---` or `...` (and then a blank or the line's end) inside any scalar, so cutting at them is exact.

/// One document's part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// first byte
    pub start: usize,
    /// in bytes
    pub length: usize,
    /// line of the first byte, from 1
    pub line: u32,
}

/// The documents of a text, in order; also those with nothing but comments.
pub(super) fn documents(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    // A byte order mark is no content.
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (mut at, mut line, mut first_line) = (start, 1u32, 1u32);
    let mut cut = |start: &mut usize, end: usize, first_line: &mut u32, line: u32| {
        if end > *start {
            parts.push(Part { start: *start, length: end - *start, line: *first_line });
        }
        (*start, *first_line) = (end, line);
    };
    let bytes = text.as_bytes();
    // What stands before a `---` belongs to that document while it is only directives and comments.
    let mut content = false;
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |found| at + found + 1);
        let row = &bytes[at..end];
        if is_marker(row, b"---") {
            if content {
                cut(&mut start, at, &mut first_line, line);
            }
            content = true;
        } else if is_marker(row, b"...") {
            cut(&mut start, end, &mut first_line, line.saturating_add(1));
            content = false;
        } else if !content {
            content = !matches!(row.iter().find(|byte| !byte.is_ascii_whitespace()), None | Some(b'#' | b'%'));
        }
        line = line.saturating_add(1);
        at = end;
    }
    cut(&mut start, bytes.len(), &mut first_line, line);
    parts
}

fn is_marker(row: &[u8], marker: &[u8]) -> bool {
    row.strip_prefix(marker).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(u32, &str)> {
        documents(text).into_iter().map(|part| (part.line, &text[part.start..part.start + part.length])).collect()
    }

    #[test]
    fn documents_are_cut_at_markers_and_nowhere_else() {
        assert_eq!(
            cut("a: 1\n---\nb: |\n  ---\n  x\n--- # c\nc: ----\n"),
            [(1, "a: 1\n"), (2, "---\nb: |\n  ---\n  x\n"), (6, "--- # c\nc: ----\n")]
        );
        assert_eq!(cut("# head\n---\na: 1\n...\n%YAML 1.2\n---\nb: 2"), [(1, "# head\n---\na: 1\n...\n"), (5, "%YAML 1.2\n---\nb: 2")]);
        assert_eq!(cut("\u{feff}a: 1"), [(1, "a: 1")]);
        assert_eq!(cut("---\r\na: 1\r\n---\r\nb: 1"), [(1, "---\r\na: 1\r\n"), (3, "---\r\nb: 1")]);
        assert!(cut("").is_empty());
    }
}
