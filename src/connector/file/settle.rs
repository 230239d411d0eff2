//! A file that is written at this very moment may end anywhere: it is read once nobody has touched it for a while.
//!
//! Must never: wait without an end, also where the clock of the machine that writes is ahead of this one.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Stamp, stamp};

/// So long nobody has written to a file that is read.
const ALONE: Duration = Duration::from_secs(2);
/// The shortest wait.
const SHORTEST: Duration = Duration::from_millis(20);
/// So long is waited for that.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a file looks, and how long ago it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    stamp: Stamp,
    /// none: it is from the future, or nobody can say
    age: Option<Duration>,
}

impl Sight {
    /// Of a file; nothing where it is not there.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        let age = metadata.modified().ok().and_then(|written| SystemTime::now().duration_since(written).ok());
        Some(Self { stamp: stamp(&metadata), age })
    }
}

/// Whether nobody has written to it for a while, or does so no more within the patience. What is not there is no matter of this.
pub(super) fn is_left_alone(mut look: impl FnMut() -> Option<Sight>, mut pause: impl FnMut(Duration)) -> bool {
    let (mut waited, mut before) = (Duration::ZERO, None);
    loop {
        let Some(sight) = look() else { return true };
        // From the future it was seen twice alike, with the whole time between.
        if sight.age.map_or(before.as_ref() == Some(&sight.stamp), |age| age >= ALONE) {
            return true;
        }
        if waited >= PATIENCE {
            return false;
        }
        before = Some(sight.stamp);
        let rest = ALONE.saturating_sub(sight.age.unwrap_or_default()).max(SHORTEST);
        pause(rest);
        waited += rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at a file that has these sizes and ages in turn, the last one for ever. Gives whether it was left alone, and after how many seconds.
    fn looked(sights: &[Option<(u64, Option<u64>)>]) -> (bool, u64) {
        let (mut at, mut seconds) = (0, 0);
        let look = || {
            let seen = sights[at.min(sights.len() - 1)];
            at += 1;
            seen.map(|(size, age)| Sight { stamp: (size, None, 1), age: age.map(Duration::from_secs) })
        };
        let alone = is_left_alone(look, |pause| seconds += pause.as_secs());
        (alone, seconds)
    }

    #[test]
    fn what_is_written_slowly_is_read_once_it_was_left_alone() {
        for (sights, expected) in [
            (&[Some((10, Some(60)))][..], (true, 0)),
            (&[None], (true, 0)),
            // Lines that come half a second apart and more.
            (&[Some((10, Some(0))), Some((20, Some(1))), Some((30, Some(0))), Some((40, Some(1))), Some((40, Some(2)))], (true, 6)),
            // The clock of the machine that writes is ahead.
            (&[Some((10, None)), Some((20, None)), Some((20, None))], (true, 4)),
            (&[Some((10, Some(1))), Some((10, Some(2)))], (true, 1)),
        ] {
            assert_eq!(looked(sights), expected, "{sights:?}");
        }
        let mut size = 0;
        let growing = || {
            size += 1;
            Some(Sight { stamp: (size, None, 1), age: Some(Duration::ZERO) })
        };
        assert!(!is_left_alone(growing, |_| {}), "an end is waited for no longer than half a minute");
    }
}
