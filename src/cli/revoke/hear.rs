//! What the command says while it works.
//!
//! Must never: keep anything waiting.

use crate::cli::outcome::receipt_word;
use crate::cli::report::notice;
use crate::model::{Plan, Receipt};
use crate::pipeline::revoke::Hear;
use crate::render::{headline, safe};
use crate::state::StateError;

/// On stderr.
pub struct Aloud;

impl Hear for Aloud {
    fn cutting(&self, plan: &Plan) {
        for change in &plan.changes {
            let held = if change.runs() { "" } else { " (protected: not done)" };
            notice(format_args!("  {}{held}", headline(change)));
        }
    }

    fn again(&self, target: &str, receipt: &Receipt) {
        let words = receipt.message.as_deref().unwrap_or_default();
        notice(safe::lines(&format!("{target}: {}: {words}; trying again", receipt_word(receipt.outcome))));
    }

    fn unread(&self, source: &str, why: &str) {
        notice(safe::lines(&format!("could not read {source}: {why}; accounts are found by links and marks all the same")));
    }

    fn lost(&self, error: &StateError) {
        without_state(error);
    }
}

/// The state is of no use.
pub fn without_state(error: &StateError) {
    notice(safe::lines(&format!("going on without the state, so nothing is remembered: {error}")));
}
