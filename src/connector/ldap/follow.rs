//! A Source that is followed by its directory's own means: it tells which entries changed and which are gone, and those are asked for by their ids.
//!
//! What a directory says of changes is only where to look: what counts is the whole answer to a question about these entries.
//! Must never: say that somebody is gone who was not asked for, go on from a cookie before everything since was heard, or take a refusal for an empty answer.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::changes::{is_derived, server};
use super::code;
use super::content_sync::{self, SYNC, SyncNews};
use super::dialect::EntryNumber;
use super::dir_sync::{self, DIR_SYNC, DomainNews};
use super::directory::{Directory, wanted};
use super::filter::Filter;
use super::message::{Answer, Control, Request, Scope, Search};
use super::read::LdapReader;
use super::told::{KnownKeys, Told};
use crate::connector::pages::PAGE_BYTES;
use crate::connector::{Gone, PageSink, RecordKey};
use crate::manifest::connection::{LdapChanges, LdapDialect};
use crate::model::{Columns, Evidence, ObjectKind, Page, SystemError, Watermark};

/// What breaks off is asked for this often.
const ASKED: u32 = 2;
/// Entries of one question.
const TOGETHER: usize = 200;
/// More parts than this are no answer but a loop.
const MAX_PARTS: u32 = 100_000;
/// Classes of entries below which people may stand: whoever renames or moves one renames all below it, and no server says so of each.
const ABOVE: [&str; 8] =
    ["organizationalUnit", "container", "nsContainer", "organization", "domain", "country", "locality", "builtinDomain"];

/// How a directory is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ContentSync,
    DirSync,
}

/// A Source that is followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Following<'r> {
    way: Way,
    pub(super) key: &'r RecordKey,
    columns: &'r Arc<Columns>,
}

/// From where a whole read may be followed.
#[derive(Debug)]
pub(super) struct Begun {
    cookie: Bytes,
    server: Option<Arc<str>>,
    above: HashSet<EntryNumber>,
}

/// What is to be looked at.
#[derive(Debug, Default)]
struct Leads {
    changed: HashSet<EntryNumber>,
    gone: HashSet<EntryNumber>,
    /// of those that changed: what stands below may be called otherwise by now
    above: HashSet<EntryNumber>,
    cookie: Option<Bytes>,
}

/// What a directory answers to a question about changes.
enum Heard<T> {
    Told(T),
    /// it can't, or not from there, in words
    Refused(String),
}

