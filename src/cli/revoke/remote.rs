//! `headcount revoke --server`: a headcount that runs cuts somebody off; what comes of it is followed until every target answered.
//!
//! Must never: say that somebody is out where no target said so.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::RevokeArgs;
use super::told::receipts_text;
use crate::cli::output::TextOrJson;
use crate::cli::remote::RemoteWorkspace;
use crate::cli::report::{self, Exit, Failure, notice};
use crate::model::{Receipt, StandingRevocation, SystemRole};
use crate::pipeline::Decision;
use crate::render::safe;
use crate::render::style::{BAD, GOOD, paint};

/// Between two looks.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

pub(super) async fn revoke(args: &RevokeArgs, remote: &RemoteWorkspace) -> Result<Exit, Failure> {
    if args.identities.len() > args.max {
        return Err(
            Failure::usage(format!("{} identities are more than {}", args.identities.len(), args.max)).hint("say --max if that is meant")
        );
    }
    let reason = args.reason.as_deref().unwrap_or_default();
    if reason.trim().is_empty() {
        return Err(Failure::usage("a revocation needs a reason").hint("pass --reason TEXT"));
    }
    notice(safe::lines(&format!("To be cut off everywhere: {}", args.identities.join(", "))));
    if !args.auto_approve && super::ask()? == Decision::Leave {
        notice("Nothing was changed.");
        return Ok(Exit::Error);
    }
    let systems = remote.status().await?.systems;
    let targets: BTreeSet<Arc<str>> =
        systems.into_iter().filter(|system| system.role == SystemRole::Target).map(|system| system.name).collect();
    let mut keys = Vec::new();
    for identity in &args.identities {
        match remote.revoke(identity.trim(), reason, args.until).await {
            Ok(key) => keys.push(key),
            Err(failure) if keys.is_empty() => return Err(failure),
            // Those before are cut off, and what becomes of them is told.
            Err(failure) => {
                report::failure(&failure);
                break;
            }
        }
    }
    let all = keys.len() == args.identities.len();
    let standing = followed(remote, &keys, &targets, Instant::now() + args.timeout).await?;
    let complete = standing.iter().all(|order| is_out(order, &targets));
    show(args, &standing, complete)?;
    Ok(match (complete, all) {
        (false, _) => Exit::Partly,
        (true, false) => Exit::Error,
        (true, true) => Exit::Done,
    })
}

/// Until every target answered, or it takes too long.
async fn followed(
    remote: &RemoteWorkspace,
    keys: &[Arc<str>],
    targets: &BTreeSet<Arc<str>>,
    end: Instant,
) -> Result<Vec<StandingRevocation>, Failure> {
    loop {
        let mut standing = Vec::new();
        for key in keys {
            standing.push(remote.revocation(key).await?);
        }
        if standing.iter().all(|order| is_out(order, targets)) || Instant::now() >= end {
            return Ok(standing);
        }
        sleep(PAUSE.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

fn is_out(order: &StandingRevocation, targets: &BTreeSet<Arc<str>>) -> bool {
    let out = |target: &Arc<str>| order.receipts.iter().any(|receipt| receipt.target == *target && receipt.outcome.holds());
    targets.iter().filter(|target| order.is_at(target)).all(out)
}

fn show(args: &RevokeArgs, standing: &[StandingRevocation], complete: bool) -> Result<(), Failure> {
    let receipts: Vec<(&str, &Receipt)> =
        standing.iter().flat_map(|order| order.receipts.iter().map(move |receipt| (order.key.as_ref(), receipt))).collect();
    let text = match args.output {
        TextOrJson::Json => {
            let keys: Vec<&Arc<str>> = standing.iter().map(|order| &order.key).collect();
            let told: Vec<_> = receipts
                .iter()
                .map(|(key, receipt)| {
                    json!({"identity": key, "target": receipt.target, "outcome": receipt.outcome, "message": receipt.message, "tries": receipt.tries})
                })
                .collect();
            format!("{:#}\n", json!({"formatVersion": 1, "revoked": keys, "complete": complete, "remembered": true, "receipts": told}))
        }
        TextOrJson::Text => {
            let verdict = match complete {
                true => paint(GOOD.bold(), "Cut off.").to_string(),
                false => paint(BAD, "Not cut off everywhere. It stays in force, and is tried again: `headcount status` tells.").to_string(),
            };
            format!("{}{verdict}\n", receipts_text(&receipts, str::to_owned))
        }
    };
    report::result(text.as_bytes())
}
