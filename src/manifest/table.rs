//! The lookup tables of the Workspace, from the manifest itself and from CSV files beside it.
//!
//! Must never: take a broken file for an empty table, let the later of two lines win, or guess a separator: the one that shows both columns is it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use serde_json::Value as Json;

use super::kinds::{LookupTable, TableFile};
use super::paths::leads_outside;
use super::{Loaded, Outline};
use crate::diagnostic::{Diagnostic, Place, did_you_mean};
use crate::files::NamedFiles;
use crate::model::{Table, Tables, Value};

/// Largest file in bytes.
const MAX_FILE: u64 = 16 << 20;
/// Most lines or values of a table.
const MAX_ENTRIES: usize = 200_000;
/// Longest key or value in bytes.
const MAX_CELL: usize = 4096;
/// Problems that are told of one file: the rest are of the same kind.
const MAX_TOLD: usize = 20;
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Reads every table. One with a problem is there under its name, so that nothing else is told about it.
pub(super) fn read(loaded: &Loaded) -> (Tables, Vec<Diagnostic>) {
    let (mut tables, mut problems) = (Tables::new(), Vec::new());
    let Some(workspace) = &loaded.workspace else { return (tables, problems) };
    if workspace.spec.tables.is_empty() {
        return (tables, problems);
    }
    let outline = loaded.outline(&workspace.origin);
    for (name, written) in &workspace.spec.tables {
        let pointer = format!("/spec/tables/{}", escape(name));
        let entries = match written {
            LookupTable::Values(values) => from_values(values.iter(), &outline, &format!("{pointer}/values"), &mut problems),
            // The check of paths tells it, and nothing of such a file is shown.
            LookupTable::File(file) if leads_outside(loaded, &workspace.origin.base, &file.path) => Entries::new(),
            LookupTable::File(file) => {
                let place = (&loaded.files, workspace.origin.base.as_path());
                from_file(file, place, &outline, &format!("{pointer}/file"), &mut problems)
            }
        };
        let name: Arc<str> = Arc::from(name.as_str());
        tables.insert(name.clone(), Arc::new(Table { name, entries }));
    }
    (tables, problems)
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

type Entries = HashMap<Box<str>, Option<Value>>;

fn from_values<'j>(
    values: impl ExactSizeIterator<Item = (&'j String, &'j Json)>,
    outline: &Outline<'_>,
    pointer: &str,
    problems: &mut Vec<Diagnostic>,
) -> Entries {
    let mut entries = Entries::with_capacity(values.len().min(MAX_ENTRIES));
    if values.len() == 0 {
        problems.push(outline.mark(pointer, Diagnostic::error("the table is empty").hint("give it values, or take it out")));
    }
    if values.len() > MAX_ENTRIES {
        problems.push(outline.mark(pointer, Diagnostic::error(format!("the table has more than {MAX_ENTRIES} values"))));
        return entries;
    }
    for (key, value) in values {
        let place = || format!("{pointer}/{}", escape(key));
        let fits = key.len() <= MAX_CELL && value.as_str().is_none_or(|text| text.len() <= MAX_CELL);
        let problem = match value {
            Json::Array(_) | Json::Object(_) => Some("a table's value must be text, a whole number, true, false or null"),
            _ if key.trim().is_empty() => Some("a table's key is empty"),
            _ if !fits => Some("a table's key or value is longer than 4096 bytes"),
            _ if entries.contains_key(key.trim()) => Some("the key stands here twice, but for blanks around it"),
            _ => None,
        };
        match problem {
            Some(words) => problems.push(outline.mark(&place(), Diagnostic::error(words))),
            None => drop(entries.insert(key.trim().into(), Value::from_json(value))),
        }
    }
    entries
}

fn from_file(
    file: &TableFile,
    (from, base): (&NamedFiles, &Path),
    outline: &Outline<'_>,
    pointer: &str,
    problems: &mut Vec<Diagnostic>,
) -> Entries {
    let path = base.join(&file.path);
    let name = from.name(&path).into();
    match text(from, &path) {
        Ok(text) => Lines { file, name, problems, told: 0 }.read(text.trim_start_matches('\u{feff}')),
        Err(words) => {
            let message = format!("the table's file `{}` can't be read: {words}", file.path);
            problems.push(outline.mark(&format!("{pointer}/path"), Diagnostic::error(message).hint("its path counts from this manifest")));
            Entries::new()
        }
    }
}

