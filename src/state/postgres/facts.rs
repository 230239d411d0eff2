//! Facts, as statements. What is of one kind is one statement, wherever it stands among others, as long as none of those in between is about the same thing.
//!
//! What they mean is what `sqlite/` makes of them, one after the other; the same tests hold both. Must never: let one fact of a statement depend on another one of it,
//! or bring one ahead of what it depends on.

use std::collections::HashSet;
use std::mem::discriminant;

use super::links;
use super::objects;
use super::people;
use super::rest;
use super::statement::Statement;
use super::subjects;
use crate::model::{ObjectKind, WindowEntry};
use crate::state::{EntryDraft, Fact, Shelf};

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
    // What is pushed is changed by whoever has the lock, alone.
    let shelf = |shelf: Shelf| !matches!(shelf, Shelf::Inbox | Shelf::InboxMembers);
    let asks = |fact: &Fact| match fact {
        Fact::Shelved(thing) => shelf(thing.shelf),
        Fact::Unshelved { shelf: of, .. } => shelf(*of),
        Fact::Revoked(_) | Fact::OtherKeys { .. } | Fact::Receipt { .. } | Fact::Lifted(_) | Fact::Erased(_) => true,
        _ => false,
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
const BESIDE_RUNS: [&str; 6] = ["revoked", "receipt", "lifted", "erased", "restored", "clockAccepted"];

/// Turns facts into statements.
pub(super) fn work(workspace: &str, facts: Vec<Fact>) -> Work {
    let mut work = Work::default();
    let mut counted = Vec::new();
    let mut lanes = Lanes::default();
    for fact in facts {
        match fact {
            Fact::Line(line) => work.lines.push(line),
            Fact::Counted(entry) => add(&mut counted, entry),
            fact => {
                work.revokes |= matches!(fact, Fact::Revoked(_) | Fact::OtherKeys { .. } | Fact::Lifted(_) | Fact::SourceRenamed { .. });
                work.counts |= matches!(fact, Fact::Written(_));
                match things(&fact) {
                    Some(things) => lanes.take(fact, things, workspace, &mut work.statements),
                    None => {
                        lanes.empty(workspace, &mut work.statements);
                        one(workspace, &fact, &mut work.statements);
                    }
                }
            }
        }
    }
    lanes.empty(workspace, &mut work.statements);
    work.counts |= !counted.is_empty();
    work.statements.extend((!counted.is_empty()).then(|| rest::count(workspace, &counted)));
    work
}

/// What is sent at once stays small.
const MOST: usize = 10_000;

/// Facts that may go together with others of their kind. A lane is sent after those that were opened before it.
#[derive(Default)]
struct Lanes(Vec<Lane>);

/// Facts of one kind, no two of them about one thing.
struct Lane {
    facts: Vec<Fact>,
    about: HashSet<String>,
}

impl Lanes {
    fn take(&mut self, fact: Fact, things: Vec<String>, workspace: &str, into: &mut Vec<Statement>) {
        let same = |lane: &Lane| lane.facts.first().is_some_and(|known| discriminant(known) == discriminant(&fact));
        if let Some(at) = self.0.iter().position(same) {
            // In its lane it goes ahead of what came before it and stands in a later lane.
            let passed = self.0.get(at..).unwrap_or_default();
            let free = passed.iter().all(|lane| things.iter().all(|thing| !lane.about.contains(thing)));
            if let Some(lane) = self.0.get_mut(at).filter(|lane| free && lane.facts.len() < MOST) {
                lane.about.extend(things);
                lane.facts.push(fact);
                return;
            }
            self.empty(workspace, into);
        }
        self.0.push(Lane { facts: vec![fact], about: things.into_iter().collect() });
    }

    fn empty(&mut self, workspace: &str, into: &mut Vec<Statement>) {
        for lane in self.0.drain(..) {
            statements(workspace, &lane.facts, into);
        }
    }
}

/// What a fact is about, where there may be many of its kind in one statement: whatever it reads or writes is found by one of these.
fn things(fact: &Fact) -> Option<Vec<String>> {
    let thing = |parts: &[&str]| parts.join("\0");
    let object = |target: &str, kind: ObjectKind, id: &str| thing(&["object", target, kind.word(), id]);
    let ours = |target: &str, kind: ObjectKind, key: &str| thing(&["key", target, kind.word(), key]);
    Some(match fact {
        Fact::Linked(link) | Fact::Placed(link) | Fact::Renamed(link) => {
            let key = ours(&link.target, link.kind, &link.key);
            match link.kind {
                // An account has many of them, and each is found by its key.
                ObjectKind::Entitlement => vec![key],
                _ => vec![key, object(&link.target, link.kind, &link.id)],
            }
        }
        Fact::Inactive(of) | Fact::NotInactive(of) | Fact::Active(of) => vec![object(&of.target, of.kind, &of.id)],
        Fact::CutOff(of) => vec![object(&of.target, of.kind, &of.id)],
        Fact::Written(values) => values.iter().map(|(_, of)| object(&of.target, of.kind, &of.id)).collect(),
        // Whoever gets an account wakes it.
        Fact::Resting(of) | Fact::NotMade(of) => vec![ours(&of.target, ObjectKind::Account, &of.key)],
        Fact::Record(link) => {
            vec![thing(&["record", &link.source, &link.record]), thing(&["identity", &link.source, &link.identity])]
        }
        Fact::Subject(subject) => vec![thing(&["subject", &subject.id])],
        Fact::Sent(unheard) | Fact::Heard(unheard) => vec![thing(&["unheard", &unheard.target, &unheard.key])],
        Fact::Departed(name) => vec![thing(&["departed", &name.target, &name.attribute, &name.value, &name.key])],
        _ => return None,
    })
}

fn statements(workspace: &str, facts: &[Fact], into: &mut Vec<Statement>) {
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
        Fact::Renamed(_) => into.push(links::rename(workspace, &all!(Renamed))),
        Fact::Inactive(_) => into.push(objects::deactivate(workspace, &all!(Inactive))),
        Fact::NotInactive(_) => into.push(objects::forget_deactivations(workspace, &all!(NotInactive))),
        Fact::Active(_) => {
            let were = all!(Active);
            into.extend([objects::forget_deactivations(workspace, &were), objects::forget_cut_off(workspace, &were)]);
        }
        Fact::CutOff(_) => into.push(objects::cut_off(workspace, &all!(CutOff))),
        Fact::Resting(_) => into.push(objects::rest(workspace, &all!(Resting))),
        Fact::NotMade(_) => into.push(objects::forget_resting(workspace, &all!(NotMade))),
        _ => facts.iter().for_each(|fact| one(workspace, fact, into)),
    }
}

