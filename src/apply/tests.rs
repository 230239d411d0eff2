//! The executor against a small target in memory: order, patience, second looks, and what is durable when.

mod atoms;
mod departure;
mod fake;
mod former;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::connector::TargetConnector;
use crate::connector::limiter::{Lane, Limits, Rate};
use crate::journal::{Event, Journal, ResultWord};
use crate::model::{Action, Deactivation, LinkOrigin, Mandate, ObjectKind, SystemError, Value, Withheld};
use crate::state::Shelf;
use fake::{Building, Fake, Script, change, create, plan};

use ObjectKind::{Account, Group};

struct World {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
    store: Arc<dyn Store>,
    fake: Fake,
    marker: bool,
    settings: RunSettings,
    cancel: CancellationToken,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let store = crate::state::open(&path, "acme").await.unwrap();
        let settings = RunSettings { first_wait: Duration::from_micros(100), ..RunSettings::default() };
        Self { fake: Fake::new(&store), _folder: folder, path, store, marker: true, settings, cancel: CancellationToken::new() }
    }

    async fn without_marker() -> Self {
        Self { marker: false, ..Self::new().await }
    }

    async fn scripted(script: impl IntoIterator<Item = Script>) -> Self {
        let world = Self::new().await;
        world.fake.script(script);
        world
    }

    fn job<'a>(&'a self, plan: &'a Plan, targets: &'a BTreeMap<Arc<str>, Arc<TargetConnector>>, lock: &'a RunLock) -> Job<'a> {
        Job {
            plan,
            targets,
            store: &self.store,
            lock,
            settings: &self.settings,
            who: "jane",
            with: Vec::new(),
            known_ids: &|_, _, _| None,
            was_there: &|_, _, _| false,
            cancel: self.cancel.clone(),
            progress: &Silent,
        }
    }

    async fn apply(&self, plan: &Plan) -> Report {
        let lock = self.store.lock("jane").await.unwrap();
        let targets: BTreeMap<_, _> = [(Arc::from("chat"), Arc::new(self.fake.connector(self.marker)))].into();
        let report = apply(&self.job(plan, &targets, &lock)).await.unwrap();
        Journal::new(self.store.as_ref()).verify().await.unwrap();
        assert_eq!(Journal::new(self.store.as_ref()).unfinished().await.unwrap(), [], "every intent has its outcome");
        report
    }

    async fn words(&self, plan: &Plan) -> Vec<ResultWord> {
        self.apply(plan).await.outcomes.values().map(ResultWord::of).collect()
    }
}

fn unavailable() -> Script {
    Script::Refuse(SystemError::Unavailable("503".into()))
}

fn lost() -> SystemError {
    SystemError::Uncertain("the connection was cut".into())
}

fn later() -> Script {
    Script::Refuse(SystemError::Throttled { after: None, message: "429".into() })
}

fn throttled(after: Duration) -> Script {
    Script::Refuse(SystemError::Throttled { after: Some(after), message: "429".into() })
}

#[tokio::test]
async fn what_a_run_uses_is_used_with_its_beginning() {
    let world = World::new().await;
    world.store.commit(vec![Shelf::Approvals.put("one", &1), Shelf::Approvals.put("other", &2)]).await.unwrap();
    let (lock, plan) = (world.store.lock("jane").await.unwrap(), plan(vec![]));
    let targets = BTreeMap::new();
    let job = Job { with: vec![Shelf::Approvals.take("one")], ..world.job(&plan, &targets, &lock) };
    apply(&world.job(&plan, &targets, &lock)).await.unwrap();
    assert_eq!(Shelf::Approvals.all::<u32>(world.store.as_ref()).await.unwrap().len(), 2, "another run uses nothing");
    apply(&job).await.unwrap();
    assert_eq!(Shelf::Approvals.all::<u32>(world.store.as_ref()).await.unwrap(), [("other".into(), 2)]);
}

#[tokio::test]
async fn a_plan_runs_in_its_order_and_what_it_makes_is_known_to_what_follows() {
    let world = World::new().await;
    world.fake.put("g", &[]);
    world.fake.put("old", &[("active", "true")]);
    let plan = plan(vec![
        change(Action::Deactivate, Account, "hr/9", Some("old")).with("active", None, Some(Value::Bool(false))),
        change(Action::Create, Group, "group/sre", None).with("displayName", None, Some(Value::text("sre"))),
        create("hr/ann"),
        create("hr/bob"),
        change(Action::AddMembers, Group, "group/sre", None)
            .member(Account, "hr/ann", None)
            .member(Account, "hr/bob", None)
            .needs(&[1, 2, 3]),
        change(Action::Update, Account, "hr/bob", None).with("manager", None, Some(Value::Reference(Arc::from("hr/ann")))).needs(&[2, 3]),
        change(Action::Delete, Group, "group/old", Some("g")),
    ]);
    let report = world.apply(&plan).await;
    assert!(report.complete(), "{report:?}");
    let log = world.fake.log();
    assert_eq!(log[..2], ["Deactivate hr/9", "Create group/sre"]);
    assert_eq!(log[4..], ["AddMembers group/sre", "Update hr/bob", "Delete group/old"]);
    let shelf = world.fake.shelf.lock().unwrap();
    let id_of = |name: &str| shelf.objects.iter().find(|(_, object)| object.get("userName") == Some(&Value::text(name))).unwrap().0.clone();
    assert_eq!(shelf.members["id1"], [id_of("ann"), id_of("bob")]);
    assert_eq!(shelf.objects[&id_of("bob")]["manager"], Value::text(id_of("ann")));
    assert!(!shelf.objects.contains_key("g"));
}

