//! SCIM 2.0 on the wire (RFC 7643, RFC 7644): resources, attribute paths, filters, patch operations.
//!
//! Must never: do I/O, or build a filter by joining strings.

mod body;
mod change;
mod filter;
mod patch;
mod path;
mod query;
mod refusal;
mod served;
mod wire;

pub use body::body;
pub use change::{PatchPath, PatchStep, changed, steps};
pub use filter::Filter;
pub use patch::Patch;
pub use path::{AttributePath, field};
pub use query::{ScimComparison, ScimQuery};
pub use refusal::ScimRefusal;
pub use served::{ScimShape, ScimShapeType, ServedKind, resource_types, schemas, taken};
pub use wire::{
    BulkSupport, ErrorBody, FilterSupport, ListResponse, PaginationSupport, ResourceType, Schema, SchemaAttribute, ServiceProviderConfig,
    Supported,
};

/// Schema of a User.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Schema of a Group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The enterprise extension of a User.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Schema of a PATCH body.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// Schema of a Bulk body.
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The media type of every SCIM body.
pub const MEDIA_TYPE: &str = "application/scim+json";
