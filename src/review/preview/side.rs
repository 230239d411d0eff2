//! One document of the branch beside the base's, and what is told of it.
//!
//! Must never: tell a loosening without both values.

use std::sync::Arc;

use super::super::{DocumentName, NotUsed, NotUsedKind};
use crate::diagnostic::Place;

/// One document of the head.
pub(super) struct Side<'a> {
    pub document: (&'static str, Arc<str>),
    pub place: Place,
    pub told: &'a mut Vec<NotUsed>,
}

impl Side<'_> {
    /// The branch allows more, and the preview goes by the base's.
    pub(super) fn looser(&mut self, place: Option<Place>, what: &str, base: &str, head: &str) {
        let words = format!("{} goes from {base} to {head}: until this is merged the base's counts", self.of(what));
        self.tell(place, NotUsedKind::LooserLimit, words);
    }

    /// The branch holds back or marks less. The preview shows what comes of that.
    pub(super) fn holds_less(&mut self, what: &str, base: &str, head: &str) {
        let words = format!("{} goes from {base} to {head}: this counts from the merge on", self.of(what));
        self.tell(None, NotUsedKind::LooserGate, words);
    }

    /// The field, and whose it is.
    pub(super) fn of(&self, what: &str) -> String {
        let (kind, of) = &self.document;
        format!("{what} of the {kind} `{of}`")
    }

    pub(super) fn tell(&mut self, place: Option<Place>, kind: NotUsedKind, words: String) {
        let place = Some(place.unwrap_or_else(|| self.place.clone()));
        self.told.push(NotUsed { document: name(self.document.0, &self.document.1), words, kind, place });
    }
}

pub(super) fn name(kind: &str, name: &Arc<str>) -> DocumentName {
    DocumentName { kind: kind.into(), name: name.clone() }
}

/// A value as manifests write it.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
