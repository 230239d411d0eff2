//! The loop without a command around it: an HR file on one side, an application's SQLite tables on the other.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::civil::date;
use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::connector::clock::WaitClock;
use crate::connector::connections::Connections;
use crate::connector::registry::Facts;
use crate::journal::{Event, Intent, Journal, entry};
use crate::manifest::{Loaded, ManifestInput, load};
use crate::model::{
    Action, Change, ChangeId, Memory, ObjectKind, ObjectRef, Plan, PlanFilter, Reason, Receipt, ReceiptWord, StandingRevocation,
};
use crate::planning::Scope;
use crate::policy::{Policy, compile};
use crate::state::{self, Fact, RunLock, StateError, Store};

const MANIFESTS: &str = r"
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme-test}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection:
    file: {path: hr.csv}
  key: record.id
  mapping:
    rules:
    - {attribute: userName, value: record.user}
    - {attribute: displayName, value: record.name}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}
spec:
  connection:
    sql:
      database: {sqlite: {path: app.db}}
      accounts:
        table: users
        key: id
        columns: {userName: login, displayName: name, externalId: external_id}
        active: {flag: is_active}
";

const REVOCATION: &str = "
---
apiVersion: headcount.dev/v1alpha1
kind: Revocation
metadata: {name: lost-laptop}
spec:
  identities: [{identity: {source: hr, key: '1'}}]
  reason: a lost laptop
";

const TABLES: &str = "CREATE TABLE users (
    id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT, external_id TEXT, is_active INTEGER NOT NULL DEFAULT 1)";

/// A company of two, one application and a state.
pub(crate) struct Company {
    folder: tempfile::TempDir,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) manifests: String,
}

