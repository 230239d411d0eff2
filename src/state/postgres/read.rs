//! What is remembered, as it is read: rows out, in the order in which SQLite gives them.
//!
//! Must never: take a row that can't be read for one that is not there, but where a revocation would be held up by it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio_postgres::{Client, Error, Row};

use super::rest::{KNOWN_SINCE, TOLD};
use super::statement::{Statement, text};
use crate::model::{
    Baseline, CutOff, Deactivation, DepartedName, FormerLink, Guardrail, Key, LastWrite, Left, LeftWhat, Link, LinkOrigin, Memory, Receipt,
    Recollection, RecordLink, Repeat, Resting, StandingRevocation, Unheard, WindowEntry,
};
use crate::state::shared::SharedTexts;
use crate::state::{About, ChainLine, KeptKey, LinkName, OpenRun, Shelf, Shelved, Subjects};

/// Why rows could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Server(#[from] Error),
    /// what stands there is nothing of ours
    #[error("{0}")]
    Row(String),
}

type Answer<T> = Result<T, ReadError>;

const LINKS: &str = "SELECT target, kind, key, id, origin, system, name, at FROM links WHERE workspace = $1 ORDER BY target, kind, key";
const BASELINES: &str = "SELECT system, kind, scope, count, filled, at, statuses FROM baselines WHERE workspace = $1 ORDER BY system, kind";
/// Lines that come at once: bounds what is held of a journal.
const AT_ONCE: i64 = 1000;

/// Reads of one workspace over one connection.
pub(super) struct Reader<'a> {
    pub(super) client: &'a Client,
    pub(super) workspace: &'a str,
}

