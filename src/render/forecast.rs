//! How long a plan will take, in a line for each target that has a limit or is asked a lot.
//!
//! Must never: say a time where nobody knows a limit.

use super::safe;
use super::summary::number;
use crate::model::Forecast;

/// A target without a limit is told from here on.
const MANY: u64 = 100;

/// The lines: `okta: about 1,240 requests, 6 min 12 s at 200 a minute`.
pub(super) fn lines(forecast: &[Forecast]) -> impl Iterator<Item = String> {
    let told = forecast.iter().filter(|one| one.requests > 0 && (one.seconds.is_some() || one.requests >= MANY));
    told.map(|one| {
        let requests = if one.requests == 1 { "1 request".to_owned() } else { format!("about {} requests", number(one.requests)) };
        let pace = match (one.seconds, one.per_minute) {
            (Some(seconds), Some(per_minute)) => format!("{} at {} a minute", duration(seconds), number(per_minute)),
            _ => "as fast as it answers".to_owned(),
        };
        format!("{}: {requests}, {pace}", safe::line(&one.target))
    })
}

fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => "at once".into(),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_where_a_limit_is_known() {
        let one = |target: &str, requests, limit: Option<(u64, u64)>| Forecast {
            target: target.into(),
            requests,
            seconds: limit.map(|(seconds, _)| seconds),
            per_minute: limit.map(|(_, rate)| rate),
        };
        let all = [
            one("okta", 1240, Some((372, 200))),
            one("chat", 99, None),
            one("crm", 2000, None),
            one("a", 1, Some((0, 60))),
            one("b", 0, Some((0, 60))),
        ];
        let told: Vec<String> = lines(&all).collect();
        let expected = [
            "okta: about 1,240 requests, 6 min 12 s at 200 a minute",
            "crm: about 2,000 requests, as fast as it answers",
            "a: 1 request, at once at 60 a minute",
        ];
        assert_eq!(told, expected);
        assert_eq!([7200, 3660, 59, 120].map(duration), ["2 h", "1 h 1 min", "59 s", "2 min"].map(String::from));
    }
}
