//! A system that a `Connector` document describes: of the workspace, else of the catalog.
//!
//! Must never: hold a secret.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ConnectionPart, Described, SecretRef, Unreadable};
use crate::manifest::kinds::connector::{AttributeSpec, ConnectorSpec, WebhookSpec};
use crate::manifest::quantity;

/// A system that a Connector describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredConnection {
    /// The Connector: one of this workspace, else of the catalog (`headcount connector list`).
    pub name: String,
    /// What it asks to be told of this installation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// A way to sign in by its name, and its secrets: `token: {token: {env: OKTA_TOKEN}}`. Exactly one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub auth: BTreeMap<String, BTreeMap<String, SecretRef>>,
    /// Of a Source: the secret of its webhooks. Then what it sends to `/hooks/sources/` and the Source's name has it read.
    #[serde(rename = "webhook", default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<SecretRef>,
    /// PEM file with the certificate authority, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Deadline of one request: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Most bytes of one answer: `64Mi`. Default 32Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body: Option<String>,
    /// Of a Target: the kinds of groups that it sees, of those that the Connector has; a new group is one of the first of them that can be made. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_kinds: Vec<String>,
    /// What this installation has beside the Connector's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend: Option<Extension>,
    /// The document that the name means, with what `extend` says; the loader finds it.
    #[serde(skip)]
    pub document: Option<Arc<ConnectorSpec>>,
}

/// What an installation has beside the Connector's own: fields that a company made, records that are none of its people. Anything else needs a Connector of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Extension {
    /// Further attributes of accounts, and how each is read and written; one of a name that the Connector has takes its place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeSpec>,
    /// Attributes of the Connector that are not managed here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Expression over `record`: accounts that are none here, beside those that the Connector skips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip: Option<String>,
}

impl Extension {
    /// A document with it.
    fn applied(&self, document: &ConnectorSpec) -> ConnectorSpec {
        let mut document = document.clone();
        if let Some(accounts) = &mut document.accounts {
            accounts.attributes.retain(|name, _| !self.without.contains(name));
            accounts.attributes.extend(self.attributes.clone());
            accounts.skip = match (accounts.skip.take(), &self.skip) {
                (Some(own), Some(more)) => Some(format!("({own}) || ({more})")),
                (own, more) => own.or(more.clone()),
            };
        }
        document
    }
}

impl Described for DeclaredConnection {
    fn word(&self) -> &'static str {
        "connector"
    }

    fn system(&self) -> String {
        format!("connector {} {}", self.name, json!(self.config))
    }

    fn rows(&self) -> Value {
        let skip = self.extend.as_ref().and_then(|extend| extend.skip.as_ref());
        match skip {
            Some(skip) => json!({"connector": self.name, "config": self.config, "skip": skip}),
            None => json!({"connector": self.name, "config": self.config}),
        }
    }

    fn place(&self) -> &'static str {
        "name"
    }

    fn secrets(&self) -> Vec<ConnectionPart<'_, SecretRef>> {
        let auth = self.auth.values().flat_map(BTreeMap::values).map(|value| ConnectionPart { pointer: "auth", value });
        auth.chain(self.webhook_secret.iter().map(|value| ConnectionPart { pointer: "webhook", value })).collect()
    }

    fn deadline(&self) -> Option<Duration> {
        Some(super::deadline(self.timeout.as_deref()))
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        let timeout = super::unreadable_deadline("timeout", self.timeout.as_deref());
        let most = self.max_body.as_deref().and_then(|text| quantity::bytes(text).err());
        timeout.into_iter().chain(most.map(|hint| Unreadable { pointer: "maxBody", what: "size", hint })).collect()
    }

    fn webhook(&self) -> Option<(&WebhookSpec, &SecretRef)> {
        Some((self.document.as_ref()?.webhook.as_ref()?, self.webhook_secret.as_ref()?))
    }

    fn document(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn take_document(&mut self, document: Arc<ConnectorSpec>) {
        self.document = Some(self.extend.as_ref().map_or_else(|| document.clone(), |extend| Arc::new(extend.applied(&document))));
    }

    /// A vendor's records hold more than anybody maps.
    fn open_records(&self) -> bool {
        true
    }
}
