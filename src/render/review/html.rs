//! A review as one HTML file for a browser: what matters stands in it as HTML, and the list of everybody is made by its script from the data in it.
//!
//! Must never: load anything, run anything of its own data, or need its script for the verdict and what to check.

mod data;
mod parts;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::ReviewOptions;
use super::links::References;
use super::totals::{read, title};
use super::words;
use crate::render::markup::{html, script};
use crate::render::summary::word;
use crate::review::{Review, Revision};

const STYLE: &str = concat!(include_str!("../look.css"), include_str!("report.css"));
const SCRIPT: &str = include_str!("report.js");

/// The file.
pub fn report(review: &Review, options: &ReviewOptions<'_>) -> String {
    let head = review.branch.as_ref().and_then(|branch| branch.head.commit.as_deref());
    let links = References::new(options.forge, head, usize::MAX);
    let name = format!("headcount · {}: {}", review.workspace, title(review));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let data = script(&serde_json::to_string(&data::data(review, &links)).unwrap_or_default());
    // The text of script and style is ours and stands as it is, or its hash would not fit.
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#list\">To the changes</a>\n<main>\n{}{}{LIST}<footer>One file: nothing is loaded from anywhere, and nothing is sent. It \
         names people: share it as you would the data it comes from.</footer>\n</main>\n<script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        html(&name),
        header(review, &links),
        parts::parts(review, &links),
    )
}

/// Everybody: empty until the script fills it.
const LIST: &str = "<section id=\"list\" aria-label=\"Changes\">\n<h2>All changes</h2>\n\
<noscript><p>The search and the list of everybody need the script in this file, which loads nothing. All of it is in the data at the end of the file too.</p></noscript>\n\
<form id=\"tools\" role=\"search\" hidden>\n\
<label class=\"q\"><span>Search ( / )</span><input id=\"q\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" placeholder=\"a person, a group, a value, a file\"></label>\n\
<fieldset id=\"origin\"><legend>Show</legend><label><input type=\"radio\" name=\"o\" value=\"0\"><span>This branch</span></label><label><input type=\"radio\" name=\"o\" value=\"1\">\
<span>Pending</span></label><label><input type=\"radio\" name=\"o\" value=\"\"><span>Both</span></label></fieldset>\n\
<label>What happens <select id=\"k\"></select></label>\n<label>Target <select id=\"t\"></select></label>\n<label>Why <select id=\"c\"></select></label>\n\
<label>Group by <select id=\"g\"><option value=\"c\">cause</option><option value=\"k\">what happens</option><option value=\"t\">target</option><option value=\"p\">person</option></select></label>\n\
<span class=\"act\"><button type=\"button\" id=\"open\">Open all</button><button type=\"button\" id=\"clear\">Clear</button></span>\n</form>\n\
<p id=\"count\" role=\"status\" aria-live=\"polite\"></p>\n<div id=\"out\"></div>\n</section>\n";

fn header(review: &Review, links: &References<'_>) -> String {
    let level = word(&review.verdict.level);
    let mut facts = Vec::new();
    if let Some(branch) = &review.branch {
        facts.push(("Branch", revision(&branch.head, links)));
        let new = if branch.is_new { ", which does not have this workspace yet" } else { "" };
        facts.push(("Against", revision(&branch.base, links) + new));
    }
    facts.push(("Planned for", html(&review.as_of.strftime("%-d %B %Y").to_string())));
    facts.push(("Review", format!("<code>{}</code>", html(review.hash.get(..16).unwrap_or(&review.hash)))));
    if let Some(run) = links.run() {
        facts.push(("Run", format!("<a href=\"{}\">what made this</a>", html(run))));
    }
    let facts: String = facts.iter().map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>")).collect();
    format!(
        "<header>\n<p class=\"crumb\">headcount · {}</p>\n<h1>{}</h1>\n<p class=\"verdict {level}\"><b>{}.</b> {} {}</p>\n<dl class=\"meta\">{facts}</dl>\n</header>\n",
        html(&review.workspace),
        html(&capital(&title(review))),
        words::level(review.verdict.level),
        html(&review.verdict.sentence),
        read(review),
    )
}

fn revision(revision: &Revision, links: &References<'_>) -> String {
    let Some(commit) = &revision.commit else { return html(&revision.name) };
    let short = html(commit.get(..7).unwrap_or(commit));
    match links.commit_address(commit) {
        Some(address) => format!("{} <a href=\"{}\">{short}</a>", html(&revision.name), html(&address)),
        None => format!("{} <code>{short}</code>", html(&revision.name)),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn hash(text: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
