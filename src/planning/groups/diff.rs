//! Memberships at one target: what should be against what is, as sets.
//!
//! Must never: take somebody out of a group that is not ours, or take out an account that is not, unless the target is authoritative.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::Ownership;
use crate::model::{Action, Cause, Evidence, FindingCode, MemberChange, ObjectKind, ObjectRef, Reason, Risk, Severity};
use crate::planning::accounts::presence::{Known, Presence, is_open};
use crate::planning::draft;
use crate::planning::draft::{Grounds, Stage, with_members};
use crate::planning::groups::Step;
use crate::planning::groups::members;
use crate::planning::groups::members::{Roster, flatten};
use crate::planning::groups::resolve::{GroupState, ResolvedGroups, member_change};
use crate::planning::groups::{idle, strangers};
use crate::planning::names_nobody::are_many;
use crate::world::MemberRow;

/// The memberships of one target.
pub(super) fn settle(step: &mut Step<'_, '_>, target: usize, groups: &ResolvedGroups, rosters: &[Roster]) {
    let basis = step.basis;
    let Some(scope) = &basis.policy.targets[target].groups else { return };
    let side = basis.observed[target].side;
    let nests = side.capabilities.nested_groups && scope.nested;
    let accounts = step.accounts;
    let (made, leavers) = (accounts.made(target), accounts.leavers(target));
    let mut adopted = draft::adopted(&accounts.drafts, target);
    adopted.extend(draft::adopted(&step.drafts, target));
    let (removed, added) = (BTreeMap::new(), BTreeMap::new());
    let mut here = AtTarget {
        step,
        target,
        groups,
        rosters,
        nests,
        made,
        leavers,
        adopted,
        idle: BTreeMap::new(),
        removed,
        added,
        to_come: Vec::new(),
    };
    if nests {
        here.to_come = here.people_to_come();
    }
    here.hold_idle();
    let mut flattened = Vec::new();
    for at in 0..basis.groups.all.len() {
        let state = groups.states[at];
        if !matches!(state, GroupState::Here(_) | GroupState::Made) {
            continue;
        }
        let (roster, flat) = here.flat(at);
        if flat && scope.nested && !side.capabilities.nested_groups {
            flattened.push(members::key(here.step.basis, at).clone());
        }
        here.compare(at, state, &roster);
    }
    here.last_groups();
    strangers::settle(step, target, groups);
    for key in flattened {
        step.tell(
            Severity::Note,
            FindingCode::UnsupportedCapability,
            target,
            &key,
            "{who}: groups can't be nested here, so members are listed flat",
        );
    }
}

struct AtTarget<'s, 'b, 'a> {
    step: &'s mut Step<'b, 'a>,
    target: usize,
    groups: &'s ResolvedGroups,
    rosters: &'s [Roster],
    made: BTreeMap<u32, ObjectRef>,
    leavers: BTreeSet<Arc<str>>,
    adopted: BTreeSet<(ObjectKind, Arc<str>)>,
    /// whether groups stay in groups here
    nests: bool,
    /// Groups, by their manifests, whose rules name nobody, and who keeps a group by that
    idle: BTreeMap<usize, BTreeSet<u32>>,
    /// accounts that lose memberships: how many, and by which drafts
    removed: BTreeMap<u32, (usize, Vec<usize>)>,
    /// accounts that gain some
    added: BTreeMap<u32, usize>,
    /// how many people gain something by each group, where groups stay in groups
    to_come: Vec<u32>,
}

