//! What each column of a table of people is, by its name and its values.
//!
//! Must never: take a column whose values contradict its name, settle a date that can be read two ways, or take an address for a key where
//! anything else is one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::words;
use crate::connector::file::Found;
use crate::expr::{plain as latin, reads_date};

/// Words that stand in the place of a date may be so many different ones.
const FEW_WORDS: usize = 3;
/// A status has no more values than that.
const FEW_VALUES: usize = 12;

/// What a table is taken for.
#[derive(Debug, Default)]
pub(super) struct Guess {
    /// the column of the key, as an expression
    pub(super) key: String,
    /// a rule for each attribute that a column gives
    pub(super) rules: Vec<Rule>,
    /// from when to when a row holds, as expressions, where a key has several
    pub(super) valid: Option<(String, String)>,
    /// who has left, as an expression
    pub(super) leaver: Option<String>,
    /// who is away, as an expression
    pub(super) suspended: Option<String>,
    /// columns in use that have no value in any row
    pub(super) may_be_empty: Vec<String>,
    /// columns that no rule reads, each with the reason
    pub(super) unused: Vec<(String, String)>,
    /// what somebody should look at
    pub(super) doubts: Vec<String>,
    /// the columns that are read, with what for
    pub(super) used: Vec<(String, &'static str)>,
}

/// A rule of the mapping.
#[derive(Debug, Default)]
pub(super) struct Rule {
    pub(super) attribute: &'static str,
    pub(super) value: String,
    pub(super) unique: bool,
    /// the attribute by which the value names another record
    pub(super) by: Option<&'static str>,
}

/// Takes the table for what it looks like. The error says what is missing.
pub(super) fn guess(found: &Found) -> Result<Guess, String> {
    let mut table = Table::of(found);
    let mut guess = Guess::default();
    let key = table.key(&mut guess)?;
    let mail = table.mail();
    table.name(&mut guess, mail);
    if let Some(at) = mail {
        let value = format!("lower({})", table.text_of(at));
        table.rule(&mut guess, at, "emails", value);
    }
    for (attribute, names) in words::PLAIN {
        if let Some(at) = table.find(names, |column| column.filled > 0) {
            let value = table.reference(at);
            table.rule(&mut guess, at, attribute, value);
        }
    }
    table.manager(&mut guess, key, mail);
    table.phones(&mut guess);
    table.days(&mut guess);
    table.status(&mut guess);
    table.rest(&mut guess);
    Ok(guess)
}

/// One column.
struct Column {
    name: String,
    plain: String,
    filled: usize,
    unique: bool,
    /// its different values, where they are not too many
    values: BTreeSet<String>,
    /// nameless, or of a name that stands twice
    useless: Option<&'static str>,
    taken: bool,
}

struct Table<'f> {
    found: &'f Found,
    columns: Vec<Column>,
    german: bool,
    /// whether dates have the day first, where that is known
    day_first: Option<bool>,
}

impl<'f> Table<'f> {
    fn of(found: &'f Found) -> Self {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        found.header.iter().for_each(|name| *names.entry(name).or_default() += 1);
        let columns: Vec<Column> = found
            .header
            .iter()
            .enumerate()
            .map(|(at, name)| Column::of(found, at, name, names.get(name.as_str()).copied().unwrap_or(1)))
            .collect();
        let says = |words: &[&str]| columns.iter().any(|column| words.iter().any(|word| column.plain.contains(word)));
        let (german, other) = (says(words::GERMAN), says(words::DAY_FIRST));
        let mut table = Self { found, columns, german, day_first: None };
        table.day_first = table.order_of_days().or_else(|| (german || other).then_some(true));
        table
    }

