//! `headcount erase`: what is kept of somebody who is gone is forgotten, and what the journal says of them can be read by nobody any more.
//!
//! Must never: erase whom a source or a target still has.

use std::sync::Arc;

use super::Files;
use super::next;
use super::progress::Watching;
use super::report::{self, Exit, Failure, notice};
use super::session::{self, Session, state_failure};
use super::who::who;
use crate::inbox::Inboxes;
use crate::model::Key;
use crate::pipeline::{self, EraseError, Erased, Erasure, Reading};
use crate::render::safe;
use crate::state::{self, PlaceKind, StateError};

/// Forget somebody who is gone, in the state and in the journal
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Refused while a source or a target still has them, or could not be read. The chain of the journal stays whole: what
it says of them stays sealed, and the key is destroyed. Copies of the state that were made before still have it:
`headcount state accept-restore` erases again whom a restored copy brings back, where the Workspace names an anchor.

Example: headcount erase hr/10023 --reason 'request 4711'")]
pub struct EraseArgs {
    /// Any key of theirs: hr/10023, user/jane
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    files: Files,
    /// Why: it stays in the journal as it is, so it must not name them
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub fn run(args: &EraseArgs) -> Result<Exit, Failure> {
    let (key, reason) = (args.key.trim(), args.reason.trim());
    if Key::of_identity(key).is_none() {
        return Err(Failure::usage(format!("{key:?} is nobody's key"))
            .hint("name a key (hr/10023, user/jane); `headcount history --who NAME` finds it"));
    }
    if reason.is_empty() {
        return Err(Failure::usage("the reason is empty").hint("say why, without naming them: --reason 'request 4711'"));
    }
    let session = Session::load(&args.files)?;
    let erased = session::run(erased(session, key, reason))?.map_err(|error| refused(&error, &args.files))?;
    report::result(words(key, &erased).as_bytes())?;
    Ok(Exit::Done)
}

async fn erased(session: Session, key: &str, reason: &str) -> Result<Erased, EraseError> {
    let Session { loaded, policy, state } = session;
    if state::look_at(&state, &policy.workspace).await?.is_none() {
        return Err(StateError::Missing { path: state.path() }.into());
    }
    let store = state::open(&state, &policy.workspace).await?;
    let alone = matches!(state.at, PlaceKind::Objects(..));
    let (policy, watching, who) = (Arc::new(policy), Watching::default(), who());
    let erasure = Erasure { loaded: &loaded, policy, store: &store, alone, key, who: &who, reason };
    pipeline::erase(&erasure, &Reading::once(&watching).with_inboxes(Inboxes::to_read(store.clone()))).await
}

fn words(key: &str, erased: &Erased) -> String {
    let key = safe::line(key);
    if !erased.found {
        return format!("Nothing is kept of {key}.\n");
    }
    if erased.subjects.is_empty() {
        notice("the journal said nothing of them that is sealed");
        return format!("{key} is erased.\n");
    }
    format!("{key} is erased; the journal knows them as {} from now on.\n", erased.subjects.join(", "))
}

fn refused(error: &EraseError, files: &Files) -> Failure {
    let failure = match error {
        EraseError::State(error) => return state_failure(error),
        error => Failure::from_error(error),
    };
    let more: String = next::options(files).into_iter().map(|option| format!(" {option}")).collect();
    match error {
        EraseError::StillThere { .. } => {
            failure.hint("delete them there first; what headcount made, it deletes by `deprovisioning`, or by hand")
        }
        EraseError::Unread { .. } => {
            failure.hint(format!("see what could not be read, and try again: headcount plan{more}")).exit(Exit::Stale)
        }
        EraseError::CutOff { key } => {
            failure.hint(format!("once nothing can let them in any more, end it, and erase them then: headcount revoke --lift {key}{more}"))
        }
        EraseError::Named { .. } => failure.hint("write a number of the request instead: --reason 'request 4711'"),
        EraseError::State(_) => failure,
    }
}
