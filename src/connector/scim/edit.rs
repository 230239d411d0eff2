//! Changes what exists, in the form that a service takes: small operations, else the whole resource under its version.
//!
//! Must never: call done what the answer disproves, or write a list as a whole that moved, or that nobody could read.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::api::Endpoint;
use super::manners::{Form, Shape};
use super::members::listed;
use super::single::{Single, id_of, silent};
use super::write::ScimWriter;
use crate::connector::Written;
use crate::http::{Method, Response};
use crate::model::{ObjectKind, SystemError};
use crate::scim::{AttributePath, ErrorBody, Patch, field};

/// A change must name the version that it is about (RFC 6585).
const PRECONDITION_REQUIRED: u16 = 428;
/// Looks at what an answer left open, before it counts as not done: services that read from a copy show it a moment later.
const LOOKS: u32 = 3;

/// What a change does to a resource.
pub trait Edit: Sync {
    /// what services tell apart
    fn shape(&self) -> Shape;
    /// As small operations.
    fn patch(&self, form: Form) -> Patch;
    /// In the whole resource.
    fn apply(&self, resource: &mut Map<String, Json>);
    /// What a resource that was answered or read says about it.
    fn judge(&self, resource: &Json) -> Verdict;
    /// Whether somebody loses access by it, so that an answer without a body is not enough.
    fn takes_access(&self) -> bool;
    /// The name that it gives, and the attribute that holds it: some services make the id of it.
    fn name(&self) -> Option<(&str, &str)> {
        None
    }
    /// Whether it sets what others may have set meanwhile; members are only added to others and taken from them.
    fn sets(&self) -> bool {
        false
    }
}

/// What a resource says about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// it is so
    Shown,
    /// nothing
    Silent,
    /// it is not so, in words that follow "the service"
    Kept(String),
}

/// What came of one form.
pub(super) enum Attempt {
    Done(Written),
    /// the service does not have this form, for this kind and shape or just for what this change names
    Unknown {
        error: SystemError,
        lasting: bool,
    },
    /// it said yes, and nothing changed
    Kept(SystemError),
}

impl ScimWriter {
    /// Changes it in the first form that works.
    pub(super) async fn edit(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit) -> Result<Written, SystemError> {
        let (mut passed, mut why) = (Vec::new(), None);
        let forms = self.forms(endpoint, edit);
        for form in forms.iter().copied() {
            // What has no PATCH has no form of it.
            if form != Form::Whole && passed.contains(&form) {
                continue;
            }
            // A list that is cut short never shows whom it was given, and sending it back would take out those behind the cut.
            if matches!((form, edit.shape(), &why), (Form::Whole, Shape::AddMembers, Some((Form::Paths, Attempt::Kept(_))))) {
                break;
            }
            let attempt = match form {
                Form::Paths | Form::Nulls | Form::Empties => self.patch(endpoint, id, edit, form).await?,
                Form::Whole => self.put(endpoint, id, edit).await?,
                Form::Values => self.remove_by_values(endpoint, id, edit).await?,
            };
            match attempt {
                Attempt::Done(written) => {
                    if !written.already_so {
                        self.service.manners.refuses(endpoint, edit.shape(), &passed);
                    }
                    return Ok(written);
                }
                attempt => {
                    // What is set may be refused for what it is; what is cleared, added or removed is refused for how.
                    match attempt {
                        Attempt::Unknown { lasting: true, .. } if form != Form::Whole => {
                            passed.extend(forms.iter().copied().filter(|form| *form != Form::Whole));
                        }
                        Attempt::Unknown { lasting: true, .. } => passed.push(form),
                        _ if edit.shape() != Shape::Set => passed.push(form),
                        _ => {}
                    }
                    why = Some(worse(why, (form, attempt)));
                }
            }
        }
        Err(match why {
            Some((_, Attempt::Unknown { error, .. } | Attempt::Kept(error))) => error,
            _ => SystemError::Rejected("the service takes no form of this change".into()),
        })
    }

