//! Of limits, ownership, protection, completeness and secrecy the stricter of both revisions; what the branch loosens is told, of these and of what holds changes back.
//!
//! Must never: let a preview go by what only the branch allows, or pass over a field of what both revisions have without a decision.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use super::super::{NotUsed, NotUsedKind};
use super::side::{Side, name, word};
use super::{Opening, Preview, holds};
use crate::manifest::kinds::{Ownership, fold};
use crate::model::{Key, Visibility, attribute};
use crate::policy::{
    CompletenessPolicy, EntitlementPolicy, GroupPolicy, GroupScopePolicy, GuardrailPolicy, Lets, LimitPolicy, Policy, ProtectionPolicy,
    SourcePolicy, SystemPolicy, TargetPolicy,
};

/// Goes through what both revisions have. Whoever adds a field to a rule says here whether it holds, limits or marks something.
pub(super) fn apply(base: &Policy, policy: &mut Policy, today: Date, preview: &mut Preview) {
    // Whom Users, Revocations and tables are about shows in the plans, and what a PlanApproval lets through in what gates hold of them.
    let Policy {
        workspace: _,
        time_zone,
        sources: _,
        targets,
        users: _,
        groups,
        entitlements,
        revocations: _,
        approvals: _,
        sensitive: _,
        declared: _,
        tables: _,
        // A review asks both revisions what is privileged.
        nesting: _,
    } = base;
    let mut told = Vec::new();
    holds::time_zone(base, policy, &mut told);
    let other_zone = *time_zone != policy.time_zone;
    for target in &mut policy.targets {
        if let Some(before) = targets.iter().find(|before| before.name == target.name) {
            let mut side = Side { document: ("Target", target.name.clone()), place: target.place.clone(), told: &mut told };
            side.target(before, target);
            holds::gates(&mut side, &before.gates, &target.gates, (today, other_zone));
        }
    }
    for source in &mut policy.sources {
        if let Some(before) = base.source_before(source) {
            let mut side = Side { document: ("Source", source.name.clone()), place: source.place.clone(), told: &mut told };
            side.source(before, source);
        }
    }
    for group in &mut policy.groups {
        let one = |before: &&GroupPolicy| before.key == group.key || fold(&before.display_name) == fold(&group.display_name);
        for before in groups.iter().filter(one).collect::<Vec<_>>() {
            let name = Key::group_name(&group.key).into();
            Side { document: ("Group", name), place: group.place.clone(), told: &mut told }.group(before, group);
        }
    }
    for entitlement in &mut policy.entitlements {
        let name: Arc<str> = entitlement.key.strip_prefix("entitlement/").unwrap_or(&entitlement.key).into();
        if let Some(before) = entitlements.iter().find(|before| before.key == entitlement.key) {
            let mut side = Side { document: ("Entitlement", name), place: entitlement.place.clone(), told: &mut told };
            side.entitlement(before, entitlement);
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

impl Side<'_> {
    fn target(&mut self, base: &TargetPolicy, head: &mut TargetPolicy) {
        // Whom the others are about, and what becomes of people by them, shows in the plans. Gates are held against each other by themselves.
        let TargetPolicy {
            name: _,
            connector: _,
            needs: _,
            select: _,
            allow_empty,
            lifecycles: _,
            pre_hire: _,
            groups,
            correlate: _,
            sign_in,
            ownership,
            rules: _,
            leaver,
            absent,
            deselected,
            suspended,
            reuse_after,
            guardrails,
            protect,
            privileged,
            gates: _,
            schedule: _,
            system,
            place: _,
            connection: _,
        } = base;
        self.ownership("`ownership`", *ownership, &mut head.ownership);
        if let Some(scope) = &mut head.groups {
            let before = groups.as_ref().map_or(*ownership, |GroupScopePolicy { select: _, ownership, nested: _ }| *ownership);
            self.ownership("`groups.ownership`", before, &mut scope.ownership);
        }
        self.allow_empty(*allow_empty, &mut head.allow_empty);
        self.guardrails(guardrails, &mut head.guardrails);
        self.protection(protect, head);
        if head.reuse_after < *reuse_after {
            self.looser(None, "`names.reuseAfter`", &format!("{reuse_after:#}"), &format!("{:#}", head.reuse_after));
            head.reuse_after = *reuse_after;
        }
        self.system(system, &mut head.system);
        holds::privileges(self, (privileged, sign_in), (&head.privileged, &head.sign_in));
        holds::leaving(self, "`leaver`", leaver, &head.leaver);
        for (what, before, after) in [("`absent`", absent, &head.absent), ("`deselected`", deselected, &head.deselected)] {
            // Where nobody says it, it is what leavers get.
            if (before, after) != (leaver, &head.leaver) {
                holds::leaving(self, what, before, after);
            }
        }
        holds::leaving(self, "`suspended`", suspended, &head.suspended);
    }

    fn system(&mut self, base: &SystemPolicy, head: &mut SystemPolicy) {
        let SystemPolicy { id: _, words: _, previous, not_ours } = base;
        for lost in not_ours.difference(&head.not_ours) {
            self.looser(None, &format!("`notOurs` for {lost}"), "listed", "not listed");
        }
        head.not_ours.extend(not_ours.iter().cloned());
        for new in head.previous.difference(previous) {
            self.looser(None, &format!("`previousSystems` for {new:x}"), "not listed", "listed");
        }
        head.previous = head.previous.intersection(previous).copied().collect();
    }

    fn group(&mut self, base: &GroupPolicy, head: &mut GroupPolicy) {
        // What it is called and who is in it shows in the plans.
        let GroupPolicy {
            key,
            labels: _,
            display_name: _,
            description: _,
            members: _,
            rule: _,
            for_each: _,
            lifecycles: _,
            exclude: _,
            owners: _,
            previous_names: _,
            not_formerly: _,
            allow_empty,
            privileged,
            rule_place: _,
            members_place: _,
            place: _,
        } = base;
        if *key == head.key {
            self.allow_empty(*allow_empty, &mut head.allow_empty);
        }
        holds::mark(self, *privileged, head.privileged);
    }

    fn entitlement(&mut self, base: &EntitlementPolicy, head: &mut EntitlementPolicy) {
        // Who gets it, and with what, shows in the plans.
        let EntitlementPolicy {
            key: _,
            target: _,
            name: _,
            when: _,
            allow_empty,
            privileged,
            lifecycles: _,
            members: _,
            parameters: _,
            until: _,
            when_place: _,
            place: _,
        } = base;
        self.allow_empty(*allow_empty, &mut head.allow_empty);
        holds::mark(self, *privileged, head.privileged);
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
        let GuardrailPolicy { limits, window, overrides } = base;
        for (guardrail, before) in limits {
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
        if head.window < *window {
            self.looser(None, "`guardrails.window`", &format!("{window:#}"), &format!("{:#}", head.window));
            head.window = *window;
        }
        // One for an exact set of changes lets nothing else past, whoever wrote it; it is told where it is used.
        let known = |given: &crate::policy::OverridePolicy| {
            matches!(given.lets, Lets::Exactly(_))
                || overrides
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

    fn protection(&mut self, base: &ProtectionPolicy, head: &mut TargetPolicy) {
        let ProtectionPolicy { accounts, rules, keep } = base;
        for account in accounts {
            if !head.protect.accounts.contains(account) {
                self.looser(None, &format!("the protection of the account {account}"), "there", "none");
                head.protect.accounts.push(account.clone());
            }
        }
        for rule in rules {
            if !head.protect.rules.iter().any(|known| known.text() == rule.text()) {
                let place = head.protect.rules.first().and_then(|rule| rule.place().cloned());
                let now = head.protect.rules.first().map_or("none".to_owned(), |rule| format!("`{}`", rule.text()));
                self.looser(place, "`protect.rule`", &format!("`{}`", rule.text()), &now);
                head.protect.rules.push(rule.clone());
            }
        }
        for (group, least) in keep {
            let known = head.protect.keep.iter().filter(|(name, _)| name == group).map(|(_, least)| *least).max().unwrap_or(0);
            if known < *least {
                self.looser(None, &format!("the fewest members of {group}"), &least.to_string(), &known.to_string());
                head.protect.keep.push((group.clone(), *least));
            }
        }
    }

    fn source(&mut self, base: &SourcePolicy, head: &mut SourcePolicy) {
        // Whom its records make of people shows in the plans.
        let SourcePolicy {
            name: _,
            previous_names: _,
            key: _,
            filter: _,
            allow_empty,
            valid_from: _,
            valid_to: _,
            keep_blanks: _,
            establishes: _,
            correlate: _,
            leaver: _,
            suspended: _,
            shared_end,
            rules: _,
            completeness,
            known_values,
            may_lose,
            scope_hash: _,
            precedence: _,
            schedule: _,
            place: _,
            connection: _,
        } = base;
        self.allow_empty(*allow_empty, &mut head.allow_empty);
        self.completeness(completeness, &mut head.completeness);
        for new in head.known_values.difference(known_values) {
            self.looser(None, &format!("`lifecycle.knownValues` for {new}"), "not listed", "listed");
        }
        head.known_values.retain(|value| known_values.contains(value));
        for new in head.may_lose.iter().filter(|column| !may_lose.contains(column)) {
            self.looser(None, &format!("`completeness.mayLose` for {new}"), "not listed", "listed");
        }
        head.may_lose.retain(|column| may_lose.contains(column));
        if head.shared_end.is_some() && head.shared_end != *shared_end {
            let day = |day: Option<Date>| day.map_or("none".to_owned(), |day| day.to_string());
            self.looser(None, "`lifecycle.sharedEnd`", &day(*shared_end), &day(head.shared_end));
            head.shared_end = *shared_end;
        }
    }

    fn completeness(&mut self, base: &CompletenessPolicy, head: &mut CompletenessPolicy) {
        let CompletenessPolicy { max_shrink_share, max_shrink_count, max_age, min_count } = *base;
        let before = (max_shrink_share, max_shrink_count);
        if (head.max_shrink_share, head.max_shrink_count) != before && !shrinks_less(head, base) {
            self.looser(None, "`completeness.maxShrink`", &shrink(base), &shrink(head));
            (head.max_shrink_share, head.max_shrink_count) = before;
        }
        if min_count > head.min_count {
            let words = |count: Option<u64>| count.map_or("none".to_owned(), |count| count.to_string());
            self.looser(None, "`completeness.minCount`", &words(min_count), &words(head.min_count));
            head.min_count = min_count;
        }
        if max_age.is_some_and(|most| head.max_age.is_none_or(|age| age > most)) {
            let words = |age: Option<jiff::SignedDuration>| age.map_or("none".to_owned(), |age| format!("{age:#}"));
            self.looser(None, "`completeness.maxAge`", &words(max_age), &words(head.max_age));
            head.max_age = max_age;
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
