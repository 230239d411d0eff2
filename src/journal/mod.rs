//! The journal: append-only, hash-chained; every intent stands in it before it is sent. It shares the state's file, so that an outcome and
//! what it teaches (a link, a deactivation) are durable together.
//!
//! What it says of people is sealed under a key of theirs. Must never: rewrite an entry, or hold a secret.

mod anchor;
mod chain;
mod dead;
mod event;
mod group;
pub mod history;
mod personal;
mod prune;

pub use anchor::{Anchor, AnchorFile, Anchored};
pub use chain::{Entry, Journal, JournalError, Verified, entry};
pub use dead::{DeadRun, close_dead_runs};
pub use event::{Event, Intent, PlanWord, ResultWord};
pub use group::{GroupCommit, Ticket};
pub use prune::{Pruned, prunable, prune};

#[cfg(test)]
mod tests;
