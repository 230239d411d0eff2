//! What a list of changes comes to, in numbers and in one sentence.

use std::collections::BTreeMap;

use crate::model::{Action, Change, Evidence, ObjectKind, Plan, Risk, Severity};

/// How many changes of each kind will run, and how many are withheld.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    running: BTreeMap<(ObjectKind, Action), u64>,
    /// changes that stand in the plan and will not run
    pub withheld: u64,
}

/// The order of reading: what comes, what changes, what goes.
pub(super) const ACTIONS: &[Action] =
    &[Action::Create, Action::Adopt, Action::Update, Action::Reactivate, Action::Deactivate, Action::Delete];

/// The same for entitlements.
const ENTITLEMENTS: &[Action] = &[Action::AddEntitlement, Action::UpdateEntitlement, Action::RemoveEntitlement];

impl Counts {
    /// Counts changes: objects one by one, memberships by their members.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut counts = Self::default();
        for change in changes {
            let weight = if is_membership(change) { change.members.len() as u64 } else { 1 };
            if change.runs() {
                *counts.running.entry((change.object.kind, change.action)).or_default() += weight;
            } else {
                counts.withheld += weight;
            }
        }
        counts
    }

    /// How many of a kind will run; for groups `AddMembers` and `RemoveMembers` count members.
    pub fn get(&self, kind: ObjectKind, action: Action) -> u64 {
        self.running.get(&(kind, action)).copied().unwrap_or_default()
    }

    /// Whether there is nothing, not even something withheld.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty() && self.withheld == 0
    }

    /// `4 to create, 2 to adopt, 1 group to create, 12 memberships to add, 1 to remove; 2 withheld`
    pub fn words(&self) -> String {
        let mut parts = Vec::new();
        for action in ACTIONS {
            push(&mut parts, self.get(ObjectKind::Account, *action), |number, _| format!("{number} to {}", verb(*action)));
        }
        let mut what = " entitlement";
        for action in ENTITLEMENTS {
            push(&mut parts, self.get(ObjectKind::Account, *action), |number, plural| match what {
                "" => format!("{number} to {}", verb(*action)),
                what => format!("{number}{what}{plural} to {}", verb(*action)),
            });
            if self.get(ObjectKind::Account, *action) > 0 {
                what = "";
            }
        }
        for action in ACTIONS {
            let words = |number: String, plural: &str| format!("{number} group{plural} to {}", verb(*action));
            push(&mut parts, self.get(ObjectKind::Group, *action), words);
        }
        let added = self.get(ObjectKind::Group, Action::AddMembers);
        push(&mut parts, added, |number, plural| format!("{number} membership{plural} to add"));
        push(&mut parts, self.get(ObjectKind::Group, Action::RemoveMembers), |number, plural| match added {
            0 => format!("{number} membership{plural} to remove"),
            _ => format!("{number} to remove"),
        });
        let running = if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") };
        if self.withheld == 0 { running } else { format!("{running}; {} withheld", number(self.withheld)) }
    }
}

/// `+3 ~1 −2`, for a table.
pub(super) fn entitlements(counts: &Counts) -> String {
    let signs = ENTITLEMENTS.iter().zip(["+", "~", "−"]).map(|(action, sign)| (sign, counts.get(ObjectKind::Account, *action)));
    let parts: Vec<String> = signs.filter(|(_, count)| *count > 0).map(|(sign, count)| format!("{sign}{}", number(count))).collect();
    parts.join(" ")
}

/// Changes by target.
pub(super) type Targets<'a> = BTreeMap<&'a str, Vec<&'a Change>>;

/// Changes by target, in the order of reading: accounts, their entitlements, groups, then memberships; what comes, what changes, what goes.
pub(super) fn targets(plan: &Plan) -> Targets<'_> {
    let mut targets = Targets::new();
    for change in &plan.changes {
        targets.entry(&change.target).or_default().push(change);
    }
    for changes in targets.values_mut() {
        changes.sort_by_key(|change| reading_order(change));
    }
    targets
}

