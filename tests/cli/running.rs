//! How people speak with a workspace that runs: `status`, `sync`, `pause`, `resume`, `approve`. What whoever runs it would write is put on the shelves by hand.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headcount::journal::{Event, Journal};
use headcount::model::{
    Approval, Brake, Decided, LeaseStatus, Need, NeedKind, Pending, Revision, STATUS_VERSION, Status, SyncRequest, SystemRole, SystemState,
    SystemStatus,
};
use headcount::state::{self, Fact, Shelf, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Folder;
use super::world::{HR, applied, database};

fn on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn store(folder: &Folder) -> Arc<dyn Store> {
    state::open(&folder.file(".headcount/state.db"), "acme-test").await.expect("a state")
}

fn put(folder: &Folder, facts: Vec<Fact>) {
    on(async { store(folder).await.commit(facts).await.expect("it is kept") });
}

fn all<T: serde::de::DeserializeOwned>(folder: &Folder, shelf: Shelf) -> Vec<(Arc<str>, T)> {
    on(async { shelf.all(store(folder).await.as_ref()).await.expect("a shelf") })
}

fn journal(folder: &Folder) -> Vec<Event> {
    on(async {
        let (store, mut events) = (store(folder).await, Vec::new());
        Journal::new(store.as_ref()).each(None, |entry| events.push(entry.event)).await.expect("a journal");
        events
    })
}

fn ago(minutes: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_mins(minutes)
}

fn system(name: &str, role: SystemRole, state: SystemState) -> SystemStatus {
    SystemStatus {
        name: name.into(),
        role,
        state,
        since: ago(30),
        stall: None,
        why: None,
        read: Some(ago(4)),
        complete: Some(ago(4)),
        declared: None,
        heard: None,
        evidence: "complete".into(),
        rows: 4,
        pending: Pending::default(),
        progress: None,
        waits: None,
        next: Some(Timestamp::now()),
        interval: 3600,
        withheld: Default::default(),
        breached: Vec::new(),
        drift: 0,
    }
}

/// As it stands now, with the target in this state.
fn status(state: SystemState) -> Status {
    Status {
        format_version: STATUS_VERSION,
        workspace: "acme-test".into(),
        at: Timestamp::now(),
        revision: Some(Revision { id: "4f2c1e9".into(), name: "main@4f2c1e9".into(), at: ago(6), authors: Vec::new(), signer: None }),
        refused: None,
        lease: Some(LeaseStatus { holder: "hc-1".into(), epoch: 41 }),
        brake: None,
        needs: Vec::new(),
        systems: vec![system("hr", SystemRole::Source, SystemState::AsDeclared), system("app", SystemRole::Target, state)],
        journal: (12, "8c1e90aa".into()),
        identities: 4,
        revocations_open: 0,
    }
}

fn tells(folder: &Folder, status: &Status) {
    put(folder, vec![Shelf::Status.put("workspace", status)]);
}

/// Its exit code, what it printed, and what it said besides.
fn told<'a>(folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> (i32, String, String) {
    told_by(folder, "tester", arguments)
}

fn told_by<'a>(folder: &Folder, who: &str, arguments: impl IntoIterator<Item = &'a str>) -> (i32, String, String) {
    let output = folder.run(arguments).env("USER", who).env("COLUMNS", "100").output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
}

#[test]
fn where_no_controller_ran_it_says_so_and_how_to_start_one() {
    let folder = applied();
    let (code, out, words) = told(&folder, ["status", "-f", "acme.yaml"]);
    assert!(code == 1 && out.is_empty() && words.contains("no controller has run this workspace yet"), "{words}");
    assert!(words.contains("`headcount controller -f acme.yaml`"), "{words}");
    let fresh = super::world::acme();
    for arguments in [&["status"][..], &["sync"], &["pause"], &["resume"], &["approve"]] {
        let (code, _, words) = told(&fresh, arguments.iter().copied());
        assert!(code == 1 && words.contains("there is no state at"), "{arguments:?}: {words}");
    }
    assert!(!fresh.names().iter().any(|name| name.starts_with(".headcount")), "none is made: a first run has to know that it is one");
}

