//! The lock of a workspace whose state is a database: one row, taken by one statement, kept alive by signs of life, with a number that grows with every holder
//! (`state/lease.rs`). No lock of a session: it goes through whatever pools connections.
//!
//! Must never: take it from a holder that gives signs of life.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::Row;

use super::line::Line;
use super::statement::Statement;
use crate::fence::Tenure;
use crate::state::StateError;
use crate::state::clock::ClockReading;
use crate::state::lease::{Lease, LeaseTime};
use crate::state::lock::{Holder, Kept as KeptAlive, TakenOver};

/// The first statement of each transaction of a run: it fails where the lock is somebody else's, and nobody takes it until the transaction ends. A sign of life is
/// not held up.
pub(super) const FENCE: &str = "SELECT 1 FROM leases WHERE workspace = $1 AND run = $2 AND epoch = $3 AND NOT released FOR KEY SHARE";

const LOOK: &str = "SELECT epoch, beat, run, holder, released, taken_away FROM leases WHERE workspace = $1";
const FIRST: &str = "INSERT INTO leases (workspace, epoch, run, holder, beat, renewed, ttl, released, taken_away) \
    VALUES ($1, 1, $2, $3, 0, clock_timestamp(), make_interval(secs => $4), false, false) ON CONFLICT (workspace) DO NOTHING RETURNING epoch";
const NEXT: &str = "UPDATE leases SET epoch = epoch + 1, run = $2, holder = $3, beat = 0, renewed = clock_timestamp(), \
    ttl = make_interval(secs => $4), released = false, taken_away = false WHERE workspace = $1 AND epoch = $5 AND beat = $6 AND released = $7 RETURNING epoch";
const BEAT: &str = "UPDATE leases SET beat = beat + 1, renewed = clock_timestamp() WHERE workspace = $1 AND run = $2 AND epoch = $3 \
    AND NOT released RETURNING beat";
const RELEASE: &str = "UPDATE leases SET released = true WHERE workspace = $1 AND run = $2 AND epoch = $3";
/// Its number grows, so that what its holder has begun is waited for, and nothing of it is let through afterwards.
const UNLOCK: &str = "UPDATE leases SET released = true, taken_away = true, epoch = epoch + 1 WHERE workspace = $1 AND epoch = $2 AND beat = $3 AND NOT released RETURNING epoch";

/// What the row says.
struct Stands {
    epoch: i64,
    beat: i64,
    run: String,
    holder: Holder,
    released: bool,
    taken_away: bool,
}

/// A lock that was taken, with the task that keeps it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) lease: Arc<Lease>,
    pub(super) run: String,
    pub(super) epoch: i64,
    /// who held it until then, and did not let it go
    pub(super) from: Option<TakenOver>,
    beats: JoinHandle<()>,
}

/// Takes the lock: at once where it is free, after a whole term without a sign of life where it is not. A holder that lives is an error that names it.
pub(super) async fn take(mut line: Line, time: &LeaseTime, holder: Holder) -> Result<Kept, StateError> {
    let LeaseTime { clock, terms } = time;
    let (run, note) = (holder.run.clone().unwrap_or_default(), serde_json::to_string(&holder).unwrap_or_default());
    let named = |sql, line: &Line| Statement::new(sql, line.place().workspace()).text(&run).text(&note).seconds(terms.term);
    let mut seen: Option<((i64, i64), ClockReading)> = None;
    let (mut asked, mut from) = (None, None);
    loop {
        let Some(stands) = look(&mut line).await? else {
            let sent = clock.now();
            asked = Some(sent);
            let first = named(FIRST, &line);
            if let Some(epoch) = epoch_of(&line.ask(&first).await?) {
                return Ok(keep(line, time, run, epoch, sent, None));
            }
            continue;
        };
        // What was sent arrived, and only the answer got lost.
        if stands.run == run && !stands.released {
            let sent = asked.unwrap_or_else(|| clock.now());
            return Ok(keep(line, time, run, stands.epoch, sent, from));
        }
        let (now, mark) = (clock.now(), (stands.epoch, stands.beat));
        match seen {
            _ if stands.released => {}
            Some((known, since)) if known == mark && now.at_least_since(&since) >= terms.term => {}
            Some((known, _)) if known != mark => {
                return Err(StateError::Busy { path: line.place().shown(), holder: Box::new(stands.holder) });
            }
            other => {
                seen = other.or(Some((mark, now)));
                clock.sleep(terms.look()).await;
                continue;
            }
        }
        let sent = clock.now();
        asked = Some(sent);
        from = match (stands.released, stands.taken_away) {
            (true, false) => None,
            // Nobody waited for a term; it may be at work until its next sign of life.
            (true, true) => Some(TakenOver { from: stands.holder.clone(), quiet: Duration::ZERO }),
            (false, _) => Some(TakenOver { from: stands.holder.clone(), quiet: terms.term.saturating_sub(terms.valid) }),
        };
        let next = named(NEXT, &line).number(stands.epoch).number(stands.beat).yes(stands.released);
        if let Some(epoch) = epoch_of(&line.ask(&next).await?) {
            return Ok(keep(line, time, run, epoch, sent, from));
        }
        // Somebody was quicker: it is theirs, and they are alive.
        seen = None;
    }
}