    fn values(&self, at: usize) -> impl Iterator<Item = &'f str> {
        self.found.rows.iter().filter_map(move |row| row.get(at)).map(String::as_str).filter(|cell| !cell.is_empty())
    }

    /// How an expression reads the column.
    fn reference(&self, at: usize) -> String {
        let name = self.columns.get(at).map_or("", |column| column.name.as_str());
        let begins = |sign: char| sign.is_ascii_alphabetic() || sign == '_';
        let is_plain = name.starts_with(begins) && name.chars().all(|sign| begins(sign) || sign.is_ascii_digit());
        if is_plain && !RESERVED.contains(&name) { format!("record.{name}") } else { format!("record[{}]", text(name)) }
    }

    /// The same as a text: in a workbook a cell may be a number, or true.
    fn text_of(&self, at: usize) -> String {
        let reference = self.reference(at);
        if self.found.workbook { format!("string({reference})") } else { reference }
    }

    /// The column that is called so: exactly before in part, and the first words of the list before the last.
    fn find(&self, names: &[&str], fits: impl Fn(&Column) -> bool) -> Option<usize> {
        let free = |at: &usize| self.columns.get(*at).is_some_and(|column| !column.taken && column.useless.is_none() && fits(column));
        let all = || (0..self.columns.len()).filter(free);
        let plain = |at: &usize| self.columns.get(*at).map_or("", |column| column.plain.as_str());
        let exact = names.iter().find_map(|name| all().find(|at| plain(at) == *name));
        // Somebody else's name or address stands beside a person's own.
        let others = |at: &usize| words::MANAGER.iter().any(|word| plain(at).contains(word));
        let part = || {
            names
                .iter()
                .filter(|name| name.len() > 5)
                .find_map(|name| all().find(|at| plain(at).contains(name) && (names == words::MANAGER || !others(at))))
        };
        exact.or_else(part)
    }

    fn take(&mut self, guess: &mut Guess, at: usize, what: &'static str) {
        if let Some(column) = self.columns.get_mut(at) {
            column.taken = true;
            guess.used.push((column.name.clone(), what));
            if column.filled == 0 {
                guess.may_be_empty.push(column.name.clone());
            }
        }
    }

    fn rule(&mut self, guess: &mut Guess, at: usize, attribute: &'static str, value: String) {
        self.take(guess, at, attribute);
        guess.rules.push(Rule { attribute, value, ..Rule::default() });
    }

    fn key(&mut self, guess: &mut Guess) -> Result<usize, String> {
        let rows = self.found.rows.len();
        let whole = |column: &Column| column.unique && column.filled == rows;
        let named = self.find(words::KEY, |column| column.filled > 0);
        if let Some(at) = named.filter(|at| self.columns.get(*at).is_some_and(|column| !whole(column))) {
            if let Some((from, to)) = self.periods(at) {
                guess.valid = Some((self.day(from), self.day(to)));
                self.take(guess, from, "valid");
                self.take(guess, to, "valid");
                guess.key = self.reference(at);
                guess.rules.push(Rule { attribute: "employeeNumber", value: guess.key.clone(), ..Rule::default() });
                self.take(guess, at, "key");
                return Ok(at);
            }
            guess
                .doubts
                .push(format!("`{}` is called like a key, but is empty or the same in several records, so it is none", self.name_of(at)));
        }
        let numbered = || {
            let is_code = |at: &usize| {
                self.values(*at).all(|cell| cell.bytes().any(|byte| byte.is_ascii_digit()) && !cell.contains(['@', ' ']) && !is_date(cell))
            };
            (0..self.columns.len())
                .filter(|at| self.columns.get(*at).is_some_and(|column| whole(column) && column.useless.is_none()))
                .find(is_code)
        };
        let address = || {
            (0..self.columns.len())
                .find(|at| self.columns.get(*at).is_some_and(|column| whole(column) && column.useless.is_none()) && self.is_mail(*at))
        };
        let (at, doubt) = match self.find(words::KEY, whole).or_else(numbered) {
            Some(at) => (at, None),
            None => match (self.find(words::LOGIN, whole), address()) {
                (Some(at), _) => (at, Some("is the key, since there is no number that each person has: whoever gets another one counts as somebody else")),
                (None, Some(at)) => (at, Some("is the key, since there is no number that each person has: whoever marries counts as somebody else. Ask for a number in the export")),
                (None, None) => return Err("has no column that is never empty and different in every record; a Source needs one as its key, such as the employee number".into()),
            },
        };
        if let Some(doubt) = doubt {
            guess.doubts.push(format!("`{}` {doubt}", self.name_of(at)));
        }
        guess.key = self.reference(at);
        if doubt.is_none() {
            guess.rules.push(Rule { attribute: "employeeNumber", value: guess.key.clone(), ..Rule::default() });
            self.take(guess, at, "key");
        } else {
            guess.used.push((self.name_of(at), "key"));
        }
        Ok(at)
    }

    /// The columns that say from when to when a row holds, where a key has several: no two of one key begin on the same day.
    fn periods(&self, key: usize) -> Option<(usize, usize)> {
        let dated = |names: &[&str]| {
            self.find(names, |column| column.filled > 0)
                .filter(|at| matches!(self.date(*at), Days::Read { ref others, .. } if others.is_empty()))
        };
        let (from, to) = (dated(words::VALID_FROM)?, dated(words::VALID_TO)?);
        let mut seen = HashSet::new();
        let begins = |row: &Vec<String>| Some((row.get(key)?.clone(), row.get(from)?.clone()));
        let whole = self.columns.get(key).is_some_and(|column| column.filled == self.found.rows.len());
        (whole && from != to && self.found.rows.iter().all(|row| begins(row).is_some_and(|begin| seen.insert(begin)))).then_some((from, to))
    }

    /// How a day is read.
    fn day(&self, at: usize) -> String {
        let format = match self.date(at) {
            Days::Read { format: Some(format), .. } => format!(", \"{format}\""),
            _ => String::new(),
        };
        format!("date({}{format})", self.reference(at))
    }

    fn name_of(&self, at: usize) -> String {
        self.columns.get(at).map(|column| column.name.clone()).unwrap_or_default()
    }

    fn is_mail(&self, at: usize) -> bool {
        let (mut all, mut mails) = (0, 0);
        for cell in self.values(at) {
            all += 1;
            mails += usize::from(cell.split_once('@').is_some_and(|(_, host)| host.contains('.') && !cell.contains(' ')));
        }
        all > 0 && mails * 10 >= all * 9
    }

    /// The address at work; a private one is nobody's business.
    fn mail(&self) -> Option<usize> {
        let says =
            |at: &usize, words: &[&str]| self.columns.get(*at).is_some_and(|column| words.iter().any(|word| column.plain.contains(word)));
        let mails: Vec<usize> = (0..self.columns.len())
            .filter(|at| self.columns.get(*at).is_some_and(|column| !column.taken && column.useless.is_none()))
            .filter(|at| self.is_mail(*at) && !says(at, words::PRIVATE))
            .collect();
        mails.iter().find(|at| says(at, words::WORK)).or(mails.first()).copied()
    }

    /// The user name and the names of a person.
    fn name(&mut self, guess: &mut Guess, mail: Option<usize>) {
        let rows = self.found.rows.len();
        let has_text = |column: &Column| column.filled > 0 && !column.values.iter().any(|value| value.contains('@'));
        let login = self.find(words::LOGIN, |column| column.unique && column.filled == rows);
        // Where there are given names, "Name", "Nom" and "Apellidos" are family names; where not, they are whole ones.
        let family =
            |table: &Self, given: usize| table.find(words::FAMILY, |column| has_text(column) && column.name != table.name_of(given));
        let two = self.find(words::GIVEN, has_text).and_then(|given| Some((given, family(self, given)?)));
        let handle = |of: &str| if self.german { format!("handle({of}, \"de\")") } else { format!("handle({of})") };
        let (user_name, unique) = if let Some((given, family)) = two {
            let (first, last) = (self.reference(given), self.reference(family));
            let handles = format!("join([{}, {}], \".\")", handle(&first), handle(&last));
            self.rule(guess, given, "name.givenName", first.clone());
            self.rule(guess, family, "name.familyName", last.clone());
            guess.rules.push(Rule { attribute: "displayName", value: format!("join([{first}, {last}], \" \")"), ..Rule::default() });
            (handles, true)
        } else if let Some(full) = self.find(words::FULL, has_text) {
            let whole = self.reference(full);
            let commas = self.values(full).filter(|cell| cell.contains(',')).count() * 2 > self.values(full).count();
            let sign = if commas { "\",\"" } else { "\" \"" };
            // Somebody who has one name has no second one.
            let (begin, end) = (format!("first(split({whole}, {sign}))"), format!("last(split({whole}, {sign}))"));
            let end = format!("{whole}.contains({sign}) ? {end} : null");
            let (first, last) = if commas { (end, begin) } else { (begin, end) };
            let shown = if commas { format!("join([trim({first}), trim({last})], \" \")") } else { whole };
            let handles = format!("join([{}, {}], \".\")", handle(&first), handle(&last));
            self.rule(guess, full, "displayName", shown);
            guess.rules.push(Rule { attribute: "name.givenName", value: format!("trim({first})"), ..Rule::default() });
            guess.rules.push(Rule { attribute: "name.familyName", value: format!("trim({last})"), ..Rule::default() });
            (handles, true)
        } else if let Some(at) = mail {
            (format!("lower({})", self.text_of(at)), true)
        } else {
            guess.doubts.push("there is no column of names, so the key is the user name".into());
            (format!("string({})", guess.key), false)
        };
        let rule = match login {
            Some(at) => {
                let value = self.reference(at);
                self.take(guess, at, "userName");
                Rule { attribute: "userName", value, ..Rule::default() }
            }
            None => Rule { attribute: "userName", value: user_name, unique, ..Rule::default() },
        };
        guess.rules.insert(0, rule);
    }

    /// Telephone numbers at work: a private one is nobody's business.
    fn phones(&mut self, guess: &mut Guess) {
        let is_number = |cell: &str| {
            let digits = cell.bytes().filter(u8::is_ascii_digit).count();
            digits >= 3 && digits * 2 >= cell.chars().count() && cell.chars().all(|sign| !sign.is_alphabetic() || sign == 'x')
        };
        let mut numbers: Vec<String> = Vec::new();
        for (kind, names) in words::PHONES {
            let private = |column: &Column| words::PRIVATE.iter().any(|word| column.plain.contains(word));
            let Some(at) = self.find(names, |column| column.filled > 0 && !private(column)) else { continue };
            if !self.values(at).all(is_number) {
                continue;
            }
            numbers.push(format!("{{\"value\": {}, \"type\": \"{kind}\"}}", self.text_of(at)));
            self.take(guess, at, "phoneNumbers");
        }
        if !numbers.is_empty() {
            guess.rules.push(Rule { attribute: "phoneNumbers", value: format!("[{}]", numbers.join(", ")), ..Rule::default() });
        }
    }

    /// A manager is another record's key or, where that is what the column holds, its address; a name would name nobody for sure.
    fn manager(&mut self, guess: &mut Guess, key: usize, mail: Option<usize>) {
        let keys: HashSet<&str> = self.values(key).collect();
        let Some(at) = self.find(words::MANAGER, |column| column.filled > 0) else { return };
        if self.values(at).all(|cell| keys.contains(cell)) {
            let value = self.reference(at);
            return self.rule(guess, at, "manager", value);
        }
        if let Some(mail) = mail.filter(|mail| self.names_by(at, *mail, key)) {
            let (value, by) = (format!("lower({})", self.text_of(at)), self.name_of(mail));
            self.take(guess, at, "manager");
            guess.rules.push(Rule { attribute: "manager", value, by: Some("emails"), ..Rule::default() });
            let strangers = self.strangers(at, mail, key);
            if strangers > 0 {
                let many = if strangers == 1 { "1 address is".to_owned() } else { format!("{strangers} addresses are") };
                guess.doubts.push(format!(
                    "`{}` names managers by `{by}`, and {many} nobody's or several people's in the file: those managers stay unknown",
                    self.name_of(at)
                ));
            }
            return;
        }
        let name = |at: usize| self.columns.get(at).map_or("", |column| column.name.as_str());
        guess.doubts.push(format!(
            "a manager must be the key (`{}`) or the address of another record, and `{}` holds something else: no manager is read. Have the export hold one of them, and add a rule for `manager`",
            name(key),
            name(at)
        ));
    }

    /// Whether a column holds addresses, most of which are one person's.
    fn names_by(&self, at: usize, mail: usize, key: usize) -> bool {
        let all: HashSet<String> = self.values(at).map(str::to_lowercase).collect();
        at != mail && self.is_mail(at) && self.strangers(at, mail, key) * 2 < all.len()
    }

    /// How many addresses of a column are nobody's, or several people's.
    fn strangers(&self, at: usize, mail: usize, key: usize) -> usize {
        let mut holders: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for row in &self.found.rows {
            let (Some(cell), Some(key)) = (row.get(mail).filter(|cell| !cell.is_empty()), row.get(key)) else { continue };
            holders.entry(cell.to_lowercase()).or_default().insert(key);
        }
        let named: HashSet<String> = self.values(at).map(str::to_lowercase).collect();
        named.iter().filter(|name| holders.get(*name).is_none_or(|keys| keys.len() != 1)).count()
    }

    fn days(&mut self, guess: &mut Guess) {
        let mut usual = None;
        for (attribute, names) in [("startDate", words::START), ("endDate", words::END)] {
            let Some(at) = self.find(names, |_| true) else { continue };
            let reference = self.reference(at);
            match self.date(at) {
                Days::Read { format, others } => {
                    // A column without a value is written like the one before it.
                    let empty = self.columns.get(at).is_some_and(|column| column.filled == 0);
                    let format = if empty { usual } else { format };
                    usual = format;
                    let format = format.map(|format| format!(", \"{format}\"")).unwrap_or_default();
                    let date = format!("date({reference}{format})");
                    let words: Vec<String> = others.iter().map(|word| text(word)).collect();
                    let value = if words.is_empty() { date } else { format!("{reference} in [{}] ? null : {date}", words.join(", ")) };
                    self.rule(guess, at, attribute, value);
                }
                Days::TwoWays(example) => guess.doubts.push(format!(
                    "`{}` is not read, since {example} can be read two ways; add `{{attribute: {attribute}, value: 'date({reference}, \"d/M/yyyy\")'}}`, or with \"M/d/yyyy\"",
                    self.name_of(at)
                )),
                Days::None => guess.doubts.push(format!("`{}` is called like a date, but holds none that can be read, so no {attribute} comes of it", self.name_of(at))),
            }
        }
    }

    /// How the dates of a column are written.
    fn date(&self, at: usize) -> Days {
        let cells: Vec<&str> = self.values(at).collect();
        let is_word = |cell: &&str| !cell.bytes().any(|byte| byte.is_ascii_digit());
        let others: BTreeSet<&str> = cells.iter().copied().filter(is_word).filter(|cell| !reads_date(None, cell)).collect();
        let dates: Vec<&str> = cells.iter().copied().filter(|cell| !others.contains(cell)).collect();
        let read = |format: Option<&'static str>| dates.iter().all(|cell| reads_date(format, cell));
        let others: Vec<String> = others.iter().map(|word| (*word).to_owned()).collect();
        if others.len() > FEW_WORDS || (dates.is_empty() && !cells.is_empty()) {
            return Days::None;
        }
        if read(None) {
            return Days::Read { format: None, others };
        }
        for (day_first, month_first) in ORDERS {
            match (read(Some(day_first)), read(Some(month_first)), self.day_first) {
                (true, true, None) => return Days::TwoWays(dates.first().copied().unwrap_or_default().to_owned()),
                (true, true, Some(false)) | (false, true, _) => return Days::Read { format: Some(month_first), others },
                (true, ..) => return Days::Read { format: Some(day_first), others },
                (false, false, _) => {}
            }
        }
        let excel = dates.iter().all(|cell| cell.len() == 5 && cell.bytes().all(|byte| byte.is_ascii_digit()));
        match FORMATS.iter().find(|format| (**format != "excel" || excel) && read(Some(format))) {
            Some(format) => Days::Read { format: Some(format), others },
            None => Days::None,
        }
    }

    /// What a column tells in which there is only one way, whatever it holds.
    fn order_of_days(&self) -> Option<bool> {
        (0..self.columns.len()).find_map(|at| {
            let mut cells = self.values(at).peekable();
            cells.peek()?;
            let cells: Vec<&str> = cells.collect();
            let read = |format: &str| cells.iter().all(|cell| reads_date(Some(format), cell));
            ORDERS.iter().find_map(|(day_first, month_first)| match (read(day_first), read(month_first)) {
                (true, false) => Some(true),
                (false, true) => Some(false),
                _ => None,
            })
        })
    }

    fn status(&mut self, guess: &mut Guess) {
        let Some(at) = self.find(words::STATUS, |column| column.filled > 0 && column.values.len() <= FEW_VALUES) else { return };
        let Some(column) = self.columns.get(at) else { return };
        let called_here = words::HERE.contains(&column.plain.as_str()) || matches!(column.plain.as_str(), "isactive" | "enabled");
        let of = |words: &[&str]| -> Vec<String> {
            column.values.iter().filter(|value| words.contains(&plain(value).as_str())).map(|value| value.to_lowercase()).collect()
        };
        let mut gone = of(words::GONE);
        if called_here {
            gone.extend(of(words::NO));
        }
        let away = of(words::AWAY);
        let known = |value: &&String| {
            let plain = plain(value);
            let word = plain.as_str();
            gone.contains(&value.to_lowercase())
                || away.contains(&value.to_lowercase())
                || words::HERE.contains(&word)
                || (called_here && words::YES.contains(&word))
        };
        let unknown: Vec<String> = column.values.iter().filter(|value| !known(value)).map(|value| format!("`{value}`")).collect();
        let name = column.name.clone();
        let one_of = |values: &[String]| {
            (!values.is_empty()).then(|| {
                format!("lower({}) in [{}]", self.text_of(at), values.iter().map(|value| text(value)).collect::<Vec<_>>().join(", "))
            })
        };
        (guess.leaver, guess.suspended) = (one_of(&gone), one_of(&away));
        if !unknown.is_empty() {
            guess.doubts.push(format!(
                "`{name}` says {} of some, which is taken for being here; say in `lifecycle` where it means leaving",
                unknown.join(", ")
            ));
        }
        if guess.leaver.is_some() || guess.suspended.is_some() {
            self.take(guess, at, "status");
        }
    }

    fn rest(&self, guess: &mut Guess) {
        let read: BTreeSet<&str> = guess.used.iter().map(|(name, _)| name.as_str()).collect();
        let unused = self.columns.iter().filter(|column| !read.contains(column.name.as_str()) || column.useless.is_some());
        let mut named = BTreeSet::new();
        for column in unused.filter(|column| !column.name.is_empty() && named.insert(&column.name)) {
            let why = column.useless.unwrap_or(if column.filled == 0 { "is empty" } else { "" });
            guess.unused.push((column.name.clone(), why.to_owned()));
        }
    }
}

