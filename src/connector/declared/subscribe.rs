//! Subscriptions of a declared system: the document's requests, and what of their answers is kept.
//!
//! Must never: take for a subscription what has ended already, or tell a system's words with the secret in them.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

use super::compile::{Compiler, escaped};
use super::definition::Request;
use super::exchange::{Answer, Api};
use super::pages::Turn;
use super::scope::{ANSWER, Scope, as_text};
use crate::connector::connection::Again;
use crate::connector::subscription::{Subscriber, SubscriptionAsked};
use crate::expr::Expression;
use crate::http::Effect;
use crate::manifest::kinds::connector::SubscribeSpec;
use crate::manifest::quantity;
use crate::model::{MadeSubscription, SystemError};

/// How a system is asked to send webhooks.
#[derive(Clone, Debug)]
pub(super) struct SubscriptionRules {
    life: SignedDuration,
    make: Request,
    id: Option<Expression>,
    until: Option<Expression>,
    keep: Vec<(String, Expression)>,
    renew: Option<Request>,
    stop: Option<Request>,
}

impl SubscriptionRules {
    /// All its requests.
    pub(super) fn requests(&self) -> impl Iterator<Item = &Request> {
        [&self.make].into_iter().chain(&self.renew).chain(&self.stop)
    }
}

impl Compiler {
    /// Below `/webhook/subscribe`. Sent twice they do no harm, so they are asked as reads are.
    pub(super) fn subscription(&mut self, spec: &SubscribeSpec) -> SubscriptionRules {
        const AT: &str = "/webhook/subscribe";
        let life = quantity::duration(&spec.life).ok().filter(|life| life.is_positive());
        if life.is_none() {
            self.say(&format!("{AT}/life"), format!("`{}` is no time", spec.life), Some("write `6h` or `28d`".into()));
        }
        let keep = spec.keep.iter().filter_map(|(name, text)| {
            let value = self.expression(text, ANSWER, &format!("{AT}/keep/{}", escaped(name)))?;
            Some((name.clone(), value))
        });
        SubscriptionRules {
            keep: keep.collect(),
            life: life.unwrap_or_default(),
            make: self.request(&spec.make, &format!("{AT}/make"), Effect::Reads),
            id: self.optional(spec.id.as_ref(), ANSWER, &format!("{AT}/id")),
            until: self.optional(spec.until.as_ref(), ANSWER, &format!("{AT}/until")),
            renew: spec.renew.as_ref().map(|request| self.request(request, &format!("{AT}/renew"), Effect::Reads)),
            stop: spec.stop.as_ref().map(|request| self.request(request, &format!("{AT}/stop"), Effect::Reads)),
        }
    }
}

/// Asks a declared system.
pub(super) struct DeclaredSubscriber {
    pub(super) api: Api,
    pub(super) rules: SubscriptionRules,
}

/// What templates know beside `config`.
struct Said {
    each: Json,
    receiver: Json,
    until: Json,
    new: Json,
    id: Json,
    kept: Json,
}

impl Said {
    fn of(asked: &SubscriptionAsked, until: Timestamp, made: Option<&MadeSubscription>) -> Self {
        let kept: BTreeMap<String, Json> = made.map(|made| made.kept.clone()).unwrap_or_default();
        Self {
            each: asked.each.as_deref().map_or(Json::Null, Json::from),
            receiver: json!({"url": asked.url, "secret": asked.secret.expose_secret()}),
            until: json!({
                "text": until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "ms": until.as_millisecond(),
                "seconds": until.duration_since(asked.at).as_secs(),
            }),
            new: Json::from(made_up()),
            id: made.map_or(Json::Null, |made| Json::from(made.id.as_str())),
            kept: Json::Object(kept.into_iter().collect()),
        }
    }

    fn scope<'s>(&'s self, scope: &Scope<'s>) -> Scope<'s> {
        let scope = scope.with("receiver", &self.receiver).with("until", &self.until).with("new", &self.new).with("kept", &self.kept);
        let scope = if self.each.is_null() { scope } else { scope.with("each", &self.each) };
        if self.id.is_null() { scope } else { scope.with("id", &self.id) }
    }
}

