//! Processes that begin: with the newest objects, with those that were in force, or with none.

use super::{GROUP, HR, SOURCE, Stage, TARGET, WORKSPACE, names};
use crate::support::kube::eventually;

#[test]
fn a_process_that_begins_with_bad_objects_says_so_and_begins_once_they_are_mended() {
    let Some(stage) = Stage::new("a_process_that_begins_with_bad_objects_says_so") else { return };
    stage.apply(&[WORKSPACE, SOURCE, &TARGET.replace("table: users", "table: userz")]);
    // A secret that is not the cluster's is refused, whatever else is right.
    let stolen = "
apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: chat}
spec: {connection: {scim: {url: \"http://127.0.0.1:9/v2\", auth: {bearer: {env: PATH}}}}}
";
    let refused = stage.kube.kubectl_with(&["apply", "--namespace", &stage.namespace, "-f", "-"], stolen);
    let _operator = stage.start();
    if refused.success {
        stage.wait("target", "chat", "Stalled", "True:InvalidManifest");
        let told = stage.object("target", "chat")["status"]["conditions"].to_string();
        assert!(told.contains("comes from secretKeyRef"), "{told}");
        stage.wait("workspace", "acme", "Stalled", "True:InvalidManifest");
        stage.kubectl(&["delete", "target", "chat"]);
    } else {
        assert!(refused.stderr.contains("secretKeyRef"), "{}", refused.stderr);
    }
    stage.apply(&[TARGET]);
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
}

#[test]
fn a_process_that_begins_while_the_newest_objects_are_bad_runs_what_was_in_force_or_says_why_nothing_runs() {
    let Some(stage) = Stage::new("a_process_that_begins_while_the_newest_objects_are_bad") else { return };
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    operator.stop();
    stage.apply(&[&GROUP.replace("identity.department", "identity.departmnt")]);
    stage.hr(&HR.replace("2,luis,Sales,active", "2,luis,Engineering,active"));
    let operator = stage.start();
    eventually("by the rule that was in force", || stage.members() == names("ada luis mina"));
    stage.wait("group", "engineering", "Stalled", "True:InvalidManifest");
    stage.wait("workspace", "acme", "Stalled", "True:InvalidManifest");
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let log = operator.stop();
    assert!(log.contains("was in force last, and stays so"), "{log}");
    // Another volume, or none: what was in force can't be had.
    std::fs::remove_file(stage.folder().join(".headcount/in-force.json")).expect("it was noted");
    stage.hr(HR);
    let operator = stage.start();
    eventually("it says that nothing runs", || operator.log().contains("no earlier manifests can be had here"));
    stage.wait("workspace", "acme", "Ready", "False:InvalidManifest");
    stage.wait("target", "intranet", "Ready", "False:NotInForce");
    assert_eq!(stage.members(), names("ada luis mina"), "nothing follows from newer files either");
    stage.apply(&[GROUP]);
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    eventually("by the rule that is in force again", || stage.members() == names("ada mina"));
}
