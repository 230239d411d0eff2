//! Saved plans against fresh ones.

use std::sync::Arc;

use super::super::*;
use super::fake::{Building, change, create, plan};
use crate::model::{Action, Change, ObjectKind, Value, Withheld};

use ObjectKind::{Account, Group};

fn title(before: Option<&str>, after: &str) -> Change {
    change(Action::Update, Account, "hr/7", Some("7")).with("title", before.map(Value::text), Some(Value::text(after)))
}

#[test]
fn the_same_plan_is_exact() {
    let plan = plan(vec![create("hr/ann"), title(None, "Chief"), change(Action::Delete, Account, "hr/9", Some("9"))]);
    let comparison = compare(&plan, &plan);
    assert!(comparison.exact());
    assert_eq!(comparison.plan, plan);
}

#[test]
fn drift_that_shrinks_a_plan_does_not_void_its_review() {
    let saved = plan(vec![create("hr/ann"), create("hr/bob"), title(None, "Chief")]);
    let fresh = plan(vec![create("hr/bob")]);
    let comparison = compare(&saved, &fresh);
    assert_eq!(comparison.plan.changes, [create("hr/bob")]);
    assert!(comparison.new.is_empty() && comparison.gone > 0 && !comparison.exact());
}

#[test]
fn what_is_new_is_listed_and_does_not_run() {
    let saved = plan(vec![title(Some("Clerk"), "Chief")]);
    let fresh = plan(vec![
        create("hr/eve"),
        change(Action::Update, Account, "hr/7", Some("7")).with("department", None, Some(Value::text("Ops"))).with(
            "title",
            Some(Value::text("Clerk")),
            Some(Value::text("Chief")),
        ),
    ]);
    let comparison = compare(&saved, &fresh);
    assert_eq!(comparison.plan.changes, [title(Some("Clerk"), "Chief")]);
    let department = change(Action::Update, Account, "hr/7", Some("7")).with("department", None, Some(Value::text("Ops")));
    assert_eq!(comparison.new, [create("hr/eve"), department]);
    assert_eq!(comparison.gone, 0);
}

#[test]
fn another_before_or_after_or_object_is_another_atom() {
    let saved = plan(vec![title(Some("Clerk"), "Chief")]);
    for other in [
        title(Some("Boss"), "Chief"),
        title(Some("Clerk"), "Boss"),
        Change { object: super::fake::object(Account, "hr/7", Some("8")), ..title(Some("Clerk"), "Chief") },
    ] {
        let comparison = compare(&saved, &plan(vec![other.clone()]));
        assert_eq!((comparison.plan.changes, comparison.new), (vec![], vec![other]));
    }
}

#[test]
fn a_resumed_create_covers_its_remaining_parts() {
    let saved = plan(vec![
        create("hr/ann").with("title", None, Some(Value::text("Chief"))),
        change(Action::Update, Account, "hr/ann", None).with("manager", None, Some(Value::Reference("hr/bob".into()))).needs(&[0]),
        change(Action::Create, Group, "group/g", None).with("displayName", None, Some(Value::text("g"))),
        change(Action::AddMembers, Group, "group/g", None).member(Account, "hr/ann", None).needs(&[0, 2]),
    ]);
    let remaining = [
        change(Action::Update, Account, "hr/ann", Some("5")).with("title", Some(Value::text("")), Some(Value::text("Chief"))),
        change(Action::Update, Account, "hr/ann", Some("5")).with("manager", None, Some(Value::Reference("hr/bob".into()))),
        change(Action::AddMembers, Group, "group/g", Some("6")).member(Account, "hr/ann", Some("5")),
    ];
    let comparison = compare(&saved, &plan(remaining.to_vec()));
    assert_eq!(comparison.plan.changes, remaining);
    assert!(comparison.new.is_empty());

    let more = plan(vec![
        change(Action::Update, Account, "hr/ann", Some("5")).with("title", None, Some(Value::text("Boss"))),
        change(Action::Adopt, Account, "hr/ann", Some("5")),
        change(Action::Deactivate, Account, "hr/ann", Some("5")).with("active", None, Some(Value::Bool(false))),
        change(Action::RemoveMembers, Group, "group/g", Some("6")).member(Account, "hr/ann", Some("5")),
    ]);
    let comparison = compare(&saved, &more);
    assert_eq!((comparison.plan.changes.len(), comparison.new.len()), (0, 4), "only what the create was to do is covered");
}

#[test]
fn what_runs_is_closed_over_its_dependencies() {
    let saved = plan(vec![
        create("hr/bob"),
        change(Action::AddMembers, Group, "group/g", Some("g")).member(Account, "hr/bob", None).member(Account, "hr/eve", None),
        change(Action::Update, Account, "hr/eve", None).with("title", None, Some(Value::text("x"))),
    ]);
    let fresh = plan(vec![
        create("hr/eve"),
        create("hr/bob"),
        change(Action::AddMembers, Group, "group/g", Some("g"))
            .member(Account, "hr/bob", None)
            .member(Account, "hr/eve", None)
            .needs(&[0, 1]),
        change(Action::Update, Account, "hr/eve", None).with("title", None, Some(Value::text("x"))).needs(&[0]),
    ]);
    let comparison = compare(&saved, &fresh);
    let add = |key| change(Action::AddMembers, Group, "group/g", Some("g")).member(Account, key, None);
    assert_eq!(comparison.plan.changes, [create("hr/bob"), add("hr/bob").needs(&[0])]);
    let eve = change(Action::Update, Account, "hr/eve", None).with("title", None, Some(Value::text("x"))).needs(&[0]);
    assert_eq!(comparison.new, [create("hr/eve"), add("hr/eve").needs(&[0, 1]), eve]);
}

