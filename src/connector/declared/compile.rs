//! From a `Connector` document to its definition: every mistake with the pointer of the field that it is in, all at once.
//!
//! Must never: stop at the first mistake, or make up what the document does not say.

mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use super::definition::{
    Active, Attribute, Content, Definition, Errors, Keep, Mapped, Members, Objects, Request, Settle, Task, Wrong, is_declared, is_here,
    span,
};
use super::dialect;
use super::pages::{Paging, Place};
use super::scope::{ANSWER, CONFIG, RECORD, REQUEST, Scope, WRITTEN};
use super::secrets::templates;
use super::template::{JsonTemplate, Template};
use crate::connector::limiter::{Limits, Rate};
use crate::expr::{Expression, Problem, Root};
use crate::http::{Effect, Method, Url};
use crate::manifest::kinds::connector::{
    ActiveSpec, AttributeSpec, ConnectorSpec, ErrorRules, MembersSpec, ObjectsSpec, RequestSpec, Settle as SettleSpec, Task as TaskSpec,
};
use crate::manifest::quantity;
use crate::model::Tables;

impl Definition {
    /// Compiles a document for an installation that says `config`.
    pub(super) fn compile(name: &str, spec: &ConnectorSpec, config: &BTreeMap<String, String>) -> Result<Self, Vec<Wrong>> {
        let mut compiler = Compiler { config: Json::Null, base: Json::Null, wrong: Vec::new() };
        compiler.config = compiler.config(spec, config);
        let base = compiler.plain(&spec.base, "/base").unwrap_or_default();
        let hosts = spec.hosts.iter().enumerate().filter_map(|(at, host)| compiler.plain(host, &format!("/hosts/{at}"))).collect();
        compiler.base = Json::from(base.trim_end_matches('/'));
        let url = compiler.url(&base, &hosts);
        let headers = spec
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), compiler.plain(value, &format!("/headers/{}", escaped(name)))?)));
        let headers = headers.collect();
        let limits = compiler.limits(spec);
        let budget = spec.limits.as_ref().and_then(|limits| limits.budget.clone()).map(|budget| {
            let keep = compiler.keep(budget.keep.as_deref());
            (budget, keep)
        });
        for (name, scheme) in &spec.auth {
            for (at, text, variables) in templates(scheme) {
                compiler.template(text, variables, &format!("/auth/{}{at}", escaped(name)));
            }
        }
        let errors = spec.errors.as_ref().map(|errors| compiler.errors(errors)).unwrap_or_default();
        let accounts = spec.accounts.as_ref().map(|accounts| compiler.objects(accounts, "/accounts"));
        let groups = spec
            .groups
            .iter()
            .map(|(kind, groups)| (Arc::from(kind.as_str()), compiler.objects(groups, &format!("/groups/{}", escaped(kind)))));
        let groups = groups.collect();
        let entitlements = compiler.entitlements(spec);
        let subscribe = spec.webhook.as_ref().and_then(|webhook| webhook.subscribe.as_ref());
        let subscription = subscribe.map(|subscribe| compiler.subscription(subscribe));
        compiler.wrong.extend(dialect::wrong(spec));
        match (url, compiler.wrong) {
            (Some(base), wrong) if wrong.is_empty() => Ok(Self {
                name: name.into(),
                config: compiler.config,
                hosts,
                base,
                headers,
                rights: spec.rights.clone(),
                limits,
                budget,
                errors,
                accounts,
                groups,
                entitlements,
                subscription,
            }),
            (_, wrong) => Err(wrong),
        }
    }
}

pub(super) struct Compiler {
    config: Json,
    base: Json,
    wrong: Vec<Wrong>,
}

impl Compiler {
    fn config(&mut self, spec: &ConnectorSpec, said: &BTreeMap<String, String>) -> Json {
        let mut config = serde_json::Map::new();
        for (name, rules) in &spec.config {
            let pointer = format!("/config/{}", escaped(name));
            match said.get(name).or(rules.default.as_ref()) {
                Some(value) => {
                    if let Some(pattern) = &rules.pattern {
                        self.must_match(&pointer, name, pattern, value, rules.example.as_deref());
                    }
                    config.insert(name.clone(), Json::from(value.as_str()));
                }
                None if rules.optional => {}
                None => {
                    let hint = rules.example.as_ref().or(rules.help.as_ref()).map(|example| format!("such as {example}"));
                    self.say(&pointer, format!("config.{name} must be said"), hint);
                }
            }
        }
        for name in said.keys().filter(|name| !spec.config.contains_key(*name)) {
            let hint = crate::diagnostic::did_you_mean(name, spec.config.keys().map(String::as_str));
            self.say("/config", format!("there is no config.{name} here"), hint);
        }
        Json::Object(config)
    }

