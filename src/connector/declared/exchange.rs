//! One exchange: a request made of its templates, and an answer held against what the document says of good ones.
//!
//! Must never: send anything to a host that is not declared, put a value into a URL as it is, or take an answer for good because of its status alone.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::definition::{Content, Definition, Keep, Mapped, Request, is_declared};
use super::pages::{Part, Place, Turn};
use super::scope::{Scope, as_text};
use crate::connector::budget::Budget;
use crate::connector::connection::{Again, Connection};
use crate::http::{self, Body, Effect, Response, Url};
use crate::manifest::kinds::connector::{Reset, Trouble};
use crate::model::SystemError;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// A longer pause in seconds is no budget's.
const LONGEST_PAUSE: f64 = 3600.0;
/// Longer words of a system are cut.
const MAX_WORDS: usize = 300;

/// A declared system, with the connection to it.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub(super) connection: Connection,
    pub(super) definition: Arc<Definition>,
    pub(super) budget: Budget,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    status: Json,
    /// names in lower case
    headers: Json,
    pub(super) body: Json,
}

/// What came of a change.
pub(super) struct Sent {
    pub(super) answer: Answer,
    pub(super) already_so: bool,
}

/// What the mapping writes with a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// all values, those that change, and the record as it was with them
    pub(super) attributes: Map<String, Json>,
    pub(super) changes: Map<String, Json>,
    pub(super) whole: Map<String, Json>,
}

impl Answer {
    /// With this content.
    pub(super) fn of(status: u16, headers: &[(&str, &str)], body: Json) -> Self {
        let headers = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), Json::from(*value))).collect();
        Self { status: Json::from(status), headers: Json::Object(headers), body }
    }

    fn read(response: &Response) -> Result<Self, SystemError> {
        let headers: Vec<(&str, &str)> = response.headers.all().collect();
        let empty = response.body.trim_ascii().is_empty() && !response.too_long;
        if response.succeeded() && response.is_page() {
            let place = response.place();
            let words =
                format!("HTTP {} from {place} with a web page in place of JSON: a sign-in form or a proxy answers there", response.status);
            return Err(SystemError::Protocol(words));
        }
        let body = if empty { Json::Null } else { response.json().or_else(|error| unless_refused(response, error))? };
        Ok(Self::of(response.status, &headers, body))
    }

    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_str()
    }

    /// Its variables.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope::default().with("status", &self.status).with("headers", &self.headers).with("body", &self.body)
    }

    fn status(&self) -> u64 {
        self.status.as_u64().unwrap_or_default()
    }
}

/// Whether a success is told by the content and not by the status alone.
fn errors_lie(definition: &Definition, response: &Response) -> bool {
    !response.succeeded() || definition.errors.ok.is_some()
}

/// What is no JSON matters only where it should have been some: a refusal may be a web page.
fn unless_refused(response: &Response, error: SystemError) -> Result<Json, SystemError> {
    if response.succeeded() { Err(error) } else { Ok(Json::Null) }
}

