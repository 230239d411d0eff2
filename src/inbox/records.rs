//! The users of an inbox, as whoever reads the Source has them.
//!
//! Must never: keep those who push waiting for longer than a page takes.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use serde_json::json;

use super::kept::Open;
use super::memory::Inbox;
use super::push::is_old;
use crate::connector::{InboxRecord, InboxRecords, InboxStanding};
use crate::model::Watermark;
use crate::scim::ServedKind;

impl Open {
    fn look<T>(&self, look: impl FnOnce(&Inbox) -> T) -> T {
        look(&self.inbox.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl InboxRecords for Open {
    fn standings(&self, take: &mut dyn FnMut(InboxStanding<'_>)) {
        let now = Timestamp::now();
        self.look(|inbox| {
            for (id, known) in inbox.users.by_id.iter().filter(|(_, known)| !is_old(&known.resource, now)) {
                take(InboxStanding {
                    id,
                    external: known.external.as_ref(),
                    active: known.is_there(),
                    gone: known.gone(),
                    order: known.resource.order,
                });
            }
        });
    }

    fn told(&self, ids: &[Arc<str>], take: &mut dyn FnMut(InboxRecord<'_>)) {
        self.look(|inbox| {
            for id in ids {
                let Some(known) = inbox.users.by_id.get(id) else { continue };
                let mut fields = known.resource.fields();
                fields.insert("id".to_owned(), json!(&**id));
                fields.insert("active".to_owned(), json!(known.is_there()));
                fields.insert("deleted".to_owned(), json!(known.resource.deleted));
                fields.extend(inbox.computed(ServedKind::User, id, "").map(|(name, value)| (name.to_owned(), value)));
                take(InboxRecord { id, gone: known.gone(), fields });
            }
        });
    }

    fn mark(&self) -> Watermark {
        self.look(|inbox| inbox.log.mark())
    }

    fn changed(&self, since: &Watermark, key: &[Arc<str>]) -> Option<Vec<Arc<str>>> {
        self.look(|inbox| {
            let changed = inbox.log.since(since, key)?;
            // Who has no key is counted as such, once.
            let has = |id: &Arc<str>, path: &Arc<str>| {
                let fields = inbox.users.by_id.get(id).map(|known| known.resource.fields()).unwrap_or_default();
                fields.keys().any(|name| path.starts_with(name.as_str()) || path.contains(name.as_str()))
            };
            let id = |path: &&Arc<str>| ***path != *"id";
            changed.iter().all(|one| key.iter().filter(id).all(|path| has(one, path))).then_some(changed)
        })
    }
}
