//! The journal: append-only, hash-chained; every intent stands in it before it is sent.
//!
//! Must never: rewrite an entry, or hold a secret.
