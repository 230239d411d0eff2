//! What people write, and what they are told.

use std::path::PathBuf;

use super::{Input, Loaded, load};
use crate::diagnostic::Diagnostic;

const HEAD: &str = "apiVersion: headcount.dev/v1alpha1\n";

pub(super) fn read(text: &str) -> (Loaded, Vec<Diagnostic>) {
    load(&[Input::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.as_bytes().to_vec() }])
}

pub(super) fn told(text: &str) -> String {
    let (_, problems) = read(text);
    let line = |problem: &Diagnostic| {
        let related = problem.related.iter().map(|(place, words)| format!("\n    {place}: {words}")).collect::<String>();
        format!("{problem}{related}")
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn user(attributes: &str) -> String {
    format!("{HEAD}kind: User\nmetadata: {{name: jane}}\nspec:\n  attributes:\n{attributes}")
}

#[test]
fn every_problem_of_a_stream_is_told_at_once_with_its_place() {
    let text = format!(
        "{HEAD}kind: Group\nmetadata: {{name: a, lables: {{}}}}\nspec:\n  displayNam: A\n  members:\n  - {{user: [x]}}\n  allowEmpty: yes\n---\n{HEAD}kind: Target\nmetadata: {{name: t}}\nspec:\n  connection:\n    scim:\n      url: https://x\n      auth: {{bearer: hunter2}}\n  ownership: ownd\n  select:\n"
    );
    insta::assert_snapshot!(told(&text), @r"
    a.yaml:3:21: error: `metadata` has no key `lables` (did you mean `labels`?)
    a.yaml:5:3: error: `spec` has no key `displayNam` (did you mean `displayName`?)
    a.yaml:7:12: error: `spec.members[0].user` must be text, and is a list (quote a text that starts with `[` or `-`)
    a.yaml:8:15: error: `spec.allowEmpty` must be true or false, and is text (write `true` or `false`, without quotes)
    a.yaml:17:22: error: `spec.connection.scim.auth.bearer` must be a mapping with one of `env`, `file`, `exec`, `secretKeyRef`, and is text (secrets never stand in a manifest; write `{env: NAME}` or `{file: PATH}`)
    a.yaml:18:14: error: `spec.ownership` must be one of `observe`, `additive`, `owned`, `authoritative`, and is another word (did you mean `owned`?)
    a.yaml:19:3: error: `spec.select` must be text, and is nothing (leave the key out, or give it a value)
    ");
}

#[test]
fn scalars_keep_what_was_written() {
    let (loaded, problems) = read(&user(
        "    title: no\n    costCenter: 0755\n    division: 1_000\n    employeeNumber: 10023\n    active: true\n    department: ~\n    locale: 1.10\n    nickName: \"true\"\n    userType: .nan\n    organization: 0x1F\n",
    ));
    assert_eq!(problems, []);
    let values = serde_json::to_string(&loaded.users[0].spec.attributes).unwrap();
    insta::assert_snapshot!(values, @r#"{"active":true,"costCenter":"0755","department":null,"division":"1_000","employeeNumber":10023,"locale":"1.10","nickName":"true","organization":"0x1F","title":"no","userType":".nan"}"#);
}