    /// Those that the service is not known to lack; where it lacks all, all of them.
    pub(super) fn forms(&self, endpoint: Endpoint, edit: &dyn Edit) -> Vec<Form> {
        let lacks = |form: &Form| self.service.manners.refused(endpoint, edit.shape(), *form);
        let all = self.service.dialect.forms(edit.shape());
        let open: Vec<Form> = all.iter().copied().filter(|form| !lacks(form)).collect();
        if open.is_empty() { all } else { open }
    }

    /// Small operations; what sets values goes under the version that is there now, where the service understands versions. What takes access waits for nothing.
    async fn patch(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit, form: Form) -> Result<Attempt, SystemError> {
        let mut version = None;
        if self.service.dialect.etag && edit.sets() && !edit.takes_access() {
            let now = self.service.single(endpoint, id).await?;
            if edit.judge(&now.resource) == Verdict::Shown {
                return Ok(Attempt::Done(Written { id: id.clone(), already_so: true }));
            }
            version = now.version;
        }
        let mut response = self.send_patch(endpoint, id, &edit.patch(form), version.clone()).await?;
        // It asks for a version, though it did not say so.
        if response.status == PRECONDITION_REQUIRED && version.is_none() {
            version = self.service.single(endpoint, id).await?.version;
            response = self.send_patch(endpoint, id, &edit.patch(form), version).await?;
        }
        self.patched(endpoint, id, edit, form, &response).await
    }

    async fn send_patch(&self, endpoint: Endpoint, id: &str, patch: &Patch, version: Option<String>) -> Result<Response, SystemError> {
        let api = &self.service.api;
        // Plain values become JSON without fail.
        let body = serde_json::to_value(patch).unwrap_or_default();
        api.write(Method::PATCH, api.url(&[endpoint.name(), id], &[])?, Some(&body), version).await
    }

    /// What the answer to small operations means.
    pub(super) async fn patched(
        &self,
        endpoint: Endpoint,
        id: &Arc<str>,
        edit: &dyn Edit,
        form: Form,
        response: &Response,
    ) -> Result<Attempt, SystemError> {
        let lasting = match response.status {
            405 | 501 => true,
            // Where what it is about is there all the same, the method is what is not.
            404 => self.service.dialect.put && self.current(endpoint, id).await.is_ok(),
            _ => false,
        };
        if lasting || refuses_form(response, edit.shape(), form) {
            let error = self.service.api.refusal(response).map_words(|words| format!("PATCH: {words}"));
            return Ok(Attempt::Unknown { error, lasting });
        }
        self.confirm(endpoint, id, edit, response).await
    }

    /// The whole resource, read just before and sent back under the version that was read. Without a version it is read twice: what moved is left alone.
    async fn put(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit) -> Result<Attempt, SystemError> {
        let Single { mut resource, version: told } = self.current(endpoint, id).await?;
        let version = told.clone().filter(|_| self.service.dialect.etag);
        if endpoint == Endpoint::Groups && field(&resource, "members").is_none() {
            let error = silent(id).map_words(|words| format!("{words}, so it can't be written as a whole"));
            return Ok(Attempt::Unknown { error, lasting: false });
        }
        if edit.judge(&resource) == Verdict::Shown {
            return Ok(Attempt::Done(Written { id: id.clone(), already_so: true }));
        }
        if version.is_none() && without_meta(&self.current(endpoint, id).await?.resource) != without_meta(&resource) {
            let words = "it changed while it was read, and the service has no versions: the next run plans from what is there then";
            return Err(SystemError::Conflict(words.into()));
        }
        let Some(fields) = resource.as_object_mut() else { return Err(SystemError::Protocol("the resource is no JSON object".into())) };
        edit.apply(fields);
        // The service's own: it sets them and may refuse them.
        fields.retain(|name, _| name != "meta" && !(endpoint == Endpoint::Users && name == "groups"));
        let api = &self.service.api;
        let url = api.url(&[endpoint.name(), id], &[])?;
        let unasked = version.is_none();
        let mut response = api.write(Method::PUT, url.clone(), Some(&resource), version).await?;
        if response.status == PRECONDITION_REQUIRED && unasked && told.is_some() {
            response = api.write(Method::PUT, url, Some(&resource), told).await?;
        }
        let lasting = matches!(response.status, 405 | 501);
        // It was there a moment ago.
        let other_form = edit.shape() == Shape::RemoveMembers && matches!(response.status, 400 | 403 | 404);
        if lasting || other_form {
            let error = api.refusal(&response).map_words(|words| format!("PUT: {words}"));
            return Ok(Attempt::Unknown { error, lasting });
        }
        self.confirm(endpoint, id, edit, &response).await
    }

