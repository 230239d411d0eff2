//! What was tried and did not come about: when it may be tried again. Pure.
//!
//! A change that is refused rests alone; that a system can't be reached is the system's matter (`schedule`). Must never: rest a change that is another one than
//! the one that was refused.

use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use siphasher::sip::SipHasher13;

use crate::apply::Report;
use crate::model::{Change, Outcome, Plan, SystemError};

/// After so many refusals a change rests for long.
const REFUSALS: u32 = 3;
/// So long.
const LONG: SignedDuration = SignedDuration::from_hours(24);
/// The first pause.
const SHORT: SignedDuration = SignedDuration::from_secs(30);
/// What cuts somebody off is tried again after no more than this.
const CUTTING: SignedDuration = SignedDuration::from_secs(30);
/// From so many refused writes on a run says that it is the system that refuses.
const MANY: usize = 20;

/// What rests, by what it would do.
#[derive(Clone, Debug, Default)]
pub struct RestingChanges(BTreeMap<u64, Rest>);

#[derive(Clone, Copy, Debug)]
struct Rest {
    tries: u32,
    until: Timestamp,
}

/// What a run says of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    /// it could not be reached, or asked for patience
    pub away: Option<String>,
    /// it refuses who we are
    pub signed_out: Option<String>,
    /// it refused most of many changes
    pub refuses: Option<String>,
}

impl RestingChanges {
    /// Whether a change waits, and until when.
    pub(super) fn until(&self, change: &Change, now: Timestamp) -> Option<Timestamp> {
        self.0.get(&print(change)).map(|rest| rest.until).filter(|until| counts(*until, now))
    }

    /// When the first of them may be tried again.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.values().map(|rest| rest.until).filter(|until| counts(*until, now)).min()
    }

    /// Notes how a run went. Gives what it says of each target.
    pub(super) fn note(&mut self, plan: &Plan, report: &Report, now: Timestamp) -> BTreeMap<Arc<str>, Trouble> {
        let mut targets: BTreeMap<Arc<str>, Trouble> = BTreeMap::new();
        let mut counts: BTreeMap<Arc<str>, (usize, usize)> = BTreeMap::new();
        for (id, outcome) in &report.outcomes {
            let Some(change) = plan.changes.get(id.0 as usize) else { continue };
            let print = print(change);
            let (tried, refused) = counts.entry(change.target.clone()).or_default();
            match outcome {
                Outcome::Done { .. } | Outcome::AlreadySo { .. } => {
                    *tried += 1;
                    self.0.remove(&print);
                }
                Outcome::Skipped(_) => {}
                Outcome::Failed(
                    SystemError::Unavailable(why) | SystemError::Unreachable(why) | SystemError::Throttled { message: why, .. },
                ) => {
                    targets.entry(change.target.clone()).or_default().away.get_or_insert_with(|| why.clone());
                }
                Outcome::Failed(SystemError::Auth(why)) => {
                    targets.entry(change.target.clone()).or_default().signed_out.get_or_insert_with(|| why.clone());
                }
                Outcome::Failed(error) => {
                    (*tried, *refused) = (*tried + 1, *refused + 1);
                    let words = error.to_string();
                    self.rest(print, change, now);
                    if *refused >= MANY && *refused * 10 > *tried * 4 {
                        targets.entry(change.target.clone()).or_default().refuses = Some(words);
                    }
                }
                Outcome::Partly { .. } | Outcome::Uncertain(_) => self.rest(print, change, now),
            }
        }
        targets
    }

    /// Whatever rests is tried again: somebody asked for it, or the manifests are others.
    pub(super) fn wake(&mut self) {
        self.0.clear();
    }

    fn rest(&mut self, print: u64, change: &Change, now: Timestamp) {
        let tries = self.0.get(&print).map_or(0, |rest| rest.tries) + 1;
        let longest = if change.mandate.is_revocation() { CUTTING } else { LONG };
        let pause = if tries >= REFUSALS { LONG } else { SHORT.checked_mul(1 << (2 * (tries - 1)).min(16)).unwrap_or(LONG) };
        self.0.insert(print, Rest { tries, until: now.saturating_add(pause.min(longest)).unwrap_or(now) });
    }
}

