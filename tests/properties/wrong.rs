//! Exports that are whole and say what is not so: keys in another form, keys beside other people's records, last days before the first ones.
//! Nothing is given or taken that the truth would not, and nothing is left of it once they are right again.

use std::collections::BTreeSet;

use headcount::model::{Change, FindingCode, Reason};
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
    /// those of the records at these positions (modulo 8)
    SomeDates(u8),
    /// the records at these positions stand there twice, once with another name and department
    Twice(u8),
    /// the records at these positions have lost their keys
    NoKey(u8),
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
        let mut twins = Vec::new();
        for (at, record) in records.iter_mut().enumerate() {
            let of = |mask: u8| mask >> (at % 8) & 1 == 1;
            if let Self::Twice(mask) = self
                && of(mask)
            {
                twins.push(record.clone());
            }
            for (name, value) in record {
                match (self, *name, value.as_mut()) {
                    (Self::Points, "id" | "boss", Some(key)) => key.push_str(".0"),
                    (Self::Capitals, "id" | "boss", Some(key)) => *key = key.to_uppercase(),
                    (Self::Dates, "end", _) => *value = Some("2019-06-30".into()),
                    (Self::SomeDates(mask), "end", _) if of(mask) => *value = Some("2019-06-30".into()),
                    (Self::Twice(mask), "first", _) if of(mask) => *value = Some("Ida".into()),
                    (Self::Twice(mask), "dept", _) if of(mask) => *value = Some("Ops".into()),
                    (Self::NoKey(mask), "id", _) if of(mask) => *value = None,
                    _ => {}
                }
            }
        }
        records.extend(twins);
        records
    }
}

fn wrongs() -> impl Strategy<Value = Wrong> {
    let whole = prop_oneof![Just(Wrong::Points), Just(Wrong::Capitals), Just(Wrong::Shifted), Just(Wrong::Dates)];
    let some = prop_oneof![any::<u8>().prop_map(Wrong::SomeDates), any::<u8>().prop_map(Wrong::Twice), any::<u8>().prop_map(Wrong::NoKey)];
    prop_oneof![4 => whole, 3 => some]
}

/// Four people of whom no two have a word of their names in common.
const APART: [u8; 4] = [0, 2, 5, 6];

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_wrong_export_gives_and_takes_nothing_and_leaves_nothing_behind(
        mut story in stories(),
        wrong in wrongs(),
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
        let policy = lab.policy();
        let known = lab.plan(&policy, &Lens::CLEAR, Scope::All).findings;
        let contested = known.iter().any(|finding| finding.code == FindingCode::NameTaken);
        if contested && matches!(wrong, Wrong::Twice(_) | Wrong::NoKey(_)) {
            // Of three who want one name, one who is not seen can't be known to be the third, nor can one who has two records.
            return Ok(());
        }
        lab.wrong = Some(wrong);
        let plan = lab.plan(&policy, &Lens::CLEAR, Scope::All);
        // A leaver whom a source reports goes, though somebody who lost their key may look the same.
        let alike: BTreeSet<_> = known.iter().filter(|found| found.code == FindingCode::DuplicateKey).flat_map(|found| &found.about).collect();
        let goes = |change: &Change| change.reason == Reason::Leaver && change.action.removes() && alike.contains(&change.object.key);
        if matches!(wrong, Wrong::NoKey(_)) && plan.changes.iter().any(goes) {
            return Ok(());
        }
        let runs: Vec<_> = plan.changes.iter().filter(|change| change.runs()).collect();
        prop_assert!(runs.is_empty(), "{wrong:?} {runs:#?}\n{:#?}\n{:#?}\n{}", plan.findings, lab.system, lab.story.manifests());
        lab.apply(&policy, &plan, &Run::CALM, &mut |_, _, _| {});
        lab.wrong = None;
        let mended = lab.plan(&lab.policy(), &Lens::CLEAR, Scope::All);
        let left: Vec<_> = mended.changes.iter().filter(|change| change.runs()).collect();
        prop_assert!(left.is_empty(), "{wrong:?} {left:#?}\n{:#?}\n{}", mended.findings, lab.story.manifests());
    }
}
