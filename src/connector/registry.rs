//! Which connector a manifest's connection means. The one place that knows them all.
//!
//! Must never: know how a system is spoken to.

use std::sync::Arc;

pub use super::declared::{Role, roles, start};
use super::describe::{Connector, Description};
use super::sample::{AsJson, Sampler};
use super::subscription::Subscriber;
use super::{Reader, Surroundings, TargetConnector, database_roles, declared, file, inbox, ldap, scim, sql, webhook};
use crate::diagnostic::Diagnostic;
use crate::manifest::Loaded;
use crate::manifest::connection::{Described, SourceConnection, TargetConnection};
use crate::manifest::kinds::TargetSpec;
use crate::manifest::kinds::connector::{ConnectorSpec, ConnectorTestSpec};
use crate::model::{Columns, SystemError};
use crate::policy::{ConnectorFacts, TargetFacts};

/// Every connector: a further one is a line here, and its connection's shape in `manifest/connection/`.
const CONNECTORS: [&dyn Connector; 8] = [
    &declared::DeclaredConnector,
    &file::FileConnector,
    &inbox::InboxConnector,
    &ldap::LdapConnector,
    &database_roles::RolesConnector,
    &scim::ScimConnector,
    &sql::SqlConnector,
    &webhook::WebhookConnector,
];

/// Opens a Source's connection: secrets are resolved, the system is asked what it can do.
pub async fn open_source(connection: &SourceConnection, surroundings: &Surroundings) -> Result<Box<dyn Reader>, SystemError> {
    let described = connection.described();
    of(described)?.open_source(described, surroundings).await
}

/// What has the system of a Source send webhooks; nothing where it needs no asking.
pub async fn open_subscriber(
    connection: &SourceConnection,
    surroundings: &Surroundings,
) -> Result<Option<Box<dyn Subscriber>>, SystemError> {
    let described = connection.described();
    of(described)?.open_subscriber(described, surroundings).await
}

/// Opens a Target's connection; its capabilities are what the connector declares, narrowed by what the system says.
pub async fn open_target(connection: &TargetConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    let described = connection.described();
    of(described)?.open_target(described, surroundings).await
}

/// Packs records that somebody wrote down, as the Source of a connection would read them.
pub fn sampler(connection: &SourceConnection, columns: &Arc<Columns>) -> Sampler {
    let described = connection.described();
    let sample = of(described).map(|connector| connector.sampler(described, columns));
    Sampler::new(columns, sample.unwrap_or_else(|_| Box::new(AsJson::new(columns))))
}

/// Whether what a connection reaches lies on this machine.
pub fn is_local(connection: &dyn Described) -> bool {
    of(connection).is_ok_and(|connector| connector.is_local(connection))
}

/// What is wrong with the Connector documents of a workspace, and with what its connections say of their installations.
pub fn check(loaded: &Loaded) -> Vec<Diagnostic> {
    declared::check(loaded)
}

/// The page of a Connector document.
pub fn page(name: &str, document: &ConnectorSpec) -> String {
    declared::page(name, document)
}

/// What must be granted for a connection, where its connector knows that.
pub fn rights(connection: &dyn Described) -> Vec<String> {
    of(connection).map(|connector| connector.rights(connection)).unwrap_or_default()
}

/// What a live system does not let us do and would have to, each with what grants it.
pub async fn lacks(connection: &dyn Described, around: &Surroundings) -> Result<Vec<String>, SystemError> {
    of(connection)?.lacks(connection, around).await
}

/// Makes a ConnectorTest of what a live system answers: YAML, in made-up words.
pub async fn record(connection: &dyn Described, around: &Surroundings) -> Result<String, SystemError> {
    of(connection)?.record(connection, around).await
}

/// Plays the exchanges of a Connector's test; of each case what is not as it should be, in words.
pub async fn played(name: &str, document: &Arc<ConnectorSpec>, test: &ConnectorTestSpec) -> Vec<Vec<String>> {
    declared::played(name, document, test).await
}

/// What all connectors say of themselves, by name.
pub fn describe() -> [Description; CONNECTORS.len()] {
    CONNECTORS.map(Connector::describe)
}

/// What policy must know of the connectors without reaching their systems.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts;

impl ConnectorFacts for Facts {
    fn of_target(&self, target: &TargetSpec) -> TargetFacts {
        let connection = target.connection.described();
        let facts = of(connection).map(|connector| connector.facts(connection)).unwrap_or_default();
        TargetFacts { connector: connection.document().unwrap_or(connection.word()).into(), ..facts }
    }
}

fn of(connection: &dyn Described) -> Result<&'static dyn Connector, SystemError> {
    let word = connection.word();
    let found = CONNECTORS.into_iter().find(|connector| connector.describe().name == word);
    found.ok_or_else(|| SystemError::Protocol(format!("no connector speaks {word}; this is a defect of headcount")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_connection_has_its_connector() {
        let source = |json| serde_json::from_value::<SourceConnection>(json).unwrap();
        let sql = json!({"database": {"sqlite": {"path": "a.db"}}, "accounts": {"table": "t", "key": "id"}});
        for connection in [
            json!({"file": {"path": "a.csv"}}),
            json!({"scim": {"url": "https://chat.example"}}),
            json!({ "sql": sql }),
            json!({ "databaseRoles": {"url": "a"} }),
        ] {
            let connection = source(connection);
            let found = of(connection.described()).map(|connector| connector.describe().name);
            assert_eq!(found, Ok(connection.described().word()));
        }
    }
}
