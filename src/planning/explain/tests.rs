//! What an explanation names.

use std::path::PathBuf;

use insta::assert_snapshot;

use super::*;
use crate::manifest::kinds::TargetSpec;
use crate::manifest::{ManifestInput, load};
use crate::model::{Capabilities, Evidence, Memory, Page};
use crate::planning::question::Scope;
use crate::planning::testing::{Scene, source, target};
use crate::policy::{ConnectorFacts, TargetFacts, compile};
use crate::world::{SourceSide, TargetSide};

const MANIFESTS: &str = r#"apiVersion: headcount.dev/v1alpha1
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
  establishes: true
  lifecycle: {leaver: record.status == "left"}
  mapping:
    rules:
    - {attribute: userName, value: lower(record.login)}
    - {attribute: department, value: record.dept}
    - {attribute: title, value: record.job}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: phones}
spec:
  connection: {file: {path: phones.csv}}
  key: record.login
  establishes: false
  precedence: -1
  correlate: [userName]
  mapping:
    rules:
    - {attribute: userName, value: record.login}
    - {attribute: title, value: record.title}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec:
  connection: {scim: {url: "https://chat.example"}}
  select: identity.department != "Sales" && identity.userName.size() > 1
  groups: {}
  mapping:
    defaults: none
    rules:
    - {attribute: userName, value: identity.userName}
    - {attribute: title, value: 'upper(identity.title)'}
---
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {name: boss}
spec:
  overrides: {source: hr, key: "1"}
  attributes: {title: Chief}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: eng}
spec:
  displayName: Engineering
  rule: identity.department == "Eng"
  members:
  - {identity: {source: hr, key: "2"}, until: 2026-01-31}
  - {group: ops}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: ops}
spec:
  displayName: Operations
  members: [{user: boss}]
"#;

struct Facts;

impl ConnectorFacts for Facts {
    fn of_target(&self, _: &TargetSpec) -> TargetFacts {
        TargetFacts::default()
    }
}

fn world(policy: &Policy) -> World {
    let read = |at: usize, rows: &[&[(&str, &str)]]| {
        let mut side = SourceSide::new(policy, at, moment().today);
        let columns = side.columns();
        let mut page = Page::new(columns.clone());
        for row in rows {
            let cell = |path: &Arc<str>| row.iter().find(|(name, _)| *name == path.as_ref()).map(|(_, value)| Value::text(value));
            page.row_of(&columns.paths().iter().map(cell).collect::<Vec<_>>());
        }
        side.add(&page);
        side.finish(Evidence::Complete);
        side
    };
    let hr: &[&[(&str, &str)]] = &[
        &[("id", "1"), ("login", "Ada"), ("dept", "Ops"), ("job", "Engineer"), ("status", "in")],
        &[("id", "2"), ("login", "Bob"), ("dept", "Sales"), ("status", "in")],
        &[("id", "3"), ("login", "Eve"), ("dept", "Eng"), ("job", "Engineer"), ("status", "left")],
    ];
    let phones: &[&[(&str, &str)]] = &[&[("login", "ada"), ("title", "Head")], &[("login", "bob"), ("title", "Rep")]];
    let capabilities = Capabilities { create_accounts: true, read_groups: true, create_groups: true, ..Capabilities::default() };
    let mut target = TargetSide::new(policy, 0, capabilities);
    for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership] {
        target.finish(kind, Evidence::Complete);
    }
    World::assemble(policy, vec![read(0, hr), read(1, phones)], vec![target], Memory { known: true, ..Memory::default() })
}

fn policy() -> Policy {
    let input = ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: MANIFESTS.into() };
    let (loaded, problems) = load(&[input]);
    assert_eq!(problems, []);
    compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

fn moment() -> Moment {
    Moment { today: jiff::civil::date(2026, 11, 22), now: "2026-11-22T12:00:00Z".parse().unwrap() }
}

fn line(because: &Because) -> String {
    let place = because.place.as_ref().map(|place| format!(" @{}:{}", place.line, place.column)).unwrap_or_default();
    let expression = because.expression.as_ref().map(|text| format!(" `{text}`")).unwrap_or_default();
    let trace: String = because.trace.iter().map(|part| format!("\n    {} -> {}", part.expression, part.value)).collect();
    format!("{}{place}{expression}{trace}", because.words)
}

