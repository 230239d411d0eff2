//! `headcount connector test`, `init` and `check`, and what a plan says of requests: with a Connector of the workspace, and a service on this machine.

use snapbox::str;

use super::{Folder, headcount};
use crate::support::answers;

const CONNECTOR: &str = "apiVersion: headcount.dev/v1alpha1
kind: Connector
metadata: {name: desk}
spec:
  title: Desk
  hosts: ['HOST']
  base: http://HOST/api
  auth: {token: {bearer: '{secret.token}'}}
  limits: {rate: 1/s}
  rights: [people.write, teams.read]
  accounts:
    id: record.id
    list: {get: /people, records: body.people, shape: has(body.people), pages: {one: {}}}
    get: {get: '/people/{id}'}
    attributes: {userName: {path: login, required: true}, name.givenName: {path: first}, title: {path: title}}
    active: {read: '!record.blocked', write: {blocked: '!value'}}
    create: {post: /people, body: attributes}
    update: [{patch: '/people/{id}', body: changes}]
  groups:
    team:
      id: record.id
      list: {get: /teams, pages: {one: {}}}
      attributes: {displayName: {path: name}}
";

const TARGET: &str = "apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: desk}
spec:
  connection: {connector: {name: desk, auth: {token: {token: {file: token}}}}}
  groups: {}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr.csv}}
  key: record.id
  mapping: {rules: [{attribute: userName, value: record.login}, {attribute: name.givenName, value: record.first}]}
";

