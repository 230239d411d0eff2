//! Reads a directory: people and groups page by page to their end, and single entries by a question.
//!
//! Must never: leave rows of a reading that was given up, call a list whole that a limit or a referral cut short, or hand on an entry that does not match the
//! question.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures_util::future::{BoxFuture, join};

use super::changes::Changes;
use super::dialect::IdKind;
use super::directory::{Directory, Names, Paged};
use super::filter::Filter;
use super::follow;
use super::layout::Objects;
use super::message::{Entry, Scope, Search};
use super::rows::{EntryRows, settle};
use super::told::{KnownKeys, Telling};
use crate::connector::budget::{ROW, Share};
use crate::connector::pages::PAGE_BYTES;
use crate::connector::{LookupRequest, PageSink, ReadRequest, ReadScope, Reader};
use crate::manifest::connection::LdapChanges;
use crate::model::{AttributeType, Columns, Evidence, ObjectKind, Page, ReadReport, SystemError, Watermark, attribute, dn};

/// A list that breaks off is read this often.
const READS: u32 = 2;
/// More pages than this are no list but a loop.
const MAX_PAGES: u32 = 1_000_000;

/// Reads a directory, as a source or as a target.
#[derive(Clone, Debug)]
pub(super) struct LdapReader {
    pub(super) directory: Directory,
    pub(super) source: Option<Arc<LdapSource>>,
}

/// What only a Source has.
#[derive(Debug)]
pub(super) struct LdapSource {
    pub(super) name: Arc<str>,
    /// further names for attributes
    pub(super) names: BTreeMap<String, String>,
    /// how it is told what changed
    pub(super) changes: Option<LdapChanges>,
}

impl Reader for LdapReader {
    fn read<'a>(&'a self, request: &'a ReadRequest, sink: &'a mut dyn PageSink) -> BoxFuture<'a, ReadReport> {
        Box::pin(async move {
            let columns = |kind| request.streams.iter().find(|(wanted, _)| *wanted == kind).map(|(_, columns)| columns);
            let (groups, memberships) = (columns(ObjectKind::Group), columns(ObjectKind::Membership));
            let mut names = Names::default();
            let mut report = ReadReport::default();
            let mut known = Evidence::Complete;
            if let Some(columns) = columns(ObjectKind::Account) {
                let next;
                (known, next) = self.all_or_changed(columns, request, &mut names, &mut *sink).await;
                report.kinds.push((ObjectKind::Account, known.clone()));
                report.next.extend(next.map(|mark| (ObjectKind::Account, mark)));
            } else if memberships.is_some() {
                known = self.accounts((Columns::new(["id"]), None), &mut names, None, &mut Seeing::Nothing).await;
            }
            if groups.is_some() || memberships.is_some() {
                report.kinds.extend(self.groups(groups, memberships, (&mut names, known), sink).await);
            }
            self.directory.learn(names);
            for kind in [ObjectKind::Entitlement].into_iter().filter(|kind| columns(*kind).is_some()) {
                report.kinds.push((kind, Evidence::Unreadable { reason: "a directory has no entitlements".into() }));
            }
            report
        })
    }

    /// A list whose pages are asked for one by one moves between them.
    fn may_miss(&self) -> bool {
        true
    }

    fn own_id(&self) -> Option<Arc<str>> {
        self.source.as_ref().map(|_| "id".into())
    }

    fn lookup<'a>(&'a self, request: &'a LookupRequest) -> BoxFuture<'a, Result<Page, SystemError>> {
        Box::pin(async move {
            let reader = Self { directory: self.directory.in_lane(request.lane), ..self.clone() };
            match request.kind {
                ObjectKind::Membership => reader.memberships_of(request).await,
                kind => reader.answer(kind, request).await,
            }
        })
    }
}

/// What is noted of the people who come.
pub(super) enum Seeing<'k> {
    Nothing,
    /// when they were changed
    Stamps(Changes),
    /// what they are known by
    Keys(Telling<'k>),
}

impl Seeing<'_> {
    fn attribute(&self) -> Option<&'static str> {
        if let Self::Stamps(changes) = self { changes.attribute() } else { None }
    }

    fn stamps(self) -> Option<Changes> {
        if let Self::Stamps(changes) = self { Some(changes) } else { None }
    }

    fn keys(self) -> Option<KnownKeys> {
        if let Self::Keys(telling) = self { telling.known() } else { None }
    }
}

/// What takes the entries of a list, reading for reading.
pub(super) trait Take: Send {
    fn take(&mut self, entry: &Entry, id: &Arc<str>) -> Result<(), SystemError>;
    /// A page is over.
    fn page(&mut self) {}
    /// What came so far counts for nothing.
    fn restart(&mut self);
    /// About how many bytes it holds.
    fn size(&self) -> usize;
}

