//! What a revocation that comes while a run is under way keeps from being sent: whatever would give its identity something.
//!
//! Must never: hold back what takes access away.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Action, Change, Key, ObjectKind, ObjectRef};

/// The keys of those who are revoked now.
pub(super) type RevokedKeys = BTreeSet<Arc<str>>;

/// What is said of it.
pub(super) const REVOKED: &str = "revoked";

/// Whether a change as a whole is for somebody who gets nothing any more.
pub(super) fn is_fenced_off(change: &Change, revoked: &RevokedKeys) -> bool {
    use Action::{AddEntitlement, Adopt, Create, Delete, Reactivate, Update, UpdateEntitlement};
    let gives = matches!(change.action, Create | Adopt | Update | Reactivate | AddEntitlement | UpdateEntitlement | Delete);
    let whose = |revoked: &RevokedKeys| revoked.contains(&change.object.key) || is_by_itself(change, &change.object, revoked);
    gives && change.object.kind != ObjectKind::Group && !change.mandate.is_revocation() && whose(revoked)
}

/// Whether a member gets nothing any more.
pub(super) fn is_member_fenced_off(change: &Change, member: &Arc<str>, revoked: &RevokedKeys) -> bool {
    let account = |revoked: &RevokedKeys| {
        let known = has_accounts(revoked).then(|| change.members.iter().find(|known| known.member.key == *member)).flatten();
        known.is_some_and(|known| is_by_itself(change, &known.member, revoked))
    };
    change.action == Action::AddMembers && (revoked.contains(member) || account(revoked))
}

/// Whether an account is revoked by itself, whoever would have it.
fn is_by_itself(change: &Change, object: &ObjectRef, revoked: &RevokedKeys) -> bool {
    let key = object.id.as_ref().filter(|_| object.kind != ObjectKind::Group).map(|id| Key::account(&change.target, id).text());
    key.is_some_and(|key| revoked.contains(&key))
}

fn has_accounts(revoked: &RevokedKeys) -> bool {
    revoked.iter().any(|key| Key::of_account(key).is_some())
}
