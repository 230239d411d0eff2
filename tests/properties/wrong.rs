//! Exports that are whole and say what is not so: keys in another form, keys beside other people's records, last days before the first ones.
//! Nothing is given or taken that the truth would not, and nothing is left of it once they are right again.

use headcount::planning::Scope;
use proptest::prelude::*;

use super::lab::{Lab, Run};
use super::laws::{cases, settle};
use super::story::{Lens, Record, Standing, stories};

/// What is wrong with an export.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    /// keys were made numbers with a point
    Points,
    /// keys were made capitals
    Capitals,
    /// each key stands beside the next record, and the last one is lost
    Shifted,
    /// everybody's last day lies before the first
    Dates,
}

impl Wrong {
    /// What becomes of a source's records.
    pub fn spoil(self, mut records: Vec<Record>) -> Vec<Record> {
        if let Self::Shifted = self {
            for at in 1..records.len() {
                records[at - 1] = [&records[at - 1][..1], &records[at][1..]].concat();
            }
            records.pop();
        }
        for (name, value) in records.iter_mut().flatten() {
            match (self, *name, value.as_mut()) {
                (Self::Points, "id" | "boss", Some(key)) => key.push_str(".0"),
                (Self::Capitals, "id" | "boss", Some(key)) => *key = key.to_uppercase(),
                (Self::Dates, "end", _) => *value = Some("2019-06-30".into()),
                _ => {}
            }
        }
        records
    }
}

/// Four people of whom no two have a word of their names in common.
const APART: [u8; 4] = [0, 2, 5, 6];

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_wrong_export_gives_and_takes_nothing_and_leaves_nothing_behind(
        mut story in stories(),
        wrong in prop_oneof![Just(Wrong::Points), Just(Wrong::Capitals), Just(Wrong::Shifted), Just(Wrong::Dates)],
    ) {
        if let Wrong::Shifted = wrong {
            // A half of a name may change by a marriage, and a name alone by anything; all have accounts that say who they are.
            story.people.truncate(APART.len());
            for (person, name) in story.people.iter_mut().zip(APART) {
                (person.name, person.standing, person.external) = (name, Standing::Active, false);
            }
            if story.people.len() < 2 {
                // The only record is lost: that is somebody who left.
                return Ok(());
            }
            story.users.clear();
            (story.setup.mapping, story.setup.select) = (0, 0);
        }
        let mut lab = Lab::new(story);
        settle(&mut lab)?;
        lab.wrong = Some(wrong);
        let policy = lab.policy();
        let plan = lab.plan(&policy, &Lens::CLEAR, Scope::All);
        let runs: Vec<_> = plan.changes.iter().filter(|change| change.runs()).collect();
        prop_assert!(runs.is_empty(), "{wrong:?} {runs:#?}\n{:#?}\n{:#?}\n{}", plan.findings, lab.system, lab.story.manifests());
        lab.apply(&policy, &plan, &Run::CALM, &mut |_, _, _| {});
        lab.wrong = None;
        let mended = lab.plan(&lab.policy(), &Lens::CLEAR, Scope::All);
        let left: Vec<_> = mended.changes.iter().filter(|change| change.runs()).collect();
        prop_assert!(left.is_empty(), "{wrong:?} {left:#?}\n{:#?}\n{}", mended.findings, lab.story.manifests());
    }
}
