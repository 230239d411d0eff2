//! A list of a declared system, read to its end or known not to be.
//!
//! Must never: call a list whole because no error happened, or hand on a record twice.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value as Json;

use super::definition::Request;
use super::exchange::{Answer, Api};
use super::gather::lacks;
use super::pages::{Next, Pager, Paging, Turn};
use super::parts::{Hidden, Required};
use super::scope::Scope;
use crate::connector::budget::{ROW, Share};
use crate::connector::connection::Again;
use crate::model::{Evidence, SystemError};

/// More pages than this are no list but a loop.
const MAX_PAGES: u64 = 200_000;

/// More pages without a record, one behind the other, lead nowhere.
const MAX_EMPTY: u64 = 500;

/// Whoever takes longer for one list never ends it.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// Takes the records of a list.
pub(super) trait Collect: Send {
    /// The id of a record. Nothing: it has none, so the page is none of this list.
    fn id(&self, record: &Json) -> Option<String>;

    /// Takes a record, of which `hidden` is not known; its id was not there before.
    fn take(&mut self, record: &Json, hidden: Vec<Hidden>);

    /// A page is over; how much was handed on or is held.
    fn page(&mut self) -> usize;
}

/// How a list ended.
pub(super) struct Ended {
    pub(super) evidence: Evidence,
    /// the error that ended it, where it was one
    pub(super) error: Option<SystemError>,
    /// how many records came
    pub(super) count: u64,
    /// the last page, where the end was reached
    pub(super) last: Option<Answer>,
}

/// Reads a list to its end. What came is in the collector, whatever the end.
pub(super) async fn list(api: &Api, request: &Request, scope: &Scope<'_>, into: &mut dyn Collect) -> Ended {
    list_from(api, request, scope, None, into).await
}

/// The same, from another page than its first.
pub(super) async fn list_from(api: &Api, request: &Request, scope: &Scope<'_>, from: Option<Turn>, into: &mut dyn Collect) -> Ended {
    let paging = request.pages.as_ref().unwrap_or(&Paging::One);
    let mut reading = Reading {
        api,
        request,
        scope,
        ids: HashSet::new(),
        required: Required::new(&request.require),
        share: api.budget.share(),
        last: None,
    };
    let came = reading.pages(paging, from, into).await;
    let count = reading.ids.len() as u64;
    let lacking = reading.required.lacking().filter(|_| count > 0);
    let last = reading.last.take();
    reading.share.keep();
    let (evidence, error) = match came {
        Ok(None) => (lacking.map_or(Evidence::Complete, |field| lacks(api, count, field.text())), None),
        Ok(Some(reason)) => (Evidence::Partial { reason }, None),
        Err(error) if count == 0 => (Evidence::Unreadable { reason: error.to_string() }, Some(error)),
        Err(error) => (Evidence::Partial { reason: error.to_string() }, Some(error)),
    };
    Ended { evidence, error, count, last }
}

struct Reading<'r, 's> {
    api: &'r Api,
    request: &'r Request,
    scope: &'r Scope<'s>,
    ids: HashSet<Box<str>>,
    required: Required<'r>,
    share: Share,
    last: Option<Answer>,
}

