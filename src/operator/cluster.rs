//! The cluster: the one client, and what is asked of it about kinds and namespaces.
//!
//! Must never: take a kind or a namespace that is going away for one that is there.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject};
use kube::config::KubeConfigOptions;
use kube::{Client, Config};

use super::kinds::{self, MANIFESTS};

/// A cluster, and who we are there.
#[derive(Clone)]
pub struct Cluster {
    pub(super) client: Client,
}

/// Why it can't be reached.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// nothing says where it is
    #[error("nothing says where the cluster is")]
    Where(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// what says it can't be used
    #[error("no connection to the cluster can be made")]
    Client(#[source] Box<kube::Error>),
}

impl Cluster {
    /// Where the context of the kubeconfig says; without one: as every client finds it, the pod's own service account last.
    pub async fn connect(context: Option<&str>) -> Result<Self, ClusterError> {
        let config = match context {
            Some(context) => {
                let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
                Config::from_kubeconfig(&options).await.map_err(|error| ClusterError::Where(Box::new(error)))?
            }
            None => Config::infer().await.map_err(|error| ClusterError::Where(Box::new(error)))?,
        };
        let client = Client::try_from(config).map_err(|error| ClusterError::Client(Box::new(error)))?;
        Ok(Self { client })
    }

    /// The namespace of the pod, or of the context.
    pub fn namespace(&self) -> &str {
        self.client.default_namespace()
    }

    pub(super) fn objects(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &kinds::resource(kind))
    }

    /// Whether what is not there has been taken away by itself; else what is going on: a kind that is removed takes its objects along, and so does a namespace.
    pub(super) async fn is_whole(&self, namespace: &str) -> Result<(), String> {
        let version = format!("{}/{}", kinds::GROUP, kinds::VERSION);
        let known = self.client.list_api_group_resources(&version).await.map_err(|error| words(&error))?.resources;
        for (kind, plural) in MANIFESTS {
            match known.iter().find(|resource| resource.name == plural) {
                None => return Err(format!("the cluster does not know the kind {kind} any more")),
                // Of a kind that is being removed nothing can be made.
                Some(resource) if !resource.verbs.iter().any(|verb| verb == "create") => {
                    return Err(format!("the kind {kind} is being removed from the cluster"));
                }
                Some(_) => {}
            }
        }
        let found: Option<Namespace> = Api::all(self.client.clone())
            .get_opt(namespace)
            .await
            .map_err(|error| format!("whether the namespace {namespace} is being removed can't be told: {}", words(&error)))?;
        match found {
            None => Err(format!("the namespace {namespace} is gone")),
            Some(found) if found.metadata.deletion_timestamp.is_some() => Err(format!("the namespace {namespace} is being removed")),
            Some(_) => Ok(()),
        }
    }
}

/// What the cluster said, in few words.
pub(super) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => {
            let all = std::iter::successors(Some(other as &dyn std::error::Error), |error| error.source());
            let mut words: Vec<String> = Vec::new();
            for word in all.map(ToString::to_string) {
                // Most say what is behind them, too.
                if !words.iter().any(|known| known.contains(&word)) {
                    words.push(word);
                }
            }
            words.join(": ")
        }
    }
}