#[tokio::test]
async fn an_id_that_was_there_before_is_no_new_accounts_id() {
    for (marker, expected) in [(true, ResultWord::Done), (false, ResultWord::Uncertain)] {
        let world = World { marker, ..World::scripted([Script::Mistake("7")]).await };
        world.fake.put("7", &[("userName", "ben")]);
        let plan = plan(vec![create("hr/ann")]);
        let (lock, targets) =
            (world.store.lock("jane").await.unwrap(), [(Arc::from("chat"), Arc::new(world.fake.connector(marker)))].into());
        let job = Job { was_there: &|_, _, id| id == "7", ..world.job(&plan, &targets, &lock) };
        let report = apply(&job).await.unwrap();
        assert_eq!(report.outcomes.values().map(ResultWord::of).collect::<Vec<_>>(), [expected], "{report:?}");
        let links: Vec<_> = world.store.load().await.unwrap().links.iter().map(|link| format!("{} {}", link.key, link.id)).collect();
        assert_eq!(links, if marker { vec!["hr/ann id1".to_owned()] } else { Vec::new() }, "what carries the mark is the new one");
    }
}

#[tokio::test]
async fn where_ids_are_names_a_name_that_becomes_free_in_the_run_is_a_new_ones() {
    let world = World::scripted([Script::Refuse(SystemError::Rejected("not now".into())), Script::Mistake("7")]).await;
    world.fake.put("7", &[("userName", "ben")]);
    let renamed = change(Action::Update, Account, "hr/ben", Some("7")).with("userName", Some(Value::text("ben")), Some(Value::text("bo")));
    let plan = plan(vec![renamed, create("hr/ann")]);
    let (lock, targets) = (world.store.lock("jane").await.unwrap(), [(Arc::from("chat"), Arc::new(world.fake.connector(true)))].into());
    let job = Job { was_there: &|_, _, id| id == "7", ..world.job(&plan, &targets, &lock) };
    apply(&job).await.unwrap();
    let links: Vec<_> = world.store.load().await.unwrap().links.iter().map(|link| format!("{} {}", link.key, link.id)).collect();
    assert_eq!(links, ["hr/ann 7"]);
}

#[tokio::test]
async fn outcomes_leave_links_deactivations_and_windows_behind() {
    let world = World::new().await;
    world.fake.put("7", &[]);
    let mut leaver = change(Action::Deactivate, Account, "hr/7", Some("7")).with("active", None, Some(Value::Bool(false)));
    leaver.mandate = Mandate::Leaver;
    world.apply(&plan(vec![leaver, create("hr/ann"), change(Action::Adopt, Account, "hr/8", Some("8"))])).await;
    let memory = world.store.load().await.unwrap();
    assert!(memory.known);
    let links: Vec<_> = memory.links.iter().map(|link| (link.key.as_ref(), link.id.as_ref(), link.origin)).collect();
    assert_eq!(links, [("hr/8", "8", LinkOrigin::Adopted), ("hr/ann", "id1", LinkOrigin::Created)]);
    assert!(matches!(&memory.deactivations[..], [Deactivation { id, .. }] if id.as_ref() == "7"));
    let windows: Vec<_> = memory.windows.iter().map(|entry| (entry.guardrail.word(), entry.weight)).collect();
    assert_eq!(windows, [("adopt", 1), ("create", 1), ("deactivate", 1), ("leavers", 1), ("update", 1)]);

    world
        .apply(&plan(vec![
            change(Action::Reactivate, Account, "hr/7", Some("7")).with("active", None, Some(Value::Bool(true))),
            change(Action::Delete, Account, "hr/ann", Some("id1")),
        ]))
        .await;
    let memory = world.store.load().await.unwrap();
    assert_eq!((memory.links.len(), memory.deactivations.len()), (1, 0));
}

#[tokio::test]
async fn a_link_follows_the_mark_that_a_change_renews() {
    let world = World::new().await;
    let links = async || -> Vec<String> {
        world.store.load().await.unwrap().links.iter().map(|link| format!("{} {}", link.key, link.id)).collect()
    };
    let marks = |key: &str, action, before: &str, after: &str| {
        change(action, Account, key, Some("7")).with("externalId", Some(Value::text(before)), Some(Value::text(after)))
    };
    world.fake.put("7", &[]);
    world.apply(&plan(vec![change(Action::Adopt, Account, "hr/C-17", Some("7"))])).await;
    world.apply(&plan(vec![marks("hr/1044", Action::Update, "a note", "hc:acme:hr:1044")])).await;
    assert_eq!(links().await, ["hr/C-17 7"], "what was no mark says nothing of another key");
    world.fake.script([Script::Refuse(SystemError::Rejected("no".into()))]);
    world.apply(&plan(vec![marks("hr/1044", Action::Update, "hc:acme:hr:C-17", "hc:acme:hr:1044")])).await;
    assert_eq!(links().await, ["hr/C-17 7"], "the mark is as it was");
    world.apply(&plan(vec![marks("hr/1044", Action::Update, "hc:acme:hr:C-17", "hc:acme:hr:1044")])).await;
    assert_eq!(links().await, ["hr/1044 7"]);
    world.apply(&plan(vec![marks("hr/2", Action::Reactivate, "hc:acme:hr:1044", "hc:acme:hr:2")])).await;
    assert_eq!(links().await, ["hr/2 7"]);
}

