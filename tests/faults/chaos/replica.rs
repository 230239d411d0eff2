//! The processes that keep the town so: the binary where a process takes the lock of another one at once, else the same workspace on terms as short as a busy machine
//! allows, since nobody has the time to wait for the binary's.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use headcount::git::{Remote, RemoteUrl, SshAccess};
use headcount::manifest::Loaded;
use headcount::manifest::kinds::PostgresState;
use headcount::pipeline::{Hear, News};
use headcount::state::{LeaseTerms, PlaceKind, PostgresPlace, open_on};
use headcount::workspace::revisions::GitRevisions;
use headcount::workspace::{Begin, Looked, Observer, Workspace, follow};
use tokio_util::sync::CancellationToken;

use super::town::WORKSPACE;

/// As much shorter than in earnest as a busy machine allows.
pub const TERMS: LeaseTerms =
    LeaseTerms { term: Duration::from_millis(5000), beat: Duration::from_millis(500), valid: Duration::from_millis(3500) };
const DESK: &str = "HEADCOUNT_TEST_DESK";
const POLL: Duration = Duration::from_secs(1);

/// A process that writes, or waits for the lock.
pub struct Replica {
    child: Child,
    log: PathBuf,
}

impl Replica {
    /// Starts one of a town: the binary, or this program.
    pub fn start(
        number: usize,
        desk: &Path,
        repository: &Path,
        database: Option<&PostgresState>,
        dress: impl FnOnce(&mut Command),
    ) -> Self {
        let cache = desk.join(format!("cache-{number}"));
        let mut command = match database {
            None => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_headcount"));
                command.args(["controller", "--ref", "main", "--poll", "1", "--listen", "none", "--git"]).arg(repository);
                command.arg("--git-cache").arg(&cache);
                command
            }
            Some(database) => {
                let mut command = Command::new(std::env::current_exe().expect("this program"));
                command.args(["--exact", "faults::chaos::replica::keeps_a_town", "--nocapture"]);
                let words = [repository.display().to_string(), cache.display().to_string(), serde_json::to_string(database).expect("JSON")];
                command.env(DESK, words.join("\n"));
                command
            }
        };
        let log = desk.join(format!("log-{number}"));
        let file = || File::options().create(true).append(true).open(&log).expect("a file");
        command.current_dir(desk).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(file()).stderr(file());
        dress(&mut command);
        Self { child: command.spawn().expect("it starts"), log }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("its end").is_some()
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{signal} {}", self.id());
    }

    /// Somebody stops it, and it ends by itself.
    pub fn ends(&mut self) {
        self.signal("TERM");
        assert!(self.child.wait().expect("its end").success(), "{}", self.words());
    }

    /// The end of what it said.
    pub fn words(&self) -> String {
        const KEPT: usize = 4000;
        let words = std::fs::read_to_string(&self.log).unwrap_or_default();
        words.chars().rev().take(KEPT).collect::<Vec<_>>().into_iter().rev().collect()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a process of these tests does; in a test run by itself it is none.
#[test]
fn keeps_a_town() {
    let Ok(desk) = std::env::var(DESK) else { return };
    let [repository, cache, database] = desk.splitn(3, '\n').collect::<Vec<_>>()[..] else { panic!("{desk}") };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let kept = runtime.block_on(keep(repository, cache, serde_json::from_str(database).expect("JSON")));
    runtime.shutdown_background();
    if let Err(why) = kept {
        eprintln!("{why}");
        std::process::exit(1);
    }
}

async fn keep(repository: &str, cache: &str, database: PostgresState) -> Result<(), String> {
    let remote = Remote {
        url: RemoteUrl::parse(repository).map_err(|error| error.to_string())?,
        reference: Some("main".into()),
        path: String::new(),
        verify: None,
        ssh: SshAccess::default(),
        allow_plain: false,
        cache: cache.into(),
        root: std::env::current_dir().map_err(|error| error.to_string())?,
        limit: Duration::from_secs(60),
    };
    let mut source = Box::new(GitRevisions::open(remote, None, None).map_err(|error| error.to_string())?);
    let place = PlaceKind::Postgres(PostgresPlace::new(database, PathBuf::from("."), WORKSPACE.into()));
    let there = |_: &Loaded| place.clone().into();
    let manifests = match Begin::new(source.as_mut(), &there).look().await.map_err(|error| error.to_string())? {
        Looked::Found(beginning, _) => beginning.manifests,
        Looked::Waits(why) => return Err(format!("{why:#?}")),
    };
    let store = open_on(place, WORKSPACE, TERMS).await.map_err(|error| error.to_string())?;
    let stop = CancellationToken::new();
    let (ends, first) = (stop.clone(), manifests.clone());
    let mut asked = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(|error| error.to_string())?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        asked.recv().await;
        stopping.cancel();
    });
    let workspace = Workspace { store, who: "a town".into(), observer: Arc::new(Says), once: false, stop };
    match workspace.run(manifests, |mail| drop(tokio::spawn(follow(source, mail, first, POLL, ends)))).await {
        Ok(_) | Err(headcount::workspace::WorkspaceError::Standby(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Says what it hears, for a test that fails.
struct Says;

impl Hear for Says {
    fn hear(&self, news: News<'_>) {
        const SHOWN: usize = 300;
        eprintln!("{}", format!("{news:?}").chars().take(SHOWN).collect::<String>());
    }
}

impl Observer for Says {
    fn lease(&self, held: bool) {
        eprintln!("lease: {held}");
    }

    fn state_lost(&self, why: &str) {
        eprintln!("the state: {why}");
    }
}