impl Api {
    /// The variables that everything knows.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope::default().with("config", &self.definition.config)
    }

    /// Asks until there is an answer, whatever it says.
    pub(super) async fn ask(&self, request: &Request, scope: &Scope<'_>, turn: &Turn, again: Again) -> Result<Answer, SystemError> {
        let prepared = self.prepare(request, scope, turn, &Written::default())?;
        let refusal = |response: &Response| match Answer::read(response) {
            Ok(answer) => self.judge(request, scope, &answer, response).err().unwrap_or(SystemError::Unavailable("it says nothing".into())),
            Err(error) => error,
        };
        let response = self.connection.ask_in(request.bucket(), &prepared, again, &refusal).await?;
        self.mind(&response);
        let answer = Answer::read(&response)?;
        self.judge(request, scope, &answer, &response)?;
        Ok(answer)
    }

    /// Changes something, once. A refusal may say that it is so already, or that it will pass by itself.
    pub(super) async fn send(&self, request: &Request, scope: &Scope<'_>, written: &Written) -> Result<Sent, SystemError> {
        let prepared = self.prepare(request, scope, &Turn::First, written)?;
        if let Some(rehearsal) = self.connection.rehearsal() {
            rehearsal.note(&prepared);
            return Ok(Sent { answer: Answer::default(), already_so: false });
        }
        let response = self.connection.send_in(request.bucket(), prepared).await?;
        self.mind(&response);
        // It was done, whatever else its answer is.
        let answer = Answer::read(&response).or_else(|error| match errors_lie(&self.definition, &response) {
            true => Err(error),
            false => Ok(Answer::of(response.status, &[], Json::Null)),
        })?;
        let Err(error) = self.judge(request, scope, &answer, &response) else { return Ok(Sent { answer, already_so: false }) };
        let scope = answer.scope().with("config", &self.definition.config);
        if request.done.as_ref().is_some_and(|done| scope.holds(done)) {
            return Ok(Sent { answer, already_so: true });
        }
        Err(match request.retry.as_ref().is_some_and(|retry| scope.holds(retry)) {
            true => SystemError::Unavailable(error.to_string()),
            false => error,
        })
    }

    /// Leaves the system alone once little of its budget is left, before it says no.
    fn mind(&self, response: &Response) {
        let Some((budget, keep)) = &self.definition.budget else { return };
        let number = |name: &str| response.header(name).and_then(|text| text.trim().parse::<f64>().ok());
        let Some(left) = number(&budget.remaining) else { return };
        let least = match keep {
            Keep::Requests(count) => *count,
            Keep::Share(share) => budget.limit.as_deref().and_then(number).map_or(0.0, |all| all * share),
        };
        let pause = match &budget.reset {
            Reset::Seconds(name) => number(name),
            Reset::Epoch(name) => number(name).map(|at| at - jiff::Timestamp::now().as_second() as f64),
        };
        let pause = pause.filter(|pause| *pause > 0.0 && *pause < LONGEST_PAUSE).map(Duration::from_secs_f64);
        if let Some(pause) = pause.filter(|_| left <= least) {
            self.connection.rest(pause, "little of what it allows is left");
        }
    }

    /// Makes a request.
    pub(super) fn prepare(
        &self,
        request: &Request,
        scope: &Scope<'_>,
        turn: &Turn,
        written: &Written,
    ) -> Result<http::Request, SystemError> {
        let url = match turn {
            Turn::Url(next) => self.next_url(next)?,
            Turn::First | Turn::Put(..) => self.url(request, scope, turn)?,
        };
        let mut prepared = match request.effect {
            Effect::Reads => http::Request::reads(request.method.clone(), url, JSON),
            Effect::Writes => http::Request::writes(request.method.clone(), url, JSON),
        };
        prepared.body = match turn {
            // A next link says everything that there is to say.
            Turn::Url(_) => None,
            Turn::First | Turn::Put(..) => self.content(request, scope, turn, written)?,
        };
        for (name, value) in &self.definition.headers {
            prepared.headers.push((name.clone().into(), value.clone()));
        }
        for (name, template) in &request.headers {
            let value = template.text(scope, str::to_owned).map_err(SystemError::Rejected)?;
            prepared.headers.extend(value.map(|value| (name.to_string().into(), value)));
        }
        Ok(prepared)
    }

    fn next_url(&self, next: &str) -> Result<Url, SystemError> {
        let url = self.definition.base.join(next).map_err(|_| SystemError::Protocol("its next page is no URL".into()))?;
        if is_declared(&url, &self.definition.hosts) {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or("nowhere");
        Err(SystemError::Protocol(format!("its next page is at {host}, which is none of its hosts; nothing is sent there")))
    }

    fn url(&self, request: &Request, scope: &Scope<'_>, turn: &Turn) -> Result<Url, SystemError> {
        let rejected = |words: String| SystemError::Rejected(words);
        let odd = |text: &str| matches!(text, "" | "." | "..");
        let path = request.path.text(scope, |text| if odd(text) { "\u{0}".into() } else { encoded(text) }).map_err(rejected)?;
        let path = path.ok_or_else(|| SystemError::Rejected("a part of its path is not known".into()))?;
        if path.contains('\u{0}') {
            return Err(SystemError::Rejected("a part of its path is empty or dots, which can't be an id in a URL".into()));
        }
        let base = self.definition.base.as_str().trim_end_matches('/');
        let whole = if path.starts_with("https://") || path.starts_with("http://") { path } else { format!("{base}{path}") };
        let mut url = Url::parse(&whole).map_err(|_| SystemError::Rejected("its path makes no URL".into()))?;
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, template) in &request.query {
            let value = template.value(scope).map_err(rejected)?;
            put_pair(&mut pairs, name, value.as_ref());
        }
        if let Turn::Put(Place { part: Part::Query, name }, value) = turn {
            pairs.retain(|(known, _)| **known != **name);
            put_pair(&mut pairs, name, Some(value));
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        if is_declared(&url, &self.definition.hosts) {
            Ok(url)
        } else {
            Err(SystemError::Rejected("its URL is at none of the declared hosts".into()))
        }
    }

    fn content(&self, request: &Request, scope: &Scope<'_>, turn: &Turn, written: &Written) -> Result<Option<Body>, SystemError> {
        let mapped = Json::Object(written.changes.clone());
        let scope = &scope.with("mapped", &mapped);
        let (json, form) = match &request.content {
            Content::Nothing => (None, false),
            Content::Json(template) => (template.value(scope).map_err(SystemError::Rejected)?, false),
            Content::Form(template) => (template.value(scope).map_err(SystemError::Rejected)?, true),
            Content::Mapped { what, form } => (Some(Json::Object(written.of(*what).clone())), *form),
        };
        let mut json = json;
        for (name, template) in &request.with {
            let fields = json.get_or_insert_with(|| Json::Object(Map::new()));
            if let Some(value) = template.value(scope).map_err(SystemError::Rejected)? {
                put(fields, std::slice::from_ref(name), value);
            }
        }
        if let Turn::Put(Place { part: Part::Form | Part::Body, name }, value) = turn {
            let path: Vec<Box<str>> = name.split('.').map(Box::from).collect();
            put(json.get_or_insert_with(|| Json::Object(Map::new())), &path, value.clone());
        }
        let Some(json) = json else { return Ok(None) };
        if !form {
            return Ok(Some(Body::new(JSON, serde_json::to_vec(&json).unwrap_or_default())));
        }
        let mut pairs = Vec::new();
        json.as_object().into_iter().flatten().for_each(|(name, value)| put_pair(&mut pairs, name, Some(value)));
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Ok(Some(Body::new(FORM, text)))
    }

    /// Whether an answer is a good one; else why not.
    fn judge(&self, request: &Request, asked: &Scope<'_>, answer: &Answer, response: &Response) -> Result<(), SystemError> {
        let errors = &self.definition.errors;
        let scope = answer.scope().with("config", &self.definition.config);
        let good = (200..300).contains(&answer.status()) && errors.ok.as_ref().is_none_or(|ok| scope.holds(ok));
        if good {
            return match request.shape.as_ref().filter(|shape| !scope.holds(shape)) {
                None => Ok(()),
                Some(_) => Err(SystemError::Protocol(format!("{} gave an answer of another shape than it should have", response.place()))),
            };
        }
        let words = self.words(&scope, answer.status(), asked);
        if request.expired.as_ref().is_some_and(|expired| scope.holds(expired)) {
            return Err(SystemError::NotFound(words));
        }
        let sign = errors.signs.iter().find(|(when, _)| scope.holds(when)).map(|(_, is)| *is);
        Err(trouble(sign, answer.status(), words, &self.definition.needs(), response))
    }

    /// What the system says of its refusal, without our secrets.
    fn words(&self, scope: &Scope<'_>, status: u64, asked: &Scope<'_>) -> String {
        let errors = &self.definition.errors;
        let mut words = format!("HTTP {status}");
        let parts = [&errors.code, &errors.text].into_iter().flatten().filter_map(|expression| scope.text(expression));
        for (at, part) in parts.filter(|part| !part.is_empty()).enumerate() {
            words.push_str(if at == 0 { " " } else { ": " });
            let clean: String = self.without_secrets(&part, asked).chars().filter(|letter| !letter.is_control()).take(MAX_WORDS).collect();
            words.push_str(&clean);
        }
        words
    }

    /// What a system said, without our secrets, and without a password that was made up for what was asked.
    pub(super) fn without_secrets(&self, text: &str, asked: &Scope<'_>) -> String {
        let clean = self.connection.client().redact(text);
        match asked.made_up() {
            Some(password) => clean.replace(password, "[secret]"),
            None => clean,
        }
    }
}

