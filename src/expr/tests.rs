//! What expressions give, refuse and survive.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::model::Table;

fn tables() -> Tables {
    let entries = [("100", Some(Value::text("Engineering"))), ("200", Some(Value::Int(2))), ("300", None)];
    let table = Table { name: "costCenters".into(), entries: entries.into_iter().map(|(key, value)| (key.into(), value)).collect() };
    Tables::from([(table.name.clone(), table.into())])
}

fn compile(text: &str, root: Root) -> Expression {
    Expression::compile(text, root, &tables()).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

/// Evaluates over a record given as JSON: an absent field is missing.
fn eval(text: &str, record: &str) -> Evaluation {
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    let expression = compile(text, Root::Record);
    with_cells(&expression, &record, |inputs| expression.evaluate(inputs))
}

fn holds(text: &str, record: &str) -> Result<bool, String> {
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    let expression = compile(text, Root::Record);
    with_cells(&expression, &record, |inputs| expression.holds(inputs))
}

fn with_cells<T>(expression: &Expression, record: &serde_json::Value, then: impl FnOnce(&[Input<'_>]) -> T) -> T {
    let values: Vec<Option<serde_json::Value>> = expression
        .reads()
        .iter()
        .map(|path| segments_of_path(path).iter().try_fold(record, |at, segment| at.get(segment.as_ref())).cloned())
        .collect();
    let texts: Vec<String> = values.iter().map(|value| value.as_ref().map(ToString::to_string).unwrap_or_default()).collect();
    let inputs: Vec<Input<'_>> = values
        .iter()
        .zip(&texts)
        .map(|(value, text)| {
            Input::Cell(match value {
                None => Cell::Missing,
                Some(serde_json::Value::Null) => Cell::Null,
                Some(serde_json::Value::Bool(value)) => Cell::Bool(*value),
                Some(serde_json::Value::Number(number)) => Cell::Int(number.as_i64().unwrap()),
                Some(serde_json::Value::String(text)) => Cell::Text(text),
                Some(_) => Cell::json(text),
            })
        })
        .collect();
    then(&inputs)
}

fn text(value: &str) -> Evaluation {
    Evaluation::Value(Value::text(value))
}

fn problems(text: &str, root: Root) -> String {
    match Expression::compile(text, root, &tables()) {
        Ok(_) => "fine".into(),
        Err(problems) => problems
            .iter()
            .map(|problem| {
                let marked = text.get(problem.offset..problem.offset + problem.length).unwrap_or("<outside>");
                format!("{}[{marked}]: {} ({})", problem.offset, problem.message, problem.hint.as_deref().unwrap_or("-"))
            })
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

#[test]
fn the_design_s_own_expressions_work() {
    let record = r#"{"first": "Žofie", "last": "O'Brien Ünal", "dept": "Engineering", "start": "2026-02-01", "Emp. No": "17"}"#;
    assert_eq!(eval(r#"lower(ascii(record.first)) + "." + lower(ascii(record.last))"#, record), text("zofie.o'brien unal"));
    assert_eq!(eval("record.dept", record), text("Engineering"));
    assert_eq!(eval("slug(record.last)", record), text("o-brien-unal"));
    assert_eq!(eval("date(record.start)", record), text("2026-02-01"));
    assert_eq!(eval(r#"record["Emp. No"]"#, record), text("17"));
    assert_eq!(compile(r#"record["Emp. No"] + record.a.b"#, Root::Record).reads(), [Arc::from(r"Emp\. No"), Arc::from("a.b")]);
    assert_eq!(holds(r#"record.dept in ["Engineering", "Support"]"#, record), Ok(true));
    assert_eq!(holds(r#"record.dept.startsWith("Eng") && !(record.dept == "Sales")"#, record), Ok(true));
}

#[test]
fn missing_falls_through_and_null_clears() {
    let record = r#"{"cleared": null, "here": "x"}"#;
    assert_eq!(eval("record.gone", record), Evaluation::Missing);
    assert_eq!(eval("lower(record.gone)", record), Evaluation::Missing);
    assert_eq!(eval(r#"record.gone + "@acme.example""#, record), Evaluation::Missing);
    assert_eq!(eval("record.cleared", record), Evaluation::Null);
    assert_eq!(eval("lower(record.cleared)", record), Evaluation::Null);
    assert_eq!(eval(r#"default(record.gone, "none")"#, record), text("none"));
    assert_eq!(eval(r#"record.here == "x" ? null : "y""#, record), Evaluation::Null);
    assert_eq!(eval(r#"[{"value": record.gone, "type": "work"}]"#, record), Evaluation::Missing);
    assert_eq!(eval(r#"has(record.gone) ? record.gone : record.here"#, record), text("x"));
    let phones = r#"[{"value": record.cleared}].filter(p, has(p.value)) + [{"value": record.GONE}].filter(p, has(p.value))"#;
    assert_eq!(eval(&phones.replace("GONE", "cleared"), record), Evaluation::Null);
    assert_eq!(eval(&phones.replace("GONE", "gone"), record), Evaluation::Missing);
    assert_eq!(eval(r#"record.cleared + "x""#, record), Evaluation::Failed(r#"`record.cleared + "x"` can't add nothing and text"#.into()));
}

#[test]
fn a_key_that_no_table_has_is_missing() {
    let record = r#"{"cc": " 100 ", "number": 200, "cleared": "300", "other": "999", "none": null, "list": []}"#;
    assert_eq!(eval(r#"lookup("costCenters", record.cc)"#, record), text("Engineering"));
    assert_eq!(eval(r#"lookup("costCenters", record.number) + 1"#, record), Evaluation::Value(Value::Int(3)));
    assert_eq!(eval(r#"lookup("costCenters", record.cleared)"#, record), Evaluation::Null);
    assert_eq!(eval(r#"lookup("costCenters", record.none)"#, record), Evaluation::Null);
    for missing in ["record.other", "record.gone"] {
        assert_eq!(eval(&format!(r#"lookup("costCenters", {missing})"#), record), Evaluation::Missing);
        assert_eq!(eval(&format!(r#"lookup("costCenters", {missing}).default("Other")"#), record), text("Other"));
        assert_eq!(eval(&format!(r#"lookup("costCenters", {missing}).lower()"#), record), Evaluation::Missing);
        assert_eq!(holds(&format!(r#"lookup("costCenters", {missing}) == "Engineering""#), record), Ok(false));
    }
    let failed = eval(r#"lookup("costCenters", record.list)"#, record);
    assert_eq!(
        failed,
        Evaluation::Failed(r#"`lookup("costCenters", record.list)` needs a key that is text or a number, not a list"#.into())
    );
    let trace =
        compile(r#"upper(lookup("costCenters", identity.costCenter)) == "X""#, Root::Identity).trace(&[Input::Value(&Value::text("100"))]);
    let lines: Vec<String> = trace.into_iter().map(|(text, value)| format!("{text}  ->  {value}")).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    upper(lookup("costCenters", identity.costCenter)) == "X"  ->  false
    upper(lookup("costCenters", identity.costCenter))  ->  "ENGINEERING"
    lookup("costCenters", identity.costCenter)  ->  "Engineering"
    identity.costCenter  ->  "100"
    "#);
}

#[test]
fn the_name_of_a_table_is_checked() {
    assert_snapshot!(problems(r#"lookup("costCentres", record.cc)"#, Root::Record), @r#"7["costCentres"]: there is no table `costCentres` (did you mean `costCenters`?)"#);
    assert_snapshot!(problems(r#"lookup("regions", record.cc)"#, Root::Record), @r#"7["regions"]: there is no table `regions` (tables stand in the Workspace, below `tables`)"#);
    assert_snapshot!(problems(r#"lookup(record.table, record.cc)"#, Root::Record), @r#"7[record.table]: the name of the table must be a text in quotes (the key comes second: lookup("costCenters", record.cost_center))"#);
    assert_snapshot!(problems(r#"record.cc.lookup("costCenters")"#, Root::Record), @r#"10[lookup]: `lookup` takes a table's name and a key (write lookup("costCenters", record.cost_center))"#);
    assert_snapshot!(problems(r#"lookup("costCenters")"#, Root::Record), @r#"0[lookup]: `lookup` takes a table's name and a key (write lookup("costCenters", record.cost_center))"#);
}

#[test]
fn rules_take_null_as_no() {
    let record = r#"{"cleared": null, "level": "3", "n": 4}"#;
    for no in [
        r#"record.gone == "x""#,
        r#"record.gone in ["x"]"#,
        r#"record.gone.startsWith("x")"#,
        "record.gone > 3",
        r#"record.cleared == "x""#,
    ] {
        assert_eq!(holds(no, record), Ok(false), "{no}");
    }
    for yes in [
        r#"record.gone != "x""#,
        r#"!record.gone.startsWith("x")"#,
        "!has(record.gone)",
        "record.gone == null",
        "int(record.level) < record.n",
    ] {
        assert_eq!(holds(yes, record), Ok(true), "{yes}");
    }
    assert_eq!(holds("record.level", record), Err("`record.level` gives text, not true or false".into()));
    assert_eq!(holds("record.level > 2", record), Err("`record.level > 2` compares text with a number".into()));
    assert_eq!(holds("record.level > 2 || record.n == 4", record), Ok(true));
}

#[test]
fn lists_and_loops_work() {
    let record = r#"{"mails": [{"value": "a@x", "type": "home"}, {"value": "b@x", "type": "work"}], "tags": "a,b,,b", "empty": []}"#;
    assert_eq!(eval(r#"record.mails.filter(m, m.type == "work")[0].value"#, record), text("b@x"));
    assert_eq!(eval(r#"first(record.mails.filter(m, m.type == "other"))"#, record), Evaluation::Missing);
    assert_eq!(eval(r#"record.mails.map(m, upper(m.value)).join(";")"#, record), text("A@X;B@X"));
    assert_eq!(eval(r#"join(distinct(split(record.tags, ",").filter(t, size(t) > 0)), "+")"#, record), text("a+b"));
    assert_eq!(eval("record.empty[0]", record), Evaluation::Missing);
    assert_eq!(holds(r#"record.mails.exists(m, m.value.endsWith("@x")) && record.mails.all(m, has(m.type))"#, record), Ok(true));
    assert_eq!(holds(r#"record.mails.exists_one(m, m.type == "work") && matches(record.tags, "^a,")"#, record), Ok(true));
    assert_eq!(
        eval(r#"[{"value": record.mails[0].value, "primary": true}]"#, record),
        Evaluation::Value(Value::from_json(&serde_json::json!([{"value": "a@x", "primary": true}])).unwrap())
    );
}

#[test]
fn nothing_adds_nothing_to_a_list() {
    let record = r#"{"a": ["x"], "b": [["y", "z"], "w", null], "cleared": null}"#;
    let xs = eval("record.a", record);
    for same in ["record.a + record.gone", "record.gone + record.a", "record.a + record.cleared", "record.a + [record.gone]"] {
        assert_eq!(eval(same, record), xs, "{same}");
    }
    assert_eq!(eval("record.gone + record.gone", record), Evaluation::Missing);
    assert_eq!(eval(r#"join(flatten(record.a + record.b), "")"#, record), text("xyzw"));
    assert_eq!(eval("flatten([record.gone])", record), Evaluation::Missing);
}

#[test]
fn names_of_real_people_survive() {
    for (name, ascii, slug, upper, title) in [
        ("Straße", "Strasse", "strasse", "STRASSE", "Straße"),
        ("Łódź", "Lodz", "lodz", "ŁÓDŹ", "Łódź"),
        ("Øystein", "Oystein", "oystein", "ØYSTEIN", "Øystein"),
        ("Nguyễn Thị Đặng", "Nguyen Thi Dang", "nguyen-thi-dang", "NGUYỄN THỊ ĐẶNG", "Nguyễn Thị Đặng"),
        ("Çelik", "Celik", "celik", "ÇELIK", "Çelik"),
        ("Işık", "Isik", "isik", "IŞIK", "Işık"),
        ("Þór Ægisson", "Thor AEgisson", "thor-aegisson", "ÞÓR ÆGISSON", "Þór Ægisson"),
        ("o\u{2019}brien-smith", "o'brien-smith", "o-brien-smith", "O\u{2019}BRIEN-SMITH", "O\u{2019}Brien-Smith"),
        ("D'ANGELO", "D'ANGELO", "d-angelo", "D'ANGELO", "D'Angelo"),
        ("ada's", "ada's", "ada-s", "ADA'S", "Ada's"),
        ("Zoe\u{308}", "Zoe", "zoe", "ZOE\u{308}", "Zoe\u{308}"),
        ("Müller", "Muller", "muller", "MÜLLER", "Müller"),
        ("Jiří Dvořák", "Jiri Dvorak", "jiri-dvorak", "JIŘÍ DVOŘÁK", "Jiří Dvořák"),
        ("Иванов", "Ivanov", "ivanov", "ИВАНОВ", "Иванов"),
        ("Παπαδόπουλος", "Papadopoulos", "papadopoulos", "ΠΑΠΑΔΌΠΟΥΛΟΣ", "Παπαδόπουλος"),
        ("王小明", "WangXiaoMing", "wangxiaoming", "王小明", "王小明"),
        ("María José", "Maria Jose", "maria-jose", "MARÍA JOSÉ", "María José"),
        ("  ", "  ", "", "  ", "  "),
    ] {
        let record = serde_json::json!({ "n": name }).to_string();
        for (function, expected) in [("ascii", ascii), ("slug", slug), ("upper", upper), ("title", title)] {
            assert_eq!(eval(&format!("{function}(record.n)"), &record), text(expected), "{function}({name})");
        }
    }
    assert_eq!(eval(r#"record.n.replace("ü", "ue").ascii()"#, r#"{"n": "Müller-Lüdenscheidt"}"#), text("Mueller-Luedenscheidt"));
    assert_eq!(eval(r#"padLeft(record.n, 6, "0")"#, r#"{"n": 17}"#), text("000017"));
    assert_eq!(eval(r#"padLeft(record.n, 2)"#, r#"{"n": "äöü"}"#), text("äöü"));
    assert!(matches!(eval(r#"padLeft(record.n, 9999)"#, r#"{"n": "x"}"#), Evaluation::Failed(_)));
}

#[test]
fn every_function_stands_in_the_documentation() {
    let page = include_str!("../../docs/expressions.md");
    let missing: Vec<_> =
        function::names().filter(|name| !page.contains(&format!("`{name}`")) && !page.contains(&format!("`{name}("))).collect();
    assert!(missing.is_empty(), "docs/expressions.md does not name {missing:?}");
}

#[test]
fn a_prefix_reads_all_below_it_and_a_reference_stays_one() {
    let expression = compile("identity.name", Root::Identity);
    assert!(expression.reads().contains(&Arc::from("name.givenName")) && expression.reads().len() == 6);
    let manager = Value::Reference("hr/1".into());
    let expression = compile("default(identity.manager, identity.manager)", Root::Identity);
    assert_eq!(expression.evaluate(&[Input::Value(&manager)]), Evaluation::Value(manager.clone()));
    assert_eq!(compile(r#"identity.manager == "hr/1""#, Root::Identity).holds(&[Input::Value(&manager)]), Ok(true));
    assert_eq!(compile("identity.emails[0].value", Root::Identity).reads(), [Arc::from("emails")]);
    assert_eq!(compile(r#"group.labels["app.kubernetes.io/name"]"#, Root::Group).reads(), [Arc::from(r"labels.app\.kubernetes\.io/name")]);
    assert_eq!(compile("record.dept", Root::Record).bare_path().map(AsRef::as_ref), Some("dept"));
}

/// System, as it writes, the expression, the day.
const DATES: &[(&str, &str, &str, &str)] = &[
    ("Workday REST and reports", r#""2025-03-04""#, "date(record.d)", "2025-03-04"),
    ("Workday SOAP", r#""2025-03-04-08:00""#, "date(record.d)", "2025-03-04"),
    ("Workday reports, US", r#""03/04/2025""#, r#"date(record.d, "MM/dd/yyyy")"#, "2025-03-04"),
    ("SuccessFactors OData", r#""/Date(1741046400000)/""#, "date(record.d)", "2025-03-04"),
    ("SuccessFactors OData, date and time", r#""/Date(1741046400000+0000)/""#, "date(record.d)", "2025-03-04"),
    ("SuccessFactors OData, before 1970", r#""/Date(-86400000)/""#, "date(record.d)", "1969-12-31"),
    ("SuccessFactors OData, no end", r#""/Date(253402214400000)/""#, "date(record.d)", "9999-12-31"),
    ("SAP tables", r#""20250304""#, "date(record.d)", "2025-03-04"),
    ("SAP tables, no end", r#""99991231""#, "date(record.d)", "9999-12-31"),
    ("SAP tables, no date", r#""00000000""#, "date(record.d)", "none"),
    ("BambooHR", r#""2025-03-04""#, "date(record.d)", "2025-03-04"),
    ("BambooHR, no date", r#""0000-00-00""#, "date(record.d)", "none"),
    ("BambooHR, changes", r#""2025-03-04T23:30:00+00:00""#, "date(record.d)", "2025-03-04"),
    ("Personio API", r#""2025-03-04T00:00:00+01:00""#, "date(record.d)", "2025-03-04"),
    ("Personio export", r#""04.03.2025""#, "date(record.d)", "2025-03-04"),
    ("HiBob API", r#""2025-03-04""#, "date(record.d)", "2025-03-04"),
    ("HiBob, as people read it", r#""04/03/2025""#, r#"date(record.d, "dd/MM/yyyy")"#, "2025-03-04"),
    ("ADP API", r#""2025-03-04""#, "date(record.d)", "2025-03-04"),
    ("ADP reports", r#""3/4/2025""#, r#"date(record.d, "M/d/yyyy")"#, "2025-03-04"),
    ("UKG Pro", r#""2025-03-04T00:00:00""#, "date(record.d)", "2025-03-04"),
    ("UKG Pro, no date", r#""0001-01-01T00:00:00""#, "date(record.d)", "none"),
    ("Breathe", r#""2025/03/04""#, "date(record.d)", "2025-03-04"),
    ("Salesforce", r#""2025-03-04T07:35:37.000+0000""#, "date(record.d)", "2025-03-04"),
    ("NetSuite SuiteQL", r#""3/4/2025""#, r#"date(record.d, "M/d/yyyy")"#, "2025-03-04"),
    ("Oracle", r#""04-MAR-25""#, r#"date(record.d, "dd-MMM-yy")"#, "2025-03-04"),
    ("Oracle, no end", r#""4712-12-31""#, "date(record.d)", "4712-12-31"),
    ("Slack, Okta events", "1741046400", r#"date(record.d, "seconds")"#, "2025-03-04"),
    ("Google, Merge", r#""2025-03-04T20:44:18.662942Z""#, "date(record.d)", "2025-03-04"),
    ("milliseconds", "1741046400000", r#"date(record.d, "millis")"#, "2025-03-04"),
    ("milliseconds, no date", "0", r#"date(record.d, "millis")"#, "none"),
    ("LDAP generalized time", r#""20250304120000.0Z""#, "date(record.d)", "2025-03-04"),
    ("Active Directory accountExpires", r#""133855488000000000""#, r#"date(record.d, "filetime")"#, "2025-03-04"),
    ("Active Directory, never", "9223372036854775807", r#"date(record.d, "filetime")"#, "none"),
    ("spreadsheet", "45720", r#"date(record.d, "excel")"#, "2025-03-04"),
    ("spreadsheet, as text with a time", r#""45720.75""#, r#"date(record.d, "excel")"#, "2025-03-04"),
    ("spreadsheet, no end", "2958465", r#"date(record.d, "excel")"#, "9999-12-31"),
    ("US, with a time", r#""03/04/2025 12:00:00 AM""#, r#"date(record.d, "MM/dd/yyyy")"#, "2025-03-04"),
    ("digits, the day first", r#""04032025""#, r#"date(record.d, "ddMMyyyy")"#, "2025-03-04"),
    ("a number", "20250304", "date(record.d)", "2025-03-04"),
    ("SQL", r#""2025-3-4 00:00:00""#, "date(record.d)", "2025-03-04"),
    ("mail", r#""Tue, 04 Mar 2025 00:00:00 GMT""#, "date(record.d)", "2025-03-04"),
    ("people", r#""March 4th, 2025""#, "date(record.d)", "2025-03-04"),
    ("people", r#""4 Sept 2025""#, "date(record.d)", "2025-09-04"),
    ("last century", r#""31.12.99""#, r#"date(record.d, "dd.MM.yy")"#, "1999-12-31"),
    ("nothing", r#""""#, "date(record.d)", "none"),
    ("nothing", r#""N/A""#, r#"date(record.d, "dd.MM.yyyy")"#, "none"),
    ("nothing", r#""00/00/0000""#, r#"date(record.d, "dd/MM/yyyy")"#, "none"),
    ("midnight in Berlin", r#""2025-03-03T23:00:00.000Z""#, r#"date(record.d, "iso", "Europe/Berlin")"#, "2025-03-04"),
    ("the same without a zone", r#""2025-03-03T23:00:00.000Z""#, "date(record.d)", "2025-03-03"),
    ("a day has no zone", r#""2025-03-04""#, r#"date(record.d, "iso", "America/New_York")"#, "2025-03-04"),
    ("milliseconds in New York", "1741046400000", r#"date(record.d, "millis", "America/New_York")"#, "2025-03-03"),
    ("no end, in any zone", r#""/Date(253402214400000)/""#, r#"date(record.d, "millis", "Pacific/Auckland")"#, "9999-12-31"),
    ("no end, in any zone", r#""9999-12-31T23:59:59Z""#, r#"date(record.d, "iso", "Pacific/Auckland")"#, "9999-12-31"),
];

#[test]
fn dates_of_real_systems_become_iso() {
    for (system, written, expression, day) in DATES {
        let result = eval(expression, &format!(r#"{{"d": {written}}}"#));
        let day = if *day == "none" { Evaluation::Null } else { text(day) };
        assert_eq!(result, day, "{system}: {written}");
    }
}

#[test]
fn what_could_be_another_day_is_no_date() {
    let plain = "date(record.d)";
    for (bad, expression) in [
        ("03/04/2025", plain),
        ("25/12/2025", plain),
        ("2025-02-30", plain),
        ("4.3.25", plain),
        ("soon", plain),
        ("1741046400000", plain),
        ("45720", plain),
        ("2025-03-04 or later", plain),
        ("20250304x", plain),
        ("4 Mar 25", plain),
        ("31 June 2025", plain),
        ("TBD", plain),
        ("13/01/2025", r#"date(record.d, "MM/dd/yyyy")"#),
        ("01/02/25", r#"date(record.d, "MM/dd/yyyy")"#),
        ("01/02/20255", r#"date(record.d, "MM/dd/yyyy")"#),
        ("2025-03-04", r#"date(record.d, "dd.MM.yyyy")"#),
        ("60", r#"date(record.d, "excel")"#),
        ("9999999999999", r#"date(record.d, "seconds")"#),
        ("04.03.2025", r#"date(record.d, "iso")"#),
    ] {
        let result = eval(expression, &format!(r#"{{"d": "{bad}"}}"#));
        assert!(matches!(&result, Evaluation::Failed(words) if !words.contains(bad)), "{bad}: {result:?}");
    }
    for format in ["%d/%m/%Y", "DD.MM.YYYY", "MM/dd/yyyy HH:mm", "dd.MM", "dMyyyy", "dd.mm.yyyy", "yyyy-MM-dd dd", "q", "", "ISO"] {
        assert!(problems(&format!("date(record.d, \"{format}\")"), Root::Record).contains("dd.MM.yyyy"), "{format}");
    }
    assert_snapshot!(problems(r#"date(record.d, record.f)"#, Root::Record), @"15[record.f]: format and time zone of `date` must be texts in quotes (write it like dd.MM.yyyy, MM/dd/yyyy, yyyyMMdd or d-MMM-yy, or one of the words iso, excel, seconds, millis, filetime)");
    assert_snapshot!(problems(r#"date(record.d, "iso", "Berlin")"#, Root::Record), @r#"22["Berlin"]: there is no such time zone (zones, such as "Europe/Berlin", go with iso, seconds, millis and filetime)"#);
    assert_snapshot!(problems(r#"date(record.d, "dd.MM.yyyy", "Europe/Berlin")"#, Root::Record), @r#"29["Europe/Berlin"]: a time zone says nothing here: the day is taken as it is written (zones, such as "Europe/Berlin", go with iso, seconds, millis and filetime)"#);
    assert_snapshot!(problems(r#"date()"#, Root::Record), @r#"0[date]: `date` takes a text, and perhaps its format and a time zone (write date(record.start) or date(record.start, "dd.MM.yyyy"))"#);
}

#[test]
fn dates_are_reckoned_with() {
    let record = r#"{"end": "2026-01-31", "never": "9999-12-31", "text": "31.01.2026", "cleared": null}"#;
    assert_eq!(eval("addDays(record.end, 1)", record), text("2026-02-01"));
    assert_eq!(eval("record.end.addDays(-31)", record), text("2025-12-31"));
    assert_eq!(eval("addMonths(record.end, 1)", record), text("2026-02-28"));
    assert_eq!(eval("addMonths(record.end, -12)", record), text("2025-01-31"));
    assert_eq!(eval("addDays(record.never, 30)", record), text("9999-12-31"));
    assert_eq!(eval("addMonths(record.never, -1)", record), text("9999-12-31"));
    assert_eq!(eval("addDays(record.end, 4000000)", record), text("9999-12-31"));
    assert_eq!(eval(r#"daysBetween(record.end, date("2026-03-01"))"#, record), Evaluation::Value(Value::Int(29)));
    assert_eq!(eval("addDays(record.gone, 1)", record), Evaluation::Missing);
    assert_eq!(eval("addDays(record.cleared, 1)", record), Evaluation::Null);
    assert_eq!(holds("daysBetween(record.end, record.gone) > 30", record), Ok(false));
    for bad in [
        "addDays(record.text, 1)",
        "addDays(record.end, -9000000)",
        "addDays(record.end, 9223372036854775807)",
        r#"addDays(record.end, "1")"#,
    ] {
        assert!(matches!(eval(bad, record), Evaluation::Failed(_)), "{bad}");
    }
    let trace =
        compile(r#"date(identity.custom.d, "millis", "Europe/Berlin") > "2026""#, Root::Identity).trace(&[Input::Value(&Value::Int(0))]);
    assert_eq!(trace[1].0, r#"date(identity.custom.d, "millis", "Europe/Berlin")"#);
}

#[test]
fn every_name_is_checked_and_the_place_is_exact() {
    assert_snapshot!(problems(r#"identity.depratment == "é" && lowr(identity.title) == "x""#, Root::Identity), @r#"
    0[identity.depratment]: nothing is called `identity.depratment` (did you mean identity.department?)
    31[lowr]: there is no function `lowr` (did you mean lower?)
    "#);
    assert_snapshot!(problems(r#""éé" == identity.givenName"#, Root::Identity), @"10[identity.givenName]: nothing is called `identity.givenName` (did you mean identity.name.givenName?)");
    assert_snapshot!(problems("departmnt == \"x\"", Root::Identity), @r#"0[departmnt]: nothing is called `departmnt` here (write identity.department, or "departmnt" for the text)"#);
    assert_snapshot!(problems("record.dept == \"x\"", Root::Identity), @"0[record]: nothing is called `record` here (only `identity` is known here)");
    assert_snapshot!(problems("identity.title.trim().lowerCase()", Root::Identity), @"22[lowerCase]: there is no function `lowerCase` (did you mean lower?)");
    assert_snapshot!(problems("replace(record.a, \"x\")", Root::Record), @"0[replace]: `replace` takes 3 arguments, not 2 (write replace(text, \"from\", \"to\"))");
    assert_snapshot!(problems("group.label.chat == \"yes\"", Root::Group), @"0[group.label.chat]: nothing is called `group.label.chat` (known are name, displayName, description, value and labels.*)");
    assert_snapshot!(problems("identity", Root::Identity), @"0[identity]: `identity` alone is no value (name a field: identity.displayName)");
    assert_eq!(problems("identity.custom.badge == identity.lifecycle && account.id == \"1\"", Root::Account).lines().count(), 2);
}

#[test]
fn unreadable_texts_say_what_and_where() {
    assert_snapshot!(problems("record.a = \"x\"", Root::Record), @"9[=]: `=` is not understood here (compare with ==)");
    assert_snapshot!(problems("record.a == \"x\" and record.b", Root::Record), @"16[and]: `and` is not understood here (write &&)");
    assert_snapshot!(problems("lower(record.a", Root::Record), @"5[(]: this `(` is not closed (write ) where it ends)");
    assert_snapshot!(problems("\"open", Root::Record), @r#"0["]: the text that begins here is not closed (end it with ")"#);
    assert_snapshot!(problems("record.größe", Root::Record), @r#"7[größe]: `größe` is not understood here (outside of quotes only plain letters are understood; a field is record["größe"], a text "größe")"#);
    assert_snapshot!(problems("record.?t", Root::Record), @"8[t]: `.?` is not supported here (to ask for what may be missing write has(...) or default(...))");
    assert_snapshot!(problems("record.t == \"é", Root::Record), @r#"12["]: the text that begins here is not closed (end it with ")"#);
    assert_snapshot!(problems("0.5", Root::Record), @"0[0.5]: numbers with a fraction are not supported (numbers with a fraction are text as they were written: \"0.5\")");
    assert_snapshot!(problems(" ", Root::Record), @"0[ ]: the expression is empty (leave the key out, or write an expression)");
    assert_snapshot!(problems("record.a = \"x\" and recrd.b and lowr(record.c) == “y”", Root::Record), @r#"
    9[=]: `=` is not understood here (compare with ==)
    15[and]: `and` is not understood here (write &&)
    19[recrd]: nothing is called `recrd` here (did you mean record?)
    27[and]: `and` is not understood here (write &&)
    31[lowr]: there is no function `lowr` (did you mean lower?)
    49[“y”]: `“` is no quote here (put plain quotes around the text: "…")
    "#);
}

#[test]
fn what_cel_has_and_headcount_has_not_is_told_by_name() {
    let told = |text: &str| problems(text, Root::Record);
    assert_snapshot!(told("timestamp(record.start)"), @"0[timestamp]: `timestamp` is CEL, but not supported here (dates are ISO text: date(...) reads them, addDays, addMonths and daysBetween reckon with them, and they compare by < and >=)");
    assert_snapshot!(told("record.l.transformList(i, v, v)"), @"9[transformList]: `transformList` is CEL, but not supported here (write list.map(x, …) with one name)");
    assert!(told("math.greatest(record.a, record.b)").starts_with("0[math.greatest]: `math.greatest` is CEL, but not supported here"));
    assert_snapshot!(told("record.l.all(i, v, i < v)"), @"9[all]: `all` goes through a list, with a name and what is asked of each (write list.all(x, …))");
    assert_snapshot!(told("record.a[?\"b\"]"), @r#"10["b"]: `[?…]` is not supported here (to ask for what may be missing write has(...) or default(...))"#);
    assert_snapshot!(told("[?record.a]"), @"1[?record.a]: `?` before an item or a key is not supported here (a list or map leaves out what is null by itself)");
    assert_snapshot!(told("7u"), @"0[7u]: numbers without a sign are not supported (write 7)");
    assert_snapshot!(told("b'abc'"), @r#"0[b'abc']: bytes are not supported (write a text: "abc")"#);
    assert_snapshot!(told(".record.a"), @"0[.record]: a dot before a name is not supported here (leave the dot out)");
    assert_snapshot!(told("a.Person{name: record.a}"), @r#"0[a.Person{name: record.a}]: messages are not supported here (`a.Person{…}` makes one; write a map: {"type": "work"})"#);
    assert_snapshot!(told("record.cost-center-id == null"), @r#"0[record.cost-center-id]: `record.cost-center-id` is read as a subtraction (write record["cost-center-id"], or put blanks around the minus)"#);
    assert_snapshot!(told("record.a == None"), @"12[None]: nothing is called `None` here (write null)");
    assert_snapshot!(told("not(record.a)"), @"0[not]: there is no function `not` (write !(…))");
}

#[test]
fn hostile_texts_end_in_a_problem() {
    let deep = [
        "(".repeat(100_000),
        format!("{}1{}", "(".repeat(1000), ")".repeat(1000)),
        format!("{}1{}", "[".repeat(32), "]".repeat(32)),
        format!("{}1{}", "f(".repeat(900), ")".repeat(200)),
        "{a:[(".repeat(400),
        vec!["1"; 1020].join("+"),
        format!("record{}", ".a".repeat(1000)),
        format!("record.a{}", ".trim()".repeat(280)),
        "!".repeat(2047) + "a",
        "-".repeat(2047) + "1",
        "record.a ? ".repeat(180) + "1" + &" : 1".repeat(10),
        format!("record.a{}", "[0]".repeat(600)),
        "a".repeat(2049),
        "\u{0}\u{fffd}\"'`\\".repeat(100),
        "record.l.map(a, record.l.map(b, record.l.map(c, c)))".into(),
    ];
    for text in deep {
        let _ = Expression::compile(&text, Root::Record, &tables());
    }
    assert!(problems("record.l.map(a, record.l.map(b, record.l.map(c, c)))", Root::Record).contains("loops nest too deeply"));
    assert!(Expression::compile(&vec!["1"; 1020].join("+"), Root::Record, &tables()).is_err());
    assert_eq!(problems(&format!("record.x in [{}]", vec!["\"some.body@acme.example\""; 70].join(", ")), Root::Record), "fine");
}

#[test]
fn a_run_that_grows_is_stopped() {
    let long = format!(r#"{{"t": "{}", "l": [{}]}}"#, "a".repeat(1000), vec!["1"; 1000].join(","));
    let grow = format!("record.t{}", r#".replace("a", "aaaaaaaaaa")"#.repeat(5));
    assert!(matches!(eval(&grow, &long), Evaluation::Failed(words) if words.contains("too long")));
    let copies = format!("[record.t]{}", ".map(a, [a, a, a, a, a, a, a, a, a, a])".repeat(9));
    assert!(matches!(eval(&copies, &long), Evaluation::Failed(words) if words.contains("too many steps")));
    assert!(
        matches!(eval("record.l.map(a, record.l.map(b, a + b))", &long), Evaluation::Failed(words) if words.contains("too many steps"))
    );
}

#[test]
fn a_trace_names_what_decided() {
    let expression = compile(r#"identity.department == "Engineering" && !(lower(identity.title) in ["intern", "guest"])"#, Root::Identity);
    let trace = expression.trace(&[Input::Value(&Value::text("Engineering")), Input::Cell(Cell::Missing)]);
    let lines: Vec<String> = trace.into_iter().map(|(text, value)| format!("{text}  ->  {value}")).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    identity.department == "Engineering"  ->  true
    identity.department  ->  "Engineering"
    lower(identity.title) in ["intern", "guest"]  ->  false
    lower(identity.title)  ->  missing
    identity.title  ->  missing
    "#);
}

#[test]
fn paths_keep_dots_inside_a_segment() {
    for segments in [vec!["a", "b.c", "d\\e"], vec!["Emp. No"], vec!["", "x"]] {
        assert_eq!(segments_of_path(&path_of_segments(segments.iter().copied())), segments);
    }
}

/// Comparisons, logic and arithmetic over whole numbers, worked out by the letter of CEL's definition.
#[derive(Clone, Debug)]
enum Plain {
    Number(i64),
    Field(&'static str),
    Math(Box<Plain>, &'static str, Box<Plain>),
    Compare(Box<Plain>, &'static str, Box<Plain>),
    Logic(Box<Plain>, &'static str, Box<Plain>),
    Not(Box<Plain>),
    Choice(Box<[Plain; 3]>),
}

impl Plain {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => format!("({number})"),
            Self::Field(name) => format!("record.{name}"),
            Self::Math(one, sign, other) => format!("({} {sign} {})", one.text(), other.text()),
            Self::Compare(one, sign, other) => format!("{} {sign} {}", one.text(), other.text()),
            Self::Logic(one, sign, other) => format!("({}) {sign} ({})", one.text(), other.text()),
            Self::Not(of) => format!("!({})", of.text()),
            Self::Choice(parts) => format!("({}) ? ({}) : ({})", parts[0].text(), parts[1].text(), parts[2].text()),
        }
    }

    /// Nothing where it is an error.
    fn number(&self, n: i64, m: i64) -> Option<i64> {
        let Self::Math(one, sign, other) = self else {
            return match self {
                Self::Number(number) => Some(*number),
                Self::Field("n") => Some(n),
                _ => Some(m),
            };
        };
        let (one, other) = (i128::from(one.number(n, m)?), i128::from(other.number(n, m)?));
        let result = match (*sign, other) {
            ("+", _) => one + other,
            ("-", _) => one - other,
            ("*", _) => one * other,
            (_, 0) => return None,
            ("/", _) => one / other,
            _ => one % other,
        };
        i64::try_from(result).ok()
    }

    /// Nothing where it is an error; a side of `&&` and `||` that decides alone hides an error of the other.
    fn truth(&self, n: i64, m: i64) -> Option<bool> {
        match self {
            Self::Compare(one, sign, other) => {
                let (one, other) = (one.number(n, m)?, other.number(n, m)?);
                Some(match *sign {
                    "==" => one == other,
                    "!=" => one != other,
                    "<" => one < other,
                    "<=" => one <= other,
                    ">" => one > other,
                    _ => one >= other,
                })
            }
            Self::Logic(one, sign, other) => {
                let (decides, sides) = (*sign == "||", [one.truth(n, m), other.truth(n, m)]);
                if sides.contains(&Some(decides)) { Some(decides) } else { sides[0].and(sides[1]) }
            }
            Self::Not(of) => of.truth(n, m).map(|value| !value),
            Self::Choice(parts) => parts[0].truth(n, m).and_then(|chosen| parts[if chosen { 1 } else { 2 }].truth(n, m)),
            _ => None,
        }
    }
}

fn plain_expression() -> impl Strategy<Value = Plain> {
    let signs = |signs: &[&'static str]| prop::sample::select(signs.to_vec());
    let leaf = prop_oneof![(-3i64..9).prop_map(Plain::Number), Just(Plain::Field("n")), Just(Plain::Field("m"))];
    let number = leaf.prop_recursive(3, 12, 2, move |inner| {
        let sign = signs(&["+", "-", "*", "/", "%"]);
        (inner.clone(), sign, inner).prop_map(|(one, sign, other)| Plain::Math(one.into(), sign, other.into()))
    });
    let compare = (number.clone(), signs(&["==", "!=", "<", "<=", ">", ">="]), number)
        .prop_map(|(one, sign, other)| Plain::Compare(one.into(), sign, other.into()));
    compare.prop_recursive(3, 12, 2, move |inner| {
        prop_oneof![
            (inner.clone(), signs(&["&&", "||"]), inner.clone()).prop_map(|(one, sign, other)| Plain::Logic(
                one.into(),
                sign,
                other.into()
            )),
            inner.clone().prop_map(|one| Plain::Not(one.into())),
            (inner.clone(), inner.clone(), inner).prop_map(|(one, two, three)| Plain::Choice([one, two, three].into())),
        ]
    })
}

/// The whole expression as `explain` writes it.
fn written(expression: &Expression) -> String {
    eval::Run::new(expression, &[]).write(&expression.node).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn compiling_never_panics(text in "\\PC{0,60}") {
        let _ = Expression::compile(&text, Root::Identity, &tables());
    }

    #[test]
    fn compiling_near_misses_never_panics(text in r#"(record|identity|\.|lower|\(|\)|\[|\]|"|'|a|0|1|\+|-|!|&&|\?|:|,| |é|\{|\}|in|exists|\\|`){0,40}"#) {
        if let Err(problems) = Expression::compile(&text, Root::Record, &tables()) {
            for problem in problems {
                prop_assert!(text.is_char_boundary(problem.offset.min(text.len())));
            }
        }
    }

    #[test]
    fn plain_expressions_come_to_what_cel_defines(plain in plain_expression(), n in -5i64..5, m in -5i64..5) {
        let expression = compile(&plain.text(), Root::Record);
        let record = serde_json::json!({"n": n, "m": m});
        let ours = with_cells(&expression, &record, |inputs| expression.holds(inputs)).ok();
        prop_assert_eq!(ours, plain.truth(n, m), "{}", plain.text());
        let again = written(&expression);
        prop_assert_eq!(written(&compile(&again, Root::Record)), again);
    }
}

#[test]
fn what_explain_writes_is_an_expression_that_says_the_same() {
    for text in [
        r#"record.a == "é\n\t\"\\" && (record.b || record.c || !record.d) && record.e"#,
        r#"record["a b"].c["d.e"].f[0]["in"] != null"#,
        "has(record.l[0].a) ? -record.n - -1 : -(-3)",
        r#"record.l.filter(m, m.type == "work" && has(m["x y"])).map(x, x.a, {"v": x.b})"#,
        r#"matches(record.t, r'^\d+\.$') && date(record.d, "iso", "Europe/Berlin") < "2026-01-01""#,
        r#"lookup("costCenters", record.cc).default("x") + join(sort(record.l), ", ")"#,
        "(record.a ? record.b : record.c) ? [record.d, 1] : {\"a\": true}",
        "\"\\u0000\\u00ad\\U0001F600\\u0301\" in record.l",
    ] {
        let once = written(&compile(text, Root::Record));
        assert_eq!(written(&compile(&once, Root::Record)), once, "{text}");
    }
}

#[test]
fn the_rules_that_newcomers_copy_cope_with_real_names() {
    let of = |text: &str, first: Option<&str>, last: Option<&str>| {
        let expression = Expression::compile(text, Root::Record, &Tables::default()).unwrap();
        let cell = |name: &str| match if name == "first" { first } else { last } {
            Some(text) => Input::Cell(Cell::Text(text)),
            None => Input::Cell(Cell::Missing),
        };
        let inputs: Vec<_> = expression.reads().iter().map(|path| cell(path)).collect();
        match expression.evaluate(&inputs) {
            Evaluation::Value(Value::Text(text)) => text.to_string(),
            other => format!("{other:?}"),
        }
    };
    let written = include_str!("../cli/init/headcount.yaml");
    let (login, shown) = (r#"join([handle(record.first), handle(record.last)], ".")"#, r#"join([record.first, record.last], " ")"#);
    assert!(written.contains(login) && written.contains(shown), "they are what `init` writes");
    for (first, last, name) in [
        (Some("Ada"), Some("Okafor"), "ada.okafor"),
        (Some("Sukarno"), None, "sukarno"),
        (None, Some("Sukarno"), "sukarno"),
        (Some("Sukarno"), Some(""), "sukarno"),
        (Some("Anne"), Some("van der Berg"), "anne.vanderberg"),
        (Some("Shaun"), Some("O'Neil"), "shaun.oneil"),
        (Some("José  María"), Some("García"), "josemaria.garcia"),
        (Some("Łukasz"), Some("Øyvind"), "lukasz.oyvind"),
        (Some("🎉 Zoë"), Some("Müller"), "zoe.muller"),
    ] {
        assert_eq!(of(login, first, last), name, "{first:?} {last:?}");
    }
    assert_eq!(of(r#"handle(record.last, "de")"#, None, Some("Müller")), "mueller");
    assert_eq!(of(r#"handle(record.last, "no")"#, None, Some("Øyvind")), "oeyvind");
    assert_eq!(of(shown, Some("Sukarno"), None), "Sukarno");
}
