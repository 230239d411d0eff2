//! The bridge between readers that block (files, embedded databases) and the async world: pages through a short queue.
//!
//! Must never: hold more than a few pages, or go on reading for somebody who has left.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::PageSink;
use super::budget::{Budget, ROW, Share};
use crate::model::{ObjectKind, Page, SystemError};

/// Pages are handed over at about this size.
pub const PAGE_BYTES: usize = 64 * 1024;
/// Pages under way at once.
const QUEUE: usize = 4;

/// Where a blocking reader puts its pages.
pub struct PageQueue {
    full: Sender<(ObjectKind, Page)>,
    empty: std::sync::mpsc::Receiver<Page>,
    share: Share,
}

/// Why pages are not wanted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// nobody listens
    Left,
    /// there is no room for more
    Full(SystemError),
}

impl From<Closed> for SystemError {
    fn from(closed: Closed) -> Self {
        match closed {
            Closed::Left => Self::Unavailable("the read was stopped".into()),
            Closed::Full(error) => error,
        }
    }
}

impl PageQueue {
    /// Hands the page over and leaves an empty one in its place.
    pub fn send(&mut self, kind: ObjectKind, page: &mut Page) -> Result<(), Closed> {
        let used = self.empty.try_iter().find(|used| Arc::ptr_eq(used.columns(), page.columns()));
        let fresh = used.unwrap_or_else(|| Page::new(page.columns().clone()));
        self.share.add(page.size() + page.len() * ROW).map_err(Closed::Full)?;
        self.full.blocking_send((kind, std::mem::replace(page, fresh))).map_err(|_| Closed::Left)
    }
}

/// A reader that gives nothing for so long waits for a disk or a file system that is not there any more.
const STALL: Duration = Duration::from_secs(5 * 60);

/// Why a blocking reader came to no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenOff {
    /// a defect of headcount
    Defect,
    /// nothing came for a long time; its thread is left behind
    Stalled,
}

impl BrokenOff {
    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Defect => "reading broke off; this is a defect of headcount".into(),
            Self::Stalled => format!("nothing came for {} minutes; is its file system there?", STALL.as_secs() / 60),
        }
    }
}

/// Runs a blocking reader on a thread of its own and feeds its pages to the sink.
pub async fn read_blocking<R: Send + 'static>(
    budget: &Budget,
    sink: &mut dyn PageSink,
    read: impl FnOnce(&mut PageQueue) -> R + Send + 'static,
) -> Result<R, BrokenOff> {
    read_within(STALL, budget, sink, read).await
}

async fn read_within<R: Send + 'static>(
    stall: Duration,
    budget: &Budget,
    sink: &mut dyn PageSink,
    read: impl FnOnce(&mut PageQueue) -> R + Send + 'static,
) -> Result<R, BrokenOff> {
    let (full, pages) = channel(QUEUE);
    let (back, empty) = std::sync::mpsc::channel();
    let share = budget.share();
    let reader = tokio::task::spawn_blocking(move || {
        let mut queue = PageQueue { full, empty, share };
        let result = read(&mut queue);
        queue.share.keep();
        result
    });
    drain(pages, stall, sink, &back).await.map_err(|_| BrokenOff::Stalled)?;
    reader.await.map_err(|_| BrokenOff::Defect)
}

async fn drain(
    mut pages: Receiver<(ObjectKind, Page)>,
    stall: Duration,
    sink: &mut dyn PageSink,
    back: &std::sync::mpsc::Sender<Page>,
) -> Result<(), Elapsed> {
    while let Some((kind, mut page)) = timeout(stall, pages.recv()).await? {
        sink.page(kind, &page);
        page.clear();
        // The reader may have ended already; then the page is of no more use.
        let _ = back.send(page);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Gone;

    struct Nowhere;

    impl PageSink for Nowhere {
        fn page(&mut self, _: ObjectKind, _: &Page) {}

        fn restart(&mut self, _: ObjectKind) {}

        fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
    }

    #[tokio::test]
    async fn a_reader_that_never_gives_anything_is_left_behind() {
        let (end, held) = std::sync::mpsc::channel::<()>();
        // The queue is held, and so open, until the test lets go.
        let hold = move |_: &mut PageQueue| held.recv().is_ok();
        assert_eq!(read_within(Duration::from_millis(1), &Budget::default(), &mut Nowhere, hold).await, Err(BrokenOff::Stalled));
        drop(end);
    }
}
