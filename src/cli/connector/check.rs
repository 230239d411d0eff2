//! `headcount connector check`: asks live systems whether they can be read, and says what is missing and what would mend it.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::cli::Files;
use crate::cli::complete;
use crate::cli::output::TextOrJson;
use crate::cli::report::{self, Exit, Failure};
use crate::cli::session::{self, Session};
use crate::model::{Capabilities, ObjectKind, SystemError};
use crate::pipeline::{Checked, Sight, check_source, check_target};
use crate::render::paragraph;

/// Ask the live systems what works: signing in, and one small read of each kind
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  headcount connector check -f acme/            every Source and Target
  headcount connector check okta -f acme/       one of them

Nothing is written anywhere. Exit codes: 0 everything can be read; 1 something can't")]
pub struct CheckArgs {
    /// Sources and Targets by name [default: all]
    #[arg(value_name = "NAME", add = complete::systems())]
    names: Vec<String>,
    #[command(flatten)]
    files: Files,
    /// How to show it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: TextOrJson,
}

/// One system that was asked.
struct System {
    name: String,
    kind: &'static str,
    checked: Checked,
}

pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let session = Session::load(&args.files)?;
    let names = |kind: &'static str, names: Vec<String>| names.into_iter().enumerate().map(move |(at, name)| (kind, at, name));
    let sources = names("Source", session.loaded.sources.iter().map(|document| document.name.to_string()).collect());
    let targets = names("Target", session.loaded.targets.iter().map(|document| document.name.to_string()).collect());
    let all: Vec<_> = sources.chain(targets).collect();
    if let Some(odd) = args.names.iter().find(|wanted| !all.iter().any(|(_, _, name)| name == *wanted)) {
        let known = all.iter().map(|(_, _, name)| name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(format!("there is no Source or Target {odd:?}")).hint(format!("the manifests have: {known}")));
    }
    let wanted = all.into_iter().filter(|(_, _, name)| args.names.is_empty() || args.names.contains(name));
    let systems = session::run(async {
        let mut systems = Vec::new();
        for (kind, at, name) in wanted {
            let checked = match kind {
                "Source" => check_source(&session.loaded, &session.policy, at).await,
                _ => check_target(&session.loaded, &session.policy, at).await,
            };
            systems.push(System { name, kind, checked });
        }
        systems
    })?;
    let text = match args.output {
        TextOrJson::Text => in_words(&systems),
        TextOrJson::Json => {
            let systems: Vec<Json> = systems.iter().map(as_json).collect();
            format!("{:#}\n", json!({ "formatVersion": 1, "systems": systems }))
        }
    };
    report::result(text.as_bytes())?;
    Ok(if systems.iter().all(|system| is_well(&system.checked)) { Exit::Done } else { Exit::Error })
}

fn is_well(checked: &Checked) -> bool {
    checked.shut.is_none() && checked.streams.iter().all(|(_, seen)| matches!(seen, Sight::Rows(..) | Sight::Nothing))
}

fn in_words(systems: &[System]) -> String {
    let mut text = String::new();
    for System { name, kind, checked } in systems {
        let _ = writeln!(text, "{name} ({kind})");
        match &checked.shut {
            Some(error) => row(&mut text, "connection", &format!("no: {error}")),
            None => row(&mut text, "connection", "works"),
        }
        for (kind, seen) in &checked.streams {
            row(&mut text, stream(*kind), &sight(seen));
        }
        if !checked.manners.is_empty() {
            row(&mut text, "its ways", &checked.manners.join("; "));
        }
        for lack in &checked.lacks {
            row(&mut text, "missing", lack);
        }
        if let Some(next) = next(checked) {
            row(&mut text, "next", &next);
        }
        if let Some(can) = checked.capabilities.as_ref().map(abilities) {
            row(&mut text, "not tried", &can);
        }
        text.push('\n');
    }
    let well = systems.iter().filter(|system| is_well(&system.checked)).count();
    let _ = writeln!(text, "{} of {} can be read", well, systems.len());
    text
}