impl Company {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = state::open(&folder.path().join("state.db"), "acme-test").await.unwrap();
        let company = Self { folder, store, manifests: MANIFESTS.to_owned() };
        company.app().execute_batch(TABLES).unwrap();
        company.hires(&["1,ada,Ada Okafor", "2,luis,Luis Ferreira"]);
        company
    }

    /// One that was applied already.
    pub(crate) async fn running() -> Self {
        let company = Self::new().await;
        company.turn(&Person::says(Decision::Run), |_| {}).await.unwrap().unwrap();
        company
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn hires(&self, people: &[&str]) {
        self.exports("hr.csv", &format!("id,user,name\n{}\n", people.join("\n")));
    }

    /// A file that nobody is writing any more.
    pub(crate) fn exports(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        let file = std::fs::File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(10)).unwrap();
    }

    pub(crate) fn app(&self) -> Connection {
        Connection::open(self.path("app.db")).unwrap()
    }

    /// Active accounts.
    pub(crate) fn accounts(&self) -> Vec<String> {
        let app = self.app();
        let mut query = app.prepare("SELECT login FROM users WHERE is_active ORDER BY login").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    pub(crate) fn declared(&self) -> (Loaded, Policy) {
        let bytes = self.manifests.clone().into_bytes();
        let (loaded, problems) = load(&[ManifestInput::Text { name: "acme.yaml".into(), base: self.folder.path().to_path_buf(), bytes }]);
        assert!(problems.is_empty(), "{problems:#?}");
        let (policy, _) = compile(&loaded, &Facts).unwrap();
        (loaded, policy)
    }

    /// One turn, as it is after an edit.
    async fn turn(&self, caller: &Person, edit: impl FnOnce(&mut Turn<'_>)) -> Result<Option<Ending>, ReconcileError> {
        let (loaded, policy) = self.declared();
        let mut turn = Turn {
            loaded: &loaded,
            settings: settings(&loaded, &policy),
            moment: moment(&policy, None),
            policy: Arc::new(policy),
            store: &self.store,
            part: PlanFilter::default(),
            reviewed: None,
            who: "a test",
            stop: CancellationToken::new(),
            connections: Connections::default(),
        };
        edit(&mut turn);
        reconcile(turn, caller).await
    }

    /// What others changed, as `headcount drift` tells it.
    pub(crate) async fn drifts(&self) -> Vec<String> {
        let (loaded, policy) = self.declared();
        let moment = moment(&policy, None);
        let memory = self.store.load().await.unwrap();
        let snapshot = read(&loaded, Arc::new(policy), memory, moment, &Reading::once(&HearNothing)).await;
        let plan = plan(&snapshot, Scope::All, &HearNothing).await;
        let now = crate::planning::left_behind(&snapshot.policy, &snapshot.world, moment);
        let was = crate::workspace::acts::left_untold(self.store.as_ref()).await.unwrap();
        let compared = crate::drift::compare(&snapshot.policy, &snapshot.world, &plan, &was, &now);
        compared.drifts.iter().map(|drift| format!("{} {}", drift.what.word(), drift.key)).collect()
    }

    /// What a reviewer would see now.
    async fn plan(&self) -> Plan {
        let (loaded, policy) = self.declared();
        let moment = moment(&policy, None);
        let snapshot = read(&loaded, Arc::new(policy), self.memory().await, moment, &Reading::once(&HearNothing)).await;
        plan(&snapshot, Scope::All, &HearNothing).await
    }

    fn reviewed(&self, plan: Plan, exact: bool) -> Option<Reviewed> {
        let (_, policy) = self.declared();
        let today = moment(&policy, None).today;
        Some(Reviewed::new(plan, exact, &policy, today).unwrap())
    }

    pub(super) async fn memory(&self) -> Memory {
        self.store.load().await.unwrap()
    }

    pub(super) async fn journal(&self) -> Vec<Event> {
        let mut events = Vec::new();
        Journal::new(self.store.as_ref()).each(None, |entry| events.push(entry.event)).await.unwrap();
        events
    }

    /// By command, at the time of a lost laptop.
    async fn revokes(&self, key: &str) {
        let (key, reason) = (Arc::from(key), Arc::from("a lost laptop"));
        let order = StandingRevocation { key, reason, at: Timestamp::now(), until: None, also: Vec::new(), receipts: Vec::new() };
        self.store.commit(vec![Fact::Revoked(order)]).await.unwrap();
    }

    pub(super) async fn receipts(&self) -> Vec<(String, ReceiptWord)> {
        let of = |standing: StandingRevocation| {
            let words = |receipt: &Receipt| (format!("{} at {}", standing.key, receipt.target), receipt.outcome);
            standing.receipts.iter().map(words).collect::<Vec<_>>()
        };
        self.memory().await.revocations.into_iter().flat_map(of).collect()
    }
}

/// Somebody with one answer, who writes down what they hear.
pub(super) struct Person {
    answer: Decision,
    heard: Mutex<Vec<String>>,
    asked: Mutex<Vec<Vec<String>>>,
}

impl Person {
    pub(super) fn says(answer: Decision) -> Self {
        Self { answer, heard: Mutex::default(), asked: Mutex::default() }
    }

    pub(super) fn heard(self) -> Vec<String> {
        self.heard.into_inner().unwrap()
    }

    /// What was proposed, each time.
    fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap().clone()
    }
}

impl Hear for Person {
    fn hear(&self, news: News<'_>) {
        let words = match news {
            News::Settling { from, wait } => format!("settling for {} s after {}", wait.as_secs(), from.who),
            News::Killed { run, open } => format!("killed: {run}, {open} open"),
            News::Reading { systems } => format!("reading {systems}"),
            News::Rows { .. } | News::Read { .. } => return,
            News::Planning => "planning".to_owned(),
            News::Planned => "planned".to_owned(),
            News::Covered { key, by } => format!("{key} is covered by {by}"),
            News::Running { plan } => format!("running {}", plan.changes.len()),
            News::Finished { change, outcome } => format!("{} holds: {}", change.object.name, outcome.holds()),
            News::Ran => "ran".to_owned(),
            other => format!("{other:?}"),
        };
        self.heard.lock().unwrap().push(words);
    }
}

