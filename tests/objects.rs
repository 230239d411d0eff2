//! Manifests as objects of a real Kubernetes API server: what the command line reads it takes, and the other way round.

use std::path::Path;

use headcount::diagnostic::{Diagnostic, Level};
use headcount::manifest::{Document, Loaded, ManifestInput, load};

use crate::cli::headcount;
use crate::support::kube::{self, eventually};

#[test]
fn the_server_is_a_real_one() {
    let Some(kube) = kube::server("the_server_is_a_real_one") else { return };
    let namespace = kube.namespace();
    let operator = |arguments: &[&str]| kube.kubectl(&[&["--context=operator", "--namespace", &namespace], arguments].concat());
    let refusal = operator(&["get", "targets"]).refusal();
    assert!(refusal.contains("User \"operator\" cannot list resource \"targets\""), "{refusal}");
    kube.kubectl(&["create", "role", "reader", "-n", &namespace, "--verb=list", "--resource=targets.headcount.dev"]).expect();
    kube.kubectl(&["create", "rolebinding", "reader", "-n", &namespace, "--role=reader", "--user=operator"]).expect();
    eventually("what was granted works", || operator(&["get", "targets"]).success);
    let asked =
        |event: &serde_json::Value| event["user"]["username"] == "operator" && event["objectRef"]["namespace"] == namespace.as_str();
    eventually("the audit log tells it", || kube.audit().iter().filter(|event| asked(event)).count() >= 2);
    // A namespace goes with what is in it, so the controllers run.
    kube.kubectl(&["delete", "namespace", &namespace, "--timeout=300s"]).expect();
}

#[tokio::test]
async fn one_of_its_own_can_be_frozen_and_started_again() {
    let Some(kube) = kube::Server::alone("one_of_its_own_can_be_frozen_and_started_again", "--min-request-timeout=2") else { return };
    let namespace = kube.namespace();
    kube.freeze("apiserver");
    assert!(!kube.kubectl(&["get", "namespaces", "--request-timeout=1s"]).success, "one that stands still answers nothing");
    kube.thaw("apiserver");
    let client = kube.client("admin").await;
    let known = client.apiserver_version().await.expect("it answers again");
    assert_eq!(known.major, "1");
    kube.stop("apiserver");
    client.apiserver_version().await.expect_err("nobody is there");
    kube.start("apiserver");
    kube.kubectl(&["get", "namespace", &namespace]).expect();
}

/// Where a file says `{env: NAME}`, an object says which Secret: in a cluster nothing else is a secret's place.
fn with_secrets(text: &str) -> String {
    let env = regex::Regex::new(r"\{env: ([A-Z_]+)\}").expect("a pattern");
    env.replace_all(text, "{secretKeyRef: {name: headcount, key: $1}}").into_owned()
}

/// The manifests of an example, as one stream.
fn documents(folder: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&root).expect("a folder").flatten().map(|entry| entry.path()).collect();
    // What a Connector's tests record holds null where a system answered it, which `kubectl apply` takes away.
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml") && !path.to_string_lossy().ends_with(".test.yaml"));
    files.sort();
    assert!(!files.is_empty(), "{folder}");
    files.iter().map(|file| format!("---\n{}\n", std::fs::read_to_string(file).expect("a file"))).collect()
}

const EXAMPLES: [&str; 9] = [
    "examples/quickstart",
    "examples/acme",
    "examples/django",
    "examples/openldap",
    "examples/active-directory",
    "examples/postgres-roles",
    "examples/controller/people",
    "examples/vendors",
    "catalog",
];

#[test]
fn the_definitions_are_taken_without_a_warning() {
    let Some(kube) = kube::server("the_definitions_are_taken_without_a_warning") else { return };
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    // A folder may be applied with all that is in it.
    let applied = kube.kubectl(&["apply", "--server-side", "-R", "-f", crds]);
    assert!(applied.success && !applied.stderr.contains("Warning"), "{}{}", applied.stdout, applied.stderr);
    let conditions =
        kube.kubectl(&["get", "crd", "-o", "jsonpath={range .items[*]}{.metadata.name}{\" \"}{.status.conditions[*].type}{\"\\n\"}{end}"]);
    for line in conditions.expect().lines() {
        assert!(line.contains("Established") && !line.contains("NonStructural"), "{line}");
    }
    let namespace = kube.namespace();
    for short in ["hcw", "hcs", "hct", "hcm", "hcu", "hcg", "hce", "hcr", "hcp", "hca", "hcc", "hcct", "hcpe", "headcount"] {
        kube.kubectl(&["get", short, "-n", &namespace]).expect();
    }
    let explained = kube.kubectl(&["explain", "target.spec.guardrails.deactivate"]).expect();
    assert!(explained.contains("Accounts deactivated. Default: 5 %, at least 5."), "{explained}");
    let explained = kube.kubectl(&["explain", "source.status.conditions"]).expect();
    assert!(explained.contains("`Ready` is what to wait for"), "{explained}");
}

