//! The compiler: goes through the documents kind by kind and gathers every problem of expressions and rules.
//!
//! What a document can be told by itself (formats, names, references, who owns what) the manifests' own checks have told already; where such a value can't
//! be read a default stands in, and nothing is planned. Must never: stop at a problem, tell one twice, or hand out a policy that has one.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::mapping::Given;
use super::{ConnectorFacts, GroupsAbove, Policy, sensitive};
use crate::diagnostic::{Diagnostic, Level, Place};
use crate::expr::{Expression, Root};
use crate::manifest::kinds::WorkspaceSpec;
use crate::manifest::{Document, Loaded, Origin, Outlines, quantity};

/// Longest workspace id: it stands in every marker at a target.
const LONGEST_ID: usize = 64;

const NO_WORKSPACE: &str = "add one:\napiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {name: acme}\nspec: {id: acme}";

/// Compiles loaded manifests; every problem at once, sorted by place. Warnings come with the policy.
pub fn compile(loaded: &Loaded, facts: &dyn ConnectorFacts) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    compile_after(loaded, None, facts)
}

/// The same where others were compiled before, without an error: Users that are the same in both are taken from there.
pub fn compile_after(
    loaded: &Loaded,
    before: Option<(&Loaded, &Policy)>,
    facts: &dyn ConnectorFacts,
) -> Result<(Policy, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (policy, problems) = compile_all(loaded, before, facts);
    if problems.iter().any(|problem| problem.level == Level::Error) { Err(problems) } else { Ok((policy, problems)) }
}

/// The same, with a policy even where there are errors: an expression that is wrong says nothing in it. For what has to work whatever else is wrong, and never
/// for a plan.
pub fn compile_what_is_sound(loaded: &Loaded, facts: &dyn ConnectorFacts) -> (Policy, Vec<Diagnostic>) {
    compile_all(loaded, None, facts)
}

fn compile_all(loaded: &Loaded, before: Option<(&Loaded, &Policy)>, facts: &dyn ConnectorFacts) -> (Policy, Vec<Diagnostic>) {
    let mut compiler = Compiler { loaded, facts, outlines: Outlines::new(loaded), problems: Vec::new() };
    let (workspace, time_zone) = compiler.workspace(loaded.workspace.as_ref());
    let sources = compiler.sources();
    let given = Given::new(&sources, loaded);
    let targets = loaded.targets.iter().map(|target| compiler.target(target, &given)).collect();
    let users = compiler.users(before);
    let groups: Vec<_> = loaded.groups.iter().map(|group| compiler.group(group)).collect();
    let entitlements = loaded.entitlements.iter().filter_map(|entitlement| compiler.entitlement(entitlement)).collect();
    let revocations = loaded.revocations.iter().map(|revocation| compiler.revocation(revocation)).collect();
    let approvals = loaded.approvals.iter().map(|approval| compiler.approval(approval, &time_zone)).collect();
    let mut problems = compiler.problems;
    problems.sort_by(|one, next| one.place.cmp(&next.place));
    let declared = loaded.users.iter().flat_map(|user| user.spec.attributes.keys()).map(String::as_str).collect::<BTreeSet<_>>();
    let nesting = GroupsAbove::of(&groups);
    let mut policy = Policy {
        workspace,
        time_zone,
        sources,
        targets,
        users,
        groups,
        entitlements,
        revocations,
        approvals,
        sensitive: BTreeSet::new(),
        declared: declared.into_iter().map(Arc::from).collect(),
        tables: loaded.tables.clone(),
        nesting,
    };
    sensitive::mark(loaded, &mut policy);
    (policy, problems)
}

/// What every part of the compiler needs.
pub(super) struct Compiler<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) facts: &'a dyn ConnectorFacts,
    pub(super) outlines: Outlines<'a>,
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
        let time_zone = document.spec.time_zone.as_deref().and_then(|name| quantity::time_zone(name).ok());
        (Arc::from(id), time_zone.unwrap_or(TimeZone::UTC))
    }

    /// An error at a value of a document.
    pub(super) fn error(&mut self, origin: &Origin, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let diagnostic = Diagnostic::error(message).hint(hint);
        self.problems.push(self.outlines.of(origin).mark(pointer, diagnostic));
    }

    /// An error about what a value does not say. Where something in it could not be taken, that was told and is the cause.
    pub(super) fn lack(&mut self, origin: &Origin, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let loaded = self.loaded;
        let refused = self.outlines.of(origin).would_stand(pointer).iter().any(|bytes| loaded.refuses_within(origin, bytes));
        if !refused {
            self.error(origin, pointer, message, hint);
        }
    }

    /// A warning at a value of a document.
    pub(super) fn warning(&mut self, origin: &Origin, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let diagnostic = Diagnostic::warning(message).hint(hint);
        self.problems.push(self.outlines.of(origin).mark(pointer, diagnostic));
    }

    /// An expression; its problems are marked inside it.
    pub(super) fn expression(&mut self, origin: &Origin, pointer: &str, text: &str, root: Root) -> Expression {
        let outline = self.outlines.of(origin);
        Expression::compile(text, root, &self.loaded.tables).map(|expression| expression.at(outline.place(pointer))).unwrap_or_else(
            |problems| {
                for problem in problems {
                    let (place, length) = outline.place_in_scalar(pointer, problem.offset, problem.length);
                    let mut diagnostic = Diagnostic::error(problem.message).at(place, length);
                    diagnostic.hint = problem.hint;
                    self.problems.push(diagnostic);
                }
                Expression::null(root)
            },
        )
    }

    /// The same for one that may be absent.
    pub(super) fn condition(&mut self, origin: &Origin, pointer: &str, text: Option<&String>, root: Root) -> Option<Expression> {
        text.map(|text| self.expression(origin, pointer, text, root))
    }

    /// A duration that may be absent. One that can't be read was told by the manifests' own checks.
    pub(super) fn duration(text: Option<&String>) -> Option<SignedDuration> {
        text.and_then(|text| quantity::duration(text).ok())
    }

    /// Where a document starts.
    pub(super) fn place(&self, origin: &Origin) -> Place {
        self.loaded.place(origin, "")
    }
}
