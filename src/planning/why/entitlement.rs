//! Why somebody has an entitlement, or not: whom it covers, until when, and the rule of each parameter.
//!
//! Must never: say more than planning would have asked.

use super::Because;
use crate::manifest::kinds::Lifecycle;
use crate::planning::grant::{self, Term};
use crate::planning::identity::Person;
use crate::planning::lifecycle::word;
use crate::planning::screen::lifecycles;
use crate::planning::work::Basis;
use crate::world::Truth;

/// Each way to the entitlement at this position of the policy, and whether it is open; then its last day.
pub(super) fn because(basis: &Basis<'_>, at: usize, person: &Person) -> Vec<Because> {
    let (Some(rules), Some(layout)) = (basis.policy.entitlements.get(at), basis.layout.entitlements.get(at)) else { return Vec::new() };
    let mut all = Vec::new();
    let stands = person.standing.lifecycle();
    match (&layout.when, stands) {
        (Some(when), Some(stands)) if lifecycles(&rules.lifecycles).contains(&stands) => {
            let words = match person.holds(when) {
                Truth::Yes => format!("{} covers it", rules.key),
                Truth::No => format!("{} does not cover it", rules.key),
                Truth::Unknown(words) => format!("whether {} covers it could not be worked out: {words}", rules.key),
            };
            all.push(Because::expression(words, when, person));
        }
        (Some(_), Some(stands)) => {
            all.push(Because::words(format!("{} does not cover the lifecycle {}", rules.key, word(stands))).at(rules.when_place.as_ref()));
        }
        _ => {}
    }
    for member in rules.members.iter().filter(|member| member.key.as_ref() == person.key) {
        let words = match member.until {
            Some(until) if until < basis.moment.today => format!("named in {}, until {until}, which is over", rules.key),
            _ if stands.is_none_or(|stands| stands == Lifecycle::Leaver) => format!("named in {}, but has left or is left out", rules.key),
            Some(until) => format!("named in {}, until {until}", rules.key),
            None => format!("named in {}", rules.key),
        };
        all.push(Because::words(words).at(Some(&member.place)));
    }
    if let (Some(until), Term::Over) = (&layout.until, grant::term(basis, at, person)) {
        all.push(Because::expression(format!("the last day of {} is over", rules.key), until, person));
    }
    if all.is_empty() {
        all.push(Because::words(format!("nothing in {} covers it", rules.key)).at(Some(&rules.place)));
    }
    all
}

/// The rule of one parameter.
pub(super) fn parameter(basis: &Basis<'_>, at: usize, name: &str, person: &Person) -> Option<Because> {
    let position = basis.policy.entitlements.get(at)?.parameters.iter().position(|parameter| parameter.name.as_ref() == name)?;
    let layout = basis.layout.entitlements.get(at)?.parameters.get(position)?;
    Some(Because::expression(format!("the parameter {name}"), &layout.value, person))
}
