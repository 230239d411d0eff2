//! Everything about one group: what it is at each target, who is in it and why, who is kept out.
//!
//! Must never: call somebody a member of whom that can't be told.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::group::{belongs, is_excluded, membership, stands};
use super::{Because, MembershipWhy};
use crate::model::Key;
use crate::planning::basis::Basis;
use crate::planning::groups::resolve::{GroupState, ResolvedGroups};
use crate::planning::people::person::Person;

/// Everything about one group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupExplanation {
    /// its key
    pub group: Arc<str>,
    /// its name at the targets
    pub display_name: Arc<str>,
    /// why there is such a group
    pub because: Because,
    /// what it is at each target, by the targets' order
    pub targets: Vec<GroupAt>,
    /// who is in it, or of whom that can't be told, by key
    pub members: Vec<MembershipWhy>,
    /// the groups in it that lines name
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<MembershipWhy>,
    /// who is excluded, by key
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<MembershipWhy>,
}

/// What a group is at one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupAt {
    /// the Target's name
    pub target: Arc<str>,
    /// how it stands there
    pub is: Stands,
    /// the target's id
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    /// what it is called there
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
}

/// How a group stands at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Stands {
    /// it is there
    Exists,
    /// it is not there yet
    Missing,
    /// the target does not get it
    NotServed,
    /// that can't be told, and everything stays
    Unclear,
}

/// Who is in a group, or of whom that can't be told, and who is kept out: each by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRoster {
    members: Vec<u32>,
    excluded: Vec<u32>,
}

impl GroupRoster {
    /// How many are in it, or of how many that can't be told.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// How many are kept out.
    pub fn excluded(&self) -> usize {
        self.excluded.len()
    }
}

/// Everybody is asked, and nobody why. `people`: all of them, by key.
pub(super) fn roster(basis: &Basis<'_>, at: usize, people: &[u32]) -> GroupRoster {
    let mut roster = GroupRoster::default();
    let mut person = Person::default();
    for &number in people {
        basis.people.assemble(&basis.layout, number, &mut person);
        if belongs(basis, at, &person) != Some(false) {
            roster.members.push(number);
        } else if is_excluded(basis, at, &person) {
            roster.excluded.push(number);
        }
    }
    roster
}

/// With the reasons of those of the roster who stand at these places.
pub(super) fn explain(basis: &Basis<'_>, at: usize, targets: Vec<GroupAt>, roster: &GroupRoster, shown: Range<usize>) -> GroupExplanation {
    let group = &basis.groups.all[at];
    let mut person = Person::default();
    let mut why = |numbers: &[u32]| -> Vec<MembershipWhy> {
        let wanted = numbers.iter().skip(shown.start).take(shown.len());
        let of = |number: &u32| {
            basis.people.assemble(&basis.layout, *number, &mut person);
            membership(basis, at, &person)
        };
        wanted.map(of).collect()
    };
    let (members, excluded) = (why(&roster.members), why(&roster.excluded));
    let lines = group.policy.members.iter().filter(|line| Key::is_group(&line.key));
    let nested = lines.map(|line| MembershipWhy {
        group: group.key.clone(),
        member: line.key.clone(),
        belongs: Some(super::group::current(basis, line)),
        because: vec![Because::words("named as a member").at(Some(&line.place)).holding(Some(super::group::current(basis, line)))],
    });
    GroupExplanation {
        group: group.key.clone(),
        display_name: group.display_name.clone(),
        because: stands(group),
        nested: nested.collect(),
        targets,
        members,
        excluded,
    }
}

/// What it is at one target or at all.
pub(super) fn targets(basis: &Basis<'_>, resolved: &[ResolvedGroups], at: usize, target: Option<&str>) -> Vec<GroupAt> {
    let mut all = Vec::new();
    for (position, (rules, groups)) in basis.policy.targets.iter().zip(resolved).enumerate() {
        if target.is_some_and(|name| name != rules.name.as_ref()) {
            continue;
        }
        let (is, row) = match groups.states.get(at) {
            Some(GroupState::Here(row)) => (Stands::Exists, Some(*row)),
            Some(GroupState::Made) => (Stands::Missing, None),
            Some(GroupState::Unclear) => (Stands::Unclear, groups.row(at)),
            Some(GroupState::Out) | None => (Stands::NotServed, groups.row(at)),
        };
        let there = row.map(|row| basis.group(position, row, &basis.groups.all[at].key));
        let (id, name) = there.map(|there| (there.id, Some(there.name))).unwrap_or_default();
        all.push(GroupAt { target: rules.name.clone(), is, id, name });
    }
    all
}
