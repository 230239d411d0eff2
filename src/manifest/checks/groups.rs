//! A Group with `forEach` names its groups by their values, and has nothing that only one group could have.

use std::collections::BTreeMap;

use super::{Context, Diagnostic, Origin};
use crate::manifest::kinds::{GroupSpec, VALUE, fold};

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    for group in context.loaded.groups.iter().filter(|group| context.is_sound(&group.origin)) {
        let mut check = Check { context, origin: &group.origin, problems };
        match group.spec.for_each {
            Some(_) => check.many(&group.spec),
            None => check.one(&group.spec),
        }
    }
}

struct Check<'a, 'c> {
    context: &'a Context<'c>,
    origin: &'a Origin,
    problems: &'a mut Vec<Diagnostic>,
}

impl Check<'_, '_> {
    fn many(&mut self, spec: &GroupSpec) {
        let hint = "write `{value}` where the value goes: `Team {value}`";
        if !spec.display_name.contains(VALUE) {
            self.wrong("/spec/displayName", "with `forEach` each group needs a name of its own", hint);
        }
        for (at, name) in spec.previous_names.iter().enumerate() {
            if !name.contains(VALUE) {
                self.wrong(&format!("/spec/previousNames/{at}"), "with `forEach` each group has a former name of its own", hint);
            }
        }
        if spec.members.is_some() {
            let hint = "take it out; a Group of its own can name people, and `{group: ...}` for all of these";
            self.wrong("/spec/members", "with `forEach` members come from the value alone", hint);
        }
        self.former(&spec.previous_values);
    }

    /// Each former value leads to one that nobody else took, and that is not former itself.
    fn former(&mut self, values: &BTreeMap<String, Vec<String>>) {
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for (value, former) in values {
            for (at, old) in former.iter().enumerate() {
                let pointer = format!("/spec/previousValues/{}/{at}", value.replace('~', "~0").replace('/', "~1"));
                if values.keys().any(|key| fold(key) == fold(old)) {
                    let message = format!("`{old}` is written as a former value and as one of today");
                    self.wrong(&pointer, &message, "write all former values below the one that everybody has today");
                } else if let Some(other) = taken.insert(fold(old), value).filter(|other| other != value) {
                    let message = format!("`{old}` is written as a former value of `{other}` and of `{value}`");
                    self.wrong(&pointer, &message, "one group goes on under one value: write it below one of them");
                }
            }
        }
    }

    fn one(&mut self, spec: &GroupSpec) {
        let hint = "add `forEach`, such as `forEach: identity.department`, or take it out";
        if spec.display_name.contains(VALUE) {
            self.wrong("/spec/displayName", "`{value}` means something only with `forEach`", hint);
        }
        if !spec.except.is_empty() {
            self.wrong("/spec/except", "`except` means something only with `forEach`", hint);
        }
        if !spec.previous_values.is_empty() {
            self.wrong("/spec/previousValues", "`previousValues` means something only with `forEach`", hint);
        }
    }

    fn wrong(&mut self, pointer: &str, message: &str, hint: &str) {
        self.problems.push(self.context.at(self.origin, pointer, Diagnostic::error(message)).hint(hint));
    }
}
