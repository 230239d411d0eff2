//! What was changed outside, for a person, for an issue and for a program.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::{DriftArgs, Form, Told};
use crate::cli::next;
use crate::cli::report::{self, Failure};
use crate::drift::{Drift, DriftKind};
use crate::model::{Severity, Value};
use crate::render::style::{QUIET, RISK, STRONG, paint};
use crate::render::{count, fenced, prose, safe};

/// A longer patch is no reading for an issue.
const PATCH: usize = 20_000;

/// Says it.
pub(super) fn tell(args: &DriftArgs, told: &Told<'_>) -> Result<(), Failure> {
    let text = match args.output {
        Form::Text => text(args, told),
        Form::Markdown => markdown(told),
        Form::Json => json(told),
    };
    report::result(text.as_bytes())
}

fn text(args: &DriftArgs, told: &Told<'_>) -> String {
    let mut out = String::new();
    let drifts = &told.compared.drifts;
    let since: Vec<String> =
        told.compared.since.iter().map(|(target, time)| format!("{} since {}", safe::line(target), moment(*time))).collect();
    if drifts.is_empty() {
        let read = if is_incomplete(told) { "Nothing of what could be read was changed outside" } else { "Nothing was changed outside" };
        let _ = writeln!(out, "{read}: {}", since.join("; "));
        unknown(&mut out, told);
        return out;
    }
    let verb = if drifts.len() == 1 { "was" } else { "were" };
    let _ = writeln!(out, "{} {verb} changed outside: {}", paint(STRONG, count(drifts.len() as u64, "thing")), since.join("; "));
    let checks: Vec<&Drift> = drifts.iter().filter(|drift| drift.check).collect();
    if !checks.is_empty() {
        let _ = writeln!(out, "\n{}", paint(RISK.bold(), "Please check"));
        for drift in checks {
            let _ = writeln!(
                out,
                "  {} {} {} ({}){}",
                sign(drift),
                safe::line(&drift.name),
                words(drift),
                safe::line(&drift.target),
                attributed(drift, "; ")
            );
        }
    }
    let mut target: Option<&Arc<str>> = None;
    let ways: Vec<(String, String)> = (0..drifts.len()).map(|at| ways(told, at)).collect();
    let width = |pick: fn(&Drift) -> String| drifts.iter().map(|drift| pick(drift).chars().count()).max().unwrap_or(0);
    let (names, most) = (width(|drift| safe::line(&drift.name).into_owned()).min(24), width(words).min(48));
    for (at, drift) in drifts.iter().enumerate() {
        if target != Some(&drift.target) {
            target = Some(&drift.target);
            let _ = writeln!(out, "\n{}", paint(STRONG, format_args!("{}", safe::line(&drift.target))));
        }
        let (adopt, revert) = &ways[at];
        let name = safe::line(&drift.name);
        let _ = writeln!(
            out,
            "  {:>3}  {} {name:names$}  {:most$}  {}",
            at + 1,
            sign(drift),
            words(drift),
            paint(QUIET, format_args!("{adopt}; {revert}"))
        );
        let _ = write!(out, "{}", paint(QUIET, format_args!("{}", attributed(drift, "         "))));
        if drift.last_change.is_some() {
            out.push('\n');
        }
    }
    unknown(&mut out, told);
    next(&mut out, args, told);
    out
}

/// The manifests, as the command was given them.
fn files(args: &DriftArgs) -> String {
    next::options(&args.files).into_iter().map(|option| format!(" {option}")).collect()
}

/// What applies a patch where its files are.
fn apply(told: &Told<'_>, patch: &Path) -> String {
    match &told.apart {
        None => format!("git apply {}", patch.display()),
        Some(folder) => {
            let whole = std::path::absolute(patch).unwrap_or_else(|_| patch.to_path_buf());
            format!("git -C {} apply {}", folder.display(), whole.display())
        }
    }
}

