//! The integration tests: one binary, one module a subject. `support` starts real servers and builds worlds.

mod cli;
mod conformance;
mod django;
mod faults;
mod kubernetes_org;
mod properties;
mod quickstart;
mod support;
