//! Dates as HR systems write them, to ISO. What could mean two days is an error, never a guess.
//!
//! The day is taken as it is written: a time after it is dropped, and an offset beside it does not move it. Numbers of seconds and the like count from a
//! moment, so their day is UTC's. Only a zone that the manifest names moves a moment to the day that it was there.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

type Words = Cow<'static, str>;
type Outcome = Result<Option<Date>, Words>;

const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// What people and systems write where there is no date; a date of zeros is none either.
const NOTHING: [&str; 7] = ["", "-", "--", "n/a", "na", "none", "null"];
/// Active Directory's counts of 100 ns begin in 1601.
const FILETIME_TO_EPOCH_SECONDS: i64 = 11_644_473_600;
const FILETIME_NEVER: i64 = i64::MAX;
const DAY_SECONDS: i64 = 86_400;
/// The longest text that is looked at.
const MAX_LENGTH: usize = 64;
pub(super) const HINT: &str =
    "write it like dd.MM.yyyy, MM/dd/yyyy, yyyyMMdd or d-MMM-yy, or one of the words iso, excel, seconds, millis, filetime";

pub(super) const ZONE_HINT: &str = "zones, such as \"Europe/Berlin\", go with iso, seconds, millis and filetime";

/// How a date is written, and where its day is.
#[derive(Debug)]
pub(super) struct Format {
    shape: Shape,
    written: Option<Box<str>>,
    zone: Option<(Box<str>, TimeZone)>,
}

#[derive(Debug)]
enum Shape {
    /// any form that can mean only one day
    Plain,
    /// the year first, perhaps with a time and an offset
    Iso,
    /// days since the end of 1899, as spreadsheets count them
    Excel,
    Seconds,
    Millis,
    /// 100 ns since 1601
    Filetime,
    Pattern(Box<[Part]>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// fewest and most digits
    Year(usize),
    Month(usize, usize),
    MonthName,
    Day(usize, usize),
    Sign(char),
}

impl Format {
    /// For `date(text)`.
    pub(super) const PLAIN: Self = Self { shape: Shape::Plain, written: None, zone: None };

    /// Compiles what stands in the manifest; the words say what is wrong with it.
    pub(super) fn new(written: &str) -> Result<Self, Words> {
        let shape = match written {
            "iso" => Shape::Iso,
            "excel" => Shape::Excel,
            "seconds" => Shape::Seconds,
            "millis" => Shape::Millis,
            "filetime" => Shape::Filetime,
            pattern => Shape::Pattern(parts(pattern)?),
        };
        Ok(Self { shape, written: Some(written.into()), zone: None })
    }

    /// With the zone in which a moment's day is taken.
    pub(super) fn in_zone(self, name: &str) -> Result<Self, Words> {
        if matches!(self.shape, Shape::Pattern(_) | Shape::Excel | Shape::Plain) {
            return Err("a time zone says nothing here: the day is taken as it is written".into());
        }
        let zone = TimeZone::get(name).map_err(|_| "there is no such time zone")?;
        Ok(Self { zone: Some((name.into(), zone)), ..self })
    }

    /// The date in a text. None: the text says that there is none.
    pub(super) fn read(&self, text: &str) -> Outcome {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err("gets a text that is too long for a date".into());
        }
        if is_nothing(text) {
            return Ok(None);
        }
        match &self.shape {
            Shape::Plain => plain(text),
            Shape::Iso => self.iso(text),
            Shape::Excel => excel(text),
            Shape::Seconds => self.moment(whole(text), 1),
            Shape::Millis => self.moment(whole(text).or_else(|| odata(text)), 1000),
            Shape::Filetime => match whole(text) {
                Some(FILETIME_NEVER) => Ok(None),
                ticks => self.moment(ticks.map(|ticks| ticks.div_euclid(10_000_000) - FILETIME_TO_EPOCH_SECONDS), 1),
            },
            Shape::Pattern(parts) => by_pattern(parts, text).map(Some),
        }
    }

