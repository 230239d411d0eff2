//! Folders and repositories that a test makes and changes, looked at as those of users are.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::git::{Remote, RemoteUrl, SshAccess};

pub const WORKSPACE: &str = "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n";
pub const SOURCE: &str = "apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {name: hr}\nspec:\n  connection: {file: {path: hr.csv}}\n  key: record.id\n  \
                      mapping: {rules: [{attribute: userName, value: record.id}]}\n";

pub fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A workspace of two files and a table of records.
pub fn workspace(folder: &Path) {
    write(folder, "workspace.yaml", WORKSPACE);
    write(folder, "hr.yaml", SOURCE);
    write(folder, "hr.csv", "id\n1\n");
}

/// A folder whose files are taken as soon as they look the same twice.
pub fn folders(path: &Path) -> FolderRevisions {
    let mut folders = FolderRevisions::new(vec![path.to_owned()]);
    folders.alone = std::time::Duration::ZERO;
    folders
}

async fn next(source: &mut impl RevisionSource, known: Option<&Revision>) -> Option<Arrived> {
    source.next(known).await.unwrap()
}

fn refused(arrived: &Arrived) -> String {
    reasons(arrived.manifests.as_ref().unwrap_err()).join("\n")
}

#[tokio::test]
async fn a_folder_arrives_once_and_again_when_anything_that_loading_reads_is_another() {
    let folder = tempfile::tempdir().unwrap();
    workspace(folder.path());
    let mut source = folders(folder.path());
    let first = next(&mut source, None).await.unwrap();
    assert!(first.revision.name.starts_with("files@") && first.revision.id.len() == 64, "{:?}", first.revision);
    let first = first.manifests.unwrap();
    assert_eq!((first.policy.sources.len(), first.data.len()), (1, 1));
    assert!(next(&mut source, None).await.is_none());
    // An export that is renewed is a reason to read its Source.
    write(folder.path(), "hr.csv", "id\n1\n2\n");
    let second = next(&mut source, None).await.unwrap().manifests.unwrap();
    assert_ne!(first.data, second.data);
    // What no manifest names is nobody's business.
    write(folder.path(), "notes.txt", "x");
    assert!(next(&mut source, None).await.is_none());
    write(
        folder.path(),
        "people/mara.yaml",
        "apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: mara}\nspec: {attributes: {userName: mara}}\n",
    );
    let third = next(&mut source, None).await.unwrap().manifests.unwrap();
    assert_eq!((third.policy.users.len(), &third.data), (1, &second.data));
    // Broken ones arrive too, with every reason; and the good ones again once they are mended.
    write(folder.path(), "hr.yaml", &SOURCE.replace("record.id", "recod.id"));
    let broken = next(&mut source, None).await.unwrap();
    assert!(refused(&broken).contains("hr.yaml:") && refused(&broken).contains("recod"), "{}", refused(&broken));
    assert!(next(&mut source, None).await.is_none());
    write(folder.path(), "hr.yaml", SOURCE);
    assert!(next(&mut source, None).await.unwrap().manifests.is_ok());
}

