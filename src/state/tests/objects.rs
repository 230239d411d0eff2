//! What is kept of objects at targets: links, ids that move, what was written, who had which name.

use std::collections::BTreeSet;

use rstest::rstest;

use super::*;
use crate::model::{DepartedName, Left, LeftPart, LeftWhat, Repeat, UNKNOWN_SYSTEM, Unheard};

fn former(key: &str, id: &str) -> FormerLink {
    FormerLink { target: "chat".into(), kind: ObjectKind::Account, key: key.into(), id: id.into(), at: now() }
}

fn off(id: &str) -> Deactivation {
    Deactivation { target: "chat".into(), kind: ObjectKind::Account, id: id.into(), at: now() }
}

fn cut_off(id: &str, key: &str) -> CutOff {
    CutOff { target: "chat".into(), kind: ObjectKind::Account, id: id.into(), key: key.into() }
}

fn repeat(id: &str, attribute: &str) -> Repeat {
    let (target, kind, id, attribute) = ("chat".into(), ObjectKind::Account, id.into(), attribute.into());
    Repeat { target, kind, id, attribute, wrote: 8, found: 3, at: now() }
}

#[rstest]
#[tokio::test]
async fn an_object_of_which_it_was_not_known_where_it_is_is_placed_once(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let at = |system, name: &str| Link { system, name: Some(name.into()), ..link("hr/1", "7") };
    store.commit(vec![Fact::Linked(at(UNKNOWN_SYSTEM, "ada"))]).await.unwrap();
    store.commit(vec![Fact::Placed(Link { id: "8".into(), ..at(4, "another") })]).await.unwrap();
    assert_eq!(store.load().await.unwrap().links, [at(UNKNOWN_SYSTEM, "ada")], "of another id it says nothing");
    store.commit(vec![Fact::Placed(at(5, "ada l")), Fact::Placed(at(6, "eve"))]).await.unwrap();
    assert_eq!(store.load().await.unwrap().links, [at(5, "ada l")]);
}

#[rstest]
#[tokio::test]
async fn an_object_that_is_called_otherwise_is_the_same_one(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let called = |name: &str| Link { name: Some(name.into()), ..link("hr/1", "7") };
    store.commit(vec![Fact::Linked(called("ada")), Fact::Renamed(Link { id: "8".into(), ..called("eve") })]).await.unwrap();
    assert_eq!(store.load().await.unwrap().links, [called("ada")], "another object's name");
    store.commit(vec![Fact::Renamed(called("countess"))]).await.unwrap();
    assert_eq!(store.load().await.unwrap().links, [called("countess")]);
}

