//! What could not be told about whose record is whose, and what Users say that does not fit, as findings with both sides named.
//!
//! Must never: change what is planned; or write one line for each of a million.

use std::collections::BTreeSet;

use crate::model::{Finding, FindingCode, Key, Severity, Subject, is_known_attribute};
use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, Shared};
use crate::planning::people::matched_records::{How, MatchDoubt, MatchedRecords, TOLD, What};

/// Everything that is in doubt.
pub(in crate::planning) fn tell(basis: &Basis<'_>, findings: &mut Findings) {
    for matching in &basis.people.matchings {
        in_doubt((basis, findings), matching);
        missing((basis, findings), matching);
        broken((basis, findings), matching);
    }
    users(basis, findings);
}

/// What a doubt is, in one sentence, with the records and identities it is about.
pub(in crate::planning) fn words(basis: &Basis<'_>, source: usize, doubt: &MatchDoubt) -> String {
    let name = &basis.policy.sources[source].name;
    let people = list(doubt.identities.iter().map(|number| basis.people.key(*number).to_string()));
    let records = list(doubt.records.iter().map(|record| Key::record(name, basis.world.sources[source].key(*record)).to_string()));
    let more = if doubt.more > 0 { format!(" (and {} more)", doubt.more) } else { String::new() };
    let key = |key: usize| key_text(basis, source, key);
    match &doubt.what {
        What::Shared { key: at } if doubt.identities.len() == 1 => {
            format!("{people}: {records}{more} have the same {}, so which is theirs can't be told", key(*at))
        }
        What::Shared { key: at } if doubt.records.len() == 1 => {
            format!("{people}{more} have the same {} as {records}, so whose record it is can't be told", key(*at))
        }
        What::Shared { key: at } => format!("{people} and {records}{more} all have the same {}, so whose is whose can't be told", key(*at)),
        What::Differs { key: at, before } => {
            let before = how(basis, source, *before);
            format!("{people}: {before} and its {} lead to different records, {records}{more}", key(*at))
        }
        What::Former { key: at, identity } if records == identity.as_ref() => {
            format!(
                "{people}: by its {} it would get {records}, which has been an identity of its own; they are not joined by that",
                key(*at)
            )
        }
        What::Joined { how: by } => {
            let before = list(doubt.identities.iter().map(|number| basis.people.record_key(*number)));
            format!("{before} and {records} are one person from now on, by {}", how(basis, source, *by))
        }
        What::Former { key: at, identity } => {
            format!("{people}: by its {} it would get {records}, which was {identity}'s; that is not handed on to a namesake", key(*at))
        }
        What::Handed { how: by } => {
            let [before, now] = doubt.identities.as_slice() else { return String::new() };
            let (before, now) = (basis.people.key(*before), basis.people.key(*now));
            format!("{records} was {before}'s and is now {now}'s, by {}", how(basis, source, *by))
        }
        What::Unusable => format!("{people}: its record {records} is there twice, or whether it is in scope can't be told"),
    }
}

/// How a record was found, in words.
pub(in crate::planning) fn how(basis: &Basis<'_>, source: usize, how: How) -> String {
    match how {
        How::Key(key) => format!("its {}", key_text(basis, source, key)),
        How::Declared => "a User manifest".to_owned(),
        How::Remembered => "what is remembered".to_owned(),
    }
}

fn key_text(basis: &Basis<'_>, source: usize, key: usize) -> String {
    let Some(key) = basis.policy.sources[source].correlate.get(key) else { return String::new() };
    if is_known_attribute(&key.text) { key.text.to_string() } else { format!("`{}`", key.text) }
}

fn list(all: impl Iterator<Item = String>) -> String {
    all.collect::<Vec<_>>().join(" and ")
}

