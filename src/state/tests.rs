//! What is kept comes back, and what is not ours is refused: the same wherever a state is. What follows for files alone is told of a file.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use tempfile::TempDir;

use super::clock::by_hand::HandClock;
use super::lease::LeaseTime;
use super::objects::Bucket;
use super::*;
use crate::manifest::kinds::PostgresState;
use crate::model::{
    Baseline, CutOff, Deactivation, FormerLink, Guardrail, Link, LinkOrigin, Memory, ObjectKind, RecordLink, Resting, WindowEntry,
};

mod copies;
mod lines;
mod locks;
#[path = "tests/objects.rs"]
mod objects_kept;
mod people;
mod shelves;

pub(super) use crate::postgres::tests::postgres_server;
pub(super) use copies::everything;

#[path = "../../tests/support/s3.rs"]
pub(super) mod s3;

/// What may stand behind the trait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// a SQLite file
    File,
    /// objects in this process's memory
    Objects,
    /// objects of a service that speaks S3, by its own client
    S3,
    /// rows of a PostgreSQL server
    Postgres,
}

impl Kind {
    /// Whether a lock has to be kept alive there, since it does not go with its process.
    fn keeps_alive(self) -> bool {
        !matches!(self, Self::File)
    }

    fn terms(self) -> LeaseTerms {
        if let Self::Postgres = self { LeaseTerms::QUICK } else { LeaseTerms::default() }
    }
}

/// Below a folder of its own, which is not there yet.
const FILE: &str = "deep/er/state.db";

/// Where one test's state is.
pub(super) enum Place {
    File(TempDir),
    Objects(Arc<Bucket>),
    S3(s3::S3),
    Postgres(PostgresState),
}

impl Place {
    /// None where there is no server, which was said.
    pub(super) fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::File => Self::File(tempfile::tempdir().unwrap()),
            Kind::Objects => Self::Objects(Arc::new(Bucket::within(Arc::new(object_store::memory::InMemory::new()), "acme"))),
            Kind::S3 => Self::S3(s3::S3::start()),
            Kind::Postgres => Self::Postgres(database("a state in PostgreSQL")?),
        })
    }

    pub(super) async fn open(&self, workspace: &str) -> Result<Arc<dyn Store>, StateError> {
        self.open_wrapped(workspace, None).await
    }

    /// The same where a secret wraps the keys.
    async fn open_wrapped(&self, workspace: &str, wrapping: Option<Wrapping>) -> Result<Arc<dyn Store>, StateError> {
        let store = match self {
            Self::File(folder) => sqlite::open(&folder.path().join(FILE), workspace).await,
            Self::Objects(bucket) => objects::open(bucket.clone(), workspace, LeaseTerms::default()).await,
            Self::S3(s3) => objects::open(Arc::new(bucket_at(s3)), workspace, LeaseTerms::default()).await,
            Self::Postgres(state) => postgres::open(place_in(state, workspace), LeaseTerms::QUICK).await,
        };
        Ok(sealed::sealed(store?, wrapping))
    }

    /// One of several who want the lock, with a clock of its own.
    async fn runner(&self) -> (Arc<dyn Store>, Arc<HandClock>) {
        let clock = HandClock::new();
        (self.runner_by(&clock).await, clock)
    }

    async fn runner_by(&self, clock: &Arc<HandClock>) -> Arc<dyn Store> {
        let time = |terms| LeaseTime { clock: clock.clone(), terms };
        let store = match self {
            Self::File(folder) => sqlite::open(&folder.path().join(FILE), "acme").await,
            Self::Objects(bucket) => objects::open_by(bucket.clone(), "acme", time(LeaseTerms::default())).await,
            Self::S3(s3) => objects::open_by(Arc::new(bucket_at(s3)), "acme", time(LeaseTerms::default())).await,
            Self::Postgres(state) => postgres::open_by(place_in(state, "acme"), time(LeaseTerms::QUICK)).await,
        };
        seals(store.unwrap())
    }

    async fn put(&self, replacement: Replacement<'_>) -> Result<(), StateError> {
        match self {
            Self::File(folder) => sqlite::put(&folder.path().join(FILE), replacement).await,
            Self::Objects(bucket) => objects::put(bucket.clone(), replacement).await,
            Self::S3(s3) => objects::put(Arc::new(bucket_at(s3)), replacement).await,
            Self::Postgres(state) => postgres::put(place_in(state, replacement.workspace), replacement).await,
        }
    }

    pub(super) async fn look(&self, workspace: &str) -> Result<Option<Arc<dyn Store>>, StateError> {
        match self {
            Self::File(folder) => look_at(&folder.path().join(FILE), workspace).await,
            Self::Objects(bucket) => objects::look(bucket.clone(), Some(workspace)).await.map(|store| store.map(seals)),
            Self::S3(s3) => objects::look(Arc::new(bucket_at(s3)), Some(workspace)).await.map(|store| store.map(seals)),
            Self::Postgres(state) => postgres::look(place_in(state, workspace)).await.map(|store| store.map(seals)),
        }
    }
}

