//! Bad input, in every command: the thing, the place, the next step; nothing written; the right exit code.

use snapbox::str;

use super::world::BROKEN;
use super::{Folder, headcount};

/// Every command that reads manifests, with what else it needs.
const COMMANDS: &[&[&str]] = &[&["validate"], &["plan"], &["diff"], &["apply", "--auto-approve"], &["explain", "hr/1"], &["history"]];

#[test]
fn a_broken_manifest_stops_every_command_before_anything_is_written() {
    let folder = Folder::with(&[("acme.yaml", BROKEN)]);
    for command in COMMANDS {
        let output = folder.run(command.iter().copied()).output().expect("it runs");
        let words = String::from_utf8(output.stderr).expect("text") + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{command:?}\n{words}");
        assert!(words.contains("acme.yaml:") && words.contains("selcet"), "{command:?}\n{words}");
    }
    assert_eq!(folder.names(), ["acme.yaml"]);
}

#[test]
fn the_line_is_marked() {
    let folder = Folder::with(&[("acme.yaml", BROKEN)]);
    folder.run(["plan"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: `spec` has no key `selcet`
 --> acme.yaml:7:3
  |
7 |   selcet: identity.department == "Engineering"
  |   ^^^^^^
  |
  = help: did you mean `select`?

error: `spec.leaver.action` must be one of `deactivate`, `delete`, `keep`, and is another word
 --> acme.yaml:8:20
  |
8 |   leaver: {action: fire}
  |                    ^^^^

2 errors

"#]]);
}

#[test]
fn stdin_is_marked_too() {
    headcount(["plan", "-f", "-"]).stdin(BROKEN).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: `spec` has no key `selcet`
 --> -:7:3
  |
7 |   selcet: identity.department == "Engineering"
  |   ^^^^^^
  |
  = help: did you mean `select`?

error: `spec.leaver.action` must be one of `deactivate`, `delete`, `keep`, and is another word
 --> -:8:20
  |
8 |   leaver: {action: fire}
  |                    ^^^^

2 errors

"#]]);
}

#[test]
fn a_missing_file_and_an_empty_folder() {
    let folder = Folder::with(&[]);
    folder.run(["plan", "-f", "nope.yaml"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: can't read `nope.yaml`: No such file or directory (os error 2)

1 error

"#]]);
    folder.run(["plan"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: no manifest in `.`
 |
 = help: name a folder with `*.yaml` files, or run `headcount init`

1 error

"#]]);
    assert!(folder.names().is_empty());
}

#[test]
fn two_views_on_one_stdout() {
    headcount(["plan", "-o", "text", "-o", "json"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: only one format can go to standard output
 |
 = help: write the others to files: `-o json=FILE`

"#]]);
    headcount(["plan", "-o", "pdf"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: invalid value 'pdf' for '--output <FORMAT[=FILE]>': it must be text, json, ndjson, markdown, html, review, github or gitlab

For more information, try '--help'.

"#]]);
    headcount(["plan", "-o", "json="]).assert().code(2).stdout_eq(str![]);
    headcount(["plan", "--as-of", "tomorrow"]).assert().code(2).stdout_eq(str![]);
    headcount(["plan", "--as-of", "2030-01-01", "--out", "x"]).assert().code(2).stdout_eq(str![]);
}

#[test]
fn apply_without_a_terminal_asks_for_a_decision_first() {
    headcount(["apply"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: there is no terminal to ask on
 |
 = help: pass --auto-approve, or review a saved plan: `headcount plan --out plan.json`, then `headcount apply plan.json`

"#]]);
}

#[test]
fn a_plan_file_that_is_none() {
    let folder = Folder::with(&[("plan.json", "{}"), ("half.json", "{\"formatVersion\": 1, \"hash\": \"x\", \"chan")]);
    folder.run(["apply", "plan.json"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: can't use the plan plan.json: this is no plan file: it has no formatVersion; `headcount plan --out FILE` writes one

"#]]);
    folder.run(["apply", "half.json"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: can't use the plan half.json: this is no plan file: EOF while parsing a string at line 1 column 39; `headcount plan --out FILE` writes one

"#]]);
    folder.run(["apply", "missing.json"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: can't read the plan missing.json: No such file or directory (os error 2)

"#]]);
    assert_eq!(folder.names(), ["half.json", "plan.json"]);
}
