//! `--pages` and `--sign-in` of whatever runs all the time: where pages and the API are answered, and to whom.
//!
//! Must never: open them to more than this machine while nobody says who may sign in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::report::{Failure, notice};
use crate::serve::{self, Bounds};
use crate::server::{self, Site, SiteError, SiteSettings};

/// Pages for people, and the API.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct PagesArgs {
    /// Where pages and the API are answered, such as 127.0.0.1:8080; without --sign-in to this machine alone, to look [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pages: Option<SocketAddr>,
    /// Who may sign in to the pages, and what they may ask for there: a file, as docs/dashboard.md has it
    #[arg(long, value_name = "FILE", requires = "pages")]
    sign_in: Option<PathBuf>,
}

/// People and proxies keep connections open.
const CONNECTIONS: usize = 256;

impl PagesArgs {
    /// Whether somebody wants them.
    pub fn wanted(&self) -> bool {
        self.pages.is_some()
    }

    /// Answers from now on; nothing where nobody wants them.
    pub async fn open(&self, stop: &CancellationToken) -> Result<Option<Arc<Site>>, Failure> {
        let Some(address) = self.pages else { return Ok(None) };
        let settings = self.sign_in.as_deref().map(SiteSettings::read).transpose();
        let site = settings.and_then(|settings| Site::new(address, settings, stop.clone())).map_err(|error| refused(&error))?;
        let bounds = Bounds { connections: CONNECTIONS, ..Bounds::default() };
        let listening = serve::listen(address, server::routes(&site), bounds, stop.clone()).await;
        let listening = listening.map_err(|error| Failure::from_error(&error).hint("say another address with --pages"))?;
        let who = if self.sign_in.is_some() { "for whoever the proxy signs in" } else { "to look, for this machine alone" };
        notice(format_args!("pages and API, {who}: http://{}/", listening.address));
        Ok(Some(site))
    }
}

fn refused(error: &SiteError) -> Failure {
    let failure = Failure::from_error(error);
    match error {
        SiteError::Open(_) => failure.hint("name a file with --sign-in, or an address of this machine such as 127.0.0.1:8080"),
        SiteError::Unread { .. } | SiteError::Wrong { .. } | SiteError::Keys(_) => {
            failure.hint("docs/dashboard.md has an example of what --sign-in takes")
        }
    }
}
