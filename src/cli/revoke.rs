//! `headcount revoke`: the kill switch, now, without git. It names immutable keys, waits for no run, and asks each target for just the accounts in question.
//!
//! Must never: act on a name that could mean somebody else, or let anything that is wrong elsewhere keep it from its work.

mod account;
mod hear;
mod lift;
mod remote;
mod sound;
mod told;

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Files;
use super::complete;
use super::output::TextOrJson;
use super::remote::ServerArgs;
use super::report::{self, Exit, Failure, notice};
use super::session::{self, state_failure};
use super::who::who;
use crate::manifest::quantity;
use crate::model::StandingRevocation;
use crate::pipeline::revoke::{self, Directory, Ground, Looks, Meaning, NamesGiven, OrderTerms, OrdersError, State};
use crate::pipeline::{self, Decision};
use crate::planning::Moment;
use crate::state::Store;
use hear::Aloud;
use sound::Sound;
use told::RevokeResult;

/// Cut identities off everywhere, now, whatever the sources say
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It goes past guardrails, ownership and approval, and stops only at a target's protection (exit code 3). A
run that is under way goes on, but gives these identities nothing any more. Where a target can't be reached
it is tried until --timeout (exit code 4), and again by every `headcount apply`. Manifests with errors, a
source or a state that can't be used hold nothing up: what is sound is used, and the rest is told.

Examples:
  headcount revoke hr/10023 --reason 'stolen laptop'
  headcount revoke --account chat/svc-old --reason 'nobody has it'")]
pub struct RevokeArgs {
    /// Whom: immutable keys (hr/10023, user/jane). Anything else is looked up and answered, not acted on
    #[arg(required_unless_present = "account", value_name = "IDENTITY", add = complete::keys())]
    identities: Vec<String>,
    /// In the place of a person an account that nobody has, by its name or id at the Target; repeatable
    #[arg(long, value_name = "TARGET/NAME-OR-ID", conflicts_with_all = ["identities", "target", "server"], add = complete::accounts())]
    account: Vec<String>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    server: ServerArgs,
    /// Why: for the journal, the manifest, and whoever reads it later
    #[arg(long, value_name = "TEXT", required_unless_present = "lift")]
    reason: Option<String>,
    /// The last day (YYYY-MM-DD). Past it a plan asks before it gives anything back
    #[arg(long, value_name = "DATE", conflicts_with = "lift")]
    until: Option<Date>,
    /// Act only at this target now; the next apply cuts off at all of them; repeatable
    #[arg(long, value_name = "NAME", conflicts_with_all = ["lift", "server"], add = complete::targets())]
    target: Vec<String>,
    /// How many identities this may cut off
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    max: usize,
    /// End revocations that this command made: the next apply gives back what today's rules give
    #[arg(long, conflicts_with = "server")]
    lift: bool,
    /// Write no state: only the manifest that is printed keeps them out
    #[arg(long, conflicts_with_all = ["lift", "server"])]
    no_state: bool,
    /// Don't ask. Without a terminal this is needed
    #[arg(long)]
    auto_approve: bool,
    /// How long to go on trying where a target fails: 30s, 5m
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = patience)]
    timeout: Duration,
    /// How to tell what came of it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
}

fn patience(text: &str) -> Result<Duration, String> {
    quantity::duration(text).map_err(str::to_owned)?.try_into().map_err(|_| "it must not be negative".to_owned())
}

pub fn run(args: &RevokeArgs) -> Result<Exit, Failure> {
    if args.lift {
        return lift::lift(args);
    }
    let from_stdin = args.files.files.iter().any(|path| path.as_os_str() == "-");
    if !args.auto_approve && (from_stdin || !std::io::stdin().is_terminal()) {
        return Err(Failure::usage("there is no terminal to ask on").hint("pass --auto-approve"));
    }
    if let Some(remote) = args.server.remote()? {
        return session::run(remote::revoke(args, &remote))?;
    }
    let sound = Sound::load(&args.files)?;
    args.target.iter().try_for_each(|name| sound.check_target(name))?;
    let moment = pipeline::moment(&sound.policy, None);
    let reason = reason(args, moment)?;
    session::run(revoke(args, sound, moment, &reason))?
}

fn reason(args: &RevokeArgs, moment: Moment) -> Result<Arc<str>, Failure> {
    let reason: Arc<str> = Arc::from(args.reason.as_deref().unwrap_or_default().trim());
    if reason.is_empty() {
        return Err(Failure::usage("a revocation needs a reason").hint("pass --reason TEXT"));
    }
    if let Some(until) = args.until.filter(|until| *until < moment.today) {
        let message = format!("--until {until} is past: the revocation would be over before it began");
        return Err(Failure::usage(message).hint("name the last day on which they stay out, or leave --until out"));
    }
    Ok(reason)
}

/// One that can't be used holds nothing up.
async fn open_state(args: &RevokeArgs, sound: &Sound, aloud: &Aloud) -> Result<State, Failure> {
    let workspace = &sound.policy.workspace;
    if args.no_state {
        return State::passing(&sound.state, workspace).await.map_err(|error| state_failure(&error));
    }
    State::open(&sound.state, workspace, aloud).await.map_err(|error| state_failure(&error))
}

