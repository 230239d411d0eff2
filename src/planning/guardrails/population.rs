//! What guardrails and protection must know of each target: how many objects are ours, and who is protected.
//!
//! Must never: count what is only planned.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::manifest::kinds::Ownership;
use crate::model::{Guardrail, ObjectKind};
use crate::planning::basis::Basis;
use crate::planning::beyond::{Totals, Traits};
use crate::planning::groups::resolve::ResolvedGroups;
use crate::planning::guardrails::{KeptGroup, Population, Populations};
use crate::planning::targets::claims::Matched;
use crate::planning::targets::observed::ObjectView;
use crate::world::MemberRow;

/// Of all targets.
pub(in crate::planning) fn populations(
    basis: &Basis<'_>,
    matched: &Matched,
    groups: &[ResolvedGroups],
    accounts: &[Vec<Traits>],
) -> Populations {
    let of = |((target, groups), accounts): ((usize, &ResolvedGroups), &Vec<Traits>)| {
        Counting { basis, matched, target, groups }.population(accounts)
    };
    Populations { targets: groups.iter().enumerate().zip(accounts).map(of).collect() }
}

struct Counting<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s Matched,
    target: usize,
    groups: &'s ResolvedGroups,
}

/// What each account is, by target and row. `nobodys`: by target, accounts that belong to nobody.
pub(in crate::planning) fn traits(
    basis: &Basis<'_>,
    matched: &Matched,
    groups: &[ResolvedGroups],
    nobodys: &[Vec<u32>],
) -> Vec<Vec<Traits>> {
    let of = |target| {
        let mut accounts = traits_at(basis, matched, target, groups.len() > target);
        let rows = nobodys.get(target).into_iter().flatten();
        rows.for_each(|row| accounts.get_mut(*row as usize).into_iter().for_each(|account| account.put(Traits::NOBODYS)));
        accounts
    };
    (0..basis.policy.targets.len()).map(of).collect()
}

fn traits_at(basis: &Basis<'_>, matched: &Matched, target: usize, groups: bool) -> Vec<Traits> {
    let observed = &basis.observed[target];
    let accounts = observed.accounts();
    let all = basis.policy.targets[target].ownership == Ownership::Authoritative;
    let mut found = vec![Traits::default(); accounts.len() as usize];
    for (row, account) in found.iter_mut().enumerate() {
        let ours = basis.is_ours(target, row as u32);
        if ours {
            account.put(Traits::OURS);
        }
        if (all || ours) && accounts.active(row as u32) {
            account.put(Traits::REMOVABLE);
        }
        if accounts.active(row as u32) && matched.claims[target].holder(row as u32).is_some() {
            account.put(Traits::HELD);
        }
    }
    if !groups {
        return found;
    }
    let mine = |account: &Traits| all || account.has(Traits::OURS);
    for grant in observed.grants() {
        if let Some(account) = found.get_mut(grant.account as usize).filter(|account| mine(account)) {
            account.put(Traits::ENTITLED);
        }
    }
    let every = basis.group_ownership(target) == Ownership::Authoritative;
    let groups = our_groups(basis, target);
    for (group, member) in observed.pairs() {
        if let MemberRow::Account(row) = member
            && let Some(account) = found.get_mut(row as usize).filter(|account| every || mine(account))
            && groups.contains(&group)
        {
            account.put(Traits::MEMBER);
        }
    }
    found
}

fn our_groups(basis: &Basis<'_>, target: usize) -> BTreeSet<u32> {
    let all = basis.group_ownership(target) == Ownership::Authoritative;
    let count = basis.observed[target].groups().len();
    (0..count).filter(|row| all || basis.former_group_key(target, *row).is_some()).collect()
}

