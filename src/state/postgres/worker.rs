//! What the task does, in the order in which it is asked for: commits, reads, and the lock.
//!
//! Must never: say that something is remembered before it is durable; do a commit twice; or let a run write once its lock is somebody else's.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{BoxFuture, join4};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Error, Row};

use super::connect::{NETWORK, PostgresPlace};
use super::facts::{self, Work};
use super::lease::{self, Kept};
use super::line::{Line, is_lost, roll_back};
use super::migrate;
use super::statement::{Statement, head};
use super::watch::TableWatch;
use crate::fence::Tenure;
use crate::state::lease::LeaseTime;
use crate::state::lock::Holder;
use crate::state::sqlite::CHECKPOINT;
use crate::state::{BEGINNING, Fact, Hash, Head, Heads, RunLock, StateError, UnderWay, Watch, hex, link};

/// Longest that a commit may take.
const COMMIT: Duration = Duration::from_secs(60);
/// One statement of it.
const STATEMENT: Duration = Duration::from_secs(30);

const MAKE: &str = "INSERT INTO workspaces (id, generation, seq, hash, revocations) VALUES ($1, 0, 0, $2, 0) ON CONFLICT (id) DO NOTHING";
const IS_THERE: &str = "SELECT 1 FROM workspaces WHERE id = $1";
/// Whoever writes waits for whoever writes already, and says the journal's last line.
pub(super) const WRITE: &str = "UPDATE workspaces SET generation = generation + 1 WHERE id = $1 RETURNING seq, hash";
const WRITTEN: &str = "UPDATE workspaces SET seq = $2, hash = $3, revocations = revocations + $4 WHERE id = $1";
const LINES: &str = "INSERT INTO journal (workspace, seq, run, event, change, body, hash) \
    SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bytea[])";
const LINE: &str = "SELECT hash FROM journal WHERE workspace = $1 AND seq = $2";

/// What one process has of a state.
pub(super) struct Worker {
    pub(super) line: Line,
    pub(super) place: Arc<PostgresPlace>,
    time: LeaseTime,
    pub(super) held: Option<Kept>,
    looks: bool,
}

/// What a commit had sent when nobody answered any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// nothing that could be durable
    Nothing,
    /// everything: it is durable if this is the journal's line of that number
    Lines(i64, Hash),
    /// everything, and it comes to the same when it is done again
    Same,
    /// everything, and done again it would count twice
    Counts,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Done,
    /// the lock is somebody else's
    Fenced,
    /// nobody made this workspace here, or somebody took it away
    Missing,
}

impl Worker {
    /// To work on a state, which is made where there is none.
    pub(super) async fn open(place: Arc<PostgresPlace>, time: LeaseTime) -> Result<Self, StateError> {
        let mut worker = Self::of(place, time, false);
        migrate::run(&mut worker.line).await?;
        let make = worker.of_ours(MAKE).bytes(BEGINNING.to_vec());
        worker.line.ask(&make).await?;
        Ok(worker)
    }

    /// To look at a state; nothing where there is none.
    pub(super) async fn look(place: Arc<PostgresPlace>, time: LeaseTime) -> Result<Option<Self>, StateError> {
        let mut worker = Self::of(place, time, true);
        if !migrate::look(&mut worker.line).await? {
            return Ok(None);
        }
        let there = worker.of_ours(IS_THERE);
        Ok((!worker.line.ask(&there).await?.is_empty()).then_some(worker))
    }

    fn of(place: Arc<PostgresPlace>, time: LeaseTime, looks: bool) -> Self {
        Self { line: Line::new(place.clone()), place, time, held: None, looks }
    }

    pub(super) fn of_ours(&self, sql: &'static str) -> Statement {
        Statement::new(sql, self.place.workspace())
    }

    pub(super) fn only_looked(&self) -> Result<(), StateError> {
        if self.looks { Err(StateError::OnlyLooked { path: self.place.shown() }) } else { Ok(()) }
    }

