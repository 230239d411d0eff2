//! What is told and when, by a table of moments; and each way against a receiver that a test plays.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::manifest::kinds::NoticeKind;
use crate::model::{Need, NeedKind, Pending, STATUS_VERSION, Status, SystemRole, SystemState, SystemStatus};
use crate::state;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().expect("a time")
}

fn need(kind: NeedKind, about: &str, since: &str) -> Need {
    Need { kind, about: about.into(), words: "214 deactivations are withheld".into(), next: "headcount status hr".into(), since: at(since) }
}

fn status(now: &str, needs: Vec<Need>) -> Status {
    let chat = SystemStatus {
        name: "chat".into(),
        role: SystemRole::Target,
        state: SystemState::Held,
        since: at("29T04:02"),
        stall: None,
        why: None,
        read: None,
        complete: None,
        declared: None,
        heard: None,
        evidence: "complete".into(),
        rows: 2_611,
        pending: Pending { take: 214, ..Pending::default() },
        progress: None,
        waits: None,
        next: None,
        interval: 3_600,
        withheld: [("deactivate".into(), 214)].into(),
        drift: 0,
        breached: Vec::new(),
    };
    Status {
        format_version: STATUS_VERSION,
        workspace: "acme".into(),
        at: at(now),
        revision: None,
        refused: None,
        lease: None,
        brake: None,
        needs,
        systems: vec![chat],
        journal: (0, String::new()),
        identities: 2_966,
        revocations_open: 0,
    }
}

/// What is told at a moment, a line each.
fn told(told: &mut NoticeMemory, now: &str, needs: Vec<Need>) -> Vec<String> {
    let heard = told.hear(&status(now, needs), &TimeZone::UTC);
    heard.notices.iter().map(Notice::title).collect()
}

#[test]
fn what_was_told_by_a_clock_that_was_ahead_keeps_nobody_silent() {
    let mut memory = NoticeMemory::default();
    let held = || vec![need(NeedKind::Held, "chat", "29T04:02")];
    assert_eq!(told(&mut memory, "30T04:05", held()).len(), 1);
    assert_eq!(told(&mut memory, "29T04:05", held()).len(), 1, "a day before the last word of it");
    assert_eq!(told(&mut memory, "29T04:06", held()), Vec::<String>::new());
}

#[test]
fn a_cause_is_told_once_again_after_hours_and_over_once() {
    let held = || vec![need(NeedKind::Held, "chat", "29T04:02")];
    let anew = || vec![need(NeedKind::Held, "chat", "29T12:00")];
    let two = || vec![need(NeedKind::Held, "chat", "29T12:00"), need(NeedKind::Waits, "payroll", "29T12:20")];
    let story: Vec<(&str, Vec<Need>, &[&str])> = vec![
        ("29T04:02", vec![], &[]),
        ("29T04:03", held(), &["[acme] chat: held back"]),
        ("29T04:04", held(), &[]),
        ("29T08:02", held(), &[]),
        ("29T08:03", held(), &["[acme] chat: held back, still"]),
        // It comes and goes: not over, and not new.
        ("29T08:10", vec![], &[]),
        ("29T08:19", held(), &[]),
        ("29T08:20", vec![], &[]),
        ("29T08:29", vec![], &[]),
        ("29T08:30", vec![], &["[acme] chat: recovered"]),
        ("29T08:31", vec![], &[]),
        ("29T12:01", anew(), &["[acme] chat: held back"]),
        ("29T12:20", two(), &["[acme] payroll: waits for approval"]),
        // Another plan waits since a moment ago: a message of its own, once half an hour has gone by.
        ("29T12:40", vec![two()[0].clone(), need(NeedKind::Waits, "payroll", "29T12:39")], &[]),
        ("29T12:50", vec![two()[0].clone(), need(NeedKind::Waits, "payroll", "29T12:39")], &["[acme] payroll: waits for approval"]),
        ("29T12:51", vec![two()[0].clone(), need(NeedKind::Waits, "payroll", "29T12:39")], &[]),
    ];
    let mut memory = NoticeMemory::default();
    for (now, needs, expected) in story {
        assert_eq!(told(&mut memory, now, needs), expected, "at {now}");
    }
}

