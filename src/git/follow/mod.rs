//! A repository that is followed: what its branch stands at, and a copy of that, as little of it as is needed.
//!
//! The copy is a bare repository of our own: the newest commits without their files, then the files below the workspace's folder in one request. Must never: check
//! anything out, wait for a remote without an end, take a commit whose signature was to be checked and was not, or lose what is known because a remote is away.

mod cache;
mod history;
#[cfg(test)]
mod tests;
mod trouble;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::apart::Apart;
use super::program::{Answer, Git};
use super::{GitError, RemoteUrl, Repository, SshAccess, Token};
use cache::{Cache, HEAD, IN_FORCE};
use history::{FIRST_DEPTH, History};
use verify::Signers;
pub use verify::{Verify, Which};

/// How much a remote may send at once.
const MOST: u64 = 512 << 20;
/// Lines of references.
const REFERENCES: u64 = 64 << 10;
/// Names of files, a line each.
const NAMES: u64 = 64 << 20;
/// Files below the workspace's folder.
const MAX_FILES: usize = 20_000;
/// What a command of ours takes on this machine.
const LOCAL: Duration = Duration::from_secs(60);
/// Letters of a commit's number as people write it.
const SHORT: usize = 7;

/// A repository to follow.
#[derive(Clone, Debug)]
pub struct Remote {
    /// where it is
    pub url: RemoteUrl,
    /// a branch, a tag or `refs/…`; none: what the remote's HEAD is
    pub reference: Option<String>,
    /// the workspace's folder in it; empty: all of it
    pub path: String,
    /// whose signatures are asked for
    pub verify: Option<Verify>,
    /// how SSH signs in
    pub ssh: SshAccess,
    /// a way on which others can read along and put something else in its place
    pub allow_plain: bool,
    /// a folder of ours alone, for the copy
    pub cache: PathBuf,
    /// where this machine has what manifests name and the repository does not have
    pub root: PathBuf,
    /// how long one look at the remote may take in all
    pub limit: Duration,
}

/// Follows one remote. The cache folder is its own as long as it lives.
#[derive(Debug)]
pub struct Follower {
    remote: Remote,
    cache: Cache,
    /// something of the copy could not be read
    distrusted: bool,
    /// how much the remote may send at once
    most: u64,
    /// what it sent too much for: it is not asked for that again
    too_much: Option<(Seen, String)>,
}

/// What was looked at: the commit, and the file of signers as it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    commit: String,
    signers: u64,
}

/// What a remote's branch stands at.
#[derive(Debug)]
pub struct Fetched {
    /// the copy
    pub repository: Repository,
    /// all digits of the commit
    pub commit: String,
    /// `main@4f2c1e9`
    pub name: String,
    /// when it was made, as it says
    pub at: Timestamp,
    /// everybody who wrote what is new in it, by names and addresses
    pub authors: Vec<String>,
    /// what was known last does not lead to it
    pub rewritten: bool,
    /// whose signature it has, where one was asked for
    pub signer: Option<String>,
    /// why it must not be used, and what to do
    pub refused: Option<(String, String)>,
    /// to be handed back, so that it does not come again
    pub seen: Seen,
}

/// A reference of a remote.
struct Head {
    /// its whole name
    reference: String,
    /// what people call it
    shown: String,
    /// the commit, or the tag on it
    object: String,
    /// the commit
    commit: String,
}

/// One look, which ends at a moment.
struct Look<'f> {
    remote: &'f Remote,
    cache: &'f Cache,
    apart: Arc<Apart>,
    git: Git,
    most: u64,
    until: Instant,
}

impl Follower {
    /// Takes the cache folder. That is refused where somebody else has it, or where the address or the folder make no sense.
    pub fn open(remote: Remote) -> Result<Self, GitError> {
        if remote.url.goes_openly() && !remote.allow_plain {
            let what = format!("the way to {} is open: whoever is on it can put other manifests in the place of yours", remote.url.shown());
            let hint = "use the repository's https or ssh address".to_owned();
            return Err(GitError::Usage { what, hint });
        }
        check_reference(remote.reference.as_deref())?;
        let path = folder(&remote.path)?;
        let cache = Cache::open(&remote.cache)?;
        Ok(Self { remote: Remote { path, ..remote }, cache, distrusted: false, most: MOST, too_much: None })
    }

