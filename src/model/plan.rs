//! The plan: the ordered list of changes, with its findings and its evidence. Every view is a view of this value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::change::{Action, Change, ObjectKind};
use super::evidence::Evidence;
use super::finding::{Finding, Severity};
use super::guardrail::LimitUse;
use super::upcoming::Upcoming;

/// The version of the JSON form. It grows when a field changes its meaning or goes.
pub const FORMAT_VERSION: u32 = 1;

/// How well one stream of one system was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemEvidence {
    /// the Source's or Target's name
    pub system: Arc<str>,
    /// which stream
    pub kind: ObjectKind,
    /// how complete
    pub evidence: Evidence,
    /// how many distinct rows came
    pub count: u64,
}

/// Which part of what is needed a plan was made of. Nothing named: all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanFilter {
    /// only changes at these Targets
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub targets: Vec<String>,
    /// only changes of what these patterns name
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub select: Vec<String>,
}

impl PlanFilter {
    /// Whether it leaves nothing out.
    pub fn is_everything(&self) -> bool {
        self.targets.is_empty() && self.select.is_empty()
    }

    /// Whether both leave the same out.
    pub fn same(&self, other: &Self) -> bool {
        let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        set(&self.targets) == set(&other.targets) && set(&self.select) == set(&other.select)
    }
}

/// What should change, in the order it will be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// version of this form; it grows when a field changes its meaning or goes
    pub format_version: u32,
    /// the Workspace's immutable id
    pub workspace: Arc<str>,
    /// the day it was planned for, in the workspace's time zone
    pub as_of: Date,
    /// the part that was asked for; what is saved runs as that part
    #[serde(skip_serializing_if = "PlanFilter::is_everything", default)]
    pub filter: PlanFilter,
    /// the steps, in order
    pub changes: Vec<Change>,
    /// what was noticed
    pub findings: Vec<Finding>,
    /// how well everything was read
    pub evidence: Vec<SystemEvidence>,
    /// limits that it uses, by target
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub limits: Vec<LimitUse>,
    /// what falls due in the coming days
    #[serde(skip_serializing_if = "Upcoming::is_empty", default)]
    pub upcoming: Upcoming,
}

/// How many changes of each kind a target has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// objects, or people for memberships, by kind and action
    pub counts: BTreeMap<(ObjectKind, Action), u64>,
    /// how many changes are withheld
    pub withheld: u64,
}

impl Plan {
    /// Nothing that changes, of nothing that was read.
    pub fn of_nothing(workspace: Arc<str>, as_of: Date) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            workspace,
            as_of,
            filter: PlanFilter::default(),
            changes: Vec::new(),
            findings: Vec::new(),
            evidence: Vec::new(),
            limits: Vec::new(),
            upcoming: Upcoming::default(),
        }
    }

    /// Whether everything that was needed could be read and decided.
    pub fn complete(&self) -> bool {
        !self.findings.iter().any(|finding| finding.severity == Severity::Incomplete)
    }

    /// Whether it is complete, and nothing was left as it is because it could not be decided.
    pub fn decided(&self) -> bool {
        !self.findings.iter().any(|finding| matches!(finding.severity, Severity::Error | Severity::Incomplete))
    }

    /// Whether there is anything to run.
    pub fn applyable(&self) -> bool {
        self.changes.iter().any(Change::runs)
    }

    /// Whether a guardrail withholds something.
    pub fn refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Refused)
    }

    /// Counts for each target, in order of name.
    pub fn tallies(&self) -> BTreeMap<Arc<str>, Tally> {
        let mut tallies: BTreeMap<Arc<str>, Tally> = BTreeMap::new();
        for change in &self.changes {
            let tally = tallies.entry(change.target.clone()).or_default();
            *tally.counts.entry((change.object.kind, change.action)).or_default() += change.weight();
            tally.withheld += u64::from(!change.runs());
        }
        tallies
    }

    /// What a reviewer approves: SHA-256 over workspace, filter, changes and evidence, in hex. Words of findings, and what falls due later, don't count.
    pub fn hash(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        let content = (&self.workspace, &self.filter, &self.changes, &self.evidence);
        // Serialising plain values into memory can't fail; an empty part would only make another hash.
        context.update(&serde_json::to_vec(&content).unwrap_or_default());
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
