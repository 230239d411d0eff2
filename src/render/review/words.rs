//! What happens to people and groups, in a reviewer's words: "7 people join Leads at chat and intranet". One table for every view.
//!
//! Must never: name an action of the model, or say in the present what is withheld.

use std::borrow::Cow;
use std::sync::Arc;

use super::pieces::{CommonAlong, Piece, PieceKind};
use crate::diagnostic::Place;
use crate::model::{Key, Reason};
use crate::render::summary::number;
use crate::review::{
    Along, AtomGroup, Divergence, DocumentChange, DocumentDifference, EffectKind, FieldChange, HeldBy, ReviewRisk, ReviewTotals, RiskKind,
    VerdictLevel, Who,
};

/// A part of a sentence. Each view makes names harmless in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phrase {
    /// ours
    Words(Cow<'static, str>),
    /// from outside
    Name(Arc<str>),
    /// what stands out begins or ends
    Strong,
}

/// A sentence in its parts.
pub type Sentence = Vec<Phrase>;

/// What happens: of one, of many, and after "would". Between stars stands what stands out; in braces what it is about.
pub fn say(effect: EffectKind) -> [&'static str; 3] {
    match effect {
        EffectKind::LosesSignIn => ["*loses sign-in*", "*lose sign-in*", "*lose sign-in*"],
        EffectKind::Deleted => [
            "has an account that *is deleted*, which can't be undone",
            "have accounts that *are deleted*, which can't be undone",
            "have accounts that *are deleted*, which can't be undone",
        ],
        EffectKind::SignedOut => ["is *signed out everywhere*", "are *signed out everywhere*", "be *signed out everywhere*"],
        EffectKind::ChangesSignIn => ["gets *another user name*", "get *another user name*", "get *another user name*"],
        EffectKind::GetsPrivilege => ["*gets {}*, which is privileged", "*get {}*, which is privileged", "*get {}*, which is privileged"],
        EffectKind::RegainsSignIn => ["*regains sign-in*", "*regain sign-in*", "*regain sign-in*"],
        EffectKind::TakesOver => [
            "has an existing account that is *taken over*",
            "have existing accounts that are *taken over*",
            "have existing accounts *taken over*",
        ],
        EffectKind::Leaves => ["*leaves {}*", "*leave {}*", "*leave {}*"],
        EffectKind::LosesGrant => ["*loses {}*", "*lose {}*", "*lose {}*"],
        EffectKind::GetsAccount => ["*gets an account*", "*get an account*", "*get an account*"],
        EffectKind::Joins => ["*joins {}*", "*join {}*", "*join {}*"],
        EffectKind::GetsGrant => ["*gets {}*", "*get {}*", "*get {}*"],
        EffectKind::ChangesGrant => ["gets *another {}*", "get *another {}*", "get *another {}*"],
        EffectKind::Changes => ["gets *another {}*", "get *another {}*", "get *another {}*"],
        EffectKind::GroupDeleted => ["is *deleted*, which can't be undone", "are *deleted*, which can't be undone", "be *deleted*"],
        EffectKind::GroupMade => ["is *made*", "are *made*", "be *made*"],
        EffectKind::GroupTakenOver => {
            ["that is there already is *taken over*", "that are there already are *taken over*", "be *taken over*"]
        }
        EffectKind::GroupChanges => ["gets *another {}*", "get *another {}*", "get *another {}*"],
    }
}

/// The same of what was pending and does not happen any more.
pub fn say_cancelled(effect: EffectKind) -> [&'static str; 2] {
    match effect {
        EffectKind::LosesSignIn => ["*keeps sign-in*", "*keep sign-in*"],
        EffectKind::Deleted => ["keeps an account that *would be deleted*", "keep accounts that *would be deleted*"],
        EffectKind::SignedOut => ["is *not signed out* any more", "are *not signed out* any more"],
        EffectKind::ChangesSignIn => ["*keeps the user name*", "*keep their user names*"],
        EffectKind::GetsPrivilege => ["does *not get {}*, which is privileged", "do *not get {}*, which is privileged"],
        EffectKind::RegainsSignIn => ["does *not regain sign-in*", "do *not regain sign-in*"],
        EffectKind::TakesOver => ["has an account that is *not taken over*", "have accounts that are *not taken over*"],
        EffectKind::Leaves => ["*stays in {}*", "*stay in {}*"],
        EffectKind::LosesGrant => ["*keeps {}*", "*keep {}*"],
        EffectKind::GetsAccount => ["gets *no account*", "get *no account*"],
        EffectKind::Joins => ["does *not join {}*", "do *not join {}*"],
        EffectKind::GetsGrant => ["does *not get {}*", "do *not get {}*"],
        EffectKind::ChangesGrant | EffectKind::Changes | EffectKind::GroupChanges => ["keeps *the {}* of today", "keep *the {}* of today"],
        EffectKind::GroupDeleted => ["is *not deleted*", "are *not deleted*"],
        EffectKind::GroupMade => ["is *not made*", "are *not made*"],
        EffectKind::GroupTakenOver => ["is *not taken over*", "are *not taken over*"],
    }
}

