//! What every step of planning reads, and what the steps leave behind for the next.
//!
//! Must never: hold anything that a step could work out from the policy and the world alone, but for speed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::kinds::Ownership;
use crate::model::{
    Action, AttributeChange, Cause, Change, FindingCode, Marks, MemberChange, ObjectKind, ObjectRef, Reason, Risk, Severity,
};
use crate::planning::Answer;
use crate::planning::Lookup;
use crate::planning::LookupBy;
use crate::planning::Moment;
use crate::planning::accounts::contested::Wishes;
use crate::planning::accounts::departed::Departed;
use crate::planning::accounts::lookalikes::Kept;
use crate::planning::accounts::nobody::Deselected;
use crate::planning::accounts::renames::Renames;
use crate::planning::accounts::unique::Names;
use crate::planning::groups::derive::Groups;
use crate::planning::people::identity::Identities;
use crate::planning::report::findings::{Findings, Shared};
use crate::planning::report::upcoming::Diary;
use crate::planning::revocation::orders::Revoked;
use crate::planning::schema::layout::Layout;
use crate::planning::targets::correlate::Claims;
use crate::planning::targets::observed::{Observed, observe};
use crate::planning::targets::protected as protect;
use crate::policy::Policy;
use crate::world::{Member, World};

/// What every step reads.
pub(super) struct Basis<'a> {
    pub(super) policy: &'a Policy,
    pub(super) world: &'a World,
    pub(super) moment: Moment,
    pub(super) layout: Layout<'a>,
    pub(super) people: Identities<'a>,
    pub(super) revoked: Revoked<'a>,
    pub(super) observed: Vec<Observed<'a>>,
    /// declared ones, and those that a `forEach` makes
    pub(super) groups: Groups<'a>,
    /// this workspace's markers
    pub(super) marks: Marks,
    /// names of people who left
    pub(super) departed: Departed<'a>,
    /// by target: accounts that protection covers
    pub(super) protected: Vec<BTreeSet<u32>>,
}

/// What the steps leave behind.
pub(super) struct Work<'b, 'a> {
    pub(super) basis: &'b Basis<'a>,
    /// by target: who has which account
    pub(super) claims: Vec<Claims>,
    /// by target and identity: what becomes of the account
    pub(super) presence: Vec<Vec<Presence>>,
    /// by target: accounts that are cut off, and whose they are
    pub(super) cut: Vec<BTreeMap<u32, Arc<str>>>,
    /// by target: accounts of ours whose identity is gone
    pub(super) gone: Vec<BTreeSet<u32>>,
    /// for each target whether accounts that no identity claims are known to be nobody's
    pub(super) strangers_go: Vec<bool>,
    /// by target: who is to get which user name
    pub(super) wishes: Vec<Wishes>,
    /// by target: whose account goes because the target is not for them
    pub(super) deselected: Vec<Vec<Deselected>>,
    /// keys of identities that are gone, it seems, and whose accounts stay
    pub(super) kept: BTreeMap<Arc<str>, Kept>,
    /// by target: people whose remembered account is not there any more and who get another one, with its ids
    pub(super) remade: Vec<BTreeMap<Arc<str>, Vec<Arc<str>>>>,
    pub(super) names: Names,
    /// who is still to be decided, and whose names are on their way
    pub(super) renames: Renames,
    pub(super) drafts: Vec<Draft>,
    pub(super) findings: Findings,
    pub(super) questions: BTreeSet<Lookup>,
    pub(super) diary: Diary,
}

/// What becomes of an identity's account at one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    /// it has none that is ours, and gets none
    #[default]
    Absent,
    /// it has one, and keeps it or gets it by adoption
    Stays,
    /// it is made in this plan
    Made,
    /// it has one of ours that goes
    Leaves,
    /// that can't be said: whatever is observed stays
    Unclear,
}

/// A change before it has its place in the plan.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) target: usize,
    pub(super) stage: Stage,
    /// within the stage: what is handed on goes from hand to hand
    pub(super) level: usize,
    pub(super) change: Change,
}

/// The order of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// whoever is cut off, ahead of everything
    Revoke,
    /// accounts that lose access
    Deactivate,
    /// memberships that go
    RemoveMembers,
    /// entitlements that go
    RemoveEntitlements,
    /// groups that exist
    UpdateGroups,
    /// new groups
    CreateGroups,
    /// accounts that exist and give up what others take
    GiveUp,
    /// new accounts, managers first
    CreateAccounts,
    /// accounts that exist
    UpdateAccounts,
    /// memberships that come
    AddMembers,
    /// entitlements that come or change
    AddEntitlements,
    /// references to accounts that did not exist when their owner was made
    References,
    /// accounts that go for good
    DeleteAccounts,
    /// groups that go for good
    DeleteGroups,
}

