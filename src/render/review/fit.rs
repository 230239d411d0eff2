//! What fits: every piece by its line, then names, then lists, the gravest first. What has no room is counted.
//!
//! Must never: let what is shown pass its room.

/// How much a piece says: 0 its line, 1 some names, 2 a list.
pub type Detail = usize;

/// The most that a piece says.
pub const MOST: Detail = 2;

/// Texts of the pieces that fit, by position; none: it does not fit, not even its line. The pieces come in the order in which they are to fit, each with what
/// it costs beside its text (a heading that comes with it). `text` is asked for a piece at a level.
pub fn fit(
    count: usize,
    room: usize,
    extra: impl Fn(usize) -> usize,
    mut text: impl FnMut(usize, Detail) -> String,
) -> Vec<Option<String>> {
    let mut used = 0;
    let mut kept: Vec<(String, Detail)> = Vec::new();
    for at in 0..count {
        let line = text(at, 0);
        let cost = line.len() + extra(at);
        if used + cost > room {
            break;
        }
        used += cost;
        kept.push((line, 0));
    }
    for level in 1..=MOST {
        for (at, (shown, reached)) in kept.iter_mut().enumerate() {
            // Whoever had no room for a few names has none for a list.
            if *reached + 1 != level || used >= room {
                continue;
            }
            let longer = text(at, level);
            if used - shown.len() + longer.len() <= room {
                used = used - shown.len() + longer.len();
                *shown = longer;
                *reached = level;
            }
        }
    }
    let mut texts: Vec<Option<String>> = kept.into_iter().map(|(text, _)| Some(text)).collect();
    texts.resize(count, None);
    texts
}

/// Blocks one after the other as long as they fit; and how many did not.
pub fn as_many(blocks: impl Iterator<Item = String>, room: usize) -> (String, usize) {
    let mut text = String::new();
    let mut left = 0;
    for block in blocks {
        if left == 0 && text.len() + block.len() <= room {
            text.push_str(&block);
        } else {
            left += 1;
        }
    }
    (text, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_first_then_names_then_lists_and_nothing_passes_the_room() {
        let text = |at: usize, level: Detail| format!("{at}").repeat([1, 4, 10].get(level).copied().unwrap_or_default());
        let shown = |room: usize| fit(4, room, |at| usize::from(at == 0), text);
        assert_eq!(shown(2), [Some("0".into()), None, None, None]);
        assert_eq!(shown(5), ["0", "1", "2", "3"].map(|line| Some(line.into())));
        assert_eq!(shown(9), ["0000", "1", "2", "3"].map(|line| Some(line.into())));
        for room in 0..60 {
            let used: usize = shown(room).iter().flatten().map(String::len).sum();
            assert!(used <= room, "{used} of {room}");
        }
        assert_eq!(as_many(["aa", "bbb", "c"].map(String::from).into_iter(), 4), ("aa".to_owned(), 2));
    }
}
