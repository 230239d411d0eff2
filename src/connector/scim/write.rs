//! Writes a service: creates and deletions here, changes of what exists in [`super::edit`].
//!
//! Must never: send one change twice, or believe an id that was not seen to belong to what was made.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::api::Endpoint;
use super::body::Attributes;
use super::discovery::MARKER;
use super::edit::{Edit, Verdict};
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

impl Writer for ScimWriter {
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
            let mut results = Vec::with_capacity(batch.len());
            for write in batch {
                let sender = Self { service: self.service.for_one_change(permit) };
                results.push(sender.one(write).await.map_err(|error| without_secrets(error, write)));
            }
            results
        })
    }
}

impl ScimWriter {
    /// Writes the service.
    pub fn new(service: &Service) -> Self {
        Self { service: service.at_once() }
    }

    async fn one(&self, write: &Write<'_>) -> Result<Written, SystemError> {
        let (kind, action) = (write.change.object.kind, write.change.action);
        let endpoint = match kind {
            ObjectKind::Account => Endpoint::Users,
            ObjectKind::Group => Endpoint::Groups,
            ObjectKind::Membership => return Err(SystemError::Rejected("memberships are changed as part of their group".into())),
            ObjectKind::Entitlement => return Err(SystemError::Rejected("entitlements are changed as part of their account".into())),
        };
        let attributes = Attributes::of(&self.service, write)?;
        if action == Action::Create {
            return self.create(endpoint, write, &attributes).await;
        }
        let id = write.id.as_ref().ok_or_else(|| SystemError::Rejected("the object has no id yet".into()))?;
        match (kind, action) {
            (_, Action::Delete) => self.delete(endpoint, id).await,
            (ObjectKind::Group, Action::AddMembers | Action::RemoveMembers) => {
                let listed = |id: &str| self.service.manners.listed_as(id);
                let wanted = write.members.iter().map(|(kind, id)| Wanted { kind: *kind, id: id.clone(), listed: listed(id) });
                let edit = MemberEdit { members: wanted.collect(), add: action == Action::AddMembers };
                self.edit_some(endpoint, id, &edit, write.members.is_empty()).await
            }
            (ObjectKind::Account, Action::Adopt | Action::Update | Action::Deactivate | Action::Reactivate)
            | (ObjectKind::Group, Action::Adopt | Action::Update) => self.edit_some(endpoint, id, &attributes, attributes.is_empty()).await,
            _ => Err(SystemError::Rejected("SCIM has no such change".into())),
        }
    }

    async fn create(&self, endpoint: Endpoint, write: &Write<'_>, attributes: &Attributes) -> Result<Written, SystemError> {
        let api = &self.service.api;
        let resource = attributes.resource(write.change.object.kind);
        let response = api.write(Method::POST, api.url(&[endpoint.name()], &[])?, Some(&resource), None).await?;
        if !response.succeeded() {
            return Err(api.refusal(&response));
        }
        let told: Option<Json> = serde_json::from_slice(&response.body).ok();
        let mut id = told.as_ref().filter(|told| is_about(told, &resource)).and_then(id_of).filter(|id| self.is_new(endpoint, id));
        if id.is_none() {
            id = self.id_from_location(endpoint, &response, &resource).await.filter(|id| self.is_new(endpoint, id));
        }
        let id: Arc<str> = match id {
            Some(id) => id.into(),
            None => self.find_created(write).await?,
        };
        self.rests(endpoint, &id, attributes, told.as_ref()).await?;
        Ok(Written { id, already_so: false })
    }

    async fn edit_some(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit, empty: bool) -> Result<Written, SystemError> {
        if empty { Ok(Written { id: id.clone(), already_so: true }) } else { self.edit(endpoint, id, edit).await }
    }

    /// Whether an id can be one, and was not given to something else before.
    fn is_new(&self, endpoint: Endpoint, id: &str) -> bool {
        is_plausible(id) && self.service.manners.gives(endpoint, id)
    }

    /// `Location: <base>/Users/2819` with the base we know, if what is there is what was made.
    async fn id_from_location(&self, endpoint: Endpoint, response: &Response, sent: &Json) -> Option<String> {
        let location = Url::parse(response.header("location")?).ok()?;
        let id = location.path_segments()?.next_back()?.to_owned();
        let plain = is_plausible(&id) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        let ours = plain && self.service.api.url(&[endpoint.name(), &id], &[]).ok()? == location;
        let made = if ours { self.service.single(endpoint, &id).await.ok()?.resource } else { return None };
        (id_of(&made).as_deref() == Some(&*id) && names(&made, sent) == Some(true)).then_some(id)
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
        let text = |name: &str| write.attributes.iter().find(|(known, _)| **known == *name)?.1.as_ref().and_then(Value::as_text);
        let name = if write.change.object.kind == ObjectKind::Account { "userName" } else { "displayName" };
        let questions: Vec<_> = [MARKER, name].into_iter().filter_map(|attribute| Some((attribute, text(attribute)?))).collect();
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

    async fn ids_with(&self, kind: ObjectKind, attribute: &str, value: &str) -> Result<Vec<Arc<str>>, SystemError> {
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
