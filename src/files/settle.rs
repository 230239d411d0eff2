//! A file that is written at this very moment may end anywhere: it is read once nobody has touched it for a while.
//!
//! Must never: wait without an end, also where the clock of the machine that writes is ahead of this one.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// So long nobody has written to a file that is read.
pub const ALONE: Duration = Duration::from_secs(2);
/// The shortest wait.
const SHORTEST: Duration = Duration::from_millis(20);
/// So long is waited for that.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Of a file that does not come to rest.
pub const WRITTEN: &str = "somebody is writing it; it is read once it has been left alone for 2 seconds";
/// Of a file that was another after it was read.
pub const CHANGED: &str = "it changed while it was read; try again";

/// What changes when somebody writes the file or puts another in its place.
pub type FileStamp = (u64, Option<SystemTime>, u64);

/// How a file is now.
pub fn stamp(metadata: &Metadata) -> FileStamp {
    (metadata.len(), metadata.modified().ok(), inode(metadata))
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// How a file looks, and how long ago it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSight {
    stamp: FileStamp,
    /// none: it is from the future, or nobody can say
    age: Option<Duration>,
}

impl FileSight {
    /// Of a file at this moment; nothing where it is not there.
    pub fn of(path: &Path, now: SystemTime) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        let age = metadata.modified().ok().and_then(|written| now.duration_since(written).ok());
        Some(Self { stamp: stamp(&metadata), age })
    }

    /// How much of `alone` is left until nobody has written to it for so long. From the future it was seen as it is for a while already.
    pub fn rest(&self, alone: Duration, seen_for: Duration) -> Duration {
        alone.saturating_sub(self.age.unwrap_or(seen_for))
    }
}

/// Waits until nobody writes to a file. Whether that came within the patience.
pub fn comes_to_rest(path: &Path) -> bool {
    is_left_alone(|| FileSight::of(path, SystemTime::now()), std::thread::sleep)
}

/// The bytes of a regular file that nobody wrote to while it was read, and has no more than `most` of them.
pub fn read_unchanged(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, before) = super::open(path)?;
    let bytes = super::read_to_end(file, most)?;
    match std::fs::metadata(path) {
        Ok(after) if stamp(&after) == stamp(&before) => Ok(bytes),
        _ => Err(io::Error::new(io::ErrorKind::ResourceBusy, CHANGED)),
    }
}

/// Whether nobody has written to it for a while, or does so no more within the patience. What is not there is no matter of this.
fn is_left_alone(mut look: impl FnMut() -> Option<FileSight>, mut pause: impl FnMut(Duration)) -> bool {
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
            seen.map(|(size, age)| FileSight { stamp: (size, None, 1), age: age.map(Duration::from_secs) })
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
            Some(FileSight { stamp: (size, None, 1), age: Some(Duration::ZERO) })
        };
        assert!(!is_left_alone(growing, |_| {}), "an end is waited for no longer than half a minute");
    }
}
