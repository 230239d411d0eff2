//! Repositories that a test makes, followed as those of users are. Servers that speak to others stand in `tests/git.rs`.

use super::*;
use crate::files::FileTree;
use crate::git::tests::Made;
use crate::git::{Beside, Overlay};

/// A remote, and who follows it.
struct Followed {
    made: Made,
    cache: tempfile::TempDir,
}

impl Followed {
    fn new() -> Self {
        let made = Made::new();
        made.git(&["config", "uploadpack.allowFilter", "true"]);
        Self { made, cache: tempfile::tempdir().unwrap() }
    }

    fn remote(&self) -> Remote {
        Remote {
            url: RemoteUrl::parse(self.made.path().to_str().unwrap()).unwrap(),
            reference: Some("main".to_owned()),
            path: "identity".to_owned(),
            verify: None,
            ssh: SshAccess::default(),
            allow_plain: false,
            cache: self.cache.path().join("cache"),
            root: self.cache.path().join("root"),
            limit: Duration::from_secs(60),
        }
    }

    fn follow(&self) -> Following {
        Following::of(self.remote())
    }
}

/// A follower, and what it saw last.
struct Following {
    follower: Follower,
    seen: Option<Seen>,
}

impl Following {
    fn of(remote: Remote) -> Self {
        Self { follower: Follower::open(remote).unwrap(), seen: None }
    }

    fn next(&mut self, known: Option<&str>) -> Result<Option<Fetched>, GitError> {
        let fetched = self.follower.next(known, self.seen.as_ref(), None)?;
        self.seen = fetched.as_ref().map(|fetched| fetched.seen.clone()).or(self.seen.take());
        Ok(fetched)
    }
}

fn told<T: std::fmt::Debug>(result: Result<T, GitError>) -> String {
    let error = result.unwrap_err();
    format!("{error}; {}", error.hint().unwrap_or_default())
}

fn next(follower: &mut Following, known: Option<&str>) -> Option<Fetched> {
    follower.next(known).unwrap()
}

/// The manifests and what is wrong with others.
fn manifests(fetched: &Fetched) -> Vec<String> {
    let found = fetched.repository.tree(&fetched.commit).unwrap().manifests(&["identity".to_owned()]).unwrap();
    let texts = found.texts.iter().map(|text| format!("{}: {}", text.name, String::from_utf8_lossy(&text.bytes).trim()));
    texts.chain(found.problems.iter().map(|problem| problem.message.clone())).collect()
}

#[test]
fn what_is_pushed_arrives_once_and_a_restart_finds_it_without_a_fetch() {
    let remote = Followed::new();
    let first = remote.made.write("identity/a.yaml", "a: 1").write("elsewhere/big.yaml", "b: 1").commit("first");
    let mut follower = remote.follow();
    let fetched = next(&mut follower, None).unwrap();
    assert_eq!((fetched.commit.as_str(), fetched.name.as_str()), (first.as_str(), format!("main@{}", &first[..7]).as_str()));
    assert_eq!((manifests(&fetched), fetched.rewritten), (vec!["identity/a.yaml: a: 1".to_owned()], false));
    assert_eq!(fetched.authors, ["Test", "test@acme.example"]);
    assert!(next(&mut follower, None).is_none() && next(&mut follower, Some(&first)).is_none());
    let second = remote.made.write("identity/a.yaml", "a: 2").commit("second\n\nCo-authored-by: Mara Lind <mara@acme.example>");
    let fetched = next(&mut follower, Some(&first)).unwrap();
    assert_eq!((fetched.commit.as_str(), fetched.rewritten), (second.as_str(), false));
    assert_eq!(fetched.authors, ["Test", "test@acme.example", "Mara Lind", "mara@acme.example"]);
    assert_eq!(manifests(&fetched), ["identity/a.yaml: a: 2"]);
    // The folder is one process's.
    assert!(told(Follower::open(remote.remote())).contains("another process follows a repository in "));
    let packs = follower.follower.cache.size();
    let same = follower.follower.cache.git_dir().join("same");
    std::fs::write(&same, "").unwrap();
    drop(follower);
    let mut follower = remote.follow();
    assert_eq!(next(&mut follower, Some(&second)).unwrap().commit, second, "what is in force has to be loaded");
    assert_eq!(follower.follower.cache.size(), packs, "and nothing was fetched for it");
    assert!(same.exists(), "nor was the copy made anew");
}

