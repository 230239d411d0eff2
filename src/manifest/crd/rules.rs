//! What one object says and must not, as CEL: each rule with the words that the command line has for it.
//!
//! Must never: look at another object; what names of others mean, `checks/` and the policy tell when headcount loads them. The table in `tests/objects.rs` holds these words and
//! the command line's beside each other.

use serde_json::{Value, json};

use super::forms::Form;
use super::walk;
use crate::model::RESERVED;

/// One rule.
pub(super) struct Rule {
    /// CEL that holds
    rule: String,
    words: String,
    /// the words say `{name}` for what the object is called
    names: bool,
    /// what below the value it is about
    field: Option<&'static str>,
}

impl Rule {
    pub fn new(rule: &str, message: &str, hint: &str) -> Self {
        Self { rule: rule.to_owned(), words: format!("{message} ({hint})"), names: false, field: None }
    }

    /// The same at the root, whose words say `{name}` for what the object is called.
    fn naming(rule: &str, message: &str, hint: &str) -> Self {
        Self { names: true, ..Self::new(rule, message, hint) }
    }

    /// The same about something below the value.
    fn field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    pub fn apply(&self, schema: &mut Value) {
        let mut rule = json!({ "rule": self.rule });
        if self.names {
            let parts: Vec<String> = self.words.split("{name}").map(quoted).collect();
            rule["messageExpression"] = json!(parts.join(" + self.metadata.name + "));
        }
        // Told where the expression can't be worked out, too.
        rule["message"] = json!(self.words.replace("`{name}`", "it"));
        if let Some(field) = self.field {
            rule["fieldPath"] = json!(field);
        }
        match schema.get_mut("x-kubernetes-validations").and_then(Value::as_array_mut) {
            Some(rules) => rules.push(rule),
            None => schema["x-kubernetes-validations"] = json!([rule]),
        }
    }
}

/// A text of CEL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Puts a kind's rules into its schema.
pub(super) fn apply(kind: &str, schema: &mut Value) {
    for (form, path) in forms(kind) {
        for found in walk::at(schema, &format!("spec.{path}")) {
            form.apply(found);
        }
    }
    for (path, rule) in rules(kind) {
        for found in walk::at(schema, path) {
            rule.apply(found);
        }
    }
    if let Some(rules) = walk::at(schema, "spec.mapping.rules").pop().filter(|_| kind == "Target") {
        rules["x-kubernetes-list-type"] = json!("map");
        rules["x-kubernetes-list-map-keys"] = json!(["attribute"]);
    }
    if let Some(receivers) = walk::at(schema, "spec.notifications").pop() {
        receivers["x-kubernetes-list-type"] = json!("map");
        receivers["x-kubernetes-list-map-keys"] = json!(["name"]);
    }
    if !matches!(kind, "Connector" | "ConnectorTest" | "Persona") {
        of_a_cluster(schema);
    }
}

/// Values with a form of their own, by where they stand.
fn forms(kind: &str) -> Vec<(Form, &'static str)> {
    use Form::{Amount, Bytes, Date, Days, Duration, Length, Minute, Zone};
    match kind {
        "Workspace" => vec![(Zone, "timeZone"), (Bytes, "maxRead"), (Date, "removals.expires")],
        "Source" => vec![
            (Amount, "completeness.maxShrink"),
            (Duration, "completeness.maxAge"),
            (Date, "lifecycle.sharedEnd"),
            (Length, "interval"),
            (Length, "fullInterval"),
            (Duration, "connection.*.timeout"),
            (Bytes, "connection.*.maxBody"),
            (Duration, "connection.inbox.quietAfter"),
        ],
        "Target" => vec![
            (Duration, "leaver.deleteAfter"),
            (Duration, "absent.deleteAfter"),
            (Duration, "deselected.deleteAfter"),
            (Duration, "suspended.deleteAfter"),
            (Duration, "names.reuseAfter"),
            (Days, "preHire.before"),
            (Duration, "guardrails.window"),
            (Date, "guardrails.overrides[].expires"),
            (Length, "interval"),
            (Length, "fullInterval"),
            (Length, "approval.expires"),
            (Minute, "windows[].*.from"),
            (Minute, "windows[].*.to"),
            (Date, "suspend.until"),
            (Duration, "connection.*.timeout"),
            (Bytes, "connection.*.maxBody"),
        ],
        "Group" => vec![(Date, "members[].until"), (Date, "exclude[].until"), (Date, "owners[].until")],
        "Entitlement" => vec![(Date, "members[].until")],
        "Revocation" => vec![(Date, "until"), (Date, "identities[].until")],
        "PlanApproval" => vec![(Date, "expires")],
        "Persona" => vec![(Date, "asOf")],
        _ => Vec::new(),
    }
}