impl Reader<'_> {
    fn of(&self, sql: &'static str) -> Statement {
        Statement::new(sql, self.workspace)
    }

    async fn all<T>(&self, statement: &Statement, read: fn(&Row) -> Answer<T>) -> Answer<Vec<T>> {
        statement.all(self.client, |row| Ok(read(row))).await?.into_iter().collect()
    }

    async fn every<T>(&self, sql: &'static str, read: fn(&Row) -> Answer<T>) -> Answer<Vec<T>> {
        self.all(&self.of(sql), read).await
    }

    async fn meta(&self, name: &str) -> Answer<Option<String>> {
        let found = self.of("SELECT value FROM meta WHERE workspace = $1 AND name = $2").text(name).rows(self.client).await?;
        Ok(found.first().map(|row| row.try_get(0)).transpose()?)
    }

    /// Everything, as planning sees it.
    pub(super) async fn memory(&self) -> Answer<Memory> {
        let mut texts = SharedTexts::default();
        Ok(Memory {
            known: self.meta(KNOWN_SINCE).await?.is_some(),
            links: self.every(LINKS, link).await?.into_iter().map(|link| texts.share(link)).collect(),
            formers: self.every("SELECT target, kind, key, id, at FROM formers WHERE workspace = $1 ORDER BY target, kind, id, key", former).await?,
            records: self.every("SELECT source, record, identity FROM records WHERE workspace = $1 ORDER BY source, record", record).await?,
            deactivations: self.every("SELECT target, kind, id, at FROM deactivations WHERE workspace = $1 ORDER BY target, kind, id", deactivation).await?,
            resting: self.every("SELECT target, key, at FROM resting WHERE workspace = $1 ORDER BY target, key", resting).await?,
            unheard: self.every("SELECT target, key, guardrail, at FROM unheard WHERE workspace = $1 ORDER BY target, key", unheard).await?,
            written: self.every("SELECT target, kind, id, prints FROM written WHERE workspace = $1 ORDER BY target, kind, id", written).await?,
            repeats: self
                .every("SELECT target, kind, id, attribute, wrote, found, at FROM repeats WHERE workspace = $1 ORDER BY target, kind, id, attribute", repeat)
                .await?,
            departed: self
                .every("SELECT target, attribute, value, key, gone, at FROM departed WHERE workspace = $1 ORDER BY target, attribute, value, key", departed)
                .await?,
            baselines: self.every(BASELINES, baseline).await?,
            revocations: self.revocations().await?,
            cut_off: self.cut_off().await?,
            windows: self
                .every("SELECT target, guardrail, weight, at FROM windows WHERE workspace = $1 ORDER BY minute, target, guardrail", window)
                .await?,
            told: self.meta(TOLD).await?.iter().flat_map(|told| told.split(' ')).filter_map(|note| note.parse().ok()).collect(),
        })
    }

    /// Everything, and as of which write.
    pub(super) async fn recollection(&self) -> Answer<Recollection> {
        let generation =
            self.of("SELECT generation FROM workspaces WHERE id = $1").all(self.client, |row| row.try_get::<_, i64>(0)).await?;
        let generation = generation.first().copied().unwrap_or_default().cast_unsigned();
        Ok(Recollection { generation, memory: self.memory().await?, of: None })
    }

    /// What is remembered of a few people: their links and records by any of their keys, and whatever is not about people.
    pub(super) async fn memory_about(&self, about: &About) -> Answer<Memory> {
        const THEIRS: &str = "SELECT target, kind, key, id, origin, system, name, at FROM links WHERE workspace = $1 AND target = ANY ($2) \
            AND (kind = 'group' OR (kind = 'account' AND key = ANY ($3))) ORDER BY target, kind DESC, key";
        const RECORDS: &str = "SELECT DISTINCT source, record, identity FROM records r WHERE workspace = $1 \
            AND ((source = ANY ($2) AND identity = ANY ($3)) OR EXISTS (SELECT 1 FROM unnest($4::text[], $5::text[]) AS own (source, record) \
            WHERE own.source = r.source AND own.record = r.record)) ORDER BY source, record";
        let own: Vec<_> = about.keys.iter().filter_map(|key| Key::of_record(key)).collect();
        let links = self.of(THEIRS).texts(&about.targets).texts(&about.keys);
        let records = self.of(RECORDS).texts(&about.sources).texts(&about.keys);
        let records = records.texts(own.iter().map(|(source, _)| source)).texts(own.iter().map(|(_, rest)| rest));
        // Without a baseline nothing follows from a silence: a damaged one holds no revocation up.
        let baselines = self.of(BASELINES).all(self.client, |row| Ok(baseline(row))).await?;
        let mut cut_off = self.cut_off().await?;
        cut_off.retain(|known| about.keys.contains(&known.key));
        let mut revocations = self.revocations().await?;
        revocations.retain(|known| about.keys.iter().any(|key| known.means(key)));
        Ok(Memory {
            known: self.meta(KNOWN_SINCE).await?.is_some(),
            baselines: baselines.into_iter().filter_map(Result::ok).collect(),
            links: self.all(&links, link).await?,
            records: self.all(&records, record).await?,
            cut_off,
            revocations,
            ..Memory::default()
        })
    }

    /// Whose accounts these are, by their ids.
    pub(super) async fn links_by_id(&self, target: &str, ids: &[Arc<str>]) -> Answer<Vec<Link>> {
        const BY_ID: &str = "SELECT target, kind, key, id, origin, system, name, at FROM links l \
            JOIN unnest($3::text[]) WITH ORDINALITY AS asked (id, place) USING (id) \
            WHERE workspace = $1 AND target = $2 AND kind = 'account' ORDER BY place, key";
        self.all(&self.of(BY_ID).text(target).texts(ids), link).await
    }

    /// The ids of objects of ours, in the order of the question.
    pub(super) async fn link_ids(&self, wanted: &[LinkName]) -> Answer<Vec<Option<Arc<str>>>> {
        const IDS: &str = "SELECT l.id FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS asked (target, kind, key, place) \
            LEFT JOIN links l ON l.workspace = $1 AND l.target = asked.target AND l.kind = asked.kind AND l.key = asked.key ORDER BY place";
        let of = self.of(IDS).texts(wanted.iter().map(|name| &name.target)).texts(wanted.iter().map(|name| name.kind.word()));
        let id = |row: &Row| row.try_get::<_, Option<&str>>(0).map(|id| id.map(Arc::from));
        Ok(of.texts(wanted.iter().map(|name| &name.key)).all(self.client, id).await?)
    }

    /// Keys that seal.
    pub(super) async fn subjects(&self, which: &Subjects) -> Answer<Vec<KeptKey>> {
        const NAMED: &str = "SELECT id, wrapped_by, key, whom, at FROM subjects WHERE workspace = $1 AND id = ANY ($2)";
        const AFTER: &str = "SELECT id, wrapped_by, key, whom, at FROM subjects WHERE workspace = $1 AND id > $2 ORDER BY id LIMIT $3";
        let asked = match which {
            Subjects::Named(ids) => self.of(NAMED).texts(ids),
            Subjects::After(id) => self.of(AFTER).text(id).number(AT_ONCE),
        };
        self.all(&asked, subject).await
    }

    /// What the last complete run left at targets.
    pub(super) async fn left(&self) -> Answer<Vec<Left>> {
        let all = "SELECT target, what, of, print FROM left_behind WHERE workspace = $1 ORDER BY target, what, of, print";
        // A word of a version that is not ours says nothing.
        Ok(self.of(all).all(self.client, left).await?.into_iter().flatten().collect())
    }

    /// All that stands on a shelf.
    pub(super) async fn shelf(&self, shelf: Shelf) -> Answer<Vec<Shelved>> {
        let things = self.of("SELECT name, body FROM shelves WHERE workspace = $1 AND shelf = $2 ORDER BY name").text(shelf.word());
        Ok(things.all(self.client, |row| Ok(Shelved { shelf, name: text(row, 0)?, body: row.try_get(1)? })).await?)
    }

    /// The journal's lines after one.
    pub(super) async fn lines(&self, after: u64, run: Option<&str>) -> Answer<Vec<ChainLine>> {
        const LINES: &str = "SELECT seq, body, hash, run, event FROM journal WHERE workspace = $1 AND seq > $2 AND ($3::text IS NULL OR run = $3) \
            ORDER BY seq LIMIT $4";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let of = self.of(LINES).number(after).maybe(run.map(str::to_owned)).number(AT_ONCE);
        Ok(of.all(self.client, line).await?)
    }

    /// Runs that began and never ended, with their intents that have no outcome.
    pub(super) async fn open_runs(&self) -> Answer<Vec<OpenRun>> {
        const RUNS: &str = "SELECT run FROM journal start WHERE workspace = $1 AND event = 'started' AND NOT EXISTS (SELECT 1 FROM journal \
            WHERE workspace = $1 AND event = 'finished' AND run = start.run) ORDER BY seq";
        const INTENTS: &str = "SELECT seq, body, hash, run, event FROM journal intent WHERE workspace = $1 AND event = 'intent' AND run = $2 \
            AND NOT EXISTS (SELECT 1 FROM journal WHERE workspace = $1 AND event = 'outcome' AND run = $2 AND change = intent.change) ORDER BY seq";
        let mut open = Vec::new();
        for run in self.of(RUNS).all(self.client, |row| text(row, 0)).await? {
            let intents = self.of(INTENTS).text(&run).all(self.client, line).await?;
            open.push(OpenRun { run, intents });
        }
        Ok(open)
    }

    async fn revocations(&self) -> Answer<Vec<StandingRevocation>> {
        let mut standing =
            self.every("SELECT key, reason, at, until FROM revocations WHERE workspace = $1 ORDER BY key", revocation).await?;
        let also = "SELECT key, identity FROM revoked_as WHERE workspace = $1 ORDER BY key";
        for (key, identity) in self.of(also).all(self.client, |row| Ok((text(row, 0)?, text(row, 1)?))).await? {
            if let Some(revocation) = standing.iter_mut().find(|revocation| revocation.key == identity) {
                revocation.also.push(key);
            }
        }
        let receipts = "SELECT key, target, outcome, message, tries, at FROM receipts WHERE workspace = $1 ORDER BY key, target";
        for (key, receipt) in self.every(receipts, receipt).await? {
            if let Some(revocation) = standing.iter_mut().find(|revocation| revocation.key == key) {
                revocation.receipts.push(receipt);
            }
        }
        Ok(standing)
    }

    async fn cut_off(&self) -> Answer<Vec<CutOff>> {
        self.every("SELECT target, kind, id, key FROM cut_off WHERE workspace = $1 ORDER BY target, kind, id", cut_off).await
    }
}

