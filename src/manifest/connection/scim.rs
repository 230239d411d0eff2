//! A SCIM 2.0 service.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Address, Auth, ConnectionPart, Described, SecretRef, Unreadable};
use crate::manifest::quantity;

/// A SCIM 2.0 service (RFC 7644).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScimConnection {
    /// The base, up to and without `/Users`.
    pub url: String,
    /// How to sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// PEM file with the certificate authority, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Resources a page. Default: as many as the service allows, but 500 at most; 100 where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// Deadline of one request: `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Most bytes of one answer: `64Mi`. Default 32Mi; a page that is longer is asked for in smaller ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body: Option<String>,
    /// Lets credentials go over plain http to a host that is not this machine. Anybody on the way can read them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plain_http: bool,
    /// URN of the schema extension that holds `custom.*` attributes. Absent: the target holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

impl Described for ScimConnection {
    fn word(&self) -> &'static str {
        "scim"
    }

    /// The service: its address, however it is written.
    fn system(&self) -> String {
        let url = self.url.trim_end_matches('/');
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
        let default = if scheme == "https" { ":443" } else { ":80" };
        format!("scim {scheme}://{}{path}", host.strip_suffix(default).unwrap_or(&host))
    }

    fn rows(&self) -> Value {
        json!({"scim": self.url.trim_end_matches('/')})
    }

    fn place(&self) -> &'static str {
        "url"
    }

    fn secrets(&self) -> Vec<ConnectionPart<'_, SecretRef>> {
        match &self.auth {
            Some(Auth::Bearer(secret)) => vec![ConnectionPart { pointer: "auth/bearer", value: secret }],
            Some(Auth::Basic(basic)) => vec![ConnectionPart { pointer: "auth/basic/password", value: &basic.password }],
            None => Vec::new(),
        }
    }

    fn address(&self) -> Option<Address<'_>> {
        let hint = "write the base of the SCIM service: https://chat.example/scim/v2";
        Some(Address { pointer: "url", url: &self.url, signs_in_openly: self.signs_in_openly(), hint })
    }

    fn deadline(&self) -> Option<Duration> {
        Some(super::deadline(self.timeout.as_deref()))
    }

    fn unreadable(&self) -> Vec<Unreadable> {
        let timeout = self.timeout.as_deref().and_then(|text| quantity::duration(text).err());
        let most = self.max_body.as_deref().and_then(|text| quantity::bytes(text).err());
        let timeout = timeout.map(|hint| Unreadable { pointer: "timeout", what: "duration", hint });
        timeout.into_iter().chain(most.map(|hint| Unreadable { pointer: "maxBody", what: "size", hint })).collect()
    }

    /// A resource has `schemas`, `meta`, whole extensions.
    fn open_records(&self) -> bool {
        true
    }
}

impl ScimConnection {
    /// Whether credentials would be readable on the way: over plain http, to another machine, and nobody said that it may be so.
    pub fn signs_in_openly(&self) -> bool {
        let Ok(url) = url::Url::parse(&self.url) else { return false };
        let here = match url.host() {
            Some(url::Host::Domain(name)) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.auth.is_some() && url.scheme() == "http" && !here && !self.allow_plain_http
    }
}
