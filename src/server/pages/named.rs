//! What findings and the journal say, with people by what they are displayed as: their sentences name them by their keys.
//!
//! Must never: name anybody to whoever may not see people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use maud::{Markup, html};

use super::{PageContext, plan, text};
use crate::model::{Finding, Plan};
use crate::planning::explain::names_at;
use crate::server::answer::Problem;
use crate::workspace::WorkspaceView;

/// As many people are looked up for a page.
const MOST: usize = 2_000;

/// What those whom sentences name are displayed as.
#[derive(Default)]
pub(super) struct FoundNames(BTreeMap<Arc<str>, String>);

impl FoundNames {
    /// Of all that a plan's findings name; nothing for whoever may not see people.
    pub async fn of(context: &PageContext, view: &WorkspaceView, plan: Option<&Plan>) -> Result<Option<Self>, Problem> {
        if !context.sees_people() {
            return Ok(None);
        }
        let findings = plan.into_iter().flat_map(|plan| &plan.findings);
        let named =
            findings.flat_map(|finding| finding.subject.key.iter().chain(&finding.about).filter(|key| finding.message.contains(&***key)));
        Self::of_keys(context, view, named.cloned().collect()).await.map(Some)
    }

    /// Of these, as far as they are there.
    pub async fn of_keys(context: &PageContext, view: &WorkspaceView, mut keys: BTreeSet<Arc<str>>) -> Result<Self, Problem> {
        if let Some(beyond) = keys.iter().nth(MOST).cloned() {
            keys.split_off(&beyond);
        }
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let found = context.site.scholar.ask(view.snapshot.clone(), move |known| {
            let provenance = known.origins.provenance();
            keys.into_iter().filter_map(|key| Some((key.clone(), provenance.displayed(&key)?))).collect()
        });
        Ok(Self(found.await?))
    }

    /// Words with those whom they name by these keys.
    pub fn in_words(&self, words: &str, keys: &[Arc<str>]) -> Markup {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        with_names(words, &keys, &|key| self.0.get(key).cloned())
    }

    /// These, one after the other.
    pub fn list(&self, keys: &[Arc<str>]) -> Markup {
        html! { @for (at, key) in keys.iter().enumerate() { @if at > 0 { ", " } (named(key, self.0.get(key).cloned())) } }
    }

    /// The sentence.
    pub fn said(&self, finding: &Finding) -> Markup {
        said_of(finding, &|key| self.0.get(key).cloned())
    }
}

/// The sentence of a finding, each of those whom it names by what they are displayed as, with the key behind it. What is to be typed stays as it is.
pub(super) fn said_of(finding: &Finding, displayed: &dyn Fn(&str) -> Option<String>) -> Markup {
    let keys: Vec<&str> = finding.subject.key.iter().chain(&finding.about).map(AsRef::as_ref).collect();
    html! {
        @for (at, part) in finding.message.split('`').enumerate() {
            @if at % 2 == 1 { code { (text(part)) } } @else { (with_names(part, &keys, displayed)) }
        }
    }
}

fn with_names(part: &str, keys: &[&str], displayed: &dyn Fn(&str) -> Option<String>) -> Markup {
    let mut places: Vec<(usize, &str)> = keys.iter().flat_map(|key| names_at(part, key).map(|at| (at, *key))).collect();
    places.sort_unstable();
    places.dedup();
    let (mut from, mut pieces) = (0, Vec::new());
    for (at, key) in places {
        // A longer key that begins there was named already.
        if let Some(before) = part.get(from..at) {
            pieces.push(html! { (text(before)) (named(key, displayed(key))) });
            from = at + key.len();
        }
    }
    html! { @for piece in &pieces { (piece) } (text(part.get(from..).unwrap_or_default())) }
}

fn named(key: &str, displayed: Option<String>) -> Markup {
    html! {
        a href=(plan::about(key)) {
            @match displayed.filter(|name| name != key) { Some(name) => { (text(&name)) " (" (text(key)) ")" } None => (text(key)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FindingCode, Severity, Subject};

    #[test]
    fn whoever_a_sentence_names_is_named_and_what_is_to_be_typed_stays() {
        let keys = ["hr/1", "hr/10", "user/<b>"].map(Arc::from);
        let message = "hr/1, hr/10 and user/<b>: nobody knows; see `headcount explain hr/1`";
        let finding = Finding::new(Severity::Error, FindingCode::NameTaken, Subject::default(), message).about(&keys);
        let displayed = |key: &str| (key == "hr/1").then(|| "Ada & Co".to_owned());
        let expected = "<a href=\"/person?key=hr%2F1\">Ada &amp; Co (hr/1)</a>, <a href=\"/person?key=hr%2F10\">hr/10</a> and \
            <a href=\"/person?key=user%2F%3Cb%3E\">user/&lt;b&gt;</a>: nobody knows; see <code>headcount explain hr/1</code>";
        assert_eq!(said_of(&finding, &displayed).0, expected);
    }
}