    fn iso(&self, text: &str) -> Outcome {
        let date = plain(text).ok().flatten().filter(|_| text.starts_with(|first: char| first.is_ascii_digit()));
        let date =
            date.filter(|_| text.bytes().take_while(u8::is_ascii_digit).count() >= 4).ok_or("gets a date that is not written as ISO")?;
        match (&self.zone, text.replacen(' ', "T", 1).parse::<Timestamp>()) {
            (Some((_, zone)), Ok(moment)) => Ok(Some(moment.to_zoned(zone.clone()).date())),
            _ => Ok(Some(date)),
        }
    }

    /// A count since 1970, so many a second.
    fn moment(&self, count: Option<i64>, a_second: i64) -> Outcome {
        let count = count.ok_or("gets a text that is not a whole number")?;
        let seconds = count.div_euclid(a_second);
        let days = seconds.div_euclid(DAY_SECONDS);
        let here = self.zone.as_ref().and_then(|(_, zone)| Some(Timestamp::from_second(seconds).ok()?.to_zoned(zone.clone()).date()));
        // Far beyond any clock (9999-12-31 stands for "never") zones don't matter.
        here.or_else(|| after(jiff::civil::date(1970, 1, 1), days)).map(Some).ok_or_else(|| "gets a number that is no date".into())
    }
}

/// As it stands after the value in the call.
impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(written) = &self.written {
            write!(out, ", {written:?}")?;
        }
        match &self.zone {
            Some((name, _)) => write!(out, ", {name:?}"),
            None => Ok(()),
        }
    }
}

/// A date that an expression computes with: `2026-11-22`, as [`Format::read`] gives it.
pub(super) fn of_iso(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let ([year, month, number], 10) = (parts.as_slice(), text.len()) else { return None };
    day(digits(year, 4, 4)?, digits(month, 2, 2)?, digits(number, 2, 2)?).ok()
}

/// So many days or months later; months end where the month ends. The end of the calendar stays what it is: it stands for "never".
pub(super) fn later(date: Date, days: i64, months: i64) -> Option<Date> {
    let span = Span::new().try_days(days).and_then(|span| span.try_months(months)).ok()?;
    let moved = date.saturating_add(span);
    (moved.year() >= 1).then_some(if date == Date::MAX { date } else { moved })
}

/// Days from one to the other.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

