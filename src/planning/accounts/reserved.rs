//! Names of people who left: mail, shares and audit trails of theirs are still under them, so a namesake gets another one for as long as the Target says.
//!
//! Must never: keep somebody from their own name, or hold a name for somebody who is still here and has another one now.

use std::sync::Arc;

use crate::manifest::kinds::Lifecycle;
use crate::model::{DepartedName, FindingCode, Severity};
use crate::planning::accounts::Step;
use crate::planning::basis::Basis;
use crate::planning::findings::Shared;
use crate::planning::people::identity::Identities;
use crate::planning::people::person::Person;
use crate::planning::people::standing::Standing;
use crate::planning::schema::layout::USER_NAME;

/// Whose name it was, where it is kept free and not this identity's own.
pub(in crate::planning) fn holder<'w>(basis: &Basis<'w>, at: (usize, &Arc<str>), value: &str, identity: u32) -> Option<&'w DepartedName> {
    let known = basis.departed.named(at, value);
    let others = basis.people.other_keys(identity);
    let own = |known: &DepartedName| basis.people.find(&known.key) == Some(identity) || others.contains(&known.key);
    let mut held = known.iter().filter(|known| !own(known) && (known.left || is_gone(basis, &basis.people, &known.key)));
    held.next().copied().filter(|_| !known.iter().any(|known| own(known)))
}

/// Somebody who merely got another name and is here may hand the old one on.
fn is_gone(basis: &Basis<'_>, people: &Identities<'_>, key: &str) -> bool {
    let Some(number) = people.find(key) else { return true };
    let mut person = Person::default();
    people.assemble(&basis.layout, number, &mut person);
    matches!(person.standing, Standing::Is(Lifecycle::Leaver) | Standing::Deselected)
}

/// What is said where a name is kept free, and the next step.
pub(super) fn tell(step: &mut Step<'_, '_>, target: usize, key: &Arc<str>, known: &DepartedName, (severity, then): (Severity, &str)) {
    let rules = &step.basis.policy.targets[target];
    let zone = &step.basis.policy.time_zone;
    let day = |at: jiff::Timestamp| at.to_zoned(zone.clone()).date();
    let until = known.at.checked_add(rules.reuse_after).map_or_else(|_| String::new(), |at| format!(" and is kept free until {}", day(at)));
    let DepartedName { attribute, value, key: whose, at, .. } = known;
    let sentence = format!("{{who}}: the {attribute} {value} was {whose}'s until {}{until}, {then}", day(*at));
    let shared = Shared::new(severity, FindingCode::NameReserved, Some(&rules.name), sentence).at(Some(&rules.place));
    let hint = format!(
        "If they are one person, write `formerKeys: [{whose}]` into the spec of a User for {key}. If not, another name is needed (a User's, or `unique: true` in its rule in spec.mapping.rules, \
         which takes the next free one); `names: {{reuseAfter: 0d}}` in the spec of the Target {} gives it at once.",
        rules.name
    );
    step.report.findings.share(shared.hint(hint), key);
}

/// That somebody new gets another name than the rule's first choice, and why.
pub(super) fn tell_of_another(step: &mut Step<'_, '_>, target: usize, person: &Person, slot: usize, wanted: &str) {
    let basis = step.basis;
    let at = (target, &basis.layout.slots[slot].name);
    let chosen = person.text(slot);
    if let (Some(known), Some(chosen)) = (holder(basis, at, wanted, person.number), chosen) {
        let then = format!("so it gets {chosen}");
        tell(step, target, &Arc::from(person.key.as_str()), known, (Severity::Note, &then));
    }
}

/// What keeps somebody from a user name: the place at the target, and whose it was.
pub(in crate::planning) fn of_user_name<'w>(basis: &Basis<'w>, target: usize, name: &str, identity: u32) -> Option<&'w DepartedName> {
    let attribute = basis.layout.targets[target].attributes.iter().find(|attribute| attribute.name.as_ref() == USER_NAME)?;
    holder(basis, (target, &attribute.name), name, identity)
}
