//! What is answered to whoever asks about a person or a group: where everything comes from, what the plan does about it, and what it noticed. One value, which
//! every view shows.
//!
//! Must never: leave out a change or a finding that is about them.

use serde_json::{Value as Json, json};

use super::told::{told, told_of_account, told_of_group};
use super::{AccountExplanation, Explanation, GroupExplanation, Provenance};
use crate::model::{Change, Finding, Plan, RehearsedChange};

/// Everything about a person.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonAnswer<'p> {
    /// where it comes from
    pub explanation: Explanation,
    /// changes of theirs, or of groups that they come into or leave
    pub changes: Vec<&'p Change>,
    /// what was noticed about them
    pub findings: Vec<&'p Finding>,
}

/// Everything about a group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupAnswer<'p> {
    /// where it comes from
    pub group: GroupExplanation,
    /// changes of it, or of groups that it comes into or leaves
    pub changes: Vec<&'p Change>,
    /// what was noticed about it
    pub findings: Vec<&'p Finding>,
}

impl Provenance<'_> {
    /// Everything about whoever has a key, at one target or at all; nothing where nobody has it.
    pub fn about<'p>(&self, plan: &'p Plan, key: &str, target: Option<&str>) -> Option<PersonAnswer<'p>> {
        let explanation = self.explain(key, target)?;
        let key = explanation.identity.as_ref();
        let theirs = |change: &&Change| {
            let member = || change.members.iter().chain(&change.losers).any(|member| member.member.key.as_ref() == key);
            is_at(change, target) && (change.object.key.as_ref() == key || member())
        };
        let changes: Vec<_> = plan.changes.iter().filter(theirs).collect();
        let findings = told(plan, &explanation, &changes, target);
        Some(PersonAnswer { explanation, changes, findings })
    }

    /// Everything about a group by its key, at one target or at all; nothing where none is declared so.
    pub fn about_group<'p>(&self, plan: &'p Plan, key: &str, target: Option<&str>) -> Option<GroupAnswer<'p>> {
        Some(self.with_changes(plan, self.explain_group(key, target)?, target))
    }

    /// The same about a group of whose members a page was explained.
    pub fn with_changes<'p>(&self, plan: &'p Plan, group: GroupExplanation, target: Option<&str>) -> GroupAnswer<'p> {
        let of = |change: &&Change| {
            let member = || change.members.iter().any(|member| member.member.key == group.group);
            is_at(change, target) && (change.object.key == group.group || member())
        };
        let changes: Vec<_> = plan.changes.iter().filter(of).collect();
        let findings = told_of_group(self.basis.policy, plan, &group, &changes);
        GroupAnswer { group, changes, findings }
    }

    /// What was noticed about an account, or about whoever has it.
    pub fn noticed_of<'p>(&self, plan: &'p Plan, account: &AccountExplanation, changes: &[&Change]) -> Vec<&'p Finding> {
        told_of_account(self.basis.policy, plan, account, changes)
    }
}

impl PersonAnswer<'_> {
    /// As JSON, with what the changes ask of their targets where somebody worked that out.
    pub fn document(&self, requests: &[RehearsedChange]) -> Json {
        let Self { explanation, changes, findings } = self;
        json!({"formatVersion": 1, "explanation": explanation, "changes": changes, "findings": findings, "requests": requests})
    }
}

impl GroupAnswer<'_> {
    /// As JSON.
    pub fn document(&self) -> Json {
        json!({"formatVersion": 1, "group": self.group, "changes": self.changes, "findings": self.findings})
    }
}

fn is_at(change: &Change, target: Option<&str>) -> bool {
    target.is_none_or(|target| target == change.target.as_ref())
}
