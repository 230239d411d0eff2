//! Lists by index paging (RFC 7644 section 3.4.2.4) or by cursor (RFC 9865), read to their end or known not to be.
//!
//! By index, a list is whole when as many distinct ids came as were announced, the announced total never moved, and nothing comes after the end. By cursor,
//! when no further page is named and no fewer came than were announced. Otherwise it is read again, twice at most.
//! Must never: call a list whole because no error happened.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::api::{Api, Endpoint};
use crate::connector::budget::{ROW, Share};
use crate::connector::connection::Again;
use crate::http::Response;
use crate::manifest::connection::ScimPaging;
use crate::model::{Evidence, SystemError};
use crate::scim::{ErrorBody, ListResponse, field};

/// A list that moves is read this often.
const READS: u32 = 3;
/// More pages than this are no list but a loop.
const MAX_PAGES: u64 = 200_000;
/// All pages of one list together.
const MAX_BYTES: usize = 8 << 30;
/// Pages that are asked for ahead of the one that is taken, where their places are known.
const AHEAD: usize = 4;
/// Longer pages are asked for one by one: those ahead wait in memory.
const AHEAD_BYTES: usize = 4 << 20;

/// How lists of one service are asked for.
#[derive(Clone, Debug)]
pub struct Paging {
    /// resources a page
    count: u32,
    /// by what
    by: ScimPaging,
    /// `startIndex` and `count` were answered with a failure, and the list without them was not
    bare: Arc<AtomicBool>,
}

impl Paging {
    /// So many a page, asked for so.
    pub fn new(count: u32, by: ScimPaging) -> Self {
        Self { count, by, bare: Arc::new(AtomicBool::new(by == ScimPaging::None)) }
    }

    /// Whether lists are asked for without `count`.
    pub fn is_bare(&self) -> bool {
        self.bare.load(Ordering::Relaxed)
    }

    fn by_cursor(&self) -> bool {
        self.by == ScimPaging::Cursor
    }
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
    /// the first page was asked for, and without `count` where that failed
    begun: bool,
    /// what the next page is asked for by, where that is a cursor
    cursor: Option<String>,
    /// as many came as were announced
    at_end: bool,
    /// and behind them there is nothing
    done: bool,
}

/// What is read: which list, and what of it.
#[derive(Clone, Copy)]
struct Question<'q> {
    api: &'q Api,
    endpoint: Endpoint,
    query: &'q [(&'q str, &'q str)],
}

