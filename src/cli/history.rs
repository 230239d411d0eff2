//! `headcount history`: the runs that the journal tells of, one run in full, what became of somebody, and whether the chain is whole.

mod changes;

use std::io::Write;

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::Files;
use super::complete;
use super::report::{self, Exit, Failure, notice};
use super::session::{self, Session, state_failure};
use crate::journal::history::{ChangeQuery, RecordedAct, RecordedRun, RunsAndActs, TimeBound, why_meant};
use crate::journal::{Entry, Event, Journal, JournalError, ResultWord};
use crate::render::style::{BAD, GOOD, QUIET, STRONG, paint};
use crate::render::{paragraph, preposition, safe, verb};
use crate::state::{self, StateError, Store};

/// Show past runs from the journal, or what became of somebody
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount history                                all runs
  headcount history 20261122T0800                  one run in full
  headcount history --who jane                     each change of one person, with its reason
  headcount history --target chat --since 7d       each change at a target")]
pub struct HistoryArgs {
    /// A run (its name, or how it begins) in full, or a key (hr/10023, user/jane, group/ops): its
    /// changes [default: a table of all runs]
    #[arg(value_name = "RUN|KEY", add = complete::keys())]
    what: Option<String>,
    #[command(flatten)]
    files: Files,
    /// Walk the hash chain: say whether every entry is as it was written
    #[arg(long, conflicts_with_all = ["what", "who", "target", "since", "until"])]
    verify: bool,
    /// Each change of this person, by any key or name that the journal knows: a user name, a word of it, an e-mail address
    #[arg(long, value_name = "NAME", conflicts_with = "what", add = complete::people())]
    who: Option<String>,
    /// Each change at this target
    #[arg(long, value_name = "NAME", add = complete::targets())]
    target: Option<String>,
    /// Not before: a day (YYYY-MM-DD), a time (RFC 3339), or how long ago (12h, 7d)
    #[arg(long, value_name = "TIME", value_parser = TimeBound::parse)]
    since: Option<TimeBound>,
    /// Not after; of a day, its end
    #[arg(long, value_name = "TIME", value_parser = TimeBound::parse)]
    until: Option<TimeBound>,
    /// How to show it; ndjson writes every entry with its hash
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Form,
}

/// How history is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    #[default]
    Text,
    Json,
    Ndjson,
}

pub fn run(args: &HistoryArgs) -> Result<Exit, Failure> {
    let session = Session::load(&args.files)?;
    session::run(told(args, &session))?
}

async fn told(args: &HistoryArgs, session: &Session) -> Result<Exit, Failure> {
    let store = state::look(&session.state).await;
    let store = store.and_then(|store| store.ok_or_else(|| StateError::Missing { path: session.state.path() }));
    let store = store.map_err(|error| state_failure(&error))?;
    let journal = Journal::new(store.as_ref());
    if args.verify {
        return verify(&journal, store.as_ref(), args.output).await;
    }
    let zone = &session.policy.time_zone;
    let since = args.since.as_ref().map(|since| since.first(zone, Timestamp::now()));
    let until = args.until.as_ref().map(|until| until.last(zone, Timestamp::now()));
    let key = args.what.as_deref().filter(|what| what.contains('/'));
    let run = args.what.as_deref().filter(|what| !what.contains('/'));
    let timed = since.is_some() || until.is_some();
    let person = key.or(args.who.as_deref());
    if run.is_some() && (args.target.is_some() || timed) {
        return Err(Failure::usage("a run is shown in full").hint("leave --target, --since and --until out, or the run"));
    }
    if person.is_some() || args.target.is_some() {
        let wanted = ChangeQuery { person, target: args.target.as_deref(), since, until };
        return changes::show(&journal, &wanted, args.output).await.map(|()| Exit::Done);
    }
    match (run, args.output) {
        (None, Form::Ndjson) if !timed => {
            let mut out = report::stdout();
            journal.export(&mut out).await.map_err(failure)?;
            out.flush()?;
        }
        (None, form) => {
            let mut told = runs(&journal).await?;
            let then = |at: Timestamp| since.is_none_or(|since| at >= since) && until.is_none_or(|until| at <= until);
            told.within(then);
            table(&told, timed, form)?;
        }
        (Some(name), form) => {
            let told = runs(&journal).await?;
            one(&journal, find(&told.runs, name)?, form).await?;
        }
    }
    Ok(Exit::Done)
}

