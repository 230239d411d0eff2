//! Targets, compiled, with every default filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;

use super::compile::Compiler;
use super::mapping::{Given, RuleDefaults, Written};
use super::{
    DeprovisionPolicy, GroupScopePolicy, GuardrailPolicy, Lets, LimitPolicy, OverridePolicy, PreHirePolicy, PrivilegePolicy,
    ProtectionPolicy, Rule, SystemPolicy, TargetPolicy,
};
use crate::expr::Root;
use crate::manifest::kinds::{
    Deprovision, DeprovisionAction, GuardrailOverride, Guardrails, Lifecycle, Limit, MappingDefaults, PreHire, Privileged, Protection,
    TargetMapping, TargetSpec, fold,
};
use crate::manifest::{Document, Origin, quantity};
use crate::model::{Guardrail, Value, ValueLimit, system_id};

/// Found by these where a Target names none: after the links and the marker.
const CORRELATE: [&str; 2] = ["externalId", "userName"];

/// What an account is called by, at every target.
const USER_NAME: &str = "userName";

/// Where a Target's rules stand.
const MAPPED_IN: [&str; 2] = ["Target", "AttributeMapping"];

/// For so long a name stays with whoever left.
pub(crate) const REUSE_AFTER: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Count and percent of the guardrails that limit unasked. What gives is limited as what takes is: a joiner's week passes, a whole company renamed, let in again
/// or made a second time does not.
pub(crate) const DEFAULTS: [(Guardrail, u64, f64); 16] = [
    (Guardrail::Create, 10, 10.0),
    (Guardrail::Adopt, 5, 5.0),
    (Guardrail::Reactivate, 5, 2.0),
    (Guardrail::Rename, 5, 2.0),
    (Guardrail::Names, 5, 2.0),
    (Guardrail::Move, 10, 10.0),
    (Guardrail::Roles, 20, 10.0),
    (Guardrail::Owners, 20, 10.0),
    (Guardrail::Deactivate, 5, 5.0),
    (Guardrail::Delete, 0, 0.0),
    (Guardrail::AddMembers, 20, 10.0),
    (Guardrail::RemoveMembers, 20, 10.0),
    (Guardrail::AddEntitlements, 20, 10.0),
    (Guardrail::RemoveEntitlements, 20, 10.0),
    (Guardrail::DeleteGroups, 0, 0.0),
    (Guardrail::Leavers, 10, 10.0),
];

/// What a Target's accounts hold, as far as it is known without reaching it.
#[derive(Clone, Copy)]
struct Held<'h> {
    rules: &'h [Rule],
    limits: &'h BTreeMap<Arc<str>, ValueLimit>,
    /// no two accounts have one value
    unique: &'h BTreeSet<Arc<str>>,
}

