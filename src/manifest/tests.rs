//! What people write, and what they are told.

use std::path::PathBuf;

use super::{Loaded, ManifestInput, load};
use crate::diagnostic::{Diagnostic, Level};

const HEAD: &str = "apiVersion: headcount.dev/v1alpha1\n";

pub(super) fn read(text: &str) -> (Loaded, Vec<Diagnostic>) {
    load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.as_bytes().to_vec() }])
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
        "{HEAD}kind: Group\nmetadata: {{name: a, lables: {{}}}}\nspec:\n  displayNam: A\n  members:\n  - {{user: [x]}}\n  allowEmpty: yes\n---\n{HEAD}kind: Target\nmetadata: {{name: t}}\nspec:\n  connection:\n    scim:\n      url: https://x\n      auth: {{bearer: hunter2, basic: 7}}\n  ownership: ownd\n  select:\n"
    );
    insta::assert_snapshot!(told(&text), @r"
    a.yaml:3:21: error: `metadata` has no key `lables` (did you mean `labels`?)
    a.yaml:5:3: error: `spec` has no key `displayNam` (did you mean `displayName`?)
    a.yaml:7:12: error: `spec.members[0].user` must be text, and is a list (quote a text that starts with `[` or `-`)
    a.yaml:8:15: error: `spec.allowEmpty` must be true or false, and is text (write `true` or `false`, without quotes)
    a.yaml:17:22: error: `spec.connection.scim.auth.bearer` must be a mapping with one of `env`, `file`, `exec`, `secretKeyRef`, and is text (secrets never stand in a manifest; write `{env: NAME}` or `{file: PATH}`)
    a.yaml:17:31: error: `spec.connection.scim.auth` takes one of `bearer`, `basic`, `clientCredentials` and has another already
        a.yaml:17:14: the other one
    a.yaml:18:14: error: `spec.ownership` must be one of `observe`, `additive`, `owned`, `authoritative`, and is another word (did you mean `owned`?)
    a.yaml:19:3: error: `spec.select` must be text, and is nothing (leave the key out, or give it a value)
    ");
}

#[test]
fn an_approval_whose_target_is_gone_keeps_nothing_else_from_being_taken() {
    let plan = "9be41c77aa0d4c1f8e2b6a7d5c3f10e49be41c77aa0d4c1f8e2b6a7d5c3f10e4";
    let text = format!(
        "{HEAD}kind: PlanApproval\nmetadata: {{name: payroll}}\nspec:\n  plan: {plan}\n  decision: Approve\n  approver: mara\n  reason: HR-2291\n  targets: [payroll]\n"
    );
    insta::assert_snapshot!(told(&text), @"a.yaml:9:13: warning: there is no Target `payroll`, so nothing is approved there (take it out once the Target is gone for good)");
}

