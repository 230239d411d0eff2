//! Overrides: what somebody said may pass a guardrail, for one set of changes or up to a bound.
//!
//! Must never: let a set past that differs in anything from the one that was shown.

use std::fmt::Write as _;

use aws_lc_rs::digest;

use super::Breach;
use crate::model::{Change, Guardrail};
use crate::policy::{Lets, OverridePolicy};

/// The overrides that were given for a guardrail.
pub(super) struct Given<'a> {
    /// one that lets these changes past
    pub(super) valid: Option<&'a OverridePolicy>,
    /// the others
    pub(super) stale: Vec<(&'a OverridePolicy, String)>,
}

impl<'a> Given<'a> {
    pub(super) fn find(breach: &Breach<'a>, hash: &str) -> Self {
        let mut given = Self { valid: None, stale: Vec::new() };
        for one in of(breach) {
            match why_not(breach, one, hash) {
                None => given.valid = given.valid.or(Some(one)),
                Some(why) => given.stale.push((one, why)),
            }
        }
        given
    }

    /// The largest bound that counts today.
    pub(super) fn bound(breach: &Breach<'a>) -> Option<u64> {
        let bounds = of(breach).filter(|given| given.expires >= breach.scene.moment.today).filter_map(|given| match given.lets {
            Lets::AtMost(bound) => Some(bound),
            Lets::Exactly(_) => None,
        });
        bounds.max()
    }
}

fn of<'a>(breach: &Breach<'a>) -> impl Iterator<Item = &'a OverridePolicy> + use<'a> {
    let guardrail = breach.rule.guardrail;
    breach.scene.target.guardrails.overrides.iter().filter(move |given| given.guardrail == guardrail)
}

/// Why an override lets nothing past.
fn why_not(breach: &Breach<'_>, given: &OverridePolicy, hash: &str) -> Option<String> {
    let total = breach.figures.total();
    let refuses = match &given.lets {
        Lets::Exactly(changes) if changes != hash => Some("was given for another set of changes".to_owned()),
        Lets::AtMost(_) if breach.figures.full => Some("is a bound, and without a state nobody knows how many there were".to_owned()),
        Lets::AtMost(bound) if total > *bound => Some(format!("allows {bound} in a window, and with this plan there would be {total}")),
        _ => None,
    };
    refuses.or_else(|| (given.expires < breach.scene.moment.today).then(|| format!("expired on {}", given.expires)))
}

impl OverridePolicy {
    /// Whether it names its changes.
    pub(super) fn is_exact(&self) -> bool {
        matches!(self.lets, Lets::Exactly(_))
    }
}

/// What an override is bound to: target, guardrail and exactly this set of changes, in any order.
pub(super) fn hash_of<'a>(target: &str, guardrail: Guardrail, changes: impl Iterator<Item = &'a Change>) -> String {
    let mut lines: Vec<String> = changes
        .map(|change| {
            let members: Vec<_> =
                change.members.iter().chain(&change.losers).map(|member| (&member.member.key, &member.member.id, member.people)).collect();
            let atoms = (change.action, change.object.kind, &change.object.key, &change.object.id, &change.attributes, members);
            // Serialising plain values into memory can't fail; an empty part would only make another hash.
            let mut line = serde_json::to_string(&atoms).unwrap_or_default();
            line.extend(change.entitlement.as_deref().into_iter().flat_map(|name| [" ", name]));
            line
        })
        .collect();
    lines.sort_unstable();
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [target, guardrail.word()].into_iter().chain(lines.iter().map(String::as_str)) {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().iter().take(16).fold(String::new(), |mut hex, byte| {
        // Writing into a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
