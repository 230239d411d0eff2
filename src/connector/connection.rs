//! A connection over HTTP that lives long: one client with its credentials, and what all who speak to the same system share: one limiter, and what is known of
//! its being away. Reads wait for a system that asks for patience, within bounds.
//!
//! Must never: wait for longer than a run should, ask again for what was refused, or send a write twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Permit;
use super::clock::WaitClock;
use super::limiter::{ALL, Lane, Limiter};
use super::rehearsal::Rehearsal;
use crate::fence::Fence;
use crate::http::{Client, Effect, Request, Response};
use crate::model::SystemError;

/// What can't be had for now is asked for this often.
const TRIES: u32 = 4;
/// Whoever asks for a longer pause gets it between two runs, not within one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A system that could not be reached so often in a row, for all tries each time, is away.
const MISSES: u32 = 2;

/// What is shared by all connections to one system.
#[derive(Debug, Default)]
pub struct System {
    /// how fast it may be asked
    pub limiter: Arc<Limiter>,
    /// whether it is asked at all
    breaker: Breaker,
    /// what is waited by
    clock: WaitClock,
}

/// Opens where a system goes on asking for patience, or is away, so that its many readers do not each try for themselves.
#[derive(Debug, Default)]
struct Breaker(Mutex<BreakerState>);

#[derive(Debug, Default)]
struct BreakerState {
    /// nothing is asked before, and why
    open: Option<(Instant, SystemError)>,
    misses: u32,
}

/// One way to a system.
#[derive(Clone, Debug)]
pub struct Connection {
    client: Client,
    system: Arc<System>,
    lane: Lane,
    /// the first pause before something is asked for again; it doubles
    pause: Duration,
    /// takes what would be written
    rehearsal: Option<Rehearsal>,
    leave: Option<Leave>,
}

/// Leave to write one change.
#[derive(Clone, Debug)]
struct Leave {
    fence: Fence,
    /// something of the change was sent
    begun: Arc<AtomicBool>,
}

/// How much patience a question is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// without it nothing can be read: whatever may pass is waited for
    Always,
    /// one of many: only a system that asks for patience is waited for
    IfAsked,
}

impl System {
    /// By this clock.
    pub fn by(clock: &WaitClock) -> Self {
        Self { limiter: Arc::new(Limiter::by(clock)), clock: clock.clone(), ..Self::default() }
    }
}

impl Connection {
    /// Over this client.
    pub fn new(client: Client, system: Arc<System>, pause: Duration) -> Self {
        Self { client, system, lane: Lane::Normal, pause, rehearsal: None, leave: None }
    }

    /// The same way for somebody else, by the name that the log has.
    pub fn named(&self, name: &Arc<str>) -> Self {
        Self { client: self.client.named(name), ..self.clone() }
    }

    /// The same way for requests of another lane.
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    /// The same way for whoever only wants to know what would be written.
    pub fn rehearsing(&self, rehearsal: &Rehearsal) -> Self {
        Self { rehearsal: Some(rehearsal.clone()), lane: Lane::Normal, ..self.clone() }
    }

    /// The same way for the requests of one change.
    pub fn for_one_change(&self, permit: &Permit) -> Self {
        Self { leave: Some(Leave { fence: permit.fence().clone(), begun: Arc::default() }), ..self.clone() }
    }

