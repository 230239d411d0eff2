//! `headcount fmt`: manifests in the house style, each file by itself.
//!
//! Must never: write a file whose documents would read differently, or one that is not a manifest of ours.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::output;
use super::report::{self, Exit, Failure};
use crate::diagnostic::{Diagnostic, Place};
use crate::manifest::{ManifestInput, ManifestText, NotFormatted, Revision, format};
use crate::render::patch::patch;

/// Most bytes of standard input.
const MAX_STDIN: u64 = 512 << 20;

/// Tidy manifests: indents, blanks and quotes; what they say and every comment stay
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount fmt                    every manifest below the current directory
  headcount fmt --check --diff acme/
  headcount fmt - < groups.yaml    tidied, to standard output

A file that can't be tidied without a risk to what it says is named and left as it is.")]
pub struct FmtArgs {
    /// Files or directories, or - for stdin [default: the current directory]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    files: super::Files,
    /// Write nothing; exit with 1 and name the files that are not tidy
    #[arg(long)]
    check: bool,
    /// Write nothing; show what would change
    #[arg(long)]
    diff: bool,
}

pub fn run(args: &FmtArgs) -> Result<Exit, Failure> {
    let mut paths: Vec<PathBuf> = args.paths.iter().chain(&args.files.files).cloned().collect();
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    if let [only] = paths.as_slice()
        && only == Path::new("-")
    {
        return stdin(args);
    }
    if paths.iter().any(|path| path == Path::new("-")) {
        return Err(Failure::usage("`-` stands for standard input, and nothing can stand beside it"));
    }
    let inputs: Vec<ManifestInput> = paths.into_iter().map(ManifestInput::Path).collect();
    let found = Revision::of(&inputs);
    if !found.problems.is_empty() {
        return Err(Failure::Manifests(found.problems, report::Texts::default()));
    }
    let mut out = report::stdout();
    let (mut untidy, mut refused) = (0, Vec::new());
    for ManifestText { name: file, bytes, .. } in &found.texts {
        let text = &String::from_utf8_lossy(bytes);
        match format(text) {
            Ok(tidy) if tidy == **text => {}
            Ok(tidy) => {
                untidy += 1;
                one(args, file, text, &tidy, &mut out)?;
            }
            Err(why) => refused.push(left(file, &why)),
        }
    }
    out.flush()?;
    report::diagnostics(&refused, &report::Texts::default());
    let checks = args.check || args.diff;
    Ok(if !refused.is_empty() || (args.check && untidy > 0) { Exit::Error } else { said(checks, untidy, found.texts.len()) })
}

fn left(file: &Arc<str>, why: &NotFormatted) -> Diagnostic {
    Diagnostic::error(format!("left as it is: {}", why.words)).at(Place { file: file.clone(), line: why.line, column: 1 }, 1)
}

fn said(checks: bool, untidy: usize, all: usize) -> Exit {
    let files = crate::render::count(all as u64, "file");
    match (checks, untidy) {
        (true, _) => {}
        (false, 0) => report::notice(format_args!("{files}, all tidy")),
        (false, some) => report::notice(format_args!("tidied {some} of {files}")),
    }
    Exit::Done
}

fn one(args: &FmtArgs, file: &str, before: &str, tidy: &str, out: &mut impl Write) -> Result<(), Failure> {
    // However it was named: a patch is applied where it was made.
    let shown = std::env::current_dir().ok().and_then(|here| output::beneath(file, &here)).unwrap_or_else(|| file.to_owned());
    if args.diff {
        return Ok(out.write_all(patch(&shown, Some(before), tidy).as_bytes())?);
    }
    if !args.check {
        output::rewrite(Path::new(file), tidy)?;
    }
    Ok(writeln!(out, "{shown}")?)
}

fn stdin(args: &FmtArgs) -> Result<Exit, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_STDIN).read_to_string(&mut text);
    read.map_err(|error| Failure::file("read", Path::new("-"), error))?;
    let tidy = format(&text).map_err(|why| Failure::new(format!("-:{}: left as it is: {}", why.line, why.words)))?;
    match (args.diff, args.check) {
        (true, _) => report::result(patch("stdin", Some(&text), &tidy).as_bytes())?,
        (false, false) => report::result(tidy.as_bytes())?,
        (false, true) => {}
    }
    Ok(if args.check && tidy != text { Exit::Error } else { Exit::Done })
}
