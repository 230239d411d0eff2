//! One directory: what is kept of it from run to run, its connections, and the questions that everybody asks.
//!
//! Must never: follow a referral, take a list that was cut short for whole, or write on a connection behind another fence than the one that gave leave.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::ber::{Decoder, Encoder, INTEGER, OCTETS, SEQUENCE};
use super::code;
use super::dial::Dialer;
use super::filter::Filter;
use super::layout::Layout;
use super::line::{Bounds, Line, Lost};
use super::message::{Answer, Control, Entry, Outcome, Request, Scope, Search};
use super::schema::Schema;
use super::told::Told;
use crate::connector::Surroundings;
use crate::connector::budget::{Budget, Share};
use crate::connector::connection::System;
use crate::connector::limiter::{ALL, Lane};
use crate::fence::Fence;
use crate::manifest::connection::{Described, LdapConnection};
use crate::manifest::quantity;
use crate::model::{ObjectKind, SystemError, dn};
use crate::secret;

/// Entries a page where nobody says otherwise.
const PAGE: u32 = 500;
/// One entry is a person, or a group with all its members.
const MAX_BODY: usize = 32 << 20;
/// A connection that nobody used for so long is made anew: what lies between may have forgotten it.
const IDLE: Duration = Duration::from_secs(60);
/// So many that write are kept.
const MOST_LINES: usize = 4;
/// Whoever asks for a longer pause gets it between two runs.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const PAGED: &str = "1.2.840.113556.1.4.319";
pub(super) const ASSERTION: &str = "1.3.6.1.1.12";
pub(super) const POST_READ: &str = "1.3.6.1.1.13.2";

/// One directory in one run.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    pub(super) kept: Arc<Kept>,
    pub(super) layout: Arc<Layout>,
    pub(super) budget: Budget,
    system: Arc<System>,
    lane: Lane,
    page: u32,
}

/// What is kept between runs.
#[derive(Debug)]
pub(super) struct Kept {
    dialer: Dialer,
    reading: tokio::sync::Mutex<Option<Arc<Line>>>,
    writing: tokio::sync::Mutex<Vec<Arc<Line>>>,
    names: Mutex<Names>,
    /// what Sources were told of, by their names
    pub(super) told: Mutex<BTreeMap<Arc<str>, Arc<Told>>>,
    /// groups that hold the member that stands for nobody
    empty: Mutex<BTreeSet<Arc<str>>>,
    /// entries that were renamed, and by what they may still be named
    left_behind: Mutex<HashMap<Arc<str>, Arc<str>>>,
    root: OnceCell<Root>,
    schema: OnceCell<Option<Schema>>,
}

/// What the server says of itself.
#[derive(Debug)]
struct Root {
    controls: BTreeSet<String>,
    /// the entry that shows the schema
    schema: Option<String>,
    /// the entry with Active Directory's definitions below it
    definitions: Option<String>,
    /// entries that nothing stands above
    tops: Vec<String>,
}

/// Who is called what.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_id: HashMap<Arc<str>, Arc<str>>,
    by_name: HashMap<Box<str>, (ObjectKind, Arc<str>)>,
}

impl Names {
    /// An entry, by all that others may name it by. False where its id is known already.
    pub(super) fn note(&mut self, kind: ObjectKind, id: &Arc<str>, name: &str, uid: Option<&str>) -> bool {
        self.by_name.insert(dn::normal(name).into(), (kind, id.clone()));
        if let Some(uid) = uid {
            self.by_name.insert(uid.into(), (kind, id.clone()));
        }
        self.by_id.insert(id.clone(), name.into()).is_none()
    }

    /// Who a DN, or a user name, is.
    pub(super) fn who(&self, name: &str) -> Option<&(ObjectKind, Arc<str>)> {
        self.by_name.get(dn::normal(name).as_str()).or_else(|| self.by_name.get(name))
    }

