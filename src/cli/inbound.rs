//! `--listen-inbound` of whatever runs all the time: where systems push to, and webhooks come.
//!
//! Must never: open anything while nobody says where.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

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
        let inbound = Inbound::new(metrics.clone(), manifests).ok_or_else(|| Failure::new("this machine has no random numbers"))?;
        // A connection that was cut off in the middle of a push would be one more that is not answered.
        let bounds = Bounds { connections: CONNECTIONS, connection: None, ..Bounds::default() };
        let listening = serve::listen(address, server::inbound_routes(&inbound), bounds, stop.clone()).await;
        let listening = listening.map_err(|error| Failure::from_error(&error).hint("say another address with --listen-inbound"))?;
        let at = listening.address;
        notice(format_args!("systems push to http://{at}/scim/v2/ and the name of their Source; webhooks come to http://{at}/hooks/"));
        Ok(Some(inbound))
    }
}
