//! What a revocation that comes while a run is under way keeps from being sent: whatever would give its identity something.
//!
//! Must never: hold back what takes access away.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Action, Change, Key, ObjectKind, ObjectRef};

/// The keys of those who are revoked now.
pub(super) type Barred = BTreeSet<Arc<str>>;

/// What is said of it.
pub(super) const REVOKED: &str = "revoked";

/// Whether a change as a whole is for somebody who gets nothing any more.
pub(super) fn is_barred(change: &Change, barred: &Barred) -> bool {
    use Action::{AddEntitlement, Adopt, Create, Delete, Reactivate, Update, UpdateEntitlement};
    let gives = matches!(change.action, Create | Adopt | Update | Reactivate | AddEntitlement | UpdateEntitlement | Delete);
    let whose = |barred: &Barred| barred.contains(&change.object.key) || is_by_itself(change, &change.object, barred);
    gives && change.object.kind != ObjectKind::Group && !change.mandate.is_revocation() && whose(barred)
}

/// Whether a member gets nothing any more.
pub(super) fn is_barred_member(change: &Change, member: &Arc<str>, barred: &Barred) -> bool {
    let account = |barred: &Barred| {
        let known = has_accounts(barred).then(|| change.members.iter().find(|known| known.member.key == *member)).flatten();
        known.is_some_and(|known| is_by_itself(change, &known.member, barred))
    };
    change.action == Action::AddMembers && (barred.contains(member) || account(barred))
}

/// Whether an account is revoked by itself, whoever would have it.
fn is_by_itself(change: &Change, object: &ObjectRef, barred: &Barred) -> bool {
    let key = object.id.as_ref().filter(|_| object.kind != ObjectKind::Group).map(|id| Key::account(&change.target, id).text());
    key.is_some_and(|key| barred.contains(&key))
}

fn has_accounts(barred: &Barred) -> bool {
    barred.iter().any(|key| Key::of_account(key).is_some())
}
