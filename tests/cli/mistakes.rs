//! Thirty mistakes that people make, each with what it is, how the command ends and every word that is told: for somebody tired, at 3 a.m.
//!
//! Read a change of these words aloud: the cause first, then the thing, the place and the next step.

use super::Folder;
use crate::support::answers;

const WORKSPACE: &str = "apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
";
const SOURCE: &str = "apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection:
    file: {path: people.csv}
  key: record.id
  mapping:
    rules:
    - {attribute: userName, value: lower(record.login)}
    - {attribute: department, value: record.department}
";
const TARGET: &str = "apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}
spec:
  connection:
    sql:
      database: {sqlite: {path: app.db}}
      accounts:
        table: users
        key: id
        columns: {userName: login, externalId: ref}
        active: {flag: active}
  mapping:
    rules:
    - {attribute: userName, value: identity.userName}
";
const PEOPLE: &str = "id,login,department\n1,ann,Engineering\n2,bob,Sales\n";

/// A workspace in which nothing is wrong.
fn acme() -> Folder {
    let folder = Folder::with(&[("headcount.yaml", WORKSPACE), ("hr.yaml", SOURCE), ("app.yaml", TARGET), ("people.csv", PEOPLE)]);
    database(&folder, "app.db");
    folder
}

fn database(folder: &Folder, name: &str) {
    let database = rusqlite::Connection::open(folder.file(name)).expect("a database");
    let table = "CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, ref TEXT, active INTEGER NOT NULL DEFAULT 1)";
    database.execute_batch(table).expect("a table");
}

