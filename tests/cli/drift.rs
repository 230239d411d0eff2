//! `headcount drift`: what others did is told from what sources want, and both ways out lead back to an empty plan.

use snapbox::str;

use super::Folder;
use super::world::{HR, acme, applied, database};

/// Applied, and then somebody was at the application's database.
fn world() -> Folder {
    let folder = applied();
    let by_hand = "
        UPDATE users SET name = 'Ada O.' WHERE login = 'ada';
        DELETE FROM team_users WHERE user_id = (SELECT id FROM users WHERE login = 'mina');
        INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE login = 'luis';
        UPDATE users SET is_active = 0 WHERE login = 'noor';
        INSERT INTO users (login, name) VALUES ('eve.temp', 'Eve');
        INSERT INTO teams (name) VALUES ('Administrators');
        INSERT INTO team_users SELECT teams.id, users.id FROM teams, users WHERE teams.name = 'Administrators' AND login = 'luis';";
    database(&folder).execute_batch(by_hand).expect("it can be done");
    folder
}

fn planned(folder: &Folder) -> usize {
    let output = folder.run(["plan", "-o", "json", "-q"]).output().expect("it runs");
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    plan["changes"].as_array().map_or(usize::MAX, Vec::len)
}

#[test]
fn what_others_did_is_told_and_what_hr_wants_is_not() {
    let folder = applied();
    folder.run(["drift", "-q"]).assert().success().stdout_eq(str![[r#"
Nothing was changed outside: app since [DAY] [..] UTC

"#]]);
    folder.write("hr.csv", &HR.replace("Noor Haddad,Support", "Noor Haddad,Engineering"));
    assert_eq!(folder.run(["drift", "-q"]).output().expect("it runs").status.code(), Some(0), "a mover is no drift");
    let folder = world();
    folder.run(["drift", "-q"]).assert().code(1).stdout_eq(str![[r#"
6 things were changed outside: app since [DAY] [..] UTC

Please check
  - noor lost sign-in (app)
  + luis is in Administrators, which no manifest declares (app)
  + eve.temp is a new account that belongs to nobody (app)

app
    1  + luis      joined Engineering                                can be adopted; can be taken back
    2  ~ ada       displayName Ada Okafor → Ada O.                   can be adopted; can be taken back
    3  - mina      left Engineering                                  can be adopted; can be taken back
    4  - noor      lost sign-in                                      no adopt: it is to be looked at first: --include-risks; taken back only by `active: true` in a User
    5  + luis      is in Administrators, which no manifest declares  no adopt: no manifest declares the group: `headcount import` it; not ours to take back
    6  + eve.temp  is a new account that belongs to nobody           no adopt: it is nobody's: `headcount import` it; not ours to take back

Adopt (the manifests follow):  headcount drift --adopt adopt.patch    then  git apply adopt.patch
Revert (the target follows):   headcount drift --revert revert.json   then  headcount apply revert.json
Only some:                     --only 1,5   or   --only target=NAME,what=value,person=NAME

"#]]);
    let run = folder.run(["drift", "-q", "-o", "json"]).assert().code(1);
    let told: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!(told["drifts"].as_array().map(Vec::len), Some(6), "{told:#}");
    let run = folder.run(["drift", "-q", "-o", "markdown"]).assert().code(1);
    let page = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(
        page.starts_with("<!-- headcount:drift workspace=") && page.contains("[!WARNING]") && page.contains("```diff\n--- a/acme.yaml"),
        "{page}"
    );
}

#[test]
fn without_a_run_there_is_nothing_to_compare_with() {
    let run = acme().run(["drift"]).assert().code(5);
    assert!(String::from_utf8_lossy(&run.get_output().stderr).contains("nothing to compare with"));
}

#[test]
fn taken_back_nothing_is_left() {
    let folder = world();
    folder.run(["drift", "-q", "--revert", "revert.json", "--only", "what=value"]).assert().code(1);
    folder.run(["apply", "revert.json", "--auto-approve"]).output().expect("it runs");
    let name: String = database(&folder).query_row("SELECT name FROM users WHERE login = 'ada'", [], |row| row.get(0)).expect("a row");
    assert_eq!(name, "Ada Okafor");
    assert_eq!(planned(&folder), 2, "the memberships stay as they are");
    folder.run(["drift", "-q", "--revert", "revert.json"]).assert().code(1);
    folder.run(["apply", "revert.json", "--auto-approve"]).output().expect("it runs");
    assert_eq!(planned(&folder), 0);
}

#[test]
fn adopted_the_manifests_want_what_is_there() {
    let folder = world();
    folder.run(["drift", "-q", "--adopt", "adopt.patch", "--include-risks"]).assert().code(1);
    let patch = std::fs::read_to_string(folder.file("adopt.patch")).expect("it is there");
    let patch = regex::Regex::new(r"2\d{3}-\d\d-\d\d").expect("a pattern").replace_all(&patch, "DAY").into_owned();
    snapbox::assert_data_eq!(
        patch,
        str![[r#"
--- a/acme.yaml
+++ b/acme.yaml
@@ -43,3 +43,7 @@
 spec:
   displayName: Engineering
   rule: identity.department == "Engineering"
+  members:
+  - {identity: {source: hr, key: "2"}}   # luis
+  exclude:
+  - {identity: {source: hr, key: "3"}}   # mina
--- /dev/null
+++ b/users.yaml
@@ -0,0 +1,13 @@
+apiVersion: headcount.dev/v1alpha1
+kind: User
+metadata: {name: ada}
+spec:
+  overrides: {source: hr, key: "1"}
+  attributes: {displayName: Ada O.}
+---
+apiVersion: headcount.dev/v1alpha1
+kind: User
+metadata: {name: noor}   # adopted from outside, DAY: who approved it? check: was it on purpose?
+spec:
+  overrides: {source: hr, key: "4"}
+  attributes: {active: false}

"#]]
    );
    let git = std::process::Command::new("git").args(["apply", "adopt.patch"]).current_dir(folder.path()).status().expect("git runs");
    assert!(git.success());
    folder.run(["fmt", "--check", "users.yaml"]).assert().success();
    assert_eq!(planned(&folder), 0);
    let again = folder.run(["drift", "-q", "--only", "what=value"]).output().expect("it runs");
    assert!(!String::from_utf8_lossy(&again.stdout).contains("Ada O."));
}

/// Perks beside the accounts: one by a rule, two by name, of which one opens more doors.
fn perks() -> Folder {
    const PERKS: &str = "
---
apiVersion: headcount.dev/v1alpha1
kind: Entitlement
metadata: {name: badge}
spec: {target: app, when: 'identity.department == \"Engineering\"'}
---
apiVersion: headcount.dev/v1alpha1
kind: Entitlement
metadata: {name: travel}
spec:
  target: app
  entitlement: travel-card
  members:
  - identity: {source: hr, key: '2'}
---
apiVersion: headcount.dev/v1alpha1
kind: Entitlement
metadata: {name: vault}
spec:
  target: app
  privileged: true
  members:
  - identity: {source: hr, key: '1'}
";
    let folder = acme();
    let tables = "memberships: {table: team_users, group: team_id, account: user_id}";
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there");
    let with = format!("{tables}\n      entitlements: {{table: perks, account: user_id, entitlement: perk}}");
    folder.write("acme.yaml", &(manifests.replace(tables, &with) + PERKS));
    database(&folder).execute_batch("CREATE TABLE perks (user_id INTEGER NOT NULL, perk TEXT NOT NULL)").expect("a table");
    folder.run(["apply", "--auto-approve"]).assert().success();
    let by_hand = "
        INSERT INTO perks SELECT id, 'travel-card' FROM users WHERE login = 'mina';
        DELETE FROM perks WHERE perk = 'travel-card' AND user_id = (SELECT id FROM users WHERE login = 'luis');
        INSERT INTO perks SELECT id, 'vault' FROM users WHERE login = 'noor';
        DELETE FROM perks WHERE perk = 'badge' AND user_id = (SELECT id FROM users WHERE login = 'ada');";
    database(&folder).execute_batch(by_hand).expect("it can be done");
    folder
}

#[test]
fn who_got_or_lost_an_entitlement_is_adopted_where_it_is_given_by_name() {
    let folder = perks();
    let run = folder.run(["drift", "-q", "--adopt", "adopt.patch"]).assert().code(1);
    let told = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(told.contains("its rule gives it; change `when` by hand"), "{told}");
    snapbox::assert_data_eq!(
        std::fs::read_to_string(folder.file("adopt.patch")).expect("it is there"),
        str![[r#"
--- a/acme.yaml
+++ b/acme.yaml
@@ -58,7 +58,7 @@
   target: app
   entitlement: travel-card
   members:
-  - identity: {source: hr, key: '2'}
+  - identity: {source: hr, key: "3"}   # mina
 ---
 apiVersion: headcount.dev/v1alpha1
 kind: Entitlement

"#]]
    );
    folder.run(["drift", "-q", "--adopt", "adopt.patch", "--include-risks"]).assert().code(1);
    let git = std::process::Command::new("git").args(["apply", "adopt.patch"]).current_dir(folder.path()).status().expect("git runs");
    assert!(git.success());
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there");
    assert!(manifests.contains("# noor; adopted from outside, ") && manifests.contains("who approved it?"), "{manifests}");
    assert_eq!(planned(&folder), 1, "what a rule gives is given back");
}

/// Manifests that lie elsewhere are named from where they lie, and so is the command.
#[test]
fn a_patch_of_manifests_that_lie_elsewhere_is_applied_there() {
    let folder = world();
    let elsewhere = tempfile::tempdir().expect("a folder");
    let whole = std::fs::canonicalize(folder.path()).expect("it is there");
    let mut run = folder.run(["drift", "-q", "--adopt", "adopt.patch", "--only", "what=value", "-f"]);
    run = run.arg(&whole).current_dir(elsewhere.path());
    let told = run.assert().code(1);
    let told = String::from_utf8_lossy(&told.get_output().stdout).into_owned();
    let command = told.split('`').find(|part| part.starts_with("git -C ")).expect("a command").to_owned();
    let status = std::process::Command::new("sh").args(["-c", &command]).current_dir(elsewhere.path()).status().expect("git runs");
    assert!(status.success(), "{told}");
    assert!(std::fs::read_to_string(folder.file("users.yaml")).expect("it is there").contains("Ada O."));
}

#[test]
fn what_is_asked_for_wrongly_is_said() {
    let folder = world();
    folder.run(["drift", "--only", "99"]).assert().code(2);
    folder.run(["drift", "--only", "who=ada"]).assert().code(2);
    folder.run(["drift", "--target", "shop"]).assert().code(2);
}

/// Whoever a Target is for only now was left nothing there: what they get is no drift, which a Target may merely be told of.
#[test]
fn whoever_a_target_is_for_from_now_on_gets_their_groups_too() {
    let folder = acme();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there");
    let select = "  drift: warn\n  select: identity.department == \"Engineering\"\n  groups: {}\n";
    folder.write("acme.yaml", &manifests.replace("  groups: {}\n", select));
    folder.run(["apply", "--auto-approve"]).assert().success();
    folder.write("hr.csv", &HR.replace("Noor Haddad,Support", "Noor Haddad,Engineering"));
    folder.run(["drift", "-q"]).assert().success();
    folder.run(["apply", "--auto-approve"]).assert().success();
    assert_eq!(planned(&folder), 0);
    let query = "SELECT count(*) FROM team_users JOIN users ON users.id = user_id WHERE login = 'noor'";
    assert_eq!(database(&folder).query_row(query, [], |row| row.get(0)), Ok(1), "in Engineering");
    // Nor is it drift what somebody gets back once a revocation is lifted.
    folder.run(["revoke", "hr/4", "--reason", "a lost laptop", "--auto-approve"]).output().expect("it runs");
    folder.run(["apply", "--auto-approve"]).output().expect("it runs");
    folder.run(["revoke", "--lift", "hr/4", "--reason", "found", "--auto-approve"]).output().expect("it runs");
    folder.run(["apply", "--auto-approve"]).output().expect("it runs");
    assert_eq!(planned(&folder), 0);
    assert_eq!(database(&folder).query_row(query, [], |row| row.get(0)), Ok(1), "in Engineering again");
}
