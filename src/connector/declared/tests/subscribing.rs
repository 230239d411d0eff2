//! Subscriptions of the catalog's own documents, at services that hold what they are asked to what Microsoft Graph and Google publish of themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use crate::connector::Surroundings;
use crate::connector::declared::DeclaredConnector;
use crate::connector::describe::Connector;
use crate::connector::scim::tests::scripted::{Answer, Asked, Scripted, answer};
use crate::connector::subscription::{Subscriber, SubscriptionAsked};
use crate::manifest::catalog::catalog;
use crate::manifest::connection::DeclaredConnection;
use crate::manifest::kinds::connector::ConnectorSpec;
use crate::model::SystemError;

/// A document of the catalog, with its service on this machine.
async fn subscriber(service: &Scripted, name: &str) -> Box<dyn Subscriber> {
    let text = serde_json::to_string(&**catalog().get(name).expect("a document")).unwrap();
    let root = service.base.trim_end_matches("/scim");
    let text = text
        .replace("https://{config.graph}/v1.0", &service.base)
        .replace("https://admin.googleapis.com/admin/directory/v1", &service.base);
    let text = text.replace("https://admin.googleapis.com/admin/directory_v1", &service.base);
    let mut document: ConnectorSpec = serde_json::from_str(&text).unwrap();
    document.hosts = vec![root.trim_start_matches("http://").to_owned()];
    let config = document.config.iter().filter_map(|(name, rules)| Some((name.clone(), rules.default.clone().or(rules.example.clone())?)));
    let connection = DeclaredConnection {
        name: name.into(),
        config: config.collect(),
        auth: BTreeMap::new(),
        webhook_secret: None,
        ca_file: None,
        timeout: None,
        max_body: None,
        group_kinds: Vec::new(),
        extend: None,
        document: Some(Arc::new(document)),
    };
    let opened = DeclaredConnector.open_subscriber(&connection, &Surroundings::at(".")).await.expect("it opens");
    opened.expect("its document says how")
}

const URL: &str = "https://hooks.acme.example/hooks/sources/people";
const SECRET: &str = "whs3cret";

fn asked(each: &str, at: Timestamp) -> SubscriptionAsked {
    SubscriptionAsked { each: Some(each.into()), url: URL.into(), secret: SECRET.into(), at }
}

/// Subscriptions of Microsoft Graph: what is required, how long they may be, and what an address must say back is checked as it does.
async fn graph() -> Scripted {
    let (known, count) = (Mutex::new(BTreeMap::<String, Json>::new()), Mutex::new(0));
    Scripted::with_discovery(move |asked| Some(of_graph(asked, &known, &count))).await
}

fn of_graph(asked: &Asked, known: &Mutex<BTreeMap<String, Json>>, count: &Mutex<u32>) -> Answer {
    let refuse = |status, code: &str, words: &str| answer(status, json!({"error": {"code": code, "message": words}}));
    let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
    let mut known = known.lock().unwrap();
    let longest = |until: &str| {
        let until: Timestamp = until.parse().expect("a time of RFC 3339");
        until.duration_since(Timestamp::now()) <= SignedDuration::from_mins(41_760)
    };
    let (verb, path) = asked.line.split_once(' ').unwrap();
    let id = path.strip_prefix("/subscriptions/").unwrap_or_default().to_owned();
    match verb {
        "POST" if path == "/subscriptions" => {
            for required in ["changeType", "notificationUrl", "lifecycleNotificationUrl", "resource", "expirationDateTime"] {
                if text(required).is_empty() {
                    return refuse(400, "InvalidRequest", &format!("{required} is required"));
                }
            }
            let sorts = text("changeType");
            if !sorts.split(',').all(|sort| ["updated", "deleted"].contains(&sort))
                || !["users", "groups"].contains(&text("resource").as_str())
            {
                return refuse(400, "InvalidRequest", "users and groups support updated and deleted");
            }
            if !longest(&text("expirationDateTime")) || text("clientState").len() > 128 || !text("notificationUrl").starts_with("https://")
            {
                return refuse(
                    400,
                    "ExtensionError",
                    &format!("Subscription expiration can only be 41760 minutes in the future, not {SECRET}"),
                );
            }
            *count.lock().unwrap() += 1;
            let id = format!("sub-{}", count.lock().unwrap());
            let mut made = asked.body.clone();
            made["id"] = json!(id);
            known.insert(id, made.clone());
            answer(201, made)
        }
        "PATCH" | "DELETE" if !known.contains_key(&id) => refuse(404, "ResourceNotFound", "The object was not found."),
        "PATCH" if !longest(&text("expirationDateTime")) => refuse(400, "ExtensionError", "too long"),
        "PATCH" => {
            let made = known.get_mut(&id).unwrap();
            made["expirationDateTime"] = asked.body["expirationDateTime"].clone();
            answer(200, made.clone())
        }
        "DELETE" => {
            known.remove(&id);
            answer(204, "")
        }
        _ => refuse(405, "MethodNotAllowed", "no"),
    }
}

