//! `headcount controller`: keeps a workspace so, beside a directory or a git repository.
//!
//! Must never: decide about a change; the workspace's gates do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Files;
use super::apply::asked_to_stop;
use super::begin::{Beginner, Tells};
use super::commit_status::{self, StatusHost};
use super::inbound::InboundArgs;
use super::log::{self, LogArgs, RunningLogArgs};
use super::pages::PagesArgs;
use super::remainder::{self, Remainder};
use super::report::{Exit, Failure, notice};
use super::session::{self, state_failure, state_place};
use super::who::service;
use crate::git::{Remote, RemoteUrl, SshAccess, Verify, Which};
use crate::hooks::ManifestHost;
use crate::manifest::Loaded;
use crate::manifest::connection::SecretRef;
use crate::metrics::Metrics;
use crate::model::Status;
use crate::serve::{self, Bounds, Health, ServeError};
use crate::server::{Desk, Inbound, ManifestHooks, Site};
use crate::workspace::revisions::{FolderRevisions, GitRevisions, RevisionSource};
use crate::workspace::{self, Beginning, Followed, Mail, Workspace, WorkspaceError};

/// Keep everything as declared, until it is stopped: read each system when it is due, and do what is needed as soon as it may be done
#[derive(Debug, Args)]
#[command(after_help = "\
One process writes at a time: a second one on the same state waits and takes over. Newer
manifests that can't be used change nothing: what was in force stays so, and `headcount status`
says why.

Examples:
  headcount controller -f identity/                beside a directory
  headcount controller --git https://git.example/identity.git --ref main --path people
  headcount controller --git git@git.example:acme/identity.git --verify allowed_signers
  headcount controller -f identity/ --once         what is due now, then the end")]
pub struct ControllerArgs {
    #[command(flatten)]
    files: Files,
    /// End once nothing is left to be done now, as a job that runs by the clock wants it
    #[arg(long)]
    once: bool,
    /// Seconds between two looks whether there are newer manifests [default: 60 of a repository, 5 of a directory]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    poll: Option<u64>,
    /// Where /metrics, /healthz and /readyz are answered, or none [default: 127.0.0.1:7412; with --once none]
    #[arg(long, value_name = "ADDRESS", value_parser = Listen::parse)]
    listen: Option<Listen>,
    #[command(flatten)]
    pages: PagesArgs,
    #[command(flatten)]
    inbound: InboundArgs,
    #[command(flatten)]
    log: RunningLogArgs,
    #[command(flatten)]
    git: GitArgs,
}

/// Where others may ask how it goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Listen {
    At(SocketAddr),
    Nowhere,
}

/// The repository that is followed.
#[derive(Debug, Args)]
struct GitArgs {
    /// A git repository to follow, in the place of -f
    #[arg(long = "git", value_name = "URL", conflicts_with = "files")]
    url: Option<String>,
    /// A branch, a tag or a full reference [default: the remote's own]
    #[arg(long = "ref", value_name = "REF", requires = "url")]
    reference: Option<String>,
    /// The workspace's folder in the repository [default: all of it]
    #[arg(long, value_name = "PATH", requires = "url")]
    path: Option<String>,
    /// Use only commits that are signed by somebody in this file of allowed signers, as ssh-keygen reads it
    #[arg(long, value_name = "FILE", requires = "url")]
    verify: Option<PathBuf>,
    /// Ask for a signature of each commit since the one in force, and not of the newest alone
    #[arg(long, requires = "verify")]
    verify_each: bool,
    /// Use no commit to which the one in force does not lead: a branch that was rewritten is refused
    #[arg(long, requires = "url")]
    require_fast_forward: bool,
    /// The private key that signs in over SSH [default: what the agent has]
    #[arg(long, value_name = "FILE", requires = "url")]
    git_ssh_key: Option<PathBuf>,
    /// The hosts that are known over SSH; any other one is refused [default: ssh's own files]
    #[arg(long, value_name = "FILE", requires = "url")]
    git_known_hosts: Option<PathBuf>,
    /// A file with the token that signs in over HTTPS [default: HEADCOUNT_GIT_TOKEN, where it is set]
    #[arg(long, value_name = "FILE", requires = "url")]
    git_token_file: Option<PathBuf>,
    /// Who hosts the repository and says when something is pushed to it, to /hooks/manifests at --listen-inbound; the secret is in HEADCOUNT_GIT_WEBHOOK_SECRET
    #[arg(long, value_name = "HOST", requires = "url", requires = "listen_inbound")]
    git_webhook: Option<WebhookHost>,
    /// A file with that secret, in the place of HEADCOUNT_GIT_WEBHOOK_SECRET
    #[arg(long, value_name = "FILE", requires = "git_webhook")]
    git_webhook_secret_file: Option<PathBuf>,
    /// Set a status of the commit in force at its host, with HEADCOUNT_STATUS_TOKEN
    #[arg(long, value_name = "HOST", requires = "url")]
    commit_status: Option<StatusHost>,
    /// Where the copy of the repository is kept, and what manifests name beside it
    #[arg(long, value_name = "DIR", requires = "url")]
    git_cache: Option<PathBuf>,
}

