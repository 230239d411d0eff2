//! The `git` program: started without hooks, prompts or anything of the caller's that would make it look elsewhere, and never waited for without an end.
//!
//! Must never: run a command that writes, or one that runs hooks, filters or drivers.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::GitError;

/// What reads objects is done in moments; a partial clone may have to fetch.
const PATIENCE: Duration = Duration::from_secs(120);
/// Of short answers.
const SHORT: u64 = 64 << 10;

/// How git is asked.
#[derive(Clone, Debug)]
pub(super) struct Git {
    folder: PathBuf,
    git_dir: Option<PathBuf>,
    offline: bool,
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Answer {
    pub succeeded: bool,
    pub output: Vec<u8>,
    /// the first line of what it said
    pub words: String,
}

impl Git {
    pub fn in_folder(folder: PathBuf, offline: bool) -> Self {
        Self { folder, git_dir: None, offline }
    }

    pub fn of(git_dir: PathBuf, folder: PathBuf, offline: bool) -> Self {
        Self { folder, git_dir: Some(git_dir), offline }
    }

    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// One line that must come.
    pub fn ask(&self, arguments: &[&str]) -> Result<String, GitError> {
        let answer = self.run(arguments, Vec::new(), SHORT)?;
        if !answer.succeeded {
            return Err(failed(arguments, answer.words));
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
        if answer.succeeded { Ok(answer.output) } else { Err(failed(arguments, answer.words)) }
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], input: Vec<u8>, most: u64) -> Result<Answer, GitError> {
        let mut child = self.command(arguments).spawn().map_err(GitError::NotInstalled)?;
        let (told, ended) = mpsc::channel();
        feed(&mut child, input);
        let errors = first_line(&mut child);
        let output = child.stdout.take();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = output.map(|output| output.take(most.saturating_add(1)).read_to_end(&mut bytes));
            let _ = told.send(read.transpose().map(|_| bytes));
        });
        let word = arguments.first().copied().unwrap_or_default();
        let Ok(read) = ended.recv_timeout(PATIENCE) else {
            end(&mut child);
            return Err(GitError::Timeout { command: word.to_owned(), seconds: PATIENCE.as_secs() });
        };
        let output = read.map_err(|error| failed(arguments, error.to_string()))?;
        if output.len() as u64 > most {
            end(&mut child);
            return Err(GitError::TooMuch { what: format!("`git {word}` has more to tell than {}", crate::files::size(most)) });
        }
        let status = child.wait().map_err(|error| failed(arguments, error.to_string()))?;
        let words = errors.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        Ok(Answer { succeeded: status.success(), output, words })
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
        for variable in
            ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_EXTERNAL_DIFF", "GIT_TRACE"]
        {
            command.env_remove(variable);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        if self.offline {
            // The second for a git that does not know the first: no way to any other repository is allowed.
            command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none");
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

fn first_line(child: &mut Child) -> mpsc::Receiver<String> {
    let (told, heard) = mpsc::channel();
    if let Some(mut from) = child.stderr.take() {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = (&mut from).take(SHORT).read_to_end(&mut bytes);
            let words = String::from_utf8_lossy(&bytes);
            let telling = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
            let line = words.lines().find(telling).or_else(|| words.lines().next()).unwrap_or_default();
            let _ = told.send(line.trim_start_matches("fatal: ").trim_start_matches("error: ").chars().take(200).collect());
            let _ = std::io::copy(&mut from, &mut std::io::sink());
        });
    }
    heard
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn failed(arguments: &[&str], words: String) -> GitError {
    GitError::Failed { command: arguments.first().copied().unwrap_or_default().to_owned(), words }
}
