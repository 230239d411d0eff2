//! What a revocation will do, what came of it, and the manifest to commit.
//!
//! Must never: show a value of anybody's account.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::sound::Sound;
use crate::cli::output::TextOrJson;
use crate::cli::report::{self, Exit, Failure, notice};
use crate::model::{Key, Receipt, ReceiptWord, StandingRevocation};
use crate::pipeline::revoke::{Done, Ground, Looks, Obstacle, Told};
use crate::render::style::{BAD, GOOD, STRONG, paint};
use crate::render::{headline, safe};

/// Characters of a manifest's name that come from a key.
const NAMED: usize = 40;
/// What a document may cut off without saying so.
const MAX: usize = 10;

/// What would be done, target by target.
pub fn preview(orders: &[StandingRevocation], looks: &Looks, unguarded: &[Arc<str>]) {
    let keys: Vec<_> = orders.iter().map(name_of).collect();
    notice(safe::lines(&format!("To be cut off: {}", keys.join(", "))));
    for (target, look) in looks {
        let target = safe::line(target);
        match look {
            Err(why) => notice(format_args!(
                "  {target}: nothing is known yet ({}); whatever they have there goes as soon as it answers",
                safe::line(why)
            )),
            Ok(look) if look.plan.changes.is_empty() && look.accounts.is_empty() => {
                notice(format_args!("  {target}: no account by link or mark; sources may lead to others"));
            }
            Ok(look) if look.plan.changes.is_empty() => notice(format_args!("  {target}: cut off already")),
            Ok(look) => {
                for change in &look.plan.changes {
                    let held = if change.runs() { "" } else { " (protected: not done)" };
                    notice(format_args!("  {}{held}", headline(change)));
                }
            }
        }
    }
    for target in unguarded {
        notice(format_args!("  {}: {UNGUARDED}", safe::line(target)));
    }
}

/// What is said of a target whose protection may cover anybody.
const UNGUARDED: &str = "its `protect` has an error, so nobody is cut off there before it is mended";

/// By which keys somebody is cut off.
fn name_of(order: &StandingRevocation) -> String {
    let also: Vec<&str> = order.also.iter().map(AsRef::as_ref).collect();
    if also.is_empty() { order.key.to_string() } else { format!("{} (also {})", order.key, also.join(", ")) }
}

/// What came of it, and what is to be said of that.
pub struct RevokeResult<'a> {
    pub done: &'a Done,
    pub ground: &'a Ground,
    pub sound: &'a Sound,
    /// no state was wanted
    pub unstored: bool,
}

impl RevokeResult<'_> {
    /// Writes the receipts and the manifest to stdout. Of slips alone there is nothing to write.
    pub fn write(&self, form: TextOrJson) -> Result<(), Failure> {
        if self.people().next().is_none() {
            return Ok(());
        }
        let orders: Vec<&StandingRevocation> = self.people().collect();
        let manifest = manifest(&orders, self.ground.moment.today);
        match form {
            TextOrJson::Text => report::result(self.text(&manifest).as_bytes()),
            TextOrJson::Json => report::result(format!("{:#}\n", self.document(&manifest)).as_bytes()),
        }
    }

    /// How the command ends. Where nothing but protection is in the way, there is nothing to try again: somebody has to decide.
    pub fn exit(&self) -> Exit {
        let told = self.told();
        let mut obstacles = told.iter().filter_map(|told| told.obstacle).peekable();
        let left = self.ground.state.lost().is_some() || self.sound.lost;
        if obstacles.peek().is_none() {
            if left && self.people().next().is_some() { Exit::Partly } else { Exit::Done }
        } else if !left && obstacles.all(|obstacle| obstacle == Obstacle::Protection) {
            Exit::Refused
        } else {
            Exit::Partly
        }
    }

    /// What became of each who was named by a key, for a last line beside names that were none.
    pub fn outcome(&self) -> String {
        let told = self.told();
        let words = self.people().map(|order| {
            let left = told.iter().any(|told| told.key == order.key && told.obstacle.is_some()) || self.sound.lost;
            format!("{} was {}", order.key, if left { "not cut off everywhere (see above)" } else { "cut off" })
        });
        let slips = self.done.slips.iter().map(|key| format!("{key} is nobody's key"));
        safe::line(&words.chain(slips).collect::<Vec<_>>().join(", ")).into_owned()
    }

    /// Those who are cut off.
    fn people(&self) -> impl Iterator<Item = &StandingRevocation> {
        self.ground.orders.iter().filter(|order| !self.done.slips.contains(&order.key))
    }

    /// With the targets at which nothing may be done.
    fn told(&self) -> Vec<Told> {
        let mut told = self.done.told.clone();
        for target in &self.sound.unguarded {
            let (outcome, message) = (ReceiptWord::Failed, Some(UNGUARDED.into()));
            let receipt = Receipt { target: target.clone(), outcome, message, tries: 0, at: self.ground.moment.now };
            told.extend(self.people().map(|order| Told {
                key: order.key.clone(),
                receipt: receipt.clone(),
                obstacle: Some(Obstacle::Lasting),
            }));
        }
        told
    }

    fn text(&self, manifest: &str) -> String {
        let told = self.told();
        let receipts: Vec<(&str, &Receipt)> = sorted(&told).map(|told| (told.key.as_ref(), &told.receipt)).collect();
        let mut text = receipts_text(&receipts, |key| self.known_as(key));
        let _ = writeln!(text, "{}\n\nCommit this; removing it gives back what the rules of that day give:\n\n{manifest}", self.verdict());
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    fn verdict(&self) -> String {
        let told = self.told();
        let everywhere = told.iter().all(|told| told.obstacle.is_none());
        if let Some(why) = self.ground.state.lost() {
            let cut = if everywhere && !self.sound.lost { "Cut off" } else { "Not cut off everywhere" };
            let words = format!(
                "{cut}, and not remembered ({}): commit this before the next `headcount apply`, or it undoes it.",
                safe::line(&why)
            );
            return paint(BAD, words).to_string();
        }
        if everywhere && self.sound.lost {
            let words =
                "Cut off at every target that is known. A document that can't be read may be one more: mend it, and run this again.";
            return paint(BAD, words).to_string();
        }
        match self.exit() {
            Exit::Done if self.unstored => {
                paint(GOOD.bold(), "Cut off, and not remembered: commit this before the next `headcount apply`, or it undoes it.").to_string()
            }
            Exit::Done => paint(GOOD.bold(), "Cut off.").to_string(),
            Exit::Refused => paint(
                BAD,
                "Not cut off everywhere: protection refuses the rest. It stays in force: without the protection, `headcount apply` does it.",
            )
            .to_string(),
            _ if self.unstored => paint(BAD, "Not cut off everywhere, and not remembered: commit this, and run `headcount apply`.").to_string(),
            _ => paint(BAD, "Not cut off everywhere. It stays in force: every `headcount apply` tries again.").to_string(),
        }
    }

    /// An identity by its key, with the other keys of its that turned up.
    fn known_as(&self, key: &str) -> String {
        let at = self.ground.orders.iter().position(|order| order.key.as_ref() == key);
        let Some(person) = at.and_then(|at| self.done.people.get(at)) else { return key.to_owned() };
        let others: Vec<&str> = std::iter::once(&person.key).chain(&person.also).map(AsRef::as_ref).filter(|other| *other != key).collect();
        if others.is_empty() { key.to_owned() } else { format!("{key} (also {})", others.join(", ")) }
    }

    fn document(&self, manifest: &str) -> Json {
        let told = self.told();
        let receipts: Vec<Json> = sorted(&told)
            .map(|Told { key, receipt, .. }| {
                let (target, outcome) = (&receipt.target, receipt.outcome);
                json!({"identity": key, "target": target, "outcome": outcome, "message": receipt.message, "tries": receipt.tries})
            })
            .collect();
        let keys: Vec<_> = self.people().map(|order| &order.key).collect();
        let complete = told.iter().all(|told| told.receipt.outcome.holds()) && !self.sound.lost;
        let remembered = !self.unstored && self.ground.state.lost().is_none();
        let unknown = &self.done.slips;
        json!({
            "formatVersion": 1, "revoked": keys, "unknown": unknown, "complete": complete, "remembered": remembered, "receipts": receipts,
            "manifest": manifest
        })
    }
}

