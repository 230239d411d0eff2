//! Objects in, targets as declared, conditions out; and what must never follow from what vanishes.

use super::{GROUP, HR, SOURCE, Stage, TARGET, WORKSPACE, names};
use crate::support::kube::eventually;

#[test]
fn what_is_applied_is_so_at_the_target_and_says_so() {
    let Some(stage) = Stage::new("what_is_applied_is_so_at_the_target_and_says_so") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    stage.wait("source", "hr", "Complete", "True:Complete");
    stage.wait("workspace", "acme", "Ready", "True:AsDeclared");
    // One object changes, and what follows from it.
    stage.apply(&[&GROUP.replace("== \"Engineering\"", "!= \"\"")]);
    eventually("the members are more", || stage.members() == names("ada luis mina"));
    let log = operator.stop();
    assert!(!log.contains("luis") && !log.contains("mina"), "{log}");
}

#[test]
fn what_vanishes_changes_nothing_at_a_target() {
    let Some(stage) = Stage::new("what_vanishes_changes_nothing_at_a_target") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let (people, changes) = (stage.people(), stage.changes());
    // The Source, and the Target: held, since nobody said so in the Workspace.
    for (kind, name, document) in [("source", "hr", SOURCE), ("target", "intranet", TARGET)] {
        stage.kubectl(&["delete", kind, name]);
        stage.wait("workspace", "acme", "Stalled", "True:ManifestsShrank");
        assert_eq!((stage.people(), stage.changes()), (people.clone(), changes));
        stage.apply(&[document]);
        stage.wait("workspace", "acme", "Ready", "True:AsDeclared");
    }
    // The namespace, with everything in it.
    stage.kube.kubectl(&["delete", "namespace", &stage.namespace, "--timeout=300s"]).expect();
    eventually("the operator noticed", || operator.log().contains("nothing follows from what is not there"));
    assert_eq!((stage.people(), stage.changes()), (people, changes));
}

#[test]
fn a_thousand_objects_at_once_are_a_few_revisions() {
    let Some(stage) = Stage::new("a_thousand_objects_at_once_are_a_few_revisions") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let user = |number: usize| {
        format!(
            "
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {{name: u{number}}}
spec: {{attributes: {{userName: u{number}}}}}
"
        )
    };
    let users: Vec<String> = (0..1000).map(user).collect();
    stage.apply(&users.iter().map(String::as_str).collect::<Vec<_>>());
    eventually("all of them are there", || stage.people().len() == 1003);
    let revisions = operator.log().matches("other manifests are in force").count();
    assert!((1..100).contains(&revisions), "{revisions}");
}

#[test]
fn a_bad_object_says_why_and_what_ran_before_runs_on() {
    let Some(stage) = Stage::new("a_bad_object_says_why_and_what_ran_before_runs_on") else { return };
    let _operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    stage.apply(&[&GROUP.replace("identity.department", "identity.departmnt")]);
    stage.wait("group", "engineering", "Stalled", "True:InvalidManifest");
    stage.wait("workspace", "acme", "Stalled", "True:InvalidManifest");
    let told = stage.words("group", "engineering");
    assert!(told.contains("departmnt"), "{told}");
    // What is in force goes on under the files that there are now, and whoever is to be cut off is.
    stage.hr(&HR.replace("2,luis,Sales,active", "2,luis,Engineering,active"));
    eventually("the file's change went through", || stage.members() == names("ada luis mina"));
    stage.apply(&["
apiVersion: headcount.dev/v1alpha1
kind: Revocation
metadata: {name: mina}
spec: {identities: [{identity: {source: hr, key: \"3\"}}], reason: INC-7}
"]);
    eventually("she is out", || stage.people() == names("ada luis"));
    // All the while the last word is that the newest objects are wrong.
    stage.wait("group", "engineering", "Stalled", "True:InvalidManifest");
    stage.wait("workspace", "acme", "Stalled", "True:InvalidManifest");
    stage.apply(&[GROUP]);
    stage.wait("workspace", "acme", "Ready", "True:AsDeclared");
    stage.wait("group", "engineering", "Ready", "True:InForce");
}

/// Held for what vanished, and somebody cut off in the same moment.
#[test]
fn a_revocation_beside_objects_that_are_held_is_carried_out() {
    let Some(stage) = Stage::new("a_revocation_beside_objects_that_are_held_is_carried_out") else { return };
    let _operator = stage.start();
    let users = |numbers: std::ops::Range<usize>| -> String {
        let user = |at| {
            format!(
                "\napiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {{name: u{at}}}\nspec: {{attributes: {{userName: u{at}}}}}\n"
            )
        };
        numbers.map(user).collect::<Vec<_>>().join("---")
    };
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP, &users(0..10)]);
    eventually("everybody is there", || stage.people().len() == 13);
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    // One request of the API server after the other, and one revision.
    let revocation = "
apiVersion: headcount.dev/v1alpha1
kind: Revocation
metadata: {name: mina}
spec: {identities: [{identity: {source: hr, key: \"3\"}}], reason: INC-7}
";
    let gone: Vec<String> = (0..10).map(|at| format!("u{at}")).collect();
    stage.kubectl(&[&["delete", "user"], gone.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat());
    stage.apply(&[revocation]);
    eventually("she is out, and nobody else is", || stage.people().len() == 12 && !stage.people().contains(&"mina".to_owned()));
    stage.wait("workspace", "acme", "Stalled", "True:ManifestsShrank");
}

#[test]
fn a_target_that_goes_as_it_should_leaves_orphans_and_says_so() {
    let Some(stage) = Stage::new("a_target_that_goes_as_it_should_leaves_orphans_and_says_so") else { return };
    let _operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || stage.people() == names("ada luis mina"));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let changes = stage.changes();
    let expires = jiff::Zoned::now().date().tomorrow().expect("a day");
    stage.apply(&[&WORKSPACE.replace(
        "spec: {id: acme}",
        &format!("spec: {{id: acme, removals: {{names: [Target/intranet], reason: moved, expires: \"{expires}\"}}}}"),
    )]);
    stage.kubectl(&["delete", "target", "intranet"]);
    eventually("it is told", || stage.events("Workspace", "acme").contains(&"Orphaned".to_owned()));
    assert_eq!((stage.people(), stage.changes()), (names("ada luis mina"), changes));
}
