//! Services that ask for patience, and answers that are larger than they should be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::scripted::{Scripted, answer, list_of, users};
use crate::connector::limiter::Lane;
use crate::connector::{Gone, LookupRequest, PageSink, ReadRequest, Reader, Surroundings};
use crate::model::{Columns, Evidence, ObjectKind, Page, SystemError};

struct Count(usize);

impl PageSink for Count {
    fn page(&mut self, _: ObjectKind, page: &Page) {
        self.0 += page.len();
    }

    fn restart(&mut self, _kind: ObjectKind) {
        self.0 = 0;
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

fn request() -> ReadRequest {
    ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id", "userName"]))])
}

fn by_id(id: &str) -> LookupRequest {
    LookupRequest::new(ObjectKind::Account, Columns::new(["id"]), "id", id)
}

#[tokio::test]
async fn a_discovery_document_that_is_away_for_a_moment_is_asked_for_again() {
    for status in [429, 503] {
        let tries = Arc::new(AtomicU32::new(0));
        let seen = tries.clone();
        let service = Scripted::with_discovery(move |asked| match asked.line.as_str() {
            "GET /Schemas" if seen.fetch_add(1, Ordering::SeqCst) == 0 => Some(answer(status, json!({}))),
            line if line.starts_with("GET /Users") => Some(list_of(0, &[])),
            _ => Some(answer(404, json!({}))),
        })
        .await;
        let report = service.reader().await.read(&request(), &mut Count(0)).await;
        assert_eq!((report.of(ObjectKind::Account), tries.load(Ordering::SeqCst)), (Evidence::Complete, 2), "{status}");
    }
}

#[tokio::test]
async fn a_service_that_only_asks_for_patience_is_left_alone() {
    let service = Scripted::start(|_| Some(answer(429, json!({})))).await;
    let reader = service.reader().await;
    let report = reader.read(&request(), &mut Count(0)).await;
    assert!(!report.of(ObjectKind::Account).proves_absence());
    for at in 0..20 {
        let answer = reader.lookup(&by_id(&format!("u{at}"))).await;
        assert!(matches!(&answer, Err(SystemError::Throttled { message, .. }) if message.contains("left alone")), "{answer:?}");
    }
    assert_eq!(service.asked().len(), 4);
}

#[tokio::test]
async fn one_object_that_fails_for_ever_says_nothing_about_the_service() {
    let service = Scripted::start(|asked| match asked.line.as_str() {
        "GET /Users/good" => Some(answer(200, json!({ "id": "good" }))),
        _ => Some(answer(500, json!({}))),
    })
    .await;
    let reader = service.reader().await;
    for _ in 0..10 {
        assert!(reader.lookup(&by_id("bad")).await.is_err());
    }
    assert_eq!(reader.lookup(&by_id("good")).await.map(|page| page.len()), Ok(1));
    assert_eq!(service.asked().len(), 11);
}

#[tokio::test]
async fn a_page_that_is_too_long_is_asked_for_in_smaller_ones() {
    let long = "x".repeat(1500);
    let service = Scripted::start(move |asked| {
        let number = |name: &str| asked.query.get(name).and_then(|value| value.parse::<usize>().ok());
        let (start, count) = (number("startIndex").unwrap_or(1), number("count").unwrap_or(1));
        let mut page = users(start, (start + count - 1).min(3));
        page.iter_mut().for_each(|user| user["nickName"] = json!(long));
        Some(list_of(3, &page))
    })
    .await;
    let mut rows = Count(0);
    let report = service.bounded("2Ki").await.read(&request(), &mut rows).await;
    assert_eq!((report.of(ObjectKind::Account), rows.0), (Evidence::Complete, 3));
    let report = service.bounded("1Ki").await.read(&request(), &mut Count(0)).await;
    assert!(report.of(ObjectKind::Account).reason().is_some_and(|reason| reason.contains("`maxBody`")), "{report:?}");
}

#[tokio::test]
async fn a_list_that_never_ends_ends_at_the_budget() {
    let service = Scripted::start(|asked| {
        let start = asked.query.get("startIndex").and_then(|at| at.parse().ok()).unwrap_or(1);
        Some(list_of(usize::MAX >> 12, &users(start, start + 1)))
    })
    .await;
    let mut rows = Count(0);
    let report = service.within(2000).await.read(&request(), &mut rows).await;
    let evidence = report.of(ObjectKind::Account);
    assert!(evidence.reason().is_some_and(|reason| reason.contains("`maxRead`")), "{evidence:?}");
    assert!((1..40).contains(&rows.0), "{}", rows.0);
}

#[tokio::test]
async fn a_source_and_a_target_of_one_service_share_its_connection_and_its_patience() {
    let discovered = Arc::new(AtomicU32::new(0));
    let seen = discovered.clone();
    let service = Scripted::with_discovery(move |asked| match asked.line.as_str() {
        line if line.starts_with("GET /Users/") => Some(answer(429, json!({})).header("retry-after", "3600")),
        line if line.starts_with("GET /Users") => Some(list_of(0, &[])),
        _ => {
            seen.fetch_add(1, Ordering::SeqCst);
            Some(answer(404, json!({})))
        }
    })
    .await;
    let shared = Surroundings::at(".");
    let source = service.opened(&shared.clone().of("hr")).await;
    let target = service.opened(&shared.of("chat")).await;
    assert_eq!(discovered.load(Ordering::SeqCst), 3, "what it says of itself is asked for once");
    assert!(matches!(source.lookup(&by_id("u1")).await, Err(SystemError::Throttled { .. })));
    let read = target.read(&request(), &mut Count(0)).await.of(ObjectKind::Account);
    assert!(read.reason().is_some_and(|reason| reason.contains("asked to be left alone") || reason.contains("left alone")), "{read:?}");
    let urgent = target.lookup(&by_id("u2").in_lane(Lane::Free)).await;
    assert!(matches!(urgent, Err(SystemError::Throttled { .. })));
    assert_eq!(service.lines(), ["GET /Users/u1", "GET /Users/u2"], "only what cuts somebody off still asks");
}
