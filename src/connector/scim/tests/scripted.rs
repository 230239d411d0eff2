//! A service for unit tests that answers what a test tells it to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::super::read::ScimReader;
use super::super::service::Service;
use super::super::write::ScimWriter;
use crate::connector::Surroundings;
use crate::connector::budget::Budget;
use crate::connector::testing::permit;
use crate::connector::{IdempotencyKey, Write, Writer, Written};
use crate::manifest::connection::{Auth, ScimConnection, ScimDialect, SecretRef};
use crate::model::{Action, AttributeChange, Change, ChangeId, ObjectKind, ObjectRef, Reason, SystemError, Value};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET /Users?startIndex=1`
    pub line: String,
    /// the query, decoded
    pub query: BTreeMap<String, String>,
    /// headers that matter to tests
    pub if_match: Option<String>,
    pub authorization: Option<String>,
    pub webhook_id: Option<String>,
    /// the body; null where it is none
    pub body: Json,
    /// the same as it came
    pub content: String,
}

/// What is answered.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// Runs until it is dropped.
pub struct Scripted {
    pub base: String,
    /// what its manifest declares
    pub dialect: ScimDialect,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

pub fn answer(status: u16, body: impl ToString) -> Answer {
    Answer { status, headers: vec![("content-type", "application/scim+json".into())], body: body.to_string() }
}

impl Answer {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// A list as RFC 7644 has it.
pub fn list_of(total: usize, resources: &[Json]) -> Answer {
    answer(200, json!({ "totalResults": total, "Resources": resources }))
}

/// Users `u<from>` to `u<to>`.
pub fn users(from: usize, to: usize) -> Vec<Json> {
    (from..=to).map(|at| json!({ "id": format!("u{at}"), "userName": format!("user{at}") })).collect()
}

impl Scripted {
    /// `script` answers everything but discovery, which is not offered. No answer closes the connection.
    pub async fn start(script: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::with_discovery(move |asked| match asked.line.as_str() {
            line if is_discovery(line) => Some(answer(404, "{}")),
            _ => script(asked),
        })
        .await
    }

    /// The same; it says of itself what is said here.
    pub async fn configured(config: Json, script: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::with_discovery(move |asked| match asked.line.as_str() {
            "GET /ServiceProviderConfig" => Some(answer(200, &config)),
            line if is_discovery(line) => Some(answer(404, "{}")),
            _ => script(asked),
        })
        .await
    }

    /// The same, with what its manifest declares.
    pub fn declared(mut self, dialect: Json) -> Self {
        self.dialect = serde_json::from_value(dialect).expect("a dialect");
        self
    }

    /// `script` answers everything.
    pub async fn with_discovery(script: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}/scim", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, script) = (asked.clone(), Arc::new(script));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, script) = (seen.clone(), script.clone());
                let service = service_fn(move |request| respond(request, seen.clone(), script.clone()));
                tokio::spawn(
                    async move { hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await },
                );
            }
        });
        Self { base, dialect: ScimDialect::default(), asked, task }
    }

    /// The requests so far without discovery.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }

    /// Their first lines.
    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    async fn service(&self) -> Service {
        self.open(None, &Surroundings::at(".")).await
    }

    /// Reads it with a bound for answers.
    pub async fn bounded(&self, max_body: &str) -> ScimReader {
        ScimReader::new(self.open(Some(max_body), &Surroundings::at(".")).await, false)
    }

    /// Reads it with a budget for rows.
    pub async fn within(&self, budget: u64) -> ScimReader {
        let surroundings = Surroundings::at(".").within(&Budget::new(budget));
        ScimReader::new(self.open(None, &surroundings).await, false)
    }

    /// Reads it with what is around it.
    pub async fn opened(&self, surroundings: &Surroundings) -> ScimReader {
        ScimReader::new(self.open(None, surroundings).await, false)
    }

    async fn open(&self, max_body: Option<&str>, surroundings: &Surroundings) -> Service {
        let connection = ScimConnection {
            url: self.base.clone(),
            auth: Some(Auth::Bearer(SecretRef::Exec(vec!["echo".into(), "t0ken".into()]))),
            page_size: Some(2),
            max_body: max_body.map(str::to_owned),
            dialect: Box::new(self.dialect.clone()),
            ..ScimConnection::default()
        };
        Service::open(&connection, surroundings, Duration::ZERO).await.expect("a service")
    }

    pub async fn reader(&self) -> ScimReader {
        ScimReader::new(self.service().await, false)
    }

    /// Reads it as a source does.
    pub async fn source(&self) -> ScimReader {
        ScimReader::new(self.service().await, true)
    }

    pub async fn writer(&self) -> ScimWriter {
        ScimWriter::new(&self.service().await)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn respond(
    request: hyper::Request<Incoming>,
    seen: Arc<Mutex<Vec<Asked>>>,
    script: Arc<impl Fn(&Asked) -> Option<Answer>>,
) -> Result<hyper::Response<Full<Bytes>>, Failure> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (if_match, authorization, webhook_id) = (header("if-match"), header("authorization"), header("webhook-id"));
    let path = request.uri().path_and_query().map_or("", |path| path.as_str()).strip_prefix("/scim").unwrap_or_default().to_owned();
    let line = format!("{} {path}", request.method());
    let query = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let body = request.into_body().collect().await?.to_bytes();
    let (content, body) = (String::from_utf8_lossy(&body).into_owned(), serde_json::from_slice(&body).unwrap_or_default());
    let asked = Asked { line, query, if_match, authorization, webhook_id, body, content };
    if !is_discovery(&asked.line) {
        seen.lock().expect("no panic").push(asked.clone());
    }
    let answer = script(&asked).ok_or("the connection is cut")?;
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(answer.body))?)
}

fn is_discovery(line: &str) -> bool {
    ["GET /ServiceProviderConfig", "GET /ResourceTypes", "GET /Schemas"].contains(&line)
}

/// A change and what the executor would make of it.
pub struct Wanted {
    change: Change,
    id: Arc<str>,
    pub attributes: Vec<(Arc<str>, Option<Value>)>,
    pub members: Vec<(ObjectKind, Arc<str>)>,
    key: IdempotencyKey,
}

pub fn wanted(kind: ObjectKind, action: Action) -> Wanted {
    let object = ObjectRef { kind, key: "hr/1".into(), id: None, name: "ann".into() };
    let change = Change::new(&"chat".into(), action, object, Reason::Mover);
    Wanted { change, id: "7".into(), attributes: Vec::new(), members: Vec::new(), key: IdempotencyKey::default() }
}

impl Wanted {
    pub fn with(mut self, attribute: &str, value: Option<Json>) -> Self {
        self.attributes.push((attribute.into(), value.and_then(|value| Value::from_json(&value))));
        self
    }

    /// An attribute with what it was when the plan was made; null is nothing.
    pub fn was(mut self, attribute: &str, before: Json, after: Json) -> Self {
        let (before, after) = (Value::from_json(&before), Value::from_json(&after));
        self.change.attributes.push(AttributeChange {
            attribute: attribute.into(),
            before,
            after: after.clone(),
            sensitive: false,
            privileged: false,
        });
        self.attributes.push((attribute.into(), after));
        self
    }

    /// As the change of that number in a run.
    pub fn in_run(mut self, run: &str, change: u32) -> Self {
        self.key = IdempotencyKey { run: run.into(), change: ChangeId(change), part: 0 };
        self
    }

    pub fn member(mut self, kind: ObjectKind, id: &str) -> Self {
        self.members.push((kind, id.into()));
        self
    }

    /// About the object of this id.
    pub fn about(self, id: &str) -> Self {
        Self { id: id.into(), ..self }
    }

    /// Of this entitlement.
    pub fn of(mut self, entitlement: &str) -> Self {
        self.change.entitlement = Some(entitlement.into());
        self
    }

    /// Sends it, for its object (`7`) where it is no create.
    pub async fn send(&self, writer: &dyn Writer) -> Result<Written, SystemError> {
        let write = self.write((self.change.action != Action::Create).then(|| self.id.clone()));
        writer.write(std::slice::from_ref(&write), &permit().await).await.remove(0)
    }

    /// As the executor hands it over, for an object with this id.
    pub fn write(&self, id: Option<Arc<str>>) -> Write<'_> {
        Write { change: &self.change, id, attributes: self.attributes.clone(), members: self.members.clone(), key: self.key.clone() }
    }
}
