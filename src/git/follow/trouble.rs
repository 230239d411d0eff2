//! What a remote's refusal means, and what to do about it.
//!
//! Must never: repeat who signs in, or a sign that a terminal would take for more than a sign.

use std::time::Duration;

use crate::git::{GitError, RemoteUrl, Scheme};
use crate::render::safe;

/// Letters of git's words that are handed on.
const WORDS: usize = 300;

/// What git says when a remote did not do as asked.
pub(super) fn told(url: &RemoteUrl, said: &str) -> GitError {
    let words = words(url, said);
    GitError::Remote { place: url.shown(), hint: hint(url, said), words }
}

/// It did not come to an end.
pub(super) fn late(url: &RemoteUrl, limit: Duration) -> GitError {
    let words = format!("it did not come to an end within {} seconds, and was ended", limit.as_secs());
    GitError::Remote { place: url.shown(), words, hint: "is it reachable from here, and is a proxy needed? It is tried again".to_owned() }
}

/// It answers, and has no such thing.
pub(super) fn no_reference(url: &RemoteUrl, reference: Option<&str>) -> GitError {
    let (words, hint) = match reference {
        Some(name) => (format!("there is no branch and no tag `{name}`"), "was it deleted or renamed? Its name is what `--ref` says"),
        None => ("its HEAD is no branch that is there".to_owned(), "push a commit, or name the branch: `--ref main`"),
    };
    GitError::Remote { place: url.shown(), words, hint: hint.to_owned() }
}

/// The line that tells most: what ssh or the host said stands before git's own.
fn words(url: &RemoteUrl, said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let vague = |line: &&&str| !line.contains("Could not read from remote repository") && !line.starts_with("warning: ");
    let telling = lines.iter().filter(vague).find(|line| line.starts_with("fatal: ") || line.starts_with("error: "));
    let line = telling.or_else(|| lines.iter().rfind(|line| vague(line) && !line.starts_with("Please make sure"))).copied();
    let line = line.unwrap_or("git says nothing about why").trim_start_matches("fatal: ").trim_start_matches("error: ");
    let plain = line.replace(url.as_git_takes_it(), &url.shown());
    let user = url.as_git_takes_it().split_once('@').map(|(before, _)| before.rsplit('/').next().unwrap_or(before));
    let plain = user.map_or(plain.clone(), |user| plain.replace(&format!("{user}@"), ""));
    safe::line(&plain.chars().take(WORDS).collect::<String>()).into_owned()
}

fn hint(url: &RemoteUrl, said: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let table: [(&[&str], &str); 9] = [
        (
            &["could not read Username", "could not read Password", "Authentication failed", "error: 401", "error: 403", "HTTP Basic"],
            "hand a token over that may read the repository: HEADCOUNT_GIT_TOKEN, or a file; has it ended?",
        ),
        (
            &["Host key verification failed"],
            "put the host's key into the file of known hosts; `ssh-keyscan HOST` shows it, and its owner says whether it is that one",
        ),
        (&["Permission denied (publickey"], "hand over the private key of a deploy key that may read the repository"),
        (
            &["error: 301", "error: 302", "error: 307", "error: 308", "redirect"],
            "it is somewhere else now: name its new address, to the letter (`.git` at its end?)",
        ),
        (&["SSL", "certificate", "CAfile"], "name the file of the authority that signs its certificate: GIT_SSL_CAINFO"),
        (
            &["fsck", "corrupt", "bad object"],
            "the repository has an object that is not sound; git's own check is `git fsck --full` in a clone",
        ),
        (&["dubious ownership"], "the folder belongs to somebody else; run headcount as its owner, or serve it over https or ssh"),
        (
            &["not found", "does not appear to be a git repository", "does not exist", "error: 404"],
            "is the address right? A host also says so of what a token may not see: HEADCOUNT_GIT_TOKEN",
        ),
        (
            &["Could not resolve", "Failed to connect", "Couldn't connect", "Connection refused", "timed out", "unreachable"],
            "is it reachable from here, and is a proxy needed? It is tried again",
        ),
    ];
    match table.iter().find(|(words, _)| has(words)) {
        Some((_, hint)) => (*hint).to_owned(),
        None if url.scheme() == Scheme::File => "is it a git repository, and may headcount read it?".to_owned(),
        None => "it is tried again".to_owned(),
    }
}
