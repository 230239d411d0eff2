//! A workspace that runs: an HR file on one side, an application's tables on the other, and people who ask for things in between.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{CompiledRevision, Ended, Mail, Observer, Workspace, WorkspaceError};
use crate::journal::{Anchor, AnchorFile};
use crate::model::{
    Brake, Guardrail, NeedKind, RefusedBecause, RefusedRevision, Revision, StandingRevocation, Status, SyncRequest, SystemMemory,
    SystemState, THE_WORKSPACE,
};
use crate::pipeline::tests::Company;
use crate::pipeline::{Hear, Keeping, News};
use crate::state::{self, Fact, Shelf, Store};

mod doubted;
mod noticed;
mod remembered;

/// So long nobody waits, unless nothing ever comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// One process that keeps a company so.
struct Process {
    mail: Mail,
    statuses: watch::Receiver<Option<Status>>,
    leases: watch::Receiver<bool>,
    /// the state could not be used
    lost: watch::Receiver<bool>,
    stop: CancellationToken,
    ended: JoinHandle<Result<Ended, WorkspaceError>>,
}

struct Told {
    statuses: watch::Sender<Option<Status>>,
    leases: watch::Sender<bool>,
    lost: watch::Sender<bool>,
}

impl Hear for Told {
    fn hear(&self, _: News<'_>) {}
}

impl Observer for Told {
    fn status(&self, status: &Status) {
        self.statuses.send_replace(Some(status.clone()));
    }

    fn lease(&self, held: bool) {
        self.leases.send_replace(held);
    }

    fn state_lost(&self, _: &str) {
        self.lost.send_replace(true);
    }
}

impl Process {
    /// Begins with what the company declares.
    async fn start(company: &Company, store: Arc<dyn Store>) -> Self {
        let (statuses, told) = watch::channel(None);
        let (leases, held) = watch::channel(false);
        let stop = CancellationToken::new();
        let (loses, lost) = watch::channel(false);
        let observer = Arc::new(Told { statuses, leases, lost: loses });
        let workspace = Workspace { store, who: "a test".into(), observer, once: false, stop: stop.clone() };
        let (tell, mail) = tokio::sync::oneshot::channel();
        let manifests = manifests(company, "one");
        let ended = tokio::spawn(workspace.run(manifests, |mail| drop(tell.send(mail))));
        Self { mail: mail.await.unwrap(), statuses: told, leases: held, lost, stop, ended }
    }

    /// Waits until it stands so.
    async fn until(&mut self, what: &str, stands: impl Fn(&Status) -> bool) -> Status {
        let last = self.statuses.clone();
        let found = timeout(PATIENCE, self.statuses.wait_for(|status| status.as_ref().is_some_and(&stands))).await;
        found.unwrap_or_else(|_| panic!("{what} never came: {:#?}", last.borrow())).unwrap().clone().unwrap()
    }

    async fn as_declared(&mut self, revision: &str) -> Status {
        self.until("as declared", |status| {
            let here = status.revision.as_ref().is_some_and(|known| known.id.as_ref() == revision);
            here && status.systems.iter().all(|system| system.state == SystemState::AsDeclared && system.pending.sum() == 0)
        })
        .await
    }

