//! What a change would ask of a system, before anybody sends it: the writer works as ever, and its requests are noted in the place of being sent.
//!
//! Must never: let a write through, or hold what signs a request in.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;

use crate::http::Request;
use crate::model::RehearsedRequest;

/// Takes the writes of one change. A copy is the same.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal(Arc<Mutex<Vec<RehearsedRequest>>>);

/// What stands for the id of something that is not made yet: `id-of-ada`.
pub fn id_to_be(name: &str) -> Arc<str> {
    format!("id-of-{name}").into()
}

impl Rehearsal {
    /// Takes a request.
    pub fn note(&self, request: &Request) {
        let body = request.body.as_ref().map(|body| {
            serde_json::from_slice(&body.bytes).unwrap_or_else(|_| Json::from(String::from_utf8_lossy(&body.bytes).into_owned()))
        });
        let noted = RehearsedRequest { method: request.method.to_string(), url: request.url.to_string(), body };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
    }

    /// What was noted so far.
    pub fn requests(&self) -> Vec<RehearsedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
