//! Files as HR systems export them, and files as they come when something went wrong.

use std::path::Path;
use std::time::Duration;

use super::*;

/// Rows as text, one line a record, cells with bars; and the evidence.
struct Collected(Vec<String>);

impl PageSink for Collected {
    fn page(&mut self, _kind: ObjectKind, page: &Page) {
        for row in page.rows() {
            let cells: Vec<String> =
                row.cells().map(|cell| cell.to_value().map_or_else(|| "-".into(), |value| value.to_string())).collect();
            self.0.push(cells.join(" | "));
        }
    }

    fn restart(&mut self, _kind: ObjectKind) {
        self.0.clear();
    }

    fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
}

fn connection(path: &str) -> FileConnection {
    serde_json::from_value(serde_json::json!({ "path": path })).expect("a connection")
}

async fn read_with(connection: &FileConnection, folder: &Path, columns: &[&str], max_age: Option<SignedDuration>) -> (String, Evidence) {
    let reader = open_source(connection, &Surroundings::at(folder)).unwrap();
    let mut rows = Collected(Vec::new());
    let request = ReadRequest { max_age, ..ReadRequest::new(vec![(ObjectKind::Account, Columns::new(columns))]) };
    let report = reader.read(&request, &mut rows).await;
    (rows.0.join("\n"), report.of(ObjectKind::Account))
}

async fn read(name: &str, content: impl AsRef<[u8]>, columns: &[&str]) -> (String, Evidence) {
    let folder = tempfile::tempdir().expect("a folder");
    put(&folder.path().join(name), content);
    read_with(&connection(name), folder.path(), columns, None).await
}

/// Writes a file that nobody has touched for a while.
fn put(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::write(path, content).expect("a file");
    File::options().write(true).open(path).and_then(|file| file.set_modified(SystemTime::now() - Duration::from_secs(10))).expect("a file");
}

fn reason(evidence: &Evidence) -> &str {
    evidence.reason().unwrap_or("complete")
}

/// One byte a letter, as Windows writes German.
fn windows(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

const PEOPLE: &str = "id,dept\n1,Sales\n2,Legal\n";

async fn read_table(content: &str, change: impl FnOnce(&mut FileConnection)) -> (String, Evidence) {
    let folder = tempfile::tempdir().expect("a folder");
    put(&folder.path().join("hr.csv"), content);
    let mut connection = connection("hr.csv");
    change(&mut connection);
    read_with(&connection, folder.path(), &["id", "dept"], None).await
}

#[tokio::test]
async fn lines_above_the_header_and_a_total_below_are_named_and_can_be_left_out() {
    let report = format!("Report: Headcount\nRun on: Monday, 6:00\n\n{PEOPLE}Total: 2\n");
    let (rows, evidence) = read_table(&report, |_| {}).await;
    assert_eq!(rows, "");
    assert_eq!(
        reason(&evidence),
        "hr.csv: line 1 (`Report: Headcount`) is not the header, line 4 is: set `skip: 3` in `spec.connection.file` of the Source"
    );
    let (rows, evidence) = read_table(&report, |table| table.skip = 3).await;
    assert_eq!(rows, "1 | Sales\n2 | Legal");
    assert_eq!(
        reason(&evidence),
        "hr.csv: line 7: 1 fields, but the header has 2; is a quote or a separator missing? If the line (`Total: 2`) is a total below the table, set `footer: 1` in `spec.connection.file` of the Source"
    );
    let (rows, evidence) = read_table(&report, |table| (table.skip, table.footer) = (3, 1)).await;
    assert_eq!((rows.as_str(), evidence), ("1 | Sales\n2 | Legal", Evidence::Complete));
    let (_, evidence) = read_table(PEOPLE, |table| table.skip = 9).await;
    assert_eq!(reason(&evidence), "hr.csv: `skip` says 9 lines above the header, and the file has 4");
}

/// A workbook of two sheets; `Staff` has a title above the header and a total below.
fn workbook() -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("Notes").expect("a name").write_string(0, 0, "nothing here").expect("a cell");
    let sheet = book.add_worksheet().set_name("Staff").expect("a name");
    let day = rust_xlsxwriter::Format::new().set_num_format("dd.mm.yyyy");
    sheet.write_string(0, 0, "Staff of ACME").expect("a cell");
    for (column, name) in ["id", "dept", "start", "works"].into_iter().enumerate() {
        sheet.write_string(2, column as u16, name).expect("a cell");
    }
    let start = rust_xlsxwriter::ExcelDateTime::from_ymd(2024, 2, 29).expect("a day");
    sheet.write_number(3, 0, 1001.0).expect("a cell");
    sheet.write_string(3, 1, "Sales").expect("a cell");
    sheet.write_datetime_with_format(3, 2, &start, &day).expect("a cell");
    sheet.write_boolean(3, 3, true).expect("a cell");
    sheet.write_string(4, 0, "0042").expect("a cell");
    sheet.write_formula(4, 1, rust_xlsxwriter::Formula::new("=A99").set_result("#N/A")).expect("a cell");
    sheet.write_string(5, 0, "Total: 2").expect("a cell");
    book.save_to_buffer().expect("a workbook")
}

