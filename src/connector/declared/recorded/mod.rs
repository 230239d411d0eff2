//! A ConnectorTest played: each case through the same engine and the same HTTP façade as a real system, which a stand-in on this machine plays.
//!
//! Must never: reach another machine, wait as long as a system asks for, or let a request pass that the case does not have.

mod anonymous;
mod compare;
mod made_up;
mod play;
mod record;
mod request;
mod stand_in;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::definition::Definition;
use super::secrets::asked;
pub use record::record;

use crate::connector::clock::WaitClock;
use crate::connector::connections::Connections;
use crate::connector::limiter::Limits;
use crate::connector::{Surroundings, budget::Budget};
use crate::manifest::connection::{DeclaredConnection, SecretRef};
use crate::manifest::kinds::connector::{ConnectorCase, ConnectorSpec, ConnectorTestSpec};
use stand_in::StandIn;

/// A case that is not over by then hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// Plays every case; of each what is not as it should be, in words.
pub async fn played(name: &str, document: &Arc<ConnectorSpec>, test: &ConnectorTestSpec) -> Vec<Vec<String>> {
    let mut all = Vec::with_capacity(test.cases.len());
    for case in &test.cases {
        let trial = Trial { name, document, test, case };
        let over = tokio::time::timeout(LONGEST, trial.play()).await;
        all.push(over.unwrap_or_else(|_| Ok(vec!["it does not end".into()])).unwrap_or_else(|trouble| vec![trouble]));
    }
    all
}

/// One case of a test.
struct Trial<'t> {
    name: &'t str,
    document: &'t Arc<ConnectorSpec>,
    test: &'t ConnectorTestSpec,
    case: &'t ConnectorCase,
}

impl Trial<'_> {
    /// What is not as it should be. An error is trouble of ours.
    async fn play(&self) -> Result<Vec<String>, String> {
        let (asked, came, skipped) = self.came().await?;
        // What comes of a request that was not meant follows from it.
        Ok(if asked.is_empty() { compare::problems(&self.case.expect, &came, skipped) } else { asked })
    }

    /// What was asked in another way, what came, and how long would have been waited.
    async fn came(&self) -> Result<(Vec<String>, play::Came, Duration), String> {
        let config = self.config();
        let definition = Definition::compile(self.name, self.document, &config).map_err(|wrong| {
            wrong.iter().map(|wrong| format!("{}: {}", wrong.pointer, wrong.problem.message)).collect::<Vec<_>>().join("; ")
        })?;
        let folder = tempfile::tempdir().map_err(|error| format!("no folder for its secrets: {error}"))?;
        let connection = self.connection(config, folder.path())?;
        let stand_in = StandIn::start(self.case.exchanges.clone(), definition.base.clone()).await?;
        let clock = WaitClock::skipping();
        let surroundings = Surroundings::at(folder.path())
            .of("test")
            .within(&Budget::default())
            .over(&Connections::by(clock.clone()))
            .limited(Limits { concurrency: Some(1), rate: None })
            .played(stand_in.detour()?);
        let came = play::case(self.case, &definition, &connection, &surroundings).await;
        Ok((stand_in.problems(), came, clock.skipped()))
    }

    /// What the installation says: the case, the test, the examples.
    fn config(&self) -> BTreeMap<String, String> {
        let examples = self.document.config.iter().filter(|(_, rules)| rules.default.is_none() && !rules.optional);
        let mut config: BTreeMap<String, String> =
            examples.filter_map(|(name, rules)| Some((name.clone(), rules.example.clone()?))).collect();
        config.extend(self.test.config.clone());
        config.extend(self.case.config.clone());
        config
    }

    /// A connection with made-up secrets, which stand in files as real ones do.
    fn connection(&self, config: BTreeMap<String, String>, folder: &Path) -> Result<DeclaredConnection, String> {
        let chosen = self.case.auth.as_ref().or(self.test.auth.as_ref());
        let scheme = chosen.map_or_else(|| self.document.auth.iter().next(), |name| self.document.auth.get_key_value(name));
        let mut auth = BTreeMap::new();
        if let Some((way, scheme)) = scheme {
            let mut secrets = BTreeMap::new();
            let asked = asked(scheme);
            for name in asked.needed.into_iter().chain(asked.taken) {
                let value = match self.test.secrets.get(&name) {
                    Some(value) => value.clone(),
                    None => made_up::secret(&name, scheme)?,
                };
                let file = format!("secret-{}", secrets.len());
                std::fs::write(folder.join(&file), value).map_err(|error| format!("no file for a secret: {error}"))?;
                secrets.insert(name, SecretRef::File(file));
            }
            auth.insert(way.clone(), secrets);
        }
        let document = Some(self.document.clone());
        Ok(DeclaredConnection {
            name: self.name.into(),
            config,
            auth,
            webhook_secret: None,
            ca_file: None,
            timeout: None,
            max_body: None,
            group_kinds: Vec::new(),
            extend: None,
            document,
        })
    }
}
