//! From a change to the writes that carry it out: references and members as the target's ids, long lists of members cut.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::connector::{IdempotencyKey, TargetConnector, Write};
use crate::model::{Action, CONTAINER, Capabilities, Change, ChangeId, ListedBy, ObjectKind, Value};

use super::fence::{RevokedKeys, is_member_fenced_off};
use super::ids::{Ids, REFERRED};
use super::record::Sending;

/// A change, ready to be sent in one or several parts.
pub(super) struct Prepared<'a> {
    /// which
    pub(super) id: ChangeId,
    /// what and why
    pub(super) change: &'a Change,
    /// the object's id; none for a create
    pub(super) object: Option<Arc<str>>,
    /// the id that it gets by the change, where that is another one and is known before
    pub(super) becomes: Option<Arc<str>>,
    /// in order
    pub(super) parts: Vec<Part>,
    /// references and members that could not be resolved, in words
    pub(super) unresolved: Vec<String>,
    /// by what groups list the account until this is done: attributes and their values
    pub(super) former: Vec<(Arc<str>, Arc<str>)>,
    /// how often any of it was sent
    pub(super) sends: AtomicU32,
}

/// One write of a change.
pub(super) struct Part {
    /// which of the change's, from 0
    pub(super) number: u32,
    /// attributes to set, references as ids
    pub(super) attributes: Vec<(Arc<str>, Option<Value>)>,
    /// members
    pub(super) members: Vec<PartMember>,
    /// how many people it counts for
    pub(super) weight: u64,
    /// it is sent once the part before it is done, and not at all where that is not
    pub(super) follows: bool,
}

/// One member of a part.
pub(super) struct PartMember {
    pub(super) kind: ObjectKind,
    pub(super) id: Arc<str>,
    pub(super) key: Arc<str>,
}

/// Prepares a change, or says why it can't be sent at all.
pub(super) fn prepare<'a>(id: ChangeId, change: &'a Change, ids: &Ids<'_>, connector: &TargetConnector) -> Result<Prepared<'a>, String> {
    let most = connector.writer.members_per_write();
    let object = match change.action {
        Action::Create => None,
        _ => Some(ids.of(&change.target, &change.object).ok_or_else(|| format!("nobody knows the id of {}", change.object.name))?),
    };
    let becomes = connector.writer.id_after(change).filter(|after| object.as_ref().is_some_and(|object| object != after));
    let mut unresolved = Vec::new();
    let attributes = attributes(change, ids, &mut unresolved);
    let parts = match change.action {
        Action::AddMembers | Action::RemoveMembers => members(change, ids, most, &mut unresolved),
        Action::Deactivate => departure(attributes, change.weight()),
        _ => vec![Part { number: 0, attributes, members: Vec::new(), weight: change.weight(), follows: false }],
    };
    let empty = parts.iter().all(|part| part.attributes.is_empty() && part.members.is_empty());
    let whole = change.action == Action::AddEntitlement;
    if (empty || whole) && !unresolved.is_empty() && change.action != Action::Create {
        return Err(unresolved.join("; "));
    }
    let former = former(change, &connector.capabilities);
    Ok(Prepared { id, change, object, becomes, parts, unresolved, former, sends: AtomicU32::new(0) })
}

/// What an account is called where groups list it by its name, as far as that changes.
fn former(change: &Change, capabilities: &Capabilities) -> Vec<(Arc<str>, Arc<str>)> {
    let named = match &capabilities.listed_by {
        Some(ListedBy::Attribute(attribute)) => vec![attribute.as_ref()],
        Some(ListedBy::Name) => capabilities.entry_names.iter().map(|names| names.attribute.as_ref()).chain([CONTAINER]).collect(),
        _ => Vec::new(),
    };
    if change.object.kind != ObjectKind::Account || change.entitlement.is_some() || change.action == Action::Create {
        return Vec::new();
    }
    let changed = change.attributes.iter().filter(|one| named.contains(&one.attribute.as_ref()));
    changed.map(|one| (one.attribute.clone(), Arc::from(one.before.as_ref().and_then(Value::as_text).unwrap_or_default()))).collect()
}

/// Whether a change can do without another that failed: one that would only have made a member or somebody it refers to.
pub(super) fn can_do_without(change: &Change, missed: &Change) -> bool {
    let key = &missed.object.key;
    // Nothing is given without one of its parameters.
    let makes = matches!(missed.action, Action::Create | Action::Adopt);
    if !makes || *key == change.object.key || missed.target != change.target || change.action == Action::AddEntitlement {
        return false;
    }
    change.members.iter().any(|member| member.member.key == *key)
        || change.attributes.iter().any(|attribute| attribute.after.as_ref().is_some_and(|value| references(value).contains(key)))
}

