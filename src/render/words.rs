//! What a change is called where a person reads it: "eve loses sign-in", not "deactivate". JSON keeps the terms of the model.
//!
//! Must never: say more than the change holds. A view does not know what was edited since the last plan.

use std::borrow::Cow;

use super::safe;
use super::summary::{is_membership, number};
use crate::model::{Action, Change, Key, ObjectKind, Reason, Risk, Value};

/// A piece of a sentence: names stand out, and each view makes them harmless in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Words(Cow<'static, str>),
    Name(&'a str),
}

/// What a change does, as a sentence about whoever it happens to.
pub(super) fn sentence(change: &Change) -> Vec<Piece<'_>> {
    sentence_of(change, None)
}

/// The same, where it is known what whoever it happens to is displayed as.
pub(super) fn sentence_of<'a>(change: &'a Change, who: Option<&'a str>) -> Vec<Piece<'a>> {
    let who = who.filter(|_| change.object.kind == ObjectKind::Account);
    let name = Piece::Name(who.unwrap_or(&change.object.name));
    if is_membership(change) {
        let (gets, count) = (if change.action.removes() { "loses" } else { "gets" }, change.members.len() as u64);
        let members = format!(" {gets} {} member{}", number(count), if count == 1 { "" } else { "s" });
        return vec![words("group "), name, Piece::Words(members.into())];
    }
    if let Some(given) = change.entitlement.as_deref().map(Piece::Name) {
        return match change.action {
            Action::AddEntitlement => vec![name, words(" gets "), given],
            Action::RemoveEntitlement => vec![name, words(" loses "), given],
            _ => vec![name, words(" keeps "), given, words(", changed")],
        };
    }
    match change.object.kind {
        ObjectKind::Group => vec![words("group "), name, words(of_group(change))],
        // Whose it will be is what a reviewer must know.
        _ if change.action == Action::Adopt => {
            let account = Piece::Name(&change.object.name);
            vec![Piece::Name(who.unwrap_or(&change.object.key)), words(" takes over the existing account "), account]
        }
        _ => match moved(change) {
            Some((from, to)) => vec![name, words(" moves from "), from, words(" to "), to],
            None => vec![name, words(of_account(change))],
        },
    }
}

/// Where an account that goes on stood, and where it will stand.
fn moved(change: &Change) -> Option<(Piece<'_>, Piece<'_>)> {
    let place = change.attributes.iter().find(|changed| changed.attribute.as_ref() == "container" && !changed.sensitive)?;
    (change.action == Action::Update && change.entitlement.is_none() && !change.renames())
        .then(|| (container(place.before.as_ref()), container(place.after.as_ref())))
}

fn container(value: Option<&Value>) -> Piece<'_> {
    value.and_then(Value::as_text).map_or_else(|| words("the top"), Piece::Name)
}

/// Whether the sentence says that it moves.
pub(super) fn moves(change: &Change) -> bool {
    change.object.kind == ObjectKind::Account && moved(change).is_some()
}

/// The same without the name, below a sentence that had it.
pub(super) fn further(change: &Change) -> Vec<Piece<'_>> {
    let mut pieces = sentence(change);
    if !matches!((change.action, change.object.kind), (Action::Adopt, _) | (_, ObjectKind::Group)) {
        pieces.remove(0);
    }
    if let Some(Piece::Words(first)) = pieces.first_mut() {
        *first = first.trim_start().trim_start_matches("'s ").to_owned().into();
    }
    pieces
}

/// What happens to many in the same way. Only what gives or updates is ever told so.
pub(super) fn of_many(count: u64, steps: &[&Change]) -> String {
    let phrases = steps.iter().map(|change| {
        let given = change.entitlement.as_deref().unwrap_or_default();
        match (change.action, change.object.kind) {
            (Action::AddEntitlement, _) => format!("people get {given}"),
            (Action::UpdateEntitlement, _) => format!("people keep {given}, changed"),
            (Action::Create, ObjectKind::Group) => "groups are created".to_owned(),
            (Action::Create, _) => "people get an account".to_owned(),
            (_, ObjectKind::Group) => "groups are updated".to_owned(),
            _ => "accounts are updated".to_owned(),
        }
    });
    let phrases = phrases.enumerate().map(|(at, words)| if at == 0 { words } else { words.replacen("people ", "", 1) });
    format!("{} {}", number(count), phrases.collect::<Vec<_>>().join(", "))
}

fn words(words: &'static str) -> Piece<'static> {
    Piece::Words(Cow::Borrowed(words))
}

fn of_account(change: &Change) -> &'static str {
    match change.action {
        Action::Create => " gets an account",
        Action::Reactivate if change.reason == Reason::Joiner => " gets sign-in",
        Action::Reactivate => " gets sign-in back",
        Action::Deactivate => " loses sign-in",
        Action::Delete => "'s account is deleted",
        Action::EndSessions => " is signed out everywhere",
        _ if change.renames() => " changes sign-in name",
        _ => " is updated",
    }
}