    /// What is followed.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The copy is made anew before it is used again.
    pub fn distrust(&mut self) {
        self.distrusted = true;
    }

    /// Looks at the remote; nothing where it stands at what was seen. `known` is the commit that was in force last: what is new is told from there.
    pub fn next(&mut self, known: Option<&str>, seen: Option<&Seen>, token: Option<Token<'_>>) -> Result<Option<Fetched>, GitError> {
        let signers = self.remote.verify.as_ref().map(Signers::read).transpose()?;
        let look = Look::start(&self.remote, &self.cache, self.most, token)?;
        if self.distrusted {
            self.cache.renew(&self.remote.url)?;
            self.distrusted = false;
        }
        self.cache.ready(&self.remote.url)?;
        let head = look.head()?;
        let now = Seen { commit: head.commit.clone(), signers: signers.as_ref().map_or(0, |signers| signers.number) };
        if seen == Some(&now) {
            return Ok(None);
        }
        if let Some((_, what)) = self.too_much.as_ref().filter(|(seen, _)| *seen == now) {
            return Err(GitError::TooMuch { what: what.clone() });
        }
        let taken = look.take(&head, known, signers.as_ref());
        if let Err(GitError::TooMuch { what }) = &taken {
            self.cache.renew(&self.remote.url)?;
            self.too_much = Some((now, what.clone()));
        }
        taken.map(Some)
    }

    /// The commit that was in force last, as the folder of the copy knows it.
    pub fn noted(&self) -> Option<String> {
        self.cache.noted()
    }

    /// This commit is in force from now on: a process that comes after finds it here, also while the remote is away.
    pub fn note(&mut self, commit: &str) -> Result<(), GitError> {
        self.cache.note(commit)?;
        let look = Look::start(&self.remote, &self.cache, self.most, None)?;
        look.local().ask(&["update-ref", IN_FORCE, commit]).map(drop)
    }

    /// A commit that was in force, whatever the branch stands at by now. The remote is asked for it where the copy lacks it.
    pub fn recall(&mut self, commit: &str, token: Option<Token<'_>>) -> Result<Fetched, GitError> {
        let signers = self.remote.verify.as_ref().map(Signers::read).transpose()?;
        let look = Look::start(&self.remote, &self.cache, self.most, token)?;
        self.cache.ready(&self.remote.url)?;
        look.bring_again(commit)?;
        let shown = self.remote.reference.as_deref().unwrap_or("HEAD");
        look.tell(commit.to_owned(), shown, &History::Same, signers.as_ref())
    }
}

impl<'f> Look<'f> {
    fn start(remote: &'f Remote, cache: &'f Cache, most: u64, token: Option<Token<'_>>) -> Result<Self, GitError> {
        let apart = Arc::new(Apart::new(&remote.url, &remote.ssh, token, cache.home())?);
        let git = Git::apart(cache.git_dir(), cache.home().to_owned(), apart.clone());
        Ok(Self { remote, cache, apart, git, most, until: Instant::now() + remote.limit })
    }

    /// Everything about what the remote stands at.
    fn take(&self, head: &Head, known: Option<&str>, signers: Option<&Signers>) -> Result<Fetched, GitError> {
        self.bring(head)?;
        let commit = self.local().ask(&["rev-parse", "--verify", "--end-of-options", &format!("{HEAD}^{{commit}}")])?;
        let history = self.history(&commit, known, &head.reference)?;
        self.tell(commit, &head.shown, &history, signers)
    }

