//! One statement with its values. The first value is always the workspace, so that nothing of another one is ever meant. Values come as columns where one statement
//! writes many rows.
//!
//! Statements have no names at the server, so that they go through whatever stands in front of it. Must never: hold a value in its text.

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::TryStreamExt;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, RowStream};

use crate::state::{BEGINNING, Hash};

type Value = Box<dyn ToSql + Sync + Send>;

/// What is asked of the server.
pub(super) struct Statement {
    sql: Cow<'static, str>,
    values: Vec<(Value, Type)>,
}

impl Statement {
    /// Of a workspace.
    pub(super) fn new(sql: impl Into<Cow<'static, str>>, workspace: &str) -> Self {
        Self { sql: sql.into(), values: Vec::new() }.text(workspace)
    }

    fn with(mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> Self {
        self.values.push((Box::new(value), kind));
        self
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.with(text.to_owned(), Type::TEXT)
    }

    pub(super) fn maybe(self, text: Option<String>) -> Self {
        self.with(text, Type::TEXT)
    }

    pub(super) fn number(self, number: i64) -> Self {
        self.with(number, Type::INT8)
    }

    pub(super) fn bytes(self, bytes: Vec<u8>) -> Self {
        self.with(bytes, Type::BYTEA)
    }

    pub(super) fn seconds(self, time: std::time::Duration) -> Self {
        self.with(time.as_secs_f64(), Type::FLOAT8)
    }

    pub(super) fn yes(self, yes: bool) -> Self {
        self.with(yes, Type::BOOL)
    }

    /// A column of many rows.
    pub(super) fn texts<T: AsRef<str>>(self, texts: impl IntoIterator<Item = T>) -> Self {
        let texts: Vec<String> = texts.into_iter().map(|text| text.as_ref().to_owned()).collect();
        self.with(texts, Type::TEXT_ARRAY)
    }

    pub(super) fn maybes(self, texts: impl IntoIterator<Item = Option<String>>) -> Self {
        self.with(texts.into_iter().collect::<Vec<_>>(), Type::TEXT_ARRAY)
    }

    pub(super) fn numbers(self, numbers: impl IntoIterator<Item = i64>) -> Self {
        self.with(numbers.into_iter().collect::<Vec<_>>(), Type::INT8_ARRAY)
    }

    pub(super) fn maybe_numbers(self, numbers: impl IntoIterator<Item = Option<i64>>) -> Self {
        self.with(numbers.into_iter().collect::<Vec<_>>(), Type::INT8_ARRAY)
    }

    pub(super) fn maybe_blobs(self, blobs: impl IntoIterator<Item = Option<Vec<u8>>>) -> Self {
        self.with(blobs.into_iter().collect::<Vec<_>>(), Type::BYTEA_ARRAY)
    }

    pub(super) fn blobs(self, blobs: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.with(blobs.into_iter().collect::<Vec<_>>(), Type::BYTEA_ARRAY)
    }

    /// Has it done, and gives what comes back. It is on its way once this is polled first, so several may be at once.
    pub(super) async fn rows(&self, client: &Client) -> Result<Vec<Row>, Error> {
        let values: Vec<(&(dyn ToSql + Sync), Type)> =
            self.values.iter().map(|(value, kind)| (value.as_ref() as &(dyn ToSql + Sync), kind.clone())).collect();
        client.query_typed(&self.sql, &values).await
    }

    /// The same as the rows come.
    pub(super) async fn stream(&self, client: &Client) -> Result<RowStream, Error> {
        let values = self.values.iter().map(|(value, kind)| (value.as_ref() as &(dyn ToSql + Sync), kind.clone()));
        client.query_typed_raw(&self.sql, values).await
    }

    /// The same row by row, for as many as there are.
    pub(super) async fn all<T>(&self, client: &Client, read: impl Fn(&Row) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let mut rows = std::pin::pin!(self.stream(client).await?);
        let mut all = Vec::new();
        while let Some(row) = rows.try_next().await? {
            all.push(read(&row)?);
        }
        Ok(all)
    }
}

/// A text of a row.
pub(super) fn text(row: &Row, column: usize) -> Result<Arc<str>, Error> {
    row.try_get::<_, &str>(column).map(Arc::from)
}

/// The number and the hash of a journal's line.
pub(super) fn head(row: &Row) -> Result<(i64, Hash), Error> {
    let mut hash = BEGINNING;
    let bytes: &[u8] = row.try_get(1)?;
    hash.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    Ok((row.try_get(0)?, hash))
}