fn row(text: &mut String, left: &str, right: &str) {
    let mut out = Vec::new();
    // Memory takes everything.
    let _ = paragraph(report::width(), &format!("  {left:<12}  {right}"), &" ".repeat(16), &mut out);
    text.push_str(&String::from_utf8_lossy(&out));
}

fn stream(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Account => "accounts",
        ObjectKind::Group => "groups",
        ObjectKind::Membership => "members",
        ObjectKind::Entitlement => "entitlements",
    }
}

fn sight(seen: &Sight) -> String {
    match seen {
        Sight::Nothing => "can be read; there are none".into(),
        Sight::Not(reason) => format!("no: {reason}"),
        Sight::Slow => "nothing came in 30 seconds; a plan would wait for longer".into(),
        Sight::Rows(_, nobody_has) if nobody_has.is_empty() => "can be read".into(),
        Sight::Rows(count, nobody_has) => {
            let names = nobody_has.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
            format!("can be read; of the first {count} nobody has: {names}. Where somebody should, a right to read it may be missing")
        }
    }
}

/// What would mend it.
fn next(checked: &Checked) -> Option<String> {
    if is_well(checked) {
        return None;
    }
    let rights = match checked.rights.is_empty() {
        true => String::new(),
        false => format!(" It needs: {}.", checked.rights.join("; ")),
    };
    let refused = checked.streams.iter().any(|(_, seen)| matches!(seen, Sight::Not(_)));
    Some(match &checked.shut {
        Some(SystemError::Auth(_)) => {
            format!("look at the secrets that `{}` names, and whether they have expired.{rights}", checked.sign_in)
        }
        Some(SystemError::Forbidden(_)) => format!("grant what is missing.{rights}"),
        Some(_) => "look at the address, and at what stands between; `-v` logs each request".into(),
        None if refused => format!("read the reason above; where a right is missing, grant it.{rights}"),
        None => "try again; `-v` logs each request".into(),
    })
}

fn abilities(can: &Capabilities) -> String {
    let all = [
        ("make accounts", can.create_accounts),
        ("change them", can.update_accounts),
        ("deactivate them", can.deactivate_accounts),
        ("delete them", can.delete_accounts),
        ("make groups", can.create_groups),
        ("change groups", can.update_groups),
        ("delete groups", can.delete_groups),
        ("change who is in them", can.write_memberships),
    ];
    let can: Vec<&str> = all.into_iter().filter(|(_, can)| *can).map(|(words, _)| words).collect();
    if can.is_empty() { "it writes nothing".into() } else { format!("{}: only a change shows whether it may", can.join(", ")) }
}

fn as_json(system: &System) -> Json {
    let streams = system.checked.streams.iter().map(|(kind, seen)| {
        let (readable, rows, empty) = match seen {
            Sight::Rows(rows, nobody_has) => (true, *rows, nobody_has.iter().map(AsRef::as_ref).collect()),
            Sight::Nothing => (true, 0, Vec::new()),
            Sight::Not(_) | Sight::Slow => (false, 0, Vec::<&str>::new()),
        };
        json!({ "kind": stream(*kind), "readable": readable, "rows": rows, "empty": empty, "words": sight(seen) })
    });
    json!({
        "name": system.name,
        "kind": system.kind,
        "connected": system.checked.shut.is_none(),
        "words": system.checked.shut.as_ref().map(ToString::to_string),
        "streams": streams.collect::<Vec<_>>(),
        "ways": system.checked.manners,
        "missing": system.checked.lacks,
        "next": next(&system.checked),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_sign_in_is_told_by_the_field_that_the_connection_has() {
        let shut = |sign_in| Checked {
            shut: Some(SystemError::Auth("no".into())),
            streams: Vec::new(),
            capabilities: None,
            rights: vec!["the scope admin".into()],
            manners: Vec::new(),
            lacks: Vec::new(),
            sign_in,
        };
        let words = |sign_in| next(&shut(sign_in)).unwrap();
        assert!(words("bind").contains("the secrets that `bind` names") && words("auth").contains("`auth`"));
        assert!(words("auth").ends_with("It needs: the scope admin."));
    }
}