#[tokio::test]
async fn names_of_people_who_left_are_remembered_until_they_are_back() {
    let world = World::new().await;
    ["7", "8", "9"].iter().for_each(|id| world.fake.put(id, &[("userName", "x")]));
    let name = |text| Some(Value::text(text));
    let mut leaver = change(Action::Deactivate, Account, "hr/7", Some("7")).with("active", None, Some(Value::Bool(false)));
    leaver.mandate = Mandate::Leaver;
    let renamed = change(Action::Update, Account, "hr/8", Some("8")).with("userName", name("ben"), name("zander"));
    world.apply(&plan(vec![leaver, renamed, change(Action::Delete, Account, "hr/9", Some("9"))])).await;
    let names = async || -> Vec<(String, bool)> {
        let memory = world.store.load().await.unwrap();
        let mut names: Vec<_> = memory.departed.iter().map(|name| (format!("{} {}", name.key, name.value), name.left)).collect();
        names.sort();
        names
    };
    let of = |key: &str| change(Action::Delete, Account, key, None).object.name;
    assert_eq!(
        names().await,
        [(format!("hr/7 {}", of("hr/7")), true), ("hr/8 ben".to_owned(), false), (format!("hr/9 {}", of("hr/9")), true)]
    );
    world.apply(&plan(vec![change(Action::Reactivate, Account, "hr/7", Some("7")).with("active", None, Some(Value::Bool(true)))])).await;
    assert_eq!(names().await.len(), 2);
}

#[tokio::test]
async fn an_account_that_was_made_without_access_is_ours_to_activate_until_it_is() {
    let world = World::new().await;
    world.apply(&plan(vec![create("hr/ann").with("active", None, Some(Value::Bool(false))), create("hr/bob")])).await;
    let memory = world.store.load().await.unwrap();
    let ann = memory.links.iter().find(|link| link.key.as_ref() == "hr/ann").unwrap().id.clone();
    assert!(matches!(&memory.deactivations[..], [Deactivation { id, .. }] if *id == ann), "{:?}", memory.deactivations);
    let adopt = change(Action::Adopt, Account, "hr/ann", Some(&ann)).with("active", Some(Value::Bool(false)), Some(Value::Bool(true)));
    world.apply(&plan(vec![adopt])).await;
    assert_eq!(world.store.load().await.unwrap().deactivations.len(), 0);
}

#[tokio::test]
async fn what_was_sent_and_never_heard_of_is_remembered_until_it_is() {
    let world = World::without_marker().await;
    world.fake.script([Script::Lose(lost())]);
    world.apply(&plan(vec![create("hr/ann")])).await;
    world.apply(&plan(vec![create("hr/bob")])).await;
    let unheard = async || world.store.load().await.unwrap().unheard;
    assert!(
        matches!(&unheard().await[..], [one] if one.key.as_ref() == "hr/ann" && one.guardrail == crate::model::Guardrail::Create),
        "{:?}",
        unheard().await
    );
    world.apply(&plan(vec![change(Action::Adopt, Account, "hr/ann", Some("id1"))])).await;
    assert_eq!(unheard().await, []);
    world.fake.script([Script::Refuse(SystemError::Rejected("no".into()))]);
    world.apply(&plan(vec![create("hr/cid")])).await;
    assert_eq!(unheard().await, [], "a refusal is an answer");
}

/// An account whose id follows from what is written is found again after a run that was cut off.
#[tokio::test]
async fn the_id_that_an_account_is_about_to_get_is_remembered_until_an_answer_comes() {
    let world = World::without_marker().await;
    world.apply(&plan(vec![create("hr/ann")])).await;
    let before = world.store.load().await.unwrap().links[0].id.clone();
    let renamed = |id: &str, name: &str| {
        plan(vec![change(Action::Update, Account, "hr/ann", Some(id)).with("nickName", None, Some(Value::text(name)))])
    };
    let known = async || {
        let memory = world.store.load().await.unwrap();
        let formers: Vec<_> = memory.formers.iter().map(|former| format!("{} {}", former.key, former.id)).collect();
        (memory.links[0].id.to_string(), formers)
    };
    world.fake.script([Script::Lose(lost())]);
    world.fake.shelf.lock().unwrap().lookups.extend((0..9).map(|_| SystemError::Protocol("an empty 200".into())));
    world.apply(&renamed(&before, "annie")).await;
    world.fake.shelf.lock().unwrap().lookups.clear();
    assert_eq!(known().await, (before.to_string(), vec!["hr/ann annie".to_owned()]), "nobody knows");
    world.fake.script([Script::Refuse(SystemError::Rejected("no".into()))]);
    world.apply(&renamed(&before, "annie")).await;
    assert_eq!(known().await, (before.to_string(), Vec::new()), "a refusal is an answer");
    world.apply(&renamed(&before, "annie")).await;
    assert_eq!(known().await, ("annie".to_owned(), Vec::new()));
}

/// Leave to write was lost between the permit and the socket.
#[tokio::test]
async fn what_was_not_sent_was_not_tried_and_is_looked_up_by_nobody() {
    let world = World::scripted([Script::Refuse(SystemError::NotSent("the lock was lost".into()))]).await;
    let report = world.apply(&plan(vec![create("hr/ann")])).await;
    assert_eq!(report.outcomes.values().collect::<Vec<_>>(), [&Outcome::Skipped("the lock was lost".into())]);
    assert_eq!(world.fake.log().len(), 1, "nothing is sent again, and nothing asked");
    assert!(world.store.load().await.unwrap().unheard.is_empty());
}

