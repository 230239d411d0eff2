//! How fast somebody may ask: so many in a second, and after a rest so many at first.
//!
//! Must never: wait, or let more through than that because nobody asked for long.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// What is left.
#[derive(Debug)]
pub(super) struct Pace {
    rate: f64,
    most: f64,
    /// and when that was
    left: Mutex<(f64, Instant)>,
}

impl Pace {
    /// So many in a second, and after a rest so many at most.
    pub fn new(rate: f64, most: f64) -> Self {
        Self { rate, most, left: Mutex::new((most, Instant::now())) }
    }

    /// Whether one more may.
    pub fn take(&self, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.0 = (left.0 + now.saturating_duration_since(left.1).as_secs_f64() * self.rate).min(self.most);
        left.1 = now;
        let may = left.0 >= 1.0;
        if may {
            left.0 -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_hundred_a_second_and_no_more() {
        let (pace, now) = (Pace::new(100.0, 120.0), Instant::now());
        let taken = |at: Instant, tries: usize| (0..tries).filter(|_| pace.take(at)).count();
        assert_eq!(taken(now, 150), 120);
        assert_eq!(taken(now + Duration::from_millis(500), 150), 50);
        assert_eq!(taken(now + Duration::from_secs(60), 150), 120);
    }
}
