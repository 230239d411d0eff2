//! What becomes of one identity's account at one target.
//!
//! Must never: write over a foreign mark, give back an access that somebody else took, or make an account that may exist already.

use std::sync::Arc;

use jiff::Timestamp;

use crate::manifest::kinds::MappingMode;
use crate::model::{Action, AttributeChange, AttributeType, Cause, FindingCode, ObjectKind, Reason, Risk, Severity, Value, ValueState};
use crate::planning::accounts::Step;
use crate::planning::accounts::access::{deactivate, take_access};
use crate::planning::accounts::contested;
use crate::planning::accounts::create::create_unless_awaited;
use crate::planning::accounts::deprovision;
use crate::planning::accounts::desired;
use crate::planning::accounts::desired::Desired;
use crate::planning::accounts::elsewhere;
use crate::planning::accounts::presence::Presence;
use crate::planning::accounts::reserved;
use crate::planning::accounts::taken::{keep_taken_name, take_names};
use crate::planning::accounts::unique;
use crate::planning::accounts::unique::{Base, Choice};
use crate::planning::accounts::vanished;
use crate::planning::draft::{Grounds, Stage, attribute, with};
use crate::planning::findings::Shared;
use crate::planning::people::days::Days;
use crate::planning::people::person::Person;
use crate::planning::question::LookupBy;
use crate::planning::schema::values::Held;
use crate::planning::targets::claims::Claim;
use crate::planning::targets::eligibility;
use crate::planning::targets::eligibility::{Serve, serve};
use crate::planning::targets::history::{our_deactivation, rested};
use crate::planning::targets::limits;
use crate::planning::targets::not_kept;
use crate::planning::targets::search;
use crate::world::{Carries, canonical};

/// Decides, and notes what becomes of the account.
pub(super) fn decide(step: &mut Step<'_, '_>, target: usize, person: &mut Person) {
    if step.basis.revoked.has(person.number) {
        // What becomes of their accounts was said already, and nothing else does.
        return;
    }
    if step.basis.observed[target].accounts().unreadable() {
        return set(step, target, person, Presence::Unclear);
    }
    let claim = step.matched.claims[target].of(person.number);
    match serve(step.basis, target, person) {
        Serve::Unknown(words) => {
            // What is wrong with the person itself is told once, not for each target.
            if person.standing.lifecycle().is_some() {
                let key = Arc::from(person.key.as_str());
                let sentence = format!("{{who}}: everything stays as it is: {words}");
                step.tell(Severity::Error, FindingCode::ExpressionFailed, target, &key, &sentence);
            }
            contested::note_doubtful(step, target, person.number);
            set(step, target, person, Presence::Unclear);
        }
        Serve::No(gone) => {
            let presence = deprovision::leave(step, target, person, gone);
            set(step, target, person, presence);
        }
        Serve::Yes => serve_account(step, target, person, claim, false),
        Serve::Early => serve_account(step, target, person, claim, true),
    }
}

fn set(step: &mut Step<'_, '_>, target: usize, person: &Person, presence: Presence) {
    step.presence[target][person.number as usize] = presence;
}

/// `early`: ahead of the start date, so without access.
fn serve_account(step: &mut Step<'_, '_>, target: usize, person: &mut Person, claim: Claim, early: bool) {
    let slots = person.unique.iter().map(|slot| (*slot, person.slots[*slot].clone())).collect::<Vec<_>>();
    let open = unique::settle(step.basis, &step.matched.claims, &step.names, target, person);
    if claim == Claim::None {
        for (slot, held) in &slots {
            if let Some(wanted) = held_text(held) {
                reserved::tell_of_another(step, target, person, *slot, &wanted);
            }
        }
    }
    for (slot, choice) in open {
        let name = step.basis.layout.slots[slot].name.clone();
        not_chosen(step, target, person, &name, &choice);
    }
    let mut desired = Desired::default();
    desired::work_out(step.basis, target, person, &mut desired);
    keep_what_is_there(step, target, person, claim, &mut desired);
    settle_rules(step, target, person, &mut desired);
    tell_failures(step, target, person, &desired);
    let ruled_out = desired::active(&step.basis.layout.targets[target], person) == Some(ValueState::Set(Value::Bool(false)));
    desired.rests = early || ruled_out;
    let presence = match claim {
        Claim::Blocked => Presence::Unclear,
        Claim::Vanished => unanswered(step, target, person),
        Claim::None if early && !can_rest(step, target, person) => Presence::Absent,
        Claim::None => create_unless_awaited(step, target, person, &desired),
        Claim::Found(row) | Claim::Owned(row) if step.basis.observed[target].accounts().is_elsewhere(row) => {
            elsewhere::hold(step, target, &Arc::from(person.key.as_str()), row)
        }
        Claim::Found(row) => adopt(step, target, person, row, &mut desired),
        Claim::Owned(row) if step.basis.is_protected(target, row) => leave_protected(step, target, person, row, &desired),
        Claim::Owned(row) => update(step, target, person, row, &mut desired),
    };
    set(step, target, person, presence);
    for (slot, state) in slots {
        person.slots[slot] = state;
    }
}

