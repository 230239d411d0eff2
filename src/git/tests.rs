//! Repositories that a test makes, read as those of users are.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::*;
use crate::files::FileTree;

/// A repository that a test makes.
pub(super) struct Made(tempfile::TempDir);

impl Made {
    pub(super) fn new() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        made.git(&["init", "-q", "-b", "main"]);
        made
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        git(self.path(), arguments)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> &Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Everything there is, as a commit; its id.
    pub(super) fn commit(&self, words: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", words]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn repository(&self) -> Repository {
        Repository::around(self.path(), false).unwrap()
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let settings =
        ["-c", "user.name=Test", "-c", "user.email=test@acme.example", "-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always"];
    let output = Command::new("git").current_dir(folder).args(settings).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn told<T: std::fmt::Debug>(result: Result<T, GitError>) -> String {
    let error = result.unwrap_err();
    format!("{error}; {}", error.hint().unwrap_or_default())
}

fn question<'a>(base: Option<&'a str>, head: Option<&'a str>) -> Question<'a> {
    Question { base, head, exact: false, committed: true }
}

#[test]
fn the_base_is_where_the_branch_forked_off() {
    let made = Made::new();
    let fork = made.write("a.yaml", "a: 1\n").commit("fork");
    made.git(&["checkout", "-q", "-b", "branch"]);
    let branch = made.write("a.yaml", "a: 2\n").commit("branch");
    made.git(&["checkout", "-q", "main"]);
    let main = made.write("b.yaml", "b: 1\n").commit("main");
    let compare = |question: &Question<'_>| made.repository().compare(question).unwrap();
    let compared = compare(&question(Some("main"), Some("branch")));
    assert_eq!((compared.base.id.as_str(), compared.head.commit().id.as_str()), (fork.as_str(), branch.as_str()));
    let exactly = compare(&Question { exact: true, ..question(Some("main"), Some("branch")) });
    assert_eq!(exactly.base.id, main);
    // The host merges on trial: what would be merged into is the base, and the merge the head.
    made.git(&["checkout", "-q", "--detach", "main"]);
    made.git(&["merge", "-q", "--no-ff", "-m", "trial", "branch"]);
    let trial = made.git(&["rev-parse", "HEAD"]);
    for (base, head) in [(Some("main"), Some("HEAD")), (None, Some("HEAD")), (Some("main"), Some("branch")), (None, None)] {
        let compared = compare(&question(base, head));
        assert_eq!((compared.base.id.as_str(), compared.head.commit().id.as_str()), (main.as_str(), trial.as_str()), "{base:?} {head:?}");
    }
    // A branch that took main in is no trial.
    made.git(&["checkout", "-q", "branch"]);
    made.git(&["merge", "-q", "--no-ff", "-m", "main into branch", "main"]);
    assert_eq!(compare(&question(Some("main"), Some("HEAD"))).base.id, main);
}

#[test]
fn missing_history_is_told_with_what_to_fetch_and_that_helps() {
    let made = Made::new();
    made.write("a.yaml", "a: 1\n").commit("one");
    made.git(&["checkout", "-q", "-b", "branch"]);
    made.write("a.yaml", "a: 2\n").commit("two");
    made.git(&["checkout", "-q", "main"]);
    let main = made.write("b.yaml", "a: 2\n").commit("three");
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", made.path().display());
    git(folder.path(), &["clone", "-q", "--depth=1", "--branch=branch", &url, "clone"]);
    let clone = folder.path().join("clone");
    let repository = Repository::around(&clone, false).unwrap();
    let words = told(repository.compare(&question(Some("origin/main"), None)));
    let fetch = "git fetch --no-tags --depth=1 origin +main:refs/remotes/origin/main";
    assert_eq!(words, format!("`origin/main` is not in this clone (depth 1); fetch it: `{fetch}`, or correct the name"));
    git(&clone, &fetch.split(' ').skip(1).collect::<Vec<_>>());
    let words = told(repository.compare(&question(Some("origin/main"), None)));
    assert_eq!(
        words,
        "where `HEAD` forked off from `origin/main` is not in this clone (depth 1); fetch the history: `git fetch --no-tags --unshallow origin` \
         (in a checkout of CI: `fetch-depth: 0`); or compare with `origin/main` itself: `--base-exact`"
    );
    let exactly = repository.compare(&Question { exact: true, ..question(Some("origin/main"), None) }).unwrap();
    assert_eq!(exactly.base.id, main);
    git(&clone, &["fetch", "--no-tags", "--unshallow", "origin"]);
    let compared = repository.compare(&question(Some("origin/main"), None)).unwrap();
    assert_eq!(compared.base.id, made.git(&["rev-parse", "main~1"]));
    let words = told(repository.compare(&question(Some("mian"), None)));
    assert_eq!(words, "`mian` is not in this clone; fetch it: `git fetch --no-tags origin mian`, or correct the name");
    assert!(told(repository.compare(&question(Some("--help"), None))).starts_with("`--help` is not in this clone"));
}

#[test]
fn nothing_in_common_is_no_empty_base() {
    let made = Made::new();
    made.write("a.yaml", "a: 1\n").commit("one");
    made.git(&["checkout", "-q", "--orphan", "other"]);
    made.commit("two");
    let words = told(made.repository().compare(&question(Some("main"), Some("other"))));
    assert_eq!(words, "`main` and `other` have no commit in common; to compare with `main` itself: `--base-exact`");
    let words = told(made.repository().compare(&question(None, Some("other"))));
    assert_eq!(words, "`other` is no merge of two commits, so its base can't be told by itself; name it: `--base origin/main`");
}

fn names(found: &FoundManifests) -> Vec<(String, bool)> {
    found.texts.iter().map(|text| (format!("{}: {}", text.name, String::from_utf8_lossy(&text.bytes).trim()), text.found)).collect()
}

#[test]
fn manifests_are_found_below_what_is_named() {
    let made = Made::new();
    for name in ["a.yaml", "x/b.yml", "x/deep/ü \"c\".yaml", "x/.hidden/d.yaml", "x/.e.yaml", "x/data.csv", "x/plain", "xy/f.yaml"] {
        made.write(name, name);
    }
    let commit = made.commit("all");
    let tree = made.repository().tree(&commit).unwrap();
    let below = |paths: &[&str]| names(&tree.manifests(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>()).unwrap());
    let of = |names: &[&str]| names.iter().map(|name| (format!("{name}: {name}"), true)).collect::<Vec<_>>();
    assert_eq!(below(&["x"]), of(&["x/b.yml", "x/deep/ü \"c\".yaml"]));
    assert_eq!(below(&[""]), of(&["a.yaml", "x/b.yml", "x/deep/ü \"c\".yaml", "xy/f.yaml"]));
    assert_eq!(below(&["x/.hidden"]), of(&["x/.hidden/d.yaml"]), "what is named is not hidden");
    assert_eq!(below(&["x/plain"]), [("x/plain: x/plain".to_owned(), false)]);
    assert_eq!(below(&["gone"]), []);
}

#[cfg(unix)]
#[test]
fn links_other_repositories_and_large_files_are_named_and_not_read() {
    let made = Made::new();
    made.write("a.yaml", "a");
    std::os::unix::fs::symlink("/etc/passwd", made.path().join("link.yaml")).unwrap();
    std::os::unix::fs::symlink("/etc", made.path().join("etc")).unwrap();
    let large = std::fs::File::create(made.path().join("large.yaml")).unwrap();
    large.set_len((2 << 20) + 1).unwrap();
    let inner = Made::new();
    inner.write("b.yaml", "b").commit("inner");
    made.git(&["submodule", "add", "-q", &inner.path().display().to_string(), "vendor"]);
    let commit = made.commit("all");
    let head = BranchHead::WorkTree(Commit { id: commit.clone(), named: "HEAD".into() });
    let repository = made.repository();
    for tree in [repository.tree(&commit).unwrap(), repository.head_tree(&head).unwrap()] {
        let found = tree.manifests(&[String::new()]).unwrap();
        assert_eq!(names(&found), [("a.yaml: a".to_owned(), true)]);
        let mut told: Vec<String> = found.problems.iter().map(|problem| problem.message.clone()).collect();
        told.sort();
        assert_eq!(
            told,
            [
                "`large.yaml` is larger than 2 MiB",
                "`link.yaml` is a symbolic link, and links are not followed",
                "`vendor` is a repository of its own, and nothing of it is read here"
            ]
        );
        let overlay = Overlay::new(Arc::new(tree), Beside::Only(Default::default()));
        let place = |name: &str| overlay.place(&repository.root().join(name)).map_err(|error| error.to_string());
        assert!(place("a.yaml").is_ok_and(|path| std::fs::read(path).unwrap() == b"a"));
        assert_eq!(place("link.yaml").unwrap_err(), "it is a symbolic link, and links are not followed");
        assert_eq!(
            place("etc/passwd").unwrap_err(),
            "the branch does not have it, and for a branch no other file of this machine is opened"
        );
        assert!(overlay.place(Path::new("/etc/passwd")).is_err());
    }
}

#[test]
fn the_working_tree_has_what_git_does_not_ignore_and_the_base_what_the_machine_has() {
    let made = Made::new();
    let base = made.write("a.yaml", "old").write("gone.yaml", "gone").write(".gitignore", "ignored*\n").commit("base");
    made.write("a.yaml", "new")
        .write("untracked.yaml", "u")
        .write("ignored.yaml", "i")
        .write("ignored.csv", "rows")
        .write("loose.csv", "rows");
    std::fs::remove_file(made.path().join("gone.yaml")).unwrap();
    made.write("branch.csv", "of the branch");
    made.git(&["add", "branch.csv"]);
    let repository = made.repository();
    let compared = repository.compare(&Question { base: Some("main"), ..Question::default() }).unwrap();
    assert_eq!(compared.head, BranchHead::WorkTree(Commit { id: base.clone(), named: "HEAD".into() }));
    let head = Arc::new(repository.head_tree(&compared.head).unwrap());
    let found = head.manifests(&[String::new()]).unwrap();
    assert_eq!(names(&found), [("a.yaml: new".to_owned(), true), ("untracked.yaml: u".to_owned(), true)]);
    let tree = Arc::new(repository.tree(&base).unwrap());
    let base = Overlay::new(tree, Beside::AllBut(head));
    let read = |name: &str| {
        base.place(&repository.root().join(name)).map(|path| std::fs::read_to_string(path).unwrap()).map_err(|error| error.to_string())
    };
    assert_eq!(read("a.yaml"), Ok("old".to_owned()));
    assert_eq!(read("ignored.csv"), Ok("rows".to_owned()));
    assert_eq!(read("loose.csv"), Ok("rows".to_owned()), "it only lies there");
    assert_eq!(read("branch.csv").unwrap_err(), "the base does not have it, and what lies there is the branch's");
}

#[test]
fn paths_are_called_as_the_repository_does() {
    let made = Made::new();
    made.write("identity/people/a.yaml", "a").commit("all");
    let repository = made.repository();
    let name = |path: &str| repository.name(&made.path().join(path)).map_err(|error| error.to_string());
    assert_eq!(name("identity/../identity/./people"), Ok("identity/people".to_owned()));
    assert_eq!(name("never/was"), Ok("never/was".to_owned()));
    assert_eq!(name("."), Ok(String::new()));
    assert!(name("../elsewhere").unwrap_err().contains("lies outside of the repository"));
    let bare = tempfile::tempdir().unwrap();
    git(bare.path(), &["clone", "-q", "--bare", &made.path().display().to_string(), "bare"]);
    let bare = Repository::at(&bare.path().join("bare"), false).unwrap();
    assert_eq!(
        names(&bare.tree("HEAD").unwrap().manifests(&["identity".into()]).unwrap()),
        [("identity/people/a.yaml: a".to_owned(), true)]
    );
    assert!(told(bare.compare(&question(Some("main"), Some("worktree")))).starts_with("with `--git-dir` there is no working tree"));
    let nowhere = tempfile::tempdir().unwrap();
    assert!(told(Repository::around(nowhere.path(), false)).contains("is in no git repository"));
}

#[test]
fn a_partial_clone_says_what_it_lacks() {
    let made = Made::new();
    let commit = made.write("a.yaml", "a").commit("all");
    made.git(&["config", "uploadpack.allowFilter", "true"]);
    made.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", made.path().display());
    git(folder.path(), &["clone", "-q", "--filter=blob:none", "--no-checkout", &url, "clone"]);
    let clone = folder.path().join("clone");
    let offline = Repository::around(&clone, true).unwrap();
    let words = told(offline.tree(&commit).unwrap().manifests(&[String::new()]));
    let short = &commit[..12];
    assert!(words.starts_with(&format!("`a.yaml` of {short} is not in this clone; `--offline` fetches nothing")), "{words}");
    let online = Repository::around(&clone, false).unwrap();
    assert_eq!(names(&online.tree(&commit).unwrap().manifests(&[String::new()]).unwrap()), [("a.yaml: a".to_owned(), true)]);
}
