//! A review to every place that was asked for: on standard output, in files, for a comment, for a browser.
//!
//! Must never: show one place more than another of what is redacted, or work out what the review does not hold.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::comment::place;
use super::output::{self, View};
use super::redact::Hides;
use super::report::{self, Failure};
use crate::model::Forecast;
use crate::render::Format;
use crate::render::annotations::{self, Annotation};
use crate::render::review::links::{Flavour, ForgeLinks};
use crate::render::review::{ReviewOptions, page, report as html, write_json, write_text};
use crate::review::Review;

/// What the views have beside the review itself.
#[derive(Clone, Copy, Default)]
pub struct ShownWith<'a> {
    /// everybody by name, however many
    pub full: bool,
    /// standing notes that an earlier run told
    pub told: Option<&'a BTreeSet<u64>>,
    /// how long it will take
    pub forecast: &'a [Forecast],
}

/// Forms that the review of a branch has.
pub fn check(views: &[View<Format>]) -> Result<(), Failure> {
    match views.iter().find(|view| view.format == Format::Ndjson) {
        Some(_) => Err(Failure::usage("a comparison of revisions is shown as text, json, markdown, html, github or gitlab")
            .hint("`headcount plan` has the other forms of one plan")),
        None => Ok(()),
    }
}

/// Every view, each where it goes; one on standard output where none is asked for.
pub fn write(views: &[View<Format>], review: Review, hides: &Hides, beside: ShownWith<'_>) -> Result<(), Failure> {
    let review = hides.review(review);
    let forge = forge();
    let options = |width: usize| ReviewOptions {
        rows: None,
        full: beside.full,
        told: beside.told,
        forecast: beside.forecast,
        ..ReviewOptions::plain(width, &forge)
    };
    let standard = [View { format: Format::Text, file: None }];
    for view in if views.is_empty() { &standard } else { views } {
        match &view.file {
            Some(path) => {
                output::replace(path, |file| output::plainly(file, |out| one(&review, view.format, &options(report::DEFAULT_WIDTH), out)))?
            }
            None => {
                let mut out = report::stdout();
                one(&review, view.format, &ReviewOptions { rows: report::rows(), ..options(report::width()) }, &mut out)?;
                out.flush()?;
            }
        }
    }
    Ok(())
}

fn one(review: &Review, format: Format, options: &ReviewOptions<'_>, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => write_text(review, options, out),
        Format::Github => out.write_all(annotations::github(&Annotation::of_review(review)).as_bytes()),
        Format::Gitlab => out.write_all(annotations::gitlab(&review.workspace, &Annotation::of_review(review)).as_bytes()),
        Format::Markdown => out.write_all(page(review, options).as_bytes()),
        Format::Html => out.write_all(html(review, options).as_bytes()),
        Format::Json | Format::Ndjson | Format::Review => write_json(review, out),
    }
}

/// Where places, commits and runs are seen, as the pipeline's variables say.
fn forge() -> ForgeLinks {
    let variable = place::variable;
    let github = variable("GITHUB_SERVER_URL").zip(variable("GITHUB_REPOSITORY")).map(|(server, name)| format!("{server}/{name}"));
    let gitlab = variable("CI_PROJECT_URL");
    let flavour = if github.is_none() && gitlab.is_some() { Flavour::GitLab } else { Flavour::GitHub };
    ForgeLinks {
        flavour,
        plain_alerts: flavour == Flavour::GitLab && variable("CI_SERVER_VERSION").is_some_and(|version| knows_no_alerts(&version)),
        repository: github.or(gitlab),
        commit: variable("GITHUB_SHA").or_else(|| variable("CI_COMMIT_SHA")),
        run: place::run(),
        report: None,
        plan: None,
    }
}

/// GitLab shows alerts from 17.10 on.
fn knows_no_alerts(version: &str) -> bool {
    let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    let known = parts.next().flatten().zip(parts.next().flatten());
    known.is_some_and(|known| known < (17, 10))
}

#[cfg(test)]
mod tests {
    use super::knows_no_alerts;

    #[test]
    fn alerts_are_left_out_where_they_would_be_shown_as_their_source() {
        let plain = ["17.9.2-ee", "16.11.0", "15.0"];
        let framed = ["17.10.0", "18.2.1-ee", "", "unknown", "17"];
        assert!(plain.iter().all(|version| knows_no_alerts(version)));
        assert!(!framed.iter().any(|version| knows_no_alerts(version)));
    }
}