    fn must_match(&mut self, pointer: &str, name: &str, pattern: &str, value: &str, example: Option<&str>) {
        let test = format!("matches(value, {})", Json::from(format!("^(?:{pattern})$")));
        let Ok(test) = Expression::compile(&test, Root::Exchange(WRITTEN), &Tables::default()) else {
            return self.say(&format!("{pointer}/pattern"), "this pattern can't be read".into(), Some("it is a regular expression".into()));
        };
        if !Scope::default().with("value", &Json::from(value)).holds(&test) {
            self.say(pointer, format!("config.{name} does not look right"), example.map(|example| format!("it looks like {example}")));
        }
    }

    /// A template over what is known beforehand, worked out.
    fn plain(&mut self, text: &str, pointer: &str) -> Option<String> {
        let template = self.template(text, CONFIG, pointer)?;
        let worked = template.text(&Scope::default().with("config", &self.config).with("base", &self.base), str::to_owned);
        match worked {
            Ok(text) => text,
            Err(words) => {
                self.say(pointer, words, None);
                None
            }
        }
    }

    fn url(&mut self, base: &str, hosts: &BTreeSet<String>) -> Option<Url> {
        let url = Url::parse(base).ok().filter(|url| url.has_host());
        let Some(url) = url else {
            if self.wrong.is_empty() {
                self.say("/base", "this is no URL".into(), Some("it begins with https://".into()));
            }
            return None;
        };
        if url.scheme() != "https" && !is_here(&url) {
            let hint = "credentials would be readable on the way; http is for this machine alone";
            self.say("/base", "this is no https:// address".into(), Some(hint.into()));
        } else if !is_declared(&url, hosts) {
            self.say(
                "/hosts",
                format!("{} is not among the hosts", url.host_str().unwrap_or_default()),
                Some("name every host that is asked".into()),
            );
        }
        Some(url)
    }

    fn limits(&mut self, spec: &ConnectorSpec) -> Limits {
        let Some(limits) = &spec.limits else { return Limits::default() };
        let rate = limits.rate.as_deref().and_then(|text| self.rate(text, "/limits/rate"));
        Limits { concurrency: limits.concurrency, rate }
    }

    fn keep(&mut self, text: Option<&str>) -> Keep {
        match text.map(quantity::amount) {
            None => Keep::Requests(0.0),
            Some(Ok(quantity::Amount::Share(share))) => Keep::Share(share),
            Some(Ok(quantity::Amount::Count(count))) => Keep::Requests(count as f64),
            Some(Err(hint)) => {
                self.say("/limits/budget/keep", "this is no amount".into(), Some(hint.into()));
                Keep::Requests(0.0)
            }
        }
    }

    fn rate(&mut self, text: &str, pointer: &str) -> Option<Rate> {
        let rate = rate(text);
        if rate.is_none() {
            self.say(pointer, format!("`{text}` is no rate"), Some("write `20/min`, `10/s` or `5000/h`".into()));
        }
        rate
    }

    fn errors(&mut self, rules: &ErrorRules) -> Errors {
        let signs = rules
            .signs
            .iter()
            .enumerate()
            .filter_map(|(at, sign)| Some((self.expression(&sign.when, ANSWER, &format!("/errors/signs/{at}/when"))?, sign.is)));
        let signs = signs.collect();
        Errors {
            ok: self.optional(rules.ok.as_ref(), ANSWER, "/errors/ok"),
            text: self.optional(rules.text.as_ref(), ANSWER, "/errors/text"),
            code: self.optional(rules.code.as_ref(), ANSWER, "/errors/code"),
            signs,
        }
    }

