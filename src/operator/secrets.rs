//! Secrets of a namespace, each asked for by name when it is needed: when a connection is made, and when what it signs in with is refused.
//!
//! Must never: list Secrets, keep one, or ask another namespace.

use std::fmt;

use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;

use super::cluster::{Cluster, words};
use crate::manifest::connection::SecretKeyRef;
use crate::secret::{self, SecretError, SecretString, Vault};

/// The Secrets of a namespace.
pub struct ClusterSecrets {
    api: Api<Secret>,
    namespace: String,
}

impl fmt::Debug for ClusterSecrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("ClusterSecrets").field(&self.namespace).finish()
    }
}

impl ClusterSecrets {
    /// Of this namespace.
    pub fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self { api: Api::namespaced(cluster.client.clone(), namespace), namespace: namespace.to_owned() }
    }
}

impl Vault for ClusterSecrets {
    fn get<'a>(&'a self, reference: &'a SecretKeyRef) -> BoxFuture<'a, Result<SecretString, SecretError>> {
        Box::pin(async move {
            let SecretKeyRef { name, key } = reference;
            let wrong = |why: String| SecretError::Kept { name: name.clone(), key: key.clone(), why };
            let found = self.api.get_opt(name).await.map_err(|error| wrong(words(&error)))?;
            let found = found.ok_or_else(|| wrong(format!("the namespace {} has no such Secret", self.namespace)))?;
            let value = found.data.and_then(|mut data| data.remove(key)).ok_or_else(|| wrong("the Secret has no such key".to_owned()))?;
            secret::text(value.0, format!("the key {key} of the Secret {name}"))
        })
    }
}
