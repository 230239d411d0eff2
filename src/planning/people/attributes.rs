//! What one attribute of an identity is, by precedence.
//!
//! Must never: let an unknown value fall through to a lower source.

use std::sync::Arc;

use crate::expr::Input;
use crate::model::{AttributeType, Key, Value, ValueState};
use crate::planning::people::identity::Identities;
use crate::planning::people::matched_records::Record;
use crate::planning::people::person::{FailedRule, Person};
use crate::planning::people::records::Records;
use crate::planning::people::referred::Named;
use crate::planning::schema::layout::{Candidate, Layout, RuleLayout};
use crate::planning::schema::length;
use crate::planning::schema::values::{Evaluated, Held, as_it_stands, evaluate};
use crate::policy::UserPolicy;
use crate::world::{Keyed, canonical};

impl<'w> Identities<'w> {
    /// One attribute by precedence.
    pub(in crate::planning) fn fill_slot(
        &self,
        layout: &Layout<'_>,
        records: &Records<'w>,
        user: Option<&UserPolicy>,
        at: usize,
        person: &mut Person<'w>,
    ) {
        let slot = &layout.slots[at];
        // Nearly always one source says it, and its rule copies what stands there.
        if let (None, [only]) = (user, slot.candidates.as_slice())
            && let Record::Cells(cells) = records.of(only.source)
            && let Some(source) = layout.sources.get(only.source)
            && let Some(rule) = source.rules.get(only.rule).filter(|rule| source.copies(rule, slot))
            && let Some(held) = as_it_stands(rule, slot.kind, cells)
        {
            person.unique.extend((rule.unique && held.is_set()).then_some(at));
            person.slots[at] = held;
            return;
        }
        let declared = user.and_then(|user| {
            let found = user.attributes.binary_search_by(|(name, _)| name.as_ref().cmp(slot.name.as_ref())).ok()?;
            user.attributes.get(found).map(|(_, state)| state)
        });
        let mut held = Held::State(ValueState::Unmanaged);
        for candidate in &slot.candidates {
            if declared.is_some() && candidate.precedence <= USER_PRECEDENCE {
                break;
            }
            held = self.by_rule(layout, records, at, *candidate, person);
            if !held.is_unmanaged() {
                break;
            }
        }
        if let (true, Some(declared)) = (held.is_unmanaged(), declared) {
            let state = self.as_reference(slot.kind, None, declared.clone());
            person.declared_active |= at == layout.active && state == ValueState::Set(Value::Bool(true));
            held = Held::State(state);
        }
        person.slots[at] = held;
    }

    /// What one source says about one attribute.
    fn by_rule(&self, layout: &Layout<'_>, records: &Records<'w>, slot: usize, candidate: Candidate, person: &mut Person<'w>) -> Held<'w> {
        let cells = match records.of(candidate.source) {
            Record::Cells(cells) => cells,
            Record::Nothing => return Held::State(ValueState::Unmanaged),
            Record::Unknown => return Held::State(ValueState::Unknown),
        };
        let rules = &layout.sources[candidate.source];
        let rule = &rules.rules[candidate.rule];
        if rules.is_lost(&rule.value, cells) || rule.when.as_ref().is_some_and(|when| rules.is_lost(when, cells)) {
            return Held::State(ValueState::Unknown);
        }
        let kind = layout.slots[slot].kind;
        let held = match as_it_stands(rule, kind, cells) {
            Some(held) => held,
            None => match evaluate(rule, cells) {
                Evaluated::Is(state) => {
                    let named = self.referring(layout, (kind, candidate.source, rule), state).unwrap_or_else(|words| {
                        person.failures.push(FailedRule { candidate, slot, words: words.into(), names_nobody: true });
                        ValueState::Unknown
                    });
                    Held::State(named)
                }
                Evaluated::Failed(words) => {
                    person.failures.push(FailedRule { candidate, slot, words, names_nobody: false });
                    Held::State(ValueState::Unknown)
                }
            },
        };
        let held = match length::fitting(rule, layout.slots[slot].most, held) {
            Ok(held) => held,
            Err(words) => {
                person.failures.push(FailedRule { candidate, slot, words, names_nobody: false });
                Held::State(ValueState::Unknown)
            }
        };
        if rule.unique && held.is_set() {
            person.unique.push(slot);
        }
        held
    }

    /// What a rule of a source came to, as the attribute holds it: where it names another record, by its key or by an attribute, that record. The words say why
    /// it names none.
    pub(in crate::planning) fn referring(
        &self,
        layout: &Layout<'_>,
        (kind, source, rule): (AttributeType, usize, &RuleLayout),
        state: ValueState,
    ) -> Result<ValueState, String> {
        let state = match (&rule.by, state) {
            (Some(by), ValueState::Set(value)) => self.named_by(layout, (source, by), &value)?,
            (_, state) => state,
        };
        Ok(self.as_reference(kind, Some(source), state))
    }

    /// The key of the one record whose attribute has a value. While the source was not read to its end nobody can say whether there is just one.
    fn named_by(&self, layout: &Layout<'_>, (source, by): (usize, &str), value: &Value) -> Result<ValueState, String> {
        let name = &self.policy.sources[source].name;
        let Some(slot) = layout.slot(by).filter(|_| self.world.trust[source].evidence.proves_absence()) else {
            return Ok(ValueState::Unknown);
        };
        let keys = canonical::keys(layout.slots[slot].kind, Input::Value(value));
        let [key] = keys.as_slice() else { return Err(format!("it is not one value, and names a record of {name} by {by}")) };
        match self.referred.named(source, slot, Keyed::of(&self.policy.workspace).wide(key)) {
            None => Ok(ValueState::Unknown),
            Some(Named::One(record)) => Ok(ValueState::Set(Value::text(self.world.sources[source].key(record)))),
            Some(Named::Several) => Err(format!("several records of {name} have the {by} that it names")),
            Some(Named::Nobody) => Err(format!("no record of {name} has the {by} that it names")),
        }
    }

    /// A text becomes a reference where the attribute names another identity: a whole key, or a key within the same source.
    pub(in crate::planning) fn as_reference(&self, kind: AttributeType, source: Option<usize>, state: ValueState) -> ValueState {
        if kind != AttributeType::Reference {
            return state;
        }
        let ValueState::Set(Value::Text(_) | Value::Int(_)) = &state else { return state };
        let ValueState::Set(value) = &state else { return state };
        let text = match value {
            Value::Int(number) => number.to_string(),
            other => other.as_text().unwrap_or_default().trim().to_owned(),
        };
        if text.is_empty() {
            return ValueState::Clear;
        }
        let whole = Key::is_user(&text) || Key::of_record(&text).is_some_and(|(source, _)| self.is_source(source));
        let key = match source {
            Some(source) if !whole => Key::record(&self.policy.sources[source].name, &text).to_string(),
            _ => text,
        };
        ValueState::Set(Value::Reference(self.key_now(&key).unwrap_or_else(|| Arc::from(key))))
    }

    /// The key of an identity that is named by another of its records, or by a key that it had.
    fn key_now(&self, key: &str) -> Option<Arc<str>> {
        let several = !self.aliases.is_empty() || !self.retired.is_empty() || self.spans.iter().any(|span| span.seats.is_some());
        if several { self.find(key).map(|number| self.key(number)) } else { None }
    }

    fn is_source(&self, name: &str) -> bool {
        self.policy.sources.iter().any(|source| source.name.as_ref() == name)
    }
}

/// What a User manifest's attributes count against a source's.
pub(in crate::planning) const USER_PRECEDENCE: i32 = 1000;