#[test]
fn every_example_is_taken_strictly_and_the_second_time_nothing_changes() {
    let Some(kube) = kube::server("every_example_is_taken_strictly_and_the_second_time_nothing_changes") else { return };
    for example in EXAMPLES {
        let (namespace, documents) = (kube.namespace(), with_secrets(&documents(example)));
        let apply = || kube.kubectl_with(&["apply", "--validate=strict", "--namespace", &namespace, "-f", "-"], &documents);
        let first = apply();
        assert!(first.success && first.stderr.is_empty(), "{example}: {}{}", first.stdout, first.stderr);
        let again = apply().expect();
        let changed: Vec<&str> = again.lines().filter(|line| !line.ends_with(" unchanged")).collect();
        assert!(changed.is_empty() && !again.is_empty(), "{example}: {changed:#?}");
        // Another tool with the same file does not fight for anything.
        let flux = ["apply", "--server-side", "--field-manager=flux", "--namespace", &namespace, "-f", "-"];
        kube.kubectl_with(&flux, &documents).expect();
    }
}

#[test]
fn what_is_read_back_from_a_cluster_is_the_same_manifests() {
    let Some(kube) = kube::server("what_is_read_back_from_a_cluster_is_the_same_manifests") else { return };
    for example in EXAMPLES {
        let (namespace, documents) = (kube.namespace(), with_secrets(&documents(example)));
        // A null of a persona's record survives this way alone.
        kube.kubectl_with(&["apply", "--server-side", "--namespace", &namespace, "-f", "-"], &documents).expect();
        let back = kube.kubectl(&["get", "headcount", "-n", &namespace, "-o", "yaml"]).expect();
        let read = |text: &str| {
            let base = Path::new(env!("CARGO_MANIFEST_DIR")).join(example);
            load(&[ManifestInput::Text { name: "a.yaml".into(), base, bytes: text.as_bytes().to_vec() }])
        };
        let ((file, before), (object, after)) = (read(&documents), read(&back));
        assert_eq!(errors(&before), errors(&after), "{example}");
        assert_eq!(shape(&file).len(), shape(&object).len(), "{example}");
        for (file, object) in shape(&file).into_iter().zip(shape(&object)) {
            assert_eq!(file, object, "{example}");
        }
    }
}

fn errors(problems: &[Diagnostic]) -> Vec<String> {
    let mut errors: Vec<String> =
        problems.iter().filter(|problem| problem.level == Level::Error).map(|problem| problem.message.clone()).collect();
    errors.sort();
    errors
}

/// What the documents say, without where they stand. The keys of a mapping have no order.
fn shape(loaded: &Loaded) -> Vec<serde_json::Value> {
    fn of<T: serde::Serialize>(documents: &[Document<T>]) -> impl Iterator<Item = serde_json::Value> {
        documents.iter().map(|document| serde_json::json!([document.name, document.labels, document.spec]))
    }
    let mut all: Vec<serde_json::Value> = loaded.workspace.iter().map(|document| serde_json::json!(document.spec)).collect();
    all.extend(of(&loaded.sources));
    all.extend(of(&loaded.targets));
    all.extend(of(&loaded.mappings));
    all.extend(of(&loaded.users));
    all.extend(of(&loaded.groups));
    all.extend(of(&loaded.entitlements));
    all.extend(of(&loaded.revocations));
    all.extend(of(&loaded.approvals));
    all.extend(of(&loaded.connectors));
    all.extend(of(&loaded.connector_tests));
    all.extend(of(&loaded.personas));
    all
}

