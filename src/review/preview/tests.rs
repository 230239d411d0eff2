//! A base, the same with some words changed, and what of it a preview does not use.

use super::super::NotUsedKind;
use super::*;
use crate::connector::registry::Facts;
use crate::manifest::{ManifestText, Revision, load_revision};

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 30);

const BASE: &str = "kind: Workspace
metadata: {name: acme}
spec: {id: acme}
---
kind: Source
metadata: {name: hr}
spec:
  connection: {scim: {url: 'https://hr.example', auth: {bearer: {env: HR_TOKEN}}}}
  key: record.id
  completeness: {maxShrink: 5%, maxAge: 36h}
  mapping: {rules: [{attribute: userName, value: record.login}, {attribute: custom.badge, value: record.badge, sensitive: true}]}
---
kind: Target
metadata: {name: chat}
spec:
  connection: {scim: {url: 'https://chat.example', auth: {bearer: {env: CHAT_TOKEN}}, caFile: ca.pem}}
  protect: {accounts: [root], rule: account.userName.startsWith('svc-'), keep: [{group: Admins, atLeast: 2}]}
  guardrails: {deactivate: {count: 5, percent: 5}}
---
kind: Target
metadata: {name: vault}
spec: {connection: {connector: {name: own, config: {site: a.example}, auth: {token: {token: {env: T}}}}}}
---
kind: Connector
metadata: {name: own}
spec: {title: Own, hosts: [own.example], base: 'https://own.example', auth: {}, scim: {}}
";

fn loaded(folder: &str, text: &str) -> (Loaded, Policy) {
    let whole =
        text.split("---\n").map(|document| format!("apiVersion: headcount.dev/v1alpha1\n{document}")).collect::<Vec<_>>().join("---\n");
    let text = ManifestText { name: format!("{folder}/acme.yaml").into(), base: folder.into(), bytes: whole.into_bytes(), found: true };
    let loaded = load_revision(Revision { texts: vec![text], ..Revision::default() }).0;
    // Not all that stands here fits together; what is sound of it is enough.
    let (policy, _) = crate::policy::compile_what_is_sound(&loaded, &Facts);
    (loaded, policy)
}

/// What is told where these words of the base are others at head.
fn told(changes: &[(&str, &str)]) -> Vec<String> {
    told_in("/w", changes)
}

fn told_in(folder: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = BASE.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let (base, head) = (loaded("/w", BASE), loaded(folder, &text));
    let mut policy = head.1;
    let preview = preview((&base.0, &base.1), &head.0, &mut policy, TODAY);
    // A second look finds nothing that is looser still.
    let again = super::preview((&base.0, &base.1), &head.0, &mut policy, TODAY);
    assert!(again.not_used.iter().all(|one| one.kind != NotUsedKind::LooserLimit), "{again:#?}");
    let line = |place: Option<crate::diagnostic::Place>| place.map_or("-".to_owned(), |place| place.line.to_string());
    preview
        .not_used
        .into_iter()
        .map(|one| format!("{}{}: {}", if one.kind == NotUsedKind::LooserLimit { "looser " } else { "" }, line(one.place), one.words))
        .collect()
}

#[test]
fn only_the_ways_of_the_base_are_opened() {
    for (from, to, words) in [
        (
            "https://chat.example",
            "https://evil.example",
            "the Target `chat` is not previewed: the branch changes the connection of `chat`; a preview opens only what the base describes",
        ),
        (
            "CHAT_TOKEN",
            "AWS_SECRET",
            "the Target `chat` is not previewed: the branch changes the connection of `chat`; a preview opens only what the base describes",
        ),
        (
            "{env: CHAT_TOKEN}",
            "{exec: [sh, -c, id]}",
            "the Target `chat` is not previewed: the branch changes the connection of `chat`, and would run a command (`exec`), which no preview does; a preview opens only what the base describes",
        ),
        (
            "caFile: ca.pem",
            "caFile: other.pem",
            "the Target `chat` is not previewed: the branch changes the connection of `chat`; a preview opens only what the base describes",
        ),
        (
            "hosts: [own.example]",
            "hosts: [evil.example]",
            "the Target `vault` is not previewed: the branch changes the Connector `own`, and a preview uses the base's documents alone",
        ),
        (
            "{name: chat}",
            "{name: chat2}",
            "the Target `chat2` is not previewed: the branch brings it, and a preview opens no system but those that the base describes; `headcount plan` reads it once the Target is merged",
        ),
        (
            "{scim: {url: 'https://hr.example', auth: {bearer: {env: HR_TOKEN}}}}",
            "{file: {path: /etc/passwd}}",
            "the Source `hr` is not previewed: the branch has no such file, and for a branch no other file of this machine is opened; commit the file, or leave the path as the base has it",
        ),
    ] {
        let told = told(&[(from, to)]);
        assert!(told.iter().any(|one| one.ends_with(words)), "{words}\n{told:#?}");
    }
    assert_eq!(told(&[]), [""; 0]);
    // The same words in another folder name another file.
    let told = told_in("/w/deep", &[]);
    assert!(told.len() == 1 && told[0].contains("connection of `chat`"), "{told:#?}");
}

