//! From a revision that says something new to the row at the target, fifty a second, beside a program that does nothing but write such rows.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headcount::connector::registry::Facts;
use headcount::manifest::{ManifestInput, load};
use headcount::model::{Revision, Status, SystemState};
use headcount::pipeline::{Hear, News};
use headcount::policy::compile;
use headcount::state;
use headcount::workspace::{CompiledRevision, Observer, Workspace};
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::company::{self, Company};
use crate::quantiles;

const A_SECOND: u32 = 50;
const ROBOTS: usize = 10;

/// Says when each change was there.
struct Hears {
    /// of each robot the changes that were said and are not there yet
    waiting: Mutex<Vec<VecDeque<(usize, Instant)>>>,
    took: Mutex<Vec<Duration>>,
    declared: watch::Sender<bool>,
}

impl Hear for Hears {
    fn hear(&self, news: News<'_>) {
        let News::Finished { change, outcome } = news else { return };
        let wrote =
            change.attributes.iter().find(|attribute| &*attribute.attribute == "displayName").and_then(|one| one.after.as_ref()?.as_text());
        let Some(number) = wrote.and_then(|name| name.strip_prefix("Robot ")?.parse::<usize>().ok()) else { return };
        if !outcome.holds() {
            // A newer one came, and it is done with that.
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = waiting.get_mut(number % ROBOTS) else { return };
        // What was said before of the same robot is there with it, or over.
        while let Some((said, since)) = own.front().copied().filter(|(said, _)| *said <= number) {
            took.push(since.elapsed());
            own.pop_front();
            if said == number {
                break;
            }
        }
    }
}

impl Observer for Hears {
    fn status(&self, status: &Status) {
        self.declared
            .send_replace(status.systems.iter().all(|system| system.state == SystemState::AsDeclared && system.pending.sum() == 0));
    }
}

pub fn measure(people: usize, changes: usize) {
    let company = Company::of(people, 1);
    let mut alone = plainly(&company, changes);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let mut took = runtime.block_on(kept(&company, changes));
    println!("{changes} changes of one row, {A_SECOND} a second, {people} people at the target");
    println!("{:<34} {}", "rows alone", quantiles(&mut alone));
    println!("{:<34} {}", "from the revision to the row", quantiles(&mut took));
}

fn plainly(company: &Company, changes: usize) -> Vec<Duration> {
    let database = Connection::open(company.database(0)).expect("a database");
    let begin = Instant::now();
    let write = |number: usize| {
        let at = begin + Duration::from_secs(1) / A_SECOND * u32::try_from(number).unwrap_or(u32::MAX);
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        let since = Instant::now();
        database.execute("UPDATE users SET name = ?1 WHERE login = 'given.family1'", [format!("Robot {number}")]).expect("a row");
        since.elapsed()
    };
    let took = (0..changes).map(write).collect();
    database.execute("UPDATE users SET name = 'Given Family1' WHERE login = 'given.family1'", []).expect("a row");
    took
}

async fn kept(company: &Company, changes: usize) -> Vec<Duration> {
    let (declared, mut is_declared) = watch::channel(false);
    let hears = Arc::new(Hears { waiting: Mutex::new(vec![VecDeque::new(); ROBOTS]), took: Mutex::default(), declared });
    let store = state::open(&company.path().join("state.db"), "bench").await.expect("a state");
    let stop = CancellationToken::new();
    let workspace = Workspace { store, who: "a bench".into(), observer: hears.clone(), once: false, stop: stop.clone() };
    let mut names: Vec<String> = vec!["Robot".into(); ROBOTS];
    let (tell, mail) = oneshot::channel();
    let running = tokio::spawn(workspace.run(revision(company, "begin", &names), |mail| drop(tell.send(mail))));
    let mail = mail.await.expect("a mailbox");
    is_declared.wait_for(|is| *is).await.expect("it goes on");
    let begin = Instant::now();
    for number in 0..changes {
        let at = begin + Duration::from_secs(1) / A_SECOND * u32::try_from(number).unwrap_or(u32::MAX);
        tokio::time::sleep_until(at.into()).await;
        names[number % ROBOTS] = format!("Robot {number}");
        let revision = revision(company, &number.to_string(), &names);
        hears.waiting.lock().unwrap_or_else(PoisonError::into_inner)[number % ROBOTS].push_back((number, Instant::now()));
        mail.manifests(revision);
    }
    while hears.waiting.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|own| !own.is_empty()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    running.await.expect("a task").expect("an end");
    std::mem::take(&mut *hears.took.lock().unwrap_or_else(PoisonError::into_inner))
}

fn revision(company: &Company, id: &str, names: &[String]) -> CompiledRevision {
    let mut text = std::fs::read_to_string(company.path().join("acme.yaml")).expect("a file");
    names.iter().enumerate().for_each(|(at, name)| text.push_str(&company::user(at, name)));
    let input = ManifestInput::Text { name: "acme.yaml".into(), base: company.path().to_path_buf(), bytes: text.into_bytes() };
    let (loaded, problems) = load(&[input]);
    assert!(problems.is_empty(), "{problems:#?}");
    let (policy, _) = compile(&loaded, &Facts).expect("sound manifests");
    let revision = Revision { id: id.into(), name: id.into(), at: Timestamp::now(), authors: Vec::new(), signer: None };
    CompiledRevision { revision, loaded: Arc::new(loaded), policy: Arc::new(policy), data: Default::default() }
}
