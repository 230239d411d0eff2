//! The reconcile, in the steps that every way of running shares: read, plan, compare, ask, end what is covered, run, remember, receipts.
//!
//! Each step takes values and gives values; what happens on the way is news, and the one question is put to whoever called. Must never: print, read a
//! terminal, know how a process ends, decide about a change, or turn trouble with a system into an empty answer.

mod ahead;
mod behind;
mod check;
mod compile;
mod erase;
mod execute;
mod keeping;
mod last_changes;
mod lines;
mod news;
pub mod offline;
mod part;
mod plan;
mod propose;
mod read;
mod receipts;
mod reconcile;
mod remember;
pub mod revoke;
pub mod system;
#[cfg(test)]
pub(crate) mod tests;
mod two;
mod written;

pub use ahead::{forecast, requests};
pub use behind::ChangeOrigins;
pub use check::{Checked, Sight, check_source, check_target, record};
pub use compile::{compile, compile_after, compile_what_is_sound};
pub use erase::{EraseError, Erased, Erasure, erase};
pub use execute::{Execution, execute, settings};
pub use keeping::Keeping;
pub use last_changes::last_changes;
pub use lines::log;
pub use news::{Caller, Decision, GateMemory, Hear, HearNothing, LetThrough, News};
pub use part::{matches, part};
pub use plan::{plan, replan};
pub use propose::{NotReviewable, Proposal, Reviewed};
pub use read::{Reading, Snapshot, SourceRead, TargetRead, moment, read};
pub use reconcile::{CarriedOut, Ending, ReconcileError, RunExtent, Turn, begin, carry_out, kept, reconcile};
pub use remember::{catch_up, going, leave, remember};
pub use two::{Compiled, read_two};
pub use written::{TargetWritten, written};
