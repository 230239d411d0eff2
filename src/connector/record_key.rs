//! What a source's records are known by. A system tells who is gone by its own ids; the world knows records by the key of their manifest, and so does a reader that
//! was told of it.
//!
//! Must never: make another key of a row than the world makes.

use std::fmt;
use std::sync::Arc;

use crate::model::Page;

type Keys = dyn Fn(&Page) -> Vec<Option<Arc<str>>> + Send + Sync;

/// The key of a source's records.
#[derive(Clone)]
pub struct RecordKey {
    reads: Box<[Arc<str>]>,
    of: Arc<Keys>,
}

impl RecordKey {
    /// A key that is made of these paths; `of` gives that of each row of a page, none where a row has none.
    pub fn new(reads: &[Arc<str>], of: impl Fn(&Page) -> Vec<Option<Arc<str>>> + Send + Sync + 'static) -> Self {
        Self { reads: reads.into(), of: Arc::new(of) }
    }

    /// The paths that it is made of.
    pub fn reads(&self) -> &[Arc<str>] {
        &self.reads
    }

    /// The keys of the rows of a page, in order.
    pub fn of(&self, page: &Page) -> Vec<Option<Arc<str>>> {
        (self.of)(page)
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RecordKey({:?})", self.reads)
    }
}
