//! `headcount inbox`: tokens of systems that push, made, listed and ended. They stand in the state as hashes.
//!
//! Must never: show a token a second time, or let more than two of a Source count at once.

use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::output::TextOrJson;
use super::report::{self, Exit, Failure, notice};
use super::running::{self, Running, RunningPlace};
use super::session::{self, state_failure};
use super::token;
use super::who;
use crate::inbox::{InboxToken, InboxUse, make_inbox_token};
use crate::journal::Event;
use crate::render::status::told_at;
use crate::render::table::TextTable;
use crate::state::{Fact, Shelf, Store};
use crate::workspace::acts;

/// Tokens with which systems push to Sources with an inbox
#[derive(Debug, Args)]
#[command(after_help = "\
A token is of one Source, is shown once, and stands in the state as a hash. Two of a Source may
count at once, so that one takes the place of the other without a gap.

Examples:
  headcount inbox token create entra               for the Source `entra`
  headcount inbox token list
  headcount inbox token revoke entra 2027-01")]
pub struct InboxArgs {
    #[command(subcommand)]
    what: InboxPart,
}

#[derive(Debug, Subcommand)]
enum InboxPart {
    /// Make, list and end them
    #[command(subcommand)]
    Token(InboxTokenAct),
}

#[derive(Debug, Subcommand)]
enum InboxTokenAct {
    /// Make one, and show it this once
    Create(InboxCreateArgs),
    /// Those that there are, without the tokens themselves, and when each was used last
    List(InboxListArgs),
    /// End one: within a second it counts no more
    Revoke(InboxEndArgs),
}

#[derive(Debug, Args)]
struct InboxCreateArgs {
    /// The Source
    #[arg(value_name = "SOURCE", value_parser = token::name)]
    source: String,
    /// What it is called [default: the month]
    #[arg(long, value_name = "NAME", value_parser = token::name)]
    name: Option<String>,
    /// When it ends: 30d, 365d; at most a year
    #[arg(long, value_name = "DURATION", default_value = "365d", value_parser = token::life)]
    expires: SignedDuration,
    #[command(flatten)]
    place: RunningPlace,
}

#[derive(Debug, Args)]
struct InboxListArgs {
    #[command(flatten)]
    place: RunningPlace,
    /// How to show them
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
}

#[derive(Debug, Args)]
struct InboxEndArgs {
    /// The Source
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The token's name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: RunningPlace,
}

/// As many of a Source count at once.
const AT_ONCE: usize = 2;
/// Whoever has one is told so long before it ends.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

pub fn run(args: &InboxArgs) -> Result<Exit, Failure> {
    let InboxPart::Token(act) = &args.what;
    match act {
        InboxTokenAct::Create(args) => session::run(create(args, &Running::at(&args.place)?))?,
        InboxTokenAct::List(args) => session::run(list(args, &Running::at(&args.place)?))?,
        InboxTokenAct::Revoke(args) => session::run(end(args, &Running::at(&args.place)?))?,
    }
}

async fn all(store: &dyn Store) -> Result<Vec<InboxToken>, Failure> {
    Ok(running::all(Shelf::InboxTokens, store).await?.into_iter().map(|(_, token): (Arc<str>, InboxToken)| token).collect())
}

