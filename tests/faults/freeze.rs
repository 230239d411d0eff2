//! Processes that are frozen past their lease (SIGSTOP), while another one takes the lock over, and thaw (SIGCONT): eight writers each, the lease in a bucket or a
//! database, and a SCIM service that notes whose each write was, in the order in which they came. Nobody writes once somebody else does, or once its own lease is over.
//!
//! `HEADCOUNT_FREEZES` says how many. The same freezes with the fence taken away let writes through, or this could not fail.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use headcount::connector::limiter::{ALL, Lane, Limiter};
use headcount::connector::registry::Facts;
use headcount::connector::{Permit, TargetConnector, Write, Writer, Written};
use headcount::fence::Fence;
use headcount::manifest::kinds::{PostgresState, S3State, StateLocation};
use headcount::manifest::{ManifestInput, load};
use headcount::model::{Change, SystemError};
use headcount::pipeline::{
    CarriedOut, Execution, HearNothing, Reading, RunExtent, Snapshot, begin, carry_out, moment, plan, read, settings,
};
use headcount::planning::{Scope, Unleft};
use headcount::policy::compile;
use headcount::state::{LeaseTerms, PlaceKind, PostgresPlace, open_on};
use tokio_util::sync::CancellationToken;

use crate::support::answers::{Asked, serve_all};
use crate::support::postgres;
use crate::support::s3::S3;

/// As much shorter than in earnest as a busy machine allows.
const TERMS: LeaseTerms =
    LeaseTerms { term: Duration::from_millis(800), beat: Duration::from_millis(80), valid: Duration::from_millis(400) };
/// Between leave and the write: journal, JSON and TLS take as long in earnest on a busy machine. Without a fence about every second freeze falls into it.
const WORK: Duration = Duration::from_millis(10);
const PEOPLE: usize = 1500;
const WRITERS: usize = 8;
/// So many who would take over one after the other don't all lose it again.
const TAKERS: usize = 30;
/// Stages that play at once.
const STAGES: usize = 4;
/// Far more than anything here takes; whoever waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const STAGE: &str = "HEADCOUNT_TEST_STAGE";

fn asked(freezes: usize) -> usize {
    std::env::var("HEADCOUNT_FREEZES").ok().and_then(|number| number.parse().ok()).unwrap_or(freezes)
}

#[test]
fn a_frozen_run_that_thaws_writes_nothing_more() {
    writes_nothing_more(&freeze(asked(16), true, &bucket));
}

/// Each line of the journal that it writes after it thawed meets the lease's row, too.
#[test]
fn nor_does_one_whose_lease_is_a_row_of_a_database() {
    let Some(server) = postgres::server("a frozen run with its state in PostgreSQL") else { return };
    let database = || {
        let (url, schema) = (server.socket(), Some(postgres::fresh_schema()));
        (StateLocation::Postgres(PostgresState { url, password: None, schema, ca_file: None, allow_plaintext: false }), None)
    };
    writes_nothing_more(&freeze(asked(8), true, &database));
}

/// Between the question and the system call lie some instructions (`docs/replicas.md`): a process that is stopped right there sends one request of those that it
/// writes at once, seen once in some hundred freezes. It is never more than that one, and without the fence it is all of them.
fn writes_nothing_more(seen: &Came) {
    let by_chance = seen.freezes / 100 + 1;
    assert!(seen.late <= by_chance && seen.doubled <= by_chance, "{seen:?}");
}

/// Where the state of a stage is, and what has to live as long.
type Kept = (StateLocation, Option<S3>);

fn bucket() -> Kept {
    let s3 = S3::start();
    let endpoint = Some(s3.url().to_owned());
    (StateLocation::S3(S3State { bucket: "state".into(), prefix: None, region: None, endpoint, allow_plain_http: false }), Some(s3))
}

/// What the fence is for: leave was asked for before each request, and that is not enough. One freeze shows it; whether it is the first one is chance.
#[test]
fn without_the_fence_a_frozen_run_that_thaws_goes_on_writing() {
    let seen = freeze(64, false, &bucket);
    assert!(seen.through > 0, "{seen:?}");
}

