//! The gauges: each is read from what is known of a workspace when somebody asks, so none outlives what it was about.
//!
//! Must never: tell of more systems than the bound, or use words of a status as a label: they are sentences.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::{Kept, MOST_NAMES, OTHER};
use crate::model::{NeedKind, Status, SystemRole, SystemState, SystemStatus};

/// All gauges of all workspaces at one moment.
#[derive(Debug)]
pub(super) struct Gauges {
    kept: BTreeMap<Arc<str>, Kept>,
    now: Timestamp,
}

impl Gauges {
    pub(super) fn new(kept: BTreeMap<Arc<str>, Kept>, now: Timestamp) -> Self {
        Self { kept, now }
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for gauge in GAUGES {
            let mut family = encoder.encode_descriptor(gauge.name, &format!("{}.", gauge.help), gauge.unit.as_ref(), MetricType::Gauge)?;
            for (workspace, kept) in &self.kept {
                for sample in (gauge.read)(kept, self.now) {
                    let mut labels = vec![("workspace", workspace.to_string())];
                    labels.extend(sample.labels);
                    family.encode_family(&labels)?.encode_gauge(&sample.value)?;
                }
            }
        }
        Ok(())
    }
}

/// One value of a gauge, without the label of its workspace.
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

struct Gauge {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    read: fn(&Kept, Timestamp) -> Vec<Sample>,
}

/// The table.
const GAUGES: &[Gauge] = &[
    number("needs", "What needs somebody, by kind", |kept, _| {
        of(kept, |status| {
            NEEDS.iter().map(|kind| with("kind", need_word(*kind), count(status.needs.iter().filter(|need| need.kind == *kind)))).collect()
        })
    }),
    number("identities", "People who are known", |kept, _| of(kept, |status| vec![bare(status.identities as f64)])),
    number("revocations_open", "People who are cut off and still have access somewhere", |kept, _| {
        of(kept, |status| vec![bare(status.revocations_open as f64)])
    }),
    number("revision_refused", "1 where the newest manifests are not used", |kept, _| {
        of(kept, |status| vec![bare(truth(status.refused.is_some()))])
    }),
    number("paused", "1 where somebody stopped all writing", |kept, _| of(kept, |status| vec![bare(truth(status.brake.is_some()))])),
    number("target_state", "1 for the state that a Target is in", |kept, _| each(kept, SystemRole::Target, state)),
    number("source_state", "1 for the state that a Source is in", |kept, _| each(kept, SystemRole::Source, state)),
    seconds("target_last_success_timestamp", "When a Target last was as declared", |kept, _| {
        each(kept, SystemRole::Target, |system| moment(system.declared))
    }),
    seconds("target_last_complete_timestamp", "When a read of a Target last was complete", |kept, _| {
        each(kept, SystemRole::Target, |system| moment(system.complete))
    }),
    seconds("source_last_complete_timestamp", "When a read of a Source last was complete", |kept, _| {
        each(kept, SystemRole::Source, |system| moment(system.complete))
    }),
    seconds("target_interval", "Between two whole reads of a Target", |kept, _| {
        each(kept, SystemRole::Target, |system| vec![bare(system.interval as f64)])
    }),
    seconds("source_interval", "Between two whole reads of a Source", |kept, _| {
        each(kept, SystemRole::Source, |system| vec![bare(system.interval as f64)])
    }),
    number("target_rows", "Rows that the last read of a Target gave", |kept, _| {
        each(kept, SystemRole::Target, |system| vec![bare(system.rows as f64)])
    }),
    number("source_rows", "Rows that the last read of a Source gave", |kept, _| {
        each(kept, SystemRole::Source, |system| vec![bare(system.rows as f64)])
    }),
    number("source_evidence", "1 for how complete the last read of a Source was", |kept, _| {
        each(kept, SystemRole::Source, |system| vec![with("evidence", evidence(&system.evidence), 1.0)])
    }),
    number("pending_changes", "What is to be done at a Target and is not done", |kept, _| {
        each(kept, SystemRole::Target, |system| {
            let pending = system.pending;
            [("give", pending.give), ("change", pending.change), ("take", pending.take)]
                .map(|(word, many)| with("action", word, many as f64))
                .into()
        })
    }),
    number("drift", "What others changed at a Target", |kept, _| each(kept, SystemRole::Target, |system| vec![bare(system.drift as f64)])),
    number("guardrail_withheld", "Changes that a guardrail holds back", |kept, _| each(kept, SystemRole::Target, withheld)),
    seconds("plan_waiting", "For how long changes of a Target have waited for an approval", |kept, now| {
        each(kept, SystemRole::Target, |system| {
            let waits = system.waits.is_some() || system.state == SystemState::WaitsForApproval;
            waits.then(|| bare(now.duration_since(system.since).as_secs_f64().max(0.0))).into_iter().collect()
        })
    }),
    number("guardrail_used_ratio", "How much of a limit the last plan uses: above 1 it is held", |kept, _| limits(kept)),
    number("lease_held", "1 where this process is the one that writes", |kept, _| {
        kept.writes.map(|does| bare(truth(does))).into_iter().collect()
    }),
    number("lease_epoch", "Which tenure the one who writes has", |kept, _| {
        of(kept, |status| status.lease.iter().map(|lease| bare(lease.epoch as f64)).collect())
    }),
    number("journal_seq", "The number of the journal's last line", |kept, _| of(kept, |status| vec![bare(status.journal.0 as f64)])),
    number("journal_verified", "1 where the journal's chain was whole when it was last looked at", |kept, _| {
        kept.journal_is_whole.map(|whole| bare(truth(whole))).into_iter().collect()
    }),
    seconds("loop_turned_timestamp", "When the loop last turned", |kept, _| moment(kept.turned)),
    seconds("status_timestamp", "When the status that these numbers are of was so", |kept, _| of(kept, |status| moment(Some(status.at)))),
];

