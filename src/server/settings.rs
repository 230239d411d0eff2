//! Who may sign in, and what may be asked for. It is the process's own, and no manifest's: whoever may change manifests could else make themselves the one who
//! approves them.
//!
//! Must never: take what it does not know for nothing, or start without somebody who signs.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::files;
use crate::manifest::connection::SecretRef;

/// No file of settings is longer.
const MOST: u64 = 64 << 10;

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SiteSettings {
    /// where people reach it: forms that come from anywhere else are refused
    #[serde(deserialize_with = "address")]
    pub public_url: Url,
    /// the proxy that signs in
    #[serde(default)]
    pub proxy: Option<ProxySettings>,
    /// the provider of OpenID Connect that signs in
    #[serde(default)]
    pub oidc: Option<OidcSettings>,
    /// who may do what
    pub roles: SiteRoles,
    /// what may be asked for at all; nothing named: it is read only
    #[serde(default)]
    pub actions: BTreeSet<SiteAction>,
    /// where the file is: what it names lies beside it
    #[serde(skip)]
    pub folder: PathBuf,
}

/// A proxy that signs who somebody is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxySettings {
    /// the header with the assertion
    pub header: String,
    /// who signs it: `iss`
    pub issuer: String,
    /// for whom it is: `aud`
    pub audience: String,
    /// the keys by which it is checked
    pub keys: KeysFrom,
    /// the claim that says who it is
    #[serde(default = "name_claim")]
    pub name: String,
    /// the claim that says in which groups they are
    #[serde(default = "groups_claim")]
    pub groups: String,
}

/// A provider that people sign in at, and what it is told of us.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcSettings {
    /// who it is: below it lies `/.well-known/openid-configuration`
    pub issuer: String,
    /// by what name it knows us
    pub client_id: String,
    /// what proves that it is us; none where it asks for none
    #[serde(default)]
    pub client_secret: Option<SecretRef>,
    /// what it is asked to tell
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// the claim that says who it is
    #[serde(default = "name_claim")]
    pub name: String,
    /// the claim that says in which groups they are
    #[serde(default = "groups_claim")]
    pub groups: String,
    /// where it does not say when somebody signed in (`auth_time`): that it was asked to have them sign in anew counts
    #[serde(default)]
    pub trust_prompt_login: bool,
}

/// Where a JSON Web Key Set is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum KeysFrom {
    /// at an address
    Url(#[serde(deserialize_with = "address")] Url),
    /// in a file beside the settings
    File(PathBuf),
}

/// Who may do what. Who has several roles may do all of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SiteRoles {
    /// sees how things stand, and nothing of people
    #[serde(default)]
    pub viewer: RoleMembers,
    /// sees people, too
    #[serde(default)]
    pub people: RoleMembers,
    /// approves plans of some Targets, or of all, and asks for a sync
    #[serde(default)]
    pub approver: Vec<ApproverMembers>,
    /// does everything
    #[serde(default)]
    pub admin: RoleMembers,
}

/// Who has a role.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleMembers {
    /// whoever is in one of these
    #[serde(default)]
    pub groups: Vec<String>,
    /// these people, by name
    #[serde(default)]
    pub people: Vec<String>,
}

/// Who approves, and where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApproverMembers {
    /// whoever is in one of these
    #[serde(default)]
    pub groups: Vec<String>,
    /// these people, by name
    #[serde(default)]
    pub people: Vec<String>,
    /// at these Targets; none named: at all
    #[serde(default)]
    pub targets: Vec<Arc<str>>,
}

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SiteAction {
    /// that systems are read, and what is needed done
    Sync,
    /// a word about a plan that waits
    Approve,
    /// that somebody is cut off
    Revoke,
    /// that all writing stops, or goes on
    Pause,
}

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// the file can't be read
    #[error("can't read {path}", path = path.display())]
    Unread {
        /// which
        path: PathBuf,
        /// why
        source: std::io::Error,
    },
    /// it is no such file
    #[error("{path} does not say who may sign in: {why}", path = path.display())]
    Wrong {
        /// which
        path: PathBuf,
        /// why
        why: String,
    },
    /// anybody could look at it
    #[error("pages at {0} could be opened by others than this machine, and nobody says who may sign in")]
    Open(SocketAddr),
    /// the keys can't be had
    #[error("the keys by which sign-ins are checked can't be used: {0}")]
    Keys(String),
}

