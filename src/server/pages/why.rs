//! Reasons, as `explain` works them out: words, the expression and its line, and what would turn them round.

use maud::{Markup, html};

use super::{text, ticked};
use crate::planning::explain::{Because, KnownValue};
use crate::render::explanation::PLAIN;
use crate::render::{DisplayNames, value_words};

/// Reasons, one under the other; what is said twice is shown once.
pub(super) fn reasons<'b>(all: impl IntoIterator<Item = &'b Because>, otherwise: &str) -> Markup {
    html! { @for one in distinct(all) { div.reason { (because(one, otherwise)) } } }
}

/// The same without how it came to that, where there are many.
pub(super) fn reasons_in_short<'b>(all: impl IntoIterator<Item = &'b Because>) -> Markup {
    html! { @for one in distinct(all) { div.reason { (words(one)) } } }
}

fn distinct<'b>(all: impl IntoIterator<Item = &'b Because>) -> Vec<&'b Because> {
    let mut shown: Vec<&Because> = Vec::new();
    for one in all {
        if !shown.iter().any(|known| known.words == one.words && known.place == one.place && known.unless == one.unless) {
            shown.push(one);
        }
    }
    shown
}

/// One reason.
pub(super) fn because(because: &Because, otherwise: &str) -> Markup {
    html! {
        (words(because))
        @if let Some(unless) = &because.unless { @if !otherwise.is_empty() { " " span.quiet { "– " (otherwise) " if " (ticked(unless)) } } }
        @if !because.trace.is_empty() {
            details.parts { summary { "How it came to that" } ul { @for part in &because.trace { li { code { (text(&part.expression)) } " → " (text(&part.value)) } } } }
        }
    }
}

fn words(because: &Because) -> Markup {
    let plain = because.words == PLAIN || because.expression.as_deref().is_some_and(|expression| because.words.contains(expression));
    html! {
        @if !plain || because.expression.is_none() { (ticked(&because.words)) }
        @if let Some(expression) = because.expression.as_deref().filter(|expression| !because.words.contains(expression)) { @if !plain { ", by " } code { (text(expression)) } }
        @if let Some(place) = &because.place { " " span.quiet { "at " code { (text(&place.to_string())) } } }
    }
}

/// What something is.
pub(super) fn known(known: &KnownValue, names: &DisplayNames<'_>) -> Markup {
    html! { @match known {
        KnownValue::Set(value) => b { (value_words(value, names)) },
        KnownValue::Hidden => span.quiet { "(secret)" },
        KnownValue::Cleared => span.quiet { "(to be empty)" },
        KnownValue::Unmanaged => span.quiet { "(nobody says anything)" },
        KnownValue::Unknown => span.warn { "(could not be worked out)" },
    } }
}
