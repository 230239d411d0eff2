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

const WORKSPACE: &str = "
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: hr}
spec:
  connection: {file: {path: hr.csv}}
  key: record.id
  mapping: {from: [shared], rules: [{attribute: usrName, value: record.a}, {attribute: title, value: record.t}]}
  completeness: {maxShrink: 10 percent, maxAge: 7 days}
---
apiVersion: headcount.dev/v1alpha1
kind: Source
metadata: {name: directory}
spec:
  connection: {scim: {url: 'https://me:pw@x', auth: {bearer: {env: ghp_0123456789abcdef}}}}
  key: record.id
  establishes: false
  mapping: {rules: [{attribute: title, value: record.t}]}
---
apiVersion: headcount.dev/v1alpha1
kind: User
metadata: {name: Jane_Doe}
spec:
  attributes: {givenName: Jane, startDate: 2027-02-29, active: 'yes', password: hunter2, emails: jane@x, custom.badge: 0042}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: a}
spec:
  displayName: A
  members:
  - {user: jane.doe, until: soon}
  - {group: b}
  - {user: x, group: b}
  - {}
  - {identity: {source: directory, key: 7}}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: b, labels: {chat: 'yes please'}}
spec: {displayName: B, members: [{group: a}], owners: [{group: c}]}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: b}
spec: {displayName: B, members: []}
---
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: w}
spec: {id: w, timeZone: Europe/Berlni}
---
apiVersion: headcount.dev/v1alpha1
kind: Workspace
metadata: {name: v}
spec: {id: v}
---
apiVersion: headcount.dev/v1alpha1
kind: Persona
metadata: {name: p}
---
apiVersion: headcount.dev/v1
kind: Grup
metadata: {name: p}
---
apiVersion: apps/v1
kind: Deployment
";

#[test]
fn each_rule_beyond_the_shape_is_told() {
    insta::assert_snapshot!(told(WORKSPACE), @r"
    a.yaml:5:1: error: with several Sources, `hr` must say whether it establishes identities (`establishes: true` if a record there makes somebody exist, `false` if it only adds attributes)
    a.yaml:8:20: error: there is no AttributeMapping `shared` (declare the AttributeMapping, or correct the name)
    a.yaml:8:49: error: there is no attribute `usrName` (did you mean `userName`? own attributes stand below `custom.`)
    a.yaml:8:88: error: the Sources `directory` and `hr` give `title` with equal precedence: nobody can say whose value wins (give one of the Sources, or the rule, another `precedence`; higher wins)
        a.yaml:18:33: the other one
    a.yaml:9:29: error: `spec.completeness.maxShrink` is no share or number (write a share (`10%`, at most `100%`) or a whole number (`5`))
    a.yaml:9:49: error: `spec.completeness.maxAge` is no duration (write a whole number and its unit: `30s`, `15m`, `36h`, `7d`, `2w`)
    a.yaml:14:1: error: the Source `directory` does not establish identities and does not say how its records find theirs (add `correlate:` with attributes in order, such as `[employeeNumber]`)
    a.yaml:15:28: error: the URL holds a secret (take it out, change it, and sign in with `auth: {basic: {username: …, password: {env: NAME}}}` or `bearer`)
    a.yaml:15:68: error: this looks like a secret, and not like the name of one (secrets never stand in a manifest; take it out, change it, and write `{env: NAME}` or `{file: PATH}`)
    a.yaml:22:18: error: `Jane_Doe` is no name for a User (write `jane-doe`; lower case letters, digits, `-` and `.`, as Kubernetes wants it)
    a.yaml:24:16: error: there is no attribute `givenName` (did you mean `name.givenName`? own attributes stand below `custom.`)
    a.yaml:24:44: error: `startDate` must be a date (write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`)
    a.yaml:24:64: error: `active` must be true or false (without quotes)
    a.yaml:24:81: error: a secret stands in `password` (secrets never stand in a manifest; take the line out, and change the secret)
    a.yaml:24:98: error: `emails` must be a list (write its entries as a list: `[{value: jane@acme.example, type: work, primary: true}]`)
    a.yaml:32:12: error: there is no User `jane.doe` (did you mean `Jane_Doe`?)
    a.yaml:32:29: error: `spec.members[0].until` is no date (write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`)
    a.yaml:33:13: error: these Groups contain themselves: a → b → a (take one of these memberships out)
    a.yaml:34:5: error: a member takes only one of `user`, `identity` and `group` (one entry of the list for each of them)
    a.yaml:34:12: error: there is no User `x` (declare the User, or name the person by `identity: {source, key}`)
    a.yaml:35:5: error: a member needs one of `user`, `identity` and `group` (one entry of the list for each of them)
    a.yaml:36:25: error: the Source `directory` does not establish identities, so it has none to name (name the Source that establishes the identity, and its key there)
    a.yaml:40:36: error: the label `chat` has a value that Kubernetes does not take (letters, digits, `-`, `_` and `.`, at most 63, with a letter or digit at both ends; anything else fits an annotation)
    a.yaml:41:64: error: there is no Group `c` (declare the Group, or correct the name)
    a.yaml:45:18: error: there is a second Group `b` (rename one of them, or take it out)
        a.yaml:40:18: the first one
    a.yaml:46:24: error: the Group `b` has an empty list of members and no rule: everybody would be removed (add `allowEmpty: true` if that is meant, or leave `members` out to leave them alone)
    a.yaml:51:25: error: `spec.timeZone` is no time zone (write a name of the IANA time zone database: `Europe/Berlin`, `America/New_York`, `UTC`)
    a.yaml:55:18: error: there is a second Workspace (a workspace has one; is another workspace's folder among the inputs?)
        a.yaml:50:18: the first one
    a.yaml:59:7: error: the kind `Persona` is not known yet (this version of headcount does not read it; take the document out)
    a.yaml:63:7: error: the kind `Grup` is not known (did you mean `Group`?)
    a.yaml:66:13: error: headcount does not read `apps/v1` `Deployment` (headcount reads `headcount.dev/v1alpha1`; keep other tools' files in another folder, or in a hidden one)
    ");
}
