//! Groups that go while groups that look like them come.

use std::fmt::Write as _;

use insta::assert_snapshot;
use serde_json::json;

use crate::model::ObjectKind;
use crate::planning::testing::{Scene, group, source, target};

const GROUPS: &str = "  groups: {}\n  guardrails: {deleteGroups: {count: 9}}\n";

fn who(keys: &[u32]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("{{identity: {{source: hr, key: \"{key}\"}}}}")).collect();
    format!("  members: [{}]\n", keys.join(", "))
}

/// Nine people with accounts, and these Groups.
fn scene(groups: &[String]) -> Scene {
    let mut documents = vec![source("hr", ""), target(GROUPS)];
    documents.extend_from_slice(groups);
    let people = (1..=9).map(|key| (key.to_string(), format!("p{key}")));
    people.fold(Scene::new(&documents), |scene, (key, login)| {
        scene.person(&key, &login).marked(&format!("u{key}"), &format!("hr/{key}"), &login)
    })
}

/// A group of ours that nobody declares any more.
fn old(scene: Scene, id: &str, name: &str, members: &[u32]) -> Scene {
    let scene = scene.marked_group(id, &format!("group/{name}"), name);
    members.iter().fold(scene, |scene, key| scene.member(id, &format!("u{key}")))
}

fn hints(scene: &Scene) -> String {
    let plan = scene.plan();
    let mut told = String::new();
    for finding in &plan.findings {
        let _ = writeln!(told, "{}: {}", finding.subject.key.as_deref().unwrap_or_default(), finding.hint.as_deref().unwrap_or_default());
    }
    told
}

