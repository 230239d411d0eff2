//! `headcount status`: how a workspace stands that runs all the time, as whoever runs it told it last. Looks at the state alone.
//!
//! Must never: reach a system, write anything, or show an old status as if it were so now.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use jiff::Timestamp;

use super::apply::asked_to_stop;
use super::complete;
use super::output::TextOrJson;
use super::report::{self, Exit, Failure};
use super::running::{Running, ServedPlace};
use super::session;
use crate::model::Status;
use crate::render::status::{self, StatusLook, is_silent, needs_somebody};

/// Show how a running workspace stands: what needs somebody, and each system
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount status                                 what needs somebody, and a line for each system
  headcount status chat                            one system in full
  headcount status --watch                         follow it; Ctrl-C ends it
  headcount status --detailed-exitcode             for a script: 2 when something needs somebody")]
pub struct StatusArgs {
    /// These systems in full [default: a table of all]
    #[arg(value_name = "SYSTEM", add = complete::systems())]
    systems: Vec<String>,
    #[command(flatten)]
    place: ServedPlace,
    /// How to show it; json is what the API answers
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
    /// Follow it: on a terminal in place, else another block, or another line of JSON, for each change
    #[arg(long)]
    watch: bool,
    /// Exit with 2 when something needs somebody, writing is stopped, or nobody seems to run it
    #[arg(long, conflicts_with = "watch")]
    detailed_exitcode: bool,
}

pub fn run(args: &StatusArgs) -> Result<Exit, Failure> {
    let running = Running::served(&args.place)?;
    session::run(async {
        let told = told(args, &running).await?;
        if args.watch {
            return watch(args, &running, told).await;
        }
        let now = Timestamp::now();
        report::result(&drawn(args, &running, &told, now)?)?;
        Ok(if args.detailed_exitcode && needs_somebody(&told, now) { Exit::CHANGES } else { Exit::Done })
    })?
}

/// The status; that there is none is an error, since nothing is known.
async fn told(args: &StatusArgs, running: &Running) -> Result<Status, Failure> {
    let told = running.told().await?.ok_or_else(|| nobody(running))?;
    match args.systems.iter().find(|name| !told.systems.iter().any(|system| **name == *system.name)) {
        None => Ok(told),
        Some(name) => {
            let known: Vec<&str> = told.systems.iter().map(|system| system.name.as_ref()).collect();
            Err(Failure::usage(format!("there is no system {name:?}")).hint(format!("there are: {}", known.join(", "))))
        }
    }
}

fn nobody(running: &Running) -> Failure {
    let message = format!("no controller has run this workspace yet: the state {} tells of none", running.state);
    Failure::new(message).hint(match running.start() {
        Some(start) => format!("start one: {start}; runs by hand stand in `headcount history{}`", running.files),
        None => "start one where all of the workspace's manifests are".to_owned(),
    })
}

/// For a command that ends by saying how things stand.
pub fn show(told: &Status, systems: &[String], running: &Running, now: Timestamp) -> Result<(), Failure> {
    report::result(&text_of(told, systems, running, now)?)
}

fn text_of(told: &Status, systems: &[String], running: &Running, now: Timestamp) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let look = StatusLook { width: report::screen(), now, zone: running.zone(), files: &running.files, whole: running.whole, systems };
    status::write(told, look, &mut text)?;
    Ok(text)
}

fn drawn(args: &StatusArgs, running: &Running, told: &Status, now: Timestamp) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    match args.output {
        TextOrJson::Text => return text_of(told, &args.systems, running, now),
        TextOrJson::Json if args.watch => writeln!(text, "{}", json(args, told)?)?,
        TextOrJson::Json => writeln!(text, "{:#}", json(args, told)?)?,
    }
    Ok(text)
}

/// Of the systems that are asked for.
fn json(args: &StatusArgs, told: &Status) -> Result<serde_json::Value, Failure> {
    let mut told = told.clone();
    if !args.systems.is_empty() {
        told.systems.retain(|system| args.systems.iter().any(|name| **name == *system.name));
        told.needs.retain(|need| args.systems.contains(&need.about));
    }
    serde_json::to_value(&told).map_err(|error| Failure::because("the status has no JSON form", &error))
}

