//! `Group`: a named set of people, or one rule that makes a group for each value of an attribute.
//!
//! Must never: say at which target a group stands; that is the Target's `groups`.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IdentityRef, Lifecycle};

/// A named set of people. With `forEach` it is a rule that makes a group for each value.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "headcount.dev", version = "v1alpha1", kind = "Group", namespaced, category = "headcount")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSpec {
    /// Its name at the targets. With `forEach` the value stands in it as `{value}`: `Team {value}`.
    pub display_name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// One group for each value of this CEL over `identity`, a text or a list of texts, with those in it who have it. Case and space around or doubled make
    /// no other value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<String>,
    /// Values of `forEach` that get no group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Former values of `forEach`, by the one that took their place: whoever still has one counts as having the new one, and the group stays the same object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub previous_values: BTreeMap<String, Vec<String>>,
    /// Members by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Member>>,
    /// Members by rule: CEL over `identity`. With `forEach`: whom it looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Lifecycles that `rule` and `forEach` cover. Default: active.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifecycles: Vec<Lifecycle>,
    /// Who is no member, whatever the rule, the list of members and groups in it say: people, or everybody in a Group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Member>,
    /// People who answer for it; shown, and written where the target can hold owners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Member>,
    /// Former displayNames: a rename keeps the object and its grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_names: Vec<String>,
    /// Names of groups that it never was, though it looks like one of them: the answer to a possible rename that is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_formerly: Vec<String>,
    /// Whoever gets into it can do more than others (administrators, a production role): a plan and a review say so of everybody who comes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub privileged: bool,
    /// Without it an empty `members` list (and no rule) is an error, since it would remove everybody; and a rule that names nobody, while several are in the
    /// group, takes nobody out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_empty: bool,
}

/// What stands in the names of a Group with `forEach` where the value goes.
pub const VALUE: &str = "{value}";

/// What two values of `forEach` have in common when they are one: no case, no space around them, and one blank for any space inside.
pub fn fold(value: &str) -> String {
    let mut folded = String::with_capacity(value.len());
    for word in value.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

impl GroupSpec {
    /// Its lists of people and groups, by their keys in the document.
    pub fn people(&self) -> [(&'static str, &[Member]); 3] {
        [("members", self.members.as_deref().unwrap_or_default()), ("exclude", &self.exclude), ("owners", &self.owners)]
    }
}

/// One member: exactly one of `user`, `identity` and `group`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// A User manifest's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// An identity that a source establishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityRef>,
    /// A Group manifest's name. Of one with `forEach` it means all its groups, and `<name>/<value>` one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Last day of the membership (ISO date).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}
