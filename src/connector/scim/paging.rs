//! Lists by index paging (RFC 7644 section 3.4.2.4), read to their end or known not to be.
//!
//! A list is whole when as many distinct ids came as were announced, the announced total never moved, and nothing comes after the end.
//! Otherwise it is read again, twice at most.
//! Must never: call a list whole because no error happened.

use std::collections::HashSet;

use super::api::{Api, Endpoint};
use crate::connector::budget::{ROW, Share};
use crate::connector::connection::Again;
use crate::http::Response;
use crate::model::{Evidence, SystemError};
use crate::scim::ListResponse;

/// A list that moves is read this often.
const READS: u32 = 3;
/// More pages than this are no list but a loop.
const MAX_PAGES: u64 = 200_000;
/// All pages of one list together.
const MAX_BYTES: usize = 8 << 30;

/// How lists of one service are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// resources a page
    pub count: u32,
}

/// Takes the resources of a list, reading for reading.
pub trait Collect: Send {
    /// Takes one resource and notes its id; one whose id is known already is left out.
    fn take(&mut self, json: &str, ids: &mut HashSet<Box<str>>) -> Result<(), SystemError>;

    /// A page is over, whole or not: what came of it may be handed on.
    fn page(&mut self) {}

    /// The list is read again: what came so far counts for nothing.
    fn restart(&mut self);

    /// About how many bytes it took, here and where it was handed on to.
    fn size(&self) -> usize;
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
    /// as many came as were announced
    at_end: bool,
    /// and behind them there is nothing
    done: bool,
}

/// Reads a list to its end. A reading that is given up leaves nothing behind: its collector restarts.
pub async fn list<C: Collect>(api: &Api, paging: Paging, endpoint: Endpoint, query: &[(&str, &str)], mut rows: C) -> Listing<C> {
    let mut reads = 0;
    loop {
        reads += 1;
        let mut progress = Progress::default();
        let mut share = api.budget.share();
        let error = match read_once(api, paging, endpoint, query, &mut rows, &mut progress, &mut share).await {
            Ok(()) => {
                share.keep();
                return Listing { rows, evidence: Evidence::Complete, error: None };
            }
            Err(Trouble::Odd(_)) if reads < READS => {
                rows.restart();
                continue;
            }
            Err(Trouble::Odd(error) | Trouble::Refused(error)) => error,
        };
        let reason = error.to_string();
        let evidence = if progress.ids.is_empty() { Evidence::Unreadable { reason } } else { Evidence::Partial { reason } };
        share.keep();
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
    share: &mut Share,
) -> Result<(), Trouble> {
    let filtered = query.iter().any(|(name, _)| *name == "filter");
    let mut size = paging.count;
    for _ in 0..MAX_PAGES {
        let start = (progress.received + 1).to_string();
        let count = size.to_string();
        let query: Vec<(&str, &str)> =
            [("startIndex", start.as_str()), ("count", &count)].into_iter().chain(query.iter().copied()).collect();
        let response = match page(api, endpoint, &query).await {
            // Large groups make long pages: fewer of them at once may fit.
            Ok(response) if response.too_long && size > 1 => {
                size /= 2;
                continue;
            }
            // Some services refuse to be asked for what lies behind the end.
            Err(Trouble::Refused(SystemError::Rejected(_) | SystemError::NotFound(_))) if progress.at_end => return Ok(()),
            answer => answer?,
        };
        let taken = progress.take(&response, rows, share);
        rows.page();
        let last = taken.map_err(Trouble::Odd)?;
        // An answer to a filter that fills no page has no more; a list is asked once more, since a total can be a lie.
        if progress.done || (progress.at_end && filtered && last < u64::from(size)) {
            return Ok(());
        }
    }
    Err(Trouble::Refused(SystemError::Protocol(format!("more than {MAX_PAGES} pages"))))
}

/// One page. What may pass (429, 5xx, a lost connection) is waited for, within bounds.
async fn page(api: &Api, endpoint: Endpoint, query: &[(&str, &str)]) -> Result<Response, Trouble> {
    let url = api.url(&[endpoint.name()], query).map_err(Trouble::Refused)?;
    api.ask_for(url, None, Again::Always).await.map_err(|error| match error {
        SystemError::Protocol(_) => Trouble::Odd(error),
        _ => Trouble::Refused(error),
    })
}

impl Progress {
    /// Takes a page and says how long it was.
    fn take<C: Collect>(&mut self, response: &Response, rows: &mut C, share: &mut Share) -> Result<u64, SystemError> {
        self.bytes += response.body.len();
        if self.bytes > MAX_BYTES {
            return Err(SystemError::Protocol(format!("more than {MAX_BYTES} bytes")));
        }
        let list: ListResponse<'_> = serde_json::from_slice(&response.body).map_err(|error| no_list(response, &error))?;
        let total = *self.total.get_or_insert(list.total);
        if total != list.total {
            return Err(odd(format!("the announced total moved from {total} to {} during the read", list.total)));
        }
        let known = self.ids.len();
        let ids = &mut self.ids;
        let taken = list.each(|resource| {
            rows.take(resource, ids)?;
            share.hold(rows.size() + ids.len() * ROW)
        });
        let count = taken.map_err(|error| no_list(response, &error))??;
        if count == 0 && self.received < total {
            return Err(odd(format!("an empty page after {} of {total} announced", self.received)));
        }
        let new = self.ids.len() - known;
        if self.at_end {
            // A service that gives the last page again when asked for what lies behind it tells nothing new.
            self.done = true;
            return if new == 0 { Ok(0) } else { Err(odd(format!("{total} were announced, and more came behind them"))) };
        }
        self.received += count;
        if new == 0 && count > 0 {
            return Err(odd(format!("a page repeats what was read before ({known} of {total} announced); is startIndex ignored?")));
        }
        if self.received >= total {
            self.finish(total)?;
            self.done = count == 0;
        }
        Ok(count)
    }

    fn finish(&mut self, total: u64) -> Result<(), SystemError> {
        let distinct = self.ids.len() as u64;
        if distinct != total {
            return Err(odd(format!("{distinct} distinct ids came, but {total} were announced")));
        }
        self.at_end = true;
        Ok(())
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
