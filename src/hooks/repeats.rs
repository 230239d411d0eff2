//! Messages that came already: within a day one does nothing a second time.
//!
//! Must never: grow without a bound, or keep anything of a message but a hash.

use std::collections::{HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// So long a message is known.
const KNOWN: SignedDuration = SignedDuration::from_hours(24);
/// And at most so many; beyond that the oldest are forgotten. One that comes again then costs a read, as any other.
const MOST: usize = 20_000;

/// Those of one receiver.
#[derive(Debug, Default)]
pub struct Repeats {
    known: HashSet<[u8; 32]>,
    in_order: VecDeque<(Timestamp, [u8; 32])>,
}

impl Repeats {
    /// Whether any of these came before; from here on all of them have.
    pub fn came(&mut self, marks: &[[u8; 32]], now: Timestamp) -> bool {
        while self.in_order.front().is_some_and(|(at, _)| self.in_order.len() > MOST || now.duration_since(*at) > KNOWN) {
            if let Some((_, old)) = self.in_order.pop_front() {
                self.known.remove(&old);
            }
        }
        let mut came = false;
        for mark in marks {
            match self.known.insert(*mark) {
                true => self.in_order.push_back((now, *mark)),
                false => came = true,
            }
        }
        came
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_known_for_a_day_and_never_very_many() {
        let at = |hour: i64| Timestamp::from_second(1_790_000_000 + hour * 3600).unwrap();
        let mark = |number: u64| {
            let mut mark = [0; 32];
            mark[..8].copy_from_slice(&number.to_be_bytes());
            mark
        };
        let mut repeats = Repeats::default();
        assert!(!repeats.came(&[mark(1), mark(2)], at(0)));
        assert!(repeats.came(&[mark(3), mark(2)], at(1)), "one of them is enough");
        assert!(repeats.came(&[mark(3)], at(2)));
        assert!(repeats.came(&[mark(1)], at(24)) && !repeats.came(&[mark(1)], at(25)));
        for number in 10..50_000 {
            repeats.came(&[mark(number)], at(25));
        }
        assert!(repeats.known.len() <= MOST + 1 && repeats.known.len() == repeats.in_order.len());
    }
}
