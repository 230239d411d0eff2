//! Whether an account that only a link leads to is still the one that the link was made for: ids are used again, and another system may stand behind a target.
//!
//! A link alone is no proof once neither the name that headcount wrote, nor a correlation key, nor the person's name fits.
//! Must never: take an account for somebody's by its id alone, or decide what becomes of it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::expr::Input;
use crate::manifest::kinds::Ownership;
use crate::model::{Finding, FindingCode, ObjectKind, Severity, Subject, UNKNOWN_SYSTEM, ValueState};
use crate::planning::basis::Basis;
use crate::planning::findings::{Findings, Shared};
use crate::planning::people::person::Person;
use crate::planning::targets::claims::Claims;
use crate::planning::targets::observed::ObjectView;
use crate::planning::targets::search;
use crate::world::{Carries, LinkRow, canonical, kind_of};

/// Fewer than this are told one by one: a name that changed on both sides, an id that was used again.
const MANY: usize = 4;
/// Ids in one line to paste.
const LISTED: usize = 20;

/// Attributes by any of which somebody is known again.
const KNOWN_BY: [&str; 4] = ["userName", "displayName", "emails", "employeeNumber"];
/// Attributes by all of which somebody is known again.
const NAMED: [&str; 2] = ["name.familyName", "name.givenName"];

/// Whether accounts of a target go that nothing proves to be headcount's.
pub(in crate::planning) fn prunes(basis: &Basis<'_>, target: usize) -> bool {
    basis.policy.targets[target].ownership == Ownership::Authoritative
}

/// Whether an object is called what it was when headcount last wrote it.
pub(in crate::planning) fn is_called(objects: ObjectView<'_>, row: u32, link: &LinkRow<'_>) -> bool {
    link.name.is_some_and(|name| name.to_lowercase() == called(objects, row).to_lowercase())
}

/// The key under which the state remembers an account or a group that is called as headcount left it. Whoever may change the object can write a mark there;
/// nobody but headcount writes the state.
pub(in crate::planning) fn remembered_key<'w>(basis: &Basis<'w>, target: usize, kind: ObjectKind, row: u32) -> Option<&'w str> {
    let observed = &basis.observed[target];
    let objects = if kind == ObjectKind::Group { observed.groups() } else { observed.accounts() };
    let link = basis.world.recall.link_of(&basis.policy.targets[target].name, kind, &objects.id(row))?;
    is_called(objects, row, &link).then_some(link.key)
}

/// Whether a run sent an object's creation or adoption and never heard what became of it: then its mark may be all that is known of it.
pub(in crate::planning) fn was_sent(basis: &Basis<'_>, target: usize, key: &str) -> bool {
    basis.world.was_sent(&basis.policy.targets[target].name, key)
}

/// Whether an account that only these links lead to is somebody's whom the sources know.
pub(in crate::planning) fn fits(basis: &Basis<'_>, target: usize, identity: u32, row: u32, links: &[LinkRow<'_>]) -> bool {
    let accounts = basis.observed[target].accounts();
    let id = accounts.id(row);
    // What it was called is remembered since the first write; where nobody remembers, nothing speaks against it at the system that it was made at.
    let unnamed = |link: &LinkRow<'_>| link.name.is_none() && link.system != UNKNOWN_SYSTEM;
    if links.iter().any(|link| *link.id == *id && (unnamed(link) || is_called(accounts, row, link))) {
        return true;
    }
    let mut person = Person::default();
    basis.people.values(&basis.layout, identity, &mut person);
    if search::hits(basis, target, &search::keys(basis, target, &person)).contains(&row) {
        return true;
    }
    let has = |name: &str| {
        let cell = accounts.cell_of(row, name);
        let wanted = search::value(basis, target, &person, &Arc::from(name));
        matches!(&wanted, ValueState::Set(value) if canonical::same(kind_of(name), value, cell)
            || canonical::keys(kind_of(name), Input::Value(value)).iter().any(|key| canonical::has_key(kind_of(name), cell, key)))
    };
    KNOWN_BY.iter().any(|name| has(name)) || NAMED.iter().all(|name| has(name))
}

/// Whether an account of somebody who is gone is not the one that its link was made for: nothing but the name is left to tell.
pub(in crate::planning) fn is_strange(basis: &Basis<'_>, target: usize, row: u32) -> bool {
    let accounts = basis.observed[target].accounts();
    if accounts.carries(row) == Carries::Ours {
        return false;
    }
    let (world, name) = (basis.world, &basis.policy.targets[target].name);
    let Some(key) = world.recall.key_of(name, ObjectKind::Account, &accounts.id(row)) else { return false };
    let links = world.recall.links_of(name, ObjectKind::Account, key);
    links.iter().any(|link| link.name.is_some()) && !links.iter().any(|link| is_called(accounts, row, link))
}

/// Whether so many remembered accounts don't fit, of so many that do, that another system seems to stand there.
pub(in crate::planning) fn are_many(strange: usize, fitting: usize) -> bool {
    may_be_many(strange) && strange > fitting
}

/// Whether so many don't fit that it depends on how many do.
pub(in crate::planning) fn may_be_many(strange: usize) -> bool {
    strange >= MANY
}

/// What links came to at one target.
#[derive(Default)]
pub(in crate::planning) struct Linked {
    /// identities whose account is proved by a link alone, and it fits
    pub(in crate::planning) fitting: Vec<(u32, u32)>,
    /// those whose link leads to an account that does not fit
    pub(in crate::planning) strange: Vec<(u32, u32)>,
}