fn of_group(change: &Change) -> &'static str {
    match change.action {
        Action::Create => " is created",
        Action::Adopt => ", which exists, is taken over",
        Action::Delete => " is deleted",
        _ if renamed(change) => " is renamed",
        _ => " is updated",
    }
}

/// Whether an object that stays gets another name: a group, or somebody's name to sign in by.
pub(super) fn renamed(change: &Change) -> bool {
    let displayed = || change.attributes.iter().any(|changed| changed.attribute.as_ref() == "displayName");
    match (change.action, change.object.kind) {
        (Action::Update, ObjectKind::Group) => change.former_key.is_some() || displayed(),
        (Action::Update, _) => change.entitlement.is_none() && change.renames(),
        _ => false,
    }
}

/// Why somebody lost sign-in, behind a number.
pub fn lost_words(reason: Reason, many: usize) -> &'static str {
    let one = many == 1;
    match reason {
        Reason::Leaver | Reason::Due => {
            if one {
                "has left"
            } else {
                "have left"
            }
        }
        Reason::Absent => {
            if one {
                "is in no source any more"
            } else {
                "are in no source any more"
            }
        }
        Reason::Deselected => {
            if one {
                "is covered by no rule any more"
            } else {
                "are covered by no rule any more"
            }
        }
        Reason::Suspended => "on leave",
        Reason::Revoked => "cut off",
        Reason::Declared => "by a manifest",
        Reason::Pruned => "declared nowhere",
        Reason::Joiner | Reason::Mover | Reason::Returned => {
            if one {
                "does not start yet"
            } else {
                "do not start yet"
            }
        }
    }
}

/// Whether somebody gets for the first time what they get.
pub fn is_first(reason: Reason) -> bool {
    reason == Reason::Joiner
}

/// Why, in a few words that are true whatever brought it about; nothing where the sentence says all that is known.
pub(super) fn reason(change: &Change) -> Option<Cow<'_, str>> {
    let key = change.object.key.as_ref();
    let record = !Key::is_user(key);
    let source = safe::line(Key::of_record(key).map_or("what is declared", |(source, _)| source));
    Some(match change.reason {
        // Somebody may have been there for years, and the target is new.
        Reason::Joiner => return None,
        Reason::Mover if is_membership(change) => return None,
        Reason::Mover => match change.action {
            Action::Deactivate => "does not start yet".into(),
            Action::AddEntitlement => "a rule gives it".into(),
            Action::RemoveEntitlement => "no rule gives it any more".into(),
            Action::UpdateEntitlement => "differs from its rule".into(),
            _ if change.object.kind == ObjectKind::Group => "not as declared".into(),
            // Several records may stand behind somebody: which of them says it is told by `explain`.
            _ if record => "differs from the record".into(),
            _ => "differs from its User".into(),
        },
        Reason::Leaver => "has left".into(),
        Reason::Absent if !record => "its User was removed".into(),
        Reason::Absent if Key::is_unclaimed(key) || change.object.kind == ObjectKind::Group => "not there any more".into(),
        Reason::Absent => format!("no longer in {source}").into(),
        Reason::Deselected if change.object.kind == ObjectKind::Group => "nobody has its value any more".into(),
        Reason::Deselected => "no rule covers it any more".into(),
        Reason::Suspended => "on leave".into(),
        Reason::Returned => "is back".into(),
        Reason::Due => "its time is over".into(),
        Reason::Declared => "declared".into(),
        Reason::Revoked => "cut off by a Revocation".into(),
        Reason::Pruned => "not declared".into(),
    })
}

/// What is done, as a verb before a name.
pub fn verb(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "take over",
        Action::Update => "update",
        Action::Reactivate => "give sign-in back to",
        Action::Deactivate => "take sign-in from",
        Action::Delete => "delete",
        Action::AddMembers => "add members of",
        Action::RemoveMembers => "remove members of",
        Action::AddEntitlement => "grant",
        Action::UpdateEntitlement => "change",
        Action::RemoveEntitlement => "withdraw",
        Action::EndSessions => "end sessions of",
    }
}

/// A risk of a change in a few words.
pub(super) fn risk(change: &Change, risk: Risk) -> &'static str {
    match risk {
        Risk::SignIn if matches!(change.action, Action::Deactivate | Action::Delete) => "loses sign-in",
        Risk::SignIn => "changes sign-in name",
        Risk::Irreversible => "can't be undone",
        Risk::Privilege => "privileged",
        Risk::Reactivation => "gets sign-in back",
        Risk::Adoption => "not made by headcount",
        Risk::LastGroup => "left without a group",
        Risk::Stranger => "of somebody whom headcount does not know",
    }
}

/// Whether the sentence of a change says its risk already.
pub(super) fn said(change: &Change, risk: Risk) -> bool {
    match risk {
        Risk::SignIn => matches!(change.action, Action::Deactivate | Action::Delete) || renamed(change),
        Risk::Reactivation => change.action == Action::Reactivate,
        Risk::Irreversible | Risk::Privilege | Risk::Adoption | Risk::LastGroup | Risk::Stranger => false,
    }
}