    /// What takes the writes, where none is to be sent.
    pub fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }

    /// The client, for what it knows; what is sent goes through the connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What is waited by.
    pub fn clock(&self) -> &WaitClock {
        &self.system.clock
    }

    /// The first pause between two looks at the same thing.
    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// Leaves the system alone for a while.
    pub fn rest(&self, pause: Duration, why: &str) {
        self.system.limiter.pause(ALL, pause, why);
    }

    /// Sends a request, once, when it is its turn.
    pub async fn send(&self, request: Request) -> Result<Response, SystemError> {
        self.send_in(ALL, request).await
    }

    /// The same, counted in a bucket of its own too.
    pub async fn send_in(&self, bucket: &str, request: Request) -> Result<Response, SystemError> {
        if let Some(rehearsal) = self.rehearsal.as_ref().filter(|_| request.effect == Effect::Writes) {
            rehearsal.note(&request);
            return Err(SystemError::Unreachable("it is only rehearsed; what follows depends on the answer".into()));
        }
        let _slot = self.system.limiter.enter(bucket, self.lane, LONGEST_PAUSE).await?;
        let answer = match request.effect {
            Effect::Reads => self.client.send(request).await?,
            Effect::Writes => self.write(request).await?,
        };
        let limiter = &self.system.limiter;
        match (answer.status, answer.retry_after) {
            (429, after) | (503, after @ Some(_)) => limiter.put_off(bucket, after, &format!("HTTP {}", answer.status)),
            _ => limiter.got_through(bucket),
        }
        if let Some(reset) = spent(&answer) {
            limiter.pause(bucket, reset, "what it allows for now is used up");
        }
        Ok(answer)
    }

    /// Of a change that takes several requests, one that was not sent does not say that nothing was done.
    async fn write(&self, request: Request) -> Result<Response, SystemError> {
        let Some(Leave { fence, begun }) = &self.leave else {
            return Err(SystemError::Protocol("nobody gave leave to write; this is a defect of headcount".into()));
        };
        match self.client.send(Request { fence: fence.clone(), ..request }).await {
            Err(SystemError::NotSent(why)) if begun.load(Ordering::SeqCst) => {
                Err(SystemError::Uncertain(format!("a part of it was sent, and the rest was not: {why}")))
            }
            Err(SystemError::NotSent(why)) => Err(SystemError::NotSent(why)),
            answer => {
                begun.store(true, Ordering::SeqCst);
                answer
            }
        }
    }

    /// Asks for something until there is an answer, whatever its status, or patience ends. Reading twice harms nobody.
    pub async fn ask(
        &self,
        request: &Request,
        again: Again,
        refusal: &(dyn Fn(&Response) -> SystemError + Sync),
    ) -> Result<Response, SystemError> {
        self.ask_in(ALL, request, again, refusal).await
    }

    /// The same, each try counted in a bucket of its own too.
    pub async fn ask_in(
        &self,
        bucket: &str,
        request: &Request,
        again: Again,
        refusal: &(dyn Fn(&Response) -> SystemError + Sync),
    ) -> Result<Response, SystemError> {
        let breaker = &self.system.breaker;
        if let Some(error) = breaker.refusal(self.clock().now()).filter(|_| self.lane == Lane::Normal) {
            return Err(error);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let (error, reached) = match self.send_in(bucket, request.clone()).await {
                Err(error) => (error, false),
                Ok(response) if response.succeeded() => {
                    breaker.reached();
                    return Ok(response);
                }
                Ok(response) => match refusal(&response) {
                    error @ (SystemError::Throttled { .. } | SystemError::Unavailable(_)) => (error, true),
                    _ => return Ok(response),
                },
            };
            let asked = match &error {
                SystemError::Throttled { after, message } => {
                    // A system may say so in words of its own.
                    self.system.limiter.put_off(bucket, *after, message);
                    *after
                }
                SystemError::Unavailable(_) if again == Again::Always => None,
                _ => return Err(error),
            };
            let pause = asked.unwrap_or_else(|| self.pause.mul_f64(f64::from(1u32 << tries) * (0.5 + fastrand::f64())));
            if tries >= TRIES || pause > LONGEST_PAUSE {
                breaker.exhausted(&error, reached, self.clock().now());
                return Err(error);
            }
            let (system, seconds) = (self.client.system(), pause.as_secs_f64());
            let why = error.to_string();
            tracing::warn!(target: "headcount::http", system, tries, seconds = %format_args!("{seconds:.1}"), why, "asking again after a pause");
            self.clock().sleep(pause).await;
        }
    }
}

