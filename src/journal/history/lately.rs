//! What was done lately, in numbers. Of the lines nothing is opened: whoever is meant is told from others by whose the keys are that seal it.
//!
//! Must never: name anybody, or look through more of the journal than it is told to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::changes::{KnownSubjects, subjects};
use super::read_line;
use crate::journal::{Journal, JournalError, ResultWord};
use crate::model::{Action, ChangeId, Mandate, ObjectKind, Reason};
use crate::render::is_first;
use crate::state::ChainLine;

/// What came of a time: people once each, by the worst that happened to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentNumbers {
    /// from when on; later than was asked for where the journal has very much
    pub since: Timestamp,
    /// people who lost sign-in somewhere, by why
    pub lost: BTreeMap<Reason, usize>,
    /// people whose account was deleted, some time after they had lost sign-in
    pub deleted: usize,
    /// people who got an account
    pub given: usize,
    /// people who got sign-in back
    pub regained: usize,
    /// people whose account headcount took over
    pub adopted: usize,
    /// people whose data, groups or entitlements are others, and nothing of the above
    pub changed: usize,
    /// changes that came to nothing, or not to all, and were not done since
    pub failed: usize,
    /// runs that began
    pub runs: usize,
    /// runs that ended before their end
    pub stopped: usize,
}

impl RecentNumbers {
    /// Of what happened since a moment, in the journal behind an entry.
    pub async fn read(journal: &Journal<'_>, since: Timestamp, after: u64, whose: &mut KnownSubjects) -> Result<Self, JournalError> {
        let mut seen = Seen { since, reached: None, ..Seen::default() };
        journal.each_line((after, None), |line| seen.hear(line)).await?;
        let reached = seen.reached.filter(|first| after > 0 && *first > since);
        // Each run seals what it says of somebody under another key.
        whose.learn(journal, seen.touched.iter().map(|(subject, _)| subject).chain(seen.steps.iter().map(|(step, _)| &step.1))).await?;
        Ok(Self { since: reached.unwrap_or(since), ..seen.counted(whose) })
    }

    /// How many lost sign-in.
    pub fn losers(&self) -> usize {
        self.lost.values().sum()
    }
}

/// By what name the key of somebody is kept.
type Subject = Arc<str>;

/// How something touched somebody, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Touch {
    Lost(Reason),
    Deleted,
    Given,
    Regained,
    Adopted,
    Changed,
}

/// What was meant.
#[derive(Deserialize)]
struct Meant {
    change: ChangeId,
    target: Arc<str>,
    action: Action,
    #[serde(default)]
    mandate: Mandate,
    #[serde(default)]
    reason: Option<Reason>,
    object: Object,
    #[serde(default)]
    attributes: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Object {
    kind: ObjectKind,
    /// of groups alone
    key: Arc<str>,
}

/// What came of it.
#[derive(Deserialize)]
struct CameOf {
    at: Timestamp,
    change: ChangeId,
    result: ResultWord,
}

/// That a run began, or ended.
#[derive(Deserialize)]
struct Bound {
    at: Timestamp,
    #[serde(default)]
    stopped: Option<serde::de::IgnoredAny>,
}

/// One thing at a target, of a group its key, and what is done to it.
type Step = (Arc<str>, Subject, Action);

/// An intent that waits for what comes of it.
struct Open {
    step: Step,
    touch: Touch,
    people: Vec<Subject>,
}

#[derive(Default)]
struct Seen {
    since: Timestamp,
    /// the first entry's time
    reached: Option<Timestamp>,
    open: HashMap<(String, ChangeId), Open>,
    /// in order
    touched: Vec<(Subject, Touch)>,
    /// what came of each, in order
    steps: Vec<(Step, ResultWord)>,
    runs: usize,
    stopped: usize,
}

impl Seen {
    fn hear(&mut self, line: &ChainLine) -> Result<(), JournalError> {
        if self.reached.is_none() {
            self.reached = Some(read_line::<Bound>(line)?.at);
        }
        match line.event.as_str() {
            "intent" => self.meant(line)?,
            "outcome" => {
                let CameOf { at, change, result } = read_line(line)?;
                if let Some(open) = self.open.remove(&(line.run.clone(), change)).filter(|_| at >= self.since) {
                    self.came(open, result);
                }
            }
            "started" => self.runs += usize::from(read_line::<Bound>(line)?.at >= self.since),
            "finished" => {
                let Bound { at, stopped } = read_line(line)?;
                self.stopped += usize::from(at >= self.since && stopped.is_some());
            }
            // Where nobody had sign-in any more they are cut off all the same.
            "revoked" if read_line::<Bound>(line)?.at >= self.since => {
                self.touched.extend(subjects(line).into_iter().map(|subject| (subject, Touch::Lost(Reason::Revoked))));
            }
            _ => {}
        }
        Ok(())
    }

