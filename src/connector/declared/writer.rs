//! Writes a declared system: each change as the requests that the document names for it.
//!
//! Must never: send one change twice, write an attribute that the change does not name, or make up a request that the document does not have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json};

use super::definition::{Active, Content as Body, Mapped, Objects, Request, Task};
use super::exchange::{Answer, Api, Sent, Written as Content, put};
use super::key;
use super::listing::records;
use super::pages::Turn;
use super::reader::with_id;
use super::scope::Scope;
use super::wanted::told;
use crate::connector::connection::Again;
use crate::connector::limiter::Lane;
use crate::connector::rehearsal::{Rehearsal, id_to_be};
use crate::connector::{Permit, Write, Writer, Written};
use crate::expr::Expression;
use crate::manifest::kinds::connector::OnlyWhen;
use crate::model::{Action, Change, ObjectKind, Rehearsed, SystemError};

/// Between two looks at what was written.
const LOOK: Duration = Duration::from_secs(1);

/// Writes a declared Target.
#[derive(Clone, Debug)]
pub(super) struct DeclaredWriter {
    pub(super) api: Api,
    /// of groups whose kind was asked for: the position of the kind
    pub(super) kinds: Arc<Mutex<BTreeMap<Arc<str>, usize>>>,
}

impl Writer for DeclaredWriter {
    fn members_per_write(&self) -> usize {
        // Each is a request of its own, and an outcome of its own says more.
        20
    }

    fn requests(&self, change: &Change) -> Option<u64> {
        let objects = self.objects(change.object.kind, change.action).ok()?;
        let looks = u64::from(asks_for_record(objects));
        Some(match change.action {
            Action::Create => 1,
            Action::Delete => objects.delete.len() as u64 + looks,
            Action::AddMembers | Action::RemoveMembers => {
                let members = change.members.len() as u64;
                let parts = members.div_ceil(self.members_per_write() as u64);
                // All are said at once, once it is known who is there.
                let at_once = objects.members.as_ref().is_some_and(|members| members.set.is_some() && members.add.is_none());
                if at_once { 2 * parts } else { members + parts * u64::from(objects.writable.is_some()) }
            }
            _ => 1 + looks,
        })
    }

    fn rehearse<'a>(&'a self, write: &'a Write<'a>) -> BoxFuture<'a, Option<Rehearsed>> {
        Box::pin(async move {
            let rehearsal = Rehearsal::default();
            let api = Api { connection: self.api.connection.rehearsing(&rehearsal), ..self.api.clone() };
            let stops = Self { api, kinds: self.kinds.clone() }.one(write).await.err().map(|error| error.to_string());
            Some(Rehearsed { requests: rehearsal.requests(), stops })
        })
    }

    fn write<'a>(&'a self, batch: &'a [Write<'a>], permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        Box::pin(async move {
            permit.count_each();
            let mut results = Vec::with_capacity(batch.len());
            for write in batch {
                let api = Api { connection: self.api.connection.for_one_change(permit), ..self.api.clone() };
                results.push(Self { api, kinds: self.kinds.clone() }.one(write).await);
            }
            results
        })
    }
}

/// An object of the target as a change wants it.
pub(super) struct Wanted<'w> {
    objects: &'w Objects,
    id: Json,
    /// attributes by name as they should be, null where they are cleared; and those that change
    object: Json,
    changes: Json,
    /// as it was read for this change; null where nothing asks for it
    record: Json,
    key: Json,
    /// what is made up for it: a password that nobody knows
    generate: Json,
}

impl DeclaredWriter {
    /// Over this system; whoever writes has waited already.
    pub(super) fn new(api: &Api) -> Self {
        Self { api: Api { connection: api.connection.in_lane(Lane::Free), ..api.clone() }, kinds: Arc::default() }
    }

