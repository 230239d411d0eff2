//! What each guardrail counts: one function and one row of the table a rule. Planning counts a plan by it, and applying counts what was done.
//!
//! Must never: count a revocation, which goes past all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::keys_of;
use crate::model::{Action, AttributeChange, CONTAINER, Change, Guardrail, Mandate, MemberChange, OWNERS, ObjectKind, Risk, Value};

/// One guardrail.
pub(super) struct Rule {
    pub(super) guardrail: Guardrail,
    /// how much a change counts for; nothing where it is none of this rule's business
    pub(super) counts: fn(&Change) -> u64,
    /// whether it counts people, however much becomes of each
    pub(super) by_person: bool,
    /// whether leavers whom a source positively reports go in spite of a breach
    pub(super) spares_leavers: bool,
    pub(super) sort: Sort,
    pub(super) of: Of,
    /// what it counts, for a sentence
    pub(super) things: &'static str,
    /// what a small population is allowed whatever a third of it is
    pub(super) least: u64,
}

/// What a rule is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// somebody loses something by it: where there is no state, what earlier runs did counts as everything
    Takes,
    /// somebody gets something by it
    Gives,
    /// the same, and a first run may do all of it
    Begins,
    /// the same, where a first run is one that finds neither accounts nor groups nor entitlements of headcount's
    Joins,
}

/// Of what a share is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Accounts,
    /// whoever made them
    HeldAccounts,
    /// and those that the plan takes over
    AccountsAndAdopted,
    Members,
    Entitled,
    Groups,
}

impl Of {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Accounts => "active accounts",
            Self::HeldAccounts => "people with an active account",
            Self::AccountsAndAdopted => "active and adopted accounts",
            Self::Members => "people with memberships",
            Self::Entitled => "people with entitlements",
            Self::Groups => "groups",
        }
    }
}

/// In the order they are looked at: leavers first, since whether they are within their limit decides what another breach withholds; deletions of groups
/// before memberships, since an override that names a deletion names its losers; what accounts are given at the end, since who does not get an access gets nothing else.
pub(super) const RULES: [Rule; 18] = [
    Rule { by_person: true, ..takes(Guardrail::Leavers, leaver, Of::Accounts, "leavers to cut off") },
    Rule { spares_leavers: true, ..takes(Guardrail::Deactivate, deactivate, Of::Accounts, "deactivations") },
    Rule { spares_leavers: true, ..takes(Guardrail::Delete, delete, Of::Accounts, "account deletions") },
    takes(Guardrail::DeleteGroups, delete_group, Of::Groups, "group deletions"),
    Rule {
        by_person: true,
        spares_leavers: true,
        ..takes(Guardrail::RemoveMembers, remove_members, Of::Members, "people who lose a membership")
    },
    Rule {
        by_person: true,
        spares_leavers: true,
        ..takes(Guardrail::RemoveEntitlements, remove_entitlement, Of::Entitled, "people who lose entitlements")
    },
    gives(Guardrail::CreateGroups, create_group, Of::Groups, "group creations"),
    // Three new people are no mass, even where two work.
    Rule { sort: Sort::Begins, least: 3, ..gives(Guardrail::Create, create, Of::Accounts, "account creations") },
    Rule { sort: Sort::Begins, ..gives(Guardrail::Adopt, adopt, Of::Accounts, "adoptions") },
    gives(Guardrail::Reactivate, reactivate, Of::Accounts, "people who get access back"),
    // A name that is set aside for a moment, as others change hands, changes twice.
    Rule { by_person: true, ..gives(Guardrail::Rename, rename, Of::AccountsAndAdopted, "changed sign-in names") },
    Rule { sort: Sort::Begins, ..gives(Guardrail::Names, names, Of::AccountsAndAdopted, "people whose name or address changes") },
    // From the first run on: a rule that is wrong takes everybody out of their place.
    gives(Guardrail::Move, moves, Of::AccountsAndAdopted, "accounts that are moved"),
    joins(Guardrail::Roles, roles, "people whose roles change"),
    Rule { by_person: false, ..joins(Guardrail::Owners, owners, "ownerships of groups that begin or end") },
    gives(Guardrail::Update, update, Of::Accounts, "account updates"),
    joins(Guardrail::AddMembers, add_members, "people who get a membership"),
    joins(Guardrail::AddEntitlements, add_entitlement, "people who get an entitlement"),
];