/// One sign before a line, always with the word.
pub fn sign(effect: EffectKind, how: Divergence) -> char {
    let sign = match effect {
        EffectKind::LosesSignIn
        | EffectKind::Deleted
        | EffectKind::GroupDeleted
        | EffectKind::SignedOut
        | EffectKind::Leaves
        | EffectKind::LosesGrant => '-',
        EffectKind::GetsPrivilege
        | EffectKind::RegainsSignIn
        | EffectKind::GetsAccount
        | EffectKind::GroupMade
        | EffectKind::Joins
        | EffectKind::GetsGrant => '+',
        EffectKind::TakesOver | EffectKind::GroupTakenOver => '&',
        EffectKind::ChangesSignIn | EffectKind::ChangesGrant | EffectKind::Changes | EffectKind::GroupChanges => '~',
    };
    match (how, sign) {
        (Divergence::Cancels, '-') => '+',
        (Divergence::Cancels, '+') => '-',
        (_, sign) => sign,
    }
}

/// `121 people lose sign-in at chat, and leave Finance`: what a piece comes to, without its names.
pub fn heading(piece: &Piece<'_>) -> Sentence {
    let mut sentence = subject(piece);
    let count = piece.people();
    let Some(group) = piece.groups.first() else { return sentence };
    if piece.kind == PieceKind::Persons {
        sentence.extend(template(if count == 1 { "gets *other data*" } else { "get *other data*" }, &[]));
    } else {
        sentence.extend(predicate(group, count));
    }
    place(&mut sentence, &piece.targets());
    match piece.along() {
        CommonAlong::Same(along) => {
            sentence.push(words(", and "));
            sentence.extend(along_words(along, count != 1));
        }
        CommonAlong::Various => sentence.push(words(what_goes_along(piece))),
        CommonAlong::None => {}
    }
    sentence.extend(because(group));
    sentence
}

/// Where: before what follows from it. `get Leads at chat, which is privileged`
fn place(sentence: &mut Sentence, targets: &[Arc<str>]) {
    let follows = |span: &mut Phrase| matches!(span, Phrase::Words(words) if words.starts_with(", which"));
    let last = sentence.pop_if(follows);
    sentence.extend(at(targets));
    sentence.extend(last);
}

/// `7 people`, `the group`.
fn subject(piece: &Piece<'_>) -> Sentence {
    let count = piece.people();
    let of_people = piece.groups.first().is_none_or(|group| group.effect.is_of_people());
    let would = if piece.withheld() { " would " } else { " " };
    let one = if of_people { "person" } else { "group" };
    let many = if of_people { "people" } else { "groups" };
    vec![Phrase::Words(format!("{} {}{would}", number(count), if count == 1 { one } else { many }).into())]
}

/// `joins Leads`, `lose sign-in`, after the subject.
fn predicate(group: &AtomGroup, count: u64) -> Sentence {
    let [one, many, bare] = say(group.effect);
    let [stays, stay] = say_cancelled(group.effect);
    let text = match (group.how, group.withheld, count == 1) {
        (Divergence::Cancels, _, true) => stays,
        (Divergence::Cancels, _, false) => stay,
        (_, true, _) => bare,
        // Nobody had it before who is new.
        (_, _, true) if first_time(group) => "*gets sign-in*",
        (_, _, false) if first_time(group) => "*get sign-in*",
        (_, _, true) => one,
        (_, _, false) => many,
    };
    template(text, &object(group))
}

