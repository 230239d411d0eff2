//! How often a system lets requests through, learned from when it does not: whenever it puts one off, what it allows is used up, so between two such times as many
//! got through as it allows in that time.
//!
//! Must never: let a pace that was learned once outlast its reason; where nothing is put off for a while, it quickens.

use tokio::time::Instant;

/// Fewer that got through say too little.
const ENOUGH: f64 = 3.0;
/// So many say enough; older ones count half from there.
const PLENTY: f64 = 512.0;
/// A little less often than what was seen: what is counted is whole requests.
const MARGIN: f64 = 0.98;
/// How often as many as the pace was learned from must get through before it quickens.
const CALM: f64 = 3.0;
/// And how many before it quickens again.
const FOLLOW: f64 = 16.0;
/// By how much it quickens: by what the pace may be wrong, and never less than this; the third time and later by twice as much as before, up to double the pace.
const QUICKER: f64 = 0.03;
/// From there on it doubles.
const SURE: usize = 2;
/// While it quickened so much, the system may have allowed more than was asked for: then what was counted says the least that it allows.
const MORE: f64 = 1.3;

/// The pace of one system.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    /// when one was put off last
    spent: Option<Instant>,
    /// how many got through since then
    through: f64,
    /// what the pace is learned from: requests, and the seconds that they took
    counted: (f64, f64),
    /// requests a second
    pace: Option<f64>,
    /// how many got through since it was learned or last quickened
    calm: f64,
    /// what it was before it quickened, each time
    slower: Vec<f64>,
}

impl Rhythm {
    /// Requests a second, once that is known.
    pub(super) fn pace(&self) -> Option<f64> {
        self.pace
    }

    /// One got through.
    pub(super) fn got_through(&mut self) {
        self.through += 1.0;
        let Some(pace) = self.pace else { return };
        self.calm += 1.0;
        let (learned_from, _) = self.counted;
        let calm = (learned_from * CALM).clamp(ENOUGH * CALM, PLENTY);
        let enough = if self.slower.is_empty() { calm } else { calm.min(FOLLOW) };
        if self.calm >= enough {
            let doublings = self.slower.len().saturating_sub(SURE).min(8) as i32;
            let quicker = (1.0 / learned_from.max(1.0)).max(QUICKER) * f64::from(1 << doublings);
            self.slower.push(pace);
            self.pace = Some(pace * (1.0 + quicker.min(1.0)));
            self.calm = 0.0;
        }
    }

    /// One was put off, for the first time since the last pause. Whether the pace is another one now.
    pub(super) fn put_off(&mut self, now: Instant) -> bool {
        let Some(spent) = self.spent.replace(now) else {
            self.through = 0.0;
            return false;
        };
        let (through, seconds) = (std::mem::take(&mut self.through), now.duration_since(spent).as_secs_f64());
        let tested = self.slower.len().checked_sub(2).and_then(|at| self.slower.get(at).copied());
        self.slower.clear();
        self.calm = 0.0;
        let falls = self.measured().is_some_and(|known| through > 0.0 && (through + 1.0) / seconds < known);
        if falls {
            self.counted = (0.0, 0.0);
        }
        self.counted = (self.counted.0 + through, self.counted.1 + seconds);
        let Some(measured) = self.measured() else { return false };
        match tested.filter(|tested| *tested > measured * MORE) {
            // It allowed this much for a while; what it allows now is counted from here.
            Some(tested) => {
                self.pace = Some(tested);
                self.counted = (0.0, 0.0);
            }
            None => {
                self.pace = Some(measured);
                if self.counted.0 >= PLENTY {
                    self.counted = (self.counted.0 / 2.0, self.counted.1 / 2.0);
                }
            }
        }
        true
    }

    /// What was counted, as a pace: at both ends a part of a request was left over.
    fn measured(&self) -> Option<f64> {
        let (requests, seconds) = self.counted;
        (requests >= ENOUGH && seconds > 0.0).then(|| (requests - 1.0) * MARGIN / seconds)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A_MINUTE: f64 = 180.0;
    const BURST: f64 = 20.0;

    /// A token bucket in a time of its own, and one request after the other: seconds that it took, and how many were put off.
    fn sent(requests: u32, allowed: impl Fn(f64) -> f64) -> (f64, u32) {
        let start = Instant::now();
        let (mut rhythm, mut now, mut tokens, mut filled, mut next) = (Rhythm::default(), 0.0_f64, BURST, 0.0_f64, 0.0_f64);
        let (mut through, mut put_off) = (0, 0);
        while through < requests {
            let at = |now: f64| start + Duration::from_secs_f64(now);
            now = now.max(next);
            next = rhythm.pace().map_or(now, |pace| now + 1.0 / pace);
            now += 0.002;
            tokens = BURST.min(tokens + (now - filled) * allowed(now));
            filled = now;
            if tokens >= 1.0 {
                tokens -= 1.0;
                through += 1;
                rhythm.got_through();
            } else {
                put_off += 1;
                rhythm.put_off(at(now));
                now += ((1.0 - tokens) / allowed(now)).ceil();
            }
        }
        (now, put_off)
    }

    #[test]
    fn a_rate_that_nobody_named_is_learned_and_kept() {
        for (requests, most) in [(600, 4), (2000, 10)] {
            let (seconds, put_off) = sent(requests, |_| A_MINUTE / 60.0);
            let best = (f64::from(requests) - BURST) * 60.0 / A_MINUTE;
            assert!(best / seconds > 0.96, "{:.2} of the rate", best / seconds);
            assert!(put_off <= most, "{put_off} of {requests} were put off");
        }
    }

    #[test]
    fn a_system_that_becomes_quicker_is_followed() {
        let (seconds, _) = sent(2000, |now| if now < 60.0 { 1.0 } else { 50.0 });
        assert!(seconds < 400.0, "{seconds} seconds");
    }

    #[test]
    fn one_that_becomes_slower_is_followed_too() {
        let (seconds, put_off) = sent(600, |now| if now < 60.0 { 5.0 } else { 1.0 });
        assert!(seconds < 450.0 && put_off < 25, "{seconds} seconds, {put_off} put off");
    }

    #[test]
    fn whoever_is_never_put_off_has_no_pace() {
        let mut rhythm = Rhythm::default();
        (0..1000).for_each(|_| rhythm.got_through());
        assert_eq!(rhythm.pace(), None);
        assert!(!rhythm.put_off(Instant::now()) && rhythm.pace().is_none(), "once says nothing yet");
    }
}
