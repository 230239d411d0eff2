//! A review for people who may not see everything: values as "changed", or people under names that mean nothing outside of this one review.
//!
//! Must never: leave something of a person in that the level hides, wherever it stands; or give two people one name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use aws_lc_rs::hmac;
use serde::Serialize;

use super::atom::{Atom, AtomSlot, AtomValue};
use super::{AtomGroup, PersonLine, Review, ReviewFinding, Who};
use crate::model::{Change, Evidence, Key, ObjectKind, ObjectRef, Severity};

/// How much of people a review shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Redaction {
    /// names, groups and values that everybody may see
    #[default]
    Full,
    /// names and groups; every value only as changed
    Values,
    /// groups and numbers; people under other names
    Identities,
}

/// The review at a level. The same key gives the same people the same names, and another key others: one person can't be followed from review to review.
pub fn redact(mut review: Review, level: Redaction, key: &[u8]) -> Review {
    if level == Redaction::Full {
        return review;
    }
    let others = Pseudonyms::new(people(&review), key);
    hide_values(&mut review);
    review.people.values_mut().for_each(|card| (card.title, card.department) = (None, None));
    // Not everybody has been told who leaves.
    for due in &mut review.upcoming.dues {
        if let Some(other) = others.of_key(&due.key) {
            (due.key, due.name) = (other.clone(), other);
        }
    }
    review.upcoming.dues.sort_unstable();
    if level == Redaction::Identities {
        hide_people(&mut review, &others);
    } else {
        review.findings.iter_mut().for_each(unquote);
    }
    review.groups = merged(review.groups);
    review
}

/// Changes, one by one, as they may be told at a level.
pub fn redact_changes(changes: &[Change], level: Redaction, key: &[u8]) -> Vec<Change> {
    let mut told = changes.to_vec();
    if level == Redaction::Full {
        return told;
    }
    let objects = |change: &Change| {
        let members = change.members.iter().chain(&change.losers).map(|member| member.member.clone());
        members.chain([change.object.clone()]).collect::<Vec<_>>()
    };
    let people = changes.iter().flat_map(objects).filter(|object| object.kind == ObjectKind::Account);
    let others = Pseudonyms::new(people.map(|object| (object.key, object.name)), key);
    for change in &mut told {
        change.attributes.clear();
        if level == Redaction::Identities {
            others.hide_object(&mut change.object);
            change.members.iter_mut().chain(&mut change.losers).for_each(|member| others.hide_object(&mut member.member));
        }
    }
    told
}

/// What a system said, as it may be told at a level: it may hold anything.
pub fn redact_words(words: &str, level: Redaction) -> String {
    match level {
        Redaction::Full => words.to_owned(),
        Redaction::Values => without_quoted(words),
        Redaction::Identities => "the reason is not shown here".to_owned(),
    }
}

/// Every value, wherever it stands.
fn hide_values(review: &mut Review) {
    let effect = review.effect.iter_mut().flat_map(|one| std::iter::once(&mut one.atom).chain(&mut one.instead));
    for atom in effect.chain(&mut review.pending) {
        match &mut atom.slot {
            AtomSlot::Attribute(value) | AtomSlot::Parameter { value, .. } => hide(value),
            AtomSlot::Entitlement { parameters, .. } => parameters.iter_mut().for_each(hide),
            AtomSlot::Object { .. } | AtomSlot::Member { .. } | AtomSlot::Loser { .. } => {}
        }
    }
    for group in &mut review.groups {
        group.hidden |= group.before.is_some() || group.after.is_some() || group.instead.is_some();
        (group.before, group.after, group.instead) = (None, None, None);
    }
}

fn hide(value: &mut AtomValue) {
    (value.before, value.after, value.public) = (None, None, false);
}