fn next(out: &mut String, args: &DriftArgs, told: &Told<'_>) {
    out.push('\n');
    match (&args.adopt, &args.revert) {
        (None, None) => {
            let files = files(args);
            let _ = write!(
                out,
                "Adopt (the manifests follow):  headcount drift{files} --adopt adopt.patch    then  git apply adopt.patch\n\
                 Revert (the target follows):   headcount drift{files} --revert revert.json   then  headcount apply revert.json{files}\n\
                 Only some:                     --only 1,5   or   --only target=NAME,what=value,person=NAME\n",
            );
        }
        (adopt, revert) => {
            if let Some(file) = adopt {
                let done = told.chosen.len() - told.adopted.refused.keys().filter(|at| **at < told.chosen.len()).count();
                let _ = writeln!(out, "wrote {}: {done} of {} adopted; `{}`", file.display(), told.chosen.len(), apply(told, file));
            }
            if let Some(file) = revert {
                let done =
                    told.chosen.iter().filter(|at| told.compared.drifts.get(**at).is_some_and(|drift| drift.change.is_some())).count();
                let _ = writeln!(
                    out,
                    "wrote {}: {done} of {} taken back; `headcount apply {}{}`",
                    file.display(),
                    told.chosen.len(),
                    file.display(),
                    files(args)
                );
            }
        }
    }
}

fn is_incomplete(told: &Told<'_>) -> bool {
    told.plan.findings.iter().any(|finding| finding.severity == Severity::Incomplete)
}

fn unknown(out: &mut String, told: &Told<'_>) {
    for target in &told.compared.unknown {
        let _ = writeln!(out, "{}: nothing to compare with, since no complete run has left it yet", safe::line(target));
    }
    for finding in told.plan.findings.iter().filter(|finding| finding.severity == Severity::Incomplete) {
        let _ = writeln!(out, "Not all was read: {}", safe::lines(&told.hides.words(&finding.message)));
    }
}

/// How each can be adopted and taken back, or why not.
fn ways(told: &Told<'_>, at: usize) -> (String, String) {
    let drift = &told.compared.drifts[at];
    let asked = told.chosen.iter().position(|chosen| *chosen == at);
    let adopt = match asked {
        None => "left out by --only".to_owned(),
        Some(place) => match told.adopted.refused.get(&place) {
            Some(why) => format!("no adopt: {}", told.hides.words(why)),
            None => "can be adopted".to_owned(),
        },
    };
    let revert = match (drift.change, drift.what) {
        (Some(_), _) => "can be taken back",
        (None, DriftKind::LostSignIn) => "taken back only by `active: true` in a User",
        (None, _) => "not ours to take back",
    };
    (adopt, revert.to_owned())
}

fn sign(drift: &Drift) -> char {
    match drift.what {
        DriftKind::Joined | DriftKind::Granted | DriftKind::GotSignIn | DriftKind::JoinedUndeclared | DriftKind::NewAccount => '+',
        DriftKind::Left | DriftKind::Withdrawn | DriftKind::LostSignIn | DriftKind::AccountDeleted | DriftKind::GroupDeleted => '-',
        DriftKind::Value | DriftKind::Parameter | DriftKind::AccountMoved | DriftKind::GroupRenamed => '~',
    }
}

