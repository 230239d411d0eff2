//! What a file was and is to be, as a unified patch that `git apply` takes.
//!
//! Must never: leave a line out, or say that a file ends with a line's end where it does not.

use similar::TextDiff;

/// The patch of one file, from the folder where it is applied; nothing where the texts are the same. A file that was not there is given as no text at all.
pub fn patch(file: &str, before: Option<&str>, after: &str) -> String {
    let from = if before.is_some() { format!("a/{file}") } else { "/dev/null".to_owned() };
    let before = before.unwrap_or("");
    if before == after {
        return String::new();
    }
    TextDiff::from_lines(before, after).unified_diff().context_radius(3).header(&from, &format!("b/{file}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_what_git_takes() {
        assert_eq!(patch("a.yaml", Some("a\n"), "a\n"), "");
        assert_eq!(
            patch("a.yaml", Some("a\nb\n"), "a\nc"),
            "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"
        );
        assert_eq!(patch("a.yaml", None, "a\n"), "--- /dev/null\n+++ b/a.yaml\n@@ -0,0 +1 @@\n+a\n");
    }
}
