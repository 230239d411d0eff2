//! What a kind of connector is to the rest of headcount, and what it says of itself without reaching a system: what `headcount connector` prints and
//! docs/connectors.md holds.
//!
//! Must never: promise what only a service, a file or a database can tell.

use std::any::Any;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;

use super::sample::Sample;
use super::subscription::Subscriber;
use super::{Reader, Surroundings, TargetConnector};
pub use crate::manifest::Field;
use crate::manifest::connection::Described;
use crate::model::{Columns, SystemError};
use crate::policy::TargetFacts;

/// A connector in its own words.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// as it stands in a manifest below `connection`
    pub name: &'static str,
    /// what it is for
    pub about: &'static str,
    /// kinds of manifest that may name it
    pub kinds: &'static [&'static str],
    /// what it reads
    pub reads: &'static [&'static str],
    /// what it writes
    pub writes: &'static [&'static str],
    /// what it can and can't do
    pub abilities: &'static [&'static str],
    /// attribute and expression: what a Target of it has where its mapping says nothing else
    pub default_mapping: Vec<DefaultRule>,
    /// what it needs before an account can be made
    pub needs: Vec<ConnectionNeed>,
    /// the fields of its connection
    pub connection: Vec<Field>,
}

/// A rule of a default mapping.
#[derive(Clone, Debug, Serialize)]
pub struct DefaultRule {
    /// SCIM's name, or which ones
    pub attribute: String,
    /// what it comes to
    pub value: String,
}

/// An attribute without which no account is made.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionNeed {
    /// SCIM's name
    pub attribute: &'static str,
    /// where it is needed, and why
    pub why: &'static str,
}

/// One kind of connector: all that the rest of headcount knows of it. What a kind does not serve it refuses.
pub trait Connector: Sync {
    /// In its own words, without reaching anything. The name is the word below `connection`.
    fn describe(&self) -> Description;

    /// Opens a Source's connection.
    fn open_source<'a>(&'a self, _: &'a dyn Described, _: &'a Surroundings) -> BoxFuture<'a, Result<Box<dyn Reader>, SystemError>> {
        async { Err(SystemError::Rejected(format!("a Source can't speak {}", self.describe().name))) }.boxed()
    }

    /// Opens a Target's connection; its capabilities are what the connector declares, narrowed by what the system says.
    fn open_target<'a>(&'a self, _: &'a dyn Described, _: &'a Surroundings) -> BoxFuture<'a, Result<TargetConnector, SystemError>> {
        async { Err(SystemError::Rejected(format!("a Target can't speak {}", self.describe().name))) }.boxed()
    }

    /// What policy must know of a Target's connection without reaching it; the connector's name is known anyway.
    fn facts(&self, _: &dyn Described) -> TargetFacts {
        TargetFacts::default()
    }

    /// What has the system of a Source send webhooks; nothing where it needs no asking.
    fn open_subscriber<'a>(
        &'a self,
        _: &'a dyn Described,
        _: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Subscriber>>, SystemError>> {
        async { Ok(None) }.boxed()
    }

    /// A test of what a live system answers, in made-up words.
    fn record<'a>(&'a self, _: &'a dyn Described, _: &'a Surroundings) -> BoxFuture<'a, Result<String, SystemError>> {
        async { Err(SystemError::Rejected(format!("{} has no Connector document that could be tested", self.describe().name))) }.boxed()
    }

    /// What must be granted for a connection, the least that does.
    fn rights(&self, _: &dyn Described) -> Vec<String> {
        Vec::new()
    }

    /// What the live system does not let us do and would have to, each with what grants it.
    fn lacks<'a>(&'a self, _: &'a dyn Described, _: &'a Surroundings) -> BoxFuture<'a, Result<Vec<String>, SystemError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    /// Packs records that somebody wrote down, as the Source of a connection would read them.
    fn sampler(&self, connection: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample>;

    /// Whether what it reaches lies on this machine, and so can be looked at without a network.
    fn is_local(&self, _: &dyn Described) -> bool;
}

/// A connection as its own connector knows it.
pub fn own<T: 'static>(connection: &dyn Described) -> Result<&T, SystemError> {
    let connection: &dyn Any = connection;
    connection.downcast_ref().ok_or_else(|| SystemError::Protocol("a connection of another kind; this is a defect of headcount".into()))
}
