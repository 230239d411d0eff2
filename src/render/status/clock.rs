//! When something was or will be, as a person reads it: short, and never in doubt about the day.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Now, and where.
#[derive(Clone, Copy)]
pub struct StatusClock<'a> {
    /// now
    pub now: Timestamp,
    /// in which times are told
    pub zone: &'a TimeZone,
}

impl StatusClock<'_> {
    /// `04:02`, on another day `Sat 04:02`, beyond a week the day alone.
    pub fn at(&self, at: Timestamp) -> String {
        let (then, now) = (at.to_zoned(self.zone.clone()), self.now.to_zoned(self.zone.clone()));
        let form = if then.date() == now.date() {
            "%H:%M"
        } else if self.now.duration_since(at).abs() < WEEK {
            "%a %H:%M"
        } else {
            "%Y-%m-%d"
        };
        then.strftime(form).to_string()
    }

    /// `04:02 (36 min ago)`
    pub fn since(&self, at: Timestamp) -> String {
        format!("{} ({} ago)", self.at(at), self.age(at))
    }

    /// `2026-11-28 03:12:40 (86 min ago)`: to the second.
    pub fn exactly(&self, at: Timestamp) -> String {
        format!("{} ({} ago)", at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S"), self.age(at))
    }

    /// How long ago.
    pub fn age(&self, at: Timestamp) -> String {
        age(self.now.duration_since(at))
    }

    /// The same, or `now` for what is over.
    pub fn due(&self, at: Timestamp) -> String {
        if at <= self.now { "now".to_owned() } else { self.at(at) }
    }
}

/// Nearer than six days no day of the week is meant twice.
const WEEK: SignedDuration = SignedDuration::from_hours(6 * 24);

/// `12 s`, `4 min`, `3 h`, `2 d`. A clock that is behind makes nothing older than it is.
pub fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