impl<'a> Basis<'a> {
    /// Lays everything out.
    pub(super) fn new(policy: &'a Policy, world: &'a World, answers: &[(Lookup, Answer)], moment: Moment) -> Self {
        let layout = Layout::new(policy, world);
        let people = Identities::new(policy, world, &layout, moment);
        let revoked = Revoked::new(policy, &world.memory, &people);
        let observed = observe(&world.targets, answers);
        let mut groups = Groups::declared(policy);
        groups.expand(policy, world, &layout, &people, &observed, knows_everybody(policy, world));
        let protected = policy.targets.iter().zip(&observed).map(|(rules, observed)| protect::rows(&rules.protect, observed.accounts()));
        let (protected, marks) = (protected.collect(), Marks::of(&policy.workspace));
        let departed = Departed::new(policy, world, moment);
        Self { policy, world, moment, layout, people, revoked, observed, groups, marks, departed, protected }
    }

    /// Whether protection covers an account: it is nobody's.
    pub(super) fn is_protected(&self, target: usize, row: u32) -> bool {
        self.protected.get(target).is_some_and(|rows| rows.contains(&row))
    }

    /// Whether everything that could establish somebody was read to its end.
    pub(super) fn knows_everybody(&self) -> bool {
        knows_everybody(self.policy, self.world) && !self.people.disbelieves()
    }

    /// Whether nobody can be missing among those who were read, so that one who alone claims an account is its only claimant.
    pub(super) fn has_read_everybody(&self) -> bool {
        let establishing = self.policy.sources.iter().zip(&self.world.trust).filter(|(source, _)| source.establishes);
        establishing.into_iter().all(|(_, trust)| trust.evidence.proves_absence()) && !self.people.disbelieves()
    }

    /// What headcount may do with the groups of a target.
    pub(super) fn group_ownership(&self, target: usize) -> Ownership {
        let rules = &self.policy.targets[target];
        rules.groups.as_ref().map_or(rules.ownership, |groups| groups.ownership)
    }
}

fn knows_everybody(policy: &Policy, world: &World) -> bool {
    let establishing = policy.sources.iter().zip(&world.trust).filter(|(source, _)| source.establishes);
    establishing.into_iter().all(|(_, trust)| trust.proves_absence())
}

impl<'b, 'a> Work<'b, 'a> {
    /// Nothing is decided yet.
    pub(super) fn new(basis: &'b Basis<'a>) -> Self {
        let targets = basis.policy.targets.len();
        Self {
            basis,
            claims: Vec::with_capacity(targets),
            presence: (0..targets).map(|_| vec![Presence::Absent; basis.people.len() as usize]).collect(),
            cut: vec![BTreeMap::new(); targets],
            gone: vec![BTreeSet::new(); targets],
            strangers_go: vec![false; targets],
            wishes: vec![Wishes::new(); targets],
            deselected: (0..targets).map(|_| Vec::new()).collect(),
            kept: BTreeMap::new(),
            remade: vec![BTreeMap::new(); targets],
            names: Names::default(),
            renames: Renames::default(),
            drafts: Vec::new(),
            findings: Findings::default(),
            questions: BTreeSet::new(),
            diary: Diary::new(basis.moment.today),
        }
    }

    /// Something must be asked before more can be said.
    pub(super) fn ask(&mut self, target: usize, kind: ObjectKind, by: LookupBy) {
        self.questions.insert(Lookup { target, kind, by });
    }

    /// A finding about somebody at a target, told together with the others of its sort.
    pub(super) fn tell(&mut self, severity: Severity, code: FindingCode, target: usize, key: &Arc<str>, sentence: &str) {
        let shared = Shared::new(severity, code, Some(&self.basis.policy.targets[target].name), sentence);
        self.findings.share(shared, key);
    }

    /// Puts a change down.
    pub(super) fn draft(&mut self, target: usize, stage: Stage, change: Change) {
        self.drafts.push(Draft { target, stage, level: 0, change });
    }

    /// A change with nothing in it yet.
    pub(super) fn change(&self, target: usize, action: Action, object: ObjectRef, reason: Reason, cause: Cause) -> Change {
        Change { cause, ..Change::new(&self.basis.policy.targets[target].name, action, object, reason) }
    }

    /// An account that exists, as changes name it.
    pub(super) fn account(&self, target: usize, row: u32, key: &Arc<str>) -> ObjectRef {
        let accounts = self.basis.observed[target].accounts();
        let id: Arc<str> = Arc::from(accounts.id(row).as_ref());
        let text = |name: &str| accounts.cell_of(row, name).as_text().filter(|text| !text.is_empty()).map(Arc::from);
        let name = text("userName").or_else(|| text("displayName")).unwrap_or_else(|| id.clone());
        ObjectRef { kind: ObjectKind::Account, key: key.clone(), id: Some(id), name }
    }

