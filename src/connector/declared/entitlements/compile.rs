//! From a document's kinds of entitlements to what is run.
//!
//! Must never: let something be given that nothing takes back, or changed that nothing changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::compile::{Compiler, escaped};
use super::super::definition::{Attribute, Entitlements};
use super::super::scope::{ENTITLEMENT, RECORD};
use crate::http::Effect;
use crate::manifest::kinds::connector::{AttributeSpec, ConnectorSpec, EntitlementsSpec, ParameterSpec};

impl Compiler {
    /// All kinds.
    pub(in super::super) fn entitlements(&mut self, spec: &ConnectorSpec) -> Vec<(Arc<str>, Entitlements)> {
        let mut kinds = Vec::with_capacity(spec.entitlements.len());
        for (kind, rules) in &spec.entitlements {
            let at = format!("/entitlements/{}", escaped(kind));
            if kind.contains('/') {
                self.say(&at, "a kind's name has no `/`: that stands between kind and name".into(), None);
            }
            self.sound(rules, &at);
            kinds.push((Arc::from(kind.as_str()), self.kind(rules, &at)));
        }
        kinds
    }

    /// What one kind must say.
    fn sound(&mut self, spec: &EntitlementsSpec, at: &str) {
        if spec.inline.is_some() == spec.list.is_some() {
            let hint = "`list` asks for them; `inline` finds them in the account's own record";
            self.say(at, "who has what is read by `list` or stands `inline`: one of the two".into(), Some(hint.into()));
        }
        if spec.inline.is_none() && spec.account.is_none() {
            self.say(at, "`account` must say whose a record is".into(), Some("such as `record.user_id`".into()));
        }
        if let Some(list) = [&spec.list, &spec.of].into_iter().flatten().find(|list| list.pages.is_none()) {
            let which = if Some(list) == spec.list.as_ref() { "list" } else { "of" };
            let hint = "`pages: {one: {}}` where one answer holds all";
            self.say(&format!("{at}/{which}"), "how pages follow each other must be said".into(), Some(hint.into()));
        }
        if spec.withdraw.is_empty() {
            self.say(&format!("{at}/withdraw"), "what is given must be taken back: say the request for it".into(), None);
        }
        if !spec.parameters.is_empty() && spec.change.is_empty() {
            let hint = "say the request for it; what is set once, when it is given, goes into `with` of `grant`";
            self.say(at, "parameters that are set must be changed: there is no `change`".into(), Some(hint.into()));
        }
    }

    fn kind(&mut self, spec: &EntitlementsSpec, at: &str) -> Entitlements {
        Entitlements {
            list: spec.list.as_ref().map(|list| self.request(list, &format!("{at}/list"), Effect::Reads)),
            of: spec.of.as_ref().map(|of| self.request(of, &format!("{at}/of"), Effect::Reads)),
            inline: self.optional(spec.inline.as_ref(), RECORD, &format!("{at}/inline")),
            id: self.optional(spec.id.as_ref(), ENTITLEMENT, &format!("{at}/id")),
            account: self.optional(spec.account.as_ref(), ENTITLEMENT, &format!("{at}/account")),
            name: self.optional(spec.name.as_ref(), ENTITLEMENT, &format!("{at}/name")),
            skip: self.optional(spec.skip.as_ref(), ENTITLEMENT, &format!("{at}/skip")),
            writable: self.optional(spec.writable.as_ref(), ENTITLEMENT, &format!("{at}/writable")),
            parameters: self.parameters(&spec.parameters, &format!("{at}/parameters")),
            grant: self.request(&spec.grant, &format!("{at}/grant"), Effect::Writes),
            change: self.all(&spec.change, &format!("{at}/change")),
            withdraw: self.all(&spec.withdraw, &format!("{at}/withdraw")),
        }
    }

    fn parameters(&mut self, parameters: &BTreeMap<String, ParameterSpec>, at: &str) -> BTreeMap<Arc<str>, Attribute> {
        let mut compiled = BTreeMap::new();
        for (name, spec) in parameters {
            let at = format!("{at}/{}", escaped(name));
            let spec =
                AttributeSpec { path: spec.path.clone(), read: spec.read.clone(), write: spec.write.clone(), ..AttributeSpec::default() };
            let Some(parameter) = self.attribute(&spec, &at) else { continue };
            if parameter.read.is_none() || parameter.write.is_empty() {
                let hint = "say `path`, or `read` and `write`; what can't be read back can't be compared";
                self.say(&at, "a parameter is read and written".into(), Some(hint.into()));
            }
            compiled.insert(Arc::from(name.as_str()), parameter);
        }
        compiled
    }
}