/// A host of repositories.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum WebhookHost {
    /// GitHub, and GitHub Enterprise
    Github,
    /// GitLab
    Gitlab,
}

/// How often a directory is looked at, and a repository.
const DIRECTORY: Duration = Duration::from_secs(5);
const REPOSITORY: Duration = Duration::from_secs(60);
/// One look at a repository may take so long.
const LIMIT: Duration = Duration::from_secs(60);
/// Where the token is, unless a file is named.
const TOKEN: &str = "HEADCOUNT_GIT_TOKEN";
/// Where the secret of its webhooks is, unless a file is named.
const WEBHOOK_SECRET: &str = "HEADCOUNT_GIT_WEBHOOK_SECRET";
/// Where the copy of the repository is, unless somebody says.
const CACHE: &str = ".headcount/git";

pub fn run(args: &ControllerArgs, logs: &LogArgs) -> Result<Exit, Failure> {
    let metrics = Metrics::default();
    log::start_running(logs, &args.log, metrics.clone())?;
    let every = args.poll.map_or(if args.git.url.is_some() { REPOSITORY } else { DIRECTORY }, Duration::from_secs);
    let mut source = args.source()?;
    session::run(async {
        let stop = CancellationToken::new();
        tokio::spawn(stop_when_asked(stop.clone()));
        let health = Health::new(Instant::now());
        args.listen(&health, &metrics, &stop).await?;
        let doors = (args.pages.open(&stop).await?, args.inbound.open(&metrics, args.git.hooks()?, &stop).await?);
        let (host, telling) = args.git.telling().await?.unzip();
        let told = Tells { health, metrics, host, watched: true, inbound: doors.1.clone() };
        let Some(beginning) = begin(args, source.as_mut(), every, &told, &stop).await? else { return Ok(Exit::Done) };
        told.health.loaded();
        let ended = keep(args, source, beginning, every, (told, doors), stop).await;
        if let Some(telling) = telling {
            commit_status::arrived(telling).await;
        }
        ended
    })?
}

/// What is listened at for people, and for systems that push.
type Doors = (Option<Arc<Site>>, Option<Arc<Inbound>>);

/// Runs the workspace under the first manifests, and follows what comes after.
async fn keep(
    args: &ControllerArgs,
    source: Box<dyn RevisionSource>,
    beginning: Beginning,
    every: Duration,
    (told, (site, inbound)): (Tells, Doors),
    stop: CancellationToken,
) -> Result<Exit, Failure> {
    let Beginning { store, manifests, refused, .. } = beginning;
    notice(format_args!("{} is in force; the state is {}", manifests.revision.name, store.place().display()));
    told.health.state(true);
    let (ends, is_newest) = (stop.clone(), refused.is_none());
    let from = Followed { known: manifests.clone(), refused };
    let teller = told.teller(&store, &manifests);
    drop(told);
    let (shown, place) = (store.clone(), state_place(&manifests.loaded, &args.files));
    let workspace = Workspace { store, who: service("controller"), observer: Arc::new(teller), once: args.once, stop };
    let hand_over = |mail: Mail| {
        let desk = Desk { store: shown.clone(), place: place.clone(), mail: mail.clone() };
        inbound.iter().for_each(|inbound| inbound.serve(desk.clone()));
        site.iter().for_each(|site| site.serve(desk.clone()));
        drop(tokio::spawn(workspace::follow(source, mail, from, every, ends)));
    };
    match workspace.run(manifests, hand_over).await {
        // What is needed by the manifests in force is done, and the newest ones are none of them.
        Ok(ended) if args.once && !is_newest && exit(&ended, true) == Exit::Done => Ok(Exit::Error),
        Ok(ended) => Ok(exit(&ended, args.once)),
        Err(WorkspaceError::Standby(holder)) if !args.once => {
            notice(format_args!("stopped while waiting for {holder}; nothing was changed"));
            Ok(Exit::Done)
        }
        Err(WorkspaceError::State(error)) => Err(state_failure(&error)),
        Err(error) => Err(Failure::from_error(&error)),
    }
}

/// The first manifests to run by.
async fn begin(
    args: &ControllerArgs,
    source: &mut dyn RevisionSource,
    every: Duration,
    told: &Tells,
    stop: &CancellationToken,
) -> Result<Option<Beginning>, Failure> {
    let place = |loaded: &Loaded| state_place(loaded, &args.files);
    Beginner { who: service("controller"), place: &place, every, once: args.once, untold: &|| {} }.begin(source, told, stop).await
}

pub(super) async fn stop_when_asked(stop: CancellationToken) {
    asked_to_stop().await;
    notice("stopping: what was sent is waited for");
    stop.cancel();
}