impl Caller for Person {
    fn decide(&self, _: &Snapshot, proposal: &Proposal) -> Decision {
        self.asked.lock().unwrap().push(names(&proposal.plan.changes));
        self.answer
    }
}

fn names(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{:?} {}", change.action, change.object.name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_reads_plans_asks_runs_and_remembers() {
    let company = Company::new().await;
    let person = Person::says(Decision::Run);
    let ending = company.turn(&person, |_| {}).await.unwrap().unwrap();
    assert!(ending.report.complete() && ending.report.outcomes.len() == 2, "{:?}", ending.report);
    assert_eq!(company.accounts(), ["ada", "luis"]);
    assert_eq!(person.asked(), [["Create ada", "Create luis"]]);
    let heard = person.heard();
    assert_eq!(&heard[..4], ["reading 2", "planning", "planned", "running 2"]);
    assert_eq!(heard.last().unwrap(), "ran");
    let memory = company.memory().await;
    assert!(memory.known && !memory.baselines.is_empty() && memory.links.len() == 2);

    let person = Person::says(Decision::Run);
    let entries = company.journal().await.len();
    let ending = company.turn(&person, |_| {}).await.unwrap().unwrap();
    assert!(ending.report.outcomes.is_empty());
    assert_eq!(person.asked(), [Vec::<String>::new()], "whoever called hears also that nothing is left to do");
    assert_eq!(company.journal().await.len(), entries, "a run of nothing does not fill the journal");
}

