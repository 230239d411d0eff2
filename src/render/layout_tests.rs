//! What a reader of a plan finds: every change once, people and groups whole, what takes first.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::testing::{self, Building, account, change, group, text};
use super::*;
use crate::model::{Reason, Risk, Value};

const TARGET: &str = "chat";

fn told(changes: Vec<Change>, full: bool) -> Vec<String> {
    let plan = Plan { changes, ..testing::empty() };
    let of = |block: &Block<'_>| {
        let steps = block.steps.iter().map(|change| format!("{:?}", change.action));
        let moves = block.moves.iter().map(|one| format!("{}{}", one.change.action.symbol(), one.other(block.about).name));
        format!("{}: {}", block.about.name, steps.chain(moves).collect::<Vec<_>>().join(" "))
    };
    let words = |entry: &Entry<'_>| match entry {
        Entry::One(block) => of(block),
        Entry::Alike(blocks) => format!("{} like {}", blocks.len(), blocks.first().map(of).unwrap_or_default()),
    };
    targets(&plan, full).values().flatten().map(words).collect()
}

fn adds(name: &str, members: &[&str]) -> Change {
    moves(Action::AddMembers, name, members)
}

fn moves(action: Action, name: &str, members: &[&str]) -> Change {
    let members: Vec<_> = members.iter().map(|name| (*name, *name)).collect();
    change(TARGET, action, group(name), Reason::Mover).members(&members)
}

fn new(name: &str) -> Change {
    change(TARGET, Action::Create, account(name, name), Reason::Joiner).with("userName", None, text(name))
}

fn leaves(name: &str) -> Change {
    let off = change(TARGET, Action::Deactivate, account(name, name), Reason::Leaver);
    off.with("active", Some(Value::Bool(true)), Some(Value::Bool(false))).risky(Risk::SignIn)
}

#[test]
fn somebody_over_many_groups_is_one_block_and_so_is_a_group_with_many() {
    let changes = vec![
        adds("A", &["mfahlandt"]),
        adds("B", &["mfahlandt"]),
        moves(Action::RemoveMembers, "C", &["mfahlandt"]),
        adds("Big", &["one", "two", "three", "mfahlandt"]),
    ];
    assert_eq!(told(changes, false), ["mfahlandt: -C +A +B", "Big: +mfahlandt +one +three +two"]);
}

#[test]
fn a_leaver_is_one_block_with_all_groups_and_stands_before_what_is_new() {
    let names: Vec<String> = (0..18).map(|at| format!("G{at:02}")).collect();
    let mut changes: Vec<Change> = names.iter().map(|name| moves(Action::RemoveMembers, name, &["eve", "mal"])).collect();
    changes.extend([new("ada"), leaves("eve"), leaves("mal")]);
    let told = told(changes, false);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("eve: Deactivate -G00 -G01") && told[1].starts_with("mal: Deactivate -G00"), "{told:?}");
    assert_eq!(told[2], "ada: Create");
}

#[test]
fn whoever_is_new_tells_the_groups_unless_many_are_or_the_group_is_new_too() {
    let made = change(TARGET, Action::Create, group("New"), Reason::Declared);
    assert_eq!(
        told(vec![new("ada"), adds("All", &["ada", "bob"]), made, adds("New", &["ada"])], false),
        ["All: +bob", "ada: Create +All", "New: Create +ada"]
    );
    let people: Vec<String> = (0..12).map(|at| format!("p{at:02}")).collect();
    let names: Vec<&str> = people.iter().map(String::as_str).collect();
    let mut changes: Vec<Change> = names.iter().map(|name| new(name)).collect();
    changes.push(adds("All", &names));
    assert_eq!(told(changes.clone(), false)[1], "12 like p00: Create");
    assert!(told(changes.clone(), false)[0].starts_with("All: +p00 +p01"));
    changes.push(leaves("eve"));
    assert!(told(changes, true).iter().all(|line| !line.contains("like")), "in full nothing is folded");
}

