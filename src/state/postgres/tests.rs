//! Many writers, replicas that fight, holders that freeze, servers that go away: on a real server. Time is moved by hand.

use std::path::Path;

use jiff::Timestamp;

use super::*;
use crate::manifest::connection::SecretRef;
use crate::manifest::kinds::PostgresState;
use crate::model::{
    CutOff, Deactivation, DepartedName, Guardrail, LinkOrigin, ObjectKind, RecordLink, Repeat, Resting, StandingRevocation, Unheard,
};
use crate::postgres::PostgresSession;
use crate::state::clock::LeaseClock;
use crate::state::clock::by_hand::HandClock;
use crate::state::sqlite::{self, SCHEMA_VERSION};
use crate::state::tests::postgres_server::{self, Server};
use crate::state::tests::{as_time_goes_by, database, everything, place_in};
use crate::state::{BEGINNING, EntryDraft, hex, link as chained};

const TERMS: LeaseTerms = LeaseTerms::QUICK;

/// A schema of its own at this process's server.
struct Database {
    server: &'static Server,
    state: PostgresState,
}

impl Database {
    fn of(test: &str) -> Option<Self> {
        Some(Self { server: postgres_server::server(test)?, state: database(test)? })
    }

    /// With a user of its own, so that its connections are told from those of other tests.
    fn with_a_user(test: &str) -> Option<Self> {
        let mut database = Self::of(test)?;
        let user = format!("user_{}", database.state.schema());
        database.server.sql(&format!("CREATE ROLE {user} LOGIN SUPERUSER"));
        database.state.url = database.state.url.replace("headcount@", &format!("{user}@"));
        Some(database)
    }

    /// Ends all connections of its user.
    fn disconnect(&self) {
        let ended = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'user_{}'", self.state.schema());
        assert_ne!(self.server.sql(&ended), "0");
    }

    fn place(&self) -> PostgresPlace {
        place_in(&self.state, "acme")
    }

    async fn open(&self) -> Arc<dyn Store> {
        crate::state::tests::seals(open(self.place(), TERMS).await.unwrap())
    }

    /// A replica with a clock of its own.
    async fn replica(&self) -> (Arc<dyn Store>, Arc<HandClock>) {
        let clock = HandClock::new();
        let store = open_by(self.place(), LeaseTime { clock: clock.clone(), terms: TERMS }).await.unwrap();
        (crate::state::tests::seals(store), clock)
    }

    /// A connection beside all others, with our tables in front of it.
    async fn beside(&self) -> PostgresSession {
        let session = self.place().connect().await.unwrap();
        session.client.batch_execute(&format!("SET search_path = {}", self.place().schema())).await.unwrap();
        session
    }

    /// What the server says of our tables.
    fn ask(&self, sql: &str) -> String {
        self.server.sql(&format!("SET search_path = {}; {sql}", self.place().schema()))
    }
}

fn link(key: &str, id: &str) -> Link {
    let (target, key, id) = ("chat".into(), key.into(), id.into());
    Link { target, kind: ObjectKind::Account, key, id, origin: LinkOrigin::Created, system: 7, name: None, at: Timestamp::UNIX_EPOCH }
}

fn line(run: &str, words: &str) -> Fact {
    Fact::Line(EntryDraft {
        run: run.into(),
        event: "intent".into(),
        change: Some(1),
        rest: format!("\"words\":\"{words}\"}}"),
        personal: Vec::new(),
    })
}

fn revoked(key: &str) -> Fact {
    let (key, at) = (key.into(), Timestamp::UNIX_EPOCH);
    Fact::Revoked(StandingRevocation { key, reason: "stolen".into(), at, until: None, also: vec!["ldap/ada".into()], receipts: Vec::new() })
}

/// The journal's lines, whole and in their order.
async fn chain(store: &dyn Store) -> Vec<ChainLine> {
    let mut all = Vec::new();
    let mut previous = BEGINNING;
    loop {
        let some = store.lines(all.len() as u64, None).await.unwrap();
        if some.is_empty() {
            let head = store.heads().await.unwrap().written;
            assert_eq!(head.map(|head| head.seq).unwrap_or_default(), all.len() as u64);
            return all;
        }
        for line in some {
            previous = chained(&previous, &line.body);
            assert_eq!((line.seq, line.hash.as_slice()), (all.len() as u64 + 1, previous.as_slice()));
            all.push(line);
        }
    }
}

