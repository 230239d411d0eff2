//! The status of a workspace that runs all the time, for a person: what needs somebody first, then each system.
//!
//! Must never: take an old status for the present one, or hide what needs somebody behind what is well.

mod clock;
mod detail;
mod needs;

use std::io::{self, Write};

use anstyle::Style;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::style::{BAD, CHANGED, GOOD, RISK, STRONG, paint};
use super::summary::number;
use super::table::{TextRow, TextTable};
use super::wrap::{labelled, next_step, paragraph};
use super::{count, safe};
use crate::model::{Brake, Pending, Status, SystemRole, SystemState, SystemStatus};
pub use clock::{StatusClock, age};
pub use needs::{calm_words, word as need_word};

/// A status is written anew at least every half minute: whoever is silent for so long is gone.
const SILENT: SignedDuration = SignedDuration::from_mins(2);
/// Columns where there is no terminal and a sentence is broken all the same.
const SENTENCE: usize = 100;

/// How a status looks.
#[derive(Clone, Copy)]
pub struct StatusLook<'a> {
    /// columns of the terminal; none where nobody looks at one
    pub width: Option<usize>,
    /// when it is looked at
    pub now: Timestamp,
    /// in which times are told
    pub zone: &'a TimeZone,
    /// what the commands that are named need besides, such as ` -f acme`
    pub files: &'a str,
    /// whether these are all of the workspace's manifests, and not what says where its state is alone
    pub whole: bool,
    /// in the place of the table these systems in full
    pub systems: &'a [String],
}

/// Whether it was written so long ago that nobody seems to run the workspace.
pub fn is_silent(status: &Status, now: Timestamp) -> bool {
    now.duration_since(status.at) > SILENT
}

/// Whether somebody has to do something.
pub fn needs_somebody(status: &Status, now: Timestamp) -> bool {
    is_silent(status, now) || status.brake.is_some() || status.refused.is_some() || !status.needs.is_empty()
}

/// Writes the view. Colours are always written; the stream drops them where nobody sees them.
pub fn write(status: &Status, look: StatusLook<'_>, out: &mut dyn Write) -> io::Result<()> {
    let view = StatusView { status, look, clock: StatusClock { now: look.now, zone: look.zone } };
    view.silence(out)?;
    view.head(out)?;
    view.brake(out)?;
    needs::write(&view, out)?;
    match look.systems {
        [] => view.table(out),
        _ => detail::write(&view, out),
    }
}

/// Who stopped the writing, when and why, as a sentence without its end.
pub fn brake_words(brake: &Brake, now: Timestamp, zone: &TimeZone) -> String {
    let since = StatusClock { now, zone }.since(brake.at);
    let reason = brake.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    safe::line(&format!("by {} since {since}{reason}", brake.who)).into_owned()
}

/// `04:02 (36 min ago)`
pub fn told_at(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    StatusClock { now, zone }.since(at)
}

struct StatusView<'a> {
    status: &'a Status,
    look: StatusLook<'a>,
    clock: StatusClock<'a>,
}

