//! What was written and could not be taken: whoever finds something missing looks here first, since it may stand there and have been told already.
//!
//! Must never: excuse more than stands at the place in question.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Loaded, Origin};

/// Everything that was refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused {
    /// text, and the byte in it
    places: BTreeSet<(usize, usize)>,
    /// kinds of documents with something wrong in them
    kinds: BTreeSet<&'static str>,
    /// a document of no kind that can be told
    any: bool,
}

impl Refused {
    /// A value, key or lack, by the byte where it was told.
    pub fn place(&mut self, origin: &Origin, start: usize) {
        self.places.insert((origin.text, origin.start + start));
    }

    /// A document of a kind; of any where that can't be told.
    pub fn document(&mut self, kind: Option<&'static str>) {
        match kind {
            Some(kind) => drop(self.kinds.insert(kind)),
            None => self.any = true,
        }
    }

    fn is_within(&self, text: usize, bytes: &Range<usize>) -> bool {
        self.places.range((text, bytes.start)..(text, bytes.end.max(bytes.start + 1))).next().is_some()
    }
}

impl Loaded {
    /// Whether something that could not be taken stands in these bytes of a document's file.
    pub fn refuses_within(&self, origin: &Origin, bytes: &Range<usize>) -> bool {
        self.refused.is_within(origin.text, bytes)
    }

    /// Whether a document of one of these kinds could not be taken as it is: what it would have given is not missing.
    pub fn refuses_some(&self, kinds: &[&str]) -> bool {
        self.refused.any || kinds.iter().any(|kind| self.refused.kinds.contains(kind))
    }
}