    /// A second attempt is meant anew, and says less.
    fn meant(&mut self, line: &ChainLine) -> Result<(), JournalError> {
        let Meant { change, target, action, mandate, reason, object, attributes } = read_line(line)?;
        let mut people = subjects(line);
        let of_group = object.kind == ObjectKind::Group;
        let whose = if of_group { object.key } else { people.first().cloned().unwrap_or_default() };
        // The group's own values are sealed as the group's.
        if of_group && !attributes.is_empty() && !people.is_empty() {
            people.remove(0);
        }
        let touch = if of_group { Touch::Changed } else { touch(action, mandate, reason.unwrap_or(Reason::Mover)) };
        let at = (line.run.clone(), change);
        match self.open.get_mut(&at) {
            Some(open) => open.people.extend(people),
            None => drop(self.open.insert(at, Open { step: (target, whose, action), touch, people })),
        }
        Ok(())
    }

    fn came(&mut self, open: Open, result: ResultWord) {
        if matches!(result, ResultWord::Done | ResultWord::Partly) {
            self.touched.extend(open.people.into_iter().map(|subject| (subject, open.touch)));
        }
        self.steps.push((open.step, result));
    }

    /// People by the worst, and what failed and was not done later.
    fn counted(self, whose: &KnownSubjects) -> RecentNumbers {
        let (mut people, mut failed) = (HashMap::<&Arc<str>, Touch>::new(), BTreeSet::new());
        for (subject, touch) in &self.touched {
            people.entry(whose.key(subject)).and_modify(|known| *known = (*touch).min(*known)).or_insert(*touch);
        }
        for ((target, subject, action), result) in &self.steps {
            let step = (target, whose.key(subject), *action);
            match result {
                ResultWord::Failed | ResultWord::Uncertain | ResultWord::Partly => drop(failed.insert(step)),
                ResultWord::Done | ResultWord::AlreadySo => drop(failed.remove(&step)),
                ResultWord::Skipped => {}
            }
        }
        let mut numbers = RecentNumbers { failed: failed.len(), runs: self.runs, stopped: self.stopped, ..RecentNumbers::default() };
        for touch in people.into_values() {
            match touch {
                Touch::Lost(reason) => *numbers.lost.entry(reason).or_default() += 1,
                Touch::Deleted => numbers.deleted += 1,
                Touch::Given => numbers.given += 1,
                Touch::Regained => numbers.regained += 1,
                Touch::Adopted => numbers.adopted += 1,
                Touch::Changed => numbers.changed += 1,
            }
        }
        numbers
    }
}

fn touch(action: Action, mandate: Mandate, reason: Reason) -> Touch {
    match action {
        Action::Delete if mandate == Mandate::Grace => Touch::Deleted,
        Action::Deactivate | Action::Delete => Touch::Lost(reason),
        Action::Create => Touch::Given,
        // Somebody whose account was there before they started.
        Action::Reactivate if is_first(reason) => Touch::Given,
        Action::Reactivate => Touch::Regained,
        Action::Adopt => Touch::Adopted,
        _ => Touch::Changed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, entry};
    use crate::model::{AttributeChange, Change, MemberChange, ObjectRef, Outcome, SystemError, Value};
    use crate::state::{self, Fact, Store};

    fn of(kind: ObjectKind, key: &str) -> ObjectRef {
        ObjectRef { kind, key: key.into(), id: None, name: key.into() }
    }

    fn account(target: &str, action: Action, key: &str, reason: Reason) -> Change {
        Change::new(&target.into(), action, of(ObjectKind::Account, key), reason)
    }

    /// A group with another name, and these in it.
    fn members(keys: &[&str]) -> Change {
        let member = |key: &&str| MemberChange { member: of(ObjectKind::Account, key), people: 1 };
        let name = AttributeChange {
            attribute: "displayName".into(),
            before: None,
            after: Some(Value::text("x")),
            sensitive: false,
            privileged: false,
        };
        let members = keys.iter().map(member).collect();
        let group = of(ObjectKind::Group, "group/all");
        Change { members, attributes: vec![name], ..Change::new(&"chat".into(), Action::AddMembers, group, Reason::Mover) }
    }

    async fn ran(store: &dyn Store, run: &str, at: Timestamp, changes: &[(Change, Outcome)]) {
        let lines = (0..)
            .map(ChangeId)
            .zip(changes)
            .flat_map(|(id, (change, outcome))| [Event::intent(id, change, 1), Event::outcome(id, change, outcome, None)]);
        let lines: Vec<Fact> = lines.map(|event| entry(&run.into(), at, &event)).collect();
        store.commit(lines).await.unwrap();
    }

    async fn of_store(store: &dyn Store, since: Timestamp, after: u64) -> RecentNumbers {
        RecentNumbers::read(&Journal::new(store), since, after, &mut KnownSubjects::default()).await.unwrap()
    }

    #[tokio::test]
    async fn people_are_counted_once_by_the_worst_and_what_failed_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let store = state::open(&folder.path().join("state.db"), "acme").await.unwrap();
        let at: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let (since, done) = (at - jiff::SignedDuration::from_hours(24), || Outcome::Done { id: None });
        let failed = || Outcome::Failed(SystemError::Rejected("no".into()));
        use Action::{Create, Deactivate, Delete, Reactivate, Update};
        ran(&*store, "old", since - jiff::SignedDuration::from_secs(1), &[(account("chat", Deactivate, "hr/9", Reason::Leaver), done())])
            .await;
        let changes = [
            (account("chat", Create, "hr/1", Reason::Joiner), done()),
            (account("chat", Deactivate, "hr/2", Reason::Leaver), done()),
            (account("wiki", Deactivate, "hr/2", Reason::Leaver), done()),
            (account("wiki", Update, "hr/2", Reason::Mover), done()),
            (Change { mandate: Mandate::Grace, ..account("chat", Delete, "hr/3", Reason::Due) }, done()),
            (account("chat", Reactivate, "hr/4", Reason::Returned), done()),
            (account("chat", Update, "hr/5", Reason::Mover), failed()),
            (account("wiki", Update, "hr/5", Reason::Mover), failed()),
            (members(&["hr/1", "hr/6", "hr/7"]), done()),
        ];
        ran(&*store, "one", at, &changes).await;
        let again = [(account("chat", Update, "hr/5", Reason::Mover), done()), (account("wiki", Update, "hr/1", Reason::Mover), done())];
        ran(&*store, "two", at, &again).await;
        let revoked = Event::Revoked { keys: vec!["hr/8".into()], reason: "lost".into(), until: None, who: "mara".into() };
        let started = Event::Asked { who: "mara".into(), targets: Vec::new(), ignore_window: false };
        store.commit([revoked, started].iter().map(|event| entry(&"-".into(), at, event)).collect()).await.unwrap();
        let numbers = of_store(&*store, since, 0).await;
        let lost = [(Reason::Leaver, 1), (Reason::Revoked, 1)].into();
        let expected =
            RecentNumbers { since, lost, deleted: 1, given: 1, regained: 1, adopted: 0, changed: 3, failed: 1, runs: 0, stopped: 0 };
        assert_eq!(numbers, expected);
        // What the journal has before what is looked through is not there, and that is said.
        let last = store.heads().await.unwrap().written.unwrap().seq;
        let few = of_store(&*store, since, last - 1).await;
        assert_eq!(few, RecentNumbers { since: at, ..RecentNumbers::default() });
    }

    #[tokio::test]
    async fn runs_that_were_stopped_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let store = state::open(&folder.path().join("state.db"), "acme").await.unwrap();
        let at = Timestamp::now();
        let started = || Event::Started {
            workspace: "acme".into(),
            plan: "0".repeat(64),
            as_of: jiff::civil::date(2026, 11, 30),
            who: "a test".into(),
            version: "0".into(),
        };
        let ended = |stopped: Option<&str>| Event::Finished { results: BTreeMap::new(), stopped: stopped.map(str::to_owned) };
        for (run, stopped) in [("one", None), ("two", Some("it was told to"))] {
            let lines = [started(), ended(stopped)];
            store.commit(lines.iter().map(|event| entry(&run.into(), at, event)).collect()).await.unwrap();
        }
        let numbers = of_store(&*store, at - jiff::SignedDuration::from_hours(1), 0).await;
        assert_eq!((numbers.runs, numbers.stopped), (2, 1));
    }
}
