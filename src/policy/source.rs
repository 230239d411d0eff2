//! Sources, compiled.

use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

use super::compile::Compiler;
use super::mapping::{RuleDefaults, USER_PRECEDENCE, Written};
use super::{CompletenessPolicy, KeyPolicy, Policy, SourcePolicy};
use crate::diagnostic::Diagnostic;
use crate::expr::{Root, segments_of_path};
use crate::manifest::kinds::{Completeness, EmptyMeaning, SourceSpec, ValidDays};
use crate::manifest::quantity::{self, Amount};
use crate::manifest::{Document, Origin};
use crate::model::{Key, is_known_attribute};

/// Whatever says something of people stands in one of these.
pub(super) const GIVERS: [&str; 3] = ["Source", "AttributeMapping", "User"];

impl Policy {
    /// What a key is now, where its Source had another name; none where it stands as it is.
    pub fn key_now(&self, key: &str) -> Option<String> {
        let renamed = self.sources.iter().filter(|source| !source.previous_names.is_empty());
        let mut found = renamed.filter_map(|source| {
            let (name, record) = Key::of_record(key)?;
            let renamed = source.previous_names.iter().any(|previous| previous.as_ref() == name);
            renamed.then(|| Key::record(&source.name, record).to_string())
        });
        found.next()
    }

    /// The Source of these manifests that one of later manifests is, perhaps under another name.
    pub fn source_before(&self, later: &SourcePolicy) -> Option<&SourcePolicy> {
        let named = |name: &Arc<str>| self.sources.iter().find(|source| source.name == *name);
        named(&later.name).or_else(|| later.previous_names.iter().find_map(named))
    }

    /// What a key of a Source was under the names that the Source had.
    pub fn former_forms(&self, key: &str) -> Vec<Arc<str>> {
        let Some((name, record)) = Key::of_record(key) else { return Vec::new() };
        let source = self.sources.iter().find(|source| source.name.as_ref() == name);
        let previous = source.map_or(&[][..], |source| source.previous_names.as_slice());
        previous.iter().map(|previous| Key::record(previous, record).text()).collect()
    }
}

