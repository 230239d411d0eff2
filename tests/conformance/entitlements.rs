//! A card with a limit, through the binary: given, changed, ended, taken, and gone with its manifest. After each step a second plan is empty.

use std::path::Path;
use std::process::Command;

use headcount::connector::{Gone, PageSink, ReadRequest, Surroundings, TargetConnector, registry};
use headcount::manifest::kinds::TargetConnection;
use headcount::model::{Columns, Evidence, ObjectKind, Page};
use serde_json::{Value as Json, json};

/// What the connection must hold for the card.
pub const PARAMETERS: [&str; 3] = ["approver", "limit", "region"];

/// Lives through it at one target.
pub async fn live_through(connection: &TargetConnection) {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let target = registry::open_target(connection, &Surroundings::at(here)).await.expect("it opens");

    people(here, [("2", "EU", ""), ("3", "US", ""), ("1", "EU", ""), ("2", "", "2999-12-31")]);
    write(here, connection, &["card", "desk"], "2999-12-31");
    settled(here, "cards are given with the accounts");
    let first =
        ["ada card approver=bob limit=500 region=EU", "bob card limit=2000 region=US", "cy desk", "dora card approver=bob limit=500"];
    assert_eq!(cards(&target).await, first);

    people(here, [("3", "EU", ""), ("3", "APAC", ""), ("2", "EU", ""), ("2", "EU", "2020-01-01")]);
    let told = headcount(here, &["plan"]).1;
    assert!(told.contains("limit  500 → 2000"), "{told}");
    settled(here, "parameters change, one begins, one is over");
    let second = [
        "ada card approver=bob limit=2000 region=EU",
        "bob card limit=2000 region=APAC",
        "cy card approver=bob limit=500 region=EU",
        "cy desk",
    ];
    assert_eq!(cards(&target).await, second);

    people(here, [("left", "EU", ""), ("3", "", ""), ("2", "EU", ""), ("1", "EU", "")]);
    write(here, connection, &["card", "desk"], "2020-01-01");
    settled(here, "a leaver loses it, a region is emptied, a named one is over");
    assert_eq!(cards(&target).await, ["bob card limit=2000", "cy card approver=bob limit=500 region=EU"]);

    write(here, connection, &[], "");
    settled(here, "what headcount gave goes with its manifest");
    assert_eq!(cards(&target).await, [""; 0]);
}

fn settled(folder: &Path, step: &str) {
    for arguments in [&["apply", "--auto-approve"], &["plan", "--detailed-exitcode"]] {
        let (code, told) = headcount(folder, arguments);
        assert_eq!(code, Some(0), "{step}: {arguments:?}\n{told}");
    }
}

fn headcount(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
    let output = command.args(arguments).arg("-f").arg(folder).env("NO_COLOR", "1").output().expect("headcount runs");
    (output.status.code(), [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat())
}

/// Level (or `left`), region, and the last day.
fn people(folder: &Path, cards: [(&str, &str, &str); 4]) {
    let names = ["ada", "bob", "cy", "dora"].into_iter().zip(cards).enumerate();
    let record = |(at, (login, (level, region, until))): (usize, (&str, (&str, &str, &str)))| {
        let boss = if login == "bob" { Json::Null } else { json!("2") };
        json!({ "key": format!("{}", at + 1), "login": login, "level": level, "region": region, "until": until, "boss": boss }).to_string()
    };
    crate::support::write_settled(&folder.join("people.ndjson"), names.map(record).collect::<Vec<_>>().join("\n") + "\n");
}

fn write(folder: &Path, connection: &TargetConnection, entitlements: &[&str], until: &str) {
    let rule = |attribute: &str, value: &str| json!({ "attribute": attribute, "value": value });
    let mut documents = vec![
        ("Workspace", "acme", json!({ "id": "acme", "allowedDirectories": [std::env::temp_dir()] })),
        (
            "Source",
            "hr",
            json!({
                "connection": { "file": { "path": "people.ndjson", "mayBeEmpty": ["region", "until"] } },
                "key": "record.key",
                "lifecycle": { "leaver": "record.level == 'left'" },
                "mapping": { "rules": [
                    rule("userName", "record.login"), rule("name.familyName", "record.login"), rule("custom.level", "record.level"),
                    rule("custom.region", "record.region"), rule("custom.until", "record.until"), rule("manager", "record.boss"),
                ] },
            }),
        ),
        ("Target", "app", json!({ "connection": connection, "guardrails": { "removeEntitlements": { "count": 9 } } })),
    ];
    let card = json!({
        "target": "app",
        "when": "int(identity.custom.level) >= 2",
        "until": "identity.custom.until",
        "parameters": {
            "limit": "identity.custom.level == '3' ? 2000 : 500", "region": "identity.custom.region", "approver": "identity.manager",
        },
    });
    let desk = json!({ "target": "app", "members": [{ "identity": { "source": "hr", "key": "3" }, "until": until }] });
    documents.extend(entitlements.iter().map(|name| ("Entitlement", *name, if *name == "card" { card.clone() } else { desk.clone() })));
    let document = |(kind, name, spec): &(&str, &str, Json)| {
        json!({ "apiVersion": "headcount.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec }).to_string()
    };
    std::fs::write(folder.join("workspace.yaml"), documents.iter().map(document).collect::<Vec<_>>().join("\n---\n")).expect("written");
}

/// Every entitlement: whose, which, and its parameters; sorted.
async fn cards(target: &TargetConnector) -> Vec<String> {
    let streams = [
        (ObjectKind::Account, Columns::new(["id", "userName"])),
        (ObjectKind::Entitlement, Columns::new(["account", "entitlement"].into_iter().chain(PARAMETERS))),
    ];
    let mut rows = Rows::default();
    let report = target.reader.read(&ReadRequest::new(streams.to_vec()), &mut rows).await;
    assert_eq!(report.of(ObjectKind::Entitlement), Evidence::Complete);
    let name = |id: &str| rows.accounts.iter().find(|row| row[0] == id).map_or_else(|| format!("nobody ({id})"), |row| row[1].clone());
    let line = |row: &Vec<String>| {
        let parameters = PARAMETERS.iter().zip(&row[2..]).filter(|(_, value)| !value.is_empty());
        let shown = parameters.map(|(parameter, value)| match *parameter {
            "approver" => format!(" approver={}", name(value)),
            parameter => format!(" {parameter}={value}"),
        });
        format!("{} {}{}", name(&row[0]), row[1], shown.collect::<String>())
    };
    let mut all: Vec<String> = rows.cards.iter().map(line).collect();
    all.sort();
    all
}

#[derive(Default)]
struct Rows {
    accounts: Vec<Vec<String>>,
    cards: Vec<Vec<String>>,
}

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        let rows = if kind == ObjectKind::Account { &mut self.accounts } else { &mut self.cards };
        rows.extend(
            page.rows().map(|row| row.cells().map(|cell| cell.to_value().map_or_else(String::new, |value| value.to_string())).collect()),
        );
    }

    fn restart(&mut self, _kind: ObjectKind) {
        *self = Self::default();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}
