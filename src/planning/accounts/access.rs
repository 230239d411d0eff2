//! Taking the access of an account away.
//!
//! Must never: take more than the access, and what a Target says that an account without it has.

use std::sync::Arc;

use crate::model::{Action, AttributeChange, Cause, FindingCode, ObjectKind, Risk, Severity, Value};
use crate::planning::accounts::Step;
use crate::planning::draft::{Grounds, Stage, attribute, with};
use crate::planning::targets::limits;
use crate::planning::targets::not_kept;
use crate::policy::DeprovisionPolicy;
use crate::world::canonical;

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
    take(step, target, row, key, grounds, (cause, stage), Vec::new())
}

/// Takes the access of somebody who goes, and gives the account what it has from then on.
pub(super) fn put_away(
    step: &mut Step<'_, '_>,
    target: usize,
    row: u32,
    key: &Arc<str>,
    (grounds, cause): (Grounds, Cause),
    policy: &DeprovisionPolicy,
) -> bool {
    let along = along(step, target, row, key, policy);
    take(step, target, row, key, grounds, (cause, Stage::Deactivate), along)
}

/// Gives an account that headcount deactivated again what it has since then, where it has it no more.
pub(super) fn keep_away(
    step: &mut Step<'_, '_>,
    target: usize,
    row: u32,
    key: &Arc<str>,
    (grounds, cause): (Grounds, Cause),
    policy: &DeprovisionPolicy,
) {
    let mut along = along(step, target, row, key, policy);
    let id = step.basis.observed[target].accounts().id(row);
    not_kept::sift((step.basis, &mut step.report.findings), target, (ObjectKind::Account, &id, key), &mut along);
    if !along.is_empty() && step.can_update(target, key) {
        let change = step.basis.change(target, Action::Update, step.basis.account(target, row, key), grounds, cause);
        step.draft(target, Stage::UpdateAccounts, with(change, along, &[]));
    }
}

/// What of it the account does not have, and the target takes.
fn along(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>, policy: &DeprovisionPolicy) -> Vec<AttributeChange> {
    let along = missing(step, target, row, policy);
    let along = limits::alike((step.basis, &mut step.report.findings), target, key, along);
    limits::possible((step.basis, &mut step.report.findings), target, key, along)
}

fn missing(step: &Step<'_, '_>, target: usize, row: u32, policy: &DeprovisionPolicy) -> Vec<AttributeChange> {
    let accounts = step.basis.observed[target].accounts();
    let layouts = step.basis.layout.targets[target].attributes.iter();
    let limits = &step.basis.observed[target].side.capabilities.account_limits;
    let kept = |name: &Arc<str>, value: Value| limits.get(name).map(|limit| limit.kept(value.clone())).unwrap_or(value);
    let set = layouts.filter_map(|layout| Some((layout, kept(&layout.name, Value::text(policy.set.get(&layout.name)?)))));
    let differs = set.filter_map(|(layout, value)| {
        let cell = accounts.cell(row, layout.column);
        let before = cell.to_value().filter(|_| !canonical::is_nothing(cell));
        (!canonical::same(layout.kind, &value, cell)).then(|| attribute(&layout.name, before, Some(value)))
    });
    differs.collect()
}

fn take(
    step: &mut Step<'_, '_>,
    target: usize,
    row: u32,
    key: &Arc<str>,
    grounds: Grounds,
    (cause, stage): (Cause, Stage),
    mut attributes: Vec<AttributeChange>,
) -> bool {
    if !step.basis.observed[target].side.capabilities.deactivate_accounts {
        step.tell(Severity::Error, FindingCode::UnsupportedCapability, target, key, "{who}: accounts can't be deactivated here");
        return false;
    }
    attributes.push(attribute(&Arc::from("active"), Some(Value::Bool(true)), Some(Value::Bool(false))));
    let change = step.basis.change(target, Action::Deactivate, step.basis.account(target, row, key), grounds, cause);
    step.draft(target, stage, with(change, attributes, &[Risk::SignIn]));
    true
}
