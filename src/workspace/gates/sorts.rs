//! Which sort of change needs what.
//!
//! Must never: read a reason; what decides is the action, the risks and the mandate.

use crate::manifest::kinds::ApprovalFor;
use crate::model::{Action, Change, Risk};

/// Whether it takes something from somebody, or changes what they sign in by.
pub fn is_destructive(change: &Change) -> bool {
    change.action.removes() || changes_sign_in(change)
}

/// Whether it is of a sort that waits for an approval.
pub fn waits_for_approval(change: &Change, sort: ApprovalFor) -> bool {
    match sort {
        ApprovalFor::Everything => true,
        ApprovalFor::Destructive => is_destructive(change),
        ApprovalFor::Deactivate => change.action == Action::Deactivate,
        ApprovalFor::Delete => change.action == Action::Delete,
        ApprovalFor::SignIn => changes_sign_in(change),
        ApprovalFor::RemoveMembers => {
            matches!(change.action, Action::RemoveMembers | Action::RemoveEntitlement) || !change.losers.is_empty()
        }
        ApprovalFor::Privileged => change.risks.contains(&Risk::Privilege),
    }
}

fn changes_sign_in(change: &Change) -> bool {
    change.risks.contains(&Risk::SignIn)
}
