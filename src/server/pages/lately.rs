//! How things are and what was done within a day, in a few sentences at the top of the overview.
//!
//! Must never: name anybody.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::{PageContext, number, people_words, text};
use crate::journal::history::RecentNumbers;
use crate::model::{Status, SystemRole, SystemState};
use crate::render::status::age;
use crate::render::{count, lost_words};
use crate::server::api::broken;
use crate::server::desk::{ENTRIES, LATELY};

/// The sentences; those about a time that nobody can tell are left out.
pub(super) async fn summary(context: &PageContext, status: &Status) -> Markup {
    let told = context.site.lately(context.now).await.map_err(broken);
    html! {
        p.sub {
            (standing(status, context.now)) " "
            @match &told {
                Ok(numbers) => { (done(context, numbers)) a href="/history" { "What was done" } "." }
                Err(problem) => { "What was done lately can't be told: " (text(&problem.detail)) "." }
            }
        }
    }
}

/// `2 of 3 targets are as declared. All but okta were read within the last 20 min.`
fn standing(status: &Status, now: Timestamp) -> String {
    let targets: Vec<_> = status.systems.iter().filter(|system| system.role == SystemRole::Target).collect();
    let well = targets.iter().filter(|system| system.state == SystemState::AsDeclared).count();
    let declared = match (well, targets.len()) {
        (_, 0) => String::new(),
        (1, 1) => "The target is as declared. ".to_owned(),
        (_, 1) => "The target is not as declared. ".to_owned(),
        (well, all) if well == all => format!("All {} targets are as declared. ", number(all as u64)),
        (well, all) => {
            format!("{} of {} {} as declared. ", number(well as u64), count(all as u64, "target"), if well == 1 { "is" } else { "are" })
        }
    };
    let is_read = |state: SystemState| !matches!(state, SystemState::Unreadable | SystemState::Stalled);
    let (read, rest): (Vec<_>, Vec<_>) = status.systems.iter().partition(|system| is_read(system.state) && system.read.is_some());
    let oldest = read.iter().filter_map(|system| system.read).min().map(|read| age(now.duration_since(read)));
    let names: Vec<String> = rest.iter().map(|system| text(&system.name)).collect();
    match (oldest, names.len()) {
        (None, _) => declared,
        (Some(age), 0) => format!("{declared}Everything was read within the last {age}."),
        (Some(age), 1..=NAMED) => format!("{declared}Everything but {} was read within the last {age}.", names.join(" and ")),
        (Some(age), many) => format!("{declared}Everything but {many} systems was read within the last {age}."),
    }
}

/// Systems that are named.
const NAMED: usize = 3;

/// What was done, the worst first, and what came to nothing.
fn done(context: &PageContext, numbers: &RecentNumbers) -> String {
    let since = match context.now.duration_since(numbers.since) >= LATELY - SignedDuration::from_mins(2) {
        true => "In the last 24 hours".to_owned(),
        false => {
            format!("Since {}, as far as the newest {} entries of the journal reach,", context.clock().at(numbers.since), number(ENTRIES))
        }
    };
    let people = people(numbers).map_or_else(|| "nothing was changed for anybody".to_owned(), |people| format!("{people}, nobody else"));
    let failed = (numbers.failed > 0).then(|| {
        let was = if numbers.failed == 1 { "was" } else { "were" };
        format!(" {} came to nothing, or not to all of it, and {was} not done since.", count(numbers.failed as u64, "change"))
    });
    let stopped = (numbers.stopped > 0).then(|| format!(", {} of them stopped before the end", number(numbers.stopped as u64)));
    let runs = (numbers.runs > 0).then(|| format!(" {}{}.", count(numbers.runs as u64, "run"), stopped.unwrap_or_default()));
    format!("{since} {people}.{}{} ", failed.unwrap_or_default(), runs.unwrap_or_default())
}

/// `9 people lost sign-in (8 have left, 1 cut off), 4 got an account`
fn people(numbers: &RecentNumbers) -> Option<String> {
    let lost: Vec<String> =
        numbers.lost.iter().map(|(reason, many)| format!("{} {}", number(*many as u64), lost_words(*reason, *many))).collect();
    let parts = [
        (numbers.losers(), format!("lost sign-in ({})", lost.join(", "))),
        (numbers.deleted, "had an account deleted for good".to_owned()),
        (numbers.given, "got an account".to_owned()),
        (numbers.regained, "got sign-in back".to_owned()),
        (numbers.adopted, "had an account taken over".to_owned()),
        (numbers.changed, "got other data, groups or entitlements".to_owned()),
    ];
    let mut told: Vec<String> = Vec::new();
    for (many, words) in parts.iter().filter(|(many, _)| *many > 0) {
        let who = if told.is_empty() { people_words(*many) } else { number(*many as u64) };
        told.push(format!("{who} {words}"));
    }
    (!told.is_empty()).then(|| told.join(", "))
}
