//! Subscriptions over a workspace that really runs, at a system that sends webhooks to whoever asked for them, for an hour.

use std::sync::Mutex;
use std::sync::atomic::AtomicU16;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use futures_util::FutureExt as _;
use serde_json::{Value as Json, json};

use super::*;
use crate::model::{NeedKind, Subscription};
use crate::serve::{Bounds, listen};
use crate::state::Shelf;

/// What the system was asked, and what it answers instead of doing it.
#[derive(Default)]
struct System {
    asked: Mutex<Vec<(String, Json)>>,
    refuses: AtomicU16,
    /// somebody makes one, and it is not answered before it may be
    holds: Option<Held>,
}

/// An answer that is kept back.
#[derive(Default)]
struct Held {
    came: tokio::sync::Notify,
    may: tokio::sync::Notify,
}

impl System {
    fn answer(&self, line: String, body: Json, good: Json) -> (StatusCode, String) {
        self.asked.lock().unwrap().push((line, body));
        match self.refuses.load(Ordering::SeqCst) {
            0 => (StatusCode::OK, good.to_string()),
            status => (StatusCode::from_u16(status).unwrap(), json!({"error": "no"}).to_string()),
        }
    }

    fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    async fn start() -> (Arc<Self>, String, DropGuard) {
        Self::of(Self::default()).await
    }

