//! Keyed, stable hashes and the index over them.
//!
//! Must never: let two different keys count as one. Whoever uses a hash compares the real text before something follows from it.

use std::hash::Hasher as _;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;
use siphasher::sip128::{self, Hasher128 as _};

/// The hash of one workspace: the same in every run, another in every workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keyed {
    one: u64,
    two: u64,
}

impl Keyed {
    /// For the workspace with this id.
    pub(crate) fn of(workspace: &str) -> Self {
        let half = |salt: u64| {
            let mut hasher = SipHasher13::new_with_keys(0x6865_6164_636f_756e, salt);
            hasher.write(workspace.as_bytes());
            hasher.finish()
        };
        Self { one: half(1), two: half(2) }
    }

    /// Starts a hash over several parts.
    pub(crate) fn start(self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.one, self.two)
    }

    /// Of some bytes.
    pub(crate) fn bytes(self, bytes: &[u8]) -> u64 {
        let mut hasher = self.start();
        hasher.write(bytes);
        hasher.finish()
    }

    /// Of some bytes, so wide that two values never share one: nothing else need be compared.
    pub(crate) fn wide(self, bytes: &[u8]) -> u128 {
        let mut hasher = sip128::SipHasher13::new_with_keys(self.one, self.two);
        hasher.write(bytes);
        hasher.finish128().as_u128()
    }

    /// Of a text.
    pub(crate) fn text(self, text: &str) -> u64 {
        self.bytes(text.as_bytes())
    }
}

/// From a hash to the rows that may have it: four bytes of the hash and the row's number, no more. The caller checks each candidate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    table: HashTable<(u32, u32)>,
}

impl Index {
    /// Adds a row under a hash.
    pub(crate) fn insert(&mut self, hash: u64, row: u32) {
        let tag = tag(hash);
        self.table.insert_unique(spread(tag), (tag, row), |entry| spread(entry.0));
    }

    /// The rows that may have this hash, in no order.
    pub(crate) fn candidates(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let tag = tag(hash);
        self.table.iter_hash(spread(tag)).filter(move |entry| entry.0 == tag).map(|entry| entry.1)
    }
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
