//! Groups and memberships.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, source, target};
use crate::model::ObjectKind;

fn scene(rest: &str, groups: &[String]) -> Scene {
    Scene::new(&[&[source("hr", ""), target(rest)], groups].concat())
}

/// Ada and Bob with accounts.
fn two(rest: &str, groups: &[String]) -> Scene {
    scene(rest, groups).person("1", "ada").person("2", "bob").marked("u1", "hr/1", "ada").marked("u2", "hr/2", "bob")
}

const GROUPS: &str = "  groups: {}\n";

#[test]
fn a_group_is_made_with_its_members() {
    let scene = two(GROUPS, &[group("ops", "  rule: 'identity.userName != \"bob\"'\n  members: [{identity: {source: hr, key: '3'}}]\n")])
        .person("3", "cy");
    assert_snapshot!(scene.told(), @r###"
    0 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    1 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; userName: nothing > cy;
    2 AddMembers group/ops [Mover] hr/1 hr/3 needs [0, 1]
    "###);
}

/// Whoever may change a group can write a mark there; nobody but headcount writes the state.
#[test]
fn a_mark_that_somebody_wrote_by_hand_makes_no_group_ours() {
    let named = |name: &'static str| move |link: &mut crate::model::Link| link.name = Some(name.into());
    let groups = [group("ops", "  rule: 'identity.userName == \"ada\"'\n"), group("admins", "  rule: 'identity.userName == \"bob\"'\n")];
    let scene = || {
        let scene = two(GROUPS, &groups).marked_group("g1", "group/ops", "ops").member("g1", "u1");
        scene.link(ObjectKind::Group, "group/ops", "g1").but(named("ops"))
    };
    // That of a group that is there: it stays what it is. That of a group to be made: it is taken over as nobody's, and by its mark no more than that.
    assert_snapshot!(scene().marked_group("g7", "group/ops", "mine").told(), @r"
    0 Create group/admins [Declared] displayName: nothing > admins; externalId: nothing > hc:acme:group:admins;
    1 AddMembers group/admins [Mover] hr/2 needs [0]
    ");
    assert_snapshot!(scene().marked_group("g7", "group/admins", "mine").member("g7", "u1").told(), @r"
    0 Adopt group/admins [Declared] id=g7 displayName: mine > admins; risks [Adoption]
    1 AddMembers group/admins [Mover] id=g7 hr/2 needs [0]
    2 RemoveMembers group/admins [Mover] id=g7 hr/1 needs [0]
    ");
    // A group of ours that got another's mark keeps its place.
    let forged = two(GROUPS, &groups).marked_group("g1", "group/admins", "ops").member("g1", "u1");
    assert_snapshot!(forged.link(ObjectKind::Group, "group/ops", "g1").but(named("ops")).told(), @r"
    0 Update group/ops [Declared] id=g1 externalId: hc:acme:group:admins > hc:acme:group:ops;
    1 Create group/admins [Declared] displayName: nothing > admins; externalId: nothing > hc:acme:group:admins;
    2 AddMembers group/admins [Mover] hr/2 needs [1]
    ");
    assert!(scene().marked_group("g7", "group/admins", "admins").forgetful().told().contains("AddMembers group/admins [Mover] id=g7"));
}

#[test]
fn members_by_name_end_and_are_checked() {
    let members = "  members:\n  - {identity: {source: hr, key: '1'}, until: 2026-11-22}\n  - {identity: {source: hr, key: '2'}, until: 2026-11-21}\n  - {identity: {source: hr, key: '404'}}\n";
    let scene = two(GROUPS, &[group("ops", members)]).marked_group("g1", "group/ops", "ops").member("g1", "u2");
    assert_snapshot!(scene.told(), @r###"
    0 RemoveMembers group/ops [Mover] id=g1 hr/2 risks [LastGroup]
    1 AddMembers group/ops [Mover] id=g1 hr/1
    (Warning UnknownMember) member hr/404: nobody has that key
    "###);
}

#[test]
fn memberships_that_are_not_ours_are_left() {
    let scene = two(GROUPS, &[group("ops", "  rule: 'identity.userName == \"ada\"'\n")])
        .account(json!({"id": "u9", "userName": "stranger"}))
        .marked_group("g1", "group/ops", "ops")
        .group("g2", "theirs")
        .member("g1", "u2")
        .member("g1", "u9")
        .member("g2", "u1")
        .member("g2", "u2");
    assert_snapshot!(scene.told(), @r###"
    0 RemoveMembers group/ops [Mover] id=g1 hr/2
    1 AddMembers group/ops [Mover] id=g1 hr/1
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    "###);
}

#[test]
fn an_existing_group_is_adopted_and_then_ours() {
    let scene = two(GROUPS, &[group("ops", "  rule: 'identity.userName == \"ada\"'\n")]).group("g1", "ops").member("g1", "u2");
    assert_snapshot!(scene.told(), @r###"
    0 Adopt group/ops [Declared] id=g1 externalId: nothing > hc:acme:group:ops; risks [Adoption]
    1 AddMembers group/ops [Mover] id=g1 hr/1 needs [0]
    2 RemoveMembers group/ops [Mover] id=g1 hr/2 needs [0] risks [LastGroup]
    "###);
}

#[test]
fn authoritative_groups_hold_nobody_else() {
    let scene =
        two("  groups: {ownership: authoritative}\n  guardrails: {deleteGroups: {count: 9}}\n", &[group("ops", "  rule: 'true'\n")])
            .account(json!({"id": "u9", "userName": "stranger"}))
            .marked_group("g1", "group/ops", "ops")
            .group("g2", "theirs")
            .member("g1", "u1")
            .member("g1", "u2")
            .member("g1", "u9");
    assert_snapshot!(scene.told(), @r###"
    0 RemoveMembers group/ops [Mover] id=g1 id:u9
    1 Delete id:g2 [Pruned] id=g2 risks [Irreversible]
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "###);
    assert_snapshot!(scene.partial("hr").told(), @r###"
    0 Delete id:g2 [Pruned] id=g2 risks [Irreversible]
    (Incomplete IncompleteRead) hr: the connection was cut; nobody counts as gone
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "###);
}

#[test]
fn leavers_lose_what_is_ours_and_additive_groups_keep_all() {
    let groups = [group("ops", "  rule: 'true'\n")];
    let build = |rest: &str| {
        scene(rest, &groups)
            .record("hr", json!({"id": "1", "login": "ada", "left": true}))
            .marked("u1", "hr/1", "ada")
            .marked("u2", "hr/2", "gone")
            .marked_group("g1", "group/ops", "ops")
            .member("g1", "u1")
            .member("g1", "u2")
    };
    assert_snapshot!(build(GROUPS).told(), @r###"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/2 [Absent] id=u2 active: true > false; risks [SignIn]
    2 RemoveMembers group/ops [Mover] id=g1 hr/2
    3 RemoveMembers group/ops [Leaver] id=g1 hr/1
    "###);
    assert_snapshot!(build("  groups: {ownership: additive}\n").told(), @r###"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn]
    1 Deactivate hr/2 [Absent] id=u2 active: true > false; risks [SignIn]
    "###);
}

#[test]
fn a_rule_that_fails_keeps_what_is_there() {
    let scene = two(GROUPS, &[group("ops", "  rule: 'date(identity.title) > \"2020-01-01\"'\n")])
        .record("hr", json!({"id": "3", "login": "cy", "title": "plain"}))
        .account(json!({"id": "u3", "userName": "cy", "title": "plain", "externalId": "hc:acme:hr:3"}))
        .marked_group("g1", "group/ops", "ops")
        .member("g1", "u3")
        .member("g1", "u1");
    assert_snapshot!(scene.told(), @r#"
    0 RemoveMembers group/ops [Mover] id=g1 hr/1 risks [LastGroup]
    (Error ExpressionFailed) hr/3: whether group/ops covers them could not be worked out, so memberships stay: `date(identity.title)` gets a text that is no date it knows; give its format, such as "dd/MM/yyyy"
    "#);
}

#[test]
fn nested_groups_stay_nested_and_count_people() {
    let groups =
        [group("all", "  members: [{group: ops}, {group: dev}]\n"), group("ops", "  rule: 'true'\n"), group("dev", "  rule: 'true'\n")];
    let scene = two(GROUPS, &groups)
        .marked_group("g1", "group/all", "all")
        .marked_group("g2", "group/ops", "ops")
        .marked_group("g3", "group/old", "old")
        .member("g1", "g3")
        .member("g2", "u1")
        .member("g2", "u2")
        .member("g3", "u1");
    assert_snapshot!(scene.told(), @r###"
    0 Create group/dev [Declared] displayName: nothing > dev; externalId: nothing > hc:acme:group:dev;
    1 AddMembers group/all [Mover] id=g1 group/dev*2 group/ops*2 needs [0]
    2 AddMembers group/dev [Mover] hr/1 hr/2 needs [0]
    3 Delete group/old [Pruned] id=g3 risks [Irreversible] WITHHELD
    (Refused GuardrailExceeded) chat: group deletions: 1 planned and 0 done in the last 24h, but the default limit allows 0 (count 0, 0 % of 3 groups); 1 person would lose a group; none of them goes
    "###);
}

#[test]
fn groups_are_listed_flat_where_they_cannot_nest() {
    let groups = [group("all", "  members: [{group: ops}]\n"), group("ops", "  rule: 'true'\n")];
    let scene = two(GROUPS, &groups).marked_group("g1", "group/all", "all").marked_group("g2", "group/ops", "ops").member("g1", "g2");
    assert_snapshot!(scene.clone().able(|able| able.nested_groups = false).told(), @r###"
    0 RemoveMembers group/all [Mover] id=g1 group/ops*0
    1 AddMembers group/all [Mover] id=g1 hr/1 hr/2
    2 AddMembers group/ops [Mover] id=g2 hr/1 hr/2
    (Note UnsupportedCapability) group/all: groups can't be nested here, so members are listed flat
    "###);
    let chosen = two("  groups: {nested: false}\n", &groups)
        .marked_group("g1", "group/all", "all")
        .marked_group("g2", "group/ops", "ops")
        .member("g1", "g2");
    assert_snapshot!(chosen.told(), @r###"
    0 RemoveMembers group/all [Mover] id=g1 group/ops*0
    1 AddMembers group/all [Mover] id=g1 hr/1 hr/2
    2 AddMembers group/ops [Mover] id=g2 hr/1 hr/2
    "###);
}

#[test]
fn a_rename_keeps_the_object() {
    let renamed = group("ops", "  previousNames: [operations]\n  rule: 'true'\n");
    let scene = two(GROUPS, &[renamed]);
    assert_snapshot!(scene.clone().marked_group("g1", "group/ops", "operations").told(), @r###"
    0 Update group/ops [Declared] id=g1 displayName: operations > ops;
    1 AddMembers group/ops [Mover] id=g1 hr/1 hr/2
    "###);
    assert_snapshot!(scene.clone().marked_group("g1", "group/operations", "operations").member("g1", "u1").told(), @r###"
    0 Update group/ops [Declared] id=g1 was=group/operations displayName: operations > ops; externalId: hc:acme:group:operations > hc:acme:group:ops;
    1 AddMembers group/ops [Mover] id=g1 hr/2
    "###);
    // Its resource alone has another name: nothing is written there, and the link moves.
    let bare = scene.clone().link(ObjectKind::Group, "group/operations", "g1").group("g1", "ops").able(|able| able.group_marker = None);
    assert_snapshot!(bare.member("g1", "u1").member("g1", "u2").told(), @"0 Update group/ops [Declared] id=g1 was=group/operations");
    assert_snapshot!(scene.link(ObjectKind::Group, "group/ops", "g1").group("g1", "something").able(|able| able.group_marker = None).told(), @r###"
    0 Update group/ops [Declared] id=g1 displayName: something > ops;
    1 AddMembers group/ops [Mover] id=g1 hr/1 hr/2
    "###);
}

#[test]
fn a_look_alike_of_a_vanished_group_is_refused() {
    let scene =
        two(GROUPS, &[group("sre", "  rule: 'true'\n")]).marked_group("g1", "group/ops", "ops").member("g1", "u1").member("g1", "u2");
    assert_snapshot!(scene.told(), @"(Refused PossibleRename) chat: group/sre would be made while ops (id g1), which looks like it, would be deleted; neither is done, since its id and its grants would be lost");
}

#[test]
fn groups_nobody_declares_any_more_and_deselected_ones_go() {
    let scene =
        two("  groups: {select: 'group.name != \"dev\"'}\n  guardrails: {deleteGroups: {count: 9}}\n", &[group("dev", "  rule: 'true'\n")])
            .marked_group("g1", "group/ops", "ops")
            .marked_group("g2", "group/dev", "dev")
            .group("g3", "theirs");
    assert_snapshot!(scene.told(), @r###"
    0 Delete group/dev [Deselected] id=g2 risks [Irreversible]
    1 Delete group/ops [Pruned] id=g1 risks [Irreversible]
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    "###);
}

#[test]
fn without_groups_a_target_keeps_its_own() {
    let scene = two("", &[group("ops", "  rule: 'true'\n")]).marked_group("g1", "group/ops", "ops").member("g1", "u1");
    assert_snapshot!(scene.told(), @"nothing");
}

#[test]
fn groups_without_marks_are_ours_by_link() {
    let scene = two(GROUPS, &[group("ops", "  rule: 'false'\n")])
        .group("g1", "ops")
        .member("g1", "u1")
        .link(ObjectKind::Group, "group/ops", "g1")
        .able(|able| able.group_marker = None);
    assert_snapshot!(scene.told(), @"0 RemoveMembers group/ops [Mover] id=g1 hr/1 risks [LastGroup]");
}

#[test]
fn protected_accounts_and_groups_that_must_keep_members_are_known() {
    let rest = "  groups: {}\n  protect: {accounts: [Ada], keep: [{group: ops, atLeast: 1}]}\n";
    let scene = scene(rest, &[group("ops", "  rule: 'true'\n")])
        .record("hr", json!({"id": "1", "login": "ada", "left": true}))
        .record("hr", json!({"id": "2", "login": "bob", "left": true}))
        .marked("u1", "hr/1", "ada")
        .marked("u2", "hr/2", "bob")
        .marked_group("g1", "group/ops", "ops")
        .member("g1", "u2");
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/1 [Leaver] id=u1 active: true > false; risks [SignIn] WITHHELD
    1 Deactivate hr/2 [Leaver] id=u2 active: true > false; risks [SignIn] WITHHELD
    2 RemoveMembers group/ops [Leaver] id=g1 hr/2 WITHHELD
    (Refused Protected) chat: 1 protected account or group would be deactivated, deleted or stripped of a group or an entitlement; none of that goes
    (Refused Protected) chat: group ops has 1 active members and must keep at least 1, but 1 would go; none of them does. Members that this plan adds count from the next run on
    "###);
}

#[test]
fn an_account_that_is_being_adopted_leaves_a_group_only_afterwards() {
    let scene = two(GROUPS, &[group("ops", "  rule: 'false'\n  allowEmpty: true\n")])
        .person("3", "cy")
        .account(json!({"id": "u3", "userName": "cy"}))
        .marked_group("g1", "group/ops", "ops")
        .member("g1", "u1")
        .member("g1", "u3");
    assert_snapshot!(scene.told(), @r###"
    0 RemoveMembers group/ops [Mover] id=g1 hr/1 risks [LastGroup]
    1 Adopt hr/3 [Joiner] id=u3 externalId: nothing > hc:acme:hr:3; risks [Adoption]
    2 RemoveMembers group/ops [Mover] id=g1 hr/3 needs [1] risks [LastGroup]
    "###);
}

#[test]
fn rules_that_read_the_same_are_remembered_by_all_that_they_read() {
    let rules = [
        ("engineers", r#"identity.title == "Engineer""#),
        ("untitled", "!has(identity.title)"),
        ("long", "int(identity.title) > 3"),
        ("adas", r#"identity.title == "Engineer" && identity.userName == "ada""#),
        ("bobs", r#"identity.userName == "bob""#),
    ];
    let groups = rules.map(|(name, rule)| group(name, &format!("  rule: '{rule}'")));
    let mut scene = Scene::new(&[&[source("hr", ""), target("  groups: {}\n")], groups.as_slice()].concat());
    // A title that is text, one that is a number, none, and a cleared one; each twice.
    for (at, title) in ["Engineer", "Chef", "4", "Engineer"].into_iter().enumerate() {
        let login = ["ada", "bob", "cy", "di"][at];
        scene = scene.record("hr", json!({"id": at.to_string(), "login": login, "title": title}));
    }
    scene = scene.record("hr", json!({"id": "4", "login": "ed"})).record("hr", json!({"id": "5", "login": "flo"}));
    scene =
        scene.record("hr", json!({"id": "6", "login": "gus", "title": null})).record("hr", json!({"id": "7", "login": "hal", "title": 4}));
    let plan = scene.plan();
    let members = |name: &str| {
        let added =
            plan.changes.iter().filter(|change| change.action == crate::model::Action::AddMembers && change.object.key.as_ref() == name);
        added.flat_map(|change| &change.members).map(|member| member.member.key.to_string()).collect::<Vec<_>>().join(" ")
    };
    let told: Vec<String> = rules.iter().map(|(name, _)| format!("{name}: {}", members(&format!("group/{name}")))).collect();
    assert_snapshot!(told.join("\n"), @r"
    engineers: hr/0 hr/3
    untitled: hr/4 hr/5
    long: hr/2 hr/7
    adas: hr/0
    bobs: hr/1
    ");
}

#[test]
fn a_rule_over_values_that_never_repeat_still_covers_everybody() {
    let ops = group("ops", "  rule: 'identity.userName.startsWith(\"n\")'");
    let mut scene = Scene::new(&[source("hr", ""), target("  groups: {}\n"), ops]);
    for at in 0..5000 {
        scene = scene.person(&at.to_string(), &format!("n{at}"));
    }
    let plan = scene.plan();
    let added = plan.changes.iter().filter(|change| change.action == crate::model::Action::AddMembers);
    assert_eq!(added.map(|change| change.members.len()).sum::<usize>(), 5000);
}

#[test]
fn a_rename_that_is_taken_back_finds_the_group_again_and_deletes_nothing() {
    let former = |scene: Scene| {
        let mut scene = scene.link(ObjectKind::Group, "group/platform", "g1");
        let at = scene.moment.now;
        scene.memory.formers.push(crate::model::FormerLink {
            target: "chat".into(),
            kind: ObjectKind::Group,
            key: "group/sre".into(),
            id: "g1".into(),
            at,
        });
        scene
    };
    let documents = || vec![source("hr", ""), target("  groups: {}\n"), group("sre", "  allowEmpty: true\n  members: []\n")];
    let unmarked = Scene::new(&documents()).able(|can| can.group_marker = None);
    assert_snapshot!(former(unmarked.group("g1", "Platform")).told(), @"0 Update group/sre [Declared] id=g1 was=group/platform displayName: Platform > sre;");
    assert_snapshot!(former(Scene::new(&documents()).marked_group("g1", "group/platform", "Platform")).told(), @"0 Update group/sre [Declared] id=g1 was=group/platform displayName: Platform > sre; externalId: hc:acme:group:platform > hc:acme:group:sre;");
    // As long as somebody declares the later name, the former one is another group.
    let mut both = documents();
    both.push(group("platform", "  allowEmpty: true\n  members: []\n"));
    assert_snapshot!(former(Scene::new(&both).marked_group("g1", "group/platform", "platform")).told(), @"0 Create group/sre [Declared] displayName: nothing > sre; externalId: nothing > hc:acme:group:sre;");
}

#[test]
fn whoever_comes_into_something_privileged_is_a_risk() {
    let scene = two(
        "  groups: {}\n  privileged: {groups: [root]}\n",
        &[group("ops", "  privileged: true\n  rule: 'true'\n"), group("root", "  rule: 'true'\n")],
    )
    .marked_group("g1", "group/ops", "ops")
    .marked_group("g2", "group/root", "root")
    .member("g1", "u1")
    .member("g2", "u2");
    assert_snapshot!(scene.told(), @r###"
    0 AddMembers group/ops [Mover] id=g1 hr/2 risks [Privilege]
    1 AddMembers group/root [Mover] id=g2 hr/1 risks [Privilege]
    "###);
}