fn link(row: &Row) -> Answer<Link> {
    let origin = match row.try_get::<_, &str>(4)? {
        "created" => LinkOrigin::Created,
        _ => LinkOrigin::Adopted,
    };
    let name = row.try_get::<_, Option<&str>>(6)?.map(Arc::from);
    let (target, kind, key, id) = (text(row, 0)?, parsed(row, 1)?, text(row, 2)?, text(row, 3)?);
    Ok(Link { target, kind, key, id, origin, system: number(row, 5)?, name, at: parsed(row, 7)? })
}

fn subject(row: &Row) -> Answer<KeptKey> {
    Ok(KeptKey { id: text(row, 0)?, wrapped_by: text(row, 1)?, key: row.try_get(2)?, whom: row.try_get(3)?, at: parsed(row, 4)? })
}

fn former(row: &Row) -> Answer<FormerLink> {
    Ok(FormerLink { target: text(row, 0)?, kind: parsed(row, 1)?, key: text(row, 2)?, id: text(row, 3)?, at: parsed(row, 4)? })
}

fn record(row: &Row) -> Answer<RecordLink> {
    Ok(RecordLink { source: text(row, 0)?, record: text(row, 1)?, identity: text(row, 2)? })
}

fn deactivation(row: &Row) -> Answer<Deactivation> {
    Ok(Deactivation { target: text(row, 0)?, kind: parsed(row, 1)?, id: text(row, 2)?, at: parsed(row, 3)? })
}