/// The keys that a value refers to.
pub(super) fn references(value: &Value) -> BTreeSet<Arc<str>> {
    match value {
        Value::Reference(key) => BTreeSet::from([key.clone()]),
        Value::List(items) => items.iter().flat_map(references).collect(),
        Value::Map(fields) => fields.values().flat_map(references).collect(),
        Value::Bool(_) | Value::Int(_) | Value::Text(_) => BTreeSet::new(),
    }
}

impl<'a> Prepared<'a> {
    /// What goes to the journal before anything of it is sent.
    pub(super) fn intent(&self) -> Sending<'a> {
        Sending {
            id: self.id,
            change: self.change,
            attempt: 1,
            object: self.object.clone(),
            becomes: self.becomes.clone(),
            former: self.former.clone(),
        }
    }

    /// What goes to the journal before it is sent once more; nothing the first time.
    pub(super) fn again(&self) -> Option<Sending<'a>> {
        let attempt = self.sends.fetch_add(1, Ordering::Relaxed) + 1;
        (attempt > 1).then(|| Sending { attempt, ..self.intent() })
    }

    /// A part, as connectors take it: in this run.
    pub(super) fn write(&self, part: &Part, revoked: &RevokedKeys, run: &Arc<str>) -> Write<'a> {
        let sent = part.members.iter().filter(|member| !is_member_fenced_off(self.change, &member.key, revoked));
        let members = sent.map(|member| (member.kind, member.id.clone())).collect();
        let key = IdempotencyKey { run: run.clone(), change: self.id, part: part.number };
        Write { change: self.change, id: self.object.clone(), attributes: part.attributes.clone(), members, key }
    }
}

fn attributes(change: &Change, ids: &Ids<'_>, unresolved: &mut Vec<String>) -> Vec<(Arc<str>, Option<Value>)> {
    let mut resolved = Vec::with_capacity(change.attributes.len());
    for attribute in &change.attributes {
        let name = attribute.attribute.clone();
        match attribute.after.as_ref().map(|value| resolve(value, &change.target, ids)).transpose() {
            Ok(value) => resolved.push((name, value)),
            Err(key) => unresolved.push(format!("{name}: {key} has no account here")),
        }
    }
    resolved
}

/// The same value with ids for references, or the key that nobody knows.
fn resolve(value: &Value, target: &Arc<str>, ids: &Ids<'_>) -> Result<Value, Arc<str>> {
    Ok(match value {
        Value::Reference(key) => Value::Text(ids.by_key(target, REFERRED, key).ok_or_else(|| key.clone())?),
        Value::List(items) => Value::List(items.iter().map(|item| resolve(item, target, ids)).collect::<Result<_, _>>()?),
        Value::Map(fields) => {
            let resolved = fields.iter().map(|(name, value)| Ok((name.clone(), resolve(value, target, ids)?)));
            Value::Map(Arc::new(resolved.collect::<Result<_, Arc<str>>>()?))
        }
        Value::Bool(_) | Value::Int(_) | Value::Text(_) => value.clone(),
    })
}

/// The access ends first, and whatever else is set of somebody who goes follows: a value that is refused keeps nobody's access.
fn departure(attributes: Vec<(Arc<str>, Option<Value>)>, weight: u64) -> Vec<Part> {
    let (mut access, mut more): (Vec<_>, Vec<_>) = attributes.into_iter().partition(|(name, _)| name.as_ref() == "active");
    if access.is_empty() {
        std::mem::swap(&mut access, &mut more);
    }
    let first = Part { number: 0, attributes: access, members: Vec::new(), weight, follows: false };
    let rest = (!more.is_empty()).then(|| Part { number: 1, attributes: more, members: Vec::new(), weight: 0, follows: true });
    std::iter::once(first).chain(rest).collect()
}

fn members(change: &Change, ids: &Ids<'_>, most: usize, unresolved: &mut Vec<String>) -> Vec<Part> {
    let mut resolved = Vec::with_capacity(change.members.len());
    for member in &change.members {
        match ids.of(&change.target, &member.member) {
            Some(id) => resolved.push((member.member.kind, id, member.member.key.clone(), u64::from(member.people))),
            None => unresolved.push(format!("{} has no account here", member.member.name)),
        }
    }
    let part = |chunk: &[(ObjectKind, Arc<str>, Arc<str>, u64)]| Part {
        number: 0,
        attributes: Vec::new(),
        members: chunk.iter().map(|(kind, id, key, _)| PartMember { kind: *kind, id: id.clone(), key: key.clone() }).collect(),
        weight: chunk.iter().map(|(.., people)| people).sum(),
        follows: false,
    };
    (0..).zip(resolved.chunks(most.max(1)).map(part)).map(|(number, part)| Part { number, ..part }).collect()
}
