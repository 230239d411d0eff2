//! The conformance table: one list of steps that every connector must take on a real system.
//!
//! START HERE to add a step: append it to [`table::STEPS`]. A step edits what is declared; the runners make it so and look.
//! To add a connector: a file like `scim.rs` that opens it and calls the runners.

mod declared;
mod direct;
mod entitlements;
mod hr;
mod ldap;
mod look;
mod pipeline;
mod places;
mod ramp;
mod roles;
mod scim;
mod sql;
mod table;
mod teams;
mod unruly;
mod values;
mod vendors;
mod webhook;
mod workspace;