impl Reading<'_, '_> {
    /// Nothing: it is whole. Words: nobody knows whether it is.
    async fn pages(&mut self, paging: &Paging, from: Option<Turn>, into: &mut dyn Collect) -> Result<Option<String>, SystemError> {
        let mut pager = Pager::new(paging);
        let mut turn = from.unwrap_or_else(|| pager.first());
        let mut first: Option<(Turn, Vec<Box<str>>)> = None;
        let (mut empty, clock) = (0, self.api.connection.clock());
        let until = clock.now() + LONGEST;
        for _ in 0..MAX_PAGES {
            let answer = self.api.ask(self.request, self.scope, &turn, Again::Always).await?;
            let records = records(self.request, &answer)?;
            empty = if records.is_empty() { empty + 1 } else { 0 };
            if empty > MAX_EMPTY {
                return Err(SystemError::Protocol(format!("more than {MAX_EMPTY} pages in a row without a record, and no end")));
            }
            if clock.now() > until {
                return Err(SystemError::Protocol(format!("there is no end of it after {} hours", LONGEST.as_secs() / 3600)));
            }
            let ids = self.take(&records, into)?;
            first.get_or_insert_with(|| (turn.clone(), ids.clone()));
            let scope = answer.scope().with("config", &self.api.definition.config);
            match pager.next(&answer, &scope, &records, &turn).map_err(SystemError::Protocol)? {
                Next::Turn(next) => turn = next,
                Next::End => {
                    self.last = Some(answer);
                    return Ok(self.all_came(pager.total()));
                }
                Next::Unproven(words) => return Ok(Some(words)),
                Next::Again(again) => {
                    let before = first.filter(|(asked, _)| *asked == again).map_or(ids, |(_, ids)| ids);
                    return self.is_the_same(&again, &before, into).await;
                }
            }
        }
        Err(SystemError::Protocol(format!("more than {MAX_PAGES} pages")))
    }

    fn all_came(&self, total: Option<u64>) -> Option<String> {
        let came = self.ids.len() as u64;
        total.filter(|total| *total != came).map(|total| format!("it says that there are {total}, and {came} came"))
    }

    /// A page read again that has the same ids: nothing moved in between.
    async fn is_the_same(&self, turn: &Turn, ids: &[Box<str>], into: &mut dyn Collect) -> Result<Option<String>, SystemError> {
        let answer = self.api.ask(self.request, self.scope, turn, Again::Always).await?;
        let now: Option<Vec<Box<str>>> = records(self.request, &answer)?.into_iter().map(|record| into.id(record).map(Box::from)).collect();
        let same = now.as_deref() == Some(ids);
        Ok((!same).then(|| "a page of it changed while it was read, so somebody may be missing".to_owned()))
    }

    fn take(&mut self, records: &[&Json], into: &mut dyn Collect) -> Result<Vec<Box<str>>, SystemError> {
        let mut ids = Vec::with_capacity(records.len());
        self.required.see(self.scope, records);
        for record in records {
            let id: Box<str> = into.id(record).ok_or_else(|| SystemError::Protocol("a record has no id".into()))?.into();
            if !self.ids.insert(id.clone()) {
                return Err(SystemError::Protocol("a record came twice: the list moved, or its pages overlap".into()));
            }
            into.take(record, self.required.hidden(self.scope, record));
            ids.push(id);
        }
        self.share.add(into.page() + records.len() * ROW)?;
        Ok(ids)
    }
}

/// The records of an answer. One that lacks them is no page, unless its shape says that it is one.
pub(super) fn records<'a>(request: &Request, answer: &'a Answer) -> Result<Vec<&'a Json>, SystemError> {
    let found = match &request.records {
        None => Some(&answer.body),
        Some(expression) => {
            let path = expression.bare_path().ok_or_else(|| SystemError::Protocol("`records` is a path of the answer".into()))?;
            let below = path.strip_prefix("body").map(|rest| rest.trim_start_matches('.'));
            let segments = below.filter(|below| !below.is_empty()).map(crate::expr::segments_of_path).unwrap_or_default();
            segments.iter().try_fold(&answer.body, |value, name| value.get(name.as_ref()))
        }
    };
    match found {
        Some(Json::Array(items)) => Ok(items.iter().collect()),
        Some(one @ Json::Object(_)) => Ok(vec![one]),
        None | Some(Json::Null) if request.shape.is_some() => Ok(Vec::new()),
        None | Some(Json::Null) => Err(SystemError::Protocol("its answer lacks the records".into())),
        Some(_) => Err(SystemError::Protocol("its records are no list".into())),
    }
}
