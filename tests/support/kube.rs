//! A real Kubernetes API server, one for all tests of this process, thrown away with it; each test has a namespace of its own. `tests/kube/` makes and starts it.
//!
//! ```ignore
//! let Some(kube) = support::kube::server("what this test is") else { return };
//! let namespace = kube.namespace();                          // empty, made for this test
//! kube.apply(&namespace, "apiVersion: …");                   // as admin; `kubectl` for anything else, also `--as=mara`
//! let client = kube.client("operator").await;                // may do nothing until a Role is bound to that user in the namespace
//! ```
//! Whoever stops, freezes or sets flags takes one for itself: [`Server::alone`].

#![allow(dead_code, reason = "tests of the documents and tests of the operator need different parts")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::free_port;

/// What happens at last on a machine that is very busy; nothing waits for this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// The running one.
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    /// the CRDs were applied
    crds: OnceLock<()>,
    keeper: Mutex<Keeper>,
    _above: tempfile::TempDir,
}

/// `tests/kube/start`; it ends with our end of the pipe to it, however this process ended.
struct Keeper {
    shell: Child,
    words: BufReader<ChildStdout>,
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// The server of this process, with the CRDs in it; none where none can be made on this machine, which was said then.
pub fn server(test: &str) -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| Server::alone(test, "")).as_ref();
    if server.is_none() {
        eprintln!("SKIPPED {test}: there is no Kubernetes API server.");
    }
    server
}

impl Server {
    /// One that no other test has, with more flags for kube-apiserver (parted by blanks). It stops with its value.
    pub fn alone(test: &str, flags: &str) -> Option<Self> {
        let programs = programs(test)?;
        let mut failures = String::new();
        // A port that was free may be taken a moment later.
        for _ in 0..3 {
            match Self::start_once(&programs, flags) {
                Ok(server) => {
                    server.with_crds();
                    return Some(server);
                }
                Err(failure) => failures.push_str(&failure),
            }
        }
        panic!("{test}: no Kubernetes API server started: {failures}")
    }

    fn start_once(programs: &Path, flags: &str) -> Result<Self, String> {
        let above = tempfile::Builder::new().prefix("headcount-kube-").tempdir().expect("a folder");
        let folder = above.path().join("server");
        let mut start = Command::new(recipe("start"));
        start.arg(&folder).args([free_port().to_string(), free_port().to_string()]).env("KUBE_APISERVER_ARGS", flags);
        start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // What is typed at the terminal ends the test, and the test ends this.
        let mut shell = start.process_group(0).spawn().expect("bash runs");
        let mut words = BufReader::new(shell.stdout.take().expect("its words"));
        let mut complaints = shell.stderr.take().expect("its complaints");
        if read_ready(&mut words) {
            std::thread::spawn(move || std::io::copy(&mut complaints, &mut std::io::sink()));
            let keeper = Mutex::new(Keeper { shell, words });
            return Ok(Self { folder, programs: programs.to_path_buf(), crds: OnceLock::new(), keeper, _above: above });
        }
        let mut said = String::new();
        let _ = complaints.read_to_string(&mut said);
        let _ = shell.wait();
        Err(said)
    }

    /// The CRDs as they are in this checkout, known to the server.
    fn with_crds(&self) {
        self.crds.get_or_init(|| {
            let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
            self.kubectl(&["apply", "--server-side", "-f", crds]).expect();
            self.kubectl(&["wait", "--for=condition=Established", "--timeout=300s", "-f", crds]).expect();
            // What the server serves is known to clients a moment later.
            let kinds =
                std::fs::read_dir(crds).expect("CRDs").flatten().filter(|file| file.path().extension().is_some_and(|end| end == "yaml"));
            let kinds = kinds.count();
            eventually("every kind is served", || {
                let served = self.kubectl(&["api-resources", "--api-group=headcount.dev", "--no-headers"]);
                served.success && served.stdout.lines().count() == kinds
            });
        });
    }

