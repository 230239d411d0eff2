//! `validate` in its three forms, and the files that `schema` and `crds` generate.

use snapbox::str;

use super::{Folder, headcount};

const GOOD: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {name: jane}
spec:
  attributes: {userName: jane}
";

/// One mistake of each sort: a pasted secret, an unknown key, an unknown function inside a folded text, a name that nothing has.
const BAD: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection:
    scim: {url: https://hr.example, auth: {bearer: hunter2}}
  key: record.id
  completness: {}
  mapping:
    rules:
    - attribute: title
      value: >-
        record.a +
        lowr(record.b)
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: eng}
spec:
  displayName: Eng
  members: [{user: nobody}]
";

#[test]
fn good_manifests_are_counted() {
    let folder = Folder::with(&[("a/acme.yaml", GOOD), ("a/notes.txt", "no manifest"), (".git/x.yaml", "no: manifest")]);
    folder.run(["validate"]).assert().success().stdout_eq(str![[r#"
valid: 1 Workspace, 1 User

"#]]);
    folder.run(["validate", "-o", "github"]).assert().success().stdout_eq(str![]).stderr_eq(str![]);
    folder.run(["validate", "-f", "a", "-f", "a/acme.yaml", "-o", "json"]).assert().success().stdout_eq(str![[r#"
{
  "formatVersion": 1,
  "valid": true,
  "diagnostics": []
}

"#]]);
}

#[test]
fn every_problem_is_told_at_once_and_no_secret_is_shown() {
    let folder = Folder::with(&[("bad.yaml", BAD)]);
    folder.run(["validate"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: `spec.connection.scim.auth.bearer` must be a mapping with one of `env`, `file`, `exec`, `secretKeyRef`, and is text
 --> bad.yaml:7:52
  |
7 |     scim: {url: https://hr.example, auth: {bearer: *******}}
  |                                                    ^^^^^^^
  |
  = help: secrets never stand in a manifest; write `{env: NAME}` or `{file: PATH}`

error: `spec` has no key `completness`
 --> bad.yaml:9:3
  |
9 |   completness: {}
  |   ^^^^^^^^^^^
  |
  = help: did you mean `completeness`?

error: there is no User `nobody`
  --> bad.yaml:22:20
   |
22 |   members: [{user: nobody}]
   |                    ^^^^^^
   |
   = help: declare the User, or name the person by `identity: {source, key}`

3 errors

"#]]);
    folder.run(["validate", "-o", "github"]).assert().code(1).stderr_eq(str![]).stdout_eq(str![[r#"
::error file=bad.yaml,line=7,endLine=7,col=52,endColumn=59,title=headcount::`spec.connection.scim.auth.bearer` must be a mapping with one of `env`, `file`, `exec`, `secretKeyRef`, and is text%0Asecrets never stand in a manifest; write `{env: NAME}` or `{file: PATH}`
::error file=bad.yaml,line=9,endLine=9,col=3,endColumn=14,title=headcount::`spec` has no key `completness`%0Adid you mean `completeness`?
::error file=bad.yaml,line=22,endLine=22,col=20,endColumn=26,title=headcount::there is no User `nobody`%0Adeclare the User, or name the person by `identity: {source, key}`

"#]]);
    let fixed = BAD.replace("bearer: hunter2", "bearer: {env: TOKEN}");
    folder.write("bad.yaml", &fixed);
    folder.run(["validate", "-o", "json"]).assert().code(1).stderr_eq(str![]).stdout_eq(str![[r#"
{
  "formatVersion": 1,
  "valid": false,
  "diagnostics": [
    {
      "level": "error",
      "message": "`spec` has no key `completness`",
      "place": {
        "file": "bad.yaml",
        "line": 9,
        "column": 3
      },
      "length": 11,
      "hint": "did you mean `completeness`?"
    },
    {
      "level": "error",
      "message": "there is no function `lowr`",
      "place": {
        "file": "bad.yaml",
        "line": 15,
        "column": 9
      },
      "length": 4,
      "hint": "did you mean lower?"
    },
    {
      "level": "error",
      "message": "there is no User `nobody`",
      "place": {
        "file": "bad.yaml",
        "line": 22,
        "column": 20
      },
      "length": 6,
      "hint": "declare the User, or name the person by `identity: {source, key}`"
    }
  ]
}

"#]]);
}

#[test]
fn schemas_and_crds_are_written_and_a_second_time_left_alone() {
    let folder = Folder::with(&[]);
    let first = folder.run(["crds", "--dir", "out"]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&first.stderr).contains("wrote out/groups.yaml"));
    folder.run(["crds", "--dir", "out"]).assert().success().stderr_eq(str![]);
    folder.run(["schema", "--dir", "out"]).assert().success();
    assert!(folder.file("out/headcount.json").exists() && folder.file("out/user.json").exists());
    let stream = headcount(["crds"]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&stream.stdout).matches("kind: CustomResourceDefinition").count(), 13);
    let schema = headcount(["schema", "Group"]).output().expect("it runs");
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert_eq!(schema["properties"]["kind"]["const"], "Group");
    headcount(["schema", "grup"]).assert().code(2).stdout_eq(str![]).stderr_eq(str![[r#"
error: there is no kind `grup`
 |
 = help: did you mean `group`?

"#]]);
}

#[test]
fn what_is_not_ours_is_left_out_and_what_is_nearly_ours_is_a_mistake() {
    let folder = Folder::with(&[
        ("acme.yaml", GOOD),
        ("kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [acme.yaml]\n"),
        ("compose.yml", "services: {db: {image: postgres}}\n"),
        ("flux.yaml", "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: x}\nspec: {}\n"),
    ]);
    folder.run(["validate"]).assert().success().stderr_eq(str![[r#"
note: left out, since they hold no manifest of headcount: `compose.yml`, `flux.yaml`, `kustomization.yaml`

no error

"#]]);
    for near in ["headcount.dev/v1alpha", "headcout.dev/v1alpha1"] {
        folder.write(
            "group.yaml",
            &format!("apiVersion: {near}\nkind: Group\nmetadata: {{name: x}}\nspec: {{displayName: X, rule: 'true'}}\n"),
        );
        let output = folder.run(["validate"]).assert().code(1).get_output().stderr.clone();
        let told = String::from_utf8_lossy(&output).into_owned();
        assert!(told.contains("group.yaml:1:13") && told.contains("headcount.dev/v1alpha1`"), "{told}");
    }
}
