//! A repository that is followed at real servers: how much is asked of them, who signs in, what becomes of one that is away or never answers; and what its host
//! is told of a commit.

use std::time::{Duration, Instant};

use headcount::forge::{Access, CommitHost, CommitState, CommitStatus, HostKind, Patience};
use headcount::git::{Follower, GitError, Remote, RemoteUrl, Seen, SshAccess, Token};
use headcount::http::{Credentials, Url};
use headcount::secret::SecretString;

use crate::cli::Folder;
use crate::support::answers;
use crate::support::forge::{Forge, Speaks, Trouble};
use crate::support::git::{GitDaemon, GitHttp, Pushed, silent};

const MANIFEST: &str = "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n";
const TOKEN: &str = "ghp_0123456789abcdefSECRET";

/// Somebody who follows it, and what was seen.
struct Following {
    follower: Follower,
    seen: Option<Seen>,
    token: Option<SecretString>,
    _cache: tempfile::TempDir,
}

impl Following {
    fn of(url: &str, limit: Duration) -> Self {
        let cache = tempfile::tempdir().expect("a folder");
        let remote = Remote {
            url: RemoteUrl::parse(url).expect("an address"),
            reference: Some("main".to_owned()),
            path: "people".to_owned(),
            verify: None,
            ssh: SshAccess::default(),
            allow_plain: false,
            cache: cache.path().join("cache"),
            root: cache.path().join("root"),
            limit,
        };
        Self { follower: Follower::open(remote).expect("a cache"), seen: None, token: None, _cache: cache }
    }

    /// The commit that is new, and how many manifests it has.
    fn next(&mut self, known: Option<&str>) -> Result<Option<(String, usize)>, GitError> {
        let token = self.token.as_ref().map(|token| Token { user: "x-access-token", token });
        let Some(fetched) = self.follower.next(known, self.seen.as_ref(), token)? else { return Ok(None) };
        let found = fetched.repository.tree(&fetched.commit)?.manifests(&["people".to_owned()])?;
        self.seen = Some(fetched.seen);
        Ok(Some((fetched.commit, found.texts.len())))
    }

    fn told(&mut self) -> String {
        let error = self.next(None).expect_err("it is refused");
        format!("{error}; {}; {error:?}", error.hint().unwrap_or_default())
    }
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

#[test]
fn an_unchanged_branch_costs_one_look_and_a_push_brings_only_its_files() {
    let pushed = Pushed::new();
    pushed.push("elsewhere/big.bin", &"x".repeat(1 << 20));
    for at in 0..40 {
        pushed.push(&format!("people/{at}.yaml"), MANIFEST);
    }
    let server = GitHttp::start(&pushed, None);
    let mut following = Following::of(&server.url, minute());
    assert_eq!(following.next(None).expect("it is there").map(|(_, count)| count), Some(40));
    let asked = server.asked();
    assert_eq!(asked.iter().filter(|what| *what == "fetch").count(), 2, "commits, then forty files in one request: {asked:?}");
    for _ in 0..3 {
        assert_eq!(following.next(None).expect("it is there"), None);
        assert_eq!(server.asked(), ["refs", "ls-refs"]);
    }
    let new = pushed.push("people/0.yaml", "# new\n");
    assert_eq!(following.next(None).expect("it is there"), Some((new.clone(), 40)));
    assert_eq!(server.asked().iter().filter(|what| *what == "fetch").count(), 2);
    // What is pushed elsewhere has no file for us.
    let other = pushed.push("elsewhere/notes.txt", "x");
    assert_eq!(following.next(Some(&new)).expect("it is there"), Some((other, 40)));
    assert_eq!(server.asked().iter().filter(|what| *what == "fetch").count(), 1);
}

#[test]
fn a_token_signs_in_and_stands_in_no_error_and_in_no_file() {
    let pushed = Pushed::new();
    pushed.push("people/a.yaml", MANIFEST);
    let server = GitHttp::start(&pushed, Some(&format!("x-access-token:{TOKEN}")));
    let mut following = Following::of(&server.url, minute());
    let told = following.told();
    assert!(told.contains("could not read Username") && told.contains("HEADCOUNT_GIT_TOKEN"), "{told}");
    following.token = Some("wrong-0123456789abcdef".into());
    let told = following.told();
    assert!(told.contains("HEADCOUNT_GIT_TOKEN") && !told.contains("wrong-0123456789abcdef"), "{told}");
    assert!(server.asked().iter().all(|what| what.ends_with("refused")));
    following.token = Some(TOKEN.into());
    assert!(following.next(None).expect("it is let in").is_some());
    let kept = std::process::Command::new("grep").args(["-r", "-l", "-e", TOKEN]).arg(following._cache.path()).output().expect("grep");
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "");
}