    fn objects(&mut self, spec: &ObjectsSpec, at: &str) -> Objects {
        let reads = |compiler: &mut Self, request: &Option<RequestSpec>, name: &str| {
            request.as_ref().map(|request| compiler.request(request, &format!("{at}/{name}"), Effect::Reads))
        };
        let writes = |compiler: &mut Self, request: &Option<RequestSpec>, name: &str| {
            request.as_ref().map(|request| compiler.request(request, &format!("{at}/{name}"), Effect::Writes))
        };
        let id = self.expression(&spec.id, RECORD, &format!("{at}/id")).unwrap_or_else(|| Expression::null(Root::Exchange(RECORD)));
        let find = spec.find.iter().map(|(name, request)| {
            (Arc::from(name.as_str()), self.request(request, &format!("{at}/find/{}", escaped(name)), Effect::Reads))
        });
        let find = find.collect();
        let attributes = spec.attributes.iter().filter_map(|(name, attribute)| {
            Some((Arc::from(name.as_str()), self.attribute(attribute, &format!("{at}/attributes/{}", escaped(name)))?))
        });
        let attributes = attributes.collect();
        let objects = Objects {
            id,
            skip: self.optional(spec.skip.as_ref(), RECORD, &format!("{at}/skip")),
            fields: spec.fields.clone(),
            list: spec.list.as_ref().map(|list| self.paged(list, &format!("{at}/list"))),
            get: reads(self, &spec.get, "get"),
            find,
            attributes,
            writable: self.optional(spec.writable.as_ref(), RECORD, &format!("{at}/writable")),
            active: spec.active.as_ref().map(|active| self.active(active, &format!("{at}/active"))),
            create: writes(self, &spec.create, "create"),
            update: self.all(&spec.update, &format!("{at}/update")),
            delete: self.all(&spec.delete, &format!("{at}/delete")),
            sessions: writes(self, &spec.sessions, "sessions"),
            members: spec.members.as_ref().map(|members| self.members(members, &format!("{at}/members"))),
            parts: self.parts(spec, at),
        };
        self.comes_alike(&objects, at);
        objects
    }

    pub(super) fn all(&mut self, requests: &[RequestSpec], at: &str) -> Vec<Request> {
        requests.iter().enumerate().map(|(position, request)| self.request(request, &format!("{at}/{position}"), Effect::Writes)).collect()
    }

    /// Nothing where its path asks for a `config` that nobody says.
    pub(super) fn attribute(&mut self, spec: &AttributeSpec, at: &str) -> Option<Attribute> {
        let (mut read, mut write) = (None, Vec::new());
        if let Some(path) = &spec.path {
            let (of_path, key) = self.path(path, &format!("{at}/path"))?;
            read = Some(of_path);
            write.extend(
                Expression::compile("value", Root::Exchange(WRITTEN), &Tables::default()).into_iter().map(|value| (key.clone(), value)),
            );
        }
        // What is said of either takes the place of what the path means for it.
        read = self.optional(spec.read.as_ref(), RECORD, &format!("{at}/read")).or(read);
        if !spec.write.is_empty() {
            write = self.keys(&spec.write, &format!("{at}/write"));
        }
        let refers = spec.refers.as_deref().filter(|by| *by != "id").map(Arc::from);
        Some(Attribute { read, write, refers, only: spec.only, required: spec.required })
    }

    /// A path of a record, as an expression and as keys.
    fn path(&mut self, path: &str, at: &str) -> Option<(Expression, Vec<Box<str>>)> {
        let path = self.plain(path, at)?;
        let keys: Vec<Box<str>> = path.split('.').map(Box::from).collect();
        let quoted: String = keys.iter().map(|key| format!("[{}]", Json::from(&**key))).collect();
        Some((self.expression(&format!("record{quoted}"), RECORD, at)?, keys))
    }

    fn keys(&mut self, write: &BTreeMap<String, String>, at: &str) -> Vec<(Vec<Box<str>>, Expression)> {
        let one = |(key, text): (&String, &String)| {
            let value = self.expression(text, WRITTEN, &format!("{at}/{}", escaped(key)))?;
            Some((key.split('.').map(Box::from).collect(), value))
        };
        write.iter().filter_map(one).collect()
    }

    fn active(&mut self, spec: &ActiveSpec, at: &str) -> Active {
        Active {
            read: self.expression(&spec.read, RECORD, &format!("{at}/read")).unwrap_or_else(|| Expression::null(Root::Exchange(RECORD))),
            words: spec.values.clone(),
            write: self.keys(&spec.write, &format!("{at}/write")),
            activate: self.all(&spec.activate, &format!("{at}/activate")),
            deactivate: self.all(&spec.deactivate, &format!("{at}/deactivate")),
        }
    }

