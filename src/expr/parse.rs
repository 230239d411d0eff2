//! Text to the CEL crate's syntax tree, inside fences: the parser recurses without a bound of its own and panics on some texts.

use cel::common::ast::{Expr, IdedExpr, SourceInfo};

use super::Problem;

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 2048;
/// Deepest brackets. The parser's time grows fast with them.
const MAX_BRACKETS: usize = 24;
/// Deepest syntax tree: `1+1+1…` is one level a term.
const MAX_DEPTH: usize = 100;
/// Enough for any text of [`MAX_LENGTH`], measured in debug builds.
const STACK: usize = 64 << 20;

/// Parses and hands the tree over, all on a thread whose stack is known to be large enough for what 2 KiB of text can nest.
pub(super) fn with_room<T: Send>(
    text: &str,
    then: impl FnOnce(&IdedExpr, &SourceInfo) -> Result<T, Vec<Problem>> + Send,
) -> Result<T, Vec<Problem>> {
    fence(text).map_err(|problem| vec![problem])?;
    let work = || {
        let (tree, info) = parse(text).map_err(|problem| vec![problem])?;
        if depth(&tree) > MAX_DEPTH {
            return Err(vec![whole(text, "the expression nests too deeply", "split it into several rules")]);
        }
        then(&tree, &info)
    };
    std::thread::scope(|scope| {
        let unreadable = |_| vec![whole(text, "the expression can't be read", "look for unusual characters and brackets")];
        let thread = std::thread::Builder::new().name("expression".into()).stack_size(STACK);
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => thread.join().map_err(|_| unreadable(()))?,
            Err(_) => Err(vec![whole(text, "no thread could be started to read the expression", "free some memory and try again")]),
        }
    })
}

fn whole(text: &str, message: &str, hint: &str) -> Problem {
    Problem { offset: 0, length: text.len(), message: message.into(), hint: Some(hint.into()) }
}

fn fence(text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(whole(text, "the expression is empty", "leave the key out, or write an expression"));
    }
    if text.len() > MAX_LENGTH {
        return Err(whole(text, "the expression is longer than 2048 bytes", "split it into several rules"));
    }
    let mut open = 0usize;
    for (offset, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_BRACKETS {
            let hint = Some("split it into several rules".into());
            return Err(Problem { offset, length: 1, message: "brackets nest too deeply".into(), hint });
        }
    }
    Ok(())
}

fn parse(text: &str) -> Result<(IdedExpr, SourceInfo), Problem> {
    // An environment without the standard library expands no macros: `exists` and its kin stay calls, which check.rs reads as they were written.
    cel::Env::default().parser().parse_with_source_info(text).map_err(|errors| {
        let first = errors.errors.first();
        let offset = first.map_or(0, |error| offset_of(text, error.pos));
        unreadable(text, offset)
    })
}

/// Line and column from 1, columns in characters, to a byte offset.
fn offset_of(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or_default();
    let column = usize::try_from(column - 1).unwrap_or_default();
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

/// The parser's own words speak of tokens; ours of what stands there.
fn unreadable(text: &str, offset: usize) -> Problem {
    let rest = text.get(offset..).unwrap_or_default();
    let word: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    let Some(first) = rest.chars().next() else {
        let hint = Some("something is missing at its end, perhaps a closing bracket".into());
        let (offset, length) = text.char_indices().next_back().map_or((0, 0), |(at, last)| (at, last.len_utf8()));
        return Problem { offset, length, message: "the expression ends too early".into(), hint };
    };
    let shown = if word.is_empty() { first.to_string() } else { word };
    let hint = match (first, shown.as_str()) {
        ('"' | '\'', _) => "a text must be closed by the quote that opened it",
        ('=', _) => "compare with ==",
        ('&', _) => "write &&",
        ('|', _) => "write ||",
        ('`', _) => "write record[\"the name\"]",
        (_, "and") => "write &&",
        (_, "or") => "write ||",
        (_, "not") => "write !",
        (letter, _) if !letter.is_ascii() => "outside of quotes only plain letters are understood; write record[\"the name\"]",
        _ => "expressions are CEL: record.dept == \"Sales\" && record.level in [\"1\", \"2\"]",
    };
    Problem { offset, length: shown.len(), message: format!("`{shown}` is not understood here"), hint: Some(hint.into()) }
}

fn depth(tree: &IdedExpr) -> usize {
    use cel::common::ast::EntryExpr;
    let below = match &tree.expr {
        Expr::Call(call) => call.target.iter().map(|target| depth(target)).chain(call.args.iter().map(depth)).max(),
        Expr::Select(select) => Some(depth(&select.operand)),
        Expr::List(list) => list.elements.iter().map(depth).max(),
        Expr::Map(map) => map
            .entries
            .iter()
            .map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
                EntryExpr::StructField(field) => depth(&field.value),
            })
            .max(),
        _ => None,
    };
    1 + below.unwrap_or_default()
}
