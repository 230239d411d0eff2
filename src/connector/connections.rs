//! The connections that are open: a Source and a Target of one system share what belongs to it, and whoever runs on keeps it from one run to the next.
//!
//! Must never: hold a secret beside the connection that uses it, or share credentials between connections that are written differently.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::clock::WaitClock;
use super::connection::System;
use super::inbox::InboxPlace;
use crate::model::SystemError;

type Opened = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// Which turn of the secrets something was opened in.
type Turn = u64;

/// All that is open. A copy is the same.
#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<Pool>>);

#[derive(Default)]
struct Pool {
    clock: WaitClock,
    systems: BTreeMap<Box<str>, Arc<System>>,
    opened: BTreeMap<Box<str>, (Turn, Opened)>,
    inboxes: Option<Arc<dyn InboxPlace>>,
}

impl Connections {
    /// With systems that wait by this clock.
    pub fn by(clock: WaitClock) -> Self {
        Self(Arc::new(Mutex::new(Pool { clock, ..Pool::default() })))
    }

    /// With the inboxes of systems that push.
    pub fn with_inboxes(self, inboxes: Arc<dyn InboxPlace>) -> Self {
        self.pool().inboxes = Some(inboxes);
        self
    }

    /// Where the inboxes are of systems that push.
    pub fn inboxes(&self) -> Option<Arc<dyn InboxPlace>> {
        self.pool().inboxes.clone()
    }

    /// What is waited by.
    pub fn clock(&self) -> WaitClock {
        self.pool().clock.clone()
    }

    /// What all connections to a system share. The system is named as its manifest names it to links.
    pub fn system(&self, words: &str) -> Arc<System> {
        let mut pool = self.pool();
        let clock = pool.clock.clone();
        pool.systems.entry(words.into()).or_insert_with(|| Arc::new(System::by(&clock))).clone()
    }

    /// What was opened under a key, else what `open` opens: once, however many ask for it. What fails is tried again by whoever asks next. Connections that are
    /// written alike have one key; one of another turn of the secrets gives way.
    pub async fn open<T: Send + Sync + 'static>(
        &self,
        key: &str,
        turn: u64,
        open: impl Future<Output = Result<T, SystemError>>,
    ) -> Result<Arc<T>, SystemError> {
        let cell = {
            let mut pool = self.pool();
            let opened = pool.opened.entry(key.into()).or_default();
            if opened.0 != turn {
                *opened = (turn, Opened::default());
            }
            opened.1.clone()
        };
        let opened = cell.get_or_try_init(|| async { open.await.map(|opened| Arc::new(opened) as Arc<dyn Any + Send + Sync>) }).await?;
        let other = || SystemError::Protocol("two connectors opened one connection; this is a defect of headcount".into());
        opened.clone().downcast().map_err(|_| other())
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pool = self.pool();
        write!(out, "Connections({} systems, {} opened)", pool.systems.len(), pool.opened.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_is_written_alike_is_opened_once_and_what_failed_again() {
        let (connections, tries) = (Connections::default(), AtomicU32::new(0));
        let open = || async {
            tokio::task::yield_now().await;
            match tries.fetch_add(1, Ordering::SeqCst) {
                0 => Err(SystemError::Unavailable("away".into())),
                at => Ok(at),
            }
        };
        assert!(connections.open("a", 0, open()).await.is_err());
        let (one, other) = tokio::join!(connections.open("a", 0, open()), connections.open("a", 0, open()));
        assert_eq!((one.map(|it| *it), other.map(|it| *it)), (Ok(1), Ok(1)));
        assert_eq!(connections.open("b", 0, open()).await.map(|it| *it), Ok(2));
        // A secret was rotated.
        assert_eq!(connections.open("a", 1, open()).await.map(|it| *it), Ok(3));
        assert_eq!(connections.open("a", 1, open()).await.map(|it| *it), Ok(3));
        assert!(Arc::ptr_eq(&connections.system("scim a"), &connections.clone().system("scim a")));
    }
}
