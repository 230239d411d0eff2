//! What an event says of people, taken out of what stands in the clear, and put back.
//!
//! In the clear stay the event, the target, the kind of object, the names of attributes and what came of it. Whoever runs, approves or pauses is named: a journal says who did
//! what. Must never: leave a key, a name, an id, a value or a message of a person in the clear.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{Event, Intent};
use crate::model::{AttributeChange, Key, ObjectKind, ObjectRef, Value};
use crate::state::Unsealed;

/// What is said of one person. Names are short, since there are many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Personal {
    /// the key
    #[serde(rename = "k", skip_serializing_if = "Option::is_none", default)]
    key: Option<Arc<str>>,
    /// the id
    #[serde(rename = "i", skip_serializing_if = "Option::is_none", default)]
    id: Option<Arc<str>>,
    /// the name
    #[serde(rename = "n", skip_serializing_if = "Option::is_none", default)]
    name: Option<Arc<str>>,
    /// what people or systems said
    #[serde(rename = "w", skip_serializing_if = "Option::is_none", default)]
    words: Option<Arc<str>>,
    /// of each attribute what it was and what it is to be
    #[serde(rename = "v", skip_serializing_if = "Vec::is_empty", default)]
    values: Vec<(Option<Value>, Option<Value>)>,
}

/// Something, and whose it is.
type Whose = (Arc<str>, Personal);

/// What was sealed, as far as it could be opened.
pub(super) struct Part {
    /// by what name the key is kept
    pub(super) subject: Arc<str>,
    /// what it holds
    pub(super) opened: Unsealed,
}

/// What may stand in the clear, and the rest by whose it is; nothing where nothing is said of anybody.
pub(super) fn split(event: &Event) -> Option<(Event, Vec<Whose>)> {
    match event {
        Event::Revoked { keys, reason, until, who } if !keys.is_empty() => {
            let clear = Event::Revoked { keys: Vec::new(), reason: "".into(), until: *until, who: who.clone() };
            Some((clear, of_keys(keys, reason)))
        }
        Event::Lifted { keys, why } if !keys.is_empty() => {
            Some((Event::Lifted { keys: Vec::new(), why: String::new() }, of_keys(keys, &why.as_str().into())))
        }
        // A group's page, or a list, is nobody's.
        Event::Opened { key, who } if Key::of_identity(key).is_some() => {
            let personal = Personal { key: Some(key.clone()), ..Personal::default() };
            Some((Event::Opened { key: "".into(), who: who.clone() }, vec![(key.clone(), personal)]))
        }
        Event::Receipt { key, target, outcome, message } => {
            let personal = Personal { key: Some(key.clone()), words: message.clone(), ..Personal::default() };
            let clear = Event::Receipt { key: "".into(), target: target.clone(), outcome: *outcome, message: None };
            Some((clear, vec![(key.clone(), personal)]))
        }
        Event::Outcome { change, target, key, result, id, message } => {
            let words = message.as_deref().map(Arc::from);
            let group = Key::is_group(key);
            if group && words.is_none() {
                return None;
            }
            let (shown, named) = if group { (key.clone(), None) } else { ("".into(), Some(key.clone())) };
            let (clear_id, id) = if group { (id.clone(), None) } else { (None, id.clone()) };
            let clear =
                Event::Outcome { change: *change, target: target.clone(), key: shown, result: *result, id: clear_id, message: None };
            Some((clear, vec![(key.clone(), Personal { key: named, id, words, ..Personal::default() })]))
        }
        Event::Intent(intent) => split_intent(intent),
        _ => None,
    }
}

fn of_keys(keys: &[Arc<str>], words: &Arc<str>) -> Vec<Whose> {
    let of = |key: &Arc<str>| {
        let personal = Personal { key: Some(key.clone()), words: Some(words.clone()), ..Personal::default() };
        (key.clone(), personal)
    };
    keys.iter().map(of).collect()
}

