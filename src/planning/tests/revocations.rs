//! Who is revoked is cut off, whatever everything else says; and gets back what today's rules give when it ends.

use insta::assert_snapshot;
use serde_json::json;

use crate::model::{CutOff, Evidence, ObjectKind, Receipt, ReceiptWord, RecordLink, StandingRevocation};
use crate::planning::question::LookupBy;
use crate::planning::testing::{Scene, entitlement, group, source, target, tell};

const GROUPS: &str = "  groups: {}";

/// Cuts off these identities of `hr`.
fn revocation(keys: &[&str], rest: &str) -> String {
    let identities: Vec<_> = keys.iter().map(|key| format!("{{identity: {{source: hr, key: \"{key}\"}}}}")).collect();
    format!("kind: Revocation\nmetadata: {{name: stop}}\nspec:\n  identities: [{}]\n  reason: stolen laptop\n{rest}", identities.join(", "))
}

fn scene(target_rest: &str) -> Scene {
    Scene::new(&[source("hr", ""), target(target_rest), revocation(&["1"], ""), group("ops", "  rule: 'true'\n")])
}

fn standing(scene: Scene, key: &str, receipts: Vec<Receipt>) -> Scene {
    let mut scene = scene;
    let at = scene.moment.now;
    scene.memory.revocations.push(StandingRevocation {
        key: key.into(),
        reason: "stolen laptop".into(),
        at,
        until: None,
        also: Vec::new(),
        receipts,
    });
    scene
}

