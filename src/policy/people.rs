//! Users and groups, compiled.

use std::sync::Arc;

use super::compile::Compiler;
use super::target::lifecycles;
use super::{GroupPolicy, MemberPolicy, UserPolicy};
use crate::expr::Root;
use crate::manifest::kinds::{GroupSpec, IdentityRef, Member, UserSpec};
use crate::manifest::{Document, Origin, Outline};
use crate::model::{AttributeType, Value, ValueState, attribute};

impl Compiler<'_> {
    pub(super) fn user(&mut self, document: &Document<UserSpec>) -> UserPolicy {
        let spec = &document.spec;
        let mut attributes = Vec::with_capacity(spec.attributes.len());
        for (name, value) in &spec.attributes {
            let pointer = || format!("/spec/attributes/{}", name.replace('~', "~0").replace('/', "~1"));
            let known = attribute(name);
            if known.is_none() {
                self.unknown_attribute(&document.origin, &pointer(), name);
            }
            let state = match (Value::from_json(value), known.map(|known| known.kind)) {
                (None, _) => ValueState::Clear,
                (Some(value), Some(kind)) => ValueState::Set(self.declared(&document.origin, &pointer, value, kind)),
                (Some(value), None) => ValueState::Set(value),
            };
            attributes.push((Arc::from(name.as_str()), state));
        }
        UserPolicy {
            key: spec.overrides.as_ref().map_or_else(|| Arc::from(format!("user/{}", document.name)), identity_key),
            standalone: spec.overrides.is_none(),
            exclude: spec.exclude,
            attributes,
            place: self.place(&document.origin),
        }
    }

    /// A value in a User, by its attribute's kind.
    fn declared(&mut self, origin: &Origin, pointer: &dyn Fn() -> String, value: Value, kind: AttributeType) -> Value {
        let text = value.as_text().map(Arc::from);
        match (kind, text, &value) {
            (AttributeType::Date, Some(text), _) => {
                let text: Arc<str> = text;
                self.day(origin, &pointer(), &text);
            }
            (AttributeType::Reference, Some(key), _) if is_key(&key) => return Value::Reference(key),
            (AttributeType::Reference, ..) => {
                self.error(
                    origin,
                    &pointer(),
                    "this is no identity's key",
                    "write the source and the key (`hr/10023`), or `user/<name>` for a User",
                );
            }
            (AttributeType::Bool, _, Value::Bool(_)) => {}
            (AttributeType::Bool, ..) => self.error(origin, &pointer(), "this must be true or false", "write it without quotes"),
            (AttributeType::Text | AttributeType::CaselessText, _, Value::List(_) | Value::Map(_)) => {
                self.error(origin, &pointer(), "this attribute has one plain value", "write text");
            }
            _ => {}
        }
        value
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
            members: self.members(origin, outline.as_ref(), "/spec/members", members),
            rule: self.condition(origin, "/spec/rule", spec.rule.as_ref(), Root::Identity),
            lifecycles: lifecycles(&spec.lifecycles),
            owners: self.members(origin, outline.as_ref(), "/spec/owners", &spec.owners),
            previous_names: spec.previous_names.iter().map(|name| Arc::from(name.as_str())).collect(),
            rule_place: spec.rule.as_ref().and(outline.as_ref()).map(|outline| outline.place("/spec/rule")),
            place: self.place(origin),
        }
    }

    /// Members by key. Who names none or several, or nobody, is told by the manifests' own checks.
    fn members(&mut self, origin: &Origin, outline: Option<&Outline<'_>>, pointer: &str, members: &[Member]) -> Vec<MemberPolicy> {
        let Some(outline) = outline else { return Vec::new() };
        let mut found = Vec::with_capacity(members.len());
        for (at, member) in members.iter().enumerate() {
            let pointer = format!("{pointer}/{at}");
            let until = member.until.as_deref().map(|day| self.day(origin, &format!("{pointer}/until"), day));
            if let (Some(key), None | Some(Some(_))) = (self.member_key(member), until) {
                found.push(MemberPolicy { key, until: until.flatten(), place: outline.place(&pointer) });
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

fn is_key(text: &str) -> bool {
    text.split_once('/').is_some_and(|(source, key)| !source.is_empty() && !key.is_empty())
}
