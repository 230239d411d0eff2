//! What is worth saying about revocations: keys that nobody has, those that are past their day or in no manifest yet.
//!
//! Must never: end a revocation; a day that is past only asks.

use std::sync::Arc;

use crate::diagnostic::{Place, nearest};
use crate::model::{Finding, FindingCode, Key, ObjectKind, Severity, Subject};
use crate::planning::basis::Basis;
use crate::planning::findings::Findings;
use crate::planning::people::revoked::Order;

/// About all that stand.
pub(in crate::planning) fn notice(basis: &Basis<'_>, findings: &mut Findings) {
    for (key, order) in basis.revoked.orders() {
        unknown((basis, findings), key, order);
        past((basis, findings), key, order);
        if let Some(standing) = order.standing.filter(|_| order.documents.is_empty()) {
            let message = format!(
                "{key}: cut off by `headcount revoke` since {:.0} ({}); in force, not yet in a manifest",
                standing.at, standing.reason
            );
            let hint = format!("Commit the Revocation that the command printed, or end it: `headcount revoke --lift {key}`");
            let finding = Finding::new(Severity::Warning, FindingCode::Revocation, Subject::identity(key), message);
            findings.push(finding.hint(hint));
        }
    }
}

/// Why somebody is cut off: words and the manifest line, for each reason there is.
pub(in crate::planning) fn because<'b>(basis: &Basis<'b>, key: &str) -> Vec<(String, Option<&'b Place>)> {
    let Some(order) = basis.revoked.of(key) else { return Vec::new() };
    let documents = order
        .documents
        .iter()
        .map(|(document, member)| (format!("cut off by {} ({})", document.key, document.reason), Some(&member.place)));
    let standing = order
        .standing
        .iter()
        .filter(|_| order.documents.is_empty())
        .map(|standing| (format!("cut off by `headcount revoke` ({}), in no manifest yet", standing.reason), None));
    documents.chain(standing).collect()
}

/// A key that nobody has is most likely a slip, and somebody goes on who should not.
fn unknown((basis, findings): (&Basis<'_>, &mut Findings), key: &Arc<str>, order: &Order<'_>) {
    // The keys that they had when they were cut off lead to their accounts, too, unless somebody else has one by now.
    let mut also = order.also().filter(|also| basis.people.meant_by(also).is_none());
    if is_known(basis, key) || also.any(|also| is_known(basis, also)) {
        return;
    }
    let place = order.documents.first().map(|(_, member)| member.place.clone());
    let by = order.documents.first().map_or("`headcount revoke`", |(document, _)| document.key.as_ref());
    let subject = Subject::identity(key);
    if !basis.has_read_everybody() || basis.policy.targets.iter().enumerate().any(|(at, _)| basis.observed[at].accounts().unreadable()) {
        let message = format!("{by}: nobody with the key {key} was found so far, and not everything could be read");
        findings.push(Finding::new(Severity::Incomplete, FindingCode::UnknownMember, subject, message).at(place));
        return;
    }
    let message = match Key::of_account(key) {
        Some((target, id)) => format!("{by}: no account at {target} has the id {id}: none is cut off by it"),
        None => format!("{by}: nobody has the key {key}, neither in a source nor at a target: nobody is cut off by it"),
    };
    findings.rest_on_all("a revocation names nobody, and it is told who comes nearest");
    let hint = match near(basis, key) {
        _ if Key::of_account(key).is_some() => {
            "Write the account's id at the target; `headcount explain account/TARGET/NAME` tells it.".to_owned()
        }
        Some(near) => format!("Did you mean {near}?"),
        None => "Write the source's name and the record's immutable key (hr/10023), or the name of a User (user/jane).".to_owned(),
    };
    findings.push(Finding::new(Severity::Error, FindingCode::UnknownMember, subject, message).hint(hint).at(place));
}

fn is_known(basis: &Basis<'_>, key: &str) -> bool {
    let world = basis.world;
    if let Some((target, id)) = Key::of_account(key) {
        let here = |at: usize| basis.observed[at].accounts().find_id(id).is_some();
        let at = basis.policy.targets.iter().position(|rules| rules.name.as_ref() == target);
        return at.is_some_and(here) || world.memory.cut_off.iter().any(|known| known.key.as_ref() == key);
    }
    let at_target = |(at, name): (usize, &Arc<str>)| {
        let accounts = basis.observed[at].accounts();
        let marked = basis.layout.targets[at].marker.as_ref();
        !world.recall.ids_of(name, ObjectKind::Account, key).is_empty()
            || marked.is_some_and(|marker| !accounts.find_by(marker, basis.marks.mark(key).as_bytes()).is_empty())
    };
    basis.people.find(key).is_some()
        || world.memory.cut_off.iter().any(|known| known.key.as_ref() == key)
        || basis.policy.targets.iter().map(|target| &target.name).enumerate().any(at_target)
}

/// The key that comes nearest, if one is near enough to be a slip.
pub(in crate::planning) fn near(basis: &Basis<'_>, key: &str) -> Option<Arc<str>> {
    let mut keys: Vec<Arc<str>> = (0..basis.people.len()).map(|number| basis.people.key(number)).collect();
    // Of several that are as near it is the same one, in whatever order rows come.
    keys.sort_unstable();
    nearest(key, keys.iter().map(AsRef::as_ref)).map(Arc::from)
}

fn past((basis, findings): (&Basis<'_>, &mut Findings), key: &Arc<str>, order: &Order<'_>) {
    let Some(until) = order.until().filter(|until| *until < basis.moment.today) else { return };
    let (by, place, hint) = match order.documents.first() {
        Some((document, member)) => (
            document.key.to_string(),
            Some(member.place.clone()),
            "Remove it from the manifests to give access back, or write a later day.".to_owned(),
        ),
        None => ("`headcount revoke`".to_owned(), None, format!("To give access back: headcount revoke --lift {key}")),
    };
    let message = format!("{key}: the last day of {by} was {until}; nothing is given back before somebody says so");
    let finding = Finding::new(Severity::Warning, FindingCode::Revocation, Subject::identity(key), message);
    findings.push(finding.hint(hint).at(place));
}
