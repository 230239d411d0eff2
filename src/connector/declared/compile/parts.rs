//! The parts that records are put together of: that each names what it needs.
//!
//! Must never: leave a part without the request that it asks by.

use std::time::Duration;

use super::super::changes::{Changes, Way};
use super::super::definition::{Objects, Request, span};
use super::super::pages::Place;
use super::super::parts::{Each, Join, JoinRows, Parts};
use super::super::scope::{ANSWER, CONFIG, RECORD};
use super::{Compiler, escaped};
use crate::expr::{Expression, Root};
use crate::http::Effect;
use crate::manifest::kinds::connector::{ChangesSpec, EachSpec, JoinSpec, ObjectsSpec, OnePage, Pages, RequestSpec, Then};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Clocks differ by less, and systems lag by less.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

impl Compiler {
    pub(super) fn parts(&mut self, spec: &ObjectsSpec, at: &str) -> Parts {
        let each = spec.each.as_ref().and_then(|each| match each {
            EachSpec::Of(request) => Some(Each::Of(Box::new(self.paged(request, &format!("{at}/each/of"))))),
            EachSpec::Values(values) => Some(Each::Values(self.expression(values, CONFIG, &format!("{at}/each/values"))?)),
        });
        let batch = spec.batch.as_ref().map(|batch| {
            // One answer holds what was asked for by ids, unless the document says otherwise.
            let pages = batch.ask.pages.clone().unwrap_or(Pages::One(OnePage {}));
            let ask = RequestSpec { pages: Some(pages), ..batch.ask.clone() };
            (self.request(&ask, &format!("{at}/batch/ask"), Effect::Reads), batch.at_most as usize)
        });
        match spec.then {
            Some(Then::Get) if spec.get.is_none() => self.say(&format!("{at}/then"), "`then: get` needs a `get`".into(), None),
            Some(Then::Batch) if spec.batch.is_none() => self.say(&format!("{at}/then"), "`then: batch` needs a `batch`".into(), None),
            _ => {}
        }
        let mut joins = Vec::with_capacity(spec.joins.len());
        for (name, join) in &spec.joins {
            let compiled = self.join(join, &format!("{at}/joins/{}", escaped(name)));
            joins.extend(compiled.map(|join| (Box::from(name.as_str()), join)));
        }
        let redacted = self.optional(spec.redacted.as_ref(), RECORD, &format!("{at}/redacted"));
        let changes = spec.changes.as_ref().and_then(|changes| {
            if !changes.whole && spec.get.is_none() && spec.batch.is_none() {
                let hint = "or `whole: true`, if the records of what changed have all fields";
                self.say(&format!("{at}/changes"), "what changed is asked for by `get` or `batch`".into(), Some(hint.into()));
            }
            self.changes(changes, &format!("{at}/changes"))
        });
        Parts { each, then: spec.then, batch, joins, redacted, changes }
    }

    /// What changed is asked for one by one, so that has to have what the list would have; else it would never be asked what changed.
    pub(super) fn comes_alike(&mut self, objects: &Objects, at: &str) {
        let one_by_one = objects.parts.changes.as_ref().is_some_and(|changes| !changes.whole);
        if one_by_one && (objects.get.is_some() || objects.parts.batch.is_some()) && !objects.come_alike() {
            let what = "`list` asks for `fields`, and `get` or `batch` does not, so who changed would not come with all that the list has";
            let hint = "ask for `fields` there too; where a change is made there are none: `default(fields, [\"id\", …])`";
            self.say(&format!("{at}/changes"), what.into(), Some(hint.into()));
        }
    }

    fn changes(&mut self, spec: &ChangesSpec, at: &str) -> Option<Changes> {
        let way = match (&spec.token, &spec.since) {
            (Some(token), None) => {
                let expired = self.optional(token.expired.as_ref(), ANSWER, &format!("{at}/token/expired"));
                let start = Request { expired, ..self.paged(&token.start, &format!("{at}/token/start")) };
                let save = self.expression(&token.save, ANSWER, &format!("{at}/token/save"))?;
                let to = match token.to.as_deref().map(Place::parse).transpose() {
                    Ok(to) => to,
                    Err(words) => {
                        self.say(&format!("{at}/token/to"), words, Some(Place::HINT.into()));
                        None
                    }
                };
                Way::Token { start: Box::new(start), from_now: token.from_now, save, to, lifetime: span(token.lifetime.as_deref(), DAY) }
            }
            (None, Some(since)) => {
                let ask = Box::new(self.paged(&since.ask, &format!("{at}/since/ask")));
                Way::Since { ask, overlap: span(since.overlap.as_deref(), OVERLAP) }
            }
            _ => {
                self.say(at, "what changed is told by a `token` or `since` a time, one of them".into(), None);
                return None;
            }
        };
        let removed = self.optional(spec.removed.as_ref(), RECORD, &format!("{at}/removed"));
        Some(Changes { way, removed, whole: spec.whole, full: span(spec.full.as_deref(), DAY) })
    }

    fn join(&mut self, spec: &JoinSpec, at: &str) -> Option<Join> {
        let key = self.optional(spec.key.as_ref(), RECORD, &format!("{at}/key"));
        let rows = match (&spec.list, &spec.of) {
            (Some(list), None) => {
                if spec.key.is_none() {
                    self.say(at, "`key` says whose a row of the list is".into(), Some("such as `key: record.employeeId`".into()));
                }
                JoinRows::List(self.paged(list, &format!("{at}/list")), key.unwrap_or_else(|| Expression::null(Root::Exchange(RECORD))))
            }
            (None, Some(of)) => JoinRows::Of(self.paged(of, &format!("{at}/of"))),
            _ => {
                self.say(at, "a join has a `list` of everybody's rows, or `of` for the rows of one record".into(), None);
                return None;
            }
        };
        let id = self.optional(spec.id.as_ref(), RECORD, &format!("{at}/id"));
        Some(Join { rows, id, matching: self.optional(spec.r#match.as_ref(), RECORD, &format!("{at}/match")), many: spec.many })
    }

    /// A list, which must say how its pages follow each other.
    pub(super) fn paged(&mut self, spec: &RequestSpec, at: &str) -> Request {
        if spec.pages.is_none() {
            let hint = "`pages: {one: {}}` where one answer holds all";
            self.say(at, "how pages follow each other must be said".into(), Some(hint.into()));
        }
        self.request(spec, at, Effect::Reads)
    }
}
