//! What the command says while it works.
//!
//! Must never: keep anything waiting.

use tokio_util::sync::CancellationToken;

use crate::cli::apply::asked_to_stop;
use crate::cli::report::notice;
use crate::model::Change;
use crate::pipeline::{Hear, News};
use crate::render::{headline, safe};
use crate::state::StateError;

/// On stderr.
pub struct Aloud {
    /// finish what was sent, then stop
    pub stop: CancellationToken,
}

impl Hear for Aloud {
    fn hear(&self, news: News<'_>) {
        match news {
            // Until then an interrupt ends the process, and nothing was changed.
            News::Revoking => drop(tokio::spawn(interrupts(self.stop.clone()))),
            News::Cutting { plan } => plan.changes.iter().for_each(cutting),
            News::Again { target, receipt } => {
                let words = receipt.message.as_deref().unwrap_or_default();
                notice(safe::lines(&format!("{target}: {}: {words}; trying again", receipt.outcome.words())));
            }
            News::Unread { source, why } => {
                notice(safe::lines(&format!("could not read {source}: {why}; accounts are found by links and marks all the same")));
            }
            News::StateLost(error) => without_state(error),
            _ => {}
        }
    }
}

fn cutting(change: &Change) {
    let held = if change.runs() { "" } else { " (protected: not done)" };
    notice(format_args!("  {}{held}", headline(change)));
}

/// However often: who is to be cut off is.
async fn interrupts(stop: CancellationToken) {
    loop {
        asked_to_stop().await;
        notice("stopping: waiting for what was sent; the revocation stays in force");
        stop.cancel();
    }
}

/// The state is of no use.
fn without_state(error: &StateError) {
    notice(safe::lines(&format!("going on without the state, so nothing is remembered: {error}")));
}
