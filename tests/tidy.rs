//! The house rules that the compiler can't hold: layers, homes of external crates, what planning must never do.
//! Each failure says which line breaks which rule, and what to do instead.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

mod docs;

/// Modules by layer (design section 16). A module may use its own layer only where `SIBLINGS` says so, and every layer below.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["model", "diagnostic", "fence", "scim", "files"]),
    (1, &["expr", "manifest", "hooks", "policy", "world", "planning", "review", "render", "metrics"]),
    (2, &["http", "secret", "socket", "postgres", "mysql", "connector", "forge", "git", "state", "journal", "inbox", "notify", "apply"]),
    (3, &["drift", "import", "persona", "pipeline", "serve", "workspace"]),
    (4, &["cli", "operator", "server"]),
];

/// Uses within one layer: who may use whom.
const SIBLINGS: &[(&str, &[&str])] = &[
    ("model", &["diagnostic"]),
    ("hooks", &["manifest"]),
    ("policy", &["expr", "manifest"]),
    ("world", &["expr", "manifest", "policy"]),
    ("planning", &["expr", "manifest", "policy", "world"]),
    ("review", &["manifest", "planning", "policy"]),
    ("render", &["planning", "review"]),
    ("http", &["socket"]),
    ("postgres", &["http", "secret", "socket"]),
    ("mysql", &["secret"]),
    ("connector", &["http", "mysql", "postgres", "secret", "socket"]),
    ("forge", &["http"]),
    ("git", &["secret"]),
    ("apply", &["connector", "state", "journal"]),
    ("inbox", &["connector", "state"]),
    ("journal", &["state"]),
    ("notify", &["http", "secret", "state"]),
    ("state", &["postgres", "secret"]),
    ("drift", &["import"]),
    ("workspace", &["drift", "pipeline"]),
    ("cli", &["operator", "server"]),
];

