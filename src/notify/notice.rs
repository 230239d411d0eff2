//! From how a workspace is to what its receivers are told: one message a cause, once more after some hours, and one when it is over. Nothing is sent here.
//!
//! Must never: read a clock, name a person, or tell the same thing at each look.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::manifest::kinds::NoticeKind;
use crate::model::{Need, NeedKind, Status, SystemState, SystemStatus};
use crate::state::{Fact, Shelf, StateError, Store};

/// What is not answered is told again after so long.
const AGAIN: SignedDuration = SignedDuration::from_hours(4);
/// What is gone for less is not over: it comes and goes.
const OVER: SignedDuration = SignedDuration::from_mins(10);
/// The same thing, begun anew, is a message of its own, but not more often than that.
const ANEW: SignedDuration = SignedDuration::from_mins(30);
/// The hour of the day of the digest.
const DIGEST_HOUR: i8 = 8;
/// The digest's name among causes.
const DIGEST: &str = "digest";

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// the same however often and to whomever it is sent
    pub id: String,
    /// the same for every message of one cause, from the first to the last
    pub thread: String,
    /// what it is about
    #[serde(serialize_with = "as_word")]
    pub kind: NoticeKind,
    /// the Workspace's id
    pub workspace: Arc<str>,
    /// the system, the revision or the plan
    pub about: String,
    /// one sentence
    pub words: String,
    /// a command that goes on from here
    pub next: String,
    /// since when it is so
    pub since: Timestamp,
    /// when this was written
    pub at: Timestamp,
    /// it was told before
    pub again: bool,
    /// how much is pending, withheld and so on
    pub counts: BTreeMap<&'static str, u64>,
}

/// What was told, by cause: a thing of the shelf each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NoticeMemory(BTreeMap<Arc<str>, ToldCause>);

/// One cause that was told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldCause {
    about: String,
    /// since when it was so
    since: Timestamp,
    /// when the thread began
    first: Timestamp,
    /// when it was last told
    last: Timestamp,
    /// since when it is not so any more
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<Timestamp>,
}

/// What is to be said, and to be remembered of it.
#[derive(Debug, Default)]
pub struct Notices {
    /// for the receivers
    pub notices: Vec<Notice>,
    /// for the state
    pub facts: Vec<Fact>,
}

impl NoticeMemory {
    /// What the state remembers.
    pub async fn read(store: &dyn Store) -> Result<Self, StateError> {
        Ok(Self(Shelf::Notices.all(store).await?.into_iter().collect()))
    }

    /// Hears how it is now, and remembers that it was told. `zone` says when it is morning.
    pub fn hear(&mut self, status: &Status, zone: &TimeZone) -> Notices {
        let before = self.0.clone();
        let mut notices: Vec<Notice> = Vec::new();
        let mut open = Vec::new();
        for need in &status.needs {
            let cause: Arc<str> = format!("{} {}", need_word(need.kind), need.about).into();
            if !open.contains(&cause) {
                notices.extend(self.so(&cause, need, status));
                open.push(cause);
            }
        }
        let gone: Vec<Arc<str>> = self.0.keys().filter(|cause| &***cause != DIGEST && !open.contains(cause)).cloned().collect();
        notices.extend(gone.iter().filter_map(|cause| self.not_so(cause, status)));
        notices.extend(self.digest(status, zone));
        Notices { notices, facts: self.changed(&before) }
    }

    /// It is so.
    fn so(&mut self, cause: &Arc<str>, need: &Need, status: &Status) -> Option<Notice> {
        let now = status.at;
        let known = self.0.get_mut(cause);
        let (first, again) = match &known {
            None => (now, false),
            Some(told) => {
                // What was told by a clock that was ahead and was put back keeps nobody silent.
                let silent = if told.last > now { AGAIN } else { now.duration_since(told.last) };
                let anew = need.since > told.since && silent >= ANEW;
                if !anew && silent < AGAIN {
                    if let Some(told) = known {
                        told.gone = None;
                    }
                    return None;
                }
                (told.first, !anew)
            }
        };
        self.0.insert(cause.clone(), ToldCause { about: need.about.clone(), since: need.since, first, last: now, gone: None });
        let notice = Written { kind: kind_of(need.kind), cause, first, about: &need.about, since: need.since, again };
        Some(notice.says(status, need.words.clone(), need.next.clone(), counts_of(status, &need.about)))
    }

