//! What people stop, and what they ask for: suspend, pause, `requestedAt`.

use std::process::Command;

use jiff::ToSpan;

use super::{GROUP, SOURCE, Stage, TARGET, WORKSPACE, names};
use crate::support::kube::eventually;

fn suspended(until: jiff::civil::Date) -> String {
    TARGET.replace("  groups: {}", &format!("  groups: {{}}\n  suspend: {{reason: the system moves, until: \"{until}\"}}"))
}

#[test]
fn a_suspended_target_is_read_and_not_written_until_the_day_is_over() {
    let Some(stage) = Stage::new("a_suspended_target_is_read_and_not_written_until_the_day_is_over") else { return };
    let _operator = stage.start();
    let today = jiff::Zoned::now().date();
    stage.apply(&[WORKSPACE, SOURCE, &suspended(today.checked_add(2.days()).expect("a day")), GROUP]);
    stage.wait("target", "intranet", "Suspended", "True:Suspended");
    stage.wait("target", "intranet", "Ready", "False:Suspended");
    assert!(stage.words("target", "intranet").contains("the system moves"));
    assert_eq!((stage.changes(), stage.object("target", "intranet")["status"]["pending"]["give"].as_i64() > Some(0)), (0, true));
    // The day went by.
    stage.apply(&[&suspended(today.checked_sub(2.days()).expect("a day"))]);
    eventually("it is written", || stage.people() == names("ada luis mina"));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    stage.wait("target", "intranet", "Suspended", "False:NotSuspended");
}

#[test]
fn what_is_paused_by_label_or_by_command_is_not_written_before_whoever_stopped_it_lets_go() {
    let Some(stage) = Stage::new("what_is_paused_by_label_or_by_command_is_not_written") else { return };
    let paused = WORKSPACE.replace("{name: acme}", "{name: acme, labels: {headcount.dev/paused: \"true\"}}");
    let _operator = stage.start();
    stage.apply(&[&paused, SOURCE, TARGET, GROUP]);
    stage.wait("workspace", "acme", "Suspended", "True:Paused");
    stage.wait("target", "intranet", "Ready", "False:Paused");
    assert_eq!(stage.changes(), 0);
    stage.apply(&[WORKSPACE]);
    eventually("it is written", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    let changes = stage.changes();
    command(&stage, &["pause", "--reason", "hr exports nonsense"]);
    stage.apply(&[&GROUP.replace("== \"Engineering\"", "!= \"\"")]);
    stage.wait("target", "intranet", "Ready", "False:Paused");
    assert!(stage.words("target", "intranet").contains("hr exports nonsense"));
    // What somebody else pulled stays.
    stage.apply(&[&paused]);
    stage.wait("workspace", "acme", "Suspended", "True:Paused");
    stage.apply(&[WORKSPACE]);
    stage.wait("workspace", "acme", "Suspended", "True:Paused");
    assert_eq!(stage.changes(), changes);
    command(&stage, &["resume"]);
    eventually("it is written", || stage.members() == names("ada luis mina"));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    stage.wait("workspace", "acme", "Suspended", "False:NotSuspended");
}

fn command(stage: &Stage, arguments: &[&str]) {
    let state = stage.folder().join(".headcount/state.db");
    let done = Command::new(snapbox::cargo_bin!("headcount")).args(arguments).arg("--state").arg(state).output().expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn whoever_asks_has_it_read_and_done_before_its_time() {
    let Some(stage) = Stage::new("whoever_asks_has_it_read_and_done_before_its_time") else { return };
    let _operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, TARGET, GROUP]);
    eventually("everybody is there", || (stage.people(), stage.members()) == (names("ada luis mina"), names("ada mina")));
    stage.wait("target", "intranet", "Ready", "True:AsDeclared");
    // Nobody looks for half an hour.
    stage.app().execute_batch("DELETE FROM members WHERE user = (SELECT id FROM users WHERE login = 'ada')").expect("somebody changes it");
    stage.ask("target", "intranet");
    eventually("it is taken back", || stage.members() == names("ada mina"));
    stage.app().execute_batch("UPDATE users SET mail = 'other@acme.example' WHERE login = 'luis'").expect("somebody changes it");
    stage.ask("workspace", "acme");
    let mail = || super::rows(&stage.app(), "SELECT mail FROM users WHERE login = 'luis'");
    eventually("it is taken back", || mail() == names("luis@acme.example"));
}
