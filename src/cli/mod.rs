//! The command line: one file per command. A command parses, calls the layers below and shows; it exits through [`report::Exit`].
//!
//! Must never: decide about a change, or print anything but results to stdout and progress and diagnostics to stderr.

mod apply;
mod approve;
mod begin;
mod comment;
mod commit_status;
mod complete;
mod completions;
mod connector;
mod controller;
mod crds;
mod diff;
mod drift;
mod erase;
mod explain;
mod fmt;
mod generated;
mod get;
mod held;
mod history;
mod import;
mod inbound;
mod init;
mod log;
mod man;
mod manifests;
mod next;
mod operator;
mod outcome;
mod output;
mod pages;
mod pause;
#[cfg(test)]
mod pipelines_tests;
mod plan;
mod progress;
mod redact;
mod remainder;
mod remote;
pub mod report;
mod requests;
mod reviewed;
mod revisions;
mod revoke;
mod running;
mod schema;
mod selection;
mod session;
mod state;
mod status;
mod sync;
mod teller;
mod test;
mod test_output;
mod token;
#[cfg(feature = "otel")]
mod traces;
mod unclaimed;
mod validate;
mod version;
mod watched;
mod who;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::Styles;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::render::style;
use report::{Exit, Failure};

/// GitOps for user provisioning: declare users, groups and mapping rules in YAML; see the difference; apply it.
#[derive(Debug, Parser)]
#[command(name = "headcount", version, max_term_width = 100, styles = STYLES)]
#[command(after_help = "\
Exit codes:
  0  done, nothing left
  1  an error; for `diff`: there are differences
  2  wrong usage; with --detailed-exitcode: a plan with changes
  3  something is held: by a guardrail, an approval, a window, a suspension or the brake
  4  partly applied
  5  the plan is stale, or something could not be read or decided
  6  a branch brings something that can't be decided")]
struct Cli {
    /// When to use colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, display_order = 900)]
    color: Color,
    #[command(flatten)]
    log: log::LogArgs,
    /// Print only errors and the result: no progress, no notes, no warnings
    #[arg(short, long, global = true, display_order = 903)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

/// Of clap's own messages: the colours that the rest has.
const STYLES: Styles = Styles::styled().error(style::BAD).valid(style::GOOD).invalid(style::RISK);

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Test(test::TestArgs),
    Plan(plan::PlanArgs),
    Diff(diff::DiffArgs),
    Comment(comment::CommentArgs),
    Apply(apply::ApplyArgs),
    Get(get::GetArgs),
    Explain(explain::ExplainArgs),
    Revoke(revoke::RevokeArgs),
    Controller(controller::ControllerArgs),
    Operator(operator::OperatorArgs),
    Status(status::StatusArgs),
    Sync(sync::SyncArgs),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Approve(approve::ApproveArgs),
    History(history::HistoryArgs),
    Drift(drift::DriftArgs),
    Erase(erase::EraseArgs),
    Import(import::ImportArgs),
    Fmt(fmt::FmtArgs),
    State(state::StateArgs),
    Token(token::TokenArgs),
    Connector(connector::ConnectorArgs),
    Schema(schema::SchemaArgs),
    Crds(crds::CrdsArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Version(version::VersionArgs),
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Where the manifests are: shared by every command that reads them.
#[derive(Clone, Debug, Default, Args)]
pub struct Files {
    /// A file or directory of manifests, or - for stdin; repeatable [default: the current directory]
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
}

/// Runs the command line and says how the process ends.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(exit) = completions::answer(&arguments, Cli::command) {
        return exit.into();
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and usage errors alike; a closed pipe changes neither.
            let _ = usage.print();
            return if usage.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    choose_color(cli.color);
    report::be_quiet(cli.quiet);
    let started = match &cli.command {
        // It begins by itself: what it logs is counted, too.
        Command::Controller(_) | Command::Operator(_) => Ok(()),
        _ => log::start(&cli.log),
    };
    let ended = started.and_then(|()| dispatch(cli.command, &cli.log));
    #[cfg(feature = "otel")]
    traces::end();
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => report::failure(&failure).into(),
    }
}

fn dispatch(command: Command, log: &log::LogArgs) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => init::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Comment(args) => comment::run(&args),
        Command::Apply(args) => apply::run(&args),
        Command::Get(args) => get::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Revoke(args) => revoke::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Sync(args) => sync::run(&args),
        Command::Pause(args) => pause::pause(&args),
        Command::Resume(args) => pause::resume(&args),
        Command::Approve(args) => approve::run(&args),
        Command::History(args) => history::run(&args),
        Command::Drift(args) => drift::run(&args),
        Command::Erase(args) => erase::run(&args),
        Command::Controller(args) => controller::run(&args, log),
        Command::Operator(args) => operator::run(&args, log),
        Command::Import(args) => import::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::State(args) => state::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Connector(args) => connector::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Crds(args) => crds::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Version(args) => version::run(&args),
    }
}

/// anstream asks the global choice wherever colours could be written.
fn choose_color(color: Color) {
    let choice = match color {
        Color::Auto => return,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}