const fn number(name: &'static str, help: &'static str, read: fn(&Kept, Timestamp) -> Vec<Sample>) -> Gauge {
    Gauge { name, help, unit: None, read }
}

const fn seconds(name: &'static str, help: &'static str, read: fn(&Kept, Timestamp) -> Vec<Sample>) -> Gauge {
    Gauge { name, help, unit: Some(Unit::Seconds), read }
}

fn of(kept: &Kept, read: impl FnOnce(&Status) -> Vec<Sample>) -> Vec<Sample> {
    kept.status.as_ref().map(read).unwrap_or_default()
}

/// For each Source or each Target, with its name.
fn each(kept: &Kept, role: SystemRole, read: impl Fn(&SystemStatus) -> Vec<Sample>) -> Vec<Sample> {
    let word = match role {
        SystemRole::Source => "source",
        SystemRole::Target => "target",
    };
    let systems = kept.status.iter().flat_map(|status| &status.systems).filter(|system| system.role == role).take(MOST_NAMES);
    systems
        .flat_map(|system| {
            read(system).into_iter().map(|mut sample| {
                sample.labels.insert(0, (word, system.name.to_string()));
                sample
            })
        })
        .collect()
}

fn state(system: &SystemStatus) -> Vec<Sample> {
    let word = match system.state {
        SystemState::Unknown => "Unknown",
        SystemState::AsDeclared => "AsDeclared",
        SystemState::Changing => "Changing",
        SystemState::WaitsForApproval => "WaitsForApproval",
        SystemState::Held => "Held",
        SystemState::WindowClosed => "WindowClosed",
        SystemState::Suspended => "Suspended",
        SystemState::Paused => "Paused",
        SystemState::Behind => "Behind",
        SystemState::Stalled => "Stalled",
        SystemState::Unreadable => "Unreadable",
    };
    vec![with("state", word, 1.0)]
}

/// Words of guardrails and of findings are few; whatever else stands there is counted together.
fn withheld(system: &SystemStatus) -> Vec<Sample> {
    let mut words: BTreeMap<&str, u64> = BTreeMap::new();
    for (word, many) in &system.withheld {
        let is_word = word.len() <= 40 && word.bytes().all(|sign| sign.is_ascii_alphabetic() || sign == b'-');
        let bounded = is_word && (words.len() < 32 || words.contains_key(word.as_str()));
        *words.entry(if bounded { word } else { OTHER }).or_default() += many;
    }
    words.into_iter().map(|(word, many)| with("guardrail", word, many as f64)).collect()
}

fn limits(kept: &Kept) -> Vec<Sample> {
    let used = |planned: u64, allowed: u64| if allowed == 0 { planned as f64 } else { planned as f64 / allowed as f64 };
    kept.limits
        .iter()
        .take(MOST_NAMES)
        .map(|limit| Sample {
            labels: vec![("target", limit.target.to_string()), ("guardrail", limit.guardrail.word().to_owned())],
            value: used(limit.planned.saturating_add(limit.done.unwrap_or_default()), limit.allowed),
        })
        .collect()
}

const NEEDS: [NeedKind; 11] = [
    NeedKind::RevocationOpen,
    NeedKind::Stalled,
    NeedKind::Held,
    NeedKind::Undecided,
    NeedKind::Waits,
    NeedKind::RevisionRefused,
    NeedKind::Unreadable,
    NeedKind::Contested,
    NeedKind::Undeclared,
    NeedKind::Untold,
    NeedKind::Unsubscribed,
];

fn need_word(kind: NeedKind) -> &'static str {
    match kind {
        NeedKind::RevocationOpen => "RevocationOpen",
        NeedKind::Stalled => "Stalled",
        NeedKind::Held => "Held",
        NeedKind::Undecided => "Undecided",
        NeedKind::Waits => "Waits",
        NeedKind::RevisionRefused => "RevisionRefused",
        NeedKind::Unreadable => "Unreadable",
        NeedKind::Contested => "Contested",
        NeedKind::Undeclared => "Undeclared",
        NeedKind::Untold => "Untold",
        NeedKind::Unsubscribed => "Unsubscribed",
    }
}

fn evidence(word: &str) -> &'static str {
    ["complete", "delta", "partial", "unreadable"].into_iter().find(|known| *known == word).unwrap_or(OTHER)
}

fn moment(at: Option<Timestamp>) -> Vec<Sample> {
    at.map(|at| bare(at.as_millisecond() as f64 / 1000.0)).into_iter().collect()
}

fn bare(value: f64) -> Sample {
    Sample { labels: Vec::new(), value }
}

fn with(label: &'static str, word: &str, value: f64) -> Sample {
    Sample { labels: vec![(label, word.to_owned())], value }
}

fn truth(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn count<T>(things: impl Iterator<Item = T>) -> f64 {
    things.count() as f64
}
