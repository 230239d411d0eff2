//! Views of one plan: text for a terminal, JSON, NDJSON; and of its review. What one view shows, the others don't contradict.
//!
//! Must never: decide, read or change anything, show a secret, or let a name from outside steer the terminal or the page.

pub mod annotations;
mod blocks;
pub mod cases;
mod difference;
pub mod explanation;
mod forecast;
pub mod json;
pub mod junit;
mod layout;
pub mod marker;
mod markup;
pub mod patch;
pub mod requests;
pub mod review;
mod risks;
pub mod safe;
pub mod status;
pub mod style;
mod summary;
pub mod table;
#[cfg(test)]
mod testing;
mod text;
mod upcoming;
mod value;
pub mod verdict;
mod words;
mod wrap;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use jiff::civil::Date;

use crate::diagnostic::Place;
use crate::model::{AttributeChange, Change, Finding, Forecast, MemberChange, Plan, Upcoming, Value};

pub use markup::{fenced, prose};
pub use summary::number;
pub use summary::{Counts, preposition};
pub use value::DisplayNames;
use words::Piece;
pub use words::{is_first, lost_words, verb};
pub use wrap::paragraph;

/// By the findings' positions in the plan, the numbers that people see, from 1 in the order of reading.
pub fn finding_numbers(plan: &Plan) -> Vec<usize> {
    text::numbers(plan)
}

/// Text as HTML shows it, its lines kept.
pub fn in_html(text: &str) -> String {
    text.lines().map(markup::html).collect::<Vec<_>>().join("\n")
}

/// What falls due, a line each day: people in numbers, manifests by name.
pub fn coming_up(upcoming: &Upcoming) -> Vec<(Date, String)> {
    upcoming::in_words(upcoming, &|name| safe::line(name).into_owned(), &|words| words.to_owned())
}

/// A value on one line, as every view shows it.
pub fn value_words(value: &Value, names: &DisplayNames<'_>) -> String {
    value::words(value, names)
}

/// Both sides of a change in words. A secret is never among them.
pub fn sides(change: &AttributeChange, names: &DisplayNames<'_>) -> (String, String) {
    value::sides(change, names)
}

/// A number with its word: `1 row`, `1,200 rows`.
pub fn count(number: u64, word: &str) -> String {
    format!("{} {word}{}", summary::number(number), if number == 1 { "" } else { "s" })
}

/// One change as a sentence: `jane.doe gets an account at chat`.
pub fn headline(change: &Change) -> String {
    headline_of(change, None)
}

/// The same of a person by what they are displayed as, where that is known.
pub fn headline_of(change: &Change, who: Option<&str>) -> String {
    let was = change.former_key.as_deref().map(|key| format!(" (was {})", safe::line(key))).unwrap_or_default();
    format!("{}{was} at {}", sentence(change, who), safe::line(&change.target))
}

/// What happens, without where: `jane.doe gets an account`.
pub fn what(change: &Change) -> String {
    sentence(change, None)
}

fn sentence(change: &Change, who: Option<&str>) -> String {
    let pieces = words::sentence_of(change, who).into_iter().map(|piece| match piece {
        Piece::Words(words) => words,
        Piece::Name(name) => safe::line(name),
    });
    pieces.collect()
}

/// Why, in a few words; nothing where the sentence says all that is known.
pub fn why(change: &Change) -> Option<String> {
    words::reason(change).map(|words| words.into_owned())
}

/// The views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// for a person at a terminal
    Text,
    /// for machines, and to be applied later
    Json,
    /// for machines that read line by line
    Ndjson,
    /// one comment of a pull request
    Markdown,
    /// one file for a browser
    Html,
    /// for machines: what a reviewer is shown
    Review,
    /// annotations of a GitHub workflow
    Github,
    /// GitLab's code quality report
    Gitlab,
}

/// How the views for people look.
#[derive(Clone, Copy)]
pub struct ViewOptions<'a> {
    /// columns of a line
    pub width: usize,
    /// changes of the whole plan that this part of it leaves out
    pub left_out: usize,
    /// every change by itself, however many say the same
    pub full: bool,
    /// where the manifests say what brought a change about
    pub lines: Option<&'a dyn Lines>,
    /// standing notes that an earlier run told: they are only counted
    pub told: Option<&'a BTreeSet<u64>>,
    /// how long it will take
    pub forecast: &'a [Forecast],
}

/// Where in the manifests a change comes from, and whom a key means. Asked only for what is shown.
pub trait Lines {
    /// The line behind a change of an account, an entitlement or a group.
    fn of(&self, change: &Change) -> Option<Place>;
    /// The line behind one member that comes or goes.
    fn of_member(&self, change: &Change, member: &MemberChange) -> Option<Place>;
    /// The line behind an attribute of an account that changes, where there is room for it.
    fn of_attribute(&self, _change: &Change, _attribute: &Arc<str>) -> Option<Place> {
        None
    }
    /// What people call an identity of which nothing in the plan says it.
    fn name(&self, key: &str) -> Option<String>;
    /// What an identity is displayed as, where there is room for it.
    fn displayed(&self, _key: &str) -> Option<String> {
        None
    }
}

impl Format {
    /// Whether it shows the review of a plan, and not the plan itself.
    pub fn is_of_review(self) -> bool {
        matches!(self, Self::Markdown | Self::Html | Self::Review)
    }
}

impl ViewOptions<'_> {
    /// A view that leaves nothing out, shows no lines of manifests and folds what is alike.
    pub fn wide(width: usize) -> Self {
        Self { width, left_out: 0, full: false, lines: None, told: None, forecast: &[] }
    }

    /// Whether a finding is a note that an earlier run told; whoever wants everything gets it again.
    fn knows(&self, finding: &Finding) -> bool {
        !self.full && finding.standing().zip(self.told).is_some_and(|(note, told)| told.contains(&note))
    }
}

/// Writes a view of the plan itself; a form that only a review has is its text. Colours are always written; the stream drops them where nobody sees them.
pub fn write(plan: &Plan, format: Format, look: ViewOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json => json::write(plan, look, out),
        Format::Ndjson => json::write_lines(plan, look.lines, out),
        Format::Github => out.write_all(annotations::github(&marks(plan, look)).as_bytes()),
        Format::Gitlab => out.write_all(annotations::gitlab(&plan.workspace, &marks(plan, look)).as_bytes()),
        Format::Text | Format::Markdown | Format::Html | Format::Review => text::write(plan, look, out),
    }
}

/// The text of a plan for whoever is to approve it: what to look at twice first.
pub fn write_risks_first(plan: &Plan, look: ViewOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    text::write_risks_first(plan, look, out)
}

/// What stands at the lines of the manifests; none where nobody knows them.
fn marks(plan: &Plan, look: ViewOptions<'_>) -> Vec<annotations::Annotation> {
    look.lines.map(|lines| annotations::Annotation::of_plan(plan, lines)).unwrap_or_default()
}
