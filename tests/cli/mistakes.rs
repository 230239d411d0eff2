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
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: `spec` has no key `kye`
     --> hr.yaml:7:3
    7 |   kye: record.id
      |   ^^^
      = help: did you mean `key`?
    1 error
    "###);
}

#[test]
fn a_line_indented_wrongly() {
    let words = validate("app.yaml", "      accounts:", "     accounts:");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the line is indented by 5 spaces, and nothing above it is
     --> app.yaml:8:6
    8 |      accounts:
      |      ^
      = help: indent it as its neighbours are: the lines above that it can belong to have 0, 2, 4 or 6 spaces
    1 error
    "###);
}

#[test]
fn a_tab() {
    let words = validate("hr.yaml", "    file:", "\tfile:");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: a tab indents this line, and YAML counts spaces
     --> hr.yaml:6:1
    6 |     file: {path: people.csv}
      | ^^^^
      = help: replace it by spaces, as many as the lines beside it have; most editors do that for a whole file
    1 error
    "###);
}

#[test]
fn an_expression_without_quotes_in_braces() {
    let words = validate("hr.yaml", "value: record.department", "value: record.department == null ? null : record.department");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: inside {…} and […] an expression needs quotes: a comma, a colon or a bracket ends a value without
      --> hr.yaml:11:71
    11 |     - {attribute: department, value: record.department == null ? null : record.department}
       |                                                                       ^
       = help: quote the expression: {attribute: title, value: 'a ? b : c'}
    1 error
    "###);
}

#[test]
fn a_quote_that_is_not_closed() {
    let words = validate("hr.yaml", "key: record.id", "key: 'record.id");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the quote that opens here is not closed
     --> hr.yaml:7:8
    7 |   key: 'record.id
      |        ^
      = help: close it with the same sign; a `'` inside '…' is written twice
    1 error
    "###);
}

#[test]
fn a_key_twice() {
    let words = validate("hr.yaml", "  key: record.id", "  key: record.id\n  key: record.login");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the key `key` stands here twice
     --> hr.yaml:8:3
    8 |   key: record.login
      |   ^^^
     ::: hr.yaml:7:3
    7 |   key: record.id
      |   - the first one
      = help: take one of them out
    1 error
    "###);
}

#[test]
fn no_space_after_the_colon() {
    let words = validate("hr.yaml", "{path: people.csv}", "{path:people.csv}");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the space after the colon of `path` is missing
     --> hr.yaml:6:12
    6 |     file: {path:people.csv}
      |            ^^^^^^^^^^^^^^^
      = help: write `path: …`
    1 error
    "###);
}

#[test]
fn a_kind_that_is_misspelt() {
    let words = validate("hr.yaml", "kind: Source", "kind: Sorce");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the kind `Sorce` is not known
     --> hr.yaml:2:7
    2 | kind: Sorce
      |       ^^^^^
      = help: did you mean `Source`?
    1 error
    "###);
}

#[test]
fn a_version_that_is_not_ours() {
    let words = validate("hr.yaml", "headcount.dev/v1alpha1", "headcount.dev/v1");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: `apiVersion` must be `headcount.dev/v1alpha1`, and is another word
     --> hr.yaml:1:13
    1 | apiVersion: headcount.dev/v1
      |             ^^^^^^^^^^^^^^^^
    1 error
    "###);
}

#[test]
fn a_function_that_is_not_there() {
    let words = validate("hr.yaml", "lower(record.login)", "lowercase(record.login)");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: there is no function `lowercase`
      --> hr.yaml:10:36
    10 |     - {attribute: userName, value: lowercase(record.login)}
       |                                    ^^^^^^^^^
       = help: did you mean lower?
    1 error
    "###);
}