    /// Everything about a commit that is here.
    fn tell(&self, commit: String, shown: &str, history: &History, signers: Option<&Signers>) -> Result<Fetched, GitError> {
        let (at, mut authors) = self.story(&commit, history)?;
        let name = format!("{shown}@{}", commit.get(..SHORT).unwrap_or(&commit));
        let (signed, refused) = match signers.map(|signers| self.verify(&commit, history, signers)).transpose()? {
            Some(Ok(signed)) => (signed, None),
            Some(Err(refused)) => (Vec::new(), Some(refused)),
            None => (Vec::new(), None),
        };
        // A signature proves who wrote it; whatever the commit says of that is free text.
        for signer in &signed {
            if !authors.contains(signer) {
                authors.push(signer.clone());
            }
        }
        if refused.is_none() {
            self.bring_files(&commit)?;
        }
        let repository = Repository {
            git: self.git.within(LOCAL),
            root: self.remote.root.clone(),
            has_work_tree: false,
            scratch: Some(self.cache.files().to_owned()),
        };
        let seen = Seen { commit: commit.clone(), signers: signers.map_or(0, |signers| signers.number) };
        let (rewritten, signer) = (matches!(history, History::Rewritten(_)), signed.into_iter().next());
        Ok(Fetched { repository, commit, name, at, authors, rewritten, signer, refused, seen })
    }

    /// The newest commits. A copy that is spoilt is made anew, once.
    fn bring(&self, head: &Head) -> Result<(), GitError> {
        let made_anew = self.cache.is_worn();
        if made_anew {
            self.cache.renew(&self.remote.url)?;
        } else if self.local().ask(&["rev-parse", "--verify", "--quiet", HEAD]).is_ok_and(|object| object == head.object) {
            return Ok(());
        }
        let brought = self.fetch(&head.reference, FIRST_DEPTH);
        match brought {
            // The remote answered a moment ago, so it may be the copy.
            Err(GitError::Remote { .. }) if !made_anew && self.cache.has_packs() && Instant::now() < self.until => {
                self.cache.renew(&self.remote.url)?;
                self.fetch(&head.reference, FIRST_DEPTH)
            }
            other => other,
        }
    }

    /// One commit by its number, unless it is here.
    fn bring_again(&self, commit: &str) -> Result<(), GitError> {
        let here = |reference: &str| self.local().ask(&["rev-parse", "--verify", "--quiet", reference]).is_ok_and(|found| found == commit);
        if here(IN_FORCE) || here(HEAD) {
            return Ok(());
        }
        let refspec = format!("+{commit}:{IN_FORCE}");
        let arguments =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--depth=1", cache::REMOTE, &refspec];
        self.far(&arguments, Vec::new(), REFERENCES).map(drop)
    }

    fn fetch(&self, reference: &str, depth: u32) -> Result<(), GitError> {
        let (depth, refspec) = (format!("--depth={depth}"), format!("+{reference}:{HEAD}"));
        let arguments = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", &depth, cache::REMOTE, &refspec];
        self.far(&arguments, Vec::new(), REFERENCES).map(drop)
    }

