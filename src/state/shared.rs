//! Texts that many links have, once: of five accounts of one person the key and the name are mostly the same, and a target is that of all its links.
//!
//! Must never: change what a link says.

use std::collections::HashSet;
use std::sync::Arc;

use crate::model::Link;

/// The texts that were there already.
#[derive(Default)]
pub(super) struct SharedTexts(HashSet<Arc<str>>);

impl SharedTexts {
    /// The link with texts that others have, too. The id stays its own.
    pub(super) fn share(&mut self, link: Link) -> Link {
        let Link { target, key, name, .. } = link;
        Link { target: self.one(target), key: self.one(key), name: name.map(|name| self.one(name)), ..link }
    }

    fn one(&mut self, text: Arc<str>) -> Arc<str> {
        if let Some(known) = self.0.get(&text) {
            return known.clone();
        }
        self.0.insert(text.clone());
        text
    }
}
