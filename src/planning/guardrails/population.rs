//! What guardrails and protection must know of each target: how many objects are ours, and who is protected.
//!
//! Must never: count what is only planned.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::manifest::kinds::Ownership;
use crate::model::{Guardrail, ObjectKind};
use crate::planning::basis::Basis;
use crate::planning::groups::resolve::ResolvedGroups;
use crate::planning::guardrails::{KeptGroup, Population, Populations};
use crate::planning::targets::claims::Matched;
use crate::world::MemberRow;

/// Of all targets.
pub(in crate::planning) fn populations(basis: &Basis<'_>, matched: &Matched, groups: &[ResolvedGroups]) -> Populations {
    Populations {
        targets: groups.iter().enumerate().map(|(target, groups)| Counting { basis, matched, target, groups }.population()).collect(),
    }
}

struct Counting<'s, 'a> {
    basis: &'s Basis<'a>,
    matched: &'s Matched,
    target: usize,
    groups: &'s ResolvedGroups,
}

impl Counting<'_, '_> {
    fn population(&self) -> Population {
        let rules = &self.basis.policy.targets[self.target];
        let accounts = self.basis.observed[self.target].accounts();
        let ours: Vec<bool> = (0..accounts.len()).map(|row| self.is_ours(row)).collect();
        Population {
            accounts: (0..accounts.len()).filter(|row| ours[*row as usize] && accounts.active(*row)).count() as u64,
            ours: self.basis.ours(self.target),
            marks: self.basis.layout.targets[self.target].marker.is_some(),
            unheard: self.unheard(),
            groups: self.our_groups().len() as u64,
            members: self.members(&ours),
            entitled: self.entitled(&ours),
            protected: self.protected_keys(&self.basis.protected[self.target]),
            foreign: self.foreign(),
            kept: rules.protect.keep.iter().map(|(name, _)| self.kept(name)).collect(),
        }
    }

    fn is_ours(&self, row: u32) -> bool {
        self.basis.policy.targets[self.target].ownership == Ownership::Authoritative || self.basis.former_key(self.target, row).is_some()
    }

    /// What was done although nobody heard of it: it is there, and carries our mark.
    fn unheard(&self) -> Vec<(Guardrail, Timestamp)> {
        let Basis { world, policy, observed, .. } = self.basis;
        let sent: Vec<_> = world.memory.unheard.iter().filter(|sent| sent.target == policy.targets[self.target].name).collect();
        if sent.is_empty() {
            return Vec::new();
        }
        let ours: BTreeSet<Arc<str>> =
            (0..observed[self.target].accounts().len()).filter_map(|row| self.basis.former_key(self.target, row)).collect();
        sent.into_iter().filter(|sent| ours.contains(&sent.key)).map(|sent| (sent.guardrail, sent.at)).collect()
    }

    fn our_groups(&self) -> BTreeSet<u32> {
        let all = self.basis.group_ownership(self.target) == Ownership::Authoritative;
        let count = self.basis.observed[self.target].groups().len();
        (0..count).filter(|row| all || self.basis.former_group_key(self.target, *row).is_some()).collect()
    }

    /// People with a membership that may be removed.
    fn members(&self, ours: &[bool]) -> u64 {
        let all = self.basis.group_ownership(self.target) == Ownership::Authoritative;
        let groups = self.our_groups();
        let pairs = self.basis.observed[self.target].pairs().filter(|(group, _)| groups.contains(group));
        let mut people: Vec<u32> = pairs
            .filter_map(|(_, member)| match member {
                MemberRow::Account(row) if all || ours.get(row as usize).copied().unwrap_or_default() => Some(row),
                _ => None,
            })
            .collect();
        people.sort_unstable();
        people.dedup();
        people.len() as u64
    }

    /// People with an entitlement that may be taken.
    fn entitled(&self, ours: &[bool]) -> u64 {
        let mine = |account: u32| ours.get(account as usize).copied().unwrap_or_default();
        let observed = &self.basis.observed[self.target];
        let mut people: Vec<u32> = observed.grants().map(|grant| grant.account).filter(|account| mine(*account)).collect();
        // They come by account.
        people.dedup();
        people.len() as u64
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

    fn foreign(&self) -> BTreeSet<(ObjectKind, Arc<str>)> {
        let observed = &self.basis.observed[self.target];
        let accounts = observed.accounts().foreign();
        let accounts = accounts.into_iter().map(|row| (ObjectKind::Account, self.matched.account_key(self.basis, self.target, row)));
        let groups = observed.groups().foreign();
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
