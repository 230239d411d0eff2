//! What a level leaves in, wherever it stands.

use super::*;
use crate::model::{Finding, FindingCode, Reason, Subject};
use crate::render::review::testing::{self, Story, person};

/// Somebody of every kind of place: effect, pending, findings, what falls due, what goes along.
fn story() -> Story {
    let mut story = testing::sixty();
    let subject = Subject::object(&Arc::from("chat"), &person(3).key);
    let about =
        Finding::new(Severity::Warning, FindingCode::ForeignOwner, subject, "Joana Pereira carries the id \"x-77\" of somebody else.");
    let loose = "whether ada.okafor and hr/9 are one can't be told: their title is \"Penetration Tester\".";
    story.head.findings.push(about.hint("run `headcount explain Joana`"));
    story.head.findings.push(Finding::new(Severity::Error, FindingCode::AmbiguousCorrelation, Subject::default(), loose));
    story
}

fn words(review: &Review) -> String {
    serde_json::to_string(review).expect("JSON")
}

#[test]
fn no_name_key_or_value_of_anybody_is_left_where_people_are_hidden() {
    let full = story().review();
    let hidden = words(&redact(full.clone(), Redaction::Identities, b"one"));
    for (key, name) in people(&full) {
        assert!(!hidden.contains(&format!("\"{key}\"")) && !hidden.contains(name.as_ref()), "{name}");
    }
    for word in ["Joana", "Senior Engineer", "Staff Engineer", "Penetration Tester", "x-77", "1200", "hr/9 "] {
        assert!(!hidden.contains(word), "{word}");
    }
    assert!(hidden.contains("On Call") && hidden.contains("travel-card"), "groups and entitlements stay");
}

#[test]
fn where_values_are_hidden_names_stay() {
    let full = story().review();
    let hidden = redact(full.clone(), Redaction::Values, b"one");
    let text = words(&hidden);
    for word in ["Senior Engineer", "Staff Engineer", "Penetration Tester", "x-77"] {
        assert!(!text.contains(word), "{word}");
    }
    assert!(text.contains(person(1).name.as_ref()));
    let limits = hidden.groups.iter().filter(|group| group.of_effect && group.parameter.is_some());
    let limits: Vec<(u64, u64)> = limits.map(|group| (group.people, group.atoms)).collect();
    assert_eq!(limits, [(25, 25), (1, 1)], "what differed only in its values is one group; what alters another change stands apart");
    let due = hidden.upcoming.dues.first().expect("something falls due");
    assert!(due.name.starts_with("person-"), "not everybody has been told: {}", due.name);
}

#[test]
fn a_name_holds_within_a_review_and_not_beyond() {
    let full = testing::many(4_000).review();
    let names = |key: &[u8]| -> Vec<Arc<str>> {
        let hidden = redact(full.clone(), Redaction::Identities, key);
        hidden.risks.iter().flat_map(|risk| &risk.who).map(|who| who.name.clone()).collect()
    };
    assert_eq!(names(b"one"), names(b"one"));
    assert_ne!(names(b"one"), names(b"two"));
    let hidden = redact(full.clone(), Redaction::Identities, b"one");
    let keys: BTreeSet<&str> = hidden.effect.iter().filter_map(|one| one.atom.person()).map(|person| person.key.as_ref()).collect();
    assert_eq!(keys.len() as u64, full.totals.people, "no two people share a name");
    assert!(keys.iter().all(|key| key.starts_with("person-") && key.len() <= "person-".len() + 12));
    assert_eq!((hidden.totals, hidden.hash.clone()), (full.totals, full.hash.clone()));
}

#[test]
fn everything_stays_at_the_full_level() {
    let full = story().review();
    assert_eq!(words(&full), words(&redact(full.clone(), Redaction::Full, b"one")));
    assert!(full.groups.iter().any(|group| matches!(group.reason, Reason::Leaver)));
}
