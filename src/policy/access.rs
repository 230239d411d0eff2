//! Entitlements and revocations, compiled.

use std::sync::Arc;

use super::compile::Compiler;
use super::target::lifecycles;
use super::{EntitlementPolicy, MemberPolicy, ParameterPolicy, RevocationPolicy};
use crate::expr::Root;
use crate::manifest::kinds::{EntitlementSpec, RevocationSpec};
use crate::manifest::{Document, quantity};
use crate::model::Key;

/// Identities that one Revocation may cut off where it does not say.
const MOST_REVOKED: u32 = 10;

impl Compiler<'_> {
    /// Nothing where its target is declared nowhere, which the manifests' own checks tell.
    pub(super) fn entitlement(&mut self, document: &Document<EntitlementSpec>) -> Option<EntitlementPolicy> {
        let (origin, spec) = (&document.origin, &document.spec);
        let target = self.loaded.targets.iter().position(|target| target.name.as_ref() == spec.target);
        let when = self.condition(origin, "/spec/when", spec.when.as_ref(), Root::Identity);
        let until = self.condition(origin, "/spec/until", spec.until.as_ref(), Root::Identity);
        let mut parameters = Vec::with_capacity(spec.parameters.len());
        for (name, text) in &spec.parameters {
            let pointer = format!("/spec/parameters/{}", name.replace('~', "~0").replace('/', "~1"));
            let value = self.expression(origin, &pointer, text, Root::Identity);
            parameters.push(ParameterPolicy { name: Arc::from(name.as_str()), value, place: self.outlines.of(origin).place(&pointer) });
        }
        let outline = self.loaded.outline(origin);
        Some(EntitlementPolicy {
            key: Arc::from(format!("entitlement/{}", document.name)),
            target: target?,
            name: spec.entitlement.as_deref().map_or_else(|| document.name.clone(), Arc::from),
            when,
            allow_empty: spec.allow_empty,
            privileged: spec.privileged,
            lifecycles: lifecycles(&spec.lifecycles),
            members: self.members(Some(&outline), "/spec/members", &spec.members),
            parameters,
            until,
            when_place: spec.when.as_ref().map(|_| outline.place("/spec/when")),
            place: self.place(origin),
        })
    }

    pub(super) fn revocation(&mut self, document: &Document<RevocationSpec>) -> RevocationPolicy {
        let (origin, spec) = (&document.origin, &document.spec);
        let max = spec.max.unwrap_or(MOST_REVOKED);
        let many = spec.identities.len() + spec.accounts.len();
        if many > max as usize {
            let message = format!("this cuts off {many} identities, and at most {max} are allowed");
            self.error(origin, "/spec/identities", message, "say `max` if that is meant");
        }
        let outline = self.loaded.outline(origin);
        let mut identities = self.members(Some(&outline), "/spec/identities", &spec.identities);
        identities.extend(spec.accounts.iter().enumerate().map(|(at, account)| MemberPolicy {
            key: Key::account(&account.target, &account.id).text(),
            until: None,
            place: outline.place(&format!("/spec/accounts/{at}")),
        }));
        RevocationPolicy {
            key: Arc::from(format!("revocation/{}", document.name)),
            identities,
            reason: Arc::from(spec.reason.as_str()),
            until: spec.until.as_deref().and_then(|text| quantity::date(text).ok()),
            max,
            place: self.place(origin),
        }
    }
}
