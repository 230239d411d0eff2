//! How much a run does at once, and how long it tries.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Changes under way at once where nobody says otherwise.
const CONCURRENCY: usize = 4;

/// What tells a run the time that it writes down.
#[derive(Clone)]
pub struct Clock(pub Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(Timestamp::now))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

/// How many at once, and how patiently.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// changes under way at once, by the Target's name; the default for the rest. How fast a target may be asked, its limiter says
    pub concurrency: BTreeMap<Arc<str>, usize>,
    /// how often one write is sent at most
    pub attempts: u32,
    /// the wait before the second attempt; it doubles from there, with jitter
    pub first_wait: Duration,
    /// no wait of our own is longer
    pub longest_wait: Duration,
    /// how long a target may do nothing but ask for patience before the rest is left for another run; a `Retry-After` beyond this ends the work at once
    pub patience: Duration,
    /// an answer that takes longer makes the outcome uncertain; connectors have shorter deadlines of their own
    pub deadline: Duration,
    /// changes in a row that fail because the target can't be reached, before the rest is left
    pub give_up_after: u32,
    /// equal refusals of one kind of change in a row, before the rest of that kind waits for what a few of it come to
    pub equal_refusals: u32,
    /// how long work is remembered for guardrails; at least the longest window
    pub keep_windows: SignedDuration,
    /// for the journal and the state: when something was done
    pub clock: Clock,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            concurrency: BTreeMap::new(),
            attempts: 5,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(30),
            patience: Duration::from_secs(600),
            deadline: Duration::from_secs(300),
            give_up_after: 5,
            equal_refusals: 5,
            keep_windows: SignedDuration::from_hours(24 * 31),
            clock: Clock::default(),
        }
    }
}

impl RunSettings {
    /// The wait before attempt number `attempt` + 1: between half and all of a doubling time, so that many don't come back at once.
    pub(super) fn wait(&self, attempt: u32) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.longest_wait);
        doubled.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Changes under way at once at a target.
    pub(super) fn concurrency(&self, target: &str) -> usize {
        self.concurrency.get(target).copied().unwrap_or(CONCURRENCY)
    }
}
