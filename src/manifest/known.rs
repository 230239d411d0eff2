//! Documents that were read before, word for word: where one of ten thousand Users changed, the others are taken as they were read.
//!
//! Must never: take a document of which something was said: that is to be said again.

use std::collections::HashMap;

use super::kinds::{GroupSpec, UserSpec};
use super::{Document, Loaded, Origin};

/// What was read before, by its text. Just the kinds of which there may be many.
#[derive(Default)]
pub(super) struct KnownDocuments<'b>(HashMap<&'b str, KnownDocument<'b>>);

/// One of them.
#[derive(Clone, Copy)]
pub(super) enum KnownDocument<'b> {
    User(&'b Document<UserSpec>),
    Group(&'b Document<GroupSpec>),
}

impl<'b> KnownDocuments<'b> {
    /// All that can be taken again.
    pub fn of(before: &'b Loaded) -> Self {
        // A document in a List is known by the whole List's text.
        let whole = |origin: &Origin| origin.item.is_none() && !before.told.contains(&(origin.text, origin.start));
        let users = before.users.iter().filter(|user| whole(&user.origin));
        let groups = before.groups.iter().filter(|group| whole(&group.origin));
        let users = users.map(|user| (before.text(&user.origin), KnownDocument::User(user)));
        Self(users.chain(groups.map(|group| (before.text(&group.origin), KnownDocument::Group(group)))).collect())
    }

    /// The one with this text.
    pub fn find(&self, text: &str) -> Option<KnownDocument<'b>> {
        self.0.get(text).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::manifest::{ManifestText, Revision, load_revision};

    fn revision(files: &[String], before: Option<Arc<crate::manifest::Loaded>>) -> Revision {
        let text = |(at, bytes): (usize, &String)| ManifestText {
            name: format!("{at}.yaml").into(),
            base: "/nowhere".into(),
            bytes: bytes.clone().into_bytes(),
            found: true,
        };
        Revision { texts: files.iter().enumerate().map(text).collect(), before, ..Revision::default() }
    }

    fn document(kind: &str, name: &str, spec: &str) -> String {
        format!("---\napiVersion: headcount.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
    }

    #[test]
    fn what_was_read_before_is_what_is_read_now() {
        let user =
            |at: u32, login: &str| document("User", &format!("u{at}"), &format!("{{attributes: {{userName: {login}, department: Eng}}}}"));
        let head = document("Workspace", "acme", "{id: acme}");
        let group = document("Group", "g", "{displayName: G, members: [{user: u1}, {user: u2}]}");
        // Something is said of the second: Kubernetes reads its name otherwise. The third has a mistake.
        let (odd, wrong) = (user(2, "NO"), document("User", "u9", "{attributes: {usrName: x}}"));
        let list = format!("---\napiVersion: v1\nkind: List\nitems:\n- {}", user(5, "e").trim_start_matches("---\n").replace('\n', "\n  "));
        let revisions = [
            vec![format!("{head}{}{odd}{group}", user(1, "a")), user(3, "c")],
            vec![format!("{head}# a line more\n{}{odd}{group}", user(1, "a")), user(3, "c")],
            vec![format!("{head}{odd}{}{group}{wrong}", user(1, "b")), user(3, "c"), list],
            vec![format!("{head}{group}"), user(3, "c"), user(1, "a"), odd.clone()],
            vec![format!("{head}{group}{}", user(1, "a")), user(1, "a"), odd.clone()],
        ];
        let mut before = None;
        for files in &revisions {
            let (afresh, again) = (load_revision(revision(files, None)), load_revision(revision(files, before.take())));
            assert_eq!(format!("{:#?}", again.1), format!("{:#?}", afresh.1));
            assert_eq!(format!("{:#?}", again.0), format!("{:#?}", afresh.0));
            before = Some(Arc::new(again.0));
        }
    }
}