impl Column {
    fn of(found: &Found, at: usize, name: &str, times: usize) -> Self {
        let (mut filled, mut unique) = (0, true);
        let mut seen = HashSet::new();
        for cell in found.rows.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty()) {
            filled += 1;
            unique &= seen.insert(cell.to_lowercase());
        }
        let cells = found.rows.iter().filter_map(|row| row.get(at)).filter(|cell| !cell.is_empty());
        let mut values = BTreeSet::new();
        for cell in cells {
            if values.len() > FEW_VALUES {
                break;
            }
            values.insert(cell.clone());
        }
        let useless = match (name.is_empty(), times) {
            (true, _) => Some("has no name"),
            (false, 1) => None,
            (false, _) => Some("stands twice, so nobody knows which is meant"),
        };
        Self { name: name.to_owned(), plain: plain(name), filled, unique, values, useless, taken: false }
    }
}

/// How the dates of a column are written.
enum Days {
    Read { format: Option<&'static str>, others: Vec<String> },
    TwoWays(String),
    None,
}

/// The same numbers with the day first and with the month first.
const ORDERS: &[(&str, &str)] = &[("d/M/yyyy", "M/d/yyyy"), ("d/M/yy", "M/d/yy"), ("d-M-yyyy", "M-d-yyyy"), ("d-M-yy", "M-d-yy")];
const FORMATS: &[&str] = &["d.M.yy", "d-MMM-yyyy", "d-MMM-yy", "excel"];
/// Words of CEL that no field can be called by.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

fn is_date(cell: &str) -> bool {
    cell.contains(['-', '/', '.'])
        && (reads_date(None, cell)
            || ORDERS.iter().any(|(day_first, month_first)| reads_date(Some(day_first), cell) || reads_date(Some(month_first), cell)))
}

/// A text in an expression.
fn text(words: &str) -> String {
    format!("\"{}\"", words.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Letters and digits alone, so that `E-Mail`, `e_mail` and `Email` are one.
fn plain(words: &str) -> String {
    latin(words).chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}
