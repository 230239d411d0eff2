//! What somebody agrees to, in its smallest parts: object, attribute or member, before, after.
//!
//! Must never: take a step for reviewed that differs in any of these.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use serde::Serialize;

use crate::model::{Action, AttributeChange, Change, MemberChange, ObjectKind, Value};

/// What some changes come to, whatever else stands beside them and whatever they are numbered: SHA-256 over their atoms and by what right each is made, in hex.
pub fn fingerprint<'c>(workspace: &str, changes: impl IntoIterator<Item = &'c Change>) -> Arc<str> {
    // Plain values always have a JSON form.
    let text = |change: &Change, atom: &Atom| serde_json::to_string(&(change.mandate, atom)).unwrap_or_default();
    let of = |change: &'c Change| atoms(change).into_iter().map(move |atom| text(change, &atom));
    let all: BTreeSet<String> = changes.into_iter().flat_map(of).collect();
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&serde_json::to_vec(&(workspace, all)).unwrap_or_default());
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// The smallest thing that can be approved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Atom {
    target: Arc<str>,
    kind: ObjectKind,
    key: Arc<str>,
    id: Option<Arc<str>>,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
enum What {
    Whole(Action),
    Attribute {
        name: Arc<str>,
        before: Option<Value>,
        after: Option<Value>,
    },
    Member {
        added: bool,
        key: Arc<str>,
    },
    /// with all its parameters at once: without one of them it would be another
    Given {
        entitlement: Arc<str>,
        parameters: Vec<AttributeChange>,
    },
    Parameter {
        entitlement: Arc<str>,
        name: Arc<str>,
        before: Option<Value>,
        after: Option<Value>,
    },
    Taken {
        entitlement: Arc<str>,
    },
    /// somebody who loses a group that is deleted
    Loser {
        key: Arc<str>,
    },
}

/// What somebody agreed to.
#[derive(Clone, Debug, Default)]
pub struct Atoms {
    pub(super) all: HashSet<Atom>,
}

impl Atoms {
    /// Those of the changes that may run.
    pub fn of<'c>(changes: impl IntoIterator<Item = &'c Change>) -> Self {
        Self { all: changes.into_iter().filter(|change| change.runs()).flat_map(atoms).collect() }
    }

    /// Whether anything of a change is among them.
    pub fn touch(&self, change: &Change) -> bool {
        atoms(change).iter().any(|atom| self.covers(atom))
    }

    /// Whether an atom was reviewed: as it is, or as a part of a create that was begun since.
    fn covers(&self, atom: &Atom) -> bool {
        if self.all.contains(atom) {
            return true;
        }
        let creation = Atom { what: What::Whole(Action::Create), ..atom.at_creation() };
        !matches!(atom.what, What::Whole(_)) && self.all.contains(&creation) && self.all.contains(&atom.at_creation())
    }

    /// What of a change may run, and what may not.
    pub fn split(&self, change: &Change) -> (Option<Change>, Option<Change>) {
        // A group that somebody else is in by now is another loss than the one that was reviewed.
        let mut losses = change.losers.iter().map(|member| loser_atom(change, member));
        if whole(change).is_some_and(|whole| !self.covers(&whole)) || losses.any(|loss| !self.covers(&loss)) {
            return (None, Some(change.clone()));
        }
        let given = change.action == Action::AddEntitlement;
        let settled = |attribute: &AttributeChange| given || (whole(change).is_some() && attribute.attribute.as_ref() == "active");
        let (attributes, new_attributes): (Vec<_>, Vec<_>) =
            change.attributes.iter().cloned().partition(|attribute| settled(attribute) || self.covers(&attribute_atom(change, attribute)));
        if change.action == Action::Create && new_attributes.iter().any(|attribute| names(change, &attribute.attribute)) {
            return (None, Some(change.clone()));
        }
        let (members, new_members): (Vec<_>, Vec<_>) =
            change.members.iter().cloned().partition(|member| self.covers(&member_atom(change, member)));
        (part(change, attributes, members), remainder(change, new_attributes, new_members))
    }
}

/// The change with less in it; none when nothing is left of it.
pub(super) fn part(change: &Change, attributes: Vec<AttributeChange>, members: Vec<MemberChange>) -> Option<Change> {
    let stands = whole(change).is_some() || !attributes.is_empty() || !members.is_empty();
    stands.then(|| Change { attributes, members, ..change.clone() })
}

fn remainder(change: &Change, attributes: Vec<AttributeChange>, members: Vec<MemberChange>) -> Option<Change> {
    (!attributes.is_empty() || !members.is_empty()).then(|| Change { attributes, members, ..change.clone() })
}

/// An account without its name or its marker would be another account.
fn names(change: &Change, attribute: &str) -> bool {
    match change.object.kind {
        ObjectKind::Group => matches!(attribute, "displayName" | "externalId"),
        ObjectKind::Account | ObjectKind::Membership | ObjectKind::Entitlement => matches!(attribute, "userName" | "externalId"),
    }
}

pub(super) fn atoms(change: &Change) -> Vec<Atom> {
    // What is given is one atom with its parameters.
    let parts = if change.action == Action::AddEntitlement { &[] } else { change.attributes.as_slice() };
    let attributes = parts.iter().map(|attribute| attribute_atom(change, attribute));
    let members = change.members.iter().map(|member| member_atom(change, member));
    let losers = change.losers.iter().map(|member| loser_atom(change, member));
    whole(change).into_iter().chain(attributes).chain(members).chain(losers).collect()
}

/// The atom for the object or the entitlement itself; none where attributes or members are all there is.
fn whole(change: &Change) -> Option<Atom> {
    if let Some(entitlement) = change.entitlement.clone() {
        let parameters = || change.attributes.iter().map(AttributeChange::as_written).collect();
        return match change.action {
            Action::AddEntitlement => Some(atom(change, What::Given { entitlement, parameters: parameters() })),
            Action::RemoveEntitlement => Some(atom(change, What::Taken { entitlement })),
            _ => None,
        };
    }
    // Under another key it is a step of its own, even where no attribute says so.
    let parts_only = change.former_key.is_none() && matches!(change.action, Action::Update | Action::AddMembers | Action::RemoveMembers);
    (!parts_only).then(|| atom(change, What::Whole(change.action)))
}

fn attribute_atom(change: &Change, attribute: &AttributeChange) -> Atom {
    let AttributeChange { attribute: name, before, after, .. } = attribute.as_written();
    match change.entitlement.clone() {
        Some(entitlement) => atom(change, What::Parameter { entitlement, name, before, after }),
        None => atom(change, What::Attribute { name, before, after }),
    }
}

fn member_atom(change: &Change, member: &MemberChange) -> Atom {
    atom(change, What::Member { added: change.action == Action::AddMembers, key: member.member.key.clone() })
}

fn loser_atom(change: &Change, member: &MemberChange) -> Atom {
    atom(change, What::Loser { key: member.member.key.clone() })
}

fn atom(change: &Change, what: What) -> Atom {
    let object = &change.object;
    Atom { target: change.target.clone(), kind: object.kind, key: object.key.clone(), id: object.id.clone(), what }
}

impl Atom {
    /// The same, as it stood in a plan that was yet to create the object.
    pub(super) fn at_creation(&self) -> Self {
        let what = match &self.what {
            What::Attribute { name, after, .. } => What::Attribute { name: name.clone(), before: None, after: after.clone() },
            other => other.clone(),
        };
        Self { id: None, what, ..self.clone() }
    }
}
