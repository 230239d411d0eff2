//! `headcount revoke`: the kill switch, now, without git. It names immutable keys, waits for no run, and asks each target for just the accounts in question.
//!
//! Must never: act on a name that could mean somebody else, or write anything before the revocation stands in the state.

mod desk;
mod told;

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio_util::sync::CancellationToken;

use super::Files;
use super::apply::{Form, asked_to_stop, who};
use super::report::{Exit, Failure, notice};
use super::session::{self, Session, state_failure};
use crate::apply::run_name;
use crate::journal::{Event, append};
use crate::manifest::quantity;
use crate::model::{Memory, StandingRevocation};
use crate::pipeline::{self, Direct};
use crate::policy::Policy;
use crate::render::safe;
use crate::state::{Store, forget_revocation, record_revocation};
use desk::Desk;
pub use desk::concerned;

/// How long sources may take. Whatever they would say, links and marks lead to accounts without them.
const SOURCES: Duration = Duration::from_secs(20);

/// Cut identities off everywhere, now, whatever the sources say
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It goes past guardrails, ownership and approval, and stops only at a target's protection (exit code 3). A
run that is under way goes on, but gives these identities nothing any more. Where a target can't be reached
it is tried until --timeout (exit code 4), and again by every `headcount apply`.

Example: headcount revoke hr/10023 --reason 'stolen laptop'")]
pub struct RevokeArgs {
    /// Whom: immutable keys (hr/10023, user/jane). Anything else is looked up and answered, not acted on
    #[arg(required = true, value_name = "IDENTITY")]
    identities: Vec<String>,
    #[command(flatten)]
    files: Files,
    /// Why: for the journal, the manifest, and whoever reads it later
    #[arg(long, value_name = "TEXT", required_unless_present = "lift")]
    reason: Option<String>,
    /// The last day (YYYY-MM-DD). Past it a plan asks before it gives anything back
    #[arg(long, value_name = "DATE", conflicts_with = "lift")]
    until: Option<Date>,
    /// Act only at this target now; the next apply cuts off at all of them; repeatable
    #[arg(long, value_name = "NAME", conflicts_with = "lift")]
    target: Vec<String>,
    /// How many identities this may cut off
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    max: usize,
    /// End revocations that this command made: the next apply gives back what today's rules give
    #[arg(long)]
    lift: bool,
    /// Don't ask. Without a terminal this is needed
    #[arg(long)]
    auto_approve: bool,
    /// How long to go on trying where a target fails: 30s, 5m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = patience)]
    timeout: Duration,
    /// How to tell what came of it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Form,
}

fn patience(text: &str) -> Result<Duration, String> {
    quantity::duration(text).map_err(str::to_owned)?.try_into().map_err(|_| "it must not be negative".to_owned())
}

pub fn run(args: &RevokeArgs) -> Result<Exit, Failure> {
    let from_stdin = args.files.files.iter().any(|path| path.as_os_str() == "-");
    if !args.lift && !args.auto_approve && (from_stdin || !std::io::stdin().is_terminal()) {
        return Err(Failure::usage("there is no terminal to ask on").hint("pass --auto-approve"));
    }
    let session = Session::load(&args.files)?;
    args.target.iter().try_for_each(|name| session.check_target(name))?;
    let store = Arc::new(Store::open(&session.state, &session.policy.workspace).map_err(|error| state_failure(&error))?);
    if args.lift { lift(args, &session, &store) } else { session::runtime()?.block_on(revoke(args, &session, &store)) }
}

async fn revoke(args: &RevokeArgs, session: &Session, store: &Arc<Store>) -> Result<Exit, Failure> {
    let memory = store.load().map_err(|error| state_failure(&error))?;
    let moment = pipeline::moment(&session.policy, None);
    let names: BTreeSet<&str> = args.identities.iter().map(|name| name.trim()).collect();
    let (keys, others): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| is_key(name, session, &memory));
    if keys.len() > args.max {
        let message = format!("this would cut off {} identities, and at most {} are allowed", keys.len(), args.max);
        return Err(Failure::usage(message).hint("say --max if that is meant"));
    }
    let reason: Arc<str> = Arc::from(args.reason.as_deref().unwrap_or_default().trim());
    if reason.is_empty() {
        return Err(Failure::usage("a revocation needs a reason").hint("pass --reason TEXT"));
    }
    let standing = |key: &&str| StandingRevocation {
        key: Arc::from(*key),
        reason: reason.clone(),
        at: moment.now,
        until: args.until,
        also: Vec::new(),
        receipts: Vec::new(),
    };
    let revocations: Vec<_> = keys.iter().map(standing).collect();
    // Only those who are named now: others that are in force have their own receipts.
    let policy = Policy { revocations: Vec::new(), ..session.policy.clone() };
    let memory = Memory { revocations: revocations.clone(), ..memory };
    let direct = Direct::read(&session.loaded, &policy, memory, moment, SOURCES, &pipeline::Silent).await;
    if !others.is_empty() {
        return Err(meant(&direct, &others).await);
    }
    let unread = direct.unread_sources().await;
    for (source, why) in &unread {
        let words = format!("could not read {source}: {why}; accounts are found by links and marks all the same");
        notice(safe::lines(&words));
    }
    let stop = CancellationToken::new();
    let desk = Desk::new(&direct, &policy, store, args, &revocations, stop.clone());
    let first = desk.look_everywhere().await;
    if unread.is_empty() {
        known(&direct, &keys, &first).await?;
    }
    told::preview(&revocations, &first);
    if !args.auto_approve && !ask()? {
        notice("Nothing was changed.");
        return Ok(Exit::Error);
    }
    record(store, &revocations)?;
    let mut work = std::pin::pin!(desk.work(first));
    let receipts = loop {
        tokio::select! {
            receipts = &mut work => break receipts?,
            () = asked_to_stop() => {
                notice("stopping: waiting for what was sent; the revocation stays in force");
                stop.cancel();
            }
        }
    };
    told::write(&revocations, &receipts, args.output, moment.today)?;
    Ok(told::exit(&receipts))
}

