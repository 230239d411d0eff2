//! The syntax tree to nodes: every name, function and number of arguments is checked here, so nothing is left to go wrong but the data.

use std::sync::Arc;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, MapExpr, SourceInfo, operators};

use super::date::Format;
use super::datum::Datum;
use super::function::{self, Function};
use super::node::{Comparison, Loop, LoopKind, Node, Operator};
use super::root::{Resolved, Root, outcome_path};
use super::{Problem, date};
use crate::diagnostic::{did_you_mean, nearest};
use crate::model::Tables;

/// Loops in loops: more would let 2 KiB of text run for hours.
const MAX_LOOPS: usize = 2;
/// Memory of one compiled pattern.
const MAX_PATTERN: usize = 1 << 20;

/// The node, and the paths it reads in the order of their positions.
pub(super) fn check(tree: &IdedExpr, info: &SourceInfo, root: Root, tables: &Tables) -> Result<(Node, Vec<Arc<str>>), Vec<Problem>> {
    let mut check = Check { info, root, tables, reads: Vec::new(), locals: Vec::new(), problems: Vec::new() };
    let node = check.node(tree);
    if check.problems.is_empty() { Ok((node, check.reads)) } else { Err(check.problems) }
}

struct Check<'a> {
    info: &'a SourceInfo,
    root: Root,
    tables: &'a Tables,
    reads: Vec<Arc<str>>,
    /// loop variables, outermost first
    locals: Vec<String>,
    problems: Vec<Problem>,
}

/// A name in a chain such as `identity.name.givenName`, with the node that carries it.
struct Segment<'t> {
    name: &'t str,
    id: u64,
}