/// External crates and the only modules that may name them.
const HOMES: &[(&str, &[&str])] = &[
    ("regex", &["expr"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("annotate_snippets", &["cli"]),
    ("kube", &["manifest", "operator"]),
    ("k8s_openapi", &["operator"]),
    ("granit_parser", &["manifest"]),
    ("serde_yaml", &["manifest", "connector", "server"]),
    ("similar", &["render"]),
    ("reqwest", &["http"]),
    ("hyper_util", &["http", "serve"]),
    ("hyper", &["http", "serve"]),
    ("hyper_rustls", &["http"]),
    ("rustls_platform_verifier", &["http"]),
    ("rustls_native_certs", &["mysql"]),
    ("percent_encoding", &["manifest", "mysql"]),
    ("tower_service", &["http"]),
    ("axum", &["serve", "server"]),
    ("maud", &["server"]),
    ("jsonwebtoken", &["server"]),
    ("prometheus_client", &["metrics"]),
    ("lettre", &["notify"]),
    ("rusqlite", &["connector", "state"]),
    ("object_store", &["state"]),
    ("tokio_postgres", &["connector", "postgres", "state"]),
    ("postgres_protocol", &["connector"]),
    ("mysql_async", &["connector", "mysql"]),
    ("tokio_rustls", &["connector", "postgres"]),
    ("flate2", &["state"]),
    ("csv_core", &["connector", "manifest"]),
    ("calamine", &["connector"]),
    ("zip", &["connector"]),
    ("encoding_rs", &["connector"]),
    ("secrecy", &["secret", "http", "mysql", "postgres", "connector", "git", "notify", "server", "state"]),
    ("rustix", &["git", "state"]),
    ("tracing", &["http", "secret", "connector", "notify", "apply", "pipeline", "workspace", "operator", "server", "cli"]),
    ("tracing_subscriber", &["cli"]),
    ("opentelemetry", &["cli", "http"]),
    ("opentelemetry_sdk", &["cli"]),
    ("opentelemetry_otlp", &["cli"]),
    ("tracing_opentelemetry", &["cli", "http"]),
    (
        "tokio",
        &[
            "http",
            "secret",
            "socket",
            "postgres",
            "mysql",
            "connector",
            "forge",
            "state",
            "journal",
            "inbox",
            "notify",
            "apply",
            "pipeline",
            "serve",
            "workspace",
            "operator",
            "server",
            "cli",
        ],
    ),
    ("tokio_util", &["http", "connector", "apply", "pipeline", "serve", "workspace", "operator", "server", "cli"]),
];

/// What the pure layers must not mention.
const IMPURE: &[&str] =
    &["async ", ".await", "Timestamp::now", "Zoned::now", "SystemTime", "Instant::now", "std::net", "std::process", "fastrand"];

/// What whoever shows and asks does, and what runs below them must leave to them.
const SHOWN: &[&str] = &[
    "println!(",
    "print!(",
    "eprintln!(",
    "eprint!(",
    "dbg!(",
    "stdin()",
    "stdout()",
    "stderr()",
    "is_terminal()",
    "process::exit",
    "ExitCode",
    "anstream",
    "clap",
    "indicatif",
    "terminal_size",
];

/// One source file: its top module, its path and its lines of code (tests and comments left out).
struct Source {
    module: String,
    path: PathBuf,
    text: String,
    code: Vec<(usize, String)>,
}

#[test]
fn imports_go_down_only() {
    let mut broken = Vec::new();
    for source in sources() {
        let layer = layer_of(&source.module);
        for (line, code) in &source.code {
            if code.contains("use crate::{") && !code.contains('}') {
                broken
                    .push(format!("{}:{line}: one `use crate::module::…` a module, so that this test can read it", source.path.display()));
            }
            for used in names_after(code, "crate::").into_iter().filter(|used| *used != source.module) {
                let Some(used_layer) = find_layer(&used) else { continue };
                let sibling = SIBLINGS.iter().any(|(from, to)| *from == source.module && to.contains(&used.as_str()));
                if used_layer > layer || (used_layer == layer && !sibling) {
                    broken.push(format!(
                        "{}:{line}: `{}` (layer {layer}) uses `{used}` (layer {used_layer}): move what is shared down, or hand it in as a value",
                        source.path.display(),
                        source.module
                    ));
                }
            }
        }
    }
    none(&broken);
}

/// The order inside `planning/`: a file may use those of its own entry and of every entry before. Of two entries that fit, the longer counts.
const PLANNING: &[&str] = &[
    "by_hash",
    "question",
    "diary",
    "draft",
    "findings",
    "schema",
    "people",
    "targets/observed",
    "targets/protected",
    "targets/reserved",
    "declared",
    "beyond",
    "basis",
    "targets",
    "names_nobody",
    "holds",
    "traces",
    "trace_index",
    "accounts",
    "groups",
    "revocation",
    "entitlements",
    "assembly",
    "privilege",
    "guardrails",
    "report",
    "everybody",
    "ledger",
    "closure",
    "left",
    "explain",
];

#[test]
fn planning_imports_go_down_only() {
    let mut broken = Vec::new();
    for (from, used) in planning_uses() {
        for (line, to) in used {
            match (place_in_planning(&from), place_in_planning(&to)) {
                (Some(own), Some(place)) if place <= own => {}
                (Some(_), Some(_)) => {
                    broken.push(format!("planning/{from}.rs:{line}: uses `{to}`, which stands above it: hand the value in"))
                }
                _ => broken.push(format!("planning/{from}.rs:{line}: `{from}` or `{to}` stands in no place: add it to PLANNING")),
            }
        }
    }
    none(&broken);
}

/// A room's `mod.rs` holds the step that its files share, so that it counts as none of them.
#[test]
fn no_files_of_planning_import_each_other_in_a_circle() {
    let uses: BTreeMap<String, Vec<String>> =
        planning_uses().into_iter().map(|(from, used)| (from, used.into_iter().map(|(_, to)| to).collect())).collect();
    let reaches = |start: &String| {
        let mut seen = std::collections::BTreeSet::new();
        let mut open: Vec<&String> = uses.get(start).into_iter().flatten().collect();
        while let Some(file) = open.pop() {
            if seen.insert(file.clone()) {
                open.extend(uses.get(file).into_iter().flatten());
            }
        }
        seen
    };
    let circles = uses.keys().filter(|file| reaches(file).contains(*file));
    none(
        &circles.map(|file| format!("planning/{file}.rs: it uses itself through others: part what they share from it")).collect::<Vec<_>>(),
    );
}

/// By file of `planning/` (no tests, no `mod.rs`): the lines and the files that they use.
fn planning_uses() -> BTreeMap<String, Vec<(usize, String)>> {
    let files: BTreeMap<String, Source> = sources()
        .into_iter()
        .filter_map(|source| Some((planning_file(&source.path)?, source)))
        .filter(|(file, _)| !file.contains("test") && file != "mod")
        .collect();
    let mut uses = BTreeMap::new();
    for (file, source) in files.iter().filter(|(file, _)| !file.ends_with("/mod")) {
        let paths = source.code.iter().flat_map(|(line, code)| planning_paths(code).into_iter().map(|path| (*line, path)));
        let known = paths.filter_map(|(line, path)| {
            let mut path = path.as_str();
            while !path.is_empty() && !files.contains_key(path) {
                path = path.rsplit_once('/').map_or("", |(room, _)| room);
            }
            (!path.is_empty() && path != file).then(|| (line, path.to_owned()))
        });
        uses.insert(file.clone(), known.collect());
    }
    uses
}

/// `src/planning/people/days.rs` is `people/days`.
fn planning_file(path: &Path) -> Option<String> {
    let path = path.to_string_lossy().replace('\\', "/");
    let (_, file) = path.split_once("planning/")?;
    file.strip_suffix(".rs").map(str::to_owned)
}

/// What a line of code names below `crate::planning`, braces of one depth taken apart.
fn planning_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, word) in code.match_indices("crate::planning::") {
        let rest = &code[at + word.len()..];
        let end = rest.find(|sign: char| !(sign.is_alphanumeric() || sign == '_' || sign == ':')).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        let inner = tail.strip_prefix('{').and_then(|tail| tail.split('}').next());
        let names = inner.map_or(vec![""], |inner| inner.split(',').map(str::trim).collect());
        paths.extend(names.into_iter().map(|name| format!("{head}{name}").replace("::", "/").trim_matches('/').to_owned()));
    }
    paths
}

