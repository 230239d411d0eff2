//! What a policy says of some people: its rules whole, and of what it says of people by name the part that is about them.
//!
//! Must never: leave out a line that may be about one of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{GroupPolicy, MemberPolicy, Policy, UserPolicy};
use crate::model::Key;

impl Policy {
    /// The same of those with these keys alone. Members are the only lines by name that are cut: of exclusions and owners there are few, and an owner is part of a
    /// value of the group.
    pub fn excerpt(&self, keys: &BTreeSet<Arc<str>>) -> Self {
        let concerns = |member: &&MemberPolicy| Key::is_group(&member.key) || keys.contains(&member.key);
        let cut = |group: &GroupPolicy| GroupPolicy { members: group.members.iter().filter(concerns).cloned().collect(), ..without(group) };
        Self {
            workspace: self.workspace.clone(),
            time_zone: self.time_zone.clone(),
            sources: self.sources.clone(),
            targets: self.targets.clone(),
            users: self.users.iter().filter(|user| !user.is_plain() || self.is_of(user, keys)).cloned().collect(),
            groups: self.groups.iter().map(cut).collect(),
            entitlements: self.entitlements.clone(),
            revocations: self.revocations.clone(),
            approvals: self.approvals.clone(),
            sensitive: self.sensitive.clone(),
            declared: self.declared.clone(),
            tables: self.tables.clone(),
            nesting: self.nesting.clone(),
        }
    }

    fn is_of(&self, user: &UserPolicy, keys: &BTreeSet<Arc<str>>) -> bool {
        keys.contains(&user.key) || self.key_now(&user.key).is_some_and(|now| keys.contains(now.as_str()))
    }
}

impl UserPolicy {
    /// Whether it says nothing but what one identity is: it names neither records of theirs nor what they were.
    pub fn is_plain(&self) -> bool {
        self.records.is_empty() && self.former_keys.is_empty() && self.not_former_keys.is_empty() && self.former_names.is_empty()
    }
}

/// Without its members, of which there may be many.
fn without(group: &GroupPolicy) -> GroupPolicy {
    let GroupPolicy {
        key,
        labels,
        display_name,
        description,
        members: _,
        rule,
        for_each,
        lifecycles,
        exclude,
        owners,
        previous_names,
        allow_empty,
        privileged,
        not_formerly,
        rule_place,
        members_place,
        place,
    } = group;
    GroupPolicy {
        key: key.clone(),
        labels: labels.clone(),
        display_name: display_name.clone(),
        description: description.clone(),
        members: Vec::new(),
        rule: rule.clone(),
        for_each: for_each.clone(),
        lifecycles: lifecycles.clone(),
        exclude: exclude.clone(),
        owners: owners.clone(),
        previous_names: previous_names.clone(),
        allow_empty: *allow_empty,
        privileged: *privileged,
        not_formerly: not_formerly.clone(),
        rule_place: rule_place.clone(),
        members_place: members_place.clone(),
        place: place.clone(),
    }
}