    fn members(&mut self, spec: &MembersSpec, at: &str) -> Members {
        let mut ask = |request: &Option<RequestSpec>, name: &str, effect| {
            request.as_ref().map(|request| self.request(request, &format!("{at}/{name}"), effect))
        };
        let (list, of) = (ask(&spec.list, "list", Effect::Reads), ask(&spec.of, "of", Effect::Reads));
        let (add, remove) = (ask(&spec.add, "add", Effect::Writes), ask(&spec.remove, "remove", Effect::Writes));
        let set = ask(&spec.set, "set", Effect::Writes);
        Members {
            list,
            of,
            inline: self.optional(spec.inline.as_ref(), RECORD, &format!("{at}/inline")),
            id: self.optional(spec.id.as_ref(), RECORD, &format!("{at}/id")),
            kind: self.optional(spec.r#type.as_ref(), RECORD, &format!("{at}/type")),
            row: self.optional(spec.row.as_ref(), RECORD, &format!("{at}/row")),
            total: self.optional(spec.total.as_ref(), RECORD, &format!("{at}/total")),
            add,
            remove,
            set,
            at_least: spec.at_least.unwrap_or_default(),
        }
    }

    pub(super) fn request(&mut self, spec: &RequestSpec, at: &str, effect: Effect) -> Request {
        let verbs = [
            (Method::GET, &spec.get),
            (Method::POST, &spec.post),
            (Method::PUT, &spec.put),
            (Method::PATCH, &spec.patch),
            (Method::DELETE, &spec.delete),
        ];
        let said: Vec<_> = verbs.iter().filter_map(|(method, path)| Some((method.clone(), path.as_ref()?))).collect();
        let (method, path) = match said.as_slice() {
            [(method, path)] => (method.clone(), path.as_str()),
            _ => {
                self.say(at, "a request has one of get, post, put, patch and delete".into(), None);
                (Method::GET, "")
            }
        };
        let verb = method.as_str().to_lowercase();
        let path_at = format!("{at}/{verb}");
        let bucket =
            spec.rate.as_deref().and_then(|rate| Some((format!("{method} {path}").into(), self.rate(rate, &format!("{at}/rate"))?)));
        Request {
            effect,
            path: self.template(path, REQUEST, &path_at).unwrap_or_else(Template::empty),
            query: self.fields(&spec.query, &format!("{at}/query")),
            headers: spec
                .headers
                .iter()
                .filter_map(|(name, text)| {
                    Some((name.as_str().into(), self.template(text, REQUEST, &format!("{at}/headers/{}", escaped(name)))?))
                })
                .collect(),
            content: self.content(spec, at),
            with: self.fields(&spec.with, &format!("{at}/with")),
            bucket,
            records: self.optional(spec.records.as_ref(), ANSWER, &format!("{at}/records")),
            shape: self.optional(spec.shape.as_ref(), ANSWER, &format!("{at}/shape")),
            expired: None,
            pages: spec.pages.as_ref().and_then(|pages| self.pages(pages, at, spec.shape.is_some())),
            require: spec
                .require
                .iter()
                .enumerate()
                .filter_map(|(place, text)| self.expression(text, RECORD, &format!("{at}/require/{place}")))
                .collect(),
            when: self.optional(spec.when.as_ref(), REQUEST, &format!("{at}/when")),
            unless: self.optional(spec.unless.as_ref(), REQUEST, &format!("{at}/unless")),
            done: self.optional(spec.done.as_ref(), ANSWER, &format!("{at}/done")),
            retry: self.optional(spec.retry.as_ref(), ANSWER, &format!("{at}/retry")),
            tells: spec.tells.as_deref().map(Arc::from),
            covers: spec.covers.iter().map(|name| Arc::from(name.as_str())).collect(),
            created: self.optional(spec.created.as_ref(), ANSWER, &format!("{at}/created")),
            task: spec.task.as_ref().map(|task| Box::new(self.task(task, &format!("{at}/task")))),
            settle: spec.settle.as_ref().map(|settle| self.settle(settle, &format!("{at}/settle"))),
            method,
        }
    }

    fn task(&mut self, spec: &TaskSpec, at: &str) -> Task {
        let ask = RequestSpec { get: Some(spec.get.clone()), ..RequestSpec::default() };
        Task {
            ask: self.request(&ask, at, Effect::Reads),
            every: self.span(spec.every.as_deref(), 2, &format!("{at}/every")),
            at_most: self.span(spec.at_most.as_deref(), 120, &format!("{at}/atMost")),
            done: self.expression(&spec.done, ANSWER, &format!("{at}/done")),
            failed: self.optional(spec.failed.as_ref(), ANSWER, &format!("{at}/failed")),
            text: self.optional(spec.text.as_ref(), ANSWER, &format!("{at}/text")),
            id: self.optional(spec.id.as_ref(), ANSWER, &format!("{at}/id")),
        }
    }

    fn settle(&mut self, spec: &SettleSpec, at: &str) -> Settle {
        Settle {
            when: self.optional(spec.when.as_ref(), RECORD, &format!("{at}/when")),
            at_most: self.span(spec.at_most.as_deref(), 60, &format!("{at}/atMost")),
        }
    }

    fn span(&mut self, text: Option<&str>, otherwise: u64, at: &str) -> Duration {
        if let Some(hint) = text.and_then(|text| quantity::duration(text).err()) {
            self.say(at, "this is no duration".into(), Some(hint.into()));
        }
        span(text, Duration::from_secs(otherwise))
    }

    fn content(&mut self, spec: &RequestSpec, at: &str) -> Content {
        let (json, form, at) = match (&spec.body, &spec.form) {
            (None, None) => return Content::Nothing,
            (Some(json), None) => (json, false, format!("{at}/body")),
            (None, Some(json)) => (json, true, format!("{at}/form")),
            (Some(_), Some(_)) => {
                self.say(at, "a request has a `body` or a `form`, not both".into(), None);
                return Content::Nothing;
            }
        };
        let what = match json.as_str() {
            Some("attributes" | "parameters") => Mapped::Attributes,
            Some("changes") => Mapped::Changes,
            Some("whole") => Mapped::Whole,
            _ => {
                let mut wrong = Vec::new();
                let template = JsonTemplate::compile(json, REQUEST, &at, &mut wrong);
                self.wrong.extend(wrong.into_iter().map(|(pointer, problem)| Wrong { pointer, problem }));
                return if form { Content::Form(template) } else { Content::Json(template) };
            }
        };
        Content::Mapped { what, form }
    }

    fn pages(&mut self, pages: &crate::manifest::kinds::connector::Pages, at: &str, shaped: bool) -> Option<Paging> {
        let at = format!("{at}/pages");
        let paging = Paging::compile(pages, shaped, |text, pointer, of_record| {
            self.expression(text, if of_record { RECORD } else { ANSWER }, &format!("{at}/{pointer}"))
        });
        match paging {
            Ok(paging) => paging,
            Err(words) => {
                self.say(&at, words, Some(Place::HINT.into()));
                None
            }
        }
    }

    fn fields(&mut self, fields: &BTreeMap<String, Json>, at: &str) -> Vec<(Box<str>, JsonTemplate)> {
        let mut wrong = Vec::new();
        let compiled = fields.iter().map(|(name, json)| {
            (name.as_str().into(), JsonTemplate::compile(json, REQUEST, &format!("{at}/{}", escaped(name)), &mut wrong))
        });
        let compiled = compiled.collect();
        self.wrong.extend(wrong.into_iter().map(|(pointer, problem)| Wrong { pointer, problem }));
        compiled
    }

    pub(super) fn optional(&mut self, text: Option<&String>, variables: &'static [&'static str], at: &str) -> Option<Expression> {
        self.expression(text?, variables, at)
    }