/// What is told after a change to one file, and how it ends. Ports and paths of the machine stand as words.
fn told(folder: &Folder, arguments: &[&str]) -> String {
    let output = folder.run(arguments.iter().copied()).env_remove("CHAT_TOKEN").env_remove("HTTPS_PROXY").output().expect("it runs");
    let words = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let mut words = words.replace(&folder.path().display().to_string(), "[FOLDER]");
    for (pattern, word) in
        [(r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"), (r"\b20\d\d-\d\d-\d\d\b", "[DAY]"), (r"\b[0-9a-f]{12,64}\b", "[HASH]")]
    {
        words = regex::Regex::new(pattern).expect("a pattern").replace_all(&words, word).into_owned();
    }
    let lines: Vec<&str> = words.lines().map(str::trim_end).filter(|line| !line.is_empty() && line.trim() != "|").collect();
    format!("exit code {}\n{}", output.status.code().unwrap_or(-1), lines.join("\n"))
}

/// With one text of a file in another's place.
fn changed(file: &str, from: &str, to: &str) -> Folder {
    let folder = acme();
    let before = std::fs::read_to_string(folder.file(file)).expect("a file of the workspace");
    assert!(before.contains(from), "{file} has no {from}");
    folder.write(file, &before.replacen(from, to, 1));
    folder
}

fn validate(file: &str, from: &str, to: &str) -> String {
    told(&changed(file, from, to), &["validate"])
}

fn plan(file: &str, from: &str, to: &str) -> String {
    told(&changed(file, from, to), &["plan"])
}

/// A SCIM target at this url in the place of the database.
fn scim(url: &str) -> Folder {
    let folder = acme();
    let head = TARGET.split("  connection:").next().unwrap_or_default();
    let rest = format!("  connection:\n    scim:\n      url: {url}\n      auth: {{bearer: {{file: token}}}}\n");
    folder.write("app.yaml", &(head.to_owned() + &rest));
    folder.write("token", "t0ken");
    folder
}

#[test]
fn nothing_is_wrong_before() {
    assert_eq!(told(&acme(), &["validate"]), "exit code 0\nvalid: 1 Workspace, 1 Source, 1 Target");
}

fn group(name: &str, display: &str, rest: &str) -> String {
    format!("apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {{name: {name}}}\nspec:\n  displayName: {display}\n{rest}")
}

#[test]
fn a_field_that_is_misspelt() {
    let words = validate("hr.yaml", "  key:", "  kye:");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_line_indented_wrongly() {
    let words = validate("app.yaml", "      accounts:", "     accounts:");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_tab() {
    let words = validate("hr.yaml", "    file:", "\tfile:");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn an_expression_without_quotes_in_braces() {
    let words = validate("hr.yaml", "value: record.department", "value: record.department == null ? null : record.department");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_quote_that_is_not_closed() {
    let words = validate("hr.yaml", "key: record.id", "key: 'record.id");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_key_twice() {
    let words = validate("hr.yaml", "  key: record.id", "  key: record.id\n  key: record.login");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn no_space_after_the_colon() {
    let words = validate("hr.yaml", "{path: people.csv}", "{path:people.csv}");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_kind_that_is_misspelt() {
    let words = validate("hr.yaml", "kind: Source", "kind: Sorce");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_version_that_is_not_ours() {
    let words = validate("hr.yaml", "headcount.dev/v1alpha1", "headcount.dev/v1");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_function_that_is_not_there() {
    let words = validate("hr.yaml", "lower(record.login)", "lowercase(record.login)");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_reference_to_a_group_that_is_not_there() {
    let words = {
        let folder = acme();
        folder.write("groups.yaml", &group("dev", "Developers", "  members: [{group: ops}]\n"));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn two_groups_with_one_name() {
    let words = {
        let folder = acme();
        folder.write(
            "groups.yaml",
            &(group("dev", "Developers", "  rule: 'true'\n") + "---\n" + &group("eng", "developers", "  rule: 'true'\n")),
        );
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_duration_in_words() {
    let words = validate("app.yaml", "  mapping:", "  leaver: {action: delete, deleteAfter: 7 days}\n  mapping:");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn two_hundred_percent() {
    let words = validate("app.yaml", "  mapping:", "  guardrails: {deactivate: {percent: 200}}\n  mapping:");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn percent_as_a_text() {
    let words = validate("app.yaml", "  mapping:", "  guardrails: {deactivate: {percent: 20%}}\n  mapping:");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_url_without_its_scheme() {
    let words = told(&scim("chat.example/scim/v2"), &["validate"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_source_file_that_is_not_there() {
    let words = validate("hr.yaml", "people.csv", "poeple.csv");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_csv_with_semicolons_where_commas_are_said() {
    let words = {
        let folder = changed("hr.yaml", "{path: people.csv}", "{path: people.csv, delimiter: ','}");
        folder.write("people.csv", &PEOPLE.replace(',', ";"));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_column_that_is_not_there() {
    let words = validate("hr.yaml", "record.department", "record.departement");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn another_encoding() {
    let words = {
        let folder = acme();
        std::fs::write(folder.file("people.csv"), b"id,login,department\n1,ann,B\xfcro\n").expect("written");
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_workbook_that_is_none() {
    let words = {
        let folder = changed("hr.yaml", "people.csv", "people.xlsx");
        folder.write("people.xlsx", PEOPLE);
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_row_with_too_few_cells() {
    let words = {
        let folder = acme();
        folder.write("people.csv", &(PEOPLE.to_owned() + "3,cid\n"));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn one_key_for_two_people() {
    let words = {
        let folder = acme();
        folder.write("people.csv", &(PEOPLE.to_owned() + "2,bea,Sales\n"));
        told(&folder, &["plan"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_table_that_is_not_there() {
    let words = validate("app.yaml", "table: users", "table: user");
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_target_that_is_no_database() {
    let words = {
        let folder = acme();
        folder.write("app.db", &"no database ".repeat(200));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn nobody_listens() {
    let words = told(&scim(&format!("http://127.0.0.1:{}/scim", crate::support::free_port())), &["plan"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn https_where_http_is_spoken() {
    let words = told(&scim(&answers::serve(|_| (200, String::new(), "{}".into())).replace("http://", "https://")), &["plan"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_host_that_is_not_there() {
    let words = told(&scim("https://chat.invalid/scim"), &["plan"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_token_that_is_not_accepted() {
    let words = told(&scim(&answers::serve(|_| (401, String::new(), "{}".into()))), &["plan"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_path_that_is_not_there() {
    let words = told(&scim(&answers::serve(|_| (404, String::new(), "{}".into()))), &["plan"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_variable_that_is_not_set() {
    let words = {
        let folder = scim("https://chat.invalid/scim");
        let text = std::fs::read_to_string(folder.file("app.yaml")).expect("it is there");
        folder.write("app.yaml", &text.replace("{file: token}", "{env: CHAT_TOKEN}"));
        told(&folder, &["plan"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_secret_of_kubernetes() {
    let words = {
        let folder = scim("https://chat.invalid/scim");
        let text = std::fs::read_to_string(folder.file("app.yaml")).expect("it is there");
        folder.write("app.yaml", &text.replace("{file: token}", "{secretKeyRef: {name: chat, key: token}}"));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_command_that_is_not_there() {
    let words = told(&acme(), &["aply"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_flag_that_is_not_there() {
    let words = told(&acme(), &["plan", "--targets", "app"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn apply_without_approval() {
    let words = told(&acme(), &["apply"]);
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_plan_of_another_workspace() {
    let words = {
        let folder = acme();
        told(&folder, &["plan", "--out", "plan.json"]);
        folder.write("headcount.yaml", &WORKSPACE.replace("id: acme", "id: emca"));
        told(&folder, &["apply", "plan.json"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_plan_that_is_stale() {
    let words = {
        let folder = acme();
        told(&folder, &["plan", "--out", "plan.json"]);
        folder.write("people.csv", &(PEOPLE.to_owned() + "3,cid,Sales\n"));
        told(&folder, &["apply", "plan.json", "--exact"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_plan_of_a_run_that_failed() {
    let words = {
        let folder = acme();
        told(&folder, &["plan", "--out", "plan.json"]);
        folder.write("hr.yaml", &SOURCE.replace("key:", "kye:"));
        told(&folder, &["plan", "--out", "plan.json"]);
        told(&folder, &["apply", "plan.json"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_revocation_of_nobody() {
    let words = {
        let folder = acme();
        told(&folder, &["apply", "--auto-approve"]);
        told(&folder, &["revoke", "hr/17", "--reason", "left", "--auto-approve"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_state_that_can_not_be_made() {
    let words = {
        let folder = acme();
        folder.write(".headcount", "a file where a folder should be");
        told(&folder, &["apply", "--auto-approve"])
    };
    insta::assert_snapshot!(words, @"");
}

#[test]
fn a_target_that_is_misspelt() {
    let words = told(&acme(), &["plan", "--target", "ap"]);
    insta::assert_snapshot!(words, @"");
}
