//! One account at a target, whoever has it: `account/TARGET/NAME-OR-ID`.
//!
//! Must never: answer for another account than the one that was named.

use std::io::Write;

use serde_json::json;

use super::{ChangeOrigins, write_changes};
use crate::cli::output::TextOrJson;
use crate::cli::report::{self, Exit, Failure};
use crate::cli::unclaimed::answer;
use crate::model::{Change, ObjectKind, Plan};
use crate::planning::explain::{AccountExplanation, NoAccount, Whose};
use crate::render::style::{QUIET, paint};
use crate::render::{explanation, safe};

/// What stands before such a name.
pub const PREFIX: &str = "account/";

/// An account, as somebody names it.
pub struct AccountName<'a> {
    pub target: &'a str,
    /// its name or its id there
    pub name: &'a str,
}

/// Takes `account/TARGET/NAME-OR-ID` apart; nothing where it is no such name.
pub fn named(text: &str) -> Result<Option<AccountName<'_>>, Failure> {
    text.strip_prefix(PREFIX).map(parts).transpose()
}

/// Takes `TARGET/NAME-OR-ID` apart.
pub fn parts(text: &str) -> Result<AccountName<'_>, Failure> {
    match text.split_once('/') {
        Some((target, name)) if !target.is_empty() && !name.is_empty() => Ok(AccountName { target, name }),
        _ => Err(Failure::usage(format!("{text:?} names no account"))
            .hint("name the Target and then the account's name or id there: chat/jdoe (explain: account/chat/jdoe)")),
    }
}

impl AccountName<'_> {
    /// Whether there is such a target, and it is the one that was asked for.
    pub fn check(&self, asked: Option<&str>, check: impl Fn(&str) -> Result<(), Failure>) -> Result<(), Failure> {
        check(self.target)?;
        match asked.filter(|asked| *asked != self.target) {
            Some(asked) => {
                Err(Failure::usage(format!("the account is at {}, and --target says {asked}", self.target)).hint("leave --target out"))
            }
            None => Ok(()),
        }
    }

    /// Why nothing can be told of it.
    pub fn failure(&self, why: NoAccount) -> Failure {
        let Self { target, name } = self;
        match why {
            NoAccount::Unread(reason) => {
                Failure::new(format!("{target} could not be read, so nothing is known of its accounts: {reason}")).exit(Exit::Stale)
            }
            NoAccount::Several(ids) => Failure::new(format!("several accounts at {target} are called {name:?}"))
                .hint(format!("name one by its id: {}", ids.iter().map(|id| format!("{target}/{id}")).collect::<Vec<_>>().join(", "))),
            NoAccount::Unknown { near, partly } => {
                let all = partly.map_or_else(String::new, |reason| format!(" among those that were read ({reason})"));
                let failure = Failure::new(format!("no account at {target} has the id or the name {name:?}{all}"));
                match near {
                    Some(near) => failure.hint(format!("did you mean {near}?")),
                    None => failure
                        .hint("name its id, or its name as the target has it; `headcount plan --unclaimed` lists those that are nobody's"),
                }
            }
        }
    }
}

/// Whose it is, and what the plan does with it.
pub fn tell(behind: &ChangeOrigins<'_>, plan: &Plan, named: &AccountName<'_>, form: TextOrJson) -> Result<(), Failure> {
    let account = behind.provenance().explain_account(named.target, named.name).map_err(|why| named.failure(why))?;
    let changes: Vec<_> = plan.changes.iter().filter(|change| concerns(change, &account)).collect();
    let findings = behind.provenance().noticed_of(plan, &account, &changes);
    if form == TextOrJson::Json {
        let document = json!({"formatVersion": 1, "account": account, "changes": changes, "findings": findings});
        return report::result(format!("{document:#}\n").as_bytes());
    }
    let mut out = report::stdout();
    explanation::write_account(&account, report::width(), &mut out)?;
    if let Some(next) = next(&account) {
        writeln!(out, "      {}", paint(QUIET, safe::line(&next)))?;
    }
    writeln!(out)?;
    write_changes(&changes, &findings, key(&account, &changes), behind, &mut out)?;
    explanation::write_findings(&findings, report::width(), &mut out)?;
    out.flush()?;
    Ok(())
}

/// What can be done about it.
fn next(account: &AccountExplanation) -> Option<String> {
    match account.is {
        Whose::Claimed => account.holders.first().map(|key| format!("more of its owner: headcount explain {key}")),
        Whose::Nobodys => Some(answer(account.adopt.as_deref(), account.document, false)),
        Whose::OtherWorkspace | Whose::Foreign => Some(answer(None, None, true)),
        Whose::CutOff | Whose::Former | Whose::Contested | Whose::SetAside => None,
    }
}

/// The account itself, what it holds, and the groups that it comes into or leaves.
fn concerns(change: &Change, account: &AccountExplanation) -> bool {
    let is = |kind: ObjectKind, id: Option<&std::sync::Arc<str>>| kind == ObjectKind::Account && id == Some(&account.id);
    let itself = change.object.kind != ObjectKind::Group && change.object.id.as_ref() == Some(&account.id);
    let member = || change.members.iter().chain(&change.losers).any(|member| is(member.member.kind, member.member.id.as_ref()));
    change.target == account.target && (itself || member())
}

/// By which key the changes name it.
fn key<'c>(account: &'c AccountExplanation, changes: &[&'c Change]) -> &'c str {
    let itself = changes.iter().find(|change| change.object.kind != ObjectKind::Group).map(|change| change.object.key.as_ref());
    itself.unwrap_or(&account.account)
}
