//! The quick look at everybody: who needs a closer one, and whom the rules of groups cover.
//!
//! An account is as it should be when its fingerprint is that of what it should have. Only a difference is looked at on real values.
//! Must never: decide anything but that nothing changes; planning without it gives the same plan.

use std::sync::Arc;

use crate::expr::Input;
use crate::manifest::kinds::{Lifecycle, MappingMode};
use crate::model::{AttributeType, Cell, FindingCode, Severity, Value, ValueState};
use crate::planning::accounts::desired;
use crate::planning::accounts::desired::Desired;
use crate::planning::accounts::unique;
use crate::planning::entitlements::desired as grant;
use crate::planning::groups::rule_cache::{Answer, Families};
use crate::planning::people::identity::{Held, Outcome, Person, Reads as _, value_of};
use crate::planning::people::lifecycle::Standing;
use crate::planning::report::findings::Shared;
use crate::planning::report::notices as notice;
use crate::planning::report::upcoming as due;
use crate::planning::schema::layout::{AttributeLayout, RuleLayout};
use crate::planning::targets::correlate::Claim;
use crate::planning::targets::eligibility::{Serve, serve};
use crate::planning::work::{Basis, Presence, Work};
use crate::world::{Truth, canonical};

/// Columns of an account that are compared word for word without a list of their own.
const FEW: usize = 32;

/// What the quick look found.
#[derive(Default)]
pub(in crate::planning) struct Screened {
    /// identities that need a closer look
    pub(in crate::planning) closer: Vec<u32>,
    /// where everybody stands
    pub(in crate::planning) standing: Vec<Where>,
    /// for each group, whom its rule covers, by number
    pub(in crate::planning) covered: Vec<Vec<u32>>,
    /// for each group, those for whom its rule could not be worked out
    pub(in crate::planning) unclear: Vec<Vec<u32>>,
    /// for each entitlement, whom its rule covers
    pub(in crate::planning) entitled: Vec<Entitled>,
}

/// Whom the rule of an entitlement covers, by number.
#[derive(Clone, Default)]
pub(in crate::planning) struct Entitled {
    /// those who have it just as they should
    pub(in crate::planning) stands: Vec<u32>,
    /// those who need a closer look
    pub(in crate::planning) open: Vec<u32>,
    /// those for whom the rule could not be worked out
    pub(in crate::planning) unclear: Vec<u32>,
}

/// [`Standing`] in one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::planning) enum Where {
    /// as the sources say
    Is(Lifecycle),
    /// left out
    Deselected,
    /// not known
    Unknown,
}

/// Looks at everybody; `closely` leaves the deciding to the closer look.
pub(in crate::planning) fn screen(work: &mut Work<'_, '_>, closely: bool) -> Screened {
    let basis = work.basis;
    let groups = basis.policy.groups.len();
    let served = basis.policy.targets.iter().any(|target| target.groups.is_some());
    let mut screened = Screened { covered: vec![Vec::new(); groups], unclear: vec![Vec::new(); groups], ..Screened::default() };
    screened.entitled.resize_with(basis.policy.entitlements.len(), Entitled::default);
    let mut person = Person::default();
    let mut desired = Desired::default();
    let mut buffer = Vec::new();
    let mut families = Families::new(&basis.layout);
    for identity in 0..basis.people.len() {
        basis.people.assemble(&basis.layout, identity, &mut person);
        screened.standing.push(Where::of(&person.standing));
        due::of_person(work, &person);
        notice::lacking(work, &person);
        if served {
            cover(work, &person, &mut families, &mut screened);
        }
        entitle(work, &person, closely, &mut screened);
        let quiet = person.failures.is_empty() && !closely;
        let mut closer = !quiet || !matches!(person.standing, Standing::Is(_) | Standing::Deselected);
        for target in 0..basis.policy.targets.len() {
            match glance(work, target, &mut person, &mut desired, &mut buffer) {
                Some(presence) => work.presence[target][identity as usize] = presence,
                None => closer = true,
            }
        }
        if closer {
            screened.closer.push(identity);
        }
    }
    screened
}