impl StatusView<'_> {
    fn width(&self) -> usize {
        self.look.width.unwrap_or(SENTENCE)
    }

    fn is_silent(&self) -> bool {
        is_silent(self.status, self.look.now)
    }

    /// A command with what it needs besides.
    fn command(&self, command: &str) -> String {
        let ours = command.starts_with("headcount ");
        let speaks = |word: &&str| ["status", "sync", "pause", "resume", "approve"].contains(word);
        let works = self.look.whole || command.split(' ').nth(1).is_some_and(|word| speaks(&word));
        let besides = match self.repository(command) {
            _ if !ours => String::new(),
            _ if works => self.look.files.to_owned(),
            // Whatever works out a plan needs all that is in force, and not what says where the state is.
            Some(revision) => format!(" (in a checkout of {revision})"),
            None => " (where the manifests are)".to_owned(),
        };
        safe::line(&format!("{command}{besides}")).into_owned()
    }

    /// The revision in force, where it is one of a repository; of what looks for mistakes the one that was refused for them.
    fn repository(&self, command: &str) -> Option<&str> {
        let refused = self.status.refused.as_ref().map(|refused| &refused.revision);
        let in_force = self.status.revision.as_ref();
        let revision = if command.starts_with("headcount validate") { refused.or(in_force) } else { in_force.or(refused) }?;
        (!revision.id.is_empty() && !revision.name.starts_with("files@")).then_some(revision.name.as_str())
    }

    fn silence(&self, out: &mut dyn Write) -> io::Result<()> {
        if !self.is_silent() {
            return Ok(());
        }
        let since = self.clock.since(self.status.at);
        let words = format!("Nobody seems to run this workspace: what stands below was so at {since}, and nothing was told since.");
        paragraph(self.width(), &paint(BAD, words), "", out)?;
        let next = "see whether the controller lives, and start it again as it was started";
        next_step(self.width(), &format!("  {}", paint(STRONG, "next:")), next, "  ", out)
    }

    /// Which workspace, by which manifests, and who writes.
    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let status = self.status;
        let revision = match &status.revision {
            Some(revision) => format!("{} ({})", revision.name, self.clock.age(revision.at)),
            None => "no manifests yet".to_owned(),
        };
        let writes = match &status.lease {
            Some(lease) if lease.epoch > 0 => format!("{} writes, lease {}", lease.holder, number(lease.epoch)),
            Some(lease) => format!("{} writes", lease.holder),
            None => "nobody writes".to_owned(),
        };
        let journal = match &status.journal {
            (0, _) => "journal empty".to_owned(),
            (last, hash) => format!("journal {} {hash}", number(*last)),
        };
        let zone = format!("times in {}", self.look.zone.iana_name().unwrap_or("the workspace's time zone"));
        let rest = [revision, writes, journal, zone];
        let pieces = rest.iter().map(|piece| safe::line(piece).into_owned());
        let name = std::iter::once(paint(STRONG, safe::line(&status.workspace)));
        labelled(self.width(), name.chain(pieces), "  ", "", "  ", out)
    }

    fn brake(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(brake) = &self.status.brake else { return Ok(()) };
        let what = if brake.everything { "All writing is stopped, revocations too" } else { "All writing is stopped but revocations" };
        let words = format!("{} {}", paint(RISK, what), brake_words(brake, self.look.now, self.look.zone));
        paragraph(self.width(), &words, "  ", out)?;
        next_step(self.width(), &format!("  {}", paint(STRONG, "next:")), &self.command("headcount resume"), "  ", out)
    }

    fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.status.systems.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        let heads = vec!["SYSTEM", "STATE", "SINCE", "READ", "EVIDENCE", "PENDING", "NEXT"];
        let rows = self.status.systems.iter().map(|system| self.row(system)).collect();
        TextTable { heads, rows }.write(self.look.width, out)
    }

    fn row(&self, system: &SystemStatus) -> TextRow {
        let cells = vec![
            system.name.to_string(),
            state_words(system),
            self.clock.at(system.since),
            system.read.map_or_else(|| "never".to_owned(), |read| self.clock.age(read)),
            system.evidence.clone(),
            pending(system.pending),
            system.next.map(|next| self.clock.due(next)).unwrap_or_default(),
        ];
        // What a need says already is not said again.
        let said = |why: &String| self.status.needs.iter().any(|need| need.about == *system.name && need.words.contains(why.as_str()));
        TextRow { cells, style: Some((STATE, style(system.state))), note: system.why.clone().filter(|why| !said(why)) }
    }
}

/// The column of a system's state.
const STATE: usize = 1;

/// `Changing 7/19`, `Waits for approval`
pub fn state_words(system: &SystemStatus) -> String {
    let word = match system.state {
        SystemState::Unknown if system.read.is_none() || system.role == SystemRole::Source => "Not read yet",
        SystemState::Unknown => "Not known yet",
        SystemState::AsDeclared if system.role == SystemRole::Source => "Read",
        SystemState::AsDeclared => "As declared",
        SystemState::Changing => "Changing",
        SystemState::WaitsForApproval => "Waits for approval",
        SystemState::Held => "Held",
        SystemState::WindowClosed => "Window closed",
        SystemState::Suspended => "Suspended",
        SystemState::Paused => "Paused",
        SystemState::Behind => "Behind",
        SystemState::Stalled => "Stalled",
        SystemState::Unreadable if is_in_part(system) => "Read in part",
        SystemState::Unreadable => "Unreadable",
    };
    match system.progress {
        Some((done, all)) => format!("{word} {}/{}", number(done), number(all)),
        None => word.to_owned(),
    }
}

/// Whether something came of it, and not all of it counts.
fn is_in_part(system: &SystemStatus) -> bool {
    system.state == SystemState::Unreadable && system.evidence == "partial"
}

fn style(state: SystemState) -> Style {
    match state {
        SystemState::AsDeclared => GOOD,
        SystemState::Changing => CHANGED,
        SystemState::WaitsForApproval | SystemState::WindowClosed | SystemState::Suspended | SystemState::Paused | SystemState::Behind => {
            RISK
        }
        SystemState::Held | SystemState::Stalled | SystemState::Unreadable => BAD,
        SystemState::Unknown => Style::new(),
    }
}

/// `+4 ~15 -214`
pub fn pending(pending: Pending) -> String {
    let parts = [('+', pending.give), ('~', pending.change), ('-', pending.take)];
    let parts = parts.into_iter().filter(|(_, many)| *many > 0).map(|(sign, many)| format!("{sign}{}", number(many)));
    parts.collect::<Vec<_>>().join(" ")
}

/// The same in words.
pub fn pending_words(pending: Pending) -> String {
    let parts = [(pending.give, "to give"), (pending.change, "to change"), (pending.take, "to take")];
    let parts: Vec<_> = parts.into_iter().filter(|(many, _)| *many > 0).map(|(many, what)| format!("{} {what}", number(many))).collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
#[path = "status/tests.rs"]
mod tests;