#[test]
fn a_reference_to_a_group_that_is_not_there() {
    let words = {
        let folder = acme();
        folder.write("groups.yaml", &group("dev", "Developers", "  members: [{group: ops}]\n"));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: there is no Group `ops`
     --> groups.yaml:6:21
    6 |   members: [{group: ops}]
      |                     ^^^
      = help: declare the Group, or correct the name
    1 error
    "###);
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
    insta::assert_snapshot!(words, @r###"
    exit code 0
    warning: the Groups `dev` and `eng` have one name at the targets
      --> groups.yaml:12:16
    12 |   displayName: developers
       |                ^^^^^^^^^^
      ::: groups.yaml:5:16
     5 |   displayName: Developers
       |                - the first one
       = help: give one of them another displayName, or make one Group of them
    1 warning
    valid: 1 Workspace, 1 Source, 1 Target, 2 Groups
    "###);
}

#[test]
fn a_duration_in_words() {
    let words = validate("app.yaml", "  mapping:", "  leaver: {action: delete, deleteAfter: 7 days}\n  mapping:");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: `spec.leaver.deleteAfter` is no duration
      --> app.yaml:13:41
    13 |   leaver: {action: delete, deleteAfter: 7 days}
       |                                         ^^^^^^
       = help: write a whole number and its unit: `30s`, `15m`, `36h`, `7d`, `2w`
    1 error
    "###);
}

#[test]
fn two_hundred_percent() {
    let words = validate("app.yaml", "  mapping:", "  guardrails: {deactivate: {percent: 200}}\n  mapping:");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: `spec.guardrails.deactivate.percent` is no share
      --> app.yaml:13:38
    13 |   guardrails: {deactivate: {percent: 200}}
       |                                      ^^^
       = help: write per cent of the population: 0 to 100
    1 error
    "###);
}

#[test]
fn percent_as_a_text() {
    let words = validate("app.yaml", "  mapping:", "  guardrails: {deactivate: {percent: 20%}}\n  mapping:");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: `spec.guardrails.deactivate.percent` must be a number, and is something else
      --> app.yaml:13:38
    13 |   guardrails: {deactivate: {percent: 20%}}
       |                                      ^^^
       = help: digits alone, such as 20 or 0.5, without a sign behind them
    1 error
    "###);
}

#[test]
fn a_url_without_its_scheme() {
    let words = told(&scim("chat.example/scim/v2"), &["validate"]);
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the url has no scheme
     --> app.yaml:7:12
    7 |       url: chat.example/scim/v2
      |            ^^^^^^^^^^^^^^^^^^^^
      = help: write the base of the SCIM service: https://chat.example/scim/v2
    1 error
    "###);
}

#[test]
fn a_source_file_that_is_not_there() {
    let words = validate("hr.yaml", "people.csv", "poeple.csv");
    insta::assert_snapshot!(words, @r###"
    exit code 0
    warning: `poeple.csv` is not there, so nothing of it was looked at
     --> hr.yaml:6:18
    6 |     file: {path: poeple.csv}
      |                  ^^^^^^^^^^
      = help: correct the path, which counts from this manifest; where the file comes later, all is well
    1 warning
    valid: 1 Workspace, 1 Source, 1 Target
    "###);
}

#[test]
fn a_csv_with_semicolons_where_commas_are_said() {
    let words = {
        let folder = changed("hr.yaml", "{path: people.csv}", "{path: people.csv, delimiter: ','}");
        folder.write("people.csv", &PEOPLE.replace(',', ";"));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the Source `hr`: people.csv: line 1: there are no columns `id`, `department`, `login`; the header has `id;login;department`; is `;` its separator? Then set `delimiter`
     --> hr.yaml:6:18
    6 |     file: {path: people.csv, delimiter: ','}
      |                  ^^^^^^^^^^
      = help: to look at the manifests alone: `headcount validate --manifests-only`
    1 error
    "###);
}

#[test]
fn a_column_that_is_not_there() {
    let words = validate("hr.yaml", "record.department", "record.departement");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the Source `hr`: people.csv: line 1: there is no column `departement` (did you mean `department`?); the header has `id`, `login`, `department`
     --> hr.yaml:6:18
    6 |     file: {path: people.csv}
      |                  ^^^^^^^^^^
      = help: to look at the manifests alone: `headcount validate --manifests-only`
    1 error
    "###);
}

#[test]
fn another_encoding() {
    let words = {
        let folder = acme();
        crate::support::write_settled(&folder.file("people.csv"), b"id,login,department\n1,ann,B\xfcro\n");
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the Source `hr`: people.csv: line 2: the byte 0xFC is not UTF-8; set `encoding`, such as windows-1252, in `spec.connection.file` of the Source
     --> hr.yaml:6:18
    6 |     file: {path: people.csv}
      |                  ^^^^^^^^^^
      = help: to look at the manifests alone: `headcount validate --manifests-only`
    1 error
    "###);
}

#[test]
fn a_workbook_that_is_none() {
    let words = {
        let folder = changed("hr.yaml", "people.csv", "people.xlsx");
        folder.write("people.xlsx", PEOPLE);
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the Source `hr`: people.xlsx: is no Excel workbook (.xlsx), whatever its name says; a CSV file is read with `format: csv` (invalid Zip archive: Could not find EOCD)
     --> hr.yaml:6:18
    6 |     file: {path: people.xlsx}
      |                  ^^^^^^^^^^^
      = help: to look at the manifests alone: `headcount validate --manifests-only`
    1 error
    "###);
}

#[test]
fn a_row_with_too_few_cells() {
    let words = {
        let folder = acme();
        folder.write("people.csv", &(PEOPLE.to_owned() + "3,cid\n"));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the Source `hr`: people.csv: line 4: 2 fields, but the header has 3; is a quote or a separator missing? If the line (`3`) is a total below the table, set `footer: 1` in `spec.connection.file` of the Source
     --> hr.yaml:6:18
    6 |     file: {path: people.csv}
      |                  ^^^^^^^^^^
      = help: to look at the manifests alone: `headcount validate --manifests-only`
    1 error
    "###);
}

#[test]
fn one_key_for_two_people() {
    let words = {
        let folder = acme();
        folder.write("people.csv", &(PEOPLE.to_owned() + "2,bea,Sales\n"));
        told(&folder, &["plan"])
    };
    insta::assert_snapshot!(words, @"
    exit code 5
    reading 2 systems
    read app: nothing is there
    read hr: 3 records
    Target app
      + ann gets an account (hr/1)
          active: true · externalId: headcount's mark of hr/1 · userName: ann
    Findings
      1. error: hr/2: two different records have this key, so nothing is changed for it [duplicate-key]
         next: Correct the source: a key belongs to one person for good.
    Plan: 1 to create.
    Next: see to finding 1 first, then plan again. `headcount apply` runs what is not withheld.
    ");
}

#[test]
fn a_table_that_is_not_there() {
    let words = validate("app.yaml", "table: users", "table: user");
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the Target `app`: app.db: there is no table `user` (did you mean `users`?)
     --> app.yaml:7:33
    7 |       database: {sqlite: {path: app.db}}
      |                                 ^^^^^^
      = help: to look at the manifests alone: `headcount validate --manifests-only`
    1 error
    "###);
}

#[test]
fn a_target_that_is_no_database() {
    let words = {
        let folder = acme();
        folder.write("app.db", &"no database ".repeat(200));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the Target `app`: app.db: it is no SQLite database (or an encrypted one); name the file that the application itself opens
     --> app.yaml:7:33
    7 |       database: {sqlite: {path: app.db}}
      |                                 ^^^^^^
      = help: to look at the manifests alone: `headcount validate --manifests-only`
    1 error
    "###);
}

#[test]
fn nobody_listens() {
    let words = told(&scim(&format!("http://127.0.0.1:{}/scim", crate::support::free_port())), &["plan"]);
    insta::assert_snapshot!(words, @"
    exit code 5
    reading 2 systems
    could not read app
    read hr: 2 records
      1. incomplete: app: nothing listens at 127.0.0.1:[PORT]: is the port right, and does the service
         run? Nothing is planned for its accounts [incomplete-read]
         at app.yaml:7:12
    No changes in what could be read. The plan is incomplete.
    Next: see to finding 1, then plan again.
    ");
}

#[test]
fn https_where_http_is_spoken() {
    let words = told(&scim(&answers::serve(|_| (200, String::new(), "{}".into())).replace("http://", "https://")), &["plan"]);
    insta::assert_snapshot!(words, @"
    exit code 5
    reading 2 systems
    could not read app
    read hr: 2 records
      1. incomplete: app: 127.0.0.1:[PORT] ends every attempt at TLS: is the port right, or should the
         url begin with http://? Nothing is planned for its accounts [incomplete-read]
         at app.yaml:7:12
    No changes in what could be read. The plan is incomplete.
    Next: see to finding 1, then plan again.
    ");
}

#[test]
fn a_host_that_is_not_there() {
    let words = told(&scim("https://chat.invalid/scim"), &["plan"]);
    insta::assert_snapshot!(words, @"
    exit code 5
    reading 2 systems
    could not read app
    read hr: 2 records
      1. incomplete: app: there is no host chat.invalid: is the name right, and does this machine's name
         server know it? Nothing is planned for its accounts [incomplete-read]
         at app.yaml:7:12
    No changes in what could be read. The plan is incomplete.
    Next: see to finding 1, then plan again.
    ");
}

#[test]
fn a_token_that_is_not_accepted() {
    let words = told(&scim(&answers::serve(|_| (401, String::new(), "{}".into()))), &["plan"]);
    insta::assert_snapshot!(words, @"
    exit code 5
    reading 2 systems
    could not read app
    read hr: 2 records
      1. incomplete: app: can't sign in: 127.0.0.1:[PORT] does not accept the secret that `auth` names
         (HTTP 401): is it the right one, and does it still hold? Nothing is planned for its accounts
         [incomplete-read]
         at app.yaml:7:12
    No changes in what could be read. The plan is incomplete.
    Next: see to finding 1, then plan again.
    ");
}

#[test]
fn a_path_that_is_not_there() {
    let words = told(&scim(&answers::serve(|_| (404, String::new(), "{}".into()))), &["plan"]);
    insta::assert_snapshot!(words, @"
    exit code 5
    reading 2 systems
    could not read app
    read hr: 2 records
      1. incomplete: app: not found: 127.0.0.1:[PORT] has no /Users (HTTP 404); is the url the base of
         the service? Nothing is planned for its accounts [incomplete-read]
         at app.yaml:7:12
    No changes in what could be read. The plan is incomplete.
    Next: see to finding 1, then plan again.
    ");
}

#[test]
fn a_variable_that_is_not_set() {
    let words = {
        let folder = scim("https://chat.invalid/scim");
        let text = std::fs::read_to_string(folder.file("app.yaml")).expect("it is there");
        folder.write("app.yaml", &text.replace("{file: token}", "{env: CHAT_TOKEN}"));
        told(&folder, &["plan"])
    };
    insta::assert_snapshot!(words, @"
    exit code 5
    reading 2 systems
    could not read app
    read hr: 2 records
      1. incomplete: app: can't sign in: environment variable CHAT_TOKEN is not set: export it, or
         correct the name; nothing is planned for its accounts [incomplete-read]
         at app.yaml:7:12
    No changes in what could be read. The plan is incomplete.
    Next: see to finding 1, then plan again.
    ");
}

#[test]
fn a_secret_of_kubernetes() {
    let words = {
        let folder = scim("https://chat.invalid/scim");
        let text = std::fs::read_to_string(folder.file("app.yaml")).expect("it is there");
        folder.write("app.yaml", &text.replace("{file: token}", "{secretKeyRef: {name: chat, key: token}}"));
        told(&folder, &["validate"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 0
    warning: `secretKeyRef` names a Secret of Kubernetes, and headcount does not run inside of it here
     --> app.yaml:8:14
    8 |       auth: {bearer: {secretKeyRef: {name: chat, key: token}}}
      |              ^^^^^^
      = help: write `{env: NAME}` or `{file: PATH}`; in a pod, mount the Secret as either
    1 warning
    valid: 1 Workspace, 1 Source, 1 Target
    "###);
}

#[test]
fn a_command_that_is_not_there() {
    let words = told(&acme(), &["aply"]);
    insta::assert_snapshot!(words, @r###"
    exit code 2
    error: unrecognized subcommand 'aply'
      tip: a similar subcommand exists: 'apply'
    Usage: headcount [OPTIONS] <COMMAND>
    For more information, try '--help'.
    "###);
}

#[test]
fn a_flag_that_is_not_there() {
    let words = told(&acme(), &["plan", "--targets", "app"]);
    insta::assert_snapshot!(words, @r###"
    exit code 2
    error: unexpected argument '--targets' found
      tip: a similar argument exists: '--target'
    Usage: headcount plan --target <NAME>
    For more information, try '--help'.
    "###);
}

#[test]
fn apply_without_approval() {
    let words = told(&acme(), &["apply"]);
    insta::assert_snapshot!(words, @r###"
    exit code 2
    error: there is no terminal to ask on
     = help: pass --auto-approve, or review a saved plan: `headcount plan --out plan.json`, then `headcount apply plan.json`
    "###);
}

#[test]
fn a_plan_of_another_workspace() {
    let words = {
        let folder = acme();
        told(&folder, &["plan", "--out", "plan.json"]);
        folder.write("headcount.yaml", &WORKSPACE.replace("id: acme", "id: emca"));
        told(&folder, &["apply", "plan.json"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the plan is of workspace "acme", and the manifests are of "emca"
     = help: name the manifests that it was made from with -f
    "###);
}

#[test]
fn a_plan_that_is_stale() {
    let words = {
        let folder = acme();
        told(&folder, &["plan", "--out", "plan.json"]);
        folder.write("people.csv", &(PEOPLE.to_owned() + "3,cid,Sales\n"));
        told(&folder, &["apply", "plan.json", "--exact"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 5
    reading 2 systems
    read app: nothing is there
    read hr: 3 records
    error: the plan is stale: changes needed now and not in it: 1; steps in it and no longer needed: 0
     = help: plan again and review it, or leave out --exact to run what both hold
    "###);
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
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: can't use the plan plan.json: the last `headcount plan` failed, and left no plan: mend what it told, and plan again
    "###);
}

#[test]
fn a_revocation_of_nobody() {
    let words = {
        let folder = acme();
        told(&folder, &["apply", "--auto-approve"]);
        told(&folder, &["revoke", "hr/17", "--reason", "left", "--auto-approve"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: nobody has the key hr/17, neither in a source nor at a target; nothing was changed
     = help: did you mean hr/1?
    "###);
}

#[test]
fn a_state_that_can_not_be_made() {
    let words = {
        let folder = acme();
        folder.write(".headcount", "a file where a folder should be");
        told(&folder, &["apply", "--auto-approve"])
    };
    insta::assert_snapshot!(words, @r###"
    exit code 1
    error: the folder of the state ./.headcount/state.db could not be made: check its permissions, or set another path in the Workspace's `state`: File exists (os error 17)
    "###);
}

#[test]
fn a_target_that_is_misspelt() {
    let words = told(&acme(), &["plan", "--target", "ap"]);
    insta::assert_snapshot!(words, @r###"
    exit code 2
    error: there is no target "ap"
     = help: the manifests have: app
    "###);
}