#[test]
fn only_the_newest_commits_and_the_folders_files_are_copied() {
    let remote = Followed::new();
    for at in 0..60 {
        remote.made.write("identity/a.yaml", &format!("a: {at}")).write("elsewhere/big.bin", &"x".repeat(at * 100)).commit("more");
    }
    let mut follower = remote.follow();
    let fetched = next(&mut follower, None).unwrap();
    let git = |arguments: &[&str]| fetched.repository.git.ask(arguments).unwrap();
    assert_eq!(git(&["rev-list", "--count", HEAD]), "50");
    let blobs = git(&["rev-list", "--objects", "--no-object-names", "--missing=print", &format!("{HEAD}^{{tree}}")]);
    let missing = blobs.lines().filter(|line| line.starts_with('?')).count();
    assert_eq!(missing, 1, "the file elsewhere: {blobs}");
    assert!(!follower.follower.cache.git_dir().join("hooks").exists());
}

#[test]
fn history_is_deepened_until_what_was_in_force_is_found_and_a_rewritten_one_is_told() {
    let remote = Followed::new();
    let old = remote.made.write("identity/a.yaml", "a: 0").commit("old");
    for _ in 0..120 {
        remote.made.commit("more");
    }
    let mut follower = remote.follow();
    let fetched = next(&mut follower, Some(&old)).unwrap();
    assert!(!fetched.rewritten);
    // Somebody pushes another history by force.
    remote.made.git(&["checkout", "-q", "--orphan", "new"]);
    remote.made.git(&["commit", "-q", "--allow-empty", "-m", "below it", "--author", "Mallory <mallory@acme.example>"]);
    let forced = remote.made.write("identity/a.yaml", "a: forced").commit("forced");
    remote.made.git(&["branch", "-q", "-f", "main", &forced]);
    let forced = next(&mut follower, Some(&fetched.commit)).unwrap();
    assert_eq!((manifests(&forced), forced.rewritten), (vec!["identity/a.yaml: a: forced".to_owned()], true));
    assert!(forced.authors.contains(&"mallory@acme.example".to_owned()), "all of it is new: {:?}", forced.authors);
    // What was never there is no part of any history.
    drop(follower);
    let unknown = "1".repeat(40);
    assert!(next(&mut remote.follow(), Some(&unknown)).unwrap().rewritten);
    // A folder of files had another fingerprint.
    assert!(!next(&mut remote.follow(), Some("files-1a2b")).unwrap().rewritten);
}

#[test]
fn tags_and_the_remotes_own_head_are_followed_and_what_is_gone_is_an_error() {
    let remote = Followed::new();
    let first = remote.made.write("identity/a.yaml", "a: 1").commit("first");
    remote.made.git(&["tag", "-a", "-m", "one", "v1"]);
    remote.made.write("identity/a.yaml", "a: 2").commit("second");
    let at = |reference: Option<&str>| Remote { reference: reference.map(str::to_owned), ..remote.remote() };
    let mut tagged = Following::of(at(Some("v1")));
    let fetched = next(&mut tagged, None).unwrap();
    assert_eq!((fetched.commit.as_str(), fetched.name), (first.as_str(), format!("v1@{}", &first[..7])));
    assert!(next(&mut tagged, None).is_none());
    drop(tagged);
    let mut head = Following::of(at(None));
    assert!(next(&mut head, None).unwrap().name.starts_with("main@"));
    drop(head);
    let mut gone = Following::of(at(Some("gone")));
    assert!(told(gone.next(None)).contains("there is no branch and no tag `gone`; was it deleted or renamed?"));
    drop(gone);
    for reference in ["", "-x", "a..b", "a b", "--upload-pack=x", "a:b"] {
        assert!(told(Follower::open(at(Some(reference)))).contains("is no name of a branch or a tag"), "{reference}");
    }
    for path in ["/etc", "a/../..", ".."] {
        let odd = Remote { path: path.to_owned(), ..remote.remote() };
        assert!(told(Follower::open(odd)).contains("is no folder of a repository"), "{path}");
    }
}

