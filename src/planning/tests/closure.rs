//! One changed person costs one person: who is planned after a change, and when everybody is.

use jiff::SignedDuration;
use serde_json::json;

use super::super::testing::{Scene, entitlement, group, source, target};
use super::super::{LastPlan, Replanned};
use crate::model::{Action, FindingCode, Plan};

/// Fifty people, each below the one of half the number, all as they should be.
fn company() -> Scene {
    let rule = group("clerks", "  rule: identity.title == \"Clerk\"");
    let mut scene = Scene::new(&[source("hr", ""), target("  groups: {}"), rule]).marked_group("g1", "group/clerks", "clerks");
    for at in 1..=50 {
        let boss = if at > 1 { json!(format!("{}", at / 2)) } else { json!(null) };
        scene = scene.record("hr", json!({"id": format!("{at}"), "login": format!("p{at}"), "title": "Clerk", "boss": boss}));
        let manager = if at > 1 { json!(format!("u{}", at / 2)) } else { json!(null) };
        let account = json!({"id": format!("u{at}"), "userName": format!("p{at}"), "title": "Clerk", "manager": manager, "externalId": super::super::testing::mark(&format!("hr/{at}"))});
        scene = scene.account(account).member("g1", &format!("u{at}"));
    }
    scene
}

/// How many people are planned where the second scene follows the first.
fn planned(before: &Scene, after: &Scene) -> Replanned {
    let (mut kept, mut world) = (LastPlan::new(), before.world());
    assert_eq!(before.replan(&mut kept, &mut world).1, Replanned::Whole { why: "it is the first plan" });
    after.replan(&mut kept, &mut world).1
}

