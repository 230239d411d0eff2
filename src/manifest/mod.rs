//! The kinds of `headcount.dev/v1alpha1`: one Rust type each, for YAML files, Kubernetes objects, JSON Schemas and CRDs.
//!
//! Must never: read the network, evaluate an expression, or guess: what is wrong is a diagnostic.

pub mod connection;
pub mod kinds;

mod broken;
pub mod catalog;
mod checks;
mod crd;
mod edit;
mod format;
mod guess;
mod header;
mod input;
mod known;
mod load;
mod outline;
mod paths;
mod plain;
pub mod quantity;
mod read;
mod refused;
mod schema;
mod server_address;
mod shape;
mod stream;
mod table;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

pub use crd::crds;
pub use edit::{Editor, ManifestEdit, Refused as NotEdited, WrittenValue, flow, scalar};
pub use format::{NotFormatted, format};
pub use input::{ManifestInput, ManifestText};
pub use load::{Revision, load, load_revision};
pub use outline::{Outline, Outlines, ValueSpan};
pub use read::sounds_secret;
use refused::Refused;
pub use schema::{API_VERSION, Field, fields, schema, yaml};
pub use tree::Style;

use crate::files::NamedFiles;
use crate::model::Tables;

/// One document of a kind, and where it stands.
#[derive(Clone, Debug)]
pub struct Document<T> {
    /// metadata.name
    pub name: Arc<str>,
    /// metadata.labels
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// the spec
    pub spec: T,
    /// to find the line of anything in it
    pub origin: Origin,
}

/// Where a document came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// as the user named it; `-` for stdin
    pub file: Arc<str>,
    /// the file's folder: relative paths in the document count from here
    pub base: Arc<PathBuf>,
    /// which of [`Loaded::texts`]
    pub text: usize,
    /// byte offset of the document in that text
    pub start: usize,
    /// byte length of the document
    pub length: usize,
    /// line of the document's first byte, from 1
    pub line: u32,
    /// the document is a `List`, and this the number of the item that is meant
    pub item: Option<u32>,
}

/// All documents of a workspace, checked one by one and against each other.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// at most one
    pub workspace: Option<Document<kinds::WorkspaceSpec>>,
    /// sorted by name
    pub sources: Vec<Document<kinds::SourceSpec>>,
    /// sorted by name
    pub targets: Vec<Document<kinds::TargetSpec>>,
    /// sorted by name
    pub mappings: Vec<Document<kinds::AttributeMappingSpec>>,
    /// sorted by name
    pub users: Vec<Document<kinds::UserSpec>>,
    /// sorted by name
    pub groups: Vec<Document<kinds::GroupSpec>>,
    /// the Workspace's tables, read and checked
    pub tables: Tables,
    /// sorted by name
    pub entitlements: Vec<Document<kinds::EntitlementSpec>>,
    /// sorted by name
    pub revocations: Vec<Document<kinds::RevocationSpec>>,
    /// sorted by name
    pub approvals: Vec<Document<kinds::PlanApprovalSpec>>,
    /// sorted by name
    pub connectors: Vec<Document<kinds::connector::ConnectorSpec>>,
    /// sorted by name; for `headcount connector test` alone
    pub connector_tests: Vec<Document<kinds::connector::ConnectorTestSpec>>,
    /// sorted by name; for `headcount test` alone
    pub personas: Vec<Document<kinds::PersonaSpec>>,
    /// the folders that were named: files that manifests name lie below them
    roots: Vec<PathBuf>,
    /// where those files are
    pub files: NamedFiles,
    /// the files' texts, for marking lines
    pub texts: Vec<Arc<str>>,
    /// what was written and could not be taken
    refused: Refused,
    /// documents of which something was said while they were read: text and start
    told: BTreeSet<(usize, usize)>,
}

#[cfg(test)]
mod tests;
