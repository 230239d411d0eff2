//! A source whose system says that something changed there: when it is read for that. Pure: what time it is comes in.
//!
//! Must never: lose what was said while it is being read, or let whoever sends very much have it read very often.

use jiff::{SignedDuration, Timestamp};

use super::schedule::passed;

/// It is read after so long without more of it.
const QUIET: SignedDuration = SignedDuration::from_secs(1);
/// And after so long, whatever else is said.
const MOST: SignedDuration = SignedDuration::from_secs(10);
/// Hooks have a source read no more often: it is asked over the network, and nothing of a hook is believed but that.
const HOOKS: SignedDuration = SignedDuration::from_secs(60);

/// How it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StirredBy {
    /// by a hook, which says that something changed and no more
    Hook,
    /// something was pushed to its inbox
    Push,
}

/// What a source's system said of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StirredSource {
    /// since when, the last of it, and the strongest
    said: Option<(Timestamp, Timestamp, StirredBy)>,
    /// it is to be read for that
    awake: bool,
    /// when it was read for that last
    read: Option<Timestamp>,
}

impl StirredSource {
    /// It says that something changed.
    pub fn hear(&mut self, by: StirredBy, now: Timestamp) {
        let (first, _, before) = self.said.unwrap_or((now, now, by));
        self.said = Some((first, now, before.max(by)));
    }

    /// It is time to read it; it stays so until a read of it begins.
    pub fn wakes(&mut self, now: Timestamp) -> bool {
        let due = |(first, last, by): (Timestamp, Timestamp, StirredBy)| {
            let spared = by == StirredBy::Push || self.read.is_none_or(|read| passed(read, now, HOOKS));
            spared && (passed(last, now, QUIET) || passed(first, now, MOST))
        };
        let wakes = self.said.is_some_and(due);
        if wakes {
            (self.said, self.awake) = (None, true);
        }
        wakes
    }

    /// Whether it is to be read for what it said.
    pub fn is_awake(&self) -> bool {
        self.awake
    }

    /// A read of it begins: it finds what was said before.
    pub fn begins(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.awake) {
            self.read = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    /// Reads begin at these seconds.
    fn reads(said: impl Fn(i64) -> Option<StirredBy>, until: i64) -> Vec<i64> {
        let (mut source, mut reads) = (StirredSource::default(), Vec::new());
        for second in 0..until {
            said(second).into_iter().for_each(|by| source.hear(by, at(second)));
            if source.wakes(at(second)) {
                source.begins(at(second));
                reads.push(second);
            }
        }
        reads
    }

    #[test]
    fn what_is_pushed_is_read_once_it_is_quiet_and_soon_whatever_comes() {
        let push = Some(StirredBy::Push);
        assert_eq!(reads(|second| push.filter(|_| second == 3), 100), [4]);
        assert_eq!(reads(|second| push.filter(|_| second < 25), 100), [10, 21, 25]);
        assert!(reads(|_| None, 100).is_empty());
    }

    #[test]
    fn a_flood_of_hooks_is_one_read_a_minute_and_a_push_beside_it_waits_for_none() {
        let hook = Some(StirredBy::Hook);
        assert_eq!(reads(|_| hook, 200), [10, 70, 130, 190]);
        assert_eq!(reads(|second| if second == 30 { Some(StirredBy::Push) } else { hook }, 100), [10, 30, 90]);
        assert_eq!(reads(|second| hook.filter(|_| second % 50 == 0), 200), [1, 61, 121, 181], "the last one is never lost");
    }
}
