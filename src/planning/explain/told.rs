//! Which findings of a plan are about what is explained, so that each stands there with what answers it.
//!
//! Must never: leave one out because a sentence names only the first of many.

use std::sync::Arc;

use super::{AccountExplanation, Explanation, GroupExplanation, Whose};
use crate::model::{Change, Finding, FindingCode, Key, Plan, Severity};
use crate::policy::Policy;

/// Those about a person, in the plan's order: whatever names them, what withholds a change of theirs (`changes`), and what could not be known of a whole
/// source or target of theirs.
pub fn told<'p>(plan: &'p Plan, explanation: &Explanation, changes: &[&Change], target: Option<&str>) -> Vec<&'p Finding> {
    let source = |system: &Arc<str>| explanation.behind.iter().any(|behind| behind.source == *system);
    let keys: Vec<String> =
        explanation.behind.iter().filter_map(|behind| Some(Key::record(&behind.source, behind.key.as_ref()?).to_string())).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).chain([explanation.identity.as_ref()]).collect();
    let shown = |finding: &Finding| match (&finding.subject.system, target) {
        (Some(system), Some(target)) => system.as_ref() == target || source(system),
        _ => true,
    };
    let whole = |finding: &Finding| {
        let of_target = |system: &Arc<str>| explanation.targets.iter().any(|known| known.target == *system) && is_unknown(finding);
        is_grave(finding)
            && concerns_all(finding)
            && finding.subject.system.as_ref().is_some_and(|system| source(system) || of_target(system))
    };
    let all = plan.findings.iter().enumerate();
    let wanted = all.filter(|(at, finding)| {
        withholds(*at, changes) || (shown(finding) && (keys.iter().any(|key| is_about(finding, key)) || whole(finding)))
    });
    wanted.map(|(_, finding)| finding).collect()
}

/// Those about a group: whatever names it, what withholds a change of it, and a target of its that could not be read.
pub fn told_of_group<'p>(policy: &Policy, plan: &'p Plan, group: &GroupExplanation, changes: &[&Change]) -> Vec<&'p Finding> {
    let here = |system: &Arc<str>| group.targets.iter().any(|at| at.target == *system);
    let wanted = plan.findings.iter().enumerate().filter(|(at, finding)| {
        let whole = is_grave(finding) && concerns_all(finding) && is_unknown(finding);
        let about = is_about(finding, &group.group) && finding.subject.system.as_ref().is_none_or(|at| here(at) || !is_target(policy, at));
        withholds(*at, changes) || about || (whole && finding.subject.system.as_ref().is_some_and(here))
    });
    wanted.map(|(_, finding)| finding).collect()
}

/// Those about an account: whatever is said of whoever has it, or of the account itself, and a target that could not be read.
pub fn told_of_account<'p>(policy: &Policy, plan: &'p Plan, account: &AccountExplanation, changes: &[&Change]) -> Vec<&'p Finding> {
    let strange = Key::unclaimed(&account.id).to_string();
    let known = matches!(account.is, Whose::Claimed | Whose::CutOff | Whose::Former);
    let keys: Vec<&str> =
        account.holders.iter().filter(|_| known).map(AsRef::as_ref).chain([strange.as_str(), account.account.as_ref()]).collect();
    let wanted = plan.findings.iter().enumerate().filter(|(at, finding)| {
        let here = finding.subject.system.as_ref().is_none_or(|system| *system == account.target || !is_target(policy, system));
        let whole = is_grave(finding) && concerns_all(finding) && is_unknown(finding) && finding.subject.system.is_some();
        // The sentences about accounts that could be anybody's name them by their id.
        let named = finding.severity != Severity::Note && is_about_ownership(finding) && names(&finding.message, &account.id);
        withholds(*at, changes) || here && (whole || named || keys.iter().any(|key| is_about(finding, key)))
    });
    wanted.map(|(_, finding)| finding).collect()
}

/// What is said of another target is not said of this one; what is said of a source holds at all of them.
fn is_target(policy: &Policy, system: &str) -> bool {
    policy.targets.iter().any(|target| *target.name == *system)
}

fn is_about_ownership(finding: &Finding) -> bool {
    use FindingCode::{AmbiguousCorrelation, DuplicateKey, ForeignOwner, OwnershipUnproven, Revocation};
    matches!(finding.code, AmbiguousCorrelation | DuplicateKey | ForeignOwner | OwnershipUnproven | Revocation)
}

/// Whether a finding keeps one of these changes back.
fn withholds(at: usize, changes: &[&Change]) -> bool {
    changes.iter().any(|change| change.withheld.as_ref().is_some_and(|withheld| withheld.finding as usize == at))
}

/// Whether a finding is about a key, as its subject, as one of many, or named in its sentence.
fn is_about(finding: &Finding, key: &str) -> bool {
    let is = |known: &Arc<str>| known.as_ref() == key;
    finding.subject.key.as_ref().is_some_and(is) || finding.about.iter().any(is) || names(&finding.message, key)
}

/// Whether a sentence has a key as a word of its own.
fn names(sentence: &str, key: &str) -> bool {
    names_at(sentence, key).next().is_some()
}

/// Where a sentence has a key as a word of its own: `hr/1` is not in `hr/10`, nor in `hr/1.5`.
pub fn names_at<'s>(sentence: &'s str, key: &'s str) -> impl Iterator<Item = usize> + 's {
    let inner = |letter: char| letter.is_alphanumeric() || "/_-".contains(letter);
    let places = sentence.match_indices(key).map(|(at, _)| at);
    places.filter(move |&at| {
        let (before, after) = (sentence.get(..at).unwrap_or_default(), sentence.get(at + key.len()..).unwrap_or_default());
        let mut next = after.chars();
        let goes_on = match next.next() {
            Some('.' | '@') => next.next().is_some_and(char::is_alphanumeric),
            Some(letter) => inner(letter),
            None => false,
        };
        !goes_on && !before.chars().next_back().is_some_and(|letter| inner(letter) || ".@".contains(letter))
    })
}

fn is_grave(finding: &Finding) -> bool {
    matches!(finding.severity, Severity::Error | Severity::Incomplete)
}

/// Whether it leaves open what is true at a whole target.
fn is_unknown(finding: &Finding) -> bool {
    finding.severity == Severity::Incomplete || finding.code == FindingCode::OwnershipUnproven
}

fn concerns_all(finding: &Finding) -> bool {
    finding.subject.key.is_none() && finding.about.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Subject;

    #[test]
    fn a_key_is_a_word() {
        assert!(names("hr/1: its account", "hr/1") && names("of hr/2, hr/1 and 3 more", "hr/1") && names("it is hr/1.", "hr/1"));
        for other in ["hr/10: its", "hr/1.5: its", "xhr/1: its", "a/hr/1", "hr/1-b", "hr/1@x.example"] {
            assert!(!names(other, "hr/1"), "{other}");
        }
    }

    #[test]
    fn the_fourth_of_many_is_told_too() {
        let keys: Vec<Arc<str>> = (1..=5).map(|at| Arc::from(format!("hr/{at}"))).collect();
        let finding = Finding::new(Severity::Error, FindingCode::NameTaken, Subject::default(), "hr/1, hr/2, hr/3 and 2 more").about(&keys);
        assert!(is_about(&finding, "hr/5") && !is_about(&finding, "hr/6"));
    }
}
