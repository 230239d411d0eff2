//! `headcount controller`: keeps a workspace so, beside a directory or a git repository.
//!
//! Must never: decide about a change; the workspace's gates do.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Files;
use super::apply::asked_to_stop;
use super::commit_status::{self, StatusHost};
use super::log::RunningLogArgs;
use super::plan::verdict;
use super::report::{self, Exit, Failure, Texts, notice};
use super::session::{self, state_failure, state_place};
use super::watched::Watched;
use super::who::who;
use crate::git::{Remote, RemoteUrl, SshAccess, Verify, Which};
use crate::manifest::connection::SecretRef;
use crate::metrics::Metrics;
use crate::model::Status;
use crate::notify::{NoticeMemory, Notices, Notifier};
use crate::serve::{self, Bounds, Health, Listening};
use crate::state::{self, Store};
use crate::workspace::revisions::{FolderRevisions, GitRevisions, RevisionSource};
use crate::workspace::{self, First, Manifests, Workspace, WorkspaceError};

/// Keep everything as declared, until it is stopped: read each system when it is due, and do what is needed as soon as it may be done
#[derive(Debug, Args)]
pub struct ControllerArgs {
    #[command(flatten)]
    files: Files,
    /// End once nothing is left to be done now, as a job that runs by the clock wants it
    #[arg(long)]
    once: bool,
    /// Seconds between two looks whether there are newer manifests [default: 60 of a repository, 5 of a directory]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    poll: Option<u64>,
    /// Where /metrics, /healthz and /readyz are served
    #[arg(long, value_name = "ADDRESS", default_value_t = serve::MONITORING)]
    listen: SocketAddr,
    #[command(flatten)]
    git: GitArgs,
    #[command(flatten)]
    pub log: RunningLogArgs,
    /// what is counted from the first line of the log on
    #[arg(skip)]
    pub metrics: Metrics,
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
    /// The private key that signs in over SSH [default: what the agent has]
    #[arg(long, value_name = "FILE", requires = "url")]
    git_ssh_key: Option<PathBuf>,
    /// The hosts that are known over SSH; any other one is refused [default: ssh's own files]
    #[arg(long, value_name = "FILE", requires = "url")]
    git_known_hosts: Option<PathBuf>,
    /// A file with the token that signs in over HTTPS [default: HEADCOUNT_GIT_TOKEN, where it is set]
    #[arg(long, value_name = "FILE", requires = "url")]
    git_token_file: Option<PathBuf>,
    /// Set a status of the commit in force at its host, with HEADCOUNT_STATUS_TOKEN
    #[arg(long, value_name = "HOST", requires = "url")]
    commit_status: Option<StatusHost>,
    /// Where the copy of the repository is kept, and what manifests name beside it
    #[arg(long, value_name = "DIR", requires = "url")]
    git_cache: Option<PathBuf>,
}

/// How often a directory is looked at, and a repository.
const DIRECTORY: Duration = Duration::from_secs(5);
const REPOSITORY: Duration = Duration::from_secs(60);
/// One look at a repository may take so long.
const LIMIT: Duration = Duration::from_secs(60);
/// Where the token is, unless a file is named.
const TOKEN: &str = "HEADCOUNT_GIT_TOKEN";
/// Where the copy of the repository is, unless somebody says.
const CACHE: &str = ".headcount/git";

pub fn run(args: &ControllerArgs) -> Result<Exit, Failure> {
    let every = args.poll.map_or(if args.git.url.is_some() { REPOSITORY } else { DIRECTORY }, Duration::from_secs);
    let mut source = args.source()?;
    session::run(async {
        let stop = CancellationToken::new();
        tokio::spawn(stop_when_asked(stop.clone()));
        let Some(manifests) = begin(source.as_mut(), every, args.once, &stop).await? else { return Ok(Exit::Done) };
        keep(args, source, manifests, every, stop).await
    })?
}

