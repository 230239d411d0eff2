//! Writes a service: creates, small PATCHes, or where PATCH is refused the whole resource under its version.
//!
//! Must never: send one change twice, write a list of members as a whole where a delta does, or believe an answer that shows something else.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value as Json, json};

use super::Service;
use super::api::Endpoint;
use super::body::Attributes;
use super::discovery::MARKER;
use super::read::ScimReader;
use crate::connector::{LookupRequest, Permit, Reader, Write, Writer, Written};
use crate::http::{Method, Response, Url};
use crate::model::{Action, Columns, ObjectKind, SystemError, Value, Visibility, attribute};
use crate::scim::{AttributePath, ErrorBody, Filter, Patch, Resource};

/// Writes a SCIM target.
#[derive(Debug)]
pub struct ScimWriter {
    /// the service
    pub service: Arc<Service>,
}

impl Writer for ScimWriter {
    fn write<'a>(&'a self, batch: &'a [Write<'a>], _permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        Box::pin(async move {
            let mut results = Vec::with_capacity(batch.len());
            for write in batch {
                results.push(self.one(write).await.map_err(|error| without_secrets(error, write)));
            }
            results
        })
    }
}

/// What a change does to a resource, for PATCH and for PUT.
trait Edit: Sync {
    /// As small operations.
    fn patch(&self) -> Patch;
    /// In the whole resource.
    fn apply(&self, resource: &mut Map<String, Json>);
    /// Whether a resource that was read shows it.
    fn shown_by(&self, resource: &Json) -> bool;
}

impl Edit for Attributes {
    fn patch(&self) -> Patch {
        Attributes::patch(self)
    }

    fn apply(&self, resource: &mut Map<String, Json>) {
        self.put_into(resource);
    }

    fn shown_by(&self, resource: &Json) -> bool {
        Attributes::shown_by(self, resource)
    }
}

/// Members to add or to remove.
struct MemberEdit<'a> {
    members: &'a [(ObjectKind, Arc<str>)],
    add: bool,
}

impl MemberEdit<'_> {
    fn names(&self, member: &Json) -> bool {
        member.get("value").and_then(Json::as_str).is_some_and(|value| self.members.iter().any(|(_, id)| **id == *value))
    }
}

impl Edit for MemberEdit<'_> {
    fn patch(&self) -> Patch {
        let (members, mut patch) = (AttributePath::core("members"), Patch::default());
        if self.add {
            patch.add(&members, self.members.iter().map(member_entry).collect());
        } else {
            for (_, id) in self.members {
                patch.remove(Filter::equal(AttributePath::core("value"), id).within(&members));
            }
        }
        patch
    }

    fn apply(&self, resource: &mut Map<String, Json>) {
        let members = resource.entry("members").or_insert_with(|| json!([]));
        if !members.is_array() {
            *members = json!([]);
        }
        let Some(members) = members.as_array_mut() else { return };
        members.retain(|member| !self.names(member));
        if self.add {
            members.extend(self.members.iter().map(member_entry));
        }
    }

    fn shown_by(&self, resource: &Json) -> bool {
        let listed = AttributePath::core("members").find(resource).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let shown = |id: &str| listed.iter().any(|member| member.get("value").and_then(Json::as_str) == Some(id));
        self.members.iter().all(|(_, id)| shown(id) == self.add)
    }
}

/// The type is said only where it matters: of a nested group.
fn member_entry((kind, id): &(ObjectKind, Arc<str>)) -> Json {
    match kind {
        ObjectKind::Group => json!({ "value": id.as_ref(), "type": "Group" }),
        _ => json!({ "value": id.as_ref() }),
    }
}

