//! A document that is a SCIM service with manners of its own: the native SCIM connector speaks to it, within what the document says.
//!
//! Must never: widen what the service tells of itself, or sign in by another way than the document's.

use std::sync::Arc;

use super::definition::{Definition, Wrong};
use super::secrets;
use crate::connector::limiter::Limits;
use crate::connector::scim::{ScimConnector, open_source, open_target};
use crate::connector::{Reader, Surroundings, TargetConnector};
use crate::expr::Problem;
use crate::manifest::connection::{Auth, DeclaredConnection, Described, ScimConnection};
use crate::manifest::kinds::connector::{AuthScheme, ConnectorSpec, ScimService};
use crate::model::{Action, Capabilities, ObjectKind, SideEffect, SystemError, system_id};

/// The connector that speaks to such a service.
pub(super) const SERVICE: ScimConnector = ScimConnector;

/// The dialect that a connection's document describes.
pub(super) fn of(connection: &DeclaredConnection) -> Option<&ScimService> {
    connection.document.as_ref()?.scim.as_ref()
}

/// What is wrong with such a document.
pub(super) fn wrong(spec: &ConnectorSpec) -> Vec<Wrong> {
    if spec.scim.is_none() {
        return Vec::new();
    }
    let say = |pointer: String, message: &str, hint: &str| Wrong {
        pointer,
        problem: Problem { offset: 0, length: 0, message: message.into(), hint: Some(hint.into()) },
    };
    let both = spec.accounts.is_some() || !spec.groups.is_empty();
    let both = both.then(|| {
        let message = "a document has `scim`, or `accounts` and `groups`, not both";
        say("/scim".into(), message, "leave `scim` out, or the requests")
    });
    let other = spec.auth.iter().filter(|(_, scheme)| token_of(scheme).is_none()).map(|(name, _)| {
        let message = "a SCIM service is signed in to by a bearer token alone";
        say(format!("/auth/{name}"), message, "write `{bearer: '{secret.token}'}`")
    });
    both.into_iter().chain(other).collect()
}

/// Opens it as a source.
pub(super) async fn source(connection: &DeclaredConnection, surroundings: &Surroundings) -> Result<Box<dyn Reader>, SystemError> {
    let (scim, limits) = scim(connection)?;
    limit(connection, &scim, limits, surroundings);
    open_source(&scim, surroundings).await
}

/// Opens it as a target.
pub(super) async fn target(connection: &DeclaredConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    let (scim, limits) = scim(connection)?;
    limit(connection, &scim, limits, surroundings);
    let mut target = open_target(&scim, surroundings).await?;
    target.system = system_id(&connection.system());
    if let Some(service) = of(connection) {
        tell(&mut target.capabilities, service);
    }
    Ok(target)
}

/// The same connection, as the SCIM connector knows it.
fn scim(connection: &DeclaredConnection) -> Result<(ScimConnection, Limits), SystemError> {
    let document =
        connection.document.as_ref().ok_or_else(|| SystemError::Rejected(format!("there is no Connector {}", connection.name)))?;
    let definition = Definition::compile(&connection.name, document, &connection.config).map_err(|wrong| {
        let first = wrong.first().map(|wrong| wrong.problem.message.clone()).unwrap_or_default();
        SystemError::Rejected(format!("the Connector {} is not sound: {first}", connection.name))
    })?;
    let picked = connection.auth.iter().next().and_then(|(name, given)| Some((document.auth.get(name)?, given)));
    let token = picked.and_then(|(scheme, given)| given.get(&token_of(scheme)?).cloned());
    let service = document.scim.as_ref();
    let scim = ScimConnection {
        url: definition.base.as_str().trim_end_matches('/').to_owned(),
        auth: token.map(Auth::Bearer),
        ca_file: connection.ca_file.clone(),
        page_size: service.and_then(|service| service.page),
        timeout: connection.timeout.clone(),
        max_body: connection.max_body.clone(),
        allow_plain_http: false,
        extension: service.and_then(|service| service.extension.clone()),
        dialect: Box::new(service.map(|service| service.dialect.clone()).unwrap_or_default()),
    };
    Ok((scim, definition.limits))
}

/// The secret that a bearer scheme is, and nothing besides.
fn token_of(scheme: &AuthScheme) -> Option<String> {
    let AuthScheme::Bearer(template) = scheme else { return None };
    let name = secrets::asked(scheme).needed.into_iter().next()?;
    (*template == format!("{{secret.{name}}}")).then_some(name)
}

fn limit(connection: &DeclaredConnection, scim: &ScimConnection, limits: Limits, surroundings: &Surroundings) {
    let limiter = &surroundings.connections.system(&scim.system()).limiter;
    limiter.limit(&Arc::from(format!("connector {}", connection.name)), limits);
}

/// With what the document says that it does besides.
fn tell(can: &mut Capabilities, service: &ScimService) {
    for (action, words) in told(service) {
        can.side_effects.push(SideEffect { kind: ObjectKind::Account, action, attributes: Vec::new(), words: words.into() });
    }
}

/// What it does besides, by the change that leads to it.
pub(super) fn told(service: &ScimService) -> Vec<(Action, &str)> {
    let Some(tells) = &service.tells else { return Vec::new() };
    let all = [
        (Action::Create, &tells.create),
        (Action::Deactivate, &tells.deactivate),
        (Action::Reactivate, &tells.activate),
        (Action::Delete, &tells.delete),
    ];
    all.into_iter().filter_map(|(action, words)| Some((action, words.as_deref()?))).collect()
}