    /// Takes members out by listing them. A service that does not read the list takes everybody out, so whoever else vanished is put back.
    async fn remove_by_values(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit) -> Result<Attempt, SystemError> {
        let mut wanted = self.current(endpoint, id).await?.resource;
        wanted.as_object_mut().into_iter().for_each(|fields| edit.apply(fields));
        let attempt = self.patch(endpoint, id, edit, Form::Values).await?;
        let lost: Vec<String> = {
            let now = listed(&self.current(endpoint, id).await?.resource);
            listed(&wanted).into_iter().filter(|member| !now.contains(member)).collect()
        };
        if lost.is_empty() {
            return Ok(attempt);
        }
        let mut back = Patch::default();
        back.add(AttributePath::core("members"), lost.iter().map(|member| serde_json::json!({ "value": member })).collect());
        let response = self.send_patch(endpoint, id, &back, None).await?;
        let put_back = if response.succeeded() { "were put back" } else { "could not be put back" };
        Err(SystemError::Rejected(format!("the service took out {} members who were to stay; they {put_back}", lost.len())))
    }

    /// The resource as it is now, a group with its members.
    pub(super) async fn current(&self, endpoint: Endpoint, id: &str) -> Result<Single, SystemError> {
        match endpoint {
            Endpoint::Users => self.service.single(endpoint, id).await,
            Endpoint::Groups => self.service.group(id).await,
        }
    }

    /// Believes a body with the right id that does not show otherwise, and a 204 that takes nobody's access. Anything else is looked at.
    async fn confirm(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit, response: &Response) -> Result<Attempt, SystemError> {
        let done = || Attempt::Done(Written { id: id.clone(), already_so: false });
        if !response.succeeded() {
            return Err(self.service.api.refusal(response));
        }
        let body: Option<Json> = serde_json::from_slice(&response.body).ok();
        let ours = body.filter(|body| id_of(body).as_deref() == Some(&**id));
        if let Some((attribute, name)) = edit.name().filter(|_| ours.is_none() && !self.service.manners.keeps_ids(endpoint))
            && let Some(moved) = self.new_id(endpoint, id, (attribute, name)).await?
        {
            return Ok(Attempt::Done(Written { id: moved, already_so: false }));
        }
        match ours.as_ref().map(|body| edit.judge(body)) {
            Some(Verdict::Shown) => Ok(done()),
            Some(Verdict::Kept(_)) => self.look(endpoint, id, edit, response.status).await,
            Some(Verdict::Silent) => self.look_once(endpoint, id, edit, response.status).await,
            None if response.status == 204 => self.look_once(endpoint, id, edit, response.status).await,
            // It may come from something that stands before the service.
            None => match self.current(endpoint, id).await.map(|single| edit.judge(&single.resource)) {
                Ok(Verdict::Shown) => Ok(done()),
                Ok(_) => Err(SystemError::Uncertain("the service said yes, but does not show the change".into())),
                Err(error) => Err(SystemError::Uncertain(format!("the service said yes without showing it, and looking failed: {error}"))),
            },
        }
    }

