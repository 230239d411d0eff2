//! The compiler: goes through the documents kind by kind and gathers every problem.
//!
//! Must never: stop at a problem, or hand out a policy that has one.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{ConnectorFacts, Policy, units};
use crate::diagnostic::{Diagnostic, Level, Place};
use crate::expr::{Expression, Root, nearest};
use crate::manifest::kinds::WorkspaceSpec;
use crate::manifest::{Document, Loaded, Origin};
use crate::model;

/// Longest workspace id: it stands in every marker at a target.
const LONGEST_ID: usize = 64;

const NO_WORKSPACE: &str = "add one:\napiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}";

/// Compiles loaded manifests; every problem at once, sorted by place. Warnings come with the policy.
pub fn compile(loaded: &Loaded, facts: &dyn ConnectorFacts) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut compiler = Compiler { loaded, facts, problems: Vec::new() };
    let (workspace, time_zone) = compiler.workspace(loaded.workspace.as_ref());
    let sources = compiler.sources();
    let targets = loaded.targets.iter().map(|target| compiler.target(target)).collect();
    let users = loaded.users.iter().map(|user| compiler.user(user)).collect();
    let groups = loaded.groups.iter().map(|group| compiler.group(group)).collect();
    let mut problems = compiler.problems;
    problems.sort_by(|one, next| one.place.cmp(&next.place));
    if problems.iter().any(|problem| problem.level == Level::Error) {
        return Err(problems);
    }
    Ok((Policy { workspace, time_zone, sources, targets, users, groups }, problems))
}

/// What every part of the compiler needs.
pub(super) struct Compiler<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) facts: &'a dyn ConnectorFacts,
    pub(super) problems: Vec<Diagnostic>,
}

impl Compiler<'_> {
    fn workspace(&mut self, document: Option<&Document<WorkspaceSpec>>) -> (Arc<str>, TimeZone) {
        let Some(document) = document else {
            self.problems.push(
                Diagnostic::error("there is no Workspace: its id marks what belongs to headcount at every target").hint(NO_WORKSPACE),
            );
            return (Arc::from(""), TimeZone::UTC);
        };
        let id = document.spec.id.as_str();
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if id.is_empty() || id.len() > LONGEST_ID || !plain {
            let hint = "letters, digits, `-`, `_` and `.`, at most 64, such as `acme-prod`";
            self.error(&document.origin, "/spec/id", "this is no workspace id", hint);
        }
        let time_zone = document.spec.time_zone.as_deref().map(|name| {
            TimeZone::get(name).unwrap_or_else(|_| {
                self.error(
                    &document.origin,
                    "/spec/timeZone",
                    format!("there is no time zone `{name}`"),
                    "an IANA name, such as `Europe/Prague`",
                );
                TimeZone::UTC
            })
        });
        (Arc::from(id), time_zone.unwrap_or(TimeZone::UTC))
    }

    /// An error at a value of a document.
    pub(super) fn error(&mut self, origin: &Origin, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let diagnostic = Diagnostic::error(message).hint(hint);
        self.problems.push(self.loaded.outline(origin).mark(pointer, diagnostic));
    }

    /// A warning at a value of a document.
    pub(super) fn warning(&mut self, origin: &Origin, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let diagnostic = Diagnostic::warning(message).hint(hint);
        self.problems.push(self.loaded.outline(origin).mark(pointer, diagnostic));
    }

    /// An expression; its problems are marked inside it.
    pub(super) fn expression(&mut self, origin: &Origin, pointer: &str, text: &str, root: Root) -> Expression {
        Expression::compile(text, root).unwrap_or_else(|problems| {
            let outline = self.loaded.outline(origin);
            for problem in problems {
                let (place, length) = outline.place_in_scalar(pointer, problem.offset, problem.length);
                let mut diagnostic = Diagnostic::error(problem.message).at(place, length);
                diagnostic.hint = problem.hint;
                self.problems.push(diagnostic);
            }
            Expression::null(root)
        })
    }

    /// The same for one that may be absent.
    pub(super) fn condition(&mut self, origin: &Origin, pointer: &str, text: Option<&String>, root: Root) -> Option<Expression> {
        text.map(|text| self.expression(origin, pointer, text, root))
    }

    /// A duration that may be absent.
    pub(super) fn duration(&mut self, origin: &Origin, pointer: &str, text: Option<&String>) -> Option<SignedDuration> {
        let text = text?;
        let duration = units::duration(text);
        if duration.is_none() {
            self.error(origin, pointer, format!("`{text}` is no duration"), "write 90m, 36h, 7d or 2w");
        }
        duration
    }

    /// A day.
    pub(super) fn day(&mut self, origin: &Origin, pointer: &str, text: &str) -> Option<Date> {
        let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
        if day.is_none() {
            self.error(origin, pointer, format!("`{text}` is no day"), "write it as 2027-03-31");
        }
        day
    }

    /// An attribute's name as a value.
    pub(super) fn attribute(&mut self, origin: &Origin, pointer: &str, name: &str) -> Arc<str> {
        if !model::is_known_attribute(name) {
            let diagnostic = unknown_attribute(name);
            self.problems.push(self.loaded.outline(origin).mark(pointer, diagnostic));
        }
        Arc::from(name)
    }

    /// An attribute's name as a key that nobody knows.
    pub(super) fn unknown_attribute(&mut self, origin: &Origin, pointer: &str, name: &str) {
        let outline = self.loaded.outline(origin);
        let diagnostic = unknown_attribute(name);
        self.problems.push(match outline.key_span(pointer) {
            Some(span) => diagnostic.at(span.place, span.length),
            None => outline.mark(pointer, diagnostic),
        });
    }

    /// Where a document starts.
    pub(super) fn place(&self, origin: &Origin) -> Place {
        self.loaded.place(origin, "")
    }
}

fn unknown_attribute(name: &str) -> Diagnostic {
    let hint = match nearest(name, model::attributes().iter().map(|attribute| attribute.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("attributes have SCIM's names; own ones stand below `custom.`: custom.{name}"),
    };
    Diagnostic::error(format!("there is no attribute `{name}`")).hint(hint)
}