fn split_intent(intent: &Intent) -> Option<(Event, Vec<Whose>)> {
    let Intent { change, attempt, target, action, mandate, reason, object, entitlement, attributes, members } = intent;
    let group = object.kind == ObjectKind::Group;
    let written = attributes.iter().map(AttributeChange::as_written);
    let mut own = Personal { values: written.map(|change| (change.before, change.after)).collect(), ..Personal::default() };
    let mut shown = object.clone();
    if !group {
        own.key = Some(object.key.clone());
        own.id.clone_from(&object.id);
        own.name = Some(object.name.clone());
        shown = ObjectRef { kind: object.kind, key: "".into(), id: None, name: "".into() };
    }
    let member = |key: &Arc<str>| (key.clone(), Personal { key: Some(key.clone()), ..Personal::default() });
    let own = (own != Personal::default()).then(|| (object.key.clone(), own));
    let parts: Vec<_> = own.into_iter().chain(members.iter().map(member)).collect();
    let name_alone = |change: &AttributeChange| {
        let AttributeChange { attribute, sensitive, privileged, .. } = change;
        AttributeChange { attribute: attribute.clone(), before: None, after: None, sensitive: *sensitive, privileged: *privileged }
    };
    let clear = Intent {
        change: *change,
        attempt: *attempt,
        target: target.clone(),
        action: *action,
        mandate: *mandate,
        reason: *reason,
        object: shown,
        entitlement: entitlement.clone(),
        attributes: attributes.iter().map(name_alone).collect(),
        members: Vec::new(),
    };
    (!parts.is_empty()).then_some((Event::Intent(clear), parts))
}

/// Puts back what could be opened. In the place of a key that can't be, stands by what name it was sealed.
pub(super) fn join(event: &mut Event, parts: Vec<Part>) {
    let mut parts = parts.into_iter();
    match event {
        Event::Revoked { keys, reason, .. } => {
            let (all, words) = keys_and_words(parts);
            (*keys, *reason) = (all, words);
        }
        Event::Lifted { keys, why } => {
            let (all, words) = keys_and_words(parts);
            (*keys, *why) = (all, words.to_string());
        }
        Event::Opened { key, .. } => {
            let Some(part) = parts.next() else { return };
            *key = part.key();
        }
        Event::Receipt { key, message, .. } => {
            let Some(part) = parts.next() else { return };
            *key = part.key();
            *message = part.words();
        }
        Event::Outcome { key, id, message, .. } => {
            let Some(part) = parts.next() else { return };
            *message = part.words().map(|words| words.to_string());
            if key.is_empty() {
                *key = part.key();
                *id = part.personal().and_then(|personal| personal.id);
            }
        }
        Event::Intent(intent) => {
            let own = intent.object.key.is_empty() || !intent.attributes.is_empty();
            if let Some(part) = own.then(|| parts.next()).flatten() {
                join_own(intent, &part);
            }
            intent.members = parts.map(|part| part.key()).collect();
        }
        _ => {}
    }
}

fn join_own(intent: &mut Intent, part: &Part) {
    let personal = part.personal();
    if intent.object.key.is_empty() {
        intent.object.key = part.key();
        intent.object.name = personal.as_ref().and_then(|personal| personal.name.clone()).unwrap_or_else(|| part.gone().into());
        intent.object.id = personal.as_ref().and_then(|personal| personal.id.clone());
    }
    let values = personal.into_iter().flat_map(|personal| personal.values);
    for (change, (before, after)) in intent.attributes.iter_mut().zip(values) {
        (change.before, change.after) = (before, after);
    }
}

fn keys_and_words(parts: impl Iterator<Item = Part>) -> (Vec<Arc<str>>, Arc<str>) {
    let (mut keys, mut words, mut gone) = (Vec::new(), None, "");
    for part in parts {
        keys.push(part.key());
        gone = part.gone();
        words = words.or_else(|| part.personal().and_then(|personal| personal.words));
    }
    (keys, words.unwrap_or_else(|| gone.into()))
}

impl Part {
    fn personal(&self) -> Option<Personal> {
        match &self.opened {
            Unsealed::Text(text) => serde_json::from_str(text).ok(),
            Unsealed::Erased | Unsealed::Locked => None,
        }
    }

    /// The key, or in its place by what name it was sealed.
    fn key(&self) -> Arc<str> {
        let word = if self.opened == Unsealed::Erased { "erased" } else { "sealed" };
        self.personal().and_then(|personal| personal.key).unwrap_or_else(|| format!("{word}/{}", self.subject).into())
    }

    fn words(&self) -> Option<Arc<str>> {
        self.personal().and_then(|personal| personal.words)
    }

    /// In the place of words.
    fn gone(&self) -> &'static str {
        if self.opened == Unsealed::Erased { "(erased)" } else { "(sealed)" }
    }
}
