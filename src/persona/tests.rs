//! What personas come to, and how expectations are written back.

use std::path::PathBuf;

use insta::assert_snapshot;

use super::*;
use crate::connector::registry::Facts;
use crate::manifest::{ManifestInput, load};
use crate::policy::compile;

const WORKSPACE: &str = "kind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n";
const HR: &str = r#"kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr.json}}
  key: record.id
  establishes: true
  precedence: 10
  lifecycle: {leaver: record.status == "left", suspended: record.status == "leave"}
  mapping:
    rules:
    - {attribute: userName, value: record.login}
    - {attribute: title, value: record.title}
    - {attribute: department, value: record.dept}
    - {attribute: manager, value: record.boss}
    - {attribute: startDate, value: record.start}
"#;
const DIRECTORY: &str = r#"kind: Source
metadata: {name: directory}
spec:
  connection: {scim: {url: "https://directory.example"}}
  key: record.id
  establishes: false
  correlate: [userName]
  mapping:
    rules:
    - {attribute: userName, value: record.userName}
    - {attribute: emails, value: record.emails}
    - {attribute: title, value: record.title}
"#;
const CHAT: &str = r#"kind: Target
metadata: {name: chat}
spec:
  connection: {scim: {url: "https://chat.example"}}
  select: identity.department != "Sales"
  groups: {}
  deselected: {action: delete}
  mapping:
    defaults: none
    rules:
    - {attribute: userName, value: identity.userName, required: true}
    - {attribute: title, value: identity.title, mode: initial}
    - {attribute: emails, value: identity.emails, when: 'identity.department == "Eng"'}
    - {attribute: manager, value: identity.manager}
"#;
const GROUPS: &str = r#"kind: Group
metadata: {name: eng}
spec: {displayName: Engineers, rule: identity.department == "Eng"}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: product}
spec: {displayName: Product, members: [{group: eng}]}
"#;
const CARD: &str = r#"kind: Entitlement
metadata: {name: card}
spec:
  target: chat
  when: identity.department == "Eng"
  parameters: {limit: 'identity.title == "Boss" ? 2000 : 500', holder: identity.userName}
"#;

/// Loads documents; the personas among them, with the problems of their records.
fn loaded(documents: &[&str]) -> (Loaded, Policy) {
    let all = documents.iter().map(|text| format!("apiVersion: headcount.dev/v1alpha1\n{text}")).collect::<Vec<_>>().join("---\n");
    read(&all)
}

fn read(text: &str) -> (Loaded, Policy) {
    let (loaded, problems) = load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.as_bytes().to_vec() }]);
    assert_eq!(problems, []);
    let (policy, _) = compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{problems:#?}"));
    (loaded, policy)
}

fn persona(name: &str, spec: &str) -> String {
    format!("kind: Persona\nmetadata: {{name: {name}}}\nspec:\n  asOf: 2026-01-15\n{spec}")
}

/// What comes of one persona, in the lines of an expectation; or why nothing does.
fn came(documents: &[&str], spec: &str) -> String {
    let persona = persona("one", spec);
    let (loaded, policy) = loaded(&[&[WORKSPACE, HR], documents, &[&persona]].concat());
    let tested = Suite::new(&loaded, &policy).test(&loaded.personas[0]);
    let Some(came) = tested.came else { return tested.verdict.trouble.unwrap_or_default() };
    yaml::lines(&came).iter().map(|line| format!("{}{}", "  ".repeat(line.depth), line.text)).collect::<Vec<_>>().join("\n")
}

