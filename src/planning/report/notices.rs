//! What is worth saying about whole systems and about single identities, beside the changes.
//!
//! Must never: change what is planned; it only says.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expr::segments_of_path;
use crate::manifest::kinds::Ownership;
use crate::model::{Evidence, Finding, FindingCode, ObjectKind, Severity, Subject, SystemEvidence, Visibility, attribute, shortened};
use crate::planning::basis::Basis;
use crate::planning::draft::{Draft, Stage};
use crate::planning::findings::Findings;
use crate::planning::report::matching;
use crate::planning::targets::observed::ObjectView;
use crate::policy::{SourcePolicy, TargetPolicy};
use crate::world::Replaced;

/// So many values are named.
const NAMED: usize = 5;

const WRITTEN_BY_AN_APPLICATION: &str = "Whoever leaves, or is cut off, gets the word for no. Where such a word bars access too, have the application write the one that the Target names.";
const SAID_ONLY_THERE: &str = "Whoever leaves, or is cut off, is deactivated all the same. Where nothing is said a right to read it may be missing; a word that bars access can be named in the Connector (`active: {values: {inactive: …}}`).";

/// Sources: how they were read, records without a key, what could not be told about identities.
pub(in crate::planning) fn sources(basis: &Basis<'_>, findings: &mut Findings) {
    for ((rules, side), trust) in basis.policy.sources.iter().zip(&basis.world.sources).zip(&basis.world.trust) {
        let subject = Subject::system(&rules.name);
        let place = Some(rules.place.clone());
        if let Some(reason) = trust.evidence.reason() {
            let code = if trust.shrank { FindingCode::SourceShrank } else { FindingCode::IncompleteRead };
            let then = if rules.establishes { "nobody counts as gone" } else { "what it may say is not known" };
            let message = format!("{}: {}", rules.name, consequence(reason, then));
            let at = if trust.shrank { place.clone() } else { Some(rules.connection.clone()) };
            let mut finding = Finding::new(Severity::Incomplete, code, subject.clone(), message).at(at);
            if trust.shrank {
                finding = finding.hint(format!(
                    "If these people have really left, raise spec.completeness.maxShrink of the Source {} for one run.",
                    rules.name
                ));
            }
            findings.push(finding);
        }
        for emptied in &trust.emptied {
            let column = segments_of_path(&emptied.column).join(".");
            let message = format!(
                "{}: the column `{column}` has a value in {} records and had one in {}; whatever depends on it stays as it is where it has none now",
                rules.name, emptied.now, emptied.before
            );
            let hint = format!(
                "Correct the source. If it is right, write `completeness: {{mayLose: [{column}]}}` into the spec of the Source {} for one run.",
                rules.name
            );
            let finding = Finding::new(Severity::Error, FindingCode::ColumnEmptied, subject.clone(), message);
            findings.push(finding.hint(hint).at(place.clone()));
        }
        for one in &trust.replaced {
            replaced(findings, rules, one);
        }
        let keyless = side.keyless();
        if keyless.count > 0 {
            let why = keyless.words.as_deref().unwrap_or("it is empty");
            let message = format!(
                "{}: {} {} no key: {why}",
                rules.name,
                keyless.count,
                if keyless.count == 1 { "record has" } else { "records have" }
            );
            findings.push(Finding::new(Severity::Error, FindingCode::ExpressionFailed, subject, message).at(place));
        }
    }
    matching::tell(basis, findings);
}

/// Values of a status that took the place of others.
fn replaced(findings: &mut Findings, rules: &SourcePolicy, one: &Replaced) {
    let list = |values: &[(Arc<str>, u64)]| {
        let more = values.len().saturating_sub(NAMED);
        let named: Vec<String> = values.iter().take(NAMED).map(|(value, count)| format!("{value:?} ({count})")).collect();
        if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
    };
    let column = segments_of_path(&one.column).join(".");
    let message = format!(
        "{}: nobody has {} in the column `{column}` any more, while others have {}, which nobody had before; where these stand is not known, so they keep what they have",
        rules.name,
        list(&one.gone),
        list(&one.new)
    );
    let values: Vec<String> = one.new.iter().map(|(value, _)| format!("{value:?}")).collect();
    let hint = format!(
        "Correct the source, or the conditions that read the column. Once they fit, write `lifecycle: {{knownValues: [{}]}}` into the Source.",
        values.join(", ")
    );
    let finding = Finding::new(Severity::Error, FindingCode::StatusReplaced, Subject::system(&rules.name), message);
    findings.push(finding.hint(hint).at(Some(rules.place.clone())));
}

