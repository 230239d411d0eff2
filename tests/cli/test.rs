//! `headcount test`: personas against rules, offline, through the real binary.

use snapbox::str;

use super::{Folder, headcount};
use crate::support::{skipped, tool};

const RULES: &str = r#"apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr.csv}}
  key: record.id
  lifecycle: {leaver: record.status == "left"}
  mapping:
    rules:
    - {attribute: userName, value: record.login}
    - {attribute: title, value: record.job}
    - {attribute: department, value: record.dept}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec:
  connection: {scim: {url: "https://chat.example", auth: {bearer: {env: NO_SUCH_TOKEN}}}}
  select: identity.department in ["Eng", "Ops"]
  groups: {}
  mapping:
    defaults: none
    rules:
    - {attribute: userName, value: identity.userName}
    - {attribute: title, value: upper(identity.title)}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: eng}
spec: {displayName: Engineers, rule: identity.department == "Eng"}
"#;

const ENGINEER: &str = r#"apiVersion: headcount.dev/v1alpha1
kind: Persona
metadata: {name: engineer}
spec:
  asOf: 2026-01-15
  records:
    hr: {id: 7, login: ada, job: Engineer, dept: Eng}
  expect:
    lifecycle: active
    accounts:
      chat: {active: true, title: ENGINEER, userName: ada}
    groups:
      chat: [Engineers]
"#;

const LEAVER: &str = r#"apiVersion: headcount.dev/v1alpha1
kind: Persona
metadata: {name: leaver}
spec:
  asOf: 2026-01-15
  records:
    hr: {id: 8, login: bob, dept: Ops, status: left}
  expect:
    lifecycle: leaver
    departures: {chat: deactivate}
"#;

fn folder(personas: &[(&str, &str)]) -> Folder {
    let folder = Folder::with(&[("rules.yaml", RULES)]);
    for (name, text) in personas {
        folder.write(name, text);
    }
    folder
}