/// An address, as it is written.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text = String::deserialize(from)?;
    Url::parse(&text).map_err(|error| D::Error::custom(format!("{text:?} is no address: {error}")))
}

fn name_claim() -> String {
    "email".to_owned()
}

fn scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).into()
}

/// Whether nobody on the way reads or changes what is sent there.
pub(super) fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn groups_claim() -> String {
    "groups".to_owned()
}

impl SiteSettings {
    /// Reads the file; keys that it names lie beside it.
    pub fn read(path: &Path) -> Result<Self, SiteError> {
        let text = files::read_text(path, MOST).map_err(|source| SiteError::Unread { path: path.to_owned(), source })?;
        let mut settings = Self::parse(&text).map_err(|why| SiteError::Wrong { path: path.to_owned(), why })?;
        settings.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        if let Some(ProxySettings { keys: KeysFrom::File(file), .. }) = &mut settings.proxy {
            *file = settings.folder.join(&file);
        }
        Ok(settings)
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let settings: Self = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), String> {
        if !is_safe(&self.public_url) {
            return Err("publicUrl is https, or an address of this machine".to_owned());
        }
        if self.public_url.path() != "/" || self.public_url.query().is_some() {
            return Err("publicUrl is a host, and no path below it".to_owned());
        }
        match (&self.proxy, &self.oidc) {
            (Some(proxy), None) => proxy.check()?,
            (None, Some(oidc)) => oidc.check()?,
            (None, None) => return Err("neither proxy nor oidc says who signs people in".to_owned()),
            (Some(_), Some(_)) => return Err("proxy and oidc both say who signs people in: leave one of them out".to_owned()),
        }
        match self.roles.is_empty() {
            true => Err("roles name nobody, so nobody could sign in".to_owned()),
            false => Ok(()),
        }
    }

    /// From where forms come.
    pub(super) fn origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }
}

impl ProxySettings {
    fn check(&self) -> Result<(), String> {
        let named = [("issuer", &self.issuer), ("audience", &self.audience), ("header", &self.header)];
        if let Some((name, _)) = named.iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(format!("proxy.{name} is empty, so anybody's assertion would do"));
        }
        if axum::http::HeaderName::from_bytes(self.header.as_bytes()).is_err() {
            return Err(format!("proxy.header: {:?} is no name of a header", self.header));
        }
        match &self.keys {
            KeysFrom::Url(url) if !is_safe(url) => {
                Err("proxy.keys.url is https: whoever changes the keys on their way signs in as anybody".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl OidcSettings {
    fn check(&self) -> Result<(), String> {
        let issuer = Url::parse(&self.issuer).map_err(|error| format!("oidc.issuer {:?} is no address: {error}", self.issuer))?;
        if !is_safe(&issuer) {
            return Err("oidc.issuer is https: whoever changes its answers on their way signs in as anybody".to_owned());
        }
        if self.client_id.trim().is_empty() {
            return Err("oidc.clientId is empty, so anybody's ID token would do".to_owned());
        }
        match self.scopes.iter().any(|scope| scope == "openid") {
            true => Ok(()),
            false => Err("oidc.scopes lack openid, so there would be no ID token".to_owned()),
        }
    }
}

impl SiteRoles {
    fn is_empty(&self) -> bool {
        let nobody = |members: &RoleMembers| members.groups.is_empty() && members.people.is_empty();
        let approves = self.approver.iter().any(|members| !members.groups.is_empty() || !members.people.is_empty());
        !approves && [&self.viewer, &self.people, &self.admin].into_iter().all(nobody)
    }
}
