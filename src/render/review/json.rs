//! A review for machines: the value as it is, with its version.
//!
//! Must never: hold what the review does not.

use std::io::{self, Write};

use crate::review::Review;

/// The document, readable.
pub fn write(review: &Review, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, review)?;
    writeln!(out)
}
