//! What compiles, and what is said where it does not.

use std::path::PathBuf;

use insta::assert_snapshot;

use super::*;
use crate::diagnostic::Diagnostic;
use crate::manifest::kinds::TargetSpec;
use crate::manifest::{ManifestInput, load};

mod difference;
mod gates;

const HEAD: &str = "apiVersion: headcount.dev/v1alpha1\n";
const WORKSPACE: &str = "kind: Workspace\nmetadata: {name: acme}\nspec: {id: acme, timeZone: UTC}\n";

struct Facts;

/// A connector that makes no account without a user name.
struct Strict;

impl ConnectorFacts for Strict {
    fn of_target(&self, target: &TargetSpec) -> TargetFacts {
        TargetFacts { needs: vec!["userName"], ..Facts.of_target(target) }
    }
}

impl ConnectorFacts for Facts {
    fn of_target(&self, _: &TargetSpec) -> TargetFacts {
        let default_mapping = ["userName", "displayName"].map(|name| (name.to_owned(), format!("identity.{name}"))).into();
        TargetFacts { connector: "test".into(), default_mapping, ..Default::default() }
    }
}

fn build(documents: &[&str]) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    build_for(&Facts, documents)
}

fn build_for(facts: &dyn ConnectorFacts, documents: &[&str]) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    let text = documents.iter().map(|document| format!("{HEAD}{document}")).collect::<Vec<_>>().join("---\n");
    let (loaded, problems) = load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.into_bytes() }]);
    assert_eq!(problems, [], "what the manifests' own checks tell is theirs to test");
    compile(&loaded, facts)
}

/// Everything that is told, by the manifests' own checks first.
fn told_of(text: &str) -> Vec<String> {
    let (loaded, problems) = load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.as_bytes().to_vec() }]);
    let (_, found) = compile_what_is_sound(&loaded, &Strict);
    problems.iter().chain(&found).map(ToString::to_string).collect()
}

fn policy(documents: &[&str]) -> Policy {
    build(&[&[WORKSPACE], documents].concat()).unwrap_or_else(|problems| panic!("{problems:#?}")).0
}

