//! What a connector says of itself without reaching a system: what `headcount connector` prints and docs/connectors.md holds.
//!
//! Must never: promise what only a service, a file or a database can tell.

use serde::Serialize;

pub use crate::manifest::Field;

/// A connector in its own words.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// as it stands in a manifest below `connection`
    pub name: &'static str,
    /// what it is for
    pub about: &'static str,
    /// kinds of manifest that may name it
    pub kinds: &'static [&'static str],
    /// what it reads
    pub reads: &'static [&'static str],
    /// what it writes
    pub writes: &'static [&'static str],
    /// what it can and can't do
    pub abilities: &'static [&'static str],
    /// attribute and expression: what a Target of it has where its mapping says nothing else
    pub default_mapping: Vec<DefaultRule>,
    /// what it needs before an account can be made
    pub needs: Vec<Need>,
    /// the fields of its connection
    pub connection: Vec<Field>,
}

/// A rule of a default mapping.
#[derive(Clone, Debug, Serialize)]
pub struct DefaultRule {
    /// SCIM's name, or which ones
    pub attribute: String,
    /// what it comes to
    pub value: String,
}

/// An attribute without which no account is made.
#[derive(Clone, Debug, Serialize)]
pub struct Need {
    /// SCIM's name
    pub attribute: &'static str,
    /// where it is needed, and why
    pub why: &'static str,
}