/// Everybody under another name.
fn hide_people(review: &mut Review, others: &Pseudonyms) {
    review.people.clear();
    let effect = review.effect.iter_mut().flat_map(|one| std::iter::once(&mut one.atom).chain(&mut one.instead));
    for atom in effect.chain(&mut review.pending) {
        hide_atom(atom, others);
    }
    for group in &mut review.groups {
        group.who.iter_mut().for_each(|line| others.hide(&mut line.who));
        group.who.sort_unstable();
    }
    for risk in &mut review.risks {
        risk.who.iter_mut().for_each(|who| others.hide(who));
        risk.who.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    }
    review.findings.iter_mut().for_each(|one| hide_finding(one, others));
    for read in &mut review.evidence {
        if let Evidence::Partial { reason } | Evidence::Unreadable { reason } = &mut read.evidence {
            *reason = "the reason is not shown here".to_owned();
        }
    }
    for pattern in &mut review.filter.select {
        *pattern = others.mark("select", pattern);
    }
}

fn hide_atom(atom: &mut Atom, others: &Pseudonyms) {
    others.hide_object(&mut atom.object);
    match &mut atom.slot {
        AtomSlot::Member { member, .. } | AtomSlot::Loser { member, .. } => others.hide_object(member),
        _ => {}
    }
}

/// What is about somebody is told by its kind alone: its words may hold anything. Of the rest, names that stand in the review are replaced.
fn hide_finding(one: &mut ReviewFinding, others: &Pseudonyms) {
    let finding = &mut one.finding;
    let about = finding.subject.key.clone().filter(|key| !Key::is_group(key));
    if about.is_none() && finding.about.is_empty() {
        unquote(one);
        others.replace(&mut one.finding.message);
        one.finding.hint.iter_mut().for_each(|hint| others.replace(hint));
        return;
    }
    let whom = about.map(|key| others.of_key(&key).unwrap_or_else(|| others.mark("person", &key).into()));
    let code = serde_json::to_value(finding.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default();
    finding.message = format!("Something about {} is not shown here ({code}).", whom.as_deref().unwrap_or("several people"));
    finding.hint = (finding.severity >= Severity::Error).then(|| "whoever may see the people runs `headcount plan`".to_owned());
    finding.subject.key = whom;
    finding.about.clear();
}

/// What stands in quotes is a value.
fn unquote(one: &mut ReviewFinding) {
    let finding = &mut one.finding;
    finding.message = without_quoted(&finding.message);
    if let Some(hint) = finding.hint.as_mut().filter(|hint| !hint.contains('\n')) {
        *hint = without_quoted(hint);
    }
}

fn without_quoted(text: &str) -> String {
    let parts = text.split('"').enumerate();
    let parts: Vec<&str> = parts.map(|(at, part)| if at % 2 == 1 { "(not shown)" } else { part }).collect();
    parts.concat()
}

/// Groups that differed only in what is hidden now are one.
fn merged(groups: Vec<AtomGroup>) -> Vec<AtomGroup> {
    let mut told: Vec<AtomGroup> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for group in groups {
        let AtomGroup { of_effect, how, cause, reason, effect, targets, what, parameter, withheld, held, .. } = &group;
        let same = (*of_effect, *how, *cause, *reason, *effect, targets.clone(), what.clone(), parameter.clone(), *withheld, held.clone());
        let place = if group.hidden { *known.entry(same).or_insert(told.len()) } else { told.len() };
        match told.get_mut(place) {
            Some(known) => {
                known.who.extend(group.who);
                known.people += group.people;
                known.atoms += group.atoms;
            }
            None => told.push(group),
        }
    }
    for group in &mut told {
        group.who.sort_unstable_by(|one: &PersonLine, other| (&one.who.name, &one.who.key).cmp(&(&other.who.name, &other.who.key)));
    }
    told
}

/// Other names for some people. The same key gives somebody the same name, as far as four digits tell them apart.
pub struct Pseudonyms {
    key: hmac::Key,
    /// by our key
    names: BTreeMap<Arc<str>, Arc<str>>,
    /// what people call them, the longest first
    called: Vec<(Arc<str>, Arc<str>)>,
}

impl Pseudonyms {
    /// Four digits, and more where two people would share them.
    pub fn new(people: impl IntoIterator<Item = (Arc<str>, Arc<str>)>, key: &[u8]) -> Self {
        let mut found = Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), names: BTreeMap::new(), called: Vec::new() };
        let people: BTreeSet<Who> = people.into_iter().map(|(key, name)| Who { key, name }).collect();
        let keys: BTreeSet<Arc<str>> = people.iter().map(|who| who.key.clone()).collect();
        let mut open: Vec<(Arc<str>, String)> = keys.into_iter().map(|key| (key.clone(), found.digits(&key))).collect();
        let mut length = 4;
        while !open.is_empty() && length <= 64 {
            let short = |digits: &str| digits.get(..length).unwrap_or(digits).to_owned();
            let mut counts: HashMap<String, usize> = HashMap::new();
            open.iter().for_each(|(_, digits)| *counts.entry(short(digits)).or_default() += 1);
            let (clear, shared): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, digits)| counts.get(&short(digits)) == Some(&1));
            found.names.extend(clear.into_iter().map(|(key, digits)| (key, Arc::from(format!("person-{}", short(&digits))))));
            (open, length) = (shared, length + 4);
        }
        let words = people.iter().flat_map(|who| [who.name.clone(), who.key.clone()].map(|word| (word, who.key.clone())));
        let words: BTreeMap<Arc<str>, Arc<str>> = words.collect();
        found.called = words.into_iter().filter_map(|(word, key)| Some((word, found.names.get(&key)?.clone()))).collect();
        found.called.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        found
    }

    fn digits(&self, text: &str) -> String {
        hmac::sign(&self.key, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Another name for something that is nobody in the review.
    fn mark(&self, word: &str, text: &str) -> String {
        format!("{word}-{}", self.digits(text).get(..8).unwrap_or_default())
    }

    /// Somebody's other name.
    pub fn of_key(&self, key: &str) -> Option<Arc<str>> {
        self.names.get(key).cloned()
    }

    fn hide(&self, who: &mut Who) {
        if let Some(other) = self.of_key(&who.key) {
            (who.key, who.name) = (other.clone(), other);
        }
    }

    fn hide_object(&self, object: &mut ObjectRef) {
        if let Some(other) = self.of_key(&object.key).filter(|_| object.kind == ObjectKind::Account) {
            (object.key, object.name, object.id) = (other.clone(), other, None);
        }
    }

    /// Names in a sentence, as whole words.
    fn replace(&self, text: &mut String) {
        for (word, other) in &self.called {
            if word.is_empty() || !text.contains(word.as_ref()) {
                continue;
            }
            let mut replaced = String::with_capacity(text.len());
            let mut rest = text.as_str();
            while let Some(at) = rest.find(word.as_ref()) {
                let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at + word.len()..).unwrap_or_default());
                let goes_on = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
                let whole = !goes_on(before.chars().next_back()) && !goes_on(after.chars().next());
                replaced.push_str(before);
                replaced.push_str(if whole { other } else { word });
                rest = after;
            }
            replaced.push_str(rest);
            *text = replaced;
        }
    }
}

