//! The log: what was asked of systems, what came of it, and what was waited for, as lines on stderr. Off unless somebody asks.
//!
//! Must never: show a body, a header, what a query says or a secret; let a library speak, which knows nothing of that; or tear the line of a progress bar.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use clap::{ArgAction, Args};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::output::TextOrJson;
use super::progress;
use super::report::Failure;
use crate::render::safe;

/// Where levels are said without a flag.
const VARIABLE: &str = "HEADCOUNT_LOG";
/// What every part is below: nothing else is ever written.
const ROOT: &str = "headcount::";
/// The parts that log.
const PARTS: &[&str] = &["http", "sql", "file", "secret", "apply"];

/// How much is logged, and how.
#[derive(Clone, Debug, Default, Args)]
pub struct LogArgs {
    /// Log each request, retry and pause to stderr; -vv: also SQL statements, files and where secrets came from
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 901)]
    verbose: u8,
    /// How to write the log: lines for people, or one JSON object a line. Alone it means -v
    #[arg(long, global = true, value_name = "FORMAT", value_enum, display_order = 902)]
    log: Option<TextOrJson>,
}

/// From here on what is worth a line is written.
pub fn start(args: &LogArgs) -> Result<(), Failure> {
    let said = std::env::var(VARIABLE).unwrap_or_default();
    let targets = match (args.verbose, args.log) {
        (0, None) if said.trim().is_empty() => return Ok(()),
        (0, Some(_)) if said.trim().is_empty() => all(LevelFilter::INFO),
        (0, _) => levels(&said)?,
        (1, _) => all(LevelFilter::INFO),
        _ => all(LevelFilter::DEBUG),
    };
    let written = tracing_subscriber::registry().with(targets).with(Lines { form: args.log.unwrap_or_default() });
    // Fails only where somebody who runs us as a library has a log already.
    let _ = written.try_init();
    Ok(())
}

fn all(level: LevelFilter) -> Targets {
    Targets::new().with_target(ROOT.trim_end_matches(':'), level)
}

/// `debug`, or `http=debug,sql=info`.
fn levels(said: &str) -> Result<Targets, Failure> {
    let wrong = |piece: &str| {
        let hint =
            format!("say off, error, warn, info or debug, or levels of parts: http=debug,sql=info; the parts are {}", PARTS.join(", "));
        Failure::usage(format!("{VARIABLE}: {piece:?} is no level of the log")).hint(hint)
    };
    let mut targets = Targets::new();
    for piece in said.split(',').map(str::trim).filter(|piece| !piece.is_empty()) {
        let (part, level) = piece.split_once('=').map_or((None, piece), |(part, level)| (Some(part.trim()), level.trim()));
        // The parser takes nothing at all for a level.
        let level: LevelFilter =
            Some(level).filter(|level| !level.is_empty()).and_then(|level| level.parse().ok()).ok_or_else(|| wrong(piece))?;
        targets = match part {
            None => targets.with_target(ROOT.trim_end_matches(':'), level),
            Some(part) if PARTS.contains(&part) => targets.with_target(format!("{ROOT}{part}"), level),
            Some(_) => return Err(wrong(piece)),
        };
    }
    Ok(targets)
}

/// Writes every event as one line.
struct Lines {
    form: TextOrJson,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let part = event.metadata().target().strip_prefix(ROOT).unwrap_or_default();
        let line = match self.form {
            TextOrJson::Text => text(Timestamp::now(), *event.metadata().level(), part, &fields.0),
            TextOrJson::Json => json(Timestamp::now(), *event.metadata().level(), part, fields.0),
        };
        // In one piece and above a line that moves. Whether anybody reads it changes nothing.
        progress::above(|| {
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        });
    }
}

fn text(at: Timestamp, level: Level, part: &str, fields: &Map<String, Json>) -> String {
    let message = fields.get(MESSAGE).and_then(Json::as_str).unwrap_or_default();
    let mut line = format!("{at:.3} {:5} {part}: {message}", word(level));
    for (name, value) in fields.iter().filter(|(name, _)| *name != MESSAGE) {
        let _ = match value {
            Json::String(text) if text.is_empty() || text.contains([' ', '"', '=']) => write!(line, " {name}={text:?}"),
            Json::String(text) => write!(line, " {name}={text}"),
            value => write!(line, " {name}={value}"),
        };
    }
    format!("{}\n", safe::line(&line))
}

fn json(at: Timestamp, level: Level, part: &str, fields: Map<String, Json>) -> String {
    let mut line = Map::new();
    line.insert("at".into(), format!("{at:.3}").into());
    line.insert("level".into(), word(level).into());
    line.insert("part".into(), part.into());
    line.extend(fields);
    format!("{}\n", Json::Object(line))
}

fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// What the sentence of an event is called.
const MESSAGE: &str = "message";

/// The fields of an event, as JSON.
#[derive(Default)]
struct Fields(Map<String, Json>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_said_for_all_or_by_part_and_never_for_a_library() {
        let http = |said: &str, target: &str, level: Level| levels(said).expect("levels").would_enable(target, &level);
        assert!(http("debug", "headcount::sql", Level::DEBUG) && !http("debug", "h2::codec", Level::ERROR));
        assert!(http("warn, http=debug", "headcount::http", Level::DEBUG) && !http("warn, http=debug", "headcount::sql", Level::INFO));
        assert!(!http("off", "headcount::http", Level::ERROR));
        for wrong in ["loud", "h2=trace", "http=", "hyper"] {
            assert!(levels(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_is_one_line() {
        let at = "2026-11-22T10:00:00.5Z".parse().expect("a time");
        let mut fields = Map::new();
        fields.insert(MESSAGE.into(), "request".into());
        fields.insert("path".into(), "/Users/a b\n\u{1b}[31m".into());
        fields.insert("status".into(), 200.into());
        insta::assert_snapshot!(text(at, Level::INFO, "http", &fields), @r#"2026-11-22T10:00:00.500Z info  http: request path="/Users/a b\n\u{1b}[31m" status=200"#);
        insta::assert_snapshot!(json(at, Level::INFO, "http", fields), @r#"{"at":"2026-11-22T10:00:00.500Z","level":"info","part":"http","message":"request","path":"/Users/a b\n\u001b[31m","status":200}"#);
    }
}
