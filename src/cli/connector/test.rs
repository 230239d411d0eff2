//! `headcount connector test`: plays the exchanges of ConnectorTests to the engine. Offline: no system is reached, no secret is read.

use std::path::{Path, PathBuf};

use crate::cli::Files;
use crate::cli::complete;
use crate::cli::output::{self, View};
use crate::cli::report::{self, Exit, Failure, Texts};
use crate::cli::session::{self, Session};
use crate::cli::test_output::{self, TestFormat};
use crate::connector::registry;
use crate::diagnostic::{Level, did_you_mean};
use crate::manifest::catalog;
use crate::manifest::{self, Loaded, ManifestInput};
use crate::model::{CaseReport, CaseVerdict};
use crate::pipeline::record;

/// Play the exchanges of Connectors' tests, offline: what is asked, and what is made of the answers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount connector test okta                       one of the catalog
  headcount connector test desk.yaml                  a Connector of yours, with desk.test.yaml beside it
  headcount connector test --all -o junit=cases.xml   the whole catalog, for CI
  headcount connector test --record okta -f acme/     a test from what a tenant answers

Exit codes: 0 all passed; 1 one did not, or a document is wrong; 2 wrong usage, or nothing to test")]
pub struct CaseArgs {
    /// Connectors of the catalog, or files and folders with Connectors and their tests
    #[arg(value_name = "NAME|PATH", add = complete::connectors(), required_unless_present_any = ["all", "record"])]
    what: Vec<String>,
    /// The whole catalog
    #[arg(long, conflicts_with = "what")]
    all: bool,
    /// Print a test made of what this Source or Target answers now, in made-up words; nothing is written there
    #[arg(long, value_name = "SYSTEM", conflicts_with_all = ["what", "all", "output"], add = complete::systems())]
    record: Option<String>,
    /// Where the manifests of the system to record are
    #[command(flatten)]
    files: Files,
    /// How to show it: text, json or junit; FORMAT=FILE writes it to a file; repeatable [default: text]
    #[arg(short, long, value_name = "FORMAT[=FILE]", add = complete::formats::<TestFormat>())]
    output: Vec<View<TestFormat>>,
}

pub fn run(args: &CaseArgs) -> Result<Exit, Failure> {
    output::check(&args.output)?;
    if let Some(name) = &args.record {
        return recorded(&args.files, name);
    }
    let report = tested(args).inspect_err(|failure| test_output::failed(&args.output, failure))?;
    test_output::show(&args.output, &report)?;
    Ok(if report.failed > 0 { Exit::Error } else { Exit::Done })
}

fn recorded(files: &Files, name: &str) -> Result<Exit, Failure> {
    let session = Session::load(files)?;
    let recorded = session::run(record(&session.loaded, name))?;
    let text = recorded.map_err(|error| Failure::from_error(&error).hint("`headcount connector check` says what can be read"))?;
    report::result(text.as_bytes()).map(|()| Exit::Done)
}

fn tested(args: &CaseArgs) -> Result<CaseReport, Failure> {
    let (loaded, mut problems) = manifest::load(&inputs(args)?);
    problems.extend(registry::check(&loaded));
    if problems.iter().any(|problem| problem.level == Level::Error) {
        return Err(Failure::Manifests(problems, Texts::default()));
    }
    if loaded.connector_tests.is_empty() {
        let hint = "write one beside the Connector, as NAME.test.yaml: docs/writing-a-connector.md says how";
        return Err(Failure::usage("there is no ConnectorTest here").hint(hint));
    }
    session::run(played(&loaded))
}

async fn played(loaded: &Loaded) -> CaseReport {
    let mut verdicts = Vec::new();
    for test in &loaded.connector_tests {
        let name = test.spec.connector.as_deref().unwrap_or(&test.name);
        // The loader looked that it is there.
        let Some(document) = catalog::named(loaded, name) else { continue };
        let came = registry::played(name, &document, &test.spec).await;
        let outline = loaded.outline(&test.origin);
        let cases = test.spec.cases.iter().zip(came).enumerate();
        verdicts.extend(cases.map(|(at, (case, problems))| CaseVerdict {
            connector: name.to_owned(),
            name: case.name.clone(),
            place: outline.place(&format!("/spec/cases/{at}/name")),
            passed: problems.is_empty(),
            problems,
        }));
    }
    CaseReport::new(verdicts)
}

fn inputs(args: &CaseArgs) -> Result<Vec<ManifestInput>, Failure> {
    if args.all {
        return Ok(catalog::tests().map(|(_, input)| input).collect());
    }
    let mut inputs = Vec::new();
    for what in &args.what {
        let path = Path::new(what);
        if path.exists() || what.contains(['/', '\\']) || what.ends_with(".yaml") || what.ends_with(".yml") {
            inputs.extend(beside(path).into_iter().chain([path.to_owned()]).map(ManifestInput::Path));
            continue;
        }
        inputs.push(of_catalog(what)?);
    }
    Ok(inputs)
}

fn of_catalog(name: &str) -> Result<ManifestInput, Failure> {
    if let Some((_, input)) = catalog::tests().find(|(known, _)| *known == name) {
        return Ok(input);
    }
    if catalog::catalog().contains_key(name) {
        return Err(Failure::usage(format!("the catalog has no test of `{name}`")));
    }
    let near = did_you_mean(name, catalog::catalog().keys().map(AsRef::as_ref));
    let hint = near.unwrap_or_else(|| "`headcount connector list` names those of the catalog; of your own, name the file".into());
    Err(Failure::usage(format!("the catalog has no connector `{name}`")).hint(hint))
}

/// `desk.test.yaml` for `desk.yaml`, and the other way round, if it is there.
fn beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (stem, ending) = name.rsplit_once('.')?;
    let other = stem.strip_suffix(".test").map_or_else(|| format!("{stem}.test.{ending}"), |stem| format!("{stem}.{ending}"));
    Some(path.with_file_name(other)).filter(|other| path.is_file() && other.is_file())
}
