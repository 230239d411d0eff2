//! "Did you mean": the nearest known word.
//!
//! Must never: suggest something that only shares a letter or two.

/// The nearest of the known words, if one is near enough to be a slip of the fingers; `givenName` is as near to `name.givenName` as can be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let near = |candidate: &'a str| {
        let folded = candidate.to_lowercase();
        let is_last_part = folded.rsplit_once('.').is_some_and(|(_, last)| last == lower);
        let allowed = (length / 3).clamp(1, 3);
        // So many letters must at least be put in or taken out: most candidates need no closer look.
        if !is_last_part && folded.chars().count().abs_diff(length) > allowed {
            return None;
        }
        let distance = if is_last_part { 0 } else { distance(&lower, &folded) };
        (distance <= allowed && distance < length).then_some((distance, candidate))
    };
    known.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// `did you mean …?` for a hint.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|near| format!("did you mean `{near}`?"))
}

/// Edits from one to the other: insert, delete, replace, or swap two neighbours.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    // A known name may be long; beyond this it is no slip.
    let other: Vec<char> = other.chars().take(72).collect();
    let mut before = vec![0; other.len() + 1];
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut row = vec![at + 1; other.len() + 1];
        for (to, found) in other.iter().enumerate() {
            let replaced = last[to] + usize::from(letter != found);
            row[to + 1] = replaced.min(last[to + 1] + 1).min(row[to] + 1);
            if at > 0 && to > 0 && one[at - 1] == *found && other[to - 1] == *letter {
                row[to + 1] = row[to + 1].min(before[to - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let known = ["department", "displayName", "userName", "user", "name.givenName"];
        assert_eq!(nearest("departmnet", known), Some("department"));
        assert_eq!(nearest("username", known), Some("userName"));
        assert_eq!(nearest("usr", known), Some("user"));
        assert_eq!(nearest("givenname", known), Some("name.givenName"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(nearest("x", ["a"]), None);
    }
}