impl LdapReader {
    /// How this Source is followed; nothing where it is not, or where some of these attributes change unseen.
    pub(super) fn following<'r>(
        &self,
        key: Option<&'r RecordKey>,
        columns: &'r Arc<Columns>,
        attributes: &[String],
    ) -> Option<Following<'r>> {
        let source = self.source.as_ref().filter(|_| !attributes.iter().any(|name| is_derived(name)))?;
        let (directory, dialect) = (&self.directory, self.directory.layout.dialect);
        let way = match source.changes {
            Some(LdapChanges::Stamps) => return None,
            Some(LdapChanges::ContentSync) => Way::ContentSync,
            Some(LdapChanges::DirSync) => Way::DirSync,
            None if dialect == LdapDialect::ActiveDirectory => directory.takes(DIR_SYNC).then_some(Way::DirSync)?,
            // It offers the control whether or not it keeps what it takes.
            None if dialect == LdapDialect::Ds389 => return None,
            None => directory.takes(SYNC).then_some(Way::ContentSync)?,
        };
        Some(Following { way, key: key?, columns })
    }

    /// From where what changes after this can be asked for; nothing where the directory does not let this account ask.
    pub(super) async fn begin(&self, following: &Following<'_>, attributes: &[String]) -> Option<Begun> {
        let directory = &self.directory;
        let known = directory.told(&self.name()).map(|told| told.cookie.clone());
        // Where it was told up to something before, it need not say all again.
        let mut begun = Err(String::new());
        for cookie in [known.map(Some), Some(None)].into_iter().flatten() {
            if begun.is_err() {
                begun = self.begun(following.way, cookie, attributes).await;
            }
        }
        let source = self.name();
        begun
            .map_err(|why| tracing::info!(target: "headcount::ldap", system = %source, why, "the directory does not tell who is gone: whole reads show it"))
            .ok()
    }

    async fn begun(&self, way: Way, cookie: Option<Bytes>, attributes: &[String]) -> Result<Begun, String> {
        let words = |error: SystemError| error.to_string();
        let server = self.server(way).await.map_err(words)?;
        let leads = match self.leads(way, cookie.as_ref(), attributes).await.map_err(words)? {
            Heard::Told(leads) => leads,
            Heard::Refused(why) => return Err(why),
        };
        let cookie = leads.cookie.or(cookie).ok_or("it gives no cookie")?;
        let above = match way {
            Way::ContentSync => self.above(None).await.map_err(words)?,
            Way::DirSync => self.sees_who_went().await.map(|()| HashSet::new())?,
        };
        Ok(Begun { cookie, server, above })
    }

    /// A whole read is over, and these are all. Nothing: they were read of another server than the one that is asked from now on.
    pub(super) async fn followed_from(&self, following: &Following<'_>, begun: Begun, known: KnownKeys) -> Option<Watermark> {
        self.server(following.way).await.ok().filter(|server| *server == begun.server)?;
        let told = Told::new(begun.cookie, begun.server, known, begun.above);
        let mark = told.mark();
        self.directory.keep_told(&self.name(), told);
        Some(mark)
    }

    /// What changed since a mark, and the next one. Nothing: that only a whole read shows.
    pub(super) async fn since(
        &self,
        following: &Following<'_>,
        mark: &Watermark,
        sink: &mut dyn PageSink,
    ) -> Result<Option<Watermark>, SystemError> {
        let source = self.name();
        let Some(told) = self.directory.told(&source).filter(|told| told.is(mark)) else { return Ok(None) };
        let attributes = self.rows(ObjectKind::Account, &self.directory.layout.users, following.columns).attributes;
        let leads = match self.leads_from(&told, following.way, &attributes).await? {
            Heard::Told(leads) => leads,
            Heard::Refused(why) => {
                tracing::info!(target: "headcount::ldap", system = %source, why, "what changed can't be told from there: all is read");
                return Ok(None);
            }
        };
        let asked: HashSet<EntryNumber> =
            leads.changed.iter().copied().chain(leads.gone.iter().filter(|number| told.known.contains_key(*number)).copied()).collect();
        if told.is_most(asked.len()) || leads.gone.iter().any(|number| told.above.contains(number)) {
            return Ok(None);
        }
        let (page, numbers) = self.these(&asked, following.columns).await?;
        let came: HashSet<&EntryNumber> = numbers.iter().collect();
        let others: Vec<EntryNumber> = leads.above.iter().filter(|number| !came.contains(number)).copied().collect();
        if self.are_above(following.way, &others).await? || self.server(following.way).await? != told.server {
            return Ok(None);
        }
        let came: Vec<_> = numbers.into_iter().zip(following.key.of(&page)).collect();
        let Some(follows) = told.follows(&asked, &came) else { return Ok(None) };
        drop(told);
        // Where somebody else was told meanwhile, nothing of this counts.
        let next = self.directory.told_on(&source, mark, |told| told.goes_on(leads.cookie, &asked, came));
        if next.is_some() {
            hand_on(&page, &follows.silent, sink);
            if !follows.gone.is_empty() {
                let id = self.directory.layout.id;
                let gone: Vec<Arc<str>> = follows.gone.iter().map(|number| Arc::from(id.of_number(number))).collect();
                sink.gone(ObjectKind::Account, Gone::Ids(&gone));
            }
        }
        Ok(next)
    }

    async fn leads_from(&self, told: &Told, way: Way, attributes: &[String]) -> Result<Heard<Leads>, SystemError> {
        self.leads_with(way, Some(&told.cookie), attributes, &|news| news.rest(told.known.keys())).await
    }

    async fn leads(&self, way: Way, cookie: Option<&Bytes>, attributes: &[String]) -> Result<Heard<Leads>, SystemError> {
        self.leads_with(way, cookie, attributes, &|_| Vec::new()).await
    }

    /// What is to be looked at since a cookie. An answer that breaks off counts for nothing.
    async fn leads_with(
        &self,
        way: Way,
        cookie: Option<&Bytes>,
        attributes: &[String],
        rest: &(dyn Fn(&SyncNews) -> Vec<EntryNumber> + Sync),
    ) -> Result<Heard<Leads>, SystemError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let heard = match way {
                Way::ContentSync => self.content(cookie, rest).await,
                Way::DirSync => self.domain(cookie, attributes).await,
            };
            match heard {
                Err(SystemError::Unavailable(_) | SystemError::Protocol(_)) if tries < ASKED => {}
                heard => return heard,
            }
        }
    }

    async fn content(
        &self,
        cookie: Option<&Bytes>,
        rest: &(dyn Fn(&SyncNews) -> Vec<EntryNumber> + Sync),
    ) -> Result<Heard<Leads>, SystemError> {
        let directory = &self.directory;
        let (everything, nothing) = (Filter::everything(), ["1.1".to_owned()]);
        let search = Search { base: &directory.layout.users.base, scope: Scope::Subtree, filter: &everything, attributes: &nothing };
        let mut news = SyncNews::default();
        let control = content_sync::asking(cookie);
        // The first time who changed is everybody, and nobody needs to know.
        let first = cookie.is_none();
        let mut hear = |answer: &Answer| match answer {
            Answer::Entry(_) if first => Ok(()),
            answer => news.hear(answer),
        };
        let outcome = match directory.told_apart(&search, control, &mut hear).await? {
            Heard::Told(outcome) => outcome,
            Heard::Refused(why) => return Ok(Heard::Refused(why)),
        };
        news.end(&outcome)?;
        let mut gone = std::mem::take(&mut news.gone);
        // This one says who is gone by name, and nothing of whoever stays.
        if directory.layout.dialect != LdapDialect::Ds389 {
            gone.extend(rest(&news));
        }
        let above = news.changed.clone();
        Ok(Heard::Told(Leads { changed: news.changed, gone, above, cookie: news.cookie }))
    }

    async fn domain(&self, cookie: Option<&Bytes>, attributes: &[String]) -> Result<Heard<Leads>, SystemError> {
        let directory = &self.directory;
        let filtered = &directory.layout.filtered;
        let attributes = wanted(attributes.iter().chain(filtered).map(String::as_str).chain(dir_sync::ALWAYS));
        // The first time only the cookie counts.
        let filter = if cookie.is_some() { Filter::everything() } else { Filter::equal("objectGUID", &EntryNumber::default()) };
        let search = Search { base: directory.top(), scope: Scope::Subtree, filter: &filter, attributes: &attributes };
        let mut news = DomainNews { cookie: cookie.cloned().unwrap_or_default(), ..DomainNews::default() };
        for _ in 0..MAX_PARTS {
            let control = dir_sync::asking(&news.cookie);
            let outcome = match directory.told_apart(&search, control, &mut |answer| news.hear(answer)).await? {
                Heard::Told(outcome) => outcome,
                Heard::Refused(why) => return Ok(Heard::Refused(why)),
            };
            news.end(&outcome)?;
            if !news.more {
                let DomainNews { changed, gone, renamed, cookie, .. } = news;
                return Ok(Heard::Told(Leads { changed, gone, above: renamed, cookie: Some(cookie) }));
            }
        }
        Err(SystemError::Protocol("what changed has no end".into()))
    }

    /// Those of these entries that are there and count, as rows, and which each is.
    async fn these(&self, asked: &HashSet<EntryNumber>, columns: &Arc<Columns>) -> Result<(Page, Vec<EntryNumber>), SystemError> {
        let (users, id) = (&self.directory.layout.users, self.directory.layout.id);
        let rows = self.rows(ObjectKind::Account, users, columns);
        let (mut page, mut numbers, mut seen) = (Page::new(columns.clone()), Vec::new(), HashSet::new());
        for some in in_parts(asked.iter()) {
            let filter = Filter::and(&[users.filter.clone(), self.any_of(&some)]);
            for entry in self.directory.find(&users.base, Scope::Subtree, &filter, &rows.attributes).await? {
                let text = rows.id(&entry)?;
                if let Some(number) = id.number(&text).filter(|number| asked.contains(number) && seen.insert(*number)) {
                    rows.write(&entry, &text, None, &mut page);
                    numbers.push(number);
                }
            }
        }
        Ok((page, numbers))
    }

    /// Whether people may stand below one of these, wherever it stands.
    async fn are_above(&self, way: Way, these: &[EntryNumber]) -> Result<bool, SystemError> {
        let (directory, id) = (&self.directory, self.directory.layout.id);
        if way == Way::ContentSync {
            for some in in_parts(these.iter()) {
                if !self.above(Some(&some)).await?.is_empty() {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        for name in these.iter().filter_map(|number| id.name(&id.of_number(number))) {
            match directory.find(&name, Scope::Base, &of_class_above(), &[id.attribute().to_owned()]).await {
                Ok(found) if found.is_empty() => {}
                Err(SystemError::NotFound(_)) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Entries below which people may stand: all, or those among these.
    async fn above(&self, among: Option<&[EntryNumber]>) -> Result<HashSet<EntryNumber>, SystemError> {
        let (base, id) = (&self.directory.layout.users.base, self.directory.layout.id);
        let filter = among.map_or_else(of_class_above, |these| Filter::and(&[self.any_of(these), of_class_above()]));
        let found = self.directory.find(base, Scope::Subtree, &filter, &[id.attribute().to_owned()]).await?;
        Ok(found.iter().filter_map(|entry| id.number(&id.read(entry)?)).collect())
    }

    /// A domain controller may tell what changed and keep silent about who was deleted: to those who may not see where they are kept.
    async fn sees_who_went(&self) -> Result<(), String> {
        let place = format!("CN=Deleted Objects,{}", self.directory.top());
        let (everything, nothing) = (Filter::everything(), ["1.1".to_owned()]);
        let search = Search { base: &place, scope: Scope::Base, filter: &everything, attributes: &nothing };
        let control = Control { name: dir_sync::SHOW_DELETED.into(), critical: true, value: None };
        match self.directory.search(&search, Some(control)).await {
            Ok(found) if !found.entries.is_empty() => Ok(()),
            Ok(_) => Err(format!("this account may not see {place}")),
            Err(error) => Err(format!("this account may not see {place}: {error}")),
        }
    }

    fn any_of(&self, numbers: &[EntryNumber]) -> Filter {
        let id = self.directory.layout.id;
        Filter::or(&numbers.iter().filter_map(|number| id.filter(&id.of_number(number))).collect::<Vec<_>>())
    }

    /// Which server it is, where its cookies say nothing to another one.
    async fn server(&self, way: Way) -> Result<Option<Arc<str>>, SystemError> {
        match way {
            Way::ContentSync => Ok(None),
            Way::DirSync => server(&self.directory).await,
        }
    }

    fn name(&self) -> Arc<str> {
        self.source.as_ref().map_or_else(|| Arc::from(""), |source| source.name.clone())
    }
}

impl Directory {
    /// All answers to a question about changes, one by one, and the last one.
    async fn told_apart(
        &self,
        search: &Search<'_>,
        control: Control,
        each: &mut (dyn FnMut(&Answer) -> Result<(), SystemError> + Send),
    ) -> Result<Heard<super::message::Outcome>, SystemError> {
        let outcome = self.hear(&Request::search(search).with(Some(control)), each).await?;
        match outcome.code {
            code::SUCCESS => Ok(Heard::Told(outcome)),
            code::BUSY => Err(code::refusal(&outcome)),
            _ => Ok(Heard::Refused(code::limit(&outcome).unwrap_or_else(|| code::words(&outcome)))),
        }
    }
}

fn of_class_above() -> Filter {
    Filter::or(&ABOVE.map(|class| Filter::equal("objectClass", class.as_bytes())))
}

fn in_parts<'n>(numbers: impl Iterator<Item = &'n EntryNumber>) -> Vec<Vec<EntryNumber>> {
    numbers.copied().collect::<Vec<_>>().chunks(TOGETHER).map(<[EntryNumber]>::to_vec).collect()
}

/// The rows of a page but for those that say nothing new.
fn hand_on(page: &Page, silent: &HashSet<usize>, sink: &mut dyn PageSink) {
    let mut part = Page::new(page.columns().clone());
    for (at, row) in page.rows().enumerate() {
        if !silent.contains(&at) {
            part.row(|out| row.cells().for_each(|cell| out.cell(cell)));
        }
        if part.size() >= PAGE_BYTES {
            sink.page(ObjectKind::Account, &part);
            part.clear();
        }
    }
    if !part.is_empty() {
        sink.page(ObjectKind::Account, &part);
    }
}

/// What a read of changes came to.
pub(super) fn evidence(next: Result<Option<Watermark>, SystemError>) -> Option<(Evidence, Option<Watermark>)> {
    match next {
        Ok(None) => None,
        Ok(next) => Some((Evidence::Delta, next)),
        Err(error) => Some((Evidence::Unreadable { reason: format!("what changed is not known: {error}") }, None)),
    }
}
