//! Rules that name nobody: a Group's rule, a Target's `select`, an Entitlement's `when`, a Source's `scope`.
//!
//! A rule that named people and names nobody is more likely to be wrong than meant: a column that was renamed, a value that is spelt in another way. What a
//! rule named before is not remembered; who has what it gives is there to be seen. Must never: keep what somebody loses for another reason, or hold anything
//! where `allowEmpty` says that it is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::Place;
use crate::model::{Action, Cause, Finding, FindingCode, Reason, Severity, Subject};
use crate::planning::people::contradiction::Doubt;
use crate::planning::people::identity::Person;
use crate::planning::people::lifecycle::Standing;
use crate::planning::targets::correlate::Claim;
use crate::planning::work::{Basis, Presence, Work};

/// One who loses something is no mass: the only one whom a rule named may have moved.
pub(in crate::planning) const FEWEST: usize = 2;
/// So many are named.
const NAMED: usize = 3;

/// Somebody whose account goes because a target is not for them.
pub(in crate::planning) struct Deselected {
    pub(in crate::planning) identity: u32,
    pub(in crate::planning) key: Arc<str>,
    /// the target's `select` says so
    pub(in crate::planning) by_select: bool,
}

/// Whether a Group's rule names nobody, and nobody said that it may. `none`: its rule covers none, where it has no `forEach`.
pub(in crate::planning) fn is_idle(basis: &Basis<'_>, manifest: usize, none: bool) -> bool {
    let Some(group) = basis.policy.groups.get(manifest).filter(|group| !group.allow_empty) else { return false };
    match (&group.for_each, basis.groups.made(&group.key)) {
        (Some(_), Some(made)) => made.refused.is_none() && made.groups.iter().all(|at| basis.groups.all[*at].empty),
        (Some(_), None) => false,
        (None, _) => group.rule.is_some() && none,
    }
}

/// Holds the groups that a `forEach` without any value would lose, and tells who keeps what.
pub(in crate::planning) fn hold_groups(work: &mut Work<'_, '_>, target: usize, held: &BTreeMap<usize, BTreeSet<u32>>) {
    let basis = work.basis;
    work.drafts.retain(|draft| {
        let change = &draft.change;
        let made = matches!(change.cause, Cause::Group(manifest) if held.contains_key(&(manifest as usize)));
        !(draft.target == target && change.action == Action::Delete && change.reason == Reason::Pruned && made)
    });
    for (manifest, rows) in held {
        let group = &basis.policy.groups[*manifest];
        let keys = rows.iter().map(|row| work.account_key(target, *row)).collect();
        let place = group.for_each.as_ref().map(|each| &each.place).or(group.rule_place.as_ref());
        let subject = Subject::object(&basis.policy.targets[target].name, &group.key);
        tell(work, subject, &Words { rule: "the rule", of: &group.key, thing: "the group", place: place.unwrap_or(&group.place) }, &keys);
    }
}

/// Holds an entitlement that everybody would lose.
pub(in crate::planning) fn hold_entitlement(work: &mut Work<'_, '_>, at: usize, accounts: &BTreeSet<u32>) {
    let rules = &work.basis.policy.entitlements[at];
    let keys = accounts.iter().map(|row| work.account_key(rules.target, *row)).collect();
    let place = rules.when_place.as_ref().unwrap_or(&rules.place);
    let subject = Subject::object(&work.basis.policy.targets[rules.target].name, &rules.key);
    tell(work, subject, &Words { rule: "`when`", of: &rules.key, thing: "the entitlement", place }, &keys);
}

/// Accounts that go because a target is not for them: all are held where its `select` names nobody.
pub(in crate::planning) fn deselected(work: &mut Work<'_, '_>, target: usize) {
    let basis = work.basis;
    let all = std::mem::take(&mut work.deselected[target]);
    let by_select: BTreeMap<u32, Arc<str>> = all.iter().filter(|one| one.by_select).map(|one| (one.identity, one.key.clone())).collect();
    let held = selects_nobody(work, target, &by_select);
    for one in all.iter().filter(|one| !held || !one.by_select) {
        let sentence = "{who}: no longer covered by a select, a scope or a lifecycle, so the account goes";
        work.tell(Severity::Warning, FindingCode::Deselection, target, &one.key, sentence);
    }
    if !held {
        return;
    }
    let mine = |cause: Cause| matches!(cause, Cause::Identity(identity) if by_select.contains_key(&identity));
    work.drafts.retain(|draft| !(draft.target == target && mine(draft.change.cause) && draft.change.action.removes()));
    for identity in by_select.keys() {
        work.presence[target][*identity as usize] = Presence::Unclear;
    }
    let rules = &basis.policy.targets[target];
    let place = rules.select.as_ref().and_then(|select| select.place()).unwrap_or(&rules.place);
    let what = Words { rule: "`select`", of: &format!("Target {}", rules.name), thing: "access", place };
    tell(work, Subject::system(&rules.name), &what, &by_select.into_values().collect());
}

