//! What a plain scalar is to Kubernetes: kubectl and the tools that share its parser read YAML 1.1, with more words for true and false and more ways to write a number.
//!
//! Must never: change how headcount reads a value; it only tells where the two differ.

/// What is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    Text,
    Truth(bool),
    /// as JSON would have it
    Number(String),
    Nothing,
}

/// What kubectl reads where this stands without quotes.
pub(super) fn to_kubernetes(plain: &str) -> Meaning {
    match plain {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Nothing,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => return Meaning::Truth(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => return Meaning::Truth(false),
        // What is no number to JSON is refused.
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            return Meaning::Nothing;
        }
        _ => {}
    }
    let digits = plain.replace('_', "");
    // A number that begins with a dot may have no underscores.
    let digits = if plain.starts_with('.') { plain } else { digits.as_str() };
    if !plain.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return Meaning::Text;
    }
    whole(digits).or_else(|| fraction(digits)).map_or(Meaning::Text, Meaning::Number)
}

/// A whole number of any base, as long as 64 bits hold it.
fn whole(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', rest @ ..] => (16, rest),
        [b'0', b'o', rest @ ..] => (8, rest),
        [b'0', b'b', rest @ ..] => (2, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        all => (10, all),
    };
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let number = u64::from_str_radix(digits, base).ok()?;
    let fits = !negative || number <= i64::MIN.unsigned_abs();
    fits.then(|| if negative && number > 0 { format!("-{number}") } else { number.to_string() })
}

/// Digits with a dot or an exponent.
fn fraction(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && is_digits(digits)
    });
    let usual = is_digits(before) && is_digits(after) && !(before.is_empty() && after.is_empty()) && exponent_fits;
    usual.then(|| text.parse::<f64>().ok()).flatten().map(|number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_digits_are_what_a_real_server_stored() {
        for (plain, read) in [
            ("yes", "true"),
            ("NO", "false"),
            ("y", "true"),
            ("off", "false"),
            ("True", "true"),
            ("~", "null"),
            ("1_000", "1000"),
            ("0123", "83"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("0b11", "3"),
            ("+5", "5"),
            ("1e3", "1000"),
            ("1.0", "1"),
            ("1.10", "1.1"),
            ("08", "8"),
            ("-0", "0"),
            ("007", "7"),
            ("12345678901234567890", "12345678901234567890"),
            (".5", "0.5"),
            ("-7", "-7"),
            (".nan", "null"),
            ("no way", "text"),
            ("2027-03-31", "text"),
            ("22:00", "text"),
            ("1.2.3", "text"),
            ("Yes!", "text"),
            ("0xZ", "text"),
            ("10%", "text"),
            ("1e", "text"),
            ("-", "text"),
            (".", "text"),
            ("e3", "text"),
            ("1d", "text"),
            ("+", "text"),
            ("nO", "text"),
            ("0b12", "text"),
            ("127.0.0.1", "text"),
        ] {
            let meaning = match to_kubernetes(plain) {
                Meaning::Text => "text".to_owned(),
                Meaning::Truth(truth) => truth.to_string(),
                Meaning::Number(number) => number,
                Meaning::Nothing => "null".to_owned(),
            };
            assert_eq!(meaning, read, "{plain}");
        }
    }
}