#[tokio::test]
async fn writers_beside_one_another_keep_the_journal_whole() {
    let Some(database) = Database::of("two writers") else { return };
    let writers = ["a", "b", "c"].map(async |name| {
        let store = database.open().await;
        for turn in 0..20 {
            let facts = (0..5).map(|at| line(name, &format!("{name}{turn}.{at}")));
            store.commit(facts.chain([Fact::Linked(link(&format!("{name}/{turn}"), &format!("{name}{turn}")))]).collect()).await.unwrap();
        }
    });
    futures_util::future::join_all(writers).await;
    let store = database.open().await;
    let lines = chain(store.as_ref()).await;
    assert_eq!((lines.len(), store.load().await.unwrap().links.len(), store.generation().await.unwrap()), (300, 60, 60));
    for name in ["a", "b", "c"] {
        let own: Vec<_> =
            lines.iter().filter(|line| line.run == name).map(|line| line.body.split_once(name).unwrap().1.to_owned()).collect();
        let expected: Vec<_> = (0..20).flat_map(|turn| (0..5).map(move |at| format!("{turn}.{at}\"}}"))).collect();
        assert_eq!(own, expected, "each in its own order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_who_fight_for_the_lock_one_has_it_at_a_time_and_each_a_number_of_its_own() {
    let Some(database) = Database::of("sixteen fighters") else { return };
    let fighters = (0..16).map(async |fighter| {
        let (store, clock) = database.replica().await;
        let (mut taken, mut whole) = (Vec::new(), 0);
        while whole < 3 {
            match as_time_goes_by(&clock, TERMS.look(), store.lock("joe")).await {
                Ok(lock) => {
                    let epoch = lock.epoch().unwrap();
                    taken.push(epoch);
                    let mut lost = false;
                    for turn in 0..3 {
                        // By the others' clocks it may have been silent for too long: then it writes nothing more.
                        match store.commit(vec![line(&fighter.to_string(), &format!("{epoch} {turn}"))]).await {
                            Ok(()) => assert!(!lost, "nobody writes whose lock was lost"),
                            Err(StateError::LostLock { .. }) => lost = true,
                            Err(other) => panic!("{other}"),
                        }
                    }
                    whole += u32::from(!lost);
                    drop(store.release(lock).await);
                }
                Err(StateError::Busy { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        taken
    });
    let mut epochs: Vec<u64> = futures_util::future::join_all(fighters).await.concat();
    epochs.sort_unstable();
    assert!(epochs.len() >= 48);
    assert_eq!(epochs, (1..=epochs.len() as u64).collect::<Vec<_>>(), "each has a number of its own, and none is left out");
    // Nobody wrote between what a holder wrote.
    let lines = chain(database.open().await.as_ref()).await;
    let number = |line: &ChainLine| -> (u64, u64) {
        let words = line.body.split_once("words\":\"").unwrap().1.trim_end_matches("\"}").split_once(' ').unwrap();
        (words.0.parse().unwrap(), words.1.parse().unwrap())
    };
    let written: Vec<_> = lines.iter().map(number).collect();
    assert!(written.len() >= 3 * 48 && written.is_sorted_by(|one, next| one < next), "{written:?}");
}

#[tokio::test]
async fn a_holder_that_freezes_is_taken_over_after_its_term_and_what_it_writes_late_fails() {
    let Some(database) = Database::of("a frozen holder") else { return };
    let (frozen, its_clock) = database.replica().await;
    let (other, clock) = database.replica().await;
    let held = frozen.lock("jane").await.unwrap();
    its_clock.slept(1).await;
    frozen.commit(vec![line("r1", "in time")]).await.unwrap();
    assert_eq!((held.lost(), held.epoch()), (None, Some(1)));
    // Its clock stands still, as it does for whoever is frozen; the other's goes on.
    let began = clock.now();
    let taken = as_time_goes_by(&clock, TERMS.look(), other.lock("joe")).await.unwrap();
    assert!(clock.now().at_least_since(&began) >= TERMS.term, "not before a whole term");
    assert_eq!(taken.epoch(), Some(2));
    // It thinks that it holds the lock still, and the state knows better.
    assert_eq!(held.lost(), None);
    let late = frozen.commit(vec![line("r1", "too late"), Fact::Linked(link("hr/1", "1"))]).await.unwrap_err();
    assert!(matches!(&late, StateError::LostLock { why, .. } if why.contains("it was taken by joe, process")), "{late}");
    assert!(held.lost().unwrap().contains("it was taken by joe"));
    // Who is cut off, and what is asked for, waits for no lock.
    frozen.commit(vec![revoked("hr/2"), Fact::Lifted("hr/2".into())]).await.unwrap();
    frozen.commit(vec![Shelf::Requests.put("r", &1)]).await.unwrap();
    other.commit(vec![line("r2", "by the other")]).await.unwrap();
    let bodies: Vec<_> = chain(other.as_ref()).await.into_iter().map(|line| line.run).collect();
    assert_eq!((bodies, other.load().await.unwrap().links.len()), (vec!["r1".to_owned(), "r2".to_owned()], 0));
    frozen.release(held).await.unwrap();
    assert_eq!(taken.lost(), None, "whoever lost it lets go of nothing that is another's");
    assert!(holder(database.place()).await.unwrap().is_some_and(|holder| holder.who == "joe"));
}

#[tokio::test]
async fn a_holder_stops_by_its_own_clock_before_its_term_is_over_and_lives_on_by_signs_that_arrive() {
    let Some(database) = Database::of("a holder's clock") else { return };
    let (store, clock) = database.replica().await;
    let lock = store.lock("jane").await.unwrap();
    for beat in 1..=4 {
        clock.slept(beat).await;
        clock.advance(TERMS.beat);
        assert_eq!(lock.lost(), None);
    }
    clock.slept(5).await;
    // Frozen for longer than it may be; nobody took it.
    clock.advance(TERMS.valid);
    assert!(lock.lost().unwrap().contains("no sign of life of this run arrived for 10 s"));
    let refused = store.commit(Vec::new()).await.unwrap_err();
    assert!(matches!(refused, StateError::LostLock { .. }), "{refused}");
    // What became of what it had sent is remembered as long as the lock is nobody else's.
    store.commit(vec![line("r1", "an outcome")]).await.unwrap();
    store.release(lock).await.unwrap();
    assert!(store.lock("joe").await.is_ok());
}

#[tokio::test]
async fn a_lock_is_taken_away_by_its_name_and_its_holder_writes_nothing_more() {
    let Some(database) = Database::of("unlock") else { return };
    let (store, _clock) = database.replica().await;
    let held = store.lock("jane").await.unwrap();
    let run = holder(database.place()).await.unwrap().unwrap().run.unwrap();
    let refused = unlock(database.place(), "20261129T000000Z-00000000").await.unwrap_err();
    assert!(refused.to_string().contains(&run), "{refused}");
    assert_eq!(unlock(database.place(), &run).await.unwrap().who, "jane");
    assert_eq!(holder(database.place()).await.unwrap(), None);
    let late = store.commit(vec![line("r1", "late")]).await.unwrap_err();
    assert!(late.to_string().contains("headcount state unlock"), "{late}");
    assert!(held.lost().is_some());
    let next = database.open().await.lock("joe").await.unwrap();
    assert_eq!(next.epoch(), Some(3), "a lock that was taken away counts as a holder, too");
}

#[tokio::test]
async fn whoever_takes_a_lock_waits_for_what_its_holder_has_begun_and_a_sign_of_life_waits_for_nothing() {
    let Some(database) = Database::of("the fence") else { return };
    let (store, _clock) = database.replica().await;
    let _held = store.lock("jane").await.unwrap();
    let frozen = database.beside().await;
    let fenced = "BEGIN; SELECT 1 FROM leases WHERE workspace = 'acme' AND epoch = 1 AND NOT released FOR KEY SHARE";
    frozen.client.batch_execute(fenced).await.unwrap();
    let beside = database.beside().await;
    beside.client.batch_execute("SET lock_timeout = '300ms'; UPDATE leases SET beat = beat + 1").await.unwrap();
    let taken = beside.client.batch_execute("UPDATE leases SET epoch = epoch + 1").await.unwrap_err();
    assert_eq!(taken.code().unwrap().code(), "55P03", "{taken}");
    frozen.client.batch_execute("COMMIT").await.unwrap();
    beside.client.batch_execute("UPDATE leases SET epoch = epoch + 1").await.unwrap();
}

#[tokio::test]
async fn who_is_revoked_by_another_process_is_known_once_that_has_an_answer() {
    let Some(database) = Database::with_a_user("the watch") else { return };
    let (run, other) = (database.open().await, database.open().await);
    let watch = run.watch().await.unwrap();
    assert!(watch.revoked().await.unwrap().is_empty());
    for turn in 0..20 {
        let key = format!("hr/{turn}");
        other.commit(vec![revoked(&key)]).await.unwrap();
        let (one, two) = tokio::join!(watch.revoked(), watch.revoked());
        assert!(one.unwrap().contains(key.as_str()) && two.unwrap().contains("ldap/ada"));
        other.commit(vec![Fact::Lifted("ldap/ada".into())]).await.unwrap();
        assert!(watch.revoked().await.unwrap().is_empty());
    }
    // A connection that was lost is opened again.
    database.disconnect();
    other.commit(vec![revoked("hr/x")]).await.unwrap();
    assert!(watch.revoked().await.unwrap().contains("hr/x"));
}

#[tokio::test]
async fn a_connection_that_was_lost_is_opened_again_and_a_commit_that_arrived_is_not_done_twice() {
    let Some(database) = Database::with_a_user("a lost connection") else { return };
    let place = Arc::new(database.place());
    let mut worker = Worker::open(place.clone(), by_the_machine(TERMS)).await.unwrap();
    worker.commit(vec![line("r", "one")]).await.unwrap();
    database.disconnect();
    worker.commit(vec![line("r", "two")]).await.unwrap();
    database.disconnect();
    assert_eq!(worker.line.read(|reader| Box::pin(reader.lines(0, None))).await.unwrap().len(), 2);
    // The answer to a commit got lost: it is the journal's line of that number, or it is not.
    let work = |words: &str| facts::work("acme", vec![line("r", words), Fact::Linked(link("hr/1", words))]);
    let last = worker.line.read(|reader| Box::pin(reader.lines(1, None))).await.unwrap().remove(0);
    let arrived: [u8; 32] = last.hash.clone().try_into().unwrap();
    for (doubt, expected) in [(worker::Sent::Lines(2, arrived), 2), (worker::Sent::Lines(2, BEGINNING), 3)] {
        worker.kept_after(&work("three"), None, doubt).await.unwrap();
        assert_eq!(worker.line.read(|reader| Box::pin(reader.lines(0, None))).await.unwrap().len(), expected);
    }
    chain(database.open().await.as_ref()).await;
}

#[tokio::test]
async fn what_the_server_refuses_changes_nothing_and_is_told_without_a_value() {
    let Some(database) = Database::of("a refused commit") else { return };
    let store = database.open().await;
    store.commit(vec![line("r", "one")]).await.unwrap();
    let error = store.commit(vec![line("r", "two"), Fact::Linked(link("hr/planted-key\0", "1"))]).await.unwrap_err().to_string();
    assert!(!error.contains("planted-key"), "{error}");
    assert_eq!(chain(store.as_ref()).await.len(), 1);
    store.commit(vec![line("r", "two")]).await.unwrap();
    assert_eq!(chain(store.as_ref()).await.len(), 2);
}

#[tokio::test]
async fn workspaces_share_a_database_and_know_nothing_of_each_other() {
    let Some(database) = Database::of("two workspaces") else { return };
    let (acme, umbrella) = (database.open().await, open(place_in(&database.state, "umbrella"), TERMS).await.unwrap());
    acme.commit(everything()).await.unwrap();
    let empty = umbrella.load().await.unwrap();
    assert_eq!((empty, umbrella.left().await.unwrap().len(), umbrella.generation().await.unwrap()), (Memory::default(), 0, 0));
    let lock = acme.lock("jane").await.unwrap();
    let other = umbrella.lock("joe").await.unwrap();
    umbrella.commit(vec![line("u", "one"), Fact::Linked(link("hr/1", "7"))]).await.unwrap();
    let whole = acme.load().await.unwrap();
    let facts = [Fact::Unlinked(link("hr/1", "7")), Fact::Pruned(Timestamp::MAX), Fact::Lifted("hr/9".into()), Fact::Told([8].into())];
    let rest = [Fact::SourceRenamed { old: "hr".into(), new: "sap".into() }, Fact::Left { target: "chat".into(), all: Vec::new() }];
    umbrella.commit(facts.into_iter().chain(rest).collect()).await.unwrap();
    assert_eq!(acme.load().await.unwrap(), whole);
    assert_eq!(chain(acme.as_ref()).await.len() + chain(umbrella.as_ref()).await.len(), 3);
    assert!(look(place_in(&database.state, "initech")).await.unwrap().is_none());
    drop((lock, other));
}

/// A fact about one of a few things, so that many are about the same.
fn some_fact(dice: &mut fastrand::Rng, second: i64) -> Fact {
    let (target, at): (Arc<str>, _) = ("chat".into(), Timestamp::from_second(second).unwrap());
    let key: Arc<str> = format!("hr/{}", dice.u8(1..4)).into();
    let id: Arc<str> = dice.u8(1..4).to_string().into();
    let (kind, system, name) = (ObjectKind::Account, 7, Some(at.to_string().into()));
    let origin = if dice.bool() { LinkOrigin::Created } else { LinkOrigin::Adopted };
    let link = Link { target: target.clone(), kind, key: key.clone(), id: id.clone(), origin, system, name, at };
    let grant = Link { kind: ObjectKind::Entitlement, key: format!("{key}#seat").into(), ..link.clone() };
    let object = Deactivation { target: target.clone(), kind, id: id.clone(), at };
    let unheard = Unheard { target: target.clone(), key: key.clone(), guardrail: Guardrail::Create, at };
    let resting = Resting { target: target.clone(), key: key.clone(), at };
    match dice.u8(0..18) {
        0 | 1 => Fact::Linked(link),
        2 => Fact::Linked(grant),
        3 => Fact::Renamed(link),
        4 => Fact::Carried(link),
        5 => Fact::Unlinked(link),
        6 => Fact::Placed(Link { system: crate::model::UNKNOWN_SYSTEM, ..link }),
        7 => Fact::Inactive(object),
        8 => Fact::NotInactive(object),
        9 => Fact::Active(object),
        10 => Fact::CutOff(CutOff { target, kind, id, key }),
        11 => Fact::Resting(resting),
        12 => Fact::NotMade(resting),
        13 => Fact::Sent(unheard),
        14 => Fact::Heard(unheard),
        15 => {
            let (attribute, value) = ("userName".into(), id);
            Fact::Departed(DepartedName { target, attribute, value, key, left: dice.bool(), at })
        }
        16 => Fact::Record(RecordLink { source: "ldap".into(), record: id, identity: key }),
        _ => {
            let (attribute, wrote, found) = ("title".into(), dice.u64(1..4), 3);
            let value = Repeat { target, kind, id, attribute, wrote, found, at };
            Fact::Written(vec![(1, value)])
        }
    }
}

/// All that is remembered, whatever the order of the rows.
fn rows(memory: Memory) -> Vec<String> {
    let Memory { links, formers, records, deactivations, resting, unheard, written, repeats, departed, cut_off, .. } = memory;
    macro_rules! shown {
        ($($all:ident)*) => { [$($all.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>()),*].concat() };
    }
    let mut all = shown!(links formers records deactivations resting unheard written repeats departed cut_off);
    all.sort();
    all
}

#[tokio::test]
async fn what_is_told_at_once_comes_to_what_it_comes_to_one_by_one() {
    let Some(database) = Database::of("lanes") else { return };
    for seed in 0..25 {
        let open = async |name: String| open(place_in(&database.state, &name), TERMS).await.unwrap();
        let (at_once, one_by_one) = (open(format!("at-once-{seed}")).await, open(format!("one-by-one-{seed}")).await);
        let mut dice = fastrand::Rng::with_seed(seed);
        let facts: Vec<Fact> = (0..30).map(|second| some_fact(&mut dice, second)).collect();
        at_once.commit(facts.clone()).await.unwrap();
        for fact in &facts {
            one_by_one.commit(vec![fact.clone()]).await.unwrap();
        }
        assert_eq!(rows(at_once.load().await.unwrap()), rows(one_by_one.load().await.unwrap()), "seed {seed}: {facts:#?}");
    }
}

#[tokio::test]
async fn no_table_is_empty_where_everything_is_told() {
    let Some(database) = Database::of("all tables") else { return };
    database.open().await.commit(everything()).await.unwrap();
    let empty = database.ask(
        "SELECT string_agg(table_name, ' ') FROM information_schema.tables WHERE table_schema = current_schema() AND table_name NOT IN ('leases', 'beside') \
         AND (xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I', table_name), false, true, '')))[1]::text = '0'",
    );
    assert_eq!(empty, "");
}

#[tokio::test]
async fn the_tables_have_the_columns_of_sqlites() {
    let Some(database) = Database::of("the tables") else { return };
    let _store = database.open().await;
    let folder = tempfile::tempdir().unwrap();
    let file = sqlite::new_file(Path::new("state"), &folder.path().join("state.db"), "acme").unwrap();
    for table in file.tables {
        let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let columns = format!(
            "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = '{}'",
            table.name
        );
        assert_eq!(
            database.ask(&columns),
            format!("workspace {}", names.join(" ")),
            "{}: a table of one is a table of the other",
            table.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_is_made_ours_by_many_at_once_and_once() {
    let Some(database) = Database::of("a migration") else { return };
    let opened = futures_util::future::join_all((0..8).map(|_| tokio::spawn(open(database.place(), TERMS)))).await;
    assert!(opened.into_iter().all(|store| store.unwrap().is_ok()));
    let versions = "SELECT string_agg(version::text, ' ' ORDER BY version) FROM tables_version";
    assert_eq!(database.ask(versions), format!("5 {SCHEMA_VERSION}"));
    assert_eq!(database.ask("SELECT string_agg(id, ' ') FROM workspaces"), "acme");
}

#[tokio::test]
async fn tables_of_version_5_become_ours_with_all_that_they_hold() {
    let Some(database) = Database::of("an older version") else { return };
    let schema = database.place().schema().to_owned();
    let hash = hex(&chained(&BEGINNING, r#"{"seq":1,"words":"old"}"#));
    database.server.sql(&format!(
        r#"CREATE SCHEMA {schema}; SET search_path = {schema}; {} {}; INSERT INTO tables_version (version, by) VALUES (5, 'headcount before');
        INSERT INTO workspaces (id, generation, seq, hash, revocations) VALUES ('acme', 3, 1, '\x{hash}', 0);
        INSERT INTO links (workspace, target, kind, key, id, origin, system, name, at)
            VALUES ('acme', 'chat', 'account', 'hr/1', '7', 'created', 9, 'ada', '2026-11-20T08:00:01Z');
        INSERT INTO journal (workspace, seq, run, event, change, body, hash)
            VALUES ('acme', 1, 'r', 'intent', 1, '{{"seq":1,"words":"old"}}', '\x{hash}');"#,
        migrate::TABLES_VERSION.to_owned() + ";",
        include_str!("version_5.sql").trim_end().trim_end_matches(';'),
    ));
    assert!(look(database.place()).await.is_err(), "whoever only looks leaves it as it is");
    let store = database.open().await;
    assert_eq!(store.load().await.unwrap().links[0].key.as_ref(), "hr/1");
    store.commit(vec![line("r", "new")]).await.unwrap();
    assert_eq!(chain(store.as_ref()).await.len(), 2, "it goes on where it was");
    assert_eq!(database.ask("SELECT string_agg(version::text, ' ' ORDER BY version) FROM tables_version"), "5 6");
}

#[tokio::test]
async fn tables_of_another_version_are_refused_with_words_and_stay_as_they_are() {
    let Some(database) = Database::of("a newer version") else { return };
    assert!(look(database.place()).await.unwrap().is_none(), "an empty database has no state");
    assert_eq!(
        database.server.sql(&format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{}'", database.state.schema())),
        "0",
        "and gets none"
    );
    drop(open(database.place(), TERMS).await.unwrap());
    database.ask(&format!("INSERT INTO tables_version (version, by) VALUES ({}, 'a test')", SCHEMA_VERSION + 1));
    for refused in [open(database.place(), TERMS).await.err(), look(database.place()).await.err(), holder(database.place()).await.err()] {
        let words = refused.unwrap().to_string();
        assert!(
            words.contains(&format!("has version {}, and this headcount knows versions up to {SCHEMA_VERSION}", SCHEMA_VERSION + 1)),
            "{words}"
        );
    }
    // One of an older version is not looked at as if it were ours.
    database
        .ask(&format!("DELETE FROM tables_version; INSERT INTO tables_version (version, by) VALUES ({}, 'a test')", SCHEMA_VERSION - 1));
    let words = look(database.place()).await.unwrap_err().to_string();
    assert!(words.contains(&format!("its tables have version {}", SCHEMA_VERSION - 1)) && words.contains("headcount apply"), "{words}");
}

#[tokio::test]
async fn the_way_over_the_network_is_safe_and_the_password_is_in_no_message() {
    let (Some(_), Some(database)) = (postgres_server::server_with_tls("TLS"), Database::of("TLS")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        Some(SecretRef::File(name.to_owned()))
    };
    let right = file("right", postgres_server::PASSWORD);
    let at = |state: PostgresState| PostgresPlace::new(state, folder.path().to_path_buf(), "acme".into());
    let ca_file = Some(database.server.ca_file().display().to_string());
    let safe = PostgresState { url: database.server.network(), password: right.clone(), ca_file, ..database.state.clone() };
    let session = at(safe.clone()).connect().await.unwrap();
    let rows = session.client.query_typed("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    assert!(rows[0].get::<_, bool>(0), "it has TLS");
    drop(open(at(safe.clone()), TERMS).await.unwrap());

    // By the address alone it is another name than the certificate has; a stranger's authority says nothing.
    let stranger = crate::state::tests::postgres_server::stranger(folder.path());
    let numbers = database.server.network().replace("localhost", "127.0.0.1");
    for (state, expected) in [
        (PostgresState { url: numbers, ..safe.clone() }, "certificate"),
        (PostgresState { ca_file: Some(stranger), ..safe.clone() }, "certificate"),
        (PostgresState { ca_file: Some("right".into()), ..safe.clone() }, "it holds no PEM certificate"),
        (PostgresState { ca_file: Some("none.pem".into()), ..safe.clone() }, "caFile"),
        (PostgresState { password: file("wrong", "planted-wrong"), ..safe.clone() }, "password authentication failed"),
        (PostgresState { password: Some(SecretRef::File("nowhere".into())), ..safe.clone() }, "file nowhere can't be read"),
        (PostgresState { url: database.server.network().replace("/postgres", "/elsewhere"), ..safe.clone() }, "make the database"),
        (PostgresState { url: "postgres://headcount@localhost:1/postgres".into(), ..safe.clone() }, "could not be read or written"),
    ] {
        let error = open(at(state.clone()), TERMS).await.unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("planted"), "{expected}: {error}");
        assert!(look(at(state)).await.is_err(), "what does not answer is no empty state");
    }
    // Whoever may only read may look, and nothing else.
    database.server.sql(&format!(
        "CREATE ROLE reader_{0} LOGIN; GRANT USAGE ON SCHEMA {0} TO reader_{0}; GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO reader_{0}",
        database.state.schema()
    ));
    let reads = PostgresState {
        url: database.server.socket().replace("headcount@", &format!("reader_{}@", database.state.schema())),
        ..database.state.clone()
    };
    assert_eq!(look(at(reads.clone())).await.unwrap().unwrap().load().await.unwrap(), Memory::default());
    let error = open(at(reads), TERMS).await.unwrap_err().to_string();
    assert!(error.contains("docs/ci.md lists what is needed"), "{error}");
}

#[tokio::test]
async fn a_revocation_tells_others_of_itself_while_it_goes_on() {
    let Some(database) = Database::of("a revocation") else { return };
    let (one, other) = (database.open().await, database.open().await);
    assert_eq!(other.under_way().await.unwrap(), UnderWay::default());
    let beside = one.lock_beside().await.unwrap();
    assert!(beside.is_beside() && beside.lost().is_none());
    assert_eq!(other.under_way().await.unwrap(), UnderWay { run: false, revocation: true });
    drop(beside);
    // What is asked for next comes after its end.
    while one.under_way().await.unwrap().revocation {}
    // One that was killed is over after a while.
    database.ask("INSERT INTO beside (workspace, name, until) VALUES ('acme', 'killed', clock_timestamp() - interval '1 second')");
    assert_eq!(other.under_way().await.unwrap(), UnderWay::default());
}
