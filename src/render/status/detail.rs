//! A few systems in full.

use std::io::{self, Write};

use super::{StatusView, age, number, pending_words, state_words, style};
use crate::model::{SystemRole, SystemStatus};
use crate::render::style::{STRONG, paint};
use crate::render::wrap::{columns, paragraph};
use crate::render::{count, safe};
use jiff::SignedDuration;

/// Writes a block for each.
pub fn write(view: &StatusView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let wanted = |system: &&SystemStatus| view.look.systems.iter().any(|name| **name == *system.name);
    view.status.systems.iter().filter(wanted).try_for_each(|system| block(view, system, out))
}

fn block(view: &StatusView<'_>, system: &SystemStatus, out: &mut dyn Write) -> io::Result<()> {
    let role = match system.role {
        SystemRole::Source => "Source",
        SystemRole::Target => "Target",
    };
    let state = paint(style(system.state), state_words(system));
    writeln!(
        out,
        "\n{}: {state} since {}",
        paint(STRONG, format_args!("{role} {}", safe::line(&system.name))),
        view.clock.since(system.since)
    )?;
    for (label, words) in facts(view, system) {
        let start = format!("  {label:<LABEL$}");
        paragraph(view.width(), &format!("{start}{}", safe::line(&words)), &" ".repeat(columns(&start)), out)?;
    }
    Ok(())
}

/// Columns of what stands before a fact.
const LABEL: usize = 10;

fn facts(view: &StatusView<'_>, system: &SystemStatus) -> Vec<(&'static str, String)> {
    let clock = view.clock;
    let mut facts = Vec::new();
    facts.extend(system.why.clone().map(|why| ("why", why)));
    facts.push((
        "read",
        match system.read {
            Some(read) => format!("{}, {}: {}", clock.since(read), system.evidence, count(system.rows, "row")),
            None => "never".to_owned(),
        },
    ));
    if system.complete != system.read {
        facts.push((
            "complete",
            system.complete.map_or_else(|| "never yet".to_owned(), |complete| format!("last at {}", clock.since(complete))),
        ));
    }
    facts.extend(system.heard.map(|heard| ("heard", format!("its system pushed last at {}", clock.since(heard)))));
    if system.role == SystemRole::Target {
        facts.push((
            "declared",
            system.declared.map_or_else(|| "never yet".to_owned(), |declared| format!("last so at {}", clock.since(declared))),
        ));
        facts.push(("pending", pending_words(system.pending)));
    }
    let withheld: Vec<String> = system.withheld.iter().map(|(code, many)| format!("{} by {code}", number(*many))).collect();
    if !withheld.is_empty() {
        facts.push(("withheld", withheld.join(", ")));
    }
    if system.drift > 0 {
        facts.push((
            "drift",
            format!("{} of what is declared changed by others: {}", number(system.drift), view.command("headcount drift")),
        ));
    }
    if let Some(hash) = &system.waits {
        let short: String = hash.chars().take(SHORT).collect();
        facts.push(("waits", view.command(&format!("headcount approve {short}"))));
    }
    let whole = age(SignedDuration::from_secs(i64::try_from(system.interval).unwrap_or(i64::MAX)));
    let next = system.next.map_or_else(|| "not known".to_owned(), |next| clock.due(next));
    facts.push(("next", format!("{next}; a whole read every {whole}")));
    facts
}

/// Digits of a hash by which a plan is found.
const SHORT: usize = 8;