#[tokio::test]
async fn graph_is_subscribed_to_and_renewed_and_what_is_lost_is_told_as_that() {
    let service = graph().await;
    let subscriber = subscriber(&service, "entra").await;
    let now = Timestamp::now();
    let users = subscriber.make(&asked("users", now)).await.unwrap();
    let groups = subscriber.make(&asked("groups", now)).await.unwrap();
    assert_eq!((users.id.as_str(), groups.id.as_str()), ("sub-1", "sub-2"));
    let life = users.until.duration_since(now);
    assert!(life > SignedDuration::from_hours(27 * 24) && life <= SignedDuration::from_mins(41_760), "{life}");
    let body = service.asked()[0].body.clone();
    let said = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    assert_eq!((said("notificationUrl"), said("lifecycleNotificationUrl"), said("clientState")), (URL.into(), URL.into(), SECRET.into()));
    let later = now + SignedDuration::from_hours(24);
    let renewed = subscriber.renew(&asked("users", later), &users).await;
    assert!(matches!(&renewed, Ok(Some(made)) if made.id == "sub-1" && made.until > users.until), "{renewed:?}");
    subscriber.stop(&asked("users", now), &users).await.unwrap();
    subscriber.stop(&asked("users", now), &users).await.expect("what is not there any more has ended");
    assert!(matches!(subscriber.renew(&asked("users", now), &users).await, Err(SystemError::NotFound(_))));
    let far = subscriber.make(&asked("users", now + SignedDuration::from_hours(24 * 30))).await.unwrap_err();
    assert!(far.to_string().contains("41760 minutes") && !far.to_string().contains(SECRET), "{far}");
}

/// Channels of Google's directory: they have an id of ours, end when Google says, and there is nothing that renews one.
fn of_google(asked: &Asked) -> Answer {
    let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
    match asked.line.split('?').next().unwrap_or_default() {
        "POST /users/watch" => {
            let event = asked.query.get("event").map(String::as_str).unwrap_or_default();
            let known = ["add", "delete", "makeAdmin", "undelete", "update"].contains(&event);
            let ttl: i64 = asked.body["params"]["ttl"].as_str().and_then(|ttl| ttl.parse().ok()).unwrap_or_default();
            if !known || text("type") != "web_hook" || !text("address").starts_with("https://") || text("id").len() != 36 || ttl <= 0 {
                return answer(400, json!({"error": {"message": "Invalid channel", "errors": [{"reason": "invalid"}]}}));
            }
            let ends = Timestamp::now() + SignedDuration::from_secs(ttl.min(21_600));
            let (kind, expiration) = ("api#channel", ends.as_millisecond().to_string());
            answer(
                200,
                json!({"kind": kind, "id": text("id"), "resourceId": "o3hgv1538sdjfh", "token": text("token"), "expiration": expiration}),
            )
        }
        "POST /channels/stop" if text("resourceId") == "o3hgv1538sdjfh" && text("id").len() == 36 => answer(204, ""),
        _ => answer(404, json!({"error": {"message": "Channel not found", "errors": [{"reason": "notFound"}]}})),
    }
}

#[tokio::test]
async fn google_s_channels_are_made_anew_and_stopped() {
    let service = Scripted::with_discovery(|asked| Some(of_google(asked))).await;
    let subscriber = subscriber(&service, "google-workspace").await;
    let now = Timestamp::now();
    let made = subscriber.make(&asked("update", now)).await.unwrap();
    assert!(made.until > now && made.until <= now + SignedDuration::from_hours(7), "{made:?}");
    assert_eq!(made.kept.get("resource"), Some(&json!("o3hgv1538sdjfh")));
    assert_eq!(subscriber.renew(&asked("update", now), &made).await, Ok(None), "another one takes its place");
    let next = subscriber.make(&asked("update", now)).await.unwrap();
    assert_ne!(made.id, next.id);
    subscriber.stop(&asked("update", now), &made).await.unwrap();
    let last = service.asked().last().cloned().unwrap();
    assert_eq!((last.line.as_str(), last.body), ("POST /channels/stop", json!({"id": made.id, "resourceId": "o3hgv1538sdjfh"})));
}