    /// A new, empty namespace for one test.
    pub fn namespace(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name]).expect();
        name
    }

    /// The file with the contexts `admin` (current) and `operator`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// A client as `admin` or as `operator`.
    pub async fn client(&self, context: &str) -> kube::Client {
        let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
        let file = Kubeconfig::read_from(self.kubeconfig()).expect("a kubeconfig");
        let config = kube::Config::from_custom_kubeconfig(file, &options).await.expect("a configuration");
        kube::Client::try_from(config).expect("a client")
    }

    /// Runs kubectl, as admin unless it is told otherwise.
    pub fn kubectl(&self, arguments: &[&str]) -> Answer {
        self.kubectl_with(arguments, "")
    }

    /// Runs kubectl with something on its standard input (`-f -`).
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Answer {
        let mut command = Command::new(self.programs.join("kubectl"));
        // What kubectl keeps of a server it keeps by its address, which another server may have had.
        command.arg("--kubeconfig").arg(self.kubeconfig()).arg("--cache-dir").arg(self.folder.join("cache")).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kubectl runs");
        let mut stdin = child.stdin.take().expect("its input");
        // One that refuses early does not read to the end.
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input.as_bytes()));
            let output = child.wait_with_output().expect("it ends");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Answer { success: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
        })
    }

    /// Applies documents in a namespace, which must be taken; gives what kubectl said.
    pub fn apply(&self, namespace: &str, documents: &str) -> String {
        self.kubectl_with(&["apply", "--namespace", namespace, "-f", "-"], documents).expect()
    }

    /// Who asked for what, but for admin and the server's own parts: `audit.k8s.io/v1` events in order.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let log = std::fs::read_to_string(self.folder.join("audit.log")).unwrap_or_default();
        // The last line may be half written.
        log.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Ends a part (`apiserver`, `etcd`, `controllers`) as it would be ended for a restart.
    pub fn stop(&self, part: &str) {
        self.tell("stop", part);
    }

    /// Starts it again, with what it had.
    pub fn start(&self, part: &str) {
        self.tell("start", part);
    }

    /// Lets a part stand still (SIGSTOP), until [`Server::thaw`].
    pub fn freeze(&self, part: &str) {
        self.signal(part, rustix::process::Signal::STOP);
    }

    pub fn thaw(&self, part: &str) {
        self.signal(part, rustix::process::Signal::CONT);
    }

    fn signal(&self, part: &str, signal: rustix::process::Signal) {
        let pid = std::fs::read_to_string(self.folder.join(format!("{part}.pid"))).expect("a part that runs");
        let pid = rustix::process::Pid::from_raw(pid.trim().parse().expect("a number")).expect("a process");
        rustix::process::kill_process(pid, signal).expect("a process of ours");
    }

    fn tell(&self, verb: &str, part: &str) {
        let mut keeper = self.keeper.lock().expect("no panic");
        let stdin = keeper.shell.stdin.as_mut().expect("its input");
        writeln!(stdin, "{verb} {part}").expect("it listens");
        assert!(read_ready(&mut keeper.words), "{part} did not {verb}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(keeper) = self.keeper.get_mut() {
            drop(keeper.shell.stdin.take());
            let _ = keeper.shell.wait();
        }
    }
}

impl Answer {
    /// What it said, where it succeeded.
    pub fn expect(self) -> String {
        assert!(self.success, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Why it refused, where it did.
    pub fn refusal(self) -> String {
        assert!(!self.success, "{}", self.stdout);
        self.stderr
    }
}

/// Asks until it is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// `helm`, or `health` (what Flux and Argo CD make of a status), as `tests/kube/tools/build` makes them.
pub fn program(test: &str, name: &str) -> Option<PathBuf> {
    Some(made(test, "tools/build", &[name], name)?.join(name))
}

fn programs(test: &str) -> Option<PathBuf> {
    made(test, "build", &["kube-apiserver", "etcd", "kubectl"], "a Kubernetes API server")
}

/// Where a recipe put the programs. None where they cannot be made here, and the recipe said why; where nothing tried to, that fails under `tests/run`.
fn made(test: &str, by: &str, wanted: &[&str], what: &str) -> Option<PathBuf> {
    let told = Command::new(recipe(by)).arg("--where").output().expect("bash runs");
    let folder = PathBuf::from(String::from_utf8_lossy(&told.stdout).trim());
    if wanted.iter().all(|program| folder.join(program).exists()) {
        return Some(folder);
    }
    let reason = std::fs::read_to_string(folder.with_extension("impossible")).ok();
    assert!(
        reason.is_some() || std::env::var_os("HEADCOUNT_TEST_REQUIRE").is_none(),
        "{test} needs {what}: run tests/setup.sh, which makes it (some minutes, once a machine)"
    );
    let reason = reason.unwrap_or_else(|| "run tests/setup.sh, which makes it (some minutes, once a machine)".to_owned());
    eprintln!("SKIPPED {test}: it needs {what}. {}", reason.trim());
    None
}

fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kube").join(name)
}

fn read_ready(words: &mut impl BufRead) -> bool {
    let mut line = String::new();
    words.read_line(&mut line).is_ok() && line.trim() == "ready"
}
