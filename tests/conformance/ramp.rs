//! Cards' limits at Ramp, by the catalog's own document, through the binary: given, changed with a mover, taken from a leaver. After each step a second plan
//! is empty.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::support::ramp::{self, Ramp};

struct World {
    folder: tempfile::TempDir,
    ramp: Arc<Mutex<Ramp>>,
}

impl World {
    /// A workspace with the catalog's document, for a service on this machine.
    fn new(entitlements: &str) -> Self {
        let (ramp, host) = ramp::start();
        let folder = tempfile::tempdir().expect("a folder");
        let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog/ramp.yaml")).expect("the document");
        let document = document.replace("https://{config.host}", "http://{config.host}").replace(r"(demo-)?api\.ramp\.com", "[0-9.:]+");
        let document = document.replace("default: api.ramp.com", &format!("default: '{host}'"));
        let document = document
            .replace("180/min", "60000/min")
            .replace(", done: ", ", every: 1s, done: ")
            .replace("\n        done: ", "\n        every: 1s\n        done: ");
        std::fs::write(folder.path().join("ramp.yaml"), document).expect("written");
        let workspace = format!(
            "apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {{name: acme}}
spec: {{id: acme, allowedDirectories: [{temp}]}}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {{name: hr}}
spec:
  connection: {{file: {{path: people.ndjson, mayBeEmpty: [boss]}}}}
  key: record.key
  lifecycle: {{leaver: record.left}}
  mapping:
    rules:
    - {{attribute: userName, value: record.mail}}
    - {{attribute: name.givenName, value: record.first}}
    - {{attribute: name.familyName, value: record.last}}
    - {{attribute: manager, value: record.boss}}
    - {{attribute: custom.level, value: record.level}}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: cards}}
spec:
  connection:
    connector: {{name: ramp, config: {{host: '{host}'}}, auth: {{app: {{clientId: {{exec: [echo, id]}}, clientSecret: {{exec: [echo, secret]}}}}}}}}
  guardrails: {{removeEntitlements: {{count: 9}}, deactivate: {{count: 9}}}}
{entitlements}",
            temp = std::env::temp_dir().display(),
        );
        std::fs::write(folder.path().join("workspace.yaml"), workspace).expect("written");
        Self { folder, ramp }
    }

    /// Each: first name, level or `left`, and the boss's key.
    fn people(&self, people: &[(&str, &str, &str)]) {
        let line = |(at, (first, level, boss)): (usize, &(&str, &str, &str))| {
            let boss = if boss.is_empty() { Json::Null } else { json!(boss) };
            let mail = format!("{}@acme.example", first.to_lowercase());
            json!({"key": at.to_string(), "mail": mail, "first": first, "last": "Holm", "level": level, "left": *level == "left", "boss": boss})
                .to_string()
        };
        let lines: Vec<String> = people.iter().enumerate().map(line).collect();
        crate::support::write_settled(&self.folder.path().join("people.ndjson"), lines.join("\n") + "\n");
    }

    fn headcount(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
        let output = command.args(arguments).arg("-f").arg(self.folder.path()).env("NO_COLOR", "1").output().expect("headcount runs");
        (output.status.code(), [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat())
    }

    fn settled(&self, step: &str) {
        for arguments in [&["apply", "--auto-approve"], &["plan", "--detailed-exitcode"]] {
            let (code, told) = self.headcount(arguments);
            assert_eq!(code, Some(0), "{step}: {arguments:?}\n{told}");
        }
    }

    /// Who is there, with their limits that are not terminated.
    fn shown(&self) -> Vec<String> {
        let ramp = self.ramp.lock().expect("no panic");
        let line = |(id, user): (&String, &Json)| {
            let mine = ramp.limits.values().filter(|limit| limit["users"][0]["user_id"] == **id && limit["state"] != "TERMINATED");
            let mine: Vec<String> = mine
                .map(|limit| {
                    let restrictions = &limit["restrictions"];
                    let (amount, interval) = (&restrictions["limit"]["amount"], &restrictions["interval"]);
                    format!(
                        " {}={amount} {}",
                        limit["spend_program_id"].as_str().unwrap_or_default(),
                        interval.as_str().unwrap_or_default()
                    )
                })
                .collect();
            format!("{} {}{}", user["first_name"].as_str().unwrap_or_default(), user["status"].as_str().unwrap_or_default(), mine.concat())
        };
        ramp.users.iter().map(line).collect()
    }
}