impl AtTarget<'_, '_, '_> {
    /// Who should be in a group, as this target holds it. Of the people of a group in it that may be there or not, nobody can say whether they belong into this one.
    fn flat(&self, at: usize) -> (Roster, bool) {
        let (mut flat, several) = flatten(self.rosters, at, |inner| self.nests && self.groups.states[inner] != GroupState::Out);
        let is_unclear = |inner: &usize| self.groups.states[*inner] == GroupState::Unclear;
        let unclear: Vec<usize> = flat.nested.iter().copied().filter(is_unclear).collect();
        flat.nested.retain(|inner| !is_unclear(inner));
        for inner in unclear {
            flat.doubt(flatten(self.rosters, inner, |_| false).0);
        }
        (flat, several)
    }

    /// Rules that name nobody take nobody out. How many would go is counted over all groups that are made by one.
    fn hold_idle(&mut self) {
        if self.unreadable() || !self.step.basis.observed[self.target].side.capabilities.write_memberships {
            return;
        }
        let idle = members::nesting(self.rosters).holds_below(|at| !self.rosters[at].idle.is_empty());
        let mut held: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        let mut open: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for at in (0..self.rosters.len()).filter(|at| idle[*at]) {
            let GroupState::Here(group) = self.groups.states[at] else { continue };
            let wanted = self.flat(at).0;
            for member in self.step.basis.observed[self.target].members(group) {
                let found = match self.goes_by_rule(at, member).filter(|_| self.goes(member, &wanted)) {
                    Some(row) => Some((row, &mut held)),
                    None => self.open_member(member).map(|row| (row, &mut open)),
                };
                if let Some((row, rows)) = found {
                    wanted.idle.iter().for_each(|manifest| rows.entry(*manifest).or_default().extend([row]));
                }
            }
        }
        if !held.is_empty() || !open.is_empty() {
            self.step.report.findings.rest_on_all("the rule of a group names nobody");
        }
        let observed = &self.step.basis.observed[self.target];
        let all = observed.memberships_evidence().proves_absence() && observed.accounts().evidence().proves_absence();
        held.retain(|manifest, rows| are_many(rows.len(), all.then(|| open.get(manifest).map_or(0, BTreeSet::len))));
        idle::hold_groups(self.step, self.target, &held);
        self.idle = held;
    }

    /// The account of a member of whom it can't be said what becomes of them.
    fn open_member(&self, member: MemberRow) -> Option<u32> {
        let MemberRow::Account(row) = member else { return None };
        let known = Known { presence: &self.step.accounts.presence[self.target], gone: &self.step.accounts.gone[self.target] };
        is_open((self.step.basis, self.step.matched), self.target, row, known).then_some(row)
    }

    /// The account of a member who stays at the target and would go for no other reason than the rule: no line names or excludes it.
    fn goes_by_rule(&self, at: usize, member: MemberRow) -> Option<u32> {
        let MemberRow::Account(row) = member else { return None };
        let identity = self.step.matched.claims[self.target].holder(row)?;
        let key = self.step.basis.people.key(identity);
        let named = self.step.basis.groups.all[at].policy.members.iter().any(|line| line.key == key);
        let excluded = self.rosters[at].excluded.binary_search(&identity).is_ok();
        let stays = self.step.accounts.presence[self.target][identity as usize] == Presence::Stays;
        (stays && !named && !excluded).then_some(row)
    }

    fn compare(&mut self, at: usize, state: GroupState, wanted: &Roster) {
        let observed = match state {
            GroupState::Here(row) if self.unreadable() => {
                debug_assert!(self.step.basis.observed[self.target].groups().len() > row);
                return;
            }
            GroupState::Here(row) => self.step.basis.observed[self.target].members(row),
            _ => Vec::new(),
        };
        let (adds, accounts) = self.additions(state, wanted, &observed);
        let idle = wanted.idle.iter().any(|manifest| self.idle.contains_key(manifest));
        let kept = |member: MemberRow| idle && self.goes_by_rule(at, member).is_some();
        let removals: Vec<MemberRow> = observed.iter().copied().filter(|member| self.goes(*member, wanted) && !kept(*member)).collect();
        if adds.is_empty() && removals.is_empty() {
            return;
        }
        if !self.step.basis.observed[self.target].side.capabilities.write_memberships {
            let key = members::key(self.step.basis, at);
            self.step.tell(
                Severity::Error,
                FindingCode::UnsupportedCapability,
                self.target,
                key,
                "{who}: memberships can't be changed here",
            );
            return;
        }
        if !removals.is_empty() {
            self.remove(at, state, &removals);
        }
        if !adds.is_empty() {
            for row in accounts {
                *self.added.entry(row).or_default() += 1;
            }
            self.put(at, state, (Action::AddMembers, Grounds::normal(Reason::Mover)), Stage::AddMembers, adds);
        }
    }

    fn unreadable(&self) -> bool {
        matches!(self.step.basis.observed[self.target].memberships_evidence(), Evidence::Unreadable { .. })
    }

    /// Who comes, and the rows of the accounts among them that exist. Where memberships may be missing, one that was not read is none to add: only what this
    /// plan makes is certain to be in no group, and to have nobody in it.
    fn additions(&self, state: GroupState, wanted: &Roster, observed: &[MemberRow]) -> (Vec<MemberChange>, Vec<u32>) {
        let certain = state == GroupState::Made || self.step.basis.observed[self.target].memberships_evidence().proves_absence();
        let claims = &self.step.matched.claims[self.target];
        let mut adds = Vec::new();
        let mut rows = Vec::new();
        for identity in &wanted.people {
            match (self.step.accounts.presence[self.target][*identity as usize], claims.row(*identity)) {
                (Presence::Made, _) => {
                    adds.extend(self.made.get(identity).map(|object| MemberChange { member: object.clone(), people: 1 }));
                }
                (Presence::Stays, Some(row)) if certain && observed.binary_search(&MemberRow::Account(row)).is_err() => {
                    let key = self.step.basis.people.key(*identity);
                    adds.push(MemberChange { member: self.step.basis.account(self.target, row, &key), people: 1 });
                    rows.push(row);
                }
                _ => {}
            }
        }
        for inner in &wanted.nested {
            let object = match self.groups.states[*inner] {
                GroupState::Here(row) if !certain || observed.binary_search(&MemberRow::Group(row)).is_ok() => continue,
                GroupState::Here(row) => self.step.basis.group(self.target, row, members::key(self.step.basis, *inner)),
                _ => new_group(self.step, *inner),
            };
            let there = match self.groups.states[*inner] {
                GroupState::Here(row) => self.people_in(row),
                _ => 0,
            };
            adds.push(MemberChange { member: object, people: self.to_come[*inner].max(there) });
        }
        (adds, rows)
    }

    /// How many accounts are in a group or below it by now: a group that is nested brings them too, whoever put them in, and those who are only to go.
    fn people_in(&self, row: u32) -> u32 {
        let observed = &self.step.basis.observed[self.target];
        let (mut groups, mut accounts, mut open) = (BTreeSet::from([row]), BTreeSet::new(), vec![row]);
        while let Some(group) = open.pop() {
            for member in observed.members(group) {
                match member {
                    MemberRow::Account(account) => _ = accounts.insert(account),
                    MemberRow::Group(inner) if groups.insert(inner) => open.push(inner),
                    MemberRow::Group(_) => {}
                }
            }
        }
        u32::try_from(accounts.len()).unwrap_or(u32::MAX)
    }

    /// Whether an observed member goes.
    fn goes(&self, member: MemberRow, wanted: &Roster) -> bool {
        match self.step.basis.group_ownership(self.target) {
            Ownership::Additive => false,
            ownership => match member {
                MemberRow::Account(row) => self.account_goes(row, wanted, ownership == Ownership::Authoritative),
                MemberRow::Group(row) => self.group_goes(row, wanted, ownership == Ownership::Authoritative),
            },
        }
    }

    fn account_goes(&self, row: u32, wanted: &Roster, authoritative: bool) -> bool {
        if self.step.matched.cut[self.target].contains_key(&row) {
            // Steps of their own take them out.
            return false;
        }
        let claims = &self.step.matched.claims[self.target];
        let Some(identity) = claims.holder(row) else {
            let nobody = !claims.contested(row) && !self.step.basis.is_ours(self.target, row);
            return self.step.accounts.gone[self.target].contains(&row)
                || (authoritative && nobody && self.step.accounts.strangers_go[self.target]);
        };
        match self.step.accounts.presence[self.target][identity as usize] {
            Presence::Stays => {
                !wanted.open && wanted.people.binary_search(&identity).is_err() && wanted.unclear.binary_search(&identity).is_err()
            }
            Presence::Leaves => true,
            Presence::Absent => authoritative,
            Presence::Made | Presence::Unclear => false,
        }
    }

    fn group_goes(&self, row: u32, wanted: &Roster, authoritative: bool) -> bool {
        match self.groups.holder(row) {
            Some(inner) => match self.groups.states[inner] {
                GroupState::Here(_) => !wanted.nested.contains(&inner),
                GroupState::Out | GroupState::Made | GroupState::Unclear => false,
            },
            None => authoritative && self.step.basis.former_group_key(self.target, row).is_none(),
        }
    }

    /// Leavers go in a step of their own, since they go even where a guardrail holds the others. What is only being adopted, the group or a member, stays as it
    /// is until it is ours.
    fn remove(&mut self, at: usize, state: GroupState, removals: &[MemberRow]) {
        let group = self.adopted.contains(&(ObjectKind::Group, members::key(self.step.basis, at).clone()));
        type Removals = Vec<(Option<u32>, MemberChange)>;
        let mut steps: BTreeMap<(Stage, bool), Removals> = BTreeMap::new();
        for removal in removals {
            let (row, change) = self.removal(*removal);
            let later = group || self.adopted.contains(&(change.member.kind, change.member.key.clone()));
            let stage = if later { Stage::AddMembers } else { Stage::RemoveMembers };
            let leaves = self.leavers.contains(&change.member.key);
            steps.entry((stage, leaves)).or_default().push((row, change));
        }
        for ((stage, leaves), members) in steps {
            let draft = self.step.drafts.len();
            for row in members.iter().filter_map(|(row, _)| *row) {
                let entry = self.removed.entry(row).or_default();
                entry.0 += 1;
                entry.1.push(draft);
            }
            let grounds = if leaves { Grounds::LEAVER } else { Grounds::normal(Reason::Mover) };
            self.put(at, state, (Action::RemoveMembers, grounds), stage, members.into_iter().map(|(_, member)| member).collect());
        }
    }

    /// One member who goes, and the row of an account.
    fn removal(&self, member: MemberRow) -> (Option<u32>, MemberChange) {
        let row = match member {
            MemberRow::Account(row) => Some(row),
            MemberRow::Group(_) => None,
        };
        (row, member_change(self.step, self.target, self.groups, member))
    }

    fn put(&mut self, at: usize, state: GroupState, (action, grounds): (Action, Grounds), stage: Stage, members: Vec<MemberChange>) {
        let object = match state {
            GroupState::Here(row) => self.step.basis.group(self.target, row, members::key(self.step.basis, at)),
            _ => new_group(self.step, at),
        };
        let change =
            self.step.basis.change(self.target, action, object, grounds, Cause::Group(self.step.basis.groups.all[at].manifest as u32));
        self.step.draft(self.target, stage, with_members(change, members));
    }

    /// By group: how many people gain something by it as a nested one.
    fn people_to_come(&self) -> Vec<u32> {
        let presence = &self.step.accounts.presence[self.target];
        let comes = |identity: u32| matches!(presence[identity as usize], Presence::Stays | Presence::Made);
        members::nesting(self.rosters).people_below(|group| &self.rosters[group].people, comes)
    }

    /// Marks the removals that leave somebody without any group, though the account stays.
    fn last_groups(&mut self) {
        if self.removed.is_empty() {
            return;
        }
        let mut counts: BTreeMap<u32, usize> = self.removed.keys().map(|row| (*row, 0)).collect();
        for (_, member) in self.step.basis.observed[self.target].pairs() {
            if let MemberRow::Account(row) = member
                && let Some(count) = counts.get_mut(&row)
            {
                *count += 1;
            }
        }
        for (row, (gone, drafts)) in &self.removed {
            let holder = self.step.matched.claims[self.target].holder(*row);
            let stays = holder.is_some_and(|identity| self.step.accounts.presence[self.target][identity as usize] == Presence::Stays);
            let left = counts.get(row).copied().unwrap_or_default() + self.added.get(row).copied().unwrap_or_default();
            if stays && left <= *gone {
                for at in drafts {
                    self.step.drafts[*at].change.risks.push(Risk::LastGroup);
                }
            }
        }
    }
}

/// A group that is made in this plan, as changes name it.
pub(super) fn new_group(step: &Step<'_, '_>, at: usize) -> ObjectRef {
    let group = &step.basis.groups.all[at];
    ObjectRef { kind: ObjectKind::Group, key: group.key.clone(), id: None, name: group.display_name.clone() }
}
