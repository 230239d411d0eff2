//! `headcount connector`: what the connectors are, read, write, need and default to, and whether documents of them do what they should.

mod check;
mod init;
mod pages;
mod test;

use std::fmt::Write;

use clap::Subcommand;
use serde_json::json;

use super::complete;
use super::output::TextOrJson;
use super::report::{self, Exit, Failure};
use crate::connector::describe::Description;
use crate::connector::registry;
use crate::diagnostic::did_you_mean;
use crate::manifest::catalog::catalog;
use crate::render::paragraph;

/// Show the connectors, what they read, write and need; test those that documents describe
#[derive(Debug, clap::Args)]
pub struct ConnectorArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the connectors
    List {
        /// How to show it
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: TextOrJson,
    },
    /// Show one connector: what it reads and writes, its default mapping, what it needs, its connection
    #[command(after_help = "Example: headcount connector show scim")]
    Show {
        /// file, scim, sql, or one of the catalog
        #[arg(add = complete::connectors())]
        name: String,
        /// How to show it
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: TextOrJson,
    },
    Test(test::CaseArgs),
    Init(init::StartArgs),
    Check(check::CheckArgs),
    Pages(pages::PagesArgs),
}

pub fn run(args: &ConnectorArgs) -> Result<Exit, Failure> {
    let all = registry::describe();
    let text = match &args.command {
        Command::Test(args) => return test::run(args),
        Command::Init(args) => return init::run(args),
        Command::Check(args) => return check::run(args),
        Command::Pages(args) => return pages::run(args),
        Command::List { output: TextOrJson::Text } => wrapped(&listed(&all)),
        Command::List { output: TextOrJson::Json } => {
            let catalog: Vec<_> = catalog().iter().map(|(name, spec)| json!({ "name": name, "title": spec.title })).collect();
            format!("{:#}\n", json!({ "formatVersion": 1, "connectors": all, "catalog": catalog }))
        }
        Command::Show { name, output } if catalog().contains_key(name.as_str()) => of_catalog(name, *output),
        Command::Show { name, output } => {
            let known = all.iter().find(|known| known.name == name).ok_or_else(|| unknown(name, &all))?;
            match output {
                TextOrJson::Text => wrapped(&show(known)),
                TextOrJson::Json => format!("{:#}\n", json!({ "formatVersion": 1, "connector": known })),
            }
        }
    };
    report::result(text.as_bytes()).map(|()| Exit::Done)
}

/// Those that are built in, and the systems that documents of the catalog describe.
fn listed(all: &[Description]) -> String {
    let wide = all.iter().map(|known| known.name.len()).chain(catalog().keys().map(|name| name.len())).max().unwrap_or_default();
    let mut text: String = all.iter().map(|known| format!("{:<wide$} {}\n", known.name, known.about)).collect();
    text.push_str("\nOf the catalog, as `connection: {connector: {name: …}}`:\n");
    catalog().iter().for_each(|(name, spec)| text.push_str(&format!("{name:<wide$} {}\n", spec.title)));
    text
}

/// A document of the catalog: its page, or the document itself.
fn of_catalog(name: &str, output: TextOrJson) -> String {
    let Some(spec) = catalog().get(name) else { return String::new() };
    match output {
        TextOrJson::Text => wrapped(&registry::page(name, spec)),
        TextOrJson::Json => format!("{:#}\n", json!({ "formatVersion": 1, "connector": name, "spec": spec })),
    }
}

fn unknown(name: &str, all: &[Description]) -> Failure {
    let names: Vec<_> = all.iter().map(|known| known.name).chain(catalog().keys().map(AsRef::as_ref)).collect();
    let near = did_you_mean(name, names.iter().copied());
    Failure::usage(format!("there is no connector `{name}`")).hint(near.unwrap_or_else(|| format!("known: {}", names.join(", "))))
}

/// Rows no wider than the terminal, what goes on below its own column.
fn wrapped(text: &str) -> String {
    let mut out = Vec::new();
    for line in text.lines() {
        // The right column begins behind the last wide gap.
        let column = line.trim_start().find("  ").map_or(4, |_| line.rfind("  ").map_or(4, |at| at + 2));
        // Memory takes everything.
        let _ = paragraph(report::width(), line, &" ".repeat(column.min(report::width() / 2)), &mut out);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// One connector as a person reads it.
fn show(known: &Description) -> String {
    let listed = |words: &[&str]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let mut text = format!("{}: {}\n\n", known.name, known.about);
    let _ = writeln!(text, "For     {}", known.kinds.join(", "));
    let _ = writeln!(text, "Reads   {}", listed(known.reads));
    let _ = writeln!(text, "Writes  {}", listed(known.writes));
    let rows = |text: &mut String, title: &str, rows: Vec<(String, String)>| {
        let wide = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
        let _ = writeln!(text, "\n{title}:");
        for (left, right) in rows {
            let _ = writeln!(text, "  {}", format!("{left:<wide$}  {right}").trim_end());
        }
    };
    rows(&mut text, "Abilities", known.abilities.iter().map(|words| ((*words).to_owned(), String::new())).collect());
    if !known.default_mapping.is_empty() {
        let default = known.default_mapping.iter().map(|rule| (rule.attribute.clone(), rule.value.clone())).collect();
        rows(&mut text, "Default mapping of a Target (a rule of its own wins; `defaults: none` drops it)", default);
    }
    if !known.needs.is_empty() {
        let needs = known.needs.iter().map(|need| (need.attribute.to_owned(), need.why.to_owned())).collect();
        rows(&mut text, "Needed to make an account", needs);
    }
    let required = |required: bool| if required { " (required)" } else { "" };
    let fields = known.connection.iter().map(|field| (format!("{}{}", field.name, required(field.required)), field.about.clone()));
    rows(&mut text, "Connection", fields.collect());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_connectors_says_what_they_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/connectors.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        for known in registry::describe() {
            let block = format!("```text\n{}```\n", show(&known));
            assert!(page.contains(&block), "docs/connectors.md differs from `headcount connector show {}`:\n{block}", known.name);
        }
    }
}
