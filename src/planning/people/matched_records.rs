//! For each identity its record in a source that others made known, and what could not be told about it.
//!
//! Must never: let one that could not be found count as one that is not there.

use std::collections::BTreeMap;
use std::sync::Arc;

/// As many doubts are told one by one; the others together.
pub(in crate::planning) const TOLD: usize = 20;

/// For each identity, its record in one source.
pub(in crate::planning) struct MatchedRecords {
    pub(in crate::planning) source: usize,
    pub(in crate::planning::people) records: Vec<u32>,
    pub(in crate::planning::people) how: Vec<u8>,
    pub(in crate::planning::people) complete: bool,
    /// what could not be told, or was told anew
    pub(in crate::planning) doubts: Vec<MatchDoubt>,
    /// records that Users name and that are not there: the User's and the record's position
    pub(in crate::planning) missing: Vec<(usize, usize)>,
    /// records whose key could not be worked out, and why
    pub(in crate::planning) broken: BTreeMap<u32, Arc<str>>,
}

/// How a record was found to be an identity's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum How {
    /// by one of the source's keys
    Key(usize),
    /// a User manifest says so
    Declared,
    /// it was so when the sources were last read
    Remembered,
}

/// What could not be told, with the first few it is about, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) struct MatchDoubt {
    pub(in crate::planning) what: What,
    pub(in crate::planning) identities: Vec<u32>,
    pub(in crate::planning) records: Vec<u32>,
    /// how many more identities and records it is about
    pub(in crate::planning) more: usize,
}

/// What is in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::planning) enum What {
    /// one key fits several
    Shared { key: usize },
    /// one key leads elsewhere than what was found before
    Differs { key: usize, before: How },
    /// the record is remembered as that of an identity that is gone, or as one of its own, and a key that people change leads to another
    Former { key: usize, identity: Arc<str> },
    /// the record is remembered as the first identity's, and something stronger says that it is the second's: no doubt, but news
    Handed { how: How },
    /// the record is remembered as an identity of its own, and something stronger says that it is another's: news too
    Joined { how: How },
    /// the record itself is no use: two have its key, or whether it is in scope is not known
    Unusable,
}

/// Whose a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Owner {
    /// this identity's
    Identity(u32),
    /// nobody's that is known
    Nobody,
    /// several want it, or who does can't be told
    Contested,
    /// a manifest says that it stands for itself
    Itself,
}

impl MatchedRecords {
    /// The record of an identity.
    pub(in crate::planning) fn record(&self, number: u32) -> Record<u32> {
        match self.records.get(number as usize).copied() {
            Some(AMBIGUOUS | UNKNOWN) => Record::Unknown,
            Some(NONE) if !self.complete => Record::Unknown,
            None | Some(NONE) => Record::Nothing,
            Some(record) => Record::Cells(record),
        }
    }

    /// How it was found.
    pub(in crate::planning) fn how(&self, number: u32) -> Option<How> {
        let how = self.how.get(number as usize).copied()?;
        matches!(self.record(number), Record::Cells(_)).then(|| How::of(how))
    }

    /// What is in doubt about an identity. Of many only the first are named.
    pub(in crate::planning) fn doubt(&self, number: u32) -> Option<&MatchDoubt> {
        self.doubts
            .iter()
            .find(|doubt| doubt.identities.contains(&number) && !matches!(doubt.what, What::Handed { .. } | What::Joined { .. }))
    }

    /// Whether an identity's record can't be told apart from another's.
    pub(in crate::planning) fn is_ambiguous(&self, number: u32) -> bool {
        self.records.get(number as usize) == Some(&AMBIGUOUS)
    }

    /// Whether what is in doubt about a record is told by its name: of very many doubts only the first are.
    pub(in crate::planning) fn is_told_of(&self, record: u32) -> bool {
        self.doubts.len() <= TOLD && self.doubts.iter().any(|doubt| doubt.records.contains(&record))
    }

    /// Identities whose record can't be told apart from another's.
    pub(in crate::planning) fn ambiguous(&self) -> impl Iterator<Item = u32> + '_ {
        self.records.iter().enumerate().filter(|(_, record)| **record == AMBIGUOUS).map(|(number, _)| number as u32)
    }
}

impl How {
    pub(in crate::planning::people) fn of(byte: u8) -> Self {
        match byte {
            DECLARED => Self::Declared,
            REMEMBERED => Self::Remembered,
            key => Self::Key(usize::from(key)),
        }
    }

    pub(in crate::planning::people) fn byte(self) -> u8 {
        match self {
            Self::Declared => DECLARED,
            Self::Remembered => REMEMBERED,
            Self::Key(key) => u8::try_from(key).unwrap_or(REMEMBERED - 1),
        }
    }
}

/// What a source has about an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Record<T> {
    /// this
    Cells(T),
    /// nothing
    Nothing,
    /// that can't be said
    Unknown,
}

pub(in crate::planning) const NONE: u32 = u32::MAX;

pub(in crate::planning) const AMBIGUOUS: u32 = u32::MAX - 1;

/// a key of the identity is not known, so which record is its own is not known either
pub(in crate::planning) const UNKNOWN: u32 = u32::MAX - 2;

const DECLARED: u8 = u8::MAX;

const REMEMBERED: u8 = u8::MAX - 1;
