//! One person costs one person: of everybody's records only those are kept that are of concern.

use serde_json::json;

use super::super::testing::{Scene, page, source, target};
use crate::model::{Capabilities, Evidence, Memory};
use crate::planning::{Concern, KnownAs, known_as};
use crate::world::{SourceSide, TargetSide, World};

fn scene(rest: &str) -> Scene {
    let hr = source("hr", "  establishes: true\n  precedence: 10\n");
    Scene::new(&[hr, source("ldap", &format!("  establishes: false\n  precedence: 5\n  correlate: [userName]\n{rest}")), target("")])
}

fn world(scene: &Scene, sides: Vec<SourceSide>) -> World {
    let targets = (0..scene.policy.targets.len()).map(|at| TargetSide::new(&scene.policy, at, Capabilities::everything()));
    World::assemble(&scene.policy, sides, targets.collect(), Memory::default())
}

/// Sifts two sources until nothing is news; gives the keys that were kept, and by what the person is known.
fn sifted(scene: &Scene, key: &str, hr: &[serde_json::Value], ldap: &[serde_json::Value]) -> (Vec<Vec<String>>, Option<KnownAs>) {
    let bare = world(scene, (0..2).map(|at| SourceSide::new(&scene.policy, at, scene.moment.today)).collect());
    let mut concern = Concern::of([std::sync::Arc::from(key)]);
    loop {
        let sides: Vec<SourceSide> = [hr, ldap]
            .into_iter()
            .enumerate()
            .map(|(at, rows)| {
                let mut side = SourceSide::new(&scene.policy, at, scene.moment.today);
                let rows = page(&side.columns(), rows);
                concern.sift(&scene.policy, &bare, scene.moment, at, &[rows], &mut side);
                side.finish(Evidence::Complete);
                side
            })
            .collect();
        let kept = sides.iter().map(|side| (0..side.len()).map(|record| side.key(record).to_owned()).collect()).collect();
        assert_eq!(sides[0].in_scope(), hr.len() as u64, "what is passed over counts");
        let world = world(scene, sides);
        if !concern.learn(&scene.policy, &world, scene.moment) {
            return (kept, known_as(&scene.policy, &world, scene.moment, key));
        }
    }
}

#[test]
fn of_a_thousand_records_those_are_kept_that_are_theirs_or_joined_with_theirs() {
    let hr: Vec<_> = (0..1000).map(|at| json!({"id": at.to_string(), "login": format!("login{at}")})).collect();
    let ldap: Vec<_> = (0..1000).map(|at| json!({"id": format!("l{at}"), "login": format!("LOGIN{at}")})).collect();
    for key in ["hr/500", "ldap/l500"] {
        let (kept, known) = sifted(&scene(""), key, &hr, &ldap);
        assert_eq!(kept, [vec!["500"], vec!["l500"]], "{key}");
        assert_eq!(known, Some(KnownAs { key: "hr/500".into(), also: vec!["ldap/l500".into()] }), "{key}");
    }
}

#[test]
fn whoever_may_claim_the_same_account_is_of_concern_too() {
    let hr = [json!({"id": "1", "login": "jane"}), json!({"id": "2", "login": "Jane"}), json!({"id": "3", "login": "joe"})];
    let (kept, known) = sifted(&scene(""), "hr/1", &hr, &[]);
    assert_eq!(kept[0], ["1", "2"]);
    assert_eq!(known.map(|known| known.also), Some(Vec::new()));
}
