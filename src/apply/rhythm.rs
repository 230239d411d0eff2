//! How often a target lets requests through, learned from when it does not: between two times that its patience was used up, as many got through as it allows
//! in that time.
//!
//! Must never: let a rhythm that was learned once outlast its reason; where nothing is put off for a while, it quickens.

use std::time::Duration;

use tokio::time::Instant;

/// Fewer that got through say too little.
const ENOUGH: u32 = 3;
/// So many are counted anew from there.
const PLENTY: u32 = 64;
/// A little less often than what was seen: what is counted is whole requests.
const MARGIN: f64 = 0.97;
/// What gets through without being put off before the rhythm quickens: as much as half of what it was learned from, within these.
const TRIAL: (u32, u32) = (16, 64);
/// By how much it quickens: more each time, for a target that takes it.
const QUICKER: [f64; 5] = [0.9, 0.8, 0.7, 0.6, 0.5];

/// The rhythm of one target.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    /// since when requests are counted: a time that one was put off
    since: Option<Instant>,
    /// how many got through since then
    through: u32,
    interval: Option<Duration>,
    /// what the interval was learned from
    learned_from: u32,
    /// how many got through since it was learned or last became quicker
    trial: u32,
    /// how often in a row it became quicker
    quickened: usize,
    /// nothing goes out before
    next: Option<Instant>,
}

impl Rhythm {
    /// Before this nothing goes out.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// A request goes out.
    pub(super) fn beat(&mut self, now: Instant) {
        if let Some(interval) = self.interval {
            self.next = Some(self.next.map_or(now, |next| next.max(now)) + interval);
        }
    }

    /// One got through.
    pub(super) fn got_through(&mut self) {
        self.through = self.through.saturating_add(1);
        self.trial += 1;
        let enough = (self.learned_from / 2).clamp(TRIAL.0, TRIAL.1);
        if let Some(interval) = self.interval.filter(|_| self.trial >= enough) {
            let quicker = QUICKER.get(self.quickened).or(QUICKER.last()).copied().unwrap_or(1.0);
            self.interval = Some(interval.mul_f64(quicker));
            (self.trial, self.quickened) = (0, self.quickened + 1);
        }
    }

    /// One was put off, for the first time since the last pause.
    pub(super) fn put_off(&mut self, now: Instant) {
        (self.trial, self.quickened) = (0, 0);
        let Some(since) = self.since else {
            (self.since, self.through) = (Some(now), 0);
            return;
        };
        if self.through >= ENOUGH {
            self.interval = Some(now.duration_since(since).div_f64(f64::from(self.through) * MARGIN));
            (self.learned_from, self.next) = (self.through, None);
            // So many say enough by themselves; what was before them may hold no more.
            if self.through >= PLENTY {
                (self.since, self.through) = (Some(now), 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_MINUTE: f64 = 180.0;
    const BURST: f64 = 20.0;

    /// A token bucket in a time of its own, and one request after the other: seconds that it took, and how many were put off.
    fn sent(requests: u32, allowed: impl Fn(f64) -> f64) -> (f64, u32) {
        let start = Instant::now();
        let (mut rhythm, mut now, mut tokens, mut filled) = (Rhythm::default(), 0.0_f64, BURST, 0.0_f64);
        let (mut through, mut put_off) = (0, 0);
        while through < requests {
            let at = |now: f64| start + Duration::from_secs_f64(now);
            now = rhythm.next().map_or(now, |next| now.max(next.duration_since(start).as_secs_f64()));
            rhythm.beat(at(now));
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
        let (seconds, put_off) = sent(2000, |_| A_MINUTE / 60.0);
        let best = (2000.0 - BURST) * 60.0 / A_MINUTE;
        assert!(best / seconds > 0.95, "{:.2} of the rate", best / seconds);
        assert!(put_off <= 20, "{put_off} were put off");
    }

    #[test]
    fn a_target_that_becomes_quicker_is_followed() {
        let (seconds, _) = sent(2000, |now| if now < 60.0 { 1.0 } else { 50.0 });
        assert!(seconds < 400.0, "{seconds} seconds");
    }

    #[test]
    fn whoever_is_never_put_off_has_no_rhythm() {
        let mut rhythm = Rhythm::default();
        (0..1000).for_each(|_| rhythm.got_through());
        rhythm.beat(Instant::now());
        assert_eq!(rhythm.next(), None);
        rhythm.put_off(Instant::now());
        rhythm.beat(Instant::now());
        assert_eq!(rhythm.next(), None, "once says nothing yet");
    }
}
