//! `--listen-inbound` of whatever runs all the time: where systems push to, and webhooks come.
//!
//! Must never: open anything while nobody says where.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use url::Url;

use super::report::{Failure, notice};
use crate::metrics::Metrics;
use crate::serve::{self, Bounds};
use crate::server::{self, Inbound, ManifestHooks};

/// Systems that push.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct InboundArgs {
    /// Where systems push users and groups to Sources with an inbox, and webhooks come, such as 127.0.0.1:8081; a proxy does TLS [default: nowhere]
    #[arg(long, value_name = "ADDRESS")]
    listen_inbound: Option<SocketAddr>,
    /// How systems reach it, such as https://hooks.acme.example: Sources whose systems send webhooks only when they are asked to have them asked, and asked again before that ends [default: that is yours to do]
    #[arg(long, value_name = "URL", requires = "listen_inbound", value_parser = reached)]
    inbound_url: Option<Url>,
}

/// An address that a system may send secrets to.
fn reached(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() == "https" && url.query().is_none() && url.fragment().is_none() {
        true => Ok(url),
        false => Err("write an https address, without a query".to_owned()),
    }
}

/// Clients and proxies keep connections open.
const CONNECTIONS: usize = 128;

impl InboundArgs {
    /// Whether somebody wants it.
    pub fn wanted(&self) -> bool {
        self.listen_inbound.is_some()
    }

    /// Answers from now on; nothing where nobody wants that.
    pub async fn open(
        &self,
        metrics: &Metrics,
        manifests: Option<ManifestHooks>,
        stop: &CancellationToken,
    ) -> Result<Option<Arc<Inbound>>, Failure> {
        let Some(address) = self.listen_inbound else { return Ok(None) };
        let inbound = Inbound::new(metrics.clone(), manifests, self.inbound_url.clone())
            .ok_or_else(|| Failure::new("this machine has no random numbers"))?;
        // A connection that was cut off in the middle of a push would be one more that is not answered.
        let bounds = Bounds { connections: CONNECTIONS, connection: None, ..Bounds::default() };
        let listening = serve::listen(address, server::inbound_routes(&inbound), bounds, stop.clone()).await;
        let listening = listening.map_err(|error| Failure::from_error(&error).hint("say another address with --listen-inbound"))?;
        let at = listening.address;
        notice(format_args!("systems push to http://{at}/scim/v2/ and the name of their Source; webhooks come to http://{at}/hooks/"));
        tokio::spawn(inbound.clone().keep_subscriptions(stop.clone()));
        Ok(Some(inbound))
    }
}