#[tokio::test]
async fn a_deactivation_that_was_refused_is_not_remembered() {
    let world = World::scripted([Script::Refuse(SystemError::Forbidden("no".into()))]).await;
    world.fake.put("7", &[]);
    let change = change(Action::Deactivate, Account, "hr/7", Some("7")).with("active", None, Some(Value::Bool(false)));
    assert_eq!(world.words(&plan(vec![change])).await, [ResultWord::Failed]);
    let memory = world.store.load().await.unwrap();
    assert_eq!((memory.deactivations.len(), memory.windows.len()), (0, 0));
}

#[tokio::test]
async fn an_uncertain_create_that_was_done_is_found_by_its_marker_and_not_made_again() {
    for answer in [lost(), SystemError::Protocol("HTML".into())] {
        let world = World::scripted([Script::Lose(answer)]).await;
        let report = world.apply(&plan(vec![create("hr/ann")])).await;
        assert!(report.complete(), "{report:?}");
        assert_eq!(world.fake.log(), ["Create hr/ann"]);
        assert_eq!(world.store.load().await.unwrap().links.len(), 1);
    }
}

#[tokio::test]
async fn an_uncertain_create_that_was_not_done_is_sent_again() {
    let world = World::scripted([Script::Refuse(lost())]).await;
    assert_eq!(world.words(&plan(vec![create("hr/ann")])).await, [ResultWord::Done]);
    assert_eq!(world.fake.log().len(), 2);
}

#[tokio::test]
async fn what_nothing_proves_to_be_ours_stays_uncertain() {
    let world = World::without_marker().await;
    world.fake.script([Script::Lose(lost())]);
    let report = world.apply(&plan(vec![create("hr/ann")])).await;
    let outcome = &report.outcomes[&ChangeId(0)];
    assert!(matches!(outcome, Outcome::Uncertain(words) if words.contains("nothing proves that headcount made it")), "{outcome:?}");
    assert_eq!((world.fake.log().len(), world.store.load().await.unwrap().links.len()), (1, 0));
}

#[tokio::test]
async fn a_lookup_that_fails_leaves_the_create_uncertain_and_unsent() {
    let world = World::scripted([Script::Lose(lost())]).await;
    world.fake.shelf.lock().unwrap().lookups.extend((0..9).map(|_| SystemError::Protocol("an empty 200".into())));
    assert_eq!(world.words(&plan(vec![create("hr/ann")])).await, [ResultWord::Uncertain]);
    assert_eq!(world.fake.log().len(), 1);
}

#[tokio::test]
async fn a_conflict_is_ours_when_it_carries_our_marker_and_a_failure_otherwise() {
    let world = World::new().await;
    world.fake.put("7", &[("userName", "ann"), ("externalId", "acme:hr/ann")]);
    world.fake.put("8", &[("userName", "bob"), ("externalId", "else:1")]);
    assert_eq!(world.words(&plan(vec![create("hr/ann"), create("hr/bob")])).await, [ResultWord::AlreadySo, ResultWord::Failed]);
    let links = world.store.load().await.unwrap().links;
    assert!(matches!(&links[..], [link] if link.id.as_ref() == "7"));
}

#[tokio::test]
async fn other_uncertain_changes_are_sent_again_after_a_look() {
    let world = World::scripted([Script::Lose(lost())]).await;
    world.fake.put("7", &[]);
    let update = change(Action::Update, Account, "hr/7", Some("7")).with("title", None, Some(Value::text("x")));
    assert_eq!(world.words(&plan(vec![update])).await, [ResultWord::Done]);
    assert_eq!(world.fake.log().len(), 2);
    world.fake.script([Script::Lose(lost())]);
    let delete = change(Action::Delete, Account, "hr/7", Some("7"));
    assert_eq!(world.words(&plan(vec![delete])).await, [ResultWord::Done]);
    assert_eq!(world.fake.log().len(), 3, "what is gone is not deleted again");

    let world = World::scripted([Script::Refuse(lost())]).await;
    let gone = change(Action::Update, Account, "hr/7", Some("7")).with("title", None, Some(Value::text("x")));
    assert_eq!(world.words(&plan(vec![gone])).await, [ResultWord::Failed]);
}

#[tokio::test]
async fn an_uncertain_membership_is_looked_at_before_it_is_sent_again() {
    let add = || change(Action::AddMembers, Group, "group/ops", Some("g")).member(Account, "hr/1", Some("1"));
    let done = World::scripted([Script::Lose(lost())]).await;
    done.fake.put("g", &[]);
    assert_eq!(done.words(&plan(vec![add()])).await, [ResultWord::Done]);
    assert_eq!(done.fake.log().len(), 1, "it was done, so it is not sent again");
    let not_done = World::scripted([Script::Refuse(lost())]).await;
    not_done.fake.put("g", &[]);
    assert_eq!(not_done.words(&plan(vec![add()])).await, [ResultWord::Done]);
    assert_eq!(not_done.fake.log().len(), 2);
}

