//! Users and groups, compiled.

use std::sync::Arc;

use super::compile::Compiler;
use super::target::lifecycles;
use super::{GroupPolicy, MemberPolicy, RecordPolicy, UserPolicy};
use crate::expr::Root;
use crate::manifest::kinds::{GroupSpec, IdentityRef, Member, UserSpec};
use crate::manifest::{Document, Origin, Outline, quantity};
use crate::model::{AttributeType, Value, ValueState, attribute};

impl Compiler<'_> {
    pub(super) fn user(&mut self, document: &Document<UserSpec>) -> UserPolicy {
        let spec = &document.spec;
        let mut attributes = Vec::with_capacity(spec.attributes.len());
        for (name, value) in &spec.attributes {
            let state = match Value::from_json(value) {
                None => ValueState::Clear,
                Some(value) if is_reference(name) => self.reference(&document.origin, name, value),
                Some(value) => ValueState::Set(value),
            };
            attributes.push((Arc::from(name.as_str()), state));
        }
        UserPolicy {
            name: document.name.clone(),
            key: spec.overrides.as_ref().map_or_else(|| Arc::from(format!("user/{}", document.name)), identity_key),
            standalone: spec.overrides.is_none(),
            exclude: spec.exclude,
            attributes,
            records: self.records(document),
            former_keys: spec.former_keys.iter().map(|key| Arc::from(key.trim())).collect(),
            place: self.place(&document.origin),
        }
    }

    /// Records by name. A source that nobody declares is told by the manifests' own checks.
    fn records(&self, document: &Document<UserSpec>) -> Vec<RecordPolicy> {
        let position = |name: &str| self.loaded.sources.iter().position(|source| source.name.as_ref() == name);
        let records = document.spec.records.iter().enumerate().filter_map(|(at, record)| {
            let place = self.loaded.place(&document.origin, &format!("/spec/records/{at}"));
            Some(RecordPolicy { source: position(&record.source)?, key: Arc::from(record.key.trim()), place })
        });
        records.collect()
    }

    /// Another identity, by its key.
    fn reference(&mut self, origin: &Origin, name: &str, value: Value) -> ValueState {
        match value.as_text().filter(|text| is_key(text)) {
            Some(key) => ValueState::Set(Value::Reference(Arc::from(key))),
            None => {
                let pointer = format!("/spec/attributes/{name}");
                let hint = "write the source and the key (`hr/10023`), or `user/<name>` for a User";
                if value.as_text().is_some() {
                    self.error(origin, &pointer, "this is no identity's key", hint);
                }
                ValueState::Unknown
            }
        }
    }

    pub(super) fn group(&mut self, document: &Document<GroupSpec>) -> GroupPolicy {
        let (origin, spec) = (&document.origin, &document.spec);
        let members = spec.members.as_deref().unwrap_or_default();
        let needs_places = spec.rule.is_some() || !members.is_empty() || !spec.owners.is_empty();
        let outline = needs_places.then(|| self.loaded.outline(origin));
        if spec.display_name.trim().is_empty() {
            self.error(origin, "/spec/displayName", "a group needs a name", "its name at the targets");
        }
        GroupPolicy {
            key: Arc::from(format!("group/{}", document.name)),
            labels: document.labels.clone(),
            display_name: Arc::from(spec.display_name.as_str()),
            description: spec.description.as_deref().map(Arc::from),
            members: self.members(outline.as_ref(), "/spec/members", members),
            rule: self.condition(origin, "/spec/rule", spec.rule.as_ref(), Root::Identity),
            lifecycles: lifecycles(&spec.lifecycles),
            owners: self.members(outline.as_ref(), "/spec/owners", &spec.owners),
            previous_names: spec.previous_names.iter().map(|name| Arc::from(name.as_str())).collect(),
            rule_place: spec.rule.as_ref().and(outline.as_ref()).map(|outline| outline.place("/spec/rule")),
            place: self.place(origin),
        }
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
                Some(overrides.map_or_else(|| Arc::from(format!("user/{user}")), identity_key))
            }
            (None, Some(identity), None) => Some(identity_key(identity)),
            (None, None, Some(group)) => Some(Arc::from(format!("group/{group}"))),
            _ => None,
        }
    }
}

fn identity_key(identity: &IdentityRef) -> Arc<str> {
    Arc::from(format!("{}/{}", identity.source, identity.key))
}

fn is_reference(name: &str) -> bool {
    attribute(name).is_some_and(|known| known.kind == AttributeType::Reference)
}

fn is_key(text: &str) -> bool {
    text.split_once('/').is_some_and(|(source, key)| !source.is_empty() && !key.is_empty())
}