fn keep(line: Line, time: &LeaseTime, run: String, epoch: i64, sent: ClockReading, from: Option<TakenOver>) -> Kept {
    let lease = Lease::taken(time, sent, Some(epoch.cast_unsigned()));
    let beats = tokio::spawn(beat(line, lease.clone(), run.clone(), epoch));
    Kept { lease, run, epoch, from, beats }
}

/// Gives signs of life until it is let go, and then says so to whoever waits.
async fn beat(mut line: Line, lease: Arc<Lease>, run: String, epoch: i64) {
    let LeaseTime { clock, terms } = lease.time().clone();
    let ours = |sql, line: &Line| Statement::new(sql, line.place().workspace()).text(&run).number(epoch);
    let mut rest = terms.beat;
    loop {
        tokio::select! {
            () = lease.stopped() => break,
            () = clock.sleep(rest) => {}
        }
        if lease.lost().is_some() {
            // It is not held any more; where nobody took it, nobody need wait for it.
            lease.stopped().await;
            break;
        }
        let sent = clock.now();
        let sign = ours(BEAT, &line);
        rest = match timeout(terms.patience(), line.ask(&sign)).await {
            Ok(Ok(rows)) if !rows.is_empty() => {
                lease.renew(sent);
                terms.beat
            }
            Ok(Ok(_)) => {
                lease.lose(taker(&mut line).await);
                continue;
            }
            _ => terms.again(),
        };
    }
    let free = ours(RELEASE, &line);
    // Where it does not arrive the term ends it.
    drop(timeout(terms.patience(), line.ask(&free)).await);
}

/// Who has it now, for messages.
pub(super) async fn taker(line: &mut Line) -> String {
    match look(line).await {
        Ok(Some(stands)) if stands.released => {
            format!("it was taken by `headcount state unlock`, or by {}, which has ended", stands.holder)
        }
        Ok(Some(stands)) => format!("it was taken by {}", stands.holder),
        Ok(None) => "it was removed".to_owned(),
        Err(_) => "it was taken, and nobody knows by whom".to_owned(),
    }
}

impl Kept {
    /// Lets the lock go, so that nobody waits for it.
    pub(super) async fn release(mut self) {
        self.lease.let_go();
        drop((&mut self.beats).await);
    }
}

/// A lock that was taken and that nobody has is no lock.
impl Drop for Kept {
    fn drop(&mut self) {
        self.lease.let_go();
    }
}

/// Takes the lock away from the run that is named, whether or not it lives.
pub(super) async fn unlock(line: &mut Line, run: &str) -> Result<Holder, StateError> {
    let path = line.place().shown();
    let not = |holder: String| StateError::NotLockedBy { path, run: run.to_owned(), holder };
    let Some(stands) = look(line).await? else { return Err(not("no run ever held it".to_owned())) };
    if stands.released {
        return Err(not(format!("it is free; the last run was {}", stands.holder)));
    }
    if stands.run != run {
        return Err(not(format!("it is held by {}", stands.holder)));
    }
    let unlock = Statement::new(UNLOCK, line.place().workspace()).number(stands.epoch).number(stands.beat);
    match epoch_of(&line.ask(&unlock).await?) {
        Some(_) => Ok(stands.holder),
        None => Err(not("it gave a sign of life just now: stop it first, or wait until it has ended".to_owned())),
    }
}

/// Who holds it.
pub(super) async fn holder(line: &mut Line) -> Result<Option<Holder>, StateError> {
    Ok(look(line).await?.filter(|stands| !stands.released).map(|stands| stands.holder))
}

async fn look(line: &mut Line) -> Result<Option<Stands>, StateError> {
    let look = Statement::new(LOOK, line.place().workspace());
    let rows = line.ask(&look).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    stands(row).map(Some).map_err(|error| line.place().told(error))
}

fn stands(row: &Row) -> Result<Stands, tokio_postgres::Error> {
    // The note only informs: one that can't be read is an unknown holder.
    let holder = serde_json::from_str(row.try_get(3)?).unwrap_or_default();
    Ok(Stands {
        epoch: row.try_get(0)?,
        beat: row.try_get(1)?,
        run: row.try_get(2)?,
        holder,
        released: row.try_get(4)?,
        taken_away: row.try_get(5)?,
    })
}

fn epoch_of(rows: &[Row]) -> Option<i64> {
    rows.first().and_then(|row| row.try_get(0).ok())
}
