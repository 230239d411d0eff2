//! Plans made by hand, for the tests of the views.

use std::sync::Arc;

use jiff::civil::date;

use crate::diagnostic::Place;
use crate::model::{
    Action, AttributeChange, Change, ChangeId, Evidence, FORMAT_VERSION, Finding, FindingCode, MemberChange, ObjectKind, ObjectRef, Plan,
    Reason, Risk, Severity, Subject, SystemEvidence, Upcoming, Value, Withheld,
};

/// A plan with nothing in it.
pub fn empty() -> Plan {
    Plan {
        format_version: FORMAT_VERSION,
        workspace: "acme".into(),
        as_of: date(2026, 11, 22),
        filter: Default::default(),
        changes: Vec::new(),
        findings: Vec::new(),
        evidence: vec![SystemEvidence { system: "hr".into(), kind: ObjectKind::Account, evidence: Evidence::Complete, count: 40 }],
        limits: Vec::new(),
        upcoming: Upcoming::default(),
    }
}

/// An account by key and name.
pub fn account(key: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: ObjectKind::Account, key: key.into(), id: None, name: name.into() }
}

/// A group by name.
pub fn group(name: &str) -> ObjectRef {
    let key = format!("group/{}", name.to_lowercase());
    ObjectRef { kind: ObjectKind::Group, key: key.into(), id: Some("g1".into()), name: name.into() }
}

/// A change with nothing in it yet.
pub fn change(target: &str, action: Action, object: ObjectRef, reason: Reason) -> Change {
    Change::new(&target.into(), action, object, reason)
}

/// One attribute, before and after.
pub fn change_of(attribute: &str, before: Option<Value>, after: Option<Value>) -> AttributeChange {
    AttributeChange { attribute: attribute.into(), before, after, sensitive: false, privileged: false }
}

/// Steps that read as a sentence.
pub trait Building: Sized {
    /// With an attribute.
    fn with(self, attribute: &str, before: Option<Value>, after: Option<Value>) -> Self;
    /// With members, each one person.
    fn members(self, members: &[(&str, &str)]) -> Self;
    /// With a risk.
    fn risky(self, risk: Risk) -> Self;
    /// Withheld by a finding.
    fn withheld(self, finding: u32) -> Self;
}

impl Building for Change {
    fn with(mut self, attribute: &str, before: Option<Value>, after: Option<Value>) -> Self {
        self.attributes.push(change_of(attribute, before, after));
        self
    }

    fn members(mut self, members: &[(&str, &str)]) -> Self {
        self.members.extend(members.iter().map(|(key, name)| MemberChange { member: account(key, name), people: 1 }));
        self
    }

    fn risky(mut self, risk: Risk) -> Self {
        self.risks.push(risk);
        self
    }

    fn withheld(mut self, finding: u32) -> Self {
        self.withheld = Some(Withheld { finding });
        self
    }
}

/// A card that is given, changed and taken.
pub fn cards() -> Plan {
    let mut plan = empty();
    let card = |action, object, reason| Change { entitlement: Some("travel-card".into()), ..change("finance", action, object, reason) };
    plan.changes = vec![
        card(Action::RemoveEntitlement, account("hr/3", "ann.ray"), Reason::Leaver),
        change("finance", Action::Create, account("hr/4", "bob.fox"), Reason::Joiner).with("userName", None, text("bob.fox")),
        card(Action::UpdateEntitlement, account("hr/1", "jane.doe"), Reason::Mover).with(
            "limit",
            Some(Value::Int(500)),
            Some(Value::Int(2000)),
        ),
        card(Action::AddEntitlement, account("hr/2", "max.lee"), Reason::Mover)
            .with("limit", None, Some(Value::Int(500)))
            .with("phoneNumbers", None, text("555-0100"))
            .with("region", None, text("EU")),
        card(Action::AddEntitlement, account("hr/4", "bob.fox"), Reason::Joiner),
    ];
    plan
}

