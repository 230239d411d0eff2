//! What a Source that is followed was told of: who was there, and by which key its world knows them. A directory says who is gone by its own numbers alone.
//!
//! Must never: say that somebody is gone whose key somebody else has, or let one of two with one key stand for both.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};

use bytes::Bytes;

use super::dialect::EntryNumber;
use super::directory::Directory;
use crate::connector::RecordKey;
use crate::model::{Page, Watermark};

/// What stands before a mark of these.
const MARK: &str = "told ";
/// In a small directory so many may change at once.
const FEW: usize = 16;

/// Who has which key; none: no key.
pub(super) type KnownKeys = HashMap<EntryNumber, Option<Arc<str>>>;

/// What was told up to a cookie.
#[derive(Clone, Debug)]
pub(super) struct Told {
    mark: Watermark,
    pub(super) cookie: Bytes,
    /// which server said it, where its cookies are its own
    pub(super) server: Option<Arc<str>>,
    pub(super) known: KnownKeys,
    /// entries below which others stand
    pub(super) above: HashSet<EntryNumber>,
}

/// Takes the keys of all who come.
pub(super) struct Telling<'k> {
    key: &'k RecordKey,
    waiting: Vec<EntryNumber>,
    known: KnownKeys,
    /// somebody has an id that is no number
    odd: bool,
}

/// What becomes of the records of a world.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Consequence {
    /// who is not there any more, and nobody has their key
    pub(super) gone: Vec<EntryNumber>,
    /// by position: rows that say nothing new
    pub(super) silent: HashSet<usize>,
}

impl Told {
    pub(super) fn new(cookie: Bytes, server: Option<Arc<str>>, known: KnownKeys, above: HashSet<EntryNumber>) -> Self {
        let mark = Watermark(format!("{MARK}{:016x}", fastrand::u64(..)).into());
        Self { mark, cookie, server, known, above }
    }

    /// Under which it is asked for again.
    pub(super) fn mark(&self) -> Watermark {
        self.mark.clone()
    }

    pub(super) fn is(&self, mark: &Watermark) -> bool {
        self.mark == *mark
    }

    /// Whether so many are no few changes: then it is as well to read all.
    pub(super) fn is_most(&self, many: usize) -> bool {
        many > FEW + self.known.len() / 2
    }

    /// What follows from it that of these whom a whole answer was asked about just those came, each with its key. Nothing: that is known after a whole read.
    pub(super) fn follows(&self, asked: &HashSet<EntryNumber>, came: &[(EntryNumber, Option<Arc<str>>)]) -> Option<Consequence> {
        let mut consequence = Consequence::default();
        let there: HashMap<&EntryNumber, &Option<Arc<str>>> = came.iter().map(|(number, key)| (number, key)).collect();
        let mut left: HashSet<&Arc<str>> = HashSet::new();
        for number in asked.iter().filter(|number| !there.contains_key(number)) {
            // Of those without a key it is counted how many there are.
            left.extend(self.known.get(number).map(|key| key.as_ref().ok_or(())).transpose().ok()?);
        }
        for (at, (number, key)) in came.iter().enumerate() {
            match (self.known.get(number), key) {
                (Some(None), None) => drop(consequence.silent.insert(at)),
                (None, _) => {}
                (Some(Some(before)), Some(now)) => left.extend((before != now).then_some(before)),
                (Some(_), _) => return None,
            }
        }
        let taken: HashSet<&Arc<str>> = came.iter().filter_map(|(_, key)| key.as_ref()).collect();
        let concerned = |key: &Arc<str>| taken.contains(key) || left.contains(key);
        let (mut before, mut after) = (HashSet::new(), HashSet::new());
        for (number, key) in self.known.iter().filter_map(|(number, key)| Some((number, key.as_ref()?))).filter(|(_, key)| concerned(key)) {
            let stays = !asked.contains(number);
            if !before.insert(key) || (stays && !after.insert(key)) {
                return None;
            }
        }
        if came.iter().filter_map(|(_, key)| key.as_ref()).any(|key| !after.insert(key)) {
            return None;
        }
        let gone = |number: &&EntryNumber| {
            let key = self.known.get(*number).and_then(Option::as_ref);
            !there.contains_key(number) && key.is_some_and(|key| !taken.contains(key))
        };
        consequence.gone = asked.iter().filter(gone).copied().collect();
        Some(consequence)
    }

    /// The same later: of those who were asked about just these are there.
    pub(super) fn goes_on(
        &mut self,
        cookie: Option<Bytes>,
        asked: &HashSet<EntryNumber>,
        came: Vec<(EntryNumber, Option<Arc<str>>)>,
    ) -> Watermark {
        asked.iter().for_each(|number| drop(self.known.remove(number)));
        self.known.extend(came);
        self.cookie = cookie.unwrap_or_else(|| self.cookie.clone());
        self.mark = Self::new(Bytes::new(), None, KnownKeys::new(), HashSet::new()).mark;
        self.mark()
    }
}