    pub(super) fn forget(&mut self, id: &str) {
        if let Some(name) = self.by_id.remove(id) {
            self.by_name.remove(dn::normal(&name).as_str());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    fn take_over(&mut self, other: Self) {
        self.by_id.extend(other.by_id);
        self.by_name.extend(other.by_name);
    }
}

/// What came of a page.
pub(super) struct Paged {
    pub(super) entries: Vec<Entry>,
    /// where the next one begins
    pub(super) next: Option<Bytes>,
    /// other servers that have a part of it
    pub(super) elsewhere: Vec<String>,
    /// why it is the last one, though more is there
    pub(super) cut: Option<SystemError>,
}

impl Directory {
    pub(super) async fn open(connection: &LdapConnection, layout: Layout, surroundings: &Surroundings) -> Result<Self, SystemError> {
        let layout = Arc::new(layout);
        let bounds = bounds(connection);
        let written = serde_json::to_string(connection).unwrap_or_default();
        let key = format!("ldap {} {written}", surroundings.base.display());
        let open = async {
            Ok(Kept {
                dialer: Dialer::new(connection, surroundings, bounds).await?,
                reading: tokio::sync::Mutex::default(),
                writing: tokio::sync::Mutex::default(),
                names: Mutex::default(),
                told: Mutex::default(),
                empty: Mutex::default(),
                left_behind: Mutex::default(),
                root: OnceCell::new(),
                schema: OnceCell::new(),
            })
        };
        let kept = surroundings.connections.open(&key, secret::turn(&surroundings.base), open).await?;
        let system = surroundings.connections.system(&connection.system());
        let page = connection.page_size.filter(|size| *size > 0).unwrap_or(PAGE);
        let directory = Self { kept, layout, budget: surroundings.budget.clone(), system, lane: surroundings.lane, page };
        directory.root().await?;
        directory.fits(&directory.layout).await?;
        Ok(directory)
    }

    /// The same for questions of another lane.
    pub(super) fn in_lane(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        self.kept.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names that a read brought.
    pub(super) fn learn(&self, names: Names) {
        self.names().take_over(names);
    }

    /// Groups in which somebody stands for nobody.
    pub(super) fn empty(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.kept.empty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By what names that they have no more entries may still be named.
    pub(super) fn left_behind(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<str>>> {
        self.kept.left_behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server takes a control.
    pub(super) fn takes(&self, control: &str) -> bool {
        self.kept.root.get().is_some_and(|root| root.controls.contains(control))
    }

    /// The entry at the top of the directory that people are in.
    pub(super) fn top(&self) -> &str {
        let base = self.layout.users.base.as_str();
        let tops = self.kept.root.get().map(|root| root.tops.as_slice()).unwrap_or_default();
        tops.iter()
            .filter(|top| !top.is_empty() && dn::is_within(base, top))
            .map(String::as_str)
            .min_by_key(|top| top.len())
            .unwrap_or(base)
    }

    /// The entry below which Active Directory defines its attributes; nothing elsewhere.
    pub(super) fn definitions(&self) -> Option<&str> {
        self.kept.root.get()?.definitions.as_deref()
    }

    /// The server's schema; nothing where it shows none.
    pub(super) async fn schema(&self) -> Option<&Schema> {
        let ask = async {
            let name = self.kept.root.get()?.schema.as_ref()?;
            let shown = self.entry(name, &["attributeTypes".to_owned()]).await.ok()??;
            Schema::read(&shown)
        };
        self.kept.schema.get_or_init(|| ask).await.as_ref()
    }

    async fn root(&self) -> Result<(), SystemError> {
        let ask = async {
            let attributes = ["supportedControl", "subschemaSubentry", "schemaNamingContext", "namingContexts"].map(str::to_owned);
            let everything = Filter::everything();
            let search = Search { base: "", scope: Scope::Base, filter: &everything, attributes: &attributes };
            let found = self.search(&search, None).await?;
            let root = found.entries.into_iter().next().unwrap_or_default();
            let texts = |name: &str| root.values(name).iter().map(|value| String::from_utf8_lossy(value).into_owned());
            let (controls, schema) = (texts("supportedControl").collect(), texts("subschemaSubentry").next());
            Ok(Root { controls, schema, definitions: texts("schemaNamingContext").next(), tops: texts("namingContexts").collect() })
        };
        self.kept.root.get_or_try_init(|| ask).await.map(drop)
    }

    /// One answer to a search. A connection that was lost is made anew, once: asking twice harms nobody.
    pub(super) async fn search(&self, search: &Search<'_>, control: Option<Control>) -> Result<Paged, SystemError> {
        let request = Request::search(search).with(control);
        let mut again = true;
        loop {
            let _slot = self.system.limiter.enter(ALL, self.lane, LONGEST_PAUSE).await?;
            let line = self.reading().await?;
            match gather(&line, &request, self.budget.share()).await {
                Ok((entries, elsewhere, outcome)) => return self.heard(entries, elsewhere, &outcome),
                Err(lost) if again && matches!(lost.error, SystemError::Unavailable(_)) => {
                    again = false;
                    self.kept.reading.lock().await.take_if(|known| Arc::ptr_eq(known, &line));
                }
                Err(lost) => return Err(lost.error),
            }
        }
    }

    /// Hands on each answer to a search as it comes, and gives the last one. What broke off is not asked for again here: what came of it counts already.
    pub(super) async fn hear(
        &self,
        request: &Request,
        each: &mut (dyn FnMut(&Answer) -> Result<(), SystemError> + Send),
    ) -> Result<Outcome, SystemError> {
        let _slot = self.system.limiter.enter(ALL, self.lane, LONGEST_PAUSE).await?;
        let line = self.reading().await?;
        let ended = async {
            let mut pending = line.ask(request)?;
            loop {
                match pending.next().await? {
                    Answer::Outcome(outcome) => return Ok(outcome),
                    answer => {
                        if let Err(error) = each(&answer) {
                            pending.abandon();
                            return Err(Lost { sent: true, refused: false, error });
                        }
                    }
                }
            }
        };
        let ended: Result<Outcome, Lost> = ended.await;
        if ended.as_ref().is_err_and(|lost| matches!(lost.error, SystemError::Unavailable(_))) {
            self.kept.reading.lock().await.take_if(|known| Arc::ptr_eq(known, &line));
        }
        ended.map_err(|lost| lost.error)
    }

    fn heard(&self, entries: Vec<Entry>, elsewhere: Vec<String>, outcome: &Outcome) -> Result<Paged, SystemError> {
        if let Some(why) = code::limit(outcome) {
            return Ok(Paged { entries, next: None, elsewhere, cut: Some(SystemError::Unavailable(why)) });
        }
        if outcome.code != code::SUCCESS {
            let error = code::refusal(outcome);
            if let SystemError::Throttled { after, message } = &error {
                self.system.limiter.put_off(ALL, *after, message);
            }
            return Err(error);
        }
        self.system.limiter.got_through(ALL);
        let next = outcome.control(PAGED).map(cookie).transpose()?.filter(|cookie| !cookie.is_empty());
        Ok(Paged { entries, next, elsewhere, cut: None })
    }

    /// A page of a list; behind the one before it.
    pub(super) async fn page(&self, search: &Search<'_>, after: Option<&Bytes>) -> Result<Paged, SystemError> {
        if !self.takes(PAGED) {
            return self.search(search, None).await;
        }
        let mut value = Encoder::default();
        value.within(SEQUENCE, |out| {
            out.number(INTEGER, self.page).bytes(OCTETS, after.map_or(&[][..], |cookie| cookie));
        });
        let control = Control { name: PAGED.into(), critical: true, value: Some(value.take().into()) };
        self.search(search, Some(control)).await
    }

    /// Everything that a question finds, which must be whole.
    pub(super) async fn find(&self, base: &str, scope: Scope, filter: &Filter, attributes: &[String]) -> Result<Vec<Entry>, SystemError> {
        let search = Search { base, scope, filter, attributes };
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.page(&search, after.as_ref()).await?;
            if let Some(error) = page.cut {
                return Err(error);
            }
            if let Some(url) = page.elsewhere.first() {
                return Err(SystemError::Rejected(format!("a part of {base} is at another server ({url}), which is not followed")));
            }
            found.extend(page.entries);
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// One entry by its DN; none where there is none.
    pub(super) async fn entry(&self, name: &str, attributes: &[String]) -> Result<Option<Entry>, SystemError> {
        match self.find(name, Scope::Base, &Filter::everything(), attributes).await {
            Ok(found) => Ok(found.into_iter().next()),
            Err(SystemError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What an object is called by now, asked for where it is not known.
    pub(super) async fn name_of(&self, kind: ObjectKind, id: &str) -> Result<Arc<str>, SystemError> {
        // A member that is no account and no group stands for itself.
        if id.contains('=') {
            return Ok(id.into());
        }
        if let Some(known) = self.names().by_id.get(id) {
            return Ok(known.clone());
        }
        let objects = self.layout.objects(kind)?;
        let filter = self.layout.id.filter(id).ok_or_else(|| SystemError::NotFound(format!("{id:?} is no id of an entry")))?;
        let found = self.find(&objects.base, Scope::Subtree, &filter, &[self.layout.id.attribute().to_owned()]).await?;
        let found = found.into_iter().find(|entry| self.layout.id.read(entry).as_deref() == Some(id));
        let found = match found {
            None if kind == ObjectKind::Account => self.anywhere(id, &[self.layout.id.attribute().to_owned()]).await?,
            found => found,
        };
        let name = found.ok_or_else(|| SystemError::NotFound(format!("below {} is no entry with the id {id}", objects.base)))?.name;
        self.names().note(kind, &Arc::from(id), &name, None);
        Ok(name.into())
    }

    async fn reading(&self) -> Result<Arc<Line>, SystemError> {
        let mut held = self.kept.reading.lock().await;
        if let Some(line) = held.as_ref().filter(|line| line.is_fresh(IDLE)) {
            return Ok(line.clone());
        }
        let line = Arc::new(self.kept.dialer.dial(&Fence::open()).await?);
        *held = Some(line.clone());
        Ok(line)
    }

    /// A connection for what is written with this leave.
    pub(super) async fn writing(&self, fence: &Fence) -> Result<Arc<Line>, SystemError> {
        let mut held = self.kept.writing.lock().await;
        held.retain(|line| line.is_fresh(IDLE));
        if let Some(line) = held.iter().find(|line| line.fence().is_same(fence)) {
            return Ok(line.clone());
        }
        let line = Arc::new(self.kept.dialer.dial(fence).await?);
        if held.len() >= MOST_LINES {
            held.remove(0);
        }
        held.push(line.clone());
        Ok(line)
    }

    /// Sends what changes something, once; it has its turn already, and counts.
    pub(super) async fn send(&self, line: &Line, request: &Request) -> Result<Outcome, Lost> {
        let not_sent = |error| Lost { sent: false, refused: false, error };
        let _slot = self.system.limiter.enter(ALL, Lane::Free, LONGEST_PAUSE).await.map_err(not_sent)?;
        let outcome = line.one(request).await?;
        match outcome.code {
            code::BUSY => self.system.limiter.put_off(ALL, None, &code::words(&outcome)),
            _ => self.system.limiter.got_through(ALL),
        }
        Ok(outcome)
    }
}

/// All answers to a search.
async fn gather(line: &Line, request: &Request, mut share: Share) -> Result<(Vec<Entry>, Vec<String>, Outcome), Lost> {
    let mut pending = line.ask(request)?;
    let (mut entries, mut elsewhere) = (Vec::new(), Vec::new());
    loop {
        match pending.next().await {
            Ok(Answer::Entry(entry)) => {
                if let Err(error) = share.add(entry.size) {
                    pending.abandon();
                    return Err(Lost { sent: true, refused: false, error });
                }
                entries.push(entry);
            }
            Ok(Answer::Reference(urls)) => elsewhere.extend(urls),
            Ok(Answer::Outcome(outcome)) => return Ok((entries, elsewhere, outcome)),
            Ok(Answer::Info(..) | Answer::Other) => {}
            Err(lost) => {
                pending.abandon();
                return Err(lost);
            }
        }
    }
}

fn cookie(value: &Bytes) -> Result<Bytes, SystemError> {
    let mut parts = Decoder::new(value.clone()).within(SEQUENCE)?;
    // How many there are is a guess, and most servers don't make it.
    parts.any()?;
    parts.take(OCTETS)
}

fn bounds(connection: &LdapConnection) -> Bounds {
    let most = connection.max_body.as_deref().and_then(|text| quantity::bytes(text).ok());
    let message = most.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(MAX_BODY);
    Bounds { timeout: connection.deadline().unwrap_or(crate::manifest::connection::TIMEOUT), message }
}

/// An attribute's names for a request, each once.
pub(super) fn wanted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen = BTreeMap::new();
    for name in names {
        seen.entry(name.to_ascii_lowercase()).or_insert_with(|| name.to_owned());
    }
    seen.into_values().collect()
}
