//! What of a branch a preview may use: its rules, and neither its ways to systems nor what it takes from the limits.
//!
//! Whoever may open a request could else send credentials to a host of their own, have a command run, or lift the limit that would have stopped them.
//! Must never: use a looser limit than one of both revisions has, or leave out or let through something that the branch has without a word.

mod connections;
mod holds;
mod side;
mod stricter;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::NotUsed;
use crate::manifest::Loaded;
use crate::policy::Policy;

/// How a preview reads each system, and what of the branch it does not use.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// by name
    pub sources: BTreeMap<Arc<str>, Opening>,
    /// by name
    pub targets: BTreeMap<Arc<str>, Opening>,
    /// what is not used and what the branch loosens, each with its reason, sorted by document
    pub not_used: Vec<NotUsed>,
}

/// How a preview reads one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// as the base describes it, for both
    AsBase,
    /// each revision has a file of its own
    OwnFile,
    /// not at all
    Shut {
        /// why
        words: String,
        /// the branch is why; else the base alone is enough
        by_branch: bool,
    },
}

/// Works out what may be used of the head, and takes the rest out of its policy.
pub fn preview(base: (&Loaded, &Policy), head: &Loaded, policy: &mut Policy, today: Date) -> Preview {
    let mut preview = connections::openings(base.0, head);
    stricter::apply(base.1, policy, today, &mut preview);
    holds::workspace(base.0, head, today, &mut preview.not_used);
    preview.not_used.sort_by(|one, next| (&one.document, &one.words).cmp(&(&next.document, &next.words)));
    preview
}
