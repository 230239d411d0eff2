//! Webhooks over a workspace that really runs: what has it read, what does nothing, and what is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower_service::Service as _;

mod subscribed;

use super::ManifestHooks;
use crate::fence::Fence;
use crate::hooks::ManifestHost;
use crate::manifest::connection::SecretRef;
use crate::metrics::Metrics;
use crate::model::Revision;
use crate::pipeline::tests::Company;
use crate::pipeline::{Hear, News};
use crate::server::Desk;
use crate::server::inbound::{Inbound, inbound_routes};
use crate::state::hex;
use crate::workspace::{CompiledRevision, Ended, Mail, Observer, Workspace, WorkspaceError};

const PATIENCE: Duration = Duration::from_secs(120);
const SECRET: &str = "a-secret-of-32-characters-or-so!";

const CONNECTOR: &str = "
---
apiVersion: headcount.dev/v1alpha1
kind: Connector
metadata: {name: people}
spec:
  title: People
  hosts: [people.invalid]
  base: https://people.invalid
  auth: {token: {bearer: '{secret.token}'}}
  accounts:
    id: record.id
    list: {get: /people, records: body.people, pages: {one: {}}}
    attributes: {userName: {read: record.user}}
  webhook:
    verify: {signature: {algorithm: hmac-sha256, header: X-Proof, encoding: hex, over: '{header.X-Time}.{body}'}}
    fresh: {at: header.X-Time, unit: s, within: 5m}
    once: body.id
    hello: {echo: body.challenge}
    only: {at: body.type, in: [changed]}
";

/// Counts reads of the source.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Hear for Counts {
    fn hear(&self, news: News<'_>) {
        if matches!(news, News::Read { system: "hr", .. }) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Observer for Counts {}

struct House {
    company: Company,
    inbound: Arc<Inbound>,
    /// the manifests without the connector
    plain: String,
    routes: Router,
    mail: Mail,
    reads: Arc<Counts>,
    metrics: Metrics,
    stop: Option<DropGuard>,
    ends: Option<JoinHandle<Result<Ended, WorkspaceError>>>,
}

fn compiled(company: &mut Company, plain: &str, (connector, connection): (&str, &str), name: &str) -> CompiledRevision {
    company.manifests = format!("{}{connector}", plain.replace("file: {path: hr.csv}", connection));
    let (loaded, policy) = company.declared();
    let revision = Revision { id: name.into(), name: format!("main@{name}"), at: Timestamp::now(), authors: Vec::new(), signer: None };
    CompiledRevision { revision, loaded: Arc::new(loaded), policy: Arc::new(policy), data: Default::default() }
}

impl House {
    async fn new() -> Self {
        // It can't be signed in to, so that each read is over at once.
        Self::of(CONNECTOR, "connector: {name: people, auth: {token: {token: {file: nothing}}}, webhook: {file: hook}}", None).await
    }

    /// Whose source is so, reached from outside by an address.
    async fn of(connector: &str, connection: &str, url: Option<&str>) -> Self {
        let mut company = Company::new().await;
        std::fs::write(company.path("hook"), SECRET).unwrap();
        let plain = company.manifests.clone();
        let manifests = compiled(&mut company, &plain, (connector, connection), "one");
        let (store, place) = (company.store.clone(), crate::state::StatePlace::from(company.path("state.db").as_path()));
        let (stop, reads, metrics) = (CancellationToken::new(), Arc::new(Counts::default()), Metrics::default());
        let workspace = Workspace { store: store.clone(), who: "a test".into(), observer: reads.clone(), once: false, stop: stop.clone() };
        let base = company.path("");
        let hooks = ManifestHooks { host: ManifestHost::GitHub, secret: SecretRef::File("hook".into()), base };
        let inbound = Inbound::new(metrics.clone(), Some(hooks), url.map(|url| url.parse().unwrap())).unwrap();
        let (shown, (tell, mail)) = (inbound.clone(), tokio::sync::oneshot::channel());
        let ends = Some(tokio::spawn(workspace.run(manifests, move |mail| {
            shown.serve(Desk { store, place, mail: mail.clone() });
            drop(tell.send(mail));
        })));
        let mail = mail.await.unwrap();
        let routes = inbound_routes(&inbound);
        let house = Self { company, inbound, plain, routes, mail, reads, metrics, stop: Some(stop.drop_guard()), ends };
        house.until("the first read", |house| house.reads() == 1).await;
        house
    }

    /// Other manifests, once they are in force.
    async fn declare(&mut self, connector: &str, connection: &str) {
        let manifests = compiled(&mut self.company, &self.plain, (connector, connection), "two");
        self.mail.manifests(manifests);
        let waits = async {
            while self
                .mail
                .look()
                .await
                .is_none_or(|view| view.loaded.sources.iter().any(|source| source.spec.connection.described().webhook().is_some()))
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, waits).await.expect("they come into force");
    }

    fn reads(&self) -> usize {
        self.reads.0.load(Ordering::SeqCst)
    }

    async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let waits = async {
            while !so(self) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, waits).await.unwrap_or_else(|_| panic!("{what} never came"));
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, String)], body: impl Into<Body>) -> (u16, HeaderMap, String) {
        let request =
            headers.iter().fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, value));
        let answer = self.routes.clone().call(request.body(body.into()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    /// A message of the source's system, sent at a moment.
    async fn send(&self, body: &str, at: Timestamp) -> (u16, String) {
        let time = at.as_second().to_string();
        let proof = proof(SECRET, &format!("{time}.{body}"));
        let headers = [("X-Proof", proof), ("X-Time", time)];
        let (status, _, said) = self.ask("POST", "/hooks/sources/hr", &headers, body.to_owned()).await;
        (status, said)
    }
}

fn proof(secret: &str, text: &str) -> String {
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes()).as_ref())
}