async fn verify(journal: &Journal<'_>, store: &dyn Store, form: Form) -> Result<Exit, Failure> {
    let verified = journal.verify().await.map_err(|error| broken(error, store))?;
    if !verified.apart && verified.entries > 0 {
        notice(format_args!(
            "warning: its last entry is not kept apart: without {} an end that was cut off can't be missed",
            store.head_place()
        ));
    }
    let words = match form {
        Form::Text => {
            let since = verified.since.map(|since| format!(", those before {since} in files")).unwrap_or_default();
            format!("The journal is whole: {} entries{since}, head {}.\n", verified.entries, verified.head)
        }
        _ => format!(
            "{}\n",
            json!({"entries": verified.entries, "since": verified.since, "head": verified.head, "keptApart": verified.apart})
        ),
    };
    report::result(words.as_bytes())?;
    Ok(Exit::Done)
}

async fn runs(journal: &Journal<'_>) -> Result<RunsAndActs, Failure> {
    RunsAndActs::read(journal, (0, u64::MAX)).await.map_err(failure)
}

/// What stands in one row.
struct HistoryRow<'a> {
    at: Timestamp,
    run: &'a str,
    who: &'a str,
    plan: &'a str,
    words: String,
}

/// The newest first.
fn rows(told: &RunsAndActs) -> Vec<HistoryRow<'_>> {
    let mut rows: Vec<_> = told.runs.iter().map(HistoryRow::of_run).chain(told.acts.iter().filter_map(HistoryRow::of_act)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    rows
}

impl<'a> HistoryRow<'a> {
    fn of_run(run: &'a RecordedRun) -> Self {
        Self { at: run.started, run: &run.run, who: &run.who, plan: &run.plan, words: outcome_words(run) }
    }

    fn of_act(entry: &'a Entry) -> Option<Self> {
        let act = RecordedAct::of(&entry.event)?;
        Some(Self { at: entry.at, run: NO_RUN, who: act.who, plan: act.plan, words: act.words })
    }
}

/// In the place of a run's name where there was none.
const NO_RUN: &str = "-";

fn table(told: &RunsAndActs, timed: bool, form: Form) -> Result<(), Failure> {
    let mut out = report::stdout();
    let rows = rows(told);
    if form == Form::Json {
        writeln!(out, "{:#}", told.document())?;
    } else if form == Form::Ndjson {
        told.runs.iter().try_for_each(|run| writeln!(out, "{}", json!(run)))?;
        told.acts.iter().try_for_each(|act| writeln!(out, "{}", json!(act)))?;
    } else if rows.is_empty() {
        writeln!(out, "{}", if timed { "No runs in that time." } else { "No runs yet." })?;
    } else {
        let widest = rows.iter().map(|row| safe::line(row.who).width()).max().unwrap_or_default().max("WHO".len());
        let narrow = report::screen().filter(|columns| 26 + 20 + widest + 12 + 4 * 2 + ROOM > *columns);
        if let Some(columns) = narrow {
            return in_lines(&rows, columns, &mut out);
        }
        writeln!(out, "{}", paint(STRONG, format_args!("{:<26}  {:<20}  {:<widest$}  {:<12}  OUTCOME", "RUN", "STARTED", "WHO", "PLAN")))?;
        for row in &rows {
            let plan: String = row.plan.chars().take(12).collect();
            let who = safe::line(row.who);
            let pad = " ".repeat(widest.saturating_sub(who.width()));
            let start = format!("{:<26}  {:<20}  {who}{pad}  {plan:<12}  ", safe::line(row.run), format!("{:.0}", row.at));
            let columns = report::screen().unwrap_or(usize::MAX);
            paragraph(columns, &format!("{start}{}", row.words), &" ".repeat(start.width()), &mut out)?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Columns that an outcome needs to stand in a column of its own.
const ROOM: usize = 24;

/// Each below its time, for a terminal that has no room for the table.
fn in_lines(rows: &[HistoryRow<'_>], columns: usize, out: &mut impl Write) -> Result<(), Failure> {
    for row in rows {
        paragraph(columns, &format!("{:.0}  {}", row.at, row.words), "    ", out)?;
        let run = if row.run == NO_RUN { String::new() } else { format!(", run {}", safe::line(row.run)) };
        paragraph(columns, &format!("    by {}{run}", safe::line(row.who)), "      ", out)?;
    }
    out.flush()?;
    Ok(())
}

fn outcome_words(run: &RecordedRun) -> String {
    let results: Vec<_> = run.results.iter().map(|(result, count)| format!("{count} {}", result.words())).collect();
    let results = if results.is_empty() { "nothing to do".to_owned() } else { results.join(", ") };
    match (&run.ended, &run.stopped) {
        (None, _) => paint(BAD, format_args!("{results}; never ended: it was killed, or still runs")),
        (_, Some(why)) => paint(BAD, format_args!("{results}; stopped: {}", safe::line(why))),
        (Some(_), None) if run.results.keys().all(|result| matches!(result, ResultWord::Done | ResultWord::AlreadySo)) => {
            paint(GOOD, results)
        }
        (Some(_), None) => paint(BAD, results),
    }
}

fn find<'a>(runs: &'a [RecordedRun], name: &str) -> Result<&'a RecordedRun, Failure> {
    let mut found = runs.iter().filter(|run| run.run.starts_with(name));
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run),
        (None, _) => Err(Failure::new(format!("the journal has no run {name:?}")).hint("`headcount history` lists the runs")),
        (Some(_), Some(_)) => Err(Failure::new(format!("several runs begin with {name:?}")).hint("give more of its name")),
    }
}

