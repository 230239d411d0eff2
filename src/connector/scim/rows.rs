//! Resources as rows: the wanted columns go straight from the JSON into a page, under headcount's names.
//!
//! Must never: invent a value. The one exception is said by name: an account that does not mention `active` is active.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::discovery::Discovery;
use crate::connector::pack::Packer;
use crate::connector::sample::{Sample, SampleProblem};
use crate::model::{Cell, Columns, ObjectKind, Page, RowWriter, SystemError};
use crate::scim::AttributePath;

/// Packs resources of one kind.
#[derive(Debug)]
pub struct ResourceRows {
    packer: Packer,
    /// the row as it is on the wire; its first cell is the id
    wire: Page,
    columns: Vec<Column>,
    /// the rows so far
    pub page: Page,
}

/// One member of a group, as the service lists it.
#[derive(Debug, Deserialize)]
pub struct Member {
    /// the id of the account or group
    #[serde(default, deserialize_with = "text")]
    pub value: Option<Box<str>>,
    /// `User` or `Group`
    #[serde(rename = "type", default)]
    kind: Option<Box<str>>,
    /// a link to it
    #[serde(rename = "$ref", default)]
    link: Option<Box<str>>,
}

/// How a wanted column is made of the wire's cells.
#[derive(Clone, Copy, Debug)]
enum Column {
    /// nothing holds it
    Nowhere,
    /// this cell
    As(usize),
    /// this cell as true or false; true where it is missing
    Active(usize),
    /// `manager.value`, or the whole where a service sends just the id
    Reference(usize, usize),
}

impl ResourceRows {
    /// For these columns. Of a source (`record`), a path that is no attribute of SCIM leads into the resource as it is.
    pub fn new(service: &Discovery, kind: ObjectKind, columns: &Arc<Columns>, record: bool) -> Self {
        let mut wire = vec!["id".to_owned(), "members".to_owned()];
        let columns_of = columns.paths().iter().map(|name| column(service, kind, name, record, &mut wire)).collect();
        let wire = Columns::new(wire);
        Self { packer: Packer::new(&wire), wire: Page::new(wire), columns: columns_of, page: Page::new(columns.clone()) }
    }

    /// Reads one resource: gives its id and, of a group that lists any, its members. [`Self::keep`] makes it a row.
    pub fn read(&mut self, json: &str) -> Result<(Box<str>, Option<Vec<Member>>), SystemError> {
        self.wire.clear();
        self.packer
            .json(json, &mut self.wire)
            .map_err(|_| SystemError::Protocol("a resource is no JSON object, or names an attribute twice".into()))?;
        let Some(row) = self.wire.rows().next() else { return Err(no_id()) };
        let cells: Vec<Cell<'_>> = row.cells().collect();
        let id: Box<str> = match cells.first() {
            Some(Cell::Text(id)) if !id.is_empty() => (*id).into(),
            Some(Cell::Int(id)) => id.to_string().into(),
            _ => return Err(no_id()),
        };
        let members = match cells.get(1) {
            Some(Cell::Json(members)) => Some(serde_json::from_str(&members.text()).map_err(|_| odd_members())?),
            _ => None,
        };
        Ok((id, members))
    }

    /// Makes a row of the resource that was read last.
    pub fn keep(&mut self) {
        let cells: Vec<Cell<'_>> = self.wire.rows().next().map(|row| row.cells().collect()).unwrap_or_default();
        let columns = &self.columns;
        self.page.row(|row| columns.iter().for_each(|column| column.write(&cells, row)));
    }
}

/// Records that somebody wrote down, as a source's service would send them. Where the service can't be asked, what RFC 7643 describes counts.
#[derive(Debug)]
pub struct SampleRows {
    rows: ResourceRows,
}

impl SampleRows {
    /// For these columns of a source.
    pub fn new(extension: Option<&str>, columns: &Arc<Columns>) -> Self {
        let service = Discovery::unasked(extension);
        Self { rows: ResourceRows::new(&service, ObjectKind::Account, columns, true) }
    }

    fn resource(&mut self, json: &str, page: &mut Page) -> Result<(), SystemError> {
        self.rows.read(json)?;
        self.rows.page.clear();
        self.rows.keep();
        for row in self.rows.page.rows() {
            page.row(|out| row.cells().for_each(|cell| out.cell(cell)));
        }
        Ok(())
    }
}

impl Sample for SampleRows {
    fn add(&mut self, record: &BTreeMap<String, Json>, page: &mut Page) -> Result<(), SampleProblem> {
        self.resource(&serde_json::json!(record).to_string(), page).map_err(|error| {
            let words = match &error {
                SystemError::Protocol(words) => words.clone(),
                other => other.to_string(),
            };
            let hint = "write it as the service would send it, with its `id`";
            SampleProblem { field: None, message: format!("this is no User of SCIM: {words}"), hint }
        })
    }
}

impl Column {
    fn write(self, cells: &[Cell<'_>], row: &mut RowWriter<'_>) {
        let cell = |at: usize| cells.get(at).copied().unwrap_or(Cell::Missing);
        match self {
            Self::Nowhere => row.missing(),
            // Empty and missing are the same to SCIM (RFC 7643 section 2.5).
            Self::As(at) => row.cell(if cell(at) == Cell::json("[]") { Cell::Missing } else { cell(at) }),
            Self::Active(at) => row.bool(match cell(at) {
                Cell::Bool(active) => active,
                Cell::Text(text) => !text.eq_ignore_ascii_case("false"),
                _ => true,
            }),
            Self::Reference(value, whole) => row.cell(match (cell(value), cell(whole)) {
                (Cell::Missing, id @ (Cell::Text(_) | Cell::Int(_))) => id,
                (value, _) => value,
            }),
        }
    }
}

impl Member {
    /// The id at the end of its link.
    pub fn linked(&self) -> Option<&str> {
        let link = self.link.as_deref()?.trim_end_matches('/');
        link.rsplit('/').next().filter(|id| !id.is_empty() && !id.contains('%'))
    }

