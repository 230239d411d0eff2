//! Reads a server's roles: all of them at one moment, and whatever is asked for out of the same.
//!
//! Must never: let a read that failed look like an empty one.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::role::Roles;
use super::server::Server;
use crate::connector::budget::Budget;
use crate::connector::pages::PAGE_BYTES;
use crate::connector::{LookupRequest, PageSink, ReadRequest, Reader};
use crate::model::{Columns, Evidence, ObjectKind, Page, ReadReport, RowWriter, SystemError};

/// Reads roles, as a Source or as a Target.
#[derive(Debug)]
pub(super) struct RolesReader {
    pub(super) server: Arc<Server>,
    /// what rows may take
    pub(super) budget: Budget,
    /// its records are a Source's
    pub(super) records: bool,
}

impl Reader for RolesReader {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        async move {
            let kinds: Vec<ObjectKind> = request.streams.iter().map(|(kind, _)| *kind).collect();
            let mut share = self.budget.share();
            let read = self.server.all().await.and_then(|all| share.hold(all.size()).map(|()| all));
            let all = match read {
                Ok(all) => all,
                Err(error) => return ReadReport::all(&kinds, &Evidence::Unreadable { reason: error.to_string() }),
            };
            let read = request.streams.iter().map(|(kind, columns)| (*kind, self.hand_on(&all, *kind, columns, &mut *sink)));
            let report = ReadReport::of_kinds(read.collect::<Vec<_>>());
            share.keep();
            report
        }
        .boxed()
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        async move { self.server.all().await?.answer(request) }.boxed()
    }

    fn lookup_many<'a>(&'a self, requests: &'a [LookupRequest]) -> BoxFuture<'a, Vec<Result<Page, SystemError>>> {
        async move {
            match self.server.all().await {
                Ok(all) => requests.iter().map(|request| all.answer(request)).collect(),
                Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
            }
        }
        .boxed()
    }
}

impl RolesReader {
    fn hand_on(&self, all: &Roles, kind: ObjectKind, columns: &Arc<Columns>, sink: &mut dyn PageSink) -> Evidence {
        if kind == ObjectKind::Entitlement {
            return Evidence::Unreadable {
                reason: "a database server has no entitlements; what its roles may do stands in grants on objects".into(),
            };
        }
        let mut page = Page::new(columns.clone());
        let take = |write: &dyn Fn(&mut RowWriter<'_>)| {
            page.row(write);
            if page.size() >= PAGE_BYTES {
                sink.page(kind, &page);
                page.clear();
            }
        };
        if self.records {
            all.records(columns, take)
        } else {
            all.rows(kind, columns, take)
        }
        if !page.is_empty() {
            sink.page(kind, &page);
        }
        Evidence::Complete
    }
}
