//! Shelves: each has things of its own.

use rstest::rstest;

use super::*;

const ALL: [Shelf; 18] = [
    Shelf::Requests,
    Shelf::Brake,
    Shelf::Approvals,
    Shelf::Plans,
    Shelf::Systems,
    Shelf::Revisions,
    Shelf::Status,
    Shelf::Contested,
    Shelf::Noticed,
    Shelf::Notices,
    Shelf::Renames,
    Shelf::Tokens,
    Shelf::Sessions,
    Shelf::SessionUses,
    Shelf::Inbox,
    Shelf::InboxMembers,
    Shelf::TokenUses,
    Shelf::Subscriptions,
];

#[rstest]
#[tokio::test]
async fn things_stand_on_their_shelves_until_they_are_taken_away(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let brake = |who: &str| crate::model::Brake { who: who.into(), at: now(), reason: None, everything: false };
    let facts =
        [Shelf::Brake.put("workspace", &brake("ada")), Shelf::Requests.put("workspace", &1), Shelf::Brake.put("workspace", &brake("bob"))];
    store.commit(facts.into()).await.unwrap();
    drop(store);

    let store = place.open("acme").await.unwrap();
    assert_eq!(Shelf::Brake.all(store.as_ref()).await.unwrap(), [("workspace".into(), brake("bob"))]);
    assert_eq!(Shelf::Requests.all::<u32>(store.as_ref()).await.unwrap(), [("workspace".into(), 1)]);
    assert_eq!(Shelf::Requests.all::<String>(store.as_ref()).await.unwrap(), [], "what can't be read is no thing");
    store.commit(vec![Shelf::Brake.take("workspace")]).await.unwrap();
    assert_eq!(store.shelf(Shelf::Brake).await.unwrap(), []);
}

/// What was approved, what waits, what systems push, who has a session: whatever is asked of a workspace that runs.
#[rstest]
#[tokio::test]
async fn every_shelf_has_things_of_its_own_in_the_order_of_their_names(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let put = |(at, shelf): (usize, &Shelf)| [("b", at), ("a/1", at + 100), ("c", at)].map(|(name, thing)| shelf.put(name, &thing));
    store.commit(ALL.iter().enumerate().flat_map(put).collect()).await.unwrap();
    store.commit(ALL.iter().map(|shelf| shelf.take("c")).chain([Shelf::Inbox.take("none")]).collect()).await.unwrap();
    drop(store);
    let store = place.open("acme").await.unwrap();
    for (at, shelf) in ALL.iter().enumerate() {
        let things = shelf.all::<usize>(store.as_ref()).await.unwrap();
        assert_eq!(things, [("a/1".into(), at + 100), ("b".into(), at)], "{shelf:?}");
    }
}
