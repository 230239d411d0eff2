//! `headcount man`: the manual pages, with the sections that people look for (man-pages(7)).

use std::path::{Path, PathBuf};

use clap_mangen::Man;

use super::report::{self, Exit, Failure};

/// Print a manual page, or write all of them to a directory
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: headcount man | man -l -")]
pub struct ManArgs {
    /// The page of this command [default: headcount itself]
    command: Option<String>,
    /// Write every page to this directory, which must exist
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

pub fn run(args: &ManArgs, command: clap::Command) -> Result<Exit, Failure> {
    // Global options stand on every page.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let pages = pages(&command);
    if let Some(directory) = &args.out {
        pages.iter().try_for_each(|page| write(directory, page, &pages))?;
        return Ok(Exit::Done);
    }
    let name = args.command.as_deref().map_or_else(|| command.get_name().to_owned(), |name| format!("headcount-{name}"));
    let page = pages.iter().find(|page| page.name == name).ok_or_else(|| {
        let name = args.command.as_deref().unwrap_or_default();
        Failure::usage(format!("there is no command {name:?}")).hint("`headcount --help` lists them")
    })?;
    report::result(&text(page, &pages).map_err(Failure::Output)?)?;
    Ok(Exit::Done)
}

/// One page.
struct Page {
    name: String,
    command: clap::Command,
}

/// The command itself first, then each below it.
fn pages(command: &clap::Command) -> Vec<Page> {
    let mut pages = vec![Page { name: command.get_name().to_owned(), command: command.clone() }];
    add(command, "headcount", &mut pages);
    pages
}

fn add(command: &clap::Command, above: &str, pages: &mut Vec<Page>) {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let name = format!("{above}-{}", below.get_name());
        pages.push(Page { name: name.clone(), command: below.clone() });
        add(below, &name, pages);
    }
}

fn write(directory: &Path, page: &Page, pages: &[Page]) -> Result<(), Failure> {
    let failed = |error| Failure::file("write the manual pages to", directory, error);
    let text = text(page, pages).map_err(failed)?;
    std::fs::write(directory.join(format!("{}.1", page.name)), text).map_err(failed)
}

fn text(page: &Page, pages: &[Page]) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let bare = page.command.clone().after_help("").after_long_help("");
    let man = Man::new(bare).title(page.name.clone()).manual("headcount").source(format!("headcount {}", env!("CARGO_PKG_VERSION")));
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    let said = page.command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let parts: Vec<&str> = said.split("\n\n").filter(|part| !part.trim().is_empty() && !part.starts_with("Exit codes")).collect();
    let (examples, notes): (Vec<&str>, Vec<&str>) = parts.into_iter().partition(|part| part.starts_with("Example"));
    text.extend(notes.iter().flat_map(|note| format!(".PP\n{}\n", escape(note)).into_bytes()));
    man.render_options_section(&mut text)?;
    if page.command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    let below = pages.iter().map(|page| page.name.as_str()).filter(|name| *name != page.name);
    for section in
        [terms("EXIT STATUS", EXITS), terms("ENVIRONMENT", ENVIRONMENT), terms("FILES", FILES), example(&examples), see_also(below)]
    {
        text.extend(section.into_bytes());
    }
    Ok(text)
}

/// Terms and what they mean.
fn terms(title: &str, rows: &[(&str, &str)]) -> String {
    let row = |(term, words): &(&str, &str)| format!(".TP\n\\fB{}\\fR\n{}\n", escape(term), escape(words));
    format!(".SH \"{title}\"\n{}", rows.iter().map(row).collect::<String>())
}

/// The examples of the help, as they stand there.
fn example(parts: &[&str]) -> String {
    let lines =
        parts.iter().flat_map(|part| part.lines()).map(|line| line.trim_start_matches("Examples:").trim_start_matches("Example:").trim());
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).map(escape).collect();
    let lines = if lines.is_empty() { vec!["headcount plan -f acme/".to_owned()] } else { lines };
    format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", lines.join("\n"))
}

fn see_also<'p>(pages: impl Iterator<Item = &'p str>) -> String {
    format!(".SH \"SEE ALSO\"\n{}\n", pages.map(|name| format!("\\fB{}\\fR(1)", escape(name))).collect::<Vec<_>>().join(", "))
}

/// Text that is no markup: no backslash, no hyphen that becomes another sign, no line that begins as a request does.
fn escape(text: &str) -> String {
    let line = |line: &str| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// How every command ends.
pub const EXITS: &[(&str, &str)] = &[
    ("0", "done, nothing left"),
    ("1", "an error; for diff: there are differences"),
    ("2", "wrong usage; with --detailed-exitcode: a plan with changes"),
    ("3", "something is held: by a guardrail, an approval, a window, a suspension or the brake"),
    ("4", "partly applied"),
    ("5", "the plan is stale, or something could not be read or decided"),
    ("6", "diff --base: a branch brings something that can't be decided"),
    ("130", "interrupted twice: what was sent is in the journal"),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "HEADCOUNT_LOG",
        "What is logged to standard error: error, warn, info, debug or off, or levels of parts (http=debug,sql=info). -v and -vv go before it.",
    ),
    ("NO_COLOR, CLICOLOR_FORCE", "No colours; colours also where the output is no terminal. --color goes before both."),
    ("COLUMNS", "The width of text, where it is not the terminal's."),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "How services are reached."),
    (
        "HEADCOUNT_ACTOR, HEADCOUNT_COMMIT",
        "Who runs it, and for which commit, for the journal; without them what a CI system says, else the user.",
    ),
    ("HEADCOUNT_GIT_TOKEN", "What signs in at the repository that the controller follows over HTTPS."),
    ("HEADCOUNT_STATUS_TOKEN, HEADCOUNT_STATUS_API", "What may set the status of commits, and where."),
    ("HEADCOUNT_GITLAB_TOKEN, GITHUB_TOKEN", "What may comment on a merge request or a pull request."),
    ("HEADCOUNT_REDACT_KEY", "Makes the other names of --redact identities the same in every run."),
];

const FILES: &[(&str, &str)] = &[
    (".headcount/state.db", "The state and its journal, beside the Workspace document; spec.state of the Workspace says another place."),
    (".headcount/state.db.lock", "Held while a run is under way."),
    (".headcount/state.db.head", "The journal's last entry, kept apart, so that an end that was cut off is missed."),
];

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_becomes_a_request() {
        assert_eq!(escape(".TH a-b\n'x\\y"), "\\&.TH a\\-b\n\\&'x\\ey");
    }
}
