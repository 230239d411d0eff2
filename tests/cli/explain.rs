//! `headcount explain`.

use snapbox::str;

use super::world::{HR, applied};

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
  the account there is 2, active; found by its marker or a link: it is headcount's
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
  the account there is 1, active; found by its marker or a link: it is headcount's

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
read app: 7 rows
read hr: 4 rows
error: nobody is known by "zoe"
 |
 = help: name a key such as hr/10023, a record's key, a user name or an e-mail address

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
