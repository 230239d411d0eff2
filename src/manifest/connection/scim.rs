//! A SCIM 2.0 service.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Address, Auth, ConnectionPart, Described, SecretRef, Unreadable};
use crate::manifest::quantity;

/// A SCIM 2.0 service (RFC 7644).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// What the service does otherwise than RFC 7643 and 7644 say, where it neither tells nor shows it.
    #[serde(default, skip_serializing_if = "ScimDialect::is_empty")]
    pub dialect: Box<ScimDialect>,
}

/// What a service does otherwise than RFC 7643 and 7644 say. Nothing has to be written for what it tells of itself, or shows by its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScimDialect {
    /// `false`: it has no PATCH, and takes whole resources by PUT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<bool>,
    /// `false`: it has no PUT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<bool>,
    /// `false`: its filters can't be relied on, so lists are read as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<bool>,
    /// `true` or `false`: whether many changes go in one request (RFC 7644, 3.7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<bool>,
    /// `true` or `false`: whether changes are sent under the version that was read (If-Match).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<bool>,
    /// How the pages of lists are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paging: Option<ScimPaging>,
    /// How members are taken out of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_members: Option<ScimRemoval>,
    /// How a value is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear: Option<ScimClearing>,
    /// What a member of a group is known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<ScimMemberValue>,
    /// A member is sent with its `$ref` and `type`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub member_ref: bool,
    /// The id of an account that stands in each group from the beginning, where a group can't be made empty. It is never shown and never taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_member: Option<String>,
    /// How `manager` is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<ScimManager>,
    /// `active` is written as the text `"true"` or `"false"`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub text_booleans: bool,
    /// Attributes of several values of which it keeps one: the primary one is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub single_valued: Vec<String>,
    /// Attributes that each new account needs beside what its schemas say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// What it can't do, whatever its schemas say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<ScimWithout>,
}

/// How the pages of lists are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ScimPaging {
    /// by `startIndex` and `count` (RFC 7644, 3.4.2.4)
    Index,
    /// by `cursor` (RFC 9865)
    Cursor,
    /// without any: `count` breaks it
    None,
}

/// How members are taken out of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ScimRemoval {
    /// one value path each: `members[value eq "2819"]`
    Path,
    /// `remove` of `members` with the list of those who go
    Value,
    /// PUT of the group with the others
    Put,
}

/// How a value is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ScimClearing {
    /// `op: remove`
    Remove,
    /// `op: replace` with null
    Null,
    /// `op: replace` with an empty text, or an empty list
    Empty,
}

/// What a member of a group is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ScimMemberValue {
    /// the id of the account
    Id,
    /// its user name
    UserName,
}

/// How `manager` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ScimManager {
    /// `{"value": "2819"}`
    Value,
    /// the id as a plain text
    Text,
}

/// What a service can't do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ScimWithout {
    /// it has no groups
    Groups,
    /// it has no request that deletes an account
    DeleteAccounts,
    /// it has no request that deletes a group
    DeleteGroups,
}

impl ScimDialect {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
            Some(Auth::ClientCredentials(client)) => {
                vec![ConnectionPart { pointer: "auth/clientCredentials/clientSecret", value: &client.client_secret }]
            }
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
        let timeout = super::unreadable_deadline("timeout", self.timeout.as_deref());
        let most = self.max_body.as_deref().and_then(|text| quantity::bytes(text).err());
        let token = match &self.auth {
            Some(Auth::ClientCredentials(client)) => url::Url::parse(&client.token_url).err(),
            _ => None,
        };
        let (what, hint) = ("URL", "write the token endpoint: https://login.example/oauth2/token");
        let token = token.map(|_| Unreadable { pointer: "auth/clientCredentials/tokenUrl", what, hint });
        timeout.into_iter().chain(most.map(|hint| Unreadable { pointer: "maxBody", what: "size", hint })).chain(token).collect()
    }

    /// A resource has `schemas`, `meta`, whole extensions.
    fn open_records(&self) -> bool {
        true
    }
}

impl ScimConnection {
    /// Whether credentials would be readable on the way: over plain http, to another machine, and nobody said that it may be so.
    pub fn signs_in_openly(&self) -> bool {
        let token = match &self.auth {
            Some(Auth::ClientCredentials(client)) => Some(client.token_url.as_str()),
            _ => None,
        };
        let mut all = std::iter::once(self.url.as_str()).chain(token);
        self.auth.is_some() && !self.allow_plain_http && all.any(is_open)
    }
}

/// Whether anybody on the way to an address could read along.
fn is_open(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !here
}
