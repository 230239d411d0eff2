//! SCIM 2.0 services as sources and targets.
//!
//! Must never: trust an answer that it has not checked against the question, or send one write twice.

mod api;
mod belongs;
mod body;
mod default_mapping;
mod describe;
mod discovery;
mod edit;
mod manners;
mod members;
mod paging;
mod patience;
mod read;
mod resolve;
mod rows;
mod single;
mod write;

#[cfg(test)]
mod tests;

pub use default_mapping::default_mapping;
pub use describe::{NEEDED, describe};
pub use rows::SampleRows;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::{Reader, Surroundings, TargetConnector};
use crate::http::{Client, Credentials, Settings, Url};
use crate::manifest::connection::{Auth, ScimConnection, SecretRef};
use crate::manifest::quantity;
use crate::model::{SystemError, system_id};
use crate::secret::{self, SecretError};
use api::Api;
use discovery::Discovery;
use manners::Manners;
use paging::Paging;
use patience::Patience;
use read::ScimReader;
use write::ScimWriter;

/// Resources a page where nobody says otherwise, not even the service.
const PAGE_SIZE: u32 = 100;
/// Resources a page where the service allows many: fewer requests, and still small answers.
const LARGE_PAGE: u32 = 500;
/// Deadline of one request where nobody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// One answer is a page of people, or a group with all its members: fifty thousand of them are a tenth of this. A page that is longer is asked for in smaller ones.
const MAX_BODY: usize = 32 << 20;
/// The first pause before a page is asked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// One SCIM service, as its reader and its writer share it.
#[derive(Debug)]
struct Service {
    api: Api,
    discovery: Discovery,
    paging: Paging,
    manners: Manners,
}

/// Opens a SCIM service as a source.
pub async fn open_source(connection: &ScimConnection, surroundings: &Surroundings) -> Result<Box<dyn Reader>, SystemError> {
    let service = Arc::new(Service::open(connection, surroundings, PAUSE).await?);
    Ok(Box::new(ScimReader { service, record: true }))
}

/// Opens a SCIM service as a target.
pub async fn open_target(connection: &ScimConnection, surroundings: &Surroundings) -> Result<TargetConnector, SystemError> {
    let service = Arc::new(Service::open(connection, surroundings, PAUSE).await?);
    let capabilities = service.discovery.capabilities();
    let reader = Box::new(ScimReader { service: service.clone(), record: false });
    Ok(TargetConnector { reader, writer: Box::new(ScimWriter { service }), capabilities, system: system_id(&connection.system()) })
}

impl Service {
    async fn open(connection: &ScimConnection, surroundings: &Surroundings, pause: Duration) -> Result<Self, SystemError> {
        let base = surroundings.base.as_path();
        let url = base_url(&connection.url)?;
        if connection.signs_in_openly() {
            return Err(SystemError::Rejected(OPENLY.into()));
        }
        let credentials = match &connection.auth {
            Some(auth) => Some(credentials(auth, base).await?),
            None => None,
        };
        let settings = Settings {
            system: surroundings.system.clone(),
            timeout: timeout(connection)?,
            max_body: max_body(connection)?,
            credentials,
            ca_file: connection.ca_file.as_ref().map(|file| base.join(file)),
        };
        let api = Api { client: Client::new(&settings)?, base: url, patience: Patience::new(pause), budget: surroundings.budget.clone() };
        let discovery = Discovery::ask(&api, connection.extension.as_deref()).await?;
        let count = page_size(connection.page_size, discovery.max_results);
        Ok(Self { api, discovery, paging: Paging { count }, manners: Manners::default() })
    }
}

/// Never more than the service allows.
fn page_size(wanted: Option<u32>, most: Option<u32>) -> u32 {
    let wanted = wanted.filter(|size| *size > 0).unwrap_or(if most.is_some() { LARGE_PAGE } else { PAGE_SIZE });
    most.map_or(wanted, |most| most.min(wanted))
}

/// The base of the service. Secrets and queries have no place in it.
fn base_url(text: &str) -> Result<Url, SystemError> {
    let wrong = |what: &str| SystemError::Rejected(format!("connection.scim.url {what}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(wrong("must begin with https://host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user name or password; put them under auth"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must end with the path, without ? and #"));
    }
    Ok(url)
}

/// Why credentials stay here.
const OPENLY: &str =
    "it would send credentials over plain http, where anybody on the way reads them; use https, or say `allowPlainHttp: true`";

fn max_body(connection: &ScimConnection) -> Result<usize, SystemError> {
    let Some(text) = &connection.max_body else { return Ok(MAX_BODY) };
    let bytes =
        quantity::bytes(text).map_err(|hint| SystemError::Rejected(format!("connection.scim.maxBody {text:?} is no size: {hint}")))?;
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn timeout(connection: &ScimConnection) -> Result<Duration, SystemError> {
    let Some(text) = &connection.timeout else { return Ok(TIMEOUT) };
    let wrong = || SystemError::Rejected(format!("connection.scim.timeout {text:?} is no duration; write 30s or 2m"));
    let span: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span).ok().filter(|timeout| !timeout.is_zero()).ok_or_else(wrong)
}

async fn credentials(auth: &Auth, base: &Path) -> Result<Credentials, SystemError> {
    Ok(match auth {
        Auth::Bearer(token) => Credentials::Bearer(resolved(token, base).await?),
        Auth::Basic(basic) => Credentials::Basic(basic.username.clone(), resolved(&basic.password, base).await?),
    })
}

async fn resolved(secret: &SecretRef, base: &Path) -> Result<secrecy::SecretString, SystemError> {
    secret::resolve(secret, base).await.map_err(|error| {
        SystemError::Auth(match &error {
            SecretError::File { source, .. } | SecretError::Exec { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        })
    })
}