/// Kind, spec, and what both say: the message, and what to do.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "Group",
        "{displayName: A, members: []}",
        "the Group `x` has an empty list of members and no rule: everybody would be removed",
        "add `allowEmpty: true` to the spec if that is meant, or leave `members` out to leave them alone",
    ),
    (
        "Group",
        "{displayName: A, members: [{}]}",
        "a member needs one of `user`, `identity` and `group`",
        "one entry of the list for each of them",
    ),
    (
        "Group",
        "{displayName: A, rule: 'true', owners: [{until: '2031-12-31'}]}",
        "a member needs one of `user`, `identity` and `group`",
        "one entry of the list for each of them",
    ),
    (
        "Group",
        "{displayName: A, rule: 'true', exclude: [{user: a, group: b}]}",
        "a member takes only one of `user`, `identity` and `group`",
        "one entry of the list for each of them",
    ),
    (
        "Group",
        "{displayName: A, members: [{user: jane, until: 31.12.2026}]}",
        "is no date",
        "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`",
    ),
    (
        "Group",
        "{displayName: A, members: [{user: jane, until: '2027-02-29'}]}",
        "is no date",
        "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`",
    ),
    (
        "Group",
        "{displayName: A, members: [{user: jane, until: '2027-04-31'}]}",
        "is no date",
        "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`",
    ),
    (
        "Group",
        "{displayName: A, forEach: identity.department}",
        "with `forEach` each group needs a name of its own",
        "write `{value}` where the value goes: `Team {value}`",
    ),
    (
        "Group",
        "{displayName: 'A {value}', forEach: identity.department, previousNames: [B]}",
        "with `forEach` each group has a former name of its own",
        "write `{value}` where the value goes: `Team {value}`",
    ),
    (
        "Group",
        "{displayName: 'A {value}', forEach: identity.department, members: [{user: jane}]}",
        "with `forEach` members come from the value alone",
        "take it out; a Group of its own can name people, and `{group: ...}` for all of these",
    ),
    (
        "Group",
        "{displayName: 'A {value}', rule: 'true'}",
        "`{value}` means something only with `forEach`",
        "add `forEach`, such as `forEach: identity.department`, or take it out",
    ),
    (
        "Group",
        "{displayName: A, rule: 'true', except: [b]}",
        "`except` means something only with `forEach`",
        "add `forEach`, such as `forEach: identity.department`, or take it out",
    ),
    (
        "Group",
        "{displayName: A, rule: 'true', previousValues: {a: [b]}}",
        "`previousValues` means something only with `forEach`",
        "add `forEach`, such as `forEach: identity.department`, or take it out",
    ),
    (
        "Entitlement",
        "{target: chat}",
        "the Entitlement `x` has neither `when` nor `members`: whoever has it would lose it",
        "say who gets it, or write `when: \"false\"` if nobody should",
    ),
    (
        "Entitlement",
        "{target: chat, members: [{group: a}]}",
        "only people can be named here, not groups",
        "name each by `user` or `identity`",
    ),
    (
        "Entitlement",
        "{target: chat, members: [{user: jane, until: soon}]}",
        "is no date",
        "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`",
    ),
    (
        "Revocation",
        "{identities: [], reason: left}",
        "the Revocation `x` names nobody",
        "write whom it cuts off into `identities`, or an account that nobody has into `accounts`; to give access back, remove the document",
    ),
    ("Revocation", "{identities: [{user: jane}], reason: ' '}", "is no reason", "say why, for whoever reads this later"),
    (
        "Revocation",
        "{identities: [{user: jane, group: a}], reason: left}",
        "a member takes only one of `user`, `identity` and `group`",
        "one entry of the list for each of them",
    ),
    (
        "Revocation",
        "{identities: [{user: jane}], reason: left, until: tomorrow}",
        "is no date",
        "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`",
    ),
    ("Target", "{connection: CHAT, guardrails: {deactivate: {percent: 500}}}", "is no share", "write per cent of the population: 0 to 100"),
    ("Target", "{connection: CHAT, guardrails: {deactivate: {percent: -5}}}", "is no share", "write per cent of the population: 0 to 100"),
    (
        "Target",
        "{connection: CHAT, guardrails: {deactivate: {percent: 100}}}",
        "this share would limit nothing",
        "write less than 100; to let one set of changes past, use an override",
    ),
    (
        "Target",
        "{connection: CHAT, guardrails: {overrides: [{guardrail: delete, atMost: 1, changes: a, reason: r, expires: '2027-01-01'}]}}",
        "an override has `changes` or `atMost`, not both",
        "the refusal prints overrides ready to paste: `changes` for one set of changes, `atMost` for a bound",
    ),
    (
        "Target",
        "{connection: CHAT, guardrails: {overrides: [{guardrail: delete, reason: r, expires: '2027-01-01'}]}}",
        "this override lets nothing past",
        "the refusal prints overrides ready to paste: `changes` for one set of changes, `atMost` for a bound",
    ),
    (
        "Target",
        "{connection: CHAT, guardrails: {overrides: [{guardrail: delete, atMost: 1, reason: '', expires: '2027-01-01'}]}}",
        "is no reason",
        "say for the reviewer why this may pass",
    ),
    (
        "Target",
        "{connection: CHAT, guardrails: {window: a day}}",
        "is no duration",
        "write a whole number and its unit: `30s`, `15m`, `36h`, `7d`, `2w`",
    ),
    (
        "Target",
        "{connection: CHAT, leaver: {deleteAfter: soon}}",
        "is no duration",
        "write a whole number and its unit: `30s`, `15m`, `36h`, `7d`, `2w`",
    ),
    (
        "Target",
        "{connection: CHAT, leaver: {action: delete, deleteAfter: 30d}}",
        "`deleteAfter` counts from a deactivation, and the action is another",
        "use `action: deactivate`, or leave it out",
    ),
    ("Target", "{connection: CHAT, preHire: {before: -3d}}", "is no number of days", "write whole days or weeks: `14d`, `2w`"),
    (
        "Target",
        "{connection: CHAT, limits: {concurrency: 0}}",
        "is no number of requests",
        "with 0 requests at once nothing would be written; write 1 or more",
    ),
    ("Target", "{connection: CHAT, limits: {perSecond: -1}}", "is no rate", "write how many requests a second, more than 0"),
    (
        "Target",
        "{connection: CHAT, limits: {burst: 5}}",
        "is no burst",
        "it is what a rate allows at once; write `perSecond` beside it, or leave it out",
    ),
    ("Target", "{connection: CHAT, interval: 0s}", "is no duration", "write a duration that is longer than nothing: `30s`"),
    (
        "Target",
        "{connection: CHAT, approval: {for: []}}",
        "is no list of changes",
        "write `[destructive]`, or leave `approval` out where nothing has to be approved",
    ),
    (
        "Target",
        "{connection: CHAT, approval: {for: [delete], count: 0}}",
        "is no number of people",
        "write 1 to 20; where nobody has to approve, leave `approval` out",
    ),
    (
        "Target",
        "{connection: CHAT, windows: [{deny: {from: '9:00'}}]}",
        "is no time of day",
        "write hours and minutes of the day, in quotes: `\"22:00\"`, at most `\"24:00\"`",
    ),
    ("Target", "{connection: CHAT, suspend: {reason: ' ', until: '2027-01-01'}}", "is no reason", "say why, for whoever looks"),
    (
        "Target",
        "{connection: CHAT, suspend: {reason: moving, until: never}}",
        "is no date",
        "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`",
    ),
    (
        "Target",
        "{connection: CHAT, previousSystems: [xyz]}",
        "is no number of a system",
        "write it as the finding printed it, such as 9f3c0a…",
    ),
    (
        "Target",
        "{connection: {scim: {url: chat.example/scim}}}",
        "the url has no scheme",
        "write the base of the SCIM service: https://chat.example/scim/v2",
    ),
    (
        "Target",
        "{connection: {scim: {url: 'ftp://chat.example'}}}",
        "the url must begin with https://",
        "write the base of the SCIM service: https://chat.example/scim/v2",
    ),
    (
        "Target",
        "{connection: {scim: {url: 'https://chat.example/#a'}}}",
        "the url must end with its path, without #",
        "write the base of the SCIM service: https://chat.example/scim/v2",
    ),
    (
        "Target",
        "{connection: {scim: {url: 'https://me:pw@chat.example/'}}}",
        "the URL holds a secret",
        "take it out, change it, and sign in with `auth: {basic: {username: …, password: {env: NAME}}}` or `bearer`",
    ),
    (
        "Target",
        "{connection: {scim: {url: 'http://chat.example', auth: {bearer: {secretKeyRef: {name: a, key: b}}}}}}",
        "credentials would go over plain http, where anybody on the way reads them",
        "use https; where the way is safe, say `allowPlainHttp: true`",
    ),
    (
        "Target",
        "{connection: {scim: {url: 'https://chat.example', timeout: '30'}}}",
        "is no duration",
        "write a whole number and its unit: `30s`, `15m`, `36h`, `7d`, `2w`",
    ),
    (
        "Source",
        "{connection: {file: {path: a.csv}}, key: record.id, mapping: {}, completeness: {maxShrink: 10 percent}}",
        "is no share or number",
        "write a share (`10%`, at most `100%`) or a whole number (`5`)",
    ),
    (
        "Source",
        "{connection: {file: {path: a.csv}}, key: record.id, mapping: {}, completeness: {maxShrink: 101%}}",
        "is no share or number",
        "write a share (`10%`, at most `100%`) or a whole number (`5`)",
    ),
    (
        "Source",
        "{connection: {file: {path: a.csv}}, key: record.id, mapping: {}, completeness: {maxAge: 7 days}}",
        "is no duration",
        "write a whole number and its unit: `30s`, `15m`, `36h`, `7d`, `2w`",
    ),
    (
        "Source",
        "{connection: {inbox: {}}, key: record.externalId, mapping: {}, previousNames: [old]}",
        "what a system pushed, and its tokens, stay under the Source's name: a Source with an inbox keeps it",
        "give it the name back that the system pushes to",
    ),
    (
        "Source",
        "{connection: {file: {path: a.csv}}, key: record.id, mapping: {}, establishes: false}",
        "the Source `x` does not establish identities and does not say how its records find theirs",
        "add `correlate:` with attributes in order, such as `[employeeNumber]`",
    ),
    (
        "Source",
        "{connection: {file: {path: a.csv}}, key: record.id, mapping: {}, lifecycle: {sharedEnd: '9999'}}",
        "is no date",
        "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`",
    ),
    (
        "User",
        "{attributes: {userName: jane}, formerKeys: [jane]}",
        "this is no identity's key",
        "write the source and the key (`old-hr/10023`), or `user/<name>` for a User",
    ),
    ("Workspace", "{id: 'a b'}", "this is no workspace id", "letters, digits, `-`, `_` and `.`, at most 64, such as `acme-prod`"),
    (
        "Workspace",
        "{id: a, timeZone: 'Europe Berlin'}",
        "is no time zone",
        "write a name of the IANA time zone database: `Europe/Berlin`, `America/New_York`, `UTC`",
    ),
    ("Workspace", "{id: a, maxRead: 8GB}", "is no size", "write a whole number and its unit: `512Ki`, `64Mi`, `4Gi`"),
    ("Workspace", "{id: a, removals: {reason: '', expires: '2027-01-01'}}", "is no reason", "say for the reviewer why this may go"),
    (
        "PlanApproval",
        "{plan: 9be41c77, decision: Approve, approver: mara, reason: x, targets: [chat]}",
        "is no hash of a plan",
        "write all 64 digits, as `headcount status -o json` tells them",
    ),
    (
        "PlanApproval",
        "{plan: HASH, decision: Approve, approver: ' ', reason: x, targets: [chat]}",
        "is no approver",
        "say who approves, as commits name them: `mara@acme.example`",
    ),
    (
        "PlanApproval",
        "{plan: HASH, decision: Approve, approver: mara, reason: x, targets: []}",
        "is no list of Targets",
        "name the Target that the plan is for",
    ),
    (
        "PlanApproval",
        "{plan: HASH, decision: Approve, approver: mara, reason: x, targets: [chat], expires: soon}",
        "is no date",
        "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`",
    ),
    ("Persona", "{asOf: 1.1.2027, user: jane}", "is no date", "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`"),
    (
        "Persona",
        "{asOf: '2027-01-01'}",
        "this is nobody: there is neither a record nor a User",
        "write `records: {<source>: {<field>: <value>}}`, or `user: <name>`",
    ),
];