impl Linked {
    /// Whether so many don't fit that another system seems to stand behind the target. Then those that fit by chance are no proof either.
    pub(in crate::planning) fn is_another_system(&self) -> bool {
        are_many(self.strange.len(), self.fitting.len())
    }

    /// Says it: one by one, or once.
    pub(in crate::planning) fn tell(&self, basis: &Basis<'_>, target: usize, findings: &mut Findings) {
        if self.strange.len() >= MANY {
            return findings.push(self.many(basis, target));
        }
        for (identity, row) in &self.strange {
            let key = basis.people.key(*identity);
            findings.share(one(basis, target, *row, &key), &key);
        }
    }

    fn many(&self, basis: &Basis<'_>, target: usize) -> Finding {
        let name = &basis.policy.targets[target].name;
        let accounts = basis.observed[target].accounts();
        let all = self.strange.len() + self.fitting.len();
        let mut told: Vec<(Arc<str>, u32)> = self.strange.iter().map(|(identity, row)| (basis.people.key(*identity), *row)).collect();
        told.sort();
        let first: Vec<_> =
            told.iter().take(3).map(|(key, row)| format!("{key}: {} is now {}", accounts.id(*row), called(accounts, *row))).collect();
        let held = if self.is_another_system() { all } else { self.strange.len() };
        let message = format!(
            "{name}: {} of the {all} accounts that only headcount's memory proves have neither the mark nor the name nor a key of their people ({}, …), as if \
             another system stood behind {}; nothing is planned for these {held} people, and nobody gets an account there",
            self.strange.len(),
            first.join(", "),
            basis.policy.targets[target].system.words
        );
        let ids: Vec<_> = told.iter().take(LISTED).map(|(_, row)| format!("{:?}", accounts.id(*row))).collect();
        let hint = format!(
            "If the connection leads to the wrong system, correct it. If it is another system for good, give the Target another metadata.name: headcount then \
             begins anew there. If it is the same one and these ids were used again for other people, add to Target {name}:\nspec:\n  notOurs: [{}{}]",
            ids.join(", "),
            if told.len() > LISTED { ", …" } else { "" }
        );
        let place = basis.policy.targets[target].place.clone();
        Finding::new(Severity::Refused, FindingCode::OwnershipUnproven, Subject::system(name), message).hint(hint).at(Some(place))
    }
}

/// What is said of one account that does not fit.
pub(in crate::planning) fn one(basis: &Basis<'_>, target: usize, row: u32, key: &str) -> Shared {
    let accounts = basis.observed[target].accounts();
    let (name, id) = (&basis.policy.targets[target].name, accounts.id(row));
    let sentence = format!(
        "{{who}}: the account that headcount remembers (id {id}) is now {}, with neither their mark nor a name or key of theirs, so its id may have been \
         used again; it is left alone, and nobody gets another one",
        called(accounts, row)
    );
    let mark = match &basis.layout.targets[target].marker {
        Some(marker) => format!("set its {marker} to {}", basis.marks.mark(key)),
        None => "give it their name again".to_owned(),
    };
    let hint =
        format!("If it is theirs, {mark} at the target. If it is somebody else's, add to Target {name}:\nspec:\n  notOurs: [{id:?}]");
    Shared::new(Severity::Error, FindingCode::OwnershipUnproven, Some(name), sentence).hint(hint)
}

/// Holds everybody whose link was made at another system, unless a mark proves an account here. Gives who they are.
pub(in crate::planning) fn strand(basis: &Basis<'_>, target: usize, claims: &Claims, findings: &mut Findings) -> Vec<u32> {
    let mut held = Vec::new();
    let rules = &basis.policy.targets[target];
    for link in basis.world.recall.stranded_at(&rules.name, ObjectKind::Account) {
        let number = basis.people.find(link.key).filter(|number| !basis.revoked.has(*number));
        if number.is_some_and(|number| claims.row(number).is_some()) {
            continue;
        }
        held.extend(number);
        let sentence = format!(
            "{{who}}: remembered at another system (number {:016x}) than {} speaks to now ({}), and no mark there is theirs; nothing is planned for them",
            link.system, rules.name, rules.system.words
        );
        let hint = format!(
            "If it is the same system under another address or name, add to Target {}:\nspec:\n  previousSystems: [\"{:016x}\"]\nIf it is another one, correct the \
             connection, or give the Target another metadata.name: headcount then begins anew there.",
            rules.name, link.system
        );
        let shared = Shared::new(Severity::Refused, FindingCode::OwnershipUnproven, Some(&rules.name), sentence);
        findings.share(shared.hint(hint).at(Some(&rules.place)), &Arc::from(link.key));
    }
    held
}

/// What is said where most of the accounts that headcount remembers are at another system.
pub(in crate::planning) fn elsewhere(basis: &Basis<'_>, target: usize, many: usize) -> Finding {
    let rules = &basis.policy.targets[target];
    let message =
        format!("{}: {many} remembered accounts are at another system, so nobody who is new gets an account at this one", rules.name);
    let hint = "Settle first which system it is: see what is said of those who are remembered elsewhere.";
    Finding::new(Severity::Refused, FindingCode::OwnershipUnproven, Subject::system(&rules.name), message)
        .hint(hint)
        .at(Some(rules.place.clone()))
}

/// What people call an account.
fn called(accounts: ObjectView<'_>, row: u32) -> Cow<'_, str> {
    let text = |name: &str| Some(canonical::text(accounts.cell_of(row, name))).filter(|text| !text.is_empty());
    text("userName").or_else(|| text("displayName")).unwrap_or_else(|| accounts.id(row))
}