/// Where a kind's rules and forms stand.
#[cfg(test)]
pub(super) fn places(kind: &str) -> Vec<String> {
    let forms = forms(kind).into_iter().map(|(_, path)| format!("spec.{path}"));
    forms.chain(rules(kind).into_iter().map(|(path, _)| path.to_owned())).collect()
}

fn rules(kind: &str) -> Vec<(&'static str, Rule)> {
    match kind {
        "Workspace" => workspace(),
        "Source" => source(),
        "Target" => target(),
        "User" => user(),
        "Group" => group(),
        "Entitlement" => entitlement(),
        "Revocation" => revocation(),
        "Plan" => vec![("spec", Rule::new("self == oldSelf", "a plan is never changed", "another one is written in its place"))],
        "PlanApproval" => plan_approval(),
        "Persona" => persona(),
        _ => Vec::new(),
    }
}

/// Said, and not only in blanks.
const SAID: &str = "self.matches('[^ \\\\t\\\\n]')";

fn workspace() -> Vec<(&'static str, Rule)> {
    let plain = "letters, digits, `-`, `_` and `.`, at most 64, such as `acme-prod`";
    vec![
        ("spec.id", Rule::new("self.matches('^[A-Za-z0-9._-]{1,64}$')", "this is no workspace id", plain)),
        // The command line sees no former document; there the marks at the targets tell.
        (
            "spec.id",
            Rule::new(
                "self == oldSelf",
                "the id of a workspace never changes: it stands in every mark at a target",
                "make another Workspace in another namespace",
            ),
        ),
        ("spec.removals.reason", Rule::new(SAID, "is no reason", "say for the reviewer why this may go")),
    ]
}

fn source() -> Vec<(&'static str, Rule)> {
    let mut rules = vec![
        (
            "",
            Rule::naming(
                &format!("!(self.metadata.name in ['{}'])", RESERVED.join("', '")),
                "a Source can't be called `{name}`: keys that begin with `{name}` are no records",
                "name it by its system, such as `hr`",
            ),
        ),
        (
            "",
            Rule::naming(
                "!has(self.spec.establishes) || self.spec.establishes || (has(self.spec.correlate) && size(self.spec.correlate) > 0)",
                "the Source `{name}` does not establish identities and does not say how its records find theirs",
                "add `correlate:` with attributes in order, such as `[employeeNumber]`",
            ),
        ),
    ];
    rules.push((
        "spec",
        Rule::new(
            "!has(self.connection.inbox) || !has(self.previousNames) || size(self.previousNames) == 0",
            "what a system pushed, and its tokens, stay under the Source's name: a Source with an inbox keeps it",
            "give it the name back that the system pushes to",
        ),
    ));
    rules.extend(address("spec.connection.scim", true, "write the base of the SCIM service: https://chat.example/scim/v2"));
    rules
}

fn target() -> Vec<(&'static str, Rule)> {
    let mut rules = vec![
        (
            "spec.guardrails.*.percent",
            Rule::new("self >= 0.0 && self <= 100.0", "is no share", "write per cent of the population: 0 to 100"),
        ),
        (
            "spec.guardrails.*.percent",
            Rule::new(
                "self != 100.0",
                "this share would limit nothing",
                "write less than 100; to let one set of changes past, use an override",
            ),
        ),
        ("spec.guardrails.overrides[].reason", Rule::new(SAID, "is no reason", "say for the reviewer why this may pass")),
        (
            "spec.guardrails.overrides[]",
            Rule::new(
                "!(has(self.changes) && has(self.atMost))",
                "an override has `changes` or `atMost`, not both",
                "the refusal prints overrides ready to paste: `changes` for one set of changes, `atMost` for a bound",
            ),
        ),
        (
            "spec.guardrails.overrides[]",
            Rule::new(
                "has(self.changes) || has(self.atMost)",
                "this override lets nothing past",
                "the refusal prints overrides ready to paste: `changes` for one set of changes, `atMost` for a bound",
            ),
        ),
        (
            "spec.limits.concurrency",
            Rule::new("self > 0", "is no number of requests", "with 0 requests at once nothing would be written; write 1 or more"),
        ),
        (
            "spec.limits.perSecond",
            Rule::new("self > 0.0 && self <= 100000.0", "is no rate", "write how many requests a second, more than 0"),
        ),
        ("spec.limits.burst", Rule::new("self > 0", "is no number of requests", "at least one has to go; write 1 or more")),
        (
            "spec.limits",
            Rule::new(
                "!has(self.burst) || has(self.perSecond)",
                "is no burst",
                "it is what a rate allows at once; write `perSecond` beside it, or leave it out",
            )
            .field(".burst"),
        ),
        (
            "spec.approval.for",
            Rule::new(
                "size(self) > 0",
                "is no list of changes",
                "write `[destructive]`, or leave `approval` out where nothing has to be approved",
            ),
        ),
        (
            "spec.approval.count",
            Rule::new(
                "self >= 1 && self <= 20",
                "is no number of people",
                "write 1 to 20; where nobody has to approve, leave `approval` out",
            ),
        ),
        ("spec.suspend.reason", Rule::new(SAID, "is no reason", "say why, for whoever looks")),
        (
            "spec.previousSystems[]",
            Rule::new(
                "self.matches('^[0-9a-fA-F]{1,16}$')",
                "is no number of a system",
                "write it as the finding printed it, such as 9f3c0a…",
            ),
        ),
    ];
    for departure in ["spec.leaver", "spec.absent", "spec.deselected", "spec.suspended"] {
        rules.push((
            departure,
            Rule::new(
                "!has(self.deleteAfter) || !has(self.action) || self.action == 'deactivate'",
                "`deleteAfter` counts from a deactivation, and the action is another",
                "use `action: deactivate`, or leave it out",
            ),
        ));
    }
    rules.extend(address("spec.connection.scim", true, "write the base of the SCIM service: https://chat.example/scim/v2"));
    rules.extend(address("spec.connection.webhook", false, "write where events are posted to: https://app.example/hooks/headcount"));
    rules
}

