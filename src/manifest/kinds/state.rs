//! Where a workspace's memory is kept: a connection, so that nothing of a branch that is only looked at may say it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the state is. Credentials are found as the tools of each cloud find them, and never stand here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StateLocation {
    /// A SQLite file on this machine, relative to this file.
    Path(String),
    /// A bucket of Amazon S3, or of a service that speaks its protocol.
    S3(S3State),
    /// A bucket of Google Cloud Storage.
    Gcs(GcsState),
    /// A container of Azure Blob Storage.
    Azure(AzureState),
}

/// A bucket of Amazon S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct S3State {
    /// The bucket.
    pub bucket: String,
    /// What the names of our objects begin with: `acme/`. Default: the Workspace's id. Each workspace needs one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The region. Default: what the environment says (`AWS_REGION`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The address of another service that speaks S3: `https://minio.example:9000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Lets people's data go over plain http to a host that is not this machine. Anybody on the way can read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plain_http: bool,
}

/// A bucket of Google Cloud Storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GcsState {
    /// The bucket.
    pub bucket: String,
    /// What the names of our objects begin with: `acme/`. Default: the Workspace's id. Each workspace needs one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// A container of Azure Blob Storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AzureState {
    /// The storage account.
    pub account: String,
    /// The container.
    pub container: String,
    /// What the names of our objects begin with: `acme/`. Default: the Workspace's id. Each workspace needs one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

impl StateLocation {
    /// A place as `state` of a Workspace says it.
    pub fn parse(text: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(text)
    }

    /// What the names of objects begin with, where they are objects.
    pub fn prefix(&self) -> Option<&str> {
        match self {
            Self::Path(_) => None,
            Self::S3(S3State { prefix, .. }) | Self::Gcs(GcsState { prefix, .. }) | Self::Azure(AzureState { prefix, .. }) => {
                prefix.as_deref()
            }
        }
    }
}

impl S3State {
    /// Whether people's data would be readable on the way: over plain http, to another machine, and nobody said that it may be so.
    pub fn goes_openly(&self) -> bool {
        let Some(Ok(url)) = self.endpoint.as_deref().map(url::Url::parse) else { return false };
        url.scheme() == "http" && !is_here(&url) && !self.allow_plain_http
    }
}

fn is_here(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
