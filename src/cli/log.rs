//! The log: what was asked of systems, what came of it, and what was waited for, as lines on stderr. Off unless somebody asks; a command that runs all the time
//! logs by itself, and what it logs is counted too.
//!
//! Must never: show a body, a header, what a query says or a secret; let a library speak, which knows nothing of that; or tear the line of a progress bar.

use std::fmt::{self, Write as _};
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use aws_lc_rs::digest;
use clap::{ArgAction, Args};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::output::TextOrJson;
use super::progress;
use super::report::{self, Failure};
use crate::metrics::{Metrics, RequestClass};
use crate::render::safe;

/// Where levels are said without a flag.
const VARIABLE: &str = "HEADCOUNT_LOG";
/// What every part is below: nothing else is ever written.
const ROOT: &str = "headcount::";
/// The parts that log.
const PARTS: &[&str] = &["http", "sql", "file", "secret", "apply", "run", "notify", "workspace", "operator"];
/// What a command that runs all the time logs without being asked: what it did, and what went wrong.
const RUNNING: &str = "warn,run=info,notify=info,workspace=info,operator=info";

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

/// How a command that runs all the time logs, beside the rest.
#[derive(Clone, Debug, Default, Args)]
pub struct RunningLogArgs {
    /// Write people's keys into the log as they are; without it the first 12 digits of their SHA-256 stand there
    #[arg(long, display_order = 904)]
    log_keys: bool,
}

/// The same for a command that runs all the time: it logs without being asked, in JSON where nobody looks, and requests are counted however little is logged.
pub fn start_running(args: &LogArgs, running: &RunningLogArgs, metrics: Metrics) -> Result<(), Failure> {
    let said = std::env::var(VARIABLE).unwrap_or_default();
    let is_watched = std::io::stderr().is_terminal();
    let form = args.log.unwrap_or(if is_watched { TextOrJson::Text } else { TextOrJson::Json });
    let logged = !is_watched || form == TextOrJson::Json;
    let targets = match args.verbose {
        // Whoever looks reads lines made for people.
        0 if said.trim().is_empty() => levels(if logged { RUNNING } else { "warn" })?,
        0 => levels(&said)?,
        1 => all(LevelFilter::INFO),
        _ => all(LevelFilter::DEBUG),
    };
    let lines = Lines { form, hides_people: !running.log_keys };
    let counted = Counted { metrics }.with_filter(Targets::new().with_target(HTTP, LevelFilter::INFO));
    let began = tracing_subscriber::registry().with(lines.with_filter(targets)).with(counted).with(traces()?).try_init();
    if logged && began.is_ok() {
        report::be_logged();
    }
    Ok(())
}

/// From here on what is worth a line is written.
pub fn start(args: &LogArgs) -> Result<(), Failure> {
    let said = std::env::var(VARIABLE).unwrap_or_default();
    let targets = match (args.verbose, args.log) {
        (0, None) if said.trim().is_empty() => Targets::new(),
        (0, Some(_)) if said.trim().is_empty() => all(LevelFilter::INFO),
        (0, _) => levels(&said)?,
        (1, _) => all(LevelFilter::INFO),
        _ => all(LevelFilter::DEBUG),
    };
    let traces = traces()?;
    if targets.default_level().is_none() && targets.iter().next().is_none() && traces.is_none() {
        return Ok(());
    }
    let lines = Lines { form: args.log.unwrap_or_default(), hides_people: false };
    let written = tracing_subscriber::registry().with(lines.with_filter(targets)).with(traces);
    // Fails only where somebody who runs us as a library has a log already.
    let _ = written.try_init();
    Ok(())
}

/// What hears of spans beside the log.
#[cfg(feature = "otel")]
fn traces<S: Subscriber + for<'s> LookupSpan<'s>>() -> Result<Option<impl Layer<S>>, Failure> {
    super::traces::layer()
}

/// Built without traces there is nobody.
#[cfg(not(feature = "otel"))]
fn traces() -> Result<Option<tracing_subscriber::layer::Identity>, Failure> {
    Ok(None)
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

/// Writes every event as one line, with what the spans around it say: which workspace, run, target and change it belongs to.
struct Lines {
    form: TextOrJson,
    /// keys of people, and addresses in paths, are written as short names
    hides_people: bool,
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let fields = self.fields(event, &context);
        let part = event.metadata().target().strip_prefix(ROOT).unwrap_or_default();
        let line = match self.form {
            TextOrJson::Text => text(Timestamp::now(), *event.metadata().level(), part, &fields),
            TextOrJson::Json => json(Timestamp::now(), *event.metadata().level(), part, fields),
        };
        // In one piece and above a line that moves. Whether anybody reads it changes nothing.
        progress::above(|| {
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        });
    }
}