    async fn of(system: Self) -> (Arc<Self>, String, DropGuard) {
        let system = Arc::new(system);
        let read = |body: String| serde_json::from_str::<Json>(&body).unwrap_or_default();
        let make = move |State(system): State<Arc<Self>>, body: String| async move {
            let (body, made) = (read(body), system.lines().iter().filter(|line| line.starts_with("POST")).count() + 1);
            let good = json!({"id": format!("s{made}"), "until": body["until"], "topic": "t7"});
            if let Some(held) = &system.holds {
                held.came.notify_one();
                held.may.notified().await;
            }
            system.answer("POST /subscriptions".into(), body, good)
        };
        let renew = move |State(system): State<Arc<Self>>, Path(id): Path<String>, body: String| async move {
            let body = read(body);
            let good = json!({"id": id, "until": body["until"]});
            system.answer(format!("PATCH /subscriptions/{id}"), body, good)
        };
        let stop = |State(system): State<Arc<Self>>, Path(id): Path<String>| async move {
            system.answer(format!("DELETE /subscriptions/{id}"), Json::Null, json!({}))
        };
        let routes = Router::new()
            .route("/people", get(|| async { r#"{"people": []}"# }))
            .route("/subscriptions", post(make))
            .route("/subscriptions/{id}", patch(renew).delete(stop))
            .with_state(system.clone());
        let over = CancellationToken::new();
        let listening = listen("127.0.0.1:0".parse().unwrap(), routes, Bounds::default(), over.clone()).await.unwrap();
        (system, listening.address.to_string(), over.drop_guard())
    }
}

fn connector(host: &str) -> String {
    format!(
        "
---
apiVersion: headcount.dev/v1alpha1
kind: Connector
metadata: {{name: people}}
spec:
  title: People
  hosts: ['{host}']
  base: http://{host}
  auth: {{}}
  accounts:
    id: record.id
    list: {{get: /people, records: body.people, pages: {{one: {{}}}}}}
    attributes: {{userName: {{read: record.user}}}}
  webhook:
    verify: {{shared: {{at: header.X-Token}}}}
    subscribe:
      life: 1h
      make: {{post: /subscriptions, body: {{to: '{{receiver.url}}', token: '{{receiver.secret}}', until: '{{until.text}}'}}}}
      id: body.id
      until: body.until
      keep: {{topic: body.topic}}
      renew: {{patch: '/subscriptions/{{id}}', body: {{until: '{{until.text}}', topic: '{{kept.topic}}'}}}}
      stop: {{delete: '/subscriptions/{{id}}'}}
      ending: {{at: body.event, in: [lost]}}
"
    )
}

const CONNECTION: &str = "connector: {name: people, webhook: {file: hook}}";
const ENDS: &str = "https://hooks.acme.example/base";

impl House {
    async fn rows(&self) -> Vec<Subscription> {
        let desk = self.inbound.desk_now().unwrap();
        Shelf::Subscriptions.all(desk.store.as_ref()).await.unwrap().into_iter().map(|(_, row)| row).collect()
    }

    async fn turn(&self, now: Timestamp) {
        self.inbound.subscriptions.as_ref().unwrap().turn(&self.inbound.desk_now().unwrap(), now).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_made_renewed_made_anew_after_a_loss_and_stopped_with_its_source() {
    let (system, host, _over) = System::start().await;
    let mut house = House::of(&connector(&host), CONNECTION, Some(ENDS)).await;
    let now = Timestamp::now();
    let minutes = |minutes: i64| now + SignedDuration::from_mins(minutes);
    house.turn(now).await;
    house.turn(minutes(30)).await;
    assert_eq!(system.lines(), ["POST /subscriptions"], "it is made once");
    let asked = system.asked.lock().unwrap()[0].1.clone();
    assert_eq!((asked["to"].as_str(), asked["token"].as_str()), (Some("https://hooks.acme.example/base/hooks/sources/hr"), Some(SECRET)));
    let row = house.rows().await.remove(0);
    let made = row.made.clone().unwrap();
    assert_eq!((row.source.as_ref(), made.id.as_str(), made.kept.get("topic")), ("hr", "s1", Some(&json!("t7"))));
    assert!(!serde_json::to_string(&row).unwrap().contains(SECRET), "the state has no secret");
    house.turn(minutes(41)).await;
    assert_eq!(system.lines()[1..], ["PATCH /subscriptions/s1"], "it is renewed after two thirds of its life");
    assert_eq!(system.asked.lock().unwrap()[1].1["topic"], "t7");
    let renewed = house.rows().await.remove(0).made.unwrap();
    assert!(renewed.id == "s1" && renewed.until > made.until, "{renewed:?}");
    // The system says that it lost it: it is looked at, and made anew, since there is none to renew.
    let (status, ..) = house.ask("POST", "/hooks/sources/hr", &[("X-Token", SECRET.into())], r#"{"event": "lost"}"#).await;
    assert_eq!(status, 202);
    system.refuses.store(404, Ordering::SeqCst);
    house.turn(minutes(42)).await;
    assert_eq!(system.lines()[2..], ["PATCH /subscriptions/s1", "POST /subscriptions"], "what is lost there is made anew");
    system.refuses.store(0, Ordering::SeqCst);
    house.turn(minutes(44)).await;
    let row = house.rows().await.remove(0);
    assert_eq!((row.trouble, row.made.unwrap().id.as_str()), (None, "s1"), "until it ends it is tried to renew it first");
    // Another secret, and messages that the old one proves count for nothing: another subscription takes its place.
    std::fs::write(house.company.path("hook"), "another-secret-of-32-characters!").unwrap();
    house.turn(minutes(45)).await;
    assert_eq!(system.lines().last_chunk::<2>().unwrap(), &["POST /subscriptions", "DELETE /subscriptions/s1"]);
    let id = house.rows().await.remove(0).made.unwrap().id;
    house.declare(&connector(&host), "connector: {name: people}").await;
    house.turn(minutes(46)).await;
    assert_eq!(system.lines().last(), Some(&format!("DELETE /subscriptions/{id}")), "nobody wants it any more");
    assert!(house.rows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_subscribed_to_is_told_and_the_source_is_read_all_the_same() {
    let (system, host, _over) = System::start().await;
    let house = House::of(&connector(&host), CONNECTION, Some(ENDS)).await;
    system.refuses.store(500, Ordering::SeqCst);
    let mut now = Timestamp::now();
    for tries in 1..=3 {
        assert!(house.inbound.needs().is_empty(), "a system may be away for a moment");
        house.turn(now).await;
        house.turn(now).await;
        assert_eq!(system.lines().len(), tries, "what failed rests");
        now += SignedDuration::from_mins(10);
    }
    let needs = house.inbound.needs();
    assert_eq!((needs.len(), needs[0].kind, needs[0].about.as_str()), (1, NeedKind::Unsubscribed, "hr"));
    assert!(needs[0].words.contains("HTTP 500") && !needs[0].words.contains(SECRET), "{}", needs[0].words);
    let numbers = house.metrics.text(Timestamp::now());
    assert!(numbers.contains("headcount_webhook_subscription_failing{source=\"hr\",kind=\"all\"} 1"), "{numbers}");
    assert!(house.reads() > 0, "the source is read as ever");
    system.refuses.store(0, Ordering::SeqCst);
    house.turn(now).await;
    assert!(house.inbound.needs().is_empty() && house.rows().await[0].trouble.is_none());
}

/// Between what a system made and the line that says so a process may be stopped: it notes it before the next one may begin.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_made_as_the_process_is_stopped_is_known_to_the_next_one() {
    let (system, host, _over) = System::of(System { holds: Some(Held::default()), ..System::default() }).await;
    let mut house = House::of(&connector(&host), CONNECTION, Some(ENDS)).await;
    let held = system.holds.as_ref().unwrap();
    let (inbound, desk) = (house.inbound.clone(), house.inbound.desk_now().unwrap());
    let begun = tokio::spawn(async move { inbound.subscriptions.as_ref().unwrap().turn(&desk, Timestamp::now()).await });
    timeout(PATIENCE, held.came.notified()).await.expect("it is asked for one");
    drop(house.stop.take());
    let ending = async {
        loop {
            match house.mail.inboxes().errand().now_or_never() {
                Some(Some(_)) => tokio::task::yield_now().await,
                other => return other.is_some(),
            }
        }
    };
    assert!(!timeout(PATIENCE, ending).await.expect("it ends"), "it lets the lock go while something is under way");
    assert!(house.company.store.lock("the next one").await.is_err(), "the lock is held until then");
    held.may.notify_one();
    timeout(PATIENCE, house.ends.take().unwrap()).await.expect("it ends").unwrap().unwrap();
    assert_eq!(house.rows().await.len(), 1, "what was made is noted");
    begun.await.unwrap().unwrap();
}
