//! What the connector says of itself.
//!
//! Must never: promise what only a client decides.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::open_source;
use crate::connector::describe::{Connector, Description, own};
use crate::connector::sample::{AsJson, Sample};
use crate::connector::{Reader, Surroundings};
use crate::manifest::connection::Described;
use crate::manifest::fields;
use crate::model::{Columns, SystemError};

/// The connector of systems that push.
#[derive(Debug)]
pub struct InboxConnector;

impl Connector for InboxConnector {
    fn describe(&self) -> Description {
        Description {
            name: "inbox",
            about: "A system that pushes its users and groups over SCIM 2.0 (Entra ID, Okta).",
            kinds: &["Source"],
            reads: &["records"],
            writes: &[],
            abilities: &[
                "kept in the state; whatever was answered is kept",
                "a push never proves absence: who is gone is who was deactivated or deleted there",
                "more going at once than may are held, as a source that shrank",
                "groups stand at the records of their members",
            ],
            default_mapping: Vec::new(),
            needs: Vec::new(),
            connection: fields::<crate::manifest::connection::InboxConnection>(),
        }
    }

    fn open_source<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, SystemError>> {
        async move { Ok(Box::new(open_source(own(connection)?, surroundings)) as Box<dyn Reader>) }.boxed()
    }

    fn sampler(&self, _: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        Box::new(AsJson::new(columns))
    }

    fn is_local(&self, _: &dyn Described) -> bool {
        false
    }
}
