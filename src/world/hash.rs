//! Keyed, stable hashes.
//!
//! Must never: let two different keys count as one. Whoever uses a hash compares the real text before something follows from it.

use std::hash::Hasher as _;

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
