//! Asks a token endpoint of OAuth 2.0 (RFC 6749) for an access token.
//!
//! Must never: repeat what a token endpoint says beside its code, which may be what was sent.

use secrecy::SecretString;
use serde_json::Value as Json;

use crate::http::{Body, Client, Credentials, Method, Request, Response, Settings, Url};
use crate::model::SystemError;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// A token endpoint's answer is small.
const MAX_ANSWER: usize = 1 << 20;
/// A longer code is none.
const MAX_CODE: usize = 60;

/// Fields of a form, in order.
pub(super) type Form = Vec<(String, String)>;

/// Shows a form and gets a token, which stands at `place` of the answer. `scopes` is for messages.
pub(super) async fn token(
    settings: &Settings,
    url: Url,
    (form, credentials): (&Form, Option<Credentials>),
    scopes: &str,
    place: &str,
) -> Result<SecretString, SystemError> {
    let client = Client::new(&Settings { credentials, renew: None, max_body: MAX_ANSWER, ..settings.clone() })?;
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request { body: Some(Body::new(FORM, body)), ..Request::reads(Method::POST, url, JSON) };
    let response = client.send(request).await?;
    let told: Json = serde_json::from_slice(&response.body).unwrap_or_default();
    match told.pointer(&format!("/{}", place.replace('.', "/"))).and_then(Json::as_str) {
        Some(token) if response.succeeded() && !token.is_empty() => Ok(token.to_owned().into()),
        _ => Err(refused(&response, &told, scopes)),
    }
}

/// Why there is no token. What an endpoint says beside its code may hold what was sent, so only a code is repeated (RFC 6749 section 5.2).
fn refused(response: &Response, told: &Json, scopes: &str) -> SystemError {
    let code = told.get("error").and_then(Json::as_str).unwrap_or_default();
    let is_code = !code.is_empty() && code.len() <= MAX_CODE && code.bytes().all(|sign| sign.is_ascii_lowercase() || sign == b'_');
    let code = if is_code { code } else { "no token" };
    let words = format!("{} gives no token (HTTP {} {code})", response.place(), response.status);
    let why = match code {
        "invalid_client" => "; it does not know the client, or its secret, key or certificate is another one",
        "invalid_grant" => "; what was shown for it has run out or was withdrawn, is for somebody else, or this machine's clock is wrong",
        "unauthorized_client" | "access_denied" => "; nobody granted this client these scopes",
        "invalid_scope" => "; it does not give these scopes",
        _ => "",
    };
    let which =
        if matches!(code, "unauthorized_client" | "access_denied" | "invalid_scope") { format!(": {scopes}") } else { String::new() };
    match response.status {
        429 => SystemError::Throttled { after: response.retry_after, message: words },
        500.. => SystemError::Unavailable(words),
        _ => SystemError::Auth(format!("{words}{why}{which}")),
    }
}
