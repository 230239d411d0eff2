//! What the command says while it works.
//!
//! Must never: keep anything waiting.

use crate::cli::outcome::receipt_word;
use crate::cli::report::notice;
use crate::model::Change;
use crate::pipeline::{Hear, News};
use crate::render::{headline, safe};
use crate::state::StateError;

/// On stderr.
pub struct Aloud;

impl Hear for Aloud {
    fn hear(&self, news: News<'_>) {
        match news {
            News::Cutting { plan } => plan.changes.iter().for_each(cutting),
            News::Again { target, receipt } => {
                let words = receipt.message.as_deref().unwrap_or_default();
                notice(safe::lines(&format!("{target}: {}: {words}; trying again", receipt_word(receipt.outcome))));
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

/// The state is of no use.
pub fn without_state(error: &StateError) {
    notice(safe::lines(&format!("going on without the state, so nothing is remembered: {error}")));
}