/// Lets time go by, a step at a time, while somebody waits: as often as they look.
pub(super) async fn as_time_goes_by<T>(clock: &HandClock, step: Duration, waiting: impl Future<Output = T>) -> T {
    let mut waiting = std::pin::pin!(waiting);
    let mut slept = 0;
    loop {
        tokio::select! {
            done = &mut waiting => return done,
            () = clock.slept(slept + 1) => {
                slept = clock.sleeps();
                clock.advance(step);
            }
        }
    }
}

/// As every state is that is opened by its place.
pub(super) fn seals(store: Arc<dyn Store>) -> Arc<dyn Store> {
    sealed::sealed(store, None)
}

/// The bucket of a stand-in, by the client of S3.
pub(super) fn bucket_at(s3: &s3::S3) -> Bucket {
    let builder = object_store::aws::AmazonS3Builder::new().with_bucket_name("state").with_region("eu-central-1").with_endpoint(s3.url());
    let store = builder.with_access_key_id("id").with_secret_access_key("secret").with_allow_http(true);
    let store = store.with_config(object_store::aws::AmazonS3ConfigKey::DisableBulkDelete, "true").build().unwrap();
    Bucket::within(Arc::new(store), "acme")
}

/// A place in the database of this process's server that no other test has; none where there is no server.
pub(super) fn database(test: &str) -> Option<PostgresState> {
    let url = postgres_server::server(test)?.socket();
    Some(PostgresState { url, password: None, schema: Some(postgres_server::fresh_schema()), ca_file: None, allow_plaintext: false })
}

pub(super) fn place_in(state: &PostgresState, workspace: &str) -> PostgresPlace {
    PostgresPlace::new(state.clone(), PathBuf::new(), workspace.into())
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00.123456789Z".parse().unwrap()
}

pub(super) fn link(key: &str, id: &str) -> Link {
    Link {
        target: Arc::from("chat"),
        kind: ObjectKind::Account,
        key: Arc::from(key),
        id: Arc::from(id),
        origin: LinkOrigin::Created,
        system: u64::MAX,
        name: Some(Arc::from("ada")),
        at: now(),
    }
}

fn about(sources: &[&str], key: &str) -> About {
    let sources = sources.iter().map(|source| Arc::from(*source)).collect();
    About { sources, targets: vec![Arc::from("chat")], keys: vec![Arc::from(key)] }
}

pub(super) fn record(record: &str, identity: &str) -> RecordLink {
    RecordLink { source: Arc::from("ldap"), record: Arc::from(record), identity: Arc::from(identity) }
}

