//! How values are written, as a server can check it: the words are those of `quantity`, which reads them.

use serde_json::{Value, json};

use super::rules::Rule;
use crate::manifest::quantity;

/// A way to write a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// `36h`
    Duration,
    /// the same, and longer than nothing
    Length,
    /// `14d`
    Days,
    /// `2027-03-31`
    Date,
    /// `22:00`
    Minute,
    /// `64Mi`
    Bytes,
    /// `Europe/Berlin`
    Zone,
    /// `10%` or `5`
    Amount,
}

impl Form {
    /// What a value of this form is called, and how it is written.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Duration => ("duration", quantity::duration("").err().unwrap_or_default()),
            Self::Length => ("duration", "write a duration that is longer than nothing: `30s`"),
            Self::Days => ("number of days", quantity::days("").err().unwrap_or_default()),
            Self::Date => ("date", quantity::date("").err().unwrap_or_default()),
            Self::Minute => ("time of day", quantity::minute("").err().unwrap_or_default()),
            Self::Bytes => ("size", quantity::bytes("").err().unwrap_or_default()),
            Self::Zone => ("time zone", quantity::time_zone("").err().unwrap_or_default()),
            Self::Amount => ("share or number", quantity::amount("").err().unwrap_or_default()),
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Duration => "self.matches('^([0-9]{1,12}[smhdw])+$')",
            Self::Length => "!self.matches('^([0-9]{1,12}[smhdw])+$') || self.matches('[1-9]')",
            // Hours that make whole days are days, which only reading tells.
            Self::Days => "self.matches('^([0-9]{1,12}[smhdw])+$')",
            Self::Date => DATE,
            Self::Minute => "self.matches('^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$')",
            Self::Bytes => "self.matches('^0*[1-9][0-9]{0,6}(Ki|Mi|Gi)$')",
            Self::Zone => "self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",
            Self::Amount => AMOUNT,
        }
    }

    /// Longest text that may be of this form; anything longer is refused before a rule is asked.
    fn longest(self) -> u64 {
        match self {
            Self::Date => 32,
            _ => 64,
        }
    }

    /// Has a value checked for it.
    pub fn apply(self, schema: &mut Value) {
        if matches!(self, Self::Amount) {
            schema["x-kubernetes-int-or-string"] = json!(true);
            schema["anyOf"] = json!([{ "type": "integer" }, { "type": "string" }]);
            if let Some(parts) = schema.as_object_mut() {
                parts.remove("type");
            }
        }
        schema["maxLength"] = json!(self.longest());
        let (what, hint) = self.words();
        Rule::new(self.rule(), &format!("is no {what}"), hint).apply(schema);
        if matches!(self, Self::Length) {
            Self::Duration.apply(schema);
        }
    }
}

/// A day that stands in the calendar.
const DATE: &str = "self.matches('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$') && !self.matches('-(02-3.|0[469]-31|11-31)$') && \
                    (!self.endsWith('-02-29') || (int(self.substring(0, 4)) % 4 == 0 && (int(self.substring(0, 4)) % 100 != 0 || int(self.substring(0, 4)) % 400 == 0)))";

const AMOUNT: &str = "type(self) == int ? self >= 0 : self.matches('^([0-9]{1,18}|0*(100(\\\\.0*)?|[0-9]{1,2}(\\\\.[0-9]*)?)%)$')";