const TRAVEL: &str = "---
apiVersion: headcount.dev/v1alpha1
kind: Entitlement
metadata: {name: travel}
spec:
  target: cards
  entitlement: limit/travel
  when: int(identity.custom.level) >= 2
  parameters: {amount: 'identity.custom.level == \"3\" ? 200000 : 50000', currency: '\"USD\"', interval: '\"MONTHLY\"'}
";

#[test]
fn a_limit_follows_its_rule() {
    let world = World::new(TRAVEL);
    world.people(&[("Ada", "3", ""), ("Bo", "2", "0"), ("Cy", "1", "0")]);
    let (_, told) = world.headcount(&["plan"]);
    assert!(told.contains("mails an invitation"), "{told}");
    world.settled("limits are given with the accounts");
    assert_eq!(world.shown(), ["Ada INVITE_PENDING travel=200000 MONTHLY", "Bo INVITE_PENDING travel=50000 MONTHLY", "Cy INVITE_PENDING"]);

    world.people(&[("Ada", "3", ""), ("Bo", "3", "0"), ("Cy", "2", "1")]);
    let (_, told) = world.headcount(&["plan"]);
    assert!(told.contains("amount  50000 → 200000"), "{told}");
    world.settled("a mover's limit changes, and one begins");
    assert_eq!(
        world.shown(),
        ["Ada INVITE_PENDING travel=200000 MONTHLY", "Bo INVITE_PENDING travel=200000 MONTHLY", "Cy INVITE_PENDING travel=50000 MONTHLY"]
    );

    world.people(&[("Ada", "3", ""), ("Bo", "left", ""), ("Cy", "1", "0")]);
    let (_, told) = world.headcount(&["plan"]);
    assert!(told.contains("terminates the limit for good") && told.contains("locks the user's cards"), "{told}");
    world.settled("a leaver loses account and limit, a mover the limit");
    assert_eq!(world.shown(), ["Ada INVITE_PENDING travel=200000 MONTHLY", "Bo USER_INACTIVE", "Cy INVITE_PENDING"]);

    world.people(&[("Ada", "3", ""), ("Bo", "3", ""), ("Cy", "1", "0")]);
    world.settled("who comes back gets a new one");
    assert_eq!(world.shown(), ["Ada INVITE_PENDING travel=200000 MONTHLY", "Bo USER_ACTIVE travel=200000 MONTHLY", "Cy INVITE_PENDING"]);
    let limits = world.ramp.lock().expect("no panic").limits.len();
    assert_eq!(limits, 4, "nothing was made twice");
}

#[test]
fn what_belongs_to_somebody_else_is_never_promised() {
    let world = World::new(TRAVEL);
    world.people(&[("Ada", "3", ""), ("Bo", "2", "")]);
    world.settled("both have one");
    {
        let mut ramp = world.ramp.lock().expect("no panic");
        let others = json!([{"user_id": "user-1"}, {"user_id": "nobody"}]);
        for limit in ramp.limits.values_mut().filter(|limit| limit["users"][0]["user_id"] == "user-1") {
            limit["users"] = others.clone();
        }
        let bo = ramp.users.values_mut().find(|user| user["first_name"] == "Bo").expect("Bo");
        bo["status"] = json!("USER_SUSPENDED");
    }
    let before = world.ramp.lock().expect("no panic").changes.len();
    world.people(&[("Ada", "1", ""), ("Bo", "2", "0")]);
    let (_, told) = world.headcount(&["apply", "--auto-approve"]);
    assert!(told.contains("limit/travel would be taken, but the target says"), "{told}");
    assert!(told.contains("1 account or group belongs to somebody else there") && told.contains("withheld: see finding"), "{told}");
    let ramp = world.ramp.lock().expect("no panic");
    assert_eq!(ramp.changes.len(), before, "{:?}", ramp.changes);
}

#[test]
fn an_entitlement_that_the_target_does_not_have_is_told_by_validate() {
    let world = World::new(&TRAVEL.replace("limit/travel", "limits/travel").replace("MONTHLY", "DAILY"));
    world.people(&[("Ada", "3", "")]);
    let (code, told) = world.headcount(&["validate"]);
    assert!(code == Some(1) && told.contains("ramp has no entitlement `limits/travel`") && told.contains("limit/NAME"), "{told}");
    let world = World::new(&TRAVEL.replace("amount:", "amont:"));
    world.people(&[("Ada", "3", "")]);
    let (code, told) = world.headcount(&["validate"]);
    assert!(code == Some(1) && told.contains("has no parameter `amont`") && told.contains("did you mean"), "{told}");
}