/// The address of a service; `open` where it may be told to send credentials over plain http.
fn address(at: &'static str, open: bool, hint: &str) -> Vec<(&'static str, Rule)> {
    let here = "self.url.matches('^http://(localhost|127[.]0[.]0[.]1|[[]::1[]])([:/?]|$)')";
    let plain = if open {
        format!("!has(self.auth) || !self.url.startsWith('http://') || (has(self.allowPlainHttp) && self.allowPlainHttp) || {here}")
    } else {
        format!("!self.url.startsWith('http://') || {here}")
    };
    let secret = "take it out, change it, and sign in with `auth: {basic: {username: …, password: {env: NAME}}}` or `bearer`";
    vec![
        (at, Rule::new("self.url.contains('://')", "the url has no scheme", hint)),
        (at, Rule::new("!self.url.contains('://') || self.url.matches('^(?i)https?://')", "the url must begin with https://", hint)),
        (at, Rule::new("!self.url.contains('#')", "the url must end with its path, without #", hint)),
        (at, Rule::new("!self.url.matches('^[^/?#]*//[^/?#]*@')", "the URL holds a secret", secret)),
        (
            at,
            Rule::new(
                &plain,
                "credentials would go over plain http, where anybody on the way reads them",
                "use https; where the way is safe, say `allowPlainHttp: true`",
            ),
        ),
    ]
}

fn user() -> Vec<(&'static str, Rule)> {
    let key = "write the source and the key (`old-hr/10023`), or `user/<name>` for a User";
    vec![("spec.formerKeys[]", Rule::new("self.matches('^[^/]+/.*[^ ]')", "this is no identity's key", key))]
}

fn group() -> Vec<(&'static str, Rule)> {
    let value = "write `{value}` where the value goes: `Team {value}`";
    let many = "add `forEach`, such as `forEach: identity.department`, or take it out";
    let mut rules = vec![
        (
            "",
            Rule::naming(
                "!has(self.spec.members) || size(self.spec.members) > 0 || has(self.spec.rule) || has(self.spec.forEach) || (has(self.spec.allowEmpty) && self.spec.allowEmpty)",
                "the Group `{name}` has an empty list of members and no rule: everybody would be removed",
                "add `allowEmpty: true` to the spec if that is meant, or leave `members` out to leave them alone",
            ),
        ),
        (
            "spec",
            Rule::new(
                "!has(self.forEach) || self.displayName.contains('{value}')",
                "with `forEach` each group needs a name of its own",
                value,
            ),
        ),
        (
            "spec",
            Rule::new(
                "!has(self.forEach) || !has(self.previousNames) || self.previousNames.all(name, name.contains('{value}'))",
                "with `forEach` each group has a former name of its own",
                value,
            ),
        ),
        (
            "spec",
            Rule::new(
                "!has(self.forEach) || !has(self.members)",
                "with `forEach` members come from the value alone",
                "take it out; a Group of its own can name people, and `{group: ...}` for all of these",
            ),
        ),
        (
            "spec",
            Rule::new("has(self.forEach) || !self.displayName.contains('{value}')", "`{value}` means something only with `forEach`", many),
        ),
        ("spec", Rule::new("has(self.forEach) || !has(self.except)", "`except` means something only with `forEach`", many)),
        ("spec", Rule::new("has(self.forEach) || !has(self.previousValues)", "`previousValues` means something only with `forEach`", many)),
        ("spec.displayName", Rule::new(SAID, "a group needs a name", "its name at the targets")),
    ];
    for list in ["spec.members[]", "spec.exclude[]", "spec.owners[]"] {
        rules.extend(member(list));
    }
    rules
}

