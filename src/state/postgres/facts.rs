//! Facts, as statements, in their order. What follows one another and is of one kind is one statement, as long as no row is meant twice.
//!
//! What they mean is what `sqlite/` makes of them; the same tests hold both. Must never: let one fact of a statement depend on another one of it.

use std::collections::BTreeSet;

use super::links;
use super::objects;
use super::people;
use super::rest;
use super::statement::Statement;
use super::subjects;
use crate::model::{ObjectKind, WindowEntry};
use crate::state::{EntryDraft, Fact};

/// What a commit comes to.
#[derive(Default)]
pub(super) struct Work {
    /// in their order
    pub(super) statements: Vec<Statement>,
    /// the journal's lines, which get their numbers once it is known what the last one is
    pub(super) lines: Vec<EntryDraft>,
    /// who is cut off may be others from now on
    pub(super) revokes: bool,
    /// done twice it would be something else
    pub(super) counts: bool,
}

/// What a run alone may write, and only as long as it holds the lock. What anybody may ask for, and who is cut off, waits for no lock.
pub(super) fn is_of_a_run(facts: &[Fact]) -> bool {
    let asks = |fact: &Fact| {
        matches!(
            fact,
            Fact::Shelved(_)
                | Fact::Unshelved { .. }
                | Fact::Revoked(_)
                | Fact::OtherKeys { .. }
                | Fact::Receipt { .. }
                | Fact::Lifted(_)
                | Fact::Erased(_)
        )
    };
    // A key goes with what it seals.
    let neither = |fact: &Fact| matches!(fact, Fact::Subject(_) | Fact::SubjectsGone(_));
    let runs = |fact: &Fact| match fact {
        Fact::Line(line) => !BESIDE_RUNS.contains(&line.event.as_ref()),
        fact => !asks(fact) && !neither(fact),
    };
    facts.iter().any(runs) || !facts.iter().any(asks)
}

/// Lines that whoever asks for something writes with it.
const BESIDE_RUNS: [&str; 5] = ["revoked", "receipt", "lifted", "erased", "restored"];

/// Turns facts into statements.
pub(super) fn work(workspace: &str, facts: Vec<Fact>) -> Work {
    let mut work = Work::default();
    let mut counted = Vec::new();
    let mut batch = Batch::default();
    for fact in facts {
        match fact {
            Fact::Line(line) => work.lines.push(line),
            Fact::Counted(entry) => add(&mut counted, entry),
            fact => {
                work.revokes |= matches!(fact, Fact::Revoked(_) | Fact::OtherKeys { .. } | Fact::Lifted(_) | Fact::SourceRenamed { .. });
                work.counts |= matches!(fact, Fact::Written(_));
                if !batch.takes(&fact) {
                    batch.empty(workspace, &mut work.statements);
                    batch.takes(&fact);
                }
                batch.facts.push(fact);
            }
        }
    }
    batch.empty(workspace, &mut work.statements);
    work.counts |= !counted.is_empty();
    work.statements.extend((!counted.is_empty()).then(|| rest::count(workspace, &counted)));
    work
}

/// Facts of one kind, no two of them about one thing.
#[derive(Default)]
struct Batch {
    facts: Vec<Fact>,
    about: BTreeSet<String>,
}

impl Batch {
    /// Whether it is of the same kind, and about something else. The first one always is.
    fn takes(&mut self, fact: &Fact) -> bool {
        let marks = marks(fact);
        /// What is sent at once stays small.
        const MOST: usize = 10_000;
        let first = self.facts.is_empty();
        let same = self.facts.first().is_some_and(|known| std::mem::discriminant(known) == std::mem::discriminant(fact));
        let fits = first
            || (same && self.facts.len() < MOST && marks.as_ref().is_some_and(|marks| marks.iter().all(|mark| !self.about.contains(mark))));
        if fits {
            self.about.extend(marks.into_iter().flatten());
        }
        fits
    }

    fn empty(&mut self, workspace: &str, into: &mut Vec<Statement>) {
        self.about.clear();
        statements(workspace, std::mem::take(&mut self.facts), into);
    }
}

/// What a fact is about, where there may be many of its kind in one statement.
fn marks(fact: &Fact) -> Option<Vec<String>> {
    let mark = |parts: &[&str]| parts.join("\0");
    Some(match fact {
        Fact::Linked(link) | Fact::Placed(link) => {
            let of = [link.target.as_ref(), link.kind.word()];
            let key = mark(&["key", of[0], of[1], &link.key]);
            match link.kind {
                ObjectKind::Entitlement => vec![key],
                _ => vec![key, mark(&["id", of[0], of[1], &link.id])],
            }
        }
        Fact::Record(link) => vec![mark(&["record", &link.source, &link.record]), mark(&["identity", &link.source, &link.identity])],
        Fact::Subject(subject) => vec![mark(&[&subject.id])],
        Fact::Sent(unheard) | Fact::Heard(unheard) => vec![mark(&[&unheard.target, &unheard.key])],
        Fact::Departed(name) => vec![mark(&[&name.target, &name.attribute, &name.value, &name.key])],
        Fact::Written(values) => values.iter().map(|(name, of)| mark(&[&of.target, of.kind.word(), &of.id, &name.to_string()])).collect(),
        _ => return None,
    })
}

