//! Members to add to a group or to take out of one, in each form that services take.
//!
//! Must never: say of a member more than its id, but that it is a group where the target is known to nest groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::edit::{Edit, Verdict};
use super::manners::{Form, Shape};
use super::single::id_in;
use crate::model::ObjectKind;
use crate::scim::{AttributePath, Filter, Patch, field};

/// Members to add or to remove.
pub struct MemberEdit {
    /// whom
    pub members: Vec<Wanted>,
    /// or to remove
    pub add: bool,
}

/// One of them.
pub struct Wanted {
    /// account or group
    pub kind: ObjectKind,
    /// its id
    pub id: Arc<str>,
    /// as this service lists it, where that is something else
    pub listed: Option<Box<str>>,
    /// its URL, where the service asks for one
    pub link: Option<String>,
}

impl Wanted {
    fn value(&self) -> &str {
        self.listed.as_deref().unwrap_or(&self.id)
    }

    /// Whether an entry of a group is this one: by its id in any case, by its link, or by what the service lists it as.
    fn is(&self, entry: &Json) -> bool {
        let value = value_of(entry).unwrap_or_default();
        let linked = field(entry, "$ref").and_then(Json::as_str).and_then(|link| link.trim_end_matches('/').rsplit('/').next());
        value == self.value() || value.to_lowercase() == self.id.to_lowercase() || linked == Some(&*self.id)
    }
}

impl MemberEdit {
    fn names(&self, member: &Json) -> bool {
        self.members.iter().any(|wanted| wanted.is(member))
    }
}

impl Edit for MemberEdit {
    fn shape(&self) -> Shape {
        if self.add { Shape::AddMembers } else { Shape::RemoveMembers }
    }

    fn patch(&self, form: Form) -> Patch {
        let (members, mut patch) = (AttributePath::core("members"), Patch::default());
        match (self.add, form) {
            (true, _) => patch.add(&members, self.members.iter().map(member_entry).collect()),
            (false, Form::Values) => {
                patch.remove_values(&members, self.members.iter().map(|wanted| json!({ "value": wanted.value() })).collect())
            }
            (false, _) => {
                for wanted in &self.members {
                    patch.remove(Filter::equal(AttributePath::core("value"), wanted.value()).within(&members));
                }
            }
        }
        patch
    }

    fn apply(&self, resource: &mut Map<String, Json>) {
        let members = resource.entry("members").or_insert_with(|| json!([]));
        if !members.is_array() {
            *members = json!([]);
        }
        let Some(members) = members.as_array_mut() else { return };
        members.retain(|member| !self.names(member));
        if self.add {
            members.extend(self.members.iter().map(member_entry));
        }
    }

    fn judge(&self, resource: &Json) -> Verdict {
        let Some(listed) = field(resource, "members").and_then(Json::as_array) else { return Verdict::Silent };
        let there = |wanted: &&Wanted| listed.iter().any(|entry| wanted.is(entry) && is_of(entry, wanted.kind));
        let wrong = self.members.iter().filter(|member| there(member) != self.add).count();
        match (wrong, self.add) {
            (0, _) => Verdict::Shown,
            (many, true) => Verdict::Kept(format!("does not list {}", people(many))),
            (many, false) => Verdict::Kept(format!("still lists {}", people(many))),
        }
    }

    fn takes_access(&self) -> bool {
        !self.add
    }
}

/// Whether a member that the service lists is of the kind that is meant: a group that it took for an account is not.
fn is_of(entry: &Json, kind: ObjectKind) -> bool {
    let says = field(entry, "type").and_then(Json::as_str).unwrap_or_default();
    kind != ObjectKind::Group || !says.eq_ignore_ascii_case("User")
}

fn people(many: usize) -> String {
    if many == 1 { "1 of the members".into() } else { format!("{many} of the members") }
}

/// The ids that a group lists.
pub fn listed(group: &Json) -> BTreeSet<String> {
    field(group, "members").and_then(Json::as_array).into_iter().flatten().filter_map(value_of).collect()
}

fn value_of(member: &Json) -> Option<String> {
    id_in(member, "value")
}

/// The type is said only where it matters: of a nested group, and where the service asks for all of it.
fn member_entry(wanted: &Wanted) -> Json {
    let mut entry = json!({ "value": wanted.value() });
    if wanted.kind == ObjectKind::Group {
        entry["type"] = json!("Group");
    }
    if let Some(link) = &wanted.link {
        entry["$ref"] = json!(link);
        entry["type"] = json!(if wanted.kind == ObjectKind::Group { "Group" } else { "User" });
    }
    entry
}
