//! Search filters as a manifest has them (RFC 4515), read.
//!
//! Must never: take for a filter what a server would refuse as none.

/// Nobody writes deeper ones.
const DEPTH: usize = 32;

/// A filter, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LdapFilter {
    /// all of these
    And(Vec<LdapFilter>),
    /// one of these
    Or(Vec<LdapFilter>),
    /// not this
    Not(Box<LdapFilter>),
    /// it has a value of this attribute
    Present(String),
    /// an attribute and a value
    Compare(FilterComparison, String, Vec<u8>),
    /// an attribute, and what stands between the stars
    Substrings(String, Vec<Vec<u8>>),
    /// a rule of the server's own
    Extensible {
        /// the rule
        rule: Option<String>,
        /// the attribute
        attribute: Option<String>,
        /// what it must match
        value: Vec<u8>,
        /// whether the names above it count, too
        dn: bool,
    },
}

/// How a value compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterComparison {
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `~=`
    About,
}

impl LdapFilter {
    /// The attributes that it reads.
    pub fn attributes(&self) -> Vec<&str> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::attributes).collect(),
            Self::Not(part) => part.attributes(),
            Self::Present(name) | Self::Compare(_, name, _) | Self::Substrings(name, _) => vec![name],
            Self::Extensible { attribute, .. } => attribute.iter().map(String::as_str).collect(),
        }
    }

    /// Whether no entry fits both, as far as they say it: one asks for a value where the other asks for another, or asks for what the other leaves out. Of
    /// classes of entries one has several.
    pub fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::And(parts), other) => parts.iter().any(|part| part.excludes(other)) || self.is_denied_by(other),
            (Self::Or(parts), other) => parts.iter().all(|part| part.excludes(other)),
            (one, Self::And(_) | Self::Or(_)) => other.excludes(one),
            (Self::Compare(FilterComparison::Equal, one, value), Self::Compare(FilterComparison::Equal, other, another)) => {
                let lower = |value: &[u8]| String::from_utf8_lossy(value).to_lowercase();
                one.eq_ignore_ascii_case(other) && !one.eq_ignore_ascii_case("objectClass") && lower(value) != lower(another)
            }
            _ => self.is_denied_by(other) || other.is_denied_by(self),
        }
    }

    fn is_denied_by(&self, other: &Self) -> bool {
        matches!(other, Self::Not(inner) if **inner == *self)
    }

    /// As it is written: `(&(objectClass=person)(!(employeeType=robot)))`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (filter, rest) = one(text.trim(), 0)?;
        if rest.trim().is_empty() { Ok(filter) } else { Err(format!("`{}` stands behind its end", rest.trim())) }
    }
}

fn one(text: &str, depth: usize) -> Result<(LdapFilter, &str), String> {
    let inner = text.trim_start().strip_prefix('(').ok_or("a filter, and each part of one, stands in brackets")?;
    if depth > DEPTH {
        return Err("it is nested too deeply".into());
    }
    let (filter, rest) = match inner.chars().next() {
        Some('&') => many(&inner[1..], depth).map(|(parts, rest)| (LdapFilter::And(parts), rest))?,
        Some('|') => many(&inner[1..], depth).map(|(parts, rest)| (LdapFilter::Or(parts), rest))?,
        Some('!') => one(&inner[1..], depth + 1).map(|(part, rest)| (LdapFilter::Not(Box::new(part)), rest))?,
        _ => item(inner)?,
    };
    let rest = rest.trim_start().strip_prefix(')').ok_or("a `)` is missing")?;
    Ok((filter, rest))
}

fn many(mut rest: &str, depth: usize) -> Result<(Vec<LdapFilter>, &str), String> {
    let mut parts = Vec::new();
    while rest.trim_start().starts_with('(') {
        let (part, behind) = one(rest, depth + 1)?;
        parts.push(part);
        rest = behind;
    }
    if parts.is_empty() {
        return Err("`&` and `|` want filters behind them".into());
    }
    Ok((parts, rest))
}

fn item(text: &str) -> Result<(LdapFilter, &str), String> {
    let end = text.find(')').ok_or("a `)` is missing")?;
    let (body, rest) = text.split_at(end);
    let (left, right) = body.split_once('=').ok_or_else(|| format!("`{body}` compares nothing"))?;
    let last = left.chars().last();
    let (comparison, attribute) = match last {
        Some('>') => (FilterComparison::AtLeast, &left[..left.len() - 1]),
        Some('<') => (FilterComparison::AtMost, &left[..left.len() - 1]),
        Some('~') => (FilterComparison::About, &left[..left.len() - 1]),
        Some(':') => return extensible(&left[..left.len() - 1], right).map(|filter| (filter, rest)),
        _ => (FilterComparison::Equal, left),
    };
    let attribute = name(attribute)?.to_owned();
    let equal = comparison == FilterComparison::Equal;
    let filter = match right {
        "*" if equal => LdapFilter::Present(attribute),
        starred if equal && starred.contains('*') => {
            LdapFilter::Substrings(attribute, starred.split('*').map(unescape).collect::<Result<_, _>>()?)
        }
        plain => LdapFilter::Compare(comparison, attribute, unescape(plain)?),
    };
    Ok((filter, rest))
}

fn name(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | ';' | '_');
    if text.is_empty() || !text.chars().all(plain) { Err(format!("`{text}` is no attribute")) } else { Ok(text) }
}

/// `memberOf:1.2.840.113556.1.4.1941:=cn=x`
fn extensible(left: &str, value: &str) -> Result<LdapFilter, String> {
    let mut parts = left.split(':');
    let attribute = parts.next().unwrap_or_default();
    let (mut rule, mut dn) = (None, false);
    for part in parts {
        if part == "dn" { dn = true } else { rule = Some(name(part)?.to_owned()) }
    }
    let attribute = if attribute.is_empty() { None } else { Some(name(attribute)?.to_owned()) };
    Ok(LdapFilter::Extensible { rule, attribute, value: unescape(value)?, dn })
}

/// `\2a` is a star.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let digits = behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(digits.ok_or("behind `\\` stand two digits of base 16")?);
        rest = behind.get(2..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_filter_is_refused() {
        for odd in ["", "(", "(uid=ann", "(uid)", "(&)", "(u id=a)", "(uid=a))", "uid=ann", "(uid=\\zz)", "(uid=\\2)"] {
            assert!(LdapFilter::parse(odd).is_err(), "{odd}");
        }
        assert!(LdapFilter::parse(&"(!".repeat(100)).is_err());
        assert!(LdapFilter::parse("(&(a=b*c)(!(x>=3))(memberOf:1.2.840.113556.1.4.1941:=cn=x,dc=y))").is_ok());
    }
}