impl Lines {
    /// What an event says, with what stands around it.
    fn fields<S: Subscriber + for<'s> LookupSpan<'s>>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Map<String, Json> {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(around) = span.extensions().get::<Fields>() {
                fields.0.extend(around.0.clone());
            }
        }
        event.record(&mut fields);
        if self.hides_people {
            hide_people(&mut fields.0);
        }
        fields.0
    }
}

/// Keys of people, and addresses that stand in a path, as short names: the same for the same one.
fn hide_people(fields: &mut Map<String, Json>) {
    let short = |text: &str| -> String {
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    };
    for (name, value) in fields.iter_mut() {
        let Json::String(text) = value else { continue };
        match name.as_str() {
            "key" => *text = short(text),
            "path" if text.contains('@') || text.contains("%40") => {
                let part = |part: &str| if part.contains('@') || part.contains("%40") { short(part) } else { part.to_owned() };
                *text = text.split('/').map(part).collect::<Vec<_>>().join("/");
            }
            _ => {}
        }
    }
}

/// Where requests are told of.
const HTTP: &str = "headcount::http";

/// Counts requests, and how long it was waited until they could be sent again.
struct Counted {
    metrics: Metrics,
}

impl<S: Subscriber> Layer<S> for Counted {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let number = |name: &str| fields.0.get(name).and_then(Json::as_u64);
        let Some(system) = fields.0.get("system").and_then(Json::as_str) else { return };
        match (number("ms"), number("status").and_then(|status| u16::try_from(status).ok())) {
            (Some(ms), Some(status)) => self.metrics.request(system, RequestClass::Status(status), Duration::from_millis(ms)),
            (Some(ms), None) => self.metrics.request(system, RequestClass::Lost, Duration::from_millis(ms)),
            (None, _) => {
                let seconds = fields.0.get("seconds").and_then(Json::as_str).and_then(|seconds| seconds.parse().ok());
                if let Some(pause) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
                    self.metrics.throttled(system, pause);
                }
            }
        }
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
    fn what_runs_all_the_time_says_what_it_did_and_what_went_wrong() {
        let logs = |target: &str, level: Level| levels(RUNNING).expect("levels").would_enable(target, &level);
        assert!(logs("headcount::run", Level::INFO) && logs("headcount::notify", Level::INFO) && logs("headcount::http", Level::WARN));
        assert!(!logs("headcount::http", Level::INFO) && !logs("headcount::run", Level::DEBUG) && !logs("h2::codec", Level::ERROR));
    }

    #[test]
    fn people_are_short_names_in_a_log_that_runs_all_the_time() {
        let mut fields = Map::new();
        for (name, value) in [("key", "hr/10023"), ("path", "/users/ada@acme.example/groups"), ("target", "chat"), ("system", "a@b")] {
            fields.insert(name.into(), value.into());
        }
        hide_people(&mut fields);
        insta::assert_snapshot!(Json::Object(fields), @r#"{"key":"7ec51fe5223f","path":"/users/2a1322415fff/groups","target":"chat","system":"a@b"}"#);
    }

    #[test]
    fn requests_are_counted_and_lines_say_where_they_belong() {
        let metrics = Metrics::default();
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = tracing_subscriber::registry()
            .with(Seen(seen.clone(), Lines { form: TextOrJson::Json, hides_people: true }).with_filter(all(LevelFilter::WARN)))
            .with(Counted { metrics: metrics.clone() }.with_filter(Targets::new().with_target(HTTP, LevelFilter::INFO)));
        tracing::subscriber::with_default(log, || {
            let _around = tracing::warn_span!(target: "headcount::run", "run", workspace = "acme", run = "r-1").entered();
            tracing::info!(target: "headcount::http", system = "chat", status = 200u64, ms = 212u64, "request");
            tracing::warn!(target: "headcount::http", system = "chat", error = "away", ms = 9u64, "request without an answer");
            tracing::warn!(target: "headcount::http", system = "chat", seconds = %format_args!("{:.1}", 2.5), "asking again after a pause");
        });
        let text = metrics.text(Timestamp::now());
        for line in [
            "headcount_requests_total{system=\"chat\",class=\"2xx\"} 1\n",
            "headcount_requests_total{system=\"chat\",class=\"lost\"} 1\n",
            "headcount_throttled_seconds_total{system=\"chat\"} 2.5\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(*seen.lock().expect("no panic"), ["acme r-1 request without an answer", "acme r-1 asking again after a pause"]);
    }

    /// Keeps what `Lines` would write of each event.
    struct Seen(std::sync::Arc<std::sync::Mutex<Vec<String>>>, Lines);

    impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Seen {
        fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
            self.1.on_new_span(attributes, id, context);
        }

        fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
            let fields = self.1.fields(event, &context);
            let word = |name: &str| fields.get(name).and_then(Json::as_str).unwrap_or("-").to_owned();
            self.0.lock().expect("no panic").push(format!("{} {} {}", word("workspace"), word("run"), word(MESSAGE)));
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
