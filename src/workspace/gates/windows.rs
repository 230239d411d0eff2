//! Windows: the times of a week in which a Target may be changed, by the clock on the wall.
//!
//! Must never: read a clock.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::policy::{WindowPolicy, closed};

/// The windows that are about one sort of change.
pub struct Times<'a> {
    windows: &'a [WindowPolicy],
    destructive: bool,
    zone: &'a TimeZone,
}

/// Within so many days whatever repeats by the week has come up.
const AHEAD: i64 = 8;

impl<'a> Times<'a> {
    /// Of what takes something, or of what takes nothing.
    pub fn new(windows: &'a [WindowPolicy], destructive: bool, zone: &'a TimeZone) -> Self {
        Self { windows, destructive, zone }
    }

    /// Why nothing goes at an instant; nothing where it does.
    pub fn closed(&self, at: Timestamp) -> Option<&'static str> {
        let wall = at.to_zoned(self.zone.clone()).datetime();
        let minute = u32::from(wall.hour().unsigned_abs()) * 60 + u32::from(wall.minute().unsigned_abs());
        closed(self.windows, self.destructive, wall.weekday(), minute)
    }

    /// When it opens next; nothing where it never does.
    pub fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        self.moments(now).into_iter().find(|at| self.closed(*at).is_none())
    }

    /// When it closes next; nothing where it never does.
    pub fn closes(&self, now: Timestamp) -> Option<Timestamp> {
        self.moments(now).into_iter().find(|at| self.closed(*at).is_some())
    }

    /// The instants at which anything can change: where a window begins or ends, and where the clock is put forward or back.
    fn moments(&self, now: Timestamp) -> Vec<Timestamp> {
        let today = now.to_zoned(self.zone.clone()).date();
        let mut found = Vec::new();
        for ahead in -1..=AHEAD {
            let Ok(day) = today.checked_add(ahead.days()) else { continue };
            let about = |window: &&WindowPolicy| window.is_about(self.destructive) && window.days.contains(&day.weekday());
            for window in self.windows.iter().filter(about) {
                for minute in [window.from, window.to] {
                    let Ok(wall) = day.to_datetime(jiff::civil::Time::midnight()).checked_add(i64::from(minute).minutes()) else {
                        continue;
                    };
                    // Of an hour that comes twice both count.
                    let ambiguous = || self.zone.to_ambiguous_timestamp(wall);
                    found.extend([ambiguous().earlier(), ambiguous().later()].into_iter().flatten());
                }
            }
        }
        let last = super::after(now, jiff::SignedDuration::from_hours(24 * AHEAD));
        found.extend(self.zone.following(now).map(|change| change.timestamp()).take_while(|at| *at <= last));
        found.retain(|at| *at > now);
        found.sort_unstable();
        found
    }
}
