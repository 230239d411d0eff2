//! Taking the access of an account away.
//!
//! Must never: take more than the access.

use std::sync::Arc;

use crate::model::{Action, Cause, FindingCode, Risk, Severity, Value};
use crate::planning::accounts::Step;
use crate::planning::draft::{Grounds, Stage, attribute, with};

/// Takes the access away. Says whether it does.
pub(super) fn deactivate(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>, grounds: Grounds, cause: Cause) -> bool {
    take_access(step, target, row, key, grounds, (cause, Stage::Deactivate))
}

/// The same at another stage of the plan.
pub(super) fn take_access(
    step: &mut Step<'_, '_>,
    target: usize,
    row: u32,
    key: &Arc<str>,
    grounds: Grounds,
    (cause, stage): (Cause, Stage),
) -> bool {
    if !step.basis.observed[target].side.capabilities.deactivate_accounts {
        step.tell(Severity::Error, FindingCode::UnsupportedCapability, target, key, "{who}: accounts can't be deactivated here");
        return false;
    }
    let attributes = vec![attribute(&Arc::from("active"), Some(Value::Bool(true)), Some(Value::Bool(false)))];
    let change = step.basis.change(target, Action::Deactivate, step.basis.account(target, row, key), grounds, cause);
    step.draft(target, stage, with(change, attributes, &[Risk::SignIn]));
    true
}