#[test]
fn nobody_is_sent_on_to_another_place_with_the_token() {
    let pushed = Pushed::new();
    pushed.push("people/a.yaml", MANIFEST);
    let other = GitHttp::start(&pushed, None);
    let place = other.url.clone();
    let moved = answers::serve(move |line| {
        let query = line.split_once('?').map_or("", |(_, query)| query);
        (301, format!("location: {place}/info/refs?{query}\r\n"), String::new())
    });
    let mut following = Following::of(&format!("{moved}/identity.git"), minute());
    following.token = Some(TOKEN.into());
    let told = following.told();
    assert!(told.contains("it is somewhere else now: name its new address") && !told.contains(TOKEN), "{told}");
    assert_eq!(other.asked(), [""; 0]);
}

/// Command lines of all processes with a word in them.
fn processes(word: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(word)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_remote_that_never_answers_is_given_up_with_all_that_was_started_for_it() {
    let (url, came) = silent();
    let mut following = Following::of(&url, Duration::from_secs(2));
    following.token = Some(TOKEN.into());
    let followed = std::thread::spawn(move || {
        let told = following.told();
        (told, following)
    });
    came.recv().expect("somebody came");
    let running = processes(&url);
    assert!(!running.is_empty() && running.iter().all(|line| !line.contains(TOKEN)), "{running:?}");
    assert_eq!(processes(TOKEN), [""; 0]);
    let (told, _following) = followed.join().expect("an error");
    assert!(told.contains("it did not come to an end within 2 seconds, and was ended") && !told.contains(TOKEN), "{told}");
    let since = Instant::now();
    while !processes(&url).is_empty() {
        assert!(since.elapsed() < minute(), "{:?}", processes(&url));
        std::thread::yield_now();
    }
}

#[test]
fn a_remote_that_is_away_is_an_error_until_it_is_back() {
    let pushed = Pushed::new();
    let first = pushed.push("people/a.yaml", MANIFEST);
    let daemon = GitDaemon::start(&pushed);
    let mut following = Following::of(&daemon.url, minute());
    assert_eq!(following.next(None).expect("it is there"), Some((first, 1)));
    drop(daemon);
    let told = following.told();
    assert!(told.contains("is it reachable from here") && told.contains("can't fetch from git://127.0.0.1"), "{told}");
}

fn access(forge: &Forge, speaks: Speaks) -> Access {
    let credentials = match speaks {
        Speaks::GitHub => Credentials::Bearer("t0ken".into()),
        Speaks::GitLab => Credentials::Headers(vec![("PRIVATE-TOKEN".to_owned(), "t0ken".into())]),
    };
    let patience = Patience { most: Duration::ZERO, told: |_| {} };
    Access { api: Url::parse(&forge.url).expect("an address"), credentials, patience }
}

#[tokio::test]
async fn a_commit_has_a_status_without_any_request_of_its_own() {
    let status = |state, sentence: &str| CommitStatus { name: "headcount/acme".into(), state, sentence: sentence.into(), url: None };
    for (speaks, kind, repository, path, words) in [
        (Speaks::GitHub, HostKind::GitHub, "acme/identity", "/repos/acme/identity/statuses/c0ffee", ["pending", "success", "failure"]),
        (
            Speaks::GitLab,
            HostKind::GitLab,
            "acme/people/identity",
            "/projects/acme%2Fpeople%2Fidentity/statuses/c0ffee",
            ["pending", "success", "failed"],
        ),
    ] {
        let forge = Forge::with(speaks, "/api", &[]);
        let host = CommitHost::new(kind, access(&forge, speaks), repository).expect("a host");
        for state in [CommitState::Pending, CommitState::Success, CommitState::Failure] {
            host.set("c0ffee", &status(state, &"3 held, ".repeat(60))).await.expect("it is set");
        }
        assert_eq!(forge.state().asked.first().map(String::as_str), Some(format!("POST /api{path}").as_str()));
        assert_eq!(forge.verbs(), "POST POST POST");
        let state = forge.state();
        let told: Vec<_> = state.signals.iter().map(|signal| signal["state"].as_str().expect("a state")).collect();
        assert_eq!(told, words);
        let most = state.signals.iter().map(|signal| signal["description"].as_str().expect("words").chars().count()).max();
        assert_eq!(most, Some(if kind == HostKind::GitHub { 140 } else { 255 }));
    }
}

#[tokio::test]
async fn a_host_that_has_that_status_already_is_content_and_one_that_refuses_says_why() {
    let forge = Forge::with(Speaks::GitLab, "", &[]);
    let host = CommitHost::new(HostKind::GitLab, access(&forge, Speaks::GitLab), "12").expect("a host");
    let pending = CommitStatus { name: "headcount/acme".into(), state: CommitState::Pending, sentence: "12 wait".into(), url: None };
    let already =
        r#"{"message": "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via \"enqueue\")"}"#;
    forge.state().trouble.push(Trouble { verb: "POST", status: 400, headers: "", body: already, done: false });
    host.set("c0ffee", &pending).await.expect("it is so already");
    forge.state().trouble.push(Trouble { verb: "POST", status: 403, headers: "", body: r#"{"message": "403 Forbidden"}"#, done: false });
    let told = host.set("c0ffee", &pending).await.expect_err("it is refused");
    assert!(told.message.starts_with("can't set the status of c0ffee in 12: the token may not") && told.hint.is_some(), "{told:?}");
    assert!(CommitHost::new(HostKind::GitHub, access(&forge, Speaks::GitHub), "identity").is_err());
    assert_eq!(
        (HostKind::of("github.com"), HostKind::of("gitlab.com"), HostKind::of("git.acme.example")),
        (Some(HostKind::GitHub), Some(HostKind::GitLab), None)
    );
    assert_eq!(HostKind::GitHub.api("git.acme.example").map(String::from), Some("https://git.acme.example/api/v3".to_owned()));
}

#[test]
fn the_controller_shows_at_the_host_how_the_commit_stands() {
    let pushed = Pushed::new();
    pushed.push("people/hr.csv", "id\n1\n");
    let source = "apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {name: hr}\nspec:\n  connection: {file: {path: hr.csv}}\n  key: record.id\n  \
                  mapping: {rules: [{attribute: userName, value: record.id}]}\n";
    let commit = pushed.push("people/workspace.yaml", &format!("{MANIFEST}---\n{source}"));
    let forge = Forge::with(Speaks::GitLab, "/api/v4", &[]);
    let folder = Folder::with(&[]);
    let run = |forge: &Forge, token: &str| {
        let work = pushed.work().display().to_string();
        let command = folder.run(["controller", "--once", "--git", &work, "--path", "people", "--commit-status", "gitlab"]);
        let command = command.env("HEADCOUNT_STATUS_API", &forge.url).env("HEADCOUNT_STATUS_TOKEN", token);
        let output = command.assert().success().get_output().clone();
        String::from_utf8(output.stderr).expect("text")
    };
    let told = run(&forge, "t0ken");
    assert!(told.contains(&format!("main@{} is in force", &commit[..7])), "{told}");
    let state = forge.state();
    assert!(state.asked.iter().all(|line| line.ends_with(&format!("/statuses/{commit}"))), "{:?}", state.asked);
    let last = state.signals.last().expect("a status");
    assert_eq!(
        (last["name"].as_str(), last["state"].as_str(), last["description"].as_str()),
        (Some("headcount/acme"), Some("success"), Some("as declared"))
    );
    drop(state);
    // A host that does not let it in stops nothing, and is told without the token.
    let told = run(&forge, "wr0ng-t0ken");
    assert!(told.contains("does not take the token") && !told.contains("wr0ng-t0ken"), "{told}");
}