/// Whom the rules of groups cover.
fn cover(work: &mut Work<'_, '_>, person: &Person, families: &mut Families, screened: &mut Screened) {
    let basis = work.basis;
    let Some(lifecycle) = person.standing.lifecycle() else { return };
    for Answer { group: at, truth } in families.of(&basis.layout, person) {
        let group = &basis.policy.groups[*at];
        if group.for_each.is_some() || !lifecycles(&group.lifecycles).contains(&lifecycle) {
            continue;
        }
        match truth {
            Truth::Yes => screened.covered[*at].push(person.number),
            Truth::No => {}
            Truth::Unknown(words) => {
                screened.unclear[*at].push(person.number);
                let sentence = format!("{{who}}: whether {} covers them could not be worked out, so memberships stay: {words}", group.key);
                let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, None, sentence);
                work.findings.share(shared.at(group.rule_place.as_ref()), &Arc::from(person.key.as_str()));
            }
        }
    }
}

/// Whom the rules of entitlements cover.
fn entitle(work: &mut Work<'_, '_>, person: &Person, closely: bool, screened: &mut Screened) {
    let basis = work.basis;
    let Some(lifecycle) = person.standing.lifecycle() else { return };
    for (at, (rules, layout)) in basis.policy.entitlements.iter().zip(&basis.layout.entitlements).enumerate() {
        let Some(when) = layout.when.as_ref().filter(|_| rules.lifecycles.contains(&lifecycle)) else { continue };
        let entitled = &mut screened.entitled[at];
        match person.holds(when) {
            Truth::Yes if !closely && grant::stands(basis, &work.claims, at, person) => entitled.stands.push(person.number),
            Truth::Yes => entitled.open.push(person.number),
            Truth::No => {}
            Truth::Unknown(words) => {
                entitled.unclear.push(person.number);
                let sentence = format!("{{who}}: whether {} is theirs could not be worked out, so nothing changes: {words}", rules.key);
                let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, None, sentence);
                work.findings.share(shared.at(rules.when_place.as_ref()), &Arc::from(person.key.as_str()));
            }
        }
    }
}

/// The lifecycles that a group's rule covers.
pub(in crate::planning) fn lifecycles(said: &[Lifecycle]) -> &[Lifecycle] {
    if said.is_empty() { &[Lifecycle::Active] } else { said }
}

/// What becomes of an account where nothing changes; nothing where that takes a closer look.
fn glance(work: &Work<'_, '_>, target: usize, person: &mut Person, desired: &mut Desired, buffer: &mut Vec<u8>) -> Option<Presence> {
    let basis = work.basis;
    let accounts = basis.observed[target].accounts();
    if basis.revoked.has(person.number) {
        return Some(work.presence[target][person.number as usize]);
    }
    if accounts.unreadable() {
        return Some(Presence::Unclear);
    }
    let claim = work.claims[target].of(person.number);
    match (serve(basis, target, person), claim) {
        (Serve::No(_), Claim::None) => Some(Presence::Absent),
        (Serve::Yes, Claim::Owned(row)) if accounts.active(row) && !basis.layout.targets[target].chained => {
            let slots: Vec<_> = person.unique.iter().map(|slot| (*slot, person.slots[*slot].clone())).collect();
            let as_it_is = keeps_names(work, target, person)
                && (word_for_word(work, target, row, person) || is_as_desired(work, target, row, person, desired, buffer));
            for (slot, state) in slots {
                person.slots[slot] = state;
            }
            as_it_is.then_some(Presence::Stays)
        }
        _ => None,
    }
}

/// Whether the account has a variant of each unique name; puts it into the slot.
fn keeps_names(work: &Work<'_, '_>, target: usize, person: &mut Person) -> bool {
    let basis = work.basis;
    for at in 0..person.unique.len() {
        let slot = person.unique[at];
        let Some(base) = unique::text(person, slot) else { return false };
        let Some(kept) = unique::kept(basis, &work.claims, target, person.number, slot, &base) else { return false };
        person.slots[slot] = Held::State(ValueState::Set(Value::Text(kept)));
    }
    true
}

