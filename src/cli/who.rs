//! Who runs it, for the journal and for whoever finds the lock taken: in CI the actor and the commit, else the user, and where nothing names one the uid.
//!
//! Must never: say nobody, or take more of the environment into the journal than a name and a commit.

/// Who started a pipeline: what somebody says comes first, then GitHub, GitLab, Azure, Buildkite, CircleCI, Jenkins.
const ACTORS: &[&str] = &[
    "HEADCOUNT_ACTOR",
    "GITHUB_ACTOR",
    "GITLAB_USER_LOGIN",
    "BUILD_REQUESTEDFOREMAIL",
    "BUILDKITE_BUILD_CREATOR_EMAIL",
    "CIRCLE_USERNAME",
    "BUILD_USER_ID",
];
/// And what it was started for, in the same order.
const COMMITS: &[&str] =
    &["HEADCOUNT_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION", "BUILDKITE_COMMIT", "CIRCLE_SHA1", "GIT_COMMIT"];
const USERS: &[&str] = &["SUDO_USER", "USER", "LOGNAME"];
/// Letters of a name that are kept.
const NAME: usize = 100;
/// Digits of a commit that are kept: enough to find it by.
const COMMIT: usize = 12;

/// `octocat, commit 1a2b3c4d5e6f`, `jane` or `uid 1000`.
pub fn who() -> String {
    told(|name| std::env::var(name).ok(), uid)
}

/// What runs all the time, and who runs it: `the controller of jane`.
pub fn service(name: &str) -> String {
    format!("the {name} of {}", person())
}

/// The same without a commit: for what is compared with others' names, such as an approver with authors.
pub fn person() -> String {
    named(&|name| std::env::var(name).ok(), uid)
}

fn first(variable: &impl Fn(&str) -> Option<String>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
}

fn named(variable: &impl Fn(&str) -> Option<String>, uid: impl Fn() -> Option<u32>) -> String {
    let named = first(variable, ACTORS).or_else(|| first(variable, USERS)).map(|name| name.chars().take(NAME).collect());
    named.or_else(|| uid().map(|uid| format!("uid {uid}"))).unwrap_or_else(|| "unknown".to_owned())
}

fn told(variable: impl Fn(&str) -> Option<String>, uid: impl Fn() -> Option<u32>) -> String {
    let name = named(&variable, uid);
    match first(&variable, COMMITS).filter(|commit| is_commit(commit)) {
        Some(commit) => format!("{name}, commit {}", commit.chars().take(COMMIT).collect::<String>()),
        None => name,
    }
}

fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The owner of a file that this process makes.
#[cfg(unix)]
fn uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    tempfile::tempfile().and_then(|file| file.metadata()).ok().map(|made| made.uid())
}

#[cfg(not(unix))]
fn uid() -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::told;

    fn who(environment: &[(&str, &str)]) -> String {
        told(|name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()), || Some(1000))
    }

    #[test]
    fn the_actor_and_the_commit_in_ci_else_the_user_else_the_uid() {
        let sha = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
        assert_eq!(who(&[("GITHUB_ACTOR", "octocat"), ("GITHUB_SHA", sha), ("USER", "runner")]), "octocat, commit 1a2b3c4d5e6f");
        assert_eq!(who(&[("GITLAB_USER_LOGIN", "jane"), ("CI_COMMIT_SHA", sha)]), "jane, commit 1a2b3c4d5e6f");
        assert_eq!(who(&[("HEADCOUNT_ACTOR", "bot"), ("GITHUB_ACTOR", "octocat"), ("GIT_COMMIT", "a")]), "bot");
        assert_eq!(who(&[("GIT_COMMIT", sha), ("USER", "jenkins")]), "jenkins, commit 1a2b3c4d5e6f");
        assert_eq!(who(&[("USER", " "), ("LOGNAME", "jane")]), "jane");
        assert_eq!(who(&[("CI_COMMIT_SHA", "rm -rf, the whole")]), "uid 1000");
        assert_eq!(told(|_| None, || None), "unknown");
    }
}
