//! The words of a refusal and of an override that is used: the figures, the place, and how to answer.
//!
//! Must never: print an override that would not work.

use std::fmt::Write as _;

use jiff::ToSpan;

use super::Breach;
use super::rules::Sort;
use crate::model::{Change, Finding, FindingCode, Guardrail, Severity, Subject};
use crate::policy::{Lets, OverridePolicy};

/// Days that the override in a refusal's hint is good for.
const OVERRIDE_DAYS: i64 = 7;

/// What exceeds a limit, and goes by an override.
pub(super) fn overridden(breach: &Breach<'_>, used: &OverridePolicy) -> Finding {
    let what = match used.lets {
        Lets::Exactly(_) => "exactly these changes".to_owned(),
        Lets::AtMost(bound) => format!("up to {bound} in a window"),
    };
    let message = format!("{}; the override at {} lets {what} past until {}: {}", sentence(breach), used.place, used.expires, used.reason);
    let subject = Subject::system(&breach.scene.target.name);
    Finding::new(Severity::Note, FindingCode::GuardrailExceeded, subject, message).at(Some(used.place.clone()))
}

/// What exceeds a limit and does not go, or not all of it. `stale`: overrides that let nothing past, and why.
pub(super) fn refusal(breach: &Breach<'_>, ending: &str, hash: &str, stale: &[(&OverridePolicy, String)]) -> Finding {
    let mut message = format!("{}; {ending}", sentence(breach));
    for (given, why) in stale {
        // Writing into a string can't fail.
        let _ = write!(message, "; the override at {} {why}", given.place);
    }
    let place = breach.limit.place.clone().unwrap_or_else(|| breach.scene.target.place.clone());
    let finding = Finding::new(Severity::Refused, FindingCode::GuardrailExceeded, Subject::system(&breach.scene.target.name), message);
    Finding { guardrail: Some(breach.rule.guardrail), ..finding.hint(hint(breach, hash)).at(Some(place)) }
}

/// Who loses a group that would be deleted, as far as a sentence holds it; the change itself names all of them.
pub(super) fn people_who_lose<'a>(breach: &Breach<'_>, changes: impl Iterator<Item = &'a Change>) -> String {
    if breach.rule.guardrail != Guardrail::DeleteGroups {
        return String::new();
    }
    match changes.map(Change::people_who_lose).fold(0, u64::saturating_add) {
        0 => "nobody is in them; ".to_owned(),
        1 => "1 person would lose a group; ".to_owned(),
        people => format!("{people} memberships would go with them; "),
    }
}

/// The figures as one sentence.
fn sentence(breach: &Breach<'_>) -> String {
    let Breach { scene, rule, limit, figures } = breach;
    let (target, things, of) = (&scene.target.name, rule.things, rule.of.words());
    let window = format!("{:#}", scene.target.guardrails.window);
    let before = if figures.unknown { "an unknown number (there is no state)".to_string() } else { figures.used.to_string() };
    let place = limit.place.as_ref().map_or_else(|| "the default limit".to_string(), |place| format!("the limit at {place}"));
    let max = limit.max.map_or_else(String::new, |max| format!(", at most {max}"));
    let formula = match limit.percent {
        None => format!("count {}{max}", limit.count),
        Some(percent) => format!("count {}, {percent} % of {} {of}{max}{}", limit.count, figures.population, capped(breach)),
    };
    let allowed = figures.allowed;
    format!(
        "{target}: {things}: {} planned and {before} done in the last {window}, but {place} allows {allowed} ({formula})",
        figures.planned
    )
}

/// Where a small population makes less of the count.
fn capped(breach: &Breach<'_>) -> &'static str {
    let Breach { limit, figures, .. } = breach;
    if figures.allowed < limit.count && limit.max.is_none_or(|max| max > figures.allowed) {
        "; never more than a third of them"
    } else {
        ""
    }
}

fn hint(breach: &Breach<'_>, hash: &str) -> String {
    let Breach { scene, rule, figures, .. } = breach;
    let first = if figures.unknown { "bring back the state file of this workspace; or, if" } else { "if" };
    // A date at the very end of time has no week after it; today is still a valid last day.
    let expires = scene.moment.today.checked_add(OVERRIDE_DAYS.days()).unwrap_or(scene.moment.today);
    let bound = match figures.full {
        true => String::new(),
        false => format!(
            "\nor, for whatever comes until then, `atMost: {}` in the place of `changes`{}",
            figures.total(),
            if rule.sort == Sort::Takes { ", if you are sure of the source" } else { "" }
        ),
    };
    format!(
        "{first} this is right, add to Target {}:\nspec:\n  guardrails:\n    overrides:\n    - guardrail: {}\n      changes: {hash}\n      reason: \"…\"\n      expires: {expires}{bound}",
        scene.target.name,
        rule.guardrail.word()
    )
}
