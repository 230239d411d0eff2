//! Lines no wider than the terminal: broken between words, never cut.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::style::{QUIET, paint};

/// How many columns a text takes, colours left out.
pub fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(UnicodeWidthStr::width).sum()
}

/// One paragraph, broken between words where the line is full; further lines begin with `indent`. Line breaks in it stay.
pub fn paragraph(width: usize, text: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    for line in text.split('\n') {
        let start = line.len() - line.trim_start_matches(' ').len();
        write!(out, "{}", &line[..start])?;
        let mut used = start;
        for (at, piece) in line[start..].split(' ').enumerate() {
            let wide = columns(piece);
            if at > 0 && used + 1 + wide > width && used > indent.len() {
                write!(out, "\n{indent}{piece}")?;
                used = indent.len() + wide;
            } else {
                let space = if at > 0 { " " } else { "" };
                write!(out, "{space}{piece}")?;
                used += space.len() + wide;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Pieces side by side, as many as fit on a line. A piece is never cut.
pub fn flow(width: usize, pieces: impl Iterator<Item = String>, separator: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut used = 0;
    for piece in pieces {
        let wide = columns(&piece);
        if used > 0 && used + separator.width() + wide <= width {
            write!(out, "{}{piece}", paint(QUIET, separator))?;
            used += separator.width() + wide;
        } else {
            write!(out, "{}{indent}{piece}", if used > 0 { "\n" } else { "" })?;
            used = indent.len() + wide;
        }
    }
    if used > 0 { writeln!(out) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str) -> String {
        let mut out = Vec::new();
        paragraph(20, text, "    ", &mut out).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn lines_break_between_words_and_keep_their_indent() {
        assert_eq!(wrapped("  one two three four five"), "  one two three four\n    five\n");
        assert_eq!(wrapped("averyveryverylongwordthatfitsnowhere b"), "averyveryverylongwordthatfitsnowhere\n    b\n");
        assert_eq!(wrapped("a\n  - b"), "a\n  - b\n", "YAML to paste stays as it is");
        assert_eq!(wrapped(&paint(QUIET, "one two three four")).lines().count(), 1, "colours take no room");
        assert_eq!(columns("山田"), 4);
    }
}
