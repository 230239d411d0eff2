//! The bridge between readers that block (files, embedded databases) and the async world: pages through a short queue.
//!
//! Must never: hold more than a few pages, or go on reading for somebody who has left.

use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::PageSink;
use crate::model::{ObjectKind, Page};

/// Pages are handed over at about this size.
pub const PAGE_BYTES: usize = 64 * 1024;
/// Pages under way at once.
const QUEUE: usize = 4;

/// Where a blocking reader puts its pages.
pub struct PageQueue {
    full: Sender<(ObjectKind, Page)>,
    empty: std::sync::mpsc::Receiver<Page>,
}

/// Nobody wants the pages any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl PageQueue {
    /// Hands the page over and leaves an empty one in its place.
    pub fn send(&mut self, kind: ObjectKind, page: &mut Page) -> Result<(), Closed> {
        let used = self.empty.try_iter().find(|used| Arc::ptr_eq(used.columns(), page.columns()));
        let fresh = used.unwrap_or_else(|| Page::new(page.columns().clone()));
        self.full.blocking_send((kind, std::mem::replace(page, fresh))).map_err(|_| Closed)
    }
}

/// Runs a blocking reader on a thread of its own and feeds its pages to the sink. None: the reader broke off in the middle (a defect).
pub async fn read_blocking<R: Send + 'static>(
    sink: &mut dyn PageSink,
    read: impl FnOnce(&mut PageQueue) -> R + Send + 'static,
) -> Option<R> {
    let (full, pages) = channel(QUEUE);
    let (back, empty) = std::sync::mpsc::channel();
    let reader = tokio::task::spawn_blocking(move || read(&mut PageQueue { full, empty }));
    drain(pages, sink, &back).await;
    reader.await.ok()
}

async fn drain(mut pages: Receiver<(ObjectKind, Page)>, sink: &mut dyn PageSink, back: &std::sync::mpsc::Sender<Page>) {
    while let Some((kind, mut page)) = pages.recv().await {
        sink.page(kind, &page);
        page.clear();
        // The reader may have ended already; then the page is of no more use.
        let _ = back.send(page);
    }
}
