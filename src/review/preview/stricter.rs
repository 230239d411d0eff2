//! Of limits, ownership, protection, completeness and secrecy the stricter of both revisions; what the branch loosens is told.
//!
//! Must never: let a preview go by what only the branch allows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::{DocumentName, NotUsed, NotUsedKind};
use super::{Opening, Preview};
use crate::diagnostic::Place;
use crate::manifest::kinds::Ownership;
use crate::model::{Key, Visibility, attribute};
use crate::policy::{CompletenessPolicy, GuardrailPolicy, Lets, LimitPolicy, Policy, SourcePolicy, TargetPolicy};

/// Goes through what both revisions have.
pub(super) fn apply(base: &Policy, policy: &mut Policy, preview: &mut Preview) {
    let mut told = Vec::new();
    for target in &mut policy.targets {
        if let Some(before) = base.targets.iter().find(|before| before.name == target.name) {
            let mut side = Side { document: ("Target", target.name.clone()), place: target.place.clone(), told: &mut told };
            side.target(before, target);
        }
    }
    for source in &mut policy.sources {
        if let Some(before) = base.source_before(source) {
            let mut side = Side { document: ("Source", source.name.clone()), place: source.place.clone(), told: &mut told };
            side.source(before, source);
        }
    }
    for group in &mut policy.groups {
        if let Some(before) = base.groups.iter().find(|before| before.key == group.key) {
            let name = Key::group_name(&group.key).into();
            Side { document: ("Group", name), place: group.place.clone(), told: &mut told }
                .allow_empty(before.allow_empty, &mut group.allow_empty);
        }
    }
    for entitlement in &mut policy.entitlements {
        let name = entitlement.key.strip_prefix("entitlement/").unwrap_or(&entitlement.key).into();
        if let Some(before) = base.entitlements.iter().find(|before| before.key == entitlement.key) {
            let mut side = Side { document: ("Entitlement", name), place: entitlement.place.clone(), told: &mut told };
            side.allow_empty(before.allow_empty, &mut entitlement.allow_empty);
        }
    }
    secrecy(base, policy, preview, &mut told);
    preview.not_used.append(&mut told);
}

/// Values stay hidden that the base hides; and what only the branch reads is shown to nobody.
fn secrecy(base: &Policy, policy: &mut Policy, preview: &Preview, told: &mut Vec<NotUsed>) {
    let mut hidden: BTreeSet<Arc<str>> = base.sensitive.clone();
    for source in &policy.sources {
        // Records in a file of the branch are the branch's own.
        let own = preview.sources.get(&source.name) != Some(&Opening::AsBase);
        let Some(before) = base.source_before(source).filter(|_| !own) else { continue };
        let known: BTreeSet<&Arc<str>> = reads(before).collect();
        for rule in &source.rules {
            let new: Vec<&Arc<str>> =
                rule.when.iter().chain([&rule.value]).flat_map(|it| it.reads()).filter(|path| !known.contains(path)).collect();
            if let Some(first) = new.first() {
                let words = format!(
                    "the Source `{}` makes `{}` of `record.{first}`, which the base does not read: its values are shown once this is merged",
                    source.name, rule.attribute
                );
                hidden.insert(rule.attribute.clone());
                told.push(NotUsed { document: name("Source", &source.name), words, kind: NotUsedKind::Values, place: rule.place.clone() });
            }
        }
    }
    for target in &policy.targets {
        let Some(before) = base.targets.iter().find(|before| before.name == target.name) else { continue };
        let known = |name: &Arc<str>| before.rules.iter().any(|rule| rule.attribute == *name);
        let open = |name: &str| attribute(name).is_some_and(|known| known.visibility == Visibility::Public);
        for rule in target.rules.iter().filter(|rule| !known(&rule.attribute) && !open(&rule.attribute)) {
            let words = format!(
                "the Target `{}` is to have `{}`, which the base does not read there: its values are shown once this is merged",
                target.name, rule.attribute
            );
            hidden.insert(rule.attribute.clone());
            told.push(NotUsed { document: name("Target", &target.name), words, kind: NotUsedKind::Values, place: rule.place.clone() });
        }
    }
    for attribute in base.sensitive.difference(&policy.sensitive) {
        let words = format!("`{attribute}` is no secret any more: its values stay hidden until this is merged");
        told.push(NotUsed { document: name("Workspace", &policy.workspace), words, kind: NotUsedKind::LooserLimit, place: None });
    }
    policy.conceal(hidden);
}

fn reads(source: &SourcePolicy) -> impl Iterator<Item = &Arc<str>> {
    let rules = source.rules.iter().flat_map(|rule| rule.when.iter().chain([&rule.value]));
    let conditions = source.filter.iter().chain(&source.valid_from).chain(&source.valid_to).chain(&source.leaver).chain(&source.suspended);
    rules.chain(conditions).chain([&source.key]).flat_map(|expression| expression.reads())
}

