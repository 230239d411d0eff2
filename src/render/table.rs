//! Rows in columns, for a terminal of any width or a pipe.
//!
//! Must never: cut a value, or draw a frame that a script would have to take off.

use std::io::{self, Write};

use anstyle::Style;

use super::safe;
use super::style::{STRONG, paint};
use super::wrap::{columns, paragraph};

/// Between two columns.
const GAP: usize = 2;
/// Narrower a last column is no column.
const NARROW: usize = 16;

/// Rows below their heads.
pub struct TextTable {
    /// what the columns are
    pub heads: Vec<&'static str>,
    /// what stands below them
    pub rows: Vec<TextRow>,
}

/// A row has as many cells as there are heads; an empty one is shown as `-`.
#[derive(Default)]
pub struct TextRow {
    /// the cells
    pub cells: Vec<String>,
    /// the look of one of them, by its position
    pub style: Option<(usize, Style)>,
    /// what is said below the row
    pub note: Option<String>,
}

impl From<Vec<String>> for TextRow {
    fn from(cells: Vec<String>) -> Self {
        Self { cells, ..Self::default() }
    }
}

impl TextTable {
    /// Writes it: where it has no room in `width`, the last column goes on below itself, and without room for that each row is a block. Without a width
    /// nobody looks at a terminal, and a row is a line.
    pub fn write(&self, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| row.cells.iter().map(|cell| shown(cell)).collect()).collect();
        let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell)).max().unwrap_or_default();
        let wide: Vec<usize> = self.heads.iter().enumerate().map(|(at, head)| widest(at).max(head.len())).collect();
        let before: usize = wide.iter().rev().skip(1).map(|wide| wide + GAP).sum();
        let rows = || rows.iter().zip(&self.rows).map(|(cells, row)| (painted(cells, row.style), row.note.as_deref()));
        match width {
            Some(width) if before + wide.last().copied().unwrap_or_default().min(NARROW) > width => self.blocks(rows(), width, out),
            _ => {
                let width = width.unwrap_or(usize::MAX);
                let heads: Vec<String> = self.heads.iter().map(|head| (*head).to_owned()).collect();
                writeln!(out, "{}", paint(STRONG, line(&heads, &wide)))?;
                let second = " ".repeat(wide.first().copied().unwrap_or_default() + GAP);
                for (cells, note) in rows() {
                    paragraph(width, &line(&cells, &wide), &" ".repeat(before), out)?;
                    if let Some(note) = note {
                        paragraph(width, &format!("{second}{}", safe::line(note)), &second, out)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// The first cell of a row, and below it the others that say something, each behind its head.
    fn blocks<'r>(&self, rows: impl Iterator<Item = (Vec<String>, Option<&'r str>)>, width: usize, out: &mut dyn Write) -> io::Result<()> {
        for (row, note) in rows {
            let mut cells = self.heads.iter().zip(&row);
            if let Some((_, name)) = cells.next() {
                paragraph(width, &paint(STRONG, name), "  ", out)?;
            }
            for (head, cell) in cells.filter(|(_, cell)| *cell != NONE) {
                paragraph(width, &format!("  {}: {cell}", head.to_lowercase()), "    ", out)?;
            }
            if let Some(note) = note {
                paragraph(width, &format!("  {}", safe::line(note)), "    ", out)?;
            }
        }
        Ok(())
    }
}

/// Cells with the one of them that has a look of its own.
fn painted(cells: &[String], style: Option<(usize, Style)>) -> Vec<String> {
    let look = |at: usize| style.filter(|(styled, _)| *styled == at);
    cells.iter().enumerate().map(|(at, cell)| look(at).map_or_else(|| cell.clone(), |(_, style)| paint(style, cell))).collect()
}

const NONE: &str = "-";

fn shown(cell: &str) -> String {
    if cell.is_empty() { NONE.to_owned() } else { safe::line(cell).into_owned() }
}

/// A row with its columns filled up, and nothing behind the last.
fn line(cells: &[String], wide: &[usize]) -> String {
    let mut line = String::new();
    let mut due = 0;
    for (cell, wide) in cells.iter().zip(wide) {
        line.push_str(&" ".repeat(due));
        line.push_str(cell);
        due = wide.saturating_sub(columns(cell)) + GAP;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(width: Option<usize>) -> String {
        let row = |cells: [&str; 3]| TextRow::from(cells.map(str::to_owned).to_vec());
        let told = TextRow { style: Some((1, STRONG)), note: Some("it was not asked since".into()), ..row(["jane.doe", "", "chat"]) };
        let rows = vec![row(["山田", "yes", "chat, intranet, badges"]), told, row(["a\nb", "no", ""])];
        let mut out = Vec::new();
        TextTable { heads: vec!["NAME", "SIGN-IN", "ACCOUNTS"], rows }.write(width, &mut out).expect("written");
        anstream::adapter::strip_str(&String::from_utf8(out).expect("text")).to_string()
    }

    #[test]
    fn columns_stand_below_each_other_and_nothing_is_cut() {
        insta::assert_snapshot!(drawn(None), @r"
        NAME      SIGN-IN  ACCOUNTS
        山田      yes      chat, intranet, badges
        jane.doe  -        chat
                  it was not asked since
        a\nb      no       -
        ");
        insta::assert_snapshot!(drawn(Some(36)), @r"
        NAME      SIGN-IN  ACCOUNTS
        山田      yes      chat, intranet,
                           badges
        jane.doe  -        chat
                  it was not asked since
        a\nb      no       -
        ");
        insta::assert_snapshot!(drawn(Some(20)), @r"
        山田
          sign-in: yes
          accounts: chat,
            intranet, badges
        jane.doe
          sign-in: -
          accounts: chat
          it was not asked
            since
        a\nb
          sign-in: no
        ");
    }
}
