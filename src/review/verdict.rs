//! The one sentence that most people read, and how much it matters.
//!
//! Must never: call clean what was not read or what a guardrail refuses.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Divergence, EffectKind, NotUsedKind, Review, ReviewFinding, ReviewRisk, RiskKind};
use crate::model::{Evidence, Severity};

/// How much a review matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum VerdictLevel {
    /// nothing changes for anybody
    None,
    /// changes, and nothing to look at twice
    Clean,
    /// no system was read: only what the manifests say differently is known
    Intent,
    /// something to look at twice
    Check,
    /// something could not be decided
    Undecided,
    /// something could not be read
    Incomplete,
    /// a guardrail refuses a part of it
    Blocked,
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewVerdict {
    /// how much it matters
    pub level: VerdictLevel,
    /// one sentence. Names in it come from outside: a view makes them harmless
    pub sentence: String,
}

impl ReviewVerdict {
    pub(super) fn none() -> Self {
        Self { level: VerdictLevel::None, sentence: String::new() }
    }
}

/// Of a whole review.
pub(super) fn verdict(review: &Review) -> ReviewVerdict {
    let level = level(review);
    let sentence = match level {
        VerdictLevel::Intent => "No system was read: this is what the manifests say differently, and not whom it touches.".to_owned(),
        VerdictLevel::None => "Nothing changes for anybody.".to_owned(),
        VerdictLevel::Blocked | VerdictLevel::Incomplete | VerdictLevel::Undecided => trouble(review, level),
        VerdictLevel::Clean => {
            if takes(review) { "Nobody loses sign-in, and nobody gets anything privileged." } else { "Nobody loses anything." }.to_owned()
        }
        VerdictLevel::Check => format!("{}.", in_a_row(&parts(&review.risks))),
    };
    ReviewVerdict { level, sentence }
}

fn level(review: &Review) -> VerdictLevel {
    let ours = |severity: Severity| {
        let mine = |one: &&ReviewFinding| review.branch.is_none() || one.by_branch;
        review.findings.iter().filter(mine).any(|one| one.finding.severity == severity)
    };
    let unread = review.evidence.iter().any(|read| matches!(read.evidence, Evidence::Partial { .. } | Evidence::Unreadable { .. }));
    let incomplete = unread || review.findings.iter().any(|one| one.finding.severity == Severity::Incomplete);
    match review.branch.as_ref().is_some_and(|branch| branch.offline) {
        true => VerdictLevel::Intent,
        false if ours(Severity::Refused) => VerdictLevel::Blocked,
        false if incomplete => VerdictLevel::Incomplete,
        false if ours(Severity::Error) || hides(review) => VerdictLevel::Undecided,
        false if !review.risks.is_empty() => VerdictLevel::Check,
        false if review.effect.is_empty() => VerdictLevel::None,
        false => VerdictLevel::Clean,
    }
}

/// Whether the branch keeps a preview out of a system that the base reads: what becomes of people there is not known.
fn hides(review: &Review) -> bool {
    review.branch.iter().flat_map(|branch| &branch.not_used).any(|one| one.kind == NotUsedKind::ChangedSystem)
}

fn hidden(review: &Review) -> String {
    let shut = review.branch.iter().flat_map(|branch| &branch.not_used).filter(|one| one.kind == NotUsedKind::ChangedSystem);
    let names: Vec<String> = shut.map(|one| format!("{} {}", one.document.kind, one.document.name)).collect();
    format!(
        "What this branch does by way of {} is not known: a preview does not open what the branch changes the way to.",
        in_a_row(&names)
    )
}

fn takes(review: &Review) -> bool {
    review.effect.iter().any(|one| one.how != Divergence::Cancels && one.atom.takes())
}

fn trouble(review: &Review, level: VerdictLevel) -> String {
    let refused = review.findings.iter().filter(|one| one.finding.severity == Severity::Refused);
    let targets: BTreeSet<String> = refused.filter_map(|one| one.finding.subject.system.as_deref().map(str::to_owned)).collect();
    match level {
        VerdictLevel::Blocked => format!("A guardrail refuses a part of it at {}.", in_a_row(&targets.into_iter().collect::<Vec<_>>())),
        VerdictLevel::Undecided if hides(review) => hidden(review),
        VerdictLevel::Undecided => "Something could not be decided, and stays as it is.".to_owned(),
        _ => "Something could not be read: what depends on it is not known, and stays as it is.".to_owned(),
    }
}

/// Each risk in a few words, people before objects.
fn parts(risks: &[ReviewRisk]) -> Vec<String> {
    let total = |kind: RiskKind, effect: Option<EffectKind>| {
        let wanted = risks.iter().filter(|risk| risk.risk == kind && effect.is_none_or(|effect| risk.effect == Some(effect)));
        wanted.flat_map(|risk| &risk.who).map(|who| &who.key).collect::<BTreeSet<_>>().len()
    };
    let count = |kind: RiskKind| risks.iter().filter(|risk| risk.risk == kind).count();
    let counts = [
        (total(RiskKind::LosesSignIn, None), "person loses sign-in", "people lose sign-in"),
        (total(RiskKind::Irreversible, Some(EffectKind::Deleted)), "account is deleted", "accounts are deleted"),
        (total(RiskKind::Irreversible, Some(EffectKind::GroupDeleted)), "group is deleted", "groups are deleted"),
        (total(RiskKind::ChangesSignIn, None), "person gets another user name", "people get another user name"),
        (total(RiskKind::Privilege, None), "person gets something privileged", "people get something privileged"),
        (total(RiskKind::Reactivation, None), "person regains sign-in", "people regain sign-in"),
        (total(RiskKind::Adoption, Some(EffectKind::TakesOver)), "account is taken over", "accounts are taken over"),
        (total(RiskKind::Adoption, Some(EffectKind::GroupTakenOver)), "group is taken over", "groups are taken over"),
        (total(RiskKind::KeepsAccess, None), "person keeps what would go", "people keep what would go"),
        (count(RiskKind::NotPreviewed), "system is not previewed", "systems are not previewed"),
        (count(RiskKind::Loosened), "limit or gate is loosened", "limits or gates are loosened"),
    ];
    let counts = counts.into_iter().filter(|(count, ..)| *count > 0);
    counts.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many })).chain(emptied(risks)).collect()
}

/// The largest group that is left at one target, or how many there are.
fn emptied(risks: &[ReviewRisk]) -> Option<String> {
    let emptied: Vec<&ReviewRisk> = risks.iter().filter(|risk| risk.risk == RiskKind::GroupEmpties).collect();
    match emptied.as_slice() {
        [] => None,
        [one] => {
            let left = one.sizes.iter().map(|size| size.after).max().unwrap_or_default();
            let members = if left == 1 { "member" } else { "members" };
            Some(format!("{} is left with {left} {members}", one.what.as_deref().unwrap_or("a group")))
        }
        many => Some(format!("{} groups lose half of their members, or are left with two or fewer", many.len())),
    }
}

fn in_a_row(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
