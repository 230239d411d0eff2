//! Attribute names are SCIM's or stand below `custom.`, and a User's values fit them.

use serde_json::Value;

use super::{Context, Diagnostic, Origin};
use crate::diagnostic::nearest;
use crate::manifest::kinds::MappingRule;
use crate::manifest::quantity;
use crate::model::{AttributeType, Visibility, attribute, attributes, is_known_attribute};

pub(super) fn check(context: &Context<'_>, problems: &mut Vec<Diagnostic>) {
    let loaded = context.loaded;
    for source in &loaded.sources {
        rules(context, &source.origin, "/spec/mapping/rules", &source.spec.mapping.rules, problems);
        let keys = source.spec.correlate.iter().enumerate().filter(|(_, key)| is_plain_name(key));
        names(context, &source.origin, keys, problems);
    }
    for target in &loaded.targets {
        let mapping = target.spec.mapping.as_ref();
        rules(context, &target.origin, "/spec/mapping/rules", mapping.map_or(&[], |mapping| &mapping.rules), problems);
        names(context, &target.origin, target.spec.correlate.iter().enumerate(), problems);
    }
    for mapping in &loaded.mappings {
        rules(context, &mapping.origin, "/spec/rules", &mapping.spec.rules, problems);
    }
    for user in &loaded.users {
        for (at, name) in user.spec.clear.iter().enumerate().filter(|(_, name)| !user.spec.attributes.get(*name).is_none_or(Value::is_null))
        {
            let problem = Diagnostic::error(format!("`{name}` has a value in `attributes`, and is cleared")).hint("keep it in one of them");
            problems.push(context.at(&user.origin, &format!("/spec/clear/{at}"), problem));
        }
        for (name, value) in &user.spec.attributes {
            if let Some(at) = user.spec.clear.iter().position(|cleared| cleared == name)
                && !is_known_attribute(name)
            {
                problems.push(context.at(&user.origin, &format!("/spec/clear/{at}"), unknown(name)));
                continue;
            }
            let pointer = || format!("/spec/attributes/{}", name.replace('~', "~0").replace('/', "~1"));
            if !is_known_attribute(name) {
                // The value is no use to whoever reads this: the key is wrong.
                let span = context.key_place(&user.origin, &pointer());
                problems.push(unknown(name).at(span.0, span.1));
            } else if let Some(problem) = misfit(name, value) {
                problems.push(context.at(&user.origin, &pointer(), problem));
            }
        }
    }
}

fn rules(context: &Context<'_>, origin: &Origin, list: &str, rules: &[MappingRule], problems: &mut Vec<Diagnostic>) {
    for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| !is_known_attribute(&rule.attribute)) {
        problems.push(context.at(origin, &format!("{list}/{at}/attribute"), unknown(&rule.attribute)));
    }
}

/// A key of a Source is an attribute's name or an expression, which is checked where it is compiled.
fn is_plain_name(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')) && !key.starts_with("identity.")
}

fn names<'a>(context: &Context<'_>, origin: &Origin, names: impl Iterator<Item = (usize, &'a String)>, problems: &mut Vec<Diagnostic>) {
    for (at, name) in names.filter(|(_, name)| !is_known_attribute(name)) {
        problems.push(context.at(origin, &format!("/spec/correlate/{at}"), unknown(name)));
    }
}

/// No attribute has this name.
pub(super) fn unknown(name: &str) -> Diagnostic {
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
    let hint = match nearest(name, attributes().iter().map(|known| known.name)) {
        Some(near) => format!("did you mean `{near}`? own attributes stand below `custom.`"),
        None => format!("SCIM's names are known, and own ones below `custom.`: `custom.{shown}`"),
    };
    Diagnostic::error(format!("there is no attribute `{shown}`")).hint(hint)
}

/// A value that its attribute can't hold. Null clears any.
fn misfit(name: &str, value: &Value) -> Option<Diagnostic> {
    let known = attribute(name).filter(|_| !value.is_null())?;
    if known.visibility == Visibility::Secret {
        let message = format!("a secret stands in `{name}`");
        return Some(
            Diagnostic::error(message).conceal().hint("secrets never stand in a manifest; take the line out, and change the secret"),
        );
    }
    let (wanted, hint) = match known.kind {
        _ if name.starts_with("custom.") => return None,
        AttributeType::Bool if !value.is_boolean() => ("true or false", "without quotes"),
        AttributeType::Date => match value.as_str().map(quantity::date) {
            Some(Ok(_)) => return None,
            Some(Err(hint)) => ("a date", hint),
            None => ("a date", "write it as YEAR-MONTH-DAY: `2027-03-31`"),
        },
        AttributeType::Text | AttributeType::CaselessText if value.is_array() || value.is_object() => ("text", "it holds one value"),
        AttributeType::Reference if !value.is_string() => ("text", "write the other identity's key: `hr/10023`, `user/jane`"),
        AttributeType::Many | AttributeType::ManyCaseless | AttributeType::ManyPhones if !value.is_array() && !value.is_string() => {
            ("a list", "write its entries as a list: `[{value: jane@acme.example, type: work, primary: true}]`")
        }
        _ => return None,
    };
    Some(Diagnostic::error(format!("`{name}` must be {wanted}")).hint(hint))
}