/// The mark of somebody who left is not renewed: it has the name that the Source had.
#[tokio::test]
async fn a_source_that_is_renamed_takes_along_whom_headcount_deactivated() {
    let mut company = Company::new().await;
    let limits = "spec:\n  guardrails: {deactivate: {count: 50}, update: {count: 50}}\n  connection:\n    sql:";
    company.manifests = company.manifests.replace("spec:\n  connection:\n    sql:", limits);
    let run = Person::says(Decision::Run);
    company.turn(&run, |_| {}).await.unwrap();
    company.hires(&["1,ada,Ada Okafor"]);
    company.turn(&run, |_| {}).await.unwrap();
    assert_eq!(company.accounts(), ["ada"]);
    company.manifests =
        company.manifests.replace("metadata: {name: hr}\nspec:\n", "metadata: {name: people}\nspec:\n  previousNames: [hr]\n");
    company.turn(&run, |_| {}).await.unwrap();
    let memory = company.memory().await;
    let links: Vec<&str> = memory.links.iter().map(|link| link.key.as_ref()).collect();
    assert_eq!((memory.deactivations.len(), links), (1, vec!["people/1", "people/2"]));
    company.hires(&["1,ada,Ada Okafor", "2,luis,Luis Ferreira"]);
    company.turn(&run, |_| {}).await.unwrap();
    assert_eq!(company.accounts(), ["ada", "luis"], "they come back as if nothing had been renamed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_with_no_changes_and_remembers_nothing() {
    let company = Company::new().await;
    let person = Person::says(Decision::Leave);
    assert!(company.turn(&person, |_| {}).await.unwrap().is_none());
    assert_eq!(person.asked().len(), 1);
    assert!(company.accounts().is_empty());
    let memory = company.memory().await;
    assert!(!memory.known && memory.baselines.is_empty());
    assert!(company.journal().await.is_empty());
    assert!(company.store.lock("another run").await.is_ok(), "the lock is let go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_not_the_reviewed_one_is_refused() {
    let company = Company::running().await;
    company.hires(&["1,ada,Ada Lovelace", "2,luis,Luis Ferreira"]);
    let plan = company.plan().await;
    company.hires(&["1,ada,Ada Lovelace", "2,luis,Luis Ferreira", "3,mina,Mina Park"]);
    let person = Person::says(Decision::Run);
    let stale = company.turn(&person, |turn| turn.reviewed = company.reviewed(plan.clone(), true)).await;
    assert!(matches!(stale, Err(ReconcileError::Stale { new: 1, gone: 0 })), "{stale:?}");
    assert!(person.asked().is_empty(), "what nobody reviewed is proposed to nobody");
    assert_eq!(company.accounts(), ["ada", "luis"]);

    let ending = company.turn(&person, |turn| turn.reviewed = company.reviewed(plan, false)).await.unwrap().unwrap();
    assert_eq!(names(&ending.proposal.unreviewed), ["Create mina"]);
    assert_eq!(person.asked(), [["Update ada"]]);
    assert_eq!(company.accounts(), ["ada", "luis"], "what is new does not run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_another_workspace_or_day_can_not_be_held_against_this_one() {
    let company = Company::new().await;
    let (_, policy) = company.declared();
    let plan = company.plan().await;
    let theirs = Plan { workspace: "other".into(), ..plan.clone() };
    let refused = Reviewed::new(theirs, false, &policy, plan.as_of).unwrap_err();
    assert_eq!(refused, NotReviewable::OtherWorkspace { of: "other".into(), ours: "acme-test".into() });
    let (made_for, today) = (date(2030, 1, 2), date(2030, 1, 1));
    let refused = Reviewed::new(Plan { as_of: made_for, ..plan }, false, &policy, today).unwrap_err();
    assert_eq!(refused, NotReviewable::NotYet { made_for, today });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_elsewhere_ends_the_turn_before_it_reads() {
    let company = Company::new().await;
    let elsewhere = company.store.lock("jane").await.unwrap();
    let person = Person::says(Decision::Run);
    let busy = company.turn(&person, |_| {}).await;
    assert!(matches!(&busy, Err(ReconcileError::State(StateError::Busy { holder, .. })) if holder.who == "jane"), "{busy:?}");
    assert!(person.heard().is_empty());
    drop(elsewhere);
    company.turn(&Person::says(Decision::Run), |_| {}).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_added_to_a_journal_that_is_broken() {
    let company = Company::running().await;
    Connection::open(company.path("state.db")).unwrap().execute("DELETE FROM journal WHERE seq = 2", []).unwrap();
    let person = Person::says(Decision::Run);
    let broken = company.turn(&person, |_| {}).await;
    assert!(matches!(broken, Err(ReconcileError::Journal(_))), "{broken:?}");
    assert!(person.heard().is_empty());
}

/// A change that was about to be sent.
fn intent() -> Event {
    Event::Intent(Intent {
        change: ChangeId(0),
        attempt: 1,
        target: "app".into(),
        action: Action::Create,
        mandate: crate::model::Mandate::Normal,
        reason: Some(Reason::Joiner),
        object: ObjectRef { kind: ObjectKind::Account, id: None, key: "hr/1".into(), name: "Ada Okafor".into() },
        entitlement: None,
        attributes: Vec::new(),
        members: Vec::new(),
    })
}

/// What a frozen run sent last may arrive after its lock was taken: what is read before that would say that it was never done.
#[tokio::test]
async fn whoever_takes_a_lock_over_waits_for_what_may_be_under_way_before_anything_is_read() {
    let mut company = Company::new().await;
    let (before, _) = MANIFESTS.split_once("    sql:").unwrap();
    company.manifests = format!("{before}    scim: {{url: 'https://app.example', timeout: 90s}}\n");
    let (loaded, _) = company.declared();
    let plan = company.plan().await;
    let quiet = std::time::Duration::from_secs(15);
    let cases =
        [("frozen", true, &["settling for 75 s after jane", "killed: frozen, 1 open"][..]), ("idle", false, &["killed: idle, 0 open"])];
    for (run, open, told) in cases {
        let events = std::iter::once(Event::started(&plan, "jane")).chain(open.then(intent));
        company.store.commit(events.map(|event| entry(&run.into(), Timestamp::now(), &event)).collect()).await.unwrap();
        let (person, clock) = (Person::says(Decision::Run), WaitClock::skipping());
        let reading = Reading { connections: Connections::by(clock.clone()), ..Reading::once(&person) };
        begin(company.store.as_ref(), &RunLock::after("jane", quiet), &loaded, &reading).await.unwrap();
        assert_eq!(person.heard(), told);
        assert_eq!(clock.skipped().as_secs(), if open { 75 } else { 0 });
    }
    // Whoever was let go of has nothing under way.
    let lock = company.store.lock("joe").await.unwrap();
    assert_eq!(lock.taken_over(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_told_and_closed_once() {
    let company = Company::running().await;
    let event = intent();
    let plan = company.plan().await;
    let run = "killed-run".into();
    let events = [Event::started(&plan, "jane"), event].map(|event| entry(&run, Timestamp::now(), &event));
    company.store.commit(events.into()).await.unwrap();
    let person = Person::says(Decision::Run);
    company.turn(&person, |_| {}).await.unwrap().unwrap();
    assert_eq!(person.heard()[..2], ["killed: killed-run, 1 open", "reading 2"], "before anything is read");
    assert!(Journal::new(company.store.as_ref()).unfinished().await.unwrap().is_empty());

    let person = Person::says(Decision::Run);
    company.turn(&person, |_| {}).await.unwrap().unwrap();
    assert_eq!(person.heard()[0], "reading 2", "it is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_whoever_is_cut_off_are_remembered() {
    let company = Company::running().await;
    company.revokes("hr/1").await;
    company.turn(&Person::says(Decision::Run), |_| {}).await.unwrap().unwrap();
    assert_eq!(company.accounts(), ["luis"]);
    assert_eq!(company.receipts().await, [("hr/1 at app".to_owned(), ReceiptWord::Done)]);
    let told = |event: &Event| matches!(event, Event::Receipt { key, outcome: ReceiptWord::Done, .. } if key.as_ref() == "hr/1");
    assert_eq!(company.journal().await.iter().filter(|event| told(event)).count(), 1);
    company.turn(&Person::says(Decision::Run), |_| {}).await.unwrap().unwrap();
    assert_eq!(
        company.journal().await.iter().filter(|event| matches!(event, Event::Receipt { .. })).count(),
        1,
        "what holds is not told again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_said_to_have_no_account_where_a_part_was_run() {
    let company = Company::running().await;
    company.revokes("hr/9").await;
    let only = |turn: &mut Turn<'_>| turn.part.select = vec!["hr/2".to_owned()];
    company.turn(&Person::says(Decision::Run), only).await.unwrap().unwrap();
    assert!(company.receipts().await.is_empty(), "{:?}", company.receipts().await);
    company.turn(&Person::says(Decision::Run), |_| {}).await.unwrap().unwrap();
    assert_eq!(company.receipts().await, [("hr/9 at app".to_owned(), ReceiptWord::NoAccount)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_a_manifest_covers_ends() {
    let mut company = Company::running().await;
    company.revokes("hr/1").await;
    company.manifests.push_str(REVOCATION);
    let left = Person::says(Decision::Leave);
    assert!(company.turn(&left, |_| {}).await.unwrap().is_none());
    assert_eq!(company.memory().await.revocations.len(), 1, "not before somebody agreed");

    let person = Person::says(Decision::Run);
    company.turn(&person, |_| {}).await.unwrap().unwrap();
    assert_eq!(person.heard()[3], "hr/1 is covered by revocation/lost-laptop", "before anything is run");
    assert!(company.memory().await.revocations.is_empty());
    assert_eq!(company.accounts(), ["luis"], "the manifest keeps them out");
    assert!(company.journal().await.iter().any(|event| matches!(event, Event::Lifted { .. })));
}