    /// Account or group, if the service says so.
    pub fn kind(&self) -> Option<ObjectKind> {
        let says = |text: &Option<Box<str>>, type_name: &str, part: &str| {
            text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(type_name) || text.contains(part))
        };
        if says(&self.kind, "Group", "/Groups/") || says(&self.link, "Group", "/Groups/") {
            Some(ObjectKind::Group)
        } else if says(&self.kind, "User", "/Users/") || says(&self.link, "User", "/Users/") {
            Some(ObjectKind::Account)
        } else {
            None
        }
    }
}

/// A text, or a number as one: some services count their ids.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<str>>, D::Error> {
    Ok(match Option::<Json>::deserialize(deserializer)? {
        Some(Json::String(text)) => Some(text.into()),
        Some(Json::Number(number)) => Some(number.to_string().into()),
        _ => None,
    })
}

pub fn odd_members() -> SystemError {
    SystemError::Protocol("a group's members have an odd shape".into())
}

/// A path of the wire as the packer reads it: a dot inside a name is escaped.
pub fn packed_path(path: &AttributePath) -> String {
    let escaped: Vec<String> = path.way().iter().map(|name| name.replace('\\', r"\\").replace('.', r"\.")).collect();
    escaped.join(".")
}

fn no_id() -> SystemError {
    SystemError::Protocol("a resource has no id".into())
}

fn column(service: &Discovery, kind: ObjectKind, name: &str, record: bool, wire: &mut Vec<String>) -> Column {
    let mut want = |path: String| {
        wire.push(path);
        wire.len() - 1
    };
    if name == "id" || name.starts_with("meta.") {
        return Column::As(want(name.to_owned()));
    }
    let path = if kind == ObjectKind::Account { service.path(name) } else { AttributePath::of(name, None) };
    match path {
        None if record => Column::As(want(name.to_owned())),
        None => Column::Nowhere,
        Some(path) if name == "active" => Column::Active(want(packed_path(&path))),
        Some(path) if name == "manager" => Column::Reference(want(packed_path(&path.sub("value"))), want(packed_path(&path))),
        Some(path) => Column::As(want(packed_path(&path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::scim::ENTERPRISE;

    fn packed(columns: &[&str], record: bool, json: &str) -> Vec<Option<Value>> {
        let mut rows = ResourceRows::new(&Discovery::silent(None), ObjectKind::Account, &Columns::new(columns), record);
        rows.read(json).expect("a resource");
        rows.keep();
        rows.page.rows().next().map(|row| row.cells().map(Cell::to_value).collect()).unwrap_or_default()
    }

    #[test]
    fn columns_are_found_where_scim_has_them() {
        let json = format!(
            r#"{{"id": "7", "userName": "ann", "name": {{"givenName": "Ann"}}, "emails": [], "title": null, "active": "False",
                "{ENTERPRISE}": {{"department": "R&D", "manager": {{"value": "8", "displayName": "Bob"}}}}, "meta": {{"created": "2026"}}}}"#
        );
        let columns =
            ["id", "userName", "name.givenName", "emails", "title", "active", "department", "manager", "startDate", "meta.created"];
        let text = |text: &str| Some(Value::text(text));
        let seen = packed(&columns, false, &json);
        assert_eq!(
            seen,
            [text("7"), text("ann"), text("Ann"), None, None, Some(Value::Bool(false)), text("R&D"), text("8"), None, text("2026")]
        );
    }

    #[test]
    fn an_account_that_does_not_mention_active_is_active() {
        assert_eq!(packed(&["active"], false, r#"{"id": "7"}"#), [Some(Value::Bool(true))]);
        assert_eq!(packed(&["active"], false, r#"{"id": "7", "active": false}"#), [Some(Value::Bool(false))]);
    }

    #[test]
    fn a_record_is_open_and_a_manager_may_be_a_bare_id() {
        let json = format!(r#"{{"id": 7, "badge": {{"no": 12}}, "{ENTERPRISE}": {{"manager": "8"}}}}"#);
        let seen = packed(&["id", "badge.no", "manager"], true, &json);
        assert_eq!(seen, [Some(Value::Int(7)), Some(Value::Int(12)), Some(Value::text("8"))]);
        let number = packed(&["manager"], true, &format!(r#"{{"id": 7, "{ENTERPRISE}": {{"manager": 8}}}}"#));
        assert_eq!(number, [Some(Value::Int(8))]);
    }

    #[test]
    fn a_resource_without_an_id_is_refused() {
        for odd in [r#"{"userName": "x"}"#, r#"{"id": ""}"#, r#"{"id": null}"#, r#"["id"]"#, r#"{"id": "1", "id": "2"}"#] {
            let mut rows = ResourceRows::new(&Discovery::silent(None), ObjectKind::Account, &Columns::new(["id"]), false);
            assert!(matches!(rows.read(odd), Err(SystemError::Protocol(_))), "{odd}");
            assert!(rows.page.is_empty());
        }
    }
}
