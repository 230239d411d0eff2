//! The grammar: a corpus read as CEL's grammar reads it, what is refused and how, and that nothing breaks the parser.

use std::fmt::Write;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

/// A tree as one line: `(+ a (* b 2))`.
fn reading(tree: &Tree<'_>) -> String {
    let all = |parts: &[Tree<'_>]| parts.iter().map(|part| format!(" {}", reading(part))).collect::<String>();
    match &tree.kind {
        Kind::Null => "null".into(),
        Kind::Bool(value) => value.to_string(),
        Kind::Int(value) => value.to_string(),
        Kind::Uint(value) => format!("{value}u"),
        Kind::Double(value) => format!("{value:?}"),
        Kind::Text(text) => Quoted(text).to_string(),
        Kind::Bytes(bytes) => bytes_text(bytes),
        Kind::Name(name) => (*name).into(),
        Kind::Rooted(of) => format!("(root {})", reading(of)),
        Kind::Field(member) => format!("(.{} {} {})", if member.optional { "?" } else { "" }, reading(&member.of), member.name.text),
        Kind::Index(index) => format!("([{}] {} {})", if index.optional { "?" } else { "" }, reading(&index.of), reading(&index.at)),
        Kind::Call(call) => match &call.of {
            None => format!("(call {}{})", call.name.text, all(&call.arguments)),
            Some(of) => format!("(on {} {}{})", reading(of), call.name.text, all(&call.arguments)),
        },
        Kind::Not(of) => format!("(! {})", reading(of)),
        Kind::Negate(of) => format!("(- {})", reading(of)),
        Kind::And(terms) => format!("(&&{})", all(terms)),
        Kind::Or(terms) => format!("(||{})", all(terms)),
        Kind::Compare(comparison, sides) => format!("({}{})", comparison.symbol(), all(sides.as_slice())),
        Kind::Math(operator, sides) => format!("({}{})", operator.symbol(), all(sides.as_slice())),
        Kind::In(sides) => format!("(in{})", all(sides.as_slice())),
        Kind::Choice(parts) => format!("(?{})", all(parts.as_slice())),
        Kind::List(items) => format!("(list{})", all(items)),
        Kind::Map(entries) => format!("(map{})", pairs(entries)),
        Kind::Optional(of) => format!("(opt {})", reading(of)),
        Kind::Message(message) => format!("(message {}{})", message.name.join("."), pairs(&message.fields)),
        Kind::Unread => "UNREAD".into(),
    }
}

fn pairs(entries: &[(Tree<'_>, Tree<'_>)]) -> String {
    entries.iter().map(|(key, value)| format!(" ({} {})", reading(key), reading(value))).collect()
}

fn bytes_text(bytes: &[u8]) -> String {
    let mut text = String::from("b\"");
    for byte in bytes {
        write!(text, "\\x{byte:02x}").unwrap();
    }
    text + "\""
}

/// The text of a tree, with no bracket that its reading does not need.
fn printed(tree: &Tree<'_>, least: u8) -> String {
    let (strength, text) = match &tree.kind {
        Kind::Choice(parts) => (0, format!("{} ? {} : {}", printed(&parts[0], 1), printed(&parts[1], 1), printed(&parts[2], 0))),
        Kind::Or(terms) => (1, row(terms, " || ", 2)),
        Kind::And(terms) => (2, row(terms, " && ", 3)),
        Kind::Compare(comparison, sides) => (3, pair(sides, comparison.symbol(), 3)),
        Kind::In(sides) => (3, pair(sides, "in", 3)),
        Kind::Math(operator @ (Operator::Add | Operator::Subtract), sides) => (4, pair(sides, operator.symbol(), 4)),
        Kind::Math(operator, sides) => (5, pair(sides, operator.symbol(), 5)),
        Kind::Not(of) => (6, format!("!{}", printed(of, if matches!(of.kind, Kind::Not(_)) { 6 } else { 7 }))),
        Kind::Negate(of) => (6, format!("-{}", negated(of))),
        kind => (7, plain(kind)),
    };
    if strength < least { format!("({text})") } else { text }
}

/// A minus before a number would belong to it.
fn negated(of: &Tree<'_>) -> String {
    let text = printed(of, if matches!(of.kind, Kind::Negate(_)) { 6 } else { 7 });
    let number = text.starts_with(|first: char| first.is_ascii_digit());
    let minus = text.starts_with('-') && !matches!(of.kind, Kind::Negate(_));
    if number || minus { format!("({text})") } else { text }
}

fn plain(kind: &Kind<'_>) -> String {
    match kind {
        Kind::Rooted(of) => format!(".{}", printed(of, 7)),
        Kind::Field(member) => format!("{}.{}{}", printed(&member.of, 7), if member.optional { "?" } else { "" }, member.name.text),
        Kind::Index(index) => format!("{}[{}{}]", printed(&index.of, 7), if index.optional { "?" } else { "" }, printed(&index.at, 0)),
        Kind::Call(call) => {
            let of = call.of.as_ref().map(|of| printed(of, 7) + ".").unwrap_or_default();
            format!("{of}{}({})", call.name.text, row(&call.arguments, ", ", 0))
        }
        Kind::List(items) => format!("[{}]", row(items, ", ", 0)),
        Kind::Map(entries) => format!("{{{}}}", entries_text(entries)),
        Kind::Message(message) => format!("{}{{{}}}", message.name.join("."), entries_text(&message.fields)),
        Kind::Optional(of) => format!("?{}", printed(of, 0)),
        kind => reading(&Tree { kind: kind.clone(), span: Span::default(), depth: 1 }),
    }
}

fn row(terms: &[Tree<'_>], between: &str, least: u8) -> String {
    terms.iter().map(|term| printed(term, least)).collect::<Vec<_>>().join(between)
}

fn pair(sides: &[Tree<'_>; 2], sign: &str, strength: u8) -> String {
    format!("{} {sign} {}", printed(&sides[0], strength), printed(&sides[1], strength + 1))
}

fn entries_text(entries: &[(Tree<'_>, Tree<'_>)]) -> String {
    entries.iter().map(|(key, value)| format!("{}: {}", printed(key, 0), printed(value, 0))).collect::<Vec<_>>().join(", ")
}

/// The reading, or where the text is refused first.
fn outcome(text: &str) -> String {
    let parsed = parse(text);
    match (&parsed.tree, parsed.problems.first()) {
        (Some(tree), None) => reading(tree),
        (_, Some(problem)) => format!("refused at {}", problem.offset),
        (None, None) => "no tree, and nothing said".into(),
    }
}

/// Everything that is wrong, each with what is marked, below the text.
fn told<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut lines = String::new();
    for text in texts {
        writeln!(lines, "{text}").unwrap();
        for problem in parse(text).problems {
            let marked = text.get(problem.offset..problem.offset + problem.length).unwrap_or("<no characters>");
            writeln!(lines, "  {}[{marked}]: {} ({})", problem.offset, problem.message, problem.hint.as_deref().unwrap_or("-")).unwrap();
        }
    }
    lines
}

/// `{U+00A0}` and the signs of line ends as they stand in the corpus.
fn unescaped(line: &str) -> String {
    let mut text = line.replace('␤', "\n").replace('␍', "\r");
    while let Some((before, rest)) = text.split_once("{U+") {
        let (number, after) = rest.split_once('}').expect("an end of {U+…}");
        let letter = char::from_u32(u32::from_str_radix(number, 16).expect("a number")).expect("a letter");
        text = format!("{before}{letter}{after}");
    }
    text
}

#[test]
fn the_corpus_is_read_as_the_grammar_reads_it() {
    let corpus = include_str!("corpus.txt");
    let mut lines = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# ") && !line.starts_with("##"));
    let (mut read, mut refused, mut wrong) = (0, 0, Vec::new());
    while let Some(line) = lines.next() {
        let expected = lines.next().and_then(|line| line.strip_prefix("    ")).expect("a reading below each expression");
        let found = outcome(&unescaped(line));
        *if expected.starts_with("refused") { &mut refused } else { &mut read } += 1;
        if found != expected {
            wrong.push(format!("{line}\n    expected {expected}\n    found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read > 400 && refused > 250, "{read} are read and {refused} refused");
}

#[test]
fn what_is_written_by_habit_is_told_with_how_it_is_written_here() {
    assert_snapshot!(told([
        "record.a = \"x\" and not record.b",
        "a <> 'b' OR c",
        "record.dept == “Sales”",
        "record.größe > 1",
        "a\u{a0}== b",
        "a ≥ 1 & b",
        "a contains 'b'",
        "a not in b",
        "if a then b",
        "record.emp no",
        "record.2nd",
        "record.\"name\"",
        "record.in",
        "record.`cost center`",
        "`Sales`",
        "${record.a}",
        "{ record.a }",
        "a ? b",
        "record?.a",
        "a ?? b",
        "let x = 1",
        "a == \\\"b\\\"",
        "10k",
        "+1",
        "matches(a, /x/)",
        "matches(a, \"\\d+\")",
        "a; b",
    ]), @r#"
    record.a = "x" and not record.b
      9[=]: `=` is not understood here (compare with ==)
      15[and]: `and` is not understood here (write &&)
      19[not]: `not` is not understood here (write !)
    a <> 'b' OR c
      2[<>]: `<>` is not understood here (write !=)
      9[OR]: `OR` is not understood here (write ||)
    record.dept == “Sales”
      15[“Sales”]: `“` is no quote here (put plain quotes around the text: "…")
    record.größe > 1
      7[größe]: `größe` is not understood here (outside of quotes only plain letters are understood; a field is record["größe"], a text "größe")
    a == b
      1[ ]: a character that can't be seen stands here (U+00A0) (replace it by a plain blank, or remove it)
    a ≥ 1 & b
      2[≥]: `≥` is not understood here (write >=)
      8[&]: `&` is not understood here (write &&)
    a contains 'b'
      2[contains]: `contains` is not understood here (write it as a function: text.contains("…"))
    a not in b
      2[not]: `not` is not understood here (write !(one in list), and !(…) around what must not be)
    if a then b
      0[if]: `if` is a word that CEL keeps for other languages (choose with condition ? one : other)
    record.emp no
      11[no]: `no` is not understood here (an operator is expected; or, where it is one name, ["emp no"] without a dot before it)
    record.2nd
      7[2nd]: a name can't begin with a digit (write ["2nd"] without the dot)
    record."name"
      7["name"]: a text can't stand behind a dot (write ["name"] without the dot)
    record.in
      7[in]: `in` can't be a name (write ["in"] without the dot)
    record.`cost center`
      7[`cost center`]: names in backticks are not supported here (write ["cost center"] without the dot)
    `Sales`
      0[`Sales`]: a name in backticks stands only behind a dot (a field is record["Sales"], a text "Sales")
    ${record.a}
      0[${]: `${` is not understood here (leave ${ and } out: all of this is an expression already)
    { record.a }
      11[}]: a `:` and a value are missing here (a map is {"name": value}; around an expression no braces are needed)
    a ? b
      2[?]: this `?` has no `:` (write condition ? one : other; what may be missing needs no `?`, it is null)
    record?.a
      6[?]: this `?` has no `:` (write condition ? one : other; what may be missing needs no `?`, it is null)
    a ?? b
      2[??]: `??` is not understood here (write default(value, otherwise))
    let x = 1
      0[let]: `let` is a word that CEL keeps for other languages (an expression has no variables; repeat the part)
      6[=]: `=` is not understood here (compare with ==)
    a == \"b\"
      5[\]: `\` is not understood here (write the quote without the backslash before it)
    10k
      0[10k]: `10k` is no number (a text stands in quotes: "10k")
    +1
      0[+]: `+` is not understood here (leave the + out)
    matches(a, /x/)
      11[/]: `/` is not understood here (a pattern is a text in quotes: matches(text, "pattern"))
    matches(a, "\d+")
      12[\d]: `\d` means nothing in a text (a backslash is written \\ (\\d), or the text is raw: r"…")
    a; b
      1[;]: `;` is not understood here (an expression is one value; nothing stands behind it)
    "#);
}

#[test]
fn what_is_open_is_told_where_it_begins() {
    assert_snapshot!(told([
        "lower(record.a",
        "(a && (b || c)",
        "[a, b",
        "{\"a\": b",
        "f([a)",
        "(a\n  && [b)",
        "a)",
        "\"open",
        "'it's",
        "a == 'b\"",
        "f(\"a\nb\")",
        "a ==",
        "== a",
        "a == && b",
        "f(a, )",
        "()",
        "[a, , b]",
        "a b",
        "a, b",
        "// a",
    ]), @r#"
    lower(record.a
      5[(]: this `(` is not closed (write ) where it ends)
    (a && (b || c)
      0[(]: this `(` is not closed (write ) where it ends)
    [a, b
      0[[]: this `[` is not closed (write ] where it ends)
    {"a": b
      0[{]: this `{` is not closed (write } where it ends)
    f([a)
      4[)]: `)` is not understood here (the `[` in column 3 is still open)
    (a
      && [b)
      10[)]: `)` is not understood here (the `[` in line 2, column 6 is still open)
    a)
      1[)]: this `)` closes nothing (remove it, or open it before)
    "open
      0["]: the text that begins here is not closed (end it with ")
    'it's
      3[']: the text ends at this quote (a ' inside is written \', or the text stands in the other quotes)
    a == 'b"
      5[']: the text that begins here is not closed (it begins with ', so it ends with ' and not with ")
    f("a
    b")
      2["]: the text that begins here is not closed (end it with " on its line; a new line inside is written \n)
    a ==
      2[==]: nothing stands behind `==` (write the value, or remove it)
    == a
      0[==]: nothing stands before `==` (write the value before it, or remove it)
    a == && b
      5[&&]: a value is missing between `==` and `&&` (write it, or remove one of them)
    f(a, )
      5[)]: a value is missing between `,` and `)` (write it, or remove one of them)
    ()
      0[()]: nothing stands in `()` (write a value in it, or remove it)
    [a, , b]
      4[,]: a value is missing between `,` and `,` (write it, or remove one of them)
    a b
      2[b]: `b` is not understood here (an operator is expected; or, where it is one name, ["a b"] without a dot before it)
    a, b
      1[,]: a comma stands only between the items of a list or of a function (several values are a list: [one, other])
    // a
      0[// a]: the expression is empty: it is a comment alone (leave the key out, or write an expression)
    "#);
}

#[test]
fn the_bounds_are_told() {
    let told = [
        " ".to_owned(),
        "a".repeat(2049),
        format!("{}a{}", "(".repeat(33), ")".repeat(33)),
        format!("a{}", " + a".repeat(100)),
        format!("{}a", "!".repeat(100)),
        format!("{}b", "a ? b : ".repeat(100)),
        format!("a{}", ".a".repeat(100)),
    ];
    let all: Vec<String> = told
        .iter()
        .map(|text| {
            parse(text).problems.iter().map(|problem| format!("{} to {}: {}", problem.offset, problem.length, problem.message)).collect()
        })
        .collect();
    assert_snapshot!(all.join("\n"), @r#"
    0 to 1: the expression is empty
    0 to 2049: the expression is longer than 2048 bytes
    32 to 1: brackets nest too deeply
    0 to 401: the expression nests too deeply
    0 to 101: the expression nests too deeply
    0 to 801: the expression nests too deeply
    0 to 201: the expression nests too deeply
    "#);
    assert!(parse(&"a".repeat(2048)).problems.is_empty());
    assert!(parse(&format!("a{}", " && a".repeat(400))).problems.is_empty(), "a row is one level");
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b.c",
        "x1",
        "1",
        "-1",
        "0x1f",
        "2u",
        "1.5",
        "-.5",
        "1e9",
        "'s'",
        r#""\u00e9\n""#,
        r"r'\d'",
        "b'x'",
        "'''q'q'''",
        "true",
        "null",
        ".a",
        "[]",
        "{}",
        "f()",
        "A{b: 1}",
        "a.?b",
        "a.for",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let operators = vec!["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"];
        let one = || inner.clone();
        prop_oneof![
            4 => (one(), prop::sample::select(operators), one()).prop_map(|(one, sign, other)| format!("{one} {sign} {other}")),
            1 => (one(), one(), one()).prop_map(|(one, two, three)| format!("{one} ? {two} : {three}")),
            1 => one().prop_map(|one| format!("({one})")),
            1 => one().prop_map(|one| format!("!{one}")),
            1 => one().prop_map(|one| format!("-{one}")),
            1 => (one(), one()).prop_map(|(one, two)| format!("{one}[{two}]")),
            1 => (one(), one()).prop_map(|(one, two)| format!("{one}.f({two})")),
            1 => (one(), one()).prop_map(|(one, two)| format!("[{one}, ?{two},]")),
            1 => (one(), one()).prop_map(|(one, two)| format!("{{{one}: {two}}}")),
            1 => (one(), one()).prop_map(|(one, two)| format!("f({one}, {two}).g")),
        ]
    })
}

fn soup() -> impl Strategy<Value = String> {
    let words = vec![
        "a", "b ", " ", "1", "9", "-", "!", "(", ")", "[", "]", "{", "}", ".", ",", ":", "?", "+", "*", "/", "%", "==", "&&", "||", " in ",
        "<", ">=", "=", "'", "\"", "'''", "\"\"\"", "'s'", "\\", "\\n", "\\u00", "r", "b", "u", "e", "0x", "1.5", "f(", "a.b", "true",
        "null", "//", "\n", "\r", "é", "😀", "\u{a0}", "“", "”", "for", " and ", "not ", "`", "$", "#", "\u{202e}", "王",
    ];
    prop::collection::vec(prop::sample::select(words), 0..30).prop_map(|words| words.concat())
}

fn cases() -> u32 {
    std::env::var("HEADCOUNT_PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(256)
}

/// Whatever it is: something is read or something is said, in bounds; and what was read reads the same when it is written again.
fn holds(text: &str) {
    let parsed = parse(text);
    assert!(parsed.tree.is_some() || !parsed.problems.is_empty(), "nothing said of {text:?}");
    for problem in &parsed.problems {
        let marked = text.get(problem.offset..problem.offset + problem.length);
        assert!(marked.is_some_and(|marked| text.is_empty() || !marked.is_empty()), "{problem:?} marks no characters of {text:?}");
        assert!(problem.message.len() < 400, "{problem:?}");
    }
    if let (Some(tree), []) = (&parsed.tree, parsed.problems.as_slice()) {
        let again = printed(tree, 0);
        assert_eq!(outcome(&again), reading(tree), "{text:?} is written {again:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        holds(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        holds(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_tokens_are_read_or_refused(text in soup()) {
        holds(&text);
    }

    #[test]
    fn what_is_written_from_a_tree_reads_as_the_tree(text in expression()) {
        holds(&text);
    }
}