    /// The files below the workspace's folder, in one request.
    fn bring_files(&self, commit: &str) -> Result<(), GitError> {
        let tree = format!("{commit}:{}", self.remote.path);
        let answer = self.local().run(&["rev-list", "--objects", "--no-object-names", "--missing=print", &tree], Vec::new(), NAMES)?;
        // Of a folder that the commit does not have there is nothing to bring.
        let text = String::from_utf8_lossy(&answer.output);
        let missing: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix('?')).collect();
        if text.lines().count() > 2 * MAX_FILES {
            return Err(GitError::TooMuch { what: format!("there are more than {MAX_FILES} files in the workspace's folder") });
        }
        if !answer.succeeded || missing.is_empty() {
            return Ok(());
        }
        let wanted = missing.iter().flat_map(|blob| blob.bytes().chain([b'\n'])).collect();
        let arguments = [
            "-c",
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--filter=blob:none",
            "--stdin",
            cache::REMOTE,
        ];
        self.far(&arguments, wanted, REFERENCES).map(drop)
    }

    /// What the remote's reference is now.
    fn head(&self) -> Result<Head, GitError> {
        let wanted = self.remote.reference.as_deref();
        let names = match wanted {
            None => vec!["HEAD".to_owned()],
            Some(whole) if whole.starts_with("refs/") => vec![whole.to_owned(), format!("{whole}^{{}}")],
            Some(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}"), format!("refs/tags/{name}^{{}}")],
        };
        let arguments: Vec<&str> =
            ["ls-remote", "--quiet", "--symref", cache::REMOTE].into_iter().chain(names.iter().map(String::as_str)).collect();
        let answer = self.far(&arguments, Vec::new(), REFERENCES)?;
        let text = String::from_utf8_lossy(&answer.output);
        let lines: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('\t')).collect();
        let of =
            |name: &str| lines.iter().find(|(object, known)| *known == name && is_object(object)).map(|(object, _)| (*object).to_owned());
        let missing = || trouble::no_reference(&self.remote.url, wanted);
        let found = names.iter().find_map(|name| Some((name, of(name)?)));
        let (name, object) = found.ok_or_else(missing)?;
        let reference = match wanted {
            Some(_) => name.clone(),
            None => lines
                .iter()
                .find_map(|(target, name)| (*name == "HEAD").then(|| target.strip_prefix("ref: "))?)
                .unwrap_or("HEAD")
                .to_owned(),
        };
        let shown = ["refs/heads/", "refs/tags/"].iter().find_map(|start| reference.strip_prefix(start)).unwrap_or(&reference).to_owned();
        let commit = of(&format!("{name}^{{}}")).unwrap_or_else(|| object.clone());
        Ok(Head { reference, shown, object, commit })
    }

    /// A command on this machine alone.
    fn local(&self) -> Git {
        self.git.within(LOCAL)
    }

    /// A command that speaks to the remote.
    fn far(&self, arguments: &[&str], input: Vec<u8>, most: u64) -> Result<Answer, GitError> {
        let left = self.until.saturating_duration_since(Instant::now());
        let before = self.cache.size();
        let look = || match self.cache.size().saturating_sub(before) > self.most {
            true => Err(GitError::TooMuch { what: format!("the repository sends more than {} at once", crate::files::size(self.most)) }),
            false => Ok(()),
        };
        match self.git.within(left).watched(arguments, input, most, &look) {
            Ok(answer) if answer.succeeded => look().map(|()| answer),
            Ok(answer) => Err(trouble::told(&self.remote.url, &self.apart.hide(&answer.said))),
            Err(GitError::Timeout { .. }) => Err(trouble::late(&self.remote.url, self.remote.limit)),
            Err(other) => Err(other),
        }
    }
}

/// A name that git takes for nothing but a reference's.
fn check_reference(reference: Option<&str>) -> Result<(), GitError> {
    let odd = |sign: char| sign.is_control() || sign.is_whitespace() || ['~', '^', ':', '?', '*', '[', '\\', '"'].contains(&sign);
    match reference {
        Some(name)
            if name.is_empty() || name.starts_with(['-', '/', '.']) || name.contains("..") || name.contains("@{") || name.contains(odd) =>
        {
            Err(GitError::Usage {
                what: format!("{name:?} is no name of a branch or a tag"),
                hint: "write `main`, `v1.2` or `refs/…`".into(),
            })
        }
        _ => Ok(()),
    }
}

/// The workspace's folder as the repository calls it.
fn folder(path: &str) -> Result<String, GitError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if path.starts_with('/') || parts.contains(&"..") || path.contains(|sign: char| sign.is_control()) {
        let what = format!("{path:?} is no folder of a repository");
        return Err(GitError::Usage { what, hint: "it counts from the repository's root: `identity/people`".to_owned() });
    }
    Ok(parts.join("/"))
}

fn is_object(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|sign| sign.is_ascii_hexdigit())
}
