//! `headcount operator`: keeps the workspaces of a cluster as their objects say.
//!
//! Must never: decide about a change; each workspace's gates do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Files;
use super::begin::{Beginner, Tells};
use super::controller::{Listen, stop_when_asked};
use super::inbound::InboundArgs;
use super::log::{self, LogArgs, RunningLogArgs};
use super::pages::PagesArgs;
use super::report::{self, Exit, Failure, notice};
use super::session::{self, state_failure, state_place};
use crate::manifest::Loaded;
use crate::metrics::Metrics;
use crate::model::Status;
use crate::operator::{self, Cluster, ClusterRevisions, ClusterSecrets, KubernetesLease, Register, StatusNews};
use crate::secret;
use crate::serve::{self, Bounds, Health};
use crate::server::{Desk, Inbound, Site};
use crate::workspace::{self, Beginning, Followed, Mail, Workspace, WorkspaceError};

/// Keep the workspaces of a Kubernetes cluster as their objects say, until it is stopped
#[derive(Debug, Args)]
#[command(after_help = "\
A workspace is a namespace with a Workspace object in it. Each has one process that writes:
by a Lease of the namespace, or by its state where that is PostgreSQL.

Examples:
  headcount operator --namespace acme              one namespace
  headcount operator --all-namespaces              every namespace that has a Workspace")]
pub struct OperatorArgs {
    /// A namespace; repeatable [default: the pod's own, or that of the context]
    #[arg(short, long, value_name = "NAME", conflicts_with = "all_namespaces")]
    namespace: Vec<String>,
    /// Every namespace that has a Workspace
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// A context of the kubeconfig [default: its current one; without a kubeconfig the pod's service account]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// A folder that stays: with a folder for each namespace, where its state is kept and files that Sources read may be mounted
    #[arg(long, value_name = "DIR", default_value = "/var/lib/headcount")]
    data: PathBuf,
    /// Where /metrics, /healthz and /readyz are answered, or none [default: all addresses of the pod]
    #[arg(long, value_name = "ADDRESS", value_parser = Listen::parse)]
    listen: Option<Listen>,
    #[command(flatten)]
    pages: PagesArgs,
    #[command(flatten)]
    inbound: InboundArgs,
    #[command(flatten)]
    log: RunningLogArgs,
}

/// A workspace that ended by itself is begun anew after so long.
const AGAIN: Duration = Duration::from_secs(10);
/// While no workspace is there, so often a sign of life.
const TURN: Duration = Duration::from_secs(5);
/// While nothing runs, so long between two looks whether there is something better.
const LOOK: Duration = Duration::from_secs(1);
/// At the end so long is waited for the last status to arrive.
const LAST: Duration = Duration::from_secs(5);

/// What all workspaces share.
#[derive(Clone)]
struct Office {
    cluster: Cluster,
    data: PathBuf,
    health: Health,
    metrics: Metrics,
    stop: CancellationToken,
    /// pages of the one workspace that there is
    site: Option<Arc<Site>>,
    /// what is pushed to it
    inbound: Option<Arc<Inbound>>,
}

pub fn run(args: &OperatorArgs, logs: &LogArgs) -> Result<Exit, Failure> {
    if (args.pages.wanted() || args.inbound.wanted()) && (args.all_namespaces || args.namespace.len() > 1) {
        return Err(Failure::usage("pages and inboxes are of one workspace")
            .hint("name one --namespace, and run another operator for another one's pages"));
    }
    let metrics = Metrics::default();
    log::start_running(logs, &args.log, metrics.clone())?;
    session::run(async {
        let stop = CancellationToken::new();
        tokio::spawn(stop_when_asked(stop.clone()));
        let cluster = Cluster::connect(args.context.as_deref()).await.map_err(|error| {
            Failure::from_error(&error)
                .hint("in a pod its service account is used; elsewhere a kubeconfig, as kubectl does (KUBECONFIG, --context)")
        })?;
        let health = Health::new(Instant::now());
        listen(args.listen, &health, &metrics, &stop).await?;
        let site = args.pages.open(&stop).await?;
        let inbound = args.inbound.open(&metrics, None, &stop).await?;
        let office = Office { cluster, data: args.data.clone(), health, metrics, stop, site, inbound };
        let mut workspaces = JoinSet::new();
        if args.all_namespaces {
            let mut found = operator::namespaces(&office.cluster, &office.stop);
            loop {
                tokio::select! {
                    namespace = found.recv() => match namespace {
                        Some(namespace) => drop(workspaces.spawn(keep(office.clone(), namespace))),
                        None => break,
                    },
                    // Where there is no workspace yet, nobody else says that this one lives.
                    () = tokio::time::sleep(TURN), if workspaces.is_empty() => office.health.turned(Instant::now()),
                }
            }
        } else {
            for namespace in args.namespaces(&office.cluster) {
                workspaces.spawn(keep(office.clone(), namespace));
            }
        }
        while workspaces.join_next().await.is_some() {}
        Ok(Exit::Done)
    })?
}

impl OperatorArgs {
    fn namespaces(&self, cluster: &Cluster) -> Vec<String> {
        let mut named = if self.namespace.is_empty() { vec![cluster.namespace().to_owned()] } else { self.namespace.clone() };
        named.sort();
        named.dedup();
        named
    }
}

async fn listen(listen: Option<Listen>, health: &Health, metrics: &Metrics, stop: &CancellationToken) -> Result<(), Failure> {
    let address = match listen {
        Some(Listen::Nowhere) => return Ok(()),
        Some(Listen::At(address)) => address,
        // Whoever asks a pod asks it by the pod's own address.
        None => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), serve::MONITORING.port()),
    };
    let routes = serve::monitoring(health.clone(), metrics.clone());
    let listening = serve::listen(address, routes, Bounds::default(), stop.clone()).await;
    let listening = listening.map_err(|error| Failure::from_error(&error).hint("say another address with --listen, or --listen none"))?;
    notice(format_args!("metrics and health: http://{}/metrics", listening.address));
    Ok(())
}

