//! Names of people who left: mail, shares and audit trails of theirs are still under them, so a namesake gets another one for as long as the Target says.
//!
//! Must never: keep somebody from their own name, or hold a name for somebody who is still here and has another one now.

use std::collections::HashMap;
use std::sync::Arc;

use crate::expr::Input;
use crate::manifest::kinds::Lifecycle;
use crate::model::{DepartedName, FindingCode, Severity, Value};
use crate::planning::Moment;
use crate::planning::accounts::diff as account;
use crate::planning::people::identity::{Identities, Person};
use crate::planning::people::lifecycle::Standing;
use crate::planning::report::findings::Shared;
use crate::planning::work::{Basis, Work};
use crate::policy::Policy;
use crate::world::{World, canonical, kind_of};

/// Names that are kept free, by target, attribute and canonical value.
pub(in crate::planning) struct Departed<'w> {
    names: HashMap<(usize, &'w str, Vec<u8>), Vec<&'w DepartedName>>,
}

impl<'w> Departed<'w> {
    /// Those whose time is not over.
    pub(in crate::planning) fn new(policy: &Policy, world: &'w World, moment: Moment) -> Self {
        let mut names: HashMap<_, Vec<&DepartedName>> = HashMap::new();
        for known in &world.memory.departed {
            let Some(target) = policy.targets.iter().position(|target| target.name == known.target) else { continue };
            if moment.now.duration_since(known.at) < policy.targets[target].reuse_after {
                names.entry((target, known.attribute.as_ref(), bytes(&known.attribute, &known.value))).or_default().push(known);
            }
        }
        Self { names }
    }
}

/// Whose name it was, where it is kept free and not this identity's own.
pub(in crate::planning) fn holder<'w>(basis: &Basis<'w>, at: (usize, &Arc<str>), value: &str, identity: u32) -> Option<&'w DepartedName> {
    if basis.departed.names.is_empty() {
        return None;
    }
    let known = basis.departed.names.get(&(at.0, at.1.as_ref(), bytes(at.1, value)))?;
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
pub(in crate::planning) fn tell(
    work: &mut Work<'_, '_>,
    target: usize,
    key: &Arc<str>,
    known: &DepartedName,
    (severity, then): (Severity, &str),
) {
    let rules = &work.basis.policy.targets[target];
    let zone = &work.basis.policy.time_zone;
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
    work.findings.share(shared.hint(hint), key);
}

/// That somebody new gets another name than the rule's first choice, and why.
pub(in crate::planning) fn tell_of_another(work: &mut Work<'_, '_>, target: usize, person: &Person, slot: usize, wanted: &str) {
    let basis = work.basis;
    let at = (target, &basis.layout.slots[slot].name);
    let chosen = crate::planning::accounts::unique::text(person, slot);
    if let (Some(known), Some(chosen)) = (holder(basis, at, wanted, person.number), chosen) {
        let then = format!("so it gets {chosen}");
        tell(work, target, &Arc::from(person.key.as_str()), known, (Severity::Note, &then));
    }
}

/// What keeps somebody from a user name: the place at the target, and whose it was.
pub(in crate::planning) fn of_user_name<'w>(basis: &Basis<'w>, target: usize, name: &str, identity: u32) -> Option<&'w DepartedName> {
    let attribute = basis.layout.targets[target].attributes.iter().find(|attribute| attribute.name.as_ref() == account::USER_NAME)?;
    holder(basis, (target, &attribute.name), name, identity)
}

fn bytes(attribute: &str, value: &str) -> Vec<u8> {
    canonical::bytes(kind_of(attribute), Input::Value(&Value::text(value)))
}
