//! Whose an account at a target is, how that is known, and what becomes of one that is nobody's.
//!
//! Must never: call an account nobody's where whose it is can't be told, or take one name for one account where several have it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Because, account};
use crate::diagnostic::nearest;
use crate::manifest::kinds::{Ownership, fold};
use crate::model::{Evidence, Key};
use crate::planning::basis::Basis;
use crate::planning::people::person::Person;
use crate::planning::question::Scope;
use crate::planning::report::unclaimed;
use crate::planning::targets::claims::Matched;
use crate::planning::targets::matched::match_accounts;
use crate::planning::targets::ownership;
use crate::planning::targets::search;
use crate::world::{Carries, canonical};

/// People of whom one account may be: nobody reads more of them.
const MOST: usize = 5;

/// Everything about one account at a target.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountExplanation {
    /// `account/TARGET/ID`
    pub account: Arc<str>,
    /// the Target's name
    pub target: Arc<str>,
    /// the target's id
    pub id: Arc<str>,
    /// what it is called there
    pub name: Arc<str>,
    /// ids of others that are called what is this one's id, where it was named by that
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namesakes: Vec<Arc<str>>,
    /// whether somebody can sign in with it
    pub active: bool,
    /// whose it is, in one word
    pub is: Whose,
    /// protection covers it
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// the key of whoever has it, had it, or may be its owner
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Arc<str>>,
    /// how that is known, and what follows
    pub because: Vec<Because>,
    /// of one that is nobody's: the line of a manifest that makes it somebody's; none where it can't be
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt: Option<String>,
    /// which document the line belongs in
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<&'static str>,
}

/// Whose an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Whose {
    /// somebody's whom the sources or a User make exist
    Claimed,
    /// a revocation cuts it off
    CutOff,
    /// somebody's who is not there any more
    Former,
    /// several people's, or whose can't be told
    Contested,
    /// it may be somebody's of whom too little is known, so it is not taken for nobody's
    SetAside,
    /// another workspace's headcount has it
    OtherWorkspace,
    /// another program says by its mark that it has it
    Foreign,
    /// nobody's
    Nobodys,
}

/// Why an account can't be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAccount {
    /// the target could not be read
    Unread(String),
    /// none has the id or the name
    Unknown {
        /// what comes nearest
        near: Option<Arc<str>>,
        /// why there may be one all the same
        partly: Option<String>,
    },
    /// several have the name: their ids
    Several(Vec<Arc<str>>),
}

pub(super) fn explain(basis: &Basis<'_>, target: &str, text: &str) -> Result<AccountExplanation, NoAccount> {
    let at = basis.policy.targets.iter().position(|rules| rules.name.as_ref() == target);
    let at = at.ok_or(NoAccount::Unknown { near: None, partly: None })?;
    let (matched, _) = match_accounts(basis, Scope::All);
    let row = find(basis, at, text)?;
    Ok(AccountExplanation { namesakes: namesakes(basis, at, row, text), ..told(basis, &matched, at, row) })
}

/// Whom a text names, too, that is one account's id: a number may be one's id and another's name.
fn namesakes(basis: &Basis<'_>, target: usize, row: u32, text: &str) -> Vec<Arc<str>> {
    let accounts = basis.observed[target].accounts();
    if accounts.id(row) != text {
        return Vec::new();
    }
    let others = (0..accounts.len()).filter(|other| *other != row);
    let called = others.filter(|other| fold(&basis.account(target, *other, &Arc::from("")).name) == fold(text));
    called.map(|other| Arc::from(accounts.id(other).as_ref())).collect()
}

/// By the id, which is one account's alone; else by what accounts are called.
fn find(basis: &Basis<'_>, target: usize, text: &str) -> Result<u32, NoAccount> {
    let accounts = basis.observed[target].accounts();
    if let Evidence::Unreadable { reason } = accounts.evidence() {
        return Err(NoAccount::Unread(reason.clone()));
    }
    if let Some(row) = accounts.find_id(text) {
        return Ok(row);
    }
    let called = |row: u32| basis.account(target, row, &Arc::from("")).name;
    let named: Vec<u32> = (0..accounts.len()).filter(|row| fold(&called(*row)) == fold(text)).collect();
    let exactly: Vec<u32> = named.iter().copied().filter(|row| called(*row).as_ref() == text).collect();
    match (exactly.as_slice(), named.as_slice()) {
        ([row], _) | ([], [row]) => Ok(*row),
        (_, []) => {
            let names: Vec<Arc<str>> = (0..accounts.len()).map(called).collect();
            let near = nearest(text, names.iter().map(AsRef::as_ref)).map(Arc::from);
            Err(NoAccount::Unknown { near, partly: accounts.evidence().reason().map(str::to_owned) })
        }
        _ => Err(NoAccount::Several(named.into_iter().map(|row| Arc::from(accounts.id(row).as_ref())).collect())),
    }
}

fn told(basis: &Basis<'_>, matched: &Matched, target: usize, row: u32) -> AccountExplanation {
    let rules = &basis.policy.targets[target];
    let there = basis.account(target, row, &Arc::from(""));
    let id = there.id.unwrap_or_default();
    let Known { is, holders, because } = known(basis, matched, target, row);
    let protected = basis.is_protected(target, row);
    let mut because = because;
    if protected {
        because.push(
            Because::words(format!("the `protect` of {} covers it, so nothing is changed about it", rules.name)).at(Some(&rules.place)),
        );
    }
    let nobodys = (is == Whose::Nobodys).then(|| unclaimed::account(basis, target, row));
    AccountExplanation {
        account: Key::account(&rules.name, &id).text(),
        target: rules.name.clone(),
        id,
        name: there.name,
        namesakes: Vec::new(),
        active: basis.observed[target].accounts().active(row),
        is,
        protected,
        holders,
        because,
        document: nobodys.as_ref().and_then(|nobodys| nobodys.document),
        adopt: nobodys.and_then(|nobodys| nobodys.adopt),
    }
}

