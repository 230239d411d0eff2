//! Findings while they are gathered: single ones, and those of many people told in one sentence.
//!
//! Must never: depend on the order in which people were looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::Place;
use jiff::civil::Date;

use crate::model::{Finding, FindingCode, ObjectKind, Severity, Subject};
use crate::planning::diary::Diary;
use crate::planning::question::{Lookup, LookupBy};

/// What many people share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planning) struct Shared {
    pub(in crate::planning) severity: Severity,
    pub(in crate::planning) code: FindingCode,
    pub(in crate::planning) system: Option<Arc<str>>,
    pub(in crate::planning) attribute: Option<Arc<str>>,
    /// the sentence about them: `{who}` stands for how many and who
    pub(in crate::planning) sentence: String,
    pub(in crate::planning) hint: Option<String>,
    pub(in crate::planning) place: Option<Place>,
}

/// What a step has to say and to ask, beside what it makes.
pub(in crate::planning) struct StepReport {
    pub(in crate::planning) findings: Findings,
    pub(in crate::planning) questions: BTreeSet<Lookup>,
    pub(in crate::planning) diary: Diary,
}

/// Findings while they are gathered.
#[derive(Debug, Default)]
pub(in crate::planning) struct Findings {
    single: Vec<Finding>,
    shared: BTreeMap<Shared, BTreeSet<Arc<str>>>,
    /// what rests on everybody: a part of the people can't be planned by itself then
    rests_on_all: Option<&'static str>,
    /// of whom nothing is said yet, and maybe is once others are other than they are
    watched: BTreeSet<Arc<str>>,
}

const NAMED: usize = 3;

impl StepReport {
    /// Nothing yet; `today` is the day of the plan.
    pub(in crate::planning) fn new(today: Date) -> Self {
        Self { findings: Findings::default(), questions: BTreeSet::new(), diary: Diary::new(today) }
    }

    /// Something must be asked before more can be said.
    pub(in crate::planning) fn ask(&mut self, target: usize, kind: ObjectKind, by: LookupBy) {
        self.questions.insert(Lookup { target, kind, by });
    }

    /// What a step made; what it has to say and to ask is added.
    pub(in crate::planning) fn hear<T>(&mut self, (made, report): (T, Self)) -> T {
        self.add(report);
        made
    }

    /// What another step has to say and to ask.
    pub(in crate::planning) fn add(&mut self, other: Self) {
        self.findings.add(other.findings);
        self.questions.extend(other.questions);
        self.diary.add(other.diary);
    }
}

impl Findings {
    /// What was concluded, or nearly, rests on everybody.
    pub(in crate::planning) fn rest_on_all(&mut self, why: &'static str) {
        self.rests_on_all = self.rests_on_all.or(Some(why));
    }

    /// Whatever is planned next, somebody is looked at again.
    pub(in crate::planning) fn watch(&mut self, key: Arc<str>) {
        self.watched.insert(key);
    }

    /// What of all that rests on everybody.
    pub(in crate::planning) fn rests_on_all(&self) -> Option<&'static str> {
        self.rests_on_all
    }

    /// The keys of all whom anything is said about, or soon may be.
    pub(in crate::planning) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        let single = self.single.iter().flat_map(|finding| finding.about.iter().chain(&finding.subject.key));
        single.chain(self.shared.values().flatten()).chain(&self.watched)
    }

    /// One of its own.
    pub(in crate::planning) fn push(&mut self, finding: Finding) {
        self.single.push(finding);
    }

    /// One more person for a shared one.
    pub(in crate::planning) fn share(&mut self, shared: Shared, key: &Arc<str>) {
        self.shared.entry(shared).or_default().insert(key.clone());
    }

    /// About somebody at a system, told together with the others of its sort.
    pub(in crate::planning) fn tell(&mut self, severity: Severity, code: FindingCode, system: &Arc<str>, key: &Arc<str>, sentence: &str) {
        self.share(Shared::new(severity, code, Some(system), sentence), key);
    }

    /// Those of another step.
    pub(in crate::planning) fn add(&mut self, other: Self) {
        self.single.extend(other.single);
        self.rests_on_all = self.rests_on_all.or(other.rests_on_all);
        self.watched.extend(other.watched);
        for (shared, keys) in other.shared {
            self.shared.entry(shared).or_default().extend(keys);
        }
    }

    /// Takes back what was said of these at a system: something else says it better.
    pub(in crate::planning) fn withdraw(&mut self, code: FindingCode, system: &Arc<str>, keys: &BTreeSet<Arc<str>>) {
        for (shared, about) in &mut self.shared {
            if shared.code == code && shared.system.as_ref() == Some(system) {
                about.retain(|key| !keys.contains(key));
            }
        }
        self.shared.retain(|_, about| !about.is_empty());
    }

    /// All, the graver first, a cause before what only follows from it, without doubles.
    pub(in crate::planning) fn finish(self, sources: &BTreeSet<&Arc<str>>) -> Vec<Finding> {
        let mut all = self.single;
        let unread: BTreeSet<Arc<str>> =
            all.iter().filter(|finding| is_cause(finding)).filter_map(|finding| finding.subject.system.clone()).collect();
        let source_unread = unread.iter().any(|system| sources.contains(system));
        all.extend(self.shared.into_iter().map(|(shared, keys)| {
            // What is not known of somebody at a target is so because that target, or a source, was not read.
            let follows = shared.severity == Severity::Incomplete
                && shared.code == FindingCode::IncompleteRead
                && (source_unread || shared.system.as_ref().is_some_and(|system| unread.contains(system)));
            Finding { follows, ..shared.tell(&keys) }
        }));
        all.sort_by(|one, other| {
            let order = |finding: &Finding| {
                (std::cmp::Reverse(finding.severity), finding.follows, finding.code, finding.subject.clone(), finding.message.clone())
            };
            order(one).cmp(&order(other))
        });
        all.dedup();
        all
    }
}

/// Whether a finding says that a whole system was not read, or not to its end.
fn is_cause(finding: &Finding) -> bool {
    let read = matches!(finding.code, FindingCode::IncompleteRead | FindingCode::SourceShrank);
    read && finding.severity == Severity::Incomplete && finding.subject.key.is_none()
}

impl Shared {
    /// With no hint and no place yet.
    pub(in crate::planning) fn new(severity: Severity, code: FindingCode, system: Option<&Arc<str>>, sentence: impl Into<String>) -> Self {
        Self { severity, code, system: system.cloned(), attribute: None, sentence: sentence.into(), hint: None, place: None }
    }

    /// About an attribute.
    pub(in crate::planning) fn attribute(mut self, attribute: &Arc<str>) -> Self {
        self.attribute = Some(attribute.clone());
        self
    }

    /// With the next step.
    pub(in crate::planning) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the manifest line.
    pub(in crate::planning) fn at(mut self, place: Option<&Place>) -> Self {
        self.place = place.cloned();
        self
    }

    fn tell(self, keys: &BTreeSet<Arc<str>>) -> Finding {
        let named: Vec<&str> = keys.iter().take(NAMED).map(AsRef::as_ref).collect();
        let who = match (keys.len(), keys.len().saturating_sub(NAMED)) {
            (_, 0) => named.join(", "),
            (_, more) => format!("{} and {more} more", named.join(", ")),
        };
        let single = if keys.len() == 1 { keys.first().cloned() } else { None };
        let subject = Subject { system: self.system, key: single, attribute: self.attribute };
        let mut finding = Finding::new(self.severity, self.code, subject, self.sentence.replace("{who}", &who)).about(keys);
        finding.hint = self.hint;
        finding.place = self.place;
        finding
    }
}