fn held_text(held: &Held<'_>) -> Option<Arc<str>> {
    match held.state() {
        ValueState::Set(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn tell_failures(step: &mut Step<'_, '_>, target: usize, person: &Person, desired: &Desired) {
    let key = Arc::from(person.key.as_str());
    for (at, words) in &desired.failures {
        let layout = &step.basis.layout.targets[target].attributes[*at];
        let sentence = format!("{{who}}: the rule for {} failed, so the value stays as it is: {words}", layout.name);
        let shared = Shared::new(Severity::Error, FindingCode::ExpressionFailed, Some(&step.basis.policy.targets[target].name), sentence);
        let place = layout.source.and_then(|rule| rule.place.as_ref());
        step.report.findings.share(shared.attribute(&layout.name).at(place), &key);
    }
}

/// No name could be chosen, or whether one is free must be asked.
fn not_chosen(step: &mut Step<'_, '_>, target: usize, person: &Person, name: &Arc<str>, choice: &Choice) {
    let key = Arc::from(person.key.as_str());
    match choice {
        Choice::Name(_) => {}
        Choice::NoneFree => {
            let sentence = format!("{{who}}: no variant of its {name} is free");
            step.tell(Severity::Error, FindingCode::NameTaken, target, &key, &sentence);
        }
        Choice::Unanswered(at, attribute, value) => {
            step.report.ask(*at, ObjectKind::Account, LookupBy::Attribute(attribute.clone(), value.clone()));
            let sentence = format!("{{who}}: not all accounts could be read, and whether its {name} is free was not answered");
            step.tell(Severity::Incomplete, FindingCode::IncompleteRead, target, &key, &sentence);
        }
    }
}

/// Rules of the target whose value must be unique there.
fn settle_rules(step: &mut Step<'_, '_>, target: usize, person: &Person, desired: &mut Desired) {
    let basis = step.basis;
    for at in basis.layout.targets[target].order.iter().copied() {
        let layout = &basis.layout.targets[target].attributes[at];
        if !layout.rule.as_ref().is_some_and(|rule| rule.unique) || desired.settled.contains_key(&at) {
            continue;
        }
        let ValueState::Set(Value::Text(base)) = &desired.states[at] else { continue };
        let base = Base { text: base, most: layout.rule.as_ref().and_then(|rule| rule.most) };
        let kept = unique::kept_value(basis, &step.matched.claims, target, person.number, layout.column, base);
        let places = [(target, &layout.name)];
        let choice = kept.map_or_else(|| step.names.choose(basis, &step.matched.claims, &places, base, person.number), Choice::Name);
        match choice {
            Choice::Name(name) => desired.settle(basis, target, person, at, ValueState::Set(Value::Text(name))),
            other => {
                not_chosen(step, target, person, &layout.name, &other);
                desired.settle(basis, target, person, at, ValueState::Unknown);
            }
        }
    }
}

/// What is given only at the beginning, and is there: other rules use what the account has.
fn keep_what_is_there(step: &Step<'_, '_>, target: usize, person: &Person, claim: Claim, desired: &mut Desired) {
    let (Claim::Found(row) | Claim::Owned(row)) = claim else { return };
    let basis = step.basis;
    for (at, layout) in basis.layout.targets[target].attributes.iter().enumerate() {
        if layout.outcome.is_none() || layout.mode != MappingMode::Initial {
            continue;
        }
        let cell = basis.observed[target].accounts().cell(row, layout.column);
        if let Some(value) = cell.to_value().filter(|_| !canonical::is_nothing(cell)) {
            desired.settle(basis, target, person, at, ValueState::Set(value));
        }
    }
}

fn unanswered(step: &mut Step<'_, '_>, target: usize, person: &Person) -> Presence {
    let basis = step.basis;
    let ids = search::linked_ids(basis, target, &person.key, &basis.people.other_keys(person.number));
    let questions: Vec<_> = ids.into_iter().map(|id| LookupBy::Id(Arc::from(id))).collect();
    vanished::ask_and_tell(step, target, &Arc::from(person.key.as_str()), questions, "the account was not among those read");
    Presence::Unclear
}

fn adopt(step: &mut Step<'_, '_>, target: usize, person: &Person, row: u32, desired: &mut Desired) -> Presence {
    let key: Arc<str> = Arc::from(person.key.as_str());
    if !step.matched.claims[target].are_all(step.basis) {
        let sentence = "{who}: it could take over an account, but not all sources could be read, and somebody unseen may claim it too; \
                        this waits for a complete read";
        step.tell(Severity::Incomplete, FindingCode::IncompleteRead, target, &key, sentence);
        return Presence::Unclear;
    }
    keep_taken_name(step, target, person, row, desired);
    let attributes = difference(step, target, row, desired);
    let mut attributes = limits::possible((step.basis, &mut step.report.findings), target, &key, attributes);
    if !attributes.is_empty() && !step.can_update(target, &key) {
        return Presence::Absent;
    }
    let active = step.basis.observed[target].accounts().active(row);
    let mut risks = vec![Risk::Adoption];
    risks.extend(sign_in(step, target, &attributes));
    let returns = !active && !desired.rests;
    let ours = || our_deactivation(step.basis, target, row).or_else(|| rested(step.basis, target, &key));
    let reactivates = returns && (person.declared_active || ours().is_some());
    if reactivates {
        risks.push(Risk::Reactivation);
        attributes.push(attribute(&Arc::from("active"), Some(Value::Bool(false)), Some(Value::Bool(true))));
    } else if returns {
        deactivated_elsewhere(step, target, &key);
    } else if active && desired.rests {
        // After the adoption: cut between the two, the account is ours and still to be deactivated, and not somebody's whom others locked out.
        take_access(step, target, row, &key, Grounds::normal(Reason::Mover), (Cause::Identity(person.number), Stage::UpdateAccounts));
    }
    take_names(step, target, person, desired);
    step.renames.note(target, row, &attributes);
    let object = step.basis.account(target, row, &key);
    let change = step.basis.change(target, Action::Adopt, object, Grounds::normal(Reason::Joiner), Cause::Identity(person.number));
    step.draft(target, Stage::UpdateAccounts, with(change, attributes, &risks));
    match step.only_observes(target) {
        true => Presence::Absent,
        false if active || reactivates || desired.rests => Presence::Stays,
        false => Presence::Unclear,
    }
}

fn update(step: &mut Step<'_, '_>, target: usize, person: &Person, row: u32, desired: &mut Desired) -> Presence {
    let key: Arc<str> = Arc::from(person.key.as_str());
    keep_taken_name(step, target, person, row, desired);
    tell_cleared(step, target, &key, desired);
    let attributes = difference(step, target, row, desired);
    let mut attributes = limits::possible((step.basis, &mut step.report.findings), target, &key, attributes);
    let id = step.basis.observed[target].accounts().id(row);
    not_kept::sift((step.basis, &mut step.report.findings), target, (ObjectKind::Account, &id, &key), &mut attributes);
    tell_of_a_lost_mark(step, target, row, &key);
    take_names(step, target, person, desired);
    let active = step.basis.observed[target].accounts().active(row);
    if active && desired.rests {
        deactivate(step, target, row, &key, Grounds::normal(Reason::Mover), Cause::Identity(person.number));
    }
    let returns = !active && !desired.rests;
    let ours = our_deactivation(step.basis, target, row).filter(|_| returns);
    if returns && (ours.is_some() || person.declared_active) && step.can_update(target, &key) {
        let why = ours.map_or(Return::Asked, |at| return_of(step, target, person, at));
        reactivate(step, target, person, row, attributes, why);
        return Presence::Stays;
    }
    if returns {
        deactivated_elsewhere(step, target, &key);
    }
    if !attributes.is_empty() && step.can_update(target, &key) {
        step.renames.note(target, row, &attributes);
        let risks: Vec<_> = sign_in(step, target, &attributes).into_iter().collect();
        let object = step.basis.account(target, row, &key);
        let change = step.basis.change(target, Action::Update, object, Grounds::normal(Reason::Mover), Cause::Identity(person.number));
        step.draft(target, Stage::UpdateAccounts, with(change, attributes, &risks));
    }
    if active || desired.rests { Presence::Stays } else { Presence::Unclear }
}

/// A protected account stays as it is, whosever it is.
fn leave_protected(step: &mut Step<'_, '_>, target: usize, person: &Person, row: u32, desired: &Desired) -> Presence {
    let active = step.basis.observed[target].accounts().active(row);
    let returns = !active && !desired.rests;
    let attributes = difference(step, target, row, desired);
    if returns || !attributes.is_empty() {
        let rules = &step.basis.policy.targets[target];
        let sentence = "{who}: the account differs from what it should be and is protected, so it is left as it is";
        let shared = Shared::new(Severity::Warning, FindingCode::Protected, Some(&rules.name), sentence).at(Some(&rules.place));
        let hint = "Change it at the target by hand, or take it out of spec.protect of the Target, which counts from the run after.";
        step.report.findings.share(shared.hint(hint), &Arc::from(person.key.as_str()));
    }
    if returns { Presence::Unclear } else { Presence::Stays }
}

/// Why somebody gets into an account that is not active.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Return {
    /// they begin, with the account that waited for them
    Begins,
    /// they come back
    Back,
    /// a User says so
    Asked,
}

/// Whether somebody comes back, or begins with the account that waited for them.
fn return_of(step: &Step<'_, '_>, target: usize, person: &Person, deactivated: Timestamp) -> Return {
    let basis = step.basis;
    let Some((ahead, start)) =
        basis.policy.targets[target].pre_hire.filter(|ahead| !ahead.active).zip(Days::of(&basis.layout, person).start)
    else {
        return Return::Back;
    };
    let day = deactivated.to_zoned(basis.policy.time_zone.clone()).date();
    let made_for_it = day < start && eligibility::account_day(ahead, Some(start)).is_none_or(|first| first <= day);
    if made_for_it { Return::Begins } else { Return::Back }
}

/// An account of ours, by its link, whose mark is not there any more.
fn tell_of_a_lost_mark(step: &mut Step<'_, '_>, target: usize, row: u32, key: &Arc<str>) {
    let marks = step.basis.layout.targets[target].marker.is_some();
    if marks && step.basis.observed[target].accounts().carries(row) == Carries::Nothing {
        let sentence = "{who}: its account, ours by the state, has no mark of headcount; if somebody removed it, they should know that it is set again";
        step.tell(Severity::Warning, FindingCode::ChangedElsewhere, target, key, sentence);
    }
}

fn reactivate(step: &mut Step<'_, '_>, target: usize, person: &Person, row: u32, mut attributes: Vec<AttributeChange>, why: Return) {
    let key = Arc::from(person.key.as_str());
    step.renames.note(target, row, &attributes);
    // For somebody who begins it is no access that comes back.
    let mut risks = if why == Return::Begins { Vec::new() } else { vec![Risk::Reactivation] };
    risks.extend(sign_in(step, target, &attributes));
    attributes.push(attribute(&Arc::from("active"), Some(Value::Bool(false)), Some(Value::Bool(true))));
    let reason = match why {
        Return::Begins => Reason::Joiner,
        Return::Back => Reason::Returned,
        Return::Asked => Reason::Declared,
    };
    let object = step.basis.account(target, row, &key);
    let change = step.basis.change(target, Action::Reactivate, object, Grounds::normal(reason), Cause::Identity(person.number));
    step.draft(target, Stage::UpdateAccounts, with(change, attributes, &risks));
}

/// A required attribute is never cleared.
fn tell_cleared(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, desired: &mut Desired) {
    let basis = step.basis;
    for (layout, state) in basis.layout.targets[target].attributes.iter().zip(&mut desired.states) {
        let asked = basis.observed[target].side.capabilities.required_attributes.contains(&layout.name);
        if (layout.required || asked) && *state == ValueState::Clear {
            *state = ValueState::Unknown;
            let sentence = format!("{{who}}: {} is required and would be cleared; it stays as it is", layout.name);
            step.tell(Severity::Error, FindingCode::RequiredAttributeMissing, target, key, &sentence);
        }
    }
}

/// Nothing is made before the start date that could be used before it.
fn can_rest(step: &mut Step<'_, '_>, target: usize, person: &Person) -> bool {
    let can = step.basis.observed[target].side.capabilities.deactivate_accounts;
    if !can {
        let sentence = "{who}: accounts can't be made without access here, so none is made before the start date";
        let key = Arc::from(person.key.as_str());
        step.tell(Severity::Warning, FindingCode::UnsupportedCapability, target, &key, sentence);
    }
    can
}

fn deactivated_elsewhere(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>) {
    let sentence = "{who}: deactivated, and not by headcount as far as it remembers; stays so";
    let shared = Shared::new(Severity::Warning, FindingCode::DeactivatedElsewhere, Some(&step.basis.policy.targets[target].name), sentence);
    let hint = "To give access back, activate the account at the target, or write `attributes: {active: true}` into the spec of a User for this identity.";
    step.report.findings.share(shared.hint(hint), key);
}

/// Whether the name changes that somebody signs in by. One that was empty is nobody's sign-in yet.
fn sign_in(step: &Step<'_, '_>, target: usize, attributes: &[AttributeChange]) -> Option<Risk> {
    let names = &step.basis.policy.targets[target].sign_in;
    let is_one = |attribute: &AttributeChange| attribute.before.is_some() && names.contains(&attribute.attribute);
    attributes.iter().any(is_one).then_some(Risk::SignIn)
}

/// What differs between an account and what it should have, exactly.
fn difference(step: &Step<'_, '_>, target: usize, row: u32, desired: &Desired) -> Vec<AttributeChange> {
    let basis = step.basis;
    let cells = basis.observed[target].accounts().cells(row);
    let mut changes = Vec::new();
    for (layout, state) in basis.layout.targets[target].attributes.iter().zip(&desired.states) {
        let cell = cells.get(layout.column).copied().unwrap_or(crate::model::Cell::Missing);
        let nothing = canonical::is_nothing(cell);
        let after = match state {
            ValueState::Unmanaged | ValueState::Unknown => continue,
            _ if layout.mode == MappingMode::Initial && !nothing => continue,
            // Which of the values there would be cleared nobody says: the rule no longer asks for any.
            ValueState::Clear if nothing || layout.mode == MappingMode::Merge => continue,
            ValueState::Set(value) if layout.mode == MappingMode::Merge && canonical::includes(layout.kind, value, cell) => continue,
            ValueState::Set(value) if layout.mode == MappingMode::Merge => Some(canonical::with_others(layout.kind, value, cell)),
            ValueState::Clear => None,
            ValueState::Set(value) if is_same(step, target, layout.kind, value, cell) => continue,
            ValueState::Set(value) => Some(value.clone()),
        };
        let before = if nothing { None } else { known_reference(step, target, layout.kind, cell) };
        changes.push(attribute(&layout.name, before, after));
    }
    changes
}

/// References are the same where they lead to the same account.
fn is_same(step: &Step<'_, '_>, target: usize, kind: AttributeType, wanted: &Value, observed: crate::model::Cell<'_>) -> bool {
    match wanted {
        Value::Reference(key) => {
            let id = step.basis.referred_id(&step.matched.claims[target], target, key, observed);
            id.is_some_and(|id| id == canonical::text(observed))
        }
        _ => canonical::same(kind, wanted, observed),
    }
}

/// The observed value; the id of an account that somebody has as that identity's key.
fn known_reference(step: &Step<'_, '_>, target: usize, kind: AttributeType, cell: crate::model::Cell<'_>) -> Option<Value> {
    if kind != AttributeType::Reference {
        return cell.to_value();
    }
    let row = step.basis.observed[target].accounts().find_id(&canonical::text(cell));
    let holder = row.and_then(|row| step.matched.claims[target].holder(row));
    holder.map(|identity| Value::Reference(step.basis.people.key(identity))).or_else(|| cell.to_value())
}