impl LdapReader {
    pub(super) fn rows(&self, kind: ObjectKind, objects: &Objects, columns: &Columns) -> EntryRows {
        match &self.source {
            Some(source) => EntryRows::of_source(&self.directory.layout, &source.names, columns),
            None => EntryRows::of_target(&self.directory.layout, kind, objects, columns),
        }
    }

    /// All accounts, or those that changed, where a Source is asked for these; and from where what changes next can be asked for.
    async fn all_or_changed(
        &self,
        columns: &Arc<Columns>,
        request: &ReadRequest,
        names: &mut Names,
        sink: &mut dyn PageSink,
    ) -> (Evidence, Option<Watermark>) {
        let users = &self.directory.layout.users;
        let mark = match &request.scope {
            ReadScope::Changed(marks) => marks.get(&ObjectKind::Account),
            ReadScope::All => None,
        };
        let attributes = self.rows(ObjectKind::Account, users, columns).attributes;
        if let Some(following) = self.following(request.key.as_ref(), columns, &attributes) {
            if let Some(mark) = mark
                && let Some(told) = follow::evidence(self.since(&following, mark, sink).await)
            {
                return told;
            }
            if let Some(begun) = self.begin(&following, &attributes).await {
                let mut seen = Seeing::Keys(Telling::by(following.key));
                let evidence = self.accounts((columns.clone(), None), names, Some(sink), &mut seen).await;
                let known = seen.keys().filter(|_| evidence == Evidence::Complete);
                let next = match known {
                    Some(known) => self.followed_from(&following, begun, known).await,
                    None => None,
                };
                return (evidence, next);
            }
        }
        let changes = match &self.source {
            Some(_) => Changes::of(&self.directory, &attributes, mark).await,
            None => Ok(None),
        };
        let changes = match changes {
            Ok(changes) => changes,
            Err(error) => return (Evidence::Unreadable { reason: error.to_string() }, None),
        };
        let since = changes.as_ref().and_then(|changes| changes.since.clone());
        let delta = since.is_some();
        let mut seen = changes.map_or(Seeing::Nothing, Seeing::Stamps);
        let evidence = self.accounts((columns.clone(), since), names, Some(sink), &mut seen).await;
        let next = seen.stamps().filter(|_| evidence == Evidence::Complete).and_then(Changes::next);
        (if delta && evidence == Evidence::Complete { Evidence::Delta } else { evidence }, next)
    }

    async fn accounts(
        &self,
        (columns, since): (Arc<Columns>, Option<Filter>),
        names: &mut Names,
        sink: Option<&mut dyn PageSink>,
        seen: &mut Seeing<'_>,
    ) -> Evidence {
        let users = &self.directory.layout.users;
        let rows = self.rows(ObjectKind::Account, users, &columns);
        // Members of some groups are named by it.
        let uid = self.directory.layout.groups.as_ref().filter(|groups| !groups.by_name());
        let uid = uid.and_then(|_| users.attributes.get("userName")).cloned();
        let mut attributes = rows.attributes.clone();
        attributes.extend(uid.clone());
        attributes.extend(seen.attribute().map(str::to_owned));
        let (page, named) = (|| Page::new(columns.clone()), self.source.is_none());
        let mut accounts = Accounts {
            rows: rows.clone(),
            uid,
            named,
            names,
            sink,
            seen,
            id: self.directory.layout.id,
            page: page(),
            waiting: page(),
            handed: 0,
        };
        let evidence = match since {
            Some(since) => {
                let changed = Objects { filter: Filter::and(&[users.filter.clone(), since]), ..users.clone() };
                self.list(&changed, &attributes, &rows, &mut accounts).await
            }
            None => self.list(users, &attributes, &rows, &mut accounts).await,
        };
        accounts.settle();
        evidence
    }

    /// Reads a list to its end.
    pub(super) async fn list(&self, objects: &Objects, attributes: &[String], rows: &EntryRows, taker: &mut dyn Take) -> Evidence {
        let mut reads = 0;
        loop {
            reads += 1;
            let mut share = self.directory.budget.share();
            let mut seen = 0;
            let ended = self.list_once(objects, attributes, rows, &mut *taker, &mut share, &mut seen).await;
            match ended {
                // It broke off, and nothing of it was a server's answer.
                Err(SystemError::Unavailable(_) | SystemError::Protocol(_)) if reads < READS => taker.restart(),
                Err(error) if seen == 0 => return Evidence::Unreadable { reason: format!("{}: {error}", objects.base) },
                Err(error) => {
                    share.keep();
                    return Evidence::Partial { reason: format!("{}: {error}", objects.base) };
                }
                Ok(evidence) => {
                    share.keep();
                    return evidence;
                }
            }
        }
    }

