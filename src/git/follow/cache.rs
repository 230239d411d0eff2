//! The copy of a remote: a bare repository in a folder of its own, which nobody else uses and which may be made anew at any time.
//!
//! Must never: hold anything that is nowhere else, or go by settings that somebody else wrote there.

use std::fs::{self, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files::{self, LockedFile};
use crate::git::{GitError, RemoteUrl};

/// What the remote is called in the copy.
pub(super) const REMOTE: &str = "origin";
/// Where the copy keeps what the remote's reference was.
pub(super) const HEAD: &str = "refs/headcount/head";
/// Where the copy keeps what is in force, so that a process that comes after has it.
pub(super) const IN_FORCE: &str = "refs/headcount/in-force";
/// The file beside the copy that says which commit that is, also where the copy is made anew.
const NOTE: &str = "in-force";
/// Each fetch leaves packs; nothing is tidied up, a copy with this many is made anew.
const MAX_PACKS: usize = 120;
const MAX_CONFIG: u64 = 64 << 10;

/// The folder.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    files: PathBuf,
    home: PathBuf,
    /// held as long as this lives
    _lock: LockedFile,
}

impl Cache {
    /// Takes a folder, which is made where it is not there.
    pub fn open(folder: &Path) -> Result<Self, GitError> {
        let wrong = |source| GitError::Cache { path: folder.to_owned(), source };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(wrong)?;
        let folder = folder.canonicalize().map_err(wrong)?;
        let lock = files::open_private(&folder.join("lock")).map_err(wrong)?;
        let lock = match LockedFile::alone(lock) {
            Ok(lock) => lock,
            Err((_, TryLockError::WouldBlock)) => {
                return Err(GitError::Usage {
                    what: format!("another process follows a repository in {}", folder.display()),
                    hint: "give each a folder of its own, or end the other one".to_owned(),
                });
            }
            Err((_, TryLockError::Error(source))) => return Err(wrong(source)),
        };
        let (files, home) = (folder.join("files"), folder.join("home"));
        // What a process that was killed left open is nobody's.
        for inner in [&files, &home] {
            remove(inner).map_err(wrong)?;
            builder.create(inner).map_err(wrong)?;
        }
        Ok(Self { folder, files, home, _lock: lock })
    }

    /// The repository.
    pub fn git_dir(&self) -> PathBuf {
        self.folder.join("repository.git")
    }

    /// Where files are laid down to be opened.
    pub fn files(&self) -> &Path {
        &self.files
    }

    /// A folder in which there is nothing.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The commit that was in force last, where somebody noted one.
    pub fn noted(&self) -> Option<String> {
        let text = files::read_text(&self.folder.join(NOTE), MAX_CONFIG).ok()?;
        Some(text.trim().to_owned()).filter(|commit| super::is_object(commit))
    }

    /// Notes which commit is in force.
    pub fn note(&self, commit: &str) -> Result<(), GitError> {
        let (path, new) = (self.folder.join(NOTE), self.folder.join("in-force.new"));
        let written = fs::write(&new, commit).and_then(|()| fs::rename(&new, &path));
        written.map_err(|source| GitError::Cache { path, source })
    }

    /// Makes the repository, unless it is there with our settings.
    pub fn ready(&self, url: &RemoteUrl) -> Result<(), GitError> {
        let git_dir = self.git_dir();
        let sound = files::read(&git_dir.join("config"), MAX_CONFIG).is_ok_and(|found| found == config(url).as_bytes());
        if sound && git_dir.join("HEAD").is_file() { Ok(()) } else { self.renew(url) }
    }

    /// Makes it anew.
    pub fn renew(&self, url: &RemoteUrl) -> Result<(), GitError> {
        let git_dir = self.git_dir();
        let wrong = |source| GitError::Cache { path: git_dir.clone(), source };
        remove(&git_dir).map_err(wrong)?;
        let made = Command::new("git")
            .args(["init", "--quiet", "--bare", "--template="])
            .arg(&git_dir)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("LC_ALL", "C")])
            .output()
            .map_err(GitError::NotInstalled)?;
        if !made.status.success() {
            let words = String::from_utf8_lossy(&made.stderr).lines().next().unwrap_or_default().to_owned();
            return Err(GitError::Failed { command: "init".to_owned(), words });
        }
        fs::write(git_dir.join("config"), config(url)).map_err(wrong)
    }

    /// Whether it is time to make it anew.
    pub fn is_worn(&self) -> bool {
        self.packs().filter(|(name, _)| name.ends_with(".pack")).count() > MAX_PACKS
    }

    /// Whether there is anything in it.
    pub fn has_packs(&self) -> bool {
        self.packs().next().is_some()
    }

    /// Bytes of what was sent, also of what is still on its way.
    pub fn size(&self) -> u64 {
        self.packs().map(|(_, size)| size).sum()
    }

    fn packs(&self) -> impl Iterator<Item = (String, u64)> + use<> {
        let entries = fs::read_dir(self.git_dir().join("objects/pack")).into_iter().flatten().flatten();
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.metadata().map_or(0, |found| found.len())))
    }
}

/// All settings that the copy has.
fn config(url: &RemoteUrl) -> String {
    let url = url.as_git_takes_it().replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n\tbare = true\n[extensions]\n\tpartialClone = {REMOTE}\n\
         [remote \"{REMOTE}\"]\n\turl = \"{url}\"\n\tpromisor = true\n\tpartialclonefilter = blob:none\n"
    )
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
