//! The same of vendors' interfaces, by the catalog's own documents: stand-ins behind the proxy.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use hyper::{Method, StatusCode};
use serde_json::{Value as Json, json};

use crate::support::proxy::{Fault, Proxy, Weather};
use crate::support::skipped;
use crate::support::vendors::StandIns;

const PEOPLE: usize = 40;
/// What any interface can meet; those of pages are the SCIM proxy's own.
const ANYWHERE: [Fault; 8] = [
    Fault::LostAnswer,
    Fault::Truncated,
    Fault::Empty,
    Fault::Html,
    Fault::HtmlAfterwards,
    Fault::Throttled,
    Fault::Unavailable,
    Fault::Slow,
];

/// A workspace, a vendor's stand-in, and the proxy between them.
struct World {
    folder: tempfile::TempDir,
    proxy: Proxy,
    _servers: StandIns,
}

impl World {
    /// None where there is no Python.
    fn new(name: &str, vendor: &str, hosts: &[&str], connection: &Json) -> Option<Self> {
        let servers = StandIns::start()?;
        let proxy = Proxy::start(&format!("127.0.0.1:{}", servers.port()));
        let document = servers.document_behind(proxy.port(), name, vendor, hosts);
        let folder = tempfile::tempdir().expect("a folder");
        let all = json!({ "count": 1000 });
        let rule = |attribute: &str, value: &str| json!({ "attribute": attribute, "value": value });
        let documents = [
            of("Workspace", "acme", &json!({ "id": "acme", "allowedDirectories": [std::env::temp_dir()] })),
            of(
                "Source",
                "hr",
                &json!({
                    "connection": { "file": { "path": "people.ndjson" } },
                    "key": "record.key",
                    "lifecycle": { "leaver": "record.left" },
                    "mapping": { "rules": [
                        rule("userName", "record.mail"), rule("emails", "record.mail"), rule("displayName", "record.mail"),
                        rule("name.givenName", "record.key"), rule("name.familyName", "record.key"),
                    ] },
                }),
            ),
            of(
                "Target",
                "app",
                &json!({
                    "connection": { "connector": connection },
                    "correlate": ["userName"],
                    "groups": {},
                    "guardrails": { "create": all, "adopt": all, "reactivate": all, "deactivate": all, "leavers": all, "removeMembers": all },
                }),
            ),
            of("Group", "everybody", &json!({ "displayName": "Everybody", "rule": "true" })),
            document,
        ];
        std::fs::write(folder.path().join("workspace.yaml"), documents.map(|document| document.to_string()).join("\n---\n"))
            .expect("written");
        Some(Self { folder, proxy, _servers: servers })
    }

    fn people(&self, left: usize) {
        let person = |at: usize| json!({ "key": format!("p{at:02}"), "mail": format!("p{at:02}@acme.example"), "left": at < left });
        let lines: Vec<String> = (0..PEOPLE).map(|at| person(at).to_string()).collect();
        crate::support::write_settled(&self.folder.path().join("people.ndjson"), lines.join("\n") + "\n");
    }

    fn headcount(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let folder: &Path = self.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
        let output = command.args(arguments).arg("-f").arg(folder).env("NO_COLOR", "1").output().expect("headcount runs");
        (output.status.code(), [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat())
    }

    fn in_bad_weather(&self, seed: u64) {
        self.proxy.weather(Weather { seed, share: 0.1, kinds: ANYWHERE.to_vec() });
        let (code, words) = self.headcount(&["apply", "--auto-approve"]);
        assert!(matches!(code, Some(0 | 1 | 3 | 4 | 5)), "it crashed: {words}");
    }

    fn converge(&self) {
        self.proxy.calm();
        let mut last = String::new();
        for _ in 0..4 {
            if self.headcount(&["plan", "--detailed-exitcode"]).0 == Some(0) {
                return;
            }
            last = self.headcount(&["apply", "--auto-approve"]).1;
        }
        panic!("the plan does not become empty; the last run said: {last}");
    }

    /// The ids of whoever lost something: the last part of a path that is none.
    fn losers(&self) -> BTreeSet<String> {
        let (status, asked) = self.proxy.direct(Method::GET, "/requests", "", None);
        assert_eq!(status, StatusCode::OK);
        let lines = asked.as_array().expect("a list").iter().filter_map(Json::as_str);
        let takes = lines.filter(|line| line.starts_with("DELETE ") || line.contains("/lifecycle/deactivate"));
        let id = |line: &str| {
            let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
            let path = path.trim_end_matches("/$ref").trim_end_matches("/lifecycle/deactivate");
            path.rsplit('/').next().unwrap_or_default().to_owned()
        };
        takes.map(id).collect()
    }
}

fn of(kind: &str, name: &str, spec: &Json) -> Json {
    json!({ "apiVersion": "headcount.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// Everybody comes in bad weather, and nothing is taken from anybody; two leave in bad weather, and nobody else loses anything. A stand-in refuses who is
/// there already.
fn lives_through(world: &World) {
    world.people(0);
    (0..3).for_each(|seed| world.in_bad_weather(seed));
    world.converge();
    assert_eq!(world.losers(), BTreeSet::new(), "nobody has left");
    world.people(2);
    world.in_bad_weather(9);
    world.converge();
    assert!(world.losers().len() <= 2, "two have left: {:?}", world.losers());
    assert!(world.proxy.met().len() > ANYWHERE.len() / 2, "too little happened: {:?}", world.proxy.met());
}

#[test]
fn okta() {
    let token = json!({ "token": { "token": { "exec": ["echo", "okta-token"] } } });
    let connection = json!({ "name": "okta", "config": { "org": "acme.okta.com", "marker": "headcount" }, "auth": token });
    let Some(world) = World::new("okta", "okta", &["{config.org}"], &connection) else { return skipped("faults of okta", "Python") };
    lives_through(&world);
}

#[test]
fn entra() {
    let auth =
        json!({ "secret": { "clientId": { "exec": ["echo", "entra-client"] }, "clientSecret": { "exec": ["echo", "entra-secret"] } } });
    let connection = json!({ "name": "entra", "config": { "tenant": "acme.onmicrosoft.com" }, "auth": auth });
    let world = World::new("entra", "entra", &["{config.graph}", "{config.login}"], &connection);
    let Some(world) = world else { return skipped("faults of entra", "Python") };
    lives_through(&world);
}

#[test]
fn google() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key.json");
    let key = json!({ "client_email": "robot@acme.example", "private_key": pair.serialize_pem() });
    std::fs::write(&file, key.to_string()).expect("written");
    let auth = json!({ "serviceAccount": { "key": { "exec": ["cat", file] } } });
    let config = json!({ "admin": "admin@acme.example", "groupDomain": "acme.example" });
    let connection = json!({ "name": "google-workspace", "config": config, "auth": auth });
    let world = World::new("google-workspace", "google", &["admin.googleapis.com", "oauth2.googleapis.com"], &connection);
    let Some(world) = world else { return skipped("faults of google-workspace", "Python") };
    lives_through(&world);
}
