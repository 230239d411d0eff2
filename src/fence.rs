//! Leave to write that may end at any moment: whoever holds a lock that has to be kept alive may be frozen for longer than it lasts, and not know. So it is asked
//! where bytes leave this process, and not where a request is made.
//!
//! Must never: say that it stands where it may not, or wait for anything: it is asked before every write to a socket.

use std::fmt::Debug;
use std::sync::Arc;

/// What can be lost.
pub trait Tenure: Debug + Send + Sync {
    /// Why nothing may be written any more, if nothing may. Once lost, it stays lost.
    fn lost(&self) -> Option<String>;
}

/// Stands before what is written under a lock. A copy asks the same one.
#[derive(Clone, Debug, Default)]
pub struct Fence(Option<Arc<dyn Tenure>>);

impl Fence {
    /// Of what needs no lock, or one that the operating system takes back only with the process.
    pub fn open() -> Self {
        Self(None)
    }

    /// Asks this one.
    pub fn of(tenure: Arc<dyn Tenure>) -> Self {
        Self(Some(tenure))
    }

    /// Why nothing may be written any more, if nothing may.
    pub fn lost(&self) -> Option<String> {
        self.0.as_ref()?.lost()
    }

    /// Whether both ask the same one.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

#[cfg(test)]
pub mod by_hand {
    //! A fence that a test closes.

    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// Stands for as many questions as it was told.
    #[derive(Debug)]
    pub struct HandTenure(AtomicI64);

    impl HandTenure {
        /// Until it is told otherwise.
        pub fn stands() -> Arc<Self> {
            Arc::new(Self(AtomicI64::new(i64::MAX)))
        }

        /// It is lost after so many more questions.
        pub fn ends_after(&self, questions: i64) {
            self.0.store(questions, Ordering::SeqCst);
        }
    }

    impl Tenure for HandTenure {
        fn lost(&self) -> Option<String> {
            (self.0.fetch_sub(1, Ordering::SeqCst) <= 0).then(|| "it was taken by bob".to_owned())
        }
    }
}