fn resting(row: &Row) -> Answer<Resting> {
    Ok(Resting { target: text(row, 0)?, key: text(row, 1)?, at: parsed(row, 2)? })
}

fn unheard(row: &Row) -> Answer<Unheard> {
    Ok(Unheard { target: text(row, 0)?, key: text(row, 1)?, guardrail: guardrail(row, 2)?, at: parsed(row, 3)? })
}

fn written(row: &Row) -> Answer<LastWrite> {
    let prints = crate::state::sqlite::unpacked(row.try_get(3)?).into_boxed_slice();
    Ok(LastWrite { target: text(row, 0)?, kind: parsed(row, 1)?, id: text(row, 2)?, prints })
}

fn repeat(row: &Row) -> Answer<Repeat> {
    let (target, kind, id, attribute) = (text(row, 0)?, parsed(row, 1)?, text(row, 2)?, text(row, 3)?);
    Ok(Repeat { target, kind, id, attribute, wrote: number(row, 4)?, found: number(row, 5)?, at: parsed(row, 6)? })
}

fn departed(row: &Row) -> Answer<DepartedName> {
    let (target, attribute, value, key) = (text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?);
    Ok(DepartedName { target, attribute, value, key, left: number(row, 4)? != 0, at: parsed(row, 5)? })
}

fn baseline(row: &Row) -> Answer<Baseline> {
    let unreadable = |error: serde_json::Error| ReadError::Row(format!("what the last complete read had can't be read: {error}"));
    let values = serde_json::from_str(row.try_get(4)?).map_err(unreadable)?;
    let statuses = serde_json::from_str(row.try_get(6)?).map_err(unreadable)?;
    Ok(Baseline {
        system: text(row, 0)?,
        kind: parsed(row, 1)?,
        scope: number(row, 2)?,
        count: number(row, 3)?,
        values,
        statuses,
        at: parsed(row, 5)?,
    })
}

fn window(row: &Row) -> Answer<WindowEntry> {
    Ok(WindowEntry { target: text(row, 0)?, guardrail: guardrail(row, 1)?, weight: number(row, 2)?, at: parsed(row, 3)? })
}

fn revocation(row: &Row) -> Answer<StandingRevocation> {
    let until = row.try_get::<_, Option<&str>>(3)?.map(|_| parsed(row, 3)).transpose()?;
    Ok(StandingRevocation { key: text(row, 0)?, reason: text(row, 1)?, at: parsed(row, 2)?, until, also: Vec::new(), receipts: Vec::new() })
}

fn receipt(row: &Row) -> Answer<(Arc<str>, Receipt)> {
    let message = row.try_get::<_, Option<&str>>(3)?.map(Arc::from);
    let tries = u32::try_from(number(row, 4)?).unwrap_or(u32::MAX);
    Ok((text(row, 0)?, Receipt { target: text(row, 1)?, outcome: parsed(row, 2)?, message, tries, at: parsed(row, 5)? }))
}

fn cut_off(row: &Row) -> Answer<CutOff> {
    Ok(CutOff { target: text(row, 0)?, kind: parsed(row, 1)?, id: text(row, 2)?, key: text(row, 3)? })
}

fn left(row: &Row) -> Result<Option<Left>, Error> {
    let word: &str = row.try_get(1)?;
    let Some(what) = LeftWhat::ALL.into_iter().find(|what| what.word() == word) else { return Ok(None) };
    Ok(Some(Left {
        target: text(row, 0)?,
        what,
        of: row.try_get::<_, i64>(2)?.cast_unsigned(),
        print: row.try_get::<_, i64>(3)?.cast_unsigned(),
    }))
}

fn line(row: &Row) -> Result<ChainLine, Error> {
    let seq = row.try_get::<_, i64>(0)?.cast_unsigned();
    Ok(ChainLine { seq, body: row.try_get(1)?, hash: row.try_get(2)?, run: row.try_get(3)?, event: row.try_get(4)? })
}

fn guardrail(row: &Row, column: usize) -> Answer<Guardrail> {
    let word: &str = row.try_get(column)?;
    Guardrail::of_word(word).ok_or_else(|| ReadError::Row(format!("no guardrail is called {word}")))
}

fn number(row: &Row, column: usize) -> Answer<u64> {
    Ok(row.try_get::<_, i64>(column)?.cast_unsigned())
}

/// By the word that serde has for it.
fn parsed<T: DeserializeOwned>(row: &Row, column: usize) -> Answer<T> {
    let word: &str = row.try_get(column)?;
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|error| ReadError::Row(format!("a row can't be read: {error}")))
}
