//! `headcount plan --unclaimed`: what is nobody's at a target, and that the printed lines make it somebody's.

use serde_json::Value;
use snapbox::str;

use super::Folder;
use super::world::{acme, applied, database};

/// Applied, and then somebody made an account and two groups by hand.
fn world() -> Folder {
    let folder = applied();
    let made = "INSERT INTO users (login, name, is_active) VALUES ('root', 'Root', 1), ('old.noor', 'Noor', 0); INSERT INTO teams (name) VALUES ('Engineers')";
    database(&folder).execute_batch(made).expect("they can be made");
    folder
}

#[test]
fn what_nobody_claims_is_listed_with_the_line_that_adopts_it() {
    let folder = world();
    folder.run(["plan", "--unclaimed", "-q"]).assert().code(0).stdout_eq(str![[r#"
Target app: 2 accounts and 1 group are nobody's
  account old.noor (id 6, not active)
      adopt it: attributes: {userName: "old.noor"} in the User whose it is (`overrides` names somebody of a Source)
  account root (id 5)
      adopt it: attributes: {userName: "root"} in the User whose it is (`overrides` names somebody of a Source)
  group Engineers (id 2)
      adopt it: previousNames: ["Engineers"] in the Group that it is


"#]]);
    let output = folder.run(["plan", "--unclaimed", "-o", "json"]).output().expect("it runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&told["complete"], told["unclaimed"].as_array().map(Vec::len)), (&true.into(), Some(3)), "{told:#}");
    assert_eq!(told["unclaimed"][0]["name"], "old.noor");
    assert!(acme().run(["plan", "--unclaimed"]).output().is_ok_and(|output| !String::from_utf8_lossy(&output.stdout).contains("luis")));
    folder.run(["plan", "--unclaimed", "--target", "shop"]).assert().code(2);
    folder.run(["plan", "--unclaimed", "-o", "markdown"]).assert().code(2);
}

#[test]
fn the_lines_work() {
    let folder = world();
    folder.write(
        "user.yaml",
        "apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: root}\nspec:\n  attributes: {userName: \"root\"}\n",
    );
    let group = "kind: Group\nmetadata: {name: makers}\nspec: {displayName: Makers, previousNames: [\"Engineers\"]}\n";
    folder.write("group.yaml", &format!("apiVersion: headcount.dev/v1alpha1\n{group}"));
    let told = String::from_utf8(folder.run(["plan", "-q"]).output().expect("it runs").stdout).expect("text");
    assert!(told.contains("group Engineers, which exists, is taken over"), "{told}");
    assert!(told.contains("user/root takes over the existing account root"), "{told}");
}

#[test]
fn a_target_that_can_not_be_read_is_not_told_as_claimed() {
    let folder = world();
    std::fs::remove_file(folder.file("app.db")).expect("it is there");
    let run = folder.run(["plan", "--unclaimed"]).assert().code(5);
    let told = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(told.contains("Not all of it was read"), "{told}");
}
