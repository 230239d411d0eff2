//! What a document that is no YAML seems to declare, so that what refers to it is no mistake of its own.
//!
//! Must never: be used for anything but to keep quiet.

use super::header::KINDS;

/// The kind and the name, from the lines that say them.
pub(super) fn declared(text: &str) -> Option<(&'static str, String)> {
    let kind = text.lines().find_map(|line| value(line, "kind:"))?;
    let kind = KINDS.iter().find(|known| **known == kind)?;
    let mut below = text.lines().skip_while(|line| !line.starts_with("metadata:"));
    let first = below.next()?;
    let inside = first.split(['{', ',']).find_map(|part| value(part.trim(), "name:"));
    let further = || below.take_while(|line| line.starts_with([' ', '\t'])).find_map(|line| value(line.trim(), "name:"));
    Some((kind, inside.or_else(further)?))
}

fn value(line: &str, key: &str) -> Option<String> {
    let rest = line.strip_prefix(key)?.trim();
    let word = rest.split([' ', ',', '}']).next()?.trim_matches(['"', '\'']);
    (!word.is_empty()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::declared;

    #[test]
    fn kind_and_name_are_found_in_either_style() {
        let found = |text| declared(text).map(|(kind, name)| format!("{kind}/{name}"));
        assert_eq!(found("kind: Group\nmetadata: {labels: {name2: x}, name: eng}\nspec: {{").as_deref(), Some("Group/eng"));
        assert_eq!(found("kind: 'User' # a person\nmetadata:\n  labels: {}\n  name: \"jane\"\nspec: {").as_deref(), Some("User/jane"));
        assert_eq!(found("kind: Group\nmetadata:\nspec:\n  name: eng"), None);
        assert_eq!(found("kind: Deployment\nmetadata: {name: x}"), None);
    }
}
