//! Secrets of a namespace, each asked for by name when it is needed: when a connection is made, and when what it signs in with is refused. Of those that were read
//! it is looked from time to time, by name too, whether they are others by now.
//!
//! Must never: list Secrets, keep one, or ask another namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// by name the version that was read last; nothing: there was none
    read: Mutex<BTreeMap<String, Option<String>>>,
    /// how often one was another
    turn: AtomicU64,
}

impl fmt::Debug for ClusterSecrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("ClusterSecrets").field(&self.namespace).finish()
    }
}

impl ClusterSecrets {
    /// Of this namespace.
    pub fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self {
            api: Api::namespaced(cluster.client.clone(), namespace),
            namespace: namespace.to_owned(),
            read: Mutex::default(),
            turn: AtomicU64::new(0),
        }
    }

    /// Which of these are others than when they were read last. Whoever is not named any more is forgotten.
    pub(super) async fn rotated(&self, named: &BTreeSet<String>) -> BTreeSet<String> {
        let known: Vec<(String, Option<String>)> = {
            let mut read = self.read();
            let before = read.len();
            read.retain(|name, _| named.contains(name));
            // What signed in with one that is looked after no more reads it anew, should it come up again.
            self.turn.fetch_add(u64::from(read.len() < before), Ordering::AcqRel);
            read.iter().map(|(name, version)| (name.clone(), version.clone())).collect()
        };
        let mut rotated = BTreeSet::new();
        for (name, before) in known {
            match self.api.get_metadata_opt(&name).await {
                Ok(found) => {
                    let now = found.and_then(|found| found.metadata.resource_version);
                    if now != before {
                        // From here on the next look compares with this one, whoever reads it.
                        self.read().insert(name.clone(), now);
                        self.turn.fetch_add(1, Ordering::AcqRel);
                        rotated.insert(name);
                    }
                }
                Err(error) => {
                    let why = words(&error);
                    tracing::debug!(target: "headcount::operator", why, "whether a Secret is another by now can't be told");
                }
            }
        }
        rotated
    }

    fn read(&self) -> MutexGuard<'_, BTreeMap<String, Option<String>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for ClusterSecrets {
    fn get<'a>(&'a self, reference: &'a SecretKeyRef) -> BoxFuture<'a, Result<SecretString, SecretError>> {
        Box::pin(async move {
            let SecretKeyRef { name, key } = reference;
            let wrong = |why: String| SecretError::Kept { name: name.clone(), key: key.clone(), why };
            let found = self.api.get_opt(name).await.map_err(|error| wrong(words(&error)))?;
            let version = found.as_ref().and_then(|found| found.metadata.resource_version.clone());
            self.read().insert(name.clone(), version);
            let found = found.ok_or_else(|| wrong(format!("the namespace {} has no such Secret", self.namespace)))?;
            let value = found.data.and_then(|mut data| data.remove(key)).ok_or_else(|| wrong("the Secret has no such key".to_owned()))?;
            secret::text(value.0, format!("the key {key} of the Secret {name}"))
        })
    }

    fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }
}