fn wrong(kind: &str, spec: &str) -> String {
    let spec = spec.replace("CHAT", "{scim: {url: 'https://chat.example'}}").replace("HASH", &"9be41c77".repeat(8));
    format!("apiVersion: headcount.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n")
}

/// On one line, whatever the terminal's width would have made of it.
fn flat(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_wrong_is_refused_with_the_words_of_the_command_line() {
    let beside = "---\napiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}\n";
    let mut different = Vec::new();
    for (kind, spec, message, hint) in WRONG {
        let folder = tempfile::tempdir().expect("a folder");
        let document = wrong(kind, spec);
        let document = if *kind == "Workspace" { document } else { document + beside };
        std::fs::write(folder.path().join("a.yaml"), document).expect("written");
        let output = headcount(["validate", "-f", "a.yaml"]).current_dir(folder.path()).output().expect("it runs");
        let told = flat(&(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)));
        if output.status.success() || !told.contains(message) || !told.contains(&flat(hint)) {
            different.push(format!("the command line, {kind} {spec}: {told}"));
        }
    }
    assert!(different.is_empty(), "{different:#?}");
    let Some(kube) = kube::server("what_is_wrong_is_refused_with_the_words_of_the_command_line") else { return };
    let namespace = kube.namespace();
    for (kind, spec, message, hint) in WRONG {
        let answer = kube.kubectl_with(&["apply", "--namespace", &namespace, "--dry-run=server", "-f", "-"], &wrong(kind, spec));
        if answer.success || !flat(&answer.stderr).contains(&format!("{message} ({hint})")) {
            different.push(format!("the server, {kind} {spec}: {}{}", answer.stdout, answer.stderr));
        }
    }
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn a_cluster_takes_secrets_and_files_only_from_where_they_belong() {
    let Some(kube) = kube::server("a_cluster_takes_secrets_and_files_only_from_where_they_belong") else { return };
    let namespace = kube.namespace();
    let secret = "in Kubernetes a secret comes from a Secret (write `secretKeyRef: {name: …, key: …}`)";
    let file = "in Kubernetes a file lies below the folder that headcount was given";
    for (kind, spec, words) in [
        ("Target", "{connection: {scim: {url: 'https://chat.example', auth: {bearer: {env: TOKEN}}}}}", secret),
        ("Target", "{connection: {scim: {url: 'https://chat.example', auth: {bearer: {exec: [cat, /etc/passwd]}}}}}", secret),
        (
            "Target",
            "{connection: {scim: {url: 'https://chat.example', auth: {basic: {username: a, password: {file: /var/run/secrets/token}}}}}}",
            secret,
        ),
        ("Target", "{connection: {connector: {name: okta, auth: {token: {token: {env: OKTA}}}}}}", secret),
        ("Source", "{connection: {file: {path: /etc/passwd}}, key: record.id, mapping: {}}", file),
        ("Source", "{connection: {file: {path: a/../../b.csv}}, key: record.id, mapping: {}}", file),
        ("Target", "{connection: {scim: {url: 'https://chat.example', caFile: ../ca.pem}}}", file),
        ("Workspace", "{id: a, state: {path: /data/state.db}}", file),
        ("Workspace", "{id: a, allowedDirectories: [..]}", file),
        ("Workspace", "{id: a, tables: {t: {file: {path: /a.csv, key: a, value: b}}}}", file),
        ("Workspace", "{id: a, notifications: [{name: ops, to: {slack: {url: {env: SLACK}}}}]}", secret),
    ] {
        let refusal = kube.kubectl_with(&["apply", "--namespace", &namespace, "--dry-run=server", "-f", "-"], &wrong(kind, spec)).refusal();
        assert!(flat(&refusal).contains(words), "{kind} {spec}: {refusal}");
    }
}

#[test]
fn ids_plans_and_approvals_stay_as_they_are() {
    let Some(kube) = kube::server("ids_plans_and_approvals_stay_as_they_are") else { return };
    let namespace = kube.namespace();
    let hash = "9be41c77".repeat(8);
    let plan = format!("{{hash: {hash}, workspace: a, asOf: '2027-01-01', changes: 1, text: '+ jane'}}");
    for (kind, spec, other, words) in [
        ("Workspace", "{id: a}", "{id: b}", "the id of a workspace never changes: it stands in every mark at a target"),
        ("Plan", plan.as_str(), &plan.replace("changes: 1", "changes: 2"), "a plan is never changed"),
        (
            "PlanApproval",
            "{plan: HASH, decision: Reject, approver: mara, reason: x, targets: [chat]}",
            "{plan: HASH, decision: Approve, approver: mara, reason: x, targets: [chat]}",
            "an approval is never changed",
        ),
    ] {
        kube.apply(&namespace, &wrong(kind, spec));
        let refusal = kube.kubectl_with(&["apply", "--namespace", &namespace, "-f", "-"], &wrong(kind, other)).refusal();
        assert!(refusal.contains(words), "{kind}: {refusal}");
    }
    // The rendered plan is as long as it may be, and no longer.
    let long = |letters: usize| wrong("Plan", &plan.replace("+ jane", &"x".repeat(letters))).replace("name: x", "name: long");
    kube.kubectl_with(&["apply", "--server-side", "--namespace", &namespace, "-f", "-"], &long(128 << 10)).expect();
    kube.kubectl_with(&["apply", "--server-side", "--dry-run=server", "--namespace", &namespace, "-f", "-"], &long((128 << 10) + 1))
        .refusal();
}

#[test]
fn a_status_is_kept_and_shown() {
    let Some(kube) = kube::server("a_status_is_kept_and_shown") else { return };
    let namespace = kube.namespace();
    kube.apply(&namespace, &wrong("Target", "{connection: CHAT}"));
    let ready = "{type: Ready, status: 'True', reason: AsDeclared, message: fine, lastTransitionTime: '2027-01-01T00:00:00Z', observedGeneration: 1}";
    let status = format!(
        "apiVersion: headcount.dev/v1alpha1\nkind: Target\nmetadata: {{name: x}}\nstatus: {{conditions: [{ready}], observedGeneration: 1, state: asDeclared, rows: 7, lastComplete: '2027-01-01T00:00:00Z', pending: {{give: 1, change: 2, take: 0}}, pendingChanges: 3, drift: 4, withheld: {{delete: 1}}, plan: abc}}\n"
    );
    let apply = [
        "apply",
        "--server-side",
        "--subresource=status",
        "--field-manager=headcount-status",
        "--validate=strict",
        "-n",
        &namespace,
        "-f",
        "-",
    ];
    let applied = kube.kubectl_with(&apply, &status);
    assert!(applied.success && applied.stderr.is_empty(), "{}", applied.stderr);
    let before = kube.kubectl(&["get", "target", "x", "-n", &namespace, "-o", "jsonpath={.metadata.resourceVersion}"]).expect();
    kube.kubectl_with(&apply, &status).expect();
    let after = kube.kubectl(&["get", "target", "x", "-n", &namespace, "-o", "jsonpath={.metadata.resourceVersion}"]).expect();
    assert_eq!(before, after, "the same status said again is no event");
    kube.kubectl(&["wait", "--for=condition=Ready", "--timeout=60s", "target/x", "-n", &namespace]).expect();
    let listed = kube.kubectl(&["get", "hct", "-n", &namespace]).expect();
    let words: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["NAME", "READY", "STATE", "CHANGES", "DRIFT", "READ", "AGE"]);
    assert_eq!(words[1][..5], ["x", "True", "asDeclared", "3", "4"]);
}