fn exit(ended: &workspace::Ended, once: bool) -> Exit {
    // Somebody stopped it, which is how it ends.
    if !once {
        return Exit::Done;
    }
    let known =
        [ended.failed.then_some(Remainder::Undone), (!ended.settled).then_some(Remainder::Stale), ended.held.then_some(Remainder::Held)];
    remainder::exit(known.into_iter().flatten().chain(ended.plan.iter().flat_map(|plan| Remainder::of_plan(plan))))
}

impl Listen {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::Nowhere),
            _ => text.parse().map(Self::At).map_err(|_| "write an address and a port, such as 127.0.0.1:7412, or none".to_owned()),
        }
    }
}

impl ControllerArgs {
    /// Says how it goes to whoever asks, from now on. Where nobody said where, a place that is taken keeps nothing from being done.
    async fn listen(&self, health: &Health, metrics: &Metrics, stop: &CancellationToken) -> Result<(), Failure> {
        let address = match self.listen {
            Some(Listen::Nowhere) => return Ok(()),
            None if self.once => return Ok(()),
            Some(Listen::At(address)) => address,
            None => serve::MONITORING,
        };
        let routes = serve::monitoring(health.clone(), metrics.clone());
        match serve::listen(address, routes, Bounds::default(), stop.clone()).await {
            Ok(listening) => notice(format_args!("metrics and health: http://{}/metrics", listening.address)),
            Err(error @ ServeError::Taken(_)) if self.listen.is_none() => {
                notice(format_args!("{error}, so nothing tells how this one goes; say another address with --listen"));
            }
            Err(error) => return Err(Failure::from_error(&error).hint("say another address with --listen, or --listen none")),
        }
        Ok(())
    }

    fn source(&self) -> Result<Box<dyn RevisionSource>, Failure> {
        let Some(url) = &self.git.url else {
            let here = || vec![PathBuf::from(".")];
            let paths = if self.files.files.is_empty() { here() } else { self.files.files.clone() };
            if paths.iter().any(|path| path.as_os_str() == "-") {
                return Err(Failure::usage("what comes on standard input can't be followed").hint("name a directory with -f"));
            }
            return Ok(Box::new(FolderRevisions::new(paths)));
        };
        self.git.source(url).map(|source| Box::new(source) as Box<dyn RevisionSource>)
    }
}

impl GitArgs {
    /// Who tells the repository's host, and whom.
    async fn telling(&self) -> Result<Option<(watch::Sender<Option<Status>>, JoinHandle<()>)>, Failure> {
        let (Some(url), Some(host)) = (&self.url, self.commit_status) else { return Ok(None) };
        let url = RemoteUrl::parse(url).map_err(|error| Failure::from_error(&error))?;
        commit_status::start(&url, host).await.map(Some)
    }

    /// What comes when something is pushed there.
    fn hooks(&self) -> Result<Option<ManifestHooks>, Failure> {
        let Some(host) = self.git_webhook else { return Ok(None) };
        let base = std::env::current_dir().map_err(|error| Failure::because("can't tell where this is", &error))?;
        let secret = match &self.git_webhook_secret_file {
            Some(file) => SecretRef::File(file.display().to_string()),
            None if std::env::var_os(WEBHOOK_SECRET).is_some() => SecretRef::Env(WEBHOOK_SECRET.to_owned()),
            None => {
                let words = "webhooks of the repository's host have a secret that both know, and none is here";
                return Err(Failure::usage(words).hint(format!("set {WEBHOOK_SECRET}, or name a file with --git-webhook-secret-file")));
            }
        };
        let host = match host {
            WebhookHost::Github => ManifestHost::GitHub,
            WebhookHost::Gitlab => ManifestHost::GitLab,
        };
        Ok(Some(ManifestHooks { host, secret, base }))
    }

    fn source(&self, url: &str) -> Result<GitRevisions, Failure> {
        let failed = |error: crate::git::GitError| {
            let hint = error.hint();
            hint.into_iter().fold(Failure::from_error(&error), Failure::hint)
        };
        let here = std::env::current_dir().map_err(|error| Failure::because("can't tell where this is", &error))?;
        let which = if self.verify_each { Which::Range } else { Which::Tip };
        let remote = Remote {
            url: RemoteUrl::parse(url).map_err(failed)?,
            reference: self.reference.clone(),
            path: self.path.clone().unwrap_or_default(),
            verify: self.verify.clone().map(|signers| Verify { signers, which }),
            ssh: SshAccess { key: self.git_ssh_key.clone(), known_hosts: self.git_known_hosts.clone() },
            allow_plain: false,
            cache: self.git_cache.clone().unwrap_or_else(|| here.join(CACHE)),
            root: here,
            limit: LIMIT,
        };
        let in_variable = || std::env::var_os(TOKEN).map(|_| SecretRef::Env(TOKEN.to_owned()));
        let in_file = self.git_token_file.as_ref().map(|file| SecretRef::File(file.display().to_string()));
        let revisions = GitRevisions::open(remote, in_file.or_else(in_variable), None).map_err(failed)?;
        Ok(revisions.require_fast_forward(self.require_fast_forward))
    }
}
