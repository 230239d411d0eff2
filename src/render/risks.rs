//! What a reviewer should look at twice, gathered at the end of a long plan: the end is what stands on the screen.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::safe;
use super::style::{RISK, STRONG, paint};
use super::summary::number;
use super::words::risk;
use super::wrap::labelled;
use crate::model::{Change, ObjectKind, Plan, Risk};

/// A plan that fits on a screen shows its risks where they stand; but whom an account is given to that headcount did not make is always said here too.
const SHORT: usize = 12;
/// Names of one risk before they are counted.
const SHOWN: usize = 20;

/// Writes the block, if there is something to look at.
pub fn write(plan: &Plan, width: usize, out: &mut dyn Write) -> io::Result<()> {
    block(plan, plan.changes.len() <= SHORT, width, out)
}

/// The same with all of them, however short the plan is.
pub fn write_all(plan: &Plan, width: usize, out: &mut dyn Write) -> io::Result<()> {
    block(plan, false, width, out)
}

fn block(plan: &Plan, short: bool, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut risks: BTreeMap<(Risk, &str), Vec<&Change>> = BTreeMap::new();
    for change in plan.changes.iter().filter(|change| change.runs()) {
        for known in &change.risks {
            risks.entry((*known, risk(change, *known))).or_default().push(change);
        }
    }
    if short {
        risks.retain(|(known, _), _| *known == Risk::Adoption);
    }
    if risks.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}\n", paint(STRONG, "Look at these twice"))?;
    for ((known, words), changes) in risks {
        let label = std::iter::once(format!("{}:", paint(RISK, words)));
        // Every adoption may be a stranger's: none is merely counted.
        let shown = if known == Risk::Adoption { changes.len() } else { SHOWN };
        let names = changes.iter().take(shown).map(|change| if known == Risk::Adoption { given(change) } else { name(change) });
        let left = changes.len().saturating_sub(shown);
        let more = (left > 0).then(|| format!("… and {} more", number(left as u64)));
        labelled(width, label.chain(names).chain(more), "  ", "  ", "      ", out)?;
    }
    writeln!(out)
}

fn name(change: &Change) -> String {
    let group = if change.object.kind == ObjectKind::Group { "group " } else { "" };
    format!("{group}{} ({})", safe::line(&change.object.name), safe::line(&change.target))
}

/// An account that exists, and who gets it.
fn given(change: &Change) -> String {
    format!("{}, given to {}", name(change), safe::line(&change.object.key))
}
