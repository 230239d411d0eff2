//! The quick look at everybody: who needs a closer one, and whom the rules of groups cover.
//!
//! An account is as it should be when every attribute has the very characters that it should have, or else the same value by its own rules.
//! Must never: decide anything but that nothing changes; planning without it gives the same plan.

use crate::expr::Input;
use crate::manifest::kinds::MappingMode;
use crate::model::{AttributeType, Cell, Value, ValueState};
use crate::planning::accounts::desired;
use crate::planning::accounts::desired::Desired;
use crate::planning::accounts::presence::Presence;
use crate::planning::accounts::unique;
use crate::planning::basis::Basis;
use crate::planning::people::person::Person;
use crate::planning::schema::layout::{AttributeLayout, RuleLayout};
use crate::planning::schema::values::{Evaluated, Held, Reads as _, value_of};
use crate::planning::targets::claims::Claim;
use crate::planning::targets::claims::Matched;
use crate::planning::targets::eligibility::{Serve, serve};
use crate::world::{Truth, canonical};

/// What the look reads.
type Known<'s, 'a> = (&'s Basis<'a>, &'s Matched);

/// What becomes of an account where nothing changes; nothing where that takes a closer look. `account`: the cells of the one that is theirs.
pub(in crate::planning) fn glance(
    (basis, matched): Known<'_, '_>,
    target: usize,
    person: &mut Person,
    account: &[Cell<'_>],
    desired: &mut Desired,
) -> Option<Presence> {
    let accounts = basis.observed[target].accounts();
    if basis.revoked.has(person.number) {
        let gone = matched.claims[target].row(person.number).is_some();
        return Some(if gone { Presence::Leaves } else { Presence::Absent });
    }
    if accounts.unreadable() {
        return Some(Presence::Unclear);
    }
    let claim = matched.claims[target].of(person.number);
    match (serve(basis, target, person), claim) {
        (Serve::No(_), Claim::None) => Some(Presence::Absent),
        (Serve::Yes, Claim::Owned(row)) if accounts.active(row) && !accounts.is_elsewhere(row) && !basis.layout.targets[target].chained => {
            let slots: Vec<_> = person.unique.iter().map(|slot| (*slot, person.slots[*slot].clone())).collect();
            let as_it_is = keeps_names((basis, matched), target, person)
                && (word_for_word((basis, matched), target, account, person)
                    || is_as_desired((basis, matched), target, row, person, desired));
            for (slot, state) in slots {
                person.slots[slot] = state;
            }
            as_it_is.then_some(Presence::Stays)
        }
        _ => None,
    }
}

/// Whether the account has a variant of each unique name; puts it into the slot.
fn keeps_names((basis, matched): Known<'_, '_>, target: usize, person: &mut Person) -> bool {
    for at in 0..person.unique.len() {
        let slot = person.unique[at];
        let Some(base) = person.text(slot) else { return false };
        let Some(kept) = unique::kept(basis, &matched.claims, target, person.number, slot, &base) else { return false };
        person.slots[slot] = Held::State(ValueState::Set(Value::Text(kept)));
    }
    true
}

/// Whether every attribute of the account has the very characters that it should have: what most accounts are, most of the time.
/// What is merely the same by an attribute's own rules is left to [`is_as_desired`].
fn word_for_word((basis, matched): Known<'_, '_>, target: usize, account: &[Cell<'_>], person: &Person) -> bool {
    let layout = &basis.layout.targets[target];
    if layout.active.is_some() {
        return false;
    }
    layout.attributes.iter().all(|attribute| {
        let observed = account.get(attribute.column).copied().unwrap_or(Cell::Missing);
        let Some(rule) = &attribute.rule else {
            return observed.as_text().is_some_and(|text| basis.marks.is_of(text, &person.key));
        };
        if rule.unique || rule.most.is_some() || attribute.mode != MappingMode::Enforce {
            return false;
        }
        match rule.when.as_ref().map(|when| person.truth(when)) {
            None | Some(Some(Truth::Yes)) => {}
            Some(Some(Truth::No)) => return is_word_for_word((basis, matched), target, attribute, &ValueState::Unmanaged, observed),
            Some(None | Some(Truth::Unknown(_))) => return false,
        }
        match attribute.bare.map(|slot| &person.slots[slot]) {
            Some(Held::Cell(cell)) if attribute.kind != AttributeType::Reference => *cell == observed,
            Some(Held::State(state)) => is_word_for_word((basis, matched), target, attribute, state, observed),
            _ if attribute.kind != AttributeType::Reference && is_text(person, rule, observed) => true,
            _ => match value_of(rule, person) {
                Evaluated::Is(state) => {
                    is_word_for_word((basis, matched), target, attribute, &basis.people.as_reference(attribute.kind, None, state), observed)
                }
                Evaluated::Failed(_) => false,
            },
        }
    })
}

/// Whether a rule comes to the very text of an account: nothing is put together for it.
fn is_text(person: &Person, rule: &RuleLayout, observed: Cell<'_>) -> bool {
    observed.as_text().is_some_and(|text| rule.value.is_text(|position| person.input(position), text))
}

fn is_word_for_word(
    (basis, matched): Known<'_, '_>,
    target: usize,
    attribute: &AttributeLayout<'_>,
    state: &ValueState,
    observed: Cell<'_>,
) -> bool {
    match state {
        ValueState::Set(Value::Text(text)) => observed.as_text() == Some(text),
        ValueState::Set(Value::Int(number)) => observed == Cell::Int(*number),
        ValueState::Set(Value::Bool(value)) => observed == Cell::Bool(*value),
        ValueState::Set(Value::Reference(key)) => {
            let id = basis.referred_id(&matched.claims[target], target, key, observed);
            id.is_some_and(|id| observed.as_text() == Some(id.as_ref()))
        }
        ValueState::Clear => !attribute.required && canonical::is_nothing(observed),
        ValueState::Unmanaged => !attribute.enforced || canonical::is_nothing(observed),
        ValueState::Set(Value::List(_) | Value::Map(_)) | ValueState::Unknown => false,
    }
}

fn is_as_desired((basis, matched): Known<'_, '_>, target: usize, row: u32, person: &Person, desired: &mut Desired) -> bool {
    let layout = &basis.layout.targets[target];
    if layout.active.is_some() {
        return false;
    }
    desired::work_out(basis, target, person, desired);
    let accounts = basis.observed[target].accounts();
    for (attribute, state) in layout.attributes.iter().zip(&mut desired.states) {
        let unique = attribute.rule.as_ref().is_some_and(|rule| rule.unique);
        match state {
            ValueState::Unknown => return false,
            ValueState::Clear if attribute.required => return false,
            ValueState::Set(Value::Reference(key)) if !unique => {
                let id = basis.referred_id(&matched.claims[target], target, key, accounts.cell(row, attribute.column));
                let Some(id) = id else { return false };
                *state = ValueState::Set(Value::text(id));
            }
            _ => {}
        }
        if attribute.enforced && !has(attribute.kind, accounts.cell(row, attribute.column), state) {
            return false;
        }
    }
    !layout.has_loose || loose_as_desired(basis, target, row, desired)
}

/// Whether an attribute that is enforced has its value, or nothing where none is wanted.
fn has(kind: AttributeType, observed: Cell<'_>, state: &ValueState) -> bool {
    match state {
        ValueState::Set(value) => canonical::same(kind, value, observed),
        _ => canonical::bytes(kind, Input::Cell(observed)).is_empty(),
    }
}

/// Attributes to which not every account is held: with a condition, or only for the beginning.
fn loose_as_desired(basis: &Basis<'_>, target: usize, row: u32, desired: &Desired) -> bool {
    let accounts = basis.observed[target].accounts();
    let attributes = basis.layout.targets[target].attributes.iter().zip(&desired.states);
    attributes.filter(|(attribute, _)| !attribute.enforced).all(|(attribute, state)| {
        let cell = accounts.cell(row, attribute.column);
        match state {
            ValueState::Set(_) if attribute.mode == MappingMode::Initial => !canonical::is_nothing(cell),
            ValueState::Set(value) if attribute.mode == MappingMode::Merge => canonical::includes(attribute.kind, value, cell),
            ValueState::Set(value) => canonical::same(attribute.kind, value, cell),
            ValueState::Clear => matches!(attribute.mode, MappingMode::Initial | MappingMode::Merge) || canonical::is_nothing(cell),
            ValueState::Unmanaged | ValueState::Unknown => true,
        }
    })
}
