//! What documents must hold beyond their shape: one function a rule, all in one table, each pushing diagnostics.
//!
//! Must never: stop at the first problem, or compile an expression (policy does).

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::load::Declared;
use super::outline::Outlines;
use super::{Loaded, Origin};
use crate::diagnostic::{Diagnostic, Place, did_you_mean};

mod addresses;
mod attributes;
mod connector_tests;
mod cycles;
mod duplicates;
mod entitlements;
mod formats;
mod former;
mod gates;
mod groups;
mod members;
mod names;
mod notifications;
mod paths;
mod personas;
mod references;
mod secrets;
mod sources;
mod state;
mod targets;
mod users;

/// The table.
const CHECKS: &[Check] = &[
    duplicates::check,
    entitlements::check,
    names::check,
    paths::check,
    references::check,
    members::check,
    groups::check,
    former::check,
    attributes::check,
    formats::check,
    gates::check,
    cycles::check,
    connector_tests::check,
    personas::check,
    sources::check,
    state::check,
    targets::check,
    notifications::check,
    users::check,
    secrets::check,
    addresses::check,
];

type Check = fn(&Context<'_>, &mut Vec<Diagnostic>);

/// What a check may look at.
pub(super) struct Context<'a> {
    pub loaded: &'a Loaded,
    pub declared: &'a [Declared],
    /// by kind and name; and the problem that tells of it, if the document is no YAML
    names: HashMap<(&'static str, &'a str), Option<usize>>,
    /// references to documents that are no YAML, by the problem that tells of them
    consequences: RefCell<BTreeMap<usize, usize>>,
    /// text and start
    broken: HashSet<(usize, usize)>,
    outlines: Outlines<'a>,
    /// names that may still be compared for a suggestion
    comparisons: Cell<usize>,
}

/// Names compared for suggestions in one run. A wrong name in a list of a hundred thousand is worth a look at all of them; a hundred thousand wrong ones are not.
const MAX_COMPARISONS: usize = 1_000_000;

/// Runs the table. Also how many references each of the problems with documents that are no YAML makes lead nowhere.
pub(super) fn run(loaded: &Loaded, declared: &[Declared]) -> (Vec<Diagnostic>, BTreeMap<usize, usize>) {
    let names = declared.iter().rev().map(|one| ((one.kind, one.name.as_ref()), one.unread)).collect();
    let broken = declared.iter().filter(|one| one.broken).map(|one| (one.origin.text, one.origin.start)).collect();
    let (outlines, comparisons) = (Outlines::new(loaded), Cell::new(MAX_COMPARISONS));
    let context = Context { loaded, declared, names, consequences: RefCell::default(), broken, outlines, comparisons };
    let mut problems = Vec::new();
    for check in CHECKS {
        check(&context, &mut problems);
    }
    (problems, context.consequences.into_inner())
}

impl<'a> Context<'a> {
    /// Whether a document of that kind and name stands anywhere, broken or not.
    pub fn knows(&self, kind: &'static str, name: &str) -> bool {
        self.names.contains_key(&(kind, name))
    }

    /// The same for a reference, which is counted where the document can't be read.
    pub fn refers(&self, kind: &'static str, name: &str) -> bool {
        let known = self.names.get(&(kind, name));
        if let Some(Some(problem)) = known {
            *self.consequences.borrow_mut().entry(*problem).or_default() += 1;
        }
        known.is_some()
    }

    /// `did you mean …?` for a name of a kind.
    pub fn did_you_mean(&self, kind: &'static str, name: &str) -> Option<String> {
        let left = self.comparisons.get().checked_sub(self.declared.len())?;
        self.comparisons.set(left);
        did_you_mean(name, self.declared.iter().filter(|one| one.kind == kind).map(|one| one.name.as_ref()))
    }

    /// Whether a document of the kind could not be read, so that nothing follows from what is missing.
    pub fn has_broken(&self, kind: &str) -> bool {
        self.declared.iter().any(|one| one.kind == kind && one.broken)
    }

    /// Whether a document was read in full, so that what it does not say is not said.
    pub fn is_sound(&self, origin: &Origin) -> bool {
        !self.broken.contains(&(origin.text, origin.start))
    }

    /// Puts a diagnostic at a value of a document.
    pub fn at(&self, origin: &Origin, pointer: &str, diagnostic: Diagnostic) -> Diagnostic {
        self.outlines.of(origin).mark(pointer, diagnostic)
    }

    /// The place of a value's key, and how many characters to mark.
    pub fn key_place(&self, origin: &Origin, pointer: &str) -> (Place, u32) {
        let outline = self.outlines.of(origin);
        match outline.key_span(pointer) {
            Some(span) => (span.place, span.length),
            None => (outline.place(pointer), 1),
        }
    }

    /// The place of a value.
    pub fn place(&self, origin: &Origin, pointer: &str) -> Place {
        self.outlines.of(origin).place(pointer)
    }
}
