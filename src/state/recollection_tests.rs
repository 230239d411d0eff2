//! Whoever knows what was remembered, and hears what was touched since, remembers what the state does: after any facts, by whomever they were written.

use std::cell::RefCell;
use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::agreement_tests::{IDS, KEYS, TARGETS, commits};
use super::tests::{Kind, Place};
use super::*;
use crate::connector::registry::Facts;
use crate::manifest::{ManifestInput, load};
use crate::policy::{Policy, compile};
use crate::world::World;

const WORKSPACE: &str = "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n";

fn policy(targets: &[&str]) -> Policy {
    let target = |name: &&str| {
        let sql =
            format!("{{database: {{sqlite: {{path: {name}.db}}}}, accounts: {{table: users, key: id, columns: {{userName: login}}}}}}");
        format!(
            "---\napiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {{name: {name}}}\nspec: {{connection: {{sql: {sql}}}, mapping: {{rules: []}}}}\n"
        )
    };
    let text = WORKSPACE.to_owned() + &targets.iter().map(target).collect::<String>();
    let (loaded, problems) = load(&[ManifestInput::stdin(text.into_bytes())]);
    assert!(problems.is_empty(), "{problems:#?}");
    compile(&loaded, &Facts).unwrap().0
}

/// Every row, in an order that means nothing.
fn rows(memory: &Memory) -> Vec<String> {
    let Memory { known, links, formers, records, deactivations, resting, unheard, written, repeats, departed, .. } = memory;
    let Memory { baselines, windows, revocations, cut_off, told, .. } = memory;
    let mut all = vec![format!("{known} {told:?}")];
    all.extend(links.iter().map(|one| format!("{one:?}")));
    all.extend(formers.iter().map(|one| format!("{one:?}")));
    all.extend(records.iter().map(|one| format!("{one:?}")));
    all.extend(deactivations.iter().map(|one| format!("{one:?}")));
    all.extend(resting.iter().map(|one| format!("{one:?}")));
    all.extend(unheard.iter().map(|one| format!("{one:?}")));
    all.extend(written.iter().map(|one| format!("{one:?}")));
    all.extend(repeats.iter().map(|one| format!("{one:?}")));
    all.extend(departed.iter().map(|one| format!("{one:?}")));
    all.extend(baselines.iter().map(|one| format!("{one:?}")));
    all.extend(windows.iter().map(|one| format!("{one:?}")));
    all.extend(revocations.iter().map(|one| format!("{one:?}")));
    all.extend(cut_off.iter().map(|one| format!("{one:?}")));
    all.sort();
    all
}

/// What the indexes lead to.
fn found(world: &World) -> Vec<String> {
    let (recall, memory) = (&world.recall, &world.memory);
    let mut all = Vec::new();
    for target in TARGETS {
        all.push(format!("{:?}", recall.account_links(target)));
        for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Entitlement] {
            for key in KEYS {
                let (ids, formerly) = (recall.ids_of(target, kind, key), recall.formerly(memory, target, kind, key));
                all.push(format!("{target} {kind:?} {key}: {ids:?} {formerly:?}"));
            }
            for id in IDS {
                let (link, written) = (recall.link_of(target, kind, id), recall.written(target, kind, id));
                all.push(format!("{target} {kind:?} {id}: {link:?} {written:?} {:?}", recall.deactivated(memory, target, id)));
            }
        }
        let departed = |name: &str| {
            let at = recall.departed_at(target, "userName", name.to_lowercase().as_bytes());
            at.filter_map(|at| memory.departed.get(at as usize)).map(|one| format!("{one:?}")).collect::<BTreeSet<_>>()
        };
        all.extend(["ada", "Ada's", ""].map(|name| format!("{:?}", departed(name))));
    }
    let records = |key| recall.records_of(memory, key).map(|(_, link)| format!("{link:?}")).collect::<BTreeSet<_>>();
    all.extend(KEYS.map(|key| format!("{:?}", records(key))));
    all
}

#[test]
fn what_is_known_and_what_was_touched_since_is_all_that_is_remembered() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let policies = [policy(&[]), policy(&TARGETS)];
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    // Who commits: this process, the next one, another one beside it; and whether anybody asks then.
    let story = prop::collection::vec((commits(), 0..8_u8, prop::bool::weighted(0.7)), 1..4);
    let all = (story, prop::sample::select(&[Kind::File, Kind::Objects][..]), 0..2_usize);
    let told = RefCell::new(Vec::new());
    let lived = TestRunner::new(config).run(&all, |(story, kind, policy)| {
        told.borrow_mut().push(runtime.block_on(lives(&story, kind, &policies[policy]))?);
        Ok(())
    });
    lived.unwrap_or_else(|failure| panic!("{failure}"));
    let (parts, wholes) = told.into_inner().into_iter().fold((0, 0), |(parts, wholes), (part, whole)| (parts + part, wholes + whole));
    assert!(parts > wholes, "{parts} parts, {wholes} times all: a law that always loads all proves nothing");
}

type Story = [(Vec<(Vec<Fact>, bool)>, u8, bool)];

/// How often a part was told, and how often all.
async fn lives(story: &Story, kind: Kind, policy: &Policy) -> Result<(u64, u64), TestCaseError> {
    let day = date(2026, 11, 22);
    let place = Place::of(kind).unwrap();
    let mut store = place.open("acme").await.unwrap();
    let (mut world, mut known) = (World::unread(policy, day), None);
    let (mut parts, mut wholes) = (0, 0);
    for (commits, who, asks) in story {
        for (facts, _) in commits {
            // Another one writes to a file beside us; who has a bucket has it alone.
            let beside = *who == 0 && matches!(kind, Kind::File);
            let writer = if beside { place.open("acme").await.unwrap() } else { store.clone() };
            // What a state refuses as a whole, it does not keep in part.
            let kept = writer.commit(facts.clone()).await;
            if *asks || kept.is_err() {
                let told = store.recollect(known).await.unwrap();
                (parts, wholes) = (parts + u64::from(told.of.is_some()), wholes + u64::from(told.of.is_none()));
                known = Some(told.generation);
                world.recollect(policy, told);
                let memory = store.load().await.unwrap();
                prop_assert_eq!(rows(&world.whole_memory()), rows(&memory), "after {:#?}", facts);
                let mut afresh = World::unread(policy, day);
                afresh.recollect(policy, Recollection { generation: 0, memory, of: None });
                prop_assert_eq!(found(&world), found(&afresh), "after {:#?}", facts);
                prop_assert_eq!(&world.trust, &afresh.trust);
            }
        }
        if *who == 1 {
            drop(store);
            store = place.open("acme").await.unwrap();
        }
    }
    Ok((parts, wholes))
}

/// A deactivation at another system than the target speaks to now counts nothing here; once it is forgotten it is gone all the same.
#[tokio::test]
async fn what_counts_nothing_is_forgotten_too() {
    let link = |key: &str, system| Link { target: "crm".into(), system, ..super::tests::link(key, "2") };
    let rests = crate::model::Resting { target: "crm".into(), key: "user/ada".into(), at: jiff::Timestamp::UNIX_EPOCH };
    let facts = [Fact::Resting(rests), Fact::Linked(link("user/ada", 7)), Fact::Linked(link("hr/1", 0))];
    let commits = facts.map(|fact| (vec![fact], false)).into();
    lives(&[(commits, 2, true)], Kind::File, &policy(&TARGETS)).await.unwrap();
}
