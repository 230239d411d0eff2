//! The data of a report: a row for each person and thing, with everything that repeats told once.
//!
//! Must never: hold a person, a value or a place that the review does not show.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use serde::Serialize;

use crate::diagnostic::Place;
use crate::render::review::links::References;
use crate::render::review::words::{self, Phrase};
use crate::render::safe;
use crate::render::summary::word;
use crate::render::value::{self, DisplayNames};
use crate::review::{AtomGroup, Divergence, DocumentChange, EffectKind, Review, Who};

/// Everything that the script reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    version: u32,
    kinds: Vec<Kind>,
    targets: Vec<String>,
    target_sets: Vec<Vec<usize>>,
    /// key, name, title
    people: Vec<(String, String, String)>,
    texts: Vec<String>,
    causes: Vec<CauseWords>,
    /// file, line, address
    places: Vec<(String, u32, Option<String>)>,
    place_sets: Vec<Vec<usize>>,
    /// origin, kind, person, what, targets, before, after, instead, cause, how, flags, along, places
    rows: Vec<[i64; 13]>,
}

/// What happens, in words.
#[derive(Serialize)]
struct Kind {
    id: String,
    one: String,
    many: String,
    would: String,
    stays: String,
    stay: String,
    pick: &'static str,
    side: &'static str,
    sign: &'static str,
    people: bool,
}

/// A document, or a reason where no document is behind it.
#[derive(Serialize, Default)]
struct CauseWords {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<(String, u32, Option<String>)>,
}

/// Things by position, each once.
struct Once<T> {
    known: HashMap<T, usize>,
    all: Vec<T>,
}

impl<T: Clone + Eq + Hash> Once<T> {
    fn new() -> Self {
        Self { known: HashMap::new(), all: Vec::new() }
    }

    fn at(&mut self, thing: T) -> usize {
        *self.known.entry(thing.clone()).or_insert_with(|| {
            self.all.push(thing);
            self.all.len() - 1
        })
    }
}

/// Of a review.
pub(super) fn data(review: &Review, links: &References<'_>) -> Data {
    let kinds: BTreeSet<EffectKind> = review.groups.iter().map(|group| group.effect).collect();
    let targets: BTreeSet<Arc<str>> = review.groups.iter().flat_map(|group| group.targets.iter().cloned()).collect();
    let mut writer = Writer {
        names: DisplayNames::of_review(review),
        kinds: positions(kinds.iter().copied()),
        targets: positions(targets.iter().cloned()),
        target_sets: Once::new(),
        people: Once::new(),
        texts: Once::new(),
        causes: Once::new(),
        places: Once::new(),
        place_sets: Once::new(),
        rows: Vec::new(),
    };
    let documents: Vec<CauseWords> = review.intent.iter().map(|change| document(change, links)).collect();
    review.groups.iter().for_each(|group| writer.group(group, documents.len()));
    let reasons = writer.causes.all.iter().map(|title| CauseWords { title: title.clone(), ..CauseWords::default() });
    let text = |text: &str| safe::line(text).into_owned();
    let title = |who: &Who| review.people.get(&who.key).and_then(|card| card.title.clone()).unwrap_or_else(|| "".into());
    Data {
        version: 1,
        kinds: kinds.into_iter().map(kind).collect(),
        targets: targets.iter().map(|target| text(target)).collect(),
        people: writer.people.all.iter().map(|who| (text(&who.key), text(&who.name), text(&title(who)))).collect(),
        causes: documents.into_iter().chain(reasons).collect(),
        places: writer.places.all.iter().map(|place| seen(place, links)).collect(),
        target_sets: writer.target_sets.all,
        texts: writer.texts.all,
        place_sets: writer.place_sets.all,
        rows: writer.rows,
    }
}

fn positions<T: Ord>(all: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    all.zip(0..).collect()
}

struct Writer<'a> {
    names: DisplayNames<'a>,
    kinds: BTreeMap<EffectKind, usize>,
    targets: BTreeMap<Arc<str>, usize>,
    target_sets: Once<Vec<usize>>,
    people: Once<Who>,
    texts: Once<String>,
    causes: Once<String>,
    places: Once<Place>,
    place_sets: Once<Vec<usize>>,
    rows: Vec<[i64; 13]>,
}