    async fn one(&self, write: &Write<'_>) -> Result<Written, SystemError> {
        let (kind, action) = (write.change.object.kind, write.change.action);
        if matches!(action, Action::AddEntitlement | Action::UpdateEntitlement | Action::RemoveEntitlement) {
            return self.entitlement(write).await;
        }
        let objects = match (kind, &write.id) {
            (ObjectKind::Group, Some(_)) if self.is_to_be(write) => self.objects(kind, Action::Create)?,
            (ObjectKind::Group, Some(id)) if self.api.definition.groups.len() > 1 => self.kind_of(id).await?,
            _ => self.objects(kind, action)?,
        };
        match (kind, action) {
            (_, Action::Create) => self.create(objects, write).await,
            (_, Action::Delete) => self.delete(objects, write).await,
            (ObjectKind::Group, Action::AddMembers | Action::RemoveMembers) => self.members(objects, write).await,
            (ObjectKind::Account, Action::EndSessions) => {
                let request = objects.sessions.as_ref().ok_or_else(|| cannot("end sessions"))?;
                let wanted = self.wanted(objects, write, false).await?;
                self.send(request, &wanted, &Content::default()).await?;
                done(write, false)
            }
            (_, Action::Adopt | Action::Update | Action::Deactivate | Action::Reactivate) => self.update(objects, write).await,
            _ => Err(cannot("make such a change")),
        }
    }

    /// Of groups that are made, the first kind that can be.
    fn objects(&self, kind: ObjectKind, action: Action) -> Result<&Objects, SystemError> {
        let definition = &self.api.definition;
        let can = |objects: &&Objects| match action {
            Action::Create => objects.create.is_some(),
            Action::Delete => !objects.delete.is_empty(),
            Action::AddMembers | Action::RemoveMembers => {
                objects.members.as_ref().is_some_and(|members| members.add.is_some() || members.set.is_some())
            }
            _ => !objects.update.is_empty() || objects.active.is_some(),
        };
        let found = match kind {
            ObjectKind::Account => definition.accounts.as_ref(),
            ObjectKind::Group => definition.groups.iter().map(|(_, objects)| objects).find(can),
            ObjectKind::Membership | ObjectKind::Entitlement => None,
        };
        found.ok_or_else(|| cannot("change this"))
    }

    async fn create(&self, objects: &Objects, write: &Write<'_>) -> Result<Written, SystemError> {
        let request = objects.create.as_ref().ok_or_else(|| cannot("make one"))?;
        let mut wanted = self.wanted(objects, write, false).await?;
        if let (Json::Object(object), Some(_)) = (&mut wanted.object, &objects.active) {
            object.entry("active").or_insert(Json::Bool(true));
        }
        let rehearses = self.api.connection.rehearsal().is_some();
        wanted.generate = serde_json::json!({"password": if rehearses { "(made when it is sent)".into() } else { password()? }});
        let once_there = |name: &&Arc<str>| objects.attributes.get(*name).is_some_and(|attribute| attribute.only == Some(OnlyWhen::Update));
        let (later, now): (Vec<_>, Vec<_>) = write.attributes.iter().map(|(name, _)| name).partition(once_there);
        let attributes = self.content(&wanted, &now)?;
        let content = Content { changes: attributes.clone(), whole: attributes.clone(), attributes: without_nulls(attributes) };
        let sent = self.send(request, &wanted, &content).await?;
        let id = match rehearses {
            true => id_to_be(&write.change.object.name).to_string(),
            false => self.made(objects, request, &wanted, &sent).await?,
        };
        if !rehearses {
            self.settles(objects, request, &id).await?;
        }
        // That this fails does not unmake it: the next plan shows what is missing.
        let wanted = Wanted { id: Json::from(id.as_str()), ..wanted };
        let _ = self.changes(&wanted, later, None).await;
        Ok(Written { id: id.into(), already_so: sent.already_so })
    }