impl ScimWriter {
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
                let edit = MemberEdit { members: &write.members, add: action == Action::AddMembers };
                self.edit(endpoint, id, &edit, write.members.is_empty()).await
            }
            (ObjectKind::Account, Action::Adopt | Action::Update | Action::Deactivate | Action::Reactivate)
            | (ObjectKind::Group, Action::Adopt | Action::Update) => self.edit(endpoint, id, &attributes, attributes.is_empty()).await,
            _ => Err(SystemError::Rejected("SCIM has no such change".into())),
        }
    }

    async fn create(&self, endpoint: Endpoint, write: &Write<'_>, attributes: &Attributes) -> Result<Written, SystemError> {
        let api = &self.service.api;
        let resource = attributes.resource(write.change.object.kind);
        let response = api.send(Method::POST, api.url(&[endpoint.name()], &[])?, Some(&resource), None).await?;
        if !response.succeeded() {
            return Err(api.refusal(&response, true));
        }
        let told = match created_id(&response, &resource) {
            Some(id) => Some(id),
            None => self.id_from_location(endpoint, &response),
        };
        let id = match told {
            Some(id) => id,
            None => self.find_created(write).await?,
        };
        Ok(Written { id, already_so: false })
    }

    /// `Location: <base>/Users/2819` with the base we know.
    fn id_from_location(&self, endpoint: Endpoint, response: &Response) -> Option<Arc<str>> {
        let location = Url::parse(response.location.as_deref()?).ok()?;
        let id = location.path_segments()?.next_back()?.to_owned();
        let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        let ours = plain && self.service.api.url(&[endpoint.name(), &id], &[]).ok()? == location;
        ours.then(|| Arc::from(id))
    }

    /// The service said "created" and not what. The marker tells, and without one the unique name of an account.
    async fn find_created(&self, write: &Write<'_>) -> Result<Arc<str>, SystemError> {
        let unsure = |why: &str| SystemError::Uncertain(format!("it was created, but the answer names no id, and {why}"));
        let text = |name: &str| write.attributes.iter().find(|(known, _)| **known == *name)?.1.as_ref().and_then(Value::as_text);
        let kind = write.change.object.kind;
        let question =
            text(MARKER).map(|value| (MARKER, value)).or_else(|| (kind == ObjectKind::Account).then_some(("userName", text("userName")?)));
        let (attribute, value) = question.ok_or_else(|| unsure("it carries nothing to find it by"))?;
        let request = LookupRequest { kind, columns: Columns::new(["id"]), attribute: attribute.into(), value: value.into() };
        let reader = ScimReader { service: self.service.clone(), record: false };
        let found = reader.lookup(&request).await.map_err(|error| unsure(&format!("looking for its {attribute} failed: {error}")))?;
        let mut ids = found.rows().filter_map(|row| row.cell(0).to_value());
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id.to_string().into()),
            (None, _) => Err(unsure(&format!("no object has its {attribute}"))),
            _ => Err(unsure(&format!("several objects have its {attribute}"))),
        }
    }

    async fn delete(&self, endpoint: Endpoint, id: &Arc<str>) -> Result<Written, SystemError> {
        let api = &self.service.api;
        let response = api.send(Method::DELETE, api.url(&[endpoint.name(), id], &[])?, None, None).await?;
        if response.succeeded() {
            return match response.status {
                204 => Ok(Written { id: id.clone(), already_so: false }),
                _ => self.confirm_deleted(endpoint, id).await,
            };
        }
        match api.refusal(&response, true) {
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

    async fn edit(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit, empty: bool) -> Result<Written, SystemError> {
        if empty {
            return Ok(Written { id: id.clone(), already_so: true });
        }
        if !self.service.discovery.patch || self.service.patch_refused.load(Ordering::Relaxed) {
            return self.put(endpoint, id, edit).await;
        }
        let api = &self.service.api;
        // Plain values become JSON without fail.
        let body = serde_json::to_value(edit.patch()).unwrap_or_default();
        let response = api.send(Method::PATCH, api.url(&[endpoint.name(), id], &[])?, Some(&body), None).await?;
        if matches!(response.status, 405 | 501) {
            self.service.patch_refused.store(true, Ordering::Relaxed);
            return self.put(endpoint, id, edit).await;
        }
        if refuses_paths(&response) {
            return self.put(endpoint, id, edit).await;
        }
        self.confirm(endpoint, id, edit, &response).await
    }

    /// The whole resource, read just before and sent back under the version that was read.
    async fn put(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit) -> Result<Written, SystemError> {
        let (mut resource, version) = self.current(endpoint, id).await?;
        let Some(fields) = resource.as_object_mut() else { return Err(SystemError::Protocol("the resource is no JSON object".into())) };
        edit.apply(fields);
        // The service's own: it sets them and may refuse them.
        fields.retain(|name, _| name != "meta" && !(endpoint == Endpoint::Users && name == "groups"));
        let version = version.filter(|_| self.service.discovery.etag);
        let api = &self.service.api;
        let response = api.send(Method::PUT, api.url(&[endpoint.name(), id], &[])?, Some(&resource), version).await?;
        self.confirm(endpoint, id, edit, &response).await
    }

    /// The resource as it is now, and its version.
    async fn current(&self, endpoint: Endpoint, id: &str) -> Result<(Json, Option<String>), SystemError> {
        let api = &self.service.api;
        let response = api.get(api.url(&[endpoint.name(), id], &[])?).await?;
        let resource = response.json()?;
        if resource.get("id").and_then(Json::as_str).is_some_and(|found| found != id) {
            return Err(SystemError::Protocol(format!("asked for {}/{id}, got another one", endpoint.name())));
        }
        Ok((resource, response.etag))
    }

    /// Believes a 204 or a body with the right id. Any other success is looked at: it may come from something that stands before the service.
    async fn confirm(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit, response: &Response) -> Result<Written, SystemError> {
        let done = Written { id: id.clone(), already_so: false };
        if !response.succeeded() {
            return Err(self.service.api.refusal(response, true));
        }
        let told: Option<Resource> = serde_json::from_slice(&response.body).ok();
        match told.and_then(|told| told.id) {
            _ if response.status == 204 => return Ok(done),
            Some(told) if *told == **id => return Ok(done),
            _ => {}
        }
        match self.current(endpoint, id).await {
            Ok((resource, _)) if edit.shown_by(&resource) => Ok(done),
            Ok(_) => Err(SystemError::Uncertain("the service said yes, but does not show the change".into())),
            Err(error) => Err(SystemError::Uncertain(format!("the service said yes without showing it, and looking failed: {error}"))),
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

/// The id in the answer to a create, if the answer is about what was sent.
fn created_id(response: &Response, sent: &Json) -> Option<Arc<str>> {
    let told: Resource = serde_json::from_slice(&response.body).ok()?;
    let sent_name = sent.get("userName").and_then(Json::as_str);
    let other = told.user_name.as_deref().zip(sent_name).is_some_and(|(told, sent)| told.to_lowercase() != sent.to_lowercase());
    told.id.filter(|id| !id.is_empty() && !other).map(Arc::from)
}

/// Some services know PATCH but not value paths.
fn refuses_paths(response: &Response) -> bool {
    let said: Option<ErrorBody> = if response.status == 400 { serde_json::from_slice(&response.body).ok() } else { None };
    said.and_then(|said| said.scim_type).is_some_and(|kind| matches!(kind.as_str(), "invalidPath" | "invalidFilter"))
}
