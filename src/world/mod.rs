//! What is known: the records of every source and the objects of every target, as packed rows with keys and fingerprints.
//!
//! Must never: decide what should change, or keep a value that no rule reads.

use std::sync::Arc;

use crate::model::{Capabilities, Columns, Evidence, Memory, ObjectKind, Page};
use crate::policy::Policy;

/// The records of one Source, while and after they are read.
#[derive(Debug)]
pub struct SourceSide {}

/// The objects of one Target, while and after they are read.
#[derive(Debug)]
pub struct TargetSide {}

/// Everything known, for planning.
#[derive(Debug)]
pub struct World {}

impl SourceSide {
    /// For the source at this position of the policy.
    pub fn new(_policy: &Policy, _source: usize) -> Self {
        todo!()
    }

    /// The paths that the source's expressions read; a reader packs just these.
    pub fn columns(&self) -> Arc<Columns> {
        todo!()
    }

    /// Takes a page of records.
    pub fn add(&mut self, _page: &Page) {
        todo!()
    }

    /// The read is over.
    pub fn finish(&mut self, _evidence: Evidence) {
        todo!()
    }
}

impl TargetSide {
    /// For the target at this position of the policy.
    pub fn new(_policy: &Policy, _target: usize, _capabilities: Capabilities) -> Self {
        todo!()
    }

    /// The columns wanted of a stream. Accounts: `id`, then attributes. Groups: `id`, `displayName`, and the marker's attribute.
    /// Memberships: `group`, `member` (both the target's ids) and `kind` (`account` or `group`). None: the stream is not wanted.
    pub fn columns(&self, _kind: ObjectKind) -> Option<Arc<Columns>> {
        todo!()
    }

    /// Takes a page of objects.
    pub fn add(&mut self, _kind: ObjectKind, _page: &Page) {
        todo!()
    }

    /// The read of a stream is over.
    pub fn finish(&mut self, _kind: ObjectKind, _evidence: Evidence) {
        todo!()
    }
}

impl World {
    /// Puts everything together: sides in the policy's order.
    pub fn assemble(_policy: &Policy, _sources: Vec<SourceSide>, _targets: Vec<TargetSide>, _memory: Memory) -> Self {
        todo!()
    }
}
