//! `headcount plan` and `diff`: what they print, where it goes, how they exit.

use snapbox::str;

use super::Folder;
use super::world::{HR, acme, active, applied};

#[test]
fn a_plan_worth_reading() {
    acme()
        .run(["plan"])
        .assert()
        .code(0)
        .stdout_eq(str![[r#"
Target app

  & hr/2 takes over the existing account luis [not made by headcount]
      displayName  Luis F. → Luís Ferreira at acme.yaml:17
      externalId   (none) → headcount's mark of hr/2
  + ada gets an account (hr/1)
      active: true · department: Engineering · displayName: Ada Okafor
      externalId: headcount's mark of hr/1 · userName: ada
  + mina gets an account (hr/3)
      active: true · department: Engineering · displayName: Mina Park
      externalId: headcount's mark of hr/3 · userName: mina
  + noor gets an account (hr/4)
      active: true · department: Support · displayName: Noor Haddad
      externalId: headcount's mark of hr/4 · userName: noor
  + group Engineering is created (group/engineering, declared) at acme.yaml:40
      displayName: Engineering
      members at acme.yaml:45:  + ada  + mina

Look at these twice

  not made by headcount:  luis (app), given to hr/2

Plan: 3 to create, 1 to take over, 1 group to create, 2 memberships to add.

Next: `headcount apply` runs this.

"#]])
        .stderr_eq(str![[r#"
reading 2 systems
read app: 1 account
read hr: 4 records

"#]]);
}

#[test]
fn nothing_left() {
    let folder = applied();
    folder.run(["plan"]).assert().code(0).stdout_eq("No changes. Everything is as declared.\n");
    folder.run(["plan", "--detailed-exitcode"]).assert().code(0);
    folder.run(["diff"]).assert().code(0).stdout_eq("No changes. Everything is as declared.\n");
}

#[test]
fn exit_codes_say_whether_something_differs() {
    let folder = acme();
    folder.run(["plan", "--detailed-exitcode"]).assert().code(2);
    folder.run(["diff"]).assert().code(1);
}

#[test]
fn planning_writes_nothing() {
    let folder = acme();
    let before = (folder.names(), std::fs::read(folder.file("app.db")).expect("a database"));
    folder.run(["plan"]).assert().code(0);
    folder.run(["diff"]).assert().code(1);
    let database = std::fs::read(folder.file("app.db")).expect("a database");
    assert!(before == (folder.names(), database), "{:?}", folder.names());
}

#[test]
fn colours_only_where_they_are_wanted() {
    let folder = acme();
    let colours = |command: snapbox::cmd::Command| {
        let output = command.output().expect("it runs");
        (String::from_utf8_lossy(&output.stdout).contains('\u{1b}'), String::from_utf8_lossy(&output.stderr).contains('\u{1b}'))
    };
    assert_eq!(colours(folder.run(["plan"])), (false, false), "a pipe");
    assert!(colours(folder.run(["plan", "--color", "always"])).0);
    assert!(colours(folder.run(["plan"]).env("CLICOLOR_FORCE", "1")).0);
    assert_eq!(colours(folder.run(["plan"]).env("NO_COLOR", "1")), (false, false));
    assert_eq!(colours(folder.run(["plan", "--color", "never"]).env("CLICOLOR_FORCE", "1")), (false, false));
    assert_eq!(colours(folder.run(["plan", "-o", "json", "--color", "always"])), (false, false), "data is never coloured");
}

#[test]
fn a_narrow_terminal() {
    let folder = acme();
    let output = folder.run(["plan"]).env("COLUMNS", "60").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
}

#[test]
fn several_views_at_once() {
    let folder = acme();
    folder
        .run(["plan", "-o", "text", "-o", "json=plan.json", "-o", "markdown=plan.md", "-o", "ndjson=plan.ndjson", "--out", "saved.json"])
        .assert()
        .code(0);
    let read = |name: &str| std::fs::read_to_string(folder.file(name)).expect("it was written");
    let document = |name: &str| serde_json::from_str::<serde_json::Value>(&read(name)).expect("it is JSON");
    let mut shown = document("plan.json");
    for change in shown["changes"].as_array_mut().expect("changes") {
        change.as_object_mut().expect("a change").retain(|field, _| field != "place" && field != "memberPlaces");
    }
    assert_eq!(shown, document("saved.json"), "a saved plan is the JSON view without the lines of manifests, which may move");
    assert!(read("plan.md").starts_with("<!-- headcount:plan workspace="));
    assert!(read("plan.ndjson").lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    // It tells about people: for its owner alone.
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(folder.file("saved.json")).expect("a file").permissions()) & 0o077,
        0
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = acme();
    let plan = || folder.run(["plan", "-o", "json"]).output().expect("it runs").stdout;
    assert_eq!(plan(), plan());
}

#[test]
fn a_part_of_the_plan() {
    let folder = acme();
    folder.run(["plan", "--select", "ada"]).assert().code(0).stdout_eq(str![[r#"
Target app

  + ada gets an account (hr/1)
      active: true · department: Engineering · displayName: Ada Okafor
      externalId: headcount's mark of hr/1 · userName: ada

Plan: 1 to create. The whole plan has 5 more changes.

Next: `headcount apply --select ada` runs this.

"#]]);
    folder.run(["plan", "--select", "nobody"]).assert().code(0).stdout_eq(str![[r#"
No changes in this selection. The whole plan has 6 more changes.

"#]]);
    folder.run(["plan", "--target", "chat"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: there is no target "chat"
 |
 = help: the manifests have: app

"#]]);
}

#[test]
fn another_day() {
    let folder = applied();
    folder.write("hr.csv", &HR.replace("Support,\n3", "Support,2030-05-31\n3"));
    folder.run(["plan"]).assert().code(0).stdout_eq("No changes. Everything is as declared.\n");
    folder.run(["plan", "--as-of", "2030-06-01"]).assert().code(0).stdout_eq(str![[r#"
Target app

  ! luis loses sign-in (hr/2, has left) at acme.yaml:21

Plan: 1 to lose sign-in.

"#]]);
}

#[test]
fn what_can_not_be_read_is_said_first_and_is_never_a_success() {
    let folder = applied();
    std::fs::remove_file(folder.file("hr.csv")).expect("it was there");
    folder.run(["plan"]).assert().code(5).stdout_eq(str![[r#"
  1. incomplete: hr: hr.csv: can't be opened: No such file or directory (os error 2); nobody counts
     as gone [incomplete-read]
     at acme.yaml:12:18

Findings

  2. note: app: hr/1, hr/2, hr/3 and 1 more: not among the records of hr, which could not be read to
     its end; left as it is [incomplete-read]

No changes in what could be read. The plan is incomplete.

Next: see to finding 1, then plan again.

"#]]);
    folder.run(["diff"]).assert().code(5);
    folder.run(["apply", "--auto-approve"]).assert().code(5);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"], "nobody lost an account");
}

#[test]
fn a_guardrail_refuses() {
    let folder = applied();
    folder.write("hr.csv", &HR.replace("Engineering,\n", "Engineering,2020-01-01\n"));
    folder.run(["plan"]).assert().code(3).stdout_eq(str![[r#"
Target app

  ! ada loses sign-in (hr/1, has left) at acme.yaml:21 [withheld: see finding 1]
      groups:  - Engineering [withheld: see finding 1]
  ! mina loses sign-in (hr/3, has left) at acme.yaml:21 [withheld: see finding 1]
      groups:  - Engineering [withheld: see finding 1]

Findings

  1. refused: app: leavers to cut off: 2 planned and 0 done in the last 24h, but the limit at
     acme.yaml:38:5 allows 1 (count 1, 0 % of 4 active accounts); none of them goes, since that
     would be half of everybody or more [guardrail-exceeded]
     at acme.yaml:38:5
     next: if this is right, add to Target app:
     spec:
       guardrails:
         overrides:
         - guardrail: leavers
           changes: [SET]
           reason: "…"
           expires: [DAY]
     or, for whatever comes until then, `atMost: 2` in the place of `changes`, if you are sure of the source

Plan: nothing will run; 4 changes withheld.

Next: see to finding 1, then plan again.

"#]]);
    folder.run(["apply", "--auto-approve"]).assert().code(3);
    assert_eq!(active(&folder), ["ada", "luis", "mina", "noor"], "nobody lost an account");
}

#[test]
fn manifests_from_stdin() {
    let folder = acme();
    let manifests = std::fs::read(folder.file("acme.yaml")).expect("manifests");
    folder.run(["diff", "-f", "-"]).stdin(manifests).assert().code(1);
}

#[test]
fn a_plan_that_can_not_be_saved() {
    let folder = acme();
    folder.run(["plan", "--out", "missing/plan.json"]).assert().code(1).stderr_eq(str![[r#"
reading 2 systems
read app: 1 account
read hr: 4 records
error: can't write missing/plan.json: No such file or directory (os error 2)

"#]]);
    let elsewhere = Folder::with(&[]);
    assert!(elsewhere.names().is_empty());
}

#[test]
fn a_plan_marks_the_lines_that_bring_it_about() {
    let folder = acme();
    folder.run(["plan", "-q", "-o", "github", "-o", "gitlab=quality.json"]).assert().code(0).stdout_eq(str![[r#"
::notice file=acme.yaml,line=45,title=headcount::2 people join Engineering at app
::notice file=acme.yaml,line=40,title=headcount::the group Engineering is made at app

"#]]);
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.file("quality.json")).expect("a report")).expect("JSON");
    let entries = report.as_array().expect("a list");
    let fields = ["description", "check_name", "fingerprint", "severity", "location"];
    assert!(!entries.is_empty() && entries.iter().all(|entry| fields.iter().all(|field| !entry[field].is_null())), "{report:#}");
    folder.write("broken.yaml", "kind: [");
    folder.run(["plan", "-q", "-o", "gitlab=quality.json"]).assert().code(1);
    assert_eq!(std::fs::read_to_string(folder.file("quality.json")).expect("a report"), "[]\n", "nothing stale is left");
}
