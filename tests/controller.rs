//! The controller's example: a repository, pushes that join and remove people, one that can't be used, a revocation; at the end the next plan is empty.

use std::process::Command;

use crate::support::{skipped, tool};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/controller");

#[test]
fn people_join_and_leave_by_a_push_and_what_can_t_be_used_changes_nothing() {
    let (Some(python), Some(_)) = (tool("python3"), tool("scim2-server")) else {
        return skipped("the controller's example", "scim2-server");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let search = format!("{}:{}", python.parent().expect("a folder").display(), std::env::var("PATH").unwrap_or_default());
    let mut run = Command::new(format!("{EXAMPLE}/run"));
    run.env("PATH", search).env("HEADCOUNT", snapbox::cargo_bin!("headcount")).env("WORK", folder.path().join("work"));
    let output = run.output().expect("a shell");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
    let active: Vec<&str> = words.lines().filter(|line| line.starts_with("intranet:")).collect();
    let after_the_push = "intranet: ada.okafor luis.ferreira mina.park zoe.vandenberg";
    let expected = [
        "intranet: ada.okafor luis.ferreira mina.park per.holm",
        after_the_push,
        after_the_push,
        after_the_push,
        "intranet: ada.okafor luis.ferreira zoe.vandenberg",
    ];
    assert_eq!(active, expected, "{words}");
    assert!(words.contains("groups.yaml:4: `spec` has no key `displayname`"), "{words}");
    assert!(words.trim_end().ends_with("No changes. Everything is as declared."), "{words}");
}
