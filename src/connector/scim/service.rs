//! One SCIM service: what is kept of it from run to run, and what one run makes of that.
//!
//! Must never: hold what a service says of itself for true for ever, or open a connection that would show credentials.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::api::Api;
use super::dialect::Dialect;
use super::discovery::Discovery;
use super::manners::Manners;
use super::paging::Paging;
use crate::connector::connection::Connection;
use crate::connector::credentials::Referenced;
use crate::connector::limiter::Lane;
use crate::connector::rehearsal::Rehearsal;
use crate::connector::{Permit, Surroundings};
use crate::http::{Client, Renew, Settings, Url};
use crate::manifest::connection::{Described, ScimConnection, TIMEOUT};
use crate::manifest::quantity;
use crate::model::SystemError;
use crate::secret;

/// Resources a page where nobody says otherwise, not even the service.
const PAGE_SIZE: u32 = 100;
/// Resources a page where the service allows many: fewer requests, and still small answers.
const LARGE_PAGE: u32 = 500;
/// One answer is a page of people, or a group with all its members: fifty thousand of them are a tenth of this. A page that is longer is asked for in smaller ones.
const MAX_BODY: usize = 32 << 20;
/// The first pause before a page is asked for again.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// What a service says of itself is asked for anew after so long.
const DISCOVERED: Duration = Duration::from_secs(60 * 60);

/// One SCIM service in one run, as its reader and its writer share it.
#[derive(Clone, Debug)]
pub struct Service {
    pub(super) api: Api,
    pub(super) discovery: Arc<Discovery>,
    pub(super) dialect: Arc<Dialect>,
    pub(super) paging: Paging,
    pub(super) manners: Arc<Manners>,
}

/// What is kept between runs.
#[derive(Debug)]
struct Kept {
    connection: Connection,
    base: Url,
    discovery: tokio::sync::Mutex<Option<(Instant, Arc<Discovery>)>>,
}

impl Service {
    /// Over a connection that is open already, or a new one.
    pub(super) async fn open(connection: &ScimConnection, surroundings: &Surroundings, pause: Duration) -> Result<Self, SystemError> {
        let written = serde_json::to_string(connection).unwrap_or_default();
        let key = format!("scim {} {written}", surroundings.base.display());
        let kept =
            surroundings.connections.open(&key, secret::turn(&surroundings.base), Kept::open(connection, surroundings, pause)).await?;
        let way = kept.connection.named(&surroundings.system).in_lane(surroundings.lane);
        let api = Api { connection: way, base: kept.base.clone(), budget: surroundings.budget.clone() };
        let discovery = kept.discovery(&api, connection.extension.as_deref()).await?;
        let dialect = Dialect::new(&connection.dialect, &discovery);
        let paging = Paging::new(page_size(connection.page_size, discovery.max_results), dialect.paging);
        Ok(Self { api, discovery, dialect: Arc::new(dialect), paging, manners: Arc::default() })
    }

    /// The same service for whoever only wants to know what would be written.
    pub(super) fn rehearsing(&self, rehearsal: &Rehearsal) -> Self {
        let api = Api { connection: self.api.connection.rehearsing(rehearsal), ..self.api.clone() };
        Self { api, ..self.clone() }
    }

    /// The same service for the requests of one change.
    pub(super) fn for_one_change(&self, permit: &Permit) -> Self {
        let api = Api { connection: self.api.connection.for_one_change(permit), ..self.api.clone() };
        Self { api, ..self.clone() }
    }

    /// The same service for requests that wait for their turn.
    pub(super) fn in_turn(&self) -> Self {
        let api = Api { connection: self.api.connection.in_lane(Lane::Normal), ..self.api.clone() };
        Self { api, ..self.clone() }
    }

    /// The same service for requests that wait for nothing.
    pub(super) fn at_once(&self) -> Self {
        let api = Api { connection: self.api.connection.in_lane(Lane::Free), ..self.api.clone() };
        Self { api, ..self.clone() }
    }
}

impl Kept {
    async fn open(connection: &ScimConnection, surroundings: &Surroundings, pause: Duration) -> Result<Self, SystemError> {
        let folder = surroundings.base.as_path();
        let base = base_url(&connection.url)?;
        if connection.signs_in_openly() {
            return Err(SystemError::Rejected(OPENLY.into()));
        }
        let open = Settings {
            system: surroundings.system.clone(),
            timeout: timeout(connection)?,
            max_body: max_body(connection)?,
            credentials: None,
            renew: None,
            ca_file: connection.ca_file.as_ref().map(|file| surroundings.place(file)).transpose()?,
            identity: None,
            detour: surroundings.detour,
            recording: surroundings.recording.clone(),
        };
        let renew =
            connection.auth.as_ref().map(|auth| Arc::new(Referenced::new(auth, folder, &Settings { recording: None, ..open.clone() })));
        let credentials = match &renew {
            Some(referenced) => Some(referenced.credentials().await?),
            None => None,
        };
        let client = Client::new(&Settings { credentials, renew: renew.map(|renew| renew as Arc<dyn Renew>), ..open })?;
        let system = surroundings.connections.system(&connection.system());
        Ok(Self { connection: Connection::new(client, system, pause), base, discovery: tokio::sync::Mutex::default() })
    }

    /// What the service says of itself; one asks, whoever else opens waits for it.
    async fn discovery(&self, api: &Api, extension: Option<&str>) -> Result<Arc<Discovery>, SystemError> {
        let mut held = self.discovery.lock().await;
        if let Some((_, known)) = held.as_ref().filter(|(at, _)| at.elapsed() < DISCOVERED) {
            return Ok(known.clone());
        }
        let told = Arc::new(Discovery::ask(api, extension).await?);
        *held = Some((Instant::now(), told.clone()));
        Ok(told)
    }
}

/// Never more than the service allows.
pub(super) fn page_size(wanted: Option<u32>, most: Option<u32>) -> u32 {
    let wanted = wanted.filter(|size| *size > 0).unwrap_or(if most.is_some() { LARGE_PAGE } else { PAGE_SIZE });
    most.map_or(wanted, |most| most.min(wanted))
}

/// The base of the service. Secrets and queries have no place in it.
pub(super) fn base_url(text: &str) -> Result<Url, SystemError> {
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