    /// The id of what was made: as a task tells it, as the document finds it in the answer, or of the record in it.
    async fn made(&self, objects: &Objects, request: &Request, wanted: &Wanted<'_>, sent: &Sent) -> Result<String, SystemError> {
        let unsure = || SystemError::Uncertain("it was made, and the answer does not say its id".into());
        if let Some(task) = &request.task {
            return self.task(task, &self.scope(wanted), &sent.answer).await?.ok_or_else(unsure);
        }
        let scope = sent.answer.scope().with("config", &self.api.definition.config);
        let id = match &request.created {
            Some(_) => self.created(request, sent),
            None => records(request, &sent.answer)?.first().and_then(|record| scope.with("record", record).text(&objects.id)),
        };
        id.filter(|id| !id.is_empty()).ok_or_else(unsure)
    }

    /// Asks what came of a receipt.
    pub(super) async fn task(&self, task: &Task, scope: &Scope<'_>, receipt: &Answer) -> Result<Option<String>, SystemError> {
        let scope = scope.with("body", &receipt.body);
        let clock = self.api.connection.clock();
        let until = clock.now() + task.at_most;
        loop {
            let answer = self.api.ask(&task.ask, &scope, &Turn::First, Again::IfAsked).await;
            let answer = answer.map_err(|error| SystemError::Uncertain(format!("its task can't be asked about: {error}")))?;
            let told = answer.scope().with("config", &self.api.definition.config);
            if task.done.as_ref().is_some_and(|done| told.holds(done)) {
                return Ok(task.id.as_ref().and_then(|id| told.text(id)));
            }
            if task.failed.as_ref().is_some_and(|failed| told.holds(failed)) {
                let words = task.text.as_ref().and_then(|text| told.text(text)).unwrap_or_else(|| "its task failed".into());
                return Err(SystemError::Rejected(self.api.without_secrets(&words, &scope)));
            }
            if clock.now() + task.every > until {
                return Err(SystemError::Uncertain("its task is not done yet".into()));
            }
            clock.sleep(task.every).await;
        }
    }

    /// Waits until what was made shows. That it does not is no failure: the next plan looks again.
    async fn settles(&self, objects: &Objects, request: &Request, id: &str) -> Result<(), SystemError> {
        let (Some(settle), Some(get)) = (&request.settle, &objects.get) else { return Ok(()) };
        let id = Json::from(id);
        let scope = self.api.scope().with("id", &id);
        let clock = self.api.connection.clock();
        let until = clock.now() + settle.at_most;
        while clock.now() < until {
            if let Ok(answer) = self.api.ask(get, &scope, &Turn::First, Again::IfAsked).await {
                let found = records(get, &answer)?;
                let shows = |record: &&&Json| settle.when.as_ref().is_none_or(|when| scope.with("record", record).holds(when));
                if found.first().as_ref().is_some_and(shows) {
                    return Ok(());
                }
            }
            clock.sleep(LOOK).await;
        }
        Ok(())
    }

    async fn update(&self, objects: &Objects, write: &Write<'_>) -> Result<Written, SystemError> {
        let mut wanted = self.wanted(objects, write, true).await?;
        let mut access = access(write.change.action);
        let by_value = access.zip(objects.active.as_ref()).filter(|(_, active)| !active.write.is_empty());
        let attributes: Vec<&Arc<str>> = write.attributes.iter().map(|(name, _)| name).filter(|name| name.as_ref() != "active").collect();
        let mut opened = false;
        // Some systems take no value of an account that has no access: it gets that first.
        if let (Some(true), Some(rules), None) = (access, &objects.active, by_value)
            && !self.takes(&wanted, &attributes)
        {
            opened = self.give_or_take(rules, true, &wanted).await?;
            wanted = self.wanted(objects, write, true).await?;
            access = None;
        }
        let changed = self.changes(&wanted, attributes, by_value).await;
        // Whoever loses the access loses it whatever becomes of an attribute that the system does not take.
        if changed.is_err() && !(access == Some(false) && matches!(changed, Err(SystemError::Rejected(_) | SystemError::Conflict(_)))) {
            let (changed, _) = changed?;
            return done(write, !(changed | opened));
        }
        let moved = match (access, &objects.active, by_value) {
            (Some(active), Some(rules), None) => self.give_or_take(rules, active, &wanted).await?,
            _ => false,
        };
        let (changed, id) = changed?;
        let written = done(write, !(changed | moved | opened))?;
        Ok(Written { id: id.map_or(written.id, Arc::from), ..written })
    }

