//! A group for each department, through the binary: made, moved between, renamed, and gone. After each step a second plan is empty.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use headcount::connector::{Gone, PageSink, ReadRequest, Surroundings, TargetConnector, registry};
use headcount::manifest::kinds::TargetConnection;
use headcount::model::{Columns, Evidence, ObjectKind, Page, Value};
use serde_json::{Value as Json, json};

/// Lives through it at one target.
pub async fn live_through(connection: &TargetConnection) {
    let folder = tempfile::tempdir().expect("a folder");
    let target = registry::open_target(connection, &Surroundings::at(folder.path())).await.expect("it opens");
    let owner = if target.capabilities.group_owners { " owned by ada" } else { "" };
    write(folder.path(), connection, json!({}));

    people(folder.path(), ["Eng", " eng", "Eng", "Sales"]);
    settled(folder.path(), "the groups are made");
    let made = groups(&target).await;
    assert_eq!(shown(&made), [format!("Team Eng: ada bob cy{owner}"), format!("Team Sales: dora{owner}")]);

    people(folder.path(), ["Eng", "eng", "Sales", "Sales"]);
    settled(folder.path(), "cy moves");
    assert_eq!(shown(&groups(&target).await), [format!("Team Eng: ada bob{owner}"), format!("Team Sales: cy dora{owner}")]);

    people(folder.path(), ["Engineering", "Engineering", "Sales", "Sales"]);
    let (_, told) = headcount(folder.path(), &["apply", "--auto-approve"]);
    assert!(told.contains("previousValues"), "{told}");
    assert_eq!(groups(&target).await.len(), 2, "nothing is guessed");

    write(folder.path(), connection, json!({ "Engineering": ["Eng"] }));
    settled(folder.path(), "the value is renamed");
    let renamed = groups(&target).await;
    assert_eq!(shown(&renamed), [format!("Team Engineering: ada bob{owner}"), format!("Team Sales: cy dora{owner}")]);
    assert_eq!(renamed["Team Engineering"].id, made["Team Eng"].id, "it is the same object");

    people(folder.path(), ["Sales", "Sales", "Sales", "Sales"]);
    settled(folder.path(), "nobody has the value");
    assert_eq!(shown(&groups(&target).await), [format!("Team Sales: ada bob cy dora{owner}")]);
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

fn people(folder: &Path, departments: [&str; 4]) {
    let names = ["ada", "bob", "cy", "dora"].into_iter().zip(departments).enumerate();
    let records: Vec<String> = names
        .map(|(at, (login, department))| json!({ "key": format!("{}", at + 1), "login": login, "dept": department }).to_string())
        .collect();
    crate::support::write_settled(&folder.join("people.ndjson"), records.join("\n") + "\n");
}

fn write(folder: &Path, connection: &TargetConnection, previous: Json) {
    let rule = |attribute: &str, value: &str| json!({ "attribute": attribute, "value": value });
    let all = json!({ "count": 1000 });
    let documents = [
        ("Workspace", "acme", json!({ "id": "acme", "allowedDirectories": [std::env::temp_dir()] })),
        (
            "Source",
            "hr",
            json!({
                "connection": { "file": { "path": "people.ndjson" } },
                "key": "record.key",
                "mapping": { "rules": [
                    rule("userName", "record.login"), rule("name.familyName", "record.login"), rule("department", "record.dept"),
                ] },
            }),
        ),
        ("Target", "app", json!({ "connection": connection, "groups": {}, "guardrails": { "removeMembers": all, "deleteGroups": all } })),
        (
            "Group",
            "department",
            json!({
                "displayName": "Team {value}",
                "forEach": "identity.department",
                "previousValues": previous,
                "owners": [{ "identity": { "source": "hr", "key": "1" } }],
            }),
        ),
    ];
    let document = |(kind, name, spec): &(&str, &str, Json)| {
        json!({ "apiVersion": "headcount.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec }).to_string()
    };
    std::fs::write(folder.join("workspace.yaml"), documents.iter().map(document).collect::<Vec<_>>().join("\n---\n")).expect("written");
}

/// A group as it is at the target.
#[derive(Debug, Default)]
struct Seen {
    id: String,
    members: Vec<String>,
    owners: Vec<String>,
}

fn shown(groups: &BTreeMap<String, Seen>) -> Vec<String> {
    let line = |(name, group): (&String, &Seen)| {
        let owners = if group.owners.is_empty() { String::new() } else { format!(" owned by {}", group.owners.join(" ")) };
        format!("{name}: {}{owners}", group.members.join(" "))
    };
    groups.iter().map(line).collect()
}

/// All groups by name.
async fn groups(target: &TargetConnector) -> BTreeMap<String, Seen> {
    let columns = |names: &[&str]| Columns::new(names.iter().copied());
    let streams = [
        (ObjectKind::Account, columns(&["id", "userName"])),
        (ObjectKind::Group, columns(&["id", "displayName", "owners"])),
        (ObjectKind::Membership, columns(&["group", "member", "kind"])),
    ];
    let mut rows = Rows::default();
    let report = target.reader.read(&ReadRequest::new(streams.to_vec()), &mut rows).await;
    for (kind, _) in &streams {
        assert_eq!(report.of(*kind), Evidence::Complete, "{kind:?}");
    }
    let people: BTreeMap<String, String> = rows.accounts.iter().map(|row| (text(&row[0]), text(&row[1]))).collect();
    let mut seen = BTreeMap::new();
    for row in &rows.groups {
        let id = text(&row[0]);
        let mut members: Vec<String> =
            rows.memberships.iter().filter(|row| text(&row[0]) == id).map(|row| people[&text(&row[1])].clone()).collect();
        members.sort();
        let owners = match &row[2] {
            Some(Value::List(items)) => items.iter().map(|item| people[&item.to_string()].clone()).collect(),
            _ => Vec::new(),
        };
        seen.insert(text(&row[1]), Seen { id, members, owners });
    }
    seen
}

fn text(value: &Option<Value>) -> String {
    value.as_ref().map_or_else(|| "-".into(), ToString::to_string)
}

#[derive(Default)]
struct Rows {
    accounts: Vec<Vec<Option<Value>>>,
    groups: Vec<Vec<Option<Value>>>,
    memberships: Vec<Vec<Option<Value>>>,
}

impl PageSink for Rows {
    fn page(&mut self, kind: ObjectKind, page: &Page) {
        let rows = match kind {
            ObjectKind::Account => &mut self.accounts,
            ObjectKind::Group => &mut self.groups,
            ObjectKind::Membership => &mut self.memberships,
            ObjectKind::Entitlement => return,
        };
        rows.extend(page.rows().map(|row| row.cells().map(|cell| cell.to_value()).collect()));
    }

    fn restart(&mut self, _kind: ObjectKind) {
        *self = Self::default();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}