fn text(from: &NamedFiles, path: &Path) -> Result<String, String> {
    let bytes = from.read(path, MAX_FILE).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8; save it as UTF-8".into())
}

/// One file, line by line.
struct Lines<'a> {
    file: &'a TableFile,
    name: Arc<str>,
    problems: &'a mut Vec<Diagnostic>,
    told: usize,
}

impl Lines<'_> {
    fn read(&mut self, text: &str) -> Entries {
        let mut entries = Entries::new();
        let Some((key, value, separator)) = self.header(text) else { return entries };
        let mut records = Records::new(text, separator);
        let width = records.next().map_or(0, |header| header.fields.len());
        let mut lines: HashMap<Box<str>, u32> = HashMap::new();
        for record in records {
            if record.fields.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            if lines.len() >= MAX_ENTRIES {
                self.problem(record.line, format!("the table has more than {MAX_ENTRIES} lines"), None);
                break;
            }
            if let Some(words) = record.broken(width) {
                self.problem(record.line, words, Some("is a quote or a separator missing?"));
                continue;
            }
            let cell = |at: usize| record.fields.get(at).map(|field| field.trim()).unwrap_or_default();
            self.entry(record.line, cell(key), cell(value), &mut lines, &mut entries);
        }
        if entries.is_empty() && self.told == 0 {
            self.problem(1, "the table has no line with a value".into(), None);
        }
        entries
    }

    fn entry(&mut self, line: u32, key: &str, value: &str, lines: &mut HashMap<Box<str>, u32>, entries: &mut Entries) {
        if key.is_empty() {
            return self.problem(
                line,
                format!("the column `{}` is empty here", self.file.key),
                Some("give the line a key, or take it out"),
            );
        }
        if key.len() > MAX_CELL || value.len() > MAX_CELL {
            return self.problem(line, "a key or value is longer than 4096 bytes".into(), None);
        }
        match lines.entry(key.into()) {
            Entry::Vacant(free) => drop(free.insert(line)),
            Entry::Occupied(first) => {
                let first = self.place(*first.get());
                self.problem(line, format!("`{}` stands in the column `{}` twice", shown(key), self.file.key), None);
                if let Some(told) = self.problems.last_mut().filter(|_| self.told <= MAX_TOLD) {
                    told.related.push((first, "the first one".into()));
                }
                return;
            }
        }
        if !value.is_empty() {
            entries.insert(key.into(), Some(Value::text(value)));
        }
    }

    /// Where key and value stand, and the separator that shows both.
    fn header(&mut self, text: &str) -> Option<(usize, usize, u8)> {
        let mut most: Vec<String> = Vec::new();
        for separator in SEPARATORS {
            let names = Records::new(text, separator).next().map(|header| header.fields).unwrap_or_default();
            let names: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
            let at = |wanted: &str| names.iter().position(|name| name == wanted);
            if let (Some(key), Some(value)) = (at(&self.file.key), at(&self.file.value)) {
                let twice =
                    [&self.file.key, &self.file.value].into_iter().find(|name| names.iter().filter(|known| known == name).count() > 1);
                let Some(twice) = twice else { return Some((key, value, separator)) };
                self.problem(1, format!("there are two columns `{twice}`; it is not clear which is meant"), None);
                return None;
            }
            if names.len() > most.len() {
                most = names;
            }
        }
        let missing = [&self.file.key, &self.file.value].into_iter().find(|name| !most.contains(name))?;
        if text.trim().is_empty() {
            self.problem(1, "the table's file is empty, without even a header line".into(), None);
            return None;
        }
        let shown =
            || format!("the header has {}", most.iter().take(12).map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", "));
        let hint = did_you_mean(missing, most.iter().map(String::as_str)).unwrap_or_else(shown);
        self.problem(1, format!("there is no column `{missing}`"), Some(&hint));
        None
    }

    fn place(&self, line: u32) -> Place {
        Place { file: self.name.clone(), line, column: 1 }
    }

    fn problem(&mut self, line: u32, message: String, hint: Option<&str>) {
        self.told += 1;
        if self.told > MAX_TOLD {
            return;
        }
        let diagnostic = Diagnostic::error(message).at(self.place(line), 1);
        self.problems.push(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    }
}

