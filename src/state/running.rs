//! The task that has a state which others hold, on a thread of its own.
//!
//! Must never: drop what was asked for because whoever asked is gone; or keep anybody waiting who lets the state go.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long what was asked for is still done once the state is let go.
const LINGER: Duration = Duration::from_secs(10);

/// Ends once nothing is asked of it any more.
#[derive(Debug)]
pub(super) struct RunningTask(Option<(Runtime, JoinHandle<()>)>);

impl RunningTask {
    /// The task takes what it is asked for from a channel, which whoever lets the state go closes first.
    pub(super) fn of(runtime: Runtime, task: JoinHandle<()>) -> Self {
        Self(Some((runtime, task)))
    }
}

impl Drop for RunningTask {
    fn drop(&mut self) {
        let Some((runtime, task)) = self.0.take() else { return };
        let end = move || {
            // Done or not: nobody waits any longer.
            let _ = runtime.block_on(async { timeout(LINGER, task).await });
            runtime.shutdown_background();
        };
        // Without a thread to wait on nothing is waited for: its connections end with it.
        drop(std::thread::Builder::new().name("state".into()).spawn(end));
    }
}
