//! Two systems that send webhooks to whoever asked them to, and for a time alone, as far as that needs: stateful, and held to what is published of them.
//!
//! Microsoft Graph: <https://learn.microsoft.com/graph/api/resources/subscription> (what a subscription holds; users and groups 41,760 minutes at most, 45 at least),
//! <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks> (an address is tried out before a subscription is made of it) and
//! <https://learn.microsoft.com/graph/change-notifications-lifecycle-events>. Google: <https://developers.google.com/workspace/admin/directory/v1/guides/push> and the schema
//! `Channel` of the Directory API's discovery document (two hours by default, two days at most; no way to renew).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::answers::{Answer, Asked, serve_all};

/// What both know, and what they were asked.
pub struct Subscribing {
    /// where the public address of whoever asks leads to
    listener: String,
    /// that address
    public: String,
    ahead: AtomicI64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// each request that makes, renews or ends something, and its status
    asked: Vec<(String, u16)>,
    /// subscriptions and channels that there are
    open: Vec<Open>,
    made: usize,
}

/// A subscription, or a channel.
#[derive(Clone, Debug)]
pub struct Open {
    pub id: String,
    /// `users`, or an event
    pub about: String,
    /// where its messages go
    pub address: String,
    /// what proves them
    pub secret: String,
    pub until: Timestamp,
    /// Google's: what the channel watches
    resource: String,
}

/// Starts both for the rest of the test's process; gives their host.
pub fn start(listener: &str, public: &str) -> (Arc<Subscribing>, String) {
    let (listener, public) = (listener.to_owned(), public.to_owned());
    let service = Arc::new(Subscribing { listener, public, ahead: AtomicI64::new(0), state: Mutex::default() });
    let here = service.clone();
    let url = serve_all(move |asked| here.answer(asked));
    (service, url.trim_start_matches("http://").to_owned())
}

fn answer(status: u16, body: &Json) -> Answer {
    (status, String::new(), body.to_string())
}

fn refuse(status: u16, words: &str) -> Answer {
    answer(status, &json!({"error": {"code": "InvalidRequest", "message": words}}))
}

