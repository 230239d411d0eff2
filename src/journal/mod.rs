//! The journal: append-only, hash-chained; every intent stands in it before it is sent. It shares the state's file, so that an outcome and
//! what it teaches (a link, a deactivation) are durable together.
//!
//! Must never: rewrite an entry, or hold a secret.

mod chain;
mod dead;
mod event;
mod group;

pub use chain::{Entry, Journal, JournalError, Verified, entry};
pub use dead::{DeadRun, close_dead_runs};
pub use event::{Event, Intent, PlanWord, ResultWord};
pub use group::{GroupCommit, Ticket};

#[cfg(test)]
mod tests;