/// One thing is named.
fn member(list: &'static str) -> Vec<(&'static str, Rule)> {
    let hint = "one entry of the list for each of them";
    let none = "has(self.user) || has(self.identity) || has(self.group)";
    let several =
        "!(has(self.user) && has(self.identity)) && !(has(self.user) && has(self.group)) && !(has(self.identity) && has(self.group))";
    vec![
        (list, Rule::new(none, "a member needs one of `user`, `identity` and `group`", hint)),
        (list, Rule::new(several, "a member takes only one of `user`, `identity` and `group`", hint)),
    ]
}

fn people_only(list: &'static str) -> Vec<(&'static str, Rule)> {
    let mut rules = member(list);
    rules.push((list, Rule::new("!has(self.group)", "only people can be named here, not groups", "name each by `user` or `identity`")));
    rules
}

fn entitlement() -> Vec<(&'static str, Rule)> {
    let mut rules = people_only("spec.members[]");
    rules.push((
        "",
        Rule::naming(
            "has(self.spec.when) || (has(self.spec.members) && size(self.spec.members) > 0)",
            "the Entitlement `{name}` has neither `when` nor `members`: whoever has it would lose it",
            "say who gets it, or write `when: \"false\"` if nobody should",
        ),
    ));
    rules
}

fn revocation() -> Vec<(&'static str, Rule)> {
    let mut rules = people_only("spec.identities[]");
    rules.push((
        "",
        Rule::naming(
            "(has(self.spec.identities) && size(self.spec.identities) > 0) || (has(self.spec.accounts) && size(self.spec.accounts) > 0)",
            "the Revocation `{name}` names nobody",
            "write whom it cuts off into `identities`, or an account that nobody has into `accounts`; to give access back, remove the document",
        ),
    ));
    rules.push(("spec.reason", Rule::new(SAID, "is no reason", "say why, for whoever reads this later")));
    rules
}

fn plan_approval() -> Vec<(&'static str, Rule)> {
    vec![
        // The command line reads what stands there now; an object's history is the cluster's.
        ("spec", Rule::new("self == oldSelf", "an approval is never changed", "delete it and make another")),
        (
            "spec.plan",
            Rule::new(
                "self.matches('^[0-9a-fA-F]{64}$')",
                "is no hash of a plan",
                "write all 64 digits, as `headcount status -o json` tells them",
            ),
        ),
        ("spec.approver", Rule::new(SAID, "is no approver", "say who approves, as commits name them: `mara@acme.example`")),
        ("spec.reason", Rule::new(SAID, "is no reason", "say why, for whoever reads this later")),
        ("spec.targets", Rule::new("size(self) > 0", "is no list of Targets", "name the Target that the plan is for")),
    ]
}

fn persona() -> Vec<(&'static str, Rule)> {
    vec![(
        "spec",
        Rule::new(
            "(has(self.records) && size(self.records) > 0) || has(self.user)",
            "this is nobody: there is neither a record nor a User",
            "write `records: {<source>: {<field>: <value>}}`, or `user: <name>`",
        ),
    )]
}

/// Where a secret of a cluster's workspace may be.
pub const SECRETS: (&str, &str) = ("in Kubernetes a secret comes from a Secret", "write `secretKeyRef: {name: …, key: …}`");
/// Where files of a cluster's workspace may be.
pub const FILES: (&str, &str) = (
    "in Kubernetes a file lies below the folder that headcount was given",
    "write its path from there on, without `/` in front and without `..`",
);

/// What only a cluster asks for: whoever may write an object could otherwise have what runs there read its own secrets and files, or start programs. Files on a disk belong
/// to whoever runs the command line.
fn of_a_cluster(schema: &mut Value) {
    let secret = Rule::new("has(self.secretKeyRef)", SECRETS.0, SECRETS.1);
    let inside = Rule::new("!self.startsWith('/') && !self.matches('(^|/)[.][.](/|$)')", FILES.0, FILES.1);
    walk::each("", schema, &mut |key, schema| {
        if schema.pointer("/properties/secretKeyRef").is_some() {
            secret.apply(schema);
        }
        if matches!(key, "path" | "caFile" | "ledger") && schema.get("type").is_some_and(|kind| kind == "string") {
            inside.apply(schema);
        }
    });
    walk::at(schema, "spec.allowedDirectories[]").into_iter().for_each(|schema| inside.apply(schema));
}