    /// It ends as it does when somebody stops it.
    async fn end(self) -> Status {
        self.stop.cancel();
        timeout(PATIENCE, self.ended).await.unwrap().unwrap().unwrap().status
    }
}

fn manifests(company: &Company, id: &str) -> CompiledRevision {
    let (loaded, policy) = company.declared();
    let revision = Revision { id: id.into(), name: id.into(), at: Timestamp::now(), authors: Vec::new(), signer: None };
    let data = std::fs::read_to_string(company.path("hr.csv")).unwrap_or_default();
    CompiledRevision { revision, loaded: Arc::new(loaded), policy: Arc::new(policy), data: [("hr".into(), data.into())].into() }
}

async fn ask(store: &dyn Store, name: &str) {
    let request = SyncRequest { who: "jane".into(), at: Timestamp::now(), targets: Vec::new(), ignore_window: false };
    store.commit(vec![Shelf::Requests.put(name, &request)]).await.unwrap();
}

/// Waits until a request was served.
async fn served(store: &dyn Store) {
    let gone = async {
        while !store.shelf(Shelf::Requests).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the request is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_gets_an_account_and_who_leaves_loses_it_as_soon_as_a_revision_says_so() {
    let mut company = Company::new().await;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    assert_eq!(company.accounts(), ["ada", "luis"]);

    company.hires(&["1,ada,Ada Okafor", "3,mina,Mina Park"]);
    process.mail.manifests(manifests(&company, "two"));
    process.as_declared("two").await;
    assert_eq!(company.accounts(), ["ada", "mina"]);

    // What can't be used changes nothing, and is told until there is something newer.
    let revision = Revision { id: "three".into(), name: "main@3".into(), at: Timestamp::now(), authors: Vec::new(), signer: None };
    process.mail.refused(Some(RefusedRevision {
        revision,
        since: Timestamp::now(),
        because: RefusedBecause::Invalid,
        why: vec!["groups.yaml:3:1: no such field".into()],
    }));
    let status = process.until("a need", |status| !status.needs.is_empty()).await;
    assert_eq!(
        status.needs.iter().map(|need| (need.kind, need.about.as_str())).collect::<Vec<_>>(),
        [(NeedKind::RevisionRefused, "main@3")]
    );
    assert_eq!(status.revision.unwrap().id.as_ref(), "two");
    company
        .manifests
        .push_str("---\napiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: bot}\nspec: {attributes: {userName: bot}}\n");
    process.mail.manifests(manifests(&company, "four"));
    let status = process.as_declared("four").await;
    assert_eq!((company.accounts(), status.needs), (vec!["ada".to_owned(), "bot".into(), "mina".into()], Vec::new()));
    process.end().await;
}

/// A Target that takes a connection and never says anything: as long as it is waited for, there is no plan.
struct Mute(TcpListener);

impl Mute {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn manifest(&self) -> String {
        let url = format!("http://{}", self.0.local_addr().unwrap());
        format!(
            "---\napiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {{name: mute}}\nspec: {{connection: {{scim: {{url: '{url}'}}}}}}\n"
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_not_as_declared_before_a_plan_says_so() {
    let mut company = Company::new().await;
    let alone = company.manifests.clone();
    let mute = Mute::new().await;
    company.manifests.push_str(&mute.manifest());
    // It is read, and somebody else is waited for: nobody knows what is to be done there.
    let mut process = Process::start(&company, company.store.clone()).await;
    let status = process.until("a read", |status| status.systems[1].read.is_some()).await;
    assert_eq!((company.accounts(), status.systems[1].state), (Vec::new(), SystemState::Unknown), "{status:#?}");
    assert_eq!(status.systems[1].declared, None);

    company.manifests = alone;
    process.mail.manifests(manifests(&company, "two"));
    process.as_declared("two").await;
    assert_eq!(company.accounts(), ["ada", "luis"]);

    // Other manifests want another person, and are not planned yet.
    company.hires(&["1,ada,Ada Okafor", "2,luis,Luis Ferreira", "3,mina,Mina Park"]);
    company.manifests.push_str(&mute.manifest());
    process.mail.manifests(manifests(&company, "three"));
    let status = process.until("three", |status| status.revision.as_ref().is_some_and(|known| &*known.id == "three")).await;
    assert_eq!((company.accounts().len(), status.systems[1].state), (2, SystemState::Unknown), "{status:#?}");
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_can_t_be_read_takes_nothing_from_anybody_and_is_asked_again() {
    let company = Company::new().await;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    std::fs::rename(company.path("hr.csv"), company.path("gone")).unwrap();
    ask(company.store.as_ref(), "1").await;
    let status = process.until("unreadable", |status| status.systems[0].state == SystemState::Unreadable).await;
    assert_eq!(company.accounts(), ["ada", "luis"]);
    assert!(status.systems[0].next > status.systems[0].read, "{status:#?}");
    assert_eq!(status.needs.iter().map(|need| need.kind).collect::<Vec<_>>(), [NeedKind::Unreadable]);
    served(company.store.as_ref()).await;

    std::fs::rename(company.path("gone"), company.path("hr.csv")).unwrap();
    company.hires(&["1,ada,Ada Okafor", "2,luis,Luis Ferreira", "3,mina,Mina Park"]);
    ask(company.store.as_ref(), "2").await;
    process.as_declared("one").await;
    assert_eq!(company.accounts(), ["ada", "luis", "mina"]);
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_mended_while_nobody_ran_is_read_at_once() {
    let company = Company::new().await;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    std::fs::rename(company.path("hr.csv"), company.path("gone")).unwrap();
    // Often enough for a long pause.
    for request in 0..6 {
        ask(company.store.as_ref(), &request.to_string()).await;
        served(company.store.as_ref()).await;
    }
    process.until("unreadable", |status| status.systems[0].state == SystemState::Unreadable).await;
    process.end().await;

    std::fs::rename(company.path("gone"), company.path("hr.csv")).unwrap();
    let mut next = Process::start(&company, company.store.clone()).await;
    next.as_declared("one").await;
    next.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_away_for_a_while_holds_everything_up_and_ends_nothing() {
    let company = Company::new().await;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    // Nobody can write there.
    let other = rusqlite::Connection::open(company.path("state.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    company.hires(&["1,ada,Ada Okafor"]);
    process.mail.manifests(manifests(&company, "two"));
    timeout(PATIENCE, process.lost.wait_for(|lost| *lost)).await.expect("it is told").unwrap();
    assert_eq!(company.accounts(), ["ada", "luis"]);
    assert!(!process.ended.is_finished());
    other.execute_batch("ROLLBACK").unwrap();
    process.as_declared("two").await;
    assert_eq!(company.accounts(), ["ada"]);
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_push_mends_is_read_at_once() {
    let company = Company::new().await;
    let now = Timestamp::now();
    let away = SystemMemory {
        state: SystemState::Unreadable,
        since: now,
        read: Some(now),
        complete: None,
        declared: None,
        until: Some(now + SignedDuration::from_mins(32)),
        misses: 6,
        why: Some("hr.csv: line 1: a quote is not closed".into()),
    };
    company.store.commit(vec![Shelf::Systems.put("source/hr", &away)]).await.unwrap();
    std::fs::remove_file(company.path("hr.csv")).unwrap();
    let mut process = Process::start(&company, company.store.clone()).await;
    process.until("unreadable", |status| status.systems[0].state == SystemState::Unreadable).await;
    assert_eq!(company.accounts(), [""; 0]);
    company.hires(&["1,ada,Ada Okafor"]);
    process.mail.manifests(manifests(&company, "two"));
    process.as_declared("two").await;
    assert_eq!(company.accounts(), ["ada"]);
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_lacks_everybody_takes_nothing_and_is_no_green() {
    let company = Company::new().await;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    company.hires(&[]);
    ask(company.store.as_ref(), "1").await;
    let status = process.until("a need", |status| !status.needs.is_empty()).await;
    assert_eq!(company.accounts(), ["ada", "luis"]);
    assert_ne!(status.systems[0].state, SystemState::AsDeclared, "{status:#?}");
    assert!(status.needs.iter().all(|need| need.about == "hr" && need.next == "headcount plan"), "{status:#?}");
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_the_brake_nothing_is_written_until_somebody_takes_it_off() {
    let company = Company::new().await;
    let brake = Brake { who: "jane".into(), at: Timestamp::now(), reason: Some("an incident".into()), everything: false };
    company.store.commit(vec![Shelf::Brake.put("workspace", &brake)]).await.unwrap();
    let mut process = Process::start(&company, company.store.clone()).await;
    let status = process.until("paused", |status| status.systems[1].state == SystemState::Paused).await;
    assert_eq!((company.accounts(), status.systems[1].pending.give), (Vec::new(), 2));
    company.store.commit(vec![Shelf::Brake.take("workspace")]).await.unwrap();
    process.as_declared("one").await;
    assert_eq!(company.accounts(), ["ada", "luis"]);
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_changed_is_put_back_and_a_revocation_by_command_is_carried_through() {
    let company = Company::new().await;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    company.app().execute("UPDATE users SET name = 'X' WHERE login = 'ada'", []).unwrap();
    ask(company.store.as_ref(), "1").await;
    served(company.store.as_ref()).await;
    let name: String = company.app().query_row("SELECT name FROM users WHERE login = 'ada'", [], |row| row.get(0)).unwrap();
    assert_eq!(name, "Ada Okafor");

    let revocation = StandingRevocation {
        key: "hr/2".into(),
        also: Vec::new(),
        reason: "a lost laptop".into(),
        at: Timestamp::now(),
        until: None,
        receipts: Vec::new(),
    };
    let beside = state::open(&company.path("state.db"), "acme-test").await.unwrap();
    beside.commit(vec![Fact::Revoked(revocation)]).await.unwrap();
    let gone = async {
        while company.accounts() != ["ada"] {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the account is cut off");
    process.as_declared("one").await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_others_change_again_and_again_is_contested_and_none_that_the_service_does_not_keep() {
    let mut company = Company::new().await;
    at_target(&mut company, "drift: enforce");
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    let login =
        || -> String { company.app().query_row("SELECT login FROM users WHERE name = 'Ada Okafor'", [], |row| row.get(0)).unwrap() };
    for time in 1..=3 {
        company.app().execute("UPDATE users SET login = 'ada.x' WHERE name = 'Ada Okafor'", []).unwrap();
        ask(company.store.as_ref(), &time.to_string()).await;
        served(company.store.as_ref()).await;
        process.as_declared("one").await;
        assert_eq!(login(), "ada", "it is put back for the {time}. time");
    }
    company.app().execute("UPDATE users SET login = 'ada.x' WHERE name = 'Ada Okafor'", []).unwrap();
    ask(company.store.as_ref(), "4").await;
    let status = process.until("contested", |status| status.needs.iter().any(|need| need.kind == NeedKind::Contested)).await;
    assert_eq!((status.systems[1].drift, status.needs.len(), login()), (1, 1, "ada.x".to_owned()), "{status:#?}");
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_a_service_makes_another_of_is_one_that_it_does_not_keep() {
    let company = Company::new().await;
    let lower = "CREATE TRIGGER lower AFTER UPDATE OF name ON users WHEN new.name <> lower(new.name) BEGIN UPDATE users SET name = lower(new.name) WHERE id = new.id; END";
    company.app().execute_batch(lower).unwrap();
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    company.app().execute("UPDATE users SET name = 'x' WHERE login = 'ada'", []).unwrap();
    ask(company.store.as_ref(), "1").await;
    let status = process.until("not kept", |status| status.systems[1].why.as_ref().is_some_and(|why| why.starts_with("not-kept"))).await;
    assert_eq!(status.needs.iter().map(|need| need.kind).collect::<Vec<_>>(), [NeedKind::Contested], "{status:#?}");
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_limit_holds_is_told_in_numbers() {
    let mut company = Company::new().await;
    let people = |name: &str| (1..=5).map(|at| format!("{at},person{at},{name} {at}")).collect::<Vec<_>>();
    let hires = |company: &Company, name: &str| company.hires(&people(name).iter().map(String::as_str).collect::<Vec<_>>());
    hires(&company, "Ada");
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    let limits = "spec:\n  guardrails: {names: {count: 100}, update: {count: 1}}\n  connection:\n    sql:";
    company.manifests = company.manifests.replace("spec:\n  connection:\n    sql:", limits);
    hires(&company, "Luis");
    process.mail.manifests(manifests(&company, "two"));
    let status = process.until("held", |status| status.systems[1].state == SystemState::Held).await;
    let app = &status.systems[1];
    let [limit] = app.breached.as_slice() else { panic!("{status:#?}") };
    let told = (limit.guardrail, limit.planned, limit.done, limit.allowed, limit.withheld);
    assert_eq!(told, (Guardrail::Update, 5, Some(0), 1, 5), "{status:#?}");
    assert_eq!((app.why.as_deref(), app.withheld.get("update")), (Some("update: 5 of at most 1"), Some(&5)));
    assert!(status.needs[0].words.ends_with("(update: 5 of at most 1)"), "{status:#?}");
    process.end().await;
}

/// Another line of the Target, and limits of a day that are not what this is about.
fn at_target(company: &mut Company, line: &str) {
    let with = format!("spec:\n  {line}\n  guardrails: {{deactivate: {{count: 50}}, rename: {{count: 50}}}}\n  connection:\n    sql:");
    company.manifests = company.manifests.replace("spec:\n  connection:\n    sql:", &with);
}

/// Luis has left, and somebody let him in again. Gives what the controller says of it.
async fn let_in_again(company: &mut Company, drift: &str) -> (Vec<String>, u64) {
    at_target(company, &format!("drift: {drift}"));
    let mut process = Process::start(company, company.store.clone()).await;
    process.as_declared("one").await;
    company.hires(&["1,ada,Ada Okafor"]);
    ask(company.store.as_ref(), "1").await;
    served(company.store.as_ref()).await;
    assert_eq!(company.accounts(), ["ada"]);
    company.app().execute("UPDATE users SET is_active = 1", []).unwrap();
    ask(company.store.as_ref(), "2").await;
    served(company.store.as_ref()).await;
    // Something else is to be done, and another process comes after.
    company.hires(&["1,ada,Ada Okafor", "3,mina,Mina Park"]);
    ask(company.store.as_ref(), "3").await;
    served(company.store.as_ref()).await;
    process.end().await;
    let mut process = Process::start(company, company.store.clone()).await;
    let status = process.until("known", |status| status.systems.iter().all(|system| system.state != SystemState::Unknown)).await;
    process.end().await;
    (company.accounts(), status.systems[1].drift)
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_others_let_in_again_is_drift_until_somebody_ends_it() {
    let mut company = Company::new().await;
    assert_eq!(let_in_again(&mut company, "enforce").await, (vec!["ada".to_owned(), "mina".into()], 0));
    let mut company = Company::new().await;
    assert_eq!(let_in_again(&mut company, "observe").await, (vec!["ada".to_owned(), "luis".into(), "mina".into()], 1));
    // Whoever looks by hand sees it, too.
    let shown = company.drifts().await;
    assert_eq!(shown, ["got-sign-in hr/2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_decided_needs_somebody_whatever_it_is_about() {
    let needs = |status: &Status| {
        let needs = status.needs.iter().map(|need| (need.kind, need.about.clone(), need.words.clone()));
        needs.collect::<Vec<_>>()
    };
    let said = |about: &str, code: &str| (NeedKind::Undecided, about.to_owned(), format!("{code}: `headcount plan` says more"));
    let mut company = Company::new().await;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    company.hires(&["1,ada,Ada Okafor", "707,luis,Luis Ferreira"]);
    ask(company.store.as_ref(), "1").await;
    let status = process.until("a key that changed", |status| !status.needs.is_empty()).await;
    assert_eq!(needs(&status), [said("hr", "key-changed")]);
    assert_eq!(status.systems[0].state, SystemState::Held);

    company.hires(&["1,ada,Ada Okafor", "2,luis,Luis Ferreira"]);
    let teams = "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE team_users (team_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (team_id, user_id));";
    company.app().execute_batch(teams).unwrap();
    let groups = "active: {flag: is_active}
      groups: {table: teams, key: id, columns: {displayName: name}}
      memberships: {table: team_users, group: team_id, account: user_id}
  groups: {}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: high}
spec: {displayName: High, rule: int(identity.userName) > 3}
";
    company.manifests = company.manifests.replace("active: {flag: is_active}\n", groups);
    process.mail.manifests(manifests(&company, "two"));
    ask(company.store.as_ref(), "2").await;
    process.until("a rule that fails", |status| needs(status) == [said(THE_WORKSPACE, "expression-failed")]).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_of_a_process_that_ended_is_done_by_the_next_one_at_once() {
    let company = Company::new().await;
    let now = Timestamp::now();
    let (state, why) = (SystemState::Unreadable, Some("away".into()));
    let rests = SystemMemory {
        state,
        since: now,
        read: Some(now),
        complete: None,
        declared: None,
        until: Some(now + 30.minutes()),
        misses: 6,
        why,
    };
    let kept = ["source/hr", "target/app"].map(|name| Shelf::Systems.put(name, &rests));
    company.store.commit(kept.into()).await.unwrap();
    ask(company.store.as_ref(), "1").await;
    let mut process = Process::start(&company, company.store.clone()).await;
    process.as_declared("one").await;
    served(company.store.as_ref()).await;
    assert_eq!(company.accounts(), ["ada", "luis"]);
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_one_writes_and_the_other_goes_on_where_it_ended() {
    let company = Company::new().await;
    let mut first = Process::start(&company, company.store.clone()).await;
    first.as_declared("one").await;
    let other = state::open(&company.path("state.db"), "acme-test").await.unwrap();
    let mut second = Process::start(&company, other).await;
    company.hires(&["1,ada,Ada Okafor"]);
    first.end().await;
    timeout(PATIENCE, second.leases.wait_for(|held| *held)).await.unwrap().unwrap();
    second.as_declared("one").await;
    assert_eq!(company.accounts(), ["ada"]);
    let status = second.end().await;
    assert!(status.lease.is_none(), "whoever ends leaves no word of writing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_restored_holds_everything_but_revocations_until_somebody_says_that_it_is_meant() {
    let mut company = Company::new().await;
    company.manifests = company.manifests.replacen("spec: {id: acme-test", "spec: {id: acme-test, state: {anchor: elsewhere/anchor}", 1);
    let anchor = AnchorFile::new(company.path("elsewhere/anchor"));
    let ahead = Anchor { workspace: "acme-test".into(), seq: 1_000_000, hash: "ab".repeat(32), at: Timestamp::UNIX_EPOCH };
    anchor.note(&ahead).await.unwrap();
    let before = company.accounts();
    let mut process = Process::start(&company, company.store.clone()).await;
    let stalled = |status: &Status| status.needs.iter().any(|need| need.kind == NeedKind::Stalled && need.words.contains("StateRestored"));
    let status = process.until("restored", |status| stalled(status) && status.systems.iter().any(|system| system.pending.sum() > 0)).await;
    let need = status.needs.iter().find(|need| need.about == "the state").unwrap();
    assert!(need.next.starts_with("headcount state accept-restore"), "{need:?}");
    assert_eq!(company.accounts(), before, "nothing was written");

    let beside = state::open(&company.path("state.db"), "acme-test").await.unwrap();
    let keeping = Keeping::of(&company.declared().0, None);
    let found = keeping.restored(beside.as_ref()).await.unwrap().unwrap();
    keeping.accept(beside.as_ref(), &found, ("jane", "a test"), Timestamp::now()).await.unwrap();
    process.as_declared("one").await;
    assert_ne!(company.accounts(), before);
    let status = process.end().await;
    assert!(!stalled(&status));
    let noted = anchor.read().await.unwrap().unwrap();
    assert_eq!(Some(noted.hash), beside.heads().await.unwrap().written.map(|head| head.hash), "at its end it notes how far it came");
}
