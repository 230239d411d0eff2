//! `headcount init`.

use snapbox::str;

use super::Folder;
use crate::support::scim2::Scim2Server;
use crate::support::skipped;

#[test]
fn a_new_workspace_is_valid_as_it_is() {
    let folder = Folder::with(&[]);
    folder
        .run(["init", "acme"])
        .assert()
        .success()
        .stdout_eq(str![[r#"
wrote acme/headcount.yaml
wrote acme/groups.yaml
wrote acme/personas.yaml
wrote acme/hr.csv
wrote acme/.gitignore

Next: set the target's address in acme/headcount.yaml, then
  headcount validate -f acme
  headcount test -f acme
  headcount plan -f acme

"#]])
        .stderr_eq(str![]);
    assert_eq!(
        folder.names(),
        ["acme", "acme/.gitignore", "acme/groups.yaml", "acme/hr.csv", "acme/headcount.yaml", "acme/personas.yaml"]
            .map(String::from)
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    folder.run(["validate", "-f", "acme"]).assert().success();
    folder.run(["test", "-f", "acme"]).assert().success();
}

#[test]
fn nothing_is_overwritten_and_then_nothing_is_written() {
    let folder = Folder::with(&[("hr.csv", "mine")]);
    folder.run(["init"]).assert().code(1).stdout_eq(str![]).stderr_eq(str![[r#"
error: ./hr.csv exists already; nothing was written
 |
 = help: name an empty directory: `headcount init DIRECTORY`

"#]]);
    assert_eq!(folder.names(), ["hr.csv"]);
    assert_eq!(std::fs::read_to_string(folder.file("hr.csv")).expect("it is still there"), "mine");
}

#[test]
fn two_workspaces_never_share_an_id() {
    let folder = Folder::with(&[]);
    folder.run(["init", "a/acme"]).assert().success();
    folder.run(["init", "b/acme"]).assert().success();
    let text = |path: &str| std::fs::read_to_string(folder.file(path)).expect("it was written");
    assert_ne!(text("a/acme/headcount.yaml"), text("b/acme/headcount.yaml"));
}

/// What people send: a title above the table, a total below it, in the encoding of a desk in Munich.
const GERMAN: &str = "Personalliste, Stand 28.11.2026;;;;;;;;;;\r\n\r\n\
Personalnr;Name;Vorname;Abteilung;Geschäftliche E-Mail;Status;Eintritt;Austritt;Vorgesetzter;Bemerkung;Bemerkung\r\n\
00017;Müller;Jürgen;Vertrieb;j.mueller@acme.example;aktiv;01.02.2019;unbefristet;;;\r\n\
00018;O'Neil;Seán;Vertrieb;S.ONeil@acme.example;aktiv;15.06.2020;;00017;;\r\n\
00019;van der Berg;Anna-Lena;Einkauf;a.berg@acme.example;beurlaubt;01.01.2021;;00017;;\r\n\
00020;Groß;Zoë;Einkauf;z.gross@acme.example;ausgeschieden;01.01.2015;31.12.2022;00017;;\r\n\
Summe;4;;;;;;;;;\r\n";

/// In Windows-1252, which is Latin-1 for these letters.
fn windows_1252(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a letter of Latin-1")).collect()
}

fn written(folder: &Folder, path: &str) -> String {
    let text = std::fs::read_to_string(folder.file(path)).expect("it was written");
    let id = text.find("  id: ").map(|at| &text[at..at + text[at..].find('\n').unwrap_or(0)]).expect("an id").to_owned();
    text.replace(&id, "  id: [ID]").split("# Which system").next().unwrap_or_default().to_owned()
}

#[test]
fn a_table_of_people_becomes_a_source_without_a_question() {
    let folder = Folder::with(&[]);
    crate::support::write_settled(&folder.file("people.csv"), windows_1252(GERMAN));
    folder.run(["init", "--from", "people.csv"]).assert().success().stderr_eq(str![]).stdout_eq(str![[r#"
read people.csv: 4 records, semicolons, windows-1252, 2 lines above the header, 1 below the records (`Summe 4`)
  key              Personalnr
  name.givenName   Vorname
  name.familyName  Name
  emails           Geschäftliche E-Mail
  department       Abteilung
  manager          Vorgesetzter
  startDate        Eintritt
  endDate          Austritt
  status           Status
  1 column is not read; the manifest lists it

wrote ./headcount.yaml
wrote ./.gitignore

Next: read ./headcount.yaml, fill in the Target there, then
  headcount validate
  headcount plan

"#]]);
    insta::assert_snapshot!(written(&folder, "headcount.yaml"), @r##"
    # yaml-language-server: $schema=https://raw.githubusercontent.com/headcount-dev/headcount/main/schemas/headcount.json
    # Made by `headcount init` from what it saw in the file: read each line, it is yours now.
    apiVersion: headcount.dev/v1alpha1
    kind: Workspace
    metadata: {name: workspace}
    spec:
      # Stands in every marker at a target: it must never change.
      id: [ID]
      timeZone: UTC
    ---
    apiVersion: headcount.dev/v1alpha1
    kind: Source
    metadata: {name: people}
    spec:
      connection:
        file:
          path: people.csv
          delimiter: ";"
          encoding: windows-1252   # by its bytes: look whether names are right in the plan
          skip: 2   # lines above the header
          footer: 1   # no record: Summe 4
      key: record.Personalnr   # whoever gets another one counts as somebody else
      lifecycle:
        leaver: 'lower(record.Status) in ["ausgeschieden"]'
        suspended: 'lower(record.Status) in ["beurlaubt"]'
      mapping:
        rules:
        - {attribute: userName, value: 'join([handle(record.Vorname, "de"), handle(record.Name, "de")], ".")', unique: true}
        - {attribute: employeeNumber, value: record.Personalnr}
        - {attribute: name.givenName, value: record.Vorname}
        - {attribute: name.familyName, value: record.Name}
        - {attribute: displayName, value: 'join([record.Vorname, record.Name], " ")'}
        - {attribute: emails, value: 'lower(record["Geschäftliche E-Mail"])'}
        - {attribute: department, value: record.Abteilung}
        - {attribute: manager, value: record.Vorgesetzter}
        - {attribute: startDate, value: date(record.Eintritt)}
        - {attribute: endDate, value: 'record.Austritt in ["unbefristet"] ? null : date(record.Austritt)'}
        # Not read (each stands twice, so nobody knows which is meant): `Bemerkung`
    "##);
    folder.run(["validate"]).assert().success().stderr_eq(str![]);
    folder.run(["plan", "--detailed-exitcode"]).assert().success();
}

#[test]
fn the_plan_of_a_table_is_applied_and_the_second_one_is_empty() {
    let Some(server) = Scim2Server::start() else { return skipped("init from a table", "scim2-server") };
    let folder = Folder::with(&[]);
    std::fs::create_dir(folder.file("exports")).expect("a folder");
    crate::support::write_settled(&folder.file("exports/people.csv"), windows_1252(GERMAN));
    folder.run(["init", "acme", "--from", "exports/people.csv", "--scim", &server.url()]).assert().success();
    let run = |arguments: &[&str]| folder.run(arguments.iter().copied()).env("SCIM_TOKEN", server.token()).assert().success();
    run(&["validate", "-f", "acme"]).stderr_eq(str![]);
    let plan = run(&["plan", "-f", "acme"]);
    let plan = String::from_utf8_lossy(&plan.get_output().stdout).into_owned();
    for name in ["+ juergen.mueller gets an account (people/00017", "+ sean.oneil gets an account (people/00018"] {
        assert!(plan.contains(name), "{name} in {plan}");
    }
    assert!(!plan.contains("gross") && !plan.contains("berg"), "{plan}");
    run(&["apply", "-f", "acme", "--auto-approve"]);
    run(&["plan", "-f", "acme", "--detailed-exitcode"]);
}

/// The rules of the manifest that is made of a table.
fn rules(name: &str, table: &[u8]) -> String {
    let folder = Folder::with(&[]);
    crate::support::write_settled(&folder.file(name), table);
    folder.run(["init", "--from", name]).assert().success();
    folder.run(["validate"]).assert().success().stderr_eq(str![]);
    folder.run(["plan", "--detailed-exitcode"]).assert().success();
    let text = written(&folder, "headcount.yaml");
    text[text.find("    file:").unwrap_or_default()..].to_owned()
}

#[test]
fn french_with_a_mark_apostrophes_and_a_manager() {
    let table = "\u{feff}Matricule,Nom,Prénom,Service,Adresse e-mail,Date d'entrée,Date de sortie,Responsable,Poste\n\
        A1,D'Arc,Jeanne,Ventes,jeanne@x.example,03/04/2020,,,Chef\nA2,Dupont-Étienne,Zoé,Ventes,zoe@x.example,05/06/2021,,A1,Vendeuse\n";
    insta::assert_snapshot!(rules("gens.csv", table.as_bytes()), @r##"
      file:
        path: gens.csv
        delimiter: ","
        mayBeEmpty: ['Date de sortie']   # without a value today
    key: record.Matricule   # whoever gets another one counts as somebody else
    mapping:
      rules:
      - {attribute: userName, value: 'join([handle(record["Prénom"]), handle(record.Nom)], ".")', unique: true}
      - {attribute: employeeNumber, value: record.Matricule}
      - {attribute: name.givenName, value: 'record["Prénom"]'}
      - {attribute: name.familyName, value: record.Nom}
      - {attribute: displayName, value: 'join([record["Prénom"], record.Nom], " ")'}
      - {attribute: emails, value: 'lower(record["Adresse e-mail"])'}
      - {attribute: department, value: record.Service}
      - {attribute: title, value: record.Poste}
      - {attribute: manager, value: record.Responsable}
      - {attribute: startDate, value: 'date(record["Date d''entrée"], "d/M/yyyy")'}
      - {attribute: endDate, value: 'date(record["Date de sortie"], "d/M/yyyy")'}
    "##);
}

#[test]
fn spanish_in_utf_16_with_tabs_and_dates_that_show_their_order() {
    let table = "Nº empleado\tNombre\tApellidos\tDepartamento\tCorreo\tFecha de alta\tFecha de baja\tEstado\n\
        1\tPeña\tMuñoz Gil\tVentas\tp@x.example\t13/04/2020\t\tActivo\n2\tAna\tRuiz\tVentas\ta@x.example\t03/04/2020\t01/02/2024\tBaja\n";
    let bytes: Vec<u8> = table.encode_utf16().flat_map(u16::to_le_bytes).collect();
    insta::assert_snapshot!(rules("gente.tsv", &bytes), @r##"
      file:
        path: gente.tsv
        delimiter: tab
        encoding: utf-16le   # by its bytes: look whether names are right in the plan
    key: 'record["Nº empleado"]'   # whoever gets another one counts as somebody else
    lifecycle:
      leaver: 'lower(record.Estado) in ["baja"]'
    mapping:
      rules:
      - {attribute: userName, value: 'join([handle(record.Nombre), handle(record.Apellidos)], ".")', unique: true}
      - {attribute: employeeNumber, value: 'record["Nº empleado"]'}
      - {attribute: name.givenName, value: record.Nombre}
      - {attribute: name.familyName, value: record.Apellidos}
      - {attribute: displayName, value: 'join([record.Nombre, record.Apellidos], " ")'}
      - {attribute: emails, value: lower(record.Correo)}
      - {attribute: department, value: record.Departamento}
      - {attribute: startDate, value: 'date(record["Fecha de alta"], "d/M/yyyy")'}
      - {attribute: endDate, value: 'date(record["Fecha de baja"], "d/M/yyyy")'}
    "##);
}

#[test]
fn whole_names_and_a_date_that_could_be_two_days() {
    let table =
        "id,name,email,hire date,active,phone\n1,Ada Okafor,ada@x.example,03/04/2020,yes,+1\n2,Prince,prince@x.example,05/06/2021,no,+2\n";
    insta::assert_snapshot!(rules("people.csv", table.as_bytes()), @r##"
      file:
        path: people.csv
        delimiter: ","
    key: record.id   # whoever gets another one counts as somebody else
    lifecycle:
      leaver: 'lower(record.active) in ["no"]'
    mapping:
      rules:
      - {attribute: userName, value: 'join([handle(first(split(record.name, " "))), handle(record.name.contains(" ") ? last(split(record.name, " ")) : null)], ".")', unique: true}
      - {attribute: employeeNumber, value: record.id}
      - {attribute: displayName, value: record.name}
      - {attribute: name.givenName, value: 'trim(first(split(record.name, " ")))'}
      - {attribute: name.familyName, value: 'trim(record.name.contains(" ") ? last(split(record.name, " ")) : null)'}
      - {attribute: emails, value: lower(record.email)}
      # Look at this: `hire date` is not read, since 03/04/2020 can be read two ways; add `{attribute: startDate, value: 'date(record["hire date"], "d/M/yyyy")'}`, or with "M/d/yyyy"
      # Not read: `hire date`, `phone`
    "##);
}

#[test]
fn a_workbook_with_a_title_and_two_sheets() {
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("Notes").and_then(|sheet| sheet.write(0, 0, "ask Maria")).expect("a sheet");
    let sheet = book.add_worksheet().set_name("People").expect("a sheet");
    let rows = [
        &["Staff of Acme"][..],
        &["Employee ID", "First name", "Last name", "Dept"],
        &["7", "Ada", "O'Hara", "Sales"],
        &["8", "Bo", "Ek", "IT"],
        &["Total", "2"],
    ];
    for (row, cells) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            sheet.write(u32::try_from(row).expect("few"), u16::try_from(column).expect("few"), *cell).expect("a cell");
        }
    }
    insta::assert_snapshot!(rules("people.xlsx", &book.save_to_buffer().expect("a workbook")), @r##"
      file:
        path: people.xlsx
        sheet: 'People'
        skip: 1   # lines above the header
        footer: 1   # no record: Total 2
    key: 'record["Employee ID"]'   # whoever gets another one counts as somebody else
    mapping:
      rules:
      - {attribute: userName, value: 'join([handle(record["First name"]), handle(record["Last name"])], ".")', unique: true}
      - {attribute: employeeNumber, value: 'record["Employee ID"]'}
      - {attribute: name.givenName, value: 'record["First name"]'}
      - {attribute: name.familyName, value: 'record["Last name"]'}
      - {attribute: displayName, value: 'join([record["First name"], record["Last name"]], " ")'}
      - {attribute: department, value: record.Dept}
    "##);
}

#[test]
fn what_is_no_table_is_told_and_nothing_is_written() {
    let folder = Folder::with(&[
        ("same.csv", "team,city\nSales,Bern\nSales,Bern\n"),
        ("bare.csv", "1001,Ada,ada@x.example\n1002,Bo,bo@x.example\n"),
        ("none.csv", "id,name\n"),
        ("people.json", "[]"),
    ]);
    let before = folder.names();
    for (file, words) in [
        ("same.csv", "has no column that is never empty and different in every record"),
        ("bare.csv", "line 1 looks like a record, not like a header"),
        ("none.csv", "holds no record below its header"),
        ("people.json", "is neither CSV nor XLSX by its ending"),
        ("gone.csv", "can't be read"),
    ] {
        let told = folder.run(["init", "--from", file]).assert().code(1);
        let told = String::from_utf8_lossy(&told.get_output().stderr).into_owned();
        assert!(told.contains(words), "{file}: {told}");
    }
    assert_eq!(folder.names(), before);
}

#[test]
fn a_last_record_that_was_cut_is_no_total() {
    let folder = Folder::with(&[("people.csv", "id;name;dept\n1;Ada;IT\n2;Bo;IT\n3\n")]);
    folder.run(["init", "--from", "people.csv"]).assert().success();
    assert!(!written(&folder, "headcount.yaml").contains("footer"));
    folder.run(["validate"]).assert().code(1);
}

#[test]
fn what_somebody_should_look_at_is_told() {
    let cases = [
        // a key that is none, and a login that is one
        (
            "id,login,name\n7,ada,Ada Ek\n7,bo,Bo Ek\n",
            "`id` is called like a key, but is empty or the same in several records",
            "key: record.login",
        ),
        // an address is the key only where nothing else can be
        ("first,last,mail\nAda,Ek,ada@x.example\nBo,Ek,bo@x.example\n", "whoever marries counts as somebody else", "key: record.mail"),
        // a status that no list of words has
        (
            "id,name,status\n1,Ada Ek,active\n2,Bo Ek,garden\n3,Cy Ek,left\n",
            "`status` says `garden` of some",
            "leaver: 'lower(record.status) in [\"left\"]'",
        ),
        // a column that holds no dates, whatever it is called
        ("id,name,start\n1,Ada Ek,Monday room\n2,Bo Ek,Tuesday room\n", "`start` is called like a date, but holds none", "key: record.id"),
    ];
    for (table, words, line) in cases {
        let folder = Folder::with(&[("people.csv", table)]);
        let told = folder.run(["init", "--from", "people.csv"]).assert().success();
        let told = String::from_utf8_lossy(&told.get_output().stdout).into_owned();
        let text = written(&folder, "headcount.yaml");
        assert!(told.contains(words) && text.contains(words) && text.contains(line), "{words}, {line} in {told}{text}");
        folder.run(["validate"]).assert().success();
        folder.run(["plan", "--detailed-exitcode"]).assert().success();
    }
}

#[test]
fn managers_by_address_are_read_by_it_and_those_whom_nobody_is_are_told() {
    let folder = Folder::with(&[(
        "people.csv",
        "Personalnr;Vorname;Name;E-Mail;Vorgesetzter (E-Mail)\n1;Eva;Groß;eva@acme.example;\n2;Jan;Weiß;jan@acme.example;Eva@acme.example\n3;Ida;Rot;ida@acme.example;jan@acme.example\n4;Ole;Blau;ole@acme.example;gone@acme.example\n",
    )]);
    folder.run(["init", "--from", "people.csv"]).assert().success();
    let written = std::fs::read_to_string(folder.file("headcount.yaml")).expect("it was written");
    let rule = "{attribute: manager, value: 'lower(record[\"Vorgesetzter (E-Mail)\"])', by: emails}";
    assert!(written.contains(rule) && written.contains("1 address is nobody's or several people's"), "{written}");
    folder.run(["validate"]).assert().success();
    let planned = folder.run(["plan"]).assert();
    let planned = String::from_utf8_lossy(&planned.get_output().stdout).into_owned();
    assert!(planned.contains("no record of people has the emails that it names"), "{planned}");
    let explained = folder.run(["explain", "people/2"]).assert().success();
    let explained = String::from_utf8_lossy(&explained.get_output().stdout).into_owned();
    assert!(explained.contains("people/1"), "{explained}");
}

#[test]
fn a_manager_by_name_is_not_read_and_the_manifest_says_what_is_needed() {
    let people = "id,first,last,mail,manager\n1,Eva,Gross,eva@acme.example,\n2,Jan,Weiss,jan@acme.example,Eva Gross\n";
    let folder = Folder::with(&[("people.csv", people)]);
    folder.run(["init", "--from", "people.csv"]).assert().success();
    let written = std::fs::read_to_string(folder.file("headcount.yaml")).expect("it was written");
    let doubt = "a manager must be the key (`id`) or the address of another record, and `manager` holds something else";
    assert!(written.contains(doubt) && !written.contains("attribute: manager"), "{written}");
}

#[test]
fn a_row_for_each_period_and_telephone_numbers_are_seen() {
    let people = "Employee ID,First Name,Last Name,Work Email,Job Title,Effective From,Effective To,Work Phone,Mobile,Private Mobile
1,Eva,Gross,eva@acme.example,Clerk,2020-01-01,2021-12-31,+49 30 1234,,+49 171 1
1,Eva,Gross,eva@acme.example,Boss,2022-01-01,,+49 30 1234,+49 170 55,+49 171 1
2,Jan,Weiss,jan@acme.example,Clerk,2021-05-01,,+49 30 1235,,
";
    let folder = Folder::with(&[("people.csv", people)]);
    folder.run(["init", "--from", "people.csv"]).assert().success();
    let written = std::fs::read_to_string(folder.file("headcount.yaml")).expect("it was written");
    for line in [
        "key: 'record[\"Employee ID\"]'",
        "    from: 'date(record[\"Effective From\"])'\n    to: 'date(record[\"Effective To\"])'",
        "{attribute: phoneNumbers, value: '[{\"value\": record[\"Work Phone\"], \"type\": \"work\"}, {\"value\": record.Mobile, \"type\": \"mobile\"}]'}",
        "# Not read: `Private Mobile`",
    ] {
        assert!(written.contains(line), "{line} in {written}");
    }
    folder.run(["validate"]).assert().success();
    let explained = folder.run(["explain", "people/1"]).assert().success();
    let explained = String::from_utf8_lossy(&explained.get_output().stdout).into_owned();
    assert!(explained.contains("Boss") && !explained.contains("Clerk"), "{explained}");
}