#[test]
fn a_command_of_the_base_is_not_run_either() {
    let text = BASE.replace("{env: CHAT_TOKEN}", "{exec: [pass, chat]}");
    let (base, head) = (loaded("/w", &text), loaded("/w", &text));
    let mut policy = head.1;
    let preview = preview((&base.0, &base.1), &head.0, &mut policy, TODAY);
    assert!(matches!(preview.targets.get("chat"), Some(Opening::Shut { by_branch: false, .. })), "{preview:?}");
}

#[test]
fn what_the_branch_loosens_is_told_and_the_base_counts() {
    insta::assert_snapshot!(
        told(&[
            ("deactivate: {count: 5, percent: 5}", "deactivate: {count: 500, percent: 5}, delete: {count: 3}, window: 1h, overrides: [{guardrail: delete, atMost: 99, reason: x, expires: 2099-01-01}, {guardrail: delete, changes: abc, reason: x, expires: 2099-01-01}]"),
            ("maxShrink: 5%, maxAge: 36h", "maxShrink: 90%, mayLose: [badge]"),
            ("accounts: [root], rule: account.userName.startsWith('svc-'), keep: [{group: Admins, atLeast: 2}]", "rule: 'false'"),
            ("spec:\n  connection: {scim: {url: 'https://chat", "spec:\n  ownership: authoritative\n  allowEmpty: true\n  connection: {scim: {url: 'https://chat"),
            (", sensitive: true", ""),
            ("value: record.login", "value: record.salary"),
        ])
        .join("\n"),
        @r"
        looser 6: `completeness.maxAge` of the Source `hr` goes from 36h to none: until this is merged the base's counts
        looser 6: `completeness.maxShrink` of the Source `hr` goes from 5% to 90%: until this is merged the base's counts
        looser 6: `completeness.mayLose` for badge of the Source `hr` goes from not listed to listed: until this is merged the base's counts
        13: the Source `hr` makes `userName` of `record.salary`, which the base does not read: its values are shown once this is merged
        looser 15: `allowEmpty` of the Target `chat` goes from false to true: until this is merged the base's counts
        looser 15: `guardrails.window` of the Target `chat` goes from 24h to 1h: until this is merged the base's counts
        looser 15: `ownership` of the Target `chat` goes from owned to authoritative: until this is merged the base's counts
        looser 22: `protect.rule` of the Target `chat` goes from `account.userName.startsWith('svc-')` to `false`: until this is merged the base's counts
        looser 23: an override of `delete` of the Target `chat` goes from none to one until 2099-01-01: until this is merged the base's counts
        looser 15: the fewest members of Admins of the Target `chat` goes from 2 to 0: until this is merged the base's counts
        looser 23: the limit `deactivate` of the Target `chat` goes from 5 or 5 % to 500 or 5 %: until this is merged the base's counts
        looser 23: the limit `delete` of the Target `chat` goes from 0 or 0 % to 3: until this is merged the base's counts
        looser 15: the protection of the account root of the Target `chat` goes from there to none: until this is merged the base's counts
        looser -: `custom.badge` is no secret any more: its values stay hidden until this is merged
        "
    );
}

#[test]
fn a_source_with_another_name_keeps_the_limits_that_it_had() {
    let told = told(&[
        ("metadata: {name: hr}\nspec:\n", "metadata: {name: people}\nspec:\n  previousNames: [hr]\n"),
        ("maxShrink: 5%", "maxShrink: 90%"),
    ]);
    let limit = "`completeness.maxShrink` of the Source `people` goes from 5% to 90%: until this is merged the base's counts";
    assert!(told.iter().any(|line| line.contains(limit)), "{told:#?}");
}

#[test]
fn what_the_branch_tightens_counts_and_is_no_loosening() {
    assert_eq!(
        told(&[
            ("deactivate: {count: 5, percent: 5}", "deactivate: {count: 1, percent: 1}, create: {count: 0}"),
            ("maxShrink: 5%", "maxShrink: 1%, minCount: 9")
        ]),
        [""; 0]
    );
}

/// What is told where the Target's words are others.
fn told_of_target(base: &str, head: &str) -> Vec<String> {
    let policies = [base, head].map(|words| loaded("/w", &BASE.replace("  protect:", &format!("{words}  protect:"))));
    let [base, head] = policies;
    let mut policy = head.1;
    let preview = preview((&base.0, &base.1), &head.0, &mut policy, TODAY);
    assert!(preview.not_used.iter().all(|one| one.kind == NotUsedKind::LooserGate), "{:#?}", preview.not_used);
    preview
        .not_used
        .into_iter()
        .map(|one| one.words.replace(": this counts from the merge on", "").replace(" of the Target `chat`", ""))
        .collect()
}

