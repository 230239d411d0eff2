//! Durations, amounts, dates and time zones as people write them. The one place that reads them, for the checks and for policy.
//!
//! Must never: read a clock.

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A part of a population, or a number of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// 0 to 1
    Share(f64),
    /// so many
    Count(u64),
}

/// Longest duration in seconds: a hundred years.
const MAX_SECONDS: i64 = 100 * 366 * 86_400;

/// `36h`, `7d`, `1h30m`: whole numbers, each with `s`, `m`, `h`, `d` or `w`. The error says how to write it.
pub fn duration(text: &str) -> Result<SignedDuration, &'static str> {
    const HINT: &str = "write a whole number and its unit: `30s`, `15m`, `36h`, `7d`, `2w`";
    let mut seconds: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits).ok_or(HINT)?;
        let mut letters = after.chars();
        let unit = match letters.next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            Some('w') => 604_800,
            _ => return Err(HINT),
        };
        let part = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit)).ok_or(HINT)?;
        seconds = seconds.checked_add(part).filter(|sum| *sum <= MAX_SECONDS).ok_or("write a duration of at most a hundred years")?;
        rest = letters.as_str();
    }
    if text.is_empty() { Err(HINT) } else { Ok(SignedDuration::from_secs(seconds)) }
}

/// `14d`, `2w`: a duration of whole days. The error says how to write it.
pub fn days(text: &str) -> Result<i64, &'static str> {
    const HINT: &str = "write whole days or weeks: `14d`, `2w`";
    let seconds = duration(text).map_err(|_| HINT)?.as_secs();
    if seconds % 86_400 == 0 { Ok(seconds / 86_400) } else { Err(HINT) }
}

/// `10%` or `5`. The error says how to write it.
pub fn amount(text: &str) -> Result<Amount, &'static str> {
    const HINT: &str = "write a share (`10%`, at most `100%`) or a whole number (`5`)";
    match text.strip_suffix('%') {
        Some(percent) => percentage(percent).map(|percent| Amount::Share(percent / 100.0)).ok_or(HINT),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().map(Amount::Count).map_err(|_| HINT),
        None => Err(HINT),
    }
}

fn percentage(text: &str) -> Option<f64> {
    let usual = text.starts_with(|first: char| first.is_ascii_digit()) && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent = usual.then(|| text.parse::<f64>().ok()).flatten()?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}

/// `64Mi`, `4Gi`, as Kubernetes writes it. The error says how to write it.
pub fn bytes(text: &str) -> Result<u64, &'static str> {
    const HINT: &str = "write a whole number and its unit: `512Ki`, `64Mi`, `4Gi`";
    let (number, shift) =
        [("Ki", 10), ("Mi", 20), ("Gi", 30)].into_iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift))).ok_or(HINT)?;
    let number =
        Some(number).filter(|number| number.bytes().all(|byte| byte.is_ascii_digit())).and_then(|number| number.parse::<u64>().ok());
    number.filter(|number| (1..=1 << 20).contains(number)).map(|number| number << shift).ok_or(HINT)
}

/// `22:00`, `24:00`: minutes after midnight. The error says how to write it.
pub fn minute(text: &str) -> Result<u32, &'static str> {
    const HINT: &str = "write hours and minutes of the day, in quotes: `\"22:00\"`, at most `\"24:00\"`";
    let digits =
        |part: &str| Some(part).filter(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))?.parse::<u32>().ok();
    let (hours, minutes) = text.split_once(':').and_then(|(hours, minutes)| Some((digits(hours)?, digits(minutes)?))).ok_or(HINT)?;
    let minute = hours * 60 + minutes;
    if minutes < 60 && minute <= 24 * 60 { Ok(minute) } else { Err(HINT) }
}

/// `2027-03-31`. The error says how to write it.
pub fn date(text: &str) -> Result<Date, &'static str> {
    const HINT: &str = "write a day of the calendar as YEAR-MONTH-DAY: `2027-03-31`";
    let bytes = text.as_bytes();
    let usual = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    if usual { text.parse().map_err(|_| HINT) } else { Err(HINT) }
}

/// `Europe/Berlin`. The error says how to write it.
pub fn time_zone(name: &str) -> Result<TimeZone, &'static str> {
    TimeZone::get(name).map_err(|_| "write a name of the IANA time zone database: `Europe/Berlin`, `America/New_York`, `UTC`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_exactly_or_not_at_all() {
        for (text, seconds) in [("30s", 30), ("15m", 900), ("36h", 129_600), ("7d", 604_800), ("1h30m", 5_400), ("0s", 0)] {
            assert_eq!(duration(text), Ok(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in
            ["", "7", "d", "-1d", "1.5h", "1 d", "1y", "7D", "99999999999999999999d", "9000000000000000000w", "٣d", "1d ", "37000d1d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(amount("10%"), Ok(Amount::Share(0.1)));
        assert_eq!(amount("5"), Ok(Amount::Count(5)));
        for text in ["", "%", "-1", "101%", "1e1%", "NaN%", "inf%", "5 %", ".5%", "1_0", "0x5"] {
            assert!(amount(text).is_err(), "{text}");
        }
        assert_eq!(date("2027-03-31"), Ok(jiff::civil::date(2027, 3, 31)));
        for text in ["", "2027-02-29", "2027-3-31", "31.03.2027", "2027-03-31T00:00", "20270331", "2027-W01-1"] {
            assert!(date(text).is_err(), "{text}");
        }
        assert_eq!([minute("00:00"), minute("22:05"), minute("24:00")], [Ok(0), Ok(1325), Ok(1440)]);
        for text in ["", "22", "9:00", "24:01", "25:00", "10:60", "10:0", "-1:00", "10:00:00", "1é:00"] {
            assert!(minute(text).is_err(), "{text}");
        }
        assert!(
            time_zone("Europe/Berlin").is_ok() && time_zone("UTC").is_ok() && time_zone("Europe/Berlni").is_err() && time_zone("").is_err()
        );
    }
}
