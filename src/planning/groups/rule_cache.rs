//! Rules of groups that read the same values, answered together and remembered by those values: a thousand groups by department cost one look
//! for each person, and are worked out once for each department.
//!
//! Must never: remember by less than what the rules read, grow without a bound, or matter to what is planned.

use std::collections::HashMap;
use std::sync::Arc;

use crate::expr::Input;
use crate::model::{Cell, Value};
use crate::planning::people::person::Person;
use crate::planning::schema::layout::Layout;
use crate::planning::schema::values::Reads as _;
use crate::world::Truth;

/// Values that are remembered in all.
const REMEMBERED: usize = 1 << 16;
/// Longest value, in bytes: a list of many is nobody else's.
const LONGEST: usize = 256;
/// After so many that were new, a family whose values hardly repeat is no longer remembered.
const TRIED: u32 = 2048;

/// Every group with a rule, with those that read the same.
pub(in crate::planning) struct Families {
    families: Vec<Family>,
    key: Vec<u8>,
    answers: Vec<GroupMatch>,
    left: usize,
}

/// Groups whose rules read the same positions.
struct Family {
    positions: Vec<usize>,
    groups: Vec<usize>,
    known: HashMap<Box<[u8]>, Arc<[GroupMatch]>>,
    new: u32,
    again: u32,
}

/// A group that covers somebody, or may.
#[derive(Clone)]
pub(in crate::planning) struct GroupMatch {
    pub(in crate::planning) group: usize,
    /// never no
    pub(in crate::planning) truth: Truth,
}

impl Families {
    /// Of the groups that have a rule.
    pub(in crate::planning) fn new(layout: &Layout<'_>) -> Self {
        let mut families: Vec<Family> = Vec::new();
        for (group, rule) in layout.groups.iter().enumerate() {
            let Some(rule) = rule else { continue };
            let mut positions = rule.positions().to_vec();
            positions.sort_unstable();
            match families.iter_mut().find(|family| family.positions == positions) {
                Some(family) => family.groups.push(group),
                None => families.push(Family { positions, groups: vec![group], known: HashMap::new(), new: 0, again: 0 }),
            }
        }
        Self { families, key: Vec::new(), answers: Vec::new(), left: REMEMBERED }
    }

    /// The groups whose rules cover somebody or may, in the order of the policy.
    pub(in crate::planning) fn of(&mut self, layout: &Layout<'_>, person: &Person<'_>) -> &[GroupMatch] {
        let answers = &mut self.answers;
        answers.clear();
        let several = self.families.len() > 1;
        for family in &mut self.families {
            if family.new >= TRIED && family.again < family.new {
                answers.extend(family.work_out(layout, person));
                continue;
            }
            if !family.write_key(person, &mut self.key) {
                answers.extend(family.work_out(layout, person));
                continue;
            }
            if let Some(known) = family.known.get(self.key.as_slice()) {
                family.again = family.again.saturating_add(1);
                answers.extend_from_slice(known);
                continue;
            }
            family.new = family.new.saturating_add(1);
            let found: Arc<[GroupMatch]> = family.work_out(layout, person).collect();
            answers.extend_from_slice(&found);
            if let Some(left) = self.left.checked_sub(1) {
                self.left = left;
                family.known.insert(self.key.as_slice().into(), found);
            }
        }
        if several {
            answers.sort_by_key(|answer| answer.group);
        }
        answers
    }
}

impl Family {
    fn work_out<'f>(&'f self, layout: &'f Layout<'_>, person: &'f Person<'_>) -> impl Iterator<Item = GroupMatch> + 'f {
        let answer = move |group: &usize| {
            let truth = person.holds(layout.groups.get(*group)?.as_ref()?);
            (truth != Truth::No).then_some(GroupMatch { group: *group, truth })
        };
        self.groups.iter().filter_map(answer)
    }

    /// What the rules read, so that two people with the same bytes have the same answers; false where that is too much to remember.
    fn write_key(&self, person: &Person<'_>, key: &mut Vec<u8>) -> bool {
        key.clear();
        for position in &self.positions {
            match person.input(*position) {
                None => key.push(b'?'),
                Some(Input::Cell(Cell::Missing)) => key.push(b'm'),
                Some(Input::Cell(Cell::Null)) => key.push(b'n'),
                Some(Input::Cell(Cell::Unreadable(words))) => write_text(b'u', words, key),
                Some(Input::Cell(Cell::Bool(value)) | Input::Value(&Value::Bool(value))) => key.extend([b'b', u8::from(value)]),
                Some(Input::Cell(Cell::Int(number)) | Input::Value(&Value::Int(number))) => {
                    key.push(b'i');
                    key.extend(number.to_le_bytes());
                }
                Some(Input::Cell(Cell::Text(text))) => write_text(b't', text, key),
                Some(Input::Value(Value::Text(text))) => write_text(b't', text, key),
                Some(Input::Value(Value::Reference(text))) => write_text(b'r', text, key),
                Some(Input::Cell(Cell::Json(json))) => write_text(b'j', &json.text(), key),
                Some(Input::Value(Value::List(_) | Value::Map(_)) | Input::Json(_)) => return false,
            }
            if key.len() > LONGEST {
                return false;
            }
        }
        true
    }
}

fn write_text(kind: u8, text: &str, key: &mut Vec<u8>) {
    key.push(kind);
    key.extend((text.len() as u32).to_le_bytes());
    key.extend(text.as_bytes().get(..LONGEST + 1).unwrap_or(text.as_bytes()));
}
