//! A `Connector` document, compiled for one installation: every expression and template checked, every path and host worked out.
//!
//! Must never: reach a system, or leave something to go wrong that the document alone can show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::pages::Paging;
use super::parts::Parts;
use super::scope::Scope;
use super::subscribe::SubscriptionRules;
use super::template::{JsonTemplate, Template};
use crate::connector::limiter::{ALL, Limits, Rate};
use crate::expr::{Expression, Problem};
use crate::http::{Effect, Method, Url};
use crate::manifest::kinds::connector::{AccessWords, OnlyWhen, RequestBudget, Trouble};
use crate::manifest::quantity;

/// What is wrong with a document, and where: a JSON pointer below its `spec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// `/accounts/list/pages`
    pub(super) pointer: String,
    /// what, and where in that text
    pub(super) problem: Problem,
}

/// A document, compiled.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    /// metadata.name
    pub(super) name: Arc<str>,
    pub(super) config: Json,
    pub(super) hosts: BTreeSet<String>,
    pub(super) base: Url,
    pub(super) headers: Vec<(String, String)>,
    /// what must be granted
    pub(super) rights: Vec<String>,
    pub(super) limits: Limits,
    pub(super) budget: Option<(RequestBudget, Keep)>,
    pub(super) errors: Errors,
    pub(super) accounts: Option<Objects>,
    pub(super) groups: Vec<(Arc<str>, Objects)>,
    pub(super) entitlements: Vec<(Arc<str>, Entitlements)>,
    pub(super) subscription: Option<SubscriptionRules>,
}

/// How much of a budget is left for others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Keep {
    Requests(f64),
    /// of what there is in all
    Share(f64),
}

/// How trouble is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors {
    pub(super) ok: Option<Expression>,
    pub(super) text: Option<Expression>,
    pub(super) code: Option<Expression>,
    pub(super) signs: Vec<(Expression, Trouble)>,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) effect: Effect,
    pub(super) path: Template,
    pub(super) query: Vec<(Box<str>, JsonTemplate)>,
    pub(super) headers: Vec<(Box<str>, Template)>,
    pub(super) content: Content,
    pub(super) with: Vec<(Box<str>, JsonTemplate)>,
    /// the name of the bucket that it counts in, where it has a rate of its own
    pub(super) bucket: Option<(Box<str>, Rate)>,
    pub(super) records: Option<Expression>,
    pub(super) shape: Option<Expression>,
    /// a refusal that says that what it was asked by has run out
    pub(super) expired: Option<Expression>,
    pub(super) pages: Option<Paging>,
    pub(super) require: Vec<Expression>,
    pub(super) when: Option<Expression>,
    pub(super) unless: Option<Expression>,
    pub(super) done: Option<Expression>,
    pub(super) retry: Option<Expression>,
    pub(super) tells: Option<Arc<str>>,
    pub(super) covers: Vec<Arc<str>>,
    pub(super) created: Option<Expression>,
    pub(super) task: Option<Box<Task>>,
    pub(super) settle: Option<Settle>,
}

/// What came of a receipt is asked for.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) ask: Request,
    pub(super) every: Duration,
    pub(super) at_most: Duration,
    pub(super) done: Option<Expression>,
    pub(super) failed: Option<Expression>,
    pub(super) text: Option<Expression>,
    pub(super) id: Option<Expression>,
}

/// What was written shows after a while.
#[derive(Clone, Debug)]
pub(super) struct Settle {
    pub(super) when: Option<Expression>,
    pub(super) at_most: Duration,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Nothing,
    Json(JsonTemplate),
    Form(JsonTemplate),
    /// what the mapping writes, as JSON or as a form
    Mapped {
        what: Mapped,
        form: bool,
    },
}

/// Which of the mapped values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mapped {
    /// all that there are
    Attributes,
    /// those that change
    Changes,
    /// the record as it was, with those that change
    Whole,
}

