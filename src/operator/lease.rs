//! The Lease of a namespace: who writes, where the state itself can't decide that. Replaced with the version that was read, so that of two who want it one learns it.
//!
//! Must never: write it without that version.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};

use super::cluster::{Cluster, words};
use crate::state::{Holder, LeaseNote, LeaseRecord};

/// What it is called.
const NAME: &str = "headcount";
/// Who holds it, in full.
const HOLDER: &str = "headcount.dev/holder";

/// The Lease of a namespace.
#[derive(Clone)]
pub struct KubernetesLease {
    api: Api<Lease>,
    namespace: String,
}

impl fmt::Debug for KubernetesLease {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("KubernetesLease").field(&self.namespace).finish()
    }
}

impl KubernetesLease {
    /// Of this namespace.
    pub fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self { api: Api::namespaced(cluster.client.clone(), namespace), namespace: namespace.to_owned() }
    }
}

impl LeaseRecord for KubernetesLease {
    fn place(&self) -> PathBuf {
        format!("the Lease {NAME} of the namespace {}", self.namespace).into()
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<LeaseNote>, String>> {
        Box::pin(async move { self.api.get_opt(NAME).await.map(|found| found.map(|lease| note(&lease))).map_err(|error| words(&error)) })
    }

    fn write(&self, note: LeaseNote) -> BoxFuture<'_, Result<Option<LeaseNote>, String>> {
        Box::pin(async move {
            let lease = lease(&note, Timestamp::now());
            let done = match &note.version {
                Some(_) => self.api.replace(NAME, &PostParams::default(), &lease).await,
                None => self.api.create(&PostParams::default(), &lease).await,
            };
            match done {
                Ok(stands) => Ok(Some(LeaseNote { version: stands.metadata.resource_version.map(Arc::from), ..note })),
                // Another one stands there by now, or none.
                Err(kube::Error::Api(answer)) if answer.code == 409 || (answer.code == 404 && note.version.is_some()) => Ok(None),
                Err(error) => Err(words(&error)),
            }
        })
    }
}

/// What a Lease says. One that others wrote, without our note, is held by whom it names.
fn note(lease: &Lease) -> LeaseNote {
    let spec = lease.spec.clone().unwrap_or_default();
    let identity = spec.holder_identity.unwrap_or_default();
    let written = lease.metadata.annotations.as_ref().and_then(|all| all.get(HOLDER)).and_then(|text| serde_json::from_str(text).ok());
    let unknown = || Holder { who: identity.clone(), run: Some(identity.clone()), ..Holder::default() };
    LeaseNote {
        holder: written.unwrap_or_else(unknown),
        epoch: u64::try_from(spec.lease_transitions.unwrap_or_default()).unwrap_or_default(),
        released: identity.is_empty(),
        term: Duration::from_secs(u64::try_from(spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default()),
        version: lease.metadata.resource_version.as_deref().map(Arc::from),
    }
}

fn lease(note: &LeaseNote, now: Timestamp) -> Lease {
    let identity =
        if note.released { String::new() } else { format!("{}/{}", note.holder.host, note.holder.run.as_deref().unwrap_or_default()) };
    let holder = serde_json::to_string(&note.holder).unwrap_or_default();
    Lease {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            resource_version: note.version.as_deref().map(str::to_owned),
            annotations: Some(BTreeMap::from([(HOLDER.to_owned(), holder)])),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(identity),
            lease_duration_seconds: i32::try_from(note.term.as_secs()).ok(),
            lease_transitions: i32::try_from(note.epoch).ok(),
            acquire_time: note.holder.since.map(MicroTime),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_says_what_its_note_says_and_an_empty_holder_is_none() {
        let at = "2026-11-29T10:00:00Z".parse().unwrap();
        let holder = Holder { who: "operator".into(), pid: 7, host: "hc-0".into(), since: Some(at), run: Some("r1".into()) };
        let told = LeaseNote { holder, epoch: 41, released: false, term: Duration::from_secs(15), version: Some("77".into()) };
        assert_eq!(note(&lease(&told, at)), told);
        let released = LeaseNote { released: true, ..told };
        assert_eq!(note(&lease(&released, at)), released);
        let theirs =
            Lease { spec: Some(LeaseSpec { holder_identity: Some("kubectl".into()), ..LeaseSpec::default() }), ..Lease::default() };
        assert_eq!((note(&theirs).holder.who.as_str(), note(&theirs).released), ("kubectl", false));
    }
}
