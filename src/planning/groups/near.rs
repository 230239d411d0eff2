//! Groups that are there with nearly the name of one that is to be made: in other letters, or with a blank more.
//!
//! Must never: name a group that is ours, or somebody else's by its mark.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::kinds::fold;
use crate::model::{Finding, FindingCode, Key, ObjectRef, Severity, Subject};
use crate::planning::declared::groups::Group;

/// Rows of groups that are nobody's, by their folded names.
#[derive(Default)]
pub(in crate::planning) struct Near(BTreeMap<String, Vec<u32>>);

impl Near {
    /// Of these rows and their names.
    pub(in crate::planning) fn new<'n>(rows: impl Iterator<Item = (u32, &'n str)>) -> Self {
        let mut near = Self::default();
        for (row, name) in rows {
            near.0.entry(fold(name)).or_default().push(row);
        }
        near
    }

    /// Those that nearly have a group's name, unless it says that it never was such a one.
    pub(in crate::planning) fn of(&self, group: &Group<'_>) -> &[u32] {
        let name = fold(&group.display_name);
        let answered = group.policy.not_formerly.iter().any(|never| fold(never) == name);
        self.0.get(&name).filter(|_| !answered).map_or(&[], Vec::as_slice)
    }
}

/// What is to be said of one that is not made.
pub(in crate::planning) fn told(target: &Arc<str>, group: &Group<'_>, there: &ObjectRef) -> Finding {
    let (name, id) = (&there.name, there.id.as_deref().unwrap_or_default());
    let message =
        format!("{target}: {} would be made beside {name} (id {id}), which looks like it and is nobody's; it is not made", group.key);
    let owner = crate::planning::groups::near::spec_of(&group.policy.key);
    let hint = format!(
        "If it is the same group, write `previousNames: [{name:?}]` into {owner}; if it is another, write `notFormerly: [{name:?}]` there."
    );
    Finding::new(Severity::Refused, FindingCode::PossibleRename, Subject::object(target, &group.key), message)
        .hint(hint)
        .at(Some(group.policy.place.clone()))
}

/// Where a line about a group is to be written.
pub(in crate::planning) fn spec_of(key: &str) -> String {
    format!("the spec of the Group {}", Key::group_name(key))
}