    /// All of it or nothing, in order. Where the connection was lost it is found out whether it is durable, and done again where it is not.
    pub(super) async fn commit(&mut self, facts: Vec<Fact>) -> Result<(), StateError> {
        self.only_looked()?;
        let lost = |why| StateError::LostLock { path: self.place.shown(), why };
        if facts.is_empty() {
            return self.held.as_ref().and_then(|held| held.lease.lost()).map_or(Ok(()), |why| Err(lost(why)));
        }
        let fence = self.held.as_ref().filter(|_| facts::is_of_a_run(&facts));
        if let Some(why) = fence.and_then(|held| held.lease.taken_away()) {
            return Err(lost(why));
        }
        let fence = fence.map(|held| self.of_ours(lease::FENCE).text(&held.run).number(held.epoch));
        let work = facts::work(self.place.workspace(), facts);
        match self.kept(&work, fence.as_ref()).await? {
            Ended::Done => Ok(()),
            Ended::Missing => Err(StateError::Missing { path: self.place.shown() }),
            Ended::Fenced => {
                let why = lease::taker(&mut self.line).await;
                self.held.iter().for_each(|held| held.lease.lose(why.clone()));
                Err(StateError::LostLock { path: self.place.shown(), why })
            }
        }
    }

    async fn kept(&mut self, work: &Work, fence: Option<&Statement>) -> Result<Ended, StateError> {
        self.kept_after(work, fence, Sent::Nothing).await
    }

    /// `doubt`: what an attempt before may have done.
    pub(super) async fn kept_after(&mut self, work: &Work, fence: Option<&Statement>, mut doubt: Sent) -> Result<Ended, StateError> {
        let begin = self.line.begin("", STATEMENT);
        let mut again = true;
        loop {
            let session = match self.line.take().await {
                Ok(session) => session,
                Err(error) if doubt == Sent::Nothing => return Err(error),
                Err(error) => return Err(self.uncertain(&error.to_string())),
            };
            let mut sent = doubt;
            let keep = Keep { client: &session.client, workspace: self.place.workspace(), begin: &begin, work };
            let why = match timeout(COMMIT, keep.all(fence, doubt, &mut sent)).await {
                Ok(Ok(ended)) => {
                    self.line.give_back(session);
                    return Ok(ended);
                }
                // The server said no: nothing of it is durable.
                Ok(Err(error)) if !is_lost(&error) => {
                    if roll_back(&session.client).await {
                        self.line.give_back(session);
                    }
                    return Err(self.place.told(error));
                }
                Ok(Err(error)) => self.place.told(error).to_string(),
                Err(_) => "it did not answer in time".to_owned(),
            };
            doubt = sent;
            if !again || doubt == Sent::Counts {
                return Err(if doubt == Sent::Nothing { self.place.unreachable(why, NETWORK) } else { self.uncertain(&why) });
            }
            again = false;
        }
    }

    fn uncertain(&self, why: &str) -> StateError {
        let why = format!("the connection was lost while it was written to, and whether that arrived is not known: {why}");
        self.place.unreachable(why, "run again: what was sent is looked up first")
    }

    /// What is known of the journal's last line: it stands in a table of its own.
    pub(super) async fn heads(&mut self) -> Result<Heads, StateError> {
        const LAST: &str = "SELECT seq, hash, (SELECT value FROM meta WHERE workspace = $1 AND name = $2) FROM workspaces WHERE id = $1";
        let last = self.of_ours(LAST).text(CHECKPOINT);
        let rows = self.line.ask(&last).await?;
        let kept: Option<&str> = rows.first().map(|row| row.try_get(2)).transpose().map_err(|error| self.place.told(error))?.flatten();
        let checkpoint = kept.and_then(Head::parse);
        let (seq, hash) = rows.first().map(head).transpose().map_err(|error| self.place.told(error))?.unwrap_or((0, BEGINNING));
        let head = (seq > 0).then(|| Head { seq: seq.cast_unsigned(), hash: hex(&hash) });
        Ok(Heads { apart: head.clone(), written: head, checkpoint })
    }

