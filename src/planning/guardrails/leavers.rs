//! Leavers whom a source positively reports, when there are more than their limit allows: as many as it allows go, the others in the next run.
//!
//! Must never: let some go where half of everybody would, since that is no backlog but a broken source.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::overrides::{Given, hash_of};
use super::{Breach, Seen, keys_of, part_members, refusal, withhold};
use crate::model::{Guardrail, Plan};

pub(super) fn check(breach: &Breach<'_>, seen: &mut Seen, over: &[usize], plan: &mut Plan) {
    let people: BTreeSet<Arc<str>> = over.iter().flat_map(|&at| keys_of(&plan.changes[at])).cloned().collect();
    // A bound that is too low for all lets so many go; but it was not given for a mass.
    let allowed = breach.figures.allowed.max(Given::bound(breach).unwrap_or_default());
    let mass = breach.figures.is_a_mass();
    let room = if mass { 0 } else { allowed.saturating_sub(breach.figures.used) };
    let going: BTreeSet<Arc<str>> = people.iter().take(usize::try_from(room).unwrap_or(usize::MAX)).cloned().collect();
    let stays = |key: &Arc<str>| !going.contains(key);
    let (mut held, mut parted) = (Vec::new(), Vec::new());
    for &at in over {
        let keys = keys_of(&plan.changes[at]);
        let staying = keys.iter().filter(|key| stays(key)).count();
        if staying == keys.len() {
            held.push(at);
        } else if staying > 0 {
            parted.push(at);
        }
    }
    // Of whoever stays for now, whether or not others go before: so an override fits the night before and the night after.
    let rest = parted.iter().map(|&at| {
        let change = &plan.changes[at];
        let members = change.members.iter().filter(|member| stays(&member.member.key)).cloned().collect();
        crate::model::Change { members, ..change.clone() }
    });
    let staying: Vec<_> = held.iter().map(|&at| plan.changes[at].clone()).chain(rest).collect();
    let hash = hash_of(&breach.scene.target.name, Guardrail::Leavers, staying.iter());
    let given = Given::find(breach, &hash);
    if let Some(used) = given.valid {
        plan.findings.push(refusal::overridden(breach, used));
        return;
    }
    let later = people.len() - going.len();
    let ending = match going.len() {
        0 if mass => "none of them goes, since that would be half of everybody or more".to_owned(),
        0 => "none of them goes before the window is over".to_owned(),
        now => format!("the first {now} by key go{}, and {later} with the next window", if now == 1 { "es" } else { "" }),
    };
    let finding = refusal::refusal(breach, &ending, &hash, &given.stale);
    held.extend(parted.into_iter().map(|at| part_members(plan, at, stays).unwrap_or(at)));
    withhold(plan, &held, finding);
    seen.leavers_go = !going.is_empty();
}
