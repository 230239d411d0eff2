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
        Cell::Json(r#"[{"value":"a\"b\u0007ü","primary":true},{"n":1}]"#),
        Cell::Null,
        Cell::Text("0042"),
        Cell::Missing,
        Cell::Bool(true),
        Cell::Text("1.5"),
        Cell::Json(r#"{"familyName":"Ø","givenName":"Åsa"}"#),
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
    assert_eq!(cells(&page), [Cell::Json(&format!("{{{}}}", fields.join(",")))]);
    for doubled in ["k3", "k35"] {
        let error = pack(&["a"], &map(&format!(",\"{doubled}\":0"))).unwrap_err();
        assert!(error.contains(&format!("the key \"{doubled}\" stands twice")), "{error}");
    }
    assert_eq!(cells(&pack(&["a"], r#"{"a": {}}"#).unwrap()), [Cell::Json("{}")]);
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
    assert_eq!(cells(&page), [Cell::Text("Ann"), Cell::Int(1), Cell::Json(r#"["a"]"#)]);
}