async fn read_workbook(bytes: &[u8], change: impl FnOnce(&mut FileConnection)) -> (String, Evidence) {
    let folder = tempfile::tempdir().expect("a folder");
    put(&folder.path().join("hr.xlsx"), bytes);
    let mut connection = connection("hr.xlsx");
    change(&mut connection);
    read_with(&connection, folder.path(), &["id", "dept", "start", "works"], None).await
}

#[tokio::test]
async fn a_workbook_is_read_by_sheet_with_its_numbers_and_days() {
    let book = workbook();
    let staff = |file: &mut FileConnection| (file.sheet, file.skip, file.footer) = (Some("Staff".into()), 2, 1);
    let (rows, evidence) = read_workbook(&book, staff).await;
    assert_eq!((rows.as_str(), evidence), ("1001 | Sales | 2024-02-29 | true\n0042 | - | - | -", Evidence::Complete));
    let (rows, _) = read_workbook(&book, |file| (file.sheet_number, file.skip, file.footer) = (Some(2), 2, 1)).await;
    assert_eq!(rows.lines().count(), 2);
    let words = |evidence: Evidence| reason(&evidence).to_owned();
    assert_eq!(words(read_workbook(&book, |_| {}).await.1), "hr.xlsx: has several sheets (\"Notes\", \"Staff\"): say which with `sheet`");
    assert_eq!(
        words(read_workbook(&book, |file| file.sheet = Some("People".into())).await.1),
        "hr.xlsx: has no sheet \"People\"; it has \"Notes\", \"Staff\""
    );
    let above = words(read_workbook(&book, |file| file.sheet = Some("Staff".into())).await.1);
    assert!(above.starts_with("hr.xlsx: line 1: there are no columns `id`"), "{above}");
    assert!(above.ends_with("set `skip` in `spec.connection.file` of the Source where the header is further down"), "{above}");
    assert!(words(read_workbook(PEOPLE.as_bytes(), |_| {}).await.1).starts_with("hr.xlsx: is no Excel workbook (.xlsx)"));
}

#[tokio::test]
async fn the_end_mark_of_old_systems_is_no_record_and_nothing_may_follow_it() {
    for content in [format!("{PEOPLE}\u{1a}"), format!("{PEOPLE}\u{1a}\r\n"), format!("{}\u{1a}", PEOPLE.trim_end())] {
        let (rows, evidence) = read_table(&content, |_| {}).await;
        assert_eq!((rows.as_str(), evidence), ("1 | Sales\n2 | Legal", Evidence::Complete), "{content:?}");
    }
    let (_, evidence) = read_table(&format!("{PEOPLE}\u{1a}\n3,Sales\n"), |_| {}).await;
    assert_eq!(reason(&evidence), "hr.csv: line 4: a mark for the end of the file (0x1A), and lines behind it");
}

#[tokio::test]
async fn a_header_is_read_as_people_see_it() {
    let (rows, evidence) = read("hr.csv", "Employee\u{a0}ID,De\u{301}partement\n1,Sales\n", &["Employee ID", "D\u{e9}partement"]).await;
    assert_eq!((rows.as_str(), evidence), ("1 | Sales", Evidence::Complete));
}

