//! What the connector says of itself.
//!
//! Must never: promise what only a service's own schema tells.

use super::default_mapping::default_mapping;
use crate::connector::describe::{DefaultRule, Description, Need};
use crate::manifest::fields;
use crate::manifest::kinds::ScimConnection;

/// Attributes without which no service makes an account (RFC 7643, 4.1.1).
pub const NEEDED: [&str; 1] = ["userName"];

/// The SCIM connector.
pub fn describe() -> Description {
    let rule = |(attribute, value)| DefaultRule { attribute, value };
    let need = |attribute| Need { attribute, why: "RFC 7643 asks for it; a service's own schema may ask for more, which a plan tells" };
    Description {
        name: "scim",
        about: "A SCIM 2.0 service (RFC 7643 and 7644).",
        kinds: &["Source", "Target"],
        reads: &["accounts", "groups", "memberships"],
        writes: &["accounts", "groups", "memberships"],
        abilities: &[
            "marks what is headcount's in `externalId`, where the service keeps it",
            "deactivates by `active`, where the service's schema has it",
            "nests groups where the service's schema says that members can be groups",
            "holds custom.* attributes in the schema extension that `extension` names",
            "no entitlements, no owners of groups, no sessions",
        ],
        default_mapping: default_mapping().into_iter().map(rule).collect(),
        needs: NEEDED.into_iter().map(need).collect(),
        connection: fields::<ScimConnection>(),
    }
}
