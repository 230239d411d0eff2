//! The records of a list, put together of their parts: the list itself (or one for each of several), what is asked for afterwards by ids, and what further lists
//! have of each.
//!
//! Must never: call records whole of which a part was not answered, or take what a part did not say for empty.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hasher;

use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value as Json};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::definition::{Objects, Request};
use super::exchange::Api;
use super::listing::{Collect, list, records};
use super::pages::Turn;
use super::parts::{Each, Hidden, Join, JoinRows, Required};
use super::reader::with_id;
use super::scope::{Scope, as_text};
use crate::connector::budget::{ROW, Share};
use crate::connector::connection::Again;
use crate::expr::Expression;
use crate::manifest::kinds::connector::Then;
use crate::model::{Evidence, SystemError};

/// Questions under way at once; the system's own limits hold besides.
const AT_ONCE: usize = 8;
/// So many ids are asked for before what came is handed on.
const CHUNK: usize = 256;

/// Takes records, each put together.
pub(super) trait Take: Send {
    /// The id of a record. Nothing: it has none.
    fn id(&self, record: &Json) -> Option<String>;

    /// Takes a record; `hidden` fields of it are not known.
    fn take(&mut self, record: &Json, hidden: &[Hidden]);

    /// Whether a record is none of these.
    fn is_skipped(&self, record: &Json) -> bool;

    /// Hands on what it has; how much that was, or is held.
    fn page(&mut self) -> usize;

    /// What came so far counts for nothing.
    fn restart(&mut self);
}

/// Gathers the records of a kind of objects.
pub(super) struct Gather<'g> {
    pub(super) api: &'g Api,
    pub(super) objects: &'g Objects,
    /// what all requests know
    pub(super) scope: Scope<'g>,
    /// these alone, where not all are wanted
    pub(super) only: Option<&'g BTreeSet<String>>,
}

/// What a further list has, by whose it is.
struct Joined<'g> {
    name: &'g str,
    join: &'g Join,
    rows: HashMap<String, Vec<Json>>,
    evidence: Evidence,
}

/// What came of a question for one record; nothing where it is not there.
type Came<T> = Result<Option<T>, SystemError>;

/// A record that waits for what is asked for by its id.
struct Held {
    id: String,
    record: Json,
    hidden: Vec<Hidden>,
}

