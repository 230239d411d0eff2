//! The colours of the terminal, named by what they mean.

use anstyle::{AnsiColor, Style};

use crate::model::{Action, Severity};

/// headings and totals
pub const STRONG: Style = Style::new().bold();
/// what may be skipped
pub const QUIET: Style = Style::new().dimmed();
/// added
pub const GOOD: Style = AnsiColor::Green.on_default();
/// changed
pub const CHANGED: Style = AnsiColor::Yellow.on_default();
/// removed, refused
pub const BAD: Style = AnsiColor::Red.on_default();
/// to look at twice
pub const RISK: Style = AnsiColor::Magenta.on_default().bold();

/// The colour of an action.
pub fn of_action(action: Action) -> Style {
    match action {
        Action::Create | Action::AddMembers | Action::AddEntitlement => GOOD,
        Action::Adopt => AnsiColor::Cyan.on_default(),
        Action::Update | Action::UpdateEntitlement => CHANGED,
        Action::Reactivate => AnsiColor::Magenta.on_default(),
        Action::Deactivate | Action::Delete | Action::RemoveMembers | Action::RemoveEntitlement | Action::EndSessions => BAD,
    }
}

/// The colour of a finding.
pub fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Note => STRONG,
        Severity::Warning => CHANGED.bold(),
        Severity::Error | Severity::Incomplete | Severity::Refused => BAD.bold(),
    }
}

/// Words in a style.
pub fn paint(style: Style, words: impl std::fmt::Display) -> String {
    format!("{style}{words}{style:#}")
}
