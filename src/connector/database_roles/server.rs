//! Whichever server it is.
//!
//! Must never: decide what is changed.

use std::sync::Arc;

use super::mariadb::MariaDb;
use super::postgres::Postgres;
use super::role::Roles;
use super::write::Order;
use crate::connector::Written;
use crate::fence::Fence;
use crate::model::{Capabilities, ObjectKind, SystemError};

/// A server.
#[derive(Debug)]
pub(super) enum Server {
    Postgres(Box<Postgres>),
    MariaDb(Box<MariaDb>),
}

impl Server {
    /// The id of whatever has a name, where ids are made of names.
    pub(super) fn id_of(&self, kind: ObjectKind, name: &str) -> Option<Arc<str>> {
        match self {
            Self::Postgres(_) => None,
            Self::MariaDb(server) => Some(server.id(kind, name)),
        }
    }

    /// All of it at one moment.
    pub(super) async fn all(&self) -> Result<Roles, SystemError> {
        match self {
            Self::Postgres(server) => server.all().await,
            Self::MariaDb(server) => server.all().await,
        }
    }

    /// What can be done with the rights that the account has.
    pub(super) async fn capabilities(&self) -> Result<Capabilities, SystemError> {
        match self {
            Self::Postgres(server) => server.capabilities().await,
            Self::MariaDb(server) => server.capabilities().await,
        }
    }

    /// What the account may not do and would have to, each with the statement that gives it.
    pub(super) async fn lacks(&self) -> Result<Vec<String>, SystemError> {
        match self {
            Self::Postgres(server) => server.lacks().await,
            Self::MariaDb(server) => server.lacks().await,
        }
    }

    /// Carries orders out, one after the other; one answer for each.
    pub(super) async fn carry_out(&self, orders: Vec<Result<Order, SystemError>>, fence: &Fence) -> Vec<Result<Written, SystemError>> {
        match self {
            Self::Postgres(server) => server.carry_out(orders, fence).await,
            Self::MariaDb(server) => server.carry_out(orders, fence).await,
        }
    }
}
