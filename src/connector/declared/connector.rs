//! The connector for declared systems: opens what a connection names, and says what its document can do.
//!
//! Must never: promise what the document has no request for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::definition::{Attribute, Definition, Objects, Request, Wrong, span};
use super::dialect;
use super::exchange::Api;
use super::reader::DeclaredReader;
use super::recorded::record;
use super::sign_in::{SignIn, identity, shared};
use super::subscribe::subscriber;
use super::writer::DeclaredWriter;
use crate::connector::connection::Connection;
use crate::connector::describe::{Connector, Description, own};
use crate::connector::sample::{AsJson, Sample};
use crate::connector::subscription::Subscriber;
use crate::connector::{Reader, Surroundings, TargetConnector};
use crate::http::{Client, Settings};
use crate::manifest::connection::{DeclaredConnection, Described, TIMEOUT};
use crate::manifest::kinds::connector::{AuthScheme, ConnectorSpec, OnlyWhen};
use crate::manifest::{fields, quantity};
use crate::model::{Action, Capabilities, Columns, ObjectKind, SideEffect, SystemError, system_id};
use crate::policy::TargetFacts;
use crate::secret;

const MAX_BODY: u64 = 32 << 20;
/// The first pause before a page is asked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// The connector for declared systems.
#[derive(Debug)]
pub struct DeclaredConnector;

impl Connector for DeclaredConnector {
    fn describe(&self) -> Description {
        Description {
            name: "connector",
            about: "A system that a Connector document describes: of the catalog, or of the workspace.",
            kinds: &["Source", "Target"],
            reads: &["accounts", "groups", "memberships", "entitlements"],
            writes: &["accounts", "groups", "memberships", "entitlements"],
            abilities: &["can do what its document has a request for; `headcount connector show NAME` says what that is"],
            default_mapping: Vec::new(),
            needs: Vec::new(),
            connection: fields::<DeclaredConnection>(),
        }
    }

    fn open_source<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, SystemError>> {
        async move {
            let connection: &DeclaredConnection = own(connection)?;
            if dialect::of(connection).is_some() {
                return dialect::source(connection, surroundings).await;
            }
            let api = open(connection, surroundings, true).await?;
            Ok(Box::new(DeclaredReader { api, of_source: true }) as Box<dyn Reader>)
        }
        .boxed()
    }

    fn open_subscriber<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<Option<Box<dyn Subscriber>>, SystemError>> {
        async move {
            let connection: &DeclaredConnection = own(connection)?;
            if dialect::of(connection).is_some() {
                return Ok(None);
            }
            Ok(subscriber(open(connection, surroundings, true).await?))
        }
        .boxed()
    }

    fn open_target<'a>(
        &'a self,
        connection: &'a dyn Described,
        surroundings: &'a Surroundings,
    ) -> BoxFuture<'a, Result<TargetConnector, SystemError>> {
        async move {
            let connection: &DeclaredConnection = own(connection)?;
            if dialect::of(connection).is_some() {
                return dialect::target(connection, surroundings).await;
            }
            let system = surroundings.connections.system(&connection.system());
            system.limiter.limit(&surroundings.system, surroundings.limits);
            let api = open(connection, surroundings, false).await?;
            let capabilities = capabilities(&api.definition);
            let writer = Box::new(DeclaredWriter::new(&api));
            let reader = Box::new(DeclaredReader { api, of_source: false });
            Ok(TargetConnector { reader, writer, capabilities, system: system_id(&connection.system()), limiter: system.limiter.clone() })
        }
        .boxed()
    }

    fn facts(&self, connection: &dyn Described) -> TargetFacts {
        if own::<DeclaredConnection>(connection).is_ok_and(|connection| dialect::of(connection).is_some()) {
            return dialect::SERVICE.facts(connection);
        }
        let document = own::<DeclaredConnection>(connection).ok().and_then(|connection| connection.document.as_ref());
        let accounts = document.and_then(|document| document.accounts.as_ref());
        let written = |name: &&String| known_to_identities(name);
        let names = accounts.map(|accounts| writable(accounts).filter(written).cloned().collect::<Vec<_>>()).unwrap_or_default();
        let default_mapping = names.into_iter().map(|name| (name.clone(), format!("identity.{name}"))).collect();
        TargetFacts { default_mapping, ..Default::default() }
    }

    fn record<'a>(&'a self, connection: &'a dyn Described, around: &'a Surroundings) -> BoxFuture<'a, Result<String, SystemError>> {
        async move { record(own(connection)?, around).await }.boxed()
    }

    fn rights(&self, connection: &dyn Described) -> Vec<String> {
        let document = own::<DeclaredConnection>(connection).ok().and_then(|connection| connection.document.as_ref());
        document.map(|document| document.rights.clone()).unwrap_or_default()
    }

    fn sampler(&self, connection: &dyn Described, columns: &Arc<Columns>) -> Box<dyn Sample> {
        if own::<DeclaredConnection>(connection).is_ok_and(|connection| dialect::of(connection).is_some()) {
            return dialect::SERVICE.sampler(connection, columns);
        }
        Box::new(AsJson::new(columns))
    }

    fn is_local(&self, _: &dyn Described) -> bool {
        false
    }
}

