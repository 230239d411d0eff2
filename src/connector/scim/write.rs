//! Writes a service: creates and deletions here, changes of what exists in [`super::edit`].
//!
//! Must never: send one change twice, or believe an id that was not seen to belong to what was made.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value as Json, json};

use super::api::Endpoint;
use super::body::Attributes;
use super::bulk::{self, BulkAnswer, Operation, fitting};
use super::dialect::BulkBounds;
use super::discovery::MARKER;
use super::edit::{Attempt, Edit, Verdict};
use super::manners::Form;
use super::members::{MemberEdit, Wanted};
use super::read::ScimReader;
use super::service::Service;
use super::single::id_of;
use crate::connector::limiter::Lane;
use crate::connector::rehearsal::Rehearsal;
use crate::connector::{LookupRequest, Permit, Reader, Write, Writer, Written};
use crate::http::{Method, Response, Url};
use crate::model::{Action, Change, Columns, ObjectKind, Rehearsed, SystemError, Value, Visibility, attribute};
use crate::scim::field;

/// Writes a SCIM target.
#[derive(Debug)]
pub struct ScimWriter {
    /// the service; whoever writes has waited already
    pub service: Service,
}

/// What a write comes to here.
enum Step {
    /// something is made
    Make(Attributes),
    /// it is changed
    Change(Box<dyn Edit + Send>),
    /// nothing is left to change
    Nothing,
    /// it goes
    Delete,
}

/// Changes of one batch that are about different objects and are sent by themselves: so many at once.
const AT_ONCE: usize = 10;
/// User names that are asked for at once.
const NAMES_AT_ONCE: usize = 8;

impl Writer for ScimWriter {
    fn batch_size(&self) -> usize {
        self.bulk().map_or(1, |bounds| bounds.operations)
    }

    fn requests(&self, change: &Change) -> Option<u64> {
        Some((change.members.len() as u64).div_ceil(self.members_per_write() as u64).max(1))
    }

    fn rehearse<'a>(&'a self, write: &'a Write<'a>) -> BoxFuture<'a, Option<Rehearsed>> {
        Box::pin(async move {
            let rehearsal = Rehearsal::default();
            let ended = Self { service: self.service.rehearsing(&rehearsal) }.one(write).await;
            let requests = rehearsal.requests();
            // What comes of the first request decides about any other.
            let stops = ended.err().filter(|_| requests.is_empty()).map(|error| without_secrets(error, write).to_string());
            Some(Rehearsed { requests, stops })
        })
    }

    fn write<'a>(&'a self, batch: &'a [Write<'a>], permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        Box::pin(async move {
            permit.count_each();
            let mut results: Vec<Option<Result<Written, SystemError>>> = batch.iter().map(|_| None).collect();
            if batch.len() > 1 && self.bulk().is_some() {
                Self { service: self.service.for_one_change(permit) }.in_bulk(batch, &mut results).await;
            }
            // What is about one object goes one after the other.
            let mut apart: BTreeMap<(ObjectKind, Arc<str>), Vec<usize>> = BTreeMap::new();
            for (at, write) in batch.iter().enumerate().filter(|(at, _)| results.get(*at).is_some_and(Option::is_none)) {
                let object = &write.change.object;
                apart.entry((object.kind, write.id.clone().unwrap_or_else(|| object.key.clone()))).or_default().push(at);
            }
            let sent: Vec<_> = apart.into_values().map(|places| self.in_order(batch, places, permit)).collect();
            for (at, result) in stream::iter(sent).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await.into_iter().flatten() {
                if let Some(place) = results.get_mut(at) {
                    *place = Some(result);
                }
            }
            let unsent = || Err(SystemError::Protocol("it was not sent; this is a defect of headcount".into()));
            let told = results.into_iter().zip(batch);
            told.map(|(result, write)| result.unwrap_or_else(unsent).map_err(|error| without_secrets(error, write))).collect()
        })
    }
}

impl ScimWriter {
    /// Writes the service.
    pub fn new(service: &Service) -> Self {
        Self { service: service.at_once() }
    }