async fn revoke(args: &RevokeArgs, sound: Sound, moment: Moment, reason: &Arc<str>) -> Result<Exit, Failure> {
    let aloud = Aloud { stop: CancellationToken::new() };
    let state = open_state(args, &sound, &aloud).await?;
    let accounts = account::keys(args, &sound, state.store().as_ref(), moment).await?;
    let names: BTreeSet<&str> = args.identities.iter().map(|name| name.trim()).collect();
    let NamesGiven { mut keys, others } = NamesGiven::told_apart(&sound.policy, state.store().as_ref(), names, sound.broken).await;
    keys.extend(accounts.iter().map(AsRef::as_ref));
    let cause = OrderTerms { reason: reason.clone(), until: args.until, at: moment.now };
    let ordered = revoke::orders(&sound.policy, state, &keys, args.max, &cause, &aloud).await;
    let (state, orders) = ordered.map_err(|error| match error {
        OrdersError::State(error) => state_failure(&error),
        many => Failure::usage(many.to_string()).hint("say --max if that is meant"),
    })?;
    if orders.is_empty() {
        return Err(meant(&sound, state.store().as_ref(), moment, &others, None).await);
    }
    let ground = Arc::new(ground(args, &sound, state, moment, orders, aloud));
    let unread = OnceLock::new();
    let ask = |looks: &Looks| {
        told::preview(&ground.orders, looks, &sound.unguarded);
        ask().unwrap_or_else(|failure| {
            let _ = unread.set(failure);
            Decision::Leave
        })
    };
    let done = revoke::revoke(&ground, if args.auto_approve { None } else { Some(&ask) }).await.map_err(|error| state_failure(&error))?;
    if let Some(failure) = unread.into_inner() {
        return Err(failure);
    }
    let Some(done) = done else {
        notice("Nothing was changed.");
        return Ok(Exit::Error);
    };
    let ending = RevokeResult { done: &done, ground: &ground, sound: &sound, unstored: args.no_state };
    ending.write(args.output)?;
    let mut exit = ending.exit();
    for key in &done.slips {
        let nearest = everybody(&sound, ground.state.store().as_ref(), moment).await.nearest(key);
        report::failure(&slip(key, nearest.as_deref(), done.slips.len() == ground.orders.len()));
        exit = or(exit, Exit::Error);
    }
    if !others.is_empty() {
        report::failure(&meant(&sound, ground.state.store().as_ref(), moment, &others, Some(&ending.outcome())).await);
        exit = or(exit, Exit::Usage);
    }
    Ok(exit)
}

/// What went wrong with whoever could be cut off counts more than a slip.
fn or(exit: Exit, other: Exit) -> Exit {
    if exit == Exit::Done { other } else { exit }
}

fn ground(args: &RevokeArgs, sound: &Sound, state: State, moment: Moment, orders: Vec<StandingRevocation>, aloud: Aloud) -> Ground {
    let named = |at: &usize| {
        let name = &sound.policy.targets[*at].name;
        let asked = args.target.is_empty() || args.target.iter().any(|asked| *asked == **name);
        asked && orders.iter().any(|order| order.is_at(name))
    };
    let guarded = |at: &usize| !sound.unguarded.contains(&sound.policy.targets[*at].name);
    Ground {
        loaded: sound.loaded.clone(),
        // Only those who are named now: others that are in force have their own receipts.
        policy: crate::policy::Policy { revocations: Vec::new(), ..sound.policy.clone() },
        state,
        targets: (0..sound.policy.targets.len()).filter(named).filter(guarded).collect(),
        orders,
        moment,
        deadline: Instant::now() + args.timeout,
        who: who(),
        stop: aloud.stop.clone(),
        unused: sound.unused(),
        hear: Box::new(aloud),
    }
}

/// A name may be handed on, so it is answered with the keys that it may mean. `done`: what became of the others, since the last line must be true.
async fn meant(sound: &Sound, store: &dyn Store, moment: Moment, names: &[&str], done: Option<&str>) -> Failure {
    let meanings = everybody(sound, store, moment).await.meanings(names);
    let lines = meanings.iter().map(|Meaning { name, keys }| match keys.as_slice() {
        [] => format!("{name:?} is no identity's key, and nobody is known by it"),
        keys => format!("{name:?} is no identity's key; it may mean {}", keys.join(" or ")),
    });
    let lines: Vec<_> = lines.collect();
    let rest = done.map_or_else(|| "nothing was changed".to_owned(), |done| format!("nobody was cut off by {}; {done}", names.join(", ")));
    let accounts: Vec<String> = names.iter().filter_map(|name| account::called(name, sound)).collect();
    let hint = if accounts.is_empty() {
        format!("name immutable keys: the source's name and the record's key (hr/10023), or user/NAME; {rest}")
    } else {
        format!("an account by itself: headcount revoke {} --reason WHY; {rest}", accounts.join(" "))
    };
    Failure::usage(lines.join("; ")).hint(hint)
}

async fn everybody<'s>(sound: &'s Sound, store: &dyn Store, moment: Moment) -> Directory<'s> {
    Directory::read(&sound.loaded, &sound.policy, store.load().await.unwrap_or_default(), moment).await
}

/// A key that nobody has, though everything was asked, is a slip.
fn slip(key: &str, nearest: Option<&str>, alone: bool) -> Failure {
    let rest = if alone { "; nothing was changed" } else { "; the others are not kept waiting by it" };
    let failure = Failure::new(format!("nobody has the key {key}, neither in a source nor at a target{rest}"));
    match nearest {
        Some(near) => failure.hint(format!("did you mean {near}?")),
        None => failure,
    }
}

/// Asks on the terminal. Only the whole word is a yes.
fn ask() -> Result<Decision, Failure> {
    let mut out = anstream::stderr();
    write!(out, "\nCut them off now? Only \"yes\" does it: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::because("can't read the answer", &error))?;
    Ok(if answer.trim() == "yes" { Decision::Run } else { Decision::Leave })
}