/// Targets: how they were read, and attributes they can't hold.
pub(in crate::planning) fn targets(basis: &Basis<'_>, findings: &mut Findings) {
    for ((rules, side), observed) in basis.policy.targets.iter().zip(&basis.world.targets).zip(&basis.observed) {
        unlisted(findings, &rules.name, "accounts", (&side.accounts.evidence, observed.accounts()));
        unlisted(findings, &rules.name, "groups", (&side.groups.evidence, observed.groups()));
        let mut streams = vec![("accounts", &side.accounts.evidence)];
        if side.wants_groups() {
            streams.push(("groups", &side.groups.evidence));
            streams.push(("memberships", &side.memberships.evidence));
        }
        if side.wants_entitlements() {
            streams.push(("entitlements", &side.entitlements.evidence));
        }
        incomplete(findings, rules, &streams);
    }
    tell_of_marks(basis, findings);
    unclear_access(basis, findings);
    for (at, layout) in basis.layout.targets.iter().enumerate() {
        for rule in layout.unsupported.iter().filter(|rule| rule.place.is_some()) {
            let name = &basis.policy.targets[at].name;
            let secret = attribute(&rule.attribute).is_some_and(|known| known.visibility == Visibility::Secret);
            let why = if secret { "is a secret, which is never written" } else { "can't be held by its accounts" };
            let message = format!("{name}: {} {why}, so the rule does nothing", rule.attribute);
            let subject = Subject::system(name).attribute(&rule.attribute);
            findings.push(Finding::new(Severity::Warning, FindingCode::UnsupportedAttribute, subject, message).at(rule.place.clone()));
        }
    }
}

