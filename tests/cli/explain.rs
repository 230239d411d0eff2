//! `headcount explain`.

use insta::assert_snapshot;
use snapbox::str;

use super::Folder;
use super::world::{HR, acme, applied, database};

#[test]
fn everything_about_one_person() {
    let folder = applied();
    folder.run(["explain", "ada"]).assert().code(0).stdout_eq(str![[r#"
Identity hr/1 active
  from hr/1 at acme.yaml:7:1

Attributes
  department = Engineering  hr/1: record.department at acme.yaml:18:38
  displayName = Ada Okafor  hr/1: record.name at acme.yaml:17:39
  lifecycle = active
  source = hr
  userName = ada  hr/1: record.user at acme.yaml:16:36

Target app should have an account
  app has accounts for the lifecycle active at acme.yaml:21:1
  the account there is 2, active; found by its mark: it is headcount's
    department = Engineering  default of the connector sql
    displayName = Ada Okafor  default of the connector sql
    externalId = hc:acme-test:hr:1  the mark by which headcount knows its own accounts
    userName = ada  default of the connector sql

Groups
  group/engineering: member
      the rule of group/engineering covers it: identity.department == "Engineering" at
          acme.yaml:45:9
        it would not if identity.department were not "Engineering"

No changes in the plan

"#]]);
}

#[test]
fn what_an_expression_came_to() {
    let folder = applied();
    let output = folder.run(["explain", "hr/1", "--trace"]).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("identity.department == \"Engineering\" → true"), "{text}");
}

#[test]
fn a_leaver_and_what_the_plan_does_about_it() {
    let folder = applied();
    folder.write("hr.csv", &HR.replace("Support,\n3", "Support,2020-05-31\n3"));
    folder.run(["explain", "2"]).assert().code(0).stdout_eq(str![[r#"
Identity hr/2 leaver
  has left; the last day was [DAY]
  app: the account still has access
  the last day was [DAY]
  from hr/2 at acme.yaml:7:1

Attributes
  department = Support  hr/2: record.department at acme.yaml:18:38
  displayName = Luís Ferreira  hr/2: record.name at acme.yaml:17:39
  endDate = [DAY]  hr/2: date(record.end) at acme.yaml:19:35
  lifecycle = leaver
  source = hr
  userName = luis  hr/2: record.user at acme.yaml:16:36

Target app should have no account
  app has no accounts for the lifecycle leaver at acme.yaml:21:1
  the account there is 1, active; found by its mark: it is headcount's

Groups
  group/engineering: not a member
      the rule of group/engineering does not cover the lifecycle leaver at acme.yaml:45:9

Changes in the plan
  luis loses sign-in at app
      active  true → false

"#]]);
}

#[test]
fn nobody_and_somebody_at_no_such_target() {
    let folder = applied();
    folder.run(["explain", "zoe"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
reading 2 systems
read app: 4 accounts, 1 group, 2 memberships
read hr: 4 records
error: nobody is known by "zoe"
 |
 = help: name a key such as hr/10023, a record's key, a user name or an e-mail address; of whoever is in no source any more `headcount history --who NAME` tells what was done, and `headcount explain account/TARGET/NAME` whose an account is

"#]]);
    folder.run(["explain", "ada", "--target", "chat"]).assert().code(2).stdout_eq(str![]);
    folder.run(["explain"]).assert().code(2).stdout_eq(str![]);
}

#[test]
fn for_machines() {
    let output = applied().run(["explain", "ada", "-o", "json"]).output().expect("it runs");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON on stdout");
    assert_eq!(document["explanation"]["identity"], "hr/1");
    assert_eq!(document["explanation"]["groups"][0]["belongs"], true);
}

#[test]
fn what_a_guardrail_withholds_stands_there_with_its_answer() {
    let folder = applied();
    // Three of four leave, and one may.
    folder.write(
        "hr.csv",
        &HR.replace("Support,\n", "Support,2020-05-31\n")
            .replace("3,mina,Mina Park,Engineering,", "3,mina,Mina Park,Engineering,2020-05-31"),
    );
    let told = shown(&folder, "luis");
    assert!(told.contains("luis loses sign-in at app (withheld)"), "{told}");
    assert!(told.contains("Findings of the plan\n  refused: app:") && told.contains("    next: "), "{told}");
    assert!(!shown(&folder, "ada").contains("Findings of the plan"));
    let output = folder.run(["explain", "luis", "-o", "json"]).output().expect("it runs");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["findings"][0]["code"], "guardrail-exceeded", "{document:#}");
    assert!(document["findings"][0]["hint"].is_string(), "{document:#}");
}

#[test]
fn an_emptied_column_stands_with_whom_it_holds() {
    let folder = acme();
    let many: String = (5..30).map(|at| format!("{at},user{at},User {at},Support,\n")).collect();
    folder.write("hr.csv", &format!("{HR}{many}"));
    folder.run(["apply", "--auto-approve"]).assert().success();
    let (most, last) = many.split_at(many.rfind("29,").expect("the last line"));
    folder.write("hr.csv", &format!("{}{last}", format!("{HR}{most}").replace("Engineering", "").replace("Support", "")));
    let told = shown(&folder, "ada");
    assert!(told.contains("[column-emptied]") && told.contains("mayLose: [department]"), "{told}");
}

#[test]
fn what_nobody_says_anything_about_is_one_line() {
    let folder = applied();
    database(&folder).execute_batch("ALTER TABLE users ADD title TEXT; ALTER TABLE users ADD nick TEXT").expect("columns can be added");
    let manifest = std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there");
    let rules = "    - {attribute: title, value: record.title}\n    - {attribute: nickName, value: record.title}\n";
    let manifest = manifest.replace("department: department}", "department: department, title: title, nickName: nick}");
    folder.write(
        "acme.yaml",
        &manifest.replace("[end]", "[end, title]").replace("    - {attribute: endDate", &format!("{rules}    - {{attribute: endDate")),
    );
    let titled = HR.replace(",end\n", ",end,title\n").replace(",\n", ",,\n");
    folder.write("hr.csv", &titled);
    let told = shown(&folder, "ada");
    assert!(told.contains("    (unmanaged) nickName, title  default of the connector sql\n"), "{told}");
    assert!(!told.contains("title = (unmanaged)"), "{told}");
}

fn shown(folder: &Folder, name: &str) -> String {
    let output = folder.run(["explain", name, "-q"]).output().expect("it runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn everything_about_a_group() {
    let folder = applied();
    folder.write(
        "more.yaml",
        "apiVersion: headcount.dev/v1alpha1\nkind: Group\nmetadata: {name: all}\nspec:\n  displayName: All\n  members:\n  - {group: engineering}\n  - {identity: {source: hr, key: \"2\"}}\n  exclude:\n  - {identity: {source: hr, key: \"3\"}}\n",
    );
    folder.run(["explain", "group/all", "-q"]).assert().code(0).stdout_eq(str![[r#"
Group group/all All
  declared at more.yaml:1:1
  at app: it does not exist yet

Members (2)
  ada (hr/1)
      the rule of group/engineering covers it: identity.department == "Engineering" at
          acme.yaml:45:9
  luis (hr/2)
      named in group/all at more.yaml:8:5

Groups in it (1)
  group/engineering
      named as a member at more.yaml:7:5

Excluded (1)
  mina (hr/3)
      excluded from group/all, by name at more.yaml:10:5

Changes in the plan
  group All is created at app
  group All gets 2 members at app

Findings of the plan
  note: app: group/all: groups can't be nested here, so members are listed flat
    [unsupported-capability]

"#]]);
    let output = folder.run(["explain", "group/engineering", "-o", "json"]).output().expect("it runs");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&document["group"]["targets"][0]["is"], &document["group"]["members"][1]["member"]), (&"exists".into(), &"hr/3".into()));
    folder.run(["explain", "group/none"]).assert().code(1);
}

#[test]
fn what_holds_a_group_stands_there_with_its_answer() {
    let folder = applied();
    folder.write("hr.csv", &HR.replace("Engineering", "Design"));
    let told = shown(&folder, "group/engineering");
    assert!(told.contains("[names-nobody]") && told.contains("allowEmpty: true"), "{told}");
}

#[test]
fn an_account_that_could_not_be_read_is_never_called_absent() {
    let folder = applied();
    std::fs::remove_file(folder.file("app.db")).expect("it was there");
    let output = folder.run(["explain", "hr/1", "-q"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("whether there is an account there is not known"), "{told}");
    assert!(told.contains("No changes in what could be read") && !told.contains("there is no account"), "{told}");
}

/// Applied, and then: an account of nobody, one that two people would have, one of another program, one that is protected, one of somebody who is gone.
fn with_strangers() -> Folder {
    let folder = applied();
    let rows = [("svc-backup", "NULL"), ("zed", "NULL"), ("robot", "'okta-7'"), ("root", "NULL")];
    for (login, mark) in rows {
        database(&folder).execute_batch(&format!("INSERT INTO users (login, external_id) VALUES ('{login}', {mark})")).expect("a row");
    }
    let manifest = std::fs::read_to_string(folder.file("acme.yaml")).expect("it is there");
    folder.write("acme.yaml", &manifest.replace("  groups: {}\n", "  groups: {}\n  protect: {accounts: [root]}\n"));
    folder.write("hr.csv", &format!("{}8,zed,Zed A,Support,\n9,zed,Zed B,Support,\n", HR.replace("4,noor,Noor Haddad,Support,\n", "")));
    folder
}

#[test]
fn any_account_of_a_target_by_its_name_or_id() {
    let folder = with_strangers();
    assert_snapshot!(shown(&folder, "account/app/ada"), @r"
    Account ada at app (id 2), active
      it is hr/1's
          found by its mark: it is headcount's
          more of its owner: headcount explain hr/1

    No changes in the plan
    ");
    assert_eq!(shown(&folder, "account/app/2"), shown(&folder, "account/app/ADA"), "by its id, and in other letters");
    assert_snapshot!(shown(&folder, "account/app/svc-backup"), @r#"
    Account svc-backup at app (id 5), active
      it is nobody's
          app is not authoritative: what nobody claims is left alone at acme.yaml:21:1
          adopt it: attributes: {userName: "svc-backup"} in the User whose it is (`overrides` names somebody of a Source)

    No changes in the plan
    "#);
    assert_snapshot!(shown(&folder, "account/app/zed"), @r"
    Account zed at app (id 6), active
      it may be hr/8 or hr/9's
          whose it is can't be told, so nobody gets it, and nothing is planned for it

    No changes in the plan

    Findings of the plan
      error: app: hr/8, hr/9 claim one account, so none of them gets it (6) [duplicate-key]
        next: Put it right at the target or in the source; until then this identity is left as it is.
    ");
    assert_snapshot!(shown(&folder, "account/app/robot"), @r"
    Account robot at app (id 7), active
      it is another program's
          its externalId is okta-7, no mark of headcount's
          app is not authoritative: what nobody claims is left alone at acme.yaml:21:1
          it can't be adopted: it has another program's mark

    No changes in the plan
    ");
    assert_snapshot!(shown(&folder, "account/app/root"), @r"
    Account root at app (id 8), active
      it is nobody's
          app is not authoritative: what nobody claims is left alone at acme.yaml:21:1
          the `protect` of app covers it, so nothing is changed about it at acme.yaml:21:1
          it can't be adopted: it is protected, or has no value to be found by

    No changes in the plan
    ");
    assert_snapshot!(shown(&folder, "account/app/noor"), @r"
    Account noor at app (id 4), active
      it is of hr/4, who is not there any more
          its mark says so
          a complete read of hr no longer has the record `hr/4` at acme.yaml:7:1

    Changes in the plan
      noor loses sign-in at app
          active  true → false
    ");
    let output = folder.run(["explain", "account/app/svc-backup", "-o", "json"]).output().expect("it runs");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&document["account"]["is"], &document["account"]["account"]), (&"nobodys".into(), &"account/app/5".into()), "{document:#}");
}

#[test]
fn an_account_that_is_not_there() {
    let folder = with_strangers();
    let failing = |name: &str| {
        let output = folder.run(["explain", name, "-q"]).output().expect("it runs");
        assert!(output.stdout.is_empty());
        format!("{} {}", output.status.code().expect("a code"), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_snapshot!(failing("account/app/svc-backp"), @r#"
    1 error: no account at app has the id or the name "svc-backp"
     |
     = help: did you mean svc-backup?
    "#);
    assert_snapshot!(failing("account/app/elephant"), @r#"
    1 error: no account at app has the id or the name "elephant"
     |
     = help: name its id, or its name as the target has it; `headcount plan --unclaimed` lists those that are nobody's
    "#);
    assert_snapshot!(failing("account/chat/ada"), @r#"
    2 error: there is no target "chat"
     |
     = help: the manifests have: app
    "#);
    assert_snapshot!(failing("account/app"), @r#"
    2 error: "app" names no account
     |
     = help: name the Target and then the account's name or id there: chat/jdoe (explain: account/chat/jdoe)
    "#);
}