/// Killed between the two, the next one looks for it by both ids.
#[rstest]
#[tokio::test]
async fn an_id_that_an_object_is_about_to_get_is_known_until_it_has_it_or_did_not_get_it(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    store.commit(vec![Fact::Linked(link("hr/1", "old")), Fact::Moving(former("hr/1", "new"))]).await.unwrap();
    drop(store);
    let store = place.open("acme").await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!((memory.links, memory.formers), (vec![link("hr/1", "old")], vec![former("hr/1", "new")]));
    store.commit(vec![Fact::NotMoved(former("hr/1", "new"))]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!((memory.links, memory.formers), (vec![link("hr/1", "old")], Vec::new()));
    let moved = Fact::Moved { link: link("hr/1", "new"), from: "old".into() };
    store.commit(vec![Fact::Moving(former("hr/1", "new")), moved]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!((memory.links, memory.formers), (vec![link("hr/1", "new")], Vec::new()));
}

#[rstest]
#[tokio::test]
async fn of_an_account_that_is_gone_nothing_is_kept_and_of_others_all_of_it(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let grant = |key: &str, id: &str| Link { kind: ObjectKind::Entitlement, ..link(key, id) };
    let group = Link { kind: ObjectKind::Group, ..link("group/a", "7") };
    let of = |key: &str, id: &str| {
        let written = Fact::Written(vec![(1, repeat(id, "title"))]);
        let seat = Fact::Linked(grant(&format!("{key}#seat"), id));
        let had = Fact::Moving(former(&format!("{key}x"), id));
        [Fact::Linked(link(key, id)), seat, Fact::Inactive(off(id)), Fact::CutOff(cut_off(id, key)), written.clone(), written, had]
    };
    let facts = of("hr/1", "7").into_iter().chain(of("hr/10", "8")).chain([Fact::Linked(group.clone())]);
    store.commit(facts.collect()).await.unwrap();
    store.commit(vec![Fact::Unlinked(link("hr/1", "7"))]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!(memory.links, [link("hr/10", "8"), grant("hr/10#seat", "8"), group]);
    assert_eq!((memory.deactivations, memory.cut_off), (vec![off("8")], vec![cut_off("8", "hr/10")]));
    assert_eq!((memory.formers, memory.repeats), (vec![former("hr/10x", "8")], vec![repeat("8", "title")]));
    assert_eq!(memory.written.iter().map(|write| &*write.id).collect::<Vec<_>>(), ["8"]);
}

#[rstest]
#[tokio::test]
async fn accounts_are_found_by_their_ids_and_ids_by_names_in_the_order_of_the_question(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let group = Link { kind: ObjectKind::Group, ..link("group/a", "8") };
    let elsewhere = Link { target: "mail".into(), ..link("hr/3", "7") };
    let all = [link("hr/1", "7"), link("hr/2", "8"), group, elsewhere].map(Fact::Linked);
    store.commit(all.into()).await.unwrap();
    let found = store.links_by_id("chat".into(), ["8", "none", "7"].map(Arc::from).into()).await.unwrap();
    assert_eq!(found, [link("hr/2", "8"), link("hr/1", "7")], "no group, and nothing of another target");
    let named = |target: &str, kind, key: &str| LinkName { target: target.into(), kind, key: key.into() };
    let wanted = vec![
        named("chat", ObjectKind::Group, "group/a"),
        named("mail", ObjectKind::Account, "hr/1"),
        named("mail", ObjectKind::Account, "hr/3"),
        named("chat", ObjectKind::Account, "hr/1"),
    ];
    let ids = store.link_ids(wanted).await.unwrap();
    assert_eq!(ids, [Some("8".into()), None, Some("7".into()), Some("7".into())]);
}

#[rstest]
#[tokio::test]
async fn what_is_remembered_of_a_sources_keys_is_of_its_new_name_once_it_has_one(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let rests = |key: &str| Resting { target: "chat".into(), key: key.into(), at: now() };
    let facts = |hr: &str| {
        let key = format!("{hr}/1");
        let baseline = Baseline {
            system: hr.into(),
            kind: ObjectKind::Account,
            scope: 1,
            count: 4,
            values: Default::default(),
            statuses: Default::default(),
            at: now(),
        };
        (link(&key, "7"), rests(&format!("{hr}/2")), record("a", &key), baseline)
    };
    let (linked, resting, whose, baseline) = facts("hr");
    let all = [Fact::Linked(linked), Fact::Resting(resting), Fact::Record(whose), Fact::Baseline(baseline)];
    store.commit(all.into_iter().chain([Fact::Linked(link("hrx/1", "9"))]).collect()).await.unwrap();
    store.commit(vec![Fact::SourceRenamed { old: "hr".into(), new: "sap".into() }]).await.unwrap();
    let memory = store.load().await.unwrap();
    let (linked, resting, whose, baseline) = facts("sap");
    assert_eq!(memory.links, [link("hrx/1", "9"), linked], "another Source's keys begin alike");
    assert_eq!((memory.resting, memory.records, memory.baselines), (vec![resting], vec![whose], vec![baseline]));
    assert_eq!(Shelf::Renames.all::<Arc<str>>(store.as_ref()).await.unwrap(), [("hr".into(), "sap".into())], "for whoever follows");
}

#[rstest]
#[tokio::test]
async fn what_was_sent_and_never_answered_is_known_until_an_answer_came(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let sent = |key: &str, guardrail| Unheard { target: "chat".into(), guardrail, key: key.into(), at: now() };
    let facts = [sent("hr/1", Guardrail::Create), sent("hr/2", Guardrail::Adopt), sent("hr/1", Guardrail::Adopt)].map(Fact::Sent);
    store.commit(facts.into()).await.unwrap();
    drop(store);
    let store = place.open("acme").await.unwrap();
    let unheard = store.load().await.unwrap().unheard;
    assert_eq!(unheard, [sent("hr/1", Guardrail::Adopt), sent("hr/2", Guardrail::Adopt)], "one for each of them");
    store.commit(vec![Fact::Heard(sent("hr/1", Guardrail::Adopt))]).await.unwrap();
    assert_eq!(store.load().await.unwrap().unheard, [sent("hr/2", Guardrail::Adopt)]);
}

#[rstest]
#[tokio::test]
async fn an_account_that_was_not_made_is_awaited_no_more(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let rests = |key: &str| Resting { target: "chat".into(), key: key.into(), at: now() };
    store.commit(vec![Fact::Resting(rests("hr/1")), Fact::Resting(rests("hr/2")), Fact::NotMade(rests("hr/1"))]).await.unwrap();
    store.commit(vec![Fact::Linked(link("hr/1", "7"))]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!((memory.resting, memory.deactivations), (vec![rests("hr/2")], Vec::new()), "whoever else makes it makes it with access");
}

#[rstest]
#[tokio::test]
async fn access_that_is_back_ends_what_anybody_took(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let taken = |id: &str| [Fact::Inactive(off(id)), Fact::CutOff(cut_off(id, "hr/1"))];
    store.commit(taken("7").into_iter().chain(taken("8")).chain(taken("9")).collect()).await.unwrap();
    store.commit(vec![Fact::Active(off("7")), Fact::NotInactive(off("8"))]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!(memory.deactivations, [off("9")]);
    assert_eq!(memory.cut_off, [cut_off("8", "hr/1"), cut_off("9", "hr/1")], "a revocation's stays until the account is active");
}

#[rstest]
#[tokio::test]
async fn a_name_stays_with_whoever_left_until_they_are_back(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let had = |key: &str, value: &str, left| DepartedName {
        target: "chat".into(),
        attribute: "userName".into(),
        value: value.into(),
        key: key.into(),
        left,
        at: now(),
    };
    let names = [had("hr/1", "ada", true), had("hr/1", "ada", false), had("hr/1", "countess", false), had("hr/2", "ada", false)];
    store.commit(names.map(Fact::Departed).into()).await.unwrap();
    let departed = store.load().await.unwrap().departed;
    assert_eq!(departed, [had("hr/1", "ada", true), had("hr/2", "ada", false), had("hr/1", "countess", false)], "they left all the same");
    store.commit(vec![Fact::Returned(had("hr/1", "anything", false))]).await.unwrap();
    assert_eq!(store.load().await.unwrap().departed, [had("hr/2", "ada", false)]);
}

#[rstest]
#[tokio::test]
async fn a_value_that_is_kept_after_all_is_repeated_no_more(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let both = || Fact::Written(vec![(1, repeat("7", "title")), (2, repeat("7", "mail"))]);
    store.commit(vec![both(), both()]).await.unwrap();
    assert_eq!(store.load().await.unwrap().repeats, [repeat("7", "mail"), repeat("7", "title")]);
    store.commit(vec![Fact::Kept(repeat("7", "mail"))]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!((memory.repeats, memory.written[0].prints.len()), (vec![repeat("7", "title")], 2), "what was written is known still");
}

#[rstest]
#[tokio::test]
async fn a_complete_read_takes_the_place_of_the_one_before(#[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let read = |system: &str, kind, count, filled: &str| Baseline {
        system: system.into(),
        kind,
        scope: count,
        count,
        values: [(Arc::from(filled), count)].into(),
        statuses: Default::default(),
        at: now(),
    };
    let (people, groups) = (ObjectKind::Account, ObjectKind::Group);
    let first = [read("hr", people, 40, "email"), read("hr", groups, 3, "name"), read("ldap", people, 9, "mail")];
    store.commit(first.clone().map(Fact::Baseline).into()).await.unwrap();
    store.commit(vec![Fact::Baseline(read("hr", people, 41, "title"))]).await.unwrap();
    let [_, of_groups, of_another] = first;
    assert_eq!(store.load().await.unwrap().baselines, [read("hr", people, 41, "title"), of_groups, of_another]);
}

#[rstest]
#[tokio::test]
async fn what_no_window_counts_any_more_is_dropped_and_what_falls_into_a_minute_is_one(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let minute: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let counted = |guardrail, weight, seconds: i64| WindowEntry {
        target: "chat".into(),
        guardrail,
        weight,
        at: minute + SignedDuration::from_secs(seconds),
    };
    let (leavers, create) = (Guardrail::Leavers, Guardrail::Create);
    // In one commit, and in another one.
    store.commit([counted(leavers, 1, 5), counted(leavers, 2, 1), counted(create, 1, 2)].map(Fact::Counted).into()).await.unwrap();
    store.commit([counted(leavers, 4, 59), counted(leavers, 8, 60)].map(Fact::Counted).into()).await.unwrap();
    let rows = |all: &[WindowEntry]| all.iter().map(|entry| format!("{entry:?}")).collect::<BTreeSet<_>>();
    let expected = [counted(leavers, 7, 59), counted(leavers, 8, 60), counted(create, 1, 2)];
    assert_eq!(rows(&store.load().await.unwrap().windows), rows(&expected), "as young as its youngest part");
    store.commit(vec![Fact::Pruned(minute + SignedDuration::from_secs(60))]).await.unwrap();
    assert_eq!(rows(&store.load().await.unwrap().windows), rows(&[counted(leavers, 8, 60)]));
}

fn left(target: &str, what: LeftWhat, of: u64, print: u64) -> Left {
    Left { target: target.into(), what, of, print }
}

async fn what_is_left(store: &dyn Store) -> BTreeSet<Left> {
    store.left().await.unwrap().into_iter().collect()
}

#[rstest]
#[tokio::test]
async fn what_a_run_left_at_a_target_takes_the_place_of_what_the_one_before_left_there(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let all = |target: &str, all: &[(u64, u64)]| Fact::Left {
        target: target.into(),
        all: all.iter().map(|(of, print)| left(target, LeftWhat::Values, *of, *print)).collect(),
    };
    store.commit(vec![all("chat", &[(1, 10), (2, u64::MAX)]), all("mail", &[(1, 10)])]).await.unwrap();
    store.commit(vec![all("chat", &[(1, 11), (3, 30)])]).await.unwrap();
    drop(store);
    let store = place.open("acme").await.unwrap();
    let values = |target: &str, of, print| left(target, LeftWhat::Values, of, print);
    assert_eq!(what_is_left(store.as_ref()).await, [values("chat", 1, 11), values("chat", 3, 30), values("mail", 1, 10)].into());
    store.commit(vec![all("chat", &[])]).await.unwrap();
    assert_eq!(what_is_left(store.as_ref()).await, [values("mail", 1, 10)].into());
}

#[rstest]
#[tokio::test]
async fn what_a_run_left_of_a_few_takes_the_place_of_what_was_left_of_them_alone(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    use LeftWhat::{Access, Member, Nobodys, Run, Values};
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let at = |what, of, print| left("chat", what, of, print);
    let before =
        [at(Run, 0, 1), at(Values, 1, 10), at(Access, 1, 11), at(Values, 2, 20), at(Nobodys, 7, 70), at(Nobodys, 8, 80), at(Member, 5, 8)];
    store.commit(vec![Fact::Left { target: "chat".into(), all: before.into() }]).await.unwrap();
    let part = LeftPart { people: [1].into(), accounts: [7, 8].into(), all: [at(Run, 0, 2), at(Values, 1, 12), at(Nobodys, 7, 99)].into() };
    store.commit(vec![Fact::LeftOf { target: "chat".into(), part }]).await.unwrap();
    let expected = [at(Run, 0, 2), at(Values, 1, 12), at(Values, 2, 20), at(Nobodys, 7, 70)];
    assert_eq!(what_is_left(store.as_ref()).await, expected.into(), "one that is nobody's is as old as it was");
}
