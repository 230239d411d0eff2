//! `headcount import`: what exists becomes manifests that a person could have written, a plan has nothing to change then, and a second import nothing to add.

use snapbox::str;

use super::Folder;
use super::world::database;
use crate::support::scim2::Scim2Server;

const MANIFESTS: &str = r#"
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme-test}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection:
    file: {path: hr.csv}
  key: record.id
  mapping:
    rules:
    - {attribute: userName, value: record.user}
    - {attribute: department, value: record.department}
    - {attribute: custom.site, value: record.site}
    - {attribute: custom.grade, value: int(record.grade)}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}   # the application
spec:
  connection:
    sql:
      database: {sqlite: {path: app.db}}
      accounts:
        table: users
        key: id
        columns: {userName: login, displayName: name, externalId: external_id, department: department}
        active: {flag: is_active}
      groups: {table: teams, key: id, columns: {displayName: name}}
      memberships: {table: team_users, group: team_id, account: user_id}
      entitlements: {table: perks, account: user_id, entitlement: perk}
  protect: {accounts: [admin]}
"#;

const HR: &str = "\
id,user,department,site,grade
1,ada,Engineering,Lisbon,9
2,bo,Engineering,Porto,4
3,cy,Engineering,Lisbon,5
4,di,Support,Lisbon,5
5,ed,Support,Lisbon,8
6,fay,Support,Porto,3
7,gil,Support,Lisbon,2
8,hal,Sales,Porto,7
9,ian,Sales,Lisbon,4
10,joy,Board,Lisbon,6
11,kim,Board,Porto,5
";

const TABLES: &str = "
CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT, external_id TEXT, department TEXT, is_active INTEGER NOT NULL DEFAULT 1);
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE team_users (team_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (team_id, user_id));
CREATE TABLE perks (user_id INTEGER NOT NULL, perk TEXT NOT NULL, PRIMARY KEY (user_id, perk));
";

/// Accounts as headcount made them, and around them what people made by hand over the years.
const BY_HAND: &str = "
INSERT INTO users (login, name) VALUES ('admin', 'Admin'), ('eve.temp', 'Eve Temp');
INSERT INTO users (login, name, is_active) VALUES ('trial', 'Trial', 0);
INSERT INTO teams (name) VALUES ('Team Engineering'), ('Team Support'), ('Team Sales'), ('Leads'), ('Support Lisbon'), ('Product'), ('On Call'), ('Administrators'), ('Empty');
INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE 'Team ' || users.department = teams.name;
INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE teams.name = 'Leads' AND login IN ('ada', 'ed', 'hal');
INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE teams.name = 'Support Lisbon' AND login IN ('di', 'ed', 'gil');
INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE teams.name = 'Product' AND department IN ('Engineering', 'Sales');
INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE teams.name = 'On Call' AND login IN ('bo', 'fay', 'eve.temp');
INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE teams.name = 'Administrators' AND login IN ('ada', 'bo', 'cy');
INSERT INTO perks SELECT id, 'Design Suite' FROM users WHERE department = 'Sales';
INSERT INTO perks SELECT id, 'travel-card' FROM users WHERE login IN ('ada', 'kim');
";

fn world() -> Folder {
    let folder = Folder::with(&[("acme.yaml", MANIFESTS), ("hr.csv", HR)]);
    database(&folder).execute_batch(TABLES).expect("tables can be made");
    folder.run(["apply", "--auto-approve"]).assert().success();
    database(&folder).execute_batch(BY_HAND).expect("it can be done");
    folder
}

fn text(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.file(name)).expect("it is there")
}

/// How many changes a plan has.
fn changes(folder: &Folder) -> Vec<String> {
    let output = folder.run(["plan", "-o", "json", "-q"]).output().expect("it runs");
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = plan["changes"].as_array().expect("changes").iter();
    all.map(|change| format!("{} {}", change["action"].as_str().unwrap_or(""), change["object"]["name"].as_str().unwrap_or(""))).collect()
}