fn workspace(teams: u16) -> Folder {
    let url = answers::serve(move |line| {
        let person = r#"{"id": "p2", "login": "bo", "first": "Bo", "blocked": false}"#;
        match line {
            "GET /api/people" => (200, String::new(), format!(r#"{{"people": [{person}]}}"#)),
            "GET /api/people/p2" => (200, String::new(), person.into()),
            "GET /api/teams" => (teams, String::new(), "[]".into()),
            _ => (500, String::new(), String::new()),
        }
    });
    Folder::with(&[
        ("headcount.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n"),
        ("desk.yaml", &CONNECTOR.replace("HOST", url.trim_start_matches("http://"))),
        ("target.yaml", TARGET),
        ("hr.csv", "id,login,first\n1,ada,Ada\n2,bo,Bob\n"),
        ("token", "t0ken"),
    ])
}

/// What is printed, with the port as a word.
fn told(folder: &Folder, arguments: &[&str], exit: i32) -> String {
    let output = folder.run(arguments.iter().copied()).output().expect("it runs");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(exit), "{text}{errors}");
    let port = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("a pattern");
    assert!(!text.contains("t0ken"), "{text}");
    port.replace_all(&text, "HOST").into_owned()
}

#[test]
fn a_plan_lists_its_requests_and_says_how_long_they_take() {
    let folder = workspace(200);
    let requests = told(&folder, &["plan", "--requests"], 0);
    snapbox::assert_data_eq!(
        requests,
        str![[r#"
ada gets an account at desk
  POST http://HOST/api/people
    {"first":"Ada","login":"ada","blocked":false}
hr/2 takes over the existing account bo at desk
  PATCH http://HOST/api/people/p2
    {"first":"Bob"}

"#]]
    );
    let plan = told(&folder, &["plan"], 0);
    assert!(plan.contains("Forecast\n  desk: about 2 requests, 1 s at 60 a minute\n"), "{plan}");
    let explained = told(&folder, &["explain", "hr/1"], 0);
    assert!(explained.contains("Requests\n") && explained.contains("  POST http://HOST/api/people\n"), "{explained}");
    let json: serde_json::Value = serde_json::from_str(&told(&folder, &["plan", "--requests", "-o", "json"], 0)).expect("JSON");
    assert_eq!(json["requests"][0]["requests"][0]["method"], "POST", "{json}");
}

#[test]
fn a_check_says_what_works_and_what_would_mend_the_rest() {
    let checked = told(&workspace(403), &["connector", "check"], 1);
    snapbox::assert_data_eq!(
        checked,
        str![[r#"
hr (Source)
  connection    works
  accounts      can be read

desk (Target)
  connection    works
  accounts      can be read
  groups        no: team: not allowed: HOST refuses (HTTP 403); a right is missing (it
                needs people.write, teams.read)
  members       no: not allowed: HOST refuses (HTTP 403); a right is missing (it needs
                people.write, teams.read)
  next          read the reason above; where a right is missing, grant it. It needs: people.write;
                teams.read.
  not tried     make accounts, change them, deactivate them: only a change shows whether it may

1 of 2 can be read

"#]]
    );
    let well = told(&workspace(200), &["connector", "check", "desk"], 0);
    assert!(well.contains("1 of 1 can be read"), "{well}");
    let odd = workspace(200).run(["connector", "check", "dsk"]).output().expect("it runs");
    assert_eq!(odd.status.code(), Some(2));
}

#[test]
fn what_a_system_answers_becomes_a_test_without_a_word_of_it() {
    let folder = workspace(200);
    let recorded = told(&folder, &["connector", "test", "--record", "desk"], 0);
    assert!(!recorded.contains(": bo\n") && !recorded.contains("Bo") && !recorded.contains("p2"), "{recorded}");
    snapbox::assert_data_eq!(
        &recorded,
        str![[r#"
# Recorded, with made-up words for everything that was said. Look at it before you share it.
apiVersion: headcount.dev/v1alpha1
kind: ConnectorTest
metadata:
  name: desk
spec:
  auth: token
  cases:
  - name: accounts
    read: accounts
    exchanges:
    - get: /people
      answer:
        body:
          people:
          - id: text1
            login: text2
            first: text3
            blocked: false
    expect:
      evidence: complete
      rows:
      - active: true
        id: text1
        name.givenName: text3
        userName: text2
  - name: groups
    read: groups
    exchanges:
    - get: /teams
      answer:
        body: []
    expect:
      evidence: complete
      rows: []

"#]]
    );
    folder.write("desk.test.yaml", &recorded);
    assert_eq!(told(&folder, &["connector", "test", "desk.yaml"], 0), "2 cases: 2 passed\n");
    folder.run(["connector", "test", "--record", "hr"]).assert().code(1);
}

#[test]
fn exchanges_are_played_and_what_differs_is_told() {
    let folder = workspace(200);
    folder.write("desk.test.yaml", "apiVersion: headcount.dev/v1alpha1\nkind: ConnectorTest\nmetadata: {name: desk}\nspec:\n  cases:\n  - name: all\n    read: accounts\n    exchanges: [{get: /people, answer: {body: {people: [{id: p1}]}}}]\n    expect: {evidence: complete, rows: [{id: p1}]}\n");
    assert_eq!(told(&folder, &["connector", "test", "desk.yaml"], 0), "1 case: 1 passed\n");
    folder.write(
        "desk.test.yaml",
        &std::fs::read_to_string(folder.file("desk.test.yaml")).expect("a file").replace("[{id: p1}]}\n", "[{id: p2}]}\n"),
    );
    let failed = told(&folder, &["connector", "test", "desk.yaml", "-o", "text", "-o", "junit=cases.xml"], 1);
    snapbox::assert_data_eq!(
        failed,
        str![[r#"
failed desk: all (desk.test.yaml:6:11)
  rows[0].id: expected "p2", got "p1"

1 case: 0 passed, 1 failed

"#]]
    );
    let xml = std::fs::read_to_string(folder.file("cases.xml")).expect("a file");
    assert!(xml.contains("failures=\"1\"") && xml.contains("rows[0].id"), "{xml}");
    headcount(["connector", "test", "--all"]).assert().code(0);
    headcount(["connector", "test", "no-such"]).assert().code(2);
    headcount(["connector", "init", "okta"]).assert().code(0);
    headcount(["connector", "init", "personio", "--as", "target"]).assert().code(2);
}