/// Whether nobody has an account that stays or comes, and several who have access would lose it.
fn selects_nobody(work: &Work<'_, '_>, target: usize, going: &BTreeMap<u32, Arc<str>>) -> bool {
    let rules = &work.basis.policy.targets[target];
    let loses = |draft: &&crate::planning::work::Draft| {
        let change = &draft.change;
        draft.target == target
            && change.reason == Reason::Deselected
            && matches!(change.cause, Cause::Identity(identity) if going.contains_key(&identity))
    };
    let losers: BTreeSet<&Arc<str>> = work.drafts.iter().filter(loses).map(|draft| &draft.change.object.key).collect();
    !rules.allow_empty
        && losers.len() >= FEWEST
        && !work.presence[target].iter().any(|presence| matches!(presence, Presence::Stays | Presence::Made))
}

/// People of sources whose `scope` leaves out every record: nothing follows for them.
pub(in crate::planning) fn out_of_scope(work: &mut Work<'_, '_>) -> Vec<(u32, Doubt)> {
    let basis = work.basis;
    let mut held = Vec::new();
    for (source, (rules, side)) in basis.policy.sources.iter().zip(&basis.world.sources).enumerate() {
        if !rules.establishes || rules.allow_empty || side.len() == 0 || side.in_scope() > 0 {
            continue;
        }
        let people = left_out(basis, source);
        let has_account = |identity: &u32| work.claims.iter().any(|claims| matches!(claims.of(*identity), Claim::Owned(_)));
        let losers: BTreeSet<Arc<str>> = people.iter().filter(|who| has_account(who)).map(|who| basis.people.key(*who)).collect();
        if losers.len() < FEWEST {
            continue;
        }
        let place = rules.filter.as_ref().and_then(|filter| filter.place()).unwrap_or(&rules.place);
        let what = Words { rule: "`scope`", of: &format!("Source {}", rules.name), thing: "access", place };
        tell(work, Subject::system(&rules.name), &what, &losers);
        let doubt = Doubt::told(FindingCode::NamesNobody, "the scope of its source leaves everybody out");
        held.extend(people.into_iter().map(|who| (who, doubt.clone())));
    }
    held
}

/// Whoever is left out and has a record of a source.
fn left_out(basis: &Basis<'_>, source: usize) -> Vec<u32> {
    let mut person = Person::default();
    let mut found = Vec::new();
    for identity in (0..basis.people.len()).filter(|identity| basis.people.is_of(*identity, source)) {
        basis.people.assemble(&basis.layout, identity, &mut person);
        let excluded = basis.people.declared(identity).is_some_and(|user| user.exclude);
        if person.standing == Standing::Deselected && !excluded {
            found.push(identity);
        }
    }
    found
}

/// What names nobody.
struct Words<'w> {
    rule: &'static str,
    of: &'w str,
    /// what people would lose
    thing: &'static str,
    place: &'w Place,
}

fn tell(work: &mut Work<'_, '_>, subject: Subject, what: &Words<'_>, keys: &BTreeSet<Arc<str>>) {
    let Words { rule, of, thing, place } = what;
    let mut who = keys.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if keys.len() > NAMED {
        who += &format!(" and {} more", keys.len() - NAMED);
    }
    let system = subject.system.as_deref().unwrap_or_default();
    let message = format!(
        "{system}: {rule} of {of} names nobody, and {} people would lose {thing} by that ({who}); they keep what they have",
        keys.len()
    );
    let hint = format!("Correct the rule, or what it reads. If nobody is meant, write `allowEmpty: true` into the spec of {of}.");
    let finding = Finding::new(Severity::Refused, FindingCode::NamesNobody, subject, message);
    work.findings.push(finding.hint(hint).at(Some((*place).clone())).about(keys));
}