#[test]
fn what_clears_survives_kubectl() {
    let Some(kube) = kube::server("what_clears_survives_kubectl") else { return };
    let namespace = kube.namespace();
    let document = wrong("User", "{attributes: {userName: jane}, clear: [title]}");
    kube.apply(&namespace, &document);
    let back = kube.kubectl(&["get", "user.headcount.dev", "x", "-n", &namespace, "-o", "yaml"]).expect();
    for text in [document.as_str(), &back, &wrong("User", "{attributes: {userName: jane, title: null}}")] {
        let (loaded, problems) = load(&[ManifestInput::stdin(text.as_bytes().to_vec())]);
        assert_eq!(errors(&problems), Vec::<String>::new());
        assert_eq!(loaded.users[0].spec.attributes.get("title"), Some(&serde_json::Value::Null), "{text}");
    }
}

#[test]
fn what_a_validation_warns_of_is_what_kubectl_reads_otherwise() {
    let plain = [
        "yes",
        "NO",
        "y",
        "off",
        "1_000",
        "0123",
        "0o17",
        "0x1F",
        "0b11",
        "+5",
        "1e3",
        "1.10",
        "12345678901234567890",
        "no way",
        "2027-03-31",
        "1.2.3",
        "08",
        "10%",
        "-0",
        "7d",
        "127.0.0.1",
        "n",
        "On",
        ".5",
        "0x",
        "1e",
        "22:00",
    ];
    let document = |value: &str| wrong("User", &format!("{{attributes: {{userName: jane, custom.a: {value}}}}}"));
    let warned = |value: &str| {
        let (_, problems) = load(&[ManifestInput::stdin(document(value).into_bytes())]);
        problems.iter().any(|problem| problem.message.contains("Kubernetes reads"))
    };
    let Some(kube) = kube::server("what_a_validation_warns_of_is_what_kubectl_reads_otherwise") else { return };
    let namespace = kube.namespace();
    for value in plain {
        kube.apply(&namespace, &document(value));
        let stored = kube.kubectl(&["get", "user.headcount.dev", "x", "-n", &namespace, "-o", "json"]).expect();
        let stored: serde_json::Value = serde_json::from_str(&stored).expect("JSON");
        let same = stored.pointer("/spec/attributes/custom.a") == Some(&serde_json::json!(value));
        assert_eq!(warned(value), !same, "{value}: {stored}");
    }
}