#[test]
fn whoever_is_revoked_loses_everything_and_gets_nothing_else() {
    let scene = scene(GROUPS)
        .record("hr", json!({"id": "1", "login": "jane", "title": "Boss"}))
        .person("2", "joe")
        .marked("a1", "hr/1", "jane")
        .marked("a2", "hr/2", "joe")
        .marked_group("g1", "group/ops", "ops")
        .group("g2", "others")
        .member("g1", "a1")
        .member("g1", "a2")
        .member("g2", "a1")
        .able(|can| can.end_sessions = true);
    assert_snapshot!(scene.told(), @r"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    1 RemoveMembers group/ops [Revoked] id=g1 hr/1
    2 RemoveMembers id:g2 [Revoked] id=g2 hr/1
    3 EndSessions hr/1 [Revoked] id=a1
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn every_entitlement_goes_and_none_is_given_or_changed() {
    let declared = |name: &str| entitlement(name, "  when: 'true'\n  parameters: {limit: '500'}\n");
    let scene = Scene::new(&[source("hr", ""), target("  ownership: observe"), revocation(&["1"], ""), declared("card"), declared("desk")])
        .person("1", "jane")
        .person("2", "joe")
        .marked("a1", "hr/1", "jane")
        .marked("a2", "hr/2", "joe")
        .entitled("a1", "card", json!({"limit": 100}))
        .entitled("a1", "declared nowhere", json!({}))
        .entitled("a2", "declared nowhere", json!({}))
        .able(|can| can.end_sessions = true);
    assert_snapshot!(scene.told(), @r#"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    1 RemoveEntitlement hr/1 [Revoked] id=a1 "card"
    2 RemoveEntitlement hr/1 [Revoked] id=a1 "declared nowhere"
    3 EndSessions hr/1 [Revoked] id=a1
    (Note OwnershipUnproven) chat: 2 entitlements differ from what is declared; they are only observed
    "#);
    let already = Scene::new(&[source("hr", ""), target(""), revocation(&["1"], ""), declared("card")])
        .person("1", "jane")
        .account(json!({"id": "a1", "userName": "jane", "externalId": "hc:acme:hr:1", "active": false}))
        .entitled("a1", "card", json!({"limit": 500}));
    assert_snapshot!(already.told(), @r#"0 RemoveEntitlement hr/1 [Revoked] id=a1 "card""#);
}

#[test]
fn the_entitlements_of_who_is_protected_stay() {
    let scene = scene("  protect: {accounts: [jane]}").person("1", "jane").marked("a1", "hr/1", "jane");
    assert_snapshot!(scene.entitled("a1", "card", json!({})).told(), @r#"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn] WITHHELD
    1 RemoveEntitlement hr/1 [Revoked] id=a1 "card" WITHHELD
    (Refused Protected) chat: 1 protected account or group would be deactivated, deleted or stripped of a group or an entitlement; none of that goes
    "#);
}

#[test]
fn ownership_and_lifecycle_do_not_matter() {
    for rest in ["  ownership: observe", "  ownership: additive", "  select: 'false'", "  leaver: {action: keep}"] {
        let scene = scene(&format!("{GROUPS}\n{rest}")).record("hr", json!({"id": "1", "login": "jane", "left": true}));
        let scene = scene.account(json!({"id": "a1", "userName": "JANE"})).group("g2", "others").member("g2", "a1");
        let told = scene.told();
        let steps: Vec<_> = told.lines().filter(|line| line.contains("[Revoked]")).collect();
        assert_eq!(steps.len(), 2, "{rest}: {told}");
        assert!(steps[0].contains("Deactivate hr/1") && steps[1].contains("RemoveMembers id:g2"), "{rest}: {told}");
    }
}

#[test]
fn a_source_that_can_t_be_read_keeps_nobody_going() {
    let gone = Evidence::Unreadable { reason: "no route".into() };
    let scene = scene(GROUPS).read("hr", ObjectKind::Account, gone).marked("a1", "hr/1", "jane");
    assert_snapshot!(scene.told(), @r"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    1 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    (Incomplete IncompleteRead) hr: no route; nobody counts as gone
    ");
}

#[test]
fn every_account_of_theirs_goes_and_a_namesake_s_stays() {
    let scene = scene("  correlate: [userName, title]")
        .record("hr", json!({"id": "1", "login": "jane", "title": "Boss"}))
        .person("2", "joe")
        .link(ObjectKind::Account, "hr/1", "a1")
        .account(json!({"id": "a1", "userName": "old"}))
        .marked("a2", "hr/1", "jane2")
        .account(json!({"id": "a3", "userName": "Jane"}))
        .account(json!({"id": "a4", "userName": "other", "title": "Boss", "externalId": "hc:else:hr:1"}))
        .account(json!({"id": "a5", "userName": "own", "title": "Boss", "externalId": "hc:acme:hr:2"}));
    assert_snapshot!(scene.told(), @r"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    1 Deactivate hr/1 [Revoked] id=a2 active: true > false; risks [SignIn]
    2 Deactivate hr/1 [Revoked] id=a3 active: true > false; risks [SignIn]
    3 Adopt hr/2 [Joiner] id=a5 userName: own > joe; risks [SignIn, Adoption]
    (Error AmbiguousCorrelation) hr/1: an account that looks like theirs (id a4) carries another workspace's mark, so the revocation leaves it alone
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    ");
}

#[test]
fn an_account_that_somebody_else_may_have_is_left_to_a_person() {
    let scene = scene("").person("1", "jane").person("2", "jane").account(json!({"id": "a1", "userName": "jane"}));
    assert_snapshot!(scene.told(), @"(Error AmbiguousCorrelation) hr/1: an account that looks like theirs (id a1) may be hr/2's too, so the revocation leaves it alone");
}

#[test]
fn protection_holds() {
    let scene = scene("  groups: {}\n  protect: {accounts: [jane]}").person("1", "jane").marked("a1", "hr/1", "jane");
    let scene = scene.group("g2", "others").member("g2", "a1");
    assert_snapshot!(scene.told(), @r"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn] WITHHELD
    1 RemoveMembers id:g2 [Revoked] id=g2 hr/1 WITHHELD
    2 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    (Refused Protected) chat: 1 protected account or group would be deactivated, deleted or stripped of a group or an entitlement; none of that goes
    ");
}

#[test]
fn guardrails_hold_nothing_up() {
    let scene = scene("  guardrails: {deactivate: {count: 0, percent: 0}}").person("1", "jane").marked("a1", "hr/1", "jane");
    assert_snapshot!(scene.forgetful().told(), @r"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    (Warning StateLost) chat: 1 of its accounts carry headcount's mark, but there is no state: it was lost
    ");
}

#[test]
fn what_is_so_already_is_not_done_again() {
    let scene =
        scene(GROUPS).person("1", "jane").account(json!({"id": "a1", "userName": "jane", "externalId": "hc:acme:hr:1", "active": false}));
    let still_in = scene.clone().group("g2", "others").member("g2", "a1");
    let group = "0 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;";
    assert_eq!(scene.told(), group);
    assert_eq!(
        still_in.told(),
        format!(
            "0 RemoveMembers id:g2 [Revoked] id=g2 hr/1\n{}\n(Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone",
            group.replacen('0', "1", 1)
        )
    );
}

#[test]
fn a_target_that_can_t_deactivate_takes_what_it_can() {
    let scene = scene(GROUPS).person("1", "jane").marked("a1", "hr/1", "jane").marked_group("g1", "group/ops", "ops").member("g1", "a1");
    assert_snapshot!(scene.able(|can| can.deactivate_accounts = false).told(), @r"
    0 RemoveMembers group/ops [Revoked] id=g1 hr/1
    (Error UnsupportedCapability) hr/1: revoked, but accounts can't be deactivated here: the sign-in stays
    ");
}

#[test]
fn lifting_it_gives_back_what_the_rules_give() {
    let scene = Scene::new(&[source("hr", ""), target(GROUPS), group("ops", "  rule: 'true'\n")])
        .person("1", "jane")
        .account(json!({"id": "a1", "userName": "jane", "externalId": "hc:acme:hr:1", "active": false}))
        .marked_group("g1", "group/ops", "ops")
        .deactivated("a1", 3);
    assert_snapshot!(scene.told(), @r"
    0 Reactivate hr/1 [Returned] id=a1 active: false > true; risks [Reactivation]
    1 AddMembers group/ops [Mover] id=g1 hr/1
    ");
}

#[test]
fn lifting_it_gives_back_an_account_that_nobody_owned() {
    let mut scene =
        Scene::simple().person("1", "jane").account(json!({"id": "a1", "userName": "jane", "active": false})).deactivated("a1", 3);
    scene.memory.cut_off.push(CutOff {
        target: "chat".into(),
        kind: crate::model::ObjectKind::Account,
        id: "a1".into(),
        key: "hr/1".into(),
    });
    assert_snapshot!(scene.told(), @"0 Adopt hr/1 [Joiner] id=a1 active: false > true; externalId: nothing > hc:acme:hr:1; risks [Reactivation, Adoption]");
}

#[test]
fn a_key_that_nobody_has_is_told_with_the_nearest() {
    let scene = Scene::new(&[source("hr", ""), target(""), revocation(&["10032"], "")]).person("10023", "jane");
    assert_snapshot!(scene.told(), @r"
    0 Create hr/10023 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:10023; userName: nothing > jane;
    (Error UnknownMember) revocation/stop: nobody has the key hr/10032, neither in a source nor at a target: nobody is cut off by it
    ");
    assert!(scene.plan().findings.iter().any(|finding| finding.hint.as_deref() == Some("Did you mean hr/10023?")));
}

#[test]
fn whoever_is_gone_under_one_key_and_has_an_account_under_another_is_known() {
    let gone = |also: &[&str], more: Scene| {
        let mut scene = standing(more, "hr/1", Vec::new());
        scene.memory.revocations[0].also = also.iter().map(|key| (*key).into()).collect();
        scene.told()
    };
    let account = || Scene::simple().account(json!({"id": "a1", "userName": "jane", "externalId": "hc:acme:hr:old-1", "active": false}));
    assert!(gone(&[], account()).contains("nobody has the key hr/1"), "nothing is theirs");
    let known = gone(&["hr/old-1"], account());
    assert!(!known.contains("nobody has the key"), "{known}");
    // Somebody else has that key by now.
    assert!(gone(&["hr/old-1"], account().person("old-1", "joe")).contains("nobody has the key hr/1"));
}

#[test]
fn a_day_that_is_past_asks() {
    let scene = Scene::new(&[source("hr", ""), target(""), revocation(&["1"], "  until: \"2026-11-21\"\n")]).person("1", "jane");
    assert_snapshot!(scene.account(json!({"id": "a1", "userName": "jane", "externalId": "hc:acme:hr:1", "active": false})).told(), @"(Warning Revocation) hr/1: the last day of revocation/stop was 2026-11-21; nothing is given back before somebody says so");
}

#[test]
fn a_command_counts_until_a_manifest_covers_it() {
    let scene = standing(Scene::simple().able(|can| can.end_sessions = true), "hr/1", Vec::new());
    let scene = scene.person("1", "jane").account(json!({"id": "a1", "userName": "jane", "externalId": "hc:acme:hr:1", "active": false}));
    assert_snapshot!(scene.told(), @r"
    0 EndSessions hr/1 [Revoked] id=a1
    (Warning Revocation) hr/1: cut off by `headcount revoke` since 2026-11-22T12:00:00Z (stolen laptop); in force, not yet in a manifest
    ");
    let at = scene.moment.now;
    let receipt = Receipt { target: "chat".into(), outcome: ReceiptWord::Done, message: None, tries: 1, at };
    let mut done = scene.clone();
    done.memory.revocations[0].receipts.push(receipt);
    assert!(!tell(&done.plan()).contains("EndSessions"));
}

#[test]
fn accounts_that_were_not_read_are_asked_for() {
    let scene = scene(GROUPS)
        .person("1", "jane")
        .partial("chat")
        .read("chat", ObjectKind::Membership, Evidence::Unreadable { reason: "500".into() })
        .read("chat", ObjectKind::Group, Evidence::Unreadable { reason: "500".into() })
        .hidden(ObjectKind::Account, json!({"id": "a1", "userName": "jane"}))
        .hidden(ObjectKind::Membership, json!({"group": "g2", "member": "a1", "kind": "account"}))
        .hidden(ObjectKind::Group, json!({"id": "g2", "displayName": "others"}));
    assert_snapshot!(scene.told(), @"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    1 RemoveMembers id:g2 [Revoked] id=g2 hr/1
    (Incomplete IncompleteRead) chat: 500; nothing is planned for its groups and memberships
    (Incomplete IncompleteRead) chat: the connection was cut; its accounts were not read to the end, and nothing follows from what is missing
    ");
    assert_snapshot!(tell(&scene.plan_revoked()), @r"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    1 RemoveMembers id:g2 [Revoked] id=g2 hr/1
    ");
}

#[test]
fn a_mark_that_nothing_can_be_looked_up_by_is_no_question_that_failed() {
    let scene = scene("").partial("chat").able(|can| can.asked_by = Some(["userName".into()].into()));
    let found = scene.clone().person("1", "jane").hidden(ObjectKind::Account, json!({"id": "a1", "userName": "jane"}));
    assert_snapshot!(tell(&found.plan_revoked()), @"0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]");
    let asked = found.survey_of_revoked();
    assert!(
        !asked.is_empty() && asked.iter().all(|by| !matches!(by, LookupBy::Attribute(name, _) if name.as_ref() == "externalId")),
        "{asked:?}"
    );
    // The link is believed, and done is done.
    let linked = scene
        .clone()
        .link(ObjectKind::Account, "hr/1", "a1")
        .hidden(ObjectKind::Account, json!({"id": "a1", "userName": "jane", "active": false}));
    assert_snapshot!(tell(&linked.plan_revoked()), @"nothing");
    // Of whom nothing is known that could be asked for, nobody says that they have nothing.
    assert_snapshot!(tell(&scene.plan_revoked()), @"(Incomplete Revocation) hr/1: revoked, but nothing that is known of them can be asked for there, and the accounts were not read; the next plan asks again");
}

#[test]
fn a_target_that_does_not_answer_is_told() {
    let gone = Evidence::Unreadable { reason: "no route".into() };
    let scene = scene("").person("1", "jane").read("chat", ObjectKind::Account, gone).link(ObjectKind::Account, "hr/1", "a1");
    assert_snapshot!(tell(&scene.plan_unanswered()), @"
    (Incomplete IncompleteRead) chat: no route; nothing is planned for its accounts
    (Incomplete Revocation) hr/1: revoked, but whether they have an account there could not be found out; the next plan asks again
    ");
}

#[test]
fn what_somebody_else_may_have_is_answered_by_revoking_it_by_itself() {
    let alone = "kind: Revocation\nmetadata: {name: alone}\nspec: {accounts: [{target: chat, id: a1}], reason: looked}\n".to_owned();
    let documents = [source("hr", ""), target(""), revocation(&["1"], ""), alone];
    let scene = Scene::new(&documents).person("1", "jane").person("2", "jane").account(json!({"id": "a1", "userName": "jane"}));
    let told = scene.told();
    assert!(told.contains("Deactivate account/chat/a1 [Revoked]") && !told.contains("looks like theirs"), "{told}");
    assert!(told.contains("hr/2: the account that would be theirs (id a1) is revoked by itself"), "{told}");
}

fn with_directory(rest: &str) -> Scene {
    let hr = source("hr", "  establishes: true\n  precedence: 10\n");
    let ldap = source("ldap", "  establishes: false\n  precedence: 5\n  correlate: [userName]\n");
    Scene::new(&[hr, ldap, target(rest)])
}

#[test]
fn any_record_of_somebody_means_them() {
    let scene = with_directory("").person("1", "ada").record("ldap", json!({"id": "a", "login": "ADA"})).marked("u1", "hr/1", "ada");
    let told = tell(&standing(scene, "ldap/a", Vec::new()).plan_revoked());
    assert!(told.starts_with("0 Deactivate hr/1 [Revoked] id=u1 active: true > false"), "{told}");
}

#[test]
fn a_record_that_is_remembered_means_whose_it_was_while_its_source_is_silent() {
    let gone = || Evidence::Unreadable { reason: "no route".into() };
    let mut scene = with_directory("").person("1", "ada").read("ldap", ObjectKind::Account, gone()).marked("u1", "hr/1", "ada");
    scene.memory.records.push(RecordLink { source: "ldap".into(), record: "a".into(), identity: "hr/1".into() });
    let told = tell(&standing(scene, "ldap/a", Vec::new()).plan_revoked());
    assert!(told.starts_with("0 Deactivate hr/1 [Revoked] id=u1 active: true > false"), "{told}");
}

#[test]
fn keys_that_the_state_knows_lead_to_accounts_when_no_source_answers() {
    let gone = || Evidence::Unreadable { reason: "no route".into() };
    let scene = with_directory("").read("hr", ObjectKind::Account, gone()).read("ldap", ObjectKind::Account, gone());
    let mut scene = standing(scene.marked("u1", "hr/1", "ada"), "ldap/a", Vec::new());
    scene.memory.revocations[0].also.push("hr/1".into());
    let told = tell(&scene.plan_revoked());
    assert!(told.contains("Deactivate ldap/a [Revoked] id=u1 active: true > false"), "{told}");
}

#[test]
fn an_account_that_is_revoked_by_itself_is_nobodys_until_somebody_says_so() {
    let revocation = "kind: Revocation\nmetadata: {name: old}\nspec: {accounts: [{target: chat, id: u9}], reason: unused}\n".to_owned();
    let scene = |rest: &str| {
        let documents = [source("hr", ""), target(&format!("  groups: {{}}\n{rest}")), revocation.clone()];
        Scene::new(&documents).group("g", "All").account(json!({"id": "u9", "userName": "svc"})).member("g", "u9")
    };
    assert_snapshot!(scene("").told(), @r"
    0 Deactivate account/chat/u9 [Revoked] id=u9 active: true > false; risks [SignIn]
    1 RemoveMembers id:g [Revoked] id=g account/chat/u9
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
    assert_snapshot!(tell(&scene("").plan_revoked()), @r"
    0 Deactivate account/chat/u9 [Revoked] id=u9 active: true > false; risks [SignIn]
    1 RemoveMembers id:g [Revoked] id=g account/chat/u9
    ");
    // Whoever would be found to have it is held, and no rule for what is nobody's deletes it.
    let held = scene("").person("1", "svc").told();
    assert!(
        held.contains("hr/1: the account that would be theirs (id u9) is revoked by itself")
            && !held.contains("Create")
            && !held.contains("Adopt"),
        "{held}"
    );
    let idle = scene("  ownership: authoritative\n").person("2", "bob");
    assert!(!idle.told().contains("Delete account/") && !idle.told().contains("Delete id:u9"), "{}", idle.told());
}

#[test]
fn a_group_that_is_only_being_adopted_keeps_nobody_who_is_revoked() {
    let scene = scene(GROUPS).person("1", "jane").marked("a1", "hr/1", "jane").group("g1", "ops").member("g1", "a1");
    assert_snapshot!(scene.told(), @r"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    1 RemoveMembers group/ops [Revoked] id=g1 hr/1
    2 Adopt group/ops [Declared] id=g1 externalId: nothing > hc:acme:group:ops; risks [Adoption]
    ");
}

#[test]
fn the_groups_that_were_not_read_are_asked_for_too() {
    let cut = Evidence::Partial { reason: "cut".into() };
    let scene = scene(GROUPS).person("1", "jane").marked("a1", "hr/1", "jane").read("chat", ObjectKind::Group, cut);
    let scene = scene
        .hidden(ObjectKind::Group, json!({"id": "g9", "displayName": "others"}))
        .member("g9", "a1")
        .hidden(ObjectKind::Membership, json!({"group": "g9", "member": "a1", "kind": "account"}));
    assert_snapshot!(scene.told(), @r"
    0 Deactivate hr/1 [Revoked] id=a1 active: true > false; risks [SignIn]
    1 RemoveMembers id:g9 [Revoked] id=g9 hr/1
    2 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    (Incomplete IncompleteRead) chat: cut; its groups were not read to the end, and nothing follows from what is missing
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    ");
}

#[test]
fn entitlements_that_were_not_read_are_asked_for() {
    let card = entitlement("card", "  entitlement: card\n  when: 'true'\n");
    let scene = Scene::new(&[source("hr", ""), target(""), card, revocation(&["1"], "")]).person("1", "jane").marked("a1", "hr/1", "jane");
    let held = LookupBy::Attribute("account".into(), "a1".into());
    let asked = |evidence| scene.clone().read("chat", ObjectKind::Entitlement, evidence).survey_of_revoked().contains(&held);
    assert!(asked(Evidence::Partial { reason: "cut".into() }) && !asked(Evidence::Complete));
}