impl Writer<'_> {
    fn group(&mut self, group: &AtomGroup, documents: usize) {
        let targets: Vec<usize> = group.targets.iter().filter_map(|target| self.targets.get(target)).copied().collect();
        let places: Vec<usize> = group.places.iter().map(|place| self.places.at(place.clone())).collect();
        let what = Some(spoken(&words::object(group))).filter(|what| !what.is_empty());
        let values =
            matches!(group.effect, EffectKind::Changes | EffectKind::ChangesGrant | EffectKind::ChangesSignIn | EffectKind::GroupChanges);
        let sides = (values && !group.hidden).then(|| value::both(&group.before, &group.after, &self.names));
        let instead = group.instead.as_ref().map(|value| value::words(value, &self.names));
        let (before, after) = sides.unzip();
        let cause = group.cause.unwrap_or_else(|| documents + self.causes.at(words::reason_title(group)));
        let how =
            [Divergence::Adds, Divergence::Alters, Divergence::Cancels, Divergence::Releases].iter().position(|how| *how == group.how);
        let flags = i64::from(group.withheld) + 2 * i64::from(group.hidden) + 4 * i64::from(values) + 8 * i64::from(!group.held.is_empty());
        let shared = [
            i64::from(!group.of_effect),
            number(self.kinds.get(&group.effect).copied()),
            0,
            self.text(what),
            number(Some(self.target_sets.at(targets))),
            self.text(before),
            self.text(after),
            self.text(instead),
            number(Some(cause)),
            number(how),
            flags,
            0,
            number(Some(self.place_sets.at(places))),
        ];
        for line in &group.who {
            let mut row = shared;
            let along = Some(spoken(&words::along_words(&line.along, false))).filter(|along| !along.is_empty());
            let (person, along) = (number(Some(self.people.at(line.who.clone()))), self.text(along));
            let [_, _, whose, .., with, _] = &mut row;
            (*whose, *with) = (person, along);
            self.rows.push(row);
        }
    }

    fn text(&mut self, text: Option<String>) -> i64 {
        text.map_or(-1, |text| number(Some(self.texts.at(text))))
    }
}

fn number(at: Option<usize>) -> i64 {
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
}

fn spoken(sentence: &[Phrase]) -> String {
    let parts = sentence.iter().map(|span| match span {
        Phrase::Words(words) => words.to_string(),
        Phrase::Name(name) => safe::line(name).into_owned(),
        Phrase::Strong => String::new(),
    });
    parts.collect()
}

fn document(change: &DocumentChange, links: &References<'_>) -> CauseWords {
    let title = format!("{} {}", safe::line(&change.document.kind), safe::line(&change.document.name));
    let place = change.fields.iter().find_map(|field| field.place.clone()).or_else(|| words::place_of(change));
    let place = place.map(|place| seen(&place, links));
    match change.fields.as_slice() {
        [field] => CauseWords {
            title,
            field: Some(safe::line(words::field(&field.path)).into_owned()),
            was: field.before.as_deref().map(|text| safe::line(text).into_owned()),
            now: field.after.as_deref().map(|text| safe::line(text).into_owned()),
            place,
        },
        _ => CauseWords { title, place, ..CauseWords::default() },
    }
}

fn seen(place: &Place, links: &References<'_>) -> (String, u32, Option<String>) {
    (safe::line(&place.file).into_owned(), place.line, links.address(place))
}

fn kind(effect: EffectKind) -> Kind {
    let plain = |text: &str| text.replace('*', "");
    let [one, many, would] = words::say(effect).map(plain);
    let [stays, stay] = words::say_cancelled(effect).map(plain);
    let sign = match words::sign(effect, Divergence::Adds) {
        '-' => "\u{2212}",
        '+' => "+",
        '&' => "&",
        _ => "~",
    };
    Kind {
        id: word(&effect),
        one,
        many,
        would,
        stays,
        stay,
        pick: words::pick(effect),
        side: words::side(effect),
        sign,
        people: effect.is_of_people(),
    }
}
