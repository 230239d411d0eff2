//! `headcount sync`: asks whoever runs the workspace to read and do now what it would do later.
//!
//! Must never: run anything itself, or say that something was done which nobody has told.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::complete;
use super::remainder::{self, Remainder};
use super::report::{self, Exit, Failure, notice};
use super::running::{self, Running, ServedPlace};
use super::session;
use super::status;
use super::who;
use crate::manifest::quantity;
use crate::model::{Status, SyncRequest, SystemRole, SystemState, SystemStatus};
use crate::render::status::is_silent;
use crate::state::Shelf;
use crate::workspace::acts;

/// Ask the controller to read now, and to do what is needed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The request stands in the state before this returns, so it is lost with no process. Guardrails, approval,
suspension and the brake hold what they hold; closed windows too, unless --ignore-window says otherwise.

Examples:
  headcount sync                                   everything, soon
  headcount sync --target chat --wait              one target, and what became of it

Exit codes with --wait: 0 as declared; 3 a guardrail, an approval, a window, a suspension or the brake
holds changes; 4 partly done; 5 something could not be read or decided, or nobody took it up in time")]
pub struct SyncArgs {
    #[command(flatten)]
    place: ServedPlace,
    /// Only this target; repeatable
    #[arg(long, value_name = "NAME", add = complete::targets())]
    target: Vec<String>,
    /// Closed windows hold nothing of it; the journal keeps who said so
    #[arg(long)]
    ignore_window: bool,
    /// Wait until it was done, and show what became of it: 30s, 5m [default when given alone: 10m]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "10m", value_parser = patience)]
    wait: Option<Duration>,
}

fn patience(text: &str) -> Result<Duration, String> {
    quantity::duration(text).map_err(str::to_owned)?.try_into().map_err(|_| "it must not be negative".to_owned())
}

pub fn run(args: &SyncArgs) -> Result<Exit, Failure> {
    let running = Running::served(&args.place)?;
    session::run(ask(args, &running))?
}

async fn ask(args: &SyncArgs, running: &Running) -> Result<Exit, Failure> {
    let (now, before) = (Timestamp::now(), running.told().await?);
    running.check_targets(&args.target, before.as_ref())?;
    let targets: Vec<Arc<str>> = args.target.iter().map(|name| Arc::from(name.as_str())).collect();
    let name = match &running.remote {
        Some(remote) => remote.sync(&targets, args.ignore_window).await?,
        None => {
            let request = SyncRequest { who: who::who(), at: now, targets, ignore_window: args.ignore_window };
            acts::ask(running.open().await?.as_ref(), &request).await.map_err(|error| session::state_failure(&error))?
        }
    };
    let told = format!("{} {}{}", asked(args), running::heard(running, before.as_ref(), now), stopped(running, before.as_ref()));
    match args.wait {
        None => {
            report::result(format!("{told}\nWhat becomes of it: headcount status{}\n", running.files).as_bytes())?;
            Ok(Exit::Done)
        }
        Some(patience) => {
            notice(&told);
            served(args, running, &name, patience).await
        }
    }
}

fn asked(args: &SyncArgs) -> String {
    let what = if args.target.is_empty() { "everything".to_owned() } else { args.target.join(", ") };
    let windows = if args.ignore_window { ", past closed windows" } else { "" };
    format!("Asked for a sync of {what}{windows}.")
}

fn stopped(running: &Running, status: Option<&Status>) -> String {
    match status.and_then(|status| status.brake.as_ref()) {
        Some(_) => {
            format!("\nAll writing is stopped: it is read and planned, and nothing is done before headcount resume{}.", running.files)
        }
        None => String::new(),
    }
}

/// Waits until the request was taken away, and tells how things stand then.
async fn served(args: &SyncArgs, running: &Running, name: &Arc<str>, patience: Duration) -> Result<Exit, Failure> {
    let end = Instant::now() + patience;
    let pause = if running.is_near() { NEAR } else { FAR };
    let open = async || -> Result<(bool, Option<Status>), Failure> {
        if let Some(remote) = &running.remote {
            return Ok((remote.waits(name).await?, running.told().await?));
        }
        let store = running.look().await?;
        let open = store.shelf(Shelf::Requests).await.map_err(|error| session::state_failure(&error))?;
        Ok((open.iter().any(|request| request.name == *name), running::status(store.as_ref()).await?))
    };
    let (mut waits, mut told) = open().await?;
    // A run goes on for a moment after what was asked for is taken away: until the next plan has seen what it did.
    while (waits || told.as_ref().is_some_and(|told| is_changing(told, &args.target))) && Instant::now() < end {
        sleep(pause.min(end - Instant::now())).await;
        (waits, told) = open().await?;
    }
    let now = Timestamp::now();
    if let Some(told) = &told {
        status::show(told, &args.target, running, now)?;
    }
    if waits {
        let words = "it was not done in time: the request still stands, and is done once somebody can";
        return Err(Failure::new(words).exit(Exit::Stale).hint(format!("headcount status{} tells how things stand", running.files)));
    }
    Ok(told.map_or(Exit::Stale, |told| outcome(&told, &args.target, now)))
}

/// Between two looks at a file, and at what is asked for over the network.
const NEAR: Duration = Duration::from_millis(500);
const FAR: Duration = Duration::from_secs(5);

fn is_changing(status: &Status, targets: &[String]) -> bool {
    states(status, targets).any(|state| state == SystemState::Changing)
}

/// Of the targets that were asked for, and of every source: people come from all of them, whichever target was named.
fn states<'s>(status: &'s Status, targets: &'s [String]) -> impl Iterator<Item = SystemState> + 's {
    status.systems.iter().filter(|system| is_asked(system, targets)).map(|system| system.state)
}

fn is_asked(system: &SystemStatus, targets: &[String]) -> bool {
    system.role == SystemRole::Source || targets.is_empty() || targets.iter().any(|target| **target == *system.name)
}

/// As `plan` and `apply` would end, by what the one who runs says is left: of what was asked for, of the Sources, and of no single system.
fn outcome(status: &Status, targets: &[String], now: Timestamp) -> Exit {
    let others: Vec<&str> = status.systems.iter().filter(|system| !is_asked(system, targets)).map(|system| &*system.name).collect();
    let needs = status.needs.iter().filter(|need| !others.contains(&need.about.as_str())).filter_map(|need| Remainder::of_need(need.kind));
    let silent = is_silent(status, now).then_some(Remainder::Stale);
    // Which of the two it is, a need says; where none does, nothing of it is done all the same.
    let is_told = |system: &&SystemStatus| status.needs.iter().any(|need| need.about == *system.name);
    let held = status.systems.iter().filter(|system| is_asked(system, targets) && system.state == SystemState::Held);
    let untold = held.filter(|system| !is_told(system)).map(|_| Remainder::Held);
    let states = states(status, targets).filter_map(Remainder::of_state);
    remainder::exit(silent.into_iter().chain(states).chain(untold).chain(needs))
}
