//! What came of it at one target, in one word for each person, and what is in the way.
//!
//! Must never: say that somebody has no account, or is cut off, where something was refused or nobody could look.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::ground::{Ground, Obstacle, Told};
use super::target::TargetSession;
use crate::model::{FindingCode, Plan, Receipt, ReceiptWord, Severity};
use crate::pipeline::receipts::concerned;

/// What is wrong with somebody at a target, by the order's key.
pub(super) type Troubles = BTreeMap<Arc<str>, Trouble>;

/// What is wrong with one identity at one target.
pub(super) struct Trouble {
    words: String,
    word: ReceiptWord,
    obstacle: Obstacle,
    /// a finding of the last plan
    from_plan: bool,
}

/// The first that is noted stands.
pub(super) fn note(troubles: &mut Troubles, key: Arc<str>, word: ReceiptWord, words: &str, obstacle: Obstacle) {
    troubles.entry(key).or_insert_with(|| Trouble { words: words.to_owned(), word, obstacle, from_plan: false });
}

/// What is found beside other trouble is told beside it, and as long as trying again may help with one of them it is tried again.
fn beside(troubles: &mut Troubles, key: &Arc<str>, found: Trouble) {
    match troubles.get_mut(key).filter(|known| known.from_plan) {
        None => _ = troubles.insert(key.clone(), found),
        Some(known) => {
            if known.obstacle == Obstacle::Lasting {
                (known.obstacle, known.word) = (found.obstacle, found.word);
            }
            known.words = format!("{}; {}", known.words, found.words);
        }
    }
}

/// The same for all of them.
pub(super) fn everybody(ground: &Ground, word: ReceiptWord, words: &str) -> Troubles {
    let trouble = || Trouble { words: words.to_owned(), word, obstacle: Obstacle::Passing, from_plan: false };
    ground.orders.iter().map(|order| (order.key.clone(), trouble())).collect()
}

/// Of a target that never gave an answer.
pub(super) fn nothing(ground: &Ground, at: usize) -> Vec<Told> {
    let target = &ground.policy.targets[at].name;
    let receipt = || Receipt {
        target: target.clone(),
        outcome: ReceiptWord::Unreachable,
        message: Some("it gave no answer before the time was over".into()),
        tries: 1,
        at: Timestamp::now(),
    };
    let here = ground.orders.iter().filter(|order| order.is_at(target));
    here.map(|order| Told { key: order.key.clone(), receipt: receipt(), obstacle: Some(Obstacle::Passing) }).collect()
}

impl TargetSession<'_> {
    /// What a look after the work still shows.
    pub(super) fn judge(&self, plan: &Plan, troubles: &mut Troubles) {
        for change in plan.changes.iter().filter(|change| change.runs()) {
            for key in concerned(change).iter().flat_map(|key| self.order_of(key)) {
                note(troubles, key, ReceiptWord::Failed, "something is left or came back", Obstacle::Passing);
            }
        }
        for finding in plan.findings.iter().filter(|finding| finding.subject.system.as_ref() == Some(&self.name)) {
            let (word, obstacle) = match (finding.severity, finding.code) {
                (Severity::Incomplete, _) => (ReceiptWord::Unreachable, Obstacle::Passing),
                (Severity::Refused, FindingCode::Protected) => (ReceiptWord::Failed, Obstacle::Protection),
                (Severity::Error, _) => (ReceiptWord::Failed, Obstacle::Lasting),
                _ => continue,
            };
            let about = |key: &Arc<str>| finding.subject.key.as_ref().is_none_or(|known| self.order_of(known).as_ref() == Some(key));
            for key in self.ground.orders.iter().map(|order| &order.key).filter(|key| about(key)) {
                if obstacle != Obstacle::Protection {
                    beside(troubles, key, Trouble { words: finding.message.clone(), word, obstacle, from_plan: true });
                } else if self.is_withheld(plan, key) {
                    // What failed beside it can still be done, so that counts more.
                    note(troubles, key.clone(), word, "it is protected", obstacle);
                }
            }
        }
    }

    fn is_withheld(&self, plan: &Plan, key: &Arc<str>) -> bool {
        let withheld = plan.changes.iter().filter(|change| !change.runs());
        withheld.flat_map(concerned).any(|concerned| self.order_of(&concerned).as_ref() == Some(key))
    }

    /// One for each person.
    pub(super) fn receipts(&self, troubles: &Troubles, tries: u32) -> Vec<Told> {
        let here = self.ground.orders.iter().filter(|order| order.is_at(&self.name));
        here.map(|order| self.receipt(&order.key, troubles.get(&order.key), tries)).collect()
    }

    fn receipt(&self, key: &Arc<str>, trouble: Option<&Trouble>, tries: u32) -> Told {
        let unseen = self.unseen.as_ref().filter(|_| !self.known.contains(key));
        let (outcome, message, obstacle) = match (trouble, self.unsure.as_ref().or(unseen)) {
            (Some(trouble), _) => (trouble.word, Some(Arc::from(trouble.words.as_str())), Some(trouble.obstacle)),
            _ if self.seen.done.contains(key) => (ReceiptWord::Done, None, None),
            _ if self.seen.found.contains(key) => (ReceiptWord::AlreadySo, None, None),
            (None, None) => (ReceiptWord::NoAccount, None, None),
            // Trying again at the target does not help: it answered.
            (None, Some(why)) => {
                let words = format!("no account by link or mark, and others could not be looked for: {why}");
                (ReceiptWord::Unreachable, Some(Arc::from(words)), Some(Obstacle::Lasting))
            }
        };
        let receipt = Receipt { target: self.name.clone(), outcome, message, tries, at: Timestamp::now() };
        Told { key: key.clone(), receipt, obstacle }
    }
}
