//! What stands at a target, and whose it is.

use serde_json::json;

use super::super::testing::{Scene, entitlement, group, mark, source, target};
use super::super::{ExistingMember, existing};
use crate::planning::explain::{AccountExplanation, Provenance};

#[test]
fn what_nobody_declares_is_listed_with_whoever_is_in_it() {
    let ops = group("ops", "  allowEmpty: true\n  members: []\n");
    let card = entitlement("card", "  entitlement: card\n  when: 'true'\n");
    let scene = Scene::new(&[source("hr", ""), target("  groups: {}\n"), ops, card])
        .person("1", "ada")
        .marked("u1", "hr/1", "ada")
        .account(json!({"id": "u2", "userName": "service"}))
        .account(json!({"id": "u3", "userName": "theirs", "externalId": "hc:others:hr:1"}))
        .marked_group("g1", "group/ops", "ops")
        .group("g2", "Wheel")
        .group("g3", "Inner")
        .member("g1", "u1")
        .member("g2", "u1")
        .member("g2", "u2")
        .member("g2", "g3")
        .entitled("u1", "card", json!({}))
        .entitled("u1", "badge", json!({}))
        .entitled("u2", "badge", json!({}));
    let found = existing(&scene.policy, &scene.world(), scene.moment, 0);
    let free: Vec<_> = found.accounts.iter().map(|account| (account.name.as_ref(), account.free)).collect();
    assert_eq!(free, [("service", true), ("theirs", false)]);
    let groups: Vec<_> = found.groups.iter().map(|group| (group.name.as_ref(), group.members.as_slice())).collect();
    let (ada, service, inner) = (ExistingMember::Person(0), ExistingMember::Account(0), ExistingMember::Group(1));
    assert_eq!(groups, [("Wheel", [ada, service, inner].as_slice()), ("Inner", &[])]);
    assert_eq!(found.entitlements, [("badge".into(), vec![ada, service])]);
    assert_eq!((found.declared_groups, found.declared_entitlements), (1, 1));
}

fn told(scene: &Scene, text: &str) -> AccountExplanation {
    let world = scene.world();
    Provenance::new(&scene.policy, &world, scene.moment).explain_account("chat", text).unwrap_or_else(|_| panic!("{text} is no account"))
}

#[test]
fn whose_an_account_may_be_is_told_with_everybody_to_whom_it_leads() {
    let scene = Scene::simple().person("1", "jane").person("2", "jane").person("3", "cy");
    let told = told(&scene.account(json!({"id": "u1", "userName": "jane"})), "u1");
    assert_eq!(told.holders, ["hr/1".into(), "hr/2".into()]);
}

#[test]
fn people_are_listed_under_what_their_accounts_are_called() {
    let scene = Scene::simple().person("1", "ada").account(json!({"id": "u1", "userName": "lovelace", "externalId": mark("hr/1")}));
    let world = scene.world();
    let provenance = Provenance::new(&scene.policy, &world, scene.moment);
    let (register, accounts) = (provenance.register(), provenance.account_names());
    assert_eq!((register.called("lovelace", &accounts), register.called("nobody", &accounts)), (vec![0], vec![]));
}

#[test]
fn where_somebody_still_is_names_the_account_that_carries_their_mark() {
    let scene = Scene::simple().person("1", "ada").marked("u1", "hr/1", "ada").person("2", "bob");
    let there = |key: &str| scene.world().whereabouts(&scene.policy, &[key.into()]).there;
    assert_eq!(there("hr/1"), ["Source hr", "Target chat"]);
    assert_eq!((there("hr/2"), there("hr/3")), (vec!["Source hr".to_owned()], vec![]));
}
