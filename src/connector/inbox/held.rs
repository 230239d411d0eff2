//! What an inbox says of people who are gone, where so many went at once that nobody believes it: as a source that shrank, it is held until a manifest lets it through.
//!
//! Must never: hold for less than everybody who went with the others, or let go only because time went by.

use jiff::{SignedDuration, Timestamp};

/// Who goes within this time goes at once.
const AT_ONCE: SignedDuration = SignedDuration::from_hours(24);
/// Fewer people than this may always go, whatever share they are.
const ALWAYS: u64 = 3;
const SHARE: f64 = 0.1;

/// How many may go at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Allowed {
    /// a share of those who were there
    Share(f64),
    /// so many
    Count(u64),
}

impl Default for Allowed {
    fn default() -> Self {
        Self::Share(SHARE)
    }
}

/// Of those who are gone, by when they went, in order: whose going is held. `active` is how many are there still.
pub(super) fn held(gone: &[Timestamp], active: u64, allowed: Allowed) -> Vec<bool> {
    let mut held = vec![false; gone.len()];
    let mut first = 0;
    for last in 0..gone.len() {
        while gone.get(first).zip(gone.get(last)).is_some_and(|(first, last)| last.duration_since(*first) > AT_ONCE) {
            first += 1;
        }
        let count = (last + 1 - first) as u64;
        // Who went later was still there.
        let before = active + (gone.len() - first) as u64;
        let most = match allowed {
            Allowed::Count(most) => most,
            Allowed::Share(share) => ((before as f64 * share) as u64).max(ALWAYS),
        };
        if count > most {
            held.iter_mut().take(last + 1).skip(first).for_each(|held| *held = true);
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(hours: &[i64], active: u64, allowed: Allowed) -> usize {
        let gone: Vec<_> = hours.iter().map(|hour| Timestamp::from_second(1_790_000_000 + hour * 3600).unwrap()).collect();
        held(&gone, active, allowed).into_iter().filter(|held| *held).count()
    }

    #[test]
    fn who_goes_with_too_many_others_is_held_and_time_alone_lets_nobody_go() {
        let ten = Allowed::default();
        assert_eq!(count(&[0, 1, 2], 0, ten), 0, "three may always go");
        assert_eq!(count(&[0, 1, 2, 3], 5, ten), 4);
        assert_eq!(count(&[0, 1, 2, 3], 96, ten), 0);
        assert_eq!(count(&[0, 30, 60, 90, 120], 2, ten), 0, "one a day");
        assert_eq!(count(&[0, 100, 100, 100, 100, 100, 200], 3, ten), 5, "those of one day alone");
        assert_eq!(count(&[0, 1, 2, 3], 5, Allowed::Count(4)), 0, "somebody said that they may");
        assert_eq!(count(&[0], 5, Allowed::Count(0)), 1);
    }
}