#[rstest]
#[tokio::test]
async fn what_is_recorded_is_remembered_and_what_is_forgotten_is_gone(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    assert_eq!(store.load().await.unwrap(), Memory::default(), "a new state knows nothing");

    let deactivation = Deactivation { target: Arc::from("chat"), kind: ObjectKind::Account, id: Arc::from("7"), at: now() };
    let baseline = Baseline {
        system: Arc::from("hr"),
        kind: ObjectKind::Account,
        scope: u64::MAX,
        count: 40,
        values: [("email".into(), 39)].into(),
        statuses: [("status".into(), [("Active".into(), 39), ("Left".into(), 0)].into())].into(),
        at: now(),
    };
    let target = Arc::from("chat");
    let entry = |at| WindowEntry { target: Arc::clone(&target), guardrail: Guardrail::Leavers, weight: 3, at };
    let other = WindowEntry { guardrail: Guardrail::Deactivate, ..entry(now()) };
    let facts = [
        Fact::Linked(link("hr/1", "7")),
        Fact::Linked(link("hr/2", "8")),
        Fact::Linked(link("hr/2", "9")),
        Fact::Inactive(Deactivation { at: now() - SignedDuration::from_hours(1), ..deactivation.clone() }),
        Fact::Inactive(deactivation.clone()),
        Fact::Inactive(Deactivation { id: Arc::from("8"), ..deactivation.clone() }),
        Fact::Counted(WindowEntry { weight: 1, ..entry(now() - SignedDuration::from_millis(1)) }),
        Fact::Counted(WindowEntry { weight: 2, ..entry(now()) }),
        Fact::Counted(other.clone()),
        Fact::Counted(entry(now() - SignedDuration::from_hours(48))),
        Fact::Known(now()),
    ];
    store.commit(facts.into()).await.unwrap();
    let records = [record("a", "hr/1"), record("c", "hr/2"), record("b", "hr/1"), record("c", "hr/3")];
    store.commit(records.map(Fact::Record).into()).await.unwrap();
    let gone = Deactivation { id: Arc::from("8"), ..deactivation.clone() };
    let more = [Fact::Baseline(baseline.clone()), Fact::NotInactive(gone), Fact::Pruned(now() - SignedDuration::from_hours(24))];
    store.commit(more.into()).await.unwrap();
    drop(store);

    let store = place.open("acme").await.unwrap();
    let expected = Memory {
        known: true,
        links: vec![link("hr/1", "7"), link("hr/2", "9")],
        records: vec![record("b", "hr/1"), record("c", "hr/3")],
        deactivations: vec![deactivation],
        baselines: vec![baseline],
        windows: vec![other, entry(now())],
        ..Memory::default()
    };
    assert_eq!(store.load().await.unwrap(), expected);
    let found = store.load_about(about(&["ldap"], "hr/1")).await.unwrap();
    assert_eq!((found.links, found.records), (vec![link("hr/1", "7")], vec![record("b", "hr/1")]), "of one person what is theirs");
    assert_eq!(found.baselines, expected.baselines, "and what is not about people");

    // Whoever asks about a few people is told of the sources, too.
    let found = store.load_about(about(&[], "hr/1")).await.unwrap();
    assert_eq!((found.baselines, found.links), (expected.baselines, vec![link("hr/1", "7")]));

    store.commit(vec![Fact::Unlinked(link("hr/1", "7"))]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!((memory.links, memory.deactivations), (vec![link("hr/2", "9")], vec![]));
    let found = store.load_about(about(&["ldap"], "hr/2")).await.unwrap();
    assert_eq!(
        (found.links, found.baselines),
        (vec![link("hr/2", "9")], memory.baselines),
        "what concerns one person is read as the whole is"
    );
}

#[rstest]
#[tokio::test]
async fn what_a_run_told_takes_the_place_of_what_the_one_before_told(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    assert!(store.load().await.unwrap().told.is_empty());
    for told in [[1, u64::MAX].into(), [7].into(), std::collections::BTreeSet::new()] {
        store.commit(vec![Fact::Told(told.clone())]).await.unwrap();
        assert_eq!(store.load().await.unwrap().told, told);
    }
}

#[rstest]
#[tokio::test]
async fn a_state_of_another_workspace_is_refused(#[values(Kind::File, Kind::Objects, Kind::S3)] kind: Kind) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let lock = store.lock("jane").await.unwrap();
    store.commit(vec![Fact::Known(now())]).await.unwrap();
    store.release(lock).await.unwrap();
    drop(store);
    let error = place.open("umbrella").await.unwrap_err();
    assert!(error.to_string().contains(r#"belongs to workspace "acme", and this one is "umbrella""#), "{error}");
    assert!(place.look("umbrella").await.is_err());
    assert!(place.look("acme").await.unwrap().is_some());
}

#[tokio::test]
async fn files_that_are_no_state_are_refused_and_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "employee_id,first,last\n".repeat(100)).unwrap();
    assert!(matches!(open(&text, "acme").await, Err(StateError::Foreign { .. })));
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("employee_id"));

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE auth_user (id INTEGER)").unwrap();
    assert!(matches!(open(&other, "acme").await, Err(StateError::Foreign { .. })));

    let newer = folder.path().join("newer.db");
    drop(open(&newer, "acme").await.unwrap());
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(open(&newer, "acme").await, Err(StateError::Version { found: 99, .. })));
    assert!(look(&folder.path().join("none")).await.unwrap().is_none());
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&path, "acme").await.unwrap();
    let _lock = store.lock("jane").await.unwrap();
    for name in ["state.db", "state.db-wal", "state.db.lock"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[rstest]
#[tokio::test]
async fn an_object_has_one_key_and_the_one_it_had_is_kept_for_whoever_takes_a_rename_back(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let grant = |key: &str| Link { kind: ObjectKind::Entitlement, ..link(key, "7") };
    let group = |key: &str| Link { kind: ObjectKind::Group, ..link(key, "7") };
    let links = [link("user/z", "7"), grant("user/z#card"), grant("user/z#seat"), group("group/a")].map(Fact::Linked);
    store.commit(links.into_iter().chain([Fact::Carried(link("user/b", "7"))]).collect()).await.unwrap();
    let memory = store.load().await.unwrap();
    let keys: Vec<_> = memory.links.iter().map(|link| link.key.as_ref()).collect();
    assert_eq!(keys, ["user/b", "user/b#card", "user/b#seat", "group/a"], "a group has ids of its own");
    let former = |key: &str| FormerLink { target: "chat".into(), kind: ObjectKind::Account, key: key.into(), id: "7".into(), at: now() };
    assert_eq!(memory.formers, [former("user/z")]);
    store.commit(vec![Fact::Carried(link("user/z", "7"))]).await.unwrap();
    assert_eq!(store.load().await.unwrap().formers, [former("user/b")], "and back");
    store.commit(vec![Fact::Linked(link("hr/1", "7"))]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert!(memory.formers.is_empty(), "an id that is given again is another object: {:?}", memory.formers);
    assert!(!memory.links.iter().any(|link| link.key.as_ref() == "user/z"));
}

#[rstest]
#[tokio::test]
async fn what_is_kept_of_a_group_is_not_what_is_kept_of_the_account_with_its_id(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let account = Deactivation { target: Arc::from("chat"), kind: ObjectKind::Account, id: Arc::from("1"), at: now() };
    let cut_off = CutOff { target: Arc::from("chat"), kind: ObjectKind::Account, id: Arc::from("1"), key: Arc::from("hr/1") };
    let group = Link { kind: ObjectKind::Group, ..link("group/a", "1") };
    let not_theirs = Deactivation { kind: ObjectKind::Group, ..account.clone() };
    let facts = [Fact::Inactive(account.clone()), Fact::CutOff(cut_off.clone()), Fact::Unlinked(group), Fact::Active(not_theirs)];
    store.commit(facts.into()).await.unwrap();
    let memory = store.load().await.unwrap();
    assert_eq!((memory.deactivations, memory.cut_off), (vec![account], vec![cut_off]));
}

#[rstest]
#[tokio::test]
async fn an_account_that_was_to_be_made_without_access_counts_as_deactivated_by_us_once_it_has_an_id(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let resting = Resting { target: Arc::from("chat"), key: Arc::from("hr/1"), at: now() };
    store.commit(vec![Fact::Resting(resting.clone())]).await.unwrap();
    assert_eq!(store.load().await.unwrap().resting, [resting]);
    store.commit(vec![Fact::Linked(link("hr/1", "7"))]).await.unwrap();
    let memory = store.load().await.unwrap();
    assert!(memory.resting.is_empty());
    assert_eq!(memory.deactivations, [Deactivation { target: "chat".into(), kind: ObjectKind::Account, id: "7".into(), at: now() }]);
}

#[tokio::test]
async fn a_state_is_looked_at_where_nothing_can_be_written_beside_it_with_what_a_killed_writer_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let writer = open(&path, "acme").await.unwrap();
    writer.commit(vec![Fact::Linked(link("hr/1", "7"))]).await.unwrap();
    // A killed writer's files, in a place where SQLite can't keep its index of the log.
    let place = folder.path().join("place");
    std::fs::create_dir_all(place.join("state.db-shm")).unwrap();
    for name in ["state.db", "state.db-wal"] {
        std::fs::copy(folder.path().join(name), place.join(name)).unwrap();
    }
    let files = |place: &std::path::Path| {
        let mut all: Vec<_> = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap_or_default())).collect::<Vec<_>>()
    };
    let before = files(&place);
    let looked = look_at(&place.join("state.db"), "acme").await.unwrap().unwrap();
    assert_eq!(looked.load().await.unwrap().links, [link("hr/1", "7")]);
    assert!(looked.commit(vec![Fact::Linked(link("hr/2", "8"))]).await.is_err());
    assert!(files(&place) == before, "nothing is written beside it");
    assert!(matches!(look_at(&place.join("state.db"), "umbrella").await, Err(StateError::OtherWorkspace { .. })));
    // Without a log, as on a file system that is only read.
    drop((looked, writer));
    let still = folder.path().join("still");
    std::fs::create_dir_all(still.join("state.db-shm")).unwrap();
    std::fs::copy(&path, still.join("state.db")).unwrap();
    assert_eq!(look(&still.join("state.db")).await.unwrap().unwrap().load().await.unwrap().links.len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_state_is_looked_at_beside_its_writer_and_can_not_be_written_so(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let writer = place.open("acme").await.unwrap();
    writer.commit(vec![Fact::Linked(link("hr/1", "7"))]).await.unwrap();
    let looked = place.look("acme").await.unwrap().unwrap();
    assert_eq!(looked.load().await.unwrap().links.len(), 1);
    assert!(looked.commit(vec![Fact::Linked(link("hr/2", "8"))]).await.is_err());
    assert_eq!(writer.load().await.unwrap().links.len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_state_that_can_not_be_reached_is_an_error_and_not_none() {
    let folder = tempfile::tempdir().unwrap();
    let circle = folder.path().join("circle");
    std::os::unix::fs::symlink(&circle, &circle).unwrap();
    assert!(matches!(look(&circle.join("state.db")).await, Err(StateError::Open { .. })));
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(look(&folder.path().join("file/state.db")).await, Err(StateError::Open { .. })));
    assert!(look(&folder.path().join("none/state.db")).await.unwrap().is_none());
}

#[rstest]
#[tokio::test]
async fn what_had_to_be_written_again_is_known_until_another_value_is_written(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    let value = |wrote: u64, found: u64| {
        let (target, id, attribute) = (Arc::from("chat"), Arc::from("7"), Arc::from("title"));
        crate::model::Repeat { target, kind: ObjectKind::Account, id, attribute, wrote, found, at: now() }
    };
    let write = async |wrote: u64, found: u64| store.commit(vec![Fact::Written(vec![(9, value(wrote, found))])]).await.unwrap();
    write(u64::MAX, 0).await;
    let memory = store.load().await.unwrap();
    assert_eq!((memory.written.len(), &memory.written[0].prints[..], memory.repeats.len()), (1, &[(9, u32::MAX)][..], 0));
    write(u64::MAX, 5).await;
    assert_eq!(store.load().await.unwrap().repeats, [value(u64::MAX, 5)]);
    write(8, u64::MAX).await;
    let memory = store.load().await.unwrap();
    assert_eq!((&memory.written[0].prints[..], memory.repeats.len()), (&[(9, 8)][..], 0));
}

#[cfg(unix)]
#[tokio::test]
async fn a_device_in_the_place_of_a_state_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert!(matches!(look(&path).await, Err(StateError::Foreign { .. })));
    assert!(matches!(open(&path, "acme").await, Err(StateError::Foreign { .. })));
    assert_eq!(passing(&path, "acme", true).await.unwrap().load().await.unwrap().links, vec![]);
}

#[rstest]
#[tokio::test]
async fn what_one_run_left_the_next_one_finds_with_its_journal_whole(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    for run in 1..=3_u64 {
        let store = place.open("acme").await.unwrap();
        let lock = store.lock("jane").await.unwrap();
        assert_eq!(lock.lost(), None);
        let memory = store.load().await.unwrap();
        assert_eq!(memory.links.len() as u64, run - 1, "what the runs before have linked");
        let before = store.generation().await.unwrap();
        let name: Arc<str> = format!("r{run}").into();
        let line = |rest: &str| {
            Fact::Line(EntryDraft { run: name.clone(), event: "lifted".into(), change: None, rest: rest.into(), personal: Vec::new() })
        };
        let linked = Fact::Linked(link(&format!("hr/{run}"), &run.to_string()));
        store.commit(vec![line("\"a\":1}"), linked]).await.unwrap();
        store.commit(vec![line("\"b\":2}")]).await.unwrap();
        store.commit(Vec::new()).await.unwrap();
        assert_eq!(store.generation().await.unwrap(), before + 2);
        store.release(lock).await.unwrap();
        let heads = store.heads().await.unwrap();
        assert_eq!((heads.apart.map(|head| head.seq), heads.written.map(|head| head.seq)), (Some(run * 2), Some(run * 2)));
    }
    let looked = place.look("acme").await.unwrap().unwrap();
    let lines = looked.lines(0, None).await.unwrap();
    let mut previous = BEGINNING;
    for (at, line) in (1..).zip(&lines) {
        previous = super::link(&previous, &line.body);
        assert_eq!((line.seq, line.hash.as_slice()), (at, previous.as_slice()));
    }
    assert_eq!((lines.len(), looked.generation().await.unwrap()), (6, 6));
}

#[rstest]
#[tokio::test]
async fn a_copy_is_a_state_of_its_own_and_takes_the_place_of_nothing(
    #[values(Kind::File, Kind::Objects, Kind::S3, Kind::Postgres)] kind: Kind,
) {
    let Some(place) = Place::of(kind) else { return };
    let store = place.open("acme").await.unwrap();
    store.commit(vec![Fact::Linked(link("hr/1", "7")), Fact::Known(now())]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    store.copy_to(copy.clone()).await.unwrap();
    let looked = look_at(&copy, "acme").await.unwrap().unwrap();
    assert_eq!(looked.load().await.unwrap(), store.load().await.unwrap());
    assert_eq!(looked.generation().await.unwrap(), store.generation().await.unwrap());
    assert!(matches!(store.copy_to(copy).await, Err(StateError::Copy { .. })));
}
