//! `headcount test`: personas against the manifests' rules. Offline: no connection is opened, no secret and no state is read.

use std::path::Path;

use clap::Args;

use super::Files;
use super::complete;
use super::manifests::{self, Manifests};
use super::output::{self, View};
use super::report::{self, Exit, Failure};
use super::test_output::{self, TestFormat};
use crate::diagnostic::Level;
use crate::manifest::kinds::{Expectation, PersonaSpec};
use crate::manifest::{Document, Loaded};
use crate::model::TestReport;
use crate::persona::{self, Rewrite, Suite};
use crate::pipeline::matches;

/// Check what sample people get: that each Persona's records yield exactly what it expects
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headcount test -f acme/                          all personas
  headcount test --update                          write down what comes of each, in the manifests
  headcount test -o text -o junit=personas.xml     for people and for CI

Exit codes: 0 all passed; 1 one did not, or a manifest is wrong; 2 wrong usage, or no persona to test")]
pub struct TestArgs {
    #[command(flatten)]
    files: Files,
    /// Only personas of this name, * standing for anything; repeatable
    #[arg(short = 'l', long, value_name = "PATTERN", add = complete::personas())]
    select: Vec<String>,
    /// Rewrite the `expect` of personas that did not pass, in place
    #[arg(long)]
    update: bool,
    /// Fail also where some rule is exercised by no persona
    #[arg(long, conflicts_with = "select")]
    strict: bool,
    /// How to show it: text, json or junit; FORMAT=FILE writes it to a file; repeatable [default: text]
    #[arg(short, long, value_name = "FORMAT[=FILE]", add = complete::formats::<TestFormat>())]
    output: Vec<View<TestFormat>>,
}

const FIRST: &str = "write one, and let `headcount test --update` add what comes of it:
apiVersion: headcount.dev/v1alpha1
kind: Persona
metadata: {name: engineer}
spec:
  asOf: 2026-01-15
  records:
    hr: {employee_id: \"1001\", department: Engineering}";

pub fn run(args: &TestArgs) -> Result<Exit, Failure> {
    output::check(&args.output)?;
    let report = tested(args).inspect_err(|failure| test_output::failed(&args.output, failure))?;
    verdict(args, &report)
}

/// What was tested is in its report by now, which stays whatever is made of it.
fn verdict(args: &TestArgs, report: &TestReport) -> Result<Exit, Failure> {
    let unexercised = report.coverage.as_ref().map_or(0, |coverage| coverage.total - coverage.exercised);
    if args.strict && unexercised > 0 {
        return Err(Failure::new(format!("{unexercised} of the rules are exercised by no persona, and --strict wants all of them to be")));
    }
    Ok(if report.failed > 0 { Exit::Error } else { Exit::Done })
}

/// Tests, and shows and writes the report.
fn tested(args: &TestArgs) -> Result<TestReport, Failure> {
    let manifests = load(&args.files)?;
    let personas = chosen(&manifests.loaded, &args.select)?;
    let mut suite = Suite::new(&manifests.loaded, &manifests.policy);
    let mut verdicts = Vec::with_capacity(personas.len());
    let mut new = Vec::new();
    for persona in personas {
        let tested = suite.test(persona);
        let came = tested.came.filter(|_| args.update && !tested.verdict.passed);
        new.extend(came.map(|came| (persona, came, verdicts.len())));
        verdicts.push(tested.verdict);
    }
    update(&manifests.loaded, &new)?;
    for (_, _, at) in &new {
        if let Some(verdict) = verdicts.get_mut(*at) {
            (verdict.passed, verdict.updated, verdict.trouble) = (true, true, None);
        }
    }
    let report = TestReport::new(verdicts, args.select.is_empty().then(|| suite.coverage()));
    test_output::show(&args.output, &report)?;
    Ok(report)
}

/// Loads, and tells what is wrong with records beside everything else.
fn load(files: &Files) -> Result<Manifests, Failure> {
    let mut manifests = manifests::load(files)?;
    manifests.warnings.extend(persona::check(&manifests.loaded, &manifests.policy));
    manifests.warnings.sort_by(|one, next| one.place.cmp(&next.place));
    if manifests.warnings.iter().any(|problem| problem.level == Level::Error) {
        return Err(Failure::Manifests(manifests.warnings, manifests.texts));
    }
    if !manifests.warnings.is_empty() {
        report::diagnostics(&manifests.warnings, &manifests.texts);
    }
    Ok(manifests)
}

fn chosen<'a>(loaded: &'a Loaded, select: &[String]) -> Result<Vec<&'a Document<PersonaSpec>>, Failure> {
    if loaded.personas.is_empty() {
        return Err(Failure::usage("there is no Persona to test").hint(FIRST));
    }
    let wanted = |name: &str| select.is_empty() || select.iter().any(|pattern| matches(pattern, name));
    let personas: Vec<_> = loaded.personas.iter().filter(|persona| wanted(&persona.name)).collect();
    if personas.is_empty() {
        let names: Vec<&str> = loaded.personas.iter().take(20).map(|persona| persona.name.as_ref()).collect();
        return Err(Failure::usage("no persona has such a name").hint(format!("there are: {}", names.join(", "))));
    }
    Ok(personas)
}

/// Writes expectations down: all files or, where one can't be rewritten, none.
fn update(loaded: &Loaded, new: &[(&Document<PersonaSpec>, Expectation, usize)]) -> Result<(), Failure> {
    let new: Vec<_> = new.iter().map(|(persona, came, _)| (*persona, came)).collect();
    let rewrites = persona::rewrite(loaded, &new).map_err(Failure::new)?;
    for rewrite in &rewrites {
        unchanged(rewrite)?;
    }
    for Rewrite { file, after, personas, .. } in &rewrites {
        output::rewrite(Path::new(file.as_ref()), after)?;
        report::notice(format_args!("rewrote the expectation of {personas} persona{} in {file}", if *personas == 1 { "" } else { "s" }));
    }
    Ok(())
}

/// A file that somebody else wrote meanwhile is theirs.
fn unchanged(rewrite: &Rewrite) -> Result<(), Failure> {
    if rewrite.file.as_ref() == "-" {
        return Err(Failure::usage("standard input can't be rewritten").hint("name the files with -f, or leave --update out"));
    }
    let path = Path::new(rewrite.file.as_ref());
    let now = crate::files::read(path, rewrite.before.len() as u64 + 1).map_err(|error| Failure::file("read", path, error))?;
    if now != rewrite.before.as_bytes() {
        return Err(Failure::new(format!("{} changed while it was tested; nothing was written", rewrite.file)).hint("run it again"));
    }
    Ok(())
}