#[tokio::test]
async fn a_folder_that_is_away_is_an_error_and_nothing_is_taken_for_empty() {
    let place = tempfile::tempdir().unwrap();
    let (folder, away) = (place.path().join("here"), place.path().join("away"));
    workspace(&folder);
    let mut source = folders(&folder);
    next(&mut source, None).await.unwrap();
    std::fs::rename(&folder, &away).unwrap();
    let told = source.next(None).await.unwrap_err();
    assert!(told.to_string().contains("here: No such file") && told.hint().is_some(), "{told}");
    std::fs::create_dir(&folder).unwrap();
    assert!(source.next(None).await.unwrap_err().to_string().contains("no manifest in"));
    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    assert!(next(&mut source, None).await.is_none(), "it is what it was");
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_is_swapped_is_another_folder() {
    let place = tempfile::tempdir().unwrap();
    let link = place.path().join("current");
    let swap = |name: &str| {
        let new = place.path().join("new");
        std::os::unix::fs::symlink(name, &new).unwrap();
        std::fs::rename(&new, &link).unwrap();
    };
    workspace(&place.path().join("one"));
    workspace(&place.path().join("two"));
    write(&place.path().join("two"), "workspace.yaml", &WORKSPACE.replace("acme}", "acme, timeZone: Europe/Berlin}"));
    swap("one");
    let mut source = folders(&link);
    let first = next(&mut source, None).await.unwrap();
    swap("two");
    let second = next(&mut source, None).await.unwrap();
    assert_ne!(first.revision.id, second.revision.id);
    swap("one");
    assert_eq!(next(&mut source, None).await.unwrap().revision.id, first.revision.id);
}

/// A repository, followed.
pub struct Followed {
    pub made: tempfile::TempDir,
    pub cache: tempfile::TempDir,
    /// whose signatures are asked for
    pub verify: Option<crate::git::Verify>,
}

impl Followed {
    pub fn new() -> Self {
        let followed = Self { made: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap(), verify: None };
        followed.git(&["init", "-q", "-b", "main"]);
        followed
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=Mara", "-c", "user.email=mara@acme.example", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").current_dir(self.made.path()).args(who).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn commit(&self) -> String {
        self.git(&["add", "-A"]);
        // Two of one second with the same files and parents are two all the same.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let words = format!("words {}", MADE.fetch_add(1, Ordering::Relaxed));
        self.git(&["commit", "-q", "--allow-empty", "-m", &words]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn folder(&self) -> std::path::PathBuf {
        self.made.path().join("identity")
    }

    pub fn open(&self) -> GitRevisions {
        let remote = Remote {
            url: RemoteUrl::parse(self.made.path().to_str().unwrap()).unwrap(),
            reference: None,
            path: "identity".to_owned(),
            verify: self.verify.clone(),
            ssh: SshAccess::default(),
            allow_plain: false,
            cache: self.cache.path().join("cache"),
            root: self.cache.path().join("root"),
            limit: std::time::Duration::from_secs(60),
        };
        GitRevisions::open(remote, None, None).unwrap()
    }
}

#[tokio::test]
async fn a_push_arrives_with_its_records_and_who_wrote_it() {
    let remote = Followed::new();
    workspace(&remote.folder());
    let first = remote.commit();
    let mut source = remote.open();
    let arrived = next(&mut source, None).await.unwrap();
    assert_eq!(
        (&*arrived.revision.id, arrived.revision.authors.as_slice()),
        (first.as_str(), ["Mara".to_owned(), "mara@acme.example".to_owned()].as_slice())
    );
    let manifests = arrived.manifests.unwrap();
    let (_, path) = data_files(&manifests.loaded).next().unwrap();
    assert_eq!(std::fs::read_to_string(manifests.loaded.files.place(path.clone()).unwrap()).unwrap(), "id\n1\n");
    assert!(next(&mut source, Some(&arrived.revision)).await.is_none());
    write(&remote.folder(), "hr.csv", "id\n1\n2\n");
    let second = remote.commit();
    let newer = next(&mut source, Some(&arrived.revision)).await.unwrap();
    assert_eq!((&*newer.revision.id, newer.rewritten), (second.as_str(), false));
    let newer_manifests = newer.manifests.unwrap();
    assert_ne!(newer_manifests.data, manifests.data);
    assert_eq!(std::fs::read_to_string(manifests.loaded.files.place(path).unwrap()).unwrap(), "id\n1\n", "what runs keeps its own files");
    // A process that comes after: what is in force arrives, with the authors of all that it brought.
    drop(source);
    let known = Revision { authors: vec!["Mara".into(), "Jo".into()], ..newer.revision };
    let again = next(&mut remote.open(), Some(&known)).await.unwrap();
    assert_eq!((again.revision.authors, again.rewritten), (known.authors, false));
}

#[tokio::test]
async fn a_bad_push_is_refused_with_its_reasons_and_the_next_good_one_counts_from_what_is_in_force() {
    let remote = Followed::new();
    workspace(&remote.folder());
    remote.commit();
    let mut source = remote.open();
    let good = next(&mut source, None).await.unwrap().revision;
    write(&remote.folder(), "hr.yaml", "kind: Source\n: : :\n");
    remote.commit();
    let bad = next(&mut source, Some(&good)).await.unwrap();
    assert!(refused(&bad).contains("identity/hr.yaml:"), "{}", refused(&bad));
    assert!(next(&mut source, Some(&good)).await.is_none(), "it is told once");
    // Records that are no file of the repository can't be read.
    write(&remote.folder(), "hr.yaml", SOURCE);
    std::fs::remove_file(remote.folder().join("hr.csv")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", remote.folder().join("hr.csv")).unwrap();
    remote.commit();
    let linked = next(&mut source, Some(&good)).await.unwrap();
    assert!(refused(&linked).contains("the Source `hr` can't read `identity/hr.csv`: it is a symbolic link"), "{}", refused(&linked));
    remote.git(&["mv", "identity", "people"]);
    remote.commit();
    let moved = next(&mut source, Some(&good)).await.unwrap();
    assert!(refused(&moved).contains("has no manifest in `identity` (was the workspace moved?"), "{}", refused(&moved));
    remote.git(&["reset", "-q", "--hard", &good.id]);
    let back = next(&mut source, Some(&good)).await.unwrap();
    assert!(back.manifests.is_ok() && !back.rewritten);
    remote.git(&["checkout", "-q", "--orphan", "other"]);
    let forced = remote.commit();
    remote.git(&["branch", "-q", "-f", "main", &forced]);
    let forced = next(&mut source, Some(&good)).await.unwrap();
    assert!(forced.rewritten && forced.manifests.is_ok());
    drop(source);
    let mut strict = remote.open().require_fast_forward(true);
    assert!(refused(&next(&mut strict, Some(&good)).await.unwrap()).contains("the branch was rewritten"));
    assert!(next(&mut remote_again(&remote, strict), Some(&forced.revision)).await.unwrap().manifests.is_ok(), "it goes on from there");
}

/// Followed by another process.
fn remote_again(remote: &Followed, before: GitRevisions) -> GitRevisions {
    drop(before);
    remote.open().require_fast_forward(true)
}

#[tokio::test]
async fn a_token_that_is_not_there_is_an_error_of_the_look() {
    let remote = Followed::new();
    workspace(&remote.folder());
    remote.commit();
    let mut source = remote.open();
    source.token = Some(crate::manifest::connection::SecretRef::File("/nowhere/token".into()));
    let told = source.next(None).await.unwrap_err();
    assert!(told.hint().unwrap().contains("HEADCOUNT_GIT_TOKEN"), "{told}");
    source.token = None;
    assert!(source.next(None).await.unwrap().is_some());
}