impl Gather<'_> {
    /// All of them, to the end.
    pub(super) async fn all(&self, into: &mut dyn Take) -> Evidence {
        let Some(request) = &self.objects.list else { return Evidence::Unreadable { reason: "it has no list".into() } };
        let mut share = self.api.budget.share();
        let joined = self.joins(&mut share).await;
        let (parents, mut evidence) = self.parents(&mut share).await;
        let mut known = HashSet::new();
        for parent in parents {
            let scope = parent.as_ref().map_or_else(|| self.scope.clone(), |parent| self.scope.with("each", parent));
            let came = self.part(request, &scope, &joined, &mut known, into).await;
            evidence = evidence.and(match &parent {
                None => came,
                Some(parent) => of_part(&named(parent), came),
            });
        }
        of_joins(&joined, evidence)
    }

    /// Those of `only`, asked for by their ids. Nobody is missed by that who is there.
    pub(super) async fn these(&self, into: &mut dyn Take) -> Evidence {
        let ids = self.only.into_iter().flatten().map(|id| (id.clone(), Json::Null));
        self.these_records(ids.collect(), false, true, into).await
    }

    /// Those with these ids, with the records that are there where those are whole. `are_all`: what nobody of them has is a right that is missing.
    pub(super) async fn these_records(&self, records: Vec<(String, Json)>, whole: bool, are_all: bool, into: &mut dyn Take) -> Evidence {
        let mut share = self.api.budget.share();
        let joined = self.joins(&mut share).await;
        let held = records.into_iter().map(|(id, record)| Held { id, record, hidden: Vec::new() });
        let by = if self.objects.parts.batch.is_some() { Then::Batch } else { Then::Get };
        let came = self.details(held.collect(), (!whole).then_some(by), are_all, &joined, into).await;
        of_joins(&joined, came)
    }

    /// The further lists that have rows of everybody.
    async fn joins(&self, share: &mut Share) -> Vec<Joined<'_>> {
        let mut joined = Vec::new();
        for (name, join) in &self.objects.parts.joins {
            if let JoinRows::List(request, key) = &join.rows {
                joined.push(self.joined(name, join, (request, key), share).await);
            }
        }
        joined
    }

    /// What the list is asked for once for each of; nothing as the only one where it is one list.
    async fn parents(&self, share: &mut Share) -> (Vec<Option<Json>>, Evidence) {
        match &self.objects.parts.each {
            None => (vec![None], Evidence::Complete),
            Some(Each::Values(values)) => match self.scope.value(values) {
                Ok(Some(Json::Array(values))) if !values.is_empty() => (values.into_iter().map(Some).collect(), Evidence::Complete),
                Ok(_) => (Vec::new(), Evidence::Unreadable { reason: format!("`{}` names nothing to ask for", values.text()) }),
                Err(words) => (Vec::new(), Evidence::Unreadable { reason: words }),
            },
            Some(Each::Of(request)) => {
                let mut rows = Rows { scope: &self.scope, join: None, rows: Vec::new(), size: 0 };
                let ended = list(self.api, request, &self.scope, &mut rows).await;
                let room = share.add(rows.size).err();
                let evidence = room.map_or(ended.evidence, |error| Evidence::Unreadable { reason: error.to_string() });
                (rows.rows.into_iter().map(|(_, row)| Some(row)).collect(), evidence)
            }
        }
    }

    /// One list, with what belongs to its records.
    async fn part(
        &self,
        request: &Request,
        scope: &Scope<'_>,
        joined: &[Joined<'_>],
        known: &mut HashSet<String>,
        into: &mut dyn Take,
    ) -> Evidence {
        let mut part = Part { gather: self, joined, known, held: Vec::new(), size: 0, into };
        let ended = list(self.api, request, scope, &mut part).await;
        let Part { held, into, .. } = part;
        // A part that is not there any more has nothing; one that a person named must be there, and one that broke off had more.
        if ended.count == 0 && matches!((&ended.error, &self.objects.parts.each), (Some(SystemError::NotFound(_)), Some(Each::Of(_)))) {
            return Evidence::Complete;
        }
        let details = self.details(held, self.objects.parts.then, true, joined, into).await;
        ended.evidence.and(details)
    }

    /// Asks for what is known by an id only, and hands it on.
    async fn details(&self, held: Vec<Held>, then: Option<Then>, are_all: bool, joined: &[Joined<'_>], into: &mut dyn Take) -> Evidence {
        let asked = match then {
            None => None,
            Some(Then::Get) => self.objects.get.as_ref(),
            Some(Then::Batch) => self.objects.parts.batch.as_ref().map(|(request, _)| request),
        };
        // What nobody of a list may lack, nobody may lack who is asked for by an id.
        let asked = asked.filter(|request| !request.require.is_empty()).or(self.objects.list.as_ref().filter(|_| asked.is_some()));
        let mut required = Required::new(asked.map_or(&[], |request| &request.require));
        let mut share = self.api.budget.share();
        let (mut count, mut evidence) = (0u64, Evidence::Complete);
        for chunk in held.chunks(CHUNK) {
            let came = self.chunk(chunk, then, &mut required).await;
            for (held, came) in chunk.iter().zip(came) {
                match came {
                    Ok(None) => {}
                    Ok(Some((record, mut hidden))) => {
                        count += 1;
                        hidden.extend(held.hidden.iter().cloned());
                        self.hand_on(&record, hidden, joined, into);
                    }
                    Err(error) => evidence = evidence.and(Evidence::Partial { reason: format!("{}: {error}", held.id) }),
                }
            }
            if let Err(error) = share.add(into.page() + chunk.len() * ROW) {
                return Evidence::Partial { reason: error.to_string() };
            }
            // What one question met, the next ones would meet too.
            if evidence != Evidence::Complete {
                break;
            }
        }
        share.keep();
        match required.lacking().filter(|_| count > 0 && are_all) {
            Some(field) => evidence.and(lacks(self.api, count, field.text())),
            None => evidence,
        }
    }

    /// The records of some ids, each with what is joined to it by its id. Nothing: it is not there any more.
    async fn chunk(&self, chunk: &[Held], then: Option<Then>, required: &mut Required<'_>) -> Vec<Came<(Json, Vec<Hidden>)>> {
        let mut came = match then {
            None => chunk.iter().map(|held| Ok(Some(held.record.clone()))).collect(),
            Some(Then::Get) => self.one_by_one(chunk).await,
            Some(Then::Batch) => self.many_at_once(chunk).await,
        };
        let seen: Vec<&Json> = came.iter().filter_map(|came| came.as_ref().ok()?.as_ref()).collect();
        required.see(&self.scope, &seen);
        let hidden = |came: &Came<Json>| match came {
            Ok(Some(record)) => required.hidden(&self.scope, record),
            _ => Vec::new(),
        };
        let hidden: Vec<Vec<Hidden>> = came.iter().map(hidden).collect();
        for (name, join) in &self.objects.parts.joins {
            let JoinRows::Of(request) = &join.rows else { continue };
            let asked: Vec<_> = chunk.iter().zip(&came).map(|(held, came)| self.rows_of(request, join, &held.id, came)).collect();
            let rows: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
            for (came, rows) in came.iter_mut().zip(rows) {
                match (came.as_mut(), rows) {
                    (Ok(Some(record)), Some(Ok(rows))) => put(record, name, join.many, rows),
                    (Ok(Some(_)), Some(Err(error))) => *came = Err(error.map_words(|words| format!("{name}: {words}"))),
                    _ => {}
                }
            }
        }
        came.into_iter().zip(hidden).map(|(came, hidden)| came.map(|came| came.map(|record| (record, hidden)))).collect()
    }

    async fn one_by_one(&self, chunk: &[Held]) -> Vec<Came<Json>> {
        let asked: Vec<_> = chunk.iter().map(|held| self.one(&held.id)).collect();
        stream::iter(asked).buffered(AT_ONCE).collect().await
    }

    /// One record by its id; nothing where it is not there.
    pub(super) async fn one(&self, id: &str) -> Came<Json> {
        let Some(get) = &self.objects.get else { return Err(SystemError::Rejected("nothing can be looked up by its id here".into())) };
        let value = Json::from(id);
        let answer = match self.api.ask(get, &self.scope.with("id", &value), &Turn::First, Again::Always).await {
            Ok(answer) => answer,
            Err(SystemError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(with_id(self.objects, &self.scope, records(get, &answer)?, &value)?.cloned())
    }

    async fn many_at_once(&self, chunk: &[Held]) -> Vec<Came<Json>> {
        let Some((request, at_most)) = &self.objects.parts.batch else { return Vec::new() };
        let asked: Vec<_> = chunk.chunks((*at_most).max(1)).map(|some| self.batch(request, some)).collect();
        let came: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        came.into_iter().flatten().collect()
    }

    /// Several records by their ids. What does not come is asked for by itself, where that can be done: not to be in an answer is no answer.
    async fn batch(&self, request: &Request, some: &[Held]) -> Vec<Came<Json>> {
        let ids = Json::Array(some.iter().map(|held| Json::from(held.id.as_str())).collect());
        let mut rows = ById { objects: self.objects, scope: &self.scope, records: HashMap::new() };
        let ended = list(self.api, request, &self.scope.with("ids", &ids), &mut rows).await;
        let mut found = rows.records;
        let mut came = Vec::with_capacity(some.len());
        for held in some {
            came.push(match (found.remove(&held.id), &ended.evidence) {
                (Some(record), _) => Ok(Some(record)),
                (None, Evidence::Complete) if self.objects.get.is_some() => self.one(&held.id).await,
                (None, Evidence::Complete) => Err(SystemError::Protocol("it was asked for by its id, and did not come".into())),
                (None, other) => {
                    Err(ended.error.clone().unwrap_or_else(|| SystemError::Protocol(other.reason().unwrap_or_default().into())))
                }
            });
        }
        if let Some(other) = found.keys().next() {
            let error = SystemError::Protocol(format!("it gave {other}, which was not asked for, so it does not mind the ids"));
            came.iter_mut().for_each(|came| *came = Err(error.clone()));
        }
        came
    }

    /// The rows of one record; nothing where there is none to have some.
    async fn rows_of(&self, request: &Request, join: &Join, id: &str, came: &Came<Json>) -> Option<Result<Vec<Json>, SystemError>> {
        let Ok(Some(record)) = came else { return None };
        let id = Json::from(id);
        let scope = self.scope.with("id", &id).with("record", record);
        let mut rows = Rows { scope: &self.scope, join: Some((join, None)), rows: Vec::new(), size: 0 };
        let ended = list(self.api, request, &scope, &mut rows).await;
        Some(match (ended.evidence, ended.error) {
            (Evidence::Complete, _) => Ok(rows.rows.into_iter().map(|(_, row)| row).collect()),
            (_, Some(SystemError::NotFound(_))) => Ok(Vec::new()),
            (_, Some(error)) => Err(error),
            (other, None) => Err(SystemError::Protocol(other.reason().unwrap_or_default().into())),
        })
    }

    /// Reads a further list whole.
    async fn joined<'j>(&self, name: &'j str, join: &'j Join, (request, key): (&Request, &Expression), share: &mut Share) -> Joined<'j> {
        let mut rows = Rows { scope: &self.scope, join: Some((join, Some(key))), rows: Vec::new(), size: 0 };
        let ended = list(self.api, request, &self.scope, &mut rows).await;
        let room = share.add(rows.size).err();
        let evidence = room.map_or(ended.evidence, |error| Evidence::Unreadable { reason: error.to_string() });
        let mut by_key: HashMap<String, Vec<Json>> = HashMap::new();
        for (key, row) in rows.rows {
            by_key.entry(key).or_default().push(row);
        }
        Joined { name, join, rows: by_key, evidence }
    }

    /// Takes a record with what further lists have of it.
    fn hand_on(&self, record: &Json, mut hidden: Vec<Hidden>, joined: &[Joined<'_>], into: &mut dyn Take) {
        let scope = self.scope.with("record", record);
        hidden.extend(self.objects.parts.redacted(&scope));
        if joined.is_empty() {
            return into.take(record, &hidden);
        }
        let mut whole = record.clone();
        for one in joined {
            let key = match &one.join.matching {
                Some(matching) => scope.text(matching),
                None => into.id(record),
            };
            let rows = key.and_then(|key| one.rows.get(&key)).cloned().unwrap_or_default();
            let whole_list = one.evidence == Evidence::Complete;
            if !whole_list && (rows.is_empty() || one.join.many) {
                hidden.push(Hidden::at(one.name, "its list was not read whole"));
            } else if !one.join.many && rows.len() > 1 {
                hidden.push(Hidden::at(one.name, "there are several of it, and one was expected"));
            } else {
                put(&mut whole, one.name, one.join.many, rows);
            }
        }
        into.take(&whole, &hidden);
    }
}

/// Puts the rows of a join into a record.
fn put(record: &mut Json, name: &str, many: bool, rows: Vec<Json>) {
    if !record.is_object() {
        *record = Json::Object(Map::new());
    }
    let Some(fields) = record.as_object_mut() else { return };
    if many {
        fields.insert(name.to_owned(), Json::Array(rows));
    } else if let Some(row) = rows.into_iter().next() {
        fields.insert(name.to_owned(), row);
    }
}

/// What all parts are worth together.
fn of_joins(joined: &[Joined<'_>], evidence: Evidence) -> Evidence {
    joined.iter().map(|one| of_part(one.name, one.evidence.clone())).fold(evidence, Evidence::and)
}

/// What a part is worth to the whole.
fn of_part(name: &str, evidence: Evidence) -> Evidence {
    match evidence {
        Evidence::Partial { reason } | Evidence::Unreadable { reason } => Evidence::Partial { reason: format!("{name}: {reason}") },
        whole => whole,
    }
}

/// Nobody has a field that somebody must have.
pub(super) fn lacks(api: &Api, count: u64, field: &str) -> Evidence {
    Evidence::Partial {
        reason: format!("none of its {count} records has {field}: a right to read it is missing{}", api.definition.needs()),
    }
}

/// How a part is called.
fn named(parent: &Json) -> String {
    let id = parent.get("id").or_else(|| parent.get("name")).unwrap_or(parent);
    as_text(id).unwrap_or_else(|| "a part".into())
}

/// What tells a record from every other, in a few signs.
pub(super) fn fingerprint(record: &Json) -> String {
    let mut hasher = SipHasher13::new();
    hasher.write(record.to_string().as_bytes());
    format!("{:x}", hasher.finish128().as_u128())
}

/// About so much memory a value takes.
pub(super) fn size(json: &Json) -> usize {
    match json {
        Json::Array(items) => ROW + items.iter().map(size).sum::<usize>(),
        Json::Object(fields) => ROW + fields.iter().map(|(name, value)| name.len() + ROW + size(value)).sum::<usize>(),
        Json::String(text) => ROW + text.len(),
        _ => ROW,
    }
}

/// The records of one list.
struct Part<'p, 'g> {
    gather: &'p Gather<'g>,
    joined: &'p [Joined<'p>],
    /// those of other parts too
    known: &'p mut HashSet<String>,
    held: Vec<Held>,
    size: usize,
    into: &'p mut dyn Take,
}

impl Collect for Part<'_, '_> {
    fn id(&self, record: &Json) -> Option<String> {
        self.into.id(record)
    }

    fn take(&mut self, record: &Json, hidden: Vec<Hidden>) {
        let Some(id) = self.into.id(record) else { return };
        let Gather { objects, only, .. } = self.gather;
        if only.is_some_and(|only| !only.contains(&id)) || (objects.parts.each.is_some() && !self.known.insert(id.clone())) {
            return;
        }
        if !objects.parts.asks_by_id() {
            return self.gather.hand_on(record, hidden, self.joined, self.into);
        }
        let record = if objects.parts.then.is_some() { Json::Null } else { record.clone() };
        self.size += id.len() + ROW + size(&record);
        self.held.push(Held { id, record, hidden });
    }

    fn page(&mut self) -> usize {
        self.into.page() + std::mem::take(&mut self.size)
    }
}

/// The rows of a further list, each with whose it is.
struct Rows<'r> {
    scope: &'r Scope<'r>,
    join: Option<(&'r Join, Option<&'r Expression>)>,
    rows: Vec<(String, Json)>,
    size: usize,
}

impl Rows<'_> {
    fn key(&self, record: &Json) -> Option<String> {
        match self.join.and_then(|(_, key)| key) {
            Some(key) => self.scope.with("record", record).text(key),
            None => Some(String::new()),
        }
    }
}

impl Collect for Rows<'_> {
    fn id(&self, record: &Json) -> Option<String> {
        match self.join.and_then(|(join, _)| join.id.as_ref()) {
            Some(id) => self.scope.with("record", record).text(id),
            // A row of which it is not known whose it is says that nothing is known of anybody's.
            None => self.key(record).map(|_| fingerprint(record)),
        }
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        if let Some(key) = self.key(record) {
            self.size += key.len() + size(record);
            self.rows.push((key, record.clone()));
        }
    }

    fn page(&mut self) -> usize {
        0
    }
}

/// Records by their ids.
struct ById<'b> {
    objects: &'b Objects,
    scope: &'b Scope<'b>,
    records: HashMap<String, Json>,
}

impl Collect for ById<'_> {
    fn id(&self, record: &Json) -> Option<String> {
        self.scope.with("record", record).text(&self.objects.id)
    }

    fn take(&mut self, record: &Json, _: Vec<Hidden>) {
        if let Some(id) = self.id(record) {
            self.records.insert(id, record.clone());
        }
    }

    fn page(&mut self) -> usize {
        0
    }
}
