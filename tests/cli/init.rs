//! `headcount init`.

use snapbox::str;

use super::Folder;

#[test]
fn a_new_workspace_is_valid_as_it_is() {
    let folder = Folder::with(&[]);
    folder
        .run(["init", "acme"])
        .assert()
        .success()
        .stdout_eq(str![[r#"
wrote acme/headcount.yaml
wrote acme/groups.yaml
wrote acme/personas.yaml
wrote acme/hr.csv
wrote acme/.gitignore

Next: set the target's address in acme/headcount.yaml, then
  headcount validate -f acme
  headcount test -f acme
  headcount plan -f acme

"#]])
        .stderr_eq(str![]);
    assert_eq!(
        folder.names(),
        ["acme", "acme/.gitignore", "acme/groups.yaml", "acme/hr.csv", "acme/headcount.yaml", "acme/personas.yaml"]
            .map(String::from)
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    folder.run(["validate", "-f", "acme"]).assert().success();
    folder.run(["test", "-f", "acme"]).assert().success();
}

#[test]
fn nothing_is_overwritten_and_then_nothing_is_written() {
    let folder = Folder::with(&[("hr.csv", "mine")]);
    folder.run(["init"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: ./hr.csv exists already; nothing was written
 |
 = help: name an empty directory: `headcount init DIRECTORY`

"#]]);
    assert_eq!(folder.names(), ["hr.csv"]);
    assert_eq!(std::fs::read_to_string(folder.file("hr.csv")).expect("it is still there"), "mine");
}

#[test]
fn two_workspaces_never_share_an_id() {
    let folder = Folder::with(&[]);
    folder.run(["init", "a/acme"]).assert().success();
    folder.run(["init", "b/acme"]).assert().success();
    let text = |path: &str| std::fs::read_to_string(folder.file(path)).expect("it was written");
    assert_ne!(text("a/acme/headcount.yaml"), text("b/acme/headcount.yaml"));
}
