//! A moment as somebody writes it who looks back: a day, a time, or how long ago.
//!
//! Must never: take a day for a moment of another time zone than the workspace's.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::manifest::quantity;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeBound {
    /// a day of the workspace
    Day(Date),
    /// a moment
    Time(Timestamp),
    /// how long before now
    Ago(SignedDuration),
}

/// Letters of `2026-11-22`.
const DAY: usize = 10;

impl TimeBound {
    /// A day, a time, or how long ago.
    pub fn parse(text: &str) -> Result<Self, String> {
        let day = || text.parse().ok().filter(|_| text.len() == DAY).map(Self::Day);
        let time = || text.parse().ok().map(Self::Time);
        let ago = || quantity::duration(text).ok().map(Self::Ago);
        day()
            .or_else(time)
            .or_else(ago)
            .ok_or_else(|| "write a day (2026-11-22), a time (2026-11-22T08:00:00Z) or how long ago (12h, 7d)".to_owned())
    }

    /// Its first moment.
    pub fn first(&self, zone: &TimeZone, now: Timestamp) -> Timestamp {
        match self {
            Self::Day(day) => start(*day, zone).unwrap_or(Timestamp::MIN),
            Self::Time(time) => *time,
            Self::Ago(ago) => now.checked_sub(*ago).unwrap_or(Timestamp::MIN),
        }
    }

    /// Its last moment.
    pub fn last(&self, zone: &TimeZone, now: Timestamp) -> Timestamp {
        let Self::Day(day) = self else { return self.first(zone, now) };
        let next = day.checked_add(1.day()).ok().and_then(|next| start(next, zone));
        next.and_then(|next| next.checked_sub(SignedDuration::from_nanos(1)).ok()).unwrap_or(Timestamp::MAX)
    }
}

fn start(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    day.to_zoned(zone.clone()).ok().map(|start| start.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_whole_and_of_the_workspace() {
        let (zone, now) = (TimeZone::fixed(jiff::tz::offset(2)), "2026-11-22T10:00:00Z".parse().expect("a time"));
        let day = TimeBound::parse("2026-11-22").expect("a day");
        assert_eq!(day.first(&zone, now).to_string(), "2026-11-21T22:00:00Z");
        assert_eq!(day.last(&zone, now).to_string(), "2026-11-22T21:59:59.999999999Z");
        assert_eq!(TimeBound::parse("2d").expect("ago").first(&zone, now).to_string(), "2026-11-20T10:00:00Z");
        assert_eq!(TimeBound::parse("2026-11-22T08:00:00+02:00").expect("a time").last(&zone, now).to_string(), "2026-11-22T06:00:00Z");
        for wrong in ["yesterday", "", "2026-13-01", "7"] {
            assert!(TimeBound::parse(wrong).is_err(), "{wrong}");
        }
    }
}