/// An id that nobody else has, in the form of a UUID.
fn made_up() -> String {
    let number = fastrand::u128(..);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

impl DeclaredSubscriber {
    async fn ask(&self, request: &Request, asked: &SubscriptionAsked, said: &Said) -> Result<Answer, SystemError> {
        let base = self.api.scope();
        let answer = self.api.ask(request, &said.scope(&base), &Turn::First, Again::IfAsked).await;
        answer.map_err(|error| without(&error, asked.secret.expose_secret()))
    }

    /// When it is to end.
    fn ends(&self, asked: &SubscriptionAsked) -> Timestamp {
        asked.at.checked_add(self.rules.life).unwrap_or(Timestamp::MAX)
    }

    /// What an answer made, or what of it goes on.
    fn made(&self, answer: &Answer, asked: &SubscriptionAsked, said: &Said) -> Result<MadeSubscription, SystemError> {
        let (scope, rules) = (answer.scope().with("config", &self.api.definition.config), &self.rules);
        let new = || if said.id.is_null() { as_text(&said.new) } else { as_text(&said.id) };
        let id = rules.id.as_ref().and_then(|id| scope.text(id)).or_else(new).unwrap_or_default();
        let told = rules.until.as_ref().and_then(|until| scope.value(until).ok().flatten()).and_then(|value| moment(&value));
        let until = told.unwrap_or_else(|| self.ends(asked));
        if until <= asked.at {
            return Err(SystemError::Protocol("it made a subscription that has ended already".into()));
        }
        let kept = rules.keep.iter().filter_map(|(name, value)| Some((name.clone(), scope.value(value).ok().flatten()?)));
        let mut all: BTreeMap<String, Json> = match &said.kept {
            Json::Object(before) => before.clone().into_iter().collect(),
            _ => BTreeMap::new(),
        };
        all.extend(kept);
        Ok(MadeSubscription { id, at: asked.at, until, kept: all })
    }
}

impl Subscriber for DeclaredSubscriber {
    fn make<'a>(&'a self, asked: &'a SubscriptionAsked) -> BoxFuture<'a, Result<MadeSubscription, SystemError>> {
        async move {
            let said = Said::of(asked, self.ends(asked), None);
            let answer = self.ask(&self.rules.make, asked, &said).await?;
            self.made(&answer, asked, &said)
        }
        .boxed()
    }

    fn renew<'a>(
        &'a self,
        asked: &'a SubscriptionAsked,
        made: &'a MadeSubscription,
    ) -> BoxFuture<'a, Result<Option<MadeSubscription>, SystemError>> {
        async move {
            let Some(request) = &self.rules.renew else { return Ok(None) };
            let said = Said::of(asked, self.ends(asked), Some(made));
            let answer = self.ask(request, asked, &said).await?;
            self.made(&answer, asked, &said).map(Some)
        }
        .boxed()
    }

    fn stop<'a>(&'a self, asked: &'a SubscriptionAsked, made: &'a MadeSubscription) -> BoxFuture<'a, Result<(), SystemError>> {
        async move {
            let Some(request) = &self.rules.stop else { return Ok(()) };
            match self.ask(request, asked, &Said::of(asked, made.until, Some(made))).await {
                Ok(_) | Err(SystemError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }
}

/// A time as systems write them: RFC 3339, or milliseconds since 1970.
fn moment(value: &Json) -> Option<Timestamp> {
    let text = as_text(value)?;
    match text.parse::<i64>() {
        Ok(ms) => Timestamp::from_millisecond(ms).ok(),
        Err(_) => text.parse().ok(),
    }
}

/// The same trouble, without the secret that was sent along.
fn without(error: &SystemError, secret: &str) -> SystemError {
    let clean = |words: &str| if secret.is_empty() { words.to_owned() } else { words.replace(secret, "[secret]") };
    match error {
        SystemError::Auth(words) => SystemError::Auth(clean(words)),
        SystemError::Forbidden(words) => SystemError::Forbidden(clean(words)),
        SystemError::NotFound(words) => SystemError::NotFound(clean(words)),
        SystemError::Conflict(words) => SystemError::Conflict(clean(words)),
        SystemError::Throttled { after, message } => SystemError::Throttled { after: *after, message: clean(message) },
        SystemError::Rejected(words) => SystemError::Rejected(clean(words)),
        SystemError::Unavailable(words) => SystemError::Unavailable(clean(words)),
        SystemError::Unreachable(words) => SystemError::Unreachable(clean(words)),
        SystemError::NotSent(words) => SystemError::NotSent(clean(words)),
        SystemError::Uncertain(words) => SystemError::Uncertain(clean(words)),
        SystemError::Protocol(words) => SystemError::Protocol(clean(words)),
    }
}

/// Of a document that says how; nothing of any other.
pub(super) fn subscriber(api: Api) -> Option<Box<dyn Subscriber>> {
    let rules = api.definition.subscription.clone()?;
    Some(Box::new(DeclaredSubscriber { api, rules }) as Box<dyn Subscriber>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_systems_write_them_and_ids_look_like_uuids() {
        let at: Timestamp = "2026-12-29T11:00:00Z".parse().unwrap();
        for value in
            [json!("2026-12-29T11:00:00.0000000Z"), json!("2026-12-29T11:00:00Z"), json!("1798542000000"), json!(1_798_542_000_000_i64)]
        {
            assert_eq!(moment(&value), Some(at), "{value}");
        }
        assert_eq!((moment(&json!("soon")), moment(&json!({}))), (None, None));
        let (one, other) = (made_up(), made_up());
        assert!(one != other && one.len() == 36 && one.matches('-').count() == 4, "{one}");
    }
}