#[tokio::test]
async fn a_throttled_target_pauses_as_a_whole() {
    let pause = Duration::from_millis(60);
    let mut world = World::scripted([throttled(pause)]).await;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    let report = world.apply(&plan(vec![create("hr/a"), create("hr/b")])).await;
    assert!(report.complete());
    let shelf = world.fake.shelf.lock().unwrap();
    assert_eq!(shelf.log.len(), 3);
    assert!(shelf.log[1..].iter().all(|(_, at)| *at - shelf.log[0].1 >= pause), "nothing is sent during the pause");
}

/// How often the journal is looked at for an intent that is to be there.
const LOOKS: u32 = 100_000;

#[tokio::test]
async fn whoever_is_revoked_while_a_write_waits_for_its_permit_gets_nothing() {
    let mut world = World::scripted([Script::Revoke("hr/b", LOOKS)]).await;
    // The intents of both are durable. The second waits two seconds for its turn; the first is answered at once, and its answer brings the revocation.
    world.settings.concurrency.insert(Arc::from("chat"), 2);
    world.fake.limiter.limit(&Arc::from("chat"), Limits { concurrency: None, rate: Some(Rate::new(0.5, 1)) });
    let report = world.apply(&plan(vec![create("hr/a"), create("hr/b")])).await;
    let words: Vec<_> = report.outcomes.values().map(ResultWord::of).collect();
    assert_eq!(words, [ResultWord::Done, ResultWord::Skipped], "{report:?}");
    assert_eq!(world.fake.log(), ["Create hr/a"]);
}

#[tokio::test]
async fn whoever_is_revoked_while_an_intent_waits_for_its_turn_gets_nothing_and_the_journal_says_so() {
    let mut world = World::scripted([Script::Revoke("hr/c", LOOKS)]).await;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    let plan = plan(vec![create("hr/a"), create("hr/b"), create("hr/c"), create("hr/d")]);
    let report = world.apply(&plan).await;
    let words: Vec<_> = report.outcomes.values().map(ResultWord::of).collect();
    assert_eq!(words, [ResultWord::Done, ResultWord::Done, ResultWord::Skipped, ResultWord::Done]);
    assert_eq!(world.fake.log(), ["Create hr/a", "Create hr/b", "Create hr/d"]);
    let mut said = Vec::new();
    let of = |event: &Event| match event {
        Event::Intent(intent) if intent.object.key.as_ref() == "hr/c" => Some("intent"),
        Event::Outcome { key, result: ResultWord::Skipped, message: Some(why), .. } if key.as_ref() == "hr/c" && why == "revoked" => {
            Some("outcome")
        }
        _ => None,
    };
    Journal::new(world.store.as_ref()).each(None, |entry| said.extend(of(&entry.event))).await.unwrap();
    assert_eq!(said, ["intent", "outcome"], "its intent stood there before the revocation came");
    assert_eq!(world.store.load().await.unwrap().unheard, [], "it was never sent");
}

#[tokio::test]
async fn what_was_ahead_when_a_run_is_stopped_is_not_sent_and_leaves_nothing_behind() {
    let mut world = World::new().await;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    world.fake.put("7", &[]);
    world.fake.script([Script::Stop(world.cancel.clone())]);
    let leaver = || change(Action::Deactivate, Account, "hr/7", Some("7")).with("active", None, Some(Value::Bool(false)));
    let report = world.apply(&plan(vec![change(Action::Deactivate, Account, "hr/8", Some("8")), leaver()])).await;
    assert_eq!(world.fake.log().len(), 1);
    assert_eq!(report.results()[&ResultWord::Skipped], 1);
    let known: Vec<_> = world.store.load().await.unwrap().deactivations.into_iter().map(|known| known.id.to_string()).collect();
    assert_eq!(known, ["8"], "who was not deactivated is not remembered as such");
}

#[tokio::test]
async fn no_more_intents_stand_without_an_outcome_than_four_times_what_may_be_under_way() {
    let mut world = World::new().await;
    world.settings.concurrency.insert(Arc::from("chat"), 2);
    world.apply(&plan((0..60).map(|at| create(&format!("hr/{at}"))).collect())).await;
    // At each request the journal was looked at.
    let most = world.fake.shelf.lock().unwrap().most_open;
    assert!((3..=8).contains(&most), "{most} would have to be looked up after a kill");
    let (mut open, mut most) = (0, 0);
    let count = |event: &Event| match event {
        Event::Intent(_) => 1,
        Event::Outcome { .. } => -1,
        _ => 0,
    };
    let visit = |entry: crate::journal::Entry| {
        open += count(&entry.event);
        most = most.max(open);
    };
    Journal::new(world.store.as_ref()).each(None, visit).await.unwrap();
    assert!(open == 0 && most <= 8, "{most} at some point in the journal");
}

#[tokio::test]
async fn nothing_is_sent_any_more_once_the_journal_can_not_be_written() {
    let mut world = World::new().await;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    world.fake.script([Script::Break(world.path.clone())]);
    let targets: BTreeMap<_, _> = [(Arc::from("chat"), Arc::new(world.fake.connector(true)))].into();
    let lock = world.store.lock("jane").await.unwrap();
    let plan = plan((0..60).map(|at| create(&format!("hr/{at}"))).collect());
    let job = world.job(&plan, &targets, &lock);
    // Whether it can be written again at the end or not, the error is told.
    match apply(&job).await {
        Ok(report) => assert!(report.stopped.is_some(), "{report:?}"),
        Err(error) => assert!(matches!(error, StateError::Sqlite { .. }), "{error}"),
    }
    let sent = world.fake.log().len();
    assert!((1..=4).contains(&sent), "only what was durable by then: {sent}");
}

