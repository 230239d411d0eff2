//! What an error says, with what lies behind it.
//!
//! Must never: say more than fits a message.

/// Longest words of others that are passed on.
const LONGEST: usize = 400;

/// From the outside in, each thing once.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut words = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !words.contains(&text) {
            words = if words.is_empty() { text } else { format!("{words}: {text}") };
        }
        next = error.source();
    }
    shortened(&words)
}

/// Somebody else's words on one line, and no more than the beginning of long ones.
pub fn shortened(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}
