//! Who belongs to a group in spite of, or because of: exclusions, ends, groups in groups, owners.

use insta::assert_snapshot;
use serde_json::json;

use super::super::testing::{Scene, group, source, target, tell};
use crate::model::{Action, Evidence, ObjectKind, Risk};

const GROUPS: &str = "  groups: {}\n";

/// Ada, Bob and Cy with accounts.
fn scene(rest: &str, groups: &[String]) -> Scene {
    let scene = Scene::new(&[&[source("hr", ""), target(rest)], groups].concat());
    let scene = scene.person("1", "ada").person("2", "bob").person("3", "cy");
    scene.marked("u1", "hr/1", "ada").marked("u2", "hr/2", "bob").marked("u3", "hr/3", "cy")
}

fn who(key: &str) -> String {
    format!("{{identity: {{source: hr, key: '{key}'}}}}")
}

#[test]
fn an_exclusion_wins_over_rule_members_and_nested_groups() {
    let ops = format!("  rule: 'true'\n  members: [{}, {{group: sre}}]\n  exclude: [{}]\n", who("2"), who("2"));
    let sre = format!("  members: [{}, {}]\n", who("2"), who("3"));
    let scene = scene(GROUPS, &[group("ops", &ops), group("sre", &sre)]);
    assert_snapshot!(scene.told(), @r###"
    0 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    1 Create group/sre [Declared] displayName: nothing > sre; externalId: nothing > hc:acme:group:sre;
    2 AddMembers group/ops [Mover] hr/1 hr/3 needs [0]
    3 AddMembers group/sre [Mover] hr/2 hr/3 needs [1]
    "###);
    let held = scene
        .marked_group("g1", "group/ops", "ops")
        .marked_group("g2", "group/sre", "sre")
        .member("g1", "g2")
        .member("g2", "u2")
        .member("g2", "u3");
    assert_snapshot!(held.told(), @r###"
    0 RemoveMembers group/ops [Mover] id=g1 group/sre*2
    1 AddMembers group/ops [Mover] id=g1 hr/1 hr/3
    "###);
}

#[test]
fn an_exclusion_ends_on_the_day_after_its_last() {
    let build = |until: &str| {
        let ops = format!("  rule: 'true'\n  exclude: [{{identity: {{source: hr, key: '1'}}, until: {until}}}]\n");
        scene(GROUPS, &[group("ops", &ops)]).marked_group("g1", "group/ops", "ops").member("g1", "u2").member("g1", "u3").told()
    };
    assert_snapshot!(build("2026-11-22"), @"nothing");
    assert_snapshot!(build("2026-11-21"), @"0 AddMembers group/ops [Mover] id=g1 hr/1");
}

#[test]
fn a_whole_group_is_excluded_but_whom_it_excludes_itself() {
    let contractors = format!("  members: [{}, {}, {{group: agency}}]\n  exclude: [{}]\n", who("1"), who("2"), who("1"));
    let agency = format!("  members: [{}]\n", who("3"));
    let groups =
        [group("ops", "  rule: 'true'\n  exclude: [{group: contractors}]\n"), group("contractors", &contractors), group("agency", &agency)];
    assert_snapshot!(scene(GROUPS, &groups).told(), @r###"
    0 Create group/agency [Declared] displayName: nothing > agency; externalId: nothing > hc:acme:group:agency;
    1 Create group/contractors [Declared] displayName: nothing > contractors; externalId: nothing > hc:acme:group:contractors;
    2 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    3 AddMembers group/agency [Mover] hr/3 needs [0]
    4 AddMembers group/contractors [Mover] group/agency hr/2 needs [0, 1]
    5 AddMembers group/ops [Mover] hr/1 needs [2]
    "###);
}

#[test]
fn two_groups_may_exclude_each_other() {
    let groups = [
        group("a", "  rule: 'true'\n  exclude: [{group: b}]\n"),
        group("b", "  rule: 'identity.userName == \"ada\"'\n  exclude: [{group: a}]\n"),
    ];
    assert_snapshot!(scene(GROUPS, &groups).told(), @r###"
    0 Create group/a [Declared] displayName: nothing > a; externalId: nothing > hc:acme:group:a;
    1 Create group/b [Declared] displayName: nothing > b; externalId: nothing > hc:acme:group:b;
    2 AddMembers group/a [Mover] hr/2 hr/3 needs [0]
    "###);
}

#[test]
fn nobody_comes_or_goes_while_an_exclusion_is_not_known() {
    let broken = group("broken", "  rule: 'date(identity.userName) > \"2020-01-01\"'\n");
    let groups = [group("ops", "  rule: 'true'\n  exclude: [{group: broken}]\n"), broken];
    let scene =
        scene(GROUPS, &groups).marked_group("g1", "group/ops", "ops").marked_group("g2", "group/broken", "broken").member("g1", "u1");
    assert_snapshot!(scene.told(), @r#"(Error ExpressionFailed) hr/1, hr/2, hr/3: whether group/broken covers them could not be worked out, so memberships stay: `date(identity.userName)` gets a text that is no date it knows; give its format, such as "dd/MM/yyyy""#);
}

#[test]
fn exclusions_of_nobody_are_told() {
    let scene = scene(GROUPS, &[group("ops", &format!("  exclude: [{}]\n", who("404")))]).marked_group("g1", "group/ops", "ops");
    assert_snapshot!(scene.told(), @"(Warning UnknownMember) exclusion hr/404: nobody has that key");
}

#[test]
fn a_group_is_in_another_until_its_last_day() {
    let build = |until: &str, nests: bool| {
        let groups = [
            group("all", &format!("  members: [{{group: ops, until: {until}}}]\n")),
            group("ops", &format!("  members: [{}]\n", who("1"))),
        ];
        let scene = scene(GROUPS, &groups).marked_group("g1", "group/all", "all").marked_group("g2", "group/ops", "ops").member("g2", "u1");
        let scene = if nests { scene.member("g1", "g2") } else { scene.member("g1", "u1") };
        scene.able(|able| able.nested_groups = nests).told()
    };
    assert_snapshot!(build("2026-11-22", true), @"nothing");
    assert_snapshot!(build("2026-11-21", true), @"0 RemoveMembers group/all [Mover] id=g1 group/ops");
    assert_snapshot!(build("2026-11-22", false), @"(Note UnsupportedCapability) group/all: groups can't be nested here, so members are listed flat");
    assert_snapshot!(build("2026-11-21", false), @"0 RemoveMembers group/all [Mover] id=g1 hr/1");
}

#[test]
fn owners_are_written_where_the_target_holds_them() {
    let leads = format!("  members: [{}]\n", who("3"));
    let ops = format!("  owners: [{}, {{group: leads}}, {{identity: {{source: hr, key: '9'}}}}]\n", who("1"));
    let scene = scene(GROUPS, &[group("ops", &ops), group("leads", &leads)])
        .person("9", "new")
        .account(json!({"id": "u8", "userName": "stranger"}))
        .marked_group("g2", "group/leads", "leads")
        .member("g2", "u3")
        .able(|able| able.group_owners = true);
    assert_snapshot!(scene.told(), @r###"
    0 Create group/ops [Declared] displayName: nothing > ops; externalId: nothing > hc:acme:group:ops;
    1 Create hr/9 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:9; userName: nothing > new;
    2 Update group/ops [Declared] owners: nothing > [→ hr/1, → hr/3, → hr/9]; needs [0, 1]
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "###);
    let owned = |owners: serde_json::Value| {
        let ops = json!({"id": "g1", "displayName": "ops", "externalId": "hc:acme:group:ops", "owners": owners});
        scene.clone().object(ObjectKind::Group, ops).marked("u9", "hr/9", "new")
    };
    assert_snapshot!(owned(json!(["u1", "u2", "u8"])).told(), @r###"
    0 Update group/ops [Declared] id=g1 owners: [u8, → hr/1, → hr/2] > [u8, → hr/1, → hr/3, → hr/9];
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "###);
    assert_snapshot!(owned(json!(["u1", "u3", "u8", "u9"])).told(), @"(Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone");
    assert_snapshot!(owned(json!(["u1", "u3", "u9"])).able(|able| able.group_owners = false).told(), @r###"
    (Note UnsupportedCapability) group/ops: its groups have no owners, so those that are declared are not written
    (Note OwnershipUnproven) chat: 1 account belongs to nobody that headcount knows, left alone
    "###);
}

/// Whoever owns a privileged group may put anybody into it; a role may be as much.
#[test]
fn a_privileged_role_and_an_owner_of_a_privileged_group_are_risks() {
    let roles = r#"identity.userName == "ada" ? ["user", "admin"] : ["user", "guest"]"#;
    let rules = format!("  mapping: {{rules: [{{attribute: roles, value: '{roles}'}}]}}\n");
    let ops = format!("  owners: [{}]\n", who("1"));
    let there = json!({"id": "g1", "displayName": "ops", "externalId": "hc:acme:group:ops", "owners": ["u2"]});
    let scene = scene(&format!("{GROUPS}  privileged: {{groups: [OPS], roles: [Admin]}}\n{rules}"), &[group("ops", &ops)]);
    let plan = scene.object(ObjectKind::Group, there).able(|able| able.group_owners = true).plan();
    let risky = plan.changes.iter().filter(|change| change.risks.contains(&Risk::Privilege)).map(|change| change.object.key.to_string());
    assert_eq!((risky.collect::<Vec<_>>(), plan.changes.len()), (vec!["hr/1".to_owned(), "group/ops".to_owned()], 4), "{}", tell(&plan));
}

/// Who comes into a group gets what the groups above it give, whoever nested them.
#[test]
fn whoever_comes_into_a_group_below_a_privileged_one_is_a_risk() {
    let risky = |scene: Scene| {
        let plan = scene.able(|able| able.nested_groups = true).plan();
        let risky = plan.changes.iter().filter(|change| change.action == Action::AddMembers && change.risks.contains(&Risk::Privilege));
        risky.map(|change| change.object.key.to_string()).collect::<Vec<_>>()
    };
    let sre = group("sre", "  rule: 'identity.userName == \"ada\"'\n");
    let lines = |above: &str| {
        let between = group("between", "  members: [{group: sre}]\n");
        let admins = group("admins", &format!("  members: [{{group: {above}}}]\n  privileged: true\n"));
        scene(GROUPS, &[sre.clone(), between, admins])
    };
    let there = |scene: Scene| {
        let scene = scene.marked_group("g1", "group/sre", "sre").marked_group("g2", "group/between", "between");
        scene.marked_group("g3", "group/admins", "admins").member("g2", "g1").member("g3", "g1").member("g3", "g2")
    };
    assert_eq!(risky(there(lines("sre"))), ["group/sre"]);
    assert_eq!(risky(there(lines("between"))), ["group/sre"]);
    // Nobody declares the outer one; its name is what the Target calls privileged.
    let named = |name: &str| {
        let rules = format!("  groups: {{}}\n  privileged: {{groups: [{name}]}}\n");
        scene(&rules, std::slice::from_ref(&sre)).marked_group("g1", "group/sre", "sre").group("g9", "Root").member("g9", "g1")
    };
    assert_eq!(risky(named("root")), ["group/sre"]);
    assert_eq!(risky(named("other")), [""; 0]);
}

/// A flag of the application may make somebody an administrator; the Target says which.
#[test]
fn a_value_of_a_privileged_attribute_is_a_risk_and_counts_as_a_role() {
    let plan = |value: &str| {
        let rules = format!("  mapping: {{rules: [{{attribute: custom.isAdmin, value: '{value}'}}]}}\n");
        scene(&format!("  privileged: {{attributes: [custom.isAdmin]}}\n{rules}"), &[]).plan()
    };
    let risky = |plan: &crate::model::Plan| plan.changes.iter().filter(|change| change.risks.contains(&Risk::Privilege)).count();
    let given = plan(r#"identity.userName == "ada""#);
    assert_eq!((risky(&given), given.changes.len()), (1, 3), "{}", tell(&given));
    assert_eq!(given.changes.iter().filter(|change| change.attributes.iter().any(|one| one.gives_rights())).count(), 3);
    for none in ["false", "\"no\"", "\"\"", "0"] {
        assert_eq!(risky(&plan(none)), 0, "{none}");
    }
    // As it comes back from a file.
    let text = serde_json::to_string(&given.changes[0].attributes[0]).unwrap();
    assert!(serde_json::from_str::<crate::model::AttributeChange>(&text).unwrap().gives_rights(), "{text}");
}

#[test]
fn owners_without_an_account_are_left_out_and_told() {
    let ops = format!("  owners: [{}, {}]\n", who("1"), who("4"));
    let ops_there = json!({"id": "g1", "displayName": "ops", "externalId": "hc:acme:group:ops", "owners": ["u4"]});
    let scene = scene(GROUPS, &[group("ops", &ops)])
        .record("hr", json!({"id": "4", "login": "dora", "left": true}))
        .marked("u4", "hr/4", "dora")
        .object(ObjectKind::Group, ops_there)
        .able(|able| able.group_owners = true);
    assert_snapshot!(scene.told(), @r###"
    0 Deactivate hr/4 [Leaver] id=u4 active: true > false; risks [SignIn]
    1 Update group/ops [Declared] id=g1 owners: [→ hr/4] > [→ hr/1];
    (Warning UnresolvedReference) group/ops: its owner hr/4 has no account here and is left out
    "###);
    assert_snapshot!(scene.read("chat", ObjectKind::Account, Evidence::Unreadable { reason: "cut".into() }).told(), @"(Incomplete IncompleteRead) chat: cut; nothing is planned for its accounts");
}

#[test]
fn a_name_that_another_groups_object_has_is_not_free() {
    // Both declared groups exist; one is to take a name that the other's object still has.
    let scene =
        scene(GROUPS, &[group("ops", ""), group("dev", "")]).marked_group("g1", "group/ops", "dev").able(|able| able.update_groups = false);
    assert_snapshot!(scene.told(), @r###"
    (Error UnsupportedCapability) group/ops: groups can't be changed here
    (Error NameTaken) group/dev: a group of somebody else is called dev, so none is made
    "###);
}

#[test]
fn a_group_with_a_foreign_mark_or_a_name_that_several_have_is_left() {
    let foreign = scene(GROUPS, &[group("ops", "  rule: 'true'\n")])
        .object(ObjectKind::Group, json!({"id": "g1", "displayName": "ops", "externalId": "theirs"}));
    assert_snapshot!(foreign.told(), @r###"
    (Error ForeignOwner) group/ops: the group of that name carries a foreign mark, which is never overwritten
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    "###);
    let several = scene(GROUPS, &[group("ops", "  rule: 'true'\n")]).group("g1", "ops").group("g2", "ops");
    assert_snapshot!(several.told(), @r###"
    (Error AmbiguousCorrelation) group/ops: several groups have its name
    (Note OwnershipUnproven) chat: 2 groups are declared nowhere, left alone
    "###);
}

#[test]
fn only_the_look_alike_is_held_back_when_a_rename_is_refused() {
    let groups = [group("sre", "  rule: 'true'\n"), group("other", &format!("  members: [{}]\n", who("1")))];
    let scene = scene("  groups: {}\n  guardrails: {deleteGroups: {count: 9}}\n", &groups)
        .marked_group("g1", "group/ops", "ops")
        .marked_group("g2", "group/old", "old")
        .marked_group("g3", "group/other", "other")
        .member("g1", "u1")
        .member("g1", "u2")
        .member("g1", "u3");
    assert_snapshot!(scene.told(), @r###"
    0 AddMembers group/other [Mover] id=g3 hr/1
    1 Delete group/old [Pruned] id=g2 risks [Irreversible]
    (Refused PossibleRename) chat: group/sre would be made while ops (id g1), which looks like it, would be deleted; neither is done, since its id and its grants would be lost
    "###);
}

#[test]
fn two_objects_with_one_mark_are_told_and_neither_goes() {
    let scene = scene("  groups: {}\n  guardrails: {deleteGroups: {count: 9}}\n", &[group("ops", "  rule: 'true'\n")])
        .marked_group("g1", "group/ops", "ops")
        .marked_group("g2", "group/ops", "ops 2")
        .member("g2", "u1");
    assert_snapshot!(scene.told(), @"(Error AmbiguousCorrelation) group/ops: its link and its mark lead to several groups");
}

#[test]
fn a_refused_rename_holds_back_no_account_that_has_the_groups_id() {
    let rest = "  groups: {}\n  absent: {action: delete}\n  guardrails: {delete: {count: 9}, deleteGroups: {count: 9}}\n";
    let scene = scene(rest, &[group("sre", "  rule: 'true'\n")])
        .marked("g1", "hr/9", "gone")
        .marked_group("g1", "group/ops", "ops")
        .member("g1", "u1")
        .member("g1", "u2")
        .member("g1", "u3");
    assert_snapshot!(scene.told(), @"
    0 Deactivate hr/9 [Absent] id=g1 active: true > false; risks [SignIn]
    1 Delete hr/9 [Absent] id=g1 risks [SignIn, Irreversible]
    (Refused PossibleRename) chat: group/sre would be made while ops (id g1), which looks like it, would be deleted; neither is done, since its id and its grants would be lost
    ");
}

/// Who is in a group that comes into another counts, whoever put them there.
#[test]
fn a_group_that_is_there_comes_into_another_with_everybody_in_it() {
    let groups = [group("all", "  members: [{group: ops}]\n"), group("ops", &format!("  members: [{}]\n", who("1")))];
    let scene = scene(GROUPS, &groups).marked_group("g1", "group/all", "all").marked_group("g2", "group/ops", "ops");
    let scene = scene.member("g2", "u1").member("g2", "u2").able(|able| able.nested_groups = true);
    assert_snapshot!(scene.told(), @"
    0 RemoveMembers group/ops [Mover] id=g2 hr/2 risks [LastGroup]
    1 AddMembers group/all [Mover] id=g1 group/ops*2
    ");
    let plan = scene.plan();
    let ids = plan.changes.iter().flat_map(|change| &change.members).map(|change| change.member.id.as_deref());
    assert_eq!(ids.collect::<Vec<_>>(), [Some("u2"), Some("g2")]);
}