    /// The key by which changes name an account that is nobody's: of its mark or link, else its id.
    pub(super) fn account_key(&self, target: usize, row: u32) -> Arc<str> {
        match self.claims[target].holder(row) {
            Some(identity) => self.basis.people.key(identity),
            None => {
                self.former_key(target, row).unwrap_or_else(|| Arc::from(format!("id:{}", self.basis.observed[target].accounts().id(row))))
            }
        }
    }

    /// Our key that an account's mark or link gives.
    pub(super) fn former_key(&self, target: usize, row: u32) -> Option<Arc<str>> {
        let Basis { world, policy, observed, .. } = self.basis;
        let accounts = observed[target].accounts();
        let marked = accounts.marked_key(row).map(|key| Arc::from(key.as_ref()));
        marked.or_else(|| world.recall.key_of(&world.memory, &policy.targets[target].name, ObjectKind::Account, &accounts.id(row)).cloned())
    }

    /// How many accounts are headcount's, whatever their ownership lets it do: as the target shows or the state remembers them, whichever is more.
    pub(super) fn ours(&self, target: usize) -> u64 {
        let Basis { world, policy, observed, .. } = self.basis;
        let here = (0..observed[target].accounts().len()).filter(|row| self.former_key(target, *row).is_some()).count();
        let name = &policy.targets[target].name;
        let links = world.memory.links.iter().filter(|link| link.kind == ObjectKind::Account && link.target == *name).count();
        here.max(links) as u64
    }

    /// A group that exists, as changes name it.
    pub(super) fn group(&self, target: usize, row: u32, key: &Arc<str>) -> ObjectRef {
        let groups = self.basis.observed[target].groups();
        let id: Arc<str> = Arc::from(groups.id(row).as_ref());
        let name = groups.cell_of(row, "displayName").as_text().filter(|text| !text.is_empty()).map_or_else(|| id.clone(), Arc::from);
        ObjectRef { kind: ObjectKind::Group, key: key.clone(), id: Some(id), name }
    }

    /// Our key that a group's mark or link gives.
    pub(super) fn former_group_key(&self, target: usize, row: u32) -> Option<Arc<str>> {
        let Basis { world, policy, observed, .. } = self.basis;
        let groups = observed[target].groups();
        let marked = groups.marked_key(row).map(|key| Arc::from(key.as_ref()));
        marked.or_else(|| world.recall.key_of(&world.memory, &policy.targets[target].name, ObjectKind::Group, &groups.id(row)).cloned())
    }

    /// The key by which changes name a group that is no declared one.
    pub(super) fn group_key(&self, target: usize, row: u32) -> Arc<str> {
        let id = || Arc::from(format!("id:{}", self.basis.observed[target].groups().id(row)));
        self.former_group_key(target, row).unwrap_or_else(id)
    }

    /// How many people are observed in a group and in the groups below it.
    pub(super) fn people_below(&self, target: usize, group: u32) -> u32 {
        let observed = &self.basis.observed[target];
        let mut people = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![group];
        while let Some(group) = open.pop() {
            if !seen.insert(group) {
                continue;
            }
            for member in observed.members(group) {
                match member {
                    Member::Account(row) => {
                        people.insert(row);
                    }
                    Member::Group(row) => open.push(row),
                }
            }
        }
        people.len() as u32
    }
}

impl Draft {
    /// With attributes, sorted.
    pub(super) fn sort(&mut self) {
        self.change.attributes.sort_by(|one, other| one.attribute.cmp(&other.attribute));
        self.change.members.sort_by(|one, other| one.member.key.cmp(&other.member.key));
        self.change.losers.sort_by(|one, other| one.member.key.cmp(&other.member.key));
        self.change.risks.sort_unstable();
        self.change.risks.dedup();
    }
}

/// One attribute of a change.
pub(super) fn attribute(name: &Arc<str>, before: Option<crate::model::Value>, after: Option<crate::model::Value>) -> AttributeChange {
    AttributeChange { attribute: name.clone(), before, after, sensitive: false }
}

/// A change with attributes and risks.
pub(super) fn with(mut change: Change, attributes: Vec<AttributeChange>, risks: &[Risk]) -> Change {
    change.attributes = attributes;
    change.risks = risks.to_vec();
    change
}

/// A change of members.
pub(super) fn with_members(mut change: Change, members: Vec<MemberChange>) -> Change {
    change.members = members;
    change
}
