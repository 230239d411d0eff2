//! `headcount validate`.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::report::{self, Exit, Failure};
use super::{Files, manifests, session};
use crate::diagnostic::{Diagnostic, Level, Place};
use crate::manifest::Loaded;
use crate::persona;
use crate::pipeline::offline;

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
        Output::Github => report::result(problems.iter().map(annotation).collect::<String>().as_bytes())?,
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

/// A workflow command, which GitHub shows at the line of the pull request.
fn annotation(problem: &Diagnostic) -> String {
    let mut line = format!("::{} ", level(problem));
    if let Some((place, length)) = &problem.place {
        let (file, end) = (property(&place.file), place.column.saturating_add(*length));
        let _ = write!(line, "file={file},line={},endLine={},col={},endColumn={end},", place.line, place.line, place.column);
    }
    let mut message = problem.message.clone();
    for (place, words) in &problem.related {
        let _ = write!(message, "\n{place}: {words}");
    }
    for note in &problem.notes {
        let _ = write!(message, "\n{note}");
    }
    if let Some(hint) = &problem.hint {
        let _ = write!(message, "\n{hint}");
    }
    let _ = writeln!(line, "title=headcount::{}", data(&message));
    line
}

fn level(problem: &Diagnostic) -> &'static str {
    match problem.level {
        Level::Error => "error",
        Level::Note => "notice",
        Level::Warning => "warning",
    }
}

/// A workflow command ends at the line's end: nothing that a manifest says may start another.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_one_line_whatever_the_manifest_says() {
        let place = Place { file: "a,b:c.yaml".into(), line: 3, column: 5 };
        let problem = Diagnostic::error("100%\n::set-env").at(place.clone(), 4).related(place, "the first").hint("take it out");
        insta::assert_snapshot!(annotation(&problem), @"::error file=a%2Cb%3Ac.yaml,line=3,endLine=3,col=5,endColumn=9,title=headcount::100%25%0A::set-env%0Aa,b:c.yaml:3:5: the first%0Atake it out");
    }
}
