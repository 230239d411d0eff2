//! SCIM 2.0 services as sources and targets.
//!
//! Must never: trust an answer that it has not checked against the question, or send one write twice.

mod default_mapping;

pub use default_mapping::default_mapping;

use super::{Reader, Surroundings, TargetConnector};
use crate::manifest::connection::ScimConnection;
use crate::model::SystemError;

/// Opens a SCIM service as a source.
pub async fn open_source(_connection: &ScimConnection, _surroundings: &Surroundings) -> Result<Box<dyn Reader>, SystemError> {
    todo!()
}

/// Opens a SCIM service as a target.
pub async fn open_target(_connection: &ScimConnection, _surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    todo!()
}
