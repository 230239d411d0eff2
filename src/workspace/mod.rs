//! A workspace that is kept so: one actor owns what is known of its systems, reads each when it is due, works out what is needed, asks whether it may run, runs it
//! and remembers it. The same actor serves the controller beside a repository, an operator in a cluster, and pages.
//!
//! The actor never waits for a system: reads, plans and runs are tasks that answer with messages. Whatever somebody asks for is a durable thing on a shelf of the
//! state first, so that nothing is lost with a message or a process.
//! Must never: run what the gates hold, write without the lock, or take a system that could not be read for one that is empty.

mod actor;
pub mod acts;
mod asks;
mod begin;
mod follow;
pub mod gates;
mod kept;
mod messages;
mod retry;
pub mod revisions;
mod schedule;
mod stirred;
#[cfg(test)]
mod tests;
mod told;
mod work;

pub use actor::{Ended, Mail, Workspace, WorkspaceError};
pub use begin::{Begin, BeginObstacle, Beginning, Looked, PlaceOf};
pub use follow::{Followed, follow};
pub use messages::{CompiledRevision, WorkspaceView};
pub use retry::RestingChanges;
pub use told::Observer;