/// Of a cell, what a message can bear.
fn shown(cell: &str) -> String {
    cell.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(64).collect()
}

/// One line, its quoted lines included.
struct Record {
    fields: Vec<String>,
    line: u32,
    /// a quote is open at the end of the file
    open: bool,
}

impl Record {
    fn broken(&self, width: usize) -> Option<String> {
        if self.open {
            return Some("a quoted cell that starts here is not closed".into());
        }
        let found = self.fields.len();
        (found != width).then(|| format!("{found} fields, but the header has {width}"))
    }
}

/// Splits a text into records.
struct Records<'t> {
    core: Reader,
    rest: &'t str,
    line: u32,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl<'t> Records<'t> {
    fn new(text: &'t str, separator: u8) -> Self {
        let core = ReaderBuilder::new().delimiter(separator).build();
        Self { core, rest: text, line: 1, cells: vec![0; 256], ends: vec![0; 16] }
    }

    fn step_over(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        let lines = memchr::memchr_iter(b'\n', taken.as_bytes()).count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        taken
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let blank = self.rest.bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.step_over(blank);
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let (mut taken, mut written, mut ended) = (0, 0, 0);
        loop {
            let input = self.rest.as_bytes().get(taken..).unwrap_or_default();
            let (result, read, wrote, ends) = self.core.read_record(input, self.cells.get_mut(written..)?, self.ends.get_mut(ended..)?);
            (taken, written, ended) = (taken + read, written + wrote, ended + ends);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.cells.resize(self.cells.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return None,
                ReadRecordResult::Record => break,
            }
        }
        let raw = self.step_over(taken);
        // Only where the file ends can a quote stay open.
        let open = self.rest.is_empty() && memchr::memchr_iter(b'"', raw.as_bytes()).count() % 2 == 1;
        let mut start = 0;
        let cell = |end: &usize| {
            let bytes = self.cells.get(start..*end).unwrap_or_default();
            start = *end;
            String::from_utf8_lossy(bytes).into_owned()
        };
        let fields = self.ends.iter().take(ended).map(cell).collect();
        Some(Record { fields, line, open })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::{ManifestInput, load};
    use crate::files::{ALONE, FileSight};
    use crate::model::Value;

    /// What is told of a Workspace with these tables beside these files, and the tables, sorted.
    fn read(tables: &str, files: &[(&str, &str)]) -> String {
        read_written(tables, files, Duration::from_secs(10))
    }

    /// The same, where the files were written so long ago.
    fn read_written(tables: &str, files: &[(&str, &str)], ago: Duration) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
            let file = std::fs::File::options().write(true).open(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - ago).unwrap();
        }
        let text = format!(
            "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: acme}}\nspec:\n  id: acme\n  tables:\n{tables}"
        );
        let (loaded, problems) =
            load(&[ManifestInput::Text { name: "w.yaml".into(), base: folder.path().to_owned(), bytes: text.into_bytes() }]);
        let related = |(place, words): &(crate::diagnostic::Place, String)| format!("\n  {place}: {words}");
        let told = problems.iter().map(|problem| problem.to_string() + &problem.related.iter().map(related).collect::<String>());
        let entries = loaded.tables.values().map(|table| {
            let mut entries: Vec<_> = table
                .entries
                .iter()
                .map(|(key, value)| format!("{key}={}", value.as_ref().map_or("null".into(), Value::to_string)))
                .collect();
            entries.sort();
            format!("{}: {}", table.name, entries.join(", "))
        });
        let lines: Vec<String> = told.chain(entries).collect();
        for (name, _) in files {
            let sight = FileSight::of(&folder.path().join(name), SystemTime::now()).unwrap();
            assert!(sight.rest(ALONE, Duration::ZERO).is_zero(), "{name} was read while somebody may have been writing it");
        }
        lines.join("\n").replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn a_table_stands_in_the_manifest_or_beside_it() {
        let inline = "    departments: {values: {100: Engineering, \"200 \": 7, 0300: true, 400: ~, 500: 1.10}}\n";
        insta::assert_snapshot!(read(inline, &[]), @r"
        w.yaml:7:57: warning: the key `0300` is `192` to Kubernetes (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
        w.yaml:7:82: warning: `spec.tables.departments.values.500` is text here, and Kubernetes reads a number (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
        departments: 0300=true, 100=Engineering, 200=7, 400=null, 500=1.10
        ");
        let file = "    departments: {file: {path: t.csv, key: code, value: Department}}\n";
        for text in [
            "code,name,Department\n100,x,\"R&D, Berlin\"\n200,y,Sales\n300,z,\n",
            "\u{feff}Department;name;code\r\n\"R&D, Berlin\";x;100\r\n\r\n Sales ;y; 200 \r\n;z;300",
            "code\tDepartment\n100\tR&D, Berlin\n200\tSales\n\t\n",
        ] {
            assert_eq!(read(file, &[("t.csv", text)]), "departments: 100=R&D, Berlin, 200=Sales", "{text}");
        }
    }

    #[test]
    fn a_table_that_was_written_just_now_is_waited_for() {
        let file = "    t: {file: {path: t.csv, key: code, value: dept}}\n";
        assert_eq!(read_written(file, &[("t.csv", "code,dept\n1,a\n")], Duration::from_secs(1)), "t: 1=a");
    }

    #[test]
    fn what_is_wrong_with_a_table_is_told_with_its_line() {
        let inline = "    a: {values: {}}\n    b: {values: {1: [x], 2: {y: z}, \" \": w, 3: ok, \"3 \": no}}\n    c: {file: {path: gone.csv, key: a, value: b}}\n    d: {values: {1: x}, file: {path: x, key: a, value: b}}\n";
        insta::assert_snapshot!(read(inline, &[]), @r"
        w.yaml:7:9: error: the table is empty (give it values, or take it out)
        w.yaml:8:18: error: a table's value must be text, a whole number, true, false or null
        w.yaml:8:26: error: a table's value must be text, a whole number, true, false or null
        w.yaml:8:30: warning: the key `y` is `true` to Kubernetes (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
        w.yaml:8:42: error: a table's key is empty
        w.yaml:8:58: warning: `spec.tables.b.values.3 ` is text here, and Kubernetes reads true or false (write it in quotes: the same document is read by kubectl, which takes more words and digits for something else)
        w.yaml:8:58: error: the key stands here twice, but for blanks around it
        w.yaml:9:22: error: the table's file `gone.csv` can't be read: No such file or directory (os error 2) (its path counts from this manifest)
        w.yaml:10:25: error: `spec.tables.d` takes one of `values`, `file` and has another already
          w.yaml:10:9: the other one
        a: 
        b: 3=ok
        c: 
        d: 1=x
        ");
        let file = "    t: {file: {path: t.csv, key: code, value: dept}}\n";
        let told = |text: &str| read(file, &[("t.csv", text)]);
        insta::assert_snapshot!(told("code,dept\n1,a\n2,b\n\n1,c\n,d\n3\n\"4\n5\",e\n\"4\n5\",f\n"), @r"
        t.csv:5:1: error: `1` stands in the column `code` twice
          t.csv:2:1: the first one
        t.csv:6:1: error: the column `code` is empty here (give the line a key, or take it out)
        t.csv:7:1: error: 1 fields, but the header has 2 (is a quote or a separator missing?)
        t.csv:10:1: error: `4 5` stands in the column `code` twice
          t.csv:8:1: the first one
        t: 1=a, 2=b, 4
        5=e
        ");
        insta::assert_snapshot!(told("code;department\n1;a\n"), @r"
        t.csv:1:1: error: there is no column `dept` (the header has `code`, `department`)
        t:
        ");
        insta::assert_snapshot!(told("code,dept,code\n1,a,2\n"), @r"
        t.csv:1:1: error: there are two columns `code`; it is not clear which is meant
        t:
        ");
        insta::assert_snapshot!(told("code,dept\n1,a\n2,\"b\n3,c\n"), @r"
        t.csv:3:1: error: a quoted cell that starts here is not closed (is a quote or a separator missing?)
        t: 1=a
        ");
        insta::assert_snapshot!(told("code,dept\n1,\n"), @r"
        t.csv:1:1: error: the table has no line with a value
        t:
        ");
        insta::assert_snapshot!(told(" \n"), @r"
        t.csv:1:1: error: the table's file is empty, without even a header line
        t:
        ");
        insta::assert_snapshot!(read("    t: {file: {path: ., key: a, value: b}}\n", &[]), @r"
        w.yaml:7:22: error: the table's file `.` can't be read: it is no regular file but a folder (its path counts from this manifest)
        t:
        ");
    }
}
