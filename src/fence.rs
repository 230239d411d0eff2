//! Leave to write that may end at any moment: whoever holds a lock that has to be kept alive may be frozen for longer than it lasts, and not know. So it is asked
//! where bytes leave this process, and not where a request is made.
//!
//! Must never: say that it stands where it may not, or wait for anything: it is asked before every write to a socket.

use std::fmt::Debug;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;

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

/// What is known of one connection that writes behind a fence: what went out, and whether it was refused.
#[derive(Debug)]
pub struct Gate {
    fence: Fence,
    /// bytes that went out, of whatever they were
    sent: AtomicU64,
    refused: OnceLock<String>,
}

impl Gate {
    /// Of a connection that is about to come about.
    pub fn behind(fence: &Fence) -> Arc<Self> {
        Arc::new(Self { fence: fence.clone(), sent: AtomicU64::new(0), refused: OnceLock::new() })
    }

    /// How many bytes went out so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Why nothing goes out any more. One that refused once does so for good.
    pub fn refused(&self) -> Option<&str> {
        self.refused.get().map(String::as_str)
    }

    /// What it asks.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Whether the next byte may go out.
    pub fn ask(&self) -> io::Result<()> {
        let why = match self.refused.get() {
            Some(why) => Some(why),
            None => self.fence.lost().map(|why| self.refused.get_or_init(|| why)),
        };
        why.map_or(Ok(()), |why| Err(io::Error::other(why.clone())))
    }

    /// Notes what went out.
    pub fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.sent.fetch_add(*bytes as u64, Ordering::SeqCst);
        }
        written
    }
}

#[cfg(test)]
pub mod by_hand {
    //! A fence that a test closes.

    use std::sync::atomic::AtomicI64;

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
