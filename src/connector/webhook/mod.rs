//! A target that can't be asked: an application that is told of users and groups by signed requests (Standard Webhooks), and answers no more than that it heard.
//!
//! What it was told stands in a ledger, a file, and counts as what it has: it is written when the application has said that it heard, and before anything else is
//! told of the same object. Must never: take a ledger that is not there for an empty one, tell two things of one object at once, or tell a secret.

mod event;
mod ledger;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret;

use super::connection::Connection;
use super::describe::{ConnectionNeed, Connector, DefaultRule, Description, own};
use super::sample::{AsJson, Sample};
use super::{Surroundings, TargetConnector};
use crate::http::standard_webhooks::Signer;
use crate::http::{Client, Settings, Url};
use crate::manifest::connection::{Described, SecretRef, TIMEOUT, WebhookConnection};
use crate::manifest::{fields, quantity};
use crate::model::{Capabilities, Columns, SystemError, system_id};
use crate::policy::TargetFacts;
use crate::secret;

use ledger::Ledger;
use reader::WebhookReader;
use writer::WebhookWriter;

/// An answer says no more than that it was heard.
const MAX_ANSWER: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(500);
/// What is told of somebody where the Target's mapping says nothing else.
const MAPPED: [&str; 9] =
    ["userName", "displayName", "name.givenName", "name.familyName", "emails", "title", "department", "employeeNumber", "manager"];

/// The webhook connector.
#[derive(Debug)]
pub struct WebhookConnector;

impl Connector for WebhookConnector {
    fn describe(&self) -> Description {
        Description {
            name: "webhook",
            about: "An application that is told of users and groups by signed requests (Standard Webhooks).",
            kinds: &["Target"],
            reads: &["what it was told, from a ledger"],
            writes: &["accounts", "groups", "memberships"],
            abilities: &[
                "tells each change of one person after the other, with a key by which a repeated one is known",
                "counts as known there what the application said it heard; nothing that it does by itself is seen",
                "no entitlements, no owners of groups, no sessions, no secrets",
            ],
            default_mapping: mapping().into_iter().map(|(attribute, value)| DefaultRule { attribute, value }).collect(),
            needs: vec![ConnectionNeed { attribute: "userName", why: "an application knows somebody by it" }],
            connection: fields::<WebhookConnection>(),
        }
    }

    fn open_target<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<TargetConnector, SystemError>> {
        async move {
            let connection: &WebhookConnection = own(connection)?;
            let system = surroundings.connections.system(&connection.system());
            system.limiter.limit(&surroundings.system, surroundings.limits);
            let url = Url::parse(&connection.url).map_err(|_| SystemError::Rejected(format!("{} is no URL", connection.url)))?;
            let mut signers = vec![signer(&connection.secret, surroundings).await?];
            if let Some(former) = &connection.former_secret {
                signers.push(signer(former, surroundings).await?);
            }
            let timeout = connection.timeout.as_deref().and_then(|text| quantity::duration(text).ok());
            let settings = Settings {
                system: surroundings.system.clone(),
                timeout: timeout.and_then(|span| Duration::try_from(span).ok()).unwrap_or(TIMEOUT),
                max_body: MAX_ANSWER,
                credentials: None,
                renew: None,
                ca_file: connection.ca_file.as_ref().map(|file| surroundings.place(file)).transpose()?,
                identity: None,
                detour: None,
                recording: None,
            };
            let client = Client::new(&settings)?;
            let way = Connection::new(client, system.clone(), PAUSE).named(&surroundings.system);
            let ledger = Arc::new(Ledger::at(&surroundings.place(&connection.ledger)?)?);
            let writer = WebhookWriter::new(way, url, signers, ledger.clone());
            Ok(TargetConnector {
                reader: Box::new(WebhookReader { ledger }),
                writer: Box::new(writer),
                capabilities: capabilities(),
                system: system_id(&connection.system()),
                limiter: system.limiter.clone(),
            })
        }
        .boxed()
    }

    fn facts(&self, _: &dyn Described) -> TargetFacts {
        TargetFacts { default_mapping: mapping(), needs: vec!["userName"], ..Default::default() }
    }

    fn sampler(&self, _: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        Box::new(AsJson::new(columns))
    }

    fn is_local(&self, _: &dyn Described) -> bool {
        false
    }
}

fn mapping() -> Vec<(String, String)> {
    MAPPED.iter().map(|name| ((*name).to_owned(), format!("identity.{name}"))).collect()
}

fn capabilities() -> Capabilities {
    let marker: Option<Arc<str>> = Some("externalId".into());
    Capabilities {
        entitlements: false,
        end_sessions: false,
        nested_groups: true,
        account_marker: marker.clone(),
        group_marker: marker,
        required_attributes: ["userName".into()].into(),
        ..Capabilities::everything()
    }
}

async fn signer(reference: &SecretRef, surroundings: &Surroundings) -> Result<Signer, SystemError> {
    let secret = secret::resolve(reference, &surroundings.base).await.map_err(|error| SystemError::Auth(error.to_string()))?;
    Signer::new(secret.expose_secret()).map_err(|words| SystemError::Auth(words.into()))
}
