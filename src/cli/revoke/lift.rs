//! The end of revocations that the command made.
//!
//! Must never: end what a manifest says.

use std::collections::BTreeSet;

use super::RevokeArgs;
use crate::cli::explain::parts;
use crate::cli::report::{Exit, Failure, notice};
use crate::cli::session::{self, Session, state_failure};
use crate::cli::who::who;
use crate::model::Key;
use crate::pipeline::{self, revoke};
use crate::render::safe;
use crate::state::{self, Store};

/// By whatever key of theirs somebody is named.
pub fn lift(args: &RevokeArgs) -> Result<Exit, Failure> {
    let session = Session::load(&args.files)?;
    session::run(ended(args, &session))?
}

async fn ended(args: &RevokeArgs, session: &Session) -> Result<Exit, Failure> {
    let store = state::open(&session.state, &session.policy.workspace).await.map_err(|error| state_failure(&error))?;
    let now = pipeline::moment(&session.policy, None).now;
    let accounts = args.account.iter().map(|name| parts(name.trim()).map(|named| Key::account(named.target, named.name).text()));
    let accounts = accounts.collect::<Result<Vec<_>, _>>()?;
    let keys: BTreeSet<&str> = args.identities.iter().map(|name| name.trim()).chain(accounts.iter().map(AsRef::as_ref)).collect();
    let lifted = revoke::lift(&session.policy, store.as_ref(), &keys, &who(), now).await.map_err(|error| state_failure(&error))?;
    for revoke::Lifted { key, .. } in lifted.iter().filter(|lifted| lifted.ended) {
        notice(safe::lines(&format!("{key}: the revocation ended; the next `headcount apply` gives back what today's rules give")));
    }
    let mut exit = Exit::Done;
    for revoke::Lifted { key, ended, still } in lifted {
        if let Some(document) = still {
            notice(safe::lines(&format!("{key}: still cut off by {} ({}); remove it there", document.key, document.place)));
        } else if !ended {
            notice(safe::lines(&format!("{key}: no revocation by this command is in force{}", others(store.as_ref()).await?)));
        } else {
            continue;
        }
        exit = Exit::Error;
    }
    Ok(exit)
}

/// Those that are in force, for whoever named one by another name than its key.
async fn others(store: &dyn Store) -> Result<String, Failure> {
    const SHOWN: usize = 10;
    let standing = store.load().await.map_err(|error| state_failure(&error))?.revocations;
    let shown: Vec<&str> = standing.iter().take(SHOWN).map(|known| known.key.as_ref()).collect();
    Ok(match standing.len() {
        0 => ", nor is any other".to_owned(),
        all if all > SHOWN => format!("; those that are: {} and {} more", shown.join(", "), all - SHOWN),
        _ => format!("; those that are: {}", shown.join(", ")),
    })
}
