//! The manifest line behind a change: where a reviewer finds what brought it about, if a manifest did.

use super::{Because, Provenance, account, entitlement, group};
use crate::diagnostic::Place;
use crate::model::{Action, Change, Key, Mandate, MemberChange, ObjectKind};

impl Provenance<'_> {
    /// The line behind a change of an account, an entitlement or a group; nothing where a record brought it about.
    pub fn line(&self, change: &Change) -> Option<Place> {
        if change.mandate.is_revocation() {
            return first(account::revoked(&self.basis, &change.object.key), |_| true);
        }
        if change.object.kind == ObjectKind::Group {
            return first(group::why(&self.basis, change).because, |_| true);
        }
        let person = self.assemble(&change.object.key)?;
        let gives = !change.action.removes();
        if change.entitlement.is_some() {
            let (because, _) = entitlement::behind(&self.basis, change, &person);
            return first(because, |because| because.holds == Some(gives));
        }
        let target = self.basis.policy.targets.iter().position(|target| target.name == change.target)?;
        match change.mandate {
            Mandate::Deselection => first(account::eligible(&self.basis, target, &person).1, |because| because.holds == Some(false)),
            Mandate::Grace => None,
            _ if Key::is_user(&change.object.key) => self.basis.people.declared(person.number).map(|user| user.place.clone()),
            _ => None,
        }
    }

    /// The line behind one member that comes or goes.
    pub fn member_line(&self, change: &Change, member: &MemberChange) -> Option<Place> {
        match change.mandate {
            Mandate::Revocation => first(account::revoked(&self.basis, &member.member.key), |_| true),
            Mandate::Leaver | Mandate::Absence => None,
            _ => group::line(&self.basis, change, member, change.action == Action::AddMembers),
        }
    }
}

pub(super) fn first(because: Vec<Because>, wanted: impl Fn(&Because) -> bool) -> Option<Place> {
    because.into_iter().filter(wanted).find_map(|because| because.place)
}