/// What a group of atoms is about: `limit of travel-card`, `Leads`, `title`.
pub fn object(group: &AtomGroup) -> Sentence {
    match (&group.what, &group.parameter) {
        (Some(what), Some(parameter)) => vec![Phrase::Name(parameter.clone()), words(" of "), Phrase::Name(what.clone())],
        (Some(what), None) => vec![about(group.effect, what)],
        (None, _) => Vec::new(),
    }
}

fn first_time(group: &AtomGroup) -> bool {
    group.effect == EffectKind::RegainsSignIn && matches!(group.reason, Reason::Joiner)
}

fn is_attribute(effect: EffectKind) -> bool {
    matches!(effect, EffectKind::Changes | EffectKind::GroupChanges | EffectKind::ChangesSignIn)
}

/// SCIM's names as people say them: `displayName` is the display name.
pub fn attribute(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    let mut words = String::with_capacity(last.len() + 4);
    for letter in crate::render::safe::line(last).chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// ` at chat and intranet`
pub fn at(targets: &[Arc<str>]) -> Sentence {
    const SHOWN: usize = 4;
    if targets.is_empty() {
        return Vec::new();
    }
    let mut sentence = vec![words(" at ")];
    sentence.extend(listed(targets, SHOWN, "targets"));
    sentence
}

/// `a, b and c`; of a long list so many, and how many more.
pub fn listed(names: &[Arc<str>], most: usize, more: &str) -> Sentence {
    let shown = names.get(..most).unwrap_or(names);
    let left = names.len() - shown.len();
    let mut sentence = Vec::new();
    for (place, name) in shown.iter().enumerate() {
        if place > 0 {
            sentence.push(words(if place + 1 == shown.len() && left == 0 { " and " } else { ", " }));
        }
        sentence.push(Phrase::Name(name.clone()));
    }
    if left > 0 {
        let space = if more.is_empty() { "" } else { " " };
        sentence.push(Phrase::Words(format!(" and {} more{space}{more}", number(left as u64)).into()));
    }
    sentence
}

/// `leaves Apps and Product, loses travel-card`: what goes along with an account.
pub fn along_words(along: &[Along], many: bool) -> Sentence {
    const SHOWN: usize = 6;
    let mut sentence = Vec::new();
    for (place, same) in along.chunk_by(|one, next| one.effect == next.effect).enumerate() {
        if place > 0 {
            sentence.push(words(", "));
        }
        let [one, plural, _] = say(same.first().map_or(EffectKind::Joins, |along| along.effect));
        let what: Vec<Arc<str>> = same.iter().map(|along| along.what.clone()).collect();
        let text = if many { plural } else { one }.replace('*', "");
        sentence.extend(template(&text, &listed(&what, SHOWN, "")));
    }
    sentence
}

fn what_goes_along(piece: &Piece<'_>) -> &'static str {
    let along = || piece.groups.iter().flat_map(|group| &group.who).flat_map(|line| &line.along);
    let is_grant = |along: &Along| matches!(along.effect, EffectKind::GetsGrant | EffectKind::LosesGrant);
    match (along().any(is_grant), along().all(is_grant)) {
        (true, true) => ", with grants",
        (true, false) => ", with memberships and grants",
        _ => ", with memberships",
    }
}

/// Why, where a record or a rule other than the branch's brought it about.
fn because(group: &AtomGroup) -> Sentence {
    if group.cause.is_some() || group.how == Divergence::Cancels {
        return Vec::new();
    }
    reason(group.reason, group.effect, group.who.first().map(|line| &line.who))
}

/// The same of a risk.
pub fn because_of(risk: &ReviewRisk) -> Sentence {
    match (risk.reason, risk.effect, risk.cause) {
        (Some(why), Some(effect), None) if risk.risk != RiskKind::KeepsAccess => reason(why, effect, risk.who.first()),
        _ => Vec::new(),
    }
}

fn reason(reason: Reason, effect: EffectKind, who: Option<&Who>) -> Sentence {
    let key = who.map(|who| who.key.as_ref()).unwrap_or_default();
    let source = || Key::of_record(key).map(|(source, _)| Phrase::Name(source.into()));
    let of_people = effect.is_of_people();
    match reason {
        Reason::Leaver => match source() {
            Some(source) => vec![words(", because "), source, words(" says that they have left")],
            None => vec![words(", having left")],
        },
        Reason::Absent if Key::is_user(key) => vec![words(", because a User was removed")],
        Reason::Absent => match source().filter(|_| of_people) {
            Some(source) => vec![words(", because they are gone from "), source],
            None => vec![words(", being gone")],
        },
        Reason::Deselected if of_people => vec![words(", because no rule covers them any more")],
        Reason::Deselected => vec![words(", because nobody has the value any more")],
        Reason::Suspended => vec![words(", being on leave")],
        Reason::Returned => vec![words(", being back")],
        Reason::Due => vec![words(", because a grace period is over")],
        Reason::Revoked => vec![words(", being cut off by a Revocation")],
        Reason::Pruned => vec![words(", because no manifest declares it")],
        Reason::Mover if matches!(effect, EffectKind::Changes | EffectKind::ChangesSignIn) => match source() {
            Some(source) => vec![words(", as "), source, words(" has it")],
            None => Vec::new(),
        },
        Reason::Joiner | Reason::Mover | Reason::Declared => Vec::new(),
    }
}

/// A text with stars and braces in its parts.
pub fn template(text: &str, what: &[Phrase]) -> Sentence {
    let mut sentence = Vec::new();
    for (place, part) in text.split('*').enumerate() {
        if place > 0 {
            sentence.push(Phrase::Strong);
        }
        match part.split_once("{}") {
            Some((before, after)) => {
                sentence.push(owned(before));
                sentence.extend(what.iter().cloned());
                sentence.push(owned(after));
            }
            None => sentence.push(owned(part)),
        }
    }
    sentence.retain(|span| !matches!(span, Phrase::Words(words) if words.is_empty()));
    sentence
}

fn owned(words: &str) -> Phrase {
    Phrase::Words(Cow::Owned(words.to_owned()))
}

/// Words of ours.
pub fn words(words: &'static str) -> Phrase {
    Phrase::Words(Cow::Borrowed(words))
}

/// `**121 people lose sign-in at chat**`, of a risk; of one person by name.
pub fn risk(risk: &ReviewRisk) -> Sentence {
    let mut sentence = vec![Phrase::Strong];
    match risk.effect {
        Some(effect) => {
            let how = if risk.risk == RiskKind::KeepsAccess { Divergence::Cancels } else { Divergence::Adds };
            let one = effect.is_of_people() && risk.people == 1 || !effect.is_of_people() && risk.who.len() == 1;
            match risk.who.first().filter(|_| one && risk.who.len() == 1) {
                Some(who) if !effect.is_of_people() => sentence.extend([words("group "), Phrase::Name(who.name.clone())]),
                Some(who) => sentence.push(Phrase::Name(who.name.clone())),
                None => sentence.extend(counted(effect, risk)),
            }
            sentence.push(words(" "));
            let ([stays, stay], [happens, happen, _]) = (say_cancelled(effect), say(effect));
            let text = match (how, one) {
                (Divergence::Cancels, true) => stays,
                (Divergence::Cancels, false) => stay,
                (_, true) => happens,
                (_, false) => happen,
            };
            let what: Vec<Phrase> = risk.what.iter().map(|what| about(effect, what)).collect();
            sentence.extend(template(&text.replace('*', ""), &what));
            place(&mut sentence, &risk.targets);
        }
        None => sentence.extend(without_effect(risk)),
    }
    sentence.push(Phrase::Strong);
    sentence
}

fn counted(effect: EffectKind, risk: &ReviewRisk) -> Sentence {
    let (count, word) = if effect.is_of_people() { (risk.people, "people") } else { (risk.who.len() as u64, "groups") };
    vec![Phrase::Words(if count == 1 { "1 person".to_owned() } else { format!("{} {word}", number(count)) }.into())]
}

/// A group that empties, with its sizes; or what a preview does not use.
fn without_effect(risk: &ReviewRisk) -> Sentence {
    let name = risk.what.clone().or_else(|| risk.who.first().map(|who| who.name.clone())).unwrap_or_else(|| Arc::from(""));
    if risk.risk != RiskKind::GroupEmpties {
        let what = if risk.risk == RiskKind::NotPreviewed { " is not previewed" } else { " allows more than before" };
        return vec![Phrase::Name(name), words(what)];
    }
    let mut sentence = vec![Phrase::Name(name), words(" shrinks")];
    for (place, size) in risk.sizes.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let members = if place > 0 { String::new() } else { format!(" member{}", if size.before == 1 { "" } else { "s" }) };
        sentence.push(Phrase::Words(format!("{comma} from {}{members} to {} at ", number(size.before), number(size.after)).into()));
        sentence.push(Phrase::Name(size.target.clone()));
    }
    sentence
}

/// What a phrase is about: a group or an entitlement by its name, an attribute in words.
fn about(effect: EffectKind, what: &Arc<str>) -> Phrase {
    if is_attribute(effect) { Phrase::Words(attribute(what).into()) } else { Phrase::Name(what.clone()) }
}

/// Why, as a heading of what no document is behind.
pub fn reason_title(group: &AtomGroup) -> String {
    let key = group.who.first().map(|line| line.who.key.as_ref()).unwrap_or_default();
    let source = Key::of_record(key).map_or("a manifest", |(source, _)| source);
    let source = crate::render::safe::line(source);
    match group.reason {
        Reason::Joiner => "New here".to_owned(),
        Reason::Mover => "Other data or rules".to_owned(),
        Reason::Leaver => format!("{source} says that they have left"),
        Reason::Absent => format!("Gone from {source}"),
        Reason::Deselected => "No rule covers them any more".to_owned(),
        Reason::Suspended => "On leave".to_owned(),
        Reason::Returned => "Back again".to_owned(),
        Reason::Due => "A grace period is over".to_owned(),
        Reason::Declared => "A manifest says so".to_owned(),
        Reason::Revoked => "Cut off by a Revocation".to_owned(),
        Reason::Pruned => "Declared nowhere".to_owned(),
    }
}

/// What happens, as something to choose or to count.
pub fn pick(effect: EffectKind) -> &'static str {
    match effect {
        EffectKind::LosesSignIn => "lose sign-in",
        EffectKind::Deleted => "accounts deleted",
        EffectKind::GroupDeleted => "groups deleted",
        EffectKind::SignedOut => "signed out",
        EffectKind::ChangesSignIn => "another user name",
        EffectKind::GetsPrivilege => "get something privileged",
        EffectKind::RegainsSignIn => "regain sign-in",
        EffectKind::TakesOver => "accounts taken over",
        EffectKind::GroupTakenOver => "groups taken over",
        EffectKind::Leaves => "leave a group",
        EffectKind::LosesGrant => "lose an entitlement",
        EffectKind::GetsAccount => "get an account",
        EffectKind::GroupMade => "new groups",
        EffectKind::GroupChanges => "groups that change",
        EffectKind::Joins => "join a group",
        EffectKind::GetsGrant => "get an entitlement",
        EffectKind::ChangesGrant => "another entitlement",
        EffectKind::Changes => "other data",
    }
}