/// Whether every attribute of the account has the very characters that it should have: what most accounts are, most of the time.
/// What is merely the same by an attribute's own rules is left to [`is_as_desired`].
fn word_for_word(work: &Work<'_, '_>, target: usize, row: u32, person: &Person) -> bool {
    let basis = work.basis;
    let layout = &basis.layout.targets[target];
    if layout.active.is_some() {
        return false;
    }
    let accounts = basis.observed[target].accounts();
    let mut observed = [Cell::Missing; FEW];
    if layout.by_column.len() > FEW {
        return false;
    }
    for (place, cell) in observed.iter_mut().zip(accounts.cells_of(row)) {
        *place = cell;
    }
    layout.attributes.iter().all(|attribute| {
        let observed = observed.get(attribute.column).copied().unwrap_or(Cell::Missing);
        let Some(rule) = &attribute.rule else {
            return observed.as_text().is_some_and(|text| basis.marks.is_of(text, &person.key));
        };
        if rule.unique || rule.most.is_some() || attribute.mode != MappingMode::Enforce {
            return false;
        }
        match rule.when.as_ref().map(|when| person.truth(when)) {
            None | Some(Some(Truth::Yes)) => {}
            Some(Some(Truth::No)) => return is_word_for_word(work, target, attribute, &ValueState::Unmanaged, observed),
            Some(None | Some(Truth::Unknown(_))) => return false,
        }
        match attribute.bare.map(|slot| &person.slots[slot]) {
            Some(Held::Cell(cell)) if attribute.kind != AttributeType::Reference => *cell == observed,
            Some(Held::State(state)) => is_word_for_word(work, target, attribute, state, observed),
            _ if attribute.kind != AttributeType::Reference && is_text(person, rule, observed) => true,
            _ => match value_of(rule, person) {
                Outcome::Is(state) => {
                    is_word_for_word(work, target, attribute, &basis.people.as_reference(attribute.kind, None, state), observed)
                }
                Outcome::Failed(_) => false,
            },
        }
    })
}

/// Whether a rule comes to the very text of an account: nothing is put together for it.
fn is_text(person: &Person, rule: &RuleLayout, observed: Cell<'_>) -> bool {
    observed.as_text().is_some_and(|text| rule.value.is_text(|position| person.input(position), text))
}

fn is_word_for_word(work: &Work<'_, '_>, target: usize, attribute: &AttributeLayout<'_>, state: &ValueState, observed: Cell<'_>) -> bool {
    match state {
        ValueState::Set(Value::Text(text)) => observed.as_text() == Some(text),
        ValueState::Set(Value::Int(number)) => observed == Cell::Int(*number),
        ValueState::Set(Value::Bool(value)) => observed == Cell::Bool(*value),
        ValueState::Set(Value::Reference(key)) => {
            let holder = work.basis.people.find(key).and_then(|identity| work.claims[target].row(identity));
            holder.is_some_and(|row| observed.as_text() == Some(work.basis.observed[target].accounts().id(row).as_ref()))
        }
        ValueState::Clear => !attribute.required && canonical::is_nothing(observed),
        ValueState::Unmanaged => !attribute.enforced || canonical::is_nothing(observed),
        ValueState::Set(Value::List(_) | Value::Map(_)) | ValueState::Unknown => false,
    }
}

fn is_as_desired(work: &Work<'_, '_>, target: usize, row: u32, person: &Person, desired: &mut Desired, buffer: &mut Vec<u8>) -> bool {
    let basis = work.basis;
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
            ValueState::Set(value) if attribute.enforced && (unique || !canonical::is_plain(attribute.kind, value)) => {
                let cell = accounts.cell(row, attribute.column);
                if !canonical::same(attribute.kind, value, cell) {
                    return false;
                }
            }
            ValueState::Set(Value::Reference(key)) => {
                let holder = basis.people.find(key).and_then(|identity| work.claims[target].row(identity));
                let Some(holder) = holder else { return false };
                *state = ValueState::Set(Value::text(accounts.id(holder)));
            }
            _ => {}
        }
    }
    if layout.has_loose && !loose_as_desired(basis, target, row, desired) {
        return false;
    }
    let wanted = accounts.stream().fingerprint(buffer, |column, kind, out| {
        let at = layout.by_column.get(column).copied().flatten();
        if let Some(ValueState::Set(value)) = at.and_then(|at| desired.states.get(at)) {
            canonical::write(kind, Input::Value(value), out);
        }
    });
    wanted == accounts.print(row)
}

/// Attributes that are not in the fingerprint: with a condition, or only for the beginning.
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

impl Where {
    fn of(standing: &Standing) -> Self {
        match standing {
            Standing::Is(lifecycle) => Self::Is(*lifecycle),
            Standing::Deselected => Self::Deselected,
            Standing::DuplicateKey | Standing::Unknown(_) | Standing::Doubtful(_) => Self::Unknown,
        }
    }
}
