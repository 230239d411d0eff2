//! Objects that got another id by a change of which no answer came, as a row whose key is its name does: the link follows to where the object is now.
//!
//! Must never: follow while what the link names is still there, or to an object that is remembered as another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Objects, TargetSide, World};
use crate::model::{FormerLink, Link, Memory, ObjectKind};
use crate::policy::Policy;

/// The target, the kind of object, and its id or its key.
type Named = (Arc<str>, ObjectKind, Arc<str>);

/// Moves links whose objects are not there to the ids that these were about to get, where such an object is there. Of two that hand an id on from one to the
/// other both go.
pub(super) fn follow(policy: &Policy, targets: &[TargetSide], memory: &mut Memory) {
    let Memory { formers, links, .. } = memory;
    let read = Read { policy, targets };
    let mut ways: BTreeMap<Named, Vec<Arc<str>>> = BTreeMap::new();
    for FormerLink { target, kind, key, id, .. } in formers.iter().filter(|former| read.has(former.kind, &former.target, &former.id)) {
        ways.entry((target.clone(), *kind, key.clone())).or_default().push(id.clone());
    }
    let moving: Vec<usize> = (0..links.len()).filter(|at| ways.contains_key(&name(&links[*at]))).collect();
    if moving.is_empty() {
        return;
    }
    let mut taken: BTreeSet<Named> = links.iter().map(object).collect();
    // At most each of them once.
    for _ in &moving {
        let mut moved = false;
        let wanted: BTreeSet<Named> =
            moving.iter().filter(|at| !read.has_of(&links[**at])).flat_map(|at| ids(&ways, &links[*at])).collect();
        for at in &moving {
            let Some(link) = links.get_mut(*at) else { continue };
            let free: Vec<Named> = ids(&ways, link).filter(|id| !taken.contains(id)).collect();
            let goes = !read.has_of(link) || wanted.contains(&object(link));
            if let ([id], true) = (free.as_slice(), goes) {
                taken.remove(&object(link));
                taken.insert(id.clone());
                link.id = id.2.clone();
                link.name = read.name(link);
                moved = true;
            }
        }
        if !moved {
            return;
        }
    }
}

impl World {
    /// The links that followed their objects: the state has the ids of before.
    pub fn followed_links(&self) -> Vec<Link> {
        let followed = self.memory.formers.iter().filter_map(|former| {
            let mut links = self.recall.links_of(&former.target, former.kind, &former.key).into_iter();
            links.find(|link| *link.id == *former.id)
        });
        followed.map(|link| link.to_link()).collect()
    }
}

/// The ids that the object of a link was about to get.
fn ids<'w>(ways: &'w BTreeMap<Named, Vec<Arc<str>>>, link: &Link) -> impl Iterator<Item = Named> + use<'w> {
    let (target, kind) = (link.target.clone(), link.kind);
    ways.get(&name(link)).into_iter().flatten().map(move |id| (target.clone(), kind, id.clone()))
}

fn name(link: &Link) -> Named {
    (link.target.clone(), link.kind, link.key.clone())
}

fn object(link: &Link) -> Named {
    (link.target.clone(), link.kind, link.id.clone())
}

/// What was read of targets.
struct Read<'r> {
    policy: &'r Policy,
    targets: &'r [TargetSide],
}

impl Read<'_> {
    fn has(&self, kind: ObjectKind, target: &str, id: &str) -> bool {
        self.objects(kind, target).is_some_and(|objects| objects.find_id(id).is_some())
    }

    fn has_of(&self, link: &Link) -> bool {
        self.has(link.kind, &link.target, &link.id)
    }

    fn name(&self, link: &Link) -> Option<Arc<str>> {
        let objects = self.objects(link.kind, &link.target)?;
        let attribute = if link.kind == ObjectKind::Group { "displayName" } else { "userName" };
        objects.cell_of(objects.find_id(&link.id)?, attribute).as_text().map(Arc::from)
    }

    fn objects(&self, kind: ObjectKind, target: &str) -> Option<&Objects> {
        let at = self.policy.targets.iter().position(|rules| *rules.name == *target)?;
        let side = self.targets.get(at)?;
        match kind {
            ObjectKind::Account => Some(&side.accounts),
            ObjectKind::Group => Some(&side.groups),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::{FormerLink, ObjectKind};
    use crate::planning::testing::Scene;

    /// Accounts are called and known by these names; a run sent these renames and was cut off.
    fn cut_off(links: &[(&str, &str)], there: &[&str], sent: &[(&str, &str)]) -> Vec<String> {
        let scene = links
            .iter()
            .fold(Scene::simple(), |scene, (key, id)| scene.person(key, id).link(ObjectKind::Account, &format!("hr/{key}"), id));
        let mut scene = there.iter().fold(scene, |scene, id| scene.account(json!({"id": id, "userName": id})));
        let at = scene.moment.now;
        let former = |(key, id): &(&str, &str)| FormerLink {
            target: "chat".into(),
            kind: ObjectKind::Account,
            key: format!("hr/{key}").into(),
            id: (*id).into(),
            at,
        };
        scene.memory.formers = sent.iter().map(former).collect();
        let world = scene.world();
        let of = |(key, _): &(&str, &str)| world.link_of("chat", ObjectKind::Account, &format!("hr/{key}")).expect("its link");
        let told = links.iter().map(of).map(|link| format!("{} {} {}", link.key, link.id, link.name.as_deref().unwrap_or("?"))).collect();
        let followed = world.followed_links();
        assert!(followed.iter().all(|link| sent.iter().any(|(key, id)| link.key.ends_with(key) && *link.id == **id)), "{followed:?}");
        told
    }

    #[test]
    fn a_link_follows_where_its_account_went_and_nowhere_else() {
        let ada = [("1", "ada")];
        assert_eq!(cut_off(&ada, &["eve"], &[("1", "eve")]), ["hr/1 eve eve"]);
        assert_eq!(cut_off(&ada, &["ada"], &[("1", "eve")]), ["hr/1 ada ?"], "it did not arrive");
        assert_eq!(cut_off(&ada, &["ada", "eve"], &[("1", "eve")]), ["hr/1 ada ?"], "eve is another one");
        assert_eq!(cut_off(&ada, &["zoe"], &[("1", "eve")]), ["hr/1 ada ?"], "neither is there");
        let two = [("1", "ada"), ("2", "bob")];
        assert_eq!(cut_off(&two, &["bob"], &[("1", "bob")]), ["hr/1 ada ?", "hr/2 bob ?"], "bob is somebody's");
        // bob became tmp, and then ada bob; neither answer came.
        assert_eq!(cut_off(&two, &["bob", "tmp"], &[("1", "bob"), ("2", "tmp")]), ["hr/1 bob bob", "hr/2 tmp tmp"]);
    }
}