#[test]
fn what_is_no_file_of_the_repository_is_refused_by_name() {
    let remote = Followed::new();
    let made = &remote.made;
    made.write("identity/a.yaml", "a: 1").write("identity/huge.yaml", &"# x\n".repeat(1 << 20));
    made.write("identity/lfs.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
    made.write("identity/lfs.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
    made.write("identity/hr.csv", "id\n1\n").commit("files");
    std::os::unix::fs::symlink("/etc/passwd", made.path().join("identity/link.yaml")).unwrap();
    let inner = Made::new();
    inner.write("b.yaml", "b: 1").commit("inner");
    made.git(&["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "identity/vendored"]);
    made.commit("link and submodule");
    let fetched = next(&mut remote.follow(), None).unwrap();
    insta::assert_snapshot!(manifests(&fetched).join("\n"), @r"
    identity/a.yaml: a: 1
    `identity/link.yaml` is a symbolic link, and links are not followed
    `identity/vendored` is a repository of its own, and nothing of it is read here
    `identity/huge.yaml` is larger than 2 MiB
    `identity/lfs.yaml` is a pointer of Git LFS, and the file itself is not in the repository
    ");
    let overlay = Overlay::new(Arc::new(fetched.repository.tree(&fetched.commit).unwrap()), Beside::All);
    let place = |name: &str| overlay.place(&remote.cache.path().join("root/identity").join(name));
    let laid = place("hr.csv").unwrap();
    assert!(laid.starts_with(remote.cache.path()), "{laid:?}");
    assert_eq!(std::fs::read_to_string(laid).unwrap(), "id\n1\n");
    assert!(place("lfs.csv").unwrap_err().to_string().contains("a pointer of Git LFS"));
    assert!(place("link.yaml").unwrap_err().to_string().contains("links are not followed"));
}

#[test]
fn a_copy_that_is_spoilt_or_of_another_remote_is_made_anew() {
    let remote = Followed::new();
    remote.made.write("identity/a.yaml", "a: 1").commit("first");
    let mut follower = remote.follow();
    next(&mut follower, None).unwrap();
    let git_dir = follower.follower.cache.git_dir();
    for entry in std::fs::read_dir(git_dir.join("objects/pack")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    std::fs::write(git_dir.join("objects/pack/pack-0.pack"), "nonsense").unwrap();
    let second = remote.made.write("identity/a.yaml", "a: 2").commit("second");
    assert_eq!(next(&mut follower, None).unwrap().commit, second);
    // Somebody's settings would start a program.
    std::fs::write(git_dir.join("config"), "[core]\n\tsshCommand = false\n\tgitProxy = false\n").unwrap();
    let third = remote.made.write("identity/a.yaml", "a: 3").commit("third");
    assert_eq!(manifests(&next(&mut follower, Some(&second)).unwrap()), ["identity/a.yaml: a: 3"]);
    let other = Followed::new();
    let elsewhere = other.made.write("identity/a.yaml", "a: other").commit("other");
    drop(follower);
    let mut moved = Following::of(Remote { url: other.remote().url, ..remote.remote() });
    let fetched = next(&mut moved, Some(&third)).unwrap();
    assert_eq!((fetched.commit, fetched.rewritten), (elsewhere, true));
}

#[test]
fn a_remote_that_sends_too_much_is_not_asked_for_that_again() {
    let remote = Followed::new();
    let bytes: Vec<u8> = (0..1_u32 << 18).flat_map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    std::fs::create_dir(remote.made.path().join("identity")).unwrap();
    std::fs::write(remote.made.path().join("identity/photo.jpg"), bytes).unwrap();
    remote.made.write("identity/a.yaml", "a: 1").commit("a photo");
    let mut follower = remote.follow();
    follower.follower.most = 64 << 10;
    assert!(told(follower.next(None)).starts_with("the repository sends more than 64 KiB at once"));
    assert!(!follower.follower.cache.has_packs(), "nothing of it is kept");
    assert!(told(follower.next(None)).starts_with("the repository sends more than 64 KiB at once"));
    assert!(!follower.follower.cache.has_packs(), "nor fetched");
    remote.made.git(&["rm", "-q", "identity/photo.jpg"]);
    remote.made.commit("no photo");
    assert!(next(&mut follower, None).is_some());
}

#[test]
fn a_remote_that_is_away_is_an_error_and_is_found_again() {
    let remote = Followed::new();
    let first = remote.made.write("identity/a.yaml", "a: 1").commit("first");
    let mut follower = remote.follow();
    next(&mut follower, None).unwrap();
    let (here, away) = (remote.made.path().join(".git"), remote.made.path().join(".away"));
    std::fs::rename(&here, &away).unwrap();
    let words = told(follower.next(Some(&first)));
    assert!(words.contains("does not appear to be a git repository") && words.contains("is the address right?"), "{words}");
    std::fs::rename(&away, &here).unwrap();
    assert!(next(&mut follower, Some(&first)).is_none());
}

#[test]
fn an_open_way_is_taken_only_where_somebody_says_so() {
    let remote = Followed::new();
    let open = |allow_plain| Remote { url: RemoteUrl::parse("http://git.acme.example/x.git").unwrap(), allow_plain, ..remote.remote() };
    assert!(told(Follower::open(open(false))).contains("the way to http://git.acme.example/x.git is open"));
    assert!(Follower::open(open(true)).is_ok());
}

/// A key of a colleague and one of a stranger, and the file that knows the first.
struct Keys(tempfile::TempDir);

impl Keys {
    /// None where there is no `ssh-keygen`, which is said loudly, and is a failure where everything is required.
    fn new() -> Option<Self> {
        if std::process::Command::new("ssh-keygen").arg("-?").output().is_err() {
            assert!(std::env::var_os("HEADCOUNT_TEST_REQUIRE").is_none(), "signatures need ssh-keygen: run tests/setup.sh");
            eprintln!("SKIPPED: signatures need ssh-keygen. Run tests/setup.sh and try again.");
            return None;
        }
        let keys = Self(tempfile::tempdir().unwrap());
        for name in ["mara", "stranger"] {
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(keys.0.path().join(name))
                .status();
            assert!(made.unwrap().success());
        }
        keys.allow(&["mara"]);
        Some(keys)
    }

    fn allow(&self, names: &[&str]) {
        let line = |name: &&str| {
            let key = std::fs::read_to_string(self.0.path().join(format!("{name}.pub"))).unwrap();
            format!("{name}@acme.example namespaces=\"git\" {key}")
        };
        std::fs::write(self.0.path().join("allowed"), names.iter().map(line).collect::<String>()).unwrap();
    }

    fn verify(&self, which: Which) -> Option<Verify> {
        Some(Verify { signers: self.0.path().join("allowed"), which })
    }

    fn commit(&self, made: &Made, who: Option<&str>) -> String {
        match who {
            Some(who) => {
                let key = format!("user.signingkey={}", self.0.path().join(who).display());
                made.git(&["add", "-A"]);
                made.git(&["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "--allow-empty", "-m", "signed"]);
                made.git(&["rev-parse", "HEAD"])
            }
            None => made.commit("unsigned"),
        }
    }
}

#[test]
fn a_commit_is_taken_only_from_somebody_whom_the_file_knows() {
    let (remote, Some(keys)) = (Followed::new(), Keys::new()) else { return };
    remote.made.write("identity/a.yaml", "a: 1").commit("unsigned");
    let mut follower = Following::of(Remote { verify: keys.verify(Which::Tip), ..remote.remote() });
    let mut refused = |id: &str| {
        let (what, next) = next(&mut follower, None).unwrap().refused.expect("it is refused");
        format!("{what}; {next}").replace(&id[..12], "[commit]")
    };
    let id = keys.commit(&remote.made, None);
    assert_eq!(
        refused(&id),
        "commit [commit] is not signed; sign it with a key of the file of allowed signers and push it again (`git commit --amend -S`)"
    );
    let id = keys.commit(&remote.made, Some("stranger"));
    let words = refused(&id);
    assert!(words.starts_with("commit [commit] is signed by SHA256:") && words.contains("which is nobody's in the file"), "{words}");
    // Somebody changes a signed commit: the signature is another's.
    let signed = keys.commit(&remote.made, Some("mara"));
    let object = remote.made.git(&["cat-file", "commit", &signed]).replace("signed", "another");
    let file = remote.made.path().join("object");
    std::fs::write(&file, object).unwrap();
    let changed = remote.made.git(&["hash-object", "-t", "commit", "-w", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    remote.made.git(&["reset", "-q", "--hard", &changed]);
    assert!(refused(&changed).starts_with("commit [commit] has a signature that is not its own"), "{}", refused(&changed));
    keys.commit(&remote.made, Some("mara"));
    let fetched = next(&mut follower, None).unwrap();
    assert_eq!((fetched.signer.as_deref(), fetched.refused), (Some("mara@acme.example"), None));
    assert_eq!(fetched.repository.tree(&fetched.commit).unwrap().manifests(&["identity".into()]).unwrap().texts.len(), 1);
}

#[test]
fn a_signer_who_is_added_later_lets_the_same_commit_through() {
    let (remote, Some(keys)) = (Followed::new(), Keys::new()) else { return };
    remote.made.write("identity/a.yaml", "a: 1").commit("unsigned");
    keys.commit(&remote.made, Some("stranger"));
    let mut follower = Following::of(Remote { verify: keys.verify(Which::Tip), ..remote.remote() });
    assert!(next(&mut follower, None).unwrap().refused.is_some());
    assert!(next(&mut follower, None).is_none());
    keys.allow(&["mara", "stranger"]);
    assert_eq!(next(&mut follower, None).unwrap().signer.as_deref(), Some("stranger@acme.example"));
    std::fs::write(keys.0.path().join("allowed"), "# nobody\n").unwrap();
    assert!(told(follower.next(None)).contains("can't be used: it names nobody; it has a line for each: "));
}

#[test]
fn in_a_range_each_commit_since_what_was_in_force_is_asked_for() {
    let (remote, Some(keys)) = (Followed::new(), Keys::new()) else { return };
    let unsigned = remote.made.write("identity/a.yaml", "a: 1").commit("before anybody signed");
    let start = keys.commit(&remote.made, Some("mara"));
    let mut follower = Following::of(Remote { verify: keys.verify(Which::Range), ..remote.remote() });
    assert_eq!(next(&mut follower, None).unwrap().refused, None, "the first time there is nothing to count from");
    // What is merged is its merger's: only first parents count.
    remote.made.git(&["checkout", "-q", "-b", "branch"]);
    remote.made.commit("on a branch");
    remote.made.git(&["checkout", "-q", "main"]);
    let key = format!("user.signingkey={}", keys.0.path().join("mara").display());
    remote.made.git(&["-c", "gpg.format=ssh", "-c", &key, "merge", "-q", "-S", "--no-ff", "-m", "merged", "branch"]);
    let merged = next(&mut follower, Some(&start)).unwrap();
    assert_eq!((merged.refused, merged.signer.as_deref()), (None, Some("mara@acme.example")));
    assert!(
        merged.authors.contains(&"mara@acme.example".to_owned()),
        "the signature says it, whatever the commit says: {:?}",
        merged.authors
    );
    let between = keys.commit(&remote.made, None);
    keys.commit(&remote.made, Some("mara"));
    let (what, _) = next(&mut follower, Some(&start)).unwrap().refused.unwrap();
    assert_eq!(what, format!("commit {} is not signed", &between[..12]));
    remote.made.git(&["reset", "-q", "--hard", &unsigned]);
    remote.made.write("identity/b.yaml", "b: 1");
    keys.commit(&remote.made, Some("mara"));
    let forced = next(&mut follower, Some(&start)).unwrap();
    assert!(forced.rewritten && forced.refused.unwrap().0.contains("which commits are new can't be told"));
}
