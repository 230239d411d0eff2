//! A repository of people kept by pull requests, merge by merge: the preview of each names exactly who joins and leaves which team, and applying it does that.
//!
//! The history is made here: 200 merges with joins, leaves, renames, nested teams, moved files and reverts. `HEADCOUNT_REPLAY=path` replays another repository
//! in the layout of github.com/kubernetes/org (its `config/` folder), the newest `HEADCOUNT_REPLAY_MERGES` (50) of its first parents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cli::headcount;
use crate::kubernetes_org::converter;

#[test]
fn the_preview_of_each_merge_names_who_joins_and_who_leaves() {
    let scene = Scene::new();
    let mut history = History::new(7);
    scene.commit(&history.now);
    scene.apply();
    let mut named = 0;
    for merge in 0..200 {
        let what = history.step();
        scene.commit(&history.now);
        named += scene.check(&format!("merge {merge}, {what}"));
        scene.apply();
    }
    assert!(named > 200, "{named} things were named");
    assert!(history.seen.len() >= 8, "the history has everything in it: {:?}", history.seen);
}

#[test]
fn another_repository_can_be_replayed() {
    let Some(repository) = std::env::var_os("HEADCOUNT_REPLAY").map(PathBuf::from) else { return };
    let most = std::env::var("HEADCOUNT_REPLAY_MERGES").ok().and_then(|most| most.parse().ok()).unwrap_or(50_usize);
    let log = git(&repository, &["log", "--first-parent", "--format=%H", &format!("-{most}"), "HEAD", "--", "config"]);
    let scene = Scene::new();
    for (at, commit) in log.lines().rev().enumerate() {
        let config = tempfile::tempdir().expect("a folder");
        let archive = Command::new("git").current_dir(&repository).args(["archive", commit, "config"]).output().expect("git");
        let tar = config.path().join("config.tar");
        fs::write(&tar, archive.stdout).expect("the archive");
        let unpacked = Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(config.path()).status().expect("tar");
        assert!(unpacked.success());
        scene.convert(&config.path().join("config"), &BTreeMap::new());
        if at > 0 {
            scene.check(commit);
        }
        scene.apply();
    }
}

/// The manifests' repository and the application.
struct Scene {
    folder: tempfile::TempDir,
}

const TARGET: &str = "apiVersion: headcount.dev/v1alpha1
kind: Target
metadata: {name: app}
spec:
  connection:
    sql:
      database: {sqlite: {path: ../../app.db}}
      accounts: {table: person, key: id, columns: {userName: login}, active: {flag: active}}
      groups: {table: team, key: id, columns: {displayName: name}}
      memberships: {table: member, account: person, group: team}
  groups: {}
  guardrails:
    deactivate: {count: 1000}
    removeMembers: {count: 100000}
    deleteGroups: {count: 1000}
    create: {count: 10000}
    reactivate: {count: 1000}
";

const TABLES: &str = "CREATE TABLE person (id INTEGER PRIMARY KEY, login TEXT UNIQUE NOT NULL, active INTEGER NOT NULL DEFAULT 1);
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE member (person INTEGER NOT NULL REFERENCES person(id), team INTEGER NOT NULL REFERENCES team(id), PRIMARY KEY (person, team));";

