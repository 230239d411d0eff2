//! The Connector documents that come with headcount, one file a vendor in `catalog/`, and which document a connection means.
//!
//! Must never: prefer the catalog's to one that the workspace has under the same name.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::Loaded;
use super::input::ManifestInput;
use super::kinds::connector::ConnectorSpec;
use super::load::load;
use crate::diagnostic::{Diagnostic, did_you_mean};

/// Name and text of each file.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// The same of the tests, called `NAME.test`.
const TESTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/catalog_tests.rs"));

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

/// The test documents of the catalog, by the Connector's name, to be loaded.
pub fn tests() -> impl Iterator<Item = (&'static str, ManifestInput)> {
    let input = |text: &str, name: &str| ManifestInput::Text {
        name: format!("catalog/{name}.yaml").into(),
        base: std::path::PathBuf::new(),
        bytes: text.as_bytes().to_vec(),
    };
    TESTS.iter().map(move |(name, text)| (name.trim_end_matches(".test"), input(text, name)))
}

/// The document that a Connector's name means: the workspace's own before the catalog's.
pub fn named(loaded: &Loaded, name: &str) -> Option<Arc<ConnectorSpec>> {
    let own = loaded.connectors.iter().find(|document| document.name.as_ref() == name);
    own.map(|document| Arc::new(document.spec.clone())).or_else(|| catalog().get(name).cloned())
}

/// Finds the document of each connection that names one.
pub(super) fn resolve(loaded: &mut Loaded) -> Vec<Diagnostic> {
    let own: BTreeMap<Arc<str>, Arc<ConnectorSpec>> =
        loaded.connectors.iter().map(|document| (document.name.clone(), Arc::new(document.spec.clone()))).collect();
    let mut missing = Vec::new();
    let sources = loaded.sources.iter_mut().map(|source| (&source.origin, source.spec.connection.described_mut()));
    let targets = loaded.targets.iter_mut().map(|target| (&target.origin, target.spec.connection.described_mut()));
    for (origin, connection) in sources.chain(targets) {
        let Some(name) = connection.document().map(str::to_owned) else { continue };
        match own.get(name.as_str()).or_else(|| catalog().get(name.as_str())) {
            Some(document) => connection.take_document(document.clone()),
            None => missing.push((origin.clone(), name)),
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
