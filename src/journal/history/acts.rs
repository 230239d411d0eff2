//! What people did beside runs: the brake, a request, their word about a plan that waits, somebody who was cut off, an erasure, a token.

use crate::journal::{Event, PlanWord};
use crate::render::safe;

/// One of them, ready to be shown.
pub struct RecordedAct<'a> {
    /// who did it
    pub who: &'a str,
    /// the plan's hash, where it is about one
    pub plan: &'a str,
    /// what, as it goes on behind a name
    pub words: String,
}

impl<'a> RecordedAct<'a> {
    /// Nothing where the event is none.
    pub fn of(event: &'a Event) -> Option<Self> {
        let (who, plan, words, reason) = match event {
            Event::Paused { who, reason, everything } => {
                let what = if *everything { "stopped all writing, revocations too" } else { "stopped all writing but revocations" };
                (who, "", what.to_owned(), reason.as_deref())
            }
            // Whom, and why, is sealed: nobody is named in a list.
            Event::Revoked { who, until, .. } => {
                let until = until.map(|day| format!(" until {day}")).unwrap_or_default();
                (who, "", format!("cut somebody off everywhere{until}"), None)
            }
            Event::Resumed { who } => (who, "", "let writing go on".to_owned(), None),
            Event::Asked { who, targets, ignore_window } => {
                let what = if targets.is_empty() { "everything".to_owned() } else { targets.join(", ") };
                let windows = if *ignore_window { ", past closed windows" } else { "" };
                (who, "", format!("asked for a sync of {what}{windows}"), None)
            }
            Event::Erased { subjects, who, reason } => {
                let whom = if subjects.is_empty() { String::new() } else { format!(" ({})", subjects.join(", ")) };
                (who, "", format!("erased somebody{whom}"), Some(reason.as_str()))
            }
            Event::Restored { who, reason, found } => {
                (who, "", format!("said that the state was restored on purpose ({found})"), Some(reason.as_str()))
            }
            Event::ClockAccepted { who, reason, found } => {
                (who, "", format!("said that the clock is right ({found})"), Some(reason.as_str()))
            }
            Event::TokenMade { who, name, scopes, .. } => (who, "", format!("made the token {name} for {}", scopes.join(", ")), None),
            Event::TokenEnded { who, name } => (who, "", format!("ended the token {name}"), None),
            Event::Approved(word) => said("approved", word),
            Event::Rejected(word) => said("rejected", word),
            _ => return None,
        };
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(Self { who, plan, words: safe::line(&format!("{words}{reason}")).into_owned() })
    }
}

fn said<'a>(what: &str, word: &'a PlanWord) -> (&'a String, &'a str, String, Option<&'a str>) {
    let short: String = word.plan.chars().take(SHORT).collect();
    (&word.who, &word.plan, format!("{what} plan {short} at {}", word.target), word.reason.as_deref())
}

/// Digits of a hash by which a plan is known.
const SHORT: usize = 8;
