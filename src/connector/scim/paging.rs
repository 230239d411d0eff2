//! Lists by index paging (RFC 7644 section 3.4.2.4), read to their end or known not to be.
//!
//! A list is whole when as many distinct ids came as were announced and the announced total never moved. Otherwise it is read again, twice at most.
//! Must never: call a list whole because no error happened.

use std::collections::HashSet;
use std::time::Duration;

use super::api::{Api, Endpoint};
use crate::http::Response;
use crate::model::{Evidence, SystemError};
use crate::scim::ListResponse;

/// A list that moves is read this often.
const READS: u32 = 3;
/// A page that can't be had for now is asked for this often.
const TRIES: u32 = 4;
/// Whoever asks for a longer pause gets it between two runs, not within one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// More pages than this are no list but a loop.
const MAX_PAGES: u64 = 1_000_000;
/// All pages of one list together.
const MAX_BYTES: usize = 16 << 30;

/// How lists of one service are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// resources a page
    pub count: u32,
    /// the first pause before a page is asked for again; it doubles
    pub pause: Duration,
}

/// Takes the resources of one reading of a list.
pub trait Collect: Send {
    /// Takes one resource and notes its id; one whose id is known already is left out.
    fn take(&mut self, json: &str, ids: &mut HashSet<Box<str>>) -> Result<(), SystemError>;
}

/// What came of a list.
#[derive(Debug)]
pub struct Listing<C> {
    /// what the last reading collected
    pub rows: C,
    /// how complete it is
    pub evidence: Evidence,
    /// the error that ended it, where it was one
    pub error: Option<SystemError>,
}

/// Why a reading ended early.
enum Trouble {
    /// the list moved or the answer was odd: reading again may help
    Odd(SystemError),
    /// the service said no
    Refused(SystemError),
}

/// What a reading has seen so far.
#[derive(Default)]
struct Progress {
    total: Option<u64>,
    ids: HashSet<Box<str>>,
    received: u64,
    bytes: usize,
}

/// Reads a list to its end. Each reading starts with a fresh collector, so what an abandoned one saw leaves nothing behind.
pub async fn list<C: Collect>(api: &Api, paging: Paging, endpoint: Endpoint, query: &[(&str, &str)], fresh: impl Fn() -> C) -> Listing<C> {
    let mut reads = 0;
    loop {
        reads += 1;
        let mut rows = fresh();
        let mut progress = Progress::default();
        let error = match read_once(api, paging, endpoint, query, &mut rows, &mut progress).await {
            Ok(()) => return Listing { rows, evidence: Evidence::Complete, error: None },
            Err(Trouble::Odd(_)) if reads < READS => continue,
            Err(Trouble::Odd(error) | Trouble::Refused(error)) => error,
        };
        let reason = format!("{}: {error}", endpoint.name());
        let evidence = if progress.ids.is_empty() { Evidence::Unreadable { reason } } else { Evidence::Partial { reason } };
        return Listing { rows, evidence, error: Some(error) };
    }
}

async fn read_once<C: Collect>(
    api: &Api,
    paging: Paging,
    endpoint: Endpoint,
    query: &[(&str, &str)],
    rows: &mut C,
    progress: &mut Progress,
) -> Result<(), Trouble> {
    for _ in 0..MAX_PAGES {
        let start = (progress.received + 1).to_string();
        let count = paging.count.to_string();
        let query: Vec<(&str, &str)> =
            [("startIndex", start.as_str()), ("count", &count)].into_iter().chain(query.iter().copied()).collect();
        let response = page(api, paging, endpoint, &query).await?;
        if progress.take(&response, rows).map_err(Trouble::Odd)? {
            return Ok(());
        }
    }
    Err(Trouble::Refused(SystemError::Protocol(format!("more than {MAX_PAGES} pages"))))
}

/// One page. What may pass (429, 5xx, a lost connection) is waited for, within bounds; reading twice harms nobody.
async fn page(api: &Api, paging: Paging, endpoint: Endpoint, query: &[(&str, &str)]) -> Result<Response, Trouble> {
    let mut tries = 0;
    loop {
        tries += 1;
        let url = api.url(&[endpoint.name()], query).map_err(Trouble::Refused)?;
        let error = match api.get(url).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let asked = match &error {
            SystemError::Throttled { after, .. } => *after,
            SystemError::Unavailable(_) => None,
            SystemError::Protocol(_) => return Err(Trouble::Odd(error)),
            _ => return Err(Trouble::Refused(error)),
        };
        let pause = asked.unwrap_or_else(|| paging.pause.mul_f64(f64::from(1u32 << tries) * (0.5 + fastrand::f64())));
        if tries >= TRIES || pause > LONGEST_PAUSE {
            return Err(Trouble::Refused(error));
        }
        tokio::time::sleep(pause).await;
    }
}

impl Progress {
    /// Takes a page; true when it was the last one.
    fn take<C: Collect>(&mut self, response: &Response, rows: &mut C) -> Result<bool, SystemError> {
        self.bytes += response.body.len();
        if self.bytes > MAX_BYTES {
            return Err(SystemError::Protocol(format!("more than {MAX_BYTES} bytes")));
        }
        let list: ListResponse<'_> = serde_json::from_slice(&response.body).map_err(|error| no_list(response, &error))?;
        let total = *self.total.get_or_insert(list.total);
        if total != list.total {
            return Err(odd(format!("the announced total moved from {total} to {} during the read", list.total)));
        }
        let resources = list.resources.unwrap_or_default();
        if resources.is_empty() && self.received < total {
            return Err(odd(format!("an empty page after {} of {total} announced", self.received)));
        }
        let known = self.ids.len();
        for resource in &resources {
            rows.take(resource.get(), &mut self.ids)?;
        }
        self.received += resources.len() as u64;
        if self.ids.len() == known && !resources.is_empty() {
            return Err(odd(format!("a page repeats what was read before ({known} of {total} announced); is startIndex ignored?")));
        }
        if self.received < total {
            return Ok(false);
        }
        match self.ids.len() as u64 {
            distinct if distinct == total => Ok(true),
            distinct => Err(odd(format!("{distinct} distinct ids came, but {total} were announced"))),
        }
    }
}

fn odd(words: String) -> SystemError {
    SystemError::Protocol(words)
}

fn no_list(response: &Response, error: &serde_json::Error) -> SystemError {
    match response.json() {
        Ok(json) if json.get("totalResults").is_none() => odd("a list without totalResults: nobody can tell whether it is whole".into()),
        Ok(_) => odd("the list has another shape than RFC 7644 says".into()),
        Err(_) => response.not_json(error),
    }
}
