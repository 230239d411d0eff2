//! Tells the application: one event a change, of one object one after the other, noted once the application said that it heard.
//!
//! Must never: tell the next thing of an object while it is not known whether the one before was heard.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json, json};
use tokio::sync::Mutex;

use super::event::Event;
use super::ledger::{Entry, Ledger};
use crate::connector::connection::Connection;
use crate::connector::limiter::Lane;
use crate::connector::rehearsal::id_to_be;
use crate::connector::{Permit, Write, Writer, Written};
use crate::http::standard_webhooks::{Signer, headers};
use crate::http::{Body, Method, Request, Response, Url};
use crate::model::{Action, Change, ObjectKind, Rehearsed, RehearsedRequest, SystemError, Value, Visibility, attribute};

const JSON: &str = "application/json";
/// So many objects are told of at once; those of one lane wait for each other.
const LANES: usize = 64;

/// Tells the application.
#[derive(Debug)]
pub(super) struct WebhookWriter {
    way: Connection,
    url: Url,
    signers: Vec<Signer>,
    ledger: Arc<Ledger>,
    lanes: Vec<Mutex<()>>,
}

impl Writer for WebhookWriter {
    fn requests(&self, _: &Change) -> Option<u64> {
        Some(1)
    }

    fn write<'a>(&'a self, batch: &'a [Write<'a>], permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        Box::pin(async move {
            let mut results = Vec::with_capacity(batch.len());
            for write in batch {
                results.push(self.one(write, permit).await);
            }
            results
        })
    }

    fn rehearse<'a>(&'a self, write: &'a Write<'a>) -> BoxFuture<'a, Option<Rehearsed>> {
        Box::pin(async move {
            let told = |event: Event| RehearsedRequest {
                method: Method::POST.to_string(),
                url: self.url.to_string(),
                body: Some(json!({"type": event.kind, "data": event.data})),
            };
            Some(match self.id(write).and_then(|id| self.next(write, &id)) {
                Ok(next) => Rehearsed { requests: next.map(|(event, _)| told(event)).into_iter().collect(), stops: None },
                // Of what the same plan makes, the ledger has nothing yet.
                Err(SystemError::NotFound(_)) if write.id.as_deref() == Some(&*id_to_be(&write.change.object.name)) => {
                    let stops = Some("it follows what is made before it, and is told once that was heard".to_owned());
                    Rehearsed { requests: Vec::new(), stops }
                }
                Err(error) => Rehearsed { requests: Vec::new(), stops: Some(error.to_string()) },
            })
        })
    }
}

impl WebhookWriter {
    /// Over this connection; whoever writes has waited already.
    pub(super) fn new(way: Connection, url: Url, signers: Vec<Signer>, ledger: Arc<Ledger>) -> Self {
        let lanes = std::iter::repeat_with(|| Mutex::new(())).take(LANES).collect();
        Self { way: way.in_lane(Lane::Free), url, signers, ledger, lanes }
    }

    async fn one(&self, write: &Write<'_>, permit: &Permit) -> Result<Written, SystemError> {
        let id = self.id(write)?;
        let lane = BuildHasherDefault::<DefaultHasher>::default().hash_one(&id) as usize % LANES;
        let _turn = match self.lanes.get(lane) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        };
        let next = self.next(write, &id)?;
        let already_so = next.is_none();
        if let Some((event, after)) = next {
            self.tell(&event, permit).await?;
            self.ledger.note(after)?;
        }
        Ok(Written { id: id.into(), already_so })
    }

    fn id(&self, write: &Write<'_>) -> Result<String, SystemError> {
        write.id.as_ref().map_or_else(|| self.new_id(write), |id| Ok(id.to_string()))
    }

    /// What is to be told of a change, and how its object stands then; nothing where it stands so already.
    fn next(&self, write: &Write<'_>, id: &str) -> Result<Option<(Event, Entry)>, SystemError> {
        let before = self.ledger.find(write.change.object.kind, id)?;
        let there = before.as_ref().is_some_and(Entry::is_there);
        match (write.change.action, there) {
            (Action::Delete, false) => return Ok(None),
            (Action::Create, _) | (_, true) => {}
            (_, false) => return Err(SystemError::NotFound(format!("the application was never told of {}", write.change.object.name))),
        }
        let after = after(write, before.as_ref(), id)?;
        let same = |before: &Entry| Entry { sequence: before.sequence, ..after.clone() } == *before;
        let differs = !before.as_ref().is_some_and(same);
        Ok(differs.then(|| (event(write, before.as_ref(), &after), after)))
    }

    /// The id that the application knows it by: of its key, and so the same for whoever comes back.
    fn new_id(&self, write: &Write<'_>) -> Result<String, SystemError> {
        let kind = write.change.object.kind;
        let key = write.change.object.key.replace('/', ":");
        for at in 1u64.. {
            let id = if at == 1 { key.clone() } else { format!("{key}.{at}") };
            // Somebody else may have had the key before, and still be there under it.
            let other = |entry: &Entry| entry.is_there() && marker(&entry.attributes) != marker_of(write);
            if !self.ledger.find(kind, &id)?.as_ref().is_some_and(other) {
                return Ok(id);
            }
        }
        Ok(key)
    }

    async fn tell(&self, event: &Event, permit: &Permit) -> Result<(), SystemError> {
        let at = jiff::Timestamp::now();
        let (key, body) = (event.key(self.url.as_str()), event.body(at));
        let mut request = Request::writes(Method::POST, self.url.clone(), JSON);
        for (name, value) in headers(&self.signers, &key, at, &body) {
            request.headers.push((name.into(), value));
        }
        request.body = Some(Body::new(JSON, body));
        let response = self.way.for_one_change(permit).send(request).await?;
        if response.succeeded() { Ok(()) } else { Err(refusal(&response)) }
    }
}

