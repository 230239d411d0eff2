//! Everything about one identity, for a person at a terminal: what it comes from, its attributes, its accounts, its groups, each with the reason.

use std::io::{self, Write};

use super::safe;
use super::style::{BAD, CHANGED, GOOD, QUIET, STRONG, paint};
use super::value::{Names, words};
use super::wrap::paragraph;
use crate::model::{HIDDEN, Visibility, attribute};
use crate::planning::why::{AccountAttribute, AttributeWhy, Because, Claimed, Explanation, Known, MembershipWhy, TargetWhy};

/// Writes the explanation. `whole` shows also what expressions' parts came to.
pub fn write(explanation: &Explanation, whole: bool, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut view = View { names: Names::default(), whole, width, out };
    view.identity(explanation)?;
    view.attributes(&explanation.attributes)?;
    explanation.targets.iter().try_for_each(|target| view.target(target))?;
    view.groups(&explanation.groups)
}

struct View<'a> {
    names: Names<'a>,
    whole: bool,
    width: usize,
    out: &'a mut dyn Write,
}

impl View<'_> {
    fn identity(&mut self, explanation: &Explanation) -> io::Result<()> {
        let lifecycle = explanation.lifecycle.as_deref().unwrap_or("not known, or left out");
        writeln!(self.out, "{} {}", paint(STRONG, format_args!("Identity {}", safe::line(&explanation.identity))), safe::line(lifecycle))?;
        for because in &explanation.standing {
            self.because("  ", because)?;
        }
        for behind in &explanation.behind {
            let key = behind.key.as_deref().unwrap_or("(it can't be told which record)");
            let place = paint(QUIET, format_args!("at {}", safe::line(&behind.place.to_string())));
            let found = behind.found.as_deref().map(|found| format!(", {}", safe::line(found))).unwrap_or_default();
            let line = format!("  from {}/{}{found} {place}", safe::line(&behind.source), safe::line(key));
            paragraph(self.width, &line, "    ", self.out)?;
        }
        writeln!(self.out)
    }

    fn attributes(&mut self, attributes: &[AttributeWhy]) -> io::Result<()> {
        writeln!(self.out, "{}", paint(STRONG, "Attributes"))?;
        for known in attributes {
            self.attribute("  ", known)?;
        }
        writeln!(self.out)
    }

    fn attribute(&mut self, indent: &str, why: &AttributeWhy) -> io::Result<()> {
        let value = self.known(&why.attribute, &why.is);
        writeln!(self.out, "{indent}{} = {value}", safe::line(&why.attribute))?;
        let inner = format!("{indent}    ");
        if let Some(given) = &why.given {
            self.claim(&inner, "", &why.attribute, given)?;
        }
        for claim in &why.outranked {
            self.claim(&inner, "outranked: ", &why.attribute, claim)?;
        }
        Ok(())
    }

    fn claim(&mut self, indent: &str, prefix: &str, attribute: &str, claim: &Claimed) -> io::Result<()> {
        let says = if prefix.is_empty() { String::new() } else { format!(" says {}", self.known(attribute, &claim.says)) };
        let by = format!("{indent}{}{}{says}: ", paint(QUIET, prefix), safe::line(&claim.by));
        self.because(&by, &claim.because)
    }

    fn target(&mut self, target: &TargetWhy) -> io::Result<()> {
        let serves = match target.serves {
            Some(true) => paint(GOOD, "should have an account"),
            Some(false) => paint(BAD, "should have no account"),
            None => paint(CHANGED, "could not be worked out; everything stays"),
        };
        writeln!(self.out, "{} {serves}", paint(STRONG, format_args!("Target {}", safe::line(&target.target))))?;
        for because in &target.because {
            self.because("  ", because)?;
        }
        match &target.account {
            None => writeln!(self.out, "  there is no account there now")?,
            Some(account) => {
                let active = if account.active { "active" } else { "deactivated" };
                writeln!(self.out, "  the account there is {}, {active}; {}", safe::line(&account.id), safe::line(&account.found))?;
            }
        }
        for attribute in &target.attributes {
            self.account_attribute(attribute)?;
        }
        writeln!(self.out)
    }

    fn account_attribute(&mut self, attribute: &AccountAttribute) -> io::Result<()> {
        let value = self.known(&attribute.attribute, &attribute.should_be);
        let name = safe::line(&attribute.attribute).into_owned();
        self.because(&format!("    {name} = {value}  {} ", paint(QUIET, "by")), &attribute.because)
    }

    fn groups(&mut self, groups: &[MembershipWhy]) -> io::Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", paint(STRONG, "Groups"))?;
        for membership in groups {
            let belongs = match membership.belongs {
                Some(true) => paint(GOOD, "member"),
                Some(false) => paint(QUIET, "not a member"),
                None => paint(CHANGED, "could not be worked out; what is observed stays"),
            };
            writeln!(self.out, "  {}: {belongs}", safe::line(&membership.group))?;
            for because in &membership.because {
                self.because("      ", because)?;
            }
        }
        Ok(())
    }

    /// The words, the expression, the line; below it what the expression's parts came to.
    fn because(&mut self, start: &str, because: &Because) -> io::Result<()> {
        let mut line = format!("{start}{}", safe::line(&because.words));
        if let Some(expression) = because.expression.as_deref().filter(|expression| !because.words.contains(expression)) {
            line.push_str(&format!(": {}", safe::line(expression)));
        }
        if let Some(place) = &because.place {
            line.push_str(&paint(QUIET, format_args!(" at {}", safe::line(&place.to_string()))));
        }
        let indent = " ".repeat(start.len() - start.trim_start().len());
        paragraph(self.width, &line, &format!("{indent}    "), self.out)?;
        for part in because.trace.iter().filter(|_| self.whole) {
            writeln!(
                self.out,
                "{indent}    {}",
                paint(QUIET, format_args!("{} → {}", safe::line(&part.expression), safe::line(&part.value)))
            )?;
        }
        Ok(())
    }

    fn known(&self, name: &str, known: &Known) -> String {
        match known {
            Known::Set(_) if attribute(name).is_some_and(|known| known.visibility == Visibility::Secret) => HIDDEN.to_owned(),
            Known::Set(value) => paint(STRONG, words(value, &self.names)),
            Known::Cleared => "(to be empty)".to_owned(),
            Known::Unmanaged => "(unmanaged)".to_owned(),
            Known::Unknown => paint(CHANGED, "(could not be worked out)"),
        }
    }
}
