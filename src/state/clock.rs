//! What time is to a lock: how long ago something was, by this machine alone. Tests have one that they move by hand.
//!
//! Must never: be compared with another machine's.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;

/// Tells how much time went by.
pub(in crate::state) trait LeaseClock: Debug + Send + Sync {
    /// Now.
    fn now(&self) -> ClockReading;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// What both clocks of a machine say. The steady one stops with some virtual machines; the other one is put right by people and services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::state) struct ClockReading {
    steady: Duration,
    wall: Duration,
}

impl ClockReading {
    /// The most time that may have gone by since: for whoever holds a lock, and must stop in time.
    pub(in crate::state) fn at_most_since(&self, earlier: &Self) -> Duration {
        self.at_least_since(earlier).max(self.wall.saturating_sub(earlier.wall))
    }

    /// Time that has gone by since for certain: for whoever waits until a lock is nobody's. A wall clock that is put ahead proves nothing.
    pub(in crate::state) fn at_least_since(&self, earlier: &Self) -> Duration {
        self.steady.saturating_sub(earlier.steady)
    }
}

/// The machine's.
#[derive(Debug)]
pub(in crate::state) struct MachineClock;

impl LeaseClock for MachineClock {
    fn now(&self) -> ClockReading {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        ClockReading { steady: steady(), wall }
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Goes on while the machine sleeps.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn steady() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Stops while the machine sleeps; the wall clock does not.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn steady() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

#[cfg(test)]
pub(in crate::state) mod by_hand {
    //! A clock that stands still until a test moves it.

    use std::sync::Arc;

    use tokio::sync::watch;

    use super::*;

    #[derive(Debug)]
    pub(in crate::state) struct HandClock {
        now: watch::Sender<Duration>,
        /// how far the wall clock was put
        put: watch::Sender<Duration>,
        asleep: watch::Sender<usize>,
    }

    impl HandClock {
        pub(in crate::state) fn new() -> Arc<Self> {
            Arc::new(Self {
                now: watch::Sender::new(Duration::ZERO),
                put: watch::Sender::new(Duration::ZERO),
                asleep: watch::Sender::new(0),
            })
        }

        /// Lets time go by.
        pub(in crate::state) fn advance(&self, time: Duration) {
            self.now.send_modify(|now| *now += time);
        }

        /// Puts the wall clock ahead.
        pub(in crate::state) fn put_ahead(&self, time: Duration) {
            self.put.send_modify(|put| *put += time);
        }

        /// Waits until so many have gone to sleep on it, ever.
        pub(in crate::state) async fn slept(&self, times: usize) {
            let _ = self.asleep.subscribe().wait_for(|asleep| *asleep >= times).await;
        }

        /// How many have gone to sleep on it so far.
        pub(in crate::state) fn sleeps(&self) -> usize {
            *self.asleep.borrow()
        }
    }

    impl LeaseClock for HandClock {
        fn now(&self) -> ClockReading {
            let steady = *self.now.borrow();
            ClockReading { steady, wall: steady + *self.put.borrow() }
        }

        fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
            let until = *self.now.borrow() + time;
            let mut now = self.now.subscribe();
            self.asleep.send_modify(|asleep| *asleep += 1);
            Box::pin(async move {
                let _ = now.wait_for(|now| *now >= until).await;
            })
        }
    }
}
