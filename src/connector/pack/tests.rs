//! What packing takes, skips and refuses.

use super::*;
use crate::model::Cell;

fn pack(paths: &[&str], json: &str) -> Result<Page, String> {
    let columns = Columns::new(paths);
    let mut page = Page::new(columns.clone());
    Packer::new(&columns).json(json, &mut page).map_err(|error| error.to_string())?;
    Ok(page)
}

fn cells(page: &Page) -> Vec<Cell<'_>> {
    page.rows().next().expect("one row").cells().collect()
}

#[test]
fn wanted_paths_become_cells_in_column_order_whatever_the_order_of_the_record() {
    let paths = ["name.givenName", "id", "emails", "left", "Emp\\. No", "gone", "active", "rate", "name"];
    let json = r#"{"id": 7, "junk": {"id": [1, {"x": null}]}, "active": true, "rate": 1.5, "left": null, "Emp. No": "0042",
        "emails": [{"value": "a\"b\u0007ü", "primary": true}, {"n": 1}], "name": {"familyName": "Ø", "givenName": "Åsa"}}"#;
    let page = pack(&paths, json).unwrap();
    let expected = [
        Cell::Text("Åsa"),
        Cell::Int(7),
        Cell::json(r#"[{"value":"a\"b\u0007ü","primary":true},{"n":1}]"#),
        Cell::Null,
        Cell::Text("0042"),
        Cell::Missing,
        Cell::Bool(true),
        Cell::Text("1.5"),
        Cell::json(r#"{"familyName":"Ø","givenName":"Åsa"}"#),
    ];
    assert_eq!(cells(&page), expected);
}

#[test]
fn a_path_that_leads_through_something_else_is_missing() {
    let page = pack(&["a.b", "c.d"], r#"{"a": [{"b": 1}], "c": null}"#).unwrap();
    assert_eq!(cells(&page), [Cell::Missing, Cell::Missing]);
}

#[test]
fn the_same_path_twice_fills_both_columns() {
    assert_eq!(cells(&pack(&["a", "a"], r#"{"a": 1}"#).unwrap()), [Cell::Int(1), Cell::Int(1)]);
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    for (json, words) in [
        (r#"{"id": 1, "id": 2}"#, "\"id\" stands twice"),
        (r#"{"list": [{"a": 1, "a": 2}]}"#, "\"a\" stands twice"),
        (r#"{"id": 123456789012345678901234567890}"#, "too large"),
        (r#"{"id": 1} {"id": 2}"#, "trailing"),
        (r#"[1]"#, "a record"),
        (r#"{"id": 1"#, "EOF"),
    ] {
        let error = pack(&["id", "list"], json).unwrap_err();
        assert!(error.contains(words), "{json}: {error}");
    }
}

#[test]
fn a_wide_map_is_taken_and_its_doubled_key_is_not() {
    let fields: Vec<String> = (0..40).map(|at| format!("\"k{at}\":{at}")).collect();
    let map = |more: &str| format!("{{\"a\":{{{}{more}}}}}", fields.join(","));
    let page = pack(&["a"], &map("")).unwrap();
    assert_eq!(cells(&page), [Cell::json(&format!("{{{}}}", fields.join(",")))]);
    for doubled in ["k3", "k35"] {
        let error = pack(&["a"], &map(&format!(",\"{doubled}\":0"))).unwrap_err();
        assert!(error.contains(&format!("the key \"{doubled}\" stands twice")), "{error}");
    }
    assert_eq!(cells(&pack(&["a"], r#"{"a": {}}"#).unwrap()), [Cell::json("{}")]);
}

#[test]
fn depth_is_bounded() {
    let json = format!(r#"{{"list": {}{}}}"#, "[".repeat(100), "]".repeat(100));
    assert!(pack(&["list"], &json).unwrap_err().contains("nested deeper"));
}

#[test]
fn a_big_whole_number_keeps_every_digit() {
    assert_eq!(cells(&pack(&["id"], r#"{"id": 18446744073709551615}"#).unwrap()), [Cell::Text("18446744073709551615")]);
}

#[test]
fn values_in_memory_pack_alike() {
    let columns = Columns::new(["name.givenName", "id", "tags"]);
    let mut page = Page::new(columns.clone());
    let json = serde_json::json!({"id": 1, "tags": ["a"], "name": {"givenName": "Ann"}});
    let Some(Value::Map(record)) = Value::from_json(&json) else { panic!("a map") };
    Packer::new(&columns).map(&record, &mut page);
    assert_eq!(cells(&page), [Cell::Text("Ann"), Cell::Int(1), Cell::json(r#"["a"]"#)]);
}

/// What the short way takes; nothing where it leaves the record to serde_json.
fn plain(paths: &[&str], json: &str) -> Option<Page> {
    let columns = Columns::new(paths);
    let (mut page, mut packer) = (Page::new(columns.clone()), Packer::new(&columns));
    packer.plain.read(json, &packer.root, &mut packer.scratch).then(|| packer.write(json, &mut page))?;
    Some(page)
}

/// What serde_json makes of it.
fn by_serde(paths: &[&str], json: &str) -> Result<Page, String> {
    let columns = Columns::new(paths);
    let (mut page, mut packer) = (Page::new(columns.clone()), Packer::new(&columns));
    let mut deserializer = serde_json::Deserializer::from_str(json);
    packer.seed(&mut page).deserialize(&mut deserializer).and_then(|()| deserializer.end()).map_err(|error| error.to_string())?;
    Ok(page)
}

const PATHS: [&str; 8] = ["id", "name.givenName", "emails", "active", "left", "level", "name.familyName", "manager"];
const RECORD: &str = r#"{"id":"0042","junk":{"id":[1,{"x":null}],"r":-0.5,"v":"W/\"1\u00fc\""},"name":{"givenName":"Åsa","familyName":"Ø"},"active":true,"left":null,"level":-7,"emails":[{"value":"a@b.example","primary":true},{"n":10}],"manager":{"value":"7","$ref":{}}}"#;

#[test]
fn a_plain_record_is_read_in_the_short_way_whatever_its_blanks() {
    let spaced = RECORD.replace(':', " :\t").replace(',', " , ").replace('{', "{ ").replace('}', " }\n");
    for json in [RECORD, &spaced, "{}", " { } "] {
        let expected = by_serde(&PATHS, json).unwrap();
        assert_eq!(plain(&PATHS, json).map(|page| format!("{page:?}")), Some(format!("{expected:?}")), "{json}");
    }
}

#[test]
fn the_short_way_takes_nothing_that_serde_json_refuses_or_takes_otherwise() {
    let signs = [
        "\"",
        "\\",
        "\\u00fc",
        "\\t",
        "\t",
        "\u{1}",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "0",
        "-",
        ".",
        "e",
        "1",
        "ü",
        "null",
        "\"id\":1,",
        "9999999999999999999",
        "{\"a\":1,\"a\":2}",
        "",
    ];
    let mut taken = 0;
    for at in (0..=RECORD.len()).filter(|at| RECORD.is_char_boundary(*at)) {
        let (before, after) = RECORD.split_at(at);
        let shorter = after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
        for (sign, rest) in signs.iter().flat_map(|sign| [(sign, after), (sign, shorter)]) {
            let json = format!("{before}{sign}{rest}");
            let Some(page) = plain(&PATHS, &json) else { continue };
            taken += 1;
            let expected = by_serde(&PATHS, &json);
            assert_eq!(Ok(format!("{page:?}")), expected.map(|page| format!("{page:?}")), "{json}");
        }
    }
    assert!(taken > 1000, "{taken}");
}

#[test]
fn keys_that_come_go_and_change_places_are_all_taken() {
    let columns = Columns::new(["a", "b", "c"]);
    let (mut page, mut packer) = (Page::new(columns.clone()), Packer::new(&columns));
    let records =
        [r#"{"a":1,"b":2,"c":3}"#, r#"{"b":4,"x":0,"c":5}"#, r#"{"c":6,"b":7,"a":8}"#, r#"{"x":0,"a":9}"#, r#"{"a":1,"b":2,"c":3}"#];
    for record in records {
        packer.json(record, &mut page).unwrap();
    }
    let number = |value: i64| if value == 0 { Cell::Missing } else { Cell::Int(value) };
    let expected = [[1, 2, 3], [0, 4, 5], [8, 7, 6], [9, 0, 0], [1, 2, 3]].map(|row| row.map(number).to_vec());
    assert_eq!(page.rows().map(|row| row.cells().collect::<Vec<_>>()).collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_not_plain_is_left_to_serde_json() {
    for json in [
        r#"{"id":"a\u00fc"}"#,
        r#"{"id":1.5}"#,
        r#"{"id":-0}"#,
        r#"{"id":1234567890123456789}"#,
        r#"{"id":1,"id":2}"#,
        "[1]",
        "",
        r#"{"id":1}x"#,
    ] {
        assert!(plain(&["id"], json).is_none(), "{json}");
    }
    assert!(plain(&["a", "a.b"], r#"{"a":{"b":1}}"#).is_none());
}
