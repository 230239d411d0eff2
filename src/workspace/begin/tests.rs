//! Processes that begin while the newest manifests can't be used.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::*;
use crate::git::{Verify, Which};
use crate::pipeline::{Hear, News};
use crate::workspace::revisions::tests::{Followed, SOURCE, WORKSPACE, folders, workspace, write};

/// How a look ended: the revision to run by, and what was in the way.
async fn begun(source: &mut dyn RevisionSource, state: &Path) -> (Option<Beginning>, &'static str) {
    let place = |_: &Loaded| StatePlace::from(state);
    let looked = Begin::new(source, &place).look().await.unwrap();
    match looked {
        Looked::Found(beginning, obstacle) => (Some(*beginning), obstacle.as_ref().map_or("", word)),
        Looked::Waits(obstacle) => (None, obstacle.as_ref().map_or("", word)),
    }
}

fn word(obstacle: &BeginObstacle) -> &'static str {
    match obstacle {
        BeginObstacle::Refused(..) => "refused",
        BeginObstacle::Held(_) => "held",
        BeginObstacle::Away(_) => "away",
        BeginObstacle::Nothing(_) => "nothing",
    }
}

/// What the actor keeps of the manifests that it runs by.
async fn in_force(beginning: &Beginning) {
    let revision = Shelf::Revisions.put(follow::IN_FORCE, &beginning.manifests.revision);
    beginning.store.commit(vec![revision, follow::inventory(&beginning.manifests)]).await.unwrap();
}

fn id(beginning: Option<&Beginning>) -> String {
    beginning.map_or_else(String::new, |beginning| beginning.manifests.revision.id.to_string())
}

#[tokio::test]
async fn a_process_that_begins_with_a_push_that_can_t_be_used_runs_what_was_in_force() {
    let mut remote = Followed::new();
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state.db");
    workspace(&remote.folder());
    let good = remote.commit();
    let (first, obstacle) = begun(&mut remote.open(), &state).await;
    assert_eq!((id(first.as_ref()), obstacle), (good.clone(), ""));
    in_force(&first.unwrap()).await;

    // A mistake in it; the Source gone from it; nobody there to ask. With the copy that is there, and with a new one.
    let mistake = |remote: &Followed| write(&remote.folder(), "hr.yaml", &SOURCE.replace("record.id", "recod.id"));
    let gone = |remote: &Followed| std::fs::remove_file(remote.folder().join("hr.yaml")).unwrap();
    for (change, expected) in [(&mistake as &dyn Fn(&Followed), "refused"), (&gone, "held")] {
        change(&remote);
        remote.commit();
        for _ in ["the copy that is there", "a new one"] {
            let (beginning, obstacle) = begun(&mut remote.open(), &state).await;
            assert_eq!((id(beginning.as_ref()), obstacle), (good.clone(), expected));
            let beginning = beginning.unwrap();
            let refused = beginning.refused.expect("what is newer is told");
            assert!(*refused.revision.id != *good && !refused.why.is_empty(), "{refused:?}");
            assert_eq!(beginning.manifests.policy.sources.len(), 1);
            remote.cache = tempfile::tempdir().unwrap();
        }
    }
    let away = remote.made.path().join("away");
    begun(&mut remote.open(), &state).await;
    std::fs::rename(remote.made.path().join(".git"), &away).unwrap();
    let (beginning, obstacle) = begun(&mut remote.open(), &state).await;
    assert_eq!((id(beginning.as_ref()), obstacle), (good, "away"));
}

#[tokio::test]
async fn who_wrote_what_came_while_no_process_ran_counts_from_what_was_in_force() {
    let mut remote = Followed::new();
    let place = tempfile::tempdir().unwrap();
    workspace(&remote.folder());
    remote.commit();
    let (first, _) = begun(&mut remote.open(), &place.path().join("state.db")).await;
    in_force(&first.unwrap()).await;
    remote.git(&["commit", "-q", "--allow-empty", "-m", "jo's", "--author", "Jo <jo@acme.example>"]);
    write(&remote.folder(), "hr.csv", "id\n1\n2\n");
    let newest = remote.commit();
    for _ in ["the copy that is there", "a new one"] {
        let (beginning, _) = begun(&mut remote.open(), &place.path().join("state.db")).await;
        assert_eq!(id(beginning.as_ref()), newest);
        let authors = beginning.unwrap().manifests.revision.authors;
        assert!(authors.contains(&"jo@acme.example".to_owned()) && authors.contains(&"mara@acme.example".to_owned()), "{authors:?}");
        remote.cache = tempfile::tempdir().unwrap();
    }
}

#[tokio::test]
async fn whoever_wrote_what_was_never_planned_wrote_what_comes_after_it() {
    let remote = Followed::new();
    let place = tempfile::tempdir().unwrap();
    workspace(&remote.folder());
    remote.git(&["commit", "-q", "--allow-empty", "-m", "jo's", "--author", "Jo <jo@acme.example>"]);
    remote.commit();
    let (first, _) = begun(&mut remote.open(), &place.path().join("state.db")).await;
    let first = first.unwrap();
    in_force(&first).await;
    write(&remote.folder(), "hr.csv", "id\n1\n2\n");
    remote.commit();
    let authors = |beginning: Option<Beginning>| beginning.unwrap().manifests.revision.authors;
    let jo = "jo@acme.example".to_owned();
    let (next, _) = begun(&mut remote.open(), &place.path().join("state.db")).await;
    assert!(authors(next).contains(&jo), "of a new state every commit that is there may be new, and nothing was planned since");
    first.store.commit(vec![Shelf::Revisions.put(follow::PLANNED, &first.manifests.revision.id)]).await.unwrap();
    let (next, _) = begun(&mut remote.open(), &place.path().join("state.db")).await;
    assert!(!authors(next).contains(&jo), "all of it was planned");
}

