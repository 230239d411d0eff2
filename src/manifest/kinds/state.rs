//! Where a workspace's memory is kept: a connection, so that nothing of a branch that is only looked at may say it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::connection::{SecretRef, server_address, stays_on_this_machine};

/// Where headcount keeps what it remembers, and how. One place at most; none: the file `.headcount/state.db`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateSpec {
    /// A SQLite file on this machine, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A bucket of Amazon S3, or of a service that speaks its protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3State>,
    /// A bucket of Google Cloud Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<GcsState>,
    /// A container of Azure Blob Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureState>,
    /// A database of a PostgreSQL server, for many replicas. Any number of workspaces may share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresState>,
    /// What wraps the keys under which the journal says what it says of people. Default: nothing, and the keys stand in the state as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<StateEncryption>,
    /// How long the journal's entries are kept: `400d`, at least `30d`. What is older goes into files of `archive`. Default: 400d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
    /// The folder for what the journal does not keep any longer, relative to this file. Default: `archive` beside a state that is a file; none elsewhere, and nothing goes
    /// before one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// A file that remembers how far the journal was, relative to this file, kept where a restore of the state does not reach: by it a state that was restored is
    /// noticed. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
}

/// What wraps the keys of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateEncryption {
    /// A long random text. Whoever loses it has lost what the journal says of people.
    pub secret: SecretRef,
}

/// Where the state is. Credentials never stand here: those of a cloud are found as its own tools find them, and a password is a reference.
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
    /// A database of a PostgreSQL server, for many replicas. Any number of workspaces may share one.
    Postgres(PostgresState),
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

/// A database of a PostgreSQL server (version 13 or newer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresState {
    /// Server, user and database, and no password: `postgres://headcount@db.acme.example/headcount`. A socket is written as its folder: `postgres://headcount@%2Frun%2Fpostgresql/headcount`.
    pub url: String,
    /// The user's password. Default: none, for a server that knows the user without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// The schema with our tables, which the first run makes. Default: `headcount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// PEM file with the certificate authority, where it is not a public one, relative to this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Lets the password and people's data go without TLS to a host that is not this machine. Anybody on the way can read them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_plaintext: bool,
}

impl PostgresState {
    /// The schema with our tables.
    pub fn schema(&self) -> &str {
        self.schema.as_deref().unwrap_or("headcount")
    }

    /// The address, where it can be read: what is in it is looked at by `validate`.
    pub fn address(&self) -> Option<url::Url> {
        server_address(&self.url, &["postgres", "postgresql"])
    }

    /// Whether the way there never leaves this machine: a socket, or its own address.
    pub fn stays_here(&self) -> bool {
        self.address().is_some_and(|url| stays_on_this_machine(&url))
    }

    /// Whether the way there has TLS. On this machine it has where an authority is named.
    pub fn has_tls(&self) -> bool {
        !self.allow_plaintext && (!self.stays_here() || self.ca_file.is_some())
    }
}

impl StateSpec {
    /// The places that are named.
    pub fn locations(&self) -> Vec<StateLocation> {
        let Self { path, s3, gcs, azure, postgres, .. } = self;
        let all = [
            path.clone().map(StateLocation::Path),
            s3.clone().map(StateLocation::S3),
            gcs.clone().map(StateLocation::Gcs),
            azure.clone().map(StateLocation::Azure),
            postgres.clone().map(StateLocation::Postgres),
        ];
        all.into_iter().flatten().collect()
    }

    /// The one that counts.
    pub fn location(&self) -> Option<StateLocation> {
        self.locations().into_iter().next()
    }
}

impl StateLocation {
    /// A place as `state` of a Workspace says it.
    pub fn parse(text: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(text)
    }

    /// What the names of objects begin with, where they are objects.
    pub fn prefix(&self) -> Option<&str> {
        match self {
            Self::Path(_) | Self::Postgres(_) => None,
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
