//! What can do more than the rest, by what manifests say: groups, those nested in them, entitlements, and values of accounts.
//!
//! Must never: take what one revision says of it for the whole where another one says more (a review asks both).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{EntitlementPolicy, GroupPolicy, Policy, TargetPolicy, fold};
use crate::model::{AttributeChange, Key, OWNERS, ObjectKind, ObjectRef, Value};

/// What can do more than the rest of a system, by what it is called there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivilegePolicy {
    /// groups' displayNames, folded
    pub groups: BTreeSet<String>,
    /// names of entitlements, folded
    pub entitlements: BTreeSet<String>,
    /// values of `roles` and `entitlements` of an account, folded
    pub roles: BTreeSet<String>,
    /// attributes of an account that give rights
    pub attributes: BTreeSet<Arc<str>>,
}

impl PrivilegePolicy {
    /// Whether a group of this displayName is one; case and blanks make no other name.
    pub fn names_group(&self, name: &str) -> bool {
        self.groups.contains(&fold(name))
    }

    /// Whether a value of an account's `roles` or `entitlements` is one.
    pub fn names_role(&self, value: &Value) -> bool {
        let name = match value {
            Value::Map(parts) => parts.get("value").and_then(Value::as_text),
            single => single.as_text(),
        };
        name.is_some_and(|name| self.roles.contains(&fold(name)))
    }
}

/// Which Groups' documents name a Group as a member, by `metadata.name`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsAbove(BTreeMap<Arc<str>, BTreeSet<Arc<str>>>);

impl GroupsAbove {
    /// Of these documents.
    pub fn of(groups: &[GroupPolicy]) -> Self {
        let mut above: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        for group in groups {
            for member in group.members.iter().filter(|member| Key::is_group(&member.key)) {
                above.entry(Arc::from(Key::group_name(&member.key))).or_default().insert(Arc::from(Key::group_name(&group.key)));
            }
        }
        Self(above)
    }

    /// The Groups in which one is nested, at any depth.
    fn above<'n>(&'n self, name: &str) -> BTreeSet<&'n str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = self.next(name).collect();
        while let Some(name) = open.pop() {
            if found.insert(name) {
                open.extend(self.next(name));
            }
        }
        found
    }

    fn next<'n>(&'n self, name: &str) -> impl Iterator<Item = &'n str> + use<'n> {
        self.0.get(name).into_iter().flatten().map(AsRef::as_ref)
    }
}

impl Policy {
    /// Whether whoever comes into a group at a target can do more than others: by that group, or by one in which manifests nest it.
    pub fn is_privileged_group(&self, target: &str, group: &ObjectRef) -> bool {
        if self.is_privileged_itself(target, group) {
            return true;
        }
        let above = if Key::is_group(&group.key) { self.nesting.above(Key::group_name(&group.key)) } else { BTreeSet::new() };
        let documents = self.groups.iter().filter(|document| above.contains(Key::group_name(&document.key)));
        let object = |document: &GroupPolicy| ObjectRef {
            kind: ObjectKind::Group,
            key: document.key.clone(),
            id: None,
            name: document.display_name.clone(),
        };
        !above.is_empty() && documents.map(object).any(|group| self.is_privileged_itself(target, &group))
    }

    fn is_privileged_itself(&self, target: &str, group: &ObjectRef) -> bool {
        let made_of = Key::group_name(&group.key);
        let of_document = |policy: &&GroupPolicy| Key::is_group(&group.key) && Key::group_name(&policy.key) == made_of;
        // What it is called at the target, and what it is to be called.
        let called = self.groups.iter().find(of_document).map(|policy| policy.display_name.as_ref());
        let mut names = called.into_iter().chain([group.name.as_ref()]);
        let named = |target: &TargetPolicy| names.any(|name| target.privileged.names_group(name));
        // Another document that is for a group of this name is for the same object.
        let same_name = |policy: &GroupPolicy| policy.for_each.is_none() && fold(&policy.display_name) == fold(&group.name);
        let declared = |policy: &GroupPolicy| policy.privileged && (of_document(&policy) || same_name(policy));
        self.target(target).is_some_and(named) || self.groups.iter().any(declared)
    }

    /// Whether any group of a target can do more than others.
    pub fn has_privileged_groups(&self, target: &str) -> bool {
        self.target(target).is_some_and(|rules| !rules.privileged.groups.is_empty()) || self.groups.iter().any(|group| group.privileged)
    }

    /// Whether whoever gets an entitlement of a target can do more than others.
    pub fn is_privileged_entitlement(&self, target: &str, entitlement: &str) -> bool {
        let Some(at) = self.targets.iter().position(|known| known.name.as_ref() == target) else { return false };
        let declared = |policy: &EntitlementPolicy| policy.privileged && policy.target == at && policy.name.as_ref() == entitlement;
        self.targets.get(at).is_some_and(|target| target.privileged.entitlements.contains(&fold(entitlement)))
            || self.entitlements.iter().any(declared)
    }

    /// Whether a group of this name can do more than others at a target, whoever declares it.
    pub fn is_privileged_name(&self, target: &str, name: &str) -> bool {
        let group = ObjectRef { kind: ObjectKind::Group, key: Arc::from(""), id: None, name: Arc::from(name) };
        self.is_privileged_group(target, &group)
    }

    /// Whether an account can do more than others by what a value becomes, or whoever comes to own a group can.
    pub fn is_privileged_value(&self, target: &str, object: &ObjectRef, value: &AttributeChange) -> bool {
        let Some(rules) = self.target(target) else { return false };
        match object.kind {
            ObjectKind::Account if rules.privileged.attributes.contains(&value.attribute) => value.comes().any(says_something),
            ObjectKind::Account => value.gives_rights() && value.comes().any(|value| rules.privileged.names_role(value)),
            _ => value.attribute.as_ref() == OWNERS && value.comes().next().is_some() && self.is_privileged_group(target, object),
        }
    }

    /// Whether the values of an account's attribute give rights at a target, whatever they are.
    pub fn is_privileged_attribute(&self, target: &str, attribute: &str) -> bool {
        self.target(target).is_some_and(|target| target.privileged.attributes.contains(attribute))
    }
}

/// Whether a value is more than the word for none.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Bool(is) => *is,
        Value::Int(number) => *number != 0,
        Value::Text(text) => !["", "0", "f", "false", "n", "no"].iter().any(|none| text.trim().eq_ignore_ascii_case(none)),
        Value::List(_) | Value::Map(_) | Value::Reference(_) => true,
    }
}