fn reading_order(change: &Change) -> (u8, usize, &str, &str, &str, bool) {
    let part = match (is_membership(change), change.object.kind) {
        (true, _) => 3,
        (false, ObjectKind::Group) => 2,
        _ => u8::from(change.entitlement.is_some()),
    };
    let actions = if change.entitlement.is_some() { ENTITLEMENTS } else { ACTIONS };
    let rank = actions.iter().position(|action| *action == change.action).unwrap_or_default();
    let (object, entitlement) = (&change.object, change.entitlement.as_deref().unwrap_or_default());
    (part, rank, entitlement, &object.name, &object.key, change.action == Action::RemoveMembers)
}

/// Systems that were not read to their end and that no finding tells of: name, how, and why.
pub(super) fn untold_reads(plan: &Plan) -> impl Iterator<Item = (&str, &'static str, &str)> {
    let told = |system: &str| {
        plan.findings.iter().any(|finding| finding.severity == Severity::Incomplete && finding.subject.system.as_deref() == Some(system))
    };
    plan.evidence.iter().filter(move |read| !told(&read.system)).filter_map(|read| match &read.evidence {
        Evidence::Partial { reason } => Some((read.system.as_ref(), "was read only in part", reason.as_str())),
        Evidence::Unreadable { reason } => Some((read.system.as_ref(), "could not be read", reason.as_str())),
        Evidence::Complete | Evidence::Delta => None,
    })
}

fn push(parts: &mut Vec<String>, count: u64, words: impl Fn(String, &str) -> String) {
    if count > 0 {
        parts.push(words(number(count), if count == 1 { "" } else { "s" }));
    }
}

/// Whether the change is about members of a group.
pub(super) fn is_membership(change: &Change) -> bool {
    matches!(change.action, Action::AddMembers | Action::RemoveMembers)
}

/// `1 person`, `141 people`
pub(super) fn people(count: u64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{} people", number(count)) }
}

/// What is done, as a verb.
pub fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Reactivate => "reactivate",
        Action::Deactivate => "deactivate",
        Action::Delete => "delete",
        Action::AddMembers => "add members",
        Action::RemoveMembers => "remove members",
        Action::AddEntitlement => "grant",
        Action::UpdateEntitlement => "change",
        Action::RemoveEntitlement => "withdraw",
        Action::EndSessions => "end sessions",
    }
}

/// What a change does, as a verb: of two updates the one is a rename.
pub fn doing(change: &Change) -> &'static str {
    if change.former_key.is_some() { "rename" } else { verb(change.action) }
}

/// How an entitlement and its account stand to each other: `travel-card to jane.doe`.
pub fn preposition(action: Action) -> &'static str {
    match action {
        Action::AddEntitlement => "to",
        Action::RemoveEntitlement => "from",
        _ => "of",
    }
}

/// A risk in a word or two.
pub(super) fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::SignIn => "sign-in",
        Risk::Irreversible => "irreversible",
        Risk::Reactivation => "gets access back",
        Risk::Adoption => "not made by headcount",
        Risk::LastGroup => "left without a group",
    }
}

/// A severity as a heading.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Incomplete => "incomplete",
        Severity::Refused => "refused",
    }
}

/// A word that serde writes for a value without fields: findings' codes, reasons.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|json| json.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

/// With commas between thousands.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing;

    #[test]
    fn the_sentence_counts_what_runs_and_then_what_does_not() {
        let plan = testing::sample();
        assert_eq!(
            Counts::of(&plan.changes).words(),
            "2 to create, 1 to adopt, 2 to update, 1 to reactivate, 1 to deactivate, 1 group to create, 3 memberships to add, 1 to remove; 2 withheld"
        );
        assert_eq!(Counts::default().words(), "nothing to do");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(123), "123");
    }
}