/// A key that is trusted, and the file that says so. None where there is no `ssh-keygen`.
fn key(folder: &Path) -> Option<(PathBuf, Verify)> {
    let key = folder.join("mara");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    if !made.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("HEADCOUNT_TEST_REQUIRE").is_none(), "signatures need ssh-keygen: run tests/setup.sh");
        eprintln!("SKIPPED: signatures need ssh-keygen. Run tests/setup.sh and try again.");
        return None;
    }
    let public = std::fs::read_to_string(folder.join("mara.pub")).unwrap();
    std::fs::write(folder.join("allowed"), format!("mara@acme.example namespaces=\"git\" {public}")).unwrap();
    Some((key, Verify { signers: folder.join("allowed"), which: Which::Tip }))
}

#[tokio::test]
async fn of_a_commit_that_nobody_trusted_signed_not_even_the_state_s_place_is_believed() {
    let place = tempfile::tempdir().unwrap();
    let Some((key, verify)) = key(place.path()) else { return };
    let mut remote = Followed::new();
    workspace(&remote.folder());
    remote.git(&["add", "-A"]);
    let setting = format!("user.signingkey={}", key.display());
    remote.git(&["-c", "gpg.format=ssh", "-c", &setting, "commit", "-q", "-S", "-m", "signed"]);
    let good = remote.git(&["rev-parse", "HEAD"]);
    remote.verify = Some(verify);
    let state = place.path().join("state.db");
    let (first, _) = begun(&mut remote.open(), &state).await;
    in_force(&first.unwrap()).await;
    write(
        &remote.folder(),
        "people.yaml",
        "apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: eve}\nspec: {attributes: {userName: eve}}\n",
    );
    remote.commit();
    let (beginning, obstacle) = begun(&mut remote.open(), &state).await;
    assert_eq!((id(beginning.as_ref()), obstacle), (good, "refused"));
    assert_eq!(beginning.unwrap().manifests.policy.users.len(), 0);
    // Without the copy nobody knows what was in force but the state, and what is refused does not say where that is.
    remote.cache = tempfile::tempdir().unwrap();
    let elsewhere = place.path().join("elsewhere.db");
    let (beginning, obstacle) = begun(&mut remote.open(), &elsewhere).await;
    assert_eq!((id(beginning.as_ref()), obstacle), (String::new(), "refused"));
    assert!(!elsewhere.exists());
}

/// Hears the status.
#[derive(Default)]
struct Told(Mutex<Vec<Status>>);

impl Hear for Told {
    fn hear(&self, _: News<'_>) {}
}

impl Observer for Told {
    fn status(&self, status: &Status) {
        self.0.lock().unwrap().push(status.clone());
    }
}

#[tokio::test]
async fn of_a_folder_nothing_earlier_can_be_had_and_that_is_told_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    workspace(folder.path());
    write(folder.path(), "hr.yaml", &SOURCE.replace("record.id", "recod.id"));
    let mut source = folders(folder.path());
    let place = |_: &Loaded| StatePlace::from(&state.path().join("state.db"));
    let mut begin = Begin::new(&mut source, &place);
    let told = Told::default();
    assert!(matches!(begin.look().await.unwrap(), Looked::Waits(Some(BeginObstacle::Refused(..)))));
    let now = Timestamp::now();
    begin.tell("a test", &told, now).await.unwrap();
    begin.tell("a test", &told, now).await.unwrap();
    assert!(matches!(begin.look().await.unwrap(), Looked::Waits(None)), "it was told");
    let (store, _) = begin.part().expect("the Workspace is sound");
    let kept: Vec<(Arc<str>, Status)> = Shelf::Status.all(store.as_ref()).await.unwrap();
    let [status] = kept.iter().map(|(_, status)| status).collect::<Vec<_>>()[..] else { panic!("{kept:?}") };
    assert_eq!((status.workspace.as_ref(), told.0.lock().unwrap().len()), ("acme", 1));
    assert!(status.refused.is_some() && status.needs[0].words.starts_with("nothing is done at all"), "{status:#?}");

    // Where another process runs the workspace, that one tells.
    let other = state::open(&place(&Loaded::default()), "acme").await.unwrap();
    let lock = other.lock("another").await.unwrap();
    other.commit(vec![Shelf::Status.put("workspace", &Status { identities: 7, ..status.clone() })]).await.unwrap();
    begin.tell("a test", &told, now + ALIVE).await.unwrap();
    let kept: Vec<(Arc<str>, Status)> = Shelf::Status.all(store.as_ref()).await.unwrap();
    assert_eq!(kept[0].1.identities, 7);
    other.release(lock).await.unwrap();

    write(folder.path(), "hr.yaml", SOURCE);
    write(folder.path(), "workspace.yaml", WORKSPACE);
    assert!(matches!(begin.look().await.unwrap(), Looked::Found(_, None)));
}