/// Reads a list to its end. A reading that is given up leaves nothing behind: its collector restarts.
pub async fn list<C: Collect>(api: &Api, paging: &Paging, endpoint: Endpoint, query: &[(&str, &str)], mut rows: C) -> Listing<C> {
    let question = Question { api, endpoint, query };
    let mut reads = 0;
    loop {
        reads += 1;
        let mut progress = Progress { begun: paging.is_bare(), ..Progress::default() };
        let mut share = api.budget.share();
        let read = if paging.by_cursor() {
            by_cursor(question, paging, &mut rows, &mut progress, &mut share).await
        } else {
            by_index(question, paging, &mut rows, &mut progress, &mut share).await
        };
        let error = match read {
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

async fn by_index<C: Collect>(
    question: Question<'_>,
    paging: &Paging,
    rows: &mut C,
    progress: &mut Progress,
    share: &mut Share,
) -> Result<(), Trouble> {
    let filtered = question.query.iter().any(|(name, _)| *name == "filter");
    let mut size = paging.count;
    let mut ahead = Ahead::default();
    for _ in 0..MAX_PAGES {
        let start = progress.received + 1;
        let response = match ahead.next(question, paging, start, size, progress.begun).await {
            // Large groups make long pages: fewer of them at once may fit.
            Ok(response) if response.too_long && size > 1 => {
                size /= 2;
                ahead = Ahead::default();
                continue;
            }
            // Some services refuse to be asked for what lies behind the end.
            Err(Trouble::Refused(SystemError::Rejected(_) | SystemError::NotFound(_))) if progress.at_end => return Ok(()),
            Err(Trouble::Refused(SystemError::Unavailable(_))) if progress.at_end && paging.is_bare() => return Ok(()),
            // Some fail over `count` itself. Where the list comes without it, it is that; else it may pass.
            Err(Trouble::Refused(SystemError::Unavailable(_))) if !progress.begun => {
                progress.begun = true;
                match without_count(question, paging).await {
                    Some(response) => response,
                    None => continue,
                }
            }
            answer => answer?,
        };
        progress.begun = true;
        let taken = progress.take(&response, rows, share);
        rows.page();
        let last = taken.map_err(Trouble::Odd)?;
        // An answer to a filter that fills no page has no more; a list is asked once more, since a total can be a lie.
        if progress.done || (progress.at_end && filtered && last < u64::from(size)) {
            return Ok(());
        }
        if !progress.at_end && !paging.is_bare() && response.body.len() <= AHEAD_BYTES {
            ahead.fill(question, paging, Places { taken: progress.received, page: last, total: progress.total.unwrap_or_default() }, size);
        }
    }
    Err(too_many())
}

/// The first page without `startIndex` and `count`.
async fn without_count(question: Question<'_>, paging: &Paging) -> Option<Response> {
    let response = page(question, &[], Again::IfAsked).await.ok()?;
    paging.bare.store(true, Ordering::Relaxed);
    Some(response)
}

async fn by_cursor<C: Collect>(
    question: Question<'_>,
    paging: &Paging,
    rows: &mut C,
    progress: &mut Progress,
    share: &mut Share,
) -> Result<(), Trouble> {
    let mut size = paging.count;
    let mut cursor = String::new();
    for _ in 0..MAX_PAGES {
        let count = size.to_string();
        let response = page(question, &[("cursor", cursor.as_str()), ("count", &count)], Again::Always).await?;
        if response.too_long && size > 1 {
            size /= 2;
            continue;
        }
        let taken = progress.take_at_cursor(&response, rows, share);
        rows.page();
        taken.map_err(Trouble::Odd)?;
        match progress.cursor.take() {
            Some(next) if next == cursor => return Err(Trouble::Odd(odd("a page names itself as the next one".into()))),
            Some(next) => cursor = next,
            None => return Ok(()),
        }
    }
    Err(too_many())
}

fn too_many() -> Trouble {
    Trouble::Refused(SystemError::Protocol(format!("more than {MAX_PAGES} pages")))
}

/// Where the pages of a list stand, as far as one that came tells.
#[derive(Clone, Copy)]
struct Places {
    taken: u64,
    page: u64,
    total: u64,
}

/// Pages that are under way, by their first index. A page that turns out shorter than the one before makes the others worthless, and they are dropped.
#[derive(Default)]
struct Ahead<'q> {
    under_way: FuturesOrdered<BoxFuture<'q, (u64, Result<Response, Trouble>)>>,
    /// the first index that was not asked for
    next: u64,
}

impl<'q> Ahead<'q> {
    /// The page that begins there: one that is under way, else a new one.
    async fn next(&mut self, question: Question<'q>, paging: &Paging, start: u64, size: u32, begun: bool) -> Result<Response, Trouble> {
        match self.under_way.next().await {
            Some((at, response)) if at == start => return response,
            Some(_) => *self = Self::default(),
            None => {}
        }
        let again = if begun && !(paging.is_bare() && start > 1) { Again::Always } else { Again::IfAsked };
        at_index(question, paging.is_bare(), start, size, again).await
    }

    /// Asks for the pages that follow, as far as their places can be told.
    fn fill(&mut self, question: Question<'q>, paging: &Paging, places: Places, size: u32) {
        if places.page == 0 {
            return;
        }
        self.next = self.next.max(places.taken + 1);
        while self.under_way.len() < AHEAD && self.next <= places.total {
            let (start, bare) = (self.next, paging.is_bare());
            let asked = async move { (start, at_index(question, bare, start, size, Again::Always).await) };
            self.under_way.push_back(asked.boxed());
            self.next = start + places.page;
        }
    }
}

async fn at_index(question: Question<'_>, bare: bool, start: u64, size: u32, again: Again) -> Result<Response, Trouble> {
    let (start, count) = (start.to_string(), size.to_string());
    let all = [("startIndex", start.as_str()), ("count", &count)];
    let asked: &[(&str, &str)] = match (bare, start.as_str()) {
        (false, _) => &all,
        (true, "1") => &[],
        (true, _) => &all[..1],
    };
    page(question, asked, again).await
}

/// One page. What may pass (429, 5xx, a lost connection) is waited for, within bounds.
async fn page(question: Question<'_>, place: &[(&str, &str)], again: Again) -> Result<Response, Trouble> {
    let Question { api, endpoint, query } = question;
    let query: Vec<(&str, &str)> = place.iter().chain(query).copied().collect();
    let url = api.url(&[endpoint.name()], &query).map_err(Trouble::Refused)?;
    let response = api.ask(url, None, again).await.map_err(sorted)?;
    if response.succeeded() {
        return Ok(response);
    }
    let said: Option<ErrorBody> = serde_json::from_slice(&response.body).ok();
    let refusal = api.refusal(&response);
    Err(match said.and_then(|said| said.scim_type).as_deref() {
        // A cursor that ran out before the list did: the list is read again.
        Some("expiredCursor") => Trouble::Odd(refusal),
        _ => sorted(refusal),
    })
}

fn sorted(error: SystemError) -> Trouble {
    match error {
        SystemError::Protocol(_) => Trouble::Odd(error),
        _ => Trouble::Refused(error),
    }
}

impl Progress {
    /// Takes a page and says how long it was.
    fn take<C: Collect>(&mut self, response: &Response, rows: &mut C, share: &mut Share) -> Result<u64, SystemError> {
        let known = self.ids.len();
        let list = self.page_of(response)?;
        let now = list.total.ok_or_else(endless)?;
        let total = *self.total.get_or_insert(now);
        if total != now {
            return Err(odd(format!("the announced total moved from {total} to {now} during the read")));
        }
        let count = self.rows_of(response, &list, rows, share)?;
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

    /// Takes a page that says by what the next one is asked for. Its total may be left out.
    fn take_at_cursor<C: Collect>(&mut self, response: &Response, rows: &mut C, share: &mut Share) -> Result<(), SystemError> {
        let known = self.ids.len();
        let list = self.page_of(response)?;
        let count = self.rows_of(response, &list, rows, share)?;
        if count > 0 && self.ids.len() == known {
            return Err(odd(format!("a page repeats what was read before ({known} so far); is the cursor ignored?")));
        }
        self.received += count;
        self.cursor = list.next_cursor.filter(|cursor| !cursor.is_empty());
        match list.total {
            None if !says_its_size(response) && self.cursor.is_none() => Err(endless()),
            Some(total) if self.cursor.is_none() && (self.ids.len() as u64) < total => {
                Err(odd(format!("{} distinct ids came, but {total} were announced", self.ids.len())))
            }
            _ => Ok(()),
        }
    }

    /// What an answer says of a page.
    fn page_of<'r>(&mut self, response: &'r Response) -> Result<ListResponse<'r>, SystemError> {
        self.bytes += response.body.len();
        if self.bytes > MAX_BYTES {
            return Err(SystemError::Protocol(format!("more than {MAX_BYTES} bytes")));
        }
        serde_json::from_slice(&response.body).map_err(|error| no_list(response, &error))
    }

    /// Takes the rows of a page, and says how many there were.
    fn rows_of<C: Collect>(
        &mut self,
        response: &Response,
        list: &ListResponse<'_>,
        rows: &mut C,
        share: &mut Share,
    ) -> Result<u64, SystemError> {
        let ids = &mut self.ids;
        let taken = list.each(|resource| {
            rows.take(resource, ids)?;
            share.hold(rows.size() + ids.len() * ROW)
        });
        taken.map_err(|error| no_list(response, &error))?
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

/// Whether the answer is a list by what else it says, where it announces no total: something else would have neither.
fn says_its_size(response: &Response) -> bool {
    response.json().is_ok_and(|json| field(&json, "itemsPerPage").is_some() || field(&json, "Resources").is_some())
}

fn endless() -> SystemError {
    odd("a list without totalResults: nobody can tell whether it is whole".into())
}

fn no_list(response: &Response, error: &serde_json::Error) -> SystemError {
    match response.json() {
        Ok(_) => odd("the list has another shape than RFC 7644 says".into()),
        Err(_) => response.not_json(error),
    }
}
