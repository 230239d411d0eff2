//! Who is cut off, and what is sealed of people.

use rstest::rstest;

use super::*;
use crate::journal::{Event, entry};
use crate::model::{Receipt, ReceiptWord, StandingRevocation};

fn revoked(key: &str, reason: &str) -> StandingRevocation {
    let (key, reason) = (key.into(), reason.into());
    StandingRevocation { key, reason, at: now(), until: None, also: vec!["ldap/ada".into()], receipts: Vec::new() }
}

fn receipt(target: &str, outcome: ReceiptWord, tries: u32) -> Receipt {
    Receipt { target: target.into(), outcome, message: Some("it is".into()), tries, at: now() }
}

fn came(identity: &str, receipt: Receipt) -> Fact {
    Fact::Receipt { identity: identity.into(), receipt }
}

/// A line that says something of somebody.
fn said_of(run: &str, key: &str) -> Fact {
    entry(&run.into(), Timestamp::UNIX_EPOCH, &Event::Lifted { keys: vec![key.into()], why: "a test".into() })
}

#[rstest]
#[tokio::test]
async fn a_second_revocation_says_the_newer_reason_and_its_receipts_begin_anew(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let first = StandingRevocation { until: Some(jiff::civil::date(2026, 12, 24)), ..revoked("hr/1", "stolen") };
    store.commit(vec![Fact::Revoked(first.clone()), came("hr/1", receipt("chat", ReceiptWord::Failed, 1))]).await.unwrap();
    let with = StandingRevocation { receipts: vec![receipt("chat", ReceiptWord::Failed, 1)], ..first };
    assert_eq!(store.load().await.unwrap().revocations, [with]);
    store.commit(vec![Fact::Revoked(revoked("hr/1", "stolen again"))]).await.unwrap();
    drop(store);
    let store = place.open("acme").await.unwrap();
    assert_eq!(store.load().await.unwrap().revocations, [revoked("hr/1", "stolen again")]);
}

#[rstest]
#[tokio::test]
async fn a_receipt_takes_the_place_of_the_one_before_and_of_what_ended_there_is_none(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let facts = [
        Fact::Revoked(revoked("hr/1", "stolen")),
        came("hr/1", receipt("mail", ReceiptWord::Done, 1)),
        came("hr/1", receipt("chat", ReceiptWord::Unreachable, 1)),
        came("hr/1", receipt("chat", ReceiptWord::Done, 2)),
        came("hr/2", receipt("chat", ReceiptWord::Done, 1)),
    ];
    store.commit(facts.into()).await.unwrap();
    let receipts = vec![receipt("chat", ReceiptWord::Done, 2), receipt("mail", ReceiptWord::Done, 1)];
    assert_eq!(store.load().await.unwrap().revocations, [StandingRevocation { receipts, ..revoked("hr/1", "stolen") }]);
    store.commit(vec![Fact::Lifted("hr/1".into()), came("hr/1", receipt("chat", ReceiptWord::Failed, 3))]).await.unwrap();
    store.commit(vec![Fact::Revoked(revoked("hr/2", "left"))]).await.unwrap();
    assert_eq!(store.load().await.unwrap().revocations, [revoked("hr/2", "left")], "what was told too late is told of nobody");
}

#[rstest]
#[tokio::test]
async fn whoever_is_cut_off_is_so_by_every_key_of_theirs_and_lifted_by_any(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let (store, other) = (place.open("acme").await.unwrap(), place.open("acme").await.unwrap());
    let lock = store.lock("jane").await.unwrap();
    let watch = store.watch().await.unwrap();
    let known = async || watch.revoked().await.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(known().await.is_empty());
    let also = |identity: &str, key: &str| Fact::OtherKeys { identity: identity.into(), also: vec![key.into()] };
    store.commit(vec![Fact::Revoked(revoked("hr/1", "stolen")), also("hr/1", "crm/7"), also("hr/2", "crm/8")]).await.unwrap();
    assert_eq!(known().await, ["crm/7", "hr/1", "ldap/ada"], "of nobody who is not cut off");
    let standing = store.load().await.unwrap().revocations;
    assert_eq!(standing[0].also, ["crm/7", "ldap/ada"].map(Arc::from));
    let found = store.load_about(about(&[], "crm/7")).await.unwrap();
    assert_eq!(found.revocations, standing, "by any of them");
    store.commit(vec![Fact::Lifted("crm/7".into())]).await.unwrap();
    assert!(known().await.is_empty());
    assert!(store.load().await.unwrap().revocations.is_empty());
    store.release(lock).await.unwrap();
    assert!(other.load().await.unwrap().revocations.is_empty());
}