const fn takes(guardrail: Guardrail, counts: fn(&Change) -> u64, of: Of, things: &'static str) -> Rule {
    Rule { guardrail, counts, by_person: false, spares_leavers: false, sort: Sort::Takes, of, things, least: 1 }
}

const fn gives(guardrail: Guardrail, counts: fn(&Change) -> u64, of: Of, things: &'static str) -> Rule {
    Rule { sort: Sort::Gives, ..takes(guardrail, counts, of, things) }
}

const fn joins(guardrail: Guardrail, counts: fn(&Change) -> u64, things: &'static str) -> Rule {
    // Three people are no mass.
    Rule { sort: Sort::Joins, by_person: true, least: 3, ..gives(guardrail, counts, Of::HeldAccounts, things) }
}

/// Leavers whom a source positively reports. What becomes of them counts as what it is, too.
fn leaver(change: &Change) -> u64 {
    if_so(change, change.mandate == Mandate::Leaver && change.action.removes())
}

fn deactivate(change: &Change) -> u64 {
    if_so(change, is_account(change) && change.action == Action::Deactivate)
}

fn delete(change: &Change) -> u64 {
    if_so(change, is_account(change) && change.action == Action::Delete)
}

/// New accounts, and those that were made ahead of a start date and become active on it.
fn create(change: &Change) -> u64 {
    if_so(change, is_account(change) && (change.action == Action::Create || begins(change)))
}

/// Whether an account that was made ahead of a start date becomes active on it.
pub(super) fn begins(change: &Change) -> bool {
    is_account(change) && change.action == Action::Reactivate && !change.risks.contains(&Risk::Reactivation)
}

fn adopt(change: &Change) -> u64 {
    if_so(change, is_account(change) && change.action == Action::Adopt)
}

/// Whoever gets an access back, by adoption too.
fn reactivate(change: &Change) -> u64 {
    if_so(change, is_account(change) && change.risks.contains(&Risk::Reactivation))
}

fn rename(change: &Change) -> u64 {
    if_so(change, is_account(change) && change.renames())
}

/// Whoever is called otherwise, or written to elsewhere. Where there was nothing before, nobody's name changes; nor does it by an address more.
fn names(change: &Change) -> u64 {
    let is_name = |name: &str| name == "displayName" || name.starts_with("name.") || name == "emails" || name.starts_with("emails[");
    let changes =
        |one: &AttributeChange| is_name(&one.attribute) && one.before.as_ref().is_some_and(|before| !is_in(before, one.after.as_ref()));
    let exists = matches!(change.action, Action::Update | Action::Adopt | Action::Reactivate);
    if_so(change, is_account(change) && exists && change.attributes.iter().any(changes))
}

/// Whether all values that were there are among those that come.
fn is_in(before: &Value, after: Option<&Value>) -> bool {
    match (before, after) {
        (Value::List(before), Some(Value::List(after))) => before.iter().all(|value| after.contains(value)),
        (before, Some(Value::List(after))) => after.contains(before),
        _ => false,
    }
}

/// Whoever stands elsewhere afterwards, where policies and other people's rights differ. Who is put away, or comes back, counts as that.
fn moves(change: &Change) -> u64 {
    let moves =
        matches!(change.action, Action::Update | Action::Adopt) && change.attributes.iter().any(|one| one.attribute.as_ref() == CONTAINER);
    if_so(change, is_account(change) && moves)
}

/// Whoever has other rights afterwards, where these are values of the account.
fn roles(change: &Change) -> u64 {
    let exists = matches!(change.action, Action::Update | Action::Adopt | Action::Reactivate);
    if_so(change, is_account(change) && exists && change.attributes.iter().any(|one| one.gives_rights()))
}