    /// Whether there is a request that applies for each of these attributes.
    fn takes(&self, wanted: &Wanted<'_>, attributes: &[&Arc<str>]) -> bool {
        let scope = self.scope(wanted);
        let takes = |request: &&Request, name: &Arc<str>| request.covers.is_empty() || request.covers.contains(name);
        attributes.iter().all(|name| wanted.objects.update.iter().any(|request| takes(&request, name) && applies(request, &scope)))
    }

    /// Changes attributes, and access where it is a value, by every request that applies. Whether something was changed, and the id that it has from then on
    /// where that is another one.
    async fn changes(
        &self,
        wanted: &Wanted<'_>,
        mut left: Vec<&Arc<str>>,
        by_value: Option<(bool, &Active)>,
    ) -> Result<(bool, Option<String>), SystemError> {
        let (mut changed, mut id) = (false, None);
        for request in &wanted.objects.update {
            let mine: Vec<&Arc<str>> =
                left.iter().copied().filter(|name| request.covers.is_empty() || request.covers.contains(*name)).collect();
            let mut changes = self.content_of(wanted, &mine)?;
            if request.covers.is_empty()
                && let Some((active, rules)) = by_value
            {
                self.put_active(&mut changes, rules, active, wanted)?;
            }
            let carries = !mine.is_empty() || (request.covers.is_empty() && by_value.is_some());
            if !carries || !applies(request, &self.scope(wanted)) {
                continue;
            }
            left.retain(|name| !mine.contains(name));
            let content = Content { whole: merged(&wanted.record, &changes), attributes: without_nulls(changes.clone()), changes };
            let sent = self.send(request, wanted, &content).await?;
            changed |= !sent.already_so;
            id = self.created(request, &sent).or(id);
        }
        if let Some(name) = left.first() {
            return Err(SystemError::Rejected(format!("no request of the connector changes {name} here")));
        }
        Ok((changed, id))
    }

    /// The id that an answer tells by an expression of the request.
    fn created(&self, request: &Request, sent: &Sent) -> Option<String> {
        let scope = sent.answer.scope().with("config", &self.api.definition.config);
        let id = request.created.as_ref().and_then(|created| scope.text(created))?;
        id.rsplit('/').next().map(str::to_owned).filter(|id| !id.is_empty())
    }

    /// Gives or takes access by a request of its own: the first that applies.
    async fn give_or_take(&self, rules: &Active, active: bool, wanted: &Wanted<'_>) -> Result<bool, SystemError> {
        let requests = if active { &rules.activate } else { &rules.deactivate };
        if let Some(request) = requests.iter().find(|request| applies(request, &self.scope(wanted))) {
            return Ok(!self.send(request, wanted, &Content::default()).await?.already_so);
        }
        match rules.says(&self.scope(wanted)) {
            Ok(is) if is == active => Ok(false),
            _ => Err(cannot(if active { "give access again" } else { "take access" })),
        }
    }

