//! A tiny world: a persona's records, the people who must be there, and empty targets that can do everything.
//!
//! Must never: hold anything that the persona does not say, but for an account that it had before.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::connector::sample::{SampleProblem, Sampler};
use crate::manifest::kinds::{PersonaSpec, SampleRecord};
use crate::model::{Baseline, Capabilities, Evidence, Link, LinkOrigin, Memory, ObjectKind, Page, Value};
use crate::planning::Moment;
use crate::planning::explain::{Values, WouldHave};
use crate::policy::{Policy, TargetPolicy};
use crate::world::{SourceSide, TargetSide, World};

/// What a persona had before, to see what becomes of it.
pub(super) struct Before {
    /// the identity
    pub(super) key: Arc<str>,
    /// by target: what it had there; nothing where it had no account
    pub(super) targets: Vec<Option<Had>>,
}

/// What a persona had at one target.
#[derive(Default)]
pub(super) struct Had {
    /// attributes of the account
    pub(super) account: Values,
    /// groups: key and displayName
    pub(super) groups: Vec<(Arc<str>, Arc<str>)>,
    /// entitlements and their parameters
    pub(super) entitlements: Vec<(Arc<str>, Values)>,
}

impl Before {
    /// What an identity would have at these targets, of the groups that each target gets.
    pub(super) fn new(policy: &Policy, key: &Arc<str>, targets: &[bool], had: WouldHave, gets: impl Fn(&str, &str) -> bool) -> Self {
        let entitled = |target: usize| {
            let declared = policy.entitlements.iter().zip(&had.entitlements).filter(move |(rules, _)| rules.target == target);
            declared.filter_map(|(rules, parameters)| Some((rules.name.clone(), parameters.clone()?))).collect()
        };
        let at = |(at, rules): (usize, &TargetPolicy)| {
            targets.get(at).copied().unwrap_or_default().then(|| Had {
                account: had.accounts.get(at).cloned().unwrap_or_default(),
                groups: had.groups.iter().filter(|(group, _)| gets(&rules.name, group)).cloned().collect(),
                entitlements: entitled(at),
            })
        };
        Self { key: key.clone(), targets: policy.targets.iter().enumerate().map(at).collect() }
    }
}

/// The account's id at every target.
const ACCOUNT: &str = "account";

/// A world, and who the persona is in it.
pub(super) struct Staged {
    pub(super) world: World,
    /// by source: the key of the persona's own record
    pub(super) own: Vec<Option<String>>,
}

/// Builds the world. A record that its source could never give is an error.
pub(super) fn build(
    policy: &Policy,
    samplers: &mut [Sampler],
    spec: &PersonaSpec,
    before: Option<&Before>,
    moment: Moment,
) -> Result<Staged, SampleProblem> {
    let mut sources = Vec::with_capacity(policy.sources.len());
    let mut own = Vec::with_capacity(policy.sources.len());
    for ((at, rules), sampler) in policy.sources.iter().enumerate().zip(samplers) {
        let mut side = SourceSide::new(policy, at, moment.today);
        let mut add = |side: &mut SourceSide, records: &[&SampleRecord]| {
            sampler.page(records).map(|page| side.add(&page)).map_err(|(_, problem)| problem)
        };
        if let Some(record) = spec.records.get(rules.name.as_ref()) {
            add(&mut side, &[record])?;
        }
        own.push((side.len() > 0).then(|| side.key(0).to_owned()));
        let others: Vec<_> = spec.others.iter().filter_map(|other| other.records.get(rules.name.as_ref())).collect();
        if !others.is_empty() {
            add(&mut side, &others)?;
        }
        side.finish(Evidence::Complete);
        sources.push(side);
    }
    let memory = memory(policy, before, moment);
    let targets = (0..policy.targets.len()).map(|at| target(policy, at, before)).collect();
    Ok(Staged { world: World::assemble(policy, sources, targets, memory), own })
}