/// Who may put others into a group that is there, or no longer.
fn owners(change: &Change) -> u64 {
    let is_one = change.object.kind == ObjectKind::Group && change.object.id.is_some() && change.action == Action::Update;
    let owners = change.attributes.iter().filter(|one| one.attribute.as_ref() == OWNERS);
    let differ = |one: &AttributeChange| one.comes().count() + one.goes().count();
    if_so(change, is_one).min(1) * owners.map(|one| differ(one) as u64).sum::<u64>()
}

/// Whatever changes an account that exists.
fn update(change: &Change) -> u64 {
    let updates = matches!(change.action, Action::Update | Action::Adopt | Action::Reactivate | Action::UpdateEntitlement);
    if_so(change, is_account(change) && updates)
}

/// People with an account who get a membership of a group that is there. What a new account comes with counts as its creation, and nobody gets access by a group
/// that nothing knows yet.
fn add_members(change: &Change) -> u64 {
    if change.action != Action::AddMembers || change.object.id.is_none() {
        return 0;
    }
    let counting = change.members.iter().filter(|member| is_counted(change, member));
    if_so(change, true).min(counting.map(|member| u64::from(member.people)).sum())
}

/// People with an account who get an entitlement.
fn add_entitlement(change: &Change) -> u64 {
    if_so(change, is_account(change) && change.action == Action::AddEntitlement && change.object.id.is_some())
}

/// Whether a limit counts a member: of an addition everybody who has an account already, and everybody whom a nested group brings.
pub(super) fn is_counted(change: &Change, member: &MemberChange) -> bool {
    change.action != Action::AddMembers || member.member.kind == ObjectKind::Group || member.member.id.is_some()
}

fn remove_entitlement(change: &Change) -> u64 {
    if_so(change, is_account(change) && change.action == Action::RemoveEntitlement)
}

/// People who lose a membership: by name, with a nested group, or with the group itself.
fn remove_members(change: &Change) -> u64 {
    match change.action {
        Action::RemoveMembers => if_so(change, true),
        Action::Delete if !is_account(change) => if_so(change, true).min(1) * change.people_who_lose(),
        _ => 0,
    }
}

fn create_group(change: &Change) -> u64 {
    if_so(change, change.object.kind == ObjectKind::Group && change.action == Action::Create)
}

fn delete_group(change: &Change) -> u64 {
    if_so(change, change.object.kind == ObjectKind::Group && change.action == Action::Delete)
}

fn is_account(change: &Change) -> bool {
    change.object.kind == ObjectKind::Account
}

fn if_so(change: &Change, so: bool) -> u64 {
    if so && !change.mandate.is_revocation() { change.weight() } else { 0 }
}

/// How much these changes count for.
pub(super) fn weight<'a>(rule: &Rule, changes: impl Iterator<Item = &'a Change>) -> u64 {
    if !rule.by_person {
        return changes.map(rule.counts).fold(0, u64::saturating_add);
    }
    let (mut people, mut nested): (BTreeSet<&Arc<str>>, u64) = (BTreeSet::new(), 0);
    for change in changes {
        // Of a nested group nobody is known by name, only how many they are.
        let groups = change.members.iter().chain(&change.losers).filter(|member| member.member.kind == ObjectKind::Group);
        nested = groups.fold(nested, |sum, group| sum.saturating_add(u64::from(group.people)));
        people.extend(keys_of(change));
    }
    nested.saturating_add(people.len() as u64)
}

/// What was done of a change, as windows remember it: `done` of its weight. Of leavers just their accounts count, since a window does not know whose
/// memberships went.
pub fn counted(change: &Change, done: u64) -> Vec<(Guardrail, u64)> {
    let mut found = Vec::new();
    for rule in RULES.iter().filter(|_| done > 0) {
        let is_part = matches!(change.action, Action::RemoveMembers | Action::AddMembers);
        if rule.guardrail == Guardrail::Leavers
            && (is_part || change.action == Action::RemoveEntitlement || change.action == Action::EndSessions)
        {
            continue;
        }
        match (rule.counts)(change) {
            0 => {}
            weight if is_part => found.push((rule.guardrail, done.min(weight))),
            weight => found.push((rule.guardrail, weight)),
        }
    }
    found
}