#[test]
fn what_exists_becomes_manifests_and_the_plan_right_after_is_empty() {
    let folder = world();
    folder.run(["import", "app", "-q"]).assert().success().stdout_eq(str![[r#"
app: 14 accounts, 9 groups, 26 memberships, 4 entitlements, read to the end
  11 accounts are people's whom a Source or a User knows: nothing to write
  3 groups are one for each department: Team Engineering, Team Support, Team Sales
  3 groups are what a rule says: Leads (custom.grade >= 7), Support Lisbon (department == "Support" && custom.site == "Lisbon"), Product (department in ["Engineering", "Sales"])
  2 groups have people by name, since nothing explains them: On Call, Administrators
  1 group has no members: Empty
  1 account has sign-in and is nobody's: eve.temp
  1 entitlement is what a rule says: Design Suite (department == "Sales")
  1 entitlement has people by name, since nothing explains them: travel-card
  left alone: 1 account that is protected or another program's: admin
  left alone: 1 account that is nobody's and without sign-in: trial

wrote acme.yaml (`groups: {}`), entitlements.yaml (2 documents), groups.yaml (7 documents), users.yaml (1 document)
plan right after: nothing changes for anybody; the next apply notes that 9 groups and 1 account are headcount's

Next: read entitlements.yaml, groups.yaml, users.yaml; `# guess` marks what was worked out from data

"#]]);
    snapbox::assert_data_eq!(
        text(&folder, "groups.yaml"),
        str![[r#"
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: department}
spec:
  forEach: identity.department   # guess: exactly today's members of 3 groups
  displayName: 'Team {value}'
  except: [Board]   # no group has this name
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: leads}
spec:
  displayName: Leads
  rule: identity.custom.grade >= 7   # guess: covers exactly today's 3 members
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: support-lisbon}
spec:
  displayName: Support Lisbon
  rule: identity.department == "Support" && identity.custom.site == "Lisbon"   # guess: covers exactly today's 3 members
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: product}
spec:
  displayName: Product
  rule: identity.department in ["Engineering", "Sales"]   # guess: covers exactly today's 5 members
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: on-call}
spec:
  displayName: On Call
  members:
  - {user: eve.temp}
  - {identity: {source: hr, key: "2"}}   # bo
  - {identity: {source: hr, key: "6"}}   # fay
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: administrators}   # its name sounds privileged: who approved these?
spec:
  displayName: Administrators
  privileged: true
  members:
  - {identity: {source: hr, key: "1"}}   # ada
  - {identity: {source: hr, key: "2"}}   # bo
  - {identity: {source: hr, key: "3"}}   # cy
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: empty}
spec:
  displayName: Empty
  members: []
  allowEmpty: true   # it has no members

