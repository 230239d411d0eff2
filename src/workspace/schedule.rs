//! When which system is read. Pure: what time it is comes in.
//!
//! A system has a phase of its own within its interval, so that many do not come due at once, and a failing one is asked less often than a healthy one, whatever
//! process runs. Must never: ask a system that is to be left alone, or more of them at once than a machine and a network serve well.

use std::hash::Hasher as _;

use jiff::{SignedDuration, Timestamp};
use siphasher::sip::SipHasher13;

use crate::model::{SystemMemory, SystemRole, SystemState};
use crate::policy::SchedulePolicy;

/// Systems that are read at once.
pub(super) const AT_ONCE: usize = 20;
/// The first pause after a miss; it doubles.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// The longest.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(60);

/// What a system does about being read.
#[derive(Clone, Debug)]
pub(super) struct Waiting<'a> {
    pub role: SystemRole,
    pub name: &'a str,
    pub memory: &'a SystemMemory,
    pub timing: SchedulePolicy,
    /// it tells what changed, from here on
    pub tells_changes: bool,
    /// it is pushed to, so that what it holds is at hand: to look at it costs nobody anything
    pub at_hand: bool,
    /// when it was read as a whole by this process, whatever that proves
    pub whole: Option<Timestamp>,
    /// nothing is known of it yet, or somebody asked
    pub wanted: bool,
    /// it said that something changed there
    pub stirred: bool,
    /// it is being read
    pub reading: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// all of it
    Full,
    /// what changed
    Changes,
}

/// Whether so long went by since, or more. What lies ahead was noted by a clock that has been put back since: it holds nothing up.
pub(super) fn passed(since: Timestamp, now: Timestamp, time: SignedDuration) -> bool {
    since > now || now.duration_since(since) >= time
}

/// Until when a system is left alone.
pub(super) fn rests(memory: &SystemMemory, now: Timestamp) -> Option<Timestamp> {
    // No pause is that long: a clock that was ahead set it.
    memory.until.filter(|until| *until > now && until.duration_since(now) <= LONGEST_PAUSE)
}

/// When a system is read next.
pub(super) fn next(now: Timestamp, system: &Waiting<'_>) -> Timestamp {
    let memory = system.memory;
    let over = memory.until.filter(|until| *until <= now);
    let soonest = rests(memory, now).or(over).unwrap_or(Timestamp::MIN);
    if system.wanted || system.stirred {
        // Whoever is pushed does not wait until those who are held were looked at again.
        return if system.at_hand { Timestamp::MIN } else { soonest };
    }
    let full = whole(system, now).or(read(memory, now)).map_or(Timestamp::MIN, |last| in_phase(system, last, system.timing.full));
    let changes = read(memory, now).filter(|_| system.tells_changes).map(|last| in_phase(system, last, system.timing.delta));
    // After a miss, the pause alone says when.
    let planned = if memory.misses > 0 { soonest } else { changes.map_or(full, |changes| changes.min(full)) };
    planned.max(soonest)
}

