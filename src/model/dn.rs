//! Distinguished names (RFC 4514): put together from values, compared as directories compare them.
//!
//! Of model, since what a manifest and an expression say is held to them too.
//! Must never: put a value into a name unescaped, or take two names for one that differ in more than case and blanks.

/// `uid=ann\, lee`: one relative name.
pub(crate) fn rdn(attribute: &str, value: &str) -> String {
    format!("{attribute}={}", escape(value))
}

/// `cn=Ann+uid=ann`: one relative name of several attributes.
pub(crate) fn made_of<'v>(values: impl IntoIterator<Item = (&'v str, &'v str)>) -> String {
    values.into_iter().map(|(attribute, value)| rdn(attribute, value)).collect::<Vec<_>>().join("+")
}

/// A name below another.
pub(crate) fn below(rdn: &str, parent: &str) -> String {
    if parent.is_empty() { rdn.to_owned() } else { format!("{rdn},{parent}") }
}

/// A value as it stands in a name (RFC 4514, 2.4).
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, letter) in value.chars().enumerate() {
        match letter {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => out.extend(['\\', letter]),
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            control if control.is_ascii_control() => out.push_str(&format!("\\{:02X}", u32::from(control))),
            other => out.push(other),
        }
    }
    out
}

/// The name above; empty where there is none.
pub(crate) fn parent(name: &str) -> &str {
    let at = separators(name, ',').next();
    at.and_then(|at| name.get(at + 1..)).unwrap_or_default().trim_start()
}

/// Attribute and value of the first relative name: the first of several that make it up.
pub(crate) fn first(name: &str) -> Option<(&str, String)> {
    let whole = separators(name, ',').next().and_then(|at| name.get(..at)).unwrap_or(name);
    let one = separators(whole, '+').next().and_then(|at| whole.get(..at)).unwrap_or(whole);
    let (attribute, value) = one.split_once('=')?;
    Some((attribute.trim(), unescape(trimmed(value))))
}

/// The first relative name, as it stands there; whatever makes it up.
pub(crate) fn head(name: &str) -> &str {
    separators(name, ',').next().and_then(|at| name.get(..at)).unwrap_or(name).trim()
}

/// Attributes and values that make up the first relative name: one, or several.
pub(crate) fn makes_up(name: &str) -> Vec<(&str, String)> {
    parts(head(name), '+')
        .filter_map(|part| part.split_once('='))
        .map(|(attribute, value)| (attribute.trim(), unescape(trimmed(value))))
        .collect()
}

/// What stands between a name and a base above it, in its plain form; nothing where it is not below it.
pub(crate) fn between<'n>(name: &'n str, base: &str) -> Option<String> {
    if !is_within(name, base) {
        return None;
    }
    let above = if base.is_empty() { 0 } else { parts(base, ',').count() };
    let all: Vec<&'n str> = parts(name, ',').collect();
    plain_parts(all.get(..all.len().checked_sub(above)?)?)
}

/// A name without blanks that say nothing, and escaped in one way: `OU=Sales,OU=Berlin`. Nothing where it is no name.
pub(crate) fn plain(name: &str) -> Option<String> {
    plain_parts(&parts(name, ',').collect::<Vec<_>>())
}

fn plain_parts(relative: &[&str]) -> Option<String> {
    let one = |text: &&str| {
        let (attribute, value) = text.split_once('=')?;
        let (attribute, value) = (attribute.trim(), unescape(trimmed(value)));
        let named = !attribute.is_empty() && attribute.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '.'));
        (named && !value.is_empty()).then(|| rdn(attribute, &value))
    };
    let several = |text: &&str| Some(parts(text, '+').map(|part| one(&part)).collect::<Option<Vec<_>>>()?.join("+"));
    Some(relative.iter().map(several).collect::<Option<Vec<_>>>()?.join(","))
}

