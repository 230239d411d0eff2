//! SCIM 2.0 services as sources and targets.
//!
//! Must never: trust an answer that it has not checked against the question, or send one write twice.

mod api;
mod belongs;
mod body;
mod bulk;
mod default_mapping;
mod describe;
mod dialect;
mod discovery;
mod edit;
mod manners;
mod members;
mod paging;
mod read;
mod resolve;
mod rows;
mod service;
mod single;
mod write;

#[cfg(test)]
pub(in crate::connector) mod tests;

pub use describe::ScimConnector;

use super::{Reader, Surroundings, TargetConnector};
use crate::manifest::connection::{Described, ScimConnection};
use crate::model::{SystemError, system_id};
use read::ScimReader;
use service::{PAUSE, Service};
use write::ScimWriter;

/// Opens a SCIM service as a source.
pub async fn open_source(connection: &ScimConnection, surroundings: &Surroundings) -> Result<Box<dyn Reader>, SystemError> {
    let service = Service::open(connection, surroundings, PAUSE).await?;
    Ok(Box::new(ScimReader::new(service, true)))
}

/// Opens a SCIM service as a target.
pub async fn open_target(connection: &ScimConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    // Before the first question is asked.
    let limiter = surroundings.connections.system(&connection.system()).limiter.clone();
    limiter.limit(&surroundings.system, surroundings.limits);
    let service = Service::open(connection, surroundings, PAUSE).await?;
    let mut capabilities = service.discovery.capabilities();
    service.dialect.narrow(&mut capabilities);
    let reader = Box::new(ScimReader::new(service.clone(), false));
    let writer = Box::new(ScimWriter::new(&service));
    Ok(TargetConnector { reader, writer, capabilities, system: system_id(&connection.system()), limiter })
}
