//! What the connector says of itself.
//!
//! Must never: promise what only a file tells.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::sample::AsCsv;
use super::{format_of, open_source};
use crate::connector::describe::{Connector, Description, own};
use crate::connector::sample::{AsJson, Sample};
use crate::connector::{Reader, Surroundings};
use crate::manifest::connection::{Described, FileConnection, FileFormat};
use crate::manifest::fields;
use crate::model::{Columns, SystemError};

/// The connector of files.
#[derive(Debug)]
pub struct FileConnector;

impl Connector for FileConnector {
    fn describe(&self) -> Description {
        description()
    }

    fn open_source<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, SystemError>> {
        async move { Ok(Box::new(open_source(own(connection)?, surroundings)?) as Box<dyn Reader>) }.boxed()
    }

    fn sampler(&self, connection: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        match own(connection).map(format_of) {
            Ok(Ok(FileFormat::Csv)) => Box::new(AsCsv),
            _ => Box::new(AsJson::new(columns)),
        }
    }

    fn is_local(&self, _: &dyn Described) -> bool {
        true
    }
}

fn description() -> Description {
    Description {
        name: "file",
        about: "A file of records: CSV, XLSX, JSON, NDJSON or YAML.",
        kinds: &["Source"],
        reads: &["records"],
        writes: &[],
        abilities: &["reads only", "a read that was cut off never counts as complete"],
        default_mapping: Vec::new(),
        needs: Vec::new(),
        connection: fields::<FileConnection>(),
    }
}