fn statements(workspace: &str, facts: Vec<Fact>, into: &mut Vec<Statement>) {
    let Some(first) = facts.first() else { return };
    macro_rules! all {
        ($kind:ident) => {
            facts.iter().filter_map(|fact| if let Fact::$kind(value) = fact { Some(value) } else { None }).collect::<Vec<_>>()
        };
    }
    match first {
        Fact::Linked(_) => links::record(workspace, &all!(Linked), into),
        Fact::Placed(_) => into.push(links::place(workspace, &all!(Placed))),
        Fact::Record(_) => people::record(workspace, &all!(Record), into),
        Fact::Sent(_) => into.push(rest::send(workspace, &all!(Sent))),
        Fact::Heard(_) => into.push(rest::hear(workspace, &all!(Heard))),
        Fact::Departed(_) => into.push(people::depart(workspace, &all!(Departed))),
        Fact::Written(_) => objects::write(workspace, &all!(Written), into),
        Fact::Subject(_) => into.push(subjects::put(workspace, &all!(Subject))),
        _ => facts.iter().for_each(|fact| one(workspace, fact, into)),
    }
}

fn one(workspace: &str, fact: &Fact, into: &mut Vec<Statement>) {
    match fact {
        Fact::Carried(link) => links::carry(workspace, link, into),
        Fact::Renamed(link) => into.push(links::rename(workspace, link)),
        Fact::Moved { link, from } => into.push(links::shift(workspace, link, from)),
        Fact::Unlinked(link) => links::forget(workspace, link, into),
        Fact::SourceRenamed { old, new } => people::rename_source(workspace, old, new, into),
        Fact::Inactive(made) => into.push(objects::deactivate(workspace, made)),
        Fact::NotInactive(was) => into.push(objects::forget_deactivation(workspace, was)),
        Fact::Active(was) => into.extend([objects::forget_deactivation(workspace, was), objects::forget_cut_off(workspace, was)]),
        Fact::Resting(resting) => into.push(objects::rest(workspace, resting)),
        Fact::NotMade(resting) => into.push(objects::forget_resting(workspace, resting)),
        Fact::CutOff(cut_off) => into.push(objects::cut_off(workspace, cut_off)),
        Fact::Kept(repeat) => into.push(objects::forget_repeat(workspace, repeat)),
        Fact::Returned(name) => into.push(people::back(workspace, name)),
        Fact::Pruned(before) => rest::prune(workspace, *before, into),
        Fact::Baseline(baseline) => into.push(rest::baseline(workspace, baseline)),
        Fact::Told(told) => into.push(rest::tell(workspace, told)),
        Fact::Left { target, all } => rest::leave(workspace, target, all, into),
        Fact::Known(at) => into.push(rest::known(workspace, *at)),
        Fact::Revoked(revocation) => people::revoke(workspace, revocation, into),
        Fact::OtherKeys { identity, also } => into.push(people::other_keys(workspace, identity, also)),
        Fact::Receipt { identity, receipt } => into.push(people::receipt(workspace, identity, receipt)),
        Fact::Lifted(key) => people::lift(workspace, key, into),
        Fact::Shelved(thing) => into.push(rest::shelve(workspace, thing)),
        Fact::Unshelved { shelf, name } => into.push(rest::unshelve(workspace, *shelf, name)),
        Fact::SubjectsGone(ids) => into.push(subjects::destroy(workspace, ids)),
        Fact::Erased(keys) => subjects::erase(workspace, keys, into),
        Fact::Linked(_) | Fact::Placed(_) | Fact::Record(_) | Fact::Sent(_) | Fact::Heard(_) | Fact::Departed(_) | Fact::Written(_) => {}
        Fact::Cut(last) => rest::cut(workspace, last, into),
        Fact::Line(_) | Fact::Counted(_) | Fact::Subject(_) => {}
    }
}

/// What falls into one row is one entry, as young as its youngest part.
fn add(counted: &mut Vec<WindowEntry>, entry: WindowEntry) {
    let minute = |entry: &WindowEntry| entry.at.as_second().div_euclid(60);
    let same =
        |known: &&mut WindowEntry| known.guardrail == entry.guardrail && known.target == entry.target && minute(known) == minute(&entry);
    match counted.iter_mut().find(same) {
        Some(known) => (known.weight, known.at) = (known.weight + entry.weight, known.at.max(entry.at)),
        None => counted.push(entry),
    }
}
