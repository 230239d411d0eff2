//! Copies of a state, what takes its place, and where there is none.

use rstest::rstest;

use super::*;
use crate::model::{DepartedName, Left, LeftWhat, Receipt, ReceiptWord, Repeat, StandingRevocation, Unheard};

/// Something of everything that is kept.
pub(in crate::state) fn everything() -> Vec<Fact> {
    let (at, target): (Timestamp, Arc<str>) = (now(), "chat".into());
    let off = Deactivation { target: target.clone(), kind: ObjectKind::Account, id: "7".into(), at };
    let repeat = |wrote| Repeat {
        target: target.clone(),
        kind: ObjectKind::Account,
        id: "9".into(),
        attribute: "title".into(),
        wrote,
        found: 3,
        at,
    };
    let (reason, also) = ("stolen".into(), vec!["ldap/ada".into()]);
    let revoked = StandingRevocation { key: "hr/9".into(), reason, at, until: None, also, receipts: Vec::new() };
    let receipt = Receipt { target: target.clone(), outcome: ReceiptWord::Done, message: Some("it is".into()), tries: 2, at };
    let grant = Link { kind: ObjectKind::Entitlement, ..link("hr/1#seat", "7") };
    vec![
        Fact::Linked(link("hr/1", "7")),
        Fact::Linked(grant),
        Fact::Linked(Link { name: Some("Bé 🎉".into()), system: 4, ..link("hr/2", "9") }),
        Fact::Linked(link("hr/0", "5")),
        Fact::Carried(link("hr/5", "5")),
        Fact::Record(record("a", "hr/1")),
        Fact::Inactive(off),
        Fact::Resting(Resting { target: target.clone(), key: "hr/3".into(), at }),
        Fact::Sent(Unheard { target: target.clone(), key: "hr/4".into(), guardrail: Guardrail::Create, at }),
        Fact::Departed(DepartedName {
            target: target.clone(),
            attribute: "userName".into(),
            value: "ada".into(),
            key: "hr/8".into(),
            left: true,
            at,
        }),
        Fact::Written(vec![(1, repeat(8)), (2, Repeat { attribute: "mail".into(), ..repeat(u64::MAX) })]),
        Fact::Written(vec![(1, repeat(8))]),
        Fact::Baseline(Baseline {
            system: "hr".into(),
            kind: ObjectKind::Account,
            scope: u64::MAX,
            count: 40,
            values: [("email".into(), 39)].into(),
            statuses: [("status".into(), [("Active".into(), 39)].into())].into(),
            at,
        }),
        Fact::Counted(WindowEntry { target: target.clone(), guardrail: Guardrail::Leavers, weight: 2, at }),
        Fact::Counted(WindowEntry { target: target.clone(), guardrail: Guardrail::Leavers, weight: 3, at }),
        Fact::Revoked(revoked),
        Fact::Receipt { identity: "hr/9".into(), receipt },
        Fact::CutOff(CutOff { target: target.clone(), kind: ObjectKind::Account, id: "11".into(), key: "hr/9".into() }),
        Fact::Told([1, u64::MAX].into()),
        Fact::Left { target: target.clone(), all: vec![Left { target, what: LeftWhat::Values, of: 12, print: u64::MAX }] },
        Fact::Known(at),
        Shelf::Brake.put("workspace", &1),
        Fact::Subject(KeptKey { id: "a".into(), wrapped_by: "".into(), key: "k".into(), whom: "w".into(), at }),
        line("one"),
        line("two"),
    ]
}

fn line(words: &str) -> Fact {
    let (event, rest) = ("intent".into(), format!("\"words\":\"{words}\"}}"));
    Fact::Line(EntryDraft { run: "r".into(), event, change: Some(1), rest, personal: Vec::new() })
}

/// All that a store tells, and how far it is.
async fn told(store: &dyn Store) -> String {
    let (memory, left, lines) = (store.load().await.unwrap(), store.left().await.unwrap(), store.lines(0, None).await.unwrap());
    let (shelf, subjects) = (store.shelf(Shelf::Brake).await.unwrap(), store.subjects(Subjects::After("".into())).await.unwrap());
    format!("{memory:#?} {left:?} {lines:?} {shelf:?} {subjects:?} {:?}", Extent::of(store).await.unwrap())
}

#[rstest]
#[tokio::test]
async fn a_copy_tells_everything_that_the_state_does_and_the_same_facts_tell_the_same_anywhere(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    store.commit(everything()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    store.copy_to(copy.clone()).await.unwrap();
    let expected = told(store.as_ref()).await;
    assert_eq!(told(look_at(&copy, "acme").await.unwrap().unwrap().as_ref()).await, expected);
    let own = open(&folder.path().join("own.db"), "acme").await.unwrap();
    own.commit(everything()).await.unwrap();
    assert_eq!(told(own.as_ref()).await, expected);
    drop(store);
    assert_eq!(told(place.open("acme").await.unwrap().as_ref()).await, expected, "and so does the next process");
}

#[rstest]
#[tokio::test]
async fn a_file_takes_the_place_of_a_state_by_force_where_that_is_newer_and_never_of_another_workspaces(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let held = store.lock("jane").await.unwrap();
    store.commit(everything()).await.unwrap();
    let expected = told(store.as_ref()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    store.copy_to(file.clone()).await.unwrap();
    store.commit(vec![line("three"), Fact::Linked(link("hr/new", "77")), Shelf::Brake.take("workspace")]).await.unwrap();
    store.release(held).await.unwrap();

    let older = Replacement { file: &file, workspace: "acme", who: "jane", force: false };
    let refused = place.put(older).await.unwrap_err();
    assert!(matches!(refused, StateError::Newer { .. }), "{refused}");
    assert!(refused.to_string().contains("it has generation 2 with 3 journal entries, and the file generation 1"), "{refused}");
    place.put(Replacement { force: true, ..older }).await.unwrap();
    let other = folder.path().join("other.db");
    drop(open(&other, "umbrella").await.unwrap());
    let refused = place.put(Replacement { file: &other, force: true, ..older }).await.unwrap_err();
    assert!(matches!(refused, StateError::OtherWorkspace { .. }), "{refused}");

    // Whoever has it open goes on with what it knows until it takes the lock.
    let held = store.lock("jane").await.unwrap();
    assert_eq!(told(store.as_ref()).await, expected);
    assert!(store.watch().await.unwrap().revoked().await.unwrap().contains("hr/9"));
    store.commit(vec![line("another three")]).await.unwrap();
    assert_eq!(store.heads().await.unwrap().written.map(|head| head.seq), Some(3));
    store.release(held).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn where_there_is_no_state_a_look_finds_none_and_makes_none(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    for _ in 0..2 {
        assert!(place.look("acme").await.unwrap().is_none());
    }
    let store = place.open("acme").await.unwrap();
    let lock = store.lock("jane").await.unwrap();
    store.commit(vec![Fact::Known(now())]).await.unwrap();
    let looked = place.look("acme").await.unwrap().unwrap();
    assert!(looked.load().await.unwrap().known && looked.is_kept());
    store.release(lock).await.unwrap();
}
