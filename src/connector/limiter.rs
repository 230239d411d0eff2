//! How fast one system may be asked, whoever asks: its Source, its Target, reads and writes share one limiter. A system that asks for patience is left alone by all,
//! and from then on asked no faster than it lets through ([`rhythm`]).
//!
//! Whoever sends counts. Most wait for their turn; what was granted already, and what cuts somebody off, counts and waits for nothing.
//! Must never: let one caller's waiting hold up another's turn once there is room, or wait for longer than the caller can.

mod rhythm;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::clock::WaitClock;
use crate::model::SystemError;
use rhythm::Rhythm;

/// The bucket that every request counts in.
pub const ALL: &str = "";
/// A timer that comes late is made good for, up to here.
const LATE: Duration = Duration::from_millis(5);
/// Of what is allowed in a time so large a part may go at once, and never more than so many: who counts by the second says so by the second.
const AT_ONCE: u32 = 4;
const MOST_AT_ONCE: u32 = 20;
/// What is allowed in a time is counted one by one up to here; of more the pace alone is kept.
const COUNTED: u32 = 10_000;

/// What somebody says of how a system may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// requests under way at once
    pub concurrency: Option<usize>,
    /// how many in which time
    pub rate: Option<Rate>,
}

/// A token bucket, and what may never be exceeded in any span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// requests a second, in the long run
    pub per_second: f64,
    /// and so many at once after a rest; at least one
    pub burst: u32,
    /// no more than so many in any such time
    most: Option<(u32, Duration)>,
}

/// Who waits, and for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// for pace, room and pauses
    #[default]
    Normal,
    /// for nothing, though it counts: it has its turn already, or cuts somebody off
    Free,
}

/// The limiter of one system.
#[derive(Debug, Default)]
pub struct Limiter {
    state: Mutex<State>,
    clock: WaitClock,
    /// somebody came out, or limits changed
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// what holds, by who says it; the narrowest counts
    said: BTreeMap<Arc<str>, Limits>,
    /// what every request counts in
    all: Bucket,
    buckets: BTreeMap<Box<str>, Bucket>,
    inside: usize,
}

#[derive(Debug, Default)]
struct Bucket {
    /// as it was said
    rate: Option<Rate>,
    /// as it was learned
    rhythm: Rhythm,
    /// when the bucket will be full again
    full: Option<Instant>,
    /// the last turns, where what goes in a time is counted
    recent: VecDeque<Instant>,
    /// nothing goes before, and why
    pause: Option<(Instant, Arc<str>)>,
}

/// A turn: it is under way until it is dropped.
#[derive(Debug)]
pub struct Slot {
    limiter: Arc<Limiter>,
    /// its own, beside that of all
    bucket: Option<Box<str>>,
    /// a token that was taken and can be given back
    taken: bool,
}

/// Whether there is a turn now.
enum Turn {
    Now,
    /// once somebody comes out
    Room,
    At(Instant),
    /// the system asked for so long a pause
    Paused(Instant, Arc<str>),
}

impl Limiter {
    /// By this clock.
    pub fn by(clock: &WaitClock) -> Self {
        Self { clock: clock.clone(), ..Self::default() }
    }

    /// What a Source or Target says of its system, in place of what it said before.
    pub fn limit(&self, who: &Arc<str>, limits: Limits) {
        self.state().say(who, limits);
        self.moved.notify_waiters();
    }

    /// The narrowest rate that anybody says.
    pub fn allowed(&self) -> Option<Rate> {
        self.state().all.rate
    }

    /// The rate of a bucket of its own: a system may count some requests apart.
    pub fn limit_bucket(&self, bucket: &str, rate: Option<Rate>) {
        self.state().bucket(bucket).rate = rate.filter(|rate| rate.per_second > 0.0);
        self.moved.notify_waiters();
    }

    /// The system asked to be left alone, as far as a bucket goes. A longer pause that stands already stays.
    pub fn pause(&self, bucket: &str, pause: Duration, why: &str) {
        self.state().bucket(bucket).pause(self.clock.now() + pause, why);
    }

    /// The system let a request through.
    pub fn got_through(&self, bucket: &str) {
        let mut state = self.state();
        state.all.rhythm.got_through();
        if bucket != ALL {
            state.bucket(bucket).rhythm.got_through();
        }
    }