fn attribute(why: &AttributeWhy) -> String {
    let claimed =
        |claim: &Claimed| format!("{} ({}) {:?} @{}", claim.by, claim.precedence, claim.says, claim.because.place.as_ref().unwrap().line);
    let outranked: String = why.outranked.iter().map(|claim| format!("; not {}", claimed(claim))).collect();
    format!("{}: {}{outranked}", why.attribute, why.given.as_ref().map(claimed).unwrap_or_default())
}

#[test]
fn an_explanation_names_records_rules_and_those_outranked() {
    let (policy, moment) = (policy(), moment());
    let world = world(&policy);
    let provenance = Provenance::new(&policy, &world, moment);
    let told = provenance.explain("hr/1", Some("chat")).unwrap();
    let behind: Vec<_> = told
        .behind
        .iter()
        .map(|behind| format!("{}/{} @{}", behind.source, behind.key.as_deref().unwrap_or("?"), behind.place.line))
        .collect();
    assert_eq!(behind, ["hr/1 @6", "phones/ada @20", "user/boss @47"]);
    let attributes: Vec<_> = told.attributes.iter().map(attribute).collect();
    assert_snapshot!(attributes.join("\n"), @r##"
    department: hr/1 (0) Set(Text("Ops")) @17
    lifecycle: 
    source: 
    title: user/boss (1000) Set(Text("Chief")) @47; not hr/1 (0) Set(Text("Engineer")) @18; not phones/ada (-1) Set(Text("Head")) @32
    userName: hr/1 (0) Set(Text("ada")) @16; not phones/ada (-1) Set(Text("ada")) @31
    "##);
    let target = &told.targets[0];
    assert_eq!((target.serves, target.account.is_none()), (Some(true), true));
    let rules: Vec<_> =
        target.attributes.iter().map(|rule| format!("{} = {:?} {}", rule.attribute, rule.should_be, line(&rule.because))).collect();
    assert_snapshot!(rules.join("\n"), @r##"
    title = Set(Text("CHIEF")) the mapping of chat @45:33 `upper(identity.title)`
        upper(identity.title) -> "CHIEF"
        identity.title -> "Chief"
    userName = Set(Text("ada")) the mapping of chat @44:36 `identity.userName`
        identity.userName -> "ada"
    "##);
    let groups: Vec<_> = told
        .groups
        .iter()
        .map(|group| format!("{} {:?} {}", group.group, group.belongs, group.because.iter().map(line).collect::<Vec<_>>().join("; ")))
        .collect();
    assert_snapshot!(groups.join("\n"), @r##"
    group/eng Some(true) the rule of group/eng does not cover it @59:9 `identity.department == "Eng"`
        identity.department == "Eng" -> false
        identity.department -> "Ops"; named in group/ops @69:13
    group/ops Some(true) named in group/ops @69:13
    "##);
}

#[test]
fn why_not_is_answered_too() {
    let (policy, moment) = (policy(), moment());
    let world = world(&policy);
    let provenance = Provenance::new(&policy, &world, moment);
    let bob = provenance.explain("hr/2", None).unwrap();
    assert_eq!((bob.lifecycle.as_deref(), bob.targets[0].serves), (Some("active"), Some(false)));
    assert_snapshot!(bob.targets[0].because.iter().map(line).collect::<Vec<_>>().join("\n"), @r##"
    hr does not say leaver @13:23 `record.status == "left"`
        record.status == "left" -> false
        record.status -> "in"
    chat has accounts for the lifecycle active @34:1
    the select of chat does not cover it @39:11 `identity.department != "Sales" && identity.userName.size() > 1`
        identity.department != "Sales" -> false
        identity.department -> "Sales"
        size(identity.userName) > 1 -> true
        size(identity.userName) -> 3
        identity.userName -> "bob"
    "##);
    let eng = bob.groups.iter().find(|group| group.group.as_ref() == "group/eng").unwrap();
    assert_snapshot!(eng.because.iter().map(line).collect::<Vec<_>>().join("\n"), @r##"
    the rule of group/eng does not cover it @59:9 `identity.department == "Eng"`
        identity.department == "Eng" -> false
        identity.department -> "Sales"
    named in group/eng, until 2026-01-31, which is over @61:5
    "##);
    assert_eq!((eng.belongs, eng.because[1].holds), (Some(false), Some(false)));
    assert_eq!(eng.because[0].unless.as_deref(), Some(r#"identity.department were "Eng" (it is "Sales")"#));
    let ops = provenance.explain_group("group/ops", None).unwrap();
    assert_eq!((ops.group.as_ref(), ops.members.len()), ("group/ops", 1));
    let eve = provenance.explain("hr/3", None).unwrap();
    assert_snapshot!(eve.targets[0].because.iter().map(line).collect::<Vec<_>>().join("\n"), @r##"
    hr says leaver @13:23 `record.status == "left"`
        record.status == "left" -> true
        record.status -> "left"
    chat has no accounts for the lifecycle leaver @34:1
    "##);
    assert!(provenance.explain("hr/9", None).is_none());
}

#[test]
fn people_are_found_by_key_name_and_record() {
    let (policy, moment) = (policy(), moment());
    let world = world(&policy);
    let provenance = Provenance::new(&policy, &world, moment);
    for text in ["hr/1", "1", "ADA"] {
        assert_eq!(provenance.find(text), [Arc::from("hr/1")], "{text}");
    }
    assert!(provenance.find("nobody").is_empty());
}

#[test]
fn every_change_of_a_plan_says_why() {
    let (policy, moment) = (policy(), moment());
    let world = world(&policy);
    let plan = crate::planning::plan(&policy, &world, &[], moment, Scope::All);
    let provenance = Provenance::new(&policy, &world, moment);
    assert!(!plan.changes.is_empty());
    for change in &plan.changes {
        let why = provenance.why(change);
        assert!(!why.because.is_empty() || !why.members.is_empty(), "{change:?}");
        for attribute in change.attributes.iter().filter(|_| change.object.kind == ObjectKind::Account) {
            assert!(why.attributes.iter().any(|known| known.attribute == attribute.attribute), "{attribute:?}");
        }
        assert!(serde_json::to_string(&why).is_ok());
    }
}

#[test]
fn a_person_is_explained_by_their_own_rows_unless_somebody_else_has_a_say() {
    let scene = ["1 ada", "2 bob", "3 cy", "4 di"].iter().fold(Scene::simple(), |scene, person| {
        let (key, login) = person.split_once(' ').unwrap();
        scene.person(key, login)
    });
    let scene = scene.marked("u1", "hr/1", "ada").marked("u2", "hr/2", "bob").marked("u3", "hr/2", "bob2");
    let scene = scene.account(serde_json::json!({"id": "u4", "userName": "di"}));
    let world = scene.world();
    // Two accounts have bob's mark, and whose di's account is takes a look at everybody.
    for (key, is_alone) in [("hr/1", true), ("hr/2", false), ("hr/3", true), ("hr/4", false)] {
        let of_all = Provenance::new(&scene.policy, &world, scene.moment);
        of_all.settle();
        let provenance = Provenance::new(&scene.policy, &world, scene.moment);
        assert_eq!(provenance.explain(key, None), of_all.explain(key, None));
        assert_eq!(provenance.matched.get().is_none(), is_alone, "{key}");
    }
}

#[test]
fn whoever_goes_has_the_line_behind_that_says_what_becomes_of_the_account() {
    let rules = "  leaver: {deleteAfter: 30d}\n  suspended: {action: deactivate}\n";
    let of = |rules: &str| {
        let scene = Scene::new(&[source("hr", ""), target(rules)])
            .record("hr", serde_json::json!({"id": "1", "login": "ada", "left": true}))
            .record("hr", serde_json::json!({"id": "2", "login": "bob", "leave": true}))
            .person("3", "cy")
            .marked("u1", "hr/1", "ada")
            .marked("u2", "hr/2", "bob")
            .marked("u3", "hr/3", "cy")
            .marked("u9", "hr/9", "gone");
        let (plan, world) = (scene.plan(), scene.world());
        let provenance = Provenance::new(&scene.policy, &world, scene.moment);
        let document = scene.policy.targets[0].place.line;
        let lines = plan.changes.iter().filter(|change| change.action == Action::Deactivate);
        lines.map(|change| (change.object.key.to_string(), provenance.line(change).unwrap().line - document)).collect::<Vec<_>>()
    };
    let told = |lines: [u32; 3]| ["hr/1", "hr/2", "hr/9"].map(str::to_owned).into_iter().zip(lines).collect::<Vec<_>>();
    assert_eq!(of(rules), told([5, 6, 5]), "{rules}");
    assert_eq!(of(""), told([0, 0, 0]), "where it does not say, the Target");
}