async fn open(connection: &DeclaredConnection, surroundings: &Surroundings, reads_only: bool) -> Result<Api, SystemError> {
    let written = serde_json::to_string(connection).unwrap_or_default();
    let key = format!("connector {reads_only} {} {written}", surroundings.base.display());
    let kept =
        surroundings.connections.open(&key, secret::turn(&surroundings.base), Kept::open(connection, surroundings, reads_only)).await?;
    let way = kept.connection.named(&surroundings.system).in_lane(surroundings.lane);
    Ok(Api { connection: way, definition: kept.definition.clone(), budget: surroundings.budget.clone() })
}

/// What is kept between runs.
#[derive(Debug)]
struct Kept {
    connection: Connection,
    definition: Arc<Definition>,
}

impl Kept {
    async fn open(connection: &DeclaredConnection, surroundings: &Surroundings, reads_only: bool) -> Result<Self, SystemError> {
        let document =
            connection.document.as_ref().ok_or_else(|| SystemError::Rejected(format!("there is no Connector {}", connection.name)))?;
        let definition =
            Definition::compile(&connection.name, document, &connection.config).map_err(|wrong| refused(&connection.name, &wrong))?;
        let definition = definition.of_kinds(&connection.group_kinds);
        let most = connection.max_body.as_deref().and_then(|text| quantity::bytes(text).ok()).unwrap_or(MAX_BODY);
        let mut settings = Settings {
            system: surroundings.system.clone(),
            timeout: span(connection.timeout.as_deref(), TIMEOUT),
            max_body: usize::try_from(most).unwrap_or(usize::MAX),
            credentials: None,
            renew: None,
            ca_file: connection.ca_file.as_ref().map(|file| surroundings.place(file)).transpose()?,
            identity: None,
            detour: surroundings.detour,
            recording: surroundings.recording.clone(),
        };
        if let Some((scheme, secrets)) = scheme(connection, document)? {
            // Whoever plays the service is spoken to without TLS.
            if surroundings.detour.is_none() {
                settings.identity = identity(scheme, secrets, &surroundings.base).await?;
            }
            let sign_in = shared(SignIn {
                scheme: scheme.clone(),
                secrets: secrets.clone(),
                folder: surroundings.base.clone(),
                config: definition.config.clone(),
                base: definition.base.as_str().trim_end_matches('/').into(),
                hosts: definition.hosts.clone(),
                reads_only,
                settings: settings.clone(),
            });
            settings.credentials = Some(sign_in.credentials().await?);
            settings.renew = Some(sign_in);
        }
        let system = surroundings.connections.system(&connection.system());
        system.limiter.limit(&Arc::from(format!("connector {}", connection.name)), definition.limits);
        definition.buckets().for_each(|(bucket, rate)| system.limiter.limit_bucket(bucket, Some(rate)));
        let client = Client::new(&settings)?;
        Ok(Self { connection: Connection::new(client, system, PAUSE), definition: Arc::new(definition) })
    }
}

type Scheme<'c> = Option<(&'c AuthScheme, &'c BTreeMap<String, crate::manifest::connection::SecretRef>)>;

/// The way to sign in that a connection picks.
fn scheme<'c>(connection: &'c DeclaredConnection, document: &'c ConnectorSpec) -> Result<Scheme<'c>, SystemError> {
    let known = || document.auth.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    match connection.auth.iter().collect::<Vec<_>>().as_slice() {
        [] => Ok(None),
        [(name, secrets)] => match document.auth.get(*name) {
            Some(scheme) => Ok(Some((scheme, secrets))),
            None => Err(SystemError::Rejected(format!("{} can't be signed in to by `{name}`; known are {}", connection.name, known()))),
        },
        _ => Err(SystemError::Rejected("`auth` names several ways to sign in, and one is used".into())),
    }
}

fn refused(name: &str, wrong: &[Wrong]) -> SystemError {
    let first = wrong.first().map(|wrong| format!("{}: {}", wrong.pointer, wrong.problem.message)).unwrap_or_default();
    SystemError::Rejected(format!("the Connector {name} is not sound: {first}"))
}

