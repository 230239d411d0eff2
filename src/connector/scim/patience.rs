//! Reads that wait for a service that asks for patience: a document, a page or an object is asked for again, within bounds. A service that goes on asking is
//! left alone, so that its many readers do not each try for themselves.
//!
//! Must never: wait for longer than a run should, or ask again for what was refused.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::api::Api;
use crate::http::{Method, Response, Url};
use crate::model::SystemError;

/// What can't be had for now is asked for this often.
const TRIES: u32 = 4;
/// Whoever asks for a longer pause gets it between two runs, not within one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A service that could not be reached so often in a row, for all tries each time, is away.
const MISSES: u32 = 2;

/// What one service has asked of its readers.
#[derive(Debug)]
pub struct Patience {
    /// the first pause before something is asked for again; it doubles
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// nothing is asked before, and why
    given_up: Option<(Instant, SystemError)>,
    misses: u32,
}

/// How much patience a question is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// without it nothing can be read: whatever may pass is waited for
    Always,
    /// one of many: only a service that asks for patience is waited for
    IfAsked,
}

impl Patience {
    /// With this first pause.
    pub fn new(pause: Duration) -> Self {
        Self { pause, state: Mutex::default() }
    }

    /// The first pause between two looks at the same thing.
    pub fn pause(&self) -> Duration {
        self.pause
    }

    fn refusal(&self) -> Option<SystemError> {
        let state = self.state();
        let (until, error) = state.given_up.as_ref()?;
        (*until > Instant::now()).then(|| error.clone())
    }

    fn reached(&self) {
        self.state().misses = 0;
    }

    /// All tries were in vain.
    fn exhausted(&self, error: &SystemError, reached: bool) {
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
            state.given_up = Some((Instant::now() + pause.max(LONGEST_PAUSE), error.clone().map_words(words)));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for something until there is an answer, whatever its status, or patience ends. Reading twice harms nobody.
pub async fn ask(api: &Api, url: &Url, most: Option<usize>, again: Again) -> Result<Response, SystemError> {
    if let Some(error) = api.patience.refusal() {
        return Err(error);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let (error, reached) = match api.send_within(Method::GET, url.clone(), None, None, most).await {
            Err(error) => (error, false),
            Ok(response) if response.succeeded() => {
                api.patience.reached();
                return Ok(response);
            }
            Ok(response) => match api.refusal(&response) {
                error @ (SystemError::Throttled { .. } | SystemError::Unavailable(_)) => (error, true),
                _ => return Ok(response),
            },
        };
        let asked = match &error {
            SystemError::Throttled { after, .. } => *after,
            SystemError::Unavailable(_) if again == Again::Always => None,
            _ => return Err(error),
        };
        let pause = asked.unwrap_or_else(|| api.patience.pause.mul_f64(f64::from(1u32 << tries) * (0.5 + fastrand::f64())));
        if tries >= TRIES || pause > LONGEST_PAUSE {
            api.patience.exhausted(&error, reached);
            return Err(error);
        }
        let (system, seconds) = (api.client.system(), pause.as_secs_f64());
        let why = error.to_string();
        tracing::warn!(target: "headcount::http", system, tries, seconds = %format_args!("{seconds:.1}"), why, "asking again after a pause");
        sleep(pause).await;
    }
}

/// The same where only a success counts.
pub async fn get(api: &Api, url: &Url, most: Option<usize>, again: Again) -> Result<Response, SystemError> {
    let response = ask(api, url, most, again).await?;
    if response.succeeded() { Ok(response) } else { Err(api.refusal(&response)) }
}
