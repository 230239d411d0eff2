//! What is exported, read by a strict reader of OpenMetrics: names, types and labels, that labels are bounded and name nobody, and that alerts, dashboard and page
//! speak of nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::model::{
    Brake, Guardrail, LeaseStatus, Need, NeedKind, Pending, RefusedBecause, RefusedRevision, Revision, STATUS_VERSION, SystemError,
    SystemRole, SystemState, SystemStatus,
};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    at("2026-11-29T10:00:00Z")
}

fn system(name: &str, role: SystemRole, state: SystemState) -> SystemStatus {
    SystemStatus {
        name: name.into(),
        role,
        state,
        since: at("2026-11-29T09:00:00Z"),
        stall: None,
        why: Some("ada@acme.example is claimed twice".into()),
        read: Some(at("2026-11-29T09:59:00Z")),
        complete: Some(at("2026-11-29T09:58:00Z")),
        declared: Some(at("2026-11-29T08:00:00.5Z")),
        heard: None,
        evidence: "complete".into(),
        rows: 2_611,
        pending: Pending { give: 1, change: 2, take: 214 },
        progress: None,
        waits: None,
        next: None,
        interval: 3_600,
        withheld: BTreeMap::new(),
        breached: Vec::new(),
        drift: 3,
    }
}

fn status() -> Status {
    let mut chat = system("chat", SystemRole::Target, SystemState::Held);
    chat.withheld = BTreeMap::from([("deactivate".into(), 214), ("ada@acme.example".into(), 1), ("2 people".into(), 1)]);
    let mut payroll = system("payroll", SystemRole::Target, SystemState::WaitsForApproval);
    payroll.waits = Some("9be41c77".into());
    let revision =
        Revision { id: "4f2c1e9".into(), name: "main@4f2c1e9".into(), at: now(), authors: vec!["ada@acme.example".into()], signer: None };
    Status {
        format_version: STATUS_VERSION,
        workspace: "acme".into(),
        at: now(),
        revision: Some(revision.clone()),
        refused: Some(RefusedRevision { revision, since: now(), because: RefusedBecause::Invalid, why: vec!["ada@acme.example".into()] }),
        lease: Some(LeaseStatus { holder: "hc-1".into(), epoch: 41 }),
        brake: Some(Brake { who: "ada@acme.example".into(), at: now(), reason: None, everything: false }),
        needs: vec![Need {
            kind: NeedKind::Held,
            about: "ada@acme.example".into(),
            words: "ada@acme.example".into(),
            next: "headcount status".into(),
            since: now(),
        }],
        systems: vec![system("hr", SystemRole::Source, SystemState::AsDeclared), chat, payroll],
        journal: (184_203, "8c1e90aa".into()),
        identities: 2_966,
        revocations_open: 1,
    }
}

/// Everything that can be counted was counted once.
pub(super) fn full() -> Metrics {
    let metrics = Metrics::default();
    metrics.status(&status());
    metrics.turn("acme", TurnResult::Held, Duration::from_millis(1_500));
    metrics.change("acme", "chat", Action::Deactivate, &Outcome::Failed(SystemError::Rejected("ada@acme.example".into())));
    metrics.request("chat", RequestClass::Status(200), Duration::from_millis(212));
    metrics.throttled("chat", Duration::from_millis(2_500));
    metrics.revoked("acme", Duration::from_secs(2));
    metrics.notified("acme", "ops", true);
    metrics.push(Some("entra"), PushResult::Kept);
    metrics.push(None, PushResult::Unknown);
    metrics.inbox("entra", 3, 1, now());
    metrics.hook("people", HookResult::Taken);
    metrics.subscription("people", Some("users"), Some(now()), false);
    let used = LimitUse { target: "chat".into(), guardrail: Guardrail::Deactivate, planned: 214, done: Some(6), allowed: 88, place: None };
    metrics.limits("acme", &[used]);
    metrics.writes("acme", true);
    metrics.journal("acme", true);
    metrics.turned("acme", now());
    metrics
}

