//! Values of several items: sets whose order, doubles, letter case, types and primary one count by the attribute's own rules.

use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::super::testing::{Scene, source, target};

/// `chat` holds what a rule of `hr` makes of an attribute.
fn holding(attribute: &str, rule: &str) -> Scene {
    let hr = source("hr", "") + &format!("    - attribute: {attribute}\n      value: '{rule}'\n");
    let rules = format!(
        "  mapping:\n    defaults: none\n    rules:\n    - {{attribute: userName, value: identity.userName}}\n    - {{attribute: {attribute}, value: identity.{attribute}}}\n"
    );
    Scene::new(&[hr, target(&rules)])
}

/// Ada's account beside her record.
fn told(attribute: &str, rule: &str, record: &Json, observed: Json) -> String {
    let mut row = json!({"id": "1", "login": "ada"});
    row.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
    let mut account = json!({"id": "u1", "userName": "ada", "externalId": "hc:acme:hr:1"});
    account[attribute] = observed;
    holding(attribute, rule).record("hr", row).account(account).told()
}

const EMAILS: &str = r#"[{"value": lower(record.work), "type": "work", "primary": true}] + [{"value": record.private, "type": "home"}]"#;

#[test]
fn addresses_are_put_together_and_what_is_not_there_is_left_out() {
    let scene = holding("emails", EMAILS)
        .record("hr", json!({"id": "1", "login": "ada", "work": "Ada@acme.example", "private": "ada@home.example"}))
        .record("hr", json!({"id": "2", "login": "bob", "work": "bob@acme.example"}))
        .record("hr", json!({"id": "3", "login": "cy", "private": "cy@home.example"}));
    assert_snapshot!(scene.told(), @r"
    0 Create hr/1 [Joiner] active: nothing > true; emails: nothing > [{primary: true, type: work, value: ada@acme.example}, {type: home, value: ada@home.example}]; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    1 Create hr/2 [Joiner] active: nothing > true; emails: nothing > [{primary: true, type: work, value: bob@acme.example}]; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    2 Create hr/3 [Joiner] active: nothing > true; emails: nothing > [{type: home, value: cy@home.example}]; externalId: nothing > hc:acme:hr:3; userName: nothing > cy;
    ");
}

#[test]
fn a_target_that_keeps_one_value_is_held_to_the_primary_one_alone() {
    let scene = |observed: Json| {
        holding("emails", EMAILS)
            .able(|can| can.single_valued_attributes = ["emails".into()].into())
            .record("hr", json!({"id": "1", "login": "ada", "work": "ada@acme.example", "private": "ada@home.example"}))
            .account(json!({"id": "u1", "userName": "ada", "externalId": "hc:acme:hr:1", "emails": observed}))
            .told()
    };
    assert_snapshot!(scene(json!([{"value": "ada@acme.example", "type": "work", "primary": true}])), @"nothing");
    assert_snapshot!(scene(json!([{"value": "ada@home.example", "type": "home"}])), @"0 Update hr/1 [Mover] id=u1 emails: [{type: home, value: ada@home.example}] > [{primary: true, type: work, value: ada@acme.example}];");
}

#[test]
fn order_doubles_and_letter_case_of_addresses_do_not_count() {
    let record = json!({"work": "Ada@acme.example", "private": "ada@home.example"});
    let same = json!([
        {"value": "ada@home.example", "type": "HOME", "display": "Ada", "primary": false},
        {"value": "ADA@acme.example", "type": "work", "primary": true},
        {"value": "ada@acme.example", "type": "work", "primary": true},
    ]);
    assert_snapshot!(told("emails", EMAILS, &record, same), @"nothing");
}

#[test]
fn another_primary_or_type_is_a_change() {
    let record = json!({"work": "ada@acme.example", "private": "ada@home.example"});
    let primary = json!([{"value": "ada@acme.example", "type": "work"}, {"value": "ada@home.example", "type": "home", "primary": true}]);
    assert_snapshot!(told("emails", EMAILS, &record, primary), @"0 Update hr/1 [Mover] id=u1 emails: [{type: work, value: ada@acme.example}, {primary: true, type: home, value: ada@home.example}] > [{primary: true, type: work, value: ada@acme.example}, {type: home, value: ada@home.example}];");
    let kind = json!([{"value": "ada@acme.example", "type": "other", "primary": true}, {"value": "ada@home.example", "type": "home"}]);
    assert_snapshot!(told("emails", EMAILS, &record, kind), @"0 Update hr/1 [Mover] id=u1 emails: [{primary: true, type: other, value: ada@acme.example}, {type: home, value: ada@home.example}] > [{primary: true, type: work, value: ada@acme.example}, {type: home, value: ada@home.example}];");
}

#[test]
fn a_primary_that_nobody_asks_for_is_the_servers_own() {
    let rule = r#"[{"value": record.work, "type": "work"}]"#;
    let observed = json!([{"value": "ada@acme.example", "type": "work", "primary": true}]);
    assert_snapshot!(told("emails", rule, &json!({"work": "ada@acme.example"}), observed.clone()), @"nothing");
    assert_snapshot!(told("emails", "record.work", &json!({"work": "ada@acme.example"}), observed), @"nothing");
}

#[test]
fn a_source_s_own_list_is_filtered_and_handed_on() {
    let rule = r#"record.mails.filter(m, m.kind != "private").map(m, {"value": m.address, "type": m.kind})"#;
    let record = json!({"mails": [{"address": "ada@acme.example", "kind": "work"}, {"address": "x@y.example", "kind": "private"}]});
    assert_snapshot!(told("emails", rule, &record, json!([])), @"0 Update hr/1 [Mover] id=u1 emails: nothing > [{type: work, value: ada@acme.example}];");
}

#[test]
fn telephone_numbers_are_the_same_however_they_are_written() {
    let rule = r#"[{"value": record.office, "type": "work"}, {"value": record.mobile, "type": "mobile"}]"#;
    let record = json!({"office": "+49 (30) 123-4", "mobile": "0049 170 55"});
    let same = json!([{"value": "tel:+49-170-55", "type": "mobile"}, {"value": "+49301234", "type": "work"}]);
    assert_snapshot!(told("phoneNumbers", rule, &record, same), @"nothing");
    let other = json!([{"value": "+4917055", "type": "mobile"}, {"value": "+49301235", "type": "work"}]);
    assert_snapshot!(told("phoneNumbers", rule, &record, other), @"0 Update hr/1 [Mover] id=u1 phoneNumbers: [{type: mobile, value: +4917055}, {type: work, value: +49301235}] > [{type: work, value: +49 (30) 123-4}, {type: mobile, value: 0049 170 55}];");
}

#[test]
fn postal_addresses_compare_by_the_fields_that_are_wanted() {
    let rule = r#"[{"type": "work", "streetAddress": record.street, "locality": record.city, "country": record.country}]"#;
    let record = json!({"street": "Gasse 1", "city": "Köln", "country": "DE"});
    let same = json!([{"country": "DE", "locality": "Köln", "streetAddress": "Gasse 1", "type": "work", "formatted": "Gasse 1, Köln"}]);
    assert_snapshot!(told("addresses", rule, &record, same), @"nothing");
    let moved = json!([{"country": "DE", "locality": "Bonn", "streetAddress": "Gasse 1", "type": "work"}]);
    assert_snapshot!(told("addresses", rule, &record, moved), @"0 Update hr/1 [Mover] id=u1 addresses: [{country: DE, locality: Bonn, streetAddress: Gasse 1, type: work}] > [{country: DE, locality: Köln, streetAddress: Gasse 1, type: work}];");
}

#[test]
fn a_list_that_is_null_is_cleared_and_an_empty_or_missing_one_is_left() {
    let observed = json!([{"value": "ada@acme.example"}]);
    assert_snapshot!(told("emails", "record.mails", &json!({"mails": []}), observed.clone()), @"nothing");
    assert_snapshot!(told("emails", "record.mails", &json!({"mails": null}), observed.clone()), @"0 Update hr/1 [Mover] id=u1 emails: [{value: ada@acme.example}] > nothing;");
    assert_snapshot!(told("emails", "record.mails", &json!({}), observed), @"nothing");
}

#[test]
fn a_required_value_that_nobody_gives_is_told_and_changes_nothing() {
    let required = |more: &str| source("hr", "") + "    - {attribute: department, value: record.dept, required: true}\n" + more;
    let scene = Scene::new(&[required(""), target("")])
        .record("hr", json!({"id": "1", "login": "ada", "dept": "Ops"}))
        .record("hr", json!({"id": "2", "login": "bob"}))
        .record("hr", json!({"id": "3", "login": "cy", "dept": null}))
        .record("hr", json!({"id": "4", "login": "di", "left": true}))
        .record("hr", json!({"id": "5", "login": "ed", "desk": "Sales"}));
    assert_snapshot!(scene.told(), @r"
    0 Create hr/1 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:1; userName: nothing > ada;
    1 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > bob;
    2 Create hr/3 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:3; userName: nothing > cy;
    3 Create hr/5 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:5; userName: nothing > ed;
    (Warning RequiredAttributeMissing) hr/2, hr/3, hr/5: department is required by hr and has no value
    ");
    let second = Scene::new(&[required("    - {attribute: department, value: record.desk}\n"), target("")])
        .record("hr", json!({"id": "5", "login": "ed", "desk": "Sales"}));
    assert_snapshot!(second.told(), @"0 Create hr/5 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:5; userName: nothing > ed;");
}

#[test]
fn a_value_that_came_back_different_twice_is_told_and_not_written_for_ever() {
    use crate::model::{AttributeChange, LastWrite, ObjectKind, Repeat, Value};
    let scene = || {
        Scene::simple()
            .record("hr", json!({"id": "1", "login": "ada", "title": "Long title"}))
            .account(json!({"id": "u1", "userName": "ada", "title": "Long", "externalId": "hc:acme:hr:1"}))
    };
    let text = |text: &str| Some(Value::text(text));
    let change =
        AttributeChange { attribute: "title".into(), before: text("Long"), after: text("Long title"), sensitive: false, privileged: false };
    let print = crate::world::prints::print("acme", &change).unwrap();
    let wrote = |mut scene: Scene| {
        let prints = Box::new([(print.name, print.wrote as u32)]);
        scene.memory.written.push(LastWrite { target: "chat".into(), kind: ObjectKind::Account, id: "u1".into(), prints });
        scene
    };
    let again = |mut scene: Scene, found: u64| {
        let (at, wrote) = (scene.moment.now, print.wrote);
        let (target, id, attribute) = ("chat".into(), "u1".into(), "title".into());
        scene.memory.repeats.push(Repeat { target, kind: ObjectKind::Account, id, attribute, wrote, found, at });
        scene.told()
    };
    let mover = scene().told();
    assert!(mover.contains("title: Long > Long title") && !mover.contains("ChangedElsewhere"), "{mover}");
    let others = wrote(scene()).told();
    assert!(others.contains("title: Long > Long title") && others.contains("(Note ChangedElsewhere)"), "{others}");
    let not_kept = again(wrote(scene()), print.found);
    assert!(not_kept.contains(r#"chat does not keep title: "Long title" was written and came back as "Long""#), "{not_kept}");
    assert!(!not_kept.contains("Update"), "{not_kept}");
    assert!(again(wrote(scene()), 0).contains("Update"), "something else is there than what came back");
}

#[test]
fn values_that_are_merged_leave_the_others_where_they_are() {
    let rules = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: emails, value: 'identity.userName + \"@acme.example\"', mode: merge}\n";
    let told = |emails| {
        let scene = Scene::new(&[source("hr", ""), target(rules)]).person("1", "ada");
        scene.account(json!({"id": "u1", "userName": "ada", "emails": emails, "externalId": "hc:acme:hr:1"})).told()
    };
    assert_eq!(told(json!([{"value": "Ada@acme.example"}, {"value": "old@acme.example", "type": "other"}])), "nothing");
    assert_snapshot!(told(json!([{"value": "old@acme.example", "primary": true, "type": "work"}])), @"0 Update hr/1 [Mover] id=u1 emails: [{primary: true, type: work, value: old@acme.example}] > [ada@acme.example, {type: work, value: old@acme.example}];");
    assert_snapshot!(told(json!([])), @"0 Update hr/1 [Mover] id=u1 emails: nothing > ada@acme.example;");
}

#[test]
fn a_value_with_a_type_is_merged_as_a_whole() {
    let rules = "  mapping:\n    defaults: none\n    rules:\n    - {attribute: userName, value: identity.userName}\n    - {attribute: emails, value: '[{\"value\": identity.userName, \"primary\": true}]', mode: merge}\n";
    let told = |emails| {
        let scene = Scene::new(&[source("hr", ""), target(rules)]).person("1", "ada");
        scene.account(json!({"id": "u1", "userName": "ada", "emails": emails, "externalId": "hc:acme:hr:1"})).told()
    };
    assert_eq!(told(json!([{"value": "old"}, {"value": "ada", "primary": true}])), "nothing");
    assert_snapshot!(told(json!([{"value": "old", "primary": true}, {"value": "ada"}])), @"0 Update hr/1 [Mover] id=u1 emails: [{primary: true, value: old}, {value: ada}] > [{primary: true, value: ada}, {value: old}];");
}