    /// The id that a renamed object has from now on, where the service made another one of its name; nothing where it kept its own. The first rename shows
    /// whether they are kept.
    async fn new_id(&self, endpoint: Endpoint, id: &Arc<str>, (attribute, name): (&str, &str)) -> Result<Option<Arc<str>>, SystemError> {
        match self.current(endpoint, id).await {
            Ok(_) => {
                self.service.manners.keep_ids(endpoint);
                return Ok(None);
            }
            Err(SystemError::NotFound(_)) => {}
            // A look that fails takes nothing from the yes.
            Err(_) => return Ok(None),
        }
        let kind = if endpoint == Endpoint::Users { ObjectKind::Account } else { ObjectKind::Group };
        match self.ids_with(kind, attribute, name).await?.as_slice() {
            [moved] if moved != id => Ok(Some(moved.clone())),
            [_] => Ok(None),
            _ => Err(SystemError::Uncertain(format!("it was renamed, nothing has its id any more, and not one alone has its {attribute}"))),
        }
    }

    /// Where somebody loses access, the first yes of a kind and shape that shows nothing is looked at. A look that fails takes nothing from the yes.
    async fn look_once(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit, status: u16) -> Result<Attempt, SystemError> {
        let manners = &self.service.manners;
        let done = || Attempt::Done(Written { id: id.clone(), already_so: false });
        if !edit.takes_access() || manners.proved(endpoint, edit.shape()) {
            return Ok(done());
        }
        match self.look(endpoint, id, edit, status).await {
            Ok(Attempt::Kept(error)) => Ok(Attempt::Kept(error)),
            Ok(attempt) => {
                // A person's access is looked at each time: it costs one small question.
                if endpoint == Endpoint::Groups {
                    manners.prove(endpoint, edit.shape());
                }
                Ok(attempt)
            }
            Err(_) => Ok(done()),
        }
    }

    /// Looks whether it is so, a few times.
    async fn look(&self, endpoint: Endpoint, id: &Arc<str>, edit: &dyn Edit, status: u16) -> Result<Attempt, SystemError> {
        let mut looks = 0;
        loop {
            let seen = self.current(endpoint, id).await.map(|single| edit.judge(&single.resource));
            looks += 1;
            return match seen {
                Ok(Verdict::Kept(_)) if looks < LOOKS => {
                    tokio::time::sleep(self.service.api.connection.pause() * looks).await;
                    continue;
                }
                Ok(Verdict::Kept(words)) => Ok(Attempt::Kept(SystemError::Rejected(format!("it answered HTTP {status}, and {words}")))),
                Ok(_) => Ok(Attempt::Done(Written { id: id.clone(), already_so: false })),
                Err(error) => Err(SystemError::Uncertain(format!("the service said yes without showing it, and looking failed: {error}"))),
            };
        }
    }
}

/// What a service kept tells more than what it does not have; of two alike the first.
fn worse(known: Option<(Form, Attempt)>, next: (Form, Attempt)) -> (Form, Attempt) {
    match known {
        Some(known) if matches!(known.1, Attempt::Kept(_)) || matches!(next.1, Attempt::Unknown { .. }) => known,
        _ => next,
    }
}

fn without_meta(resource: &Json) -> Json {
    let mut bare = resource.clone();
    if let Some(fields) = bare.as_object_mut() {
        fields.retain(|name, _| name != "meta");
    }
    bare
}

/// Whether a refusal is about how something was asked for, and not about what: nothing was done, and another form may do it. Some services know PATCH but not
/// value paths, some no `remove`; many say so with nothing but 400.
fn refuses_form(response: &Response, shape: Shape, form: Form) -> bool {
    if response.status != 400 {
        return false;
    }
    let said: Option<ErrorBody> = serde_json::from_slice(&response.body).ok();
    match said.and_then(|said| said.scim_type).as_deref() {
        Some("invalidPath" | "invalidFilter" | "noTarget") => true,
        Some("uniqueness" | "tooMany" | "sensitive" | "invalidVers") => false,
        _ => matches!((shape, form), (Shape::Clear | Shape::RemoveMembers, Form::Paths | Form::Nulls | Form::Empties)),
    }
}
