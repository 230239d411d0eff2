//! What headcount keeps between runs: links, deactivations, baselines, windows. SQLite.
//!
//! Must never: hold a secret, or invent what it has lost.