#[test]
fn personas_pass_offline_and_what_nobody_exercises_is_told() {
    let folder = folder(&[("engineer.yaml", ENGINEER), ("leaver.yaml", LEAVER)]);
    folder.run(["test"]).assert().success().stderr_eq(str![]).stdout_eq(str![[r#"
2 personas: 2 passed
8 rules: 8 of 8 exercised (100%)

No persona shows whom these leave out:
  rules.yaml:24:11  chat: select  identity.department in ["Eng", "Ops"]
  rules.yaml:35:38  group/eng: rule  identity.department == "Eng"

"#]]);
    folder.run(["test", "--strict"]).assert().success();
    assert_eq!(folder.names(), ["engineer.yaml", "leaver.yaml", "rules.yaml"], "no state, no other file");
    std::fs::remove_file(folder.file("leaver.yaml")).expect("it is there");
    folder.run(["test", "--strict"]).assert().code(1).stdout_eq(str![[r#"
1 persona: 1 passed
8 rules: 7 of 8 exercised (87%)

No persona exercises:
  rules.yaml:12:23  hr: leaver  record.status == "left"

No persona shows whom these leave out:
  rules.yaml:24:11  chat: select  identity.department in ["Eng", "Ops"]
  rules.yaml:35:38  group/eng: rule  identity.department == "Eng"

"#]]);
    folder.run(["test", "--strict", "-o", "junit=report.xml"]).assert().code(1);
    let report = std::fs::read_to_string(folder.file("report.xml")).expect("a report");
    assert!(report.contains("engineer") && !report.contains("--strict"), "what was tested stays in its report: {report}");
}

#[test]
fn a_difference_shows_the_rule_and_the_persona_s_own_line() {
    let wrong = ENGINEER.replace("title: ENGINEER", "title: Engineer").replace("[Engineers]", "[Engineers, Everybody]");
    let folder = folder(&[("engineer.yaml", &wrong), ("leaver.yaml", &LEAVER.replace("dept: Ops, status: left", "dept: Sales"))]);
    folder.run(["test"]).env("COLUMNS", "100").assert().code(1).stderr_eq(str![]).stdout_eq(str![[r#"
failed engineer (engineer.yaml:1:1, hr/7, on [DAY])
    accounts:
      chat:
  -     title: Engineer  # engineer.yaml:11:35 expected here
  +     title: ENGINEER
          # rules.yaml:30:33 the mapping of chat: `upper(identity.title)`, where identity.title is
            "Engineer"
          # rules.yaml:16:33 the record says so: `record.job`
    groups:
      chat:
  -   - Everybody
        # engineer.yaml:13:25 expected here
        # no Group has this displayName

failed leaver (leaver.yaml:1:1, hr/8, on [DAY])
  - lifecycle: leaver  # leaver.yaml:9:16 expected here
  + lifecycle: active
      # rules.yaml:12:23 hr does not say leaver: `record.status == "left"`, where record.status is
        missing
  - departures:
  -   chat: deactivate
        # leaver.yaml:10:24 expected here
        # rules.yaml:12:23 hr does not say leaver: `record.status == "left"`, where record.status is
          missing
        # rules.yaml:19:1 chat has accounts for the lifecycle active
        # rules.yaml:24:11 the select of chat does not cover it: `identity.department in ["Eng",
          "Ops"]`, where identity.department is "Sales"

2 personas: 0 passed, 2 failed
8 rules: 7 of 8 exercised (87%)

No persona exercises:
  rules.yaml:12:23  hr: leaver  record.status == "left"

"#]]);
    folder.run(["test", "-l", "eng*", "-o", "json"]).assert().code(1).stdout_eq(str![[r#"
{
  "formatVersion": 1,
  "passed": 0,
  "failed": 1,
  "personas": [
    {
      "name": "engineer",
      "place": {
        "file": "engineer.yaml",
        "line": 1,
        "column": 1
      },
      "asOf": "[DAY]",
      "identity": "hr/7",
      "passed": false,
      "updated": false,
      "differences": [
        {
          "side": "both",
          "depth": 0,
          "path": "/accounts",
          "text": "accounts:"
        },
        {
          "side": "both",
          "depth": 1,
          "path": "/accounts/chat",
          "text": "chat:"
        },
        {
          "side": "expected",
          "depth": 2,
          "path": "/accounts/chat/title",
          "text": "title: Engineer",
          "because": [
            {
              "words": "expected here",
              "place": {
                "file": "engineer.yaml",
                "line": 11,
                "column": 35
              }
            }
          ]
        },
        {
          "side": "actual",
          "depth": 2,
          "path": "/accounts/chat/title",
          "text": "title: ENGINEER",
          "because": [
            {
              "words": "the mapping of chat: `upper(identity.title)`, where identity.title is /"Engineer/"",
              "place": {
                "file": "rules.yaml",
                "line": 30,
                "column": 33
              }
            },
            {
              "words": "the record says so: `record.job`",
              "place": {
                "file": "rules.yaml",
                "line": 16,
                "column": 33
              }
            }
          ]
        },
        {
          "side": "both",
          "depth": 0,
          "path": "/groups",
          "text": "groups:"
        },
        {
          "side": "both",
          "depth": 1,
          "path": "/groups/chat",
          "text": "chat:"
        },
        {
          "side": "expected",
          "depth": 1,
          "path": "/groups/chat/1",
          "text": "- Everybody",
          "because": [
            {
              "words": "expected here",
              "place": {
                "file": "engineer.yaml",
                "line": 13,
                "column": 25
              }
            },
            {
              "words": "no Group has this displayName"
            }
          ]
        }
      ]
    }
  ]
}

"#]]);
}

#[test]
fn update_rewrites_expectations_and_nothing_else() {
    let before = ENGINEER.replace("  expect:\n", "  # a comment before\n  expect:   # by hand\n").replace("ENGINEER", "Boss");
    let before = format!("# the engineer\n{before}# behind\n---\n{}", LEAVER.split("  expect:").next().expect("the head"));
    let folder = folder(&[("people.yaml", &before)]);
    folder.run(["test", "--update"]).assert().success().stderr_eq(str![[r#"
rewrote the expectation of 2 personas in people.yaml

"#]]);
    let after = std::fs::read_to_string(folder.file("people.yaml")).expect("it is there");
    snapbox::assert_data_eq!(
        after.clone(),
        str![[r#"
# the engineer
apiVersion: headcount.dev/v1alpha1
kind: Persona
metadata: {name: engineer}
spec:
  asOf: 2026-01-15
  records:
    hr: {id: 7, login: ada, job: Engineer, dept: Eng}
  # a comment before
  expect:   # by hand
    lifecycle: active
    accounts:
      chat:
        active: true
        title: ENGINEER
        userName: ada
    groups:
      chat:
      - Engineers
# behind
---
apiVersion: headcount.dev/v1alpha1
kind: Persona
metadata: {name: leaver}
spec:
  asOf: 2026-01-15
  records:
    hr: {id: 8, login: bob, dept: Ops, status: left}
  expect:
    lifecycle: leaver
    departures:
      chat: deactivate

"#]]
    );
    folder.run(["test"]).assert().success();
    folder.run(["test", "--update"]).assert().success().stderr_eq(str![]);
    assert_eq!(std::fs::read_to_string(folder.file("people.yaml")).expect("it is there"), after, "a second time changes nothing");
}

#[test]
fn standard_input_is_not_rewritten() {
    let text = format!("{RULES}---\n{}", ENGINEER.replace("ENGINEER", "Boss"));
    headcount(["test", "-f", "-"]).stdin(text.clone()).assert().code(1);
    headcount(["test", "-f", "-", "--update"]).stdin(text).assert().code(2).stderr_eq(str![[r#"
error: standard input can't be rewritten
 |
 = help: name the files with -f, or leave --update out

"#]]);
}

#[test]
fn junit_is_xml_with_one_case_a_persona() {
    let folder = folder(&[("a & b.yaml", &ENGINEER.replace("ENGINEER", "\"<Boss> & \\\"co\\\"\"")), ("leaver.yaml", LEAVER)]);
    folder.run(["test", "-o", "junit=out.xml", "-o", "text"]).assert().code(1);
    let xml = std::fs::read_to_string(folder.file("out.xml")).expect("it was written");
    snapbox::assert_data_eq!(
        xml,
        str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="headcount test" tests="2" failures="1" errors="0">
  <testsuite name="a &amp; b.yaml" tests="1" failures="1" errors="0" skipped="0">
    <testcase name="engineer" classname="a &amp; b.yaml" file="a &amp; b.yaml" line="1">
      <failure type="difference" message="accounts.chat.title: expected &quot;&lt;Boss&gt; &amp; /&quot;co/&quot;&quot;, got ENGINEER">failed engineer (a &amp; b.yaml:1:1, hr/7, on 2026-01-15)
    accounts:
      chat:
  -     title: &quot;&lt;Boss&gt; &amp; /&quot;co/&quot;&quot;  # a &amp; b.yaml:11:35 expected here
  +     title: ENGINEER
          # rules.yaml:30:33 the mapping of chat: `upper(identity.title)`, where identity.title is &quot;Engineer&quot;
          # rules.yaml:16:33 the record says so: `record.job`
</failure>
    </testcase>
  </testsuite>
  <testsuite name="leaver.yaml" tests="1" failures="0" errors="0" skipped="0">
    <testcase name="leaver" classname="leaver.yaml" file="leaver.yaml" line="1"/>
  </testsuite>
</testsuites>

"#]]
    );
    let Some(python) = tool("python3") else { return skipped("JUnit as XML", "Python") };
    let script = "import sys, xml.etree.ElementTree as tree\nroot = tree.parse(sys.argv[1]).getroot()\n\
                  print(root.attrib['tests'], root.attrib['failures'], [case.attrib['name'] for case in root.iter('testcase')])";
    let output = std::process::Command::new(python).args(["-c", script]).arg(folder.file("out.xml")).output().expect("Python runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "2 1 ['engineer', 'leaver']");
}

#[test]
fn without_personas_the_first_one_is_suggested() {
    let folder = folder(&[]);
    folder.run(["test"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: there is no Persona to test
 |
 = help: write one, and let `headcount test --update` add what comes of it:
         apiVersion: headcount.dev/v1alpha1
         kind: Persona
         metadata: {name: engineer}
         spec:
           asOf: [DAY]
           records:
             hr: {employee_id: "1001", department: Engineering}

"#]]);
    folder.write("engineer.yaml", ENGINEER);
    folder.run(["test", "-l", "nobody"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: no persona has such a name
 |
 = help: there are: engineer

"#]]);
}

#[test]
fn what_a_persona_names_is_checked_by_validate_and_test_alike() {
    let wrong = ENGINEER
        .replace("    hr: {", "    hrr: {}\n    hr: {left: true, jobb: x, ")
        .replace("userName: ada", "usrName: ada")
        .replace("lifecycle: active", "lifecycle: actve")
        .replace("groups:\n      chat", "groups:\n      chatt");
    let folder = folder(&[("engineer.yaml", &wrong)]);
    folder.run(["validate"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: there is no Source `hrr`
 --> engineer.yaml:7:5
  |
7 |     hrr: {}
  |     ^^^
  |
  = help: did you mean `hr`?

error: `spec.expect.lifecycle` must be one of `pre-hire`, `active`, `suspended`, `leaver`, `deselected`, `unknown`, and is another word
  --> engineer.yaml:10:16
   |
10 |     lifecycle: actve
   |                ^^^^^
   |
   = help: did you mean `active`?

error: there is no attribute `usrName`
  --> engineer.yaml:12:45
   |
12 |       chat: {active: true, title: ENGINEER, usrName: ada}
   |                                             ^^^^^^^
   |
   = help: did you mean `userName`? own attributes stand below `custom.`

error: there is no Target `chatt`
  --> engineer.yaml:14:7
   |
14 |       chatt: [Engineers]
   |       ^^^^^
   |
   = help: did you mean `chat`?

4 errors

"#]]);
    let unread = ENGINEER.replace("job: Engineer", "jobb: Engineer, status: true");
    folder.write("engineer.yaml", &unread);
    folder.write("hr.csv", "id,login,job,status,dept\n7,ada,Engineer,TRUE,Eng\n");
    for command in ["validate", "test"] {
        folder.run([command]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
warning: no rule of the Source `hr` reads the field `jobb`
 --> engineer.yaml:7:29
  |
7 |     hr: {id: 7, login: ada, jobb: Engineer, status: true, dept: Eng}
  |                             ^^^^
  |
  = help: did you mean `job`?

error: `status`: a CSV file holds text, no truth values
 --> engineer.yaml:7:53
  |
7 |     hr: {id: 7, login: ada, jobb: Engineer, status: true, dept: Eng}
  |                                                     ^^^^
  |
  = help: quote it as the file has it: `"TRUE"`

1 error, 1 warning

"#]]);
    }
}

#[cfg(unix)]
#[test]
fn a_link_and_the_permissions_behind_it_stay() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder(&[("behind/engineer.txt", &ENGINEER.replace("ENGINEER", "Boss"))]);
    let (file, link) = (folder.file("behind/engineer.txt"), folder.file("engineer.yaml"));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o664)).expect("permissions");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    folder.run(["test", "--update"]).assert().success();
    assert!(link.is_symlink() && std::fs::read_to_string(&file).expect("it is there").contains("title: ENGINEER"));
    assert_eq!(std::fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o664);
}