#[test]
fn the_status_is_shown_with_nothing_but_the_workspace_and_whatever_else_is_wrong() {
    let folder = applied();
    let need = Need {
        kind: NeedKind::Held,
        about: "app".into(),
        words: "2 changes are withheld by guardrails or protection".into(),
        next: "headcount plan --target app".into(),
        since: ago(30),
    };
    tells(&folder, &Status { needs: vec![need], ..status(SystemState::Held) });
    folder.write("only/headcount.yaml", &format!(
        "apiVersion: headcount.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: acme}}\nspec: {{id: acme-test, state: {{path: {:?}}}}}\n",
        folder.file(".headcount/state.db")
    ));
    let (code, out, words) = told(&folder, ["status", "-f", "only"]);
    assert!(
        code == 0 && out.starts_with("acme-test  main@4f2c1e9 (6 min)  hc-1 writes, lease 41  journal 12 8c1e90aa  times in UTC\n"),
        "{out}{words}"
    );
    assert!(
        out.contains("1 thing needs somebody\n") && out.contains("next: headcount plan --target app (in a checkout of main@4f2c1e9)\n"),
        "{out}"
    );
    folder.write("broken.yaml", super::world::BROKEN);
    let (code, out, words) = told(&folder, ["status", "--detailed-exitcode"]);
    assert!(code == 2 && out.contains("app     Held") && words.contains("these manifests have errors"), "{out}{words}");
    let (code, out, _) = told(&folder, ["status", "app", "-o", "json"]);
    let json: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, json["systems"].as_array().map(Vec::len), &json["needs"][0]["kind"]), (0, Some(1), &json!("held")));
    let (code, _, words) = told(&folder, ["status", "shop"]);
    assert!(code == 2 && words.contains("there is no system \"shop\"") && words.contains("there are: hr, app"), "{words}");
}

#[test]
fn a_status_that_is_old_or_of_another_version_is_not_taken_for_the_present() {
    let folder = applied();
    tells(&folder, &Status { at: ago(3), ..status(SystemState::AsDeclared) });
    let (code, out, _) = told(&folder, ["status", "--detailed-exitcode"]);
    assert!(code == 2 && out.starts_with("Nobody seems to run this workspace"), "{out}");
    put(&folder, vec![Shelf::Status.put("workspace", &json!({"formatVersion": 99}))]);
    let (code, out, words) = told(&folder, ["status"]);
    assert!(code == 1 && out.is_empty() && words.contains("another version of headcount wrote it"), "{words}");
}