    /// One after the other, each by itself.
    async fn in_order(&self, batch: &[Write<'_>], places: Vec<usize>, permit: &Permit) -> Vec<(usize, Result<Written, SystemError>)> {
        let mut ended = Vec::with_capacity(places.len());
        for at in places {
            let Some(write) = batch.get(at) else { continue };
            // One turn was waited for, for all of them.
            let waits = batch.len() > 1 && !write.change.mandate.is_revocation();
            let service = self.service.for_one_change(permit);
            let service = if waits { service.in_turn() } else { service };
            ended.push((at, Self { service }.one(write).await));
        }
        ended
    }

    /// How much goes in one request, where several changes do.
    fn bulk(&self) -> Option<BulkBounds> {
        self.service.dialect.bulk.filter(|_| !self.service.manners.refuses_bulk())
    }

    /// Sends what can go together, in as few requests as hold it. What is left without a result goes by itself.
    async fn in_bulk(&self, batch: &[Write<'_>], results: &mut [Option<Result<Written, SystemError>>]) {
        let mut steps = Vec::new();
        for (at, write) in batch.iter().enumerate() {
            if let Ok((endpoint, step)) = self.step(write).await
                && let Some(operation) = self.operation(endpoint, write, &step)
            {
                steps.push((at, write, step, operation));
            }
        }
        while steps.len() > 1
            && let Some(bounds) = self.bulk()
        {
            let rest = {
                let operations: Vec<&Operation> = steps.iter().map(|(.., operation)| operation).collect();
                steps.split_off(fitting(&operations, bounds))
            };
            let operations: Vec<&Operation> = steps.iter().map(|(.., operation)| operation).collect();
            let told = match bulk::send(&self.service.api, &operations).await {
                BulkAnswer::Refused => return self.service.manners.refuse_bulk(),
                BulkAnswer::All(error) => steps.iter().map(|_| Some(Err(error.clone()))).collect(),
                BulkAnswer::Each(answers) => answers.into_iter().map(|answer| answer.map(Ok)).collect::<Vec<_>>(),
            };
            for ((at, write, step, operation), answer) in steps.iter().zip(told) {
                let result = match answer {
                    Some(Ok(response)) => self.concluded(write, step, operation, &response).await,
                    Some(Err(error)) => Some(Err(error)),
                    None => Some(Err(SystemError::Uncertain(
                        "it was sent in a Bulk request, and the answer does not say what came of it".into(),
                    ))),
                };
                if let Some(place) = results.get_mut(*at) {
                    *place = result;
                }
            }
            steps = rest;
        }
    }

    /// What a change is in a Bulk request; nothing where it goes by itself: what takes access is looked at, what needs a version is read before, and of
    /// what is renamed the first one shows whether it keeps its id.
    fn operation(&self, endpoint: Endpoint, write: &Write<'_>, step: &Step) -> Option<Operation> {
        match step {
            Step::Make(attributes) if attributes.takes_access() => None,
            Step::Make(attributes) => {
                let data = self.new_resource(endpoint, attributes);
                Some(Operation { method: Method::POST, endpoint, id: None, data })
            }
            Step::Change(edit) => {
                let form = self.forms(endpoint, &**edit).into_iter().next().filter(|form| !matches!(form, Form::Whole | Form::Values))?;
                let versioned = self.service.dialect.etag && edit.sets();
                let renames = edit.name().is_some() && !self.service.manners.keeps_ids(endpoint);
                if edit.takes_access() || versioned || renames {
                    return None;
                }
                let data = serde_json::to_value(edit.patch(form)).ok()?;
                Some(Operation { method: Method::PATCH, endpoint, id: Some(write.id.as_deref()?.to_owned()), data })
            }
            Step::Nothing | Step::Delete => None,
        }
    }

    /// What the answer to one change of a Bulk request means; nothing where it was refused for its form, and goes in another one.
    async fn concluded(
        &self,
        write: &Write<'_>,
        step: &Step,
        operation: &Operation,
        response: &Response,
    ) -> Option<Result<Written, SystemError>> {
        match step {
            Step::Make(attributes) => Some(self.made(operation.endpoint, write, attributes, (&operation.data, true), response).await),
            Step::Change(edit) => {
                let form = self.forms(operation.endpoint, &**edit).into_iter().next()?;
                match self.patched(operation.endpoint, write.id.as_ref()?, &**edit, form, response).await {
                    Ok(Attempt::Done(written)) => Some(Ok(written)),
                    Ok(_) => None,
                    Err(error) => Some(Err(error)),
                }
            }
            Step::Nothing | Step::Delete => None,
        }
    }

    /// What a write comes to.
    async fn step(&self, write: &Write<'_>) -> Result<(Endpoint, Step), SystemError> {
        let (kind, action) = (write.change.object.kind, write.change.action);
        let endpoint = match kind {
            ObjectKind::Account => Endpoint::Users,
            ObjectKind::Group => Endpoint::Groups,
            ObjectKind::Membership => return Err(SystemError::Rejected("memberships are changed as part of their group".into())),
            ObjectKind::Entitlement => return Err(SystemError::Rejected("entitlements are changed as part of their account".into())),
        };
        let attributes = Attributes::of(&self.service, write)?;
        if action == Action::Create {
            return Ok((endpoint, Step::Make(attributes)));
        }
        if write.id.is_none() {
            return Err(SystemError::Rejected("the object has no id yet".into()));
        }
        let change = |edit: Box<dyn Edit + Send>, empty: bool| if empty { Step::Nothing } else { Step::Change(edit) };
        let step = match (kind, action) {
            (_, Action::Delete) => Step::Delete,
            (ObjectKind::Group, Action::AddMembers | Action::RemoveMembers) => {
                let members = self.wanted(&write.members).await?;
                change(Box::new(MemberEdit { members, add: action == Action::AddMembers }), write.members.is_empty())
            }
            (ObjectKind::Account, Action::Adopt | Action::Update | Action::Deactivate | Action::Reactivate)
            | (ObjectKind::Group, Action::Adopt | Action::Update) => {
                let empty = attributes.is_empty();
                change(Box::new(attributes), empty)
            }
            _ => return Err(SystemError::Rejected("SCIM has no such change".into())),
        };
        Ok((endpoint, step))
    }

    async fn one(&self, write: &Write<'_>) -> Result<Written, SystemError> {
        let (endpoint, step) = self.step(write).await?;
        match (step, &write.id) {
            (Step::Make(attributes), _) => self.create(endpoint, write, &attributes).await,
            (Step::Change(edit), Some(id)) => self.edit(endpoint, id, &*edit).await,
            (Step::Nothing, Some(id)) => Ok(Written { id: id.clone(), already_so: true }),
            (Step::Delete, Some(id)) => self.delete(endpoint, id).await,
            (_, None) => Err(SystemError::Rejected("the object has no id yet".into())),
        }
    }

    /// Members as the service knows them.
    async fn wanted(&self, members: &[(ObjectKind, Arc<str>)]) -> Result<Vec<Wanted>, SystemError> {
        let asked: Vec<_> = members.iter().map(|(kind, id)| self.member(*kind, id)).collect();
        stream::iter(asked).buffered(NAMES_AT_ONCE).try_collect().await
    }

    async fn member(&self, kind: ObjectKind, id: &Arc<str>) -> Result<Wanted, SystemError> {
        let Service { manners, dialect, api, .. } = &self.service;
        let by_name = kind == ObjectKind::Account && (dialect.by_user_name || manners.names_members());
        let listed = match manners.listed_as(id) {
            None if by_name => {
                let account = self.service.single(Endpoint::Users, id).await?.resource;
                field(&account, "userName").and_then(Json::as_str).map(Box::from)
            }
            listed => listed,
        };
        let endpoint = if kind == ObjectKind::Group { Endpoint::Groups } else { Endpoint::Users };
        let link = dialect.member_ref.then(|| api.url(&[endpoint.name(), id], &[])).transpose()?.map(String::from);
        Ok(Wanted { kind, id: id.clone(), listed, link })
    }

    fn new_resource(&self, endpoint: Endpoint, attributes: &Attributes) -> Json {
        let kind = if endpoint == Endpoint::Users { ObjectKind::Account } else { ObjectKind::Group };
        let mut resource = attributes.resource(kind);
        if let (Endpoint::Groups, Some(id)) = (endpoint, &self.service.dialect.empty_member) {
            resource["members"] = json!([{ "value": id }]);
        }
        resource
    }

    async fn create(&self, endpoint: Endpoint, write: &Write<'_>, attributes: &Attributes) -> Result<Written, SystemError> {
        let api = &self.service.api;
        let resource = self.new_resource(endpoint, attributes);
        let response = api.write(Method::POST, api.url(&[endpoint.name()], &[])?, Some(&resource), None).await?;
        self.made(endpoint, write, attributes, (&resource, false), &response).await
    }

    /// What the answer to a create means. In a Bulk request it is known by the name that we gave it: once one location was seen to be right, the others are believed.
    async fn made(
        &self,
        endpoint: Endpoint,
        write: &Write<'_>,
        attributes: &Attributes,
        (sent, in_bulk): (&Json, bool),
        response: &Response,
    ) -> Result<Written, SystemError> {
        if !response.succeeded() {
            return Err(self.why_not_made(write, response).await);
        }
        let told: Option<Json> = serde_json::from_slice(&response.body).ok();
        let mut id = told.as_ref().filter(|told| is_about(told, sent)).and_then(id_of).filter(|id| self.is_new(endpoint, id));
        if id.is_none() {
            let known = in_bulk && self.service.manners.locates(endpoint);
            id = self.id_from_location(endpoint, response, (sent, known)).await.filter(|id| self.is_new(endpoint, id));
        }
        let id: Arc<str> = match id {
            Some(id) => id.into(),
            None => self.find_created(write).await?,
        };
        self.rests(endpoint, &id, attributes, told.as_ref()).await?;
        Ok(Written { id, already_so: false })
    }

    /// Some services fail over a name that is taken. That one has it, and none has our marker, says that nothing was made.
    async fn why_not_made(&self, write: &Write<'_>, response: &Response) -> SystemError {
        let refusal = self.service.api.refusal(response);
        let SystemError::Uncertain(words) = &refusal else { return refusal };
        let kind = write.change.object.kind;
        let (Some(marker), Some((attribute, name))) = (text_of(write, MARKER), name_of(write)) else { return refusal };
        let marked = self.ids_with(kind, MARKER, marker).await;
        let named = self.ids_with(kind, attribute, name).await;
        match (marked.as_deref(), named.as_deref()) {
            (Ok([]), Ok([_, ..])) => {
                SystemError::Conflict(format!("{words}; another object has its {attribute} already, which may be why"))
            }
            _ => refusal,
        }
    }

    /// Whether an id can be one, and was not given to something else before.
    fn is_new(&self, endpoint: Endpoint, id: &str) -> bool {
        is_plausible(id) && self.service.manners.gives(endpoint, id)
    }

    /// `Location: <base>/Users/2819` with the base we know, also without it, if what is there is what was made.
    async fn id_from_location(&self, endpoint: Endpoint, response: &Response, (sent, known): (&Json, bool)) -> Option<String> {
        let location = self.located(response)?;
        let id = location.path_segments()?.next_back()?.to_owned();
        let plain = is_plausible(&id) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        let ours = plain && self.service.api.url(&[endpoint.name(), &id], &[]).ok()? == location;
        if !ours || known {
            return Some(id).filter(|_| ours);
        }
        let made = self.service.single(endpoint, &id).await.ok()?.resource;
        let right = id_of(&made).as_deref() == Some(&*id) && names(&made, sent) == Some(true);
        right.then(|| self.service.manners.locate(endpoint));
        right.then_some(id)
    }

    /// Where an answer says that something is: a whole URL, or one that counts from the request's, or from the base.
    fn located(&self, response: &Response) -> Option<Url> {
        let said = response.header("location")?;
        if let Ok(whole) = Url::parse(said) {
            return Some(whole);
        }
        let base = &self.service.api.base;
        let below = format!("{}/", base.as_str().trim_end_matches('/'));
        let from_base = Url::parse(&below).ok()?.join(said.trim_start_matches("./")).ok()?;
        let is_ours = |url: &Url| url.host() == base.host() && url.path().starts_with(base.path().trim_end_matches('/'));
        Some(from_base).filter(is_ours).or_else(|| response.url.as_ref()?.join(said).ok())
    }

    /// An account that was made without access must not have any: a service that ignores `active` in a create is told again.
    async fn rests(&self, endpoint: Endpoint, id: &Arc<str>, attributes: &Attributes, told: Option<&Json>) -> Result<(), SystemError> {
        let Some(inactive) = attributes.only_active().filter(Edit::takes_access) else { return Ok(()) };
        if !matches!(told.map(|told| inactive.judge(told)), Some(Verdict::Kept(_))) {
            return Ok(());
        }
        let held = self.edit(endpoint, id, &inactive).await;
        held.map(|_| ())
            .map_err(|error| error.map_words(|words| format!("it was made as {id} and is active, though it was to be inactive: {words}")))
    }

    /// The service said "created" and not what. The marker tells, and else the name: since it was created, the one that has it is it.
    async fn find_created(&self, write: &Write<'_>) -> Result<Arc<str>, SystemError> {
        let marker = text_of(write, MARKER).map(|marker| (MARKER, marker));
        let questions: Vec<_> = marker.into_iter().chain(name_of(write)).collect();
        let unsure =
            |why: &str| SystemError::Uncertain(format!("it was created, but the answer names no id that can be believed, and {why}"));
        let mut nobody = unsure("it carries nothing to find it by");
        for (attribute, value) in questions {
            let found = self.ids_with(write.change.object.kind, attribute, value).await;
            match found.map_err(|error| unsure(&format!("looking for its {attribute} failed: {error}")))?.as_slice() {
                [] => nobody = unsure(&format!("no object has its {attribute}")),
                [id] if is_plausible(id) => return Ok(id.clone()),
                [_] => nobody = unsure("what is found by it has no id that can be believed"),
                _ => return Err(unsure(&format!("several objects have its {attribute}"))),
            }
        }
        Err(nobody)
    }

    pub(super) async fn ids_with(&self, kind: ObjectKind, attribute: &str, value: &str) -> Result<Vec<Arc<str>>, SystemError> {
        let request = LookupRequest::new(kind, Columns::new(["id"]), attribute, value).in_lane(Lane::Free);
        let found = ScimReader::new(self.service.clone(), false).lookup(&request).await?;
        Ok(found.rows().filter_map(|row| row.cell(0).to_value()).map(|id| Arc::from(id.to_string())).collect())
    }

    async fn delete(&self, endpoint: Endpoint, id: &Arc<str>) -> Result<Written, SystemError> {
        let api = &self.service.api;
        let response = api.write(Method::DELETE, api.url(&[endpoint.name(), id], &[])?, None, None).await?;
        if response.succeeded() {
            return match response.status {
                204 => Ok(Written { id: id.clone(), already_so: false }),
                _ => self.confirm_deleted(endpoint, id).await,
            };
        }
        match api.refusal(&response) {
            SystemError::NotFound(_) => Ok(Written { id: id.clone(), already_so: true }),
            error => Err(error),
        }
    }

    /// A success other than 204 may come from something that stands before the service.
    async fn confirm_deleted(&self, endpoint: Endpoint, id: &Arc<str>) -> Result<Written, SystemError> {
        match self.current(endpoint, id).await {
            Err(SystemError::NotFound(_)) => Ok(Written { id: id.clone(), already_so: false }),
            Ok(_) => Err(SystemError::Uncertain("the service said yes, but the object is still there".into())),
            Err(error) => Err(SystemError::Uncertain(format!("the service said yes, and looking failed: {error}"))),
        }
    }
}

/// A text that a write sets.
fn text_of<'w>(write: &'w Write<'_>, name: &str) -> Option<&'w str> {
    write.attributes.iter().find(|(known, _)| **known == *name)?.1.as_ref().and_then(Value::as_text)
}

/// What people call it, and the attribute for that.
fn name_of<'w>(write: &'w Write<'_>) -> Option<(&'static str, &'w str)> {
    let name = if write.change.object.kind == ObjectKind::Account { "userName" } else { "displayName" };
    Some((name, text_of(write, name)?))
}

/// A service may quote what was sent; the values of secret attributes stay out of what is told.
fn without_secrets(error: SystemError, write: &Write<'_>) -> SystemError {
    let secret = |name: &str| attribute(name).is_some_and(|known| known.visibility == Visibility::Secret);
    let values = write.attributes.iter().filter(|(name, _)| secret(name)).filter_map(|(_, value)| value.as_ref()?.as_text());
    error
        .map_words(|words| values.filter(|value| !value.is_empty()).fold(words.to_owned(), |words, value| words.replace(value, "[secret]")))
}

/// Whether an answer to a create can be about what was sent.
fn is_about(told: &Json, sent: &Json) -> bool {
    names(told, sent) != Some(false)
}

/// Whether a resource has the name that was sent, if it says one.
fn names(told: &Json, sent: &Json) -> Option<bool> {
    let name = if field(sent, "userName").is_some() { "userName" } else { "displayName" };
    let (told, sent) = (field(told, name)?.as_str()?, field(sent, name)?.as_str()?);
    Some(told.trim().to_lowercase() == sent.trim().to_lowercase())
}

/// What programs write where they have no id is none.
fn is_plausible(id: &str) -> bool {
    const NONE: &[&str] = &["undefined", "null", "none", "nil", "nan", "false", "true", "[object object]"];
    let id = id.trim();
    !id.is_empty() && !NONE.iter().any(|none| id.eq_ignore_ascii_case(none))
}
