//! What people who are there may be given at once.

use super::*;

/// People who are there come into groups.
fn joins(group: &str, people: impl IntoIterator<Item = u32>) -> Change {
    let members = people.into_iter().map(|key| member(&format!("hr/{key}"), 1)).collect();
    Change { members, ..change(Action::AddMembers, ObjectKind::Group, group, Mandate::Normal) }
}

fn with(changes: impl IntoIterator<Item = Change>) -> Case {
    let mut case = case().defaults(100);
    case.plan.changes.extend(changes);
    case
}

fn new_one(key: &str) -> MemberChange {
    let mut one = member(key, 1);
    one.member.id = None;
    one
}

#[test]
fn a_mass_that_comes_into_a_group_is_withheld_and_each_person_counts_once() {
    let plan = with([joins("group/admins", 1..=21)]).checked();
    assert_eq!(held(&plan), ["group/admins"]);
    insta::assert_snapshot!(plan.findings[0].message, @"chat: people who get a membership: 21 planned and 0 done in the last 24h, but the default limit allows 20 (count 20, 10 % of 100 people with an active account); none of them goes");
    assert_eq!(held(&with([joins("group/a", 1..=20), joins("group/b", 1..=20)]).checked()).len(), 0, "the same twenty");
    assert_eq!(held(&with([joins("group/a", 1..=11), joins("group/b", 11..=21)]).checked()).len(), 2, "twenty-one in all");
    let before = with([joins("group/a", 1..=1)]).before(Guardrail::AddMembers, 20, "2026-11-22T11:00:00Z");
    assert_eq!(held(&before.checked()), ["group/a"], "with those of earlier runs");
    let nested = MemberChange { people: 21, ..member("group/staff", 1) };
    let nested = Change { members: vec![nested], ..joins("group/admins", []) };
    assert_eq!(held(&with([nested]).checked()), ["group/admins"], "a group brings everybody in it");
}

#[test]
fn what_a_new_account_or_a_new_group_comes_with_is_no_mass() {
    let mut new_group = joins("group/new", 1..=50);
    new_group.object.id = None;
    assert_eq!(held(&with([new_group]).checked()).len(), 0, "nothing knows the group yet");
    let hires = Change { members: (1..=50).map(|at| new_one(&format!("hr/{at}"))).collect(), ..joins("group/staff", []) };
    assert_eq!(held(&with([hires]).checked()).len(), 0, "they count as accounts that are made");
}

#[test]
fn a_mass_of_moves_is_withheld_and_who_is_put_away_or_comes_back_is_none() {
    let moves = |action, from: u32, to: u32| {
        (from..to).map(move |at| {
            let mut one = change(action, ObjectKind::Account, &format!("hr/{at}"), Mandate::Normal);
            let (before, after) = (Some(crate::model::Value::text("OU=Sales")), Some(crate::model::Value::text("OU=Ops")));
            one.attributes = vec![AttributeChange { attribute: "container".into(), before, after, sensitive: false, privileged: false }];
            one
        })
    };
    assert_eq!(held(&with(moves(Action::Update, 0, 10)).checked()).len(), 0);
    let plan = with(moves(Action::Update, 0, 11)).checked();
    assert_eq!(held(&plan).len(), 11);
    assert!(plan.findings[0].message.contains("accounts that are moved: 11 planned"), "{}", plan.findings[0].message);
    assert_eq!(
        held(&with(moves(Action::Update, 0, 8).chain(moves(Action::Adopt, 8, 12))).checked()).len(),
        12,
        "adopted ones are moved too"
    );
    assert_eq!(held(&with(moves(Action::Update, 0, 9).chain(moves(Action::Deactivate, 9, 12))).checked()).len(), 0);
}

#[test]
fn a_mass_of_other_roles_is_withheld_whichever_way_they_change() {
    let list = |names: &[&str]| Some(crate::model::Value::List(names.iter().map(crate::model::Value::text).collect()));
    let changes = |attribute: &str, before: &[&str], after: &[&str], many: u32| {
        let (before, after) = (list(before), list(after));
        let one = AttributeChange { attribute: attribute.into(), before, after, sensitive: false, privileged: false };
        (0..many).map(move |at| {
            let update = change(Action::Update, ObjectKind::Account, &format!("hr/{at}"), Mandate::Normal);
            Change { attributes: vec![one.clone()], ..update }
        })
    };
    let many = |attribute, before: &[&str], after: &[&str], many| held(&with(changes(attribute, before, after, many)).checked()).len();
    assert_eq!(many("roles", &["user"], &["admin"], 20), 0);
    assert_eq!(many("roles", &["user"], &["admin"], 21), 21);
    assert_eq!(many("roles", &["user", "admin"], &["user"], 21), 21);
    assert_eq!(many("entitlements[type eq \"x\"].value", &[], &["a"], 21), 21);
    assert_eq!(many("title", &["user"], &["admin"], 50), 0);
    let plan = with(changes("roles", &[], &["admin"], 21)).checked();
    assert!(plan.findings[0].message.contains("people whose roles change: 21 planned"), "{}", plan.findings[0].message);
    let mut first = with(changes("roles", &[], &["admin"], 60));
    first.populations.targets[0] = Population { held: 100, ..Population::default() };
    assert_eq!(held(&first.checked()).len(), 0, "a first run");
}

