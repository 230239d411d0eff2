//! Takes what a client asks and is answered, for a test that is made of it. It holds what people and systems said, and is never shown as it is.
//!
//! Must never: hold what signs a request in, or grow without a bound.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::Response;
use super::request::Request;

/// More than this is no test.
const MOST: usize = 100;

/// What was asked and answered. A copy is the same.
#[derive(Clone, Default)]
pub struct Recording(Arc<Mutex<Vec<(Request, Response)>>>);

impl Recording {
    /// Takes one exchange; what is beyond the bound is only counted.
    pub(super) fn note(&self, request: Request, response: &Response) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() <= MOST {
            taken.push((request, response.clone()));
        }
    }

    /// All of it; nothing where it is too much.
    pub fn taken(&self) -> Option<Vec<(Request, Response)>> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (taken.len() <= MOST).then(|| taken.clone())
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Recording")
    }
}