/// The same behind how many there are.
pub fn picked(effect: EffectKind, count: u64) -> &'static str {
    match effect {
        _ if count != 1 => pick(effect),
        EffectKind::LosesSignIn => "loses sign-in",
        EffectKind::Deleted => "account deleted",
        EffectKind::GroupDeleted => "group deleted",
        EffectKind::GetsPrivilege => "gets something privileged",
        EffectKind::RegainsSignIn => "regains sign-in",
        EffectKind::TakesOver => "account taken over",
        EffectKind::GroupTakenOver => "group taken over",
        EffectKind::Leaves => "leaves a group",
        EffectKind::LosesGrant => "loses an entitlement",
        EffectKind::GetsAccount => "gets an account",
        EffectKind::GroupMade => "new group",
        EffectKind::GroupChanges => "group that changes",
        EffectKind::Joins => "joins a group",
        EffectKind::GetsGrant => "gets an entitlement",
        EffectKind::SignedOut | EffectKind::ChangesSignIn | EffectKind::ChangesGrant | EffectKind::Changes => pick(effect),
    }
}

/// Which way it goes: taken, to look at twice, given, or changed.
pub fn side(effect: EffectKind) -> &'static str {
    match effect {
        EffectKind::ChangesSignIn
        | EffectKind::GetsPrivilege
        | EffectKind::RegainsSignIn
        | EffectKind::TakesOver
        | EffectKind::GroupTakenOver => "warn",
        effect => match sign(effect, Divergence::Adds) {
            '-' => "lose",
            '+' => "gain",
            _ => "edit",
        },
    }
}