/// Keeps a namespace until the process is stopped: whatever ends it is told, and it begins anew.
async fn keep(office: Office, namespace: String) {
    loop {
        if let Err(failure) = serve_namespace(&office, &namespace).await {
            report::failure(&failure);
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = office.stop.cancelled() => return,
        }
    }
}

async fn serve_namespace(office: &Office, namespace: &str) -> Result<(), Failure> {
    let base = office.data.join(namespace);
    std::fs::create_dir_all(&base).map_err(|error| {
        Failure::file("make", &base, error).hint("mount a volume there that the operator may write, or name another folder with --data")
    })?;
    let secrets = Arc::new(ClusterSecrets::new(&office.cluster, namespace));
    secret::entrust(base.clone(), secrets.clone());
    // What belongs to this attempt ends with it.
    let halt = CancellationToken::new();
    let _over = halt.clone().drop_guard();
    let register = Register::default();
    let mut source = ClusterRevisions::start(&office.cluster, namespace, base, register.clone(), &halt);
    let (news, heard) = watch::channel(StatusNews::Elsewhere);
    let writing = operator::write_status(&office.cluster, namespace, &source, &register, heard, halt.clone());
    let (host, statuses) = watch::channel(None);
    let telling = tokio::spawn(tell(statuses, news.clone()));
    let told = Tells {
        health: office.health.clone(),
        metrics: office.metrics.clone(),
        host: Some(host),
        watched: false,
        inbound: office.inbound.clone(),
    };
    notice(format_args!("watching the namespace {namespace}"));
    let ended = match begin(office, namespace, &mut source, &told, &news).await {
        Ok(Some(beginning)) => run_workspace(office, namespace, (source, secrets), beginning, (&told, news.clone())).await,
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    // What was said last is to arrive.
    drop((told, news));
    let _ = tokio::time::timeout(LAST, telling).await;
    let _ = tokio::time::timeout(LAST, writing).await;
    ended
}

/// The first objects to run by: the newest ones, else those that were in force last, where this process can have them again.
async fn begin(
    office: &Office,
    namespace: &str,
    source: &mut ClusterRevisions,
    told: &Tells,
    news: &watch::Sender<StatusNews>,
) -> Result<Option<Beginning>, Failure> {
    let record = Arc::new(KubernetesLease::new(&office.cluster, namespace));
    let place = |loaded: &Loaded| state_place(loaded, &Files::default()).beside(record.clone());
    let untold = || drop(news.send_replace(StatusNews::Unused));
    let beginner = Beginner { who: who(), place: &place, every: LOOK, once: false, untold: &untold };
    let beginning = beginner.begin(source, told, &office.stop).await;
    // From here on whoever has the lock says how it stands.
    told.host.iter().for_each(|host| drop(host.send_replace(None)));
    news.send_replace(StatusNews::Elsewhere);
    beginning
}

async fn run_workspace(
    office: &Office,
    namespace: &str,
    (source, secrets): (ClusterRevisions, Arc<ClusterSecrets>),
    beginning: Beginning,
    (told, news): (&Tells, watch::Sender<StatusNews>),
) -> Result<(), Failure> {
    let Beginning { store, manifests, refused, .. } = beginning;
    notice(format_args!("{namespace}: {} is in force; the state is {}", manifests.revision.name, store.place().display()));
    office.health.loaded();
    office.health.state(true);
    let halt = CancellationToken::new();
    let _over = halt.clone().drop_guard();
    let serving = operator::serve_requests(&source, secrets, store.clone(), news.subscribe(), halt.clone()).await;
    serving.map_err(|error| state_failure(&error))?;
    operator::write_plans(&office.cluster, namespace, store.clone(), news.subscribe(), halt.clone());
    drop(news);
    let (from, ends) = (Followed { known: manifests.clone(), refused }, halt.clone());
    let teller = told.teller(&store, &manifests);
    let (shown, place) = (store.clone(), state_place(&manifests.loaded, &Files::default()));
    let workspace = Workspace { store, who: who(), observer: Arc::new(teller), once: false, stop: office.stop.clone() };
    let follow = |mail: Mail| {
        let desk = Desk { store: shown.clone(), place: place.clone(), mail: mail.clone() };
        office.inbound.iter().for_each(|inbound| inbound.serve(desk.clone()));
        office.site.iter().for_each(|site| site.serve(desk.clone()));
        drop(tokio::spawn(async move {
            tokio::select! {
                () = workspace::follow(Box::new(source), mail, from, Duration::ZERO, ends.clone()) => {}
                () = ends.cancelled() => {}
            }
        }));
    };
    match workspace.run(manifests, follow).await {
        Ok(_) | Err(WorkspaceError::Standby(_)) => Ok(()),
        Err(WorkspaceError::State(error)) => Err(state_failure(&error)),
        Err(error) => Err(Failure::from_error(&error)),
    }
}

/// Hands each status on to whoever writes it, until there are no more.
async fn tell(mut told: watch::Receiver<Option<Status>>, news: watch::Sender<StatusNews>) {
    while told.changed().await.is_ok() {
        let status = told.borrow_and_update().clone();
        news.send_replace(status.map_or(StatusNews::Elsewhere, |status| StatusNews::Told(Box::new(status))));
    }
}

/// The pod, for the journal and for whoever finds the Lease taken.
fn who() -> String {
    let named = ["HEADCOUNT_ACTOR", "POD_NAME", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.trim().is_empty()).map_or_else(|| "the operator".to_owned(), |name| format!("operator {name}"))
}
