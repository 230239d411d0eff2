//! The command line through the real binary: what it prints, how it exits, and that bad input writes nothing.

mod apply;
mod attribution;
mod bad_input;
mod comment;
mod connections;
mod connector;
mod diff;
mod drift;
mod erase;
mod explain;
mod fmt;
mod generated;
mod get;
mod help;
mod history;
mod import;
mod init;
mod log;
mod mistakes;
mod monitoring;
mod plan;
mod reading;
mod report;
mod revoke;
mod running;
mod secrets;
mod server;
mod state;
mod test;
mod unclaimed;
mod validate;
pub mod world;

use std::path::{Path, PathBuf};

use snapbox::cmd::Command;

/// The binary, as in a pipe: no colour, no terminal, nothing of the caller's environment that changes the output.
pub fn headcount<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(snapbox::cargo_bin!("headcount")).args(arguments);
    for variable in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "RUST_BACKTRACE",
        "GITHUB_ACTOR",
        "GITLAB_USER_LOGIN",
        "SUDO_USER",
        "HEADCOUNT_LOG",
        "HEADCOUNT_COMPLETE",
        "GITHUB_SHA",
        "GITHUB_SERVER_URL",
        "GITHUB_REPOSITORY",
        "GITHUB_RUN_ID",
        "GITHUB_REF",
        "GITHUB_EVENT_PATH",
        "CI_COMMIT_SHA",
        "CI",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "CI_PROJECT_VISIBILITY",
        "CI_PROJECT_URL",
        "CI_JOB_URL",
        "CI_SERVER_VERSION",
        "HEADCOUNT_REDACT_KEY",
    ] {
        command = command.env_remove(variable);
    }
    command.env("USER", "tester").with_assert(what_changes_from_run_to_run())
}

/// Times, days, names of runs and hashes stand in expected output as words.
fn what_changes_from_run_to_run() -> snapbox::Assert {
    let mut words = snapbox::Redactions::new();
    let patterns = [
        ("[RUN]", r"\d{8}T\d{6}Z-[0-9a-f]{8}"),
        ("[TIME]", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        ("[HASH]", r"\b[0-9a-f]{64}\b"),
        ("[SHORT]", r"\b[0-9a-f]{12}\b"),
        ("[SET]", r"\b[0-9a-f]{32}\b"),
        ("[DAY]", r"\b20\d\d-\d\d-\d\d\b"),
    ];
    for (word, pattern) in patterns {
        words.insert(word, regex::Regex::new(pattern).expect("a pattern")).expect("a word in brackets");
    }
    snapbox::Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV).redact_with(words)
}

/// A folder of manifests and data that goes away with the test.
pub struct Folder {
    directory: tempfile::TempDir,
}

impl Folder {
    /// With these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self { directory: tempfile::tempdir().expect("a temporary folder") };
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        crate::support::write_settled(&path, text);
    }

    /// Runs the command in it.
    pub fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        headcount(arguments).current_dir(self.path())
    }

    /// The names of everything in it, at any depth.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder can be listed") {
                let path = entry.expect("an entry").path();
                names.push(path.strip_prefix(self.path()).expect("below it").display().to_string());
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        names.sort();
        names
    }
}