/// Where a file or room stands in [`PLANNING`].
fn place_in_planning(file: &str) -> Option<usize> {
    let fits = |entry: &&&str| file == **entry || file.strip_prefix(**entry).is_some_and(|rest| rest.starts_with('/'));
    let best = PLANNING.iter().filter(fits).max_by_key(|entry| entry.len())?;
    PLANNING.iter().position(|entry| entry == best)
}

#[test]
fn every_module_has_a_layer() {
    let broken: Vec<_> = sources()
        .iter()
        .filter(|source| find_layer(&source.module).is_none() && !["lib", "main"].contains(&source.module.as_str()))
        .map(|source| format!("{}: `{}` stands in no layer: add it to LAYERS and to ARCHITECTURE.md", source.path.display(), source.module))
        .collect();
    none(&broken);
}

#[test]
fn external_crates_stay_in_their_homes() {
    let homes: BTreeMap<_, _> = HOMES.iter().copied().collect();
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.module != "main") {
        for (line, code) in &source.code {
            for (krate, allowed) in &homes {
                let named = code.contains(&format!("use {krate}::")) || mentions(code, &format!("{krate}::"));
                if named && !allowed.contains(&source.module.as_str()) {
                    broken.push(format!(
                        "{}:{line}: `{krate}` has its home in {allowed:?}: use what that module offers",
                        source.path.display()
                    ));
                }
            }
        }
    }
    none(&broken);
}

#[test]
fn planning_is_pure() {
    let pure = ["model", "diagnostic", "scim", "expr", "policy", "world", "planning", "render", "persona"];
    let mut broken = Vec::new();
    // Whether a change may run now is as pure as what should change.
    let gates = |source: &&Source| source.path.starts_with("src/workspace/gates");
    let is_pure = |source: &&Source| pure.contains(&source.module.as_str()) || gates(source);
    for source in sources().iter().filter(is_pure) {
        for (line, code) in &source.code {
            for word in IMPURE.iter().filter(|word| names_whole(code, word)) {
                broken.push(format!("{}:{line}: `{word}` in a pure module: take it as an input", source.path.display()));
            }
        }
    }
    none(&broken);
}

#[test]
fn the_reconcile_shows_and_asks_nothing_by_itself() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.module == "pipeline") {
        for (line, code) in &source.code {
            for word in SHOWN.iter().filter(|word| names_anywhere(code, word)) {
                broken.push(format!(
                    "{}:{line}: `{word}` in the reconcile: tell it as `News`, or put it to the `Caller`; commands, the controller and the operator \
                     each show it in their own way",
                    source.path.display()
                ));
            }
        }
    }
    none(&broken);
}

