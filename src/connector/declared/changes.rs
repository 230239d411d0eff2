//! What changed at a declared system since it was read: by a token of its own, or since a time. What changed is asked for anew; who is gone is told.
//!
//! Must never: guess. A token that ran out, was not given or is too old means that all is read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::definition::{Objects, Request};
use super::gather::{Gather, Take, fingerprint, size};
use super::listing::{Collect, list_from};
use super::pages::{Place, Turn};
use super::parts::Hidden;
use super::scope::Scope;
use crate::expr::Expression;
use crate::model::{Evidence, SystemError, Watermark};

/// How a system tells what changed.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    pub(super) way: Way,
    /// of a record of what changed: it is gone
    pub(super) removed: Option<Expression>,
    /// records of what changed are whole
    pub(super) whole: bool,
    /// how old the last whole read may be
    pub(super) full: Duration,
}

/// By what it is asked.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// a token that the last page gives: a URL, or what goes to a place
    Token { start: Box<Request>, from_now: bool, save: Expression, to: Option<Place>, lifetime: Duration },
    /// a time, some before the one up to which it was read
    Since { ask: Box<Request>, overlap: Duration },
}

/// Up to where it was read.
struct Mark {
    /// when all was read, in seconds
    whole: i64,
    /// up to when
    at: i64,
    token: String,
}

/// The mark of a read that ended just now with this token of the system, or at this time: what a test has to say.
pub(super) fn recorded_mark(since: &str) -> Watermark {
    let now = jiff::Timestamp::now().as_second();
    let at = since.parse::<jiff::Timestamp>().map_or(now, |at| at.as_second());
    Mark { whole: now, at, token: since.to_owned() }.write()
}

/// The system's own token in a mark.
pub(super) fn token_of(mark: &Watermark) -> Arc<str> {
    Mark::read(mark).map_or_else(|| mark.0.clone(), |mark| mark.token.into())
}

/// What a read of what changed came to.
pub(super) struct Changed {
    pub(super) evidence: Evidence,
    pub(super) next: Option<Watermark>,
    pub(super) gone: Vec<Arc<str>>,
}

impl Changed {
    /// All of them, with no word of what changes next.
    pub(super) fn whole(evidence: Evidence) -> Self {
        Self { evidence, next: None, gone: Vec::new() }
    }
}

impl Changes {
    /// Its request.
    pub(super) fn request(&self) -> &Request {
        match &self.way {
            Way::Token { start, .. } => start,
            Way::Since { ask, .. } => ask,
        }
    }
}

impl Mark {
    fn read(mark: &Watermark) -> Option<Self> {
        let said: Json = serde_json::from_str(&mark.0).ok()?;
        let number = |name: &str| said.get(name).and_then(Json::as_i64);
        Some(Self { whole: number("whole")?, at: number("at")?, token: said.get("token")?.as_str()?.to_owned() })
    }

    fn write(&self) -> Watermark {
        Watermark(json!({"whole": self.whole, "at": self.at, "token": self.token}).to_string().into())
    }

    /// Whether what changed since then is all that there is to know.
    fn counts(&self, changes: &Changes, now: i64) -> bool {
        let within = |since: i64, span: Duration| since <= now && now - since < i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        let lives = match &changes.way {
            Way::Token { lifetime, .. } => within(self.at, *lifetime),
            Way::Since { .. } => self.at <= now,
        };
        lives && within(self.whole, changes.full)
    }
}