    async fn list_once(
        &self,
        objects: &Objects,
        attributes: &[String],
        rows: &EntryRows,
        taker: &mut dyn Take,
        share: &mut Share,
        seen: &mut usize,
    ) -> Result<Evidence, SystemError> {
        let search = Search { base: &objects.base, scope: Scope::Subtree, filter: &objects.filter, attributes };
        let mut ids = HashSet::new();
        let mut page = self.directory.page(&search, None).await?;
        for _ in 0..MAX_PAGES {
            // While the entries of one page are worked on, the server looks for the next one.
            let (next, fresh) = join(self.behind(&search, &page), async {
                tokio::task::yield_now().await;
                take_in(&page.entries, rows, &mut *taker, &mut ids)
            })
            .await;
            let fresh = fresh?;
            *seen = ids.len();
            taker.page();
            share.hold(taker.size() + ids.len() * ROW)?;
            if let Some(error) = &page.cut {
                return Ok(Evidence::Partial { reason: format!("{}: after {seen} entries {error}", objects.base) });
            }
            if let Some(url) = page.elsewhere.first() {
                let reason = format!(
                    "{}: a part of it is at another server ({url}), which is not followed: choose a `base` below which nothing refers elsewhere",
                    objects.base
                );
                return Ok(Evidence::Partial { reason });
            }
            let Some(next) = next? else { return self.ended(objects, *seen).await };
            if fresh == 0 && !page.entries.is_empty() {
                return Err(SystemError::Protocol("the list goes in circles".into()));
            }
            page = next;
        }
        Err(SystemError::Protocol("the list has no end".into()))
    }

    /// The page behind another one; nothing behind the last.
    async fn behind(&self, search: &Search<'_>, page: &Paged) -> Result<Option<Paged>, SystemError> {
        match page.next.as_ref().filter(|_| page.cut.is_none() && page.elsewhere.is_empty()) {
            Some(next) => self.directory.page(search, Some(next)).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whoever may see nothing gets an empty list: then the entry above must be seen.
    async fn ended(&self, objects: &Objects, seen: usize) -> Result<Evidence, SystemError> {
        if seen == 0 && self.directory.entry(&objects.base, &["objectClass".to_owned()]).await?.is_none() {
            let words = "nothing is shown there, not even the entry itself: correct `base`, or allow this account to read there";
            return Err(SystemError::Forbidden(words.into()));
        }
        Ok(Evidence::Complete)
    }

    async fn answer(&self, kind: ObjectKind, request: &LookupRequest) -> Result<Page, SystemError> {
        let layout = &self.directory.layout;
        let objects = layout.objects(kind)?;
        let rows = self.rows(kind, objects, &request.columns);
        let mut page = Page::new(request.columns.clone());
        let (name, value) = (request.attribute.as_ref(), request.value.as_ref());
        let asked = match (name, objects.attributes.get(name)) {
            ("id", _) => match layout.id.filter(value) {
                Some(filter) => filter,
                // No entry has it.
                None => return Ok(page),
            },
            ("manager", _) | (_, None) => return Err(SystemError::Rejected(format!("entries can't be looked up by `{name}`"))),
            (_, Some(own)) => Filter::equal(own, value.as_bytes()),
        };
        let filter = Filter::and(&[objects.filter.clone(), asked]);
        let mut attributes = rows.attributes.clone();
        attributes.extend(objects.attributes.get(name).cloned());
        for entry in self.directory.find(&objects.base, Scope::Subtree, &filter, &attributes).await? {
            let id = rows.id(&entry)?;
            let matches = match objects.attributes.get(name) {
                Some(own) => has(kind, name, &entry, own, value),
                None => *id == *value,
            };
            if !matches {
                continue;
            }
            self.directory.names().note(kind, &id, &entry.name, None);
            let whom = match rows.refers_to(&entry) {
                Some(name) => Some(self.who(name).await?.map_or_else(|| Arc::from(name), |(_, id)| id)),
                None => None,
            };
            rows.write(&entry, &id, whom.as_deref(), &mut page);
        }
        if page.is_empty() {
            self.elsewhere(request, &mut page).await?;
        }
        Ok(page)
    }

    /// Who a DN is, asked for where it is not known; none where it is no account and no group.
    pub(super) async fn who(&self, name: &str) -> Result<Option<(ObjectKind, Arc<str>)>, SystemError> {
        if let Some(known) = self.directory.names().who(name) {
            return Ok(Some(known.clone()));
        }
        let layout = &self.directory.layout;
        for (kind, objects) in
            [(ObjectKind::Account, Some(&layout.users)), (ObjectKind::Group, layout.groups.as_ref().map(|it| &it.objects))]
        {
            let Some(objects) = objects.filter(|objects| dn::is_within(name, &objects.base)) else { continue };
            let attributes = [layout.id.attribute().to_owned()];
            let found = match self.directory.find(name, Scope::Base, &objects.filter, &attributes).await {
                Ok(found) => found,
                Err(SystemError::NotFound(_) | SystemError::Rejected(_)) => continue,
                Err(error) => return Err(error),
            };
            if let Some(id) = found.first().and_then(|entry| layout.id.read(entry)).map(Arc::from) {
                self.directory.names().note(kind, &id, name, None);
                return Ok(Some((kind, id)));
            }
        }
        Ok(None)
    }
}

/// Takes the entries of a page; how many of them came for the first time.
fn take_in(entries: &[Entry], rows: &EntryRows, taker: &mut dyn Take, ids: &mut HashSet<Arc<str>>) -> Result<usize, SystemError> {
    let before = ids.len();
    for entry in entries {
        let id = rows.id(entry)?;
        // An entry that was renamed meanwhile may come twice.
        if ids.insert(id.clone()) {
            taker.take(entry, &id)?;
        }
    }
    Ok(ids.len() - before)
}

/// Whether an entry has the value that was asked for: servers compare more kindly than a question may be meant.
fn has(kind: ObjectKind, name: &str, entry: &Entry, own: &str, value: &str) -> bool {
    let caseless = attribute(name).is_some_and(|known| matches!(known.kind, AttributeType::CaselessText | AttributeType::ManyCaseless));
    let caseless = caseless || (kind == ObjectKind::Group && name == "displayName");
    let phones = attribute(name).is_some_and(|known| known.kind == AttributeType::ManyPhones);
    let plain = |text: &str| if caseless { text.to_lowercase() } else { text.to_owned() };
    entry.values(own).iter().filter_map(|found| std::str::from_utf8(found).ok()).any(|found| phones || plain(found) == plain(value))
}

/// Accounts, handed on page by page; those that refer to somebody who did not come yet wait for the end.
struct Accounts<'s, 'n, 'k> {
    rows: EntryRows,
    uid: Option<String>,
    /// somebody may refer to them
    named: bool,
    names: &'n mut Names,
    sink: Option<&'s mut dyn PageSink>,
    seen: &'n mut Seeing<'k>,
    id: IdKind,
    page: Page,
    waiting: Page,
    handed: usize,
}

impl Take for Accounts<'_, '_, '_> {
    fn take(&mut self, entry: &Entry, id: &Arc<str>) -> Result<(), SystemError> {
        match self.seen {
            Seeing::Nothing => {}
            Seeing::Stamps(changes) => changes.see(entry),
            Seeing::Keys(telling) => telling.see(self.id.number(id)),
        }
        if self.named {
            let uid = self.uid.as_ref().and_then(|uid| entry.text(uid));
            self.names.note(ObjectKind::Account, id, &entry.name, uid);
        }
        if self.sink.is_none() {
            return Ok(());
        }
        let whom = self.rows.refers_to(entry);
        match whom.map(|name| (name, self.names.who(name))) {
            None => self.rows.write(entry, id, None, &mut self.page),
            Some((_, Some((_, whom)))) => self.rows.write(entry, id, Some(whom), &mut self.page),
            Some((name, None)) => self.rows.write(entry, id, Some(name), &mut self.waiting),
        }
        Ok(())
    }