fn told(documents: &[&str]) -> String {
    let problems = match build(documents) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    let line = |problem: &Diagnostic| {
        let length = problem.place.as_ref().map_or(0, |(_, length)| *length);
        let related = problem.related.iter().map(|(place, words)| format!("\n    {place}: {words}")).collect::<String>();
        format!("{problem} [{length}]{related}")
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn source(name: &str, rest: &str) -> String {
    format!("kind: Source\nmetadata: {{name: {name}}}\nspec:\n  connection: {{file: {{path: {name}.csv}}}}\n  key: record.id\n{rest}\n")
}

fn target(rest: &str) -> String {
    format!("kind: Target\nmetadata: {{name: chat}}\nspec:\n  connection: {{scim: {{url: \"https://chat.example\"}}}}\n{rest}\n")
}

#[test]
fn defaults_are_filled_in() {
    let hr = source("hr", "  mapping: {rules: [{attribute: userName, value: record.login}, {attribute: displayName, value: record.name}]}");
    let policy = policy(&[&hr, &target("  leaver: {deleteAfter: 30d}")]);
    let source = &policy.sources[0];
    assert!(source.establishes && source.completeness == CompletenessPolicy::default() && source.rules[0].precedence == 0);
    let target = &policy.targets[0];
    assert_eq!(target.lifecycles, [Lifecycle::Active]);
    assert_eq!(target.correlate.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["externalId", "userName"]);
    assert_eq!(target.rules.iter().map(|rule| rule.attribute.as_ref()).collect::<Vec<_>>(), ["displayName", "userName"]);
    let month = Some(SignedDuration::from_hours(30 * 24));
    assert_eq!((target.leaver.delete_after, target.absent.delete_after, target.deselected.delete_after), (month, month, month));
    assert_eq!((target.suspended.action, target.suspended.delete_after), (DeprovisionAction::Deactivate, None));
    let limit = |guardrail| target.guardrails.limits.get(&guardrail).map(|limit| (limit.count, limit.percent, limit.max));
    assert_eq!(limit(Guardrail::Deactivate), Some((5, Some(5.0), None)));
    assert_eq!(limit(Guardrail::Delete), Some((0, Some(0.0), None)));
    assert_eq!(limit(Guardrail::RemoveMembers), Some((20, Some(10.0), None)));
    assert_eq!(limit(Guardrail::DeleteGroups), Some((0, Some(0.0), None)));
    assert_eq!(limit(Guardrail::Leavers), Some((10, Some(10.0), None)));
    assert_eq!(limit(Guardrail::Create), Some((10, Some(10.0), None)));
    assert_eq!(limit(Guardrail::Adopt), Some((5, Some(5.0), None)));
    assert_eq!((limit(Guardrail::Reactivate), limit(Guardrail::Rename)), (Some((5, Some(2.0), None)), Some((5, Some(2.0), None))));
    assert_eq!((limit(Guardrail::Update), limit(Guardrail::CreateGroups)), (None, None));
    assert_eq!(target.sign_in, ["userName".into()]);
    assert_eq!(target.guardrails.window, SignedDuration::from_hours(24));
}

#[test]
fn what_is_written_is_kept_with_its_place() {
    let hr = source(
        "hr",
        "  scope: {filter: record.kind == \"staff\"}\n  completeness: {maxShrink: 2.5%, maxAge: 1d12h}\n  mapping:\n    from: [shared]\n    rules:\n    - {attribute: title, value: record.job, precedence: 7}",
    );
    let shared = "kind: AttributeMapping\nmetadata: {name: shared}\nspec:\n  rules:\n  - {attribute: title, value: record.other}\n  - {attribute: department, value: record.dept, required: true}\n";
    let policy = policy(&[
        &hr,
        shared,
        &target(
            "  guardrails:\n    delete: {count: 2, percent: 1, max: 9}\n    overrides: [{guardrail: delete, changes: abc, reason: merger, expires: 2027-01-31}]\n  protect: {accounts: [Root], keep: [{group: admins, atLeast: 2}]}",
        ),
    ]);
    let source = &policy.sources[0];
    let rules: Vec<_> = source
        .rules
        .iter()
        .map(|rule| format!("{} = {} ({}) {}", rule.attribute, rule.value.text(), rule.precedence, rule.place.as_ref().unwrap()))
        .collect();
    assert_eq!(rules, ["department = record.dept (0) a.yaml:25:5", "title = record.job (7) a.yaml:17:7"]);
    assert_eq!(source.completeness.max_shrink_share, Some(0.025));
    assert_eq!(source.completeness.max_age, Some(SignedDuration::from_hours(36)));
    let target = &policy.targets[0];
    assert_eq!(target.guardrails.overrides[0].expires.to_string(), "2027-01-31");
    assert_eq!((target.protect.accounts[0].as_ref(), target.protect.keep[0].1), ("root", 2));
    let limit = &target.guardrails.limits[&Guardrail::Delete];
    assert_eq!((limit.count, limit.percent, limit.max, limit.place.is_some()), (2, Some(1.0), Some(9), true));
}

#[test]
fn the_scope_s_hash_follows_connection_and_filter_only() {
    let hash = |rest: &str| policy(&[&source("hr", rest)]).sources[0].scope_hash;
    let mapping = "  mapping: {rules: [{attribute: userName, value: record.login}]}";
    let other = "  precedence: 3\n  mapping: {rules: [{attribute: title, value: record.login}]}";
    assert_eq!(hash(mapping), hash(other));
    assert_ne!(hash(mapping), hash(&format!("  scope: {{filter: record.a == \"x\"}}\n{mapping}")));
}

#[test]
fn users_and_groups_have_keys_and_states() {
    let hr = source("hr", "  mapping: {rules: [{attribute: userName, value: record.login}]}");
    let policy = policy(&[
        &hr,
        "kind: User\nmetadata: {name: jane}\nspec:\n  attributes: {userName: jane, title: ~, endDate: 2027-03-31, manager: hr/7}\n",
        "kind: User\nmetadata: {name: boss}\nspec:\n  overrides: {source: hr, key: \"7\"}\n  attributes: {title: Boss}\n",
        "kind: Group\nmetadata: {name: eng, labels: {chat: \"yes\"}}\nspec:\n  displayName: Engineering\n  rule: identity.department == \"Eng\"\n  members:\n  - {user: jane, until: 2027-03-31}\n  - {user: boss}\n  - {group: sre}\n  - {identity: {source: hr, key: \"9\"}}\n",
        "kind: Group\nmetadata: {name: sre}\nspec: {displayName: SRE, rule: identity.title == \"SRE\"}\n",
    ]);
    let [boss, jane] = policy.users.as_slice() else { panic!() };
    assert_eq!((jane.key.as_ref(), jane.standalone, boss.key.as_ref(), boss.standalone), ("user/jane", true, "hr/7", false));
    assert!(jane.attributes.contains(&("title".into(), ValueState::Clear)));
    assert!(jane.attributes.contains(&("manager".into(), ValueState::Set(crate::model::Value::Reference("hr/7".into())))));
    let group = &policy.groups[0];
    let members: Vec<_> = group
        .members
        .iter()
        .map(|member| format!("{} {:?} {}", member.key, member.until.map(|day| day.to_string()), member.place.line))
        .collect();
    assert_eq!(members, [r#"user/jane Some("2027-03-31") 34"#, "hr/7 None 35", "group/sre None 36", "hr/9 None 37"]);
    assert_eq!((group.rule_place.as_ref().unwrap().line, group.labels.get("chat").map(AsRef::as_ref)), (32, Some("yes")));
}

#[test]
fn every_problem_is_told_at_once_inside_the_text_it_stands_in() {
    let hr = source(
        "hr",
        "  completeness: {maxShrink: 100%}\n  mapping:\n    rules:\n    - {attribute: userName, value: 'lowr(record.a) + record.b', mode: initial}\n    - attribute: title\n      value: |\n        record.job == \"x\"\n          ? identity.a : \"b\"",
    );
    let chat = target(
        "  select: identity.departmnt == \"Sales\"\n  groups: {select: group.nme == \"x\"}\n  leaver: {action: delete, deleteAfter: 1d}\n  guardrails:\n    delete: {}\n    update: {max: 3}\n    create: {percent: 100}\n    overrides: [{guardrail: removeMembers, changes: \"\", reason: r, expires: 2027-01-01}]\n  protect: {rule: account.usrName == \"root\"}\n  mapping:\n    rules:\n    - {attribute: title, value: identity.title, precedence: 3}\n    - {attribute: title, value: identity.userType}",
    );
    let jane = "kind: User\nmetadata: {name: jane}\nspec:\n  attributes: {manager: bob}\n";
    let staff = "kind: Group\nmetadata: {name: staff}\nspec: {displayName: \" \", rule: identity.lifecycl == \"active\"}\n";
    let lost = source(
        "lost",
        "  establishes: false\n  correlate: [employeeNumber]\n  precedence: 1000\n  mapping: {rules: [{attribute: nickName, value: record.nick}]}",
    );
    let hr = hr.replace("  completeness", "  establishes: true\n  completeness");
    assert_snapshot!(told(&[WORKSPACE, &hr, &chat, jane, staff, &lost]), @r###"
    a.yaml:13:29: error: this would let everybody vanish at once (write less than 100%; `minCount` says how few records a complete read has) [4]
    a.yaml:16:37: error: there is no function `lowr` (did you mean lower?) [4]
    a.yaml:16:71: warning: `mode` says nothing in a Source (put it into the Target's mapping) [7]
    a.yaml:20:13: error: nothing is called `identity` here (only `record` is known here) [8]
    a.yaml:27:11: error: nothing is called `identity.departmnt` (did you mean identity.department?) [18]
    a.yaml:28:20: error: nothing is called `group.nme` (did you mean group.name?) [9]
    a.yaml:29:41: error: `deleteAfter` counts from a deactivation, and the action is another (use `action: deactivate`, or leave it out) [2]
    a.yaml:31:5: error: this limit says nothing (give `count`, `percent`, or both; `count: 0` refuses everything) [6]
    a.yaml:32:5: error: `max` alone allows nothing (add `count` or `percent`; `max` caps them) [6]
    a.yaml:33:23: error: this share would limit nothing (write less than 100; to let one set of changes past, use an override) [3]
    a.yaml:34:53: error: an override is given for one set of changes, by its hash (the refusal prints overrides ready to paste: `changes` for one set of changes, `atMost` for a bound) [2]
    a.yaml:35:19: error: nothing is called `account.usrName` (did you mean account.userName?) [15]
    a.yaml:38:61: warning: `precedence` says nothing in a Target (put it into the Source's mapping) [1]
    a.yaml:39:7: error: there is a second rule for `title` (write one rule that decides: condition ? this : that) [1]
        a.yaml:38:7: the first one
    a.yaml:45:25: error: this is no identity's key (write the source and the key (`hr/10023`), or `user/<name>` for a User) [3]
    a.yaml:50:21: error: a group needs a name (its name at the targets) [3]
    a.yaml:50:32: error: nothing is called `identity.lifecycl` (did you mean identity.lifecycle?) [17]
    a.yaml:59:15: error: `employeeNumber` is to find the identity, and no rule of this Source maps it (add a rule for it) [14]
    a.yaml:60:15: warning: precedence 1000 outranks User manifests, which have 1000 (use a smaller number unless that is meant) [4]
    "###);
}

#[test]
fn two_mappings_may_not_give_one_attribute() {
    let mapping = |name: &str| {
        format!("kind: AttributeMapping\nmetadata: {{name: {name}}}\nspec: {{rules: [{{attribute: title, value: record.job}}]}}\n")
    };
    let hr = source("hr", "  mapping: {from: [one, two]}");
    assert_snapshot!(told(&[WORKSPACE, &hr, &mapping("one"), &mapping("two")]), @r#"a.yaml:22:16: error: `title` is mapped by two of the AttributeMappings `one` and `two` (keep it in one of them, or write a rule in place, which wins) [1]"#);
}

#[test]
fn a_workspace_must_be_there() {
    assert_snapshot!(told(&[&target("")]), @r##"
    error: there is no Workspace: its id marks what belongs to headcount at every target (add one:
    apiVersion: headcount.dev/v1alpha1
    kind: Workspace
    metadata: {name: acme}
    spec: {id: acme}) [0]
    "##);
    assert_snapshot!(told(&["kind: Workspace\nmetadata: {name: a}\nspec: {id: a b}\n"]), @r#"a.yaml:4:12: error: this is no workspace id (letters, digits, `-`, `_` and `.`, at most 64, such as `acme-prod`) [3]"#);
}

#[test]
fn an_e_mail_address_as_key_is_a_warning() {
    let hr = "kind: Source\nmetadata: {name: hr}\nspec:\n  connection: {file: {path: a.csv}}\n  key: record.email\n  mapping: {rules: [{attribute: userName, value: record.login}]}\n";
    assert_snapshot!(told(&[WORKSPACE, hr]), @"a.yaml:11:8: warning: an e-mail address is no key: people change it, and others get it later (use the immutable id) [12]");
}

#[test]
fn a_count_stays_comparable_until_other_records_are_chosen() {
    let scope = |connection: &str, rest: &str| {
        let text =
            format!("apiVersion: headcount.dev/v1alpha1\nkind: Source\nmetadata: {{name: hr}}\nspec:\n  connection: {connection}\n{rest}");
        let (loaded, problems) = crate::manifest::load(&[crate::manifest::ManifestInput::stdin(text.into_bytes())]);
        assert!(problems.is_empty(), "{problems:#?}");
        super::source::scope_hash(&loaded.sources[0].spec)
    };
    let rules = "  mapping: {rules: [{attribute: userName, value: record.login}]}\n";
    let key = &format!("  key: record.id\n{rules}");
    let base = scope("{scim: {url: 'https://hr.example/scim'}}", key);
    let same = [
        scope("{scim: {url: 'https://hr.example/scim/', timeout: 10s, pageSize: 50, auth: {bearer: {env: OTHER}}}}", key),
        scope(
            "{scim: {url: 'https://hr.example/scim'}}",
            "  key: record.id\n  mapping: {rules: [{attribute: userName, value: record.other}]}\n",
        ),
    ];
    assert_eq!(same, [base, base]);
    let others = [
        scope("{scim: {url: 'https://other.example/scim'}}", key),
        scope("{scim: {url: 'https://hr.example/scim'}}", &format!("  key: record.number\n{rules}")),
        scope("{scim: {url: 'https://hr.example/scim'}}", &format!("{key}  scope: {{filter: 'record.kind == \"staff\"'}}\n")),
    ];
    assert!(others.iter().all(|other| *other != base));
    let file = |more: &str| scope(&format!("{{file: {{path: hr.csv{more}}}}}"), key);
    assert_eq!(file(""), file(", mayBeEmpty: [phone], delimiter: ';', encoding: latin1, format: csv"));
    let others = ["records: /people", "sheet: Staff", "sheetNumber: 2", "skip: 2", "footer: 1"].map(|more| file(&format!(", {more}")));
    assert!(others.iter().all(|other| *other != file("")));
    let table = |more: &str, rest: &str| {
        scope(
            &format!("{{sql: {{database: {{sqlite: {{path: hr.db}}}}, accounts: {{table: people, key: id{more}}}}}}}"),
            &format!("{key}{rest}"),
        )
    };
    assert_eq!(table("", ""), table(", columns: {userName: login}, active: {flag: is_active}", ""));
    assert_ne!(table("", ""), table(", only: {kind: staff}", ""), "the rows that are seen at all");
    assert_ne!(table("", ""), scope("{sql: {database: {sqlite: {path: other.db}}, accounts: {table: people, key: id}}}", key));
    assert_ne!(table("", ""), scope("{sql: {database: {sqlite: {path: hr.db}}, accounts: {table: staff, key: id}}}", key));
    assert_ne!(table("", ""), table("", "  valid: {from: record.from, to: record.to}\n"), "the rows that count on a day");
}

fn mapped(policy: &Policy) -> Vec<String> {
    let one = |rule: &Rule| format!("{} = {}{}", rule.attribute, rule.value.text(), if rule.place.is_none() { " (default)" } else { "" });
    policy.targets[0].rules.iter().filter(|rule| rule.counts()).map(one).collect()
}

#[test]
fn a_targets_mapping_adds_to_the_connectors_and_overrides_it() {
    let both = "{attribute: userName, value: record.login}, {attribute: displayName, value: record.name}";
    let hr = source("hr", &format!("  mapping: {{rules: [{both}, {{attribute: title, value: record.job}}]}}"));
    let of = |rest: &str| mapped(&policy(&[&hr, &target(rest)]));
    let (name, shown) = ("userName = identity.userName (default)", "displayName = identity.displayName (default)");
    assert_eq!(of(""), [shown, name]);
    assert_eq!(of("  mapping: {rules: []}"), [shown, name]);
    let title = "  mapping: {rules: [{attribute: title, value: identity.title}]}";
    assert_eq!(of(title), [shown, "title = identity.title", name], "it adds");
    let own = "  mapping: {rules: [{attribute: displayName, value: identity.title}]}";
    assert_eq!(of(own), ["displayName = identity.title", name], "it overrides");
    assert_eq!(of("  mapping: {rules: [{attribute: displayName, mode: ignore}]}"), [name], "it drops one");
    assert_eq!(of("  mapping: {defaults: none, rules: [{attribute: userName, value: identity.title}]}"), ["userName = identity.title"]);
}

#[test]
fn a_default_that_nobody_could_give_says_nothing() {
    let hr = source("hr", "  mapping: {rules: [{attribute: userName, value: record.login}]}");
    let named = "kind: User\nmetadata: {name: ada}\nspec: {attributes: {displayName: Ada}}\n";
    assert_eq!(mapped(&policy(&[&hr, &target("")])), ["userName = identity.userName (default)"]);
    assert_eq!(mapped(&policy(&[&hr, named, &target("")])).len(), 2, "a User gives it");
}

#[test]
fn a_rule_without_a_value_only_leaves_alone() {
    let hr = source("hr", "  mapping: {rules: [{attribute: userName, mode: ignore}]}");
    assert_snapshot!(told(&[WORKSPACE, &hr, &target("  mapping: {rules: [{attribute: title}]}")]), @r"
    a.yaml:12:21: error: the rule for `userName` has no `value` (write what it comes to: `value: identity.title`, in a Source `value: record.title`; or, in a Target, `mode: ignore` to leave it alone) [1]
    a.yaml:12:49: warning: `mode` says nothing in a Source (put it into the Target's mapping) [6]
    a.yaml:19:21: error: the rule for `title` has no `value` (write what it comes to: `value: identity.title`, in a Source `value: record.title`; or, in a Target, `mode: ignore` to leave it alone) [1]
    ");
}

#[test]
fn a_target_that_can_give_no_user_name_is_an_error_before_anything_is_reached() {
    let named = source("hr", "  mapping: {rules: [{attribute: userName, value: record.login}]}");
    let nameless = source("hr", "  mapping: {rules: [{attribute: displayName, value: record.name}]}");
    let told = |hr: &str, rest: &str| match build_for(&Strict, &[WORKSPACE, hr, &target(rest)]) {
        Ok(_) => "sound".to_owned(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    assert_snapshot!(told(&nameless, ""), @"a.yaml:18:3: error: accounts can't be made here: they need `userName`, and no rule gives it (no Source and no User gives `userName`: add a rule for it to a Source, or one here that makes it of something else; where no accounts are ever made, say `guardrails: {create: {count: 0}}`)");
    assert_snapshot!(told(&named, "  mapping: {defaults: none}"), @"a.yaml:19:3: error: accounts can't be made here: they need `userName`, and no rule gives it (add the rule `{attribute: userName, value: identity.userName}`; where no accounts are ever made, say `guardrails: {create: {count: 0}}`)");
    assert_snapshot!(told(&named, "  mapping: {rules: [{attribute: userName, mode: ignore}]}"), @"a.yaml:19:3: error: accounts can't be made here: they need `userName`, and no rule gives it (add the rule `{attribute: userName, value: identity.userName}`; where no accounts are ever made, say `guardrails: {create: {count: 0}}`)");
    let made = "  mapping: {rules: [{attribute: userName, value: 'lower(identity.displayName)'}]}";
    for (hr, rest) in
        [(&named, ""), (&nameless, made), (&nameless, "  guardrails: {create: {count: 0}}"), (&nameless, "  ownership: observe")]
    {
        assert_eq!(told(hr, rest), "sound", "{rest}");
    }
    assert!(build_for(&Strict, &[WORKSPACE, &target("")]).is_ok(), "nobody is there yet");
}

#[test]
fn rules_that_use_each_other_and_what_nobody_gives_are_errors() {
    let hr = source("hr", "  mapping: {rules: [{attribute: userName, value: record.login}]}");
    let told = |rules: &str| told(&[WORKSPACE, &hr, &target(&format!("  mapping: {{rules: [{rules}]}}"))]);
    assert_snapshot!(told("{attribute: title, value: account.nickName}, {attribute: nickName, value: account.title}, {attribute: emails, value: account.title}"), @"a.yaml:19:66: error: the rules for `nickName` and `title` use each other's outcome (let one of them use `identity` instead of `account`) [1]");
    let own = told("{attribute: title, value: 'account.title + \"x\"'}");
    assert!(own.contains("the rule for `title` uses its own outcome"), "{own}");
    let lacking = told("{attribute: title, value: account.department}, {attribute: emails, value: account.userNam}");
    assert!(lacking.contains("`title` uses account.department, and no rule of this Target gives it"), "{lacking}");
    assert!(lacking.contains("nothing is called `account.userNam` (did you mean account.userName?)"), "{lacking}");
    assert_eq!(told("{attribute: title, value: account.userName}"), "", "the connector's default is a rule too");
}

#[test]
fn what_could_not_be_taken_is_told_once_and_nothing_is_called_missing_for_it() {
    let whole = |hr: &str, chat: &str| {
        let hr = source("hr", &format!("  mapping: {{rules: [{{attribute: userName, value: record.login}}]}}\n{hr}"));
        [WORKSPACE, &hr, &target(chat)].map(|document| format!("{HEAD}{document}")).join("---\n")
    };
    let broken = [
        whole("", "  guardrails: {delete: {percent: 20%}}"),
        whole("", "  guardrails: {delete: {precent: 20}}"),
        whole("", "  guardrails: {delete: {count: }}"),
        whole("", "  guardrails: {delete: {max: 3, count: 1.5}}"),
        whole("", "  guardrails: {overrides: [{guardrail: delete, atMots: {count: 5}, reason: merger, expires: 2027-01-31}]}"),
        whole("", "  mapping: {rules: [{attribute: title, value: [identity.title]}]}"),
        whole("", "  mapping: {rules: [{attribute: title, valeu: identity.title}]}"),
        whole("  establishes: false\n  corelate: [userName]", ""),
        whole("", "").replace("value: record.login", "valeu: record.login"),
        whole("", "").replace("mapping: {rules", "maping: {rules"),
        whole("", "  signIn: [title]\n  mapping: {form: [shared]}"),
        whole("", "  mapping: {rules: [{attribute: emails, value: account.title}], form: [shared]}"),
    ];
    for text in broken {
        let told = told_of(&text);
        let errors = told.iter().filter(|line| line.contains(": error: ")).count();
        assert_eq!(errors, 1, "{text}\n{told:#?}");
    }
    // Where nothing else is wrong, what is missing is missing.
    assert_eq!(told_of(&whole("", "  guardrails: {delete: {}, create: {count: 1, percent: 2%}}")).len(), 2);
}

#[test]
fn each_document_is_scanned_as_often_for_many_rules_as_for_one() {
    let scans = |rules: usize| {
        let rule = |at: usize| format!("    - {{attribute: custom.a{at}, value: identity.title, precedence: 1}}\n");
        let rules: String = (0..rules).map(rule).collect();
        let hr = source("hr", "  mapping: {rules: [{attribute: title, value: record.job}]}");
        let text = [WORKSPACE, &hr, &target(&format!("  mapping:\n    rules:\n{rules}"))].map(|text| format!("{HEAD}{text}")).join("---\n");
        let (loaded, problems) = load(&[ManifestInput::Text { name: "a.yaml".into(), base: PathBuf::new(), bytes: text.into_bytes() }]);
        assert_eq!(problems, []);
        let before = loaded.scans();
        assert!(compile(&loaded, &Facts).is_ok_and(|(_, warnings)| !warnings.is_empty()));
        loaded.scans() - before
    };
    assert_eq!(scans(1), scans(200));
}

#[test]
fn what_a_record_is_named_by_is_an_attribute_of_the_same_source() {
    let with = |rules: &str| {
        told(&[WORKSPACE, &source("hr", &format!("  mapping: {{rules: [{{attribute: userName, value: record.login}}, {rules}]}}"))])
    };
    assert_eq!(with("{attribute: manager, value: record.boss, by: userName}"), "");
    assert_snapshot!(
        [
            with("{attribute: manager, value: record.boss, by: emails}"),
            with("{attribute: title, value: record.boss, by: userName}"),
            with("{attribute: manager, value: record.boss, by: email}"),
            with("{attribute: manager, value: record.boss, by: manager}"),
        ]
        .join("\n"),
        @"
        a.yaml:12:65: error: `manager` names another record by `emails`, and no rule of the Source `hr` maps that (add a rule for `emails` to the same Source) [1]
        a.yaml:12:108: error: `by` says how a record names another one, and `title` names none (leave it out; it is for `manager`) [8]
        a.yaml:12:110: error: `email` is no attribute by which a record can be named (name one that this Source maps, such as `emails`; without `by` the value is a record's key) [5]
        a.yaml:12:110: error: `manager` is no attribute by which a record can be named (name one that this Source maps, such as `emails`; without `by` the value is a record's key) [7]
        "
    );
}

/// A directory, as policy knows it without reaching it.
struct OfDirectory;

impl ConnectorFacts for OfDirectory {
    fn of_target(&self, target: &TargetSpec) -> TargetFacts {
        let container = crate::model::ValueLimit { form: crate::model::ValueForm::Container, ..Default::default() };
        let limits = [("container".into(), container)].into();
        TargetFacts { limits, unique: ["displayName".into()].into(), ..Facts.of_target(target) }
    }
}

#[test]
fn what_a_deactivation_sets_must_be_something_that_many_can_have_and_the_target_takes() {
    let rules = "  mapping:\n    rules:\n    - {attribute: container, value: identity.department}\n    - {attribute: title, value: identity.title, unique: true}\n";
    let told = |set: &str| {
        let chat = target(&format!("  leaver: {{action: deactivate, set: {{{set}}}}}\n{rules}"));
        match build_for(
            &OfDirectory,
            &[WORKSPACE, &source("hr", "  mapping: {rules: [{attribute: userName, value: record.login}]}"), &chat],
        ) {
            Ok((_, told)) | Err(told) => told.iter().map(ToString::to_string).collect::<String>(),
        }
    };
    let right = told("container: 'OU=Gone\\, EMEA,OU=Berlin'");
    assert!(!right.contains("deactivated"), "{right}");
    for set in ["container: Leavers", "container: 'OU=Gone, EMEA'", "container: 'OU='"] {
        let told = told(set);
        assert!(told.contains("the `container` of a deactivated account is no name of a container"), "{set}: {told}");
    }
    for set in ["userName: gone", "displayName: Gone", "title: Gone"] {
        let told = told(set);
        assert!(told.contains("no two accounts can have one") && told.contains("whoever leaves keeps what they have"), "{set}: {told}");
    }
}
