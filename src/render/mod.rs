//! Views of one plan: text for a terminal, JSON, NDJSON, Markdown. What one view shows, the others don't contradict.
//!
//! Must never: decide, read or change anything, show a secret, or let a name from outside steer the terminal or the page.

pub mod safe;
