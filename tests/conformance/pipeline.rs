//! Takes the steps the way people do: manifests and an HR export are written, `headcount apply` runs, and a plan right after it must be empty.

use std::path::Path;

use headcount::connector::{Surroundings, registry};
use headcount::manifest::kinds::TargetConnection;
use serde_json::{Value as Json, json};

use super::declared::{Declared, Person, Team};
use super::look::{ATTRIBUTES, Holding, Seen};
use super::table::STEPS;
use super::workspace::{document, expect, headcount};

/// Takes every step; each must be done by one apply, and the target must show it.
pub async fn take_all_steps(connection: &TargetConnection, several: bool) {
    take_all_steps_with(connection, several, &[]).await;
}

/// The same in a workspace with more documents.
pub async fn take_all_steps_with(connection: &TargetConnection, several: bool, more: &[Json]) {
    let folder = tempfile::tempdir().expect("a folder");
    let target = registry::open_target(connection, &Surroundings::at(folder.path())).await.expect("it opens");
    let holding = Holding { capabilities: &target.capabilities, several, marker: None };
    let mut steps = Declared::default();
    let mut former = Declared::default();
    for (step, edit) in STEPS {
        let before = steps.clone();
        edit(&mut steps);
        steps.with_names_kept(&before, &target.capabilities);
        let declared = steps.with_required(&target.capabilities);
        write_workspace(folder.path(), connection, more, &holding, (&declared, &former));
        expect(0, &headcount(folder.path(), &["apply", "--auto-approve"]), step);
        expect(0, &headcount(folder.path(), &["plan", "--detailed-exitcode"]), step);
        Seen::at(&target, &holding).await.must_be(&Seen::declared(&declared, &holding), step);
        former = declared;
    }
}

fn write_workspace(
    folder: &Path,
    connection: &TargetConnection,
    more: &[Json],
    holding: &Holding<'_>,
    (declared, former): (&Declared, &Declared),
) {
    let mut documents = vec![
        document("Workspace", "acme", json!({ "id": "acme", "allowedDirectories": [std::env::temp_dir()] })),
        document("Source", "hr", source()),
        document("Target", "app", target(connection, holding)),
    ];
    documents.extend_from_slice(more);
    documents.extend(declared.teams.iter().map(|(key, team)| document("Group", key, group(team, former.teams.get(key)))));
    let text: Vec<String> = documents.iter().map(Json::to_string).collect();
    std::fs::write(folder.join("workspace.yaml"), text.join("\n---\n")).expect("written");
    let records: Vec<String> = declared.people.iter().map(|(key, person)| record(holding, key, person).to_string()).collect();
    crate::support::write_settled(&folder.join("people.ndjson"), records.join("\n") + "\n");
}

fn source() -> Json {
    let rules: Vec<Json> =
        ATTRIBUTES.iter().map(|name| json!({ "attribute": name, "value": format!("record.{}", column(name)) })).collect();
    let empty: Vec<String> = ATTRIBUTES.iter().map(|name| column(name)).collect();
    json!({
        "connection": { "file": { "path": "people.ndjson", "mayBeEmpty": empty } },
        "key": "record.key",
        "lifecycle": { "leaver": "record.left" },
        "mapping": { "rules": rules },
        "completeness": { "maxShrink": "1000" },
    })
}

/// The connector's default mapping, and guardrails that let every step past. A webhook is told little unless somebody says so, and so are roles.
fn target(connection: &TargetConnection, holding: &Holding<'_>) -> Json {
    let all = json!({ "count": 1000 });
    let mut target = json!({
        "connection": connection,
        "groups": {},
        "absent": { "action": "delete" },
        "guardrails": {
            "create": all, "adopt": all, "reactivate": all, "rename": all,
            "deactivate": all, "delete": all, "removeMembers": all, "deleteGroups": all, "leavers": all,
        },
    });
    if matches!(connection, TargetConnection::Webhook(_) | TargetConnection::DatabaseRoles(_)) {
        let more = holding.attributes().filter(|name| !["userName", "manager"].contains(name));
        let rules: Vec<Json> = more.map(|name| json!({ "attribute": name, "value": format!("identity.{name}") })).collect();
        target["mapping"] = json!({ "rules": rules });
    }
    target
}

fn group(team: &Team, former: Option<&Team>) -> Json {
    let people = team.people.iter().map(|key| json!({ "identity": { "source": "hr", "key": key } }));
    let members: Vec<Json> = people.chain(team.teams.iter().map(|key| json!({ "group": key }))).collect();
    let mut spec = json!({ "displayName": team.name, "members": members, "allowEmpty": members.is_empty() });
    if let Some(former) = former.filter(|former| former.name != team.name) {
        spec["previousNames"] = json!([former.name]);
    }
    spec
}

/// Every attribute, null where there is none: what a record does not mention would stay as it is.
fn record(holding: &Holding<'_>, key: &str, person: &Person) -> Json {
    let mut record = json!({ "key": key, "left": person.left });
    for name in ATTRIBUTES {
        let value = person.attributes.get(name).and_then(|value| holding.held(value));
        record[column(name)] = value.map_or(Json::Null, |value| value.to_json());
    }
    record
}

fn column(attribute: &str) -> String {
    attribute.replace('.', "_")
}