fn target(policy: &Policy, at: usize, before: Option<&Before>) -> TargetSide {
    // Without nested groups all memberships show; without marks links prove what is ours, and no attribute stands in an account that no rule gives.
    let mut side = TargetSide::new(policy, at, Capabilities::everything());
    let had = before.and_then(|before| before.targets.get(at)).and_then(Option::as_ref);
    for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement] {
        let Some(columns) = side.columns(kind) else { continue };
        if let Some(had) = had {
            let mut page = Page::new(columns);
            match kind {
                ObjectKind::Account => account(had, &mut page),
                ObjectKind::Group => groups(had, &mut page),
                ObjectKind::Membership => memberships(had, &mut page),
                ObjectKind::Entitlement => entitlements(had, &mut page),
            }
            side.add(kind, &page);
        }
        side.finish(kind, Evidence::Complete);
    }
    side
}

fn account(had: &Had, page: &mut Page) {
    let columns = page.columns().clone();
    page.row(|row| {
        for path in columns.paths() {
            match (path.as_ref(), had.account.iter().find(|(name, _)| name == path)) {
                ("id", _) => row.text(ACCOUNT),
                ("active", _) => row.bool(true),
                // Whom it refers to has no account here: the target is empty but for this one.
                (_, None | Some((_, Value::Reference(_)))) => row.missing(),
                (_, Some((_, value))) => row.value(value),
            }
        }
    });
}

fn groups(had: &Had, page: &mut Page) {
    let columns = page.columns().clone();
    for (at, (_, name)) in had.groups.iter().enumerate() {
        page.row(|row| {
            for path in columns.paths() {
                match path.as_ref() {
                    "id" => row.text(&group_id(at)),
                    "displayName" => row.text(name),
                    _ => row.missing(),
                }
            }
        });
    }
}

fn memberships(had: &Had, page: &mut Page) {
    let columns = page.columns().clone();
    for at in 0..had.groups.len() {
        page.row(|row| {
            for path in columns.paths() {
                match path.as_ref() {
                    "group" => row.text(&group_id(at)),
                    "member" => row.text(ACCOUNT),
                    "kind" => row.text("account"),
                    _ => row.missing(),
                }
            }
        });
    }
}

fn entitlements(had: &Had, page: &mut Page) {
    let columns = page.columns().clone();
    for (name, parameters) in &had.entitlements {
        page.row(|row| {
            for path in columns.paths() {
                match (path.as_ref(), parameters.iter().find(|(parameter, _)| parameter == path)) {
                    ("account", _) => row.text(ACCOUNT),
                    ("entitlement", _) => row.text(name),
                    (_, None) => row.missing(),
                    (_, Some((_, value))) => row.value(value),
                }
            }
        });
    }
}

fn group_id(at: usize) -> String {
    format!("group-{at}")
}

/// A state that is there, and a complete read behind every source: whoever is not in the records is not there.
fn memory(policy: &Policy, before: Option<&Before>, moment: Moment) -> Memory {
    let baseline = |source: &crate::policy::SourcePolicy| Baseline {
        system: source.name.clone(),
        kind: ObjectKind::Account,
        scope: source.scope_hash,
        count: 0,
        values: BTreeMap::new(),
        statuses: BTreeMap::new(),
        at: moment.now,
    };
    let links = before.map(|before| links(policy, before)).unwrap_or_default();
    Memory { known: true, baselines: policy.sources.iter().map(baseline).collect(), links, ..Memory::default() }
}

fn links(policy: &Policy, before: &Before) -> Vec<Link> {
    let mut links = Vec::new();
    for (target, had) in policy.targets.iter().zip(&before.targets) {
        let Some(had) = had else { continue };
        let link = |kind, key: &Arc<str>, id: String| Link {
            target: target.name.clone(),
            kind,
            key: key.clone(),
            id: id.into(),
            origin: LinkOrigin::Created,
            system: target.system.id,
            name: None,
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        links.push(link(ObjectKind::Account, &before.key, ACCOUNT.to_owned()));
        links.extend(had.groups.iter().enumerate().map(|(at, (key, _))| link(ObjectKind::Group, key, group_id(at))));
    }
    links
}