impl Compiler<'_> {
    pub(super) fn sources(&mut self) -> Vec<SourcePolicy> {
        let sources: Vec<SourcePolicy> = self.loaded.sources.iter().map(|document| self.source(document)).collect();
        let all_known = !self.loaded.refuses_some(&GIVERS);
        for (at, source) in sources.iter().enumerate().filter(|_| all_known) {
            self.known_elsewhere(at, source, &sources);
        }
        sources
    }

    /// A key that nobody but the source itself knows finds nobody.
    fn known_elsewhere(&mut self, at: usize, source: &SourcePolicy, sources: &[SourcePolicy]) {
        let loaded = self.loaded;
        let by_user = |path: &str| loaded.users.iter().any(|user| user.spec.attributes.contains_key(path));
        for (key_at, key) in source.correlate.iter().enumerate() {
            let known = |path: &Arc<str>| {
                let others = sources.iter().enumerate().filter(|(other, _)| *other != at);
                by_user(path) || others.flat_map(|(_, other)| &other.rules).any(|rule| rule.attribute == *path)
            };
            let maps = |path: &Arc<str>| source.rules.iter().any(|rule| rule.attribute == *path);
            for path in key.value.reads().iter().filter(|path| maps(path) && !known(path)) {
                let message = format!("no other Source maps `{path}`, so it finds nobody");
                let pointer = format!("/spec/correlate/{key_at}");
                self.warning(&loaded.sources[at].origin, &pointer, message, "map it where the identities come from");
            }
        }
    }

    fn source(&mut self, document: &Document<SourceSpec>) -> SourcePolicy {
        let (origin, spec) = (&document.origin, &document.spec);
        let precedence = spec.precedence.unwrap_or_default();
        let defaults = RuleDefaults { precedence, empty: spec.empty.unwrap_or(EmptyMeaning::Missing) };
        let written = Written { from: &spec.mapping.from, rules: &spec.mapping.rules };
        let rules = self.rules(origin, written, Root::Record, defaults);
        let key = self.expression(origin, "/spec/key", &spec.key, Root::Record);
        if key.bare_path().is_some_and(|path| path.to_lowercase().contains("mail")) {
            self.warning(
                origin,
                "/spec/key",
                "an e-mail address is no key: people change it, and others get it later",
                "use the immutable id",
            );
        }
        let lifecycle = |pick: fn(&crate::manifest::kinds::SourceLifecycle) -> Option<&String>| spec.lifecycle.as_ref().and_then(pick);
        let by_default = spec.connection.described().leaver().filter(|_| spec.lifecycle.is_none()).map(str::to_owned);
        let leaver = lifecycle(|it| it.leaver.as_ref()).or(by_default.as_ref());
        let leaver = self.condition(origin, "/spec/lifecycle/leaver", leaver, Root::Record);
        let suspended = self.condition(origin, "/spec/lifecycle/suspended", lifecycle(|it| it.suspended.as_ref()), Root::Record);
        let filter =
            self.condition(origin, "/spec/scope/filter", spec.scope.as_ref().and_then(|scope| scope.filter.as_ref()), Root::Record);
        let valid = |pick: fn(&ValidDays) -> Option<&String>| spec.valid.as_ref().and_then(pick);
        let valid_from = self.condition(origin, "/spec/valid/from", valid(|valid| valid.from.as_ref()), Root::Record);
        let valid_to = self.condition(origin, "/spec/valid/to", valid(|valid| valid.to.as_ref()), Root::Record);
        let source = SourcePolicy {
            name: document.name.clone(),
            previous_names: spec.previous_names.iter().map(|name| Arc::from(name.as_str())).collect(),
            key,
            filter,
            allow_empty: spec.allow_empty,
            valid_from,
            valid_to,
            keep_blanks: spec.keep_blanks,
            // With several sources each must say it, which was checked; the only one does.
            establishes: spec.establishes.unwrap_or(true),
            correlate: spec.correlate.iter().enumerate().map(|(at, text)| self.correlation_key(origin, at, text)).collect(),
            leaver,
            suspended,
            shared_end: spec.lifecycle.as_ref().and_then(|it| it.shared_end.as_deref()).and_then(|day| quantity::date(day).ok()),
            rules,
            completeness: self.completeness(document, spec.completeness.as_ref()),
            known_values: spec.lifecycle.iter().flat_map(|it| &it.known_values).map(|value| Arc::from(value.as_str())).collect(),
            may_lose: spec.completeness.iter().flat_map(|it| &it.may_lose).map(|name| Arc::from(name.as_str())).collect(),
            scope_hash: scope_hash(spec),
            precedence,
            schedule: Self::source_schedule(spec),
            place: self.place(origin),
            connection: self.loaded.connection(origin),
        };
        self.correlation(document, &source);
        self.named_by(&source);
        if precedence >= USER_PRECEDENCE {
            let message = format!("precedence {precedence} outranks User manifests, which have {USER_PRECEDENCE}");
            self.warning(origin, "/spec/precedence", message, "use a smaller number unless that is meant");
        }
        source
    }

    /// An attribute's name, or an expression.
    fn correlation_key(&mut self, origin: &Origin, at: usize, text: &str) -> KeyPolicy {
        let pointer = format!("/spec/correlate/{at}");
        let value = match identity_path(text) {
            Some(path) => self.expression(origin, &pointer, &path, Root::Identity),
            None => self.expression(origin, &pointer, text, Root::Identity),
        };
        KeyPolicy { text: Arc::from(text), value }
    }

    /// A source that establishes nobody must find its people, and every key must be made of attributes that it maps.
    fn correlation(&mut self, document: &Document<SourceSpec>, source: &SourcePolicy) {
        if source.correlate.is_empty() && !source.establishes {
            let message = format!("nothing says how a record of the Source `{}` finds its identity", source.name);
            self.lack(&document.origin, "/spec/correlate", message, "add `correlate: [employeeNumber]`, or another attribute that it maps");
        }
        for (at, key) in source.correlate.iter().enumerate() {
            let pointer = format!("/spec/correlate/{at}");
            let known = !self.loaded.refuses_some(&["Source", "AttributeMapping"]);
            for path in key.value.reads().iter().filter(|path| known && !source.rules.iter().any(|rule| rule.attribute == **path)) {
                let message = format!("`{path}` is to find the identity, and no rule of this Source maps it");
                self.error(&document.origin, &pointer, message, "add a rule for it");
            }
            if key.value.reads().is_empty() && key.value.text() != "null" {
                self.error(&document.origin, &pointer, "this key is the same for everybody", "name an attribute, such as `employeeNumber`");
            }
        }
    }

    /// Whatever names another record by an attribute needs a rule for that attribute beside it.
    fn named_by(&mut self, source: &SourcePolicy) {
        if self.loaded.refuses_some(&["Source", "AttributeMapping"]) {
            return;
        }
        let maps = |by: &Arc<str>| source.rules.iter().any(|rule| rule.attribute == *by);
        for rule in source.rules.iter().filter(|rule| rule.by.as_ref().is_some_and(|by| !maps(by))) {
            let by = rule.by.as_deref().unwrap_or_default();
            let message =
                format!("`{}` names another record by `{by}`, and no rule of the Source `{}` maps that", rule.attribute, source.name);
            let diagnostic = Diagnostic::error(message).hint(format!("add a rule for `{by}` to the same Source"));
            self.problems.push(match &rule.place {
                Some(place) => diagnostic.at(place.clone(), 1),
                None => diagnostic,
            });
        }
    }

    fn completeness(&mut self, document: &Document<SourceSpec>, spec: Option<&Completeness>) -> CompletenessPolicy {
        let Some(spec) = spec else { return CompletenessPolicy::default() };
        let mut policy = CompletenessPolicy {
            max_age: Self::duration(spec.max_age.as_ref()),
            min_count: spec.min_count,
            ..CompletenessPolicy::default()
        };
        match spec.max_shrink.as_deref().map(quantity::amount) {
            Some(Ok(Amount::Share(share))) if share >= 1.0 => {
                let hint = "write less than 100%; `minCount` says how few records a complete read has";
                self.error(&document.origin, "/spec/completeness/maxShrink", "this would let everybody vanish at once", hint);
            }
            Some(Ok(Amount::Share(share))) => policy.max_shrink_share = Some(share),
            Some(Ok(Amount::Count(count))) => policy.max_shrink_count = Some(count),
            None | Some(Err(_)) => {}
        }
        policy
    }
}

/// The expression that an attribute's name stands for (`custom.badge-no` is `identity.custom["badge-no"]`, and no subtraction); nothing where the text is no
/// attribute's name.
pub fn identity_path(text: &str) -> Option<String> {
    let custom = text.strip_prefix("custom.").filter(|_| is_known_attribute(text));
    let indexed = |name: &str| segments_of_path(name).iter().map(|segment| format!("[{segment:?}]")).collect::<String>();
    match custom {
        Some(name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')) => {
            Some(format!("identity.custom{}", indexed(name)))
        }
        Some(_) => None,
        None => is_known_attribute(text).then(|| format!("identity.{text}")),
    }
}

/// Of what chooses the records, and of nothing else: another timeout, credential or mapping leaves the counts comparable. Stable over runs and versions: it
/// is kept in the state.
pub(super) fn scope_hash(spec: &SourceSpec) -> u64 {
    let place = spec.connection.described().rows();
    let mut hasher = SipHasher13::new();
    hasher.write(&serde_json::to_vec(&(place, &spec.key, &spec.scope, &spec.valid)).unwrap_or_default());
    hasher.finish()
}