#[test]
fn what_takes_or_is_risky_is_never_one_of_many() {
    let off = (0..30).map(|at| leaves(&format!("p{at:02}")));
    let taken = (0..30).map(|at| change(TARGET, Action::Adopt, account(&format!("a{at}"), "x"), Reason::Joiner).risky(Risk::Adoption));
    let held = (0..30).map(|at| new(&format!("h{at}")).withheld(0));
    assert!(told(off.chain(taken).chain(held).collect(), false).iter().all(|line| !line.contains("like")));
}

#[test]
fn updates_are_alike_only_with_the_same_values() {
    let update = |at: usize, title: &str| {
        change(TARGET, Action::Update, account(&format!("p{at:02}"), "x"), Reason::Mover).with("title", text("A"), text(title))
    };
    let mut changes: Vec<Change> = (0..11).map(|at| update(at, "B")).collect();
    assert_eq!(told(changes.clone(), false), ["11 like x: Update"]);
    changes.push(update(90, "C"));
    assert_eq!(told(changes.clone(), false).len(), 2);
    changes.truncate(ALIKE);
    assert_eq!(told(changes, false).len(), ALIKE);
}

/// A plan of a few people and groups, with whatever happens to them.
fn plans() -> impl Strategy<Value = Vec<Change>> {
    let steps =
        [Action::Create, Action::Adopt, Action::Update, Action::Reactivate, Action::Deactivate, Action::Delete, Action::AddEntitlement];
    let step = (0..steps.len(), 0..40usize, any::<bool>(), 0..9u8).prop_map(move |(action, who, is_group, odd)| {
        let name = format!("n{who}");
        let object = if is_group { group(&name) } else { account(&name, &name) };
        let mut one = change(TARGET, steps[action], object, Reason::Mover).with("title", text("A"), text(["B", "C"][usize::from(odd) % 2]));
        one.entitlement = (one.action == Action::AddEntitlement).then(|| "card".into());
        match odd {
            0 => one.risky(Risk::SignIn),
            1 => one.withheld(0),
            _ => one,
        }
    });
    let member = (any::<bool>(), 0..12usize, prop::collection::btree_set(0..40usize, 1..60)).prop_map(|(adds, which, who)| {
        let names: Vec<String> = who.iter().map(|who| format!("n{who}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut one = moves(if adds { Action::AddMembers } else { Action::RemoveMembers }, &format!("n{which}"), &names);
        if which == 0 {
            one.members.push(MemberChange { member: group("Inner"), people: 3 });
        }
        one
    });
    let all = (prop::collection::vec(step, 0..60), prop::collection::vec(member, 0..12));
    all.prop_map(|(steps, members)| steps.into_iter().chain(members).collect())
}

proptest! {
    #[test]
    fn every_change_is_told_exactly_once(changes in plans(), full in any::<bool>()) {
        let plan = Plan { changes, ..testing::empty() };
        let mut steps: BTreeMap<*const Change, usize> = BTreeMap::new();
        let mut members: BTreeMap<(*const Change, *const MemberChange), usize> = BTreeMap::new();
        for entry in targets(&plan, full).into_values().flatten() {
            let many = matches!(entry, Entry::Alike(_));
            let blocks = match entry { Entry::One(block) => vec![block], Entry::Alike(blocks) => blocks };
            prop_assert!(!many || blocks.len() > 1);
            for block in blocks {
                for change in &block.steps {
                    prop_assert!(!many || plain(change));
                    *steps.entry(std::ptr::from_ref(*change)).or_default() += 1;
                }
                for one in &block.moves {
                    prop_assert!(!many || plain(one.change));
                    *members.entry((std::ptr::from_ref(one.change), std::ptr::from_ref(one.member))).or_default() += 1;
                }
            }
        }
        for change in &plan.changes {
            if is_membership(change) {
                for member in &change.members {
                    prop_assert_eq!(members.remove(&(std::ptr::from_ref(change), std::ptr::from_ref(member))), Some(1));
                }
            } else {
                prop_assert_eq!(steps.remove(&std::ptr::from_ref(change)), Some(1));
            }
        }
        prop_assert!(steps.is_empty() && members.is_empty());
    }
}
