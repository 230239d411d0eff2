//! All manifest lines behind a change, part by part: by them a review tells which document of a branch brought it about.
//!
//! Must never: name a line that had no say in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AccountAttribute, AttributeWhy, Because, MembershipWhy, Provenance};
use crate::diagnostic::Place;
use crate::model::{Change, Key, Mandate, ObjectKind, ObjectRef};

/// Where a change comes from, in all its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// the line to show behind the step itself; none where a record brought it about
    pub line: Option<Place>,
    /// all lines that had a say in the step itself
    pub places: Vec<Place>,
    /// behind each attribute or parameter
    pub attributes: BTreeMap<Arc<str>, Vec<Place>>,
    /// behind each member, by key
    pub members: BTreeMap<Arc<str>, Vec<Place>>,
}

impl Provenance<'_> {
    /// The lines behind a change; it may be of a plan that other rules made over the same world.
    pub fn origins(&self, change: &Change) -> Origins {
        let why = self.why(change);
        let mut places = places(&why.because);
        if change.object.kind == ObjectKind::Account {
            places.extend(self.user_lines(&change.object.key));
        }
        let line = self.line(change);
        places.extend(line.clone().filter(|line| !places.contains(line)));
        let member_lines = |member: &MembershipWhy| match change.mandate {
            // Whoever goes leaves groups by what says that they go, not by what the groups say.
            Mandate::Leaver | Mandate::Absence => self.standing_line(&member.member).into_iter().collect(),
            _ => self.member_lines(&member.member, &member.because),
        };
        let members = why.members.iter().map(|member| (member.member.clone(), member_lines(member)));
        Origins {
            line,
            places,
            attributes: why.attributes.iter().map(|attribute| (attribute.attribute.clone(), attribute_lines(attribute))).collect(),
            members: members.collect(),
        }
    }

    /// How many members a group has at a target now, as far as they were read to their end.
    pub fn group_size(&self, target: &str, group: &ObjectRef) -> Option<u64> {
        let at = self.basis.policy.targets.iter().position(|known| known.name.as_ref() == target)?;
        let Some(id) = &group.id else { return Some(0) };
        let observed = self.basis.observed.get(at)?;
        let row = observed.groups().find_id(id)?;
        observed.memberships_evidence().proves_absence().then(|| observed.members(row).len() as u64)
    }

    /// The User that makes or changes somebody.
    fn user_lines(&self, key: &str) -> Option<Place> {
        let person = self.assemble(key)?;
        self.basis.people.declared(person.number).map(|user| user.place.clone())
    }

    /// Of somebody who is excluded or named through a User, that User's lines count too.
    fn member_lines(&self, member: &str, because: &[Because]) -> Vec<Place> {
        let mut lines = places(because);
        lines.extend(self.user_lines(member).filter(|_| Key::of_identity(member).is_some()));
        lines
    }
}

fn places(because: &[Because]) -> Vec<Place> {
    because.iter().filter_map(|because| because.place.clone()).collect()
}

/// The target's rule, then the rules and Users that gave what it reads.
pub(super) fn attribute_lines(attribute: &AccountAttribute) -> Vec<Place> {
    let given = |from: &AttributeWhy| {
        let claims = from.given.iter().chain(&from.outranked);
        claims.filter_map(|claimed| claimed.because.place.clone()).collect::<Vec<_>>()
    };
    attribute.because.place.clone().into_iter().chain(attribute.from.iter().flat_map(given)).collect()
}
