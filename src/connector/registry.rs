//! Which connector a manifest's connection means. The one place that knows them all.
//!
//! Must never: know how a system is spoken to.

use super::describe::Description;
use super::{Reader, Surroundings, TargetConnector, file, scim, sql};
use crate::manifest::kinds::{SourceConnection, TargetConnection, TargetSpec};
use crate::model::SystemError;
use crate::policy::{ConnectorFacts, TargetFacts};

/// Opens a Source's connection: secrets are resolved, the system is asked what it can do.
pub async fn open_source(connection: &SourceConnection, surroundings: &Surroundings) -> Result<Box<dyn Reader>, SystemError> {
    match connection {
        SourceConnection::Scim(connection) => scim::open_source(connection, surroundings).await,
        SourceConnection::File(connection) => Ok(Box::new(file::open_source(connection, surroundings))),
        SourceConnection::Sql(connection) => Ok(Box::new(sql::open_source(connection, surroundings).await?)),
    }
}

/// Opens a Target's connection; its capabilities are what the connector declares, narrowed by what the system says.
pub async fn open_target(connection: &TargetConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    match connection {
        TargetConnection::Scim(connection) => scim::open_target(connection, surroundings).await,
        TargetConnection::Sql(connection) => sql::open_target(connection, surroundings).await,
    }
}

/// What all connectors say of themselves, by name.
pub fn describe() -> [Description; 3] {
    [file::describe(), scim::describe(), sql::describe()]
}

/// What policy must know of the connectors without reaching their systems.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts;

impl ConnectorFacts for Facts {
    fn of_target(&self, target: &TargetSpec) -> TargetFacts {
        match &target.connection {
            TargetConnection::Scim(_) => {
                TargetFacts { connector: "scim", default_mapping: scim::default_mapping(), needs: scim::NEEDED.to_vec() }
            }
            TargetConnection::Sql(connection) => {
                TargetFacts { connector: "sql", default_mapping: sql::default_mapping(connection), needs: sql::needed(connection) }
            }
        }
    }
}
