//! The Connector documents that come with headcount, one file a vendor in `catalog/`, and which document a connection means.
//!
//! Must never: prefer the catalog's to one that the workspace has under the same name.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::connection::{DeclaredConnection, SourceConnection, TargetConnection};
use super::input::ManifestInput;
use super::kinds::connector::ConnectorSpec;
use super::load::load;
use super::Loaded;
use crate::diagnostic::{Diagnostic, did_you_mean};

/// Name and text of each file.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// The catalog, by name.
pub fn catalog() -> &'static BTreeMap<Arc<str>, Arc<ConnectorSpec>> {
    static CATALOG: LazyLock<BTreeMap<Arc<str>, Arc<ConnectorSpec>>> = LazyLock::new(|| {
        let documents = FILES.iter().flat_map(|(_, text)| load(&[ManifestInput::stdin(text.as_bytes().to_vec())]).0.connectors);
        documents.map(|document| (document.name, Arc::new(document.spec))).collect()
    });
    &CATALOG
}

/// The texts of the catalog, by name.
pub fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().copied()
}

/// Finds the document of each connection that names one.
pub(super) fn resolve(loaded: &mut Loaded) -> Vec<Diagnostic> {
    let own: BTreeMap<Arc<str>, Arc<ConnectorSpec>> =
        loaded.connectors.iter().map(|document| (document.name.clone(), Arc::new(document.spec.clone()))).collect();
    let mut missing = Vec::new();
    for document in &mut loaded.sources {
        if let SourceConnection::Connector(connection) = &mut document.spec.connection {
            find(connection, &own, || document.origin.clone(), &mut missing);
        }
    }
    for document in &mut loaded.targets {
        if let TargetConnection::Connector(connection) = &mut document.spec.connection {
            find(connection, &own, || document.origin.clone(), &mut missing);
        }
    }
    let told = |(origin, name): (super::Origin, String)| {
        let known = own.keys().chain(catalog().keys()).map(AsRef::as_ref);
        let hint = did_you_mean(&name, known).unwrap_or_else(|| "`headcount connector list` names those of the catalog".into());
        let problem = Diagnostic::error(format!("there is no Connector `{name}`")).hint(hint);
        loaded.outline(&origin).mark("/spec/connection/connector/name", problem)
    };
    missing.into_iter().map(told).collect()
}

fn find(
    connection: &mut DeclaredConnection,
    own: &BTreeMap<Arc<str>, Arc<ConnectorSpec>>,
    origin: impl FnOnce() -> super::Origin,
    missing: &mut Vec<(super::Origin, String)>,
) {
    let name = connection.name.as_str();
    connection.document = own.get(name).or_else(|| catalog().get(name)).cloned();
    if connection.document.is_none() {
        missing.push((origin(), connection.name.clone()));
    }
}
