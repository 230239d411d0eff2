//! Groups, compiled, and whatever names members.

use std::sync::Arc;

use super::compile::Compiler;
use super::people::identity_key;
use super::target::lifecycles;
use super::{ForEachPolicy, FormerValue, GroupPolicy, MemberPolicy};
use crate::expr::Root;
use crate::manifest::kinds::{GroupSpec, Member, VALUE, fold};
use crate::manifest::{Document, Outline, quantity};
use crate::model::Key;

impl Compiler<'_> {
    pub(super) fn group(&mut self, document: &Document<GroupSpec>) -> GroupPolicy {
        let (origin, spec) = (&document.origin, &document.spec);
        let members = spec.members.as_deref().unwrap_or_default();
        let needs_places = spec.rule.is_some()
            || spec.members.is_some()
            || spec.for_each.is_some()
            || spec.people().iter().any(|(_, list)| !list.is_empty());
        let outline = needs_places.then(|| self.loaded.outline(origin));
        if spec.display_name.trim().is_empty() {
            self.error(origin, "/spec/displayName", "a group needs a name", "its name at the targets");
        }
        GroupPolicy {
            key: Key::group(&document.name).text(),
            labels: document.labels.clone(),
            display_name: Arc::from(spec.display_name.as_str()),
            description: spec.description.as_deref().map(Arc::from),
            members: self.members(outline.as_ref(), "/spec/members", members),
            rule: self.condition(origin, "/spec/rule", spec.rule.as_ref(), Root::Identity),
            for_each: self.for_each(document),
            lifecycles: lifecycles(&spec.lifecycles),
            exclude: self.members(outline.as_ref(), "/spec/exclude", &spec.exclude),
            owners: self.members(outline.as_ref(), "/spec/owners", &spec.owners),
            previous_names: spec.previous_names.iter().map(|name| Arc::from(name.as_str())).collect(),
            allow_empty: spec.allow_empty,
            privileged: spec.privileged,
            not_formerly: spec.not_formerly.iter().map(|name| Arc::from(name.as_str())).collect(),
            rule_place: spec.rule.as_ref().and(outline.as_ref()).map(|outline| outline.place("/spec/rule")),
            members_place: spec.members.as_ref().and(outline.as_ref()).map(|outline| outline.place("/spec/members")),
            place: self.place(origin),
        }
    }

    fn for_each(&mut self, document: &Document<GroupSpec>) -> Option<ForEachPolicy> {
        let (origin, spec) = (&document.origin, &document.spec);
        let value = self.expression(origin, "/spec/forEach", spec.for_each.as_ref()?, Root::Identity);
        let former = spec.previous_values.iter().flat_map(|(now, former)| {
            former.iter().map(|was| (fold(was), FormerValue { was: Arc::from(was.as_str()), now: Arc::from(now.as_str()) }))
        });
        Some(ForEachPolicy {
            value,
            except: spec.except.iter().map(|value| fold(value)).collect(),
            former: former.collect(),
            place: self.loaded.place(origin, "/spec/forEach"),
        })
    }

    /// Members by key. One that names none or several, or has no day, is told by the manifests' own checks.
    pub(super) fn members(&self, outline: Option<&Outline<'_>>, pointer: &str, members: &[Member]) -> Vec<MemberPolicy> {
        let Some(outline) = outline else { return Vec::new() };
        let mut found = Vec::with_capacity(members.len());
        for (at, member) in members.iter().enumerate() {
            let pointer = format!("{pointer}/{at}");
            let until = member.until.as_deref().map(quantity::date);
            if let (Some(key), None | Some(Ok(_))) = (self.member_key(member), &until) {
                found.push(MemberPolicy { key, until: until.and_then(Result::ok), place: outline.place(&pointer) });
            }
        }
        found
    }

    fn member_key(&self, member: &Member) -> Option<Arc<str>> {
        match (&member.user, &member.identity, &member.group) {
            (Some(user), None, None) => {
                let users = &self.loaded.users;
                let at = users.binary_search_by(|document| document.name.as_ref().cmp(user)).ok();
                let overrides = at.and_then(|at| users.get(at)).and_then(|document| document.spec.overrides.as_ref());
                Some(overrides.map_or_else(|| Key::user(user).text(), identity_key))
            }
            (None, Some(identity), None) => Some(identity_key(identity)),
            (None, None, Some(group)) => Some(group_key(group)),
            _ => None,
        }
    }
}

impl GroupPolicy {
    /// The key of the group that its `forEach` makes of a value.
    pub fn key_with(&self, value: &str) -> Arc<str> {
        Key::Group { name: Key::group_name(&self.key), value: Some(value) }.text()
    }

    /// The key of the group that it calls so; nothing where it calls none so.
    pub fn key_of(&self, display_name: &str) -> Option<Arc<str>> {
        if self.for_each.is_none() {
            return (self.display_name.as_ref() == display_name).then(|| self.key.clone());
        }
        let (before, after) = self.display_name.split_once(VALUE)?;
        let value = display_name.strip_prefix(before)?.strip_suffix(after)?;
        Some(self.key_with(&fold(value)))
    }
}

/// A group's key: of a Group, or of one that a Group with `forEach` makes.
fn group_key(written: &str) -> Arc<str> {
    match written.split_once('/') {
        Some((name, value)) => Key::Group { name, value: Some(&fold(value)) }.text(),
        None => Key::group(written).text(),
    }
}
