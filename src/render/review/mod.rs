//! The views of a review: a comment, a terminal, a report, JSON. All of them say the same in the same order: the verdict, what is missing or refused, what to
//! check, numbers, what each document does, what is pending, what falls due.
//!
//! Must never: work out what the review does not hold, or cut a sentence, a fence or a fold in two.

mod fit;
mod html;
mod json;
pub mod links;
mod markdown;
mod pieces;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod totals;
mod words;

use std::collections::BTreeSet;

use links::ForgeLinks;

use crate::model::{Finding, Forecast};
pub use markdown::{COMMENT_BUDGET, SUMMARY_BUDGET, page};

pub use html::report;
pub use json::write as write_json;
pub use text::write as write_text;

/// How the views of a review look.
#[derive(Clone, Copy)]
pub struct ReviewOptions<'a> {
    /// columns of a line, of the text view
    pub width: usize,
    /// rows of the screen, where somebody looks at one
    pub rows: Option<usize>,
    /// everybody by name, however many
    pub full: bool,
    /// standing notes that an earlier run told: they are only counted
    pub told: Option<&'a BTreeSet<u64>>,
    /// how long it will take
    pub forecast: &'a [Forecast],
    /// where places and runs are seen
    pub forge: &'a ForgeLinks,
    /// where the manifests are, where two workspaces of one repository have one id
    pub path: Option<&'a str>,
    /// bytes of the Markdown
    pub budget: usize,
}

impl<'a> ReviewOptions<'a> {
    /// A view for this many columns that knows of no host.
    pub fn plain(width: usize, forge: &'a ForgeLinks) -> Self {
        Self { width, rows: None, full: false, told: None, forecast: &[], forge, path: None, budget: COMMENT_BUDGET }
    }

    /// Whether a finding is a note that an earlier run told; whoever wants everything gets it again.
    fn knows(&self, finding: &Finding) -> bool {
        !self.full && finding.standing().zip(self.told).is_some_and(|(note, told)| told.contains(&note))
    }
}
