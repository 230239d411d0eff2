//! Whatever stands behind the trait remembers the same: any facts in any order leave one memory, and each question has one answer.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::tests::{Kind, Place};
use super::*;
use crate::model::{
    Baseline, CutOff, Deactivation, DepartedName, FormerLink, Guardrail, LeftPart, LeftWhat, LinkOrigin, Receipt, ReceiptWord, RecordLink,
    Repeat, Resting, StandingRevocation, Unheard, WindowEntry,
};

pub(super) const TARGETS: [&str; 2] = ["chat", "crm"];
const SOURCES: [&str; 2] = ["hr", "ldap"];
pub(super) const KEYS: [&str; 5] = ["hr/1", "hr/2", "ldap/1", "user/ada", "group/staff"];
pub(super) const IDS: [&str; 4] = ["1", "2", "a b", "ö'%"];
const NAMES: [&str; 3] = ["ada", "Ada's", ""];

fn one_of(all: &'static [&'static str]) -> impl Strategy<Value = Arc<str>> {
    select(all).prop_map(Arc::from)
}

fn target() -> impl Strategy<Value = Arc<str>> {
    one_of(&TARGETS)
}

fn key() -> impl Strategy<Value = Arc<str>> {
    one_of(&KEYS)
}

fn id() -> impl Strategy<Value = Arc<str>> {
    one_of(&IDS)
}

fn kind() -> impl Strategy<Value = ObjectKind> {
    select(&[ObjectKind::Account, ObjectKind::Group][..])
}

/// Within a few hours, some of one minute.
fn at() -> impl Strategy<Value = Timestamp> {
    let day: Timestamp = "2026-11-22T10:00:00.123456789Z".parse().unwrap();
    select(&[0_i64, 1, 59, 3600, 86_400][..]).prop_map(move |seconds| day + SignedDuration::from_secs(seconds))
}

fn print() -> impl Strategy<Value = u64> {
    select(&[0, 7, u64::MAX][..])
}

fn guardrail() -> impl Strategy<Value = Guardrail> {
    select(&[Guardrail::Leavers, Guardrail::Create, Guardrail::Deactivate][..])
}

fn link() -> impl Strategy<Value = Link> {
    let origin = select(&[LinkOrigin::Created, LinkOrigin::Adopted][..]);
    (target(), kind(), key(), id(), origin, print(), prop::option::of(one_of(&NAMES)), at())
        .prop_map(|(target, kind, key, id, origin, system, name, at)| Link { target, kind, key, id, origin, system, name, at })
}

fn deactivation() -> impl Strategy<Value = Deactivation> {
    (target(), kind(), id(), at()).prop_map(|(target, kind, id, at)| Deactivation { target, kind, id, at })
}

fn resting() -> impl Strategy<Value = Resting> {
    (target(), key(), at()).prop_map(|(target, key, at)| Resting { target, key, at })
}

fn unheard() -> impl Strategy<Value = Unheard> {
    (target(), guardrail(), key(), at()).prop_map(|(target, guardrail, key, at)| Unheard { target, guardrail, key, at })
}

fn repeat() -> impl Strategy<Value = Repeat> {
    (target(), kind(), id(), one_of(&["title", "manager"]), print(), print(), at())
        .prop_map(|(target, kind, id, attribute, wrote, found, at)| Repeat { target, kind, id, attribute, wrote, found, at })
}

/// What was written to one object, each attribute once.
fn written() -> impl Strategy<Value = Vec<(u32, Repeat)>> {
    let attributes = prop::sample::subsequence(vec![(1, "title"), (2, "manager")], 1..=2);
    (repeat(), attributes).prop_map(|(repeat, attributes)| {
        attributes.into_iter().map(|(print, name)| (print, Repeat { attribute: Arc::from(name), ..repeat.clone() })).collect()
    })
}

fn departed() -> impl Strategy<Value = DepartedName> {
    (target(), one_of(&["userName"]), one_of(&NAMES), key(), any::<bool>(), at())
        .prop_map(|(target, attribute, value, key, left, at)| DepartedName { target, attribute, value, key, left, at })
}

