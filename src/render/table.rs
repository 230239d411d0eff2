//! Rows in columns, for a terminal of any width or a pipe.
//!
//! Must never: cut a value, or draw a frame that a script would have to take off.

use std::io::{self, Write};

use super::safe;
use super::style::{STRONG, paint};
use super::wrap::{columns, paragraph};

/// Between two columns.
const GAP: usize = 2;
/// Narrower a last column is no column.
const NARROW: usize = 16;

/// Rows below their heads. Each row has as many cells as there are heads; an empty one is shown as `-`.
pub struct TextTable {
    /// what the columns are
    pub heads: Vec<&'static str>,
    /// the cells
    pub rows: Vec<Vec<String>>,
}

impl TextTable {
    /// Writes it: where it has no room in `width`, the last column goes on below itself, and without room for that each row is a block. Without a width
    /// nobody looks at a terminal, and a row is a line.
    pub fn write(&self, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
        let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell)).max().unwrap_or_default();
        let wide: Vec<usize> = self.heads.iter().enumerate().map(|(at, head)| widest(at).max(head.len())).collect();
        let before: usize = wide.iter().rev().skip(1).map(|wide| wide + GAP).sum();
        match width {
            Some(width) if before + wide.last().copied().unwrap_or_default().min(NARROW) > width => self.blocks(&rows, width, out),
            _ => {
                let width = width.unwrap_or(usize::MAX);
                let heads: Vec<String> = self.heads.iter().map(|head| (*head).to_owned()).collect();
                writeln!(out, "{}", paint(STRONG, line(&heads, &wide)))?;
                rows.iter().try_for_each(|row| paragraph(width, &line(row, &wide), &" ".repeat(before), out))
            }
        }
    }

    /// The first cell of a row, and below it the others that say something, each behind its head.
    fn blocks(&self, rows: &[Vec<String>], width: usize, out: &mut dyn Write) -> io::Result<()> {
        for row in rows {
            let mut cells = self.heads.iter().zip(row);
            if let Some((_, name)) = cells.next() {
                paragraph(width, &paint(STRONG, name), "  ", out)?;
            }
            for (head, cell) in cells.filter(|(_, cell)| *cell != NONE) {
                paragraph(width, &format!("  {}: {cell}", head.to_lowercase()), "    ", out)?;
            }
        }
        Ok(())
    }
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
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = vec![row(["山田", "yes", "chat, intranet, badges"]), row(["jane.doe", "", "chat"]), row(["a\nb", "no", ""])];
        let mut out = Vec::new();
        TextTable { heads: vec!["NAME", "SIGN-IN", "ACCOUNTS"], rows }.write(width, &mut out).expect("written");
        anstream::adapter::strip_str(&String::from_utf8(out).expect("text")).to_string()
    }

    #[test]
    fn columns_stand_below_each_other_and_nothing_is_cut() {
        insta::assert_snapshot!(drawn(None), @"
        NAME      SIGN-IN  ACCOUNTS
        山田      yes      chat, intranet, badges
        jane.doe  -        chat
        a\\nb      no       -
        ");
        insta::assert_snapshot!(drawn(Some(36)), @"
        NAME      SIGN-IN  ACCOUNTS
        山田      yes      chat, intranet,
                           badges
        jane.doe  -        chat
        a\\nb      no       -
        ");
        insta::assert_snapshot!(drawn(Some(20)), @"
        山田
          sign-in: yes
          accounts: chat,
            intranet, badges
        jane.doe
          accounts: chat
        a\\nb
          sign-in: no
        ");
    }
}
