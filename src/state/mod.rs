//! What headcount keeps between runs: links, deactivations, baselines, windows. SQLite, one file a workspace.
//!
//! Must never: hold a secret, or invent what it has lost.

mod error;
mod head;
mod lock;
mod look;
mod revocations;
mod rows;
mod schema;
mod store;
mod unheard;
mod written;

pub use error::StateError;
pub use head::{Head, record_head};
pub use lock::{Holder, RunLock};
pub use revocations::{
    forget_cut_off, forget_revocation, record_cut_off, record_other_keys, record_receipt, record_revocation, revoked_keys,
};
pub use rows::{
    carry_link, forget_deactivation, forget_departed, forget_grants, forget_link, forget_object, forget_resting, record_baseline,
    record_completed_run, record_deactivation, record_departed, record_link, record_resting, record_told, record_window, rename_link,
};
/// The open file, and what SQLite says: for those who share a transaction.
pub use rusqlite::{Connection, Result as SqliteResult};
pub use schema::VERSION as SCHEMA_VERSION;
pub use store::Store;
pub use unheard::{forget_unheard, record_unheard};
pub use written::{forget_repeat, record_written};

#[cfg(test)]
mod tests;
