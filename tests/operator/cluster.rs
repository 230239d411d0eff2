//! A cluster that misbehaves: an API server that is away, watches that expired, versions that etcd has forgotten, a kind that somebody deletes. These have a server of
//! their own.

use std::sync::{Mutex, MutexGuard, OnceLock};

use super::{GROUP, SOURCE, Stage, TARGET, WORKSPACE, names};
use crate::support::kube::{Server, eventually};

/// One for the tests of this file, one after the other: old versions are forgotten within seconds, and watches end as soon.
fn own(test: &str) -> Option<(Stage, MutexGuard<'static, ()>)> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = SERVER.get_or_init(|| Server::alone(test, "--min-request-timeout=2 --etcd-compaction-interval=2s"));
    Some((Stage::on(server.as_ref()?), turn))
}

#[test]
fn a_server_that_is_away_or_forgot_old_versions_is_listed_anew() {
    let Some((stage, _turn)) = own("a_server_that_is_away_or_forgot_old_versions_is_listed_anew") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    for (round, rule) in ["!= \"\"", "== \"Engineering\""].into_iter().enumerate() {
        let changes = stage.changes();
        stage.kube.stop("apiserver");
        eventually("it notices", || operator.log().matches("a watch ended").count() > round * 20);
        assert_eq!(stage.changes(), changes, "nothing follows from a server that is away");
        stage.kube.start("apiserver");
        stage.apply(&[&GROUP.replace("== \"Engineering\"", rule)]);
        let expected = if round == 0 { names("ada luis mina") } else { names("ada mina") };
        eventually("what was changed after it is so", || stage.members() == expected);
    }
    stage.wait("workspace", "acme", "Ready", "True:AsDeclared");
    assert_eq!(stage.people(), names("ada luis mina"));
    operator.stop();
}

/// The operator sleeps while everything that it saw is forgotten.
#[test]
fn a_watch_that_expired_is_begun_anew() {
    let Some((stage, _turn)) = own("a_watch_that_expired_is_begun_anew") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    operator.signal(rustix::process::Signal::STOP);
    // A server that begins anew knows of no version before.
    stage.kube.stop("apiserver");
    stage.kube.start("apiserver");
    stage.kubectl(&["delete", "group", "engineering"]);
    stage.apply(&[&GROUP.replace("== \"Engineering\"", "!= \"\"")]);
    let forgotten = || {
        let told = stage.kube.kubectl(&[
            "get",
            "--raw",
            &format!("/apis/headcount.dev/v1alpha1/namespaces/{}/groups?watch=1&resourceVersion=1&timeoutSeconds=1", stage.namespace),
        ]);
        told.stdout.contains("too old resource version") || told.stderr.contains("too old resource version")
    };
    eventually("old versions are forgotten", forgotten);
    operator.signal(rustix::process::Signal::CONT);
    eventually("what was changed meanwhile is so", || stage.members() == names("ada luis mina"));
    stage.wait("workspace", "acme", "Ready", "True:AsDeclared");
    let log = operator.stop();
    assert!(log.contains("too old resource version") || log.contains("410"), "{log}");
}

#[test]
fn a_kind_that_is_deleted_makes_objects_unreadable_and_nothing_follows() {
    let Some((stage, _turn)) = own("a_kind_that_is_deleted_makes_objects_unreadable_and_nothing_follows") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let (people, members, changes) = (stage.people(), stage.members(), stage.changes());
    for (kind, crd, document) in [("groups", "groups.yaml", GROUP), ("targets", "targets.yaml", TARGET)] {
        stage.kube.kubectl(&["delete", "crd", &format!("{kind}.headcount.dev"), "--timeout=300s"]).expect();
        stage.wait("workspace", "acme", "Stalled", "True:ManifestsUnreadable");
        assert_eq!((stage.people(), stage.members(), stage.changes()), (people.clone(), members.clone(), changes));
        // The kind is back, and its objects are not: nobody said that they may go.
        let file = find(crd);
        stage.kube.kubectl(&["apply", "--server-side", "-f", &file]).expect();
        stage.kube.kubectl(&["wait", "--for=condition=Established", "--timeout=300s", "-f", &file]).expect();
        let again = || stage.kube.kubectl_with(&["apply", "--server-side", "--namespace", &stage.namespace, "-f", "-"], document).success;
        eventually("the kind is served again", again);
        stage.wait("workspace", "acme", "Ready", "True:AsDeclared");
        assert_eq!((stage.people(), stage.members()), (people.clone(), members.clone()));
    }
    operator.stop();
}

/// The CRD's file.
fn find(name: &str) -> String {
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    let found = std::fs::read_dir(crds).expect("CRDs").flatten().map(|file| file.path());
    let found = found.into_iter().find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().ends_with(name)));
    found.expect("its CRD").display().to_string()
}
