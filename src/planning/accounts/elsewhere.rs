//! Accounts of ours that stand where their target is not to look: they were moved, or a filter leaves them out. Only their ids lead there.
//!
//! Must never: make a second account for whoever has one, or change more of it than the sign-in and the memberships of whoever goes.

use std::sync::Arc;

use crate::model::{Cause, FindingCode, ObjectKind, Severity, dn};
use crate::planning::accounts::Step;
use crate::planning::accounts::access::deactivate;
use crate::planning::accounts::presence::Presence;
use crate::planning::draft::Grounds;
use crate::planning::findings::Shared;
use crate::planning::question::LookupBy;

/// Whoever has one keeps it as it is, and a person decides.
pub(super) fn hold(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, row: u32) -> Presence {
    let name = &step.basis.policy.targets[target].name;
    let sentence = format!("{{who}}: {}; everything of it stays as it is, and no second one is made", stands(step, target, row));
    let hint = format!(
        "Move it back, or let Target {name} look there (`base`, `filter`). If it is not theirs any more, add its id, which `headcount explain` shows, to \
         `notOurs` of Target {name}: then a new one is made."
    );
    tell(step, target, key, Severity::Error, (sentence, hint));
    Presence::Unclear
}

/// Of whoever goes the sign-in is taken, and of the account nothing else. Says whether it is.
pub(super) fn depart(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>, (grounds, cause): (Grounds, Cause)) -> bool {
    if !step.basis.observed[target].accounts().active(row) {
        return false;
    }
    let name = &step.basis.policy.targets[target].name;
    let sentence =
        format!("{{who}}: goes, and {}; sign-in and memberships are taken, and nothing else of it changes", stands(step, target, row));
    let hint = format!("To have all of it done that Target {name} says, move it back, or let the Target look there (`base`, `filter`).");
    tell(step, target, key, Severity::Warning, (sentence, hint));
    deactivate(step, target, row, key, grounds, cause)
}

/// Asks in which groups they are: groups name them by what the list does not have.
pub(super) fn ask_memberships(step: &mut Step<'_, '_>, target: usize) {
    let observed = &step.basis.observed[target];
    let accounts = observed.accounts();
    if !observed.side.capabilities.read_groups {
        return;
    }
    for row in accounts.late().filter(|row| accounts.is_elsewhere(*row)) {
        let question = LookupBy::Attribute(Arc::from("member"), Arc::from(accounts.id(row).as_ref()));
        if observed.answered(ObjectKind::Membership, &question) {
            continue;
        }
        step.report.ask(target, ObjectKind::Membership, question);
        let key = step.matched.account_key(step.basis, target, row);
        let sentence = "{who}: the account stands where the target does not look, and the groups that it is in could not be found out";
        step.tell(Severity::Incomplete, FindingCode::IncompleteRead, target, &key, sentence);
    }
}

/// Where it stands, in words that are the same for all who stand there.
fn stands(step: &Step<'_, '_>, target: usize, row: u32) -> String {
    let place = step.basis.observed[target].accounts().elsewhere(row).unwrap_or_default();
    let rules = &step.basis.policy.targets[target];
    format!("the account that headcount has for it stands in {}, where Target {} does not look", dn::parent(&place), rules.name)
}

fn tell(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, severity: Severity, (sentence, hint): (String, String)) {
    let rules = &step.basis.policy.targets[target];
    let shared = Shared::new(severity, FindingCode::StandsElsewhere, Some(&rules.name), sentence).hint(hint);
    step.report.findings.share(shared.at(Some(&rules.place)), key);
}
