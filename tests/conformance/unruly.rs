//! The table on a SCIM service with bad manners: each by itself, and some together as they come. After each step the service has just what was declared, so no
//! removal and no duplicate comes from a manner, and the next plan is empty.

use std::collections::BTreeSet;
use std::path::Path;

use headcount::connector::{Surroundings, registry};
use headcount::manifest::connection::{Auth, ClientCredentials, ScimConnection, SecretRef};
use headcount::manifest::kinds::TargetConnection;

use super::direct::Subject;
use super::pipeline;
use crate::support::unruly::{CLIENT, Manner, Unruly};

type Manners = BTreeSet<Manner>;

fn connection(service: &Unruly, manners: &Manners) -> TargetConnection {
    let auth = manners.contains(&Manner::ShortTokens).then(|| {
        Auth::ClientCredentials(ClientCredentials {
            token_url: format!("{}/token", service.host),
            client_id: CLIENT.0.into(),
            client_secret: SecretRef::Exec(vec!["echo".into(), CLIENT.1.into()]),
            scopes: Vec::new(),
            with: Default::default(),
            in_form: true,
        })
    });
    let dialect = serde_json::from_value(Manner::declared(manners)).expect("a dialect");
    TargetConnection::Scim(ScimConnection { url: service.url(), auth, dialect, ..ScimConnection::default() })
}

async fn take_all_steps(manners: Manners) {
    let service = Unruly::start(manners.clone());
    let folder = tempfile::tempdir().expect("a folder");
    let target = registry::open_target(&connection(&service, &manners), &Surroundings::at(folder.path())).await.expect("it opens");
    Subject::new(target, !manners.contains(&Manner::KeepsOne)).take_all_steps().await;
}

/// Takes the steps under each of these, all at once, and says which did not come through.
async fn all_come_through(all: Vec<Manners>) {
    let under_way: Vec<_> = all.into_iter().map(|manners| (manners.clone(), tokio::spawn(take_all_steps(manners)))).collect();
    let mut failed = Vec::new();
    for (manners, task) in under_way {
        if task.await.is_err() {
            failed.push(manners);
        }
    }
    assert!(failed.is_empty(), "under {failed:?}; what went wrong stands above");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_manner_is_put_up_with() {
    let each = Manner::ALL.into_iter().map(|manner| Manners::from([manner]));
    all_come_through(std::iter::once(Manners::new()).chain(each).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn manners_are_put_up_with_together() {
    let some = (0..16).map(|seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut manners = Manners::new();
        for _ in 0..8 {
            let with = manners.iter().copied().chain([Manner::ALL[random.usize(..Manner::ALL.len())]]).collect();
            manners = if Manner::go_together(&with) { with } else { manners };
        }
        manners
    });
    all_come_through(some.collect()).await;
}

async fn apply_takes_all_steps(manners: &[Manner]) {
    let manners: Manners = manners.iter().copied().collect();
    assert!(Manner::go_together(&manners));
    let service = Unruly::start(manners.clone());
    pipeline::take_all_steps(&connection(&service, &manners), !manners.contains(&Manner::KeepsOne)).await;
}

#[tokio::test]
async fn apply_leaves_nothing_to_plan_where_there_is_no_patch_and_little_is_said() {
    use Manner::*;
    apply_takes_all_steps(&[NoPatch, TextBooleans, IgnoresFilters, CapsPages, NamesMembers, SaysNothing, RelativeLocations, ShortTokens])
        .await;
}

#[tokio::test]
async fn apply_leaves_nothing_to_plan_where_versions_and_cursors_are_asked_for() {
    use Manner::*;
    apply_takes_all_steps(&[DeafToValuePaths, Cursors, WantsRefs, KeepsOne, SmallNames, Versions, NoRemove, HidesMembers, TwoForOne]).await;
}

#[tokio::test]
async fn apply_leaves_nothing_to_plan_where_ids_move_and_changes_go_together() {
    use Manner::*;
    apply_takes_all_steps(&[
        RemovesByValue,
        NoFilters,
        IgnoresPaging,
        MovingIds,
        TakenIs500,
        Bulk,
        ClearsByEmpty,
        NoEmptyGroups,
        ManagerText,
    ])
    .await;
}

/// Somebody has the name already, and is not ours: the service fails over it, and nobody is made twice or taken over.
#[tokio::test]
async fn a_name_that_somebody_has_makes_no_second_account() {
    let manners = Manners::from([Manner::TakenIs500]);
    let service = Unruly::start(manners.clone());
    service.add_user(serde_json::json!({ "userName": "boss" }));
    let folder = tempfile::tempdir().expect("a folder");
    plan_and_apply(folder.path(), &connection(&service, &manners));
    assert_eq!(service.user_names(), ["boss"]);
    let tries = service.log().into_iter().filter(|(line, _)| line.starts_with("POST")).collect::<Vec<_>>();
    assert!(tries.len() <= 1, "it is not tried again and again: {tries:?}");
}

/// What was found of a service is told in words, and what its token must be allowed.
#[tokio::test]
async fn a_check_tells_the_ways_of_a_service() {
    let manners = Manners::from([Manner::Cursors, Manner::Bulk, Manner::KeepsOne]);
    let service = Unruly::start(manners.clone());
    let folder = tempfile::tempdir().expect("a folder");
    write_workspace(folder.path(), &connection(&service, &manners));
    let output = super::workspace::headcount(folder.path(), &["connector", "check"]);
    let told = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("its ways pages by cursor; Bulk, 20 changes at once; one value only of emails, phoneNumbers"), "{told}");
    let locked = Unruly::start([Manner::ShortTokens]);
    write_workspace(folder.path(), &connection(&locked, &Manners::new()));
    let output = super::workspace::headcount(folder.path(), &["connector", "check"]);
    let told = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the connection has none; give it `auth`") && told.contains("grants it where its token was made"), "{told}");
}

fn plan_and_apply(folder: &Path, connection: &TargetConnection) {
    write_workspace(folder, connection);
    super::workspace::headcount(folder, &["apply", "--auto-approve"]);
}

fn write_workspace(folder: &Path, connection: &TargetConnection) {
    let text = [
        serde_json::json!({ "apiVersion": "headcount.dev/v1alpha1", "kind": "Workspace", "metadata": { "name": "acme" }, "spec": { "id": "acme" } }),
        serde_json::json!({ "apiVersion": "headcount.dev/v1alpha1", "kind": "User", "metadata": { "name": "boss" }, "spec": { "attributes": { "userName": "boss" } } }),
        serde_json::json!({ "apiVersion": "headcount.dev/v1alpha1", "kind": "Target", "metadata": { "name": "app" }, "spec": {
            "connection": connection, "correlate": ["externalId"],
        } }),
    ];
    std::fs::write(folder.join("all.yaml"), text.map(|document| document.to_string()).join("\n---\n")).expect("written");
}
