//! Many changes in one request (RFC 7644 section 3.7), where the service offers it.
//!
//! Must never: hold a change that takes access, which is looked at by itself, or take one answer for another.

use serde_json::{Value as Json, json};

use super::api::{Api, Endpoint};
use super::dialect::BulkBounds;
use crate::http::{Effect, Headers, Method, Response};
use crate::model::SystemError;
use crate::scim::{BULK_REQUEST, field};

/// One change of a Bulk request.
pub struct Operation {
    /// POST or PATCH
    pub method: Method,
    /// of what kind
    pub endpoint: Endpoint,
    /// of which; none for one that is made
    pub id: Option<String>,
    /// the body
    pub data: Json,
}

/// What came of a Bulk request.
pub enum BulkAnswer {
    /// an answer for each operation, as if it had been sent by itself; none where the service gave none
    Each(Vec<Option<Response>>),
    /// the service takes no such request, and did nothing
    Refused,
    /// the same for all
    All(SystemError),
}

/// How many of these fit in one request: at least one.
pub fn fitting(operations: &[&Operation], bounds: BulkBounds) -> usize {
    let mut bytes = 0;
    let fits = |operation: &&&Operation| {
        bytes += operation.data.to_string().len() + OVERHEAD;
        bytes <= bounds.payload
    };
    operations.iter().take(bounds.operations).take_while(fits).count().max(1)
}

/// What an operation takes beside its body.
const OVERHEAD: usize = 200;

/// Sends them in one request, once.
pub async fn send(api: &Api, operations: &[&Operation]) -> BulkAnswer {
    let entries: Result<Vec<Json>, SystemError> = operations.iter().enumerate().map(|(at, operation)| entry(api, at, operation)).collect();
    let sent = match entries {
        Ok(entries) => {
            let body = json!({ "schemas": [BULK_REQUEST], "Operations": entries });
            match api.url(&["Bulk"], &[]) {
                Ok(url) => api.write(Method::POST, url, Some(&body), None).await,
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    };
    let response = match sent {
        Ok(response) => response,
        Err(error) => return BulkAnswer::All(error),
    };
    if matches!(response.status, 400 | 404 | 405 | 413 | 501) {
        return BulkAnswer::Refused;
    }
    if !response.succeeded() {
        return BulkAnswer::All(api.refusal(&response));
    }
    let told: Option<Json> = serde_json::from_slice(&response.body).ok();
    match told.as_ref().and_then(|told| field(told, "Operations")?.as_array()) {
        Some(results) => BulkAnswer::Each(
            operations.iter().enumerate().map(|(at, operation)| result(api, results, at, operation, operations.len())).collect(),
        ),
        None => BulkAnswer::All(SystemError::Uncertain("the service said yes to a Bulk request, and not what came of it".into())),
    }
}

fn bulk_id(at: usize) -> String {
    format!("hc{at}")
}

fn entry(api: &Api, at: usize, operation: &Operation) -> Result<Json, SystemError> {
    let segments: Vec<&str> = std::iter::once(operation.endpoint.name()).chain(operation.id.as_deref()).collect();
    let url = api.url(&segments, &[])?;
    let path = url.path().strip_prefix(api.base.path().trim_end_matches('/')).unwrap_or(url.path()).to_owned();
    Ok(json!({ "method": operation.method.as_str(), "path": path, "bulkId": bulk_id(at), "data": operation.data }))
}

/// The answer to one operation: the one with its name, else the one in its place, where as many came as were asked for.
fn result(api: &Api, results: &[Json], at: usize, operation: &Operation, many: usize) -> Option<Response> {
    let text = |result: &Json, name: &str| field(result, name).and_then(Json::as_str).map(str::to_owned);
    let named = results.iter().find(|result| text(result, "bulkId").as_deref() == Some(&bulk_id(at)));
    let is_its = |result: &&Json| {
        let same = text(result, "method").is_none_or(|method| method.eq_ignore_ascii_case(operation.method.as_str()));
        // What is made has nothing but that name.
        operation.method != Method::POST && results.len() == many && same && text(result, "bulkId").is_none()
    };
    let result = named.or_else(|| results.get(at).filter(is_its))?;
    let body = field(result, "response").filter(|response| !response.is_null()).map(ToString::to_string).unwrap_or_default();
    let status = status_of(field(result, "status")?)?;
    let location = text(result, "location");
    let headers = Headers::of(location.iter().map(|location| ("location", location.as_str())));
    // A yes without more is as good as 204: it can come from nobody but the service.
    let status = if status == 200 && body.is_empty() { 204 } else { status };
    let segments: Vec<&str> = std::iter::once(operation.endpoint.name()).chain(operation.id.as_deref()).collect();
    let url = api.url(&segments, &[]).ok();
    let method = operation.method.clone();
    Some(Response { method, effect: Effect::Writes, url, status, headers, body: body.into_bytes(), ..Response::default() })
}

/// `"201"`, `201`, and as drafts had it `{"code": "201"}`.
fn status_of(status: &Json) -> Option<u16> {
    let inner = field(status, "code").unwrap_or(status);
    match inner {
        Json::String(text) => text.trim().parse().ok(),
        other => u16::try_from(other.as_u64()?).ok(),
    }
}