/// The systems that are to be read now, as many as there is room for; those that waited longest first.
pub(super) fn due(now: Timestamp, systems: &[Waiting<'_>]) -> Vec<(usize, Due)> {
    let room = AT_ONCE.saturating_sub(systems.iter().filter(|system| system.reading).count());
    let mut due: Vec<_> = systems.iter().enumerate().filter(|(_, system)| !system.reading && next(now, system) <= now).collect();
    due.sort_by_key(|(_, system)| (!system.wanted && !system.stirred, next(now, system)));
    due.into_iter().take(room).map(|(at, system)| (at, what(now, system))).collect()
}

fn what(now: Timestamp, system: &Waiting<'_>) -> Due {
    let full = whole(system, now).is_none_or(|last| in_phase(system, last, system.timing.full) <= now);
    if system.tells_changes && !full && !system.wanted { Due::Changes } else { Due::Full }
}

/// When it was read as a whole: a moment that lies ahead is none.
fn whole(system: &Waiting<'_>, now: Timestamp) -> Option<Timestamp> {
    [system.whole, system.memory.complete].into_iter().flatten().filter(|last| *last <= now).max()
}

fn read(memory: &SystemMemory, now: Timestamp) -> Option<Timestamp> {
    memory.read.filter(|last| *last <= now)
}

/// How long a system is left alone after so many misses in a row.
pub(super) fn pause(misses: u32) -> SignedDuration {
    let doubled = FIRST_PAUSE.checked_mul(1 << misses.saturating_sub(1).min(16)).unwrap_or(LONGEST_PAUSE);
    doubled.min(LONGEST_PAUSE)
}

/// What is kept of a system after a read of it. A read that somebody asked for before its time counts for no further miss: the pause is as long as it was.
pub(super) fn after(memory: &SystemMemory, now: Timestamp, complete: bool, trouble: Option<String>, asked: bool) -> SystemMemory {
    let misses = match &trouble {
        Some(_) if asked && memory.misses > 0 => memory.misses,
        Some(_) => memory.misses + 1,
        None => 0,
    };
    let until = trouble.as_ref().map(|_| now.saturating_add(pause(misses)).unwrap_or(now));
    let state = match (&trouble, memory.state) {
        (Some(_), _) => SystemState::Unreadable,
        // What is to be done there the next plan says, and not the read.
        (None, SystemState::Unreadable) => SystemState::Unknown,
        (None, state) => state,
    };
    let since = if state == memory.state { memory.since } else { now };
    let complete = if complete { Some(now) } else { memory.complete };
    SystemMemory { state, since, read: Some(now), complete, until, misses, why: trouble, ..memory.clone() }
}

/// The first moment of the system's phase after the last read: at least half an interval later, so that nothing is read twice at once.
fn in_phase(system: &Waiting<'_>, last: Timestamp, interval: SignedDuration) -> Timestamp {
    let interval = interval.as_secs().max(1);
    let phase = i64::try_from(number(system) % interval.unsigned_abs()).unwrap_or_default();
    let earliest = last.as_second().saturating_add(interval / 2);
    let behind = (earliest - phase).rem_euclid(interval);
    let next = if behind == 0 { earliest } else { earliest.saturating_add(interval - behind) };
    Timestamp::from_second(next).unwrap_or(Timestamp::MAX)
}

fn number(system: &Waiting<'_>) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(system.name.as_bytes());
    hasher.write_u8(system.role as u8);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn memory() -> SystemMemory {
        SystemMemory {
            state: SystemState::Unknown,
            since: at(0),
            read: None,
            complete: None,
            declared: None,
            until: None,
            misses: 0,
            why: None,
        }
    }

    fn waiting<'a>(name: &'a str, memory: &'a SystemMemory) -> Waiting<'a> {
        Waiting {
            role: SystemRole::Target,
            name,
            memory,
            timing: SchedulePolicy::default(),
            tells_changes: false,
            at_hand: false,
            whole: None,
            wanted: false,
            stirred: false,
            reading: false,
        }
    }

    #[test]
    fn a_system_that_is_away_for_six_hours_is_asked_at_most_fifteen_times_whatever_restarts_meanwhile() {
        let (mut memory, mut asked) = (memory(), 0);
        for second in 0..6 * 3600 {
            // A restart every ten minutes knows nothing but what was kept.
            let wanted = second % 600 == 0 || memory.read.is_none();
            if !due(at(second), &[Waiting { wanted, ..waiting("chat", &memory) }]).is_empty() {
                asked += 1;
                memory = after(&memory, at(second), false, Some("away".into()), false);
            }
        }
        assert_eq!(asked, 11, "1, 2, 4, 8, 16 and 32 minutes, then hourly");
        assert_eq!((memory.state, memory.since), (SystemState::Unreadable, at(0)));
        let back = after(&memory, at(30_000), true, None, false);
        assert_eq!((back.misses, back.until, back.state), (0, None, SystemState::Unknown));
    }

    #[test]
    fn whoever_asks_for_a_system_that_is_away_makes_its_pause_no_longer() {
        let away = |memory: &SystemMemory, second, asked| after(memory, at(second), false, Some("away".into()), asked);
        let first = away(&memory(), 0, false);
        let third = away(&away(&first, 60, false), 180, false);
        assert_eq!((third.misses, third.until), (3, Some(at(180 + 240))));
        let asked = (0..5).fold(third, |memory, time| away(&memory, 200 + time, true));
        assert_eq!((asked.misses, asked.until), (3, Some(at(204 + 240))));
        assert_eq!(away(&memory(), 0, true).misses, 1, "the first miss is one, whoever asked");
    }

    #[test]
    fn of_five_hundred_systems_never_more_than_twenty_are_read_at_once_after_a_restart_and_few_come_due_together_later() {
        let memories: Vec<_> = (0..500).map(|_| memory()).collect();
        let names: Vec<_> = (0..500).map(|number| format!("target-{number}")).collect();
        let mut systems: Vec<_> =
            names.iter().zip(&memories).map(|(name, memory)| Waiting { wanted: true, ..waiting(name, memory) }).collect();
        let first = due(at(0), &systems);
        assert_eq!(first.len(), AT_ONCE);
        first.iter().for_each(|(at, _)| systems[*at].reading = true);
        assert_eq!(due(at(0), &systems), []);

        let read: Vec<_> = memories.iter().map(|memory| after(memory, at(0), true, None, false)).collect();
        let systems: Vec<_> = names.iter().zip(&read).map(|(name, memory)| waiting(name, memory)).collect();
        let mut minutes = std::collections::BTreeMap::<i64, usize>::new();
        for system in &systems {
            let next = next(at(0), system);
            assert!(next >= at(1800) && next <= at(5400), "between half an interval and one and a half");
            *minutes.entry(next.as_second() / 60).or_default() += 1;
        }
        assert!(minutes.values().all(|together| *together <= 25), "{minutes:?}");
    }

    #[test]
    fn what_a_clock_noted_that_was_ahead_keeps_no_system_from_being_read() {
        let ahead = after(&memory(), at(2 * 86_400), true, None, false);
        let system = waiting("chat", &ahead);
        assert_eq!(due(at(0), std::slice::from_ref(&system)), [(0, Due::Full)]);
        assert_eq!(due(at(0), &[Waiting { tells_changes: true, ..system }]), [(0, Due::Full)]);
        let missed = after(&ahead, at(2 * 86_400), false, Some("away".into()), false);
        assert_eq!((due(at(0), &[waiting("chat", &missed)]), rests(&missed, at(0))), (vec![(0, Due::Full)], None));
        // Its own pause holds.
        let missed = after(&ahead, at(0), false, Some("away".into()), false);
        assert_eq!((due(at(0), &[waiting("chat", &missed)]), rests(&missed, at(0))), (vec![], Some(at(60))));
    }

    #[test]
    fn between_whole_reads_a_system_that_tells_is_asked_for_changes() {
        let memory = after(&memory(), at(0), true, None, false);
        let system = Waiting { tells_changes: true, ..waiting("chat", &memory) };
        let soon = next(at(0), &system);
        assert!(soon <= at(450), "{soon}");
        assert_eq!(due(soon, std::slice::from_ref(&system)), [(0, Due::Changes)]);
        assert_eq!(due(at(5400), std::slice::from_ref(&system)), [(0, Due::Full)]);
        assert_eq!(due(soon, &[Waiting { wanted: true, ..system.clone() }]), [(0, Due::Full)], "whoever asks gets all of it");
        assert_eq!(due(at(1), &[Waiting { stirred: true, ..system.clone() }]), [(0, Due::Changes)], "it said that something changed");
        assert_eq!(due(at(5400), &[Waiting { stirred: true, ..system }]), [(0, Due::Full)]);
        // What never proves that somebody is gone is read as a whole no more often.
        let pushed = SystemMemory { complete: None, ..memory.clone() };
        let system = Waiting { tells_changes: true, whole: Some(at(0)), ..waiting("inbox", &pushed) };
        assert_eq!(due(at(1), &[Waiting { stirred: true, ..system.clone() }]), [(0, Due::Changes)]);
        assert_eq!(due(at(5400), &[system]), [(0, Due::Full)]);
    }

    #[test]
    fn an_inbox_of_which_something_is_held_is_read_when_somebody_is_pushed_and_by_another_process_at_once() {
        let held = (0..8).fold(memory(), |memory, time| after(&memory, at(time), false, Some("many went at once".into()), false));
        let inbox = Waiting { at_hand: true, ..waiting("entra", &held) };
        assert_eq!(due(at(60), std::slice::from_ref(&inbox)), [], "by itself it waits as others do");
        assert_eq!(due(at(60), &[Waiting { stirred: true, ..inbox.clone() }]), [(0, Due::Full)]);
        assert_eq!(due(at(60), &[Waiting { wanted: true, ..inbox }]), [(0, Due::Full)]);
        assert_eq!(
            due(at(60), &[Waiting { stirred: true, wanted: true, ..waiting("hr", &held) }]),
            [],
            "a system that is away is left alone"
        );
    }
}
