//! A SCIM service with accounts that are there already: who was let in by which token, and whose each write was, in the order in which they came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;

use crate::support::answers::{Answer, Asked, serve_all};

/// A running service. A copy is the same.
#[derive(Clone)]
pub struct Service {
    pub url: String,
    told: Arc<Mutex<Told>>,
    people: usize,
    /// how long a write takes
    pause: Duration,
}

#[derive(Default)]
struct Told {
    /// tokens that are let in; none: whoever comes
    tokens: BTreeSet<String>,
    /// of each request the token, and whether it was let in
    asked: Vec<(String, bool)>,
    titles: BTreeMap<usize, String>,
    /// the titles that were written
    written: Vec<String>,
}

impl Service {
    /// With accounts 1 to `people` of the workspace `acme`, from the Source `hr`.
    pub fn start(people: usize, pause: Duration) -> Self {
        let mut service = Self { url: String::new(), told: Arc::default(), people, pause };
        let answering = service.clone();
        service.url = serve_all(move |asked| answering.answer(asked));
        service
    }

    /// From now on these tokens are let in.
    pub fn let_in(&self, tokens: &[&str]) {
        self.told().tokens = tokens.iter().map(|token| (*token).to_owned()).collect();
    }

    /// Of each request so far the token, and whether it was let in.
    pub fn asked(&self) -> Vec<(String, bool)> {
        self.told().asked.clone()
    }

    /// The titles that were written, in order.
    pub fn written(&self) -> Vec<String> {
        self.told().written.clone()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("not broken")
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let token = asked.header("authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned();
        {
            let mut told = self.told();
            let may = told.tokens.is_empty() || told.tokens.contains(&token);
            told.asked.push((token, may));
            if !may {
                return (401, String::new(), String::new());
            }
        }
        let (verb, path) = asked.line.split_once(' ').unwrap_or_default();
        let Some(rest) = path.strip_prefix("/Users") else { return (404, String::new(), String::new()) };
        if verb == "PATCH" { self.write(rest, &asked.body) } else { self.read(rest) }
    }

    fn write(&self, rest: &str, body: &str) -> Answer {
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let value = &body["Operations"][0]["value"];
        let title = value.as_str().or_else(|| value["title"].as_str()).expect("a title").to_owned();
        {
            let mut told = self.told();
            told.written.push(title.clone());
            told.titles.insert(rest.trim_start_matches('/').parse().expect("an id"), title);
        }
        // A run that lasts: what is heard is noted before.
        std::thread::sleep(self.pause);
        (204, String::new(), String::new())
    }

    fn read(&self, rest: &str) -> Answer {
        let told = self.told();
        let user = |at: usize| {
            let title = told.titles.get(&at).map_or("none", String::as_str);
            json!({"id": at.to_string(), "userName": format!("p{at}"), "externalId": format!("hc:acme:hr:{at}"), "title": title, "active": true})
        };
        if let Some(at) = rest.strip_prefix('/').and_then(|id| id.parse().ok()) {
            return (200, String::new(), user(at).to_string());
        }
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        let number = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok());
        let (first, most) = (number("startIndex").unwrap_or(1), number("count").unwrap_or(100));
        let filtered = query.contains("filter");
        let found: Vec<_> = if filtered { Vec::new() } else { (first..=self.people).take(most).map(user).collect() };
        let total = if filtered { 0 } else { self.people };
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": total, "startIndex": first, "itemsPerPage": found.len(), "Resources": found
        });
        (200, String::new(), list.to_string())
    }
}

/// Records of so many people, all with one title.
pub fn records(people: usize, title: &str) -> String {
    let rows: String = (1..=people).map(|at| format!("{at},p{at},{title}\n")).collect();
    format!("id,user,title\n{rows}")
}

/// The Source of these records.
pub const SOURCE: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr.csv}}
  key: record.id
  mapping:
    rules:
    - {attribute: userName, value: record.user}
    - {attribute: title, value: record.title}
  fullInterval: 1h
";

/// The service as a Target; titles end with the word.
pub fn target(service: &Service, word: &str) -> String {
    format!(
        "
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: chat}}
spec:
  connection: {{scim: {{url: \"{}\", timeout: 5s, auth: {{bearer: {{secretKeyRef: {{name: chat, key: token}}}}}}}}}}
  limits: {{concurrency: 4}}
  mapping:
    rules:
    - {{attribute: userName, value: identity.userName}}
    - {{attribute: title, value: 'identity.title + \"{word}\"'}}
  fullInterval: 1h
",
        service.url
    )
}