fn words(drift: &Drift) -> String {
    let of = || safe::line(drift.of_name.as_deref().unwrap_or_default()).into_owned();
    let attribute = || safe::line(drift.attribute.as_deref().unwrap_or_default()).into_owned();
    let change = || match (&drift.ours, &drift.theirs) {
        // Both are hidden: a value that did not change is no drift.
        (None, None) => "changed".to_owned(),
        (ours, theirs) => format!("{} → {}", value(ours.as_ref()), value(theirs.as_ref())),
    };
    match drift.what {
        DriftKind::Value => format!("{} {}", attribute(), change()),
        DriftKind::Parameter => format!("{} {} {}", of(), attribute(), change()),
        DriftKind::Joined => format!("joined {}", of()),
        DriftKind::Left => format!("left {}", of()),
        DriftKind::Granted => format!("got {}", of()),
        DriftKind::Withdrawn => format!("lost {}", of()),
        DriftKind::LostSignIn => "lost sign-in".to_owned(),
        DriftKind::GotSignIn => "has sign-in again, which headcount took".to_owned(),
        DriftKind::AccountDeleted => "account is gone".to_owned(),
        DriftKind::AccountMoved => "account stands where the Target does not look".to_owned(),
        DriftKind::GroupDeleted => "group is gone".to_owned(),
        DriftKind::GroupRenamed => format!("group's {} {}", attribute(), change()),
        DriftKind::JoinedUndeclared => format!("is in {}, which no manifest declares", of()),
        DriftKind::NewAccount => "is a new account that belongs to nobody".to_owned(),
    }
}

/// What the system says of who changed it last, and when; nothing where it says nothing.
fn attributed(drift: &Drift, before: &str) -> String {
    let Some(change) = &drift.last_change else { return String::new() };
    let by = change.by.as_ref().map(|by| format!(" by {}", safe::line(by))).unwrap_or_default();
    let at = change.at.map(|at| format!(" at {}", moment(at))).unwrap_or_default();
    format!("{before}last changed there{by}{at}")
}

fn value(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Text(text) | Value::Reference(text)) => safe::line(text).into_owned(),
        Some(other) => safe::line(&serde_json::to_string(other).unwrap_or_default()).into_owned(),
    }
}

fn moment(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// One issue, updated in place by its first line.
fn markdown(told: &Told<'_>) -> String {
    let drifts = &told.compared.drifts;
    let mut out = format!(
        "<!-- headcount:drift workspace={} -->\n### Changed outside: {}\n\n",
        prose(&told.plan.workspace),
        count(drifts.len() as u64, "thing")
    );
    for drift in drifts.iter().filter(|drift| drift.check) {
        let _ = writeln!(
            out,
            "> [!WARNING]\n> **Please check:** {} {} at {}\n",
            prose(&drift.name),
            prose(&words(drift)),
            prose(&drift.target)
        );
    }
    for (at, drift) in drifts.iter().enumerate() {
        let (adopt, revert) = ways(told, at);
        let _ = writeln!(
            out,
            "{}. **{}** at {}: {} ({}; {}{})",
            at + 1,
            prose(&drift.name),
            prose(&drift.target),
            prose(&words(drift)),
            prose(&adopt),
            prose(&revert),
            prose(&attributed(drift, "; "))
        );
    }
    if !told.patch.is_empty() && told.patch.len() <= PATCH && !told.hides.anything() {
        let lines = told.patch.lines().map(safe::line);
        let _ = write!(out, "\n<details><summary>The manifests follow</summary>\n\n{}\n</details>\n", fenced("diff", lines, ""));
    }
    if !told.adopted.files.is_empty() {
        out.push_str("\nTo adopt: `headcount drift --adopt adopt.patch`, then `git apply adopt.patch`.\nTo take back: `headcount drift --revert revert.json`, then `headcount apply revert.json`.\n");
    }
    out
}

fn json(told: &Told<'_>) -> String {
    let since: Vec<_> = told.compared.since.iter().map(|(target, time)| json!({"target": target, "since": time.to_string()})).collect();
    let all: Vec<_> = told
        .compared
        .drifts
        .iter()
        .enumerate()
        .map(|(at, drift)| {
            let asked = told.chosen.iter().position(|chosen| *chosen == at);
            let refused = asked.and_then(|place| told.adopted.refused.get(&place)).map(|why| told.hides.words(why));
            json!({"number": at + 1, "drift": drift, "revertible": drift.change.is_some(), "adoptable": asked.is_some() && refused.is_none(), "why": refused})
        })
        .collect();
    let document =
        json!({"formatVersion": 1, "workspace": told.plan.workspace, "since": since, "unknown": told.compared.unknown, "drifts": all});
    format!("{document:#}\n")
}
