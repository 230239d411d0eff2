//! `headcount token`: tokens of the API and of systems that push, made, listed and ended. They stand in the state as hashes.
//!
//! Must never: show a token a second time, let one count for ever, or let more than two of a Source count at once.

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::output::TextOrJson;
use super::report::{self, Exit, Failure, notice};
use super::running::{self, Running, RunningPlace};
use super::session::{self, state_failure};
use super::who;
use crate::journal::Event;
use crate::manifest::quantity;
use crate::model::{ApiToken, TokenScope, TokenUse};
use crate::render::status::told_at;
use crate::render::table::TextTable;
use crate::server;
use crate::state::{Shelf, Store};
use crate::workspace::acts;

/// Make, list and end tokens: of the API that a controller answers, and of systems that push
#[derive(Debug, Args)]
#[command(after_help = "\
A token is shown once, and stands in the state as a hash. It does what its scopes say, and ends by
itself. One with --push fills the inbox of one Source and does nothing else; two of a Source may
count at once, so that one takes the place of the other without a gap.

Examples:
  headcount token create ci --scope status         it sees how things stand, and nobody's data
  headcount token create desk --scope status --scope people
  headcount token create entra-2027 --push entra   for a system that pushes to the Source `entra`
  headcount token list
  headcount token revoke ci")]
pub struct TokenArgs {
    #[command(subcommand)]
    what: TokenAct,
}

#[derive(Debug, Subcommand)]
enum TokenAct {
    /// Make one, and show it this once
    Create(CreateArgs),
    /// Those that there are, without the tokens themselves, and when who pushes was heard of last
    List(ListArgs),
    /// End one: within a second it counts no more
    Revoke(EndArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// What it is called, in the journal too
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// What it may do; repeatable
    #[arg(long, value_name = "SCOPE", value_enum, required_unless_present = "push")]
    scope: Vec<ScopeWord>,
    /// The Source that its holder pushes users and groups to, over SCIM
    #[arg(long, value_name = "SOURCE", value_parser = name, conflicts_with = "scope")]
    push: Option<String>,
    /// When it ends: 12h, 30d; at most a year [default: 90d; with --push 365d]
    #[arg(long, value_name = "DURATION", value_parser = life)]
    expires: Option<SignedDuration>,
    #[command(flatten)]
    place: RunningPlace,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    place: RunningPlace,
    /// How to show them
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
}

#[derive(Debug, Args)]
struct EndArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: RunningPlace,
}

/// A scope, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum ScopeWord {
    /// see how things stand, and nothing of people
    Status,
    /// see people, plans with those in them, and the journal
    People,
    /// ask for a sync
    Sync,
    /// approve and reject plans
    Approve,
    /// cut people off
    Revoke,
    /// stop all writing, and let it go on
    Pause,
}

/// Nothing counts longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Unless somebody says.
const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
const LIFE_TO_PUSH: SignedDuration = SignedDuration::from_hours(365 * 24);
/// As many of a Source count.
const AT_ONCE: usize = 2;
/// So long before its end it is said that another one is to be made.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

fn name(text: &str) -> Result<String, String> {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
    match (1..=60).contains(&text.len()) && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("a name has up to 60 letters, digits, `-`, `_` and `.`".to_owned()),
    }
}

fn life(text: &str) -> Result<SignedDuration, String> {
    let life = quantity::duration(text).map_err(str::to_owned)?;
    match life > SignedDuration::ZERO && life <= LONGEST {
        true => Ok(life),
        false => Err("it ends after more than nothing and within a year".to_owned()),
    }
}

pub fn run(args: &TokenArgs) -> Result<Exit, Failure> {
    match &args.what {
        TokenAct::Create(args) => {
            let running = Running::at(&args.place)?;
            session::run(create(args, &running))?
        }
        TokenAct::List(args) => {
            let running = Running::at(&args.place)?;
            session::run(list(args, &running))?
        }
        TokenAct::Revoke(args) => {
            let running = Running::at(&args.place)?;
            session::run(end(args, &running))?
        }
    }
}

async fn all(store: &dyn Store) -> Result<Vec<ApiToken>, Failure> {
    Ok(running::all(Shelf::Tokens, store).await?.into_iter().map(|(_, token): (Arc<str>, ApiToken)| token).collect())
}