#[test]
fn several_sources_references_groups_and_entitlements() {
    let spec = r#"  records:
    hr: {id: 7, login: ada, dept: Eng, boss: 8}
    directory: {id: x, userName: ADA, title: Head, emails: [{value: ada@acme.example, type: work, primary: true}]}
  others:
  - records: {hr: {id: 8, login: bob, boss: 7}}
"#;
    assert_snapshot!(came(&[DIRECTORY, CHAT, GROUPS, CARD], spec), @r##"
    lifecycle: active
    accounts:
      chat:
        active: true
        emails:
        - {primary: true, type: work, value: ada@acme.example}
        manager: hr/8
        title: Head
        userName: ada
    groups:
      chat:
      - Engineers
      - Product
    entitlements:
      chat:
        card:
          holder: ada
          limit: 500
    "##);
}

#[test]
fn whoever_leaves_loses_what_they_had() {
    let all = [CHAT, GROUPS, CARD];
    let leaver = "  records: {hr: {id: 7, login: ada, dept: Eng, status: left}}\n";
    assert_snapshot!(came(&all, leaver), @r##"
    lifecycle: leaver
    departures:
      chat: deactivate
    "##);
    let deselected = "  records: {hr: {id: 7, login: ada, dept: Sales}}\n";
    assert_snapshot!(came(&all, deselected), @r##"lifecycle: active"##);
    assert_snapshot!(came(&all, &format!("{deselected}  formerAccounts: [chat]\n")), @r##"
    lifecycle: active
    departures:
      chat: delete
    "##);
    let additive = CHAT.replace("groups: {}", "groups: {ownership: additive}\n  ownership: additive");
    assert_snapshot!(came(&[&additive, GROUPS, CARD], leaver), @r##"
    lifecycle: leaver
    groups:
      chat:
      - Engineers
      - Product
    entitlements:
      chat:
        card:
          holder: ada
          limit: 500
    departures:
      chat: keep
    "##);
    let protected = CHAT.replace("groups: {}", "groups: {}\n  protect: {accounts: [ada]}");
    assert_snapshot!(came(&[&protected, GROUPS, CARD], leaver), @r##"
    lifecycle: leaver
    groups:
      chat:
      - Engineers
      - Product
    entitlements:
      chat:
        card:
          holder: ada
          limit: 500
    departures:
      chat: keep
    "##);
    assert_snapshot!(came(&all, "  records: {hr: {id: 7, login: ada, dept: Eng, start: 2026-01-16}}\n"), @r##"lifecycle: pre-hire"##);
}

#[test]
fn users_are_there_when_they_are_named() {
    let users = "kind: User\nmetadata: {name: boss}\nspec: {attributes: {userName: boss, department: Eng}}\n---\napiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: fix}\nspec: {overrides: {source: hr, key: '7'}, attributes: {title: Fixed}}\n";
    assert_snapshot!(came(&[CHAT, users], "  user: boss\n"), @r##"
    lifecycle: active
    accounts:
      chat:
        active: true
        userName: boss
    "##);
    let managed = "  records: {hr: {id: 7, login: ada, dept: Eng, boss: user/boss}}\n";
    assert_snapshot!(came(&[CHAT, users], managed), @r##"
    lifecycle: active
    accounts:
      chat:
        active: true
        title: Fixed
        userName: ada
    "##);
    assert_snapshot!(came(&[CHAT, users], &format!("{managed}  others: [{{user: boss}}]\n")), @r##"
    lifecycle: active
    accounts:
      chat:
        active: true
        manager: user/boss
        title: Fixed
        userName: ada
    "##);
    assert_snapshot!(came(&[CHAT, users], "  user: boss\n  records: {hr: {id: 7, login: ada}}\n"), @r##"these are several people: user/boss, hr/7; no key of theirs says that they are one"##);
}

#[test]
fn errors_about_the_person_are_part_of_what_comes() {
    assert_snapshot!(came(&[CHAT], "  records: {hr: {id: 7, dept: Eng}}\n"), @r##"
    lifecycle: active
    findings:
    - required-attribute-missing
    "##);
    assert_snapshot!(came(&[CHAT], "  records: {hr: {login: ada}}\n"), @r##"
    findings:
    - expression-failed
    "##);
    assert_eq!(
        came(&[CHAT], "  records: {hr: {login: ada}}\n  others: [{records: {hr: {id: 8, login: bob}}}]\n"),
        came(&[CHAT], "  records: {hr: {login: ada}}\n"),
        "another's record is not the persona's"
    );
    assert_snapshot!(came(&[CHAT], "  records: {hr: {id: 7, login: ada, start: soon}}\n"), @r##"
    lifecycle: unknown
    findings:
    - expression-failed
    "##);
    assert_snapshot!(came(&[DIRECTORY, CHAT], "  records: {directory: {id: x, userName: ada}}\n"), @"");
}

#[test]
fn limits_that_count_people_do_not_count_here() {
    let limited = CHAT.replace("groups: {}", "guardrails: {create: {percent: 1}, leavers: {count: 0}, deactivate: {count: 0}}");
    assert!(came(&[&limited], "  records: {hr: {id: 7, login: ada}}\n").contains("userName: ada"));
    assert!(came(&[&limited], "  records: {hr: {id: 7, login: ada, status: left}}\n").contains("chat: deactivate"));
}

#[test]
fn a_difference_says_which_rule_gave_or_withheld_it() {
    let spec = r#"  records: {hr: {id: 7, login: ada, dept: Eng, title: Boss}}
  expect:
    lifecycle: active
    accounts: {chat: {active: true, userName: ada, title: Boss, emails: ada@acme.example}, }
    groups: {chat: [Engineers, Product, Sellers]}
    entitlements: {chat: {card: {limit: 500, holder: ada}, licence: {}}}
    findings: [name-taken]
"#;
    let persona = persona("one", spec);
    let (loaded, policy) = loaded(&[WORKSPACE, HR, CHAT, GROUPS, CARD, &persona]);
    let verdict = Suite::new(&loaded, &policy).test(&loaded.personas[0]).verdict;
    let mut told = Vec::new();
    crate::render::verdict::verdict(&verdict, 200, &mut told).unwrap();
    assert_snapshot!(anstream::adapter::strip_str(&String::from_utf8(told).unwrap()).to_string(), @r##"
    failed one (a.yaml:57:1, hr/7, on 2026-01-15)
        accounts:
          chat:
      -     emails: ada@acme.example
              # a.yaml:65:73 expected here
              # a.yaml:36:34 the mapping of chat: `identity.emails`, where identity.emails is missing
              # a.yaml:19:38 the record says so: `record.dept`
        groups:
          chat:
      -   - Sellers
            # a.yaml:66:41 expected here
            # no Group has this displayName
        entitlements:
          chat:
            card:
      -       limit: 500  # a.yaml:67:41 expected here
      +       limit: 2000  # a.yaml:55:23 the parameter limit: `identity.title == "Boss" ? 2000 : 500`, where identity.title is "Boss"
      -     licence: {}
              # a.yaml:67:60 expected here
              # no Entitlement gives licence at chat
      - findings:
      - - name-taken  # a.yaml:68:16 expected here
    "##);
}

#[test]
fn every_rule_that_reads_a_person_is_counted() {
    let eng = persona("eng", "  records: {hr: {id: 7, login: ada, dept: Eng}}\n");
    let sales = persona("sales", "  records: {hr: {id: 8, login: bob, dept: Sales, title: Rep}}\n");
    let (loaded, policy) = loaded(&[WORKSPACE, HR, CHAT, GROUPS, CARD, &eng, &sales]);
    let mut suite = Suite::new(&loaded, &policy);
    loaded.personas.iter().for_each(|persona| drop(suite.test(persona)));
    let coverage = suite.coverage();
    let line = |rule: &crate::model::RuleUse| format!("{} {} {:?}", rule.what, rule.exercised, rule.refused);
    assert_snapshot!(coverage.rules.iter().map(line).collect::<Vec<_>>().join("\n"), @r##"
    hr: leaver 0 Some(2)
    hr: suspended 0 Some(2)
    hr: userName 2 None
    hr: title 1 None
    hr: department 2 None
    hr: manager 0 None
    hr: startDate 0 None
    chat: select 1 Some(1)
    chat: userName 1 None
    chat: title 0 None
    chat: emails 0 None
    chat: emails, when 1 Some(0)
    chat: manager 0 None
    group/eng: rule 1 Some(1)
    entitlement/card: when 1 Some(0)
    entitlement/card: limit 1 None
    entitlement/card: holder 1 None
    "##);
    assert_eq!((coverage.exercised, coverage.total, coverage.percent()), (10, 17, 58));
}

#[test]
fn what_no_rule_reads_is_told_with_its_place() {
    let spec = "  records:\n    hr: {id: 7, login: ada, depp: Eng, \"a.b\": 1}\n    directory: {userName: ada, meta: {created: x}}\n";
    let persona = persona("one", spec);
    let (loaded, policy) = loaded(&[WORKSPACE, HR, DIRECTORY, &persona]);
    let told: Vec<String> = check(&loaded, &policy).iter().map(ToString::to_string).collect();
    assert_snapshot!(told.join("\n"), @r##"
    a.yaml:43:29: warning: no rule of the Source `hr` reads the field `depp` (did you mean `dept`?)
    a.yaml:43:40: warning: no rule of the Source `hr` reads the field `a.b` (leave it out, or correct its name)
    a.yaml:44:5: error: this is no User of SCIM: a resource has no id (write it as the service would send it, with its `id`)
    "##);
}

/// Rewrites the one persona of a text to what comes of it, and looks that it then passes, and that nothing is left to rewrite.
fn rewritten(document: &str) -> String {
    let line_end = if document.contains("\r\n") { "\r\n" } else { "\n" };
    let head =
        [WORKSPACE, HR, CHAT].map(|text| format!("apiVersion: headcount.dev/v1alpha1\n{text}---\n")).concat().replace('\n', line_end);
    let text = format!("{head}{document}");
    let (loaded, policy) = read(&text);
    let persona = &loaded.personas[0];
    let came = Suite::new(&loaded, &policy).test(persona).came.unwrap();
    let [rewrite] = <[Rewrite; 1]>::try_from(rewrite(&loaded, &[(persona, &came)]).unwrap()).unwrap();
    let after = rewrite.after.strip_prefix(&head).expect("what stands before stays").to_owned();
    let (loaded, policy) = read(&rewrite.after);
    let verdict = Suite::new(&loaded, &policy).test(&loaded.personas[0]).verdict;
    assert!(verdict.passed, "{after}");
    after
}

#[test]
fn only_the_expectation_is_rewritten() {
    let head = "apiVersion: headcount.dev/v1alpha1\nkind: Persona\nmetadata: {name: one}\n";
    let spec = "spec:\n  asOf: 2026-01-15   # a day\n\n  records: {hr: {id: 7, login: ada}}   # the last\n";
    let absent = format!("{head}{spec}");
    assert_snapshot!(rewritten(&absent).strip_prefix(head).unwrap(), @r##"
    spec:
      asOf: 2026-01-15   # a day

      records: {hr: {id: 7, login: ada}}   # the last
      expect:
        lifecycle: active
        accounts:
          chat:
            active: true
            userName: ada
    "##);
    assert_eq!(rewritten(absent.trim_end()), rewritten(&absent).trim_end(), "without a last line end");
    assert_eq!(rewritten(&absent.replace('\n', "\r\n")), rewritten(&absent).replace('\n', "\r\n"), "with Windows line ends");
    let empty =
        format!("{head}spec:\n  expect: {{}}   # nothing yet\n  # between\n  asOf: 2026-01-15\n  records: {{hr: {{id: 7, login: ada}}}}\n");
    assert_snapshot!(rewritten(&empty).strip_prefix(head).unwrap(), @r##"
    spec:
      expect:      # nothing yet
        lifecycle: active
        accounts:
          chat:
            active: true
            userName: ada
      # between
      asOf: 2026-01-15
      records: {hr: {id: 7, login: ada}}
    "##);
    let long = empty.replace(
        "expect: {}   # nothing yet\n",
        "expect:\n\n      # why\n      lifecycle: leaver  # wrong\n      groups:\n        chat:\n        - A\n        # last\n",
    );
    assert_snapshot!(rewritten(&long).strip_prefix(head).unwrap(), @r##"
    spec:
      expect:
        lifecycle: active
        accounts:
          chat:
            active: true
            userName: ada
            # last
      # between
      asOf: 2026-01-15
      records: {hr: {id: 7, login: ada}}
    "##);
    let flow = format!("{head}spec: {{asOf: 2026-01-15, expect: {{lifecycle: leaver}}, records: {{hr: {{id: 7, login: ada}}}}}}  # end\n");
    assert_snapshot!(rewritten(&flow).strip_prefix(head).unwrap(), @r##"spec: {asOf: 2026-01-15, expect: {lifecycle: active, accounts: {chat: {active: true, userName: ada}}}, records: {hr: {id: 7, login: ada}}}  # end"##);
    let json = r#"{"apiVersion": "headcount.dev/v1alpha1", "kind": "Persona", "metadata": {"name": "one"},
 "spec": {"asOf": "2026-01-15", "records": {"hr": {"id": 7, "login": "ada"}} } }
"#;
    assert_snapshot!(rewritten(json), @r##"
    {"apiVersion": "headcount.dev/v1alpha1", "kind": "Persona", "metadata": {"name": "one"},
     "spec": {"asOf": "2026-01-15", "records": {"hr": {"id": 7, "login": "ada"}}, "expect": {"lifecycle":"active","accounts":{"chat":{"active":true,"userName":"ada"}}} } }
    "##);
}

#[test]
fn what_would_change_something_else_is_refused() {
    let anchored = "apiVersion: headcount.dev/v1alpha1\nkind: Persona\nmetadata: {name: one}\nspec:\n  expect: {groups: {chat: &names [A]}}\n  asOf: 2026-01-15\n  formerAccounts: *names\n  user: a\n";
    let (loaded, _) = load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: anchored.as_bytes().to_vec() }]);
    let refused = rewrite(&loaded, &[(&loaded.personas[0], &Expectation::default())]).unwrap_err();
    assert_snapshot!(refused, @r##"a.yaml: what stands at a.yaml:5 is used as `*names` at a.yaml:7; edit it by hand"##);
}