#[test]
fn what_is_followed_in_a_pipe_is_a_line_for_each_change() {
    let folder = applied();
    tells(&folder, &status(SystemState::AsDeclared));
    let mut command = std::process::Command::new(snapbox::cargo_bin!("headcount"));
    let mut child =
        command.args(["status", "--watch", "-o", "json"]).current_dir(folder.path()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut state = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    assert_eq!(state()["systems"][1]["state"], "AsDeclared");
    // That it was told again is no change.
    tells(&folder, &Status { systems: on_again(&folder), ..status(SystemState::AsDeclared) });
    let held = Status { systems: on_again(&folder), ..status(SystemState::AsDeclared) };
    let mut systems = held.systems.clone();
    systems[1].state = SystemState::Held;
    tells(&folder, &Status { systems, ..held });
    assert_eq!(state()["systems"][1]["state"], "Held");
    let stopped = std::process::Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(stopped.success() && child.wait().expect("it ends").success());
}

fn on_again(folder: &Folder) -> Vec<SystemStatus> {
    all::<Status>(folder, Shelf::Status).into_iter().flat_map(|(_, status)| status.systems).collect()
}

#[test]
fn the_brake_says_who_pulled_it_and_stays_theirs() {
    let folder = applied();
    tells(&folder, &status(SystemState::AsDeclared));
    let (code, out, _) = told_by(&folder, "mara", ["pause", "--reason", "hr exports nonsense"]);
    assert!(
        code == 0 && out.starts_with("All writing is stopped. Revocations go on") && out.contains("hc-1 takes it up within seconds."),
        "{out}"
    );
    let (code, out, _) = told(&folder, ["pause", "--reason", "me too"]);
    assert!(
        code == 0 && out.contains("is stopped already, by mara since") && out.contains("hr exports nonsense.\nNothing was changed."),
        "{out}"
    );
    let pulled = || all::<Brake>(&folder, Shelf::Brake).into_iter().map(|(_, brake)| (brake.who, brake.everything)).collect::<Vec<_>>();
    assert_eq!(pulled(), [("mara".to_owned(), false)]);
    // Before whoever runs it has told of it.
    let (_, out, _) = told(&folder, ["status"]);
    assert!(out.contains("All writing is stopped but revocations by mara since") && out.contains("next: headcount resume"), "{out}");
    let (_, out, _) = told(&folder, ["pause", "--everything"]);
    assert!(
        out.starts_with("Revocations are stopped too; the rest was already, by mara since") && pulled() == [("tester".to_owned(), true)],
        "{out}"
    );
    let (code, out, _) = told(&folder, ["resume"]);
    assert!(code == 0 && out.starts_with("Writing goes on. It was stopped by tester since") && pulled().is_empty(), "{out}");
    assert!(told(&folder, ["resume"]).1.starts_with("Nothing is stopped"));
    let acts: Vec<Event> =
        journal(&folder).into_iter().filter(|event| matches!(event, Event::Paused { .. } | Event::Resumed { .. })).collect();
    assert_eq!(acts.len(), 3, "one for each that did something: {acts:?}");
    let (_, out, _) = told(&folder, ["history"]);
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(out.contains("stopped all writing but revocations: hr exports nonsense") && out.contains("let writing go on"), "{out}");
    assert_eq!(told(&folder, ["history", "--verify"]).0, 0);
    // One that can't be read holds all the same, and is no reason to say that nothing does.
    put(&folder, vec![Shelf::Brake.put("workspace", &json!({"by": "a newer one"}))]);
    assert_eq!((told(&folder, ["pause"]).0, told(&folder, ["status"]).0), (1, 1));
    assert_eq!((told(&folder, ["resume"]).0, told(&folder, ["status"]).0), (0, 0));
}

#[test]
fn what_is_run_by_hand_or_by_the_clock_obeys_the_brake() {
    let folder = applied();
    folder.run(["pause", "--reason", "an incident"]).assert().success();
    folder.write("hr.csv", &HR.replace("Noor Haddad,Support", "Noor Haddad,Engineering"));
    let department = || -> String {
        database(&folder).query_row("SELECT department FROM users WHERE login = 'noor'", [], |row| row.get(0)).expect("a department")
    };
    let (code, out, words) = told(&folder, ["apply", "--auto-approve"]);
    assert!(code == 3 && words.contains("all writing is stopped: an incident"), "{out}{words}");
    let (code, _, words) = told(&folder, ["controller", "--once"]);
    assert_eq!((code, department()), (3, "Support".to_owned()), "{words}");
    let status = all::<Status>(&folder, Shelf::Status);
    assert!(status[0].1.systems.iter().any(|system| system.state == SystemState::Paused), "{status:?}");
    folder.run(["resume"]).assert().success();
    let (code, _, words) = told(&folder, ["controller", "--once"]);
    assert_eq!((code, department()), (0, "Engineering".to_owned()), "{words}");
}

#[test]
fn a_controller_that_begins_with_manifests_that_can_t_be_used_says_so_to_whoever_asks() {
    let folder = super::world::acme();
    folder.write("broken.yaml", super::world::BROKEN);
    let (code, _, words) = told(&folder, ["controller", "--once"]);
    assert!(code == 1 && words.contains("selcet"), "{words}");
    let mut command = std::process::Command::new(snapbox::cargo_bin!("headcount"));
    command.args(["controller", "--listen", "127.0.0.1:0", "--poll", "1"]).current_dir(folder.path()).env_remove("HEADCOUNT_LOG");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    let (sender, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.for_each(|line| drop(sender.send(line))));
    let until = Instant::now() + Duration::from_secs(120);
    let next = || heard.recv_timeout(until.saturating_duration_since(Instant::now())).expect("a line");
    let (mut address, mut refused) = (None, false);
    while address.is_none() || !refused {
        let line = next();
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("every line is JSON: {line}"));
        let words = line["message"].as_str().expect("a message");
        address = address.or(words.strip_prefix("metrics and health: http://").and_then(|rest| rest.split('/').next()).map(str::to_owned));
        refused |= words.contains("selcet") && line["level"] == "error";
    }
    let address = address.expect("an address");
    let page = |path: &str| super::monitoring::page(&address, path);
    let status = loop {
        match all::<Status>(&folder, Shelf::Status).pop() {
            Some((_, status)) => break status,
            None => assert!(Instant::now() < until, "no status came"),
        }
        std::thread::yield_now();
    };
    assert!(status.revision.is_none() && status.refused.is_some() && status.needs[0].kind == NeedKind::RevisionRefused, "{status:?}");
    assert!(page("/healthz").starts_with("HTTP/1.1 200") && page("/readyz").starts_with("HTTP/1.1 503"));
    while !page("/metrics").contains("headcount_revision_refused{workspace=\"acme-test\"} 1") {
        assert!(Instant::now() < until, "{}", page("/metrics"));
    }
    std::fs::remove_file(folder.file("broken.yaml")).expect("it is there");
    while !page("/metrics").contains("headcount_revision_refused{workspace=\"acme-test\"} 0") {
        assert!(Instant::now() < until, "{}", page("/metrics"));
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn a_state_can_be_named_by_itself() {
    let folder = applied();
    tells(&folder, &status(SystemState::AsDeclared));
    let beside = Folder::with(&[]);
    let state = folder.file(".headcount/state.db").display().to_string();
    let on = |arguments: &[&str]| told(&beside, arguments.iter().copied().chain(["--state", state.as_str()]));
    let (code, out, words) = on(&["pause", "--reason", "x"]);
    assert!(code == 0 && out.contains(&format!("To go on: headcount resume --state {state}")), "{out}{words}");
    let need = Need {
        kind: NeedKind::Held,
        about: "app".into(),
        words: "2 changes are withheld by guardrails or protection".into(),
        next: "headcount plan --target app".into(),
        since: ago(30),
    };
    tells(&folder, &Status { needs: vec![need], ..status(SystemState::Held) });
    let (code, out, words) = on(&["status"]);
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(code == 0 && out.contains("next: headcount plan --target app (in a checkout of main@4f2c1e9)"), "{out}{words}");
    assert!(out.contains(&format!("headcount resume --state {state}")), "{out}");
    assert_eq!(on(&["resume"]).0, 0);
    let (code, _, words) = on(&["sync", "--target", "shop"]);
    assert!(code == 2 && words.contains("there is no target \"shop\""), "{words}");
    assert_eq!((on(&["sync", "--target", "app"]).0, all::<SyncRequest>(&folder, Shelf::Requests).len()), (0, 1));
    let (code, _, words) = told(&beside, ["status", "--state", "gone.db"]);
    assert!(code == 1 && words.contains("there is no state at gone.db"), "{words}");
    let (code, _, words) = told(&beside, ["status", "--state", "postgres://headcount@db.acme.example/headcount"]);
    assert!(code == 2 && words.contains("no address of a database") && words.contains("-f workspace.yaml"), "{words}");
}

#[test]
fn a_request_stands_in_the_state_before_the_command_returns() {
    let folder = applied();
    let (code, out, _) = told(&folder, ["sync", "--target", "app", "--ignore-window"]);
    assert!(
        code == 0 && out.starts_with("Asked for a sync of app, past closed windows. No controller has run this workspace yet"),
        "{out}"
    );
    let requests = all::<SyncRequest>(&folder, Shelf::Requests);
    let [(_, request)] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((request.who.as_str(), request.targets.as_slice(), request.ignore_window), ("tester", &["app".into()][..], true));
    assert!(journal(&folder).iter().any(|event| matches!(event, Event::Asked { ignore_window: true, .. })));
    assert!(told(&folder, ["history", "--target", "app"]).1.contains("tester asked for a sync of app, past closed windows"));
    let (code, _, words) = told(&folder, ["sync", "--target", "shop"]);
    assert!(code == 2 && words.contains("there is no target \"shop\"") && words.contains("there are: app"), "{words}");
    tells(&folder, &Status { at: ago(60), ..status(SystemState::AsDeclared) });
    let (code, out, words) = told(&folder, ["sync", "--wait=0s"]);
    assert!(
        code == 5 && out.starts_with("Nobody seems to run this workspace") && words.contains("the request still stands"),
        "{out}{words}"
    );
}

#[test]
fn whoever_waits_for_a_request_hears_how_it_ended() {
    for (state, needs, expected) in [
        (SystemState::AsDeclared, None, 0),
        (SystemState::AsDeclared, Some(("app", NeedKind::Contested)), 0),
        (SystemState::Held, None, 3),
        (SystemState::Held, Some(("app", NeedKind::Held)), 3),
        (SystemState::Held, Some(("app", NeedKind::Undecided)), 5),
        (SystemState::AsDeclared, Some(("the workspace", NeedKind::Undecided)), 5),
        (SystemState::AsDeclared, Some(("main@9c1d2e3", NeedKind::RevisionRefused)), 5),
        (SystemState::Stalled, Some(("app", NeedKind::Stalled)), 4),
        (SystemState::WaitsForApproval, Some(("app", NeedKind::Waits)), 3),
        (SystemState::WindowClosed, None, 3),
        (SystemState::Unreadable, Some(("app", NeedKind::Unreadable)), 5),
    ] {
        let folder = applied();
        tells(&folder, &status(SystemState::Unknown));
        let serving = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| told(&folder, ["sync", "--wait=5m"]));
            let until = Instant::now() + Duration::from_secs(120);
            let name = loop {
                if let Some((name, _)) = all::<SyncRequest>(&folder, Shelf::Requests).into_iter().next() {
                    break name;
                }
                assert!(Instant::now() < until, "no request came");
                std::thread::yield_now();
            };
            // What it did is not seen by a plan yet: that is no end.
            put(&folder, vec![Shelf::Status.put("workspace", &status(SystemState::Changing)), Shelf::Requests.take(name)]);
            let need = |(about, kind): (&str, NeedKind)| Need {
                kind,
                about: about.to_owned(),
                words: "words".into(),
                next: "headcount plan".into(),
                since: ago(1),
            };
            let ended = Status { needs: needs.map(need).into_iter().collect(), ..status(state) };
            put(&folder, vec![Shelf::Status.put("workspace", &ended)]);
            waiting.join().expect("it ends")
        });
        assert_eq!(serving.0, expected, "{state:?}, {needs:?}: {}{}", serving.1, serving.2);
        assert!(serving.1.contains("SYSTEM") && serving.2.contains("Asked for a sync of everything."), "{serving:?}");
    }
}