/// The accounts, or the groups of one kind.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    pub(super) id: Expression,
    pub(super) skip: Option<Expression>,
    pub(super) fields: Vec<String>,
    pub(super) list: Option<Request>,
    pub(super) get: Option<Request>,
    pub(super) find: BTreeMap<Arc<str>, Request>,
    pub(super) attributes: BTreeMap<Arc<str>, Attribute>,
    pub(super) writable: Option<Expression>,
    pub(super) active: Option<Active>,
    pub(super) create: Option<Request>,
    pub(super) update: Vec<Request>,
    pub(super) delete: Vec<Request>,
    pub(super) sessions: Option<Request>,
    pub(super) members: Option<Members>,
    pub(super) parts: Parts,
}

/// An attribute.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) read: Option<Expression>,
    /// where in a request's content, and what
    pub(super) write: Vec<(Vec<Box<str>>, Expression)>,
    /// the attribute by which it names another account, where that is not the id
    pub(super) refers: Option<Arc<str>>,
    pub(super) only: Option<OnlyWhen>,
    pub(super) required: bool,
}

/// Whether an object has access.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) read: Expression,
    pub(super) words: Option<AccessWords>,
    pub(super) write: Vec<(Vec<Box<str>>, Expression)>,
    pub(super) activate: Vec<Request>,
    pub(super) deactivate: Vec<Request>,
}

impl Active {
    /// Whether a record has access; else what it says of it, which is neither.
    pub(super) fn says(&self, scope: &Scope<'_>) -> Result<bool, Option<String>> {
        let word = scope.text(&self.read).ok_or(None)?;
        let is = |list: &[String]| list.contains(&word);
        match &self.words {
            Some(words) if is(&words.inactive) => Ok(false),
            Some(words) if is(&words.active) => Ok(true),
            None if word == "1" || word.eq_ignore_ascii_case("true") => Ok(true),
            None if word == "0" || word.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) | None => Err(Some(word)),
        }
    }
}

/// Who is in a group.
#[derive(Clone, Debug)]
pub(super) struct Members {
    pub(super) list: Option<Request>,
    pub(super) of: Option<Request>,
    pub(super) inline: Option<Expression>,
    pub(super) id: Option<Expression>,
    pub(super) kind: Option<Expression>,
    pub(super) row: Option<Expression>,
    pub(super) total: Option<Expression>,
    pub(super) add: Option<Request>,
    pub(super) remove: Option<Request>,
    pub(super) set: Option<Request>,
    pub(super) at_least: u32,
}

/// Entitlements of one kind.
#[derive(Clone, Debug)]
pub(super) struct Entitlements {
    pub(super) list: Option<Request>,
    pub(super) of: Option<Request>,
    pub(super) inline: Option<Expression>,
    pub(super) id: Option<Expression>,
    pub(super) account: Option<Expression>,
    pub(super) name: Option<Expression>,
    pub(super) skip: Option<Expression>,
    pub(super) writable: Option<Expression>,
    pub(super) parameters: BTreeMap<Arc<str>, Attribute>,
    pub(super) grant: Request,
    pub(super) change: Vec<Request>,
    pub(super) withdraw: Vec<Request>,
}

impl Definition {
    /// Which rights it needs, for a message that one is missing.
    pub(super) fn needs(&self) -> String {
        if self.rights.is_empty() { String::new() } else { format!(" (it needs {})", self.rights.join(", ")) }
    }

    /// With just these kinds of groups, in this order; with all where none is named.
    pub(super) fn of_kinds(mut self, kinds: &[String]) -> Self {
        if !kinds.is_empty() {
            let place = |(kind, _): &(Arc<str>, Objects)| kinds.iter().position(|named| **named == **kind);
            self.groups.retain(|groups| place(groups).is_some());
            self.groups.sort_by_key(place);
        }
        self
    }

    /// The requests that have a rate of their own.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (&str, Rate)> {
        let groups = self.groups.iter().map(|(_, objects)| objects);
        let requests = self.accounts.iter().chain(groups).flat_map(Objects::requests);
        let requests = requests.chain(self.entitlements.iter().flat_map(|(_, entitlements)| entitlements.requests()));
        let requests = requests.chain(self.subscription.iter().flat_map(SubscriptionRules::requests));
        requests.filter_map(|request| request.bucket.as_ref()).map(|(bucket, rate)| (&**bucket, *rate))
    }
}