impl Check<'_> {
    fn node(&mut self, tree: &IdedExpr) -> Node {
        if let Some((base, segments)) = chain(tree) {
            return self.path(tree, base, &segments);
        }
        match &tree.expr {
            Expr::Literal(literal) => self.literal(tree, literal),
            Expr::Select(select) => Node::Field(self.boxed(&select.operand), select.field.as_str().into()),
            Expr::Call(call) => self.call(tree, call),
            Expr::List(list) => fold(Node::List(list.elements.iter().map(|item| self.node(item)).collect())),
            Expr::Map(map) => self.map(map),
            _ => self.problem(tree, "this is not supported here".into(), None),
        }
    }

    fn boxed(&mut self, tree: &IdedExpr) -> Box<Node> {
        Box::new(self.node(tree))
    }

    fn literal(&mut self, tree: &IdedExpr, literal: &LiteralValue) -> Node {
        Node::Literal(match literal {
            LiteralValue::Boolean(value) => Datum::Bool(*value.inner()),
            LiteralValue::Int(value) => Datum::Int(*value.inner()),
            LiteralValue::Null => Datum::Null,
            LiteralValue::String(text) => Datum::Text(text.inner().to_owned().into()),
            LiteralValue::Double(_) => {
                let hint = "numbers with a fraction are text as they were written: \"0.5\"";
                return self.problem(tree, "numbers with a fraction are not supported".into(), Some(hint.into()));
            }
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
                return self.problem(tree, "only texts, whole numbers, true, false and null are supported".into(), None);
            }
        })
    }

    fn map(&mut self, map: &MapExpr) -> Node {
        let mut entries = Vec::new();
        for entry in &map.entries {
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                entries.push((self.node(&entry.key), self.node(&entry.value)));
            }
        }
        Node::Map(entries.into())
    }

    /// A chain of names from a loop variable or the root.
    fn path(&mut self, tree: &IdedExpr, base: &IdedExpr, segments: &[Segment<'_>]) -> Node {
        let Expr::Ident(name) = &base.expr else { return self.problem(tree, "this is not supported here".into(), None) };
        let names: Vec<_> = segments.iter().map(|segment| segment.name).collect();
        if let Some(local) = self.locals.iter().rposition(|known| known == name) {
            return fields(Node::Local(local), &names);
        }
        let outcome = self.root == Root::Mapping && name == Root::Account.name();
        let of = if outcome { Root::Account } else { self.root };
        let root = of.name();
        if name != root {
            return self.unknown_variable(base, name, &names);
        }
        if names.is_empty() {
            return self.problem(base, format!("`{root}` alone is no value"), Some(format!("name a field: {root}.displayName")));
        }
        match of.resolve(&names) {
            Resolved::Path { path, used } => {
                let path = if outcome { outcome_path(&path) } else { path };
                fields(Node::Input(self.read(path)), &names[used..])
            }
            Resolved::Prefix(_) if outcome => {
                let hint = format!("name one of its parts, such as account.{}.familyName", names.join("."));
                self.problem(base, format!("`account.{}` has parts", names.join(".")), Some(hint))
            }
            Resolved::Prefix(below) => Node::Map(
                below
                    .iter()
                    .map(|(field, path)| (Node::Literal(Datum::Text((*field).into())), Node::Input(self.read(Arc::from(*path)))))
                    .collect(),
            ),
            Resolved::Unknown { hint } => {
                let last = segments.last().map_or(base.id, |segment| segment.id);
                let message = format!("nothing is called `{root}.{}`", names.join("."));
                let start = self.span(base.id).0;
                let end = self.name_end(last, names.last().copied().unwrap_or_default());
                self.problems.push(Problem { offset: start, length: end.saturating_sub(start).max(1), message, hint: Some(hint) });
                Node::Literal(Datum::Null)
            }
        }
    }

    fn unknown_variable(&mut self, base: &IdedExpr, name: &str, below: &[&str]) -> Node {
        let root = self.root.name();
        let known = self.root.names();
        let hint = match nearest(name, std::iter::once(root).chain(known)) {
            Some(near) if near == root => format!("did you mean {root}?"),
            Some(near) if below.is_empty() => format!("write {root}.{near}, or \"{name}\" for the text"),
            _ if below.is_empty() => format!("write {root}.{name}, or \"{name}\" for the text"),
            _ => format!("only `{root}` is known here"),
        };
        self.problem(base, format!("nothing is called `{name}` here"), Some(hint))
    }

    fn read(&mut self, path: Arc<str>) -> usize {
        self.reads.iter().position(|known| *known == path).unwrap_or_else(|| {
            self.reads.push(path);
            self.reads.len() - 1
        })
    }

    fn call(&mut self, tree: &IdedExpr, call: &CallExpr) -> Node {
        if let Some(node) = self.operator(call) {
            return node;
        }
        let name = call.func_name.as_str();
        if let (Some(target), Some(kind)) = (&call.target, LoopKind::of(name, call.args.len())) {
            return self.each(tree, kind, target, &call.args);
        }
        if name == operators::HAS && call.target.is_none() && call.args.len() == 1 {
            return self.has(&call.args[0]);
        }
        let arguments: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        if name == "matches" && arguments.len() == 2 {
            return self.matches(arguments[0], arguments[1]);
        }
        if let ("lookup", None, [table, key]) = (name, &call.target, call.args.as_slice()) {
            return self.lookup(table, key);
        }
        if let ("date", [of, more @ ..]) = (name, arguments.as_slice())
            && more.len() <= 2
        {
            return self.date(of, more);
        }
        match function::find(name) {
            Some(function) if (function.least..=function.most).contains(&arguments.len()) => self.function(function, &arguments),
            Some(function) => {
                let message = format!("`{name}` takes {}, not {}", function.arity(), arguments.len());
                self.problem(tree, message, Some(format!("write {}", function.usage)))
            }
            None if name == "date" => {
                let message = "`date` takes a text, and perhaps its format and a time zone";
                self.problem(tree, message.into(), Some("write date(record.start) or date(record.start, \"dd.MM.yyyy\")".into()))
            }
            None if name == "lookup" => {
                let message = "`lookup` takes a table's name and a key";
                self.problem(tree, message.into(), Some("write lookup(\"costCenters\", record.cost_center)".into()))
            }
            None => self.unknown_function(tree, name),
        }
    }

    fn lookup(&mut self, table: &IdedExpr, key: &IdedExpr) -> Node {
        let key = self.boxed(key);
        let Expr::Literal(LiteralValue::String(name)) = &table.expr else {
            let hint = "the key comes second: lookup(\"costCenters\", record.cost_center)";
            return self.problem(table, "the name of the table must be a text in quotes".into(), Some(hint.into()));
        };
        if let Some(table) = self.tables.get(name.inner()) {
            return Node::Lookup(table.clone(), key);
        }
        let hint = did_you_mean(name.inner(), self.tables.keys().map(AsRef::as_ref));
        let hint = hint.unwrap_or_else(|| "tables stand in the Workspace, below `tables`".into());
        self.problem(table, format!("there is no table `{}`", name.inner()), Some(hint))
    }

    fn function(&mut self, function: &'static Function, arguments: &[&IdedExpr]) -> Node {
        Node::Call(function, arguments.iter().map(|argument| self.node(argument)).collect())
    }

    /// Format and zone are compiled here, so both must stand there as texts.
    fn date(&mut self, of: &IdedExpr, more: &[&IdedExpr]) -> Node {
        let of = self.boxed(of);
        let mut texts = [None, None];
        for (place, argument) in texts.iter_mut().zip(more) {
            let Expr::Literal(LiteralValue::String(text)) = &argument.expr else {
                return self.problem(argument, "format and time zone of `date` must be texts in quotes".into(), Some(date::HINT.into()));
            };
            *place = Some(text.inner());
        }
        let mut format = Format::PLAIN;
        if let (Some(text), Some(at)) = (texts[0], more.first()) {
            match Format::new(text) {
                Ok(known) => format = known,
                Err(words) => return self.problem(at, words.into_owned(), Some(date::HINT.into())),
            }
        }
        if let (Some(zone), Some(at)) = (texts[1], more.get(1)) {
            match format.in_zone(zone) {
                Ok(there) => format = there,
                Err(words) => return self.problem(at, words.into_owned(), Some(date::ZONE_HINT.into())),
            }
        }
        Node::Date(of, Box::new(format))
    }

    fn unknown_function(&mut self, tree: &IdedExpr, name: &str) -> Node {
        // The parser's own name of an operator, such as the one that stands behind `a.?b`.
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return self.problem(
                tree,
                "this is not supported here".into(),
                Some("to ask for what may be missing write has(...) or default(...)".into()),
            );
        }
        let hint = match function::nearest_name(name) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("known are {}", function::names().collect::<Vec<_>>().join(", ")),
        };
        let (start, _) = self.call_name(tree.id, name);
        self.problems.push(Problem {
            offset: start,
            length: name.len(),
            message: format!("there is no function `{name}`"),
            hint: Some(hint),
        });
        Node::Literal(Datum::Null)
    }

    fn matches(&mut self, text: &IdedExpr, pattern: &IdedExpr) -> Node {
        let of = self.boxed(text);
        let Expr::Literal(LiteralValue::String(literal)) = &pattern.expr else {
            return self.problem(pattern, "the pattern of `matches` must be a text in quotes".into(), None);
        };
        match regex::RegexBuilder::new(literal.inner()).size_limit(MAX_PATTERN).build() {
            Ok(regex) => Node::Matches(of, Box::new(regex)),
            Err(_) => {
                self.problem(pattern, "the pattern can't be read".into(), Some("it is a regular expression, such as \"^[A-Z]{2}\"".into()))
            }
        }
    }

    fn each(&mut self, tree: &IdedExpr, kind: LoopKind, over: &IdedExpr, arguments: &[IdedExpr]) -> Node {
        let over = self.node(over);
        let Some(Expr::Ident(variable)) = arguments.first().map(|first| &first.expr) else {
            let message = "the first argument must be a plain name, as in list.exists(x, x == \"a\")";
            return self.problem(tree, message.into(), None);
        };
        if self.locals.len() >= MAX_LOOPS {
            return self.problem(tree, "loops nest too deeply".into(), Some("at most two may stand in each other".into()));
        }
        self.locals.push(variable.clone());
        let only = if arguments.len() == 3 { Some(self.node(&arguments[1])) } else { None };
        let body = arguments.last().map_or(Node::Literal(Datum::Null), |last| self.node(last));
        self.locals.pop();
        Node::Loop(Box::new(Loop { kind, over, variable: variable.as_str().into(), only, body }))
    }

    fn has(&mut self, of: &IdedExpr) -> Node {
        match self.node(of) {
            Node::Input(at) => Node::Has(at),
            Node::Field(of, name) => Node::HasField(of, name),
            node if !self.problems.is_empty() => node,
            _ => self.problem(of, "`has` takes a path, as in has(record.dept)".into(), None),
        }
    }

    fn operator(&mut self, call: &CallExpr) -> Option<Node> {
        Some(match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [one, other]) => Node::And(self.boxed(one), self.boxed(other)),
            (operators::LOGICAL_OR, [one, other]) => Node::Or(self.boxed(one), self.boxed(other)),
            (operators::LOGICAL_NOT, [of]) => Node::Not(self.boxed(of)),
            (operators::NEGATE, [of]) => Node::Negate(self.boxed(of)),
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                Node::Choice(Box::new([self.node(condition), self.node(then), self.node(otherwise)]))
            }
            (operators::IN, [one, other]) => Node::In(Box::new([self.node(one), self.node(other)])),
            (operators::INDEX, [of, index]) => Node::Index(self.boxed(of), self.boxed(index)),
            (name, [one, other]) => match (comparison(name), arithmetic(name)) {
                (Some(comparison), _) => Node::Compare(comparison, Box::new([self.node(one), self.node(other)])),
                (_, Some(operator)) => Node::Math(operator, Box::new([self.node(one), self.node(other)])),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn problem(&mut self, tree: &IdedExpr, message: String, hint: Option<String>) -> Node {
        let (start, end) = self.span(tree.id);
        self.problems.push(Problem { offset: start, length: end.saturating_sub(start).max(1), message, hint });
        Node::Literal(Datum::Null)
    }

    /// Bytes of the token that stands for a node.
    fn span(&self, id: u64) -> (usize, usize) {
        let text = &self.info.source;
        let (start, last) = self.info.offset_for(id).map_or((0, 0), |(start, last)| (start as usize, last as usize));
        let start = if text.is_char_boundary(start) { start } else { 0 };
        let last_length = text.get(last..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        (start, (last + last_length).clamp(start, text.len().max(start)))
    }

    /// Where a field's name ends: the node's token is the dot or bracket before it.
    fn name_end(&self, id: u64, name: &str) -> usize {
        let (start, end) = self.span(id);
        let found = self.info.source.get(start..).and_then(|rest| rest.find(name));
        found.map_or(end, |at| start + at + name.len())
    }

    /// Where a called function's name stands: the node's token is the bracket after it, or the name.
    fn call_name(&self, id: u64, name: &str) -> (usize, usize) {
        let (start, end) = self.span(id);
        let text = &self.info.source;
        if text.get(start..).is_some_and(|rest| rest.starts_with(name)) {
            return (start, start + name.len());
        }
        text.get(..end).and_then(|before| before.rfind(name)).map_or((start, end), |at| (at, at + name.len()))
    }
}

/// `a.b["c"].d` as its base and the segments, outermost last.
fn chain(tree: &IdedExpr) -> Option<(&IdedExpr, Vec<Segment<'_>>)> {
    let mut segments = Vec::new();
    let mut at = tree;
    loop {
        match &at.expr {
            Expr::Ident(_) => break,
            Expr::Select(select) => {
                segments.push(Segment { name: &select.field, id: at.id });
                at = &select.operand;
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), id }] = call.args.as_slice() else { return None };
                segments.push(Segment { name: name.inner(), id: *id });
                at = of;
            }
            _ => return None,
        }
    }
    segments.reverse();
    Some((at, segments))
}

fn fields(node: Node, names: &[&str]) -> Node {
    names.iter().fold(node, |node, name| Node::Field(Box::new(node), (*name).into()))
}

/// A list of literals is a literal.
fn fold(node: Node) -> Node {
    let Node::List(items) = node else { return node };
    if !items.iter().all(|item| matches!(item, Node::Literal(value) if !matches!(value, Datum::Null))) {
        return Node::List(items);
    }
    let literals = items.into_iter().filter_map(|item| if let Node::Literal(value) = item { Some(value) } else { None });
    Node::Literal(Datum::List(literals.collect()))
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn arithmetic(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        _ => return None,
    })
}