/// A plan that waits: noor has left.
fn waits(folder: &Folder, hash: &str, authors: &[&str]) {
    folder.write("hr.csv", &HR.replace("4,noor,Noor Haddad,Support,", "4,noor,Noor Haddad,Support,2020-01-01"));
    folder.run(["plan", "--out", "plan.json"]).assert().success();
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(folder.file("plan.json")).expect("a plan")).expect("JSON");
    let waiting = json!({"target": "app", "hash": hash, "plan": plan, "since": ago(30), "authors": authors});
    put(folder, vec![Shelf::Plans.put(hash, &waiting)]);
}

#[test]
fn a_plan_is_approved_as_it_was_shown_by_a_name_and_once() {
    let folder = applied();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    folder.write(
        "acme.yaml",
        &manifests.replace("  groups: {}\n", "  groups: {}\n  approval: {for: [deactivate, delete, signIn, removeMembers]}\n"),
    );
    let (one, other) = (format!("9be41c77a{}", "0".repeat(55)), format!("9be41c77b{}", "0".repeat(55)));
    waits(&folder, &one, &["Mara Okafor <mara@acme.example>"]);
    let (code, out, _) = told(&folder, ["approve"]);
    assert!(
        code == 0 && out.contains("9be41c77  app     1        0 of 1    ") && out.contains("Next: headcount approve 9be41c77\n"),
        "{out}"
    );
    let (code, _, words) = told(&folder, ["approve", "9be41c77"]);
    assert!(code == 2 && words.contains("there is no terminal to ask on") && words.contains("--yes"), "{words}");
    for (hash, expected, says) in
        [("9be41c7", 2, "at least 8"), ("latest--", 2, "at least 8"), ("00000000", 5, "no plan 00000000 waits for an approval")]
    {
        let (code, out, words) = told(&folder, ["approve", hash, "--yes"]);
        assert!(
            code == expected && out.is_empty() && words.contains(says) && words.contains(&format!("{one} at app (1 change)")),
            "{words}"
        );
    }
    waits(&folder, &other, &[]);
    let (code, _, words) = told(&folder, ["approve", "9be41c77", "--yes"]);
    assert!(code == 2 && words.contains("several plans begin with 9be41c77"), "{words}");
    assert!(all::<Approval>(&folder, Shelf::Approvals).is_empty());

    let (code, out, words) = told_by(&folder, "mara", ["approve", "9BE41C77A", "--yes", "--reason", "HR-2291"]);
    assert!(code == 0, "{words}");
    assert!(
        out.contains("written by  Mara Okafor <mara@acme.example>; they may not be the only ones who approve it\n  approvals   0 of 1\n"),
        "{out}"
    );
    let (risks, plan) = (out.find("Look at these twice").expect("risks"), out.find("Target app").expect("the plan"));
    assert!(risks < plan && out[risks..plan].contains("loses sign-in:  noor (app)"), "{out}");
    assert!(
        out.contains("Plan 9be41c77 is approved by mara. You wrote the revision that it is of: it does not run before somebody else"),
        "{out}"
    );
    let (code, out, _) = told(&folder, ["approve", "9be41c77a", "--yes"]);
    assert!(code == 0 && out.contains("approved by mara at") && out.contains("approved by tester. It runs once"), "{out}");
    let said = all::<Approval>(&folder, Shelf::Approvals);
    let names: Vec<_> = said.iter().map(|(name, word)| (name.to_string(), word.decision)).collect();
    assert_eq!(names, [(format!("{one}/mara"), Decided::Approve), (format!("{one}/tester"), Decided::Approve)]);
    let (code, out, _) = told(&folder, ["approve", "9be41c77b", "--yes", "--reject", "--reason", "they stay"]);
    assert!(code == 0 && out.contains("Plan 9be41c77 is rejected by tester"), "{out}");
    let (_, out, _) = told(&folder, ["approve"]);
    assert!(out.contains("1 of 1") && out.contains("rejected by tester"), "{out}");
    let (_, out, _) = told(&folder, ["history", "--target", "app"]);
    assert!(
        out.contains("mara approved plan 9be41c77 at app: HR-2291") && out.contains("tester rejected plan 9be41c77 at app: they stay"),
        "{out}"
    );
}

#[test]
fn an_author_who_approves_in_ci_is_still_the_author() {
    let folder = applied();
    let manifests = std::fs::read_to_string(folder.file("acme.yaml")).expect("manifests");
    folder.write(
        "acme.yaml",
        &manifests.replace("  groups: {}\n", "  groups: {}\n  approval: {for: [deactivate, delete, signIn, removeMembers]}\n"),
    );
    waits(&folder, &"9be41c77".repeat(8), &["mara@acme.example"]);
    let run = folder
        .run(["approve", "9be41c77", "--yes"])
        .env("GITHUB_ACTOR", "mara")
        .env("GITHUB_SHA", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d");
    let out = String::from_utf8(run.output().expect("it runs").stdout).expect("text");
    assert!(out.contains("is approved by mara. You wrote the revision"), "{out}");
}