/// Whether it is the key of an identity, by its form.
fn is_key(name: &str, session: &Session, memory: &Memory) -> bool {
    let Some((source, rest)) = name.split_once('/') else { return false };
    let declared = source == "user" || session.policy.sources.iter().any(|known| known.name.as_ref() == source);
    !rest.is_empty() && (declared || memory.links.iter().any(|link| link.key.as_ref() == name))
}

/// A name may be handed on, so it is answered with the keys that it may mean.
async fn meant(direct: &Direct<'_>, names: &[&str]) -> Failure {
    let mut lines = Vec::with_capacity(names.len());
    for name in names {
        let keys = direct.meant(name).await;
        lines.push(match keys.as_slice() {
            [] => format!("{name:?} is no identity's key, and nobody is known by it"),
            keys => format!("{name:?} is no identity's key; it may mean {}", keys.join(" or ")),
        });
    }
    let hint = "name immutable keys: the source's name and the record's key (hr/10023), or user/NAME; nothing was changed";
    Failure::usage(lines.join("; ")).hint(hint)
}

/// A key that nobody has, though everything was asked, is a slip.
async fn known(direct: &Direct<'_>, keys: &[&str], first: &[desk::First]) -> Result<(), Failure> {
    let all_answered = first.iter().all(|first| first.answered());
    for key in keys {
        let somewhere = first.iter().any(|first| first.has(key));
        let is_known = direct.meant(key).await.iter().any(|known| known.as_ref() == *key);
        if !somewhere && !is_known && all_answered {
            let failure = Failure::new(format!("nobody has the key {key}, neither in a source nor at a target; nothing was changed"));
            return Err(match direct.nearest(key).await {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure,
            });
        }
    }
    Ok(())
}

/// From here on every run knows of it, whatever becomes of this one.
fn record(store: &Store, revocations: &[StandingRevocation]) -> Result<(), Failure> {
    let Some(first) = revocations.first() else { return Ok(()) };
    let keys = revocations.iter().map(|revocation| revocation.key.clone()).collect();
    let event = Event::Revoked { keys, reason: first.reason.clone(), until: first.until, who: who() };
    let recorded = store.write(|tx| {
        revocations.iter().try_for_each(|revocation| record_revocation(tx, revocation))?;
        append(tx, &run_name(first.at, true), first.at, &[event])
    });
    recorded.map_err(|error| state_failure(&error))
}

fn lift(args: &RevokeArgs, session: &Session, store: &Store) -> Result<Exit, Failure> {
    let now = pipeline::moment(&session.policy, None).now;
    let keys: BTreeSet<&str> = args.identities.iter().map(|name| name.trim()).collect();
    let lifted = store.write(|tx| {
        let mut lifted: Vec<Arc<str>> = Vec::new();
        for key in &keys {
            if forget_revocation(tx, key)? {
                lifted.push(Arc::from(*key));
            }
        }
        if !lifted.is_empty() {
            append(tx, &run_name(now, true), now, &[Event::Lifted { keys: lifted.clone(), why: format!("by {}", who()) }])?;
        }
        Ok(lifted)
    });
    let lifted = lifted.map_err(|error| state_failure(&error))?;
    for key in &lifted {
        notice(safe::lines(&format!("{key}: the revocation ended; the next `headcount apply` gives back what today's rules give")));
    }
    let mut exit = Exit::Done;
    for key in keys {
        let covered = session.policy.revocations.iter().find(|known| known.identities.iter().any(|member| member.key.as_ref() == key));
        if let Some(document) = covered {
            notice(safe::lines(&format!("{key}: still cut off by {} ({}); remove it there", document.key, document.place)));
            exit = Exit::Error;
        } else if !lifted.iter().any(|known| known.as_ref() == key) {
            notice(safe::lines(&format!("{key}: no revocation by this command is in force")));
            exit = Exit::Error;
        }
    }
    Ok(exit)
}

/// Asks on the terminal. Only the whole word is a yes.
fn ask() -> Result<bool, Failure> {
    let mut out = anstream::stderr();
    write!(out, "\nCut them off now? Only \"yes\" does it: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::because("can't read the answer", &error))?;
    Ok(answer.trim() == "yes")
}