/// What was read: by family its type, and each sample by its name and labels.
#[derive(Default)]
struct Read {
    families: BTreeMap<String, String>,
    samples: BTreeMap<(String, Vec<(String, String)>), f64>,
}

impl Read {
    fn of(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }

    /// Names as queries say them.
    fn names(&self) -> BTreeSet<String> {
        self.samples.keys().map(|(name, _)| name.clone()).collect()
    }
}

/// Reads OpenMetrics 1.0 and takes nothing that the standard forbids: each family in one piece with HELP, TYPE and UNIT before its samples, suffixes by type, no
/// sample twice, cumulative buckets that end at `+Inf`, and `# EOF` at the end and nowhere else.
fn read(text: &str) -> Result<Read, String> {
    let mut found = Read::default();
    let mut family: Option<(String, String)> = None;
    let body = text.strip_suffix("# EOF\n").ok_or("no # EOF at the end")?;
    for line in body.lines() {
        let wrong = |why: &str| format!("{why}: {line}");
        if let Some(rest) = line.strip_prefix("# ") {
            let [word, name, said] = rest.splitn(3, ' ').collect::<Vec<_>>()[..] else { return Err(wrong("no metadata")) };
            match word {
                "HELP" => family = Some((name.to_owned(), String::new())),
                "TYPE" => {
                    if !["counter", "gauge", "histogram"].contains(&said)
                        || found.families.insert(name.to_owned(), said.to_owned()).is_some()
                    {
                        return Err(wrong("an odd type, or a family in two pieces"));
                    }
                    family = family.filter(|(known, _)| known == name).map(|(name, _)| (name, said.to_owned()));
                }
                "UNIT" if !name.ends_with(&format!("_{said}")) => return Err(wrong("the unit is not the name's end")),
                "UNIT" => {}
                _ => return Err(wrong("odd metadata")),
            }
            continue;
        }
        let (name, labels, value) = sample(line).ok_or_else(|| wrong("no sample"))?;
        let (known, kind) = family.as_ref().ok_or_else(|| wrong("a sample without its family"))?;
        let suffix = name.strip_prefix(known.as_str()).ok_or_else(|| wrong("a sample of another family"))?;
        let fits = match kind.as_str() {
            "counter" => suffix == "_total",
            "gauge" => suffix.is_empty(),
            "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
            _ => false,
        };
        if !fits || found.samples.insert((name, labels), value).is_some() {
            return Err(wrong("a sample with another suffix than its type has, or twice"));
        }
    }
    buckets(&found)?;
    Ok(found)
}

/// Its name, its labels and its value.
type Sample = (String, Vec<(String, String)>, f64);
/// The same, as a test writes it.
type Expected = (&'static str, Vec<(&'static str, &'static str)>, f64);

/// `name{label="value"} 1.5`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let is_name =
        |word: &str| !word.is_empty() && word.bytes().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'_');
    let mut labels: Vec<(String, String)> = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"")?;
            let end = (0..after.len()).find(|at| after.as_bytes()[*at] == b'"' && (*at == 0 || after.as_bytes()[at - 1] != b'\\'))?;
            let fresh = is_name(label) && labels.iter().all(|(known, _)| known != label);
            labels.push((fresh.then_some(label)?.to_owned(), after[..end].to_owned()));
            rest = &after[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}')?;
    }
    let value = rest.strip_prefix(' ')?;
    (is_name(name) && !value.contains(' ')).then_some(())?;
    Some((name.to_owned(), labels, if value == "+Inf" { f64::INFINITY } else { value.parse().ok()? }))
}

/// By histogram and labels: the bounds and counts of its buckets.
type Buckets<'r> = BTreeMap<(&'r str, Vec<&'r (String, String)>), Vec<(f64, f64)>>;