/// Until somebody interrupts it.
async fn watch(args: &StatusArgs, running: &Running, first: Status) -> Result<Exit, Failure> {
    let screen = args.output == TextOrJson::Text && std::io::stdout().is_terminal() && !is_dumb();
    let stop = asked_to_stop();
    tokio::pin!(stop);
    let mut view = Following { args, running, screen: screen.then(Screen::open).transpose()?, shown: None };
    let mut told = Ok(first);
    loop {
        view.show(told)?;
        tokio::select! {
            () = &mut stop => return view.end().map(|()| Exit::Done),
            () = tokio::time::sleep(if running.is_near() { NEAR } else { FAR }) => {}
        }
        told = self::told(args, running).await;
    }
}

/// Between two looks at a file, and at what is asked for over the network.
const NEAR: Duration = Duration::from_secs(1);
const FAR: Duration = Duration::from_secs(10);

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
}

/// What is followed, and what of it was shown last.
struct Following<'a> {
    args: &'a StatusArgs,
    running: &'a Running,
    screen: Option<Screen>,
    shown: Option<(Status, bool)>,
}

impl Following<'_> {
    fn show(&mut self, told: Result<Status, Failure>) -> Result<(), Failure> {
        let now = Timestamp::now();
        // A state that can't be read for a moment is looked at again, and what is shown grows old before everybody's eyes.
        let told = match (told, &self.shown) {
            (Ok(told), _) => told,
            (Err(_), Some((shown, _))) => shown.clone(),
            (Err(failure), None) => return Err(failure),
        };
        let silent = is_silent(&told, now);
        if let Some(screen) = &self.screen {
            screen.draw(&drawn(self.args, self.running, &told, now)?)?;
        } else if self.shown.as_ref().is_none_or(|(shown, was)| *was != silent || differs(self.args.output, shown, &told)) {
            let gap: &[u8] = if self.shown.is_some() && self.args.output == TextOrJson::Text { b"\n" } else { b"" };
            report::result(&[gap, &drawn(self.args, self.running, &told, now)?].concat())?;
        }
        self.shown = Some((told, silent));
        Ok(())
    }

    /// What was last seen stays.
    fn end(self) -> Result<(), Failure> {
        let (Some(screen), Some((shown, _))) = (self.screen, self.shown) else { return Ok(()) };
        drop(screen);
        report::result(&drawn(self.args, self.running, &shown, Timestamp::now())?)
    }
}

/// Whether there is something new to read. For a person no time of a read is; for a machine all is but the time at which it was told.
fn differs(form: TextOrJson, one: &Status, other: &Status) -> bool {
    let essence = |status: &Status| {
        let mut status = Status { at: Timestamp::UNIX_EPOCH, ..status.clone() };
        if form == TextOrJson::Text {
            status.journal = Default::default();
            for system in &mut status.systems {
                (system.read, system.complete, system.declared, system.next, system.rows) = (None, None, None, None, 0);
            }
        }
        status
    };
    essence(one) != essence(other)
}

/// The terminal's other screen. Whatever happens it is left again.
struct Screen {
    plain: bool,
}

impl Screen {
    fn open() -> Result<Self, Failure> {
        let plain = anstream::AutoStream::choice(&std::io::stdout()) == anstream::ColorChoice::Never;
        put(b"\x1b[?1049h\x1b[?25l")?;
        Ok(Self { plain })
    }

    /// In place, in one write: each line ends with whatever stood behind it, and what stood below goes.
    fn draw(&self, text: &[u8]) -> Result<(), Failure> {
        let text = if self.plain { anstream::adapter::strip_bytes(text).into_vec() } else { text.to_vec() };
        let text = String::from_utf8_lossy(&text);
        let rows = report::rows().unwrap_or(usize::MAX).max(2);
        let lines: Vec<&str> = text.lines().collect();
        let mut frame = String::from("\x1b[H");
        let fits = if lines.len() < rows { lines.len() } else { rows - 2 };
        for line in lines.iter().take(fits) {
            frame.push_str(line);
            frame.push_str("\x1b[K\r\n");
        }
        if fits < lines.len() {
            frame.push_str(&format!("… {} more lines: a higher window shows them\x1b[K", lines.len() - fits));
        }
        frame.push_str("\x1b[J");
        put(frame.as_bytes())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody to tell that a terminal is gone.
        let _ = put(b"\x1b[?25h\x1b[?1049l");
    }
}

/// Past everything that would take it for a colour.
fn put(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}