#[tokio::test]
async fn a_target_that_asks_for_hours_is_left_for_another_run() {
    let mut world = World::scripted([throttled(Duration::from_secs(7200))]).await;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    assert_eq!(world.words(&plan(vec![create("hr/a"), create("hr/b")])).await, [ResultWord::Failed, ResultWord::Skipped]);
}

#[tokio::test]
async fn a_change_that_is_put_off_again_and_again_does_not_fail_while_others_get_through() {
    let mut world = World::scripted((0..40).map(|_| later())).await;
    world.settings.longest_wait = Duration::from_micros(100);
    let report = world.apply(&plan((0..20).map(|at| create(&format!("hr/{at}"))).collect())).await;
    assert!(report.complete(), "{report:?}");
    assert_eq!(world.fake.log().len(), 60);
}

#[tokio::test]
async fn a_target_that_does_nothing_but_ask_for_patience_is_left_when_ours_is_over() {
    let mut world = World::scripted((0..10_000).map(|_| later())).await;
    world.settings.longest_wait = Duration::from_micros(100);
    world.settings.patience = Duration::from_millis(5);
    let report = world.apply(&plan((0..9).map(|at| create(&format!("hr/{at}"))).collect())).await;
    assert_eq!(report.results().get(&ResultWord::Done), None);
    let told = |outcome: &Outcome| matches!(outcome, Outcome::Skipped(why) if why.contains("asked for patience") || why.contains("ask for patience"));
    assert!(report.outcomes.values().any(told), "{report:?}");
}

#[tokio::test]
async fn a_look_that_is_put_off_is_made_later() {
    let mut world = World::scripted([Script::Lose(lost())]).await;
    world.settings.longest_wait = Duration::from_micros(100);
    world.fake.shelf.lock().unwrap().lookups.extend((0..30).map(|_| SystemError::Throttled { after: None, message: "429".into() }));
    let report = world.apply(&plan(vec![create("hr/ann")])).await;
    assert!(report.complete(), "{report:?}");
    assert_eq!(world.fake.log(), ["Create hr/ann"]);
}

#[tokio::test]
async fn after_a_pause_one_goes_ahead_and_others_follow_with_care() {
    let world = World::new().await;
    let lock = world.store.lock("jane").await.unwrap();
    let settings = RunSettings { first_wait: Duration::ZERO, ..RunSettings::default() };
    let gate = gate::Gate::new(3, &world.fake.limiter, Lane::Normal, settings.patience);
    let enter = || gate.pass(&lock, &world.cancel).now_or_never().map(|granted| granted.unwrap().pass);
    let (one, two, three) = (enter().unwrap(), enter().unwrap(), enter().unwrap());
    assert!(enter().is_none(), "three at once");
    one.throttled(&settings, None, "429");
    two.throttled(&settings, None, "429");
    three.got_through();
    for _ in 0..4 {
        let first = enter().unwrap();
        assert!(enter().is_none(), "one goes ahead; what was sent before the pause widens nothing");
        first.got_through();
    }
    let (second, third) = (enter().unwrap(), enter().unwrap());
    assert!(enter().is_none(), "then two");
    drop((second, third));
}

#[tokio::test]
async fn objects_that_break_the_service_do_not_close_it_for_the_others() {
    let mut world = World::new().await;
    world.settings.attempts = 2;
    world.settings.give_up_after = 3;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    world.fake.script((0..16).map(|_| Script::Refuse(SystemError::Uncertain("500".into()))));
    let changes = (0..8).map(|at| {
        world.fake.put(&at.to_string(), &[]);
        change(Action::Update, Account, &format!("hr/{at}"), Some(&at.to_string())).with("title", None, Some(Value::text("x")))
    });
    let mut changes: Vec<_> = changes.collect();
    changes.push(create("hr/ann"));
    let report = world.apply(&plan(changes.clone())).await;
    assert_eq!(report.results(), [(ResultWord::Done, 1), (ResultWord::Uncertain, 8)].into());

    // The same where the objects can't even be looked at, and the service answers otherwise.
    world.fake.script((0..8).map(|_| Script::Refuse(SystemError::Uncertain("500".into()))));
    world.fake.shelf.lock().unwrap().broken = (0..8).map(|at| at.to_string()).collect();
    changes.truncate(8);
    changes.push(create("hr/bob"));
    let report = world.apply(&plan(changes)).await;
    assert_eq!(report.results(), [(ResultWord::Done, 1), (ResultWord::Uncertain, 8)].into());
}

#[tokio::test]
async fn an_unavailable_target_is_tried_again_and_given_up_in_the_end() {
    let world = World::scripted([unavailable(), unavailable()]).await;
    assert_eq!(world.words(&plan(vec![create("hr/a")])).await, [ResultWord::Done]);

    let mut world = World::scripted((0..50).map(|_| unavailable())).await;
    world.settings.attempts = 2;
    world.settings.give_up_after = 3;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    let report = world.apply(&plan((0..9).map(|at| create(&format!("hr/{at}"))).collect())).await;
    assert_eq!(report.results(), [(ResultWord::Failed, 3), (ResultWord::Skipped, 6)].into());
    assert_eq!(world.fake.log().len(), 6);
}