/// A text value.
pub fn text(words: &str) -> Option<Value> {
    Some(Value::text(words))
}

/// One of everything.
pub fn sample() -> Plan {
    let mut plan = empty();
    let mut changes = vec![
        change("chat", Action::Deactivate, account("hr/9", "eve"), Reason::Leaver)
            .with("active", Some(Value::Bool(true)), Some(Value::Bool(false)))
            .risky(Risk::SignIn),
        change("chat", Action::Delete, account("hr/8", "mallory"), Reason::Due).risky(Risk::Irreversible).withheld(0),
        change("chat", Action::RemoveMembers, group("Sales"), Reason::Mover).members(&[("hr/3", "carol")]),
        change("chat", Action::Create, group("Engineering"), Reason::Declared).with("displayName", None, text("Engineering")),
        change("chat", Action::Create, account("hr/1", "jane.doe"), Reason::Joiner)
            .with("active", None, Some(Value::Bool(true)))
            .with("displayName", None, text("Jane Doe"))
            .with("userName", None, text("jane.doe")),
        change("chat", Action::Adopt, account("hr/2", "bob"), Reason::Declared)
            .with("externalId", None, text("acme:hr/2"))
            .with("title", text("Engineer"), text("Senior Engineer"))
            .risky(Risk::Adoption),
        change("chat", Action::Update, account("hr/3", "carol"), Reason::Mover)
            .with("department", text("Sales"), text("Support"))
            .with("manager", None, Some(Value::Reference("hr/1".into())))
            .with("phoneNumbers", text("1"), text("2"))
            .with("title", text("Assistant"), None),
        change("chat", Action::Reactivate, account("hr/4", "dave"), Reason::Returned)
            .with("active", Some(Value::Bool(false)), Some(Value::Bool(true)))
            .risky(Risk::Reactivation),
        change("chat", Action::AddMembers, group("Engineering"), Reason::Mover).members(&[("hr/1", "jane.doe"), ("hr/2", "bob")]),
    ];
    changes[8].members.push(MemberChange { member: group("SRE"), people: 400 });
    changes[8].needs = vec![ChangeId(3), ChangeId(4)];
    changes.push(change("wiki", Action::Create, account("hr/1", "jane.doe"), Reason::Joiner).with("userName", None, text("jane.doe")));
    changes.push(change("wiki", Action::Update, account("hr/5", "oscar"), Reason::Mover).with("password", text("old"), text("new")));
    changes.push(
        change("wiki", Action::Deactivate, account("hr/9", "eve"), Reason::Absent)
            .with("active", Some(Value::Bool(true)), Some(Value::Bool(false)))
            .withheld(1),
    );
    plan.changes = changes;
    plan.findings = vec![refusal(), unreadable(), warning()];
    plan.evidence.push(SystemEvidence {
        system: "badges".into(),
        kind: ObjectKind::Account,
        evidence: Evidence::Unreadable { reason: "connection refused".into() },
        count: 0,
    });
    plan
}

fn refusal() -> Finding {
    let subject = Subject::system(&Arc::from("chat"));
    Finding::new(Severity::Refused, FindingCode::GuardrailExceeded, subject, "1 account would be deleted at chat; 0 are allowed.")
        .at(Some(Place { file: "acme.yaml".into(), line: 32, column: 5 }))
        .hint("add this to spec.guardrails.overrides:\n- guardrail: delete\n  changes: 12ab")
}

fn unreadable() -> Finding {
    let subject = Subject::system(&Arc::from("badges"));
    Finding::new(Severity::Incomplete, FindingCode::IncompleteRead, subject, "badges could not be read: connection refused.")
        .hint("is the service up? What depends on it keeps its observed value")
}

fn warning() -> Finding {
    let subject = Subject::object(&Arc::from("chat"), &Arc::from("hr/7"));
    Finding::new(Severity::Warning, FindingCode::ForeignOwner, subject, "zoe carries the external id \"x\" of somebody else.")
}

/// Without colours.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
