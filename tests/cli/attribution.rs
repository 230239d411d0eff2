//! `headcount drift` names who changed an account or a group last, and when, where its system tells.

use serde_json::{Value as Json, json};

use super::Folder;
use super::world::{applied, database};
use crate::support::ldap::{Setup, Slapd};
use crate::support::skipped;

/// Of each thing that was changed: who it was, what happened, and what the system says of it.
fn told(folder: &Folder) -> Vec<(String, String, Option<Json>)> {
    let output = folder.run(["drift", "-q", "-o", "json"]).output().expect("it runs");
    let drift: Json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let drifts = drift["drifts"].as_array().cloned().unwrap_or_default();
    drifts.iter().map(|one| (text(&one["drift"]["name"]), text(&one["drift"]["what"]), one["drift"].get("lastChange").cloned())).collect()
}

#[test]
fn a_directory_names_who_changed_an_entry() {
    let Some(server) = Slapd::start(Setup::default()) else { return skipped("attribution by ldap", "slapd and ldap-utils") };
    let folder = Folder::with(&[]);
    let documents = [
        json!({"apiVersion": "headcount.dev/v1alpha1", "kind": "Workspace", "metadata": {"name": "acme"}, "spec": {"id": "acme-test"}}),
        json!({"apiVersion": "headcount.dev/v1alpha1", "kind": "Source", "metadata": {"name": "hr"}, "spec": {
            "connection": {"file": {"path": "hr.csv"}}, "key": "record.id", "mapping": {"rules": [
                {"attribute": "userName", "value": "record.user"}, {"attribute": "displayName", "value": "record.name"},
                {"attribute": "name.familyName", "value": "record.name"}]}}}),
        json!({"apiVersion": "headcount.dev/v1alpha1", "kind": "Target", "metadata": {"name": "directory"}, "spec": {
            "connection": server.connection(&json!({})), "groups": {}}}),
        json!({"apiVersion": "headcount.dev/v1alpha1", "kind": "Group", "metadata": {"name": "all"}, "spec": {"displayName": "all", "rule": "true"}}),
    ];
    folder.write("acme.yaml", &documents.map(|document| document.to_string()).join("\n---\n"));
    folder.write("hr.csv", "id,user,name\n1,ada,Okafor\n2,mina,Park\n");
    folder.run(["apply", "-q", "--auto-approve"]).assert().success();
    assert_eq!(told(&folder), []);
    server.changes("dn: uid=ada,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: sn\nsn: Adler\n");
    server.changes("dn: uid=eve,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Eve\nsn: Eve\n");
    let drifts = told(&folder);
    let by: Vec<_> =
        drifts.iter().map(|(name, what, change)| (name.as_str(), what.as_str(), change.as_ref().map(|it| &it["by"]))).collect();
    let admin = json!("cn=admin,dc=example,dc=org");
    assert_eq!(by, [("ada", "value", Some(&admin)), ("eve", "new-account", Some(&admin))]);
    assert!(drifts.iter().all(|(.., change)| change.as_ref().is_some_and(|change| change["at"].is_string())), "{drifts:?}");
    let shown = folder.run(["drift", "-q"]).output().expect("it runs");
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("last changed there by cn=admin,dc=example,dc=org at 20"), "{shown}");
}

#[test]
fn a_table_that_keeps_it_names_who_changed_a_row_and_one_that_did_not_note_it_names_nobody() {
    let folder = applied();
    let columns = "columns: {userName: login,";
    let stamped = format!("{columns} meta.lastModified: updated_at, meta.lastModifiedBy: updated_by,");
    folder.write("acme.yaml", &std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there").replace(columns, &stamped));
    let by_hand = "
        ALTER TABLE users ADD COLUMN updated_at TEXT;
        ALTER TABLE users ADD COLUMN updated_by TEXT;
        UPDATE users SET updated_at = '2020-01-01 08:00:00', updated_by = 'import';
        UPDATE users SET name = 'Ada O.', updated_at = datetime('now', '+1 day'), updated_by = 'eve' WHERE login = 'ada';
        UPDATE users SET name = 'Mina P.' WHERE login = 'mina';";
    database(&folder).execute_batch(by_hand).expect("it can be done");
    let drifts = told(&folder);
    let by: Vec<_> =
        drifts.iter().map(|(name, what, change)| (name.as_str(), what.as_str(), change.as_ref().map(|it| &it["by"]))).collect();
    assert_eq!(by, [("ada", "value", Some(&json!("eve"))), ("mina", "value", None)]);
    folder.run(["apply", "-q", "--auto-approve"]).assert().success();
    let left: Vec<String> = database(&folder)
        .prepare("SELECT updated_by FROM users ORDER BY login")
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
        .expect("they are there");
    assert_eq!(left, ["eve", "import", "import", "import"], "headcount writes no stamps");
}
