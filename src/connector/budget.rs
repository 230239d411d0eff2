//! How much memory the rows of all systems may take together: one system that never ends must not take the machine down, nor the reads of the others.
//!
//! Must never: count for long what was given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files;
use crate::model::SystemError;

/// Where nobody says otherwise. A million people with twenty attributes take a tenth of it at each system.
const DEFAULT: u64 = 4 << 30;
/// A row takes about so much beside its cells: its place, and the indexes over its keys.
pub const ROW: usize = 48;

/// The room of one run.
#[derive(Clone, Debug)]
pub struct Budget {
    all: u64,
    used: Arc<AtomicU64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

impl Budget {
    /// So many bytes.
    pub fn new(all: u64) -> Self {
        Self { all, used: Arc::default() }
    }

    /// A part of it that grows with what one reader holds.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), held: 0 }
    }
}

/// What one reader holds. It is free again when it is dropped, unless it was kept.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    held: u64,
}

impl Share {
    /// Holds so many bytes in all from now on.
    pub fn hold(&mut self, bytes: usize) -> Result<(), SystemError> {
        let more = (bytes as u64).saturating_sub(self.held);
        self.add(usize::try_from(more).unwrap_or(usize::MAX))
    }

    /// Holds so many bytes more.
    pub fn add(&mut self, bytes: usize) -> Result<(), SystemError> {
        let more = bytes as u64;
        if self.budget.used.fetch_add(more, Ordering::Relaxed).saturating_add(more) > self.budget.all {
            self.budget.used.fetch_sub(more, Ordering::Relaxed);
            return Err(SystemError::Protocol(format!(
                "the rows of all systems together take more than {}; if that is right, raise `maxRead` of the Workspace",
                files::size(self.budget.all)
            )));
        }
        self.held += more;
        Ok(())
    }

    /// The rows stay: their room is taken for the rest of the run.
    pub fn keep(mut self) {
        self.held = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_is_free_again_and_what_is_kept_is_not() {
        let budget = Budget::new(100);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.hold(60).is_ok() && one.hold(40).is_ok() && other.add(40).is_ok());
        assert!(other.add(1).unwrap_err().to_string().contains("100 bytes"));
        drop(one);
        assert!(other.add(60).is_ok());
        other.keep();
        assert!(budget.share().add(1).is_err());
    }
}
