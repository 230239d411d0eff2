//! `headcount comment`: puts a Markdown page beside the request that would bring it about, as the one comment of its workspace, and into the step summary.
//!
//! Must never: send a text without a marker, which would be a new comment each time, or one that is too long.

pub mod place;

use std::path::{Path, PathBuf};

use super::output;
use super::report::{self, Exit, Failure, notice};
use super::session;
use crate::files;
use crate::forge::{Forge, ForgeError, Placed, Signal};
use crate::model::PlanFilter;
use crate::render::marker::Marker;
use crate::render::safe;
use crate::review::VerdictLevel;

/// Post or update the one comment of a pull request or merge request
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount plan -o markdown=comment.md && headcount comment comment.md
  headcount comment comment.md --status            and a status of the newest commit

GitHub: GITHUB_TOKEN (pull-requests: write), and what Actions set: GITHUB_REPOSITORY,
GITHUB_EVENT_PATH, GITHUB_API_URL, GITHUB_STEP_SUMMARY.
GitLab: HEADCOUNT_GITLAB_TOKEN (a project access token: scope api, role Reporter), and what
its pipelines set: CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID.")]
pub struct CommentArgs {
    /// The page, as `-o markdown=FILE` writes it; - for stdin
    #[arg(value_name = "FILE")]
    page: PathBuf,
    /// The request's number, where the pipeline's event does not say it
    #[arg(long, value_name = "N")]
    number: Option<u64>,
    /// Set a status of the newest commit
    #[arg(long)]
    status: bool,
    /// Make a check of the newest commit (GitHub): it can be neutral where somebody should look
    #[arg(long)]
    check: bool,
    /// Whose page it is where it does not say so itself: that of a preview which failed before that was known
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// A longer page for the step summary [default: FILE]
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

/// A page that is larger is none of ours.
const MAX_PAGE: u64 = 64 << 20;
/// GitHub shows no longer step summary.
const MAX_SUMMARY: usize = 1 << 20;

pub fn run(args: &CommentArgs) -> Result<Exit, Failure> {
    let mut page = read(&args.page)?;
    if let (None, Some(workspace)) = (Marker::read(&page), &args.workspace) {
        page = format!("{}\n{page}", Marker::of_failure("diff", workspace, &PlanFilter::default()).line());
    }
    let Some(marker) = Marker::read(&page) else {
        let name = args.page.display();
        return Err(Failure::new(format!("{name} does not begin with the line by which the next run finds its comment")).hint(
            "hand on what `-o markdown=FILE` wrote, from its first line on; of a preview that failed say whose it is: `--workspace ID`",
        ));
    };
    // First of all, so that a token that may not write still leaves something to read.
    summary(args, &marker, &page)?;
    session::run(send(args, &marker, &page))?
}

async fn send(args: &CommentArgs, marker: &Marker, page: &str) -> Result<Exit, Failure> {
    let forge = place::forge(args.number).await?;
    let told = match forge.place(marker, page).await.map_err(failed)? {
        Placed::Created(place) => format!("Comment posted: {}\n", safe::line(&place)),
        Placed::Updated(place) => format!("Comment updated: {}\n", safe::line(&place)),
        Placed::AlreadySo(place) => format!("Comment left as it is, it says the same: {}\n", safe::line(&place)),
    };
    report::result(told.as_bytes())?;
    if args.status || args.check {
        signal(args, &forge, marker, page).await?;
    }
    Ok(Exit::Done)
}

async fn signal(args: &CommentArgs, forge: &Forge, marker: &Marker, page: &str) -> Result<(), Failure> {
    let signal = Signal {
        name: format!("headcount/{}", marker.workspace),
        // A page that does not say what came of it is of a run that came to nothing.
        verdict: marker.verdict.unwrap_or(VerdictLevel::Incomplete),
        sentence: sentence(page),
        url: place::run(),
    };
    if args.status {
        forge.status(&signal).await.map_err(failed)?;
    }
    if args.check {
        forge.check(&signal).await.map_err(failed)?;
    }
    Ok(())
}

/// The page's first heading, without Markdown.
fn sentence(page: &str) -> String {
    let heading =
        page.lines().find_map(|line| line.strip_prefix('#')).map(|rest| rest.trim_start_matches('#').trim()).unwrap_or("headcount");
    let plain: String = heading.replace("<!-- -->", "").chars().filter(|sign| !matches!(sign, '`' | '*' | '\\')).collect();
    safe::line(&plain).into_owned()
}

/// The whole page, once, where a step of GitHub's shows it.
fn summary(args: &CommentArgs, marker: &Marker, page: &str) -> Result<(), Failure> {
    let Some(file) = place::variable("GITHUB_STEP_SUMMARY").map(PathBuf::from) else { return Ok(()) };
    let longer = args.summary.as_deref().map(read).transpose()?;
    let text = longer.as_deref().unwrap_or(page);
    let written = match files::read_text(&file, MAX_SUMMARY as u64) {
        Ok(written) => written,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::file("read", &file, error)),
    };
    if written.lines().filter_map(Marker::read).any(|shown| shown.same(marker)) {
        return Ok(());
    }
    if written.len() + text.len() > MAX_SUMMARY {
        notice(format_args!(
            "warning: the step summary takes {} at most and is left as it is; keep the page as an artifact",
            files::size(MAX_SUMMARY as u64)
        ));
        return Ok(());
    }
    output::append(&file, text)
}

fn read(path: &Path) -> Result<String, Failure> {
    let read = match path.as_os_str() == "-" {
        true => files::read_to_end(std::io::stdin().lock(), MAX_PAGE)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8 text"))),
        false => files::read_text(path, MAX_PAGE),
    };
    read.map_err(|error| Failure::file("read", path, error))
}

fn failed(error: ForgeError) -> Failure {
    let failure = Failure::new(error.message);
    error.hint.into_iter().fold(failure, Failure::hint)
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn the_heading_is_told_without_markdown() {
        assert_eq!(
            sentence("<!-- headcount:diff workspace=a -->\n### headcount · `acme`: **3** changes\n#### x"),
            "headcount · acme: 3 changes"
        );
        assert_eq!(sentence("<!-- headcount:diff workspace=a -->\n"), "headcount");
    }
}