#[test]
fn a_create_under_another_name_is_new_and_less_of_a_create_is_not() {
    let saved = plan(vec![create("hr/ann").with("title", None, Some(Value::text("Chief")))]);
    let mut renamed = create("hr/ann");
    renamed.attributes[1].after = Some(Value::text("ann2"));
    assert_eq!(compare(&saved, &plan(vec![renamed.clone()])).new, [renamed]);
    let comparison = compare(&saved, &plan(vec![create("hr/ann").with("title", None, Some(Value::text("Boss")))]));
    assert_eq!((comparison.plan.changes, comparison.new.len()), (vec![create("hr/ann")], 1));
}

#[test]
fn a_withheld_change_was_not_approved() {
    let mut withheld = create("hr/ann");
    withheld.withheld = Some(Withheld { finding: 0 });
    let comparison = compare(&plan(vec![withheld.clone()]), &plan(vec![create("hr/ann")]));
    assert_eq!((comparison.plan.changes.len(), comparison.new.len()), (0, 1));
    let comparison = compare(&plan(vec![create("hr/ann")]), &plan(vec![withheld.clone()]));
    assert_eq!(comparison.plan.changes, [withheld], "it stays in the plan and will not run");
}

fn written(plan: &Plan) -> String {
    let mut out = Vec::new();
    crate::render::json::write(plan, crate::render::ViewOptions::wide(100), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_plan_file_comes_back_and_a_changed_one_does_not() {
    let original = plan(vec![create("hr/ann"), title(None, "Chief")]);
    let text = written(&original);
    assert_eq!(read_plan(&text).unwrap(), original);
    assert!(matches!(read_plan(&text.replace("Chief", "Thief")), Err(PlanFileError::Hash { .. })));
    assert!(matches!(read_plan(&text.replace("\"formatVersion\": 1", "\"formatVersion\": 7")), Err(PlanFileError::Version { found: 7 })));
    assert!(matches!(read_plan("{}"), Err(PlanFileError::Shape(_))));
    assert!(matches!(read_plan("employee_id,first"), Err(PlanFileError::Shape(_))));
    assert!(matches!(read_plan(&text[..text.len() / 2]), Err(PlanFileError::Shape(_))));
}

#[test]
fn a_secret_stays_out_of_the_file_and_its_review_still_counts() {
    let secret = plan(vec![create("hr/ann").with("password", None, Some(Value::text("hunter2")))]);
    let text = written(&secret);
    assert!(!text.contains("hunter2"));
    let comparison = compare(&read_plan(&text).unwrap(), &secret);
    assert!(comparison.exact());
    assert_eq!(comparison.plan.changes[0].attributes[2].after, Some(Value::Text(Arc::from("hunter2"))));
}

fn card(action: Action, id: Option<&str>, limit: (Option<i64>, Option<i64>)) -> Change {
    let change = change(action, Account, "hr/ann", id).with("limit", limit.0.map(Value::Int), limit.1.map(Value::Int));
    Change { entitlement: Some("card".into()), ..change }
}

#[test]
fn nothing_is_given_with_other_parameters_than_those_that_were_reviewed() {
    let given = card(Action::AddEntitlement, Some("1"), (None, Some(500)));
    assert!(compare(&plan(vec![given.clone()]), &plan(vec![given.clone()])).exact());
    let without = Change { attributes: Vec::new(), ..given.clone() };
    let other = Change { entitlement: Some("other".into()), ..given.clone() };
    for fresh in [card(Action::AddEntitlement, Some("1"), (None, Some(2000))), without, other] {
        let comparison = compare(&plan(vec![given.clone()]), &plan(vec![fresh.clone()]));
        assert_eq!((comparison.plan.changes, comparison.new), (vec![], vec![fresh]));
    }
}

#[test]
fn what_was_reviewed_for_a_new_account_still_counts_once_the_account_is_there() {
    let saved = plan(vec![create("hr/ann"), card(Action::AddEntitlement, None, (None, Some(500)))]);
    let fresh = plan(vec![card(Action::AddEntitlement, Some("1"), (None, Some(500)))]);
    assert_eq!(compare(&saved, &fresh).plan.changes, fresh.changes);
}

#[test]
fn parameters_and_removals_are_atoms_of_their_own_entitlement() {
    let raised = card(Action::UpdateEntitlement, Some("1"), (Some(500), Some(2000)));
    let more = card(Action::UpdateEntitlement, Some("1"), (Some(500), Some(9000)));
    assert!(compare(&plan(vec![raised.clone()]), &plan(vec![raised.clone()])).exact());
    assert_eq!(compare(&plan(vec![raised]), &plan(vec![more.clone()])).new, [more]);
    let taken = |name: &str| Change { entitlement: Some(name.into()), ..change(Action::RemoveEntitlement, Account, "hr/ann", Some("1")) };
    assert_eq!(compare(&plan(vec![taken("card")]), &plan(vec![taken("card"), taken("other")])).new, [taken("other")]);
}
