//! Mappings: rules in place and by reference to rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::compile::Compiler;
use super::{Rule, SourcePolicy};
use crate::diagnostic::Diagnostic;
use crate::expr::{Expression, Root};
use crate::manifest::kinds::{EmptyMeaning, MappingMode, MappingRule};
use crate::manifest::{Loaded, Origin};
use crate::model::{AttributeType, attribute as attribute_type, is_known_attribute};

/// A User manifest outranks sources that do not say otherwise.
pub(super) const USER_PRECEDENCE: i32 = 1000;

/// What a rule has that does not say otherwise.
#[derive(Clone, Copy)]
pub(super) struct RuleDefaults {
    pub(super) precedence: i32,
    pub(super) empty: EmptyMeaning,
}

impl RuleDefaults {
    /// In a Target.
    pub(super) const TARGET: Self = Self { precedence: 0, empty: EmptyMeaning::Missing };
}

impl Compiler<'_> {
    /// The rules of a mapping, sorted by attribute; those of one attribute in the order they are tried.
    pub(super) fn rules(&mut self, origin: &Origin, written: Written<'_>, root: Root, defaults: RuleDefaults) -> Vec<Rule> {
        let mut rules: Vec<Rule> = written
            .rules
            .iter()
            .enumerate()
            .map(|(at, rule)| self.rule(origin, &format!("/spec/mapping/rules/{at}"), rule, root, defaults))
            .collect();
        let in_place: Vec<Arc<str>> = rules.iter().map(|rule| rule.attribute.clone()).collect();
        let shared = self.shared(written.from, root, defaults);
        rules.extend(shared.into_iter().filter(|rule| !in_place.contains(&rule.attribute)));
        rules.sort_by(|one, next| one.attribute.cmp(&next.attribute));
        if root == Root::Mapping {
            self.once_each(&rules);
        }
        rules
    }

    /// Rules of the AttributeMappings that are named. A name that nobody has is told by the manifests' own checks.
    fn shared(&mut self, from: &[String], root: Root, defaults: RuleDefaults) -> Vec<Rule> {
        let mut shared: Vec<Rule> = Vec::new();
        let mut taken: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for name in from {
            let Some(document) = self.loaded.mappings.iter().find(|document| document.name.as_ref() == name) else { continue };
            for (at, rule) in document.spec.rules.iter().enumerate() {
                let rule = self.rule(&document.origin, &format!("/spec/rules/{at}"), rule, root, defaults);
                let other = taken.iter().find(|(attribute, of)| *attribute == rule.attribute && *of != document.name);
                if let (Some((_, other)), Some(place)) = (other, &rule.place) {
                    let message =
                        format!("`{}` is mapped by two of the AttributeMappings `{other}` and `{}`", rule.attribute, document.name);
                    self.problems.push(
                        Diagnostic::error(message)
                            .at(place.clone(), 1)
                            .hint("keep it in one of them, or write a rule in place, which wins"),
                    );
                }
                taken.push((rule.attribute.clone(), document.name.clone()));
                shared.push(rule);
            }
        }
        shared
    }

    fn rule(&mut self, origin: &Origin, pointer: &str, rule: &MappingRule, root: Root, defaults: RuleDefaults) -> Rule {
        let attribute = Arc::from(rule.attribute.as_str());
        let value = match &rule.value {
            Some(text) => self.expression(origin, &format!("{pointer}/value"), text, root),
            None => self.no_value(origin, pointer, rule, root),
        };
        let when = self.condition(origin, &format!("{pointer}/when"), rule.when.as_ref(), root);
        if root == Root::Record && rule.mode != MappingMode::Enforce {
            self.warning(origin, &format!("{pointer}/mode"), "`mode` says nothing in a Source", "put it into the Target's mapping");
        }
        if root == Root::Mapping && rule.precedence.is_some() {
            self.warning(
                origin,
                &format!("{pointer}/precedence"),
                "`precedence` says nothing in a Target",
                "put it into the Source's mapping",
            );
        }
        if rule.mode == MappingMode::Merge && !attribute_type(&attribute).is_some_and(|known| known.kind.is_many()) {
            let message = format!("`mode: merge` is for several values, and `{attribute}` has one");
            self.error(origin, &format!("{pointer}/mode"), &message, "leave `mode` out, or use `initial` (only at creation or when empty)");
        }
        if rule.max_length == Some(0) {
            self.error(
                origin,
                &format!("{pointer}/maxLength"),
                "`maxLength: 0` leaves no letter",
                "write how many letters the system takes",
            );
        }
        Rule {
            attribute,
            value,
            mode: rule.mode,
            unique: rule.unique,
            by: self.by(origin, pointer, rule, root),
            max_length: rule.max_length.and_then(|most| usize::try_from(most).ok()),
            when,
            required: rule.required,
            clears: rule.empty.unwrap_or(defaults.empty) == EmptyMeaning::Clear,
            precedence: rule.precedence.unwrap_or(defaults.precedence),
            place: Some(self.outlines.of(origin).place(pointer)),
        }
    }

    /// The attribute by which a reference names another record.
    fn by(&mut self, origin: &Origin, pointer: &str, rule: &MappingRule, root: Root) -> Option<Arc<str>> {
        let by = rule.by.as_deref()?;
        let pointer = format!("{pointer}/by");
        let kind = |name: &str| attribute_type(name).map(|known| known.kind);
        if root != Root::Record {
            self.warning(origin, &pointer, "`by` says nothing in a Target", "put it into the Source's mapping");
        } else if kind(&rule.attribute) != Some(AttributeType::Reference) {
            let message = format!("`by` says how a record names another one, and `{}` names none", rule.attribute);
            self.error(origin, &pointer, message, "leave it out; it is for `manager`");
        } else if !is_known_attribute(by) || kind(by) == Some(AttributeType::Reference) {
            let message = format!("`{by}` is no attribute by which a record can be named");
            self.error(
                origin,
                &pointer,
                message,
                "name one that this Source maps, such as `emails`; without `by` the value is a record's key",
            );
        } else {
            return Some(Arc::from(by));
        }
        None
    }

    /// A rule that only says to leave an attribute alone needs no value.
    fn no_value(&mut self, origin: &Origin, pointer: &str, rule: &MappingRule, root: Root) -> Expression {
        if root == Root::Record || rule.mode != MappingMode::Ignore {
            let message = format!("the rule for `{}` has no `value`", rule.attribute);
            let hint = "write what it comes to: `value: identity.title`, in a Source `value: record.title`; or, in a Target, `mode: ignore` to leave it alone";
            self.lack(origin, pointer, message, hint);
        }
        Expression::null(root)
    }

    /// A Target has one rule for an attribute: several values can't hold at once.
    fn once_each(&mut self, rules: &[Rule]) {
        for pair in rules.windows(2) {
            let [one, next] = pair else { continue };
            let (Some(first), Some(place)) = (&one.place, &next.place) else { continue };
            if one.attribute == next.attribute {
                let message = format!("there is a second rule for `{}`", next.attribute);
                let hint = "write one rule that decides: condition ? this : that";
                self.problems.push(Diagnostic::error(message).at(place.clone(), 1).hint(hint).related(first.clone(), "the first one"));
            }
        }
    }

    /// An expression that no manifest holds.
    fn own_expression(&mut self, origin: &Origin, text: &str) -> Expression {
        Expression::compile(text, Root::Identity, &self.loaded.tables).unwrap_or_else(|problems| {
            let words = problems.first().map_or("", |problem| problem.message.as_str());
            self.error(
                origin,
                "/spec/connection",
                format!("the connector's default mapping is broken: {words}"),
                "give this Target `mapping: {defaults: none}` and rules of its own",
            );
            Expression::null(Root::Identity)
        })
    }

    /// A connector's own rules, but for attributes that the Target has a rule for. What nobody could ever give is left out: it says nothing then, and nothing is
    /// read for it.
    pub(super) fn default_rules(&mut self, origin: &Origin, defaults: Vec<(String, String)>, written: &[Rule], given: &Given) -> Vec<Rule> {
        let open = |(attribute, _): &(String, String)| !written.iter().any(|rule| *rule.attribute == **attribute);
        let rules = defaults.into_iter().filter(open).map(|(attribute, text)| Rule {
            attribute: Arc::from(attribute),
            value: self.own_expression(origin, &text),
            mode: MappingMode::Enforce,
            unique: false,
            max_length: None,
            by: None,
            when: None,
            required: false,
            clears: false,
            precedence: 0,
            place: None,
        });
        rules.filter(|rule| rule.value.reads().iter().any(|path| given.has(path))).collect()
    }
}

/// Rules as a manifest has them, in place and by name.
#[derive(Clone, Copy)]
pub(super) struct Written<'m> {
    pub(super) from: &'m [String],
    pub(super) rules: &'m [MappingRule],
}

/// The attributes that some Source or User gives.
pub(super) struct Given(BTreeSet<Arc<str>>);

impl Given {
    pub(super) fn new(sources: &[SourcePolicy], loaded: &Loaded) -> Self {
        let of_sources = sources.iter().flat_map(|source| &source.rules).map(|rule| rule.attribute.clone());
        let of_users = loaded.users.iter().flat_map(|user| user.spec.attributes.keys()).map(|name| Arc::from(name.as_str()));
        Self(of_sources.chain(of_users).collect())
    }

    /// Whether there is nobody of whom anything is known.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether somebody gives an attribute, or a part of it.
    pub(super) fn has(&self, path: &str) -> bool {
        let is_within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.0.iter().any(|known| is_within(known, path) || is_within(path, known))
    }
}