fn name(kind: &str, name: &Arc<str>) -> DocumentName {
    DocumentName { kind: kind.into(), name: name.clone() }
}

/// One document of the head.
struct Side<'a> {
    document: (&'static str, Arc<str>),
    place: Place,
    told: &'a mut Vec<NotUsed>,
}

impl Side<'_> {
    /// The branch allows more: it is told, and the base's counts.
    fn looser(&mut self, place: Option<Place>, what: &str, base: &str, head: &str) {
        let (kind, of) = &self.document;
        let words = format!("{what} of the {kind} `{of}` goes from {base} to {head}: until this is merged the base's counts");
        let place = Some(place.unwrap_or_else(|| self.place.clone()));
        self.told.push(NotUsed { document: name(kind, of), words, kind: NotUsedKind::LooserLimit, place });
    }

    fn target(&mut self, base: &TargetPolicy, head: &mut TargetPolicy) {
        self.ownership("`ownership`", base.ownership, &mut head.ownership);
        if let Some(groups) = &mut head.groups {
            let before = base.groups.as_ref().map_or(base.ownership, |groups| groups.ownership);
            self.ownership("`groups.ownership`", before, &mut groups.ownership);
        }
        self.allow_empty(base.allow_empty, &mut head.allow_empty);
        self.guardrails(&base.guardrails, &mut head.guardrails);
        self.protection(base, head);
        if head.reuse_after < base.reuse_after {
            self.looser(None, "`names.reuseAfter`", &format!("{:#}", base.reuse_after), &format!("{:#}", head.reuse_after));
            head.reuse_after = base.reuse_after;
        }
        for lost in base.system.not_ours.difference(&head.system.not_ours) {
            self.looser(None, &format!("`notOurs` for {lost}"), "listed", "not listed");
        }
        head.system.not_ours.extend(base.system.not_ours.iter().cloned());
        for new in head.system.previous.difference(&base.system.previous) {
            self.looser(None, &format!("`previousSystems` for {new:x}"), "not listed", "listed");
        }
        head.system.previous = head.system.previous.intersection(&base.system.previous).copied().collect();
    }

    fn ownership(&mut self, what: &str, base: Ownership, head: &mut Ownership) {
        let rank = |ownership: Ownership| match ownership {
            Ownership::Observe => 0,
            Ownership::Additive => 1,
            Ownership::Owned => 2,
            Ownership::Authoritative => 3,
        };
        if rank(*head) > rank(base) {
            self.looser(None, what, &word(&base), &word(head));
            *head = base;
        }
    }

    fn allow_empty(&mut self, base: bool, head: &mut bool) {
        if *head && !base {
            self.looser(None, "`allowEmpty`", "false", "true");
            *head = false;
        }
    }

    fn guardrails(&mut self, base: &GuardrailPolicy, head: &mut GuardrailPolicy) {
        for (guardrail, before) in &base.limits {
            let what = format!("the limit `{}`", guardrail.word());
            match head.limits.get_mut(guardrail) {
                Some(after) => {
                    let strict = LimitPolicy { place: after.place.clone(), ..stricter(before, after) };
                    if is_looser(after, before) {
                        self.looser(after.place.clone(), &what, &limit(before), &limit(after));
                    }
                    *after = strict;
                }
                None => {
                    self.looser(None, &what, &limit(before), "no limit");
                    head.limits.insert(*guardrail, before.clone());
                }
            }
        }
        if head.window < base.window {
            self.looser(None, "`guardrails.window`", &format!("{:#}", base.window), &format!("{:#}", head.window));
            head.window = base.window;
        }
        // One for an exact set of changes lets nothing else past, whoever wrote it; it is told where it is used.
        let known = |given: &crate::policy::OverridePolicy| {
            matches!(given.lets, Lets::Exactly(_))
                || base
                    .overrides
                    .iter()
                    .any(|before| (before.guardrail, &before.lets) == (given.guardrail, &given.lets) && before.expires >= given.expires)
        };
        let (kept, new): (Vec<_>, Vec<_>) = std::mem::take(&mut head.overrides).into_iter().partition(known);
        head.overrides = kept;
        for given in new {
            let what = format!("an override of `{}`", given.guardrail.word());
            self.looser(Some(given.place), &what, "none", &format!("one until {}", given.expires));
        }
    }

    fn protection(&mut self, base: &TargetPolicy, head: &mut TargetPolicy) {
        for account in &base.protect.accounts {
            if !head.protect.accounts.contains(account) {
                self.looser(None, &format!("the protection of the account {account}"), "there", "none");
                head.protect.accounts.push(account.clone());
            }
        }
        for rule in &base.protect.rules {
            if !head.protect.rules.iter().any(|known| known.text() == rule.text()) {
                let place = head.protect.rules.first().and_then(|rule| rule.place().cloned());
                let now = head.protect.rules.first().map_or("none".to_owned(), |rule| format!("`{}`", rule.text()));
                self.looser(place, "`protect.rule`", &format!("`{}`", rule.text()), &now);
                head.protect.rules.push(rule.clone());
            }
        }
        for (group, least) in &base.protect.keep {
            let known = head.protect.keep.iter().filter(|(name, _)| name == group).map(|(_, least)| *least).max().unwrap_or(0);
            if known < *least {
                self.looser(None, &format!("the fewest members of {group}"), &least.to_string(), &known.to_string());
                head.protect.keep.push((group.clone(), *least));
            }
        }
    }

    fn source(&mut self, base: &SourcePolicy, head: &mut SourcePolicy) {
        self.allow_empty(base.allow_empty, &mut head.allow_empty);
        self.completeness(base.completeness, &mut head.completeness);
        for new in head.known_values.difference(&base.known_values) {
            self.looser(None, &format!("`lifecycle.knownValues` for {new}"), "not listed", "listed");
        }
        head.known_values.retain(|value| base.known_values.contains(value));
        for new in head.may_lose.iter().filter(|column| !base.may_lose.contains(column)) {
            self.looser(None, &format!("`completeness.mayLose` for {new}"), "not listed", "listed");
        }
        head.may_lose.retain(|column| base.may_lose.contains(column));
        if head.shared_end.is_some() && head.shared_end != base.shared_end {
            let day = |day: Option<jiff::civil::Date>| day.map_or("none".to_owned(), |day| day.to_string());
            self.looser(None, "`lifecycle.sharedEnd`", &day(base.shared_end), &day(head.shared_end));
            head.shared_end = base.shared_end;
        }
    }

    fn completeness(&mut self, base: CompletenessPolicy, head: &mut CompletenessPolicy) {
        let before = (base.max_shrink_share, base.max_shrink_count);
        if (head.max_shrink_share, head.max_shrink_count) != before && !shrinks_less(head, &base) {
            self.looser(None, "`completeness.maxShrink`", &shrink(&base), &shrink(head));
            (head.max_shrink_share, head.max_shrink_count) = before;
        }
        if base.min_count > head.min_count {
            let words = |count: Option<u64>| count.map_or("none".to_owned(), |count| count.to_string());
            self.looser(None, "`completeness.minCount`", &words(base.min_count), &words(head.min_count));
            head.min_count = base.min_count;
        }
        if base.max_age.is_some_and(|most| head.max_age.is_none_or(|age| age > most)) {
            let words = |age: Option<jiff::SignedDuration>| age.map_or("none".to_owned(), |age| format!("{age:#}"));
            self.looser(None, "`completeness.maxAge`", &words(base.max_age), &words(head.max_age));
            head.max_age = base.max_age;
        }
    }
}

