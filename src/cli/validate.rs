//! `headcount validate`.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::report::{self, Exit, Failure};
use super::{Files, manifests, session};
use crate::diagnostic::{Diagnostic, Level, Place};
use crate::manifest::Loaded;
use crate::persona;
use crate::pipeline::offline;
use crate::render::annotations::{self, Annotation};

/// The version of the JSON form.
const FORMAT_VERSION: u32 = 1;

/// Check everything that can be checked without reaching a system
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub files: Files,
    /// Look at nothing but the manifests: not at the files and SQLite databases that they name
    #[arg(long)]
    manifests_only: bool,
    /// How to write the problems
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Output {
    /// for a person, with the lines marked
    #[default]
    Text,
    /// one JSON document
    Json,
    /// annotations of a GitHub workflow
    Github,
}

pub fn run(args: &ValidateArgs) -> Result<Exit, Failure> {
    let (inputs, texts) = manifests::inputs(&args.files)?;
    let (loaded, policy, mut problems) = manifests::check(&inputs);
    if let Some(policy) = policy {
        problems.extend(persona::check(&loaded, &policy));
        if !args.manifests_only {
            problems.extend(session::run(offline::look(&loaded, &policy))?);
        }
        problems.sort_by(|one, next| one.place.cmp(&next.place));
    }
    let valid = !problems.iter().any(|problem| problem.level == Level::Error);
    match args.output {
        Output::Text => {
            if !problems.is_empty() {
                report::diagnostics(&problems, &texts);
            }
            if valid {
                report::result(format!("valid: {}\n", summary(&loaded)).as_bytes())?;
            }
        }
        Output::Json => {
            let diagnostics: Vec<Value> = problems.iter().map(as_json).collect();
            let document = json!({ "formatVersion": FORMAT_VERSION, "valid": valid, "diagnostics": diagnostics });
            report::result(format!("{document:#}\n").as_bytes())?;
        }
        Output::Github => {
            let marks: Vec<Annotation> = problems.iter().map(Annotation::of_problem).collect();
            report::result(annotations::github(&marks).as_bytes())?;
        }
    }
    Ok(if valid { Exit::Done } else { Exit::Error })
}

fn summary(loaded: &Loaded) -> String {
    let counts = [
        (usize::from(loaded.workspace.is_some()), "Workspace"),
        (loaded.sources.len(), "Source"),
        (loaded.targets.len(), "Target"),
        (loaded.mappings.len(), "AttributeMapping"),
        (loaded.users.len(), "User"),
        (loaded.groups.len(), "Group"),
        (loaded.entitlements.len(), "Entitlement"),
        (loaded.revocations.len(), "Revocation"),
        (loaded.approvals.len(), "PlanApproval"),
        (loaded.personas.len(), "Persona"),
    ];
    let words = |(count, kind): &(usize, &str)| format!("{count} {kind}{}", if *count == 1 { "" } else { "s" });
    counts.iter().filter(|(count, _)| *count > 0).map(words).collect::<Vec<_>>().join(", ")
}

fn as_json(problem: &Diagnostic) -> Value {
    let at = |place: &Place| json!({ "file": place.file, "line": place.line, "column": place.column });
    let mut object = json!({ "level": level(problem), "message": problem.message });
    if let Some((place, length)) = &problem.place {
        object["place"] = at(place);
        object["length"] = json!(length);
    }
    if let Some(hint) = &problem.hint {
        object["hint"] = json!(hint);
    }
    if !problem.notes.is_empty() {
        object["notes"] = json!(problem.notes);
    }
    if !problem.related.is_empty() {
        object["related"] = problem.related.iter().map(|(place, words)| json!({ "place": at(place), "message": words })).collect();
    }
    object
}

fn level(problem: &Diagnostic) -> &'static str {
    match problem.level {
        Level::Error => "error",
        Level::Note => "notice",
        Level::Warning => "warning",
    }
}
