//! headcount at work in the company: each day it reads, plans and applies, through the real pipeline, on the company's clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use headcount::apply::{Clock, RunSettings};
use headcount::connector::registry::Facts;
use headcount::diagnostic::Level;
use headcount::manifest::{Loaded, ManifestInput, load};
use headcount::model::{Outcome, Plan};
use headcount::pipeline::{self, Execution, HearNothing, Reading, Snapshot};
use headcount::planning::{Moment, Scope, Unleft};
use headcount::policy::{self, Policy};
use headcount::state::{self, Store};
use headcount::world::World;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::workspace::date;

/// headcount, its folder and its state.
pub struct Office {
    folder: PathBuf,
    runtime: Runtime,
    settings: RunSettings,
    time: Arc<AtomicI64>,
    store: Option<Arc<dyn Store>>,
    workspace: Option<(String, Arc<Loaded>, Policy)>,
    /// a world that is kept and told what changes, while others are read anew
    kept: Option<World>,
    /// how often it could be kept, and how often it had to be read anew
    pub kept_days: (usize, usize),
}

impl Office {
    pub fn new(folder: &Path) -> Self {
        let time = Arc::new(AtomicI64::new(0));
        let clock = time.clone();
        let clock = Clock(Arc::new(move || Timestamp::from_second(clock.load(Ordering::Relaxed)).expect("a time")));
        Self {
            folder: folder.to_path_buf(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .thread_stack_size(16 << 20)
                .build()
                .expect("threads"),
            settings: RunSettings { clock, ..RunSettings::default() },
            time,
            store: None,
            workspace: None,
            kept: None,
            kept_days: (0, 0),
        }
    }

    /// Somebody loses the state.
    pub fn lose_state(&mut self) {
        self.store = None;
        for file in std::fs::read_dir(&self.folder).expect("the folder").flatten() {
            if file.file_name().to_string_lossy().starts_with("state.db") {
                std::fs::remove_file(file.path()).expect("it goes");
            }
        }
    }

    /// The manifests of today.
    pub fn declare(&mut self, manifests: String) {
        if self.workspace.as_ref().is_some_and(|(known, ..)| *known == manifests) {
            return;
        }
        let input = ManifestInput::Text { name: "company.yaml".into(), base: self.folder.clone(), bytes: manifests.clone().into_bytes() };
        let (loaded, problems) = load(&[input]);
        assert!(problems.iter().all(|problem| problem.level != Level::Error), "{problems:#?}");
        let (policy, _) = policy::compile(&loaded, &Facts).unwrap_or_else(|problems| panic!("{problems:#?}"));
        self.workspace = Some((manifests, Arc::new(loaded), policy));
    }

    /// What one run would do. It is six in the morning, in UTC.
    pub fn plan(&mut self, day: i32) -> (Snapshot, Plan) {
        let (_, loaded, policy) = self.workspace.as_ref().expect("manifests");
        let (loaded, policy) = (loaded.clone(), policy.clone());
        let now = date(day).at(6, 0, 0, 0).to_zoned(TimeZone::UTC).expect("a time").timestamp();
        self.time.store(now.as_second(), Ordering::Relaxed);
        let store = self.store();
        let moment = Moment { today: date(day), now };
        let memory = self.runtime.block_on(store.load()).expect("the state");
        let mut snapshot = self.runtime.block_on(pipeline::read(&loaded, Arc::new(policy), memory, moment, &Reading::once(&HearNothing)));
        let plan = self.runtime.block_on(pipeline::plan(&snapshot, Scope::All, &HearNothing));
        self.plans_the_same(&mut snapshot, &plan);
        (snapshot, plan)
    }

    /// A world that was kept since the last run and is told what changed since plans the same, byte for byte.
    fn plans_the_same(&mut self, snapshot: &mut Snapshot, plan: &Plan) {
        let mut kept = match self.kept.take().filter(|kept| kept.fits(&snapshot.policy)) {
            Some(mut kept) => {
                kept.turn(&snapshot.policy, snapshot.moment.today);
                kept.follow(&snapshot.policy, World::clone(&snapshot.world));
                self.kept_days.0 += 1;
                kept
            }
            None => {
                self.kept_days.1 += 1;
                World::clone(&snapshot.world)
            }
        };
        std::mem::swap(&mut kept, Arc::make_mut(&mut snapshot.world));
        let again = self.runtime.block_on(pipeline::plan(snapshot, Scope::All, &HearNothing));
        std::mem::swap(&mut kept, Arc::make_mut(&mut snapshot.world));
        let told = |plan: &Plan| serde_json::to_string_pretty(plan).expect("JSON");
        assert_eq!(told(&again), told(plan), "a kept world plans otherwise");
        self.kept = Some(kept);
    }

    /// Carries a plan out, and remembers what `headcount apply` remembers. Gives what did not succeed, in words.
    pub fn apply(&mut self, snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
        let store = self.store();
        self.runtime.block_on(async {
            let lock = store.lock("company").await.expect("the lock");
            let going = pipeline::going(plan);
            pipeline::catch_up(snapshot, store.as_ref(), &going, true).await.expect("the state");
            let mut failed = Vec::new();
            if plan.applyable() || !store.load().await.expect("the state").known {
                let execution = Execution {
                    snapshot,
                    store: &store,
                    lock: &lock,
                    settings: &self.settings,
                    who: "company",
                    going,
                    read: true,
                    unleft: Unleft::Everybody,
                    with: Vec::new(),
                    stop: CancellationToken::new(),
                    hear: &HearNothing,
                };
                let report = pipeline::execute(&execution, plan).await.expect("a report");
                let wrong =
                    report.outcomes.iter().filter(|(_, outcome)| !matches!(outcome, Outcome::Done { .. } | Outcome::AlreadySo { .. }));
                failed.extend(wrong.map(|(at, outcome)| format!("{:?}: {outcome:?}", plan.changes[at.0 as usize])));
            }
            pipeline::remember(snapshot, store.as_ref()).await.expect("the state");
            failed
        })
    }

    fn store(&mut self) -> Arc<dyn Store> {
        let path = self.folder.join("state.db");
        let open = || self.runtime.block_on(state::open(&path, "acme")).expect("a state");
        self.store.get_or_insert_with(open).clone()
    }
}