/// Whether a name is this one or below it.
pub(crate) fn is_within(name: &str, base: &str) -> bool {
    let (name, base) = (normal(name), normal(base));
    base.is_empty() || name == base || name.strip_suffix(&base).is_some_and(|rest| rest.ends_with('\u{1}'))
}

/// A form that two names share exactly if directories take them for one: small letters, single blanks, nothing escaped. It is no name any more.
pub(crate) fn normal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, relative) in parts(name, ',').enumerate() {
        if at > 0 {
            out.push('\u{1}');
        }
        let mut values: Vec<String> = parts(relative, '+').map(assertion).collect();
        values.sort();
        out.push_str(&values.join("\u{2}"));
    }
    out
}

fn assertion(text: &str) -> String {
    let Some((attribute, value)) = text.split_once('=') else { return text.trim().to_lowercase() };
    let value = unescape(trimmed(value)).to_lowercase();
    let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
    format!("{}={}", attribute.trim().to_lowercase(), words.join(" "))
}

/// Without the blanks around it, but for one that is escaped.
fn trimmed(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let bare = value.trim_end_matches(' ');
    let slashes = bare.chars().rev().take_while(|letter| *letter == '\\').count();
    if slashes % 2 == 1 { value.get(..bare.len() + 1).unwrap_or(bare) } else { bare }
}

fn unescape(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(next) = bytes.next() else { break };
        let second = bytes.clone().next();
        match (hex(next), second.and_then(hex)) {
            (Some(high), Some(low)) => {
                bytes.next();
                out.push(high << 4 | low);
            }
            _ => out.push(next),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn parts(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let ends = separators(text, separator).chain([text.len()]);
    let mut start = 0;
    ends.map(move |end| {
        let part = text.get(start..end).unwrap_or_default();
        start = end + 1;
        part
    })
}

/// Where a sign stands that is not escaped.
fn separators(text: &str, separator: char) -> impl Iterator<Item = usize> {
    let mut escaped = false;
    text.char_indices().filter_map(move |(at, letter)| {
        if std::mem::take(&mut escaped) {
            return None;
        }
        escaped = letter == '\\';
        (letter == separator).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_out_of_its_name() {
        for value in ["ann", "o'brien\"\\; drop table users--", " #a+b=c, d<e> ", "zoë.ångström", "a\tb", "\\", "x ", "#1"] {
            let name = below(&rdn("uid", value), "ou=people,dc=example,dc=org");
            assert_eq!(first(&name), Some(("uid", value.to_owned())), "{name}");
            assert_eq!(parent(&name), "ou=people,dc=example,dc=org", "{name}");
        }
    }

    #[test]
    fn names_are_alike_as_directories_have_it() {
        let alike = |one: &str, other: &str| normal(one) == normal(other);
        assert!(alike("UID=Ann Lee , DC=example", "uid=ann  lee,dc=EXAMPLE"));
        assert!(alike("cn=a\\2Cb,dc=x", "cn=a\\,b,dc=x") && alike("cn=\\C3\\A9,dc=x", "cn=é,dc=x"));
        assert!(alike("cn=a+uid=b,dc=x", "uid=b+cn=a,dc=x"));
        assert!(!alike("cn=a,dc=x", "cn=a\\,dc=x") && !alike("cn=a,dc=x", "cn=a,dc=y"));
        assert_eq!(between("cn=a, OU=b\\2Cc ,ou=people,dc=x", "OU=People, dc=x").as_deref(), Some("cn=a,OU=b\\,c"));
        assert_eq!((between("ou=people,dc=x", "ou=people,dc=x").as_deref(), between("ou=a,dc=y", "dc=x")), (Some(""), None));
        assert!(plain("R, D").is_none() && plain("ou=a+b").is_none() && plain("").is_none() && plain("OU=").is_none());
        assert!(is_within("uid=a,ou=people,dc=x", "OU=people, dc=x") && !is_within("uid=a,ou=morepeople,dc=x", "people,dc=x"));
    }
}
