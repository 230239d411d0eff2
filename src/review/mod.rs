//! What a reviewer must know of a plan, or of what a branch does to it: a verdict, risks, and equal changes folded into one line with their cause.
//!
//! Every view for reviewers (terminal, Markdown, HTML, JSON) is a view of one [`Review`], so that no view computes and none contradicts another.
//! Pure: plans, rules and documents come in as values. Must never: read, ask, or decide about a change.

pub mod atom;
mod cause;
mod compare;
mod figures;
mod fold;
mod held;
pub mod intent;
pub mod preview;
mod redact;
mod risk;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::civil::Date;
use serde::Serialize;

use crate::diagnostic::Place;
use crate::model::{Change, Finding, LimitUse, ObjectRef, Plan, PlanFilter, SystemEvidence, Upcoming, Value};
use crate::planning::explain::{Origins, Provenance};
use crate::policy::Policy;

pub use atom::{Atom, AtomSlot};
pub use figures::{GroupSize, ReviewTotals, TargetFigures};
pub use fold::{Along, AtomGroup, EffectKind, PersonLine};
pub use held::{HeldBy, HeldChanges};
pub use redact::{Pseudonyms, Redaction, redact, redact_changes, redact_words};
use risk::Watch;
pub use risk::{ReviewRisk, RiskKind};
pub use verdict::{ReviewVerdict, VerdictLevel};

/// The version of the JSON form. It grows when a field changes its meaning or goes.
pub const REVIEW_VERSION: u32 = 1;

/// Everything that a reviewer is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// version of this form
    pub format_version: u32,
    /// the Workspace's immutable id
    pub workspace: Arc<str>,
    /// the day it was planned for
    pub as_of: Date,
    /// the part that was asked for
    #[serde(skip_serializing_if = "PlanFilter::is_everything")]
    pub filter: PlanFilter,
    /// what is approved: SHA-256 over workspace, what the manifests say differently, and the effect's atoms, in hex. HR may move on meanwhile; it stays the same
    pub hash: String,
    /// one sentence, and how much it matters
    pub verdict: ReviewVerdict,
    /// the two revisions; none for a plan as it stands
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
    /// how well everything was read
    pub evidence: Vec<SystemEvidence>,
    /// what the branch says differently; nothing where there is no branch
    pub intent: Vec<DocumentChange>,
    /// what the branch does; of a plan without a branch, all of it
    pub effect: Vec<EffectAtom>,
    /// what main's own next run does, whether or not the branch is merged; and what main's manifests hold and the branch's hold, too
    pub pending: Vec<Atom>,
    /// both, folded: first the effect by cause, worst first, then what is pending
    pub groups: Vec<AtomGroup>,
    /// what to look at twice, worst first
    pub risks: Vec<ReviewRisk>,
    /// whom it is about, by key, as far as more than a name is known of them
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub people: BTreeMap<Arc<str>, PersonCard>,
    /// the effect in all
    pub totals: ReviewTotals,
    /// what is pending, in all
    pub pending_totals: ReviewTotals,
    /// numbers of the effect, by target
    pub targets: Vec<TargetFigures>,
    /// groups that shrink or grow by the effect
    pub group_sizes: Vec<GroupSize>,
    /// limits that head's plan uses
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitUse>,
    /// what planning noticed at head: what could not be read, what is refused, what is not decided
    pub findings: Vec<ReviewFinding>,
    /// what falls due
    #[serde(skip_serializing_if = "Upcoming::is_empty")]
    pub upcoming: Upcoming,
    /// what personas get otherwise, where nothing else can be known: a line each
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub personas: Vec<String>,
}

/// The two revisions of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// what it is held against
    pub base: Revision,
    /// what is reviewed
    pub head: Revision,
    /// no system was read: only the intent is known
    pub offline: bool,
    /// the base does not have the workspace yet
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
    /// what of the head is not used in a preview, each with its reason: connections that changed, guardrails that are loosened; and gates that are loosened, which are
    pub not_used: Vec<NotUsed>,
    /// SHA-256 over the documents that differ, as both revisions say them, places left out, in hex: the same after a squash or a rebase
    pub difference_digest: String,
}

/// One revision of the manifests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// the full commit; none for a working tree
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// as the user named it: `origin/main`, `HEAD`, `worktree`
    pub name: String,
    /// SHA-256 over all documents in a canonical form, sorted by kind and name, places left out, in hex
    pub manifests_digest: String,
}

/// What of the head a preview leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NotUsedKind {
    /// it lowers a guardrail, an ownership, a protection or a completeness limit: the base's counts
    LooserLimit,
    /// it holds changes back or marks them less than the base: approval, windows, a suspension, drift, what is privileged
    LooserGate,
    /// values that only the head reads, or that the base hides: nobody is shown them
    Values,
    /// a system that only the head has: it is not read
    NewSystem,
    /// a system that the base reads, by a way that the head changes: what the branch does there is not known
    ChangedSystem,
}

