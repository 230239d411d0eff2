//! What pages and the API work out of what was read, kept while somebody looks: the first question of a snapshot puts its people together, the next ones find them.
//!
//! Must never: keep a snapshot for long that nobody asks about, or keep anything else waiting.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SendError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::oneshot;

use super::answer::Problem;
use crate::pipeline::{ChangeOrigins, Snapshot};
use crate::planning::explain::{AccountNames, GroupRoster, Inventory, NameRegister};

/// What nobody asked about for so long is let go: it takes memory, and a world that changes meanwhile is there twice.
const KEPT: Duration = Duration::from_secs(30);

/// Expressions are evaluated there: as much as the main thread has.
const STACK: usize = 16 << 20;

/// What was worked out of one snapshot so far.
pub(super) struct WorkedOut<'s> {
    /// the answers to any question
    pub origins: ChangeOrigins<'s>,
    inventory: OnceCell<Inventory>,
    /// everybody by their names
    register: OnceCell<NameRegister>,
    /// what their accounts are called
    account_names: OnceCell<AccountNames>,
    /// of each group that was looked at
    rosters: RefCell<BTreeMap<Arc<str>, Rc<GroupRoster>>>,
}

impl<'s> WorkedOut<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        let (inventory, register, account_names) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { origins: ChangeOrigins::of(snapshot), inventory, register, account_names, rosters: RefCell::default() }
    }

    /// Who has what.
    pub fn inventory(&self) -> &Inventory {
        self.inventory.get_or_init(|| self.origins.provenance().inventory())
    }

    /// The numbers of those who are called so, in small letters, or whose account is; of nothing those of all.
    pub fn called(&self, small: &str) -> Vec<u32> {
        match small {
            "" => self.register().everybody(),
            _ => self.register().called(small, self.account_names()),
        }
    }

    fn register(&self) -> &NameRegister {
        self.register.get_or_init(|| self.origins.provenance().register())
    }

    fn account_names(&self) -> &AccountNames {
        self.account_names.get_or_init(|| self.origins.provenance().account_names())
    }

    /// Whether all of that is worked out for which whoever looks next would wait.
    #[cfg(test)]
    pub fn is_prepared(&self) -> bool {
        self.account_names.get().is_some()
    }

    /// Works out one more thing for which whoever looks next would wait; false where nothing is left.
    fn prepare(&self, step: usize) -> bool {
        let provenance = self.origins.provenance();
        match step {
            0 => provenance.settle(),
            1 => drop(self.register()),
            2 => drop(self.account_names()),
            3 => drop(provenance.by_key()),
            _ => return false,
        }
        true
    }

    /// Who is in a group: everybody is asked once, however many pages of it are looked at.
    pub fn roster(&self, key: &str) -> Option<Rc<GroupRoster>> {
        if let Some(known) = self.rosters.borrow().get(key) {
            return Some(known.clone());
        }
        let provenance = self.origins.provenance();
        if !provenance.has_group(key) {
            return None;
        }
        // Whose each account is takes as long, and whoever asks for a group asks for that next; without a thread it is worked out then.
        let roster = std::thread::scope(|threads| {
            let beside = std::thread::Builder::new().stack_size(STACK);
            drop(beside.spawn_scoped(threads, || provenance.settle()));
            provenance.roster(key)
        });
        let roster = Rc::new(roster?);
        self.rosters.borrow_mut().insert(key.into(), roster.clone());
        Some(roster)
    }
}

/// What whoever works it out is asked.
enum ScholarTask {
    /// this
    Work(Box<dyn FnOnce(&WorkedOut<'_>) + Send>),
    /// somebody has their page: what they may ask for next is worked out meanwhile
    Ahead,
}

/// Whoever works it out, for the snapshot that was asked about last.
#[derive(Default)]
pub(super) struct Scholar {
    studied: Mutex<Option<Studied>>,
    /// when somebody looked last; none: nobody does
    looked: Mutex<Option<Instant>>,
}

struct Studied {
    /// the thread keeps it, so nothing else is ever at its place meanwhile
    of: Weak<Snapshot>,
    questions: Sender<ScholarTask>,
}

impl Scholar {
    /// Works something out, on a thread of its own.
    pub async fn ask<T: Send + 'static>(
        &self,
        snapshot: Arc<Snapshot>,
        work: impl FnOnce(&WorkedOut<'_>) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, heard) = oneshot::channel();
        self.hand(snapshot, ScholarTask::Work(Box::new(move |known| drop(answer.send(work(known))))));
        heard.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it could not be worked out"))
    }

    /// What somebody may ask for next is worked out meanwhile.
    pub fn begin(&self, snapshot: Arc<Snapshot>) {
        self.hand(snapshot, ScholarTask::Ahead);
    }

    /// Whether this is the snapshot that was asked about last.
    pub fn knows(&self, snapshot: &Arc<Snapshot>) -> bool {
        let studied = self.studied.lock().unwrap_or_else(PoisonError::into_inner);
        studied.as_ref().is_some_and(|known| known.of.ptr_eq(&Arc::downgrade(snapshot)))
    }

    /// Somebody looks. Says whether nobody did a moment ago.
    pub fn look(&self) -> bool {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now()).is_none()
    }

    /// Whether somebody looked lately.
    pub fn is_looked_at(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        *looked = looked.filter(|at| at.elapsed() < KEPT);
        looked.is_some()
    }

    fn hand(&self, snapshot: Arc<Snapshot>, question: ScholarTask) {
        let mut studied = self.studied.lock().unwrap_or_else(PoisonError::into_inner);
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

fn begun(snapshot: Arc<Snapshot>, of: Weak<Snapshot>, question: ScholarTask) -> Option<Studied> {
    let (questions, asked) = channel();
    questions.send(question).ok()?;
    let thread = std::thread::Builder::new().name("pages".into()).stack_size(STACK);
    thread.spawn(move || study(&snapshot, &asked)).ok()?;
    Some(Studied { of, questions })
}

/// Until another snapshot is asked about, or nobody asks. Nothing is worked out ahead before the first page is answered, and then a question waits for one thing at
/// most that nobody asked for yet.
fn study(snapshot: &Snapshot, asked: &Receiver<ScholarTask>) {
    let (known, mut step, mut is_ahead) = (WorkedOut::of(snapshot), 0, false);
    loop {
        let question = match asked.try_recv() {
            Err(TryRecvError::Empty) if is_ahead && known.prepare(step) => {
                step += 1;
                continue;
            }
            Err(_) => asked.recv_timeout(KEPT),
            Ok(question) => Ok(question),
        };
        match question {
            Ok(ScholarTask::Work(work)) => work(&known),
            Ok(ScholarTask::Ahead) => is_ahead = true,
            Err(_) => return,
        }
    }
}
