//! The window of changes whose intents are on their way to the disk before it is their turn to be sent: nobody waits for a disk then, and a crash leaves no more
//! to look up than the window holds.
//!
//! Must never: hold more than four times what may be under way at once, or change the order.

use std::collections::VecDeque;

use crate::journal::Ticket;
use crate::model::Change;

use super::prepare::Prepared;

/// The window, in what may be under way at once.
const WINDOW: usize = 4;

/// A batch, and the place in the journal that its last intent will have.
pub(super) struct Intended<'a> {
    pub(super) batch: Vec<Prepared<'a>>,
    pub(super) intents: Ticket,
}

/// What of one target has an intent in the journal and no outcome: what waits for its turn, what is under way, and what is over and not yet written down.
pub(super) struct Ahead<'a> {
    waiting: VecDeque<Intended<'a>>,
    under_way: usize,
    landing: VecDeque<Ticket>,
    window: usize,
}

impl<'a> Ahead<'a> {
    /// Of a target that takes so many batches at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self { waiting: VecDeque::new(), under_way: 0, landing: VecDeque::new(), window: at_once.max(1).saturating_mul(WINDOW) }
    }

    /// Whether another batch may be taken, by what is durable now.
    pub(super) fn has_room(&mut self, settled: impl Fn(Ticket) -> bool) -> bool {
        while self.landing.front().is_some_and(|outcome| settled(*outcome)) {
            self.landing.pop_front();
        }
        self.waiting.len() + self.under_way + self.landing.len() < self.window
    }

    /// Whose becoming durable makes room where there is none.
    pub(super) fn makes_room(&mut self, settled: impl Fn(Ticket) -> bool) -> Option<Ticket> {
        if self.has_room(settled) { None } else { self.landing.front().copied() }
    }

    /// How many batches are under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Whether nothing waits and nothing is under way, and something may be taken.
    pub(super) fn is_idle(&mut self, settled: impl Fn(Ticket) -> bool) -> bool {
        self.waiting.is_empty() && self.under_way == 0 && self.has_room(settled)
    }

    /// A batch waits for its turn.
    pub(super) fn push(&mut self, intended: Intended<'a>) {
        self.waiting.push_back(intended);
    }

    /// The first in the row.
    pub(super) fn pop(&mut self) -> Option<Intended<'a>> {
        self.waiting.pop_front()
    }

    /// A batch is sent.
    pub(super) fn takes_off(&mut self) {
        self.under_way += 1;
    }

    /// It is over, and this is the place of its last outcome.
    pub(super) fn lands(&mut self, outcomes: Option<Ticket>) {
        self.under_way = self.under_way.saturating_sub(1);
        self.landing.extend(outcomes);
    }

    /// Takes out what is not to be sent any more.
    pub(super) fn take(&mut self, over: impl Fn(&Change) -> bool) -> Vec<Prepared<'a>> {
        let mut taken = Vec::new();
        for intended in &mut self.waiting {
            let (out, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut intended.batch).into_iter().partition(|prepared| over(prepared.change));
            taken.extend(out);
            intended.batch = stay;
        }
        self.waiting.retain(|intended| !intended.batch.is_empty());
        taken
    }
}