/// What a document has requests for.
fn capabilities(definition: &Definition) -> Capabilities {
    let accounts = definition.accounts.as_ref();
    let has = |can: fn(&Objects) -> bool| accounts.is_some_and(can);
    let groups = |can: fn(&Objects) -> bool| definition.groups.iter().any(|(_, objects)| can(objects));
    // Of several kinds that are changed here, what one lacks is promised of none.
    let all_groups =
        |can: fn(&Objects) -> bool| groups(can) && definition.groups.iter().all(|(_, objects)| !objects.is_written() || can(objects));
    let names = |objects: &Objects, keep: fn(&Attribute) -> bool| -> BTreeSet<Arc<str>> {
        objects.attributes.iter().filter(|(_, attribute)| keep(attribute)).map(|(name, _)| name.clone()).collect()
    };
    let fixed = |attribute: &Attribute| attribute.only == Some(OnlyWhen::Create);
    let read_only = |attribute: &Attribute| attribute.write.is_empty();
    let marks = |objects: &Objects| objects.attributes.contains_key("externalId").then(|| Arc::from("externalId"));
    Capabilities {
        create_accounts: has(|objects| objects.create.is_some()),
        update_accounts: has(|objects| !objects.update.is_empty()),
        deactivate_accounts: has(|objects| {
            objects
                .active
                .as_ref()
                .is_some_and(|active| !active.deactivate.is_empty() || (!active.write.is_empty() && !objects.update.is_empty()))
        }),
        delete_accounts: has(|objects| !objects.delete.is_empty()),
        read_groups: groups(|objects| objects.list.is_some()),
        create_groups: groups(|objects| objects.create.is_some()),
        update_groups: all_groups(|objects| !objects.update.is_empty()),
        delete_groups: all_groups(|objects| !objects.delete.is_empty()),
        write_memberships: all_groups(|objects| {
            objects.members.as_ref().is_some_and(|members| members.add.is_some() || members.set.is_some())
        }),
        account_marker: accounts.and_then(marks),
        group_marker: definition.groups.iter().find_map(|(_, objects)| marks(objects)),
        account_attributes: accounts.map(|objects| names(objects, |_| true)),
        immutable_attributes: accounts.map(|objects| names(objects, fixed)).unwrap_or_default(),
        read_only_attributes: accounts.map(|objects| names(objects, read_only)).unwrap_or_default(),
        required_attributes: accounts.map(required).unwrap_or_default(),
        side_effects: side_effects(definition),
        says_writable: says_writable(definition),
        asked_by: accounts.map(|objects| objects.find.keys().cloned().collect()),
        entitlements: !definition.entitlements.is_empty(),
        entitlement_parameters: Some(definition.entitlements.iter().flat_map(|(_, rules)| rules.parameters.keys().cloned()).collect()),
        end_sessions: has(|objects| objects.sessions.is_some()),
        ..Capabilities::default()
    }
}

/// Kinds of which some row may say that it can't be changed.
fn says_writable(definition: &Definition) -> BTreeSet<ObjectKind> {
    let accounts = definition.accounts.as_ref().is_some_and(|objects| objects.writable.is_some());
    let groups = definition.groups.iter().any(|(_, objects)| objects.writable.is_some() || !objects.is_written());
    let entitlements = definition.entitlements.iter().any(|(_, rules)| rules.writable.is_some());
    let says = [(ObjectKind::Account, accounts), (ObjectKind::Group, groups), (ObjectKind::Entitlement, entitlements)];
    says.into_iter().filter(|(_, says)| *says).map(|(kind, _)| kind).collect()
}

/// What happens besides, by the change that leads to it.
fn side_effects(definition: &Definition) -> Vec<SideEffect> {
    let accounts = definition.accounts.iter().map(|objects| (ObjectKind::Account, objects));
    let all = accounts.chain(definition.groups.iter().map(|(_, objects)| (ObjectKind::Group, objects)));
    let mut effects = Vec::new();
    for (kind, objects) in all {
        let mut add = |action, requests: &[Request]| {
            let told = requests.iter().filter_map(|request| Some((request.covers.clone(), request.tells.clone()?)));
            effects.extend(told.map(|(attributes, words)| SideEffect { kind, action, attributes, words }));
        };
        add(Action::Create, objects.create.as_slice());
        add(Action::Update, &objects.update);
        add(Action::Delete, &objects.delete);
        if let Some(active) = &objects.active {
            add(Action::Deactivate, &active.deactivate);
            add(Action::Reactivate, &active.activate);
        }
    }
    for (_, rules) in &definition.entitlements {
        let mut add = |action, requests: &[Request]| {
            let told = requests.iter().filter_map(|request| request.tells.clone());
            let kind = ObjectKind::Entitlement;
            effects.extend(told.map(|words| SideEffect { kind, action, attributes: Vec::new(), words }));
        };
        add(Action::AddEntitlement, std::slice::from_ref(&rules.grant));
        add(Action::UpdateEntitlement, &rules.change);
        add(Action::RemoveEntitlement, &rules.withdraw);
    }
    effects
}

fn required(objects: &Objects) -> BTreeSet<Arc<str>> {
    objects.attributes.iter().filter(|(_, attribute)| attribute.required).map(|(name, _)| name.clone()).collect()
}

/// The attributes that a request of the document writes.
fn writable(accounts: &crate::manifest::kinds::connector::ObjectsSpec) -> impl Iterator<Item = &String> {
    accounts.attributes.iter().filter(|(_, attribute)| attribute.path.is_some() || !attribute.write.is_empty()).map(|(name, _)| name)
}

/// Whether identities have an attribute of this name, so that it needs no rule to be filled.
fn known_to_identities(name: &str) -> bool {
    name != "externalId" && name != "active" && crate::model::attribute(name).is_some()
}