#[test]
fn scalars_keep_what_was_written_and_what_kubernetes_reads_otherwise_is_told() {
    let text = user(
        "    title: no\n    costCenter: 0755\n    division: 1_000\n    employeeNumber: 10023\n    active: true\n    department: ~\n    locale: 1.10\n    nickName: \"true\"\n    userType: .nan\n    organization: 0x1F\n",
    );
    let (loaded, problems) = read(&text);
    assert!(problems.iter().all(|problem| problem.level == Level::Warning), "{problems:?}");
    let values = serde_json::to_string(&loaded.users[0].spec.attributes).unwrap();
    insta::assert_snapshot!(values, @r#"{"active":true,"costCenter":"0755","department":null,"division":"1_000","employeeNumber":10023,"locale":"1.10","nickName":"true","organization":"0x1F","title":"no","userType":".nan"}"#);
    insta::assert_snapshot!(told(&text), @r"
    a.yaml:6:12: warning: `spec.attributes.title` is text here, and Kubernetes reads true or false (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    a.yaml:7:17: warning: `spec.attributes.costCenter` is text here, and Kubernetes reads a number (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    a.yaml:8:15: warning: `spec.attributes.division` is text here, and Kubernetes reads a number (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    a.yaml:12:13: warning: `spec.attributes.locale` is text here, and Kubernetes reads a number (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    a.yaml:14:15: warning: `spec.attributes.userType` is text here, and Kubernetes reads nothing (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    a.yaml:15:19: warning: `spec.attributes.organization` is text here, and Kubernetes reads a number (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    ");
}

#[test]
fn numbers_where_text_belongs_and_keys_that_kubernetes_reads_otherwise_are_told() {
    let text = format!(
        "{HEAD}kind: Workspace\nmetadata: {{name: acme, labels: {{chat: yes}}}}\nspec:\n  id: acme\n  tables: {{countries: {{values: {{NO: Norway, on: x, 10: y, 0123: z}}}}}}\n---\n{HEAD}kind: User\nmetadata: {{name: 1001}}\nspec: {{overrides: {{source: hr, key: 1012}}, attributes: {{password: 0123}}}}\n---\n{HEAD}kind: Source\nmetadata: {{name: hr}}\nspec:\n  connection: {{scim: {{url: 'https://x', auth: {{bearer: {{env: 0123}}}}}}}}\n  key: record.id\n  mapping: {{rules: [{{attribute: userName, value: record.a}}]}}\n  completeness: {{maxShrink: 5}}\n"
    );
    let warnings: String = told(&text)
        .lines()
        .filter(|line| line.contains("warning"))
        .map(|line| line.split(" (write it").next().unwrap().to_owned() + "\n")
        .collect();
    insta::assert_snapshot!(warnings, @r"
    a.yaml:3:39: warning: `metadata.labels.chat` is text here, and Kubernetes reads true or false, which it refuses
    a.yaml:6:33: warning: the key `NO` is `false` to Kubernetes
    a.yaml:6:45: warning: the key `on` is `true` to Kubernetes
    a.yaml:6:56: warning: `spec.tables.countries.values.10` is text here, and Kubernetes reads true or false
    a.yaml:6:59: warning: the key `0123` is `83` to Kubernetes
    a.yaml:10:18: warning: `metadata.name` is text here, and Kubernetes reads a number, which it refuses
    a.yaml:11:37: warning: `spec.overrides.key` is text here, and Kubernetes reads a number, which it refuses
    ");
}

#[test]
fn what_kubectl_prints_is_read_with_its_places_and_what_others_have_in_it_is_not() {
    let set = "creationTimestamp: \"2027-01-01T00:00:00Z\", generation: 1, resourceVersion: \"7\", uid: a, managedFields: [{fieldsV1: {f:spec: {}}}], ownerReferences: [], finalizers: []";
    let text = format!(
        "apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: \"\"}}\nitems:\n- {HEAD}  kind: User\n  metadata: {{name: jane, {set}}}\n  spec: {{attributes: {{userName: jane}}, clear: [title]}}\n  status: {{conditions: [{{type: Ready, message: null}}]}}\n- apiVersion: v1\n  kind: Secret\n- {HEAD}  kind: Plan\n  metadata: {{name: p}}\n  spec: {{hash: 0}}\n- {HEAD}  kind: Group\n  metadata: {{name: eng}}\n  spec: {{displayName: Eng, members: [{{}}], lifecycles: [active, active]}}\n"
    );
    let (loaded, _) = read(&text);
    assert_eq!(loaded.users[0].spec.attributes.get("title"), Some(&serde_json::Value::Null));
    insta::assert_snapshot!(told(&text), @r"
    a.yaml:10:15: error: headcount does not read `v1` `Secret` (headcount reads `headcount.dev/v1alpha1`; keep other tools' files in another folder, or in a hidden one)
    a.yaml:19:64: error: `spec.lifecycles` has `active` twice (take one of them out)
        a.yaml:19:56: the first one
    ");
}

#[test]
fn what_is_cleared_has_no_value() {
    let text = user("    title: x\n  clear: [title, nonsense]\n");
    insta::assert_snapshot!(told(&text), @r"
    a.yaml:7:11: error: `title` has a value in `attributes`, and is cleared (keep it in one of them)
    a.yaml:7:18: error: there is no attribute `nonsense` (SCIM's names are known, and own ones below `custom.`: `custom.nonsense`)
    ");
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
  attributes: {givenName: Jane, startDate: 2027-02-29, active: 'yes', password: hunter2, emails: {value: jane@x}, custom.badge: 0042}
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
    insta::assert_snapshot!(told(WORKSPACE), @r###"
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
    a.yaml:24:90: error: `emails` must be a list (write its entries as a list: `[{value: jane@acme.example, type: work, primary: true}]`)
    a.yaml:24:129: warning: `spec.attributes.custom.badge` is text here, and Kubernetes reads a number (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    a.yaml:32:12: error: there is no User `jane.doe` (did you mean `Jane_Doe`?)
    a.yaml:32:29: error: `spec.members[0].until` is no date (write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`)
    a.yaml:33:13: error: these Groups contain themselves: a → b → a (take one of these memberships out)
    a.yaml:34:5: error: a member takes only one of `user`, `identity` and `group` (one entry of the list for each of them)
    a.yaml:34:12: error: there is no User `x` (declare the User, or name the person by `identity: {source, key}`)
    a.yaml:35:5: error: a member needs one of `user`, `identity` and `group` (one entry of the list for each of them)
    a.yaml:36:25: error: the Source `directory` does not establish identities, so it has none to name (name the Source that establishes the identity, and its key there)
    a.yaml:36:41: warning: `spec.members[4].identity.key` is text here, and Kubernetes reads a number, which it refuses (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    a.yaml:40:36: error: the label `chat` has a value that Kubernetes does not take (letters, digits, `-`, `_` and `.`, at most 63, with a letter or digit at both ends; anything else fits an annotation)
    a.yaml:41:64: error: there is no Group `c` (declare the Group, or correct the name)
    a.yaml:45:18: error: there is a second Group `b` (rename one of them, or take it out)
        a.yaml:40:18: the first one
    a.yaml:46:24: error: the Group `b` has an empty list of members and no rule: everybody would be removed (add `allowEmpty: true` to the spec if that is meant, or leave `members` out to leave them alone)
    a.yaml:51:25: error: `spec.timeZone` is no time zone (write a name of the IANA time zone database: `Europe/Berlin`, `America/New_York`, `UTC`)
    a.yaml:55:18: error: there is a second Workspace (a workspace has one; is another workspace's folder among the inputs?)
        a.yaml:50:18: the first one
    a.yaml:58:1: error: the document lacks `spec`
    a.yaml:63:7: error: the kind `Grup` is not known (did you mean `Group`?)
    a.yaml:66:13: error: headcount does not read `apps/v1` `Deployment` (headcount reads `headcount.dev/v1alpha1`; keep other tools' files in another folder, or in a hidden one)
    "###);
}

/// Text in, the first problem out; nothing here may panic, hang or be taken for something else.
#[test]
fn hostile_text_is_told_and_never_taken() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n\
                e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let wide = format!("    custom.a: &a {}\n    custom.b: [{}]\n", "x".repeat(100_000), "*a,".repeat(1_000));
    let nested = (0..100).map(|depth| format!("{}k:\n", " ".repeat(depth))).collect::<String>();
    let cases: Vec<(String, &str)> = vec![
        (user(&indented(bomb)), "the document's aliases expand to too much"),
        (user(&wide), "the document's aliases expand to too much"),
        (user("    custom.a: &a [*a]\n"), "this alias stands inside itself"),
        (user("    custom.a: *nobody\n"), "this is not YAML"),
        (user("    custom.a: &a x\n    custom.b: *a\n    <<: {title: y}\n"), "merge keys (`<<`) are not read"),
        ("(".repeat(100_000), "a manifest is a mapping"),
        ("[".repeat(100_000), "this is not YAML"),
        ("{".repeat(100_000), "this is not YAML"),
        ("- ".repeat(100_000), "nested deeper than 64 levels"),
        ("? ".repeat(100_000), "nested deeper than 64 levels"),
        (nested, "nested deeper than 64 levels"),
        (user(&format!("    title: {}\n", "x".repeat(2 << 20))), "this text is longer than 1 MiB"),
        (user(&format!("    {}: x\n", "k".repeat(2_000))), "this is not YAML"),
        (user("    title: a\n    title: b\n"), "the key `title` stands here twice"),
        (user("    \"title\": a\n    title: b\n"), "the key `title` stands here twice"),
        (user("    ? [a, b]\n    : c\n"), "a key must be text"),
        (user("    : c\n"), "a key must be text"),
        (user("    title: !!binary aGk=\n"), "the YAML tag `!!binary` has no meaning here"),
        (user("    title: !secret x\n"), "the YAML tag `!secret` has no meaning here"),
        (user("    emails: [{value: a, type: null}]\n"), "null has no meaning inside a value"),
        (format!("{HEAD}kind: User\nmetadata: {{name: ~}}\nspec: {{}}\n"), "`metadata.name` must be text, and is nothing"),
        (format!("{HEAD}kind: User\nmetadata: {{name: a}}\nspec:\n"), "`spec` must be a mapping, and is nothing"),
        (format!("{HEAD}kind: User\nmetadata: {{name: a}}\nspec: {{exclude: no}}\n"), "`spec.exclude` must be true or false"),
        (
            format!("{HEAD}kind: User\nmetadata: {{name: a}}\nspec: {{exclude: ~}}\n"),
            "`spec.exclude` must be true or false, and is nothing",
        ),
        (
            format!("{HEAD}kind: Group\nmetadata: {{name: a}}\nspec: {{displayName: A, members: ~}}\n"),
            "`spec.members` must be a list, and is nothing",
        ),
        (
            format!("{HEAD}kind: Group\nmetadata: {{name: a}}\nspec: {{displayName: A, members: [{{user: x, until: ~}}]}}\n"),
            "`spec.members[0].until` must be text, and is nothing",
        ),
        (
            format!("{HEAD}kind: Target\nmetadata: {{name: a}}\nspec: {{guardrails: {{delete: {{count: 010}}}}}}\n"),
            "`spec.guardrails.delete.count` must be a whole number",
        ),
        (
            format!("{HEAD}kind: Target\nmetadata: {{name: a}}\nspec: {{guardrails: {{delete: {{count: 1_000}}}}}}\n"),
            "`spec.guardrails.delete.count` must be a whole number",
        ),
        (
            format!("{HEAD}kind: Target\nmetadata: {{name: a}}\nspec: {{guardrails: {{delete: {{count: -1}}}}}}\n"),
            "`spec.guardrails.delete.count` must be a whole number",
        ),
        (
            format!("{HEAD}kind: Target\nmetadata: {{name: a}}\nspec: {{guardrails: {{delete: {{percent: .nan}}}}}}\n"),
            "`spec.guardrails.delete.percent` must be a number",
        ),
        (
            format!("{HEAD}kind: Target\nmetadata: {{name: a}}\nspec: {{limits: {{concurrency: 4294967296}}}}\n"),
            "`spec.limits.concurrency` must be a whole number",
        ),
        ("\u{0}".to_owned(), "a NUL character stands here"),
        ("a: \u{1b}[31m".to_owned(), "a control character stands here"),
        ("a: 1\rb: 2".to_owned(), "a carriage return stands here without a line feed"),
        ("just words".to_owned(), "a manifest is a mapping"),
        ("- a".to_owned(), "a manifest is a mapping"),
        ("a: 'open".to_owned(), "the quote that opens here is not closed"),
        ("a: \"\\uD800\"".to_owned(), "this is not YAML"),
        ("%YAML 9.9\n---\na: 1".to_owned(), "this is not YAML"),
        ("a: 1\n--- |\n x\n".to_owned(), "the document lacks `kind`"),
        ("kind: User".to_owned(), "the document lacks `apiVersion`"),
    ];
    for (text, expected) in cases {
        let shown: String = text.chars().take(200).collect();
        let (_, problems) = read(&text);
        assert!(problems.iter().any(|problem| problem.message.contains(expected)), "{shown}\nexpected: {expected}\ntold: {problems:#?}");
        assert!(problems.iter().all(|problem| problem.place.is_some() && problem.message.len() < 400), "{shown}");
    }
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let told = |bytes: &[u8]| {
        let (_, problems) = load(&[ManifestInput::stdin(bytes.to_vec())]);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(told(b"a: \xc3\xbc\nb: \xff"), "-:2:4: error: the file is not UTF-8 from here on (save it as UTF-8)");
    assert_eq!(told(b"\xff\xfea\x00:\x00"), "-:1:1: error: the file is UTF-16 (save it as UTF-8)");
    assert_eq!(told(b""), "");
    assert_eq!(told(b"# nothing\n---\n---\n...\n"), "");
}

#[test]
fn usual_yaml_is_read_as_kubernetes_reads_it() {
    let text = format!(
        "\u{feff}# head\r\n---\r\n{HEAD}kind: User\r\nmetadata:\r\n  name: a\r\nspec:\r\n  attributes:\r\n    title: &t |\r\n      two\r\n      lines\r\n    nickName: *t\r\n    division: !!str 42\r\n\
         ...\n{{\"apiVersion\": \"headcount.dev/v1alpha1\", \"kind\": \"Group\", \"metadata\": {{\"name\": \"g\"}}, \"spec\": {{\"displayName\": \"\\u00dc\", \"allowEmpty\": true}}}}\n"
    );
    let (loaded, problems) = read(&text);
    assert_eq!(problems, []);
    let values = serde_json::to_string(&loaded.users[0].spec.attributes).unwrap();
    assert_eq!(values, r#"{"division":"42","nickName":"two\nlines\n","title":"two\nlines\n"}"#);
    assert_eq!(loaded.groups[0].spec.display_name, "Ü");
    assert_eq!(loaded.place(&loaded.groups[0].origin, "/spec/displayName").line, 15);
}

#[test]
fn places_are_exact_inside_scalars() {
    let text = "apiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {name: t}\nspec:\n  connection: {scim: {url: 'https://x'}}\n  select: identity.a == 1 # c\n  groups: {select: 'group.x == ''ü'' && foo'}\n  protect:\n    rule: >-\n      account.a ||\n        account.b\n\n      || account.c\n  mapping:\n    rules:\n    - attribute: userName\n      value: |\n        lower(a)\n          + b\n    - {attribute: title, value: \"identity.x\"}\n";
    let (loaded, problems) = read(text);
    assert_eq!(problems, []);
    let target = &loaded.targets[0];
    let at = |pointer: &str, word: &str, value: &str| {
        let (place, length) = loaded.place_in_scalar(&target.origin, pointer, value.find(word).unwrap(), word.len());
        format!("{}:{} {length}", place.line, place.column)
    };
    let spec = &target.spec;
    assert_eq!(at("/spec/select", "a ==", spec.select.as_ref().unwrap()), "6:20 4");
    // Doubled quotes shift what follows: only the start is certain.
    assert_eq!(at("/spec/groups/select", "foo", spec.groups.as_ref().unwrap().select.as_ref().unwrap()), "7:20 25");
    let rule = spec.protect.as_ref().unwrap().rule.as_ref().unwrap();
    assert_eq!(at("/spec/protect/rule", "account.b", rule), "11:9 9");
    assert_eq!(at("/spec/protect/rule", "account.c", rule), "13:10 9");
    let rules = &spec.mapping.as_ref().unwrap().rules;
    assert_eq!(at("/spec/mapping/rules/0/value", "b", rules[0].value.as_deref().unwrap()), "19:13 1");
    assert_eq!(at("/spec/mapping/rules/1/value", "x", rules[1].value.as_deref().unwrap()), "20:43 1");
    let place = |pointer: &str| loaded.place(&target.origin, pointer).to_string();
    assert_eq!(place(""), "a.yaml:1:1");
    assert_eq!(place("/spec/mapping"), "a.yaml:14:3");
    assert_eq!(place("/spec/mapping/rules/1"), "a.yaml:20:7");
    assert_eq!(place("/spec/mapping/rules/7/value"), "a.yaml:15:5");
    assert_eq!(loaded.span(&target.origin, "/spec/nothing"), None);
    let span = loaded.span(&target.origin, "/spec/select").unwrap();
    assert_eq!((&text[span.bytes], span.length, span.style), ("identity.a == 1", 15, Some(super::Style::Plain)));
}

#[test]
fn a_folder_is_read_whole_sorted_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let group = |name: &str| format!("{HEAD}kind: Group\nmetadata: {{name: {name}}}\nspec: {{displayName: {name}}}\n");
    write("b.yml", &group("b"));
    write("a/c.yaml", &group("c"));
    write(".git/d.yaml", &group("d"));
    write(".hidden.yaml", &group("e"));
    write("notes.txt", "no manifest");
    write("people.yaml", "- {id: 1, name: Jane}\n");
    write(
        "hr.yaml",
        &format!(
            "{HEAD}kind: Source\nmetadata: {{name: hr}}\nspec:\n  connection: {{file: {{path: people.yaml}}}}\n  key: record.id\n  mapping: {{}}\n"
        ),
    );
    std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
    let (loaded, problems) = load(&[ManifestInput::Path(folder.path().into()), ManifestInput::Path(folder.path().join("b.yml"))]);
    assert_eq!(problems, []);
    let names: Vec<_> = loaded.groups.iter().map(|group| group.name.as_ref()).collect();
    assert_eq!(names, ["b", "c"]);
    assert_eq!(loaded.groups[1].origin.base.as_ref(), &folder.path().join("a"));
    let (_, problems) = load(&[ManifestInput::Path(folder.path().join("nothing.yaml"))]);
    assert!(problems[0].message.starts_with("can't read"), "{problems:?}");
    let (_, problems) = load(&[ManifestInput::Path(folder.path().join(".git"))]);
    assert_eq!(problems, []);
}

#[test]
fn what_users_and_sources_say_of_one_record_or_key_is_said_once() {
    let source = |name: &str, rest: &str| {
        format!(
            "{HEAD}kind: Source\nmetadata: {{name: {name}}}\nspec:\n  connection: {{file: {{path: {name}.csv}}}}\n  key: record.id\n{rest}---\n"
        )
    };
    let mapping = |precedence: &str| format!("  mapping: {{rules: [{{attribute: employeeNumber, value: record.n{precedence}}}]}}\n");
    let from =
        |precedence: &str| format!("  mapping: {{from: [shared], rules: [{{attribute: employeeNumber, value: record.n{precedence}}}]}}\n");
    let user = |name: &str, spec: &str| format!("{HEAD}kind: User\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n");
    let text = [
        source("a", &format!("  establishes: true\n{}", mapping(", precedence: 2"))),
        source("b", &format!("  establishes: true\n  correlate: [employeNumber, identity.employeeNumber]\n{}", mapping(", precedence: 3"))),
        source("c", &format!("  establishes: true\n  precedence: 7\n  correlate: [employeeNumber]\n{}", from(""))),
        source("d", &format!("  establishes: false\n  precedence: 5\n  correlate: [employeeNumber]\n{}", from(", precedence: 7"))),
        format!(
            "{HEAD}kind: AttributeMapping\nmetadata: {{name: shared}}\nspec: {{rules: [{{attribute: title, value: record.t, precedence: 1}}]}}\n---\n"
        ),
        user("one", "{overrides: {source: a, key: '1'}, records: [{source: d, key: x}, {source: d, key: y}], formerKeys: [old/1, '7']}"),
        user("two", "{overrides: {source: a, key: '1'}, records: [{source: d, key: x}, {source: dd, key: z}], formerKeys: [old/1]}"),
    ];
    insta::assert_snapshot!(told(&text.concat()), @r###"
    a.yaml:17:3: error: the Sources `a` and `b` establish identities with equal precedence, so neither can find those of the other (give the one whose keys identities shall have the higher `precedence`)
        a.yaml:3:18: the other one
    a.yaml:17:15: error: there is no attribute `employeNumber` (did you mean `employeeNumber`? own attributes stand below `custom.`)
    a.yaml:28:3: warning: `c` has the highest precedence of those that establish identities, so it finds none (put `correlate` into the others)
    a.yaml:40:49: error: the Sources `c` and `d` give `employeeNumber`, `title` with equal precedence: nobody can say whose value wins (give one of the Sources, or the rule, another `precedence`; higher wins)
        a.yaml:29:49: the other one
    a.yaml:50:73: error: the User `one` names two records of the Source `d` (an identity has one record in a source)
        a.yaml:50:52: the other one
    a.yaml:50:90: warning: `spec.records[1].key` is text here, and Kubernetes reads true or false, which it refuses (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
    a.yaml:50:115: error: this is no identity's key (write the source and the key (`old-hr/10023`), or `user/<name>` for a User)
    a.yaml:55:8: error: the Users `one` and `two` override the same identity `a/1` (put everything into one of them)
        a.yaml:50:8: the other one
    a.yaml:55:52: error: the record `d/x` is named by the Users `one` and `two` (a record is one identity's: take it out of one of them)
        a.yaml:50:52: the other one
    a.yaml:55:82: error: there is no Source `dd` (did you mean `d`?)
    a.yaml:55:109: error: `old/1` is a former key of the Users `one` and `two` (a key was one identity's: take it out of one of them)
        a.yaml:50:108: the other one
    "###);
}

proptest::proptest! {
    /// Any damage to good manifests ends in diagnostics with places inside the text, and never in a panic.
    #[test]
    fn damage_is_told_and_never_panics(edits in proptest::collection::vec((0usize..4000, proptest::sample::select(DAMAGE), 0usize..6), 1..8)) {
        let mut text: Vec<char> = WORKSPACE.chars().collect();
        for (at, put, cut) in edits {
            let at = at % text.len();
            let end = (at + cut).min(text.len());
            text.splice(at..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        let (loaded, problems) = read(&text);
        let lines = text.lines().count().max(1);
        for (place, length) in problems.iter().filter_map(|problem| problem.place.as_ref()) {
            proptest::prop_assert!(place.line as usize <= lines + 1 && place.column > 0 && *length > 0, "{place}\n{text}");
        }
        for group in &loaded.groups {
            loaded.place_in_scalar(&group.origin, "/spec/displayName", 1, 3);
            loaded.place(&group.origin, "/spec/members/0/user");
        }
    }
}

const DAMAGE: &[&str] = &[
    "", ":", ": ", "- ", "\n", "\n\n", "  ", "\t", "[", "]", "{", "}", "'", "\"", "|", ">", "&a ", "*a", "!!str ", "!x ", "#", " #", "%",
    "---\n", "...\n", "?", "~", "null", "\u{feff}", "\u{0}", "\r", "\u{2028}", "ü", "𝄞", ",", "<<: *a\n", "\\", "0x1f", "@", "`",
];

#[test]
fn a_group_for_each_value_says_what_its_groups_are_called_and_nothing_for_one_alone() {
    let text = "apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: department}
spec:
  forEach: identity.department
  displayName: Team
  members: []
  previousNames: [Dept]
  previousValues: {Engineering: [Eng, Dev], Dev: [sales], Support: [ENG]}
---
apiVersion: headcount.dev/v1alpha1
kind: Group
metadata: {name: ops}
spec:
  displayName: Team {value}
  except: [x]
  previousValues: {a: [b]}
  members: [{group: department/Eng}, {group: department}, {group: ops/x}, {group: none/x}]
  exclude: [{user: nobody}, {}]
";
    insta::assert_snapshot!(told(text), @r###"
    a.yaml:6:16: error: with `forEach` each group needs a name of its own (write `{value}` where the value goes: `Team {value}`)
    a.yaml:7:3: error: with `forEach` members come from the value alone (take it out; a Group of its own can name people, and `{group: ...}` for all of these)
    a.yaml:8:19: error: with `forEach` each group has a former name of its own (write `{value}` where the value goes: `Team {value}`)
    a.yaml:9:39: error: `Dev` is written as a former value and as one of today (write all former values below the one that everybody has today)
    a.yaml:9:69: error: `ENG` is written as a former value of `Engineering` and of `Support` (one group goes on under one value: write it below one of them)
    a.yaml:15:16: error: `{value}` means something only with `forEach` (add `forEach`, such as `forEach: identity.department`, or take it out)
    a.yaml:16:3: error: `except` means something only with `forEach` (add `forEach`, such as `forEach: identity.department`, or take it out)
    a.yaml:17:3: error: `previousValues` means something only with `forEach` (add `forEach`, such as `forEach: identity.department`, or take it out)
    a.yaml:18:67: error: the Group `ops` is one group, so nothing stands behind its name (write `ops`; only a Group with `forEach` has values)
    a.yaml:18:83: error: there is no Group `none` (declare the Group, or correct the name)
    a.yaml:19:20: error: there is no User `nobody` (declare the User, or name the person by `identity: {source, key}`)
    a.yaml:19:29: error: a member needs one of `user`, `identity` and `group` (one entry of the list for each of them)
    "###);
}

#[test]
fn an_entitlement_stands_once_at_its_target_and_somebody_gets_it() {
    let text = format!(
        "{HEAD}kind: Target\nmetadata: {{name: t}}\nspec: {{connection: {{scim: {{url: \"https://x\"}}}}}}\n---\n{HEAD}kind: Entitlement\nmetadata: {{name: a}}\nspec: {{target: t, entitlement: card, when: \"true\", parameters: {{account: \"1\"}}}}\n---\n{HEAD}kind: Entitlement\nmetadata: {{name: card}}\nspec: {{target: t}}\n---\n{HEAD}kind: Entitlement\nmetadata: {{name: c}}\nspec: {{target: u, members: [{{group: x}}]}}\n"
    );
    insta::assert_snapshot!(told(&text), @r#"
    a.yaml:9:74: error: a parameter can't be called `account` (give it a name of its own)
    a.yaml:13:18: error: the Entitlements `a` and `card` both say who gets `card` at the Target `t` (make one of them, or give one another name at the target by `entitlement`)
        a.yaml:9:32: the first one
    a.yaml:14:1: error: the Entitlement `card` has neither `when` nor `members`: whoever has it would lose it (say who gets it, or write `when: "false"` if nobody should)
    a.yaml:19:16: error: there is no Target `u` (declare the Target, or correct the name)
    a.yaml:19:37: error: there is no Group `x` (declare the Group, or correct the name)
    a.yaml:19:37: error: only people can be named here, not groups (name each by `user` or `identity`)
    "#);
}

#[test]
fn no_source_has_a_name_that_begins_other_keys_now_or_before() {
    let source = |name: &str, rest: &str| {
        format!(
            "{HEAD}kind: Source\nmetadata: {{name: {name}}}\nspec: {{connection: {{file: {{path: a.csv}}}}, key: record.id, mapping: {{}}, {rest}}}\n"
        )
    };
    let text = [
        source("user", "establishes: false"),
        source("group", "establishes: false"),
        source("account", "establishes: false"),
        source("id", "establishes: false"),
        source("hr", "establishes: false, previousNames: [old-hr, user, id]"),
    ]
    .join("---\n");
    let told = told(&text);
    let refused: Vec<&str> = told.lines().map(str::trim).filter(|line| line.contains("can't be called")).collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    a.yaml:3:18: error: a Source can't be called `user`: keys that begin with `user` are no records (name it by its system, such as `hr`)
    a.yaml:8:18: error: a Source can't be called `group`: keys that begin with `group` are no records (name it by its system, such as `hr`)
    a.yaml:13:18: error: a Source can't be called `account`: keys that begin with `account` are no records (name it by its system, such as `hr`)
    a.yaml:18:18: error: a Source can't be called `id`: keys that begin with `id` are no records (name it by its system, such as `hr`)
    a.yaml:24:116: error: a Source can't be called `user`: keys that begin with `user` are no records (take it out: no Source had it)
    a.yaml:24:122: error: a Source can't be called `id`: keys that begin with `id` are no records (take it out: no Source had it)
    ");
}

#[test]
fn a_former_name_is_one_group_s() {
    let group =
        |name: &str, rest: &str| format!("kind: Group\nmetadata: {{name: {name}}}\nspec:\n  displayName: {name}\n  rule: 'true'\n{rest}");
    let text = [group("run", "  previousNames: [Ops]\n"), group("build", "  previousNames: [dev, ops ]\n  notFormerly: [Dev]\n")]
        .map(|text| format!("apiVersion: headcount.dev/v1alpha1\n{text}"))
        .join("---\n");
    let (_, problems) = load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.into_bytes() }]);
    let told: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let expected =
        ["`Ops` is written as a former name of Group `build` too", "`dev` is written as a former name and as one that it never had"];
    assert_eq!(told, expected);
}

#[test]
fn what_refers_to_a_document_that_is_no_yaml_is_no_mistake_of_its_own() {
    let group =
        |name: &str, rest: &str| format!("{HEAD}kind: Group\nmetadata: {{name: {name}}}\nspec:\n  displayName: {name}\n{rest}---\n");
    let text = [
        format!("{HEAD}kind: User\nmetadata: {{name: jane}}\nspec: {{attributes: {{title: a ? b : c}}}}\n---\n"),
        group("a", "  members: [{user: jane}, {user: jim}]\n"),
        group("b", "  members: [{user: jane}]\n  owners: [{user: jane}]\n"),
    ];
    insta::assert_snapshot!(told(&text.concat()), @r###"
    a.yaml:4:34: error: inside {…} and […] an expression needs quotes: a comma, a colon or a bracket ends a value without; 3 references to what stands in this document can't be checked before it is mended (quote the expression: {attribute: title, value: 'a ? b : c'})
    a.yaml:11:34: error: there is no User `jim` (declare the User, or name the person by `identity: {source, key}`)
    "###);
}

#[test]
fn a_space_that_is_missing_after_a_colon_is_one_error() {
    let text = format!(
        "{HEAD}kind: Target\nmetadata: {{name: t}}\nspec:\n  connection: {{scim: {{url:https://x.example}}}}\n---\n{HEAD}kind: Group\nmetadata: {{name: g}}\nspec:\n  displayName:x\n"
    );
    insta::assert_snapshot!(told(&text), @r###"
    a.yaml:5:23: error: the space after the colon of `url` is missing (write `url: …`)
    a.yaml:11:3: error: `spec` must be a mapping, and is text (write its keys below it, each as `key: value` with a space after the colon)
    "###);
}

#[test]
fn what_may_be_a_secret_is_hidden_once_however_much_is_told_of_it() {
    let keys: String = (0..200).map(|at| format!("          key{at}: hunter2\n")).collect();
    let text = format!(
        "{HEAD}kind: Target\nmetadata: {{name: t}}\nspec:\n  connection:\n    scim:\n      url: https://x.example\n      auth:\n        bearer:\n{keys}"
    );
    let (_, problems) = read(&text);
    assert!(problems.len() >= 200);
    let lines: Vec<u32> = problems.iter().flat_map(|problem| &problem.hidden).map(|(place, _)| place.line).collect();
    assert!(problems.iter().filter_map(|problem| problem.place.as_ref()).all(|(place, _)| lines.contains(&place.line)));
    assert!(lines.len() < 3 * 200, "{} spans for 200 lines", lines.len());
}

#[test]
fn two_targets_never_have_the_same_accounts() {
    let target = |name: &str, url: &str| {
        format!(
            "---\napiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {{name: {name}}}\nspec: {{connection: {{scim: {{url: \"{url}\"}}}}, mapping: {{rules: []}}}}\n"
        )
    };
    let told = |one: &str, other: &str| told(&(target("a", one) + &target("b", other)));
    assert!(told("https://x.example/scim", "https://x.example/scim/").contains("the Targets `a` and `b` have the same accounts"));
    assert!(!told("https://x.example/scim", "https://y.example/scim").contains("the same accounts"));
}

#[test]
fn two_targets_of_one_directory_have_bases_beside_each_other_or_filters_that_exclude_each_other() {
    let target = |name: &str, url: &str, base: &str, filter: &str| {
        format!(
            "---\napiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {{name: {name}}}\nspec: {{connection: {{ldap: {{urls: [\"{url}\"], users: {{base: \"{base}\"{filter}}}}}}}, mapping: {{rules: []}}}}\n"
        )
    };
    let (ldaps, plain) = ("ldaps://a.example", "ldap://A.example:389");
    let told = |(base, filter): (&str, &str), (other, another): (&str, &str), url: &str| {
        told(&(target("a", ldaps, base, filter) + &target("b", url, other, another))).contains("have the same accounts")
    };
    let (all, staff) = ("dc=x", "OU=Staff, dc=x");
    assert!(told((all, ""), (all, ""), plain) && told((all, ""), (staff, ""), plain) && told((staff, ""), (all, ""), plain));
    assert!(!told(("ou=guests,dc=x", ""), (staff, ""), plain) && !told((all, ""), (all, ""), "ldaps://b.example"));
    let filter = |text: &str| format!(", filter: \"{text}\"");
    let of = |one: &str, other: &str| told((all, &filter(one)), (staff, &filter(other)), plain);
    assert!(
        !of("(type=staff)", "(&(objectClass=person)(TYPE=guest))") && !of("(|(t=a)(t=b))", "(t=c)") && !of("(!(t=a))", "(&(t=a)(o=b))")
    );
    assert!(of("(type=staff)", "(Type=STAFF)") && of("(|(t=a)(t=b))", "(t=b)") && of("(t=a)", "(o=b)"));
    assert!(of("(objectClass=person)", "(objectClass=user)") && of("(t=a*)", "(t=b)"));
}