/// Receipts, identity by identity.
pub fn receipts_text(receipts: &[(&str, &Receipt)], known_as: impl Fn(&str) -> String) -> String {
    let widest = receipts.iter().map(|(_, receipt)| receipt.target.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    let mut last = None;
    for (key, receipt) in receipts {
        if last != Some(key) {
            let _ = writeln!(text, "{}", paint(STRONG, safe::line(&known_as(key))));
            last = Some(key);
        }
        let style = if receipt.outcome.holds() { GOOD } else { BAD };
        let word = paint(style, receipt.outcome.words());
        let message = receipt.message.as_deref().map(|words| format!(": {}", safe::line(words))).unwrap_or_default();
        let _ = writeln!(text, "  {:widest$}  {word}{message}", safe::line(&receipt.target));
    }
    text
}

fn sorted(told: &[Told]) -> impl Iterator<Item = &Told> {
    let mut sorted: Vec<&Told> = told.iter().collect();
    sorted.sort_by(|one, other| (&one.key, &one.receipt.target).cmp(&(&other.key, &other.receipt.target)));
    sorted.into_iter()
}

/// The document that says the same, ready to be pasted. JSON's strings are YAML's, too.
fn manifest(revocations: &[&StandingRevocation], today: Date) -> String {
    let Some(first) = revocations.first() else { return String::new() };
    let mut text = String::from("apiVersion: headcount.dev/v1alpha1\nkind: Revocation\n");
    let _ = writeln!(text, "metadata: {{name: {}}}\nspec:", name(&first.key, today));
    // Single accounts are never named beside people.
    let list = if Key::of_account(&first.key).is_some() { "accounts" } else { "identities" };
    let _ = writeln!(text, "  {list}:");
    for revocation in revocations {
        let _ = match Key::of(&revocation.key) {
            Some(Key::Account { target, id }) => writeln!(text, "  - {{target: {}, id: {}}}", quoted(target), quoted(id)),
            Some(Key::User { name }) => writeln!(text, "  - {{user: {}}}", quoted(name)),
            Some(Key::Record { source, key }) => writeln!(text, "  - {{identity: {{source: {}, key: {}}}}}", quoted(source), quoted(key)),
            _ => Ok(()),
        };
    }
    let _ = writeln!(text, "  reason: {}", quoted(&first.reason));
    if let Some(until) = first.until {
        let _ = writeln!(text, "  until: \"{until}\"");
    }
    if revocations.len() > MAX {
        let _ = writeln!(text, "  max: {}", revocations.len());
    }
    text
}

fn quoted(text: &str) -> Json {
    Json::from(text)
}

/// A name that Kubernetes takes, with the day in it.
fn name(key: &str, today: Date) -> String {
    let plain: String =
        key.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }).take(NAMED).collect();
    format!("{}-{today}", plain.trim_matches('-'))
}
