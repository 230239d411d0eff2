//! Several replicas: who writes, who takes over, and one that is frozen past its Lease (SIGSTOP) with a run under way and thaws again.
//!
//! `HEADCOUNT_OPERATOR_FREEZES` says how many freezes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use super::service::{self, Service, records, target};
use super::{GROUP, Operator, SOURCE, Stage, TARGET, WORKSPACE, names};
use crate::support::kube::eventually;

/// Writes of one run: it lasts for some seconds.
const PEOPLE: usize = 400;
const PAUSE: Duration = Duration::from_millis(30);
/// Stages that play at once, at most.
const STAGES: usize = 5;

#[test]
fn a_replica_takes_over_when_the_other_ends_and_not_before() {
    let Some(stage) = Stage::new("a_replica_takes_over_when_the_other_ends_and_not_before") else { return };
    let first = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let holder = || stage.object("lease", "headcount")["spec"].clone();
    let (before, epoch) = (holder(), holder()["leaseTransitions"].clone());
    // Its own volume, with the same files in it.
    let other = tempfile::tempdir().expect("a folder");
    let folder = other.path().join(&stage.namespace);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(stage.folder().join("hr.csv"), folder.join("hr.csv")).expect("a copy");
    std::fs::hard_link(stage.folder().join("app.db"), folder.join("app.db")).expect("one application");
    let second = stage.start_in(other.path());
    eventually("it waits", || second.log().contains("this one waits for it"));
    assert_eq!(holder()["holderIdentity"], before["holderIdentity"]);
    first.stop();
    eventually("it takes over", || holder()["leaseTransitions"].as_i64() > epoch.as_i64() && holder()["holderIdentity"] != "");
    stage.apply(&[&GROUP.replace("== \"Engineering\"", "!= \"\"")]);
    eventually("it works", || stage.members() == names("ada luis mina"));
    second.stop();
    assert_eq!(holder()["holderIdentity"], "", "it was given back");
}

/// The target's own log has whose each write was, in order: what a replica writes ends with its own title.
#[test]
fn a_frozen_replica_that_thaws_writes_nothing_more_and_there_are_never_two() {
    let test = "a_frozen_replica_that_thaws_writes_nothing_more_and_there_are_never_two";
    let asked = std::env::var("HEADCOUNT_OPERATOR_FREEZES").ok().and_then(|number| number.parse().ok()).unwrap_or(2);
    let left = AtomicUsize::new(asked);
    let came = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..STAGES.min(asked) {
            threads.spawn(|| {
                let Some(stage) = Stage::new(test) else { return };
                let freezes = play(&stage, &left);
                came.lock().expect("not broken").extend(freezes);
            });
        }
    });
    let came = came.into_inner().expect("not broken");
    if came.is_empty() {
        return;
    }
    eprintln!("{} freezes, writes before, between and after each: {came:?}", came.len());
    assert_eq!(came.len(), asked);
}

/// What came of each freeze: writes of the run before it was frozen, and all of whoever took over.
fn play(stage: &Stage, left: &AtomicUsize) -> Vec<(usize, usize)> {
    let chat = Service::start(PEOPLE, PAUSE);
    stage.kubectl(&["create", "secret", "generic", "chat", "--from-literal=token=any"]);
    // Each replica has its own volume, and what it writes says whose it is.
    let volumes = ["one", "two"].map(|name| (name, tempfile::tempdir().expect("a folder")));
    for (name, volume) in &volumes {
        let folder = volume.path().join(&stage.namespace);
        std::fs::create_dir_all(&folder).expect("a folder");
        crate::support::write_settled(&folder.join("hr.csv"), records(PEOPLE, name));
    }
    let replicas = volumes.each_ref().map(|(name, volume)| stage.start_with(volume.path(), name));
    stage.apply(&[WORKSPACE, service::SOURCE, &target(&chat, "-0")]);
    stage.wait("target", "chat", "Ready", "True:AsDeclared");
    eventually("the other one waits", || replicas.iter().any(|replica| replica.log().contains("this one waits for it")));
    let mut came = Vec::new();
    while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        let round = format!("-{}", came.len() + 1);
        let title = |whose: usize| format!("{}{round}", volumes[whose].0);
        let written = |whose: usize| chat.written().iter().filter(|written| **written == title(whose)).count();
        stage.apply(&[&target(&chat, &round)]);
        eventually("a run is under way", || [0, 1].into_iter().any(|whose| written(whose) >= 20));
        let holder = usize::from(written(1) >= 20);
        let (frozen, other) = (&replicas[holder], 1 - holder);
        frozen.signal(Signal::STOP);
        let (before, lost) = (written(holder), losses(frozen));
        assert!(before < PEOPLE, "the run was over before it was frozen");
        eventually("somebody else writes", || written(other) >= 5);
        let mark = chat.written().len();
        frozen.signal(Signal::CONT);
        eventually("it has heard that it lost", || losses(frozen) > lost);
        eventually("all of it is written", || written(other) >= PEOPLE);
        stage.wait("target", "chat", "Ready", "True:AsDeclared");
        let late = chat.written()[mark..].iter().filter(|written| **written == title(holder)).count();
        let log: Vec<String> = chat.written().into_iter().filter(|written| written.ends_with(&round)).collect();
        let first = log.iter().position(|written| *written == title(other)).expect("it wrote");
        let doubled = log[first..].iter().filter(|written| **written == title(holder)).count();
        assert_eq!((late, doubled), (0, 0), "{log:?}");
        came.push((before, log.len() - first));
    }
    came
}

fn losses(replica: &Operator) -> usize {
    replica.log().matches("the lock was lost").count()
}