/// A change's mandate decides; its reason is what somebody reads.
#[test]
fn nothing_decides_on_a_reason() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.module != "render") {
        for (line, code) in source.code.iter().filter(|(_, code)| decides_on_reason(code)) {
            broken.push(format!(
                "{}:{line}: `{}` decides on a reason, which is words: ask the change's `mandate`",
                source.path.display(),
                code.trim()
            ));
        }
    }
    none(&broken);
}

#[test]
fn a_decision_on_a_reason_is_seen() {
    let decisions = [
        "if change.reason == Reason::Revoked {",
        "match change.reason {",
        "let leaves = matches!(intent.reason, Reason::Leaver | Reason::Absent);",
        "    Reason::Leaver => 1,",
        "    Some(Reason::Leaver) | None => 1,",
        "let so = reason != Reason::Due && active;",
        "found.reason.cmp(&other.reason)",
    ];
    decisions.iter().for_each(|code| assert!(decides_on_reason(code), "{code}"));
    let words = [
        "    Self::Leaver => Reason::Leaver,",
        "let reason = change.reason;",
        "pub reason: Reason,",
        "Grounds::normal(Reason::Mover)",
        "evidence.reason().is_some()",
    ];
    words.iter().for_each(|code| assert!(!decides_on_reason(code), "{code}"));
}

/// Whether a line compares, matches or asks a change's reason.
fn decides_on_reason(code: &str) -> bool {
    let words = ["match change.reason", "match intent.reason", ".reason.cmp", ".reason ==", ".reason !=", "== Reason::", "!= Reason::"];
    let pattern = |rest: &str| {
        let rest = rest.trim_start_matches(|sign: char| sign.is_alphanumeric() || sign == ')').trim_start();
        ["=>", "|", "if ", "==", "!="].iter().any(|sign| rest.starts_with(sign))
    };
    let mut arms = code.match_indices("Reason::").map(|(at, word)| &code[at + word.len()..]);
    words.iter().any(|word| code.contains(word)) || (code.contains("matches!(") && code.contains("Reason::")) || arms.any(pattern)
}

/// What is taken apart at a slash and is no key.
const SLASHES: &[(&str, &str)] = &[
    ("src/manifest/", "pointers into documents, labels and addresses"),
    ("src/http/", "addresses"),
    ("src/forge/", "addresses, and OWNER/NAME"),
    ("src/mysql/", "addresses"),
    ("src/cli/comment/place.rs", "refs/pull/7/merge"),
    ("src/inbox/memory.rs", "SOURCE/KIND/ID of what is kept in an inbox"),
    ("src/server/inbound/", "paths of requests"),
    ("src/server/hooks/receivers.rs", "paths of requests"),
    ("src/connector/", "addresses, paths and what a service says"),
    ("src/state/objects/", "names of objects in a bucket"),
    ("src/cli/explain/account.rs", "TARGET/NAME-OR-ID on the command line"),
    ("src/git/", "paths of files, and REMOTE/BRANCH"),
    ("src/cli/revisions.rs", "paths of files"),
    ("src/cli/remote.rs", "addresses"),
    ("src/server/sign_in.rs", "addresses of pages"),
    ("src/render/review/links.rs", "paths of files"),
    ("src/policy/group.rs", "GROUP/VALUE in a member's line"),
    ("src/cli/log.rs", "paths of requests in a line of the log"),
    ("src/operator/revisions.rs", "KIND/NAMESPACE/NAME of an object"),
];

#[test]
fn keys_are_put_together_and_taken_apart_in_one_file() {
    let words = ["\"user/", "\"group/", "\"account/", "\"id:", "split_once('/')", "split('/')", "strip_prefix('/')", "starts_with('/')"];
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !source.path.ends_with("model/key.rs")) {
        let path = source.path.to_string_lossy().replace('\\', "/");
        for (line, code) in &source.code {
            for word in words.iter().filter(|word| code.contains(**word) && !SLASHES.iter().any(|(place, _)| path.starts_with(place))) {
                broken.push(format!("{path}:{line}: `{word}`: ask `model::Key`, or say in SLASHES what it is"));
            }
        }
    }
    none(&broken);
}

