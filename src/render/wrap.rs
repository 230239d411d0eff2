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
        filled(width, start, line[start..].split(' '), indent, out)?;
    }
    Ok(())
}

/// A next step: one line is broken between words, but never inside of a command in backticks, which is there to be copied. Several lines are something to
/// paste, and stay as they are.
pub fn next_step(width: usize, start: &str, hint: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    if hint.contains('\n') {
        return writeln!(out, "{start} {}", hint.replace('\n', &format!("\n{indent}")));
    }
    write!(out, "{start} ")?;
    let used = columns(start) + 1;
    if hint.matches('`').count() % 2 == 1 {
        return filled(width, used, hint.split(' '), indent, out);
    }
    let mut pieces: Vec<String> = Vec::new();
    for (at, part) in hint.split('`').enumerate() {
        let code = format!("`{part}`");
        for (word, piece) in if at % 2 == 1 { vec![code.as_str()] } else { part.split(' ').collect() }.into_iter().enumerate() {
            match pieces.last_mut() {
                Some(last) if word == 0 && at > 0 => last.push_str(piece),
                _ => pieces.push(piece.to_owned()),
            }
        }
    }
    filled(width, used, pieces.iter().map(String::as_str), indent, out)
}

/// Fills a line of which so many columns are used, and the ones after it.
fn filled<'t>(width: usize, mut used: usize, pieces: impl Iterator<Item = &'t str>, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    // Spaces that would end a line are left out.
    let mut spaces = 0;
    for piece in pieces {
        let wide = columns(piece);
        if piece.is_empty() {
            spaces += 1;
            continue;
        }
        if spaces > 0 && used + spaces + wide > width && used > indent.len() {
            write!(out, "\n{indent}{piece}")?;
            used = indent.len() + wide;
        } else {
            write!(out, "{}{piece}", " ".repeat(spaces))?;
            used += spaces + wide;
        }
        spaces = 1;
    }
    writeln!(out)
}

/// Pieces side by side, as many as fit on a line. A piece is never cut.
pub fn flow(width: usize, pieces: impl Iterator<Item = String>, separator: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    labelled(width, pieces, separator, indent, indent, out)
}

/// The same below a label, the first piece: what goes on stands further in.
pub fn labelled(
    width: usize,
    pieces: impl Iterator<Item = String>,
    separator: &str,
    first: &str,
    indent: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut used = 0;
    for piece in pieces {
        let wide = columns(&piece);
        if used > 0 && used + separator.width() + wide <= width {
            write!(out, "{}{piece}", paint(QUIET, separator))?;
            used += separator.width() + wide;
        } else {
            let (before, indent) = if used > 0 { ("\n", indent) } else { ("", first) };
            write!(out, "{before}{indent}{piece}")?;
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
        assert_eq!(wrapped("  one two three fo  five"), "  one two three fo\n    five\n", "no blank ends a line");
    }

    fn advised(hint: &str) -> String {
        let mut out = Vec::new();
        next_step(20, "  next:", hint, "  ", &mut out).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_next_step_is_no_wider_than_the_terminal_but_a_command_in_it_stays_whole() {
        assert_eq!(advised("correct the source, or wait"), "  next: correct the\n  source, or wait\n");
        assert_eq!(advised("run `headcount apply p.json`, then wait"), "  next: run\n  `headcount apply p.json`,\n  then wait\n");
        assert_eq!(advised("add:\na: {b: c, d: e, f: g}"), "  next: add:\n  a: {b: c, d: e, f: g}\n", "YAML to paste stays as it is");
    }
}
