//! The end of revocations that the command made.
//!
//! Must never: end what a manifest says.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::RevokeArgs;
use crate::apply::run_name;
use crate::cli::explain::parts;
use crate::cli::report::{Exit, Failure, notice};
use crate::cli::session::{Session, state_failure};
use crate::cli::who::who;
use crate::journal::{Event, append};
use crate::model::{StandingRevocation, account_key};
use crate::pipeline;
use crate::render::safe;
use crate::state::{Store, forget_revocation};

/// By whatever key of theirs somebody is named.
pub fn lift(args: &RevokeArgs) -> Result<Exit, Failure> {
    let session = Session::load(&args.files)?;
    let store = Store::open(&session.state, &session.policy.workspace).map_err(|error| state_failure(&error))?;
    let standing = store.load().map_err(|error| state_failure(&error))?.revocations;
    let now = pipeline::moment(&session.policy, None).now;
    let accounts = args.account.iter().map(|name| parts(name.trim()).map(|named| account_key(named.target, named.name)));
    let accounts = accounts.collect::<Result<Vec<_>, _>>()?;
    let keys: BTreeSet<&str> = args.identities.iter().map(|name| name.trim()).chain(accounts.iter().map(AsRef::as_ref)).collect();
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
        let same =
            |member: &str| member == key || standing.iter().any(|known: &StandingRevocation| known.means(key) && known.means(member));
        let covered = session.policy.revocations.iter().find(|known| known.identities.iter().any(|member| same(&member.key)));
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
