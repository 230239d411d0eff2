//! A reader that is asked for one object once, whoever wants to know.
//!
//! Must never: keep an answer longer than the one reading that it belongs to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::fan::{projected, union};
use crate::connector::{LookupRequest, PageSink, ReadRequest, Reader};
use crate::model::{Columns, ObjectKind, Page, ReadReport, SystemError};

/// What is asked about: the kind, the attribute and its value.
type Asked = (ObjectKind, Arc<str>, Arc<str>);

/// A reader that remembers what it was asked.
pub(super) struct AskedOnce {
    inner: Box<dyn Reader>,
    /// what anybody wants of a kind
    columns: BTreeMap<ObjectKind, Arc<Columns>>,
    known: Mutex<HashMap<Asked, Result<Page, SystemError>>>,
}

impl AskedOnce {
    pub fn new(inner: Box<dyn Reader>, columns: BTreeMap<ObjectKind, Arc<Columns>>) -> Self {
        Self { inner, columns, known: Mutex::default() }
    }

    /// A question in the columns of all.
    fn widened(&self, request: &LookupRequest) -> LookupRequest {
        let columns = self.columns.get(&request.kind).map_or_else(|| request.columns.clone(), |all| union(all, &request.columns));
        LookupRequest { columns, ..request.clone() }
    }

    fn known(&self, request: &LookupRequest) -> Option<Result<Page, SystemError>> {
        let answer = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&asked(request)).cloned()?;
        Some(answer.map(|page| projected(&page, &request.columns)))
    }

    fn keep(&self, request: &LookupRequest, answer: Result<Page, SystemError>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(asked(request), answer);
    }
}

impl Reader for AskedOnce {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        self.inner.read(request, sink)
    }

    fn may_miss(&self) -> bool {
        self.inner.may_miss()
    }

    fn reads_within(&self) -> bool {
        self.inner.reads_within()
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        async move {
            if let Some(answer) = self.known(request) {
                return answer;
            }
            let answer = self.inner.lookup(&self.widened(request)).await;
            self.keep(request, answer.clone());
            answer.map(|page| projected(&page, &request.columns))
        }
        .boxed()
    }

    fn lookup_many<'a>(&'a self, requests: &'a [LookupRequest]) -> BoxFuture<'a, Vec<Result<Page, SystemError>>> {
        async move {
            let new: Vec<LookupRequest> =
                requests.iter().filter(|request| self.known(request).is_none()).map(|request| self.widened(request)).collect();
            if !new.is_empty() {
                let answers = self.inner.lookup_many(&new).await;
                new.iter().zip(answers).for_each(|(request, answer)| self.keep(request, answer));
            }
            let silent = || Err(SystemError::Unavailable("the target gave no answer".into()));
            requests.iter().map(|request| self.known(request).unwrap_or_else(silent)).collect()
        }
        .boxed()
    }
}

fn asked(request: &LookupRequest) -> Asked {
    (request.kind, request.attribute.clone(), request.value.clone())
}