/// Whether a limit of shrinking allows no more than another, whatever the population is. Two of different kinds can't be compared: then the base's counts.
fn shrinks_less(head: &CompletenessPolicy, base: &CompletenessPolicy) -> bool {
    const DEFAULT: f64 = 0.1;
    match (head.max_shrink_count, base.max_shrink_count) {
        (Some(now), Some(before)) => now <= before,
        (None, None) => head.max_shrink_share.unwrap_or(DEFAULT) <= base.max_shrink_share.unwrap_or(DEFAULT),
        (Some(now), None) => now == 0,
        (None, Some(_)) => false,
    }
}

fn shrink(limits: &CompletenessPolicy) -> String {
    match (limits.max_shrink_count, limits.max_shrink_share) {
        (Some(count), _) => count.to_string(),
        (None, Some(share)) => format!("{}%", share * 100.0),
        (None, None) => "10%".to_owned(),
    }
}

/// A limit that allows no more than either.
fn stricter(one: &LimitPolicy, other: &LimitPolicy) -> LimitPolicy {
    // A limit with a share never allows more than a third: a share of nothing keeps that.
    let percent = match (one.percent, other.percent) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0.0).min(other.unwrap_or(0.0))),
    };
    let max = one.max.into_iter().chain(other.max).min();
    LimitPolicy { count: one.count.min(other.count), percent, max, place: None }
}

/// Whether a limit may allow more than another.
fn is_looser(head: &LimitPolicy, base: &LimitPolicy) -> bool {
    let capped = |limit: &LimitPolicy| limit.max.unwrap_or(u64::MAX);
    let third = base.percent.is_some() && head.percent.is_none() && head.count > 0;
    let wider = head.count > base.count || head.percent.unwrap_or(0.0) > base.percent.unwrap_or(0.0) || third;
    capped(head) > capped(base) || (wider && head.max.is_none_or(|max| max > base.count))
}

fn limit(limit: &LimitPolicy) -> String {
    let share = limit.percent.map(|share| format!(" or {share} %")).unwrap_or_default();
    let most = limit.max.map(|most| format!(", at most {most}")).unwrap_or_default();
    format!("{}{share}{most}", limit.count)
}

/// A value as manifests write it.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