async fn create(args: &CreateArgs, running: &Running) -> Result<Exit, Failure> {
    let store = running.open().await?;
    let (now, who) = (Timestamp::now(), who::who());
    let tokens = all(store.as_ref()).await?;
    if tokens.iter().any(|token| token.name == args.name) {
        return Err(Failure::usage(format!("there is a token {:?} already", args.name)).hint("end that one first, or take another name"));
    }
    args.push.iter().try_for_each(|source| may_push(source, &tokens, running, now))?;
    let life = args.expires.unwrap_or(if args.push.is_some() { LIFE_TO_PUSH } else { LIFE });
    let expires = now.saturating_add(life).unwrap_or(now);
    let made = match &args.push {
        Some(source) => server::make_push_token(&args.name, source, &who, now, expires),
        None => server::make_token(&args.name, args.scope.iter().map(|word| word.scope()).collect(), &who, now, expires),
    };
    let made = made.ok_or_else(|| Failure::new("this machine has no random numbers"))?;
    let words = words(&made.token);
    let event = Event::TokenMade { who, name: args.name.clone(), scopes: words, expires: Some(expires) };
    let fact = Shelf::Tokens.put(args.name.as_str(), &made.token);
    acts::keep(store.as_ref(), now, &event, vec![fact]).await.map_err(|error| state_failure(&error))?;
    notice(format_args!("This is shown once; it ends {}.", told_at_end(expires, running)));
    report::result(format!("{}\n", made.text).as_bytes())?;
    Ok(Exit::Done)
}

/// Whether another token of this Source may be made.
fn may_push(source: &str, tokens: &[ApiToken], running: &Running, now: Timestamp) -> Result<(), Failure> {
    if running.whole && !running.policy.sources.iter().any(|known| *known.name == *source) {
        return Err(
            Failure::usage(format!("there is no Source {source:?}")).hint("a Source with `connection: {inbox: {}}` takes what is pushed")
        );
    }
    let of_source = tokens.iter().filter(|token| token.source.as_deref() == Some(source) && token.expires > now);
    if of_source.count() >= AT_ONCE {
        return Err(Failure::usage(format!("the Source {source} has {AT_ONCE} tokens that count"))
            .hint("end one first: headcount token revoke NAME"));
    }
    Ok(())
}

fn words(token: &ApiToken) -> Vec<String> {
    let scopes = token.scopes.iter().map(|scope| scope.word().to_owned());
    scopes.chain(token.source.iter().map(|source| format!("push to {source}"))).collect()
}

fn told_at_end(at: Timestamp, running: &Running) -> String {
    at.to_zoned(running.zone().clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

async fn list(args: &ListArgs, running: &Running) -> Result<Exit, Failure> {
    let (store, now) = (running.look().await?, Timestamp::now());
    let tokens = all(store.as_ref()).await?;
    let uses: Vec<(Arc<str>, TokenUse)> = running::all(Shelf::TokenUses, store.as_ref()).await?;
    let used = |token: &ApiToken| {
        let name = format!("{}/{}", token.source.as_ref()?, token.name);
        uses.iter().find(|(known, _)| **known == *name).map(|(_, used)| used.at)
    };
    if args.output == TextOrJson::Json {
        let shown = tokens.iter().map(|token| {
            let ApiToken { name, scopes, source, made_by, at, expires, .. } = token;
            json!({"name": name, "scopes": scopes, "source": source, "madeBy": made_by, "at": at, "expires": expires, "used": used(token)})
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
            left if left < SOON && token.source.is_some() => format!("{}: make another one", told_at_end(token.expires, running)),
            _ => told_at_end(token.expires, running),
        };
        let used = match (&token.source, used(token)) {
            (None, _) => "-".to_owned(),
            (Some(_), None) => "never".to_owned(),
            (Some(_), Some(at)) => told_at(at, now, running.zone()),
        };
        let made = told_at(token.at, now, running.zone());
        vec![token.name.clone(), words(token).join(", "), token.made_by.clone(), made, used, ends].into()
    });
    let mut text = Vec::new();
    TextTable { heads: vec!["NAME", "SCOPES", "MADE BY", "AT", "USED", "ENDS"], rows: rows.collect() }
        .write(report::screen(), &mut text)?;
    report::result(&text)?;
    Ok(Exit::Done)
}

async fn end(args: &EndArgs, running: &Running) -> Result<Exit, Failure> {
    let store = running.open().await?;
    let tokens = all(store.as_ref()).await?;
    if !tokens.iter().any(|token| token.name == args.name) {
        return Err(Failure::new(format!("there is no token {:?}", args.name)).hint("`headcount token list` shows them"));
    }
    let event = Event::TokenEnded { who: who::who(), name: args.name.clone() };
    // When it was used last stays known: it says how long its system has been silent.
    let fact = Shelf::Tokens.take(args.name.as_str());
    acts::keep(store.as_ref(), Timestamp::now(), &event, vec![fact]).await.map_err(|error| state_failure(&error))?;
    report::result(format!("The token {} counts no more.\n", args.name).as_bytes())?;
    Ok(Exit::Done)
}

impl ScopeWord {
    fn scope(self) -> TokenScope {
        match self {
            Self::Status => TokenScope::Status,
            Self::People => TokenScope::People,
            Self::Sync => TokenScope::Sync,
            Self::Approve => TokenScope::Approve,
            Self::Revoke => TokenScope::Revoke,
            Self::Pause => TokenScope::Pause,
        }
    }
}