/// Runs the workspace under the first manifests, and follows what comes after.
async fn keep(
    args: &ControllerArgs,
    source: Box<dyn RevisionSource>,
    manifests: Manifests,
    every: Duration,
    stop: CancellationToken,
) -> Result<Exit, Failure> {
    let place = state_place(&manifests.loaded, &args.files);
    let store = state::open(&place, &manifests.policy.workspace).await.map_err(|error| state_failure(&error))?;
    if let Some(why) = workspace::held(store.as_ref(), &manifests).await.map_err(|error| state_failure(&error))? {
        let failure = Failure::new(format!("these manifests lack what was in force before: {}", why.join("\n")));
        return Err(failure.exit(Exit::Stale));
    }
    notice(format_args!("{} is in force; the state is {}", manifests.revision.name, store.place().display()));
    let first = manifests.clone();
    let ends = stop.clone();
    let name = manifests.policy.workspace.clone();
    let (host, teller) = args.git.telling().await?.unzip();
    let (health, metrics) = (Health::new(Instant::now()), args.metrics.clone());
    health.loaded();
    let listening = listen(args, &health, &metrics, &stop).await?;
    let receivers = manifests.loaded.workspace.as_ref().map(|workspace| (workspace.spec.notifications.as_slice(), workspace.origin.base.as_path()));
    let (receivers, base) = receivers.unwrap_or((&[], Path::new("")));
    let notifier = Arc::new(Notifier::new(&name, receivers, base, &metrics));
    let (notices, statuses) = watch::channel(None);
    tokio::spawn(tell(store.clone(), statuses, notifier.clone(), manifests.policy.time_zone.clone()));
    let observer = Arc::new(Watched::new(&name, (health, metrics), host.into_iter().chain([notices]).collect(), notifier));
    let workspace = Workspace { store, who: who(), observer, once: args.once, stop };
    let ended = workspace.run(manifests, |mail| drop(tokio::spawn(workspace::follow(source, mail, first, every, ends)))).await;
    if let Some(teller) = teller {
        commit_status::arrived(teller).await;
    }
    if let Some(listening) = listening {
        listening.ended().await;
    }
    match ended {
        Ok(ended) => Ok(exit(&ended)),
        Err(WorkspaceError::Standby(holder)) if !args.once => {
            notice(format_args!("stopped while waiting for {holder}; nothing was changed"));
            Ok(Exit::Done)
        }
        Err(WorkspaceError::State(error)) => Err(state_failure(&error)),
        Err(error) => Err(Failure::from_error(&error)),
    }
}

/// Where it is told how it goes. A job that runs by the clock is over before anybody asks.
async fn listen(args: &ControllerArgs, health: &Health, metrics: &Metrics, stop: &CancellationToken) -> Result<Option<Listening>, Failure> {
    if args.once {
        return Ok(None);
    }
    let routes = serve::monitoring(health.clone(), metrics.clone());
    let listening = serve::listen(args.listen, routes, Bounds::default(), stop.clone()).await;
    let listening = listening.map_err(|error| {
        Failure::from_error(&error).hint("name another address with --listen; port 0 takes one that is free").exit(Exit::Usage)
    })?;
    notice(format_args!("metrics and health at http://{}", listening.address));
    Ok(Some(listening))
}

/// Tells receivers what needs somebody, beside the workspace.
async fn tell(store: Arc<dyn Store>, mut statuses: watch::Receiver<Option<Status>>, notifier: Arc<Notifier>, zone: TimeZone) {
    let Ok(mut told) = NoticeMemory::read(store.as_ref()).await else { return };
    while statuses.changed().await.is_ok() {
        let Some(status) = statuses.borrow_and_update().clone() else { continue };
        let Notices { notices, facts } = told.hear(&status, &zone);
        // What could not be remembered is told again by the next process: twice is better than never.
        if !facts.is_empty() && store.commit(facts).await.is_err() {
            notice("what was told could not be remembered");
        }
        notifier.tell(notices);
    }
}

/// The first manifests that can be used. A job that runs by the clock takes what there is; whatever runs for longer waits for better ones.
async fn begin(
    source: &mut dyn RevisionSource,
    every: Duration,
    once: bool,
    stop: &CancellationToken,
) -> Result<Option<Manifests>, Failure> {
    loop {
        let failure = match workspace::first(source).await {
            Ok(Some(First::Sound(manifests, warnings))) => {
                report::diagnostics(&warnings, &Texts::default());
                return Ok(Some(*manifests));
            }
            Ok(Some(First::Refused(revision, problems))) => {
                notice(format_args!("{} can't be used", revision.name));
                Failure::Manifests(problems, Texts::default())
            }
            Ok(None) => Failure::new(format!("{} has no manifests yet", source.place())),
            Err(error) => {
                let failure = Failure::from_error(&error);
                error.hint().into_iter().fold(failure, Failure::hint)
            }
        };
        if once {
            return Err(failure);
        }
        report::failure(&failure);
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

async fn stop_when_asked(stop: CancellationToken) {
    asked_to_stop().await;
    notice("stopping: what was sent is waited for");
    stop.cancel();
}

fn exit(ended: &workspace::Ended) -> Exit {
    match &ended.plan {
        _ if ended.failed => Exit::Partly,
        Some(plan) => verdict(plan),
        None => Exit::Done,
    }
}

impl ControllerArgs {
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
        GitRevisions::open(remote, in_file.or_else(in_variable), None).map_err(failed)
    }
}