#[test]
fn two_groups_that_are_renamed_together_are_paired_best_first() {
    // `ops` (1 to 4) became `run`, `dev` (3 to 6) became `build`; each looks like both.
    let both = |run: &str, build: &str| {
        let groups = [group("run", &format!("{run}{}", who(&[1, 2, 3, 4]))), group("build", &format!("{build}{}", who(&[3, 4, 5, 6])))];
        old(old(scene(&groups), "g1", "ops", &[1, 2, 3, 4]), "g2", "dev", &[3, 4, 5, 6])
    };
    assert_snapshot!(both("", "").told(), @r###"
    (Refused PossibleRename) chat: group/build would be made while dev (id g2), which looks like it, would be deleted; neither is done, since its id and its grants would be lost
    (Refused PossibleRename) chat: group/run would be made while ops (id g1), which looks like it, would be deleted; neither is done, since its id and its grants would be lost
    "###);
    assert_snapshot!(hints(&both("", "")), @r###"
    group/build: If it is the same group, write `previousNames: ["dev"]` into the spec of the Group build; if it is another group, write `notFormerly: ["dev", "ops"]` into the spec of the Group build.
    group/run: If it is the same group, write `previousNames: ["ops"]` into the spec of the Group run; if it is another group, write `notFormerly: ["ops", "dev"]` into the spec of the Group run.
    "###);
    let same = both("  previousNames: [ops]\n", "  previousNames: [dev]\n");
    assert_snapshot!(same.told(), @r###"
    0 Update group/build [Declared] id=g2 was=group/dev displayName: dev > build; externalId: hc:acme:group:dev > hc:acme:group:build;
    1 Update group/run [Declared] id=g1 was=group/ops displayName: ops > run; externalId: hc:acme:group:ops > hc:acme:group:run;
    "###);
    let other = both("  notFormerly: [dev, ops]\n", "  notFormerly: [ops, dev]\n");
    assert_snapshot!(other.told(), @r###"
    0 Create group/build [Declared] displayName: nothing > build; externalId: nothing > hc:acme:group:build;
    1 Create group/run [Declared] displayName: nothing > run; externalId: nothing > hc:acme:group:run;
    2 AddMembers group/build [Mover] hr/3 hr/4 hr/5 hr/6 needs [0]
    3 AddMembers group/run [Mover] hr/1 hr/2 hr/3 hr/4 needs [1]
    4 Delete group/dev [Pruned] id=g2 risks [Irreversible]
    5 Delete group/ops [Pruned] id=g1 risks [Irreversible]
    "###);
}

#[test]
fn of_two_that_look_like_one_the_better_is_named_and_both_stay() {
    let groups = [group("run", &who(&[1, 2, 3, 4]))];
    let two = old(old(scene(&groups), "g1", "ops", &[1, 2, 3]), "g2", "dev", &[1, 2, 3, 4]);
    assert_snapshot!(two.told(), @r###"
    (Refused PossibleRename) chat: ops (id g1) would be deleted while group/run would be made, which looks like it and like others even more; it stays
    (Refused PossibleRename) chat: group/run would be made while dev (id g2), which looks like it, would be deleted; neither is done, since its id and its grants would be lost
    "###);
    assert_snapshot!(hints(&two), @r###"
    group/ops: If one of them is this group, write its name into spec.previousNames of that Group in the place of the other; if none is, write `notFormerly: ["ops"]` into the spec of the Group run.
    group/run: If it is the same group, write `previousNames: ["dev"]` into the spec of the Group run; if it is another group, write `notFormerly: ["dev", "ops"]` into the spec of the Group run.
    "###);
    let new = [group("run", &who(&[1, 2, 3, 4])), group("build", &who(&[1, 2, 3]))];
    let split = old(scene(&new), "g1", "ops", &[1, 2, 3, 4]);
    assert_snapshot!(split.told(), @r###"
    (Refused PossibleRename) chat: group/build would be made while "ops", which other new groups look like even more, would be deleted; none of that is done
    (Refused PossibleRename) chat: group/run would be made while ops (id g1), which looks like it, would be deleted; neither is done, since its id and its grants would be lost
    "###);
    assert_snapshot!(hints(&split), @r###"
    group/build: It is made once the others are answered; if it is another group in any case, write `notFormerly: ["ops"]` into the spec of the Group build.
    group/run: If it is the same group, write `previousNames: ["ops"]` into the spec of the Group run; if it is another group, write `notFormerly: ["ops"]` into the spec of the Group run.
    "###);
}

#[test]
fn one_former_name_of_two_groups_deletes_nothing() {
    // `validate` refuses it; whatever else leads two groups to one object must not delete that either.
    let mut scene = scene(&[group("run", &who(&[1, 2, 3])), group("build", &who(&[3, 4, 5]))]);
    scene.policy.groups.iter_mut().for_each(|group| group.previous_names = vec!["ops".into()]);
    let plan = old(scene, "g1", "ops", &[1, 2, 3]).plan();
    assert!(plan.changes.is_empty(), "{plan:?}");
    assert!(plan.findings.iter().any(|finding| finding.code == crate::model::FindingCode::DuplicateKey), "{plan:?}");
}

#[test]
fn a_group_of_nearly_the_same_name_is_told_and_no_second_one_is_made() {
    let near = |rest: &str| scene(&[group("sales", &format!("{rest}{}", who(&[1])))]).group("g1", "SALES ");
    assert_snapshot!(near("").told(), @r###"
    (Refused PossibleRename) chat: group/sales would be made beside SALES  (id g1), which looks like it and is nobody's; it is not made
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    "###);
    assert_snapshot!(hints(&near("")), @r###"
    group/sales: If it is the same group, write `previousNames: ["SALES "]` into the spec of the Group sales; if it is another, write `notFormerly: ["SALES "]` there.
    :
    "###);
    assert_snapshot!(near("  previousNames: [\"SALES \"]\n").told(), @r###"
    0 Adopt group/sales [Declared] id=g1 displayName: SALES  > sales; externalId: nothing > hc:acme:group:sales; risks [Adoption]
    1 AddMembers group/sales [Mover] id=g1 hr/1 needs [0]
    "###);
    assert_snapshot!(near("  notFormerly: [SALES]\n").told(), @r###"
    0 Create group/sales [Declared] displayName: nothing > sales; externalId: nothing > hc:acme:group:sales;
    1 AddMembers group/sales [Mover] hr/1 needs [0]
    (Note OwnershipUnproven) chat: 1 group is declared nowhere, left alone
    "###);
}

#[test]
fn who_loses_a_deleted_group_is_named() {
    let scene = old(scene(&[group("all", &who(&[1]))]), "g1", "ops", &[1, 2]).marked_group("g2", "group/all", "all").member("g2", "u1");
    let plan = scene.member("g1", "g2").plan();
    let losers: Vec<_> = plan.changes[0].losers.iter().map(|loser| (loser.member.key.as_ref(), loser.people)).collect();
    assert_eq!(losers, [("group/all", 1), ("hr/1", 1), ("hr/2", 1)]);
}

#[test]
fn a_group_whose_members_could_not_be_read_is_not_deleted() {
    let scene = old(scene(&[]), "g1", "ops", &[1]);
    let cut = crate::model::Evidence::Partial { reason: "the connection was cut".into() };
    assert_snapshot!(scene.read("chat", ObjectKind::Membership, cut).told(), @"
    (Incomplete IncompleteRead) chat: the connection was cut; its memberships were not read to the end, and nothing follows from what is missing
    (Incomplete IncompleteRead) group/ops: the group would be deleted, but who is in it could not be read, so it stays
    ");
}

#[test]
fn thousands_that_go_and_thousands_that_come_are_not_compared_each_with_each() {
    let mut documents = vec![source("hr", ""), target(GROUPS)];
    documents.push("kind: Group\nmetadata: {name: team}\nspec: {displayName: \"T {value}\", forEach: identity.title}\n".into());
    let mut scene = Scene::new(&documents);
    let count = 4_000;
    for key in 0..count {
        scene = scene
            .record("hr", json!({"id": key.to_string(), "login": format!("p{key}"), "title": format!("new{}", key / 2)}))
            .marked(&format!("u{key}"), &format!("hr/{key}"), &format!("p{key}"))
            .member(&format!("g{}", key / 2), &format!("u{key}"));
    }
    for at in 0..count {
        scene = scene.marked_group(&format!("g{at}"), &format!("group/old{at}"), &format!("o{at}"));
    }
    let plan = scene.plan_unanswered();
    let refused = plan.findings.iter().filter(|finding| finding.code == crate::model::FindingCode::PossibleRename).count();
    assert_eq!(refused, count / 2);
}
