//! What to fetch where history is missing: commands that can be run as they stand.

use super::{Commit, GitError, Repository};

impl Repository {
    /// A revision that this clone does not have.
    pub(super) fn not_here(&self, named: &str) -> Result<GitError, GitError> {
        let depth = self.depth()?;
        let what = format!("`{named}` is not in this clone{}", depth_in_words(depth));
        Ok(GitError::Missing { what, hint: format!("fetch it: `{}`, or correct the name", self.fetch(named, depth.is_some())?) })
    }

    /// Two revisions without a common commit, as far as this clone goes.
    pub(super) fn no_merge_base(&self, base: &Commit, head: &Commit) -> Result<GitError, GitError> {
        let Some(depth) = self.depth()? else {
            let what = format!("`{}` and `{}` have no commit in common", base.named, head.named);
            return Ok(GitError::Missing { what, hint: format!("to compare with `{}` itself: `--base-exact`", base.named) });
        };
        let what = format!("where `{}` forked off from `{}` is not in this clone{}", head.named, base.named, depth_in_words(Some(depth)));
        let remote = self.remote_of(&base.named)?.map_or_else(|| "origin".to_owned(), |(remote, _)| remote);
        let hint = format!(
            "fetch the history: `git fetch --no-tags --unshallow {remote}` (in a checkout of CI: `fetch-depth: 0`); or compare with `{}` itself: `--base-exact`",
            base.named
        );
        Ok(GitError::Missing { what, hint })
    }

    /// A file of a revision that a partial clone left out.
    pub(super) fn blobs_missing(&self, commit: &str, path: &str) -> GitError {
        let short = commit.get(..12).unwrap_or(commit);
        let what = format!("`{path}` of {short} is not in this clone");
        let hint = if self.git.is_offline() {
            "`--offline` fetches nothing; leave it out, or fetch all of the revision before: `git fetch --refetch --no-filter`"
        } else {
            "fetch all of the revision: `git fetch --refetch --no-filter`"
        };
        GitError::Missing { what, hint: hint.to_owned() }
    }

    /// How many commits a shallow clone has behind its head; nothing where it has all.
    fn depth(&self) -> Result<Option<u64>, GitError> {
        if self.git.ask(&["rev-parse", "--is-shallow-repository"])? != "true" {
            return Ok(None);
        }
        let count = self.git.ask(&["rev-list", "--count", "--first-parent", "HEAD"]).ok().and_then(|count| count.parse().ok());
        Ok(Some(count.unwrap_or(0)))
    }

    /// The command that brings a revision. A branch of a remote needs its place named, since clones of one branch keep no other.
    fn fetch(&self, named: &str, shallow: bool) -> Result<String, GitError> {
        let depth = if shallow { " --depth=1" } else { "" };
        Ok(match self.remote_of(named)? {
            Some((remote, branch)) => format!("git fetch --no-tags{depth} {remote} +{branch}:refs/remotes/{remote}/{branch}"),
            None => format!("git fetch --no-tags{depth} origin {named}"),
        })
    }

    /// `origin/main` as the remote and its branch.
    fn remote_of(&self, named: &str) -> Result<Option<(String, String)>, GitError> {
        let remotes = self.git.ask(&["remote"])?;
        let mut known = remotes.lines().filter_map(|remote| Some((remote, named.strip_prefix(remote)?.strip_prefix('/')?)));
        Ok(known.next().map(|(remote, branch)| (remote.to_owned(), branch.to_owned())))
    }
}

fn depth_in_words(depth: Option<u64>) -> String {
    depth.map(|depth| if depth == 0 { " (a shallow one)".to_owned() } else { format!(" (depth {depth})") }).unwrap_or_default()
}