/// Who is in which team, and who there is.
type Roster = (BTreeSet<String>, BTreeMap<String, BTreeSet<String>>);

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        rusqlite::Connection::open(folder.path().join("app.db")).and_then(|app| app.execute_batch(TABLES)).expect("an application");
        fs::create_dir_all(folder.path().join("people/identity")).expect("a folder");
        let scene = Self { folder };
        git(&scene.repository(), &["init", "-q", "-b", "main"]);
        scene
    }

    fn repository(&self) -> PathBuf {
        self.folder.path().join("people")
    }

    /// A configuration as manifests, committed.
    fn commit(&self, org: &Org) {
        let config = tempfile::tempdir().expect("a folder");
        org.write(config.path());
        self.convert(config.path(), &org.files());
    }

    /// `files` says which teams stand in a file of their own.
    fn convert(&self, config: &Path, files: &BTreeMap<String, String>) {
        let out = self.repository().join("identity");
        for entry in fs::read_dir(&out).expect("the manifests").flatten().filter(|entry| entry.path().is_file()) {
            fs::remove_file(entry.path()).expect("a file");
        }
        converter::convert(config, &out, "https://unused.example").expect("it converts");
        fs::write(out.join("target.yaml"), TARGET).expect("a target");
        let workspace = fs::read_to_string(out.join("workspace.yaml")).expect("a workspace");
        fs::write(out.join("workspace.yaml"), format!("{workspace}  allowedDirectories: [../..]\n  state: {{path: ../../state.db}}\n"))
            .expect("a workspace");
        split(&out, files);
        git(&self.repository(), &["add", "-A"]);
        git(
            &self.repository(),
            &["-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "-q", "--allow-empty", "-m", "a merge"],
        );
    }

    fn run(&self, arguments: &[&str]) -> (String, String, Option<i32>) {
        let output = headcount(arguments.iter().copied()).current_dir(self.repository()).output().expect("headcount runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(output.stdout), text(output.stderr), output.status.code())
    }

    fn apply(&self) {
        let (out, err, code) = self.run(&["apply", "-f", "identity", "--auto-approve", "-q"]);
        assert_eq!(code, Some(0), "{out}{err}");
    }

    /// What the preview of the last commit names is just what the two configurations differ in; how much that is.
    fn check(&self, what: &str) -> usize {
        let (out, err, code) =
            self.run(&["diff", "--base", "HEAD~1", "--head", "HEAD", "-f", "identity", "-o", "json", "-q", "--allow-changes"]);
        assert_eq!(code, Some(0), "{what}: {out}{err}");
        let review: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{what}: {error}: {out}{err}"));
        assert_eq!(review["pending"].as_array().map(Vec::len), Some(0), "{what}: nothing was left by the merge before: {review:#}");
        let rosters = ["HEAD~1", "HEAD"].map(|revision| self.roster(revision));
        let renames = self.renames();
        let expected = expected(&rosters, &renames);
        assert_eq!(told(&review, &renames), expected, "{what}");
        expected.len()
    }

    /// Out of the manifests of a revision, nested teams flattened: the application has none.
    fn roster(&self, revision: &str) -> Roster {
        let mut people = BTreeSet::new();
        let mut direct: BTreeMap<String, (String, Vec<Value>)> = BTreeMap::new();
        for file in git(&self.repository(), &["ls-tree", "--name-only", "-r", revision]).lines().filter(|file| file.ends_with(".yaml")) {
            let text = git(&self.repository(), &["show", &format!("{revision}:{file}")]);
            for document in documents(&text) {
                let name = document["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                match document["kind"].as_str() {
                    Some("User") => drop(people.insert(document["spec"]["attributes"]["userName"].as_str().unwrap_or_default().to_owned())),
                    Some("Group") => {
                        let members = document["spec"]["members"].as_array().cloned().unwrap_or_default();
                        direct.insert(name, (document["spec"]["displayName"].as_str().unwrap_or_default().to_owned(), members));
                    }
                    _ => {}
                }
            }
        }
        let teams = direct.keys().map(|name| (direct[name].0.clone(), flat(&direct, name, 0))).collect();
        (people, teams)
    }

    /// Former names of teams by those of today.
    fn renames(&self) -> BTreeMap<String, String> {
        let mut renames = BTreeMap::new();
        for file in fs::read_dir(self.repository().join("identity")).expect("the manifests").flatten() {
            for document in documents(&fs::read_to_string(file.path()).unwrap_or_default()) {
                let now = document["spec"]["displayName"].as_str().unwrap_or_default();
                let former = document["spec"]["previousNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
                renames.extend(former.map(|former| (former.to_owned(), now.to_owned())));
            }
        }
        renames
    }
}

fn flat(direct: &BTreeMap<String, (String, Vec<Value>)>, name: &str, depth: usize) -> BTreeSet<String> {
    let members = direct.get(name).filter(|_| depth < 20).map(|(_, members)| members.as_slice()).unwrap_or_default();
    let people = members.iter().flat_map(|member| match (member["user"].as_str(), member["group"].as_str()) {
        (Some(user), _) => BTreeSet::from([user.to_owned()]),
        (None, Some(group)) => flat(direct, group, depth + 1),
        _ => BTreeSet::new(),
    });
    people.collect()
}

/// A line a thing: `+ ada in kubernetes/ops`, `- ada`.
fn expected([(people, teams), (people_after, teams_after)]: &[Roster; 2], renames: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut lines: BTreeSet<String> = people_after.difference(people).map(|who| format!("+ {who}")).collect();
    lines.extend(people.difference(people_after).map(|who| format!("- {who}")));
    let nobody = BTreeSet::new();
    let today = |name: &String| if teams_after.contains_key(name) { name.clone() } else { renames.get(name).unwrap_or(name).clone() };
    let before: BTreeMap<String, &BTreeSet<String>> = teams.iter().map(|(name, members)| (today(name), members)).collect();
    let names: BTreeSet<&String> = before.keys().chain(teams_after.keys()).collect();
    for name in names {
        let (was, is) = (before.get(name).copied().unwrap_or(&nobody), teams_after.get(name).unwrap_or(&nobody));
        lines.extend(is.difference(was).map(|who| format!("+ {who} in {name}")));
        lines.extend(was.difference(is).map(|who| format!("- {who} in {name}")));
    }
    lines
}

fn told(review: &Value, renames: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for effect in review["effect"].as_array().into_iter().flatten() {
        let (atom, slot) = (&effect["atom"], &effect["atom"]["slot"]);
        let name = atom["object"]["name"].as_str().unwrap_or_default();
        let team = renames.get(name).map_or(name, String::as_str);
        let member = |slot: &Value| slot["member"]["name"].as_str().unwrap_or_default().to_owned();
        if let Some(moved) = slot.get("member") {
            let sign = if moved["added"] == true { "+" } else { "-" };
            lines.insert(format!("{sign} {} in {team}", member(moved)));
        } else if let Some(loser) = slot.get("loser") {
            lines.insert(format!("- {} in {team}", member(loser)));
        } else if atom["object"]["kind"] == "account" {
            match slot["object"]["action"].as_str() {
                Some("create" | "reactivate") => drop(lines.insert(format!("+ {name}"))),
                Some("deactivate" | "delete") => drop(lines.insert(format!("- {name}"))),
                _ => {}
            }
        }
    }
    lines
}

/// Documents of one file; those that can't be read have no names in them that could be expected.
fn documents(text: &str) -> Vec<Value> {
    text.split("\n---\n").filter_map(|document| serde_yaml::from_str(document.trim_start_matches("---\n")).ok()).collect()
}

/// Teams that have a file of their own stand in it.
fn split(out: &Path, files: &BTreeMap<String, String>) {
    let text = fs::read_to_string(out.join("groups.yaml")).expect("the groups");
    let mut by_file: BTreeMap<&str, String> = BTreeMap::new();
    for document in text.split("---\n").skip(1) {
        let name = document.lines().find_map(|line| line.trim().strip_prefix("displayName: ")).unwrap_or_default();
        let file = files.get(name.trim_matches('"')).map_or("groups", String::as_str);
        let text = by_file.entry(file).or_default();
        text.push_str("---\n");
        text.push_str(document);
    }
    by_file.into_iter().for_each(|(file, text)| fs::write(out.join(format!("{file}.yaml")), text).expect("a file"));
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(folder).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One organisation as it stands after some merges.
#[derive(Clone, Default)]
struct Org {
    members: BTreeSet<String>,
    teams: BTreeMap<String, Team>,
}

#[derive(Clone, Default)]
struct Team {
    members: BTreeSet<String>,
    previously: Vec<String>,
    /// the team that it stands below
    below: Option<String>,
    /// it has a file of its own
    file: Option<String>,
}

impl Org {
    /// In the layout of github.com/kubernetes/org.
    fn write(&self, config: &Path) {
        let org = config.join("acme");
        fs::create_dir_all(&org).expect("a folder");
        let tops = self.teams.iter().filter(|(_, team)| team.below.is_none());
        let teams: serde_json::Map<String, Value> = tops.map(|(name, _)| (name.clone(), self.team(name))).collect();
        let text = serde_json::json!({"members": self.members, "admins": ["root"], "teams": teams});
        fs::write(org.join("org.yaml"), text.to_string()).expect("a file");
    }

    fn team(&self, name: &str) -> Value {
        let team = &self.teams[name];
        let below = self.teams.iter().filter(|(_, team)| team.below.as_deref() == Some(name));
        let below: serde_json::Map<String, Value> = below.map(|(name, _)| (name.clone(), self.team(name))).collect();
        serde_json::json!({"members": team.members, "previously": team.previously, "teams": below})
    }

    /// By the display names of teams.
    fn files(&self) -> BTreeMap<String, String> {
        self.teams.iter().filter_map(|(name, team)| Some((format!("acme/{name}"), team.file.clone()?))).collect()
    }
}

/// Merges, one after the other; the same seed makes the same.
struct History {
    now: Org,
    before: Vec<Org>,
    number: u64,
    people: usize,
    made: usize,
    seen: BTreeSet<&'static str>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut history = Self { now: Org::default(), before: Vec::new(), number: seed, people: 0, made: 0, seen: BTreeSet::new() };
        (0..12).for_each(|_| history.join());
        (0..6).for_each(|_| history.team());
        (0..20).for_each(|_| drop(history.moves(true)));
        history
    }

    /// One merge, and what it does.
    fn step(&mut self) -> &'static str {
        let before = self.now.clone();
        let what = loop {
            let what = match self.below(12) {
                0 | 1 => self.joins(),
                2 => self.leaves(),
                3 | 4 => self.moves(true),
                5 | 6 => self.moves(false),
                7 => self.renames(),
                8 => self.refiles(),
                9 => self.nests(),
                10 => self.reverts(),
                _ => self.makes(),
            };
            if let Some(what) = what {
                break what;
            }
        };
        self.before.push(before);
        self.seen.insert(what);
        what
    }

    fn join(&mut self) {
        self.people += 1;
        self.now.members.insert(format!("person{}", self.people));
    }

    fn team(&mut self) {
        self.made += 1;
        self.now.teams.insert(format!("team{}", self.made), Team::default());
    }

    fn joins(&mut self) -> Option<&'static str> {
        self.join();
        let (who, team) = (format!("person{}", self.people), self.some_team()?);
        self.now.teams.get_mut(&team)?.members.insert(who);
        Some("a person joins")
    }

    fn leaves(&mut self) -> Option<&'static str> {
        let who = self.somebody().filter(|_| self.now.members.len() > 4)?;
        self.now.members.remove(&who);
        self.now.teams.values_mut().for_each(|team| drop(team.members.remove(&who)));
        Some("a person leaves")
    }

    fn moves(&mut self, comes: bool) -> Option<&'static str> {
        let (who, name) = (self.somebody()?, self.some_team()?);
        let team = self.now.teams.get_mut(&name)?;
        let moved = if comes { team.members.insert(who) } else { team.members.remove(&who) };
        moved.then_some(if comes { "somebody comes into a team" } else { "somebody goes from a team" })
    }

    fn makes(&mut self) -> Option<&'static str> {
        self.team();
        let (name, who) = (format!("team{}", self.made), self.somebody()?);
        self.now.teams.get_mut(&name)?.members.insert(who);
        Some("a team is made")
    }

    fn renames(&mut self) -> Option<&'static str> {
        let name = self.some_team()?;
        let mut team = self.now.teams.remove(&name)?;
        self.made += 1;
        let new = format!("team{}", self.made);
        team.previously = vec![name.clone()];
        self.now.teams.values_mut().filter(|team| team.below.as_ref() == Some(&name)).for_each(|team| team.below = Some(new.clone()));
        self.now.teams.insert(new, team);
        Some("a team is renamed")
    }

    fn refiles(&mut self) -> Option<&'static str> {
        let name = self.some_team()?;
        let team = self.now.teams.get_mut(&name)?;
        team.file = if team.file.is_some() { None } else { Some(format!("file-of-{name}")) };
        Some("a team moves to another file")
    }

    fn nests(&mut self) -> Option<&'static str> {
        let (inner, outer) = (self.some_team()?, self.some_team()?);
        let flat = self.now.teams.get(&outer)?.below.is_none() && self.now.teams.values().all(|team| team.below.as_ref() != Some(&inner));
        let team = self.now.teams.get_mut(&inner).filter(|_| flat && inner != outer)?;
        team.below = if team.below.is_some() { None } else { Some(outer) };
        Some("a team comes below another, or out of it")
    }

    /// Back to what was some merges ago, where the teams had the names that they have now: a name that comes back is another story.
    fn reverts(&mut self) -> Option<&'static str> {
        let back = 1 + self.below(3);
        let old = self.before.len().checked_sub(back).and_then(|at| self.before.get(at))?;
        if !old.teams.keys().eq(self.now.teams.keys()) {
            return None;
        }
        self.now = old.clone();
        Some("merges are reverted")
    }

    fn somebody(&mut self) -> Option<String> {
        let at = self.below(self.now.members.len());
        self.now.members.iter().nth(at).cloned()
    }

    fn some_team(&mut self) -> Option<String> {
        let at = self.below(self.now.teams.len());
        self.now.teams.keys().nth(at).cloned()
    }

    /// A number below another, by xorshift.
    fn below(&mut self, most: usize) -> usize {
        self.number ^= self.number << 13;
        self.number ^= self.number >> 7;
        self.number ^= self.number << 17;
        (self.number % most.max(1) as u64) as usize
    }
}
