//! The colours of the terminal, named by what they mean.
//!
//! Each is one of the 240 colours that no theme changes and stands out 4.5:1 and more from black and from white, which is measured below. There are six such
//! colours, and no bright red or yellow among them. The sixteen that themes set do not: yellow and green on white, blue and grey on black. Must never: say by
//! colour alone what a word or sign does not say too.

use anstyle::{Ansi256Color, Style};

use crate::model::{Action, Severity};

/// headings and totals
pub const STRONG: Style = Style::new().bold();
/// what may be skipped; grey can't be read by everybody, so it is only not bold
pub const QUIET: Style = Style::new();
/// added
pub const GOOD: Style = GREEN.on_default();
/// changed
pub const CHANGED: Style = BLUE.on_default();
/// removed, refused
pub const BAD: Style = RED.on_default().bold();
/// to look at twice
pub const RISK: Style = MAGENTA.on_default().bold();
/// the frame around lines of a manifest, and hints
pub const FRAME: Style = VIOLET.on_default();

const GREEN: Ansi256Color = Ansi256Color(29);
const BLUE: Ansi256Color = Ansi256Color(63);
const RED: Ansi256Color = Ansi256Color(131);
const MAGENTA: Ansi256Color = Ansi256Color(163);
const VIOLET: Ansi256Color = Ansi256Color(98);

/// The colour of an action.
pub fn of_action(action: Action) -> Style {
    match action {
        Action::Create | Action::AddMembers | Action::AddEntitlement => GOOD,
        Action::Adopt => VIOLET.on_default(),
        Action::Update | Action::UpdateEntitlement => CHANGED,
        Action::Reactivate => MAGENTA.on_default(),
        Action::Deactivate | Action::Delete | Action::RemoveMembers | Action::RemoveEntitlement | Action::EndSessions => BAD,
    }
}

/// The colour of a finding.
pub fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Note => STRONG,
        Severity::Warning => RISK,
        Severity::Error | Severity::Incomplete | Severity::Refused => BAD,
    }
}

/// Words in a style.
pub fn paint(style: Style, words: impl std::fmt::Display) -> String {
    format!("{style}{words}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of one of the cube's 216 colours (WCAG 2.2).
    fn luminance(color: Ansi256Color) -> f64 {
        let at = color.0.checked_sub(16).filter(|at| *at < 216).expect("a colour of the cube: the first sixteen are the theme's");
        let part = |step: u8| {
            let value = if step == 0 { 0.0 } else { (55.0 + 40.0 * f64::from(step)) / 255.0 };
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055f64).powf(2.4) }
        };
        0.2126 * part(at / 36) + 0.7152 * part(at / 6 % 6) + 0.0722 * part(at % 6)
    }

    fn contrast(one: f64, other: f64) -> f64 {
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_colour_stands_out_from_dark_and_light_grounds() {
        // Black and white, and the grounds of common dark and light themes.
        let grounds = [(0.0, 4.5), (1.0, 4.5), (0.013, 3.5), (0.92, 4.1)];
        for color in [GREEN, BLUE, RED, MAGENTA, VIOLET] {
            for (ground, least) in grounds {
                let contrast = contrast(luminance(color), ground);
                assert!(contrast >= least, "{color:?} on {ground}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn no_word_is_dim_or_in_a_colour_of_the_theme() {
        let actions = [Action::Create, Action::Adopt, Action::Update, Action::Reactivate, Action::Deactivate, Action::EndSessions];
        let severities = [Severity::Note, Severity::Warning, Severity::Error, Severity::Incomplete, Severity::Refused];
        let styles = [STRONG, QUIET, GOOD, CHANGED, BAD, RISK, FRAME].into_iter();
        for style in styles.chain(actions.map(of_action)).chain(severities.map(of_severity)) {
            assert!(!style.get_effects().contains(anstyle::Effects::DIMMED));
            assert!(style.get_bg_color().is_none());
            assert!(matches!(style.get_fg_color(), None | Some(anstyle::Color::Ansi256(_))), "{style:?}");
        }
    }
}
