//! A workspace that runs all the time.

pub mod gates;
pub mod revisions;