/// Whose it is and why.
struct Known {
    is: Whose,
    holders: Vec<Arc<str>>,
    because: Vec<Because>,
}

/// Whose it is, and the key of whoever has it or had it where that is known.
pub(super) fn whose(basis: &Basis<'_>, matched: &Matched, target: usize, row: u32) -> (Whose, Option<Arc<str>>) {
    let claims = &matched.claims[target];
    if let Some(key) = matched.cut[target].get(&row) {
        return (Whose::CutOff, Some(key.clone()));
    }
    if let Some(holder) = claims.holder(row) {
        return (Whose::Claimed, Some(basis.people.key(holder)));
    }
    if claims.contested(row) {
        return (Whose::Contested, None);
    }
    if claims.is_set_aside(row) {
        return (Whose::SetAside, None);
    }
    if let Some(key) = basis.former_key(target, row) {
        return (if ownership::is_strange(basis, target, row) { Whose::SetAside } else { Whose::Former }, Some(key));
    }
    match basis.observed[target].accounts().carries(row) {
        Carries::OtherWorkspace => (Whose::OtherWorkspace, None),
        Carries::Foreign => (Whose::Foreign, None),
        Carries::Nothing | Carries::Ours => (Whose::Nobodys, None),
    }
}

fn known(basis: &Basis<'_>, matched: &Matched, target: usize, row: u32) -> Known {
    let (is, holder) = whose(basis, matched, target, row);
    let of = |holders: Vec<Arc<str>>, because: Vec<Because>| Known { is, holders, because };
    match (is, holder) {
        (Whose::CutOff, Some(key)) => {
            let because = account::revoked(basis, &key);
            of(vec![key], because)
        }
        (Whose::Claimed, Some(key)) => {
            let mut person = Person::default();
            if let Some(holder) = matched.claims[target].holder(row) {
                basis.people.assemble(&basis.layout, holder, &mut person);
            }
            let found = account::found(basis, matched.claims[target].of(person.number), target, row, &person);
            of(vec![key], vec![Because::words(format!("found {found}"))])
        }
        (Whose::Contested, _) => {
            let words = "whose it is can't be told, so nobody gets it, and nothing is planned for it";
            of(candidates(basis, target, row), vec![Because::words(words)])
        }
        (Whose::SetAside, None) => {
            let words = "headcount took its access, or it is not known where its people stand, so it is not taken for an account that nobody declares";
            of(candidates(basis, target, row), vec![Because::words(words)])
        }
        (Whose::SetAside, Some(key)) => {
            let words = "headcount remembers it so, but it has neither their mark nor a name or key of theirs any more, so its id may have been used again: it is left alone";
            of(vec![key], vec![Because::words(words)])
        }
        (Whose::Former, Some(key)) => {
            let because = former(basis, target, row, &key);
            of(vec![key], because)
        }
        _ => of(Vec::new(), stranger(basis, target, row)),
    }
}

/// The people to whom its values lead, or of whom it is remembered.
fn candidates(basis: &Basis<'_>, target: usize, row: u32) -> Vec<Arc<str>> {
    let mut found: BTreeSet<Arc<str>> = basis.former_key(target, row).into_iter().collect();
    let mut person = Person::default();
    for number in 0..basis.people.len() {
        basis.people.values(&basis.layout, number, &mut person);
        if search::hits(basis, target, &search::keys(basis, target, &person)).contains(&row) {
            found.insert(basis.people.key(number));
        }
    }
    found.into_iter().take(MOST).collect()
}

/// Of somebody who is not there any more.
fn former(basis: &Basis<'_>, target: usize, row: u32, key: &str) -> Vec<Because> {
    let marked = basis.observed[target].accounts().marked_key(row).is_some();
    let proof = if marked { "its mark says so" } else { "headcount remembers it so" };
    vec![Because::words(proof), account::nobody(basis, key)]
}

/// Of nobody, as far as headcount knows.
fn stranger(basis: &Basis<'_>, target: usize, row: u32) -> Vec<Because> {
    let (rules, accounts) = (&basis.policy.targets[target], basis.observed[target].accounts());
    let mut because = Vec::new();
    let carries = accounts.carries(row);
    let foreign = matches!(carries, Carries::OtherWorkspace | Carries::Foreign);
    if let Some(marker) = basis.layout.targets[target].marker.as_ref().filter(|_| foreign) {
        let whose = if carries == Carries::OtherWorkspace { "the mark of another workspace's headcount" } else { "no mark of headcount's" };
        because.push(Because::words(format!("its {marker} is {}, {whose}", canonical::text(accounts.cell_of(row, marker)))));
    }
    let words = match rules.ownership {
        Ownership::Authoritative if carries == Carries::OtherWorkspace => {
            format!("{} is authoritative; what another workspace has is left to it all the same", rules.name)
        }
        Ownership::Authoritative => {
            format!("{} is authoritative: what nobody declares goes, once every source was read to its end", rules.name)
        }
        Ownership::Owned | Ownership::Additive | Ownership::Observe => {
            format!("{} is not authoritative: what nobody claims is left alone", rules.name)
        }
    };
    because.push(Because::words(words).at(Some(&rules.place)));
    because
}
