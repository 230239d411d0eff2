//! What time is to a lock: how long ago something was, by this machine alone. Tests have one that they move by hand.
//!
//! Must never: be compared with another machine's.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;

/// Tells how much time went by.
pub(in crate::state) trait LeaseClock: Debug + Send + Sync {
    /// Since some moment that stays the same.
    fn now(&self) -> Duration;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's. Of its two clocks the one counts that says that more went by: the steady one stops with some machines, and the other one is put right by people.
#[derive(Debug)]
pub(super) struct MachineClock {
    steady: Instant,
    wall: SystemTime,
}

impl MachineClock {
    /// From now on.
    pub(super) fn start() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }
}

impl LeaseClock for MachineClock {
    fn now(&self) -> Duration {
        self.steady.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
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
        asleep: watch::Sender<usize>,
    }

    impl HandClock {
        pub(in crate::state) fn new() -> Arc<Self> {
            Arc::new(Self { now: watch::Sender::new(Duration::ZERO), asleep: watch::Sender::new(0) })
        }

        /// Lets time go by.
        pub(in crate::state) fn advance(&self, time: Duration) {
            self.now.send_modify(|now| *now += time);
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
        fn now(&self) -> Duration {
            *self.now.borrow()
        }

        fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
            let until = self.now() + time;
            let mut now = self.now.subscribe();
            self.asleep.send_modify(|asleep| *asleep += 1);
            Box::pin(async move {
                let _ = now.wait_for(|now| *now >= until).await;
            })
        }
    }
}