fn buckets(found: &Read) -> Result<(), String> {
    let mut all: Buckets<'_> = BTreeMap::new();
    for ((name, labels), count) in found.samples.iter().filter(|((name, _), _)| name.ends_with("_bucket")) {
        let bound = labels.iter().find(|(label, _)| label == "le").ok_or_else(|| format!("{name}: a bucket without a bound"))?;
        let bound = if bound.1 == "+Inf" { f64::INFINITY } else { bound.1.parse().map_err(|_| format!("{name}: {}", bound.1))? };
        all.entry((name, labels.iter().filter(|(label, _)| label != "le").collect())).or_default().push((bound, *count));
    }
    for ((name, _), mut counts) in all {
        counts.sort_by(|one, other| one.0.total_cmp(&other.0));
        let cumulative = counts.windows(2).all(|two| two[0].1 <= two[1].1) && counts.last().is_some_and(|last| last.0.is_infinite());
        if !cumulative {
            return Err(format!("{name}: {counts:?}"));
        }
    }
    Ok(())
}

#[test]
fn the_reader_takes_only_what_the_standard_takes() {
    let good = "# HELP a A.\n# TYPE a gauge\na{x=\"1\"} 1.5\n# EOF\n";
    assert_eq!(read(good).map(|found| found.of("a", &[("x", "1")])), Ok(Some(1.5)));
    for (from, to) in [
        ("# EOF\n", ""),
        ("gauge", "counter"),
        ("a{x=\"1\"} 1.5", "b 1.5"),
        ("1.5", "much"),
        ("x=\"1\"", "x=\"1\",x=\"2\""),
        ("1.5\n", "1.5\na{x=\"1\"} 2\n"),
        ("# TYPE a gauge", "# TYPE a gauge\n# UNIT a seconds"),
    ] {
        assert!(read(&good.replacen(from, to, 1)).is_err(), "{from} -> {to}");
    }
}

#[test]
fn what_was_counted_is_read_again() {
    let found = read(&full().text(now())).expect("OpenMetrics");
    let acme = ("workspace", "acme");
    let chat = [acme, ("target", "chat")];
    let with = |labels: &[(&'static str, &'static str)], more: (&'static str, &'static str)| [labels, &[more]].concat();
    let table: &[Expected] = &[
        ("headcount_reconcile_total", with(&[acme], ("result", "held")), 1.0),
        ("headcount_reconcile_duration_seconds_sum", vec![acme], 1.5),
        ("headcount_changes_total", [&chat[..], &[("action", "deactivate"), ("outcome", "failed")]].concat(), 1.0),
        ("headcount_requests_total", vec![("system", "chat"), ("class", "2xx")], 1.0),
        ("headcount_throttled_seconds_total", vec![("system", "chat")], 2.5),
        ("headcount_revocation_seconds_count", vec![acme], 1.0),
        ("headcount_notifications_total", vec![acme, ("receiver", "ops"), ("result", "sent")], 1.0),
        ("headcount_target_state", with(&chat, ("state", "Held")), 1.0),
        ("headcount_target_last_success_timestamp_seconds", chat.to_vec(), 1_795_939_200.5),
        ("headcount_target_interval_seconds", chat.to_vec(), 3_600.0),
        ("headcount_source_evidence", vec![acme, ("source", "hr"), ("evidence", "complete")], 1.0),
        ("headcount_source_rows", vec![acme, ("source", "hr")], 2_611.0),
        ("headcount_pending_changes", with(&chat, ("action", "take")), 214.0),
        ("headcount_guardrail_withheld", with(&chat, ("guardrail", "deactivate")), 214.0),
        ("headcount_guardrail_withheld", with(&chat, ("guardrail", "other")), 2.0),
        ("headcount_guardrail_used_ratio", with(&chat, ("guardrail", "deactivate")), 2.5),
        ("headcount_plan_waiting_seconds", vec![acme, ("target", "payroll")], 3_600.0),
        ("headcount_needs", with(&[acme], ("kind", "Held")), 1.0),
        ("headcount_needs", with(&[acme], ("kind", "Stalled")), 0.0),
        ("headcount_lease_epoch", vec![acme], 41.0),
        ("headcount_journal_seq", vec![acme], 184_203.0),
        ("headcount_revocations_open", vec![acme], 1.0),
    ];
    for (name, labels, value) in table {
        assert_eq!(found.of(name, labels), Some(*value), "{name} {labels:?} in {:#?}", found.samples);
    }
    assert_eq!(found.of("headcount_target_state", &with(&chat, ("state", "AsDeclared"))), None, "one state at a time");
}

