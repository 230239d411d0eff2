//! Accounts that are remembered and were not among those read: asked for by their ids, waited for while they are new, and never made again in large numbers.
//!
//! Must never: take what was not shown for what is not there.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::manifest::kinds::DeprovisionAction;
use crate::model::{Action, Finding, FindingCode, ObjectKind, Severity, Subject};
use crate::planning::accounts::Step;
use crate::planning::accounts::presence::Presence;
use crate::planning::findings::Shared;
use crate::planning::people::identity::Absence;
use crate::planning::people::person::Person;
use crate::planning::question::LookupBy;
use crate::planning::targets::eligibility::NotServed;
use crate::planning::targets::history::our_deactivation_of;
use crate::planning::targets::links;

/// Fewer than this may be gone at once.
const MANY: usize = 4;
/// Of so many remembered accounts one may be gone at once.
const SHARE: usize = 20;
/// Ids in one line to paste.
const LISTED: usize = 100;

/// The account of somebody who goes was not among those read. Nothing is to be asked where headcount took the access away and no deletion is due.
pub(super) fn leaves(step: &mut Step<'_, '_>, target: usize, person: &Person, gone: NotServed) -> Presence {
    let basis = step.basis;
    let links = links::of(basis, target, &person.key, &basis.people.other_keys(person.number));
    let ids = links.into_iter().map(|link| Arc::from(link.id)).collect();
    match ask(step, target, &Arc::from(person.key.as_str()), ids, gone) {
        true => Presence::Unclear,
        false => Presence::Absent,
    }
}

/// The accounts of people who are gone from the sources, as far as they were not among those read.
pub(super) fn of_the_absent(step: &mut Step<'_, '_>, target: usize) {
    let basis = step.basis;
    let accounts = basis.observed[target].accounts();
    if accounts.unreadable() {
        return;
    }
    let (world, name) = (basis.world, &basis.policy.targets[target].name);
    for link in world.recall.counting(name, ObjectKind::Account) {
        let known = accounts.find_id(link.id).is_some() || basis.people.find(link.key).is_some();
        if !known && matches!(basis.people.absence(link.key), Absence::Proven) {
            ask(step, target, &Arc::from(link.key), vec![Arc::from(link.id)], NotServed::Absent);
        }
    }
}

/// Asks for what was not answered. Says whether anything is open.
fn ask(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, ids: Vec<Arc<str>>, gone: NotServed) -> bool {
    let basis = step.basis;
    let deprovision = gone.deprovision(&basis.policy.targets[target]);
    let accounts = basis.observed[target].accounts();
    let rests = |id: &Arc<str>| {
        let Some(at) = our_deactivation_of(basis, target, id) else { return false };
        let due = deprovision.delete_after.is_some_and(|after| basis.moment.now.duration_since(at) >= after);
        !due && deprovision.action != DeprovisionAction::Delete
    };
    let open: Vec<Arc<str>> = ids
        .into_iter()
        .filter(|id| accounts.find_id(id).is_none() && !accounts.answered(&LookupBy::Id(id.clone())) && !rests(id))
        .collect();
    if deprovision.action == DeprovisionAction::Keep || open.is_empty() {
        return false;
    }
    let questions = open.into_iter().map(LookupBy::Id).collect();
    ask_and_tell(step, target, key, questions, "goes, but the account was not among those read");
    true
}

/// Asks by ids what was not answered, and says that, and why, nobody answered. A new account is made for nobody as long as the old one may be there.
pub(super) fn ask_and_tell(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, questions: Vec<LookupBy>, what: &str) {
    let basis = step.basis;
    let rules = &basis.policy.targets[target];
    let accounts = basis.observed[target].accounts();
    let why = questions.iter().find_map(|question| accounts.refused(question));
    let sentence = match why {
        Some(why) => format!("{{who}}: {what}, and asking for it by its id gave no answer: {why}"),
        None => format!("{{who}}: {what}, and asking for it by its id gave no answer"),
    };
    let mut shared = Shared::new(Severity::Incomplete, FindingCode::IncompleteRead, Some(&rules.name), sentence);
    if why.is_some() {
        let gone = format!("If it was deleted, add the id that `headcount explain` shows of it to `notOurs` of Target {}.", rules.name);
        shared = shared.hint(gone).at(Some(&rules.place));
    }
    step.report.findings.share(shared, key);
    for question in questions.into_iter().filter(|question| !accounts.answered(question)) {
        step.report.ask(target, ObjectKind::Account, question);
    }
}

/// Accounts that somebody else deleted are made again, unless so many are gone at once that something else must have happened.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize) {
    let gone = std::mem::take(&mut step.remade[target]);
    let basis = step.basis;
    let (world, rules) = (basis.world, &basis.policy.targets[target]);
    if gone.is_empty() {
        return;
    }
    let (_, here) = world.recall.account_links(&rules.name);
    let all = (here + basis.beyond.at(target).counting) as usize;
    if gone.len() < MANY || gone.len() * SHARE < all {
        for key in gone.keys() {
            let sentence = "{who}: the account that headcount had for it was deleted, and not by headcount; a new one is made";
            step.tell(Severity::Warning, FindingCode::ChangedElsewhere, target, key, sentence);
        }
        return;
    }
    step.report.findings.rest_on_all("many remembered accounts are gone");
    let keys: BTreeSet<&Arc<str>> = gone.keys().collect();
    step.drafts.retain(|draft| draft.target != target || draft.change.action != Action::Create || !keys.contains(&draft.change.object.key));
    for number in gone.keys().filter_map(|key| basis.people.find(key)) {
        step.presence[target][number as usize] = Presence::Unclear;
    }
    let named: Vec<_> = gone.keys().take(3).map(AsRef::as_ref).collect();
    let message = format!(
        "{}: {} of the {all} accounts that headcount remembers are not there any more ({}, …), and headcount deleted none of them; none is made again",
        rules.name,
        gone.len(),
        named.join(", ")
    );
    let ids: Vec<_> = gone.values().flatten().take(LISTED).map(|id| format!("{id:?}")).collect();
    let hint = format!(
        "If the connection leads to the wrong system or tenant, correct it; if the target was set back, wait until they are there again. If it is another system \
         for good, give the Target another metadata.name. If they were really deleted and shall be made again, add to Target {}:\nspec:\n  notOurs: [{}{}]",
        rules.name,
        ids.join(", "),
        if gone.values().flatten().count() > LISTED { ", …" } else { "" }
    );
    let finding = Finding::new(Severity::Refused, FindingCode::ChangedElsewhere, Subject::system(&rules.name), message);
    step.report.findings.push(finding.hint(hint).at(Some(rules.place.clone())));
}