/// What came of freezes.
#[derive(Debug, Default)]
struct Came {
    freezes: usize,
    writes: usize,
    /// writes of a run that had been frozen past its lease
    late: usize,
    /// freezes that let such a write through
    through: usize,
    /// writes of a run behind those of one that took the lock after it
    doubled: usize,
}

/// So many freezes, on several stages at once; without the fence no more of them once one let a write through.
fn freeze(freezes: usize, fenced: bool, kept: &(dyn Fn() -> Kept + Sync)) -> Came {
    let (left, came) = (AtomicUsize::new(freezes), Mutex::new(Came::default()));
    let began = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..STAGES.min(freezes) {
            threads.spawn(|| {
                let stage = Stage::set(fenced, kept());
                let played = stage.play(&left);
                let mut came = came.lock().expect("not broken");
                came.freezes += played.freezes;
                came.writes += played.writes;
                came.late += played.late;
                came.through += played.through;
                came.doubled += played.doubled;
            });
        }
    });
    let came = came.into_inner().expect("not broken");
    eprintln!("{came:?}, fenced: {fenced}, {:.1} s", began.elapsed().as_secs_f64());
    assert!(came.freezes == freezes || came.through > 0, "{came:?}");
    came
}

/// A workspace, its state, and the service.
struct Stage {
    folder: tempfile::TempDir,
    /// whose each write was
    log: Arc<Mutex<Vec<usize>>>,
    fenced: bool,
    _s3: Option<S3>,
}

impl Stage {
    fn set(fenced: bool, (location, s3): Kept) -> Self {
        let (folder, log) = (tempfile::tempdir().expect("a folder"), Arc::<Mutex<Vec<usize>>>::default());
        let titles = Mutex::new(BTreeMap::new());
        let noted = log.clone();
        let url = serve_all(move |asked| service(asked, &noted, &titles));
        std::fs::write(folder.path().join("state"), serde_json::to_string(&location).expect("JSON")).expect("written");
        std::fs::write(folder.path().join("app"), url).expect("written");
        Self { folder, log, fenced, _s3: s3 }
    }

    /// One holder after another; each is frozen at work.
    fn play(&self, left: &AtomicUsize) -> Came {
        let mut came = Came::default();
        let mut number = 1;
        let mut holder = Some(self.start(number));
        while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            let (mut frozen, mut next) = loop {
                let mut running = holder.take().unwrap_or_else(|| self.start(number));
                if running.works(self, number, 8 + fastrand::usize(..60)) {
                    running.signal("STOP");
                    break (running, number + 1);
                }
                // It lost its lease to a busy machine, or came to its end: another one is frozen in its place.
                running.ends();
                number += 1;
            };
            let taken = fastrand::bool();
            if taken {
                // Somebody takes over while it is frozen, and works: whoever loses the lease to a busy machine before is followed by another one.
                let last = next + TAKERS;
                holder = Some(loop {
                    let mut taker = self.start(next);
                    if taker.works(self, next, 1) {
                        break taker;
                    }
                    taker.ends();
                    next += 1;
                    assert!(next < last, "whoever takes over works: {}", taker.words());
                });
            } else {
                // Its lease is over, and nobody is there.
                std::thread::sleep(TERMS.term);
            }
            let mark = self.log().len();
            frozen.signal("CONT");
            frozen.ends();
            let late = self.log()[mark..].iter().filter(|whose| **whose == number).count();
            came.late += late;
            came.through += usize::from(late > 0);
            if late > 0 && !self.fenced {
                left.store(0, Ordering::SeqCst);
            }
            came.freezes += 1;
            number = next;
        }
        // Whoever is at work now has been seen to work; the rest of it proves nothing.
        drop(holder);
        let log = self.log();
        came.writes = log.len();
        came.doubled = log.windows(2).filter(|pair| pair[1] < pair[0]).count();
        came
    }

    fn log(&self) -> Vec<usize> {
        self.log.lock().expect("not broken").clone()
    }

    /// A process of its own, which applies what the HR file of its number says.
    fn start(&self, number: usize) -> Holder {
        let folder = self.folder.path().join(number.to_string());
        write_workspace(&folder, &self.read("app"), number);
        let output = std::fs::File::create(folder.join("output")).expect("a file");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "faults::freeze::holder", "--nocapture"]);
        command.env(STAGE, &folder).env("HEADCOUNT_TEST_STATE", self.read("state")).env("HEADCOUNT_TEST_FENCED", self.fenced.to_string());
        command.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_REGION", "eu-central-1");
        command.stdout(output.try_clone().expect("a file")).stderr(output).stdin(Stdio::null());
        Holder { child: command.spawn().expect("it runs"), folder }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("written")
    }
}

