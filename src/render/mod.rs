//! Views of one plan: text for a terminal, JSON, NDJSON, Markdown. What one view shows, the others don't contradict.
//!
//! Must never: decide, read or change anything, show a secret, or let a name from outside steer the terminal or the page.

mod difference;
pub mod json;
mod markdown;
mod markup;
pub mod safe;
pub mod style;
mod summary;
#[cfg(test)]
mod testing;
mod text;
mod value;

use std::io::{self, Write};

use crate::model::{Change, ObjectKind, Plan};

pub use summary::Counts;

/// One change in a few words: `create jane.doe at chat`.
pub fn headline(change: &Change) -> String {
    let what = match (summary::is_membership(change), change.object.kind) {
        (true, _) => " of",
        (false, ObjectKind::Group) => " group",
        _ => "",
    };
    format!("{}{what} {} at {}", summary::verb(change.action), safe::line(&change.object.name), safe::line(&change.target))
}

/// The views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// for a person at a terminal
    Text,
    /// for machines, and to be applied later
    Json,
    /// for machines that read line by line
    Ndjson,
    /// one comment of a pull request
    Markdown,
}

/// Writes a view of the plan. Colours are always written; the stream drops them where nobody sees them. `width` counts for text alone.
pub fn write(plan: &Plan, format: Format, width: usize, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(plan, width, out),
        Format::Json => json::write(plan, out),
        Format::Ndjson => json::write_lines(plan, out),
        Format::Markdown => out.write_all(markdown::page(plan).as_bytes()),
    }
}
