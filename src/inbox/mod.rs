//! What systems push: users and groups of each Source with an inbox, on shelves of the state, a thing each, and a membership by itself.
//!
//! The process that has the workspace's lock keeps them at hand and is the only one that changes them; others read what is on the shelves.
//! Must never: say that something is kept before it is, change anything without the lock, or keep a password.

mod kept;
mod log;
mod memory;
mod push;
mod records;
mod resource;
mod search;
#[cfg(test)]
mod tests;

pub use kept::{InboxSize, Inboxes, PushRefusal};
pub use memory::Inbox;
pub use push::{Match, Pushed};
pub use resource::{InboxResource, Version, etag};
pub use search::{ListPaging, Listed, SearchAsked};