    /// It is not so any more.
    fn not_so(&mut self, cause: &Arc<str>, status: &Status) -> Option<Notice> {
        let told = self.0.get_mut(cause)?;
        let gone = *told.gone.get_or_insert(status.at);
        if (SignedDuration::ZERO..OVER).contains(&status.at.duration_since(gone)) {
            return None;
        }
        let told = self.0.remove(cause)?;
        let notice = Written { kind: NoticeKind::Recovered, cause, first: told.first, about: &told.about, since: gone, again: false };
        let words = format!("{}: what was told of since {} is over", told.about, minute(told.since));
        Some(notice.says(status, words, "headcount status".into(), counts_of(status, &told.about)))
    }

    /// Once a day, in the morning; the first one on the day after the first look.
    fn digest(&mut self, status: &Status, zone: &TimeZone) -> Option<Notice> {
        let now = zone.to_datetime(status.at);
        let cause: Arc<str> = DIGEST.into();
        let told = ToldCause { about: status.workspace.to_string(), since: status.at, first: status.at, last: status.at, gone: None };
        let Some(known) = self.0.get(&cause) else {
            self.0.insert(cause, told);
            return None;
        };
        if zone.to_datetime(known.last).date() >= now.date() || now.hour() < DIGEST_HOUR {
            return None;
        }
        let since = known.last;
        self.0.insert(cause.clone(), told);
        let (words, counts) = day(status);
        let notice = Written { kind: NoticeKind::Digest, cause: &cause, first: status.at, about: &status.workspace, since, again: false };
        Some(notice.says(status, words, "headcount status".into(), counts))
    }

    /// What differs from before, for the state.
    fn changed(&self, before: &BTreeMap<Arc<str>, ToldCause>) -> Vec<Fact> {
        let put = self
            .0
            .iter()
            .filter(|(cause, told)| before.get(*cause) != Some(told))
            .map(|(cause, told)| Shelf::Notices.put(cause.clone(), told));
        let taken = before.keys().filter(|cause| !self.0.contains_key(*cause)).map(|cause| Shelf::Notices.take(cause.clone()));
        put.chain(taken).collect()
    }
}

impl Notice {
    /// As it stands in an event: `dev.headcount.plan.waits`.
    pub(super) fn event(&self) -> &'static str {
        match self.kind {
            NoticeKind::NeedsSomebody => "dev.headcount.somebody.needed",
            NoticeKind::PlanWaits => "dev.headcount.plan.waits",
            NoticeKind::RevocationOpen => "dev.headcount.revocation.open",
            NoticeKind::Held => "dev.headcount.changes.held",
            NoticeKind::Recovered => "dev.headcount.recovered",
            NoticeKind::Digest => "dev.headcount.digest",
        }
    }

    /// What stands above it.
    pub(super) fn title(&self) -> String {
        let word = match self.kind {
            NoticeKind::NeedsSomebody => "needs somebody",
            NoticeKind::PlanWaits => "waits for approval",
            NoticeKind::RevocationOpen => "still has access",
            NoticeKind::Held => "held back",
            NoticeKind::Recovered => "recovered",
            NoticeKind::Digest => return format!("[{}] today", self.workspace),
        };
        let again = if self.again { ", still" } else { "" };
        format!("[{}] {}: {word}{again}", self.workspace, self.about)
    }
}

/// A message on its way.
struct Written<'n> {
    kind: NoticeKind,
    cause: &'n str,
    first: Timestamp,
    about: &'n str,
    since: Timestamp,
    again: bool,
}