fn baseline() -> impl Strategy<Value = Baseline> {
    (one_of(&SOURCES), kind(), print(), 0..50_u64, at()).prop_map(|(system, kind, scope, count, at)| Baseline {
        system,
        kind,
        scope,
        count,
        values: [("email".into(), count)].into(),
        statuses: [("status".into(), [("Active".into(), count)].into())].into(),
        at,
    })
}

fn left() -> impl Strategy<Value = (LeftWhat, u64, u64)> {
    (select(&LeftWhat::ALL[..]), print(), print())
}

fn left_part() -> impl Strategy<Value = LeftPart> {
    let prints = || prop::collection::btree_set(print(), 0..3);
    (prints(), prints(), prop::collection::btree_set(left(), 0..4)).prop_map(|(people, accounts, all)| {
        let all = all.into_iter().map(|(what, of, print)| Left { target: Arc::from(""), what, of, print }).collect();
        LeftPart { people, accounts, all }
    })
}

fn revocation() -> impl Strategy<Value = StandingRevocation> {
    (key(), one_of(&NAMES), at(), any::<bool>(), prop::collection::vec(key(), 0..3)).prop_map(|(key, reason, at, ends, also)| {
        StandingRevocation { key, reason, at, until: ends.then(|| jiff::civil::date(2026, 12, 24)), also, receipts: Vec::new() }
    })
}

fn receipt() -> impl Strategy<Value = Receipt> {
    (target(), select(&[ReceiptWord::Done, ReceiptWord::Unreachable][..]), prop::option::of(one_of(&NAMES)), 0..3_u32, at())
        .prop_map(|(target, outcome, message, tries, at)| Receipt { target, outcome, message, tries, at })
}

fn shelf() -> impl Strategy<Value = Shelf> {
    select(&[Shelf::Requests, Shelf::Approvals, Shelf::Systems, Shelf::Renames, Shelf::InboxMembers][..])
}

fn former() -> impl Strategy<Value = FormerLink> {
    (target(), kind(), key(), id(), at()).prop_map(|(target, kind, key, id, at)| FormerLink { target, kind, key, id, at })
}

fn of_objects() -> impl Strategy<Value = Fact> {
    prop_oneof![
        4 => link().prop_map(Fact::Linked),
        1 => link().prop_map(Fact::Carried),
        1 => link().prop_map(Fact::Placed),
        1 => link().prop_map(Fact::Renamed),
        1 => (link(), id()).prop_map(|(link, from)| Fact::Moved { link, from }),
        1 => former().prop_map(Fact::Moving),
        1 => former().prop_map(Fact::NotMoved),
        1 => link().prop_map(Fact::Unlinked),
        2 => deactivation().prop_map(Fact::Inactive),
        1 => deactivation().prop_map(Fact::NotInactive),
        1 => deactivation().prop_map(Fact::Active),
        1 => resting().prop_map(Fact::Resting),
        1 => resting().prop_map(Fact::NotMade),
        1 => unheard().prop_map(Fact::Sent),
        1 => unheard().prop_map(Fact::Heard),
        1 => (target(), kind(), id(), key()).prop_map(|(target, kind, id, key)| Fact::CutOff(CutOff { target, kind, id, key })),
        1 => written().prop_map(Fact::Written),
        1 => repeat().prop_map(Fact::Kept),
        1 => departed().prop_map(Fact::Departed),
        1 => departed().prop_map(Fact::Returned),
    ]
}

