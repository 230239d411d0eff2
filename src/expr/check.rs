//! The syntax tree to nodes: every name, function and number of arguments is checked here, so nothing is left to go wrong but the data.

use std::sync::Arc;

use super::date::Format;
use super::datum::Datum;
use super::function::{self, Function};
use super::node::{Loop, LoopKind, Node};
use super::root::{Resolved, Root, outcome_path, path_of_segments};
use super::syntax::{Call, Kind, Member, Operator, Quoted, Span, Tree};
use super::{Problem, date, foreign};
use crate::diagnostic::{did_you_mean, nearest};
use crate::model::Tables;

/// Loops in loops: more would let 2 KiB of text run for hours.
const MAX_LOOPS: usize = 2;
/// Memory of one compiled pattern.
const MAX_PATTERN: usize = 1 << 20;

const OPTIONAL: &str = "to ask for what may be missing write has(...) or default(...)";

/// What was checked: the node, the paths it reads in the order of their positions, and what is wrong.
pub(super) struct Checked {
    pub(super) node: Node,
    pub(super) reads: Vec<Arc<str>>,
    pub(super) problems: Vec<Problem>,
}

pub(super) fn check(text: &str, tree: &Tree<'_>, root: Root, tables: &Tables) -> Checked {
    let mut check = Check { text, root, tables, reads: Vec::new(), locals: Vec::new(), problems: Vec::new() };
    let node = check.node(tree);
    Checked { node, reads: check.reads, problems: check.problems }
}

