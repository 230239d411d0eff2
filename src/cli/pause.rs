//! `headcount pause` and `headcount resume`: the brake. While it is pulled nothing is written at any target, by whoever runs the workspace and by `apply`.
//!
//! Must never: put another one's brake in the place of the one that is pulled, or let it go without saying whose it was.

use jiff::Timestamp;

use super::report::{self, Exit, Failure};
use super::running::{self, Running, ServedPlace};
use super::session;
use super::who;
use crate::model::Brake;
use crate::render::status::brake_words;
use crate::workspace::acts;

/// Stop all writing, at every target, until somebody resumes it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reading, planning and telling go on, and so do revocations. What was sent already comes back. It holds for
a running controller and for `headcount apply`.

Examples:
  headcount pause --reason 'hr exports nonsense'
  headcount pause --everything                     revocations wait as well")]
pub struct PauseArgs {
    #[command(flatten)]
    place: ServedPlace,
    /// Stop revocations too: whoever is cut off keeps what they have until it goes on
    #[arg(long)]
    everything: bool,
    /// Why: for the journal, and for whoever finds it stopped
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Let writing go on that was stopped by `pause`
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What was held meanwhile is planned anew, and runs as far as it is still needed then.

Examples:
  headcount status                                 who stopped it, and why
  headcount resume")]
pub struct ResumeArgs {
    #[command(flatten)]
    place: ServedPlace,
}

pub fn pause(args: &PauseArgs) -> Result<Exit, Failure> {
    let running = Running::served(&args.place)?;
    session::run(pull(args, &running))?
}

async fn pull(args: &PauseArgs, running: &Running) -> Result<Exit, Failure> {
    let (now, pulled) = (Timestamp::now(), brake(running).await?);
    if let Some(brake) = pulled.as_ref().filter(|brake| brake.everything || !args.everything) {
        let but = if brake.everything { "" } else { " but revocations" };
        let words =
            format!("All writing{but} is stopped already, {}.\nNothing was changed. {}\n", told(brake, running, now), back(running));
        return report::result(words.as_bytes()).map(|()| Exit::Done);
    }
    let reason = args.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
    match &running.remote {
        Some(remote) => {
            remote.pause(reason.as_deref(), args.everything).await?;
        }
        None => {
            let brake = Brake { who: who::who(), at: now, reason, everything: args.everything };
            acts::pull(running.open().await?.as_ref(), &brake).await.map_err(|error| session::state_failure(&error))?;
        }
    }
    let what = match (args.everything, &pulled) {
        (false, _) => "All writing is stopped. Revocations go on (--everything stops them too).".to_owned(),
        (true, None) => "All writing is stopped, revocations too.".to_owned(),
        (true, Some(before)) => format!("Revocations are stopped too; the rest was already, {}.", told(before, running, now)),
    };
    let heard = running::heard(running, running.told().await?.as_ref(), now);
    report::result(format!("{what}\n{heard} What was sent already comes back. {}\n", back(running)).as_bytes())?;
    Ok(Exit::Done)
}

pub fn resume(args: &ResumeArgs) -> Result<Exit, Failure> {
    let running = Running::served(&args.place)?;
    session::run(let_go(&running))?
}

async fn let_go(running: &Running) -> Result<Exit, Failure> {
    let (now, brake) = (Timestamp::now(), brake(running).await.ok().flatten());
    let changed = match &running.remote {
        Some(remote) => remote.resume().await?,
        None => {
            let store = running.open().await?;
            acts::let_go(store.as_ref(), &who::who(), now).await.map_err(|error| session::state_failure(&error))?
        }
    };
    if !changed {
        return report::result(b"Nothing is stopped: writing goes on as it did.\n").map(|()| Exit::Done);
    }
    let was = brake.map(|brake| format!(" It was stopped {}.", told(&brake, running, now))).unwrap_or_default();
    let heard = running::heard(running, running.told().await?.as_ref(), now);
    report::result(format!("Writing goes on.{was}\n{heard}\n").as_bytes())?;
    Ok(Exit::Done)
}

async fn brake(running: &Running) -> Result<Option<Brake>, Failure> {
    match &running.remote {
        Some(remote) => remote.brake().await,
        None => running::brake(running.look().await?.as_ref()).await,
    }
}

fn told(brake: &Brake, running: &Running, now: Timestamp) -> String {
    brake_words(brake, now, running.zone())
}

fn back(running: &Running) -> String {
    format!("To go on: headcount resume{}", running.files)
}