/// `rule a → b`, of a document with one field that differs; of several what they are.
pub fn of_document(change: &DocumentChange, code: &dyn Fn(&str) -> String) -> String {
    const LONG: usize = 180;
    const SHOWN: usize = 4;
    match (change.what, change.fields.as_slice()) {
        (DocumentDifference::Added, _) => "new".to_owned(),
        (DocumentDifference::Removed, _) => "removed".to_owned(),
        (DocumentDifference::Moved, _) => "moved".to_owned(),
        (_, []) => String::new(),
        (_, [only]) => {
            let words = of_field(only, code);
            if words.chars().count() <= LONG { words } else { format!("another {}", code(field(&only.path))) }
        }
        (_, fields) => {
            let names: Vec<String> = fields.iter().take(SHOWN).map(|one| code(field(&one.path))).collect();
            let more = fields.len() - names.len();
            let more = if more > 0 { format!(" and {} more", number(more as u64)) } else { String::new() };
            format!("other {}{more}", names.join(", "))
        }
    }
}

/// One field, before and after.
pub fn of_field(change: &FieldChange, code: &dyn Fn(&str) -> String) -> String {
    let path = code(field(&change.path));
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{path} {} → {}", code(before), code(after)),
        (None, Some(after)) => format!("new {path} {}", code(after)),
        (Some(before), None) => format!("{path} removed, was {}", code(before)),
        (None, None) => path,
    }
}

