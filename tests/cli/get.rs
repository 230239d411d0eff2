//! `headcount get`: who has what as it is at the systems, and never a short list that looks whole.

use serde_json::Value;
use snapbox::str;

use super::Folder;
use super::world::{applied, database};

/// Applied; then somebody made an account and a group by hand, and took somebody's sign-in.
fn world() -> Folder {
    let folder = applied();
    let made = "INSERT INTO users (login, name, is_active) VALUES ('root', 'Root', 1); INSERT INTO teams (name) VALUES ('Engineers'); \
        UPDATE users SET is_active = 0 WHERE login = 'mina'";
    database(&folder).execute_batch(made).expect("it can be made");
    folder
}

fn shown(folder: &Folder, arguments: &[&'static str]) -> String {
    let output = folder.run(["get", "-q"].into_iter().chain(arguments.iter().copied())).output().expect("it runs");
    String::from_utf8(output.stdout).expect("text")
}

fn json(folder: &Folder, arguments: &[&'static str]) -> Value {
    serde_json::from_str(&shown(folder, &[arguments, &["-o", "json"]].concat())).expect("JSON")
}

#[test]
fn each_kind_is_listed_as_it_is_at_the_systems() {
    let folder = world();
    folder.run(["get", "people", "-q"]).assert().success().stdout_eq(str![[r#"
NAME  LIFECYCLE  TITLE  DEPARTMENT   ACCOUNTS
ada   active     -      Engineering  app
luis  active     -      Support      app
mina  active     -      Engineering  app (no sign-in)
noor  active     -      Support      app

"#]]);
    folder.run(["get", "accounts", "-q"]).assert().success().stdout_eq(str![[r#"
NAME  TARGET  SIGN-IN  WHOSE
ada   app     yes      ada
luis  app     yes      luis
mina  app     no       mina
noor  app     yes      noor
root  app     yes      nobody's

"#]]);
    folder.run(["get", "groups", "-q"]).assert().success().stdout_eq(str![[r#"
NAME         TARGET  MEMBERS  STANDS
Engineering  app     2        declared
Engineers    app     0        nobody's

"#]]);
    folder.run(["get", "targets", "-q"]).assert().success().stdout_eq(str![[r#"
NAME  ACCOUNTS  SIGN-IN  OURS  NOBODY'S  GROUPS
app   5         4        4     1         2

"#]]);
    folder.run(["get", "people", "hr/1", "-q", "-o", "wide"]).assert().success().stdout_eq(str![[r#"
NAME  KEY   DISPLAY NAME  LIFECYCLE  TITLE  DEPARTMENT   ACCOUNTS  GROUPS            ENTITLEMENTS
ada   hr/1  Ada Okafor    active     -      Engineering  app       app: Engineering  -

"#]]);
}

#[test]
fn machines_get_all_of_it_and_names_that_other_commands_take() {
    let folder = world();
    let people = json(&folder, &["people", "mina"]);
    assert_eq!((&people["formatVersion"], &people["complete"]), (&1.into(), &true.into()));
    let mina = &people["people"][0];
    assert_eq!((&mina["key"], &mina["accounts"][0]["active"]), (&"hr/3".into(), &false.into()));
    let yaml = shown(&folder, &["people", "mina", "-o", "yaml"]);
    assert!(yaml.contains("complete: true\n") && yaml.contains("key: hr/3\n"), "{yaml}");
    for (what, option) in [("people", "explain"), ("accounts", "explain")] {
        for name in shown(&folder, &[what, "-o", "name"]).lines() {
            let command = folder.run([option, name, "-q"]).output().expect("it runs");
            assert!(command.status.success(), "{option} {name}: {}", String::from_utf8_lossy(&command.stderr));
        }
    }
}

#[test]
fn names_patterns_targets_and_labels_narrow_it() {
    let folder = world();
    folder.write(
        "labels.yaml",
        "apiVersion: headcount.dev/v1alpha1\nkind: User\nmetadata: {name: bot, labels: {team: ops}}\nspec: {attributes: {userName: bot}}\n",
    );
    assert_eq!(shown(&folder, &["people", "-l", "team=ops", "-o", "name"]), "user/bot\n");
    assert_eq!(shown(&folder, &["people", "mi*", "-o", "name"]), "hr/3\n");
    assert_eq!(shown(&folder, &["people", "--select", "HR/3", "-o", "name"]), "hr/3\n");
    assert_eq!(shown(&folder, &["groups", "engineering", "-o", "name"]), "group/engineering\n");
    assert_eq!(shown(&folder, &["people", "-l", "team=sales"]), "No people.\n");
    assert!(!shown(&folder, &["people", "--target", "app", "-o", "name"]).contains("user/bot"), "who has no account there");
    folder.run(["get", "people", "--target", "shop"]).assert().code(2);
    folder.run(["get", "people", "mima", "-q"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: no person is called "mima"
 |
 = help: did you mean "mina"?

"#]]);
    folder.run(["get", "people", "-l", "=x"]).assert().code(2);
}

#[test]
fn what_was_not_read_is_never_a_short_list() {
    let folder = world();
    std::fs::remove_file(folder.file("app.db")).expect("it goes");
    for what in ["people", "accounts", "groups", "targets"] {
        let output = folder.run(["get", what]).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.code() == Some(5) && told.contains("Not all of it was read: "), "{what}: {told}");
    }
    let output = folder.run(["get", "accounts", "root"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(json(&folder, &["accounts"])["complete"], false);
}

#[test]
fn a_group_is_explained_by_its_name() {
    let folder = world();
    let by_key = folder.run(["explain", "group/engineering", "-q"]).output().expect("it runs");
    let by_name = folder.run(["explain", "engineering", "-q"]).output().expect("it runs");
    assert!(by_key.status.success() && by_key.stdout == by_name.stdout, "{}", String::from_utf8_lossy(&by_name.stderr));
}