impl Written {
    fn of(&self, what: Mapped) -> &Map<String, Json> {
        match what {
            Mapped::Attributes => &self.attributes,
            Mapped::Changes => &self.changes,
            Mapped::Whole => &self.whole,
        }
    }
}

/// An answer that is no good one, as an error class (design 11): what the document says it is, else by its status.
fn trouble(sign: Option<Trouble>, status: u64, words: String, needs: &str, response: &Response) -> SystemError {
    let write = response.effect == Effect::Writes;
    let by_status = || match status {
        401 | 407 => Trouble::Auth,
        403 => Trouble::Forbidden,
        404 | 410 => Trouble::NotFound,
        409 | 412 => Trouble::Conflict,
        429 => Trouble::Throttled,
        503 if response.retry_after.is_some() => Trouble::Throttled,
        400..=499 => Trouble::Rejected,
        _ => Trouble::Unavailable,
    };
    match sign.unwrap_or_else(by_status) {
        Trouble::Auth => SystemError::Auth(format!("{} does not accept the credentials ({words})", response.place())),
        Trouble::Forbidden => SystemError::Forbidden(format!("{} refuses ({words}); a right is missing{needs}", response.place())),
        Trouble::NotFound => SystemError::NotFound(words),
        Trouble::Conflict => SystemError::Conflict(words),
        Trouble::Throttled => SystemError::Throttled { after: response.retry_after, message: words },
        Trouble::Rejected => SystemError::Rejected(words),
        Trouble::Unavailable if (300..400).contains(&status) => {
            SystemError::Protocol(format!("{} redirects ({words}), which is never followed", response.place()))
        }
        Trouble::Unavailable if write && sign.is_none() => SystemError::Uncertain(words),
        Trouble::Unavailable => SystemError::Unavailable(words),
    }
}

/// Sets a value below some keys.
pub(super) fn put(into: &mut Json, path: &[Box<str>], value: Json) {
    let Some((first, below)) = path.split_first() else {
        *into = value;
        return;
    };
    if !into.is_object() {
        *into = Json::Object(Map::new());
    }
    if let Json::Object(fields) = into {
        put(fields.entry(&**first).or_insert(Json::Null), below, value);
    }
}

/// A list is several parameters of one name.
fn put_pair(pairs: &mut Vec<(String, String)>, name: &str, value: Option<&Json>) {
    match value {
        Some(Json::Array(items)) => items.iter().filter_map(as_text).for_each(|text| pairs.push((name.to_owned(), text))),
        Some(value) => pairs.extend(as_text(value).map(|text| (name.to_owned(), text))),
        None => {}
    }
}

/// A value as one segment of a path (RFC 3986 section 3.3): everything but unreserved letters encoded.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