    async fn delete(&self, objects: &Objects, write: &Write<'_>) -> Result<Written, SystemError> {
        let wanted = match self.wanted(objects, write, true).await {
            Err(SystemError::NotFound(_)) => return done(write, true),
            wanted => wanted?,
        };
        let mut already_so = true;
        for request in objects.delete.iter().filter(|request| applies(request, &self.scope(&wanted))) {
            match self.send(request, &wanted, &Content::default()).await {
                Ok(sent) => already_so &= sent.already_so,
                Err(SystemError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        done(write, already_so)
    }

    /// What a change wants; its record where something asks for it.
    pub(super) async fn wanted<'w>(&self, objects: &'w Objects, write: &Write<'_>, with_record: bool) -> Result<Wanted<'w>, SystemError> {
        let mut object = Map::new();
        for (name, value) in &write.attributes {
            object.insert(name.to_string(), told(name, value.as_ref()));
        }
        if let Some(active) = access(write.change.action) {
            object.insert("active".into(), Json::Bool(active));
        }
        let id = write.id.as_ref().map_or(Json::Null, |id| Json::from(&**id));
        let with_record = with_record && !self.is_to_be(write);
        let record = match with_record && asks_for_record(objects) {
            true => self.record(objects, &id).await?,
            false => Json::Null,
        };
        let scope = self.api.scope().with("record", &record);
        if with_record && objects.writable.as_ref().is_some_and(|writable| !scope.holds(writable)) {
            return Err(SystemError::Rejected(
                "it belongs to somebody else there, so it can't be changed by this system's interface".into(),
            ));
        }
        let key = Json::from(key::key(write, ""));
        for (name, value) in &mut object {
            if let Some(called) = self.name_of(objects, name, value).await? {
                *value = called;
            }
        }
        let changes = Json::Object(object.clone());
        // What is there stays as it is, unless the change says otherwise.
        for (name, attribute) in objects.attributes.iter().filter(|_| !record.is_null()) {
            if let (false, Some(read)) = (object.contains_key(&**name), &attribute.read) {
                object.extend(scope.value(read).ok().flatten().map(|value| (name.to_string(), value)));
            }
        }
        Ok(Wanted { objects, id, object: Json::Object(object), changes, record, key, generate: Json::Null })
    }

    /// Whether it is rehearsed for something that is not made yet: there is nothing to look at.
    pub(super) fn is_to_be(&self, write: &Write<'_>) -> bool {
        self.api.connection.rehearsal().is_some() && write.id.as_deref() == Some(&*id_to_be(&write.change.object.name))
    }

    pub(super) async fn record(&self, objects: &Objects, id: &Json) -> Result<Json, SystemError> {
        let Some(get) = &objects.get else { return Ok(Json::Null) };
        let scope = self.api.scope().with("id", id);
        let answer = self.api.ask(get, &scope, &Turn::First, Again::IfAsked).await?;
        let found = with_id(objects, &scope, records(get, &answer)?, id)?;
        found.cloned().ok_or_else(|| SystemError::NotFound("it is not there any more".into()))
    }

    pub(super) fn scope<'s>(&'s self, wanted: &'s Wanted<'_>) -> Scope<'s> {
        let scope = self.api.scope().with("id", &wanted.id).with("object", &wanted.object).with("changes", &wanted.changes);
        scope.with("record", &wanted.record).with("key", &wanted.key).with("generate", &wanted.generate)
    }

    async fn send(&self, request: &Request, wanted: &Wanted<'_>, content: &Content) -> Result<Sent, SystemError> {
        self.api.send(request, &self.scope(wanted), content).await
    }

    fn content(&self, wanted: &Wanted<'_>, names: &[&Arc<str>]) -> Result<Map<String, Json>, SystemError> {
        let mut content = self.content_of(wanted, names)?;
        let active = wanted.object.get("active").and_then(Json::as_bool);
        if let (Some(active), Some(rules)) = (active, &wanted.objects.active) {
            self.put_active(&mut content, rules, active, wanted)?;
        }
        Ok(content)
    }

    /// What the mapping makes of some attributes.
    fn content_of(&self, wanted: &Wanted<'_>, names: &[&Arc<str>]) -> Result<Map<String, Json>, SystemError> {
        let mut content = Json::Object(Map::new());
        for name in names.iter().filter(|name| name.as_ref() != "active") {
            let attribute = wanted.objects.attributes.get(*name);
            let attribute = attribute.filter(|attribute| !attribute.write.is_empty());
            let attribute = attribute.ok_or_else(|| SystemError::Rejected(format!("the system has no place to write {name}")))?;
            let value = wanted.changes.get(&***name).cloned().unwrap_or_default();
            let scope = self.scope(wanted).with("value", &value);
            for (path, expression) in &attribute.write {
                put(&mut content, path, worked_out(&scope, expression)?);
            }
        }
        Ok(match content {
            Json::Object(fields) => fields,
            _ => Map::new(),
        })
    }

    fn put_active(&self, content: &mut Map<String, Json>, rules: &Active, active: bool, wanted: &Wanted<'_>) -> Result<(), SystemError> {
        let mut whole = Json::Object(std::mem::take(content));
        let value = Json::Bool(active);
        let scope = self.scope(wanted).with("value", &value);
        for (path, expression) in &rules.write {
            put(&mut whole, path, worked_out(&scope, expression)?);
        }
        if let Json::Object(fields) = whole {
            *content = fields;
        }
        Ok(())
    }
}

/// Whether a request is one for this case.
pub(super) fn applies(request: &Request, scope: &Scope<'_>) -> bool {
    request.when.as_ref().is_none_or(|when| scope.holds(when)) && !request.unless.as_ref().is_some_and(|unless| scope.holds(unless))
}

pub(super) fn worked_out(scope: &Scope<'_>, expression: &Expression) -> Result<Json, SystemError> {
    scope.value(expression).map(|value| value.unwrap_or(Json::Null)).map_err(SystemError::Rejected)
}

fn access(action: Action) -> Option<bool> {
    match action {
        Action::Deactivate => Some(false),
        Action::Reactivate => Some(true),
        _ => None,
    }
}

/// Whether some expression of what is written reads the record as it is.
fn asks_for_record(objects: &Objects) -> bool {
    let below = |path: &str, name: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let reads = |expression: &Expression| expression.reads().iter().any(|path| below(path, "record"));
    // What is written of several attributes together needs those that stay.
    let whole = |expression: &Expression| expression.reads().iter().any(|path| below(path, "object"));
    let of_request = |request: &Request| request.when.iter().chain(&request.unless).any(reads);
    let active = objects.active.iter().flat_map(|active| active.activate.iter().chain(&active.deactivate));
    let written = objects.attributes.values().flat_map(|attribute| &attribute.write).map(|(_, expression)| expression);
    let rewrites = |request: &Request| matches!(request.content, Body::Mapped { what: Mapped::Whole, .. });
    let asked = objects.update.iter().any(rewrites) || objects.update.iter().chain(&objects.delete).chain(active).any(of_request);
    asked || objects.writable.is_some() || written.into_iter().any(|expression| reads(expression) || whole(expression))
}

/// A password that nobody knows and that every policy takes: its owner gets in by single sign-on, or has it reset.
fn password() -> Result<String, SystemError> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = [0u8; 24];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| SystemError::Unavailable("this machine gives no random numbers".into()))?;
    let letters = random.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63))).map(|letter| char::from(*letter));
    Ok(letters.chain("aZ7-".chars()).collect())
}

pub(super) fn merged(record: &Json, changes: &Map<String, Json>) -> Map<String, Json> {
    let mut whole = record.as_object().cloned().unwrap_or_default();
    for (name, value) in changes {
        match (whole.get_mut(name), value) {
            (Some(Json::Object(fields)), Json::Object(more)) => fields.extend(more.clone()),
            _ => {
                whole.insert(name.clone(), value.clone());
            }
        }
    }
    whole
}

/// What is made begins with what it has; there is nothing to clear.
pub(super) fn without_nulls(fields: Map<String, Json>) -> Map<String, Json> {
    let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
    kept.map(|(name, value)| match value {
        Json::Object(below) => (name, Json::Object(without_nulls(below))),
        value => (name, value),
    })
    .collect()
}

pub(super) fn cannot(what: &str) -> SystemError {
    SystemError::Rejected(format!("the connector has no request to {what}"))
}

pub(super) fn done(write: &Write<'_>, already_so: bool) -> Result<Written, SystemError> {
    Ok(Written { id: write.id.clone().unwrap_or_else(|| "".into()), already_so })
}