#[tokio::test]
async fn a_lost_letter_makes_its_cell_unreadable_with_its_line() {
    struct Words(Vec<String>);
    impl PageSink for Words {
        fn page(&mut self, _kind: ObjectKind, page: &Page) {
            self.0.extend(page.rows().map(|row| format!("{:?}", row.cell(1))));
        }

        fn restart(&mut self, _kind: ObjectKind) {
            self.0.clear();
        }

        fn gone(&mut self, _: ObjectKind, _: Gone<'_>) {}
    }
    let folder = tempfile::tempdir().expect("a folder");
    put(&folder.path().join("hr.csv"), "id,dept\n1,Sales\n2,Qualit\u{fffd}\n");
    let reader = open_source(&connection("hr.csv"), &Surroundings::at(folder.path())).unwrap();
    let mut words = Words(Vec::new());
    let request = ReadRequest::new(vec![(ObjectKind::Account, Columns::new(["id", "dept"]))]);
    assert_eq!(reader.read(&request, &mut words).await.of(ObjectKind::Account), Evidence::Complete);
    insta::assert_snapshot!(words.0.join("\n"), @r#"
    Text("Sales")
    Unreadable("line 3 of the file holds U+FFFD, the sign for a letter that was lost before headcount saw it; export it again")
    "#);
}

#[tokio::test]
async fn a_workday_export_with_quotes_and_line_breaks() {
    let export = "\u{feff}\"Employee ID\",\"Legal Name\",\"Cost Center - Name\",\"Hire Date\",\"Address\"\r\n\
        \"100341\",\"Brontë, Anne\",\"R&D \"\"North\"\"\",\"2021-03-01\",\"1 Main St\r\nYork\"\r\n\
        \"100342\",\"Ng, Li\",\"\",\"2019-11-15\",\"\"\r\n";
    let (rows, evidence) = read("workday.csv", export, &["Employee ID", "Cost Center - Name", "Address", "Legal Name"]).await;
    insta::assert_snapshot!(rows.replace('\r', ""), @r#"
    100341 | R&D "North" | 1 Main St
    York | Brontë, Anne
    100342 | - | - | Ng, Li
    "#);
    assert_eq!(evidence, Evidence::Complete);
}

#[tokio::test]
async fn a_datev_like_export_in_windows_1252_with_semicolons() {
    let export = windows(
        "Pers.-Nr.;Nachname;Vorname ;Eintritt;Kst\r\n00017;Müßig;Jörg;01.04.2019;\r\n00018;\"Groß; Söhne\";Käthe;15.10.2020;410\r\n",
    );
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("lohn.txt"), &export);
    let mut german = connection("lohn.txt");
    german.encoding = Some("windows-1252".into());
    let columns = ["Pers\\.-Nr\\.", "Nachname", "Vorname", "Eintritt"];
    let (rows, evidence) = read_with(&german, folder.path(), &columns, None).await;
    insta::assert_snapshot!(rows, @"
    00017 | Müßig | Jörg | 01.04.2019
    00018 | Groß; Söhne | Käthe | 15.10.2020
    ");
    assert_eq!(evidence, Evidence::Complete);

    german.encoding = None;
    let (_, evidence) = read_with(&german, folder.path(), &columns, None).await;
    assert_eq!(
        reason(&evidence),
        "lohn.txt: line 2: the byte 0xFC is not UTF-8; set `encoding`, such as windows-1252, in `spec.connection.file` of the Source"
    );
}

#[tokio::test]
async fn a_wrong_encoding_is_named_and_never_read_as_rubbish() {
    let folder = tempfile::tempdir().unwrap();
    for (content, encoding, words) in [
        ("id,name\n1,Jörg\n".as_bytes().to_vec(), Some("latin1"), "hr.csv: is UTF-8, but `encoding` says windows-1252: drop `encoding`"),
        (
            b"\xef\xbb\xbfid\n1\n".to_vec(),
            Some("latin1"),
            "hr.csv: begins with the mark of UTF-8, but `encoding` says windows-1252: drop `encoding`",
        ),
        (b"id\n1\n2\x81\n".to_vec(), Some("windows-1252"), "hr.csv: line 3 holds bytes that are not windows-1252; is `encoding` right?"),
        (
            b"i\0d\0\n\0".to_vec(),
            None,
            "hr.csv: holds zero bytes and is no UTF-8 text; if it is UTF-16, set `encoding: utf-16le` in `spec.connection.file` of the Source",
        ),
        (
            b"id\n".to_vec(),
            Some("utf8mb4"),
            "hr.csv: can't be read: there is no encoding \"utf8mb4\"; known are utf-8, utf-16le, windows-1252, iso-8859-15 and so on",
        ),
    ] {
        put(&folder.path().join("hr.csv"), content);
        let mut file = connection("hr.csv");
        file.encoding = encoding.map(Into::into);
        let (rows, evidence) = read_with(&file, folder.path(), &["id"], None).await;
        assert_eq!((rows.as_str(), reason(&evidence)), ("", words));
    }
}

#[tokio::test]
async fn a_wrong_encoding_is_noticed_beyond_the_first_chunk_too() {
    let folder = tempfile::tempdir().unwrap();
    let many = |last: &[u8]| [b"id,name\n".as_slice(), &b"1,somebody\n".repeat(10_000), last].concat();
    let mut file = connection("hr.csv");
    file.encoding = Some("windows-1252".into());
    put(&folder.path().join("hr.csv"), many("2,Jörg\n".as_bytes()));
    let (_, evidence) = read_with(&file, folder.path(), &["name"], None).await;
    assert_eq!(reason(&evidence), "hr.csv: is UTF-8, but `encoding` says windows-1252: drop `encoding`");
    put(&folder.path().join("hr.csv"), many(&windows("2,Jörg\n")));
    let (rows, evidence) = read_with(&file, folder.path(), &["name"], None).await;
    assert_eq!((rows.lines().last(), evidence), (Some("Jörg"), Evidence::Complete));
}

#[tokio::test]
async fn utf_16_by_its_mark_as_excel_writes_unicode_text() {
    let text = "\u{feff}Nummer\tName\r\n1\tŁukasz 😀\r\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read("hr.tsv", bytes, &["Name", "Nummer"]).await, ("Łukasz 😀 | 1".into(), Evidence::Complete));
}

#[tokio::test]
async fn separators_are_found_in_the_header_line() {
    for text in ["a;b;c,d\n1;2;3\n", "a\tb\tc,d\n1\t2\t3\n", "a|b|c,d\n1|2|3\n", "sep=;\r\na;b;c\r\n1;2;3\r\n", "\"a;;;;\",a,b\n0,1,2\n"] {
        assert_eq!(read("hr.csv", text, &["a", "b"]).await, ("1 | 2".into(), Evidence::Complete), "{text}");
    }
}

#[tokio::test]
async fn rows_that_do_not_fit_the_header_are_named_by_line_and_the_others_are_read() {
    let text = "id,name\n1,\"two\nlines\"\n2\n\n3,c,d\n4,d\n,\n";
    let (rows, evidence) = read("hr.csv", text, &["id"]).await;
    assert_eq!(rows, "1\n4");
    insta::assert_snapshot!(reason(&evidence), @"hr.csv: line 4: 1 fields, but the header has 2; is a quote or a separator missing?; line 6: 3 fields, but the header has 2; is a quote or a separator missing?");
    assert!(!evidence.proves_absence());
}

#[tokio::test]
async fn a_cut_file_is_not_a_whole_one() {
    for (name, text, words) in [
        ("hr.csv", "id,name\n1,a\n2,\"b", "hr.csv: it ends in the middle of a quoted field, in line 3: was it cut off?"),
        (
            "hr.csv",
            "id,name\n1,a\n2",
            "hr.csv: line 3: 1 fields, but the header has 2; is a quote or a separator missing? If the line (`2`) is a total below the table, set `footer: 1` in `spec.connection.file` of the Source",
        ),
        ("hr.ndjson", "{\"id\": 1}\n{\"id\": 2, \"na", "hr.ndjson: it ends in the middle of line 2: was it cut off?"),
        ("hr.ndjson", "{\"id\": 1}\n{\"id\": 2}{\n", "hr.ndjson: line 2: column 10: trailing characters"),
        (
            "hr.json",
            "[{\"id\": 1}, {\"id\": 2}",
            "hr.json: it ends in the middle of a record: was it cut off? (EOF while parsing a list at line 1 column 21)",
        ),
        ("hr.json", "[{\"id\": 1}] x", "hr.json: trailing characters at line 1 column 13"),
    ] {
        let (rows, evidence) = read(name, text, &["id"]).await;
        assert!(rows.starts_with('1'), "{name}: {rows}");
        assert_eq!(reason(&evidence), words);
        assert!(matches!(evidence, Evidence::Partial { .. }));
    }
}

#[tokio::test]
async fn a_last_line_without_a_line_end_is_whole_where_its_record_is() {
    assert_eq!(read("hr.csv", "id,name\n1,\"a\"", &["id"]).await, ("1".into(), Evidence::Complete));
    assert_eq!(read("hr.ndjson", "{\"id\": 1}", &["id"]).await, ("1".into(), Evidence::Complete));
}

#[tokio::test]
async fn headers_must_hold_what_the_rules_read_once() {
    for (text, words) in [
        ("id,Dept,dept \n1,a,b\n", "complete"),
        ("id,dept,dept\n1,a,b\n", "hr.csv: line 1: there are two columns `dept`; it is not clear which is meant"),
        ("", "hr.csv: it is empty, without even a header line"),
        ("id,dept\n", "hr.csv: it holds no record"),
    ] {
        let (_, evidence) = read("hr.csv", text, &["id", "dept"]).await;
        assert_eq!(reason(&evidence), words);
    }
    let (_, evidence) = read("hr.csv", "id,departement,\n1,a,\n", &["id", "department"]).await;
    assert!(matches!(evidence, Evidence::Unreadable { .. }));
    assert!(reason(&evidence).starts_with("hr.csv: line 1: there is no column `department`"), "{}", reason(&evidence));
    assert!(reason(&evidence).ends_with("the header has `id`, `departement`"), "{}", reason(&evidence));
}

#[tokio::test]
async fn a_column_that_went_empty_throughout_makes_the_file_unusable() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("id,dept,end\n{}", (0..25).map(|at| format!("{at},,\n")).collect::<String>());
    put(&folder.path().join("hr.csv"), text);
    let mut file = connection("hr.csv");
    file.may_be_empty = vec!["end".into()];
    let (_, evidence) = read_with(&file, folder.path(), &["id", "dept", "end"], None).await;
    assert_eq!(
        reason(&evidence),
        "hr.csv: column `dept` had no value in any of 25 records; if that is right, list it in the Source: `spec: {connection: {file: {mayBeEmpty: [\"dept\"]}}}`"
    );
    assert!(matches!(evidence, Evidence::Unreadable { .. }), "{evidence:?}");
}

#[tokio::test]
async fn json_below_a_pointer_and_json_lines_and_yaml_give_the_same_rows() {
    let columns = ["id", "name.first", "tags"];
    let expected = ("7 | Åsa | [x, 1]\n8 | - | -".to_owned(), Evidence::Complete);
    let records = r#"{"id": 7, "junk": [{}], "name": {"first": "Åsa"}, "tags": ["x", 1]}"#;
    let folder = tempfile::tempdir().unwrap();
    for (name, pointer, content) in [
        ("hr.json", None, format!("[{records}, {{\"id\": 8}}]")),
        ("hr.json", Some("/data/people"), format!("{{\"data\": {{\"n\": 2, \"people\": [{records}, {{\"id\": 8}}]}}}}")),
        ("hr.ndjson", None, format!("{records}\r\n\r\n{{\"id\": 8}}\r\n")),
        ("hr.yaml", None, "- {id: 7, junk: [{}], name: {first: Åsa}, tags: [x, 1]}\n- id: 8\n".into()),
        ("hr.yml", Some("/people"), "people:\n- id: 7\n  name:\n    first: Åsa\n  tags: [x, 1]\n- id: 8\n".into()),
    ] {
        put(&folder.path().join(name), content);
        let mut file = connection(name);
        file.records = pointer.map(Into::into);
        assert_eq!(read_with(&file, folder.path(), &columns, None).await, expected, "{name}");
    }
}

#[tokio::test]
async fn yaml_surprises_stay_what_was_written() {
    let text = "- {id: 0755, a: no, b: 1_000, c: 2026-11-22, d: true, e: null}\n";
    assert_eq!(read("hr.yaml", text, &["id", "a", "b", "c", "d", "e"]).await.0, "0755 | no | 1_000 | 2026-11-22 | true | -");
    let level = |at: char, below: char| format!("- id: &{at} [{}]\n", vec![format!("*{below}"); 9].join(", "));
    let bomb = "- id: &a [x]\n".to_owned() + &('b'..='k').zip('a'..='j').map(|(at, below)| level(at, below)).collect::<String>();
    assert!(matches!(read("hr.yaml", bomb, &["id"]).await.1, Evidence::Partial { .. }));
}

#[tokio::test]
async fn a_list_that_is_not_there_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("hr.json"), r#"{"people": []}"#);
    let mut file = connection("hr.json");
    file.records = Some("/persons".into());
    let (_, evidence) = read_with(&file, folder.path(), &["id"], None).await;
    assert_eq!(reason(&evidence), "hr.json: there is no list of records at `records: /persons`");
    file.records = None;
    let (_, evidence) = read_with(&file, folder.path(), &["id"], None).await;
    assert!(reason(&evidence).contains("`records` says where"), "{}", reason(&evidence));
}

#[tokio::test]
async fn missing_old_and_strange_files() {
    let folder = tempfile::tempdir().unwrap();
    let (_, evidence) = read_with(&connection("none.csv"), folder.path(), &["id"], None).await;
    assert!(reason(&evidence).starts_with("none.csv: can't be opened: No such file"), "{}", reason(&evidence));
    let (_, evidence) = read_with(&connection("."), folder.path(), &["id"], None).await;
    assert_eq!(reason(&evidence), ".: can't be opened: it is no regular file but a folder");
    let (_, evidence) = read("hr.xls", "x", &["id"]).await;
    assert_eq!(reason(&evidence), "hr.xls: is an old Excel file: save it as .xlsx or CSV");

    let path = folder.path().join("old.csv");
    std::fs::write(&path, "id\n1\n").unwrap();
    let day_ago = SystemTime::now() - std::time::Duration::from_secs(50 * 3600);
    File::options().write(true).open(&path).unwrap().set_modified(day_ago).unwrap();
    let (rows, evidence) = read_with(&connection("old.csv"), folder.path(), &["id"], Some(SignedDuration::from_hours(36))).await;
    assert_eq!((rows.as_str(), reason(&evidence)), ("1", "old.csv: it was written 50h ago, and `maxAge` is 36h: did the export stop?"));
}

#[tokio::test]
async fn an_open_quote_does_not_swallow_the_memory() {
    let text = format!("id,name\n1,\"{}\n", "x,\n".repeat(600_000));
    let (_, evidence) = read("hr.csv", text, &["id"]).await;
    assert!(reason(&evidence).contains("a record is longer than 1 MiB; is a quote not closed?"), "{}", reason(&evidence));
}

#[tokio::test]
async fn many_records_come_in_pages_and_in_order() {
    let text: String = (0..20_000).map(|at| format!("{{\"id\": {at}, \"name\": \"somebody with the number {at}\"}}\n")).collect();
    let (rows, evidence) = read("hr.ndjson", text, &["name", "id"]).await;
    assert_eq!(evidence, Evidence::Complete);
    assert_eq!(rows.lines().count(), 20_000);
    assert!(rows.lines().enumerate().all(|(at, row)| row.ends_with(&format!(" | {at}"))));
}

#[tokio::test]
async fn a_lookup_scans_and_keeps_only_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("hr.csv"), "id,name\n1,a\n2,b\n");
    let reader = open_source(&connection("hr.csv"), &Surroundings::at(folder.path())).unwrap();
    let ask = |value: &str| LookupRequest::new(ObjectKind::Account, Columns::new(["name"]), "id", value);
    let names = |page: Page| page.rows().map(|row| row.cell(0).as_text().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(reader.lookup(&ask("2")).await.unwrap()), ["b"]);
    assert!(names(reader.lookup(&ask("3")).await.unwrap()).is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_is_put_in_the_file_s_place_later_leads_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("ws"), folder.path().join("other.csv"));
    std::fs::create_dir(&inside).unwrap();
    put(&inside.join("hr.csv"), "id\n1\n");
    put(&inside.join("older.csv"), "id\n1\n");
    put(&outside, "id\nsecret\n");
    let surroundings = Surroundings::at(&inside).with(&files::NamedFiles::default().within([inside.clone()]));
    let opened = || open_source(&connection("hr.csv"), &surroundings).map(drop).map_err(|error| error.to_string());
    assert_eq!(opened(), Ok(()));
    let link = |to: &Path| {
        std::fs::remove_file(inside.join("hr.csv")).unwrap();
        std::os::unix::fs::symlink(to, inside.join("hr.csv")).unwrap();
    };
    link(&inside.join("older.csv"));
    assert_eq!(opened(), Ok(()), "what lies in the workspace may be read by any name");
    link(&outside);
    assert!(opened().unwrap_err().contains("it leads out of the workspace, by a link that was not there"), "{:?}", opened());
}