"#]]
    );
    snapbox::assert_data_eq!(
        text(&folder, "users.yaml"),
        str![[r#"
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {name: eve.temp}   # who owns it? An account at app that nobody claims
spec:
  attributes:
    userName: eve.temp

"#]]
    );
    snapbox::assert_data_eq!(
        text(&folder, "entitlements.yaml"),
        str![[r#"
apiVersion: headcount.dev/v1alpha1
kind: Entitlement
metadata: {name: design-suite}
spec:
  target: app
  entitlement: Design Suite
  when: identity.department == "Sales"   # guess: covers exactly today's 2
---
apiVersion: headcount.dev/v1alpha1
kind: Entitlement
metadata: {name: travel-card}
spec:
  target: app
  members:
  - {identity: {source: hr, key: "1"}}    # ada
  - {identity: {source: hr, key: "11"}}   # kim

"#]]
    );
    let manifest = text(&folder, "acme.yaml");
    assert_eq!(manifest.replace("  groups: {}\n", ""), MANIFESTS);
    folder.run(["fmt", "--check"]).assert().success();
    assert!(changes(&folder).iter().all(|change| change.starts_with("adopt ")), "{:?}", changes(&folder));
    folder.run(["apply", "--auto-approve"]).assert().success();
    assert_eq!(changes(&folder), [""; 0]);

    // Again: nothing is new, and nothing is touched.
    let before = [text(&folder, "groups.yaml"), text(&folder, "users.yaml"), text(&folder, "acme.yaml")];
    let run = folder.run(["import", "app", "-q"]).assert().success();
    let told = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(told.contains("11 already there") && told.contains("nothing to write"), "{told}");
    assert_eq!([text(&folder, "groups.yaml"), text(&folder, "users.yaml"), text(&folder, "acme.yaml")], before);

    // One line is one change.
    let without = text(&folder, "groups.yaml").lines().filter(|line| !line.contains("# fay")).collect::<Vec<_>>().join("\n");
    folder.write("groups.yaml", &without);
    assert_eq!(changes(&folder), ["removeMembers On Call"]);

    // What comes new is added behind what is there.
    database(&folder)
        .execute_batch(
            "INSERT INTO teams (name) VALUES ('Choir'); INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE teams.name = 'Choir' AND login = 'bo'",
        )
        .expect("made");
    folder.run(["import", "app", "-q"]).assert().success();
    let now = text(&folder, "groups.yaml");
    assert!(
        now.starts_with(&without) && now.contains("displayName: Choir\n  members:\n  - {identity: {source: hr, key: \"2\"}}   # bo\n"),
        "{now}"
    );
}

#[test]
fn only_what_is_named_and_without_guesses() {
    let folder = world();
    let run = folder.run(["import", "app", "-q", "--guess", "none", "--groups", "Team S*", "--dry-run"]).assert().success();
    let told = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(told.contains("displayName: Team Sales") && told.contains("# hal") && !told.contains("guess"), "{told}");
    assert!(!told.contains("Engineering") && !told.contains("kind: User"), "{told}");
    assert_eq!(text(&folder, "acme.yaml"), MANIFESTS);
    folder.run(["import", "app", "eve.temp", "-q", "--out", "people"]).assert().success();
    assert!(text(&folder, "people/users.yaml").contains("userName: eve.temp"));
    assert!(!folder.file("groups.yaml").exists());
}

#[test]
fn what_can_not_be_imported_is_said() {
    let folder = world();
    folder.run(["import", "shop"]).assert().code(2);
    let run = folder.run(["import", "hr"]).assert().code(2);
    assert!(String::from_utf8_lossy(&run.get_output().stderr).contains("hr is a Source"));
    std::fs::remove_file(folder.file("app.db")).expect("it is there");
    let run = folder.run(["import", "app"]).assert().code(5);
    assert!(String::from_utf8_lossy(&run.get_output().stderr).contains("nothing was written"));
    assert!(!folder.file("groups.yaml").exists());
    assert_eq!(text(&folder, "acme.yaml"), MANIFESTS);
}

/// A SCIM service whose groups were made by hand.
#[test]
fn groups_of_a_scim_service_are_imported() {
    let Some(server) = Scim2Server::start() else { return };
    let target = format!("  connection:\n    scim: {{url: \"{}\", auth: {{bearer: {{env: SCIM_TOKEN}}}}}}\n", server.url());
    let (head, rest) = MANIFESTS.split_once("  connection:\n    sql:").expect("a target");
    let manifests = format!("{head}{target}{}", rest.split_once("  protect:").map(|_| "").unwrap_or_default());
    let folder = Folder::with(&[("acme.yaml", &manifests), ("hr.csv", HR)]);
    let run = |arguments: &[&str]| folder.run(arguments.iter().copied()).env("SCIM_TOKEN", server.token());
    run(&["apply", "--auto-approve"]).assert().success();
    by_hand(&server, &[("Sales", &["hal", "ian"]), ("Choir", &["ada", "kim"]), ("Engineering", &["ada", "bo", "cy"])]);

    run(&["import", "app", "-q"]).assert().success();
    let groups = text(&folder, "groups.yaml");
    assert!(groups.contains("rule: identity.department == \"Sales\"") && groups.contains("# kim"), "{groups}");
    run(&["apply", "--auto-approve"]).assert().success();
    run(&["plan", "--detailed-exitcode"]).assert().code(0);
    folder.write("groups.yaml", &groups.lines().filter(|line| !line.contains("# kim")).collect::<Vec<_>>().join("\n"));
    let output = run(&["plan", "-o", "json", "-q"]).output().expect("it runs");
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(plan["changes"].as_array().map(Vec::len), Some(1), "{plan:#}");
}

fn by_hand(server: &Scim2Server, groups: &[(&str, &[&str])]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let users = client.get(format!("{}/Users?count=100", server.url())).bearer_auth(server.token()).send().await.expect("it answers");
        let users: serde_json::Value = users.json().await.expect("JSON");
        let id = |name: &&str| {
            users["Resources"].as_array().into_iter().flatten().find(|user| user["userName"] == **name).expect("a user")["id"].clone()
        };
        for (name, members) in groups {
            let members: Vec<_> = members.iter().map(|member| serde_json::json!({"value": id(member)})).collect();
            let body =
                serde_json::json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members});
            let made =
                client.post(format!("{}/Groups", server.url())).bearer_auth(server.token()).json(&body).send().await.expect("it answers");
            assert!(made.status().is_success(), "{}", made.status());
        }
    });
}