fn changed(id: usize) -> String {
    format!(r#"{{"type":"changed","id":"{id}"}}"#)
}

#[tokio::test]
async fn a_message_has_its_source_read_and_comes_once() {
    let house = House::new().await;
    let now = Timestamp::now();
    assert_eq!(house.send(r#"{"type":"changed","challenge":"c1"}"#, now).await, (200, "c1".into()));
    assert_eq!(house.send(r#"{"type":"other","id":"0"}"#, now).await, (200, String::new()));
    assert_eq!(house.send(&changed(1), now).await, (202, String::new()));
    house.until("a read", |house| house.reads() == 2).await;
    assert_eq!(house.send(&changed(1), now).await, (200, String::new()), "a repeat");
    // Proven anew, as whoever knows the secret can: its name came already.
    assert_eq!(house.send(&changed(1), now + SignedDuration::from_secs(1)).await.0, 200);
    assert_eq!(house.send(&changed(2), now - SignedDuration::from_secs(301)).await.0, 401, "an old one");
    assert_eq!(house.send(&changed(2), now + SignedDuration::from_secs(330)).await.0, 401, "one of a clock that is wrong");
    let numbers = house.metrics.text(now);
    for line in [
        r#"headcount_webhooks_total{receiver="hr",result="taken"} 1"#,
        r#"headcount_webhooks_total{receiver="hr",result="repeated"} 2"#,
        r#"headcount_webhooks_total{receiver="hr",result="refused"} 2"#,
        r#"headcount_webhooks_total{receiver="hr",result="nothing"} 2"#,
    ] {
        assert!(numbers.contains(line), "{line} is not in {numbers}");
    }
}

#[tokio::test]
async fn a_replica_that_waits_takes_none_so_that_it_is_sent_again() {
    let house = House::new().await;
    let now = Timestamp::now();
    house.mail.inboxes().end();
    assert_eq!(house.send(&changed(1), now).await.0, 503);
    house.mail.inboxes().begin(Fence::open()).await;
    assert_eq!(house.send(&changed(1), now).await.0, 202, "it is no repeat");
}

#[tokio::test]
async fn whoever_has_no_proof_learns_nothing_and_nothing_is_read() {
    let house = House::new().await;
    let time = Timestamp::now().as_second().to_string();
    let wrong = proof("another", &format!("{time}.{}", changed(1)));
    let right = proof(SECRET, &format!("{time}.{}", changed(1)));
    let with =
        |proofs: &[&String]| proofs.iter().map(|proof| ("X-Proof", (*proof).clone())).chain([("X-Time", time.clone())]).collect::<Vec<_>>();
    for headers in [with(&[]), with(&[&wrong]), with(&[&wrong, &right]), with(&[&String::new()])] {
        let (status, headers, said) = house.ask("POST", "/hooks/sources/hr", &headers, changed(1)).await;
        assert_eq!((status, said.as_str()), (401, ""));
        assert!(headers.get("www-authenticate").is_none());
    }
    for path in [
        "/hooks/",
        "/hooks/hr",
        "/hooks/sources/app",
        "/hooks/sources/",
        "/hooks/sources/hr/x",
        "/hooks/sources/..%2Fhr",
        "/hooks/manifests/x",
    ] {
        let (status, _, said) = house.ask("POST", path, &with(&[&right]), changed(1)).await;
        assert_eq!((status, said.contains("hr")), (404, false), "{path}");
    }
    assert_eq!(house.ask("DELETE", "/hooks/sources/hr", &with(&[&right]), changed(1)).await.0, 405);
    let long = "x".repeat((1 << 20) + 1);
    assert_eq!(house.ask("POST", "/hooks/sources/hr", &with(&[&right]), long).await.0, 413);
    // One whose pieces come without an end is let go of at the same length.
    let pieces = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 << 10]));
    assert_eq!(house.ask("POST", "/hooks/sources/hr", &with(&[&right]), Body::from_stream(pieces)).await.0, 413);
    assert_eq!(house.reads(), 1);
}

#[tokio::test]
async fn a_push_has_manifests_looked_at() {
    let house = House::new().await;
    let body = r#"{"ref":"refs/heads/main"}"#;
    let send = async |event: &str, secret: &str| {
        let proof = format!("sha256={}", proof(secret, body));
        let headers = [("X-Hub-Signature-256", proof), ("X-GitHub-Event", event.to_owned()), ("X-GitHub-Delivery", "1".to_owned())];
        house.ask("POST", "/hooks/manifests", &headers, body).await.0
    };
    assert_eq!((send("push", "another").await, send("ping", SECRET).await), (401, 200));
    assert_eq!(send("push", SECRET).await, 202);
    timeout(PATIENCE, house.mail.until_hooked()).await.expect("whoever follows the repository looks at it");
    assert_eq!(send("push", SECRET).await, 200, "a repeat");
}

/// Ten thousand messages, each another one and each proven: the source is read once a minute at most.
#[tokio::test]
async fn a_flood_costs_one_read_a_minute() {
    let house = House::new().await;
    let began = Instant::now();
    let mut answered = std::collections::BTreeMap::<u16, usize>::new();
    for number in 0..10_000 {
        *answered.entry(house.send(&changed(number), Timestamp::now()).await.0).or_default() += 1;
    }
    house.until("a read", |house| house.reads() >= 2).await;
    let minutes = began.elapsed().as_secs() / 60;
    assert!(house.reads() as u64 <= 2 + minutes, "{} in {minutes} minutes", house.reads());
    assert!(answered.keys().all(|status| [202, 429].contains(status)), "{answered:?}");
    assert!(answered[&429] > answered[&202] || minutes > 1, "{answered:?}");
}