/// For how long nothing is allowed any more, where an answer says so: `RateLimit-Remaining: 0` with its reset in seconds, also as `X-RateLimit-…`.
fn spent(answer: &Response) -> Option<Duration> {
    /// A larger number is a time, not a span.
    const SPAN: u64 = 24 * 60 * 60;
    let number = |name: &str| {
        let said = answer.header(name).or_else(|| answer.header(&format!("x-{name}")))?;
        said.trim().parse::<u64>().ok()
    };
    let left = number("ratelimit-remaining")?;
    let reset = number("ratelimit-reset").filter(|_| left == 0)?;
    let seconds = if reset <= SPAN { reset } else { reset.checked_sub(u64::try_from(jiff::Timestamp::now().as_second()).ok()?)? };
    (seconds <= SPAN).then(|| Duration::from_secs(seconds))
}

impl Breaker {
    fn refusal(&self, now: Instant) -> Option<SystemError> {
        let state = self.state();
        let (until, error) = state.open.as_ref()?;
        (*until > now).then(|| error.clone())
    }

    fn reached(&self) {
        self.state().misses = 0;
    }

    /// All tries were in vain.
    fn exhausted(&self, error: &SystemError, reached: bool, now: Instant) {
        let mut state = self.state();
        let asked = match error {
            SystemError::Throttled { after, .. } => Some(after.unwrap_or(LONGEST_PAUSE)),
            SystemError::Unavailable(_) if !reached => {
                state.misses += 1;
                (state.misses >= MISSES).then_some(LONGEST_PAUSE)
            }
            _ => None,
        };
        if let Some(pause) = asked {
            let words = |words: &str| format!("{words} (left alone after {TRIES} tries)");
            state.open = Some((now + pause.max(LONGEST_PAUSE), error.clone().map_words(words)));
        }
    }

    fn state(&self) -> MutexGuard<'_, BreakerState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    fn answer<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> Response {
        Response { status: 200, headers: Headers::of(headers), ..Response::default() }
    }

    #[test]
    fn a_budget_that_is_used_up_is_waited_for() {
        let seconds = |headers: &[(&str, &str)]| spent(&answer(headers.iter().copied())).map(|reset| reset.as_secs());
        assert_eq!(seconds(&[("RateLimit-Remaining", "0"), ("RateLimit-Reset", "7")]), Some(7));
        assert_eq!(seconds(&[("X-RateLimit-Remaining", "1"), ("X-RateLimit-Reset", "7")]), None);
        assert_eq!(seconds(&[("X-RateLimit-Remaining", "0")]), None);
        let at = (jiff::Timestamp::now().as_second() + 30).to_string();
        assert!(seconds(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &at)]).is_some_and(|left| (25..=30).contains(&left)));
    }

    #[tokio::test]
    async fn a_change_of_which_one_request_was_sent_is_not_called_unsent_for_the_next_one() {
        let url = crate::connector::testing::answers::serve(|_| (204, String::new(), String::new()));
        let settings = crate::http::Settings {
            system: "app".into(),
            timeout: Duration::from_secs(5),
            max_body: 1000,
            credentials: None,
            renew: None,
            ca_file: None,
            identity: None,
            detour: None,
            recording: None,
        };
        let way = Connection::new(Client::new(&settings).unwrap(), Arc::default(), Duration::ZERO);
        let request = || Request::writes(crate::http::Method::DELETE, url.parse().unwrap(), "*/*");
        assert!(matches!(way.send(request()).await, Err(SystemError::Protocol(_))), "nobody gave leave");
        let tenure = crate::fence::by_hand::HandTenure::stands();
        let permit = crate::connector::testing::permit_under(&Fence::of(tenure.clone())).await;
        let (begun, fresh) = (way.for_one_change(&permit), way.for_one_change(&permit));
        assert!(begun.send(request()).await.unwrap().succeeded());
        tenure.ends_after(0);
        assert!(matches!(begun.send(request()).await, Err(SystemError::Uncertain(_))));
        assert!(matches!(fresh.send(request()).await, Err(SystemError::NotSent(_))));
    }
}