fn one(workspace: &str, fact: &Fact, into: &mut Vec<Statement>) {
    match fact {
        Fact::Carried(link) => links::carry(workspace, link, into),
        Fact::Moved { link, from } => links::shift(workspace, link, from, into),
        Fact::Moving(former) => into.push(links::record_former(workspace, former)),
        Fact::NotMoved(former) => into.push(links::forget_former(workspace, (&former.target, former.kind, &former.id), &former.key)),
        Fact::Unlinked(link) => links::forget(workspace, link, into),
        Fact::SourceRenamed { old, new } => people::rename_source(workspace, old, new, into),
        Fact::Kept(repeat) => into.push(objects::forget_repeat(workspace, repeat)),
        Fact::Returned(name) => into.push(people::back(workspace, name)),
        Fact::Pruned(before) => rest::prune(workspace, *before, into),
        Fact::Baseline(baseline) => into.push(rest::baseline(workspace, baseline)),
        Fact::Told(told) => into.push(rest::tell(workspace, told)),
        Fact::Left { target, all } => rest::leave(workspace, target, all, into),
        Fact::LeftOf { target, part } => rest::leave_of(workspace, target, part, into),
        Fact::Known(at) => into.push(rest::known(workspace, *at)),
        Fact::Revoked(revocation) => people::revoke(workspace, revocation, into),
        Fact::OtherKeys { identity, also } => into.push(people::other_keys(workspace, identity, also)),
        Fact::Receipt { identity, receipt } => into.push(people::receipt(workspace, identity, receipt)),
        Fact::Lifted(key) => people::lift(workspace, key, into),
        Fact::Shelved(thing) => into.push(rest::shelve(workspace, thing)),
        Fact::Unshelved { shelf, name } => into.push(rest::unshelve(workspace, *shelf, name)),
        Fact::SubjectsGone(ids) => into.push(subjects::destroy(workspace, ids)),
        Fact::Erased(keys) => subjects::erase(workspace, keys, into),
        // These go in lanes.
        Fact::Linked(_) | Fact::Placed(_) | Fact::Renamed(_) | Fact::Record(_) | Fact::Sent(_) | Fact::Heard(_) | Fact::Departed(_) => {}
        Fact::Written(_) | Fact::Inactive(_) | Fact::NotInactive(_) | Fact::Active(_) | Fact::CutOff(_) => {}
        Fact::Resting(_) | Fact::NotMade(_) => {}
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::model::{Guardrail, Link, LinkOrigin, Repeat, Unheard};

    /// What one account teaches that was made, as the executor tells it.
    fn made(number: usize) -> [Fact; 3] {
        let (target, at): (Arc<str>, _) = ("chat".into(), Timestamp::UNIX_EPOCH);
        let (key, id): (Arc<str>, Arc<str>) = (format!("hr/{number}").into(), number.to_string().into());
        let (kind, origin) = (ObjectKind::Account, LinkOrigin::Created);
        let link = Link { target: target.clone(), kind, key: key.clone(), id: id.clone(), origin, system: 7, name: None, at };
        let value = Repeat { target: target.clone(), kind, id, attribute: "title".into(), wrote: 1, found: 2, at };
        [Fact::Linked(link), Fact::Heard(Unheard { target, guardrail: Guardrail::Create, key, at }), Fact::Written(vec![(1, value)])]
    }

    #[test]
    fn what_a_thousand_changes_teach_is_as_many_statements_as_what_one_does() {
        let of = |many: usize| work("acme", (0..many).flat_map(made).collect()).statements.len();
        assert_eq!(of(1000), of(1));
    }

    #[test]
    fn nothing_goes_ahead_of_what_it_depends_on() {
        let [linked, heard, written] = made(1);
        let again = work("acme", vec![linked.clone(), written.clone(), heard, linked, written]).statements.len();
        assert_eq!(
            again,
            2 * work("acme", made(1).into()).statements.len() - 1,
            "a new object has nothing of what was written to the one before"
        );
    }
}