impl Subscribing {
    /// Its clock is so far ahead of the true time.
    pub fn put_clock(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.ahead.load(Ordering::SeqCst))
    }

    /// What it was asked, with how that ended.
    pub fn asked(&self) -> Vec<(String, u16)> {
        self.state.lock().expect("no panic").asked.clone()
    }

    /// What there is now.
    pub fn open(&self) -> Vec<Open> {
        let now = self.now();
        self.state.lock().expect("no panic").open.iter().filter(|open| open.until > now).cloned().collect()
    }

    /// It forgets one, as if it had been lost.
    pub fn lose(&self, id: &str) {
        self.state.lock().expect("no panic").open.retain(|open| open.id != id);
    }

    /// Graph's message of a changed user, or of the subscription itself.
    pub fn notify_graph(&self, open: &Open, secret: &str, lifecycle: Option<&str>) -> u16 {
        let mut item = json!({
            "subscriptionId": open.id, "clientState": secret, "tenantId": "84bd8158-6d4d-4958-8b9f-9d6445542f95",
            "subscriptionExpirationDateTime": open.until.to_string(),
        });
        let more = match lifecycle {
            Some(event) => json!({"lifecycleEvent": event}),
            None => {
                json!({"changeType": "updated", "resource": "Users/7", "resourceData": {"id": "7", "@odata.type": "#Microsoft.Graph.User"}})
            }
        };
        item.as_object_mut().expect("an object").extend(more.as_object().expect("one more").clone());
        self.post(&open.address, &[("Content-Type", "application/json")], &json!({"value": [item]}).to_string()).0
    }

    /// Google's message of a channel: what happened is a header, and who it happened to the body.
    pub fn notify_google(&self, open: &Open, token: &str, state: &str, number: u64) -> u16 {
        let (number, until) = (number.to_string(), open.until.to_string());
        let headers = [
            ("Content-Type", "application/json; utf-8"),
            ("X-Goog-Channel-ID", open.id.as_str()),
            ("X-Goog-Channel-Token", token),
            ("X-Goog-Channel-Expiration", until.as_str()),
            ("X-Goog-Resource-ID", open.resource.as_str()),
            ("X-Goog-Resource-State", state),
            ("X-Goog-Message-Number", number.as_str()),
        ];
        let body = if state == "sync" { String::new() } else { json!({"kind": "admin#directory#user", "id": "7"}).to_string() };
        self.post(&open.address, &headers, &body).0
    }

    /// To where the public address leads; 0 where nobody listens there.
    fn post(&self, address: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
        let path = address.strip_prefix(&self.public).expect("the address that was said at the start");
        let Ok(mut stream) = TcpStream::connect(&self.listener) else { return (0, String::new(), String::new()) };
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (host, length) = (&self.listener, body.len());
        let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{lines}\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let kind = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-type: ").map(str::to_owned));
        (status, kind.unwrap_or_default(), body.to_owned())
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let (method, target) = asked.line.split_once(' ').unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path.ends_with("/token") {
            return answer(200, &json!({"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}));
        }
        if asked.header("authorization") != Some("Bearer t0ken") {
            return refuse(401, "no token");
        }
        let body: Json = serde_json::from_str(&asked.body).unwrap_or_default();
        let query = |name: &str| {
            url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
        };
        let (said, answer) = match (method, path.split('/').skip(1).collect::<Vec<_>>().as_slice()) {
            ("GET", ["graph", "v1.0", "users" | "groups", ..]) => {
                return answer(
                    200,
                    &json!({"value": [{"id": "7", "userPrincipalName": "ada@acme.example", "accountEnabled": true}], "@odata.deltaLink": "https://x.invalid/"}),
                );
            }
            ("GET", ["google", "admin", "directory", "v1", "users"]) => {
                return answer(200, &json!({"kind": "admin#directory#users", "users": [{"id": "7", "primaryEmail": "bo@acme.example"}]}));
            }
            ("POST", ["graph", "v1.0", "subscriptions"]) => ("subscribe".to_owned(), self.subscribe(&body)),
            ("PATCH", ["graph", "v1.0", "subscriptions", id]) => (format!("renew {id}"), self.renew(id, &body)),
            ("DELETE", ["graph", "v1.0", "subscriptions", id]) => (format!("delete {id}"), self.end(|open| open.id == **id)),
            ("POST", ["google", "admin", "directory", "v1", "users", "watch"]) => {
                ("watch".to_owned(), self.watch(&body, query("customer"), query("event")))
            }
            ("POST", ["google", "admin", "directory_v1", "channels", "stop"]) => {
                let (id, resource) = (body["id"].as_str().unwrap_or_default(), body["resourceId"].as_str().unwrap_or_default());
                (format!("stop {id}"), self.end(|open| open.id == id && open.resource == resource))
            }
            _ => (format!("{method} {path}"), refuse(404, "no such path")),
        };
        self.state.lock().expect("no panic").asked.push((said, answer.0));
        answer
    }

    /// How long something may last from now on, as Graph has it.
    fn graph_until(&self, body: &Json) -> Result<Timestamp, Answer> {
        let (least, most) = (SignedDuration::from_mins(45), SignedDuration::from_mins(41_760));
        let now = self.now();
        let wanted: Timestamp =
            body["expirationDateTime"].as_str().and_then(|text| text.parse().ok()).ok_or_else(|| refuse(400, "expirationDateTime"))?;
        if wanted > now + most {
            return Err(refuse(400, "Subscription expiration can only be 41760 minutes in the future"));
        }
        Ok(wanted.max(now + least))
    }

    fn subscribe(&self, body: &Json) -> Answer {
        const KNOWN: [&str; 6] =
            ["changeType", "notificationUrl", "lifecycleNotificationUrl", "resource", "expirationDateTime", "clientState"];
        if let Some(name) = body.as_object().and_then(|fields| fields.keys().find(|name| !KNOWN.contains(&name.as_str()))) {
            return refuse(400, &format!("no property {name}"));
        }
        let said = |name: &str| body[name].as_str().unwrap_or_default();
        // Of users and groups; what is created is told as updated.
        let types = said("changeType").split(',').all(|kind| ["updated", "deleted"].contains(&kind));
        if !types || !["users", "groups"].contains(&said("resource")) || said("clientState").len() > 128 {
            return refuse(400, "changeType, resource or clientState");
        }
        let until = match self.graph_until(body) {
            Ok(until) => until,
            Err(refusal) => return refusal,
        };
        for address in ["notificationUrl", "lifecycleNotificationUrl"].map(said).into_iter().filter(|address| !address.is_empty()) {
            // Whoever is there has to say the token as plain text, decoded.
            let token = "Validation: Testing client application reachability for subscription Request-Id: 7+8/9=";
            let encoded: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
            let (status, kind, back) =
                self.post(&format!("{address}?validationToken={encoded}"), &[("Content-Type", "text/plain; charset=utf-8")], "");
            if !address.starts_with("https://") || (status, back.as_str()) != (200, token) || !kind.starts_with("text/plain") {
                return refuse(400, "Subscription validation request failed.");
            }
        }
        let open = Open {
            id: self.next("subscription"),
            about: said("resource").to_owned(),
            address: said("notificationUrl").to_owned(),
            secret: said("clientState").to_owned(),
            until,
            resource: String::new(),
        };
        let told =
            json!({"id": open.id, "resource": open.about, "changeType": said("changeType"), "expirationDateTime": until.to_string()});
        self.state.lock().expect("no panic").open.push(open);
        answer(201, &told)
    }

    fn renew(&self, id: &str, body: &Json) -> Answer {
        let until = match self.graph_until(body) {
            Ok(until) => until,
            Err(refusal) => return refusal,
        };
        let now = self.now();
        match self.state.lock().expect("no panic").open.iter_mut().find(|open| open.id == id && open.until > now) {
            None => refuse(404, "The object was not found."),
            Some(open) => {
                open.until = until;
                answer(200, &json!({"id": id, "resource": open.about, "expirationDateTime": until.to_string()}))
            }
        }
    }

    fn end(&self, mut which: impl FnMut(&Open) -> bool) -> Answer {
        let now = self.now();
        let mut state = self.state.lock().expect("no panic");
        match state.open.iter().position(|open| which(open) && open.until > now) {
            None => refuse(404, "not found"),
            Some(at) => {
                state.open.remove(at);
                (204, String::new(), String::new())
            }
        }
    }

    fn watch(&self, body: &Json, customer: Option<String>, event: Option<String>) -> Answer {
        let said = |name: &str| body[name].as_str().unwrap_or_default();
        let event = event.unwrap_or_default();
        if customer.is_none()
            || !["add", "delete", "makeAdmin", "undelete", "update"].contains(&event.as_str())
            || said("type") != "web_hook"
        {
            return refuse(400, "customer, event or type");
        }
        let known = self.state.lock().expect("no panic").open.iter().any(|open| open.id == said("id"));
        if known || said("id").is_empty() || said("id").len() > 64 || said("token").len() > 256 || !said("address").starts_with("https://")
        {
            return refuse(400, "id, token or address");
        }
        let ttl = body["params"]["ttl"].as_str().map_or(Some(2 * 3600), |text| text.parse::<i64>().ok());
        let Some(ttl) = ttl.filter(|ttl| *ttl > 0) else { return refuse(400, "params.ttl") };
        // Of what is asked for and what may be, the more restrictive value is used.
        let open = Open {
            id: said("id").to_owned(),
            about: event,
            address: said("address").to_owned(),
            secret: said("token").to_owned(),
            until: self.now() + SignedDuration::from_secs(ttl.min(2 * 24 * 3600)),
            resource: self.next("resource"),
        };
        let told = json!({
            "kind": "api#channel", "id": open.id, "resourceId": open.resource, "resourceUri": "https://admin.googleapis.com/admin/directory/v1/users",
            "token": open.secret, "expiration": open.until.as_millisecond().to_string(),
        });
        // The first message of a channel says only that it is there.
        let heard = self.notify_google(&open, &open.secret, "sync", 1);
        self.state.lock().expect("no panic").asked.push(("sync".to_owned(), heard));
        self.state.lock().expect("no panic").open.push(open);
        answer(200, &told)
    }

    fn next(&self, what: &str) -> String {
        let mut state = self.state.lock().expect("no panic");
        state.made += 1;
        format!("{what}-{}", state.made)
    }
}
