//! Keys that manifests and the state name to keep somebody out, and that nobody has: whoever has such a key in another form may be the one.
//!
//! An exclusion, a revocation, or a User that says something else of somebody does nothing for a key that changed its form, and whoever it kept out would come in.
//! Must never: cut anybody off or take anything by a guess, or hold whoever has left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::Place;
use crate::manifest::kinds::Lifecycle;
use crate::model::{Finding, FindingCode, Key, Severity, Subject};
use crate::planning::basis::Basis;
use crate::planning::holds::Step;
use crate::planning::holds::form;
use crate::planning::holds::form::{KeyChange, bare};
use crate::planning::holds::hands::{quoted, user_line};
use crate::planning::people::person::Person;
use crate::planning::targets::eligibility::{Serve, serve};

const NAMED: usize = 3;

/// A line that names nobody.
pub(in crate::planning) struct Line<'a> {
    key: Arc<str>,
    says: String,
    place: Option<&'a Place>,
}

impl Line<'_> {
    /// The source that the key is of.
    pub(in crate::planning) fn source(&self) -> Option<&str> {
        Some(Key::of_identity(&self.key)?.0)
    }

    /// The key, and what is said of it.
    pub(in crate::planning) fn told(&self) -> String {
        format!("{}, {}", self.key, self.says)
    }
}

/// Somebody whose key is another form of one that a line names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Likely {
    named: Arc<str>,
    now: Arc<str>,
    number: u32,
    line: usize,
}

/// Lines of Users and revocations that name nobody.
pub(in crate::planning) fn lines<'a>(basis: &Basis<'a>) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for user in basis.people.dangling_overrides() {
        let says = format!("whom the User {} {}", user.name, if user.exclude { "excludes" } else { "overrides" });
        lines.push(Line { key: user.key.clone(), says, place: Some(&user.place) });
    }
    for (key, order) in basis.revoked.orders() {
        let keys: BTreeSet<&Arc<str>> = order.keys().chain([key]).collect();
        let (by, place) = match order.documents.first() {
            Some((document, member)) => (document.key.as_ref(), Some(&member.place)),
            None => ("`headcount revoke`", None),
        };
        for key in keys.into_iter().filter(|key| basis.people.meant_by(key).is_none()) {
            lines.push(Line { key: key.clone(), says: format!("who is cut off by {by}"), place });
        }
    }
    lines
}

/// Who may be meant by lines that name nobody, and gets nothing. Tells of them, but where `told` has the form already.
pub(super) fn held(step: &mut Step<'_, '_>, lines: &[Line<'_>], told: impl Fn(&KeyChange) -> bool) -> BTreeSet<u32> {
    let basis = step.basis;
    let by_key = likely(basis, lines.iter().map(|line| &line.key));
    let mut found: BTreeMap<KeyChange, Vec<Likely>> = BTreeMap::new();
    let mut held = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        for number in by_key.get(&line.key).into_iter().flatten().filter(|number| would_get(step, **number)) {
            let now = basis.people.key(*number);
            held.insert(*number);
            let form = KeyChange::of(&basis.people, &line.key, &now);
            found.entry(form).or_default().push(Likely { named: line.key.clone(), now, number: *number, line: at });
        }
    }
    if !held.is_empty() {
        step.report.findings.rest_on_all("somebody has another form of a key that a line names");
    }
    for (form, likely) in found.iter().filter(|(form, _)| **form == KeyChange::Other || !told(form)) {
        tell(step, form, lines, likely);
    }
    held
}

/// Whose keys are other forms of these, which nobody has.
pub(in crate::planning) fn likely<'k>(basis: &Basis<'_>, keys: impl Iterator<Item = &'k Arc<str>>) -> BTreeMap<Arc<str>, BTreeSet<u32>> {
    let mut by_bare: BTreeMap<String, BTreeSet<&Arc<str>>> = BTreeMap::new();
    for key in keys.filter(|key| Key::of_record(key).is_some()) {
        by_bare.entry(bare(key)).or_default().insert(key);
    }
    let mut found: BTreeMap<Arc<str>, BTreeSet<u32>> = BTreeMap::new();
    if by_bare.is_empty() {
        return found;
    }
    for (rules, side) in basis.policy.sources.iter().zip(&basis.world.sources) {
        for record in 0..side.len() {
            let Some(keys) = by_bare.get(&bare(side.key(record))) else { continue };
            let now = Key::record(&rules.name, side.key(record)).text();
            let Some(number) = basis.people.meant_by(&now) else { continue };
            let denied = |key: &Arc<str>| basis.people.declared(number).is_some_and(|user| user.not_former_keys.contains(key));
            for key in keys.iter().filter(|key| form::is_another(&basis.people, key, &now) && !denied(key)) {
                found.entry((*key).clone()).or_default().insert(number);
            }
        }
    }
    found
}

/// Whether something may be given to somebody. Whoever has left or is left out anyway gets nothing, and would keep what they have if they were held; so does whoever
/// is away, unless a target is for people who are.
fn would_get(step: &Step<'_, '_>, number: u32) -> bool {
    let basis = step.basis;
    if basis.people.is_retired(number) || basis.revoked.has(number) {
        return false;
    }
    let mut person = Person::default();
    basis.people.assemble(&basis.layout, number, &mut person);
    let serves = |target| !matches!(serve(basis, target, &person), Serve::No(_));
    match person.standing.lifecycle() {
        Some(Lifecycle::Active | Lifecycle::PreHire) => true,
        Some(Lifecycle::Suspended) => (0..basis.policy.targets.len()).any(serves),
        Some(Lifecycle::Leaver) | None => false,
    }
}

fn tell(step: &mut Step<'_, '_>, form: &KeyChange, lines: &[Line<'_>], likely: &[Likely]) {
    let Some((first, line)) = likely.first().and_then(|first| Some((first, lines.get(first.line)?))) else { return };
    let people = &step.basis.people;
    let Likely { named, now, number, .. } = first;
    let more = match likely.len() {
        1 => String::new(),
        many => {
            let others: Vec<&str> = likely.iter().skip(1).take(NAMED).map(|one| one.now.as_ref()).collect();
            format!(" (so are {}{})", others.join(", "), if many - 1 > NAMED { " and more" } else { "" })
        }
    };
    let message = format!(
        "{now}: its key seems to be that of {named} in another form{more}, {}; nobody has the key {named}, so everything of {now}'s stays as it is, and nothing is given",
        line.says
    );
    let rule = form.rule().and_then(|(source, rule)| {
        let rules = people.policy.sources.iter().find(|known| known.name.as_ref() == source)?;
        Some(format!("write `key: '{}'` into the spec of the Source {source}, or ", rule.over(rules).replace('\'', "''")))
    });
    let denied = user_line(people, now, *number, &format!("notFormerKeys: [{}]", quoted(named)));
    let hint = format!(
        "Correct the export, or {}name {now} in place of {named}. If they are two people, write {denied}.",
        rule.unwrap_or_default()
    );
    let finding = Finding::new(Severity::Error, FindingCode::KeyChanged, Subject::identity(now), message).hint(hint);
    step.report.findings.push(finding.at(line.place.cloned()));
}
