//! What a revocation works with: whatever is sound of the manifests.
//!
//! Must never: cut anybody off at a target whose protection could not be read, or leave something out without saying so.

use std::sync::Arc;

use crate::cli::Files;
use crate::cli::manifests::{self, Manifests};
use crate::cli::report::{self, Failure, notice};
use crate::cli::session::state_place;
use crate::diagnostic::{Diagnostic, Level};
use crate::manifest::{Document, Loaded, Origin};
use crate::policy::Policy;
use crate::state::StatePlace;

/// A workspace, as far as it is sound.
pub struct Sound {
    /// the manifests that could be read
    pub loaded: Loaded,
    /// compiled; what is wrong in them says nothing
    pub policy: Policy,
    /// where the state is
    pub state: StatePlace,
    /// there are errors
    pub broken: bool,
    /// a document could not be read at all: it may be a Target
    pub lost: bool,
    /// targets whose protection could not be read: nobody is cut off there
    pub unguarded: Vec<Arc<str>>,
}

impl Sound {
    /// All problems are told, and none holds anything up.
    pub fn load(files: &Files) -> Result<Self, Failure> {
        let Manifests { loaded, policy, warnings: problems, texts } = manifests::load_what_is_sound(files)?;
        if !problems.is_empty() {
            report::diagnostics(&problems, &texts);
        }
        let errors: Vec<&Diagnostic> = problems.iter().filter(|problem| problem.level == Level::Error).collect();
        if !errors.is_empty() {
            notice("going on with what is sound of the manifests");
        }
        let lost = errors.iter().any(|error| !stands_in_something(error, &loaded));
        let doubtful = |target: &&Document<_>| errors.iter().any(|error| is_about_protection(error, &loaded, &target.origin));
        let unguarded = loaded.targets.iter().filter(doubtful).map(|target| target.name.clone()).collect();
        let state = state_place(&loaded, files);
        Ok(Self { policy, state, broken: !errors.is_empty(), lost, unguarded, loaded })
    }

    /// A target that does not exist is a slip of whoever named it.
    pub fn check_target(&self, name: &str) -> Result<(), Failure> {
        let names: Vec<_> = self.policy.targets.iter().map(|target| target.name.as_ref()).collect();
        if names.contains(&name) {
            return Ok(());
        }
        Err(Failure::usage(format!("there is no target {name:?}")).hint(format!("the manifests have: {}", names.join(", "))))
    }

    /// What keeps from saying that somebody has no account.
    pub fn unused(&self) -> Vec<String> {
        if self.broken { vec!["the manifests have errors".to_owned()] } else { Vec::new() }
    }
}

/// Whether a problem is told of a document that is there all the same.
fn stands_in_something(error: &Diagnostic, loaded: &Loaded) -> bool {
    let Some((place, _)) = &error.place else { return false };
    let mut origins: Vec<&Origin> = loaded.workspace.iter().map(|document| &document.origin).collect();
    origins.extend(loaded.sources.iter().map(|document| &document.origin));
    origins.extend(loaded.targets.iter().map(|document| &document.origin));
    origins.extend(loaded.mappings.iter().map(|document| &document.origin));
    origins.extend(loaded.users.iter().map(|document| &document.origin));
    origins.extend(loaded.groups.iter().map(|document| &document.origin));
    origins.extend(loaded.entitlements.iter().map(|document| &document.origin));
    origins.extend(loaded.revocations.iter().map(|document| &document.origin));
    origins.extend(loaded.approvals.iter().map(|document| &document.origin));
    origins.extend(loaded.personas.iter().map(|document| &document.origin));
    let in_document = origins.into_iter().any(|origin| origin.file == place.file && lines(loaded, origin).contains(&place.line));
    // A table's file is no manifest.
    in_document || !loaded.texts.is_empty() && !place.file.ends_with(".yaml") && !place.file.ends_with(".yml") && place.file.as_ref() != "-"
}

/// Whether a problem is in a target's `protect`, or where that is misspelt.
fn is_about_protection(error: &Diagnostic, loaded: &Loaded, origin: &Origin) -> bool {
    let Some((place, _)) = error.place.as_ref().filter(|(place, _)| place.file == origin.file) else { return false };
    if !lines(loaded, origin).contains(&place.line) {
        return false;
    }
    let text = loaded.texts.get(origin.text).map_or("", |text| text);
    let line_of = |byte: usize| text.get(..byte).map_or(0, |before| before.matches('\n').count() as u32) + 1;
    let inside = loaded
        .outline(origin)
        .extent("/spec/protect")
        .is_some_and(|bytes| (line_of(bytes.start)..=line_of(bytes.end)).contains(&place.line));
    inside || error.hint.as_deref().is_some_and(|hint| hint.contains("protect"))
}

fn lines(loaded: &Loaded, origin: &Origin) -> std::ops::RangeInclusive<u32> {
    let text = loaded.texts.get(origin.text).map_or("", |text| text);
    let document = text.get(origin.start..origin.start.saturating_add(origin.length)).unwrap_or_default();
    origin.line..=origin.line + document.matches('\n').count() as u32
}