impl NotUsedKind {
    /// Whether it is a system that is not read.
    pub fn is_system(self) -> bool {
        matches!(self, Self::NewSystem | Self::ChangedSystem)
    }
}

/// Something of the head that a preview leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotUsed {
    /// the document
    pub document: DocumentName,
    /// one sentence: what is not used, and what comes of that
    pub words: String,
    /// what it is
    pub kind: NotUsedKind,
    /// where, at head
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Which document: documents are matched by kind and name, not by file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentName {
    /// `Group`
    pub kind: Arc<str>,
    /// metadata.name
    pub name: Arc<str>,
}

/// How a document differs between the revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DocumentDifference {
    /// only head has it
    Added,
    /// only base has it
    Removed,
    /// both have it and say different things
    Changed,
    /// it says the same in another file
    Moved,
    /// it is written differently and says the same
    Cosmetic,
}

/// What the branch says differently of one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentChange {
    /// which
    pub document: DocumentName,
    /// how
    pub what: DocumentDifference,
    /// of one that changed: what
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// of one that is added and looks like one that is removed: that one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks_like: Option<DocumentName>,
    /// its lines at base
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<DocumentLines>,
    /// its lines at head
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<DocumentLines>,
}

/// Where a document stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentLines {
    /// as places name it: from the root of the repository
    pub file: Arc<str>,
    /// first line, from 1
    pub first: u32,
    /// last line
    pub last: u32,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// below the document: `spec.rule`, `spec.members[2].until`
    pub path: String,
    /// as base says it, on one line; none where base says nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// as head says it, on one line; none where head says nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// its line at head; none where head says nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// its line at base; none where base says nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_place: Option<Place>,
}

/// How an atom of the effect stands to what was pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Divergence {
    /// nothing of it was pending
    Adds,
    /// something else was pending in its place
    Alters,
    /// it was pending, and head does not do it any more
    Cancels,
    /// base's manifests hold it back, and head's do not
    Releases,
}

/// One atom of the effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectAtom {
    /// head's; of one that cancels: base's
    pub atom: Atom,
    /// how it stands to what was pending
    pub how: Divergence,
    /// what was pending in its place
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<Atom>,
    /// positions in the intent of the documents behind it; none: it can't be told
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<usize>,
}

/// A finding, and whether the branch brings it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewFinding {
    /// base's plan does not have it
    pub by_branch: bool,
    /// as planning tells it
    pub finding: Finding,
    /// changes that it withholds
    pub withholds: Vec<u32>,
}

/// Whom or what a line is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Who {
    /// ours
    pub key: Arc<str>,
    /// what people call it
    pub name: Arc<str>,
}

/// What people call somebody, and what everybody may know of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonCard {
    /// the user name or, without one, what they are displayed as
    pub name: Arc<str>,
    /// their title
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Arc<str>>,
    /// their department
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<Arc<str>>,
}

/// Who knows where a change comes from, and how large groups are. Asked only for what a review shows.
pub trait Explain {
    /// The lines behind a change. It may be of another plan over the same world.
    fn origins(&self, change: &Change) -> Origins;
    /// How many people and groups are in a group at a target now; none where that is not known.
    fn size(&self, target: &str, group: &ObjectRef) -> Option<u64>;
    /// What everybody may know of an identity; none where it is not known.
    fn person(&self, key: &str) -> Option<PersonCard>;
}

/// Nobody knows where anything comes from: for a review without any system.
pub struct Unexplained;

impl Explain for Unexplained {
    fn origins(&self, _: &Change) -> Origins {
        Origins::default()
    }

    fn size(&self, _: &str, _: &ObjectRef) -> Option<u64> {
        None
    }

    fn person(&self, _: &str) -> Option<PersonCard> {
        None
    }
}

impl Explain for Provenance<'_> {
    fn origins(&self, change: &Change) -> Origins {
        Provenance::origins(self, change)
    }

    fn size(&self, target: &str, group: &ObjectRef) -> Option<u64> {
        self.group_size(target, group)
    }

    fn person(&self, key: &str) -> Option<PersonCard> {
        let [name, title, department] = self.card(key)?;
        Some(PersonCard { name: name?, title, department })
    }
}

/// One side of a review: a plan, and what is known around it.
#[derive(Clone, Copy)]
pub struct ReviewSide<'a> {
    /// what would be done
    pub plan: &'a Plan,
    /// why
    pub explain: &'a dyn Explain,
    /// the rules
    pub policy: &'a Policy,
    /// what of the plan its manifests hold
    pub held: &'a [HeldChanges],
}

impl Review {
    /// Whether every system was to be read: of one that is not previewed nobody knows what the branch does there.
    pub fn is_whole(&self) -> bool {
        !self.branch.iter().flat_map(|branch| &branch.not_used).any(|one| one.kind.is_system())
    }
}

