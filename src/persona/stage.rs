//! A tiny world: a persona's records, the people who must be there, and empty targets that can do everything.
//!
//! Must never: hold anything that the persona does not say, but for an account that it had before.

use std::sync::Arc;

use crate::connector::sample::{SampleProblem, Sampler};
use crate::manifest::kinds::{PersonaSpec, SampleRecord};
use crate::model::{Baseline, Capabilities, Evidence, Link, LinkOrigin, Memory, ObjectKind, Page, Value};
use crate::planning::Moment;
use crate::planning::why::WouldHave;
use crate::policy::Policy;
use crate::world::{SourceSide, TargetSide, World};

/// What a persona had before, to see what becomes of it.
pub(super) struct Before {
    /// the identity
    pub(super) key: Arc<str>,
    /// by target: whether it had an account
    pub(super) targets: Vec<bool>,
    /// what the accounts and memberships were
    pub(super) had: WouldHave,
}

/// The account's id at every target.
const ACCOUNT: &str = "account";

/// Everything but nested groups: members through a group in a group are listed one by one, so that all memberships show. No marker: links prove what is ours, and
/// no attribute stands in an account that no rule gives.
pub(super) fn capabilities() -> Capabilities {
    Capabilities {
        create_accounts: true,
        update_accounts: true,
        deactivate_accounts: true,
        delete_accounts: true,
        read_groups: true,
        create_groups: true,
        update_groups: true,
        delete_groups: true,
        write_memberships: true,
        entitlements: true,
        end_sessions: true,
        ..Capabilities::default()
    }
}

/// The records of a persona and of the others in one source; its own comes first.
pub(super) fn records<'p>(spec: &'p PersonaSpec, source: &str) -> Vec<&'p SampleRecord> {
    let others = spec.others.iter().filter_map(|other| other.records.get(source));
    spec.records.get(source).into_iter().chain(others).collect()
}

/// Builds the world. A record that its source could never give is an error with the source's position.
pub(super) fn build(
    policy: &Policy,
    samplers: &mut [Sampler],
    spec: &PersonaSpec,
    before: Option<&Before>,
    moment: Moment,
) -> Result<World, SampleProblem> {
    let mut sources = Vec::with_capacity(policy.sources.len());
    for ((at, rules), sampler) in policy.sources.iter().enumerate().zip(samplers) {
        let mut side = SourceSide::new(policy, at);
        let records = records(spec, &rules.name);
        if !records.is_empty() {
            side.add(&sampler.page(&records).map_err(|(_, problem)| problem)?);
        }
        side.finish(Evidence::Complete);
        sources.push(side);
    }
    let memory = memory(policy, before, moment);
    let targets = (0..policy.targets.len()).map(|at| target(policy, at, before)).collect();
    Ok(World::assemble(policy, sources, targets, memory))
}

fn target(policy: &Policy, at: usize, before: Option<&Before>) -> TargetSide {
    let mut side = TargetSide::new(policy, at, capabilities());
    let before = before.filter(|before| before.targets.get(at) == Some(&true));
    for kind in [ObjectKind::Account, ObjectKind::Group, ObjectKind::Membership, ObjectKind::Entitlement] {
        let Some(columns) = side.columns(kind) else { continue };
        if let Some(before) = before {
            let mut page = Page::new(columns);
            match kind {
                ObjectKind::Account => account(before, at, &mut page),
                ObjectKind::Group => groups(before, &mut page),
                ObjectKind::Membership => memberships(before, &mut page),
                ObjectKind::Entitlement => {}
            }
            side.add(kind, &page);
        }
        side.finish(kind, Evidence::Complete);
    }
    side
}

fn account(before: &Before, target: usize, page: &mut Page) {
    let held = before.had.accounts.get(target).map_or(&[][..], Vec::as_slice);
    let columns = page.columns().clone();
    page.row(|row| {
        for path in columns.paths() {
            match (path.as_ref(), held.iter().find(|(name, _)| name == path)) {
                ("id", _) => row.text(ACCOUNT),
                ("active", _) => row.bool(true),
                // Whom it refers to has no account here: the target is empty but for this one.
                (_, None | Some((_, Value::Reference(_)))) => row.missing(),
                (_, Some((_, value))) => row.value(value),
            }
        }
    });
}

fn groups(before: &Before, page: &mut Page) {
    let columns = page.columns().clone();
    for (at, (_, name)) in before.had.groups.iter().enumerate() {
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

fn memberships(before: &Before, page: &mut Page) {
    let columns = page.columns().clone();
    for at in 0..before.had.groups.len() {
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
        at: moment.now,
    };
    let links = before.map(|before| links(policy, before)).unwrap_or_default();
    Memory { known: true, baselines: policy.sources.iter().map(baseline).collect(), links, ..Memory::default() }
}

fn links(policy: &Policy, before: &Before) -> Vec<Link> {
    let mut links = Vec::new();
    for (target, _) in policy.targets.iter().zip(&before.targets).filter(|(_, had)| **had) {
        let link = |kind, key: &Arc<str>, id: String| Link {
            target: target.name.clone(),
            kind,
            key: key.clone(),
            id: id.into(),
            origin: LinkOrigin::Created,
        };
        links.push(link(ObjectKind::Account, &before.key, ACCOUNT.to_owned()));
        links.extend(before.had.groups.iter().enumerate().map(|(at, (key, _))| link(ObjectKind::Group, key, group_id(at))));
    }
    links
}
