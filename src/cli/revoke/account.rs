//! Accounts that are revoked by themselves, since nobody has them.
//!
//! Must never: cut off by itself what is a person's, protected, or another workspace's; or take a name for an account that it does not mean now.

use std::sync::Arc;

use super::sound::Sound;
use super::{RevokeArgs, everybody};
use crate::cli::explain::{PREFIX, parts};
use crate::cli::report::{Exit, Failure, notice};
use crate::model::Key;
use crate::planning::Moment;
use crate::planning::explain::{AccountExplanation, NoAccount, Whose};
use crate::render::safe;
use crate::state::Store;

/// The keys of the accounts that are named; nothing where a person is.
pub async fn keys(args: &RevokeArgs, sound: &Sound, store: &dyn Store, moment: Moment) -> Result<Vec<Arc<str>>, Failure> {
    let mut keys = Vec::with_capacity(args.account.len());
    if args.account.is_empty() {
        return Ok(keys);
    }
    let named = args.account.iter().map(|text| parts(text.trim())).collect::<Result<Vec<_>, _>>()?;
    named.iter().try_for_each(|named| sound.check_target(named.target))?;
    let mut everybody = everybody(sound, store, moment).await;
    for (source, why) in everybody.unread() {
        notice(safe::lines(&format!(
            "{source} could not be read ({why}): whether the account is somebody's whom only it knows is not known"
        )));
    }
    for named in &named {
        let at = sound.policy.targets.iter().position(|target| target.name.as_ref() == named.target);
        let account = match at {
            Some(at) => everybody.account(&sound.loaded, at, named.name).await,
            None => Err(NoAccount::Unknown { near: None, partly: None }),
        };
        let account = account.map_err(|why| match why {
            // Only this account was asked for: what else is there says nothing.
            NoAccount::Unknown { .. } => named.failure(NoAccount::Unknown { near: None, partly: None }),
            why => named.failure(why),
        })?;
        is_meant(&account)?;
        may_go(&account)?;
        notice(safe::lines(&format!("{}/{} is the account with the id {}", account.target, account.name, account.id)));
        keys.push(Key::account(&account.target, &account.id).text());
    }
    Ok(keys)
}

/// What is one account's id and another one's name is no name for either.
fn is_meant(account: &AccountExplanation) -> Result<(), Failure> {
    if account.namesakes.is_empty() {
        return Ok(());
    }
    let AccountExplanation { target, id, name, .. } = account;
    let others: Vec<String> = account.namesakes.iter().map(|id| format!("{target}/{id}")).collect();
    let failure = Failure::usage(format!("{target}/{id} is the id of {name}, and the name of another account; nothing was changed"));
    Err(failure.hint(format!("name {target}/{name}, or the other one by its id: {}", others.join(", "))))
}

/// How an account is named here that was named as if it were a person: by its target, or by the key that plans show.
pub fn called(text: &str, sound: &Sound) -> Option<String> {
    let named = parts(text.strip_prefix(PREFIX).unwrap_or(text)).ok()?;
    let declared = sound.policy.targets.iter().any(|target| target.name.as_ref() == named.target);
    declared.then(|| format!("--account {}/{}", named.target, named.name))
}

/// Whether it may be cut off by itself.
fn may_go(account: &AccountExplanation) -> Result<(), Failure> {
    let called = format!("{}/{} (id {})", account.target, account.name, account.id);
    let whose = account.holders.first().map_or("", AsRef::as_ref);
    match account.is {
        Whose::Claimed | Whose::Former => {
            let failure = Failure::usage(format!("{called} is the account of {whose}; nothing was changed"));
            return Err(failure.hint(format!("revoke the person, everywhere: headcount revoke {whose} --reason WHY")));
        }
        Whose::CutOff if whose != account.account.as_ref() => {
            return Err(Failure::usage(format!("{called} is the account of {whose}, who is cut off already; nothing was changed"))
                .hint(format!("what is left of it: headcount explain {}", account.account)));
        }
        Whose::OtherWorkspace => {
            return Err(Failure::usage(format!("{called} has the mark of another workspace's headcount; nothing was changed"))
                .hint("revoke it there, or deactivate it at the target by hand"));
        }
        Whose::Contested | Whose::SetAside if !account.holders.is_empty() => {
            notice(safe::lines(&format!(
                "{called} may be that of {}: none of them gets it while this stands",
                account.holders.join(" or ")
            )));
        }
        Whose::CutOff | Whose::Contested | Whose::SetAside | Whose::Foreign | Whose::Nobodys => {}
    }
    if account.protected {
        let failure = Failure::new(format!("{called} is protected, so it is left as it is; nothing was changed"));
        let hint =
            format!("take it out of `protect` in the Target {} and run this again, or deactivate it at the target by hand", account.target);
        return Err(failure.hint(hint).exit(Exit::Refused));
    }
    Ok(())
}
