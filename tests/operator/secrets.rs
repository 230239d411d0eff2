//! Secrets by their names: one that is not there yet, one that is refused, and one that is rotated while the old one still counts.

use std::time::Duration;

use super::service::{SOURCE, Service, records, target};
use super::{Stage, WORKSPACE};
use crate::support::kube::eventually;

#[test]
fn a_secret_is_had_by_its_name_and_a_rotated_one_is_noticed_before_the_old_one_is_refused() {
    let Some(stage) = Stage::new("a_secret_is_had_by_its_name_and_a_rotated_one_is_noticed") else { return };
    let chat = Service::start(3, Duration::ZERO);
    chat.let_in(&["of-today"]);
    stage.hr(&records(3, "none"));
    let operator = stage.start();
    stage.apply(&[WORKSPACE, SOURCE, &target(&chat, "")]);
    // There is none yet.
    stage.wait("target", "chat", "Ready", "False:Unreadable");
    let told = stage.words("target", "chat");
    assert!(told.contains("no such Secret"), "{told}");
    // One that is made is noticed by itself; it is of yesterday.
    stage.kubectl(&["create", "secret", "generic", "chat", "--from-literal=token=of-yesterday"]);
    eventually("it is refused", || stage.words("target", "chat").contains("401"));
    rotate(&stage, "of-today");
    stage.wait("target", "chat", "Ready", "True:AsDeclared");
    assert_eq!(stage.object("target", "chat")["status"]["rows"], 3);
    // Both count for a while, as everybody does it who rotates.
    chat.let_in(&["of-today", "of-tomorrow"]);
    let before = chat.asked().len();
    rotate(&stage, "of-tomorrow");
    eventually("the new one is used", || chat.asked()[before..].iter().any(|(token, _)| token == "of-tomorrow"));
    let asked = chat.asked();
    assert!(asked[before..].iter().all(|(_, let_in)| *let_in), "{:?}", &asked[before..]);
    let log = operator.stop();
    assert!(!["of-yesterday", "of-today", "of-tomorrow"].iter().any(|token| log.contains(token)), "{log}");
}

fn rotate(stage: &Stage, token: &str) {
    stage.kubectl(&["patch", "secret", "chat", "-p", &format!("{{\"stringData\":{{\"token\":\"{token}\"}}}}")]);
}