/// Names that stand for two things, and why they may.
const SHARED_NAMES: &[(&str, &str)] = &[
    ("Member", "of a Group's manifest, and SCIM's word for an entry of a group's list"),
    ("Limits", "of a target's guardrails, and of a connection's requests"),
    ("Slot", "an attribute's place in a person, and a request's turn at a limiter"),
    ("Revision", "its manifests, to be loaded, and what a review says of it"),
    ("Verdict", "a persona's test's, and a service's answer about a change"),
];

/// A type that only its own file or room knows may be called as another room calls its own.
#[test]
fn a_type_that_is_known_beyond_its_room_has_a_name_of_its_own() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for (line, code) in &source.code {
            if let Some(name) = shared_type(code) {
                places.entry(name.to_owned()).or_default().push(format!("{}:{line}", source.path.display()));
            }
        }
    }
    let excused = |name: &str| SHARED_NAMES.iter().any(|(shared, _)| *shared == name);
    let doubled = places.iter().filter(|(_, places)| places.len() > 1);
    let broken: Vec<_> = doubled
        .clone()
        .filter(|(name, _)| !excused(name))
        .map(|(name, places)| format!("`{name}` is the name of {} types ({}): say what each is", places.len(), places.join(", ")))
        .collect();
    none(&broken);
    let still: Vec<&str> = doubled.map(|(name, _)| name.as_str()).collect();
    let over: Vec<_> = SHARED_NAMES
        .iter()
        .filter(|(name, _)| !still.contains(name))
        .map(|(name, _)| format!("`{name}` is one type's: take it out of SHARED_NAMES"))
        .collect();
    none(&over);
}

/// The type that a line declares for more than its own room.
fn shared_type(code: &str) -> Option<&str> {
    let rest = code.trim_start().strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(scope) if scope.starts_with("super)") => return None,
        Some(scope) => scope.split_once(')')?.1,
        None => rest,
    };
    let (keyword, name) = rest.trim_start().split_once(' ')?;
    ["struct", "enum", "trait", "type", "union"].contains(&keyword).then(|| {
        let end = name.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(name.len());
        name.get(..end).unwrap_or(name)
    })
}

#[test]
fn only_the_executor_grants_permits() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.module != "apply") {
        // Exchanges that are played reach this machine alone.
        if source.path.ends_with("connector/declared/recorded/play.rs") {
            continue;
        }
        for (line, code) in &source.code {
            if code.contains("Permit::grant(") {
                broken.push(format!("{}:{line}: a write needs a permit from the executor", source.path.display()));
            }
        }
    }
    none(&broken);
}

/// `init --from` looks at a file of people, whatever may be read later.
const LOOKS_AT_FILES: &[&str] = &["src/cli/init.rs", "src/cli/init/guess.rs", "src/cli/init/manifest.rs"];

/// A `Connector` document may be a SCIM service: there its way leads to that connector.
const HANDS_OVER: (&str, &str) = ("scim", "src/connector/declared/dialect.rs");

#[test]
fn a_kind_of_connection_is_named_only_where_it_lives() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shapes = fs::read_dir(root.join("src/manifest/connection")).expect("the connections' shapes");
    let kinds: Vec<String> = shapes
        .map(|shape| shape.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .filter(|kind| !["mod", "tests"].contains(&kind.as_str()))
        .collect();
    assert!(kinds.len() >= 3, "{kinds:?}");
    let mut broken = Vec::new();
    for kind in &kinds {
        let mut letters = kind.chars();
        let name: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let own = format!("src/connector/{kind}/");
        assert!(root.join(&own).is_dir(), "{kind} has a shape in the manifest and no connector");
        let words = [
            format!("{name}Connection"),
            format!("Connection::{name}"),
            format!("connector::{kind}"),
            format!("connection.{kind}"),
            format!("connection/{kind}"),
        ];
        for source in sources() {
            let path = source.path.to_string_lossy().replace('\\', "/");
            let lives = path.starts_with(&own) || path.starts_with("src/manifest/connection/") || path == "src/connector/registry.rs";
            // Rules of a CRD stand at the field that they are about.
            let lives = lives || path == "src/manifest/crd/rules.rs";
            if lives || (kind.as_str(), path.as_str()) == HANDS_OVER || (kind == "file" && LOOKS_AT_FILES.contains(&path.as_str())) {
                continue;
            }
            for (line, code) in &source.code {
                for word in words.iter().filter(|word| names_whole(code, word)) {
                    broken.push(format!("{path}:{line}: `{word}`: let `Described` or the connector's own description answer"));
                }
            }
        }
    }
    none(&broken);
}