#[test]
fn a_system_that_is_gone_is_told_of_no_longer() {
    let metrics = full();
    let mut less = status();
    less.systems.retain(|system| &*system.name != "chat");
    metrics.status(&less);
    let found = read(&metrics.text(now())).expect("OpenMetrics");
    let told =
        found.samples.keys().any(|(name, labels)| name == "headcount_target_state" && labels.iter().any(|(_, value)| value == "chat"));
    assert!(!told);
}

#[test]
fn nobody_is_named_and_labels_are_few() {
    let metrics = full();
    let mut many = status();
    let grow = |at: usize| system(&format!("target-{at}"), SystemRole::Target, SystemState::AsDeclared);
    many.systems.extend((0..5_000).map(grow));
    many.systems.iter_mut().for_each(|system| system.evidence = "ada@acme.example".into());
    metrics.status(&many);
    for at in 0..5_000 {
        metrics.change("acme", &format!("target-{at}"), Action::Create, &Outcome::Done { id: Some("ada".into()) });
        metrics.request(&format!("target-{at}"), RequestClass::Status(at), Duration::ZERO);
    }
    let text = metrics.text(now());
    let found = read(&text).expect("OpenMetrics");
    assert!(!text.contains("@acme.example"), "a person");
    let allowed = [
        "workspace",
        "system",
        "source",
        "target",
        "receiver",
        "result",
        "action",
        "outcome",
        "class",
        "kind",
        "state",
        "evidence",
        "guardrail",
        "le",
    ];
    for (name, labels) in found.samples.keys() {
        assert!(labels.iter().all(|(label, _)| allowed.contains(&label.as_str())), "{name} {labels:?}");
    }
    let series = |name: &str| found.samples.keys().filter(|(known, _)| known == name).count();
    for name in found.names() {
        let most = if name.ends_with("_bucket") { 10 } else { 12 };
        assert!(series(&name) <= most * (MOST_NAMES + 10), "{name}: {}", series(&name));
    }
    assert!(found.of("headcount_requests_total", &[("system", "other"), ("class", "2xx")]).is_none_or(|many| many > 0.0));
    assert_eq!(series("headcount_target_state"), MOST_NAMES);
}

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every `headcount_…` word of a text.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'));
    words.filter(|word| word.starts_with("headcount_")).map(str::to_owned).collect()
}

#[test]
fn the_page_explains_every_metric_and_no_other() {
    let families: BTreeSet<String> = read(&full().text(now()))
        .expect("OpenMetrics")
        .families
        .iter()
        .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.clone() })
        .collect();
    let page = file("docs/monitoring.md");
    let rows: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `headcount_")?.split(['`', '{']).next())
        .map(|name| format!("headcount_{name}"))
        .collect();
    assert_eq!(rows, families);
}

#[test]
fn alerts_and_dashboard_ask_only_for_what_there_is() {
    let names = read(&full().text(now())).expect("OpenMetrics").names();
    for path in ["deploy/alerts.yaml", "deploy/dashboard.json"] {
        let asked = named(&file(path));
        assert!(asked.len() > 8, "{path}: {asked:?}");
        let unknown: Vec<_> = asked.difference(&names).collect();
        assert!(unknown.is_empty(), "{path} asks for {unknown:?}");
    }
}