impl Compiler<'_> {
    pub(super) fn target(&mut self, document: &Document<TargetSpec>, given: &Given) -> TargetPolicy {
        let (origin, spec) = (&document.origin, &document.spec);
        let facts = self.facts.of_target(spec);
        let rules = self.target_rules(origin, spec.mapping.as_ref(), facts.default_mapping, given);
        self.gives_what_is_needed(origin, spec, &facts.needs, &rules, given);
        let held = Held { rules: &rules, limits: &facts.limits, unique: &facts.unique };
        let leaver = self.deprovision(origin, "/spec/leaver", spec.leaver.as_ref(), held).unwrap_or(DeprovisionPolicy::DEACTIVATE);
        let absent = self.deprovision(origin, "/spec/absent", spec.absent.as_ref(), held).unwrap_or_else(|| leaver.clone());
        let deselected = self.deprovision(origin, "/spec/deselected", spec.deselected.as_ref(), held).unwrap_or_else(|| leaver.clone());
        // Somebody on leave comes back: never deleted unless a manifest says so for this very case.
        let suspended = self.deprovision(origin, "/spec/suspended", spec.suspended.as_ref(), held);
        let correlate = match spec.correlate.as_slice() {
            [] => CORRELATE.iter().map(|name| Arc::from(*name)).collect(),
            names => names.iter().map(|name| Arc::from(name.as_str())).collect(),
        };
        if !self.loaded.refuses_some(&MAPPED_IN) {
            self.chains(&rules);
        }
        let sign_in = self.sign_in(origin, &spec.sign_in, &rules);
        TargetPolicy {
            name: document.name.clone(),
            connector: facts.connector,
            needs: facts.needs,
            select: self.condition(origin, "/spec/select", spec.select.as_ref(), Root::Identity),
            allow_empty: spec.allow_empty,
            lifecycles: lifecycles(&spec.lifecycles),
            pre_hire: spec.pre_hire.as_ref().map(pre_hire),
            groups: spec.groups.as_ref().map(|groups| GroupScopePolicy {
                select: self.condition(origin, "/spec/groups/select", groups.select.as_ref(), Root::Group),
                ownership: groups.ownership.unwrap_or(spec.ownership),
                nested: groups.nested.unwrap_or(true),
            }),
            correlate,
            sign_in,
            ownership: spec.ownership,
            rules,
            leaver,
            absent,
            deselected,
            suspended: suspended.unwrap_or(DeprovisionPolicy::DEACTIVATE),
            reuse_after: Self::duration(spec.names.as_ref().and_then(|names| names.reuse_after.as_ref())).unwrap_or(REUSE_AFTER),
            guardrails: self.guardrails(origin, spec.guardrails.as_ref()),
            protect: self.protection(origin, spec.protect.as_ref()),
            privileged: spec.privileged.as_ref().map(privileged).unwrap_or_default(),
            gates: self.gates(document),
            schedule: Self::target_schedule(spec),
            system: system(spec),
            place: self.place(origin),
            connection: self.loaded.connection(origin),
        }
    }

    /// The connector's rules, and those of the Target in the place of some and besides.
    fn target_rules(
        &mut self,
        origin: &Origin,
        mapping: Option<&TargetMapping>,
        defaults: Vec<(String, String)>,
        given: &Given,
    ) -> Vec<Rule> {
        let written = mapping.map(|mapping| Written { from: &mapping.from, rules: &mapping.rules });
        let mut rules = written.map(|written| self.rules(origin, written, Root::Mapping, RuleDefaults::TARGET)).unwrap_or_default();
        if mapping.is_none_or(|mapping| mapping.defaults == MappingDefaults::Connector) {
            let of_connector = self.default_rules(origin, defaults, &rules, given);
            rules.extend(of_connector);
            rules.sort_by(|one, next| one.attribute.cmp(&next.attribute));
        }
        rules
    }

    /// What people sign in by: as written, else the user name, else the address.
    fn sign_in(&mut self, origin: &Origin, written: &[String], rules: &[Rule]) -> Vec<Arc<str>> {
        let maps = |name: &str| rules.iter().any(|rule| rule.attribute.as_ref() == name);
        if written.is_empty() {
            return vec![Arc::from(if maps("userName") || !maps("emails") { "userName" } else { "emails" })];
        }
        let known = !self.loaded.refuses_some(&MAPPED_IN);
        for (at, name) in written.iter().enumerate().filter(|(_, name)| known && !maps(name)) {
            let message = format!("people are to sign in by `{name}`, and no rule of this Target maps it");
            self.error(origin, &format!("/spec/signIn/{at}"), &message, "name an attribute of the mapping, or add a rule for it");
        }
        written.iter().map(|name| Arc::from(name.as_str())).collect()
    }

    fn deprovision(&mut self, origin: &Origin, pointer: &str, spec: Option<&Deprovision>, held: Held<'_>) -> Option<DeprovisionPolicy> {
        let spec = spec?;
        self.set_along(origin, pointer, spec, held);
        let place = Some(self.loaded.place(origin, pointer));
        let pointer = format!("{pointer}/deleteAfter");
        let delete_after = Self::duration(spec.delete_after.as_ref());
        if spec.delete_after.is_some() && spec.action != DeprovisionAction::Deactivate {
            self.error(
                origin,
                &pointer,
                "`deleteAfter` counts from a deactivation, and the action is another",
                "use `action: deactivate`, or leave it out",
            );
        }
        let set = spec.set.iter().map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str()))).collect();
        Some(DeprovisionPolicy { action: spec.action, delete_after, set, place })
    }

    /// What a deactivated account has must be given back to whoever comes back.
    fn set_along(&mut self, origin: &Origin, pointer: &str, spec: &Deprovision, held: Held<'_>) {
        let Some(first) = spec.set.keys().next() else { return };
        if spec.action != DeprovisionAction::Deactivate {
            let message = "`set` says what a deactivated account has, and the action is another";
            self.error(origin, &format!("{pointer}/set/{first}"), message, "use `action: deactivate`, or leave it out");
        }
        let known = !self.loaded.refuses_some(&MAPPED_IN);
        let rule_of = |name: &str| held.rules.iter().find(|rule| name != "active" && rule.attribute.as_ref() == name);
        for name in spec.set.keys().filter(|name| known && rule_of(name).is_none()) {
            let message = format!("a deactivated account is to have another `{name}`, and no rule of this Target maps it");
            let hint = "add a rule for it, which gives it back to whoever comes back, or leave it out";
            self.error(origin, &format!("{pointer}/set/{name}"), &message, hint);
        }
        for (name, value) in &spec.set {
            let at = format!("{pointer}/set/{name}");
            if name == USER_NAME || held.unique.contains(name.as_str()) || rule_of(name).is_some_and(|rule| rule.unique) {
                let message = format!("no two accounts can have one `{name}`, and all that are deactivated would get this one");
                self.error(origin, &at, &message, "leave it out: whoever leaves keeps what they have");
            } else if let Some(words) = held.limits.get(name.as_str()).and_then(|limit| limit.refusal(Some(&Value::text(value.as_str())))) {
                self.error(origin, &at, format!("the `{name}` of a deactivated account {words}"), "write a value that the target takes");
            }
        }
    }

    fn guardrails(&mut self, origin: &Origin, spec: Option<&Guardrails>) -> GuardrailPolicy {
        let unlimited = Guardrails::default();
        let spec = spec.unwrap_or(&unlimited);
        let default = |(guardrail, count, percent): &(Guardrail, u64, f64)| {
            (*guardrail, LimitPolicy { count: *count, percent: Some(*percent), max: None, place: None })
        };
        let mut limits: BTreeMap<Guardrail, LimitPolicy> = DEFAULTS.iter().map(default).collect();
        for (guardrail, limit) in spec.limits() {
            limits.insert(guardrail, self.limit(origin, &format!("/spec/guardrails/{}", guardrail.word()), limit));
        }
        let window = Self::duration(spec.window.as_ref()).unwrap_or(SignedDuration::from_hours(24));
        let overrides = spec.overrides.iter().enumerate().filter_map(|(at, given)| self.given(origin, at, given)).collect();
        GuardrailPolicy { limits, window, overrides }
    }

    fn limit(&mut self, origin: &Origin, pointer: &str, limit: &Limit) -> LimitPolicy {
        if limit.count.is_none() && limit.percent.is_none() && limit.max.is_none() {
            self.lack(origin, pointer, "this limit says nothing", "give `count`, `percent`, or both; `count: 0` refuses everything");
        }
        if limit.count.is_none() && limit.percent.is_none() && limit.max.is_some() {
            self.lack(origin, pointer, "`max` alone allows nothing", "add `count` or `percent`; `max` caps them");
        }
        if limit.percent == Some(100.0) {
            let hint = "write less than 100; to let one set of changes past, use an override";
            self.error(origin, &format!("{pointer}/percent"), "this share would limit nothing", hint);
        }
        LimitPolicy {
            count: limit.count.unwrap_or_default(),
            percent: limit.percent,
            max: limit.max,
            place: Some(self.outlines.of(origin).place(pointer)),
        }
    }

    fn given(&mut self, origin: &Origin, at: usize, given: &GuardrailOverride) -> Option<OverridePolicy> {
        let pointer = format!("/spec/guardrails/overrides/{at}");
        let hint = "the refusal prints overrides ready to paste: `changes` for one set of changes, `atMost` for a bound";
        let lets = match (given.changes.as_deref().map(str::trim), given.at_most) {
            (Some(""), _) => {
                self.error(origin, &format!("{pointer}/changes"), "an override is given for one set of changes, by its hash", hint);
                return None;
            }
            (Some(changes), None) => Lets::Exactly(changes.to_owned()),
            (None, Some(bound)) => Lets::AtMost(bound),
            (Some(_), Some(_)) => {
                self.error(origin, &format!("{pointer}/atMost"), "an override has `changes` or `atMost`, not both", hint);
                return None;
            }
            (None, None) => {
                self.lack(origin, &pointer, "this override lets nothing past", hint);
                return None;
            }
        };
        Some(OverridePolicy {
            guardrail: Guardrail::of_word(&given.guardrail)?,
            lets,
            reason: given.reason.clone(),
            expires: quantity::date(&given.expires).ok()?,
            place: self.outlines.of(origin).place(&pointer),
        })
    }

    fn protection(&mut self, origin: &Origin, spec: Option<&Protection>) -> ProtectionPolicy {
        let Some(spec) = spec else { return ProtectionPolicy::default() };
        ProtectionPolicy {
            accounts: spec.accounts.iter().map(|name| Arc::from(name.to_lowercase())).collect(),
            rules: self.condition(origin, "/spec/protect/rule", spec.rule.as_ref(), Root::Account).into_iter().collect(),
            keep: spec.keep.iter().map(|keep| (Arc::from(keep.group.as_str()), keep.at_least)).collect(),
        }
    }
}