/// A kustomization, as kubectl renders it.
fn rendered(kube: &kube::Server, folder: &str) -> String {
    kube.kubectl(&["kustomize", &format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"))]).expect()
}

#[test]
fn what_is_deployed_is_taken_by_a_cluster_that_restricts_pods() {
    let Some(kube) = kube::server("what_is_deployed_is_taken_by_a_cluster_that_restricts_pods") else { return };
    for folder in ["deploy/kubernetes/base", "deploy/kubernetes/cluster", "deploy/kubernetes/replicas"] {
        let namespace = kube.namespace();
        let objects = rendered(kube, folder).replace("namespace: headcount\n", &format!("namespace: {namespace}\n"));
        let objects = objects.replace("  name: headcount\n", &format!("  name: {namespace}\n"));
        let applied = kube.kubectl_with(&["apply", "--server-side", "--validate=strict", "-f", "-"], &objects);
        assert!(applied.success && !applied.stderr.contains("Warning"), "{folder}: {}{}", applied.stdout, applied.stderr);
        // The account may do what it needs in its namespace, and nothing that it does not.
        let account = format!("--as=system:serviceaccount:{namespace}:headcount-operator");
        let may = |verb: &str, what: &str| {
            let (what, part) = what.split_once('/').unwrap_or((what, ""));
            kube.kubectl(&["auth", "can-i", verb, what, &format!("--subresource={part}"), "-n", &namespace, &account]).success
        };
        eventually("the account's rights", || may("watch", "targets.headcount.dev"));
        assert!(
            may("patch", "targets.headcount.dev/status") && may("get", "secrets") && may("update", "leases.coordination.k8s.io"),
            "{folder}"
        );
        for (verb, what) in [
            ("list", "secrets"),
            ("patch", "targets.headcount.dev"),
            ("create", "planapprovals.headcount.dev"),
            ("approve", "targets.headcount.dev"),
            ("create", "pods"),
        ] {
            assert!(!may(verb, what), "{folder}: {verb} {what}");
        }
    }
}

#[test]
fn an_approval_is_given_by_whoever_may_in_their_own_name() {
    let Some(kube) = kube::Server::alone("an_approval_is_given_by_whoever_may_in_their_own_name", "") else { return };
    let namespace = kube.namespace();
    kube.kubectl_with(&["apply", "--server-side", "-f", "-"], &rendered(&kube, "deploy/kubernetes/admission")).expect();
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: approver}\nrules:\n- {apiGroups: [headcount.dev], resources: [planapprovals], verbs: [create]}\n- {apiGroups: [headcount.dev], resources: [targets], verbs: [approve], resourceNames: [payroll]}\n";
    kube.apply(&namespace, role);
    kube.kubectl(&["create", "rolebinding", "approver", "-n", &namespace, "--role=approver", "--user=mara"]).expect();
    let approve = |who: &str, approver: &str, target: &str| {
        let spec = format!("{{plan: HASH, decision: Approve, approver: {approver}, reason: x, targets: [{target}]}}");
        let who = format!("--as={who}");
        kube.kubectl_with(&["create", "--dry-run=server", "-n", &namespace, &who, "-f", "-"], &wrong("PlanApproval", &spec))
    };
    eventually("the policy is in force", || {
        approve("mara", "ada", "payroll").stderr.contains("approver must be whoever approves: write mara")
    });
    eventually("her right is in force", || approve("mara", "mara", "payroll").success);
    assert!(approve("mara", "mara", "chat").refusal().contains("mara may not approve for these Targets"));
    assert!(approve("mara", "mara", "payroll, chat").refusal().contains("mara may not approve for these Targets"));
    approve("eve", "eve", "payroll").refusal();
    let plan = format!("{{hash: {}, workspace: a, asOf: '2027-01-01', changes: 1, text: x}}", "9be41c77".repeat(8));
    let refusal = kube.kubectl_with(&["create", "--dry-run=server", "-n", &namespace, "-f", "-"], &wrong("Plan", &plan)).refusal();
    assert!(refusal.contains("only the operator writes plans"), "{refusal}");
}

#[test]
fn the_alert_rules_of_a_cluster_are_those_of_the_file() {
    let read = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file");
    let rules = read("deploy/alerts.yaml");
    let rules = &rules[rules.find("groups:").expect("rules")..];
    let indented: String = rules.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect();
    assert!(
        read("deploy/kubernetes/monitoring/rules.yaml").ends_with(&format!("spec:\n{indented}")),
        "make it anew from deploy/alerts.yaml"
    );
}
