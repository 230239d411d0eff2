//! Variants of a name that must be unique: a number behind it, within the letters that it may have.
//!
//! Must never: leave nothing of the name but the number.

/// The n-th variant: a number after the name, in an e-mail address before the at sign. Where letters are few, it takes the place of the last ones;
/// nothing where not even one letter is left.
pub(in crate::planning) fn variant(base: &str, number: u32, most: Option<usize>) -> Option<String> {
    let (local, domain) = base.find('@').map_or((base, ""), |at| base.split_at(at));
    let number = if number == 1 { String::new() } else { number.to_string() };
    let local = match most {
        None => local,
        Some(most) => Some(cut(local, most.checked_sub(number.len() + domain.chars().count())?)).filter(|local| !local.is_empty())?,
    };
    Some(format!("{local}{number}{domain}"))
}

/// The first letters; a sign that joins two names does not end one.
fn cut(text: &str, letters: usize) -> &str {
    match text.char_indices().nth(letters) {
        None => text,
        Some((end, _)) => text.get(..end).unwrap_or_default().trim_end_matches(['.', '-', '_', ' ', '\'']),
    }
}
