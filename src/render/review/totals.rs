//! What a review comes to, in a line: how many changes, what was read, and the numbers of each target.
//!
//! Must never: say that everything was read where it was not.

use crate::model::{Evidence, Guardrail, SystemEvidence};
use crate::render::summary::{number, people};
use crate::review::{DocumentName, EffectKind, NotUsed, NotUsedKind, Review, TargetFigures, VerdictLevel};

use super::words;

/// What is counted of a target.
pub const FIGURES: [&str; 6] = ["Sign-in", "Accounts", "Groups", "Members", "Grants", "Withheld"];

/// What was not read, or not to its end.
pub fn unread(review: &Review) -> impl Iterator<Item = &SystemEvidence> {
    review.evidence.iter().filter(|read| matches!(read.evidence, Evidence::Partial { .. } | Evidence::Unreadable { .. }))
}

/// `3 changes for 2 people`, or why that is not known.
pub fn title(review: &Review) -> String {
    let totals = &review.totals;
    let changes = match totals.people {
        0 => words::changes(totals.changes),
        _ => format!("{} for {}", words::changes(totals.changes), people(totals.people)),
    };
    match review.verdict.level {
        VerdictLevel::Intent => "what this branch means, without a look at any system".to_owned(),
        VerdictLevel::Blocked => {
            format!("blocked, {} of {} would not run", number(totals.withheld), words::changes(totals.withheld + totals.changes))
        }
        VerdictLevel::Incomplete if totals.changes == 0 => "incomplete, no changes in what could be read".to_owned(),
        VerdictLevel::Incomplete => format!("incomplete, {changes} in what could be read"),
        _ if review.effect.is_empty() && !review.is_whole() => "no changes in what was previewed".to_owned(),
        _ if review.effect.is_empty() => "no changes".to_owned(),
        _ => changes,
    }
}

/// What was read and whether a guardrail objects, where that is not the verdict.
pub fn read(review: &Review) -> &'static str {
    let whole = unread(review).next().is_none();
    let offline = review.branch.as_ref().is_some_and(|branch| branch.offline);
    match review.verdict.level {
        _ if offline => "Whom it touches shows once somebody runs the full preview.",
        VerdictLevel::Incomplete => "",
        _ if !review.is_whole() => "Everything else was read.",
        VerdictLevel::Blocked if whole => "Everything was read.",
        VerdictLevel::Blocked => "",
        _ if whole => "Everything was read. No guardrail objects.",
        _ => "",
    }
}

/// In the order of [`FIGURES`]; nothing for none.
pub fn figures(target: &TargetFigures) -> [String; 6] {
    let count = |kind: EffectKind| target.counts.get(&kind).copied().unwrap_or_default();
    let list = |parts: &[(EffectKind, &str, &str)]| {
        let told = parts.iter().filter(|(kind, ..)| count(*kind) > 0).map(|(kind, one, many)| {
            let count = count(*kind);
            format!("{} {}", number(count), if count == 1 { one } else { many })
        });
        told.collect::<Vec<_>>().join(", ")
    };
    let signs = |parts: &[(EffectKind, &str)]| {
        let told = parts.iter().filter(|(kind, _)| count(*kind) > 0).map(|(kind, sign)| format!("{sign}{}", number(count(*kind))));
        told.collect::<Vec<_>>().join(" ")
    };
    use EffectKind as Kind;
    let grants = [
        list(&[(Kind::GetsPrivilege, "privileged", "privileged")]),
        signs(&[(Kind::GetsGrant, "+"), (Kind::ChangesGrant, "~"), (Kind::LosesGrant, "−")]),
    ];
    [
        list(&[
            (Kind::LosesSignIn, "loses", "lose"),
            (Kind::RegainsSignIn, "gets it", "get it"),
            (Kind::ChangesSignIn, "other name", "other names"),
            (Kind::SignedOut, "signed out", "signed out"),
        ]),
        list(&[
            (Kind::Deleted, "deleted", "deleted"),
            (Kind::TakesOver, "taken over", "taken over"),
            (Kind::Changes, "changes", "change"),
            (Kind::GetsAccount, "new", "new"),
        ]),
        list(&[
            (Kind::GroupDeleted, "deleted", "deleted"),
            (Kind::GroupTakenOver, "taken over", "taken over"),
            (Kind::GroupChanges, "changes", "change"),
            (Kind::GroupMade, "new", "new"),
        ]),
        signs(&[(Kind::Joins, "+"), (Kind::Leaves, "−")]),
        grants.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", "),
        if target.withheld == 0 { String::new() } else { number(target.withheld) },
    ]
}

/// What a limit is of, where it is: `deactivations at chat`.
pub fn limit_words(guardrail: Guardrail, target: &str) -> String {
    let words = match guardrail {
        Guardrail::Create => "new accounts",
        Guardrail::Adopt => "accounts taken over",
        Guardrail::Reactivate => "people who regain sign-in",
        Guardrail::Rename => "other user names",
        Guardrail::Names => "other names",
        Guardrail::Move => "accounts that move",
        Guardrail::Roles => "other roles",
        Guardrail::Owners => "other owners of groups",
        Guardrail::Update => "accounts that change",
        Guardrail::Deactivate => "deactivations",
        Guardrail::Delete => "deletions",
        Guardrail::AddMembers => "memberships of people who are there",
        Guardrail::RemoveMembers => "memberships that go",
        Guardrail::AddEntitlements => "entitlements of people who are there",
        Guardrail::RemoveEntitlements => "entitlements that go",
        Guardrail::CreateGroups => "new groups",
        Guardrail::DeleteGroups => "deleted groups",
        Guardrail::Leavers => "leavers",
    };
    if target.is_empty() { words.to_owned() } else { format!("{words} at {target}") }
}

/// Whether a document allows more than before.
pub fn loosens(review: &Review, document: &DocumentName) -> bool {
    let looser = |kind: NotUsedKind| matches!(kind, NotUsedKind::LooserLimit | NotUsedKind::LooserGate);
    review.branch.iter().flat_map(|branch| &branch.not_used).any(|one| one.document == *document && looser(one.kind))
}

/// What of the branch a preview does not use, and what the branch loosens that is no limit: each under its title.
pub fn left_out(review: &Review) -> [(&'static str, Vec<&NotUsed>); 2] {
    let all = || review.branch.iter().flat_map(|branch| &branch.not_used);
    let (gates, not_used) = all().partition(|one| one.kind == NotUsedKind::LooserGate);
    [("Not used in this preview", not_used), ("Held or marked less than before", gates)]
}
