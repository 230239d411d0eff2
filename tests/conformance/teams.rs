//! Teams of an organisation at GitHub: on our stand-in, whose teams change their address with their name, and on somebody else's emulator.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::workspace::{Workspace, document};
use crate::support::emulators::Emulator;
use crate::support::skipped;
use crate::support::vendors::{StandIns, catalog_document};

/// login, team; of whoever has left none
type Somebody = (&'static str, Option<&'static str>);

const PEOPLE: [Somebody; 6] = [
    ("ada-lindqvist", Some("engineering")),
    ("omar-haddad", Some("engineering")),
    ("mei-tanaka", Some("engineering")),
    ("rosa-ferreira", Some("sales")),
    ("tom-okafor", Some("sales")),
    ("noor-aziz", Some("finance")),
];

/// The teams, by key; each is called something.
type Teams = &'static [(&'static str, &'static str)];

const FIRST: Teams = &[("engineering", "Engineering"), ("sales", "Sales"), ("finance", "Finance")];
const RENAMED: Teams = &[("engineering", "Engineering"), ("sales", "Sellers & Co"), ("finance", "Finance")];
const FEWER: Teams = &[("engineering", "Engineering"), ("sales", "Sellers & Co")];

/// What changes: somebody, and the teams from then on.
const STEPS: [(&str, Somebody, Teams); 5] = [
    ("everybody has a team", PEOPLE[0], FIRST),
    ("somebody moves", ("noor-aziz", Some("sales")), FIRST),
    ("a team is called otherwise", PEOPLE[0], RENAMED),
    ("a team without anybody is dissolved", PEOPLE[0], FEWER),
    ("somebody leaves", ("tom-okafor", None), FEWER),
];

fn takes(workspace: &Workspace, catalog: &Json, steps: &[(&str, Somebody, Teams)], stands: impl Fn(&str, &[Somebody], Teams)) {
    let mut people = PEOPLE.to_vec();
    for (step, somebody, teams) in steps {
        people.iter_mut().filter(|known| known.0 == somebody.0).for_each(|known| *known = *somebody);
        let mut records = String::new();
        for (login, team) in &people {
            writeln!(records, "{}", json!({ "login": login, "team": team.unwrap_or("none"), "left": team.is_none() })).expect("room");
        }
        workspace.file("people.ndjson", &records);
        let mut documents = vec![source(), target(), catalog.clone()];
        documents.extend(teams.iter().map(|(key, name)| group(key, name)));
        workspace.manifests(&documents);
        workspace.applies_and_has_nothing_left(step);
        stands(step, &people, teams);
    }
}

fn source() -> Json {
    let rules = json!([{ "attribute": "userName", "value": "record.login" }, { "attribute": "department", "value": "record.team" }]);
    let spec = json!({
        "connection": { "file": { "path": "people.ndjson" } },
        "key": "record.login",
        "lifecycle": { "leaver": "record.left" },
        "mapping": { "rules": rules },
    });
    document("Source", "people", spec)
}

fn target() -> Json {
    let connection =
        json!({ "name": "github", "config": { "org": "acme" }, "auth": { "token": { "token": { "exec": ["echo", "github-token"] } } } });
    let all = json!({ "count": 100 });
    let spec = json!({
        "connection": { "connector": connection },
        "correlate": ["userName"],
        "groups": {},
        "leaver": { "action": "delete" },
        "guardrails": { "adopt": all, "delete": all, "leavers": all, "removeMembers": all, "deleteGroups": all, "rename": all },
    });
    document("Target", "github", spec)
}

fn group(key: &str, name: &str) -> Json {
    let rule = format!("identity.department == \"{key}\"");
    let mut spec = json!({ "displayName": name, "rule": rule, "allowEmpty": true });
    if name == "Sellers & Co" {
        spec["previousNames"] = json!(["Sales"]);
    }
    document("Group", key, spec)
}

#[test]
fn teams_at_github_take_every_step_and_leave_nothing_to_plan() {
    let Some(servers) = StandIns::with_pages_of(4) else { return skipped("conformance of github", "Python") };
    let catalog = servers.document("github", "github", &["{config.host}"]);
    takes(&Workspace::new(), &catalog, &STEPS, |step, people, teams| {
        let mut wanted = serde_json::Map::new();
        for (key, name) in teams {
            let mut inside: Vec<&str> = people.iter().filter(|(_, team)| *team == Some(*key)).map(|(login, _)| *login).collect();
            inside.sort_unstable();
            wanted.insert((*name).to_owned(), json!(inside));
        }
        // The example has ten people, and four of them are nobody here.
        wanted.insert("members".into(), json!(10 - people.iter().filter(|(_, team)| team.is_none()).count()));
        assert_eq!(servers.hands("github", None), Json::Object(wanted), "{step}");
    });
    servers.are_as_specified("github", "github");
}

/// `emulate` keeps a team's address when its name changes, makes a second team of one name, and knows no way out of an organisation, so nobody leaves there.
#[test]
fn teams_take_the_steps_on_somebody_elses_emulator_too() {
    let mut seed = "tokens: {github-token: {login: admin, scopes: [admin:org]}}\ngithub:\n  users:\n  - {login: admin}\n".to_owned();
    PEOPLE.iter().for_each(|(login, _)| writeln!(seed, "  - {{login: {login}}}").expect("room"));
    let members: Vec<String> = PEOPLE.iter().map(|(login, _)| format!("{{login: {login}}}")).collect();
    writeln!(seed, "  orgs:\n  - {{login: acme, members: [{{login: admin, role: admin}}, {}]}}", members.join(", ")).expect("room");
    let Some(emulator) = Emulator::of_emulate("github", &seed) else { return };
    let port = emulator.port();
    let catalog = catalog_document("github", &["{config.host}"], &format!("http://127.0.0.1:{port}"), &[port]);
    takes(&Workspace::new(), &catalog, &STEPS[..4], |_, _, _| {});
}
