//! What comes to a Source by itself: who may push to it and when it was heard of, and whether its system was asked for webhooks.
//!
//! Must never: show a secret, or a token but by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use maud::{Markup, html};

use super::{PageContext, tag, text, ticked};
use crate::manifest::Loaded;
use crate::model::{ApiToken, Subscription, SystemStatus, TokenUse};
use crate::state::{Shelf, StateError, Store};

/// What ends within this time is told as that.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// As the state has it, of all Sources.
pub(super) struct Coming {
    /// Sources to which systems push
    pushed: Vec<Arc<str>>,
    tokens: Vec<ApiToken>,
    uses: BTreeMap<Arc<str>, TokenUse>,
    subscriptions: Vec<Subscription>,
}

pub(super) async fn read(store: &dyn Store, loaded: &Loaded) -> Result<Coming, StateError> {
    let tokens: Vec<(Arc<str>, ApiToken)> = Shelf::Tokens.all(store).await?;
    let subscriptions: Vec<(Arc<str>, Subscription)> = Shelf::Subscriptions.all(store).await?;
    let pushed = loaded.sources.iter().filter(|document| document.spec.connection.described().is_pushed());
    Ok(Coming {
        pushed: pushed.map(|document| document.name.clone()).collect(),
        tokens: tokens.into_iter().map(|(_, token)| token).collect(),
        uses: Shelf::TokenUses.all(store).await?.into_iter().collect(),
        subscriptions: subscriptions.into_iter().map(|(_, subscription)| subscription).collect(),
    })
}

impl Coming {
    /// Of one Source; nothing where it is only read.
    pub fn of(&self, context: &PageContext, system: &SystemStatus) -> Markup {
        let tokens: Vec<&ApiToken> = self.tokens.iter().filter(|token| token.source.as_deref() == Some(system.name.as_ref())).collect();
        let asked: Vec<&Subscription> = self.subscriptions.iter().filter(|one| one.source == system.name).collect();
        html! {
            @if self.pushed.contains(&system.name) { (self.pushes(context, system, &tokens)) }
            @if !asked.is_empty() { (webhooks(context, &asked)) }
        }
    }

    fn pushes(&self, context: &PageContext, system: &SystemStatus, tokens: &[&ApiToken]) -> Markup {
        let used = |token: &ApiToken| self.uses.get(format!("{}/{}", system.name, token.name).as_str()).map(|used| used.at);
        let of_source = format!("{}/", system.name);
        let last = self.uses.iter().filter(|(name, _)| name.starts_with(&of_source));
        let last = last.map(|(_, used)| used.at).chain(system.heard).max();
        html! {
            h3 { "Who may push" }
            p { @match last { Some(last) => { "Its system was heard of last " (context.clock().since(last)) "." } None => "Nothing was ever pushed to it." } }
            @if tokens.is_empty() { p { "Nobody: " code { "headcount token create NAME --push " (text(&system.name)) } " makes a token." } }
            @else {
                table.cards {
                    thead { tr { th scope="col" { "Token" } th scope="col" { "Made" } th scope="col" { "Used last" } th scope="col" { "Ends" } } }
                    tbody { @for token in tokens { tr {
                        th scope="row" { (text(&token.name)) }
                        td data-label="Made" { (context.clock().since(token.at)) " by " (text(&token.made_by)) }
                        td data-label="Used last" { @match used(token) { Some(at) => (context.clock().since(at)), None => "never" } }
                        td data-label="Ends" { (ends(context, token)) }
                    } } }
                }
            }
        }
    }
}

fn ends(context: &PageContext, token: &ApiToken) -> Markup {
    let at = context.clock().at(token.expires);
    html! {
        @match token.expires.duration_since(context.now) {
            left if left.is_negative() => (tag("lose", "▲", "has ended")),
            left if left < SOON => { (tag("warn", "●", &at)) " make another one" }
            _ => (at),
        }
    }
}

/// Messages that its system sends since it was asked to.
fn webhooks(context: &PageContext, asked: &[&Subscription]) -> Markup {
    html! {
        h3 { "Webhooks that its system was asked for" }
        ul.told { @for one in asked { li {
            @if let Some(each) = &one.each { b { (text(each)) } ": " }
            @match (&one.made, &one.trouble) {
                (Some(made), None) => { (tag("gain", "✓", "they come")) " until " (context.clock().at(made.until)) ", and it is asked again before that" }
                (Some(made), Some(_)) if made.until > context.now => { (tag("warn", "●", "they come")) " until " (context.clock().at(made.until)) ", and it can't be asked again" }
                _ => { (tag("lose", "▲", "none come")) ", so it is read when it is due" }
            }
            @if let Some(trouble) = &one.trouble {
                ": " (ticked(&trouble.why)) @if !trouble.why.ends_with(['.', '?', '!']) { "." } " "
                span.quiet { "Tried " @match trouble.tries { 1 => "once", tries => { (tries) " times" } } " since " (context.clock().at(trouble.since)) ", next " (context.clock().due(trouble.next)) "." }
            }
        } } }
    }
}