fn is_nothing(text: &str) -> bool {
    let zeros = text.contains('0') && text.bytes().all(|byte| matches!(byte, b'0' | b'-' | b'/' | b'.' | b':' | b' ' | b'T' | b'Z'));
    zeros || text.starts_with("0001-01-01") || NOTHING.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Year first (with any of `-/.` or none), `31.12.2025`, `31 Dec 2025`, `Dec 31, 2025`, `/Date(ms)/`.
fn plain(text: &str) -> Outcome {
    if let Some(millis) = odata(text) {
        return Format::PLAIN.moment(Some(millis), 1000);
    }
    if let Some(date) = named_month(text) {
        return date.map(Some);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match (digits, text.as_bytes().get(digits)) {
        (4, Some(b'-' | b'/' | b'.')) => numbers(text, |[year, month, day]| (year, month, day)),
        (8, None) | (8, Some(b'T' | b' ')) | (14, _) => compact(text, digits),
        (1 | 2, Some(b'.')) => numbers(text, |[day, month, year]| (year, month, day)),
        (1 | 2, Some(b'/' | b'-')) => Err("gets a date that could be read two ways; give its format, such as \"dd/MM/yyyy\"".into()),
        (_, None) => Err("gets a number; say what it counts: \"excel\", \"seconds\" or \"millis\"".into()),
        _ => Err(unreadable()),
    }
}

fn unreadable() -> Words {
    "gets a text that is no date it knows; give its format, such as \"dd/MM/yyyy\"".into()
}

fn day(year: i64, month: i64, day: i64) -> Result<Date, Words> {
    let part = |number: i64| i8::try_from(number).ok();
    let date = i16::try_from(year).ok().zip(part(month)).zip(part(day)).and_then(|((year, month), day)| Date::new(year, month, day).ok());
    date.ok_or_else(|| "gets a date that does not exist".into())
}

fn after(date: Date, days: i64) -> Option<Date> {
    let date = date.checked_add(Span::new().try_days(days).ok()?).ok()?;
    (date.year() >= 1).then_some(date)
}

/// A text of digits alone.
fn digits(text: &str, least: usize, most: usize) -> Option<i64> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}

fn whole(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// OData's milliseconds; the offset that may stand behind them does not move the day.
fn odata(text: &str) -> Option<i64> {
    let inside = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/"))?;
    let end = inside.get(1..)?.find(['+', '-']).map_or(inside.len(), |at| at + 1);
    whole(inside.get(..end)?)
}

/// Three numbers, and perhaps a time.
fn numbers(text: &str, order: fn([i64; 3]) -> (i64, i64, i64)) -> Outcome {
    let mut rest = text;
    let mut parts = [0; 3];
    for (at, part) in parts.iter_mut().enumerate() {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, more) = rest.split_at_checked(length).ok_or_else(unreadable)?;
        *part = digits(number, 1, 4).ok_or_else(unreadable)?;
        rest = if at == 2 { more } else { more.strip_prefix(['-', '/', '.']).ok_or_else(unreadable)? };
    }
    if !is_time(rest) {
        return Err(unreadable());
    }
    let (year, month, number) = order(parts);
    if year < 1000 {
        return Err("gets a date whose year is too short; give its format, such as \"dd.MM.yy\"".into());
    }
    day(year, month, number).map(Some)
}

/// `20251231`, with or without a time after it.
fn compact(text: &str, length: usize) -> Outcome {
    let part = |from: usize, to: usize| text.get(from..to).and_then(|part| digits(part, to - from, to - from)).ok_or_else(unreadable);
    let date = day(part(0, 4)?, part(4, 6)?, part(6, 8)?)?;
    if is_time(text.get(length..).unwrap_or_default().trim_start_matches('.')) { Ok(Some(date)) } else { Err(unreadable()) }
}

/// What may follow a date: nothing, a time, an offset.
fn is_time(rest: &str) -> bool {
    let mut signs = rest.chars();
    match signs.next() {
        None => true,
        Some(' ' | 'T' | ',' | '+' | '-' | 'Z' | '0'..='9') => {
            signs.all(|sign| sign.is_ascii_digit() || " :.,+-ZAPMapmUTCGMT".contains(sign))
        }
        Some(_) => false,
    }
}

/// `31 Dec 2025`, `31-Dec-2025`, `December 31, 2025`, `Tue, 04 Mar 2025 00:00:00 GMT`; nothing where no month stands in it.
fn named_month(text: &str) -> Option<Result<Date, Words>> {
    let mut words = text.split([' ', '-', ',', '.', '/']).filter(|word| !word.is_empty()).peekable();
    words.next_if(|word| name_in(&WEEKDAYS, word).is_some());
    let (first, second, year) = (words.next()?, words.next()?, words.next()?);
    let (month, number) = match (name_in(&MONTHS, first), name_in(&MONTHS, second)) {
        (Some(month), None) => (month, second),
        (None, Some(month)) => (month, first),
        _ => return None,
    };
    let number = number.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let (Some(number), Some(year)) = (digits(number, 1, 2), digits(year, 4, 4)) else { return Some(Err(unreadable())) };
    if words.any(|word| !is_time(word) && word != "GMT" && word != "UTC") {
        return Some(Err(unreadable()));
    }
    Some(day(year, month, number))
}

/// The number of a name, from 1, by at least its first three letters.
fn name_in(names: &[&str], word: &str) -> Option<i64> {
    let word = word.to_ascii_lowercase();
    let at = names.iter().position(|name| word.len() >= 3 && name.starts_with(word.as_str())).or_else(|| (word == "sept").then_some(8))?;
    i64::try_from(at + 1).ok()
}

/// Day 60 is a 29 February 1900 that never was: days before it are one off, and are no dates of people who work.
fn excel(text: &str) -> Outcome {
    let serial = text.split_once('.').map_or(Some(text), |(days, part)| digits(part, 1, 20).map(|_| days));
    let days = serial.and_then(whole).ok_or("gets a text that is not a spreadsheet's number of a day")?;
    let date = if days > 60 { after(jiff::civil::date(1899, 12, 30), days) } else { None };
    date.map(Some).ok_or_else(|| "gets a number that is no spreadsheet's day".into())
}

/// A pattern in the letters that spreadsheets and Java use.
fn parts(pattern: &str) -> Result<Box<[Part]>, Words> {
    if pattern.contains('%') {
        return Err("the format is written like dd.MM.yyyy, without percent signs".into());
    }
    let mut runs: Vec<(char, usize)> = Vec::new();
    for letter in pattern.chars() {
        match runs.last_mut() {
            Some((last, count)) if *last == letter && letter.is_ascii_alphabetic() => *count += 1,
            _ => runs.push((letter, 1)),
        }
    }
    let part = |(at, (letter, count)): (usize, &(char, usize))| {
        // Without a sign between them only a fixed number of digits tells where one part ends.
        let joined = [at.checked_sub(1), Some(at + 1)]
            .into_iter()
            .flatten()
            .filter_map(|at| runs.get(at))
            .any(|(next, _)| next.is_ascii_alphabetic());
        let least = if joined { 2 } else { 1 };
        match (letter, count) {
            ('y', 2 | 4) => Ok(Part::Year(*count)),
            ('M', 1 | 2) if !joined || *count == 2 => Ok(Part::Month(least, 2)),
            ('d', 1 | 2) if !joined || *count == 2 => Ok(Part::Day(least, 2)),
            ('M', 3 | 4) => Ok(Part::MonthName),
            ('Y' | 'D' | 'm', _) => Err("letter case counts in a format: years are yyyy, months MM, days dd"),
            ('H' | 'h' | 's' | 'a' | 'S' | 'X' | 'Z' | 'z' | 'T', _) => {
                Err("a format ends with the date: a time after it is dropped anyway")
            }
            (letter, _) if letter.is_alphanumeric() => Err("the format can't be read"),
            (sign, _) => Ok(Part::Sign(*sign)),
        }
    };
    let parts: Box<[Part]> = runs.iter().enumerate().map(part).collect::<Result<_, _>>()?;
    let count = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count();
    let whole = count(|part| matches!(part, Part::Year(_))) == 1
        && count(|part| matches!(part, Part::Month(..) | Part::MonthName)) == 1
        && count(|part| matches!(part, Part::Day(..))) == 1;
    if whole { Ok(parts) } else { Err("the format must name day, month and year once each".into()) }
}

fn by_pattern(parts: &[Part], text: &str) -> Result<Date, Words> {
    let mismatch = || Words::from("gets a date that is not written in its format");
    let (mut year, mut month, mut number, mut rest) = (0, 0, 0, text);
    for part in parts {
        let mut take = |least: usize, most: usize| {
            let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
            let (taken, more) = rest.split_at_checked(length)?;
            rest = more;
            digits(taken, least, most)
        };
        match *part {
            Part::Year(2) => year = take(2, 2).map(|year| if year < 70 { 2000 + year } else { 1900 + year }).ok_or_else(mismatch)?,
            Part::Year(_) => year = take(4, 4).ok_or_else(mismatch)?,
            Part::Month(least, most) => month = take(least, most).ok_or_else(mismatch)?,
            Part::Day(least, most) => number = take(least, most).ok_or_else(mismatch)?,
            Part::MonthName => {
                let length = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
                let (name, more) = rest.split_at_checked(length).ok_or_else(mismatch)?;
                month = name_in(&MONTHS, name).ok_or_else(mismatch)?;
                rest = more.strip_prefix('.').unwrap_or(more);
            }
            Part::Sign(sign) => rest = rest.strip_prefix(sign).ok_or_else(mismatch)?,
        }
    }
    if !is_time(rest) || rest.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(mismatch());
    }
    day(year, month, number)
}
