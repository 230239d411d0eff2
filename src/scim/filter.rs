//! Filters (RFC 7644 section 3.4.2.2), built from a path and a value.
//!
//! Must never: take a piece of filter text from outside.

use std::fmt;

use super::path::AttributePath;

/// `path eq "value"`. The value is written as a JSON string, so nothing in it can end the filter early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    path: AttributePath,
    value: Box<str>,
}

impl Filter {
    /// Objects whose attribute has this value.
    pub fn equal(path: AttributePath, value: &str) -> Self {
        Self { path, value: value.into() }
    }

    /// The values of a multi-valued attribute that the filter holds for, as a path of a patch: `members[value eq "2819"]`.
    pub fn within(&self, attribute: &AttributePath) -> String {
        format!("{attribute}[{self}]")
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} eq {}", self.path, serde_json::Value::from(self.value.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_name(value: &str) -> String {
        Filter::equal(AttributePath::core("userName"), value).to_string()
    }

    #[test]
    fn nothing_in_a_value_ends_the_filter() {
        assert_eq!(user_name("ann"), r#"userName eq "ann""#);
        assert_eq!(user_name(r#"a" or userName pr or userName eq "b"#), r#"userName eq "a\" or userName pr or userName eq \"b""#);
        assert_eq!(user_name(r"back\slash"), r#"userName eq "back\\slash""#);
        assert_eq!(user_name("zoë\n☃"), "userName eq \"zoë\\n☃\"");
        assert_eq!(user_name(""), r#"userName eq """#);
    }

    #[test]
    fn a_value_path_names_one_member() {
        let members = AttributePath::core("members");
        let path = Filter::equal(AttributePath::core("value"), r#"x"] or members[value pr"#).within(&members);
        assert_eq!(path, r#"members[value eq "x\"] or members[value pr"]"#);
    }
}