impl Directory {
    /// What a Source was told of last.
    pub(super) fn told(&self, source: &str) -> Option<Arc<Told>> {
        self.all_told().get(source).cloned()
    }

    pub(super) fn keep_told(&self, source: &Arc<str>, told: Told) {
        self.all_told().insert(source.clone(), Arc::new(told));
    }

    /// It was told more since this mark. Nothing where somebody else was told meanwhile.
    pub(super) fn told_on(&self, source: &str, mark: &Watermark, more: impl FnOnce(&mut Told) -> Watermark) -> Option<Watermark> {
        let mut all = self.all_told();
        all.get_mut(source).filter(|told| told.is(mark)).map(|told| more(Arc::make_mut(told)))
    }

    fn all_told(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Told>>> {
        self.kept.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'k> Telling<'k> {
    pub(super) fn by(key: &'k RecordKey) -> Self {
        Self { key, waiting: Vec::new(), known: KnownKeys::new(), odd: false }
    }

    /// Somebody, whose row comes next.
    pub(super) fn see(&mut self, number: Option<EntryNumber>) {
        self.odd |= number.is_none();
        self.waiting.push(number.unwrap_or_default());
    }

    /// The rows of those who came since the last page.
    pub(super) fn page(&mut self, page: &Page) {
        self.known.extend(self.waiting.drain(..).zip(self.key.of(page)));
    }

    pub(super) fn restart(&mut self) {
        *self = Self::by(self.key);
    }

    /// Everybody who came; nothing where somebody could not be told again.
    pub(super) fn known(self) -> Option<KnownKeys> {
        (!self.odd).then_some(self.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(at: u8) -> EntryNumber {
        [at; 16]
    }

    fn key(text: &str) -> Option<Arc<str>> {
        (!text.is_empty()).then(|| text.into())
    }

    fn told(known: &[(u8, &str)]) -> Told {
        let known = known.iter().map(|(at, text)| (number(*at), key(text))).collect();
        Told::new(Bytes::new(), None, known, HashSet::new())
    }

    /// Which keys go, and which rows say nothing; nothing: all is read.
    fn follows(known: &[(u8, &str)], asked: &[u8], came: &[(u8, &str)]) -> Option<(Vec<String>, usize)> {
        let came: Vec<_> = came.iter().map(|(at, text)| (number(*at), key(text))).collect();
        let consequence = told(known).follows(&asked.iter().map(|at| number(*at)).collect(), &came)?;
        let name = |number: &EntryNumber| known.iter().find(|(at, _)| number == &[*at; 16]).map(|(_, key)| (*key).to_owned());
        let mut gone: Vec<String> = consequence.gone.iter().filter_map(name).collect();
        gone.sort();
        Some((gone, consequence.silent.len()))
    }

    fn gone(keys: &[&str], silent: usize) -> Option<(Vec<String>, usize)> {
        Some((keys.iter().map(|key| (*key).to_owned()).collect(), silent))
    }

    #[test]
    fn who_does_not_come_is_gone_and_whoever_has_another_key_is_there() {
        let known = [(1, "ann"), (2, "bob"), (3, "")];
        assert_eq!(follows(&known, &[1, 2], &[(1, "ann")]), gone(&["bob"], 0));
        assert_eq!(follows(&known, &[1], &[(1, "lee")]), gone(&[], 0), "under another key");
        assert_eq!(follows(&known, &[1, 2], &[(1, "bob"), (2, "ann")]), gone(&[], 0), "swapped");
        assert_eq!(follows(&known, &[2, 4], &[(4, "bob")]), gone(&[], 0), "made anew");
        assert_eq!(follows(&known, &[9], &[]), gone(&[], 0), "it was never told");
        assert_eq!(follows(&known, &[3, 4], &[(3, ""), (4, "")]), gone(&[], 1), "one without a key is counted once");
    }

    #[test]
    fn what_only_a_whole_read_shows_is_not_guessed() {
        let known = [(1, "ann"), (2, "ann"), (3, ""), (4, "cy")];
        assert_eq!(follows(&known, &[1], &[]), None, "another one has its key");
        assert_eq!(follows(&known, &[1], &[(1, "ann")]), None);
        assert_eq!(follows(&known, &[5], &[(5, "cy")]), None, "a second one with a key");
        assert_eq!(follows(&known, &[5, 6], &[(5, "x"), (6, "x")]), None);
        assert_eq!(follows(&known, &[3], &[]), None);
        assert_eq!(follows(&known, &[3], &[(3, "dee")]), None);
        assert_eq!(follows(&known, &[4], &[(4, "")]), None);
    }

    #[test]
    fn what_was_told_goes_on_under_another_mark() {
        let mut told = told(&[(1, "ann"), (2, "bob")]);
        let first = told.mark();
        let next = told.goes_on(None, &HashSet::from([number(1), number(2)]), vec![(number(2), key("bo"))]);
        assert!(!told.is(&first) && told.is(&next));
        assert_eq!(told.known, KnownKeys::from([(number(2), key("bo"))]));
    }
}
