//! The `git` program: started without hooks, prompts or anything of the caller's that would make it look elsewhere, and never waited for without an end.
//!
//! Must never: write into a repository that is not ours, or run a command that runs hooks, filters or drivers.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::GitError;
use super::apart::Apart;

/// What reads objects is done in moments; a partial clone may have to fetch.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often is looked at what a command brings about.
const LOOK: Duration = Duration::from_millis(100);
/// How often is looked whether a command that has told everything is over.
const NEARLY: Duration = Duration::from_millis(5);
/// Of short answers.
const SHORT: u64 = 64 << 10;

/// How git is asked.
#[derive(Clone, Debug)]
pub(super) struct Git {
    folder: PathBuf,
    git_dir: Option<PathBuf>,
    offline: bool,
    /// in a repository of ours: nothing of the caller's counts there
    apart: Option<Arc<Apart>>,
    patience: Duration,
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Answer {
    pub succeeded: bool,
    pub output: Vec<u8>,
    /// what it said, as far as it is listened to
    pub said: String,
}

impl Answer {
    /// The line that tells most.
    pub fn words(&self) -> String {
        let telling = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
        let line = self.said.lines().find(telling).or_else(|| self.said.lines().next()).unwrap_or_default();
        line.trim_start_matches("fatal: ").trim_start_matches("error: ").chars().take(200).collect()
    }
}

impl Git {
    pub fn in_folder(folder: PathBuf, offline: bool) -> Self {
        Self { folder, git_dir: None, offline, apart: None, patience: PATIENCE }
    }

    pub fn of(git_dir: PathBuf, folder: PathBuf, offline: bool) -> Self {
        Self { folder, git_dir: Some(git_dir), offline, apart: None, patience: PATIENCE }
    }

    /// In a repository of ours.
    pub fn apart(git_dir: PathBuf, folder: PathBuf, apart: Arc<Apart>) -> Self {
        Self { folder, git_dir: Some(git_dir), offline: false, apart: Some(apart), patience: PATIENCE }
    }

    /// The same, for no longer than that.
    pub fn within(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// One line that must come.
    pub fn ask(&self, arguments: &[&str]) -> Result<String, GitError> {
        let answer = self.run(arguments, Vec::new(), SHORT)?;
        if !answer.succeeded {
            return Err(failed(arguments, answer.words()));
        }
        Ok(String::from_utf8_lossy(&answer.output).trim_end_matches(['\n', '\r']).to_owned())
    }

    /// Whether git says yes.
    pub fn says(&self, arguments: &[&str]) -> Result<bool, GitError> {
        Ok(self.run(arguments, Vec::new(), SHORT)?.succeeded)
    }

    /// All that a command prints, if it is no more than `most` bytes.
    pub fn read(&self, arguments: &[&str], input: Vec<u8>, most: u64) -> Result<Vec<u8>, GitError> {
        let answer = self.run(arguments, input, most)?;
        if answer.succeeded { Ok(answer.output) } else { Err(failed(arguments, answer.words())) }
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], input: Vec<u8>, most: u64) -> Result<Answer, GitError> {
        self.watched(arguments, input, most, &|| Ok(()))
    }

    /// The same, looked at now and then: an error of `look` ends it.
    pub fn watched(
        &self,
        arguments: &[&str],
        input: Vec<u8>,
        most: u64,
        look: &dyn Fn() -> Result<(), GitError>,
    ) -> Result<Answer, GitError> {
        let word = arguments.first().copied().unwrap_or_default();
        let mut running =
            Running { child: self.command(arguments).spawn().map_err(GitError::NotInstalled)?, group: self.apart.is_some(), over: false };
        feed(&mut running.child, input);
        let errors = listen(&mut running.child);
        let outputs = gather(&mut running.child, most);
        let until = Instant::now() + self.patience;
        let late = || GitError::Timeout { command: word.to_owned(), seconds: self.patience.as_secs() };
        let read = loop {
            let left = until.saturating_duration_since(Instant::now());
            match outputs.recv_timeout(left.min(LOOK)) {
                Ok(read) => break read,
                Err(_) if left.is_zero() => return Err(late()),
                Err(_) => look()?,
            }
        };
        let output = read.map_err(|error| failed(arguments, error.to_string()))?;
        if output.len() as u64 > most {
            return Err(GitError::TooMuch { what: format!("`git {word}` has more to tell than {}", crate::files::size(most)) });
        }
        let status = running.ended(until).map_err(|error| failed(arguments, error.to_string()))?.ok_or_else(late)?;
        let said = errors.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        Ok(Answer { succeeded: status.success(), output, said })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).arg("--no-pager").arg("--literal-pathspecs");
        if let Some(git_dir) = &self.git_dir {
            command.arg("--git-dir").arg(git_dir);
        }
        // A bare repository inside of a checkout is somebody's file: it is never found by itself, and no setting of a repository starts a program.
        for setting in
            ["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.askPass=", "safe.bareRepository=explicit", "core.quotePath=false"]
        {
            command.args(["-c", setting]);
        }
        match &self.apart {
            Some(apart) => apart.surround(&mut command),
            None => not_elsewhere(&mut command),
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        if self.offline {
            // The second for a git that does not know the first: no way to any other repository is allowed.
            command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
        }
        // It leads a group of its own, so that what it starts can be ended with it.
        #[cfg(unix)]
        if self.apart.is_some() {
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn feed(child: &mut Child, input: Vec<u8>) {
    if let Some(mut to) = child.stdin.take() {
        std::thread::spawn(move || {
            // One that ends early does not read all; its status says why.
            let _ = to.write_all(&input);
        });
    }
}

/// What a command says beside its output: the beginning of it is kept, and the rest taken off its hands.
fn listen(child: &mut Child) -> mpsc::Receiver<String> {
    let (told, heard) = mpsc::channel();
    if let Some(mut from) = child.stderr.take() {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = (&mut from).take(SHORT).read_to_end(&mut bytes);
            let _ = told.send(String::from_utf8_lossy(&bytes).into_owned());
            let _ = std::io::copy(&mut from, &mut std::io::sink());
        });
    }
    heard
}

fn gather(child: &mut Child, most: u64) -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (told, ended) = mpsc::channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.map(|output| output.take(most.saturating_add(1)).read_to_end(&mut bytes));
        let _ = told.send(read.transpose().map(|_| bytes));
    });
    ended
}

/// The caller's, that would make git look elsewhere or start something.
fn not_elsewhere(command: &mut Command) {
    for variable in
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_EXTERNAL_DIFF", "GIT_TRACE"]
    {
        command.env_remove(variable);
    }
}

/// A command under way. Whatever becomes of it, nothing of it is left behind.
struct Running {
    child: Child,
    /// it leads a group of its own, with all that it started
    group: bool,
    /// its number may be somebody else's by now
    over: bool,
}

impl Running {
    /// Its status, once it is over; nothing where that takes too long.
    fn ended(&mut self, until: Instant) -> std::io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.over = true;
                return Ok(Some(status));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            std::thread::sleep(NEARLY);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // What it started goes too: a helper that speaks to a remote waits for ever.
        #[cfg(unix)]
        if self.group {
            let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(arguments: &[&str], words: String) -> GitError {
    GitError::Failed { command: arguments.first().copied().unwrap_or_default().to_owned(), words }
}
