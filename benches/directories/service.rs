//! A trivial SCIM service on threads of this process: lists accounts that were made before anybody asked, takes creates alone and in Bulk, remembers nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::applied;

const CONFIG: &str = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],"patch":{"supported":true},"bulk":{"supported":true,"maxOperations":100,"maxPayloadSize":1048576},"filter":{"supported":true,"maxResults":1000},"changePassword":{"supported":false},"sort":{"supported":false},"etag":{"supported":false},"authenticationSchemes":[]}"#;

/// Its threads end with the process.
pub struct Service {
    host: String,
    all: Arc<All>,
}

struct All {
    accounts: Vec<String>,
    delay: Duration,
    /// the largest page that was asked for
    page: AtomicUsize,
    made: AtomicUsize,
}

impl Service {
    pub fn start(accounts: usize, delay: Duration) -> Self {
        let accounts = (0..accounts).map(|at| resource(&account(at), at)).collect();
        let all = Arc::new(All { accounts, delay, page: AtomicUsize::new(0), made: AtomicUsize::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let shared = all.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = shared.clone();
                thread::spawn(move || answer(&stream, &all));
            }
        });
        Self { host, all }
    }

    pub fn url(&self) -> String {
        format!("http://{}/v2", self.host)
    }

    pub fn page_size(&self) -> usize {
        self.all.page.load(Ordering::Relaxed)
    }
}

/// As services have them: more than anybody asks for.
fn account(at: usize) -> Json {
    let [display, external, family, given, title, user] = applied::values(at);
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user, "externalId": external, "displayName": display, "title": title, "active": true,
        "name": { "familyName": family, "givenName": given, "formatted": display }, "locale": "en-GB", "timezone": "Europe/Berlin",
        "emails": [{ "value": format!("p{at}@acme.example"), "type": "work", "primary": true }],
        "groups": [{ "value": format!("{:08}", at % 300), "display": format!("Team {}", at % 300), "type": "direct" }],
    })
}

fn resource(body: &Json, id: usize) -> String {
    let mut made = body.clone();
    made["id"] = format!("2819c223-7f76-453a-919d-{id:012}").into();
    made["meta"] =
        json!({ "resourceType": "User", "created": "2024-02-11T09:12:45Z", "lastModified": "2024-02-11T09:12:45Z", "version": "W/\"1\"" });
    made.to_string()
}

/// One connection, request after request.
fn answer(stream: &TcpStream, all: &All) {
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        let asked = std::mem::take(&mut line);
        let mut length = 0;
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some((name, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
                length = value.trim().parse().unwrap_or_else(|_| panic!("{name}"));
            }
            line.clear();
        }
        line.clear();
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let (status, text) = said(&asked, &body, all);
        let head = format!("HTTP/1.1 {status} OK\r\ncontent-type: application/scim+json\r\ncontent-length: {}\r\n\r\n", text.len());
        let whole = [head.into_bytes(), text.into_bytes()].concat();
        let mut out = stream;
        if out.write_all(&whole).is_err() {
            return;
        }
    }
}

fn said(asked: &str, body: &[u8], all: &All) -> (u16, String) {
    let (path, query) = asked.split(' ').nth(1).map(|target| target.split_once('?').unwrap_or((target, ""))).unwrap_or_default();
    if asked.starts_with("GET") {
        return match path {
            "/v2/ServiceProviderConfig" => (200, CONFIG.to_owned()),
            "/v2/Users" => (200, listed(query, all)),
            _ => (404, r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#.to_owned()),
        };
    }
    thread::sleep(all.delay);
    let sent: Json = serde_json::from_slice(body).unwrap_or_default();
    let made = |data: &Json| resource(data, all.made.fetch_add(1, Ordering::Relaxed));
    if !path.ends_with("/Bulk") {
        return (201, made(&sent));
    }
    let one = |operation: &Json| {
        let response: Json = serde_json::from_str(&made(&operation["data"])).unwrap_or_default();
        let location = format!("/v2/Users/{}", response["id"].as_str().unwrap_or_default());
        json!({ "method": "POST", "bulkId": operation["bulkId"], "status": "201", "location": location, "response": response })
    };
    let results: Vec<Json> = sent["Operations"].as_array().into_iter().flatten().map(one).collect();
    (200, json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": results }).to_string())
}

fn listed(query: &str, all: &All) -> String {
    let number = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok());
    let (from, count) = (number("startIndex").unwrap_or(1).max(1), number("count").unwrap_or(100));
    all.page.fetch_max(count, Ordering::Relaxed);
    let page = all.accounts.get(from - 1..).unwrap_or_default();
    let page = &page[..page.len().min(count)];
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{},"startIndex":{from},"itemsPerPage":{},"Resources":[{}]}}"#,
        all.accounts.len(),
        page.len(),
        page.join(",")
    )
}
