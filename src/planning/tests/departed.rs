//! Names of people who left: no namesake gets one for as long as the Target says.

use insta::assert_snapshot;

use super::super::testing::{Scene, source, target, tell};
use crate::model::DepartedName;

/// Somebody's user name, some days ago.
fn had(mut scene: Scene, key: &str, name: &str, (left, days): (bool, i64)) -> Scene {
    let at = scene.moment.now - jiff::SignedDuration::from_hours(24 * days);
    let (target, attribute) = ("chat".into(), "userName".into());
    scene.memory.departed.push(DepartedName { target, attribute, value: name.into(), key: key.into(), left, at });
    scene
}

fn unique() -> Scene {
    Scene::new(&[source("hr", "").replace("value: record.login", "value: record.login, unique: true"), target("")])
}

#[test]
fn a_namesake_of_somebody_who_left_gets_the_next_name() {
    let scene = had(unique().person("2", "cleo"), "hr/1", "Cleo", (true, 1));
    assert_snapshot!(scene.told(), @"
    0 Create hr/2 [Joiner] active: nothing > true; externalId: nothing > hc:acme:hr:2; userName: nothing > cleo2;
    (Note NameReserved) hr/2: the userName Cleo was hr/1's until 2026-11-21 and is kept free until 2027-02-19, so it gets cleo2
    ");
    assert!(had(unique().person("2", "cleo"), "hr/1", "cleo", (true, 91)).told().contains("userName: nothing > cleo;"));
}

#[test]
fn without_a_unique_rule_no_account_is_made_and_both_answers_work() {
    let of = |rest: &str, more: &[String]| {
        let documents: Vec<String> = [source("hr", ""), target(rest)].into_iter().chain(more.iter().cloned()).collect();
        had(Scene::new(&documents).person("2", "cleo"), "hr/1", "cleo", (true, 1))
    };
    let plan = of("", &[]).plan();
    assert_snapshot!(tell(&plan), @"(Error NameReserved) hr/2: the userName cleo was hr/1's until 2026-11-21 and is kept free until 2027-02-19, so no account is made");
    assert_snapshot!(plan.findings[0].hint.as_deref().unwrap_or_default(), @"If they are one person, write `formerKeys: [hr/1]` into the spec of a User for hr/2. If not, another name is needed (a User's, or `unique: true` in its rule in spec.mapping.rules, which takes the next free one); `names: {reuseAfter: 0d}` in the spec of the Target chat gives it at once.");
    let same = "kind: User\nmetadata: {name: cleo}\nspec: {overrides: {source: hr, key: '2'}, formerKeys: [hr/1]}\n".to_owned();
    for answered in [of("", &[same]), of("  names: {reuseAfter: 0d}\n", &[]), of("  names: {reuseAfter: 23h}\n", &[])] {
        assert!(answered.told().contains("Create hr/2"), "{}", answered.told());
    }
}

#[test]
fn whoever_comes_back_gets_the_own_name() {
    assert!(had(unique().person("1", "cleo"), "hr/1", "cleo", (true, 1)).told().contains("userName: nothing > cleo;"));
}

#[test]
fn whoever_is_here_with_another_name_hands_the_old_one_on_and_whoever_left_does_not() {
    let renamed = |scene: Scene| had(scene.person("2", "ben").marked("u1", "hr/1", "zander"), "hr/1", "ben", (false, 1));
    assert!(renamed(unique().person("1", "zander")).told().contains("userName: nothing > ben;"));
    let gone = renamed(unique()).told();
    assert!(gone.contains("userName: nothing > ben2;"), "{gone}");
}

#[test]
fn nobody_is_renamed_to_the_name_of_somebody_who_left() {
    let scene = Scene::simple().person("2", "cleo").marked("u2", "hr/2", "ann");
    let scene = scene.able(|can| can.nested_groups = true);
    assert_snapshot!(had(scene, "hr/1", "cleo", (true, 1)).told(), @"(Error NameReserved) hr/2: the userName cleo was hr/1's until 2026-11-21 and is kept free until 2027-02-19, so the old one stays");
}