struct Check<'a> {
    text: &'a str,
    root: Root,
    tables: &'a Tables,
    reads: Vec<Arc<str>>,
    /// loop variables, outermost first
    locals: Vec<&'a str>,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    fn node(&mut self, tree: &Tree<'a>) -> Node {
        if let Some((base, names)) = chain(tree) {
            return self.path(tree, base, &names);
        }
        match &tree.kind {
            Kind::Null | Kind::Unread => Node::Literal(Datum::Null),
            Kind::Bool(value) => Node::Literal(Datum::Bool(*value)),
            Kind::Int(value) => Node::Literal(Datum::Int(*value)),
            Kind::Text(text) => Node::Literal(Datum::Text(text.to_string().into())),
            Kind::Call(call) => self.call(tree, call),
            Kind::Not(of) => Node::Not(self.boxed(of)),
            Kind::Negate(of) => Node::Negate(self.boxed(of)),
            Kind::And(terms) => Node::And(self.all(terms)),
            Kind::Or(terms) => Node::Or(self.all(terms)),
            Kind::Compare(comparison, sides) => Node::Compare(*comparison, self.both(sides)),
            Kind::Math(operator, sides) => self.math(tree, *operator, sides),
            Kind::In(sides) => Node::In(self.both(sides)),
            Kind::Choice(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                Node::Choice(Box::new([self.node(condition), self.node(then), self.node(otherwise)]))
            }
            Kind::List(items) => fold(Node::List(self.all(items))),
            Kind::Map(entries) => Node::Map(entries.iter().map(|(key, value)| (self.node(key), self.node(value))).collect()),
            Kind::Field(member) if !member.optional => Node::Field(self.boxed(&member.of), member.name.text.into()),
            Kind::Index(index) if !index.optional => Node::Index(self.boxed(&index.of), self.boxed(&index.at)),
            _ => self.unsupported(tree),
        }
    }

    /// What CEL has and headcount does not.
    fn unsupported(&mut self, tree: &Tree<'a>) -> Node {
        let (message, hint): (&str, String) = match &tree.kind {
            Kind::Double(number) => (
                "numbers with a fraction are not supported",
                format!("numbers with a fraction are text as they were written: \"{number}\""),
            ),
            Kind::Uint(number) => ("numbers without a sign are not supported", format!("write {number}")),
            Kind::Bytes(bytes) => ("bytes are not supported", format!("write a text: {}", Quoted(&String::from_utf8_lossy(bytes)))),
            Kind::Field(member) => return self.at(member.name.span, "`.?` is not supported here", OPTIONAL),
            Kind::Index(index) => return self.at(index.at.span, "`[?…]` is not supported here", OPTIONAL),
            Kind::Optional(_) => {
                ("`?` before an item or a key is not supported here", "a list or map leaves out what is null by itself".into())
            }
            Kind::Rooted(_) => ("a dot before a name is not supported here", "leave the dot out".into()),
            Kind::Message(message) => {
                let hint = format!("`{}{{…}}` makes one; write a map: {{\"type\": \"work\"}}", message.name.join("."));
                ("messages are not supported here", hint)
            }
            _ => ("this is not supported here", "docs/expressions.md says what is".into()),
        };
        self.problem(tree, message.into(), Some(hint))
    }

    fn boxed(&mut self, tree: &Tree<'a>) -> Box<Node> {
        Box::new(self.node(tree))
    }

    fn all(&mut self, trees: &[Tree<'a>]) -> Box<[Node]> {
        trees.iter().map(|tree| self.node(tree)).collect()
    }

    fn both(&mut self, [one, other]: &[Tree<'a>; 2]) -> Box<[Node; 2]> {
        Box::new([self.node(one), self.node(other)])
    }

    fn math(&mut self, tree: &Tree<'a>, operator: Operator, sides: &[Tree<'a>; 2]) -> Node {
        match self.hyphenated(tree) {
            Some((member, name)) => {
                let message = format!("`{}` is read as a subtraction", tree.span.of(self.text));
                let hint = format!("write {}[\"{name}\"], or put blanks around the minus", member.of.span.of(self.text));
                self.problem(tree, message, Some(hint))
            }
            None => Node::Math(operator, self.both(sides)),
        }
    }

    /// `record.cost-center`: the field, and the name that is meant.
    fn hyphenated<'t>(&self, tree: &'t Tree<'a>) -> Option<(&'t Member<'a>, String)> {
        let Kind::Math(Operator::Subtract, sides) = &tree.kind else { return None };
        let [left, right] = sides.as_ref();
        let Kind::Name(word) = right.kind else { return None };
        if right.span.start != left.span.end + 1 || word == self.root.name() || self.locals.contains(&word) {
            return None;
        }
        match &left.kind {
            Kind::Field(member) => Some((member, format!("{}-{word}", member.name.text))),
            _ => self.hyphenated(left).map(|(member, name)| (member, format!("{name}-{word}"))),
        }
    }

    /// A chain of names from a loop variable or the root.
    fn path(&mut self, tree: &Tree<'a>, base: &Tree<'a>, names: &[&str]) -> Node {
        let Kind::Name(name) = base.kind else { return self.unsupported(base) };
        if let Some(local) = self.locals.iter().rposition(|known| *known == name) {
            return fields(Node::Local(local, name.into()), names);
        }
        if let Root::Exchange(variables) = self.root {
            return match variables.contains(&name) {
                true => Node::Input(self.read(path_of_segments([name].into_iter().chain(names.iter().copied())).into())),
                false => self.unknown_in_exchange(base, name, variables),
            };
        }
        let outcome = self.root == Root::Mapping && name == Root::Account.name();
        let of = if outcome { Root::Account } else { self.root };
        let root = of.name();
        if name != root {
            return self.unknown_variable(base, name, names);
        }
        if names.is_empty() {
            return self.problem(base, format!("`{root}` alone is no value"), Some(format!("name a field: {root}.displayName")));
        }
        match of.resolve(names) {
            Resolved::Path { path, used } => {
                let path = if outcome { outcome_path(&path) } else { path };
                fields(Node::Input(self.read(path)), names.get(used..).unwrap_or_default())
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
            Resolved::Unknown { hint } => self.problem(tree, format!("nothing is called `{root}.{}`", names.join(".")), Some(hint)),
        }
    }

    fn unknown_in_exchange(&mut self, base: &Tree<'a>, name: &str, variables: &[&str]) -> Node {
        let hint = match nearest(name, variables.iter().copied()) {
            Some(near) => format!("did you mean {near}? \"{name}\" is the text"),
            None => format!("known here are {}; \"{name}\" is the text", variables.join(", ")),
        };
        self.problem(base, format!("nothing is called `{name}` here"), Some(hint))
    }

    fn unknown_variable(&mut self, base: &Tree<'a>, name: &str, below: &[&str]) -> Node {
        let root = self.root.name();
        let known = self.root.names();
        let same = match name {
            "True" | "TRUE" | "False" | "FALSE" | "Null" | "NULL" => Some(name.to_lowercase()),
            "None" | "nil" | "undefined" => Some("null".into()),
            _ => None,
        };
        if let Some(same) = same.filter(|_| below.is_empty()) {
            return self.problem(base, format!("nothing is called `{name}` here"), Some(format!("write {same}")));
        }
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

    fn call(&mut self, tree: &Tree<'a>, call: &Call<'a>) -> Node {
        let name = call.name.text;
        let arguments: Vec<&Tree<'a>> = call.of.iter().chain(&call.arguments).collect();
        if let Some(Tree { kind: Kind::Name(space), span, .. }) = &call.of
            && foreign::is_namespace(space)
            && !self.locals.contains(space)
        {
            return self.at(span.to(call.name.span), &format!("`{space}.{name}` is CEL, but not supported here"), &known_functions());
        }
        match (name, &call.of, arguments.as_slice()) {
            ("has", None, [of]) => self.has(of),
            ("matches", _, [text, pattern]) => self.matches(text, pattern),
            ("lookup", None, [table, key]) => self.lookup(table, key),
            ("date", _, [of, more @ ..]) if more.len() <= 2 => self.date(of, more),
            _ => match (&call.of, LoopKind::of(name, call.arguments.len()), function::find(name)) {
                (Some(over), Some(kind), _) => self.each(tree, kind, over, &call.arguments),
                (_, _, Some(function)) if (function.least..=function.most).contains(&arguments.len()) => {
                    self.function(function, &arguments)
                }
                (_, _, Some(function)) => {
                    let message = format!("`{name}` takes {}, not {}", function.arity(), arguments.len());
                    self.at(call.name.span, &message, &format!("write {}", function.usage))
                }
                (_, _, None) => self.unknown_function(call),
            },
        }
    }

    fn unknown_function(&mut self, call: &Call<'a>) -> Node {
        let name = call.name.text;
        let (message, hint) = match name {
            "date" => (
                "`date` takes a text, and perhaps its format and a time zone".into(),
                "write date(record.start) or date(record.start, \"dd.MM.yyyy\")".into(),
            ),
            "lookup" => ("`lookup` takes a table's name and a key".into(), "write lookup(\"costCenters\", record.cost_center)".into()),
            "has" => ("`has` takes a path".into(), "write has(record.dept)".into()),
            "matches" => ("`matches` takes a text and a pattern".into(), "write matches(record.id, \"^[0-9]+$\")".into()),
            "not" => ("there is no function `not`".into(), "write !(…)".into()),
            _ if LoopKind::of(name, 2).is_some() => {
                (format!("`{name}` goes through a list, with a name and what is asked of each"), format!("write list.{name}(x, …)"))
            }
            _ => match (function::nearest_name(name), foreign::instead_of(name)) {
                (_, Some(instead)) => (format!("`{name}` is CEL, but not supported here"), instead.into()),
                (Some(near), None) => (format!("there is no function `{name}`"), format!("did you mean {near}?")),
                (None, None) => (format!("there is no function `{name}`"), known_functions()),
            },
        };
        self.at(call.name.span, &message, &hint)
    }

    fn lookup(&mut self, table: &Tree<'a>, key: &Tree<'a>) -> Node {
        let key = self.boxed(key);
        let Kind::Text(name) = &table.kind else {
            let hint = "the key comes second: lookup(\"costCenters\", record.cost_center)";
            return self.problem(table, "the name of the table must be a text in quotes".into(), Some(hint.into()));
        };
        if let Some(table) = self.tables.get(name.as_ref()) {
            return Node::Lookup(table.clone(), key);
        }
        let hint = did_you_mean(name.as_ref(), self.tables.keys().map(AsRef::as_ref));
        let hint = hint.unwrap_or_else(|| "tables stand in the Workspace, below `tables`".into());
        self.problem(table, format!("there is no table `{}`", name.as_ref()), Some(hint))
    }

    fn function(&mut self, function: &'static Function, arguments: &[&Tree<'a>]) -> Node {
        Node::Call(function, arguments.iter().map(|argument| self.node(argument)).collect())
    }

    /// Format and zone are compiled here, so both must stand there as texts.
    fn date(&mut self, of: &Tree<'a>, more: &[&Tree<'a>]) -> Node {
        let of = self.boxed(of);
        let mut texts = [None, None];
        for (place, argument) in texts.iter_mut().zip(more) {
            let Kind::Text(text) = &argument.kind else {
                return self.problem(argument, "format and time zone of `date` must be texts in quotes".into(), Some(date::HINT.into()));
            };
            *place = Some(text.as_ref());
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

    fn matches(&mut self, text: &Tree<'a>, pattern: &Tree<'a>) -> Node {
        let of = self.boxed(text);
        let Kind::Text(literal) = &pattern.kind else {
            return self.problem(pattern, "the pattern of `matches` must be a text in quotes".into(), None);
        };
        match regex::RegexBuilder::new(literal).size_limit(MAX_PATTERN).build() {
            Ok(regex) => Node::Matches(of, Box::new(regex)),
            Err(_) => {
                self.problem(pattern, "the pattern can't be read".into(), Some("it is a regular expression, such as \"^[A-Z]{2}\"".into()))
            }
        }
    }

    fn each(&mut self, tree: &Tree<'a>, kind: LoopKind, over: &Tree<'a>, arguments: &[Tree<'a>]) -> Node {
        let over = self.node(over);
        let (variable, only, body) = match arguments {
            [variable, body] => (variable, None, body),
            [variable, only, body] => (variable, Some(only), body),
            _ => return self.unsupported(tree),
        };
        let Kind::Name(name) = variable.kind else {
            let message = "the first argument must be a plain name, as in list.exists(x, x == \"a\")";
            return self.problem(variable, message.into(), None);
        };
        if self.locals.len() >= MAX_LOOPS {
            return self.problem(tree, "loops nest too deeply".into(), Some("at most two may stand in each other".into()));
        }
        self.locals.push(name);
        let only = only.map(|only| self.node(only));
        let body = self.node(body);
        self.locals.pop();
        Node::Loop(Box::new(Loop { kind, over, variable: name.into(), only, body }))
    }

    fn has(&mut self, of: &Tree<'a>) -> Node {
        match self.node(of) {
            Node::Input(at) => Node::Has(at),
            Node::Field(of, name) => Node::HasField(of, name),
            node if !self.problems.is_empty() => node,
            _ => self.problem(of, "`has` takes a path, as in has(record.dept)".into(), None),
        }
    }

    fn problem(&mut self, tree: &Tree<'a>, message: String, hint: Option<String>) -> Node {
        let Span { start, end } = tree.span;
        self.problems.push(Problem { offset: start, length: end.saturating_sub(start), message, hint });
        Node::Literal(Datum::Null)
    }

    fn at(&mut self, span: Span, message: &str, hint: &str) -> Node {
        self.problems.push(span.problem(message, hint));
        Node::Literal(Datum::Null)
    }
}

fn known_functions() -> String {
    format!("known are {}", function::names().collect::<Vec<_>>().join(", "))
}

/// `a.b["c"].d` as its base and the names behind it.
fn chain<'t, 'a>(tree: &'t Tree<'a>) -> Option<(&'t Tree<'a>, Vec<&'t str>)> {
    let mut names: Vec<&str> = Vec::new();
    let mut at = tree;
    loop {
        match &at.kind {
            Kind::Name(_) => break,
            Kind::Field(member) if !member.optional => {
                names.push(member.name.text);
                at = &member.of;
            }
            Kind::Index(index) if !index.optional => {
                let Kind::Text(name) = &index.at.kind else { return None };
                names.push(name);
                at = &index.of;
            }
            _ => return None,
        }
    }
    names.reverse();
    Some((at, names))
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
