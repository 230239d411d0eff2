//! The form in which a system keeps a value, where it is its own: what comes back is written otherwise than what was given, and is the same all the same.
//!
//! Must never: make another value of one, or refuse what the system may take.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use serde_json::Value as Json;

/// What signs a system's character set has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// all
    #[default]
    All,
    /// those of ASCII
    Ascii,
    /// those of Windows-1252, which MySQL and MariaDB call `latin1`
    Latin,
}

/// What Windows-1252 has besides ISO 8859-1.
const WINDOWS: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

impl Charset {
    /// A sign that it does not have.
    pub(super) fn lacks(self, text: &str) -> Option<char> {
        text.chars().find(|sign| match self {
            Self::All => false,
            Self::Ascii => !sign.is_ascii(),
            Self::Latin => !sign.is_ascii() && !('\u{a0}'..='\u{ff}').contains(sign) && !WINDOWS.contains(*sign),
        })
    }
}

/// How many digits of a number there is room for.
pub(super) fn too_many_digits(text: &str, whole: u16, fraction: u16) -> Option<&'static str> {
    let digits = text.trim_start_matches(['-', '+']);
    let (before, behind) = digits.split_once('.').unwrap_or((digits, ""));
    if behind.len() > usize::from(fraction) {
        return Some("has more digits behind its point than there is room for, and would be rounded");
    }
    (before.trim_start_matches('0').len() > usize::from(whole)).then_some("is a larger number than there is room for")
}

/// A day: nothing of a text that has a time of day too.
pub(super) fn day(text: &str) -> Option<String> {
    let moment = text.parse::<DateTime>().ok().or_else(|| in_utc(text))?;
    (moment.time() == Time::midnight()).then(|| moment.date().to_string())
}

/// A moment in UTC, its day and its time: `2026-12-01 00:00:00`, and `+00` behind it where the system tells zones.
pub(super) fn moment(text: &str, zoned: bool) -> Option<String> {
    let moment = in_utc(text).or_else(|| text.parse::<DateTime>().ok())?;
    let zone = if zoned { "+00" } else { "" };
    Some(format!("{} {}{zone}", moment.date(), clock(moment.time())))
}

/// A time of day: `09:00:00`.
pub(super) fn time(text: &str) -> Option<String> {
    let padded = if text.find(':') == Some(1) { format!("0{text}") } else { text.to_owned() };
    padded.parse::<Time>().ok().map(clock)
}

/// Digits of a second in what these make.
pub(super) fn digits_of_second(kept: &str) -> usize {
    kept.rsplit_once('.').map_or(0, |(_, digits)| digits.trim_end_matches("+00").len())
}

/// Of these words the one that it is, in whatever case.
pub(super) fn word<'w>(text: &str, words: &'w [Arc<str>]) -> Option<&'w Arc<str>> {
    let folded = || text.to_lowercase();
    words.iter().find(|word| word.as_ref() == text).or_else(|| words.iter().find(|word| word.to_lowercase() == folded()))
}

/// Several of these words, each once and in their order.
pub(super) fn several_words(text: &str, words: &[Arc<str>]) -> Option<String> {
    let named: Vec<&Arc<str>> = text.split(',').map(|one| word(one, words)).collect::<Option<_>>()?;
    let kept: Vec<&str> = words.iter().filter(|word| named.contains(word)).map(AsRef::as_ref).collect();
    Some(kept.join(","))
}

/// A document without blanks, its keys in order. One whose numbers can't be read without loss is left.
pub fn json_document(text: &str) -> Option<String> {
    let mut read: Json = serde_json::from_str(text).ok()?;
    // Whatever order this library keeps.
    read.sort_all_objects();
    is_exact(&read, text).then(|| read.to_string())
}

/// Whether a number stands in a text as it is, and not as the beginning of a longer one: 1.10 is another text than 1.1.
fn has_number(text: &str, number: &str) -> bool {
    let goes_on = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | 'e' | 'E');
    text.match_indices(number).any(|(at, _)| {
        let rest = text.get(at + number.len()..).unwrap_or_default();
        !rest.starts_with(goes_on) && !text.get(..at).unwrap_or_default().ends_with(goes_on)
    })
}

fn is_exact(read: &Json, text: &str) -> bool {
    match read {
        Json::Number(number) => number.as_i64().is_some() || has_number(text, &number.to_string()),
        Json::Array(items) => items.iter().all(|item| is_exact(item, text)),
        Json::Object(fields) => fields.values().all(|field| is_exact(field, text)),
        Json::Null | Json::Bool(_) | Json::String(_) => true,
    }
}

fn in_utc(text: &str) -> Option<DateTime> {
    text.parse::<Timestamp>().ok().map(|moment| moment.to_zoned(TimeZone::UTC).datetime())
}

fn clock(time: Time) -> String {
    let fraction = format!(".{:09}", time.subsec_nanosecond());
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{:02}:{:02}:{:02}{fraction}", time.hour(), time.minute(), time.second())
}