#[test]
fn every_need_has_its_kind() {
    let kinds = [
        (NeedKind::RevocationOpen, NoticeKind::RevocationOpen),
        (NeedKind::Waits, NoticeKind::PlanWaits),
        (NeedKind::Held, NoticeKind::Held),
        (NeedKind::Undecided, NoticeKind::Held),
        (NeedKind::Stalled, NoticeKind::NeedsSomebody),
        (NeedKind::RevisionRefused, NoticeKind::NeedsSomebody),
        (NeedKind::Unreadable, NoticeKind::NeedsSomebody),
        (NeedKind::Contested, NoticeKind::NeedsSomebody),
        (NeedKind::Untold, NoticeKind::NeedsSomebody),
    ];
    for (kind, expected) in kinds {
        let heard = NoticeMemory::default().hear(&status("29T04:03", vec![need(kind, "chat", "29T04:02")]), &TimeZone::UTC);
        assert_eq!(heard.notices.iter().map(|notice| notice.kind).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn a_digest_comes_each_morning_of_the_zone_from_the_second_day_on() {
    let zone = TimeZone::get("Europe/Berlin").expect("a zone");
    let mut memory = NoticeMemory::default();
    let mut look = |now: &str| memory.hear(&status(now, vec![]), &zone).notices;
    for (now, comes) in
        [("27T09:00", false), ("27T23:30", false), ("28T06:59", false), ("28T07:00", true), ("28T18:00", false), ("29T07:10", true)]
    {
        let notices = look(now);
        assert_eq!(!notices.is_empty(), comes, "at {now}");
        if let Some(digest) = notices.first() {
            assert_eq!(
                (digest.kind, digest.words.as_str()),
                (NoticeKind::Digest, "0 of 1 systems are as declared; nothing needs somebody")
            );
        }
    }
}

#[tokio::test]
async fn what_was_told_is_known_after_a_restart_and_nothing_is_written_at_each_look() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = state::open(&folder.path().join("state.db"), "acme").await.expect("a state");
    let held = || vec![need(NeedKind::Held, "chat", "29T04:02")];
    let mut memory = NoticeMemory::read(store.as_ref()).await.expect("read");
    let heard = memory.hear(&status("29T04:03", held()), &TimeZone::UTC);
    assert_eq!((heard.notices.len(), heard.facts.len()), (1, 2), "the cause, and since when there are digests");
    store.commit(heard.facts).await.expect("written");
    let again = memory.hear(&status("29T04:04", held()), &TimeZone::UTC);
    assert_eq!((again.notices.len(), again.facts.len()), (0, 0));
    let mut after = NoticeMemory::read(store.as_ref()).await.expect("read");
    assert_eq!(after, memory);
    assert_eq!(told(&mut after, "29T04:05", held()), Vec::<String>::new());
    let gone = [after.hear(&status("29T04:06", vec![]), &TimeZone::UTC), after.hear(&status("29T04:30", vec![]), &TimeZone::UTC)];
    store.commit(gone.into_iter().flat_map(|heard| heard.facts).collect()).await.expect("written");
    assert_eq!(NoticeMemory::read(store.as_ref()).await.expect("read"), after);
}

fn notice() -> Notice {
    let now = status("29T04:03", vec![need(NeedKind::Held, "chat", "29T04:02")]);
    NoticeMemory::default().hear(&now, &TimeZone::UTC).notices.remove(0)
}

#[test]
fn an_event_is_a_cloudevent_that_names_nobody() {
    let event = post::event(&notice(), Some("https://headcount.acme.example"));
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/monitoring.md")).expect("the page");
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    assert_eq!(example.trim_end(), serde_json::to_string_pretty(&event).expect("JSON"));
}

/// What a receiver got: each request's headers and content.
type Got = mpsc::UnboundedReceiver<(HeaderMap, String)>;

/// A receiver that answers so, one after the other, then 204. Its address.
async fn receiver(answers: &[(u16, &'static str)]) -> (String, Got) {
    type Shared = (Arc<Mutex<VecDeque<(u16, &'static str)>>>, mpsc::UnboundedSender<(HeaderMap, String)>);
    let (heard, got) = mpsc::unbounded_channel();
    let shared: Shared = (Arc::new(Mutex::new(answers.iter().copied().collect())), heard);
    let hear = |State((answers, heard)): State<Shared>, headers: HeaderMap, body: String| async move {
        heard.send((headers, body)).expect("the test listens");
        let (status, place) = answers.lock().expect("no panic").pop_front().unwrap_or((204, ""));
        (StatusCode::from_u16(status).expect("a status"), [("location", place)])
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = Router::new().fallback(post(hear)).with_state(shared);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (format!("http://{address}/hooks/s3cr3t-path"), got)
}

fn declared(to: Json) -> NotificationReceiver {
    serde_json::from_value(json!({"name": "ops", "to": to, "link": "https://headcount.acme.example"})).expect("a receiver")
}

/// A folder with a secret in a file, and a notifier that doesn't rest between tries.
fn notifier(to: &Json, secret: &str) -> (Notifier, Metrics, tempfile::TempDir) {
    const SOON: [Duration; 2] = [Duration::ZERO; 2];
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), secret).expect("written");
    let metrics = Metrics::default();
    let notifier = Notifier::patient(&"acme".into(), &[declared(to.clone())], folder.path(), &metrics, &SOON);
    (notifier, metrics, folder)
}

/// Until the notifier has given up, or was heard: the number of messages of a result.
async fn counted(metrics: &Metrics, result: &str) {
    let line = format!("headcount_notifications_total{{workspace=\"acme\",receiver=\"ops\",result=\"{result}\"}} ");
    while metrics.text(Timestamp::now()).contains(&format!("{line}0\n")) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_webhook_is_signed_and_tried_again_by_the_same_id() {
    let (url, mut got) = receiver(&[(503, ""), (429, "")]).await;
    let (notifier, metrics, _folder) = notifier(&json!({"webhook": {"url": url, "secret": {"file": "secret"}}}), SECRET);
    notifier.tell(vec![notice()]);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (headers, body) = got.recv().await.expect("a message");
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).expect("a header").to_owned();
        assert_eq!(header("content-type"), "application/cloudevents+json; charset=utf-8");
        // By hand, from the specification: base64 of the HMAC over `id.timestamp.body`, with the secret's own bytes as its key.
        let key = crate::http::base64::read("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let signed = format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp"));
        let signature = crate::http::base64::read(header("webhook-signature").strip_prefix("v1,").expect("version 1")).expect("base64");
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &signature).expect("its signature");
        let age = Timestamp::now().as_second() - header("webhook-timestamp").parse::<i64>().expect("seconds");
        assert!((0..300).contains(&age), "receivers take nothing old");
        let event: Json = serde_json::from_str(&body).expect("JSON");
        assert_eq!((&event["id"], &event["type"]), (&json!(header("webhook-id")), &json!("dev.headcount.changes.held")));
        ids.push(header("webhook-id"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one message however often it is tried");
    counted(&metrics, "sent").await;
    assert_eq!(notifier.needs(), []);
}

#[tokio::test]
async fn a_receiver_that_refuses_is_told_of_until_it_hears_again() {
    let (elsewhere, mut never) = receiver(&[]).await;
    let elsewhere: &'static str = elsewhere.leak();
    for (status, words) in [(410, "answers HTTP 410"), (308, "it redirects, which is never followed")] {
        let (url, mut got) = receiver(&[(status, elsewhere)]).await;
        let (notifier, metrics, _folder) = notifier(&json!({"webhook": {"url": url, "secret": {"file": "secret"}}}), SECRET);
        notifier.tell(vec![notice()]);
        counted(&metrics, "failed").await;
        got.recv().await.expect("one try");
        assert!(got.try_recv().is_err(), "no second one");
        let needs = loop {
            match notifier.needs() {
                needs if needs.is_empty() => tokio::task::yield_now().await,
                needs => break needs,
            }
        };
        assert_eq!((needs[0].kind, needs[0].about.as_str()), (NeedKind::Untold, "ops"));
        assert!(needs[0].words.contains(words) && !needs[0].words.contains("s3cr3t"), "{}", needs[0].words);
        notifier.tell(vec![notice()]);
        while !notifier.needs().is_empty() {
            tokio::task::yield_now().await;
        }
    }
    assert!(never.try_recv().is_err(), "no redirect is followed");
}

#[tokio::test]
async fn that_a_secret_is_missing_is_told_before_anything_else_has_to_be() {
    for way in [
        json!({"webhook": {"url": "https://hooks.acme.example/x", "secret": {"file": "gone"}}}),
        json!({"webhook": {"url": "https://hooks.acme.example/x", "secret": {"file": "secret"}, "formerSecret": {"file": "gone"}}}),
        json!({"slack": {"url": {"file": "gone"}}}),
    ] {
        let (notifier, _metrics, _folder) = notifier(&way, SECRET);
        let needs = loop {
            match notifier.needs() {
                needs if needs.is_empty() => tokio::task::yield_now().await,
                needs => break needs,
            }
        };
        assert_eq!((needs[0].kind, needs[0].about.as_str()), (NeedKind::Untold, "ops"));
        assert!(needs[0].words.contains("gone"), "{}", needs[0].words);
    }
}

#[tokio::test]
async fn nobody_waits_for_a_receiver_and_what_is_lost_is_told() {
    let (url, _got) = receiver(&[]).await;
    let (notifier, _metrics, _folder) = notifier(&json!({"webhook": {"url": url, "secret": {"file": "secret"}}}), SECRET);
    // Nothing of the test waits, so no task of the notifier runs.
    notifier.tell(vec![notice(); WAITING]);
    assert_eq!(notifier.needs(), []);
    notifier.tell(vec![notice()]);
    let needs = notifier.needs();
    assert_eq!(needs[0].words, "ops could not be told what needs somebody: 64 messages wait for it already");
    assert!(!declared(json!({"slack": {"url": {"env": "X"}}})).hears(NoticeKind::Digest), "unless it asks for it");
}

#[tokio::test]
async fn slack_gets_plain_words_at_an_address_that_is_a_secret() {
    let Lines(lines) = Lines::default();
    // Where there is one log alone, what a test beside this one says first, without any, is said to nobody any more.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(Lines(lines.clone())));
    let (url, mut got) = receiver(&[(404, "")]).await;
    let (notifier, metrics, _folder) = notifier(&json!({"slack": {"url": {"file": "secret"}}}), &url);
    let mut odd = notice();
    odd.words = "<!channel> & `so`".into();
    notifier.tell(vec![odd]);
    let (_, body) = got.recv().await.expect("a message");
    insta::assert_snapshot!(body, @r#"{"text":"*[acme] chat: held back*\n&lt;!channel&gt; &amp; `so`\nsince 2026-11-29 04:02 UTC; `headcount status hr`\nhttps://headcount.acme.example"}"#);
    counted(&metrics, "failed").await;
    let words = loop {
        match notifier.needs().pop() {
            Some(need) => break need.words,
            None => tokio::task::yield_now().await,
        }
    };
    assert!(words.contains("answers HTTP 404") && !words.contains("s3cr3t"), "{words}");
    let lines = lines.lock().expect("no panic").clone();
    assert!(lines.contains("/[secret]") && !lines.contains("s3cr3t"), "{lines}");
}

/// Takes every field of every line of the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<String>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

impl tracing::field::Visit for Lines {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().expect("no panic").push_str(&format!("{}={value:?}\n", field.name()));
    }
}

/// A mail server that offers no protection, takes one message, and says what it was told, a line each.
async fn mail_server() -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let (read, mut write) = stream.into_split();
        let (mut lines, mut heard, mut in_message) = (BufReader::new(read).lines(), Vec::new(), false);
        write.write_all(b"220 mail.example ready\r\n").await.expect("said");
        while let Ok(Some(line)) = lines.next_line().await {
            let answer: &[u8] = match (in_message, line.split(' ').next().unwrap_or_default()) {
                (true, ".") => b"250 taken\r\n",
                (true, _) => b"",
                (false, "DATA") => b"354 go on\r\n",
                (false, "QUIT") => b"221 bye\r\n",
                (false, _) => b"250 fine\r\n",
            };
            in_message = (in_message || line == "DATA") && line != ".";
            heard.push(line);
            if write.write_all(answer).await.is_err() {
                break;
            }
        }
        heard
    });
    (port, task)
}

#[tokio::test]
async fn a_mail_is_plain_text_in_the_thread_of_its_cause() {
    let (port, server) = mail_server().await;
    let to = json!({"email": {
        "server": "127.0.0.1", "port": port, "tls": "none",
        "from": "headcount <headcount@acme.example>", "to": ["ops@acme.example", "it@acme.example"],
    }});
    let (notifier, metrics, _folder) = notifier(&to, "");
    let mut odd = notice();
    odd.about = "chat\r\nBcc: everybody@acme.example".into();
    notifier.tell(vec![odd]);
    counted(&metrics, "sent").await;
    drop(notifier);
    let heard = server.await.expect("no panic");
    let words: Vec<&str> =
        heard.iter().map(String::as_str).filter(|line| !line.starts_with("Date: ") && !line.starts_with("EHLO ")).collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    MAIL FROM:<headcount@acme.example>
    RCPT TO:<ops@acme.example>
    RCPT TO:<it@acme.example>
    DATA
    Subject: [acme] chat  Bcc: everybody@acme.example: held back
    Message-ID: <a0475403329b70dac77d126aaf59b97a@acme.example>
    In-Reply-To: <227ea299bc914f20837428f6ae8392ea@acme.example>
    References: <227ea299bc914f20837428f6ae8392ea@acme.example>
    Auto-Submitted: auto-generated
    Content-Type: text/plain; charset=utf-8
    From: headcount <headcount@acme.example>
    To: ops@acme.example, it@acme.example
    Content-Transfer-Encoding: 7bit

    214 deactivations are withheld.

    workspace  acme
    about      chat  Bcc: everybody@acme.example
    since      2026-11-29 04:02 UTC
    next       headcount status hr
    rows       2611
    take       214
    withheld   214
    look       https://headcount.acme.example

    .
    QUIT
    ");
}

#[tokio::test]
async fn a_server_without_protection_is_told_nothing() {
    let (port, server) = mail_server().await;
    let auth = json!({"username": "headcount", "password": {"file": "secret"}});
    let to =
        json!({"email": {"server": "127.0.0.1", "port": port, "auth": auth, "from": "headcount@acme.example", "to": ["ops@acme.example"]}});
    let (notifier, metrics, _folder) = notifier(&to, "p4ssw0rd-of-mail");
    notifier.tell(vec![notice()]);
    counted(&metrics, "failed").await;
    let heard = server.await.expect("no panic").join("\n");
    assert!(!heard.contains("MAIL FROM") && !heard.contains("AUTH"), "{heard}");
}