/// The review of a plan as it stands: all of it is its effect, and nothing has a cause in a branch.
pub fn of_plan(head: ReviewSide<'_>) -> Review {
    let effect = compare::all(head.plan);
    build(head, None, Vec::new(), None, effect, Vec::new())
}

/// The review of a branch: what the plan at head does more, otherwise, or not any more, and what was pending all the same.
pub fn of_branch(base: ReviewSide<'_>, head: ReviewSide<'_>, branch: Branch, intent: Vec<DocumentChange>) -> Review {
    let compare::Compared { mut effect, pending } = compare::compare(base, head);
    cause::attribute(base, head, &intent, &mut effect);
    build(head, Some(base), intent, Some(branch), effect, pending)
}

fn build(
    head: ReviewSide<'_>,
    base: Option<ReviewSide<'_>>,
    intent: Vec<DocumentChange>,
    branch: Option<Branch>,
    effect: Vec<EffectAtom>,
    pending: Vec<Atom>,
) -> Review {
    let watch = Watch::of(head.policy, base.map(|base| base.policy));
    let groups = fold::fold(head, base, &effect, &pending, watch);
    let group_sizes = figures::sizes(head, &effect);
    let mut review = Review {
        format_version: REVIEW_VERSION,
        workspace: head.plan.workspace.clone(),
        as_of: head.plan.as_of,
        filter: head.plan.filter.clone(),
        hash: hash(head.plan, branch.as_ref(), &effect),
        verdict: ReviewVerdict::none(),
        evidence: head.plan.evidence.clone(),
        intent,
        risks: risk::risks(&groups, &group_sizes, branch.as_ref(), watch),
        people: people(head, base, &groups),
        totals: figures::totals(effect.iter().map(|one| (&one.atom, one.how)), watch),
        pending_totals: figures::totals(pending.iter().map(|atom| (atom, Divergence::Adds)), watch),
        targets: figures::targets(&effect, watch),
        group_sizes,
        limits: head.plan.limits.clone(),
        findings: findings(head.plan, base.map(|base| base.plan)),
        upcoming: head.plan.upcoming.clone(),
        personas: Vec::new(),
        branch,
        effect,
        pending,
        groups,
    };
    review.verdict = verdict::verdict(&review);
    review
}

/// Sources and main move on and reads differ from run to run; an approval holds as long as what the branch says differently and what that does stay the same.
fn hash(head: &Plan, branch: Option<&Branch>, effect: &[EffectAtom]) -> String {
    let mut atoms: Vec<String> =
        effect.iter().map(|one| serde_json::to_string(&(one.how, one.atom.identity_and_content())).unwrap_or_default()).collect();
    atoms.sort_unstable();
    let said = branch.map(|branch| branch.difference_digest.as_str()).unwrap_or_default();
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&serde_json::to_vec(&(&head.workspace, said, &atoms)).unwrap_or_default());
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whoever stands in a line, and whoever is somebody's value.
fn people(head: ReviewSide<'_>, base: Option<ReviewSide<'_>>, groups: &[AtomGroup]) -> BTreeMap<Arc<str>, PersonCard> {
    let mut keys = BTreeSet::new();
    for group in groups {
        keys.extend(group.who.iter().map(|line| line.who.key.clone()).filter(|_| group.effect.is_of_people()));
        [&group.before, &group.after, &group.instead].into_iter().flatten().for_each(|value| referenced(value, &mut keys));
    }
    let known = |key: &Arc<str>| head.explain.person(key).or_else(|| base?.explain.person(key));
    keys.into_iter().filter_map(|key| known(&key).map(|card| (key, card))).collect()
}

fn referenced(value: &Value, keys: &mut BTreeSet<Arc<str>>) {
    match value {
        Value::Reference(key) => drop(keys.insert(key.clone())),
        Value::List(items) => items.iter().for_each(|item| referenced(item, keys)),
        Value::Map(fields) => fields.values().for_each(|field| referenced(field, keys)),
        Value::Bool(_) | Value::Int(_) | Value::Text(_) => {}
    }
}

fn findings(head: &Plan, base: Option<&Plan>) -> Vec<ReviewFinding> {
    let same = |one: &Finding, other: &Finding| (one.code, &one.subject, &one.message) == (other.code, &other.subject, &other.message);
    let all = head.findings.iter().enumerate().map(|(at, finding)| {
        let withheld =
            head.changes.iter().zip(0..).filter(|(change, _)| change.withheld.as_ref().is_some_and(|by| by.finding as usize == at));
        ReviewFinding {
            by_branch: base.is_some_and(|base| !base.findings.iter().any(|known| same(known, finding))),
            finding: finding.clone(),
            withholds: withheld.map(|(_, number)| number).collect(),
        }
    });
    all.collect()
}

/// A value, or nothing, as a reviewer may see it.
pub type Shown = Option<Value>;
