//! Reads the ledger: what the application was told is what it has, as far as anybody knows.
//!
//! Must never: reach the application.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::ledger::{Entry, Ledger, Told};
use crate::connector::{LookupRequest, PageSink, ReadRequest, Reader};
use crate::model::{Columns, Evidence, ObjectKind, Page, ReadReport, RowWriter, SystemError, Value};

/// Reads what was told.
#[derive(Debug)]
pub(super) struct WebhookReader {
    pub(super) ledger: Arc<Ledger>,
}

impl Reader for WebhookReader {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        Box::pin(async move {
            let mut report = ReadReport::default();
            let told = self.ledger.told();
            for (kind, columns) in &request.streams {
                let evidence = match &told {
                    Ok(told) => {
                        sink.page(*kind, &page(told, *kind, columns, &|_| true));
                        Evidence::Complete
                    }
                    Err(error) => Evidence::Unreadable { reason: error.to_string() },
                };
                report.kinds.push((*kind, evidence));
            }
            report
        })
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        Box::pin(async move {
            let (by, value) = (request.attribute.as_ref(), request.value.as_ref());
            let told = self.ledger.told()?;
            match request.kind {
                ObjectKind::Membership => {
                    Ok(memberships(&told, &request.columns, &|group, member| value == if by == "group" { group } else { member }))
                }
                ObjectKind::Entitlement => Err(SystemError::Rejected("a webhook knows no entitlements".into())),
                kind if by == "id" => Ok(page(&told, kind, &request.columns, &|entry| entry.id == value)),
                kind => Ok(page(&told, kind, &request.columns, &|entry| has(entry, by, value))),
            }
        })
    }
}

fn page(told: &Told, kind: ObjectKind, columns: &Arc<Columns>, keep: &dyn Fn(&Entry) -> bool) -> Page {
    match kind {
        ObjectKind::Membership => return memberships(told, columns, &|_, _| true),
        ObjectKind::Entitlement => return Page::new(columns.clone()),
        ObjectKind::Account | ObjectKind::Group => {}
    }
    let mut page = Page::new(columns.clone());
    for entry in told.all(kind).filter(|entry| keep(entry)) {
        page.row(|row| columns.paths().iter().for_each(|column| cell(entry, column, row)));
    }
    page
}

/// Members that are there.
fn memberships(told: &Told, columns: &Arc<Columns>, keep: &dyn Fn(&str, &str) -> bool) -> Page {
    let mut page = Page::new(columns.clone());
    for group in told.all(ObjectKind::Group) {
        let there = |(kind, id): &&(ObjectKind, String)| told.find(*kind, id).is_some_and(Entry::is_there);
        for (kind, member) in group.members.iter().filter(there).filter(|(_, member)| keep(&group.id, member)) {
            page.row(|row| {
                for column in columns.paths() {
                    match column.as_ref() {
                        "group" => row.text(&group.id),
                        "member" => row.text(member),
                        "kind" => row.text(if *kind == ObjectKind::Group { "group" } else { "account" }),
                        _ => row.missing(),
                    }
                }
            });
        }
    }
    page
}

fn cell(entry: &Entry, column: &str, row: &mut RowWriter<'_>) {
    match column {
        "id" => row.text(&entry.id),
        "active" => row.bool(entry.active),
        name => match entry.attributes.as_ref().and_then(|attributes| attributes.get(name)).and_then(Value::from_json) {
            Some(value) => row.value(&value),
            None => row.missing(),
        },
    }
}

fn has(entry: &Entry, attribute: &str, value: &str) -> bool {
    let found = entry.attributes.as_ref().and_then(|attributes| attributes.get(attribute));
    found.is_some_and(|found| matches(found, value))
}

fn matches(found: &Json, value: &str) -> bool {
    match found {
        Json::String(text) => text.to_lowercase() == value.to_lowercase(),
        Json::Array(items) => items.iter().any(|item| matches(item, value)),
        Json::Object(fields) => fields.get("value").is_some_and(|found| matches(found, value)),
        _ => false,
    }
}