    fn page(&mut self) {
        if self.page.size() >= PAGE_BYTES {
            self.hand_on();
        }
    }

    fn restart(&mut self) {
        *self.names = Names::default();
        self.page.clear();
        self.waiting.clear();
        self.handed = 0;
        if let Seeing::Keys(telling) = self.seen {
            telling.restart();
        }
        if let Some(sink) = &mut self.sink {
            sink.restart(ObjectKind::Account);
        }
    }

    fn size(&self) -> usize {
        self.handed + self.page.size() + self.waiting.size() + self.names.len() * 2 * ROW
    }
}

impl Accounts<'_, '_, '_> {
    fn hand_on(&mut self) {
        // A Source's rows wait for nobody: they stand in the order in which they came.
        if let Seeing::Keys(telling) = self.seen {
            telling.page(&self.page);
        }
        if let Some(sink) = self.sink.as_mut().filter(|_| !self.page.is_empty()) {
            sink.page(ObjectKind::Account, &self.page);
        }
        self.handed += self.page.size();
        self.page.clear();
    }

    /// Everybody came who will.
    fn settle(&mut self) {
        let waiting = std::mem::replace(&mut self.waiting, Page::new(self.page.columns().clone()));
        let (reference, names) = (self.rows.reference.unwrap_or(usize::MAX), &*self.names);
        let (page, sink) = (&mut self.page, &mut self.sink);
        settle(&waiting, reference, names, page, |page| {
            if page.size() >= PAGE_BYTES {
                if let Some(sink) = sink.as_mut() {
                    sink.page(ObjectKind::Account, page);
                }
                page.clear();
            }
        });
        self.hand_on();
    }
}
