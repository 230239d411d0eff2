//! Systems that speak HTTP and JSON, described by a `Connector` document: one engine for all of them.
//!
//! `compile` makes a `definition` of a document for one installation, `exchange` sends a request and judges its answer, `pages` knows how lists go on and when
//! they end, `listing` reads one, `gather` puts records together of several, `records` makes rows of them.
//! Must never: reach a host that is not declared, or call a read whole that the document's own signs do not prove.

mod assertion;
mod belongs;
mod changes;
mod check;
mod compile;
mod connector;
mod definition;
mod dialect;
mod entitlements;
mod exchange;
mod gather;
mod joining;
mod key;
mod listing;
mod membership_rows;
mod page;
mod pages;
mod parts;
mod reader;
mod recorded;
mod records;
mod referring;
mod scope;
mod secrets;
mod sign_in;
mod start;
mod subscribe;
mod template;
mod token;
mod wanted;
mod within;
mod writer;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vendor_tests;

pub use check::check;
pub use connector::DeclaredConnector;
pub use page::page;
pub use recorded::played;
pub use start::{Role, roles, start};