#[test]
fn whoever_moves_is_planned_with_those_right_above_and_right_below() {
    let moved = company().amended("20", "title", json!("Lead"));
    // 20, below it 40 and 41, above it 10, who is only there to be referred to.
    assert_eq!(planned(&company(), &moved), Replanned::Closure { people: 4 });
    insta::assert_snapshot!(moved.told(), @"
    0 RemoveMembers group/clerks [Mover] id=g1 hr/20 risks [LastGroup]
    1 Update hr/20 [Mover] id=u20 title: Clerk > Lead;
    ");
}

#[test]
fn whoever_comes_is_planned_with_the_one_above() {
    assert_eq!(
        planned(&company(), &company().record("hr", json!({"id": "51", "login": "p51", "boss": "25"}))),
        Replanned::Closure { people: 2 }
    );
}

#[test]
fn who_is_pending_is_planned_again_and_nobody_else() {
    let pending = company().amended("50", "title", json!("Lead"));
    let (mut kept, mut world) = (LastPlan::new(), pending.world());
    pending.replan(&mut kept, &mut world);
    // 50, and above it 25.
    let (plan, how) = pending.replan(&mut kept, &mut world);
    assert_eq!((how, plan.changes.len()), (Replanned::Closure { people: 2 }, 2));
}

#[test]
fn on_another_day_everybody_is_planned() {
    let mut tomorrow = company();
    tomorrow.moment.today = "2026-11-23".parse().unwrap();
    assert_eq!(planned(&company(), &tomorrow), Replanned::Whole { why: "another day has begun" });
}

/// Fifty Users who are all as they should be, in a group by name.
fn office() -> Scene {
    let users =
        (1..=50).map(|at| format!("kind: User\nmetadata: {{name: u{at:02}}}\nspec: {{attributes: {{userName: p{at}, title: Clerk}}}}\n"));
    let named: String = (1..=50).map(|at| format!("  - {{user: u{at:02}}}\n")).collect();
    let documents: Vec<String> =
        [target("  groups: {}"), group("clerks", &format!("  members:\n{named}"))].into_iter().chain(users).collect();
    let mut scene = Scene::new(&documents).marked_group("g1", "group/clerks", "clerks");
    for at in 1..=50 {
        let mark = super::super::testing::mark(&format!("user/u{at:02}"));
        let account = json!({"id": format!("a{at}"), "userName": format!("p{at}"), "title": "Clerk", "externalId": mark});
        scene = scene.account(account).member("g1", &format!("a{at}"));
    }
    scene
}

/// How many people are planned once the manifests say something else.
fn planned_after(before: &Scene, change: impl FnOnce(&mut crate::policy::Policy)) -> (Replanned, usize) {
    let mut after = before.clone();
    change(&mut after.policy);
    let (mut kept, mut world) = (LastPlan::new(), before.world());
    before.replan(&mut kept, &mut world);
    let (plan, how) = after.replan_after(&before.policy, &mut kept, &mut world);
    let told = |plan: &crate::model::Plan| serde_json::to_string_pretty(plan).unwrap();
    assert_eq!(told(&plan), told(&after.plan()));
    (how, plan.changes.len())
}

#[test]
fn a_user_that_says_something_else_is_planned_and_nobody_else() {
    let title = |policy: &mut crate::policy::Policy| policy.users[7].attributes[0].1 = crate::model::ValueState::Clear;
    assert_eq!(planned_after(&office(), title), (Replanned::Closure { people: 1 }, 1));
}

#[test]
fn a_user_who_comes_or_goes_is_planned_and_nobody_else() {
    let goes = |policy: &mut crate::policy::Policy| drop(policy.users.pop());
    assert_eq!(planned_after(&office(), goes).0, Replanned::Closure { people: 0 });
    let mut before = office();
    before.policy.users.pop();
    let comes = |policy: &mut crate::policy::Policy| policy.users = office().policy.users;
    assert_eq!(planned_after(&before, comes).0, Replanned::Closure { people: 1 });
}

#[test]
fn whoever_is_a_member_no_more_is_planned_and_nobody_else() {
    let out = |policy: &mut crate::policy::Policy| drop(policy.groups[0].members.remove(7));
    assert_eq!(planned_after(&office(), out), (Replanned::Closure { people: 1 }, 1));
}

#[test]
fn what_manifests_say_of_all_is_planned_for_everybody() {
    let whole = |why| (Replanned::Whole { why }, 0);
    assert_eq!(planned_after(&office(), |policy| policy.targets[0].allow_empty = true), whole("Targets are others"));
    assert_eq!(planned_after(&office(), |policy| policy.groups[0].not_formerly.push("x".into())), whole("Groups are others"));
}

/// The company under other manifests.
fn under(documents: &[String]) -> Scene {
    let mut scene = company();
    scene.policy = Scene::new(documents).policy;
    scene
}

/// Scene after scene in a world that is kept, each plan the one that would be made afresh; how much was planned for the last one, and its plan.
fn one_after_another(scenes: &[&Scene]) -> (Replanned, Plan) {
    let told = |plan: &Plan| serde_json::to_string_pretty(plan).unwrap();
    let (mut kept, mut world) = (LastPlan::new(), scenes[0].world());
    let mut last = None;
    for scene in scenes {
        let (plan, how) = scene.replan(&mut kept, &mut world);
        assert_eq!(told(&plan), told(&scene.plan()), "{how:?}");
        last = Some((how, plan));
    }
    last.unwrap()
}

#[test]
fn whoever_a_rule_covers_beyond_those_who_are_planned_counts_until_they_are_covered_no_more() {
    let by_title = "when: identity.title == \"Lead\"";
    let of_group = group("leads", &by_title.replace("when", "  rule"));
    let of_card = entitlement("card", &format!("  entitlement: card\n  {by_title}"));
    let titled = |scene: Scene, at: usize, title: &str| {
        scene.amended(&at.to_string(), "title", json!(title)).with(&format!("u{at}"), "title", json!(title))
    };
    for is_group in [true, false] {
        let rule = if is_group { &of_group } else { &of_card };
        let all = group("clerks", "  rule: identity.title != \"\"");
        let mut leads = under(&[source("hr", ""), target("  groups: {}"), all, rule.clone()]);
        if is_group {
            leads = leads.marked_group("g2", "group/leads", "leads");
        }
        for at in [20, 30, 50] {
            let id = format!("u{at}");
            leads = titled(leads, at, "Lead");
            leads = if is_group { leads.member("g2", &id) } else { leads.entitled(&id, "card", json!({})) };
        }
        assert_eq!(leads.plan().changes.len(), 0);
        let tells = |plan: &Plan| plan.findings.iter().any(|finding| finding.code == FindingCode::NamesNobody);
        // The third stands beyond those whom the change bears on.
        let one = titled(titled(leads.clone(), 20, "Clerk"), 30, "Clerk");
        assert!(!tells(&one_after_another(&[&leads, &one]).1), "{is_group}");
        let two = titled(leads.clone(), 50, "Clerk");
        let none = titled(titled(two.clone(), 20, "Clerk"), 30, "Clerk");
        assert!(tells(&one_after_another(&[&leads, &two, &none]).1), "{is_group}");
    }
}

#[test]
fn what_falls_due_within_the_day_is_planned_when_it_does_though_nothing_changed() {
    let here = under(&[source("hr", ""), target("  leaver: {deleteAfter: 30d}\n  guardrails: {delete: {count: 9}}\n")]);
    let mut gone = here.clone().amended("20", "left", json!(true)).with("u20", "active", json!(false)).deactivated("u20", 30);
    // Half an hour is left.
    gone.memory.deactivations[0].at += SignedDuration::from_mins(30);
    let mut later = gone.clone();
    later.moment.now += SignedDuration::from_mins(61);
    let deletes = |plan: &Plan| plan.changes.iter().filter(|change| change.action == Action::Delete).count();
    let (how, plan) = one_after_another(&[&here, &gone]);
    assert!(matches!(how, Replanned::Closure { .. }) && deletes(&plan) == 0, "{how:?}");
    let (how, plan) = one_after_another(&[&here, &gone, &later]);
    assert!(matches!(how, Replanned::Closure { .. }) && deletes(&plan) == 1, "{how:?}");
}

#[test]
fn what_falls_due_for_an_account_of_nobody_is_not_said_once_it_is_gone() {
    let mut after = under(&[source("hr", ""), target("  ownership: authoritative\n  absent: {deleteAfter: 40d}\n")]);
    let before = after.clone().account(json!({"id": "x", "userName": "nobody", "active": false})).deactivated("x", 35);
    assert_eq!(before.plan().upcoming.dues.len(), 1);
    after.memory = before.memory.clone();
    let (how, plan) = one_after_another(&[&before, &after]);
    assert!(matches!(how, Replanned::Closure { .. }), "{how:?}");
    assert!(plan.upcoming.dues.is_empty(), "{:?}", plan.upcoming);
}

/// That an hour is over stands in no row: until a group is there that is waited for, everybody is planned.
#[test]
fn whom_a_group_covers_that_was_waited_for_comes_in_once_it_is_made() {
    let groups = group("all", "  rule: 'true'\n");
    let scene = Scene::new(&[source("hr", ""), target("  groups: {}\n"), groups]).person("1", "ada").marked("u1", "hr/1", "ada");
    let at = scene.moment.now - SignedDuration::from_mins(1);
    let before = scene.link(crate::model::ObjectKind::Group, "group/all", "g1").but(|link| link.at = at);
    let (mut kept, mut world) = (LastPlan::new(), before.world());
    before.replan(&mut kept, &mut world);
    let mut after = before.clone();
    after.moment.now += SignedDuration::from_hours(1);
    let (plan, _) = after.replan(&mut kept, &mut world);
    let members = |plan: &Plan| plan.changes.iter().map(|change| change.members.len()).sum::<usize>();
    assert_eq!((members(&plan), members(&after.plan())), (1, 1));
}
