//! Stories about entitlements: who gets what, with which parameters, and who loses it.

use insta::assert_snapshot;
use serde_json::json;

use crate::model::{Evidence, ObjectKind};
use crate::planning::explain::Provenance;
use crate::planning::testing::{Scene, entitlement, source, target};

fn scene(rest: &str) -> Scene {
    Scene::new(&[source("hr", ""), target(""), entitlement("card", rest)])
}

fn titled(scene: Scene, key: &str, login: &str, title: &str) -> Scene {
    scene.record("hr", json!({"id": key, "login": login, "title": title}))
}

/// A person of `hr` with an account and that title.
fn here(scene: Scene, key: &str, title: &str) -> Scene {
    titled(scene, key, &format!("p{key}"), title)
        .account(json!({"id": format!("a{key}"), "userName": format!("p{key}"), "title": title, "externalId": format!("hc:acme:hr:{key}")}))
}

/// A card for everybody but guests, its limit by title.
const LIMIT: &str = "  entitlement: travel-card\n  when: identity.title != \"Guest\"\n  parameters: {limit: 'identity.title == \"Engineer\" ? 500 : 2000', region: '\"EU\"'}\n";

#[test]
fn a_rule_gives_changes_and_takes() {
    let scene = here(here(here(scene(LIMIT), "1", "Engineer"), "2", "Lead"), "3", "Guest");
    let scene = titled(scene, "4", "p4", "Engineer");
    let scene =
        scene.entitled("a2", "travel-card", json!({"limit": 500, "region": "EU"})).entitled("a3", "travel-card", json!({"limit": 500}));
    assert_snapshot!(scene.told(), @r#"
    0 RemoveEntitlement hr/3 [Mover] id=a3 "travel-card"
    1 Create hr/4 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:4; title: nothing > Engineer; userName: nothing > p4;
    2 AddEntitlement hr/1 [Mover] id=a1 "travel-card" limit: nothing > 500; region: nothing > EU;
    3 UpdateEntitlement hr/2 [Mover] id=a2 "travel-card" limit: 500 > 2000;
    4 AddEntitlement hr/4 [Joiner] "travel-card" limit: nothing > 500; region: nothing > EU; needs [1]
    "#);
}

#[test]
fn what_is_right_stays_as_it_is() {
    let scene = here(here(scene(LIMIT), "1", "Engineer"), "2", "Lead");
    let scene = scene.entitled("a1", "travel-card", json!({"limit": "500", "region": "EU"}));
    assert_snapshot!(scene.entitled("a2", "travel-card", json!({"limit": 2000, "region": "EU"})).told(), @"nothing");
}

/// Everybody has the card rightly: a1 as an Engineer, a2 as a Lead.
fn settled() -> Scene {
    let scene = here(here(scene(LIMIT), "1", "Engineer"), "2", "Lead");
    scene.entitled("a1", "travel-card", json!({"limit": 500, "region": "EU"})).entitled(
        "a2",
        "travel-card",
        json!({"limit": 2000, "region": "EU"}),
    )
}

/// The same people without any entitlement declared.
fn undeclared(ownership: &str) -> Scene {
    here(Scene::new(&[source("hr", ""), target(ownership)]), "1", "Engineer").entitled("a1", "travel-card", json!({}))
}

fn gone(scene: Scene, key: &str) -> Scene {
    let account = json!({"id": format!("a{key}"), "userName": format!("p{key}"), "externalId": format!("hc:acme:hr:{key}")});
    scene.record("hr", json!({"id": key, "login": format!("p{key}"), "left": true})).account(account)
}

#[test]
fn leavers_lose_what_they_have_and_a_deleted_account_needs_no_step_of_its_own() {
    let scene = gone(scene(LIMIT), "1").entitled("a1", "travel-card", json!({"limit": 1}));
    assert_snapshot!(scene.told(), @r#"
    0 Deactivate hr/1 [Leaver] id=a1 active: true > false; risks [SignIn]
    1 RemoveEntitlement hr/1 [Leaver] id=a1 "travel-card"
    "#);
    let deleting = Scene::new(&[
        source("hr", ""),
        target("  leaver: {action: delete}\n  guardrails: {delete: {count: 5}}"),
        entitlement("card", LIMIT),
    ]);
    assert_snapshot!(gone(deleting, "1").entitled("a1", "travel-card", json!({})).told(), @"
    0 Deactivate hr/1 [Leaver] id=a1 active: true > false; risks [SignIn]
    1 Delete hr/1 [Leaver] id=a1 risks [SignIn, Irreversible]
    ");
}

#[test]
fn the_entitlements_of_foreign_accounts_are_left_alone() {
    let scene = settled().account(json!({"id": "x", "userName": "somebody"})).entitled("x", "travel-card", json!({"limit": 9}));
    let hers = here(scene, "3", "Guest").entitled("a3", "desk", json!({}));
    assert_snapshot!(hers.entitled("a1", "desk", json!({})).told(), @"(Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone");
}

#[test]
fn what_the_target_says_is_somebody_elses_is_neither_changed_nor_taken() {
    let scene = here(here(scene(LIMIT), "1", "Guest"), "2", "Lead").able(|can| {
        can.says_writable.insert(ObjectKind::Entitlement);
    });
    let scene = scene.entitled("a1", "travel-card", json!({"limit": 500, "$writable": false}));
    assert_snapshot!(scene.entitled("a2", "travel-card", json!({"limit": 500, "$writable": false})).told(), @r"
    (Error NotWritable) hr/1: travel-card would be taken, but the target says that it belongs to somebody else there, so it stays
    (Warning NotWritable) hr/2: travel-card would be changed, but the target says that it belongs to somebody else there, so it stays
    ");
}

#[test]
fn what_headcount_gave_goes_with_its_manifest_and_nothing_else_does() {
    assert_snapshot!(undeclared("").told(), @"nothing");
    assert_snapshot!(undeclared("").link(ObjectKind::Entitlement, "hr/1#travel-card", "a1").told(), @r#"0 RemoveEntitlement hr/1 [Mover] id=a1 "travel-card""#);
    assert_snapshot!(undeclared("").link(ObjectKind::Entitlement, "hr/1#travel-card", "a0").told(), @"nothing");
    assert_snapshot!(undeclared("  ownership: additive").link(ObjectKind::Entitlement, "hr/1#travel-card", "a1").told(), @"nothing");
    assert_snapshot!(undeclared("  ownership: authoritative").told(), @r#"0 RemoveEntitlement hr/1 [Mover] id=a1 "travel-card""#);
    assert_snapshot!(undeclared("  ownership: observe").link(ObjectKind::Entitlement, "hr/1#travel-card", "a1").told(), @"(Note OwnershipUnproven) chat: 1 entitlements differ from what is declared; they are only observed");
}

#[test]
fn nothing_follows_from_a_stream_that_was_not_read_to_its_end() {
    let partial = Evidence::Partial { reason: "the connection was cut".into() };
    let scene = titled(here(here(scene(LIMIT), "1", "Engineer"), "2", "Guest"), "3", "p3", "Lead").entitled("a2", "travel-card", json!({}));
    assert_snapshot!(scene.clone().read("chat", ObjectKind::Entitlement, partial).told(), @r###"
    0 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; title: nothing > Lead; userName: nothing > p3;
    1 AddEntitlement hr/3 [Joiner] "travel-card" limit: nothing > 2000; region: nothing > EU; needs [0]
    (Incomplete IncompleteRead) chat: the connection was cut; its entitlements were not read to the end, and nothing follows from what is missing
    "###);
    let unreadable = Evidence::Unreadable { reason: "no such table".into() };
    assert_snapshot!(scene.read("chat", ObjectKind::Entitlement, unreadable).told(), @"
    0 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; title: nothing > Lead; userName: nothing > p3;
    (Incomplete IncompleteRead) chat: no such table; nothing is planned for its entitlements
    ");
}

#[test]
fn a_target_that_cannot_hold_it_says_so_once_and_gets_nothing() {
    let people = || here(here(scene(LIMIT), "1", "Engineer"), "2", "Lead");
    assert_snapshot!(people().able(|can| can.entitlements = false).told(), @"(Error UnsupportedCapability) chat: its accounts can't have entitlements, so entitlement/card is given to nobody (2 people should have it)");
    let limited = people().able(|can| can.entitlement_parameters = Some(["region".into()].into()));
    let limited =
        here(limited, "3", "Guest").entitled("a3", "travel-card", json!({})).entitled("a1", "travel-card", json!({"region": "US"}));
    assert_snapshot!(limited.told(), @r#"
    0 RemoveEntitlement hr/3 [Mover] id=a3 "travel-card"
    (Error UnsupportedCapability) chat: its entitlements can't hold the parameter limit, so entitlement/card is neither given nor changed (2 people should have it)
    "#);
}

#[test]
fn people_are_named_until_a_day_and_get_the_same_parameters() {
    let members = "  entitlement: travel-card\n  members:\n  - {identity: {source: hr, key: \"1\"}, until: 2026-11-22}\n  - {identity: {source: hr, key: \"2\"}, until: 2026-11-21}\n  - {identity: {source: hr, key: \"8\"}}\n  - {identity: {source: hr, key: \"9\"}}\n  parameters: {limit: '7'}\n";
    let scene = here(here(scene(members), "1", "Engineer"), "2", "Lead").entitled("a2", "travel-card", json!({"limit": 7}));
    assert_snapshot!(gone(scene, "8").told(), @r#"
    0 Deactivate hr/8 [Leaver] id=a8 active: true > false; risks [SignIn]
    1 RemoveEntitlement hr/2 [Mover] id=a2 "travel-card"
    2 AddEntitlement hr/1 [Declared] id=a1 "travel-card" limit: nothing > 7;
    (Warning UnknownMember) member hr/9: nobody has that key
    "#);
}

#[test]
fn the_last_day_comes_from_the_identity() {
    let until = |until: &str| format!("  when: 'true'\n  until: identity.{until}\n");
    let scene = here(here(here(here(scene(&until("title")), "1", "2026-11-22"), "2", "2026-11-21"), "3", "soon"), "4", "");
    assert_snapshot!(scene.entitled("a2", "card", json!({})).entitled("a3", "card", json!({})).told(), @r#"
    0 RemoveEntitlement hr/2 [Mover] id=a2 "card"
    1 AddEntitlement hr/1 [Mover] id=a1 "card"
    2 AddEntitlement hr/4 [Mover] id=a4 "card"
    (Error ExpressionFailed) hr/3: until when entitlement/card is theirs could not be worked out, so nothing changes: its last day is no ISO date
    "#);
}

#[test]
fn an_empty_parameter_is_emptied_and_an_unknown_one_stays() {
    let rules =
        "  when: 'true'\n  parameters:\n    limit: int(identity.title)\n    note: 'identity.title == \"7\" ? identity.manager : null'\n";
    let scene = here(here(here(scene(rules), "1", "7"), "2", "seven"), "3", "x");
    let scene = scene.entitled("a1", "card", json!({"limit": 7, "note": "old"})).entitled("a2", "card", json!({"limit": 5, "note": "old"}));
    assert_snapshot!(scene.told(), @r#"
    0 UpdateEntitlement hr/1 [Mover] id=a1 "card" note: old > nothing;
    1 UpdateEntitlement hr/2 [Mover] id=a2 "card" note: old > nothing;
    (Error ExpressionFailed) hr/2, hr/3: limit of entitlement/card could not be worked out, so it stays as it is: `int(identity.title)` needs a text that is a whole number
    (Error ExpressionFailed) hr/3: a parameter of entitlement/card is not known, so it is not given yet
    "#);
}

#[test]
fn a_rule_that_fails_changes_nothing() {
    let scene = here(here(scene("  when: int(identity.title) > 5\n"), "1", "x"), "2", "7").entitled("a1", "card", json!({}));
    assert_snapshot!(scene.told(), @r#"
    0 AddEntitlement hr/2 [Mover] id=a2 "card"
    (Error ExpressionFailed) hr/1: whether entitlement/card is theirs could not be worked out, so nothing changes: `int(identity.title)` needs a text that is a whole number
    "#);
}

#[test]
fn one_entitlement_twice_on_one_account_is_a_finding() {
    let scene = settled().entitled("a1", "travel-card", json!({"limit": 9}));
    assert_snapshot!(gone(scene, "3").entitled("a3", "travel-card", json!({})).entitled("a3", "travel-card", json!({})).told(), @r"
    0 Deactivate hr/3 [Leaver] id=a3 active: true > false; risks [SignIn]
    (Error DuplicateKey) hr/1, hr/3: has travel-card more than once, so it is left as it is
    ");
}

#[test]
fn an_adopted_account_is_adopted_first() {
    let scene = titled(scene(LIMIT), "1", "p1", "Engineer").account(json!({"id": "a1", "userName": "p1", "title": "Engineer"}));
    let scene = titled(scene, "2", "p2", "Guest").account(json!({"id": "a2", "userName": "p2", "title": "Guest"}));
    assert_snapshot!(scene.entitled("a2", "travel-card", json!({})).told(), @r#"
    0 Adopt hr/1 [Joiner] id=a1 externalId: nothing > hc:acme:hr:1; risks [Adoption]
    1 Adopt hr/2 [Joiner] id=a2 externalId: nothing > hc:acme:hr:2; risks [Adoption]
    2 AddEntitlement hr/1 [Mover] id=a1 "travel-card" limit: nothing > 500; region: nothing > EU; needs [0]
    3 RemoveEntitlement hr/2 [Mover] id=a2 "travel-card" needs [1]
    "#);
}

#[test]
fn protected_accounts_keep_theirs() {
    let protected = Scene::new(&[source("hr", ""), target("  protect: {accounts: [p1]}"), entitlement("card", LIMIT)]);
    assert_snapshot!(here(protected, "1", "Guest").entitled("a1", "travel-card", json!({})).told(), @r#"
    0 RemoveEntitlement hr/1 [Mover] id=a1 "travel-card" WITHHELD
    (Refused Protected) chat: 1 protected account or group would be deactivated, deleted or stripped of a group or an entitlement; none of that goes
    "#);
}

#[test]
fn an_approver_is_named_by_account_and_made_first() {
    let rules = "  when: 'identity.title == \"Engineer\"'\n  parameters: {approver: identity.manager}\n";
    let scene = scene(rules).record("hr", json!({"id": "1", "login": "p1", "title": "Engineer", "boss": "2"})).person("2", "boss");
    let scene = scene.record("hr", json!({"id": "3", "login": "p3", "title": "Engineer", "boss": "77"}));
    assert_snapshot!(scene.told(), @r#"
    0 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > boss;
    1 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; title: nothing > Engineer; userName: nothing > p3;
    2 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; manager: nothing > → hr/2; title: nothing > Engineer; userName: nothing > p1; needs [0]
    3 AddEntitlement hr/1 [Joiner] "card" approver: nothing > → hr/2; needs [0, 2]
    (Error ExpressionFailed) hr/3: a parameter of entitlement/card is not known, so it is not given yet
    (Error ExpressionFailed) hr/3: approver of entitlement/card could not be worked out, so it stays as it is: hr/77 has no account here
    (Warning UnresolvedReference) hr/3: manager is hr/77, who has no account here; it is left out
    "#);
}

#[test]
fn many_who_lose_theirs_are_held_back() {
    let mut all = scene("  when: 'false'\n  allowEmpty: true\n");
    for key in 1..=30 {
        all = here(all, &key.to_string(), "Engineer").entitled(&format!("a{key}"), "card", json!({}));
    }
    let plan = all.guarded().plan();
    assert!(plan.changes.len() == 30 && plan.changes.iter().all(|change| !change.runs()));
    assert_snapshot!(plan.findings[0].message, @"chat: people who lose entitlements: 30 planned and 0 done in the last 24h, but the default limit allows 10 (count 20, 10 % of 30 people with entitlements; never more than a third of them); none of them goes");
}

#[test]
fn an_explanation_says_who_has_it_by_which_rule_and_why_not() {
    let named = "  members: [{identity: {source: hr, key: \"2\"}, until: 2026-11-21}]\n  until: identity.endDate\n";
    let scene = here(here(scene(&format!("{LIMIT}{named}")), "1", "Engineer"), "2", "Guest");
    let world = scene.world();
    let provenance = Provenance::new(&scene.policy, &world, scene.moment);
    let told = |key: &str| {
        let entitlements = provenance.explain(key, None).map(|explanation| explanation.entitlements).unwrap_or_default();
        let lines = entitlements.iter().flat_map(|why| {
            let heading = format!("{} {:?}", why.entitlement, why.has);
            let because = why.because.iter().map(|because| format!("  {} {:?}", because.words, because.expression));
            let parameters = why.parameters.iter().map(|parameter| format!("  {} {:?}", parameter.attribute, parameter.should_be));
            [heading].into_iter().chain(because).chain(parameters).collect::<Vec<_>>()
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(told("hr/1"), @r#"
    travel-card Some(true)
      the rule of entitlement/card covers it Some("identity.title != \"Guest\"")
      its last day is not over Some("identity.endDate")
      limit Set(Int(500))
      region Set(Text("EU"))
    "#);
    assert_snapshot!(told("hr/2"), @r#"
    travel-card Some(false)
      the rule of entitlement/card does not cover it Some("identity.title != \"Guest\"")
      named in entitlement/card, until 2026-11-21, which is over None
    "#);
    let why = provenance.why(&scene.plan().changes[0]);
    assert!(why.because.iter().any(|because| because.words.contains("entitlement/card")) && why.attributes.len() == 2, "{why:?}");
}

#[test]
fn what_brought_an_entitlement_about_is_its_own_rule() {
    let badge = entitlement("badge", "  entitlement: badge\n  when: 'true'\n");
    let scene = here(Scene::new(&[source("hr", ""), target(""), badge, entitlement("card", LIMIT)]), "1", "Engineer");
    let scene = scene.entitled("a1", "badge", json!({}));
    let (plan, world) = (scene.plan(), scene.world());
    let why = Provenance::new(&scene.policy, &world, scene.moment).why(&plan.changes[0]);
    let words: Vec<&str> = why.because.iter().map(|because| because.words.as_str()).collect();
    assert_eq!(words, ["the rule of entitlement/card covers it"]);
}

#[test]
fn a_last_day_that_is_to_come_is_told_as_such() {
    let named = "  members: [{identity: {source: hr, key: \"2\"}, until: 2026-12-31}]\n";
    let scene = here(scene(&format!("{LIMIT}{named}")), "2", "Guest");
    let world = scene.world();
    let explanation = Provenance::new(&scene.policy, &world, scene.moment).explain("hr/2", None).unwrap();
    let why = &explanation.entitlements[0];
    assert_eq!((why.has, why.because[1].words.as_str()), (Some(true), "named in entitlement/card, until 2026-12-31"));
}