async fn create(args: &InboxCreateArgs, running: &Running) -> Result<Exit, Failure> {
    let (now, who) = (Timestamp::now(), who::who());
    if running.whole && !running.policy.sources.iter().any(|source| *source.name == *args.source) {
        return Err(Failure::usage(format!("there is no Source {:?}", args.source))
            .hint("a Source with `connection: {inbox: {}}` takes what is pushed"));
    }
    let store = running.open().await?;
    let name = args.name.clone().unwrap_or_else(|| now.to_zoned(running.zone().clone()).strftime("%Y-%m").to_string());
    let tokens = all(store.as_ref()).await?;
    let of_source: Vec<&InboxToken> = tokens.iter().filter(|token| token.source == args.source).collect();
    if of_source.iter().any(|token| token.name == name) {
        return Err(Failure::usage(format!("the Source {} has a token {name:?} already", args.source))
            .hint("end that one first, or take another name with --name"));
    }
    if of_source.iter().filter(|token| token.expires > now).count() >= AT_ONCE {
        return Err(Failure::usage(format!("the Source {} has {AT_ONCE} tokens that count", args.source))
            .hint(format!("end one first: headcount inbox token revoke {} NAME", args.source)));
    }
    let expires = now.saturating_add(args.expires).unwrap_or(now);
    let made = make_inbox_token(&args.source, &name, &who, now, expires);
    let made = made.ok_or_else(|| Failure::new("this machine has no random numbers"))?;
    let told = made.token.shelf_name();
    let event = Event::TokenMade { who, name: told.clone(), scopes: vec!["push".into()], expires: Some(expires) };
    keep(store.as_ref(), now, &event, vec![Shelf::InboxTokens.put(told, &made.token)]).await?;
    notice(format_args!("This is shown once; it ends {}.", token::told_at_end(expires, running)));
    report::result(format!("{}\n", made.text).as_bytes())?;
    Ok(Exit::Done)
}

async fn keep(store: &dyn Store, now: Timestamp, event: &Event, facts: Vec<Fact>) -> Result<(), Failure> {
    acts::keep(store, now, event, facts).await.map_err(|error| state_failure(&error))
}

async fn list(args: &InboxListArgs, running: &Running) -> Result<Exit, Failure> {
    let (store, now) = (running.look().await?, Timestamp::now());
    let tokens = all(store.as_ref()).await?;
    let uses: Vec<(Arc<str>, InboxUse)> = running::all(Shelf::InboxUses, store.as_ref()).await?;
    let used = |token: &InboxToken| uses.iter().find(|(name, _)| **name == *token.shelf_name()).map(|(_, used)| used.at);
    if args.output == TextOrJson::Json {
        let shown = tokens.iter().map(|token| {
            let InboxToken { source, name, made_by, at, expires, .. } = token;
            json!({"source": source, "name": name, "madeBy": made_by, "at": at, "expires": expires, "used": used(token)})
        });
        let shown: Vec<_> = shown.collect();
        return report::result(format!("{:#}\n", json!({"formatVersion": 1, "tokens": shown})).as_bytes()).map(|()| Exit::Done);
    }
    if tokens.is_empty() {
        return report::result(b"There is no token.\n").map(|()| Exit::Done);
    }
    let rows = tokens.iter().map(|token| {
        let ends = match token.expires.duration_since(now) {
            left if left.is_negative() => "has ended".to_owned(),
            left if left < SOON => format!("{}: make another one", token::told_at_end(token.expires, running)),
            _ => token::told_at_end(token.expires, running),
        };
        let used = used(token).map_or_else(|| "never".to_owned(), |at| told_at(at, now, running.zone()));
        vec![token.source.clone(), token.name.clone(), token.made_by.clone(), told_at(token.at, now, running.zone()), used, ends].into()
    });
    let mut text = Vec::new();
    TextTable { heads: vec!["SOURCE", "NAME", "MADE BY", "AT", "USED", "ENDS"], rows: rows.collect() }
        .write(report::screen(), &mut text)?;
    report::result(&text)?;
    Ok(Exit::Done)
}

async fn end(args: &InboxEndArgs, running: &Running) -> Result<Exit, Failure> {
    let store = running.open().await?;
    let tokens = all(store.as_ref()).await?;
    let Some(found) = tokens.iter().find(|token| token.source == args.source && token.name == args.name) else {
        return Err(Failure::new(format!("the Source {} has no token {:?}", args.source, args.name))
            .hint("`headcount inbox token list` shows them"));
    };
    let event = Event::TokenEnded { who: who::who(), name: found.shelf_name() };
    // When it was used last stays known: it says how long its system has been silent.
    keep(store.as_ref(), Timestamp::now(), &event, vec![Shelf::InboxTokens.take(found.shelf_name())]).await?;
    report::result(format!("The token {} of {} counts no more.\n", args.name, args.source).as_bytes())?;
    Ok(Exit::Done)
}
