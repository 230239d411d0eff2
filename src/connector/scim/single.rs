//! One resource by its id, and of a group its members even where a service tells them only to those who ask.
//!
//! Must never: take silence about members for a group without any.

use serde_json::{Value as Json, json};

use super::api::Endpoint;
use super::rows::Member;
use super::service::Service;
use crate::http::Response;
use crate::model::SystemError;
use crate::scim::field;

/// What is asked for where members are not told by themselves: little enough that the answer shows whether the question was understood.
pub const ASK_FOR_MEMBERS: (&str, &str) = ("attributes", "id,members");

/// A resource that was read.
#[derive(Debug)]
pub struct Single {
    /// what it holds
    pub resource: Json,
    /// its version, where the service tells one
    pub version: Option<String>,
}

impl Service {
    /// The resource as it is now.
    pub async fn single(&self, endpoint: Endpoint, id: &str) -> Result<Single, SystemError> {
        let response = self.ask_for(endpoint, id, &[]).await?;
        let resource = response.json()?;
        check_id(endpoint, id, &resource)?;
        let version = field(&resource, "meta").and_then(|meta| field(meta, "version")).and_then(Json::as_str).map(str::to_owned);
        Ok(Single { version: response.etag.or(version), resource })
    }

    /// A group with `members` in it, if only an empty list. Where the service does not tell them, even when asked, they stay away.
    pub async fn group(&self, id: &str) -> Result<Single, SystemError> {
        let mut single = self.single(Endpoint::Groups, id).await?;
        if lists(&single.resource) {
            self.manners.told_members();
            return Ok(single);
        }
        let asked = match self.ask_for(Endpoint::Groups, id, &[ASK_FOR_MEMBERS]).await {
            Ok(response) => response.json()?,
            // What does not understand the question says nothing.
            Err(SystemError::Rejected(_)) => json!({ "id": id, "displayName": null }),
            Err(error) => return Err(error),
        };
        check_id(Endpoint::Groups, id, &asked)?;
        let members = match field(&asked, "members") {
            Some(members) if !members.is_null() => Some(members.clone()),
            _ => self.silence_is_emptiness(&asked).then(|| json!([])),
        };
        if let (Some(members), Some(fields)) = (members, single.resource.as_object_mut()) {
            fields.retain(|name, _| !name.eq_ignore_ascii_case("members"));
            fields.insert("members".into(), members);
        }
        Ok(single)
    }

    /// The members of a group; none where the service does not tell them.
    pub async fn members(&self, id: &str) -> Result<Option<Vec<Member>>, SystemError> {
        let group = self.group(id).await?.resource;
        match field(&group, "members").filter(|members| !members.is_null()) {
            Some(members) => {
                let members: Vec<Member> = serde_json::from_value(members.clone()).map_err(|_| super::rows::odd_members())?;
                let hidden = self.dialect.empty_member.as_deref();
                Ok(Some(members.into_iter().filter(|member| hidden.is_none() || member.value.as_deref() != hidden).collect()))
            }
            None => Ok(None),
        }
    }

    /// Whether a group that was asked for its members and tells none has none: the service tells members elsewhere, or it answered just what
    /// it was asked for.
    pub fn silence_is_emptiness(&self, asked: &Json) -> bool {
        let understood = field(asked, "displayName").is_none();
        self.manners.lists_members() || understood
    }

    async fn ask_for(&self, endpoint: Endpoint, id: &str, query: &[(&str, &str)]) -> Result<Response, SystemError> {
        self.api.get(self.api.url(&[endpoint.name(), id], query)?).await
    }
}

/// What to say of a group whose members nobody can see.
pub fn silent(group: &str) -> SystemError {
    SystemError::Protocol(format!("Groups/{group} does not tell its members, not even when asked for them by `attributes=id,members`"))
}

/// An id as services write it.
pub fn id_of(resource: &Json) -> Option<String> {
    id_in(resource, "id")
}

/// An id in a field: a text, or a number as the text of its digits.
pub fn id_in(resource: &Json, name: &str) -> Option<String> {
    match field(resource, name)? {
        Json::String(id) => Some(id.clone()),
        Json::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn lists(group: &Json) -> bool {
    field(group, "members").is_some_and(|members| !members.is_null())
}

fn check_id(endpoint: Endpoint, id: &str, resource: &Json) -> Result<(), SystemError> {
    match id_of(resource) {
        Some(found) if found != id => Err(SystemError::Protocol(format!("asked for {}/{id}, got another one", endpoint.name()))),
        _ => Ok(()),
    }
}