#[rstest]
#[tokio::test]
async fn a_key_that_seals_is_found_by_its_id_and_whose_it_is_until_it_is_destroyed(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    store.commit(vec![said_of("r1", "hr/1"), said_of("r1", "hr/2"), said_of("r2", "hr/1")]).await.unwrap();
    let mut all = store.subjects(Subjects::After("".into())).await.unwrap();
    assert_eq!((all.len(), all.is_sorted_by_key(|key| key.id.clone())), (3, true), "one for each run and person");
    let last = all.remove(2);
    assert_eq!(store.subjects(Subjects::After(all[1].id.clone())).await.unwrap(), std::slice::from_ref(&last));
    assert_eq!(store.subjects(Subjects::Named(vec![last.id.clone(), "none".into()])).await.unwrap(), std::slice::from_ref(&last));
    let theirs = store.subjects_of(vec!["hr/1".into()]).await.unwrap();
    let whose = store.whose(theirs.clone()).await.unwrap();
    assert_eq!((theirs.len(), whose.iter().all(|(_, key)| &**key == "hr/1")), (2, true));

    let line = store.lines(0, None).await.unwrap().remove(0);
    let sealed: Vec<(Arc<str>, String)> = serde_json::from_str(line.sealed().unwrap()).unwrap();
    let parts = |with: &str| {
        sealed
            .iter()
            .map(|(subject, text)| SealedPart { subject: subject.clone(), text: text.clone(), with: with.into() })
            .collect::<Vec<_>>()
    };
    let opened = store.unseal(parts(line.clear())).await.unwrap();
    assert!(matches!(&opened[..], [Unsealed::Text(text)] if text.contains("hr/1")), "{opened:?}");
    assert_eq!(store.unseal(parts("another line")).await.unwrap(), [Unsealed::Locked], "it belongs where it stood");
    store.commit(vec![Fact::SubjectsGone(theirs)]).await.unwrap();
    assert_eq!(store.unseal(parts(line.clear())).await.unwrap(), [Unsealed::Erased]);
    assert_eq!(store.subjects(Subjects::After("".into())).await.unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn keys_that_stood_open_are_wrapped_and_nobody_opens_them_without_the_secret(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let secret = || Wrapping::of(&"a secret, and long".to_owned().into());
    let store = place.open("acme").await.unwrap();
    let lock = store.lock("jane").await.unwrap();
    store.commit(vec![said_of("r1", "hr/1"), said_of("r1", "hr/2")]).await.unwrap();
    assert_eq!(store.wrap_keys(None).await.unwrap(), Wrapped::default(), "there is nothing to wrap them with");
    store.release(lock).await.unwrap();
    drop(store);
    let store = place.open_wrapped("acme", secret()).await.unwrap();
    let lock = store.lock("jane").await.unwrap();
    assert_eq!(store.wrap_keys(None).await.unwrap(), Wrapped { anew: 2, locked: 0 });
    assert_eq!(store.wrap_keys(None).await.unwrap(), Wrapped::default());
    assert_eq!(store.subjects_of(vec!["hr/2".into()]).await.unwrap().len(), 1);
    store.release(lock).await.unwrap();
    drop(store);
    let without = place.open("acme").await.unwrap();
    assert!(matches!(without.subjects_of(vec!["hr/2".into()]).await, Err(StateError::Locked { .. })));
}
