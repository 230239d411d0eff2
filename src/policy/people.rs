//! Users, compiled.

use std::sync::Arc;

use super::compile::Compiler;
use super::{RecordPolicy, UserPolicy};
use crate::manifest::kinds::{IdentityRef, UserSpec};
use crate::manifest::{Document, Origin};
use crate::model::{AttributeType, Key, Value, ValueState, attribute};

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