fn in_doubt((basis, findings): (&Basis<'_>, &mut Findings), matching: &MatchedRecords) {
    let rules = &basis.policy.sources[matching.source];
    let mut told: Vec<(String, &MatchDoubt)> = matching.doubts.iter().map(|doubt| (words(basis, matching.source, doubt), doubt)).collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    told.dedup_by(|one, other| one.0 == other.0);
    let mut named = BTreeSet::new();
    for (message, doubt) in told.iter().take(TOLD) {
        let first = doubt.identities.last().map(|number| basis.people.key(*number)).unwrap_or_default();
        named.extend(doubt.identities.iter().copied());
        let subject = Subject::object(&rules.name, &first);
        let finding = match doubt.what {
            What::Handed { .. } | What::Joined { .. } => Finding::new(Severity::Warning, FindingCode::RecordHandedOn, subject, message),
            _ => Finding::new(Severity::Error, FindingCode::AmbiguousCorrelation, subject, message).hint(settle(basis, matching, doubt)),
        };
        let key = match doubt.what {
            What::Shared { key }
            | What::Differs { key, .. }
            | What::Former { key, .. }
            | What::Handed { how: How::Key(key) }
            | What::Joined { how: How::Key(key) } => rules.correlate.get(key),
            What::Handed { .. } | What::Joined { .. } | What::Unusable => None,
        };
        let place = key.and_then(|key| key.value.place()).unwrap_or(&rules.place);
        findings.push(finding.at(Some(place.clone())));
    }
    for number in matching.ambiguous().filter(|number| !named.contains(number)) {
        let sentence =
            format!("{{who}}: which record of {} is theirs can't be told either, so what it says of them is not known", rules.name);
        let shared = Shared::new(Severity::Error, FindingCode::AmbiguousCorrelation, Some(&rules.name), sentence);
        let hint = format!(
            "So many in doubt at once mean a key that does not tell people apart: look at spec.correlate of the Source {}.",
            rules.name
        );
        findings.share(shared.hint(hint).at(Some(&rules.place)), &basis.people.key(number));
    }
}

/// The manifest that settles it, ready to paste.
fn settle(basis: &Basis<'_>, matching: &MatchedRecords, doubt: &MatchDoubt) -> String {
    let name = &basis.policy.sources[matching.source].name;
    let (Some(number), Some(record)) = (doubt.identities.first(), doubt.records.first()) else { return String::new() };
    let key = basis.people.key(*number);
    let record = basis.world.sources[matching.source].key(*record);
    let records = format!("records: [{{source: {name}, key: {record:?}}}]");
    let own = match Key::of(&key) {
        Some(Key::User { name }) => format!("in the User {name}: {records}"),
        Some(Key::Record { source, key }) => format!("in a User: overrides: {{source: {source}, key: {key:?}}}, {records}"),
        _ => records,
    };
    let former = match &doubt.what {
        What::Former { identity, .. } if Key::of_record(identity).is_none_or(|(_, key)| key != record) => {
            format!(" If they are one person: formerKeys: [{identity}].")
        }
        _ if basis.policy.sources[matching.source].establishes => {
            format!(" If it is somebody else: overrides: {{source: {name}, key: {record:?}}}, with the same records, in a User of theirs.")
        }
        _ => String::new(),
    };
    format!("Correct the source, or say whose record it is, {own}.{former}")
}

fn missing((basis, findings): (&Basis<'_>, &mut Findings), matching: &MatchedRecords) {
    for (user, at) in &matching.missing {
        let user = &basis.policy.users[*user];
        let Some(record) = user.records.get(*at) else { continue };
        let name = &basis.policy.sources[record.source].name;
        let named = Key::record(name, &record.key);
        let message = format!("{}: the User {} names the record {named}, which is not there", user.key, user.name);
        let finding = Finding::new(Severity::Error, FindingCode::UnknownMember, Subject::identity(&user.key), message);
        findings.push(finding.hint("Correct spec.records of the User, or take the record out.").at(Some(record.place.clone())));
    }
}

fn broken((basis, findings): (&Basis<'_>, &mut Findings), matching: &MatchedRecords) {
    let rules = &basis.policy.sources[matching.source];
    // Of a source that establishes, the record's own identity says it.
    for (record, words) in matching.broken.iter().filter(|_| !rules.establishes) {
        let sentence = format!("{{who}}: a key of spec.correlate could not be worked out, so whose record it is can't be told: {words}");
        let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, Some(&rules.name), sentence).at(Some(&rules.place));
        let key = Key::record(&rules.name, basis.world.sources[matching.source].key(*record));
        findings.share(shared, &key.text());
    }
}

/// Users that override nobody or the same identity, and former keys that can't be carried over.
fn users(basis: &Basis<'_>, findings: &mut Findings) {
    for user in basis.people.dangling_overrides() {
        let message = format!("{} is overridden, but no source has it", user.key);
        let finding = Finding::new(Severity::Warning, FindingCode::UnknownMember, Subject::identity(&user.key), message);
        findings.push(finding.hint("Correct spec.overrides of the User, or remove the User.").at(Some(user.place.clone())));
    }
    for (at, user) in basis.policy.users.iter().enumerate().filter(|(_, user)| !user.standalone) {
        let Some(number) = basis.people.find(&user.key) else { continue };
        let Some(first) = basis.people.overrides.get(&number).filter(|first| **first != at) else { continue };
        let first = &basis.policy.users[*first].name;
        let key = basis.people.key(number);
        let message = format!("{key}: the Users {first} and {} override the same identity; only {first} counts", user.name);
        let finding = Finding::new(Severity::Error, FindingCode::DuplicateKey, Subject::identity(&key), message);
        findings.push(finding.hint("Put everything into one of them.").at(Some(user.place.clone())));
    }
    for trouble in &basis.people.former_troubles {
        let user = &basis.policy.users[trouble.user];
        let holder = basis.people.key(trouble.holder);
        let message =
            format!("{}: {} is not its former key, since {holder} has not left; nothing is changed for it", user.key, trouble.key);
        let finding = Finding::new(Severity::Error, FindingCode::DuplicateKey, Subject::identity(&user.key), message);
        let hint = "Correct spec.formerKeys of the User; two records of one person are said with its spec.records.";
        findings.push(finding.hint(hint).at(Some(user.place.clone())));
    }
}