impl Counting<'_, '_> {
    fn population(&self, accounts: &[Traits]) -> Population {
        let rules = &self.basis.policy.targets[self.target];
        let Totals { removable, members, entitled, held, .. } = Totals::of(accounts.iter().copied());
        let others = self.basis.beyond.at(self.target).accounts;
        Population {
            accounts: removable + others.removable,
            ours: self.basis.ours(self.target),
            marks: self.basis.layout.targets[self.target].marker.is_some(),
            unheard: self.unheard(),
            groups: our_groups(self.basis, self.target).len() as u64,
            members: members + others.members,
            entitled: entitled + others.entitled,
            held: held + others.held,
            grants: self.grants(),
            our_groups: (0..self.basis.observed[self.target].groups().len())
                .filter(|row| self.basis.former_group_key(self.target, *row).is_some())
                .count() as u64,
            protected: self.protected_keys(&self.basis.protected[self.target]),
            foreign: self.those(|all| all.foreign()),
            stuck: self.those(|all| all.stuck()),
            kept: rules.protect.keep.iter().map(|(name, _)| self.kept(name)).collect(),
        }
    }

    /// Entitlements that headcount gave.
    fn grants(&self) -> u64 {
        let Basis { world, policy, .. } = self.basis;
        let name = &policy.targets[self.target].name;
        world.recall.links.count(name, ObjectKind::Entitlement).0
    }

    /// What was done although nobody heard of it: it is there, and carries our mark.
    fn unheard(&self) -> Vec<(Guardrail, Timestamp)> {
        let Basis { world, policy, observed, .. } = self.basis;
        let sent: Vec<_> = world.memory.unheard.iter().filter(|sent| sent.target == policy.targets[self.target].name).collect();
        if sent.is_empty() {
            return Vec::new();
        }
        let accounts = (0..observed[self.target].accounts().len()).filter_map(|row| self.basis.former_key(self.target, row));
        let groups = (0..observed[self.target].groups().len()).filter_map(|row| self.basis.former_group_key(self.target, row));
        let ours: BTreeSet<Arc<str>> = accounts.chain(groups).collect();
        sent.into_iter().filter(|sent| ours.contains(&sent.key)).map(|sent| (sent.guardrail, sent.at)).collect()
    }

    fn protected_keys(&self, rows: &BTreeSet<u32>) -> BTreeSet<Arc<str>> {
        let mut keys: BTreeSet<Arc<str>> = rows.iter().map(|row| self.matched.account_key(self.basis, self.target, *row)).collect();
        if rows.is_empty() {
            return keys;
        }
        let mut inside: BTreeSet<MemberRow> = rows.iter().map(|row| MemberRow::Account(*row)).collect();
        // Upwards, until no further group has a protected one in it.
        loop {
            let pairs = self.basis.observed[self.target].pairs().filter(|(_, member)| inside.contains(member));
            let found: BTreeSet<MemberRow> =
                pairs.map(|(group, _)| MemberRow::Group(group)).filter(|group| !inside.contains(group)).collect();
            if found.is_empty() {
                return keys;
            }
            for group in &found {
                if let MemberRow::Group(row) = group {
                    keys.insert(self.group_key(*row));
                }
            }
            inside.extend(found);
        }
    }

    fn those(&self, which: impl Fn(ObjectView<'_>) -> Vec<u32>) -> BTreeSet<(ObjectKind, Arc<str>)> {
        let observed = &self.basis.observed[self.target];
        let accounts = which(observed.accounts());
        let accounts = accounts.into_iter().map(|row| (ObjectKind::Account, self.matched.account_key(self.basis, self.target, row)));
        let groups = which(observed.groups());
        accounts.chain(groups.into_iter().map(|row| (ObjectKind::Group, self.group_key(row)))).collect()
    }

    fn kept(&self, name: &str) -> KeptGroup {
        let observed = &self.basis.observed[self.target];
        let mut kept = KeptGroup::default();
        let mut seen = BTreeSet::new();
        let mut open = observed.groups().find_by("displayName", name.as_bytes());
        while let Some(group) = open.pop() {
            if !seen.insert(group) {
                continue;
            }
            kept.groups.insert(self.group_key(group));
            for member in observed.members(group) {
                match member {
                    MemberRow::Group(row) => open.push(row),
                    MemberRow::Account(row) if observed.accounts().active(row) => {
                        kept.active.insert(self.matched.account_key(self.basis, self.target, row));
                    }
                    MemberRow::Account(_) => {}
                }
            }
        }
        kept
    }

    fn group_key(&self, row: u32) -> Arc<str> {
        match self.groups.holder(row) {
            Some(at) => self.basis.groups.all[at].key.clone(),
            None => self.basis.group_key(self.target, row),
        }
    }
}
