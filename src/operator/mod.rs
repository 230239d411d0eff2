//! The same documents, as objects of a Kubernetes cluster: where they come from, where the status goes, who writes, and how a secret is had. Everything between is
//! the workspace's own actor.
//!
//! Must never: take objects that can't be read, or are about to be removed with their kind or namespace, for none; put a finalizer anywhere; or say who somebody is
//! in a status, an event or a log line.

mod cluster;
mod conditions;
mod events;
mod kinds;
mod lease;
mod namespaces;
mod note;
mod objects;
mod plans;
mod refused;
mod register;
mod requests;
mod revisions;
mod secrets;
mod seen;
mod status;

pub use cluster::{Cluster, ClusterError};
pub use lease::KubernetesLease;
pub use namespaces::namespaces;
pub use plans::write_plans;
pub use register::Register;
pub use requests::serve_requests;
pub use revisions::ClusterRevisions;
pub use secrets::ClusterSecrets;
pub use status::{StatusNews, write_status};