fn privileged(spec: &Privileged) -> PrivilegePolicy {
    let names = |names: &[String]| names.iter().map(|name| fold(name)).collect();
    PrivilegePolicy {
        groups: names(&spec.groups),
        entitlements: names(&spec.entitlements),
        roles: names(&spec.roles),
        attributes: spec.attributes.iter().map(|name| Arc::from(name.as_str())).collect(),
    }
}

/// Days that can't be read were told by the manifests' own checks.
fn pre_hire(spec: &PreHire) -> PreHirePolicy {
    PreHirePolicy { before: spec.before.as_deref().and_then(|text| quantity::days(text).ok()), active: spec.active }
}

/// Absent: those who work here.
pub(super) fn lifecycles(written: &[Lifecycle]) -> Vec<Lifecycle> {
    if written.is_empty() { vec![Lifecycle::Active] } else { written.to_vec() }
}

fn system(spec: &TargetSpec) -> SystemPolicy {
    let words = spec.connection.described().system();
    SystemPolicy {
        id: system_id(&words),
        words: words.into(),
        // Anything else was refused when the manifest was checked.
        previous: spec.previous_systems.iter().filter_map(|text| u64::from_str_radix(text, 16).ok()).collect(),
        not_ours: spec.not_ours.iter().map(|id| Arc::from(id.as_str())).collect(),
    }
}