/// What holds changes, after `held by`.
pub fn gate(by: HeldBy) -> &'static str {
    match by {
        HeldBy::Suspend => "a suspension",
        HeldBy::Window => "a window",
        HeldBy::Drift => "`drift`, which leaves it to others",
        HeldBy::Approval => "approval",
    }
}

/// What is pending, in a line.
pub fn pending(totals: &ReviewTotals) -> String {
    let mut text = changes(totals.changes);
    if totals.people > 0 {
        text.push_str(&format!(" for {}", crate::render::summary::people(totals.people)));
    }
    let parts = [(totals.lose_sign_in, ["loses sign-in", "lose sign-in"]), (totals.get_account, ["gets an account", "get accounts"])];
    let told = parts.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> =
        told.map(|(count, [one, many])| format!("{} {}", number(*count), if *count == 1 { one } else { many })).collect();
    if !told.is_empty() {
        text.push_str(&format!("; {}", told.join(", ")));
    }
    if totals.held > 0 {
        text.push_str(&format!("; {} more held, with this branch, too", number(totals.held)));
    }
    text
}

/// A field as the document has it: `spec.` goes without saying.
pub fn field(path: &str) -> &str {
    path.strip_prefix("spec.").unwrap_or(path)
}

/// Where a document begins at head.
pub fn place_of(change: &DocumentChange) -> Option<Place> {
    change.head.as_ref().map(|lines| Place { file: lines.file.clone(), line: lines.first, column: 1 })
}

/// A verdict in one word, for where there is no colour and no icon.
pub fn level(level: VerdictLevel) -> &'static str {
    match level {
        VerdictLevel::None => "No changes",
        VerdictLevel::Clean => "Nothing to check",
        VerdictLevel::Intent => "Intent only",
        VerdictLevel::Check => "Please check",
        VerdictLevel::Undecided => "Not decided",
        VerdictLevel::Incomplete => "Incomplete",
        VerdictLevel::Blocked => "Blocked",
    }
}

/// What a reviewer should ask of a risk, behind what happens.
pub fn advice(risk: RiskKind) -> &'static str {
    match risk {
        RiskKind::KeepsAccess => "It was pending to go.",
        RiskKind::Adoption => "headcount writes to what was there before.",
        RiskKind::NotPreviewed => "What the branch does there is known once it is merged.",
        RiskKind::Loosened => "It applies from the run after the merge on.",
        _ => "",
    }
}

/// `1 change`, `2,098 changes`
pub fn changes(count: u64) -> String {
    crate::render::count(count, "change")
}