#[tokio::test]
async fn a_refused_sign_in_ends_the_work_on_the_target() {
    let mut world = World::scripted([Script::Refuse(SystemError::Auth("401".into()))]).await;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    let report = world.apply(&plan(vec![create("hr/a"), create("hr/b")])).await;
    assert!(matches!(&report.outcomes[&ChangeId(1)], Outcome::Skipped(why) if why.contains("sign-in was refused")));
}

#[tokio::test]
async fn what_needs_a_failed_change_is_skipped_and_what_can_do_without_it_is_done_in_part() {
    let mut world = World::scripted([Script::Refuse(SystemError::Rejected("no".into()))]).await;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    world.fake.put("g", &[]);
    let report = world
        .apply(&plan(vec![
            create("hr/ann"),
            create("hr/bob"),
            change(Action::Update, Account, "hr/ann", None).with("title", None, Some(Value::text("x"))).needs(&[0]),
            change(Action::Update, Account, "hr/bob", None).with("manager", None, Some(Value::Reference("hr/ann".into()))).needs(&[0, 1]),
            change(Action::AddMembers, Group, "group/g", Some("g"))
                .member(Account, "hr/ann", None)
                .member(Account, "hr/bob", None)
                .needs(&[0, 1]),
        ]))
        .await;
    let words: Vec<_> = report.outcomes.values().map(ResultWord::of).collect();
    assert_eq!(words, [ResultWord::Failed, ResultWord::Done, ResultWord::Skipped, ResultWord::Skipped, ResultWord::Partly]);
    assert_eq!(world.fake.shelf.lock().unwrap().members["g"], ["id1"]);
    assert!(matches!(&report.outcomes[&ChangeId(4)], Outcome::Partly { missing } if missing == "ann has no account here"));
}

#[tokio::test]
async fn withheld_changes_never_run_and_targets_without_connection_fail() {
    let world = World::new().await;
    let mut withheld = create("hr/ann");
    withheld.withheld = Some(Withheld { finding: 0 });
    let report = world.apply(&plan(vec![withheld, create("hr/bob").at("mail"), create("hr/cy").needs(&[0])])).await;
    assert!(!report.outcomes.contains_key(&ChangeId(0)));
    assert!(matches!(report.outcomes[&ChangeId(1)], Outcome::Failed(_)));
    assert!(matches!(report.outcomes[&ChangeId(2)], Outcome::Skipped(_)));
    assert_eq!(world.fake.log(), Vec::<String>::new());
}

#[tokio::test]
async fn a_stopped_run_finishes_what_is_in_flight_and_says_so() {
    let mut world = World::new().await;
    world.settings.concurrency.insert(Arc::from("chat"), 1);
    world.fake.script([Script::Stop(world.cancel.clone())]);
    let report = world.apply(&plan(vec![create("hr/a"), create("hr/b")])).await;
    let words: Vec<_> = report.outcomes.values().map(ResultWord::of).collect();
    assert_eq!(words, [ResultWord::Done, ResultWord::Skipped]);
    assert_eq!(report.stopped.as_deref(), Some("the run was stopped"));
    let memory = world.store.load().await.unwrap();
    assert!(!memory.known, "a run that was stopped proves nothing");
    assert_eq!(memory.links.len(), 1);
    let mut last = None;
    Journal::new(world.store.as_ref()).each(None, |entry| last = Some(entry.event)).await.unwrap();
    assert!(matches!(last, Some(Event::Finished { stopped: Some(_), .. })));
}

#[tokio::test]
async fn in_the_beginning_few_are_under_way() {
    let world = World::new().await;
    let lock = world.store.lock("jane").await.unwrap();
    let gate = |lane| gate::Gate::new(8, &world.fake.limiter, lane, Duration::from_secs(1));
    let (others, revocations) = (gate(Lane::Normal), gate(Lane::Free));
    assert_eq!((others.width(), revocations.width()), (1, 8), "what cuts somebody off waits for nothing");
    for _ in 0..10 {
        others.pass(&lock, &world.cancel).await.unwrap().pass.got_through();
    }
    assert!([2, 8].contains(&others.width()), "a tenth more, or a moment has passed");
    tokio::time::sleep(Duration::from_millis(16)).await;
    assert_eq!(others.width(), 8);
}