/// No rest is longer: a clock that was ahead and was put back holds nothing up.
fn counts(until: Timestamp, now: Timestamp) -> bool {
    until > now && until.duration_since(now) <= LONG
}

/// What a change would do, and to what.
fn print(change: &Change) -> u64 {
    let mut hasher = SipHasher13::new();
    let of = (&change.target, change.action, &change.object, &change.entitlement, &change.attributes, &change.members);
    // Plain values always have a JSON form; an empty one would only rest too much.
    hasher.write(&serde_json::to_vec(&of).unwrap_or_default());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, ChangeId, ObjectKind, ObjectRef, Reason};

    fn change(name: &str) -> Change {
        let object = ObjectRef { kind: ObjectKind::Account, key: Arc::from(format!("hr/{name}")), id: None, name: name.into() };
        Change::new(&Arc::from("chat"), Action::Create, object, Reason::Joiner)
    }

    fn ran(changes: Vec<Change>, outcome: &Outcome) -> (Plan, Report) {
        let outcomes = (0..changes.len()).map(|at| (ChangeId(at as u32), outcome.clone())).collect();
        let plan = Plan { changes, ..Plan::of_nothing("acme".into(), jiff::civil::date(2026, 11, 29)) };
        (plan, Report { outcomes, ..Report::default() })
    }

    #[test]
    fn what_is_refused_three_times_rests_for_a_day_and_another_change_of_the_same_does_not() {
        let (mut resting, mut now) = (RestingChanges::default(), Timestamp::UNIX_EPOCH);
        let refused = Outcome::Failed(SystemError::Rejected("no".into()));
        for pause in [30, 120, 24 * 3600] {
            let (plan, report) = ran(vec![change("ada")], &refused);
            assert_eq!(resting.note(&plan, &report, now), BTreeMap::new());
            assert_eq!(resting.until(&change("ada"), now), Some(now + SignedDuration::from_secs(pause)));
            assert_eq!(resting.until(&change("bob"), now), None);
            now += SignedDuration::from_secs(pause);
        }
        let (plan, report) = ran(vec![change("ada")], &Outcome::Done { id: None });
        resting.note(&plan, &report, now);
        assert_eq!(resting.next(now), None);
    }

    #[test]
    fn what_rests_is_forgotten_with_the_manifests_it_was_of_and_by_another_source_s_name_it_is_another_change() {
        let (mut resting, now) = (RestingChanges::default(), Timestamp::UNIX_EPOCH);
        let refused = Outcome::Failed(SystemError::Rejected("no".into()));
        for _ in 0..REFUSALS {
            let (plan, report) = ran(vec![change("ada")], &refused);
            resting.note(&plan, &report, now);
        }
        let mut renamed = change("ada");
        renamed.object.key = "workday/ada".into();
        assert!(resting.until(&change("ada"), now).is_some_and(|until| until == now + LONG));
        assert_eq!(resting.until(&renamed, now), None);
        resting.wake();
        assert_eq!((resting.until(&change("ada"), now), resting.next(now)), (None, None));
    }

    #[test]
    fn a_system_that_is_away_rests_as_a_system_and_one_that_refuses_many_is_told() {
        let mut resting = RestingChanges::default();
        let (plan, report) = ran(vec![change("ada")], &Outcome::Failed(SystemError::Unavailable("refused".into())));
        let told = resting.note(&plan, &report, Timestamp::UNIX_EPOCH);
        assert_eq!(told.values().cloned().collect::<Vec<_>>(), [Trouble { away: Some("refused".into()), ..Trouble::default() }]);
        assert_eq!(resting.until(&change("ada"), Timestamp::UNIX_EPOCH), None);

        let many = (0..30).map(|number| change(&number.to_string())).collect();
        let (plan, report) = ran(many, &Outcome::Failed(SystemError::Rejected("no".into())));
        let told = resting.note(&plan, &report, Timestamp::UNIX_EPOCH);
        assert!(told.values().all(|trouble| trouble.refuses.is_some()) && told.len() == 1, "{told:?}");
    }
}