impl Request {
    /// Whether it tells the system which fields are wanted.
    fn asks_for_fields(&self) -> bool {
        let content = match &self.content {
            Content::Json(template) | Content::Form(template) => template.reads("fields"),
            _ => false,
        };
        let queried = || self.query.iter().chain(&self.with).any(|(_, template)| template.reads("fields"));
        content || queried() || self.path.reads_variable("fields")
    }

    /// The bucket that it counts in.
    pub(super) fn bucket(&self) -> &str {
        self.bucket.as_ref().map_or(ALL, |(bucket, _)| bucket)
    }
}

impl Request {
    /// Whether some part of it reads this variable, or something below it.
    pub(super) fn reads(&self, path: &str) -> bool {
        let below = |read: &str| read.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let content = match &self.content {
            Content::Json(template) | Content::Form(template) => Some(template),
            Content::Nothing | Content::Mapped { .. } => None,
        };
        let templates = self.query.iter().chain(&self.with).map(|(_, template)| template).chain(content);
        let texts = self.headers.iter().map(|(_, template)| template).chain([&self.path]);
        let conditions = self.when.iter().chain(&self.unless);
        templates.into_iter().any(|template| template.asks(&below))
            || texts.into_iter().any(|template| template.asks(&below))
            || conditions.into_iter().any(|condition| condition.reads().iter().any(|read| below(read)))
    }
}

impl Entitlements {
    fn requests(&self) -> impl Iterator<Item = &Request> {
        self.list.iter().chain(&self.of).chain([&self.grant]).chain(&self.change).chain(&self.withdraw)
    }
}

impl Objects {
    /// Whether who is asked for by an id comes with all that the list would have.
    pub(super) fn come_alike(&self) -> bool {
        let list = self.list.as_ref().is_some_and(Request::asks_for_fields);
        let mut by_id = self.get.iter().chain(self.parts.batch.iter().map(|(request, _)| request)).peekable();
        by_id.peek().is_some() && (!list || by_id.all(Request::asks_for_fields))
    }

    /// Whether some request makes or changes one, or says who is in it.
    pub(super) fn is_written(&self) -> bool {
        let members =
            self.members.as_ref().is_some_and(|members| members.add.is_some() || members.remove.is_some() || members.set.is_some());
        members || self.create.is_some() || !self.update.is_empty() || !self.delete.is_empty()
    }

    /// Whether an object may be changed here at all.
    pub(super) fn is_writable(&self, scope: &Scope<'_>) -> bool {
        self.is_written() && self.writable.as_ref().is_none_or(|writable| scope.holds(writable))
    }

    fn requests(&self) -> impl Iterator<Item = &Request> {
        let members = self.members.iter().flat_map(|members| [&members.list, &members.of, &members.add, &members.remove, &members.set]);
        let single = [&self.list, &self.get, &self.create, &self.sessions].into_iter().chain(members).flatten();
        let active = self.active.iter().flat_map(|active| active.activate.iter().chain(&active.deactivate));
        single.chain(self.find.values()).chain(&self.update).chain(&self.delete).chain(active).chain(self.parts.requests())
    }
}

/// How long something is waited for.
pub(super) fn span(text: Option<&str>, otherwise: Duration) -> Duration {
    let said = text.and_then(|text| quantity::duration(text).ok());
    said.and_then(|span| Duration::try_from(span).ok()).unwrap_or(otherwise)
}

/// Whether a URL is one of a declared host, and safe.
pub(super) fn is_declared(url: &Url, hosts: &BTreeSet<String>) -> bool {
    let Some(host) = url.host_str() else { return false };
    let place = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    hosts.contains(&place) && (url.scheme() == "https" || (url.scheme() == "http" && is_here(url))) && url.username().is_empty()
}

/// Whether a URL leads to this machine.
pub(super) fn is_here(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
