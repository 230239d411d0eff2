//! Accounts and groups of a target that nobody claims: no identity and no declared Group has them, and nothing says that they were ever headcount's.
//!
//! Must never: name what may be somebody's, or say anything of a target that could not be read.

use std::sync::Arc;

use serde::Serialize;

use crate::manifest::kinds::fold;
use crate::model::ObjectKind;
use crate::planning::basis::Basis;
use crate::planning::groups::resolve;
use crate::planning::groups::resolve::ResolvedGroups;
use crate::planning::question::Moment;
use crate::planning::question::Scope;
use crate::planning::targets::claims::Matched;
use crate::planning::targets::matched::match_accounts;
use crate::policy::Policy;
use crate::world::{Carries, World};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unclaimed {
    /// the Target's name
    pub target: Arc<str>,
    /// account or group
    pub kind: ObjectKind,
    /// at the target
    pub id: Arc<str>,
    /// what it is called there
    pub name: Arc<str>,
    /// of an account: whether somebody can sign in with it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// another workspace's headcount, or another program, says by its mark that it has it
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// the line of a manifest that makes it somebody's; none where it can't be
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt: Option<String>,
    /// which document the line belongs in
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<&'static str>,
}

/// All of them, by target, kind and name.
pub fn unclaimed(policy: &Policy, world: &World, moment: Moment) -> Vec<Unclaimed> {
    let basis = Basis::new(policy, world, &[], moment);
    let (matched, _) = match_accounts(&basis, Scope::All);
    let (resolved, _) = resolve(&basis, &matched);
    let mut found = Vec::new();
    for (target, settled) in resolved.iter().enumerate() {
        if !matched.claims[target].another_system {
            accounts(&basis, &matched, target, &mut found);
            groups(&basis, settled, target, &mut found);
        }
    }
    found
        .sort_by(|one, next| (&one.target, one.kind, fold(&one.name), &one.id).cmp(&(&next.target, next.kind, fold(&next.name), &next.id)));
    found
}

fn accounts(basis: &Basis<'_>, matched: &Matched, target: usize, found: &mut Vec<Unclaimed>) {
    let accounts = basis.observed[target].accounts();
    if accounts.unreadable() {
        return;
    }
    found.extend((0..accounts.len()).filter(|row| is_nobodys(basis, matched, target, *row)).map(|row| account(basis, target, row)));
}

/// Whether nothing says that an account is somebody's, or may be.
pub(in crate::planning) fn is_nobodys(basis: &Basis<'_>, matched: &Matched, target: usize, row: u32) -> bool {
    let claims = &matched.claims[target];
    let somebodys =
        claims.holder(row).is_some() || claims.contested(row) || claims.is_set_aside(row) || matched.cut[target].contains_key(&row);
    !somebodys && !basis.is_ours(target, row)
}

/// What is known of one that is nobody's.
pub(in crate::planning) fn account(basis: &Basis<'_>, target: usize, row: u32) -> Unclaimed {
    let (rules, accounts) = (&basis.policy.targets[target], basis.observed[target].accounts());
    let there = basis.account(target, row, &Arc::from(""));
    let foreign = is_foreign(accounts.carries(row));
    let by = rules.correlate.iter().filter(|attribute| attribute.as_ref() != "externalId");
    let line = by.filter_map(|attribute| Some(format!("attributes: {{{attribute}: {:?}}}", text(&accounts, row, attribute)?))).next();
    let adopt = line.filter(|_| !foreign && !basis.is_protected(target, row));
    Unclaimed {
        target: rules.name.clone(),
        kind: ObjectKind::Account,
        id: there.id.unwrap_or_default(),
        name: there.name,
        active: Some(accounts.active(row)),
        foreign,
        document: adopt.is_some().then_some("the User whose it is (`overrides` names somebody of a Source)"),
        adopt,
    }
}

/// What carries such a mark is never taken over.
pub(super) fn is_foreign(carries: Carries) -> bool {
    matches!(carries, Carries::OtherWorkspace | Carries::Foreign)
}

fn text(accounts: &crate::planning::targets::observed::ObjectView<'_>, row: u32, attribute: &str) -> Option<String> {
    accounts.cell_of(row, attribute).as_text().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn groups(basis: &Basis<'_>, settled: &ResolvedGroups, target: usize, found: &mut Vec<Unclaimed>) {
    let rules = &basis.policy.targets[target];
    if rules.groups.is_none() || basis.observed[target].groups().unreadable() {
        return;
    }
    let groups = basis.observed[target].groups();
    for row in 0..groups.len() {
        if settled.holder(row).is_some() || settled.is_contested(row) || basis.former_group_key(target, row).is_some() {
            continue;
        }
        let there = basis.group(target, row, &Arc::from(""));
        let foreign = is_foreign(groups.carries(row));
        let adopt = (!foreign).then(|| format!("previousNames: [{:?}]", there.name));
        found.push(Unclaimed {
            target: rules.name.clone(),
            kind: ObjectKind::Group,
            id: there.id.unwrap_or_default(),
            name: there.name,
            active: None,
            foreign,
            document: adopt.is_some().then_some("the Group that it is"),
            adopt,
        });
    }
}