    /// How often it was written to.
    pub(super) async fn generation(&mut self) -> Result<u64, StateError> {
        let generation = self.of_ours("SELECT generation FROM workspaces WHERE id = $1");
        let rows = self.line.ask(&generation).await?;
        let number: Result<i64, Error> = rows.first().map_or(Ok(0), |row| row.try_get(0));
        number.map(i64::cast_unsigned).map_err(|error| self.place.told(error))
    }

    pub(super) fn watch(&self) -> Box<dyn Watch> {
        Box::new(TableWatch::start(Line::new(self.place.clone())))
    }

    /// Begins to take the lock, beside whatever else is asked for.
    pub(super) async fn take(&mut self, who: &str) -> Result<JoinHandle<Result<Kept, StateError>>, StateError> {
        self.only_looked()?;
        let run = format!("{}-{:08x}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"), fastrand::u32(..));
        let holder = Holder { run: Some(run), ..Holder::this(who) };
        if let Some(held) = self.held.take() {
            if !held.lease.is_let_go() {
                let holder = Holder { run: Some(held.run.clone()), ..holder };
                self.held = Some(held);
                return Err(StateError::Busy { path: self.place.shown(), holder: Box::new(holder) });
            }
            held.release().await;
        }
        let (line, time) = (Line::new(self.place.clone()), self.time.clone());
        Ok(tokio::spawn(async move { lease::take(line, &time, holder).await }))
    }

    /// Has the lock, which was taken: from now on what a run writes is fenced by it.
    pub(super) fn hold(&mut self, kept: Kept) -> RunLock {
        let lock = RunLock::leased(kept.lease.clone(), kept.from.clone());
        self.held = Some(kept);
        lock
    }

    /// Gives the lock back.
    pub(super) async fn release(&mut self, lock: RunLock) {
        drop(lock);
        if let Some(held) = self.held.take() {
            held.release().await;
        }
    }

    /// A revocation tells others of itself for a while; said again it goes on.
    pub(super) async fn begin_beside(&mut self, name: &str) -> Result<(), StateError> {
        const BESIDE: &str = "INSERT INTO beside (workspace, name, until) VALUES ($1, $2, clock_timestamp() + interval '60 seconds') \
            ON CONFLICT (workspace, name) DO UPDATE SET until = excluded.until";
        let begin = self.of_ours(BESIDE).text(name);
        self.line.ask(&begin).await.map(drop)
    }

    /// It is over, as others are that gave no sign of life.
    pub(super) async fn end_beside(&mut self, name: &str) -> Result<(), StateError> {
        let end = self.of_ours("DELETE FROM beside WHERE workspace = $1 AND (name = $2 OR until < clock_timestamp())").text(name);
        self.line.ask(&end).await.map(drop)
    }

    /// What can't be looked at counts as under way.
    pub(super) async fn under_way(&mut self) -> UnderWay {
        let run = lease::holder(&mut self.line).await.map_or(true, |holder| holder.is_some());
        let beside = self.of_ours("SELECT 1 FROM beside WHERE workspace = $1 AND until >= clock_timestamp() LIMIT 1");
        let revocation = self.line.ask(&beside).await.map_or(true, |rows| !rows.is_empty());
        UnderWay { run, revocation }
    }
}

/// One transaction that writes.
struct Keep<'a> {
    client: &'a Client,
    workspace: &'a str,
    begin: &'a str,
    work: &'a Work,
}

