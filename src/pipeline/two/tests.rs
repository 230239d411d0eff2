//! One read for two: each side has its columns, and nobody is asked twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::asked_once::AskedOnce;
use super::fan::{projected, union};
use crate::connector::{LookupRequest, PageSink, ReadRequest, Reader};
use crate::model::{Cell, Columns, ObjectKind, Page, ReadReport, SystemError};

fn columns(names: &[&str]) -> Arc<Columns> {
    Columns::new(names)
}

#[test]
fn each_side_gets_its_own_columns_of_a_page_that_has_all() {
    let (base, head) = (columns(&["id", "name"]), columns(&["title", "id"]));
    let all = union(&base, &head);
    assert_eq!(all.paths().iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["id", "name", "title"]);
    assert!(Arc::ptr_eq(&union(&all, &head), &all), "nothing is added");
    let mut page = Page::new(all);
    page.row(|row| {
        row.text("1");
        row.null();
        row.json("[\"x\"]");
    });
    let cells =
        |page: &Page| page.rows().flat_map(|row| row.cells().map(|cell| format!("{cell:?}")).collect::<Vec<_>>()).collect::<Vec<_>>();
    assert_eq!(cells(&projected(&page, &base)), [format!("{:?}", Cell::Text("1")), format!("{:?}", Cell::Null)]);
    assert_eq!(cells(&projected(&page, &head)), [format!("{:?}", Cell::json("[\"x\"]")), format!("{:?}", Cell::Text("1"))]);
    assert_eq!(cells(&projected(&page, &columns(&["other"]))), ["Missing"], "what did not come is not made up");
}

/// Answers with the value in every column, fails for "down", and counts.
struct Counting(Arc<AtomicUsize>);

impl Reader for Counting {
    fn read<'a>(&'a self, _: &'a ReadRequest, _: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        std::future::ready(ReadReport::default()).boxed()
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let mut page = Page::new(request.columns.clone());
        page.row(|row| request.columns.paths().iter().for_each(|path| row.text(&format!("{path} of {}", request.value))));
        let answer = if request.value.as_ref() == "down" { Err(SystemError::Unavailable("it is down".into())) } else { Ok(page) };
        std::future::ready(answer).boxed()
    }
}

#[tokio::test]
async fn one_object_is_asked_for_once_whoever_wants_to_know() {
    let count = Arc::new(AtomicUsize::new(0));
    let all = [(ObjectKind::Account, columns(&["id", "name", "title"]))].into();
    let reader = AskedOnce::new(Box::new(Counting(count.clone())), all);
    let ask = |value: &str, names: &[&str]| LookupRequest::new(ObjectKind::Account, columns(names), "id", value);
    let base = [ask("1", &["id", "name"]), ask("2", &["id", "name"]), ask("down", &["id"])];
    let head = [ask("2", &["title"]), ask("down", &["title"]), ask("3", &["title", "id"])];
    let told = |answers: Vec<Result<Page, SystemError>>| -> Vec<String> {
        let words = |page: Page| {
            page.rows()
                .flat_map(|row| row.cells().filter_map(|cell| cell.as_text().map(str::to_owned)).collect::<Vec<_>>())
                .collect::<Vec<_>>()
                .join(", ")
        };
        answers.into_iter().map(|answer| answer.map_or_else(|error| error.to_string(), words)).collect()
    };
    assert_eq!(told(reader.lookup_many(&base).await), ["id of 1, name of 1", "id of 2, name of 2", "it is down"]);
    assert_eq!(told(reader.lookup_many(&head).await), ["title of 2", "it is down", "title of 3, id of 3"]);
    assert_eq!(told(vec![reader.lookup(&ask("1", &["title"])).await]), ["title of 1"]);
    assert_eq!(count.load(Ordering::Relaxed), 4);
}