#[test]
fn files_are_opened_in_one_place() {
    // `output` and `init` write what is new; a lock and the state are opened through `files` like everything else.
    let writers = ["src/cli/output.rs", "src/cli/init.rs"];
    let words = ["File::open(", "fs::read(", "fs::read_to_string(", "OpenOptions::new("];
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.module != "files" && !writers.contains(&source.path.to_str().unwrap_or_default()))
    {
        for (line, code) in &source.code {
            for word in words.iter().filter(|word| code.contains(**word)) {
                broken.push(format!(
                    "{}:{line}: `{word}`: open it through `files`, which waits for no pipe and has a bound",
                    source.path.display()
                ));
            }
        }
    }
    none(&broken);
}

#[test]
fn every_module_opens_with_what_it_is_for() {
    let broken: Vec<_> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("{}:1: open with `//! ` and a sentence that says what the module is for", source.path.display()))
        .collect();
    none(&broken);
}

#[test]
fn no_file_holds_two_ideas() {
    let broken: Vec<_> = sources()
        .iter()
        .filter(|source| source.code.len() > 600)
        .map(|source| format!("{}: {} lines of code: it holds two ideas, split it", source.path.display(), source.code.len()))
        .collect();
    none(&broken);
}

#[test]
fn input_reaches_no_panic() {
    let words = [".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!(", "unreachable!("];
    let mut broken = Vec::new();
    for source in sources() {
        for (line, code) in &source.code {
            for word in words.iter().filter(|word| code.contains(**word)) {
                broken.push(format!("{}:{line}: `{word}`: return an error or a diagnostic instead", source.path.display()));
            }
        }
    }
    none(&broken);
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "found only {} source files below src/", files.len());
    files.sort();
    files.into_iter().map(|path| read(&root, path)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src/ can be listed") {
        let path = entry.expect("an entry of src/").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

fn read(root: &Path, path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).expect("a source file");
    let below = path.strip_prefix(root).expect("below src/");
    let module = below.components().next().expect("a first part").as_os_str().to_string_lossy().replace(".rs", "");
    let is_test = below.file_stem().is_some_and(|stem| stem == "tests" || stem == "testing" || stem.to_string_lossy().ends_with("_tests"))
        || below.components().any(|part| part.as_os_str() == "tests");
    let code = if is_test { Vec::new() } else { code_lines(&text) };
    Source { module, path: Path::new("src").join(below), text, code }
}

/// Lines of code with their numbers, without comments and without what follows the test module's attribute (test modules stand last).
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<_> = text.lines().collect();
    let end = lines
        .iter()
        .enumerate()
        .position(|(at, line)| {
            line.trim() == "#[cfg(test)]"
                && lines.get(at + 1).is_some_and(|next| next.trim_start().starts_with("mod ") && next.trim_end().ends_with('{'))
        })
        .unwrap_or(lines.len());
    lines[..end]
        .iter()
        .enumerate()
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default().trim_end().to_owned()))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect()
}

/// The names that follow a prefix in a line: `crate::model::Value` gives `model`; `crate::{expr, model::Value}` gives both.
fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(group.split([',', '}']).filter_map(|part| first_name(part.trim()))),
            None => names.extend(first_name(rest)),
        }
    }
    names
}

fn first_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Whether a word stands in the line and goes no further there (`.await`, not `.await_all`).
fn names_whole(code: &str, word: &str) -> bool {
    let goes_on = |letter: char| word.ends_with(char::is_alphanumeric) && (letter.is_alphanumeric() || letter == '_');
    code.match_indices(word).any(|(at, _)| !code[at + word.len()..].starts_with(goes_on))
}

/// Whether a path stands in the line at the start of a word and at the start of the path (`granit::`, not `x::granit::`).
fn mentions(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(at, _)| !code[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':'))
}

/// Whether a word begins in the line, wherever in a path it stands (`exit` and `std::process::exit`, not `last_exit`).
fn names_anywhere(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
}

fn find_layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(_, modules)| modules.contains(&module)).map(|(layer, _)| *layer)
}

fn layer_of(module: &str) -> u8 {
    find_layer(module).unwrap_or(u8::MAX)
}

fn none(broken: &[String]) {
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}