async fn one(journal: &Journal<'_>, run: &RecordedRun, form: Form) -> Result<(), Failure> {
    let mut entries = Vec::new();
    journal.each(Some(&run.run), |entry| entries.push(entry)).await.map_err(failure)?;
    let mut out = report::stdout();
    match form {
        Form::Json => writeln!(out, "{:#}", json!({"formatVersion": 1, "run": run, "entries": entries}))?,
        Form::Ndjson => entries.iter().try_for_each(|entry| writeln!(out, "{}", json!(entry)))?,
        Form::Text => {
            writeln!(
                out,
                "{} by {}, plan {}",
                paint(STRONG, format_args!("Run {}", safe::line(&run.run))),
                safe::line(&run.who),
                run.plan
            )?;
            entries.iter().try_for_each(|entry| entry_line(entry, &mut out))?;
            writeln!(out, "{}", outcome_words(run))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// One entry as a line; what is in no line stands in the JSON.
fn entry_line(entry: &Entry, out: &mut impl Write) -> std::io::Result<()> {
    let at = paint(QUIET, format_args!("{:.0}", entry.at));
    match &entry.event {
        Event::Started { version, as_of, .. } => writeln!(out, "{at}  started, headcount {version}, for {as_of}"),
        Event::Intent(intent) => {
            let again = if intent.attempt > 1 { format!(", attempt {}", intent.attempt) } else { String::new() };
            let (name, key) = (safe::line(&intent.object.name), safe::line(&intent.object.key));
            let given = intent.entitlement.as_deref().map(|given| format!("{} {} ", safe::line(given), preposition(intent.action)));
            let (action, given) = (verb(intent.action), given.unwrap_or_default());
            let reason = why_meant(intent).map(|why| format!(": {why}")).unwrap_or_default();
            writeln!(out, "{at}  {action} {given}{name} ({key}) at {}{again}{reason}", safe::line(&intent.target))
        }
        Event::Outcome { target, key, result, message, .. } => {
            let message = message.as_deref().map(|words| format!(": {}", safe::line(words))).unwrap_or_default();
            writeln!(out, "{at}    {} at {}: {}{message}", safe::line(key), safe::line(target), result.words())
        }
        Event::Revoked { keys, reason, who, .. } => {
            writeln!(out, "{at}  {} revoked {}: {}", safe::line(who), safe::line(&keys.join(", ")), safe::line(reason))
        }
        Event::Receipt { key, target, outcome: word, message } => {
            let message = message.as_deref().map(|words| format!(": {}", safe::line(words))).unwrap_or_default();
            writeln!(out, "{at}    {} at {}: {}{message}", safe::line(key), safe::line(target), word.words())
        }
        Event::Opened { key, who } => writeln!(out, "{at}  {} looked at {}", safe::line(who), safe::line(key)),
        Event::Lifted { keys, why } => writeln!(out, "{at}  lifted {}: {}", safe::line(&keys.join(", ")), safe::line(why)),
        Event::Archived { entries, last, file } => {
            writeln!(out, "{at}  {entries} entries, to {last}, went into {}", safe::line(file))
        }
        Event::Planned { .. } => Ok(()),
        Event::Finished { .. } => writeln!(out, "{at}  ended"),
        Event::Paused { .. }
        | Event::Resumed { .. }
        | Event::Asked { .. }
        | Event::Approved(_)
        | Event::Rejected(_)
        | Event::Erased { .. }
        | Event::TokenMade { .. }
        | Event::TokenEnded { .. }
        | Event::Restored { .. }
        | Event::ClockAccepted { .. } => {
            let Some(act) = RecordedAct::of(&entry.event) else { return Ok(()) };
            writeln!(out, "{at}  {} {}", safe::line(act.who), act.words)
        }
    }
}

/// A journal that is not whole, and how to go on.
pub fn broken(error: JournalError, store: &dyn Store) -> Failure {
    let JournalError::Broken { .. } = error else { return failure(error) };
    let hint = format!(
        "compare with an exported copy (`headcount history -o ndjson` writes one), and find out who changed it. If an older copy of the state was put back on purpose, remove {}; else put a copy back, or move the state away and begin anew",
        store.head_place()
    );
    Failure::from_error(&error).hint(hint)
}

fn failure(error: JournalError) -> Failure {
    match error {
        JournalError::Export(error) => Failure::Output(error),
        state => Failure::from_error(&state),
    }
}
