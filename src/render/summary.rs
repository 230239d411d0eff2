//! What a list of changes comes to, in numbers and in one sentence.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::layout::Move;
use super::words::{renamed, verb};
use crate::diagnostic::Place;
use crate::model::{Action, Change, Evidence, Finding, ObjectKind, Plan, Severity};

/// How many changes of each kind will run, and how many are withheld.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// by kind, action, and whether it is a rename
    running: BTreeMap<(ObjectKind, Action, bool), u64>,
    /// changes that stand in the plan and will not run
    pub withheld: u64,
}

/// The order of reading: what comes, what changes, what goes.
pub(super) const ACTIONS: &[Action] =
    &[Action::Create, Action::Adopt, Action::Update, Action::Reactivate, Action::EndSessions, Action::Deactivate, Action::Delete];

/// The same for entitlements.
const ENTITLEMENTS: &[Action] = &[Action::AddEntitlement, Action::UpdateEntitlement, Action::RemoveEntitlement];

impl Counts {
    /// Counts changes: objects one by one, memberships by their members.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut counts = Self::default();
        for change in changes {
            let weight = if is_membership(change) { change.members.len() as u64 } else { 1 };
            if change.runs() {
                *counts.running.entry((change.object.kind, change.action, renamed(change))).or_default() += weight;
            } else {
                counts.withheld += weight;
            }
        }
        counts
    }

    /// How many of a kind will run; for groups `AddMembers` and `RemoveMembers` count members.
    pub fn get(&self, kind: ObjectKind, action: Action) -> u64 {
        [false, true].iter().filter_map(|renames| self.running.get(&(kind, action, *renames))).sum()
    }

    /// Whether there is nothing, not even something withheld.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty() && self.withheld == 0
    }

    /// `4 to create, 2 to take over, 1 group to create, 12 memberships to add, 1 to remove; 2 changes withheld`
    pub fn words(&self) -> String {
        let parts = [self.objects(ObjectKind::Account), self.entitlements(), self.objects(ObjectKind::Group), self.memberships()].concat();
        let running = match (parts.is_empty(), self.withheld) {
            (false, _) => parts.join(", "),
            (true, 0) => "nothing to do".to_owned(),
            (true, _) => "nothing will run".to_owned(),
        };
        match self.withheld {
            0 => running,
            withheld => format!("{running}; {} withheld", super::count(withheld, "change")),
        }
    }

    fn objects(&self, kind: ObjectKind) -> Vec<String> {
        let mut parts = Vec::new();
        for action in ACTIONS {
            for renames in [false, true] {
                let count = self.running.get(&(kind, *action, renames)).copied().unwrap_or_default();
                push(&mut parts, count, |number, plural| match kind {
                    ObjectKind::Group => format!("{number} group{plural} to {}", if renames { "rename" } else { total(*action) }),
                    _ => format!("{number} to {}", if renames { "change sign-in name" } else { total(*action) }),
                });
            }
        }
        parts
    }

    fn entitlements(&self) -> Vec<String> {
        let mut parts = Vec::new();
        for action in ENTITLEMENTS {
            let first = parts.is_empty();
            push(&mut parts, self.get(ObjectKind::Account, *action), |number, plural| match first {
                true => format!("{number} entitlement{plural} to {}", verb(*action)),
                false => format!("{number} to {}", verb(*action)),
            });
        }
        parts
    }

    fn memberships(&self) -> Vec<String> {
        let mut parts = Vec::new();
        for (action, word) in [(Action::AddMembers, "add"), (Action::RemoveMembers, "remove")] {
            let first = parts.is_empty();
            push(&mut parts, self.get(ObjectKind::Group, action), |number, plural| match first {
                true => format!("{number} membership{plural} to {word}"),
                false => format!("{number} to {word}"),
            });
        }
        parts
    }
}

/// What so many are to do or to have done to them.
fn total(action: Action) -> &'static str {
    match action {
        Action::Reactivate => "get sign-in back",
        Action::Deactivate => "lose sign-in",
        Action::EndSessions => "sign out everywhere",
        action => verb(action),
    }
}

/// Changes by target.
pub(super) type Targets<'a> = BTreeMap<&'a str, Vec<&'a Change>>;

/// Changes by target.
pub(super) fn targets(plan: &Plan) -> Targets<'_> {
    let mut targets = Targets::new();
    for change in &plan.changes {
        targets.entry(&change.target).or_default().push(change);
    }
    targets
}

/// Memberships of one block in numbers: `2 to add, 1 to remove; 1 withheld`.
pub(super) fn moves(moves: &[Move<'_>]) -> String {
    let count = |action: Action| moves.iter().filter(|one| one.change.runs() && one.change.action == action).count() as u64;
    let withheld = moves.iter().filter(|one| !one.change.runs()).count() as u64;
    let mut parts = Vec::new();
    push(&mut parts, count(Action::AddMembers), |number, _| format!("{number} to add"));
    push(&mut parts, count(Action::RemoveMembers), |number, _| format!("{number} to remove"));
    push(&mut parts, withheld, |number, _| format!("{number} withheld"));
    parts.join(", ")
}

/// A place without its column: `groups.yaml:155`.
pub(super) fn at_line(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

/// Whether something could not be read or, read, not be relied on.
pub(super) fn incomplete(plan: &Plan) -> bool {
    !plan.complete() || untold_reads(plan).next().is_some()
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

/// How an entitlement and its account stand to each other: `travel-card to jane.doe`.
pub fn preposition(action: Action) -> &'static str {
    match action {
        Action::AddEntitlement => "to",
        Action::RemoveEntitlement => "from",
        _ => "of",
    }
}

/// A finding's words, with the system that it is about where they don't name it: two targets may say the same of one person.
pub(super) fn told(finding: &Finding) -> Cow<'_, str> {
    match &finding.subject.system {
        Some(system) if !finding.message.contains(system.as_ref()) => Cow::Owned(format!("{system}: {}", finding.message)),
        _ => Cow::Borrowed(&finding.message),
    }
}

/// Standing notes that an earlier run told.
pub(super) fn known(notes: u64) -> String {
    let (stand, them) = if notes == 1 { ("stands", "it") } else { ("stand", "each") };
    format!("{} {stand} as before; {} {them}", super::count(notes, "note"), "`headcount plan --full` shows")
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

/// With its thousands told apart: `1,200`.
pub fn number(number: u64) -> String {
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
            "2 to create, 1 to take over, 2 to update, 1 to get sign-in back, 1 to lose sign-in, 1 group to create, 3 memberships to add, 1 to remove; 2 changes withheld"
        );
        assert_eq!(Counts::default().words(), "nothing to do");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(123), "123");
    }
}
