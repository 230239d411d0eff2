//! `-l`: labels of the documents that declare what is listed, selected as Kubernetes does.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::Loaded;
use crate::model::Key;

/// The labels of Users, Groups and Targets, by document.
#[derive(Default)]
pub(super) struct Labels(BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<str>>>);

/// What labels are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelSelector(Vec<(String, LabelTest)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum LabelTest {
    Is(String),
    IsNot(String),
    IsThere,
}

impl Labels {
    /// Of these manifests.
    pub(super) fn of(loaded: &Loaded) -> Self {
        let users = loaded.users.iter().map(|user| (Key::user(&user.name).text(), user.labels.clone()));
        let groups = loaded.groups.iter().map(|group| (Key::group(&group.name).text(), group.labels.clone()));
        let targets = loaded.targets.iter().map(|target| (of_target(&target.name), target.labels.clone()));
        Self(users.chain(groups).chain(targets).collect())
    }

    /// Of a document; what none declares has none.
    pub(super) fn of_document(&self, document: Option<&str>) -> Option<&BTreeMap<Arc<str>, Arc<str>>> {
        self.0.get(document?)
    }
}

/// A Target is no identity, so it has no key; this is no other's.
pub(super) fn of_target(name: &str) -> Arc<str> {
    Arc::from(format!("target {name}"))
}

impl LabelSelector {
    /// Whether all that is wanted is so.
    pub(super) fn fits(&self, labels: Option<&BTreeMap<Arc<str>, Arc<str>>>) -> bool {
        self.0.iter().all(|(key, test)| {
            let value = labels.and_then(|labels| labels.get(key.as_str())).map(AsRef::as_ref);
            match test {
                LabelTest::Is(wanted) => value == Some(wanted.as_str()),
                LabelTest::IsNot(other) => value != Some(other.as_str()),
                LabelTest::IsThere => value.is_some(),
            }
        })
    }
}

/// `team=ops,tier!=gold,on-call`
pub(super) fn parse(text: &str) -> Result<LabelSelector, String> {
    let one = |term: &str| {
        let (key, test) = match (term.split_once("!="), term.split_once('=')) {
            (Some((key, value)), _) => (key, LabelTest::IsNot(value.trim().to_owned())),
            (None, Some((key, value))) => (key, LabelTest::Is(value.trim_start_matches('=').trim().to_owned())),
            (None, None) => (term, LabelTest::IsThere),
        };
        match key.trim() {
            "" => Err(format!("{term:?} names no label: it is written KEY=VALUE, KEY!=VALUE or KEY")),
            key => Ok((key.to_owned(), test)),
        }
    };
    text.split(',').map(one).collect::<Result<_, _>>().map(LabelSelector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_selected_as_kubernetes_does() {
        let labels: BTreeMap<Arc<str>, Arc<str>> = [("team".into(), "ops".into()), ("on-call".into(), "".into())].into();
        let fits = |text: &str| parse(text).expect("a selector").fits(Some(&labels));
        for text in ["team=ops", "team==ops", "team!=dev", "tier!=gold", "on-call", "team, on-call", "on-call="] {
            assert!(fits(text), "{text}");
        }
        for text in ["team=dev", "team!=ops", "tier", "team=ops,tier=gold"] {
            assert!(!fits(text), "{text}");
        }
        assert!(parse("=ops").is_err() && parse("").is_err() && parse("team,").is_err());
        assert!(!parse("team=ops").expect("a selector").fits(None) && parse("team!=ops").expect("a selector").fits(None));
    }
}