    pub(super) fn expression(&mut self, text: &str, variables: &'static [&'static str], at: &str) -> Option<Expression> {
        match Expression::compile(text, Root::Exchange(variables), &Tables::default()) {
            Ok(expression) => Some(expression),
            Err(problems) => {
                self.wrong.extend(problems.into_iter().map(|problem| Wrong { pointer: at.to_owned(), problem }));
                None
            }
        }
    }

    fn template(&mut self, text: &str, variables: &'static [&'static str], at: &str) -> Option<Template> {
        match Template::compile(text, variables) {
            Ok(template) => Some(template),
            Err(problems) => {
                self.wrong.extend(problems.into_iter().map(|problem| Wrong { pointer: at.to_owned(), problem }));
                None
            }
        }
    }

    pub(super) fn say(&mut self, pointer: &str, message: String, hint: Option<String>) {
        self.wrong.push(Wrong { pointer: pointer.to_owned(), problem: Problem { offset: 0, length: 0, message, hint } });
    }
}

/// `20/min`, `10/s`, `5000/h`.
fn rate(text: &str) -> Option<Rate> {
    let (many, unit) = text.split_once('/')?;
    let seconds = match unit.trim() {
        "s" | "sec" | "second" => 1,
        "m" | "min" | "minute" => 60,
        "h" | "hour" => 3600,
        _ => return None,
    };
    let many: u32 = many.trim().parse().ok().filter(|many| *many > 0)?;
    Some(Rate::within(many, Duration::from_secs(seconds)))
}

pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