/// What stands behind an event of a create that was made by the same change.
fn marker_of(write: &Write<'_>) -> Option<String> {
    let found = write.attributes.iter().find(|(name, _)| name.as_ref() == "externalId");
    found.and_then(|(_, value)| value.as_ref()).and_then(Value::as_text).map(str::to_owned)
}

fn marker(attributes: &Option<Map<String, Json>>) -> Option<String> {
    attributes.as_ref().and_then(|attributes| attributes.get("externalId")).and_then(Json::as_str).map(str::to_owned)
}

/// The object as it stands once the application has heard.
fn after(write: &Write<'_>, before: Option<&Entry>, id: &str) -> Result<Entry, SystemError> {
    let change = write.change;
    let sequence = before.map_or(0, |entry| entry.sequence) + 1;
    let fresh =
        Entry { kind: change.object.kind, id: id.to_owned(), sequence, attributes: None, active: true, members: Default::default() };
    let mut entry = match before.filter(|entry| entry.attributes.is_some()) {
        Some(before) => Entry { sequence, ..before.clone() },
        None => fresh.clone(),
    };
    if change.action == Action::Delete {
        return Ok(Entry { active: false, ..fresh });
    }
    let attributes = entry.attributes.get_or_insert_with(Map::new);
    for (name, value) in &write.attributes {
        if attribute(name).is_some_and(|known| known.visibility == Visibility::Secret) {
            return Err(SystemError::Rejected(format!("{name} is a secret, and a webhook tells none")));
        }
        match value {
            Some(value) if name.as_ref() == "active" => entry.active = value.as_bool().unwrap_or(entry.active),
            None if name.as_ref() == "active" => {}
            Some(value) => {
                attributes.insert(name.to_string(), value.to_json());
            }
            None => {
                attributes.remove(name.as_ref());
            }
        }
    }
    match change.action {
        Action::Deactivate => entry.active = false,
        Action::Reactivate => entry.active = true,
        _ => {}
    }
    for (kind, member) in &write.members {
        let member = (*kind, member.to_string());
        match change.action {
            Action::RemoveMembers => entry.members.remove(&member),
            _ => entry.members.insert(member),
        };
    }
    Ok(entry)
}

/// What is told of a change.
fn event(write: &Write<'_>, before: Option<&Entry>, after: &Entry) -> Event {
    let what = if after.kind == ObjectKind::Group { "group" } else { "user" };
    let how = match write.change.action {
        Action::Create => "created",
        Action::Deactivate => "deactivated",
        Action::Reactivate => "reactivated",
        Action::Delete => "deleted",
        Action::AddMembers => "members.added",
        Action::RemoveMembers => "members.removed",
        _ => "updated",
    };
    let known = if after.attributes.is_some() { after.attributes.as_ref() } else { before.and_then(|entry| entry.attributes.as_ref()) };
    let mut object = json!({"id": after.id});
    if after.kind == ObjectKind::Account {
        object["active"] = Json::Bool(after.active);
    }
    for (name, value) in known.into_iter().flatten() {
        place(&mut object, name, value);
    }
    let mut data = json!({"sequence": after.sequence, what: object});
    let changed: Vec<&str> = write.attributes.iter().map(|(name, _)| name.as_ref()).collect();
    if write.change.action != Action::Create && !changed.is_empty() {
        data["changed"] = json!(changed);
    }
    if !write.members.is_empty() {
        let member =
            |(kind, id): &(ObjectKind, Arc<str>)| json!({"type": if *kind == ObjectKind::Group { "group" } else { "user" }, "id": &**id});
        data["members"] = write.members.iter().map(member).collect();
    }
    Event { kind: format!("{what}.{how}"), data }
}

/// `name.givenName` stands below `name`.
fn place(object: &mut Json, name: &str, value: &Json) {
    match name.split_once('.') {
        Some((first, below)) if object.get(first).is_none_or(Json::is_object) => place(&mut object[first], below, value),
        _ => object[name] = value.clone(),
    }
}

fn refusal(response: &Response) -> SystemError {
    let words = format!("{} answers HTTP {}", response.place(), response.status);
    match response.status {
        401 | 407 => SystemError::Auth(words),
        403 => SystemError::Forbidden(words),
        429 => SystemError::Throttled { after: response.retry_after, message: words },
        503 if response.retry_after.is_some() => SystemError::Throttled { after: response.retry_after, message: words },
        300..400 => SystemError::Protocol(format!("{words}: it redirects, which is never followed")),
        400..500 => SystemError::Rejected(words),
        // It is told again by the same key, so it does not matter whether it was heard.
        _ => SystemError::Unavailable(words),
    }
}
