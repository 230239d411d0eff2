//! Compares a saved plan with a fresh one by atoms: object, attribute or member, before, after. What was reviewed and is still needed may run,
//! closed over dependencies; what is new is listed and does not run.
//!
//! Must never: let anything run that nobody has reviewed, but for what cuts somebody off.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::model::{Action, AttributeChange, Change, ChangeId, MemberChange, ObjectKind, Plan, Value};

use super::prepare::{can_do_without, references};

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// the fresh plan, reduced to what was reviewed
    pub plan: Plan,
    /// what is needed now and was not reviewed, or waits for something that was not; in the fresh plan's order
    pub new: Vec<Change>,
    /// how many reviewed steps are no longer needed
    pub gone: usize,
}

impl Comparison {
    /// Whether the fresh plan is just what was reviewed.
    pub fn exact(&self) -> bool {
        self.new.is_empty() && self.gone == 0
    }
}

/// Compares the reviewed plan with one that was made from the world as it is now.
pub fn compare(saved: &Plan, fresh: &Plan) -> Comparison {
    let reviewed = Reviewed::new(saved);
    let mut kept: BTreeMap<usize, Change> = BTreeMap::new();
    let mut new = Vec::new();
    for (at, change) in fresh.changes.iter().enumerate() {
        // A revocation goes past approval: who is to be cut off is named in a manifest or by a person, and waits for no second review.
        let settled = !change.runs() || change.mandate.is_revocation();
        let (run, mut rest) = if settled { (Some(change.clone()), None) } else { reviewed.split(change) };
        if let Some(run) = run.and_then(|run| close(run, fresh, &kept, &mut rest)) {
            kept.insert(at, run);
        }
        new.extend(rest);
    }
    let needed: HashSet<Atom> = fresh.changes.iter().flat_map(atoms).flat_map(|atom| [atom.at_creation(), atom]).collect();
    let gone = reviewed.atoms.iter().filter(|atom| !needed.contains(*atom)).count();
    Comparison { plan: Plan { changes: renumber(kept), ..fresh.clone() }, new, gone }
}

/// The smallest thing that can be approved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Atom {
    target: Arc<str>,
    kind: ObjectKind,
    key: Arc<str>,
    id: Option<Arc<str>>,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

struct Reviewed {
    atoms: HashSet<Atom>,
}

impl Reviewed {
    fn new(saved: &Plan) -> Self {
        Self { atoms: saved.changes.iter().filter(|change| change.runs()).flat_map(atoms).collect() }
    }

    /// Whether an atom was reviewed: as it is, or as a part of a create that was begun since.
    fn covers(&self, atom: &Atom) -> bool {
        if self.atoms.contains(atom) {
            return true;
        }
        let creation = Atom { what: What::Whole(Action::Create), ..atom.at_creation() };
        !matches!(atom.what, What::Whole(_)) && self.atoms.contains(&creation) && self.atoms.contains(&atom.at_creation())
    }

    /// What of a change may run, and what may not.
    fn split(&self, change: &Change) -> (Option<Change>, Option<Change>) {
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

/// Takes out what depends on something that does not run. What was taken out goes to `rest`.
fn close(mut change: Change, fresh: &Plan, kept: &BTreeMap<usize, Change>, rest: &mut Option<Change>) -> Option<Change> {
    if !change.runs() {
        return Some(change);
    }
    let whole = change.clone();
    let lacking = |need: &ChangeId| kept.get(&(need.0 as usize)).is_none_or(|need| !need.runs());
    let (missing, needs): (Vec<_>, Vec<_>) = change.needs.iter().copied().partition(lacking);
    change.needs = needs;
    for missed in missing.iter().filter_map(|need| fresh.changes.get(need.0 as usize)) {
        if !can_do_without(&whole, missed) {
            *rest = Some(joined(rest.take(), &whole, whole.attributes.clone(), whole.members.clone()));
            return None;
        }
        let key = &missed.object.key;
        let (out, members) = std::mem::take(&mut change.members).into_iter().partition(|member| member.member.key == *key);
        let refers = |attribute: &AttributeChange| attribute.after.as_ref().is_some_and(|value| references(value).contains(key));
        let (without, attributes) = std::mem::take(&mut change.attributes).into_iter().partition(refers);
        (change.members, change.attributes) = (members, attributes);
        *rest = Some(joined(rest.take(), &whole, without, out));
    }
    part(&change, change.attributes.clone(), change.members.clone())
}

/// The change with less in it; none when nothing is left of it.
fn part(change: &Change, attributes: Vec<AttributeChange>, members: Vec<MemberChange>) -> Option<Change> {
    let stands = whole(change).is_some() || !attributes.is_empty() || !members.is_empty();
    stands.then(|| Change { attributes, members, ..change.clone() })
}

fn remainder(change: &Change, attributes: Vec<AttributeChange>, members: Vec<MemberChange>) -> Option<Change> {
    (!attributes.is_empty() || !members.is_empty()).then(|| Change { attributes, members, ..change.clone() })
}

fn joined(rest: Option<Change>, whole: &Change, attributes: Vec<AttributeChange>, members: Vec<MemberChange>) -> Change {
    let mut rest = rest.unwrap_or_else(|| Change { attributes: Vec::new(), members: Vec::new(), ..whole.clone() });
    rest.attributes.extend(attributes);
    rest.attributes.sort_by(|one, other| one.attribute.cmp(&other.attribute));
    rest.members.extend(members);
    rest.members.sort_by(|one, other| one.member.key.cmp(&other.member.key));
    rest
}

/// Positions change when changes are left out; `needs` must follow.
fn renumber(kept: BTreeMap<usize, Change>) -> Vec<Change> {
    let places: BTreeMap<usize, u32> = kept.keys().copied().zip(0..).collect();
    let place = |need: &ChangeId| places.get(&(need.0 as usize)).copied().map(ChangeId);
    kept.into_values().map(|change| Change { needs: change.needs.iter().filter_map(place).collect(), ..change }).collect()
}

/// An account without its name or its marker would be another account.
fn names(change: &Change, attribute: &str) -> bool {
    match change.object.kind {
        ObjectKind::Group => matches!(attribute, "displayName" | "externalId"),
        ObjectKind::Account | ObjectKind::Membership | ObjectKind::Entitlement => matches!(attribute, "userName" | "externalId"),
    }
}

fn atoms(change: &Change) -> Vec<Atom> {
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
    fn at_creation(&self) -> Self {
        let what = match &self.what {
            What::Attribute { name, after, .. } => What::Attribute { name: name.clone(), before: None, after: after.clone() },
            other => other.clone(),
        };
        Self { id: None, what, ..self.clone() }
    }
}
