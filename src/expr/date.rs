//! Dates as HR systems write them, to ISO. What could mean two days is an error, never a guess.

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::fmt::strtime;

type Outcome = Result<Option<Date>, Cow<'static, str>>;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Without a format: year first (with any of `-/.` or none, a time after it is dropped), `31.12.2025`, `31 Dec 2025`, `Dec 31, 2025`, `/Date(ms)/`.
/// An empty text and a zero date are no date.
pub(super) fn parse(text: &str) -> Outcome {
    let text = text.trim();
    if text.is_empty() || text.starts_with("0000-00-00") || text == "00000000" {
        return Ok(None);
    }
    if let Some(milliseconds) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        return epoch(milliseconds).map(Some).ok_or_else(unreadable);
    }
    if let Some(date) = named_month(text) {
        return date.map(Some);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match (digits, text.as_bytes().get(digits)) {
        (4, Some(b'-' | b'/' | b'.')) => numbers(text, |[year, month, day]| (year, month, day)),
        (8, None) | (8, Some(b'T' | b' ')) => compact(text),
        (14, _) => compact(text),
        (1 | 2, Some(b'.')) => numbers(text, |[day, month, year]| (year, month, day)),
        (1 | 2, Some(b'/' | b'-')) => Err("gets a date that could be read two ways; give its format, such as \"%d/%m/%Y\"".into()),
        _ => Err(unreadable()),
    }
}

/// With an explicit format.
pub(super) fn parse_as(text: &str, format: &str) -> Outcome {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    strtime::parse(format, text)
        .and_then(|parts| parts.to_date())
        .map(Some)
        .map_err(|_| format!("gets a date that is not written as {format}").into())
}

/// Whether a format carries a whole date.
pub(super) fn check_format(format: &str) -> Result<(), String> {
    let sample = jiff::civil::date(2001, 2, 3);
    let back = sample
        .at(4, 5, 6, 0)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .and_then(|moment| strtime::format(format, &moment))
        .and_then(|text| strtime::parse(format, text))
        .and_then(|parts| parts.to_date());
    match back {
        Ok(date) if date == sample => Ok(()),
        _ => Err("the format can't be used, or does not name day, month and year".into()),
    }
}

fn unreadable() -> Cow<'static, str> {
    "gets a text that is no date it knows; give its format, such as \"%d/%m/%Y\"".into()
}

fn day(year: i64, month: i64, day: i64) -> Result<Date, Cow<'static, str>> {
    let part = |number: i64| i8::try_from(number).ok();
    let date = i16::try_from(year).ok().zip(part(month)).zip(part(day)).and_then(|((year, month), day)| Date::new(year, month, day).ok());
    date.ok_or_else(|| "gets a date that does not exist".into())
}

/// Three numbers; what follows a `T` or a blank is a time and is dropped.
fn numbers(text: &str, order: fn([i64; 3]) -> (i64, i64, i64)) -> Outcome {
    let date = text.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<i64> = date.split(['-', '/', '.']).map_while(|part| part.parse().ok().filter(|_| part.len() <= 4)).collect();
    let Ok(parts) = <[i64; 3]>::try_from(parts) else { return Err(unreadable()) };
    let (year, month, number) = order(parts);
    if year < 1000 {
        return Err("gets a date whose year is too short; give its format, such as \"%d.%m.%y\"".into());
    }
    day(year, month, number).map(Some)
}

/// `20251231`, with or without a time after it.
fn compact(text: &str) -> Outcome {
    let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok()).ok_or_else(unreadable);
    day(part(0, 4)?, part(4, 6)?, part(6, 8)?).map(Some)
}

/// `31 Dec 2025`, `31-Dec-2025`, `December 31, 2025`; nothing where no month stands in it.
fn named_month(text: &str) -> Option<Result<Date, Cow<'static, str>>> {
    let words: Vec<&str> = text.split([' ', '-', ',', '.', '/']).filter(|word| !word.is_empty()).collect();
    let [first, second, year] = words.as_slice() else { return None };
    let (month, number) = match (month(first), month(second)) {
        (Some(month), None) => (month, second),
        (None, Some(month)) => (month, first),
        _ => return None,
    };
    let number = number.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let (Ok(number), Ok(year), 4) = (number.parse(), year.parse(), year.len()) else { return Some(Err(unreadable())) };
    Some(day(year, month, number))
}

fn month(word: &str) -> Option<i64> {
    let word = word.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| word.starts_with(month))?;
    i64::try_from(at + 1).ok()
}

/// OData's milliseconds, with or without an offset, which does not move the day.
fn epoch(text: &str) -> Option<Date> {
    let end = text.get(1..).and_then(|rest| rest.find(['+', '-'])).map_or(text.len(), |at| at + 1);
    let milliseconds: i64 = text.get(..end)?.parse().ok()?;
    let moment = jiff::Timestamp::from_millisecond(milliseconds).ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).date())
}
