//! What a read of a file came to: rows on their way, lines that were no records, columns that never had a value.
//!
//! Must never: keep rows, or forget a line that was left out.

use unicode_normalization::UnicodeNormalization;

use crate::connector::pages::{Closed, PAGE_BYTES, PageQueue};
use crate::model::{Cell, Evidence, ObjectKind, Page};

/// So many bad records are counted before the rest is not worth reading.
const MAX_TROUBLES: u64 = 100;
/// So many are named.
const NAMED_TROUBLES: usize = 3;
/// Below this many rows, a column without any value means nothing.
const FEW_ROWS: u64 = 20;
/// So much of an odd record is shown.
const SHOWN: usize = 40;

/// Why a read ended before the end of its file.
#[derive(Debug)]
pub(super) enum Stop {
    /// before any row; one sentence
    Unreadable(String),
    /// in the middle; one sentence
    Cut(String),
    /// nobody listens any more
    Closed,
}

/// Takes rows and counts what matters for the evidence.
pub(super) struct Rows<'q> {
    queue: &'q mut PageQueue,
    /// the page that the next row goes to
    pub(super) page: Page,
    sent: u64,
    /// columns that had no value in any row so far
    unfilled: Vec<usize>,
    troubles: Vec<String>,
    troubles_in_all: u64,
    /// first field of a record that does not fit the header, where no other came behind it
    last_odd: Option<String>,
}

impl From<Closed> for Stop {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Left => Self::Closed,
            Closed::Full(error) => Self::Cut(error.to_string()),
        }
    }
}

impl<'q> Rows<'q> {
    pub(super) fn new(queue: &'q mut PageQueue, page: Page) -> Self {
        let unfilled = (0..page.columns().paths().len()).collect();
        Self { queue, page, sent: 0, unfilled, troubles: Vec::new(), troubles_in_all: 0, last_odd: None }
    }

    /// To be called after every row.
    pub(super) fn added(&mut self) -> Result<(), Stop> {
        self.last_odd = None;
        if self.page.size() >= PAGE_BYTES {
            self.hand_over()?;
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), Stop> {
        self.look_for_values();
        self.sent += self.page.len() as u64;
        Ok(self.queue.send(ObjectKind::Account, &mut self.page)?)
    }

    /// A record that is none, at a line.
    pub(super) fn trouble(&mut self, line: u64, what: impl std::fmt::Display) -> Result<(), Stop> {
        self.troubles_in_all += 1;
        if self.troubles.len() < NAMED_TROUBLES {
            self.troubles.push(format!("line {line}: {what}"));
        }
        if self.troubles_in_all >= MAX_TROUBLES {
            return Err(Stop::Cut("the rest was not read, after so many bad records".into()));
        }
        Ok(())
    }

    /// A record of another shape than the header; `text` is its first field. Such a one at the end may be a total.
    pub(super) fn odd_record(&mut self, line: u64, what: &str, text: &str) -> Result<(), Stop> {
        let shown: String = text.chars().take(SHOWN).collect();
        self.last_odd = Some(shown);
        self.trouble(line, what)
    }

    /// The end: the last page goes out; what was noticed becomes evidence. `may_be_empty` are columns that need no value.
    pub(super) fn finish(mut self, end: Result<(), Stop>, may_be_empty: &[String]) -> Evidence {
        let end = end.and_then(|()| if self.page.is_empty() { Ok(()) } else { self.hand_over() });
        let mut reasons = Vec::new();
        match end {
            Ok(()) if self.sent == 0 && self.troubles_in_all == 0 => reasons.push("it holds no record".into()),
            Ok(()) => {}
            Err(Stop::Unreadable(reason)) => return Evidence::Unreadable { reason },
            Err(Stop::Cut(reason)) => {
                // What came before the cut is good; the caller wants it.
                let _ = self.hand_over();
                reasons.push(reason);
            }
            Err(Stop::Closed) => reasons.push("the read was stopped".into()),
        }
        reasons.extend(self.troubles());
        // Without a column that it read before, everything that rules make of it would look cleared: such an export says nothing that can be used.
        if let Some(lost) = self.empty_columns(may_be_empty) {
            reasons.push(lost);
            return Evidence::Unreadable { reason: reasons.join("; ") };
        }
        if reasons.is_empty() { Evidence::Complete } else { Evidence::Partial { reason: reasons.join("; ") } }
    }

    fn look_for_values(&mut self) {
        for row in self.page.rows() {
            if self.unfilled.is_empty() {
                return;
            }
            let cells: Vec<Cell<'_>> = row.cells().collect();
            self.unfilled
                .retain(|at| matches!(cells.get(*at), None | Some(Cell::Missing | Cell::Null | Cell::Text("") | Cell::Unreadable(_))));
        }
    }

    fn troubles(&self) -> Option<String> {
        if let (1, Some(text)) = (self.troubles_in_all, &self.last_odd) {
            return Some(format!(
                "{} If the line (`{text}`) is a total below the table, set `footer: 1` in `spec.connection.file` of the Source",
                self.troubles.join("; ")
            ));
        }
        let more = self.troubles_in_all - self.troubles.len() as u64;
        match (self.troubles_in_all, more) {
            (0, _) => None,
            (_, 0) => Some(self.troubles.join("; ")),
            _ => Some(format!("{}; and {more} more", self.troubles.join("; "))),
        }
    }

    fn empty_columns(&self, may_be_empty: &[String]) -> Option<String> {
        let paths = self.page.columns().paths();
        let missed = |path: &str| !may_be_empty.iter().any(|name| names_column(name, path));
        let empty = self.unfilled.iter().filter_map(|at| paths.get(*at)).filter(|path| missed(path));
        let plain: Vec<String> =
            empty.map(|path| serde_json::Value::from(crate::expr::segments_of_path(path).join(".")).to_string()).collect();
        let empty: Vec<String> = plain.iter().map(|name| format!("`{}`", name.trim_matches('"'))).collect();
        if empty.is_empty() || self.sent <= FEW_ROWS {
            return None;
        }
        let (columns, them) = if empty.len() == 1 { ("column", "it") } else { ("columns", "them") };
        let sent = self.sent;
        Some(format!(
            "{columns} {} had no value in any of {sent} records; if that is right, list {them} in the Source: `spec: {{connection: {{file: {{mayBeEmpty: [{}]}}}}}}`",
            empty.join(", "),
            plain.join(", ")
        ))
    }
}

/// Whether a name in a manifest or a header means this path. Blanks of every kind count as blanks, and those around it not at all.
pub(super) fn names_column(name: &str, path: &str) -> bool {
    let name = plain(name);
    name == plain(path) || name == plain(&crate::expr::segments_of_path(path).join("."))
}

/// A column's name without what nobody sees.
pub(super) fn plain(name: &str) -> String {
    let unseen = |sign: char| matches!(sign, '\u{200b}' | '\u{2060}' | '\u{feff}');
    let blank = |sign: char| if sign.is_whitespace() { ' ' } else { sign };
    let name: String = name.nfc().filter(|sign| !unseen(*sign)).map(blank).collect();
    name.trim().to_owned()
}