/// Everybody who stands anywhere in a review. Groups are no people.
fn people(review: &Review) -> BTreeSet<(Arc<str>, Arc<str>)> {
    let of_object = |object: &ObjectRef| (object.kind == ObjectKind::Account).then(|| (object.key.clone(), object.name.clone()));
    let effect = review.effect.iter().flat_map(|one| std::iter::once(&one.atom).chain(&one.instead));
    let mut found: BTreeSet<(Arc<str>, Arc<str>)> = BTreeSet::new();
    for atom in effect.chain(&review.pending) {
        found.extend(std::iter::once(&atom.object).chain(atom.slot.member()).filter_map(of_object));
    }
    for group in review.groups.iter().filter(|group| group.effect.is_of_people()) {
        found.extend(group.who.iter().map(|line| (line.who.key.clone(), line.who.name.clone())));
    }
    for risk in review.risks.iter().filter(|risk| risk.effect.is_some_and(super::EffectKind::is_of_people)) {
        found.extend(risk.who.iter().map(|who| (who.key.clone(), who.name.clone())));
    }
    found.extend(review.people.iter().map(|(key, card)| (key.clone(), card.name.clone())));
    let persons = review.upcoming.dues.iter().filter(|due| !is_document(due.what));
    found.extend(persons.map(|due| (due.key.clone(), due.name.clone())));
    found.retain(|(key, _)| !Key::is_group(key));
    found
}

fn is_document(what: crate::model::DueKind) -> bool {
    matches!(what, crate::model::DueKind::OverrideEnds | crate::model::DueKind::RevocationEnds)
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