#[test]
fn a_mass_of_owners_is_withheld_and_each_ownership_counts() {
    let owned = |before: std::ops::Range<u32>, after: std::ops::Range<u32>| {
        let list = |keys: std::ops::Range<u32>| {
            Some(crate::model::Value::List(keys.map(|at| crate::model::Value::Reference(format!("hr/{at}").into())).collect()))
        };
        let one =
            AttributeChange { attribute: "owners".into(), before: list(before), after: list(after), sensitive: false, privileged: false };
        let update = change(Action::Update, ObjectKind::Group, "group/admins", Mandate::Normal);
        held(&with([Change { attributes: vec![one], ..update }]).checked()).len()
    };
    assert_eq!((owned(0..1, 0..21), owned(0..1, 0..22)), (0, 1));
    assert_eq!(owned(0..11, 11..21), 1, "eleven end, ten begin");
}

#[test]
fn who_joins_the_company_does_not_wait_for_a_mass_and_changes_no_override() {
    let of = |hires: &[&str]| {
        let mut change = joins("group/admins", 1..=21);
        change.members.extend(hires.iter().map(|key| new_one(key)));
        with([change])
    };
    let plan = of(&["hr/90", "hr/91"]).checked();
    let parts: Vec<_> = plan.changes.iter().map(|change| (change.runs(), change.members.len())).collect();
    assert_eq!(parts, [(true, 2), (false, 21)]);
    let hash = hash_in(&plan);
    let named = of(&["hr/92"]).overridden(Guardrail::AddMembers, &hash, date(2026, 11, 30)).checked();
    assert_eq!(held(&named).len(), 0, "{}", told(&named));
    assert_eq!(counted(&of(&["hr/90"]).plan.changes[0], 22), [(Guardrail::AddMembers, 21)], "nor do they count in the window");
}

#[test]
fn a_mass_of_entitlements_is_withheld_and_those_of_new_accounts_go() {
    let grant = |key: u32| Change {
        entitlement: Some("admin".into()),
        ..change(Action::AddEntitlement, ObjectKind::Account, &format!("hr/{key}"), Mandate::Normal)
    };
    let mut hire = grant(90);
    hire.object.id = None;
    let plan = with((1..=21).map(grant).chain([hire])).checked();
    assert_eq!(held(&plan).len(), 21);
    assert!(plan.changes[21].runs());
    insta::assert_snapshot!(plan.findings[0].message, @"chat: people who get an entitlement: 21 planned and 0 done in the last 24h, but the default limit allows 20 (count 20, 10 % of 100 people with an active account); none of them goes");
}

#[test]
fn a_first_run_fills_groups_and_a_later_one_does_not_even_where_accounts_are_none_of_ours() {
    let run = |population: Population| {
        let mut case = with([joins("group/admins", 1..=60)]);
        case.populations.targets[0] = Population { held: 100, ..population };
        held(&case.checked()).len()
    };
    assert_eq!(run(Population::default()), 0, "nothing there is ours");
    assert_eq!(run(Population { groups: 9, ..Population::default() }), 0, "of an authoritative target, too");
    assert_eq!(run(Population { our_groups: 1, ..Population::default() }), 1, "its groups are");
    assert_eq!(run(Population { grants: 1, ..Population::default() }), 1, "entitlements there are");
    assert_eq!(run(Population { accounts: 100, ours: 100, ..Population::default() }), 1, "its accounts are");
}

#[test]
fn who_begins_today_gets_their_groups_beside_a_mass() {
    let mut mass = joins("group/a", 1..=21);
    mass.members.extend([member("hr/90", 1)]);
    let case = with([mass]).accounts(Action::Reactivate, Mandate::Normal, [90]);
    let plan = case.checked();
    let goes: Vec<_> = plan.changes.iter().filter(|change| change.runs()).map(|change| (change.action, change.members.len())).collect();
    assert_eq!(goes, [(Action::AddMembers, 1), (Action::Reactivate, 0)]);
    assert!(plan.findings[0].message.contains("21 planned"), "{}", told(&plan));
}

#[test]
fn an_override_counts_for_as_many_as_a_nested_group_brought() {
    let nested = |people| Change { members: vec![MemberChange { people, ..member("group/staff", 1) }], ..joins("group/admins", []) };
    let hash = hash_in(&with([nested(21)]).checked());
    let again = |people| with([nested(people)]).overridden(Guardrail::AddMembers, &hash, date(2026, 11, 30)).checked();
    assert_eq!((held(&again(21)).len(), held(&again(404)).len()), (0, 1));
}
