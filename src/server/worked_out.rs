//! What pages and the API work out of what was read, kept while somebody looks: the first question of a snapshot puts its people together, the next ones find them.
//!
//! Must never: keep a snapshot for long that nobody asks about, or keep anything else waiting.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::oneshot;

use super::answer::Problem;
use crate::pipeline::{ChangeOrigins, Snapshot};
use crate::planning::explain::{GroupRoster, Inventory, ListedPerson};

/// What nobody asked about for so long is let go: it takes memory, and a world that changes meanwhile is there twice.
const KEPT: Duration = Duration::from_secs(30);

/// Expressions are evaluated there: as much as the main thread has.
const STACK: usize = 16 << 20;

/// What was worked out of one snapshot so far.
pub(super) struct WorkedOut<'s> {
    /// the answers to any question
    pub origins: ChangeOrigins<'s>,
    inventory: OnceCell<Inventory>,
    /// where everybody stands in the inventory, and what they are called in small letters, by what they are displayed as
    called: OnceCell<Vec<(usize, String)>>,
    /// of each group that was looked at
    rosters: RefCell<BTreeMap<Arc<str>, Rc<GroupRoster>>>,
}

/// What separates the names of one person: nobody can search for it.
const BETWEEN: char = '\n';

impl WorkedOut<'_> {
    /// Who has what.
    pub fn inventory(&self) -> &Inventory {
        self.inventory.get_or_init(|| self.origins.provenance().inventory())
    }

    /// Those whose key or names hold a text in small letters, in the order of what they are displayed as.
    pub fn called(&self, small: &str) -> Vec<&ListedPerson> {
        let people = &self.inventory().people;
        let called = self.called.get_or_init(|| {
            let mut called: Vec<(usize, String)> = people.iter().map(names).enumerate().collect();
            called.sort_by(|one, next| one.1.cmp(&next.1));
            called
        });
        called.iter().filter(|(_, names)| names.contains(small)).filter_map(|(at, _)| people.get(*at)).collect()
    }

    /// Who is in a group: everybody is asked once, however many pages of it are looked at.
    pub fn roster(&self, key: &str) -> Option<Rc<GroupRoster>> {
        if let Some(known) = self.rosters.borrow().get(key) {
            return Some(known.clone());
        }
        let roster = Rc::new(self.origins.provenance().roster(key)?);
        self.rosters.borrow_mut().insert(key.into(), roster.clone());
        Some(roster)
    }
}

/// What somebody is displayed as, as far as everybody may know it.
pub(super) fn displayed(person: &ListedPerson) -> &str {
    person.attributes.get("displayName").unwrap_or(&person.name)
}

/// The first is what they are displayed as.
fn names(person: &ListedPerson) -> String {
    let accounts = person.accounts.iter().map(|account| account.name.as_ref());
    let mut all: Vec<&str> = [displayed(person), person.name.as_ref(), person.key.as_ref()].into_iter().chain(accounts).collect();
    all.dedup();
    all.join(&BETWEEN.to_string()).to_lowercase()
}

type Question = Box<dyn FnOnce(&WorkedOut<'_>) + Send>;

/// Whoever works it out, for the snapshot that was asked about last.
#[derive(Default)]
pub(super) struct Scholar(Mutex<Option<Studied>>);

struct Studied {
    /// the thread keeps it, so nothing else is ever at its place meanwhile
    of: Weak<Snapshot>,
    questions: Sender<Question>,
}

impl Scholar {
    /// Works something out, on a thread of its own.
    pub async fn ask<T: Send + 'static>(
        &self,
        snapshot: Arc<Snapshot>,
        work: impl FnOnce(&WorkedOut<'_>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, heard) = oneshot::channel();
        self.hand(snapshot, Box::new(move |known| drop(answer.send(work(known)))));
        heard.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it could not be worked out"))
    }

    fn hand(&self, snapshot: Arc<Snapshot>, question: Question) {
        let mut studied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = Arc::downgrade(&snapshot);
        let question = match studied.as_ref().filter(|known| known.of.ptr_eq(&of)) {
            None => question,
            Some(known) => match known.questions.send(question) {
                Ok(()) => return,
                // Whoever worked on it let it go a moment ago.
                Err(SendError(question)) => question,
            },
        };
        *studied = begun(snapshot, of, question);
    }
}

fn begun(snapshot: Arc<Snapshot>, of: Weak<Snapshot>, question: Question) -> Option<Studied> {
    let (questions, asked) = channel();
    questions.send(question).ok()?;
    let thread = std::thread::Builder::new().name("pages".into()).stack_size(STACK);
    thread.spawn(move || study(&snapshot, &asked)).ok()?;
    Some(Studied { of, questions })
}

/// Until another snapshot is asked about, or nobody asks.
fn study(snapshot: &Snapshot, asked: &Receiver<Question>) {
    let known = WorkedOut {
        origins: ChangeOrigins::of(snapshot),
        inventory: OnceCell::new(),
        called: OnceCell::new(),
        rosters: RefCell::default(),
    };
    while let Ok(question) = asked.recv_timeout(KEPT) {
        question(&known);
    }
}