fn of_the_whole() -> impl Strategy<Value = Fact> {
    prop_oneof![
        1 => (one_of(&SOURCES), id(), key()).prop_map(|(source, record, identity)| Fact::Record(RecordLink { source, record, identity })),
        1 => Just(Fact::SourceRenamed { old: "ldap".into(), new: "hr".into() }),
        2 => (target(), guardrail(), 1..9_u64, at())
            .prop_map(|(target, guardrail, weight, at)| Fact::Counted(WindowEntry { target, guardrail, weight, at })),
        1 => at().prop_map(Fact::Pruned),
        1 => baseline().prop_map(Fact::Baseline),
        1 => prop::collection::btree_set(print(), 0..3).prop_map(Fact::Told),
        1 => (target(), prop::collection::btree_set(left(), 0..4)).prop_map(|(target, all)| {
            let all = all.into_iter().map(|(what, of, print)| Left { target: target.clone(), what, of, print }).collect();
            Fact::Left { target, all }
        }),
        1 => (target(), left_part()).prop_map(|(target, mut part)| {
            let all = std::mem::take(&mut part.all);
            part.all = all.into_iter().map(|left| Left { target: target.clone(), ..left }).filter(|left| part.replaces(left)).collect();
            Fact::LeftOf { target, part }
        }),
        1 => at().prop_map(Fact::Known),
        2 => revocation().prop_map(Fact::Revoked),
        1 => (key(), prop::collection::vec(key(), 1..3)).prop_map(|(identity, also)| Fact::OtherKeys { identity, also }),
        1 => (key(), receipt()).prop_map(|(identity, receipt)| Fact::Receipt { identity, receipt }),
        1 => key().prop_map(Fact::Lifted),
        1 => (shelf(), one_of(&NAMES), one_of(&["{}", "[1]"]))
            .prop_map(|(shelf, name, body)| Fact::Shelved(Shelved { shelf, name, body: body.to_string() })),
        1 => (shelf(), one_of(&NAMES)).prop_map(|(shelf, name)| Fact::Unshelved { shelf, name }),
        1 => prop::collection::vec(key(), 1..3).prop_map(Fact::Erased),
    ]
}

/// Commits, and whether each is followed by another process.
pub(super) fn commits() -> impl Strategy<Value = Vec<(Vec<Fact>, bool)>> {
    let fact = prop_oneof![3 => of_objects(), 2 => of_the_whole()];
    prop::collection::vec((prop::collection::vec(fact, 1..6), prop::bool::weighted(0.2)), 1..10)
}

/// Every answer that a store has, in words that can be held against another's.
async fn answers(store: &dyn Store) -> String {
    let mut told = vec![format!("{:#?}", store.load().await.unwrap())];
    for key in KEYS {
        let about = About { sources: SOURCES.map(Arc::from).into(), targets: TARGETS.map(Arc::from).into(), keys: vec![Arc::from(key)] };
        told.push(format!("about {key}: {:#?}", store.load_about(about).await.unwrap()));
    }
    for target in TARGETS.map(Arc::<str>::from) {
        let by_id = store.links_by_id(target.clone(), IDS.map(Arc::from).into()).await.unwrap();
        let wanted = KEYS.map(|key| LinkName { target: target.clone(), kind: ObjectKind::Account, key: Arc::from(key) });
        told.push(format!("at {target}: {by_id:#?} {:?}", store.link_ids(wanted.into()).await.unwrap()));
    }
    for shelf in [Shelf::Requests, Shelf::Approvals, Shelf::Systems, Shelf::Renames, Shelf::InboxMembers] {
        told.push(format!("{shelf:?}: {:?}", store.shelf(shelf).await.unwrap()));
    }
    let mut left: Vec<String> = store.left().await.unwrap().iter().map(|one| format!("{one:?}")).collect();
    left.sort();
    told.extend(left);
    told.join("\n")
}

async fn told_by(kind: Kind, commits: &[(Vec<Fact>, bool)]) -> Option<Vec<String>> {
    let place = Place::of(kind)?;
    let mut store = place.open("acme").await.unwrap();
    let mut told = Vec::new();
    for (facts, ends) in commits {
        store.commit(facts.clone()).await.unwrap();
        if *ends {
            drop(store);
            store = place.open("acme").await.unwrap();
        }
        told.push(answers(store.as_ref()).await);
    }
    Some(told)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_store_remembers_the_same(commits in commits()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let file = told_by(Kind::File, &commits).await.unwrap();
            for kind in [Kind::Objects, Kind::S3, Kind::Postgres] {
                let Some(told) = told_by(kind, &commits).await else { continue };
                for (at, (told, expected)) in told.iter().zip(&file).enumerate() {
                    prop_assert_eq!(told, expected, "{:?} after commit {} of {:#?}", kind, at, &commits[..=at]);
                }
            }
            Ok(())
        })?;
    }
}