/// A process that holds the lock, or will.
struct Holder {
    child: Child,
    folder: PathBuf,
}

impl Holder {
    /// Whether it has made so many writes before it ended.
    fn works(&mut self, stage: &Stage, number: usize, writes: usize) -> bool {
        let began = Instant::now();
        loop {
            if stage.log.lock().expect("not broken").iter().filter(|whose| **whose == number).count() >= writes {
                return true;
            }
            if self.child.try_wait().expect("its end").is_some() {
                return false;
            }
            assert!(began.elapsed() < PATIENCE, "it hangs: {}", self.words());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id();
        let sent = Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{signal} {id}");
        // It stands still once the system says so.
        let stands_still = || std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| stat.contains(") T "));
        while signal == "STOP" && !stands_still() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn ends(&mut self) {
        let began = Instant::now();
        while self.child.try_wait().expect("its end").is_none() {
            assert!(began.elapsed() < PATIENCE, "it hangs: {}", self.words());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn words(&self) -> String {
        let mut words = String::new();
        let _ = std::fs::File::open(self.folder.join("output")).and_then(|mut file| file.read_to_string(&mut words));
        words
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The service: accounts that are there already, and a note of whose each write was, once it was heard to its end.
fn service(asked: &Asked, log: &Mutex<Vec<usize>>, titles: &Mutex<BTreeMap<usize, String>>) -> (u16, String, String) {
    let (verb, path) = asked.line.split_once(' ').unwrap_or_default();
    let Some(rest) = path.strip_prefix("/Users") else { return (404, String::new(), String::new()) };
    let mut titles = titles.lock().expect("not broken");
    if verb == "PATCH" {
        let whose = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer holder-"));
        log.lock().expect("not broken").push(whose.and_then(|number| number.parse().ok()).expect("a holder"));
        let body: serde_json::Value = serde_json::from_str(&asked.body).expect("JSON");
        let value = &body["Operations"][0]["value"];
        let title = value.as_str().or_else(|| value["title"].as_str()).expect("a title");
        titles.insert(rest.trim_start_matches('/').parse().expect("an id"), title.to_owned());
        return (204, String::new(), String::new());
    }
    let user = |at: usize| {
        let title = titles.get(&at).map_or("none", String::as_str);
        serde_json::json!({"id": at.to_string(), "userName": format!("p{at}"), "externalId": format!("hc:freeze:hr:{at}"), "title": title, "active": true})
    };
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let number = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok());
    let (first, most) = (number("startIndex").unwrap_or(1), number("count").unwrap_or(100));
    let found: Vec<_> = if query.contains("filter") { Vec::new() } else { (first..=PEOPLE).take(most).map(user).collect() };
    let total = if query.contains("filter") { 0 } else { PEOPLE };
    let list = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": total, "startIndex": first, "itemsPerPage": found.len(), "Resources": found
    });
    (200, String::new(), list.to_string())
}

fn write_workspace(folder: &Path, url: &str, number: usize) {
    std::fs::create_dir_all(folder).expect("a folder");
    let manifest = format!(
        "apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {{name: freeze}}
spec: {{id: freeze}}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {{name: hr}}
spec:
  connection: {{file: {{path: hr.csv}}}}
  key: record.id
  mapping:
    rules:
    - {{attribute: userName, value: record.user}}
    - {{attribute: title, value: record.title}}
---
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {{name: app}}
spec:
  connection:
    scim: {{url: '{url}', timeout: 1s, auth: {{bearer: {{file: token}}}}}}
  limits: {{concurrency: {WRITERS}}}
  mapping:
    rules:
    - {{attribute: userName, value: identity.userName}}
    - {{attribute: title, value: identity.title}}
"
    );
    let people: String = (1..=PEOPLE).map(|at| format!("{at},p{at},t{number}\n")).collect();
    for (name, text) in
        [("headcount.yaml", manifest), ("hr.csv", format!("id,user,title\n{people}")), ("token", format!("holder-{number}"))]
    {
        crate::support::write_settled(&folder.join(name), text);
    }
}

/// What a process of these tests does; in a test run by itself it is none.
#[test]
fn holder() {
    let Some(folder) = std::env::var_os(STAGE).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    if let Err(why) = runtime.block_on(hold(&folder)) {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

async fn hold(folder: &Path) -> Result<(), String> {
    let bytes = std::fs::read(folder.join("headcount.yaml")).map_err(|error| error.to_string())?;
    let (loaded, problems) = load(&[ManifestInput::Text { name: "headcount.yaml".into(), base: folder.to_path_buf(), bytes }]);
    assert!(problems.is_empty(), "{problems:#?}");
    let (policy, _) = compile(&loaded, &Facts).map_err(|problems| format!("{problems:#?}"))?;
    let location = std::env::var("HEADCOUNT_TEST_STATE").map_err(|error| error.to_string())?;
    let place = match serde_json::from_str(&location).map_err(|error| error.to_string())? {
        StateLocation::Postgres(database) => PlaceKind::Postgres(PostgresPlace::new(database, folder.to_path_buf(), "freeze".into())),
        location => PlaceKind::Objects(location, "freeze".into()),
    };
    let store = open_on(place, "freeze", TERMS).await.map_err(|error| error.to_string())?;
    let lock = store.lock("a holder").await.map_err(|error| error.to_string())?;
    let reading = Reading::once(&HearNothing);
    begin(store.as_ref(), &lock, &loaded, &reading).await.map_err(|error| error.to_string())?;
    let memory = store.load().await.map_err(|error| error.to_string())?;
    let (settings, now) = (settings(&loaded, &policy), moment(&policy, None));
    let snapshot = read(&loaded, Arc::new(policy), memory, now, &reading).await;
    let snapshot = Snapshot { connectors: slowly(snapshot.connectors), ..snapshot };
    let plan = plan(&snapshot, Scope::All, &HearNothing).await;
    let stop = CancellationToken::new();
    let execution = Execution {
        snapshot: &snapshot,
        store: &store,
        lock: &lock,
        settings: &settings,
        who: "a holder",
        going: headcount::pipeline::going(&plan),
        read: true,
        unleft: Unleft::Everybody,
        with: Vec::new(),
        stop,
        hear: &HearNothing,
    };
    let extent = RunExtent { whole: true, partial: false };
    let CarriedOut { report, .. } = carry_out(&execution, &plan, extent).await.map_err(|error| error.to_string())?;
    store.release(lock).await.map_err(|error| error.to_string())?;
    eprintln!("{} changes, {:?}", plan.changes.len(), report.results());
    Ok(())
}

/// The same targets, with work between leave and the write; where no fence is wanted, with another leave that asks nobody.
fn slowly(connectors: BTreeMap<Arc<str>, Arc<TargetConnector>>) -> BTreeMap<Arc<str>, Arc<TargetConnector>> {
    let fenced = std::env::var("HEADCOUNT_TEST_FENCED").is_ok_and(|fenced| fenced == "true");
    let slow = |(name, target): (Arc<str>, Arc<TargetConnector>)| {
        let target = Arc::into_inner(target).expect("nobody else has it");
        let writer = Box::new(Slow { inner: target.writer, fenced });
        (name, Arc::new(TargetConnector { writer, ..target }))
    };
    connectors.into_iter().map(slow).collect()
}

struct Slow {
    inner: Box<dyn Writer>,
    fenced: bool,
}

impl Writer for Slow {
    fn requests(&self, change: &Change) -> Option<u64> {
        self.inner.requests(change)
    }

    fn write<'a>(&'a self, batch: &'a [Write<'a>], permit: &'a Permit) -> BoxFuture<'a, Vec<Result<Written, SystemError>>> {
        Box::pin(async move {
            tokio::time::sleep(WORK).await;
            if self.fenced {
                return self.inner.write(batch, permit).await;
            }
            let turn = Arc::new(Limiter::default()).enter(ALL, Lane::Free, Duration::ZERO).await.expect("no limit");
            self.inner.write(batch, &Permit::grant(turn, &Fence::open())).await
        })
    }
}