impl Keep<'_> {
    /// There and back twice: first what says whether it may be and after which line, then all of it with the end. `doubt`: what an attempt before may have done.
    async fn all(&self, fence: Option<&Statement>, doubt: Sent, sent: &mut Sent) -> Result<Ended, Error> {
        let of = |sql| Statement::new(sql, self.workspace);
        let arrived = if let Sent::Lines(seq, _) = doubt { Some(of(LINE).number(seq)) } else { None };
        // Who was there before has ended by the time that it is our turn.
        let (begun, fenced, last, found) =
            join4(self.client.batch_execute(self.begin), self.maybe(fence), of(WRITE).rows(self.client), self.maybe(arrived.as_ref()))
                .await;
        begun?;
        let (fenced, last, found) = (fenced?, last?, found?);
        let done = matches!((doubt, found.first()), (Sent::Lines(_, hash), Some(row)) if row.try_get::<_, &[u8]>(0)? == hash);
        let missing = last.is_empty();
        if done || missing || (fence.is_some() && fenced.is_empty()) {
            self.client.batch_execute("ROLLBACK").await?;
            return Ok(if done {
                Ended::Done
            } else if missing {
                Ended::Missing
            } else {
                Ended::Fenced
            });
        }
        let (seq, hash) = last.first().map(head).transpose()?.unwrap_or((0, BEGINNING));
        let (lines, seq, hash) = self.lines(seq, hash);
        let written = of(WRITTEN).number(seq).bytes(hash.to_vec()).number(i64::from(self.work.revokes));
        *sent = if lines.is_some() {
            Sent::Lines(seq, hash)
        } else if self.work.counts {
            Sent::Counts
        } else {
            Sent::Same
        };
        let all: Vec<&Statement> = self.work.statements.iter().chain(&lines).chain([&written]).collect();
        self.in_order(all).await?;
        Ok(Ended::Done)
    }

    async fn maybe(&self, statement: Option<&Statement>) -> Result<Vec<Row>, Error> {
        match statement {
            Some(statement) => statement.rows(self.client).await,
            None => Ok(Vec::new()),
        }
    }

    /// The lines with their numbers and hashes, and the last of these.
    fn lines(&self, mut seq: i64, mut hash: Hash) -> (Option<Statement>, i64, Hash) {
        let drafts = &self.work.lines;
        let (mut bodies, mut hashes) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len()));
        let first = seq + 1;
        for draft in drafts {
            seq += 1;
            let body = draft.body(seq.cast_unsigned());
            hash = link(&hash, &body);
            bodies.push(body);
            hashes.push(hash.to_vec());
        }
        let lines = (!drafts.is_empty()).then(|| {
            Statement::new(LINES, self.workspace)
                .numbers(first..=seq)
                .texts(drafts.iter().map(|draft| &draft.run))
                .texts(drafts.iter().map(|draft| &draft.event))
                .maybe_numbers(drafts.iter().map(|draft| draft.change.map(i64::from)))
                .texts(bodies)
                .blobs(hashes)
        });
        (lines, seq, hash)
    }

    /// All at once on their way, one behind the other, and the end of the transaction with them: where one of them fails, the end undoes them all.
    async fn in_order(&self, statements: Vec<&Statement>) -> Result<(), Error> {
        let mut under_way: Vec<BoxFuture<'_, Result<(), Error>>> = Vec::with_capacity(statements.len() + 1);
        for statement in statements {
            under_way.push(Box::pin(async { statement.rows(self.client).await.map(drop) }));
        }
        under_way.push(Box::pin(self.client.batch_execute("COMMIT")));
        // Each is on its way once it was polled; answers come in the same order.
        let mut answers: Vec<Option<Result<(), Error>>> = Vec::with_capacity(under_way.len());
        poll_fn(|context| {
            answers.extend(under_way.iter_mut().map(|answer| match answer.as_mut().poll(context) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            }));
            Poll::Ready(())
        })
        .await;
        let mut all = Ok(());
        for (answer, known) in under_way.into_iter().zip(answers) {
            let answer = match known {
                Some(answer) => answer,
                None => answer.await,
            };
            // The first thing that went wrong is what the others fail for.
            all = all.and(answer);
        }
        all
    }
}
