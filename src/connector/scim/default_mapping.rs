//! The default mapping of a SCIM Target: every attribute that identities usually have, under its own name.
//!
//! Must never: write `externalId`, which holds the marker, or anything that could change a sign-in by surprise (`password`).

/// Attributes that go over as they are. `manager` is a reference and resolved to the target's id when it is written.
const SAME: &[&str] = &[
    "userName",
    "name.givenName",
    "name.familyName",
    "displayName",
    "emails",
    "phoneNumbers",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "department",
    "manager",
];

/// Attribute and expression over `identity`.
pub fn default_mapping() -> Vec<(String, String)> {
    SAME.iter().map(|attribute| ((*attribute).to_owned(), format!("identity.{attribute}"))).collect()
}