impl Gather<'_> {
    /// What changed since a mark; all of them where there is none that counts. `knows_ids` is whether whoever asks knows objects by their ids.
    pub(super) async fn changed(&self, changes: &Changes, mark: Option<&Watermark>, knows_ids: bool, into: &mut dyn Take) -> Changed {
        let now = jiff::Timestamp::now().as_second();
        let mark = mark.and_then(Mark::read).filter(|mark| mark.counts(changes, now));
        if let Some(mark) = mark {
            match self.since(changes, &mark, now, into, knows_ids).await {
                Ok(Some(changed)) => return changed,
                // It ran out, or it tells of somebody who can't be named.
                Ok(None) => into.restart(),
                Err(reason) => {
                    into.restart();
                    return Changed { evidence: Evidence::Unreadable { reason }, next: None, gone: Vec::new() };
                }
            }
        }
        self.whole(changes, now, into).await
    }

    /// All of them, and from where what changes next can be asked for.
    async fn whole(&self, changes: &Changes, now: i64, into: &mut dyn Take) -> Changed {
        let (evidence, token) = match &changes.way {
            Way::Since { .. } => (self.all(into).await, Some(String::new())),
            Way::Token { start, save, from_now, .. } => {
                let mut found = Latest {
                    objects: self.objects,
                    scope: &self.scope,
                    removed: changes.removed.as_ref(),
                    records: BTreeMap::new(),
                    size: 0,
                };
                let ended = list_from(self.api, start, &self.scope, None, &mut found).await;
                let token = ended.last.as_ref().and_then(|answer| answer.scope().text(save)).filter(|token| !token.is_empty());
                let evidence = match (&ended.evidence, &token) {
                    (Evidence::Complete, None) => partial("its last page has no token, so it is not known to be the last"),
                    (other, _) => other.clone(),
                };
                let came = if *from_now {
                    // What changes while they are read comes again by the token.
                    self.all(into).await
                } else {
                    let there = found.records.into_iter().filter_map(|(id, record)| Some((id, record?)));
                    self.these_records(there.collect(), changes.whole, true, into).await
                };
                (evidence.and(came), token)
            }
        };
        let whole = evidence == Evidence::Complete;
        let next = token.filter(|_| whole).map(|token| Mark { whole: now, at: now, token }.write());
        Changed { evidence, next, gone: Vec::new() }
    }

    /// What changed since a mark. Nothing: it counts no more.
    async fn since(
        &self,
        changes: &Changes,
        mark: &Mark,
        now: i64,
        into: &mut dyn Take,
        knows_ids: bool,
    ) -> Result<Option<Changed>, String> {
        let mut found =
            Latest { objects: self.objects, scope: &self.scope, removed: changes.removed.as_ref(), records: BTreeMap::new(), size: 0 };
        let since;
        let (scope, first) = match &changes.way {
            Way::Token { to: None, .. } => (self.scope.clone(), Some(Turn::Url(mark.token.clone()))),
            Way::Token { to: Some(place), .. } => (self.scope.clone(), Some(Turn::Put(place.clone(), Json::from(mark.token.as_str())))),
            Way::Since { overlap, .. } => {
                let at = mark.at - i64::try_from(overlap.as_secs()).unwrap_or_default();
                let at = jiff::Timestamp::from_second(at).map_err(|error| error.to_string())?;
                since = Json::from(at.to_string());
                (self.scope.with("since", &since), None)
            }
        };
        let ended = list_from(self.api, changes.request(), &scope, first, &mut found).await;
        match (&ended.evidence, &ended.error, &changes.way) {
            (Evidence::Complete, ..) => {}
            (_, Some(SystemError::NotFound(_)), Way::Token { .. }) => return Ok(None),
            (other, ..) => return Err(format!("what changed is not known: {}", other.reason().unwrap_or_default())),
        }
        let token = match &changes.way {
            Way::Since { .. } => String::new(),
            Way::Token { save, .. } => {
                let token = ended.last.as_ref().and_then(|answer| answer.scope().text(save)).filter(|token| !token.is_empty());
                token.ok_or("what changed is not known: its last page has no token, so it is not known to be the last")?
            }
        };
        let ids: Vec<String> = found.records.keys().cloned().collect();
        let there = found.records.into_iter().filter_map(|(id, record)| Some((id, record?)));
        let there: Vec<(String, Json)> = there.collect();
        if !knows_ids && there.len() < ids.len() {
            return Ok(None);
        }
        let mut seen = Seen::new(into);
        match self.these_records(there, changes.whole, false, &mut seen).await {
            Evidence::Complete => {}
            other => return Err(format!("what changed is not known: {}", other.reason().unwrap_or_default())),
        }
        // Who is not there any more, or is none of these now, is gone as well.
        let gone: Vec<Arc<str>> = ids.into_iter().filter(|id| !seen.taken.contains(id)).map(Arc::from).collect();
        if !knows_ids && !gone.is_empty() {
            return Ok(None);
        }
        let next = Mark { whole: mark.whole, at: now, token }.write();
        Ok(Some(Changed { evidence: Evidence::Delta, next: Some(next), gone }))
    }
}

fn partial(words: &str) -> Evidence {
    Evidence::Partial { reason: words.to_owned() }
}

/// The last word of each record; nothing of one that is gone.
struct Latest<'l> {
    objects: &'l Objects,
    scope: &'l Scope<'l>,
    removed: Option<&'l Expression>,
    records: BTreeMap<String, Option<Json>>,
    size: usize,
}

impl Collect for Latest<'_> {
    fn id(&self, record: &Json) -> Option<String> {
        // One that changed twice may well come twice.
        self.scope.with("record", record).text(&self.objects.id).map(|_| fingerprint(record))
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        let scope = self.scope.with("record", record);
        let gone = self.removed.is_some_and(|removed| scope.holds(removed));
        if let Some(id) = scope.text(&self.objects.id) {
            self.size += size(record);
            self.records.insert(id, (!gone).then(|| record.clone()));
        }
    }

    fn page(&mut self) -> usize {
        std::mem::take(&mut self.size)
    }
}

/// Who was handed on.
pub(super) struct Seen<'s> {
    into: &'s mut dyn Take,
    taken: BTreeSet<String>,
}

impl<'s> Seen<'s> {
    fn new(into: &'s mut dyn Take) -> Self {
        Self { into, taken: BTreeSet::new() }
    }
}

impl Take for Seen<'_> {
    fn id(&self, record: &Json) -> Option<String> {
        self.into.id(record)
    }

    fn is_skipped(&self, record: &Json) -> bool {
        self.into.is_skipped(record)
    }

    fn take(&mut self, record: &Json, hidden: &[Hidden]) {
        if let Some(id) = self.into.id(record).filter(|_| !self.into.is_skipped(record)) {
            self.taken.insert(id);
        }
        self.into.take(record, hidden);
    }

    fn page(&mut self) -> usize {
        self.into.page()
    }

    fn restart(&mut self) {
        self.into.restart();
    }
}
