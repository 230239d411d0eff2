//! The integration tests: one binary, one module a subject. `support` starts real servers and builds worlds.

#![allow(dropping_references, dropping_copy_types, clippy::unit_arg, reason = "a step in a table is one expression")]

mod acme;
mod active_directory;
mod browser;
mod cli;
mod company;
mod conformance;
mod controller;
mod dashboard;
mod deploy;
mod django;
mod faults;
mod git;
mod inbound;
mod kubernetes_org;
mod objects;
mod operator;
mod pages;
mod properties;
mod quickstart;
mod replay;
mod subscriptions;
mod support;
mod vendors;
