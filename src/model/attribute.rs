//! The table of attributes: SCIM's names (RFC 7643 section 4.1 and 4.3), how each compares, and who may see it.

/// How values of an attribute look and compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    /// text, compared as it is
    Text,
    /// text, compared without case (`userName`, e-mail)
    CaselessText,
    /// text, compared without case and accents: of no attribute, but so some databases tell user names apart
    AccentlessText,
    /// true or false
    Bool,
    /// an ISO date
    Date,
    /// another identity
    Reference,
    /// several complex values with `value`, `type`, `primary`; compared as a set
    Many,
    /// several e-mail addresses or other caseless values; compared as a set without case of `value`
    ManyCaseless,
    /// several telephone numbers; compared as a set by their digits
    ManyPhones,
}

impl AttributeType {
    /// Whether it holds several values.
    pub fn is_many(self) -> bool {
        matches!(self, Self::Many | Self::ManyCaseless | Self::ManyPhones)
    }
}

/// Who may see an attribute's values in a shared view (design 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// names, groups, title
    Public,
    /// everything else about a person
    Personal,
    /// never shown
    Secret,
}

/// One known attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// dotted name
    pub name: &'static str,
    /// how it compares
    pub kind: AttributeType,
    /// who may see it
    pub visibility: Visibility,
}

/// Where an entry of a directory stands below the base of all; nothing: right below it.
pub const CONTAINER: &str = "container";
/// Who may change a group, beside administrators.
pub const OWNERS: &str = "owners";

use AttributeType::{Bool, CaselessText, Date, Many, ManyCaseless, ManyPhones, Reference, Text};
use Visibility::{Personal, Public, Secret};

/// Sorted by name: looked up by bisection.
const ATTRIBUTES: &[Attribute] = &[
    row("active", Bool, Public),
    row("addresses", Many, Personal),
    row(CONTAINER, CaselessText, Public),
    row("costCenter", Text, Public),
    row("department", Text, Public),
    row("displayName", Text, Public),
    row("division", Text, Public),
    row("emails", ManyCaseless, Public),
    row("employeeNumber", Text, Personal),
    row("endDate", Date, Personal),
    row("entitlements", Many, Public),
    row("externalId", Text, Public),
    row("ims", Many, Personal),
    row("locale", Text, Public),
    row("manager", Reference, Public),
    row("name.familyName", Text, Public),
    row("name.formatted", Text, Public),
    row("name.givenName", Text, Public),
    row("name.honorificPrefix", Text, Public),
    row("name.honorificSuffix", Text, Public),
    row("name.middleName", Text, Public),
    row("nickName", Text, Public),
    row("organization", Text, Public),
    row("password", Text, Secret),
    row("phoneNumbers", ManyPhones, Personal),
    row("photos", Many, Personal),
    row("preferredLanguage", Text, Public),
    row("profileUrl", Text, Public),
    row("roles", Many, Public),
    row("startDate", Date, Personal),
    row("status", Text, Public),
    row("timezone", Text, Public),
    row("title", Text, Public),
    row("userName", CaselessText, Public),
    row("userType", Text, Public),
    row("x509Certificates", Many, Personal),
];

const fn row(name: &'static str, kind: AttributeType, visibility: Visibility) -> Attribute {
    Attribute { name, kind, visibility }
}

/// The table, sorted by name.
pub fn attributes() -> &'static [Attribute] {
    ATTRIBUTES
}

/// What is known of an attribute. Anything below `custom.` is personal text.
pub fn attribute(name: &str) -> Option<Attribute> {
    if let Ok(at) = ATTRIBUTES.binary_search_by(|known| known.name.cmp(name)) {
        return Some(ATTRIBUTES[at]);
    }
    name.strip_prefix("custom.").filter(|rest| !rest.is_empty()).map(|_| row("custom", Text, Personal))
}

/// Whether a rule may name it.
pub fn is_known_attribute(name: &str) -> bool {
    attribute(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_bisection_finds_everything() {
        assert!(ATTRIBUTES.is_sorted_by(|one, next| one.name < next.name));
        assert!(is_known_attribute("custom.badge") && !is_known_attribute("custom.") && !is_known_attribute("userNmae"));
    }
}
