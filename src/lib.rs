//! headcount: GitOps for user provisioning.
//!
//! The modules stand in reading order, lowest layer first (ARCHITECTURE.md has the map). Imports go down only; `tests/tidy.rs` holds the table.

pub mod diagnostic;
pub mod fence;
pub mod files;
pub mod model;
pub mod scim;

pub mod expr;
pub mod manifest;
pub mod metrics;
pub mod planning;
pub mod policy;
pub mod render;
pub mod review;
pub mod world;

pub mod apply;
pub mod connector;
pub mod forge;
pub mod git;
pub mod hooks;
pub mod http;
pub mod inbox;
pub mod journal;
pub mod mysql;
pub mod notify;
pub mod postgres;
pub mod secret;
pub mod socket;
pub mod state;

pub mod drift;
pub mod import;
pub mod persona;
pub mod pipeline;
pub mod serve;
pub mod workspace;

pub mod cli;
pub mod operator;
pub mod server;