/// A list that said to be complete and was not. Where only objects without access are missing, everything that matters was asked for.
fn unlisted(findings: &mut Findings, target: &Arc<str>, what: &str, (read, view): (&Evidence, ObjectView<'_>)) {
    let (true, Some(reason)) = (read.proves_absence(), view.evidence().reason()) else { return };
    let severity = if what == "groups" || view.hides_active() { Severity::Incomplete } else { Severity::Warning };
    let message = format!("{target}: {}", consequence(reason, "nothing follows from what else is missing"));
    findings.push(Finding::new(severity, FindingCode::IncompleteRead, Subject::system(target), message));
}

/// How well everything was read, once what was asked for is known too.
pub(in crate::planning) fn evidence(basis: &Basis<'_>) -> Vec<SystemEvidence> {
    let mut all = basis.world.evidence.clone();
    for known in &mut all {
        let at = basis.policy.targets.iter().position(|target| target.name == known.system);
        let Some(observed) = at.and_then(|at| basis.observed.get(at)) else { continue };
        match known.kind {
            ObjectKind::Account => known.evidence = observed.accounts().evidence().clone(),
            ObjectKind::Group => known.evidence = observed.groups().evidence().clone(),
            ObjectKind::Membership | ObjectKind::Entitlement => {}
        }
    }
    all
}

/// One finding a cause: what keeps a whole system from being read is told once, with everything that was not read for it.
fn incomplete(findings: &mut Findings, rules: &TargetPolicy, streams: &[(&str, &Evidence)]) {
    let mut causes: Vec<(&Evidence, Vec<&str>)> = Vec::new();
    for (what, evidence) in streams.iter().filter(|(_, evidence)| evidence.reason().is_some()) {
        match causes.iter_mut().find(|(known, _)| known == evidence) {
            Some((_, all)) => all.push(what),
            None => causes.push((evidence, vec![what])),
        }
    }
    for (evidence, what) in causes {
        let what = listed(&what);
        let then = match evidence {
            Evidence::Unreadable { .. } => format!("nothing is planned for its {what}"),
            _ => format!("its {what} were not read to the end, and nothing follows from what is missing"),
        };
        let message = format!("{}: {}", rules.name, consequence(evidence.reason().unwrap_or_default(), &then));
        let finding = Finding::new(Severity::Incomplete, FindingCode::IncompleteRead, Subject::system(&rules.name), message);
        findings.push(finding.at(Some(rules.connection.clone())));
    }
}

/// `accounts, groups and memberships`
fn listed(what: &[&str]) -> String {
    match what {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => what.concat(),
    }
}

/// The cause first, and then what comes of it. A cause may end with a question or a sentence of its own.
fn consequence(cause: &str, then: &str) -> String {
    if !cause.ends_with(['?', '.', '!']) {
        return format!("{cause}; {then}");
    }
    let mut letters = then.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{cause} {first}{}", letters.as_str())
}

/// Changes at targets that are only observed are counted and taken out.
pub(in crate::planning) fn only_observed(basis: &Basis<'_>, drafts: &mut Vec<Draft>, findings: &mut Findings) {
    let mut counts: BTreeMap<(usize, ObjectKind), u64> = BTreeMap::new();
    drafts.retain(|draft| {
        let kind = match draft.stage {
            Stage::AddMembers | Stage::RemoveMembers => ObjectKind::Membership,
            _ if draft.change.entitlement.is_some() => ObjectKind::Entitlement,
            _ => draft.change.object.kind,
        };
        let ownership = match kind {
            ObjectKind::Account | ObjectKind::Entitlement => basis.policy.targets[draft.target].ownership,
            ObjectKind::Group | ObjectKind::Membership => basis.group_ownership(draft.target),
        };
        let observed = ownership == Ownership::Observe && draft.stage != Stage::Revoke;
        if observed {
            *counts.entry((draft.target, kind)).or_default() += draft.change.weight();
        }
        !observed
    });
    for ((target, kind), count) in counts {
        let name = &basis.policy.targets[target].name;
        let what = match kind {
            ObjectKind::Account => "accounts",
            ObjectKind::Group => "groups",
            ObjectKind::Membership => "memberships",
            ObjectKind::Entitlement => "entitlements",
        };
        let message = format!("{name}: {count} {what} differ from what is declared; they are only observed");
        findings.push(Finding::new(Severity::Note, FindingCode::OwnershipUnproven, Subject::system(name), message));
    }
}

/// Targets that say that they keep no mark.
fn tell_of_marks(basis: &Basis<'_>, findings: &mut Findings) {
    for (rules, side) in basis.policy.targets.iter().zip(&basis.world.targets) {
        if !side.capabilities.refuses_marker {
            continue;
        }
        let message = format!("{}: its accounts can't keep a mark, so the state alone proves which of them are headcount's", rules.name);
        let finding = Finding::new(Severity::Note, FindingCode::UnsupportedCapability, Subject::system(&rules.name), message);
        findings.push(finding.hint("keep a copy of the state: without it these accounts count as somebody else's"));
    }
}

/// `the access of 2 accounts reads "locked"`, of the words that most have first.
fn words_of(said: &BTreeMap<String, usize>) -> Option<String> {
    let all: usize = said.values().sum();
    let mut words: Vec<_> = said.iter().collect();
    words.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown = |word: &str| if word.is_empty() { "nothing".to_owned() } else { shortened(word) };
    let first = words.iter().take(3).map(|(word, _)| shown(word)).collect::<Vec<_>>().join(", ");
    let more = if words.len() > 3 { " and more" } else { "" };
    let accounts = if all == 1 { "1 account" } else { &format!("{all} accounts") };
    (all > 0).then(|| format!("the access of {accounts} reads {first}{more}"))
}

/// Targets whose accounts have words for their access that nobody explained.
fn unclear_access(basis: &Basis<'_>, findings: &mut Findings) {
    for (rules, side) in basis.policy.targets.iter().zip(&basis.world.targets) {
        let read = words_of(&side.accounts.unclear_access());
        let hint = match &read {
            Some(_) => SAID_ONLY_THERE,
            None => WRITTEN_BY_AN_APPLICATION,
        };
        let Some(words) = read.or_else(|| side.capabilities.unclear_access.as_deref().map(str::to_owned)) else { continue };
        let message = format!(
            "{}: {words}, which says neither that there is access nor that there is none; such accounts count as active",
            rules.name
        );
        let finding = Finding::new(Severity::Warning, FindingCode::UnclearAccess, Subject::system(&rules.name), message);
        findings.push(finding.hint(hint).at(Some(rules.connection.clone())));
    }
}