    /// The system put a request off, and may have said for how long. What was sent before the pause that stands only repeats what is known.
    pub fn put_off(&self, bucket: &str, pause: Option<Duration>, why: &str) {
        let (mut state, now) = (self.state(), self.clock.now());
        let bucket = state.bucket(bucket);
        let stands = bucket.pause.as_ref().is_some_and(|(until, _)| *until > now);
        if !stands && bucket.rhythm.put_off(now) {
            bucket.full = None;
        }
        if let Some(pause) = pause {
            bucket.pause(now + pause, why);
        }
    }

    /// Whether it was learned how often the system lets anything through.
    pub fn has_rhythm(&self) -> bool {
        self.state().all.rhythm.pace().is_some()
    }

    /// One turn in a bucket and in that of all. Where a pause lasts longer than the caller waits, that is said at once.
    pub async fn enter(self: &Arc<Self>, bucket: &str, lane: Lane, longest: Duration) -> Result<Slot, SystemError> {
        loop {
            // Before the turn: whoever comes out in between is not missed.
            let moved = self.moved.notified();
            let until = match self.state().turn(bucket, lane, self.clock.now()) {
                Turn::Now => {
                    let bucket = (bucket != ALL).then(|| bucket.into());
                    return Ok(Slot { limiter: self.clone(), bucket, taken: true });
                }
                Turn::Room => None,
                Turn::At(until) => Some(until),
                Turn::Paused(until, why) if until.saturating_duration_since(self.clock.now()) > longest => {
                    let after = until.saturating_duration_since(self.clock.now());
                    return Err(SystemError::Throttled { after: Some(after), message: format!("it asked to be left alone: {why}") });
                }
                Turn::Paused(until, _) => Some(until),
            };
            tokio::select! {
                () = moved => {}
                () = self.clock.sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn say(&mut self, who: &Arc<str>, limits: Limits) {
        self.said.insert(who.clone(), limits);
        let rates = self.said.values().filter_map(|limits| limits.rate).filter(|rate| rate.per_second > 0.0);
        self.all.rate = rates.min_by(|one, other| one.per_second.total_cmp(&other.per_second));
    }

    /// Takes a turn where there is one.
    fn turn(&mut self, bucket: &str, lane: Lane, now: Instant) -> Turn {
        let own = if bucket == ALL { None } else { self.buckets.get(bucket) };
        if lane == Lane::Normal {
            let both = || [Some(&self.all), own].into_iter().flatten();
            let paused = both().filter_map(|bucket| bucket.pause.as_ref()).filter(|(until, _)| *until > now);
            if let Some((until, why)) = paused.max_by_key(|(until, _)| *until) {
                return Turn::Paused(*until, why.clone());
            }
            if self.concurrency().is_some_and(|most| self.inside >= most) {
                return Turn::Room;
            }
            if let Some(next) = both().filter_map(Bucket::next).max().filter(|next| *next > now) {
                return Turn::At(next);
            }
        }
        self.all.take(now);
        if bucket != ALL {
            self.bucket(bucket).take(now);
        }
        self.inside += 1;
        Turn::Now
    }

    fn bucket(&mut self, name: &str) -> &mut Bucket {
        if name == ALL { &mut self.all } else { self.buckets.entry(name.into()).or_default() }
    }

    fn concurrency(&self) -> Option<usize> {
        self.said.values().filter_map(|limits| limits.concurrency).min().map(|most| most.max(1))
    }
}

impl Bucket {
    fn pause(&mut self, until: Instant, why: &str) {
        if self.pause.as_ref().is_none_or(|(known, _)| *known < until) {
            self.pause = Some((until, why.into()));
        }
    }

    /// As it was said or learned, whichever is less.
    fn rate(&self) -> Option<Rate> {
        let learned = self.rhythm.pace().map(|per_second| Rate::new(per_second, 1));
        [self.rate, learned].into_iter().flatten().min_by(|one, other| one.per_second.total_cmp(&other.per_second))
    }

    /// When the next token is there, and room in the time that is counted.
    fn next(&self) -> Option<Instant> {
        let rate = self.rate()?;
        let token = self.full.and_then(|full| full.checked_sub(rate.interval()? * rate.burst.saturating_sub(1)));
        let room = rate.most.and_then(|(most, span)| {
            let first = self.recent.len().checked_sub(most as usize)?;
            Some(*self.recent.get(first)? + span)
        });
        token.max(room)
    }

    fn take(&mut self, now: Instant) {
        let Some(rate) = self.rate() else { return };
        if let Some((most, _)) = rate.most {
            self.recent.push_back(now);
            let over = self.recent.len().saturating_sub(most as usize);
            self.recent.drain(..over);
        }
        let Some(interval) = rate.interval() else { return };
        let late = now.checked_sub(LATE.min(interval / 2)).unwrap_or(now);
        self.full = Some(self.full.map_or(now, |full| full.max(late)) + interval);
    }

    fn give_back(&mut self) {
        self.recent.pop_back();
        let Some(interval) = self.rate().and_then(Rate::interval) else { return };
        self.full = self.full.and_then(|full| full.checked_sub(interval));
    }
}

impl Rate {
    /// So many a second, and so many at once after a rest.
    pub fn new(per_second: f64, burst: u32) -> Self {
        Self { per_second, burst, most: None }
    }

    /// So many in a span of time, as vendors say it: in none is there more. A part of them may go at once, since a handful of requests after a rest is what every
    /// vendor allows, and a person waits for the plan.
    pub fn within(many: u32, span: Duration) -> Self {
        let per_second = f64::from(many) / span.as_secs_f64();
        Self { per_second, burst: (many / AT_ONCE).clamp(1, MOST_AT_ONCE), most: (many <= COUNTED).then_some((many, span)) }
    }

    fn interval(self) -> Option<Duration> {
        Duration::try_from_secs_f64(1.0 / self.per_second).ok()
    }
}

impl Slot {
    /// The token goes back: whoever has the turn counts each of its requests by itself.
    pub fn give_back(&mut self) {
        if std::mem::take(&mut self.taken) {
            let mut state = self.limiter.state();
            if let Some(bucket) = &self.bucket {
                state.bucket(bucket).give_back();
            }
            state.all.give_back();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.limiter.state();
        state.inside = state.inside.saturating_sub(1);
        drop(state);
        self.limiter.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A limiter's state and a clock of its own.
    struct Clocked {
        state: State,
        start: Instant,
        now: Instant,
    }

    impl Clocked {
        fn new(concurrency: Option<usize>, rate: Option<(f64, u32)>) -> Self {
            let mut state = State::default();
            let rate = rate.map(|(per_second, burst)| Rate::new(per_second, burst));
            state.say(&"chat".into(), Limits { concurrency, rate });
            let now = Instant::now();
            Self { state, start: now, now }
        }

        /// When each of so many requests in a row has its turn, in milliseconds. Each is over at once.
        fn turns(&mut self, bucket: &str, lane: Lane, count: usize) -> Vec<u128> {
            let mut turns = Vec::new();
            while turns.len() < count {
                match self.state.turn(bucket, lane, self.now) {
                    Turn::Now => {
                        turns.push((self.now - self.start).as_millis());
                        self.state.inside -= 1;
                    }
                    Turn::At(until) | Turn::Paused(until, _) => self.now = until,
                    Turn::Room => panic!("nobody is inside"),
                }
            }
            turns
        }
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut chat = Clocked::new(None, Some((2.0, 3)));
        assert_eq!(chat.turns(ALL, Lane::Normal, 5), [0, 0, 0, 500, 1000]);
    }

    #[test]
    fn a_quarter_of_what_a_minute_allows_goes_at_once_and_no_minute_has_more_than_that() {
        let mut chat = Clocked::new(None, None);
        chat.state.bucket("users.list").rate = Some(Rate::within(20, 60 * SECOND));
        let turns = chat.turns("users.list", Lane::Normal, 60);
        assert_eq!(turns[..7], [0, 0, 0, 0, 0, 3000, 6000]);
        let most = turns.iter().map(|from| turns.iter().filter(|at| (*from..from + 60_000).contains(at)).count()).max();
        assert_eq!(most, Some(20), "{turns:?}");
        // In the long run it is what the vendor allows.
        assert_eq!(turns[20], 60_000);
        assert_eq!(turns[40], 120_000);
        assert_eq!((Rate::within(5000, 3600 * SECOND).burst, Rate::within(10, SECOND).burst, Rate::within(1, SECOND).burst), (20, 2, 1));
    }

    #[test]
    fn a_timer_that_comes_late_slows_nothing_down() {
        let mut chat = Clocked::new(None, Some((100.0, 1)));
        chat.turns(ALL, Lane::Normal, 2);
        for _ in 0..50 {
            let late = Duration::from_millis(2);
            chat.now += late;
            chat.turns(ALL, Lane::Normal, 1);
        }
        assert!((500..=520).contains(&(chat.now - chat.start).as_millis()), "{:?}", chat.now - chat.start);
    }

    #[test]
    fn what_is_free_counts_and_waits_for_nothing() {
        let mut chat = Clocked::new(Some(1), Some((1.0, 1)));
        chat.state.all.pause(chat.now + 5 * SECOND, "429");
        chat.state.inside = 1;
        assert_eq!(chat.turns(ALL, Lane::Free, 7), [0; 7]);
        chat.state.inside = 0;
        assert_eq!(chat.turns(ALL, Lane::Normal, 2), [7000, 8000]);
    }

    #[test]
    fn a_bucket_of_its_own_holds_up_nobody_else() {
        let mut chat = Clocked::new(None, None);
        chat.state.bucket("users.list").rate = Some(Rate::new(1.0, 1));
        let until = chat.now + 3 * SECOND;
        chat.state.bucket("users.list").pause(until, "429");
        assert_eq!(chat.turns("groups.list", Lane::Normal, 3), [0, 0, 0]);
        assert_eq!(chat.turns("users.list", Lane::Normal, 2), [3000, 4000]);
    }

    #[test]
    fn the_narrowest_that_anybody_says_counts() {
        let mut chat = Clocked::new(None, Some((1.0, 1)));
        chat.state.say(&"hr".into(), Limits { concurrency: None, rate: Some(Rate::new(4.0, 1)) });
        assert_eq!(chat.turns(ALL, Lane::Normal, 2), [0, 1000]);
        chat.state.say(&"chat".into(), Limits::default());
        assert_eq!(chat.turns(ALL, Lane::Normal, 2), [2000, 2250]);
    }

    #[test]
    fn what_was_learned_counts_beside_what_was_said() {
        let mut chat = Clocked::new(None, Some((100.0, 5)));
        for at in 0..4 {
            chat.state.all.rhythm.put_off(chat.start + at * SECOND);
            (0..4).for_each(|_| chat.state.all.rhythm.got_through());
        }
        let turns = chat.turns(ALL, Lane::Normal, 3);
        assert!((250..400).contains(&turns[1]) && (500..800).contains(&turns[2]), "{turns:?}");
    }

    #[test]
    fn what_is_put_off_while_a_pause_stands_is_no_news() {
        let limiter = Limiter::default();
        limiter.put_off(ALL, Some(SECOND), "HTTP 429");
        (0..9).for_each(|_| limiter.got_through(ALL));
        limiter.put_off(ALL, Some(SECOND), "HTTP 429");
        assert!(!limiter.has_rhythm());
    }

    #[test]
    fn a_token_that_is_given_back_serves_another() {
        let mut chat = Clocked::new(None, Some((1.0, 1)));
        chat.turns(ALL, Lane::Normal, 1);
        chat.state.all.give_back();
        assert_eq!(chat.turns(ALL, Lane::Normal, 2), [0, 1000]);
    }

    #[tokio::test]
    async fn a_pause_that_is_too_long_is_told_at_once() {
        let limiter = Arc::new(Limiter::default());
        limiter.pause(ALL, 3600 * SECOND, "HTTP 429");
        let told = limiter.enter(ALL, Lane::Normal, 60 * SECOND).await.err();
        assert!(matches!(&told, Some(SystemError::Throttled { after: Some(_), message }) if message.contains("HTTP 429")), "{told:?}");
    }

    #[tokio::test]
    async fn whoever_waits_for_room_has_it_when_somebody_comes_out() {
        let limiter = Arc::new(Limiter::default());
        limiter.limit(&"chat".into(), Limits { concurrency: Some(1), rate: None });
        let inside = limiter.enter(ALL, Lane::Normal, SECOND).await;
        let mut waits = Box::pin(limiter.enter(ALL, Lane::Normal, SECOND));
        assert!(futures_util::poll!(&mut waits).is_pending());
        drop(inside);
        assert!(waits.await.is_ok());
    }
}
