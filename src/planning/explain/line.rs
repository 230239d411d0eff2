//! The manifest line behind a change: where a reviewer finds what brought it about, if a manifest did.

use std::sync::Arc;

use super::origins::attribute_lines;
use super::{Because, Provenance, account, entitlement, group, person};
use crate::diagnostic::Place;
use crate::model::{Action, Change, Key, Mandate, MemberChange, ObjectKind};
use crate::planning::people::person::Person;
use crate::planning::targets::eligibility::{NotServed, Serve, serve};

impl Provenance<'_> {
    /// The line behind a change of an account, an entitlement or a group; nothing where a record brought it about.
    pub fn line(&self, change: &Change) -> Option<Place> {
        if change.mandate.is_revocation() {
            return first(account::revoked(&self.basis, &change.object.key), |_| true);
        }
        if change.object.kind == ObjectKind::Group {
            return first(group::why(&self.basis, change).because, |_| true);
        }
        if change.object.kind == ObjectKind::Membership {
            return None;
        }
        let target = self.basis.policy.targets.iter().position(|target| target.name == change.target)?;
        let person = self.assemble(&change.object.key);
        let person = person.as_ref();
        if change.entitlement.is_some() {
            return person.and_then(|person| self.entitlement_line(change, person)).or_else(|| self.departure_line(change, target, person));
        }
        let left_out = |person| first(account::eligible(&self.basis, target, person).1, |because| because.holds == Some(false));
        let left_out = person.filter(|_| change.mandate == Mandate::Deselection).and_then(left_out);
        left_out.or_else(|| self.user_line(change, person?)).or_else(|| self.departure_line(change, target, person))
    }

    /// The User that makes somebody exist, or says itself that they have no access.
    fn user_line(&self, change: &Change, person: &Person<'_>) -> Option<Place> {
        let user = self.basis.people.declared(person.number).filter(|_| change.mandate != Mandate::Grace)?;
        let says = || change.action == Action::Deactivate && user.attributes.iter().any(|(name, _)| name.as_ref() == "active");
        (Key::is_user(&change.object.key) || says()).then(|| user.place.clone())
    }

    fn entitlement_line(&self, change: &Change, person: &Person<'_>) -> Option<Place> {
        let gives = !change.action.removes();
        let (because, _) = entitlement::behind(&self.basis, change, person);
        first(because, |because| because.holds == Some(gives))
    }

    /// What the target does with accounts of whoever goes, where it says so; else the target. Nothing where nobody goes.
    fn departure_line(&self, change: &Change, target: usize, person: Option<&Person<'_>>) -> Option<Place> {
        let rules = &self.basis.policy.targets[target];
        let gone = match change.mandate {
            Mandate::Leaver => NotServed::Leaver,
            Mandate::Absence => NotServed::Absent,
            Mandate::Deselection => NotServed::Deselected,
            Mandate::Pruning => NotServed::Pruned,
            Mandate::Grace | Mandate::Normal => match person.map(|person| serve(&self.basis, target, person)) {
                Some(Serve::No(gone)) => gone,
                _ if change.mandate == Mandate::Grace => NotServed::Absent,
                _ if change.action == Action::Deactivate => NotServed::TooEarly,
                _ => return None,
            },
            Mandate::Revocation => return None,
        };
        gone.deprovision(rules).place.or_else(|| Some(rules.place.clone()))
    }

    /// What says where somebody stands: the condition of a source; of whoever is not there the source that had them.
    pub(super) fn standing_line(&self, key: &str) -> Option<Place> {
        match self.assemble(key) {
            Some(person) => first(person::standing(&self.basis, &person), |because| because.holds == Some(true)),
            None => account::nobody(&self.basis, key).place,
        }
    }

    /// The line behind an attribute of an account that changes: the target's rule, or what gives that what it reads.
    pub fn attribute_line(&self, change: &Change, attribute: &Arc<str>) -> Option<Place> {
        let of_account = change.object.kind == ObjectKind::Account && change.mandate.is_normal() && change.action != Action::Deactivate;
        let target = self.basis.policy.targets.iter().position(|target| target.name == change.target).filter(|_| of_account)?;
        let person = self.assemble(&change.object.key)?;
        let rules = account::attributes(&self.basis, target, &person, |name| name == attribute);
        rules.first().and_then(|rule| attribute_lines(rule).into_iter().next())
    }

    /// The line behind one member that comes or goes.
    pub fn member_line(&self, change: &Change, member: &MemberChange) -> Option<Place> {
        match change.mandate {
            Mandate::Revocation => first(account::revoked(&self.basis, &member.member.key), |_| true),
            Mandate::Leaver | Mandate::Absence => self.standing_line(&member.member.key),
            _ => group::line(&self.basis, change, member, change.action == Action::AddMembers),
        }
    }
}

pub(super) fn first(because: Vec<Because>, wanted: impl Fn(&Because) -> bool) -> Option<Place> {
    because.into_iter().filter(wanted).find_map(|because| because.place)
}