impl Written<'_> {
    fn says(self, status: &Status, words: String, next: String, counts: BTreeMap<&'static str, u64>) -> Notice {
        let thread = name(&format!("{}\n{}\n{}", status.workspace, self.cause, self.first));
        let id = name(&format!("{thread}\n{}\n{}", status.at, kind_word(self.kind)));
        Notice {
            id,
            thread,
            kind: self.kind,
            workspace: status.workspace.clone(),
            about: self.about.to_owned(),
            words,
            next,
            since: self.since,
            at: status.at,
            again: self.again,
            counts,
        }
    }
}

fn kind_of(need: NeedKind) -> NoticeKind {
    match need {
        NeedKind::RevocationOpen => NoticeKind::RevocationOpen,
        NeedKind::Waits => NoticeKind::PlanWaits,
        NeedKind::Held | NeedKind::Undecided => NoticeKind::Held,
        NeedKind::Stalled
        | NeedKind::RevisionRefused
        | NeedKind::Unreadable
        | NeedKind::Contested
        | NeedKind::Undeclared
        | NeedKind::Untold
        | NeedKind::Unsubscribed => NoticeKind::NeedsSomebody,
    }
}

fn need_word(need: NeedKind) -> &'static str {
    match need {
        NeedKind::RevocationOpen => "revocationOpen",
        NeedKind::Stalled => "stalled",
        NeedKind::Held => "held",
        NeedKind::Undecided => "undecided",
        NeedKind::Waits => "waits",
        NeedKind::RevisionRefused => "revisionRefused",
        NeedKind::Unreadable => "unreadable",
        NeedKind::Contested => "contested",
        NeedKind::Undeclared => "undeclared",
        NeedKind::Untold => "untold",
        NeedKind::Unsubscribed => "unsubscribed",
    }
}

/// As manifests and messages say it.
pub(super) fn kind_word(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::NeedsSomebody => "needsSomebody",
        NoticeKind::PlanWaits => "planWaits",
        NoticeKind::RevocationOpen => "revocationOpen",
        NoticeKind::Held => "held",
        NoticeKind::Recovered => "recovered",
        NoticeKind::Digest => "digest",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn as_word<S: serde::Serializer>(kind: &NoticeKind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind_word(*kind))
}

/// Numbers of the system that it is about, where it is one.
fn counts_of(status: &Status, about: &str) -> BTreeMap<&'static str, u64> {
    let Some(system) = status.systems.iter().find(|system| &*system.name == about) else { return BTreeMap::new() };
    let SystemStatus { pending, withheld, rows, .. } = system;
    let all = [
        ("give", pending.give),
        ("change", pending.change),
        ("take", pending.take),
        ("withheld", withheld.values().sum()),
        ("rows", *rows),
    ];
    all.into_iter().filter(|(_, many)| *many > 0).collect()
}

/// How a day began.
fn day(status: &Status) -> (String, BTreeMap<&'static str, u64>) {
    let many = |count: usize| count as u64;
    let declared = many(status.systems.iter().filter(|system| system.state == SystemState::AsDeclared).count());
    let (systems, needs) = (many(status.systems.len()), many(status.needs.len()));
    let drift = status.systems.iter().map(|system| system.drift).sum();
    let withheld = status.systems.iter().flat_map(|system| system.withheld.values()).sum();
    let somebody = match needs {
        0 => "nothing needs somebody".to_owned(),
        1 => "1 thing needs somebody".to_owned(),
        needs => format!("{needs} things need somebody"),
    };
    let words = format!("{declared} of {systems} systems are as declared; {somebody}");
    let counts = BTreeMap::from([
        ("systems", systems),
        ("asDeclared", declared),
        ("needs", needs),
        ("people", status.identities),
        ("drift", drift),
        ("withheld", withheld),
        ("revocationsOpen", status.revocations_open),
    ]);
    (words, counts)
}

/// A minute is exact enough for people.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A short name of its own.
fn name(of: &str) -> String {
    let hash = digest::digest(&digest::SHA256, of.as_bytes());
    hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
