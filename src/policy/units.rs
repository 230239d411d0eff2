//! Durations, shares and limits as people write them.

use jiff::SignedDuration;

/// Longest duration: ten years. More is a slip.
const MOST_HOURS: i64 = 10 * 366 * 24;

/// `90m`, `36h`, `7d`, `2w`, or several in a row (`1d12h`).
pub(super) fn duration(text: &str) -> Option<SignedDuration> {
    let mut total = SignedDuration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let number: i64 = number.parse().ok()?;
        let unit = after.chars().next()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 24 * 3600,
            'w' => 7 * 24 * 3600,
            _ => return None,
        };
        total = total.checked_add(SignedDuration::from_secs(number.checked_mul(seconds)?))?;
        rest = after.get(1..)?;
    }
    (total <= SignedDuration::from_hours(MOST_HOURS)).then_some(total)
}

/// How much may vanish.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shrink {
    /// 0 to 1
    Share(f64),
    Count(u64),
}

/// `10%` or `5`. A share of all or more would say nothing.
pub(super) fn shrink(text: &str) -> Option<Shrink> {
    let text = text.trim();
    match text.strip_suffix('%') {
        Some(number) => {
            number.trim().parse::<f64>().ok().filter(|percent| is_percent(*percent)).map(|percent| Shrink::Share(percent / 100.0))
        }
        None => text.parse().ok().map(Shrink::Count),
    }
}

/// From 0 to less than 100: a limit that lets everything through is none.
pub(super) fn is_percent(percent: f64) -> bool {
    (0.0..100.0).contains(&percent)
}
