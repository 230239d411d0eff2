//! The Markdown of a review, as a comment shows it.
