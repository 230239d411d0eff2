//! Users, compiled.

use std::sync::Arc;

use super::compile::Compiler;
use super::{Policy, RecordPolicy, UserPolicy};
use crate::manifest::kinds::{IdentityRef, UserSpec};
use crate::manifest::{Document, Loaded, Origin};
use crate::model::{AttributeType, Key, Value, ValueState, attribute};

impl Compiler<'_> {
    /// All of them, those that are the same as before as they were compiled then.
    pub(super) fn users(&mut self, before: Option<(&Loaded, &Policy)>) -> Vec<UserPolicy> {
        let loaded = self.loaded;
        loaded.users.iter().map(|user| known(loaded, before, user).unwrap_or_else(|| self.user(user))).collect()
    }

    fn user(&mut self, document: &Document<UserSpec>) -> UserPolicy {
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
            key: spec.overrides.as_ref().map_or_else(|| Key::user(&document.name).text(), identity_key),
            standalone: spec.overrides.is_none(),
            exclude: spec.exclude,
            attributes,
            records: self.records(document),
            former_keys: spec.former_keys.iter().map(|key| Arc::from(key.trim())).collect(),
            not_former_keys: spec.not_former_keys.iter().map(|key| Arc::from(key.trim())).collect(),
            former_names: spec.former_names.iter().map(|name| Arc::from(name.trim())).collect(),
            place: self.place(&document.origin),
        }
    }

    /// Records by name. A source that nobody declares is told by the manifests' own checks.
    fn records(&self, document: &Document<UserSpec>) -> Vec<RecordPolicy> {
        let position = |name: &str| self.loaded.sources.iter().position(|source| source.name.as_ref() == name);
        let records = document.spec.records.iter().enumerate().filter_map(|(at, record)| {
            let place = self.outlines.of(&document.origin).place(&format!("/spec/records/{at}"));
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
}

/// What a User was compiled to before, where it says the same and stands in the same line. One that names records is compiled anew: Sources may have come before theirs.
fn known(loaded: &Loaded, before: Option<(&Loaded, &Policy)>, user: &Document<UserSpec>) -> Option<UserPolicy> {
    let (was_loaded, was) = before?;
    let at = was_loaded.users.binary_search_by(|known| known.name.cmp(&user.name)).ok()?;
    let (known, compiled) = was_loaded.users.get(at).zip(was.users.get(at))?;
    let stands = |origin: &Origin| (origin.file.clone(), origin.line, origin.item);
    let same = compiled.name == user.name
        && stands(&known.origin) == stands(&user.origin)
        && user.origin.item.is_none()
        && user.spec.records.is_empty()
        && was_loaded.text(&known.origin) == loaded.text(&user.origin);
    same.then(|| compiled.clone())
}

/// An identity's key.
pub(super) fn identity_key(identity: &IdentityRef) -> Arc<str> {
    Key::record(&identity.source, &identity.key).text()
}

fn is_reference(name: &str) -> bool {
    attribute(name).is_some_and(|known| known.kind == AttributeType::Reference)
}

fn is_key(text: &str) -> bool {
    Key::of_identity(text).is_some()
}