#[test]
fn what_holds_or_marks_less_is_told_field_by_field() {
    let cases = [
        ("  approval: {for: [privileged, deactivate]}\n", "", "`approval` goes from for [deactivate, privileged] to none"),
        (
            "  approval: {for: [everything], count: 2, expires: 4h}\n",
            "  approval: {for: [destructive], count: 1, notAuthor: false, expires: 8h}\n",
            "`approval.count` goes from 2 to 1|`approval.expires` goes from 4h to 8h|`approval.for` goes from [everything] to [destructive]|`approval.notAuthor` goes from true to false",
        ),
        ("  approval: {for: [deactivate]}\n", "  approval: {for: [destructive]}\n", ""),
        (
            "  windows: [{deny: {days: [fri], from: '18:00'}}]\n",
            "",
            "`windows` let changes through that those of the base keep off (from Friday, 18:00)",
        ),
        ("  windows: [{allow: {days: [sat, sun]}}]\n", "  windows: [{allow: {days: [sun]}}]\n", ""),
        (
            "  windows: [{allow: {days: [sun]}}]\n",
            "  windows: [{allow: {days: [sat]}}]\n",
            "`windows` let changes through that those of the base keep off (from Saturday, 00:00)",
        ),
        (
            "  windows: [{deny: {days: [mon], from: '22:00', to: '02:00'}}]\n",
            "  windows: [{deny: {days: [mon], from: '22:00'}}, {deny: {days: [tue], to: '01:00'}}]\n",
            "`windows` let changes through that those of the base keep off (from Tuesday, 01:00)",
        ),
        (
            "  windows: [{deny: {days: [mon]}}]\n",
            "  windows: [{deny: {days: [mon], kinds: destructive}}]\n",
            "`windows` let changes through that those of the base keep off (from Monday, 00:00)",
        ),
        ("  suspend: {reason: move, until: '2026-12-10'}\n", "", "`suspend` goes from until 2026-12-10 to none"),
        ("  suspend: {reason: move, until: '2026-11-29'}\n", "", ""),
        ("  drift: warn\n", "", "`drift` goes from warn to enforce"),
        ("", "  drift: observe\n", "`drift` goes from enforce to observe"),
        (
            "  privileged: {groups: [Admins], entitlements: [root], roles: [admin], attributes: [custom.isAdmin]}\n",
            "",
            "`privileged.attributes` for custom.isAdmin goes from listed to not listed|`privileged.entitlements` for root goes from listed to not listed|`privileged.groups` for admins goes from listed to not listed|`privileged.roles` for admin goes from listed to not listed",
        ),
        (
            "  leaver: {action: deactivate, deleteAfter: 90d}\n",
            "  leaver: {action: delete}\n",
            "`leaver` goes from deactivate, deleted after 2160h to delete",
        ),
        ("", "  absent: {action: keep}\n", "`absent` goes from deactivate to keep"),
    ];
    for (base, head, words) in cases {
        assert_eq!(told_of_target(base, head).join("|"), words, "{base}{head}");
        assert_eq!(told_of_target(base, base), [""; 0], "{base}");
    }
}

#[test]
fn a_group_that_is_not_marked_any_more_is_told_also_under_another_name() {
    let group = |name: &str, mark: &str| {
        format!("{BASE}---\nkind: Group\nmetadata: {{name: {name}}}\nspec: {{displayName: Admins, rule: 'true'{mark}}}\n")
    };
    let (base, head) = (loaded("/w", &group("admins", ", privileged: true")), loaded("/w", &group("lunch", "")));
    let mut policy = head.1;
    let preview = preview((&base.0, &base.1), &head.0, &mut policy, TODAY);
    let words: Vec<&str> = preview.not_used.iter().map(|one| one.words.as_str()).collect();
    assert_eq!(words, ["`privileged` of the Group `lunch` goes from true to false: this counts from the merge on"]);
}

#[test]
fn what_the_workspace_holds_is_told() {
    let told = told(&[(
        "spec: {id: acme}",
        "spec: {id: acme, state: {path: other.db}, allowedDirectories: [../x], removals: {names: [Target/chat], reason: x, expires: '2099-01-01'}}",
    )]);
    assert_eq!(told.len(), 3, "{told:#?}");
    let over = |day: &str| {
        let text = BASE.replace("spec: {id: acme}", &format!("spec: {{id: acme, removals: {{users: 3, reason: x, expires: '{day}'}}}}"));
        let (base, head) = (loaded("/w", BASE), loaded("/w", &text));
        let mut policy = head.1;
        preview((&base.0, &base.1), &head.0, &mut policy, TODAY).not_used.len()
    };
    assert_eq!([over("2026-11-30"), over("2026-11-29")], [1, 0]);
}