#[tokio::test]
async fn long_member_lists_are_cut_and_batches_are_filled() {
    let mut world = World::new().await;
    world.fake.chunk = 2;
    world.fake.batch = 3;
    world.fake.put("g", &[]);
    let ids: Vec<_> = (0..5).map(|at| format!("u{at}")).collect();
    let add = ids.iter().fold(change(Action::AddMembers, Group, "group/g", Some("g")), |change, id| change.member(Account, id, Some(id)));
    let mut changes: Vec<_> = (0..7).map(|at| create(&format!("hr/{at}"))).collect();
    changes.push(add);
    assert!(world.apply(&plan(changes)).await.complete());
    let shelf = world.fake.shelf.lock().unwrap();
    assert_eq!(shelf.members["g"], ids);
    assert_eq!(shelf.log.iter().filter(|(words, _)| words.starts_with("AddMembers")).count(), 3);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_the_pace_allows() {
    let world = World::new().await;
    assert!(world.apply(&plan((0..40).map(|at| create(&format!("hr/{at}"))).collect())).await.complete());
    let widest = world.fake.shelf.lock().unwrap().widest;
    assert!((2..=4).contains(&widest), "{widest} at once");
}

#[test]
fn the_schedule_never_comes_to_a_standstill_and_keeps_every_need() {
    let actions = [Action::Create, Action::Update, Action::AddMembers, Action::RemoveMembers, Action::Delete];
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let random_change = |at: u32, random: &mut fastrand::Rng| {
            let needs: Vec<_> = (0..at).filter(|_| random.u8(..) < 20).collect();
            let target = random.choice(["chat", "mail"]).unwrap_or("chat");
            change(*random.choice(&actions).unwrap(), Account, &format!("hr/{at}"), Some("7")).at(target).needs(&needs)
        };
        let changes: Vec<_> = (0..40).map(|at| random_change(at, &mut random)).collect();
        let mut schedule = schedule::Schedule::new(&changes);
        let ways: Vec<_> = schedule.ways().cloned().collect();
        let (mut flying, mut settled): (Vec<ChangeId>, std::collections::BTreeSet<ChangeId>) = Default::default();
        loop {
            for way in &ways {
                flying.extend(std::iter::from_fn(|| schedule.next(way)).take(random.usize(..4)));
            }
            if flying.is_empty() {
                flying.extend(ways.iter().find_map(|way| schedule.next(way)));
            }
            if flying.is_empty() {
                break;
            }
            let change = flying.swap_remove(random.usize(..flying.len()));
            assert!(changes[change.0 as usize].needs.iter().all(|need| settled.contains(need)), "seed {seed}: {change:?} ran too early");
            schedule.settle(change, random.bool());
            settled.insert(change);
        }
        assert_eq!(settled.len(), changes.len(), "seed {seed}: a standstill");
    }
}

#[tokio::test]
async fn whoever_takes_over_an_account_that_is_revoked_by_itself_meanwhile_gets_nothing() {
    let mut world = World::scripted([Script::Revoke("account/chat/7", 0)]).await;
    world.settings.concurrency = [(Arc::from("chat"), 1)].into();
    world.fake.put("7", &[]);
    world.fake.put("8", &[]);
    let title = |key: &str, id: &str| change(Action::Update, Account, key, Some(id)).with("title", None, Some(Value::text("Boss")));
    let words = world.words(&plan(vec![title("hr/8", "8"), title("hr/7", "7")])).await;
    assert_eq!(words, [ResultWord::Done, ResultWord::Skipped]);
}

fn no_mailboxes(many: usize) -> impl Iterator<Item = Script> {
    (0..many).map(|_| Script::Refuse(SystemError::Rejected("HTTP 400: there is no mailbox".into())))
}

#[tokio::test]
async fn equal_refusals_stop_their_kind_of_change_and_nothing_that_takes_access() {
    let mut world = World::scripted(no_mailboxes(10)).await;
    world.settings.concurrency = [(Arc::from("chat"), 1)].into();
    world.fake.put("7", &[]);
    let mut changes: Vec<_> = (0..19).map(|number| create(&format!("hr/new{number}"))).collect();
    changes.push(change(Action::Update, Account, "hr/7", Some("7")).with("title", None, Some(Value::text("Boss"))));
    let report = world.apply(&plan(changes)).await;
    let words: Vec<_> = report.outcomes.values().map(ResultWord::of).collect();
    let tried = |at: usize| at < 5 || [5, 8, 11, 14, 18].contains(&at);
    let expected: Vec<_> =
        (0..19).map(|at| if tried(at) { ResultWord::Failed } else { ResultWord::Skipped }).chain([ResultWord::Done]).collect();
    assert_eq!(words, expected);
    let told = report.outcomes.values().nth(6).and_then(Outcome::trouble).unwrap();
    assert!(
        told.starts_with(
            "not tried: stopped after 10 equal refusals, 5 of them from all over the rest (rejected: HTTP 400: there is no mailbox)"
        ),
        "{told}"
    );
    assert_eq!(world.fake.log().len(), 11);

    let world = World::scripted(no_mailboxes(9)).await;
    let leavers = (0..9).map(|number| change(Action::Deactivate, Account, &format!("hr/{number}"), Some("7")));
    assert_eq!(world.words(&fake::plan(leavers.collect())).await, [ResultWord::Failed; 9], "each of them is tried");
}

#[tokio::test]
async fn five_who_are_refused_keep_nobody_else_waiting_run_after_run() {
    for batch in [1, 100] {
        let mut world = World::scripted(no_mailboxes(5)).await;
        world.settings.concurrency = [(Arc::from("chat"), 1)].into();
        world.fake.batch = batch;
        let words = world.words(&plan((0..300).map(|number| create(&format!("hr/new{number}"))).collect())).await;
        assert_eq!(words, [vec![ResultWord::Failed; 5], vec![ResultWord::Done; 295]].concat(), "{batch} at once");
    }
}

#[tokio::test]
async fn a_whole_batch_that_is_refused_counts_as_what_it_is() {
    let mut world = World::scripted(no_mailboxes(105)).await;
    world.settings.concurrency = [(Arc::from("chat"), 1)].into();
    world.fake.batch = 100;
    let report = world.apply(&plan((0..300).map(|number| create(&format!("hr/new{number}"))).collect())).await;
    assert_eq!(world.fake.log().len(), 105, "no more than a batch and five of the rest");
    let told = report.outcomes.values().nth(101).and_then(Outcome::trouble).unwrap();
    assert!(told.contains("stopped after 105 equal refusals, 5 of them from all over the rest"), "{told}");
}
